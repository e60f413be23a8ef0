//! What a store on disk does when the world around it fails: other processes, kills, a full or
//! locked disk, what an interrupted start leaves, and a later program.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may stop")]

#[expect(unreachable_pub, reason = "shared by several tests")]
#[path = "support/child.rs"]
mod child;
#[expect(
    dead_code,
    unreachable_pub,
    reason = "shared by several tests, each using a part"
)]
#[path = "support/history.rs"]
mod history;

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use store::{Batch, Disk, DiskConfig, Memory, Store, StoreError};

use self::{
    child::{Worker, say},
    history::{Broken, Dice, Model, fast_directory, head, more, open, place, places},
};

/// Not a test of its own: what the children of the others do.
#[test]
fn child_at_work() {
    let Some(task) = child::task() else { return };
    let words: Vec<&str> = task.iter().map(String::as_str).collect();
    match words[..] {
        ["open", path] => open_once(Path::new(path)),
        ["write", path] => write_on(Path::new(path)),
        _ => panic!("no such task"),
    }
}

fn open_once(path: &Path) {
    let start = Instant::now();
    let said = match open(path) {
        Ok(_) => "opened",
        Err(error) => error.code(),
    };
    assert!(start.elapsed() < Duration::from_secs(1));
    say(said);
}

/// Goes on with the history, says what is durable, and what stopped it.
fn write_on(path: &Path) {
    say("starting");
    let store = match open(path) {
        Ok(store) => store,
        Err(error) => return say(&format!("stopped {}", error.code())),
    };
    let mut seq = head(&store).unwrap();
    say(&format!("found {seq}"));
    // More than any parent waits for.
    let last = seq + 20_000;
    while seq < last {
        seq += 1;
        let done = store
            .commit(history::commit(seq))
            .and_then(|()| match seq % 3 {
                0 => store.sync().inspect(|()| say(&format!("acked {seq}"))),
                _ => Ok(()),
            });
        if let Err(error) = done {
            say(&format!("stopped {}", error.code()));
            assert!(matches!(
                store.commit(Batch::default()),
                Err(StoreError::Failed)
            ));
            assert!(matches!(store.sync(), Err(StoreError::Failed)));
            return say("refused");
        }
    }
}

fn acked(line: &str) -> Option<u64> {
    line.strip_prefix("acked ").map(|seq| seq.parse().unwrap())
}

fn filled(path: &Path, seq: u64) {
    let store = open(path).unwrap();
    for seq in 1..=seq {
        store.commit(history::commit(seq)).unwrap();
    }
    store.sync().unwrap();
}

#[test]
fn nothing_acked_is_lost_and_nothing_torn_by_kills() {
    let directory = tempfile::tempdir().unwrap();
    places(&directory)
        .iter()
        .for_each(|path| kills_lose_nothing(path));
}

fn kills_lose_nothing(path: &Path) {
    let name = path.to_str().unwrap();
    let mut model = Model::default();
    let mut dice = Dice(20_240_601);
    let mut promised = 0;
    for kill in 0..more(12, 300) {
        let mut worker = Worker::start("child_at_work", &["write", name]);
        // Every fourth is killed while it opens, the others somewhere in a commit or a sync.
        let acks_before = if kill % 4 == 0 { 0 } else { 1 + dice.below(25) };
        let mut acks = 0;
        let mut note = |line: &str| {
            assert!(!line.starts_with("stopped"), "kill {kill}: {line}");
            if let Some(seq) = acked(line) {
                promised = promised.max(seq);
                acks += 1;
            }
            acks
        };
        while let Some(line) = worker.line() {
            if note(&line) >= acks_before {
                break;
            }
        }
        worker.kill();
        // What was said before the end counts too.
        while let Some(line) = worker.line() {
            note(&line);
        }
        let store = open(path).unwrap();
        let seq = model.judge(&store, promised).unwrap();
        assert!(seq >= promised);
    }
    assert!(promised > 20, "nothing happened");
}

/// The judge must be able to find what it looks for: a program that acknowledges before it syncs
/// does not get through. In memory, because a killed process leaves the system's pages behind.
#[test]
fn a_program_that_acks_before_it_syncs_is_caught() {
    let outcome = |acks_first: bool| {
        let store = Memory::new();
        let mut promised = 0;
        for seq in 1..=7 {
            store.commit(history::commit(seq)).unwrap();
            if acks_first {
                promised = seq;
            }
            if seq % 3 == 0 {
                store.sync().unwrap();
                promised = seq;
            }
        }
        store.crash();
        Model::default().judge(&store, promised)
    };
    assert!(matches!(
        outcome(true),
        Err(Broken::Lost { acked: 7, found: 6 })
    ));
    assert!(matches!(outcome(false), Ok(6)));
}

/// The judge must find a torn store too.
#[test]
fn a_part_of_a_commit_is_caught() {
    let store = Memory::new();
    (1..=5).for_each(|seq| store.commit(history::commit(seq)).unwrap());
    let mut part = Batch::default();
    let whole = history::commit(6).into_ops();
    let missing = whole.iter().position(|(_, value)| value.is_some()).unwrap();
    for (position, (key, value)) in whole.into_iter().enumerate() {
        match value {
            _ if position == missing => {}
            Some(value) => part.put(key, value),
            None => part.remove(key),
        }
    }
    store.commit(part).unwrap();
    assert!(matches!(
        Model::default().judge(&store, 0),
        Err(Broken::Torn { seq: 6 })
    ));
}

#[test]
fn a_store_in_use_says_so_at_once() {
    let directory = fast_directory();
    let path = place(&directory);
    let store = open(&path).unwrap();
    let start = Instant::now();
    assert!(matches!(open(&path), Err(StoreError::InUse)));
    assert!(start.elapsed() < Duration::from_secs(1));
    assert_eq!(Disk::holder(&path), Some(std::process::id()));
    let other = Worker::start("child_at_work", &["open", path.to_str().unwrap()]);
    assert_eq!(other.line().as_deref(), Some("STORE-001"));
    drop(other);
    // Nothing of it disturbed the holder, and after it all may open.
    store.commit(history::commit(1)).unwrap();
    store.sync().unwrap();
    drop(store);
    let other = Worker::start("child_at_work", &["open", path.to_str().unwrap()]);
    assert_eq!(other.line().as_deref(), Some("opened"));
    drop(other);
    assert!(matches!(
        Model::default().judge(&open(&path).unwrap(), 1),
        Ok(1)
    ));
}

#[test]
fn a_store_that_became_older_is_found() {
    let directory = fast_directory();
    let path = place(&directory);
    filled(&path, 30);
    let old: Vec<_> = ["db", "conf"]
        .map(|name| (name, fs::read(path.join(name)).unwrap()))
        .into();
    let store = open(&path).unwrap();
    store.commit(history::commit(31)).unwrap();
    store.sync().unwrap();
    drop(store);
    for entry in fs::read_dir(&path).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name().to_str().unwrap().starts_with("snap.") {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    old.into_iter()
        .for_each(|(name, bytes)| fs::write(path.join(name), bytes).unwrap());
    assert!(matches!(open(&path), Err(StoreError::Damaged { .. })));
    // Who wants it all the same says so.
    fs::remove_file(path.join("progress")).unwrap();
    assert!(matches!(
        Model::default().judge(&open(&path).unwrap(), 30),
        Ok(30)
    ));
}

#[test]
fn a_note_that_is_damaged_or_late_prevents_nothing() {
    let directory = fast_directory();
    let path = place(&directory);
    filled(&path, 10);
    let early = fs::read(path.join("progress")).unwrap();
    let store = open(&path).unwrap();
    store.commit(history::commit(11)).unwrap();
    store.sync().unwrap();
    drop(store);
    for note in [early, vec![0xFF; 12], Vec::new()] {
        fs::write(path.join("progress"), note).unwrap();
        assert!(matches!(
            Model::default().judge(&open(&path).unwrap(), 11),
            Ok(11)
        ));
    }
}

#[test]
fn closing_and_opening_in_a_row_works() {
    let directory = fast_directory();
    let path = place(&directory);
    for seq in 1..=15 {
        let store = open(&path).unwrap();
        store.commit(history::commit(seq)).unwrap();
        store.sync().unwrap();
    }
    assert!(matches!(
        Model::default().judge(&open(&path).unwrap(), 15),
        Ok(15)
    ));
}

#[test]
fn an_unfinished_snapshot_does_not_prevent_opening() {
    for content in [&b""[..], b"part of a snapshot"] {
        let directory = fast_directory();
        let path = place(&directory);
        filled(&path, 50);
        let left = path.join("snap.00000000FFFFFFFF.generating");
        fs::write(&left, content).unwrap();
        assert!(matches!(
            Model::default().judge(&open(&path).unwrap(), 50),
            Ok(50)
        ));
        assert!(!left.exists());
    }
}

#[test]
fn settings_cut_short_in_the_first_start_do_not_prevent_opening() {
    let directory = fast_directory();
    let path = place(&directory);
    drop(open(&path).unwrap());
    let settings = fs::read(path.join("conf")).unwrap();
    for len in 0..settings.len() {
        for name in fs::read_dir(&path).unwrap() {
            let name = name.unwrap().path();
            if name.is_file() && !name.ends_with("format") {
                fs::remove_file(name).unwrap();
            }
        }
        fs::write(path.join("conf"), &settings[..len]).unwrap();
        drop(open(&path).unwrap());
    }
}

#[test]
fn a_store_of_a_later_program_is_left_alone() {
    let directory = fast_directory();
    let path = place(&directory);
    filled(&path, 5);
    fs::write(path.join("format"), "3\n").unwrap();
    assert!(matches!(
        open(&path),
        Err(StoreError::Format { found: 3, known: 2 })
    ));
    assert_eq!(fs::read(path.join("format")).unwrap(), b"3\n");
    for never in ["", "0\n", "x\n", "-1\n"] {
        fs::write(path.join("format"), never).unwrap();
        assert!(matches!(open(&path), Err(StoreError::Damaged { .. })));
    }
    fs::remove_file(path.join("format")).unwrap();
    assert!(matches!(open(&path), Err(StoreError::Damaged { .. })));
    fs::write(path.join("format"), "1\n").unwrap();
    assert!(matches!(
        Model::default().judge(&open(&path).unwrap(), 5),
        Ok(5)
    ));
}

#[test]
fn a_file_in_the_place_of_the_directory_is_an_error() {
    let directory = fast_directory();
    let path = place(&directory);
    fs::write(&path, "not a directory").unwrap();
    assert!(matches!(open(&path), Err(StoreError::Io(_))));
}

/// The administrator may write everywhere, but not there.
#[cfg(target_os = "linux")]
#[test]
fn a_directory_that_may_not_be_written_is_named_so() {
    if Path::new("/sys/kernel").exists() {
        let opened = open(Path::new("/sys/kernel/liangxin-test"));
        assert!(matches!(opened, Err(StoreError::ReadOnly)), "{opened:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_store_in_a_locked_directory_is_named_so() {
    use std::os::unix::fs::PermissionsExt;
    let directory = fast_directory();
    let path = place(&directory);
    fs::create_dir(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o500)).unwrap();
    let opened = open(&path);
    // The administrator is not held up by modes.
    assert!(
        matches!(opened, Err(StoreError::ReadOnly) | Ok(_)),
        "{opened:?}"
    );
}

#[test]
fn too_little_room_is_said_before_anything_is_written() {
    let directory = fast_directory();
    let path = place(&directory);
    let config = DiskConfig {
        min_free_bytes: u64::MAX,
        ..DiskConfig::default()
    };
    assert!(matches!(Disk::open(&path, &config), Err(StoreError::Full)));
    assert!(!path.join("db").exists());
    drop(open(&path).unwrap());
}

#[test]
fn a_file_that_was_replaced_is_not_synced_as_if_it_were_ours() {
    let directory = fast_directory();
    let path = place(&directory);
    let store = open(&path).unwrap();
    store.commit(history::commit(1)).unwrap();
    fs::rename(path.join("db"), path.join("db.old")).unwrap();
    fs::copy(path.join("db.old"), path.join("db")).unwrap();
    assert!(matches!(
        store.sync(),
        Err(StoreError::Damaged { .. }) | Ok(())
    ));
    if cfg!(unix) {
        assert!(matches!(store.sync(), Err(StoreError::Failed)));
    }
}

/// The disk is full at one place after another; a limit on the size of files stands for the disk.
#[cfg(unix)]
#[test]
fn a_full_disk_loses_nothing_acked_and_needs_no_hand() {
    let steps = more(6, 60);
    for (step, blocks) in (0..steps).map(|step| (step, 1_200 + step * 4_800 / steps)) {
        let directory = fast_directory();
        let [plain, with_key] = places(&directory);
        let path = if step % 2 == 0 { plain } else { with_key };
        let script = format!("trap '' XFSZ; ulimit -f {blocks}");
        let name = path.to_str().unwrap();
        let mut promised = 0;
        // The second one finds the disk as full as the first one left it.
        for _ in 0..2 {
            let worker = Worker::start_after(&script, "child_at_work", &["write", name]);
            let mut said = Vec::new();
            while let Some(line) = worker.line() {
                promised = acked(&line).unwrap_or(promised).max(promised);
                said.push(line);
            }
            assert!(
                said.contains(&"stopped STORE-003".to_owned()),
                "{blocks}: {said:?}"
            );
        }
        assert!(promised > 0);
        let store = open(&path).unwrap();
        let seq = Model::default().judge(&store, promised).unwrap();
        store.commit(history::commit(seq + 1)).unwrap();
        store.sync().unwrap();
    }
}

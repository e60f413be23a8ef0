//! Damaged files: whatever happened to them, a store on disk answers with what was put, or with an
//! error, and the program lives. An earlier state, whole as it may be, is not what was put either.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on may stop"
)]

#[expect(
    dead_code,
    unreachable_pub,
    reason = "shared by several tests, each using a part"
)]
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
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use store::{Batch, Disk, DiskConfig, Store, StoreError};

use self::{
    child::{Worker, say},
    history::{Broken, Dice, Model, fast_directory, more, open, places},
};

/// Commits in the store that is damaged.
const COMMITS: u64 = 700;

const PAGE: usize = 4_096;

/// Not a test of its own: damages copies of a store and says what came of each.
#[test]
fn child_at_work() {
    let Some(task) = child::task() else { return };
    let words: Vec<&str> = task.iter().map(String::as_str).collect();
    let ["damage", kind, base, from, to] = words[..] else {
        panic!("no such task")
    };
    for trial in from.parse::<u64>().unwrap()..to.parse().unwrap() {
        say(&format!(
            "{trial} {}",
            damage_and_read(kind, Path::new(base), trial)
        ));
    }
}

fn damage_and_read(kind: &str, base: &Path, trial: u64) -> String {
    let directory = fast_directory();
    let path = directory.path().join(base.file_name().unwrap());
    copy(base, &path);
    let mut dice = Dice(trial);
    if kind == "under an open store" {
        return damage_while_open(&path, &mut dice);
    }
    damage(kind, &path, &mut dice);
    let store = match open(&path) {
        Ok(store) => store,
        Err(StoreError::Damaged { .. }) => return "refused".to_owned(),
        Err(error) => return format!("refused with {}", error.code()),
    };
    let mut model = Model::default();
    match model.judge(&store, COMMITS) {
        Ok(_) => "harmless".to_owned(),
        Err(Broken::Store(_)) => {
            // What was found is not built upon.
            assert!(matches!(
                store.commit(history::commit(1)),
                Err(StoreError::Failed)
            ));
            "found".to_owned()
        }
        Err(broken) => format!("WRONG {broken:?}"),
    }
}

/// The whole store was good when it was opened; later, pages go bad that are read again. There are
/// so many that sled cannot keep them all.
fn damage_while_open(path: &Path, dice: &mut Dice) -> String {
    let config = DiskConfig {
        cache_bytes: 64 * 1024,
        ..history::config(path)
    };
    let store = Disk::open(path, &config).unwrap();
    let value = |number: u32| number.to_be_bytes().repeat(40);
    let mut batch = Batch::default();
    (0..12_000_u32).for_each(|number| batch.put(number.to_be_bytes().to_vec(), value(number)));
    store.commit(batch).unwrap();
    store.sync().unwrap();
    (0..200).for_each(|_| damage("zeroed page", path, dice));
    let mut errors = 0;
    for number in (0..8).flat_map(|_| 0..12_000_u32) {
        match store.get(&number.to_be_bytes()) {
            Ok(Some(found)) if found == value(number) => {}
            Err(StoreError::Damaged { .. }) => errors += 1,
            other => return format!("WRONG {other:?}"),
        }
    }
    if errors == 0 {
        return "harmless".to_owned();
    }
    // What was found is not built upon.
    assert!(matches!(
        store.commit(history::commit(1)),
        Err(StoreError::Failed)
    ));
    "found".to_owned()
}

fn damage(kind: &str, path: &Path, dice: &mut Dice) {
    let file = if kind.starts_with("snapshot") {
        snapshot(path)
    } else {
        path.join("db")
    };
    let mut bytes = fs::read(&file).unwrap();
    let len = bytes.len() as u64;
    let mut below = |end: u64| usize::try_from(dice.below(end)).unwrap();
    match kind {
        "bit" | "snapshot bit" => {
            let at = below(len);
            bytes[at] ^= 1 << below(8);
        }
        "zeroed page" => {
            let at = below(len / PAGE as u64) * PAGE;
            bytes[at..at + PAGE].fill(0);
        }
        "copied page" => {
            let from = below(len / PAGE as u64) * PAGE;
            let to = below(len / PAGE as u64) * PAGE;
            bytes.copy_within(from..from + PAGE, to);
        }
        "cut by a little" => bytes.truncate(bytes.len() - 1 - below(4_096)),
        "cut by a lot" | "snapshot cut" => bytes.truncate(below(len)),
        _ => panic!("no such damage"),
    }
    fs::write(&file, &bytes).unwrap();
}

fn snapshot(path: &Path) -> PathBuf {
    let mut entries = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .find(|path| path.to_str().unwrap().contains("snap."))
        .unwrap()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), &to).unwrap();
        }
    }
}

/// Damages copies of two stores, one of them with a key, and counts what came of it.
fn outcomes(kind: &str, trials: u64) -> BTreeMap<String, u64> {
    let directory = fast_directory();
    let mut outcomes = BTreeMap::new();
    for base in places(&directory) {
        count_outcomes(kind, &base, trials / 2, &mut outcomes);
    }
    outcomes
}

fn count_outcomes(kind: &str, base: &Path, trials: u64, outcomes: &mut BTreeMap<String, u64>) {
    // Written in two lives, so that there is a snapshot and something after it.
    for life in [1..=COMMITS / 2, COMMITS / 2 + 1..=COMMITS] {
        let store = open(base).unwrap();
        for seq in life {
            store.commit(history::commit(seq)).unwrap();
            if seq % 50 == 0 {
                store.sync().unwrap();
            }
        }
        store.sync().unwrap();
    }
    let mut next = 0;
    while next < trials {
        let task = [
            "damage",
            kind,
            base.to_str().unwrap(),
            &next.to_string(),
            &trials.to_string(),
        ];
        let worker = Worker::start("child_at_work", &task);
        while let Some(line) = worker.line() {
            let (trial, outcome) = line.split_once(' ').unwrap();
            next = trial.parse::<u64>().unwrap() + 1;
            *outcomes.entry(outcome.to_owned()).or_default() += 1;
        }
        if next < trials {
            *outcomes.entry("DIED".to_owned()).or_default() += 1;
            next += 1;
        }
    }
}

#[expect(
    clippy::print_stderr,
    reason = "the counts are what one wants to see of such a test"
)]
fn never_wrong(kind: &str, trials: u64) -> u64 {
    let outcomes = outcomes(kind, trials);
    eprintln!("{kind}: {outcomes:?}");
    let allowed =
        |outcome: &str| matches!(outcome, "harmless" | "found") || outcome.starts_with("refused");
    assert!(
        outcomes.keys().all(|outcome| allowed(outcome)),
        "{kind}: {outcomes:?}"
    );
    let harmless = outcomes.get("harmless").copied().unwrap_or_default();
    trials - harmless
}

#[test]
fn a_flipped_bit_is_never_a_wrong_value() {
    assert!(
        never_wrong("bit", more(60, 1_000)) > 0,
        "nothing was damaged"
    );
}

#[test]
fn a_zeroed_page_is_never_a_wrong_value() {
    assert!(
        never_wrong("zeroed page", more(60, 1_000)) > 0,
        "nothing was damaged"
    );
}

#[test]
fn a_page_copied_over_another_is_never_a_wrong_value() {
    assert!(
        never_wrong("copied page", more(60, 1_000)) > 0,
        "nothing was damaged"
    );
}

#[test]
fn a_tail_cut_by_a_little_is_never_a_wrong_value() {
    // What lies at the very end may be of no use any more: then all are harmless.
    never_wrong("cut by a little", more(60, 1_000));
}

#[test]
fn a_tail_cut_by_a_lot_is_never_a_wrong_value() {
    assert!(
        never_wrong("cut by a lot", more(60, 1_000)) > 0,
        "nothing was damaged"
    );
}

#[test]
fn what_goes_bad_under_an_open_store_is_never_a_wrong_value() {
    assert!(
        never_wrong("under an open store", more(4, 40)) > 0,
        "nothing was damaged"
    );
}

#[test]
fn a_damaged_snapshot_is_never_a_wrong_value() {
    assert!(
        never_wrong("snapshot bit", more(60, 1_000)) > 0,
        "nothing was damaged"
    );
    assert!(
        never_wrong("snapshot cut", more(60, 1_000)) > 0,
        "nothing was damaged"
    );
}

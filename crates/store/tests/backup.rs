//! What a backup promises: the same store again, from a whole file only, into nothing else.
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
#[path = "support/history.rs"]
mod history;

use std::{fs, io::Cursor, path::Path};

use bytes::Bytes;
use prost::Message;
use proto::stored::{BackupEntry, BackupHead};
use store::{
    BackupError, BackupFacts, Batch, Memory, Store, StoreError, StoreKey, backup, backup_to,
    restore, verify_backup,
};

use self::history::{Dice, Model, commit, fast_directory, more, open, place};

const END: [u8; 8] = [0xFF; 8];

fn facts() -> BackupFacts {
    BackupFacts {
        program: "liangxin 1".to_owned(),
        replica: vec![7; 16],
        at_ms: 1_700_000_000_000,
    }
}

fn filled(commits: u64) -> Memory {
    let store = Memory::new();
    (1..=commits).for_each(|seq| store.commit(commit(seq)).unwrap());
    // Keys at the ends, and one that the disk stores elsewhere.
    let mut ends = Batch::default();
    for key in [&b""[..], b"~key", &[0xFE; 40]] {
        ends.put(key.to_vec(), key.to_vec());
    }
    store.commit(ends).unwrap();
    store
}

fn all(store: &dyn Store) -> Vec<(Bytes, Bytes)> {
    store.range(b"", &END, usize::MAX).unwrap()
}

fn written(store: &dyn Store) -> Vec<u8> {
    let mut file = Vec::new();
    backup(store, &facts(), None, &mut file).unwrap();
    file
}

/// The same, encrypted.
fn sealed(store: &dyn Store, key: &StoreKey) -> Vec<u8> {
    let mut file = Vec::new();
    backup(store, &facts(), Some(key), &mut file).unwrap();
    file
}

fn key() -> StoreKey {
    StoreKey::new([7; 32])
}

#[test]
fn what_was_backed_up_is_restored_into_any_kind_of_store() {
    let original = filled(600);
    let file = written(&original);
    let report = verify_backup(&mut &file[..], &[key()]).unwrap();
    assert_eq!(report.facts, facts());
    assert_eq!(report.entries, all(&original).len() as u64);
    assert_eq!(report.bytes, file.len() as u64);

    let memory = Memory::new();
    assert_eq!(
        restore(&mut Cursor::new(&file), &[key()], &memory).unwrap(),
        report
    );
    memory.crash();
    assert!(all(&memory) == all(&original));

    let directory = fast_directory();
    let disk = open(&place(&directory)).unwrap();
    assert_eq!(
        restore(&mut Cursor::new(&file), &[key()], &disk).unwrap(),
        report
    );
    drop(disk);
    let disk = open(&place(&directory)).unwrap();
    assert!(all(&disk) == all(&original));
    // Equal stores make equal files, whatever they are made of.
    assert!(written(&disk) == file);
}

#[test]
fn an_empty_store_has_a_backup_too() {
    let file = written(&Memory::new());
    let restored = Memory::new();
    assert_eq!(
        restore(&mut Cursor::new(&file), &[key()], &restored)
            .unwrap()
            .entries,
        0
    );
    assert!(all(&restored).is_empty());
}

#[test]
fn a_store_that_holds_something_is_not_restored_into() {
    let file = written(&filled(3));
    let store = Memory::new();
    store.commit(commit(1)).unwrap();
    let before = store.image();
    let refused = restore(&mut Cursor::new(&file), &[key()], &store);
    assert!(matches!(refused, Err(BackupError::NotEmpty)));
    assert!(store.image() == before);
}

#[test]
fn a_cut_file_is_refused_before_anything_is_written() {
    let store = filled(40);
    [written(&store), sealed(&store, &key())]
        .iter()
        .for_each(|file| no_part_is_taken(file));
}

fn no_part_is_taken(file: &[u8]) {
    let store = Memory::new();
    let mut lengths: Vec<usize> = (0..200).chain(file.len() - 200..file.len()).collect();
    let mut dice = Dice(5);
    let len = file.len() as u64;
    lengths.extend((0..more(60, 2_000)).map(|_| usize::try_from(dice.below(len)).unwrap()));
    for len in lengths {
        let refused = restore(&mut Cursor::new(&file[..len]), &[key()], &store);
        assert!(matches!(refused, Err(BackupError::Damaged { .. })), "{len}");
    }
    assert!(all(&store).is_empty());
}

#[test]
fn an_altered_file_is_refused_before_anything_is_written() {
    let store = filled(40);
    [written(&store), sealed(&store, &key())]
        .into_iter()
        .for_each(nothing_altered_is_taken);
}

fn nothing_altered_is_taken(mut file: Vec<u8>) {
    let store = Memory::new();
    let mut dice = Dice(6);
    for _ in 0..more(300, 10_000) {
        let at = usize::try_from(dice.below(file.len() as u64)).unwrap();
        let bit = 1 << dice.below(8);
        file[at] ^= bit;
        let refused = restore(&mut Cursor::new(&file), &[key()], &store);
        assert!(
            matches!(refused, Err(BackupError::Damaged { .. })),
            "byte {at}"
        );
        // It is damaged whoever looks, also without the key.
        let refused = verify_backup(&mut &file[..], &[]);
        assert!(
            matches!(
                refused,
                Err(BackupError::Damaged { .. } | BackupError::Key { .. })
            ),
            "byte {at}"
        );
        file[at] ^= bit;
    }
    file.push(0);
    assert!(matches!(
        verify_backup(&mut &file[..], &[key()]),
        Err(BackupError::Damaged { .. })
    ));
    assert!(all(&store).is_empty());
}

/// Frames whose hashes are right, but which never made a backup together.
#[test]
fn frames_that_do_not_belong_together_are_refused() {
    let head = |entries, digest: &[u8]| BackupHead {
        format: 1,
        entries,
        digest: digest.to_vec(),
        ..BackupHead::default()
    };
    let block = |keys: &[&[u8]]| {
        let entry = |key: &&[u8]| BackupEntry {
            key: key.to_vec(),
            value: b"v".to_vec(),
        };
        keys.iter()
            .flat_map(|key| entry(key).encode_length_delimited_to_vec())
            .collect::<Vec<_>>()
    };
    let file = |blocks: &[Vec<u8>], claimed: u64, format: u32| {
        let digest = blake3::hash(&blocks.concat());
        let tail = BackupHead {
            format,
            ..head(claimed, digest.as_bytes())
        }
        .encode_to_vec();
        let first = BackupHead {
            format,
            ..head(0, b"")
        }
        .encode_to_vec();
        let mut frames = vec![(b'H', first)];
        frames.extend(blocks.iter().map(|block| (b'B', block.clone())));
        frames.push((b'T', tail));
        assembled(&frames)
    };
    let verify = |file: &[u8]| verify_backup(&mut &file[..], &[key()]);
    let (a, b) = (block(&[b"a", b"b"]), block(&[b"c"]));
    assert_eq!(
        verify(&file(&[a.clone(), b.clone()], 3, 1))
            .unwrap()
            .entries,
        3
    );
    let damaged = |file: &[u8]| matches!(verify(file), Err(BackupError::Damaged { .. }));
    assert!(
        damaged(&file(&[a.clone(), b.clone()], 2, 1)),
        "another number"
    );
    assert!(
        damaged(&file(&[b.clone(), a.clone()], 3, 1)),
        "another order"
    );
    assert!(
        damaged(&file(&[a.clone(), a.clone()], 4, 1)),
        "a block twice"
    );
    assert!(damaged(&assembled(&[
        (b'H', head(0, b"").encode_to_vec()),
        (b'B', a.clone())
    ])));
    assert!(damaged(&assembled(&[(b'B', a.clone())])), "no head");
    let later = verify(&file(&[a, b], 3, 3));
    assert!(matches!(
        later,
        Err(BackupError::Format { found: 3, known: 2 })
    ));
}

fn assembled(frames: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut file = b"LXBACKUP".to_vec();
    for (position, (letter, rest)) in (0_u64..).zip(frames) {
        file.push(*letter);
        file.extend_from_slice(&u32::try_from(rest.len()).unwrap().to_be_bytes());
        file.extend_from_slice(rest);
        let mut hasher = blake3::Hasher::new();
        hasher
            .update(&[*letter])
            .update(&position.to_be_bytes())
            .update(rest);
        file.extend_from_slice(hasher.finalize().as_bytes());
    }
    file
}

/// A length that says more than there is must not reserve memory for it.
#[test]
fn a_length_without_bytes_is_refused() {
    let mut file = b"LXBACKUPH".to_vec();
    file.extend_from_slice(&(32 * 1024 * 1024_u32).to_be_bytes());
    assert!(matches!(
        verify_backup(&mut &file[..], &[key()]),
        Err(BackupError::Damaged { .. })
    ));
    file.truncate(9);
    file.extend_from_slice(&u32::MAX.to_be_bytes());
    assert!(matches!(
        verify_backup(&mut &file[..], &[key()]),
        Err(BackupError::Damaged { .. })
    ));
}

#[test]
fn an_encrypted_backup_is_the_same_store_for_its_key_only() {
    let original = filled(60);
    let file = sealed(&original, &key());
    let report = verify_backup(&mut &file[..], &[StoreKey::new([8; 32]), key()]).unwrap();
    assert_eq!(
        (report.facts.clone(), report.key),
        (facts(), Some(key().id()))
    );
    let plain = verify_backup(&mut &written(&original)[..], &[]).unwrap();
    assert_eq!((plain.digest, plain.key), (report.digest, None));
    let restored = Memory::new();
    restore(&mut Cursor::new(&file), &[key()], &restored).unwrap();
    assert!(all(&restored) == all(&original));
    assert!(sealed(&original, &key()) != file, "other nonces each time");

    let other = StoreKey::new([8; 32]);
    for keys in [&[][..], &[other]] {
        let store = Memory::new();
        let refused = restore(&mut Cursor::new(&file), keys, &store).unwrap_err();
        let BackupError::Key { needs, has } = refused else {
            panic!("{refused}")
        };
        assert_eq!((needs, has), (key().id(), keys.first().map(StoreKey::id)));
        assert!(all(&store).is_empty());
    }
}

/// As it was written once: nothing of the form may change.
#[test]
fn an_encrypted_backup_of_before_is_read_for_ever() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/encrypted-0001.backup");
    if !path.exists() && std::env::var_os("LIANGXIN_REGENERATE").is_some() {
        fs::write(&path, sealed(&filled(2), &key())).unwrap();
    }
    let file = fs::read(path).unwrap();
    let restored = Memory::new();
    restore(&mut Cursor::new(&file), &[key()], &restored).unwrap();
    assert!(all(&restored) == all(&filled(2)));
}

/// What a plain backup holds in clear, an encrypted one holds nowhere.
#[test]
fn an_encrypted_backup_shows_nothing_of_what_is_in_it() {
    let store = filled(3);
    let mut batch = Batch::default();
    let secret = "独名不重的人".as_bytes();
    batch.put(secret.to_vec(), secret.to_vec());
    store.commit(batch).unwrap();
    let shows = |file: &[u8]| file.windows(secret.len()).any(|part| part == secret);
    assert!(shows(&written(&store)));
    assert!(!shows(&sealed(&store, &key())));
}

/// A frame that was made with the key does not fit anywhere but in its place in its own backup.
#[test]
fn frames_of_an_encrypted_backup_fit_in_their_place_only() {
    let large = |byte: u8| {
        let store = Memory::new();
        let mut batch = Batch::default();
        (0..60_u8).for_each(|n| batch.put(vec![n], vec![byte; 20_000]));
        store.commit(batch).unwrap();
        store
    };
    let (one, two) = (large(1), large(2));
    let (one, two) = (sealed(&one, &key()), sealed(&two, &key()));
    let (one, two) = (taken_apart(&one), taken_apart(&two));
    assert!(one.len() > 4, "{}", one.len());
    let read = |frames: &[(u8, Vec<u8>)]| verify_backup(&mut &assembled(frames)[..], &[key()]);
    read(&one).unwrap();
    let damaged = |frames: &[(u8, Vec<u8>)]| {
        let found = read(frames);
        assert!(
            matches!(found, Err(BackupError::Damaged { .. })),
            "{found:?}"
        );
    };
    let mut mixed = one.clone();
    mixed.swap(1, 2);
    damaged(&mixed);
    let mut mixed = one.clone();
    mixed[1] = two[1].clone();
    damaged(&mixed);
    let mut mixed = one;
    mixed.remove(1);
    damaged(&mixed);
}

fn taken_apart(file: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut rest = &file[8..];
    let mut frames = Vec::new();
    while let Some((letter, more)) = rest.split_first() {
        let (len, more) = more.split_first_chunk::<4>().unwrap();
        let (frame, more) = more.split_at(u32::from_be_bytes(*len) as usize);
        frames.push((*letter, frame.to_vec()));
        rest = &more[32..];
    }
    frames
}

#[test]
fn a_backup_file_gets_its_name_when_it_is_whole() {
    let directory = fast_directory();
    let path = directory.path().join("liangxin.backup");
    let store = filled(30);
    let report = backup_to(&store, &facts(), None, &path).unwrap();
    assert_eq!(
        verify_backup(&mut fs::File::open(&path).unwrap(), &[]).unwrap(),
        report
    );

    // One that cannot be finished leaves the older one and nothing else.
    store.damage(b"R", Bytes::from(vec![0; 40 * 1024 * 1024]));
    assert!(matches!(
        backup_to(&store, &facts(), None, &path),
        Err(BackupError::Io(_))
    ));
    assert_eq!(
        verify_backup(&mut fs::File::open(&path).unwrap(), &[]).unwrap(),
        report
    );
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
}

#[test]
fn a_failing_store_fails_the_restore() {
    let file = written(&filled(300));
    let store = Memory::new();
    store.fill(0);
    let failed = restore(&mut Cursor::new(&file), &[key()], &store);
    assert!(matches!(failed, Err(BackupError::Store(StoreError::Full))));
}

/// The writer goes on; the backup is of one commit, not of several.
#[test]
fn a_backup_under_writing_is_of_one_moment() {
    let directory = fast_directory();
    let store = open(&place(&directory)).unwrap();
    (1..=400).for_each(|seq| store.commit(commit(seq)).unwrap());
    let done = std::sync::atomic::AtomicBool::new(false);
    let files = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut seq = 400;
            while !done.load(std::sync::atomic::Ordering::Acquire) {
                seq += 1;
                store.commit(commit(seq)).unwrap();
            }
        });
        let files: Vec<Vec<u8>> = (0..6).map(|_| written(&store)).collect();
        done.store(true, std::sync::atomic::Ordering::Release);
        writer.join().unwrap();
        files
    });
    let mut model = Model::default();
    for file in files {
        let restored = Memory::new();
        restore(&mut Cursor::new(&file), &[key()], &restored).unwrap();
        model.judge(&restored, 400).unwrap();
    }
}

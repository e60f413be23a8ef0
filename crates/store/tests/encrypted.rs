//! What a key promises: nothing of what was put stands in the files, no other key opens them and
//! changes nothing in trying, and a store from before there was a key goes on under one.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may stop")]

#[expect(
    dead_code,
    unreachable_pub,
    reason = "shared by several tests, each using a part"
)]
#[path = "support/history.rs"]
mod history;

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use store::{Batch, Disk, DiskConfig, Rules, Store, StoreError, StoreKey, Verdict, rewrite};

use self::history::{Model, commit, fast_directory, more, open, places};

const SECRET: &str = "独名不重的人 0379-01234567";

fn secret() -> Batch {
    let mut batch = Batch::default();
    batch.put(b"Lshort".to_vec(), SECRET.as_bytes().to_vec());
    let long = SECRET.as_bytes().repeat(1_000);
    batch.put(b"Llong".to_vec(), long);
    batch
}

fn files(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap());
    let files = entries.filter(|entry| entry.path().is_file());
    files
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect()
}

/// Whether a file says the secret; a part of it is enough, for a long value is cut into pieces.
fn says(path: &Path) -> bool {
    let part = "独名不重".as_bytes();
    let mut files = files(path).into_values();
    files.any(|bytes| bytes.windows(part.len()).any(|found| found == part))
}

#[test]
fn nothing_that_was_put_stands_in_the_files() {
    let directory = fast_directory();
    let [plain, with_key] = places(&directory);
    for path in [&plain, &with_key] {
        let store = open(path).unwrap();
        store.commit(secret()).unwrap();
        (1..=200).for_each(|seq| store.commit(commit(seq)).unwrap());
        store.sync().unwrap();
        drop(store);
        let store = open(path).unwrap();
        assert_eq!(store.get(b"Lshort").unwrap().unwrap(), SECRET.as_bytes());
        assert_eq!(
            store.get(b"Llong").unwrap().unwrap(),
            SECRET.as_bytes().repeat(1_000)
        );
        store.scrub().unwrap();
    }
    // A test that finds it nowhere could not fail.
    assert!(says(&plain));
    assert!(!says(&with_key));
}

#[test]
fn another_key_opens_nothing_and_changes_nothing() {
    let directory = fast_directory();
    let [_, path] = places(&directory);
    let store = open(&path).unwrap();
    (1..=20).for_each(|seq| store.commit(commit(seq)).unwrap());
    store.sync().unwrap();
    drop(store);
    let before = files(&path);
    let right = StoreKey::new([7; 32]).id();
    assert_eq!(Disk::key_of(&path).unwrap(), Some(right));
    for key in [None, Some(StoreKey::new([8; 32]))] {
        let has = key.as_ref().map(StoreKey::id);
        let config = DiskConfig {
            key,
            ..history::config(&path)
        };
        let error = Disk::open(&path, &config).unwrap_err();
        let code = if has.is_some() {
            "STORE-009"
        } else {
            "STORE-008"
        };
        assert_eq!(error.code(), code);
        let StoreError::Key { needs, has: given } = error else {
            panic!("{error}")
        };
        assert_eq!((needs, given), (right, has));
        assert!(files(&path) == before, "all is as it was");
    }
    Model::default().judge(&open(&path).unwrap(), 20).unwrap();
}

/// A program that knows no keys must leave the store alone: it goes by the number of the format.
#[test]
fn an_earlier_program_sees_a_later_format() {
    let directory = fast_directory();
    for (path, format) in places(&directory).iter().zip(["1\n", "2\n"]) {
        drop(open(path).unwrap());
        assert_eq!(fs::read_to_string(path.join("format")).unwrap(), format);
    }
}

#[test]
fn an_older_store_goes_on_under_a_key_and_a_copy_of_it_holds_nothing_plain() {
    let directory = fast_directory();
    let [plain, path] = places(&directory);
    let store = open(&plain).unwrap();
    store.commit(secret()).unwrap();
    (1..=60).for_each(|seq| store.commit(commit(seq)).unwrap());
    store.sync().unwrap();
    drop(store);
    fs::rename(&plain, &path).unwrap();

    let store = open(&path).unwrap();
    let first = store.plain_values();
    assert!(first > 2, "{first}");
    assert_eq!(store.get(b"Lshort").unwrap().unwrap(), SECRET.as_bytes());
    (61..=120).for_each(|seq| store.commit(commit(seq)).unwrap());
    store.sync().unwrap();
    store.scrub().unwrap();
    drop(store);
    let store = open(&path).unwrap();
    let later = store.plain_values();
    assert!(0 < later && later < first, "{later} of {first}");
    assert!(says(&path), "what was there before is still there");

    let fresh = directory
        .path()
        .join("fresh")
        .join(path.file_name().unwrap());
    let to = open(&fresh).unwrap();
    let rules = Rules::new(Arc::new(|_| Verdict::Accept));
    rewrite(&store, &to, &rules).unwrap();
    let all = |store: &Disk| store.range(&[], &[0xFF; 4], usize::MAX).unwrap();
    assert!(all(&store) == all(&to));
    to.scrub().unwrap();
    drop(to);
    assert_eq!(open(&fresh).unwrap().plain_values(), 0);
    assert!(!says(&fresh));
}

/// The number of the format goes last, so that a cut leaves a plain store with a stray note.
#[test]
fn a_store_that_was_cut_while_it_took_to_a_key_takes_to_any() {
    let directory = fast_directory();
    let [plain, path] = places(&directory);
    let store = open(&plain).unwrap();
    store.commit(commit(1)).unwrap();
    store.sync().unwrap();
    drop(store);
    let other = StoreKey::new([8; 32]).id();
    fs::write(plain.join("key-id"), format!("{other}\n")).unwrap();
    assert_eq!(Disk::key_of(&plain).unwrap(), None);
    Model::default().judge(&open(&plain).unwrap(), 1).unwrap();
    fs::rename(&plain, &path).unwrap();
    Model::default().judge(&open(&path).unwrap(), 1).unwrap();
    assert_eq!(
        Disk::key_of(&path).unwrap(),
        history::key_of(&path).map(|key| key.id())
    );
}

#[test]
fn a_store_that_lost_what_says_of_its_key_is_damaged_and_its_values_are_salvaged() {
    let directory = fast_directory();
    let [_, path] = places(&directory);
    let store = open(&path).unwrap();
    (1..=more(20, 100)).for_each(|seq| store.commit(commit(seq)).unwrap());
    store.sync().unwrap();
    let held = store.range(&[], &[0xFF; 4], usize::MAX).unwrap().len() as u64;
    drop(store);
    let whole = ["key-id", "format"].map(|name| (name, fs::read(path.join(name)).unwrap()));
    let key = history::key_of(&path);
    for (name, good) in whole {
        for lost in [None, Some(&b"not an id"[..]), Some(b"\xFF\xFE")] {
            fs::remove_file(path.join(name)).unwrap();
            if let Some(bytes) = lost {
                fs::write(path.join(name), bytes).unwrap();
            }
            let opened = open(&path);
            assert!(
                matches!(opened, Err(StoreError::Damaged { .. })),
                "{opened:?}"
            );
            let scratch = directory.path().join("scratch");
            let salvaged = store::salvage(&path, &scratch, key.as_ref(), &mut |_, _| ()).unwrap();
            assert_eq!((salvaged.values, salvaged.bad), (held, 0));
            fs::write(path.join(name), &good).unwrap();
        }
    }
    // Without the number it is still known that there is a key, and which.
    fs::remove_file(path.join("format")).unwrap();
    assert_eq!(Disk::key_of(&path).unwrap(), key.map(|key| key.id()));
}

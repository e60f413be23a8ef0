//! What a salvage promises: whatever happened to the files, each value that it shows was put, and
//! the damaged directory stays as it was found.
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

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use store::{Salvaged, Store, StoreError, StoreKey, salvage};

use self::history::{Dice, commit, fast_directory, key_of, more, open, place, places};

const COMMITS: u64 = 400;
const PAGE: usize = 4_096;

type Pairs = BTreeMap<Vec<u8>, Bytes>;

/// Everything that was ever put under a key.
fn put_ever() -> BTreeSet<(Vec<u8>, Vec<u8>)> {
    let puts = (1..=COMMITS).flat_map(|seq| commit(seq).into_ops());
    puts.filter_map(|(key, value)| Some((key, value?)))
        .collect()
}

/// A store that was closed, and what it held.
fn closed(path: &Path) -> Pairs {
    for life in [1..=COMMITS / 2, COMMITS / 2 + 1..=COMMITS] {
        let store = open(path).unwrap();
        life.for_each(|seq| store.commit(commit(seq)).unwrap());
        store.sync().unwrap();
    }
    let store = open(path).unwrap();
    let all = store.range(&[], &[0xFF; 4], usize::MAX).unwrap();
    all.into_iter()
        .map(|(key, value)| (key.to_vec(), value))
        .collect()
}

fn read(path: &Path) -> (Result<Salvaged, StoreError>, Pairs) {
    let mut found = Pairs::new();
    let scratch = path.with_extension("scratch");
    let result = salvage(path, &scratch, key_of(path).as_ref(), &mut |key, value| {
        found.insert(key.to_vec(), value);
    });
    (result, found)
}

fn files(path: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.is_file());
    files
        .map(|path| (path.clone(), fs::read(&path).unwrap()))
        .collect()
}

#[test]
fn a_sound_store_is_salvaged_whole() {
    let directory = fast_directory();
    for path in places(&directory) {
        let held = closed(&path);
        let (result, found) = read(&path);
        let salvaged = result.unwrap();
        assert!(found == held, "{} of {}", found.len(), held.len());
        assert_eq!(salvaged.values, held.len() as u64);
        assert_eq!((salvaged.bad, salvaged.gaps), (0, 0));
    }
}

/// A store that took to a key is salvaged whole, and with no other key at all.
#[test]
fn a_store_of_which_a_part_is_encrypted_is_salvaged_whole() {
    let directory = fast_directory();
    let [plain, path] = places(&directory);
    closed(&plain);
    fs::rename(&plain, &path).unwrap();
    let store = open(&path).unwrap();
    assert!(store.plain_values() > 0);
    (COMMITS + 1..=COMMITS + 20).for_each(|seq| store.commit(commit(seq)).unwrap());
    store.sync().unwrap();
    let held = store.range(&[], &[0xFF; 4], usize::MAX).unwrap();
    drop(store);
    let (result, found) = read(&path);
    assert_eq!(result.unwrap().bad, 0);
    assert_eq!(found.len(), held.len());
    assert!(
        held.iter()
            .all(|(key, value)| found.get(&**key) == Some(value))
    );
    let other = StoreKey::new([8; 32]);
    for key in [None, Some(&other)] {
        let scratch = path.with_extension("scratch");
        let refused = salvage(&path, &scratch, key, &mut |_, _| panic!("nothing is shown"));
        assert!(
            matches!(refused, Err(StoreError::Key { .. })),
            "{refused:?}"
        );
    }
}

#[test]
fn a_store_in_use_is_not_salvaged() {
    let directory = fast_directory();
    let path = place(&directory);
    closed(&path);
    let _held = open(&path).unwrap();
    assert!(matches!(read(&path).0, Err(StoreError::InUse)));
}

#[test]
fn a_bad_snapshot_costs_no_value() {
    let directory = fast_directory();
    let path = place(&directory);
    let held = closed(&path);
    let snapshot = files(&path)
        .into_keys()
        .find(|file| file.to_string_lossy().contains("snap."))
        .unwrap();
    fs::write(&snapshot, b"not a snapshot").unwrap();
    assert!(open(&path).is_err(), "the engine does not open it");
    let (result, found) = read(&path);
    result.unwrap();
    assert!(found == held, "{} of {}", found.len(), held.len());
}

#[test]
fn a_salvaged_value_was_put_whatever_happened_to_the_file() {
    let directory = fast_directory();
    places(&directory)
        .iter()
        .for_each(|base| salvaged_values_were_put(base));
}

#[expect(
    clippy::print_stderr,
    reason = "the counts are what one wants to see of such a test"
)]
fn salvaged_values_were_put(base: &Path) {
    let held = closed(base);
    let ever = put_ever();
    let good = fs::read(base.join("db")).unwrap();
    let (mut opened, mut saved, mut refused) = (0, 0, 0);
    for trial in 0..more(20, 200) {
        let mut dice = Dice(trial);
        let mut bytes = good.clone();
        let pages = good.len() as u64 / PAGE as u64;
        let mut page = || usize::try_from(dice.below(pages)).unwrap() * PAGE;
        for _ in 0..=trial % 4 {
            let at = page();
            match trial % 3 {
                0 => bytes[at + 100] ^= 0x20,
                1 => bytes[at..at + PAGE].fill(0),
                _ => bytes.copy_within(at..at + PAGE, page()),
            }
        }
        fs::write(base.join("db"), &bytes).unwrap();
        let before = files(base);
        let (result, found) = read(base);
        assert!(files(base) == before, "the damaged files are left alone");
        for (key, value) in &found {
            let was_put = ever.contains(&(key.clone(), value.to_vec()));
            assert!(was_put, "trial {trial}: {key:?} was never put so");
        }
        match result {
            Ok(_) => {
                opened += 1;
                saved += found
                    .iter()
                    .filter(|(k, v)| held.get(*k) == Some(*v))
                    .count();
            }
            Err(StoreError::Damaged { .. }) => refused += 1,
            Err(error) => panic!("trial {trial}: {error}"),
        }
    }
    eprintln!(
        "read {opened}, not to be read {refused}; saved {saved} of {} values",
        opened * held.len()
    );
    assert!(opened > 0, "nothing could ever be read");
    assert!(saved * 2 > opened * held.len(), "less than half was saved");
}

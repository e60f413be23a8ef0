//! What every store must do, run against each: the same cases, the same claims.
//!
//! A third kind of store is one more [`Kind`] in [`kinds`].
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may stop")]

use std::{
    collections::BTreeMap,
    ops::Bound,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use bytes::Bytes;
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use store::{Batch, Disk, DiskConfig, Memory, Store, StoreError, StoreKey};

type Pairs = Vec<(Bytes, Bytes)>;

/// A kind of store: how an empty one is made. What must outlive it is kept beside.
struct Kind {
    name: &'static str,
    make: fn() -> (Box<dyn Store>, Option<tempfile::TempDir>),
}

fn kinds() -> [Kind; 3] {
    let memory: fn() -> (Box<dyn Store>, Option<tempfile::TempDir>) =
        || (Box::new(Memory::new()), None);
    let disk: fn() -> (Box<dyn Store>, Option<tempfile::TempDir>) = || {
        let directory = fast_directory();
        (Box::new(open(directory.path())), Some(directory))
    };
    let encrypted: fn() -> (Box<dyn Store>, Option<tempfile::TempDir>) = || {
        let directory = fast_directory();
        let key = Some(StoreKey::new([7; 32]));
        (Box::new(open_with(directory.path(), key)), Some(directory))
    };
    [
        Kind {
            name: "memory",
            make: memory,
        },
        Kind {
            name: "disk",
            make: disk,
        },
        Kind {
            name: "disk with a key",
            make: encrypted,
        },
    ]
}

/// In memory where the system has such a place: nothing here is about loss of power.
fn fast_directory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

fn open(path: &Path) -> Disk {
    open_with(path, None)
}

fn open_with(path: &Path, key: Option<StoreKey>) -> Disk {
    Disk::open(
        path,
        &DiskConfig {
            min_free_bytes: 0,
            key,
            ..DiskConfig::default()
        },
    )
    .unwrap()
}

#[expect(
    clippy::print_stderr,
    reason = "a failure shows which kind did not keep the claim"
)]
fn on_each(claim: impl Fn(&dyn Store)) {
    for kind in kinds() {
        eprintln!("{}", kind.name);
        let (store, _directory) = (kind.make)();
        claim(&*store);
    }
}

fn batch(puts: &[(&[u8], &[u8])]) -> Batch {
    let mut batch = Batch::default();
    for (key, value) in puts {
        batch.put(key.to_vec(), value.to_vec());
    }
    batch
}

fn removal(keys: &[&[u8]]) -> Batch {
    let mut batch = Batch::default();
    keys.iter().for_each(|key| batch.remove(key.to_vec()));
    batch
}

fn all(store: &dyn Store) -> Pairs {
    store.range(b"", &[0xFF; 8], usize::MAX).unwrap()
}

fn scanned(store: &dyn Store, from: &[u8], to: &[u8]) -> Pairs {
    let mut pairs = Pairs::new();
    let visit = &mut |key: &[u8], value: Bytes| {
        pairs.push((Bytes::copy_from_slice(key), value));
        Ok(())
    };
    store.scan(from, to, visit).unwrap();
    pairs
}

fn keys(pairs: &Pairs) -> Vec<&[u8]> {
    pairs.iter().map(|(key, _)| key.as_ref()).collect()
}

/// Bytes that no two positions and no two seeds share.
fn filler(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut bytes: Vec<u8> = std::iter::repeat_with(&mut next)
        .flatten()
        .take(len)
        .collect();
    bytes.truncate(len);
    bytes
}

#[test]
fn keys_come_in_byte_order() {
    on_each(|store| {
        let unsorted: [&[u8]; 8] = [b"~x", b"b", b"a\xff", b"\xff", b"a", b"", b"\x7f", b"ab"];
        let puts: Vec<(&[u8], &[u8])> = unsorted.iter().map(|key| (*key, *key)).collect();
        store.commit(batch(&puts)).unwrap();
        let mut sorted = unsorted;
        sorted.sort_unstable();
        assert_eq!(keys(&all(store)), sorted);
        assert_eq!(scanned(store, b"", &[0xFF; 8]), all(store));
    });
}

#[test]
fn a_range_has_its_start_and_not_its_end() {
    on_each(|store| {
        let names: [&[u8]; 5] = [b"a", b"b", b"c", b"~", b"\x80"];
        let puts: Vec<(&[u8], &[u8])> = names.iter().map(|key| (*key, &b"v"[..])).collect();
        store.commit(batch(&puts)).unwrap();
        let range = |from: &[u8], to: &[u8], limit| {
            let pairs = store.range(from, to, limit).unwrap();
            pairs
                .into_iter()
                .map(|(key, _)| key.to_vec())
                .collect::<Vec<_>>()
        };
        assert_eq!(range(b"a", b"c", 9), [b"a", b"b"]);
        assert_eq!(range(b"a\0", b"~", 9), [b"b", b"c"]);
        assert_eq!(range(b"c", b"~\0", 9), [b"c", b"~"]);
        assert_eq!(range(b"~", b"\xff", 9), [b"~", b"\x80"]);
        assert_eq!(range(b"a", b"\xff", 2), [b"a", b"b"]);
        assert!(range(b"a", b"\xff", 0).is_empty());
        assert!(range(b"b", b"b", 9).is_empty());
        assert!(range(b"c", b"a", 9).is_empty());
        assert!(scanned(store, b"c", b"a").is_empty());
    });
}

#[test]
fn the_last_is_the_last_of_the_range() {
    on_each(|store| {
        assert_eq!(store.last(b"", b"\xff").unwrap(), None);
        store
            .commit(batch(&[(b"a1", b"1"), (b"a2", b"2"), (b"~z", b"3")]))
            .unwrap();
        let last = |from: &[u8], to: &[u8]| {
            store
                .last(from, to)
                .unwrap()
                .map(|(key, value)| (key.to_vec(), value.to_vec()))
        };
        assert_eq!(last(b"a", b"b"), Some((b"a2".to_vec(), b"2".to_vec())));
        assert_eq!(last(b"a", b"a2"), Some((b"a1".to_vec(), b"1".to_vec())));
        assert_eq!(last(b"", b"\xff"), Some((b"~z".to_vec(), b"3".to_vec())));
        assert_eq!(last(b"b", b"~"), None);
        assert_eq!(last(b"b", b"a"), None);
    });
}

#[test]
fn the_last_operation_on_a_key_wins() {
    on_each(|store| {
        store.commit(batch(&[(b"k", b"1"), (b"k", b"2")])).unwrap();
        assert_eq!(store.get(b"k").unwrap().unwrap(), b"2".as_slice());
        let mut both = batch(&[(b"k", b"3")]);
        both.remove(b"k".to_vec());
        both.remove(b"never there".to_vec());
        both.remove(b"l".to_vec());
        both.put(b"l".to_vec(), b"4".to_vec());
        store.commit(both).unwrap();
        assert_eq!(store.get(b"k").unwrap(), None);
        assert_eq!(store.get(b"l").unwrap().unwrap(), b"4".as_slice());
        store.commit(removal(&[b"l"])).unwrap();
        store.commit(Batch::default()).unwrap();
        assert!(all(store).is_empty());
    });
}

#[test]
fn values_of_every_length_come_back() {
    const LENGTHS: [usize; 12] = [
        0, 1, 3_992, 3_993, 3_994, 4_096, 7_986, 7_987, 65_536, 65_537, 262_144, 1_048_576,
    ];
    on_each(|store| {
        for (seed, len) in (1..).zip(LENGTHS) {
            let value = filler(seed, len);
            store
                .commit(batch(&[(b"big", &value), (b"bigger", b"next")]))
                .unwrap();
            assert_eq!(store.get(b"big").unwrap().unwrap(), value, "{len}");
            assert_eq!(
                store.last(b"big", b"big\0").unwrap().unwrap().1,
                value,
                "{len}"
            );
            assert_eq!(keys(&all(store)), [&b"big"[..], b"bigger"]);
            assert_eq!(all(store).swap_remove(0).1, value, "{len}");
        }
        for (seed, len) in (50..).zip(LENGTHS.into_iter().rev()) {
            let value = filler(seed, len);
            store.commit(batch(&[(b"big", &value)])).unwrap();
            assert_eq!(store.get(b"big").unwrap().unwrap(), value, "{len}");
            assert_eq!(
                keys(&scanned(store, b"", &[0xFF; 8])),
                [&b"big"[..], b"bigger"]
            );
        }
        store.commit(removal(&[b"big", b"bigger"])).unwrap();
        assert!(all(store).is_empty());
        assert_eq!(store.last(b"", &[0xFF; 8]).unwrap(), None);
    });
}

#[test]
fn a_batch_larger_than_a_segment_is_taken() {
    on_each(|store| {
        let mut large = Batch::default();
        for key in 0..2_000_u32 {
            large.put(key.to_be_bytes().to_vec(), filler(key.into(), 3_000));
        }
        store.commit(large).unwrap();
        store.sync().unwrap();
        assert_eq!(all(store).len(), 2_000);
    });
}

#[test]
fn the_visitor_can_stop_a_scan_and_read_meanwhile() {
    on_each(|store| {
        store
            .commit(batch(&[(b"a", b"1"), (b"b", b"2"), (b"c", b"3")]))
            .unwrap();
        let mut seen = 0;
        let stopped = store.scan(b"a", b"z", &mut |key, value| {
            seen += 1;
            assert_eq!(store.get(key)?.unwrap(), value);
            if seen == 2 {
                Err(StoreError::Full)
            } else {
                Ok(())
            }
        });
        assert!(matches!(stopped, Err(StoreError::Full)));
        assert_eq!(seen, 2);
        store.commit(batch(&[(b"d", b"4")])).unwrap();
    });
}

/// All keys always hold the same value, in one, in several and in changing numbers of pieces.
#[test]
fn readers_never_see_a_part_of_a_batch() {
    const KEYS: u8 = 40;
    fn state(round: u64) -> Batch {
        let mut batch = Batch::default();
        for key in 0..KEYS {
            // One in four comes and goes.
            if key % 4 == 3 && round % 2 == 1 {
                batch.remove(vec![b'k', key]);
            } else {
                let pieces = usize::try_from(round % 3).unwrap() + usize::from(key % 3);
                batch.put(vec![b'k', key], filler(round, 8 + pieces * 3_000));
            }
        }
        batch
    }
    fn check(pairs: &[(Bytes, Bytes)]) {
        let heads: Vec<&[u8]> = pairs.iter().map(|(_, value)| &value[..8]).collect();
        assert!(
            heads.windows(2).all(|pair| pair[0] == pair[1]),
            "two commits at once"
        );
        let expected = if pairs.len() == usize::from(KEYS) {
            KEYS
        } else {
            KEYS / 4 * 3
        };
        assert_eq!(pairs.len(), usize::from(expected));
    }
    on_each(|store| {
        store.commit(state(0)).unwrap();
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !done.load(Ordering::Acquire) {
                        check(&store.range(b"k", b"l", usize::MAX).unwrap());
                        check(&scanned(store, b"k", b"l"));
                        store.get(b"k\x02").unwrap().unwrap();
                        store.last(b"k", b"l").unwrap().unwrap();
                    }
                });
            }
            let written = thread::Builder::new().spawn_scoped(scope, || {
                (1..150).for_each(|round| store.commit(state(round)).unwrap());
            });
            let result = written.unwrap().join();
            done.store(true, Ordering::Release);
            result.unwrap();
        });
    });
}

#[test]
fn a_scan_shows_the_moment_it_began() {
    let directory = fast_directory();
    let store = open(directory.path());
    let mut first = Batch::default();
    (0..500_u16).for_each(|key| first.put(key.to_be_bytes().to_vec(), filler(key.into(), 5_000)));
    store.commit(first).unwrap();
    let before = all(&store);
    let mut seen = Pairs::new();
    store
        .scan(b"", &[0xFF; 8], &mut |key, value| {
            seen.push((Bytes::copy_from_slice(key), value));
            // Before, at and behind where the scan stands: change, remove, add.
            let at = u16::from_be_bytes(key.try_into().unwrap());
            let mut batch = Batch::default();
            for near in [at.saturating_sub(3), at, at + 1, at + 2, at + 40] {
                batch.put(
                    near.to_be_bytes().to_vec(),
                    filler(u64::from(at) + 9_000, 9_000),
                );
            }
            batch.remove((at + 5).to_be_bytes().to_vec());
            batch.put([key, b"+"].concat(), b"new".to_vec());
            store.commit(batch)
        })
        .unwrap();
    assert_eq!(keys(&seen), keys(&before));
    assert!(seen == before);
    store.scrub().unwrap();
}

/// A key, and seed and length of its value or nothing to remove it.
type Operation = (Vec<u8>, Option<(u64, usize)>);

#[derive(Clone, Debug)]
enum Step {
    Commit(Vec<Operation>),
    Range(Vec<u8>, Vec<u8>, usize),
    Get(Vec<u8>),
}

fn step() -> impl Strategy<Value = Step> {
    let key = || proptest::collection::vec(prop_oneof![Just(0_u8), 97..100_u8, 125..129_u8], 0..3);
    let len = prop_oneof![4 => 0..40_usize, 2 => 3_980..4_010_usize, 1 => 7_900..13_000_usize];
    let value = proptest::option::weighted(0.7, (any::<u64>(), len));
    prop_oneof![
        3 => proptest::collection::vec((key(), value), 0..8).prop_map(Step::Commit),
        2 => (key(), key(), 0..9_usize).prop_map(|(from, to, limit)| Step::Range(from, to, limit)),
        1 => key().prop_map(Step::Get),
    ]
}

fn compare(store: &dyn Store, model: &mut BTreeMap<Vec<u8>, Vec<u8>>, steps: &[Step]) {
    for step in steps {
        match step {
            Step::Commit(ops) => {
                let mut batch = Batch::default();
                for (key, value) in ops {
                    match value {
                        Some((seed, len)) => {
                            batch.put(key.clone(), filler(*seed, *len));
                            model.insert(key.clone(), filler(*seed, *len));
                        }
                        None => {
                            batch.remove(key.clone());
                            model.remove(key);
                        }
                    }
                }
                store.commit(batch).unwrap();
            }
            Step::Range(from, to, limit) => {
                let bounds = (Bound::Included(from.clone()), Bound::Excluded(to.clone()));
                let expected: Vec<_> = match from < to {
                    true => model.range(bounds).collect(),
                    false => Vec::new(),
                };
                let found = store.range(from, to, *limit).unwrap();
                assert_eq!(found.len(), expected.len().min(*limit));
                for (found, expected) in found.iter().zip(&expected) {
                    assert_eq!(
                        (&found.0[..], &found.1[..]),
                        (&expected.0[..], &expected.1[..])
                    );
                }
                let last = store.last(from, to).unwrap();
                let last = last.as_ref().map(|(key, value)| (&key[..], &value[..]));
                assert_eq!(
                    last,
                    expected.last().map(|(key, value)| (&key[..], &value[..]))
                );
            }
            Step::Get(key) => {
                let found = store.get(key).unwrap();
                assert_eq!(found.as_deref(), model.get(key).map(Vec::as_slice));
            }
        }
    }
}

#[test]
fn a_store_is_a_sorted_map() {
    for kind in kinds() {
        // One store for all histories: each begins where the one before ended.
        let (store, _directory) = (kind.make)();
        let model = std::cell::RefCell::new(BTreeMap::new());
        let config = ProptestConfig {
            cases: 48,
            max_shrink_iters: 0,
            ..Default::default()
        };
        TestRunner::new(config)
            .run(&proptest::collection::vec(step(), 1..24), |steps| {
                compare(&*store, &mut model.borrow_mut(), &steps);
                Ok(())
            })
            .unwrap();
    }
}

#[test]
fn a_closed_store_opens_as_it_was() {
    let directory = fast_directory();
    let mut model = BTreeMap::new();
    let mut runner = TestRunner::deterministic();
    for _ in 0..6 {
        let store = open(directory.path());
        let tree = proptest::collection::vec(step(), 20..40)
            .new_tree(&mut runner)
            .unwrap();
        let now: Vec<_> = all(&store)
            .iter()
            .map(|(key, value)| (key.to_vec(), value.to_vec()))
            .collect();
        assert_eq!(now, model.clone().into_iter().collect::<Vec<_>>());
        compare(&store, &mut model, &tree.current());
        store.sync().unwrap();
    }
}

#[test]
fn memory_loses_what_was_not_synced_and_nothing_else() {
    let store = Memory::new();
    store.commit(batch(&[(b"a", b"1")])).unwrap();
    store.sync().unwrap();
    store.commit(batch(&[(b"a", b"2"), (b"b", b"2")])).unwrap();
    store.crash();
    assert_eq!(
        all(&store),
        [(Bytes::from_static(b"a"), Bytes::from_static(b"1"))]
    );
}

/// Blob files are never synced by sled, so no value may ever need one.
#[test]
fn no_value_makes_a_blob_file() {
    let directory = fast_directory();
    let store = open(directory.path());
    for round in 0..6_u64 {
        let mut batch = Batch::default();
        for key in 0..200_u16 {
            // The longest keys with the fullest leaves.
            let mut name = key.wrapping_mul(40_503).to_be_bytes().to_vec();
            name.resize(1_024, b'k');
            batch.put(name, filler(round, 3_993));
        }
        batch.put(b"huge".to_vec(), filler(round, 1_000_000));
        store.commit(batch).unwrap();
        store.sync().unwrap();
    }
    assert!(store.size_bytes() > 1_000_000);
    let blobs = std::fs::read_dir(directory.path().join("blobs")).unwrap();
    assert_eq!(blobs.count(), 0);
}

#[test]
fn pieces_leave_nothing_behind() {
    let directory = fast_directory();
    let store = open(directory.path());
    for len in [300_000, 0, 9_000, 4_000, 20_000] {
        store
            .commit(batch(&[(b"k", &filler(1, len)), (b"~k", &filler(2, len))]))
            .unwrap();
        // Counts the pieces in the hidden stretch against what the values need.
        store.scrub().unwrap();
    }
    store.commit(removal(&[b"k", b"~k"])).unwrap();
    store.scrub().unwrap();
    assert!(all(&store).is_empty());
}

#[test]
fn keys_and_values_have_a_longest() {
    let directory = fast_directory();
    let store = open(directory.path());
    store.commit(batch(&[(&[b'k'; 1_024], b"v")])).unwrap();
    let refused = store.commit(batch(&[(&[b'k'; 1_025], b"v")]));
    assert!(matches!(refused, Err(StoreError::Io(_))));
    assert!(matches!(
        store.commit(batch(&[(b"k", b"v")])),
        Err(StoreError::Failed)
    ));
    assert_eq!(all(&store).len(), 1);
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_look() {
    use std::os::unix::fs::PermissionsExt;
    let directory = fast_directory();
    let path = directory.path().join("deep").join("store");
    let store = open(&path);
    store.commit(batch(&[(b"k", b"v")])).unwrap();
    store.sync().unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    assert_eq!(mode(&path.join("lock")), 0o600);
    assert_eq!(mode(&path.join("format")), 0o600);
}

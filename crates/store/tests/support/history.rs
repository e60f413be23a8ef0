//! A history of commits that is the same every time, and the judge who compares a store with it.
//!
//! From its number alone one knows what a commit did, so a store that says how far it came can be
//! compared value by value, whoever wrote it and however it ended.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use bytes::Bytes;
use store::{Batch, Disk, DiskConfig, Store, StoreError, StoreKey};

/// Records that are written over and over.
const RECORDS: u64 = 300;

/// Feed entries that are kept.
const RETENTION: u64 = 400;

/// Under this key lies the number of the last commit.
const HEAD: &[u8] = b"C";

/// Above every key of the history.
const END: &[u8] = &[0xFF];

/// What makes a store unacceptable.
#[derive(Debug)]
pub enum Broken {
    /// A commit that was acknowledged is not there.
    Lost { acked: u64, found: u64 },
    /// The store is not as it was after any commit.
    Torn { seq: u64 },
    /// The store says so itself.
    Store(StoreError),
}

impl From<StoreError> for Broken {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What the store must hold, advanced commit by commit.
#[derive(Default)]
pub struct Model {
    seq: u64,
    values: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model")
            .field("seq", &self.seq)
            .finish_non_exhaustive()
    }
}

impl Model {
    /// Goes on to a later commit.
    pub fn advance(&mut self, seq: u64) {
        for seq in self.seq + 1..=seq {
            for (key, value) in commit(seq).into_ops() {
                match value {
                    Some(value) => self.values.insert(key, value),
                    None => self.values.remove(&key),
                };
            }
            self.seq = seq;
        }
    }

    /// How far the store came. It must hold what the history holds there, and nothing less than
    /// what was acknowledged. The model must not be ahead of the store.
    pub fn judge(&mut self, store: &dyn Store, acked: u64) -> Result<u64, Broken> {
        let seq = head(store)?;
        if seq < acked {
            return Err(Broken::Lost { acked, found: seq });
        }
        self.advance(seq);
        let found = everything(store)?;
        let same = found.len() == self.values.len()
            && found
                .iter()
                .zip(&self.values)
                .all(|((key, value), (model_key, model_value))| {
                    key == model_key && value == model_value
                });
        if same {
            Ok(seq)
        } else {
            Err(Broken::Torn { seq })
        }
    }
}

/// What the commit of this number does; numbers begin with 1.
pub fn commit(seq: u64) -> Batch {
    let mut batch = Batch::default();
    let mut dice = Dice(seq);
    for _ in 0..=dice.below(8) {
        let record = dice.below(RECORDS);
        let key = [b"R", &record.to_be_bytes()[..]].concat();
        match dice.below(12) {
            0 | 1 => batch.remove(key),
            2 => batch.put(key, filler(dice.next(), 4_000 + dice.below(16_000))),
            _ => batch.put(key, filler(dice.next(), dice.below(1_200))),
        }
    }
    batch.put([b"H", &seq.to_be_bytes()[..]].concat(), filler(seq, 24));
    if let Some(old) = seq.checked_sub(RETENTION) {
        batch.remove([b"H", &old.to_be_bytes()[..]].concat());
    }
    batch.put(HEAD.to_vec(), seq.to_be_bytes().to_vec());
    batch
}

/// The number of the last commit.
pub fn head(store: &dyn Store) -> Result<u64, StoreError> {
    let head = store.get(HEAD)?;
    Ok(head.map_or(0, |head| {
        u64::from_be_bytes(head.as_ref().try_into().unwrap())
    }))
}

/// All there is.
fn everything(store: &dyn Store) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
    let mut pairs = Vec::new();
    store.scan(&[], END, &mut |key, value| {
        pairs.push((Bytes::copy_from_slice(key), value));
        Ok(())
    })?;
    Ok(pairs)
}

/// Whether the other ways of reading find the same.
fn is_of_one_mind(store: &dyn Store, pairs: &[(Bytes, Bytes)]) -> Result<bool, StoreError> {
    for (key, value) in pairs {
        if store.get(key)?.as_ref() != Some(value) {
            return Ok(false);
        }
    }
    Ok(store.last(&[], END)?.as_ref() == pairs.last())
}

/// Numbers that look like chance and are the same every time.
#[derive(Debug)]
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

fn filler(seed: u64, len: u64) -> Vec<u8> {
    let len = usize::try_from(len).unwrap();
    let mut bytes = Vec::with_capacity(len + 8);
    let mut word = seed;
    while bytes.len() < len {
        bytes.extend_from_slice(&word.to_le_bytes());
        word = word.wrapping_add(0x9E37_79B9_7F4A_7C15);
    }
    bytes.truncate(len);
    bytes
}

/// Opens a store without asking for free room; with a key where its place is named so.
pub fn open(path: &std::path::Path) -> Result<Disk, StoreError> {
    Disk::open(path, &config(path))
}

/// How it is opened.
pub fn config(path: &std::path::Path) -> DiskConfig {
    DiskConfig {
        min_free_bytes: 0,
        key: key_of(path),
        ..DiskConfig::default()
    }
}

/// The key of the store in a place. Its name says whether there is one, to other processes too.
pub fn key_of(path: &std::path::Path) -> Option<StoreKey> {
    path.ends_with(WITH_KEY).then(|| StoreKey::new([7; 32]))
}

const WITH_KEY: &str = "store-with-key";

/// A number, or a greater one when somebody has the time.
pub fn more(default: u64, long: u64) -> u64 {
    if std::env::var_os("LIANGXIN_LONG").is_some() {
        long
    } else {
        default
    }
}

/// A directory in memory where the system has such a place: for what is not about the disk.
pub fn fast_directory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

/// The same, without a key and with one.
pub fn places(directory: &tempfile::TempDir) -> [PathBuf; 2] {
    [place(directory), directory.path().join(WITH_KEY)]
}

/// The place of a store in a directory of a test.
pub fn place(directory: &tempfile::TempDir) -> PathBuf {
    directory.path().join("store")
}

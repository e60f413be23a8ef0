//! The fingerprint of a scope: 4,096 buckets, each the sum of its records' leaves.
//!
//! A sum modulo 2^256 and a count, not XOR, which cancels. Equal fingerprints mean equal states
//! with equal contexts.

use crate::{Leaf, RecordKey};

/// Buckets of one scope.
pub const BUCKETS: usize = 4_096;
/// Pages of 64 buckets, for finding a difference in few questions.
pub const PAGES: usize = 64;

/// The sum and the number of some leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Sum modulo 2^256, least significant word first.
    sum: [u64; 4],
    /// Records.
    pub count: u64,
}

impl Bucket {
    /// Adds a leaf.
    pub fn add(&mut self, leaf: Leaf) {
        self.plus(&Self {
            sum: words(&leaf.0),
            count: 1,
        });
    }

    /// Takes a leaf out that was added before.
    pub fn remove(&mut self, leaf: Leaf) {
        let mut borrow = false;
        for (word, other) in self.sum.iter_mut().zip(words(&leaf.0)) {
            let (first, under) = word.overflowing_sub(other);
            let (second, under_again) = first.overflowing_sub(u64::from(borrow));
            *word = second;
            borrow = under || under_again;
        }
        self.count = self.count.wrapping_sub(1);
    }

    fn plus(&mut self, other: &Self) {
        let mut carry = false;
        for (word, more) in self.sum.iter_mut().zip(other.sum) {
            let (first, over) = word.overflowing_add(more);
            let (second, over_again) = first.overflowing_add(u64::from(carry));
            *word = second;
            carry = over || over_again;
        }
        self.count = self.count.wrapping_add(other.count);
    }

    /// The sum as 32 bytes, least significant first.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (chunk, word) in bytes.chunks_exact_mut(8).zip(self.sum) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// Reads what [`Bucket::to_bytes`] wrote, with its count.
    #[must_use]
    pub fn from_parts(sum: [u8; 32], count: u64) -> Self {
        Self {
            sum: words(&sum),
            count,
        }
    }
}

fn words(bytes: &[u8; 32]) -> [u64; 4] {
    let mut words = [0; 4];
    for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        let mut eight = [0; 8];
        eight.copy_from_slice(chunk);
        *word = u64::from_le_bytes(eight);
    }
    words
}

/// The bucket a record belongs to: twelve bits of the hash of its key.
#[must_use]
pub fn bucket_of(key: RecordKey) -> usize {
    let mut bytes = [0; 20];
    let (kind, id) = bytes.split_at_mut(4);
    kind.copy_from_slice(&key.kind.0.to_le_bytes());
    id.copy_from_slice(&key.id.0);
    let hash = blake3::hash(&bytes);
    let [low, high, ..] = hash.as_bytes();
    (usize::from(*high) << 8 | usize::from(*low)) % BUCKETS
}

/// The buckets of one scope, with the sums of its pages and of all, kept with every change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    buckets: Vec<Bucket>,
    pages: Vec<Bucket>,
    root: Bucket,
}

impl Default for Fingerprint {
    fn default() -> Self {
        Self {
            buckets: vec![Bucket::default(); BUCKETS],
            pages: vec![Bucket::default(); PAGES],
            root: Bucket::default(),
        }
    }
}

impl Fingerprint {
    /// One bucket.
    #[must_use]
    pub fn bucket(&self, number: usize) -> Bucket {
        self.buckets.get(number).copied().unwrap_or_default()
    }

    /// Adds a record's leaf.
    pub fn add(&mut self, key: RecordKey, leaf: Leaf) {
        self.places(key).for_each(|place| place.add(leaf));
    }

    /// Takes a record's leaf out.
    pub fn remove(&mut self, key: RecordKey, leaf: Leaf) {
        self.places(key).for_each(|place| place.remove(leaf));
    }

    /// The bucket, the page and the whole that a record counts in.
    fn places(&mut self, key: RecordKey) -> impl Iterator<Item = &mut Bucket> {
        let number = bucket_of(key);
        let bucket = self.buckets.get_mut(number);
        let page = self.pages.get_mut(number / PAGES);
        bucket.into_iter().chain(page).chain([&mut self.root])
    }

    /// The sum of one page of 64 buckets.
    #[must_use]
    pub fn page(&self, number: usize) -> Bucket {
        self.pages.get(number).copied().unwrap_or_default()
    }

    /// The sum of all.
    #[must_use]
    pub fn root(&self) -> Bucket {
        self.root
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, RecordId};

    #[test]
    fn removing_what_was_added_leaves_nothing_in_any_order() {
        let keys = (0..50_u8).map(|n| RecordKey {
            kind: Kind(5),
            id: RecordId([n; 16]),
        });
        let leaves: Vec<_> = keys.map(|key| (key, Leaf::of(&key.id.0))).collect();
        let mut print = Fingerprint::default();
        leaves.iter().for_each(|(key, leaf)| print.add(*key, *leaf));
        assert_eq!(print.root().count, 50);
        let pages = (0..PAGES).map(|page| print.page(page).count).sum::<u64>();
        assert_eq!(pages, 50);
        leaves
            .iter()
            .rev()
            .for_each(|(key, leaf)| print.remove(*key, *leaf));
        assert_eq!(print, Fingerprint::default());
    }

    #[test]
    fn two_records_with_swapped_states_do_not_cancel() {
        let key = |n| RecordKey {
            kind: Kind(5),
            id: RecordId([n; 16]),
        };
        let (mut a, mut b) = (Fingerprint::default(), Fingerprint::default());
        a.add(key(1), Leaf([255; 32]));
        a.add(key(1), Leaf([255; 32]));
        b.add(key(1), Leaf([1; 32]));
        b.add(key(1), Leaf([1; 32]));
        assert_ne!(a.root(), b.root());
    }
}

//! What is true of the whole store: how many values it holds and which.
//!
//! A checksum finds a value that changed, but not one that is missing or old. So each commit
//! writes, in the same batch, the number of values and a sum over all of them; opening adds up
//! what is there and compares. What remains unseen is a store that is whole but older: that is for
//! the peers to notice.

use super::sealed::{Header, ROOT, Sealer, damaged, open, seal};
use crate::{StoreError, key::Cipher};

/// Number and sum of all values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Root {
    /// Commits so far.
    commit: u64,
    /// Values.
    values: u64,
    /// Pieces after the first.
    pieces: u64,
    /// The sum of the hashes of all values, modulo 2^128: the order does not matter.
    sum: u128,
}

impl Root {
    /// Adds a value.
    pub(super) fn add(&mut self, key: &[u8], header: Header) {
        self.values = self.values.wrapping_add(1);
        self.pieces = self.pieces.wrapping_add(header.pieces().into());
        self.sum = self.sum.wrapping_add(weight(key, header));
    }

    /// Takes a value away.
    pub(super) fn take(&mut self, key: &[u8], header: Header) {
        self.values = self.values.wrapping_sub(1);
        self.pieces = self.pieces.wrapping_sub(header.pieces().into());
        self.sum = self.sum.wrapping_sub(weight(key, header));
    }

    /// Commits so far.
    pub(super) fn commit(&self) -> u64 {
        self.commit
    }

    /// Counts the commit.
    pub(super) fn step(&mut self) {
        self.commit = self.commit.wrapping_add(1);
    }

    /// Pieces after the first, of all values.
    pub(super) fn pieces(&self) -> u64 {
        self.pieces
    }

    /// Whether the same values are meant.
    pub(super) fn matches(&self, other: &Self) -> bool {
        (self.values, self.pieces, self.sum) == (other.values, other.pieces, other.sum)
    }

    /// The stored form.
    pub(super) fn write(&self, sealer: Option<&mut Sealer<'_>>) -> Result<sled::IVec, StoreError> {
        let mut value = Vec::with_capacity(40);
        value.extend_from_slice(&self.commit.to_le_bytes());
        value.extend_from_slice(&self.values.to_le_bytes());
        value.extend_from_slice(&self.pieces.to_le_bytes());
        value.extend_from_slice(&self.sum.to_le_bytes());
        Ok(seal(&ROOT, &value, sealer)?.first())
    }

    /// From the stored form.
    pub(super) fn read(stored: &[u8], cipher: Option<&Cipher>) -> Result<Self, StoreError> {
        let value = open(&ROOT, stored, cipher, |_| Ok(None))?;
        let mut rest = value.as_ref();
        let mut number = || -> Option<u64> {
            let (first, after) = rest.split_first_chunk::<8>()?;
            rest = after;
            Some(u64::from_le_bytes(*first))
        };
        let mut read = || {
            let (commit, values, pieces) = (number()?, number()?, number()?);
            let (low, high) = (number()?, number()?);
            Some(Self {
                commit,
                values,
                pieces,
                sum: u128::from(high) << 64 | u128::from(low),
            })
        };
        read().ok_or_else(|| damaged("a root of another length"))
    }
}

/// One value's part of the sum. The checksum stands for the value: both were compared before.
fn weight(key: &[u8], header: Header) -> u128 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&header.crc.to_le_bytes());
    hasher.update(&u64::try_from(header.len).unwrap_or(u64::MAX).to_le_bytes());
    hasher.update(key);
    let mut weight = [0; 16];
    hasher.finalize_xof().fill(&mut weight);
    u128::from_le_bytes(weight)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StoreKey;

    #[test]
    fn the_sum_forgets_order_and_what_was_taken_away() {
        let of = |key: &[u8], value: &[u8]| seal(key, value, None).unwrap().header;
        let mut one = Root::default();
        one.add(b"a", of(b"a", b"1"));
        one.add(b"b", of(b"b", b"2"));
        let mut two = Root::default();
        two.add(b"b", of(b"b", b"2"));
        two.add(b"c", of(b"c", b"3"));
        two.add(b"a", of(b"a", b"1"));
        assert!(!one.matches(&two));
        two.take(b"c", of(b"c", b"3"));
        assert!(one.matches(&two));
    }

    #[test]
    fn the_stored_form_comes_back() {
        let mut root = Root::default();
        root.step();
        root.add(b"a", seal(b"a", &[0; 10_000], None).unwrap().header);
        let cipher = StoreKey::new([7; 32]).values();
        let mut sealer = Sealer::new(&cipher).unwrap();
        for sealer in [None, Some(&mut sealer)] {
            let stored = root.write(sealer).unwrap();
            assert_eq!(Root::read(&stored, Some(&cipher)).unwrap(), root);
        }
        assert_eq!(root.pieces(), 2);
    }
}

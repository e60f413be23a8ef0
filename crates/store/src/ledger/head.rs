//! What stands in front of a record's bytes in the store.

use bytes::Bytes;
use replica::{Kind, Leaf, RecordId, RecordKey};

use super::Guest;
use crate::keys;

/// Origin, flags and leaf.
const FIXED_BYTES: usize = 37;
/// Kind and id of the parent, where there is one.
const PARENT_BYTES: usize = 20;

const CONTESTED: u8 = 1;
const LENT: u8 = 2;
const LEFT: u8 = 4;
const PARENT: u8 = 8;
const EMPTY: u8 = 16;

/// The head of an `R` value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordHead {
    /// The peer that sent exactly this state, 0 for none.
    pub(crate) origin: u32,
    /// A register has more than one candidate, or the record was deleted.
    pub(crate) contested: bool,
    pub(crate) guest: Guest,
    /// Nothing is left of the record: all its writes were taken back.
    pub(crate) empty: bool,
    pub(crate) leaf: Leaf,
    /// The record whose home this one shares.
    pub(crate) parent: Option<RecordKey>,
}

impl RecordHead {
    /// Writes the head and the record behind it.
    pub(crate) fn value(&self, record: &[u8]) -> Vec<u8> {
        let mut value = Vec::with_capacity(FIXED_BYTES + PARENT_BYTES + record.len());
        value.extend_from_slice(&self.origin.to_be_bytes());
        let guest = match self.guest {
            Guest::No => 0,
            Guest::Lent => LENT,
            Guest::Left => LEFT,
        };
        let contested = if self.contested { CONTESTED } else { 0 };
        let has_parent = if self.parent.is_some() { PARENT } else { 0 };
        let empty = if self.empty { EMPTY } else { 0 };
        value.push(contested | guest | has_parent | empty);
        value.extend_from_slice(&self.leaf.0);
        if let Some(parent) = self.parent {
            value.extend_from_slice(&parent.kind.0.to_be_bytes());
            value.extend_from_slice(&parent.id.0);
        }
        value.extend_from_slice(record);
        value
    }

    /// Whether the record counts in the fingerprint of the scope in whose feed it lies.
    pub(crate) fn counts(&self) -> bool {
        self.guest == Guest::No && !self.empty
    }

    /// Reads a value: the head and the record's bytes.
    pub(crate) fn split(value: &Bytes) -> Option<(Self, Bytes)> {
        let origin = keys::u32_at(value, 0)?;
        let flags = *value.get(4)?;
        let leaf = Leaf::try_from(value.get(5..FIXED_BYTES)?).ok()?;
        let (parent, end) = if flags & PARENT == 0 {
            (None, FIXED_BYTES)
        } else {
            let end = FIXED_BYTES + PARENT_BYTES;
            let kind = Kind(keys::u32_at(value, FIXED_BYTES)?);
            let id = RecordId::try_from(value.get(FIXED_BYTES + 4..end)?).ok()?;
            (Some(RecordKey { kind, id }), end)
        };
        let guest = match flags & (LENT | LEFT) {
            0 => Guest::No,
            LENT => Guest::Lent,
            _ => Guest::Left,
        };
        let head = Self {
            origin,
            contested: flags & CONTESTED != 0,
            guest,
            empty: flags & EMPTY != 0,
            leaf,
            parent,
        };
        (value.len() >= end).then(|| (head, value.slice(end..)))
    }
}

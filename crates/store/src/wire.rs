//! Names and contents as stored messages hold them.

use proto::stored::Refusal;
use replica::{Dot, Incarnation, Kind, Leaf, RecordId, RecordKey};

/// The write that was refused or taken back.
pub(crate) fn dot_of(refusal: &Refusal) -> Dot {
    Dot {
        incarnation: Incarnation(refusal.incarnation),
        counter: refusal.counter,
    }
}

/// The first eight bytes of the hash of what was written: after a rollback one name may have had
/// two contents.
pub(crate) fn print_of(refusal: &Refusal) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = Leaf::of(&refusal.siblings).0;
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

/// The record of a kind number and 16 bytes.
pub(crate) fn key_of(kind: u32, id: &[u8]) -> Option<RecordKey> {
    Some(RecordKey {
        kind: Kind(kind),
        id: RecordId::try_from(id).ok()?,
    })
}

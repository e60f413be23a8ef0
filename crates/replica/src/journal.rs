//! The journal of an incarnation: a hash chain over every write it made.

use crate::{Dot, Head, RecordKey, RegisterId, Sibling};

/// One write in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// The record written.
    pub key: RecordKey,
    /// The registers set.
    pub registers: Vec<RegisterId>,
    /// The dots replaced, over all registers.
    pub replaces: Vec<Dot>,
    /// The hash of the write with its values: see [`write_hash`].
    pub hash: Head,
}

/// Returns the hash of one write: its dot, author, time, reason, epoch and every value it set.
#[must_use]
pub fn write_hash(key: RecordKey, siblings: &[&Sibling]) -> Head {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&key.kind.0.to_le_bytes());
    hasher.update(&key.id.0);
    for sibling in siblings {
        let write = &sibling.write;
        hasher.update(&write.dot.incarnation.0.to_le_bytes());
        hasher.update(&write.dot.counter.to_le_bytes());
        hasher.update(&write.time.0.to_le_bytes());
        hasher.update(&write.epoch.to_le_bytes());
        for text in [
            write.author.as_bytes(),
            write.reason.as_bytes(),
            &sibling.value,
        ] {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text);
        }
        hasher.update(&sibling.register.0.to_le_bytes());
    }
    Head(*hasher.finalize().as_bytes())
}

/// Returns a running hash after one more link: the journal's after a write, or a feed's after a
/// change.
#[must_use]
pub fn chain(head: Head, link: &[u8; 32]) -> Head {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&head.0);
    hasher.update(link);
    Head(*hasher.finalize().as_bytes())
}

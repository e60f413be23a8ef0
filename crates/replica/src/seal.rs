//! The seal of the hub: by it a restored hub knows its own writes when nodes bring them home.
//!
//! Keyed BLAKE3 over record, register, dot, value, epoch and the hub's part of the context that
//! the write had seen; of a transfer's write, the whole context: what it had seen is not late. The key lies outside the store and its data backups. A write carries one
//! seal for all its registers: the context, then a mark a register.

use std::{fmt, sync::Arc};

use bytes::Bytes;

use crate::{Counter, Dot, Incarnation, Record, RecordKey, Sibling, Write};

/// Bytes of one mark.
const MARK_BYTES: usize = 16;
/// Bytes of one register's entry: its number, its mark.
const ENTRY_BYTES: usize = 4 + MARK_BYTES;

/// The key of a hub's seals: 32 random bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct SealKey([u8; 32]);

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey")
    }
}

impl SealKey {
    /// Takes 32 random bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    fn mark(&self, key: RecordKey, sibling: &Sibling, context: &[u8]) -> [u8; MARK_BYTES] {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(&key.kind.0.to_le_bytes());
        hasher.update(&key.id.0);
        hasher.update(&sibling.register.0.to_le_bytes());
        hasher.update(&sibling.dot().incarnation.0.to_le_bytes());
        hasher.update(&sibling.dot().counter.to_le_bytes());
        hasher.update(&sibling.write.epoch.to_le_bytes());
        hasher.update(&(context.len() as u64).to_le_bytes());
        hasher.update(context);
        hasher.update(&sibling.value);
        let mut mark = [0; MARK_BYTES];
        let hash = hasher.finalize();
        mark.iter_mut()
            .zip(hash.as_bytes())
            .for_each(|(to, from)| *to = *from);
        mark
    }

    /// Whether the seal of a sibling holds and its write had seen another: then the other may
    /// disappear under it.
    #[must_use]
    pub fn had_seen(&self, key: RecordKey, sibling: &Sibling, other: Dot) -> bool {
        let Some((context, _)) = split(&sibling.write.seal) else {
            return false;
        };
        let mut entries = context.chunks_exact(16).filter_map(entry);
        self.holds(key, sibling)
            && entries.any(|(i, counter)| i == other.incarnation && counter >= other.counter)
    }

    /// Whether a sibling is a write of the hub that has this key.
    #[must_use]
    pub fn holds(&self, key: RecordKey, sibling: &Sibling) -> bool {
        let Some((context, entries)) = split(&sibling.write.seal) else {
            return false;
        };
        let mark = self.mark(key, sibling, context);
        let register = sibling.register.0.to_le_bytes();
        let mut entries = entries.chunks_exact(ENTRY_BYTES);
        entries.any(|entry| {
            let (number, sealed) = entry.split_at(register.len());
            number == register && sealed == mark
        })
    }
}

/// One entry of the context in a seal.
fn entry(bytes: &[u8]) -> Option<(Incarnation, Counter)> {
    let (incarnation, rest) = bytes.split_first_chunk::<8>()?;
    let counter = rest.first_chunk::<8>()?;
    Some((
        Incarnation(u64::from_le_bytes(*incarnation)),
        u64::from_le_bytes(*counter),
    ))
}

/// The context and the entries of a seal.
fn split(seal: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = seal.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_le_bytes(*length)) * 16)
}

impl Record {
    /// Seals the write of a dot: all its siblings. `seen` is the part of the context that the write
    /// had seen and the seal is to prove; as much of it as a seal holds is taken.
    pub fn seal(&mut self, dot: Dot, key: &SealKey, seen: &[(Incarnation, Counter)]) {
        let entries = seen.iter().take(usize::from(u16::MAX));
        let mut context = Vec::with_capacity(seen.len() * 16);
        for (incarnation, counter) in entries {
            context.extend_from_slice(&incarnation.0.to_le_bytes());
            context.extend_from_slice(&counter.to_le_bytes());
        }
        let count = u16::try_from(context.len() / 16).unwrap_or(u16::MAX);
        let mut seal = count.to_le_bytes().to_vec();
        seal.extend_from_slice(&context);
        let name = self.key;
        let written = self.siblings.iter().filter(|sibling| sibling.dot() == dot);
        let mut sealed: Option<Write> = None;
        for sibling in written {
            seal.extend_from_slice(&sibling.register.0.to_le_bytes());
            seal.extend_from_slice(&key.mark(name, sibling, &context));
            sealed.get_or_insert_with(|| (*sibling.write).clone());
        }
        let Some(mut write) = sealed else { return };
        write.seal = Bytes::from(seal);
        let write = Arc::new(write);
        for sibling in self
            .siblings
            .iter_mut()
            .filter(|sibling| sibling.dot() == dot)
        {
            sibling.write = Arc::clone(&write);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Edit, HybridTime, Kind, RecordId, RegisterId, ScopeId, Set, Source, Stamp};

    fn written(value: &'static str) -> (Record, Dot) {
        let key = RecordKey {
            kind: Kind(1),
            id: RecordId([1; 16]),
        };
        let set = |register| Set {
            register: RegisterId(register),
            value: Bytes::from_static(value.as_bytes()),
            shown: Vec::new(),
        };
        let edit = Edit {
            key,
            scope: ScopeId([2; 16]),
            set: vec![set(1), set(2)],
            author: "city".to_owned(),
            reason: "init".to_owned(),
            source: Source::Command,
            decision: Bytes::new(),
        };
        let dot = Dot {
            incarnation: Incarnation(7),
            counter: 1,
        };
        let stamp = Stamp {
            dot,
            time: HybridTime(1),
            epoch: 0,
        };
        let blank = Record::new(key, edit.scope);
        (edit.apply(&blank, stamp, false, &|_, _| None).unwrap(), dot)
    }

    #[test]
    fn a_seal_holds_for_what_was_sealed_and_for_nothing_else() {
        let key = SealKey::new([9; 32]);
        let (mut record, dot) = written("x");
        assert!(
            !key.holds(record.key, &record.siblings[0]),
            "nothing was sealed yet"
        );
        record.seal(dot, &key, &[(Incarnation(3), 4)]);
        assert!(record.siblings.iter().all(|s| key.holds(record.key, s)));
        assert!(!SealKey::new([8; 32]).holds(record.key, &record.siblings[0]));
        let mut other = record.siblings[0].clone();
        other.value = Bytes::from_static(b"y");
        assert!(!key.holds(record.key, &other), "another value");
        let mut other = record.siblings[0].clone();
        other.register = RegisterId(3);
        assert!(!key.holds(record.key, &other), "another register");
        let elsewhere = RecordKey {
            kind: Kind(2),
            ..record.key
        };
        assert!(!key.holds(elsewhere, &record.siblings[0]), "another record");
    }

    #[test]
    fn a_seal_says_what_its_write_had_seen() {
        let key = SealKey::new([9; 32]);
        let (mut record, dot) = written("x");
        record.seal(dot, &key, &[(Incarnation(3), 4)]);
        let dot = |incarnation, counter| Dot {
            incarnation: Incarnation(incarnation),
            counter,
        };
        let sibling = &record.siblings[0];
        assert!(key.had_seen(record.key, sibling, dot(3, 4)));
        assert!(!key.had_seen(record.key, sibling, dot(3, 5)));
        assert!(!key.had_seen(record.key, sibling, dot(4, 1)));
        let other = SealKey::new([8; 32]);
        assert!(!other.had_seen(record.key, sibling, dot(3, 4)));
    }

    #[test]
    fn a_sealed_record_travels_as_it_is() {
        let (mut record, dot) = written("x");
        record.seal(dot, &SealKey::new([9; 32]), &[]);
        assert_eq!(Record::decode(&record.encode()).unwrap(), record);
    }
}

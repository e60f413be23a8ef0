//! The journal of an incarnation: a hash chain over every write it made.

use crate::{Dot, Head, Record, RecordKey, RegisterId, Sibling};

/// One write in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// The record written.
    pub key: RecordKey,
    /// The registers set.
    pub registers: Vec<RegisterId>,
    /// The dots replaced, over all registers.
    pub replaces: Vec<Dot>,
    /// Which of them each register replaced: a mask a register, bit i for the i-th dot. Empty where
    /// each replaced all of them; dots after the 64th are in no mask.
    pub masks: Vec<u64>,
    /// The hash of the write with its values: see [`write_hash`].
    pub hash: Head,
}

impl JournalEntry {
    /// The entry of a write of a record.
    #[must_use]
    pub fn of(record: &Record, dot: Dot) -> Self {
        let siblings: Vec<_> = record.siblings.iter().filter(|s| s.dot() == dot).collect();
        let mut replaces: Vec<Dot> = siblings.iter().flat_map(|s| s.replaces.clone()).collect();
        replaces.sort_unstable();
        replaces.dedup();
        let has = |sibling: &Sibling| {
            let dots = replaces.iter().take(64).enumerate();
            let own = dots.filter(|(_, dot)| sibling.replaces.contains(dot));
            own.fold(0, |mask, (at, _)| mask | 1 << at)
        };
        let alike = siblings.iter().all(|s| s.replaces.len() == replaces.len());
        let masks = if alike {
            Vec::new()
        } else {
            siblings.iter().map(|sibling| has(sibling)).collect()
        };
        Self {
            key: record.key,
            registers: siblings.iter().map(|s| s.register).collect(),
            replaces,
            masks,
            hash: write_hash(record.key, &siblings),
        }
    }

    /// Each register set, with the dots that it is known to have replaced.
    pub fn replaced(&self) -> impl Iterator<Item = (RegisterId, Vec<Dot>)> + '_ {
        let replaced = move |register: usize, dot: usize| match self.masks.get(register) {
            Some(mask) => dot < 64 && mask >> dot & 1 == 1,
            None => self.masks.is_empty(),
        };
        self.registers
            .iter()
            .enumerate()
            .map(move |(at, register)| {
                let dots = self.replaces.iter().enumerate();
                let own = dots.filter(|(i, _)| replaced(at, *i));
                (*register, own.map(|(_, dot)| *dot).collect())
            })
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Counter, Edit, HybridTime, Incarnation, Kind, RecordId, ScopeId, Set, Source, Stamp,
    };
    use bytes::Bytes;

    const KEY: RecordKey = RecordKey {
        kind: Kind(1),
        id: RecordId([1; 16]),
    };

    fn dot(counter: Counter) -> Dot {
        Dot {
            incarnation: Incarnation(1),
            counter,
        }
    }

    /// Writes registers of a record, each shown as it is or as empty.
    fn put(record: &Record, counter: Counter, set: &[(u32, bool)]) -> Record {
        let set = set.iter().map(|(register, sees)| {
            let register = RegisterId(*register);
            let shown = record.register(register).iter().filter(|_| *sees);
            Set {
                register,
                value: Bytes::from_static(b"x"),
                shown: shown.map(Sibling::shown).collect(),
            }
        });
        let edit = Edit {
            key: KEY,
            scope: ScopeId([2; 16]),
            set: set.collect(),
            author: "clerk".to_owned(),
            reason: String::new(),
            source: Source::Form,
            decision: Bytes::new(),
        };
        let stamp = Stamp {
            dot: dot(counter),
            time: HybridTime(counter),
            epoch: 0,
        };
        edit.apply(record, stamp, false, &|_, _| None).unwrap()
    }

    #[test]
    fn each_register_says_what_it_replaced_itself() {
        let blank = Record::new(KEY, ScopeId([2; 16]));
        let first = put(&blank, 1, &[(1, true), (2, true)]);
        let second = put(&first, 2, &[(1, true), (2, false)]);
        let entry = JournalEntry::of(&second, dot(2));
        let of = |entry: &JournalEntry| entry.replaced().collect::<Vec<_>>();
        let (one, two) = (RegisterId(1), RegisterId(2));
        assert_eq!(of(&entry), [(one, vec![dot(1)]), (two, vec![])]);
        // What is alike in all needs no mask, and is read from an older program that way.
        let alike = JournalEntry::of(&put(&first, 2, &[(1, true), (2, true)]), dot(2));
        assert!(alike.masks.is_empty());
        assert_eq!(of(&alike), [(one, vec![dot(1)]), (two, vec![dot(1)])]);
    }

    #[test]
    fn a_dot_beyond_the_mask_is_claimed_by_no_register() {
        let replaces: Vec<Dot> = (1..=65).map(dot).collect();
        let entry = JournalEntry {
            key: KEY,
            registers: vec![RegisterId(1), RegisterId(2)],
            replaces,
            masks: vec![u64::MAX, 1],
            hash: Head::default(),
        };
        let counts: Vec<usize> = entry.replaced().map(|(_, dots)| dots.len()).collect();
        assert_eq!(counts, [64, 1]);
    }
}

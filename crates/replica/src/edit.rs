//! Writing a record, and taking a write back.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;

use crate::{
    Ancestor, Dot, HybridTime, Record, RecordKey, RegisterId, ScopeId, Sibling, Source, Write,
    limits::{ANCESTOR_VALUE_BYTES_MAX, ANCESTRY_MAX, SIBLINGS_MAX},
};

/// A candidate that the writer saw, by name and by content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shown {
    /// Its name.
    pub dot: Dot,
    /// The first eight bytes of the hash of its content: see [`Sibling::print`].
    pub print: u64,
}

/// One register that an edit sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// Which.
    pub register: RegisterId,
    /// The encoding of its fields; empty clears it.
    pub value: Bytes,
    /// The candidates that the form showed: the new one replaces exactly those.
    pub shown: Vec<Shown>,
}

/// What a person, an import or a decision wants written to one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The record; it is made when it does not exist.
    pub key: RecordKey,
    /// The scope of a record that is made.
    pub scope: ScopeId,
    /// The registers, each once.
    pub set: Vec<Set>,
    /// ACCOUNT@replica.
    pub author: String,
    /// Why.
    pub reason: String,
    /// How it came in.
    pub source: Source,
    /// The decision it carries out, or empty.
    pub decision: Bytes,
}

/// Why an edit was not written. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The form shows what this replica does not hold: it was opened before a crash, a rollback
    /// or a restore took it away, or elsewhere.
    #[error("the form is stale")]
    Stale(RegisterId),
    /// The register holds as many candidates as it may.
    #[error("too many candidates, decide first")]
    DecideFirst(RegisterId),
    /// The edit sets nothing, or one register twice.
    #[error("the edit sets nothing or one register twice")]
    Nothing,
}

/// The name, time and epoch that a write gets from the replica it is made on.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    /// Its name.
    pub dot: Dot,
    /// The writer's hybrid time.
    pub time: HybridTime,
    /// The epoch of ownership.
    pub epoch: u64,
}

impl Sibling {
    /// The first eight bytes of the hash of all that a sibling says.
    #[must_use]
    pub fn print(&self) -> u64 {
        let hash = crate::write_hash(
            RecordKey {
                kind: crate::Kind(0),
                id: crate::RecordId([0; 16]),
            },
            &[self],
        );
        let mut eight = [0; 8];
        hash.0
            .iter()
            .zip(&mut eight)
            .for_each(|(from, to)| *to = *from);
        u64::from_le_bytes(eight)
    }

    /// What a form that shows this candidate remembers of it.
    #[must_use]
    pub fn shown(&self) -> Shown {
        Shown {
            dot: self.dot(),
            print: self.print(),
        }
    }
}

impl Edit {
    /// Whether the edit shows a sibling that does not stand in the record any more: then
    /// [`Self::apply`] needs what has left it.
    #[must_use]
    pub fn shows_past(&self, record: &Record) -> bool {
        let stands = |register, dot| record.register(register).iter().any(|s| s.dot() == dot);
        let gone = |set: &Set| set.shown.iter().any(|s| !stands(set.register, s.dot));
        self.set.iter().any(gone)
    }

    /// Returns the record after the edit. `acked` says whether the peer is known to hold the
    /// present state: then the replaced value travels as the base of a later comparison. `past`
    /// finds a sibling that was shown but has been replaced since.
    ///
    /// # Errors
    /// Nothing is written when the form is stale, a register is full, or nothing is set.
    pub fn apply(
        &self,
        record: &Record,
        stamp: Stamp,
        acked: bool,
        past: &dyn Fn(RegisterId, Dot) -> Option<Sibling>,
    ) -> Result<Record, EditError> {
        let registers: BTreeSet<_> = self.set.iter().map(|set| set.register).collect();
        if registers.is_empty() || registers.len() != self.set.len() {
            return Err(EditError::Nothing);
        }
        let write = Arc::new(Write {
            dot: stamp.dot,
            author: self.author.clone(),
            time: stamp.time,
            reason: self.reason.clone(),
            epoch: stamp.epoch,
            decision: self.decision.clone(),
            source: self.source,
            seal: Bytes::new(),
        });
        let mut next = record.clone();
        for set in &self.set {
            let shown = shown_by(record, set, past)?;
            let replaces: Vec<Dot> = shown.iter().map(Sibling::dot).collect();
            let gone = |s: &Sibling| s.register == set.register && replaces.contains(&s.dot());
            next.siblings.retain(|s| !gone(s));
            if next.register(set.register).len() == SIBLINGS_MAX {
                return Err(EditError::DecideFirst(set.register));
            }
            let sibling = Sibling {
                register: set.register,
                write: Arc::clone(&write),
                value: set.value.clone(),
                ancestry: ancestry(&shown, acked),
                replaces,
            };
            next.siblings.push(sibling);
            next.sort();
        }
        next.context.add(stamp.dot);
        Ok(next)
    }
}

/// What a form shows of a register, ascending by dot. The form is stale when it shows a write that
/// the record has not seen, or another content under the same name. What was replaced since is not
/// stale: the edit stays beside it. A name alone proves nothing: a machine that was rolled back may
/// have given it to another record since.
fn shown_by(
    record: &Record,
    set: &Set,
    past: &dyn Fn(RegisterId, Dot) -> Option<Sibling>,
) -> Result<Vec<Sibling>, EditError> {
    let present = record.register(set.register);
    let known = |shown: &Shown| {
        let now = present.iter().find(|s| s.dot() == shown.dot).cloned();
        let seen = record.context.covers(shown.dot);
        let then = || past(set.register, shown.dot).filter(|_| seen);
        let known = now.or_else(then);
        let same = known.filter(|sibling| sibling.print() == shown.print);
        same.ok_or(EditError::Stale(set.register))
    };
    let mut shown: Vec<Sibling> = set.shown.iter().map(known).collect::<Result<_, _>>()?;
    shown.sort_unstable_by_key(Sibling::dot);
    shown.dedup_by_key(|sibling| sibling.dot());
    Ok(shown)
}

/// The last dots that a write descends from. Only the newest that the peer holds brings its value.
fn ancestry(shown: &[Sibling], acked: bool) -> Vec<Ancestor> {
    let own = shown.iter().map(|sibling| {
        let is_short = |v: &&Bytes| v.len() <= ANCESTOR_VALUE_BYTES_MAX;
        let value = Some(&sibling.value).filter(|_| acked).filter(is_short);
        Ancestor {
            dot: sibling.dot(),
            value: value.cloned(),
        }
    });
    let older = shown.iter().flat_map(|sibling| sibling.ancestry.clone());
    let mut line: Vec<Ancestor> = Vec::new();
    let mut has_value = false;
    for mut ancestor in own.chain(older) {
        if line.iter().any(|a| a.dot == ancestor.dot) {
            continue;
        }
        if line.len() == ANCESTRY_MAX {
            break;
        }
        ancestor.value = ancestor.value.filter(|_| !has_value);
        has_value |= ancestor.value.is_some();
        line.push(ancestor);
    }
    line
}

/// What is left after writes were taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenBack {
    /// The record without them.
    pub record: Record,
    /// The siblings that went.
    pub taken: Vec<Sibling>,
}

impl Record {
    /// Takes writes back: their siblings go, in every register; the siblings they had replaced
    /// return under their own dots unless another write replaced them; the dots count as never
    /// seen. What returns and is itself to be taken back goes too. `history` holds what this
    /// replica knows of the record's earlier siblings; a replaced write that it does not know
    /// counts as never seen as well, so that the copy of the peer comes back.
    #[must_use]
    pub fn take_back(&self, dots: &[Dot], history: &[Sibling]) -> TakenBack {
        let mut record = self.clone();
        let mut taken = Vec::new();
        let next = |record: &Self| record.siblings.iter().position(|s| dots.contains(&s.dot()));
        while let Some(place) = next(&record) {
            let sibling = record.siblings.remove(place);
            record.context.take_back(sibling.dot());
            record.give_back(&sibling, history);
            taken.push(sibling);
        }
        record.sort();
        TakenBack { record, taken }
    }

    /// Returns to the register what a sibling taken back had replaced, also by way of others that
    /// were taken back.
    fn give_back(&mut self, gone: &Sibling, history: &[Sibling]) {
        let of_register = |s: &&Sibling| s.register == gone.register;
        let standing: Vec<&Sibling> = self.siblings.iter().filter(of_register).collect();
        let past: Vec<&Sibling> = history.iter().filter(of_register).collect();
        // What was taken back has replaced nothing.
        let counts = |s: &&&Sibling| s.dot() != gone.dot() && self.context.covers(s.dot());
        let mut again: BTreeSet<Dot> = standing
            .iter()
            .chain(past.iter().filter(counts))
            .flat_map(|s| s.replaces.iter().copied())
            .collect();
        for sibling in standing {
            again.insert(sibling.dot());
            again.extend(sibling.ancestry.iter().map(|ancestor| ancestor.dot));
        }
        let (mut back, mut unknown) = (Vec::new(), Vec::new());
        let mut todo = gone.replaces.clone();
        while let Some(dot) = todo.pop() {
            if !again.insert(dot) {
                continue;
            }
            match past.iter().find(|s| s.dot() == dot) {
                Some(sibling) if self.context.covers(dot) => back.push((*sibling).clone()),
                Some(sibling) => todo.extend(sibling.replaces.iter().copied()),
                None => unknown.push(dot),
            }
        }
        self.siblings.extend(back);
        // A dot that stands in another register was seen.
        unknown.retain(|dot| !self.siblings.iter().any(|s| s.dot() == *dot));
        unknown
            .into_iter()
            .for_each(|dot| self.context.take_back(dot));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Incarnation, Kind, RecordId, merge};

    fn blank() -> Record {
        let key = RecordKey {
            kind: Kind(5),
            id: RecordId([1; 16]),
        };
        Record::new(key, ScopeId([2; 16]))
    }

    fn write(record: &Record, incarnation: u64, counter: u64, value: &'static str) -> Record {
        let shown = record
            .register(RegisterId(1))
            .iter()
            .map(Sibling::shown)
            .collect();
        write_shown((record, &[]), (incarnation, counter), value, shown).unwrap()
    }

    fn write_shown(
        (record, past): (&Record, &[Sibling]),
        (incarnation, counter): (u64, u64),
        value: &'static str,
        shown: Vec<Shown>,
    ) -> Result<Record, EditError> {
        let edit = Edit {
            key: record.key,
            scope: record.scope,
            set: vec![Set {
                register: RegisterId(1),
                value: Bytes::from_static(value.as_bytes()),
                shown,
            }],
            author: "a".to_owned(),
            reason: "r".to_owned(),
            source: Source::Form,
            decision: Bytes::new(),
        };
        let dot = Dot {
            incarnation: Incarnation(incarnation),
            counter,
        };
        let stamp = Stamp {
            dot,
            time: HybridTime(counter),
            epoch: 0,
        };
        edit.apply(record, stamp, true, &|_, dot| {
            past.iter().find(|s| s.dot() == dot).cloned()
        })
    }

    fn values(record: &Record) -> Vec<&[u8]> {
        record
            .register(RegisterId(1))
            .iter()
            .map(|s| s.value.as_ref())
            .collect()
    }

    #[test]
    fn what_the_form_had_not_seen_stays_beside_it() {
        let base = write(&blank(), 1, 1, "a");
        let form: Vec<_> = base
            .register(RegisterId(1))
            .iter()
            .map(Sibling::shown)
            .collect();
        let first = write_shown((&base, &base.siblings), (1, 2), "b", form.clone()).unwrap();
        let second = write_shown((&first, &base.siblings), (1, 3), "c", form).unwrap();
        assert_eq!(values(&second), [b"b", b"c"]);
        assert_eq!(
            second.siblings[1].ancestry[0].dot.counter, 1,
            "both descend from the base"
        );
    }

    #[test]
    fn a_form_that_shows_a_lost_or_altered_write_is_stale() {
        let base = write(&blank(), 1, 1, "a");
        let lost = write(&base, 1, 2, "lost");
        let form: Vec<_> = lost
            .register(RegisterId(1))
            .iter()
            .map(Sibling::shown)
            .collect();
        let stale = Err(EditError::Stale(RegisterId(1)));
        assert_eq!(
            write_shown((&base, &base.siblings), (2, 1), "x", form.clone()),
            stale
        );
        let reused = write(&base, 1, 2, "other content, same dot");
        assert_eq!(
            write_shown((&reused, &base.siblings), (2, 1), "x", form.clone()),
            stale
        );
        // Also when that was replaced since, or nothing is known of it.
        let next = write(&reused, 1, 3, "next");
        for past in [&reused.siblings[..], &[]] {
            assert_eq!(write_shown((&next, past), (2, 1), "x", form.clone()), stale);
        }
    }

    #[test]
    fn the_seventeenth_candidate_is_answered_decide_first() {
        let mut record = blank();
        for n in 1..=16 {
            record = write_shown((&record, &[]), (1, n), "v", vec![]).unwrap();
        }
        let full = Err(EditError::DecideFirst(RegisterId(1)));
        assert_eq!(write_shown((&record, &[]), (1, 17), "v", vec![]), full);
    }

    #[test]
    fn what_a_taken_back_write_replaced_returns() {
        let base = write(&blank(), 1, 1, "a");
        let next = write(&base, 1, 2, "refused");
        let dot = Dot {
            incarnation: Incarnation(1),
            counter: 2,
        };
        let back = next.take_back(&[dot], &base.siblings);
        assert_eq!(values(&back.record), [b"a"]);
        assert_eq!(back.taken.len(), 1);
        assert!(!back.record.context.covers(dot));
        assert_eq!(merge(&back.record, &base).unwrap(), back.record);
    }

    #[test]
    fn what_another_write_replaced_too_does_not_return() {
        let base = write(&blank(), 1, 1, "a");
        let form: Vec<_> = base
            .register(RegisterId(1))
            .iter()
            .map(Sibling::shown)
            .collect();
        let one = write_shown((&base, &base.siblings), (1, 2), "refused", form.clone()).unwrap();
        let two = write_shown((&one, &base.siblings), (1, 3), "kept", form).unwrap();
        let with_both = Record {
            siblings: two.siblings.clone(),
            ..two
        };
        let dot = Dot {
            incarnation: Incarnation(1),
            counter: 2,
        };
        let back = with_both.take_back(&[dot], &base.siblings);
        assert_eq!(values(&back.record), [b"kept"]);
    }
}

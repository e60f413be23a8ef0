//! Where a record was on a past day, and what it said when it left there.
//!
//! A scope's figures of a day are those of the records that were its own then (domain 6). A record that
//! moves takes nothing of that along: for a day before the move it counts where it was, as it was left
//! there. What its new home writes afterwards names a later epoch, so that both scopes and the city tell
//! it apart alike, whatever each of them has heard since.

use std::collections::BTreeSet;

use replica::{Dot, HybridTime, Record, RegisterId, ScopeId, Sibling, owner};

use crate::date::{self, Date};

/// A time that a record spent in a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stay {
    /// The scope.
    pub scope: ScopeId,
    /// What was written then names this epoch or an earlier one.
    pub epoch: u64,
}

/// Where a record was at the end of a day, if it has left there since; it may have come back.
/// A move counts from its day on. Of one that was committed before stays were written down the day is that
/// of the write, and only the first is known.
#[must_use]
pub fn stay_on(record: &Record, day: Date, day_of: impl Fn(HybridTime) -> Date) -> Option<Stay> {
    let owner = owner(record)?;
    let covers = |stay: &&proto::schema::Stay| {
        let until = date::stored(&stay.until);
        until.is_some_and(|until| day < until)
    };
    if let Some(stay) = owner.stays.iter().find(covers) {
        let scope = ScopeId::try_from(stay.scope.as_slice()).ok()?;
        let epoch = stay.epoch;
        return Some(Stay { scope, epoch });
    }
    let is_first = owner.stays.is_empty() && owner.epoch == 1 && !owner.contested;
    let written = record.register(RegisterId::OWNER).iter();
    let written = written.map(|sibling| sibling.write.time).max();
    let is_before = written.is_some_and(|time| day < day_of(time));
    (is_first && is_before).then_some(Stay {
        scope: record.scope,
        epoch: 0,
    })
}

/// A record as it stood when an epoch ended: with what was written in it or before, and not replaced by
/// any of that. `past` is what has left the record since.
#[must_use]
pub fn as_left(record: &Record, past: &[Sibling], epoch: u64) -> Record {
    let mut seen: BTreeSet<(RegisterId, Dot)> = BTreeSet::new();
    let all = record.siblings.iter().chain(past);
    let mut then: Vec<Sibling> = all
        .filter(|sibling| sibling.write.epoch <= epoch)
        .filter(|sibling| seen.insert((sibling.register, sibling.dot())))
        .cloned()
        .collect();
    then.sort_by_key(|sibling| (sibling.register, sibling.dot()));
    let stands = |one: &Sibling| {
        let mut others = then.iter().filter(|other| other.register == one.register);
        !others.any(|other| other.descends_from(one.dot()))
    };
    let siblings = then.iter().filter(|one| stands(one)).cloned().collect();
    Record {
        siblings,
        ..record.clone()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use replica::{Edit, Incarnation, Kind, Owner, RecordId, RecordKey, Set, Source, Stamp};

    use super::*;

    const TITLE: RegisterId = RegisterId(7);

    fn scope(n: u8) -> ScopeId {
        ScopeId([n; 16])
    }

    /// A record, and what has left it.
    struct Held {
        record: Record,
        past: Vec<Sibling>,
        counter: u64,
    }

    impl Held {
        fn new() -> Self {
            let key = RecordKey {
                kind: Kind(5),
                id: RecordId([1; 16]),
            };
            Self {
                record: Record::new(key, scope(1)),
                past: Vec::new(),
                counter: 0,
            }
        }

        fn write(&mut self, register: RegisterId, value: Bytes) {
            let shown = self.record.register(register).iter();
            let edit = Edit {
                key: self.record.key,
                scope: self.record.scope,
                set: vec![Set {
                    register,
                    value,
                    shown: shown.map(Sibling::shown).collect(),
                }],
                author: "a".to_owned(),
                reason: "r".to_owned(),
                source: Source::Command,
                decision: Bytes::new(),
            };
            self.counter += 1;
            let stamp = Stamp {
                dot: Dot {
                    incarnation: Incarnation(1),
                    counter: self.counter,
                },
                time: HybridTime(self.counter),
                epoch: owner(&self.record).map_or(0, |owner| owner.epoch),
            };
            let after = edit.apply(&self.record, stamp, true, &|_, _| None).unwrap();
            let gone = self.record.siblings.iter();
            let gone = gone.filter(|one| !after.siblings.contains(one)).cloned();
            self.past.extend(gone.collect::<Vec<_>>());
            self.record = after;
        }

        fn say(&mut self, text: &'static str) {
            self.write(TITLE, Bytes::from_static(text.as_bytes()));
        }

        fn go(&mut self, to: ScopeId, from_day: &str) {
            let before = owner(&self.record);
            let lies = before.as_ref().map_or(self.record.scope, |it| it.scope);
            let next = Owner::next(before.as_ref(), lies, to, from_day);
            self.write(RegisterId::OWNER, next.to_value());
        }

        fn at(&self, day: &str) -> Option<(u8, Vec<String>)> {
            let of = |_| date::day(1970, 1, 20).unwrap();
            let stay = stay_on(&self.record, date::stored(day).unwrap(), of)?;
            let left = as_left(&self.record, &self.past, stay.epoch);
            let said = left.register(TITLE).iter();
            let said = said.map(|one| String::from_utf8_lossy(&one.value).into_owned());
            Some((stay.scope.0[0], said.collect()))
        }
    }

    #[test]
    fn a_record_is_on_each_day_where_it_was_and_as_it_was_left_there() {
        let mut held = Held::new();
        held.say("first");
        held.say("left");
        assert_eq!(held.at("2020-06-30"), None);
        held.go(scope(2), "2020-07-01");
        held.say("at the second");
        held.go(scope(3), "2020-10-01");
        held.say("at the third");
        assert_eq!(held.at("2020-06-30"), Some((1, vec!["left".to_owned()])));
        let second = Some((2, vec!["at the second".to_owned()]));
        assert_eq!(held.at("2020-07-01"), second);
        assert_eq!(held.at("2020-09-30"), second);
        assert_eq!(held.at("2020-10-01"), None);
    }

    #[test]
    fn one_that_comes_back_is_what_it_was_before_and_has_been_elsewhere_meanwhile() {
        let mut held = Held::new();
        held.say("left");
        held.go(scope(2), "2020-07-01");
        held.say("elsewhere");
        held.go(scope(1), "2020-10-01");
        held.say("back");
        assert_eq!(held.at("2020-06-30"), Some((1, vec!["left".to_owned()])));
        assert_eq!(held.at("2020-10-01"), None);
        assert_eq!(held.at("2020-08-01").map(|(at, _)| at), Some(2));
    }

    #[test]
    fn of_an_old_move_the_first_home_is_known_by_the_day_of_its_write() {
        let mut held = Held::new();
        held.say("left");
        let old = Owner {
            stays: Vec::new(),
            ..Owner::next(None, scope(1), scope(2), "")
        };
        held.write(RegisterId::OWNER, old.to_value());
        held.say("later");
        let left = Some((1, vec!["left".to_owned()]));
        assert_eq!(held.at("1970-01-19"), left);
        assert_eq!(held.at("1970-01-20"), None);
    }

    #[test]
    fn what_two_desks_wrote_at_once_stands_in_both() {
        let mut held = Held::new();
        held.say("one");
        let mut other = held.record.siblings[0].clone();
        other.write = std::sync::Arc::new(replica::Write {
            dot: Dot {
                incarnation: Incarnation(2),
                counter: 1,
            },
            ..(*other.write).clone()
        });
        held.record.siblings.push(other);
        held.go(scope(2), "2020-07-01");
        held.say("settled there");
        let (at, said) = held.at("2020-06-30").unwrap();
        assert_eq!((at, said.len()), (1, 2));
    }
}

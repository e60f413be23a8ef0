//! Where a record belongs: a register that only the hub writes.

use bytes::Bytes;
use prost::Message as _;
use proto::schema::{Ownership, Stay};

use crate::{Dot, Record, RegisterId, ScopeId, Sibling};

/// Stays that are kept; of more the oldest go.
const STAYS_MAX: usize = 100;

/// The owner of a record that was transferred at least once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The scope it belongs to.
    pub scope: ScopeId,
    /// How often it was transferred. A write made under an older epoch is late.
    pub epoch: u64,
    /// The scopes that owned it before, each once, ascending.
    pub former: Vec<ScopeId>,
    /// Where it was before, the first first, as far as that was written down.
    pub stays: Vec<Stay>,
    /// Two scopes were named in one epoch: an open conflict for the city. Until it is settled the
    /// record stays with the owner before.
    pub contested: bool,
}

impl Owner {
    /// The owner after a transfer of a record that has this owner, or none yet and lies in
    /// `scope`. From a day on it counts where it goes to, `YYYY-MM-DD`.
    #[must_use]
    pub fn next(before: Option<&Self>, scope: ScopeId, to: ScopeId, from_day: &str) -> Self {
        let mut former = before.map(|owner| owner.former.clone()).unwrap_or_default();
        former.push(scope);
        former.sort_unstable();
        former.dedup();
        let epoch = before.map_or(0, |owner| owner.epoch);
        let mut stays = before.map(|owner| owner.stays.clone()).unwrap_or_default();
        stays.push(Stay {
            scope: scope.0.to_vec(),
            epoch,
            until: from_day.to_owned(),
        });
        stays.drain(..stays.len().saturating_sub(STAYS_MAX));
        Self {
            scope: to,
            epoch: epoch + 1,
            former,
            stays,
            contested: false,
        }
    }

    /// The value of the register.
    #[must_use]
    pub fn to_value(&self) -> Bytes {
        let message = Ownership {
            scope: self.scope.0.to_vec(),
            epoch: self.epoch,
            former: self.former.iter().map(|scope| scope.0.to_vec()).collect(),
            stays: self.stays.clone(),
        };
        Bytes::from(message.encode_to_vec())
    }

    fn from_value(value: &[u8]) -> Option<Self> {
        let message = Ownership::decode(value).ok()?;
        let former = message.former.iter();
        Some(Self {
            scope: ScopeId::try_from(message.scope.as_slice()).ok()?,
            epoch: message.epoch,
            former: former
                .filter_map(|scope| ScopeId::try_from(scope.as_slice()).ok())
                .collect(),
            stays: message.stays,
            contested: false,
        })
    }

    /// Whether the record belongs to a scope, or did once.
    #[must_use]
    pub fn was_in(&self, scope: ScopeId) -> bool {
        self.scope == scope || self.former.contains(&scope)
    }
}

/// The owner that a record's register names; none when it was never transferred: then it belongs
/// to the scope it was made in, with epoch 0.
///
/// Of several candidates the highest epoch counts. Two scopes in one epoch are a conflict for the
/// city, and until it is settled the owner before is the owner.
#[must_use]
pub fn owner(record: &Record) -> Option<Owner> {
    let candidates = record.register(RegisterId::OWNER);
    let named: Vec<Owner> = candidates
        .iter()
        .filter_map(|sibling| Owner::from_value(&sibling.value))
        .collect();
    let highest = named.iter().map(|owner| owner.epoch).max()?;
    let is_newest = |owner: &&Owner| owner.epoch == highest;
    let first = named.iter().find(is_newest)?;
    let contested = named
        .iter()
        .any(|o| is_newest(&o) && o.scope != first.scope);
    // An older candidate beside a newer one was forgotten when that was written: its scope had the
    // record all the same.
    let named_by = |owner: &Owner| {
        let itself = (contested || owner.epoch < highest).then_some(owner.scope);
        owner
            .former
            .iter()
            .copied()
            .chain(itself)
            .collect::<Vec<_>>()
    };
    let mut former: Vec<ScopeId> = named.iter().flat_map(named_by).collect();
    former.sort_unstable();
    former.dedup();
    let (scope, stays) = if contested {
        let older = candidates
            .iter()
            .flat_map(|sibling| &sibling.ancestry)
            .filter_map(|ancestor| Owner::from_value(ancestor.value.as_ref()?))
            .filter(|owner| owner.epoch < highest)
            .max_by_key(|owner| owner.epoch);
        older.map_or((record.scope, Vec::new()), |owner| {
            (owner.scope, owner.stays)
        })
    } else {
        (first.scope, first.stays.clone())
    };
    Some(Owner {
        scope,
        epoch: highest,
        former,
        stays,
        contested,
    })
}

impl Record {
    /// The siblings here that merging with another state would take away: those that its context
    /// covers and that it does not show.
    pub fn lost_to<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a Sibling> {
        let shows = |register, dot: Dot| other.register(register).iter().any(|s| s.dot() == dot);
        self.siblings
            .iter()
            .filter(move |s| other.context.covers(s.dot()) && !shows(s.register, s.dot()))
    }

    /// Whether the other state has something in the place of a sibling here: what this one has not
    /// seen, or what stands in both and descends from it, because an old copy has brought again
    /// what was taken back.
    #[must_use]
    pub fn is_replaced_by(&self, sibling: &Sibling, other: &Self) -> bool {
        let register = sibling.register;
        // By name: one of the two may have been erased.
        let stands = |s: &Sibling| self.register(register).iter().any(|o| o.dot() == s.dot());
        let is_new = |s: &Sibling| !self.context.covers(s.dot());
        let mut there = other.register(register).iter();
        there.any(|s| is_new(s) || stands(s) && s.descends_from(sibling.dot()))
    }

    /// Puts siblings back that were lost without anything in their place, because the write that
    /// had replaced them was taken back where nobody knew any more what it had replaced.
    #[must_use]
    pub fn with_lost(mut self, lost: Vec<Sibling>) -> Self {
        if !lost.is_empty() {
            self.siblings.extend(lost);
            self.sort();
            self.unify_writes();
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Edit, HybridTime, Incarnation, Kind, RecordId, RecordKey, Set, Source, Stamp};

    fn scope(n: u8) -> ScopeId {
        ScopeId([n; 16])
    }

    fn blank() -> Record {
        let key = RecordKey {
            kind: Kind(5),
            id: RecordId([1; 16]),
        };
        Record::new(key, scope(1))
    }

    fn transferred(record: &Record, incarnation: u64, to: Owner, shown: bool) -> Record {
        let shown = record.register(RegisterId::OWNER).iter().filter(|_| shown);
        let edit = Edit {
            key: record.key,
            scope: record.scope,
            set: vec![Set {
                register: RegisterId::OWNER,
                value: to.to_value(),
                shown: shown.map(Sibling::shown).collect(),
            }],
            author: "city".to_owned(),
            reason: "r".to_owned(),
            source: Source::Command,
            decision: Bytes::new(),
        };
        let stamp = Stamp {
            dot: Dot {
                incarnation: Incarnation(incarnation),
                counter: 1,
            },
            time: HybridTime(1),
            epoch: 0,
        };
        edit.apply(record, stamp, true, &|_, _| None).unwrap()
    }

    #[test]
    fn a_record_that_was_never_transferred_names_no_owner() {
        assert_eq!(owner(&blank()), None);
    }

    #[test]
    fn the_highest_epoch_owns_and_remembers_who_did_before() {
        let first = Owner::next(None, scope(1), scope(2), "2020-07-01");
        let once = transferred(&blank(), 7, first, true);
        let second = Owner::next(owner(&once).as_ref(), scope(2), scope(3), "2020-10-01");
        let twice = transferred(&once, 8, second, true);
        let now = owner(&twice).unwrap();
        assert_eq!((now.scope, now.epoch), (scope(3), 2));
        assert_eq!(now.former, [scope(1), scope(2)]);
        let stays = now.stays.iter();
        let stays: Vec<_> = stays
            .map(|stay| (stay.epoch, stay.until.as_str()))
            .collect();
        assert_eq!(stays, [(0, "2020-07-01"), (1, "2020-10-01")]);
        assert!(now.was_in(scope(1)) && !now.was_in(scope(4)));
    }

    #[test]
    fn an_older_owner_that_was_forgotten_when_the_newer_was_named_did_own_it() {
        let first = Owner::next(None, scope(1), scope(2), "2020-07-01");
        let second = Owner::next(Some(&first), scope(2), scope(3), "2020-07-01");
        let newer = transferred(&blank(), 8, second, true);
        let forgotten = transferred(
            &blank(),
            9,
            Owner::next(None, scope(1), scope(4), "2020-07-01"),
            true,
        );
        let now = owner(&crate::merge(&newer, &forgotten).unwrap()).unwrap();
        assert!(!now.contested);
        assert_eq!((now.scope, now.epoch), (scope(3), 2));
        assert_eq!(now.former, [scope(1), scope(2), scope(4)]);
    }

    #[test]
    fn two_owners_of_one_epoch_leave_the_record_with_the_owner_before() {
        let once = transferred(
            &blank(),
            7,
            Owner::next(None, scope(1), scope(2), "2020-07-01"),
            true,
        );
        let before = owner(&once);
        let a = transferred(
            &once,
            8,
            Owner::next(before.as_ref(), scope(2), scope(3), "2020-10-01"),
            true,
        );
        let b = transferred(
            &once,
            9,
            Owner::next(before.as_ref(), scope(2), scope(4), "2020-10-01"),
            true,
        );
        let both = crate::merge(&a, &b).unwrap();
        let now = owner(&both).unwrap();
        assert!(now.contested);
        assert_eq!((now.scope, now.epoch), (scope(2), 2));
        // Neither of the two has come to be: it has been in one scope before, and no more.
        assert_eq!(now.stays.len(), 1);
    }

    #[test]
    fn what_a_state_covers_and_does_not_show_is_lost_to_it() {
        let once = transferred(
            &blank(),
            7,
            Owner::next(None, scope(1), scope(2), "2020-07-01"),
            true,
        );
        let twice = transferred(
            &once,
            8,
            Owner::next(None, scope(2), scope(3), "2020-07-01"),
            true,
        );
        assert_eq!(once.lost_to(&twice).count(), 1);
        assert_eq!(twice.lost_to(&once).count(), 0);
    }
}

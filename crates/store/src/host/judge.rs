//! What the hub asks of every record that a node sends, in this order: positions, what was refused
//! before, whose writes they are, what would disappear, epoch and scope, authority.

use std::collections::BTreeSet;

use proto::sync::Outcome;
use replica::{Dot, Record, RegisterId, ReplicaId, Sibling, merge, session::Arrived};

use super::{
    Host, JudgeInput, Late, Verdict,
    apply::{FENCED, MOVED, Sender, Taken, result},
    home::Home,
};
use crate::{Guest, StoreError, Stored};

/// What is new in a record that came, and where the record belongs.
struct Case<'a> {
    sender: &'a Sender,
    former: Option<&'a Stored>,
    record: &'a Record,
    /// Siblings that this hub has not seen.
    fresh: Vec<&'a Sibling>,
    /// Those of them that bear this hub's own seal.
    sealed: BTreeSet<(RegisterId, Dot)>,
    home: Home,
}

impl Case<'_> {
    fn is_sealed(&self, sibling: &Sibling) -> bool {
        self.sealed.contains(&(sibling.register, sibling.dot()))
    }

    /// What people wrote, as opposed to what only the hub writes.
    fn plain(&self) -> impl Iterator<Item = &Sibling> {
        self.fresh
            .iter()
            .copied()
            .filter(|sibling| !self.is_sealed(sibling))
    }
}

fn dots<'a>(siblings: impl Iterator<Item = &'a Sibling>) -> Vec<Dot> {
    siblings.map(Sibling::dot).collect()
}

/// The record waits until this hub knows what it rests on.
fn later(record: &Record, code: &str) -> Option<Taken> {
    Some(Taken::Not(result(record.key, Outcome::Later, code)))
}

impl Host {
    /// Returns what became of the record when it may not be merged.
    pub(super) fn judge(
        &mut self,
        sender: &Sender,
        former: Option<&Stored>,
        arrived: &Arrived,
    ) -> Result<Option<Taken>, StoreError> {
        let record = &arrived.record;
        if !self.positions.bound(&record.context) {
            return Ok(later(record, "SYNC-120"));
        }
        let case = self.case(sender, former, record)?;
        // The whole write goes, not the one register of it that was at fault.
        let number = sender.party.number;
        let refused = |dot: &Dot| self.peers.is_refused(number, *dot);
        let again: Vec<Dot> = dots(case.fresh.iter().copied())
            .into_iter()
            .filter(refused)
            .collect();
        if let Some(first) = again.first() {
            let code = self.peers.code_of(number, *first);
            return self.refuse(sender, record, again, &code).map(Some);
        }
        let forged: Vec<&Sibling> = case
            .fresh
            .iter()
            .copied()
            .filter(|sibling| !self.may_bring(&case, sibling))
            .collect();
        if !forged.is_empty() {
            // A hub that has forgotten, and was not told so yet, must not take its own writes for
            // forgeries. Its own seal proves to it that it has.
            let own = forged.iter().any(|sibling| case.is_sealed(sibling));
            self.shown_own |= own;
            if own || self.is_restored() {
                return Ok(later(record, "SYNC-127"));
            }
            let forged = dots(forged.into_iter());
            return self.refuse(sender, record, forged, "SYNC-122").map(Some);
        }
        let claims = |s: &&Sibling| s.register == RegisterId::OWNER && !case.is_sealed(s);
        let claimed = dots(case.fresh.iter().copied().filter(claims));
        let is_claim = self.config.seal.is_some() && !claimed.is_empty();
        // A claim of ownership is a matter of authority, whatever else it would change.
        if !is_claim {
            if former.is_some_and(|former| self.hides(&case, &former.record)) {
                if self.hiding.insert((number, record.key)) {
                    return Ok(later(record, "SYNC-128"));
                }
                return self.hold_back(sender, arrived, "SYNC-128").map(Some);
            }
            if let Some(taken) = self.judge_place(&case)? {
                return Ok(Some(taken));
            }
        }
        let verdict = (self.config.rules.judge)(&JudgeInput {
            scope: sender.party.scope,
            home: case.home.scope,
            existing: former.map(|f| &f.record),
            incoming: record,
            refilling: sender.refilling,
        });
        Ok(match verdict {
            Verdict::Accept if is_claim => Some(self.refuse(sender, record, claimed, "SYNC-122")?),
            Verdict::Accept => {
                // A copy of what this hub is about to merge: not before it is judged.
                self.tell_left(&case)?;
                self.confirm_refusals(sender, record);
                None
            }
            Verdict::Refuse { dots, code } => Some(self.refuse(sender, record, dots, code)?),
        })
    }

    fn case<'a>(
        &self,
        sender: &'a Sender,
        former: Option<&'a Stored>,
        record: &'a Record,
    ) -> Result<Case<'a>, StoreError> {
        let seen = |dot: Dot| former.is_some_and(|f| f.record.context.covers(dot));
        let fresh: Vec<&Sibling> = record.siblings.iter().filter(|s| !seen(s.dot())).collect();
        let mut sealed = BTreeSet::new();
        if let Some(key) = &self.config.seal {
            let bears = fresh.iter().filter(|s| !s.write.seal.is_empty());
            // What was erased proves nothing any more. A hub that refills takes it all the same: it
            // says no more than that there was a write.
            let erased = |s: &Sibling| sender.refilling && self.may_be_erased(record, s);
            let holds = bears.filter(|s| key.holds(record.key, s) || erased(s));
            sealed.extend(holds.map(|s| (s.register, s.dot())));
        }
        let home = self.home_with(sender, former, record, &sealed)?;
        Ok(Case {
            sender,
            former,
            record,
            fresh,
            sealed,
            home,
        })
    }

    /// Where the record belongs with what is sealed of it: a transfer that this hub has forgotten
    /// comes home that way. Of its place nothing else is believed.
    fn home_with(
        &self,
        sender: &Sender,
        former: Option<&Stored>,
        record: &Record,
        sealed: &BTreeSet<(RegisterId, Dot)>,
    ) -> Result<Home, StoreError> {
        let owner = RegisterId::OWNER;
        let brings = sealed.iter().any(|(register, _)| *register == owner);
        match former {
            Some(former) if !brings => {
                let home = self.home_of(&former.record)?;
                let Some(parent) = self.parent(record).filter(|_| former.parent.is_none()) else {
                    return Ok(home);
                };
                // What named its organisation was forgotten or taken back, and is named again: by
                // somebody who may write it, or, to a hub that refills, by the scope that it has
                // moved to with its organisation.
                let under = self.home_under(Some(parent), &former.record)?;
                let moved = sender.refilling && under.was_in(home.scope);
                let named = home.was_in(sender.scope) || moved;
                Ok(if named { under } else { home })
            }
            Some(former) => match merge(&former.record, record) {
                Ok(merged) => self.home_of(&merged),
                Err(_collision) => self.home_of(&former.record),
            },
            None if brings || record.register(owner).is_empty() => self.home_of(record),
            None => {
                let mut plain = record.clone();
                plain.siblings.retain(|s| s.register != owner);
                self.home_of(&plain)
            }
        }
    }

    /// Whether a node may bring this write: its own always; while this hub refills, also those of
    /// other replicas of the scopes that the record belongs or belonged to, and the hub's own,
    /// known by their seal.
    fn may_bring(&self, case: &Case<'_>, sibling: &Sibling) -> bool {
        let sender = case.sender;
        let owner = self.positions.replica(sibling.dot().incarnation);
        if owner == Some(sender.party.peer) {
            return true;
        }
        if !sender.refilling {
            return false;
        }
        let near = |scope| scope == sender.scope || case.home.was_in(scope);
        let scope = owner.and_then(|owner| self.peers.scope_of(owner));
        let neighbour = owner != Some(self.config.replica)
            && sender.scope == sender.party.scope
            && scope.is_none_or(near);
        neighbour || case.is_sealed(sibling)
    }

    /// Whether the state would make a sibling disappear without putting a new one in its place. An
    /// owner disappears only under a sealed sibling that had seen it.
    fn hides(&self, case: &Case<'_>, held: &Record) -> bool {
        let key = self.config.seal.as_ref();
        held.lost_to(case.record).any(|lost| {
            match key.filter(|_| lost.register == RegisterId::OWNER) {
                Some(key) => {
                    let mut there = case.record.register(lost.register).iter();
                    !there.any(|s| key.had_seen(held.key, s, lost.dot()))
                }
                None => {
                    // What stands in another register is kept beside the rest of the state.
                    let mut all = case.record.siblings.iter();
                    let is_part = all.any(|s| s.dot() == lost.dot());
                    !is_part && !held.is_replaced_by(lost, case.record)
                }
            }
        })
    }

    /// Epoch, then scope.
    fn judge_place(&mut self, case: &Case<'_>) -> Result<Option<Taken>, StoreError> {
        let (sender, record, home) = (case.sender, case.record, &case.home);
        let ahead = |sibling: &&Sibling| sibling.write.epoch > home.epoch;
        if case.plain().any(|sibling| ahead(&sibling)) {
            // A transfer that this hub has forgotten; else the writes of something that has lost
            // its organisation, because the write that named it was late.
            let is_owned = |record: &Record| !record.register(RegisterId::OWNER).is_empty();
            let held = case
                .former
                .is_some_and(|f| f.parent.is_some() || is_owned(&f.record));
            let rests = held || is_owned(record) || self.parent(record).is_some();
            if rests && (sender.refilling || self.is_restored()) {
                return Ok(later(record, "SYNC-127"));
            }
            let dots = dots(case.plain().filter(ahead));
            return Ok(Some(self.too_late(case, dots, MOVED)?));
        }
        let made_elsewhere = match case.former {
            // To a hub that has forgotten it, and entered it anew from an older form, its own seal
            // proves what it was.
            Some(former) => {
                let proved = sender.refilling && !case.sealed.is_empty();
                record.scope != former.record.scope && !proved
            }
            None => record.scope != sender.scope && !sender.refilling,
        };
        // What the hub had lent to the scope comes home from it by its seals, wherever it belongs.
        if sender.refilling && !home.was_in(sender.scope) && case.plain().next().is_none() {
            return Ok(None);
        }
        if made_elsewhere || !home.was_in(sender.scope) {
            if sender.refilling && !made_elsewhere {
                // The transfer that brought it there may still come home.
                return Ok(later(record, "SYNC-127"));
            }
            let all = dots(case.fresh.iter().copied());
            return self.refuse(sender, record, all, "SYNC-123").map(Some);
        }
        // What others wrote is what this hub has forgotten, and not late.
        let peer = sender.party.peer;
        let own = || {
            let plain = case.plain();
            plain.filter(|sibling| self.is_unsent(peer, sibling, sender.refilling))
        };
        if self.fenced.contains(&peer) {
            let unsent = dots(own());
            if !unsent.is_empty() {
                return Ok(Some(self.too_late(case, unsent, FENCED)?));
            }
        }
        let is_home = home.scope == sender.scope;
        let is_older = |sibling: &&Sibling| sibling.write.epoch < home.epoch;
        // While this hub refills, what its author holds at home is taken as forgotten.
        let is_late = |sibling: &&Sibling| {
            let late = !is_home || is_older(sibling) && !sender.refilling;
            late && !self.taken_before_a_transfer(case, sibling)
        };
        let late = dots(own().filter(is_late));
        // While this hub refills, the last copy of what has left is taken too.
        let offered = sender.refilling && case.plain().all(|s| is_older(&s));
        if !late.is_empty() && !offered {
            return Ok(Some(self.too_late(case, late, MOVED)?));
        }
        if is_home || sender.refilling {
            return Ok(None);
        }
        let (as_it_came, bytes) = (!self.tell_left(case)?, 0);
        Ok(Some(Taken::Merged { as_it_came, bytes }))
    }

    /// Whether the record brings a transfer that had seen this write: then the hub had taken it,
    /// and has forgotten both.
    fn taken_before_a_transfer(&self, case: &Case<'_>, sibling: &Sibling) -> bool {
        let Some(key) = &self.config.seal else {
            return false;
        };
        let mut transfers = case.record.register(RegisterId::OWNER).iter();
        transfers.any(|transfer| key.had_seen(case.record.key, transfer, sibling.dot()))
    }

    /// Sees to it that the feed of a scope where a record does not belong any more says so: its node
    /// was never told, because the record moved along with its organisation, or has held on to it
    /// since an older copy. Returns whether it did not.
    fn tell_left(&mut self, case: &Case<'_>) -> Result<bool, StoreError> {
        let told = match case.former {
            Some(former) if case.home.scope != case.sender.scope => {
                self.leave_copy(case, &former.record)?
            }
            _ => false,
        };
        self.mixed |= told;
        Ok(told)
    }

    fn leave_copy(&mut self, case: &Case<'_>, held: &Record) -> Result<bool, StoreError> {
        let number = case.sender.number;
        let merged = |other: &Record| merge(other, case.record).ok();
        // What a hub that refills is about to merge may hold the transfer.
        let newest = case.sender.refilling.then(|| merged(held)).flatten();
        let held = newest.as_ref().unwrap_or(held);
        let Some(copy) = self.ledger.copy(held.key, number)? else {
            return self.leave_copies(held, &case.home);
        };
        let shown = Record::decode(&copy).ok().and_then(|copy| merged(&copy));
        let Some(shown) = shown.filter(|shown| self.parent(shown).is_none()) else {
            return Ok(false);
        };
        if self.home_of(&shown)?.scope != case.sender.scope {
            return Ok(false);
        }
        self.put_copy(held, number, Guest::Left);
        Ok(true)
    }

    /// Of a node that is fenced, its own writes are unsent; while this hub refills, those of others
    /// are what it has forgotten.
    fn is_unsent(&self, peer: ReplicaId, sibling: &Sibling, refilling: bool) -> bool {
        let owner = self.positions.replica(sibling.dot().incarnation);
        owner == Some(peer) || !refilling
    }

    /// Writes that came too late: they are taken back at their node, and shown as proposals where
    /// the record belongs.
    fn too_late(
        &mut self,
        case: &Case<'_>,
        mut late: Vec<Dot>,
        code: &'static str,
    ) -> Result<Taken, StoreError> {
        late.sort_unstable();
        late.dedup();
        let taken = self.refuse(case.sender, case.record, late.clone(), code)?;
        for dot in late {
            let of_dot = case.record.siblings.iter().filter(|s| s.dot() == dot);
            let siblings: Vec<Sibling> = of_dot.cloned().collect();
            self.propose(&Late {
                key: case.record.key,
                home: case.home.scope,
                sender: case.sender.scope,
                siblings: &siblings,
                code,
            })?;
        }
        Ok(taken)
    }

    /// A state without a refused write says that the node has taken it back, or replaced it.
    fn confirm_refusals(&mut self, sender: &Sender, record: &Record) {
        let peer = sender.party.number;
        for dot in self.peers.unconfirmed_of(peer, record.key) {
            if let Some((key, value)) = self.peers.confirm(peer, dot) {
                self.ledger.stage(key, Some(value));
            }
        }
    }
}

//! Where records belong, and what follows when that changes: the transfer from feed to feed, the
//! last copy in the old one, children that move along, and what is lent to other scopes.

use std::{cell::Cell, collections::BTreeMap, sync::Arc};

use proto::sync::{Outcome, Result as ResultWire};
use replica::{Edit, Record, RecordKey, ScopeId, limits::PARENTS_MAX, owner, session::Role};

use super::{Host, HostError, Late, Login, SECTION_RECORDS_MAX, erase::Changed, peers};
use crate::{
    Guest, StoreError, Stored, keys,
    ledger::{Incoming, Seat},
};

/// The scope that a record belongs to, as the record at its root says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Home {
    pub(super) scope: ScopeId,
    /// How often the root was transferred.
    pub(super) epoch: u64,
    /// The scopes that it belonged to before.
    former: Vec<ScopeId>,
}

impl Home {
    fn of_root(root: &Record) -> Self {
        match owner(root) {
            Some(owner) => Self {
                scope: owner.scope,
                epoch: owner.epoch,
                former: owner.former,
            },
            None => Self {
                scope: root.scope,
                epoch: 0,
                former: Vec::new(),
            },
        }
    }

    /// Whether the record belongs to a scope, or did once.
    pub(super) fn was_in(&self, scope: ScopeId) -> bool {
        self.scope == scope || self.former.contains(&scope)
    }
}

/// What became of a state that was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing but its own entry has changed.
    Alone,
    /// Other entries have changed too: copies, or records that moved along.
    Wider,
}

impl Host {
    /// Whether the hub keeps a record up to date in a scope that it does not belong to.
    #[must_use]
    pub fn is_lent(&self, key: RecordKey, scope: ScopeId) -> bool {
        let borrowers = self.loans.get(&key);
        borrowers.is_some_and(|scopes| scopes.contains(&scope))
    }

    /// The record whose home a record shares, as the record says.
    pub(super) fn parent(&self, record: &Record) -> Option<RecordKey> {
        (self.config.rules.parent)(record)
    }

    /// Where a record belongs.
    pub(super) fn home_of(&self, record: &Record) -> Result<Home, StoreError> {
        self.home_under(self.parent(record), record)
    }

    /// Where a record belongs that shares the home of its parent, if it has one. A child whose
    /// parent is not held here belongs to the scope that it was made in.
    pub(super) fn home_under(
        &self,
        parent: Option<RecordKey>,
        record: &Record,
    ) -> Result<Home, StoreError> {
        let Some(mut parent) = parent else {
            return Ok(Home::of_root(record));
        };
        for _ in 0..PARENTS_MAX {
            let Some(above) = self.ledger.current(parent)? else {
                break;
            };
            match above.parent {
                Some(next) => parent = next,
                None => return Ok(Home::of_root(&above.record)),
            }
        }
        Ok(Home {
            scope: record.scope,
            epoch: 0,
            former: Vec::new(),
        })
    }

    /// Puts a state where it belongs. At the hub that is the feed of its home; at a node the feed
    /// that brought it, as a guest when its home is elsewhere.
    pub(super) fn put(
        &mut self,
        new: Incoming,
        lane: ScopeId,
        former: Option<Stored>,
    ) -> Result<Effect, StoreError> {
        let key = new.record.key;
        let (new, erased) = self.without_erased(new)?;
        let begins_erasure = erased.is_some()
            && self.config.rules.erasure.can_be_marked(key.kind)
            && self.begins_erasure(former.as_ref());
        let parent = self.parent(&new.record);
        let home = self.home_under(parent, &new.record)?;
        let seat = self.seat(&home, lane, former.as_ref(), parent);
        let before = former.as_ref().map(|former| (former.home, former.guest));
        let lends = self.lends(&new.record, &home)?;
        let shown = !home.former.is_empty() || !lends.is_empty() || self.loans.contains_key(&key);
        // Most records lie in one feed only.
        let shown = (self.config.role == Role::Hub && shown).then(|| new.record.clone());
        self.note_guest(key, seat);
        if !self.ledger.put(new, seat, former) {
            return Ok(Effect::Alone);
        }
        let moved = match before {
            Some(before) => before != (home.scope, seat.guest),
            None => home.epoch > 0,
        };
        let mut effect = if erased == Some(Changed::Yes) {
            Effect::Wider
        } else {
            Effect::Alone
        };
        // Also of one that itself has a parent: it may come after what belongs to it.
        if moved && self.move_children(key)? > 0 {
            effect = Effect::Wider;
        }
        if let Some(record) = shown {
            let left = parent.is_none() && self.leave_copies(&record, &home)?;
            let lent = self.lend(&record, &home, lends)?;
            if left || lent {
                effect = Effect::Wider;
            }
        }
        if begins_erasure {
            self.spread_erasure(key)?;
            effect = Effect::Wider;
        }
        Ok(effect)
    }

    fn seat(
        &mut self,
        home: &Home,
        lane: ScopeId,
        former: Option<&Stored>,
        parent: Option<RecordKey>,
    ) -> Seat {
        if self.config.role == Role::Hub {
            return Seat {
                scope: self.ledger.scope_number(home.scope),
                guest: Guest::No,
                parent,
            };
        }
        let scope = match former {
            Some(former) => former.place.scope,
            None => self.ledger.scope_number(lane),
        };
        let lane = self.ledger.reader().scope_id(scope).unwrap_or(lane);
        let stayed = former.is_some_and(|former| former.guest != Guest::Lent);
        let guest = if home.scope == lane {
            Guest::No
        } else if home.former.contains(&lane) || stayed {
            Guest::Left
        } else {
            Guest::Lent
        };
        Seat {
            scope,
            guest,
            parent,
        }
    }

    /// Moves what shares the home of a record after it. Returns how many records have moved.
    fn move_children(&mut self, key: RecordKey) -> Result<usize, StoreError> {
        let mut above = vec![key];
        let mut moved = 0;
        for _ in 0..PARENTS_MAX {
            let mut below = Vec::new();
            for parent in above {
                below.extend(self.ledger.children(parent));
            }
            for child in &below {
                let Some(stored) = self.ledger.current(*child)? else {
                    continue;
                };
                let home = self.home_under(stored.parent, &stored.record)?;
                let lane = self.config.scope;
                let seat = self.seat(&home, lane, Some(&stored), stored.parent);
                if seat == stored.seat() {
                    continue;
                }
                let record = stored.record.clone();
                let lends = self.lends(&record, &home)?;
                let new = Incoming {
                    origin: 0,
                    ..Incoming::again(&stored)
                };
                self.note_guest(*child, seat);
                self.ledger.put(new, seat, Some(stored));
                if self.config.role == Role::Hub {
                    self.lend(&record, &home, lends)?;
                }
                moved += 1;
                if moved % SECTION_RECORDS_MAX == 0 {
                    self.ledger.end_section(0);
                }
            }
            above = below;
        }
        Ok(moved)
    }

    /// Gives children their place beside their parent where an older program, which did not know
    /// their kind or that it has parents, has put them by themselves: they could not move along.
    pub(super) fn seat_children(&mut self) -> Result<(), StoreError> {
        let is_child = Arc::clone(&self.config.rules.child);
        let alone = self.ledger.reader().alone(&*is_child);
        for (at, key) in alone.into_iter().enumerate() {
            let Some(stored) = self.ledger.current(key)? else {
                continue;
            };
            if self.parent(&stored.record).is_some() {
                let new = Incoming::again(&stored);
                self.put(new, self.config.scope, Some(stored))?;
            }
            if (at + 1) % SECTION_RECORDS_MAX == 0 {
                self.ledger.end_section(0);
            }
        }
        if !self.ledger.is_dirty() {
            return Ok(());
        }
        self.ledger.end_section(0);
        self.ledger.commit()?;
        self.recent_guests.clear();
        self.ledger.store().sync()
    }

    /// Leaves the last copy of a record in the feeds of the scopes that it belonged to, so that
    /// their nodes hear of it, and again when its owner has changed since: what a node is shown of
    /// its children may rest on that. Returns whether one was left now.
    pub(super) fn leave_copies(
        &mut self,
        record: &Record,
        home: &Home,
    ) -> Result<bool, StoreError> {
        let epoch = owner(record).map(|owner| owner.epoch);
        let mut left = false;
        for scope in home.former.iter().filter(|scope| **scope != home.scope) {
            let number = self.ledger.scope_number(*scope);
            let copy = self.ledger.copy(record.key, number)?;
            let copy = copy.and_then(|copy| Record::decode(&copy).ok());
            let is_told = |copy: &Record| owner(copy).map(|owner| owner.epoch) >= epoch;
            if !copy.as_ref().is_some_and(is_told) {
                self.put_copy(record, number, Guest::Left);
                left = true;
            }
        }
        Ok(left)
    }

    /// Puts a copy of a record into the feed of a scope where it is a guest.
    pub(super) fn put_copy(&mut self, record: &Record, scope: u32, guest: Guest) {
        let seat = Seat {
            scope,
            guest,
            parent: None,
        };
        self.note_guest(record.key, seat);
        self.ledger.put_copy(Incoming::own(record.clone()), seat);
    }

    /// What the hub lends of what a record refers to.
    fn lends(&self, record: &Record, home: &Home) -> Result<Vec<(RecordKey, ScopeId)>, StoreError> {
        if self.config.role == Role::Node {
            return Ok(Vec::new());
        }
        let failed = Cell::new(None);
        let home_of = |key| {
            if key == record.key {
                return Some(home.scope);
            }
            let held = self.ledger.current(key);
            let held = held.map_err(|error| failed.set(Some(error))).ok()?;
            held.map(|held| held.home)
        };
        let lends = (self.config.rules.lends)(record, &home_of);
        failed.into_inner().map_or(Ok(lends), Err)
    }

    /// Renews what is lent of a record, and lends what it refers to. Returns whether anything was
    /// put.
    fn lend(
        &mut self,
        record: &Record,
        home: &Home,
        lends: Vec<(RecordKey, ScopeId)>,
    ) -> Result<bool, StoreError> {
        let mut lent = false;
        let borrowers = self.loans.get(&record.key).cloned().unwrap_or_default();
        for scope in borrowers {
            lent |= self.lend_to(record, home.scope, scope);
        }
        for (key, scope) in lends {
            let (of, lies) = if key == record.key {
                (Some(record.clone()), Some(home.scope))
            } else {
                let held = self.ledger.current(key)?;
                let lies = held.as_ref().map(|held| held.home);
                (held.map(|held| held.record), lies)
            };
            if lies == Some(scope) || !self.loans.entry(key).or_default().insert(scope) {
                continue;
            }
            self.ledger.stage(keys::loan(key, scope), Some(Vec::new()));
            if let (Some(of), Some(lies)) = (of, lies) {
                lent |= self.lend_to(&of, lies, scope);
            }
        }
        Ok(lent)
    }

    fn lend_to(&mut self, record: &Record, home: ScopeId, scope: ScopeId) -> bool {
        if home == scope {
            return false;
        }
        let number = self.ledger.scope_number(scope);
        self.put_copy(record, number, Guest::Lent);
        true
    }

    /// Notes a guest that an exchange may have to offer: it lies before the cut, and no sum tells
    /// of it.
    fn note_guest(&mut self, key: RecordKey, seat: Seat) {
        let offered = match self.config.role {
            Role::Hub => seat.guest != Guest::No,
            Role::Node => seat.guest == Guest::Left,
        };
        if offered {
            let guest = (seat.scope, key);
            self.recent_guests.insert(guest);
            let sessions = self.sessions.values_mut();
            sessions.for_each(|state| {
                state.guests.insert(guest);
            });
        }
    }

    /// The guests of a feed that came since a session began, each told once.
    pub(super) fn guests_since(&mut self, login: &Login, scope: u32) -> Vec<RecordKey> {
        let Some(state) = self.sessions.get_mut(&login.session) else {
            return Vec::new();
        };
        let here = |(of, _): &(u32, RecordKey)| *of == scope;
        let guests: Vec<_> = state.guests.iter().copied().filter(here).collect();
        state.guests.retain(|guest| !here(guest));
        guests.into_iter().map(|(_, key)| key).collect()
    }

    /// Notes the last copies that the hub has put off: it misses something that they rest on, and
    /// no sum will tell that it lacks them.
    pub(super) fn note_put_off(
        &mut self,
        login: &Login,
        results: &[ResultWire],
    ) -> Result<(), StoreError> {
        for result in results.iter().filter(|r| r.outcome() == Outcome::Later) {
            let key = peers::key_of(result.kind, &result.id);
            if let Some(stored) = self.ledger.current(key)?
                && stored.guest == Guest::Left
                && let Some(state) = self.sessions.get_mut(&login.session)
            {
                state.put_off.insert((stored.place.scope, key));
            }
        }
        Ok(())
    }

    /// The last copies of a feed that the hub has put off, each told once, roots first.
    pub(super) fn put_off(
        &mut self,
        login: &Login,
        scope: u32,
    ) -> Result<Vec<RecordKey>, StoreError> {
        let Some(state) = self.sessions.get_mut(&login.session) else {
            return Ok(Vec::new());
        };
        let here = state.put_off.extract_if(.., |(of, _)| *of == scope);
        let keys: Vec<RecordKey> = here.map(|(_, key)| key).collect();
        self.last_copies(keys)
    }

    /// The records outside the fingerprint that go along when both sides begin anew: at the hub
    /// all that it shows a scope, at a node the last copies of what has left, roots first.
    pub(super) fn offer(&self, scope: ScopeId) -> Result<Vec<RecordKey>, StoreError> {
        let mut guests = self.ledger.reader().guests(scope);
        // Those that the same group has put are not committed yet.
        let number = self.ledger.reader().scope_number(scope);
        let recent = self.recent_guests.iter();
        guests.extend(
            recent
                .filter(|(of, _)| Some(*of) == number)
                .map(|(_, key)| *key),
        );
        guests.sort_unstable();
        guests.dedup();
        if self.config.role == Role::Hub {
            return Ok(guests);
        }
        self.last_copies(guests)
    }

    /// What the hub has written itself and lent to a scope: nobody else may hold it for a hub that
    /// was restored.
    pub(super) fn lent_by_hub(&self, scope: ScopeId) -> Result<Vec<RecordKey>, StoreError> {
        let mut lent = Vec::new();
        for key in self.ledger.reader().guests(scope) {
            let Some(stored) = self.ledger.current(key)? else {
                continue;
            };
            let mut siblings = stored.record.siblings.iter();
            if stored.guest == Guest::Lent && siblings.all(|s| !s.write.seal.is_empty()) {
                lent.push(key);
            }
        }
        Ok(lent)
    }

    /// Those of some guests that are last copies of what has left, roots first.
    fn last_copies(&self, guests: Vec<RecordKey>) -> Result<Vec<RecordKey>, StoreError> {
        let mut left = Vec::new();
        for key in guests {
            if let Some(stored) = self.ledger.current(key)?
                && stored.guest == Guest::Left
            {
                left.push((stored.parent.is_some(), key));
            }
        }
        left.sort_unstable();
        Ok(left.into_iter().map(|(_, key)| key).collect())
    }

    /// Makes proposals of writes that came too late, so that the record's new home sees them.
    pub(super) fn propose(&mut self, late: &Late<'_>) -> Result<(), StoreError> {
        let Some(edit) = (self.config.rules.propose)(late) else {
            return Ok(());
        };
        if self.ledger.current(edit.key)?.is_some() {
            return Ok(());
        }
        match self.edit(&[edit], Vec::new()) {
            Ok(_) => Ok(()),
            Err(HostError::Store(error)) => Err(error),
            Err(error) => {
                // The write itself is kept with its refusal; only its showing fails.
                tracing::warn!(%error, "a late write cannot be made a proposal");
                Ok(())
            }
        }
    }

    /// Whether a person may write a record here: at a node only what belongs to its scope.
    pub(super) fn guard(&self, edit: &Edit, present: &Record) -> Result<Home, HostError> {
        let home = self.home_of(present)?;
        let elsewhere = home.scope != self.config.scope;
        // A published record is not written here either, but that is for the rules to say.
        if self.config.role == Role::Node && elsewhere && present.scope != self.config.published {
            let known = self.ledger.current(edit.key)?.is_some() || home.epoch > 0;
            if known {
                return Err(HostError::Moved(home.scope));
            }
        }
        Ok(home)
    }
}

/// Loads what is lent to whom.
pub(super) fn load_loans(
    store: &dyn crate::Store,
) -> Result<BTreeMap<RecordKey, std::collections::BTreeSet<ScopeId>>, StoreError> {
    let mut loans: BTreeMap<_, std::collections::BTreeSet<ScopeId>> = BTreeMap::new();
    let (from, to) = keys::all(b'G');
    store.scan(&from, &to, &mut |key, _| {
        let damaged = || StoreError::Damaged {
            what: "loan".to_owned(),
        };
        let kind = keys::u32_at(key, 1).ok_or_else(damaged)?;
        let id = key.get(5..21).ok_or_else(damaged)?;
        let scope = key.get(21..).and_then(|id| ScopeId::try_from(id).ok());
        let record = peers::key_of(kind, id);
        loans
            .entry(record)
            .or_default()
            .insert(scope.ok_or_else(damaged)?);
        Ok(())
    })?;
    Ok(loans)
}

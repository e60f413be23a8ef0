//! Erasing a person at a replica: from the moment a record's state says so, nothing here keeps what
//! its personal registers said.
//!
//! The state is erased wherever it is put, and so is all that is put later: a write that did not know
//! of the mark loses its values on arrival. Being erased is part of what merging agrees on, so that
//! both sides end with the same bytes whoever heard of the mark first. Of everything else that keeps
//! values, history, drafts, refusals, held states and what programs keep for themselves, each replica
//! takes care by itself, in the same commit. The files follow when the store is opened next:
//! [`crate::rewrite`].

use bytes::Bytes;
use replica::{Record, RecordKey, session::Role};

use super::{Host, Rules, peers::Peers};
use crate::{Guest, StoreError, Stored, erase, keys, ledger::Incoming};

impl Host {
    /// Whether the values of a record are erased: its own state says so, or that of the record that it
    /// goes with.
    pub(super) fn is_erased(&self, record: &Record) -> Result<bool, StoreError> {
        let erasure = &self.config.rules.erasure;
        if !erasure.goes_with_parent(record.key.kind) {
            return Ok(erasure.is_marked(record));
        }
        let parent = self.parent(record);
        let Some(parent) = parent.filter(|parent| erasure.can_be_marked(parent.kind)) else {
            return Ok(false);
        };
        let held = self.ledger.current(parent)?;
        Ok(held.is_some_and(|held| erasure.is_marked(&held.record)))
    }

    /// A state on its way into the ledger without what was erased of it, and whether it is erased.
    pub(super) fn without_erased(
        &self,
        new: Incoming,
    ) -> Result<(Incoming, Option<Changed>), StoreError> {
        let erasure = &self.config.rules.erasure;
        if !erasure.kinds.contains_key(&new.record.key.kind) || !self.is_erased(&new.record)? {
            return Ok((new, None));
        }
        let mut record = new.record.clone();
        if erasure.erase(&mut record) {
            return Ok((Incoming::own(record), Some(Changed::Yes)));
        }
        Ok((new, Some(Changed::No)))
    }

    /// A write or a state that is kept beside its record, without what was erased of it. What is kept may
    /// be all that is known here of its record, and name what it goes with.
    pub(super) fn kept_of(&self, key: RecordKey, kept: Bytes) -> Result<Bytes, StoreError> {
        let erasure = &self.config.rules.erasure;
        if !erasure.kinds.contains_key(&key.kind) {
            return Ok(kept);
        }
        let is_erased = match (self.ledger.current(key)?, Record::decode(&kept)) {
            (Some(held), _) if self.is_erased(&held.record)? => true,
            (_, Ok(record)) => self.is_erased(&record)?,
            (_, Err(_)) => false,
        };
        let erased = erasure.erase_bytes(&kept).filter(|_| is_erased);
        Ok(erased.map_or(kept, Bytes::from))
    }

    /// At the hub: whether a node's state has erased only what can be erased of such a record.
    pub(super) fn may_have_erased(&self, held: &Record, arrived: &Record) -> bool {
        let erasure = &self.config.rules.erasure;
        let kind = arrived.key.kind;
        let goes = || {
            let parent = self.parent(arrived).or_else(|| self.parent(held));
            parent.is_some_and(|parent| erasure.can_be_marked(parent.kind))
        };
        let is_personal = erasure.can_be_marked(kind) || erasure.goes_with_parent(kind) && goes();
        let mut erased = arrived.erases_of(held);
        erased.all(|sibling| is_personal && erasure.covers(kind, sibling))
    }

    /// Whether a sibling of a record may be one that was erased.
    pub(super) fn may_be_erased(&self, record: &Record, sibling: &replica::Sibling) -> bool {
        sibling.is_erased() && self.config.rules.erasure.covers(record.key.kind, sibling)
    }

    /// Erases what else is kept of a record here, and what goes with it, now that its state says so.
    pub(super) fn spread_erasure(&mut self, key: RecordKey) -> Result<(), StoreError> {
        self.erase_beside(key)?;
        for name in (self.config.rules.erasure.locals)(key) {
            self.ledger.stage(keys::local(&name), None);
        }
        let mut children = self.ledger.children(key);
        children.retain(|child| self.config.rules.erasure.goes_with_parent(child.kind));
        for child in children {
            let Some(stored) = self.ledger.current(child)? else {
                continue;
            };
            let new = Incoming {
                origin: 0,
                ..Incoming::again(&stored)
            };
            self.put(new, self.config.scope, Some(stored))?;
            self.erase_beside(child)?;
        }
        for orphan in self.orphans_of(key)? {
            self.erase_beside(orphan)?;
        }
        let (key, value) = erase::due();
        self.ledger.stage(key, Some(value));
        Ok(())
    }

    /// Records that went with another and whose writes were all taken back: only their past says so.
    fn orphans_of(&self, key: RecordKey) -> Result<Vec<RecordKey>, StoreError> {
        let erasure = &self.config.rules.erasure;
        let alone = self
            .ledger
            .reader()
            .alone(&|kind| erasure.goes_with_parent(kind));
        let mut orphans = Vec::new();
        for other in alone {
            let Some(stored) = self.ledger.current(other)? else {
                continue;
            };
            let mut siblings = self.siblings_of_history(other)?;
            siblings.sort_by_key(|sibling| (sibling.register, sibling.dot()));
            let past = Record {
                siblings,
                ..stored.record
            };
            if self.parent(&past) == Some(key) {
                orphans.push(other);
            }
        }
        Ok(orphans)
    }

    /// What is kept of one record beside its state.
    fn erase_beside(&mut self, key: RecordKey) -> Result<(), StoreError> {
        let rules = self.config.rules.clone();
        self.ledger.erase_history(key, &rules.erasure)?;
        for (key, value) in self.peers.erase(key, &rules) {
            self.ledger.stage(key, value);
        }
        if self.config.role == Role::Node {
            return Ok(());
        }
        // The feeds of other scopes hold copies of their own.
        let Some(held) = self.ledger.current(key)? else {
            return Ok(());
        };
        for scope in self.ledger.copies(key) {
            let guest = self.ledger.copy_guest(key, scope).unwrap_or(Guest::No);
            if guest != Guest::No && scope != held.place.scope {
                self.put_copy(&held.record, scope, guest);
            }
        }
        Ok(())
    }

    /// Whether the state before one that is erased was not: then more is to be erased than that. A
    /// program that knew nothing of the mark may have gone on writing under it.
    pub(super) fn begins_erasure(&self, former: Option<&Stored>) -> bool {
        let erasure = &self.config.rules.erasure;
        former.is_none_or(|former| {
            !erasure.is_marked(&former.record) || erasure.erase(&mut former.record.clone())
        })
    }
}

/// Whether erasing has changed a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Changed {
    Yes,
    No,
}

/// Puts and removals.
pub(super) type Changes = Vec<(Vec<u8>, Option<Vec<u8>>)>;

impl Peers {
    /// Erases what is kept of the writes and states of a record, and of those that go with it and of
    /// which nothing else may be here. Returns what to store.
    pub(super) fn erase(&mut self, key: RecordKey, rules: &Rules) -> Changes {
        let mut changes = Changes::new();
        self.erase_refusals(key, rules, &mut changes);
        self.erase_drafts(key, rules, &mut changes);
        self.erase_held(key, rules, &mut changes);
        changes
    }
}

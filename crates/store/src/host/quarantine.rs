//! Records that are held back from one peer: their two states do not fit together.
//!
//! Neither content is thrown away and neither is chosen; both sides leave the record out of what
//! they compare, and people are told. It ends when a later state fits, or when a person says that
//! what is held here stays.

use std::collections::BTreeSet;

use bytes::Bytes;
use proto::{
    stored::Quarantine,
    sync::{Outcome, RecordName},
};
use replica::{
    Dot, Record, RecordKey, ReplicaId,
    limits::HELD_BACK_MAX,
    session::{Arrived, Role},
};

use super::{
    Host, Login,
    apply::{Sender, Taken, only, result},
    peers::{self, key_of},
};
use crate::StoreError;

/// The code of a write whose name another content has, which was kept.
const OTHER_KEPT: &str = "SYNC-125";
/// The code of a record that the peer holds back.
const HELD_BY_PEER: &str = "SYNC-126";

impl Host {
    /// What is held stays, what came is kept aside, people are told.
    pub(super) fn hold_back(
        &mut self,
        sender: &Sender,
        arrived: &Arrived,
        code: &str,
    ) -> Result<Taken, StoreError> {
        let key = arrived.record.key;
        let theirs = self.kept_of(key, arrived.bytes.clone())?;
        let entry = self.entry(key, sender.party.peer, code, theirs.to_vec());
        let mut sessions = self.sessions.values_mut();
        if let Some(state) = sessions.find(|s| s.party.number == sender.party.number) {
            state.held_back.insert(key);
        }
        let (stored, value) = self.peers.hold_back(sender.party.number, entry);
        self.ledger.stage(stored, Some(value));
        Ok(Taken::Not(result(key, Outcome::Quarantined, code)))
    }

    fn entry(&self, key: RecordKey, peer: ReplicaId, code: &str, theirs: Vec<u8>) -> Quarantine {
        Quarantine {
            kind: key.kind.0,
            id: key.id.0.to_vec(),
            code: code.to_owned(),
            theirs,
            peer: peer.0.to_vec(),
            at_ms: i64::try_from(self.config.clock.wall_ms()).unwrap_or(i64::MAX),
        }
    }

    /// The peer holds a record back: so does this side.
    pub(super) fn held_by_peer(&mut self, login: &Login, key: RecordKey) {
        let Some(state) = self.sessions.get_mut(&login.session) else {
            return;
        };
        state.held_back.insert(key);
        let number = state.party.number;
        if self.peers.held(number, key).is_some() {
            return;
        }
        let entry = self.entry(key, login.peer, HELD_BY_PEER, Vec::new());
        let (stored, value) = self.peers.hold_back(number, entry);
        self.ledger.stage(stored, Some(value));
    }

    /// The peer's list of what it holds back: what this side held only because the peer did ends
    /// when the peer's list no longer has it.
    pub(super) fn held_back(&mut self, login: &Login, names: &[RecordName]) {
        let number = self.party(login).number;
        let named: BTreeSet<RecordKey> = names.iter().map(|n| key_of(n.kind, &n.id)).collect();
        let left_out = self.left_out(login).filter(|key| !named.contains(key));
        for key in left_out.collect::<Vec<_>>() {
            let held = self.peers.held(number, key);
            if held.is_none_or(|held| held.theirs.is_empty()) {
                self.let_go(number, key);
            }
        }
        for key in named {
            self.held_by_peer(login, key);
        }
    }

    fn left_out(&self, login: &Login) -> impl Iterator<Item = RecordKey> {
        let state = self.sessions.get(&login.session);
        state.into_iter().flat_map(|s| s.held_back.iter().copied())
    }

    /// The records that a session leaves out of what it compares.
    pub(super) fn names_held_back(&self, login: &Login) -> Vec<RecordName> {
        let names = self.left_out(login).take(HELD_BACK_MAX);
        names
            .map(|key| RecordName {
                kind: key.kind.0,
                id: key.id.0.to_vec(),
            })
            .collect()
    }

    /// Both sides were found equal in a scope: what was held back there and not left out fits.
    pub(super) fn let_go_equal(&mut self, login: &Login, scope: u32) -> Result<(), StoreError> {
        let number = self.party(login).number;
        let left_out: BTreeSet<RecordKey> = self.left_out(login).collect();
        for key in self.peers.held_from(number) {
            let lies = self.ledger.current(key)?.map(|stored| stored.place.scope);
            if lies == Some(scope) && !left_out.contains(&key) {
                self.let_go(number, key);
            }
        }
        Ok(())
    }

    /// A state fits again: nothing is held back of it.
    pub(super) fn let_go(&mut self, number: u32, key: RecordKey) {
        self.hiding.remove(&(number, key));
        for state in self
            .sessions
            .values_mut()
            .filter(|s| s.party.number == number)
        {
            state.held_back.remove(&key);
        }
        for stored in self.peers.let_go(number, key) {
            self.ledger.stage(stored, None);
        }
    }

    /// Nothing is held back of a record from anybody.
    pub(super) fn let_go_all(&mut self, key: RecordKey) {
        for number in self.peers.holding(key) {
            self.let_go(number, key);
        }
    }

    /// What is held here stays. At the hub the writes of the peer that do not fit are refused, so
    /// that the peer takes them back into drafts; a node takes its own back.
    pub(super) fn release(&mut self, key: RecordKey, peer: Option<ReplicaId>) -> bool {
        let mut any = false;
        for number in self.peers.holding(key) {
            let Some(entry) = self.peers.held(number, key).cloned() else {
                continue;
            };
            let of = ReplicaId::try_from(entry.peer.as_slice()).ok();
            if peer.is_some() && peer != of {
                continue;
            }
            any = true;
            self.let_go(number, key);
            self.settle_contents(number, key, &entry);
            if let Some(of) = of {
                self.end_sessions(of);
            }
        }
        any
    }

    fn settle_contents(&mut self, number: u32, key: RecordKey, entry: &Quarantine) {
        let theirs = Record::decode(&Bytes::from(entry.theirs.clone()));
        let ours = self.ledger.current(key).ok().flatten();
        let (Ok(theirs), Some(ours)) = (theirs, ours) else {
            return;
        };
        let dots = clashing(&ours.record, &theirs);
        if self.config.role == Role::Node {
            let refusals: Vec<_> = dots
                .into_iter()
                .map(|dot| (dot, OTHER_KEPT.to_owned()))
                .collect();
            if let Err(error) = self.take_back_of(key, &refusals) {
                tracing::error!(%error, "a record that was held back cannot be released");
            }
            return;
        }
        let at_ms = self.config.clock.wall_ms();
        for dot in dots {
            let siblings = only(&theirs.siblings, &theirs, dot);
            let refusal = peers::refusal(key, dot, OTHER_KEPT, &siblings, at_ms);
            let (stored, value) = self.peers.refuse(number, refusal);
            self.ledger.stage(stored, Some(value));
        }
    }
}

/// The names under which two states hold different contents.
pub(crate) fn clashing(ours: &Record, theirs: &Record) -> Vec<Dot> {
    let mut dots = BTreeSet::new();
    for sibling in &theirs.siblings {
        let mut same_name = ours.siblings.iter().filter(|s| s.dot() == sibling.dot());
        let other = |s: &replica::Sibling| {
            !s.write.fits(&sibling.write)
                || (s.register == sibling.register && s.joined(sibling).is_none())
        };
        if same_name.any(other) {
            dots.insert(sibling.dot());
        }
    }
    dots.into_iter().collect()
}

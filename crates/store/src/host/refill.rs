//! A hub that has forgotten something: how it finds out, and how its nodes give it back.
//!
//! A node's word alone does not start a refill, because while it lasts each node may bring the
//! writes of others: a person has restored the hub from a backup, or confirms it. See
//! `docs/SYNC.md`.

use proto::sync::{Hello, Position};
use replica::{Incarnation, ReplicaId, session::Role};

use super::{Host, Login, RESTORED, session::SessionState};
use crate::{StoreError, keys};

/// The name under which a hub keeps that a node has shown it to have forgotten something.
pub(super) const FOUND_RESTORED: &str = "found-restored";

impl Host {
    /// After a restore from a backup the peers that the backup knew may give back what this
    /// replica has forgotten, each until it was found equal once.
    pub(super) fn refill_after_restore(&mut self) -> Result<(), StoreError> {
        if crate::ledger::local(self.store(), RESTORED)?.is_none() {
            return Ok(());
        }
        if self.config.role == Role::Hub && self.peers.all().is_empty() {
            // The backup is of a time when no node had called: whoever calls first is asked.
            self.refill_due = true;
            return Ok(());
        }
        self.begin_refill(None);
        self.ledger.commit()?;
        self.ledger.store().sync()
    }

    /// A node knows this hub's present life further than the hub itself: its memory was rolled
    /// back. The next write is of a new life.
    pub(super) fn leave_own_life(&mut self, login: &Login, hello: &Hello) {
        let Some(life) = self.life else { return };
        let ahead = hello.positions.iter().any(|p| {
            let same = p.counter == life.counter && (p.head.is_empty() || p.head == life.head.0);
            p.incarnation == life.incarnation.0 && p.counter >= life.counter && !same
        });
        if ahead {
            tracing::error!("this hub was rolled back while it ran; it goes on under a new name");
            self.positions.go_on_from(life.incarnation);
            self.life = None;
            self.note_restored(Some(login.session));
        }
    }

    /// A node shows that this hub has forgotten something.
    pub(super) fn note_restored(&mut self, greeting: Option<u64>) {
        if self.config.believes_peers {
            self.begin_refill(greeting);
        } else if !self.restored {
            self.restored = true;
            let key = keys::local(FOUND_RESTORED);
            self.ledger.stage(key, Some(vec![1]));
        }
    }

    /// A node has brought a write with this hub's own seal that the hub does not know: that proves
    /// that it has forgotten something. While it refills, nobody need be asked.
    pub(super) fn refill_or_note(&mut self) {
        if self.peers.refills.is_empty() {
            self.note_restored(None);
        } else {
            self.begin_refill(None);
        }
    }

    /// Whether a node has shown that this hub has forgotten something, and nobody has said since
    /// that its nodes may give it back.
    pub(super) fn is_restored(&self) -> bool {
        self.restored
    }

    /// What the node knows of others and this hub does not, or of anybody where the hub does not know
    /// the node: that shows that the hub has forgotten something.
    pub(super) fn forgotten(&self, login: &Login, hello: &Hello) -> Vec<Position> {
        let state = self.sessions.get(&login.session);
        let is_stranger = state.is_some_and(|state| state.stranger);
        let others = hello.positions.iter().filter(|p| p.replica != login.peer.0);
        let known = |p: &Position| self.positions.counter(Incarnation(p.incarnation));
        let unknown = others.filter(|p| is_stranger || p.counter > known(p));
        unknown.cloned().collect()
    }

    /// From now on every node may give back what this hub has forgotten, until both are found
    /// equal: what one node lacks another holds, whichever of them shows the gap. What no sum tells
    /// of is offered when a session begins, so a session ends whose node could not so far, but not the
    /// one under greeting.
    pub(super) fn begin_refill(&mut self, greeting: Option<u64>) {
        if std::mem::take(&mut self.restored) {
            self.ledger.stage(keys::local(FOUND_RESTORED), None);
        }
        self.refill_due = false;
        self.ledger.stage(keys::local(RESTORED), None);
        let published = self.ledger.scope_number(self.config.published);
        for (peer, scope) in self.peers.all() {
            let own = self.ledger.scope_number(scope);
            let mut news = false;
            for scope in [own, published] {
                if let Some(key) = self.peers.refills.set(peer, scope) {
                    self.ledger.stage(key, Some(Vec::new()));
                    news = true;
                }
            }
            if news {
                let others = |session: &u64, state: &mut SessionState| {
                    state.party.number != peer || Some(*session) == greeting
                };
                self.sessions.retain(others);
            }
        }
    }

    /// The peers that may give back what a restore took from this hub and have not been found equal
    /// since. One that is fenced may still bring it, but may never call again.
    pub(super) fn peers_awaited(&self) -> Vec<ReplicaId> {
        let awaited = self.peers.refills.peers();
        let awaited = awaited.filter_map(|peer| self.peers.replica(peer));
        awaited.filter(|peer| !self.fenced.contains(peer)).collect()
    }

    /// Whether the peer may give back, in any scope, what a restore took from this hub. It stands
    /// in the store until both are found equal: a line may be cut in the middle of a refill.
    pub(super) fn is_refilling(&mut self, login: &Login) -> bool {
        let peer = self.party(login).number;
        self.scopes(login).into_iter().any(|scope| {
            let number = self.ledger.scope_number(scope);
            self.peers.refills.has(peer, number)
        })
    }

    /// Whether the node was restored and has not been found equal since. A node that has heard once
    /// what it had written does not show it any more, and its line may be cut before it has what
    /// it lacks: so this stands in the store.
    pub(super) fn is_wanting(&mut self, login: &Login, shown: bool) -> bool {
        let peer = self.party(login).number;
        // A life that is behind itself is sent away, and shows when it calls again what it lacks.
        let state = self.sessions.get(&login.session);
        let goes_on = !state.is_some_and(|state| state.frozen);
        let mut wanting = shown;
        for scope in self.scopes(login) {
            let number = self.ledger.scope_number(scope);
            let news = (shown && goes_on).then(|| self.peers.wanting.set(peer, number));
            if let Some(key) = news.flatten() {
                self.ledger.stage(key, Some(Vec::new()));
            }
            wanting |= self.peers.wanting.has(peer, number);
        }
        wanting
    }
}

//! The operations of a session, as a replica carries them out.

use std::collections::BTreeMap;

use bytes::Bytes;
use proto::sync::{
    Ack, Batch, Diagnosis, FeedState, Hello, Position, Refused as RefusedWire, Welcome,
};
use replica::{
    Incarnation, RecordKey, ReplicaId, ScopeId,
    limits::{BATCH_BYTES_MAX, REFUSALS_MAX},
    session::{FeedPoint, Input, Op, PROTOCOL, Role, Standing},
};

use super::Host;
use crate::StoreError;

/// Who is at the other end, as its certificate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Login {
    /// The session: unique in this run of the program, and higher for a newer line.
    pub session: u64,
    /// The replica at the other end.
    pub peer: ReplicaId,
    /// The scope that the node stands for; at a node its own.
    pub scope: ScopeId,
}

/// What a replica remembers of a session under way.
#[derive(Clone, Debug)]
pub(super) struct SessionState {
    pub(super) peer: ReplicaId,
    pub(super) number: u32,
    pub(super) scope: ScopeId,
    /// Positions up to this version were sent.
    positions_sent: u64,
}

/// Which feeds of a scope a session carries, seen from this side.
#[derive(Clone, Copy, Debug)]
struct Flows {
    sends: bool,
    takes: bool,
}

/// How a session that cannot go on ends: the store has failed.
const STORE_FAILED: &str = "STORE-006";

impl Host {
    /// Carries out one operation.
    pub(super) fn session(&mut self, login: &Login, op: Op) -> Option<Input> {
        // A point that a session names is the end of a section, or no later session knows it.
        self.end_own_section();
        let begins = matches!(op, Op::Greet | Op::Welcome(_));
        if begins {
            self.begin(login);
        }
        if !self.sessions.contains_key(&login.session) {
            // A newer Hello of the same identity has ended it.
            return Some(Input::Stop);
        }
        match self.operation(login, op) {
            Ok(input) => input,
            Err(_failed) => Some(Input::Accepted(Err(STORE_FAILED))),
        }
    }

    fn operation(&mut self, login: &Login, op: Op) -> Result<Option<Input>, StoreError> {
        Ok(match op {
            Op::Greet => Some(Input::Greeted(Box::new(self.greet(login)))),
            Op::Welcome(hello) => Some(Input::Welcomed(self.welcome(login, &hello))),
            Op::Accept(welcome) => Some(Input::Accepted(self.accept(login, &welcome)?)),
            Op::Read(scope, after) => Some(Input::Read(Box::new(self.read(login, scope, after)?))),
            Op::Apply(delivery) => Some(Input::Applied(Box::new(self.apply(login, *delivery)?))),
            Op::Acked(ack) => {
                self.acked(login, &ack)?;
                None
            }
            Op::Sum(scope) => {
                let number = self.ledger.scope_number(scope);
                let parts = self.pages(number);
                Some(Input::Summed(scope, parts, self.ledger.end(number)))
            }
            Op::Compare(scope, parts) => {
                let number = self.ledger.scope_number(scope);
                let differing = self.compare(number, &parts);
                Some(Input::Compared(scope, differing, self.ledger.end(number)))
            }
            Op::List(scope, buckets) => {
                let leaves = self.leaves(scope, &buckets)?;
                Some(Input::Listed(scope, buckets, leaves))
            }
            Op::Diff(scope, buckets, theirs) => {
                let (keys, leaves) = self.diff(scope, &buckets, &theirs)?;
                Some(Input::Differ(scope, keys, leaves))
            }
            Op::Fetch(scope, keys) => {
                let (batch, rest) = self.fetch(login, scope, keys)?;
                Some(Input::Fetched(Box::new(batch), rest))
            }
            Op::Heal(scope, cut) => {
                self.healed(login, scope, cut);
                Some(Input::Healed(scope, cut))
            }
            Op::Settled(scope, ours, theirs) => {
                self.settled(login, scope, ours, theirs);
                None
            }
        })
    }

    /// A new Hello ends the older session of its identity. One that was long under way on a line
    /// that is dead by now ends nothing: what it says of its sender is out of date.
    fn begin(&mut self, login: &Login) {
        let newest = self.newest.entry(login.peer).or_default();
        if *newest > login.session {
            return;
        }
        *newest = login.session;
        self.sessions.retain(|_, state| state.peer != login.peer);
        let known = self.peers.scope_of(login.peer).is_some();
        let number = self.peers.number(login.peer, login.scope, &mut self.ledger);
        if !known && self.config.role == Role::Hub && self.peers.is_any_refilling() {
            // A node that a restored hub has never heard of is one that it has forgotten.
            self.begin_refill();
        }
        let state = SessionState {
            peer: login.peer,
            number,
            scope: login.scope,
            positions_sent: 0,
        };
        self.sessions.insert(login.session, state);
    }

    pub(super) fn state(&self, login: &Login) -> SessionState {
        self.sessions
            .get(&login.session)
            .cloned()
            .unwrap_or(SessionState {
                peer: login.peer,
                number: 0,
                scope: login.scope,
                positions_sent: 0,
            })
    }

    /// The positions that a session has not sent yet and that the peer may want: our own, the
    /// peer's, and those of other replicas of its scope.
    fn news(&mut self, login: &Login) -> Vec<Position> {
        let Some(state) = self.sessions.get_mut(&login.session) else {
            return Vec::new();
        };
        let (own, peers, scope, peer) = (self.config.replica, &self.peers, state.scope, state.peer);
        let hub = self.config.role == Role::Hub;
        let wanted = |replica: Option<ReplicaId>| match replica {
            Some(replica) if hub => {
                // One that this hub has not met since it was restored may stand in any record.
                let of_scope = peers.scope_of(replica).is_none_or(|of| of == scope);
                replica == own || replica == peer || of_scope
            }
            _ => true,
        };
        let (positions, version) = self.positions.since(state.positions_sent, wanted);
        state.positions_sent = version;
        positions
    }

    fn feed_state(&mut self, login: &Login, scope: ScopeId) -> FeedState {
        let number = self.ledger.scope_number(scope);
        let peer = self.state(login).number;
        FeedState {
            scope: scope.0.to_vec(),
            end: self.ledger.end(number).to_wire(),
            taken: self.peers.taken(peer, number).to_wire(),
        }
    }

    fn scopes(&self, login: &Login) -> Vec<ScopeId> {
        let mut scopes = vec![login.scope];
        if self.config.published != login.scope {
            scopes.push(self.config.published);
        }
        scopes
    }

    /// The node says who it is.
    fn greet(&mut self, login: &Login) -> Hello {
        let feeds = self
            .scopes(login)
            .into_iter()
            .map(|s| self.feed_state(login, s))
            .collect();
        Hello {
            protocol_min: PROTOCOL,
            protocol_max: PROTOCOL,
            schema: self.config.schema,
            replica: self.config.replica.0.to_vec(),
            incarnation: self.life.map_or(0, |life| life.incarnation.0),
            positions: self.news(login),
            feeds,
            now_ms: i64::try_from(self.config.clock.wall_ms()).unwrap_or(i64::MAX),
        }
    }

    /// The hub answers: one diagnosis with one next step.
    fn welcome(
        &mut self,
        login: &Login,
        hello: &Hello,
    ) -> Result<(Box<Welcome>, Vec<Standing>), &'static str> {
        if hello.replica != login.peer.0 {
            return Err("SYNC-111");
        }
        let restored = self.peer_was_restored(login, hello)?;
        let mut found = self.was_restored(login, hello);
        let number = self.state(login).number;
        let mut standings = Vec::new();
        for scope in self.scopes(login) {
            let theirs = hello.feeds.iter().find(|feed| feed.scope == scope.0);
            let taken = FeedPoint::from_wire(theirs.and_then(|feed| feed.taken.as_ref()));
            let flows = Flows {
                sends: true,
                takes: scope == login.scope,
            };
            let standing = self.standing(login, scope, flows, taken);
            // A feed that the node knows otherwise is one that this hub has lost.
            let number = self.ledger.scope_number(scope);
            found |= standing.resume.is_none() && !self.ledger.is_pruned(number, taken.seq);
            standings.push(standing);
        }
        if found && self.config.believes_peers {
            self.begin_refill();
        }
        let refilling = self.is_refilling(login);
        self.learn(login, &hello.positions);
        let feeds = self
            .scopes(login)
            .into_iter()
            .map(|s| self.feed_state(login, s))
            .collect();
        let diagnosis = if restored {
            Diagnosis::YouWereRestored
        } else if refilling || found {
            Diagnosis::IWasRestored
        } else if standings.iter().any(|standing| standing.resume.is_none()) {
            Diagnosis::NoOverlap
        } else if standings
            .iter()
            .any(|s| s.resume.is_some_and(|at| at.seq < s.end.seq))
        {
            Diagnosis::YouLag
        } else {
            Diagnosis::Ok
        };
        let refusals = self.peers.unconfirmed(number).take(REFUSALS_MAX);
        let refusals = refusals.map(|refusal| RefusedWire {
            incarnation: refusal.incarnation,
            counter: refusal.counter,
            kind: refusal.kind,
            id: refusal.id.clone(),
            code: refusal.code.clone(),
        });
        let welcome = Welcome {
            protocol: PROTOCOL,
            schema: self.config.schema,
            replica: self.config.replica.0.to_vec(),
            refusals: refusals.collect(),
            positions: self.news(login),
            feeds,
            diagnosis: diagnosis.into(),
            now_ms: i64::try_from(self.config.clock.wall_ms()).unwrap_or(i64::MAX),
        };
        Ok((Box::new(welcome), standings))
    }

    /// Whether the node knows less of itself than the hub does. An incarnation that is alive and
    /// does so was rolled back or cloned: nothing is accepted from it.
    fn peer_was_restored(&self, login: &Login, hello: &Hello) -> Result<bool, &'static str> {
        let mut restored = false;
        let claims: BTreeMap<u64, &Position> = hello
            .positions
            .iter()
            .rev()
            .map(|p| (p.incarnation, p))
            .collect();
        for (incarnation, counter, head) in self.positions.of(login.peer) {
            let claim = claims.get(&incarnation.0).copied();
            let claimed = claim.map_or(0, |claim| claim.counter);
            let same = claimed != counter || claim.is_some_and(|claim| claim.head == head.0);
            if claimed > counter || (claimed == counter && same) {
                continue;
            }
            if hello.incarnation == incarnation.0 {
                return Err("SYNC-110");
            }
            restored = true;
        }
        Ok(restored)
    }

    /// Whether the node knows more of others than this hub does.
    fn was_restored(&self, login: &Login, hello: &Hello) -> bool {
        let others = hello.positions.iter().filter(|p| p.replica != login.peer.0);
        let mut others = others.map(|p| (Incarnation(p.incarnation), p.counter));
        others.any(|(incarnation, counter)| counter > self.positions.counter(incarnation))
    }

    fn standing(
        &mut self,
        login: &Login,
        scope: ScopeId,
        Flows { sends, takes }: Flows,
        taken_by_peer: FeedPoint,
    ) -> Standing {
        let number = self.ledger.scope_number(scope);
        let contained = self.ledger.has_point(number, taken_by_peer);
        let peer = self.state(login).number;
        Standing {
            scope,
            sends,
            takes,
            resume: (!sends || contained).then_some(taken_by_peer),
            end: self.ledger.end(number),
            taken: self.peers.taken(peer, number),
        }
    }

    /// The node takes the hub's answer.
    fn accept(
        &mut self,
        login: &Login,
        welcome: &Welcome,
    ) -> Result<Result<Vec<Standing>, &'static str>, StoreError> {
        if welcome.replica != login.peer.0 {
            return Ok(Err("SYNC-111"));
        }
        self.learn(login, &welcome.positions);
        self.take_back(&welcome.refusals)?;
        let mut standings = Vec::new();
        for scope in self.scopes(login) {
            let theirs = welcome.feeds.iter().find(|feed| feed.scope == scope.0);
            let Some(theirs) = theirs else {
                return Ok(Err("SYNC-112"));
            };
            let taken = FeedPoint::from_wire(theirs.taken.as_ref());
            let flows = Flows {
                sends: scope == login.scope,
                takes: true,
            };
            standings.push(self.standing(login, scope, flows, taken));
        }
        Ok(Ok(standings))
    }

    /// Learns positions: a node believes the hub; the hub believes a node about itself, and about
    /// others only while it refills.
    pub(super) fn learn(&mut self, login: &Login, positions: &[Position]) {
        let refilling = self.is_refilling(login);
        for position in positions {
            let incarnation = Incarnation(position.incarnation);
            let owner = self.positions.replica(incarnation);
            let claimed = position.replica == login.peer.0;
            let own = self
                .life
                .is_some_and(|life| life.incarnation == incarnation);
            let its_own = claimed && owner.is_none_or(|owner| owner == login.peer);
            let believed = self.config.role == Role::Node || its_own || refilling;
            if own || !believed || position.counter > replica::limits::COUNTER_MAX {
                continue;
            }
            if let Some((key, value)) = self.positions.learn(position) {
                self.ledger.stage(key, Some(value));
            }
        }
    }

    /// Reads the feed for a peer.
    fn read(
        &mut self,
        login: &Login,
        scope: ScopeId,
        after: FeedPoint,
    ) -> Result<Batch, StoreError> {
        let number = self.ledger.scope_number(scope);
        let peer = self.state(login).number;
        let stretch = self.ledger.read_feed(number, after.seq, peer)?;
        let upto = if stretch.upto.seq > after.seq {
            stretch.upto
        } else {
            after
        };
        // A batch without records may be dropped on its way out: what is news stays news.
        let positions = if stretch.records.is_empty() {
            Vec::new()
        } else {
            self.news(login)
        };
        Ok(Batch {
            scope: scope.0.to_vec().into(),
            after: after.to_wire(),
            upto: upto.to_wire(),
            records: stretch.records,
            positions,
            exchange: false,
        })
    }

    /// Reads records for an exchange, as many as a batch may hold. Returns the other keys.
    fn fetch(
        &mut self,
        login: &Login,
        scope: ScopeId,
        keys: Vec<RecordKey>,
    ) -> Result<(Batch, Vec<RecordKey>), StoreError> {
        let mut records: Vec<Bytes> = Vec::with_capacity(keys.len());
        let mut room = BATCH_BYTES_MAX;
        let mut keys = keys.into_iter();
        let mut rest = Vec::new();
        for key in keys.by_ref() {
            let Some(stored) = self.ledger.current(key)? else {
                continue;
            };
            let bytes = stored.record.encode();
            if bytes.len() > room && !records.is_empty() {
                rest.push(key);
                break;
            }
            room = room.saturating_sub(bytes.len());
            records.push(bytes);
        }
        rest.extend(keys);
        let positions = if records.is_empty() {
            Vec::new()
        } else {
            self.news(login)
        };
        let batch = Batch {
            scope: scope.0.to_vec().into(),
            after: None,
            upto: None,
            records,
            positions,
            exchange: true,
        };
        Ok((batch, rest))
    }

    fn acked(&mut self, login: &Login, ack: &Ack) -> Result<(), StoreError> {
        let state = self.state(login);
        if !ack.exchange
            && let Ok(scope) = ScopeId::try_from(ack.scope.as_slice())
        {
            let number = self.ledger.scope_number(scope);
            let point = FeedPoint::from_wire(ack.upto.as_ref());
            let (key, value) = self.peers.set_acked(state.number, number, point);
            self.ledger.stage_lazily(key, value);
        }
        if self.config.role == Role::Node {
            let refused: Vec<_> = ack.results.iter().flat_map(|r| r.refused.clone()).collect();
            self.take_back(&refused)?;
        }
        Ok(())
    }

    fn healed(&mut self, login: &Login, scope: ScopeId, cut: FeedPoint) {
        let number = self.ledger.scope_number(scope);
        let peer = self.state(login).number;
        let (key, value) = self.peers.set_taken(peer, number, cut);
        self.ledger.stage(key, Some(value));
    }

    fn settled(&mut self, login: &Login, scope: ScopeId, ours: FeedPoint, theirs: FeedPoint) {
        let number = self.ledger.scope_number(scope);
        let peer = self.state(login).number;
        self.peers.set_equal(peer, number, ours.seq, theirs.seq);
        let (key, value) = self.peers.set_acked(peer, number, ours);
        self.ledger.stage_lazily(key, value);
        if let Some(key) = self.peers.end_refill(peer, number) {
            self.ledger.stage(key, None);
        }
        if self.config.role == Role::Hub && scope == login.scope {
            self.confirm_settled(peer);
        }
    }

    /// From now on every node may give back what this hub has forgotten, until both are found
    /// equal: what one node lacks another holds, whichever of them shows the gap.
    pub(super) fn begin_refill(&mut self) {
        let published = self.ledger.scope_number(self.config.published);
        for (peer, scope) in self.peers.all() {
            let own = self.ledger.scope_number(scope);
            for scope in [own, published] {
                if let Some(key) = self.peers.begin_refill(peer, scope) {
                    self.ledger.stage(key, Some(Vec::new()));
                }
            }
        }
    }

    /// Whether the peer may give back, in any scope, what a restore took from this hub. It stands
    /// in the store until both are found equal: a line may be cut in the middle of a refill.
    pub(super) fn is_refilling(&mut self, login: &Login) -> bool {
        let peer = self.state(login).number;
        self.scopes(login).into_iter().any(|scope| {
            let number = self.ledger.scope_number(scope);
            self.peers.is_refilling(peer, number)
        })
    }

    /// A node that holds the same as this hub shows none of the writes that were refused to it.
    fn confirm_settled(&mut self, peer: u32) {
        for (key, value) in self.peers.confirm_all(peer) {
            self.ledger.stage(key, Some(value));
        }
    }
}

//! The operations of a session, as a replica carries them out.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use proto::sync::{
    Ack, Batch, Diagnosis, FeedState, Hello, Outcome, Position, Refused as RefusedWire, Welcome,
};
use replica::{
    Counter, Head, Incarnation, RecordKey, ReplicaId, ScopeId,
    limits::{BATCH_BYTES_MAX, REFUSALS_MAX},
    session::{FeedPoint, Input, Op, PROTOCOL, Role, Standing},
};

use super::{Host, positions};
use crate::{Store, StoreError, keys, ledger::Lending};

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

/// Who is at the other end, by the number that the peer has in this store; 0 without a session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Party {
    pub(super) peer: ReplicaId,
    pub(super) number: u32,
    pub(super) scope: ScopeId,
}

/// What a replica remembers of a session under way.
#[derive(Debug)]
pub(super) struct SessionState {
    pub(super) party: Party,
    /// Positions up to this version were sent.
    pub(super) positions_sent: u64,
    /// Of own incarnations, at a node: the ends of commits up to these counters are known to the
    /// hub.
    pub(super) ends_sent: BTreeMap<Incarnation, u64>,
    /// Records that this session leaves out of what it compares. Each session tries again what an
    /// earlier one held back: what was damaged on its way may fit now.
    pub(super) held_back: BTreeSet<RecordKey>,
    /// The node speaks as a life that is behind itself: nothing is taken from it.
    pub(super) frozen: bool,
    /// Nobody of that name has called before, as far as this store knows.
    pub(super) stranger: bool,
    /// Guests that came to lie in a feed since the session began, and were not offered yet.
    pub(super) guests: BTreeSet<(u32, RecordKey)>,
    /// At a node, the last copies that the hub has put off and not taken since, with the scope of
    /// the feed that they lie in.
    pub(super) put_off: BTreeSet<(u32, RecordKey)>,
    /// At a hub, what the node's Hello has said of others and the hub had forgotten.
    pub(super) forgotten: Vec<Position>,
}

/// Which feeds of a scope a session carries, seen from this side.
#[derive(Clone, Copy, Debug)]
struct Flows {
    sends: bool,
    takes: bool,
}

/// How a session ends in which a node speaks as a life that is behind itself.
const BEHIND_ITSELF: &str = "SYNC-110";

/// Bytes of a journal head.
pub(super) const HEAD_BYTES: usize = 32;

/// The hub's answer to a Hello.
type Greeting = (Box<Welcome>, Vec<Standing>);

/// What a hub finds when it compares what a node says of its lives with what it knows.
#[derive(Debug, Default)]
struct Lives {
    /// The node knows less of itself than the hub.
    restored: bool,
    /// Where the two differ, all points that the hub knows.
    heads: Vec<Position>,
    /// The lives that both know alike.
    alike: Vec<(Incarnation, Counter)>,
}

pub(super) fn load_fenced(store: &dyn Store) -> Result<BTreeSet<ReplicaId>, StoreError> {
    let mut fenced = BTreeSet::new();
    let (from, to) = keys::all(b'Z');
    store.scan(&from, &to, &mut |key, _| {
        let replica = key.get(1..).and_then(|id| ReplicaId::try_from(id).ok());
        fenced.insert(replica.ok_or_else(|| StoreError::Damaged {
            what: "fenced node".to_owned(),
        })?);
        Ok(())
    })?;
    Ok(fenced)
}

pub(super) fn load_left_behind(store: &dyn Store) -> Result<BTreeSet<Incarnation>, StoreError> {
    let mut left = BTreeSet::new();
    let (from, to) = keys::all(b'B');
    store.scan(&from, &to, &mut |key, _| {
        let incarnation = keys::u64_at(key, 1).ok_or_else(|| StoreError::Damaged {
            what: "incarnation left behind".to_owned(),
        })?;
        left.insert(Incarnation(incarnation));
        Ok(())
    })?;
    Ok(left)
}

/// How a session that cannot go on ends: the store has failed.
const STORE_FAILED: &str = "STORE-006";

impl Host {
    /// Carries out one operation.
    pub(super) fn session(&mut self, login: &Login, op: Op) -> Option<Input> {
        // A point that a session names is the end of a section, or no later session knows it.
        self.end_own_section();
        if let Op::Welcome(hello) = &op
            && self.left_behind.contains(&Incarnation(hello.incarnation))
        {
            if self.newest.get(&login.peer) > Some(&login.session) {
                // A Hello of a life that is over, long under way on a line that is dead by now.
                return Some(Input::Stop);
            }
            // The other copy has gone on without this one: a person decides which of them stays.
            // Until then it ends no session and leaves no life behind, or both would be frozen.
            self.clones.insert(login.peer);
            return Some(Input::Welcomed(Err("SYNC-140")));
        }
        let begins = matches!(op, Op::Greet | Op::Welcome(_));
        if begins {
            self.begin(login);
        }
        if !self.sessions.contains_key(&login.session) {
            // A newer Hello of the same identity has ended it.
            return Some(Input::Stop);
        }
        let only_reads = matches!(
            op,
            Op::Read(..)
                | Op::Sum(_)
                | Op::Compare(..)
                | Op::List(..)
                | Op::Diff(..)
                | Op::Fetch(..)
        );
        match self.operation(login, op) {
            Ok(input) => input,
            Err(_failed) => {
                // A part of it is staged: a record may have moved without its children, or a
                // journal been cut whose writes still stand.
                self.failed |= !only_reads;
                Some(Input::Accepted(Err(STORE_FAILED)))
            }
        }
    }

    fn operation(&mut self, login: &Login, op: Op) -> Result<Option<Input>, StoreError> {
        Ok(match op {
            Op::Greet => Some(Input::Greeted(Box::new(self.greet(login)))),
            Op::Welcome(hello) => Some(Input::Welcomed(self.welcome(login, &hello)?)),
            Op::Accept(welcome) => Some(Input::Accepted(self.accept(login, &welcome)?)),
            Op::Read(scope, after) => Some(Input::Read(Box::new(self.read(login, scope, after)?))),
            Op::Apply(_) if self.sessions.get(&login.session).is_some_and(|s| s.frozen) => {
                Some(Input::Accepted(Err(BEHIND_ITSELF)))
            }
            Op::Apply(delivery) => Some(Input::Applied(Box::new(self.apply(login, *delivery)?))),
            Op::Acked(ack) => {
                self.acked(login, &ack)?;
                None
            }
            Op::Sum(scope) => Some(Input::Summed(scope, self.sums(login, scope)?)),
            Op::Compare(scope, parts, held_back) => {
                let sums = self.compare(login, scope, &parts, &held_back)?;
                Some(Input::Compared(scope, sums))
            }
            Op::HeldBack(_, names) => {
                self.held_back(login, &names);
                None
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
                self.settled(login, scope, ours, theirs)?;
                self.forget_results(scope)?;
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
        self.end_sessions(login.peer);
        let known = self.peers.scope_of(login.peer).is_some();
        let number = self.peers.number(login.peer, login.scope, &mut self.ledger);
        let refills = self.refill_due || !self.peers.refills.is_empty();
        if !known && self.config.role == Role::Hub && refills {
            // A node that a restored hub has never heard of is one that it has forgotten.
            self.begin_refill(None);
        }
        let state = SessionState {
            party: Party {
                peer: login.peer,
                number,
                scope: login.scope,
            },
            positions_sent: 0,
            ends_sent: BTreeMap::new(),
            held_back: BTreeSet::new(),
            frozen: false,
            stranger: !known,
            guests: BTreeSet::new(),
            put_off: BTreeSet::new(),
            forgotten: Vec::new(),
        };
        self.sessions.insert(login.session, state);
    }

    pub(super) fn party(&self, login: &Login) -> Party {
        let known = self.sessions.get(&login.session).map(|state| state.party);
        known.unwrap_or(Party {
            peer: login.peer,
            number: 0,
            scope: login.scope,
        })
    }

    fn feed_state(&mut self, login: &Login, scope: ScopeId) -> FeedState {
        let number = self.ledger.scope_number(scope);
        let peer = self.party(login).number;
        FeedState {
            scope: scope.0.to_vec(),
            end: self.ledger.end(number).to_wire(),
            taken: self.peers.taken(peer, number).to_wire(),
        }
    }

    pub(super) fn scopes(&self, login: &Login) -> Vec<ScopeId> {
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
        let positions = self.all_news(login);
        // A Hello is for the diagnosis. What it says is learnt when it comes with a batch: by then
        // the node knows that the hub knows nothing else of it.
        if let Some(state) = self.sessions.get_mut(&login.session) {
            state.positions_sent = 0;
        }
        Hello {
            protocol_min: PROTOCOL,
            protocol_max: PROTOCOL,
            schema: self.config.schema,
            replica: self.config.replica.0.to_vec(),
            incarnation: self.life.map_or(0, |life| life.incarnation.0),
            positions,
            feeds,
            now_ms: i64::try_from(self.config.clock.wall_ms()).unwrap_or(i64::MAX),
        }
    }

    /// The hub answers: one diagnosis with one next step.
    fn welcome(
        &mut self,
        login: &Login,
        hello: &Hello,
    ) -> Result<Result<Greeting, &'static str>, StoreError> {
        if hello.replica != login.peer.0 {
            return Ok(Err("SYNC-111"));
        }
        let mut known = self.compare_lives(login, hello)?;
        let wanting = self.is_wanting(login, known.restored);
        self.clones.remove(&login.peer);
        self.leave_own_life(login, hello);
        let forgotten = self.forgotten(login, hello);
        let mut found = !forgotten.is_empty();
        if let Some(state) = self.sessions.get_mut(&login.session) {
            state.forgotten = forgotten;
        }
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
        // Of a node that may give back what it has this is no news.
        if found && (self.config.believes_peers || !self.is_refilling(login)) {
            self.note_restored(Some(login.session));
        }
        let refilling = self.is_refilling(login);
        let diagnosis = if self.fenced.contains(&login.peer) {
            Diagnosis::Fenced
        } else if known.restored {
            Diagnosis::YouWereRestored
        } else if refilling || found {
            Diagnosis::IWasRestored
        } else if wanting {
            Diagnosis::YouWereRestored
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
        if refilling || found {
            known
                .heads
                .extend(self.forgotten_ends(login, &known.alike)?);
        }
        self.heard(login.peer, hello.schema, hello.now_ms, diagnosis)?;
        self.add_offers(diagnosis, &mut standings)?;
        let welcome = self.answer(login, diagnosis, known.heads);
        Ok(Ok((Box::new(welcome), standings)))
    }

    fn answer(&mut self, login: &Login, diagnosis: Diagnosis, heads: Vec<Position>) -> Welcome {
        let number = self.party(login).number;
        let feeds = self
            .scopes(login)
            .into_iter()
            .map(|s| self.feed_state(login, s))
            .collect();
        let refusals = self.peers.unconfirmed(number).take(REFUSALS_MAX);
        let refusals = refusals.map(|refusal| RefusedWire {
            incarnation: refusal.incarnation,
            counter: refusal.counter,
            kind: refusal.kind,
            id: refusal.id.clone(),
            code: refusal.code.clone(),
        });
        Welcome {
            protocol: PROTOCOL,
            schema: self.config.schema,
            replica: self.config.replica.0.to_vec(),
            refusals: refusals.collect(),
            positions: self.all_news(login),
            feeds,
            diagnosis: diagnosis.into(),
            now_ms: i64::try_from(self.config.clock.wall_ms()).unwrap_or(i64::MAX),
            heads,
        }
    }

    /// Compares what the node says of its lives with what this hub knows of them. A life that the
    /// node does not know, or knows less of, was lived by a copy that it was restored without:
    /// who still speaks as that life is the other copy.
    fn compare_lives(&mut self, login: &Login, hello: &Hello) -> Result<Lives, StoreError> {
        let own = hello.positions.iter().filter(|p| p.replica == login.peer.0);
        let claims: BTreeMap<u64, (u64, &[u8])> = own
            .map(|p| (p.incarnation, (p.counter, p.head.as_slice())))
            .collect();
        let mut lives = Lives::default();
        let known: Vec<_> = self.positions.of(login.peer).collect();
        for (incarnation, counter, head) in known {
            if counter == 0 {
                continue;
            }
            let claim = claims.get(&incarnation.0).copied();
            if claim == Some((counter, &head.0)) {
                lives.alike.push((incarnation, counter));
                continue;
            }
            // A restored hub may know of a life only that it came so far.
            let is_vague = head == Head::default();
            if is_vague && claim.is_some_and(|(claimed, _)| claimed >= counter) {
                continue;
            }
            let claimed = claim.map_or(0, |(claimed, _)| claimed);
            let mut points = self.points(incarnation, claimed.min(counter))?;
            // Where the commits ended up to there a restored hub does not know when others told it
            // how far the life came: the list ends before the gap.
            let last = self.last_point(incarnation)?;
            if last.is_none_or(|(last, _)| last >= counter) {
                points.push((counter, head));
            }
            lives
                .heads
                .extend(points.into_iter().map(|(counter, head)| Position {
                    incarnation: incarnation.0,
                    counter,
                    head: positions::told(head),
                    replica: login.peer.0.to_vec(),
                }));
            let lost = claim.is_none_or(|(claimed, _)| claimed <= counter);
            lives.restored |= lost;
            if lost
                && hello.incarnation == incarnation.0
                && let Some(state) = self.sessions.get_mut(&login.session)
            {
                state.frozen = true;
            }
            if lost && hello.incarnation != incarnation.0 && self.left_behind.insert(incarnation) {
                self.ledger
                    .stage(keys::left_behind(incarnation), Some(Vec::new()));
            }
        }
        Ok(lives)
    }

    /// The last end of a commit that this hub knows of each life that both know alike, where the
    /// node's next ones are lacking: it has learnt from others how far the life came.
    fn forgotten_ends(
        &self,
        login: &Login,
        alike: &[(Incarnation, Counter)],
    ) -> Result<Vec<Position>, StoreError> {
        let mut ends = Vec::new();
        for (incarnation, counter) in alike {
            let last = self.last_point(*incarnation)?;
            let (at, head) = last.unwrap_or_default();
            if at < *counter {
                ends.push(Position {
                    incarnation: incarnation.0,
                    counter: at,
                    head: positions::told(head),
                    replica: login.peer.0.to_vec(),
                });
            }
        }
        Ok(ends)
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
        let peer = self.party(login).number;
        Standing {
            scope,
            sends,
            takes,
            resume: (!sends || contained).then_some(taken_by_peer),
            end: self.ledger.end(number),
            taken: self.peers.taken(peer, number),
            offer: Vec::new(),
        }
    }

    /// Where nothing flows before an exchange, what no sum tells of goes along with it.
    fn add_offers(
        &self,
        diagnosis: Diagnosis,
        standings: &mut [Standing],
    ) -> Result<(), StoreError> {
        for standing in standings {
            if standing.is_broken(diagnosis) {
                standing.offer = self.offer(standing.scope)?;
                if self.config.role == Role::Node && diagnosis == Diagnosis::IWasRestored {
                    standing.offer.extend(self.lent_by_hub(standing.scope)?);
                }
            }
        }
        Ok(())
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
        let (schema, now_ms) = (welcome.schema, welcome.now_ms);
        self.heard(login.peer, schema, now_ms, welcome.diagnosis())?;
        if let Some(fork) = self.fork(welcome)? {
            // The next Hello tells the hub what this replica holds now.
            self.roll_back(fork)?;
            return Ok(Err(BEHIND_ITSELF));
        }
        if let Some(state) = self.sessions.get_mut(&login.session) {
            let own = welcome.positions.iter();
            let own = own.filter(|p| p.replica == self.config.replica.0);
            state.ends_sent = own
                .map(|p| (Incarnation(p.incarnation), p.counter))
                .collect();
            // How far this replica came the hub may have learnt from others, and where the commits
            // ended it then does not know.
            let mut last: BTreeMap<Incarnation, Counter> = BTreeMap::new();
            for point in &welcome.heads {
                let incarnation = Incarnation(point.incarnation);
                let reached = state.ends_sent.get(&incarnation);
                if reached.is_some_and(|reached| point.counter < *reached) {
                    let last = last.entry(incarnation).or_default();
                    *last = point.counter.max(*last);
                }
            }
            state.ends_sent.extend(last);
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
        self.add_offers(welcome.diagnosis(), &mut standings)?;
        Ok(Ok(standings))
    }

    /// Reads the feed for a peer.
    fn read(
        &mut self,
        login: &Login,
        scope: ScopeId,
        after: FeedPoint,
    ) -> Result<Batch, StoreError> {
        let number = self.ledger.scope_number(scope);
        let peer = self.party(login).number;
        let lent = match self.config.role {
            Role::Hub => Lending::Given,
            Role::Node => Lending::Kept,
        };
        let stretch = self.ledger.read_feed(number, after.seq, peer, lent)?;
        let upto = if stretch.upto.seq > after.seq {
            stretch.upto
        } else {
            after
        };
        // A batch without records may be dropped on its way out: what is news stays news.
        let positions = if stretch.records.is_empty() {
            Vec::new()
        } else {
            self.with_batch(login)?
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
            let Some(bytes) = self.shown_to(scope, key)? else {
                continue;
            };
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
            self.with_batch(login)?
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

    /// A record as it stands in the feed of a scope: its copy where it is a guest.
    fn shown_to(&mut self, scope: ScopeId, key: RecordKey) -> Result<Option<Bytes>, StoreError> {
        let number = self.ledger.scope_number(scope);
        let Some(stored) = self.ledger.current(key)? else {
            return Ok(None);
        };
        if stored.place.scope == number {
            return Ok(Some(stored.record.encode()));
        }
        self.ledger.copy(key, number)
    }

    fn acked(&mut self, login: &Login, ack: &Ack) -> Result<(), StoreError> {
        let peer = self.party(login).number;
        if !ack.exchange
            && let Ok(scope) = ScopeId::try_from(ack.scope.as_slice())
        {
            let number = self.ledger.scope_number(scope);
            let point = FeedPoint::from_wire(ack.upto.as_ref());
            if self.config.role == Role::Node && !ack.receipt.is_empty() {
                self.peers.set_receipt(peer, number, &ack.receipt);
            }
            let before = self.peers.acked(peer, number).seq.0;
            self.note_arrival((peer, number), (before, point.seq.0))?;
            let (key, value) = self.peers.set_acked(peer, number, point);
            self.ledger.stage_lazily(key, value);
        }
        for result in &ack.results {
            if result.outcome() == Outcome::Quarantined {
                self.held_by_peer(login, super::peers::key_of(result.kind, &result.id));
            }
        }
        if self.config.role == Role::Node {
            self.note_put_off(login, &ack.results)?;
            self.note_results(&ack.results);
            let refused: Vec<_> = ack.results.iter().flat_map(|r| r.refused.clone()).collect();
            self.take_back(&refused)?;
        }
        Ok(())
    }

    fn healed(&mut self, login: &Login, scope: ScopeId, cut: FeedPoint) {
        let number = self.ledger.scope_number(scope);
        let peer = self.party(login).number;
        let (key, value) = self.peers.set_taken(peer, number, cut);
        self.ledger.stage(key, Some(value));
    }

    fn settled(
        &mut self,
        login: &Login,
        scope: ScopeId,
        ours: FeedPoint,
        theirs: FeedPoint,
    ) -> Result<(), StoreError> {
        let number = self.ledger.scope_number(scope);
        let peer = self.party(login).number;
        self.peers.set_equal(peer, number, ours.seq, theirs.seq);
        // What was acked of it is noted; the rest it turned out to hold.
        let before = self.peers.acked(peer, number).seq.0;
        self.note_arrived_before((peer, number), (before, ours.seq.0))?;
        let (key, value) = self.peers.set_acked(peer, number, ours);
        self.ledger.stage_lazily(key, value);
        // What nobody holds any more comes with no batch, and would show a gap at every Hello.
        let state = self.sessions.get_mut(&login.session);
        if let Some(state) = state.filter(|_| scope == login.scope) {
            let forgotten = std::mem::take(&mut state.forgotten);
            self.learn(login, &forgotten);
        }
        let (refill, wanting) = (
            self.peers.refills.clear(peer, number),
            self.peers.wanting.clear(peer, number),
        );
        for key in refill.into_iter().chain(wanting) {
            self.ledger.stage(key, None);
        }
        self.let_go_equal(login, number)?;
        self.met.insert((peer, number));
        if scope != login.scope {
            return Ok(());
        }
        if self.config.role == Role::Node {
            return self.drop_held_drafts();
        }
        self.confirm_settled(peer);
        if self.fenced.remove(&login.peer) {
            self.ledger.stage(keys::fenced(login.peer), None);
        }
        Ok(())
    }

    /// The peers that were found equal in every scope since the start.
    pub(super) fn peers_met(&self) -> Vec<ReplicaId> {
        let published = self.ledger.reader().scope_number(self.config.published);
        let met = |(number, scope): &(u32, ScopeId)| {
            let own = self.ledger.reader().scope_number(*scope);
            [own, published]
                .into_iter()
                .all(|scope| scope.is_some_and(|scope| self.met.contains(&(*number, scope))))
        };
        let all = self.peers.all().into_iter().filter(met);
        all.filter_map(|(number, _)| self.peers.replica(number))
            .collect()
    }

    /// A node that holds the same as this hub shows none of the writes that were refused to it.
    fn confirm_settled(&mut self, peer: u32) {
        for (key, value) in self.peers.confirm_all(peer) {
            self.ledger.stage(key, Some(value));
        }
    }
}

//! How far every incarnation has come, as known here; the highest is kept. And what of it goes to a
//! peer, and is believed of one.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message as _;
use proto::{stored::Position as Stored, sync::Position};
use replica::{
    Context, Counter, Head, Incarnation, Record, ReplicaId,
    limits::{COUNTER_MAX, INCARNATIONS_MAX, POINTS_MAX},
    session::Role,
};

use super::{
    Host, Login,
    session::{HEAD_BYTES, Party},
};
use crate::{Batch, Store, StoreError, Survey, keys};

#[derive(Clone, Copy, Debug)]
struct Known {
    counter: Counter,
    head: Head,
    replica: Option<ReplicaId>,
    /// Grows with every change, so that a session sends only what is new.
    version: u64,
}

/// A head as it is told: one that is not known is left out.
pub(super) fn told(head: Head) -> Vec<u8> {
    if head == Head::default() {
        return Vec::new();
    }
    head.0.to_vec()
}

/// Notes in a store how far every incarnation had come, as the store knew that it replaces.
///
/// What was written after a backup and reached no peer is known nowhere once the backup is
/// restored: a certificate would be true that says nothing was lost. These positions are told to no
/// peer, which would wait for writes that never come; they are only accounted for.
///
/// # Errors
/// The store failed.
pub fn remember(store: &dyn Store, replaced: &Survey) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    let mut known = former(store)?;
    for (incarnation, mut position) in replaced.ever_reached() {
        let before = known
            .remove(&incarnation)
            .map_or(0, |former| former.counter);
        position.counter = position.counter.max(before);
        // Where two stores went on from one backup a head may be that of either.
        position.head.clear();
        batch.put(keys::former(incarnation), position.encode_to_vec());
    }
    store.commit(batch)?;
    store.sync()
}

/// The positions of the stores that this one has replaced.
fn former(store: &dyn Store) -> Result<BTreeMap<Incarnation, Stored>, StoreError> {
    let mut former = BTreeMap::new();
    let (from, to) = keys::all(b'O');
    store.scan(&from, &to, &mut |key, value| {
        let (incarnation, position) = read(key, value)?;
        former.insert(incarnation, position);
        Ok(())
    })?;
    Ok(former)
}

/// Reads a position as it is stored.
fn read(key: &[u8], value: Bytes) -> Result<(Incarnation, Stored), StoreError> {
    let damaged = || StoreError::Damaged {
        what: "position".to_owned(),
    };
    let incarnation = Incarnation(keys::u64_at(key, 1).ok_or_else(damaged)?);
    let stored = Stored::decode(value).map_err(|_e| damaged())?;
    Ok((incarnation, stored))
}

/// See the module.
#[derive(Debug)]
pub(super) struct Positions {
    own: ReplicaId,
    known: BTreeMap<Incarnation, Known>,
    changes: BTreeMap<u64, Incarnation>,
    /// How many incarnations of each replica are known, and of replicas that are not.
    counts: BTreeMap<Option<ReplicaId>, usize>,
    /// The incarnation before each of this replica, and how far that came.
    parents: BTreeMap<Incarnation, (Incarnation, Counter)>,
    newest_own: Option<Incarnation>,
    /// How far the incarnations of each replica had come in stores that this one has replaced.
    former: BTreeMap<Incarnation, (Option<ReplicaId>, Counter)>,
    version: u64,
}

impl Positions {
    pub(super) fn load(store: &dyn Store, own: ReplicaId) -> Result<Self, StoreError> {
        let mut positions = Self {
            own,
            known: BTreeMap::new(),
            changes: BTreeMap::new(),
            counts: BTreeMap::new(),
            parents: BTreeMap::new(),
            newest_own: None,
            former: BTreeMap::new(),
            version: 0,
        };
        let (from, to) = keys::all(b'P');
        store.scan(&from, &to, &mut |key, value| {
            let (incarnation, stored) = read(key, value)?;
            let replica = ReplicaId::try_from(stored.replica.as_slice()).ok();
            let head = Head::try_from(stored.head.as_slice()).unwrap_or_default();
            positions.set(incarnation, stored.counter, head, replica);
            if replica == Some(own) {
                let parent = (Incarnation(stored.parent), stored.parent_counter);
                positions.parents.insert(incarnation, parent);
            }
            Ok(())
        })?;
        let own: Vec<Incarnation> = positions.parents.keys().copied().collect();
        for incarnation in own {
            positions.load_own(store, incarnation)?;
        }
        positions.find_newest();
        for (incarnation, former) in former(store)? {
            let replica = ReplicaId::try_from(former.replica.as_slice()).ok();
            positions
                .former
                .insert(incarnation, (replica, former.counter));
        }
        Ok(positions)
    }

    /// The newest is the one that is nobody's parent.
    fn find_newest(&mut self) {
        let parents = &self.parents;
        let is_parent = |i: &Incarnation| parents.values().any(|(parent, _)| parent == i);
        let newest = parents
            .keys()
            .find(|i| !is_parent(i))
            .or_else(|| parents.keys().next());
        self.newest_own = newest.copied();
    }

    /// How far an incarnation of this replica came stands in its journal.
    fn load_own(&mut self, store: &dyn Store, incarnation: Incarnation) -> Result<(), StoreError> {
        let (from, to) = (
            keys::journal(incarnation, 0),
            keys::journal(incarnation, u64::MAX),
        );
        let Some((key, value)) = store.last(&from, &to)? else {
            return Ok(());
        };
        let damaged = || StoreError::Damaged {
            what: "journal page".to_owned(),
        };
        let counter = keys::u64_at(&key, 9).ok_or_else(damaged)?;
        let page = proto::stored::JournalPage::decode(value).map_err(|_e| damaged())?;
        let head = Head::try_from(page.head.as_slice()).map_err(|_e| damaged())?;
        // After a restore the peer may have told of writes that this journal has lost.
        if counter >= self.counter(incarnation) {
            self.set(incarnation, counter, head, Some(self.own));
        }
        Ok(())
    }

    fn set(&mut self, i: Incarnation, counter: Counter, head: Head, replica: Option<ReplicaId>) {
        self.version += 1;
        let before = self.known.get(&i);
        if let Some(known) = before {
            self.changes.remove(&known.version);
        }
        let of_before = before.map(|known| known.replica);
        if of_before != Some(replica) {
            *self.counts.entry(replica).or_default() += 1;
        }
        if let Some(many) = of_before
            .filter(|of| *of != replica)
            .and_then(|of| self.counts.get_mut(&of))
        {
            *many -= 1;
        }
        self.changes.insert(self.version, i);
        let version = self.version;
        self.known.insert(
            i,
            Known {
                counter,
                head,
                replica,
                version,
            },
        );
    }

    pub(super) fn counter(&self, incarnation: Incarnation) -> Counter {
        self.known
            .get(&incarnation)
            .map_or(0, |known| known.counter)
    }

    pub(super) fn head(&self, incarnation: Incarnation) -> Head {
        let known = self.known.get(&incarnation);
        known.map(|known| known.head).unwrap_or_default()
    }

    pub(super) fn replica(&self, incarnation: Incarnation) -> Option<ReplicaId> {
        self.known.get(&incarnation).and_then(|known| known.replica)
    }

    /// The newest incarnation of this replica before the present one, and how far it came.
    pub(super) fn newest_own(&self) -> Option<(Incarnation, Counter)> {
        let incarnation = self.newest_own?;
        Some((incarnation, self.counter(incarnation)))
    }

    /// Notes a new incarnation of this replica. Returns what is stored of it.
    pub(super) fn born(
        &mut self,
        incarnation: Incarnation,
        replica: ReplicaId,
        parent: Option<(Incarnation, Counter)>,
    ) -> Vec<u8> {
        self.set(incarnation, 0, Head::default(), Some(replica));
        self.parents
            .insert(incarnation, parent.unwrap_or((Incarnation(0), 0)));
        self.newest_own = Some(incarnation);
        self.stored(incarnation)
    }

    /// What is stored of an incarnation.
    fn stored(&self, incarnation: Incarnation) -> Vec<u8> {
        let known = self.known.get(&incarnation);
        let (parent, parent_counter) = self
            .parents
            .get(&incarnation)
            .copied()
            .unwrap_or((Incarnation(0), 0));
        let counter = known.map_or(0, |known| known.counter);
        let replica = known.and_then(|known| known.replica);
        let stored = Stored {
            counter,
            head: known.map_or_else(Vec::new, |known| told(known.head)),
            replica: replica.map(|r| r.0.to_vec()).unwrap_or_default(),
            parent: parent.0,
            parent_counter,
        };
        stored.encode_to_vec()
    }

    /// Takes an incarnation of this replica back to an earlier point. Returns what to store.
    pub(super) fn rewind(
        &mut self,
        incarnation: Incarnation,
        counter: Counter,
        head: Head,
    ) -> (Vec<u8>, Vec<u8>) {
        self.set(incarnation, counter, head, Some(self.own));
        let value = self.stored(incarnation);
        (keys::position(incarnation), value)
    }

    /// The next incarnation of this replica comes after this one.
    pub(super) fn go_on_from(&mut self, incarnation: Incarnation) {
        self.newest_own = Some(incarnation);
    }

    /// The incarnations of this replica, oldest first.
    pub(super) fn own_line(&self) -> Vec<Incarnation> {
        let mut line: Vec<Incarnation> = Vec::new();
        let mut next = self.newest_own;
        while let Some(incarnation) = next.filter(|i| i.0 != 0 && !line.contains(i)) {
            line.push(incarnation);
            next = self.parents.get(&incarnation).map(|(parent, _)| *parent);
        }
        // A rollback leaves the later lives outside of the line.
        let outside = self.parents.keys().filter(|i| !line.contains(i));
        let outside: Vec<Incarnation> = outside.copied().collect();
        line.reverse();
        line.splice(0..0, outside);
        line
    }

    /// Notes how far this replica has come.
    pub(super) fn advance(&mut self, incarnation: Incarnation, counter: Counter, head: Head) {
        self.set(incarnation, counter, head, Some(self.own));
    }

    /// Whether every entry of a context is at or below what is known.
    pub(super) fn bound(&self, context: &Context) -> bool {
        context
            .entries()
            .all(|(incarnation, counter)| counter <= self.counter(incarnation))
    }

    /// Learns a position. Returns the key and value to store when it is news.
    pub(super) fn learn(&mut self, position: &Position) -> Option<(Vec<u8>, Vec<u8>)> {
        let incarnation = Incarnation(position.incarnation);
        let before = self.known.get(&incarnation).copied();
        let said = ReplicaId::try_from(position.replica.as_slice()).ok();
        let replica = before.and_then(|known| known.replica).or(said);
        let mut head = Head::try_from(position.head.as_slice()).unwrap_or_default();
        let known = before.map_or(0, |known| known.counter);
        if position.counter == 0 || position.counter < known {
            return None;
        }
        if let Some(before) = before.filter(|_| position.counter == known) {
            // What a record alone had told is told whole now.
            let has_head = before.head != Head::default();
            if has_head {
                head = before.head;
            }
            if (before.replica, before.head) == (replica, head) {
                return None;
            }
        }
        let many = self.counts.get(&replica);
        if before.is_none() && many.is_some_and(|many| *many >= INCARNATIONS_MAX) {
            return None;
        }
        self.set(incarnation, position.counter, head, replica);
        if replica == Some(self.own) {
            self.parents
                .entry(incarnation)
                .or_insert((Incarnation(0), 0));
        }
        Some((keys::position(incarnation), self.stored(incarnation)))
    }

    /// The entries of a context that are above what is known of others, as positions of which no
    /// more is known.
    fn above(&self, context: &Context) -> Vec<Position> {
        let above = context.entries().filter(|(incarnation, counter)| {
            *counter > self.counter(*incarnation) && self.replica(*incarnation) != Some(self.own)
        });
        above
            .map(|(incarnation, counter)| Position {
                incarnation: incarnation.0,
                counter,
                ..Position::default()
            })
            .collect()
    }

    /// The positions changed after a version that the peer may want, and the version reached.
    pub(super) fn since(
        &self,
        version: u64,
        wanted: impl Fn(Option<ReplicaId>) -> bool,
    ) -> (Vec<Position>, u64) {
        let changed = self.changes.range(version + 1..).map(|(_, i)| *i);
        let positions = changed.filter_map(|incarnation| {
            let known = self.known.get(&incarnation)?;
            let wire = Position {
                incarnation: incarnation.0,
                counter: known.counter,
                head: told(known.head),
                replica: known.replica.map(|r| r.0.to_vec()).unwrap_or_default(),
            };
            (known.counter > 0 && wanted(known.replica)).then_some(wire)
        });
        (positions.collect(), self.version)
    }

    /// Every incarnation of a replica with its counter and head.
    pub(super) fn of(
        &self,
        replica: ReplicaId,
    ) -> impl Iterator<Item = (Incarnation, Counter, Head)> + '_ {
        let of = move |known: &Known| known.replica == Some(replica);
        let known = self.known.iter().filter(move |(_, known)| of(known));
        known.map(|(incarnation, known)| (*incarnation, known.counter, known.head))
    }

    /// The incarnations that stores which this one has replaced had known further: whose, how far they
    /// are known to have come, and how far they had been.
    pub(super) fn forgotten_since(
        &self,
    ) -> impl Iterator<Item = (ReplicaId, Incarnation, Counter, Counter)> + '_ {
        self.former.iter().filter_map(|(incarnation, (of, then))| {
            let now = self.counter(*incarnation);
            let of = self.replica(*incarnation).or(*of)?;
            (now < *then).then_some((of, *incarnation, now, *then))
        })
    }

    /// The same, as far as they had come in any store that this one has replaced: without a head
    /// where that is further than is known now.
    pub(super) fn ever(&self, replica: ReplicaId) -> Vec<(Incarnation, Counter, Head)> {
        let known = self
            .of(replica)
            .map(|(i, counter, head)| (i, (counter, head)));
        let mut all: BTreeMap<Incarnation, (Counter, Head)> = known.collect();
        for (incarnation, (of, counter)) in &self.former {
            // What is known only from a record is known without its replica.
            let known = self.replica(*incarnation);
            let is_less = *counter > self.counter(*incarnation) || known.is_none();
            if known.or(*of) == Some(replica) && is_less {
                let counter = (*counter).max(self.counter(*incarnation));
                all.insert(*incarnation, (counter, Head::default()));
            }
        }
        let all = all.into_iter();
        all.map(|(i, (counter, head))| (i, counter, head)).collect()
    }
}

impl Host {
    /// All positions that the peer may want: our own, the peer's, and those of other replicas of
    /// its scope.
    pub(super) fn all_news(&mut self, login: &Login) -> Vec<Position> {
        if let Some(state) = self.sessions.get_mut(&login.session) {
            state.positions_sent = 0;
        }
        self.news(login)
    }

    /// The positions that go with a batch: those that are new, and at a node the ends of its
    /// commits that the hub does not know.
    pub(super) fn with_batch(&mut self, login: &Login) -> Result<Vec<Position>, StoreError> {
        let mut positions = self.news(login);
        if self.config.role == Role::Hub {
            return Ok(positions);
        }
        let own: Vec<Incarnation> = self.positions.own_line();
        for incarnation in own {
            let state = self.sessions.get(&login.session);
            let after = state.and_then(|state| state.ends_sent.get(&incarnation).copied());
            let after = after.unwrap_or(0);
            if self.positions.counter(incarnation) <= after {
                continue;
            }
            let room = POINTS_MAX.saturating_sub(positions.len());
            let ends = self.commit_ends(incarnation, after, room)?;
            let last = ends.last().map(|end| end.counter);
            if let (Some(last), Some(state)) = (last, self.sessions.get_mut(&login.session)) {
                state.ends_sent.insert(incarnation, last);
            }
            positions.extend(ends);
        }
        Ok(positions)
    }

    /// Those of them that the session has not sent yet.
    fn news(&mut self, login: &Login) -> Vec<Position> {
        let Some(state) = self.sessions.get_mut(&login.session) else {
            return Vec::new();
        };
        let Party { peer, scope, .. } = state.party;
        let (own, peers) = (self.config.replica, &self.peers);
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
            if own || !believed || position.counter > COUNTER_MAX {
                continue;
            }
            if its_own && self.config.role == Role::Hub && position.head.len() == HEAD_BYTES {
                let key = keys::point(incarnation, position.counter);
                self.ledger.stage(key, Some(position.head.clone()));
            }
            if let Some((key, value)) = self.positions.learn(position) {
                self.ledger.stage(key, Some(value));
            }
        }
    }

    /// What a record of the hub has seen the hub knows: a node that remembers it can say so to a
    /// hub that was restored. Of replicas of other scopes a node hears in no other way.
    pub(super) fn learn_from(&mut self, record: &Record) {
        for position in self.positions.above(&record.context) {
            if let Some((key, value)) = self.positions.learn(&position) {
                self.ledger.stage(key, Some(value));
            }
        }
    }
}

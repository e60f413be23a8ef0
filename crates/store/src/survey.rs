//! What a store holds, taken value by value and believed value by value.
//!
//! A [`Ledger`](crate::Ledger) is opened only when the whole is sound. A survey is made of
//! whatever there is: a store, a backup, what was salvaged from damaged files. From surveys it is
//! said what one lacks that another has, and a store is built anew of them
//! ([`rebuild`](crate::rebuild())).

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Read},
    path::Path,
};

use bytes::Bytes;
use prost::Message as _;
use proto::stored::{HistoryPage, JournalPage, PeerScope, Position, Quarantine, Refusal};
use replica::{
    Counter, Dot, Incarnation, JournalEntry, Leaf, Record, RecordKey, RegisterId, ReplicaId,
    ScopeId, Sibling,
};

use crate::{
    BackupError, BackupReport, Guest, Store, StoreError, StoreKey, backup,
    disk::{self, Candidate, STORE_KEY_BYTES_MAX},
    journal, keys,
    ledger::{Past, RecordHead},
    wire::{dot_of, key_of, print_of},
};

mod beyond;

pub use beyond::Beyond;

/// Above every key.
const END: [u8; STORE_KEY_BYTES_MAX + 1] = [0xFF; STORE_KEY_BYTES_MAX + 1];

/// One state of a record, and where it lay.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) scope: u32,
    pub(crate) seq: u64,
    /// The peer that sent exactly this state, 0 for none.
    pub(crate) origin: u32,
    pub(crate) guest: Guest,
    pub(crate) record: Record,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    pub(crate) states: BTreeMap<RecordKey, Vec<State>>,
    pub(crate) history: BTreeMap<(u32, u64), Past>,
    pub(crate) journal: BTreeMap<Dot, JournalEntry>,
    /// The pages of the journal as they were stored.
    pub(crate) pages: BTreeMap<Vec<u8>, Bytes>,
    pub(crate) positions: BTreeMap<Incarnation, Position>,
    /// Positions of stores that restores have replaced.
    pub(crate) former: BTreeMap<Incarnation, Position>,
    pub(crate) scopes: BTreeMap<u32, ScopeId>,
    pub(crate) peers: BTreeMap<u32, (ReplicaId, ScopeId)>,
    /// How far each peer has taken the feed of each scope.
    pub(crate) acked: BTreeMap<u32, BTreeMap<u32, u64>>,
    pub(crate) refusals: BTreeMap<(u32, Dot), Refusal>,
    pub(crate) drafts: BTreeMap<Vec<u8>, Refusal>,
    pub(crate) quarantine: BTreeMap<(RecordKey, Vec<u8>), Quarantine>,
    /// What holds of incarnations and replicas whatever the store: ends of commits, copies that
    /// were left behind, fences.
    pub(crate) marks: BTreeMap<Vec<u8>, Bytes>,
    /// Keys and values of what the programs keep for themselves.
    pub(crate) locals: BTreeMap<Vec<u8>, Bytes>,
    /// Values of no form that this program knows.
    pub(crate) strange: u64,
}

/// One write, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteFact {
    /// Its name.
    pub dot: Dot,
    /// The record.
    pub key: RecordKey,
    /// ACCOUNT@replica; none where only the journal tells of the write.
    pub author: Option<String>,
    /// The writer's clock, milliseconds since 1970.
    pub at_ms: Option<u64>,
    /// The registers it set.
    pub registers: Vec<RegisterId>,
    /// Whether this replica made it.
    pub is_own: bool,
    /// Whether a peer is known to have seen it.
    pub is_acked: bool,
    /// The peers that are known to have seen it, as far as each is known by name.
    pub seen_by: BTreeSet<ReplicaId>,
}

impl Survey {
    /// Surveys a store.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn of_store(store: &dyn Store) -> Result<Self, StoreError> {
        let mut survey = Self::default();
        store.scan(&[], &END, &mut |key, value| {
            survey.take(key, &value);
            Ok(())
        })?;
        Ok(survey)
    }

    /// Surveys a backup, and says what it is.
    ///
    /// # Errors
    /// The backup is not whole, is sealed with none of these keys, or cannot be read.
    pub fn of_backup(
        read: &mut impl Read,
        keys: &[StoreKey],
    ) -> Result<(BackupReport, Self), BackupError> {
        let mut survey = Self::default();
        let report = backup::entries(read, keys, &mut |key, value| survey.take(key, &value))?;
        Ok((report, survey))
    }

    /// Takes what can be found in the bytes of a damaged store's file, of records that are not known
    /// here yet: their states, drafts, the journals and positions of the incarnations that they
    /// name, and what a program keeps under names that another survey knows. Returns how many
    /// values that is.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn carve(
        &mut self,
        path: &Path,
        key: Option<&StoreKey>,
        other: Option<&Self>,
    ) -> io::Result<u64> {
        let known: BTreeSet<RecordKey> = self.states.keys().copied().collect();
        let mut found = 0;
        disk::carve(path, key, &mut |candidate| {
            found += u64::from(self.take_state(candidate, &known).is_some());
            found += u64::from(self.take_draft(candidate).is_some());
        })?;
        let incarnations = self.incarnations(other);
        let names: Vec<Vec<u8>> = other
            .into_iter()
            .flat_map(|other| other.locals.keys().cloned())
            .collect();
        disk::carve(path, key, &mut |candidate| {
            found += u64::from(self.take_journal(candidate, &incarnations).is_some());
            found += u64::from(self.take_position(candidate, &incarnations).is_some());
            if let Some(name) = names.iter().find(|name| candidate.lies_under(name)) {
                let value = Bytes::copy_from_slice(candidate.value());
                found += u64::from(self.locals.insert(name.clone(), value).is_none());
            }
        })?;
        Ok(found)
    }

    /// A record proves itself. Where it lay is not known, so nobody is known to have acked it.
    fn take_state(&mut self, candidate: &Candidate<'_>, known: &BTreeSet<RecordKey>) -> Option<()> {
        let (head, bytes) = RecordHead::split(&Bytes::copy_from_slice(candidate.value()))?;
        if head.guest != Guest::No || Leaf::of(&bytes) != head.leaf {
            return None;
        }
        let record = Record::decode(&bytes).ok()?;
        let states = self.states.entry(record.key).or_default();
        if known.contains(&record.key) || states.iter().any(|state| state.record == record) {
            return None;
        }
        states.push(State {
            scope: 0,
            seq: 0,
            origin: 0,
            guest: Guest::No,
            record,
        });
        Some(())
    }

    fn take_draft(&mut self, candidate: &Candidate<'_>) -> Option<()> {
        let draft = Refusal::decode(candidate.value()).ok()?;
        let key = keys::draft(dot_of(&draft), print_of(&draft));
        let is_news = candidate.lies_under(&key) && !self.drafts.contains_key(&key);
        is_news.then(|| drop(self.drafts.insert(key, draft)))
    }

    fn take_journal(
        &mut self,
        candidate: &Candidate<'_>,
        incarnations: &BTreeSet<Incarnation>,
    ) -> Option<()> {
        let page = JournalPage::decode(candidate.value()).ok()?;
        let last = page.first.checked_add(page.entries.len() as u64)?;
        let last = last.checked_sub(1).filter(|_| page.head.len() == 32)?;
        let mut keys = incarnations.iter().map(|i| keys::journal(*i, last));
        let key = keys.find(|key| candidate.lies_under(key))?;
        if self.pages.contains_key(&key) {
            return None;
        }
        self.read_journal(&key, &Bytes::copy_from_slice(candidate.value()))
    }

    fn take_position(
        &mut self,
        candidate: &Candidate<'_>,
        incarnations: &BTreeSet<Incarnation>,
    ) -> Option<()> {
        let position = Position::decode(candidate.value()).ok()?;
        let mut all = incarnations.iter();
        let of = all.find(|i| candidate.lies_under(&keys::position(**i)))?;
        let known = self.positions.get(of);
        let is_news = known.is_none_or(|known| known.counter < position.counter);
        is_news.then(|| drop(self.positions.insert(*of, position)))
    }

    /// Every incarnation that a record or a position names, here or there.
    fn incarnations(&self, other: Option<&Self>) -> BTreeSet<Incarnation> {
        let mut all = BTreeSet::new();
        for survey in std::iter::once(self).chain(other) {
            all.extend(survey.positions.keys());
            let states = survey.states.values().flatten();
            let contexts = states.map(|state| &state.record.context);
            all.extend(contexts.flat_map(|context| context.entries().map(|(i, _)| i)));
        }
        all
    }

    /// Takes one value. What has no form that this program knows is counted and left out.
    pub fn take(&mut self, key: &[u8], value: &Bytes) {
        if self.read(key, value).is_none() {
            self.strange += 1;
        }
    }

    /// How many records there are.
    #[must_use]
    pub fn records(&self) -> usize {
        self.states.len()
    }

    /// What a program keeps for itself under a name.
    #[must_use]
    pub fn local(&self, name: &str) -> Option<&Bytes> {
        self.locals.get(&keys::local(name))
    }

    /// How far each incarnation of a replica has come, as known here.
    #[must_use]
    pub fn positions_of(&self, replica: ReplicaId) -> BTreeMap<Incarnation, Counter> {
        let reached = self.reached().into_iter();
        let of_replica = reached.filter(|(_, position)| position.replica == replica.0);
        of_replica
            .map(|(incarnation, position)| (incarnation, position.counter))
            .collect()
    }

    /// Every position; how far an own incarnation came stands in its journal.
    fn reached(&self) -> BTreeMap<Incarnation, Position> {
        let mut all = self.positions.clone();
        for dot in self.journal.keys() {
            if let Some(position) = all.get_mut(&dot.incarnation) {
                position.counter = position.counter.max(dot.counter);
            }
        }
        all
    }

    /// Every position that was ever known here, or in a store that this one has replaced. Where a
    /// page of the journal cannot be read, records tell how far an incarnation came.
    pub(crate) fn ever_reached(&self) -> BTreeMap<Incarnation, Position> {
        let mut all = self.reached();
        let states = self.states.values().flatten();
        for (incarnation, counter) in states.flat_map(|state| state.record.context.entries()) {
            if let Some(position) = all.get_mut(&incarnation) {
                position.counter = position.counter.max(counter);
            }
        }
        for (incarnation, former) in &self.former {
            let known = all.entry(*incarnation).or_insert_with(|| former.clone());
            known.counter = known.counter.max(former.counter);
        }
        all
    }

    fn read(&mut self, key: &[u8], value: &Bytes) -> Option<()> {
        let (first, rest) = key.split_first()?;
        match first {
            b'R' => self.read_record(key, value)?,
            b'H' => self.read_history(key, value)?,
            b'J' => self.read_journal(key, value)?,
            b'P' => {
                let incarnation = Incarnation(keys::u64_at(key, 1)?);
                let position = Position::decode(value.clone()).ok()?;
                self.positions.insert(incarnation, position);
            }
            b'O' => {
                let incarnation = Incarnation(keys::u64_at(key, 1)?);
                let position = Position::decode(value.clone()).ok()?;
                self.former.insert(incarnation, position);
            }
            b'S' => {
                let id = ScopeId::try_from(value.get(..16)?).ok()?;
                self.scopes.insert(keys::u32_at(key, 1)?, id);
            }
            b'N' => {
                let scope = ScopeId::try_from(value.get(4..)?).ok()?;
                let replica = ReplicaId::try_from(rest).ok()?;
                self.peers.insert(keys::u32_at(value, 0)?, (replica, scope));
            }
            b'K' => {
                let scope = keys::u32_at(key, 5)?;
                let state = PeerScope::decode(value.clone()).ok()?;
                let peer = keys::u32_at(key, 1)?;
                let seq = state.acked.map_or(0, |point| point.seq);
                self.acked.entry(scope).or_default().insert(peer, seq);
            }
            b'X' => {
                let refusal = Refusal::decode(value.clone()).ok()?;
                let peer = keys::u32_at(key, 1)?;
                self.refusals.insert((peer, dot_of(&refusal)), refusal);
            }
            b'D' => {
                let draft = Refusal::decode(value.clone()).ok()?;
                self.drafts.insert(key.to_vec(), draft);
            }
            b'Q' => {
                let entry = Quarantine::decode(value.clone()).ok()?;
                let name = (key_of(entry.kind, &entry.id)?, entry.peer.clone());
                self.quarantine.insert(name, entry);
            }
            b'L' => {
                self.locals.insert(key.to_vec(), value.clone());
            }
            b'T' | b'B' | b'Z' => {
                self.marks.insert(key.to_vec(), value.clone());
            }
            // Ends of sections, refills, loans and arrivals are of no use to anybody but their own
            // store.
            b'E' | b'F' | b'W' | b'G' | b'A' => {}
            _ => return None,
        }
        Some(())
    }

    fn read_record(&mut self, key: &[u8], value: &Bytes) -> Option<()> {
        let (head, bytes) = RecordHead::split(value)?;
        let record = Record::decode(&bytes).ok()?;
        if Leaf::of(&bytes) != head.leaf {
            return None;
        }
        let state = State {
            scope: keys::u32_at(key, 1)?,
            seq: keys::u64_at(key, 5)?,
            origin: head.origin,
            guest: head.guest,
            record,
        };
        self.states.entry(state.record.key).or_default().push(state);
        Some(())
    }

    fn read_history(&mut self, key: &[u8], value: &Bytes) -> Option<()> {
        let scope = keys::u32_at(key, 1)?;
        let page = HistoryPage::decode(value.clone()).ok()?;
        for entry in page.entries {
            let place = (scope, entry.seq);
            self.history.insert(place, Past::read(entry)?);
        }
        Some(())
    }

    fn read_journal(&mut self, key: &[u8], value: &Bytes) -> Option<()> {
        let incarnation = Incarnation(keys::u64_at(key, 1)?);
        let page = JournalPage::decode(value.clone()).ok()?;
        for (counter, entry) in (page.first..).zip(page.entries) {
            let dot = Dot {
                incarnation,
                counter,
            };
            self.journal.insert(dot, journal::read(&entry)?);
        }
        self.pages.insert(key.to_vec(), value.clone());
        Some(())
    }

    /// The newest state of a record: of several copies that at home.
    pub(crate) fn newest(&self, key: RecordKey) -> Option<&State> {
        let at_home = |state: &&State| (state.guest == Guest::No, state.seq);
        self.states.get(&key)?.iter().max_by_key(at_home)
    }

    /// What a record's changes replaced, the newest first: where the change lay, and what it took.
    pub(crate) fn past(&self, state: &State) -> Vec<((u32, u64), &Past)> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        let mut place = (state.scope, state.seq);
        while let Some(replaced) = self.history.get(&place).filter(|_| seen.insert(place)) {
            found.push((place, replaced));
            if replaced.previous_scope != 0 {
                place.0 = replaced.previous_scope;
            }
            place.1 = replaced.previous;
        }
        found
    }

    /// Whether a write was seen here, whatever became of it.
    #[must_use]
    pub fn covers(&self, key: RecordKey, dot: Dot) -> bool {
        let states = self.states.get(&key).into_iter().flatten();
        let mut contexts = states.map(|state| &state.record.context);
        contexts.any(|context| context.covers(dot))
            || self.journal.contains_key(&dot)
            || self.drafts.values().any(|draft| dot_of(draft) == dot)
    }

    /// Every write that is known here, by its name.
    #[must_use]
    pub fn writes(&self, own: ReplicaId) -> BTreeMap<Dot, WriteFact> {
        let mut all = BTreeMap::new();
        for state in self.states.values().flatten() {
            self.writes_of(state, &mut all);
        }
        for (dot, entry) in &self.journal {
            if all.contains_key(dot) {
                continue;
            }
            let seen_by = self.newest(entry.key).map(|state| self.seen_whole(state));
            let fact = WriteFact {
                dot: *dot,
                key: entry.key,
                author: None,
                at_ms: None,
                registers: entry.registers.clone(),
                is_own: true,
                is_acked: seen_by.as_ref().is_some_and(|seen| !seen.is_empty()),
                seen_by: self.named(&seen_by.unwrap_or_default()).collect(),
            };
            all.insert(*dot, fact);
        }
        for fact in all.values_mut() {
            let position = self.positions.get(&fact.dot.incarnation);
            fact.is_own |= position.is_some_and(|position| position.replica == own.0);
            // What others wrote came from a peer.
            fact.is_acked |= !fact.is_own;
            let wrote = position.and_then(|p| ReplicaId::try_from(p.replica.as_slice()).ok());
            let wrote = wrote.filter(|wrote| *wrote != own);
            fact.seen_by.extend(wrote);
        }
        all
    }

    /// The peers that are known here.
    #[must_use]
    pub fn peers(&self) -> BTreeSet<ReplicaId> {
        self.peers.values().map(|(replica, _)| *replica).collect()
    }

    fn named(&self, peers: &BTreeSet<u32>) -> impl Iterator<Item = ReplicaId> {
        let named = peers.iter().filter_map(|peer| self.peers.get(peer));
        named.map(|(replica, _)| *replica)
    }

    /// The peers that have taken the feed of a scope to a place.
    fn seen_at(&self, (scope, seq): (u32, u64)) -> impl Iterator<Item = u32> {
        let peers = self.acked.get(&scope).into_iter().flatten();
        let seen = peers.filter(move |(_, acked)| seq != 0 && seq <= **acked);
        seen.map(|(peer, _)| *peer)
    }

    /// The peers that hold a state of a record.
    fn seen_whole(&self, state: &State) -> BTreeSet<u32> {
        let mut seen: BTreeSet<u32> = self.seen_at((state.scope, state.seq)).collect();
        if state.seq != 0 && state.origin != 0 {
            seen.insert(state.origin);
        }
        seen
    }

    fn writes_of(&self, state: &State, all: &mut BTreeMap<Dot, WriteFact>) {
        let key = state.record.key;
        let newest = self.newest(key).map(|newest| self.seen_whole(newest));
        let whole = newest.unwrap_or_default();
        let past = self.past(state);
        // A write came at the latest with the change that took away what it replaced.
        let came = |sibling: &Sibling| {
            let took = |replaced: &Past| {
                let mut gone = replaced.siblings().iter().map(Sibling::dot);
                gone.any(|dot| sibling.replaces.contains(&dot))
            };
            let changes = past.iter().filter(|(_, replaced)| took(replaced));
            let mut seen = whole.clone();
            seen.extend(changes.flat_map(|(place, _)| self.seen_at(*place)));
            seen
        };
        for sibling in &state.record.siblings {
            self.note(all, key, sibling, &came(sibling));
        }
        for ((scope, _), replaced) in &past {
            let scope = match replaced.previous_scope {
                0 => *scope,
                other => other,
            };
            let mut seen = whole.clone();
            seen.extend(self.seen_at((scope, replaced.previous)));
            for sibling in replaced.siblings() {
                self.note(all, key, sibling, &seen);
            }
        }
    }

    fn note(
        &self,
        all: &mut BTreeMap<Dot, WriteFact>,
        key: RecordKey,
        sibling: &Sibling,
        seen: &BTreeSet<u32>,
    ) {
        let fact = all.entry(sibling.dot()).or_insert_with(|| WriteFact {
            dot: sibling.dot(),
            key,
            author: Some(sibling.write.author.clone()),
            at_ms: Some(sibling.write.time.millis()),
            registers: Vec::new(),
            is_own: false,
            is_acked: false,
            seen_by: BTreeSet::new(),
        });
        fact.is_acked |= !seen.is_empty();
        fact.seen_by.extend(self.named(seen));
        if !fact.registers.contains(&sibling.register) {
            fact.registers.push(sibling.register);
        }
    }

    /// The writes known here that another survey lacks.
    #[must_use]
    pub fn lacking_in(&self, other: &Self, own: ReplicaId) -> Vec<WriteFact> {
        let mut lacking: Vec<_> = self.writes(own).into_values().collect();
        lacking.retain(|fact| !other.covers(fact.key, fact.dot));
        lacking
    }

    /// The records known here of which another survey has no state.
    #[must_use]
    pub fn records_lacking_in(&self, other: &Self) -> BTreeSet<RecordKey> {
        let known = |key: &&RecordKey| !other.states.contains_key(key);
        self.states.keys().filter(known).copied().collect()
    }
}

//! Records, feeds, history and fingerprints, laid out in a [`Store`].
//!
//! A record lies under its place in its scope's feed: feed and record are one thing, so a first
//! sync reads sequential keys and sends the stored bytes. Indexes live in memory and are built at
//! open in one pass, which also proves every scope's fingerprint against the one stored with the
//! data. One thread changes the ledger; [`Reader`]s read beside it.

mod arrival;
mod head;
mod index;
mod past;
mod stage;

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use prost::Message as _;
use proto::stored::{HistoryEntry, HistoryPage};
use replica::{
    Dot, Fingerprint, Head, Incarnation, JournalEntry, Leaf, Record, RecordKey, ScopeId, Seq,
    Sibling,
    limits::{BATCH_BYTES_MAX, BATCH_RECORDS_MAX, PARENTS_MAX},
    session::FeedPoint,
};

use crate::{Store, StoreError, keys};
pub(crate) use arrival::{ArrivalPage, HERE, UNNOTED};
pub(crate) use head::RecordHead;
pub(crate) use index::Lies;
pub use index::{ClockReading, JournalBreak, PeerHeard, Reader, Unsettled, keep_local, local};
use index::{End, ScopeIndex, Shared};
pub(crate) use index::{heard_name, unsettled_name};
pub(crate) use stage::journal_page;
use stage::{Copied, Stage, Staged};

/// Section ends that are kept per scope. A peer that is further behind compares buckets.
const ENDS_MAX: usize = 65_536;

/// Where a record lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The scope, by its number in this store.
    pub scope: u32,
    /// The sequence of its newest change.
    pub seq: Seq,
}

/// Whether a record belongs to the scope in whose feed it lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Guest {
    /// It does.
    #[default]
    No,
    /// It belongs to another scope and is kept up to date here, to be read.
    Lent,
    /// It was transferred to another scope; this is its last copy here, outside all views.
    Left,
}

/// Where a record goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seat {
    /// The scope in whose feed it lies, by its number.
    pub(crate) scope: u32,
    pub(crate) guest: Guest,
    /// The record whose home it shares.
    pub(crate) parent: Option<RecordKey>,
}

/// A state on its way into the ledger.
#[derive(Clone, Debug)]
pub(crate) struct Incoming {
    pub(crate) record: Record,
    /// Its canonical bytes, and their hash.
    pub(crate) bytes: Bytes,
    pub(crate) leaf: Leaf,
    /// The peer that sent exactly this state, 0 for none.
    pub(crate) origin: u32,
}

impl Incoming {
    /// A state that was made here.
    pub(crate) fn own(record: Record) -> Self {
        let bytes = record.encode();
        let leaf = Leaf::of(&bytes);
        Self {
            record,
            bytes,
            leaf,
            origin: 0,
        }
    }

    /// A state as it is stored, to be put elsewhere.
    pub(crate) fn again(stored: &Stored) -> Self {
        Self {
            record: stored.record.clone(),
            bytes: stored.record.encode(),
            leaf: stored.leaf,
            origin: stored.origin,
        }
    }
}

/// A record as it is stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The record.
    pub record: Record,
    /// The hash of its canonical bytes.
    pub leaf: Leaf,
    /// Where it lies.
    pub place: Place,
    /// The peer that sent exactly this state, 0 for none.
    pub origin: u32,
    /// Whether it belongs to the scope in whose feed it lies.
    pub guest: Guest,
    /// The scope it belongs to.
    pub home: ScopeId,
    /// The record whose home it shares.
    pub parent: Option<RecordKey>,
}

impl Stored {
    /// Whether it counts in the fingerprint of the scope in whose feed it lies: it belongs there,
    /// and something is left of it.
    pub(crate) fn counts(&self) -> bool {
        self.guest == Guest::No && !self.record.siblings.is_empty()
    }

    pub(crate) fn seat(&self) -> Seat {
        Seat {
            scope: self.place.scope,
            guest: self.guest,
            parent: self.parent,
        }
    }
}

/// The writing side. See the module.
#[derive(Debug)]
pub struct Ledger {
    store: Arc<dyn Store>,
    shared: Arc<Shared>,
    prints: BTreeMap<u32, Fingerprint>,
    stage: Stage,
}

/// Whether what is lent travels in a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lending {
    /// The hub gives it.
    Given,
    /// A node never sends back what it was lent.
    Kept,
}

/// A stretch of a feed, as a peer gets it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stretch {
    pub(crate) records: Vec<Bytes>,
    pub(crate) upto: FeedPoint,
}

impl Ledger {
    /// Opens the ledger in a store and proves its fingerprints.
    ///
    /// # Errors
    /// The store cannot be read, or what it holds is not what was written together.
    pub fn open(store: Arc<dyn Store>) -> Result<Self, StoreError> {
        let (index, prints) = index::load(&*store)?;
        let shared = Arc::new(Shared::new(Arc::clone(&store), index));
        Ok(Self {
            store,
            shared,
            prints,
            stage: Stage::default(),
        })
    }

    /// Returns a reader beside this writer.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader::new(Arc::clone(&self.shared))
    }

    /// The store below.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The number of a scope, given at its first mention.
    pub(crate) fn scope_number(&mut self, scope: ScopeId) -> u32 {
        let mut index = self.shared.write();
        if let Some(known) = index.scopes.iter().find(|(_, s)| s.id == scope) {
            return *known.0;
        }
        let number = index.scopes.keys().next_back().map_or(1, |last| last + 1);
        index.scopes.insert(number, ScopeIndex::new(scope));
        drop(index);
        self.prints.insert(number, Fingerprint::default());
        self.stage.touch(number);
        number
    }

    /// The end of a scope's feed, staged changes included.
    pub(crate) fn end(&self, scope: u32) -> FeedPoint {
        self.stage
            .end(scope)
            .unwrap_or_else(|| self.shared.read().end(scope))
    }

    /// The present state of a record, staged changes included.
    pub(crate) fn current(&self, key: RecordKey) -> Result<Option<Stored>, StoreError> {
        match self.stage.get(key) {
            Some(staged) => Ok(Some(staged.stored(self.home_of_staged(staged)?))),
            None => self.shared.get(key),
        }
    }

    fn home_of_staged(&self, staged: &Staged) -> Result<ScopeId, StoreError> {
        if staged.seat.guest == Guest::No {
            return Ok(self
                .shared
                .read()
                .scope_id(staged.seat.scope)
                .unwrap_or(staged.new.record.scope));
        }
        let mut root = staged.new.record.clone();
        let mut parent = staged.seat.parent;
        for _ in 0..PARENTS_MAX {
            let Some(key) = parent else { break };
            match self.stage.get(key) {
                Some(above) => {
                    root = above.new.record.clone();
                    parent = above.seat.parent;
                }
                None => match self.shared.get(key)? {
                    Some(above) => return Ok(above.home),
                    None => break,
                },
            }
        }
        Ok(replica::owner(&root).map_or(root.scope, |owner| owner.scope))
    }

    /// The records that share the home of this one directly, staged changes included.
    pub(crate) fn children(&self, parent: RecordKey) -> Vec<RecordKey> {
        let mut children = self.shared.read().children_of(parent);
        children.extend(self.stage.children(parent));
        children.into_iter().collect()
    }

    /// Stages a new state of a record, or a new seat. Returns whether anything differs from the
    /// present.
    ///
    /// `former` is the present state as the caller read it with [`Ledger::current`].
    pub(crate) fn put(&mut self, new: Incoming, seat: Seat, former: Option<Stored>) -> bool {
        let same = |former: &Stored| former.leaf == new.leaf && former.seat() == seat;
        if former.as_ref().is_some_and(same) {
            return false;
        }
        let point = self.next(seat.scope, new.leaf);
        let key = new.record.key;
        if let Some(former) = former.as_ref().filter(|former| former.counts())
            && let Some(print) = self.prints.get_mut(&former.place.scope)
        {
            print.remove(key, former.leaf);
            // The sum of the scope that it leaves has changed, also when its feed does not grow.
            let left = former.place.scope;
            self.stage.keep_end(left, self.end(left));
        }
        let counts = seat.guest == Guest::No && !new.record.siblings.is_empty();
        if let Some(print) = self.prints.get_mut(&seat.scope).filter(|_| counts) {
            print.add(key, new.leaf);
        }
        if seat.guest == Guest::No {
            self.remove_copy(key, seat.scope);
        }
        let place = Place {
            scope: seat.scope,
            seq: point.seq,
        };
        let staged = Staged {
            new,
            seat,
            place,
            freed: None,
        };
        self.stage.put(staged, former, point);
        true
    }

    fn next(&self, scope: u32, leaf: Leaf) -> FeedPoint {
        let end = self.end(scope);
        FeedPoint {
            seq: Seq(end.seq.0 + 1),
            head: replica::chain(end.head, &leaf.0),
        }
    }

    /// Stages a copy of a record in the feed of a scope that it does not belong to.
    pub(crate) fn put_copy(&mut self, new: Incoming, seat: Seat) {
        let key = new.record.key;
        if self
            .copy_seat(key, seat.scope)
            .is_some_and(|(_, leaf, guest)| leaf == new.leaf && guest == seat.guest)
        {
            return;
        }
        let freed = self.committed_copy(key, seat.scope);
        let point = self.next(seat.scope, new.leaf);
        let place = Place {
            scope: seat.scope,
            seq: point.seq,
        };
        let copied = Copied {
            new,
            seat,
            place,
            freed,
        };
        self.stage.put_copy(copied, point);
    }

    /// The place, leaf and guest of a copy, staged ones included.
    fn copy_seat(&self, key: RecordKey, scope: u32) -> Option<(Place, Leaf, Guest)> {
        if let Some(staged) = self.stage.copy(key, scope) {
            return staged.map(|copy| (copy.place, copy.new.leaf, copy.seat.guest));
        }
        let place = self.committed_copy(key, scope)?;
        let value = self
            .store
            .get(&keys::record(place.scope, place.seq.0))
            .ok()??;
        let (head, _) = RecordHead::split(&value)?;
        Some((place, head.leaf, head.guest))
    }

    fn committed_copy(&self, key: RecordKey, scope: u32) -> Option<Place> {
        let index = self.shared.read();
        let seq = index.guests.get(&key)?.get(&scope)?;
        Some(Place { scope, seq: *seq })
    }

    /// How a copy of a record lies in the feed of a scope, if one does.
    pub(crate) fn copy_guest(&self, key: RecordKey, scope: u32) -> Option<Guest> {
        self.copy_seat(key, scope).map(|(_, _, guest)| guest)
    }

    /// The bytes of the copy of a record in the feed of a scope, staged ones included.
    pub(crate) fn copy(&self, key: RecordKey, scope: u32) -> Result<Option<Bytes>, StoreError> {
        if let Some(staged) = self.stage.copy(key, scope) {
            return Ok(staged.map(|copy| copy.new.bytes.clone()));
        }
        let Some(place) = self.committed_copy(key, scope) else {
            return Ok(None);
        };
        let value = self.store.get(&keys::record(place.scope, place.seq.0))?;
        Ok(value.and_then(|value| RecordHead::split(&value).map(|(_, bytes)| bytes)))
    }

    /// Takes the copy of a record out of the feed of a scope.
    fn remove_copy(&mut self, key: RecordKey, scope: u32) {
        let committed = self.committed_copy(key, scope);
        // The entry of the record itself, at a replica that holds it as a guest, is freed as its
        // former place.
        self.stage.remove_copy(key, scope, committed);
    }

    /// The keys of all records, home and guest, as committed.
    pub(crate) fn all_keys(&self) -> Vec<RecordKey> {
        let index = self.shared.read();
        let mut keys: Vec<RecordKey> = index.records.keys().copied().collect();
        keys.extend(index.guests.keys().copied());
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// The scopes in whose feeds a copy of a record lies, by their numbers, staged ones included.
    pub(crate) fn copies(&self, key: RecordKey) -> Vec<u32> {
        let index = self.shared.read();
        let committed = index.guests.get(&key).into_iter().flat_map(BTreeMap::keys);
        let mut scopes: Vec<u32> = committed.copied().chain(self.stage.copies(key)).collect();
        scopes.sort_unstable();
        scopes.dedup();
        scopes
    }

    /// Ends a section: the changes since the last one came from one place.
    pub(crate) fn end_section(&mut self, origin: u32) {
        self.stage.end_section(origin);
    }

    /// Stages writes of the journal. Entries follow each other without a gap; those of one group
    /// share pages.
    pub(crate) fn journal(
        &mut self,
        incarnation: Incarnation,
        first: u64,
        entries: Vec<JournalEntry>,
        head: Head,
    ) {
        self.stage.journal(incarnation, first, entries, head);
    }

    /// Stages any other key.
    pub(crate) fn stage(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        // What was left to wait is older, and would be put last.
        self.stage.lazy.remove(&key);
        match value {
            Some(value) => self.stage.extra.put(key, value),
            None => self.stage.extra.remove(key),
        }
    }

    /// Stages a key that may wait for the next commit.
    pub(crate) fn stage_lazily(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.stage.lazy.insert(key, value);
    }

    /// The feeds that the next commit makes longer: scope, end before, end after.
    pub(crate) fn grown(&self) -> Vec<(u32, u64, u64)> {
        let index = self.shared.read();
        let ends = self.stage.ends();
        let grown = ends.map(|(scope, end)| (scope, index.end(scope).seq.0, end.seq.0));
        grown.filter(|(_, before, after)| before < after).collect()
    }

    /// Whether something waits to be committed, beyond what may wait.
    pub(crate) fn is_dirty(&self) -> bool {
        self.stage.is_dirty()
    }

    /// Commits what is staged, in one batch. It is visible afterwards, and durable after a sync.
    pub(crate) fn commit(&mut self) -> Result<(), StoreError> {
        let stage = std::mem::take(&mut self.stage);
        let (batch, changes) = stage.into_batch(&self.shared, &self.prints, ENDS_MAX);
        if !batch.is_empty() {
            self.store.commit(batch)?;
            changes.publish(&self.shared);
        }
        Ok(())
    }

    /// The fingerprint of a scope, staged changes included.
    pub(crate) fn print(&self, scope: u32) -> Option<&Fingerprint> {
        self.prints.get(&scope)
    }

    /// Whether the feed of a scope has this point.
    pub(crate) fn has_point(&self, scope: u32, point: FeedPoint) -> bool {
        if point.seq.0 == 0 {
            return !self.is_pruned(scope, point.seq);
        }
        let index = self.shared.read();
        let end = index
            .scopes
            .get(&scope)
            .and_then(|s| s.ends.get(&point.seq.0));
        end.is_some_and(|end| end.head == point.head)
    }

    /// Whether section ends were forgotten as far back as this, because there are too many.
    pub(crate) fn is_pruned(&self, scope: u32, seq: Seq) -> bool {
        let index = self.shared.read();
        let ends = index.scopes.get(&scope).map(|s| &s.ends);
        ends.is_some_and(|ends| {
            let oldest = ends.keys().next();
            ends.len() >= ENDS_MAX && oldest.is_some_and(|oldest| seq.0 < *oldest)
        })
    }

    /// Reads a feed after a point, leaving out the sections that the peer itself sent. What is
    /// returned ends where a section ends. Only committed changes are read.
    pub(crate) fn read_feed(
        &self,
        scope: u32,
        after: Seq,
        peer: u32,
        lent: Lending,
    ) -> Result<Stretch, StoreError> {
        let mut stretch = Stretch::default();
        let mut from = after.0;
        let mut bytes = 0;
        loop {
            let Some(run) = self.shared.read().next_run(scope, from, peer) else {
                break;
            };
            if run.skip {
                (from, stretch.upto) = (run.upto.seq.0, run.upto);
                continue;
            }
            let room = BATCH_RECORDS_MAX - stretch.records.len();
            let (first, last) = (
                keys::record(scope, from + 1),
                keys::record(scope, run.upto.seq.0 + 1),
            );
            let found = self.store.range(&first, &last, room + 1)?;
            let mut taken = 0;
            let mut reached = 0;
            for (key, value) in &found {
                bytes += value.len();
                if taken == room || (bytes > BATCH_BYTES_MAX && taken + stretch.records.len() > 0) {
                    break;
                }
                taken += 1;
                reached = keys::u64_at(key, 5).unwrap_or(0);
            }
            let all = taken == found.len();
            let upto = if all {
                Some(run.upto)
            } else {
                self.cut(scope, from, reached)
            };
            let Some(upto) = upto.or_else(|| self.oversized(scope, from, &stretch)) else {
                break;
            };
            for (key, value) in found {
                if keys::u64_at(&key, 5).is_some_and(|seq| seq <= upto.seq.0) {
                    let (head, bytes) =
                        RecordHead::split(&value).ok_or_else(|| StoreError::Damaged {
                            what: "record head".to_owned(),
                        })?;
                    if lent == Lending::Given || head.guest != Guest::Lent {
                        stretch.records.push(bytes);
                    }
                }
            }
            (from, stretch.upto) = (upto.seq.0, upto);
            if !all {
                break;
            }
        }
        Ok(stretch)
    }

    /// The last section end after `from` that is not beyond `reached`.
    fn cut(&self, scope: u32, from: u64, reached: u64) -> Option<FeedPoint> {
        let index = self.shared.read();
        let ends = &index.scopes.get(&scope)?.ends;
        // Nothing may have been reached, and a range must not end before it begins.
        let (seq, end) = ends.range(from + 1..=reached.max(from + 1)).next_back()?;
        if *seq > reached {
            return None;
        }
        Some(FeedPoint {
            seq: Seq(*seq),
            head: end.head,
        })
    }

    /// A section that alone is over the limit goes alone, when nothing else goes with it.
    fn oversized(&self, scope: u32, from: u64, stretch: &Stretch) -> Option<FeedPoint> {
        if !stretch.records.is_empty() {
            return None;
        }
        let index = self.shared.read();
        let (seq, end) = index.scopes.get(&scope)?.ends.range(from + 1..).next()?;
        Some(FeedPoint {
            seq: Seq(*seq),
            head: end.head,
        })
    }

    /// What is known of a record's earlier siblings, newest change first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn history(&self, key: RecordKey) -> Result<Vec<(Seq, Vec<Sibling>)>, StoreError> {
        self.shared.history(key, &self.stage)
    }
}

/// One entry of a record's history: what left it, and where its state before lies.
#[derive(Clone, Debug)]
pub(crate) struct Past {
    /// The sequence of the former state, 0 for none.
    pub(crate) previous: u64,
    /// The scope whose feed it lay in, 0 when it was the same.
    pub(crate) previous_scope: u32,
    /// The siblings that the change removed, as a record of their own; none when it removed none.
    pub(crate) replaced: Option<Record>,
    /// The dots that came with the change; none when an older program wrote the entry.
    pub(crate) came: Option<Vec<Dot>>,
}

impl Past {
    /// The siblings that the change removed.
    pub(crate) fn siblings(&self) -> &[Sibling] {
        self.replaced
            .as_ref()
            .map_or(&[], |replaced| &replaced.siblings)
    }

    /// Reads an entry as it is stored; none when its siblings cannot be read.
    pub(crate) fn read(entry: HistoryEntry) -> Option<Self> {
        let came = entry.says_came.then(|| came(&entry).collect());
        let replaced = if entry.replaced.is_empty() {
            None
        } else {
            Some(Record::decode(&Bytes::from(entry.replaced)).ok()?)
        };
        Some(Self {
            previous: entry.previous,
            previous_scope: entry.previous_scope,
            replaced,
            came,
        })
    }
}

/// The dots that came with a change.
fn came(entry: &HistoryEntry) -> impl Iterator<Item = Dot> + '_ {
    let dots = entry.came_incarnations.iter().zip(&entry.came_counters);
    dots.map(|(incarnation, counter)| Dot {
        incarnation: Incarnation(*incarnation),
        counter: *counter,
    })
}

/// One entry of a history page by its sequence.
fn history_entry(page: &[u8], seq: u64) -> Result<Option<Past>, StoreError> {
    let damaged = |what: &str| StoreError::Damaged {
        what: what.to_owned(),
    };
    let page = HistoryPage::decode(page).map_err(|_e| damaged("history page"))?;
    let entry = page.entries.into_iter().find(|entry| entry.seq == seq);
    entry
        .map(|entry| Past::read(entry).ok_or_else(|| damaged("history entry")))
        .transpose()
}

#[cfg(test)]
mod tests {
    use replica::{
        Dot, HybridTime, Kind, RecordId, RegisterId, Sibling, Source, Write,
        limits::RECORD_BYTES_MAX,
    };

    use super::*;
    use crate::Memory;

    /// Puts records of one origin as sections of their own.
    fn put(ledger: &mut Ledger, number: u32, origin: u32, bytes: usize) {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_be_bytes());
        let key = RecordKey {
            kind: Kind(5),
            id: RecordId(id),
        };
        let record = Record::new(key, ScopeId([1; 16]));
        // Only the length matters here: the reader of a feed does not decode.
        let mut encoded = record.encode().to_vec();
        encoded.resize(bytes.max(encoded.len()), 0);
        let encoded = Bytes::from(encoded);
        let leaf = Leaf::of(&encoded);
        let seat = Seat {
            scope: ledger.scope_number(record.scope),
            guest: Guest::No,
            parent: None,
        };
        let new = Incoming {
            record,
            bytes: encoded,
            leaf,
            origin,
        };
        ledger.put(new, seat, None);
        ledger.end_section(origin);
    }

    /// A record of one register.
    fn small(number: u8) -> Record {
        let key = RecordKey {
            kind: Kind(5),
            id: RecordId([number; 16]),
        };
        let dot = Dot {
            incarnation: Incarnation(1),
            counter: u64::from(number),
        };
        let write = Write {
            dot,
            author: "clerk".to_owned(),
            time: HybridTime(1),
            reason: String::new(),
            epoch: 0,
            decision: Bytes::new(),
            source: Source::Form,
            seal: Bytes::new(),
        };
        let mut record = Record::new(key, ScopeId([1; 16]));
        record.context.add(dot);
        record.siblings.push(Sibling {
            register: RegisterId(1),
            write: Arc::new(write),
            value: Bytes::from_static(b"value"),
            replaces: Vec::new(),
            ancestry: Vec::new(),
        });
        record
    }

    #[test]
    fn a_scope_that_only_loses_a_record_keeps_its_sum() {
        let store: Arc<dyn Store> = Arc::new(Memory::new());
        let mut ledger = Ledger::open(Arc::clone(&store)).unwrap();
        let scopes = [1, 2].map(|scope| ledger.scope_number(ScopeId([scope; 16])));
        let move_to = |ledger: &mut Ledger, number: u8, scope: u32| {
            let record = small(number);
            let seat = Seat {
                scope,
                guest: Guest::No,
                parent: None,
            };
            let former = ledger.current(record.key).unwrap();
            let bytes = record.encode();
            let new = Incoming {
                leaf: Leaf::of(&bytes),
                record,
                bytes,
                origin: 0,
            };
            assert!(ledger.put(new, seat, former));
            ledger.end_section(0);
            ledger.commit().unwrap();
        };
        move_to(&mut ledger, 1, scopes[0]);
        move_to(&mut ledger, 2, scopes[0]);
        move_to(&mut ledger, 1, scopes[1]);
        let counts = |ledger: &Ledger| -> Vec<u64> {
            let scopes = ledger.reader().scopes();
            scopes.iter().map(|(_, _, root)| root.count).collect()
        };
        assert_eq!(counts(&ledger), [1, 1]);
        let again = Ledger::open(store).expect("the sums are those of the records");
        assert_eq!(counts(&again), [1, 1]);
    }

    #[test]
    fn a_feed_of_large_records_from_several_places_is_read_to_its_end() {
        let mut ledger = Ledger::open(Arc::new(Memory::new())).unwrap();
        let scope = ledger.scope_number(ScopeId([1; 16]));
        // Own and foreign sections by turns, so that a batch is full where a stretch begins.
        for number in 0..60 {
            put(&mut ledger, number, number % 3, RECORD_BYTES_MAX / 2);
        }
        for number in 60..3_000 {
            put(&mut ledger, number, number % 2 * 2, 64);
        }
        ledger.commit().unwrap();
        let (mut after, mut read) = (Seq(0), 0);
        loop {
            let stretch = ledger.read_feed(scope, after, 2, Lending::Given).unwrap();
            assert!(stretch.records.len() <= BATCH_RECORDS_MAX);
            let bytes: usize = stretch.records.iter().map(Bytes::len).sum();
            assert!(bytes <= BATCH_BYTES_MAX + RECORD_BYTES_MAX);
            if stretch.upto.seq <= after {
                break;
            }
            (after, read) = (stretch.upto.seq, read + stretch.records.len());
        }
        assert_eq!((after, read), (Seq(3_000), 40 + 1_470));
    }
}

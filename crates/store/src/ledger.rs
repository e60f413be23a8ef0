//! Records, feeds, history and fingerprints, laid out in a [`Store`].
//!
//! A record lies under its place in its scope's feed: feed and record are one thing, so a first
//! sync reads sequential keys and sends the stored bytes. Indexes live in memory and are built at
//! open in one pass, which also proves every scope's fingerprint against the one stored with the
//! data. One thread changes the ledger; [`Reader`]s read beside it.

mod index;
mod stage;

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use prost::Message as _;
use proto::stored::HistoryPage;
use replica::{
    Fingerprint, Head, Incarnation, JournalEntry, Leaf, Record, RecordKey, ScopeId, Seq, Sibling,
    limits::{BATCH_BYTES_MAX, BATCH_RECORDS_MAX},
    session::FeedPoint,
};

use crate::{Store, StoreError, keys};
use index::{End, ScopeIndex, Shared};
pub use index::{Reader, local};
use stage::{Stage, Staged};

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
}

/// The writing side. See the module.
#[derive(Debug)]
pub struct Ledger {
    store: Arc<dyn Store>,
    shared: Arc<Shared>,
    prints: BTreeMap<u32, Fingerprint>,
    stage: Stage,
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
            Some(staged) => Ok(Some(staged.stored())),
            None => self.shared.get(key),
        }
    }

    /// Stages a new state of a record. Returns whether it differs from the present one.
    ///
    /// `former` is the present state as the caller read it with [`Ledger::current`].
    pub(crate) fn put(
        &mut self,
        record: Record,
        bytes: Bytes,
        leaf: Leaf,
        origin: u32,
        former: Option<Stored>,
    ) -> bool {
        if former.as_ref().is_some_and(|former| former.leaf == leaf) {
            return false;
        }
        let scope = match &former {
            Some(former) => former.place.scope,
            None => self.scope_number(record.scope),
        };
        let end = self.end(scope);
        let point = FeedPoint {
            seq: Seq(end.seq.0 + 1),
            head: replica::chain(end.head, &leaf.0),
        };
        if let Some(print) = self.prints.get_mut(&scope) {
            if let Some(former) = &former {
                print.remove(record.key, former.leaf);
            }
            print.add(record.key, leaf);
        }
        let place = Place {
            scope,
            seq: point.seq,
        };
        self.stage.put(
            Staged {
                record,
                bytes,
                leaf,
                place,
                origin,
                freed: None,
            },
            former,
            point,
        );
        true
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
                    stretch
                        .records
                        .push(value.slice(keys::RECORD_HEAD_BYTES.min(value.len())..));
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

/// One entry of a history page by its sequence.
fn history_entry(page: &[u8], seq: u64) -> Result<Option<(u64, Vec<Sibling>)>, StoreError> {
    let damaged = |_e| StoreError::Damaged {
        what: "history page".to_owned(),
    };
    let page = HistoryPage::decode(page).map_err(damaged)?;
    let Some(entry) = page.entries.into_iter().find(|entry| entry.seq == seq) else {
        return Ok(None);
    };
    if entry.replaced.is_empty() {
        return Ok(Some((entry.previous, Vec::new())));
    }
    let record =
        Record::decode(&Bytes::from(entry.replaced)).map_err(|_e| StoreError::Damaged {
            what: "history entry".to_owned(),
        })?;
    Ok(Some((entry.previous, record.siblings)))
}

#[cfg(test)]
mod tests {
    use replica::{Kind, RecordId, limits::RECORD_BYTES_MAX};

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
        ledger.put(record, encoded, leaf, origin, None);
        ledger.end_section(origin);
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
            let stretch = ledger.read_feed(scope, after, 2).unwrap();
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

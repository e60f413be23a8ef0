//! Changes that wait for the next commit.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use prost::Message as _;
use proto::stored::{HistoryEntry, HistoryPage, JournalEntry as JournalWire, JournalPage};
use replica::{
    Bucket, Fingerprint, Head, Incarnation, JournalEntry, Leaf, Record, RecordKey, RegisterId,
    Sibling, session::FeedPoint,
};

use super::{End, Place, Shared, Stored, history_entry, index::scope_to_bytes};
use crate::{Batch, StoreError, keys};

/// Bytes of one history page; small values keep the tree shallow.
const PAGE_BYTES_MAX: usize = 3_500;

/// A record's state that waits.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) record: Record,
    pub(super) bytes: Bytes,
    pub(super) leaf: Leaf,
    pub(super) place: Place,
    pub(super) origin: u32,
    /// The committed place that the change leaves.
    pub(super) freed: Option<Place>,
}

impl Staged {
    pub(super) fn stored(&self) -> Stored {
        Stored {
            record: self.record.clone(),
            leaf: self.leaf,
            place: self.place,
            origin: self.origin,
        }
    }
}

/// Entries of one page of the journal; small values keep the tree shallow.
const PAGE_ENTRIES_MAX: usize = 24;

/// One page of the journal, as far as it has come.
#[derive(Debug)]
struct Page {
    incarnation: Incarnation,
    first: u64,
    entries: Vec<JournalEntry>,
    head: Head,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Stage {
    records: BTreeMap<RecordKey, Staged>,
    history: BTreeMap<(u32, u64), HistoryEntry>,
    /// Ends of the feeds that have changed.
    ends: BTreeMap<u32, FeedPoint>,
    /// Scopes changed since the last section.
    open: BTreeSet<u32>,
    sections: Vec<(u32, u64, End)>,
    /// The page of the journal that still takes entries.
    page: Option<Page>,
    pub(super) extra: Batch,
    pub(super) lazy: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Stage {
    pub(super) fn get(&self, key: RecordKey) -> Option<&Staged> {
        self.records.get(&key)
    }

    pub(super) fn end(&self, scope: u32) -> Option<FeedPoint> {
        self.ends.get(&scope).copied()
    }

    pub(super) fn touch(&mut self, scope: u32) {
        self.ends.entry(scope).or_default();
    }

    pub(super) fn is_dirty(&self) -> bool {
        !self.ends.is_empty() || !self.extra.is_empty() || self.page.is_some()
    }

    pub(super) fn put(&mut self, mut staged: Staged, former: Option<Stored>, point: FeedPoint) {
        let scope = staged.place.scope;
        if let Some(former) = former {
            let stays = |s: &Sibling| {
                staged
                    .record
                    .register(s.register)
                    .iter()
                    .any(|other| other.dot() == s.dot())
            };
            let mut replaced = former.record;
            replaced.siblings.retain(|s| !stays(s));
            let empty = replaced.siblings.is_empty();
            let entry = HistoryEntry {
                seq: point.seq.0,
                previous: former.place.seq.0,
                replaced: if empty {
                    Vec::new()
                } else {
                    replaced.encode().to_vec()
                },
            };
            self.history.insert((scope, point.seq.0), entry);
            let waiting = self.records.get(&staged.record.key);
            staged.freed = waiting.map_or(Some(former.place), |earlier| earlier.freed);
        }
        self.ends.insert(scope, point);
        self.open.insert(scope);
        self.records.insert(staged.record.key, staged);
    }

    pub(super) fn end_section(&mut self, origin: u32) {
        for scope in std::mem::take(&mut self.open) {
            if let Some(point) = self.ends.get(&scope) {
                self.sections.push((
                    scope,
                    point.seq.0,
                    End {
                        head: point.head,
                        origin,
                    },
                ));
            }
        }
    }

    pub(super) fn journal(
        &mut self,
        incarnation: Incarnation,
        first: u64,
        entries: Vec<JournalEntry>,
        head: Head,
    ) {
        let follows = |page: &Page| {
            page.incarnation == incarnation
                && page.first + page.entries.len() as u64 == first
                && page.entries.len() + entries.len() <= PAGE_ENTRIES_MAX
        };
        match self.page.as_mut().filter(|page| follows(page)) {
            Some(page) => {
                page.entries.extend(entries);
                page.head = head;
            }
            None => {
                self.end_page();
                self.page = Some(Page {
                    incarnation,
                    first,
                    entries,
                    head,
                });
            }
        }
    }

    fn end_page(&mut self) {
        let Some(page) = self.page.take() else { return };
        let last = page.first + page.entries.len() as u64 - 1;
        let value = JournalPage {
            first: page.first,
            entries: page.entries.iter().map(journal_to_wire).collect(),
            head: page.head.0.to_vec(),
        };
        self.extra
            .put(keys::journal(page.incarnation, last), value.encode_to_vec());
    }

    /// A staged history entry by its sequence.
    pub(super) fn history_entry(
        &self,
        scope: u32,
        seq: u64,
    ) -> Result<Option<(u64, Vec<Sibling>)>, StoreError> {
        let Some(entry) = self.history.get(&(scope, seq)) else {
            return Ok(None);
        };
        let page = HistoryPage {
            entries: vec![entry.clone()],
        };
        history_entry(&page.encode_to_vec(), seq)
    }

    /// Turns everything into one batch, and into the changes of the index that follow it.
    pub(super) fn into_batch(
        mut self,
        shared: &Shared,
        prints: &BTreeMap<u32, Fingerprint>,
        ends_max: usize,
    ) -> (Batch, Changes) {
        self.end_section(0);
        self.end_page();
        let mut batch = self.extra;
        let mut changes = Changes::default();
        for (key, value) in self.lazy {
            batch.put(key, value);
        }
        let mut by_place: Vec<Staged> = self.records.into_values().collect();
        by_place.sort_unstable_by_key(|staged| staged.place);
        for staged in by_place {
            if let Some(freed) = staged.freed {
                batch.remove(keys::record(freed.scope, freed.seq.0));
            }
            let mut value = Vec::with_capacity(keys::RECORD_HEAD_BYTES + staged.bytes.len());
            value.extend_from_slice(&staged.origin.to_be_bytes());
            // Against a deletion stand writes of other registers, one candidate each.
            let contested = staged
                .record
                .registers()
                .any(|(register, siblings)| siblings.len() > 1 || register == RegisterId::DELETED);
            value.push(u8::from(contested));
            value.extend_from_slice(&staged.leaf.0);
            value.extend_from_slice(&staged.bytes);
            batch.put(keys::record(staged.place.scope, staged.place.seq.0), value);
            changes
                .records
                .push((staged.record.key, staged.place, contested));
        }
        history_pages(&mut batch, self.history);
        let index = shared.read();
        for (scope, seq, end) in self.sections {
            let mut value = end.head.0.to_vec();
            value.extend_from_slice(&end.origin.to_be_bytes());
            batch.put(keys::end(scope, seq), value);
            changes.sections.push((scope, seq, end));
            let gone = changes
                .pruned
                .iter()
                .filter(|(other, _)| *other == scope)
                .count();
            let known = index
                .scopes
                .get(&scope)
                .map(|s| &s.ends)
                .filter(|e| e.len() >= ends_max);
            if let Some((oldest, _)) = known.and_then(|ends| ends.iter().nth(gone)) {
                batch.remove(keys::end(scope, *oldest));
                changes.pruned.push((scope, *oldest));
            }
        }
        for (scope, point) in self.ends {
            let root = prints
                .get(&scope)
                .map(Fingerprint::root)
                .unwrap_or_default();
            if let Some(known) = index.scopes.get(&scope) {
                batch.put(keys::scope(scope), scope_to_bytes(known.id, point, root));
            }
            changes.ends.push((scope, point, root));
        }
        (batch, changes)
    }
}

/// Packs history entries of one scope that follow each other into pages.
fn history_pages(batch: &mut Batch, history: BTreeMap<(u32, u64), HistoryEntry>) {
    let mut page: Vec<HistoryEntry> = Vec::new();
    let (mut scope, mut bytes) = (0, 0);
    for ((entry_scope, _), entry) in history {
        let size = entry.replaced.len() + 24;
        if !page.is_empty() && (entry_scope != scope || bytes + size > PAGE_BYTES_MAX) {
            put_page(batch, scope, std::mem::take(&mut page));
            bytes = 0;
        }
        scope = entry_scope;
        bytes += size;
        page.push(entry);
    }
    put_page(batch, scope, page);
}

fn put_page(batch: &mut Batch, scope: u32, entries: Vec<HistoryEntry>) {
    if let Some(first) = entries.first().map(|entry| entry.seq) {
        batch.put(
            keys::history(scope, first),
            HistoryPage { entries }.encode_to_vec(),
        );
    }
}

fn journal_to_wire(entry: &JournalEntry) -> JournalWire {
    JournalWire {
        kind: entry.key.kind.0,
        id: entry.key.id.0.to_vec(),
        registers: entry.registers.iter().map(|register| register.0).collect(),
        incarnations: entry.replaces.iter().map(|dot| dot.incarnation.0).collect(),
        counters: entry.replaces.iter().map(|dot| dot.counter).collect(),
        hash: entry.hash.0.to_vec(),
    }
}

/// What the index learns when a batch has been committed.
#[derive(Debug, Default)]
pub(super) struct Changes {
    records: Vec<(RecordKey, Place, bool)>,
    sections: Vec<(u32, u64, End)>,
    pruned: Vec<(u32, u64)>,
    ends: Vec<(u32, FeedPoint, Bucket)>,
}

impl Changes {
    pub(super) fn publish(self, shared: &Shared) {
        let mut index = shared.write();
        for (key, place, contested) in self.records {
            index.records.insert(key, place);
            if contested {
                index.contested.insert(key);
            } else {
                index.contested.remove(&key);
            }
        }
        for (scope, seq, end) in self.sections {
            if let Some(known) = index.scopes.get_mut(&scope) {
                known.ends.insert(seq, end);
            }
        }
        for (scope, seq) in self.pruned {
            if let Some(known) = index.scopes.get_mut(&scope) {
                known.ends.remove(&seq);
            }
        }
        for (scope, point, root) in self.ends {
            if let Some(known) = index.scopes.get_mut(&scope) {
                known.end = point;
                known.root = root;
            }
        }
    }
}

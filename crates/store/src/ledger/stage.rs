//! Changes that wait for the next commit.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use prost::Message as _;
use proto::stored::{HistoryEntry, HistoryPage, JournalEntry as JournalWire, JournalPage};
use replica::{
    Bucket, Dot, Fingerprint, Head, Incarnation, JournalEntry, Record, RecordKey, RegisterId,
    ScopeId, Seq, Sibling, session::FeedPoint,
};

use super::{
    End, Guest, Incoming, Past, Place, Seat, Shared, Stored, came, head::RecordHead, history_entry,
    index::scope_to_bytes,
};
use crate::{Batch, StoreError, keys};

/// Bytes of one history page; small values keep the tree shallow.
const PAGE_BYTES_MAX: usize = 3_500;

/// A record's state that waits.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) new: Incoming,
    pub(super) seat: Seat,
    pub(super) place: Place,
    /// The committed place that the change leaves.
    pub(super) freed: Option<Place>,
}

/// The copy of a record, in the feed of a scope that it does not belong to, that waits.
pub(super) type Copied = Staged;

impl Staged {
    pub(super) fn stored(&self, home: ScopeId) -> Stored {
        Stored {
            record: self.new.record.clone(),
            leaf: self.new.leaf,
            place: self.place,
            origin: self.new.origin,
            guest: self.seat.guest,
            home,
            parent: self.seat.parent,
        }
    }

    fn head(&self) -> RecordHead {
        // Against a deletion stand writes of other registers, one candidate each.
        let mut registers = self.new.record.registers();
        let contested = registers
            .any(|(register, siblings)| siblings.len() > 1 || register == RegisterId::DELETED);
        RecordHead {
            origin: self.new.origin,
            contested: contested && self.seat.guest == Guest::No,
            guest: self.seat.guest,
            empty: self.new.record.siblings.is_empty(),
            leaf: self.new.leaf,
            parent: self.seat.parent,
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
    /// Copies by record and scope; none is a copy that goes.
    copies: BTreeMap<(RecordKey, u32), Option<Copied>>,
    /// Places of copies that go.
    freed: Vec<Place>,
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

    /// The ends of the feeds that have changed.
    pub(super) fn ends(&self) -> impl Iterator<Item = (u32, FeedPoint)> {
        self.ends.iter().map(|(scope, end)| (*scope, *end))
    }

    pub(super) fn touch(&mut self, scope: u32) {
        self.ends.entry(scope).or_default();
    }

    /// The sum of a scope has changed; its feed may end where it did.
    pub(super) fn keep_end(&mut self, scope: u32, end: FeedPoint) {
        self.ends.entry(scope).or_insert(end);
    }

    pub(super) fn is_dirty(&self) -> bool {
        !self.ends.is_empty() || !self.extra.is_empty() || self.page.is_some()
    }

    pub(super) fn put(&mut self, mut staged: Staged, former: Option<Stored>, point: FeedPoint) {
        let scope = staged.place.scope;
        if let Some(former) = former {
            let present = &staged.new.record;
            let new = lacking(present, &former.record);
            let came: BTreeSet<Dot> = new.map(Sibling::dot).collect();
            let gone: Vec<Sibling> = lacking(&former.record, present).cloned().collect();
            let mut replaced = former.record;
            replaced.siblings = gone;
            let empty = replaced.siblings.is_empty();
            let entry = HistoryEntry {
                came_incarnations: came.iter().map(|dot| dot.incarnation.0).collect(),
                came_counters: came.iter().map(|dot| dot.counter).collect(),
                says_came: true,
                seq: point.seq.0,
                previous: former.place.seq.0,
                previous_scope: if former.place.scope == scope {
                    0
                } else {
                    former.place.scope
                },
                replaced: if empty {
                    Vec::new()
                } else {
                    replaced.encode().to_vec()
                },
            };
            self.history.insert((scope, point.seq.0), entry);
            let waiting = self.records.get(&staged.new.record.key);
            staged.freed = waiting.map_or(Some(former.place), |earlier| earlier.freed);
        }
        self.ends.insert(scope, point);
        self.open.insert(scope);
        self.records.insert(staged.new.record.key, staged);
    }

    pub(super) fn children(&self, parent: RecordKey) -> impl Iterator<Item = RecordKey> {
        let of = move |staged: &&Staged| staged.seat.parent == Some(parent);
        self.records
            .values()
            .filter(of)
            .map(|staged| staged.new.record.key)
    }

    pub(super) fn put_copy(&mut self, copied: Copied, point: FeedPoint) {
        let (key, scope) = (copied.new.record.key, copied.seat.scope);
        self.ends.insert(scope, point);
        self.open.insert(scope);
        self.copies.insert((key, scope), Some(copied));
    }

    /// The staged copy of a record in the feed of a scope; `Some(None)` when it goes.
    pub(super) fn copy(&self, key: RecordKey, scope: u32) -> Option<Option<&Copied>> {
        self.copies.get(&(key, scope)).map(Option::as_ref)
    }

    pub(super) fn remove_copy(&mut self, key: RecordKey, scope: u32, committed: Option<Place>) {
        let staged = self.copies.contains_key(&(key, scope));
        if staged || committed.is_some() {
            self.copies.insert((key, scope), None);
            self.freed.extend(committed);
        }
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
                self.end_page(false);
                self.page = Some(Page {
                    incarnation,
                    first,
                    entries,
                    head,
                });
            }
        }
    }

    /// Stages the open page; the last of a commit is marked.
    fn end_page(&mut self, ends_commit: bool) {
        let Some(page) = self.page.take() else { return };
        let last = page.first + page.entries.len() as u64 - 1;
        let value = JournalPage {
            ends_commit,
            ..journal_page(page.first, &page.entries, page.head)
        };
        let value = value.encode_to_vec();
        self.extra.put(keys::journal(page.incarnation, last), value);
    }

    /// Changes a staged history entry. Returns whether there is one.
    pub(super) fn change_entry(
        &mut self,
        scope: u32,
        seq: u64,
        change: ChangeEntry<'_>,
    ) -> Result<bool, StoreError> {
        let Some(entry) = self.history.get_mut(&(scope, seq)) else {
            return Ok(false);
        };
        change(entry)?;
        Ok(true)
    }

    /// The scopes in whose feeds a copy of a record is staged.
    pub(super) fn copies(&self, key: RecordKey) -> impl Iterator<Item = u32> {
        let of_key = self.copies.keys().filter(move |(of, _)| *of == key);
        of_key.map(|(_, scope)| *scope)
    }

    /// A value that waits under a key, if one does.
    pub(super) fn page(&self, key: &[u8]) -> Option<Bytes> {
        let mut ops = self.extra.ops().iter().rev();
        let (_, value) = ops.find(|(other, _)| other == key)?;
        value.clone().map(Bytes::from)
    }

    /// A staged history entry by its sequence.
    pub(super) fn history_entry(&self, scope: u32, seq: u64) -> Result<Option<Past>, StoreError> {
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
        self.end_page(true);
        let mut batch = self.extra;
        let mut changes = Changes::default();
        for (key, value) in self.lazy {
            batch.put(key, value);
        }
        for place in self.freed {
            batch.remove(keys::record(place.scope, place.seq.0));
        }
        for ((key, scope), copy) in &self.copies {
            changes
                .copies
                .push((*key, *scope, copy.as_ref().map(|copy| copy.place.seq)));
        }
        let copies = self.copies.into_values().flatten();
        let mut by_place: Vec<(Staged, IsCopy)> = copies.map(|copy| (copy, IsCopy::Yes)).collect();
        by_place.extend(
            self.records
                .into_values()
                .map(|staged| (staged, IsCopy::No)),
        );
        by_place.sort_unstable_by_key(|(staged, _)| staged.place);
        for (staged, is_copy) in by_place {
            if let Some(freed) = staged.freed {
                batch.remove(keys::record(freed.scope, freed.seq.0));
            }
            let head = staged.head();
            let value = head.value(&staged.new.bytes);
            batch.put(keys::record(staged.place.scope, staged.place.seq.0), value);
            if is_copy == IsCopy::No {
                let key = staged.new.record.key;
                changes.records.push((key, staged.place, head));
            }
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
        let size = entry.replaced.len() + 16 * entry.came_counters.len() + 24;
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
        masks: entry.masks.clone(),
    }
}

/// Whether a staged state is a copy beside the record's own entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum IsCopy {
    Yes,
    No,
}

/// A page of the journal as it is stored, the last of its commit.
pub(crate) fn journal_page(first: u64, entries: &[JournalEntry], head: Head) -> JournalPage {
    JournalPage {
        first,
        entries: entries.iter().map(journal_to_wire).collect(),
        head: head.0.to_vec(),
        ends_commit: true,
    }
}

fn damaged_history() -> StoreError {
    StoreError::Damaged {
        what: "history entry".to_owned(),
    }
}

/// The siblings of a record that another does not hold, in one pass over both: this is done for each
/// change of each record.
fn lacking<'a>(of: &'a Record, other: &'a Record) -> impl Iterator<Item = &'a Sibling> {
    let mut rest = other.siblings.as_slice();
    of.siblings.iter().filter(move |sibling| {
        let mut others = rest.iter();
        let behind = others.position(|other| other.register >= sibling.register);
        rest = behind
            .and_then(|behind| rest.get(behind..))
            .unwrap_or_default();
        let mut same = rest
            .iter()
            .take_while(|other| other.register == sibling.register);
        !same.any(|other| other.dot() == sibling.dot())
    })
}

/// Takes siblings out of a history entry. Returns whether it held any.
pub(super) fn entry_without(
    entry: &mut HistoryEntry,
    gone: &dyn Fn(Dot) -> bool,
) -> Result<bool, StoreError> {
    let came: Vec<Dot> = came(entry).filter(|dot| !gone(*dot)).collect();
    let said = came.len() < entry.came_counters.len();
    entry.came_incarnations = came.iter().map(|dot| dot.incarnation.0).collect();
    entry.came_counters = came.iter().map(|dot| dot.counter).collect();
    if entry.replaced.is_empty() {
        return Ok(said);
    }
    let bytes = Bytes::from(std::mem::take(&mut entry.replaced));
    let mut record = Record::decode(&bytes).map_err(|_e| damaged_history())?;
    let before = record.siblings.len();
    record.siblings.retain(|sibling| !gone(sibling.dot()));
    if record.siblings.len() == before {
        entry.replaced = bytes.to_vec();
        return Ok(said);
    }
    if !record.siblings.is_empty() {
        entry.replaced = record.encode().to_vec();
    }
    Ok(true)
}

/// Changes an entry of the history. Returns whether it has.
pub(super) type ChangeEntry<'a> = &'a dyn Fn(&mut HistoryEntry) -> Result<bool, StoreError>;

/// A history page after a change of one of its entries; none when nothing has changed.
pub(super) fn changed_page(
    page: &[u8],
    seq: u64,
    change: ChangeEntry<'_>,
) -> Result<Option<Vec<u8>>, StoreError> {
    let mut page = HistoryPage::decode(page).map_err(|_e| damaged_history())?;
    let mut changed = false;
    for entry in page.entries.iter_mut().filter(|entry| entry.seq == seq) {
        changed |= change(entry)?;
    }
    Ok(changed.then(|| page.encode_to_vec()))
}

/// What the index learns when a batch has been committed.
#[derive(Debug, Default)]
pub(super) struct Changes {
    records: Vec<(RecordKey, Place, RecordHead)>,
    copies: Vec<(RecordKey, u32, Option<Seq>)>,
    sections: Vec<(u32, u64, End)>,
    pruned: Vec<(u32, u64)>,
    ends: Vec<(u32, FeedPoint, Bucket)>,
}

impl Changes {
    pub(super) fn publish(self, shared: &Shared) {
        let mut index = shared.write();
        for (key, scope, seq) in self.copies {
            index.set_guest(key, scope, seq);
        }
        for (key, place, head) in self.records {
            index.insert(key, place, &head);
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

//! What the ledger keeps in memory: where each record lies, and the section ends of each feed.

mod lists;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use bytes::Bytes;
use replica::{
    Bucket, Fingerprint, Head, Kind, Leaf, Record, RecordId, RecordKey, ScopeId, Seq, Sibling,
    limits::PARENTS_MAX, session::FeedPoint,
};

use super::{Guest, Past, Place, Stored, head::RecordHead, history_entry, stage::Stage};
use crate::{Store, StoreError, keys};
pub use lists::{ClockReading, JournalBreak, PeerHeard, Unsettled, keep_local};
pub(crate) use lists::{heard_name, unsettled_name};

/// Changes of one record that a walk through its history follows: one a minute for two years of
/// working days. A longer line is a circle.
const HISTORY_MAX: usize = 1 << 18;

/// The end of one section of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) head: Head,
    /// The peer that sent every state of the section as it stands, 0 for none.
    pub(super) origin: u32,
}

/// One scope.
#[derive(Clone, Debug)]
pub(super) struct ScopeIndex {
    pub(super) id: ScopeId,
    pub(super) end: FeedPoint,
    pub(super) root: Bucket,
    pub(super) ends: BTreeMap<u64, End>,
}

impl ScopeIndex {
    pub(super) fn new(id: ScopeId) -> Self {
        Self {
            id,
            end: FeedPoint::default(),
            root: Bucket::default(),
            ends: BTreeMap::new(),
        }
    }
}

/// Where everything is.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Records that belong to the scope in whose feed they lie.
    pub(super) records: BTreeMap<RecordKey, Place>,
    /// Where records lie in the feeds of scopes that they do not belong to.
    pub(super) guests: BTreeMap<RecordKey, BTreeMap<u32, Seq>>,
    /// The records that share the home of another, by that other.
    children: BTreeMap<RecordKey, BTreeSet<RecordKey>>,
    /// Kinds of which a record was stored without a parent.
    parentless: BTreeSet<Kind>,
    /// Records with a register that has more than one candidate.
    pub(super) contested: BTreeSet<RecordKey>,
    pub(super) scopes: BTreeMap<u32, ScopeIndex>,
}

/// Sections of a feed that are read, or left out, together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) skip: bool,
    pub(super) upto: FeedPoint,
}

impl Index {
    /// Notes where the entry of a record lies.
    pub(super) fn insert(&mut self, key: RecordKey, place: Place, head: &RecordHead) {
        if head.guest == Guest::No {
            self.records.insert(key, place);
        } else {
            self.records.remove(&key);
        }
        self.note(key, place, head);
    }

    /// Notes everything of the entry of a record but that it lies at home.
    fn note(&mut self, key: RecordKey, place: Place, head: &RecordHead) {
        let seq = (head.guest != Guest::No).then_some(place.seq);
        self.set_guest(key, place.scope, seq);
        if head.contested {
            self.contested.insert(key);
        } else {
            self.contested.remove(&key);
        }
        self.note_parent(key, head);
    }

    fn note_parent(&mut self, key: RecordKey, head: &RecordHead) {
        if let Some(parent) = head.parent {
            self.children.entry(parent).or_default().insert(key);
        } else {
            self.parentless.insert(key.kind);
        }
    }

    pub(super) fn set_guest(&mut self, key: RecordKey, scope: u32, seq: Option<Seq>) {
        let Some(seq) = seq else {
            if let Some(places) = self.guests.get_mut(&key) {
                places.remove(&scope);
                if places.is_empty() {
                    self.guests.remove(&key);
                }
            }
            return;
        };
        self.guests.entry(key).or_default().insert(scope, seq);
    }

    /// Where the record lies: at home, else as a guest.
    pub(super) fn place(&self, key: RecordKey) -> Option<Place> {
        let home = self.records.get(&key).copied();
        home.or_else(|| {
            let (scope, seq) = self.guests.get(&key)?.first_key_value()?;
            Some(Place {
                scope: *scope,
                seq: *seq,
            })
        })
    }

    pub(super) fn children_of(&self, parent: RecordKey) -> BTreeSet<RecordKey> {
        self.children.get(&parent).cloned().unwrap_or_default()
    }

    pub(super) fn scope_id(&self, scope: u32) -> Option<ScopeId> {
        self.scopes.get(&scope).map(|scope| scope.id)
    }

    pub(super) fn end(&self, scope: u32) -> FeedPoint {
        self.scopes.get(&scope).map(|s| s.end).unwrap_or_default()
    }

    /// The sections after a sequence that the peer sent, or that it did not.
    pub(super) fn next_run(&self, scope: u32, from: u64, peer: u32) -> Option<Run> {
        let mut ends = self.scopes.get(&scope)?.ends.range(from + 1..);
        let (seq, first) = ends.next()?;
        let skip = first.origin == peer && peer != 0;
        let mut upto = FeedPoint {
            seq: Seq(*seq),
            head: first.head,
        };
        for (seq, end) in ends {
            if (end.origin == peer && peer != 0) != skip {
                break;
            }
            upto = FeedPoint {
                seq: Seq(*seq),
                head: end.head,
            };
            // A run longer than any batch needs no further look.
            if !skip && seq - from > 16 * 1_024 {
                break;
            }
        }
        Some(Run { skip, upto })
    }
}

/// What the writer and the readers share.
#[derive(Debug)]
pub(super) struct Shared {
    store: Arc<dyn Store>,
    index: RwLock<Index>,
}

impl Shared {
    pub(super) fn new(store: Arc<dyn Store>, index: Index) -> Self {
        Self {
            store,
            index: RwLock::new(index),
        }
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads a record. A change between the look at the index and the read is looked up again.
    pub(super) fn get(&self, key: RecordKey) -> Result<Option<Stored>, StoreError> {
        for _ in 0..100_000 {
            let Some(place) = self.read().place(key) else {
                return Ok(None);
            };
            if let Some(value) = self.store.get(&keys::record(place.scope, place.seq.0))? {
                let mut stored = stored(key, place, &value)?;
                stored.home = self.home(&stored)?;
                return Ok(Some(stored));
            }
            std::thread::yield_now();
        }
        Err(StoreError::Damaged {
            what: format!("record {} {} is missing", key.kind.0, key.id),
        })
    }

    /// The scope that a record belongs to: of one that lies at home, that of its feed; of a guest,
    /// that of the record at its root.
    fn home(&self, of: &Stored) -> Result<ScopeId, StoreError> {
        if of.guest == Guest::No {
            let home = self.read().scope_id(of.place.scope);
            return Ok(home.unwrap_or(of.record.scope));
        }
        let mut root = of.clone();
        for _ in 0..PARENTS_MAX {
            let Some(parent) = root.parent else { break };
            let place = self.read().place(parent);
            let Some(place) = place else { break };
            let value = self.store.get(&keys::record(place.scope, place.seq.0))?;
            let Some(value) = value else { break };
            root = stored(parent, place, &value)?;
            if root.guest == Guest::No {
                let home = self.read().scope_id(place.scope);
                return Ok(home.unwrap_or(root.record.scope));
            }
        }
        Ok(replica::owner(&root.record).map_or(root.record.scope, |owner| owner.scope))
    }

    /// Walks the history of a record, newest change first.
    pub(super) fn history(
        &self,
        key: RecordKey,
        stage: &Stage,
    ) -> Result<Vec<(Seq, Vec<Sibling>)>, StoreError> {
        let mut found = Vec::new();
        self.walk(key, stage, &mut |_, seq, past| {
            let siblings = past.replaced.map(|replaced| replaced.siblings);
            found.push((Seq(seq), siblings.unwrap_or_default()));
        })?;
        Ok(found)
    }

    /// The places of a record's history entries: scope and sequence, newest first.
    pub(super) fn history_places(
        &self,
        key: RecordKey,
        stage: &Stage,
    ) -> Result<Vec<(u32, u64)>, StoreError> {
        let mut places = Vec::new();
        self.walk(key, stage, &mut |scope, seq, _| places.push((scope, seq)))?;
        Ok(places)
    }

    pub(super) fn walk(
        &self,
        key: RecordKey,
        stage: &Stage,
        visit: &mut dyn FnMut(u32, u64, Past),
    ) -> Result<(), StoreError> {
        let staged = stage.get(key).map(|staged| staged.place);
        let Some(place) = staged.or_else(|| self.read().place(key)) else {
            return Ok(());
        };
        let (mut scope, mut seq) = (place.scope, place.seq.0);
        for _ in 0..HISTORY_MAX {
            if seq == 0 {
                break;
            }
            let entry = match stage.history_entry(scope, seq)? {
                Some(entry) => Some(entry),
                None => {
                    let from = keys::history(scope, 0);
                    let page = self.store.last(&from, &keys::history(scope, seq + 1))?;
                    page.map(|(_, page)| history_entry(&page, seq))
                        .transpose()?
                        .flatten()
                }
            };
            let Some(past) = entry else { break };
            let (next_scope, next) = (past.previous_scope, past.previous);
            visit(scope, seq, past);
            if next_scope == 0 {
                seq = next.min(seq - 1);
            } else {
                (scope, seq) = (next_scope, next);
            }
        }
        Ok(())
    }
}

/// Reads the `R` value of a record. Whose record it is, the caller finds out.
fn stored(key: RecordKey, place: Place, value: &Bytes) -> Result<Stored, StoreError> {
    let found = proven(place, value).filter(|found| found.record.key == key);
    found.ok_or_else(|| StoreError::Damaged {
        what: format!("record {} {}", key.kind.0, key.id),
    })
}

/// Reads an `R` value and proves it against its leaf; none of what is damaged.
fn proven(place: Place, value: &Bytes) -> Option<Stored> {
    let (head, bytes) = RecordHead::split(value)?;
    let record = Record::decode(&bytes).ok()?;
    (Leaf::of(&bytes) == head.leaf).then(|| Stored {
        home: record.scope,
        record,
        leaf: head.leaf,
        place,
        origin: head.origin,
        guest: head.guest,
        parent: head.parent,
    })
}

/// Builds the index in one pass and proves each scope's fingerprint against the stored root.
pub(super) fn load(store: &dyn Store) -> Result<(Index, BTreeMap<u32, Fingerprint>), StoreError> {
    let mut index = Index::default();
    let mut prints: BTreeMap<u32, Fingerprint> = BTreeMap::new();
    load_scopes(store, &mut index)?;
    // A tree that is made at once is made in less time, and its nodes are full.
    let mut records = Vec::new();
    let (from, to) = keys::all(b'R');
    store.scan(&from, &to, &mut |key, value| {
        let damaged = || StoreError::Damaged {
            what: "record head".to_owned(),
        };
        let (Some(scope), Some(seq)) = (keys::u32_at(key, 1), keys::u64_at(key, 5)) else {
            return Err(damaged());
        };
        let (head, bytes) = RecordHead::split(&value).ok_or_else(damaged)?;
        let name = name_of(&bytes).ok_or_else(damaged)?;
        let place = Place {
            scope,
            seq: Seq(seq),
        };
        if head.guest == Guest::No {
            if head.counts() {
                prints.entry(scope).or_default().add(name, head.leaf);
            }
            index.note(name, place, &head);
            records.push((name, place));
        } else {
            index.set_guest(name, scope, Some(Seq(seq)));
            index.note_parent(name, &head);
        }
        Ok(())
    })?;
    index.records = records.into_iter().collect();
    for (number, scope) in &index.scopes {
        let print = prints.entry(*number).or_default();
        if print.root() != scope.root {
            return Err(StoreError::Damaged {
                what: format!(
                    "the fingerprint of scope {} is not that of its records",
                    scope.id
                ),
            });
        }
    }
    Ok((index, prints))
}

fn load_scopes(store: &dyn Store, index: &mut Index) -> Result<(), StoreError> {
    let (from, to) = keys::all(b'S');
    store.scan(&from, &to, &mut |key, value| {
        let parsed = keys::u32_at(key, 1).zip(scope_from_bytes(&value));
        let (number, scope) = parsed.ok_or_else(|| StoreError::Damaged {
            what: "scope entry".to_owned(),
        })?;
        index.scopes.insert(number, scope);
        Ok(())
    })?;
    let (from, to) = keys::all(b'E');
    store.scan(&from, &to, &mut |key, value| {
        let damaged = || StoreError::Damaged {
            what: "section end".to_owned(),
        };
        let (Some(scope), Some(seq)) = (keys::u32_at(key, 1), keys::u64_at(key, 5)) else {
            return Err(damaged());
        };
        let head = value.get(..32).and_then(|head| Head::try_from(head).ok());
        let (Some(head), Some(origin)) = (head, keys::u32_at(&value, 32)) else {
            return Err(damaged());
        };
        let scope = index.scopes.get_mut(&scope).ok_or_else(damaged)?;
        scope.ends.insert(seq, End { head, origin });
        Ok(())
    })
}

/// Reads an `S` value.
fn scope_from_bytes(value: &[u8]) -> Option<ScopeIndex> {
    let id = ScopeId::try_from(value.get(..16)?).ok()?;
    let seq = keys::u64_at(value, 16)?;
    let head = Head::try_from(value.get(24..56)?).ok()?;
    let sum = value.get(56..88)?.try_into().ok()?;
    let root = Bucket::from_parts(sum, keys::u64_at(value, 88)?);
    let end = FeedPoint {
        seq: Seq(seq),
        head,
    };
    Some(ScopeIndex {
        id,
        end,
        root,
        ends: BTreeMap::new(),
    })
}

/// Writes an `S` value.
pub(super) fn scope_to_bytes(id: ScopeId, end: FeedPoint, root: Bucket) -> Vec<u8> {
    let mut value = Vec::with_capacity(96);
    value.extend_from_slice(&id.0);
    value.extend_from_slice(&end.seq.0.to_be_bytes());
    value.extend_from_slice(&end.head.0);
    value.extend_from_slice(&root.to_bytes());
    value.extend_from_slice(&root.count.to_be_bytes());
    value
}

/// The key of a record from the front of its encoding, without decoding the rest.
fn name_of(bytes: &[u8]) -> Option<RecordKey> {
    let (mut kind, mut at) = (0_u32, 0);
    if bytes.first() == Some(&0x08) {
        at = 1;
        for shift in (0..32).step_by(7) {
            let byte = *bytes.get(at)?;
            at += 1;
            kind |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
    }
    let head = bytes.get(at..at + 2)?;
    let id = bytes.get(at + 2..at + 18)?;
    (head == [0x12, 16]).then_some(())?;
    Some(RecordKey {
        kind: Kind(kind),
        id: RecordId::try_from(id).ok()?,
    })
}

/// What a program keeps in a store under a name, without opening the ledger.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn local(store: &dyn Store, name: &str) -> Result<Option<Bytes>, StoreError> {
    store.get(&keys::local(name))
}

/// Where a record lies, seen from one scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lies {
    /// It belongs to the scope.
    Here,
    /// It belongs to another.
    Elsewhere,
    /// It is not held.
    Nowhere,
}

/// Reads beside the writer. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Reader {
    pub(super) shared: Arc<Shared>,
}

impl Reader {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The present state of a record.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn get(&self, key: RecordKey) -> Result<Option<Stored>, StoreError> {
        self.shared.get(key)
    }

    /// Where a record lies: at home, else as a guest. What has another place than before has changed.
    #[must_use]
    pub fn place(&self, key: RecordKey) -> Option<Place> {
        self.shared.read().place(key)
    }

    /// The keys of one kind after an id, ascending, of one scope or of all, at most `limit`.
    #[must_use]
    pub fn keys(
        &self,
        kind: Kind,
        scope: Option<ScopeId>,
        after: Option<RecordId>,
        limit: usize,
    ) -> Vec<RecordKey> {
        let index = self.shared.read();
        let number = scope.map(|id| {
            let found = index.scopes.iter().find(|(_, s)| s.id == id);
            found.map_or(0, |(number, _)| *number)
        });
        let from = RecordKey {
            kind,
            id: after.unwrap_or(RecordId([0; 16])),
        };
        let to = RecordKey {
            kind,
            id: RecordId([0xff; 16]),
        };
        index
            .records
            .range(from..=to)
            .filter(|(key, _)| after != Some(key.id))
            .filter(|(_, place)| number.is_none_or(|number| number == place.scope))
            .take(limit)
            .map(|(key, _)| *key)
            .collect()
    }

    /// The records of one kind, ascending, with where each lies in its feed.
    #[must_use]
    pub fn places(&self, kind: Kind) -> Vec<(RecordKey, Place)> {
        let key = |id| RecordKey { kind, id };
        let all = key(RecordId([0; 16]))..=key(RecordId([0xff; 16]));
        let index = self.shared.read();
        let found = index.records.range(all);
        found.map(|(key, place)| (*key, *place)).collect()
    }

    /// Every scope with the end of its feed and the root of its fingerprint.
    #[must_use]
    pub fn scopes(&self) -> Vec<(ScopeId, FeedPoint, Bucket)> {
        let index = self.shared.read();
        index
            .scopes
            .values()
            .map(|scope| (scope.id, scope.end, scope.root))
            .collect()
    }

    /// The records that lie in the feed of a scope after a place, in the order of their last change,
    /// at most `limit`; with guests. What has left the feed shows where it lies now.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn changed(
        &self,
        scope: ScopeId,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<Stored>, StoreError> {
        let Some(number) = self.scope_number(scope) else {
            return Ok(Vec::new());
        };
        let (from, to) = (
            keys::record(number, after.0 + 1),
            keys::record(number, u64::MAX),
        );
        let found = self.shared.store.range(&from, &to, limit)?;
        found
            .iter()
            .map(|(key, value)| {
                let place = keys::u64_at(key, 5).map(|seq| Place {
                    scope: number,
                    seq: Seq(seq),
                });
                let stored = place.and_then(|place| proven(place, value));
                let mut stored = stored.ok_or_else(|| StoreError::Damaged {
                    what: format!("a record of scope {scope}"),
                })?;
                stored.home = self.shared.home(&stored)?;
                Ok(stored)
            })
            .collect()
    }

    /// The store below.
    pub(crate) fn store(&self) -> &dyn Store {
        &*self.shared.store
    }

    /// Where a record lies, seen from a scope.
    pub(crate) fn lies(&self, key: RecordKey, scope: ScopeId) -> Lies {
        let index = self.shared.read();
        match index.records.get(&key) {
            Some(place) if index.scope_id(place.scope) == Some(scope) => Lies::Here,
            Some(_) => Lies::Elsewhere,
            None if index.guests.contains_key(&key) => Lies::Elsewhere,
            None => Lies::Nowhere,
        }
    }

    /// The number of a scope in this store.
    #[must_use]
    pub fn scope_number(&self, scope: ScopeId) -> Option<u32> {
        let index = self.shared.read();
        let mut scopes = index.scopes.iter();
        scopes
            .find(|(_, s)| s.id == scope)
            .map(|(number, _)| *number)
    }

    /// The id of a scope by its number in this store.
    #[must_use]
    pub fn scope_id(&self, number: u32) -> Option<ScopeId> {
        self.shared.read().scopes.get(&number).map(|scope| scope.id)
    }

    /// All keys of a scope.
    #[must_use]
    pub fn keys_of_scope(&self, scope: ScopeId) -> Vec<RecordKey> {
        let index = self.shared.read();
        let found = index
            .scopes
            .iter()
            .find(|(_, s)| s.id == scope)
            .map(|(number, _)| *number);
        let inside = |place: &Place| Some(place.scope) == found;
        index
            .records
            .iter()
            .filter(|(_, place)| inside(place))
            .map(|(key, _)| *key)
            .collect()
    }

    /// The records that lie in the feed of a scope and do not belong to it, ascending.
    #[must_use]
    pub fn guests(&self, scope: ScopeId) -> Vec<RecordKey> {
        let index = self.shared.read();
        let found = index.scopes.iter().find(|(_, s)| s.id == scope);
        let Some(number) = found.map(|(number, _)| *number) else {
            return Vec::new();
        };
        let inside = index
            .guests
            .iter()
            .filter(|(_, at)| at.contains_key(&number));
        inside.map(|(key, _)| *key).collect()
    }

    /// The records that share the home of this one directly, ascending.
    #[must_use]
    pub fn children(&self, parent: RecordKey) -> Vec<RecordKey> {
        self.shared.read().children_of(parent).into_iter().collect()
    }

    /// The records that were stored without a parent, of the kinds that are asked for, ascending.
    pub(crate) fn alone(&self, asked: &dyn Fn(Kind) -> bool) -> Vec<RecordKey> {
        let index = self.shared.read();
        // Asked at each opening, where looking at each child would cost a tenth of it.
        let mut kinds = index.parentless.clone();
        kinds.retain(|kind| asked(*kind));
        if kinds.is_empty() {
            return Vec::new();
        }
        let of_others: BTreeSet<&RecordKey> = index.children.values().flatten().collect();
        let mut alone: Vec<RecordKey> = index
            .records
            .keys()
            .chain(index.guests.keys())
            .filter(|key| kinds.contains(&key.kind) && !of_others.contains(key))
            .copied()
            .collect();
        alone.sort_unstable();
        alone.dedup();
        alone
    }

    /// The records with a register that has more than one candidate, ascending. Whether they are
    /// in conflict is for the rules to say.
    #[must_use]
    pub fn contested(&self) -> Vec<RecordKey> {
        self.shared.read().contested.iter().copied().collect()
    }

    /// The number of records, of all kinds and scopes.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shared.read().records.len()
    }

    /// What is known of a record's earlier siblings, newest change first.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn history(&self, key: RecordKey) -> Result<Vec<(Seq, Vec<Sibling>)>, StoreError> {
        self.shared.history(key, &Stage::default())
    }

    /// What a program keeps for itself under a name.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn local(&self, name: &str) -> Result<Option<Bytes>, StoreError> {
        self.shared.store.get(&keys::local(name))
    }

    /// What a program keeps under names that begin alike, ascending.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn locals(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, StoreError> {
        let from = keys::local(prefix);
        let mut to = from.clone();
        to.push(0xff);
        let pairs = self.shared.store.range(&from, &to, usize::MAX)?;
        let name = |key: &[u8]| String::from_utf8_lossy(key.get(1..).unwrap_or_default()).into();
        Ok(pairs
            .into_iter()
            .map(|(key, value)| (name(&key), value))
            .collect())
    }

    /// Bytes that the store takes on its medium.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.shared.store.size_bytes()
    }

    /// Proves every record against its leaf and every scope against its root. Returns what is
    /// wrong.
    ///
    /// # Errors
    /// The store cannot be read at all.
    pub fn scrub(&self) -> Result<Vec<String>, StoreError> {
        let mut findings = Vec::new();
        let keys: Vec<RecordKey> = self.shared.read().records.keys().copied().collect();
        for key in keys {
            match self.get(key) {
                Err(StoreError::Damaged { what }) => findings.push(what),
                Err(error) => return Err(error),
                Ok(_) => {}
            }
        }
        Ok(findings)
    }
}

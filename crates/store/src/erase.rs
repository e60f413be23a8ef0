//! Erasing a person's values: which those are, and how what is stored loses them.
//!
//! The state of a record is erased where it is put ([`Host`](crate::Host)); here is the rest, one
//! value at a time: history, drafts, refusals, held states. [`rewrite`] copies a store into a fresh
//! one, because the engine keeps what was overwritten in its log until it needs the room.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use bytes::Bytes;
use prost::Message as _;
use proto::stored::{HistoryPage, Quarantine, Refusal};
use replica::{Kind, Record, RecordKey, RegisterId, Sibling};

use crate::{
    Batch, Rules, Store, StoreError, backup, keys,
    ledger::RecordHead,
    wire::{dot_of, key_of, print_of},
};

/// The name under which a store says, among what programs keep for themselves, that its files still hold
/// what was erased, or values that were not encrypted.
pub const REWRITE_DUE: &str = "erased/rewrite";

/// Bytes that are copied together.
const COPY_BYTES: usize = 768 * 1024;

/// What is erased of the records of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Personal {
    /// The register that says of a record that it is erased, and the value that says so; none for a
    /// kind whose records are erased together with their parent.
    pub mark: Option<(RegisterId, Bytes)>,
    /// The registers that lose their values.
    pub registers: Vec<RegisterId>,
}

/// See [`Erasure::locals`].
pub type Locals = Arc<dyn Fn(RecordKey) -> Vec<String> + Send + Sync>;

/// What a replica must know of the meaning of records to erase a person.
#[derive(Clone)]
pub struct Erasure {
    /// The kinds that hold personal values, and what of them is erased. A record of any other kind is
    /// never touched.
    pub kinds: BTreeMap<Kind, Personal>,
    /// The names of what programs keep for themselves about a record: it goes with the values.
    pub locals: Locals,
}

impl Default for Erasure {
    fn default() -> Self {
        Self {
            kinds: BTreeMap::new(),
            locals: Arc::new(|_| Vec::new()),
        }
    }
}

impl fmt::Debug for Erasure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Erasure")
            .field("kinds", &self.kinds)
            .finish_non_exhaustive()
    }
}

impl Erasure {
    /// Whether a record says of itself that it is erased.
    #[must_use]
    pub fn is_marked(&self, record: &Record) -> bool {
        let personal = self.kinds.get(&record.key.kind);
        personal
            .and_then(|personal| personal.mark.as_ref())
            .is_some_and(|(register, value)| {
                let mut said = record.register(*register).iter();
                said.any(|sibling| sibling.value == *value)
            })
    }

    /// Whether records of a kind can say of themselves that they are erased.
    #[must_use]
    pub fn can_be_marked(&self, kind: Kind) -> bool {
        let personal = self.kinds.get(&kind);
        personal.is_some_and(|personal| personal.mark.is_some())
    }

    /// Whether records of a kind are erased together with their parent.
    #[must_use]
    pub fn goes_with_parent(&self, kind: Kind) -> bool {
        let personal = self.kinds.get(&kind);
        personal.is_some_and(|personal| personal.mark.is_none())
    }

    /// Whether a sibling of a kind may have been erased at all.
    #[must_use]
    pub fn covers(&self, kind: Kind, sibling: &Sibling) -> bool {
        self.kinds.get(&kind).is_some_and(|personal| {
            !sibling.is_erased()
                || sibling.register == RegisterId::DELETED
                || personal.registers.contains(&sibling.register)
        })
    }

    /// Erases a record, or a part of one that a history or a draft keeps. Returns whether anything
    /// has changed.
    pub(crate) fn erase(&self, record: &mut Record) -> bool {
        let Some(personal) = self.kinds.get(&record.key.kind) else {
            return false;
        };
        let mark = personal.mark.as_ref().map(|(register, _)| *register);
        record.erase(&personal.registers, mark)
    }

    /// The same of an encoded one; none when nothing changes, or it cannot be read.
    pub(crate) fn erase_bytes(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut record = Record::decode(&Bytes::copy_from_slice(bytes)).ok()?;
        self.erase(&mut record).then(|| record.encode().to_vec())
    }

    /// A write that was refused or taken back without what it said; none when nothing changes.
    pub(crate) fn erase_refusal(&self, refusal: &Refusal) -> Option<Refusal> {
        let siblings = self.erase_bytes(&refusal.siblings)?;
        Some(Refusal {
            siblings,
            ..refusal.clone()
        })
    }

    /// A state that is held back without what it said; none when nothing changes.
    pub(crate) fn erase_held(&self, held: &Quarantine) -> Option<Quarantine> {
        let theirs = self.erase_bytes(&held.theirs)?;
        Some(Quarantine {
            theirs,
            ..held.clone()
        })
    }
}

/// Whether the files of a store still hold what was erased.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn rewrite_due(store: &dyn Store) -> Result<bool, StoreError> {
    Ok(store.get(&keys::local(REWRITE_DUE))?.is_some())
}

/// What says that the files of a store still hold what was erased.
pub(crate) fn due() -> (Vec<u8>, Vec<u8>) {
    (keys::local(REWRITE_DUE), vec![1])
}

/// Copies a store into an empty one, whose files then hold nothing of what was erased. What a value
/// still said of an erased person it does not say there. The store is synced; whoever calls proves it
/// and gives it its name.
///
/// # Errors
/// A store failed, or the other is not empty.
pub fn rewrite(from: &dyn Store, to: &dyn Store, rules: &Rules) -> Result<(), StoreError> {
    if to.last(&[], &backup::END)?.is_some() {
        return Err(StoreError::Damaged {
            what: "the store to copy into is not empty".to_owned(),
        });
    }
    let erased = Erased::find(from, rules)?;
    let mut batch = Batch::default();
    let (due, _) = due();
    from.scan(&[], &backup::END, &mut |key, value| {
        if *key == *due {
            return Ok(());
        }
        let Some((key, value)) = erased.cleared(key, value) else {
            return Ok(());
        };
        if !batch.is_empty() && batch.bytes() + key.len() + value.len() > COPY_BYTES {
            to.commit(std::mem::take(&mut batch))?;
        }
        batch.put(key, value);
        Ok(())
    })?;
    to.commit(batch)?;
    to.sync()
}

/// Clears what a store, which no program has opened, holds of erased persons beside their records: a
/// store that was built of several may have got it from any of them.
///
/// # Errors
/// The store failed.
pub(crate) fn clear(store: &dyn Store, rules: &Rules) -> Result<(), StoreError> {
    let erased = Erased::find(store, rules)?;
    if erased.records.is_empty() {
        return Ok(());
    }
    let mut batch = Batch::default();
    store.scan(&[], &backup::END, &mut |key, value| {
        match erased.cleared(key, value.clone()) {
            None => batch.remove(key.to_vec()),
            Some((new, cleared)) if new != key || cleared != value => {
                batch.remove(key.to_vec());
                batch.put(new, cleared);
            }
            Some(_) => {}
        }
        Ok(())
    })?;
    if batch.is_empty() {
        return Ok(());
    }
    let (key, value) = due();
    batch.put(key, value);
    store.commit(batch)?;
    store.sync()
}

/// The records of a store that are erased.
struct Erased<'a> {
    rules: &'a Rules,
    records: BTreeSet<RecordKey>,
    locals: BTreeSet<Vec<u8>>,
}

impl<'a> Erased<'a> {
    fn find(store: &dyn Store, rules: &'a Rules) -> Result<Self, StoreError> {
        let erasure = &rules.erasure;
        let (mut marked, mut children) = (BTreeSet::new(), Vec::new());
        let (from, to) = keys::all(b'R');
        store.scan(&from, &to, &mut |_, value| {
            let Some((head, bytes)) = RecordHead::split(&value) else {
                return Ok(());
            };
            let Ok(record) = Record::decode(&bytes) else {
                return Ok(());
            };
            if erasure.is_marked(&record) {
                marked.insert(record.key);
            } else if let Some(parent) = head
                .parent
                .filter(|_| erasure.goes_with_parent(record.key.kind))
            {
                children.push((parent, record.key));
            }
            Ok(())
        })?;
        let with: Vec<RecordKey> = children
            .into_iter()
            .filter(|(parent, _)| marked.contains(parent))
            .map(|(_, child)| child)
            .collect();
        let names = marked.iter().flat_map(|key| (erasure.locals)(*key));
        let locals = names.map(|name| keys::local(&name)).collect();
        marked.extend(with);
        Ok(Self {
            rules,
            records: marked,
            locals,
        })
    }

    /// A key and its value without what it said of erased records; none when all of it goes. Records
    /// themselves are erased already: their hashes stand in other values.
    fn cleared(&self, key: &[u8], value: Bytes) -> Option<(Vec<u8>, Vec<u8>)> {
        if self.locals.contains(key) {
            return None;
        }
        let erasure = &self.rules.erasure;
        let cleared = match key.first() {
            _ if self.records.is_empty() => None,
            Some(b'H') => self.history(&value).map(|page| (key.to_vec(), page)),
            Some(letter @ (b'X' | b'D')) => Refusal::decode(value.clone())
                .ok()
                .filter(|of| self.is_erased(of.kind, &of.id, &of.siblings))
                .and_then(|refusal| erasure.erase_refusal(&refusal))
                .map(|refusal| {
                    // A draft's key has the hash of what it says.
                    let key = match letter {
                        b'D' => keys::draft(dot_of(&refusal), print_of(&refusal)),
                        _ => key.to_vec(),
                    };
                    (key, refusal.encode_to_vec())
                }),
            Some(b'Q') => Quarantine::decode(value.clone())
                .ok()
                .filter(|of| self.is_erased(of.kind, &of.id, &of.theirs))
                .and_then(|held| erasure.erase_held(&held))
                .map(|held| (key.to_vec(), held.encode_to_vec())),
            _ => None,
        };
        Some(cleared.unwrap_or_else(|| (key.to_vec(), value.to_vec())))
    }

    /// Whether what is kept of a record is of one that is erased, or says that it goes with one.
    fn is_erased(&self, kind: u32, id: &[u8], kept: &[u8]) -> bool {
        let Some(key) = key_of(kind, id) else {
            return false;
        };
        let names = || {
            let record = Record::decode(&Bytes::copy_from_slice(kept)).ok()?;
            (self.rules.parent)(&record)
        };
        self.records.contains(&key)
            || self.rules.erasure.goes_with_parent(key.kind)
                && names().is_some_and(|parent| self.records.contains(&parent))
    }

    fn history(&self, page: &Bytes) -> Option<Vec<u8>> {
        let mut page = HistoryPage::decode(page.clone()).ok()?;
        let mut changed = false;
        for entry in &mut page.entries {
            let Ok(mut replaced) = Record::decode(&Bytes::copy_from_slice(&entry.replaced)) else {
                continue;
            };
            let key = replaced.key;
            if self.is_erased(key.kind.0, &key.id.0, &entry.replaced)
                && self.rules.erasure.erase(&mut replaced)
            {
                entry.replaced = replaced.encode().to_vec();
                changed = true;
            }
        }
        changed.then(|| page.encode_to_vec())
    }
}

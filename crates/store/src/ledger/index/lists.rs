//! What is kept for people: what peers said of themselves and how they answered, and whether the
//! own journals are whole.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message as _;
use proto::stored::{
    ClockReading as ClockWire, JournalPage, PeerHeard as HeardWire, Unsettled as UnsettledWire,
};
use replica::{Counter, Head, Incarnation, Kind, RecordId, RecordKey, ReplicaId, ScopeId, chain};

use super::Reader;
use crate::{Batch, Store, StoreError, Survey, keys};

/// What a peer said of itself when a session last began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerHeard {
    /// When, milliseconds since 1970 by the own clock.
    pub at_ms: i64,
    /// The peer's clock less the own.
    pub ahead_ms: i64,
    /// The number of the schema that it knows.
    pub schema: u32,
    /// What the session found: `liangxin.sync.v1.Diagnosis`.
    pub diagnosis: u32,
}

/// A peer's clock, as it was found when it greeted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockReading {
    /// The peer's wall time, milliseconds since 1970.
    pub theirs_ms: i64,
    /// The same less the own.
    pub ahead_ms: i64,
}

/// How a peer answered a record that it has not simply taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsettled {
    /// `liangxin.sync.v1.Outcome`.
    pub outcome: u32,
    /// The stable code.
    pub code: String,
    /// When, milliseconds since 1970.
    pub at_ms: i64,
}

/// A place where an own journal is not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalBreak {
    /// The incarnation.
    pub incarnation: Incarnation,
    /// The first write that the journal does not prove.
    pub from: Counter,
    /// The last.
    pub to: Counter,
}

/// Before the name of a peer.
const HEARD: &str = "heard/";
/// Before the name of a record.
const UNSETTLED: &str = "unsettled/";

/// The name under which it is kept what a peer said of itself.
pub(crate) fn heard_name(peer: ReplicaId) -> String {
    format!("{HEARD}{peer}")
}

/// The name under which it is kept how a record was answered.
pub(crate) fn unsettled_name(key: RecordKey) -> String {
    format!("{UNSETTLED}{}/{}", key.kind.0, ScopeId(key.id.0))
}

fn unsettled_key(name: &str) -> Option<RecordKey> {
    let (kind, id) = name.strip_prefix(UNSETTLED)?.split_once('/')?;
    Some(RecordKey {
        kind: Kind(kind.parse().ok()?),
        id: RecordId(hex16(id)?),
    })
}

/// Keeps something under a name in a store that no program has opened.
///
/// # Errors
/// The store failed.
pub fn keep_local(store: &dyn Store, name: &str, value: Vec<u8>) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    batch.put(keys::local(name), value);
    store.commit(batch)?;
    store.sync()
}

fn hex16(text: &str) -> Option<[u8; 16]> {
    let number = u128::from_str_radix(text, 16).ok()?;
    (text.len() == 32).then(|| number.to_be_bytes())
}

/// Reads what a peer has said. A program that kept only the last error of its clock has left a
/// reading without a list.
fn heard_of(value: Bytes) -> Result<HeardWire, StoreError> {
    let mut heard = HeardWire::decode(value).map_err(|_e| damaged("what a peer said"))?;
    if heard.clocks.is_empty() && heard.ahead_ms != 0 {
        heard.clocks.push(ClockWire {
            theirs_ms: heard.at_ms.saturating_add(heard.ahead_ms),
            ahead_ms: heard.ahead_ms,
        });
    }
    Ok(heard)
}

fn damaged(what: &str) -> StoreError {
    StoreError::Damaged {
        what: what.to_owned(),
    }
}

impl Reader {
    fn all(
        &self,
        letter: u8,
        visit: &mut dyn FnMut(&[u8], Bytes) -> Option<()>,
    ) -> Result<(), StoreError> {
        let (from, to) = keys::all(letter);
        self.shared.store.scan(&from, &to, &mut |key, value| {
            visit(key, value).ok_or_else(|| damaged("an entry of a list"))
        })
    }

    /// What each peer said of itself when a session last began.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn heard(&self) -> Result<BTreeMap<ReplicaId, PeerHeard>, StoreError> {
        let heard = |(peer, heard): (ReplicaId, HeardWire)| {
            let heard = PeerHeard {
                at_ms: heard.at_ms,
                ahead_ms: heard.ahead_ms,
                schema: heard.schema,
                diagnosis: heard.diagnosis,
            };
            (peer, heard)
        };
        Ok(self.all_heard()?.into_iter().map(heard).collect())
    }

    /// What each peer's clock was found to be, in the order in which it was: one reading where its
    /// error had changed. Nothing of a peer that has never said what time it is there.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn clocks(&self) -> Result<BTreeMap<ReplicaId, Vec<ClockReading>>, StoreError> {
        let reading = |clock: &ClockWire| ClockReading {
            theirs_ms: clock.theirs_ms,
            ahead_ms: clock.ahead_ms,
        };
        let all = self.all_heard()?.into_iter();
        let all = all.map(|(peer, heard)| (peer, heard.clocks.iter().map(reading).collect()));
        Ok(all.collect())
    }

    /// What one peer said of itself when a session last began, as it is stored.
    pub(crate) fn heard_from(&self, peer: ReplicaId) -> Result<Option<HeardWire>, StoreError> {
        let value = self.local(&heard_name(peer))?;
        value.map(heard_of).transpose()
    }

    fn all_heard(&self) -> Result<Vec<(ReplicaId, HeardWire)>, StoreError> {
        let one = |(name, value): (String, Bytes)| {
            let peer = name.strip_prefix(HEARD).and_then(hex16).map(ReplicaId);
            let peer = peer.ok_or_else(|| damaged("the name of a peer"))?;
            Ok((peer, heard_of(value)?))
        };
        self.locals(HEARD)?.into_iter().map(one).collect()
    }

    /// The records that the peer has answered with anything but "applied" since both sides were
    /// last equal.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn unsettled(&self) -> Result<BTreeMap<RecordKey, Unsettled>, StoreError> {
        let mut all = BTreeMap::new();
        for (name, value) in self.locals(UNSETTLED)? {
            let key = unsettled_key(&name).ok_or_else(|| damaged("the name of a record"))?;
            let entry = UnsettledWire::decode(value).map_err(|_e| damaged("an answer"))?;
            let entry = Unsettled {
                outcome: entry.outcome,
                code: entry.code,
                at_ms: entry.at_ms,
            };
            all.insert(key, entry);
        }
        Ok(all)
    }

    /// Takes down everything that the store holds.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn survey(&self) -> Result<Survey, StoreError> {
        Survey::of_store(&*self.shared.store)
    }

    /// Walks the own journals from their first entry and proves the chain of each. Returns the
    /// places where entries are missing or are not those that were written.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn journal_breaks(&self) -> Result<Vec<JournalBreak>, StoreError> {
        let mut breaks = Vec::new();
        let mut at: Option<(Incarnation, Counter, Option<Head>)> = None;
        self.all(b'J', &mut |key, value| {
            let incarnation = Incarnation(keys::u64_at(key, 1)?);
            let page = JournalPage::decode(value).ok()?;
            let (counter, head) = match at {
                Some((same, counter, head)) if same == incarnation => (counter, head),
                _ => (0, Some(Head::default())),
            };
            if page.first > counter + 1 {
                breaks.push(JournalBreak {
                    incarnation,
                    from: counter + 1,
                    to: page.first - 1,
                });
            }
            // Behind a gap the chain cannot be proved before the next page.
            let known = head.filter(|_| page.first == counter + 1);
            let link = |head: Head, hash: &[u8]| Some(chain(head, &hash.try_into().ok()?));
            let reached = known.map(|head| {
                let mut hashes = page.entries.iter().map(|entry| entry.hash.as_slice());
                hashes.try_fold(head, link)
            });
            let said = Head::try_from(page.head.as_slice()).ok()?;
            let last = page.first + page.entries.len() as u64 - 1;
            if reached.is_some_and(|reached| reached != Some(said)) {
                breaks.push(JournalBreak {
                    incarnation,
                    from: page.first,
                    to: last,
                });
            }
            at = Some((incarnation, last, Some(said)));
            Some(())
        })?;
        Ok(breaks)
    }
}

//! The peers of a replica: their numbers, both checkpoints, what they must take back.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use prost::Message as _;
use proto::stored::{PeerScope, Quarantine, Refusal};
use replica::{
    Dot, Incarnation, Kind, Record, RecordId, RecordKey, ReplicaId, ScopeId, Seq,
    session::FeedPoint,
};

use super::{HeldBack, Refused, Rules, erase::Changes, seq_of};
use crate::{
    Ledger, Store, StoreError, keys,
    wire::{self, dot_of, print_of},
};

#[derive(Clone, Debug)]
struct Peer {
    replica: ReplicaId,
    scope: ScopeId,
}

/// What `status` shows of one peer in one scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerStatus {
    /// The peer.
    pub replica: ReplicaId,
    /// The scope.
    pub scope: ScopeId,
    /// How far the peer has durably taken our feed.
    pub sent: Seq,
    /// The same as a point of our feed.
    pub sent_at: FeedPoint,
    /// How far we have taken the peer's feed.
    pub received: Seq,
    /// Changes of our feed that the peer has not acked.
    pub pending: u64,
    /// Whether both sides were last found equal at the very ends where they stand; none before the
    /// first time.
    pub equal: Option<bool>,
}

/// Something under way with a peer in a scope, until both are found equal there. It stands in the
/// store, because a line may be cut in the middle.
#[derive(Debug)]
pub(super) struct Marks {
    key: fn(u32, u32) -> Vec<u8>,
    of: BTreeSet<(u32, u32)>,
}

impl Marks {
    fn new(key: fn(u32, u32) -> Vec<u8>) -> Self {
        let of = BTreeSet::new();
        Self { key, of }
    }

    /// Returns the key to store when the mark is news.
    pub(super) fn set(&mut self, peer: u32, scope: u32) -> Option<Vec<u8>> {
        let news = self.of.insert((peer, scope));
        news.then(|| (self.key)(peer, scope))
    }

    pub(super) fn has(&self, peer: u32, scope: u32) -> bool {
        self.of.contains(&(peer, scope))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// The numbers of the peers with a mark in any scope.
    pub(super) fn peers(&self) -> impl Iterator<Item = u32> {
        let peers: BTreeSet<u32> = self.of.iter().map(|(peer, _)| *peer).collect();
        peers.into_iter()
    }

    /// Returns the key to remove when there was a mark.
    pub(super) fn clear(&mut self, peer: u32, scope: u32) -> Option<Vec<u8>> {
        let news = self.of.remove(&(peer, scope));
        news.then(|| (self.key)(peer, scope))
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Peers {
    peers: BTreeMap<u32, Peer>,
    scopes: BTreeMap<(u32, u32), PeerScope>,
    refusals: BTreeMap<(u32, Dot), Refusal>,
    /// The refusals that are not confirmed, by record.
    unconfirmed: BTreeSet<(u32, RecordKey, Dot)>,
    /// In these scopes the peer may give back what this replica has forgotten.
    pub(super) refills: Marks,
    /// In these scopes the peer, which was restored, gets back what it lacks.
    pub(super) wanting: Marks,
    /// By name, and by content: after a rollback one name may have had two.
    drafts: BTreeMap<(Dot, u64), Refusal>,
    quarantine: BTreeMap<(u32, RecordKey), Quarantine>,
}

fn damaged(what: &str) -> StoreError {
    StoreError::Damaged {
        what: what.to_owned(),
    }
}

impl Peers {
    pub(super) fn load(store: &dyn Store) -> Result<Self, StoreError> {
        let mut peers = Self {
            peers: BTreeMap::new(),
            scopes: BTreeMap::new(),
            refusals: BTreeMap::new(),
            unconfirmed: BTreeSet::new(),
            refills: Marks::new(keys::refill),
            wanting: Marks::new(keys::wanting),
            drafts: BTreeMap::new(),
            quarantine: BTreeMap::new(),
        };
        let (from, to) = keys::all(b'N');
        store.scan(&from, &to, &mut |key, value| {
            let replica = key.get(1..).and_then(|id| ReplicaId::try_from(id).ok());
            let scope = value.get(4..).and_then(|id| ScopeId::try_from(id).ok());
            let parsed = keys::u32_at(&value, 0).zip(replica).zip(scope);
            let ((number, replica), scope) = parsed.ok_or_else(|| damaged("peer"))?;
            peers.peers.insert(number, Peer { replica, scope });
            Ok(())
        })?;
        let (from, to) = keys::all(b'K');
        store.scan(&from, &to, &mut |key, value| {
            let numbers = keys::u32_at(key, 1).zip(keys::u32_at(key, 5));
            let numbers = numbers.ok_or_else(|| damaged("checkpoint"))?;
            let state = PeerScope::decode(value).map_err(|_e| damaged("checkpoint"))?;
            peers.scopes.insert(numbers, state);
            Ok(())
        })?;
        for (letter, marks) in [(b'F', &mut peers.refills), (b'W', &mut peers.wanting)] {
            let (from, to) = keys::all(letter);
            store.scan(&from, &to, &mut |key, _| {
                let numbers = keys::u32_at(key, 1).zip(keys::u32_at(key, 5));
                marks
                    .of
                    .insert(numbers.ok_or_else(|| damaged("mark of a peer"))?);
                Ok(())
            })?;
        }
        let (from, to) = keys::all(b'X');
        store.scan(&from, &to, &mut |key, value| {
            let peer = keys::u32_at(key, 1).ok_or_else(|| damaged("refusal"))?;
            let refusal = Refusal::decode(value).map_err(|_e| damaged("refusal"))?;
            peers.note(peer, &refusal);
            peers.refusals.insert((peer, dot_of(&refusal)), refusal);
            Ok(())
        })?;
        let (from, to) = keys::all(b'D');
        store.scan(&from, &to, &mut |_, value| {
            let refusal = Refusal::decode(value).map_err(|_e| damaged("draft"))?;
            let entry = (dot_of(&refusal), print_of(&refusal));
            peers.drafts.insert(entry, refusal);
            Ok(())
        })?;
        let (from, to) = keys::all(b'Q');
        store.scan(&from, &to, &mut |_, value| {
            let entry = Quarantine::decode(value).map_err(|_e| damaged("quarantine"))?;
            let number = peers.number_of(&entry.peer).unwrap_or(0);
            let key = key_of(entry.kind, &entry.id);
            peers.quarantine.insert((number, key), entry);
            Ok(())
        })?;
        Ok(peers)
    }

    /// The number of a peer, given at its first session.
    pub(super) fn number(
        &mut self,
        replica: ReplicaId,
        scope: ScopeId,
        ledger: &mut Ledger,
    ) -> u32 {
        let known = self
            .peers
            .iter()
            .find(|(_, p)| p.replica == replica)
            .map(|(n, p)| (*n, p.scope));
        let number = match known {
            Some((number, known)) if known == scope => return number,
            Some((number, _)) => number,
            None => self.peers.keys().next_back().map_or(1, |last| last + 1),
        };
        let mut value = number.to_be_bytes().to_vec();
        value.extend_from_slice(&scope.0);
        ledger.stage(keys::peer(replica), Some(value));
        self.peers.insert(number, Peer { replica, scope });
        number
    }

    /// The scope that a replica was last seen with.
    pub(super) fn scope_of(&self, replica: ReplicaId) -> Option<ScopeId> {
        self.peers
            .values()
            .find(|peer| peer.replica == replica)
            .map(|peer| peer.scope)
    }

    /// How far the peer's feed was taken here.
    pub(super) fn taken(&self, peer: u32, scope: u32) -> FeedPoint {
        let state = self.scopes.get(&(peer, scope));
        point(state.and_then(|state| state.taken.as_ref()))
    }

    /// How far the peer has taken our feed.
    pub(super) fn acked(&self, peer: u32, scope: u32) -> FeedPoint {
        let state = self.scopes.get(&(peer, scope));
        point(state.and_then(|state| state.acked.as_ref()))
    }

    /// Notes how far the peer's feed was taken. Returns what to store.
    pub(super) fn set_taken(&mut self, peer: u32, scope: u32, at: FeedPoint) -> (Vec<u8>, Vec<u8>) {
        let state = self.scopes.entry((peer, scope)).or_default();
        state.taken = stored(at);
        (keys::peer_scope(peer, scope), state.encode_to_vec())
    }

    /// Notes how far the peer has taken our feed. Returns what to store.
    pub(super) fn set_acked(&mut self, peer: u32, scope: u32, at: FeedPoint) -> (Vec<u8>, Vec<u8>) {
        let state = self.scopes.entry((peer, scope)).or_default();
        state.acked = stored(at);
        (keys::peer_scope(peer, scope), state.encode_to_vec())
    }

    /// Keeps the newest receipt of a peer. It is stored with the checkpoint that it goes with.
    pub(super) fn set_receipt(&mut self, peer: u32, scope: u32, receipt: &[u8]) {
        let state = self.scopes.entry((peer, scope)).or_default();
        state.receipt = receipt.to_vec();
    }

    /// The newest receipt of each peer and scope, by the scope's number.
    pub(super) fn receipts(&self) -> impl Iterator<Item = (ReplicaId, u32, &[u8])> {
        let kept = self.scopes.iter().filter(|(_, s)| !s.receipt.is_empty());
        kept.filter_map(|((peer, scope), state)| {
            let peer = self.peers.get(peer)?;
            Some((peer.replica, *scope, state.receipt.as_slice()))
        })
    }

    /// The sequence that every peer of a scope has acked; none without a peer.
    pub(super) fn least_acked(&self, scope: u32) -> Option<Seq> {
        let of_scope = self.scopes.iter().filter(|((_, s), _)| *s == scope);
        of_scope
            .map(|(_, state)| seq_of(state.acked.as_ref()))
            .min()
    }

    /// Notes the ends at which both sides are equal. What is to be stored goes with the next
    /// checkpoint.
    pub(super) fn set_equal(&mut self, peer: u32, scope: u32, ours: Seq, theirs: Seq) {
        let state = self.scopes.entry((peer, scope)).or_default();
        (state.equal_ours, state.equal_theirs) = (Some(ours.0), Some(theirs.0));
    }

    /// Keeps a refusal until the peer has taken the write back.
    pub(super) fn refuse(&mut self, peer: u32, refusal: Refusal) -> (Vec<u8>, Vec<u8>) {
        let dot = dot_of(&refusal);
        let value = refusal.encode_to_vec();
        self.note(peer, &refusal);
        self.refusals.insert((peer, dot), refusal);
        (keys::refusal(peer, dot), value)
    }

    fn note(&mut self, peer: u32, refusal: &Refusal) {
        let entry = (peer, key_of(refusal.kind, &refusal.id), dot_of(refusal));
        if refusal.confirmed {
            self.unconfirmed.remove(&entry);
        } else {
            self.unconfirmed.insert(entry);
        }
    }

    pub(super) fn is_refused(&self, peer: u32, dot: Dot) -> bool {
        self.refusals.contains_key(&(peer, dot))
    }

    /// The code with which a write was refused to a peer.
    pub(super) fn code_of(&self, peer: u32, dot: Dot) -> String {
        let refusal = self.refusals.get(&(peer, dot));
        refusal.map_or_else(String::new, |refusal| refusal.code.clone())
    }

    /// Refusals that a peer has not confirmed.
    pub(super) fn unconfirmed(&self, peer: u32) -> impl Iterator<Item = &Refusal> {
        let of_peer = self.unconfirmed.iter().filter(move |(p, ..)| *p == peer);
        of_peer.filter_map(|(p, _, dot)| self.refusals.get(&(*p, *dot)))
    }

    /// The peer has taken a write back. Returns what to store when that is news.
    pub(super) fn confirm(&mut self, peer: u32, dot: Dot) -> Option<(Vec<u8>, Vec<u8>)> {
        self.set_confirmed(peer, dot, true)
    }

    /// The peer shows a refused write again. Returns what to store when that is news.
    pub(super) fn reopen(&mut self, peer: u32, dot: Dot) -> Option<(Vec<u8>, Vec<u8>)> {
        self.set_confirmed(peer, dot, false)
    }

    fn set_confirmed(
        &mut self,
        peer: u32,
        dot: Dot,
        confirmed: bool,
    ) -> Option<(Vec<u8>, Vec<u8>)> {
        let refusal = self.refusals.get_mut(&(peer, dot))?;
        if refusal.confirmed == confirmed {
            return None;
        }
        refusal.confirmed = confirmed;
        let refusal = refusal.clone();
        self.note(peer, &refusal);
        Some((keys::refusal(peer, dot), refusal.encode_to_vec()))
    }

    /// Every refusal of a peer is confirmed. Returns what to store of those for which it is news.
    pub(super) fn confirm_all(&mut self, peer: u32) -> Vec<(Vec<u8>, Vec<u8>)> {
        let dots: Vec<Dot> = self.unconfirmed(peer).map(dot_of).collect();
        dots.into_iter()
            .filter_map(|dot| self.confirm(peer, dot))
            .collect()
    }

    /// The refused writes of one record that a peer has not confirmed.
    pub(super) fn unconfirmed_of(&self, peer: u32, key: RecordKey) -> Vec<Dot> {
        let (first, last) = (Incarnation(0), Incarnation(u64::MAX));
        let from = (
            peer,
            key,
            Dot {
                incarnation: first,
                counter: 0,
            },
        );
        let to = (
            peer,
            key,
            Dot {
                incarnation: last,
                counter: u64::MAX,
            },
        );
        let of_record = self.unconfirmed.range(from..=to);
        of_record.map(|(_, _, dot)| *dot).collect()
    }

    /// The replica of a peer's number.
    pub(super) fn replica(&self, number: u32) -> Option<ReplicaId> {
        self.peers.get(&number).map(|peer| peer.replica)
    }

    /// Every peer by its number, with its scope.
    pub(super) fn all(&self) -> Vec<(u32, ScopeId)> {
        self.peers
            .iter()
            .map(|(n, peer)| (*n, peer.scope))
            .collect()
    }

    pub(super) fn number_of(&self, replica: &[u8]) -> Option<u32> {
        let mut known = self.peers.iter();
        known
            .find(|(_, peer)| peer.replica.0 == replica)
            .map(|(number, _)| *number)
    }

    /// Keeps a write of ours that was taken back.
    pub(super) fn draft(&mut self, draft: Refusal) -> (Vec<u8>, Vec<u8>) {
        let (dot, print) = (dot_of(&draft), print_of(&draft));
        let value = draft.encode_to_vec();
        self.drafts.insert((dot, print), draft);
        (keys::draft(dot, print), value)
    }

    pub(super) fn has_draft(&self, dot: Dot) -> bool {
        self.drafts
            .range((dot, 0)..=(dot, u64::MAX))
            .next()
            .is_some()
    }

    /// The drafts with a code.
    pub(super) fn drafts_of(&self, code: &str) -> Vec<Refusal> {
        let of_code = self.drafts.values().filter(|draft| draft.code == code);
        of_code.cloned().collect()
    }

    /// Forgets the drafts of a name. Returns the keys to remove.
    pub(super) fn drop_drafts(&mut self, dot: Dot) -> Vec<Vec<u8>> {
        let of_dot = self.drafts.range((dot, 0)..=(dot, u64::MAX));
        let prints: Vec<u64> = of_dot.map(|((_, print), _)| *print).collect();
        let mut keys = Vec::new();
        for print in prints {
            self.drafts.remove(&(dot, print));
            keys.push(keys::draft(dot, print));
            // As an older program stored it.
            let mut older = keys::draft(dot, print);
            older.truncate(older.len() - 8);
            keys.push(older);
        }
        keys
    }

    /// Holds a record back from a peer.
    pub(super) fn hold_back(&mut self, peer: u32, entry: Quarantine) -> (Vec<u8>, Vec<u8>) {
        let key = key_of(entry.kind, &entry.id);
        let value = entry.encode_to_vec();
        self.quarantine.insert((peer, key), entry);
        (keys::quarantine(peer, key), value)
    }

    pub(super) fn held(&self, peer: u32, key: RecordKey) -> Option<&Quarantine> {
        self.quarantine.get(&(peer, key))
    }

    /// What is held back from a peer.
    pub(super) fn held_from(&self, peer: u32) -> Vec<RecordKey> {
        let of_peer = self.quarantine.keys().filter(|(p, _)| *p == peer);
        of_peer.map(|(_, key)| *key).collect()
    }

    /// Erases the writes of a record that were refused to peers.
    pub(super) fn erase_refusals(&mut self, key: RecordKey, rules: &Rules, out: &mut Changes) {
        for ((peer, dot), refusal) in &mut self.refusals {
            if goes_with(
                rules,
                key_of(refusal.kind, &refusal.id),
                &refusal.siblings,
                key,
            ) && let Some(erased) = rules.erasure.erase_refusal(refusal)
            {
                out.push((keys::refusal(*peer, *dot), Some(erased.encode_to_vec())));
                *refusal = erased;
            }
        }
    }

    /// Erases the writes of a record that were taken back.
    pub(super) fn erase_drafts(&mut self, key: RecordKey, rules: &Rules, out: &mut Changes) {
        let of_key = self.drafts.values().filter(|draft| {
            let of = key_of(draft.kind, &draft.id);
            goes_with(rules, of, &draft.siblings, key)
        });
        let changed = of_key.filter_map(|draft| {
            let erased = rules.erasure.erase_refusal(draft)?;
            Some((dot_of(draft), print_of(draft), erased))
        });
        for (dot, print, erased) in changed.collect::<Vec<_>>() {
            self.drafts.remove(&(dot, print));
            let former = keys::draft(dot, print);
            // Also as an older program stored it.
            let older = former.get(..former.len() - 8).map(<[u8]>::to_vec);
            out.extend(older.into_iter().chain([former]).map(|key| (key, None)));
            let (key, value) = self.draft(erased);
            out.push((key, Some(value)));
        }
    }

    /// Erases the states of a record that are held back.
    pub(super) fn erase_held(&mut self, key: RecordKey, rules: &Rules, out: &mut Changes) {
        for ((peer, of), held) in &mut self.quarantine {
            if goes_with(rules, *of, &held.theirs, key)
                && let Some(erased) = rules.erasure.erase_held(held)
            {
                out.push((keys::quarantine(*peer, *of), Some(erased.encode_to_vec())));
                *held = erased;
            }
        }
    }

    /// The peers from which a record is held back.
    pub(super) fn holding(&self, key: RecordKey) -> Vec<u32> {
        let of_key = self.quarantine.keys().filter(|(_, k)| *k == key);
        of_key.map(|(peer, _)| *peer).collect()
    }

    /// Holds a record back no longer. Returns the keys to remove when that is news.
    pub(super) fn let_go(&mut self, peer: u32, key: RecordKey) -> Vec<Vec<u8>> {
        if self.quarantine.remove(&(peer, key)).is_none() {
            return Vec::new();
        }
        let now = keys::quarantine(peer, key);
        // As an older program stored it, without the peer.
        let mut older = now.clone();
        older.drain(1..5);
        vec![now, older]
    }

    pub(super) fn quarantined(&self) -> Vec<HeldBack> {
        let entries = self.quarantine.iter();
        entries
            .map(|((_, key), entry)| HeldBack {
                key: *key,
                code: entry.code.clone(),
                peer: ReplicaId::try_from(entry.peer.as_slice()).unwrap_or(ReplicaId([0; 16])),
                theirs: Bytes::from(entry.theirs.clone()),
                at_ms: entry.at_ms,
            })
            .collect()
    }

    /// Every write that was refused to a peer or taken back here.
    pub(super) fn drafts(&self) -> Vec<Refused> {
        let refused = |refusal: &Refusal, peer: Option<ReplicaId>| Refused {
            dot: dot_of(refusal),
            key: key_of(refusal.kind, &refusal.id),
            code: refusal.code.clone(),
            at_ms: refusal.at_ms,
            peer,
            siblings: Bytes::from(refusal.siblings.clone()),
            confirmed: refusal.confirmed,
        };
        let own = self.drafts.values().map(|draft| refused(draft, None));
        let of_peers = self.refusals.iter().map(|((peer, _), refusal)| {
            refused(refusal, self.peers.get(peer).map(|peer| peer.replica))
        });
        own.chain(of_peers).collect()
    }

    pub(super) fn status(
        &self,
        ends: &BTreeMap<ScopeId, FeedPoint>,
        ledger: &Ledger,
    ) -> Vec<PeerStatus> {
        let reader = ledger.reader();
        let mut all = Vec::new();
        for ((peer, scope), state) in &self.scopes {
            let (Some(peer_of), Some(id)) = (self.peers.get(peer), reader.scope_id(*scope)) else {
                continue;
            };
            let end = ends.get(&id).map_or(Seq(0), |end| end.seq);
            let (sent, received) = (seq_of(state.acked.as_ref()), seq_of(state.taken.as_ref()));
            all.push(PeerStatus {
                replica: peer_of.replica,
                scope: id,
                sent,
                sent_at: point(state.acked.as_ref()),
                received,
                pending: end.0.saturating_sub(sent.0),
                equal: state
                    .equal_ours
                    .zip(state.equal_theirs)
                    .map(|at| at == (end.0, received.0)),
            });
        }
        all
    }
}

fn stored(at: FeedPoint) -> Option<proto::stored::FeedPoint> {
    let head = at.head.0.to_vec();
    Some(proto::stored::FeedPoint {
        seq: at.seq.0,
        head,
        schema: 0,
    })
}

fn point(stored: Option<&proto::stored::FeedPoint>) -> FeedPoint {
    stored.map_or_else(FeedPoint::default, |p| FeedPoint {
        seq: Seq(p.seq),
        head: replica::Head::try_from(p.head.as_slice()).unwrap_or_default(),
    })
}

/// Whether what is kept of one record goes when another is erased: it is of that record, or says that
/// it goes with it.
fn goes_with(rules: &Rules, of: RecordKey, kept: &[u8], erased: RecordKey) -> bool {
    if of == erased {
        return true;
    }
    let names = |kept: &[u8]| {
        let record = Record::decode(&Bytes::copy_from_slice(kept)).ok()?;
        (rules.parent)(&record)
    };
    rules.erasure.goes_with_parent(of.kind) && names(kept) == Some(erased)
}

/// The record that a message names; what is malformed names none that exists.
pub(super) fn key_of(kind: u32, id: &[u8]) -> RecordKey {
    wire::key_of(kind, id).unwrap_or(RecordKey {
        kind: Kind(kind),
        id: RecordId([0; 16]),
    })
}

/// A refusal or a draft, with the siblings it concerns.
pub(super) fn refusal(
    key: RecordKey,
    dot: Dot,
    code: &str,
    siblings: &Bytes,
    at_ms: u64,
) -> Refusal {
    Refusal {
        incarnation: dot.incarnation.0,
        counter: dot.counter,
        kind: key.kind.0,
        id: key.id.0.to_vec(),
        code: code.to_owned(),
        siblings: siblings.to_vec(),
        confirmed: false,
        at_ms: i64::try_from(at_ms).unwrap_or(i64::MAX),
    }
}

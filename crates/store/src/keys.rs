//! The keys of the one tree. The first byte says what lies there.
//!
//! | key | value | written by |
//! | --- | --- | --- |
//! | `R` scope u32, seq u64 | origin u32, flags u8, leaf, parent kind u32 and id where the flag says so, record bytes: the record, and its place in the feed | every change |
//! | `H` scope, seq of the first entry | `HistoryPage`: what each change replaced | changes of existing records |
//! | `E` scope, seq | head, origin u32: the end of one section of the feed | every section |
//! | `S` scope | scope id, seq, head, fingerprint root | every commit of the scope |
//! | `J` incarnation u64, last counter u64 | `JournalPage` | every commit of own writes |
//! | `P` incarnation | `Position` | when it changes |
//! | `O` incarnation | `Position`, as a store had it that a restore has replaced by this one | restores |
//! | `N` replica | peer number u32, scope id | first session |
//! | `K` peer u32, scope u32 | `PeerScope`: both checkpoints | batches and acks |
//! | `F` peer u32, scope u32 | nothing: the peer may give back what a restore took from this hub | sessions |
//! | `W` peer u32, scope u32 | nothing: the peer was restored, and gets back what it lacks | sessions |
//! | `X` peer u32, dot | `Refusal` that the peer must take back | refusals |
//! | `D` dot, print u64 | `Refusal`: a write of ours that was taken back; without the print in older stores | taking back |
//! | `Q` peer u32, kind u32, id | `Quarantine`; without the peer in older stores | collisions |
//! | `G` kind u32, id, scope id | nothing: the record is lent to the scope | what refers to it |
//! | `T` incarnation, counter | journal head there: the end of a commit of a node, at the hub | batches |
//! | `B` incarnation | nothing: a copy of its replica went on without it | sessions |
//! | `Z` replica | nothing: the node is fenced | a person |
//! | `A` peer u32, scope u32, first seq u64 | `ArrivalPage`: when changes of the feed were durable at the peer, or here (0) | commits and acks, once a minute |
//! | `L` name | what the programs keep for themselves; no feed carries it | programs |
//!
//! Numbers are big-endian, so that byte order is number order. Scopes and peers are interned:
//! their numbers are local to the store.

use replica::{Dot, Incarnation, RecordKey, ReplicaId, ScopeId};

fn key(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + parts.iter().map(|part| part.len()).sum::<usize>());
    key.push(kind);
    parts.iter().for_each(|part| key.extend_from_slice(part));
    key
}

pub(crate) fn record(scope: u32, seq: u64) -> Vec<u8> {
    key(b'R', &[&scope.to_be_bytes(), &seq.to_be_bytes()])
}

pub(crate) fn history(scope: u32, seq: u64) -> Vec<u8> {
    key(b'H', &[&scope.to_be_bytes(), &seq.to_be_bytes()])
}

pub(crate) fn end(scope: u32, seq: u64) -> Vec<u8> {
    key(b'E', &[&scope.to_be_bytes(), &seq.to_be_bytes()])
}

pub(crate) fn scope(scope: u32) -> Vec<u8> {
    key(b'S', &[&scope.to_be_bytes()])
}

pub(crate) fn journal(incarnation: Incarnation, counter: u64) -> Vec<u8> {
    key(
        b'J',
        &[&incarnation.0.to_be_bytes(), &counter.to_be_bytes()],
    )
}

pub(crate) fn position(incarnation: Incarnation) -> Vec<u8> {
    key(b'P', &[&incarnation.0.to_be_bytes()])
}

pub(crate) fn former(incarnation: Incarnation) -> Vec<u8> {
    key(b'O', &[&incarnation.0.to_be_bytes()])
}

pub(crate) fn peer(replica: ReplicaId) -> Vec<u8> {
    key(b'N', &[&replica.0])
}

pub(crate) fn peer_scope(peer: u32, scope: u32) -> Vec<u8> {
    key(b'K', &[&peer.to_be_bytes(), &scope.to_be_bytes()])
}

pub(crate) fn refill(peer: u32, scope: u32) -> Vec<u8> {
    key(b'F', &[&peer.to_be_bytes(), &scope.to_be_bytes()])
}

pub(crate) fn wanting(peer: u32, scope: u32) -> Vec<u8> {
    key(b'W', &[&peer.to_be_bytes(), &scope.to_be_bytes()])
}

pub(crate) fn refusal(peer: u32, dot: Dot) -> Vec<u8> {
    let (incarnation, counter) = (dot.incarnation.0.to_be_bytes(), dot.counter.to_be_bytes());
    key(b'X', &[&peer.to_be_bytes(), &incarnation, &counter])
}

pub(crate) fn draft(dot: Dot, print: u64) -> Vec<u8> {
    let (incarnation, counter) = (dot.incarnation.0.to_be_bytes(), dot.counter.to_be_bytes());
    key(b'D', &[&incarnation, &counter, &print.to_be_bytes()])
}

pub(crate) fn quarantine(peer: u32, record: RecordKey) -> Vec<u8> {
    let kind = record.kind.0.to_be_bytes();
    key(b'Q', &[&peer.to_be_bytes(), &kind, &record.id.0])
}

pub(crate) fn loan(record: RecordKey, scope: ScopeId) -> Vec<u8> {
    key(
        b'G',
        &[&record.kind.0.to_be_bytes(), &record.id.0, &scope.0],
    )
}

pub(crate) fn point(incarnation: Incarnation, counter: u64) -> Vec<u8> {
    key(
        b'T',
        &[&incarnation.0.to_be_bytes(), &counter.to_be_bytes()],
    )
}

pub(crate) fn left_behind(incarnation: Incarnation) -> Vec<u8> {
    key(b'B', &[&incarnation.0.to_be_bytes()])
}

pub(crate) fn fenced(replica: ReplicaId) -> Vec<u8> {
    key(b'Z', &[&replica.0])
}

/// A page of the arrivals at a peer, or here, in the feed of a scope.
pub(crate) fn arrivals((peer, scope): (u32, u32), first: u64) -> Vec<u8> {
    let (peer, scope) = (peer.to_be_bytes(), scope.to_be_bytes());
    key(b'A', &[&peer, &scope, &first.to_be_bytes()])
}

/// All of them: from, to.
pub(crate) fn arrivals_of(lane: (u32, u32)) -> (Vec<u8>, Vec<u8>) {
    (arrivals(lane, 0), arrivals(lane, u64::MAX))
}

pub(crate) fn local(name: &str) -> Vec<u8> {
    key(b'L', &[name.as_bytes()])
}

/// All keys that begin with one byte.
pub(crate) fn all(kind: u8) -> (Vec<u8>, Vec<u8>) {
    (vec![kind], vec![kind + 1])
}

/// Reads a big-endian number at a place in a key.
pub(crate) fn u32_at(key: &[u8], at: usize) -> Option<u32> {
    let bytes = key.get(at..at + 4)?;
    bytes.try_into().ok().map(u32::from_be_bytes)
}

/// Reads a big-endian number at a place in a key.
pub(crate) fn u64_at(key: &[u8], at: usize) -> Option<u64> {
    let bytes = key.get(at..at + 8)?;
    bytes.try_into().ok().map(u64::from_be_bytes)
}

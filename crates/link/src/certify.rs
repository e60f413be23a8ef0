//! Proof between a node and the hub: comparing at a named cut, the certificate that nothing was
//! lost, and receipts of deliveries.
//!
//! The node asks; both sides read their journals beside their writers and say what became of every
//! write; each signs its own statement with the key of its certificate. Whoever holds the
//! authority's certificate can check the result without either store. By a line both do so at once,
//! by sticks one after the other (`bundle/proof.rs`).

mod answer;
mod ask;
mod check;
mod holdings;
mod receipt;
mod sign;
mod state;

use prost::Message as _;
use proto::stored::{Certificate, Cut, CutPoint, Reached as ReachedWire, RecordName, Statement};
use proto::sync::{Name as NameWire, Names as NamesWire, Position};
use replica::account::Names;
use replica::{
    Bucket, Dot, Head, Incarnation, Kind, RecordId, RecordKey, RegisterId, ReplicaId, ScopeId,
    session::FeedPoint,
};
use store::{Account, Extract, Grounds, Handle, HostError, Reached};

pub use answer::ProofService;
pub use ask::{Comparison, Outcome, ProofError, Prover};
pub use check::{Checked, Fault, check};
pub use holdings::{Holdings, holdings};
pub use receipt::{CheckedReceipt, check_receipt};
pub(crate) use receipt::{complete, receipted};
pub use sign::{SignatureFault, Signer};
pub(crate) use state::{StateError, Stating, accepted, answer, claims_of};

/// The number of the certificate's form.
pub(crate) const FORMAT: u32 = 1;

/// What a file of a certificate begins with.
const MAGIC: &[u8] = b"LXCERT1\n";

/// What a file of a receipt begins with.
const RECEIPT_MAGIC: &[u8] = b"LXRCPT1\n";

/// The local name under which certificates are kept: then the node, then the time.
pub const CERTIFICATES: &str = "certificate/";

/// Certificates of one node that are kept; the oldest makes room.
const KEPT_MAX: usize = 12;

/// Names in one message: a third of a megabyte as a rule.
const NAMES_MAX: usize = 8_192;

/// Messages on their way; each has up to half a megabyte.
const MESSAGES: usize = 4;

/// Writes a certificate as a file.
#[must_use]
pub fn certificate_file(certificate: &Certificate) -> Vec<u8> {
    [MAGIC, &certificate.encode_to_vec()].concat()
}

/// Reads the file of a certificate. Nothing of it is believed yet.
#[must_use]
pub fn read_certificate(file: &[u8]) -> Option<Certificate> {
    Certificate::decode(file.strip_prefix(MAGIC)?).ok()
}

/// Writes a signed receipt as a file.
#[must_use]
pub fn receipt_file(signed: &[u8]) -> Vec<u8> {
    [RECEIPT_MAGIC, signed].concat()
}

/// Returns the signed receipt in a file.
#[must_use]
pub fn read_receipt(file: &[u8]) -> Option<&[u8]> {
    file.strip_prefix(RECEIPT_MAGIC)
}

/// Keeps a certificate under its node and time, once. Blocks until it is durable. Returns whether it
/// was not there yet: a stick may bring it twice.
///
/// # Errors
/// The store failed, or the writer has ended.
pub(crate) fn keep(
    writer: &Handle,
    node: ReplicaId,
    at_ms: u64,
    certificate: &Certificate,
) -> Result<bool, HostError> {
    let of_node = format!("{CERTIFICATES}{node}/");
    let kept = writer.reader().locals(&of_node)?;
    let file = certificate_file(certificate);
    if kept.iter().any(|(_, held)| held.as_ref() == file) {
        return Ok(false);
    }
    let many = (kept.len() + 1).saturating_sub(KEPT_MAX);
    let mut local: Vec<_> = kept
        .into_iter()
        .take(many)
        .map(|(name, _)| (name, None))
        .collect();
    let name = format!("{of_node}{at_ms:015}");
    local.push((name, Some(file)));
    writer.edit(Vec::new(), local)?;
    Ok(true)
}

/// Both sides at one cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sides {
    pub(crate) scope: ScopeId,
    pub(crate) node: ReplicaId,
    pub(crate) hub: ReplicaId,
}

pub(crate) fn cut_of(
    sides: Sides,
    (node, hub): (FeedPoint, FeedPoint),
    left_out: &[RecordKey],
    root: Bucket,
) -> Cut {
    Cut {
        scope: sides.scope.0.to_vec(),
        node: sides.node.0.to_vec(),
        hub: sides.hub.0.to_vec(),
        node_end: Some(point(node)),
        hub_end: Some(point(hub)),
        left_out: left_out.iter().copied().map(record_name).collect(),
        root: root.to_bytes().to_vec(),
        records: root.count,
    }
}

pub(crate) fn point(at: FeedPoint) -> CutPoint {
    CutPoint {
        seq: at.seq.0,
        head: at.head.0.to_vec(),
    }
}

fn statement(
    cut: Cut,
    replica: ReplicaId,
    at_ms: u64,
    account: Account,
    known: &[Reached],
) -> Statement {
    Statement {
        cut: Some(cut),
        replica: replica.0.to_vec(),
        at_ms: i64::try_from(at_ms).unwrap_or(i64::MAX),
        lives: account.lives,
        listed: account.listed,
        other: known.iter().map(reached_to_wire).collect(),
    }
}

pub(crate) fn record_name(key: RecordKey) -> RecordName {
    RecordName {
        kind: key.kind.0,
        id: key.id.0.to_vec(),
    }
}

pub(crate) fn key_of(kind: u32, id: &[u8]) -> Option<RecordKey> {
    Some(RecordKey {
        kind: Kind(kind),
        id: RecordId::try_from(id).ok()?,
    })
}

/// The records that either side holds back, ascending, each once.
pub(crate) fn union(ours: &[RecordKey], theirs: &[RecordName]) -> Vec<RecordKey> {
    let mut all: Vec<RecordKey> = theirs
        .iter()
        .filter_map(|name| key_of(name.kind, &name.id))
        .chain(ours.iter().copied())
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn reached_to_wire((incarnation, counter, head): &Reached) -> ReachedWire {
    ReachedWire {
        incarnation: incarnation.0,
        counter: *counter,
        head: known_head(*head),
    }
}

fn known_head(head: Head) -> Vec<u8> {
    if head == Head::default() {
        return Vec::new();
    }
    head.0.to_vec()
}

/// Positions of the other side's incarnations, as it is told them.
pub(crate) fn positions_to_wire(replica: ReplicaId, known: &[Reached]) -> Vec<Position> {
    let wire = |(incarnation, counter, head): &Reached| Position {
        incarnation: incarnation.0,
        counter: *counter,
        head: known_head(*head),
        replica: replica.0.to_vec(),
    };
    known.iter().map(wire).collect()
}

/// What the other side says of our incarnations; anything else it says is passed over.
pub(crate) fn positions_from_wire(own: ReplicaId, told: &[Position]) -> Vec<Reached> {
    let ours = told.iter().filter(|position| position.replica == own.0);
    let reached = |position: &Position| {
        let counter = position.counter.min(replica::limits::COUNTER_MAX);
        let head = Head::try_from(position.head.as_slice()).unwrap_or_default();
        (Incarnation(position.incarnation), counter, head)
    };
    ours.take(replica::limits::INCARNATIONS_MAX)
        .map(reached)
        .collect()
}

/// The names of an extract that the other side cannot see by itself, in messages.
pub(crate) fn names_to_wire(extract: &Extract) -> impl Iterator<Item = NamesWire> + '_ {
    let wire = |(name, replaced): (&replica::account::Name, &Vec<Dot>)| NameWire {
        incarnation: name.0.incarnation.0,
        counter: name.0.counter,
        register: name.1.0,
        incarnations: replaced.iter().map(|dot| dot.incarnation.0).collect(),
        counters: replaced.iter().map(|dot| dot.counter).collect(),
    };
    let mut names = extract.hidden().map(wire).peekable();
    let mut over = false;
    std::iter::from_fn(move || {
        if over {
            return None;
        }
        let names_now: Vec<NameWire> = names.by_ref().take(NAMES_MAX).collect();
        over = names.peek().is_none();
        Some(NamesWire {
            names: names_now,
            last: over,
        })
    })
}

/// Adds what a message says to what was said before. Returns whether that is still bounded.
pub(crate) fn learn(names: &mut Names, told: NamesWire) -> bool {
    for name in told.names {
        let dots = name.incarnations.iter().zip(&name.counters);
        let dot = |(incarnation, counter): (&u64, &u64)| Dot {
            incarnation: Incarnation(*incarnation),
            counter: *counter,
        };
        let of = Dot {
            incarnation: Incarnation(name.incarnation),
            counter: name.counter,
        };
        let most = replica::limits::SIBLINGS_MAX + replica::limits::ANCESTRY_MAX;
        names.insert(
            (of, RegisterId(name.register)),
            dots.take(most).map(dot).collect(),
        );
    }
    names.len() <= store::ACCOUNT_NAMES_MAX
}

/// Whether a side still stands where it stood.
fn stands(before: &Grounds, now: &Grounds) -> bool {
    (before.end, before.taken) == (now.end, now.taken) && before.held_back == now.held_back
}

/// Runs what blocks beside the tasks. What was ended with its task counts as not done.
async fn beside<T: Send + 'static, E: From<HostError> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_ended| Err(HostError::Busy.into()))
}

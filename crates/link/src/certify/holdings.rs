//! Which writes the hub holds: asked by a node that may be about to give them up, over the line
//! that proves both, and without a session. Nothing changes by it on either side.

use std::collections::BTreeMap;

use proto::sync::{
    CertifyAsk, Holding as Wire, Holdings as Reply, WriteName, WriteNames, certify_ask::Ask,
    certify_reply, proof_client::ProofClient,
};
use replica::{Counter, Dot, Incarnation, RecordKey, ReplicaId};
use store::{Grounds, Holding};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Request;
use tonic::transport::Channel;

use super::{NAMES_MAX, ProofError, key_of, positions_from_wire, positions_to_wire};
use crate::limits::{CERTIFY_MAX, MESSAGE_BYTES_MAX};

/// What the hub has said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    /// One for each write that was asked for, in the same order.
    pub holdings: Vec<Holding>,
    /// How far it knows the incarnations of the replica that asks. That a write lies below does not
    /// say that its text is there.
    pub positions: BTreeMap<Incarnation, Counter>,
}

/// Asks the hub which of some writes it holds, and how far it knows the incarnations of `own`.
///
/// # Errors
/// The hub is not reached or refuses, or its answer is none: an older program has none.
pub async fn holdings(
    channel: Channel,
    own: ReplicaId,
    writes: &[(RecordKey, Dot)],
) -> Result<Holdings, ProofError> {
    let done = tokio::time::timeout(CERTIFY_MAX, ask(channel, own, writes)).await;
    done.unwrap_or(Err(ProofError::Late))
}

async fn ask(
    channel: Channel,
    own: ReplicaId,
    writes: &[(RecordKey, Dot)],
) -> Result<Holdings, ProofError> {
    let (asks, stream) = mpsc::channel(1);
    let mut client = ProofClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
    // Nothing to ask for is still a question: how far the hub knows us.
    let mut parts = writes.chunks(NAMES_MAX);
    let mut part = parts.next().unwrap_or_default();
    say(&asks, part).await?;
    let called = client.certify(Request::new(ReceiverStream::new(stream)));
    let called = called
        .await
        .map_err(|status| ProofError::of_status(&status))?;
    let mut replies = called.into_inner();
    let mut found = Holdings::default();
    loop {
        let reply = replies.message().await;
        let reply = reply.map_err(|status| ProofError::of_status(&status))?;
        let Some(certify_reply::Reply::Holdings(told)) = reply.and_then(|reply| reply.reply) else {
            return Err(strange());
        };
        if told.holdings.len() != part.len() {
            return Err(strange());
        }
        found.holdings.extend(told.holdings().map(holding));
        let known = positions_from_wire(own, &told.positions);
        found
            .positions
            .extend(known.into_iter().map(|(i, counter, _)| (i, counter)));
        let Some(next) = parts.next() else {
            return Ok(found);
        };
        part = next;
        say(&asks, part).await?;
    }
}

async fn say(asks: &mpsc::Sender<CertifyAsk>, part: &[(RecordKey, Dot)]) -> Result<(), ProofError> {
    let ask = Some(Ask::Writes(names_of(part)));
    let sent = asks.send(CertifyAsk { ask }).await;
    sent.map_err(|_gone| strange())
}

fn strange() -> ProofError {
    ProofError::Answer { what: "holdings" }
}

/// A word that we do not know says nothing for us.
fn holding(wire: Wire) -> Holding {
    match wire {
        Wire::Held => Holding::Held,
        Wire::Quarantined => Holding::Quarantined,
        Wire::Refused => Holding::Refused,
        Wire::None => Holding::None,
        Wire::Unsaid | Wire::Unspecified => Holding::Unsaid,
    }
}

fn names_of(writes: &[(RecordKey, Dot)]) -> WriteNames {
    let name = |(key, dot): &(RecordKey, Dot)| WriteName {
        kind: key.kind.0,
        id: key.id.0.to_vec(),
        incarnation: dot.incarnation.0,
        counter: dot.counter,
    };
    WriteNames {
        names: writes.iter().map(name).collect(),
    }
}

/// Reads what a node asks for. Nothing when it is none, or too many at once.
pub(super) fn writes_of(asked: &WriteNames) -> Option<Vec<(RecordKey, Dot)>> {
    let write = |name: &WriteName| {
        let key = key_of(name.kind, &name.id)?;
        let dot = Dot {
            incarnation: Incarnation(name.incarnation),
            counter: name.counter,
        };
        Some((key, dot))
    };
    let is_bounded = asked.names.len() <= NAMES_MAX;
    let writes = asked.names.iter().map(write).collect::<Option<_>>();
    writes.filter(|_| is_bounded)
}

/// The hub's answer.
pub(super) fn answer_of(node: ReplicaId, grounds: &Grounds, found: &[Holding]) -> Reply {
    let wire = |holding: &Holding| match holding {
        Holding::Held => Wire::Held,
        Holding::Quarantined => Wire::Quarantined,
        Holding::Refused => Wire::Refused,
        Holding::None => Wire::None,
        Holding::Unsaid => Wire::Unsaid,
    };
    Reply {
        holdings: found
            .iter()
            .map(|holding| i32::from(wire(holding)))
            .collect(),
        positions: positions_to_wire(node, &grounds.peers),
    }
}

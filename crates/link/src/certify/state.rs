//! What both sides say for a certificate, made in one place: an answer, and a statement that is
//! read, proved and signed. A line and a stick carry the same.

use prost::Message as _;
use proto::stored::{Certificate, Cut, Signed};
use proto::sync::{Answer, Position, Refused};
use replica::account::Names;
use replica::{Clock, Dot, Incarnation, RecordKey, ReplicaId};
use rustls::pki_types::CertificateDer;
use store::{Claims, Extract, Grounds, Handle, HostError, OnRecord, Reached};
use thiserror::Error;

use super::sign::{Purpose, Signer};
use super::{Checked, check, key_of, positions_from_wire, stands, statement};
use crate::authority::AuthorityError;
use crate::limits::CERTIFY_REFUSED_MAX;

/// A statement in the making.
#[derive(Debug)]
pub(crate) struct Stating {
    /// Where this side stands.
    pub(crate) grounds: Grounds,
    /// What its scope says.
    pub(crate) extract: Extract,
    /// The other side.
    pub(crate) peer: ReplicaId,
    /// Where both stood, equal. By a stick that is before where this side stands.
    pub(crate) cut: Cut,
    /// How far this side knew the other's incarnations at the cut.
    pub(crate) known: Vec<Reached>,
}

/// Why there is no statement.
#[derive(Debug, Error)]
pub(crate) enum StateError {
    /// This side has moved while it was read.
    #[error("the scope has moved while it was read")]
    Moved,
    /// The store could not be read, or the scope is too large.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The key could not sign.
    #[error(transparent)]
    Sign(#[from] AuthorityError),
}

impl Stating {
    /// Accounts for every write of this side, with what the other side says, and signs. Blocks for
    /// as long as its journals are long.
    ///
    /// # Errors
    /// The scope has moved meanwhile, the store cannot be read, or the key cannot sign.
    pub(crate) fn sign(
        self,
        claims: &Claims,
        writer: &Handle,
        signer: &Signer,
        clock: &dyn Clock,
    ) -> Result<Signed, StateError> {
        let account = self
            .grounds
            .account(writer.reader(), self.extract, claims)?;
        let now = writer.grounds(self.grounds.scope, self.peer)?;
        if !stands(&self.grounds, &now) {
            return Err(StateError::Moved);
        }
        let own = writer.config().replica;
        let said = statement(self.cut, own, clock.wall_ms(), account, &self.known);
        Ok(signer.sign(Purpose::Statement, said.encode_to_vec())?)
    }
}

/// What the hub says at a cut where both stand: how far it knows the node's incarnations, and which
/// of the node's writes it has refused.
pub(crate) fn answer(cut: &Cut, positions: Vec<Position>, refused: &[OnRecord]) -> Answer {
    let refused = refused.iter().take(CERTIFY_REFUSED_MAX);
    let wire = |(dot, key, code): &OnRecord| Refused {
        incarnation: dot.incarnation.0,
        counter: dot.counter,
        kind: key.kind.0,
        id: key.id.0.to_vec(),
        code: code.clone(),
    };
    Answer {
        same: true,
        left_out: cut.left_out.clone(),
        root: cut.root.clone(),
        records: cut.records,
        positions,
        refused: refused.map(wire).collect(),
    }
}

/// What a node takes from the hub's answer and names.
pub(crate) fn claims_of(
    own: ReplicaId,
    answer: &Answer,
    names: Names,
    left_out: Vec<RecordKey>,
) -> Claims {
    let entry = |refused: &Refused| {
        let dot = Dot {
            incarnation: Incarnation(refused.incarnation),
            counter: refused.counter,
        };
        let key = key_of(refused.kind, &refused.id)?;
        Some((dot, key, refused.code.clone()))
    };
    Claims {
        positions: positions_from_wire(own, &answer.positions),
        refused: answer.refused.iter().filter_map(entry).collect(),
        names,
        left_out,
    }
}

/// Checks a certificate that a node has handed in. Nothing when both have not signed it, or it is
/// another's: the hub keeps what is false, but nothing that nobody has said.
pub(crate) fn accepted(
    certificate: &Certificate,
    node: ReplicaId,
    authorities: &[CertificateDer<'static>],
) -> Option<Checked> {
    let checked = check(certificate, authorities);
    if !checked.is_signed() || checked.cut.node != node.0 {
        return None;
    }
    for fault in &checked.faults {
        tracing::warn!(peer = %node, code = fault.code, side = fault.side, detail = fault.detail, "a certificate is false");
    }
    Some(checked)
}

//! Receipts: the hub signs what it acknowledges, outside the writer and only for batches of a feed.
//!
//! A session's first receipt carries the hub's certificate, the others leave it out; the node puts
//! it back before it keeps them, so that every kept receipt stands for itself.

use prost::Message as _;
use proto::stored::{CutPoint, Receipt, Signed};
use proto::sync::{Ack, Frame, frame::Frame as Body};
use replica::{Clock, ReplicaId};
use rustls::pki_types::CertificateDer;

use super::sign::{Purpose, SignatureFault, Signer, signatory};
use crate::identity::Identity;

/// A receipt that was checked.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckedReceipt {
    /// What it says.
    pub receipt: Receipt,
    /// Why it proves nothing; none when it does.
    pub fault: Option<SignatureFault>,
}

/// Checks a signed receipt against the authorities of a federation. Nothing when it is none.
#[must_use]
pub fn check_receipt(
    signed: &[u8],
    authorities: &[CertificateDer<'static>],
) -> Option<CheckedReceipt> {
    let signed = Signed::decode(signed).ok()?;
    let receipt = Receipt::decode(signed.body.as_slice()).ok()?;
    let at_ms = u64::try_from(receipt.at_ms).unwrap_or(0);
    let signer = signatory(&signed, Purpose::Receipt, authorities, at_ms);
    let fault = match signer.map(|facts| facts.identity) {
        Ok(Identity::Hub { hub }) if *hub.0.as_slice() == *receipt.hub => None,
        Ok(_) => Some(SignatureFault::Certificate),
        Err(fault) => Some(fault),
    };
    Some(CheckedReceipt { receipt, fault })
}

/// Puts the hub's receipt into an ack that leaves. Anything else passes as it is.
pub(crate) fn receipted(
    mut frame: Frame,
    signer: &Signer,
    clock: &dyn Clock,
    (hub, node): (ReplicaId, ReplicaId),
    first: &mut bool,
) -> Frame {
    let Some(Body::Ack(ack)) = &mut frame.frame else {
        return frame;
    };
    if ack.exchange {
        return frame;
    }
    match sign(ack, signer, clock, hub, node) {
        Ok(mut signed) => {
            if !std::mem::take(first) {
                signed.certificate.clear();
            }
            ack.receipt = signed.encode_to_vec();
        }
        // The delivery is durable all the same; only its receipt is missing.
        Err(error) => tracing::warn!(%error, "a receipt could not be signed"),
    }
    frame
}

fn sign(
    ack: &Ack,
    signer: &Signer,
    clock: &dyn Clock,
    hub: ReplicaId,
    node: ReplicaId,
) -> Result<Signed, crate::AuthorityError> {
    let receipt = Receipt {
        hub: hub.0.to_vec(),
        node: node.0.to_vec(),
        scope: ack.scope.clone(),
        point: ack.upto.as_ref().map(|upto| CutPoint {
            seq: upto.seq,
            head: upto.head.clone(),
        }),
        at_ms: i64::try_from(clock.wall_ms()).unwrap_or(i64::MAX),
        not_taken: u32::try_from(ack.results.len()).unwrap_or(u32::MAX),
    };
    signer.sign(Purpose::Receipt, receipt.encode_to_vec())
}

/// Makes a receipt that comes in stand for itself: `certificate` is the one that came last.
pub(crate) fn complete(mut frame: Frame, certificate: &mut Vec<u8>) -> Frame {
    let Some(Body::Ack(ack)) = &mut frame.frame else {
        return frame;
    };
    let Ok(mut signed) = Signed::decode(ack.receipt.as_slice()) else {
        ack.receipt.clear();
        return frame;
    };
    if ack.receipt.is_empty() {
        return frame;
    }
    if signed.certificate.is_empty() {
        signed.certificate.clone_from(certificate);
        ack.receipt = signed.encode_to_vec();
    } else {
        *certificate = signed.certificate;
    }
    frame
}

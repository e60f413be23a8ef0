//! Receipts: the hub signs what it acknowledges, outside the writer and only for batches of a feed.
//!
//! A receipt carries the hub's certificate where it is not that of the receipt before it on the same
//! line; the node puts it back before it keeps them, so that every kept receipt stands for itself.

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

/// Puts the hub's receipt into an ack that leaves. Anything else passes as it is. `sent` is the
/// certificate that this line has carried last.
pub(crate) fn receipted(
    mut frame: Frame,
    signer: &Signer,
    clock: &dyn Clock,
    (hub, node): (ReplicaId, ReplicaId),
    sent: &mut Vec<u8>,
) -> Frame {
    let Some(Body::Ack(ack)) = &mut frame.frame else {
        return frame;
    };
    if ack.exchange {
        return frame;
    }
    match sign(ack, signer, clock, hub, node) {
        Ok(mut signed) => {
            if signed.certificate == *sent {
                signed.certificate.clear();
            } else {
                sent.clone_from(&signed.certificate);
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

#[cfg(test)]
mod tests {
    use replica::Mono;

    use super::*;
    use crate::Authority;

    const NOW_MS: u64 = 1_795_500_000_000;
    const HUB: ReplicaId = ReplicaId([0xab; 16]);
    const NODE: ReplicaId = ReplicaId([1; 16]);

    #[derive(Debug)]
    struct Still;

    impl Clock for Still {
        fn mono(&self) -> Mono {
            Mono(0)
        }

        fn wall_ms(&self) -> u64 {
            NOW_MS
        }
    }

    fn ack_frame() -> Frame {
        Frame {
            frame: Some(Body::Ack(Ack::default())),
        }
    }

    fn receipt_of(frame: &Frame) -> Signed {
        let Some(Body::Ack(ack)) = &frame.frame else {
            panic!("not an ack: {frame:?}");
        };
        Signed::decode(ack.receipt.as_slice()).unwrap()
    }

    #[test]
    fn receipts_before_and_after_a_renewal_in_one_session_are_proved_by_themselves() {
        let authority = Authority::generate(HUB, NOW_MS).unwrap();
        let issued = authority.issue_server(&[], NOW_MS).unwrap();
        let signer = Signer::new(&issued.certificate, &issued.key).unwrap();
        let authorities = [authority.certificate().clone()];
        let (mut sent, mut held) = (Vec::new(), Vec::new());
        for (number, is_renewed, is_carried) in [
            (1, false, true),
            (2, false, false),
            (3, true, true),
            (4, false, false),
        ] {
            if is_renewed {
                let issued = authority.issue_server(&[], NOW_MS).unwrap();
                signer.replace(&issued.certificate, &issued.key).unwrap();
            }
            let frame = receipted(ack_frame(), &signer, &Still, (HUB, NODE), &mut sent);
            let carries = !receipt_of(&frame).certificate.is_empty();
            assert_eq!(carries, is_carried, "receipt {number}");
            let kept = receipt_of(&complete(frame, &mut held));
            let checked = check_receipt(&kept.encode_to_vec(), &authorities).unwrap();
            assert_eq!(checked.fault, None, "receipt {number}");
        }
    }
}

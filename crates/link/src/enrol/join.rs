//! The node's side: joining with a token, renewing, and when to renew.

use std::time::Duration;

use proto::enrol::enrol_client::EnrolClient;
use proto::enrol::renewal_client::RenewalClient;
use proto::enrol::{Credential, EnrolRequest, RenewRequest};
use replica::ReplicaId;
use rustls::pki_types::{CertificateDer, UnixTime};
use tonic::Request;
use tonic::transport::Channel;
use webpki::KeyUsage;

use super::{EnrolError, Joiner};
use crate::address::HubAddress;
use crate::authority::PrivateKey;
use crate::backoff::scale;
use crate::dial::Dialer;
use crate::identity::{CertificateFacts, Identity, facts_of};
use crate::limits::{CALL_MAX, MESSAGE_BYTES_MAX};
use crate::tls::{NodeMaterial, chained};
use crate::token::Token;

/// What a node has after joining or renewing. Nothing of it is stored here.
#[derive(Clone, Debug)]
pub struct Enrolment {
    /// What it shows and trusts from now on, with the new key.
    pub material: NodeMaterial,
    /// What its certificate says.
    pub facts: CertificateFacts,
    /// The hub's answer as it came: node, hub and scopes.
    pub credential: Credential,
}

/// Joins the federation of a hub: makes a key, spends the token, and checks what comes back.
///
/// # Errors
/// When the hub is not reached, does not prove itself, refuses, or answers what does not fit. The
/// token may then have been spent; the hub's administrator sees that in its list of nodes.
pub async fn enrol(
    dialer: &Dialer,
    address: &HubAddress,
    token: &Token,
    joiner: Joiner,
) -> Result<Enrolment, EnrolError> {
    let key = PrivateKey::generate()?;
    let request = timed(EnrolRequest {
        secret: token.secret().to_vec(),
        csr: key.request()?,
        replica: joiner.replica.0.to_vec(),
        program: joiner.program,
        demo: joiner.demo,
    });
    let hub = dialer.dial_enrol(address, token.authority()).await?;
    let mut client = EnrolClient::new(hub.channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let answer = client.enrol(request).await;
    let credential = answer
        .map_err(|status| EnrolError::of(&status))?
        .into_inner();
    if credential.authority != *hub.authority {
        return Err(EnrolError::Answer { what: "authority" });
    }
    accept(credential, key, vec![hub.authority], hub.hub, dialer)
}

/// Renews the certificate of a node with a new key, over a channel made with the present one.
///
/// # Errors
/// As [`enrol`]; the present certificate stays good until its end in any case.
pub async fn renew(
    dialer: &Dialer,
    channel: Channel,
    present: &NodeMaterial,
) -> Result<Enrolment, EnrolError> {
    let key = PrivateKey::generate()?;
    let request = timed(RenewRequest {
        csr: key.request()?,
    });
    let mut client = RenewalClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let answer = client.renew(request).await;
    let credential = answer
        .map_err(|status| EnrolError::of(&status))?
        .into_inner();
    let authorities = present.authorities.clone();
    let renewed = accept(credential, key, authorities, present.hub, dialer)?;
    match facts_of(&present.certificate) {
        Ok(facts) if facts.identity == renewed.facts.identity => Ok(renewed),
        Ok(_) | Err(_) => Err(EnrolError::Answer { what: "identity" }),
    }
}

/// Returns when to renew a certificate: at two thirds of its life, up to a twentieth of its life
/// earlier, so that nodes enrolled on one morning do not all come back on one other. `random` is
/// uniform over all of `u64`.
#[must_use]
pub fn renew_at(not_before_ms: u64, not_after_ms: u64, random: u64) -> u64 {
    let life_ms = not_after_ms.saturating_sub(not_before_ms);
    not_before_ms + life_ms / 3 * 2 - scale(life_ms / 20, random)
}

fn timed<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(CALL_MAX + Duration::from_secs(1));
    request
}

/// Checks a hub's answer before anything of it is believed.
fn accept(
    credential: Credential,
    key: PrivateKey,
    authorities: Vec<CertificateDer<'static>>,
    hub: ReplicaId,
    dialer: &Dialer,
) -> Result<Enrolment, EnrolError> {
    let wrong = |what| EnrolError::Answer { what };
    let certificate = CertificateDer::from(credential.certificate.to_vec());
    if !key.fits(&certificate) {
        return Err(wrong("key"));
    }
    let facts = facts_of(&certificate).or(Err(wrong("certificate")))?;
    let node = match facts.identity {
        Identity::Node { hub: named, node } if named == hub => node,
        _ => return Err(wrong("identity")),
    };
    let says_the_same = credential.node == node.to_string()
        && credential.hub == hub.to_string()
        && credential.hub_replica == *hub.0.as_slice();
    if !says_the_same {
        return Err(wrong("names"));
    }
    if credential.scope.len() != 16 || credential.published.len() != 16 {
        return Err(wrong("scope"));
    }
    let now = Duration::from_millis(dialer.clock().wall_ms());
    let now = UnixTime::since_unix_epoch(now);
    let proved = chained(&certificate, &authorities, KeyUsage::client_auth(), now);
    proved.ok_or_else(|| wrong("signature"))?;
    Ok(Enrolment {
        material: NodeMaterial {
            hub,
            certificate,
            key,
            authorities,
        },
        facts,
        credential,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renewal_falls_shortly_before_two_thirds_of_life() {
        let day_ms = 24 * 60 * 60 * 1_000;
        let (begin, end) = (100 * day_ms, 190 * day_ms);
        assert_eq!(renew_at(begin, end, 0), 160 * day_ms);
        let earliest = renew_at(begin, end, u64::MAX);
        assert!(earliest > 155 * day_ms && earliest < 156 * day_ms);
        assert!(renew_at(end, begin, 5) <= end);
    }
}

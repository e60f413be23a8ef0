//! The two certificate checks: of nodes by the hub, and of the hub by nodes.
//!
//! Both take the chain from webpki and add what we demand beyond it: exactly one identity, the
//! right purpose said in so many words, the right federation, and not on the deny list.
//! Authorities issue directly: webpki does not hold a trusted root to its own path length, so
//! whatever is sent between a root and a leaf is not even looked at. Host names play no part: the
//! hub is who its URI says, wherever it is reached.

use std::sync::{Arc, OnceLock};

use replica::ReplicaId;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
};

use super::{provider, roots};
use crate::deny::DenyList;
use crate::fault::{DialError, Refusal};
use crate::identity::{Identity, facts_of};
use crate::limits::CLOCK_DOUBT_MS;
use crate::token::AuthorityPrint;

/// How the hub checks those who dial.
#[derive(Debug)]
pub(crate) struct NodeVerifier {
    chain: Arc<dyn ClientCertVerifier>,
    hub: ReplicaId,
    deny: Arc<DenyList>,
}

impl NodeVerifier {
    pub(crate) fn new(
        chain: Arc<dyn ClientCertVerifier>,
        hub: ReplicaId,
        deny: Arc<DenyList>,
    ) -> Self {
        Self { chain, hub, deny }
    }

    fn check(&self, certificate: &CertificateDer<'_>) -> Result<(), Refusal> {
        let facts = facts_of(certificate).map_err(Refusal::Identity)?;
        if !facts.for_client || facts.for_server {
            return Err(Refusal::Purpose);
        }
        match facts.identity {
            Identity::Hub { .. } => return Err(Refusal::Purpose),
            identity if identity.hub() != self.hub => return Err(Refusal::OtherHub),
            Identity::Node { .. } | Identity::Admin { .. } => {}
        }
        if self.deny.refuses(&facts) {
            return Err(Refusal::Revoked);
        }
        Ok(())
    }
}

impl ClientCertVerifier for NodeVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self
            .chain
            .verify_client_cert(end_entity, &[], now)
            .map_err(plain_authority)?;
        self.check(end_entity).map_err(|refusal| match refusal {
            // The alert of a revoked certificate is what the node must be able to tell apart.
            Refusal::Revoked => CertificateError::Revoked.into(),
            other => Error::from(CertificateError::Other(OtherError(Arc::new(other)))),
        })?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

/// An authority of the same name with another key is an unknown one, and should read as such.
fn plain_authority(error: Error) -> Error {
    match error {
        Error::InvalidCertificate(CertificateError::BadSignature) => {
            CertificateError::UnknownIssuer.into()
        }
        other => other,
    }
}

/// By what the hub proves itself.
#[derive(Debug)]
pub(crate) enum Trust {
    /// To an enrolled node: the stored authorities and the hub's identity.
    Enrolled {
        authorities: Vec<CertificateDer<'static>>,
        hub: ReplicaId,
    },
    /// To one who holds a token: the authority's fingerprint. What was found is kept.
    Token {
        print: AuthorityPrint,
        found: Arc<OnceLock<(CertificateDer<'static>, ReplicaId)>>,
    },
}

/// How a node checks the hub.
#[derive(Debug)]
pub(crate) struct HubVerifier {
    trust: Trust,
    algorithms: WebPkiSupportedAlgorithms,
}

impl HubVerifier {
    pub(crate) fn new(trust: Trust) -> Self {
        Self {
            trust,
            algorithms: provider().signature_verification_algorithms,
        }
    }

    fn check(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), DialError> {
        let authorities = match &self.trust {
            Trust::Enrolled { authorities, .. } => authorities.clone(),
            Trust::Token { print, .. } => intermediates
                .iter()
                .find(|sent| AuthorityPrint::of(sent) == *print)
                .map(|sent| vec![sent.clone().into_owned()])
                .ok_or(DialError::UnknownAuthority)?,
        };
        let roots = roots(&authorities).or(Err(DialError::UnknownAuthority))?;
        let parsed = ParsedCertificate::try_from(end_entity).map_err(refused)?;
        verify_server_cert_signed_by_trust_anchor(&parsed, &roots, &[], now, self.algorithms.all)
            .map_err(|error| explain(&error))?;
        let facts = facts_of(end_entity).map_err(refused)?;
        let Identity::Hub { hub } = facts.identity else {
            return Err(refused(Refusal::Purpose));
        };
        if !facts.for_server || facts.for_client {
            return Err(refused(Refusal::Purpose));
        }
        match &self.trust {
            Trust::Enrolled { hub: expected, .. } if *expected != hub => Err(DialError::WrongHub {
                expected: *expected,
                found: hub,
            }),
            Trust::Enrolled { .. } => Ok(()),
            Trust::Token { found, .. } => {
                let mut authorities = authorities;
                let authority = authorities.pop().ok_or(DialError::UnknownAuthority)?;
                // A second connection of the same channel finds the same two.
                found.get_or_init(|| (authority, hub));
                Ok(())
            }
        }
    }
}

impl ServerCertVerifier for HubVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.check(end_entity, intermediates, now) {
            Ok(()) => Ok(ServerCertVerified::assertion()),
            Err(error) => Err(CertificateError::Other(OtherError(Arc::new(error))).into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn refused(reason: impl std::fmt::Display) -> DialError {
    DialError::Refused {
        reason: reason.to_string(),
    }
}

/// Says what is wrong with the hub's certificate, seen from the own clock. The hub renews its
/// certificate long before the end and dates it back by an hour only; so one that is not valid
/// yet, or has been over for a month, says more about the own clock than about the hub.
fn explain(error: &Error) -> DialError {
    let Error::InvalidCertificate(error) = error else {
        return refused(error);
    };
    let ms = |time: &UnixTime| time.as_secs().saturating_mul(1_000);
    match error {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            DialError::UnknownAuthority
        }
        CertificateError::NotValidYetContext { time, not_before } => DialError::Clock {
            own_ms: ms(time),
            hub_ms: ms(not_before),
        },
        CertificateError::ExpiredContext { time, not_after }
            if ms(time).saturating_sub(ms(not_after)) > CLOCK_DOUBT_MS =>
        {
            DialError::Clock {
                own_ms: ms(time),
                hub_ms: ms(not_after),
            }
        }
        CertificateError::ExpiredContext { not_after, .. } => DialError::HubExpired {
            not_after_ms: ms(not_after),
        },
        other => refused(other),
    }
}

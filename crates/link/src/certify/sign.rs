//! Signatures by the key of a certificate, and checking them off line.
//!
//! What is signed begins with its purpose, so that no signature can be used for something else.
//! The key of a TLS handshake signs other texts: RFC 8446 puts 64 spaces in front of them.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use proto::stored::Signed;
use rcgen::{KeyPair, SigningKey as _};
use rustls::pki_types::{CertificateDer, UnixTime};

use crate::authority::{AuthorityError, PrivateKey};
use crate::identity::{CertificateFacts, facts_of};
use crate::tls::{chained, p256_sha256};

/// What a signature is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A statement of a certificate.
    Statement,
    /// A receipt.
    Receipt,
}

impl Purpose {
    fn prefix(self) -> &'static [u8] {
        match self {
            Self::Statement => b"liangxin statement v1\n",
            Self::Receipt => b"liangxin receipt v1\n",
        }
    }
}

/// Signs with the key of a certificate. Cheap to clone; a renewal reaches every clone.
#[derive(Clone)]
pub struct Signer {
    held: Arc<ArcSwap<Held>>,
}

struct Held {
    certificate: Vec<u8>,
    pair: KeyPair,
}

impl Held {
    fn new(certificate: &CertificateDer<'_>, key: &PrivateKey) -> Result<Self, AuthorityError> {
        if !key.fits(certificate) {
            return Err(AuthorityError::Unusable);
        }
        Ok(Self {
            certificate: certificate.to_vec(),
            pair: key.pair()?,
        })
    }
}

impl Signer {
    /// Returns a signer by this certificate and its key.
    ///
    /// # Errors
    /// The key is not the certificate's.
    pub fn new(certificate: &CertificateDer<'_>, key: &PrivateKey) -> Result<Self, AuthorityError> {
        let held = Held::new(certificate, key)?;
        Ok(Self {
            held: Arc::new(ArcSwap::from_pointee(held)),
        })
    }

    /// Signs by another certificate from now on.
    ///
    /// # Errors
    /// The key is not the certificate's; the former one stays.
    pub fn replace(
        &self,
        certificate: &CertificateDer<'_>,
        key: &PrivateKey,
    ) -> Result<(), AuthorityError> {
        self.held.store(Arc::new(Held::new(certificate, key)?));
        Ok(())
    }

    pub(crate) fn sign(&self, purpose: Purpose, body: Vec<u8>) -> Result<Signed, AuthorityError> {
        let held = self.held.load();
        let message = [purpose.prefix(), &body].concat();
        let signature = held.pair.sign(&message);
        Ok(Signed {
            signature: signature.map_err(|error| AuthorityError::Make(error.into()))?,
            certificate: held.certificate.clone(),
            body,
        })
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}

/// Why a signature proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    /// The signer's certificate is not of this federation, or was not valid at the time.
    #[error("the certificate of the signer is not of this authority, or was not valid then")]
    Certificate,
    /// The bytes are not what was signed.
    #[error("the signature does not fit what it stands under")]
    Forged,
}

/// Returns who has signed.
pub(crate) fn signatory(
    signed: &Signed,
    purpose: Purpose,
    authorities: &[CertificateDer<'static>],
    at_ms: u64,
) -> Result<CertificateFacts, SignatureFault> {
    let foreign = SignatureFault::Certificate;
    let certificate = CertificateDer::from(signed.certificate.as_slice());
    let facts = facts_of(&certificate).or(Err(foreign))?;
    let usage = if facts.for_client {
        webpki::KeyUsage::client_auth()
    } else {
        webpki::KeyUsage::server_auth()
    };
    let at = UnixTime::since_unix_epoch(std::time::Duration::from_millis(at_ms));
    let entity = chained(&certificate, authorities, usage, at).ok_or(foreign)?;
    let message = [purpose.prefix(), &signed.body].concat();
    let algorithm = p256_sha256().ok_or(SignatureFault::Forged)?;
    entity
        .verify_signature(algorithm, &message, &signed.signature)
        .or(Err(SignatureFault::Forged))?;
    Ok(facts)
}

//! The hub's certificate authority: makes itself, keeps itself in two files, issues.
//!
//! Whatever a request asks for, only its key is used: name, rights and life come from here. Times
//! come in as `wall_ms`, and nothing is issued when that lies outside the authority's own life: a
//! clock that is years off must not put its years into certificates.

mod files;
mod sealed;

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams,
    CertificateSigningRequestParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PublicKeyData, RevokedCertParams, SanType,
    SerialNumber,
};
use replica::ReplicaId;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateSigningRequestDer, PrivateKeyDer};
use thiserror::Error;
use time::OffsetDateTime;
use zeroize::Zeroizing;

pub use files::{is_private, write_private, write_public};
pub use sealed::{SealError, is_sealed, seal, unseal};

use crate::identity::{self, CertificateFacts, Identity, NodeId, Serial, authority_uri, facts_of};
use crate::limits::{
    AUTHORITY_LIFE_MS, BACKDATE_MS, CSR_BYTES_MAX, LEAF_LIFE_MS, REVOCATION_LIST_LIFE_MS,
};
use crate::token::AuthorityPrint;

/// The file of the authority's certificate, PEM.
pub const CERTIFICATE_FILE: &str = "ca.crt";
/// The file of the authority's key: PEM, or sealed under a passphrase.
pub const KEY_FILE: &str = "ca.key";

/// The authority of one hub, with its key.
pub struct Authority {
    hub: ReplicaId,
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
    not_before_ms: u64,
    not_after_ms: u64,
}

/// A private key, PKCS#8. It is wiped when dropped and shows nothing of itself.
#[derive(Clone)]
pub struct PrivateKey(Zeroizing<Vec<u8>>);

/// A certificate with its key.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// The certificate, DER.
    pub certificate: CertificateDer<'static>,
    /// Its key.
    pub key: PrivateKey,
    /// What the certificate says.
    pub facts: CertificateFacts,
}

/// How the authority's key lies in its folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyState {
    /// A passphrase protects it.
    pub sealed: bool,
    /// Nobody but the owner may read it.
    pub private: bool,
}

/// Why the authority cannot be made, loaded or asked.
#[derive(Debug, Error)]
pub enum AuthorityError {
    /// A file could not be read or written.
    #[error("authority file cannot be used")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is an authority already.
    #[error("authority exists already")]
    Exists {
        /// Its certificate.
        path: PathBuf,
    },
    /// Others than the owner may read the key.
    #[error("authority key may be read by others")]
    KeyExposed {
        /// The key.
        path: PathBuf,
    },
    /// The key is sealed and no passphrase was given.
    #[error("authority key needs its passphrase")]
    PassphraseNeeded,
    /// The key could not be sealed or opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The certificate is no authority of ours, or the key is not its key.
    #[error("authority certificate and key do not fit")]
    Unusable,
    /// The wall clock lies outside the life of the authority.
    #[error("clock lies outside the life of the authority")]
    Clock {
        /// What the clock says.
        wall_ms: u64,
        /// The beginning.
        not_before_ms: u64,
        /// The end.
        not_after_ms: u64,
    },
    /// The request is no certificate request, or its key is of another kind than P-256.
    #[error("certificate request cannot be used")]
    Request,
    /// Keys, random numbers or signatures failed.
    #[error("certificate cannot be made")]
    Make(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl AuthorityError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "LINK-040",
            Self::Exists { .. } => "LINK-041",
            Self::KeyExposed { .. } => "LINK-042",
            Self::PassphraseNeeded => "LINK-043",
            Self::Seal(error) => error.code(),
            Self::Unusable => "LINK-047",
            Self::Clock { .. } => "LINK-048",
            Self::Request => "LINK-026",
            Self::Make(_) => "LINK-049",
        }
    }
}

impl Authority {
    /// Makes the authority of a hub and keeps it in `folder`, the key sealed if a passphrase is
    /// given.
    ///
    /// # Errors
    /// When the folder has one already or cannot be written.
    pub fn create(
        folder: &Path,
        hub: ReplicaId,
        wall_ms: u64,
        passphrase: Option<&str>,
    ) -> Result<Self, AuthorityError> {
        let path = folder.join(CERTIFICATE_FILE);
        if path.exists() {
            return Err(AuthorityError::Exists { path });
        }
        let authority = Self::generate(hub, wall_ms)?;
        authority.store(folder, passphrase)?;
        Ok(authority)
    }

    /// Makes the authority of a hub in memory.
    ///
    /// # Errors
    /// When the system cannot make keys.
    pub fn generate(hub: ReplicaId, wall_ms: u64) -> Result<Self, AuthorityError> {
        let key = new_key()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = common_name(&format!("Liangxin authority {hub}"));
        params.subject_alt_names = vec![uri(&authority_uri(hub))?];
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.serial_number = Some(random_serial()?);
        params.not_before = moment(wall_ms.saturating_sub(BACKDATE_MS))?;
        params.not_after = moment(wall_ms.saturating_add(AUTHORITY_LIFE_MS))?;
        let certificate = params.self_signed(&key).map_err(make)?;
        Self::assemble(certificate.der().clone(), key)
    }

    /// Loads the authority from its folder.
    ///
    /// # Errors
    /// When the files are missing, damaged or readable by others, and when the passphrase is
    /// missing or wrong.
    pub fn load(folder: &Path, passphrase: Option<&str>) -> Result<Self, AuthorityError> {
        let certificate = read(&folder.join(CERTIFICATE_FILE))?;
        let certificate = certificate_from(&certificate).ok_or(AuthorityError::Unusable)?;
        let path = folder.join(KEY_FILE);
        let stored = read(&path)?;
        if !is_private(&path).map_err(|source| io_error(&path, source))? {
            return Err(AuthorityError::KeyExposed { path });
        }
        let plain = if is_sealed(&stored) {
            unseal(passphrase.ok_or(AuthorityError::PassphraseNeeded)?, &stored)?
        } else {
            stored
        };
        let key = PrivateKey::read(&plain).ok_or(AuthorityError::Unusable)?;
        Self::assemble(certificate, key.pair()?)
    }

    /// Keeps the authority in a folder, in place of what was there; also to give the key a
    /// passphrase, another one, or none.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn store(&self, folder: &Path, passphrase: Option<&str>) -> Result<(), AuthorityError> {
        let plain = Zeroizing::new(self.issuer.key().serialize_pem().into_bytes());
        let path = folder.join(KEY_FILE);
        match passphrase {
            Some(passphrase) => write_private(&path, &seal(passphrase, &plain)?),
            None => write_private(&path, &plain),
        }
        .map_err(|source| io_error(&path, source))?;
        // The certificate comes last: without it the folder has no authority.
        let path = folder.join(CERTIFICATE_FILE);
        write_public(&path, pem("CERTIFICATE", &self.certificate).as_bytes())
            .map_err(|source| io_error(&path, source))
    }

    fn assemble(
        certificate: CertificateDer<'static>,
        key: KeyPair,
    ) -> Result<Self, AuthorityError> {
        let (hub, not_before_ms, not_after_ms) =
            identity::authority_facts(&certificate).map_err(unusable)?;
        let entity = webpki::EndEntityCert::try_from(&certificate).map_err(unusable)?;
        if entity.subject_public_key_info().as_ref() != key.subject_public_key_info() {
            return Err(AuthorityError::Unusable);
        }
        let issuer = Issuer::from_ca_cert_der(&certificate, key).map_err(unusable)?;
        Ok(Self {
            hub,
            certificate,
            issuer,
            not_before_ms,
            not_after_ms,
        })
    }

    /// The hub it belongs to.
    #[must_use]
    pub fn hub(&self) -> ReplicaId {
        self.hub
    }

    /// Its certificate, DER.
    #[must_use]
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Its key, with which it opens what nodes have sealed to it.
    #[must_use]
    pub fn key(&self) -> PrivateKey {
        PrivateKey(Zeroizing::new(self.issuer.key().serialize_der()))
    }

    /// Its fingerprint, for tokens.
    #[must_use]
    pub fn print(&self) -> AuthorityPrint {
        AuthorityPrint::of(&self.certificate)
    }

    /// The end of its life.
    #[must_use]
    pub fn not_after_ms(&self) -> u64 {
        self.not_after_ms
    }

    /// Issues a node's certificate for the key of a request. All else in the request is ignored:
    /// a request that asks to be an authority, or to be another node, gets a plain certificate of
    /// `node`.
    ///
    /// # Errors
    /// When the request cannot be used, or the clock lies outside the authority's life.
    pub fn issue_node(
        &self,
        csr: &[u8],
        node: NodeId,
        wall_ms: u64,
    ) -> Result<(CertificateDer<'static>, CertificateFacts), AuthorityError> {
        let hub = self.hub;
        let mut request = parse_request(csr)?;
        request.params = self.leaf(&Identity::Node { hub, node }, wall_ms)?;
        request.params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        request.params.distinguished_name = common_name(&format!("Liangxin node {node}"));
        let issued = request.signed_by(&self.issuer).map_err(make)?;
        let facts = facts_of(issued.der()).map_err(make)?;
        Ok((issued.der().clone(), facts))
    }

    /// Issues the hub's own certificate with a new key. `names` are the hosts and addresses under
    /// which it is reached; `localhost` and the loopback addresses are always among them.
    ///
    /// # Errors
    /// When a name cannot stand in a certificate, or the clock lies outside the authority's life.
    pub fn issue_server(&self, names: &[String], wall_ms: u64) -> Result<Leaf, AuthorityError> {
        let key = new_key()?;
        let mut params = self.leaf(&Identity::Hub { hub: self.hub }, wall_ms)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.distinguished_name = common_name(&format!("Liangxin hub {}", self.hub));
        let always = ["localhost", "127.0.0.1", "::1"];
        let names: BTreeSet<&str> = names.iter().map(String::as_str).chain(always).collect();
        for name in names {
            params.subject_alt_names.push(match name.parse::<IpAddr>() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName(name.try_into().map_err(make)?),
            });
        }
        let issued = params.signed_by(&key, &self.issuer).map_err(make)?;
        Ok(Leaf {
            certificate: issued.der().clone(),
            facts: facts_of(issued.der()).map_err(make)?,
            key: PrivateKey(Zeroizing::new(key.serialize_der())),
        })
    }

    /// Makes the revocation list for upper tiers, DER. `number` grows with each list.
    ///
    /// # Errors
    /// When the clock lies outside the authority's life.
    pub fn revocation_list(
        &self,
        revoked: &[(Serial, u64)],
        number: u64,
        wall_ms: u64,
    ) -> Result<Vec<u8>, AuthorityError> {
        self.check_clock(wall_ms)?;
        let revoked_certs = revoked
            .iter()
            .map(|(serial, at_ms)| {
                Ok(RevokedCertParams {
                    serial_number: SerialNumber::from_slice(serial.as_bytes()),
                    revocation_time: moment(*at_ms)?,
                    reason_code: None,
                    invalidity_date: None,
                })
            })
            .collect::<Result<_, AuthorityError>>()?;
        let list = CertificateRevocationListParams {
            this_update: moment(wall_ms)?,
            next_update: moment(wall_ms.saturating_add(REVOCATION_LIST_LIFE_MS))?,
            crl_number: SerialNumber::from_slice(&number.to_be_bytes()),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(list.signed_by(&self.issuer).map_err(make)?.der().to_vec())
    }

    fn check_clock(&self, wall_ms: u64) -> Result<(), AuthorityError> {
        if (self.not_before_ms..self.not_after_ms).contains(&wall_ms) {
            return Ok(());
        }
        Err(AuthorityError::Clock {
            wall_ms,
            not_before_ms: self.not_before_ms,
            not_after_ms: self.not_after_ms,
        })
    }

    fn leaf(&self, identity: &Identity, wall_ms: u64) -> Result<CertificateParams, AuthorityError> {
        self.check_clock(wall_ms)?;
        let begin_ms = wall_ms.saturating_sub(BACKDATE_MS).max(self.not_before_ms);
        let end_ms = wall_ms.saturating_add(LEAF_LIFE_MS).min(self.not_after_ms);
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![uri(&identity.to_string())?];
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.serial_number = Some(random_serial()?);
        params.not_before = moment(begin_ms)?;
        params.not_after = moment(end_ms)?;
        params.use_authority_key_identifier_extension = true;
        Ok(params)
    }
}

/// Returns whether an authority lies in a folder, and how its key is kept.
///
/// # Errors
/// When the key cannot be read.
pub fn key_state(folder: &Path) -> Result<KeyState, AuthorityError> {
    let path = folder.join(KEY_FILE);
    Ok(KeyState {
        sealed: is_sealed(&read(&path)?),
        private: is_private(&path).map_err(|source| io_error(&path, source))?,
    })
}

/// Checks that a request can be used, before anything is spent on it.
///
/// # Errors
/// When it is no request, its signature is wrong, or its key is not P-256.
pub fn check_request(csr: &[u8]) -> Result<(), AuthorityError> {
    parse_request(csr).map(drop)
}

/// Returns the first certificate of a PEM text, or the bytes themselves if they are DER.
#[must_use]
pub fn certificate_from(bytes: &[u8]) -> Option<CertificateDer<'static>> {
    CertificateDer::from_pem_slice(bytes)
        .ok()
        .or_else(|| Some(CertificateDer::from(bytes.to_vec())))
        .filter(|der| webpki::EndEntityCert::try_from(der).is_ok())
}

/// Returns the public key of an authority's certificate, a point on P-256, uncompressed.
#[must_use]
pub fn authority_key(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    identity::public_key_of(certificate)
}

/// Returns a certificate as PEM.
#[must_use]
pub fn certificate_pem(certificate: &CertificateDer<'_>) -> String {
    pem("CERTIFICATE", certificate)
}

impl PrivateKey {
    /// Makes a new P-256 key.
    ///
    /// # Errors
    /// When the system cannot make keys.
    pub fn generate() -> Result<Self, AuthorityError> {
        Ok(Self(Zeroizing::new(new_key()?.serialize_der())))
    }

    /// Reads a key from PEM or DER.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let der = match PrivateKeyDer::from_pem_slice(bytes) {
            Ok(key) => key.secret_der().to_vec(),
            Err(_) => bytes.to_vec(),
        };
        let key = Self(Zeroizing::new(der));
        key.pair().ok()?;
        Some(key)
    }

    /// Returns the key as PEM, for its file.
    #[must_use]
    pub fn pem(&self) -> Zeroizing<String> {
        Zeroizing::new(pem("PRIVATE KEY", &self.0))
    }

    /// Returns a certificate request that proves the key, DER. It names nobody.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn request(&self) -> Result<Vec<u8>, AuthorityError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        let request = params.serialize_request(&self.pair()?).map_err(make)?;
        Ok(request.der().to_vec())
    }

    /// Returns whether a certificate holds this key.
    #[must_use]
    pub fn fits(&self, certificate: &CertificateDer<'_>) -> bool {
        let (Ok(pair), Ok(entity)) = (self.pair(), webpki::EndEntityCert::try_from(certificate))
        else {
            return false;
        };
        entity.subject_public_key_info().as_ref() == pair.subject_public_key_info()
    }

    pub(crate) fn der(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.0.to_vec().into())
    }

    pub(crate) fn secret(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn pair(&self) -> Result<KeyPair, AuthorityError> {
        KeyPair::from_pkcs8_der_and_sign_algo(
            &self.0.as_slice().into(),
            &rcgen::PKCS_ECDSA_P256_SHA256,
        )
        .map_err(unusable)
    }
}

fn parse_request(csr: &[u8]) -> Result<CertificateSigningRequestParams, AuthorityError> {
    if csr.len() > CSR_BYTES_MAX {
        return Err(AuthorityError::Request);
    }
    let request =
        CertificateSigningRequestParams::from_der(&CertificateSigningRequestDer::from(csr))
            .or(Err(AuthorityError::Request))?;
    if *request.public_key.algorithm() != rcgen::PKCS_ECDSA_P256_SHA256 {
        return Err(AuthorityError::Request);
    }
    Ok(request)
}

fn new_key() -> Result<KeyPair, AuthorityError> {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(make)
}

/// 126 random bits under a leading 01: positive, and always sixteen bytes.
fn random_serial() -> Result<SerialNumber, AuthorityError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| make(error.to_string()))?;
    if let Some(first) = bytes.first_mut() {
        *first = (*first & 0x3f) | 0x40;
    }
    Ok(SerialNumber::from_slice(&bytes))
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

fn uri(text: &str) -> Result<SanType, AuthorityError> {
    Ok(SanType::URI(text.try_into().map_err(make)?))
}

fn moment(ms: u64) -> Result<OffsetDateTime, AuthorityError> {
    let seconds = i64::try_from(ms / 1_000).map_err(make)?;
    OffsetDateTime::from_unix_timestamp(seconds).map_err(make)
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, AuthorityError> {
    std::fs::read(path)
        .map(Zeroizing::new)
        .map_err(|source| io_error(path, source))
}

fn io_error(path: &Path, source: io::Error) -> AuthorityError {
    AuthorityError::Io {
        path: path.to_owned(),
        source,
    }
}

fn make<E: Into<Box<dyn std::error::Error + Send + Sync>>>(error: E) -> AuthorityError {
    AuthorityError::Make(error.into())
}

// What a key file fails with must not be shown.
fn unusable<E>(_cause: E) -> AuthorityError {
    AuthorityError::Unusable
}

fn pem(label: &str, der: &[u8]) -> String {
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_config(&pem::Pem::new(label, der), config)
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority")
            .field("hub", &self.hub)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey")
    }
}

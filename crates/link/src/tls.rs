//! TLS as we use it: version 1.3 only, no resumption, one crypto provider, time from the clock.
//!
//! Resumption is off because a resumed session would skip the deny list; handshakes are rare here.
//! The server has two configurations behind one port, chosen by ALPN: `h2` demands a client
//! certificate, `liangxin-enrol` has none and leads to the enrolment service only.

mod verify;

use std::sync::Arc;

use replica::{Clock, ReplicaId};
use rustls::client::Resumption;
use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::time_provider::TimeProvider;
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig, SignatureScheme};
use thiserror::Error;
use webpki::{EndEntityCert, KeyUsage};

pub(crate) use verify::{HubVerifier, NodeVerifier, Trust};

use crate::authority::{Leaf, PrivateKey};
use crate::deny::DenyList;

/// The protocol of the sync port's holders of certificates.
pub const ALPN_SYNC: &[u8] = b"h2";
/// The protocol of those who come with a token.
pub const ALPN_ENROL: &[u8] = b"liangxin-enrol";

/// What a hub shows and trusts.
#[derive(Clone, Debug)]
pub struct HubMaterial {
    /// The hub.
    pub hub: ReplicaId,
    /// Its own certificate and key.
    pub server: Leaf,
    /// The authorities whose certificates are taken; the first one goes out with the hub's own.
    pub authorities: Vec<CertificateDer<'static>>,
    /// Who is refused all the same.
    pub deny: DenyList,
}

/// What a node shows and trusts.
#[derive(Clone, Debug)]
pub struct NodeMaterial {
    /// The hub it enrolled with.
    pub hub: ReplicaId,
    /// Its certificate.
    pub certificate: CertificateDer<'static>,
    /// Its key.
    pub key: PrivateKey,
    /// The authorities by which the hub may prove itself.
    pub authorities: Vec<CertificateDer<'static>>,
}

/// Keys, certificates or trust roots from which no configuration can be made.
#[derive(Clone, Debug, Error)]
#[error("tls material cannot be used")]
pub struct MaterialError(#[source] rustls::Error);

impl MaterialError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        "LINK-009"
    }
}

impl From<rustls::Error> for MaterialError {
    fn from(error: rustls::Error) -> Self {
        Self(error)
    }
}

/// The one crypto provider. Whoever must bring another algorithm suite changes this function.
#[must_use]
pub fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The two faces of the hub's port.
#[derive(Clone, Debug)]
pub(crate) struct ServerConfigs {
    pub(crate) sync: Arc<ServerConfig>,
    pub(crate) enrol: Arc<ServerConfig>,
    pub(crate) deny: Arc<DenyList>,
}

impl ServerConfigs {
    pub(crate) fn build(
        material: HubMaterial,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, MaterialError> {
        let deny = Arc::new(material.deny);
        let roots = Arc::new(roots(&material.authorities)?);
        let chain = WebPkiClientVerifier::builder_with_provider(roots, provider())
            .build()
            .map_err(|error| rustls::Error::General(error.to_string()))?;
        let verifier = NodeVerifier::new(chain, material.hub, Arc::clone(&deny));
        let own: Vec<_> = std::iter::once(&material.server.certificate)
            .chain(material.authorities.first())
            .cloned()
            .collect();
        let key = &material.server.key;
        let builder = || {
            ServerConfig::builder_with_details(provider(), Arc::new(Time(Arc::clone(clock))))
                .with_protocol_versions(&[&TLS13])
        };
        let sync = builder()?
            .with_client_cert_verifier(Arc::new(verifier))
            .with_single_cert(own.clone(), key.der())?;
        let enrol = builder()?
            .with_no_client_auth()
            .with_single_cert(own, key.der())?;
        Ok(Self {
            sync: finish(sync, ALPN_SYNC),
            enrol: finish(enrol, ALPN_ENROL),
            deny,
        })
    }
}

fn finish(mut config: ServerConfig, alpn: &[u8]) -> Arc<ServerConfig> {
    config.alpn_protocols = vec![alpn.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Arc::new(config)
}

/// The dialling side with a certificate.
pub(crate) fn sync_client(
    material: &NodeMaterial,
    verifier: HubVerifier,
    clock: &Arc<dyn Clock>,
) -> Result<ClientConfig, MaterialError> {
    let chain = vec![material.certificate.clone()];
    let config =
        client_builder(verifier, clock)?.with_client_auth_cert(chain, material.key.der())?;
    Ok(finish_client(config, ALPN_SYNC))
}

/// The dialling side with a token.
pub(crate) fn enrol_client(
    verifier: HubVerifier,
    clock: &Arc<dyn Clock>,
) -> Result<ClientConfig, MaterialError> {
    let config = client_builder(verifier, clock)?.with_no_client_auth();
    Ok(finish_client(config, ALPN_ENROL))
}

fn client_builder(
    verifier: HubVerifier,
    clock: &Arc<dyn Clock>,
) -> Result<rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>, rustls::Error> {
    let time = Arc::new(Time(Arc::clone(clock)));
    Ok(ClientConfig::builder_with_details(provider(), time)
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier)))
}

fn finish_client(mut config: ClientConfig, alpn: &[u8]) -> ClientConfig {
    config.alpn_protocols = vec![alpn.to_vec()];
    config.resumption = Resumption::disabled();
    // The hub is known by its URI; a host name in the clear would only tell who talks to whom.
    config.enable_sni = false;
    config
}

pub(crate) fn roots(authorities: &[CertificateDer<'_>]) -> Result<RootCertStore, rustls::Error> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority.clone().into_owned())?;
    }
    Ok(roots)
}

/// Returns a certificate that these authorities have signed, for this use and at this time.
pub(crate) fn chained<'a>(
    certificate: &'a CertificateDer<'_>,
    authorities: &[CertificateDer<'_>],
    usage: KeyUsage,
    at: UnixTime,
) -> Option<EndEntityCert<'a>> {
    let roots = roots(authorities).ok()?;
    let entity = EndEntityCert::try_from(certificate).ok()?;
    let algorithms = provider().signature_verification_algorithms.all;
    entity
        .verify_for_usage(algorithms, &roots.roots, &[], at, usage, None, None)
        .ok()?;
    Some(entity)
}

/// How signatures by the keys of this federation are checked.
pub(crate) fn p256_sha256() -> Option<&'static dyn SignatureVerificationAlgorithm> {
    let wanted = SignatureScheme::ECDSA_NISTP256_SHA256;
    let known = provider().signature_verification_algorithms.mapping;
    let (_, algorithms) = known.iter().find(|(scheme, _)| *scheme == wanted)?;
    algorithms.first().copied()
}

/// The passed-in clock, as rustls wants it.
#[derive(Debug)]
struct Time(Arc<dyn Clock>);

impl TimeProvider for Time {
    fn current_time(&self) -> Option<UnixTime> {
        let now = std::time::Duration::from_millis(self.0.wall_ms());
        Some(UnixTime::since_unix_epoch(now))
    }
}

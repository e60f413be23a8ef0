//! The table of bad certificates and bad openings: each is refused for the right reason, and none
//! reaches a handler.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up must fail at once"
)]

use std::sync::Arc;

use hyper_util::rt::TokioIo;
use link::{Authority, DenyList, IdentityError, Refusal, Serial, facts_of, identity_of, provider};
use proto::sync::sync_client::SyncClient;
use rcgen::{ExtendedKeyUsagePurpose, SerialNumber};
use replica::ReplicaId;
use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};

use crate::world::{
    DAY_MS, Forge, Forged, HUB, NOW_MS, Talk, World, authority_of_its_own, frame, material_of,
    moment, node, self_signed, soon, uri,
};

/// Takes any hub: attackers do not care whom they talk to.
#[derive(Debug)]
struct AnyHub;

impl ServerCertVerifier for AnyHub {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Shows a chain with a key that need not fit.
#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesClientCert for Shows {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

fn attacker(chain: Vec<CertificateDer<'static>>, key: &link::PrivateKey) -> ClientConfig {
    let key = PrivateKeyDer::try_from(pem_der(key)).unwrap();
    let key = provider().key_provider.load_private_key(key).unwrap();
    let shown = Shows(Arc::new(CertifiedKey::new(chain, key)));
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyHub))
        .with_client_cert_resolver(Arc::new(shown));
    config.alpn_protocols = vec![link::ALPN_SYNC.to_vec()];
    config
}

fn pem_der(key: &link::PrivateKey) -> Vec<u8> {
    use rustls::pki_types::pem::PemObject;
    let key = PrivateKeyDer::from_pem_slice(key.pem().as_bytes()).unwrap();
    key.secret_der().to_vec()
}

fn nameless() -> ClientConfig {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyHub))
        .with_no_client_auth();
    config.alpn_protocols = vec![link::ALPN_SYNC.to_vec()];
    config
}

fn offering(alpn: &[&[u8]]) -> ClientConfig {
    let mut config = nameless();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    config
}

async fn channel(world: &World, config: ClientConfig) -> Result<Channel, tonic::transport::Error> {
    let connector = TlsConnector::from(Arc::new(config));
    let target = world.address.authority();
    let service = tower::service_fn(move |_: http::Uri| {
        let (connector, target) = (connector.clone(), target.clone());
        async move {
            let stream = TcpStream::connect(target).await?;
            let name = ServerName::try_from("localhost").unwrap();
            let stream = connector.connect(name, stream).await?;
            Ok::<_, std::io::Error>(TokioIo::new(stream))
        }
    });
    let endpoint = Endpoint::from_static("https://hub");
    soon(endpoint.connect_with_connector(service)).await
}

/// Goes as far as it can towards a session: true when a handler answered.
async fn gets_in(world: &World, config: ClientConfig) -> bool {
    let Ok(channel) = channel(world, config).await else {
        return false;
    };
    match Talk::open(channel).await {
        Ok(mut talk) => talk.say("hello").await.is_ok(),
        Err(_) => false,
    }
}

async fn refused(world: &mut World, case: &str, forged: &Forged, expected: Refusal) {
    let config = attacker(vec![forged.certificate.clone()], &forged.key);
    refused_config(world, case, config, expected).await;
}

async fn refused_config(world: &mut World, case: &str, config: ClientConfig, expected: Refusal) {
    assert!(!gets_in(world, config).await, "{case} got in");
    assert_eq!(world.refusal().await, expected, "{case}");
    // A channel that was refused may have tried again before it gave up.
    while world.refusals.try_recv().is_ok() {}
    assert_eq!(world.echo.calls(), 0, "{case} reached a handler");
}

#[tokio::test]
async fn a_sound_certificate_gets_in() {
    let world = World::start().await;
    let sound = Forge::of(&world.authority).sign(|_| {});
    let config = attacker(vec![sound.certificate.clone()], &sound.key);
    assert!(gets_in(&world, config).await);
    assert_eq!(world.echo.calls(), 1);
}

#[tokio::test]
async fn certificates_of_the_wrong_origin_or_time_are_refused() {
    let mut world = World::start().await;
    let forge = Forge::of(&world.authority);
    let foreign = Forge::of(&Authority::generate(HUB, NOW_MS).unwrap());
    let w = &mut world;

    refused_config(w, "none", nameless(), Refusal::NoCertificate).await;
    let forged = self_signed();
    refused(w, "self-signed", &forged, Refusal::UnknownAuthority).await;
    let forged = foreign.sign(|_| {});
    let case = "foreign authority of the same name";
    refused(w, case, &forged, Refusal::UnknownAuthority).await;
    let forged = forge.sign(|p| p.not_after = moment(NOW_MS - 1_000));
    refused(w, "expired", &forged, Refusal::Expired).await;
    let forged = forge.sign(|p| p.not_before = moment(NOW_MS + 60_000));
    refused(w, "not valid yet", &forged, Refusal::NotYetValid).await;

    let stolen = forge.sign(|_| {});
    let other = forge.sign(|_| {});
    let config = attacker(vec![stolen.certificate], &other.key);
    assert!(!gets_in(w, config).await, "certificate without its key");
    assert!(matches!(w.refusal().await, Refusal::Handshake { .. }));
    assert_eq!(w.echo.calls(), 0);
}

#[tokio::test]
async fn revoked_serials_and_identities_are_refused() {
    let authority = Authority::generate(HUB, NOW_MS).unwrap();
    let mut deny = DenyList::default();
    deny.revoke_serial(Serial::new(&[7, 7, 7]));
    deny.revoke_identity(node(2));
    deny.revoke_before(node(3), NOW_MS);
    let material = material_of(&authority, deny);
    let mut world = World::start_with(authority, material).await;
    let forge = Forge::of(&world.authority);
    let w = &mut world;

    let forged = forge.sign(|p| p.serial_number = Some(SerialNumber::from_slice(&[7, 7, 7])));
    refused(w, "serial", &forged, Refusal::Revoked).await;
    let forged = forge.sign(|p| p.subject_alt_names = vec![uri(&node(2).to_string())]);
    refused(w, "identity", &forged, Refusal::Revoked).await;
    let forged = forge.sign(|p| p.subject_alt_names = vec![uri(&node(3).to_string())]);
    refused(w, "identity before a moment", &forged, Refusal::Revoked).await;
}

#[tokio::test]
async fn certificates_for_another_purpose_are_refused() {
    let mut world = World::start().await;
    let forge = Forge::of(&world.authority);
    let hub = format!("spiffe://{HUB}/hub");
    let w = &mut world;

    let own = w.authority.issue_server(&[], NOW_MS).unwrap();
    let forged = Forged {
        certificate: own.certificate,
        key: own.key,
    };
    refused(w, "the hub's own", &forged, Refusal::Purpose).await;
    let forged = forge.sign(|p| {
        p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    refused(w, "server purpose", &forged, Refusal::Purpose).await;
    let forged = forge.sign(|p| p.extended_key_usages.clear());
    refused(w, "no purpose", &forged, Refusal::Purpose).await;
    let forged = forge.sign(|p| {
        p.extended_key_usages
            .push(ExtendedKeyUsagePurpose::ServerAuth);
    });
    refused(w, "both purposes", &forged, Refusal::Purpose).await;
    let forged = forge.sign(|p| p.extended_key_usages.push(ExtendedKeyUsagePurpose::Any));
    refused(w, "any purpose", &forged, Refusal::Purpose).await;
    let forged = forge.sign(|p| p.subject_alt_names = vec![uri(&hub)]);
    refused(w, "identity of the hub", &forged, Refusal::Purpose).await;
    let forged = forge.sign(|p| p.is_ca = authority_of_its_own());
    refused(w, "authority as leaf", &forged, Refusal::AuthorityAsLeaf).await;
}

#[tokio::test]
async fn a_node_cannot_certify_others() {
    let mut world = World::start().await;
    let forge = Forge::of(&world.authority);
    for is_ca in [rcgen::IsCa::ExplicitNoCa, authority_of_its_own()] {
        let between = forge.sign(|p| p.is_ca = is_ca);
        let key = rcgen::KeyPair::from_pem(&between.key.pem()).unwrap();
        let issuer = rcgen::Issuer::from_ca_cert_der(&between.certificate, key).unwrap();
        let leaf_key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.subject_alt_names = vec![uri(&node(5).to_string())];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let leaf = params.signed_by(&leaf_key, &issuer).unwrap();
        let key = link::PrivateKey::read(leaf_key.serialize_pem().as_bytes()).unwrap();
        let config = attacker(vec![leaf.der().clone(), between.certificate], &key);
        assert!(!gets_in(&world, config).await);
        assert_eq!(world.refusal().await, Refusal::UnknownAuthority);
        while world.refusals.try_recv().is_ok() {}
        assert_eq!(world.echo.calls(), 0);
    }
}

#[tokio::test]
async fn certificates_with_a_doubtful_name_are_refused() {
    let mut world = World::start().await;
    let forge = Forge::of(&world.authority);
    let w = &mut world;

    let forged = forge.sign(|p| p.subject_alt_names.push(uri(&node(2).to_string())));
    let two = Refusal::Identity(IdentityError::ManyUris { count: 2 });
    refused(w, "two names", &forged, two.clone()).await;
    let forged = forge.sign(|p| p.subject_alt_names.push(uri(&node(1).to_string())));
    refused(w, "one name twice", &forged, two).await;
    let nobody = Refusal::Identity(IdentityError::NoUri);
    let forged = forge.sign(|p| p.subject_alt_names.clear());
    refused(w, "no name", &forged, nobody.clone()).await;
    let forged = forge.sign(|p| {
        p.subject_alt_names = Vec::new();
        let name = node(1).to_string();
        p.distinguished_name
            .push(rcgen::DnType::CommonName, name.as_str());
    });
    refused(w, "name in the common name", &forged, nobody).await;

    let sound = node(1).to_string();
    for name in [
        sound.to_uppercase(),
        sound.replace("ab", "AB"),
        format!("{sound}/"),
        format!("{sound}0"),
        format!("spiffe://{HUB}/node/*"),
        format!("spiffe://*/node/{}", "01".repeat(16)),
        format!("spiffe://{HUB}/node/410305"),
        format!("spiffe://{HUB}.example/node/{}", "01".repeat(16)),
        format!("https://{HUB}/node/{}", "01".repeat(16)),
    ] {
        let forged = forge.sign(|p| p.subject_alt_names = vec![uri(&name)]);
        let malformed = IdentityError::Malformed { uri: name.clone() };
        refused(w, &name, &forged, Refusal::Identity(malformed)).await;
    }

    let elsewhere = ReplicaId([0xcd; 16]);
    let name = format!("spiffe://{elsewhere}/node/{}", "01".repeat(16));
    let forged = forge.sign(|p| p.subject_alt_names = vec![uri(&name)]);
    refused(w, "another hub's node", &forged, Refusal::OtherHub).await;
}

#[tokio::test]
async fn protocols_that_are_not_ours_are_refused() {
    let mut world = World::start().await;
    let w = &mut world;
    for alpn in [
        &[b"http/1.1".as_slice()] as &[&[u8]],
        &[b"grpc-exp"],
        &[b"H2"],
        &[],
        &[b"h2", b"liangxin-enrol"],
    ] {
        let case = format!("{alpn:?}");
        refused_config(w, &case, offering(alpn), Refusal::Alpn).await;
    }
}

#[tokio::test]
async fn plain_text_and_tls_1_2_are_refused() {
    let mut world = World::start().await;
    let target = world.address.authority();

    let mut stream = TcpStream::connect(&target).await.unwrap();
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(world.refusal().await, Refusal::PlainText);

    let mut stream = TcpStream::connect(&target).await.unwrap();
    stream.write_all(&tls_1_2_hello()).await.unwrap();
    assert_eq!(world.refusal().await, Refusal::TlsVersion);
    let mut alert = [0; 7];
    soon(stream.read_exact(&mut alert)).await.unwrap();
    // A fatal alert "protocol version".
    assert_eq!((alert[0], &alert[5..]), (21, &[2, 70][..]));

    let stream = TcpStream::connect(&target).await.unwrap();
    drop(stream);
    assert_eq!(world.refusal().await, Refusal::Lost);
    assert_eq!(world.echo.calls(), 0);
}

/// A client hello that offers TLS 1.2 and nothing newer.
fn tls_1_2_hello() -> Vec<u8> {
    let mut extensions = Vec::new();
    for (kind, body) in [
        (10_u16, &[0, 2, 0, 23][..]), // secp256r1
        (11, &[1, 0]),                // uncompressed points
        (13, &[0, 2, 4, 3]),          // ecdsa with SHA-256
        (16, &[0, 3, 2, b'h', b'2']), // h2
        (23, &[]),                    // extended master secret
    ] {
        extensions.extend(kind.to_be_bytes());
        extensions.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
        extensions.extend(body);
    }
    let mut hello = vec![3, 3];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0xc0, 0x2b, 1, 0]);
    hello.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
    hello.extend(extensions);
    let mut message = vec![1, 0];
    message.extend(u16::try_from(hello.len()).unwrap().to_be_bytes());
    message.extend(hello);
    let mut record = vec![22, 3, 1];
    record.extend(u16::try_from(message.len()).unwrap().to_be_bytes());
    record.extend(message);
    record
}

#[tokio::test]
async fn nothing_but_enrolment_answers_on_the_enrol_side() {
    let world = World::start().await;
    let config = offering(&[link::ALPN_ENROL]);
    let channel = channel(&world, config).await.unwrap();

    let frames = tokio_stream::iter([frame("hello")]);
    let refused = soon(SyncClient::new(channel.clone()).exchange(frames)).await;
    assert_eq!(refused.unwrap_err().code(), tonic::Code::Unimplemented);
    let request = proto::enrol::RenewRequest::default();
    let mut client = proto::enrol::renewal_client::RenewalClient::new(channel.clone());
    let refused = soon(client.renew(request)).await;
    assert_eq!(refused.unwrap_err().code(), tonic::Code::Unimplemented);
    let request = tonic_health::pb::HealthCheckRequest::default();
    let mut client = tonic_health::pb::health_client::HealthClient::new(channel);
    let refused = soon(client.check(request)).await;
    assert_eq!(refused.unwrap_err().code(), tonic::Code::Unimplemented);
    assert_eq!(world.echo.calls(), 0);
}

#[tokio::test]
async fn enrolment_does_not_answer_on_the_sync_side() {
    let world = World::start().await;
    let channel = soon(world.dialer().dial(&world.address, &world.node(1))).await;
    let mut client = proto::enrol::enrol_client::EnrolClient::new(channel.unwrap());
    let refused = soon(client.enrol(proto::enrol::EnrolRequest::default())).await;
    assert_eq!(refused.unwrap_err().code(), tonic::Code::Unimplemented);
}

#[test]
fn issued_certificates_name_whom_they_were_issued_to() {
    let authority = Authority::generate(HUB, NOW_MS).unwrap();
    let server = authority.issue_server(&["hub.example".to_owned()], NOW_MS);
    let server = server.unwrap();
    assert_eq!(
        identity_of(&server.certificate).unwrap().to_string(),
        format!("spiffe://{HUB}/hub")
    );
    assert!(server.facts.for_server && !server.facts.for_client);
    let key = link::PrivateKey::generate().unwrap();
    let csr = key.request().unwrap();
    let id = node(1).node().unwrap();
    let (certificate, facts) = authority.issue_node(&csr, id, NOW_MS).unwrap();
    assert_eq!(facts, facts_of(&certificate).unwrap());
    assert_eq!(facts.identity, node(1));
    assert!(facts.for_client && !facts.for_server);
    assert_eq!(facts.not_before_ms / 1_000, (NOW_MS - 3_600_000) / 1_000);
    assert_eq!(facts.not_after_ms / 1_000, (NOW_MS + 90 * DAY_MS) / 1_000);
    assert!(key.fits(&certificate) && !server.key.fits(&certificate));
}

//! Joining with a token, and renewing.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up must fail at once"
)]

use std::sync::Arc;
use std::sync::atomic::Ordering;

use link::{
    Authority, DialError, EnrolError, EnrolRefusal, Enrolment, NodeId, Token, facts_of, stop_signal,
};
use proto::enrol::enrol_client::EnrolClient;
use proto::enrol::enrol_server::{Enrol, EnrolServer};
use proto::enrol::{Credential, EnrolRequest};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair};
use tokio::net::TcpListener;
use tonic::{Request, Response, Status};

use crate::world::{
    HUB, NOW_MS, Talk, TestClock, World, authority_of_its_own, joiner, material_of, node, place,
    soon, uri,
};

async fn enrol(world: &World, token: &Token) -> Result<Enrolment, EnrolError> {
    soon(link::enrol(
        &world.dialer(),
        &world.address,
        token,
        joiner(),
    ))
    .await
}

#[tokio::test]
async fn a_token_turns_into_a_certificate_that_opens_sessions() {
    let world = World::start().await;
    // The token goes over paper.
    let token: Token = world.invite(1).to_string().parse().unwrap();
    let enrolled = enrol(&world, &token).await.unwrap();
    assert_eq!(enrolled.facts.identity, node(1));
    assert_eq!(enrolled.material.hub, HUB);
    assert_eq!(enrolled.credential.scope_code, "410305");
    assert_eq!(enrolled.credential.now_ms, i64::try_from(NOW_MS).unwrap());
    let noted = world.registrar.active.lock().unwrap()[&NodeId([1; 16])].clone();
    assert_eq!(noted, [enrolled.facts]);

    let channel = soon(world.dialer().dial(&world.address, &enrolled.material)).await;
    let mut talk = Talk::open(channel.unwrap()).await.unwrap();
    talk.say("hello").await.unwrap();
}

#[tokio::test]
async fn of_two_that_spend_one_token_at_once_exactly_one_wins() {
    let world = World::start().await;
    for round in 1..=5 {
        let token = world.invite(round);
        let (left, right) = tokio::join!(enrol(&world, &token), enrol(&world, &token));
        let (won, lost): (Vec<_>, Vec<_>) = [left, right].into_iter().partition(Result::is_ok);
        assert_eq!((won.len(), lost.len()), (1, 1));
        let error = lost.into_iter().next().unwrap().unwrap_err();
        assert_eq!(error.code(), EnrolRefusal::Used.code());
        // The loser counts as a failed attempt; five a minute are the limit.
        world.clock.mono_ms.fetch_add(60_000, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn each_refusal_keeps_its_meaning_on_the_way() {
    let world = World::start().await;
    for refusal in [
        EnrolRefusal::Used,
        EnrolRefusal::Expired,
        EnrolRefusal::Unknown,
        EnrolRefusal::Locked,
        EnrolRefusal::DemoMismatch,
        EnrolRefusal::Unavailable,
    ] {
        let token = world.invite(1);
        world
            .registrar
            .tokens
            .lock()
            .unwrap()
            .insert(token.secret_hash(), Err(refusal));
        match enrol(&world, &token).await.unwrap_err() {
            EnrolError::Refused(found) => assert_eq!(found, refusal),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn guessing_is_locked_after_five_failures_a_minute() {
    let world = World::start().await;
    let print = world.authority.print();
    for _ in 0..5 {
        let guess = Token::random(print).unwrap();
        let error = enrol(&world, &guess).await.unwrap_err();
        assert_eq!(error.code(), EnrolRefusal::Unknown.code());
    }
    let spends = world.registrar.spends.load(Ordering::SeqCst);
    let good = world.invite(1);
    for _ in 0..20 {
        let error = enrol(&world, &good).await.unwrap_err();
        assert_eq!(error.code(), EnrolRefusal::TooMany.code());
    }
    assert_eq!(world.registrar.spends.load(Ordering::SeqCst), spends);
    world.clock.mono_ms.store(60_000, Ordering::SeqCst);
    enrol(&world, &good).await.unwrap();
}

#[tokio::test]
async fn a_hub_that_does_not_fit_the_token_never_sees_the_secret() {
    let world = World::start().await;
    let stranger = Authority::generate(HUB, NOW_MS).unwrap();
    let token = Token::random(stranger.print()).unwrap();
    let error = enrol(&world, &token).await.unwrap_err();
    assert!(matches!(
        error,
        EnrolError::Dial(DialError::UnknownAuthority)
    ));
    assert_eq!(world.registrar.spends.load(Ordering::SeqCst), 0);
}

/// A request that asks to be an authority, with the name and the rights of others.
fn hostile_request(key: &KeyPair) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![
        uri(&node(0).to_string()),
        uri(&format!("spiffe://{HUB}/hub")),
    ];
    params.is_ca = authority_of_its_own();
    params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::Any,
    ];
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "another node");
    params.serialize_request(key).unwrap().der().to_vec()
}

#[tokio::test]
async fn a_hostile_request_gets_a_plain_certificate_of_the_invited_node() {
    use x509_parser::prelude::{FromDer, X509Certificate};

    let world = World::start().await;
    let token = world.invite(1);
    let key = KeyPair::generate().unwrap();
    let hub = soon(world.dialer().dial_enrol(&world.address, token.authority()))
        .await
        .unwrap();
    let request = EnrolRequest {
        secret: token.secret().to_vec(),
        csr: hostile_request(&key),
        replica: vec![9; 16],
        program: "attacker".to_owned(),
        demo: false,
    };
    let answer = soon(EnrolClient::new(hub.channel).enrol(request)).await;
    let certificate = answer.unwrap().into_inner().certificate;

    let facts = facts_of(&certificate).unwrap();
    assert_eq!(facts.identity, node(1));
    assert!(facts.for_client && !facts.for_server);
    let (_, parsed) = X509Certificate::from_der(&certificate).unwrap();
    let constraints = parsed.basic_constraints().unwrap();
    assert!(constraints.is_none_or(|found| !found.value.ca));
    let usage = parsed.key_usage().unwrap().unwrap().value;
    assert!(usage.digital_signature() && !usage.key_cert_sign() && !usage.crl_sign());
    assert!(!parsed.subject().to_string().contains("another node"));
    let names = parsed.subject_alternative_name().unwrap().unwrap();
    assert_eq!(names.value.general_names.len(), 1);
}

#[tokio::test]
async fn a_request_that_cannot_be_used_does_not_spend_the_token() {
    let world = World::start().await;
    let token = world.invite(1);
    let hub = soon(world.dialer().dial_enrol(&world.address, token.authority()))
        .await
        .unwrap();
    let sound = EnrolRequest {
        secret: token.secret().to_vec(),
        csr: hostile_request(&KeyPair::generate().unwrap()),
        replica: vec![9; 16],
        program: "test".to_owned(),
        demo: false,
    };
    let weak = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let mut broken_proof = sound.csr.to_vec();
    *broken_proof.last_mut().unwrap() ^= 1;
    let requests = [
        EnrolRequest {
            csr: Vec::new(),
            ..sound.clone()
        },
        EnrolRequest {
            csr: vec![0x30; 9_000],
            ..sound.clone()
        },
        EnrolRequest {
            csr: broken_proof,
            ..sound.clone()
        },
        EnrolRequest {
            csr: hostile_request(&weak),
            ..sound.clone()
        },
        EnrolRequest {
            replica: vec![9; 15],
            ..sound.clone()
        },
        EnrolRequest {
            program: "x".repeat(129),
            ..sound.clone()
        },
        EnrolRequest {
            secret: vec![1; 19],
            ..sound
        },
    ];
    for request in requests {
        let refused = soon(EnrolClient::new(hub.channel.clone()).enrol(request)).await;
        let status = refused.unwrap_err();
        assert_eq!(
            link::stable_code(&status),
            Some(EnrolRefusal::Request.code())
        );
        world.clock.mono_ms.fetch_add(60_000, Ordering::SeqCst);
    }
    assert_eq!(world.registrar.spends.load(Ordering::SeqCst), 0);
    enrol(&world, &token).await.unwrap();
}

#[tokio::test]
async fn renewal_gives_a_new_key_and_the_same_name_until_revoked() {
    let world = World::start().await;
    let first = enrol(&world, &world.invite(1)).await.unwrap();
    let channel = soon(world.dialer().dial(&world.address, &first.material)).await;
    let channel = channel.unwrap();
    let dialer = world.dialer();
    let second = soon(link::renew(&dialer, channel.clone(), &first.material)).await;
    let second = second.unwrap();
    assert_eq!(second.facts.identity, first.facts.identity);
    assert_ne!(second.facts.serial, first.facts.serial);
    assert!(!first.material.key.fits(&second.material.certificate));
    soon(dialer.dial(&world.address, &second.material))
        .await
        .unwrap();

    world.registrar.active.lock().unwrap().clear();
    let refused = soon(link::renew(&dialer, channel, &second.material)).await;
    assert_eq!(refused.unwrap_err().code(), EnrolRefusal::Inactive.code());
}

/// A hub under somebody else's hand: it answers with whatever it was given.
struct Liar(Credential);

#[tonic::async_trait]
impl Enrol for Liar {
    async fn enrol(&self, _: Request<EnrolRequest>) -> Result<Response<Credential>, Status> {
        Ok(Response::new(self.0.clone()))
    }
}

#[tokio::test]
async fn an_answer_for_another_key_is_not_believed() {
    let authority = Authority::generate(HUB, NOW_MS).unwrap();
    let clock = TestClock::at(NOW_MS);
    let material = material_of(&authority, link::DenyList::default());
    let acceptor = link::Acceptor::new(material, clock.clone()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string().parse().unwrap();
    let (_stopper, stop) = stop_signal();
    let accepting = acceptor.run(link::tcp(listener), stop);
    let other_key = link::PrivateKey::generate().unwrap();
    let csr = other_key.request().unwrap();
    let id = NodeId([1; 16]);
    let (certificate, _) = authority.issue_node(&csr, id, NOW_MS).unwrap();
    let place = place(id);
    let liar = Liar(Credential {
        certificate: certificate.to_vec(),
        authority: authority.certificate().to_vec(),
        node: id.to_string(),
        hub: HUB.to_string(),
        scope: place.scope.0.to_vec(),
        published: place.published.0.to_vec(),
        hub_replica: HUB.0.to_vec(),
        ..Credential::default()
    });
    let server = tonic::transport::Server::builder().add_service(EnrolServer::new(liar));
    let server = tokio::spawn(server.serve_with_incoming(accepting.enrol));
    let dialer = link::Dialer::tcp(Arc::clone(&clock) as Arc<dyn replica::Clock>);
    let token = Token::random(authority.print()).unwrap();
    let error = soon(link::enrol(&dialer, &address, &token, joiner())).await;
    match error.unwrap_err() {
        EnrolError::Answer { what } => assert_eq!(what, "key"),
        other => panic!("{other:?}"),
    }
    server.abort();
}

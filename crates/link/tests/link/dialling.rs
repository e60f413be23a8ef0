//! A node that cannot get through knows why.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up must fail at once"
)]

use link::{
    Authority, DenyList, DialError, Dialer, HubAddress, HubMaterial, Leaf, NodeMaterial, facts_of,
};
use rcgen::ExtendedKeyUsagePurpose;
use replica::ReplicaId;
use tokio::net::TcpListener;

use crate::world::{
    DAY_MS, Forge, HUB, NOW_MS, Talk, TestClock, World, material_of, moment, node, soon, uri,
};

async fn dial(
    dialer: &Dialer,
    world: &World,
    material: &NodeMaterial,
) -> Result<tonic::transport::Channel, DialError> {
    soon(dialer.dial(&world.address, material)).await
}

/// A hub that shows a certificate forged as `change` likes.
async fn hub_showing(change: impl FnOnce(&mut rcgen::CertificateParams)) -> World {
    let authority = Authority::generate(HUB, NOW_MS).unwrap();
    let forged = Forge::of(&authority).sign(|params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.subject_alt_names = vec![uri(&format!("spiffe://{HUB}/hub"))];
        change(params);
    });
    let material = HubMaterial {
        hub: HUB,
        server: Leaf {
            facts: facts_of(&forged.certificate).unwrap(),
            certificate: forged.certificate,
            key: forged.key,
        },
        authorities: vec![authority.certificate().clone()],
        deny: DenyList::default(),
    };
    World::start_with(authority, material).await
}

#[tokio::test]
async fn a_hub_that_is_down_is_network() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: HubAddress = listener.local_addr().unwrap().to_string().parse().unwrap();
    drop(listener);
    let world = World::start().await;
    let error = soon(world.dialer().dial(&address, &world.node(1))).await;
    let error = error.unwrap_err();
    assert!(matches!(error, DialError::Network(_)), "{error:?}");
    assert!(error.is_passing() && error.code() == "LINK-001");
}

#[tokio::test]
async fn a_peer_that_is_no_hub_is_not_called_a_certificate_fault() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: HubAddress = listener.local_addr().unwrap().to_string().parse().unwrap();
    let other = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream);
        }
    });
    let world = World::start().await;
    let error = soon(world.dialer().dial(&address, &world.node(1))).await;
    assert!(matches!(error.unwrap_err(), DialError::Network(_)));
    other.abort();
}

#[tokio::test]
async fn a_revoked_node_is_told_so() {
    let authority = Authority::generate(HUB, NOW_MS).unwrap();
    let mut deny = DenyList::default();
    deny.revoke_identity(node(1));
    let material = material_of(&authority, deny);
    let world = World::start_with(authority, material).await;
    let error = dial(&world.dialer(), &world, &world.node(1)).await;
    assert!(matches!(error.unwrap_err(), DialError::Revoked));
    dial(&world.dialer(), &world, &world.node(2)).await.unwrap();
}

#[tokio::test]
async fn a_clock_years_off_is_called_the_clock_in_either_direction() {
    let world = World::start().await;
    for wall_ms in [NOW_MS - 5 * 365 * DAY_MS, NOW_MS + 5 * 365 * DAY_MS, 0] {
        let error = dial(&world.dialer_at(wall_ms), &world, &world.node(1)).await;
        match error.unwrap_err() {
            DialError::Clock { own_ms, hub_ms } => {
                assert_eq!(own_ms / 1_000, wall_ms / 1_000);
                assert!(hub_ms.abs_diff(NOW_MS) <= 91 * DAY_MS);
            }
            other => panic!("{other:?}"),
        }
        let error = soon(
            world
                .dialer_at(wall_ms)
                .dial_enrol(&world.address, world.authority.print()),
        )
        .await;
        assert!(matches!(error.unwrap_err(), DialError::Clock { .. }));
    }
}

#[tokio::test]
async fn an_expired_certificate_is_told_from_a_slow_clock() {
    let world = World::start().await;
    let old = world.node_since(1, NOW_MS);
    let later_ms = NOW_MS + 91 * DAY_MS;
    world
        .clock
        .wall_ms
        .store(later_ms, std::sync::atomic::Ordering::SeqCst);
    let mut material = material_of(&world.authority, DenyList::default());
    material.server = world
        .authority
        .issue_server(&[], later_ms - 20 * DAY_MS)
        .unwrap();
    world.acceptor.reload(material).unwrap();

    // Both clocks agree that the certificate is over.
    let error = dial(&world.dialer(), &world, &old).await.unwrap_err();
    match error {
        DialError::Expired { not_after_ms } => {
            assert_eq!(
                not_after_ms,
                facts_of(&old.certificate).unwrap().not_after_ms
            );
        }
        other => panic!("{other:?}"),
    }
    // By the own clock, ten days behind, it is still good.
    let slow = world.dialer_at(later_ms - 10 * DAY_MS);
    let error = dial(&slow, &world, &old).await.unwrap_err();
    assert!(matches!(error, DialError::Clock { .. }), "{error:?}");
}

#[tokio::test]
async fn an_unknown_authority_is_told_on_both_sides() {
    let world = World::start().await;
    let stranger = Authority::generate(HUB, NOW_MS).unwrap();

    // The hub is not certified by whom the node knows.
    let mut material = world.node(1);
    material.authorities = vec![stranger.certificate().clone()];
    let error = dial(&world.dialer(), &world, &material).await;
    assert!(matches!(error.unwrap_err(), DialError::UnknownAuthority));

    // The node is not certified by whom the hub knows.
    let mut material = world.node(1);
    let csr = material.key.request().unwrap();
    let id = node(1).node().unwrap();
    (material.certificate, _) = stranger.issue_node(&csr, id, NOW_MS).unwrap();
    let error = dial(&world.dialer(), &world, &material).await;
    assert!(matches!(error.unwrap_err(), DialError::UnknownAuthority));

    let error = soon(world.dialer().dial_enrol(&world.address, stranger.print())).await;
    assert!(matches!(error.unwrap_err(), DialError::UnknownAuthority));
}

#[tokio::test]
async fn another_hub_of_the_same_authority_is_told() {
    let elsewhere = ReplicaId([0xcd; 16]);
    let name = uri(&format!("spiffe://{elsewhere}/hub"));
    let world = hub_showing(|params| params.subject_alt_names = vec![name]).await;
    let error = dial(&world.dialer(), &world, &world.node(1)).await;
    match error.unwrap_err() {
        DialError::WrongHub { expected, found } => {
            assert_eq!((expected, found), (HUB, elsewhere));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_host_name_plays_no_part() {
    let world = hub_showing(|_| {}).await;
    let channel = dial(&world.dialer(), &world, &world.node(1)).await.unwrap();
    Talk::open(channel)
        .await
        .unwrap()
        .say("hello")
        .await
        .unwrap();
}

#[tokio::test]
async fn a_node_cannot_pose_as_the_hub() {
    let name = uri(&node(2).to_string());
    let world = hub_showing(|params| params.subject_alt_names = vec![name]).await;
    let error = dial(&world.dialer(), &world, &world.node(1)).await;
    assert!(matches!(error.unwrap_err(), DialError::Refused { .. }));

    let client = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let world = hub_showing(|params| params.extended_key_usages = client).await;
    let error = dial(&world.dialer(), &world, &world.node(1)).await;
    assert!(matches!(error.unwrap_err(), DialError::Refused { .. }));
}

#[tokio::test]
async fn a_hub_that_let_its_certificate_expire_is_told() {
    let end_ms = NOW_MS - 5 * DAY_MS;
    let world = hub_showing(|params| {
        params.not_before = moment(end_ms - 90 * DAY_MS);
        params.not_after = moment(end_ms);
    })
    .await;
    let error = dial(&world.dialer(), &world, &world.node(1)).await;
    assert!(matches!(error.unwrap_err(), DialError::HubExpired { .. }));
}

#[tokio::test]
async fn unusable_own_material_is_told_before_dialling() {
    let world = World::start().await;
    let mut material = world.node(1);
    material.certificate = world.authority.certificate().clone();
    let error = soon(Dialer::tcp(TestClock::at(NOW_MS)).dial(&world.address, &material))
        .await
        .unwrap_err();
    assert!(matches!(error, DialError::Material(_)), "{error:?}");
    let mut material = world.node(1);
    material.key = link::PrivateKey::generate().unwrap();
    let error = dial(&world.dialer(), &world, &material).await.unwrap_err();
    assert!(matches!(error, DialError::Material(_)), "{error:?}");
}

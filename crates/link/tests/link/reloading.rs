//! Certificates, roots and revocations change while the hub runs.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up must fail at once"
)]

use std::sync::atomic::Ordering;

use link::{Authority, DenyList, DialError, Refusal, Role, facts_of};

use crate::world::{DAY_MS, HUB, NOW_MS, Talk, World, material_of, node, soon};

async fn talk(world: &World, number: u8) -> Talk {
    let channel = soon(world.dialer().dial(&world.address, &world.node(number))).await;
    let mut talk = Talk::open(channel.unwrap()).await.unwrap();
    talk.say("hello").await.unwrap();
    talk
}

#[tokio::test]
async fn revoking_an_identity_cuts_its_stream_and_no_other() {
    let mut world = World::start().await;
    let mut revoked = talk(&world, 1).await;
    let mut kept = talk(&world, 2).await;
    assert_eq!(world.acceptor.peers().len(), 2);

    let mut deny = DenyList::default();
    deny.revoke_identity(node(1));
    let material = material_of(&world.authority, deny);
    assert_eq!(world.acceptor.reload(material).unwrap(), 1);

    let error = revoked.hear().await.unwrap_err();
    assert!(matches!(
        DialError::of_status(&error),
        DialError::Network(_)
    ));
    let error = soon(world.dialer().dial(&world.address, &world.node(1))).await;
    assert!(matches!(error.unwrap_err(), DialError::Revoked));
    assert_eq!(world.refusal().await, Refusal::Revoked);
    kept.say("still here").await.unwrap();
    assert_eq!(world.echo.calls(), 2);
}

#[tokio::test]
async fn a_revoked_channel_learns_the_reason_at_its_next_call() {
    let world = World::start().await;
    let material = world.node(1);
    let serial = facts_of(&material.certificate).unwrap().serial;
    let channel = soon(world.dialer().dial(&world.address, &material))
        .await
        .unwrap();
    let mut open = Talk::open(channel.clone()).await.unwrap();
    open.say("hello").await.unwrap();

    let mut deny = DenyList::default();
    deny.revoke_serial(serial);
    let material = material_of(&world.authority, deny);
    assert_eq!(world.acceptor.reload(material).unwrap(), 1);
    open.hear().await.unwrap_err();
    let error = Talk::open(channel).await.err().unwrap();
    let error = DialError::of_status(&error);
    assert!(matches!(error, DialError::Revoked), "{error:?}");
    assert_eq!(world.echo.calls(), 1);
}

#[tokio::test]
async fn a_new_server_certificate_is_shown_without_a_restart() {
    let world = World::start().await;
    let mut open = talk(&world, 1).await;
    // Five years on, the first certificate would be refused.
    let later_ms = NOW_MS + 5 * 365 * DAY_MS;
    let mut material = material_of(&world.authority, DenyList::default());
    material.server = world.authority.issue_server(&[], later_ms).unwrap();
    assert_eq!(world.acceptor.reload(material).unwrap(), 0);
    open.say("still here").await.unwrap();
    world.clock.wall_ms.store(later_ms, Ordering::SeqCst);
    let fresh = world.node_since(2, later_ms);
    soon(world.dialer().dial(&world.address, &fresh))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_second_authority_is_trusted_from_the_reload_on() {
    let world = World::start().await;
    let next = Authority::generate(HUB, NOW_MS).unwrap();
    let mut of_next = world.node(1);
    let csr = of_next.key.request().unwrap();
    let id = node(1).node().unwrap();
    (of_next.certificate, _) = next.issue_node(&csr, id, NOW_MS).unwrap();

    let refused = soon(world.dialer().dial(&world.address, &of_next)).await;
    assert!(matches!(refused, Err(DialError::UnknownAuthority)));
    let mut material = material_of(&world.authority, DenyList::default());
    material.authorities.push(next.certificate().clone());
    world.acceptor.reload(material).unwrap();
    soon(world.dialer().dial(&world.address, &of_next))
        .await
        .unwrap();
    soon(world.dialer().dial(&world.address, &world.node(2)))
        .await
        .unwrap();
}

#[tokio::test]
async fn unusable_material_changes_nothing() {
    let world = World::start().await;
    let mut open = talk(&world, 1).await;
    let mut material = material_of(&world.authority, DenyList::default());
    material.authorities.clear();
    world.acceptor.reload(material).unwrap_err();
    open.say("still here").await.unwrap();
    talk(&world, 2).await;
}

#[tokio::test]
async fn an_identity_can_be_cut_by_name_and_comes_back() {
    let world = World::start().await;
    let mut cut = talk(&world, 1).await;
    let mut kept = talk(&world, 2).await;
    assert_eq!(world.acceptor.cut(&node(3)), 0);
    assert_eq!(world.acceptor.cut(&node(1)), 1);
    cut.hear().await.unwrap_err();
    kept.say("still here").await.unwrap();
    talk(&world, 1).await;
}

#[tokio::test]
async fn a_certificate_that_ends_during_a_connection_makes_no_more_calls() {
    let world = World::start().await;
    let channel = soon(world.dialer().dial(&world.address, &world.node(1))).await;
    let channel = channel.unwrap();
    let mut open = Talk::open(channel.clone()).await.unwrap();
    open.say("hello").await.unwrap();
    let later_ms = NOW_MS + 91 * DAY_MS;
    world.clock.wall_ms.store(later_ms, Ordering::SeqCst);
    let error = Talk::open(channel).await.err().unwrap();
    // The call was refused on the open connection, or the sweep had cut that already and the
    // channel met the hub's certificate, which is over as well.
    let is_refused = link::stable_code(&error) == Some(Refusal::Expired.code());
    let fault = DialError::of_status(&error);
    assert!(
        is_refused || matches!(fault, DialError::HubExpired { .. } | DialError::Network(_)),
        "{error:?}"
    );
    assert_eq!(world.echo.calls(), 1);
    let mut material = material_of(&world.authority, DenyList::default());
    material.server = world.authority.issue_server(&[], later_ms).unwrap();
    world.acceptor.reload(material).unwrap();
    open.hear().await.unwrap_err();
}

#[tokio::test]
async fn the_fifth_connection_of_a_node_ends_its_oldest() {
    let world = World::start().await;
    let mut talks = Vec::new();
    for _ in 0..5 {
        talks.push(talk(&world, 1).await);
    }
    let mut other = talk(&world, 2).await;
    talks[0].hear().await.unwrap_err();
    for talk in &mut talks[1..] {
        talk.say("still here").await.unwrap();
    }
    other.say("still here").await.unwrap();
    let peers = world.acceptor.peers();
    assert!(peers.iter().all(|peer| peer.role == Role::Sync));
}

//! Rows 9, 10, 14 and 15: what an identity can do with its lines.

use std::time::{Duration, Instant};

use link::{DialError, Dialer, Identity, NodeId};
use program::clock::SystemClock;
use proto::sync::{Ack, Frame, frame::Frame as Body};
use tests::rig::{Medium, fresh_replica};

use crate::{
    hostile::{Line, PATIENCE, dial},
    world::{World, save, until},
};

/// Resident memory of this process, KiB. Other tests run beside this one, so bounds are wide.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    line.and_then(|l| l.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_14_a_revoked_node_is_cut_and_nothing_later_is_accepted() {
    let world = World::new().await;
    let mut puppet = world.puppet();
    let record = puppet.make(1);
    let mut line = puppet.call(&world.place).await;
    let standing = dial(&world.place).await;
    assert_eq!(line.push(puppet.batch(&[record])).await, []);
    let before = world.scope(puppet.scope);
    let start = Instant::now();
    let cut = world.hub.revoke(world.place.replica);
    assert_eq!(cut, 2, "the session's connection and the idle one");
    // It goes on as if nothing had happened.
    for n in 2..50 {
        let record = puppet.make(n);
        line.say(Body::Batch(puppet.batch(&[record]))).await;
    }
    assert_eq!(line.end().await, None);
    assert!(start.elapsed() < Duration::from_secs(5));
    let clock = std::sync::Arc::new(SystemClock::default());
    let address = format!("https://{}", world.place.address).parse().unwrap();
    let again = Dialer::tcp(clock)
        .dial(&address, &world.place.material)
        .await;
    assert!(matches!(again, Err(DialError::Revoked)), "{again:?}");
    let mut client = proto::sync::sync_client::SyncClient::new(standing);
    let stale = client
        .exchange(tokio_stream::iter(Vec::<Frame>::new()))
        .await;
    assert!(stale.is_err(), "a connection from before does not help");
    let identity = Identity::Node {
        hub: world.hub.replica,
        node: NodeId(puppet.replica.0),
    };
    until("the connections are gone", || {
        world
            .hub
            .acceptor
            .peers()
            .iter()
            .all(|peer| peer.identity() != Some(identity))
    })
    .await;
    assert_eq!(world.scope(puppet.scope), before);
    world.survives().await;
}

/// A reader that never reads: it gets what its window holds and not more, and others go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_15_a_reader_that_never_reads_costs_the_hub_little_and_others_nothing() {
    let world = World::new().await;
    let colleague = world
        .hub
        .node(fresh_replica(), crate::world::OWN, &Medium::Memory);
    for part in 0..4 {
        save(&colleague, part * 500..(part + 1) * 500);
    }
    let running = colleague.connect();
    running.settled(PATIENCE).await;
    let mut puppet = world.puppet();
    let before = resident_kib();
    let mut line = Line::open(&world.place).await;
    line.greet(puppet.hello()).await;
    // It never reads again, but goes on sending as far as the hub lets it.
    let start = Instant::now();
    let mut sent = 0;
    while start.elapsed() < Duration::from_secs(2) && sent < 3_000 {
        let batch = puppet.batch_of(Vec::new());
        let one = line.say(Body::Batch(batch));
        if tokio::time::timeout(Duration::from_millis(500), one)
            .await
            .is_err()
        {
            break;
        }
        sent += 1;
    }
    let start = Instant::now();
    save(&colleague, 5_000..5_010);
    until("a colleague's writes arrive", || {
        world.scope(colleague.scope).1
            == crate::world::scope_of(colleague.handle().reader(), colleague.scope).1
    })
    .await;
    assert!(start.elapsed() < Duration::from_secs(5));
    let grown = resident_kib().saturating_sub(before);
    assert!(grown < 200 << 10, "{grown} KiB");
    running.stop().await;
    drop(line);
    world.survives().await;
}

/// Small frames as fast as they go, which ask for nothing: the honest node's session stands.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_10_a_flood_of_small_frames_ends_nobody_else_s_session() {
    let world = World::new().await;
    let mut puppet = world.puppet();
    let record = puppet.make(1);
    let mut line = puppet.call(&world.place).await;
    assert_eq!(line.push(puppet.batch(&[record])).await, []);
    let ack = Ack {
        scope: puppet.scope.0.to_vec(),
        ..Ack::default()
    };
    let flood = async {
        for _ in 0..20_000 {
            line.say(Body::Ack(ack.clone())).await;
        }
    };
    tokio::time::timeout(PATIENCE, flood)
        .await
        .expect("the hub reads on or ends the session");
    world.survives().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_9_of_two_hundred_sessions_of_one_identity_the_newest_stands() {
    let world = World::new().await;
    let mut puppet = world.puppet();
    let mut lines = Vec::new();
    for _ in 0..25 {
        let channel = dial(&world.place).await;
        for _ in 0..8 {
            let line = Line::over(channel.clone()).await;
            line.say(Body::Hello(puppet.hello())).await;
            lines.push(line);
        }
    }
    let mut newest = puppet.call(&world.place).await;
    let record = puppet.make(1);
    assert_eq!(newest.push(puppet.batch(&[record])).await, []);
    // The older ones have no say any more.
    let before = world.scope(puppet.scope);
    let mut late = puppet.clone();
    for line in lines.iter_mut().rev().take(20) {
        let record = late.make(1_000);
        line.say(Body::Batch(late.clone().batch(&[record]))).await;
        line.end().await;
    }
    assert_eq!(world.scope(puppet.scope), before);
    let identity = Identity::Node {
        hub: world.hub.replica,
        node: NodeId(puppet.replica.0),
    };
    let connections = world.hub.acceptor.peers();
    let connections = connections
        .iter()
        .filter(|peer| peer.identity() == Some(identity));
    assert!(connections.count() <= link::limits::CONNECTIONS_PER_IDENTITY_MAX + 1);
    let record = puppet.make(2);
    assert_eq!(
        newest.push(puppet.batch(&[record])).await,
        [],
        "the newest goes on"
    );
    world.survives().await;
}

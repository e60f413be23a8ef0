//! What else the hub's servers do: health, reflection, limits, and ending in order.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up must fail at once"
)]

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use link::{Authority, BoxIo, DenyList, Dialer, Refusal};
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::world::{HUB, NOW_MS, Talk, World, material_of, soon};

type Connection = io::Result<(BoxIo, SocketAddr)>;

/// A hub whose network is memory, so that its time limits pass as fast as everyone waits.
fn world_in_memory() -> (World, mpsc::Sender<Connection>) {
    let (line, connections) = mpsc::channel(16);
    let authority = Authority::generate(HUB, NOW_MS).unwrap();
    let material = material_of(&authority, DenyList::default());
    let connections = ReceiverStream::new(connections);
    let world = World::start_on(authority, material, "192.0.2.1:7443", connections);
    (world, line)
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 9], port))
}

fn dialer_in_memory(world: &World, line: &mpsc::Sender<Connection>) -> Dialer {
    let line = line.clone();
    Dialer::over(world.clock.clone(), move |_| {
        let line = line.clone();
        async move {
            let (ours, theirs) = tokio::io::duplex(64 << 10);
            let arrived = (Box::new(theirs) as BoxIo, address(1));
            let sent = line.send(Ok(arrived)).await;
            sent.or(Err(io::ErrorKind::NotConnected))?;
            Ok(Box::new(ours) as BoxIo)
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_dropped_after_five_seconds() {
    let (mut world, line) = world_in_memory();
    let (silent, theirs) = tokio::io::duplex(1_024);
    let begun = tokio::time::Instant::now();
    line.send(Ok((Box::new(theirs), address(1)))).await.unwrap();
    assert_eq!(world.refusal().await, Refusal::Timeout);
    assert!(begun.elapsed() < Duration::from_secs(6));
    drop(silent);
}

#[tokio::test(start_paused = true)]
async fn two_thousand_silent_peers_do_not_keep_a_node_out() {
    let (world, line) = world_in_memory();
    let mut silent = Vec::new();
    for port in 1..=2_000 {
        let (ours, theirs) = tokio::io::duplex(64);
        silent.push(ours);
        line.send(Ok((Box::new(theirs), address(port))))
            .await
            .unwrap();
    }
    let dialer = dialer_in_memory(&world, &line);
    let begun = tokio::time::Instant::now();
    let channel = soon(dialer.dial(&world.address, &world.node(1)))
        .await
        .unwrap();
    Talk::open(channel)
        .await
        .unwrap()
        .say("hello")
        .await
        .unwrap();
    assert!(begun.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn an_idle_enrol_connection_ends_by_itself() {
    let (world, line) = world_in_memory();
    let dialer = dialer_in_memory(&world, &line);
    let print = world.authority.print();
    let hub = soon(dialer.dial_enrol(&world.address, print))
        .await
        .unwrap();
    assert_eq!(world.acceptor.peers().len(), 1);
    tokio::time::sleep(Duration::from_secs(70)).await;
    assert_eq!(world.acceptor.peers().len(), 0);
    drop(hub);
}

#[tokio::test(start_paused = true)]
async fn stopping_ends_open_streams_within_five_seconds() {
    let (world, line) = world_in_memory();
    let dialer = dialer_in_memory(&world, &line);
    let channel = soon(dialer.dial(&world.address, &world.node(1)))
        .await
        .unwrap();
    let mut open = Talk::open(channel).await.unwrap();
    open.say("hello").await.unwrap();
    let begun = tokio::time::Instant::now();
    world.stopper.stop();
    // A session may say what it has to say before it is cut.
    open.say("goodbye").await.unwrap();
    open.hear().await.unwrap_err();
    soon(world.server).await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn stopping_without_open_streams_is_immediate() {
    let world = World::start().await;
    let channel = soon(world.dialer().dial(&world.address, &world.node(1))).await;
    drop(channel);
    world.stopper.stop();
    soon(world.server).await.unwrap().unwrap();
}

#[tokio::test]
async fn health_and_reflection_answer_to_holders_of_certificates() {
    let world = World::start().await;
    let channel = soon(world.dialer().dial(&world.address, &world.node(1))).await;
    let channel = channel.unwrap();
    let request = HealthCheckRequest {
        service: "liangxin.sync.v1.Sync".to_owned(),
    };
    let health = soon(HealthClient::new(channel.clone()).check(request)).await;
    assert_eq!(health.unwrap().into_inner().status, 1);

    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut client = ServerReflectionClient::new(channel);
    let answers = client.server_reflection_info(tokio_stream::iter([request]));
    let mut answers = soon(answers).await.unwrap().into_inner();
    let answer = soon(answers.next()).await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("{answer:?}");
    };
    let names: Vec<_> = list
        .service
        .iter()
        .map(|found| found.name.as_str())
        .collect();
    assert!(names.contains(&"liangxin.sync.v1.Sync"), "{names:?}");
}

#[tokio::test]
async fn a_message_above_four_mebibytes_ends_the_stream_and_a_large_one_does_not() {
    let world = World::start().await;
    let channel = soon(world.dialer().dial(&world.address, &world.node(1))).await;
    let channel = channel.unwrap();
    let mut talk = Talk::open(channel.clone()).await.unwrap();
    talk.say(&"x".repeat(3 << 20)).await.unwrap();
    assert!(talk.say(&"x".repeat(5 << 20)).await.is_err());
    let mut talk = Talk::open(channel).await.unwrap();
    talk.say("still served").await.unwrap();
}

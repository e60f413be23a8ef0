//! Rows 5 and 7: frames that are small and ask for much.

use std::time::{Duration, Instant};

use proto::sync::{Ack, Healed, Leaves, Part, Prints, frame::Frame as Body};
use replica::{Incarnation, limits::INCARNATIONS_MAX};
use tests::rig::{Medium, fresh_replica};

use crate::{
    hostile::{Line, PATIENCE, position},
    world::{World, save},
};

fn question(scope: replica::ScopeId, numbers: impl Iterator<Item = u32>) -> Prints {
    Prints {
        scope: scope.0.to_vec(),
        parts: numbers
            .map(|number| Part {
                number,
                sum: Vec::new(),
                count: 9,
            })
            .collect(),
        ..Prints::default()
    }
}

/// Each unknown scope that a hub remembered would cost it 160 KiB.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_7_acks_of_unknown_scopes_and_of_nothing_end_the_session() {
    let world = World::new().await;
    let mut puppet = world.puppet();
    let record = puppet.make(1);
    let scopes = |world: &World| world.reader().scopes().len();
    let mut line = puppet.call(&world.place).await;
    assert_eq!(line.push(puppet.batch(&[record])).await, []);
    let before = scopes(&world);
    for (scope, code) in [
        (vec![9; 16], "SYNC-106"),
        (Vec::new(), "SYNC-106"),
        (world.honest.scope.0.to_vec(), "SYNC-106"),
        (puppet.scope.0.to_vec(), "SYNC-105"),
    ] {
        let mut line = puppet.call(&world.place).await;
        line.say(Body::Ack(Ack {
            scope,
            ..Ack::default()
        }))
        .await;
        assert_eq!(line.end().await.as_deref(), Some(code));
    }
    assert_eq!(scopes(&world), before);
    world.survives().await;
}

/// One page named forty thousand times was answered with forty thousand times its 64 buckets.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_7_sums_are_asked_of_each_page_once() {
    let world = World::new().await;
    let puppet = world.puppet();
    for (numbers, code) in [
        (vec![4_096; 40_000], "SYNC-104"),
        (vec![4_096, 4_096], "SYNC-104"),
        (vec![4_097, 4_096], "SYNC-104"),
        ((0..4_096).collect(), "SYNC-104"),
    ] {
        let mut line = puppet.call(&world.place).await;
        line.say(Body::Prints(question(puppet.scope, numbers.into_iter())))
            .await;
        assert_eq!(line.end().await.as_deref(), Some(code));
    }
    world.survives().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_7_an_exchange_is_bounded_and_ends_once() {
    let world = World::new().await;
    let puppet = world.puppet();
    let scope = puppet.scope.0.to_vec();
    // More buckets than there are, without an end.
    let mut line = puppet.call(&world.place).await;
    line.say(Body::Prints(question(puppet.scope, 4_096..4_160)))
        .await;
    for _ in 0..10 {
        let buckets = vec![1; 1_000];
        let leaves = Leaves {
            scope: scope.clone(),
            buckets,
            ..Leaves::default()
        };
        line.say(Body::Leaves(leaves)).await;
    }
    assert_eq!(line.end().await.as_deref(), Some("SYNC-104"));
    // Leaves after the last.
    let mut line = puppet.call(&world.place).await;
    line.say(Body::Prints(question(puppet.scope, 4_096..4_160)))
        .await;
    let last = Leaves {
        scope: scope.clone(),
        last: true,
        ..Leaves::default()
    };
    line.say(Body::Leaves(last.clone())).await;
    line.say(Body::Leaves(last)).await;
    assert_eq!(line.end().await.as_deref(), Some("SYNC-104"));
    // The end of an exchange that nobody began.
    let mut line = puppet.call(&world.place).await;
    line.say(Body::Healed(Healed { scope, cut: None })).await;
    assert_eq!(line.end().await.as_deref(), Some("SYNC-103"));
    world.survives().await;
}

/// The names of a hostile node travel to its colleagues; their greeting must still fit a message,
/// and a greeting with many names must not hold up the hub.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_5_thousands_of_incarnations_shut_no_colleague_out() {
    let world = World::new().await;
    let colleague = world
        .hub
        .node(fresh_replica(), crate::world::OWN, &Medium::Memory);
    save(&colleague, 0..3);
    colleague.settle(PATIENCE).await;
    let mut puppet = world.puppet();
    let record = puppet.make(1);
    let mut line = puppet.call(&world.place).await;
    assert_eq!(line.push(puppet.batch(&[record])).await, []);
    let mut name = 0;
    for _ in 0..4 {
        let mut batch = puppet.batch_of(Vec::new());
        batch.positions.extend((0..20_000).map(|_| {
            name += 1;
            position(puppet.replica, Incarnation(name), 1)
        }));
        assert_eq!(line.push(batch).await, []);
    }
    drop(line);
    let mut line = Line::open(&world.place).await;
    let start = Instant::now();
    let mut hello = puppet.hello();
    hello
        .positions
        .extend((0..20_000).map(|n| position(puppet.replica, Incarnation(n), 1)));
    let welcome = line.greet(hello).await;
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    assert!(welcome.positions.len() <= INCARNATIONS_MAX + 8);
    colleague.settle(PATIENCE).await;
    world.survives().await;
}

//! Row 4: replays of old batches and sessions.

use proto::sync::{Batch, frame::Frame as Body};
use replica::{RecordKey, Sibling};
use tests::sample;

use crate::{
    hostile::{Line, PATIENCE, Puppet},
    world::{World, save},
};

/// What an honest node of the attacker's district sent in its session: the record states in their
/// order, old ones included.
async fn honest_session(world: &World) -> Vec<replica::Record> {
    let node = world.hub.node(
        tests::rig::fresh_replica(),
        crate::world::OWN,
        &tests::rig::Medium::Memory,
    );
    save(&node, 0..8);
    let key = |n| RecordKey {
        kind: sample::ORGANISATION,
        id: sample::id_of(node.scope, n),
    };
    let state = |n| node.handle().reader().get(key(n)).unwrap().unwrap().record;
    let mut sent: Vec<_> = (0..8).map(state).collect();
    let running = node.connect();
    running.settled(PATIENCE).await;
    for n in 0..4 {
        let before = state(n);
        let shown = before
            .register(sample::remark_register())
            .iter()
            .map(Sibling::shown);
        let edit = sample::remark(node.scope, n, "later", shown.collect());
        node.handle().edit(vec![edit], Vec::new()).unwrap();
        sent.push(state(n));
    }
    let reader = world.reader();
    crate::world::until("the edits arrive", || {
        crate::world::scope_of(&reader, node.scope).1
            == crate::world::scope_of(node.handle().reader(), node.scope).1
    })
    .await;
    running.stop().await;
    sent
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_4_replayed_batches_change_neither_state_nor_feed() {
    let world = World::new().await;
    let sent = honest_session(&world).await;
    let before = world.scope(world.place.scope);
    let mut puppet = world.puppet();
    for _ in 0..3 {
        let mut line = puppet.call(&world.place).await;
        for record in &sent {
            let results = line.push(puppet.batch(std::slice::from_ref(record))).await;
            assert_eq!(results, [], "what the hub has seen is no news");
        }
        assert_eq!(line.push(puppet.batch(&sent)).await, []);
    }
    assert_eq!(world.scope(world.place.scope), before);
    world.survives().await;
}

/// The attacker's own batches word for word: the feed has gone on, so they continue nothing; sent
/// as an exchange they say nothing new.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_4_a_whole_session_repeated_word_for_word_is_refused() {
    let world = World::new().await;
    let mut puppet = world.puppet();
    let recorded: Vec<(Puppet, Batch)> = (0..3)
        .map(|n| {
            let records: Vec<_> = (0..5).map(|m| puppet.make(n * 5 + m)).collect();
            let batch = puppet.batch(&records);
            (puppet.clone(), batch)
        })
        .collect();
    let mut line = puppet.call(&world.place).await;
    for (_, batch) in &recorded {
        assert_eq!(line.push(batch.clone()).await, []);
    }
    drop(line);
    let before = world.scope(puppet.scope);
    for _ in 0..3 {
        for (_, batch) in &recorded {
            let mut line = puppet.call(&world.place).await;
            line.say(Body::Batch(batch.clone())).await;
            assert_eq!(line.end().await.as_deref(), Some("SYNC-107"));
        }
        let mut line = puppet.call(&world.place).await;
        for (_, batch) in &recorded {
            let exchange = Batch {
                exchange: true,
                ..batch.clone()
            };
            assert_eq!(line.push(exchange).await, []);
        }
        // The greeting of then is one of a life that has gone back.
        let mut line = Line::open(&world.place).await;
        line.greet(recorded[0].0.hello()).await;
        let exchange = Batch {
            exchange: true,
            ..recorded[0].1.clone()
        };
        line.say(Body::Batch(exchange)).await;
        assert_eq!(line.end().await.as_deref(), Some("SYNC-110"));
    }
    assert_eq!(world.scope(puppet.scope), before);
    world.survives().await;
}

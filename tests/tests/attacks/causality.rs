//! Rows 2, 3, 5 and 6: forged dots, contexts and counters, one dot with two contents, and a peer
//! that claims to hold nothing.

use bytes::Bytes;
use proto::sync::{Batch, Diagnosis, Outcome, frame::Frame as Body};
use replica::{
    Context, Dot, Incarnation, Record, ReplicaId, limits::COUNTER_MAX, session::FeedPoint,
};
use tests::{
    rig::{Medium, fresh_replica},
    sample,
};

use crate::{
    hostile::{Line, PATIENCE, position, set, write},
    world::{World, save},
};

fn dot(incarnation: Incarnation, counter: u64) -> Dot {
    Dot {
        incarnation,
        counter,
    }
}

/// The incarnation that wrote a record, as the hub holds it.
fn writer_of(world: &World, n: u64, scope: replica::ScopeId) -> Dot {
    let key = replica::RecordKey {
        kind: sample::ORGANISATION,
        id: sample::id_of(scope, n),
    };
    world.reader().get(key).unwrap().unwrap().record.siblings[0].dot()
}

/// A record whose context claims more than its writes do.
fn claiming(record: &Record, incarnation: Incarnation, counter: u64) -> Record {
    let entries = record.context.entries().chain([(incarnation, counter)]);
    Record {
        context: Context::new(entries, []),
        ..record.clone()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_2_dots_of_other_replicas_are_refused() {
    let world = World::new().await;
    let mut puppet = world.puppet();
    // A colleague: another node of the same scope, whose dots the attacker may well know.
    let colleague = world
        .hub
        .node(fresh_replica(), crate::world::OWN, &Medium::Memory);
    save(&colleague, 0..3);
    colleague.settle(PATIENCE).await;
    let of_colleague = writer_of(&world, 0, puppet.scope);
    let of_honest = writer_of(&world, 0, world.honest.scope);
    let city = domain::scope_id(tests::rig::CITY);
    let of_hub = {
        let kind = replica::Kind(1);
        let key = replica::RecordKey {
            kind,
            id: sample::id_of(city, 0),
        };
        world.reader().get(key).unwrap().unwrap().record.siblings[0].dot()
    };
    for (n, forged) in [of_colleague, of_honest, of_hub].into_iter().enumerate() {
        let record = write(&sample::make(puppet.scope, 500 + n as u64), None, forged);
        let answer = world.offer(&mut puppet, &record).await;
        assert_eq!(
            answer,
            (Outcome::Refused, "SYNC-122".to_owned()),
            "{forged}"
        );
        assert!(world.reader().get(record.key).unwrap().is_none());
    }
    // Names that nobody is known to have reached wait, and are never applied.
    for forged in [
        dot(of_colleague.incarnation, 1_000),
        dot(of_hub.incarnation, 1_000),
        dot(Incarnation(0xdead), 1),
    ] {
        let record = write(&sample::make(puppet.scope, 600), None, forged);
        let answer = world.offer(&mut puppet, &record).await;
        assert_eq!(answer, (Outcome::Later, "SYNC-120".to_owned()), "{forged}");
        assert!(world.reader().get(record.key).unwrap().is_none());
    }
    save(&colleague, 3..4);
    colleague.settle(PATIENCE).await;
    world.survives().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_2_a_forged_write_beside_an_own_one_takes_the_whole_record_with_it() {
    let world = World::new().await;
    let mut puppet = world.puppet();
    let forged = dot(writer_of(&world, 0, world.honest.scope).incarnation, 1);
    let record = puppet.make(1);
    let record = set(&record, sample::remark_register(), b"forged", forged);
    let answer = world.offer(&mut puppet, &record).await;
    assert_eq!(answer, (Outcome::Refused, "SYNC-122".to_owned()));
    assert!(world.reader().get(record.key).unwrap().is_none());
    world.survives().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_2_a_context_above_what_is_known_is_never_applied() {
    let world = World::new().await;
    let mut puppet = world.puppet();
    let hub = {
        let status = world.hub.writer.handle().status().unwrap();
        status.position.expect("the hub has written").0
    };
    let honest = writer_of(&world, 0, world.honest.scope).incarnation;
    let own = puppet.incarnation;
    for (incarnation, counter) in [
        (hub, 1_000),
        (honest, 1_000),
        (Incarnation(77), 1),
        (own, 90),
    ] {
        let record = claiming(&puppet.make(1), incarnation, counter);
        for _ in 0..2 {
            let answer = world.offer(&mut puppet, &record).await;
            assert_eq!(
                answer,
                (Outcome::Later, "SYNC-120".to_owned()),
                "{incarnation:?}"
            );
        }
        assert!(world.reader().get(record.key).unwrap().is_none());
    }
    world.survives().await;
}

/// The positions of a batch are believed about the sender and nobody else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_2_positions_of_others_are_not_raised_by_a_batch() {
    let world = World::new().await;
    let mut puppet = world.puppet();
    let honest = writer_of(&world, 0, world.honest.scope).incarnation;
    let hub = world
        .hub
        .writer
        .handle()
        .status()
        .unwrap()
        .position
        .unwrap()
        .0;
    let mut line = puppet.call(&world.place).await;
    for (owner, incarnation) in [
        (world.honest.replica, honest),
        (puppet.replica, honest),
        (world.hub.replica, hub),
        (puppet.replica, hub),
        (ReplicaId([9; 16]), Incarnation(99)),
    ] {
        let record = claiming(&puppet.make(1), incarnation, 1_000);
        let mut batch = puppet.batch(std::slice::from_ref(&record));
        batch.positions.push(position(owner, incarnation, 1_000));
        let results = line.push(batch).await;
        assert_eq!(
            results[0].outcome(),
            Outcome::Later,
            "{incarnation:?} of {owner}"
        );
        assert!(world.reader().get(record.key).unwrap().is_none());
    }
    world.survives().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_3_counters_beyond_the_limit_are_refused() {
    let world = World::new().await;
    let mut puppet = world.puppet();
    // In a record: no honest program can encode it.
    for counter in [COUNTER_MAX + 1, 1 << 63, u64::MAX] {
        let record = write(
            &sample::make(puppet.scope, 1),
            None,
            dot(puppet.incarnation, counter),
        );
        let mut line = puppet.call(&world.place).await;
        let mut batch = puppet.clone().batch(&[record]);
        batch.positions = vec![position(puppet.replica, puppet.incarnation, counter)];
        line.say(Body::Batch(batch)).await;
        assert_eq!(line.end().await.as_deref(), Some("SYNC-108"), "{counter}");
    }
    // In a position: not believed, so what rests on it waits.
    let record = puppet.make(1);
    let mut batch = puppet.batch(std::slice::from_ref(&record));
    batch.positions = vec![position(
        puppet.replica,
        puppet.incarnation,
        COUNTER_MAX + 1,
    )];
    let mut line = Line::open(&world.place).await;
    let mut hello = puppet.hello();
    hello.positions.clone_from(&batch.positions);
    line.greet(hello).await;
    assert_eq!(line.push(batch).await[0].outcome(), Outcome::Later);
    assert!(world.reader().get(record.key).unwrap().is_none());
    world.survives().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_3_one_dot_with_two_contents_is_held_back_and_shown() {
    let world = World::new().await;
    let mut puppet = world.puppet();
    let record = puppet.make(1);
    assert_eq!(world.offer(&mut puppet, &record).await.0, Outcome::Applied);
    // The same name, another content: of the own write, and of a colleague's.
    let colleague = world
        .hub
        .node(fresh_replica(), crate::world::OWN, &Medium::Memory);
    save(&colleague, 7..8);
    colleague.settle(PATIENCE).await;
    let theirs = writer_of(&world, 7, puppet.scope);
    for (n, name) in [(1, record.siblings[0].dot()), (7, theirs)] {
        let mut other = sample::make(puppet.scope, n);
        other.reason = "another".to_owned();
        let other = write(&other, None, name);
        let before = world.reader().get(other.key).unwrap().unwrap().record;
        let answer = world.offer(&mut puppet, &other).await;
        assert_eq!(answer, (Outcome::Quarantined, "SYNC-121".to_owned()));
        assert_eq!(
            world.reader().get(other.key).unwrap().unwrap().record,
            before,
            "ours stays"
        );
        let listed = world.hub.writer.handle().status().unwrap().quarantined;
        assert!(
            listed
                .iter()
                .any(|held| held.key == other.key && held.code == "SYNC-121"),
            "people are told"
        );
        let came = other.encode();
        let kept = world.hub.writer.handle().still(move |store| {
            let all = store.range(&[0], &[255], usize::MAX).unwrap();
            all.iter().any(|(_, value)| contains(value, &came))
        });
        assert!(kept.unwrap(), "what came is kept");
    }
    world.survives().await;
}

fn contains(value: &Bytes, part: &[u8]) -> bool {
    value.windows(part.len()).any(|window| window == part)
}

/// A node that was wiped or says so takes nothing away: absence is never a deletion.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_6_a_peer_that_claims_to_hold_nothing_removes_nothing() {
    let world = World::new().await;
    let mut puppet = world.puppet();
    let records: Vec<Record> = (0..20).map(|n| puppet.make(n)).collect();
    let mut line = puppet.call(&world.place).await;
    assert_eq!(line.push(puppet.batch(&records)).await, []);
    drop(line);
    let before = world.scope(puppet.scope);
    // As a new life that knows nothing of the old one.
    let wiped = world.puppet();
    let mut line = Line::open(&world.place).await;
    let welcome = line.greet(wiped.hello()).await;
    assert_eq!(welcome.diagnosis(), Diagnosis::YouWereRestored);
    let nothing = |cut: FeedPoint| proto::sync::Healed {
        scope: puppet.scope.0.to_vec(),
        cut: cut.to_wire(),
    };
    let empty = proto::sync::Leaves {
        scope: puppet.scope.0.to_vec(),
        leaves: Vec::new(),
        buckets: (0..4_096).collect(),
        last: true,
    };
    let sums = |number| proto::sync::Part {
        number,
        sum: vec![0; 32],
        count: 0,
    };
    let prints = proto::sync::Prints {
        scope: puppet.scope.0.to_vec(),
        node: FeedPoint::default().to_wire(),
        hub: None,
        parts: (4_096..4_160).map(sums).collect(),
        ..proto::sync::Prints::default()
    };
    line.say(Body::Prints(prints)).await;
    line.say(Body::Leaves(empty)).await;
    line.say(Body::Healed(nothing(FeedPoint::default()))).await;
    let mut given = 0;
    while given < records.len() {
        match line.hear().await {
            Some(Body::Batch(batch)) if batch.exchange => given += batch.records.len(),
            Some(_) => {}
            None => panic!("the session ended"),
        }
    }
    assert_eq!(
        world.scope(puppet.scope),
        before,
        "all is there, and was given back"
    );
    world.survives().await;
}

/// A life that knows less of itself than the hub does was rolled back or cloned while it ran.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_6_a_life_below_its_own_counter_is_not_let_in() {
    let world = World::new().await;
    let mut puppet = world.puppet();
    let records: Vec<Record> = (0..3).map(|n| puppet.make(n)).collect();
    let mut line = puppet.call(&world.place).await;
    assert_eq!(line.push(puppet.batch(&records)).await, []);
    drop(line);
    let mut other_head = puppet.hello();
    other_head.positions[0].head = vec![2; 32];
    let mut behind = puppet.hello();
    behind.positions[0].counter = 1;
    for hello in [other_head, behind] {
        let mut line = Line::open(&world.place).await;
        let welcome = line.greet(hello).await;
        assert_eq!(welcome.diagnosis(), Diagnosis::YouWereRestored);
        assert!(!welcome.heads.is_empty(), "it is told what it should know");
        // Whoever goes on all the same is cut off.
        line.say(Body::Batch(Batch {
            exchange: true,
            ..puppet.batch(&records)
        }))
        .await;
        assert_eq!(line.end().await.as_deref(), Some("SYNC-110"));
    }
    world.survives().await;
}

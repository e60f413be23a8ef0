//! scratch
use std::time::{Duration, Instant};
use proto::sync::{Ack, FeedState, Leaves, Outcome, Part, Prints, frame::Frame as Body};
use replica::{Context, Dot, Incarnation, Kind, Record, RecordKey, RegisterId, session::FeedPoint};
use tests::{rig::{CITY, Medium, fresh_replica}, sample};
use crate::{hostile::{Line, PATIENCE, position, raw_edit, write, set}, world::{World, save}};

fn rss() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    line.and_then(|l| l.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g1_refill_by_lie() {
    let world = World::new().await;
    let colleague = world.hub.node(fresh_replica(), crate::world::OWN, &Medium::Memory);
    save(&colleague, 0..3);
    colleague.settle(PATIENCE).await;
    let running = colleague.connect();
    running.settled(PATIENCE).await;
    let key = RecordKey { kind: sample::ORGANISATION, id: sample::id_of(colleague.scope, 0) };
    let theirs = world.reader().get(key).unwrap().unwrap().record;
    let their = theirs.siblings[0].dot();
    let mut puppet = world.puppet();
    let mut hello = puppet.hello();
    hello.feeds = vec![FeedState { scope: puppet.scope.0.to_vec(), end: None,
        taken: Some(proto::sync::FeedPoint { seq: 999_999, head: vec![5; 32] }) }];
    let mut line = Line::open(&world.place).await;
    let welcome = line.greet(hello).await;
    println!("diagnosis {:?}", welcome.diagnosis());
    // hub-only and owner
    let hub = world.hub.writer.handle().status().unwrap().position.unwrap().0;
    for (what, record) in [
        ("owner", { let r = puppet.make(700); puppet.set(&r, RegisterId::OWNER, b"x") }),
        ("hub dot", write(&sample::make(puppet.scope, 701), None, Dot { incarnation: hub, counter: 1 })),
        ("colleague dot", write(&sample::make(puppet.scope, 702), None, Dot { incarnation: their.incarnation, counter: 1 })),
        ("future of colleague", {
            let dot = puppet.next_dot();
            let r = set(&theirs, sample::remark_register(), b"mine", dot);
            Record { context: Context::new(r.context.entries().chain([(their.incarnation, 1_000_000)]), []), ..r }
        }),
    ] {
        let mut batch = puppet.batch(std::slice::from_ref(&record));
        batch.exchange = true;
        batch.positions.push(position(colleague.replica, their.incarnation, 1_000_000));
        let results = line.push(batch).await;
        println!("{what}: {results:?} held={}", world.reader().get(record.key).unwrap().is_some());
    }
    let city = domain::scope_id(CITY);
    let key2 = RecordKey { kind: Kind(1), id: sample::id_of(city, 0) };
    let before = world.reader().get(key2).unwrap().unwrap().record;
    let dot = puppet.next_dot();
    let forged = set(&before, RegisterId(1), b"\x0a\x06evil!!", dot);
    let mut batch = puppet.batch(&[forged]);
    batch.scope = city.0.to_vec().into();
    batch.exchange = true;
    println!("published: {:?}", line.push(batch).await);
    println!("published changed: {}", world.reader().get(key2).unwrap().unwrap().record != before);
    tokio::time::sleep(Duration::from_millis(500)).await;
    println!("honest node's copy changed: {}", world.honest.handle().reader().get(key2).unwrap().unwrap().record != before);
    // colleague writes on: is it lost?
    let mine = colleague.handle().reader().get(key).unwrap().unwrap().record;
    let shown = mine.register(sample::remark_register()).iter().map(replica::Sibling::shown).collect();
    colleague.handle().edit(vec![sample::remark(colleague.scope, 0, "the colleague's next", shown)], Vec::new()).unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let at_hub = world.reader().get(key).unwrap().unwrap().record;
    let at_node = colleague.handle().reader().get(key).unwrap().unwrap().record;
    println!("hub remark: {:?}", at_hub.register(sample::remark_register()).iter().map(|s| (s.dot(), s.value.clone())).collect::<Vec<_>>());
    println!("node remark: {:?}", at_node.register(sample::remark_register()).iter().map(|s| (s.dot(), s.value.clone())).collect::<Vec<_>>());
    println!("colleague session: {:?}", running.progress.borrow().clone());
    running.stop().await;
    let again = colleague.connect();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    println!("colleague again: {:?}", again.progress.borrow().clone());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g2_ack_scopes() {
    let world = World::new().await;
    let puppet = world.puppet();
    let line = puppet.call(&world.place).await;
    let before = rss();
    for n in 0..2_000_u64 {
        let mut scope = vec![9; 16];
        scope[..8].copy_from_slice(&n.to_be_bytes());
        line.say(Body::Ack(Ack { scope, ..Ack::default() })).await;
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    println!("scopes {} grown {} KiB", world.reader().scopes().len(), rss().saturating_sub(before));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g3_prints() {
    let world = World::new().await;
    let mut puppet = world.puppet();
    let mut line = puppet.call(&world.place).await;
    let r = puppet.make(1);
    line.push(puppet.batch(&[r])).await;
    let before = rss();
    let start = Instant::now();
    let parts = (0..40_000).map(|_| Part { number: 4_096, sum: vec![], count: 9 }).collect();
    let prints = Prints { scope: puppet.scope.0.to_vec(), parts, ..Prints::default() };
    println!("frame bytes {}", prost::Message::encoded_len(&prints));
    line.say(Body::Prints(prints)).await;
    let mut most = 0;
    for _ in 0..300 { most = most.max(rss()); tokio::time::sleep(Duration::from_millis(10)).await; }
    println!("grown {} KiB {:?}", most.saturating_sub(before), start.elapsed());
    println!("heard {:?}", line.hear().await.map(|b| format!("{b:?}").len()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g4_leaves() {
    let world = World::new().await;
    let puppet = world.puppet();
    let line = puppet.call(&world.place).await;
    let prints = Prints { scope: puppet.scope.0.to_vec(), parts: vec![Part { number: 4_096, sum: vec![], count: 9 }], ..Prints::default() };
    line.say(Body::Prints(prints)).await;
    let before = rss();
    for _ in 0..40 {
        let leaves = Leaves { scope: puppet.scope.0.to_vec(), leaves: Vec::new(), buckets: vec![1; 1_000_000], last: false };
        line.say(Body::Leaves(leaves)).await;
    }
    tokio::time::sleep(Duration::from_millis(3000)).await;
    println!("grown {} KiB", rss().saturating_sub(before));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g5_incarnations() {
    let world = World::new().await;
    let colleague = world.hub.node(fresh_replica(), crate::world::OWN, &Medium::Memory);
    save(&colleague, 0..3);
    colleague.settle(PATIENCE).await;
    let mut puppet = world.puppet();
    let r = puppet.make(1);
    let mut line = puppet.call(&world.place).await;
    line.push(puppet.batch(&[r])).await;
    let mut n = 0;
    for _ in 0..4 {
        let start = Instant::now();
        let mut batch = puppet.batch_of(Vec::new());
        batch.exchange = true;
        for _ in 0..20_000 { n += 1; batch.positions.push(position(puppet.replica, Incarnation(n), 1)); }
        line.push(batch).await;
        println!("20k positions {:?}", start.elapsed());
    }
    drop(line);
    let again = colleague.connect();
    tokio::time::sleep(Duration::from_millis(3000)).await;
    println!("colleague: {:?}", again.progress.borrow().clone());
    let start = Instant::now();
    let mut hello = puppet.hello();
    for i in 0..20_000 { hello.positions.push(position(puppet.replica, Incarnation(1_000_000 + i), 1)); }
    let mut line = Line::open(&world.place).await;
    line.say(Body::Hello(hello)).await;
    line.hear().await;
    println!("hello {:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g7_erase() {
    let world = World::new().await;
    let colleague = world.hub.node(fresh_replica(), crate::world::OWN, &Medium::Memory);
    save(&colleague, 0..1);
    colleague.settle(PATIENCE).await;
    let key = RecordKey { kind: sample::ORGANISATION, id: sample::id_of(colleague.scope, 0) };
    let theirs = world.reader().get(key).unwrap().unwrap().record;
    let mut puppet = world.puppet();
    let erased = Record { siblings: Vec::new(), ..theirs.clone() };
    println!("erase {:?}", world.offer(&mut puppet, &erased).await);
    println!("left {}", world.reader().get(key).unwrap().unwrap().record.siblings.len());
    println!("history {}", world.reader().history(key).unwrap().len());
    // flood
    let key = RecordKey { kind: sample::ORGANISATION, id: sample::id_of(colleague.scope, 900) };
    let mut record = Record::new(key, puppet.scope);
    for _ in 0..3000 {
        let dot = puppet.next_dot();
        let one = write(&raw_edit(key, puppet.scope, RegisterId(1), b"v", Vec::new()), None, dot);
        record = replica::merge(&record, &one).unwrap();
    }
    println!("flood {:?} {}", world.offer(&mut puppet, &record).await, world.reader().get(key).unwrap().map_or(0, |s| s.record.siblings.len()));
    assert_eq!(Outcome::Applied, Outcome::Applied);
    let _ = FeedPoint::default();
}

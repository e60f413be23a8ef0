//! Writes that only the hub may make: refused, told again until they are taken back, and taken
//! back by an honest node.

use domain::{
    Catalogue,
    catalogue::{Authority, Travel},
};
use proto::sync::Outcome;
use replica::{Dot, RecordId, RecordKey, RegisterId};
use tests::sample;

use crate::{
    hostile::{PATIENCE, Puppet, raw_edit, set, write},
    world::{World, save, until},
};

/// A field that nobody knows: a value that every register takes.
const VALUE: &[u8] = b"\xfa\xff\x07\x01x";

/// Every register that only the hub writes, of every kind, and every kind that does not travel in
/// a district's feed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_register_that_only_the_hub_writes_is_refused_to_a_node() {
    let world = World::new().await;
    let mut puppet = world.puppet();
    let catalogue = Catalogue::builtin();
    let mut expected = Vec::new();
    let mut records = Vec::new();
    for (number, kind) in catalogue.kinds().iter().enumerate() {
        let hubs = kind
            .registers
            .iter()
            .filter(|r| r.authority == Authority::Hub);
        let mut registers: Vec<(RegisterId, &str)> = hubs
            .map(|register| (register.id, "AUTH-HUB-ONLY"))
            .collect();
        registers.push((RegisterId::OWNER, "AUTH-HUB-ONLY"));
        if kind.authority == Authority::Hub {
            registers.push((RegisterId::DELETED, "AUTH-HUB-ONLY"));
            registers.push((RegisterId(9_999), "AUTH-HUB-ONLY"));
        }
        for (register, code) in registers {
            let code = if kind.travel == Travel::Local {
                "AUTH-LOCAL"
            } else {
                code
            };
            let mut id = [u8::try_from(number).unwrap(); 16];
            id[..4].copy_from_slice(&register.0.to_be_bytes());
            let key = RecordKey {
                kind: kind.kind,
                id: RecordId(id),
            };
            let edit = raw_edit(key, puppet.scope, register, VALUE, Vec::new());
            let dot = puppet.next_dot();
            records.push(write(&edit, None, dot));
            expected.push((key, code));
        }
    }
    assert!(
        expected.len() > catalogue.kinds().len(),
        "{}",
        expected.len()
    );
    let mut line = puppet.call(&world.place).await;
    let results = line.push(puppet.batch(&records)).await;
    assert_eq!(results.len(), expected.len());
    for (result, (key, code)) in results.iter().zip(expected) {
        assert_eq!(
            (result.outcome(), result.code.as_str()),
            (Outcome::Refused, code),
            "{key:?}"
        );
        assert_eq!(result.refused.len(), 1, "its dot is named");
        assert!(world.reader().get(key).unwrap().is_none());
    }
    world.survives().await;
}

/// What the hub has written in a record of the district cannot be made to disappear by a state
/// that claims to have seen it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_the_hub_wrote_is_not_removed_by_a_context() {
    let world = World::new().await;
    let mut puppet = world.puppet();
    let record = puppet.make(1);
    assert_eq!(world.offer(&mut puppet, &record).await.0, Outcome::Applied);
    let kind = Catalogue::builtin().kind(sample::ORGANISATION).unwrap();
    let register = *kind.hub_registers.first().unwrap_or(&RegisterId::OWNER);
    let edit = raw_edit(record.key, puppet.scope, register, VALUE, Vec::new());
    world
        .hub
        .writer
        .handle()
        .edit(vec![edit], Vec::new())
        .unwrap();
    let ruled = world.reader().get(record.key).unwrap().unwrap().record;
    let without = replica::Record {
        context: ruled.context.clone(),
        ..record
    };
    // A node that lacks it would take it in the exchange that follows. Who shows the same again is
    // held back: there is no write in it to refuse.
    for outcome in [Outcome::Later, Outcome::Quarantined] {
        let answer = world.offer(&mut puppet, &without).await;
        assert_eq!(answer, (outcome, "SYNC-128".to_owned()));
        assert_eq!(
            world.reader().get(ruled.key).unwrap().unwrap().record,
            ruled
        );
    }
    world.survives().await;
}

async fn told(world: &World, puppet: &Puppet) -> Vec<(Dot, String)> {
    let mut line = crate::hostile::Line::open(&world.place).await;
    let welcome = line.greet(puppet.hello()).await;
    let dot = |r: &proto::sync::Refused| Dot {
        incarnation: replica::Incarnation(r.incarnation),
        counter: r.counter,
    };
    welcome
        .refusals
        .iter()
        .map(|r| (dot(r), r.code.clone()))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_repeated_in_each_welcome_until_the_write_is_taken_back() {
    let world = World::new().await;
    let mut puppet = world.puppet();
    let record = puppet.make(1);
    assert_eq!(world.offer(&mut puppet, &record).await.0, Outcome::Applied);
    let usurped = puppet.set(&record, RegisterId::OWNER, VALUE);
    let dot = Dot {
        incarnation: puppet.incarnation,
        counter: puppet.counter,
    };
    for _ in 0..2 {
        assert_eq!(world.offer(&mut puppet, &usurped).await.0, Outcome::Refused);
        let expected = vec![(dot, "AUTH-HUB-ONLY".to_owned())];
        assert_eq!(told(&world, &puppet).await, expected);
        assert_eq!(told(&world, &puppet).await, expected, "again");
    }
    // Hidden under a later, legal write it is still the same refused write.
    let next = puppet.next_dot();
    let later = set(&usurped, sample::remark_register(), b"legal", next);
    let answer = world.offer(&mut puppet, &later).await;
    assert_eq!(answer, (Outcome::Refused, "AUTH-HUB-ONLY".to_owned()));
    let honest = later.take_back(&[dot], &[]).record;
    assert_eq!(world.offer(&mut puppet, &honest).await.0, Outcome::Applied);
    assert_eq!(told(&world, &puppet).await, []);
    let held = world.reader().get(record.key).unwrap().unwrap().record;
    assert_eq!(held, honest, "what is legal of it went in");
    world.survives().await;
}

/// A node that does not know better, of an older version say: it takes back, keeps the write as a
/// draft with the reason, and goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_honest_node_takes_a_refused_write_back_and_goes_on() {
    let world = World::new().await;
    let node = &world.place;
    save(node, 0..3);
    let key = RecordKey {
        kind: sample::ORGANISATION,
        id: sample::id_of(node.scope, 1),
    };
    let before = node.handle().reader().get(key).unwrap().unwrap().record;
    let edit = raw_edit(key, node.scope, RegisterId::OWNER, VALUE, Vec::new());
    node.handle().edit(vec![edit], Vec::new()).unwrap();
    let running = node.connect();
    running.settled(PATIENCE).await;
    let record = node.handle().reader().get(key).unwrap().unwrap().record;
    assert_eq!(record.siblings, before.siblings, "as it was before");
    let drafts = node.handle().status().unwrap().refused;
    assert_eq!(drafts.len(), 1);
    assert_eq!(
        (drafts[0].key, drafts[0].code.as_str()),
        (key, "AUTH-HUB-ONLY")
    );
    save(node, 3..5);
    let reader = world.reader();
    until("later writes arrive", || {
        world.scope(node.scope).1 == crate::world::scope_of(node.handle().reader(), node.scope).1
    })
    .await;
    assert_eq!(reader.get(key).unwrap().unwrap().record, record);
    running.stop().await;
    world.survives().await;
}

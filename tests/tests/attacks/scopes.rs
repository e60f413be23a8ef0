//! Rows 1 and 11: records of others' scopes.

use proto::{
    ledger::{Decision, DecisionChoice, DocketNote, DocketNoteKind},
    sync::{Outcome, frame::Frame as Body},
};
use replica::{Edit, Kind, Record, RecordKey, RegisterId, ScopeId, Set, Source};
use tests::{rig::CITY, sample};

use crate::{
    hostile::{Puppet, only, raw_edit, write},
    world::World,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_1_a_record_of_another_scope_is_refused() {
    let world = World::new().await;
    let mut puppet = world.puppet();
    let theirs = puppet.make_in(world.honest.scope, 100);
    let mine = puppet.make(100);
    let mut line = puppet.call(&world.place).await;
    let results = line
        .push(puppet.batch(&[theirs.clone(), mine.clone()]))
        .await;
    assert_eq!(only(&results), (Outcome::Refused, "SYNC-123"));
    assert!(world.reader().get(theirs.key).unwrap().is_none());
    assert!(
        world.reader().get(mine.key).unwrap().is_some(),
        "the rest of the batch goes in"
    );
    world.survives().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_1_a_record_that_lies_in_another_scope_cannot_be_claimed_by_its_id() {
    let world = World::new().await;
    let mut puppet = world.puppet();
    let key = RecordKey {
        kind: sample::ORGANISATION,
        id: sample::id_of(world.honest.scope, 0),
    };
    let before = world.reader().get(key).unwrap().unwrap().record;
    let edit = raw_edit(
        key,
        puppet.scope,
        sample::remark_register(),
        b"mine",
        Vec::new(),
    );
    let dot = puppet.next_dot();
    let claimed = write(&edit, None, dot);
    let answer = world.offer(&mut puppet, &claimed).await;
    assert_eq!(answer, (Outcome::Refused, "SYNC-123".to_owned()));
    assert_eq!(world.reader().get(key).unwrap().unwrap().record, before);
    world.survives().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_1_a_batch_in_the_feed_of_another_scope_ends_the_session() {
    for exchange in [false, true] {
        let world = World::new().await;
        let mut puppet = world.puppet();
        let record = puppet.make_in(world.honest.scope, 100);
        let mut line = puppet.call(&world.place).await;
        let mut batch = puppet.batch(&[record]);
        batch.scope = world.honest.scope.0.to_vec().into();
        batch.exchange = exchange;
        line.say(Body::Batch(batch)).await;
        assert_eq!(line.end().await.as_deref(), Some("SYNC-106"));
        world.survives().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_1_the_published_scope_takes_nothing_from_a_node() {
    let world = World::new().await;
    let city = domain::scope_id(CITY);
    // A new record of the published scope, a change of the one that stands there, and a kind of
    // the published scope smuggled into the own one.
    let standing = RecordKey {
        kind: Kind(1),
        id: sample::id_of(city, 0),
    };
    let new = RecordKey {
        kind: Kind(1),
        id: sample::id_of(city, 1),
    };
    let mut puppet = world.puppet();
    let own = puppet.scope;
    for (key, lane, exchange) in [
        (new, city, false),
        (new, city, true),
        (standing, city, true),
        (new, own, true),
    ] {
        let before = world.reader().get(key).unwrap().map(|stored| stored.record);
        let edit = raw_edit(key, lane, RegisterId(2), b"\x12\x01x", Vec::new());
        let dot = puppet.next_dot();
        let forged = write(&edit, before.as_ref(), dot);
        let mut line = puppet.call(&world.place).await;
        let mut batch = puppet.batch(&[forged]);
        batch.scope = lane.0.to_vec().into();
        batch.exchange = exchange;
        line.say(Body::Batch(batch)).await;
        let (outcome, code) = match line.ack_or_bye().await {
            Ok(ack) => {
                let (outcome, code) = only(&ack.results);
                (outcome, code.to_owned())
            }
            Err(code) => (Outcome::Refused, code),
        };
        let known = ["AUTH-SCOPE", "AUTH-HUB-ONLY", "SYNC-106"];
        assert!(
            outcome == Outcome::Refused && known.contains(&code.as_str()),
            "{code}"
        );
        let after = world.reader().get(key).unwrap().map(|stored| stored.record);
        assert_eq!(after, before);
    }
    world.survives().await;
}

/// Row 1 as a property: of random pairs of a record's scope and a feed, only those of the own
/// scope in the own feed go in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_1_of_a_thousand_records_only_those_of_the_own_scope_go_in() {
    let world = World::new().await;
    let mut puppet = world.puppet();
    let scopes = [
        puppet.scope,
        world.honest.scope,
        domain::scope_id(CITY),
        domain::scope_id("4103L0"),
        ScopeId([0; 16]),
        ScopeId([255; 16]),
    ];
    let mut state = 1_u64;
    let mut roll = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as usize % below
    };
    let records: Vec<Record> = (0..1_000)
        .map(|n| puppet.make_in(scopes[roll(scopes.len())], 1_000 + n))
        .collect();
    let mut line = puppet.call(&world.place).await;
    let mut refused = 0;
    for part in records.chunks(200) {
        refused += line.push(puppet.batch(part)).await.len();
    }
    let own = |record: &&Record| record.scope == puppet.scope;
    assert_eq!(refused, records.len() - records.iter().filter(own).count());
    for record in &records {
        let held = world.reader().get(record.key).unwrap().is_some();
        assert_eq!(held, own(&record), "{:?}", record.key);
    }
    world.survives().await;
}

/// A decision, or a note, as only deciding makes them.
fn said(kind: &str, values: &impl prost::Message, id: u8, puppet: &mut Puppet) -> Record {
    let kind = domain::Catalogue::builtin().kind_by_id(kind).unwrap();
    let set = domain::value::split(kind, &values.encode_to_vec()).unwrap();
    let set = set.into_iter().map(|(register, value)| Set {
        register,
        value,
        shown: Vec::new(),
    });
    let key = RecordKey {
        kind: kind.kind,
        id: replica::RecordId([id; 16]),
    };
    let blank = raw_edit(key, puppet.scope, RegisterId(1), b"", Vec::new());
    let edit = Edit {
        set: set.collect(),
        source: Source::Decision,
        ..blank
    };
    write(&edit, None, puppet.next_dot())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_decided_in_another_scope_is_not_forged_and_the_own_not_deleted() {
    let world = World::new().await;
    let mut puppet = world.puppet();
    let register = Some(sample::remark_register().0);
    let theirs = sample::id_of(world.honest.scope, 0);
    let record = Some(format!("organisation/{theirs}"));
    let decision = Decision {
        record: record.clone(),
        register,
        choice: Some(DecisionChoice::Take.into()),
        reason: Some("forged".to_owned()),
        decided_by: Some("city".to_owned()),
        ..Decision::default()
    };
    let forged = said("decision", &decision, 1, &mut puppet);
    let note = DocketNote {
        record,
        register,
        kind: Some(DocketNoteKind::Defer.into()),
        until: Some("2099-12-31".to_owned()),
        text: Some("forged".to_owned()),
        ..DocketNote::default()
    };
    let put_off = said("docket_note", &note, 2, &mut puppet);
    for one in [forged, put_off] {
        let answer = world.offer(&mut puppet, &one).await;
        assert_eq!(answer, (Outcome::Refused, "SYNC-123".to_owned()));
        assert!(world.reader().get(one.key).unwrap().is_none());
    }
    // Its own may not be hidden either.
    let mine = puppet.make(100);
    let decision = Decision {
        record: Some(format!("organisation/{}", mine.key.id)),
        ..decision
    };
    let own = said("decision", &decision, 3, &mut puppet);
    for one in [&mine, &own] {
        let answer = world.offer(&mut puppet, one).await;
        assert_eq!(answer.0, Outcome::Applied, "{answer:?}");
    }
    let hidden = puppet.set(&own, RegisterId::DELETED, b"hidden");
    let answer = world.offer(&mut puppet, &hidden).await;
    assert_eq!(answer, (Outcome::Refused, "AUTH-DOCKET".to_owned()));
    let held = world.reader().get(own.key).unwrap().unwrap().record;
    assert!(held.register(RegisterId::DELETED).is_empty());
    world.survives().await;
}

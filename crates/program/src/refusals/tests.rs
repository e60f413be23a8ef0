//! What people see of refused writes, and what becomes of them.

use domain::label::Language;
use proto::sync::{Ack, Hello, Outcome, Position, Refused as RefusedWire, Result as ResultWire};
use replica::{
    Dot, Head, Incarnation, Record, RecordKey, ScopeId,
    session::{Arrived, Delivery, FeedPoint, Op},
};
use serde_json::{Value, json};

use super::{all, count_open, drop, named, open, retry, show};
use crate::{
    commands::refusal::{RefusalCommand, run},
    failure::Exit,
    output::Out,
    records::{
        Scopes, Settled, State, find, history,
        testing::{PEER, World, hub, made, node, now, printed, save},
        why_not_synced,
    },
};

fn wire(key: RecordKey, dot: Dot, code: &str) -> RefusedWire {
    RefusedWire {
        incarnation: dot.incarnation.0,
        counter: dot.counter,
        kind: key.kind.0,
        id: key.id.0.to_vec(),
        code: code.to_owned(),
    }
}

/// The newest write of a record.
fn newest(record: &Record) -> Dot {
    record
        .siblings
        .iter()
        .map(replica::Sibling::dot)
        .max()
        .unwrap()
}

fn out() -> Out {
    Out::new(true, Language::En, 0, |_| {})
}

/// A node whose organisation got a remark that the hub then refused.
fn refused_remark() -> (World, RecordKey) {
    let world = node();
    let stored = made(&world.app, "甲");
    let key = stored.record.key;
    let first = json!({"remark": "before"});
    save(&world.app, "organisation", Some(&stored), &first, None).unwrap();
    let edit = json!({"remark": "after", "operating_address": "1 Road"});
    save(
        &world.by("bob"),
        "organisation",
        Some(&now(&world.app, key)),
        &edit,
        None,
    )
    .unwrap();
    let dot = newest(&now(&world.app, key).record);
    world.refused_by_hub(vec![wire(key, dot, "AUTH-HUB-ONLY")]);
    (world, key)
}

fn remark(world: &World, key: RecordKey) -> Value {
    let document = crate::records::document(&world.app, &find(&world.app, key).unwrap());
    document.unwrap()["values"]["remark"].clone()
}

fn state(world: &World, key: RecordKey) -> State {
    let stored = find(&world.app, key).unwrap();
    Settled::now(&world.app).unwrap().of(&world.app, &stored)
}

#[test]
fn a_draft_is_shown_whole_beside_what_stands_there_now() {
    let (world, key) = refused_remark();
    assert_eq!(remark(&world, key), "before", "the write was taken back");
    assert_eq!(state(&world, key), State::Refused);
    let listed = open(&world.app).unwrap();
    assert_eq!(listed.len(), 1);
    let shown = show(&world.app, &listed[0], &out()).unwrap();
    assert_eq!(shown["author"], "bob@410305-01234567");
    assert_eq!(
        (&shown["code"], &shown["open"]),
        (&json!("AUTH-HUB-ONLY"), &json!(true))
    );
    assert_eq!(shown["reason"], "as the office said");
    let values = shown["values"].as_array().unwrap();
    let said = json!({"field": "remark", "value": "after", "present": ["before"]});
    assert!(values.contains(&said), "{values:?}");
    assert!(
        values.iter().any(|value| value["value"] == "1 Road"),
        "all registers: {values:?}"
    );
    let why = why_not_synced(&world.app, key, &[]).unwrap();
    let id = listed[0].draft.id.clone();
    assert_eq!(why.said.code, "WHY-004");
    assert!(
        why.said
            .text(Language::En)
            .contains(&format!("refusal show {id}"))
    );
}

#[test]
fn a_retried_draft_is_an_ordinary_edit_that_replaces_what_stands_there() {
    let (world, key) = refused_remark();
    let between = json!({"remark": "between"});
    save(
        &world.by("carol"),
        "organisation",
        Some(&now(&world.app, key)),
        &between,
        None,
    )
    .unwrap();
    let refused = open(&world.app).unwrap().remove(0);
    assert!(retry(&world.by("bob"), &refused).unwrap());
    assert_eq!(remark(&world, key), "after");
    let stored = now(&world.app, key);
    assert!(
        stored
            .record
            .registers()
            .all(|(_, candidates)| candidates.len() == 1)
    );
    assert_eq!(
        state(&world, key),
        State::Pending,
        "it waits like any other"
    );
    let newest = &history(&world.app, key).unwrap()[0];
    assert_eq!(newest["author"], "bob@410305-01234567");
    assert!(open(&world.app).unwrap().is_empty());
    let again = retry(&world.app, &named(&world.app, &refused.draft.id).unwrap());
    assert_eq!(again.unwrap_err().code, "REFUSAL-003");
    let kept = all(&world.app).unwrap();
    assert_eq!(kept[0].done.as_ref().unwrap().how, "retried");
    assert_eq!(
        kept[0].draft.siblings.len(),
        refused.draft.siblings.len(),
        "it is kept"
    );
}

#[test]
fn a_record_whose_making_was_refused_is_made_again_by_a_retry() {
    let world = node();
    let stored = made(&world.app, "甲");
    let (key, dot) = (stored.record.key, newest(&stored.record));
    world.refused_by_hub(vec![wire(key, dot, "AUTH-DISTRICT")]);
    assert_eq!(
        find(&world.app, key).unwrap_err().code,
        "RECORD-016",
        "taken back whole, and it says where it is kept"
    );
    let refused = open(&world.app).unwrap().remove(0);
    assert!(retry(&world.app, &refused).unwrap());
    assert_eq!(
        find(&world.app, key).unwrap().record.scope,
        stored.record.scope
    );
}

#[test]
fn a_retried_deletion_deletes_what_stands_there_now() {
    let world = node();
    let key = made(&world.app, "甲").record.key;
    crate::records::delete(&world.app, key, None, "entered twice").unwrap();
    let dot = newest(&now(&world.app, key).record);
    world.refused_by_hub(vec![wire(key, dot, "AUTH-DISTRICT")]);
    assert!(!now(&world.app, key).record.is_deleted());
    let refused = open(&world.app).unwrap().remove(0);
    assert!(retry(&world.app, &refused).unwrap());
    assert!(now(&world.app, key).record.is_deleted());
}

#[test]
fn a_draft_that_breaks_a_rule_by_now_stays_open() {
    let world = node();
    let key = made(&world.app, "甲").record.key;
    let put = |values: Value| {
        let stored = now(&world.app, key);
        save(&world.app, "organisation", Some(&stored), &values, None).unwrap();
    };
    put(json!({"remark": "applied for, not issued yet"}));
    // Without a code there must be a remark.
    put(json!({"uscc": null}));
    let dot = newest(&now(&world.app, key).record);
    world.refused_by_hub(vec![wire(key, dot, "AUTH-DISTRICT")]);
    put(json!({"remark": null}));
    let refused = open(&world.app).unwrap().remove(0);
    let failure = retry(&world.app, &refused).unwrap_err();
    assert_eq!(failure.exit, Exit::Invalid, "{failure}");
    assert_eq!(
        open(&world.app).unwrap().len(),
        1,
        "nothing was written, the mark neither"
    );
}

#[test]
fn a_dropped_draft_is_seen_to_and_kept() {
    let (world, key) = refused_remark();
    let refused = open(&world.app).unwrap().remove(0);
    assert_eq!(
        drop(&world.app, &refused, " ").unwrap_err().code,
        "RECORD-007"
    );
    drop(&world.app, &refused, "no longer needed").unwrap();
    assert!(open(&world.app).unwrap().is_empty());
    assert_eq!(
        count_open(&world.app, &world.handle().status().unwrap()).unwrap(),
        0
    );
    assert_ne!(
        state(&world, key),
        State::Refused,
        "nothing is left to be done"
    );
    let kept = named(&world.app, &refused.draft.id[..8]).unwrap();
    let shown = show(&world.app, &kept, &out()).unwrap();
    assert_eq!(shown["done"]["reason"], "no longer needed");
    assert_eq!(all(&world.app).unwrap().len(), 1, "it stays in the store");
    let world = world.restarted();
    assert!(open(&world.app).unwrap().is_empty(), "also after a start");
}

#[test]
fn an_unknown_refusal_is_said() {
    let (world, _) = refused_remark();
    let unknown = RefusalCommand::Show {
        id: "ffff".to_owned(),
    };
    let (_, exit) = printed(true, |out| run(&world.app, unknown, out));
    let failure = exit.unwrap_err();
    assert_eq!(
        (failure.code.as_str(), failure.exit),
        ("REFUSAL-001", Exit::Invalid)
    );
    let (text, _) = printed(false, |out| {
        run(&world.app, RefusalCommand::List { all: false }, out)
    });
    assert!(
        text.contains("AUTH-HUB-ONLY") && text.contains("Operating address, Remark"),
        "{text}"
    );
}

/// A hub to which a node has sent a record of another district, and the point that its batch
/// reached.
fn refused_by_us(scope: ScopeId) -> (World, FeedPoint) {
    let world = hub();
    let author = Incarnation(77);
    let hello = Hello {
        replica: PEER.0.to_vec(),
        schema: 1,
        positions: vec![Position {
            incarnation: author.0,
            counter: 1,
            head: Head::default().0.to_vec(),
            replica: PEER.0.to_vec(),
        }],
        ..Hello::default()
    };
    world.session(Op::Welcome(Box::new(hello.clone())));
    let mut record = made(&node().app, "甲").record;
    record.scope = ScopeId([3; 16]);
    record.context = replica::Context::new([(author, 1)], []);
    for sibling in &mut record.siblings {
        let mut write = replica::Write::clone(&sibling.write);
        write.dot = Dot {
            incarnation: author,
            counter: 1,
        };
        sibling.write = std::sync::Arc::new(write);
    }
    let bytes = record.encode();
    let leaf = replica::Leaf::of(&bytes);
    let upto = FeedPoint {
        seq: replica::Seq(1),
        head: Head([1; 32]),
    };
    let arrived = Arrived {
        record,
        bytes,
        leaf,
    };
    let applied = world.session(Op::Apply(Box::new(Delivery {
        scope,
        records: vec![arrived],
        positions: hello.positions,
        upto: Some(upto),
    })));
    assert_eq!(open(&world.app).unwrap().len(), 1, "{applied:?}");
    (world, upto)
}

#[test]
fn the_hub_lists_the_refusals_of_its_nodes_until_they_are_confirmed() {
    let scope = domain::scope_id("410305");
    let (world, upto) = refused_by_us(scope);
    let listed = open(&world.app).unwrap();
    let entry = super::entry(&world.app, &Scopes::new(&world.app), &listed[0], &out());
    let entry = entry.unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(
        (&entry["code"], &entry["confirmed"]),
        (&json!("SYNC-123"), &json!(false))
    );
    assert_eq!(entry["node"], PEER.to_string());
    assert_eq!(
        count_open(&world.app, &world.handle().status().unwrap()).unwrap(),
        1
    );
    for failure in [
        retry(&world.app, &listed[0]).unwrap_err(),
        drop(&world.app, &listed[0], "no").unwrap_err(),
    ] {
        assert_eq!(
            (failure.code.as_str(), failure.exit),
            ("REFUSAL-002", Exit::Refused)
        );
    }
    let end = world.app.reader().scopes();
    let end = end
        .iter()
        .find(|(id, ..)| *id == scope)
        .map_or_else(FeedPoint::default, |s| s.1);
    world.session(Op::Settled(scope, end, upto));
    assert!(
        open(&world.app).unwrap().is_empty(),
        "the node has taken it back"
    );
    assert_eq!(all(&world.app).unwrap().len(), 1);
}

#[test]
fn what_a_peer_answers_and_says_of_itself_is_kept_until_both_are_equal() {
    let world = node();
    let key = made(&world.app, "甲").record.key;
    world.refused_by_hub(Vec::new());
    let heard = world.app.reader().heard().unwrap()[&PEER];
    assert!((89_000..=90_000).contains(&heard.ahead_ms), "{heard:?}");
    assert_eq!(heard.schema, 1);
    let scope = world.app.scope();
    let result = ResultWire {
        kind: key.kind.0,
        id: key.id.0.to_vec(),
        outcome: Outcome::Later.into(),
        code: "SYNC-120".to_owned(),
        refused: Vec::new(),
    };
    world.session(Op::Acked(Box::new(Ack {
        scope: scope.0.to_vec(),
        upto: None,
        results: vec![result],
        exchange: true,
        receipt: Vec::new(),
    })));
    let code = |world: &World| why_not_synced(&world.app, key, &[]).unwrap().said.code;
    assert_eq!(code(&world), "WHY-006");
    let world = world.restarted();
    assert_eq!(code(&world), "WHY-006", "also after a start");
    world.refused_by_hub(Vec::new());
    let ends = world.app.reader().scopes();
    let end = ends.iter().find(|(id, ..)| *id == scope).unwrap().1;
    world.session(Op::Settled(scope, end, FeedPoint::default()));
    assert_eq!(code(&world), "WHY-007", "acked, and found equal");
}

//! What is kept of a release.

use proto::sync::{Hello, Position};
use replica::{
    Dot, Head, Incarnation, Record, RecordKey, Write,
    session::{Arrived, Delivery, Op},
};
use serde_json::{Value, json};

use crate::{
    commands::quarantine::{QuarantineCommand, run},
    failure::{Exit, Failure},
    records::testing::{PEER, World, hub, made, node, printed},
};

const AUTHOR: Incarnation = Incarnation(77);

fn position() -> Position {
    Position {
        incarnation: AUTHOR.0,
        counter: 1,
        head: Head::default().0.to_vec(),
        replica: PEER.0.to_vec(),
    }
}

/// The record that the peer has made, with a reason that is a part of its one write.
fn of_peer(key: RecordKey, like: &Record, reason: &str) -> Record {
    let mut record = like.clone();
    record.key = key;
    record.context = replica::Context::new([(AUTHOR, 1)], []);
    for sibling in &mut record.siblings {
        let mut write = Write::clone(&sibling.write);
        write.dot = Dot {
            incarnation: AUTHOR,
            counter: 1,
        };
        reason.clone_into(&mut write.reason);
        sibling.write = std::sync::Arc::new(write);
    }
    record
}

fn bring(world: &World, record: Record) {
    let bytes = record.encode();
    let leaf = replica::Leaf::of(&bytes);
    let arrived = Arrived {
        record,
        bytes,
        leaf,
    };
    world.session(Op::Apply(Box::new(Delivery {
        scope: domain::scope_id("410305"),
        records: vec![arrived],
        positions: vec![position()],
        upto: None,
    })));
}

/// A hub to which a node has brought one write with two contents. Returns the record's id.
fn held() -> (World, String) {
    let world = hub();
    let hello = Hello {
        replica: PEER.0.to_vec(),
        schema: 1,
        positions: vec![position()],
        ..Hello::default()
    };
    world.session(Op::Welcome(Box::new(hello)));
    let like = made(&node().app, "甲").record;
    for reason in ["as the office said", "as somebody else said"] {
        bring(&world, of_peer(like.key, &like, reason));
    }
    assert_eq!(world.handle().status().unwrap().quarantined.len(), 1);
    (world, format!("organisation/{}", like.key.id))
}

fn release(id: &str, reason: &str) -> QuarantineCommand {
    QuarantineCommand::Release {
        id: id.to_owned(),
        peer: None,
        reason: reason.to_owned(),
    }
}

fn said(world: &World, account: &str, command: &QuarantineCommand) -> Result<Value, Failure> {
    let (text, result) = printed(true, |out| {
        run(&world.by(account), &|_| false, command, out)
    });
    result.map(|_done| serde_json::from_str(&text).unwrap())
}

fn listed(world: &World, all: bool) -> Value {
    said(world, "alice", &QuarantineCommand::List { all }).unwrap()
}

#[test]
fn who_has_released_a_record_and_why_outlasts_a_start() {
    let (world, id) = held();
    let before = listed(&world, true);
    assert_eq!(before[0]["released"], Value::Null, "{before}");
    said(&world, "bob", &release(&id, "the city's is right")).unwrap();
    let world = world.restarted();
    assert_eq!(listed(&world, false), json!([]));
    let after = listed(&world, true);
    let entry = &after[0];
    assert_eq!(
        (&entry["id"], &entry["code"], &entry["peer"]),
        (
            &json!(id),
            &json!("SYNC-121"),
            &json!(PEER.to_string().as_str())
        )
    );
    assert_eq!(entry["at"], before[0]["at"], "since when it was held");
    let released = &entry["released"];
    assert_eq!(released["reason"], "the city's is right", "{after}");
    assert!(released["by"].as_str().unwrap().starts_with("bob@4103L9-"));
    assert!(released["at"].as_str().unwrap().starts_with("2020-10-15"));
}

#[test]
fn a_record_that_is_held_no_more_is_shown_with_its_release() {
    let (world, id) = held();
    said(&world, "bob", &release(&id, "the city's is right")).unwrap();
    let show = QuarantineCommand::Show { id };
    let document = said(&world, "alice", &show).unwrap();
    assert_eq!(document[0]["released"]["reason"], "the city's is right");
    let (text, _) = printed(false, |out| run(&world.app, &|_| false, &show, out));
    assert!(text.contains("released: bob@"), "{text}");
    let list = QuarantineCommand::List { all: true };
    let (text, _) = printed(false, |out| run(&world.app, &|_| false, &list, out));
    assert!(text.contains("the city's is right"), "{text}");
    let other = QuarantineCommand::Show {
        id: "organisation/nothing".to_owned(),
    };
    assert_eq!(
        said(&world, "bob", &other).unwrap_err().code,
        "QUARANTINE-001"
    );
}

#[test]
fn a_release_that_changes_nothing_leaves_no_word() {
    let (world, id) = held();
    said(&world, "bob", &release(&id, "the city's is right")).unwrap();
    let again = said(&world, "carol", &release(&id, "once more")).unwrap_err();
    assert_eq!(
        (again.code.as_str(), again.exit),
        ("QUARANTINE-001", Exit::Invalid)
    );
    let empty = said(&world, "carol", &release(&id, " ")).unwrap_err();
    assert_eq!(empty.code, "QUARANTINE-001");
    assert_eq!(listed(&world, true).as_array().unwrap().len(), 1);
}

#[test]
fn to_try_again_is_to_begin_a_session_with_whoever_it_came_from() {
    let (world, id) = held();
    let retry = QuarantineCommand::Retry { id: id.clone() };
    let asked = std::cell::RefCell::new(Vec::new());
    let call_again = |peer| {
        asked.borrow_mut().push(peer);
        true
    };
    let (text, result) = printed(true, |out| run(&world.app, &call_again, &retry, out));
    result.unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document, json!({"id": id, "held": 1, "asked": 1}));
    assert_eq!(*asked.borrow(), [PEER]);
    assert_eq!(
        listed(&world, false).as_array().unwrap().len(),
        1,
        "nothing is decided"
    );
    // Without a line the next session does it.
    let (text, _) = printed(false, |out| run(&world.app, &|_| false, &retry, out));
    assert!(text.contains("the next one tries again"), "{text}");
    said(&world, "bob", &release(&id, "the city's is right")).unwrap();
    assert_eq!(
        said(&world, "bob", &retry).unwrap_err().code,
        "QUARANTINE-001"
    );
}

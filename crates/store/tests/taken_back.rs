//! A write of two registers that was taken back where the other side still holds it, or holds only
//! a part of it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may stop")]

#[expect(dead_code, unreachable_pub, reason = "shared by several tests")]
#[path = "support/pair.rs"]
mod pair;

use std::sync::Arc;

use proto::sync::{Ack, Outcome, Position, Refused, Result as ResultWire};
use replica::{
    Dot, Kind, Leaf, Record, RecordId, RecordKey, RegisterId, Sibling,
    session::{Arrived, Delivery, Op, Role},
};
use store::{Command, Host, Memory};

use self::pair::{DISTRICT, NODE, login, open, save, talk};

const KEY: RecordKey = RecordKey {
    kind: Kind(5),
    id: RecordId([1; 16]),
};
const CODE: &str = "TEST-001";

/// Writes of a node: one of two registers, and one that replaces it in the first.
struct Writes {
    first: Dot,
    second: Dot,
    /// The record after each of them.
    base: Record,
    full: Record,
    /// How far the node has come.
    position: Position,
}

fn writes() -> Writes {
    let mut node = open(Role::Node, Arc::new(Memory::new()), 1);
    let base = put(&mut node, &[(1, b"a"), (2, b"a")]);
    let full = put(&mut node, &[(1, b"b")]);
    let (incarnation, counter) = node.status().position.unwrap();
    let dot = |counter| Dot {
        incarnation,
        counter,
    };
    Writes {
        first: dot(1),
        second: dot(2),
        base,
        full,
        position: Position {
            incarnation: incarnation.0,
            counter,
            head: Vec::new(),
            replica: NODE.0.to_vec(),
        },
    }
}

fn put(host: &mut Host, values: &[(u32, &'static [u8])]) -> Record {
    save(host, KEY, values);
    record(host).unwrap()
}

fn record(host: &Host) -> Option<Record> {
    host.reader().get(KEY).unwrap().map(|held| held.record)
}

fn candidates(host: &Host, register: u32) -> Vec<Sibling> {
    let held = record(host);
    let of = held.iter().flat_map(|r| r.register(RegisterId(register)));
    of.cloned().collect()
}

fn dots(host: &Host, register: u32) -> Vec<Dot> {
    let of = candidates(host, register);
    of.iter().map(Sibling::dot).collect()
}

/// A batch with one record arrives in the session that is open.
fn arrive(host: &mut Host, of: Role, record: &Record, position: &Position) {
    let bytes = record.encode();
    let leaf = Leaf::of(&bytes);
    let delivery = Delivery {
        scope: DISTRICT,
        records: vec![Arrived {
            record: record.clone(),
            bytes,
            leaf,
        }],
        positions: vec![position.clone()],
        upto: None,
    };
    let apply = Op::Apply(Box::new(delivery));
    host.take(0, Command::Session(login(of, 1), apply));
    host.flush().unwrap();
}

/// A hub and a node with nothing in common but an open session.
fn met() -> (Host, Host) {
    let mut hub = open(Role::Hub, Arc::new(Memory::new()), 1);
    let mut node = open(Role::Node, Arc::new(Memory::new()), 2);
    talk(&mut node, &mut hub, 1);
    (hub, node)
}

/// The successor in one register stood beside what it had replaced, and whoever knew better was
/// held back for ever.
#[test]
fn what_an_old_copy_brings_again_beside_its_successor_goes() {
    let Writes {
        first,
        second,
        base,
        full,
        position,
    } = writes();
    let (mut hub, _node) = met();
    let back = full.take_back(&[first], &[]).record;
    arrive(&mut hub, Role::Hub, &back, &position);
    assert_eq!(dots(&hub, 1), [second]);
    arrive(&mut hub, Role::Hub, &base, &position);
    assert_eq!(
        (dots(&hub, 1), dots(&hub, 2)),
        (vec![first, second], vec![first])
    );
    arrive(&mut hub, Role::Hub, &full, &position);
    assert_eq!(record(&hub), Some(full));
    assert!(hub.status().quarantined.is_empty());
}

/// A state that shows only one of two candidates of which neither has replaced the other.
#[test]
fn what_nobody_has_replaced_does_not_disappear() {
    let Writes {
        first,
        second,
        base,
        full,
        position,
    } = writes();
    let (mut hub, _node) = met();
    let mut one = full;
    for sibling in &mut one.siblings {
        (sibling.replaces, sibling.ancestry) = (Vec::new(), Vec::new());
    }
    let mut both = one.clone();
    let of_first = base.siblings.iter().filter(|s| s.register == RegisterId(1));
    both.siblings.extend(of_first.cloned());
    both.siblings.sort_by_key(|s| (s.register, s.dot()));
    // What stands in another register was seen, so the rest is taken; else the state is held back
    // when the node shows it again.
    let mut neither = one.clone();
    neither.siblings.retain(|s| s.dot() == second);
    for (state, held) in [(&both, 0), (&one, 0), (&neither, 0), (&neither, 1)] {
        arrive(&mut hub, Role::Hub, state, &position);
        assert_eq!(dots(&hub, 1), [first, second]);
        assert_eq!(hub.status().quarantined.len(), held);
    }
}

/// A node that does not know what the write had replaced shows an empty register. Its record was held
/// back for ever, and what it wrote to it later never came to the hub.
#[test]
fn a_register_that_a_write_taken_back_left_empty_is_filled_by_the_hub() {
    let Writes {
        first,
        second,
        base,
        full,
        position,
    } = writes();
    let (mut hub, mut node) = met();
    arrive(&mut hub, Role::Hub, &base, &position);
    arrive(&mut node, Role::Node, &full, &position);
    let refused = ResultWire {
        kind: KEY.kind.0,
        id: KEY.id.0.to_vec(),
        outcome: Outcome::Refused.into(),
        code: CODE.to_owned(),
        refused: vec![Refused {
            incarnation: second.incarnation.0,
            counter: second.counter,
            kind: KEY.kind.0,
            id: KEY.id.0.to_vec(),
            code: CODE.to_owned(),
        }],
    };
    let ack = Ack {
        scope: DISTRICT.0.to_vec(),
        results: vec![refused],
        exchange: true,
        ..Ack::default()
    };
    node.take(
        0,
        Command::Session(login(Role::Node, 1), Op::Acked(Box::new(ack))),
    );
    node.flush().unwrap();
    assert_eq!((dots(&node, 1), dots(&node, 2)), (vec![], vec![first]));
    put(&mut node, &[(3, b"later")]);
    talk(&mut node, &mut hub, 2);
    assert_eq!(dots(&hub, 1), [first]);
    assert_eq!(candidates(&hub, 3).len(), 1);
    assert_eq!(record(&hub), record(&node));
    assert!(hub.status().quarantined.is_empty());
}

//! Two copies of one node's store that both run and write: the one that was left behind is frozen,
//! the other goes on, and a person decides.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may stop")]

#[expect(dead_code, unreachable_pub, reason = "shared by several tests")]
#[path = "support/pair.rs"]
mod pair;

use std::sync::Arc;

use replica::{Kind, RecordId, RecordKey, session::Role};
use store::{Command, Host, Memory, Reply};

use self::pair::{DISTRICT, NODE, open, save, talk, try_talk};

fn key(number: u8) -> RecordKey {
    RecordKey {
        kind: Kind(5),
        id: RecordId([number; 16]),
    }
}

fn holds(host: &Host, number: u8) -> bool {
    host.reader().get(key(number)).unwrap().is_some()
}

/// A hub, a node and a copy of the node: both of the two have written and met the hub.
fn forked() -> (Host, Host, Host, Arc<Memory>) {
    let at_node = Arc::new(Memory::new());
    let mut hub = open(Role::Hub, Arc::new(Memory::new()), 1);
    let mut node = open(Role::Node, at_node.clone(), 1);
    save(&mut node, key(1), &[(1, b"before the copy")]);
    talk(&mut node, &mut hub, 1);
    let mut copy = open(Role::Node, Arc::new(Memory::from_image(at_node.image())), 2);
    save(&mut node, key(2), &[(1, b"by the original")]);
    talk(&mut node, &mut hub, 2);
    save(&mut copy, key(3), &[(1, b"by the copy")]);
    talk(&mut copy, &mut hub, 3);
    (hub, node, copy, at_node)
}

/// What the one left behind said froze the other too, and nobody could exchange any more.
#[test]
fn the_side_left_behind_is_frozen_and_freezes_nobody() {
    let (mut hub, mut node, mut copy, _) = forked();
    save(&mut node, key(4), &[(1, b"by the original, later")]);
    for session in [4, 6] {
        let told = try_talk(&mut node, &mut hub, session);
        assert_eq!(told, Err("SYNC-140".to_owned()));
        assert_eq!(hub.status().clones, [NODE]);
        save(&mut copy, key(5), &[(1, b"by the copy, later")]);
        talk(&mut copy, &mut hub, session + 1);
    }
    assert!(holds(&hub, 5) && !holds(&hub, 4), "nothing of it is taken");
}

/// Its Hello must not end the session of the other either.
#[test]
fn the_side_left_behind_does_not_end_the_others_session() {
    let (mut hub, mut node, _copy, _) = forked();
    let told = try_talk(&mut node, &mut hub, 9);
    assert_eq!(told, Err("SYNC-140".to_owned()));
    let login = pair::login(Role::Hub, 3);
    let sum = replica::session::Op::Sum(DISTRICT);
    hub.take(0, Command::Session(login, sum));
    let answers = hub.flush().unwrap();
    let goes_on = |reply: &Reply| {
        let Reply::Input(input) = reply else {
            return false;
        };
        matches!(**input, replica::session::Input::Summed(..))
    };
    assert!(goes_on(&answers.first().unwrap().reply), "{answers:?}");
}

#[test]
fn the_frozen_side_started_anew_brings_what_it_has_and_nothing_is_lost() {
    let (mut hub, mut node, copy, at_node) = forked();
    save(&mut node, key(4), &[(1, b"by the original, later")]);
    assert!(try_talk(&mut node, &mut hub, 4).is_err());
    // A person stops the copy and starts the original anew.
    drop((copy, node));
    let mut node = open(Role::Node, at_node, 7);
    talk(&mut node, &mut hub, 5);
    for number in 1..=4 {
        assert!(holds(&hub, number) && holds(&node, number), "{number}");
    }
    assert!(hub.status().clones.is_empty());
}

//! What a hub says of the writes that a node asks for.

use replica::session::Role;
use store::Holding;

use super::pair::{BAD, Line, NODE, OTHER, PUBLISHED, SCOPE, Side, force, key, settle};

#[test]
fn each_write_is_held_refused_absent_or_none_of_the_nodes_business() {
    let (mut node, mut hub) = (Side::new(Role::Node), Side::new(Role::Hub));
    let good = node.put(key(1), SCOPE, &[(4, b"good")]);
    let bad = node.put(key(1), SCOPE, &[(4, BAD)]);
    let ruled = hub.put(key(2), PUBLISHED, &[(4, b"for all")]);
    let others = hub.put(key(3), OTHER, &[(4, b"of another scope")]);
    settle(&mut node, &mut hub);
    let replaced = node.put(key(1), SCOPE, &[(4, b"better")]);
    let best = node.put(key(1), SCOPE, &[(4, b"best")]);
    settle(&mut node, &mut hub);
    let unsent = node.put(key(1), SCOPE, &[(4, b"unsent")]);
    let decided = hub.put(key(1), SCOPE, &[(5, b"by the city")]);
    let asked = [
        (key(1), good),
        (key(1), bad),
        (key(1), replaced),
        (key(1), best),
        (key(1), unsent),
        (key(1), decided),
        (key(2), ruled),
        (key(3), others),
        // Whether there is such a record is not told either.
        (key(4), others),
    ];
    let before = hub.image();
    let (writer, at_hub) = hub.serve();
    let grounds = at_hub.grounds(SCOPE, NODE).unwrap();
    let found = grounds
        .holdings(at_hub.reader(), PUBLISHED, &asked)
        .unwrap();
    hub.take_back(writer);
    assert_eq!(
        found,
        [
            Holding::Held,
            Holding::Refused,
            Holding::Held,
            Holding::Held,
            Holding::None,
            Holding::Held,
            Holding::Held,
            Holding::Unsaid,
            Holding::Unsaid,
        ]
    );
    assert_eq!(hub.image(), before, "asking changes nothing");
}

/// One name has two contents, so the hub keeps the node's state aside: what it has of the node's
/// writes lies in quarantine, also where another content stands under the same name.
#[test]
fn what_lies_in_quarantine_is_said_to_lie_there() {
    let (mut node, mut hub) = (Side::new(Role::Node), Side::new(Role::Hub));
    let first = node.put(key(1), SCOPE, &[(4, b"first")]);
    let whole = node.put(key(2), SCOPE, &[(4, b"whole")]);
    settle(&mut node, &mut hub);
    let second = node.put(key(1), SCOPE, &[(5, b"second")]);
    let mut forked = node.record(key(1));
    for sibling in &mut forked.siblings {
        if sibling.dot() == first {
            sibling.value = b"other".as_slice().into();
        }
    }
    let unsent = node.put(key(1), SCOPE, &[(5, b"unsent")]);
    let reached = proto::sync::Position {
        incarnation: second.incarnation.0,
        counter: second.counter,
        head: vec![7; 32],
        replica: NODE.0.to_vec(),
    };
    force(&mut hub, NODE, &forked, vec![reached]);
    let asked = [first, second, unsent].map(|dot| (key(1), dot));
    let (writer, at_hub) = hub.serve();
    let grounds = at_hub.grounds(SCOPE, NODE).unwrap();
    let look = |asked: &[_]| grounds.holdings(at_hub.reader(), PUBLISHED, asked).unwrap();
    let (found, beside) = (look(&asked), look(&[(key(2), whole)]));
    hub.take_back(writer);
    let aside = Holding::Quarantined;
    assert_eq!(found, [aside, aside, Holding::None]);
    assert_eq!(beside, [Holding::Held]);
}

/// A line is cut behind the first of several batches: the hub knows how far the node had come, and
/// does not have all of it. A node that went by positions would give up what exists nowhere else.
#[test]
fn a_position_that_is_known_is_not_taken_for_a_write_that_is_held() {
    let (mut node, mut hub) = (Side::new(Role::Node), Side::new(Role::Hub));
    settle(&mut node, &mut hub);
    let edits = (0..1_500).map(|n| node.edit(key(n), SCOPE, &[(4, b"value")]));
    let edits = edits.collect();
    let dots = node.write(edits);
    let writes: Vec<_> = (0..).map(key).zip(dots).collect();
    let mut line = Line::new();
    line.cut_at = Some(("batch", 1));
    line.run(&mut node, &mut hub);
    let (writer, at_hub) = hub.serve();
    let grounds = at_hub.grounds(SCOPE, NODE).unwrap();
    let found = grounds
        .holdings(at_hub.reader(), PUBLISHED, &writes)
        .unwrap();
    hub.take_back(writer);
    let reached = grounds.peers.iter().map(|(_, counter, _)| *counter).max();
    let held = found.iter().filter(|one| **one == Holding::Held).count();
    assert_eq!(reached, Some(1_500));
    assert!((1..1_500).contains(&held), "{held}");
}

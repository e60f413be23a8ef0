//! What a certified node can do to the proofs by stick: say them out of turn, leave papers that nobody
//! has signed, take another's for its own, ask about what is not its own.

use std::io::Cursor;

use link::{
    BundleRoute, CERTIFICATES, DenyList, GivenProof, Sealer, Taken, check, give, open_bundle, take,
};
use prost::Message as _;
use proto::stored::{Certificate, Signed, Statement};
use proto::sync::{
    Answer, BundleMemory, BundleOpening, Bye, Frame, Names, Prints, Question, WriteNames,
    certify_ask::Ask, certify_reply::Reply, frame::Frame as Body,
};
use replica::ReplicaId;
use tests::rig::{CITY, Medium, NodeRig, fresh_replica};

use crate::{
    bundles::{hello, hub_keys, hub_seat, node_keys, node_seat, now_ms, to_hub, to_node},
    world::{OWN, World, save},
};

/// What both ends remember of each other.
#[derive(Default)]
struct Memories {
    of_node: BundleMemory,
    of_hub: BundleMemory,
}

fn node_gives(world: &World, node: &NodeRig, memories: &mut Memories) -> (Vec<u8>, GivenProof) {
    let (route, seat) = (to_hub(world, node), node_seat(node));
    let given = give(Vec::new(), &route, &seat, &mut memories.of_node);
    let (stick, given) = given.unwrap();
    (stick, given.proof)
}

fn hub_takes(world: &World, node: &NodeRig, stick: &[u8], memories: &mut Memories) -> Taken {
    let keys = hub_keys(world, DenyList::default());
    let mut parcel = open_bundle(Cursor::new(stick), keys, now_ms()).unwrap();
    take(&mut parcel, &hub_seat(world, node), &mut memories.of_hub).unwrap()
}

fn hub_gives(world: &World, node: &NodeRig, memories: &mut Memories) -> (Vec<u8>, GivenProof) {
    let (route, seat) = (to_node(world, node), hub_seat(world, node));
    let given = give(Vec::new(), &route, &seat, &mut memories.of_hub);
    let (stick, given) = given.unwrap();
    (stick, given.proof)
}

fn node_takes(node: &NodeRig, stick: &[u8], memories: &mut Memories) -> Taken {
    let mut parcel = open_bundle(Cursor::new(stick), node_keys(node), now_ms()).unwrap();
    take(&mut parcel, &node_seat(node), &mut memories.of_node).unwrap()
}

/// There and back.
fn round(world: &World, node: &NodeRig, memories: &mut Memories) -> (Taken, Taken) {
    let (stick, _) = node_gives(world, node, memories);
    let there = hub_takes(world, node, &stick, memories);
    let (stick, _) = hub_gives(world, node, memories);
    (there, node_takes(node, &stick, memories))
}

/// A node with records, and its certificate by stick.
fn certified(world: &World, numbers: std::ops::Range<u64>) -> (NodeRig, Memories, Certificate) {
    let node = world.hub.node(fresh_replica(), OWN, &Medium::Memory);
    save(&node, numbers);
    let mut memories = Memories::default();
    let (_, back) = round(world, &node, &mut memories);
    assert!(back.equal && back.certificate.is_none(), "{back:?}");
    let (there, back) = round(world, &node, &mut memories);
    assert!(there.stated, "{there:?}");
    let certificate = back.certificate.unwrap();
    let checked = check(&certificate, &node.material.authorities);
    assert_eq!(checked.faults, []);
    (node, memories, certificate)
}

/// What is kept at the hub of a node.
fn kept(world: &World, node: ReplicaId) -> usize {
    let kept = world.reader().locals(&format!("{CERTIFICATES}{node}/"));
    kept.unwrap().len()
}

/// A part by hand.
enum Say {
    Frame(Body),
    Ask(Ask),
    Reply(Reply),
}

fn seal(route: &BundleRoute, number: u64, parts: Vec<Say>) -> Vec<u8> {
    let mut sealer = Sealer::begin(Vec::new(), route, number, now_ms()).unwrap();
    let opening = BundleOpening {
        certificate: route.certificate.to_vec(),
        proofs: true,
        ..BundleOpening::default()
    };
    sealer.opening(opening).unwrap();
    for part in parts {
        match part {
            Say::Frame(body) => sealer.frame(Frame { frame: Some(body) }).unwrap(),
            Say::Ask(ask) => sealer.ask(ask).unwrap(),
            Say::Reply(reply) => sealer.reply(reply).unwrap(),
        }
    }
    let bye = Body::Bye(Bye::default());
    sealer.finish(Frame { frame: Some(bye) }).unwrap()
}

fn names(last: bool) -> Ask {
    Ask::Names(Names {
        names: Vec::new(),
        last,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_of_a_proof_have_their_order_and_their_side() {
    let world = World::new().await;
    let puppet = world.puppet();
    let question = || Say::Ask(Ask::Question(Question::default()));
    let greeting = || Say::Frame(hello(&puppet));
    let paper = || Say::Ask(Ask::Certificate(Certificate::default()));
    let cases = [
        ("before the greeting", vec![question(), greeting()]),
        ("names of nothing", vec![greeting(), Say::Ask(names(true))]),
        ("two questions", vec![greeting(), question(), question()]),
        (
            "names without end",
            vec![
                greeting(),
                question(),
                Say::Ask(names(true)),
                Say::Ask(names(false)),
            ],
        ),
        ("two certificates", vec![greeting(), paper(), paper()]),
        (
            "a certificate too late",
            vec![greeting(), question(), paper()],
        ),
        (
            "another question of a line",
            vec![greeting(), Say::Ask(Ask::Writes(WriteNames::default()))],
        ),
        (
            "the other side's part",
            vec![greeting(), Say::Reply(Reply::Answer(Answer::default()))],
        ),
    ];
    let told = |parts| {
        tokio::task::block_in_place(|| {
            let stick = seal(&to_hub(&world, &world.place), 1, parts);
            let keys = hub_keys(&world, DenyList::default());
            let mut parcel = open_bundle(Cursor::new(stick), keys, now_ms()).unwrap();
            let mut memory = BundleMemory::default();
            take(&mut parcel, &hub_seat(&world, &world.place), &mut memory)
        })
    };
    for (what, parts) in cases {
        let result = told(parts).map_err(|error| error.code().to_owned());
        assert_eq!(result.err().as_deref(), Some("SYNC-103"), "{what}");
    }
    // A question whose names do not end, or at no cut, is no reason to refuse the stick.
    let taken = told(vec![greeting(), question(), Say::Ask(names(false))]).unwrap();
    assert!(!taken.stated);
    world.survives().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_hub_keeps_no_paper_that_both_have_not_signed_for_this_node() {
    let world = World::new().await;
    let (_node, _memories, of_another) = tokio::task::block_in_place(|| certified(&world, 0..3));
    let puppet = world.puppet();
    let forged_hub = {
        // The attacker's own side twice: its key signs for the hub.
        let hub = of_another.node.clone();
        Certificate {
            hub,
            ..of_another.clone()
        }
    };
    let altered = {
        let mut altered = of_another.clone();
        let hub = altered.hub.as_mut().unwrap();
        let mut said = Statement::decode(hub.body.as_slice()).unwrap();
        said.lives.clear();
        hub.body = said.encode_to_vec();
        altered
    };
    let empty = Certificate {
        format: 1,
        node: Some(Signed::default()),
        hub: Some(Signed::default()),
        scope_code: String::new(),
    };
    for (number, paper) in (1..).zip([of_another, forged_hub, altered, empty]) {
        let taken = tokio::task::block_in_place(|| {
            let parts = vec![
                Say::Frame(hello(&puppet)),
                Say::Ask(Ask::Certificate(paper)),
            ];
            let stick = seal(&to_hub(&world, &world.place), number, parts);
            hub_takes(&world, &world.place, &stick, &mut Memories::default())
        });
        assert_eq!(taken.certificate, None, "paper {number}");
    }
    assert_eq!(kept(&world, world.place.replica), 0);
    world.survives().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_certificate_many_times_is_kept_once() {
    let world = World::new().await;
    tokio::task::block_in_place(|| {
        let (node, mut memories, made) = certified(&world, 0..3);
        let (stick, proof) = node_gives(&world, &node, &mut memories);
        assert!(proof.hands_in);
        let taken = hub_takes(&world, &node, &stick, &mut memories);
        assert_eq!(taken.certificate.as_ref(), Some(&made));
        for _ in 0..3 {
            let (stick, proof) = node_gives(&world, &node, &mut memories);
            assert!(proof.hands_in, "nobody has told the node");
            let taken = hub_takes(&world, &node, &stick, &mut memories);
            assert_eq!(taken.certificate, None, "it is no news");
        }
        assert_eq!(kept(&world, node.replica), 1);
    });
    world.survives().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_was_not_asked_for_makes_no_certificate() {
    let world = World::new().await;
    tokio::task::block_in_place(|| {
        let (_other, _, of_another) = certified(&world, 0..3);
        let (node, mut memories, made) = certified(&world, 10..13);
        save(&node, 13..14);
        node_gives(&world, &node, &mut memories);
        // An older answer, and a neighbour's, in a sound bundle of the hub.
        for hubs in [made.hub, of_another.hub] {
            memories.of_hub.stated = hubs;
            let (stick, proof) = hub_gives(&world, &node, &mut memories);
            assert!(proof.states);
            let taken = node_takes(&node, &stick, &mut memories);
            assert_eq!(taken.certificate, None, "{taken:?}");
        }
    });
    world.survives().await;
}

/// The sums of a scope as the hub has them, and a question at the puppet's point.
fn posing(world: &World, question: Question) -> Vec<Say> {
    let puppet = world.puppet();
    let prints = Prints {
        scope: puppet.scope.0.to_vec(),
        node: puppet.feed.to_wire(),
        hub: puppet.feed.to_wire(),
        ..Prints::default()
    };
    vec![
        Say::Frame(hello(&puppet)),
        Say::Frame(Body::Prints(prints)),
        Say::Ask(Ask::Question(question)),
        Say::Ask(names(true)),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_hub_states_for_no_scope_but_the_node_s_own_and_at_no_other_cut() {
    let world = World::new().await;
    let scope = world.place.scope;
    let questions = [
        Question {
            scope: domain::scope_id(CITY).0.to_vec(),
            ..Question::default()
        },
        Question {
            scope: world.honest.scope.0.to_vec(),
            ..Question::default()
        },
        // Its own, but without a sum that says that both are equal.
        Question {
            scope: scope.0.to_vec(),
            ..Question::default()
        },
    ];
    for (number, question) in (1..).zip(questions) {
        let taken = tokio::task::block_in_place(|| {
            let parts = posing(&world, question);
            let stick = seal(&to_hub(&world, &world.place), number, parts);
            hub_takes(&world, &world.place, &stick, &mut Memories::default())
        });
        assert!(!taken.stated, "question {number}");
    }
    world.survives().await;
}

/// To a program that does not say that it knows the parts nothing of them is sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_does_not_know_the_parts_is_spared_them() {
    let world = World::new().await;
    tokio::task::block_in_place(|| {
        let (node, mut memories, _) = certified(&world, 0..3);
        save(&node, 3..4);
        memories.of_node.proofs = false;
        let (stick, proof) = node_gives(&world, &node, &mut memories);
        assert_eq!(proof, GivenProof::default());
        hub_takes(&world, &node, &stick, &mut memories);
        // The hub's bundle says that it does, and from then on the node asks.
        let (stick, _) = hub_gives(&world, &node, &mut memories);
        node_takes(&node, &stick, &mut memories);
        let (_, proof) = node_gives(&world, &node, &mut memories);
        assert!(proof.asks && proof.hands_in, "{proof:?}");
        memories.of_hub.proofs = false;
        let (_, proof) = hub_gives(&world, &node, &mut memories);
        assert_eq!(proof, GivenProof::default());
    });
    world.survives().await;
}

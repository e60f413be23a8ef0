//! Every write is accounted for, and a write that is lost is found out.

use bytes::Bytes;
use proto::stored::{Fate, LifeAccount};
use replica::{Bucket, Leaf, Record, RecordKey, session::Role};
use store::{Account, Claims, Grounds, Handle};

use super::pair::{BAD, HUB, Image, Line, NODE, OTHER, SCOPE, Side, force, key, settle};

/// What both sides say of their own journals.
struct Proof {
    node: Account,
    hub: Account,
    equal: bool,
}

impl Proof {
    fn missing(&self) -> (u64, u64) {
        let of = |account: &Account| account.lives.iter().map(|life| life.missing).sum();
        (of(&self.node), of(&self.hub))
    }

    fn is_true(&self) -> bool {
        let forked = |account: &Account| account.lives.iter().any(|life| life.forked);
        self.equal && self.missing() == (0, 0) && !forked(&self.node) && !forked(&self.hub)
    }
}

fn claims(own: &Grounds, other: &Grounds, names: replica::account::Names) -> Claims {
    let mut left_out = [own.held_back.clone(), other.held_back.clone()].concat();
    left_out.sort_unstable();
    left_out.dedup();
    Claims {
        positions: other.peers.clone(),
        refused: other.refused.clone(),
        names,
        left_out,
    }
}

/// Makes the two accounts as a node and a hub do over a line.
fn prove(node: &mut Side, hub: &mut Side) -> Proof {
    let (node_writer, at_node) = node.serve();
    let (hub_writer, at_hub) = hub.serve();
    let proof = prove_between(&at_node, &at_hub);
    node.take_back(node_writer);
    hub.take_back(hub_writer);
    proof
}

fn prove_between(at_node: &Handle, at_hub: &Handle) -> Proof {
    let (ours, theirs) = (
        at_node.grounds(SCOPE, HUB).unwrap(),
        at_hub.grounds(SCOPE, NODE).unwrap(),
    );
    assert_eq!(
        (ours.taken, theirs.taken),
        (theirs.end, ours.end),
        "settled"
    );
    let of_node = ours.extract(at_node.reader()).unwrap();
    let of_hub = theirs.extract(at_hub.reader()).unwrap();
    assert_eq!((of_node.root, of_hub.root), (ours.root, theirs.root));
    let told_hub = claims(&theirs, &ours, of_node.names.clone());
    let told_node = claims(&ours, &theirs, of_hub.names.clone());
    let root = |handle: &Handle, grounds: &Grounds| {
        let left_out = &told_hub.left_out;
        grounds.root_without(handle.reader(), left_out).unwrap()
    };
    let equal = root(at_node, &ours) == root(at_hub, &theirs);
    let account = |handle: &Handle, grounds: &Grounds, extract, claims: &Claims| {
        let account = grounds.account(handle.reader(), extract, claims).unwrap();
        account.lives.iter().for_each(adds_up);
        account
    };
    Proof {
        node: account(at_node, &ours, of_node, &told_node),
        hub: account(at_hub, &theirs, of_hub, &told_hub),
        equal,
    }
}

fn adds_up(life: &LifeAccount) {
    let sum = [
        life.visible,
        life.replaced,
        life.refused,
        life.drafts,
        life.moved,
        life.quarantined,
        life.elsewhere,
        life.missing,
    ];
    assert_eq!(
        sum.iter().sum::<u64>(),
        life.reached.as_ref().unwrap().counter,
        "{life:?}"
    );
}

fn pair() -> (Side, Side) {
    (Side::new(Role::Node), Side::new(Role::Hub))
}

/// A store whose record says something else, with a fingerprint that fits.
fn altered(mut image: Image, key: RecordKey, change: impl Fn(&mut Record)) -> Image {
    let of_key = |value: &Bytes| Record::decode(&value.slice(37..)).is_ok_and(|r| r.key == key);
    let mut records = image.iter().filter(|(k, _)| k[0] == b'R');
    let (place, value) = records.find(|(_, value)| of_key(value)).unwrap();
    let (place, value) = (place.clone(), value.clone());
    let mut record = Record::decode(&value.slice(37..)).unwrap();
    let former = Leaf::of(&value[37..]);
    change(&mut record);
    let bytes = record.encode();
    let leaf = Leaf::of(&bytes);
    image.insert(
        place.clone(),
        [&value[..5], &leaf.0[..], &bytes[..]].concat().into(),
    );
    let scope = [b"S", &place[1..5]].concat();
    let entry = image[&scope].to_vec();
    let count = u64::from_be_bytes(entry[88..96].try_into().unwrap());
    let mut root = Bucket::from_parts(entry[56..88].try_into().unwrap(), count);
    root.remove(former);
    root.add(leaf);
    let entry = [&entry[..56], &root.to_bytes()[..], &entry[88..]].concat();
    image.insert(scope, entry.into());
    image
}

#[test]
fn every_write_of_both_sides_is_visible_or_replaced_and_the_numbers_add_up() {
    let (mut node, mut hub) = pair();
    for number in 0..40 {
        node.put(key(number), SCOPE, &[(4, b"one"), (5, b"two")]);
    }
    hub.put(key(900), OTHER, &[(4, b"another district")]);
    settle(&mut node, &mut hub);
    for number in 0..10 {
        hub.put(key(number), SCOPE, &[(4, b"of the city")]);
        node.put(key(number + 20), SCOPE, &[(5, b"again")]);
    }
    settle(&mut node, &mut hub);
    let proof = prove(&mut node, &mut hub);
    assert!(proof.is_true(), "{:?} {:?}", proof.node, proof.hub);
    let [of_node] = &proof.node.lives[..] else {
        panic!("{:?}", proof.node);
    };
    assert_eq!((of_node.visible, of_node.replaced), (50, 0));
    let [of_hub] = &proof.hub.lives[..] else {
        panic!("{:?}", proof.hub);
    };
    assert_eq!((of_hub.visible, of_hub.elsewhere), (10, 1));
    assert!(proof.node.listed.is_empty() && proof.hub.listed.is_empty());
}

/// The city writes, the district replaces that again and again before the line is there again:
/// what was in between never travels, and is more than a sibling remembers of its ancestors. Only
/// the district's journal can say that it replaced the city's.
#[test]
fn a_write_that_was_superseded_before_it_travelled_accounts_for_what_it_replaced() {
    let (mut node, mut hub) = pair();
    hub.put(key(1), SCOPE, &[(4, b"city")]);
    settle(&mut node, &mut hub);
    for round in 0..7 {
        node.put(key(1), SCOPE, &[(4, &[round])]);
    }
    settle(&mut node, &mut hub);
    let proof = prove(&mut node, &mut hub);
    assert!(proof.is_true());
    assert_eq!(proof.hub.lives[0].replaced, 1);
    assert_eq!(
        (proof.node.lives[0].visible, proof.node.lives[0].replaced),
        (1, 6)
    );
    // Without the district's names the city cannot account for its write, and says so.
    let (writer, handle) = hub.serve();
    let grounds = handle.grounds(SCOPE, NODE).unwrap();
    let extract = grounds.extract(handle.reader()).unwrap();
    let alone = grounds
        .account(handle.reader(), extract, &Claims::default())
        .unwrap();
    assert_eq!(alone.lives[0].missing, 1);
    hub.take_back(writer);
}

#[test]
fn a_refused_write_is_listed_with_its_record() {
    let (mut node, mut hub) = pair();
    node.put(key(1), SCOPE, &[(4, b"good")]);
    let bad = node.put(key(1), SCOPE, &[(4, BAD), (5, b"with it")]);
    settle(&mut node, &mut hub);
    let proof = prove(&mut node, &mut hub);
    assert!(proof.is_true());
    let life = &proof.node.lives[0];
    assert_eq!((life.visible, life.refused), (1, 1));
    let listed = &proof.node.listed[0];
    assert_eq!((listed.first, listed.fate()), (bad.counter, Fate::Refused));
    assert_eq!(listed.record.as_ref().unwrap().id, key(1).id.0);
}

/// The first of two batches said how far the node had come, the line was cut before the second,
/// and an old backup took the node's place: nobody has the rest any more, and the hub knows that
/// it was.
#[test]
fn a_restore_that_loses_edits_makes_it_false_and_names_them() {
    let (mut node, mut hub) = pair();
    for number in 0..5 {
        node.put(key(number), SCOPE, &[(4, b"kept")]);
    }
    settle(&mut node, &mut hub);
    let image = node.image();
    let edits = (0..1_500).map(|n| node.edit(key(100 + n), SCOPE, &[(4, b"new")]));
    let edits = edits.collect();
    let dots = node.write(edits);
    let mut line = Line::new();
    line.cut_at = Some(("batch", 1));
    line.run(&mut node, &mut hub);
    let mut node = Side::over(Role::Node, image);
    node.put(key(2), SCOPE, &[(4, b"after the restore")]);
    settle(&mut node, &mut hub);
    let proof = prove(&mut node, &mut hub);
    assert!(proof.equal, "both sides hold the same");
    assert!(!proof.is_true(), "and yet hundreds of writes are gone");
    let came = line.passed.iter().filter(|p| p.what == "batch").count();
    assert_eq!(came, 1);
    let (missing, _) = proof.missing();
    assert!((400..1_000).contains(&missing), "{missing}");
    let [lost] = &proof.node.listed[..] else {
        panic!("{:?}", proof.node.listed);
    };
    assert_eq!(lost.incarnation, dots[0].incarnation.0);
    let last = dots[1_499].counter;
    assert_eq!((lost.last, lost.fate()), (last, Fate::Missing));
    assert_eq!(lost.last - lost.first + 1, missing);
}

/// The same restore, when the hub had the writes: they come back, and each is found by its name.
#[test]
fn a_restore_that_gets_everything_back_stays_true() {
    let (mut node, mut hub) = pair();
    node.put(key(1), SCOPE, &[(4, b"kept")]);
    settle(&mut node, &mut hub);
    let image = node.image();
    node.put(key(1), SCOPE, &[(4, b"travelled")]);
    settle(&mut node, &mut hub);
    hub.put(key(1), SCOPE, &[(4, b"replaced by the city")]);
    node.put(key(2), SCOPE, &[(4, b"more")]);
    settle(&mut node, &mut hub);
    let mut node = Side::over(Role::Node, image);
    node.put(key(3), SCOPE, &[(4, b"after the restore")]);
    settle(&mut node, &mut hub);
    let proof = prove(&mut node, &mut hub);
    assert!(proof.is_true(), "{:?}", proof.node);
    let former = proof.node.lives.iter().find(|life| life.proven == 1);
    let former = former.unwrap();
    assert_eq!(former.reached.as_ref().unwrap().counter, 3);
    assert_eq!((former.visible, former.replaced), (1, 2));
}

/// The same, and what came back had been written over before it ever travelled.
#[test]
fn a_restore_accounts_for_what_was_superseded_before_it_travelled() {
    let (mut node, mut hub) = pair();
    node.put(key(1), SCOPE, &[(4, b"kept"), (5, b"beside it")]);
    settle(&mut node, &mut hub);
    let image = node.image();
    node.put(key(1), SCOPE, &[(4, b"never travels")]);
    node.put(key(1), SCOPE, &[(4, b"travels")]);
    settle(&mut node, &mut hub);
    let mut node = Side::over(Role::Node, image);
    settle(&mut node, &mut hub);
    let proof = prove(&mut node, &mut hub);
    assert!(proof.is_true(), "{:?}", proof.node);
}

/// The hub told its position and lost what stood behind it.
#[test]
fn a_hub_that_lost_its_own_writes_makes_it_false() {
    let (mut node, mut hub) = pair();
    node.put(key(1), SCOPE, &[(4, b"one")]);
    hub.put(key(2), SCOPE, &[(4, b"kept")]);
    settle(&mut node, &mut hub);
    let image = hub.image();
    hub.put(key(3), SCOPE, &[(4, b"lost")]);
    hub.put(key(900), OTHER, &[(4, b"lost in another scope")]);
    let mut line = Line::new();
    line.cut_at = Some(("batch", 0));
    line.run(&mut node, &mut hub);
    let mut hub = Side::over(Role::Hub, image);
    settle(&mut node, &mut hub);
    let proof = prove(&mut node, &mut hub);
    assert!(!proof.is_true());
    assert_eq!(proof.missing(), (0, 2));
}

/// What no rule can do: a value vanishes on both sides, and the contexts still cover it.
#[test]
fn a_value_erased_on_both_sides_makes_it_false() {
    let (mut node, mut hub) = pair();
    let dot = node.put(key(1), SCOPE, &[(4, b"erased"), (5, b"left")]);
    node.put(key(2), SCOPE, &[(4, b"other")]);
    settle(&mut node, &mut hub);
    assert!(prove(&mut node, &mut hub).is_true());
    let erase = |record: &mut Record| record.siblings.retain(|s| s.register.0 != 4);
    let mut node = Side::over(Role::Node, altered(node.image(), key(1), erase));
    let mut hub = Side::over(Role::Hub, altered(hub.image(), key(1), erase));
    settle(&mut node, &mut hub);
    let proof = prove(&mut node, &mut hub);
    assert!(proof.equal && !proof.is_true());
    let listed = &proof.node.listed[0];
    assert_eq!((listed.first, listed.fate()), (dot.counter, Fate::Missing));
}

/// A write was refused in one register when others had replaced it in another. What it had replaced
/// there came back under a second write that was refused, and vanishes. The writes in between still
/// name it among their ancestors, by way of the refused one.
#[test]
fn what_came_back_and_vanishes_is_missed_although_replaced_writes_descend_from_it() {
    let (mut node, mut hub) = pair();
    let first = node.put(key(1), SCOPE, &[(4, b"first")]);
    let stale = node.edit(key(1), SCOPE, &[(4, b"from an old form"), (5, BAD)]);
    node.put(key(1), SCOPE, &[(3, BAD), (4, b"second")]);
    for round in 0..4 {
        node.put(key(1), SCOPE, &[(4, &[round])]);
    }
    node.write(vec![stale]);
    settle(&mut node, &mut hub);
    let proof = prove(&mut node, &mut hub);
    assert!(proof.is_true(), "{:?}", proof.node);
    let life = &proof.node.lives[0];
    assert_eq!((life.visible, life.replaced, life.refused), (2, 3, 2));
    let erase = |record: &mut Record| record.siblings.retain(|s| s.dot() != first);
    let mut node = Side::over(Role::Node, altered(node.image(), key(1), erase));
    let mut hub = Side::over(Role::Hub, altered(hub.image(), key(1), erase));
    settle(&mut node, &mut hub);
    let proof = prove(&mut node, &mut hub);
    assert!(proof.equal && !proof.is_true());
    let missing = proof.node.listed.iter().find(|l| l.fate() == Fate::Missing);
    assert_eq!(missing.map(|l| l.first), Some(first.counter));
}

/// One dot with two contents, and the false one stands on both sides.
#[test]
fn another_content_under_a_name_of_the_journal_makes_it_false() {
    let (mut node, mut hub) = pair();
    node.put(key(1), SCOPE, &[(4, b"true")]);
    settle(&mut node, &mut hub);
    let swap = |record: &mut Record| record.siblings[0].value = b"false".as_slice().into();
    let mut node = Side::over(Role::Node, altered(node.image(), key(1), swap));
    let mut hub = Side::over(Role::Hub, altered(hub.image(), key(1), swap));
    settle(&mut node, &mut hub);
    let proof = prove(&mut node, &mut hub);
    assert!(proof.equal && !proof.is_true());
    assert!(proof.node.lives[0].forked);
}

/// A broken journal is damage, and not an account.
#[test]
fn a_journal_that_was_altered_or_has_a_gap_is_damage() {
    let (mut node, mut hub) = pair();
    for number in 0..60 {
        node.put(key(number), SCOPE, &[(4, b"one")]);
    }
    settle(&mut node, &mut hub);
    let whole = node.image();
    let pages: Vec<Vec<u8>> = whole.keys().filter(|k| k[0] == b'J').cloned().collect();
    let mut gap = whole.clone();
    gap.remove(&pages[pages.len() / 2]);
    let mut altered = whole;
    let page = altered.get_mut(&pages[1]).unwrap();
    let mut bytes = page.to_vec();
    // The hash of the first write is the last field of its entry.
    let at = bytes.len() - 40;
    bytes[at] ^= 1;
    *page = bytes.into();
    for image in [gap, altered] {
        let mut node = Side::over(Role::Node, image);
        let (writer, handle) = node.serve();
        let grounds = handle.grounds(SCOPE, HUB).unwrap();
        let failed = grounds.extract(handle.reader()).unwrap_err();
        assert!(failed.to_string().contains("journal"), "{failed}");
        node.take_back(writer);
    }
}

#[test]
fn a_record_that_is_held_back_is_left_out_and_said() {
    let (mut node, mut hub) = pair();
    node.put(key(1), SCOPE, &[(4, b"one")]);
    node.put(key(2), SCOPE, &[(4, b"two")]);
    settle(&mut node, &mut hub);
    let mut other = node.record(key(1));
    other.siblings[0].value = b"forged".as_slice().into();
    force(&mut hub, NODE, &other, Vec::new());
    let proof = prove(&mut node, &mut hub);
    assert!(proof.is_true());
    let life = &proof.node.lives[0];
    assert_eq!((life.visible, life.quarantined), (1, 1));
    assert_eq!(proof.node.listed[0].fate(), Fate::Quarantined);
}

/// The city has given a record to another district: what this one wrote there is moved, and a late
/// write comes back as a draft.
#[test]
fn writes_of_a_record_that_was_transferred_are_said_to_have_moved() {
    let (mut node, mut hub) = pair();
    for value in [b"one", b"two"] {
        node.put(key(1), SCOPE, &[(4, value)]);
    }
    node.put(key(2), SCOPE, &[(4, b"stays")]);
    settle(&mut node, &mut hub);
    let owner = replica::Owner {
        scope: OTHER,
        epoch: 1,
        stays: Vec::new(),
        former: vec![SCOPE],
        contested: false,
    };
    let owner = owner.to_value();
    hub.put(key(1), SCOPE, &[(replica::RegisterId::OWNER.0, &owner)]);
    node.put(key(1), SCOPE, &[(4, b"late")]);
    settle(&mut node, &mut hub);
    let proof = prove(&mut node, &mut hub);
    assert!(proof.is_true(), "{:?} {:?}", proof.node, proof.hub);
    let life = &proof.node.lives[0];
    assert_eq!((life.visible, life.moved), (1, 3));
    assert_eq!(proof.hub.lives[0].elsewhere, 1);
}

/// Prints what an account of many records takes; more with `LIANGXIN_RECORDS`.
#[test]
fn many_records_are_accounted_for_in_one_reading() {
    let many = std::env::var("LIANGXIN_RECORDS").ok();
    let many: u64 = many.map_or(5_000, |text| text.parse().unwrap());
    let (mut node, mut hub) = pair();
    let numbers: Vec<u64> = (0..many).collect();
    for round in 0..2_u8 {
        for numbers in numbers.chunks(1_000) {
            let set = |n: &u64| node.edit(key(*n), SCOPE, &[(4, &[round]), (5, b"x"), (6, b"y")]);
            let edits = numbers.iter().map(set).collect();
            node.write(edits);
        }
    }
    settle(&mut node, &mut hub);
    let start = std::time::Instant::now();
    let proof = prove(&mut node, &mut hub);
    println!(
        "{many} records, {} writes: {:?} for both sides",
        2 * many,
        start.elapsed()
    );
    assert!(proof.is_true());
    let life = &proof.node.lives[0];
    assert_eq!((life.visible, life.replaced), (many, many));
}

//! Attacks by stick: what a line would refuse a file is refused too, and what a file can do that a
//! line cannot.

use std::{
    io::{self, Cursor, Read, Seek, SeekFrom},
    sync::Arc,
};

use link::{
    Authority, BundleError, BundleKeys, BundleRoute, DenyList, Identity, Leaf, NodeId, Renewal,
    Sealer, SessionSeat, Signer, Taken, authority_key, facts_of, give, open_bundle, session_number,
    take,
};
use program::clock::SystemClock;
use proto::sync::{
    Ack, Batch, BundleMemory, BundleOpening, BundlePoint, Bye, Frame, Healed, Leaves, Outcome,
    Prints, frame::Frame as Body,
};
use replica::{Clock as _, ReplicaId, ScopeId, session::Role};
use store::{Handle, Login};
use tests::{
    rig::{Medium, NodeRig, fresh_replica},
    sample,
};

use crate::{
    hostile::{Puppet, position, raw_edit},
    world::{OTHER, OWN, World, save, scope_of},
};

const DAY_MS: u64 = 24 * 3_600 * 1_000;

pub(crate) fn now_ms() -> u64 {
    SystemClock::default().wall_ms()
}

/// The way from a node to the hub, as its material allows.
pub(crate) fn to_hub(world: &World, node: &NodeRig) -> BundleRoute {
    BundleRoute {
        from: node.replica,
        certificate: node.material.certificate.clone(),
        key: node.material.key.clone(),
        to: world.hub.replica,
        receiver: authority_key(world.hub.authority.certificate()).unwrap(),
        renewal: Renewal::None,
    }
}

/// The way from the hub to a node.
pub(crate) fn to_node(world: &World, node: &NodeRig) -> BundleRoute {
    let Leaf {
        certificate, key, ..
    } = world.hub.authority.issue_server(&[], now_ms()).unwrap();
    BundleRoute {
        from: world.hub.replica,
        certificate,
        key,
        to: node.replica,
        receiver: facts_of(&node.material.certificate).unwrap().public_key,
        renewal: Renewal::None,
    }
}

pub(crate) fn hub_keys(world: &World, deny: DenyList) -> BundleKeys {
    let authority = &world.hub.authority;
    BundleKeys {
        own: world.hub.replica,
        key: authority.key(),
        authorities: vec![authority.certificate().clone()],
        hub: world.hub.replica,
        deny: Some(deny),
        signer: signer(&to_node(world, &world.place)),
        scope_code: String::new(),
    }
}

pub(crate) fn node_keys(node: &NodeRig) -> BundleKeys {
    BundleKeys {
        own: node.replica,
        key: node.material.key.clone(),
        authorities: node.material.authorities.clone(),
        hub: node.hub,
        deny: None,
        signer: Signer::new(&node.material.certificate, &node.material.key).unwrap(),
        scope_code: OWN.to_owned(),
    }
}

fn signer(route: &BundleRoute) -> Signer {
    Signer::new(&route.certificate, &route.key).unwrap()
}

fn seat(role: Role, peer: ReplicaId, scope: ScopeId, writer: Handle) -> SessionSeat {
    SessionSeat {
        role,
        login: Login {
            session: session_number(),
            peer,
            scope,
        },
        writer,
        clock: Arc::new(SystemClock::default()),
    }
}

pub(crate) fn hub_seat(world: &World, node: &NodeRig) -> SessionSeat {
    let writer = world.hub.writer.handle();
    seat(Role::Hub, node.replica, node.scope, writer)
}

pub(crate) fn node_seat(node: &NodeRig) -> SessionSeat {
    seat(Role::Node, node.hub, node.scope, node.handle())
}

/// Opens and takes a bundle at the hub as one of the attacker's.
fn hub_takes(world: &World, stick: &[u8], memory: &mut BundleMemory) -> Result<Taken, BundleError> {
    let keys = hub_keys(world, DenyList::default());
    let mut parcel = open_bundle(Cursor::new(stick), keys, now_ms())?;
    take(&mut parcel, &hub_seat(world, &world.place), memory)
}

/// Seals frames by hand. The last is a Bye.
fn seal(route: &BundleRoute, number: u64, points: Vec<BundlePoint>, frames: Vec<Body>) -> Vec<u8> {
    let mut sealer = Sealer::begin(Vec::new(), route, number, now_ms()).unwrap();
    let opening = BundleOpening {
        certificate: route.certificate.to_vec(),
        points,
        ..BundleOpening::default()
    };
    sealer.opening(opening).unwrap();
    for body in frames {
        sealer.frame(Frame { frame: Some(body) }).unwrap();
    }
    let bye = Frame {
        frame: Some(Body::Bye(Bye::default())),
    };
    sealer.finish(bye).unwrap()
}

/// What the hub says of frames that the attacker has sealed and signed.
fn offer(world: &World, frames: Vec<Body>) -> Result<Taken, BundleError> {
    let stick = seal(&to_hub(world, &world.place), 1, Vec::new(), frames);
    hub_takes(world, &stick, &mut BundleMemory::default())
}

pub(crate) fn hello(puppet: &Puppet) -> Body {
    Body::Hello(proto::sync::Hello {
        feeds: vec![proto::sync::FeedState {
            scope: puppet.scope.0.to_vec(),
            end: puppet.feed.to_wire(),
            taken: None,
        }],
        ..puppet.hello()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_write_comes_home_by_stick_and_both_sides_are_equal() {
    let world = World::new().await;
    let node = world.hub.node(fresh_replica(), OWN, &Medium::Memory);
    save(&node, 0..3);
    // An organisation's owner is written by the hub only; no form offers it.
    let key = replica::RecordKey {
        kind: sample::ORGANISATION,
        id: sample::id_of(node.scope, 1),
    };
    let forbidden = replica::RegisterId::OWNER;
    let edit = raw_edit(key, node.scope, forbidden, b"\x0a\x01x", Vec::new());
    node.handle().edit(vec![edit], Vec::new()).unwrap();

    let (mut of_node, mut of_hub) = (BundleMemory::default(), BundleMemory::default());
    let mut there = |world: &World| {
        let (stick, _) = give(
            Vec::new(),
            &to_hub(world, &node),
            &node_seat(&node),
            &mut of_node,
        )
        .unwrap();
        let keys = hub_keys(world, DenyList::default());
        let mut parcel = open_bundle(Cursor::new(stick), keys, now_ms()).unwrap();
        let taken = take(&mut parcel, &hub_seat(world, &node), &mut of_hub).unwrap();
        let (stick, _) = give(
            Vec::new(),
            &to_node(world, &node),
            &hub_seat(world, &node),
            &mut of_hub,
        )
        .unwrap();
        let mut parcel = open_bundle(Cursor::new(stick), node_keys(&node), now_ms()).unwrap();
        let back = take(&mut parcel, &node_seat(&node), &mut of_node).unwrap();
        (taken, back)
    };
    let (taken, back) = tokio::task::block_in_place(|| there(&world));
    let [result] = taken.results.as_slice() else {
        panic!("one result: {taken:?}")
    };
    assert_eq!(
        (result.outcome(), result.code.as_str()),
        (Outcome::Refused, "AUTH-HUB-ONLY")
    );
    assert_eq!((back.refused, back.answers.len()), (1, 1), "{back:?}");
    let held = node.handle().reader().get(key).unwrap().unwrap().record;
    assert!(held.register(forbidden).is_empty(), "it was taken back");
    let drafts = node.handle().status().unwrap().refused;
    assert_eq!(drafts.len(), 1, "and kept for its author");
    assert_eq!(drafts[0].code, "AUTH-HUB-ONLY");

    let (taken, back) = tokio::task::block_in_place(|| there(&world));
    assert!(taken.equal && back.equal, "{taken:?} {back:?}");
    assert_eq!((back.refused, taken.results.len()), (0, 0), "{back:?}");
    let (here, at_hub) = (
        scope_of(node.handle().reader(), node.scope).1,
        scope_of(&world.reader(), node.scope).1,
    );
    assert_eq!(here, at_hub, "the fingerprints say so too");

    // A line that comes later finds nothing amiss.
    let running = node.connect();
    running.settled(crate::hostile::PATIENCE).await;
    let found = running.progress.borrow().diagnosis();
    assert_eq!(found, proto::sync::Diagnosis::Ok);
    running.stop().await;
    world.survives().await;
}

type Case = (&'static str, Vec<Body>, &'static str);

/// Greetings, ends and frames that have no place where they stand.
fn out_of_order(world: &World, puppet: &Puppet, batch: &Batch) -> Vec<Case> {
    let foreign = proto::sync::Hello {
        replica: world.honest.replica.0.to_vec(),
        ..puppet.hello()
    };
    let future = proto::sync::Hello {
        protocol_min: 99,
        protocol_max: 99,
        ..puppet.hello()
    };
    let healed = Body::Healed(Healed {
        scope: puppet.scope.0.to_vec(),
        cut: puppet.feed.to_wire(),
    });
    let (ack, bye) = (Body::Ack(Ack::default()), Body::Bye(Bye::default()));
    let greet = || hello(puppet);
    vec![
        ("no greeting", vec![Body::Batch(batch.clone())], "SYNC-103"),
        ("nothing at all", vec![], "SYNC-103"),
        ("two greetings", vec![greet(), greet()], "SYNC-103"),
        ("an ack before the greeting", vec![ack], "SYNC-103"),
        ("another's greeting", vec![Body::Hello(foreign)], "SYNC-111"),
        ("another protocol", vec![Body::Hello(future)], "SYNC-102"),
        ("an early end", vec![greet(), bye, greet()], "SYNC-103"),
        ("an end of no exchange", vec![greet(), healed], "SYNC-103"),
    ]
}

/// Batches and sums that are over a bound or not what they must be.
fn out_of_bounds(puppet: &Puppet, batch: &Batch) -> Vec<Case> {
    let other = Batch {
        scope: domain::scope_id(OTHER).0.to_vec().into(),
        ..batch.clone()
    };
    let many = Batch {
        records: vec![batch.records[0].clone(); 1_025],
        ..batch.clone()
    };
    let garbled = Batch {
        records: vec![bytes::Bytes::from_static(b"no record")],
        ..batch.clone()
    };
    let prints = Prints {
        scope: puppet.scope.0.to_vec(),
        hub: puppet.feed.to_wire(),
        parts: vec![proto::sync::Part::default(); 65],
        ..Prints::default()
    };
    let after = |body| vec![hello(puppet), body];
    vec![
        ("another scope", after(Body::Batch(other)), "SYNC-106"),
        ("too many records", after(Body::Batch(many)), "SYNC-104"),
        ("no record", after(Body::Batch(garbled)), "SYNC-108"),
        ("too many sums", after(Body::Prints(prints)), "SYNC-104"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_that_break_the_rules_of_a_session_end_with_its_codes() {
    let world = World::new().await;
    let mut puppet = world.puppet();
    let records = [puppet.make(1), puppet.make(2)];
    let batch = puppet.batch(&records);
    let mut cases = out_of_order(&world, &puppet, &batch);
    cases.extend(out_of_bounds(&puppet, &batch));
    for (what, frames, code) in cases {
        let result = tokio::task::block_in_place(|| offer(&world, frames));
        let told = result.map_err(|error| error.code().to_owned());
        assert_eq!(told.err().as_deref(), Some(code), "{what}");
    }
    // Leaves of nothing that was asked are not even looked at.
    let leaves = Body::Leaves(Leaves {
        scope: puppet.scope.0.to_vec(),
        ..Leaves::default()
    });
    let quiet = tokio::task::block_in_place(|| offer(&world, vec![hello(&puppet), leaves]));
    assert_eq!(quiet.unwrap().records, 0);
    world.survives().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_and_foreign_writes_on_a_stick_are_refused_one_by_one() {
    let world = World::new().await;
    let mut puppet = world.puppet();
    let good = puppet.make(1);
    let mut thief = puppet.clone();
    thief.incarnation = replica::Incarnation(program::app::random());
    let forged = thief.make(2);
    let elsewhere = puppet.make_in(world.honest.scope, 3);
    let mut batch = puppet.batch(&[good.clone(), forged, elsewhere]);
    // It claims that the thief's incarnation is the honest node's.
    let claim = position(world.honest.replica, thief.incarnation, thief.counter);
    batch.positions.push(claim);
    let greeting = hello(&puppet);
    let taken = tokio::task::block_in_place(|| offer(&world, vec![greeting, Body::Batch(batch)]));
    let taken = taken.unwrap();
    let codes: Vec<&str> = taken.results.iter().map(|r| r.code.as_str()).collect();
    assert_eq!(codes, ["SYNC-120", "SYNC-123"], "{taken:?}");
    assert!(world.reader().get(good.key).unwrap().is_some());
    world.survives().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gap_is_refused_and_says_where_the_hub_stands() {
    let world = World::new().await;
    let mut puppet = world.puppet();
    let (first, second) = (puppet.make(1), puppet.make(2));
    let (lost, kept) = (
        puppet.batch(&[first]),
        puppet.batch(std::slice::from_ref(&second)),
    );
    let mut memory = BundleMemory::default();
    let route = to_hub(&world, &world.place);
    let stick = seal(
        &route,
        5,
        Vec::new(),
        vec![hello(&puppet), Body::Batch(kept.clone())],
    );
    let taken = tokio::task::block_in_place(|| hub_takes(&world, &stick, &mut memory)).unwrap();
    let gap = taken.gap.unwrap();
    assert_eq!((gap.stands, gap.starts), (0, 1));
    assert!(
        world.reader().get(second.key).unwrap().is_none(),
        "nothing was taken"
    );
    assert_eq!(memory.taken, 0, "the same stick may come again");

    let frames = vec![hello(&puppet), Body::Batch(lost), Body::Batch(kept)];
    let stick = seal(&route, 6, Vec::new(), frames);
    let taken = tokio::task::block_in_place(|| hub_takes(&world, &stick, &mut memory)).unwrap();
    assert_eq!((taken.gap, taken.records, memory.taken), (None, 2, 6));
    world.survives().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_starts_before_is_taken_only_with_a_point_that_says_so() {
    let world = World::new().await;
    let mut puppet = world.puppet();
    let first = puppet.batch(&[]);
    let reached = puppet.feed;
    let record = puppet.make(1);
    let mut second = puppet.batch(std::slice::from_ref(&record));
    second.after = first.after.clone();
    let mut memory = BundleMemory::default();
    let route = to_hub(&world, &world.place);
    let take_at = |number, points, batch, memory: &mut BundleMemory| {
        let frames = vec![hello(&puppet), Body::Batch(batch)];
        let stick = seal(&route, number, points, frames);
        tokio::task::block_in_place(|| hub_takes(&world, &stick, memory)).unwrap()
    };
    take_at(1, Vec::new(), first, &mut memory);
    let taken = take_at(2, Vec::new(), second.clone(), &mut memory);
    assert!(
        taken.gap.is_some(),
        "nobody says that the hub's point lies in it"
    );
    let point = BundlePoint {
        scope: puppet.scope.0.to_vec(),
        point: reached.to_wire(),
    };
    let taken = take_at(3, vec![point], second, &mut memory);
    assert_eq!((taken.gap, taken.records), (None, 1));
    assert!(world.reader().get(record.key).unwrap().is_some());
    world.survives().await;
}

/// A certificate for the attacker's key from any authority, issued at any time.
fn certified(world: &World, authority: &Authority, wall_ms: u64) -> BundleRoute {
    let request = world.place.material.key.request().unwrap();
    let node = NodeId(world.place.replica.0);
    let (certificate, _) = authority.issue_node(&request, node, wall_ms).unwrap();
    BundleRoute {
        certificate,
        ..to_hub(world, &world.place)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sender_is_checked_as_at_the_port() {
    let world = World::new().await;
    let puppet = world.puppet();
    let told = |route: &BundleRoute, deny: DenyList, wall_ms: u64| {
        let stick = seal(route, 1, Vec::new(), vec![hello(&puppet)]);
        let opened = open_bundle(Cursor::new(stick), hub_keys(&world, deny), wall_ms);
        opened.map(drop).map_err(|error| error.code().to_owned())
    };
    let (now, none) = (now_ms(), DenyList::default);
    let sound = to_hub(&world, &world.place);
    assert_eq!(told(&sound, none(), now), Ok(()));
    assert_eq!(
        told(&sound, none(), now + 91 * DAY_MS),
        Err("LINK-062".to_owned())
    );
    assert_eq!(
        told(&sound, none(), now - DAY_MS),
        Err("LINK-063".to_owned())
    );
    let mut deny = DenyList::default();
    deny.revoke_identity(Identity::Node {
        hub: world.hub.replica,
        node: NodeId(world.place.replica.0),
    });
    assert_eq!(told(&sound, deny, now), Err("LINK-064".to_owned()));
    let stranger = Authority::generate(world.hub.replica, now).unwrap();
    let foreign = certified(&world, &stranger, now);
    assert_eq!(told(&foreign, none(), now), Err("LINK-061".to_owned()));
    let old = certified(&world, &world.hub.authority, now);
    assert_eq!(
        told(&old, none(), now),
        Ok(()),
        "any certificate of its own will do"
    );
    // The hub's own certificate is for another purpose.
    let server = BundleRoute {
        from: world.hub.replica,
        ..BundleRoute {
            to: world.hub.replica,
            receiver: sound.receiver.clone(),
            ..to_node(&world, &world.place)
        }
    };
    assert_eq!(told(&server, none(), now), Err("LINK-065".to_owned()));
    // The header names the victim, the certificate is the attacker's own.
    let posing = BundleRoute {
        from: world.honest.replica,
        ..sound.clone()
    };
    assert_eq!(told(&posing, none(), now), Err("BUNDLE-006".to_owned()));
    // The certificate is the victim's, the key is not.
    let stolen = BundleRoute {
        from: world.honest.replica,
        certificate: world.honest.material.certificate.clone(),
        ..sound.clone()
    };
    assert_eq!(told(&stolen, none(), now), Err("BUNDLE-003".to_owned()));
    world.survives().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_believes_its_own_hub_only() {
    let world = World::new().await;
    let node = &world.place;
    let told = |route: &BundleRoute, wall_ms: u64| {
        let stick = seal(route, 1, Vec::new(), Vec::new());
        let opened = open_bundle(Cursor::new(stick), node_keys(node), wall_ms);
        opened.map(drop).map_err(|error| error.code().to_owned())
    };
    let now = now_ms();
    let sound = to_node(&world, node);
    assert_eq!(told(&sound, now), Ok(()));
    assert_eq!(
        told(&sound, now - 2 * DAY_MS),
        Err("LINK-004".to_owned()),
        "the clock"
    );
    assert_eq!(told(&sound, now + 92 * DAY_MS), Err("LINK-008".to_owned()));
    let stranger = Authority::generate(world.hub.replica, now).unwrap();
    let leaf = stranger.issue_server(&[], now).unwrap();
    let foreign = BundleRoute {
        certificate: leaf.certificate,
        key: leaf.key,
        ..sound.clone()
    };
    assert_eq!(told(&foreign, now), Err("LINK-005".to_owned()));
    // A neighbour with a sound certificate of the same authority is not the hub.
    let neighbour = BundleRoute {
        to: node.replica,
        receiver: sound.receiver,
        ..to_hub(&world, &world.honest)
    };
    assert_eq!(told(&neighbour, now), Err("LINK-007".to_owned()));
    world.survives().await;
}

/// A stick that is pulled out, or full, after so many bytes of its second use.
struct Pulled {
    stick: Cursor<Vec<u8>>,
    left: Option<usize>,
    after: usize,
}

impl Pulled {
    fn spend(&mut self, bytes: usize) -> io::Result<()> {
        if let Some(left) = &mut self.left {
            let gone = || io::Error::other("the stick is gone");
            *left = left.checked_sub(bytes).ok_or_else(gone)?;
        }
        Ok(())
    }
}

impl Read for Pulled {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.spend(into.len())?;
        self.stick.read(into)
    }
}

impl Seek for Pulled {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.left = Some(self.after);
        self.stick.seek(to)
    }
}

impl io::Write for Pulled {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.left.get_or_insert(self.after);
        self.spend(bytes.len())?;
        self.stick.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn pulled(stick: Vec<u8>, after: usize) -> Pulled {
    Pulled {
        stick: Cursor::new(stick),
        left: None,
        after,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stick_that_is_pulled_out_half_way_is_taken_to_its_end_the_next_time() {
    const RECORDS: u64 = 2_500;
    let world = World::new().await;
    let node = world.hub.node(fresh_replica(), OWN, &Medium::Memory);
    save(&node, 0..RECORDS);
    let (route, mut of_node) = (to_hub(&world, &node), BundleMemory::default());
    let full = tokio::task::block_in_place(|| {
        let seat = node_seat(&node);
        give(pulled(Vec::new(), 500_000), &route, &seat, &mut of_node).map(drop)
    });
    assert_eq!(full.unwrap_err().code(), "BUNDLE-001");
    assert_eq!(of_node, BundleMemory::default(), "it was never made");
    let given =
        tokio::task::block_in_place(|| give(Vec::new(), &route, &node_seat(&node), &mut of_node));
    let (stick, given) = given.unwrap();
    assert_eq!(given.records, RECORDS);

    let mut of_hub = BundleMemory::default();
    let mut import = |after: usize| {
        let keys = hub_keys(&world, DenyList::default());
        let mut parcel = open_bundle(pulled(stick.clone(), after), keys, now_ms()).unwrap();
        let seat = hub_seat(&world, &node);
        tokio::task::block_in_place(|| take(&mut parcel, &seat, &mut of_hub))
    };
    let held = || world.reader().keys_of_scope(node.scope).len() as u64;
    let broken = import(stick.len() * 2 / 3);
    assert_eq!(broken.unwrap_err().code(), "BUNDLE-001");
    assert!((1..RECORDS).contains(&held()), "{} came", held());
    let taken = import(usize::MAX).unwrap();
    assert!(taken.batches_known > 0, "{taken:?}");
    assert_eq!(held(), RECORDS);
    assert!(import(usize::MAX).is_err(), "it is old now");
    world.survives().await;
}

/// A stick that shows one file at the first reading and another at the second.
struct Turncoat {
    first: Cursor<Vec<u8>>,
    second: Cursor<Vec<u8>>,
    turned: bool,
}

impl Read for Turncoat {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.turned {
            self.second.read(into)
        } else {
            self.first.read(into)
        }
    }
}

impl Seek for Turncoat {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.turned = true;
        self.second.seek(to)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signature_cannot_be_replaced_and_a_stick_cannot_change_its_mind() {
    let world = World::new().await;
    let mut puppet = world.puppet();
    let record = puppet.make(1);
    let batch = puppet.batch(std::slice::from_ref(&record));
    let honest = to_hub(&world, &world.honest);
    let sound = seal(&honest, 1, Vec::new(), vec![hello(&puppet)]);
    let own = seal(
        &to_hub(&world, &world.place),
        1,
        Vec::new(),
        vec![hello(&puppet)],
    );
    let signed = |stick: &[u8]| {
        // The length of the signature stands before it, 70 to 72 bytes from the end.
        let at = (68..=72).find(|n| {
            let from = stick.len() - n - 4;
            stick[from..from + 4] == u32::try_from(*n).unwrap().to_le_bytes()
        });
        stick.len() - at.unwrap() - 4
    };
    let mut resigned = sound[..signed(&sound)].to_vec();
    resigned.extend_from_slice(&own[signed(&own)..]);
    let opened = open_bundle(
        Cursor::new(resigned),
        hub_keys(&world, DenyList::default()),
        now_ms(),
    );
    assert_eq!(opened.unwrap_err().code(), "BUNDLE-003");

    let route = to_hub(&world, &world.place);
    let shown = seal(&route, 1, Vec::new(), vec![hello(&puppet)]);
    let swapped = seal(
        &route,
        1,
        Vec::new(),
        vec![hello(&puppet), Body::Batch(batch)],
    );
    let stick = Turncoat {
        first: Cursor::new(shown),
        second: Cursor::new(swapped),
        turned: false,
    };
    let keys = hub_keys(&world, DenyList::default());
    let mut parcel = open_bundle(stick, keys, now_ms()).unwrap();
    let mut memory = BundleMemory::default();
    let seat = hub_seat(&world, &world.place);
    let taken = tokio::task::block_in_place(|| take(&mut parcel, &seat, &mut memory));
    assert_eq!(taken.unwrap_err().code(), "BUNDLE-003");
    assert!(world.reader().get(record.key).unwrap().is_none());
    assert_eq!(memory, BundleMemory::default());
    world.survives().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_but_the_receiver_reads_a_stick() {
    let world = World::new().await;
    let node = world.hub.node(fresh_replica(), OTHER, &Medium::Memory);
    save(&node, 50..51);
    let (seat, mut memory) = (node_seat(&node), BundleMemory::default());
    let route = to_hub(&world, &node);
    let given = tokio::task::block_in_place(|| give(Vec::new(), &route, &seat, &mut memory));
    let (stick, given) = given.unwrap();
    assert_eq!(given.records, 1);
    let record = node.handle().reader().get(replica::RecordKey {
        kind: sample::ORGANISATION,
        id: sample::id_of(node.scope, 50),
    });
    let text = record.unwrap().unwrap().record;
    let value = &text.siblings[0].value;
    assert!(value.len() > 4 && !stick.windows(value.len()).any(|window| window == &**value));
    // The attacker holds the stick and a sound certificate.
    let keys = BundleKeys {
        own: world.hub.replica,
        key: world.place.material.key.clone(),
        ..hub_keys(&world, DenyList::default())
    };
    let opened = open_bundle(Cursor::new(stick), keys, now_ms());
    assert_eq!(opened.unwrap_err().code(), "BUNDLE-005");
}

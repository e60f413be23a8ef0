//! When a write came: here, and at the peer; to the minute, by the clock of whoever is asked.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on may stop"
)]

#[expect(dead_code, unreachable_pub, reason = "shared by several tests")]
#[path = "support/pair.rs"]
mod pair;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use replica::{Clock, Dot, Kind, Mono, RecordId, RecordKey, ReplicaId, session::Role};
use store::{Host, Memory};

use self::pair::{HUB, NODE, open_by, save, talk};

const MINUTE_MS: u64 = 60_000;
const KEY: RecordKey = RecordKey {
    kind: Kind(5),
    id: RecordId([1; 16]),
};

/// A clock that is set by hand, in minutes since 1970.
#[derive(Debug, Default)]
struct Minutes(AtomicU64);

impl Clock for Minutes {
    fn mono(&self) -> Mono {
        Mono(0)
    }

    fn wall_ms(&self) -> u64 {
        // Not at the beginning of the minute.
        self.0.load(Ordering::Relaxed) * MINUTE_MS + 31_415
    }
}

impl Minutes {
    fn set(&self, minute: u64) {
        self.0.store(minute, Ordering::Relaxed);
    }
}

struct Pair {
    clock: Arc<Minutes>,
    stores: [Arc<Memory>; 2],
    hub: Host,
    node: Host,
}

impl Pair {
    fn new() -> Self {
        let clock = Arc::<Minutes>::default();
        let stores = [(); 2].map(|()| Arc::new(Memory::new()));
        let [hub, node] = stores.clone();
        let hub = open_by(clock.clone(), Role::Hub, hub, 1);
        let node = open_by(clock.clone(), Role::Node, node, 1);
        Self {
            clock,
            stores,
            hub,
            node,
        }
    }
}

/// The write that stands in a register.
fn standing(host: &Host, register: u32) -> Dot {
    let held = host.reader().get(KEY).unwrap().unwrap();
    held.record.register(replica::RegisterId(register))[0].dot()
}

/// The minute in which a write came here, or was acked by a peer.
fn came(host: &Host, dot: Dot, peer: Option<ReplicaId>) -> Option<i64> {
    let places = host.reader().since(KEY, dot).unwrap()?;
    host.arrived(*places.last().unwrap(), peer).unwrap()
}

#[test]
fn each_side_knows_when_it_got_a_write_and_when_the_other_did() {
    let mut pair = Pair::new();
    pair.clock.set(100);
    save(&mut pair.node, KEY, &[(1, b"made"), (2, b"first")]);
    let made = standing(&pair.node, 1);
    pair.clock.set(107);
    talk(&mut pair.node, &mut pair.hub, 1);
    pair.clock.set(120);
    save(&mut pair.hub, KEY, &[(2, b"by the hub")]);
    let ruled = standing(&pair.hub, 2);
    pair.clock.set(133);
    talk(&mut pair.node, &mut pair.hub, 2);
    // What only changes the record again moves none of it.
    pair.clock.set(140);
    save(&mut pair.node, KEY, &[(3, b"later")]);
    talk(&mut pair.node, &mut pair.hub, 3);
    for start in 0..2 {
        let (node, hub) = (&pair.node, &pair.hub);
        assert_eq!(came(node, made, None), Some(100), "start {start}");
        assert_eq!(came(node, made, Some(HUB)), Some(107), "start {start}");
        assert_eq!(came(hub, made, None), Some(107), "start {start}");
        assert_eq!(came(hub, ruled, None), Some(120), "start {start}");
        assert_eq!(came(hub, ruled, Some(NODE)), Some(133), "start {start}");
        assert_eq!(came(node, ruled, None), Some(133), "start {start}");
        let later = standing(node, 3);
        assert_eq!(came(hub, later, None), Some(140), "start {start}");
        pair.node.close().unwrap();
        pair.hub.close().unwrap();
        let [at_hub, at_node] = pair.stores.clone();
        pair.hub = open_by(pair.clock.clone(), Role::Hub, at_hub, 2);
        pair.node = open_by(pair.clock.clone(), Role::Node, at_node, 2);
    }
}

#[test]
fn a_write_that_came_beside_others_has_its_own_time() {
    let mut pair = Pair::new();
    pair.clock.set(100);
    save(&mut pair.node, KEY, &[(1, b"made"), (2, b"first")]);
    talk(&mut pair.node, &mut pair.hub, 1);
    pair.clock.set(110);
    save(&mut pair.node, KEY, &[(2, b"district")]);
    pair.clock.set(111);
    save(&mut pair.hub, KEY, &[(2, b"city")]);
    pair.clock.set(120);
    talk(&mut pair.node, &mut pair.hub, 2);
    let held = pair.hub.reader().get(KEY).unwrap().unwrap();
    let candidates = held.record.register(replica::RegisterId(2));
    let of = |value: &[u8]| candidates.iter().find(|s| s.value == value).unwrap().dot();
    let (district, city) = (of(b"district"), of(b"city"));
    assert_eq!(came(&pair.hub, city, None), Some(111));
    assert_eq!(came(&pair.hub, district, None), Some(120));
    assert_eq!(came(&pair.node, district, None), Some(110));
    assert_eq!(came(&pair.node, city, None), Some(120));
}

#[test]
fn many_minutes_are_kept_in_pages_and_the_oldest_make_room() {
    let mut pair = Pair::new();
    let minutes = 64 * 512 + 1_000;
    for minute in 1..=minutes {
        pair.clock.set(minute);
        save(&mut pair.node, KEY, &[(2, b"again")]);
    }
    let image = pair.stores[1].image();
    let pages = image.keys().filter(|key| key[0] == b'A').count();
    assert_eq!(pages, 64);
    let newest = standing(&pair.node, 2);
    let last = i64::try_from(minutes).unwrap();
    assert_eq!(came(&pair.node, newest, None), Some(last));
    let since = pair.node.reader().since(KEY, newest).unwrap();
    let present = *since.unwrap().last().unwrap();
    let of = |seq| {
        let place = store::Place {
            seq: replica::Seq(seq),
            ..present
        };
        pair.node.arrived(place, None).unwrap()
    };
    assert_eq!(of(minutes - 20_000), Some(last - 20_000));
    assert_eq!(of(1), None);
}

/// What the acceptance test saw: an ack is known at once, and its time only with the next commit.
#[test]
fn an_ack_that_waits_for_a_commit_has_its_time() {
    let mut pair = Pair::new();
    pair.clock.set(100);
    save(&mut pair.node, KEY, &[(2, b"first")]);
    talk(&mut pair.node, &mut pair.hub, 1);
    pair.clock.set(110);
    save(&mut pair.node, KEY, &[(2, b"second")]);
    let second = standing(&pair.node, 2);
    pair.clock.set(111);
    talk(&mut pair.node, &mut pair.hub, 2);
    assert_eq!(came(&pair.node, second, Some(HUB)), Some(111));
}

/// A store that was put back hears again of what it had heard of before: that is no arrival.
#[test]
fn what_a_peer_turns_out_to_hold_has_no_time() {
    let mut pair = Pair::new();
    pair.clock.set(100);
    save(&mut pair.node, KEY, &[(1, b"made"), (2, b"first")]);
    talk(&mut pair.node, &mut pair.hub, 1);
    pair.node.close().unwrap();
    let backup = pair.stores[1].image();
    pair.clock.set(110);
    save(&mut pair.node, KEY, &[(2, b"lost and found")]);
    talk(&mut pair.node, &mut pair.hub, 2);
    pair.clock.set(120);
    let image = Arc::new(Memory::from_image(backup));
    pair.node = open_by(pair.clock.clone(), Role::Node, image, 2);
    talk(&mut pair.node, &mut pair.hub, 3);
    let found = standing(&pair.node, 2);
    let made = standing(&pair.node, 1);
    assert_eq!(came(&pair.node, found, Some(HUB)), None);
    assert_eq!(came(&pair.node, made, Some(HUB)), Some(100));
    assert_eq!(came(&pair.hub, found, None), Some(110));
    pair.clock.set(130);
    save(&mut pair.node, KEY, &[(2, b"after it")]);
    let after = standing(&pair.node, 2);
    pair.clock.set(131);
    talk(&mut pair.node, &mut pair.hub, 4);
    assert_eq!(came(&pair.node, after, Some(HUB)), Some(131));
}

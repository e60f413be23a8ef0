//! Stories that chance seldom tells: large imports, large records, refusals that cross with
//! other events. The same world, without faults of its own.

use bytes::Bytes;
use replica::{Edit, RecordId, RecordKey, RegisterId, ScopeId, Set, Sibling, Source};
use store::Command;

use super::{
    city::{BAD, key},
    controls::Control,
    log::Log,
    medium::Image,
    options::{Fault, Faults, Options},
    world::{HUB, NAMES, S1, S2, Target, World},
};

pub(super) const N1: usize = 1;
const N3: usize = 3;
/// A seed without faults.
const CALM: u64 = 1;

pub(super) fn quiet() -> World {
    let mut world = World::new(CALM, Options::of(CALM, Control::None), Log::kept());
    world.faults_on = false;
    world.acts_left = 0;
    world.options.faults = Faults::default();
    world.options.delay_ms_max = 5;
    world
}

pub(super) fn edit(world: &World, at: usize, key: RecordKey, set: &[(u32, &[u8])]) -> Edit {
    let held = world.reader(at).unwrap().get(key).unwrap();
    let set = set.iter().map(|(register, value)| {
        let register = RegisterId(*register);
        let shown = held.iter().flat_map(|held| held.record.register(register));
        Set {
            register,
            value: Bytes::copy_from_slice(value),
            shown: shown.map(Sibling::shown).collect(),
        }
    });
    Edit {
        key,
        scope: ScopeId([key.id.0[0]; 16]),
        set: set.collect(),
        author: NAMES[at].to_owned(),
        reason: "1".to_owned(),
        source: Source::Import,
        decision: Bytes::new(),
    }
}

impl World {
    pub(super) fn save(&mut self, at: usize, edits: Vec<Edit>) {
        self.submit(at, Target::Writer, Command::Edit(edits, Vec::new()));
        while self.replicas[at].busy && self.step() {}
    }

    pub(super) fn put_back(&mut self, at: usize, image: Image) {
        self.crash(at);
        self.put_image(at, image);
        self.options.faults.add(Fault::RestoreNode);
        self.start(at);
    }

    pub(super) fn said(&self, what: &str) -> usize {
        let lines = self.log.lines();
        lines.iter().filter(|line| line.contains(what)).count()
    }

    pub(super) fn end(mut self) {
        assert!(self.settle(), "{:?}", self.ghost.broken);
        self.check_end(&std::collections::BTreeSet::new());
        assert!(self.ghost.broken.is_empty(), "{:?}", self.ghost.broken);
    }
}

pub(super) fn numbered(number: u32) -> RecordKey {
    let mut id = [0; 16];
    id[0] = S1.0[0];
    id[12..].copy_from_slice(&number.to_be_bytes());
    RecordKey {
        id: RecordId(id),
        ..key(S1, 0)
    }
}

/// An import of more records than a batch holds made a section that no peer could take.
#[test]
fn one_import_of_three_thousand_records_arrives_both_ways() {
    for at in [N1, HUB] {
        let mut world = quiet();
        let edits: Vec<Edit> = (0..3_000)
            .map(|number| edit(&world, at, numbered(number), &[(1, b"x")]))
            .collect();
        world.save(at, edits);
        assert!(world.settle(), "{:?}", world.ghost.broken);
        for other in [HUB, N1, 2] {
            assert_eq!(world.reader(other).unwrap().count(), 3_000);
        }
        assert_eq!(world.said("Leaves"), 0, "the feed alone brings all of them");
        world.end();
    }
}

/// An exchange put so many large records into a batch that the receiver refused it, for ever.
#[test]
fn large_records_come_back_in_an_exchange() {
    let mut world = quiet();
    let large = vec![7; 200_000];
    for number in 0..24 {
        let edit = edit(&world, N1, numbered(number), &[(1, &large)]);
        world.save(N1, vec![edit]);
    }
    assert!(world.settle(), "{:?}", world.ghost.broken);
    world.put_back(HUB, Image::new());
    assert!(world.settle(), "{:?}", world.ghost.broken);
    assert_eq!(world.reader(HUB).unwrap().count(), 24);
    world.end();
}

/// A refusal was repeated in every Welcome when the node no longer had the record.
#[test]
fn a_refusal_of_a_record_that_the_node_has_lost_is_not_repeated_for_ever() {
    let mut world = quiet();
    assert!(world.settle(), "{:?}", world.ghost.broken);
    let bad = edit(&world, N1, key(S1, 0), &[(1, BAD)]);
    world.save(N1, vec![bad]);
    while world.said("TEST-001") == 0 && world.step() {}
    world.put_back(N1, Image::new());
    assert!(world.settle(), "{:?}", world.ghost.broken);
    assert_eq!(world.said("1 refusals"), 1);
    world.cut_all();
    assert!(world.settle(), "{:?}", world.ghost.broken);
    assert_eq!(world.said("1 refusals"), 1);
    world.end();
}

/// The author replaced the register at fault before the refusal came; the rest of the refused
/// write was then taken.
#[test]
fn a_refused_write_goes_whole_also_when_its_fault_was_mended_meanwhile() {
    let mut world = quiet();
    assert!(world.settle(), "{:?}", world.ghost.broken);
    let bad = edit(&world, N1, key(S1, 0), &[(1, b"part"), (2, BAD)]);
    world.save(N1, vec![bad]);
    while world.said("n1 sends Batch 1") == 0 && world.step() {}
    let mended = edit(&world, N1, key(S1, 0), &[(2, b"mended")]);
    world.save(N1, vec![mended]);
    assert!(world.settle(), "{:?}", world.ghost.broken);
    let record = world
        .reader(HUB)
        .unwrap()
        .get(key(S1, 0))
        .unwrap()
        .unwrap()
        .record;
    assert!(record.register(RegisterId(1)).is_empty(), "{record:?}");
    assert_eq!(record.register(RegisterId(2)).len(), 1);
    world.end();
}

/// What the hub had told of writes that a restored journal lacks was forgotten at each start.
#[test]
fn a_node_that_was_restored_is_told_so_once() {
    let mut world = quiet();
    let mut images = Vec::new();
    for value in [b"1", b"2", b"3"] {
        let edit = edit(&world, N1, key(S1, 0), &[(1, value)]);
        world.save(N1, vec![edit]);
        images.push(world.replicas[N1].medium.memory.image());
    }
    assert!(world.settle(), "{:?}", world.ghost.broken);
    world.put_back(N1, images[0].clone());
    assert!(world.settle(), "{:?}", world.ghost.broken);
    assert_eq!(world.said("n1: YouWereRestored"), 1);
    world.crash(N1);
    world.start(N1);
    assert!(world.settle(), "{:?}", world.ghost.broken);
    assert_eq!(world.said("n1: YouWereRestored"), 1);
    world.end();
}

/// A restored hub learnt how far a node came from others, and not where its commits ended: when the
/// node was then restored to a moment in between, it was taken for one that had been rolled back.
#[test]
fn a_hub_and_then_a_node_are_restored_and_nothing_becomes_a_draft() {
    for sends_a_batch in [true, false] {
        a_hub_and_then_a_node_are_restored(sends_a_batch);
    }
}

/// Where its commits ended, the node says with its next batch, if there is one: the neighbour may
/// have brought everything.
fn a_hub_and_then_a_node_are_restored(sends_a_batch: bool) {
    let mut world = quiet();
    let mut images = Vec::new();
    for value in [b"1", b"2", b"3"] {
        let edit = edit(&world, N1, key(S1, 0), &[(1, value)]);
        world.save(N1, vec![edit]);
        assert!(world.settle(), "{:?}", world.ghost.broken);
        images.push([HUB, N1].map(|at| world.replicas[at].medium.memory.image()));
    }
    world.options.faults.add(Fault::RestoreHub);
    world.put_back(HUB, images[0][0].clone());
    assert!(world.settle(), "{:?}", world.ghost.broken);
    if sends_a_batch {
        let edit = edit(&world, N1, key(S1, 0), &[(1, b"4")]);
        world.save(N1, vec![edit]);
        assert!(world.settle(), "{:?}", world.ghost.broken);
    }
    world.put_back(N1, images[1][1].clone());
    assert!(world.settle(), "{:?}", world.ghost.broken);
    assert_eq!(world.said("n1: YouWereRestored"), 1);
    assert_eq!(world.said("SYNC-110"), 0);
    world.end();
}

/// The backup was made before any node had called: the hub knew nobody who could give anything
/// back, and took its own writes coming home for forgeries.
#[test]
fn a_hub_restored_to_before_it_met_anybody_is_refilled_by_who_calls_first() {
    let mut world = quiet();
    world.options.marked = true;
    world.options.faults.add(Fault::RestoreHub);
    let image = world.replicas[HUB].medium.memory.image();
    for number in 0..3 {
        let edit = edit(&world, N1, key(S1, number), &[(1, b"1")]);
        world.save(N1, vec![edit]);
    }
    assert!(world.settle(), "{:?}", world.ghost.broken);
    for at in [HUB, N1] {
        let edit = edit(&world, at, key(S1, 0), &[(2, b"2")]);
        world.save(at, vec![edit]);
    }
    assert!(world.settle(), "{:?}", world.ghost.broken);
    let held = world.reader(HUB).unwrap().count();
    world.put_back(HUB, image);
    assert_eq!(world.reader(HUB).unwrap().count(), 0);
    world.crash(HUB);
    world.start(HUB);
    assert!(world.settle(), "{:?}", world.ghost.broken);
    assert_eq!(world.reader(HUB).unwrap().count(), held);
    assert_eq!(world.said("SYNC-122") + world.said("SYNC-127"), 0);
    world.end();
}

/// The hub forgot, after the line was cut, that it was being refilled, and refused as forged what
/// the node gave back.
#[test]
fn a_refill_that_is_cut_goes_on_in_the_next_session() {
    let mut world = quiet();
    let edit = edit(&world, HUB, key(S1, 0), &[(9, b"ruling")]);
    world.save(HUB, vec![edit]);
    assert!(world.settle(), "{:?}", world.ghost.broken);
    world.put_back(HUB, Image::new());
    while world.said("n1: IWasRestored") == 0 && world.step() {}
    world.cut_all();
    assert!(world.settle(), "{:?}", world.ghost.broken);
    assert_eq!(world.said("SYNC-122"), 0);
    assert_eq!(world.reader(HUB).unwrap().count(), 1);
    world.end();
}

/// A node that the backup of the hub did not know called when the others had refilled the hub: it
/// was taken for a new one, and the hub's own writes that it alone still had were put off for ever.
#[test]
fn a_node_that_a_restored_hub_has_forgotten_may_call_after_the_refill() {
    for marked in [false, true] {
        let mut world = quiet();
        world.options.marked = marked;
        world.attended = true;
        world.options.faults.add(Fault::RestoreHub);
        world.absent.insert(N3);
        assert!(world.settle(), "{:?}", world.ghost.broken);
        let image = world.replicas[HUB].medium.memory.image();
        world.come_back();
        // The neighbour has seen the later one, and can say how far the hub came.
        for scope in [S2, S1] {
            let ruling = edit(&world, HUB, key(scope, 0), &[(9, b"ruling")]);
            world.save(HUB, vec![ruling]);
        }
        assert!(world.settle(), "{:?}", world.ghost.broken);
        // A first restore, which the node hears of: what it knew of the hub's feed ends there.
        world.put_back(HUB, image.clone());
        while world.said("n3 sends Healed 2") == 0 && world.step() {}
        world.cut_all();
        world.absent.insert(N3);
        world.replicas[N3].blocked_until = u64::MAX;
        world.put_back(HUB, image);
        assert!(world.settle(), "{:?}", world.ghost.broken);
        assert!(!world.refills() && world.reader(HUB).unwrap().count() == 1);
        world.replicas[N3].blocked_until = 0;
        world.come_back();
        assert!(world.settle(), "{:?}", world.ghost.broken);
        assert_eq!(world.reader(HUB).unwrap().count(), 2);
        let asked = world.said("an administrator lets the nodes refill the hub");
        assert_eq!(asked, usize::from(marked));
        world.end();
    }
}

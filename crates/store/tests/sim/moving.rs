//! Directed histories of transfers, late writes, fences, rollbacks and clones.

use std::sync::Arc;

use bytes::Bytes;
use replica::{Edit, Owner, Record, RecordKey, RegisterId, ScopeId, Set, Source, owner};
use store::{Act, Command, Guest, Host, Stored};

use super::{
    city::{PARENT, key, named, proposal_of},
    directed::{edit, quiet},
    medium::{Image, Medium},
    options::Fault,
    world::{HUB, NAMES, PUBLISHED, S1, S2, S3, Target, World},
};

const N1: usize = 1;
const N2: usize = 2;
const N3: usize = 3;

/// The name of a record that is a child of another.
fn child_key(scope: ScopeId, number: u8) -> RecordKey {
    let mut key = key(scope, number);
    key.id.0[14] = 1;
    key
}

fn settled(world: &mut World) {
    if !world.settle() {
        let lines = world.log.lines();
        let tail = lines.iter().skip(lines.len().saturating_sub(60));
        let tail: Vec<&str> = tail.map(String::as_str).collect();
        panic!("{:?}\n{}", world.ghost.broken, tail.join("\n"));
    }
}

fn stored(world: &World, at: usize, key: RecordKey) -> Option<Stored> {
    world.reader(at).unwrap().get(key).unwrap()
}

fn values(record: &Record, register: u32) -> Vec<&[u8]> {
    let of = record.register(RegisterId(register)).iter();
    of.map(|s| s.value.as_ref()).collect()
}

/// A child of a record: its parent stands in a register that never changes.
fn child(world: &World, at: usize, key: RecordKey, parent: RecordKey, value: &[u8]) -> Edit {
    let mut edit = edit(world, at, key, &[(1, value)]);
    edit.set.push(Set {
        register: PARENT,
        value: named(parent).into(),
        shown: Vec::new(),
    });
    edit
}

fn transfer(world: &World, root: RecordKey, to: ScopeId) -> Edit {
    let held = stored(world, HUB, root).unwrap();
    let next = Owner::next(owner(&held.record).as_ref(), held.home, to, "");
    Edit {
        key: root,
        scope: held.record.scope,
        set: vec![Set {
            register: RegisterId::OWNER,
            value: next.to_value(),
            shown: held
                .record
                .register(RegisterId::OWNER)
                .iter()
                .map(replica::Sibling::shown)
                .collect(),
        }],
        author: NAMES[HUB].to_owned(),
        reason: "1".to_owned(),
        source: Source::Command,
        decision: Bytes::new(),
    }
}

fn act(world: &mut World, at: usize, act: Act) {
    world.submit(at, Target::Nobody, Command::Act(act));
    while world.replicas[at].busy && world.step() {}
}

/// A machine that stands beside the one in the world: its disk, and what runs on it.
struct Machine {
    medium: Arc<Medium>,
    host: Option<Host>,
}

impl World {
    fn image_of(&self, at: usize) -> Image {
        self.replicas[at].medium.memory.image()
    }

    /// The machine of a replica is put back to an earlier moment, disk and memory, and runs on.
    fn roll_back(&mut self, at: usize, image: Image) {
        self.crash(at);
        self.put_image(at, image);
        self.options.faults.add(Fault::Rollback);
        self.start(at);
        let host = self.replicas[at].host.as_mut().unwrap();
        host.run_on();
    }

    /// A copy of the disk of a replica.
    fn copy_of(&self, at: usize) -> Machine {
        Machine {
            medium: Medium::new(self.image_of(at), false),
            host: None,
        }
    }

    /// Puts another machine in the place of a replica. Returns the one that stood there.
    fn swap_in(&mut self, at: usize, machine: Machine) -> Machine {
        self.cut_all();
        self.hang_up(at);
        self.options.faults.add(Fault::Clone);
        let replica = &mut self.replicas[at];
        replica.promises.clear();
        replica.saved.clear();
        replica.queue.clear();
        replica.busy = false;
        replica.life += 1;
        let before = Machine {
            medium: std::mem::replace(&mut replica.medium, machine.medium),
            host: std::mem::replace(&mut replica.host, machine.host),
        };
        replica.rewound = true;
        if replica.host.is_none() {
            self.start(at);
        } else {
            self.after(1, super::world::Event::Dial(at));
        }
        before
    }

    /// Lets one node be found equal before the others call.
    fn only_first(&mut self, first: usize) {
        let others = [N1, N2, N3].into_iter().filter(|node| *node != first);
        let others: Vec<usize> = others.collect();
        self.cut_all();
        for node in &others {
            self.replicas[*node].blocked_until = u64::MAX;
        }
        self.run_for(20_000);
        let line = self.line_of(first).expect("it has called");
        assert!(
            self.conns[line].is_settled(),
            "node {first} is settled alone"
        );
        for node in others {
            self.replicas[node].blocked_until = 0;
        }
    }

    fn run_for(&mut self, ms: u64) {
        let until = self.now + ms;
        while self.now < until && self.step() {}
    }
}

/// Two organisations with a child each, settled everywhere.
fn with_children() -> World {
    let mut world = quiet();
    let root = edit(&world, N1, key(S1, 0), &[(1, b"org"), (2, b"a")]);
    world.save(N1, vec![root]);
    let below = child(&world, N1, child_key(S1, 0), key(S1, 0), b"kid");
    world.save(N1, vec![below]);
    settled(&mut world);
    world
}

#[test]
fn a_transfer_moves_the_record_and_its_children_from_feed_to_feed() {
    let mut world = with_children();
    let moved = transfer(&world, key(S1, 0), S2);
    world.save(HUB, vec![moved]);
    settled(&mut world);
    for key in [key(S1, 0), child_key(S1, 0)] {
        assert_eq!(stored(&world, HUB, key).unwrap().home, S2);
        let there = stored(&world, N3, key).unwrap();
        assert_eq!((there.home, there.guest), (S2, Guest::No));
        for node in [N1, N2] {
            let here = stored(&world, node, key).unwrap();
            assert_eq!(
                (here.home, here.guest),
                (S2, Guest::Left),
                "{}",
                NAMES[node]
            );
            assert!(!world.reader(node).unwrap().keys_of_scope(S1).contains(&key));
        }
    }
    // The new owner writes, the old one is told where the record is.
    let written = edit(&world, N3, key(S1, 0), &[(1, b"new home")]);
    world.save(N3, vec![written]);
    let refused = edit(&world, N1, key(S1, 0), &[(1, b"old home")]);
    world.save(N1, vec![refused]);
    assert_eq!(
        world.said("answers: the record belongs to another scope"),
        1
    );
    settled(&mut world);
    let at_hub = stored(&world, HUB, key(S1, 0)).unwrap().record;
    assert_eq!(values(&at_hub, 1), [b"new home"]);
    let frozen = stored(&world, N1, key(S1, 0)).unwrap().record;
    assert_eq!(
        values(&frozen, 1),
        [b"org"],
        "the last copy stays as it was"
    );
    world.end();
}

#[test]
fn what_is_transferred_back_goes_on_where_it_was() {
    let mut world = with_children();
    let there = transfer(&world, key(S1, 0), S2);
    world.save(HUB, vec![there]);
    settled(&mut world);
    let written = edit(&world, N3, child_key(S1, 0), &[(1, b"by n3")]);
    world.save(N3, vec![written]);
    settled(&mut world);
    let back = transfer(&world, key(S1, 0), S1);
    world.save(HUB, vec![back]);
    settled(&mut world);
    for node in [N1, N2] {
        let kid = stored(&world, node, child_key(S1, 0)).unwrap();
        assert_eq!((kid.home, kid.guest), (S1, Guest::No));
        assert_eq!(values(&kid.record, 1), [b"by n3"]);
    }
    assert_eq!(stored(&world, N3, key(S1, 0)).unwrap().guest, Guest::Left);
    let again = edit(&world, N1, key(S1, 0), &[(2, b"b")]);
    world.save(N1, vec![again]);
    settled(&mut world);
    assert_eq!(
        stored(&world, HUB, key(S1, 0))
            .unwrap()
            .record
            .register(RegisterId(2))
            .len(),
        1
    );
    world.end();
}

#[test]
fn a_late_write_becomes_a_proposal_that_both_scopes_see() {
    let mut world = with_children();
    world.cut_all();
    let late = edit(&world, N1, key(S1, 0), &[(1, b"late"), (3, b"too")]);
    world.save(N1, vec![late]);
    let new = child(&world, N1, child_key(S1, 1), key(S1, 0), b"late kid");
    world.save(N1, vec![new]);
    let moved = transfer(&world, key(S1, 0), S2);
    world.save(HUB, vec![moved]);
    settled(&mut world);
    let at_hub = stored(&world, HUB, key(S1, 0)).unwrap().record;
    assert_eq!(values(&at_hub, 1), [b"org"], "nothing of it was taken");
    assert_eq!(values(&at_hub, 3), Vec::<&[u8]>::new());
    let status = world.replicas[N1].host.as_ref().unwrap().status();
    let codes: Vec<_> = status.refused.iter().map(|r| r.code.as_str()).collect();
    assert_eq!(
        codes,
        ["SYNC-131", "SYNC-131"],
        "its node keeps both as drafts"
    );
    let proposals = |world: &World, at: usize| {
        let reader = world.reader(at).unwrap();
        let all = reader
            .keys_of_scope(S2)
            .into_iter()
            .chain(reader.guests(S1));
        let of = all.filter_map(|key| reader.get(key).unwrap());
        let mut of: Vec<_> = of
            .filter(|s| proposal_of(&s.record).is_some())
            .map(|s| (s.record.key, s.home, s.guest))
            .collect();
        of.sort_unstable_by_key(|(key, ..)| *key);
        of
    };
    assert_eq!(proposals(&world, N3).len(), 2);
    assert!(
        proposals(&world, N3)
            .iter()
            .all(|p| p.1 == S2 && p.2 == Guest::No)
    );
    assert_eq!(proposals(&world, N1).len(), 2);
    assert!(
        proposals(&world, N2)
            .iter()
            .all(|p| p.1 == S2 && p.2 == Guest::Lent)
    );
    world.end();
}

#[test]
fn a_restored_hub_learns_of_a_transfer_that_it_has_forgotten() {
    for first in [N1, N3] {
        let mut world = with_children();
        let image = world.image_of(HUB);
        let moved = transfer(&world, key(S1, 0), S2);
        world.save(HUB, vec![moved]);
        settled(&mut world);
        let written = edit(&world, N3, child_key(S1, 0), &[(1, b"by n3")]);
        world.save(N3, vec![written]);
        settled(&mut world);
        world.put_back(HUB, image);
        world.only_first(first);
        settled(&mut world);
        for key in [key(S1, 0), child_key(S1, 0)] {
            assert_eq!(
                stored(&world, HUB, key).unwrap().home,
                S2,
                "{} first",
                NAMES[first]
            );
            assert_eq!(stored(&world, N3, key).unwrap().guest, Guest::No);
        }
        let kid = stored(&world, HUB, child_key(S1, 0)).unwrap().record;
        assert_eq!(values(&kid, 1), [b"by n3"]);
        nothing_refused(&world);
        world.end();
    }
}

/// A restored hub took what it had forgotten for late, because its epoch is an older one.
#[test]
fn a_restored_hub_takes_back_nothing_of_what_came_home_again() {
    for first in [N1, N2] {
        let mut world = with_children();
        let image = world.image_of(HUB);
        for key in [key(S1, 0), child_key(S1, 0)] {
            let before = edit(&world, N1, key, &[(3, b"before")]);
            world.save(N1, vec![before]);
        }
        settled(&mut world);
        for scope in [S2, S1] {
            let moved = transfer(&world, key(S1, 0), scope);
            world.save(HUB, vec![moved]);
            settled(&mut world);
        }
        for key in [key(S1, 0), child_key(S1, 0)] {
            let after = edit(&world, N1, key, &[(2, b"after")]);
            world.save(N1, vec![after]);
        }
        settled(&mut world);
        world.put_back(HUB, image);
        world.only_first(first);
        settled(&mut world);
        for key in [key(S1, 0), child_key(S1, 0)] {
            let held = stored(&world, HUB, key).unwrap().record;
            assert_eq!(values(&held, 3), [b"before"], "{} first", NAMES[first]);
            assert_eq!(values(&held, 2), [b"after"]);
        }
        assert!(stored(&world, HUB, key(S1, 0)).unwrap().home == S1);
        nothing_refused(&world);
        world.end();
    }
}

/// The same where the record lives elsewhere by now, and its old node has a copy of a later day.
#[test]
fn a_transfer_proves_to_a_restored_hub_what_it_had_taken_before() {
    let mut world = with_children();
    let oldest = world.image_of(HUB);
    let before = edit(&world, N1, key(S1, 0), &[(3, b"before")]);
    world.save(N1, vec![before]);
    settled(&mut world);
    let older = world.image_of(HUB);
    let moved = transfer(&world, key(S1, 0), S2);
    world.save(HUB, vec![moved]);
    settled(&mut world);
    let after = edit(&world, N3, key(S1, 0), &[(2, b"after")]);
    world.save(N3, vec![after]);
    settled(&mut world);
    // The hub leaves a newer copy at the old home.
    world.put_back(HUB, older);
    world.only_first(N3);
    settled(&mut world);
    let left = stored(&world, N1, key(S1, 0)).unwrap().record;
    assert_eq!(values(&left, 2), [b"after"], "it has the newer copy");
    world.put_back(HUB, oldest);
    world.only_first(N1);
    settled(&mut world);
    let held = stored(&world, HUB, key(S1, 0)).unwrap();
    assert_eq!(
        (values(&held.record, 3), held.home),
        (vec![&b"before"[..]], S2)
    );
    nothing_refused(&world);
    world.end();
}

fn nothing_refused(world: &World) {
    for at in [N1, N2, N3] {
        let status = world.replicas[at].host.as_ref().unwrap().status();
        assert!(status.refused.is_empty(), "{:?}", status.refused);
    }
}

#[test]
fn a_node_that_was_restored_learns_that_a_record_has_left() {
    let mut world = with_children();
    let image = world.image_of(N1);
    let moved = transfer(&world, key(S1, 0), S2);
    world.save(HUB, vec![moved]);
    settled(&mut world);
    world.put_back(N1, image);
    settled(&mut world);
    for key in [key(S1, 0), child_key(S1, 0)] {
        assert_eq!(stored(&world, N1, key).unwrap().guest, Guest::Left);
    }
    world.end();
}

/// The proposals at home in a scope, as a replica holds them.
fn proposals(world: &World, at: usize, scope: ScopeId) -> Vec<RecordKey> {
    let reader = world.reader(at).unwrap();
    let held = reader.keys_of_scope(scope).into_iter();
    let held = held.filter_map(|key| reader.get(key).unwrap());
    let proposed = held.filter(|held| proposal_of(&held.record).is_some());
    proposed.map(|held| held.record.key).collect()
}

#[test]
fn what_the_hub_has_lent_comes_home_from_the_borrower() {
    let mut world = with_children();
    world.cut_all();
    let late = edit(&world, N1, key(S1, 0), &[(1, b"late")]);
    world.save(N1, vec![late]);
    let moved = transfer(&world, key(S1, 0), S2);
    world.save(HUB, vec![moved]);
    let before = [HUB, N3].map(|at| (at, world.image_of(at)));
    settled(&mut world);
    let lent = proposals(&world, HUB, S2)[0];
    assert_eq!(stored(&world, N1, lent).unwrap().guest, Guest::Lent);
    for (at, image) in before {
        world.put_back(at, image);
    }
    assert!(stored(&world, HUB, lent).is_none());
    settled(&mut world);
    for at in [HUB, N3] {
        assert_eq!(stored(&world, at, lent).unwrap().home, S2);
    }
    world.end();
}

#[test]
fn a_former_scope_hears_of_every_later_transfer() {
    let mut world = with_children();
    for (epoch, to) in [(1, S2), (2, S3)] {
        let moved = transfer(&world, key(S1, 0), to);
        world.save(HUB, vec![moved]);
        settled(&mut world);
        let left = stored(&world, N1, key(S1, 0)).unwrap();
        let named = owner(&left.record).unwrap();
        assert_eq!(
            (left.guest, named.epoch, named.scope),
            (Guest::Left, epoch, to)
        );
    }
    world.end();
}

#[test]
fn what_a_fenced_node_brings_becomes_proposals_and_then_it_is_one_of_us_again() {
    let mut world = with_children();
    world.cut_all();
    let late = edit(&world, N1, key(S1, 0), &[(1, b"after the fence")]);
    world.save(N1, vec![late]);
    let id = world.replicas[N1].id;
    world.options.faults.add(Fault::RestoreNode);
    act(&mut world, HUB, Act::Fence(id));
    settled(&mut world);
    let at_hub = stored(&world, HUB, key(S1, 0)).unwrap().record;
    assert_eq!(values(&at_hub, 1), [b"org"]);
    let status = world.replicas[HUB].host.as_ref().unwrap().status();
    assert!(status.fenced.is_empty(), "it was found equal");
    assert_eq!(proposals(&world, N2, S1).len(), 1);
    let next = edit(&world, N1, key(S1, 0), &[(1, b"welcome back")]);
    world.save(N1, vec![next]);
    settled(&mut world);
    let at_hub = stored(&world, HUB, key(S1, 0)).unwrap().record;
    assert_eq!(values(&at_hub, 1), [b"welcome back"]);
    world.end();
}

#[test]
fn a_node_rolled_back_while_it_ran_keeps_what_it_wrote_since_as_drafts() {
    let mut world = with_children();
    let first = edit(&world, N1, key(S1, 0), &[(1, b"one")]);
    world.save(N1, vec![first]);
    settled(&mut world);
    let memory = world.image_of(N1);
    let second = edit(&world, N1, key(S1, 0), &[(1, b"two")]);
    world.save(N1, vec![second]);
    settled(&mut world);
    world.roll_back(N1, memory);
    // Another content under the name of the second, and a record that nobody else has.
    let other = edit(&world, N1, key(S1, 0), &[(1, b"other")]);
    world.save(N1, vec![other]);
    let new = edit(&world, N1, key(S1, 5), &[(1, b"new")]);
    world.save(N1, vec![new]);
    settled(&mut world);
    for at in [HUB, N1, N2] {
        let record = stored(&world, at, key(S1, 0)).unwrap().record;
        assert_eq!(values(&record, 1), [b"two"], "{}", NAMES[at]);
    }
    let status = world.replicas[N1].host.as_ref().unwrap().status();
    let drafts: Vec<_> = status.refused.iter().map(|r| r.code.as_str()).collect();
    assert_eq!(drafts, ["SYNC-133", "SYNC-133"]);
    assert!(status.quarantined.is_empty());
    let next = edit(&world, N1, key(S1, 5), &[(1, b"again")]);
    world.save(N1, vec![next]);
    settled(&mut world);
    assert_eq!(
        values(&stored(&world, HUB, key(S1, 5)).unwrap().record, 1),
        [b"again"]
    );
    world.end();
}

#[test]
fn a_rollback_that_was_restarted_before_it_called_is_found_all_the_same() {
    let mut world = with_children();
    let memory = world.image_of(N1);
    let second = edit(&world, N1, key(S1, 0), &[(1, b"two")]);
    world.save(N1, vec![second]);
    settled(&mut world);
    world.cut_all();
    world.roll_back(N1, memory);
    for n in 5..8 {
        let new = edit(&world, N1, key(S1, n), &[(1, b"new")]);
        world.save(N1, vec![new]);
    }
    world.crash(N1);
    world.start(N1);
    let last = edit(&world, N1, key(S1, 9), &[(1, b"new life")]);
    world.save(N1, vec![last]);
    settled(&mut world);
    let status = world.replicas[N1].host.as_ref().unwrap().status();
    assert_eq!(
        status.refused.len(),
        4,
        "later lives too: {:?}",
        status.refused
    );
    assert!(status.refused.iter().all(|r| r.code == "SYNC-133"));
    for at in [HUB, N1] {
        let record = stored(&world, at, key(S1, 0)).unwrap().record;
        assert_eq!(values(&record, 1), [b"two"]);
    }
    world.end();
}

#[test]
fn the_drafts_of_a_rollback_that_the_hub_holds_are_dropped() {
    let mut world = with_children();
    let memory = world.image_of(N1);
    let second = edit(&world, N1, key(S1, 0), &[(1, b"two")]);
    world.save(N1, vec![second]);
    settled(&mut world);
    world.roll_back(N1, memory);
    settled(&mut world);
    let status = world.replicas[N1].host.as_ref().unwrap().status();
    assert!(status.refused.is_empty(), "{:?}", status.refused);
    let record = stored(&world, N1, key(S1, 0)).unwrap().record;
    assert_eq!(values(&record, 1), [b"two"]);
    world.end();
}

#[test]
fn of_two_copies_the_one_left_behind_is_frozen_until_it_starts_anew() {
    let mut world = with_children();
    let write = edit(&world, N1, key(S1, 0), &[(1, b"original")]);
    world.save(N1, vec![write]);
    settled(&mut world);
    let copy = world.copy_of(N1);
    let more = edit(&world, N1, key(S1, 0), &[(1, b"the copy has not this")]);
    world.save(N1, vec![more]);
    settled(&mut world);
    // The copy starts, lives and is found equal while the original waits.
    world.options.faults.add(Fault::RestoreNode);
    let original = world.swap_in(N1, copy);
    let by_copy = edit(&world, N1, key(S1, 3), &[(1, b"copy")]);
    world.save(N1, vec![by_copy]);
    settled(&mut world);
    let copy = world.swap_in(N1, original);
    let by_original = edit(&world, N1, key(S1, 4), &[(1, b"original too")]);
    world.save(N1, vec![by_original]);
    world.run_for(20_000);
    assert!(
        world.said("SYNC-140") > 0,
        "the original is the side left behind"
    );
    let id = world.replicas[N1].id;
    let status = world.replicas[HUB].host.as_ref().unwrap().status();
    assert_eq!(status.clones, [id]);
    assert!(stored(&world, HUB, key(S1, 4)).is_none());
    drop(copy);
    // A person has stopped the copy, and starts the original anew.
    world.crash(N1);
    world.start(N1);
    settled(&mut world);
    for at in [HUB, N1, N2] {
        assert!(stored(&world, at, key(S1, 3)).is_some(), "{}", NAMES[at]);
        assert!(stored(&world, at, key(S1, 4)).is_some(), "{}", NAMES[at]);
    }
    let status = world.replicas[HUB].host.as_ref().unwrap().status();
    assert!(status.clones.is_empty());
    world.end();
}

#[test]
fn a_published_record_is_a_guest_nowhere() {
    let mut world = quiet();
    let write = edit(&world, HUB, key(PUBLISHED, 0), &[(9, b"year")]);
    world.save(HUB, vec![write]);
    settled(&mut world);
    let held = stored(&world, N1, key(PUBLISHED, 0)).unwrap();
    assert_eq!((held.home, held.guest), (PUBLISHED, Guest::No));
    world.end();
}

//! Accidents at every place where they may come: the same short history over and over, with a
//! crash one event later each time; a long backlog with a line that is cut again and again.

use replica::RegisterId;
use store::{Command, Stored};

use super::{
    city::{BAD, key},
    directed::{N1, edit, numbered, quiet},
    people::Entry,
    world::{HUB, NAMES, S1, Target, World},
};

/// Two clerks and the hub write, and one is refused: all that a short history has.
fn begin() -> World {
    let mut world = quiet();
    for (at, number, value) in [
        (N1, 0, "one"),
        (2, 0, "other"),
        (HUB, 1, "ruling"),
        (N1, 1, "bad"),
    ] {
        let form = world.form(at, key(S1, number), S1).unwrap();
        let uid = world.number();
        let entry = Entry {
            register: RegisterId(1),
            value: value.as_bytes().to_vec(),
            illegal: value.as_bytes() == BAD,
        };
        let edit = world.written(&form, uid, vec![entry]);
        world.submit(at, Target::Writer, Command::Edit(vec![edit], Vec::new()));
    }
    world
}

fn lives_through(mut world: World, what: &str) {
    let must = world.writes_held();
    assert!(world.settle(), "{what}: {:?}", world.ghost.broken);
    world.check_end(&must);
    assert!(
        world.ghost.broken.is_empty(),
        "{what}: {:?}",
        world.ghost.broken
    );
}

/// Power fails at one replica after each event in turn, from the first to the last.
#[test]
fn a_crash_after_any_event_of_a_short_history_loses_nothing() {
    let mut whole = begin();
    let mut events = 0;
    while !whole.is_at_rest() {
        assert!(whole.step());
        events += 1;
    }
    assert!(events > 60, "{events}");
    for at in [HUB, N1] {
        for event in 0..events {
            let mut world = begin();
            (0..event).for_each(|_| assert!(world.step()));
            world.crash(at);
            let name = NAMES[at];
            lives_through(world, &format!("{name} after event {event}"));
        }
    }
}

/// The hub is put back to any state that it ever had on its disk; nothing that a node holds is
/// lost, and no name is used twice.
#[test]
fn a_hub_restored_to_any_moment_of_a_short_history_gets_all_of_it_back() {
    let mut whole = begin();
    let mut images = Vec::new();
    while !whole.is_at_rest() {
        assert!(whole.step());
        let image = whole.replicas[HUB].medium.memory.image();
        if images.last() != Some(&image) {
            images.push(image);
        }
    }
    assert!(images.len() > 5, "{}", images.len());
    for (which, image) in images.into_iter().enumerate() {
        let mut world = begin();
        assert!(world.settle(), "{:?}", world.ghost.broken);
        world.put_back(HUB, image);
        lives_through(world, &format!("image {which}"));
    }
}

/// A month without a line: ten thousand edits wait, and when the line comes it is cut over and
/// over.
#[test]
fn a_backlog_of_ten_thousand_edits_drains_through_a_line_that_is_cut() {
    let mut world = quiet();
    assert!(world.settle(), "{:?}", world.ghost.broken);
    world.cut_all();
    world.replicas[N1].blocked_until = u64::MAX;
    for group in 0..100 {
        let edits = (0..100).map(|number| {
            let number = numbered(group * 100 + number);
            edit(&world, N1, number, &[(1, b"waits")])
        });
        let edits = edits.collect();
        world.save(N1, edits);
    }
    world.replicas[N1].blocked_until = 0;
    let (from, held) = (world.now, |world: &World| {
        world.reader(HUB).map_or(0, |reader| reader.count())
    });
    let mut cuts = 0;
    while held(&world) < 10_000 {
        let before = held(&world);
        while held(&world) < before + 1_000 && held(&world) < 10_000 {
            assert!(world.step());
        }
        world.cut_all();
        cuts += 1;
    }
    assert!(world.settle(), "{:?}", world.ghost.broken);
    let took = world.now - from;
    assert!(cuts >= 3 && took < 10_000, "{cuts} cuts, {took} ms");
    let (ends, moved) = (world.ends(), world.moved);
    world.cut_all();
    assert!(world.settle(), "{:?}", world.ghost.broken);
    assert_eq!((world.ends(), world.moved), (ends, moved), "a second sync");
    assert_eq!(world.said("Leaves"), 0, "the feed alone brings all of it");
}

/// A node was enrolled anew; the hub forgot its former self in a restore, and told the new one
/// nothing of how far the former had come. Restored once more, it then took the node's copies for
/// writes to come, for ever.
#[test]
fn what_a_lost_node_wrote_comes_home_through_two_restores_of_the_hub() {
    let mut world = quiet();
    let before = world.replicas[HUB].medium.memory.image();
    let first = edit(&world, N1, key(S1, 0), &[(1, b"of a node that is no more")]);
    world.save(N1, vec![first]);
    assert!(world.settle(), "{:?}", world.ghost.broken);
    world.replace(N1);
    world.put_back(HUB, before.clone());
    assert!(world.settle(), "{:?}", world.ghost.broken);
    world.replace(2);
    assert!(world.settle(), "{:?}", world.ghost.broken);
    world.put_back(HUB, before);
    lives_through(world, "twice");
}

fn held(world: &World, at: usize) -> Stored {
    world.reader(at).unwrap().get(key(S1, 0)).unwrap().unwrap()
}

/// Two people decide one conflict at the same time, each on their side. Both decisions stand, as
/// one new conflict, which the next decision ends; nobody answers anybody for ever.
#[test]
fn a_conflict_decided_on_both_sides_at_once_becomes_one_new_conflict() {
    let mut world = quiet();
    for (at, value) in [(N1, "one"), (HUB, "other")] {
        let edit = edit(&world, at, key(S1, 0), &[(1, value.as_bytes())]);
        world.save(at, vec![edit]);
    }
    assert!(world.settle(), "{:?}", world.ghost.broken);
    let docket = (key(S1, 0), RegisterId(1));
    assert_eq!(held(&world, HUB).record.register(docket.1).len(), 2);
    // Batches with records, of the side that sends the most.
    let rounds = |world: &World| {
        let lines = world.log.lines();
        let of = |name: &str| {
            let batch = format!("{name} sends Batch");
            let lines = lines.iter().filter(|line| line.contains(&batch));
            lines.filter(|line| !line.ends_with("[]")).count()
        };
        // The hub sends to two nodes.
        of("n1").max(of("n2")).max(of("hub").div_ceil(2))
    };
    let before = rounds(&world);
    world.decide(N1, docket);
    world.decide(HUB, docket);
    assert!(world.settle(), "{:?}", world.ghost.broken);
    for at in [HUB, N1, 2] {
        let decided = held(&world, at).record.register(docket.1).to_vec();
        assert_eq!(decided.len(), 2, "both decisions, and nothing else");
        assert!(decided.iter().all(|s| !s.write.decision.is_empty()));
    }
    let rounds = rounds(&world) - before;
    assert!(rounds <= 3, "{rounds} rounds");
    world.decide(HUB, docket);
    assert!(world.settle(), "{:?}", world.ghost.broken);
    assert_eq!(held(&world, N1).record.register(docket.1).len(), 1);
    world.undo(N1, docket);
    lives_through(world, "decided, and taken back");
}

/// A clerk deletes what another is editing. Both stand, on both sides, and nothing returns by
/// itself.
#[test]
fn a_deletion_and_an_edit_that_did_not_know_of_each_other_both_stand() {
    for first in [N1, 2] {
        let mut world = quiet();
        let base = edit(&world, N1, key(S1, 0), &[(1, b"base")]);
        world.save(N1, vec![base]);
        assert!(world.settle(), "{:?}", world.ghost.broken);
        let seen = held(&world, N1).record.context;
        let deletion = super::people::deletion(&seen);
        let deleted = edit(
            &world,
            N1,
            key(S1, 0),
            &[(RegisterId::DELETED.0, &deletion)],
        );
        let edited = edit(&world, 2, key(S1, 0), &[(1, b"edited")]);
        world.cut_all();
        let saves = [(N1, deleted), (2, edited)];
        let order = if first == N1 { [0, 1] } else { [1, 0] };
        for which in order {
            let (at, edit) = saves[which].clone();
            world.save(at, vec![edit]);
        }
        assert!(world.settle(), "{:?}", world.ghost.broken);
        for at in [HUB, N1, 2] {
            let record = held(&world, at).record;
            let open = super::conflicts::dockets(&record);
            assert!(record.is_deleted() && open.contains(&RegisterId::DELETED));
            assert_eq!(record.register(RegisterId(1)).len(), 1);
        }
    }
}

//! A line that is cut, whole or in one direction, or that comes and goes, while both sides write.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tests::{
    programs::{Program, Serving},
    proxy::{Line, Way},
};

use crate::{
    city::{City, assert_equal, load_samples, peer, sample, settle, until},
    number_of,
};

/// What both sides may take to be equal once the line is whole and the node has called.
const EQUAL_MAX: Duration = Duration::from_secs(10);

/// A node and a hub at work, with records that both have.
struct World {
    city: City,
    node: Program,
    line: Arc<Line>,
    records: u64,
    _serving: Serving,
}

impl World {
    fn new(records: u64) -> Self {
        let mut city = City::open();
        let jianxi = city.jianxi();
        let (node, line) = (jianxi.node, jianxi.line);
        load_samples(&node, 1..=records);
        let serving = node.serve::<&str>([]);
        settle(&node);
        Self {
            city,
            node,
            line,
            records,
            _serving: serving,
        }
    }

    /// Writes one field of every record at one side, as one file.
    fn write(&self, program: &Program, field: &str, round: u64) {
        let line = |n| {
            let value = format!("第{round}轮{n}");
            let row = json!({"kind": "organisation", "id": sample(n).0, "values": {field: value}});
            format!("{row}\n")
        };
        let file = self.city.path(&format!("{field}.ndjson"));
        let text: String = (1..=self.records).map(line).collect();
        std::fs::write(&file, text).unwrap();
        let loaded = program.json(["record", "load", file.to_str().unwrap()]);
        assert_eq!(loaded["changed"], self.records, "{}", loaded["rejected"]);
    }

    /// Both sides write, each another field of every record.
    fn write_both(&self, round: u64) {
        self.write(&self.node, "remark", round);
        self.write(&self.city.hub.by("市级"), "operating_address", round);
    }

    /// The line is whole: both sides must be equal soon, and nothing may move after that.
    fn heals(&self, what: &str) {
        let pending = peer(&self.node)["pending"].clone();
        let start = Instant::now();
        let done = settle(&self.node);
        let took = start.elapsed();
        println!("{what}: {pending} waiting at the node; equal after {took:.2?}");
        assert!(took < EQUAL_MAX, "{what}: {took:?}");
        let again = settle(&self.node);
        let moved = |end: &str| again[end].as_u64().unwrap() - done[end].as_u64().unwrap();
        println!(
            "{what}: a second sync moves {} and {} records",
            moved("sent"),
            moved("received")
        );
        assert_eq!(again, done, "{what}: a second sync moves records");
        until("the hub knows it too", || {
            self.city.hub.json(["status"])["equal"] == true
        });
        assert_equal(&self.node, &self.city.hub);
        assert_eq!(self.node.json(["conflict", "list"]), json!([]), "{what}");
    }

    /// Both sides hold what each wrote last.
    fn assert_round(&self, round: u64) {
        for program in [&self.node, &self.city.hub] {
            let list = program.json(["record", "list", "organisation"]);
            let all = list["records"].as_array().unwrap();
            assert_eq!(all.len() as u64, self.records);
            let of_round = |record: &&Value| {
                let starts = |field: &str| {
                    let value = record["values"][field].as_str().unwrap_or_default();
                    value.starts_with(&format!("第{round}轮"))
                };
                starts("remark") && starts("operating_address")
            };
            let held = all.iter().filter(of_round).count() as u64;
            assert_eq!(held, self.records, "lost at {}", program.data.display());
        }
    }
}

#[test]
fn after_a_partition_with_edits_waiting_on_both_sides_they_are_equal_in_seconds() {
    let world = World::new(number_of("LIANGXIN_BACKLOG", 300));
    world.line.cut();
    world.write_both(1);
    until("the node says that the line is cut", || {
        peer(&world.node)["state"] != "connected"
    });
    world.line.mend();
    world.heals("a line cut in both directions");
    world.assert_round(1);
}

#[test]
fn a_line_that_loses_one_direction_heals_like_one_that_is_cut() {
    let world = World::new(number_of("LIANGXIN_BACKLOG", 300).min(1_000));
    for (round, way) in [(1, Way::Up), (2, Way::Down)] {
        world.line.swallow(way);
        world.write_both(round);
        let pending = peer(&world.node)["pending"].as_u64().unwrap();
        assert!(pending > 0, "nothing was lost on the way {way:?}");
        world.line.mend();
        world.heals(&format!("a line that loses what goes {way:?}"));
        world.assert_round(round);
    }
}

#[test]
fn a_line_that_holds_one_direction_goes_on_where_it_was() {
    let world = World::new(60);
    for (round, way) in [(1, Way::Up), (2, Way::Down)] {
        world.line.hold(way);
        world.write_both(round);
        world.line.mend();
        world.heals(&format!("a line that holds what goes {way:?}"));
        world.assert_round(round);
    }
}

#[test]
fn a_line_that_comes_and_goes_loses_nothing_and_settles_when_it_stays() {
    let world = World::new(number_of("LIANGXIN_BACKLOG", 300).min(1_000));
    let rounds = 4;
    thread::scope(|scope| {
        let line = Arc::clone(&world.line);
        let writing = scope.spawn(|| (1..=rounds).for_each(|round| world.write_both(round)));
        let mut cuts = 0_u64;
        while !writing.is_finished() {
            // From much shorter than a session's first words to some batches long.
            thread::sleep(Duration::from_millis(7 + cuts * 37 % 190));
            line.cut();
            thread::sleep(Duration::from_millis(3 + cuts * 11 % 40));
            line.mend();
            cuts += 1;
        }
        println!("the line was cut {cuts} times");
        assert!(cuts > 3, "it was never cut");
    });
    world.heals("a line that came and went");
    world.assert_round(rounds);
}

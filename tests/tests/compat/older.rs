//! Stores and backups of earlier programs.
//!
//! `data/store-VERSION.zip` holds the directories of a hub and a node as that version left them,
//! with history, an open conflict, a decided one, a deletion, and writes that were not exchanged
//! yet; a backup of each, somewhat older; and what both then listed. Keys are not in it: an
//! authority and a certificate would end, so each test makes its own.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use link::Authority;
use program::dir::Dir;
use replica::Clock as _;
use serde_json::Value;
use tests::programs::Program;

use crate::city::{
    City, assert_equal, data, hub_exe, node_exe, organisation, organisations, put, settle,
};

/// Every version that was given to anybody.
const VERSIONS: [&str; 1] = ["0.1.0"];

fn id(n: u64) -> String {
    format!("01990000-0000-7000-8000-{n:012x}")
}

/// The hub and the node of a version, unpacked, with a new authority.
struct Old {
    hub: Program,
    node: Program,
    folder: tempfile::TempDir,
}

impl Old {
    fn unpack(version: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = File::open(data(&format!("store-{version}.zip"))).unwrap();
        zip::ZipArchive::new(file)
            .unwrap()
            .extract(folder.path())
            .unwrap();
        let hub = Program::hub(hub_exe(), &folder.path().join("hub"));
        let dir = Dir::new(&hub.data);
        let now_ms = program::clock::SystemClock::default().wall_ms();
        let replica = dir.identity().unwrap().replica();
        Authority::create(dir.path(), replica, now_ms, None).unwrap();
        let node = Program::node(node_exe(), &folder.path().join("node"));
        Self { hub, node, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What a program of that version listed.
    fn listed(&self, who: &str) -> Vec<Value> {
        let text = std::fs::read(self.path(&format!("{who}.organisations.json"))).unwrap();
        let list: Value = serde_json::from_slice(&text).unwrap();
        list["records"].as_array().unwrap().clone()
    }

    /// A city that serves, with the node joined again.
    fn open(self) -> (City, Program) {
        let Self { hub, node, folder } = self;
        let mut city = City::of(hub, folder);
        city.up();
        let token = city.invite("410305", "涧西区");
        let (_line, address) = city.line();
        node.run(["join", "--hub", &address, "--token", &token])
            .ok();
        (city, node)
    }
}

/// All that was listed is listed; a later program may say more of a record.
#[track_caller]
fn assert_says(program: &Program, listed: &[Value]) {
    let now = organisations(program);
    assert_eq!(now.len(), listed.len());
    for (now, then) in now.iter().zip(listed) {
        assert_eq!(now["id"], then["id"]);
        assert_eq!(now["scope"], then["scope"]);
        for (field, value) in then["values"].as_object().unwrap() {
            assert_eq!(&now["values"][field], value, "{field} of {}", then["id"]);
        }
        let candidates = |record: &Value| {
            let open = record["conflicts"].as_array().unwrap().iter();
            let values = open.flat_map(|open| open["candidates"].as_array().unwrap());
            values.map(|one| one["value"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(candidates(now), candidates(then), "{}", then["id"]);
    }
}

/// How many writes of a record are known.
fn writes(program: &Program, n: u64) -> usize {
    let history = program.json(["record", "history", "organisation", &id(n)]);
    history["history"].as_array().unwrap().len()
}

fn remark(program: &Program, n: u64) -> Value {
    organisation(program, &id(n))["values"]["remark"].clone()
}

#[test]
fn stores_of_every_version_open_say_the_same_and_go_on() {
    for version in VERSIONS {
        let old = Old::unpack(version);
        for (program, who) in [(&old.hub, "hub"), (&old.node, "node")] {
            assert_eq!(program.json(["verify"])["ok"], true, "{version} {who}");
            assert_says(program, &old.listed(who));
            // A write that was replaced before it travelled is known where it was made.
            let known = if who == "node" { 3 } else { 2 };
            assert_eq!(
                writes(program, 1),
                known,
                "{version} {who}: the history is read"
            );
            assert_eq!(
                program.json(["conflict", "list"]).as_array().unwrap().len(),
                1
            );
        }
        let (city, node) = old.open();
        // What was written by the old program and not exchanged.
        settle(&node);
        assert_equal(&node, &city.hub);
        assert_eq!(remark(&city.hub, 8), "尚未上传");
        assert_eq!(remark(&node, 9), "尚未下发");
        // The same register as an old write, and the conflict that the old program left.
        put(&node, &id(1), "remark=新版改写").ok();
        let conflict = format!("organisation/{}/remark", id(3));
        let take = ["conflict", "take", &conflict, "1", "--reason", "新版裁决"];
        city.hub.by("裁决员").run(take).ok();
        settle(&node);
        assert_equal(&node, &city.hub);
        assert_eq!(remark(&city.hub, 1), "新版改写");
        assert_eq!((writes(&node, 1), writes(&city.hub, 1)), (4, 3));
        assert_eq!(node.json(["conflict", "list"]).as_array().unwrap().len(), 0);
    }
}

fn restore(program: &Program, file: &Path) {
    program.run(["restore", file.to_str().unwrap()]).ok();
}

#[test]
fn backups_of_every_version_are_restored_and_heal() {
    for version in VERSIONS {
        let old = Old::unpack(version);
        let (of_hub, of_node) = (old.path("hub.backup"), old.path("node.backup"));
        // The node first, then both.
        restore(&old.node, &of_node);
        let (mut city, node) = old.open();
        settle(&node);
        assert_equal(&node, &city.hub);
        assert_eq!(
            remark(&node, 6),
            "备份之后",
            "the hub gives back what the backup lacks"
        );
        city.down();
        restore(&city.hub, &of_hub);
        city.up();
        // The restored hub has forgotten this invitation too, and knows its authority.
        let token = city.invite("410305", "涧西区");
        let (_line, address) = city.line();
        node.run(["join", "--hub", &address, "--token", &token])
            .ok();
        settle(&node);
        assert_equal(&node, &city.hub);
        assert_eq!(remark(&city.hub, 7), "市级备份之后");
        assert_eq!(
            organisations(&city.hub).len(),
            29,
            "one of thirty is deleted"
        );
    }
}

#[test]
fn what_an_older_program_decided_moves_with_its_record() {
    for version in VERSIONS {
        let (mut city, node) = Old::unpack(version).open();
        settle(&node);
        let list = ["conflict", "list", "--state", "decided"];
        let decided = node.json(list);
        let decided = decided.as_array().unwrap();
        assert_eq!(decided.len(), 1, "{version}: {decided:?}");
        let (docket, id) = (decided[0]["id"].clone(), decided[0]["record"].clone());
        let other = city.district("410302", "老城区", "other").node;
        settle(&other);
        let record = format!("organisation/{}", id.as_str().unwrap());
        let rule = [
            "transfer", "rule", &record, "--to", "410302", "--reason", "搬迁",
        ];
        city.hub.run(rule).ok();
        for program in [&node, &other, &node] {
            settle(program);
        }
        for program in [&city.hub, &other] {
            let moved = program.json(list);
            assert_eq!(moved[0]["id"], docket, "{version}");
            assert_eq!(moved[0]["scope"], "410302", "{version}");
            assert_eq!(moved[0]["reason"], decided[0]["reason"], "{version}");
            assert_eq!(moved[0]["confirmed"], true, "{version}: {moved}");
        }
        assert_eq!(node.json(list), serde_json::json!([]), "{version}");
    }
}

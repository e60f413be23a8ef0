//! Damaged stores repaired, and backups compared before they are restored.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use serde_json::Value;
use tests::programs::Program;

use super::city::{
    City, assert_equal, load_samples, organisation, organisations, put, refused, sample, settle,
};

/// A page of the engine's file.
const PAGE: usize = 4_096;

fn backup(program: &Program, file: &Path) -> String {
    let name = file.to_str().unwrap().to_owned();
    program.run(["backup", &name]).ok();
    name
}

fn ids(program: &Program) -> BTreeSet<String> {
    let all = organisations(program);
    let id = |record: &Value| record["id"].as_str().unwrap().to_owned();
    all.iter().map(id).collect()
}

/// The records that a list of writes names.
fn named(writes: &Value) -> BTreeSet<String> {
    let id = |write: &Value| write["record"].as_str().unwrap().to_owned();
    writes.as_array().unwrap().iter().map(id).collect()
}

fn db(program: &Program) -> PathBuf {
    program.data.join("store").join("db")
}

/// Damages the file at places until the store does not open any more.
fn damage(program: &Program, way: usize) {
    let good = std::fs::read(db(program)).unwrap();
    let pages = good.len() / PAGE;
    for count in 1..=pages {
        let mut bytes = good.clone();
        for number in 0..count {
            // Spread over the file, from somewhere else each time.
            let at = (way * 7 + number * pages / count) % pages * PAGE;
            match way % 3 {
                0 => bytes[at..at + PAGE].fill(0),
                1 => bytes[at + 2_000] ^= 0x10,
                _ => bytes.copy_within(at..at + PAGE, (at + 5 * PAGE) % (pages * PAGE)),
            }
        }
        std::fs::write(db(program), &bytes).unwrap();
        if program.run(["status"]).code == 7 {
            return;
        }
    }
    panic!("the store opens whatever happens to it");
}

#[test]
fn a_damaged_store_is_repaired_and_gets_back_all_that_was_acked() {
    let mut city = City::open();
    let node = city.jianxi().node;
    load_samples(&node, 1..=120);
    settle(&node);
    let file = backup(&node, &city.path("node.backup"));
    load_samples(&node, 121..=160);
    settle(&node);
    for way in 0..4_u64 {
        // Acked after the backup, and never acked.
        let (acked, own) = (sample(130 + way).0, sample(10 + way).0);
        put(&node, &acked, "remark=已确认").ok();
        settle(&node);
        put(&node, &own, "remark=未确认").ok();
        let before = ids(&node);
        damage(&node, usize::try_from(way).unwrap());
        refused(&node, ["status"], 7, "STORE-002");

        let report = node.json(["repair", &file]);
        assert!(report["records"].as_u64().unwrap() > 0, "{report}");
        let kept = node.data.join(report["kept"].as_str().unwrap());
        assert!(
            kept.join("db").exists(),
            "the damaged store is kept: {report}"
        );
        let remark = organisation(&node, &own)["values"]["remark"].clone();
        let is_there = remark == "未确认";
        let lists = if is_there { "only_here" } else { "missing" };
        assert!(named(&report[lists]).contains(&own), "way {way}: {report}");

        settle(&node);
        assert_equal(&node, &city.hub);
        assert_eq!(ids(&node), before, "way {way}: everything is there again");
        assert_eq!(organisation(&node, &acked)["values"]["remark"], "已确认");
        let missing = named(&node.json(["repair", "--list"]));
        let wanted: BTreeSet<_> = (!is_there).then_some(own).into_iter().collect();
        assert_eq!(missing, wanted, "way {way}: only what was never acked");
    }
    let reports = std::fs::read_dir(&node.data).unwrap().flatten();
    let is_report = |name: &str| name.starts_with("repair-");
    let reports = reports.filter(|entry| is_report(&entry.file_name().to_string_lossy()));
    assert_eq!(reports.count(), 4, "each repair leaves its report");
}

#[test]
fn a_store_that_cannot_be_read_at_all_needs_a_backup() {
    let mut city = City::open();
    let node = city.jianxi().node;
    load_samples(&node, 1..=20);
    settle(&node);
    let file = backup(&node, &city.path("node.backup"));
    load_samples(&node, 21..=30);
    settle(&node);
    assert_eq!(
        node.json(["repair"])["sound"],
        true,
        "a sound store is left alone"
    );
    let len = std::fs::metadata(db(&node)).unwrap().len();
    std::fs::write(db(&node), vec![0x5A; usize::try_from(len).unwrap()]).unwrap();
    refused(&node, ["status"], 7, "STORE-002");
    refused(&node, ["repair"], 7, "REPAIR-001");
    refused(&node, ["status"], 7, "STORE-002");
    let compared = node.json(["restore", &file, "--dry-run"]);
    assert_eq!(compared["present"], "not at all", "{compared}");
    let report = node.json(["repair", &file]);
    assert_eq!(report["salvaged"], Value::Null, "{report}");
    assert_eq!(report["carved"], 0, "{report}");
    assert_eq!(organisations(&node).len(), 20, "the state of the backup");
    settle(&node);
    assert_equal(&node, &city.hub);
    assert_eq!(organisations(&node).len(), 30);
}

#[test]
fn a_damaged_hub_is_repaired_and_refills_from_its_nodes() {
    let mut city = City::open();
    let jianxi = city.jianxi().node;
    let laocheng = city.district("410302", "老城区", "laocheng").node;
    load_samples(&jianxi, 1..=60);
    settle(&jianxi);
    let file = backup(&city.hub, &city.path("hub.backup"));
    load_samples(&jianxi, 61..=90);
    put(&city.hub.by("市级"), &sample(3).0, "remark=市级写的").ok();
    settle(&jianxi);
    settle(&laocheng);
    city.down();
    damage(&city.hub, 0);
    refused(
        &city.hub,
        ["serve", "--listen", "127.0.0.1:0"],
        7,
        "STORE-002",
    );
    city.hub.run(["repair", &file]).ok();
    city.up();
    settle(&jianxi);
    settle(&laocheng);
    assert_equal(&jianxi, &city.hub);
    assert_eq!(organisations(&city.hub).len(), 90);
    let remark = &organisation(&city.hub, &sample(3).0)["values"]["remark"];
    assert_eq!(*remark, "市级写的");
    load_samples(&jianxi, 91..=95);
    settle(&jianxi);
    assert_equal(&jianxi, &city.hub);
}

#[test]
fn a_dry_run_says_what_the_backup_lacks_and_what_exists_nowhere_else() {
    let mut city = City::open();
    let node = city.jianxi().node;
    load_samples(&node, 1..=10);
    settle(&node);
    let file = backup(&node, &city.path("node.backup"));
    let nothing = node.json(["restore", &file, "--dry-run"]);
    assert_eq!(nothing["lacks"]["writes"], 0, "{nothing}");
    load_samples(&node, 11..=14);
    put(&node, &sample(1).0, "remark=已上传").ok();
    settle(&node);
    put(&node.by("小王"), &sample(2).0, "remark=还没上传").ok();
    let check = |compared: &Value| {
        assert_eq!(compared["present"], "whole", "{compared}");
        assert_eq!(compared["lacks"]["records"], 4, "{compared}");
        assert_eq!(compared["lacks"]["writes"], 6, "{compared}");
        assert_eq!(compared["from_peers"], 5, "{compared}");
        let only = compared["nowhere_else"].as_array().unwrap();
        assert_eq!(only.len(), 1, "{compared}");
        assert_eq!(only[0]["record"], sample(2).0);
        assert!(only[0]["author"].as_str().unwrap().starts_with("小王@"));
        assert_eq!(only[0]["fields"][0], "remark");
    };
    check(&node.json(["restore", &file, "--dry-run"]));
    let said = node
        .run(["restore", &file, "--dry-run", "--lang", "en"])
        .ok();
    assert!(
        said.stdout.contains("6 writes") && said.stdout.contains("小王"),
        "{said:?}"
    );
    assert!(
        said.stderr.contains("sync --once"),
        "the next step: {said:?}"
    );

    // Beside a serving program too, which meanwhile sends what waits.
    let serving = node.serve::<&str>([]);
    super::city::until("the write is acked", || {
        node.json(["restore", &file, "--dry-run"])["nowhere_else"] == Value::Array(Vec::new())
    });
    refused(&node, ["restore", &file], 7, "STORE-001");
    assert_eq!(serving.terminate().0, 0);

    let fresh = Program::node(super::city::node_exe(), &city.path("fresh"));
    let key = node.data.join("store.key").to_str().unwrap().to_owned();
    let with_key = ["restore", &file, "--dry-run", "--key-file", &key];
    let compared = fresh.json(with_key);
    assert_eq!(
        (&compared["present"], &compared["records"]),
        (&"none".into(), &nothing["records"])
    );
    assert!(!fresh.data.exists(), "nothing was written");
    let other = city.district("410302", "老城区", "laocheng").node;
    refused(&other, with_key, 6, "BACKUP-010");
}

//! Backups and what a restored program gets back.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde_json::json;
use tests::programs::Program;

use super::city::{
    City, assert_equal, hub_exe, load_samples, organisation, organisations, put, refused, sample,
    settle,
};

fn backup(program: &Program, file: &Path) {
    let report = program.json(["backup", file.to_str().unwrap()]);
    assert!(report["entries"].as_u64().unwrap() > 0, "{report}");
}

fn restore(program: &Program, file: &Path) {
    program.run(["restore", file.to_str().unwrap()]).ok();
}

fn ids(program: &Program) -> Vec<String> {
    let all = organisations(program);
    all.iter()
        .map(|record| record["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_node_restored_from_an_older_backup_gets_back_what_it_lacks() {
    let mut city = City::open();
    let jianxi = city.jianxi();
    let node = &jianxi.node;
    load_samples(node, 1..=30);
    put(node, &sample(1).0, "remark=备份之前").ok();
    settle(node);
    let file = city.path("node.backup");
    let serving = node.serve::<&str>([]);
    // Also beside a serving program.
    backup(node, &file);
    assert_eq!(serving.terminate().0, 0);
    load_samples(node, 31..=45);
    put(node, &sample(1).0, "remark=备份之后").ok();
    put(node, &sample(2).0, "operating_address=备份之后路2号").ok();
    node.run([
        "record",
        "delete",
        "organisation",
        &sample(3).0,
        "--reason",
        "误录",
    ])
    .ok();
    settle(node);
    let before = ids(&city.hub);

    restore(node, &file);
    assert_eq!(organisations(node).len(), 30, "the older state");
    assert_eq!(
        organisation(node, &sample(1).0)["values"]["remark"],
        "备份之前"
    );
    // Work goes on before the line is there.
    load_samples(node, 46..=50);
    put(node, &sample(4).0, "remark=恢复之后").ok();
    settle(node);
    assert_equal(node, &city.hub);
    let mut wanted = before;
    wanted.extend((46..=50).map(|n| sample(n).0));
    wanted.sort();
    assert_eq!(
        ids(&city.hub),
        wanted,
        "nothing is lost, nothing is there twice"
    );
    for program in [node, &city.hub] {
        let value = |n, field: &str| organisation(program, &sample(n).0)["values"][field].clone();
        assert_eq!(value(1, "remark"), "备份之后");
        assert_eq!(value(2, "operating_address"), "备份之后路2号");
        assert_eq!(value(4, "remark"), "恢复之后");
        assert_eq!(organisation(program, &sample(3).0)["deleted"], true);
        assert_eq!(program.json(["conflict", "list"]), json!([]));
    }
    let moved = std::fs::read_dir(&node.data).unwrap().flatten();
    let moved = moved.filter(|entry| {
        entry
            .file_name()
            .to_string_lossy()
            .starts_with("store.before-")
    });
    assert_eq!(moved.count(), 1, "the former store is kept aside");
}

#[test]
fn a_hub_restored_from_an_older_backup_gets_its_records_back_from_the_nodes() {
    let mut city = City::open();
    let jianxi = city.jianxi();
    let node = &jianxi.node;
    load_samples(node, 1..=20);
    settle(node);
    let file = city.path("hub.backup");
    backup(&city.hub, &file);
    load_samples(node, 21..=40);
    put(node, &sample(1).0, "remark=备份之后").ok();
    put(&city.hub.by("市级"), &sample(2).0, "remark=市级在备份之后").ok();
    settle(node);

    refused(
        &city.hub,
        ["restore", file.to_str().unwrap()],
        7,
        "STORE-001",
    );
    city.down();
    restore(&city.hub, &file);
    assert_eq!(organisations(&city.hub).len(), 20, "the older state");
    city.up();
    put(&city.hub.by("市级"), &sample(5).0, "remark=市级在恢复之后").ok();
    settle(node);
    assert_equal(node, &city.hub);
    assert_eq!(organisations(&city.hub).len(), 40);
    let remark = |n| organisation(&city.hub, &sample(n).0)["values"]["remark"].clone();
    let remarks = json!([remark(1), remark(2), remark(5)]);
    assert_eq!(
        remarks,
        json!(["备份之后", "市级在备份之后", "市级在恢复之后"])
    );
    assert_eq!(node.json(["conflict", "list"]), json!([]));
    let after = settle(node);
    assert_eq!(after["refused"], 0, "{after}");
}

#[test]
fn a_hub_moves_to_another_machine_with_its_keys() {
    let mut city = City::open();
    let jianxi = city.jianxi();
    load_samples(&jianxi.node, 1..=5);
    settle(&jianxi.node);
    let (file, secret) = (city.path("hub.backup"), city.text_path("passphrase"));
    std::fs::write(&secret, "四个词 和 一个数 7\n").unwrap();
    let named = file.to_str().unwrap();
    refused(
        &city.hub,
        [
            "backup",
            named,
            "--with-keys",
            "--passphrase-file",
            &city.text_path("none"),
        ],
        1,
        "FILE-001",
    );
    city.hub
        .run(["backup", named, "--with-keys", "--passphrase-file", &secret])
        .ok();
    city.down();
    let wrong = city.text_path("wrong");
    std::fs::write(&wrong, "另一个口令\n").unwrap();
    let elsewhere = Program::hub(hub_exe(), &city.path("elsewhere"));
    refused(
        &elsewhere,
        ["restore", named, "--passphrase-file", &wrong],
        4,
        "BACKUP-012",
    );
    elsewhere
        .run(["restore", named, "--passphrase-file", &secret])
        .ok();
    city.hub = elsewhere;
    city.up();
    load_samples(&jianxi.node, 6..=9);
    settle(&jianxi.node);
    assert_equal(&jianxi.node, &city.hub);
}

#[test]
fn a_backup_never_overwrites_a_file() {
    let mut city = City::open();
    let node = city.jianxi().node;
    std::fs::write(city.path("passphrase"), "四个词\n").unwrap();
    let keys = ["--with-keys", "--passphrase-file"];
    let sealed = |name: &str| {
        let (file, secret) = (city.text_path(name), city.text_path("passphrase"));
        ["backup", &file, keys[0], keys[1], &secret].map(str::to_owned)
    };
    backup(&city.hub, &city.path("hub.backup"));
    std::fs::write(city.path("roll.csv"), "名称\n").unwrap();
    std::fs::write(city.path("new.backup.keys"), "the only keys").unwrap();
    let names = ["hub.backup", "roll.csv", "new.backup.keys"];
    let read = || names.map(|name| std::fs::read(city.path(name)).unwrap());
    let before = read();
    for name in ["hub.backup", "roll.csv"] {
        let file = city.text_path(name);
        refused(&node, ["backup", &file], 2, "BACKUP-014");
    }
    refused(&node, sealed("new.backup"), 2, "BACKUP-014");
    assert!(!city.path("new.backup").exists(), "nothing was written");
    assert_eq!(read(), before, "what was there is as it was");
    node.run(sealed("other.backup")).ok();
}

/// Everything in a directory: names and digests.
fn contents(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).unwrap();
                found.insert(path, blake3::hash(&bytes).to_string());
            }
        }
    }
    found
}

#[test]
fn an_altered_backup_is_refused_with_nothing_written() {
    let mut city = City::open();
    let node = city.jianxi().node;
    load_samples(&node, 1..=10);
    let file = city.path("node.backup");
    backup(&node, &file);
    let good = std::fs::read(&file).unwrap();
    let (altered, fresh) = (
        city.path("altered.backup"),
        Program::node(super::city::node_exe(), &city.path("fresh")),
    );
    let before = contents(&node.data);
    let name = altered.to_str().unwrap();
    let places = [0, 9, good.len() / 3, good.len() / 2, good.len() - 1];
    for at in places {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        std::fs::write(&altered, bytes).unwrap();
        refused(&node, ["restore", name], 6, "BACKUP-002");
        refused(&node, ["restore", name, "--dry-run"], 6, "BACKUP-002");
    }
    std::fs::write(&altered, &good[..good.len() - 40]).unwrap();
    refused(&node, ["restore", name], 6, "BACKUP-002");
    let key = node.data.join("store.key");
    let key = ["--key-file", key.to_str().unwrap()];
    refused(&fresh, ["restore", name, key[0], key[1]], 6, "BACKUP-002");
    refused(&fresh, ["status"], 2, "DIR-001");
    let whole = node.json(["restore", file.to_str().unwrap(), "--dry-run"]);
    assert!(whole["entries"].as_u64().unwrap() > 10, "{whole}");
    let after = contents(&node.data);
    let other = |(path, hash): &(&PathBuf, &String)| before.get(*path) != Some(*hash);
    let differing: Vec<_> = after.iter().filter(other).map(|(path, _)| path).collect();
    assert!(differing.is_empty(), "written: {differing:?}");
    assert_eq!(after.len(), before.len(), "nothing is gone");

    let other = city.district("410302", "老城区", "laocheng").node;
    let restore = ["restore", file.to_str().unwrap(), key[0], key[1]];
    refused(&other, restore, 6, "BACKUP-010");
    assert_eq!(organisations(&node).len(), 10);
}

/// The power fails between the two renames of a restore: there is no store in its place. Nobody may
/// begin an empty one there, and a second restore still knows what the first one took.
#[test]
fn a_restore_that_is_cut_between_its_renames_is_undone_or_done_again() {
    let mut city = City::open();
    let node = city.jianxi().node;
    load_samples(&node, 1..=3);
    settle(&node);
    let file = city.path("node.backup");
    node.run(["backup", file.to_str().unwrap()]).ok();
    put(&node, &sample(1).0, "remark=没有传出").ok();
    let (store, aside) = (
        node.data.join("store"),
        node.data.join("store.before-1795000000000"),
    );
    std::fs::rename(&store, &aside).unwrap();
    let held = organisation(&node, &sample(1).0);
    assert_eq!(
        held["values"]["remark"], "没有传出",
        "the former store is back"
    );
    std::fs::rename(&store, &aside).unwrap();
    restore(&node, &file);
    let lost = node.json(["repair", "--list"]);
    assert_eq!(lost.as_array().unwrap().len(), 1, "{lost}");
}

/// What a repair can still read would be given up unseen.
#[test]
fn a_store_that_cannot_be_read_whole_is_not_restored_over() {
    let mut city = City::open();
    let node = city.jianxi().node;
    load_samples(&node, 1..=30);
    settle(&node);
    let file = city.path("node.backup");
    let backup = file.to_str().unwrap();
    node.run(["backup", backup]).ok();
    put(&node, &sample(1).0, "remark=没有传出").ok();
    let db = node.data.join("store/db");
    let mut bytes = std::fs::read(&db).unwrap();
    bytes[..4096].fill(0xAA);
    std::fs::write(&db, &bytes).unwrap();
    refused(&node, ["restore", backup], 7, "BACKUP-015");
    assert_eq!(std::fs::read(&db).unwrap(), bytes, "nothing was changed");
    assert!(!node.data.join("store.restoring").exists());
    node.run(["repair", backup]).ok();
    let held = organisation(&node, &sample(1).0);
    assert_eq!(held["values"]["remark"], "没有传出");
}

/// Whoever holds the store of a directory holds it against all others, also while another is put in
/// its place.
#[test]
fn a_store_that_is_held_is_opened_restored_and_repaired_by_nobody_else() {
    let mut city = City::open();
    let node = city.jianxi().node;
    load_samples(&node, 1..=2);
    let file = city.path("node.backup");
    backup(&node, &file);
    let held = store::Lock::take(&node.data.join("store.lock")).unwrap();
    refused(&node, ["status"], 7, "STORE-001");
    refused(&node, ["serve"], 7, "STORE-001");
    refused(&node, ["repair"], 7, "STORE-001");
    refused(&node, ["restore", file.to_str().unwrap()], 7, "STORE-001");
    drop(held);
    restore(&node, &file);
    assert_eq!(organisations(&node).len(), 2);
}

/// What an acceptance test saw: an edit that was saved while a restore went on was neither in the
/// new store nor in the list of what it had given up.
#[test]
fn what_is_saved_beside_a_restore_stands_or_is_listed() {
    let mut city = City::open();
    let node = city.jianxi().node;
    load_samples(&node, 1..=20);
    let file = city.path("node.backup");
    backup(&node, &file);
    for round in 0..8 {
        let mut restoring = node.command(["restore", file.to_str().unwrap()]);
        let mut restoring = restoring.spawn().unwrap();
        let mut saved = Vec::new();
        let mut number = 0;
        let status = loop {
            let text = format!("round {round} number {number}");
            let set = format!("remark={text}");
            let ran = put(&node, &sample(1 + number % 20).0, &set);
            number += 1;
            match ran.code {
                0 => saved.push((sample(1 + (number - 1) % 20).0, text)),
                7 => assert!(ran.stderr.contains("STORE-001"), "{ran:?}"),
                _ => panic!("{ran:?}"),
            }
            if let Some(status) = restoring.try_wait().unwrap() {
                break status;
            }
        };
        assert!(status.success() || status.code() == Some(7), "{status}");
        let lost = node.json(["repair", "--list", "--all"]).to_string();
        for (id, text) in saved {
            let told = node.json(["record", "history", "organisation", &id]);
            let stands = told.to_string().contains(&text);
            assert!(stands || lost.contains(&id), "{text} is nowhere: {lost}");
        }
    }
    node.run(["verify"]).ok();
}

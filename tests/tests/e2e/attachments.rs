//! Evidence over the federation: it stays in its district until the city asks for it with a reason,
//! comes over a line that breaks, and both sides say who asked.

use std::{fs, path::Path};

use serde_json::{Value, json};
use tests::programs::Program;

use crate::e2e::{
    across::{Two, made},
    city::{assert_refused, in_chinese, refused, settle, until},
};

const KIND: &str = "problem_item";

/// A problem that a district has found itself.
fn problem(node: &Program, no: &str) -> String {
    made(
        node,
        KIND,
        &json!({ "no": no, "year": "2020", "category": "coverage", "description": "应建未建",
            "found_by": "self", "severity": "high", "registered_on": "2020-03-01",
            "due_on": "2020-06-30", "extension": "none", "status": "registered" }),
    )
}

/// A scan of so many bytes.
fn scan(path: &Path, bytes: usize) -> Vec<u8> {
    let mut content = b"%PDF-1.7\n".to_vec();
    content.extend((0..bytes).map(|at| u8::try_from(at / 3 % 251).unwrap()));
    fs::write(path, &content).unwrap();
    content
}

fn attach(program: &Program, id: &str, path: &str) -> Value {
    let args = [
        "attachment",
        "add",
        KIND,
        id,
        "evidence",
        path,
        "--reason",
        "整改佐证",
    ];
    program.json(args)
}

/// The only file of a problem, as a program sees it.
#[track_caller]
fn file(program: &Program, id: &str) -> Value {
    let list = program.json(["attachment", "list", KIND, id]);
    let [file] = list["attachments"].as_array().unwrap().as_slice() else {
        panic!("one file: {list}");
    };
    file.clone()
}

fn log(program: &Program) -> Vec<Value> {
    let log = program.json(["attachment", "log"]);
    log["entries"].as_array().unwrap().clone()
}

fn fetch(program: &Program, id: &str, hash: &str) -> Value {
    program.json([
        "attachment",
        "fetch",
        KIND,
        id,
        hash,
        "--reason",
        "年终核查",
    ])
}

/// The log of a program holds the inspector's request, and nothing else.
#[track_caller]
fn assert_logged(program: &Program, way: &str, id: &str) {
    let log = log(program);
    let [entry] = log.as_slice() else {
        panic!("{log:?}");
    };
    let account = entry["account"].as_str().unwrap();
    assert!(account.starts_with("inspector@4103"), "{account}");
    let said = ["way", "reason", "state", "record"].map(|name| entry[name].clone());
    let record = format!("{KIND}/{id}");
    let expected = [way, "年终核查", "done", &record];
    assert_eq!(said, expected.map(Value::from));
}

#[test]
fn evidence_stays_at_home_until_the_city_asks_with_a_reason() {
    let mut two = Two::open();
    let node = two.jianxi.node.clone();
    let id = problem(&node, "410305-2020-A0001");
    let content = scan(&two.city.path("请示.pdf"), 700_000);
    let path = two.city.text_path("请示.pdf");
    let added = attach(&node, &id, &path);
    assert_eq!(added["state"], "here");
    let hash = added["hash"].as_str().unwrap().to_owned();
    assert_eq!(hash, blake3::hash(&content).to_hex().as_str());
    settle(&node);
    // The city sees what there is, and not the content.
    let hub = two.hub().clone();
    let seen = file(&hub, &id);
    let facts = ["name", "size", "media_type", "state", "at"].map(|name| seen[name].clone());
    let size = json!(content.len());
    let [name, media, state, at] =
        ["请示.pdf", "application/pdf", "elsewhere", "410305"].map(Value::from);
    assert_eq!(facts, [name, size, media, state, at]);
    let document = hub.json(["record", "get", KIND, &id]);
    assert_eq!(document["attachments"][0]["here"], false);
    let shown = in_chinese(&hub, &["record", "get", KIND, &id]);
    assert!(
        shown.contains("附件“请示.pdf”的内容不在本机，在 410305"),
        "{shown}"
    );
    let output = two.city.text_path("city.pdf");
    let get = ["attachment", "get", KIND, &id, &hash, "--output", &output];
    refused(&hub, get, 1, "ATTACH-004");
    // No reason, no request.
    let bare = ["attachment", "fetch", KIND, &id, &hash];
    assert_eq!(hub.run(bare).code, 2);
    refused(
        &hub,
        [&bare[..], &["--reason", " "]].concat(),
        6,
        "RECORD-007",
    );
    assert!(log(&hub).is_empty());
    let inspector = hub.by("inspector");
    assert_eq!(fetch(&inspector, &id, &hash)["state"], "waiting");
    assert_eq!(file(&hub, &id)["reason"], "年终核查");
    // It is on record through a restart, and comes when the district calls.
    two.city.down();
    two.city.up();
    let settled = settle(&node);
    assert_eq!(settled["files"], json!({ "given": 1, "taken": 0 }));
    assert_eq!(file(&hub, &id)["state"], "here");
    hub.run(get).ok();
    assert_eq!(fs::read(&output).unwrap(), content);
    refused(&hub, get, 2, "ATTACH-018");
    assert_logged(&hub, "asked", &id);
    assert_logged(&node, "given", &id);
    two.city.down();
    two.city.up();
    assert_eq!(log(&hub).len(), 1);
}

#[test]
fn a_large_scan_comes_through_cuts_while_both_serve() {
    let two = Two::open();
    let (hub, node) = (two.hub().clone(), two.jianxi.node.clone());
    let id = problem(&node, "410305-2020-A0001");
    let content = scan(&two.city.path("scan.pdf"), 18_000_000);
    let added = attach(&node, &id, &two.city.text_path("scan.pdf"));
    let hash = added["hash"].as_str().unwrap();
    settle(&node);
    let serving = node.serve::<&str>([]);
    fetch(&hub, &id, hash);
    // Cut wherever it happens to be, more than once; the serving node calls again by itself.
    let incoming = hub.data.join("files").join("incoming");
    let arrived = || {
        let parts = fs::read_dir(&incoming).into_iter().flatten().flatten();
        parts
            .map(|part| part.metadata().map_or(0, |part| part.len()))
            .sum::<u64>()
    };
    let mut most = 0;
    for _ in 0..3 {
        until("some of it comes", || {
            arrived() > most || file(&hub, &id)["state"] == "here"
        });
        most = arrived();
        two.jianxi.line.cut();
        two.jianxi.line.mend();
        assert!(arrived() >= most || file(&hub, &id)["state"] == "here");
    }
    assert!(most > 0, "a cut fell into it");
    until("all of it comes", || file(&hub, &id)["state"] == "here");
    let output = two.city.text_path("out.pdf");
    hub.run(["attachment", "get", KIND, &id, hash, "--output", &output])
        .ok();
    assert!(fs::read(&output).unwrap() == content);
    assert_eq!(
        log(&node).len(),
        1,
        "one request, however often it was heard"
    );
    drop(serving);
}

#[test]
fn a_district_gets_what_is_meant_for_it_and_nothing_of_another() {
    let two = Two::open();
    let hub = two.hub().clone();
    let (jianxi, laocheng) = (&two.jianxi.node, &two.laocheng.node);
    // Evidence of Jianxi, which the city has fetched.
    let id = problem(jianxi, "410305-2020-A0001");
    scan(&two.city.path("jianxi.pdf"), 90_000);
    let added = attach(jianxi, &id, &two.city.text_path("jianxi.pdf"));
    let hash = added["hash"].as_str().unwrap();
    settle(jianxi);
    fetch(&hub, &id, hash);
    settle(jianxi);
    assert_eq!(file(&hub, &id)["state"], "here");
    // Laocheng has no such record. It learns the hash and names it in a record of its own.
    settle(laocheng);
    let ask = ["attachment", "fetch", KIND, &id, hash, "--reason", "r"];
    refused(laocheng, ask, 6, "RECORD-003");
    let own = problem(laocheng, "410302-2020-A0001");
    let facts = json!([{ "hash": hash, "name": "x.pdf", "size": added["size"],
        "media_type": "application/pdf" }]);
    let set = format!("evidence={}", facts[0]);
    laocheng
        .run(["record", "put", KIND, &own, "--set", &set, "--reason", "r"])
        .ok();
    settle(laocheng);
    fetch(laocheng, &own, hash);
    let settled = settle(laocheng);
    assert_eq!(settled["files"], json!({ "given": 0, "taken": 0 }));
    let waits = file(laocheng, &own);
    assert_eq!(
        (&waits["state"], &waits["code"]),
        (&json!("waiting"), &json!("ATTACH-011"))
    );
    assert_eq!(waits["at"], "410300");
    let given = log(&hub)
        .into_iter()
        .filter(|entry| entry["way"] == "given");
    let given: Vec<Value> = given.collect();
    assert_eq!(given.len(), 1);
    assert_eq!(
        (&given[0]["state"], &given[0]["code"]),
        (&json!("refused"), &json!("ATTACH-011"))
    );
    assert!(
        given[0]["peer"].as_str().unwrap().contains("老城区"),
        "{given:?}"
    );
    // What the city attaches to a record of Laocheng is for Laocheng.
    let content = scan(&two.city.path("city.pdf"), 150_000);
    let citys = attach(&hub, &own, &two.city.text_path("city.pdf"));
    settle(laocheng);
    fetch(laocheng, &own, citys["hash"].as_str().unwrap());
    assert_eq!(settle(laocheng)["files"]["taken"], 1);
    let output = two.city.text_path("out.pdf");
    let get = [
        "attachment",
        "get",
        KIND,
        &own,
        citys["hash"].as_str().unwrap(),
    ];
    laocheng
        .run([&get[..], &["--output", &output]].concat())
        .ok();
    assert_eq!(fs::read(&output).unwrap(), content);
}

#[test]
fn a_backup_carries_the_evidence_and_a_restore_brings_it_back() {
    let two = Two::open();
    let node = two.jianxi.node.clone();
    let id = problem(&node, "410305-2020-A0001");
    let content = scan(&two.city.path("scan.pdf"), 200_000);
    let added = attach(&node, &id, &two.city.text_path("scan.pdf"));
    let hash = added["hash"].as_str().unwrap();
    settle(&node);
    let backup = two.city.text_path("backup");
    let made = node.json(["backup", &backup]);
    assert_eq!(
        (&made["files"], &made["files_bytes"]),
        (&json!(1), &json!(content.len()))
    );
    let bare = node
        .run(["backup", &two.city.text_path("bare"), "--without-files"])
        .ok();
    assert!(bare.stderr.contains("附件"), "{bare:?}");
    // The disk is lost, and the district goes on with another one.
    fs::remove_dir_all(node.data.join("files")).unwrap();
    assert_eq!(file(&node, &id)["state"], "elsewhere");
    let damaged = fs::read(format!("{backup}.files")).unwrap();
    let mut flipped = damaged.clone();
    flipped[100_000] ^= 1;
    fs::write(format!("{backup}.files"), flipped).unwrap();
    assert_refused(&node.run(["restore", &backup, "--json"]), 6, "ATTACH-020");
    fs::write(format!("{backup}.files"), damaged).unwrap();
    assert_eq!(node.json(["restore", &backup])["files"], 1);
    let output = two.city.text_path("out.pdf");
    node.run(["attachment", "get", KIND, &id, hash, "--output", &output])
        .ok();
    assert_eq!(fs::read(&output).unwrap(), content);
    // Damage is said by name.
    let place = node.data.join("files").join(&hash[..2]).join(hash);
    fs::write(place, b"%PDF-").unwrap();
    let verify = node.run(["verify", "--json"]);
    assert_eq!(
        (verify.code, verify.json()["ok"].clone()),
        (7, json!(false))
    );
    assert!(verify.stdout.contains(hash), "{verify:?}");
}

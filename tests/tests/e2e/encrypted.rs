//! Encryption at rest: what people enter stands in clear in no file of any store and in no backup, the
//! key opens both, nothing else does, and a store from before there were keys goes on.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::json;
use store::StoreKey;
use tests::programs::{Program, holding};

use super::{
    across::made,
    city::{City, assert_equal, check, load_samples, node_exe, organisations, refused, settle},
};

/// What is looked for in files: a name, and a phone that stays at home.
const NAME: &str = "独名不重";
const PHONE: &str = "0379-01234567";

/// A person with a contact, at a node and its hub, and a backup of each; then everybody stops.
fn enter(city: &mut City) -> Program {
    let node = city.jianxi().node;
    let values = json!({ "display_name": NAME, "status": "active" });
    let id = made(&node, "person", &values);
    let set = ["person", "contact", "set", &id, "--work-phone", PHONE];
    node.run(set.iter().chain(&["--reason", "联系"])).ok();
    settle(&node);
    for (program, name) in [(&node, "node.backup"), (&city.hub, "hub.backup")] {
        program.run(["backup", &city.text_path(name)]).ok();
    }
    city.down();
    node
}

fn key_of(program: &Program) -> PathBuf {
    program.data.join("store.key")
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The files of a store, but for the note of who holds it.
fn files(program: &Program) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(program.data.join("store")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let files = paths.filter(|path| path.is_file() && !path.ends_with("lock"));
    files
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect()
}

#[test]
fn what_is_entered_stands_in_clear_in_no_file_and_in_no_backup() {
    let mut city = City::open();
    let node = enter(&mut city);
    let everything = city.path("");
    assert!(everything.join("node.backup").exists() && everything.join("hub.backup").exists());
    for text in [NAME, PHONE] {
        assert_eq!(holding(&everything, text), 0, "{text}");
    }
    for program in [&node, &city.hub] {
        let said = check(program, "DOCTOR-028");
        assert_eq!(said["ok"], true, "{said}");
        assert!(
            said["message"].as_str().unwrap().contains("已加密"),
            "{said}"
        );
    }
    let people = node.json(["record", "list", "person"]);
    assert!(people.to_string().contains(NAME), "{people}");
}

/// The same without encryption, so that the test above is known to look where it must.
#[test]
fn without_encryption_it_is_found_in_both_stores_and_both_backups() {
    let mut city = City::open_plain();
    let node = enter(&mut city);
    for (program, backup) in [(&node, "node.backup"), (&city.hub, "hub.backup")] {
        assert!(!key_of(program).exists());
        assert!(holding(&program.data.join("store"), NAME) > 0);
        let bytes = fs::read(city.path(backup)).unwrap();
        let mut parts = bytes.windows(NAME.len());
        assert!(parts.any(|part| part == NAME.as_bytes()), "{backup}");
        let said = check(program, "DOCTOR-028");
        assert!(
            said["message"].as_str().unwrap().contains("没有加密"),
            "{said}"
        );
    }
    assert!(holding(&node.data.join("store"), PHONE) > 0);
}

#[test]
fn without_its_key_a_store_is_not_opened_and_nothing_in_it_changes() {
    let mut city = City::open();
    let node = enter(&mut city);
    let (key, away) = (key_of(&node), city.path("away.key"));
    fs::rename(&key, &away).unwrap();
    let before = files(&node);
    let backup = city.text_path("node.backup");
    for args in [
        &["status"][..],
        &["repair"],
        &["repair", &backup],
        &["restore", &backup],
        &["restore", "--dry-run", &backup],
    ] {
        refused(&node, args, 7, "STORE-008");
        assert!(!key.exists() && files(&node) == before, "{args:?}");
    }
    let other = StoreKey::new([9; 32]);
    fs::write(&key, other.text().as_bytes()).unwrap();
    for args in [&["status"][..], &["repair"]] {
        let ran = refused(&node, args, 7, "STORE-009");
        assert!(ran.stderr.contains(&other.id().to_string()), "{ran:?}");
        assert!(files(&node) == before, "{args:?}");
    }
    refused(&node, ["repair", &backup], 6, "BACKUP-017");
    fs::write(&key, "abcd").unwrap();
    refused(&node, ["status"], 7, "STORE-010");
    assert!(files(&node) == before);

    // The key may lie elsewhere, if the settings say so.
    fs::remove_file(&key).unwrap();
    let settings = format!("[store]\nkey_file = {:?}\n", text(&away));
    fs::write(node.data.join("config.toml"), settings).unwrap();
    let people = node.json(["record", "list", "person"]);
    assert!(people.to_string().contains(NAME), "{people}");
    let said = check(&node, "DOCTOR-028");
    assert!(
        said["message"].as_str().unwrap().contains("不在数据目录"),
        "{said}"
    );
    // And not to encrypt cannot be wished for afterwards.
    fs::write(
        node.data.join("config.toml"),
        "[store]\nkey_file = \"none\"\n",
    )
    .unwrap();
    refused(&node, ["status"], 7, "STORE-011");
}

/// The two small files that say that there is a key, and which: losing one costs no value.
#[test]
fn a_store_that_lost_what_says_of_its_key_is_repaired() {
    let mut city = City::open();
    let node = enter(&mut city);
    for name in ["key-id", "format"] {
        fs::remove_file(node.data.join("store").join(name)).unwrap();
        refused(&node, ["status"], 7, "STORE-002");
        let repaired = node.json(["repair"]);
        assert_eq!(repaired["salvaged"]["bad"], 0, "{repaired}");
        assert_eq!(repaired["missing"], json!([]), "{repaired}");
        let people = node.json(["record", "list", "person"]);
        assert!(people.to_string().contains(NAME), "{people}");
    }
    assert_eq!(holding(&node.data, NAME), 0);
}

#[test]
fn a_backup_comes_back_on_a_new_machine_with_the_key_file_only() {
    let mut city = City::open();
    let node = enter(&mut city);
    let backup = city.text_path("node.backup");
    let new = Program::node(node_exe(), &city.path("new"));
    refused(&new, ["restore", &backup], 6, "BACKUP-016");
    let other = city.path("other.key");
    fs::write(&other, StoreKey::new([9; 32]).text().as_bytes()).unwrap();
    let with =
        |backup: &str, key: &Path| ["restore", backup, "--key-file", text(key)].map(str::to_owned);
    refused(&new, with(&backup, &other), 6, "BACKUP-017");
    let bytes = fs::read(&backup).unwrap();
    for at in (0..20).map(|n| n * bytes.len() / 20) {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        let file = city.path("bad.backup");
        fs::write(&file, bad).unwrap();
        refused(&new, with(text(&file), &key_of(&node)), 6, "BACKUP-002");
    }
    assert!(!new.data.join("store").exists() && !key_of(&new).exists());

    new.run(with(&backup, &key_of(&node))).ok();
    assert_eq!(new.store_key(), node.store_key(), "the key goes with it");
    let people = new.json(["record", "list", "person"]);
    assert!(people.to_string().contains(NAME), "{people}");
    assert_eq!(holding(&new.data, NAME), 0);
}

/// `FILE.keys` holds the store's key too, sealed: with the passphrase a new machine needs no more.
#[test]
fn with_its_keys_beside_it_a_backup_needs_their_passphrase_only() {
    let mut city = City::open();
    let node = city.jianxi().node;
    load_samples(&node, 1..=5);
    settle(&node);
    let (secret, backup) = (city.text_path("secret"), city.text_path("full.backup"));
    fs::write(&secret, "四个词\n").unwrap();
    let keys = ["--passphrase-file", &secret];
    node.run(["backup", &backup, "--with-keys"].iter().chain(&keys))
        .ok();
    let new = Program::node(node_exe(), &city.path("new"));
    new.run(["restore", &backup].iter().chain(&keys)).ok();
    assert_eq!(new.store_key(), node.store_key());
    assert_eq!(organisations(&new).len(), 5);
    settle(&new);
    assert_equal(&new, &city.hub);
}

/// A directory of a program that knew no keys: it gets one, its files are rewritten, and its earlier
/// backups can still be read.
#[test]
fn a_directory_from_before_there_were_keys_is_encrypted_at_its_next_start() {
    let mut city = City::open_plain();
    let node = enter(&mut city);
    assert!(holding(&node.data, NAME) > 0);
    for program in [&node, &city.hub] {
        fs::remove_file(program.data.join("config.toml")).unwrap();
    }
    let told = |ran: &tests::programs::Ran| ran.stderr.contains("store.key");
    let first = node.run(["status", "--lang", "en"]).ok();
    assert!(told(&first), "{first:?}");
    assert!(!told(&node.run(["status", "--lang", "en"]).ok()), "once");
    assert_eq!(holding(&node.data, NAME), 0);
    assert_eq!(holding(&node.data, PHONE), 0);

    city.up();
    load_samples(&node, 1..=5);
    settle(&node);
    assert_equal(&node, &city.hub);
    city.down();
    assert_eq!(
        holding(&city.hub.data, NAME),
        0,
        "the hub has rewritten its files too"
    );
    for program in [&node, &city.hub] {
        assert_eq!(check(program, "DOCTOR-028")["ok"], true);
    }
    // A backup from before is read, and what it brings back is encrypted.
    node.run(["restore", &city.text_path("node.backup")]).ok();
    let people = node.json(["record", "list", "person"]);
    assert!(people.to_string().contains(NAME), "{people}");
    assert_eq!(holding(&node.data.join("store"), NAME), 0);
}

/// Another key, then none: a backup, the new place, and a restore that is given the former key.
#[test]
fn a_city_can_change_its_key_and_do_without_one_afterwards() {
    let mut city = City::open();
    let node = enter(&mut city);
    let (store, backup) = (node.data.join("store"), city.text_path("node.backup"));
    let restore = |former: &Path| {
        let args = ["restore", &backup, "--key-file", text(former)];
        node.run(args).ok();
        let people = node.json(["record", "list", "person"]);
        assert!(people.to_string().contains(NAME), "{people}");
    };
    let (key, former) = (key_of(&node), city.path("former.key"));
    let first = node.store_key();
    refused(&node, ["config", "key", text(&key)], 2, "STORE-012");
    fs::rename(&key, &former).unwrap();
    let made = node.json(["config", "key", text(&key)]);
    let second = node.store_key().unwrap();
    assert_eq!(made["key"], second.id().to_string());
    refused(&node, ["status"], 7, "STORE-009");
    restore(&former);
    assert_eq!(node.store_key(), Some(second), "the one that was put there");
    assert_ne!(node.store_key(), first);
    assert_eq!(holding(&store, NAME), 0);

    fs::remove_file(&key).unwrap();
    fs::write(
        node.data.join("config.toml"),
        "[store]\nkey_file = \"none\"\n",
    )
    .unwrap();
    // It has the second key, and that is gone.
    fs::remove_dir_all(&store).unwrap();
    restore(&former);
    assert!(holding(&store, NAME) > 0 && !key.exists());
}

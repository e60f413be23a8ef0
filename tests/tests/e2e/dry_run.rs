//! `restore --dry-run`: the peer is asked what it holds, and nothing is changed anywhere.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use tests::programs::Program;

use super::city::{
    City, District, assert_equal, load_samples, node_exe, organisations, put, sample, settle,
};

/// A district whose backup lacks five writes that the city has, and one that is only here.
struct Scene {
    city: City,
    district: District,
    file: String,
}

impl Scene {
    fn new() -> Self {
        let mut city = City::open();
        let district = city.jianxi();
        let node = &district.node;
        load_samples(node, 1..=10);
        settle(node);
        let file = city.text_path("node.backup");
        std::fs::write(city.path("pass"), "一句只有值班员知道的话\n").unwrap();
        node.run([
            "backup",
            &file,
            "--with-keys",
            "--passphrase-file",
            &city.text_path("pass"),
        ])
        .ok();
        load_samples(node, 11..=14);
        put(node, &sample(1).0, "remark=已上传").ok();
        settle(node);
        put(&node.by("小王"), &sample(2).0, "remark=还没上传").ok();
        Self {
            city,
            district,
            file,
        }
    }

    /// A dry run after which everything is as it was before.
    #[track_caller]
    fn dry_run(&self, more: &[&str]) -> Value {
        let before = self.image();
        let args = ["restore", &self.file, "--dry-run"];
        let compared = self.district.node.json(args.iter().chain(more));
        assert_eq!(self.image(), before, "a dry run changes nothing");
        compared
    }

    /// Every file of the node and of the backup, and what the city knows of its nodes.
    fn image(&self) -> (BTreeMap<PathBuf, Vec<u8>>, Value) {
        let mut files = BTreeMap::new();
        gather(&self.district.node.data, &mut files);
        for file in [&self.file, &format!("{}.keys", self.file)] {
            files.insert(file.into(), std::fs::read(file).unwrap());
        }
        let ran = self.city.hub.run(["node", "list", "--json"]);
        (files, ran.json())
    }
}

fn gather(folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            gather(&path, files);
        } else if path.extension().is_none_or(|end| end != "sock") {
            files.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
}

/// How many writes have each fate, and the records that exist nowhere else.
fn fates(compared: &Value) -> Value {
    let only = compared["nowhere_else"].as_array().unwrap();
    let only: Vec<_> = only.iter().map(|write| &write["record"]).collect();
    let names = ["peer_has", "peer_refused", "peer_acked", "peer_forgot"];
    json!([names.map(|name| &compared[name]), only])
}

#[test]
fn with_a_line_the_hub_is_asked_what_it_has() {
    let scene = Scene::new();
    let compared = scene.dry_run(&[]);
    assert_eq!(compared["asked"]["reached"], true, "{compared}");
    assert_eq!(compared["asked"]["after_backup"], 5, "{compared}");
    assert_eq!(fates(&compared), json!([[5, 0, 0, 0], [sample(2).0]]));
    assert_eq!(compared["from_peers"], 5, "{compared}");
    // The question leaves no suspicion behind, and the backup can be restored as foreseen.
    let node = &scene.district.node;
    settle(node);
    let none = scene.dry_run(&[]);
    assert_eq!(fates(&none), json!([[6, 0, 0, 0], []]), "{none}");
    node.run(["restore", &scene.file]).ok();
    settle(node);
    assert_equal(node, &scene.city.hub);
    assert_eq!(organisations(node).len(), 14);
}

#[test]
fn an_ack_that_was_lost_is_known_by_asking() {
    let scene = Scene::new();
    let node = &scene.district.node;
    // The hub gets the write; the node is put back to where nobody had told it so.
    let mut kept = BTreeMap::new();
    gather(&node.data.join("store"), &mut kept);
    settle(node);
    std::fs::remove_dir_all(node.data.join("store")).unwrap();
    for (path, bytes) in kept {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let compared = scene.dry_run(&[]);
    assert_eq!(fates(&compared), json!([[6, 0, 0, 0], []]), "{compared}");
}

#[test]
fn without_a_line_it_is_said_what_is_only_remembered() {
    let mut scene = Scene::new();
    scene.district.line.cut();
    scene.city.down();
    let compared = scene.dry_run(&[]);
    assert_eq!(compared["asked"]["reached"], false, "{compared}");
    assert_eq!(compared["asked"]["code"], "LINK-001", "{compared}");
    assert_eq!(fates(&compared), json!([[0, 0, 5, 0], [sample(2).0]]));
    let args = ["restore", &scene.file, "--dry-run", "--lang", "en"];
    let said = scene.district.node.run(args).ok();
    for words in ["LINK-001", "not confirmed now", "小王"] {
        assert!(said.stdout.contains(words), "{words}: {said:?}");
    }
}

#[test]
fn a_hub_that_refuses_is_named_with_its_code() {
    let scene = Scene::new();
    let nodes = scene.city.hub.json(["node", "list"]);
    let id = nodes[0]["id"].as_str().unwrap();
    scene.city.hub.run(["node", "revoke", id]).ok();
    let compared = scene.dry_run(&[]);
    assert_eq!(compared["asked"]["code"], "LINK-002", "{compared}");
    assert_eq!(fates(&compared), json!([[0, 0, 5, 0], [sample(2).0]]));
}

#[test]
fn what_the_hub_has_lost_meanwhile_is_not_counted_on() {
    let mut scene = Scene::new();
    let node = scene.district.node.clone();
    let file = scene.city.text_path("hub.backup");
    scene.city.hub.run(["backup", &file]).ok();
    put(&node, &sample(3).0, "remark=市级会忘记").ok();
    settle(&node);
    scene.city.down();
    scene.city.hub.run(["restore", &file]).ok();
    scene.city.up();
    let compared = scene.dry_run(&[]);
    assert_eq!(compared["peer_has"], 5, "{compared}");
    assert_eq!(compared["peer_forgot"], 2, "{compared}");
    let only = compared["nowhere_else"].as_array().unwrap();
    let only: Vec<_> = only.iter().map(|write| write["record"].clone()).collect();
    for n in [2, 3] {
        assert!(only.contains(&sample(n).0.into()), "{compared}");
    }
}

#[test]
fn a_damaged_or_missing_directory_is_asked_for_all_the_same() {
    let scene = Scene::new();
    let node = &scene.district.node;
    let store = node.data.join("store");
    let len = std::fs::metadata(store.join("db")).unwrap().len();
    std::fs::write(store.join("db"), vec![0x5A; usize::try_from(len).unwrap()]).unwrap();
    let check = |compared: &Value, present: &str| {
        assert_eq!(compared["present"], present, "{compared}");
        assert_eq!(compared["asked"]["reached"], true, "{compared}");
        assert_eq!(compared["asked"]["after_backup"], 5, "{compared}");
        assert_eq!(fates(compared), json!([[0, 0, 0, 0], []]), "{compared}");
    };
    check(&scene.dry_run(&[]), "not at all");
    let args = ["restore", &scene.file, "--dry-run", "--lang", "en"];
    let said = node.run(args).ok();
    assert!(said.stdout.contains("5 writes made here after"), "{said:?}");

    std::fs::remove_dir_all(&store).unwrap();
    std::fs::write(node.data.join("identity.json"), "{").unwrap();
    check(&scene.dry_run(&[]), "none");

    // On another machine, with nothing but the backup and the keys beside it.
    let key = scene.city.text_path("kept.key");
    std::fs::rename(node.data.join("store.key"), &key).unwrap();
    std::fs::remove_dir_all(&node.data).unwrap();
    let pass = scene.city.text_path("pass");
    check(&scene.dry_run(&["--passphrase-file", &pass]), "none");
    assert!(!node.data.exists(), "nothing was written");
    let without = scene.dry_run(&["--key-file", &key]);
    assert_eq!(without["asked"]["code"], "BACKUP-013", "{without}");
}

#[test]
fn a_hub_says_what_each_node_had_and_gives_back() {
    let mut city = City::open();
    let jianxi = city.jianxi().node;
    let laocheng = city.district("410302", "老城区", "laocheng").node;
    load_samples(&jianxi, 1..=5);
    settle(&jianxi);
    settle(&laocheng);
    let file = city.text_path("hub.backup");
    city.hub.run(["backup", &file]).ok();
    load_samples(&jianxi, 6..=8);
    settle(&jianxi);
    put(&city.hub.by("市级"), &sample(1).0, "remark=节点都还没有").ok();
    let look = |hub: &Program| {
        let compared = hub.json(["restore", &file, "--dry-run"]);
        assert_eq!(compared["asked"], Value::Null, "{compared}");
        assert_eq!(fates(&compared), json!([[0, 0, 3, 0], [sample(1).0]]));
        let nodes = compared["nodes"].as_array().unwrap();
        let nodes = nodes.iter();
        let had: BTreeMap<_, _> = nodes
            .map(|node| (node["name"].as_str().unwrap().to_owned(), &node["had"]))
            .collect();
        let had = json!(had);
        assert_eq!(had, json!({"410302 老城区": 0, "410305 涧西区": 3}));
    };
    look(&city.hub);
    city.down();
    look(&city.hub);
    let said = city.hub.run(["restore", &file, "--dry-run"]).ok();
    assert!(said.stdout.contains("下次连上来时"), "{said:?}");
    std::fs::remove_dir_all(city.hub.data.join("store")).unwrap();
    let gone = city.hub.json(["restore", &file, "--dry-run"]);
    assert_eq!(gone["present"], "none", "{gone}");
    assert_eq!(gone["nodes"][0]["had"], Value::Null, "{gone}");
    assert_eq!(gone["nodes"].as_array().unwrap().len(), 2, "{gone}");
    // The program of a node has no use for a directory of a hub.
    let node = Program::node(node_exe(), &city.hub.data);
    let asked = &node.json(["restore", &file, "--dry-run"])["asked"];
    assert_eq!(asked["code"], "DIR-004", "{asked}");
}

#[test]
fn a_restore_says_what_it_gives_up_and_where_that_is_kept() {
    let scene = Scene::new();
    let node = &scene.district.node;
    let said = node.run(["restore", &scene.file, "--lang", "en"]).ok();
    let counts = "6 writes of the present store are not in the backup, 1 of them";
    assert!(said.stderr.contains(counts), "{said:?}");
    let kept = said.stderr.split("kept in ").nth(1).unwrap();
    assert!(Path::new(kept.lines().next().unwrap()).is_dir(), "{said:?}");
    // Nothing is given up the second time.
    let again = node.run(["restore", &scene.file, "--lang", "en"]).ok();
    assert!(again.stderr.contains("0 writes"), "{again:?}");
}

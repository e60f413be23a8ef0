//! Directories and backups that are put back, at a node and at a hub, and a directory that was
//! copied and runs twice.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde_json::Value;
use tests::programs::Program;

use crate::{
    city::{City, assert_equal, load_samples, organisations, put, sample, settle, until},
    dots::Dots,
    number_of,
};

/// Backups that are taken before one of them is restored.
const AGES: u64 = 5;

/// What was reported as saved, by record and field.
#[derive(Debug, Default)]
struct Saved(BTreeMap<(u64, &'static str), String>);

impl Saved {
    /// Writes a field, which is saved when the command says so.
    #[track_caller]
    fn put(&mut self, program: &Program, n: u64, field: &'static str, value: &str) {
        put(program, &sample(n).0, &format!("{field}={value}")).ok();
        self.0.insert((n, field), value.to_owned());
    }

    /// What is not at a program: neither as the value nor as a candidate.
    fn missing(&self, program: &Program) -> Vec<String> {
        let all = organisations(program);
        let held: BTreeMap<&str, &Value> = all
            .iter()
            .map(|record| (record["id"].as_str().unwrap(), record))
            .collect();
        let lost = |((n, field), value): (&(u64, &'static str), &String)| {
            let stands = held.get(sample(*n).0.as_str()).is_some_and(|record| {
                let open = record["conflicts"].as_array().unwrap().iter();
                let mut beside = open.flat_map(|open| open["candidates"].as_array().unwrap());
                record["values"][*field] == **value || beside.any(|one| one["value"] == **value)
            });
            (!stands).then(|| format!("{field} of {n}: {value}"))
        };
        self.0.iter().filter_map(lost).collect()
    }

    #[track_caller]
    fn assert_at(&self, program: &Program) {
        assert_eq!(
            self.missing(program),
            [""; 0],
            "lost at {}",
            program.data.display()
        );
    }
}

/// A directory as an administrator's copy has it.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => copy(&entry.path(), &to),
            kind if kind.is_file() => drop(std::fs::copy(entry.path(), &to).unwrap()),
            // A socket is nothing that a copy could keep.
            _ => {}
        }
    }
}

/// Puts a copy back in the place of a directory.
fn put_back(copied: &Path, program: &Program) {
    std::fs::remove_dir_all(&program.data).unwrap();
    copy(copied, &program.data);
}

/// No dot of theirs was used twice.
#[track_caller]
fn assert_dots(programs: &[&Program]) -> usize {
    let mut dots = Dots::default();
    programs.iter().for_each(|program| dots.add(program));
    assert_eq!(dots.reused, [""; 0]);
    dots.len()
}

#[test]
fn backups_of_many_ages_are_restored_while_the_node_goes_on() {
    let restores = number_of("LIANGXIN_RESTORES", 2);
    let mut dice = number_of("LIANGXIN_SEED", 11);
    let mut city = City::open();
    let node = city.jianxi().node;
    load_samples(&node, 1..=20);
    settle(&node);
    let (mut saved, mut lost) = (Saved::default(), 0);
    let file = |age: u64| city.path(&format!("node-{age}.backup"));
    let backup = |age: u64| {
        // A backup overwrites nothing, and the oldest of them give way to newer ones.
        let former = file(age);
        if former.exists() {
            std::fs::remove_file(former).unwrap();
        }
        node.json(["backup", file(age).to_str().unwrap()]);
    };
    backup(0);
    for round in 1..=restores {
        // Work, some of it while it serves, backups in between.
        for step in 0..AGES {
            let n = 1 + (round * AGES + step) % 20;
            saved.put(&node, n, "remark", &format!("第{round}轮{step}"));
            saved.put(
                &city.hub.by("市级"),
                n,
                "operating_address",
                &format!("{round}号{step}室"),
            );
            if step % 2 == 0 {
                backup(1 + (round * AGES + step) % 17);
                settle(&node);
            }
        }
        settle(&node);
        let aged: Vec<PathBuf> = (0..18).map(file).filter(|file| file.exists()).collect();
        dice = dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let chosen = usize::try_from(dice >> 33).unwrap() % aged.len();
        node.run(["restore", aged[chosen].to_str().unwrap()]).ok();
        // It goes on before it has a line: the next counters are those of writes that are gone.
        for step in 0..3 {
            let n = 1 + (round * 7 + step) % 20;
            saved.put(
                &node,
                n,
                "registered_address",
                &format!("恢复{round}之后{step}"),
            );
        }
        settle(&node);
        assert_equal(&node, &city.hub);
        for program in [&node, &city.hub] {
            lost += saved.missing(program).len();
            saved.assert_at(program);
        }
    }
    city.down();
    let writes = assert_dots(&[&node, &city.hub]);
    println!(
        "{restores} backups restored: {} fields saved, lost {lost}; of {writes} dots reused 0",
        saved.0.len()
    );
}

#[test]
fn a_directory_of_a_node_that_is_put_back_heals_and_uses_no_dot_again() {
    let mut city = City::open();
    let node = city.jianxi().node;
    load_samples(&node, 1..=10);
    let mut saved = Saved::default();
    saved.put(&node, 1, "remark", "复制之前");
    settle(&node);
    let copied = city.path("copied");
    copy(&node.data, &copied);
    let serving = node.serve::<&str>([]);
    for n in 2..=6 {
        saved.put(&node, n, "remark", &format!("复制之后{n}"));
    }
    settle(&node);
    serving.kill();
    let newer = Program::node(crate::city::node_exe(), &city.path("newer"));
    copy(&node.data, &newer.data);
    put_back(&copied, &node);
    assert!(!saved.missing(&node).is_empty(), "it is older");
    for n in 4..=8 {
        saved.put(&node, n, "operating_address", &format!("放回之后{n}"));
    }
    settle(&node);
    assert_equal(&node, &city.hub);
    saved.assert_at(&node);
    saved.assert_at(&city.hub);
    city.down();
    assert_dots(&[&node, &city.hub, &newer]);
}

#[test]
fn a_directory_of_a_hub_that_is_put_back_gets_the_districts_writes_again() {
    let mut city = City::open();
    let node = city.jianxi().node;
    load_samples(&node, 1..=10);
    settle(&node);
    let mut saved = Saved::default();
    city.down();
    let copied = city.path("copied");
    copy(&city.hub.data, &copied);
    city.up();
    for n in 1..=6 {
        saved.put(&node, n, "remark", &format!("复制之后{n}"));
    }
    load_samples(&node, 11..=15);
    settle(&node);
    city.down();
    let newer = Program::hub(crate::city::hub_exe(), &city.path("newer"));
    copy(&city.hub.data, &newer.data);
    put_back(&copied, &city.hub);
    city.up();
    assert_eq!(organisations(&city.hub).len(), 10, "it is older");
    saved.put(&city.hub.by("市级"), 3, "operating_address", "放回之后3");
    settle(&node);
    assert_equal(&node, &city.hub);
    assert_eq!(organisations(&city.hub).len(), 15);
    saved.assert_at(&node);
    saved.assert_at(&city.hub);
    city.down();
    assert_dots(&[&node, &city.hub, &newer]);
}

#[test]
fn a_directory_of_a_hub_that_is_put_back_takes_its_own_writes_again_at_a_persons_word() {
    let mut city = City::open();
    let node = city.jianxi().node;
    load_samples(&node, 1..=10);
    settle(&node);
    let mut saved = Saved::default();
    city.down();
    let copied = city.path("copied");
    copy(&city.hub.data, &copied);
    city.up();
    saved.put(&node, 1, "remark", "区级复制之后");
    for n in 1..=3 {
        let value = format!("市级复制之后{n}");
        saved.put(&city.hub.by("市级"), n, "operating_address", &value);
    }
    settle(&node);
    city.down();
    let newer = Program::hub(crate::city::hub_exe(), &city.path("newer"));
    copy(&city.hub.data, &newer.data);
    put_back(&copied, &city.hub);
    city.up();
    // The node's word alone would open the gate to anybody's writes.
    assert_ne!(node.run(["sync", "--once"]).code, 0);
    saved.assert_at(&node);
    assert_eq!(node.json(["status"])["refused"], 0, "nothing is taken back");
    assert!(!saved.missing(&city.hub).is_empty());
    city.hub.run(["refill", "--confirm"]).ok();
    settle(&node);
    assert_equal(&node, &city.hub);
    saved.assert_at(&city.hub);
    city.down();
    assert_dots(&[&node, &city.hub, &newer]);
}

/// How a node sees its line.
fn state(node: &Program) -> String {
    let state = crate::city::peer(node)["state"].clone();
    state.as_str().unwrap().to_owned()
}

#[test]
fn of_two_serving_copies_one_is_frozen_until_a_person_decides_and_nothing_is_lost() {
    let mut city = City::open();
    let node = city.jianxi().node;
    load_samples(&node, 1..=10);
    settle(&node);
    let clone = Program::node(crate::city::node_exe(), &city.path("clone"));
    copy(&node.data, &clone.data);
    let mut saved = Saved::default();
    let serving = node.serve::<&str>([]);
    saved.put(&node, 1, "remark", "原件一");
    settle(&node);
    let second = clone.serve::<&str>([]);
    saved.put(&clone, 5, "remark", "复制件一");
    until("one of the two is frozen", || {
        // Whoever has no line calls again some time later; this is what an operator does.
        [&node, &clone].iter().any(|copy| {
            copy.run(["sync", "--once"]);
            state(copy).contains("SYNC-140")
        })
    });
    let is_original = state(&node).contains("SYNC-140");
    let (frozen, free) = if is_original {
        (&node, &clone)
    } else {
        (&clone, &node)
    };
    // Both go on, and both say what is saved.
    saved.put(frozen, 2, "remark", "冻结的一方");
    saved.put(free, 6, "remark", "连着的一方");
    settle(free);
    assert!(state(frozen).contains("SYNC-140"), "{}", state(frozen));
    let of_frozen = format!("remark of 2: {}", "冻结的一方");
    assert_eq!(
        saved.missing(&city.hub),
        [of_frozen],
        "nothing of it is taken"
    );
    // A person stops one of them and starts the other anew.
    let (of_frozen, of_free) = if is_original {
        (serving, second)
    } else {
        (second, serving)
    };
    assert_eq!((of_free.terminate().0, of_frozen.terminate().0), (0, 0));
    let serving = frozen.serve::<&str>([]);
    settle(frozen);
    for program in [frozen, &city.hub] {
        saved.assert_at(program);
    }
    assert_equal(frozen, &city.hub);
    assert_eq!(serving.terminate().0, 0);
    city.down();
    assert_dots(&[&node, &clone, &city.hub]);
}

#[test]
fn both_of_two_copies_of_a_node_that_run_by_turns_lose_nothing() {
    let mut city = City::open();
    let node = city.jianxi().node;
    load_samples(&node, 1..=10);
    settle(&node);
    let clone = Program::node(crate::city::node_exe(), &city.path("clone"));
    copy(&node.data, &clone.data);
    let mut saved = Saved::default();
    for round in 0..3 {
        for (program, who) in [(&node, "原件"), (&clone, "复制件")] {
            let own = if who == "原件" { 1 } else { 5 };
            saved.put(program, own + round, "remark", &format!("{who}{round}"));
            // The same register of one record, from both.
            let field = if who == "原件" {
                "remark"
            } else {
                "operating_address"
            };
            saved.put(program, 9, field, &format!("{who}第{round}次"));
        }
        settle(&node);
        settle(&clone);
        settle(&node);
    }
    for program in [&node, &clone, &city.hub] {
        saved.assert_at(program);
    }
    assert_equal(&node, &city.hub);
    city.down();
    assert_dots(&[&node, &clone, &city.hub]);
}

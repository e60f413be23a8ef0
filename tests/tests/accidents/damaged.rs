//! Damaged files under real programs: each opens its store with exactly what was written, or says
//! `STORE-002`; and whatever opens exchanges with the hub, whose data stay as they are.
//!
//! What the engine would have served silently is found by our sums; the figures say how often.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use tests::programs::Program;

use crate::{
    city::{
        City, assert_equal, hub_exe, load_samples, node_exe, organisations, put, sample, settle,
    },
    number_of,
    restored::copy,
};

const PAGE: usize = 4_096;

/// The kinds of damage, as the page on trust measured them on the bare engine.
const KINDS: [&str; 8] = [
    "a bit",
    "a bit near the end",
    "a page of zeros",
    "a page over another",
    "a little cut off",
    "much cut off",
    "a bit of the snapshot",
    "a cut snapshot",
];

/// Numbers that look like chance and are the same for one seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).unwrap()
    }
}

fn file_of(store: &Path, kind: &str) -> PathBuf {
    if !kind.contains("snapshot") {
        return store.join("db");
    }
    let mut entries = std::fs::read_dir(store)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .find(|path| path.to_string_lossy().contains("snap."))
        .unwrap()
}

/// Damages a file of a store. Where nothing was written the file is not damaged, only changed.
fn damage(store: &Path, kind: &str, dice: &mut Dice) {
    let file = file_of(store, kind);
    let mut bytes = std::fs::read(&file).unwrap();
    let len = bytes.len();
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0) + 1;
    match kind {
        "a bit" | "a bit of the snapshot" => bytes[dice.below(used)] ^= 1 << dice.below(8),
        "a bit near the end" => {
            let from = used.saturating_sub(64 << 10);
            bytes[from + dice.below(used - from)] ^= 1 << dice.below(8);
        }
        "a page of zeros" => {
            let at = dice.below(used / PAGE) * PAGE;
            bytes[at..at + PAGE].fill(0);
        }
        "a page over another" => {
            let (from, to) = (
                dice.below(used / PAGE) * PAGE,
                dice.below(used / PAGE) * PAGE,
            );
            bytes.copy_within(from..from + PAGE, to);
        }
        "a little cut off" => bytes.truncate(used - 1 - dice.below(PAGE.min(used - 1))),
        _ => bytes.truncate(dice.below(len)),
    }
    std::fs::write(&file, bytes).unwrap();
}

/// What a whole program says.
fn said(program: &Program) -> Value {
    json!([organisations(program), program.json(["conflict", "list"])])
}

/// A copy of a directory whose store is damaged.
struct Patient {
    program: Program,
    _folder: tempfile::TempDir,
}

impl Patient {
    fn of(program: &Program, exe: fn(&Path, &Path) -> Program, by: &Path) -> Self {
        // In memory where there is such a place: the disk is not what is tried.
        let folder = tempfile::tempdir_in("/dev/shm")
            .or_else(|_| tempfile::tempdir())
            .unwrap();
        let copied = exe(by, &folder.path().join("copy"));
        copy(&program.data, &copied.data);
        Self {
            program: copied,
            _folder: folder,
        }
    }
}

/// What became of the trials, by how it was found.
#[derive(Debug, Default)]
struct Outcomes(BTreeMap<&'static str, u64>);

impl Outcomes {
    fn count(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }
}

/// Who found the damage: the engine, or our own sums where the engine would have gone on.
fn finder(told: &str) -> &'static str {
    if told.contains("the engine") || told.contains("ends too early") {
        "refused by the engine"
    } else {
        "refused by our sums"
    }
}

#[test]
fn nothing_damaged_is_served_or_sent_on() {
    let trials = number_of("LIANGXIN_DAMAGES", 16);
    let seed = number_of("LIANGXIN_SEED", 5);
    let mut city = City::open();
    let node = city.jianxi().node;
    load_samples(&node, 1..=250);
    settle(&node);
    for n in 1..=8 {
        put(&node, &sample(n).0, &format!("remark=改写{n}")).ok();
        put(
            &city.hub.by("市级"),
            &sample(n).0,
            "operating_address=市级核实",
        )
        .ok();
    }
    put(&node, &sample(9).0, "remark=区级说法").ok();
    put(&city.hub.by("市级"), &sample(9).0, "remark=市级说法").ok();
    settle(&node);
    city.down();
    let whole_hub = city.path("whole");
    copy(&city.hub.data, &whole_hub);
    let still_hub = Program::hub(hub_exe(), &whole_hub);
    city.up();
    let (of_node, of_hub) = (said(&node), said(&city.hub));
    let mut outcomes = Outcomes::default();
    for trial in 0..trials {
        let kind = KINDS[usize::try_from(trial).unwrap() % KINDS.len()];
        let mut dice = Dice(seed.wrapping_mul(1 << 32) + trial);
        let at_hub = trial / KINDS.len() as u64 % 4 == 3;
        let patient = if at_hub {
            Patient::of(&still_hub, Program::hub, hub_exe())
        } else {
            Patient::of(&node, Program::node, node_exe())
        };
        let program = &patient.program;
        damage(&program.data.join("store"), kind, &mut dice);
        let ran = program.run(["record", "list", "organisation", "--json"]);
        let what = format!("seed {seed}, trial {trial}, {kind}: {ran:?}");
        if ran.code != 0 {
            assert!(ran.code == 7 && ran.stderr.contains("STORE-002"), "{what}");
            outcomes.count(finder(&ran.stderr));
            continue;
        }
        outcomes.count("served as written");
        let expected = if at_hub { &of_hub } else { &of_node };
        assert!(said(program) == *expected, "SERVED SILENTLY: {what}");
        assert_eq!(program.json(["verify"])["ok"], true, "{what}");
        if !at_hub {
            settle(program);
            assert!(said(&city.hub) == of_hub, "SENT ON SILENTLY: {what}");
        }
    }
    println!(
        "{trials} damaged copies: {:?}; served or sent on silently 0",
        outcomes.0
    );
    let refused = trials
        - outcomes
            .0
            .get("served as written")
            .copied()
            .unwrap_or_default();
    assert!(refused > 0, "nothing was damaged");
    settle(&node);
    assert_equal(&node, &city.hub);
}

/// The checker must be able to find what it looks for: a store that was changed behind the
/// program's back, with all its sums right, says something else.
#[test]
fn a_store_with_other_content_is_told_apart() {
    let mut city = City::open();
    let node = city.jianxi().node;
    load_samples(&node, 1..=3);
    let before = said(&node);
    let patient = Patient::of(&node, Program::node, node_exe());
    assert!(said(&patient.program) == before);
    put(&patient.program, &sample(2).0, "remark=别的内容").ok();
    assert!(said(&patient.program) != before);
}

//! A full disk, at a node and at a hub, while they import, save and exchange, and at their start.
//!
//! The disk is a small one in memory. Settings let the store run into its end, which the
//! default floor would not; one test leaves the floor.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tests::{
    programs::{Program, Ran, Serving},
    small::SmallDisk,
};

use crate::city::{
    City, assert_equal, data, hub_exe, node_exe, organisations, sample, sample_file, settle, until,
};

/// The store is some hundred KiB at first and grows by half a MiB.
const DISK_MIB: u64 = 12;
/// Samples of one load.
const LINES: u64 = 40;
/// A disk that is filled by more loads than this is not full.
const LOADS_MAX: u64 = 200;
/// What a program that has failed may take to end.
const END_MAX: Duration = Duration::from_secs(20);

/// A city of which one program lies on a small disk, and ids that were reported as saved.
struct World {
    city: City,
    node: Program,
    disk: SmallDisk,
    /// Where it is mounted; it must not go before the disk does.
    _place: TempDir,
    saved: BTreeSet<String>,
    next: u64,
}

/// Which program lies on the small disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tight {
    Node,
    Hub,
}

fn disk() -> Option<(SmallDisk, TempDir)> {
    let place = tempfile::tempdir().unwrap();
    let disk = SmallDisk::mount(place.path(), DISK_MIB);
    if disk.is_none() {
        println!("the system gives no small disk: not tried; the store's own tests limit files");
    }
    disk.map(|disk| (disk, place))
}

fn set_floor(program: &Program, mib: u64) {
    std::fs::write(
        program.data.join("config.toml"),
        format!("[store]\nmin_free_mib = {mib}\n"),
    )
    .unwrap();
}

impl World {
    fn new(tight: Tight) -> Option<Self> {
        let (disk, place) = disk()?;
        let on_disk = |name: &str| -> PathBuf { disk.path().join(name) };
        let folder = tempfile::tempdir().unwrap();
        let hub = match tight {
            Tight::Hub => Program::hub(hub_exe(), &on_disk("hub")),
            Tight::Node => Program::hub(hub_exe(), &folder.path().join("hub")),
        };
        // A store is not made where the default floor is not free.
        std::fs::create_dir_all(&hub.data).unwrap();
        set_floor(&hub, 0);
        hub.run([
            "init",
            "--scope",
            "410300",
            "--name",
            "洛阳市",
            "--year",
            "2020",
        ])
        .ok();
        let mut city = City::of(hub, folder);
        city.up();
        let node = match tight {
            Tight::Node => Program::node(node_exe(), &on_disk("node")),
            Tight::Hub => Program::node(node_exe(), &city.path("node")),
        };
        let token = city.invite("410305", "涧西区");
        let (_line, address) = city.line();
        node.run(["join", "--hub", &address, "--token", &token])
            .ok();
        set_floor(&node, 0);
        let mut world = Self {
            city,
            node,
            disk,
            _place: place,
            saved: BTreeSet::new(),
            next: 0,
        };
        world.load().ok();
        settle(&world.node);
        Some(world)
    }

    /// Has the hub write its log where there is room. Returns where.
    fn log_elsewhere(&mut self, hub: &Program) -> PathBuf {
        self.city.down();
        let (log, elsewhere) = (hub.data.with_extension("log"), self.city.path("hub.log"));
        std::fs::remove_file(&log).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &log).unwrap();
        self.city.up();
        elsewhere
    }

    /// Loads new samples into the node. They are saved if the command says so.
    fn load(&mut self) -> Ran {
        let numbers = self.next..self.next + LINES;
        self.next += LINES;
        let file = sample_file(&self.city.path("load.ndjson"), numbers.clone());
        let ran = self.node.run(["record", "load", &file, "--json"]);
        if ran.code == 0 {
            assert_eq!(ran.json()["rejected"], 0, "{ran:?}");
            self.saved.extend(numbers.map(|n| sample(n).0));
        }
        ran
    }

    /// Loads until a command fails, which must say why.
    fn load_until_full(&mut self) -> Ran {
        for _ in 0..LOADS_MAX {
            let ran = self.load();
            if ran.code != 0 {
                return ran;
            }
        }
        panic!("the disk is never full");
    }

    /// Everything that was reported as saved is at a program.
    #[track_caller]
    fn assert_saved(&self, program: &Program) {
        let held: BTreeSet<String> = organisations(program)
            .iter()
            .map(|record| record["id"].as_str().unwrap().to_owned())
            .collect();
        let lost: Vec<_> = self.saved.difference(&held).collect();
        assert!(lost.is_empty(), "lost: {lost:?}");
        assert_eq!(program.json(["verify"])["ok"], true);
    }
}

/// What a command may say while the disk is full. One that finds its answer in the store may do.
#[track_caller]
fn assert_says_full(ran: &Ran) {
    assert!(
        ran.stderr.contains("STORE-003") || ran.stderr.contains("FILE-003"),
        "{ran:?}"
    );
}

fn is_gone(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.is_empty() || stat.contains(") Z ")
}

/// A serving program ends by itself, as one that has failed.
fn assert_ends(serving: Serving) {
    let start = Instant::now();
    while !is_gone(serving.id()) {
        assert!(start.elapsed() < END_MAX, "it goes on with a full disk");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(serving.terminate().0, 1);
}

#[test]
fn a_node_whose_disk_runs_full_says_so_and_loses_nothing() {
    let Some(mut world) = World::new(Tight::Node) else {
        return;
    };
    let node = world.node.clone();
    // By a command that has the store itself.
    world.disk.fill_but(1 << 20);
    assert_says_full(&world.load_until_full());
    for _ in 0..3 {
        let ran = node.run(["record", "list", "organisation", "--json"]);
        if ran.code != 0 {
            assert_says_full(&ran);
        }
    }
    world.disk.clear();
    world.assert_saved(&node);
    // By one that a serving program carries out while it exchanges.
    let serving = node.serve::<&str>([]);
    world.disk.fill_but(1 << 20);
    let ran = world.load_until_full();
    assert!(
        program::texts::has(ran.stderr.split("  ").next().unwrap()),
        "{ran:?}"
    );
    // Its log lies on the full disk too: what it cannot write there does not hold it up.
    assert_ends(serving);
    world.disk.clear();
    let _serving = node.serve::<&str>([]);
    settle(&node);
    world.assert_saved(&node);
    world.assert_saved(&world.city.hub);
    assert_equal(&node, &world.city.hub);
}

#[test]
fn a_hub_whose_disk_runs_full_says_so_and_loses_nothing() {
    let Some(mut world) = World::new(Tight::Hub) else {
        return;
    };
    let (node, hub) = (world.node.clone(), world.city.hub.clone());
    let log = world.log_elsewhere(&hub);
    world.disk.fill_but(1 << 20);
    let at_node = node.serve::<&str>([]);
    let at_hub = world.city.serving();
    for _ in 0..LOADS_MAX {
        if is_gone(at_hub.id()) {
            break;
        }
        // The node takes it all the same.
        world.load().ok();
    }
    assert_ends(at_hub);
    let said = std::fs::read_to_string(log).unwrap();
    assert!(said.contains("STORE-003"), "{said}");
    until("the node says that the hub is gone", || {
        let state = node.json(["status"])["peers"][0]["state"]
            .as_str()
            .unwrap()
            .to_owned();
        state != "connected"
    });
    // More comes while it is away; it does not start into a full disk and make things worse.
    world.load().ok();
    for _ in 0..2 {
        match hub.try_serve(["--listen", "127.0.0.1:0"]) {
            Err(said) => assert!(said.contains("STORE-003"), "{said}"),
            Ok(serving) => drop(serving),
        }
    }
    world.disk.clear();
    world.city.up();
    settle(&node);
    world.assert_saved(&hub);
    assert_equal(&node, &hub);
    assert_eq!(at_node.terminate().0, 0);
}

#[test]
fn an_import_into_a_full_disk_says_so_and_is_whole_when_repeated() {
    let Some(mut world) = World::new(Tight::Node) else {
        return;
    };
    let node = world.node.clone();
    let file = data("census_410305.xlsx");
    world.disk.fill_but(600 << 10);
    world.load_until_full();
    let ran = node.run(["import", "organisation", &file, "--json"]);
    assert_ne!(ran.code, 0, "{ran:?}");
    assert_says_full(&ran);
    world.disk.clear();
    world.assert_saved(&node);
    let before = organisations(&node).len();
    node.json(["import", "organisation", &file]);
    let again = node.json(["import", "organisation", &file]);
    assert_eq!(
        (&again["created"], &again["changed"]),
        (&0.into(), &0.into())
    );
    assert!(organisations(&node).len() > before);
    settle(&node);
    world.assert_saved(&world.city.hub);
    assert_equal(&node, &world.city.hub);
}

#[test]
fn a_start_on_a_disk_that_is_nearly_full_leaves_a_store_that_opens_without_a_hand() {
    let Some(mut world) = World::new(Tight::Node) else {
        return;
    };
    let node = world.node.clone();
    let (mut refused, mut opened) = (0, 0);
    for room in [0, 4, 8, 16, 32, 64, 128, 256, 600].map(|kib| kib << 10) {
        // A kill, so that there is something to recover.
        let serving = node.serve::<&str>([]);
        world.load().ok();
        serving.kill();
        world.disk.fill_but(room);
        for _ in 0..2 {
            let ran = node.run(["status", "--json"]);
            match ran.code {
                0 => opened += 1,
                _ => {
                    assert_says_full(&ran);
                    refused += 1;
                }
            }
        }
        world.disk.clear();
        world.assert_saved(&node);
    }
    println!("starts on a nearly full disk: {refused} refused, {opened} opened; 0 unopenable");
    assert!(refused > 0, "no start found the disk full");
}

#[test]
fn with_the_floor_a_program_stops_before_the_disk_is_full_and_starts_when_there_is_room() {
    let Some(mut world) = World::new(Tight::Node) else {
        return;
    };
    let node = world.node.clone();
    set_floor(&node, 3);
    world.disk.fill_but(5 << 20);
    assert_says_full(&world.load_until_full());
    let ran = node.run(["status", "--json"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_says_full(&ran);
    world.disk.clear();
    world.assert_saved(&node);
    settle(&node);
    world.assert_saved(&world.city.hub);
}

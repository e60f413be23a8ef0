//! Both programs are killed again and again under load, at any moment, also while they start; what
//! was reported as saved is on both sides in the end.
//!
//! `LIANGXIN_KILLS=500` kills each program so often while it works, and a third as often while it
//! starts; `LIANGXIN_SECONDS=1500` ends a long run in time, however many kills it has made; the
//! figures say how many. `LIANGXIN_SEED=7` repeats the moments of a run. The last test gives the
//! checkers what was never saved, and a write of which a part is missing; they must find both.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the harness of a test fails by panicking"
)]

use std::{
    collections::BTreeMap,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{
    programs::{Program, Serving},
    proxy::Line,
    sample::{id_of, values_of},
};

/// Kills of each program where nothing else is said.
const KILLS: u64 = 12;
/// A program works so long at most before it is killed.
const LIFE_MS_MAX: u64 = 700;
/// A program that starts is killed within so long.
const BIRTH_MS_MAX: u64 = 150;
/// What may pass before both sides must be equal.
const PATIENCE: Duration = Duration::from_secs(90);
/// Lines of one file that the loader loads.
const LINES: u64 = 8;
/// Files with new organisations; after them the same are written to again, so that a long run is
/// about kills and not about size.
const FILES: u64 = 60;
/// The second field of every write: a part of a write would leave it behind the first.
const COMPANION: &str = "registered_address";

/// A stream of numbers from a seed: `SplitMix64`.
#[derive(Clone, Debug)]
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn pause(&mut self, bound_ms: u64) {
        thread::sleep(Duration::from_millis(self.below(bound_ms)));
    }
}

/// Ends the load also when something fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn number_of(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// The seed of a run: as asked, or another each time.
fn seed() -> u64 {
    number_of("LIANGXIN_SEED").unwrap_or_else(program::app::random)
}

fn id(n: u64) -> String {
    id_of(domain::scope_id("410305"), n).to_string()
}

/// A city and one district, with a line between them that follows the hub from port to port.
struct World {
    hub: Program,
    node: Program,
    line: Line,
    folder: TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let hub_exe = Path::new(env!("CARGO_BIN_EXE_liangxin-hub"));
        let node_exe = Path::new(env!("CARGO_BIN_EXE_liangxin-node"));
        let hub = Program::hub(hub_exe, &folder.path().join("hub"));
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
        let token = hub
            .run(["node", "invite", "--scope", "410305", "--name", "涧西区"])
            .ok();
        let serving = hub.serve(["--listen", "127.0.0.1:0"]);
        let line = Line::to(serving.listen().parse().unwrap());
        let node = Program::node(node_exe, &folder.path().join("node"));
        let address = format!("https://{}", line.address());
        node.run(["join", "--hub", &address, "--token", token.stdout.trim()])
            .ok();
        assert_eq!(serving.terminate().0, 0);
        Self {
            hub,
            node,
            line,
            folder,
        }
    }

    /// Serves as a supervisor would: a start that fails because a command has the store is tried
    /// again.
    fn serve(program: &Program, args: &[&str]) -> Serving {
        let start = Instant::now();
        loop {
            match program.try_serve(args) {
                Ok(serving) => return serving,
                Err(told) => {
                    let passes = told.contains("STORE-001") && start.elapsed() < PATIENCE;
                    assert!(passes, "it does not start again: {told}");
                    thread::sleep(Duration::from_millis(20));
                }
            }
        }
    }

    fn serve_hub(&self) -> Serving {
        let serving = Self::serve(&self.hub, &["--listen", "127.0.0.1:0"]);
        self.line.aim(serving.listen().parse().unwrap());
        serving
    }

    fn serve_node(&self) -> Serving {
        Self::serve(&self.node, &[])
    }

    /// Starts a program and kills it before it may have finished starting.
    fn kill_at_birth(program: &Program, args: &[&str], rng: &mut Rng) {
        let mut command = program.command(args);
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        rng.pause(BIRTH_MS_MAX);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Lets a program serve and kills it, again and again; it must start each time. Returns it
    /// serving, and how often it was killed at work and while it started.
    fn kill_again_and_again(
        program: &Program,
        args: &[&str],
        kills: u64,
        mut rng: Rng,
        serve: impl Fn() -> Serving,
    ) -> (Serving, [u64; 2]) {
        let bound = Duration::from_secs(number_of("LIANGXIN_SECONDS").unwrap_or(u64::MAX));
        let (start, mut made) = (Instant::now(), [0, 0]);
        let mut serving = serve();
        while made[0] < kills && start.elapsed() < bound {
            rng.pause(LIFE_MS_MAX);
            serving.kill();
            made[0] += 1;
            if made[0] % 3 == 0 {
                Self::kill_at_birth(program, args, &mut rng);
                made[1] += 1;
            }
            serving = serve();
        }
        (serving, made)
    }

    /// Exchanges until both sides are equal.
    fn settle(&self) {
        let start = Instant::now();
        loop {
            let ran = self.node.run(["sync", "--once", "--json"]);
            if ran.code == 0 {
                assert_eq!(ran.json()["equal"], true);
                return;
            }
            assert!(
                start.elapsed() < PATIENCE,
                "both sides do not become equal: {ran:?}"
            );
            thread::sleep(Duration::from_millis(100));
        }
    }
}

/// What was reported as saved: organisation and field, with the last value that was, and after it
/// those of later writes that were not answered and may or may not stand.
type Saved = BTreeMap<(u64, &'static str), Vec<Value>>;

/// Writes to one program without a break, and keeps what was reported as saved.
struct Loader {
    program: Program,
    field: &'static str,
    file: PathBuf,
    saved: Arc<Mutex<Saved>>,
    /// Saves that were reported, and commands that were not answered.
    told: u64,
    lost: u64,
}

impl Loader {
    fn note(&mut self, entries: impl IntoIterator<Item = (u64, Value)>) {
        let mut saved = self.saved.lock().unwrap();
        for (n, value) in entries {
            saved.insert((n, self.field), vec![value]);
            self.told += 1;
        }
    }

    /// Loads a file: new organisations in the first cycle, other values of both fields later. All
    /// lines stand for saves once the command succeeds.
    fn load(&mut self, first: u64, cycle: u64) {
        let name = |n: u64| format!("{} {}", values_of(n)["name"].as_str().unwrap(), self.field);
        let value = |n: u64| match cycle {
            0 => values_of(n)[self.field].clone(),
            _ => format!("第{cycle}轮载入").into(),
        };
        let row = |n: u64| {
            let mut values = values_of(n);
            values.insert("name".to_owned(), name(n).into());
            if cycle > 0 {
                values.insert(self.field.to_owned(), value(n));
                values.insert(COMPANION.to_owned(), value(n));
            }
            format!(
                "{}\n",
                json!({"kind": "organisation", "id": id(n), "values": values})
            )
        };
        let numbers = first..first + LINES;
        std::fs::write(&self.file, numbers.clone().map(row).collect::<String>()).unwrap();
        let path = self.file.to_str().unwrap().to_owned();
        let ran = self.program.run(["record", "load", &path, "--json"]);
        if ran.code == 0 {
            let loaded = ran.json();
            assert_eq!(loaded["rejected"], 0, "{loaded}");
            let entries = numbers.map(|n| (n, value(n)));
            self.note(entries.collect::<Vec<_>>());
        } else {
            self.lost += 1;
            if cycle > 0 {
                // Each line of it may or may not stand.
                let mut saved = self.saved.lock().unwrap();
                for n in numbers {
                    if let Some(values) = saved.get_mut(&(n, self.field)) {
                        values.push(value(n));
                    }
                }
            }
        }
    }

    /// Writes two fields at once. They stand for a save once the command succeeds.
    fn put(&mut self, n: u64, round: u64) {
        let value = format!("第{round}次改写");
        let (set, companion) = (
            format!("{}={value}", self.field),
            format!("{COMPANION}={value}"),
        );
        let organisation = id(n);
        let args = [
            "record",
            "put",
            "organisation",
            &organisation,
            "--set",
            &set,
            &companion,
            "--reason",
            "试",
        ];
        match self.program.run(args).code {
            0 | 5 => self.note([(n, value.into())]),
            _ => {
                let mut saved = self.saved.lock().unwrap();
                saved.entry((n, self.field)).or_default().push(value.into());
                self.lost += 1;
            }
        }
    }

    /// Writes until the stop. While nothing serves it waits: a command would open the store itself,
    /// which is allowed, but leaves nothing to kill.
    fn run(mut self, stop: &AtomicBool, first: u64) -> (u64, u64) {
        let mut round = 0;
        while !stop.load(Ordering::SeqCst) {
            if UnixStream::connect(self.program.data.join("admin.sock")).is_err() {
                thread::sleep(Duration::from_millis(5));
                continue;
            }
            let at = first + round % FILES * LINES;
            self.load(at, round / FILES);
            // Only one that was saved can be written to, whatever became of the others.
            let known = self.saved.lock().unwrap().contains_key(&(at, self.field));
            if known {
                self.put(at, round);
                self.put(at, round + 1);
            }
            round += 1;
        }
        (self.told, self.lost)
    }
}

/// Everything that was reported as saved and is not at a program.
fn missing(program: &Program, saved: &Saved) -> Vec<String> {
    let list = program.json(["record", "list", "organisation"]);
    let all = list["records"].as_array().unwrap().iter();
    let held: BTreeMap<&str, &Value> = all
        .map(|record| (record["id"].as_str().unwrap(), record))
        .collect();
    let lost = |((n, field), values): (&(u64, &'static str), &Vec<Value>)| {
        let id = id(*n);
        let stands = held.get(id.as_str()).is_some_and(|record| {
            let beside = record["conflicts"].as_array().unwrap().iter();
            let mut beside = beside.flat_map(|open| open["candidates"].as_array().unwrap());
            values.contains(&record["values"][*field])
                || beside.any(|one| values.contains(&one["value"]))
        });
        (!stands).then(|| format!("{field} of {n}: {values:?}"))
    };
    saved.iter().filter_map(lost).collect()
}

/// Everything that was reported as saved, may have been replaced by a write that was not answered,
/// and is not remembered where it was saved.
fn forgotten(program: &Program, saved: &Saved) -> Vec<String> {
    let mut forgotten = Vec::new();
    for ((n, field), values) in saved.iter().filter(|(_, values)| values.len() > 1) {
        let history = program.json(["record", "history", "organisation", &id(*n)]);
        let events = history["history"].as_array().unwrap().iter();
        let mut changes = events.flat_map(|event| event["fields"].as_array().unwrap());
        if !changes.any(|change| change["field"] == *field && change["to"] == values[0]) {
            forgotten.push(format!("{field} of {n}: {values:?}"));
        }
    }
    forgotten
}

/// Every record of which a write stands in part: its two fields were always written together.
fn torn(program: &Program, saved: &Saved) -> Vec<String> {
    let list = program.json(["record", "list", "organisation"]);
    let all = list["records"].as_array().unwrap().iter();
    let held: BTreeMap<&str, &Value> = all
        .map(|record| (record["id"].as_str().unwrap(), &record["values"]))
        .collect();
    let is_marked = |value: &Value| value.as_str().is_some_and(|text| text.starts_with('第'));
    let parted = |(n, field): &(u64, &'static str)| {
        let values = held.get(id(*n).as_str())?;
        let (one, other) = (&values[*field], &values[COMPANION]);
        let parted = (is_marked(one) || is_marked(other)) && one != other;
        parted.then(|| format!("{n}: {one} {other}"))
    };
    saved.keys().filter_map(parted).collect()
}

/// What both sides must agree on.
fn content(program: &Program) -> Vec<Value> {
    let list = program.json(["record", "list", "organisation"]);
    let all = list["records"].as_array().unwrap().iter();
    all.map(|record| json!([record["id"], record["values"], record["conflicts"]]))
        .collect()
}

/// A program holds all that was reported as saved, whole, and is sound in itself.
#[track_caller]
fn assert_whole(program: &Program, saved: &Saved) {
    let place = program.data.display();
    assert_eq!(missing(program, saved), [""; 0], "lost at {place}");
    assert_eq!(torn(program, saved), [""; 0], "torn at {place}");
    let verified = program.json(["verify"]);
    assert_eq!(
        json!([verified["ok"], verified["findings"]]),
        json!([true, []]),
        "{verified}"
    );
    let status = program.json(["status"]);
    assert_eq!(
        json!([status["refused"], status["quarantined"]]),
        json!([0, 0]),
        "{status}"
    );
}

#[test]
fn killed_programs_lose_nothing_that_was_reported_as_saved() {
    let (seed, kills) = (seed(), number_of("LIANGXIN_KILLS").unwrap_or(KILLS));
    println!(
        "repeat: LIANGXIN_SEED={seed} LIANGXIN_KILLS={kills} cargo test -p tests --test kills"
    );
    let world = World::new();
    let (saved, stop) = (Arc::new(Mutex::new(Saved::new())), AtomicBool::new(false));
    let loader = |program: &Program, field, file: &str| Loader {
        program: program.clone(),
        field,
        file: world.folder.path().join(file),
        saved: Arc::clone(&saved),
        told: 0,
        lost: 0,
    };
    let clerk = loader(&world.node.by("张工"), "operating_address", "clerk.ndjson");
    let checker = loader(&world.node.by("王工"), "remark", "checker.ndjson");
    let ((hub, hub_kills), (node, node_kills), told) = thread::scope(|scope| {
        let clerk = scope.spawn(|| clerk.run(&stop, 0));
        let checker = scope.spawn(|| checker.run(&stop, 1_000_000));
        let ending = Stop(&stop);
        let hub = scope.spawn(|| {
            let args = ["serve", "--listen", "127.0.0.1:0"];
            World::kill_again_and_again(&world.hub, &args, kills, Rng(seed), || world.serve_hub())
        });
        let (rng, serve) = (Rng(seed ^ u64::MAX), || world.serve_node());
        let node = World::kill_again_and_again(&world.node, &["serve"], kills, rng, serve);
        let hub = hub.join().expect("the hub starts again each time");
        drop(ending);
        (hub, node, [clerk.join().unwrap(), checker.join().unwrap()])
    });
    world.settle();
    let saved = saved.lock().unwrap().clone();
    let (mut lost, mut parted) = (0, 0);
    for program in [&world.node, &world.hub] {
        lost += missing(program, &saved).len();
        parted += torn(program, &saved).len();
    }
    println!(
        "killed (at work, while starting): hub {hub_kills:?}, node {node_kills:?}; acked saves \
         {}, of {} fields; unanswered {}; lost {lost}, torn {parted}, unopenable 0",
        told[0].0 + told[1].0,
        saved.len(),
        told[0].1 + told[1].1,
    );
    assert!(saved.len() > 20, "the load was none");
    [&world.node, &world.hub]
        .into_iter()
        .for_each(|program| assert_whole(program, &saved));
    assert_eq!(content(&world.node), content(&world.hub));
    assert_eq!(forgotten(&world.node, &saved), [""; 0]);
    assert_eq!((node.terminate().0, hub.terminate().0), (0, 0));
    // Once more, opened anew.
    for program in [&world.node, &world.hub] {
        assert_eq!(program.json(["verify"])["ok"], true);
        assert_eq!(missing(program, &saved), [""; 0]);
    }
}

#[test]
fn the_checker_finds_what_was_never_saved() {
    let world = World::new();
    let saved = Arc::new(Mutex::new(Saved::new()));
    let mut loader = Loader {
        program: world.node.clone(),
        field: "remark",
        file: world.folder.path().join("clerk.ndjson"),
        saved: Arc::clone(&saved),
        told: 0,
        lost: 0,
    };
    loader.load(0, 0);
    loader.put(3, 1);
    let mut saved = saved.lock().unwrap().clone();
    assert_eq!((loader.told, loader.lost), (LINES + 1, 0));
    assert_eq!(missing(&world.node, &saved), [""; 0]);
    assert_eq!(torn(&world.node, &saved), [""; 0]);
    // One field of the two, as if the rest of its write were gone.
    let alone = format!("{COMPANION}=第2次改写");
    let args = ["record", "put", "organisation", &id(3), "--set", &alone];
    world.node.run(args.iter().chain(&["--reason", "试"])).ok();
    assert_eq!(torn(&world.node, &saved).len(), 1);
    // An organisation that is not there, and a value that was never written to one that is.
    saved.insert((77, "remark"), vec!["从未保存".into()]);
    saved.insert((5, "remark"), vec!["从未改写".into()]);
    saved.insert((3, "remark"), vec!["从未写过".into(), "第1次改写".into()]);
    assert_eq!(missing(&world.node, &saved).len(), 2);
    assert_eq!(forgotten(&world.node, &saved).len(), 1);
    assert_eq!(
        missing(&world.hub, &saved).len(),
        saved.len(),
        "the hub has nothing yet"
    );
}

//! The simulator: a hub and three nodes over memory stores, under every fault that the page
//! names, many seeds, no runtime and no clock of the machine.
//!
//! A failing seed prints its options, the end of its log, the first invariant that is broken, and
//! the command that repeats it. The first seeds are run twice and must give the same log, byte
//! for byte. Seeds that ever failed stand in `tests/seeds.txt` and are run always.
//!
//! | variable | |
//! | --- | --- |
//! | `LIANGXIN_SEEDS=a..b` | other seeds, on all cores |
//! | `LIANGXIN_SEED=n` | one seed, with its whole log, by the test `one_seed` |
//! | `LIANGXIN_CONTROL=SealsForgotten` | both without a protection, named as in `sim/controls.rs` |
//! | `LIANGXIN_FAULTS=cut,crash` | leaves only these faults in |
//! | `LIANGXIN_ONLY=cut,crash` | exactly these faults, whatever the seed draws |
//! | `LIANGXIN_SHAPE=200,200,20,1` | acts, longest pause and longest way in ms, records of a scope |
//! | `LIANGXIN_THREADS=1` | fewer cores |
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test harness: what is not as expected must stop the run"
)]

mod sim {
    mod accidents;
    pub(crate) mod city;
    pub(crate) mod clock;
    pub(crate) mod conflicts;
    pub(crate) mod controls;
    mod directed;
    mod disk;
    pub(crate) mod erasing;
    pub(crate) mod faults;
    pub(crate) mod late;
    pub(crate) mod log;
    pub(crate) mod medium;
    mod moving;
    pub(crate) mod net;
    pub(crate) mod options;
    pub(crate) mod oracle;
    pub(crate) mod people;
    mod proof;
    pub(crate) mod rollback;
    pub(crate) mod run;
    pub(crate) mod tamper;
    pub(crate) mod transfers;
    mod weak;
    pub(crate) mod world;
}

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use sim::{
    controls::Control,
    log::{Log, Tally},
    options::{Fault, Mode, Options},
    run::{Outcome, run, run_with},
};

/// Histories of one test run; some seconds on two cores.
const SEEDS: std::ops::Range<u64> = 0..2_000;
/// So many of them are run twice.
const TWICE: u64 = 100;
/// Seeds in which each null control must show itself at least once.
const CONTROL_SEEDS: std::ops::Range<u64> = 0..2_000;
/// Lines of a failing log that are printed.
const TAIL_LINES: usize = 80;

/// What must have happened somewhere in [`SEEDS`], or a fault is allowed and never comes.
const MUST_HAPPEN: [&str; 36] = [
    "a line cut",
    "a frame lost",
    "a frame twice",
    "a frame out of order",
    "an old batch",
    "a partition",
    "a side that hears nothing",
    "a crash",
    "a lost answer",
    "a full disk",
    "cannot write",
    "a slow disk",
    "a rotten value",
    "a node restored",
    "a hub restored",
    "a node wiped",
    "a node away",
    "a clock turned",
    "an import",
    "a deletion",
    "a decision",
    "a conflict decided on both sides",
    "a decision taken back",
    "an edit was not written",
    "a forged batch",
    "a damaged batch",
    "an exchange",
    "an erasure",
    "an erased part",
    "a core settled alone",
    "TEST-001",
    "SYNC-120",
    "SYNC-121",
    "SYNC-122",
    "DIAGNOSIS_YOU_WERE_RESTORED",
    "DIAGNOSIS_I_WAS_RESTORED",
];

fn number(text: &str) -> u64 {
    text.parse().expect("a number")
}

fn seeds() -> std::ops::Range<u64> {
    let range = std::env::var("LIANGXIN_SEEDS").ok().map(|text| {
        let (from, to) = text.split_once("..").expect("LIANGXIN_SEEDS is a..b");
        number(from)..number(to)
    });
    range.unwrap_or(SEEDS)
}

/// The protection that is to be off.
fn control() -> Control {
    let Ok(named) = std::env::var("LIANGXIN_CONTROL") else {
        return Control::None;
    };
    let mut all = Control::ALL.into_iter();
    let control = all.find(|control| format!("{control:?}") == named);
    control.expect("the name of a control")
}

fn threads() -> usize {
    let asked = std::env::var("LIANGXIN_THREADS").ok();
    let all = || std::thread::available_parallelism().map_or(1, usize::from);
    asked.map_or_else(all, |text| text.parse().expect("a number"))
}

/// Runs a failing seed once more, to be read.
fn show(seed: u64, control: Control, lines: usize) {
    let outcome = run(seed, control, Log::kept());
    println!("seed {seed}");
    println!("{:#?}", outcome.options);
    let skip = outcome.log.len().saturating_sub(lines);
    let tail = outcome.log.iter().skip(skip);
    tail.for_each(|line| println!("{line}"));
    let first = outcome.broken.first().map_or("nothing", String::as_str);
    println!("first broken: {first}");
    let faults = std::env::var("LIANGXIN_FAULTS").map(|mask| format!("LIANGXIN_FAULTS={mask} "));
    println!(
        "repeat: {}LIANGXIN_SEED={seed} cargo test -p store --test simulation -- one_seed --nocapture",
        faults.unwrap_or_default()
    );
}

/// What many runs came to.
#[derive(Default)]
struct Sum {
    /// Failing seeds, with what was broken first.
    failing: Vec<(u64, String)>,
    tally: Tally,
    /// The run that came nearest to the bound of I12.
    slowest: (u64, u64),
}

impl Sum {
    fn add(&mut self, seed: u64, outcome: &Outcome) {
        self.tally.add(&outcome.tally);
        self.slowest = self.slowest.max((outcome.settled_percent, seed));
        let first = outcome.broken.first();
        self.failing
            .extend(first.map(|first| (seed, first.clone())));
    }
}

/// Runs seeds on all cores. Prints the first that fails.
fn run_all(seeds: impl IntoIterator<Item = u64>, control: Control) -> Sum {
    let seeds: Vec<u64> = seeds.into_iter().collect();
    let next = AtomicU64::new(0);
    let sum = Mutex::new(Sum::default());
    let work = || {
        while let Some(seed) = usize::try_from(next.fetch_add(1, Ordering::Relaxed))
            .ok()
            .and_then(|at| seeds.get(at).copied())
        {
            let outcome = run(seed, control, Log::default());
            sum.lock().unwrap().add(seed, &outcome);
        }
    };
    std::thread::scope(|scope| {
        (1..threads()).for_each(|_| {
            scope.spawn(work);
        });
        work();
    });
    let mut sum = sum.into_inner().unwrap();
    sum.failing.sort();
    if let (Control::None, Some((seed, _))) = (control, sum.failing.first()) {
        show(*seed, control, TAIL_LINES);
    }
    sum
}

#[test]
fn every_seed_settles_and_keeps_the_invariants() {
    let started = Instant::now();
    let seeds = seeds();
    let sum = run_all(seeds.clone(), control());
    let seconds = started.elapsed().as_secs_f64();
    let many = seeds.end.saturating_sub(seeds.start);
    let (threads, rate) = (threads(), many as f64 / seconds);
    println!("{:?}", sum.tally.0);
    let (percent, slowest) = sum.slowest;
    println!("longest healing: {percent} % of its bound, seed {slowest}");
    println!("{many} seeds in {seconds:.1} s, {rate:.0} seeds/s on {threads} threads");
    for (seed, first) in &sum.failing {
        println!("failing: {seed} {first}");
    }
    assert!(
        sum.failing.is_empty(),
        "{} of {many} seeds fail",
        sum.failing.len()
    );
    let counted = |what| sum.tally.0.get(what).copied().unwrap_or(0);
    let (sure, cautious) = (
        counted("a true certificate"),
        counted("a cautious certificate"),
    );
    assert!(
        cautious * 10 < sure || control() != Control::None,
        "{cautious} cautious certificates, {sure} true"
    );
    if seeds == SEEDS {
        let never = |what: &&&str| !sum.tally.0.contains_key(**what);
        let never: Vec<_> = MUST_HAPPEN.iter().filter(never).collect();
        assert!(never.is_empty(), "never happened: {never:?}");
    }
}

#[test]
fn a_seed_is_one_history_byte_for_byte() {
    for seed in seeds().take(usize::try_from(TWICE).unwrap()) {
        let first = run(seed, Control::None, Log::kept()).log;
        let second = run(seed, Control::None, Log::kept()).log;
        assert!(first.len() > 20 && first == second, "seed {seed}");
    }
}

/// Clocks are shown to people and decide nothing: the history of a seed is the same, whatever the
/// wall clocks show meanwhile.
#[test]
fn clocks_that_jump_by_ten_years_change_nothing() {
    for seed in seeds().take(60) {
        let log = |clocks: bool| {
            let mut options = Options::of(seed, Control::None);
            options.faults.drop(Fault::Clocks);
            if clocks {
                options.faults.add(Fault::Clocks);
            }
            let mut outcome = run_with(seed, options, Log::kept());
            outcome.log.remove(0);
            let turned = outcome.tally.0.contains_key("a clock turned");
            assert_eq!(turned, clocks, "seed {seed}");
            outcome.log
        };
        assert!(log(true) == log(false), "seed {seed}");
    }
}

#[test]
fn seeds_that_once_failed_hold() {
    let lines = include_str!("../../../tests/seeds.txt").lines();
    let mut listed = 0;
    for line in lines.filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let seed = number(words.next().unwrap());
        let options = match words.next().and_then(|word| word.split_once('@')) {
            Some((only, shape)) => Options::asked(seed, only, shape),
            None => Options::of(seed, Control::None),
        };
        let outcome = run_with(seed, options, Log::default());
        assert!(outcome.broken.is_empty(), "{line}: {:?}", outcome.broken);
        listed += 1;
    }
    assert!(listed > 5, "the list was read");
}

#[test]
fn both_modes_are_drawn() {
    let modes = SEEDS.map(|seed| Options::of(seed, Control::None).mode);
    let live = modes.filter(|mode| matches!(mode, Mode::Liveness { .. }));
    let live = live.count();
    assert!((200..1_000).contains(&live), "{live}");
}

#[test]
fn one_seed() {
    let Ok(seed) = std::env::var("LIANGXIN_SEED") else {
        return;
    };
    let control = control();
    show(number(&seed), control, usize::MAX);
    let outcome = run(number(&seed), control, Log::default());
    assert!(outcome.broken.is_empty(), "{:?}", outcome.broken);
}

/// Whether a history breaks an invariant that a protection is there for.
fn breaks(control: Control, broken: &str) -> bool {
    let rule = broken.split(' ').next().unwrap_or_default();
    control.breaks().contains(&rule)
}

/// A protection that nobody would miss is not needed, or the oracle is blind: with each of them off
/// some seed must fail, and by an invariant that the protection is there for.
#[test]
fn every_protection_is_missed_when_it_is_off() {
    let next = AtomicU64::new(0);
    let blind = Mutex::new(Vec::new());
    let work = || {
        while let Some(control) = usize::try_from(next.fetch_add(1, Ordering::Relaxed))
            .ok()
            .and_then(|at| Control::ALL.get(at).copied())
        {
            match missed(control) {
                Ok(seed) => holds_when_it_is_on(control, seed),
                Err(what) => blind.lock().unwrap().push(what),
            }
        }
    };
    std::thread::scope(|scope| {
        (1..threads()).for_each(|_| {
            scope.spawn(work);
        });
        work();
    });
    let blind = blind.into_inner().unwrap();
    assert!(blind.is_empty(), "not missed: {blind:?}");
}

/// The first seed that fails by what the protection is there for; or what happens instead.
fn missed(control: Control) -> Result<u64, String> {
    let started = Instant::now();
    let mut first = None;
    for seed in CONTROL_SEEDS {
        let outcome = run(seed, control, Log::default());
        let Some(broken) = outcome.broken.first() else {
            continue;
        };
        first.get_or_insert_with(|| format!("seed {seed}: {broken}"));
        if breaks(control, broken) {
            let took = started.elapsed().as_millis();
            let broken: String = broken.chars().take(100).collect();
            println!("{control:?}: seed {seed}: {broken} ({took} ms)");
            return Ok(seed);
        }
    }
    Err(format!("{control:?}, but {first:?}"))
}

/// It is the protection that is missed, and not something else that the control has done: with it
/// on, the same faults in the same seeds do not break what it is there for.
fn holds_when_it_is_on(control: Control, upto: u64) {
    for seed in 0..=upto {
        let outcome = run_with(seed, Options::guarded(seed, control), Log::default());
        let mut broken = outcome.broken.iter();
        let worst = broken.find(|broken| breaks(control, broken));
        assert_eq!(worst, None, "{control:?} is on in seed {seed}");
    }
}

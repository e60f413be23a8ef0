//! One run: some time of acts and faults, then peace, then everything must be settled and whole.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
};

use proto::sync::Diagnosis;
use replica::{ScopeId, session::FeedPoint};

use super::{
    controls::Control,
    log::{Log, Tally},
    net::Side,
    options::{Fault, Mode, Options},
    world::{Event, HUB, NAMES, NODES, World},
};

/// Simulated time within which everything must be settled once the faults have stopped, on a line
/// without delay and without a backlog.
const SETTLE_MS: u64 = 30_000;
/// Ways of a frame, one after the other, that healing may take: greeting, an exchange for each
/// scope, acks, comparisons, and once more for what the exchange has changed.
const SETTLE_WAYS: u64 = 60;
/// A run with more events than this goes round in circles.
const EVENTS_MAX: u64 = 400_000;

pub(crate) struct Outcome {
    pub(crate) log: Vec<String>,
    pub(crate) options: Options,
    /// The invariants that do not hold, in the order in which that was found.
    pub(crate) broken: Vec<String>,
    pub(crate) tally: Tally,
    /// How long the healed replicas took to settle, of how long they may, in a hundred.
    pub(crate) settled_percent: u64,
}

/// Lives the history of a seed.
pub(crate) fn run(seed: u64, control: Control, log: Log) -> Outcome {
    let options = Options::of(seed, control);
    run_with(seed, options, log)
}

/// Lives the history of a seed with other options than its own.
pub(crate) fn run_with(seed: u64, options: Options, log: Log) -> Outcome {
    let (of_run, of_world) = (log.clone(), options.clone());
    let result = catch_unwind(AssertUnwindSafe(|| {
        let mut world = World::new(seed, of_world, of_run);
        world.live();
        (world.ghost.broken, world.tally, world.settled_percent)
    }));
    let (broken, tally, settled_percent) = result.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let broken = vec![format!("panic: {}", text.unwrap_or_default())];
        (broken, Tally::default(), 0)
    });
    Outcome {
        log: log.lines(),
        options,
        broken,
        tally,
        settled_percent,
    }
}

impl World {
    fn live(&mut self) {
        let mut events = 0;
        while self.acts_left > 0 && events < EVENTS_MAX && self.step() {
            events += 1;
        }
        self.stop_faults();
        self.attended = true;
        let must = self.writes_held();
        if !self.retire_the_copy() {
            return;
        }
        if !self.absent.is_empty() {
            self.tally.count("a core settled alone");
            if !self.settle() {
                return;
            }
            self.come_back();
        }
        if !self.settle() {
            return;
        }
        if !self.refill() {
            return;
        }
        if self.second_sync() {
            self.check_end(&must);
        }
    }

    /// I11: a second sync moves nothing, also after everybody was started anew. One that begins
    /// with a restore that came to light only now, because others told of it, is a first one; the
    /// next must be quiet.
    fn second_sync(&mut self) -> bool {
        let anew = self.rng.chance(50);
        for _ in 0..3 {
            let (ends, moved, told) = (self.ends(), self.moved, self.told_of_restores());
            self.cut_all();
            if anew {
                (0..self.replicas.len()).for_each(|at| self.crash(at));
                (0..self.replicas.len()).for_each(|at| self.start(at));
            }
            if !self.settle() {
                return false;
            }
            if self.ends() == ends && self.moved == moved {
                return true;
            }
            if self.told_of_restores() == told {
                let moved = self.moved - moved;
                self.broken(format!("I11 a second sync moved {moved} records"));
                return true;
            }
        }
        self.broken("I11 a restore comes to light again and again".to_owned());
        true
    }

    fn told_of_restores(&self) -> u64 {
        let told = [Diagnosis::YouWereRestored, Diagnosis::IWasRestored];
        let times = told.map(|told| self.tally.0.get(told.as_str_name()).copied());
        times.into_iter().flatten().sum()
    }

    pub(crate) fn refills(&self) -> bool {
        let host = self.replicas[HUB].host.as_ref();
        host.is_some_and(|host| !host.status().refilling.is_empty())
    }

    /// A hub that was restored goes on until each of its nodes was found equal since it knows.
    fn refill(&mut self) -> bool {
        for _ in 0..3 {
            if !self.refills() {
                return true;
            }
            self.cut_all();
            if !self.settle() {
                return false;
            }
        }
        // A node that was enrolled anew never comes again under its former name.
        let gone = self.options.has(Fault::Wipe);
        if !gone {
            self.broken("I12 the hub does not end its refill".to_owned());
        }
        gone
    }

    pub(crate) fn ends(&self) -> Vec<Option<BTreeMap<ScopeId, FeedPoint>>> {
        let host = |r: &super::world::Replica| r.host.as_ref().map(|host| host.ends().clone());
        self.replicas.iter().map(host).collect()
    }

    pub(crate) fn cut_all(&mut self) {
        for conn in 0..self.conns.len() {
            let open = |side| self.conns[conn].end(side).open;
            if open(Side::Node) || open(Side::Hub) {
                self.cut(conn, None);
            }
        }
    }

    /// Faults stop, every replica runs, and what its writer was doing is done. In the mode of
    /// liveness one node stays away for now.
    fn stop_faults(&mut self) {
        self.faults_on = false;
        self.say(format_args!("the faults stop"));
        for at in 0..self.replicas.len() {
            self.repair(at);
            let replica = &mut self.replicas[at];
            replica.medium.be_honest();
            replica.medium.sync_now();
            (
                replica.slow_until,
                replica.full_until,
                replica.blocked_until,
            ) = (0, 0, 0);
            if self.options.has(Fault::Full) {
                // A disk that was filling up has room again, after a restart.
                self.crash(at);
            }
            self.start(at);
        }
        if let Mode::Liveness { away } = self.options.mode {
            self.absent.insert(away);
        }
        self.cut_all();
        self.events
            .retain(|_, event| !matches!(event, Event::Dial(_) | Event::Eof(..)));
        while self.replicas.iter().any(|replica| replica.busy) && self.step() {}
        for node in NODES {
            let pause = self.rng.between(1, 300);
            self.after(pause, Event::Dial(node));
        }
    }

    pub(crate) fn come_back(&mut self) {
        for node in std::mem::take(&mut self.absent) {
            self.say(format_args!("{} comes back", NAMES[node]));
            self.after(1, Event::Dial(node));
        }
    }

    /// Whether every replica that is there has nothing left to do.
    pub(crate) fn is_at_rest(&self) -> bool {
        let settled = |node: &usize| {
            let line = self.line_of(*node);
            line.is_some_and(|conn| self.conns[conn].is_settled())
        };
        let at_rest = |r: &super::world::Replica| !r.busy && r.queue.is_empty();
        let under_way = |event: &Event| matches!(event, Event::Frame(..));
        self.present().all(|node| settled(&node))
            && self.replicas.iter().all(at_rest)
            && !self.events.values().any(under_way)
    }

    fn present(&self) -> impl Iterator<Item = usize> + '_ {
        let here = |node: &usize| self.replicas[*node].exists && !self.absent.contains(node);
        (1..self.replicas.len()).filter(here)
    }

    /// What waits to travel takes its time.
    fn backlog_ms(&self) -> u64 {
        let records = |at: usize| self.reader(at).map_or(0, |reader| reader.count() as u64);
        let way = self.options.delay_ms_max + self.options.sync_ms_max;
        let batches = (0..self.replicas.len()).map(records).sum::<u64>() / 200;
        SETTLE_WAYS * way + batches * way
    }

    /// I12: everybody who is there syncs until nothing is left to do, in bounded time.
    pub(crate) fn settle(&mut self) -> bool {
        let (from, within) = (self.now, SETTLE_MS + self.backlog_ms());
        let mut events = 0;
        while !self.is_at_rest() {
            events += 1;
            if !self.step() || self.now > from + within || events > EVENTS_MAX {
                let line = |node| match self.line_of(node) {
                    Some(conn) if self.conns[conn].is_settled() => "settled".to_owned(),
                    Some(conn) => format!("line {conn} not settled"),
                    None => "no line".to_owned(),
                };
                let lines: Vec<String> = self.present().map(line).collect();
                let hub = NAMES[HUB];
                self.broken(format!(
                    "I12 not settled with {hub}: {lines:?}, {events} events"
                ));
                return false;
            }
        }
        let took = self.now - from;
        self.settled_percent = self.settled_percent.max(took * 100 / within);
        self.say(format_args!("settled in {took} of {within} ms"));
        true
    }
}

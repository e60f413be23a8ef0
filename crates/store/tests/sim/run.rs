//! One run: some time of acts and faults, then peace, then everything must be settled and whole.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
};

use super::{
    options::Control,
    world::{Event, HUB, NAMES, NODES, World},
};

/// Simulated time within which everything must be settled once the faults have stopped.
const SETTLE_MS: u64 = 120_000;
/// A run with more events than this goes round in circles.
const EVENTS_MAX: u64 = 200_000;

pub(crate) struct Outcome {
    pub(crate) log: Vec<String>,
    /// The invariants that do not hold, in the order in which that was found.
    pub(crate) broken: Vec<String>,
}

pub(crate) fn run(seed: u64, control: Control) -> Outcome {
    let log = Arc::new(Mutex::new(Vec::new()));
    let of_run = Arc::clone(&log);
    let result = catch_unwind(AssertUnwindSafe(|| {
        let mut world = World::new(seed, control, of_run);
        world.live();
        world.ghost.broken
    }));
    let broken = result.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        vec![format!("panic: {}", text.unwrap_or_default())]
    });
    let log = std::mem::take(&mut *log.lock().unwrap());
    Outcome { log, broken }
}

impl World {
    fn live(&mut self) {
        let mut events = 0;
        while self.acts_left > 0 && events < EVENTS_MAX && self.step() {
            events += 1;
        }
        self.stop_faults();
        let must = self.writes_held();
        if !self.settle() {
            return;
        }
        // I11: a second sync moves nothing, also after everybody was started anew.
        let (ends, moved) = (self.ends(), self.moved);
        self.cut_all();
        if self.rng.chance(50) {
            (0..self.replicas.len()).for_each(|at| self.crash(at));
            (0..self.replicas.len()).for_each(|at| self.start(at));
        }
        if !self.settle() {
            return;
        }
        if self.ends() != ends || self.moved != moved {
            let moved = self.moved - moved;
            self.broken(format!("I11 a second sync moved {moved} records"));
        }
        self.check_end(&must);
    }

    fn ends(
        &self,
    ) -> Vec<Option<std::collections::BTreeMap<replica::ScopeId, replica::session::FeedPoint>>>
    {
        let host = |r: &super::world::Replica| r.host.as_ref().map(|host| host.ends().clone());
        self.replicas.iter().map(host).collect()
    }

    pub(crate) fn cut_all(&mut self) {
        for conn in 0..self.conns.len() {
            if self.conns[conn].end(super::net::Side::Node).open
                || self.conns[conn].end(super::net::Side::Hub).open
            {
                self.cut(conn, None);
            }
        }
    }

    /// Faults stop, every replica runs, and what its writer was doing is done.
    fn stop_faults(&mut self) {
        self.faults_on = false;
        self.say("the faults stop".to_owned());
        for at in 0..self.replicas.len() {
            self.replicas[at].medium.be_honest();
            self.replicas[at].medium.sync_now();
            if self.replicas[at].host.is_some() {
                // A disk that was filling up has room again, after a restart.
                self.crash_if_filling(at);
            }
            self.start(at);
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

    fn crash_if_filling(&mut self, at: usize) {
        if self.options.full {
            self.crash(at);
        }
    }

    fn is_settled(&self) -> bool {
        let settled = |node: &usize| {
            let line = self.line_of(*node);
            line.is_some_and(|conn| self.conns[conn].is_settled())
        };
        let at_rest = |r: &super::world::Replica| !r.busy && r.queue.is_empty();
        let under_way = |event: &Event| matches!(event, Event::Frame(..));
        NODES.iter().all(settled)
            && self.replicas.iter().all(at_rest)
            && !self.events.values().any(under_way)
    }

    /// I12: everybody syncs until nothing is left to do, in bounded time.
    pub(crate) fn settle(&mut self) -> bool {
        let until = self.now + SETTLE_MS;
        let mut events = 0;
        while !self.is_settled() {
            events += 1;
            if !self.step() || self.now > until || events > EVENTS_MAX {
                let lines: Vec<String> = NODES
                    .iter()
                    .map(|node| match self.line_of(*node) {
                        Some(conn) if self.conns[conn].is_settled() => "settled".to_owned(),
                        Some(conn) => format!("line {conn} not settled"),
                        None => "no line".to_owned(),
                    })
                    .collect();
                let hub = NAMES[HUB];
                self.broken(format!(
                    "I12 not settled with {hub}: {lines:?}, {events} events"
                ));
                // What is wrong besides is worth knowing.
                return false;
            }
        }
        self.say("settled".to_owned());
        true
    }
}

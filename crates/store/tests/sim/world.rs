//! The world: a hub, two nodes of one scope, a node of another, their disks, and time.
//!
//! Everything happens in events on one clock, in an order that only the seed decides. Each
//! replica is a real `Host` over a memory store with one writer that takes what waits, syncs for
//! a while, and then answers; a crash may come between any two of these.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;

use replica::{
    Dot, Record, RecordKey, RegisterId, ReplicaId, ScopeId,
    session::{FeedPoint, Input, Op, Role},
};
use store::{Command, Host, HostConfig, Reader, Reply, StoreError};

use super::{
    city,
    clock::{Rng, SimClock, mix},
    controls::Control,
    log::{Log, Tally},
    medium::{Image, Medium},
    net::{Conn, Side},
    options::{Fault, Options},
    oracle::Ghost,
    people::Form,
    rollback::Lived,
};

pub(crate) const HUB: usize = 0;
pub(crate) const NODES: [usize; 3] = [1, 2, 3];
/// The last is a copy of the first node, which a fault may bring to life.
pub(crate) const NAMES: [&str; 5] = ["hub", "n1", "n2", "n3", "n1c"];
pub(crate) const S1: ScopeId = ScopeId([1; 16]);
pub(crate) const S2: ScopeId = ScopeId([2; 16]);
/// A scope of the city itself, without a node.
pub(crate) const S3: ScopeId = ScopeId([3; 16]);
pub(crate) const PUBLISHED: ScopeId = ScopeId([9; 16]);
/// The least time of a sync of a slow disk.
const SLOW_SYNC_MS: u64 = 100;

/// Something that happens at a time.
#[derive(Debug)]
pub(crate) enum Event {
    Frame(usize, Side, Box<proto::sync::Frame>),
    /// The line has ended, and this side notices.
    Eof(usize, Side),
    Tick(usize, Side),
    /// The writer of this start takes what waits.
    Work(usize, u64),
    /// Its sync is over.
    Flush(usize, u64),
    Dial(usize),
    Start(usize),
    /// A lying disk syncs.
    Sync(usize),
    /// Somebody puts a backup back because a store is damaged.
    Repair(usize),
    /// Something happens to the wall clock of a machine.
    Clock,
    /// An administrator looks what the hub says of itself.
    Look,
    Act,
}

pub(crate) struct Replica {
    pub(crate) id: ReplicaId,
    pub(crate) scope: ScopeId,
    pub(crate) medium: Arc<Medium>,
    pub(crate) clock: SimClock,
    /// Somebody has switched it on at least once, and not off for ever.
    pub(crate) exists: bool,
    /// Switched off for now.
    pub(crate) down: bool,
    /// Where the chance of its hosts comes from.
    pub(crate) random: Arc<AtomicU64>,
    pub(crate) lived: Lived,
    /// Until then its disk takes long to sync.
    pub(crate) slow_until: u64,
    /// Until then its disk has no room.
    pub(crate) full_until: u64,
    /// Until then it has no line to the hub.
    pub(crate) blocked_until: u64,
    pub(crate) host: Option<Host>,
    /// Counts starts; an event of an earlier start means nothing.
    pub(crate) life: u64,
    pub(crate) queue: VecDeque<(u64, Command)>,
    pub(crate) busy: bool,
    pub(crate) images: Vec<Image>,
    /// Returned to an earlier image at least once.
    pub(crate) rewound: bool,
    /// What it has said is durable here, since this was last proved.
    pub(crate) promises: Vec<(RecordKey, Dot)>,
    /// What it has told its people is saved, unless it was returned to an earlier image since.
    pub(crate) saved: Vec<(RecordKey, Dot)>,
}

/// Whom an answer of a host is for.
pub(crate) enum Target {
    Session(usize, Side, Delivered),
    Writer,
    /// The city, of an organisation that it transfers.
    Transfer(RecordKey),
    /// The city, of a node that it fences.
    Fence(usize),
    /// Who took a decision back: these values must now stand in the register.
    Undo(RecordKey, RegisterId, Vec<Bytes>),
    Nobody,
}

/// What an operation of a session brings.
#[derive(Default)]
pub(crate) struct Delivered {
    /// The writes that are durable when it is answered.
    promised: Vec<(RecordKey, Dot)>,
    /// It comes from a life that another copy went on without.
    from_behind: bool,
    /// The records, where a null control will want them.
    records: Vec<Record>,
}

pub(crate) struct World {
    pub(crate) rng: Rng,
    /// Clocks have a chance of their own: whatever they show, the rest must be the same.
    pub(crate) clock_rng: Rng,
    pub(crate) options: Options,
    pub(crate) clock: SimClock,
    pub(crate) now: u64,
    pub(crate) events: BTreeMap<(u64, u64), Event>,
    next_event: u64,
    pub(crate) replicas: Vec<Replica>,
    pub(crate) conns: Vec<Conn>,
    /// The newest session of each node that the hub has welcomed.
    pub(crate) newest: BTreeMap<ReplicaId, u64>,
    pub(crate) tickets: BTreeMap<u64, Target>,
    next_number: u64,
    pub(crate) faults_on: bool,
    /// People do at once what they are told to do.
    pub(crate) attended: bool,
    /// Nodes that stay away when the faults have frozen.
    pub(crate) absent: BTreeSet<usize>,
    pub(crate) forms: Vec<Form>,
    pub(crate) old: Vec<(usize, ReplicaId, replica::session::Delivery)>,
    pub(crate) ghost: Ghost,
    pub(crate) acts_left: u64,
    /// Records that travelled in batches.
    pub(crate) moved: u64,
    pub(crate) log: Log,
    pub(crate) tally: Tally,
    /// See [`super::run::Outcome`].
    pub(crate) settled_percent: u64,
}

impl World {
    pub(crate) fn new(seed: u64, options: Options, log: Log) -> Self {
        let mut rng = Rng::new(seed);
        let control = options.control;
        let clock = SimClock::new();
        let random = Arc::new(AtomicU64::new(rng.next()));
        let lazy = |at: usize| control.is_lazy(at);
        let replica = |at: usize, scope| Replica {
            id: ReplicaId([u8::try_from(at).unwrap_or(0) + 0xa0; 16]),
            scope,
            medium: Medium::new(Image::new(), lazy(at)),
            clock: clock.of_another(86_400_000 * i64::try_from(at).unwrap_or(0)),
            exists: at < NAMES.len() - 1,
            down: false,
            random: Arc::clone(&random),
            lived: Lived::default(),
            slow_until: 0,
            full_until: 0,
            blocked_until: 0,
            host: None,
            life: 0,
            queue: VecDeque::new(),
            busy: false,
            images: vec![Image::new()],
            rewound: false,
            promises: Vec::new(),
            saved: Vec::new(),
        };
        let replicas = vec![
            replica(HUB, PUBLISHED),
            replica(1, S1),
            replica(2, S1),
            replica(3, S2),
            replica(4, S1),
        ];
        let mut world = Self {
            rng,
            clock_rng: Rng::about(seed, "wall clocks"),
            acts_left: options.acts,
            options,
            clock: clock.clone(),
            now: 0,
            events: BTreeMap::new(),
            next_event: 0,
            replicas,
            conns: Vec::new(),
            newest: BTreeMap::new(),
            tickets: BTreeMap::new(),
            next_number: 0,
            faults_on: true,
            attended: false,
            absent: BTreeSet::new(),
            forms: Vec::new(),
            old: Vec::new(),
            ghost: Ghost::default(),
            moved: 0,
            log,
            tally: Tally::default(),
            settled_percent: 0,
        };
        world.say(format_args!("{:?}", world.options));
        (0..world.replicas.len()).for_each(|at| world.start(at));
        world.after(1, Event::Act);
        if world.options.has(Fault::Clocks) {
            world.after(1, Event::Clock);
        }
        world.send_away();
        world
    }

    pub(crate) fn say(&self, text: fmt::Arguments<'_>) {
        self.log.say(self.now, text);
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    pub(crate) fn at(&mut self, time: u64, event: Event) {
        self.next_event += 1;
        self.events.insert((time, self.next_event), event);
    }

    pub(crate) fn after(&mut self, pause: u64, event: Event) {
        self.at(self.now + pause, event);
    }

    pub(super) fn config(&self, at: usize) -> HostConfig {
        let state = Arc::clone(&self.replicas[at].random);
        let fixed = (self.options.control == Control::DotsUsedAgain).then_some(at as u64 + 1);
        HostConfig {
            role: if at == HUB { Role::Hub } else { Role::Node },
            replica: self.replicas[at].id,
            scope: self.replicas[at].scope,
            published: PUBLISHED,
            schema: if self.options.has(Fault::Skew) && at == 1 {
                2
            } else {
                1
            },
            rules: city::rules(),
            believes_peers: !self.options.marked,
            seal: (at == HUB).then(|| self.seal_key()),
            clock: Arc::new(self.replicas[at].clock.clone()),
            random: Arc::new(move || {
                fixed.unwrap_or_else(|| mix(state.fetch_add(0x9e37, Ordering::Relaxed)))
            }),
        }
    }

    fn seal_key(&self) -> replica::SealKey {
        let forgets = self.options.control == Control::SealsForgotten;
        let life = u8::try_from(self.replicas[HUB].life % 200).unwrap_or(0);
        replica::SealKey::new([if forgets { life } else { 42 }; 32])
    }

    pub(crate) fn reader(&self, at: usize) -> Option<Reader> {
        self.replicas[at].host.as_ref().map(Host::reader)
    }

    /// Opens a replica over what its disk holds.
    pub(crate) fn start(&mut self, at: usize) {
        let replica = &self.replicas[at];
        if replica.host.is_some() || !replica.exists || replica.down {
            return;
        }
        self.note_start(at);
        let config = self.config(at);
        let medium = Arc::clone(&self.replicas[at].medium);
        if self.now < self.replicas[at].full_until {
            medium.memory.fill(self.rng.between(0, 3));
        } else {
            // A disk that filled up while the machine was down has room again.
            medium.memory.crash();
        }
        let host = match Host::open(Arc::clone(&medium) as Arc<dyn store::Store>, config) {
            Ok(host) => host,
            Err(StoreError::Full) if self.now < self.replicas[at].full_until => {
                medium.memory.crash();
                self.say(format_args!("{} finds no room to start", NAMES[at]));
                let pause = self.rng.between(1, 1_500);
                return self.after(pause, Event::Start(at));
            }
            Err(StoreError::Damaged { .. }) if medium.is_rotten() => {
                self.say(format_args!("{} finds its store damaged", NAMES[at]));
                return self.repair(at);
            }
            Err(error) => panic!("what was durable does not open: {error}"),
        };
        self.replicas[at].host = Some(host);
        self.replicas[at].life += 1;
        self.say(format_args!("{} starts", NAMES[at]));
        self.check_start(at);
        if at != HUB {
            let pause = self.rng.between(1, 300);
            self.after(pause, Event::Dial(at));
        }
    }

    /// Ends a replica at once: what its writer had not synced is gone.
    pub(crate) fn crash(&mut self, at: usize) {
        if self.replicas[at].host.take().is_none() {
            return;
        }
        self.say(format_args!("{} CRASHES", NAMES[at]));
        self.replicas[at].medium.memory.crash();
        self.replicas[at].queue.clear();
        self.replicas[at].busy = false;
        self.hang_up(at);
        let pause = self.rng.between(1, 1_500);
        self.after(pause, Event::Start(at));
    }

    /// Hands a command to the writer of a replica.
    pub(crate) fn submit(&mut self, at: usize, target: Target, command: Command) {
        if self.replicas[at].host.is_none() {
            return;
        }
        let ticket = self.number();
        self.tickets.insert(ticket, target);
        self.replicas[at].queue.push_back((ticket, command));
        if !self.replicas[at].busy {
            self.replicas[at].busy = true;
            let pause = self.rng.between(0, 2);
            self.after(pause, Event::Work(at, self.replicas[at].life));
        }
    }

    fn work(&mut self, at: usize, life: u64) {
        if self.replicas[at].life != life || self.replicas[at].host.is_none() {
            return;
        }
        let group = 1 + self.rng.below(12);
        let group = group.min(self.replicas[at].queue.len());
        let commands: Vec<_> = self.replicas[at].queue.drain(..group).collect();
        for (ticket, command) in commands {
            self.note_taken(at, ticket, &command);
            if let Some(host) = &mut self.replicas[at].host {
                host.take(ticket, command);
            }
        }
        let slow = self.now < self.replicas[at].slow_until;
        let least = if slow { SLOW_SYNC_MS } else { 0 };
        let pause = least + self.rng.between(0, self.options.sync_ms_max);
        self.after(pause, Event::Flush(at, life));
    }

    fn flush(&mut self, at: usize, life: u64) {
        if self.replicas[at].life != life {
            return;
        }
        self.note_flushed(at);
        let disk = (self.options.control.rewrites(at)).then(|| self.image(at));
        let Some(host) = &mut self.replicas[at].host else {
            return;
        };
        let before = host.ends().clone();
        let answers = match host.flush() {
            Ok(answers) => answers,
            Err(error) => {
                self.say(format_args!("{} cannot write: {error}", NAMES[at]));
                self.tally.count("cannot write");
                return self.crash(at);
            }
        };
        let ends = host.ends().clone();
        if disk.is_some_and(|disk| self.weaken_disk(at, &disk)) {
            return;
        }
        if self.faults_on && self.options.has(Fault::Crash) && self.rng.below(250) == 0 {
            self.say(format_args!("{} has synced and answers nobody", NAMES[at]));
            self.tally.count("a lost answer");
            return self.crash(at);
        }
        for answer in answers {
            let target = self.tickets.remove(&answer.ticket);
            self.dispatch(at, target.unwrap_or(Target::Nobody), answer.reply);
        }
        for (scope, end) in ends {
            if before.get(&scope) != Some(&end) {
                self.advanced(at, scope, end);
            }
        }
        if self.replicas[at].life == life {
            let more = !self.replicas[at].queue.is_empty();
            self.replicas[at].busy = more;
            if more {
                self.after(1, Event::Work(at, life));
            }
        }
    }

    fn dispatch(&mut self, at: usize, target: Target, reply: Reply) {
        match (target, reply) {
            (Target::Session(conn, side, brought), Reply::Input(input)) => {
                if let Input::Applied(ack) = &*input {
                    if brought.from_behind {
                        let life = self.conns[conn].life;
                        self.broken(format!("P6 {life:x} was left behind and goes on"));
                    }
                    if self.take_rejected(at, ack, &brought.records) {
                        return;
                    }
                    let kept = brought.promised.into_iter().filter(|(key, _)| {
                        let of_key = |r: &proto::sync::Result| r.id == key.id.0;
                        !ack.results.iter().any(of_key)
                    });
                    self.replicas[at].promises.extend(kept);
                }
                let mut input = *input;
                if let (Side::Hub, Input::Welcomed(Ok(_))) = (side, &input) {
                    let login = self.conns[conn].end(side).login;
                    self.newest.insert(login.peer, login.session);
                }
                self.weaken_input(at, &mut input);
                self.input(conn, side, input);
            }
            (Target::Undo(key, register, values), Reply::Written(Ok(_))) => {
                self.check_undone(at, key, register, &values);
            }
            (target @ (Target::Writer | Target::Transfer(_)), Reply::Written(Ok(written))) => {
                let promised = written.into_iter().map(|w| (w.key, w.dot));
                let promised: Vec<_> = promised.collect();
                self.replicas[at].promises.extend_from_slice(&promised);
                self.replicas[at].saved.extend(promised);
                if let Target::Transfer(root) = target {
                    self.note_transfer(root);
                }
            }
            (Target::Fence(node), Reply::Done(_)) => self.note_fence(node),
            (_, Reply::Written(Err(error))) => {
                self.say(format_args!("{} answers: {error}", NAMES[at]));
                self.tally.count("an edit was not written");
            }
            _ => {}
        }
    }

    fn advanced(&mut self, at: usize, scope: ScopeId, end: FeedPoint) {
        for conn in 0..self.conns.len() {
            for side in [Side::Node, Side::Hub] {
                if self.conns[conn].end(side).replica == at {
                    self.input(conn, side, Input::Advanced(scope, end));
                }
            }
        }
    }

    /// Hands an operation of a session to its host.
    pub(crate) fn operation(&mut self, conn: usize, side: Side, op: Op) {
        let end = self.conns[conn].end(side);
        let (at, mut login) = (end.replica, end.login);
        let mut brought = Delivered::default();
        if let Op::Apply(delivery) = &op {
            brought.from_behind = side == Side::Hub && self.comes_from_behind(conn);
            if self.options.control.forces().is_some() {
                let records = delivery.records.iter();
                brought.records = records.map(|arrived| arrived.record.clone()).collect();
            }
            self.weaken_delivery(at, &mut login, delivery);
            for arrived in &delivery.records {
                let dots = arrived.record.siblings.iter().map(replica::Sibling::dot);
                brought
                    .promised
                    .extend(dots.map(|dot| (arrived.record.key, dot)));
            }
            if self.old.len() < 30 && self.faults_on && self.options.has(Fault::Replay) {
                self.old.push((at, login.peer, (**delivery).clone()));
            }
        }
        let target = Target::Session(conn, side, brought);
        self.submit(at, target, Command::Session(login, op));
    }

    /// Lets the next event happen. Returns whether there was one.
    pub(crate) fn step(&mut self) -> bool {
        let Some(((time, _), event)) = self.events.pop_first() else {
            return false;
        };
        self.now = time;
        self.clock.set(time);
        match event {
            Event::Frame(conn, side, frame) => self.arrive(conn, side, *frame),
            Event::Eof(conn, side) => self.close_end(conn, side),
            Event::Tick(conn, side) => self.tick(conn, side),
            Event::Work(at, life) => self.work(at, life),
            Event::Flush(at, life) => self.flush(at, life),
            Event::Dial(node) => self.dial(node),
            Event::Start(at) => self.start(at),
            Event::Sync(at) => self.replicas[at].medium.sync_now(),
            Event::Repair(at) => self.repair(at),
            Event::Clock => self.turn_a_clock(),
            Event::Look => self.confirm_refill(),
            Event::Act => self.act(),
        }
        true
    }
}

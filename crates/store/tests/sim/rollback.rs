//! Machines whose memory is put back while they run, and copies of machines.
//!
//! A host is made anew from the disk of its start, and is given once more what it was given since,
//! at the same times and with the same chance, up to some point: that is what it was at that point,
//! in memory and on disk. The hub is never resumed so: its page forbids it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use replica::{Edit, session::Op};
use store::{Act, Command, Host, Login, Store};

use super::{
    clock::{ClockState, mix},
    medium::{Image, Medium},
    options::Fault,
    world::{Event, NAMES, NODES, World},
};

/// A command as it was given.
#[derive(Clone, Debug)]
enum Given {
    Edit(Vec<Edit>),
    Session(Login, Op),
    Close(u64),
    Act(Act),
}

impl Given {
    fn of(command: &Command) -> Self {
        match command {
            Command::Edit(edits, _) => Self::Edit(edits.clone()),
            Command::Session(login, op) => Self::Session(*login, op.clone()),
            Command::Close(session) => Self::Close(*session),
            Command::Act(act) => Self::Act(act.clone()),
        }
    }

    fn command(self) -> Command {
        match self {
            Self::Edit(edits) => Command::Edit(edits, Vec::new()),
            Self::Session(login, op) => Command::Session(login, op),
            Self::Close(session) => Command::Close(session),
            Self::Act(act) => Command::Act(act),
        }
    }
}

#[derive(Clone, Debug)]
enum Moment {
    /// When, with which chance, under which ticket, what.
    Taken(ClockState, u64, u64, Given),
    Flushed,
}

/// What a host was given since its start.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lived {
    image: Image,
    since: Vec<Moment>,
}

impl World {
    fn keeps_lives(&self) -> bool {
        self.options.has(Fault::Rollback) || self.options.has(Fault::Clone)
    }

    /// A host is about to start.
    pub(super) fn note_start(&mut self, at: usize) {
        if self.keeps_lives() {
            self.replicas[at].lived = Lived {
                image: self.replicas[at].medium.memory.image(),
                since: Vec::new(),
            };
        }
    }

    /// A host is about to take a command.
    pub(super) fn note_taken(&mut self, at: usize, ticket: u64, command: &Command) {
        if self.keeps_lives() {
            let random = self.replicas[at].random.load(Ordering::Relaxed);
            let clock = self.replicas[at].clock.state();
            let moment = Moment::Taken(clock, random, ticket, Given::of(command));
            self.replicas[at].lived.since.push(moment);
        }
    }

    /// A host is about to flush.
    pub(super) fn note_flushed(&mut self, at: usize) {
        if self.keeps_lives() {
            self.replicas[at].lived.since.push(Moment::Flushed);
        }
    }

    /// The host of one replica as another's was at a point of its life, over a disk of its own.
    fn relive(&mut self, of: usize, upto: usize, to: usize) {
        let mut lived = self.replicas[of].lived.clone();
        lived.since.truncate(upto);
        let medium = Medium::new(lived.image.clone(), false);
        let random = Arc::new(AtomicU64::new(0));
        self.replicas[to].random = Arc::clone(&random);
        let now = self.replicas[to].clock.state();
        let store = Arc::clone(&medium) as Arc<dyn Store>;
        let mut host = Host::open(store, self.config(to)).expect("it opened before");
        for moment in &lived.since {
            match moment.clone() {
                Moment::Taken(clock, chance, ticket, given) => {
                    self.replicas[to].clock.put(clock);
                    random.store(chance, Ordering::Relaxed);
                    host.take(ticket, given.command());
                }
                Moment::Flushed => {
                    host.flush().expect("it flushed before");
                }
            }
        }
        self.replicas[to].clock.put(now);
        random.store(mix(self.rng.next()), Ordering::Relaxed);
        let replica = &mut self.replicas[to];
        (replica.host, replica.medium, replica.lived) = (Some(host), medium, lived);
    }

    /// The memory and the disk of a running node are put back to some point of its present life,
    /// and it goes on from there as if nothing had happened.
    pub(super) fn roll_back_a_memory(&mut self) {
        let at = self.rng.one(&NODES);
        if self.replicas[at].host.is_none() || self.replicas[at].medium.is_rotten() {
            return;
        }
        let upto = self.rng.below(self.replicas[at].lived.since.len() + 1);
        self.hang_up(at);
        self.relive(at, upto, at);
        self.say(format_args!("{} is ROLLED BACK in memory", NAMES[at]));
        self.tally.count("a memory rolled back");
        self.go_on(at);
    }

    /// A machine that was running before goes on running, with no line and nothing to do.
    fn go_on(&mut self, at: usize) {
        let replica = &mut self.replicas[at];
        replica.life += 1;
        replica.queue.clear();
        replica.promises.clear();
        replica.saved.clear();
        (replica.rewound, replica.busy) = (true, true);
        let life = replica.life;
        self.after(1, Event::Flush(at, life));
        let pause = self.rng.between(1, 300);
        self.after(pause, Event::Dial(at));
    }

    /// A copy of the first node begins to run beside it: of its disk, or of the running machine.
    pub(super) fn clone_a_node(&mut self) {
        let (node, copy) = (NODES[0], self.replicas.len() - 1);
        let rotten = self.replicas[node].medium.is_rotten();
        if self.replicas[copy].exists || rotten || self.replicas[node].host.is_none() {
            return;
        }
        self.replicas[copy].exists = true;
        self.replicas[copy].id = self.replicas[node].id;
        for at in [node, copy] {
            self.replicas[at].rewound = true;
        }
        self.tally.count("a node cloned");
        if self.rng.chance(50) {
            self.say(format_args!("the running n1 is CLONED"));
            let upto = self.replicas[node].lived.since.len();
            self.relive(node, upto, copy);
            self.go_on(copy);
        } else {
            self.say(format_args!("the disk of n1 is CLONED"));
            let image = self.replicas[node].medium.memory.image();
            self.replicas[copy].medium = Medium::new(image, false);
            self.start(copy);
        }
    }

    /// A person has found two copies of a node: the second one is started anew while the first
    /// stands still, gives what it has, and is switched off for ever.
    pub(super) fn retire_the_copy(&mut self) -> bool {
        let (node, copy) = (NODES[0], self.replicas.len() - 1);
        if !self.replicas[copy].exists {
            return true;
        }
        self.crash(node);
        self.crash(copy);
        self.replicas[node].down = true;
        let stays_away = !self.absent.insert(node);
        self.start(copy);
        self.say(format_args!("the copy alone"));
        let settled = self.settle();
        self.crash(copy);
        self.replicas[copy].exists = false;
        self.replicas[node].down = false;
        if !stays_away {
            self.absent.remove(&node);
        }
        self.start(node);
        settled
    }
}

//! What happens to machines, lines, disks and clocks.

use replica::{ReplicaId, session::Op};
use store::{Command, Memory, Survey};

use super::{
    clock::JUMP_MS,
    controls::Control,
    medium::{Image, Medium},
    net::{End, Side},
    options::Fault,
    world::{Event, HUB, NAMES, NODES, Target, World},
};

impl World {
    /// One of the faults of this seed.
    pub(super) fn fault(&mut self) {
        let at = self.rng.below(1 + NODES.len());
        if self.options.bait.is_lazy(HUB) || self.options.bait.is_lazy(NODES[0]) {
            let pause = self.rng.between(1, 400);
            self.after(pause, Event::Sync(at));
        }
        // What happens to frames, forms and clocks is not an act.
        let mut acts = self.options.faults.list();
        acts.retain(|fault| {
            !matches!(
                fault,
                Fault::Frames
                    | Fault::StaleForms
                    | Fault::Clocks
                    | Fault::Skew
                    | Fault::Import
                    | Fault::Away
                    | Fault::Refused
                    | Fault::Forge
                    | Fault::Damage
            )
        });
        if acts.is_empty() {
            return;
        }
        match self.rng.one(&acts) {
            Fault::Cut => self.cut_a_line(),
            Fault::Crash => {
                self.tally.count("a crash");
                self.crash(at);
            }
            Fault::Full => self.fill_a_disk(at),
            Fault::Partition => self.partition(),
            Fault::SlowDisk => {
                self.tally.count("a slow disk");
                self.replicas[at].slow_until = self.now + self.rng.between(1_000, 20_000);
            }
            Fault::SlowReader => self.stall(20_000),
            Fault::Rot => self.rot(at),
            Fault::RestoreNode if at != HUB => {
                self.restore(at);
            }
            Fault::RestoreHub => {
                self.restore(HUB);
            }
            Fault::Wipe => self.wipe(),
            Fault::Rollback => self.roll_back_a_memory(),
            Fault::Clone => self.clone_a_node(),
            Fault::Transfer => self.transfer(),
            Fault::Fence => self.fence(),
            Fault::Erase => self.erase(),
            Fault::Replay => self.replay(),
            _ => {}
        }
    }

    fn cut_a_line(&mut self) {
        let node = self.rng.one(&NODES);
        let first = self.rng.one(&[None, Some(Side::Node), Some(Side::Hub)]);
        if let Some(conn) = self.line_of(node) {
            self.cut(conn, first);
        }
    }

    /// Some nodes are cut off one after the other and come back in another order, or a line hangs
    /// in one direction.
    fn partition(&mut self) {
        if self.rng.chance(30) {
            return self.stall(8_000);
        }
        for node in NODES {
            if self.rng.chance(50) {
                continue;
            }
            self.replicas[node].blocked_until = self.now + self.rng.between(200, 15_000);
            if let Some(conn) = self.line_of(node) {
                self.cut(conn, None);
            }
        }
        self.say(format_args!("a PARTITION"));
        self.tally.count("a partition");
    }

    /// One side of a line gets nothing for a while; the line does not end.
    fn stall(&mut self, longest_ms: u64) {
        let node = self.rng.one(&NODES);
        let side = self.rng.one(&[Side::Node, Side::Hub]);
        let Some(conn) = self.line_of(node) else {
            return;
        };
        let until = self.now + self.rng.between(100, longest_ms);
        self.conns[conn].end_mut(side).stalled_until = until;
        self.say(format_args!(
            "line {conn}: {side:?} hears nothing until {until}"
        ));
        self.tally.count("a side that hears nothing");
    }

    fn fill_a_disk(&mut self, at: usize) {
        let left = self.rng.between(0, 5);
        self.replicas[at].full_until = self.now + self.rng.between(0, 4_000);
        self.say(format_args!("the disk of {} fills up in {left}", NAMES[at]));
        self.tally.count("a full disk");
        self.replicas[at].medium.memory.fill(left);
    }

    /// One stored value becomes unreadable. Sooner or later somebody puts a backup back.
    fn rot(&mut self, at: usize) {
        if at == HUB && !self.options.has(Fault::RestoreHub) {
            return;
        }
        let image = self.replicas[at].medium.memory.image();
        if image.is_empty() || self.replicas[at].medium.is_rotten() {
            return;
        }
        let which = self.rng.below(image.len());
        let Some(key) = image.into_keys().nth(which) else {
            return;
        };
        self.say(format_args!("{} has a rotten value {key:?}", NAMES[at]));
        self.tally.count("a rotten value");
        self.replicas[at].medium.rot(key);
        let pause = self.rng.between(200, 5_000);
        self.after(pause, Event::Repair(at));
    }

    pub(crate) fn repair(&mut self, at: usize) {
        if self.replicas[at].medium.is_rotten() && !self.restore(at) {
            // There is no backup: the disk is read again and again until it gives the value.
            self.replicas[at].medium.mend();
            self.after(1, Event::Start(at));
        }
    }

    /// Somebody puts a backup back, if there is one that is of use.
    fn restore(&mut self, at: usize) -> bool {
        let mut usable: Vec<usize> = (0..self.replicas[at].images.len()).collect();
        if at == HUB && self.options.marked {
            // A backup from before a node came says nothing of what that node may give back.
            usable.retain(|which| self.knows_all_nodes(&self.replicas[HUB].images[*which]));
        }
        if usable.is_empty() {
            return false;
        }
        let which = self.rng.one(&usable);
        self.crash(at);
        self.say(format_args!("{} is RESTORED to image {which}", NAMES[at]));
        self.tally.count(if at == HUB {
            "a hub restored"
        } else {
            "a node restored"
        });
        let image = self.replicas[at].images[which].clone();
        self.put_image(at, image);
        true
    }

    fn knows_all_nodes(&self, image: &Image) -> bool {
        let known = |node: &usize| {
            let name = [&[b'N'][..], &self.replicas[*node].id.0].concat();
            image.contains_key(&name)
        };
        NODES.iter().all(known)
    }

    /// A machine, which is down, gets what lay on its disk some time ago.
    pub(crate) fn put_image(&mut self, at: usize, image: Image) {
        let replaced = self.given_up(at);
        let medium = Medium::new(image, false);
        if at == HUB && self.options.marked {
            store::mark_restored(&*medium).expect("memory takes it");
        }
        let replaced = replaced.filter(|_| self.options.control != Control::RestoresForget);
        if let Some(replaced) = replaced {
            store::remember(&*medium, &replaced).expect("memory takes it");
        }
        self.replicas[at].medium = medium;
        self.replicas[at].rewound = true;
        self.replicas[at].promises.clear();
        self.replicas[at].saved.clear();
        // A disk that was damaged at its start has no start under way.
        self.after(1, Event::Start(at));
    }

    /// What lies on the disk of a machine before an older state replaces it: what it wrote itself is
    /// noted. None where the disk is put back behind the program.
    fn given_up(&mut self, at: usize) -> Option<Survey> {
        let machine = &self.replicas[at];
        if at == HUB && !self.options.marked {
            return None;
        }
        let mut image = machine.medium.memory.image();
        let rotten = machine.medium.rotten();
        if let Some(key) = &rotten {
            image.remove(key);
        }
        let replaced = Memory::from_image(image);
        let replaced = Survey::of_store(&replaced).expect("it can be read");
        let writes = replaced.writes(machine.id).into_values();
        let own = writes.filter(|fact| fact.is_own);
        let own = own.map(|fact| (fact.key, fact.dot));
        self.ghost.given_up[at].extend(own);
        if rotten.is_some_and(|key| b"JPO".contains(&key[0])) {
            // How far it came was written there.
            self.ghost.given_up[at].clear();
        }
        Some(replaced)
    }

    /// A node's disk is gone; the machine is enrolled anew, which gives it another name.
    fn wipe(&mut self) {
        let node = self.rng.one(&NODES);
        self.replace(node);
    }

    pub(crate) fn replace(&mut self, node: usize) {
        self.crash(node);
        let mut id = [0xb0; 16];
        id[8..].copy_from_slice(&self.number().to_be_bytes());
        self.replicas[node].id = ReplicaId(id);
        // Nothing of the disk is left that could be looked at.
        self.replicas[node].medium = Medium::new(Image::new(), false);
        self.ghost.given_up[node].clear();
        self.say(format_args!("{} is WIPED and joins anew", NAMES[node]));
        self.tally.count("a node wiped");
        self.put_image(node, Image::new());
        self.replicas[node].images = vec![Image::new()];
    }

    /// One node is away for most of the run.
    pub(super) fn send_away(&mut self) {
        if !self.options.has(Fault::Away) {
            return;
        }
        let node = self.rng.one(&NODES);
        let whole = self.options.acts * self.options.pause_ms_max / 2;
        self.replicas[node].blocked_until = self.rng.between(whole / 3, whole);
        self.tally.count("a node away");
    }

    /// A wall clock jumps, or stands still. Nothing else may change by that.
    pub(super) fn turn_a_clock(&mut self) {
        let at = self.clock_rng.below(1 + NODES.len());
        let clock = &self.replicas[at].clock;
        match self.clock_rng.below(4) {
            0 => clock.jump(JUMP_MS),
            1 => clock.jump(-JUMP_MS),
            2 => clock.jump(0),
            _ => clock.stop(),
        }
        self.tally.count("a clock turned");
        if self.faults_on {
            let pause = self.clock_rng.between(1, 2_000);
            self.after(pause, Event::Clock);
        }
    }

    /// An old batch is applied once more, outside of any feed.
    fn replay(&mut self) {
        // A copy would bring what the other one sent.
        if self.old.is_empty() || self.is_forked() {
            return;
        }
        let which = self.rng.below(self.old.len());
        let (at, peer, mut delivery) = self.old[which].clone();
        if self.replicas[at].rewound {
            // A replica that has forgotten lacks what the batch builds on: the positions that came
            // before it. A hub would take the writes of one node, brought by another, for a forgery.
            return;
        }
        delivery.upto = None;
        let side = if at == HUB { Side::Hub } else { Side::Node };
        let of_peer = |end: &&End| end.open && end.replica == at && end.login.peer == peer;
        let ends = self.conns.iter().map(|conn| conn.end(side));
        let Some(login) = ends.filter(of_peer).map(|end| end.login).next_back() else {
            return;
        };
        self.say(format_args!("{} gets an old batch again", NAMES[at]));
        self.tally.count("an old batch");
        let op = Op::Apply(Box::new(delivery));
        self.submit(at, Target::Nobody, Command::Session(login, op));
    }
}

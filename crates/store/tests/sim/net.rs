//! Lines between nodes and the hub.
//!
//! A line is what TLS over TCP gives: frames arrive in order or not at all, and those of a dead
//! session never. A cut may be noticed by one side long before the other. On request frames are
//! also lost, doubled and reordered, which no real line does; a session must then end, or be
//! ended, and a later one must heal.

use bytes::Bytes;
use proto::sync::{Frame, frame::Frame as Body};
use replica::{
    Mono, Record, Session,
    session::{Input, Role},
};
use store::{Command, Login};

use super::{
    controls::{Control, Lie},
    options::Fault,
    world::{Event, HUB, NAMES, Target, World},
};

/// Two lanes, each with its window.
const BATCHES_COMING_MAX: usize = 2 * replica::limits::WINDOW_BATCHES;

/// Results that are counted.
const CODES: [&str; 5] = ["TEST-001", "SYNC-120", "SYNC-121", "SYNC-122", "SYNC-123"];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    Node,
    Hub,
}

impl Side {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Node => Self::Hub,
            Self::Hub => Self::Node,
        }
    }
}

/// One side of a line.
pub(crate) struct End {
    pub(crate) replica: usize,
    pub(crate) login: Login,
    pub(crate) session: Session,
    pub(crate) open: bool,
    /// When the last frame for this side arrives.
    last_at: u64,
    /// Nothing arrives at this side before.
    pub(crate) stalled_until: u64,
    /// Batches on their way to this side.
    batches_coming: usize,
    tick_at: Option<u64>,
}

pub(crate) struct Conn {
    node: End,
    hub: End,
    /// What a null control has told its ends.
    pub(super) lies: Vec<Lie>,
    /// The life as which its node has greeted.
    pub(super) life: u64,
}

impl Conn {
    pub(crate) fn end(&self, side: Side) -> &End {
        match side {
            Side::Node => &self.node,
            Side::Hub => &self.hub,
        }
    }

    pub(crate) fn end_mut(&mut self, side: Side) -> &mut End {
        match side {
            Side::Node => &mut self.node,
            Side::Hub => &mut self.hub,
        }
    }

    pub(crate) fn is_settled(&self) -> bool {
        [&self.node, &self.hub]
            .iter()
            .all(|end| end.open && end.session.is_settled())
    }
}

impl World {
    /// The open line of a node, as the node sees it.
    pub(crate) fn line_of(&self, node: usize) -> Option<usize> {
        self.conns
            .iter()
            .rposition(|conn| conn.node.replica == node && conn.node.open)
    }

    pub(crate) fn dial(&mut self, node: usize) {
        if self.replicas[node].host.is_none() || self.line_of(node).is_some() {
            return;
        }
        if self.absent.contains(&node) {
            return;
        }
        let blocked = self.now < self.replicas[node].blocked_until;
        if self.replicas[HUB].host.is_none() || blocked {
            let pause = self.rng.between(50, 500);
            return self.after(pause, Event::Dial(node));
        }
        let mut end = |at: usize, peer: usize, role| End {
            replica: at,
            login: Login {
                session: self.number(),
                peer: self.replicas[peer].id,
                scope: self.replicas[node].scope,
            },
            session: Session::new(role),
            open: true,
            last_at: 0,
            stalled_until: 0,
            batches_coming: 0,
            tick_at: None,
        };
        let (node_end, hub_end) = (end(node, HUB, Role::Node), end(HUB, node, Role::Hub));
        self.conns.push(Conn {
            node: node_end,
            hub: hub_end,
            lies: Vec::new(),
            life: 0,
        });
        let conn = self.conns.len() - 1;
        self.say(format_args!("{} dials, line {conn}", NAMES[node]));
        self.input(conn, Side::Hub, Input::Connected);
        self.input(conn, Side::Node, Input::Connected);
    }

    /// Gives a session an input and does what it says.
    pub(crate) fn input(&mut self, conn: usize, side: Side, input: Input) {
        let now = Mono(self.now);
        let end = self.conns[conn].end_mut(side);
        if !end.open {
            return;
        }
        let name = NAMES[end.replica];
        let opens = matches!(input, Input::Accepted(_));
        let step = end.session.handle(now, input);
        end.tick_at = step.wake_at.map(|at| at.0.max(now.0 + 1));
        let (tick_at, diagnosis) = (end.tick_at, end.session.diagnosis());
        if opens {
            self.say(format_args!("line {conn} {name}: {diagnosis:?}"));
            self.tally.count(diagnosis.as_str_name());
        }
        if let Some(at) = tick_at {
            self.at(at, Event::Tick(conn, side));
        }
        for op in step.ops {
            self.operation(conn, side, op);
        }
        for frame in step.sends {
            self.send(conn, side, frame);
        }
        if let Some(done) = step.done {
            let by = if done.by_peer { "peer" } else { "itself" };
            self.say(format_args!(
                "line {conn} {name} ends '{}' by {by}",
                done.code
            ));
            let honest = !self.options.has(Fault::Frames) && self.options.control == Control::None;
            let damaged = self.options.has(Fault::Rot) && done.code == "STORE-006";
            // A node that was rolled back while it ran finds it out, and calls again; of two copies
            // the hub lets one go on.
            let forked = self.is_forked();
            // After a restore the program may take a moment between two commits that the hub knows
            // for a fork; what it then takes back it drops again when both are equal.
            let node = self.conns[conn].node.replica;
            let doubtful = self.replicas[node].rewound && done.code == "SYNC-110";
            if (forked || doubtful) && done.code == "SYNC-110" && side == Side::Node {
                // What it promised since the fork is in its drafts now, or comes back from the hub.
                self.replicas[node].promises.clear();
            }
            let full = self.options.has(Fault::Full) && done.code == "STORE-006";
            let forks = forked && ["SYNC-110", "SYNC-140"].contains(&&*done.code);
            let heals = forks || doubtful || full;
            if honest && !damaged && !heals && !done.by_peer && !done.code.is_empty() {
                self.broken(format!(
                    "P1 a session of honest sides ends with {}",
                    done.code
                ));
            }
            if forked && done.code == "SYNC-140" && side == Side::Node && self.attended {
                // People who are told that two copies run start the one that is left anew.
                let node = self.conns[conn].node.replica;
                self.tally.count("a copy started anew");
                self.crash(node);
            }
            self.close_end(conn, side);
            let other = side.other();
            let at = self.conns[conn].end(other).last_at.max(self.now + 1);
            self.at(at, Event::Eof(conn, other));
        }
    }

    pub(crate) fn tick(&mut self, conn: usize, side: Side) {
        if self.conns[conn].end(side).tick_at == Some(self.now) {
            self.input(conn, side, Input::Tick);
        }
    }

    fn send(&mut self, conn: usize, from: Side, mut frame: Frame) {
        let to = from.other();
        if let Some(Body::Hello(hello)) = &frame.frame {
            self.conns[conn].life = hello.incarnation;
        }
        self.tamper(conn, to, &mut frame);
        let delay = self.rng.between(1, self.options.delay_ms_max);
        let end = self.conns[conn].end(to);
        let arrival = (self.now + delay).max(end.last_at).max(end.stalled_until);
        let name = NAMES[self.conns[conn].end(from).replica];
        if self.log.is_kept() {
            let frame = describe(&frame);
            self.say(format_args!("line {conn} {name} sends {frame}"));
        }
        self.note(&frame);
        // Positions travel once in a session, in whichever batch comes next: a line that lost
        // them and went on would be no line that the protocol is made for.
        let positions = matches!(&frame.frame, Some(Body::Batch(b)) if !b.positions.is_empty());
        // The hub's own are told again in the next session, and nobody asks for them before.
        let gaps = self.options.bait == Control::GapsInFeeds && to == Side::Node;
        if self.faults_on && self.options.has(Fault::Frames) && (gaps || !positions) {
            match self.rng.below(40) {
                0 => {
                    self.tally.count("a frame lost");
                    return self.say(format_args!("  lost"));
                }
                1 => {
                    self.say(format_args!("  twice"));
                    self.tally.count("a frame twice");
                    self.at(
                        arrival + delay,
                        Event::Frame(conn, to, Box::new(frame.clone())),
                    );
                }
                2 => {
                    self.say(format_args!("  out of order"));
                    self.tally.count("a frame out of order");
                    let late = self.now + delay * 3;
                    return self.at(late, Event::Frame(conn, to, Box::new(frame)));
                }
                _ => {}
            }
        }
        self.conns[conn].end_mut(to).last_at = arrival;
        if let Some(Body::Batch(batch)) = &frame.frame {
            self.moved += batch.records.len() as u64;
            let end = self.conns[conn].end_mut(to);
            end.batches_coming += 1;
            if end.batches_coming > BATCHES_COMING_MAX && !self.options.has(Fault::Frames) {
                self.broken("P3 more batches on their way than the windows allow".to_owned());
            }
        }
        if self.options.is_calm() && matches!(frame.frame, Some(Body::Leaves(_))) {
            self.broken("P2 an exchange although nothing went wrong".to_owned());
        }
        self.at(arrival, Event::Frame(conn, to, Box::new(frame)));
    }

    pub(crate) fn arrive(&mut self, conn: usize, side: Side, mut frame: Frame) {
        self.weaken_arrival(conn, side, &mut frame);
        if matches!(frame.frame, Some(Body::Batch(_))) {
            let end = self.conns[conn].end_mut(side);
            end.batches_coming = end.batches_coming.saturating_sub(1);
        }
        self.input(conn, side, Input::Frame(Box::new(frame)));
    }

    /// Counts what the ack of a batch and an exchange say.
    fn note(&mut self, frame: &Frame) {
        match &frame.frame {
            Some(Body::Welcome(_)) if self.attended => self.after(1, Event::Look),
            Some(Body::Ack(ack)) => {
                let put_off = ack.results.iter().any(|result| result.code == "SYNC-127");
                if self.attended && put_off {
                    self.after(1, Event::Look);
                }
                for result in &ack.results {
                    let known = CODES.into_iter().find(|code| *code == result.code);
                    self.tally.count(known.unwrap_or("another result"));
                }
            }
            Some(Body::Leaves(_)) => self.tally.count("an exchange"),
            _ => {}
        }
    }

    /// One side of a line has noticed that it is dead.
    pub(crate) fn close_end(&mut self, conn: usize, side: Side) {
        let end = self.conns[conn].end_mut(side);
        if !end.open {
            return;
        }
        end.open = false;
        let (at, session) = (end.replica, end.login.session);
        self.submit(at, Target::Nobody, Command::Close(session));
        if side == Side::Node {
            let pause = self.rng.between(20, 1_000);
            self.after(pause, Event::Dial(at));
        }
    }

    fn forget_frames(&mut self, conn: usize, side: Side) {
        self.events
            .retain(|_, event| !matches!(event, Event::Frame(c, s, _) if (*c, *s) == (conn, side)));
    }

    /// Cuts a line: both sides notice at once, or one of them later, after what was under way.
    pub(crate) fn cut(&mut self, conn: usize, first: Option<Side>) {
        self.say(format_args!("line {conn} is CUT, seen first by {first:?}"));
        self.tally.count("a line cut");
        for side in [Side::Node, Side::Hub] {
            if first.is_none_or(|first| first == side) {
                self.forget_frames(conn, side);
                self.close_end(conn, side);
            } else {
                let pause = self.rng.between(1, 4_000);
                self.after(pause, Event::Eof(conn, side));
            }
        }
    }

    /// A replica is gone: its lines die, and the other sides notice some time later.
    pub(crate) fn hang_up(&mut self, at: usize) {
        for conn in 0..self.conns.len() {
            for side in [Side::Node, Side::Hub] {
                let end = self.conns[conn].end_mut(side);
                if end.replica != at || !end.open {
                    continue;
                }
                end.open = false;
                self.forget_frames(conn, side);
                if self.rng.chance(50) {
                    self.forget_frames(conn, side.other());
                }
                let pause = self.rng.between(1, 3_000);
                self.after(pause, Event::Eof(conn, side.other()));
            }
        }
    }
}

fn describe(frame: &Frame) -> String {
    let point = |p: &Option<proto::sync::FeedPoint>| p.as_ref().map_or(0, |p| p.seq);
    let scope = |bytes: &[u8]| bytes.first().copied().unwrap_or(0);
    match &frame.frame {
        Some(Body::Hello(hello)) => format!("Hello {:x}", hello.incarnation),
        Some(Body::Welcome(welcome)) => {
            let refusals = welcome.refusals.len();
            format!("Welcome {:?} {refusals} refusals", welcome.diagnosis())
        }
        Some(Body::Batch(b)) => {
            let (from, to) = (point(&b.after), point(&b.upto));
            let names: Vec<String> = b.records.iter().map(describe_record).collect();
            let scope = scope(&b.scope);
            format!("Batch {scope} {from}..{to} {} {names:?}", b.exchange)
        }
        Some(Body::Ack(ack)) => {
            let results = ack
                .results
                .iter()
                .map(|r| (r.code.as_str(), r.refused.len()));
            let results: Vec<_> = results.collect();
            format!("Ack {} {} {results:?}", scope(&ack.scope), point(&ack.upto))
        }
        Some(Body::Prints(p)) => {
            let (node, hub, parts) = (point(&p.node), point(&p.hub), p.parts.len());
            let asked = p.hub.is_some();
            let scope = scope(&p.scope);
            format!(
                "Prints {scope} {node} {asked} {hub} parts {parts} {}",
                p.equal
            )
        }
        Some(Body::Leaves(l)) => format!("Leaves {} {}", scope(&l.scope), l.leaves.len()),
        Some(Body::Healed(h)) => format!("Healed {} {}", scope(&h.scope), point(&h.cut)),
        Some(Body::Bye(bye)) => format!("Bye {}", bye.code),
        None => "nothing".to_owned(),
    }
}

fn describe_record(bytes: &Bytes) -> String {
    let Ok(record) = Record::decode(bytes) else {
        return "?".to_owned();
    };
    let siblings = record.siblings.iter();
    let siblings: Vec<_> = siblings
        .map(|s| format!("{}={}", s.register.0, s.write.reason))
        .collect();
    let holes = record.context.holes().count();
    format!("{}:{}/{holes}", record.key.id.0[15], siblings.join(","))
}

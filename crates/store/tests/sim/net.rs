//! Lines between nodes and the hub.
//!
//! A line is what TLS over TCP gives: frames arrive in order or not at all, and those of a dead
//! session never. A cut may be noticed by one side long before the other. On request frames are
//! also lost, doubled and reordered, which no real line does; a session must then end, or be
//! ended, and a later one must heal.

use bytes::Bytes;
use proto::sync::{Frame, frame::Frame as Body};
use replica::{
    Context, Dot, Incarnation, Mono, Record, Session,
    session::{Input, Role},
};
use store::{Command, Login};

use super::{
    options::Control,
    world::{Event, HUB, NAMES, Target, World},
};

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
    tick_at: Option<u64>,
}

pub(crate) struct Conn {
    node: End,
    hub: End,
}

impl Conn {
    pub(crate) fn end(&self, side: Side) -> &End {
        match side {
            Side::Node => &self.node,
            Side::Hub => &self.hub,
        }
    }

    fn end_mut(&mut self, side: Side) -> &mut End {
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
        if self.replicas[HUB].host.is_none() {
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
            tick_at: None,
        };
        let (node_end, hub_end) = (end(node, HUB, Role::Node), end(HUB, node, Role::Hub));
        self.conns.push(Conn {
            node: node_end,
            hub: hub_end,
        });
        let conn = self.conns.len() - 1;
        self.say(format!("{} dials, line {conn}", NAMES[node]));
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
            self.say(format!("line {conn} {name}: {diagnosis:?}"));
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
            self.say(format!("line {conn} {name} ends '{}' by {by}", done.code));
            let honest = !self.options.frames && self.options.control == Control::None;
            if honest && !done.by_peer && !done.code.is_empty() {
                self.broken(format!(
                    "P1 a session of honest sides ends with {}",
                    done.code
                ));
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
        if self.faults_on || self.options.control != Control::None {
            self.tamper(conn, to, &mut frame);
        }
        let delay = self.rng.between(1, self.options.delay_ms_max);
        let arrival = self.conns[conn].end(to).last_at.max(self.now + delay);
        let name = NAMES[self.conns[conn].end(from).replica];
        self.say(format!("line {conn} {name} sends {}", describe(&frame)));
        // Positions travel once in a session, in whichever batch comes next: a line that lost
        // them and went on would be no line that the protocol is made for.
        let positions = matches!(&frame.frame, Some(Body::Batch(b)) if !b.positions.is_empty());
        if self.faults_on && self.options.frames && !positions {
            match self.rng.below(40) {
                0 => return self.say("  lost".to_owned()),
                1 => {
                    self.say("  twice".to_owned());
                    self.at(
                        arrival + delay,
                        Event::Frame(conn, to, Box::new(frame.clone())),
                    );
                }
                2 => {
                    self.say("  out of order".to_owned());
                    let late = self.now + delay * 3;
                    return self.at(late, Event::Frame(conn, to, Box::new(frame)));
                }
                _ => {}
            }
        }
        self.conns[conn].end_mut(to).last_at = arrival;
        if let Some(Body::Batch(batch)) = &frame.frame {
            self.moved += batch.records.len() as u64;
        }
        if self.options.is_calm() && matches!(frame.frame, Some(Body::Leaves(_))) {
            self.broken("P2 an exchange although nothing went wrong".to_owned());
        }
        self.at(arrival, Event::Frame(conn, to, Box::new(frame)));
    }

    pub(crate) fn arrive(&mut self, conn: usize, side: Side, frame: Frame) {
        self.input(conn, side, Input::Frame(Box::new(frame)));
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
        self.say(format!("line {conn} is CUT, seen first by {first:?}"));
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

    /// What hostile or broken senders do to a frame.
    fn tamper(&mut self, conn: usize, to: Side, frame: &mut Frame) {
        if self.options.control == Control::NothingTakenBack && to == Side::Node {
            match &mut frame.frame {
                Some(Body::Ack(ack)) => ack.results.iter_mut().for_each(|r| r.refused.clear()),
                Some(Body::Welcome(welcome)) => welcome.refusals.clear(),
                _ => {}
            }
        }
        let (forge, damage) = (self.options.forge, self.options.damage);
        if to != Side::Hub || !(forge || damage) || !self.faults_on {
            return;
        }
        let Some(Body::Batch(batch)) = &mut frame.frame else {
            return;
        };
        if batch.records.is_empty() || !self.rng.chance(10) {
            return;
        }
        let which = self.rng.below(batch.records.len());
        let Ok(record) = Record::decode(&batch.records[which]) else {
            return;
        };
        let node = self.conns[conn].node.replica;
        let tampered = if forge && (!damage || self.rng.chance(60)) {
            self.forged(node, record)
        } else {
            self.damaged(record)
        };
        if let Some(record) = tampered {
            batch.records[which] = record.encode();
        }
    }

    /// A context above what its writer has reached, or a write under somebody else's name.
    fn forged(&mut self, node: usize, mut record: Record) -> Option<Record> {
        let position = |world: &Self, at: usize| {
            let host = world.replicas[at].host.as_ref();
            host.and_then(|host| host.status().position)
        };
        let above = self.replicas[HUB].rewound || self.rng.chance(50);
        // A dot that the hub knows is one of another scope: of this record it covers nothing.
        let stranger = if node == 3 { 1 } else { 3 };
        let (incarnation, counter) = if above {
            let others = [HUB, 1, 2, 3].into_iter().filter(|at| *at != node);
            let known: Vec<_> = others.filter_map(|at| position(self, at)).collect();
            let (incarnation, counter) = *known.get(self.rng.below(known.len()))?;
            // Far above, or an honest write under way would reach it before the batch does.
            (incarnation, counter + 1_000)
        } else {
            position(self, stranger)?
        };
        if above && self.rng.chance(50) {
            record.context = reaching(&record.context, incarnation, counter);
        } else {
            let mut forged = record.siblings.last()?.clone();
            let mut write = (*forged.write).clone();
            write.dot = Dot {
                incarnation,
                counter,
            };
            write.reason = "forged".to_owned();
            forged.register = replica::RegisterId(forged.register.0 + 1);
            forged.write = std::sync::Arc::new(write);
            record.context = reaching(&record.context, incarnation, counter);
            record.siblings.push(forged);
        }
        self.say(format!("  FORGED {} {:?}", record.key.id, record.context));
        Some(record)
    }

    /// Other content under a dot that the hub holds.
    fn damaged(&mut self, mut record: Record) -> Option<Record> {
        let held = self.reader(HUB)?.get(record.key).ok()??.record;
        let mut any = false;
        for sibling in &mut record.siblings {
            let holds = held.register(sibling.register);
            if holds.iter().any(|s| s.dot() == sibling.dot()) {
                sibling.value = Bytes::from_static(b"damaged");
                any = true;
            }
        }
        any.then(|| {
            self.say(format!("  DAMAGED {}", record.key.id));
            record
        })
    }
}

fn reaching(context: &Context, incarnation: Incarnation, counter: u64) -> Context {
    let entries = context.entries().chain([(incarnation, counter)]);
    Context::new(entries.collect::<Vec<_>>(), context.holes())
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

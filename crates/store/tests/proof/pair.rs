//! A node and a hub with a line between them that counts what passes.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use prost::Message as _;
use proto::sync::{Frame, frame::Frame as Body};
use replica::{
    Clock, Dot, Edit, Kind, Leaf, Mono, Record, RecordId, RecordKey, RegisterId, ReplicaId,
    ScopeId, Session, Set, Sibling, Source,
    session::{Arrived, Delivery, FeedPoint, Input, Op, Role},
};
use store::{
    Command, Handle, Host, HostConfig, JudgeInput, Login, Memory, Reply, Rules, Verdict, Writer,
    WriterConfig,
};

pub(crate) const SCOPE: ScopeId = ScopeId([1; 16]);
pub(crate) const OTHER: ScopeId = ScopeId([2; 16]);
pub(crate) const PUBLISHED: ScopeId = ScopeId([9; 16]);
pub(crate) const NODE: ReplicaId = ReplicaId([0xa1; 16]);
pub(crate) const HUB: ReplicaId = ReplicaId([0xa0; 16]);
/// A value that the hub refuses.
pub(crate) const BAD: &[u8] = b"bad";

/// What a replica keeps.
pub(crate) type Image = BTreeMap<Vec<u8>, Bytes>;

#[derive(Debug, Default)]
struct Still;

impl Clock for Still {
    fn mono(&self) -> Mono {
        Mono(0)
    }

    fn wall_ms(&self) -> u64 {
        1_700_000_000_000
    }
}

fn id_of(role: Role) -> ReplicaId {
    match role {
        Role::Node => NODE,
        Role::Hub => HUB,
    }
}

fn config(role: Role) -> HostConfig {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    HostConfig {
        role,
        replica: id_of(role),
        scope: if role == Role::Node { SCOPE } else { PUBLISHED },
        published: PUBLISHED,
        schema: 1,
        rules: Rules::new(Arc::new(|input: &JudgeInput<'_>| {
            let bad = input.incoming.siblings.iter().filter(|s| *s.value == *BAD);
            let dots: Vec<Dot> = bad.map(Sibling::dot).collect();
            if dots.is_empty() {
                return Verdict::Accept;
            }
            Verdict::Refuse {
                dots,
                code: "TEST-001",
            }
        })),
        believes_peers: true,
        seal: None,
        clock: Arc::new(Still),
        random: Arc::new(|| NEXT.fetch_add(1, Ordering::Relaxed) << 32),
    }
}

/// A replica over its memory.
pub(crate) struct Side {
    role: Role,
    pub(crate) medium: Arc<Memory>,
    pub(crate) host: Option<Host>,
}

impl Side {
    pub(crate) fn new(role: Role) -> Self {
        Self::over(role, Image::new())
    }

    /// A replica that starts with what was kept, as after a restore.
    pub(crate) fn over(role: Role, image: Image) -> Self {
        let medium = Arc::new(Memory::from_image(image));
        let host = Host::open(Arc::clone(&medium) as _, config(role)).unwrap();
        Self {
            role,
            medium,
            host: Some(host),
        }
    }

    pub(crate) fn host(&mut self) -> &mut Host {
        self.host.as_mut().unwrap()
    }

    pub(crate) fn image(&self) -> Image {
        self.medium.image()
    }

    pub(crate) fn record(&self, key: RecordKey) -> Record {
        let reader = self.host.as_ref().unwrap().reader();
        reader.get(key).unwrap().unwrap().record
    }

    /// Writes registers of a record over all that stands there.
    pub(crate) fn put(&mut self, key: RecordKey, scope: ScopeId, set: &[(u32, &[u8])]) -> Dot {
        self.write(vec![self.edit(key, scope, set)])[0]
    }

    pub(crate) fn edit(&self, key: RecordKey, scope: ScopeId, set: &[(u32, &[u8])]) -> Edit {
        let reader = self.host.as_ref().unwrap().reader();
        let present = reader.get(key).unwrap().map(|stored| stored.record);
        let set = set.iter().map(|(register, value)| {
            let register = RegisterId(*register);
            let now = present.as_ref().map(|r| r.register(register));
            Set {
                register,
                value: Bytes::copy_from_slice(value),
                shown: now.unwrap_or_default().iter().map(Sibling::shown).collect(),
            }
        });
        Edit {
            key,
            scope,
            set: set.collect(),
            author: "test".to_owned(),
            reason: "test".to_owned(),
            decision: Bytes::new(),
            source: Source::Command,
        }
    }

    /// Writes edits as one command.
    pub(crate) fn write(&mut self, edits: Vec<Edit>) -> Vec<Dot> {
        let host = self.host();
        host.take(0, Command::Edit(edits, Vec::new()));
        match host.flush().unwrap().remove(0).reply {
            Reply::Written(written) => written.unwrap().iter().map(|w| w.dot).collect(),
            other => panic!("{other:?}"),
        }
    }

    /// Hands the replica to a writer.
    pub(crate) fn serve(&mut self) -> (Writer, Handle) {
        let host = self.host.take().unwrap();
        let writer = Writer::start(host, WriterConfig::default()).unwrap();
        let handle = writer.handle();
        (writer, handle)
    }

    /// Takes the replica back from its writer.
    pub(crate) fn take_back(&mut self, writer: Writer) {
        writer.stop().unwrap();
        self.host = Some(Host::open(Arc::clone(&self.medium) as _, config(self.role)).unwrap());
    }
}

pub(crate) fn key(number: u64) -> RecordKey {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    RecordKey {
        kind: Kind(5),
        id: RecordId(id),
    }
}

/// One frame that has passed.
#[derive(Clone, Debug)]
pub(crate) struct Passed {
    pub(crate) from: Role,
    pub(crate) what: &'static str,
    pub(crate) bytes: usize,
    pub(crate) exchange: bool,
    pub(crate) scope: Option<ScopeId>,
}

struct End {
    session: Session,
    login: Login,
    wake: Option<Mono>,
    ends: BTreeMap<ScopeId, FeedPoint>,
}

/// One session between the two, from its beginning.
pub(crate) struct Line {
    now: u64,
    ends: [End; 2],
    todo: VecDeque<(usize, Input)>,
    pub(crate) passed: Vec<Passed>,
    /// The line is cut when a frame of this name is sent after so many of them.
    pub(crate) cut_at: Option<(&'static str, usize)>,
    is_cut: bool,
}

/// A number for a newer session than all before.
pub(crate) fn session_number() -> u64 {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

fn scope_of(frame: &Frame) -> Option<ScopeId> {
    let scope: &[u8] = match frame.frame.as_ref()? {
        Body::Batch(batch) => &batch.scope,
        Body::Ack(ack) => &ack.scope,
        Body::Prints(prints) => &prints.scope,
        Body::Leaves(leaves) => &leaves.scope,
        Body::Healed(healed) => &healed.scope,
        Body::Hello(_) | Body::Welcome(_) | Body::Bye(_) => return None,
    };
    ScopeId::try_from(scope).ok()
}

fn name_of(frame: &Frame) -> (&'static str, bool) {
    match frame.frame.as_ref().unwrap() {
        Body::Hello(_) => ("hello", false),
        Body::Welcome(_) => ("welcome", false),
        Body::Batch(batch) => ("batch", batch.exchange),
        Body::Ack(ack) => ("ack", ack.exchange),
        Body::Prints(_) => ("prints", true),
        Body::Leaves(_) => ("leaves", true),
        Body::Healed(_) => ("healed", true),
        Body::Bye(_) => ("bye", false),
    }
}

impl Line {
    pub(crate) fn new() -> Self {
        let end = |role: Role, peer: ReplicaId| End {
            session: Session::new(role),
            login: Login {
                session: session_number(),
                peer,
                scope: SCOPE,
            },
            wake: None,
            ends: BTreeMap::new(),
        };
        Self {
            now: 1,
            ends: [end(Role::Node, HUB), end(Role::Hub, NODE)],
            todo: VecDeque::from([(1, Input::Connected), (0, Input::Connected)]),
            passed: Vec::new(),
            cut_at: None,
            is_cut: false,
        }
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.ends.iter().all(|end| end.session.is_settled())
    }

    /// Runs until both sides are settled, or the line is cut.
    pub(crate) fn run(&mut self, node: &mut Side, hub: &mut Side) {
        for _ in 0..1_000_000 {
            if let Some((at, input)) = self.todo.pop_front() {
                let side = if at == 0 { &mut *node } else { &mut *hub };
                self.input(at, side.host(), input);
                continue;
            }
            if self.is_cut || self.is_settled() {
                return;
            }
            let next = self.ends.iter().filter_map(|end| end.wake).min();
            let next = next.expect("both sides wait for ever");
            self.now = self.now.max(next.0);
            for at in 0..2 {
                if self.ends[at].wake.is_some_and(|wake| wake.0 <= self.now) {
                    self.ends[at].wake = None;
                    self.todo.push_back((at, Input::Tick));
                }
            }
        }
        panic!("no end: {:?}", &self.passed[self.passed.len() - 40..]);
    }

    fn input(&mut self, at: usize, host: &mut Host, input: Input) {
        let end = &mut self.ends[at];
        let step = end.session.handle(Mono(self.now), input);
        end.wake = step.wake_at;
        for op in step.ops {
            host.take(0, Command::Session(end.login, op));
        }
        for answer in host.flush().unwrap() {
            if let Reply::Input(input) = answer.reply {
                self.todo.push_back((at, *input));
            }
        }
        for (scope, point) in host.ends() {
            if end.ends.insert(*scope, *point) != Some(*point) {
                self.todo.push_back((at, Input::Advanced(*scope, *point)));
            }
        }
        for frame in step.sends {
            let (what, exchange) = name_of(&frame);
            let before = self.passed.iter().filter(|p| p.what == what).count();
            self.is_cut |= self.cut_at == Some((what, before));
            if self.is_cut {
                continue;
            }
            self.passed.push(Passed {
                from: if at == 0 { Role::Node } else { Role::Hub },
                what,
                bytes: frame.encoded_len(),
                exchange,
                scope: scope_of(&frame),
            });
            self.todo.push_back((1 - at, Input::Frame(Box::new(frame))));
        }
        assert!(step.done.is_none(), "the session ends: {:?}", step.done);
    }
}

/// One session until both sides are equal.
pub(crate) fn settle(node: &mut Side, hub: &mut Side) -> Line {
    let mut line = Line::new();
    line.run(node, hub);
    assert!(line.is_settled());
    line
}

/// Merges a record into a replica as if its peer had sent it.
pub(crate) fn force(
    side: &mut Side,
    peer: ReplicaId,
    record: &Record,
    positions: Vec<proto::sync::Position>,
) {
    let bytes = record.encode();
    let login = Login {
        session: session_number(),
        peer,
        scope: SCOPE,
    };
    // The host takes operations of a session that has begun.
    let op = Op::Apply(Box::new(Delivery {
        scope: SCOPE,
        records: vec![Arrived {
            record: record.clone(),
            leaf: Leaf::of(&bytes),
            bytes,
        }],
        positions,
        upto: None,
    }));
    let host = side.host();
    host.take(0, Command::Session(login, Op::Greet));
    host.take(1, Command::Session(login, op));
    host.take(2, Command::Close(login.session));
    host.flush().unwrap();
}

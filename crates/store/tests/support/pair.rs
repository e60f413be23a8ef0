//! A hub and a node on one table: a session between two hosts, without a line, a clock or a thread.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use replica::{
    Clock, Edit, Mono, Record, RecordId, RecordKey, RegisterId, ReplicaId, ScopeId, SealKey,
    Session, Set, Sibling, Source,
    session::{Input, Op, Role},
};
use store::{Command, HomeOf, Host, HostConfig, JudgeInput, Login, Reply, Rules, Store, Verdict};

pub const HUB: ReplicaId = ReplicaId([0xA0; 16]);
pub const NODE: ReplicaId = ReplicaId([0xB1; 16]);
/// The node's scope.
pub const DISTRICT: ScopeId = ScopeId([1; 16]);
/// The hub's.
pub const PUBLISHED: ScopeId = ScopeId([9; 16]);
/// A scope that the node does not see.
pub const OTHER: ScopeId = ScopeId([2; 16]);
/// Names the record whose home a record shares, by its id.
pub const CHILD_OF: RegisterId = RegisterId(6);
/// Names a record that is lent to the scope of this one, by its id.
pub const BORROWS: RegisterId = RegisterId(7);
/// A value that begins so is refused.
pub const BAD: &[u8] = b"bad";
/// Steps of one session. More go round in circles.
const STEPS_MAX: usize = 20_000;

/// A clock that stands, the same in every run.
#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn mono(&self) -> Mono {
        Mono(0)
    }

    fn wall_ms(&self) -> u64 {
        1_606_176_000_000
    }
}

fn judge(input: &JudgeInput<'_>) -> Verdict {
    let seen = |dot| {
        input
            .existing
            .is_some_and(|known| known.context.covers(dot))
    };
    let bad = input
        .incoming
        .siblings
        .iter()
        .filter(|s| !seen(s.dot()) && s.value.starts_with(BAD));
    let dots: Vec<_> = bad.map(Sibling::dot).collect();
    if dots.is_empty() {
        Verdict::Accept
    } else {
        Verdict::Refuse {
            dots,
            code: "TEST-001",
        }
    }
}

fn named(record: &Record, register: RegisterId) -> Option<RecordKey> {
    let value = &record.register(register).first()?.value;
    let id = RecordId::try_from(value.as_ref()).ok()?;
    let kind = record.key.kind;
    Some(RecordKey { kind, id })
}

fn rules() -> Rules {
    let lends = |record: &Record, home_of: HomeOf<'_>| {
        let lent = named(record, BORROWS).zip(home_of(record.key));
        lent.into_iter().collect()
    };
    Rules {
        parent: Arc::new(|record| named(record, CHILD_OF)),
        lends: Arc::new(lends),
        ..Rules::new(Arc::new(judge))
    }
}

/// Opens a replica. Its incarnations are the same in every run; `life` counts its starts.
pub fn open(role: Role, store: Arc<dyn Store>, life: u64) -> Host {
    open_by(Arc::new(Still), role, store, life)
}

/// The same by a clock of its own.
pub fn open_by(clock: Arc<dyn Clock>, role: Role, store: Arc<dyn Store>, life: u64) -> Host {
    let next = AtomicU64::new(life << 8);
    let (replica, scope, salt) = match role {
        Role::Hub => (HUB, PUBLISHED, 0xA000_0000_0000_0000),
        Role::Node => (NODE, DISTRICT, 0xB000_0000_0000_0000_u64),
    };
    let config = HostConfig {
        role,
        replica,
        scope,
        published: PUBLISHED,
        schema: 1,
        rules: rules(),
        believes_peers: false,
        seal: (role == Role::Hub).then(|| SealKey::new([42; 32])),
        clock,
        random: Arc::new(move || salt + next.fetch_add(1, Ordering::Relaxed)),
    };
    Host::open(store, config).unwrap()
}

/// Who is at the other end of a host in this session.
pub fn login(of: Role, session: u64) -> Login {
    let peer = match of {
        Role::Hub => NODE,
        Role::Node => HUB,
    };
    Login {
        session,
        peer,
        scope: DISTRICT,
    }
}

struct End<'a> {
    host: &'a mut Host,
    session: Session,
    login: Login,
    inputs: VecDeque<Input>,
    wake_at: Option<u64>,
    /// The code with which the session has ended.
    ended: Option<String>,
}

impl End<'_> {
    /// Takes one input. Returns what goes to the other side.
    fn step(&mut self, now: u64, input: Input) -> Vec<Input> {
        let step = self.session.handle(Mono(now), input);
        self.wake_at = step.wake_at.map(|at| at.0.max(now + 1));
        self.ended = step.done.map(|done| done.code);
        let before = self.host.ends().clone();
        for op in step.ops {
            self.host.take(0, Command::Session(self.login, op));
        }
        for answer in self.host.flush().unwrap() {
            if let Reply::Input(input) = answer.reply {
                self.inputs.push_back(*input);
            }
        }
        for (scope, end) in self.host.ends() {
            if before.get(scope) != Some(end) {
                self.inputs.push_back(Input::Advanced(*scope, *end));
            }
        }
        step.sends
            .into_iter()
            .map(|frame| Input::Frame(Box::new(frame)))
            .collect()
    }
}

/// One session, until both sides are settled. It stays open at the hosts.
pub fn talk(node: &mut Host, hub: &mut Host, session: u64) {
    assert_eq!(try_talk(node, hub, session), Ok(()));
}

/// The same where it may end before, with a code.
#[expect(
    clippy::panic_in_result_fn,
    reason = "a session that goes round in circles ends the test"
)]
pub fn try_talk(node: &mut Host, hub: &mut Host, session: u64) -> Result<(), String> {
    let end = |host, role| End {
        host,
        session: Session::new(role),
        login: login(role, session),
        inputs: VecDeque::from([Input::Connected]),
        wake_at: None,
        ended: None,
    };
    let (mut node, mut hub) = (end(node, Role::Node), end(hub, Role::Hub));
    let mut now = 0;
    for _ in 0..STEPS_MAX {
        if let Some(code) = node.ended.take().or_else(|| hub.ended.take()) {
            return Err(code);
        } else if let Some(input) = node.inputs.pop_front() {
            let sent = node.step(now, input);
            hub.inputs.extend(sent);
        } else if let Some(input) = hub.inputs.pop_front() {
            let sent = hub.step(now, input);
            node.inputs.extend(sent);
        } else if node.session.is_settled() && hub.session.is_settled() {
            return Ok(());
        } else {
            now = node
                .wake_at
                .into_iter()
                .chain(hub.wake_at)
                .min()
                .expect("nobody waits for anything");
            for end in [&mut node, &mut hub] {
                if end.wake_at.is_some_and(|at| at <= now) {
                    end.inputs.push_back(Input::Tick);
                }
            }
        }
    }
    panic!("the session does not settle");
}

/// Hands an operation of an open session to the hub and waits until it is durable.
pub fn hand(hub: &mut Host, session: u64, op: Op) {
    hub.take(0, Command::Session(login(Role::Hub, session), op));
    hub.flush().unwrap();
}

/// A clerk of the district writes values over all that stands.
pub fn save(host: &mut Host, key: RecordKey, values: &[(u32, &'static [u8])]) {
    let held = host.reader().get(key).expect("the store is sound");
    let shown = |register| {
        let held = held.iter();
        let standing = held.flat_map(move |held| held.record.register(register));
        standing.map(Sibling::shown).collect()
    };
    let set = values.iter().map(|(register, value)| Set {
        register: RegisterId(*register),
        value: Bytes::from_static(value),
        shown: shown(RegisterId(*register)),
    });
    let edit = Edit {
        key,
        scope: DISTRICT,
        set: set.collect(),
        author: "clerk@district".to_owned(),
        reason: "census".to_owned(),
        source: Source::Form,
        decision: Bytes::new(),
    };
    host.take(0, Command::Edit(vec![edit], Vec::new()));
    for answer in host.flush().expect("the store can be written") {
        assert!(matches!(answer.reply, Reply::Written(Ok(_))), "{answer:?}");
    }
}

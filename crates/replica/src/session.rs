//! One session between a node and the hub, as a state machine without I/O.
//!
//! The driver gives it [`Input`]s and does what each [`Step`] says: hand the operations to the
//! replica's `Host`, in order, and send the frames, in order. Every answer of the host arrives as
//! an input after it is durable, so an ack cannot leave before its batch has been synced. The
//! same machine runs under tonic, under turmoil, and in the discrete-event simulator.
//!
//! ```text
//! node                                  hub
//!  Hello  ───────────────────────────►   diagnose, learn positions
//!         ◄───────────────────────────  Welcome
//!  Batch  ───────────────────────────►   judge, merge, commit, sync
//!         ◄───────────────────────────  Ack
//!         ◄───────────────────────────  Batch …
//!  Prints (quiet moments) ───────────►   compare at the named cut
//!         ◄───────────────────────────  Prints: equal, or the parts that differ
//!  Leaves ───────────────────────────►  Leaves, Batch (exchange), Healed …
//! ```

mod heal;
mod lane;

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use proto::sync::{
    Ack, Batch, Bye, Diagnosis, Frame, Hello, Leaf as LeafFrame, Part, Position, Prints,
    RecordName, Welcome, frame::Frame as Body,
};

use crate::{
    Head, Leaf, Mono, Record, RecordKey, ScopeId, Seq,
    limits::{BATCH_BYTES_MAX, BATCH_RECORDS_MAX},
};
pub use lane::Lane;

/// The protocol that this program speaks.
pub const PROTOCOL: u32 = 1;

/// Milliseconds that a batch with nothing in it but a later point may wait for company.
pub const IDLE_ADVANCE_MS: u64 = 200;
/// Milliseconds without traffic after which fingerprints are compared.
pub const QUIET_MS: u64 = 150;
/// Frames that may come before the host has taken the hub's Welcome: full windows of two scopes.
const EARLY_FRAMES_MAX: usize = 4 * crate::limits::WINDOW_BATCHES;

/// Exchanges in a row after which a session says that it is stuck. The feeds go on, and it goes on
/// comparing, at growing intervals: what stood in the way may be settled by then.
pub const EXCHANGES_MAX: u32 = 4;

/// A point in a feed: sequence and running hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeedPoint {
    /// The sequence; 0 is the beginning.
    pub seq: Seq,
    /// The hash of all changes up to it; zero at the beginning.
    pub head: Head,
}

impl FeedPoint {
    /// Reads the form on the wire; nothing is the beginning.
    #[must_use]
    pub fn from_wire(point: Option<&proto::sync::FeedPoint>) -> Self {
        point.map_or_else(Self::default, |p| Self {
            seq: Seq(p.seq),
            head: Head::try_from(p.head.as_ref()).unwrap_or_default(),
        })
    }

    /// Writes the form on the wire.
    #[must_use]
    pub fn to_wire(self) -> Option<proto::sync::FeedPoint> {
        Some(proto::sync::FeedPoint {
            seq: self.seq.0,
            head: self.head.0.to_vec(),
        })
    }
}

/// Which side of a session this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It opened the connection.
    Node,
    /// It was called.
    Hub,
}

/// Where both sides stand in one scope when a session begins, as the host found it.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The scope.
    pub scope: ScopeId,
    /// Whether this side's feed of the scope goes to the peer.
    pub sends: bool,
    /// Whether the peer's feed of the scope comes here.
    pub takes: bool,
    /// The point the peer has taken of it, when this side's feed contains that point.
    pub resume: Option<FeedPoint>,
    /// The durable end of this side's feed.
    pub end: FeedPoint,
    /// The point this side has taken of the peer's feed.
    pub taken: FeedPoint,
    /// Records outside the fingerprint that the peer may lack; they go along when nothing flows
    /// before an exchange.
    pub offer: Vec<RecordKey>,
}

impl Standing {
    /// Whether both checkpoints are worthless: nothing flows before an exchange.
    #[must_use]
    pub fn is_broken(&self, diagnosis: Diagnosis) -> bool {
        let sound = matches!(diagnosis, Diagnosis::Ok | Diagnosis::YouLag);
        !sound || (self.sends && self.resume.is_none())
    }
}

/// One record of a received batch, decoded and hashed.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// The record.
    pub record: Record,
    /// Its canonical bytes.
    pub bytes: Bytes,
    /// Their hash.
    pub leaf: Leaf,
}

/// A received batch, ready to be judged and merged.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The scope of the feed.
    pub scope: ScopeId,
    /// The records in feed order.
    pub records: Vec<Arrived>,
    /// The positions that travelled with them.
    pub positions: Vec<Position>,
    /// The point that is reached when they are durable; none in an exchange.
    pub upto: Option<FeedPoint>,
}

/// Something that the host must do. Each is answered by one [`Input`] once it is durable.
#[derive(Clone, Debug)]
pub enum Op {
    /// Say who we are: answered by [`Input::Greeted`].
    Greet,
    /// Answer a node: [`Input::Welcomed`].
    Welcome(Box<Hello>),
    /// Take the answer of the hub: [`Input::Accepted`].
    Accept(Box<Welcome>),
    /// Read the feed after a point, without what the peer itself sent: [`Input::Read`].
    Read(ScopeId, FeedPoint),
    /// Judge, merge and commit a batch: [`Input::Applied`].
    Apply(Box<Delivery>),
    /// Note how far the peer has come, take back what it refused. Not answered.
    Acked(Box<Ack>),
    /// The sums of all 64 pages, without what is held back from the peer: [`Input::Summed`].
    Sum(ScopeId),
    /// Which of these parts differ from ours, without what either side holds back:
    /// [`Input::Compared`] names our buckets of the pages that differ, or the buckets that differ.
    Compare(ScopeId, Vec<Part>, Vec<RecordName>),
    /// The records that the peer holds back from us. Not answered.
    HeldBack(ScopeId, Vec<RecordName>),
    /// The leaves of some buckets: [`Input::Listed`].
    List(ScopeId, Vec<u32>),
    /// What we hold in these buckets that these leaves lack: [`Input::Differ`].
    Diff(ScopeId, Vec<u32>, Vec<LeafFrame>),
    /// The records of these keys, as a batch of an exchange: [`Input::Fetched`].
    Fetch(ScopeId, Vec<RecordKey>),
    /// Everything up to this point of the peer's feed is held: [`Input::Healed`].
    Heal(ScopeId, FeedPoint),
    /// Both sides hold the same at these points (ours, theirs). Not answered.
    Settled(ScopeId, FeedPoint, FeedPoint),
}

/// Sums of parts of a fingerprint.
#[derive(Clone, Debug, Default)]
pub struct Sums {
    /// The parts.
    pub parts: Vec<Part>,
    /// The end of this side's feed when they were read.
    pub cut: FeedPoint,
    /// The records that this side holds back from the peer; they are in no sum.
    pub held_back: Vec<RecordName>,
    /// Records outside the sums that lie before the cut only since the session began: like those
    /// that a [`Standing`] offers.
    pub offer: Vec<RecordKey>,
    /// Records outside the sums that the peer has put off in this session: no sum tells that it
    /// lacks them, so they go again, in an exchange.
    pub put_off: Vec<RecordKey>,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// The line is up.
    Connected,
    /// A frame arrived.
    Frame(Box<Frame>),
    /// Time has passed.
    Tick,
    /// This side's feed of a scope reaches this durable point.
    Advanced(ScopeId, FeedPoint),
    /// Answer to [`Op::Greet`].
    Greeted(Box<Hello>),
    /// Answer to [`Op::Welcome`]: or the code for which the session is refused.
    Welcomed(Result<(Box<Welcome>, Vec<Standing>), &'static str>),
    /// Answer to [`Op::Accept`].
    Accepted(Result<Vec<Standing>, &'static str>),
    /// Answer to [`Op::Read`].
    Read(Box<Batch>),
    /// Answer to [`Op::Apply`].
    Applied(Box<Ack>),
    /// Answer to [`Op::Sum`].
    Summed(ScopeId, Sums),
    /// Answer to [`Op::Compare`].
    Compared(ScopeId, Sums),
    /// Answer to [`Op::List`].
    Listed(ScopeId, Vec<u32>, Vec<LeafFrame>),
    /// Answer to [`Op::Diff`]: the records to send, and our leaves of the buckets.
    Differ(ScopeId, Vec<RecordKey>, Vec<LeafFrame>),
    /// Answer to [`Op::Fetch`], with the keys that found no more room in the batch.
    Fetched(Box<Batch>, Vec<RecordKey>),
    /// Answer to [`Op::Heal`].
    Healed(ScopeId, FeedPoint),
    /// The program stops.
    Stop,
}

/// Why a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// Stable code; empty for an orderly end.
    pub code: String,
    /// Whether the other side ended it.
    pub by_peer: bool,
}

/// What to do now.
#[derive(Debug, Default)]
pub struct Step {
    /// Operations for the host, in order.
    pub ops: Vec<Op>,
    /// Frames for the peer, in order, after nothing: what they promise is durable already.
    pub sends: Vec<Frame>,
    /// When to call again with [`Input::Tick`] if nothing happens before.
    pub wake_at: Option<Mono>,
    /// The session is over: send what is above and close.
    pub done: Option<Done>,
}

impl Step {
    fn send(&mut self, body: Body) {
        self.sends.push(Frame { frame: Some(body) });
    }

    fn end(&mut self, code: &str) {
        if self.done.is_none() {
            self.send(Body::Bye(Bye {
                code: code.to_owned(),
                detail: String::new(),
            }));
            self.done = Some(Done {
                code: code.to_owned(),
                by_peer: false,
            });
        }
    }
}

/// Where a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Start,
    Greeting,
    Accepting,
    Open,
    Over,
}

/// The state machine of one session.
#[derive(Debug)]
pub struct Session {
    role: Role,
    phase: Phase,
    diagnosis: Diagnosis,
    lanes: BTreeMap<ScopeId, Lane>,
    applying: usize,
    /// Frames that came between the hub's Welcome and the host's answer to it.
    early: Vec<Frame>,
    /// Positions of batches that were read and not sent; the next batch takes them along.
    unsent: Vec<Position>,
}

impl Session {
    /// Returns a session that waits for [`Input::Connected`].
    #[must_use]
    pub fn new(role: Role) -> Self {
        Self {
            role,
            phase: Phase::Start,
            diagnosis: Diagnosis::Unspecified,
            lanes: BTreeMap::new(),
            applying: 0,
            early: Vec::new(),
            unsent: Vec::new(),
        }
    }

    /// What the session found when it began.
    #[must_use]
    pub fn diagnosis(&self) -> Diagnosis {
        self.diagnosis
    }

    /// Whether both sides were found equal in every scope and nothing has happened since.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.phase == Phase::Open && self.lanes.values().all(Lane::is_settled)
    }

    /// Where the session stands in each scope.
    pub fn lanes(&self) -> impl Iterator<Item = &Lane> {
        self.lanes.values()
    }

    /// Takes one input and says what to do.
    pub fn handle(&mut self, now: Mono, input: Input) -> Step {
        let mut step = Step::default();
        if self.phase == Phase::Over {
            return step;
        }
        match input {
            Input::Connected if self.role == Role::Node => step.ops.push(Op::Greet),
            Input::Connected | Input::Tick => {}
            Input::Stop => step.end(""),
            Input::Frame(frame) => self.frame(now, *frame, &mut step),
            other => self.answer(now, other, &mut step),
        }
        if self.phase == Phase::Open && step.done.is_none() {
            for lane in self.lanes.values_mut() {
                lane.pump(now, self.role, &mut step);
            }
        }
        self.send_positions(&mut step);
        if step.done.is_some() {
            self.phase = Phase::Over;
        }
        step
    }

    /// Adds to the first batch of a step what an earlier one did not carry.
    fn send_positions(&mut self, step: &mut Step) {
        if self.unsent.is_empty() {
            return;
        }
        let batch = step
            .sends
            .iter_mut()
            .find_map(|frame| match &mut frame.frame {
                Some(Body::Batch(batch)) => Some(batch),
                _ => None,
            });
        if let Some(batch) = batch {
            self.unsent.append(&mut batch.positions);
            batch.positions = std::mem::take(&mut self.unsent);
        }
    }

    fn open(&mut self, now: Mono, diagnosis: Diagnosis, standings: Vec<Standing>) {
        self.phase = Phase::Open;
        self.diagnosis = diagnosis;
        for standing in standings {
            let lane = Lane::new(now, self.role, &standing, diagnosis);
            self.lanes.insert(standing.scope, lane);
        }
    }

    /// Takes what the host answered.
    fn answer(&mut self, now: Mono, input: Input, step: &mut Step) {
        match input {
            Input::Greeted(hello) => {
                self.phase = Phase::Greeting;
                step.send(Body::Hello(*hello));
            }
            Input::Welcomed(Ok((welcome, standings))) => {
                self.open(now, welcome.diagnosis(), standings);
                step.send(Body::Welcome(*welcome));
            }
            Input::Accepted(Ok(standings)) => {
                self.open(now, self.diagnosis, standings);
                for frame in std::mem::take(&mut self.early) {
                    if step.done.is_none() {
                        self.frame(now, frame, step);
                    }
                }
            }
            Input::Welcomed(Err(code)) | Input::Accepted(Err(code)) => step.end(code),
            Input::Applied(ack) => {
                self.applying = self.applying.saturating_sub(1);
                step.send(Body::Ack(*ack));
            }
            Input::Advanced(scope, point) => self.lane(scope, |lane| lane.advanced(now, point)),
            Input::Read(batch) => {
                let lane = self.lanes.get_mut(&scope_of(&batch.scope));
                let unsent = lane.map(|lane| lane.read(now, *batch, step));
                self.unsent.extend(unsent.into_iter().flatten());
            }
            Input::Fetched(batch, rest) => {
                let scope = scope_of(&batch.scope);
                self.lane(scope, |lane| lane.fetched(*batch, rest, step));
            }
            Input::Summed(scope, sums) => {
                self.lane(scope, |lane| lane.summed(now, sums, step));
            }
            Input::Compared(scope, sums) => {
                let role = self.role;
                self.lane(scope, |lane| lane.compared(role, sums, step));
            }
            Input::Listed(scope, buckets, leaves) => {
                self.lane(scope, |lane| lane.listed(&buckets, &leaves, step));
            }
            Input::Differ(scope, keys, leaves) => {
                let role = self.role;
                self.lane(scope, |lane| lane.differ(role, keys, &leaves, step));
            }
            Input::Healed(scope, _) => self.lane(scope, |lane| lane.healed(now)),
            Input::Connected | Input::Tick | Input::Stop | Input::Frame(_) => {}
        }
    }

    fn lane(&mut self, scope: ScopeId, act: impl FnOnce(&mut Lane)) {
        if let Some(lane) = self.lanes.get_mut(&scope) {
            act(lane);
        }
    }

    /// Takes a frame of the peer.
    fn frame(&mut self, now: Mono, frame: Frame, step: &mut Step) {
        let Some(body) = frame.frame else {
            return step.end("SYNC-101");
        };
        match (self.phase, self.role, body) {
            (_, _, Body::Bye(bye)) => {
                self.phase = Phase::Over;
                step.done = Some(Done {
                    code: bye.code,
                    by_peer: true,
                });
            }
            (Phase::Start, Role::Hub, Body::Hello(hello)) => {
                if hello.protocol_min > PROTOCOL || hello.protocol_max < PROTOCOL {
                    return step.end("SYNC-102");
                }
                self.phase = Phase::Greeting;
                step.ops.push(Op::Welcome(Box::new(hello)));
            }
            (Phase::Greeting, Role::Node, Body::Welcome(welcome)) => {
                if welcome.protocol != PROTOCOL {
                    return step.end("SYNC-102");
                }
                self.phase = Phase::Accepting;
                self.diagnosis = welcome.diagnosis();
                step.ops.push(Op::Accept(Box::new(welcome)));
            }
            // The hub goes on at once; what it sends waits until the Welcome is durable here.
            (Phase::Accepting, _, body) if self.early.len() < EARLY_FRAMES_MAX => {
                self.early.push(Frame { frame: Some(body) });
            }
            (Phase::Accepting, ..) => step.end("SYNC-105"),
            (Phase::Open, _, Body::Batch(batch)) => self.batch(now, batch, step),
            (Phase::Open, _, Body::Ack(ack)) => {
                let Some(lane) = self.lanes.get_mut(&scope_of(&ack.scope)) else {
                    return step.end("SYNC-106");
                };
                // Each batch is acked once: more would open the window as wide as the peer likes.
                if !lane.acked(now, &ack) {
                    return step.end("SYNC-105");
                }
                step.ops.push(Op::Acked(Box::new(ack)));
            }
            (Phase::Open, role, Body::Prints(prints)) => {
                let scope = scope_of(&prints.scope);
                self.lane(scope, |lane| lane.prints(now, role, prints, step));
            }
            (Phase::Open, role, Body::Leaves(leaves)) => {
                let scope = scope_of(&leaves.scope);
                self.lane(scope, |lane| lane.leaves(role, leaves, step));
            }
            (Phase::Open, _, Body::Healed(healed)) => {
                let scope = scope_of(&healed.scope);
                let cut = FeedPoint::from_wire(healed.cut.as_ref());
                let Some(lane) = self.lanes.get_mut(&scope) else {
                    return step.end("SYNC-106");
                };
                if !lane.ends_exchange() {
                    return step.end("SYNC-103");
                }
                lane.taken = cut;
                step.ops.push(Op::Heal(scope, cut));
            }
            _ => step.end("SYNC-103"),
        }
    }

    /// Checks a batch, decodes and hashes it, and hands it to the host.
    fn batch(&mut self, now: Mono, batch: Batch, step: &mut Step) {
        let bytes: usize = batch.records.iter().map(Bytes::len).sum();
        // One section of a feed may be a little over: its records grew in a merge.
        if batch.records.len() > BATCH_RECORDS_MAX || bytes > 3 * BATCH_BYTES_MAX {
            return step.end("SYNC-104");
        }
        if self.applying >= 4 * crate::limits::WINDOW_BATCHES {
            return step.end("SYNC-105");
        }
        let scope = scope_of(&batch.scope);
        let Some(lane) = self.lanes.get_mut(&scope) else {
            return step.end("SYNC-106");
        };
        // What this side does not take from the peer comes in an exchange or not at all.
        if !batch.exchange && !lane.takes {
            return step.end("SYNC-106");
        }
        let upto = FeedPoint::from_wire(batch.upto.as_ref());
        if !batch.exchange && !lane.follows(now, FeedPoint::from_wire(batch.after.as_ref()), upto) {
            return step.end("SYNC-107");
        }
        let mut records = Vec::with_capacity(batch.records.len());
        for bytes in batch.records {
            let Ok(record) = Record::decode(&bytes) else {
                return step.end("SYNC-108");
            };
            let leaf = Leaf::of(&bytes);
            records.push(Arrived {
                record,
                bytes,
                leaf,
            });
        }
        self.applying += 1;
        let upto = (!batch.exchange).then_some(upto);
        let positions = batch.positions;
        step.ops.push(Op::Apply(Box::new(Delivery {
            scope,
            records,
            positions,
            upto,
        })));
    }
}

/// A scope as it stands on the wire; a malformed one names no lane.
fn scope_of(bytes: &[u8]) -> ScopeId {
    ScopeId::try_from(bytes).unwrap_or(ScopeId([0xff; 16]))
}

/// Records that wait for room in the window.
type Queue = VecDeque<RecordKey>;

/// Returns the frame of sums at a cut. Without the hub's point it is an exchange, whatever the feeds
/// do meanwhile.
#[must_use]
pub fn prints(scope: ScopeId, sums: Sums, node: FeedPoint, hub: Option<FeedPoint>) -> Prints {
    Prints {
        scope: scope.0.to_vec(),
        node: node.to_wire(),
        hub: hub.and_then(FeedPoint::to_wire),
        parts: sums.parts,
        equal: false,
        quarantined: sums.held_back,
    }
}

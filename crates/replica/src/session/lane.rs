//! One scope within a session: a feed in each direction, windows, and when it is quiet.

use proto::sync::{Ack, Batch, Diagnosis, Position, frame::Frame as Body};

use super::{
    EXCHANGES_MAX, FeedPoint, IDLE_ADVANCE_MS, Op, QUIET_MS, Role, Standing, Step, heal::Healing,
};
use crate::{Mono, RecordKey, ScopeId, limits::WINDOW_BATCHES};

/// Doublings of the pause between exchanges that settle nothing: up to 38 seconds.
const PAUSE_DOUBLINGS_MAX: u32 = 8;

/// One scope within a session.
#[derive(Debug)]
pub struct Lane {
    /// The scope.
    pub scope: ScopeId,
    /// Whether this side's feed goes to the peer.
    pub sends: bool,
    /// Whether the peer's feed comes here.
    pub takes: bool,
    /// The durable end of this side's feed.
    pub end: FeedPoint,
    /// How far it was sent.
    pub cursor: FeedPoint,
    /// How far the peer has acked it.
    pub acked: FeedPoint,
    /// How far this side has taken the peer's feed.
    pub taken: FeedPoint,
    pub(super) in_flight: usize,
    reading: bool,
    /// A read that brought nothing but a later point, and when it goes even so. It carries no
    /// positions, so it may be dropped.
    idle: Option<(Batch, Mono)>,
    pub(super) quiet_since: Mono,
    /// The points (ours, theirs) at which both sides were last found equal.
    equal_at: Option<(FeedPoint, FeedPoint)>,
    /// The points of a comparison under way.
    asked_at: Option<(FeedPoint, FeedPoint)>,
    pub(super) healing: Option<Healing>,
    /// Sums of the peer are being compared.
    pub(super) comparing: bool,
    /// Both checkpoints are worthless: nothing flows before an exchange.
    pub(super) broken: bool,
    pub(super) exchanges: u32,
    /// What goes along with the first exchange of a broken lane.
    offer: Vec<RecordKey>,
    /// How many records the node's sums left out.
    pub(super) asked_without: usize,
}

impl Lane {
    pub(super) fn new(now: Mono, role: Role, standing: &Standing, diagnosis: Diagnosis) -> Self {
        let broken = standing.is_broken(diagnosis);
        let resume = standing.resume.unwrap_or_default();
        let offer = if broken {
            standing.offer.clone()
        } else {
            Vec::new()
        };
        let healing = (broken && role == Role::Node).then(|| Healing::new(&offer));
        Self {
            scope: standing.scope,
            sends: standing.sends,
            takes: standing.takes,
            end: standing.end,
            cursor: resume,
            acked: resume,
            taken: standing.taken,
            in_flight: 0,
            reading: false,
            idle: None,
            quiet_since: now,
            equal_at: None,
            asked_at: None,
            healing,
            comparing: false,
            broken,
            exchanges: 0,
            offer,
            asked_without: 0,
        }
    }

    /// Whether both sides were found equal at the points where they still stand.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.equal_at == Some((self.end, self.taken)) && self.healing.is_none()
    }

    /// Whether the exchanges of this session did not make both sides equal.
    #[must_use]
    pub fn is_stuck(&self) -> bool {
        self.exchanges > EXCHANGES_MAX
    }

    /// Starts what can be started: reads, idle advances, comparisons, exchanges.
    pub(super) fn pump(&mut self, now: Mono, role: Role, step: &mut Step) {
        if let Some(healing) = &mut self.healing {
            healing.pump(self.scope, self.in_flight, step);
            self.finish_exchange();
            if self.healing.is_some() {
                return;
            }
        }
        if self.broken {
            return;
        }
        self.pump_feed(now, step);
        if role == Role::Node {
            self.pump_comparison(now, step);
        }
    }

    fn pump_feed(&mut self, now: Mono, step: &mut Step) {
        if !self.sends {
            return;
        }
        if let Some((batch, due)) = self.idle.take() {
            if now >= due {
                self.send_batch(now, batch, step);
            } else {
                wake(step, due);
                self.idle = Some((batch, due));
            }
        }
        let more = self.cursor.seq < self.end.seq && self.idle.is_none();
        if more && !self.reading && self.in_flight < WINDOW_BATCHES {
            self.reading = true;
            step.ops.push(Op::Read(self.scope, self.cursor));
        }
    }

    fn pump_comparison(&mut self, now: Mono, step: &mut Step) {
        let caught_up = !self.sends || (self.acked.seq >= self.end.seq && self.in_flight == 0);
        if !caught_up || self.asked_at.is_some() || self.is_settled() {
            return;
        }
        // What an exchange did not settle, the next will hardly: each waits longer.
        let pause = QUIET_MS << self.exchanges.min(PAUSE_DOUBLINGS_MAX);
        let due = Mono(self.quiet_since.0 + pause);
        if now < due {
            return wake(step, due);
        }
        self.asked_at = Some((self.end, self.taken));
        step.ops.push(Op::Sum(self.scope));
    }

    pub(super) fn advanced(&mut self, now: Mono, end: FeedPoint) {
        if end.seq > self.end.seq {
            self.end = end;
            self.quiet_since = now;
            self.idle = None;
        }
    }

    /// Takes what was read. Returns the positions of a batch that will not be sent: they were
    /// given out once and must travel with another.
    pub(super) fn read(&mut self, now: Mono, batch: Batch, step: &mut Step) -> Vec<Position> {
        self.reading = false;
        if self.healing.is_some() || FeedPoint::from_wire(batch.after.as_ref()) != self.cursor {
            return batch.positions;
        }
        if batch.records.is_empty() {
            self.idle = Some((batch, Mono(now.0 + IDLE_ADVANCE_MS)));
        } else {
            self.send_batch(now, batch, step);
        }
        Vec::new()
    }

    fn send_batch(&mut self, now: Mono, batch: Batch, step: &mut Step) {
        self.cursor = FeedPoint::from_wire(batch.upto.as_ref());
        self.in_flight += 1;
        self.quiet_since = now;
        step.send(Body::Batch(batch));
    }

    /// Takes an ack. Returns whether a batch was on its way that it can be for.
    pub(super) fn acked(&mut self, now: Mono, ack: &Ack) -> bool {
        let Some(in_flight) = self.in_flight.checked_sub(1) else {
            return false;
        };
        self.in_flight = in_flight;
        self.quiet_since = now;
        let upto = FeedPoint::from_wire(ack.upto.as_ref());
        if !ack.exchange && upto.seq > self.acked.seq {
            self.acked = upto;
        }
        true
    }

    /// Whether a batch continues what was taken; if so it is taken now.
    pub(super) fn follows(&mut self, now: Mono, after: FeedPoint, upto: FeedPoint) -> bool {
        let follows = after == self.taken && upto.seq > after.seq;
        if follows {
            self.taken = upto;
            self.quiet_since = now;
        }
        follows
    }

    /// Notes that both sides are equal at these points (ours, theirs).
    pub(super) fn found_equal(&mut self, ours: FeedPoint, theirs: FeedPoint, step: &mut Step) {
        self.asked_at = None;
        self.exchanges = 0;
        self.equal_at = Some((ours, theirs));
        if self.is_settled() {
            step.ops.push(Op::Settled(self.scope, ours, theirs));
        }
    }

    /// Whether this side asked at the points where it still stands.
    pub(super) fn still_asks(&self) -> bool {
        self.asked_at == Some((self.end, self.taken))
    }

    /// Puts off the next comparison by a quiet time.
    pub(super) fn not_yet(&mut self, now: Mono) {
        self.asked_at = None;
        self.quiet_since = now;
    }

    /// Goes on with this side's feed from a cut, after an exchange.
    pub(super) fn resume_at(&mut self, cut: FeedPoint) {
        self.cursor = cut;
        self.acked = cut;
        self.idle = None;
    }

    /// Begins an exchange: both checkpoints are worthless.
    pub(super) fn begin_exchange(&mut self, mut healing: Healing) {
        if self.broken {
            healing.also(&self.offer);
        }
        self.asked_at = None;
        self.equal_at = None;
        self.idle = None;
        self.healing = Some(healing);
    }
}

/// Asks to be woken at the earlier of two times.
fn wake(step: &mut Step, at: Mono) {
    step.wake_at = Some(step.wake_at.map_or(at, |other| other.min(at)));
}

//! Time and chance of a simulated world: both come from the seed, neither from the machine.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use replica::{Clock, Mono};

/// What the wall clocks of all worlds show at their beginning, milliseconds since 1970.
const WALL_START_MS: i64 = 1_700_000_000_000;
/// Ten years.
pub(crate) const JUMP_MS: i64 = 10 * 365 * 86_400_000;
/// A wall clock that goes.
const GOES: u64 = u64::MAX;

/// The clock of one machine: time that the world turns, and a wall clock that may be off, jump
/// and stand still.
#[derive(Clone, Debug)]
pub(crate) struct SimClock {
    now_ms: Arc<AtomicU64>,
    off_ms: Arc<AtomicI64>,
    /// When the wall clock stopped, or [`GOES`].
    stopped_ms: Arc<AtomicU64>,
}

/// What a clock shows, to be put back later.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClockState {
    now_ms: u64,
    off_ms: i64,
    stopped_ms: u64,
}

impl SimClock {
    pub(crate) fn state(&self) -> ClockState {
        ClockState {
            now_ms: self.now_ms.load(Ordering::Relaxed),
            off_ms: self.off_ms.load(Ordering::Relaxed),
            stopped_ms: self.stopped_ms.load(Ordering::Relaxed),
        }
    }

    /// Shows what it showed once, until it is put back.
    pub(crate) fn put(&self, state: ClockState) {
        self.set(state.now_ms);
        self.off_ms.store(state.off_ms, Ordering::Relaxed);
        self.stopped_ms.store(state.stopped_ms, Ordering::Relaxed);
    }

    pub(crate) fn new() -> Self {
        Self {
            now_ms: Arc::default(),
            off_ms: Arc::default(),
            stopped_ms: Arc::new(AtomicU64::new(GOES)),
        }
    }

    /// The clock of another machine.
    pub(crate) fn of_another(&self, off_ms: i64) -> Self {
        Self {
            now_ms: Arc::clone(&self.now_ms),
            off_ms: Arc::new(AtomicI64::new(off_ms)),
            stopped_ms: Arc::new(AtomicU64::new(GOES)),
        }
    }

    pub(crate) fn set(&self, now_ms: u64) {
        self.now_ms.store(now_ms, Ordering::Relaxed);
    }

    /// From now on the wall clock is off by this, and goes.
    pub(crate) fn jump(&self, off_ms: i64) {
        self.off_ms.store(off_ms, Ordering::Relaxed);
        self.stopped_ms.store(GOES, Ordering::Relaxed);
    }

    /// From now on the wall clock stands still.
    pub(crate) fn stop(&self) {
        let now = self.now_ms.load(Ordering::Relaxed);
        self.stopped_ms.store(now, Ordering::Relaxed);
    }
}

impl Clock for SimClock {
    fn mono(&self) -> Mono {
        Mono(self.now_ms.load(Ordering::Relaxed))
    }

    fn wall_ms(&self) -> u64 {
        let stopped = self.stopped_ms.load(Ordering::Relaxed);
        let now = self.now_ms.load(Ordering::Relaxed).min(stopped);
        let wall = WALL_START_MS + self.off_ms.load(Ordering::Relaxed);
        u64::try_from(wall).unwrap_or(0) + now
    }
}

/// Splitmix64: small, and the same on every machine.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed ^ 0x6c69_616e_6778_696e)
    }

    /// Chance of its own for one question: other questions, also new ones, do not change it.
    pub(crate) fn about(seed: u64, question: &str) -> Self {
        let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let hashed = question.bytes().fold(0xcbf2_9ce4_8422_2325, hash);
        Self::new(mix(seed).wrapping_add(hashed))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap_or(0)
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low + 1)
    }

    /// True so many times in a hundred.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    /// One of some.
    pub(crate) fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

pub(crate) fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

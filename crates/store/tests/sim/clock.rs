//! Time and chance of a simulated world: both come from the seed, neither from the machine.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use replica::{Clock, Mono};

/// What the wall clocks of all worlds show at their beginning, milliseconds since 1970.
const WALL_START_MS: u64 = 1_700_000_000_000;

/// A clock that the world turns; its wall time is off by a skew.
#[derive(Clone, Debug, Default)]
pub(crate) struct SimClock {
    now_ms: Arc<AtomicU64>,
    skew_ms: u64,
}

impl SimClock {
    pub(crate) fn skewed(&self, skew_ms: u64) -> Self {
        Self {
            now_ms: Arc::clone(&self.now_ms),
            skew_ms,
        }
    }

    pub(crate) fn set(&self, now_ms: u64) {
        self.now_ms.store(now_ms, Ordering::Relaxed);
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::Relaxed)
    }
}

impl Clock for SimClock {
    fn mono(&self) -> Mono {
        Mono(self.now_ms())
    }

    fn wall_ms(&self) -> u64 {
        WALL_START_MS + self.skew_ms + self.now_ms()
    }
}

/// Splitmix64: small, and the same on every machine.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed ^ 0x6c69_616e_6778_696e)
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
}

pub(crate) fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

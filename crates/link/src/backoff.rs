//! How long to wait before dialling again: exponential, with full jitter.
//!
//! Pure: the random number comes in. Two hundred districts that lost the hub at the same moment
//! come back spread over the whole wait and not all at its end.

use std::time::Duration;

const FIRST_MS: u64 = 200;
const LONGEST_MS: u64 = 60_000;

/// The wait of one dialler, longer after each failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Returns the wait before the next attempt: anything from nothing up to a bound that starts
    /// at 200 ms and doubles with each failure up to 60 s. `random` is uniform over all of `u64`.
    pub fn failed(&mut self, random: u64) -> Duration {
        let bound_ms = FIRST_MS
            .saturating_mul(1_u64.checked_shl(self.failures).unwrap_or(u64::MAX))
            .min(LONGEST_MS);
        self.failures = self.failures.saturating_add(1);
        Duration::from_millis(scale(bound_ms, random))
    }

    /// Starts over: the last attempt reached the peer.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// How many attempts failed in a row.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

/// Returns a number from 0 to `bound`, in the proportion of `random` to all of `u64`.
pub(crate) fn scale(bound: u64, random: u64) -> u64 {
    let scaled = (u128::from(bound) * u128::from(random)) >> 64;
    u64::try_from(scaled).unwrap_or(bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bound_doubles_from_200_ms_to_60_s() {
        let mut backoff = Backoff::default();
        let bounds: Vec<u64> = (0..80)
            .map(|_| u64::try_from(backoff.failed(u64::MAX).as_millis()).unwrap())
            .collect();
        assert_eq!(&bounds[..4], [199, 399, 799, 1_599]);
        assert!(bounds[10..].iter().all(|bound| *bound == 59_999));
        assert!(bounds.windows(2).all(|pair| pair[0] <= pair[1]));
    }

    #[test]
    fn jitter_reaches_from_nothing_to_the_bound() {
        assert_eq!(Backoff { failures: 9 }.failed(0), Duration::ZERO);
        assert_eq!(
            Backoff { failures: 9 }.failed(u64::MAX / 2).as_millis(),
            29_999
        );
    }

    #[test]
    fn success_starts_over() {
        let mut backoff = Backoff::default();
        for _ in 0..20 {
            backoff.failed(7);
        }
        backoff.succeeded();
        assert_eq!(backoff.failed(u64::MAX).as_millis(), 199);
    }
}

//! How far the clock of whoever wrote a value was off when it was written.
//!
//! A peer says at each greeting what time it is there; a reading is kept whenever its error has
//! changed. A write has its time by the writer's clock, and so has a reading: the one that held is
//! the newest at or before the write. Where a clock was set back over the moment of the write, two
//! may hold, and the newer counts.

use std::collections::BTreeMap;

use replica::{HybridTime, ReplicaId};
use store::ClockReading;

use crate::{app::App, failure::Failure};

/// What is known of the clocks of all who call here.
pub(super) struct Clocks(BTreeMap<ReplicaId, Vec<ClockReading>>);

impl Clocks {
    pub(super) fn now(app: &App) -> Result<Self, Failure> {
        Ok(Self(app.reader().clocks()?))
    }

    /// How far an author's clock was ahead of this one when a write was made, in milliseconds; none
    /// where nothing is known of it, as of the own, which is the measure.
    pub(super) fn error_ms(&self, author: &str, at: HybridTime) -> Option<i64> {
        let (_, replica) = author.rsplit_once('@')?;
        let (_, short) = replica.rsplit_once('-')?;
        if short.is_empty() {
            return None;
        }
        let mut named = self.0.iter();
        let (_, readings) = named.find(|(replica, _)| replica.to_string().starts_with(short))?;
        let written_ms = i64::try_from(at.millis()).unwrap_or(i64::MAX);
        Some(held_at(readings, written_ms)?.ahead_ms)
    }
}

/// The reading that held at a moment of the peer's clock. Of a write from before the first greeting
/// the first one tells most.
fn held_at(readings: &[ClockReading], written_ms: i64) -> Option<&ClockReading> {
    let mut newest_first = readings.iter().rev();
    let before = newest_first.find(|reading| reading.theirs_ms <= written_ms);
    before.or_else(|| readings.first())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_at(readings: &[(i64, i64)], written_ms: i64) -> Option<i64> {
        let reading = |&(theirs_ms, ahead_ms)| ClockReading {
            theirs_ms,
            ahead_ms,
        };
        let readings: Vec<_> = readings.iter().map(reading).collect();
        held_at(&readings, written_ms).map(|reading| reading.ahead_ms)
    }

    #[test]
    fn a_write_is_explained_by_the_greeting_before_it() {
        // Right at first, an hour ahead from the second greeting on, then right again.
        let readings = [(1_000, 0), (7_000, 3_600), (20_000, 0)];
        assert_eq!(error_at(&readings, 1_500), Some(0));
        assert_eq!(error_at(&readings, 7_000), Some(3_600), "at the greeting");
        assert_eq!(error_at(&readings, 19_999), Some(3_600));
        assert_eq!(error_at(&readings, 30_000), Some(0));
    }

    #[test]
    fn a_write_from_before_the_first_greeting_is_explained_by_that() {
        assert_eq!(error_at(&[(1_000, 90), (9_000, 0)], 10), Some(90));
        assert_eq!(error_at(&[], 10), None);
    }

    #[test]
    fn where_a_clock_was_set_back_the_newer_reading_counts() {
        let readings = [(100, 50), (60, 0)];
        assert_eq!(error_at(&readings, 70), Some(0));
        assert_eq!(error_at(&readings, 120), Some(0));
    }
}

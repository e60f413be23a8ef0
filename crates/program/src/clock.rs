//! The one place that reads the machine's clocks.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use domain::Date;
use replica::{Clock, Mono};

/// The clocks of the machine.
#[derive(Clone, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn mono(&self) -> Mono {
        Mono(u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that others get passed in"
    )]
    fn wall_ms(&self) -> u64 {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

/// Hours that the programme's calendar is ahead of UTC.
const HOURS_EAST: i64 = 8;

/// The calendar date of a moment where the programme runs.
#[must_use]
pub fn date_of(wall_ms: u64) -> Date {
    let seconds = i64::try_from(wall_ms / 1_000).unwrap_or(0) + HOURS_EAST * 3_600;
    time::OffsetDateTime::from_unix_timestamp(seconds).map_or(Date::MIN, time::OffsetDateTime::date)
}

/// A moment as people read it where the programme runs: `2020-09-30 17:05:09`.
#[must_use]
pub fn moment(wall_ms: u64) -> String {
    let seconds = i64::try_from(wall_ms / 1_000).unwrap_or(0) + HOURS_EAST * 3_600;
    let Ok(at) = time::OffsetDateTime::from_unix_timestamp(seconds) else {
        return String::new();
    };
    let (hour, minute, second) = at.to_hms();
    format!(
        "{} {hour:02}:{minute:02}:{second:02}",
        domain::date::text(at.date())
    )
}

//! Proving the store while the program runs: every record against its checksum, every own journal
//! against its chain. It takes seconds on a large store, so what was found is kept for `status`.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use link::Stop;
use store::JournalBreak;

use crate::{app::App, failure::Failure};

/// Records up to which the store is proved every hour: some seconds of one core. Above, a day is
/// the longest that damage may lie unseen.
const HOURLY_RECORDS_MAX: usize = 100_000;

/// Between two proofs of a serving program. The first is the opening itself. `hours` is the
/// setting; 0 goes by the number of records.
fn proof_every(hours: u64, records: usize) -> Duration {
    let hours = match hours {
        0 if records <= HOURLY_RECORDS_MAX => 1,
        0 => 24,
        hours => hours,
    };
    Duration::from_secs(hours * 3_600)
}

/// What the newest proof has found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    pub(crate) damage: Vec<String>,
    pub(crate) breaks: Vec<JournalBreak>,
}

/// What the newest proof of this run has found.
#[derive(Debug, Default)]
pub struct Proofs(Mutex<Found>);

impl Proofs {
    pub(crate) fn found(&self) -> Found {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn note(&self, found: Found) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = found;
    }
}

/// Proves the store and keeps what was found.
pub(crate) fn prove(app: &App) -> Result<(), Failure> {
    let found = Found {
        damage: app.reader().scrub()?,
        breaks: app.reader().journal_breaks()?,
    };
    app.proofs.note(found);
    Ok(())
}

/// Proves the store again and again until the stop signal.
pub(crate) async fn keep_proving(app: App, mut stop: Stop) {
    loop {
        let wait = proof_every(app.config.store.proof_hours, app.reader().count());
        tokio::select! {
            () = stop.wait() => break,
            () = tokio::time::sleep(wait) => {}
        }
        let proved = app.clone();
        match tokio::task::spawn_blocking(move || prove(&proved)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(code = %error.code, %error, "the store is not sound"),
            Err(error) => tracing::warn!(%error, "the proof of the store ended badly"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(setting: u64, records: usize) -> u64 {
        proof_every(setting, records).as_secs() / 3_600
    }

    #[test]
    fn a_store_of_a_district_is_proved_every_hour_and_a_large_one_every_day() {
        assert_eq!((hours(0, 0), hours(0, 100_000)), (1, 1));
        assert_eq!(hours(0, 100_001), 24);
    }

    #[test]
    fn the_setting_goes_before_the_size() {
        assert_eq!((hours(6, 10), hours(6, 1_000_000)), (6, 6));
    }
}

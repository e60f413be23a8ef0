//! Proving the store while the program runs: every record against its checksum, every own journal
//! against its chain. It takes seconds on a large store, so what was found is kept for `status`.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use link::Stop;
use store::JournalBreak;

use crate::{app::App, failure::Failure};

/// Between two proofs of a serving program. The first is the opening itself.
const PROOF_EVERY: Duration = Duration::from_secs(24 * 3_600);

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

/// Proves the store once a day until the stop signal.
pub(crate) async fn keep_proving(app: App, mut stop: Stop) {
    loop {
        tokio::select! {
            () = stop.wait() => break,
            () = tokio::time::sleep(PROOF_EVERY) => {}
        }
        let proved = app.clone();
        match tokio::task::spawn_blocking(move || prove(&proved)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(code = %error.code, %error, "the store is not sound"),
            Err(error) => tracing::warn!(%error, "the proof of the store ended badly"),
        }
    }
}

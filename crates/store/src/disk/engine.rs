//! Calls into sled: started under the rules it needs, and never trusted to return.
//!
//! On damaged files sled 0.34.7 more often stops with a panic than with an error. Every call goes
//! through [`caught`], which makes an error of it, so that a damaged store is a message and never
//! a program that starts and dies and starts again.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use super::directory::io_error;
use crate::StoreError;

/// How long sled's own lock is tried: the threads of a store that was just closed let go of the
/// file some time later.
const REOPEN_PATIENCE: Duration = Duration::from_secs(2);

/// Opens sled.
///
/// No background flusher: it ends silently after an error, and we flush before each answer. Mode
/// and compression stay at their defaults: 0.34.7 reads the mode nowhere, and with compression its
/// opening was seen to become slower by the week.
pub(super) fn start(path: &Path, cache_bytes: u64) -> Result<sled::Db, StoreError> {
    let until = Instant::now() + REOPEN_PATIENCE;
    loop {
        let config = sled::Config::new()
            .path(path)
            .cache_capacity(cache_bytes)
            .flush_every_ms(None)
            .use_compression(false);
        match catch_unwind(AssertUnwindSafe(|| config.open())) {
            Ok(Err(error)) if is_locked(&error) => {
                if Instant::now() >= until {
                    return Err(StoreError::InUse);
                }
                thread::sleep(Duration::from_millis(20));
            }
            Ok(opened) => return opened.map_err(engine_error),
            Err(panic) => return Err(stopped(&*panic)),
        }
    }
}

/// Where sled's log ends, up to which it was written.
///
/// The way there is not in sled's documentation. The exact version is asked for.
pub(super) fn end(db: &sled::Db) -> u64 {
    let last = db.context.pagecache.log.stable_offset();
    u64::try_from(last + 1).unwrap_or_default()
}

/// Calls sled and makes an error of whatever happens.
pub(super) fn caught<T>(call: impl FnOnce() -> sled::Result<T>) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(engine_error),
        Err(panic) => Err(stopped(&*panic)),
    }
}

/// What sled said, in our words.
fn engine_error(error: sled::Error) -> StoreError {
    match error {
        sled::Error::Io(error) => io_error(error),
        sled::Error::Corruption { at, .. } => {
            let place = at.map_or_else(String::new, |at| format!(" at {at}"));
            StoreError::Damaged {
                what: format!("the engine found bad bytes{place}"),
            }
        }
        sled::Error::Unsupported(what) | sled::Error::ReportableBug(what) => {
            StoreError::Damaged { what }
        }
        sled::Error::CollectionNotFound(_) => StoreError::Damaged {
            what: "the engine found no tree".to_owned(),
        },
    }
}

/// sled passes the system's answer on as text only.
fn is_locked(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(error) if error.to_string().contains("could not acquire lock"))
}

fn stopped(panic: &(dyn Any + Send)) -> StoreError {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no text");
    // One line: assertions print what they compared below.
    let line = text.lines().next().unwrap_or_default();
    StoreError::Damaged {
        what: format!("the engine stopped: {line}"),
    }
}

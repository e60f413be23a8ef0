//! Asking the store one operation at a time.

use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use proto::sync::{Batch, Hello, Prints, RecordName, Welcome};
use replica::session::{FeedPoint, Input, Op, Standing, Sums};
use replica::{RecordKey, ScopeId};
use store::{Command, Reply};

use super::BundleError;
use crate::driver::SessionSeat;

/// Between two attempts when the writer has too much to do, and how many there are: ten seconds.
const PAUSE: Duration = Duration::from_millis(10);
const ATTEMPTS: usize = 1_000;

/// Hands an operation to the store and waits until it is durable. Blocks.
pub(super) fn ask(seat: &SessionSeat, op: &Op) -> Result<Option<Input>, BundleError> {
    for _ in 0..ATTEMPTS {
        let (answer, answered) = sync_channel(1);
        let done = move |reply| answer.send(reply).unwrap_or_default();
        let command = Command::Session(seat.login, op.clone());
        if seat.writer.submit(command, done).is_err() {
            if seat.writer.failure().is_some() {
                return Err(BundleError::Store);
            }
            thread::sleep(PAUSE);
            continue;
        }
        return match answered.recv() {
            Ok(Reply::Input(input)) => match *input {
                Input::Stop => Err(session("SYNC-115")),
                input => Ok(Some(input)),
            },
            Ok(Reply::Nothing) => Ok(None),
            Ok(Reply::Written(_) | Reply::Done(_)) | Err(_) => Err(BundleError::Store),
        };
    }
    Err(BundleError::Store)
}

/// Forgets the session that the operations belonged to.
pub(super) fn close(seat: &SessionSeat) {
    let close = Command::Close(seat.login.session);
    // A store that takes no more work forgets it by itself.
    seat.writer.submit(close, |_| {}).unwrap_or_default();
}

/// A session that cannot go on.
pub(super) fn session(code: &str) -> BundleError {
    BundleError::Session {
        code: code.to_owned(),
    }
}

/// An answer that does not fit its operation: the store has failed.
fn unfit(input: Option<Input>) -> BundleError {
    match input {
        Some(Input::Accepted(Err(code)) | Input::Welcomed(Err(code))) => session(code),
        Some(_) | None => BundleError::Store,
    }
}

pub(super) fn greet(seat: &SessionSeat) -> Result<Hello, BundleError> {
    match ask(seat, &Op::Greet)? {
        Some(Input::Greeted(hello)) => Ok(*hello),
        other => Err(unfit(other)),
    }
}

pub(super) fn welcome(
    seat: &SessionSeat,
    hello: Hello,
) -> Result<(Welcome, Vec<Standing>), BundleError> {
    match ask(seat, &Op::Welcome(Box::new(hello)))? {
        Some(Input::Welcomed(Ok((welcome, standings)))) => Ok((*welcome, standings)),
        other => Err(unfit(other)),
    }
}

pub(super) fn accept(seat: &SessionSeat, welcome: Welcome) -> Result<Vec<Standing>, BundleError> {
    match ask(seat, &Op::Accept(Box::new(welcome)))? {
        Some(Input::Accepted(Ok(standings))) => Ok(standings),
        other => Err(unfit(other)),
    }
}

pub(super) fn read(
    seat: &SessionSeat,
    scope: ScopeId,
    after: FeedPoint,
) -> Result<Batch, BundleError> {
    match ask(seat, &Op::Read(scope, after))? {
        Some(Input::Read(batch)) => Ok(*batch),
        other => Err(unfit(other)),
    }
}

pub(super) fn sum(seat: &SessionSeat, scope: ScopeId) -> Result<Sums, BundleError> {
    match ask(seat, &Op::Sum(scope))? {
        Some(Input::Summed(_, sums)) => Ok(sums),
        other => Err(unfit(other)),
    }
}

pub(super) fn compare(
    seat: &SessionSeat,
    scope: ScopeId,
    prints: Prints,
) -> Result<Sums, BundleError> {
    match ask(seat, &Op::Compare(scope, prints.parts, prints.quarantined))? {
        Some(Input::Compared(_, sums)) => Ok(sums),
        other => Err(unfit(other)),
    }
}

/// Says again what either side holds back: a session that begins knows nothing of it.
pub(super) fn hold_back(seat: &SessionSeat, names: &[RecordName]) -> Result<(), BundleError> {
    if !names.is_empty() {
        ask(seat, &Op::HeldBack(seat.login.scope, names.to_vec()))?;
    }
    Ok(())
}

/// Every record of a scope: what a peer lacks that holds nothing.
pub(super) fn keys(seat: &SessionSeat, scope: ScopeId) -> Result<Vec<RecordKey>, BundleError> {
    let buckets = (0..u32::try_from(replica::BUCKETS).unwrap_or(u32::MAX)).collect();
    match ask(seat, &Op::Diff(scope, buckets, Vec::new()))? {
        Some(Input::Differ(_, keys, _)) => Ok(keys),
        other => Err(unfit(other)),
    }
}

pub(super) fn fetch(
    seat: &SessionSeat,
    scope: ScopeId,
    keys: Vec<RecordKey>,
) -> Result<(Batch, Vec<RecordKey>), BundleError> {
    match ask(seat, &Op::Fetch(scope, keys))? {
        Some(Input::Fetched(batch, rest)) => Ok((*batch, rest)),
        other => Err(unfit(other)),
    }
}

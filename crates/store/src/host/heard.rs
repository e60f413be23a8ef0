//! What peers say of themselves, and how they answer: kept for people, decides nothing.

use prost::Message as _;
use proto::{
    stored::{ClockReading, PeerHeard, Unsettled},
    sync::{Diagnosis, Outcome, Result as ResultWire},
};
use replica::{ReplicaId, ScopeId};

use super::{Host, peers};
use crate::{
    StoreError, keys,
    ledger::{heard_name, unsettled_name},
};

/// By how much the error of a peer's clock must have changed to be a reading of its own. Less is
/// the way that a greeting takes; a clock that somebody has set jumps by more.
const CLOCK_CHANGE_MS: u64 = 1_000;
/// Readings of one peer's clock that are kept, the newest: years of one that is set now and then, and
/// little to read for one that is set at each greeting.
const CLOCKS_MAX: usize = 64;

impl Host {
    pub(super) fn wall_ms(&self) -> i64 {
        i64::try_from(self.config.clock.wall_ms()).unwrap_or(i64::MAX)
    }

    /// Keeps what a peer has said of itself at the beginning of a session. Only the newest is of
    /// use, but for its clock: what was written before that was set is explained by its error then.
    ///
    /// A greeting without a schema was not said by the peer: whoever makes a bundle recalls it from
    /// memory. One without a time says nothing of the peer's clock: what was heard of it stays.
    ///
    /// # Errors
    /// The store does not answer.
    pub(super) fn heard(
        &mut self,
        peer: ReplicaId,
        schema: u32,
        now_ms: i64,
        diagnosis: Diagnosis,
    ) -> Result<(), StoreError> {
        if schema == 0 {
            return Ok(());
        }
        let at_ms = self.wall_ms();
        let former = self.ledger.reader().heard_from(peer)?.unwrap_or_default();
        let (ahead_ms, mut clocks) = (former.ahead_ms, former.clocks);
        let mut heard = PeerHeard {
            at_ms,
            ahead_ms,
            schema,
            diagnosis: u32::try_from(i32::from(diagnosis)).unwrap_or(0),
            clocks: Vec::new(),
        };
        if now_ms != 0 {
            heard.ahead_ms = now_ms.saturating_sub(at_ms);
            let reading = ClockReading {
                theirs_ms: now_ms,
                ahead_ms: heard.ahead_ms,
            };
            note_clock(&mut clocks, reading);
        }
        heard.clocks = clocks;
        let key = keys::local(&heard_name(peer));
        self.ledger.stage(key, Some(heard.encode_to_vec()));
        Ok(())
    }

    /// Keeps which records a peer has not simply taken, so that a person who asks is told.
    pub(super) fn note_results(&mut self, results: &[ResultWire]) {
        let at_ms = self.wall_ms();
        for result in results {
            let key = keys::local(&unsettled_name(peers::key_of(result.kind, &result.id)));
            let entry = Unsettled {
                outcome: u32::try_from(result.outcome).unwrap_or(0),
                code: result.code.clone(),
                at_ms,
            };
            // A refused write becomes a draft, and what is held back has a list of its own.
            let is_kept = result.outcome == i32::from(Outcome::Later);
            self.ledger
                .stage(key, is_kept.then(|| entry.encode_to_vec()));
        }
    }

    /// Both sides are equal in a scope: nothing of it is unsettled any more.
    pub(super) fn forget_results(&mut self, scope: ScopeId) -> Result<(), StoreError> {
        let reader = self.ledger.reader();
        for key in reader.unsettled()?.into_keys() {
            let place = reader.get(key)?.map(|stored| stored.place.scope);
            let lies_in = place.and_then(|number| reader.scope_id(number));
            if lies_in.is_none_or(|other| other == scope) {
                self.ledger.stage(keys::local(&unsettled_name(key)), None);
            }
        }
        Ok(())
    }
}

/// Adds a reading where it tells of another error than the last one.
fn note_clock(clocks: &mut Vec<ClockReading>, reading: ClockReading) {
    let is_same = |last: &ClockReading| reading.ahead_ms.abs_diff(last.ahead_ms) <= CLOCK_CHANGE_MS;
    if clocks.last().is_some_and(is_same) {
        return;
    }
    clocks.push(reading);
    let over = clocks.len().saturating_sub(CLOCKS_MAX);
    clocks.drain(..over);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(errors_ms: impl IntoIterator<Item = i64>) -> Vec<i64> {
        let mut clocks = Vec::new();
        for (at_ms, ahead_ms) in (0..).step_by(60_000).zip(errors_ms) {
            let theirs_ms = at_ms + ahead_ms;
            note_clock(
                &mut clocks,
                ClockReading {
                    theirs_ms,
                    ahead_ms,
                },
            );
        }
        clocks.iter().map(|clock| clock.ahead_ms).collect()
    }

    #[test]
    fn a_clock_is_noted_when_it_was_set_and_not_at_each_greeting() {
        assert_eq!(noted([0, 300, -700, 900]), [0]);
        assert_eq!(
            noted([90_000, 90_400, 200, 0, 90_000]),
            [90_000, 200, 90_000]
        );
        // One that runs fast is noted again and again, a second apart.
        assert_eq!(
            noted((0..50).map(|n| n * 100)),
            [0, 1_100, 2_200, 3_300, 4_400]
        );
    }

    #[test]
    fn a_clock_that_is_set_at_each_greeting_fills_no_store() {
        let kept = noted((0..500).map(|n| n * 10_000));
        assert_eq!(kept.len(), CLOCKS_MAX);
        assert_eq!(kept.last(), Some(&4_990_000), "the newest");
    }
}

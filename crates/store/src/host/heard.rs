//! What peers say of themselves, and how they answer: kept for people, decides nothing.

use prost::Message as _;
use proto::{
    stored::{PeerHeard, Unsettled},
    sync::{Diagnosis, Outcome, Result as ResultWire},
};
use replica::{ReplicaId, ScopeId};

use super::{Host, peers};
use crate::{
    StoreError, keys,
    ledger::{heard_name, unsettled_name},
};

impl Host {
    pub(super) fn wall_ms(&self) -> i64 {
        i64::try_from(self.config.clock.wall_ms()).unwrap_or(i64::MAX)
    }

    /// Keeps what a peer has said of itself at the beginning of a session. Only the newest is of
    /// use.
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
        let ahead_ms = if now_ms == 0 {
            let former = self.ledger.reader().heard()?;
            former.get(&peer).map_or(0, |former| former.ahead_ms)
        } else {
            now_ms.saturating_sub(at_ms)
        };
        let heard = PeerHeard {
            at_ms,
            ahead_ms,
            schema,
            diagnosis: u32::try_from(i32::from(diagnosis)).unwrap_or(0),
        };
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

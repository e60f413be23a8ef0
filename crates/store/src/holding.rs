//! Which writes a replica holds, said to a peer that may be about to give them up.
//!
//! A position does not answer this: a replica learns it with the first batch of several, and the
//! text of a write may still be on its way. What is asked is the record itself.

use std::collections::BTreeSet;

use replica::{Dot, Incarnation, RecordKey, ScopeId};

use crate::{Grounds, Reader, StoreError, ledger::Lies};

/// Whether a write is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holding {
    /// Its record has seen it: it stands, or what replaced it does.
    Held,
    /// It was refused, and is kept with the reason.
    Refused,
    /// It is not here.
    None,
    /// It is neither the peer's own nor of a record of its scopes: nothing is said of it.
    Unsaid,
}

impl Grounds {
    /// Says of each write whether it is held here. Of writes that are not the peer's own only those
    /// of records of its scope, or of the published one, are looked for; whether there are others
    /// is not told.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn holdings(
        &self,
        reader: &Reader,
        published: ScopeId,
        writes: &[(RecordKey, Dot)],
    ) -> Result<Vec<Holding>, StoreError> {
        let peers: BTreeSet<Incarnation> = self.peers.iter().map(|(i, _, _)| *i).collect();
        let refused: BTreeSet<Dot> = self.refused.iter().map(|(dot, _, _)| *dot).collect();
        let lies_in = |key, scope| reader.lies(key, scope) == Lies::Here;
        let look = |(key, dot): &(RecordKey, Dot)| {
            let may_ask = peers.contains(&dot.incarnation)
                || lies_in(*key, self.scope)
                || lies_in(*key, published);
            if !may_ask {
                return Ok(Holding::Unsaid);
            }
            let stored = reader.get(*key)?;
            if stored.is_some_and(|stored| stored.record.context.covers(*dot)) {
                return Ok(Holding::Held);
            }
            Ok(if refused.contains(dot) {
                Holding::Refused
            } else {
                Holding::None
            })
        };
        writes.iter().map(look).collect()
    }
}

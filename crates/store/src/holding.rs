//! Which writes a replica holds, said to a peer that may be about to give them up.
//!
//! A position does not answer this: a replica learns it with the first batch of several, and the
//! text of a write may still be on its way. What is asked is the record itself.

use std::collections::{BTreeMap, BTreeSet};

use replica::{Dot, Incarnation, Record, RecordKey, ScopeId};

use crate::{
    Grounds, Reader, StoreError,
    host::{HeldBack, clashing},
    ledger::Lies,
};

/// Whether a write is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holding {
    /// Its record has seen it: it stands, or what replaced it does.
    Held,
    /// It is not in the record here, but in a state of it that is kept aside until a person decides.
    Quarantined,
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
        let aside = kept_aside(&self.aside);
        let lies_in = |key, scope| reader.lies(key, scope) == Lies::Here;
        let look = |(key, dot): &(RecordKey, Dot)| {
            let may_ask = peers.contains(&dot.incarnation)
                || lies_in(*key, self.scope)
                || lies_in(*key, published);
            if !may_ask {
                return Ok(Holding::Unsaid);
            }
            let here = reader.get(*key)?.map(|stored| stored.record);
            let of_key = aside.get(key).map_or(&[][..], Vec::as_slice);
            let other = |theirs| here.as_ref().map(|here| clashing(here, theirs));
            let clashes = of_key
                .iter()
                .filter_map(other)
                .flatten()
                .any(|it| it == *dot);
            let covers = |record: &Record| record.context.covers(*dot);
            Ok(if !clashes && here.as_ref().is_some_and(covers) {
                Holding::Held
            } else if refused.contains(dot) {
                Holding::Refused
            } else if clashes || of_key.iter().any(covers) {
                Holding::Quarantined
            } else {
                Holding::None
            })
        };
        writes.iter().map(look).collect()
    }
}

/// What can be read of the states that are kept aside.
fn kept_aside(held: &[HeldBack]) -> BTreeMap<RecordKey, Vec<Record>> {
    let mut states: BTreeMap<RecordKey, Vec<Record>> = BTreeMap::new();
    for held in held {
        // Empty where it is the peer that holds the record back.
        if let Ok(theirs) = Record::decode(&held.theirs) {
            states.entry(held.key).or_default().push(theirs);
        }
    }
    states
}

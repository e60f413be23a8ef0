//! Records that were merged into others: which one stands for them.
//!
//! The hub merges; a merged record keeps what it says and becomes a name of the other for ever. A
//! circle of such names is an open question, and hides nothing until a person has answered it.

use replica::{RecordId, RecordKey};

use crate::{
    catalogue::{Catalogue, KindSpec},
    wire::{self, Item},
};

/// More names than any chain of mergers has; a longer one is taken for a circle.
const STEPS_MAX: usize = 64;

/// What a record's id stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alias {
    /// Itself.
    Itself,
    /// The record that it was merged into, at the end of the chain.
    Of(RecordId),
    /// It was merged in a circle: it stands, and so do the others.
    Circle,
}

impl Alias {
    /// Follows the names from an id; `next` says what a record was merged into.
    ///
    /// # Errors
    /// What `next` could not read.
    pub fn follow<E>(
        from: RecordId,
        next: &mut dyn FnMut(RecordId) -> Result<Option<RecordId>, E>,
    ) -> Result<Self, E> {
        let mut at = from;
        for _ in 0..STEPS_MAX {
            match next(at)? {
                None if at == from => return Ok(Self::Itself),
                None => return Ok(Self::Of(at)),
                // The way into a circle does not lead out of it either.
                Some(to) => at = to,
            }
        }
        Ok(Self::Circle)
    }

    /// The id that stands for another: itself where nothing else does.
    #[must_use]
    pub fn of(self, id: RecordId) -> RecordId {
        match self {
            Self::Of(other) => other,
            Self::Itself | Self::Circle => id,
        }
    }
}

/// Returns what a record says it was merged into, from its values.
#[must_use]
pub fn merged_into(kind: &KindSpec, values: &[u8]) -> Option<RecordId> {
    let field = kind.alias()?;
    match wire::items(field, &wire::chunks(values).ok()?).pop()? {
        Item::Bytes(id) => RecordId::try_from(id.as_ref()).ok(),
        Item::Number(_) | Item::Text(_) => None,
    }
}

/// Whether records of a kind can be merged.
#[must_use]
pub fn is_possible(catalogue: &Catalogue, key: RecordKey) -> bool {
    catalogue
        .kind(key.kind)
        .is_some_and(|kind| kind.alias().is_some())
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, convert::Infallible};

    use super::*;

    fn follow(names: &[(u8, u8)], from: u8) -> Alias {
        let id = |n| RecordId([n; 16]);
        let names: BTreeMap<_, _> = names.iter().map(|(a, b)| (id(*a), id(*b))).collect();
        let mut next = |id| Ok::<_, Infallible>(names.get(&id).copied());
        Alias::follow(id(from), &mut next).unwrap()
    }

    #[test]
    fn a_chain_of_names_leads_to_its_end() {
        let names = [(1, 2), (2, 3)];
        assert_eq!(follow(&names, 1), Alias::Of(RecordId([3; 16])));
        assert_eq!(follow(&names, 2), Alias::Of(RecordId([3; 16])));
        assert_eq!(follow(&names, 3), Alias::Itself);
        assert_eq!(follow(&names, 9), Alias::Itself);
    }

    #[test]
    fn a_circle_hides_nothing() {
        let names = [(1, 2), (2, 1), (5, 1), (7, 7)];
        for from in [1, 2, 5, 7] {
            assert_eq!(follow(&names, from), Alias::Circle);
            assert_eq!(
                follow(&names, from).of(RecordId([from; 16])),
                RecordId([from; 16])
            );
        }
    }
}

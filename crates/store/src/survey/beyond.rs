//! What one store has beyond another: surveys of both without what is in both byte for byte.
//!
//! A store and a backup of it have nearly all in common. So the memory that this takes grows with
//! what was changed since, and not with the store.

use std::{collections::BTreeSet, fmt};

use bytes::Bytes;

use super::{END, Survey};
use crate::{Store, StoreError};

/// See the module.
pub struct Beyond<'a> {
    other: &'a dyn Store,
    same: BTreeSet<Vec<u8>>,
    here: Survey,
    failed: Option<StoreError>,
}

impl fmt::Debug for Beyond<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let same = self.same.len();
        f.debug_struct("Beyond").field("same", &same).finish()
    }
}

/// Records, their pasts and journals are nearly all of a store; the rest is taken in any case.
fn is_bulk(key: &[u8]) -> bool {
    matches!(key.first(), Some(b'R' | b'H' | b'J'))
}

impl<'a> Beyond<'a> {
    /// Returns a comparison with another store.
    #[must_use]
    pub fn new(other: &'a dyn Store) -> Self {
        Self {
            other,
            same: BTreeSet::new(),
            here: Survey::default(),
            failed: None,
        }
    }

    /// Takes one value of the store that is compared.
    pub fn take(&mut self, key: &[u8], value: &Bytes) {
        let other = if is_bulk(key) {
            self.other.get(key)
        } else {
            Ok(None)
        };
        match other {
            Ok(Some(other)) if other == *value => {
                self.same.insert(key.to_vec());
            }
            Ok(_) => self.here.take(key, value),
            Err(error) => self.failed = Some(error),
        }
    }

    /// Takes all values of a store.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn take_all(&mut self, store: &dyn Store) -> Result<(), StoreError> {
        store.scan(&[], &END, &mut |key, value| {
            self.take(key, &value);
            Ok(())
        })
    }

    /// Ends the comparison: the surveys of what was taken, and of the other store.
    ///
    /// # Errors
    /// The other store is damaged or cannot be read.
    pub fn finish(self) -> Result<(Survey, Survey), StoreError> {
        self.failed.map_or(Ok(()), Err)?;
        let mut there = Survey::default();
        self.other.scan(&[], &END, &mut |key, value| {
            if !self.same.contains(key) {
                there.take(key, &value);
            }
            Ok(())
        })?;
        Ok((self.here, there))
    }
}

//! The past of a record, where it is written anew: siblings that count as never written go, and what was
//! erased loses what it said.

use replica::{Dot, RecordKey};

use super::{
    Ledger,
    stage::{self, ChangeEntry},
};
use crate::{Erasure, StoreError, keys};

impl Ledger {
    /// Takes siblings out of a record's history: what their names said counts as never written.
    /// Pages that hold any are written anew; the rest of each stays.
    pub(crate) fn forget(
        &mut self,
        key: RecordKey,
        gone: &dyn Fn(Dot) -> bool,
    ) -> Result<(), StoreError> {
        let places = self.shared.history_places(key, &self.stage)?;
        for (scope, seq) in places {
            self.change_history((scope, seq), &|entry| stage::entry_without(entry, gone))?;
        }
        Ok(())
    }

    /// Erases the past of a record.
    pub(crate) fn erase_history(
        &mut self,
        key: RecordKey,
        erasure: &Erasure,
    ) -> Result<(), StoreError> {
        for place in self.shared.history_places(key, &self.stage)? {
            self.change_history(place, &|entry| {
                let erased = erasure.erase_bytes(&entry.replaced);
                Ok(erased.is_some_and(|erased| {
                    entry.replaced = erased;
                    true
                }))
            })?;
        }
        Ok(())
    }

    /// Writes one entry of the history anew, staged or committed, where it changes.
    fn change_history(
        &mut self,
        (scope, seq): (u32, u64),
        change: ChangeEntry<'_>,
    ) -> Result<(), StoreError> {
        if self.stage.change_entry(scope, seq, change)? {
            return Ok(());
        }
        let from = keys::history(scope, 0);
        let found = self.store.last(&from, &keys::history(scope, seq + 1))?;
        let Some((page_key, page)) = found else {
            return Ok(());
        };
        let page = self.stage.page(&page_key).unwrap_or(page);
        if let Some(page) = stage::changed_page(&page, seq, change)? {
            self.stage(page_key.to_vec(), Some(page));
        }
        Ok(())
    }
}

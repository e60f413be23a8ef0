//! A disk of the simulated world: [`Memory`], with the faults of a disk that the rest must
//! survive, and one that the oracle must catch: a sync that is answered before it has happened.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use store::{Batch, Memory, Store, StoreError, Visitor};

/// What lies on a disk.
pub(crate) type Image = BTreeMap<Vec<u8>, Bytes>;

#[derive(Debug)]
pub(crate) struct Medium {
    pub(crate) memory: Memory,
    /// A sync returns at once and nothing is durable before [`Medium::sync_now`].
    lazy: AtomicBool,
    /// A value that cannot be read any more.
    rotten: Mutex<Option<Vec<u8>>>,
}

impl Medium {
    pub(crate) fn new(image: Image, lazy: bool) -> Arc<Self> {
        Arc::new(Self {
            memory: Memory::from_image(image),
            lazy: AtomicBool::new(lazy),
            rotten: Mutex::default(),
        })
    }

    /// What a lying disk does when it has time.
    pub(crate) fn sync_now(&self) {
        // A disk that has failed has nothing to sync; the host finds out by itself.
        self.memory.sync().unwrap_or_default();
    }

    /// From now on a sync is a sync.
    pub(crate) fn be_honest(&self) {
        self.lazy.store(false, Ordering::Relaxed);
    }

    /// From now on whoever reads this value is told that it is damaged, as the checked values of
    /// a real disk do.
    pub(crate) fn rot(&self, key: Vec<u8>) {
        *self.rotten.lock().unwrap_or_else(PoisonError::into_inner) = Some(key);
    }

    pub(crate) fn mend(&self) {
        *self.rotten.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(crate) fn is_rotten(&self) -> bool {
        self.rotten().is_some()
    }

    /// The value that cannot be read.
    pub(crate) fn rotten(&self) -> Option<Vec<u8>> {
        let rotten = self.rotten.lock();
        rotten.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn sound(&self, key: &[u8]) -> Result<(), StoreError> {
        let rotten = self.rotten.lock().unwrap_or_else(PoisonError::into_inner);
        if rotten.as_deref() == Some(key) {
            let what = "rotten value".to_owned();
            return Err(StoreError::Damaged { what });
        }
        Ok(())
    }
}

impl Store for Medium {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let found = self.memory.get(key)?;
        if found.is_some() {
            self.sound(key)?;
        }
        Ok(found)
    }

    fn range(
        &self,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        let found = self.memory.range(from, to, limit)?;
        found.iter().try_for_each(|(key, _)| self.sound(key))?;
        Ok(found)
    }

    fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<(Bytes, Bytes)>, StoreError> {
        let found = self.memory.last(from, to)?;
        found.iter().try_for_each(|(key, _)| self.sound(key))?;
        Ok(found)
    }

    fn scan(&self, from: &[u8], to: &[u8], visit: &mut Visitor<'_>) -> Result<(), StoreError> {
        self.memory.scan(from, to, &mut |key, value| {
            self.sound(key)?;
            visit(key, value)
        })
    }

    fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        self.memory.commit(batch)
    }

    fn sync(&self) -> Result<(), StoreError> {
        if self.lazy.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.memory.sync()
    }

    fn size_bytes(&self) -> u64 {
        self.memory.size_bytes()
    }
}

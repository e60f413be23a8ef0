//! A disk of the simulated world: [`Memory`], which may be told to answer a sync before it has
//! happened. That is the fault which the null controls inject and the oracle must catch.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
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
}

impl Medium {
    pub(crate) fn new(image: Image, lazy: bool) -> Arc<Self> {
        Arc::new(Self {
            memory: Memory::from_image(image),
            lazy: AtomicBool::new(lazy),
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
}

impl Store for Medium {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.memory.get(key)
    }

    fn range(
        &self,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        self.memory.range(from, to, limit)
    }

    fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<(Bytes, Bytes)>, StoreError> {
        self.memory.last(from, to)
    }

    fn scan(&self, from: &[u8], to: &[u8], visit: &mut Visitor<'_>) -> Result<(), StoreError> {
        self.memory.scan(from, to, visit)
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

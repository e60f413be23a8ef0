//! A store in memory that loses what was not synced, on command.
//!
//! For simulation and tests: a crash is [`Memory::crash`], a full disk [`Memory::fill`], an old
//! backup [`Memory::image`] and [`Memory::from_image`].

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;

use crate::{Batch, Store, StoreError, store::Visitor};

type Map = BTreeMap<Vec<u8>, Bytes>;

#[derive(Default)]
struct State {
    live: Map,
    /// How to get back to what was synced: key and former value, newest last.
    undo: Vec<(Vec<u8>, Option<Bytes>)>,
    commits_left: Option<u64>,
    failed: bool,
}

/// A store in memory. See the module.
#[derive(Default)]
pub struct Memory {
    state: Mutex<State>,
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory")
            .field("keys", &self.lock().live.len())
            .finish()
    }
}

impl Memory {
    /// Returns an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns a store that holds this image, all of it durable.
    #[must_use]
    pub fn from_image(image: BTreeMap<Vec<u8>, Bytes>) -> Self {
        let state = State {
            live: image,
            ..State::default()
        };
        Self {
            state: Mutex::new(state),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Power fails: what was not synced is gone.
    pub fn crash(&self) {
        let mut state = self.lock();
        while let Some((key, former)) = state.undo.pop() {
            match former {
                Some(value) => state.live.insert(key, value),
                None => state.live.remove(&key),
            };
        }
        state.failed = false;
        state.commits_left = None;
    }

    /// What would be found after a crash now.
    #[must_use]
    pub fn image(&self) -> BTreeMap<Vec<u8>, Bytes> {
        let state = self.lock();
        let mut image = state.live.clone();
        for (key, former) in state.undo.iter().rev() {
            match former {
                Some(value) => image.insert(key.clone(), value.clone()),
                None => image.remove(key),
            };
        }
        image
    }

    /// After this many commits the disk is full.
    pub fn fill(&self, commits_left: u64) {
        self.lock().commits_left = Some(commits_left);
    }

    /// Replaces one stored value behind the store's back.
    pub fn damage(&self, key: &[u8], value: Bytes) {
        self.lock().live.insert(key.to_vec(), value);
    }
}

impl Store for Memory {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.lock().live.get(key).cloned())
    }

    fn range(
        &self,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        if from >= to {
            return Ok(Vec::new());
        }
        let state = self.lock();
        let pairs = state.live.range(from.to_vec()..to.to_vec()).take(limit);
        Ok(pairs
            .map(|(key, value)| (key.clone().into(), value.clone()))
            .collect())
    }

    fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<(Bytes, Bytes)>, StoreError> {
        if from >= to {
            return Ok(None);
        }
        let state = self.lock();
        let last = state.live.range(from.to_vec()..to.to_vec()).next_back();
        Ok(last.map(|(key, value)| (key.clone().into(), value.clone())))
    }

    fn scan(&self, from: &[u8], to: &[u8], visit: &mut Visitor<'_>) -> Result<(), StoreError> {
        let pairs = self.range(from, to, usize::MAX)?;
        pairs
            .into_iter()
            .try_for_each(|(key, value)| visit(&key, value))
    }

    fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let mut state = self.lock();
        if state.failed {
            return Err(StoreError::Failed);
        }
        match &mut state.commits_left {
            Some(0) => {
                state.failed = true;
                return Err(StoreError::Full);
            }
            Some(left) => *left -= 1,
            None => {}
        }
        for (key, value) in batch.into_ops() {
            let former = match value {
                Some(value) => state.live.insert(key.clone(), value.into()),
                None => state.live.remove(&key),
            };
            state.undo.push((key, former));
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), StoreError> {
        let mut state = self.lock();
        if state.failed {
            return Err(StoreError::Failed);
        }
        state.undo.clear();
        Ok(())
    }

    fn size_bytes(&self) -> u64 {
        let state = self.lock();
        state
            .live
            .iter()
            .map(|(key, value)| (key.len() + value.len()) as u64)
            .sum()
    }
}

//! The store as it was at one moment, while a writer goes on.
//!
//! sled's iterators see what is there when they come by. A [`View`] sees every commit that was
//! done when it was made and nothing of a later one: each commit leaves the former values of what
//! it changes with the views that live, before it changes them. Readers hold no lock between two
//! steps; a view costs memory only for what is written while it lives.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sled::{IVec, Tree};

use super::engine::caught;
use crate::StoreError;

/// Former values of what was changed since a view was made.
#[derive(Debug, Default)]
pub(super) struct Former {
    values: Mutex<BTreeMap<IVec, Option<IVec>>>,
}

impl Former {
    /// Keeps what was there before a commit. What an earlier commit left is older and stays.
    pub(super) fn keep(&self, key: &IVec, value: Option<&IVec>) {
        self.lock()
            .entry(key.clone())
            .or_insert_with(|| value.cloned());
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<IVec, Option<IVec>>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A tree as it was when this was made. The maker must have kept commits out meanwhile.
#[derive(Debug)]
pub(super) struct View<'a> {
    tree: &'a Tree,
    former: Arc<Former>,
}

impl<'a> View<'a> {
    pub(super) fn new(tree: &'a Tree, former: Arc<Former>) -> Self {
        Self { tree, former }
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<IVec>, StoreError> {
        // In this order: if the tree already answers with a later value, its commit has left
        // the former one before.
        let live = caught(|| self.tree.get(key))?;
        Ok(self.former.lock().get(key).cloned().unwrap_or(live))
    }

    /// Walks through `from <= key < to`.
    pub(super) fn walk(&self, from: &[u8], to: &[u8]) -> Walk<'_> {
        let live = (from < to).then(|| self.tree.range::<&[u8], _>(from..to));
        // Of an empty stretch nothing is left that could have been removed from it.
        let to = IVec::from(to.max(from));
        Walk {
            former: &self.former,
            live,
            ahead: None,
            after: Bound::Included(from.into()),
            to,
        }
    }
}

/// Goes through a stretch of a view, ascending.
pub(super) struct Walk<'a> {
    former: &'a Former,
    /// Nothing more when it has ended.
    live: Option<sled::Iter>,
    /// Read from the tree, not yet returned.
    ahead: Option<(IVec, IVec)>,
    /// What comes is behind this.
    after: Bound<IVec>,
    to: IVec,
}

impl Walk<'_> {
    /// The next pair.
    pub(super) fn step(&mut self) -> Result<Option<(IVec, IVec)>, StoreError> {
        loop {
            let live = self.next_live()?;
            let former = self.former.lock();
            // What was there and has been removed since: the tree no longer shows it.
            let gone = if former.is_empty() {
                None
            } else {
                let end = live.as_ref().map_or(&self.to, |(key, _)| key);
                let mut between = former.range((self.after.clone(), Bound::Excluded(end.clone())));
                between.find_map(|(key, value)| Some((key.clone(), value.clone()?)))
            };
            if let Some((key, value)) = gone {
                drop(former);
                self.ahead = live;
                self.after = Bound::Excluded(key.clone());
                return Ok(Some((key, value)));
            }
            let Some((key, value)) = live else {
                return Ok(None);
            };
            self.after = Bound::Excluded(key.clone());
            match former.get(&key) {
                None => return Ok(Some((key, value))),
                Some(Some(value)) => return Ok(Some((key, value.clone()))),
                Some(None) => {}
            }
        }
    }

    fn next_live(&mut self) -> Result<Option<(IVec, IVec)>, StoreError> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(Some(ahead));
        }
        let Some(live) = &mut self.live else {
            return Ok(None);
        };
        let next = caught(|| live.next().transpose());
        if !matches!(next, Ok(Some(_))) {
            self.live = None;
        }
        next
    }
}

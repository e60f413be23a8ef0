//! From a batch to what sled is told: values sealed and cut, old pieces gone, the root moved.

use std::{collections::BTreeMap, io};

use sled::IVec;

use super::{
    engine::caught,
    root::Root,
    sealed::{self, Header, KEY_BYTES_MAX, ROOT, Sealed, Sealer, VALUE_BYTES_MAX},
    view::Former,
};
use crate::{Batch, StoreError, key::Cipher};

/// A batch in the making.
pub(super) struct Change<'a> {
    tree: &'a sled::Tree,
    root: Root,
    /// Where values are encrypted.
    sealer: Option<Sealer<'a>>,
    /// By place; what is nothing is removed.
    puts: Vec<(IVec, Option<IVec>)>,
    /// Former values of the places that had to be looked at, by position in `puts`.
    looked: BTreeMap<usize, Option<IVec>>,
}

impl<'a> Change<'a> {
    /// What a batch does to a tree whose root is this.
    pub(super) fn new(
        tree: &'a sled::Tree,
        root: Root,
        batch: Batch,
        cipher: Option<&'a Cipher>,
    ) -> Result<Self, StoreError> {
        let mut change = Self {
            tree,
            root,
            sealer: cipher.map(Sealer::new).transpose()?,
            puts: Vec::new(),
            looked: BTreeMap::new(),
        };
        // A later operation on the same key wins.
        for (key, value) in batch.into_ops().into_iter().collect::<BTreeMap<_, _>>() {
            change.add(&key, value.as_deref())?;
        }
        if !change.puts.is_empty() {
            change.root.step();
            let root = change.root.write(change.sealer.as_mut())?;
            change.puts.push((IVec::from(&ROOT), Some(root)));
        }
        Ok(change)
    }

    /// Whether the tree stays as it is.
    pub(super) fn is_empty(&self) -> bool {
        self.puts.is_empty()
    }

    /// The root afterwards.
    pub(super) fn root(&self) -> Root {
        self.root
    }

    fn add(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), StoreError> {
        if key.len() > KEY_BYTES_MAX || value.is_some_and(|value| value.len() > VALUE_BYTES_MAX) {
            let error = io::Error::new(io::ErrorKind::InvalidInput, "a key or value is too long");
            return Err(StoreError::Io(error));
        }
        let placed = IVec::from(&*sealed::place(key));
        let former = caught(|| self.tree.get(&placed))?;
        let mut stale = 0;
        if let Some(former) = &former {
            let (header, _) = Header::read(former)?;
            self.root.take(key, header);
            stale = header.pieces();
        }
        let sealer = self.sealer.as_mut();
        let sealed = value.map(|value| sealed::seal(key, value, sealer));
        let sealed = sealed.transpose()?;
        let mut fresh = 0;
        if former.is_some() || sealed.is_some() {
            self.looked.insert(self.puts.len(), former);
            if let Some(sealed) = &sealed {
                self.root.add(key, sealed.header);
                fresh = sealed.header.pieces();
            }
            self.puts.push((placed, sealed.as_ref().map(Sealed::first)));
        }
        for (number, piece) in sealed.iter().flat_map(Sealed::pieces) {
            self.puts
                .push((sealed::piece_key(key, number).into(), Some(piece.into())));
        }
        for number in fresh..stale {
            self.puts
                .push((sealed::piece_key(key, number + 1).into(), None));
        }
        Ok(())
    }

    /// Leaves the former values with a view.
    pub(super) fn keep(&self, view: &Former) -> Result<(), StoreError> {
        for (position, (placed, _)) in self.puts.iter().enumerate() {
            match self.looked.get(&position) {
                Some(former) => view.keep(placed, former.as_ref()),
                None => view.keep(placed, caught(|| self.tree.get(placed))?.as_ref()),
            }
        }
        Ok(())
    }

    /// For sled.
    pub(super) fn into_batch(self) -> sled::Batch {
        let mut batch = sled::Batch::default();
        for (placed, stored) in self.puts {
            match stored {
                Some(stored) => batch.insert(placed, stored),
                None => batch.remove(placed),
            }
        }
        batch
    }
}

//! The seam under which a store may be anything that keeps its promises.

use std::fmt;

use bytes::Bytes;

use crate::KeyId;

/// Puts and removals that become visible together or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    ops: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    bytes: usize,
}

impl Batch {
    /// Puts a value; a later operation on the same key wins.
    pub fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.bytes += key.len() + value.len();
        self.ops.push((key, Some(value)));
    }

    /// Removes a key; nothing happens when it is not there.
    pub fn remove(&mut self, key: Vec<u8>) {
        self.bytes += key.len();
        self.ops.push((key, None));
    }

    /// The operations in order.
    #[must_use]
    pub fn ops(&self) -> &[(Vec<u8>, Option<Vec<u8>>)] {
        &self.ops
    }

    /// The operations in order, by value.
    #[must_use]
    pub fn into_ops(self) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        self.ops
    }

    /// Bytes of all keys and values.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }
}

/// What a scan calls for every pair.
pub type Visitor<'a> = dyn FnMut(&[u8], Bytes) -> Result<(), StoreError> + 'a;

/// Ordered keys and checked values. One thread writes; any number read at any time.
///
/// What `commit` has made visible may be lost in a crash until `sync` has returned; what was
/// visible at the last `sync` may not. A commit is never half lost. A value that is not what was
/// put is an error, never an answer.
pub trait Store: Send + Sync + fmt::Debug + 'static {
    /// The value of a key.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError>;

    /// Pairs with `from <= key < to`, ascending, at most `limit`.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    fn range(
        &self,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, StoreError>;

    /// The last pair with `from <= key < to`.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<(Bytes, Bytes)>, StoreError>;

    /// Visits all pairs with `from <= key < to`, ascending, without holding them all.
    ///
    /// # Errors
    /// The store is damaged or cannot be read, or what the visitor returns.
    fn scan(&self, from: &[u8], to: &[u8], visit: &mut Visitor<'_>) -> Result<(), StoreError>;

    /// Makes a batch visible, atomically.
    ///
    /// # Errors
    /// Nothing of the batch is visible. After any error the store takes no more writes.
    fn commit(&self, batch: Batch) -> Result<(), StoreError>;

    /// Makes everything committed so far durable. Returns only when it is.
    ///
    /// # Errors
    /// Nothing may be acknowledged; the store takes no more writes.
    fn sync(&self) -> Result<(), StoreError>;

    /// Bytes that the store takes on its medium.
    fn size_bytes(&self) -> u64;
}

/// What can go wrong with a store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process holds it.
    #[error("the store is in use by another process")]
    InUse,
    /// Its files are not what was written.
    #[error("the store is damaged: {what}")]
    Damaged {
        /// What was found.
        what: String,
    },
    /// No room on the disk.
    #[error("no space left for the store")]
    Full,
    /// The directory or the file may not be written.
    #[error("the store cannot be written")]
    ReadOnly,
    /// The store was made by a later program.
    #[error("the store has format {found}, this program knows up to {known}")]
    Format {
        /// In the store.
        found: u32,
        /// The highest known.
        known: u32,
    },
    /// Its values are encrypted, and this is not the key.
    #[error("the store is encrypted with the key {needs}")]
    Key {
        /// The key that opens it.
        needs: KeyId,
        /// The one that was given.
        has: Option<KeyId>,
    },
    /// After an earlier failure nothing more is written.
    #[error("the store has failed before and takes no more writes")]
    Failed,
    /// Anything else the system said.
    #[error("the store cannot be read or written")]
    Io(#[source] std::io::Error),
}

impl StoreError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::InUse => "STORE-001",
            Self::Damaged { .. } => "STORE-002",
            Self::Full => "STORE-003",
            Self::ReadOnly => "STORE-004",
            Self::Format { .. } => "STORE-005",
            Self::Failed => "STORE-006",
            Self::Io(_) => "STORE-007",
            Self::Key { has: None, .. } => "STORE-008",
            Self::Key { has: Some(_), .. } => "STORE-009",
        }
    }

    /// The same error once more, for another who waits for what has failed.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::InUse => Self::InUse,
            Self::Damaged { what } => Self::Damaged { what: what.clone() },
            Self::Full => Self::Full,
            Self::ReadOnly => Self::ReadOnly,
            Self::Format { found, known } => Self::Format {
                found: *found,
                known: *known,
            },
            Self::Key { needs, has } => Self::Key {
                needs: *needs,
                has: *has,
            },
            Self::Failed => Self::Failed,
            Self::Io(error) => Self::Io(std::io::Error::new(error.kind(), error.to_string())),
        }
    }
}

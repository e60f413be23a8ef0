//! Whether a store may still be written, and still be read.

use std::sync::atomic::{AtomicU8, Ordering};

use crate::StoreError;

/// What may still be done with the store. It never gets better.
#[derive(Debug, Default)]
pub(super) struct Health(AtomicU8);

/// Reads only.
const FAILED: u8 = 1;
/// Not even reads.
const CLOSED: u8 = 2;

impl Health {
    fn set(&self, to: u8) {
        self.0.fetch_max(to, Ordering::AcqRel);
    }

    /// Nothing more is read either.
    pub(super) fn close(&self) {
        self.set(CLOSED);
    }

    /// Nothing more is written.
    pub(super) fn fail(&self, error: &StoreError) {
        tracing::error!(code = error.code(), error = %error, "the store takes no more writes");
        self.set(FAILED);
    }

    /// Whether it may be written.
    pub(super) fn writable(&self) -> Result<(), StoreError> {
        if self.0.load(Ordering::Acquire) < FAILED {
            Ok(())
        } else {
            Err(StoreError::Failed)
        }
    }

    /// Whether it may be read.
    pub(super) fn readable(&self) -> Result<(), StoreError> {
        if self.0.load(Ordering::Acquire) < CLOSED {
            Ok(())
        } else {
            Err(StoreError::Failed)
        }
    }
}

//! The content of attachments between a node and the hub.
//!
//! A content stays where it was put in. A person who needs it elsewhere asks with a reason; the
//! request is kept on both sides, and the content comes in small pieces, one at a time, beside the
//! session. What has come is kept, so a cut costs one piece. Whoever gives checks that a record
//! which the other side may see names the content; whoever takes checks size, hash and type.
//!
//! A hub calls nobody: its requests wait for the line of a node that may have the content.

mod answer;
mod carry;
mod desk;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use replica::{RecordKey, ScopeId};
use store::{Cabinet, CabinetError, FileHash, HostError, StoreError};
use thiserror::Error;
use tokio::sync::watch;

pub use answer::FilesService;
pub use carry::{Carried, Carrying, carry};
pub use desk::{FileDesk, Wish};

use crate::fault::DialError;

/// On whose behalf it is asked whether a record names a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// This side itself.
    Own,
    /// The hub, which sees whatever a node sends it.
    Hub,
    /// A node of a scope: it sees what belongs there, what is published, and what is lent there.
    Node(ScopeId),
}

/// Knows what records mean, and who may see them.
pub trait Referrer: fmt::Debug + Send + Sync + 'static {
    /// The size that a current record says of a content, if it names it and the asker may see it.
    ///
    /// # Errors
    /// The record cannot be read; the stable code.
    fn size(
        &self,
        record: RecordKey,
        hash: FileHash,
        asker: Asker,
    ) -> Result<Option<u64>, FilesError>;

    /// Whether a content is of the type that the record says.
    ///
    /// # Errors
    /// The record cannot be read; the stable code.
    fn fits(&self, record: RecordKey, hash: FileHash, content: &[u8]) -> Result<bool, FilesError>;
}

/// Why a content was not given or taken.
#[derive(Debug, Error)]
pub enum FilesError {
    /// One of the sides refuses.
    #[error("refused: {code}")]
    Refused {
        /// The stable code.
        code: &'static str,
    },
    /// The record cannot be read.
    #[error("the record cannot be read: {code}")]
    Record {
        /// The stable code.
        code: String,
    },
    /// The content cannot be read or written.
    #[error(transparent)]
    Cabinet(#[from] CabinetError),
    /// The store failed.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The line broke.
    #[error(transparent)]
    Line(#[from] DialError),
}

impl From<StoreError> for FilesError {
    fn from(error: StoreError) -> Self {
        Self::Host(HostError::Store(error))
    }
}

impl From<std::io::Error> for FilesError {
    fn from(error: std::io::Error) -> Self {
        Self::Cabinet(error.into())
    }
}

impl FilesError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Refused { code } => code,
            Self::Record { code } => code,
            Self::Cabinet(error) => error.code(),
            Self::Host(HostError::Store(error)) => error.code(),
            Self::Host(_) => "EDIT-005",
            Self::Line(error) => error.code(),
        }
    }
}

fn refused<T>(code: &'static str) -> Result<T, FilesError> {
    Err(FilesError::Refused { code })
}

/// What a running program has of files beside its store: the cabinet, and a bell that is rung when
/// a person asks for one.
#[derive(Debug)]
pub struct FileRoom {
    cabinet: Cabinet,
    bell: watch::Sender<()>,
    /// One change of the requests at a time.
    change: Mutex<()>,
    /// One person's change of the cabinet at a time, with the record that goes with it.
    turn: Mutex<()>,
    /// The content that is just being given, checked, so that not each piece costs reading all.
    open: Mutex<Option<(FileHash, Arc<[u8]>)>>,
}

impl FileRoom {
    /// A room with this cabinet.
    #[must_use]
    pub fn new(cabinet: Cabinet) -> Self {
        Self {
            cabinet,
            bell: watch::Sender::new(()),
            change: Mutex::new(()),
            turn: Mutex::new(()),
            open: Mutex::new(None),
        }
    }

    /// The cabinet.
    #[must_use]
    pub fn cabinet(&self) -> &Cabinet {
        &self.cabinet
    }

    /// Holds the cabinet for a change that has several steps: what is put in by one person is not
    /// cleared away by another before a record names it.
    pub fn turn(&self) -> MutexGuard<'_, ()> {
        locked(&self.turn)
    }

    fn change(&self) -> MutexGuard<'_, ()> {
        locked(&self.change)
    }

    /// A content, read and checked once for all of its pieces.
    fn content(&self, hash: FileHash) -> Result<Arc<[u8]>, CabinetError> {
        let mut open = locked(&self.open);
        if let Some((_, content)) = open.as_ref().filter(|(of, _)| *of == hash) {
            return Ok(Arc::clone(content));
        }
        let content: Arc<[u8]> = self.cabinet.read(hash)?.into();
        *open = Some((hash, Arc::clone(&content)));
        Ok(content)
    }

    /// Lets go of the content that was given last.
    fn close(&self) {
        *locked(&self.open) = None;
    }
}

/// A panic while holding one of these locks leaves nothing half done: what is kept is kept whole.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs what blocks beside the tasks. What was ended with its task counts as not done.
async fn beside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FilesError> + Send + 'static,
) -> Result<T, FilesError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_ended| Err(HostError::Busy.into()))
}

//! What people get when something cannot be done: a stable code, what happened, what is safe, what
//! to do next, in Chinese and English, and an exit code.

use std::fmt;

use domain::{Finding, label::Language};
use store::{HostError, KeyId, StoreError};

use crate::{records, texts};

/// The exit codes that scripts rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// Wrong usage.
    Usage = 2,
    /// The peer or the program cannot be reached.
    Unreachable = 3,
    /// Refused: authority or authentication.
    Refused = 4,
    /// Saved, but it stands beside another value.
    Beside = 5,
    /// Invalid input.
    Invalid = 6,
    /// The store is damaged or in use.
    Store = 7,
}

impl Exit {
    /// Reads an exit code; an unknown one is a failure.
    #[must_use]
    pub fn from_code(code: i32) -> Self {
        let all = [
            Self::Done,
            Self::Failed,
            Self::Usage,
            Self::Unreachable,
            Self::Refused,
            Self::Beside,
            Self::Invalid,
            Self::Store,
        ];
        all.into_iter()
            .find(|exit| *exit as i32 == code)
            .unwrap_or(Self::Failed)
    }
}

/// Why a command did not do what it was asked.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The stable code.
    pub code: String,
    /// How the program ends.
    pub exit: Exit,
    /// Facts that the text names.
    pub facts: Vec<(&'static str, String)>,
    /// A sentence that comes with the failure instead of the table's, Chinese and English.
    pub sentence: Option<(String, String)>,
    /// What the rules found; empty when they were not asked.
    pub findings: Box<[Finding]>,
}

impl Failure {
    /// Returns a failure whose text stands in the table of texts.
    #[must_use]
    pub fn new(code: impl Into<String>, exit: Exit) -> Self {
        Self {
            code: code.into(),
            exit,
            facts: Vec::new(),
            sentence: None,
            findings: Box::default(),
        }
    }

    /// Adds a fact for the text.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.facts.push((name, value.to_string()));
        self
    }

    /// Adds the key that is needed, and the one that was given.
    pub(crate) fn of_keys(self, needs: KeyId, has: Option<KeyId>) -> Self {
        let failure = self.with("needs", needs);
        match has {
            Some(has) => failure.with("has", has),
            None => failure,
        }
    }

    /// Brings its own sentence.
    #[must_use]
    pub fn saying(mut self, zh: impl Into<String>, en: impl Into<String>) -> Self {
        self.sentence = Some((zh.into(), en.into()));
        self
    }

    /// The whole text for people.
    #[must_use]
    pub fn text(&self, language: Language) -> String {
        match (&self.sentence, language) {
            (Some((zh, _)), Language::Zh) => zh.clone(),
            (Some((_, en)), Language::En) => en.clone(),
            (None, _) => texts::of(&self.code, language, &self.facts),
        }
    }
}

/// The rules have refused a save.
impl From<Vec<Finding>> for Failure {
    fn from(findings: Vec<Finding>) -> Self {
        records::failure_of(&findings)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.text(Language::En))
    }
}

impl std::error::Error for Failure {}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let exit = match &error {
            StoreError::InUse
            | StoreError::Damaged { .. }
            | StoreError::Format { .. }
            | StoreError::Key { .. } => Exit::Store,
            StoreError::Full | StoreError::ReadOnly | StoreError::Failed | StoreError::Io(_) => {
                Exit::Failed
            }
        };
        let failure = Self::new(error.code(), exit).with("detail", causes(&error));
        match error {
            StoreError::Key { needs, has } => failure.of_keys(needs, has),
            _ => failure,
        }
    }
}

impl From<HostError> for Failure {
    fn from(error: HostError) -> Self {
        match error {
            HostError::Store(error) => error.into(),
            HostError::Edit(replica::EditError::Stale(_)) => Self::new("EDIT-001", Exit::Invalid),
            HostError::Edit(replica::EditError::DecideFirst(_)) => {
                Self::new("EDIT-002", Exit::Refused)
            }
            HostError::Edit(replica::EditError::Nothing) => Self::new("EDIT-003", Exit::Invalid),
            HostError::TooLarge => Self::new("EDIT-004", Exit::Invalid),
            HostError::Moved(_) => Self::new("EDIT-006", Exit::Refused),
            HostError::TooMany => Self::new("PROOF-003", Exit::Failed),
            HostError::Busy => Self::new("EDIT-005", Exit::Failed),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        let code = match error.kind() {
            std::io::ErrorKind::NotFound => "FILE-001",
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                "FILE-002"
            }
            std::io::ErrorKind::StorageFull => "FILE-003",
            _ => "FILE-004",
        };
        Self::new(code, Exit::Failed).with("detail", error)
    }
}

/// An error with all its causes, in one line.
pub fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

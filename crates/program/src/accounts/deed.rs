//! What a command does, as the table of roles and the audit list name it.

use domain::permission::Right;

/// One command: the right that it needs, and what the audit list says of it. Never a value: an id, a
/// kind, the names of fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deed {
    /// Its words on the command line, as `record get`.
    pub name: &'static str,
    /// The right that it needs beside what its writes are asked about; none where everybody may.
    pub right: Option<Right>,
    /// Whether it is noted when it was done. What writes records is not: the journal has it.
    pub is_noted: bool,
    /// Whether it shows personal data to somebody who sees it masked.
    pub reveals: bool,
    /// What it is about: a kind, `kind/id`, an account, a node.
    pub what: String,
    /// The fields that it names.
    pub fields: Vec<String>,
    /// Why.
    pub reason: String,
    /// The scope that it is done for, where an account of this one does it for another.
    pub on_behalf: String,
}

impl Deed {
    /// A command that everybody may give.
    #[must_use]
    pub fn open(name: &'static str) -> Self {
        Self {
            name,
            ..Self::default()
        }
    }

    /// A command that needs a right.
    #[must_use]
    pub fn of(name: &'static str, right: Right) -> Self {
        Self {
            right: Some(right),
            ..Self::open(name)
        }
    }

    /// Noted when it was done.
    #[must_use]
    pub fn noted(self) -> Self {
        Self {
            is_noted: true,
            ..self
        }
    }

    /// What it is about. A name that somebody typed instead of an id is left out: it may be a
    /// person's.
    #[must_use]
    pub fn about(self, parts: &[&str]) -> Self {
        let is_plain =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/' | '.' | ':');
        let plain = |part: &&&str| part.chars().all(is_plain) && part.len() <= 120;
        let parts: Vec<&str> = parts.iter().filter(plain).copied().collect();
        Self {
            what: parts.join("/"),
            ..self
        }
    }

    /// The fields of `field=value` texts.
    #[must_use]
    pub fn setting(self, sets: &[String]) -> Self {
        let name = |set: &String| set.split_once('=').map(|(name, _)| name.to_owned());
        Self {
            fields: sets.iter().filter_map(name).collect(),
            ..self
        }
    }

    /// Why.
    #[must_use]
    pub fn because(self, reason: &str) -> Self {
        Self {
            reason: reason.trim().to_owned(),
            ..self
        }
    }

    /// Shows personal data.
    #[must_use]
    pub fn revealing(self, reveals: bool) -> Self {
        Self { reveals, ..self }
    }
}

//! A record as the engine knows it: registers of candidate values and a causal context.

use std::sync::Arc;

use bytes::Bytes;

use crate::{Context, Dot, HybridTime, Leaf, RecordKey, RegisterId, ScopeId, codec};

pub use crate::codec::DecodeError;

/// How a write came in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Not said.
    #[default]
    Unknown,
    /// A form.
    Form,
    /// A spreadsheet.
    Import,
    /// The command line.
    Command,
    /// The decision of a conflict.
    Decision,
    /// A number that this program does not know; kept as it is.
    Other(u32),
}

impl Source {
    /// Its number on the wire.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::Unknown => 0,
            Self::Form => 1,
            Self::Import => 2,
            Self::Command => 3,
            Self::Decision => 4,
            Self::Other(number) => number,
        }
    }

    /// The source with a number.
    #[must_use]
    pub fn from_number(number: u32) -> Self {
        match number {
            0 => Self::Unknown,
            1 => Self::Form,
            2 => Self::Import,
            3 => Self::Command,
            4 => Self::Decision,
            other => Self::Other(other),
        }
    }
}

/// One write of one person: what all siblings of one dot share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Its name.
    pub dot: Dot,
    /// ACCOUNT@replica.
    pub author: String,
    /// The writer's hybrid time.
    pub time: HybridTime,
    /// Why.
    pub reason: String,
    /// The epoch of ownership under which it was made.
    pub epoch: u64,
    /// The id of the decision it carries out.
    pub decision: Bytes,
    /// How it came in.
    pub source: Source,
    /// The seal of the hub, or empty.
    pub seal: Bytes,
}

/// A write that a sibling descends from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ancestor {
    /// Its name.
    pub dot: Dot,
    /// Its value, for the newest ancestor that the peer had acked.
    pub value: Option<Bytes>,
}

/// One candidate value of a register. Nothing in it ever changes, but that it can be erased: see
/// [`Record::erase`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sibling {
    /// The register it is a candidate of.
    pub register: RegisterId,
    /// The write that made it.
    pub write: Arc<Write>,
    /// The encoding of the register's fields; empty is "cleared".
    pub value: Bytes,
    /// The dots it replaced, ascending.
    pub replaces: Vec<Dot>,
    /// The last dots it descends from, newest first.
    pub ancestry: Vec<Ancestor>,
}

impl Sibling {
    /// The name of its write.
    #[must_use]
    pub fn dot(&self) -> Dot {
        self.write.dot
    }

    /// Whether it says of a write that it replaced it, or descends from it.
    #[must_use]
    pub fn descends_from(&self, dot: Dot) -> bool {
        self.replaces.contains(&dot) || self.ancestry.iter().any(|ancestor| ancestor.dot == dot)
    }
}

/// All that is known of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its name.
    pub key: RecordKey,
    /// The scope it was made in.
    pub scope: ScopeId,
    /// Which of its writes have been seen.
    pub context: Context,
    /// The candidates, ascending by register, then by dot.
    pub siblings: Vec<Sibling>,
}

impl Record {
    /// Returns a record that nobody has written yet.
    #[must_use]
    pub fn new(key: RecordKey, scope: ScopeId) -> Self {
        Self {
            key,
            scope,
            context: Context::default(),
            siblings: Vec::new(),
        }
    }

    /// Returns the canonical encoding: equal records have equal bytes.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        codec::encode(self)
    }

    /// Reads a canonical encoding. Values share the bytes' memory.
    ///
    /// # Errors
    /// What is malformed, over a limit, or not the one canonical encoding of its content.
    pub fn decode(bytes: &Bytes) -> Result<Self, DecodeError> {
        codec::decode(bytes)
    }

    /// The candidates of one register, ascending by dot.
    #[must_use]
    pub fn register(&self, register: RegisterId) -> &[Sibling] {
        let from = self.siblings.partition_point(|s| s.register < register);
        let to = self.siblings.partition_point(|s| s.register <= register);
        self.siblings.get(from..to).unwrap_or_default()
    }

    /// The candidates, one register after the other.
    pub fn registers(&self) -> impl Iterator<Item = (RegisterId, &[Sibling])> {
        self.siblings
            .chunk_by(|a, b| a.register == b.register)
            .filter_map(|chunk| chunk.first().map(|first| (first.register, chunk)))
    }

    /// Whether the record was deleted and nobody has restored it.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        let marks = self.register(RegisterId::DELETED);
        !marks.is_empty() && marks.iter().all(|mark| !mark.value.is_empty())
    }

    /// Whether nothing of it is visible: every write was taken back.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.siblings.is_empty()
    }

    /// Puts the siblings into their order. Every function that changes them ends with it.
    pub(crate) fn sort(&mut self) {
        self.siblings.sort_by_key(|s| (s.register, s.dot()));
    }
}

impl Leaf {
    /// The leaf of a record's canonical encoding.
    #[must_use]
    pub fn of(encoded: &[u8]) -> Self {
        Self(*blake3::hash(encoded).as_bytes())
    }
}

//! The import mark: what the last import of a record read, register by register, and which
//! candidates it saw or made. It lies beside the record under `import/KIND/ID`; no feed carries
//! it.
//!
//! It is written in one commit with the edit it tells of, so it cannot name a write that never
//! was. The dot of that write is only known afterwards; the mark says what the write replaced and
//! which value it brought, and that names it among the record's siblings.

use bytes::Bytes;
use domain::KindSpec;
use prost::Message;
use replica::{Dot, Incarnation, Record, RecordId, RegisterId, Shown, Sibling, Source};
use store::{Reader, StoreError};

/// What the last import of one record read.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Mark {
    /// Ascending by register.
    #[prost(message, repeated, tag = "1")]
    registers: Vec<MarkedRegister>,
}

/// What it read of one register.
#[derive(Clone, PartialEq, Message)]
pub(super) struct MarkedRegister {
    #[prost(uint32, tag = "1")]
    register: u32,
    /// The value read, with the group's other fields as they were.
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) value: Bytes,
    /// The candidates it saw; those its write replaced, if it wrote.
    #[prost(message, repeated, tag = "3")]
    dots: Vec<MarkedDot>,
    /// Whether it wrote the value.
    #[prost(bool, tag = "4")]
    has_written: bool,
}

/// The name of a write.
#[derive(Clone, PartialEq, Message)]
pub(super) struct MarkedDot {
    #[prost(fixed64, tag = "1")]
    incarnation: u64,
    #[prost(uint64, tag = "2")]
    counter: u64,
}

/// What an import does with a register that it read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Noted {
    /// Nothing: the record says so already.
    Read,
    /// It writes it.
    Write,
}

/// The name under which the mark of a record lies.
pub(super) fn name(kind: &KindSpec, id: RecordId) -> String {
    format!("import/{}/{id}", kind.id)
}

impl Mark {
    /// Reads the mark of a record. One that cannot be read counts as none.
    pub(super) fn load(reader: &Reader, name: &str) -> Result<Self, StoreError> {
        let bytes = reader.local(name)?;
        Ok(bytes
            .and_then(|bytes| Self::decode(bytes).ok())
            .unwrap_or_default())
    }

    /// What was read of a register.
    pub(super) fn register(&self, register: RegisterId) -> Option<&MarkedRegister> {
        let at = self
            .registers
            .binary_search_by_key(&register.0, |marked| marked.register)
            .ok()?;
        self.registers.get(at)
    }

    /// Notes what was read of a register.
    pub(super) fn set(
        &mut self,
        register: RegisterId,
        value: Bytes,
        shown: &[Shown],
        noted: Noted,
    ) {
        let mut dots: Vec<MarkedDot> = shown.iter().map(|shown| marked(shown.dot)).collect();
        dots.sort_by_key(|dot| (dot.incarnation, dot.counter));
        let new = MarkedRegister {
            register: register.0,
            value,
            dots,
            has_written: noted == Noted::Write,
        };
        match self
            .registers
            .binary_search_by_key(&register.0, |known| known.register)
        {
            Ok(at) => {
                if let Some(known) = self.registers.get_mut(at) {
                    *known = new;
                }
            }
            Err(at) => self.registers.insert(at, new),
        }
    }
}

impl MarkedRegister {
    /// The candidates that a later import replaces: those which this one saw or made, as far as
    /// the record has seen them. One that a person has replaced since stays named, so that the new
    /// value comes to stand beside the person's.
    pub(super) fn shown(
        &self,
        record: &Record,
        replica: &str,
        reader: &Reader,
    ) -> Result<Vec<Shown>, StoreError> {
        let register = RegisterId(self.register);
        let present = record.register(register);
        let is_own = |sibling: &&Sibling| self.has_written && self.is_own(sibling, replica);
        if let Some(sibling) = present.iter().find(is_own) {
            return Ok(vec![sibling.shown()]);
        }
        let stands = |dot| present.iter().any(|sibling| sibling.dot() == dot);
        let mut past = Vec::new();
        if self.has_written || !self.dots.iter().map(unmarked).all(stands) {
            let history = reader.history(record.key)?;
            past.extend(history.into_iter().flat_map(|(_, siblings)| siblings));
            past.retain(|s| s.register == register && record.context.covers(s.dot()));
        }
        if let Some(sibling) = past.iter().find(is_own) {
            return Ok(vec![sibling.shown()]);
        }
        // It wrote nothing, or its write was taken back and what it replaced has returned.
        let shown = self.dots.iter().map(unmarked).filter_map(|dot| {
            let mut known = present.iter().chain(&past);
            known.find(|s| s.dot() == dot).map(Sibling::shown)
        });
        Ok(shown.collect())
    }

    fn is_own(&self, sibling: &Sibling, replica: &str) -> bool {
        sibling.write.source == Source::Import
            && sibling.value == self.value
            && sibling.write.author.rsplit('@').next() == Some(replica)
            && sibling
                .replaces
                .iter()
                .copied()
                .eq(self.dots.iter().map(unmarked))
    }
}

fn marked(dot: Dot) -> MarkedDot {
    MarkedDot {
        incarnation: dot.incarnation.0,
        counter: dot.counter,
    }
}

fn unmarked(dot: &MarkedDot) -> Dot {
    Dot {
        incarnation: Incarnation(dot.incarnation),
        counter: dot.counter,
    }
}

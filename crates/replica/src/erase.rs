//! Erasing a person: what a sibling looks like whose value is gone, on every replica alike.
//!
//! An erased form keeps the name, the author, the time and the line of a write, and nothing of what
//! it said. It is told by its own bytes, so merging needs to know nothing else: of two forms of one
//! sibling the erased one stands ([`crate::merge`]). Which registers of which records are erased is
//! for the host to say; here is only how.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use proto::schema::Deletion;

use crate::{Dot, Record, RegisterId, Sibling, Write};

/// The value of a register that was erased: the highest field number, which no kind has, as a number
/// of 1. Whoever reads it as a message finds none of the fields set, an older program too.
pub const ERASED_VALUE: &[u8] = b"\xf8\xff\xff\xff\x0f\x01";

/// The reason of a write that was erased: a control character, which no text that people write has.
pub const ERASED_REASON: &str = "\u{7f}";

/// What is left of a value. Of a deletion what it had seen is needed; why somebody deleted is not.
fn erased_value(register: RegisterId, value: &Bytes) -> Bytes {
    if register != RegisterId::DELETED {
        return Bytes::from_static(ERASED_VALUE);
    }
    if value.is_empty() || value == ERASED_VALUE {
        return value.clone();
    }
    match Deletion::decode(value.clone()) {
        Ok(mut deletion) => {
            ERASED_REASON.clone_into(&mut deletion.reason);
            Bytes::from(deletion.encode_to_vec())
        }
        Err(_unreadable) => Bytes::from_static(ERASED_VALUE),
    }
}

impl Write {
    /// Whether its reason was erased.
    #[must_use]
    pub fn is_erased(&self) -> bool {
        self.reason == ERASED_REASON
    }

    fn erased(&self) -> Self {
        Self {
            reason: ERASED_REASON.to_owned(),
            ..self.clone()
        }
    }

    /// Whether two are one write: equal, or equal but for a reason that was erased in one of them.
    #[must_use]
    pub fn fits(&self, other: &Self) -> bool {
        self == other || (self.is_erased() || other.is_erased()) && self.erased() == other.erased()
    }
}

impl Sibling {
    /// Whether its value was erased. A deletion's is together with the reason of its write.
    #[must_use]
    pub fn is_erased(&self) -> bool {
        match self.register {
            RegisterId::DELETED => self.write.is_erased(),
            _ => self.value == ERASED_VALUE,
        }
    }

    fn erase_value(&mut self) {
        self.value = erased_value(self.register, &self.value);
        for ancestor in &mut self.ancestry {
            ancestor.value = None;
        }
    }

    /// Returns what two forms of one sibling are together: themselves when they are equal, else the
    /// erased form of both. None when they are two contents.
    #[must_use]
    pub fn joined(&self, other: &Self) -> Option<Self> {
        let (mut one, mut two) = (self.clone(), other.clone());
        if self.is_erased() || other.is_erased() {
            one.erase_value();
            two.erase_value();
        }
        if !self.write.fits(&other.write) {
            return None;
        }
        if other.write.is_erased() {
            one.write = Arc::clone(&other.write);
        }
        two.write = Arc::clone(&one.write);
        (one == two).then_some(one)
    }
}

impl Record {
    /// Erases the values of some registers, the reasons of deletions, and the reasons of all writes
    /// but those that stand in `mark`: why somebody was erased stays to be seen. Returns whether
    /// anything has changed.
    ///
    /// Also of a part of a record, as a history or a draft keeps it.
    pub fn erase(&mut self, registers: &[RegisterId], mark: Option<RegisterId>) -> bool {
        let marks: Vec<Dot> = mark.map_or_else(Vec::new, |mark| {
            self.register(mark).iter().map(Sibling::dot).collect()
        });
        let mut changed = false;
        let mut writes: Vec<Arc<Write>> = Vec::new();
        for sibling in &mut self.siblings {
            let (register, dot) = (sibling.register, sibling.dot());
            let keeps_reason = marks.contains(&dot);
            let is_named =
                registers.contains(&register) || register == RegisterId::DELETED && !keeps_reason;
            let carries = |sibling: &Sibling| sibling.ancestry.iter().any(|a| a.value.is_some());
            if is_named && (!sibling.is_erased() || carries(sibling)) {
                sibling.erase_value();
                changed = true;
            }
            if sibling.write.is_erased() || keeps_reason {
                continue;
            }
            let known = writes.iter().find(|write| write.dot == dot);
            let write = known.map_or_else(|| Arc::new(sibling.write.erased()), Arc::clone);
            writes.push(Arc::clone(&write));
            sibling.write = write;
            changed = true;
        }
        changed
    }

    /// Whether a state here shows something erased that another still holds.
    pub fn erases_of<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a Sibling> {
        let whole = |sibling: &Sibling| {
            let mut there = other.register(sibling.register).iter();
            there.any(|held| {
                held.dot() == sibling.dot()
                    && (sibling.is_erased() && !held.is_erased()
                        || sibling.write.is_erased() && !held.write.is_erased())
            })
        };
        self.siblings.iter().filter(move |sibling| whole(sibling))
    }

    /// Gives all siblings of one write the same form of it: the erased one, where any has that.
    pub(crate) fn unify_writes(&mut self) {
        let erased: Vec<Arc<Write>> = self
            .siblings
            .iter()
            .filter(|sibling| sibling.write.is_erased())
            .map(|sibling| Arc::clone(&sibling.write))
            .collect();
        for sibling in &mut self.siblings {
            if let Some(write) = erased.iter().find(|write| write.dot == sibling.dot()) {
                sibling.write = Arc::clone(write);
            }
        }
    }
}

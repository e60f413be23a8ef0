//! The effective value of a record: what its candidates mean together, by the rule of each
//! register.
//!
//! A pure function of the siblings: the order in which they came plays no part, and every replica
//! that holds them reads the same. It never writes. A settled register, one with a single
//! candidate, is passed on as its bytes and not looked into.

mod rules;

use bytes::Bytes;
use replica::{Ancestor, Context, Dot, Incarnation, Record, RegisterId, Sibling};

use crate::catalogue::{Catalogue, KindSpec, RegisterSpec};

/// Finds a value that a register once had: the history of the replica.
pub type History<'a> = &'a dyn Fn(RegisterId, Dot) -> Option<Bytes>;

/// What a register of a record means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The value to show and to count with; provisional while a conflict is open.
    pub value: Bytes,
    /// The open conflict.
    pub conflict: Option<Conflict>,
}

/// Candidates that no rule can reconcile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The register; with the record it names the docket.
    pub register: RegisterId,
    /// What kind of conflict.
    pub kind: ConflictKind,
    /// All candidates, ascending by dot. For [`ConflictKind::DeleteEdit`] the deletions come
    /// first, then the writes that they had not seen.
    pub candidates: Vec<Sibling>,
    /// The newest write that all of them descend from, with its value where it is known.
    pub base: Option<(Dot, Option<Bytes>)>,
}

/// What kind of conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConflictKind {
    /// Different values.
    Field,
    /// Statuses of which none, or each, leads to the other.
    Transition,
    /// Different figures of the same date.
    AsOfTie,
    /// Deleted here, edited there.
    DeleteEdit,
    /// Two owners of one epoch: only the city can settle it.
    Owners,
}

impl Conflict {
    /// Whether an author, ACCOUNT@replica, wrote one of the sides: nobody decides such a conflict.
    #[must_use]
    pub fn involves(&self, author: &str) -> bool {
        self.candidates
            .iter()
            .any(|candidate| candidate.write.author == author)
    }
}

impl ConflictKind {
    /// Its name in commands and files.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Field => "field",
            Self::Transition => "transition",
            Self::AsOfTie => "as_of_tie",
            Self::DeleteEdit => "delete_edit",
            Self::Owners => "scope_claim",
        }
    }
}

/// What a record means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effective {
    /// The values of its registers one after the other: the encoding of its message.
    pub values: Vec<u8>,
    /// What is open, ascending by register.
    pub conflicts: Vec<Conflict>,
    /// Deleted, and nobody wrote to it without having seen that.
    pub deleted: bool,
}

/// Returns what a record means. While a conflict is open and the base of its candidates is not
/// among what they carry, the lowest dot is shown; [`effective_with`] also asks the history.
#[must_use]
pub fn effective(catalogue: &Catalogue, record: &Record) -> Effective {
    effective_with(catalogue, record, &|_, _| None)
}

/// Returns what a record means, with a look into the history for the base of open conflicts.
#[must_use]
pub fn effective_with(catalogue: &Catalogue, record: &Record, history: History<'_>) -> Effective {
    let mut effective = Effective::default();
    let size = record
        .siblings
        .iter()
        .map(|sibling| sibling.value.len())
        .sum();
    effective.values.reserve_exact(size);
    let mut kind: Option<Option<&KindSpec>> = None;
    for (register, siblings) in record.registers() {
        if register.is_system() {
            continue;
        }
        if let [only] = siblings {
            effective.values.extend_from_slice(&only.value);
            continue;
        }
        let kind = *kind.get_or_insert_with(|| catalogue.kind(record.key.kind));
        let reading = read(kind, register, siblings, history);
        effective.values.extend_from_slice(&reading.value);
        effective.conflicts.extend(reading.conflict);
    }
    effective.conflicts.extend(owners(record));
    let marks = record.register(RegisterId::DELETED);
    if !marks.is_empty() {
        let conflict = delete_conflict(record, marks);
        effective.deleted = record.is_deleted() && conflict.is_none();
        if effective.deleted {
            // What was entered by mistake has no open questions.
            effective.conflicts.clear();
        }
        effective.conflicts.extend(conflict);
    }
    effective
}

/// Returns what one register of a record means: empty when nobody wrote it.
#[must_use]
pub fn register(
    catalogue: &Catalogue,
    record: &Record,
    register: RegisterId,
    history: History<'_>,
) -> Reading {
    read(
        catalogue.kind(record.key.kind),
        register,
        record.register(register),
        history,
    )
}

/// Returns the generated message of a record's values.
///
/// # Errors
/// The values are no such message, which only a faulty writer can cause.
pub fn decode<M: prost::Message + Default>(values: &[u8]) -> Result<M, prost::DecodeError> {
    M::decode(values)
}

/// Whether what a state reads as beats another candidate that did not know of it (R09), so that a person
/// can be told why.
#[must_use]
pub fn is_beaten(kind: &KindSpec, register: &RegisterSpec, siblings: &[Sibling]) -> bool {
    rules::is_beaten(kind, register, siblings)
}

fn read(
    kind: Option<&KindSpec>,
    register: RegisterId,
    siblings: &[Sibling],
    history: History<'_>,
) -> Reading {
    match siblings {
        [] => Reading {
            value: Bytes::new(),
            conflict: None,
        },
        [only] => Reading {
            value: only.value.clone(),
            conflict: None,
        },
        several => {
            let spec: Option<(&KindSpec, &RegisterSpec)> =
                kind.and_then(|kind| Some((kind, kind.register(register)?)));
            match rules::reconcile(spec, several) {
                rules::Outcome::One(value) => Reading {
                    value,
                    conflict: None,
                },
                rules::Outcome::Open { kind, contesting } => {
                    let base = common_ancestor(register, &contesting, history);
                    let value = base.as_ref().and_then(|(_, value)| value.clone());
                    let lowest = contesting.first().map(|sibling| sibling.value.clone());
                    Reading {
                        value: value.or(lowest).unwrap_or_default(),
                        conflict: Some(Conflict {
                            register,
                            kind,
                            candidates: several.to_vec(),
                            base,
                        }),
                    }
                }
            }
        }
    }
}

/// The newest dot that all candidates have in their ancestry, with its value from one of them or
/// from the history.
fn common_ancestor(
    register: RegisterId,
    candidates: &[&Sibling],
    history: History<'_>,
) -> Option<(Dot, Option<Bytes>)> {
    let (first, others) = candidates.split_first()?;
    let shared = first.ancestry.iter().find(|ancestor| {
        others
            .iter()
            .all(|other| other.ancestry.iter().any(|a| a.dot == ancestor.dot))
    })?;
    let carried = candidates
        .iter()
        .flat_map(|candidate| &candidate.ancestry)
        .find(|ancestor| ancestor.dot == shared.dot && ancestor.value.is_some())
        .and_then(|ancestor| ancestor.value.clone());
    Some((
        shared.dot,
        carried.or_else(|| history(register, shared.dot)),
    ))
}

/// Two scopes that were made the owner in one epoch did not know of each other: no rule can choose
/// between them.
fn owners(record: &Record) -> Option<Conflict> {
    let is_contested = replica::owner(record)?.contested;
    is_contested.then(|| Conflict {
        register: RegisterId::OWNER,
        kind: ConflictKind::Owners,
        candidates: record.register(RegisterId::OWNER).to_vec(),
        base: None,
    })
}

/// A deletion names what its author had seen; a write outside it was made by somebody who did not
/// know of the deletion, and both stand until a person decides. So do a deletion and a restoring
/// that did not know of each other.
fn delete_conflict(record: &Record, marks: &[Sibling]) -> Option<Conflict> {
    let deletions = || marks.iter().filter(|mark| !mark.value.is_empty());
    deletions().next()?;
    let seen: Vec<(Dot, Context)> = deletions()
        .map(|mark| (mark.dot(), seen_by(&mark.value)))
        .collect();
    let is_seen = |dot: Dot| {
        seen.iter()
            .all(|(mark, context)| *mark == dot || context.covers(dot))
    };
    let unseen = record
        .siblings
        .iter()
        .filter(|sibling| !sibling.register.is_system() && !is_seen(sibling.dot()));
    let restored = marks.iter().filter(|mark| mark.value.is_empty());
    let mut candidates: Vec<Sibling> = deletions().cloned().collect();
    let deletions = candidates.len();
    candidates.extend(restored.chain(unseen).cloned());
    (candidates.len() > deletions).then_some(Conflict {
        register: RegisterId::DELETED,
        kind: ConflictKind::DeleteEdit,
        candidates,
        base: None,
    })
}

/// Of a deletion against edits: the write under one of the edits that whoever deleted had seen, which
/// is what both sides came from in that register. None where the edit remembers none.
#[must_use]
pub fn seen_before_deletion<'s>(open: &Conflict, edit: &'s Sibling) -> Option<&'s Ancestor> {
    let is_deletion = |one: &&Sibling| one.register == RegisterId::DELETED && !one.value.is_empty();
    let deletions = open.candidates.iter().filter(is_deletion);
    let seen: Vec<Context> = deletions.map(|mark| seen_by(&mark.value)).collect();
    let mut newest_first = edit.ancestry.iter();
    newest_first.find(|ancestor| seen.iter().all(|context| context.covers(ancestor.dot)))
}

/// The context that the author of a deletion had seen. A malformed one has seen nothing.
fn seen_by(value: &Bytes) -> Context {
    let Ok(deletion) = decode::<proto::schema::Deletion>(value) else {
        return Context::default();
    };
    let incarnations: Vec<_> = deletion
        .incarnations
        .iter()
        .copied()
        .map(Incarnation)
        .collect();
    let holes = deletion.holes.chunks_exact(2).filter_map(|pair| {
        let [index, counter] = pair else { return None };
        let incarnation = *incarnations.get(usize::try_from(*index).ok()?)?;
        Some(Dot {
            incarnation,
            counter: *counter,
        })
    });
    let entries = incarnations
        .iter()
        .copied()
        .zip(deletion.counters.iter().copied());
    Context::new(entries, holes)
}

/// Returns the value of the register by which a record is deleted: the reason, the author, and the
/// context of the record as the author saw it.
#[must_use]
pub fn deletion(reason: &str, author: &str, seen: &Context) -> Bytes {
    let entries: Vec<_> = seen.entries().collect();
    let index = |incarnation| entries.binary_search_by_key(&incarnation, |(known, _)| *known);
    let holes = seen.holes().filter_map(|hole| {
        let index = u64::try_from(index(hole.incarnation).ok()?).ok()?;
        Some([index, hole.counter])
    });
    let deletion = proto::schema::Deletion {
        reason: reason.to_owned(),
        author: author.to_owned(),
        incarnations: entries
            .iter()
            .map(|(incarnation, _)| incarnation.0)
            .collect(),
        counters: entries.iter().map(|(_, counter)| *counter).collect(),
        holes: holes.flatten().collect(),
    };
    prost::Message::encode_to_vec(&deletion).into()
}

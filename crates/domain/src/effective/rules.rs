//! The merge rules of registers, one function each. All get the candidates ascending by dot, so
//! "the first" is the lowest dot.

use std::{cmp::Ordering, collections::BTreeSet};

use bytes::Bytes;
use replica::Sibling;

use super::ConflictKind;
use crate::{
    authority::status,
    catalogue::{FieldSpec, KindSpec, Merge, RegisterSpec, Shape},
    wire::{self, Item},
};

/// What a rule makes of several candidates.
pub(super) enum Outcome<'a> {
    /// One value.
    One(Bytes),
    /// No rule can tell; these contest.
    Open {
        kind: ConflictKind,
        contesting: Vec<&'a Sibling>,
    },
}

/// Applies the rule of a register. One that the schema does not know is asked about.
pub(super) fn reconcile<'a>(
    spec: Option<(&KindSpec, &RegisterSpec)>,
    siblings: &'a [Sibling],
) -> Outcome<'a> {
    let all: Vec<&Sibling> = siblings.iter().collect();
    if let Some(value) = agreed(&all) {
        return Outcome::One(value);
    }
    let Some((kind, register)) = spec else {
        return ask(all);
    };
    match register.merge {
        Merge::Append => lowest(&all),
        Merge::LaterAsOf => later_as_of(register, all),
        Merge::State => state(kind, register, siblings),
        Merge::Union => first_field(kind, register)
            .filter(|field| field.repeated)
            .map_or_else(|| ask(all.clone()), |field| union(field, &all)),
        Merge::TrueWins | Merge::Max => first_field(kind, register)
            .map_or_else(|| ask(all.clone()), |field| largest(field, &all)),
        Merge::Unspecified | Merge::Key | Merge::Ask | Merge::Owner => ask(all),
    }
}

fn first_field<'k>(kind: &'k KindSpec, register: &'k RegisterSpec) -> Option<&'k FieldSpec> {
    kind.fields_of(register).next()
}

/// The value, when all candidates have the same bytes.
fn agreed(siblings: &[&Sibling]) -> Option<Bytes> {
    let (first, others) = siblings.split_first()?;
    others
        .iter()
        .all(|other| other.value == first.value)
        .then(|| first.value.clone())
}

fn lowest<'a>(siblings: &[&'a Sibling]) -> Outcome<'a> {
    Outcome::One(
        siblings
            .first()
            .map(|sibling| sibling.value.clone())
            .unwrap_or_default(),
    )
}

fn ask(contesting: Vec<&Sibling>) -> Outcome<'_> {
    Outcome::Open {
        kind: ConflictKind::Field,
        contesting,
    }
}

/// The later statement date wins. A value without a date is earlier than any.
fn later_as_of<'a>(register: &RegisterSpec, siblings: Vec<&'a Sibling>) -> Outcome<'a> {
    let date = |sibling: &Sibling| -> Vec<u8> {
        let chunks = wire::chunks(&sibling.value).unwrap_or_default();
        let mut dates = chunks
            .iter()
            .filter(|chunk| Some(chunk.number) == register.as_of);
        dates
            .next_back()
            .map(|chunk| chunk.payload.to_vec())
            .unwrap_or_default()
    };
    let latest = siblings
        .iter()
        .map(|sibling| date(sibling))
        .max()
        .unwrap_or_default();
    let contesting: Vec<_> = siblings
        .into_iter()
        .filter(|sibling| date(sibling) == latest)
        .collect();
    match agreed(&contesting) {
        Some(value) => Outcome::One(value),
        None => Outcome::Open {
            kind: ConflictKind::AsOfTie,
            contesting,
        },
    }
}

/// What each candidate says; none where one says nothing.
fn statuses(
    kind: &KindSpec,
    register: &RegisterSpec,
    siblings: &[Sibling],
) -> Option<BTreeSet<u64>> {
    let all = siblings.iter();
    all.map(|sibling| status(kind, register, &sibling.value))
        .collect()
}

/// Whether one status stands because it beats another that did not know of it.
pub(super) fn is_beaten(kind: &KindSpec, register: &RegisterSpec, siblings: &[Sibling]) -> bool {
    let states = statuses(kind, register, siblings).zip(register.machine.as_ref());
    states.is_some_and(|(states, machine)| machine.is_beaten(&states))
}

/// The further of two statuses on one line, or the one that beats the other. A cleared status is on no
/// line.
fn state<'a>(kind: &KindSpec, register: &RegisterSpec, siblings: &'a [Sibling]) -> Outcome<'a> {
    let furthest = statuses(kind, register, siblings)
        .zip(register.machine.as_ref())
        .and_then(|(states, machine)| machine.furthest(&states));
    let winner = furthest.and_then(|target| {
        let mut all = siblings.iter();
        all.find(|sibling| status(kind, register, &sibling.value) == Some(target))
    });
    match winner {
        Some(sibling) => Outcome::One(sibling.value.clone()),
        None => Outcome::Open {
            kind: ConflictKind::Transition,
            contesting: siblings.iter().collect(),
        },
    }
}

fn only_item(field: &FieldSpec, sibling: &Sibling) -> Option<Item> {
    wire::items(field, &wire::chunks(&sibling.value).ok()?).pop()
}

/// The union of sets: an added item stays. What the schema does not know of the register is kept
/// from the lowest dot that has it.
fn union<'a>(field: &FieldSpec, siblings: &[&'a Sibling]) -> Outcome<'a> {
    let mut items = Vec::new();
    let mut base: Option<&Bytes> = None;
    for sibling in siblings {
        let Ok(chunks) = wire::chunks(&sibling.value) else {
            continue;
        };
        items.extend(wire::items(field, &chunks));
        if base.is_none() && chunks.iter().any(|chunk| chunk.number != field.number) {
            base = Some(&sibling.value);
        }
    }
    let base = base.map(Bytes::as_ref).unwrap_or_default();
    let fields = std::iter::once(field);
    wire::recode(fields, base, |_| Some(items.clone()))
        .map_or_else(|_malformed| lowest(siblings), Outcome::One)
}

/// True over false, the larger over the smaller, any value over none; of equals the lowest dot.
fn largest<'a>(field: &FieldSpec, siblings: &[&'a Sibling]) -> Outcome<'a> {
    let mut best: Option<(&Sibling, Option<Item>)> = None;
    for sibling in siblings {
        let item = only_item(field, sibling);
        let larger = best
            .as_ref()
            .is_none_or(|(_, known)| rank(field, item.as_ref(), known.as_ref()).is_gt());
        if larger {
            best = Some((sibling, item));
        }
    }
    Outcome::One(
        best.map(|(sibling, _)| sibling.value.clone())
            .unwrap_or_default(),
    )
}

fn rank(field: &FieldSpec, a: Option<&Item>, b: Option<&Item>) -> Ordering {
    match (&field.shape, a, b) {
        (Shape::Flag, Some(Item::Number(a)), Some(Item::Number(b))) => (*a != 0).cmp(&(*b != 0)),
        _ => a.cmp(&b),
    }
}

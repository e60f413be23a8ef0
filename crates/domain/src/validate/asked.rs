//! What a record says along with a state or with another of its fields: the fields that the schema
//! calls conditional and no other rule asks for.
//!
//! Where one is missing, the record is listed; only a save by hand that leaves it out is not taken.

use super::{Subject, finding, state, text_of};
use crate::{
    catalogue::{FieldSpec, KindSpec},
    finding::{
        Finding,
        Level::{self, Block, Warn},
    },
    wire,
};

/// When a field is asked for.
#[derive(Clone, Copy, Debug)]
enum When {
    /// The field of the state is in this state. A record that is entered as it stands may not know.
    In(&'static str, &'static str),
    /// Another field says something.
    Says(&'static str),
}

/// Kind, when, the field.
#[rustfmt::skip]
const ASKED: &[(&str, When, &str)] = &[
    ("party_organisation", When::In("status", "approved"),  "approved_on"),
    ("party_organisation", When::In("status", "dissolved"), "dissolved_on"),
    ("party_organisation", When::In("status", "dissolved"), "dissolve_reason"),
    ("coverage_link",      When::Says("to_on"),             "end_reason"),
];

/// A field that is missing, and whether an edit that makes a record must have it.
type Gap<'a> = (&'a FieldSpec, bool);

fn gaps<'a>(kind: &'a KindSpec, values: &[u8]) -> Vec<Gap<'a>> {
    let says = |field: &str| {
        let field = kind.field(field);
        field.is_some_and(|field| text_of(field, values).is_some_and(|text| !text.is_empty()))
    };
    let rows = ASKED.iter().filter(|(id, _, _)| *id == kind.id);
    let missing = rows.filter_map(|(_, when, field)| {
        let (is_asked, of_made) = match when {
            When::In(of, to) => (state(kind, of, values) == Some(to), false),
            When::Says(other) => (says(other), true),
        };
        (is_asked && !says(field)).then_some((kind.field(field)?, of_made))
    });
    missing.chain(dateless(kind, values)).collect()
}

/// Figures of no day: of two such statements nobody can say which one is later.
fn dateless<'a>(kind: &'a KindSpec, values: &[u8]) -> Vec<Gap<'a>> {
    let chunks = wire::chunks(values).unwrap_or_default();
    let says = |number: u32| chunks.iter().any(|chunk| chunk.number == number);
    let missing = kind.registers.iter().filter_map(|register| {
        let day = register.as_of.filter(|day| !says(*day))?;
        let mut fields = kind.fields_of(register);
        let has_figures = fields.any(|field| says(field.number));
        has_figures.then_some((kind.field_by_number(day)?, true))
    });
    missing.collect()
}

fn missing(field: &FieldSpec, level: Level) -> Finding {
    let zh = format!("按所填内容须一并填写“{}”", field.zh);
    let en = format!("What is entered goes with \"{}\"", field.en);
    finding("REQ", level, &field.id, "along_missing", (zh, en))
}

/// What is missing of a record as it stands.
pub(super) fn stands(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let gaps = gaps(subject.kind, subject.after).into_iter();
    findings.extend(gaps.map(|(field, _)| missing(field, Warn)));
}

/// What a save by hand leaves out. What was missing before keeps nobody from other work.
pub(super) fn by_hand(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let before = subject.before.map(|before| gaps(subject.kind, before));
    for (field, of_made) in gaps(subject.kind, subject.after) {
        let is_new = before.as_ref().map_or(of_made, |before| {
            before.iter().all(|(known, _)| known.id != field.id)
        });
        if is_new {
            findings.push(missing(field, Block));
        }
    }
}

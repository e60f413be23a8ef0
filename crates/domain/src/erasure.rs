//! What is erased of a person, as the schema says it.
//!
//! A kind whose records can be erased has a flag `erased`; the registers of its personal fields lose
//! their values. What a record of another kind quotes of its parent goes with it: decisions, proposals,
//! requests for a correction.

use bytes::Bytes;
use replica::{ERASED_VALUE, Kind, Record, RegisterId};

use crate::catalogue::{Catalogue, FieldSpec, KindSpec, Merge, Sensitivity, Type};

/// The flag by which a record says that it is erased.
const MARK: &str = "erased";

/// What is erased of the records of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Personal {
    /// The kind.
    pub kind: Kind,
    /// The register that says so, and its value then; none for a kind whose records are erased with
    /// their parent.
    pub mark: Option<(RegisterId, Bytes)>,
    /// The registers that lose their values, ascending.
    pub registers: Vec<RegisterId>,
}

/// Returns the field by which records of a kind say that they are erased.
#[must_use]
pub fn mark_field(kind: &KindSpec) -> Option<&FieldSpec> {
    kind.field(MARK)
        .filter(|field| field.merge == Merge::TrueWins && field.value_type == Type::Flag)
}

/// Returns the fields of a kind that lose their values when a record is erased.
pub fn fields(kind: &KindSpec) -> impl Iterator<Item = &FieldSpec> {
    let goes = match mark_field(kind) {
        Some(_) => Sensitivity::Personal,
        None => Sensitivity::Quoted,
    };
    let has_parent = kind.parent.is_some() || goes == Sensitivity::Personal;
    kind.fields
        .iter()
        .filter(move |field| has_parent && field.sensitivity == goes)
}

/// Returns the value of the flag of a record that is erased.
#[must_use]
pub fn mark_value(kind: &KindSpec) -> Option<(RegisterId, Bytes)> {
    let field = mark_field(kind)?;
    let mut value = Vec::new();
    prost::encoding::bool::encode(field.number, &true, &mut value);
    Some((field.register, Bytes::from(value)))
}

/// Returns all that can be erased.
#[must_use]
pub fn personal(catalogue: &Catalogue) -> Vec<Personal> {
    let of = |kind: &KindSpec| {
        let mut registers: Vec<RegisterId> = fields(kind).map(|field| field.register).collect();
        registers.sort_unstable();
        registers.dedup();
        (!registers.is_empty()).then(|| Personal {
            kind: kind.kind,
            mark: mark_value(kind),
            registers,
        })
    };
    catalogue.kinds().iter().filter_map(of).collect()
}

/// Whether a register of a kind is the one by which its records say that they are erased.
#[must_use]
pub fn is_mark(kind: &KindSpec, register: RegisterId) -> bool {
    mark_field(kind).is_some_and(|field| field.register == register)
}

/// Whether a register loses its value when a record of its kind is erased.
#[must_use]
pub fn is_personal(kind: &KindSpec, register: RegisterId) -> bool {
    fields(kind).any(|field| field.register == register)
}

/// Whether a record says that it is erased.
#[must_use]
pub fn is_erased(kind: &KindSpec, record: &Record) -> bool {
    mark_value(kind).is_some_and(|(register, value)| {
        let mut said = record.register(register).iter();
        said.any(|sibling| sibling.value == value)
    })
}

/// Whether values say of a record of a kind that it is erased.
#[must_use]
pub fn is_erased_message(kind: &KindSpec, values: &[u8]) -> bool {
    let Some(field) = mark_field(kind) else {
        return false;
    };
    let chunks = crate::wire::chunks(values).unwrap_or_default();
    let said = crate::wire::items(field, &chunks);
    said.last() == Some(&crate::wire::Item::Number(1))
}

/// Whether a value is what is left of one that was erased.
#[must_use]
pub fn is_erased_value(value: &[u8]) -> bool {
    value == ERASED_VALUE
}

/// Returns the number of the field that stands where a value was erased. No kind has it.
#[must_use]
pub fn erased_field() -> u32 {
    let mut value = ERASED_VALUE;
    prost::encoding::decode_key(&mut value).map_or(0, |(number, _)| number)
}

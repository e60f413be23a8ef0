//! What the city asks a district to correct: which field of which record, and whether it still reads
//! as it did when it was asked.

use proto::ledger::ChangeRequest;
use replica::RecordKey;
use serde_json::Value as Json;

use crate::{
    across,
    catalogue::{Catalogue, FieldSpec, KindSpec},
    value,
};

/// The field that a request is about. None where it names none that is known.
#[must_use]
pub fn target<'c>(
    catalogue: &'c Catalogue,
    request: &ChangeRequest,
) -> Option<(RecordKey, &'c FieldSpec)> {
    let key = across::named(catalogue, request.record.as_deref()?)?;
    let field = catalogue.kind(key.kind)?.field(request.field.as_deref()?)?;
    Some((key, field))
}

/// What a field of these values reads as, in the words in which a request proposes another.
#[must_use]
pub fn text_of(kind: &KindSpec, field: &FieldSpec, values: &[u8]) -> String {
    let mut json = value::to_json(kind, values);
    match json.remove(&field.id) {
        None | Some(Json::Null) => String::new(),
        Some(Json::String(text)) => text,
        Some(Json::Array(items)) => {
            let text = |item: &Json| {
                item.as_str()
                    .map_or_else(|| item.to_string(), str::to_owned)
            };
            items.iter().map(text).collect::<Vec<_>>().join(",")
        }
        Some(other) => other.to_string(),
    }
}

/// Whether the field has come to read otherwise since it was asked. Unknown is no: a request that was
/// made by hand does not say what its author saw.
#[must_use]
pub fn is_outdated(request: &ChangeRequest, now: &str) -> bool {
    let saw = request.present.as_deref();
    saw.is_some_and(|saw| saw != now) && request.proposed.as_deref() != Some(now)
}

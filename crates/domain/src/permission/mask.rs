//! Personal data as those see it who may not see it in full.

use replica::RegisterId;
use serde_json::{Map, Value as Json};

use crate::{
    catalogue::{FieldSpec, KindSpec, Sensitivity, Shape},
    value,
};

/// Family names of two characters.
const DOUBLE: &[&str] = &[
    "欧阳", "司马", "诸葛", "上官", "皇甫", "尉迟", "长孙", "慕容", "司徒", "令狐", "夏侯", "东方",
    "公孙", "端木", "轩辕", "独孤", "南宫", "宇文", "西门", "申屠", "淳于", "闻人", "澹台", "拓跋",
];

/// Personal fields that those see in full who read the record: where somebody works tells people
/// apart, and an account is no person's name.
const SHOWN: &[(&str, &str)] = &[
    ("person", "employer"),
    ("person", "post"),
    ("proposal", "author"),
    ("proposal", "answered_by"),
    ("decision", "reason"),
    ("decision", "decided_by"),
    ("docket_note", "until"),
    ("docket_note", "written_by"),
];

/// Fields that hold values of other records as bytes: whatever those say, they are personal too.
const RAW: &[(&str, &str)] = &[
    ("decision", "candidates"),
    ("decision", "value"),
    ("proposal", "values"),
];

/// What stands for all of a value.
const NOTHING: &str = "＊＊＊";

/// What stands for a name: the family name, with 某 for the rest; nothing of nothing.
#[must_use]
pub fn masked_name(text: &str) -> String {
    let text = text.trim();
    if text.is_empty() {
        return String::new();
    }
    let family = DOUBLE.iter().find(|double| {
        text.strip_prefix(*double)
            .is_some_and(|given| !given.is_empty())
    });
    let family = family.map(|family| (*family).to_owned());
    let first = || text.chars().take(1).collect();
    let family: String = family.unwrap_or_else(first);
    format!("{family}某")
}

/// What stands for the text of a personal field: of names the family names, else nothing of it.
#[must_use]
pub fn masked(field: &FieldSpec, text: &str) -> String {
    let is_mark = |c: char| matches!(c, '、' | '，' | ',' | ';' | '；' | '/') || c.is_whitespace();
    let names = || {
        let names = text.split(is_mark).filter(|part| !part.is_empty());
        names.map(masked_name).collect::<Vec<_>>().join("、")
    };
    match field.id.as_str() {
        _ if text.is_empty() => String::new(),
        "display_name" => masked_name(text),
        "team" => names(),
        _ => NOTHING.to_owned(),
    }
}

/// Whether a field is masked for those who may not see personal data in full. References are not:
/// an id says nothing.
#[must_use]
pub fn is_masked(kind: &KindSpec, field: &FieldSpec) -> bool {
    let named = (kind.id.as_str(), field.id.as_str());
    let is_text = field.sensitivity == Sensitivity::Personal && matches!(field.shape, Shape::Text);
    RAW.contains(&named) || (is_text && !SHOWN.contains(&named))
}

/// Whether a kind has fields that are masked.
#[must_use]
pub fn masks(kind: &KindSpec) -> bool {
    kind.fields.iter().any(|field| is_masked(kind, field))
}

/// Masks the values of a record as scripts read them. What a newer program has added is masked whole:
/// nobody here knows what it says.
pub fn mask_values(kind: &KindSpec, values: &mut Map<String, Json>) {
    for (name, value) in values {
        match kind.field(name) {
            Some(field) => mask(kind, field, value),
            None => *value = NOTHING.into(),
        }
    }
}

/// Masks the value of a register as scripts read it: that of its field, or an object of several. A
/// kind or a register that is not known is masked whole.
pub fn mask_register(kind: Option<&KindSpec>, register: RegisterId, value: &mut Json) {
    if register.is_system() {
        return;
    }
    let Some((kind, spec)) = kind.and_then(|kind| Some((kind, kind.register(register)?))) else {
        *value = NOTHING.into();
        return;
    };
    let mut fields = kind.fields_of(spec);
    match (fields.next(), fields.next(), value) {
        (Some(only), None, value) => mask(kind, only, value),
        (_, Some(_), Json::Object(values)) => mask_values(kind, values),
        _ => {}
    }
}

/// Whether a value of a register is what somebody who sees it masked sees of the one that stands: a
/// masked table that comes back says nothing.
#[must_use]
pub fn is_mask_of(kind: &KindSpec, register: RegisterId, standing: &[u8], given: &[u8]) -> bool {
    let read = |bytes| value::register_json(Some(kind), register, bytes);
    let (full, given) = (read(standing), read(given));
    let mut seen = full.clone();
    mask_register(Some(kind), register, &mut seen);
    given != full && given == seen
}

fn mask(kind: &KindSpec, field: &FieldSpec, value: &mut Json) {
    if !is_masked(kind, field) {
        return;
    }
    match value {
        Json::String(text) => *text = masked(field, text),
        Json::Array(items) => items.iter_mut().for_each(|item| mask(kind, field, item)),
        Json::Object(_) | Json::Number(_) => *value = NOTHING.into(),
        Json::Null | Json::Bool(_) => {}
    }
}

//! Values between people and registers: JSON and text in, register bytes; register bytes in, JSON
//! out.
//!
//! What goes in is normalised as it is stored. A register's value is the canonical encoding of its
//! fields; fields that the catalogue does not know keep their bytes, are shown raw under their
//! number, and cannot be edited.

mod message;
mod read;

use bytes::Bytes;
use replica::{Record, RecordId, RegisterId};
use serde_json::{Map, Value as Json};

pub use read::parse_set;

use crate::{
    catalogue::{Catalogue, FieldSpec, KindSpec, RegisterSpec, Shape, Type},
    effective,
    finding::Finding,
    wire::{self, Item, Malformed},
};

/// Finds what a text refers to. A record's id and a code that names a record for ever (`410305`,
/// `2020`) need no finding.
pub trait Resolve {
    /// The record of a kind that a code or a name means.
    fn record(&self, kind: &str, text: &str) -> Option<RecordId>;
    /// The code of the division that a name means.
    fn division(&self, text: &str) -> Option<String>;
    /// The present code of a town that has another since a reform; none while it is in use.
    fn recoded(&self, _town: &str) -> Option<String> {
        None
    }
}

/// Finds nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoResolve;

impl Resolve for NoResolve {
    fn record(&self, _kind: &str, _text: &str) -> Option<RecordId> {
        None
    }
    fn division(&self, _text: &str) -> Option<String> {
        None
    }
}

/// What a field is given.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// JSON; `null` clears.
    Json(&'a Json),
    /// Text as on a command line or in a cell; an empty one clears.
    Text(&'a str),
}

/// A register that an edit touches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterEdit {
    /// Which.
    pub register: RegisterId,
    /// Its value after the edit; empty is "cleared".
    pub value: Bytes,
    /// Whether it differs from what it was.
    pub changed: bool,
}

/// What the registers of a record are before an edit.
pub type Base<'a> = &'a dyn Fn(RegisterId) -> Bytes;

/// Returns what the registers of a record are, for [`edits`]: nothing for a record to be made.
pub fn base_of<'a>(
    catalogue: &'a Catalogue,
    record: Option<&'a Record>,
) -> impl Fn(RegisterId) -> Bytes + 'a {
    move |register| {
        let reading = |record| effective::register(catalogue, record, register, &|_, _| None);
        record
            .map(|record| reading(record).value)
            .unwrap_or_default()
    }
}

/// Returns the registers that setting these fields touches, ascending, with their new values. A
/// register of several fields keeps those that are not set.
///
/// # Errors
/// What cannot be read, one finding a field.
pub fn edits<'i>(
    catalogue: &Catalogue,
    kind: &KindSpec,
    base: Base<'_>,
    set: impl IntoIterator<Item = (&'i str, Input<'i>)>,
    resolve: &dyn Resolve,
) -> Result<Vec<RegisterEdit>, Vec<Finding>> {
    let mut findings = Vec::new();
    let mut given: Vec<(&FieldSpec, Vec<Item>)> = Vec::new();
    for (name, input) in set {
        match read_field(catalogue, kind, base, (name, input), resolve) {
            Ok(Some((field, items))) => {
                given.retain(|(known, _)| known.number != field.number);
                given.push((field, items));
            }
            Ok(None) => {}
            Err(finding) => findings.push(finding),
        }
    }
    let mut registers: Vec<RegisterId> = given.iter().map(|(field, _)| field.register).collect();
    registers.sort_unstable();
    registers.dedup();
    let mut edits = Vec::with_capacity(registers.len());
    for spec in registers
        .iter()
        .filter_map(|register| kind.register(*register))
    {
        let before = base(spec.id);
        let items = |field: &FieldSpec| {
            let found = given.iter().find(|(known, _)| known.number == field.number);
            found.map(|(_, items)| items.clone())
        };
        match wire::recode(kind.fields_of(spec), &before, items) {
            Ok(value) => {
                let changed = value != before;
                edits.push(RegisterEdit {
                    register: spec.id,
                    value,
                    changed,
                });
            }
            Err(_malformed) => findings.push(malformed(kind, spec)),
        }
    }
    if findings.is_empty() {
        Ok(edits)
    } else {
        Err(findings)
    }
}

fn malformed(kind: &KindSpec, register: &RegisterSpec) -> Finding {
    let name = kind
        .fields_of(register)
        .next()
        .map_or("", |field| field.id.as_str());
    Finding::input(
        name,
        "malformed",
        "现有内容无法识别，请先升级程序或联系市级",
        "The present content cannot be read; upgrade the program or ask the city",
    )
}

/// Reads one field of the input. None for a raw field that stays as it is.
fn read_field<'k>(
    catalogue: &Catalogue,
    kind: &'k KindSpec,
    base: Base<'_>,
    (name, input): (&str, Input<'_>),
    resolve: &dyn Resolve,
) -> Result<Option<(&'k FieldSpec, Vec<Item>)>, Finding> {
    let Some(field) = kind.field(name) else {
        let number = name
            .parse()
            .ok()
            .filter(|number| kind.field_by_number(*number).is_none());
        let raw = number.map(|number| Json::String(hex(&base(RegisterId(number)))));
        let same = matches!(input, Input::Json(json) if raw.as_ref() == Some(json));
        return if same {
            Ok(None)
        } else {
            Err(unknown_field(kind, name))
        };
    };
    let before = base(field.register);
    let chunks = wire::chunks(&before).unwrap_or_default();
    let reader = read::Reader {
        catalogue,
        field,
        before: wire::items(field, &chunks),
        resolve,
    };
    reader.read(input).map(|items| Some((field, items)))
}

fn unknown_field(kind: &KindSpec, name: &str) -> Finding {
    Finding::input(
        name,
        "unknown_field",
        format!("“{}”没有“{name}”这一项", kind.zh),
        format!("{} has no field {name}", kind.en),
    )
}

/// [`edits`] of a JSON object.
///
/// # Errors
/// As [`edits`].
pub fn edits_from_json(
    catalogue: &Catalogue,
    kind: &KindSpec,
    base: Base<'_>,
    values: &Map<String, Json>,
    resolve: &dyn Resolve,
) -> Result<Vec<RegisterEdit>, Vec<Finding>> {
    let set = values
        .iter()
        .map(|(name, value)| (name.as_str(), Input::Json(value)));
    edits(catalogue, kind, base, set, resolve)
}

/// [`edits`] of `field=value` texts.
///
/// # Errors
/// As [`edits`], and a text without an equals sign.
pub fn edits_from_text(
    catalogue: &Catalogue,
    kind: &KindSpec,
    base: Base<'_>,
    sets: &[String],
    resolve: &dyn Resolve,
) -> Result<Vec<RegisterEdit>, Vec<Finding>> {
    let parsed: Result<Vec<_>, _> = sets.iter().map(|text| parse_set(text)).collect();
    let parsed = parsed.map_err(|finding| vec![finding])?;
    let set = parsed
        .into_iter()
        .map(|(name, value)| (name, Input::Text(value)));
    edits(catalogue, kind, base, set, resolve)
}

/// Returns the values of a record as JSON: every field of the kind, `null` for unset, an empty
/// array for an empty set; what the catalogue does not know under its number, in hexadecimal.
#[must_use]
pub fn to_json(kind: &KindSpec, values: &[u8]) -> Map<String, Json> {
    let chunks = wire::chunks(values).unwrap_or_default();
    let mut map = Map::new();
    for field in &kind.fields {
        map.insert(
            field.id.clone(),
            field_json(field, &wire::items(field, &chunks)),
        );
    }
    add_raw(&mut map, &chunks, |number| {
        kind.field_by_number(number).is_none()
    });
    map
}

/// Returns the fields of a kind that nobody here knows: each raw, under its number.
#[must_use]
pub fn raw_json(values: &[u8]) -> Map<String, Json> {
    let mut map = Map::new();
    add_raw(&mut map, &wire::chunks(values).unwrap_or_default(), |_| {
        true
    });
    map
}

fn add_raw(map: &mut Map<String, Json>, chunks: &[wire::Chunk<'_>], is_raw: impl Fn(u32) -> bool) {
    let erased = crate::erasure::erased_field();
    let is_raw = |number: u32| number != erased && is_raw(number);
    for chunk in chunks.iter().filter(|chunk| is_raw(chunk.number)) {
        let entry = map
            .entry(chunk.number.to_string())
            .or_insert_with(|| Json::String(String::new()));
        if let Json::String(raw) = entry {
            raw.push_str(&hex(chunk.whole));
        }
    }
}

/// Whether a field holds what a text says; a set, whether it holds all of it. An empty text asks
/// for unset.
///
/// # Errors
/// The field is unknown or the text cannot be read.
pub fn holds(
    catalogue: &Catalogue,
    kind: &KindSpec,
    values: &[u8],
    (name, text): (&str, &str),
    resolve: &dyn Resolve,
) -> Result<bool, Finding> {
    let field = kind.field(name).ok_or_else(|| unknown_field(kind, name))?;
    let held = wire::items(field, &wire::chunks(values).unwrap_or_default());
    let reader = read::Reader {
        catalogue,
        field,
        before: held.clone(),
        resolve,
    };
    let asked = reader.read(Input::Text(text))?;
    Ok(if asked.is_empty() {
        held.is_empty()
    } else {
        asked.iter().all(|i| held.contains(i))
    })
}

/// Returns one value of a register as JSON: that of its field, or an object when it has several; a
/// deletion as its reason and its author, `null` for a restored record.
#[must_use]
pub fn register_json(kind: Option<&KindSpec>, register: RegisterId, value: &[u8]) -> Json {
    if register == RegisterId::DELETED && value.is_empty() {
        return Json::Null;
    }
    if register == RegisterId::DELETED {
        let mark = effective::decode::<proto::schema::Deletion>(value).unwrap_or_default();
        return serde_json::json!({ "reason": mark.reason, "author": mark.author });
    }
    let Some((kind, spec)) = kind.and_then(|kind| Some((kind, kind.register(register)?))) else {
        return Json::String(hex(value));
    };
    let chunks = wire::chunks(value).unwrap_or_default();
    let mut fields = kind.fields_of(spec);
    if let (Some(only), None) = (fields.next(), fields.next()) {
        return field_json(only, &wire::items(only, &chunks));
    }
    let mut map = Map::new();
    for field in kind.fields_of(spec) {
        map.insert(
            field.id.clone(),
            field_json(field, &wire::items(field, &chunks)),
        );
    }
    add_raw(&mut map, &chunks, |number| !spec.fields.contains(&number));
    Json::Object(map)
}

/// Returns the registers of an encoded message, ascending: the way from a generated struct to an
/// edit.
///
/// # Errors
/// Bytes that are no protobuf.
pub fn split(kind: &KindSpec, values: &[u8]) -> Result<Vec<(RegisterId, Bytes)>, Malformed> {
    let chunks = wire::chunks(values)?;
    let mut registers = Vec::new();
    for spec in &kind.registers {
        let given = |field: &FieldSpec| Some(wire::items(field, &chunks));
        let value = wire::recode(kind.fields_of(spec), &[], given)?;
        if !value.is_empty() {
            registers.push((spec.id, value));
        }
    }
    for chunk in chunks
        .iter()
        .filter(|chunk| kind.field_by_number(chunk.number).is_none())
    {
        let id = RegisterId(chunk.number);
        match registers.iter_mut().find(|(known, _)| *known == id) {
            Some((_, value)) => *value = [value.as_ref(), chunk.whole].concat().into(),
            None => registers.push((id, Bytes::copy_from_slice(chunk.whole))),
        }
    }
    registers.sort_by_key(|(id, _)| *id);
    Ok(registers)
}

fn field_json(field: &FieldSpec, items: &[Item]) -> Json {
    if field.repeated {
        return Json::Array(items.iter().map(|item| item_json(field, item)).collect());
    }
    items
        .last()
        .map_or(Json::Null, |item| item_json(field, item))
}

fn item_json(field: &FieldSpec, item: &Item) -> Json {
    match (item, &field.shape) {
        (Item::Number(number), Shape::Flag) => Json::Bool(*number != 0),
        (Item::Number(number), Shape::Enumeration(values)) => {
            let value = i32::try_from(*number)
                .ok()
                .and_then(|number| values.value(number));
            value.map_or_else(
                || Json::from(*number),
                |value| Json::String(value.id.clone()),
            )
        }
        (Item::Number(number), _) => Json::from(*number),
        (Item::Text(text), _) => Json::String(text.clone()),
        (Item::Bytes(bytes), Shape::Message(descriptor)) => message::to_json(descriptor, bytes),
        (Item::Bytes(bytes), _) => match RecordId::try_from(bytes.as_ref()) {
            Ok(id) if field.value_type == Type::Reference => Json::String(id.to_string()),
            _ => Json::String(hex(bytes)),
        },
    }
}

/// Returns bytes in hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or_default();
    let digits = bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]);
    digits.collect()
}

/// Reads hexadecimal; none when the text is none.
#[must_use]
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
        .collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    let pairs = digits.chunks_exact(2);
    Some(
        pairs
            .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
            .collect(),
    )
}

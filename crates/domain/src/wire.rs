//! The bytes of a register's value, field by field: taking them apart without losing what is not
//! known, and putting them together in the one canonical way.
//!
//! Known fields stand ascending by number; sets are sorted and hold each item once; a field that
//! the catalogue does not know keeps its bytes.

use bytes::Bytes;
use prost::{
    Message,
    encoding::{
        DecodeContext, WireType, decode_key, decode_varint, encode_key, encode_varint, skip_field,
    },
};

use crate::catalogue::{FieldSpec, Shape};

/// Bytes that are no protobuf.
#[derive(Debug, thiserror::Error)]
#[error("value is malformed")]
pub struct Malformed(#[source] Option<prost::DecodeError>);

impl From<prost::DecodeError> for Malformed {
    fn from(source: prost::DecodeError) -> Self {
        Self(Some(source))
    }
}

/// One occurrence of one field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunk<'a> {
    pub(crate) number: u32,
    wire: WireType,
    /// With its key.
    pub(crate) whole: &'a [u8],
    /// Without key and length.
    pub(crate) payload: &'a [u8],
}

/// One item of a field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Item {
    /// A number, a flag, the number of an enumeration value.
    Number(u64),
    /// A text.
    Text(String),
    /// Bytes, or an encoded message.
    Bytes(Bytes),
}

/// Takes bytes apart.
pub(crate) fn chunks(mut bytes: &[u8]) -> Result<Vec<Chunk<'_>>, Malformed> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let start = bytes;
        let (number, wire) = decode_key(&mut bytes)?;
        let payload = if wire == WireType::LengthDelimited {
            let length = usize::try_from(decode_varint(&mut bytes)?).unwrap_or(usize::MAX);
            let (payload, rest) = bytes.split_at_checked(length).ok_or(Malformed(None))?;
            bytes = rest;
            payload
        } else {
            let payload = bytes;
            skip_field(wire, number, &mut bytes, DecodeContext::default())?;
            payload
                .get(..payload.len() - bytes.len())
                .unwrap_or_default()
        };
        let whole = start.get(..start.len() - bytes.len()).unwrap_or_default();
        found.push(Chunk {
            number,
            wire,
            whole,
            payload,
        });
    }
    Ok(found)
}

/// Returns the items of a field: all of a set, the last of a single one.
pub(crate) fn items(field: &FieldSpec, chunks: &[Chunk<'_>]) -> Vec<Item> {
    let mut items = Vec::new();
    for chunk in chunks.iter().filter(|chunk| chunk.number == field.number) {
        push_items(&field.shape, chunk, &mut items);
    }
    if !field.repeated && items.len() > 1 {
        items.drain(..items.len() - 1);
    }
    items
}

/// Returns the messages of a field that holds such; what is none of the kind is passed over.
pub(crate) fn messages<M: Message + Default>(field: &FieldSpec, values: &[u8]) -> Vec<M> {
    let items = items(field, &chunks(values).unwrap_or_default());
    let read = items.into_iter().filter_map(|item| match item {
        Item::Bytes(bytes) => M::decode(bytes).ok(),
        Item::Number(_) | Item::Text(_) => None,
    });
    read.collect()
}

fn push_items(shape: &Shape, chunk: &Chunk<'_>, into: &mut Vec<Item>) {
    match (shape, chunk.wire) {
        (
            Shape::Number | Shape::Flag | Shape::Enumeration(_),
            WireType::Varint | WireType::LengthDelimited,
        ) => {
            let mut payload = chunk.payload;
            while !payload.is_empty() {
                let Ok(number) = decode_varint(&mut payload) else {
                    return;
                };
                into.push(Item::Number(number));
            }
        }
        (Shape::Text, WireType::LengthDelimited) => {
            into.push(Item::Text(
                String::from_utf8_lossy(chunk.payload).into_owned(),
            ));
        }
        (Shape::Bytes | Shape::Message(_), WireType::LengthDelimited) => {
            into.push(Item::Bytes(Bytes::copy_from_slice(chunk.payload)));
        }
        _ => {}
    }
}

/// Whether the chunk is one that [`items`] reads for the field.
fn fits(shape: &Shape, wire: WireType) -> bool {
    match shape {
        Shape::Number | Shape::Flag | Shape::Enumeration(_) => {
            matches!(wire, WireType::Varint | WireType::LengthDelimited)
        }
        Shape::Text | Shape::Bytes | Shape::Message(_) => wire == WireType::LengthDelimited,
        Shape::Opaque => false,
    }
}

/// Appends a field.
pub(crate) fn put(field: &FieldSpec, items: &[Item], out: &mut Vec<u8>) {
    let packed = field.repeated
        && matches!(
            field.shape,
            Shape::Number | Shape::Flag | Shape::Enumeration(_)
        );
    if packed && !items.is_empty() {
        let mut body = Vec::with_capacity(items.len());
        for item in items {
            if let Item::Number(number) = item {
                encode_varint(*number, &mut body);
            }
        }
        put_bytes(field.number, &body, out);
        return;
    }
    for item in items {
        match item {
            Item::Number(number) => {
                encode_key(field.number, WireType::Varint, out);
                encode_varint(*number, out);
            }
            Item::Text(text) => put_bytes(field.number, text.as_bytes(), out),
            Item::Bytes(bytes) => put_bytes(field.number, bytes, out),
        }
    }
}

fn put_bytes(number: u32, bytes: &[u8], out: &mut Vec<u8>) {
    encode_key(number, WireType::LengthDelimited, out);
    encode_varint(u64::try_from(bytes.len()).unwrap_or(u64::MAX), out);
    out.extend_from_slice(bytes);
}

/// Returns the canonical bytes of these fields: `base` with the changed fields replaced. Fields of
/// `base` that are not among `fields` keep their bytes.
pub(crate) fn recode<'f>(
    fields: impl Iterator<Item = &'f FieldSpec> + Clone,
    base: &[u8],
    changed: impl Fn(&FieldSpec) -> Option<Vec<Item>>,
) -> Result<Bytes, Malformed> {
    let chunks = chunks(base)?;
    let mut parts: Vec<(u32, Vec<u8>)> = Vec::new();
    for field in fields.clone() {
        let mut items = changed(field).unwrap_or_else(|| items(field, &chunks));
        if field.repeated && field.is_set() {
            items.sort();
            items.dedup();
        }
        let mut part = Vec::new();
        put(field, &items, &mut part);
        parts.push((field.number, part));
    }
    for chunk in &chunks {
        let known = fields
            .clone()
            .any(|f| f.number == chunk.number && fits(&f.shape, chunk.wire));
        if !known {
            parts.push((chunk.number, chunk.whole.to_vec()));
        }
    }
    parts.sort_by_key(|(number, _)| *number);
    Ok(parts
        .into_iter()
        .flat_map(|(_, part)| part)
        .collect::<Vec<u8>>()
        .into())
}

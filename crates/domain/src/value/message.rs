//! Values that are messages themselves: attachments, candidates of a decision. Their JSON has the
//! fields under their names, bytes in hexadecimal.

use bytes::Bytes;
use prost::Message as _;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind as WireKind, MessageDescriptor, ReflectMessage as _,
    Value,
};
use serde_json::{Map, Value as Json};

use super::{hex, unhex};

pub(super) fn to_json(descriptor: &MessageDescriptor, bytes: &Bytes) -> Json {
    let Ok(message) = DynamicMessage::decode(descriptor.clone(), bytes.clone()) else {
        return Json::String(hex(bytes));
    };
    let mut map = Map::new();
    for field in descriptor.fields() {
        let value = message.get_field(&field);
        map.insert(field.name().to_owned(), value_json(&value));
    }
    Json::Object(map)
}

fn value_json(value: &Value) -> Json {
    match value {
        Value::Bool(flag) => Json::from(*flag),
        Value::I32(number) | Value::EnumNumber(number) => Json::from(*number),
        Value::I64(number) => Json::from(*number),
        Value::U32(number) => Json::from(*number),
        Value::U64(number) => Json::from(*number),
        Value::F32(number) => Json::from(*number),
        Value::F64(number) => Json::from(*number),
        Value::String(text) => Json::from(text.as_str()),
        Value::Bytes(bytes) => Json::from(hex(bytes)),
        Value::List(items) => Json::Array(items.iter().map(value_json).collect()),
        Value::Message(message) => to_json(&message.descriptor(), &message.encode_to_vec().into()),
        Value::Map(_) => Json::Null,
    }
}

/// Reads a message; none when a field is unknown or does not fit.
pub(super) fn from_json(descriptor: &MessageDescriptor, json: &Json) -> Option<Bytes> {
    message(descriptor, json).map(|message| message.encode_to_vec().into())
}

fn message(descriptor: &MessageDescriptor, json: &Json) -> Option<DynamicMessage> {
    let mut message = DynamicMessage::new(descriptor.clone());
    for (name, value) in json.as_object()? {
        let field = descriptor.get_field_by_name(name)?;
        if value.is_null() {
            continue;
        }
        let value = if field.is_list() {
            let items: Option<Vec<_>> = value
                .as_array()?
                .iter()
                .map(|v| single(&field, v))
                .collect();
            Value::List(items?)
        } else {
            single(&field, value)?
        };
        message.try_set_field(&field, value).ok()?;
    }
    Some(message)
}

fn single(field: &FieldDescriptor, json: &Json) -> Option<Value> {
    Some(match field.kind() {
        WireKind::Bool => Value::Bool(json.as_bool()?),
        WireKind::Uint32 | WireKind::Fixed32 => Value::U32(json.as_u64()?.try_into().ok()?),
        WireKind::Uint64 | WireKind::Fixed64 => Value::U64(json.as_u64()?),
        WireKind::Int32 | WireKind::Sint32 | WireKind::Sfixed32 => {
            Value::I32(json.as_i64()?.try_into().ok()?)
        }
        WireKind::Int64 | WireKind::Sint64 | WireKind::Sfixed64 => Value::I64(json.as_i64()?),
        WireKind::Enum(_) => Value::EnumNumber(json.as_i64()?.try_into().ok()?),
        WireKind::String => Value::String(crate::text::line(json.as_str()?).ok()?),
        WireKind::Bytes => Value::Bytes(unhex(json.as_str()?)?.into()),
        WireKind::Message(inner) => Value::Message(message(&inner, json)?),
        WireKind::Double | WireKind::Float => return None,
    })
}

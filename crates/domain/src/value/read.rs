//! Reading what a person or a file gives a field.

use bytes::Bytes;
use replica::RecordId;
use serde_json::Value as Json;

use super::{Input, Resolve, message, unhex};
use crate::{
    attachment,
    catalogue::{Catalogue, EnumSpec, FieldSpec, Shape, Type},
    date, division,
    finding::Finding,
    former, identity,
    state::steps,
    text::{self, TextError},
    wire::Item,
};

/// Items of one set. More belong into records of their own.
const ITEMS_MAX: usize = 200;

/// Splits `field=value` at the first equals sign.
///
/// # Errors
/// There is none.
pub fn parse_set(set: &str) -> Result<(&str, &str), Finding> {
    let split = set
        .split_once('=')
        .map(|(field, value)| (field.trim(), value));
    split.filter(|(field, _)| !field.is_empty()).ok_or_else(|| {
        Finding::input(
            set,
            "set_form",
            format!("“{set}”应写成 字段=值"),
            format!("`{set}` should read field=value"),
        )
    })
}

/// Reads the input of one field.
pub(super) struct Reader<'a> {
    pub(super) catalogue: &'a Catalogue,
    pub(super) field: &'a FieldSpec,
    /// What the field holds now.
    pub(super) before: Vec<Item>,
    pub(super) resolve: &'a dyn Resolve,
}

impl Reader<'_> {
    /// Returns the items; none clears the field.
    pub(super) fn read(&self, input: Input<'_>) -> Result<Vec<Item>, Finding> {
        let mut items = Vec::new();
        match input {
            Input::Json(Json::Null) => {}
            Input::Json(Json::Array(all)) if self.field.repeated => {
                for item in all {
                    items.extend(self.item(item)?);
                }
            }
            Input::Json(Json::String(text)) => self.text_items(text, &mut items)?,
            Input::Json(json) => items.extend(self.item(json)?),
            Input::Text(text) => self.text_items(text, &mut items)?,
        }
        if items.len() > ITEMS_MAX {
            return Err(self.bad(
                "too_many",
                format!("最多可填 {ITEMS_MAX} 项"),
                format!("at most {ITEMS_MAX} items"),
            ));
        }
        Ok(items)
    }

    fn text_items(&self, input: &str, items: &mut Vec<Item>) -> Result<(), Finding> {
        if !self.field.repeated || matches!(self.field.shape, Shape::Message(_)) {
            items.extend(self.text_item(input)?);
            return Ok(());
        }
        // Names may hold a space or a slash, so fewer marks part them.
        let marks: &[char] = match self.field.shape {
            Shape::Text => &[',', '，', '、', ';', '；', '|', '\n'],
            _ => &[
                ',', '，', '、', ';', '；', '|', '\n', '/', ' ', '\u{3000}', '\t',
            ],
        };
        let is_one = self
            .field
            .enumeration()
            .is_some_and(|values| values.read(input).is_some());
        let parts: Vec<&str> = if is_one {
            vec![input]
        } else {
            input.split(marks).collect()
        };
        for part in parts {
            items.extend(self.text_item(part)?);
        }
        Ok(())
    }

    fn item(&self, json: &Json) -> Result<Option<Item>, Finding> {
        // What was there before stays as it is, also what nobody could enter today.
        if matches!(self.field.shape, Shape::Message(_)) {
            let mut before = self.before.iter();
            if let Some(same) = before.find(|item| super::item_json(self.field, item) == *json) {
                return Ok(Some(same.clone()));
            }
        }
        let item = match (json, &self.field.shape) {
            (Json::Null, _) => return Ok(None),
            (Json::String(text), _) => return self.text_item(text),
            (Json::Bool(flag), Shape::Flag) => Some(Item::Number(u64::from(*flag))),
            (Json::Number(number), Shape::Number) => {
                return self.text_item(&number.to_string());
            }
            (Json::Number(number), Shape::Flag | Shape::Text) => {
                return self.text_item(&number.to_string());
            }
            (Json::Number(number), Shape::Enumeration(_)) => {
                number.as_u64().and_then(|number| self.known_number(number))
            }
            (Json::Object(_), Shape::Message(descriptor)) => {
                let bytes = message::from_json(descriptor, json);
                return bytes
                    .ok_or_else(|| self.wrong_form(&json.to_string()))
                    .and_then(|bytes| self.message(bytes))
                    .map(Some);
            }
            _ => None,
        };
        item.map(Some)
            .ok_or_else(|| self.wrong_form(&json.to_string()))
    }

    /// A message as it may come in.
    fn message(&self, bytes: Bytes) -> Result<Item, Finding> {
        if self.field.value_type == Type::Attachment {
            let named = crate::decode(&bytes).unwrap_or_default();
            if !attachment::is_sound(&named) {
                return Err(self.bad(
                    "attachment",
                    "附件登记的校验值、大小、类型或名称不对，请用 attachment add 添加文件".to_owned(),
                    "hash, size, type or name of the attachment is not right; add the file with attachment add".to_owned(),
                ));
            }
        }
        if self.field.value_type == Type::Steps {
            let step = crate::decode(&bytes).unwrap_or_default();
            if !steps::is_sound(self.field, &step) {
                return Err(self.bad(
                    "step",
                    "办理过程由程序填写，此处内容不对".to_owned(),
                    "the program writes the steps; this is none".to_owned(),
                ));
            }
        }
        if self.field.value_type == Type::Former {
            let said = crate::decode(&bytes).unwrap_or_default();
            let kind = self.field.reference.as_deref();
            let kind = kind.and_then(|kind| Catalogue::builtin().kind_by_id(kind));
            if !kind.is_some_and(|kind| former::is_sound(kind, &said)) {
                return Err(self.bad(
                    "former",
                    "此前的数值由程序填写，此处内容不对".to_owned(),
                    "the program writes former values; this is none".to_owned(),
                ));
            }
        }
        Ok(Item::Bytes(bytes))
    }

    /// A number that this program does not know can stay, not come.
    fn known_number(&self, number: u64) -> Option<Item> {
        Some(Item::Number(number)).filter(|item| self.before.contains(item))
    }

    fn text_item(&self, input: &str) -> Result<Option<Item>, Finding> {
        if text::loose(input).is_empty() && !matches!(self.field.shape, Shape::Text) {
            return Ok(None);
        }
        let item = match &self.field.shape {
            Shape::Text => self
                .text_value(input)?
                .filter(|text| !text.is_empty())
                .map(Item::Text),
            Shape::Number => Some(self.number(input)?),
            Shape::Flag => {
                let flag = text::flag(input).ok_or_else(|| {
                    self.bad(
                        "flag",
                        format!("“{input}”应填 是 或 否"),
                        format!("`{input}` should be yes or no"),
                    )
                })?;
                Some(Item::Number(u64::from(flag)))
            }
            Shape::Enumeration(values) => Some(self.enumeration(values, input)?),
            Shape::Bytes if self.field.value_type == Type::Reference => {
                Some(Item::Bytes(self.reference(input)?))
            }
            Shape::Bytes => {
                let bytes = unhex(input.trim()).ok_or_else(|| self.wrong_form(input))?;
                Some(Item::Bytes(bytes.into()))
            }
            Shape::Message(descriptor) => {
                let json: Option<Json> = serde_json::from_str(input).ok();
                let bytes = json.and_then(|json| message::from_json(descriptor, &json));
                Some(self.message(bytes.ok_or_else(|| self.wrong_form(input))?)?)
            }
            Shape::Opaque => return Err(self.wrong_form(input)),
        };
        Ok(item)
    }

    fn text_value(&self, input: &str) -> Result<Option<String>, Finding> {
        let normalised = match self.field.value_type {
            Type::LongText => text::long(input),
            Type::Name => text::name(input),
            Type::Uscc => Ok(text::code(input)),
            _ => text::line(input),
        };
        let text = normalised.map_err(|error| self.text_error(error))?;
        if text.is_empty() {
            return Ok(None);
        }
        match self.field.value_type {
            Type::Date => self.date(&text).map(Some),
            Type::Division => self.division(&text).map(Some),
            Type::AnyReference => self.any_reference(&text).map(Some),
            Type::Phone => self.phone(&text).map(Some),
            Type::Uscc if text.chars().any(char::is_control) || text.len() > 64 => {
                Err(self.wrong_form("…"))
            }
            _ => Ok(Some(text)),
        }
    }

    fn date(&self, text: &str) -> Result<String, Finding> {
        date::read(text).map(date::text).ok_or_else(|| {
            self.bad(
                "date",
                format!("“{text}”不是有效日期，应如 2020-09-30"),
                format!("`{text}` is no date; write it like 2020-09-30"),
            )
        })
    }

    fn division(&self, text: &str) -> Result<String, Finding> {
        let code = text::code(text);
        if division::is_code(&code) {
            return Ok(self.resolve.recoded(&code).unwrap_or(code));
        }
        self.resolve.division(text).ok_or_else(|| {
            self.bad(
                "division",
                format!("“{text}”不是区划代码，也不是本辖区的乡镇(街道)"),
                format!("`{text}` is no division code and no town of this scope"),
            )
        })
    }

    fn phone(&self, text: &str) -> Result<String, Finding> {
        text::phone(text).ok_or_else(|| {
            self.bad(
                "phone",
                "应为电话号码，如 0379-00000000".to_owned(),
                "should be a telephone number, like 0379-00000000".to_owned(),
            )
        })
    }

    fn number(&self, input: &str) -> Result<Item, Finding> {
        let number = match self.field.value_type {
            Type::Money => text::fen(input),
            _ => text::count(input).map(u64::from),
        };
        number.map(Item::Number).ok_or_else(|| {
            self.bad(
                "count",
                format!("“{}”应为不小于 0 的整数", input.trim()),
                format!("`{}` should be a whole number, zero or more", input.trim()),
            )
        })
    }

    fn enumeration(&self, values: &EnumSpec, input: &str) -> Result<Item, Finding> {
        let known = values
            .read(input)
            .and_then(|number| u64::try_from(number).ok());
        let kept = || {
            input
                .trim()
                .parse()
                .ok()
                .and_then(|number| self.known_number(number))
        };
        known.map(Item::Number).or_else(kept).ok_or_else(|| {
            let some: Vec<&str> = values
                .values
                .iter()
                .take(6)
                .map(|v| v.zh.as_str())
                .collect();
            let more = if values.values.len() > some.len() {
                "……"
            } else {
                ""
            };
            let ids: Vec<&str> = values.values.iter().map(|v| v.id.as_str()).collect();
            self.bad(
                "enum",
                format!(
                    "“{}”不在可选值中，可填：{}{more}",
                    input.trim(),
                    some.join("、")
                ),
                format!("`{}` is none of: {}", input.trim(), ids.join(", ")),
            )
        })
    }

    fn reference(&self, input: &str) -> Result<Bytes, Finding> {
        let kind = self.field.reference.as_deref().unwrap_or_default();
        self.record(kind, input)
            .map(|id| Bytes::copy_from_slice(&id.0))
            .ok_or_else(|| self.not_found(input))
    }

    /// By id, else as the resolver knows the code or the name, else by a code that names a record
    /// for ever.
    fn record(&self, kind: &str, input: &str) -> Option<RecordId> {
        let trimmed = input.trim();
        if let Ok(uuid) = uuid::Uuid::try_parse(trimmed) {
            return Some(RecordId(uuid.into_bytes()));
        }
        if let Some(id) = self.resolve.record(kind, trimmed) {
            return Some(id);
        }
        let spec = self.catalogue.kind_by_id(kind)?;
        let key = spec.key_fields().next()?;
        let item = match (key.value_type, &key.shape) {
            (Type::Division, Shape::Text) => Some(text::code(trimmed))
                .filter(|code| division::is_code(code))
                .map(Item::Text),
            (Type::Count, Shape::Number) => {
                text::count(trimmed).map(|number| Item::Number(u64::from(number)))
            }
            _ => None,
        };
        identity::single_id(spec, item?)
    }

    fn any_reference(&self, text: &str) -> Result<String, Finding> {
        let parts = text
            .split_once('/')
            .filter(|(kind, _)| self.catalogue.kind_by_id(kind).is_some());
        let (kind, id) = parts.ok_or_else(|| self.wrong_form(text))?;
        let id = self.record(kind, id).ok_or_else(|| self.not_found(text))?;
        Ok(format!("{kind}/{id}"))
    }

    fn not_found(&self, text: &str) -> Finding {
        self.bad(
            "reference_not_found",
            format!("没有找到“{}”", text.trim()),
            format!("`{}` was not found", text.trim()),
        )
    }

    fn wrong_form(&self, text: &str) -> Finding {
        let shown: String = text.chars().take(40).collect();
        self.bad(
            "form",
            format!("“{shown}”的形式不对"),
            format!("`{shown}` has the wrong form"),
        )
    }

    fn text_error(&self, error: TextError) -> Finding {
        match error {
            TextError::Control => self.bad(
                "control",
                "含有不可见的控制字符".to_owned(),
                "holds a control character".to_owned(),
            ),
            TextError::Long { max } => self.bad(
                "too_long",
                format!("不能超过 {max} 个字"),
                format!("longer than {max} characters"),
            ),
        }
    }

    fn bad(&self, code: &'static str, zh: String, en: String) -> Finding {
        let zh = format!("{}：{zh}", self.field.zh);
        let en = format!("{}: {en}", self.field.en);
        Finding::input(&self.field.id, code, zh, en)
    }
}

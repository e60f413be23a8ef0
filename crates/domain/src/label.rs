//! What people read: the labels of kinds, fields and enumeration values in both languages, all
//! from the schema.

use serde_json::{Map, Value as Json};

use crate::catalogue::{EnumSpec, FieldSpec, KindSpec, Type};

/// A language of the programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// Chinese.
    #[default]
    Zh,
    /// English.
    En,
}

impl Language {
    /// Chooses between two texts.
    #[must_use]
    pub fn pick<'a>(self, zh: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Zh => zh,
            Self::En => en,
        }
    }
}

/// The label of a kind.
#[must_use]
pub fn kind(spec: &KindSpec, language: Language) -> &str {
    language.pick(&spec.zh, &spec.en)
}

/// The label of a field.
#[must_use]
pub fn field(spec: &FieldSpec, language: Language) -> &str {
    language.pick(&spec.zh, &spec.en)
}

/// The label of an enumeration value; a number that is not known as the number.
#[must_use]
pub fn enum_value(spec: &EnumSpec, number: i32, language: Language) -> String {
    let value = spec
        .value(number)
        .map(|value| language.pick(&value.zh, &value.en).to_owned());
    value.unwrap_or_else(|| number.to_string())
}

/// The text of a field's JSON as people read it: labels for enumeration values, 是/否 for flags,
/// nothing for unset, the items of a set parted by 、 or a comma.
#[must_use]
pub fn text(spec: &FieldSpec, json: &Json, language: Language) -> String {
    match json {
        Json::Null => String::new(),
        Json::Bool(true) => language.pick("是", "yes").to_owned(),
        Json::Bool(false) => language.pick("否", "no").to_owned(),
        Json::String(id) => {
            let value = spec
                .enumeration()
                .and_then(|e| e.values.iter().find(|v| v.id == *id));
            value.map_or_else(|| id.clone(), |v| language.pick(&v.zh, &v.en).to_owned())
        }
        Json::Array(items) => {
            let parts: Vec<String> = items
                .iter()
                .map(|item| text(spec, item, language))
                .collect();
            parts.join(language.pick("、", ", "))
        }
        Json::Object(file) if spec.value_type == Type::Attachment => attachment(file, language),
        Json::Object(step) if spec.value_type == Type::Steps => self::step(spec, step, language),
        Json::Object(said) if spec.value_type == Type::Former => former(spec, said, language),
        Json::Number(_) | Json::Object(_) => json.to_string(),
    }
}

/// An attachment: what it is called, its size, and how its hash begins.
fn attachment(file: &Map<String, Json>, language: Language) -> String {
    let text = |name: &str| file.get(name).and_then(Json::as_str).unwrap_or_default();
    let name = crate::attachment::shown_name(text("name"));
    let size = size(file.get("size").and_then(Json::as_u64).unwrap_or_default());
    let hash = text("hash").get(..12).unwrap_or_else(|| text("hash"));
    match language {
        Language::Zh => format!("{name}（{size}，{hash}）"),
        Language::En => format!("{name} ({size}, {hash})"),
    }
}

/// A step: the state that it led to, and the day from which that holds.
fn step(spec: &FieldSpec, step: &Map<String, Json>, language: Language) -> String {
    let text = |name: &str| step.get(name).and_then(Json::as_str).unwrap_or_default();
    let states = spec.states.as_deref();
    let number = states.and_then(|states| states.number(text("state")));
    let state = states.zip(number);
    let state = state.map_or_else(
        || text("state").to_owned(),
        |(states, number)| enum_value(states, number, language),
    );
    format!("{state} {}", text("on")).trim_end().to_owned()
}

/// What a field said before: its label, the value, and the day from which the next one holds.
fn former(of: &FieldSpec, said: &Map<String, Json>, language: Language) -> String {
    let text = |name: &str| said.get(name).and_then(Json::as_str).unwrap_or_default();
    let kind = of.reference.as_deref();
    let kind = kind.and_then(|kind| crate::Catalogue::builtin().kind_by_id(kind));
    let spec = kind.and_then(|kind| kind.field(text("field")));
    let name = spec.map_or_else(|| text("field"), |spec| field(spec, language));
    let value = spec.map(|spec| self::text(spec, &text("value").into(), language));
    let value = value.unwrap_or_else(|| text("value").to_owned());
    let (value, until) = (if value.is_empty() { "—" } else { &value }, text("until"));
    match language {
        Language::Zh => format!("{name} {value}（{until} 之前）"),
        Language::En => format!("{name} {value} (before {until})"),
    }
}

/// Bytes as people read them.
#[must_use]
pub fn size(bytes: u64) -> String {
    if bytes < 1 << 10 {
        return format!("{bytes} B");
    }
    let (unit, name) = if bytes < 1 << 20 {
        (1 << 10, "KiB")
    } else {
        (1 << 20, "MiB")
    };
    let tenths = bytes.saturating_mul(10).div_ceil(unit);
    format!("{}.{} {name}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;

    #[test]
    fn an_attachment_is_named_by_what_it_is_called() {
        let spec = Catalogue::builtin().kind_by_id("problem_item").unwrap();
        let file = serde_json::json!([{ "name": "\u{202e}请示.pdf", "size": 1_572_864,
            "hash": "0a".repeat(32), "media_type": "application/pdf" }]);
        let evidence = spec.field("evidence").unwrap();
        assert_eq!(
            text(evidence, &file, Language::Zh),
            "请示.pdf（1.5 MiB，0a0a0a0a0a0a）"
        );
        assert_eq!([size(12), size(1_025)], ["12 B", "1.1 KiB"]);
    }

    #[test]
    fn labels_come_in_both_languages() {
        let spec = Catalogue::builtin().kind_by_id("organisation").unwrap();
        assert_eq!(kind(spec, Language::Zh), "两新组织");
        let status = spec.field("census_status").unwrap();
        assert_eq!(field(status, Language::En), "Census status");
        assert_eq!(text(status, &Json::from("counted"), Language::Zh), "在册");
        assert_eq!(text(status, &Json::from(99), Language::Zh), "99");
        let groups = spec.field("mass_orgs").unwrap();
        let both = serde_json::json!(["union", "women"]);
        assert_eq!(text(groups, &both, Language::Zh), "工会、妇联");
        assert_eq!(
            enum_value(status.enumeration().unwrap(), 2, Language::En),
            "On the ledger"
        );
    }
}

//! Personal data as those see it who may not see it in full.

use proto::ledger::ChangeRequest;
use replica::{Record, RegisterId};
use serde_json::{Map, Value as Json};

use crate::{
    catalogue::{Catalogue, FieldSpec, KindSpec, Sensitivity, Shape},
    decode, effective, request, value,
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

/// Fields that repeat what a field of another record says, in words: they are as personal as that is.
const REPEATS: &[(&str, &str)] = &[
    ("change_request", "present"),
    ("change_request", "proposed"),
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

/// Whether a field may be masked for those who may not see personal data in full: then nothing is
/// found by it. References are not: an id says nothing.
#[must_use]
pub fn is_masked(kind: &KindSpec, field: &FieldSpec) -> bool {
    let named = (kind.id.as_str(), field.id.as_str());
    let is_text = field.sensitivity == Sensitivity::Personal && matches!(field.shape, Shape::Text);
    let is_copy = RAW.contains(&named) || REPEATS.contains(&named);
    is_copy || (is_text && !SHOWN.contains(&named))
}

/// Whether a kind has fields that are masked.
#[must_use]
pub fn masks(kind: &KindSpec) -> bool {
    kind.fields.iter().any(|field| is_masked(kind, field))
}

/// What a field that repeats another says.
#[derive(Clone, Copy, Debug)]
enum Repeated<'c> {
    /// What this field of this kind says.
    Field(&'c KindSpec, &'c FieldSpec),
    /// Nobody here knows of what.
    Unknown,
}

/// The personal data of one record, as those see it who may not see it in full.
#[derive(Clone, Copy, Debug)]
pub struct Mask<'c> {
    kind: Option<&'c KindSpec>,
    repeated: Repeated<'c>,
}

impl<'c> Mask<'c> {
    /// The mask of a record, as far as it is known here.
    #[must_use]
    pub fn of(
        catalogue: &'c Catalogue,
        kind: Option<&'c KindSpec>,
        record: Option<&Record>,
    ) -> Self {
        let repeats = |kind: &KindSpec| REPEATS.iter().any(|(of, _)| *of == kind.id);
        let record = record.filter(|_| kind.is_some_and(repeats));
        let field = record.and_then(|record| {
            let said: ChangeRequest = decode(&effective(catalogue, record).values).ok()?;
            let (key, field) = request::target(catalogue, &said)?;
            Some(Repeated::Field(catalogue.kind(key.kind)?, field))
        });
        Self {
            kind,
            repeated: field.unwrap_or(Repeated::Unknown),
        }
    }

    /// Whether anything of the record is masked.
    #[must_use]
    pub fn hides(&self) -> bool {
        self.kind.is_none_or(|kind| {
            let mut fields = kind.fields.iter();
            fields.any(|field| self.style(kind, field).is_some())
        })
    }

    /// Masks the values of a record as scripts read them. What a newer program has added is masked
    /// whole: nobody here knows what it says.
    pub fn values(&self, values: &mut Map<String, Json>) {
        for (name, value) in values {
            match self.kind.and_then(|kind| Some((kind, kind.field(name)?))) {
                Some((kind, field)) => self.field(kind, field, value),
                None => *value = NOTHING.into(),
            }
        }
    }

    /// Masks the value of a register as scripts read it: that of its field, or an object of several.
    /// A kind or a register that is not known is masked whole.
    pub fn register(&self, register: RegisterId, value: &mut Json) {
        if register.is_system() {
            return;
        }
        let known = self
            .kind
            .and_then(|kind| Some((kind, kind.register(register)?)));
        let Some((kind, spec)) = known else {
            *value = NOTHING.into();
            return;
        };
        let mut fields = kind.fields_of(spec);
        match (fields.next(), fields.next(), value) {
            (Some(only), None, value) => self.field(kind, only, value),
            (_, Some(_), Json::Object(values)) => self.values(values),
            _ => {}
        }
    }

    /// Whether a value of a register is what somebody who sees it masked sees of the one that stands:
    /// a masked table that comes back says nothing.
    #[must_use]
    pub fn is_of(&self, register: RegisterId, standing: &[u8], given: &[u8]) -> bool {
        let read = |bytes| value::register_json(self.kind, register, bytes);
        let (full, given) = (read(standing), read(given));
        let mut seen = full.clone();
        self.register(register, &mut seen);
        given != full && given == seen
    }

    /// How a field is masked: like this field, or whole; none where it is shown.
    fn style(&self, kind: &'c KindSpec, field: &'c FieldSpec) -> Option<Option<&'c FieldSpec>> {
        let named = (kind.id.as_str(), field.id.as_str());
        match self.repeated {
            _ if !is_masked(kind, field) => None,
            _ if !REPEATS.contains(&named) => Some(Some(field)),
            Repeated::Field(kind, field) => is_masked(kind, field).then_some(Some(field)),
            Repeated::Unknown => Some(None),
        }
    }

    fn field(&self, kind: &'c KindSpec, field: &'c FieldSpec, value: &mut Json) {
        if let Some(style) = self.style(kind, field) {
            mask(style, value);
        }
    }
}

fn mask(style: Option<&FieldSpec>, value: &mut Json) {
    match value {
        Json::String(text) if text.is_empty() => {}
        Json::String(text) => {
            *text = style.map_or_else(|| NOTHING.to_owned(), |field| masked(field, text));
        }
        Json::Array(items) => items.iter_mut().for_each(|item| mask(style, item)),
        Json::Object(_) | Json::Number(_) => *value = NOTHING.into(),
        Json::Null | Json::Bool(_) => {}
    }
}

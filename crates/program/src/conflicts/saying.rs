//! What a conflict is, in words that a clerk understands.

use domain::{Conflict, ConflictKind, KindSpec, label, label::Language, value};
use replica::{RegisterId, Sibling};
use serde_json::Value;

use crate::records::plain_value;

/// The name of a kind of conflict.
#[must_use]
pub fn kind_label(kind: ConflictKind, language: Language) -> &'static str {
    let (zh, en) = match kind {
        ConflictKind::Field => ("字段冲突", "Field conflict"),
        ConflictKind::Transition => ("流转冲突", "Transition conflict"),
        ConflictKind::AsOfTie => ("同日数据不一", "Same-date figures differ"),
        ConflictKind::DeleteEdit => ("删改冲突", "Delete against edit"),
        ConflictKind::Owners => ("归属争议", "Scope claim"),
    };
    language.pick(zh, en)
}

/// One sentence that says what stands against what, and what the person has to choose.
#[must_use]
pub fn sentence(kind: Option<&KindSpec>, open: &Conflict, language: Language) -> String {
    let n = open.candidates.len();
    match open.kind {
        ConflictKind::Field => several(kind, open, language),
        ConflictKind::AsOfTie => tie(kind, open, language),
        ConflictKind::Transition => statuses(kind, open, language),
        ConflictKind::DeleteEdit => deletion(kind, open, language),
        ConflictKind::Owners => match language {
            Language::Zh => format!(
                "{n} 个辖区同时被记为这条记录的归属单位，须由市级裁定。裁定之前仍由原单位填写"
            ),
            Language::En => format!(
                "{n} scopes are named as the owner of this record at once; the city must rule. Until then the old owner writes it"
            ),
        },
    }
}

/// The labels of the fields of a register.
fn labels(kind: Option<&KindSpec>, register: RegisterId, language: Language) -> Vec<String> {
    let spec = kind.and_then(|kind| Some((kind, kind.register(register)?)));
    let fields = spec
        .into_iter()
        .flat_map(|(kind, spec)| kind.fields_of(spec));
    let labels: Vec<String> = fields
        .map(|field| label::field(field, language).to_owned())
        .collect();
    if labels.is_empty() {
        vec![register.0.to_string()]
    } else {
        labels
    }
}

fn several(kind: Option<&KindSpec>, open: &Conflict, language: Language) -> String {
    let labels = labels(kind, open.register, language);
    let n = open.candidates.len();
    let joined = labels.join(language.pick("、", ", "));
    match (language, labels.len()) {
        (Language::Zh, 1) => format!("“{joined}”有 {n} 个并存的值，需人工确认"),
        (Language::Zh, _) => format!("“{joined}”是一组，要一起确认：有 {n} 组并存的值"),
        (Language::En, 1) => {
            format!("\"{joined}\" has {n} concurrent values; a person must decide")
        }
        (Language::En, _) => {
            format!("\"{joined}\" belong together and are decided together: {n} concurrent groups")
        }
    }
}

fn tie(kind: Option<&KindSpec>, open: &Conflict, language: Language) -> String {
    let as_of = kind
        .and_then(|kind| kind.register(open.register))
        .and_then(|spec| spec.as_of);
    let field = kind
        .zip(as_of)
        .and_then(|(kind, number)| kind.fields.iter().find(|field| field.number == number));
    let newest = open.candidates.iter().filter_map(|candidate| {
        let values = value::to_json(kind?, &candidate.value);
        values.get(&field?.id)?.as_str().map(str::to_owned)
    });
    let date = newest.max();
    match (language, date) {
        (Language::Zh, Some(date)) => {
            format!("数据日期同为 {date}，填报的数字却不同，需确认哪一组属实")
        }
        (Language::Zh, None) => "填报的数字不同，又都没有数据日期，需确认哪一组属实".to_owned(),
        (Language::En, Some(date)) => {
            format!("Both figures are of {date} and differ; find out which are right")
        }
        (Language::En, None) => {
            "The figures differ and neither has a date; find out which are right".to_owned()
        }
    }
}

/// Both lines of a status: from what it was to what each side made of it.
fn statuses(kind: Option<&KindSpec>, open: &Conflict, language: Language) -> String {
    let text = |bytes: &[u8]| {
        let value = plain_value(kind, open.register, bytes);
        let spec = kind.and_then(|kind| Some((kind, kind.register(open.register)?)));
        let field = spec.and_then(|(kind, spec)| kind.fields_of(spec).next());
        match (field, &value) {
            (_, Value::Null) => language.pick("（空）", "(none)").to_owned(),
            (Some(field), value) => label::text(field, value, language),
            (None, value) => value.to_string(),
        }
    };
    let base = open.base.as_ref().and_then(|(_, value)| value.as_ref());
    let line = |candidate: &Sibling| match base {
        Some(base) => format!("{} → {}", text(base), text(&candidate.value)),
        None => text(&candidate.value),
    };
    let lines: Vec<String> = open.candidates.iter().map(line).collect();
    match language {
        Language::Zh => format!(
            "状态被分别改动（{}），不能由一方推到另一方，需确认现在的实际状态",
            lines.join("；")
        ),
        Language::En => format!(
            "The status was changed in different ways ({}); neither alone leads to the other, find out what holds now",
            lines.join("; ")
        ),
    }
}

fn deletion(kind: Option<&KindSpec>, open: &Conflict, language: Language) -> String {
    let mark = open
        .candidates
        .iter()
        .find(|s| s.register == RegisterId::DELETED && !s.value.is_empty());
    let reason = mark
        .map(|mark| mark.write.reason.as_str())
        .unwrap_or_default();
    let mut fields: Vec<String> = Vec::new();
    for edit in &open.candidates {
        if edit.register != RegisterId::DELETED {
            fields.extend(labels(kind, edit.register, language).into_iter().take(1));
        }
    }
    fields.dedup();
    let fields = fields.join(language.pick("、", ", "));
    match (language, fields.is_empty()) {
        (Language::Zh, false) => format!(
            "一方以“{reason}”为由删除了这条记录，另一方不知情，又填写了“{fields}”：请确认是恢复还是删除"
        ),
        (Language::Zh, true) => format!(
            "一方以“{reason}”为由删除了这条记录，另一方不知情，恢复了它：请确认是恢复还是删除"
        ),
        (Language::En, false) => format!(
            "One side deleted the record (\"{reason}\") while another, not knowing, filled in \"{fields}\": restore it or delete it"
        ),
        (Language::En, true) => format!(
            "One side deleted the record (\"{reason}\") while another, not knowing, restored it: restore it or delete it"
        ),
    }
}

//! `record …`: reading and writing records.

use std::path::PathBuf;

use clap::Subcommand;
use domain::{KindSpec, label, label::Language};
use replica::{Kind, RecordKey, Source};
use serde_json::{Map, Value, json};

use crate::{
    app::App,
    failure::{Exit, Failure},
    output::{Out, Part},
    records::{
        self, Change, Documents, Filter, Known, Saved, Seen, each, find, kind_of, named, scope_of,
        set_of_text,
    },
};

/// `record …`.
#[derive(Subcommand, Clone, Debug)]
pub enum RecordCommand {
    /// List the records of a kind
    List {
        /// The kind, as `organisation`
        kind: String,
        /// Only of this scope
        #[arg(long)]
        scope: Option<String>,
        /// Only where the field has this value; may be given several times
        #[arg(long = "where", value_name = "FIELD=VALUE")]
        wheres: Vec<String>,
        /// At most so many
        #[arg(long)]
        limit: Option<usize>,
        /// Only after this id: the `next` of the page before
        #[arg(long, value_name = "ID")]
        after: Option<String>,
    },
    /// Show one record
    Get {
        /// The kind
        kind: String,
        /// The id, or a code: `410305`, `2020`
        id: String,
    },
    /// Write fields of a record, or make one
    Put {
        /// The kind
        kind: String,
        /// The id, or a code; without it a record is made, or found by its key fields
        id: Option<String>,
        /// A field and its value; `field=` clears, items of a set are parted by commas
        #[arg(long = "set", value_name = "FIELD=VALUE", num_args = 1..)]
        sets: Vec<String>,
        /// What you saw: the `seen` of the record; without it the present state
        #[arg(long, value_name = "TOKEN")]
        seen: Option<String>,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Delete a record that was entered by mistake
    Delete {
        /// The kind
        kind: String,
        /// The id, or a code
        id: String,
        /// What you saw: the `seen` of the record; without it the present state
        #[arg(long, value_name = "TOKEN")]
        seen: Option<String>,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Load a file with one JSON object a line: {"kind","id"?,"values"}
    Load {
        /// The file
        file: PathBuf,
        /// Why; by default the name of the file
        #[arg(long)]
        reason: Option<String>,
    },
    /// Every write of a record: who, when, why, what became what
    History {
        /// The kind
        kind: String,
        /// The id, or a code
        id: String,
    },
    /// Why a field reads as it does
    Explain {
        /// The kind
        kind: String,
        /// The id, or a code
        id: String,
        /// Only this field
        field: Option<String>,
    },
    /// Why a record is not at the other side, and what to do
    WhyNotSynced {
        /// The kind
        kind: String,
        /// The id, or a code
        id: String,
    },
}

/// Runs `record …`.
///
/// # Errors
/// The command failed.
pub fn run(app: &App, command: RecordCommand, out: &mut Out) -> Result<(), Failure> {
    match command {
        RecordCommand::List { kind, scope, wheres, limit, after } => {
            if let Some(number) = unknown_kind(app, &kind) {
                return list_unknown(app, number, out);
            }
            let kind = kind_of(app, &kind)?;
            let scope = scope.map(|scope| scope_of(app, &scope)).transpose()?;
            let after = after.map(|id| named(&Known::new(app), kind, &id)).transpose()?;
            let after = after.map(|named| named.id);
            list(app, &Filter { kind, scope, wheres: &wheres, limit, after }, out)
        }
        RecordCommand::Get { kind, id } => {
            let key = key_of(app, &kind, &id)?;
            let document = records::document(app, &find(app, key)?)?;
            show(app, &document, out);
            Ok(())
        }
        RecordCommand::Put { kind, id, sets, seen, reason } => {
            put(app, (&kind, id.as_deref()), &sets, (seen.as_deref(), &reason), out)
        }
        RecordCommand::Delete { kind, id, seen, reason } => {
            let key = key_of(app, &kind, &id)?;
            let seen = seen.map(|token| Seen::parse_for(&token, key)).transpose()?;
            let saved = records::delete(app, key, seen.as_ref(), &reason)?;
            show_saved(app, &saved, out);
            Ok(())
        }
        RecordCommand::Load { file, reason } => load(app, &file, reason, out),
        RecordCommand::History { kind, id } => history(app, key_of(app, &kind, &id)?, out),
        RecordCommand::Explain { kind, id, field } => {
            explain(app, key_of(app, &kind, &id)?, field.as_deref(), out)
        }
        RecordCommand::WhyNotSynced { kind, id } => {
            let (state, zh, en) = records::why_not_synced(app, key_of(app, &kind, &id)?)?;
            let sentence = out.say(&zh, &en).to_owned();
            if out.json {
                out.document(&records::why_json(state, &sentence));
            } else {
                out.line(sentence);
            }
            Ok(())
        }
    }
}

/// A kind that a newer program has written, by its number.
fn unknown_kind(app: &App, name: &str) -> Option<Kind> {
    let number = name.parse().ok().map(Kind)?;
    app.catalogue.kind(number).is_none().then_some(number)
}

fn key_of(app: &App, kind: &str, id: &str) -> Result<RecordKey, Failure> {
    if let Some(number) = unknown_kind(app, kind) {
        let id = uuid::Uuid::try_parse(id.trim());
        let id = id.ok().ok_or_else(|| {
            Failure::new("RECORD-002", Exit::Invalid).with("id", "").with("kind", kind)
        })?;
        return Ok(RecordKey { kind: number, id: replica::RecordId(id.into_bytes()) });
    }
    let kind = kind_of(app, kind)?;
    Ok(RecordKey { kind: kind.kind, id: named(&Known::new(app), kind, id)?.id })
}

fn put(
    app: &App,
    (kind, id): (&str, Option<&str>),
    sets: &[String],
    (seen, reason): (Option<&str>, &str),
    out: &mut Out,
) -> Result<(), Failure> {
    if sets.is_empty() {
        return Err(Failure::new("RECORD-009", Exit::Usage));
    }
    let kind = kind_of(app, kind)?;
    let mut set = set_of_text(sets)?;
    let known = Known::new(app);
    let named = id.map(|id| named(&known, kind, id)).transpose()?;
    let key_field = named.as_ref().and_then(|named| named.key_field.as_ref());
    let said = |name: &str| sets.iter().any(|text| text.split('=').next() == Some(name));
    if let Some((field, text)) = key_field.filter(|(field, _)| !said(field)) {
        set.push((field, domain::value::Input::Text(text)));
    }
    let id = named.as_ref().map(|named| named.id);
    let seen = match (seen, id) {
        (Some(token), Some(id)) => {
            Some(Seen::parse_for(token, RecordKey { kind: kind.kind, id })?)
        }
        (Some(token), None) => Some(Seen::parse(token).and_then(|seen| {
            let other = || Failure::new("RECORD-006", Exit::Invalid);
            (seen.key.kind == kind.kind).then_some(seen).ok_or_else(other)
        })?),
        (None, _) => None,
    };
    let id = id.or_else(|| seen.as_ref().map(|seen| seen.key.id));
    let change = Change { kind, id, set, seen, scope: None, reason, source: Source::Command };
    let saved = records::put(app, &change)?;
    show_saved(app, &saved, out);
    Ok(())
}

fn show_saved(app: &App, saved: &Saved, out: &mut Out) {
    records::note_warnings(&saved.warnings, out);
    let mut document = saved.document.clone();
    if !saved.warnings.is_empty() {
        document.insert("warnings".to_owned(), records::findings_json(&saved.warnings, out));
    }
    show(app, &document, out);
    if saved.beside {
        out.exit = Exit::Beside;
        let text = out.say(
            "已保存，但与另一个值并存：两个值都保留着。用 conflict list 查看。",
            "Saved, but it stands beside another value: both are kept. See conflict list.",
        );
        out.note(text.to_owned());
    } else if !saved.is_changed {
        let text = out.say("没有不同之处，未作改动。", "Nothing differs; nothing was changed.");
        out.note(text.to_owned());
    }
}

/// Prints a document: as it is, or as a table of fields that hold something.
fn show(app: &App, document: &Map<String, Value>, out: &mut Out) {
    if out.json {
        out.document(&Value::Object(document.clone()));
        return;
    }
    let text = |name: &str| document.get(name).and_then(Value::as_str).unwrap_or_default();
    let kind = app.catalogue.kind_by_id(text("kind"));
    let title = kind.map_or(text("kind"), |kind| label::kind(kind, out.language));
    out.line(format!("{title}  {}  {}  {}", text("id"), text("scope"), text("sync")));
    if document.get("deleted") == Some(&Value::Bool(true)) {
        out.line(out.say("（已删除）", "(deleted)").to_owned());
    }
    let values = document.get("values").and_then(Value::as_object);
    let rows: Vec<Vec<String>> = values
        .into_iter()
        .flatten()
        .filter(|(_, value)| !value.is_null() && value.as_array().is_none_or(|a| !a.is_empty()))
        .map(|(name, value)| field_row(kind, name, value, out.language))
        .collect();
    out.table(&[out.say("字段", "Field"), "", out.say("内容", "Value")], &rows);
    let open = document.get("conflicts").and_then(Value::as_array);
    for conflict in open.into_iter().flatten() {
        super::conflict::show_candidates(app, kind, conflict, out);
    }
}

fn field_row(
    kind: Option<&KindSpec>,
    name: &str,
    value: &Value,
    language: Language,
) -> Vec<String> {
    let field = kind.and_then(|kind| kind.field(name));
    let label = field.map_or("", |field| label::field(field, language));
    vec![label.to_owned(), name.to_owned(), value_text(kind, name, value, language)]
}

/// A value as people read it.
pub(super) fn value_text(
    kind: Option<&KindSpec>,
    name: &str,
    value: &Value,
    language: Language,
) -> String {
    match (value, kind.and_then(|kind| kind.field(name))) {
        (Value::Object(group), _) if !group.is_empty() => {
            let part = |(name, value): (&String, &Value)| {
                let field = kind.and_then(|kind| kind.field(name));
                let label = field.map_or(name.as_str(), |field| label::field(field, language));
                let text = value_text(kind, name, value, language);
                (!text.is_empty()).then(|| format!("{label} {text}"))
            };
            group.iter().filter_map(part).collect::<Vec<_>>().join(language.pick("，", ", "))
        }
        (value, Some(field)) => label::text(field, value, language),
        (Value::String(text), None) => text.clone(),
        (Value::Null, None) => String::new(),
        (value, None) => value.to_string(),
    }
}

/// Prints the list as one JSON document, record by record, or as a table.
fn list(app: &App, filter: &Filter<'_>, out: &mut Out) -> Result<(), Failure> {
    if out.json {
        out.raw(Part::Stdout("{\"records\":[".to_owned()));
        let mut mark = "";
        let next = records::list(app, filter, &mut |document| {
            let document = Value::Object(document);
            out.raw(Part::Stdout(format!("{mark}{document}")));
            mark = ",";
            Ok(())
        });
        let next = next?.map(|id| id.to_string());
        out.line(format!("],\"next\":{}}}", json!(next)));
        return Ok(());
    }
    let columns = columns(filter.kind);
    let mut headings = vec!["id"];
    headings.extend(columns.iter().map(|field| label::field(field, out.language)));
    let mut rows = Vec::new();
    let next = records::list(app, filter, &mut |document| {
        let values = document.get("values");
        let mut row = vec![document.get("id").and_then(Value::as_str).unwrap_or_default().to_owned()];
        row.extend(columns.iter().map(|field| {
            let value = values.and_then(|values| values.get(&field.id)).unwrap_or(&Value::Null);
            value_text(Some(filter.kind), &field.id, value, out.language)
        }));
        rows.push(row);
        Ok(())
    })?;
    out.table(&headings, &rows);
    if let Some(next) = next {
        let text = out.say("还有更多，下一页加上 --after ", "There are more; the next page is --after ");
        out.note(format!("{text}{next}"));
    }
    Ok(())
}

/// Fields that a list of people shows: the first required ones.
fn columns(kind: &'static KindSpec) -> Vec<&'static domain::FieldSpec> {
    let is_shown = |field: &&domain::FieldSpec| {
        field.need == domain::catalogue::Need::Required
            || field.value_type == domain::catalogue::Type::Uscc
    };
    kind.fields.iter().filter(is_shown).take(6).collect()
}

fn list_unknown(app: &App, kind: Kind, out: &mut Out) -> Result<(), Failure> {
    let documents = Documents::new(app)?;
    let mut all = Vec::new();
    each(app, kind, None, None, &mut |stored, meaning| {
        all.push(Value::Object(documents.of(stored, meaning)?));
        Ok(std::ops::ControlFlow::Continue(()))
    })?;
    if out.json {
        out.document(&json!({ "records": all, "next": null }));
    } else {
        all.iter().for_each(|document| out.line(document.to_string()));
    }
    Ok(())
}

fn load(
    app: &App,
    file: &std::path::Path,
    reason: Option<String>,
    out: &mut Out,
) -> Result<(), Failure> {
    let path = app.path(file);
    let name = || path.file_name().map(|name| name.to_string_lossy().into_owned());
    let reason = reason.or_else(name).unwrap_or_else(|| "load".to_owned());
    let loaded = records::load(app, &path, &reason, out)?;
    if loaded.lines > 0 && loaded.lines == loaded.rejected {
        out.exit = Exit::Invalid;
    }
    if out.json {
        out.document(&loaded.json(out));
        return Ok(());
    }
    let rejected = loaded.results.iter().filter_map(|line| {
        let failure = line.failure.as_ref()?;
        Some(vec![line.line.to_string(), failure.code.clone(), failure.text(out.language)])
    });
    let rejected: Vec<Vec<String>> = rejected.collect();
    if !rejected.is_empty() {
        let line = out.say("行", "line");
        out.table(&[line, out.say("代码", "code"), out.say("说明", "what")], &rejected);
    }
    let text = out.say(
        "{lines} 行：新建 {created}，更新 {changed}，未变 {unchanged}，拒绝 {rejected}",
        "{lines} lines: {created} created, {changed} changed, {unchanged} unchanged, {rejected} rejected",
    );
    let text = text
        .replace("{lines}", &loaded.lines.to_string())
        .replace("{created}", &loaded.created.to_string())
        .replace("{changed}", &loaded.changed.to_string())
        .replace("{unchanged}", &loaded.unchanged.to_string())
        .replace("{rejected}", &loaded.rejected.to_string());
    out.line(text);
    Ok(())
}

fn history(app: &App, key: RecordKey, out: &mut Out) -> Result<(), Failure> {
    if out.json {
        let history = records::history(app, key)?;
        let kind = app.catalogue.kind(key.kind).map_or("", |kind| kind.id.as_str());
        out.document(&json!({ "kind": kind, "id": key.id.to_string(), "history": history }));
        return Ok(());
    }
    let kind = app.catalogue.kind(key.kind);
    let history = records::history(app, key)?;
    let mut rows = Vec::new();
    for event in &history {
        let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
        let at = text("at").trim_end_matches("+08:00").replace('T', " ");
        let fields = event.get("fields").and_then(Value::as_array);
        for change in fields.into_iter().flatten() {
            let name = change.get("field").and_then(Value::as_str).unwrap_or_default();
            let value = |of: &str| {
                let value = change.get(of).unwrap_or(&Value::Null);
                value_text(kind, name, value, out.language)
            };
            let label = kind.and_then(|kind| kind.field(name));
            let label = label.map_or(name, |field| label::field(field, out.language));
            let step = format!("{label}：{} → {}", value("from"), value("to"));
            rows.push(vec![at.clone(), text("author").to_owned(), step, text("reason").to_owned()]);
        }
    }
    let headings = [
        out.say("时间", "when"),
        out.say("填写人", "who"),
        out.say("变更", "what"),
        out.say("理由", "why"),
    ];
    out.table(&headings, &rows);
    Ok(())
}

fn explain(
    app: &App,
    key: RecordKey,
    field: Option<&str>,
    out: &mut Out,
) -> Result<(), Failure> {
    let entries = records::explain(app, key, field)?;
    let kind = app.catalogue.kind(key.kind);
    if out.json {
        let name = kind.map_or("", |kind| kind.id.as_str());
        out.document(&json!({ "kind": name, "id": key.id.to_string(), "fields": entries }));
        return Ok(());
    }
    for entry in &entries {
        let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
        let name = text("field");
        let label = kind.and_then(|kind| kind.field(name));
        let label = label.map_or(name, |field| label::field(field, out.language));
        let value = value_text(kind, name, entry.get("value").unwrap_or(&Value::Null), out.language);
        let rule = out.say(text("rule_zh"), text("rule_en")).to_owned();
        out.line(format!("{label}：{value}"));
        out.line(format!("    {}  {}  {}  {}", text("author"), text("at"), text("source"), text("reason")));
        out.line(format!("    {rule}"));
        let replaced = entry.get("replaced").and_then(Value::as_array);
        for former in replaced.into_iter().flatten() {
            let value = value_text(kind, name, former.get("value").unwrap_or(&Value::Null), out.language);
            let author = former.get("author").and_then(Value::as_str).unwrap_or_default();
            let lead = out.say("替换了", "replaced");
            out.line(format!("    {lead} {value}（{author}）"));
        }
        if !text("decision").is_empty() {
            let lead = out.say("依据处理决定", "by decision");
            out.line(format!("    {lead} {}", text("decision")));
        }
    }
    Ok(())
}

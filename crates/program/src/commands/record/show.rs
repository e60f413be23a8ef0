//! Records as `record …` prints them: documents for scripts, tables for people.

use domain::{
    Catalogue, KindSpec, label,
    label::Language,
    state::{
        Act,
        guards::{Line, lines},
    },
};
use replica::RecordKey;
use serde_json::{Map, Value, json};

use crate::{
    app::{App, PeerView},
    commands::conflict::show_candidates,
    failure::{Exit, Failure},
    output::{Out, Part},
    records::{self, Filter, OpenAct, Saved},
    texts::words,
};

/// Prints a record after a save, and what to know about it.
pub(super) fn show_saved(saved: &Saved, app: &App, out: &mut Out) {
    records::note_warnings(&saved.warnings, out);
    let mut document = saved.document.clone();
    if !saved.warnings.is_empty() {
        document.insert(
            "warnings".to_owned(),
            records::findings_json(&saved.warnings, out),
        );
    }
    show(app, &document, out);
    if saved.beside {
        out.exit = Exit::Beside;
        let text = out.say(
            "已保存，但与另一个值并存：两个值都保留着。用 conflict list 查看。",
            "Saved, but it stands beside another value: both are kept. See conflict list.",
        );
        out.note(text);
    } else if !saved.is_changed {
        let text = out.say(
            "没有不同之处，未作改动。",
            "Nothing differs; nothing was changed.",
        );
        out.note(text);
    }
}

/// Prints the steps that can follow from a state.
pub(super) fn show_acts(open: &[OpenAct], out: &mut Out) {
    if out.json {
        let one = |open: &OpenAct| {
            json!({
                "act": open.act.name,
                "field": open.act.field.id,
                "from": open.act.from.id,
                "to": open.act.to.id,
                "refused": open.refused,
                "suggested": open.suggested.map(|why| out.say(why.zh, why.en)),
            })
        };
        let all: Value = open.iter().map(one).collect();
        out.document(&all);
        return;
    }
    if open.is_empty() {
        out.line(out.say(
            "当前状态没有后续操作",
            "no step follows from the present state",
        ));
        return;
    }
    let language = out.language;
    let row = |open: &OpenAct| {
        let Act { from, to, .. } = open.act;
        let may = match open.refused.as_deref() {
            None => language.pick("可以办理", "you may take it").to_owned(),
            Some("AUTH-HUB-STEP") => language.pick("待市级确认", "waits for the city").to_owned(),
            Some("AUTH-OWN") => language
                .pick("须由他人办理", "another person takes it")
                .to_owned(),
            Some(code) => code.to_owned(),
        };
        let lead = language.pick("；建议：", "; suggested: ");
        let why = open.suggested.map(|why| language.pick(why.zh, why.en));
        let may = why.map_or_else(|| may.clone(), |why| [&may, lead, why].concat());
        vec![
            open.act.name.to_owned(),
            label::field(open.act.field, language).to_owned(),
            language.pick(&from.zh, &from.en).to_owned(),
            language.pick(&to.zh, &to.en).to_owned(),
            may,
        ]
    };
    let rows: Vec<Vec<String>> = open.iter().map(row).collect();
    let headings = [
        out.say("操作", "act"),
        out.say("字段", "field"),
        out.say("由", "from"),
        out.say("到", "to"),
        "",
    ];
    out.table(&headings, &rows);
}

/// Prints the tables of states: each step with who takes it and what it needs.
pub(super) fn show_tables(
    catalogue: &'static Catalogue,
    only: Option<&'static KindSpec>,
    out: &mut Out,
) {
    let kinds = catalogue.kinds().iter();
    let kinds = kinds.filter(|kind| only.is_none_or(|only| only.id == kind.id));
    let lines: Vec<Line> = kinds.flat_map(lines).collect();
    if out.json {
        let one = |line: &Line| {
            let guards = line.guards();
            json!({
                "kind": line.kind.id,
                "field": line.field.id,
                "from": line.from.id,
                "act": line.act,
                "to": line.to.id,
                "who": line.who.label().1,
                "waits": line.who.waits().1,
                "guards": guards.map(|it| json!({ "rule": it.rule, "code": it.code,
                    "fields": it.fields })).collect::<Value>(),
            })
        };
        out.document(&lines.iter().map(one).collect());
        return;
    }
    let language = out.language;
    let row = |line: &Line| {
        let both = |(zh, en)| language.pick(zh, en).to_owned();
        let guards: Vec<_> = line.guards().map(|it| line.text_of(it)).collect();
        vec![
            label::kind(line.kind, language).to_owned(),
            language.pick(&line.from.zh, &line.from.en).to_owned(),
            line.act.to_owned(),
            language.pick(&line.to.zh, &line.to.en).to_owned(),
            both(line.who.label()),
            both(line.who.waits()),
            guards.join("\n"),
        ]
    };
    let rows: Vec<Vec<String>> = lines.iter().map(row).collect();
    let headings = [
        out.say("记录", "record"),
        out.say("由", "from"),
        out.say("操作", "act"),
        out.say("到", "to"),
        out.say("办理人", "who"),
        "",
        out.say("条件", "needs"),
    ];
    out.table(&headings, &rows);
}

/// Prints a document: as it is, or as a table of fields that hold something.
pub(super) fn show(app: &App, document: &Map<String, Value>, out: &mut Out) {
    if out.json {
        out.document(&Value::Object(document.clone()));
        return;
    }
    let text = |name: &str| {
        document
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let kind = app.catalogue.kind_by_id(text("kind"));
    let title = kind.map_or_else(|| text("kind"), |kind| label::kind(kind, out.language));
    out.line(format!(
        "{title}  {}  {}  {}",
        text("id"),
        text("scope"),
        words::sync(text("sync"), out.language)
    ));
    if document.get("deleted") == Some(&Value::Bool(true)) {
        out.line(out.say("（已删除）", "(deleted)"));
    }
    let values = document.get("values").and_then(Value::as_object);
    let rows: Vec<Vec<String>> = values
        .into_iter()
        .flatten()
        .filter(|(_, value)| !value.is_null() && value.as_array().is_none_or(|a| !a.is_empty()))
        .map(|(name, value)| field_row(kind, name, value, out.language))
        .collect();
    out.table(
        &[out.say("字段", "Field"), "", out.say("内容", "Value")],
        &rows,
    );
    for file in super::super::array(&Value::Object(document.clone()), "attachments") {
        if let Some(at) = file.get("at").and_then(Value::as_str) {
            let name = crate::commands::text(file, "name");
            out.line(match out.language {
                Language::Zh => format!("附件“{name}”的内容不在本机，在 {at}"),
                Language::En => format!("the content of \"{name}\" is not here but in {at}"),
            });
        }
    }
    let open = document.get("conflicts").and_then(Value::as_array);
    for conflict in open.into_iter().flatten() {
        show_candidates(kind, conflict, out);
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
    vec![
        label.to_owned(),
        name.to_owned(),
        value_text(kind, name, value, language),
    ]
}

/// A value as people read it.
pub fn value_text(
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
            group
                .iter()
                .filter_map(part)
                .collect::<Vec<_>>()
                .join(language.pick("，", ", "))
        }
        (value, Some(field)) => label::text(field, value, language),
        (Value::String(text), None) => text.clone(),
        (Value::Null, None) => String::new(),
        (value, None) => value.to_string(),
    }
}

/// What people call a field.
pub fn field_label(kind: Option<&KindSpec>, name: &str, language: Language) -> String {
    match (kind.and_then(|kind| kind.field(name)), name) {
        (Some(field), _) => label::field(field, language).to_owned(),
        (None, "deleted") => language.pick("删除", "deletion").to_owned(),
        (None, "owner") => language.pick("归属", "owner").to_owned(),
        (None, other) => other.to_owned(),
    }
}

/// The value of a register as people read it: of a deletion the reason, of an owner the scope.
pub fn register_text(
    kind: Option<&KindSpec>,
    name: &str,
    value: &Value,
    language: Language,
) -> String {
    match (name, value) {
        ("owner", Value::Object(_)) => {
            let scope = value.get("scope").and_then(Value::as_str);
            scope.unwrap_or_default().to_owned()
        }
        ("deleted", Value::Null) => language.pick("未删除", "not deleted").to_owned(),
        ("deleted", mark) => mark.get("reason").and_then(Value::as_str).map_or_else(
            || language.pick("删除", "deleted").to_owned(),
            |reason| format!("{}{reason}", language.pick("删除：", "deleted: ")),
        ),
        _ => value_text(kind, name, value, language),
    }
}

/// Prints the list as one JSON document, record by record, or as a table.
pub(super) fn list(app: &App, filter: &Filter<'_>, out: &mut Out) -> Result<(), Failure> {
    if out.json {
        // Nothing is printed before it is clear that the list can be made.
        let begin = "{\"records\":[";
        let mut mark = begin;
        let next = records::list(app, filter, &mut |document| {
            let document = Value::Object(document);
            out.raw(Part::Stdout(format!("{mark}{document}")));
            mark = ",";
            Ok(())
        });
        let next = next?.map(|id| id.to_string());
        let begin = if mark == begin { begin } else { "" };
        out.line(format!("{begin}],\"next\":{}}}", json!(next)));
        return Ok(());
    }
    let columns = columns(filter.kind);
    let mut headings = vec!["id"];
    headings.extend(
        columns
            .iter()
            .map(|field| label::field(field, out.language)),
    );
    let mut rows = Vec::new();
    let next = records::list(app, filter, &mut |document| {
        let values = document.get("values");
        let mut row = vec![
            document
                .get("id")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
        ];
        row.extend(columns.iter().map(|field| {
            let value = values
                .and_then(|values| values.get(&field.id))
                .unwrap_or(&Value::Null);
            value_text(Some(filter.kind), &field.id, value, out.language)
        }));
        rows.push(row);
        Ok(())
    })?;
    out.table(&headings, &rows);
    if let Some(next) = next {
        let text = out.say(
            "还有更多，下一页加上 --after ",
            "There are more; the next page is --after ",
        );
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

/// Prints every write of a record.
pub(super) fn history(app: &App, key: RecordKey, out: &mut Out) -> Result<(), Failure> {
    if out.json {
        let history = records::history(app, key)?;
        let kind = app
            .catalogue
            .kind(key.kind)
            .map_or("", |kind| kind.id.as_str());
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
            let name = change
                .get("field")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let value = |of: &str| {
                let value = change.get(of).unwrap_or(&Value::Null);
                register_text(kind, name, value, out.language)
            };
            let label = field_label(kind, name, out.language);
            let step = format!("{label}  {} → {}", value("from"), value("to"));
            rows.push(vec![
                at.clone(),
                text("author").to_owned(),
                step,
                text("reason").to_owned(),
            ]);
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

/// Prints why fields read as they do.
pub(super) fn explain(
    app: &App,
    key: RecordKey,
    field: Option<&str>,
    peers: &[PeerView],
    out: &mut Out,
) -> Result<(), Failure> {
    let entries = records::explain(app, key, field, peers)?;
    let holders = records::holders(app, key, peers)?;
    let kind = app.catalogue.kind(key.kind);
    if out.json {
        let name = kind.map_or("", |kind| kind.id.as_str());
        let id = key.id.to_string();
        out.document(&json!({"kind": name, "id": id, "fields": entries, "holders": holders}));
        return Ok(());
    }
    for entry in &entries {
        let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
        let name = text("field");
        let label = field_label(kind, name, out.language);
        let value = register_text(
            kind,
            name,
            entry.get("value").unwrap_or(&Value::Null),
            out.language,
        );
        let rule = out.say(text("rule_zh"), text("rule_en")).to_owned();
        out.line(format!("{label}  {value}"));
        // What stands while a conflict is open may be what all came from: nobody's candidate.
        if !text("author").is_empty() {
            out.line(format!(
                "    {}  {}  {}  {}",
                text("author"),
                text("at"),
                words::source(text("source"), out.language),
                text("reason")
            ));
        }
        out.line(format!("    {rule}"));
        let others = [
            ("beside", out.say("另有", "beside it")),
            ("replaced", out.say("替换了", "replaced")),
        ];
        for (which, lead) in others {
            let listed = entry.get(which).and_then(Value::as_array);
            for other in listed.into_iter().flatten() {
                let value = other.get("value").unwrap_or(&Value::Null);
                let value = register_text(kind, name, value, out.language);
                let author = other.get("author").and_then(Value::as_str);
                let author = author.unwrap_or_default();
                let author = words::aside(author, out.language);
                out.line(format!("    {lead} {value}{author}"));
            }
        }
        show_arrivals(entry, out);
        if let Some(decided) = entry.get("decided").filter(|decided| !decided.is_null()) {
            let of = |name| {
                decided
                    .get(name)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
            };
            let lead = out.say("依据处理决定", "by decision");
            let line = format!("    {lead} {}  {}  {}", of("id"), of("by"), of("reason"));
            out.line(line);
        }
    }
    show_holders(&holders, out);
    Ok(())
}

/// Prints when each side got a value.
fn show_arrivals(entry: &Value, out: &mut Out) {
    let listed = entry.get("arrived").and_then(Value::as_array);
    for arrival in listed.into_iter().flatten() {
        let of = |name: &str| {
            arrival
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let is_here = arrival.get("here").and_then(Value::as_bool) == Some(true);
        let side = if is_here {
            out.say("本机", "here")
        } else {
            of("side")
        };
        let way = match of("how") {
            "written" => out.say("在此填写", "written there"),
            "received" => out.say("收到", "received"),
            "sent" => out.say("由此转来", "passed it on"),
            _ => out.say("尚未确认收到", "not known to have it"),
        };
        let at = match (of("how"), of("at")) {
            ("received", "") => out.say("时间未记录", "time not noted"),
            (_, at) => at,
        };
        out.line(format!("    {side}  {way}  {at}").trim_end());
    }
}

/// Prints who has the present state of a record.
fn show_holders(holders: &[Value], out: &mut Out) {
    for holder in holders {
        let name = holder
            .get("peer")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let holds = holder.get("holds").and_then(Value::as_bool) == Some(true);
        let text = if holds {
            out.say(
                "已确认收到这条记录的最新内容",
                "holds the present state of the record",
            )
        } else {
            out.say(
                "尚未确认收到最新内容",
                "is not known to hold the present state",
            )
        };
        out.line(format!("{name}  {text}"));
    }
}

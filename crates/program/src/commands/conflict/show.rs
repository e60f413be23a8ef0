//! Conflicts as people read them.

use std::collections::BTreeSet;

use domain::{KindSpec, label, label::Language};
use serde_json::{Map, Value, json};

use crate::{
    app::App,
    commands::{
        array,
        record::{register_text, value_text},
        text,
    },
    conflicts::{Bulk, BulkDone, Docket, Plan, Storm},
    output::Out,
    records::{register_name, source_name},
    texts::words,
};

/// Changes of figures that are shown for one candidate; more hide the rest of the card.
const EFFECTS_SHOWN: usize = 6;

fn moment(of: &Value, name: &str) -> String {
    text(of, name).trim_end_matches("+08:00").replace('T', " ")
}

/// Prints the list; what belongs to a storm is one line for the storm.
pub(super) fn list(app: &App, all: Vec<Map<String, Value>>, storms: &[Storm], out: &mut Out) {
    let mut told = BTreeSet::new();
    for entry in all.into_iter().map(Value::Object) {
        let own = storms
            .iter()
            .find(|storm| storm.id == text(&entry, "storm"));
        if let Some(storm) = own {
            if told.insert(storm.id.clone()) {
                self::storm(storm, out);
            }
            continue;
        }
        let kind = app.catalogue.kind_by_id(text(&entry, "kind"));
        if text(&entry, "state") == "decided" {
            decided(kind, &entry, out);
        } else {
            show_candidates(kind, &entry, out);
        }
    }
}

/// One line about a storm.
pub(super) fn storm(storm: &Storm, out: &mut Out) {
    let state = match (storm.is_stopped, &storm.released) {
        (true, _) => out.say("已停止其批量写入", "its bulk writes are stopped"),
        (false, Some(_)) => out.say("已恢复", "released"),
        (false, None) => "",
    };
    let reasons: Vec<&str> = storm.reasons.iter().map(String::as_str).collect();
    let (id, n, author) = (&storm.id, storm.count, &storm.author);
    let name = source_name(storm.source);
    let source = words::source(&name, out.language);
    let reasons = reasons.join(out.language.pick("、", ", "));
    let line = match out.language {
        Language::Zh => format!(
            "冲突集中来源 {id}：{author} {source}（{reasons}）造成 {n} 项冲突，{state}。逐项查看 conflict list --storm {id}"
        ),
        Language::En => format!(
            "storm {id}: {n} conflicts by {author}, {source} ({reasons}); {state}. One by one: conflict list --storm {id}"
        ),
    };
    out.line(line);
}

/// One line about a docket that is decided, and who does not hold that yet.
fn decided(kind: Option<&KindSpec>, entry: &Value, out: &mut Out) {
    let value = entry.get("value").unwrap_or(&Value::Null);
    let value = value_text(kind, text(entry, "field"), value, out.language);
    let missing: Vec<&str> = array(entry, "missing")
        .iter()
        .filter_map(Value::as_str)
        .map(|name| words::side(name, out.language))
        .collect();
    let confirmed = if missing.is_empty() {
        out.say("各方均已确认", "confirmed everywhere").to_owned()
    } else {
        let lead = out.say("尚未确认：", "not yet confirmed by ");
        format!("{lead}{}", missing.join(", "))
    };
    let choice = choice_label(text(entry, "choice"), out.language);
    out.line(format!(
        "{}  {choice} {value}  {} {}  {}  {confirmed}",
        text(entry, "id"),
        text(entry, "author"),
        moment(entry, "at"),
        text(entry, "reason"),
    ));
}

fn choice_label(choice: &str, language: Language) -> &str {
    match choice {
        "take" => language.pick("采用", "take"),
        "edit" => language.pick("另行填写", "edit"),
        "keep_both" => language.pick("两者都留", "keep both"),
        "undo" => language.pick("撤销决定", "undo"),
        other => other,
    }
}

/// Prints the card.
pub(super) fn card(app: &App, docket: &Docket, card: Map<String, Value>, out: &mut Out) {
    let card = Value::Object(card);
    if out.json {
        out.document(&card);
        return;
    }
    let kind = app.catalogue.kind(docket.key.kind);
    if text(&card, "state") == "decided" {
        decided(kind, &card, out);
    } else {
        show_candidates(kind, &card, out);
        out.line(format!(
            "  {}{}{}",
            text(&card, "conflict_label"),
            out.say("：", ": "),
            text(&card, "what")
        ));
        before(kind, &card, out);
        details(&card, app.config.doctor.clock_skew_s, out);
        preset(&card, out);
        for other in array(&card, "others").iter().filter_map(Value::as_str) {
            let lead = out.say("  本记录另有冲突：", "  also open: ");
            out.line(format!("{lead}{other}"));
        }
    }
    said(kind, &card, out);
}

/// The value everybody came from, and what counts meanwhile.
fn before(kind: Option<&KindSpec>, card: &Value, out: &mut Out) {
    let field = text(card, "field");
    let base = card.get("base").unwrap_or(&Value::Null);
    if base.get("known") == Some(&true.into()) {
        let value = base.get("value").unwrap_or(&Value::Null);
        let value = match (field, value) {
            ("deleted", Value::Object(fields)) => each_field(kind, fields, out),
            _ => value_text(kind, field, value, out.language),
        };
        let lead = out.say("  共同的前一个值：", "  the value before: ");
        out.line(format!(
            "{lead}{value}  {} {}",
            text(base, "author"),
            moment(base, "at")
        ));
    }
    let now = card.get("provisional").unwrap_or(&Value::Null);
    if let Some(value) = now.get("value").filter(|value| !value.is_boolean()) {
        let value = value_text(kind, field, value, out.language);
        let lead = out.say("  处理之前暂按：", "  counted until it is decided: ");
        out.line(format!("{lead}{value}"));
    }
}

/// Where each candidate comes from and what it would change.
fn details(card: &Value, skew_s: u64, out: &mut Out) {
    for candidate in array(card, "candidates") {
        let number = candidate.get("candidate").map(Value::to_string);
        let number = number.unwrap_or_default();
        let unit = candidate.get("unit").unwrap_or(&Value::Null);
        let unit = format!("{} {}", text(unit, "scope"), text(unit, "name"));
        let mut parts = vec![unit.trim().to_owned()];
        if let Some(line) = candidate.get("import_line").filter(|line| !line.is_null()) {
            parts.push(match out.language {
                Language::Zh => format!("表格第 {line} 行"),
                Language::En => format!("line {line} of the sheet"),
            });
        }
        if !text(candidate, "restored_by").is_empty() {
            let lead = out.say("经撤销决定恢复：", "put back by ");
            parts.push(format!("{lead}{}", text(candidate, "restored_by")));
        }
        let error = candidate.get("clock_error_s").and_then(Value::as_i64);
        if let Some(error) = error.filter(|error| error.unsigned_abs() > skew_s) {
            parts.push(match out.language {
                Language::Zh => format!("该机时钟与本机相差 {error} 秒"),
                Language::En => format!("its clock is {error} s ahead of this one"),
            });
        }
        parts.push(effects(candidate, out));
        let lead = out.say("  采用 ", "  taking ");
        out.line(format!(
            "{lead}{number}{}{}",
            out.say("：", ": "),
            parts.join("  ")
        ));
    }
}

/// What a candidate would change, the city's figures first; a script gets all of it.
fn effects(candidate: &Value, out: &Out) -> String {
    let all: Vec<&str> = array(candidate, "effects")
        .iter()
        .map(|effect| text(effect, "text"))
        .collect();
    if all.is_empty() {
        return out.say("不影响指标", "changes no figure").to_owned();
    }
    let shown: Vec<&str> = all.iter().take(EFFECTS_SHOWN).copied().collect();
    let line = shown.join(out.language.pick("，", ", "));
    let more = all.len().saturating_sub(EFFECTS_SHOWN);
    match (more, out.language) {
        (0, _) => line,
        (more, Language::Zh) => format!("{line}，另有 {more} 项（--json 查看）"),
        (more, Language::En) => format!("{line}, and {more} more (see --json)"),
    }
}

/// What the rules suggest. It is a suggestion: the command is the person's.
fn preset(card: &Value, out: &mut Out) {
    let preset = card.get("preset").unwrap_or(&Value::Null);
    let (rule, why) = (text(preset, "rule"), text(preset, "why"));
    if rule.is_empty() {
        return;
    }
    let number = preset.get("candidate").and_then(Value::as_u64);
    let keep_both = preset.get("keep_both") == Some(&true.into());
    let suggestion = match (number, keep_both, out.language) {
        (Some(number), _, Language::Zh) => format!("建议采用 {number}"),
        (Some(number), _, Language::En) => format!("suggests {number}"),
        (None, true, Language::Zh) => "建议两者都留".to_owned(),
        (None, true, Language::En) => "suggests keeping both".to_owned(),
        (None, false, Language::Zh) => "没有建议".to_owned(),
        (None, false, Language::En) => "suggests nothing".to_owned(),
    };
    let lead = out.say("  规则", "  rule");
    out.line(format!(
        "{lead} {rule} {suggestion}{}{why}",
        out.say("：", ": ")
    ));
    let id = text(card, "id");
    let command = match (number, keep_both) {
        (Some(number), _) => format!("conflict take {id} {number} --preset {rule}"),
        (None, true) => format!("conflict keep-both {id} --preset {rule}"),
        (None, false) => return,
    };
    let lead = out.say("  同意的话：", "  if you agree: ");
    out.line(format!("{lead}{command}"));
}

/// Notes and earlier decisions.
fn said(kind: Option<&KindSpec>, card: &Value, out: &mut Out) {
    for note in array(card, "notes") {
        let until = match text(note, "until") {
            "" => String::new(),
            date => format!("{} {date}  ", out.say("暂缓至", "until")),
        };
        let lead = out.say("  批注：", "  note: ");
        out.line(format!(
            "{lead}{until}{}{}",
            text(note, "text"),
            words::aside(text(note, "author"), out.language)
        ));
    }
    for decision in array(card, "decisions") {
        let value = decision.get("value").unwrap_or(&Value::Null);
        let value = value_text(kind, text(card, "field"), value, out.language);
        let lead = out.say("  决定：", "  decided: ");
        let who = format!("{} {}", text(decision, "author"), moment(decision, "at"));
        out.line(format!(
            "{lead}{} {value}  {}{}",
            choice_label(text(decision, "choice"), out.language),
            text(decision, "reason"),
            words::aside(&who, out.language),
        ));
    }
}

/// Prints what stands against what.
pub(crate) fn show_candidates(kind: Option<&KindSpec>, conflict: &Value, out: &mut Out) {
    let name = text(conflict, "field");
    let label = kind.and_then(|kind| kind.field(name));
    let label = match (label, name) {
        (Some(field), _) => label::field(field, out.language),
        (None, "deleted") => out.say("删除", "deletion"),
        (None, "owner") => out.say("归属", "owner"),
        (None, other) => other,
    };
    let state = match text(conflict, "state") {
        "deferred" => format!(
            "  {} {}",
            out.say("暂缓至", "put off until"),
            text(conflict, "until")
        ),
        "returned" => out.say("  已退回核实", "  sent back").to_owned(),
        _ => String::new(),
    };
    out.line(format!("{}  {label}{state}", text(conflict, "id")));
    let rows: Vec<Vec<String>> = array(conflict, "candidates")
        .iter()
        .map(|candidate| {
            let number = candidate
                .get("candidate")
                .map(Value::to_string)
                .unwrap_or_default();
            let value = candidate.get("value").unwrap_or(&Value::Null);
            vec![
                number,
                candidate_text(kind, name, value, out.language),
                text(candidate, "author").to_owned(),
                moment(candidate, "at"),
                words::source(text(candidate, "source"), out.language).to_owned(),
                text(candidate, "reason").to_owned(),
            ]
        })
        .collect();
    let headings = [
        "",
        out.say("值", "value"),
        out.say("填写人", "who"),
        out.say("时间", "when"),
        out.say("来源", "source"),
        out.say("理由", "why"),
    ];
    out.table(&headings, &rows);
}

/// What stood in several registers, each with its name.
fn each_field(kind: Option<&KindSpec>, fields: &Map<String, Value>, out: &Out) -> String {
    let one = |(name, value): (&String, &Value)| {
        let written = json!({ name: value });
        let text = candidate_text(kind, "deleted", &written, out.language);
        if !text.is_empty() {
            return text;
        }
        let field = kind.and_then(|kind| kind.field(name));
        let label = field.map_or(name.as_str(), |field| label::field(field, out.language));
        format!("{label} {}", out.say("（空）", "(empty)"))
    };
    let all: Vec<String> = fields.iter().map(one).collect();
    all.join(out.language.pick("，", ", "))
}

/// The value of a candidate. Against a deletion it says which field was written.
fn candidate_text(
    kind: Option<&KindSpec>,
    name: &str,
    value: &Value,
    language: Language,
) -> String {
    let written = value.as_object().and_then(|fields| fields.iter().next());
    match (name, written) {
        ("deleted", Some((field, mark))) if field == "deleted" => match text(mark, "reason") {
            "" => language.pick("恢复", "restored").to_owned(),
            reason => format!("{}{reason}", language.pick("删除：", "deleted: ")),
        },
        ("deleted", Some((field, group))) if group.is_object() => {
            value_text(kind, field, group, language)
        }
        ("owner", _) => register_text(kind, name, value, language),
        _ => value_text(kind, name, value, language),
    }
}

/// Prints what a bulk decision would do, and the token that stands for it.
pub(super) fn plan(bulk: &Bulk, plan: &Plan, out: &mut Out) {
    let name = register_name(Some(bulk.kind), bulk.register);
    if out.json {
        let rows = plan.rows.iter().map(|row| {
            json!({
                "id": row.docket.id(Some(bulk.kind)),
                "values": row.values,
                "chosen": row.chosen,
                "authors": row.authors,
            })
        });
        let left = plan.left_out.iter();
        let left =
            left.map(|(docket, why)| json!({ "id": docket.id(Some(bulk.kind)), "why": why.id() }));
        out.document(&json!({
            "preset": bulk.by.preset(),
            "field": format!("{}.{name}", bulk.kind.id),
            "decides": rows.collect::<Vec<_>>(),
            "left_out": left.collect::<Vec<_>>(),
            "confirm": plan.token,
        }));
        return;
    }
    let value = |value: &Value, out: &Out| value_text(Some(bulk.kind), &name, value, out.language);
    let rows: Vec<Vec<String>> = plan
        .rows
        .iter()
        .map(|row| {
            let values: Vec<String> = row.values.iter().map(|one| value(one, out)).collect();
            let all = out.say("各方都留", "all of them");
            let chosen = row.chosen.as_ref().map(|one| value(one, out));
            vec![
                row.docket.id(Some(bulk.kind)),
                values.join(" | "),
                chosen.unwrap_or_else(|| all.to_owned()),
            ]
        })
        .collect();
    let headings = [
        "",
        out.say("并存的值", "values"),
        out.say("将采用", "would take"),
    ];
    out.table(&headings, &rows);
    left_out(bulk, plan, out);
    let lead = match out.language {
        Language::Zh => format!(
            "共 {} 项。没有处理任何一项。确认码（只对您的账号有效）：",
            plan.rows.len()
        ),
        Language::En => format!(
            "{} conflicts; nothing was decided. To decide them, with your account: --confirm ",
            plan.rows.len()
        ),
    };
    out.line(format!("{lead}{}", plan.token));
}

fn left_out(bulk: &Bulk, plan: &Plan, out: &mut Out) {
    for (docket, why) in &plan.left_out {
        let why = match why.id() {
            "own_words" => out.say("本人填写了其中一个值", "you wrote one of the values"),
            "no_side" if bulk.by.preset().is_none() => {
                out.say("这一方不是正好一个值", "not one value on that side")
            }
            "no_side" => out.say("规则没有建议", "the rule names no side"),
            "other_rule" => out.say("适用其他规则", "another rule fits"),
            "deferred" => out.say("已暂缓", "put off"),
            _ => out.say("已退回核实", "sent back"),
        };
        let lead = out.say("不处理：", "left out: ");
        out.note(format!("{lead}{}  {why}", docket.id(Some(bulk.kind))));
    }
}

/// Prints what became of a bulk decision.
pub(super) fn done(bulk: &Bulk, plan: &Plan, done: &BulkDone, out: &mut Out) {
    let id = |docket: &Docket| docket.id(Some(bulk.kind));
    if out.json {
        let failed = done.failed.iter().map(|(docket, failure)| {
            json!({ "id": id(docket), "code": failure.code, "message": failure.text(out.language) })
        });
        let left = plan.left_out.iter();
        let left = left.map(|(docket, why)| json!({ "id": id(docket), "why": why.id() }));
        out.document(&json!({
            "preset": bulk.by.preset(),
            "decided": done.decided.iter().map(id).collect::<Vec<_>>(),
            "open": done.open.iter().map(id).collect::<Vec<_>>(),
            "failed": failed.collect::<Vec<_>>(),
            "left_out": left.collect::<Vec<_>>(),
        }));
        return;
    }
    for docket in &done.open {
        let text = out.say(
            "其间又有新的值，仍待处理：",
            "another value had arrived, still open: ",
        );
        out.note(format!("{text}{}", id(docket)));
    }
    for (docket, failure) in &done.failed {
        out.note(format!(
            "{}  {} {}",
            id(docket),
            failure.code,
            failure.text(out.language)
        ));
    }
    left_out(bulk, plan, out);
    let (decided, failed) = (done.decided.len(), done.failed.len());
    let line = match out.language {
        Language::Zh => format!(
            "已处理 {decided} 项，未成 {failed} 项，不处理 {} 项。",
            plan.left_out.len()
        ),
        Language::En => format!(
            "{decided} decided, {failed} failed, {} left out.",
            plan.left_out.len()
        ),
    };
    out.line(line);
}

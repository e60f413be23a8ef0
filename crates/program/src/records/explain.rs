//! Why a field reads as it does, and why a record is not at the other side.

use domain::{KindSpec, catalogue::Merge, effective};
use replica::{Record, RecordKey, RegisterId, Sibling};
use serde_json::{Map, Value, json};

use super::{
    Past, Settled, State,
    document::{authorship, register_of},
    find, register_name, register_value,
};
use crate::{
    app::App,
    failure::{Exit, Failure},
    texts,
};

/// Says of a field, or of every field that holds something: its value, who wrote it, what it
/// replaced, which rule made it what is read, which decision stands behind it.
///
/// # Errors
/// There is no such record or field, or the store is damaged or cannot be read.
pub fn explain(app: &App, key: RecordKey, field: Option<&str>) -> Result<Vec<Value>, Failure> {
    let record = find(app, key)?.record;
    let kind = app.catalogue.kind(key.kind);
    let past = Past::of(app, key)?;
    let Some(name) = field else {
        let registers = record.registers().map(|(register, _)| register);
        return Ok(registers
            .map(|one| register_json(app, kind, &record, &past, one))
            .collect());
    };
    let register = register_of(kind, name)
        .ok_or_else(|| Failure::new("RECORD-015", Exit::Invalid).with("field", name))?;
    Ok(vec![register_json(app, kind, &record, &past, register)])
}

fn register_json(
    app: &App,
    kind: Option<&KindSpec>,
    record: &Record,
    past: &Past,
    register: RegisterId,
) -> Value {
    let look = |register, dot| past.value(register, dot);
    let reading = effective::register(app.catalogue, record, register, &look);
    let candidates = record.register(register);
    let author = candidates
        .iter()
        .find(|sibling| sibling.value == reading.value);
    let is_open = reading.conflict.is_some();
    let (rule, zh, en) = rule(kind, register, candidates, is_open);
    let mut entry = Map::new();
    entry.insert("field".to_owned(), register_name(kind, register).into());
    entry.insert(
        "value".to_owned(),
        register_value(kind, register, &reading.value),
    );
    entry.insert("rule".to_owned(), rule.into());
    entry.insert("rule_zh".to_owned(), zh.into());
    entry.insert("rule_en".to_owned(), en.into());
    entry.extend(author.map(authorship).unwrap_or_default());
    let replaced = author.into_iter().flat_map(|author| &author.replaces);
    let replaced = replaced
        .filter_map(|dot| past.sibling(register, *dot))
        .map(|sibling| {
            let mut former = authorship(sibling);
            former.insert(
                "value".to_owned(),
                register_value(kind, register, &sibling.value),
            );
            Value::Object(former)
        });
    entry.insert("replaced".to_owned(), replaced.collect());
    let others = candidates
        .iter()
        .filter(|one| author.is_none_or(|a| a.dot() != one.dot()));
    let others = others.map(|sibling| {
        let mut other = authorship(sibling);
        other.insert(
            "value".to_owned(),
            register_value(kind, register, &sibling.value),
        );
        Value::Object(other)
    });
    entry.insert("beside".to_owned(), others.collect());
    Value::Object(entry)
}

/// Which rule made the value: its name and a sentence.
fn rule(
    kind: Option<&KindSpec>,
    register: RegisterId,
    candidates: &[Sibling],
    is_open: bool,
) -> (&'static str, &'static str, &'static str) {
    if is_open {
        return (
            "provisional",
            "存在未处理的冲突，暂按各方共同的前一个值或最早的值显示",
            "a conflict is open; until it is decided the last common value, or the first, is shown",
        );
    }
    let first = candidates.first().map(|sibling| &sibling.value);
    if candidates.is_empty() {
        return ("unset", "没有人填写过", "nobody has written it");
    }
    if candidates.len() == 1 {
        return ("only", "只有这一个值", "it is the only value");
    }
    if candidates
        .iter()
        .all(|sibling| Some(&sibling.value) == first)
    {
        return ("agreed", "各方填写的值相同", "all wrote the same");
    }
    let merge = kind
        .and_then(|kind| kind.register(register))
        .map(|register| register.merge);
    match merge {
        Some(Merge::LaterAsOf) => (
            "later_as_of",
            "数据日期较晚的一组有效",
            "of several, the figures of the later date stand",
        ),
        Some(Merge::Union) => (
            "union",
            "集合取并集，添加的项目保留",
            "sets are joined; what was added stays",
        ),
        Some(Merge::TrueWins) => ("true_wins", "有一方填“是”即为“是”", "yes wins over no"),
        Some(Merge::Max) => ("max", "取较大的值", "the larger value stands"),
        Some(Merge::State) => (
            "state",
            "取流程中更靠后的状态",
            "the further status on the line stands",
        ),
        Some(Merge::Append) => ("append", "以最先登记的为准", "the first entry stands"),
        Some(Merge::Unspecified | Merge::Key | Merge::Ask | Merge::Owner) | None => {
            ("first", "以最先登记的为准", "the first entry stands")
        }
    }
}

/// Says in one sentence with one next step whether a record is at the other side.
///
/// # Errors
/// There is no such record, or the writer has ended.
pub fn why_not_synced(app: &App, key: RecordKey) -> Result<(State, String, String), Failure> {
    let stored = find(app, key)?;
    let mut settled = Settled::now(app)?;
    let state = settled.of(app, &stored);
    if let Some(code) = settled.quarantine(key) {
        let zh = "同一编号出现了两种内容，记录已隔离，双方内容都在。请联系市级管理员处理。";
        let en = "The record is held back because one write has two contents; both are kept. Ask the city's administrator.";
        return Ok((state, format!("{zh}（{code}）"), format!("{en} ({code})")));
    }
    let (zh, en) = match state {
        State::Acked => (
            "对方已确认收到最新内容，无需处理。".to_owned(),
            "The other side holds the present state; there is nothing to do.".to_owned(),
        ),
        State::Refused => {
            let code = settled.refusal(key).unwrap_or_default().to_owned();
            let text = |language| texts::of(&code, language);
            let (zh, en) = (text(domain::label::Language::Zh), text(domain::label::Language::En));
            (
                format!("市级拒绝了最近的修改（{code}）：{zh}改正后重新保存即可再次上传。"),
                format!("The city refused the last write ({code}): {en} Correct it and save again."),
            )
        }
        State::Pending if !settled.has_peer(stored.home) => (
            "还没有任何一方接收过本辖区的数据，内容已安全保存在本机。请启动程序并接通线路（serve，或 sync --once）。".to_owned(),
            "Nobody has taken this scope's feed yet; the record is safe here. Start the program and bring the line up (serve, or sync --once).".to_owned(),
        ),
        State::Pending => (
            "最新内容还在等待上传，已安全保存在本机。请检查线路（status），接通后自动上传。".to_owned(),
            "The present state waits to be sent and is safe here. Check the line (status); it goes by itself when the line is up.".to_owned(),
        ),
    };
    Ok((state, zh, en))
}

/// The JSON of [`why_not_synced`].
pub(crate) fn why_json(state: State, sentence: &str) -> Value {
    json!({ "sync": state.id(), "message": sentence })
}

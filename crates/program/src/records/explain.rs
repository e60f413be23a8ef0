//! Why a field reads as it does, and who has it.

use domain::{KindSpec, catalogue::Merge, effective};
use replica::{Kind, Record, RecordId, RecordKey, RegisterId, Sibling};
use serde_json::{Map, Value, json};

use super::{
    Past, Settled, Sight,
    arrivals::{Arrivals, name_of},
    at_text,
    document::register_of,
    find, meaning, register_name,
};
use crate::{
    app::{App, PeerView},
    conflicts::first_authorship,
    failure::{Exit, Failure},
};

/// Says of a field, or of every field that holds something: its value, who wrote it, what it
/// replaced, which rule made it what is read, which decision stands behind it and why that was
/// taken, and when each side got it.
///
/// # Errors
/// There is no such record or field, or the store is damaged or cannot be read.
pub fn explain(
    app: &App,
    key: RecordKey,
    field: Option<&str>,
    peers: &[PeerView],
) -> Result<Vec<Value>, Failure> {
    let stored = find(app, key)?;
    let settled = Settled::now(app)?;
    let arrivals = Arrivals::new(app, &stored, &settled, peers);
    let record = &stored.record;
    let (kind, sight) = (app.catalogue.kind(key.kind), Sight::of(app, &stored));
    let past = Past::of(app, key)?;
    let registers: Vec<RegisterId> = match field {
        None => record.registers().map(|(register, _)| register).collect(),
        Some(name) => {
            let unknown = || Failure::new("RECORD-015", Exit::Invalid).with("field", name);
            vec![register_of(kind, name).ok_or_else(unknown)?]
        }
    };
    registers
        .into_iter()
        .map(|register| register_json(app, &sight, (record, &past), &arrivals, register))
        .collect()
}

/// Says of a record who has its present state: every peer of its scope, by name, and whether it
/// has acked a point of the feed at or behind the record's place.
///
/// # Errors
/// There is no such record, or the writer has ended.
pub fn holders(app: &App, key: RecordKey, peers: &[PeerView]) -> Result<Vec<Value>, Failure> {
    let stored = find(app, key)?;
    let settled = Settled::now(app)?;
    let all = settled.holders(app, &stored).into_iter();
    Ok(all
        .map(|(replica, holds)| json!({"peer": name_of(replica, peers), "holds": holds}))
        .collect())
}

fn register_json(
    app: &App,
    sight: &Sight<'_>,
    (record, past): (&Record, &Past),
    arrivals: &Arrivals<'_>,
    register: RegisterId,
) -> Result<Value, Failure> {
    let kind = sight.kind();
    let look = |register, dot| past.value(register, dot);
    let reading = effective::register(app.catalogue, record, register, &look);
    let candidates = record.register(register);
    let open = reading.conflict.as_ref();
    let base = open.and_then(|open| open.base.as_ref());
    let author = match base.filter(|(_, value)| value.is_some()) {
        Some((dot, _)) => past.sibling(register, *dot),
        None => candidates
            .iter()
            .find(|sibling| sibling.value == reading.value),
    };
    let is_open = open.is_some() || (register == RegisterId::DELETED && is_disputed(app, record)?);
    let (rule, zh, en) = rule(kind, register, candidates, is_open);
    let mut entry = Map::new();
    entry.insert("field".to_owned(), register_name(kind, register).into());
    let value = match author {
        Some(author) => sight.told(author)?,
        None => sight.register(register, &reading.value),
    };
    entry.insert("value".to_owned(), value);
    entry.insert("rule".to_owned(), rule.into());
    entry.insert("rule_zh".to_owned(), zh.into());
    entry.insert("rule_en".to_owned(), en.into());
    if let Some(author) = author {
        entry.extend(first_authorship(app, author)?);
    }
    entry.insert("written_here".to_owned(), written_here(app, author).into());
    let arrived = author.map(|author| arrivals.of(author)).transpose()?;
    entry.insert("arrived".to_owned(), arrived.unwrap_or_default().into());
    entry.insert("decided".to_owned(), decided(app, author)?);
    let replaced = author.into_iter().flat_map(|author| &author.replaces);
    let told = |sibling: &Sibling| {
        let mut told = first_authorship(app, sibling)?;
        told.insert("value".to_owned(), sight.told(sibling)?);
        Ok::<_, Failure>(Value::Object(told))
    };
    let replaced = replaced
        .filter_map(|dot| past.sibling(register, *dot))
        .map(told);
    entry.insert("replaced".to_owned(), replaced.collect::<Result<_, _>>()?);
    let others = candidates
        .iter()
        .filter(|one| author.is_none_or(|a| a.dot() != one.dot()));
    let others = others.map(told);
    entry.insert("beside".to_owned(), others.collect::<Result<_, _>>()?);
    Ok(Value::Object(entry))
}

/// Whether a deletion stands against edits that it had not seen.
fn is_disputed(app: &App, record: &Record) -> Result<bool, Failure> {
    let open = meaning(app, record)?.conflicts;
    Ok(open.iter().any(|open| open.register == RegisterId::DELETED))
}

/// When the value was applied here; known only of what was written here.
fn written_here(app: &App, author: Option<&Sibling>) -> Option<String> {
    let author = author?;
    let at = author.write.author.rsplit_once('@')?.1;
    (at == app.identity.short_name()).then(|| at_text(author))
}

/// The decision that the value carries out: how, by whom and why.
fn decided(app: &App, author: Option<&Sibling>) -> Result<Value, Failure> {
    let id = author.and_then(|a| RecordId::try_from(a.write.decision.as_ref()).ok());
    let spec = app.catalogue.kind_by_id("decision");
    let (Some(id), Some(spec)) = (id, spec) else {
        return Ok(Value::Null);
    };
    let key = RecordKey {
        kind: Kind(spec.kind.0),
        id,
    };
    let Some(stored) = app.reader().get(key)? else {
        return ruled(app, id);
    };
    let values = domain::value::to_json(spec, &meaning(app, &stored.record)?.values);
    let of = |name: &str| values.get(name).cloned().unwrap_or(Value::Null);
    Ok(json!({
        "id": id.to_string(),
        "choice": of("choice"),
        "reason": of("reason"),
        "by": of("decided_by"),
    }))
}

/// The ruling of a claim that the value carries out, told as a decision.
fn ruled(app: &App, id: RecordId) -> Result<Value, Failure> {
    let spec = app.catalogue.kind_by_id("duplicate_case");
    let key = spec.map(|spec| RecordKey {
        kind: spec.kind,
        id,
    });
    let stored = key.map(|key| app.reader().get(key)).transpose()?.flatten();
    let (Some(spec), Some(stored)) = (spec, stored) else {
        return Ok(json!({ "id": id.to_string() }));
    };
    let values = domain::value::to_json(spec, &meaning(app, &stored.record)?.values);
    let of = |name: &str| values.get(name).cloned().unwrap_or(Value::Null);
    let ruling = register_of(Some(spec), "ruling");
    let ruling = ruling.and_then(|ruling| stored.record.register(ruling).first());
    Ok(json!({
        "id": id.to_string(),
        "choice": of("ruling"),
        "reason": of("reason"),
        "by": ruling.map(|sibling| sibling.write.author.as_str()),
    }))
}

/// Why one status stands against another that did not know of it.
fn beats(kind: &KindSpec) -> (&'static str, &'static str, &'static str) {
    if kind.id == "problem_item" {
        return (
            "R09",
            "销号与重新打开同时办理，互不知情：以重新打开为准；另一方的办理列在旁边，理由在历史中",
            "a closing and a reopening did not know of each other: reopening stands; the other stands beside it, its reason in the history",
        );
    }
    (
        "answered",
        "市级的答复与县区的撤回同时办理，互不知情：以市级的答复为准；撤回列在旁边，理由在历史中",
        "the city's answer and a withdrawal did not know of each other: the answer stands; the withdrawal stands beside it, its reason in the history",
    )
}

/// Which rule made the value: its name and a sentence.
fn rule(
    kind: Option<&KindSpec>,
    register: RegisterId,
    candidates: &[Sibling],
    is_open: bool,
) -> (&'static str, &'static str, &'static str) {
    if is_open && register == RegisterId::DELETED {
        return (
            "provisional",
            "删除之后又有修改，尚未裁决",
            "a deletion stands against edits that it had not seen, and nobody has decided yet",
        );
    }
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
    let spec = kind.zip(kind.and_then(|kind| kind.register(register)));
    if let Some((kind, register)) = spec
        && effective::is_beaten(kind, register, candidates)
    {
        return beats(kind);
    }
    match spec.map(|(_, register)| register.merge) {
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

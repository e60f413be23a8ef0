//! The writes of a record: who, when, why, what became what.

use std::{collections::BTreeMap, sync::Arc};

use domain::KindSpec;
use replica::{Dot, Record, RecordKey, Sibling, Write};
use serde_json::{Map, Value, json};

use super::{Past, Sight, document::authorship, find, register_name};
use crate::{app::App, failure::Failure};

/// One write of a record.
#[derive(Clone, Debug)]
pub struct Event {
    /// Who, when, why.
    pub write: Arc<Write>,
    /// What it said, ascending by register.
    pub siblings: Vec<Sibling>,
    /// Whether any of it still stands.
    pub is_standing: bool,
}

/// Every write of a record that is known here, the newest first.
#[must_use]
pub fn events(record: &Record, past: &Past) -> Vec<Event> {
    let mut by_dot: BTreeMap<Dot, Event> = BTreeMap::new();
    let standing = record.siblings.iter().map(|sibling| (sibling, true));
    let gone = past.siblings().iter().map(|sibling| (sibling, false));
    for (sibling, stands) in standing.chain(gone) {
        let event = by_dot.entry(sibling.dot()).or_insert_with(|| Event {
            write: Arc::clone(&sibling.write),
            siblings: Vec::new(),
            is_standing: false,
        });
        event.is_standing |= stands;
        // One that went and came back stands in the history too.
        if !event
            .siblings
            .iter()
            .any(|known| known.register == sibling.register)
        {
            event.siblings.push(sibling.clone());
        }
    }
    let mut events: Vec<_> = by_dot.into_values().collect();
    events
        .iter_mut()
        .for_each(|event| event.siblings.sort_by_key(|sibling| sibling.register));
    events.sort_by_key(|event| std::cmp::Reverse((event.write.time, event.write.dot)));
    events
}

/// The history of a record for scripts, the newest write first.
///
/// # Errors
/// There is no such record, or the store is damaged or cannot be read.
pub fn history(app: &App, key: RecordKey) -> Result<Vec<Value>, Failure> {
    let stored = find(app, key)?;
    let sight = Sight::of(app, &stored);
    let record = stored.record;
    let past = Past::of(app, key)?;
    let kind = app.catalogue.kind(key.kind);
    let around = Around {
        sight: &sight,
        kind,
        record: &record,
        past: &past,
    };
    let events = events(&record, &past);
    events.iter().map(|event| around.event(event)).collect()
}

/// What an event is told with.
struct Around<'a> {
    sight: &'a Sight<'a>,
    kind: Option<&'a KindSpec>,
    record: &'a Record,
    past: &'a Past,
}

impl Around<'_> {
    fn event(&self, event: &Event) -> Result<Value, Failure> {
        let Some(first) = event.siblings.first() else {
            return Ok(Value::Null);
        };
        let mut entry = authorship(first);
        let mut fields = Vec::new();
        // A step is told by the state that was written with it, a former value by the new one.
        let kind = self.kind;
        let is_along = |it: &Sibling| kind.is_some_and(|kind| kind.is_written_along(it.register));
        let is_told = |it: &&Sibling| !is_along(it);
        for sibling in event.siblings.iter().filter(is_told) {
            fields.extend(changes(self, sibling)?);
        }
        entry.insert("fields".to_owned(), fields.into());
        entry.insert("standing".to_owned(), event.is_standing.into());
        Ok(Value::Object(entry))
    }
}

/// The fields that a candidate set, from what it replaced to what it says.
fn changes(around: &Around<'_>, sibling: &Sibling) -> Result<Vec<Value>, Failure> {
    let (kind, register) = (around.kind, sibling.register);
    let replaced: Vec<&Sibling> = sibling
        .replaces
        .iter()
        .filter_map(|dot| {
            let standing = around.record.register(register).iter();
            let here = standing.clone().find(|s| s.dot() == *dot);
            here.or_else(|| around.past.sibling(register, *dot))
        })
        .collect();
    if domain::erasure::is_erased_value(&sibling.value) {
        let name = register_name(kind, register);
        return Ok(vec![change(name, Vec::new(), around.sight.told(sibling)?)]);
    }
    let fields = kind.and_then(|kind| Some((kind, kind.register(register)?)));
    let Some((kind, spec)) = fields else {
        let told = |sibling: &&Sibling| around.sight.told(sibling);
        let before = replaced.iter().map(told).collect::<Result<_, _>>()?;
        let name = register_name(kind, register);
        return Ok(vec![change(name, before, told(&sibling)?)]);
    };
    let after = around.sight.values(kind, &sibling.value);
    let before: Vec<_> = replaced
        .iter()
        .map(|s| around.sight.values(kind, &s.value))
        .collect();
    let of = |values: &Map<String, Value>, field: &str| {
        values.get(field).cloned().unwrap_or(Value::Null)
    };
    let changed = kind.fields_of(spec).filter_map(|field| {
        let after = of(&after, &field.id);
        let before: Vec<_> = before.iter().map(|values| of(values, &field.id)).collect();
        // Of a group, those that stayed say nothing.
        let stayed = before.iter().all(|value| *value == after) && spec.fields.len() > 1;
        let unset = before.is_empty() && after.is_null();
        let kept = (stayed && !before.is_empty()) || (unset && spec.fields.len() > 1);
        (!kept).then(|| change(field.id.clone(), before, after))
    });
    Ok(changed.collect())
}

/// `from` is the value that was replaced, none for the first; `from_all` stands where several
/// were.
fn change(field: String, mut before: Vec<Value>, after: Value) -> Value {
    if before.len() > 1 {
        return json!({ "field": field, "from": null, "from_all": before, "to": after });
    }
    json!({ "field": field, "from": before.pop(), "to": after })
}

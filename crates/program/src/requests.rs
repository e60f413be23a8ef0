//! What the city asks districts to correct: listed beside what stands now, asked, and asked anew.
//!
//! The answer is a step of the request ([`crate::records::act`]): accepting writes the proposed value
//! with it. The records lie with what they are about, so the district has them.

#[cfg(test)]
mod tests;

use std::ops::ControlFlow;

use domain::{
    Date, FieldSpec, across,
    catalogue::Shape,
    date, decode, permission, request,
    value::{self, Input},
};
use proto::ledger::{ChangeRequest, ChangeRequestStatus};
use replica::{Kind, RecordId, RecordKey, Source};
use serde_json::{Map, Value};
use store::Stored;

use crate::{
    app::App,
    failure::{Exit, Failure},
    records::{
        Change, InScope, Known, Saved, Scopes, Sight, each, failure_of, find, kind_of, meaning,
        newest_year, put,
    },
};

const KIND: &str = "change_request";

/// Every request that is seen here; only those that wait unless all are asked for.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn list(app: &App, with_answered: bool) -> Result<Vec<Map<String, Value>>, Failure> {
    let scopes = Scopes::new(app);
    let mut all = Vec::new();
    each(
        app,
        kind_of(app, KIND)?.kind,
        None,
        None,
        &mut |stored, meaning| {
            let row: ChangeRequest = decode(&meaning.values).unwrap_or_default();
            if with_answered || row.status() == ChangeRequestStatus::Proposed {
                all.push(entry(app, &scopes, stored, &row)?);
            }
            Ok(ControlFlow::Continue(()))
        },
    )?;
    Ok(all)
}

/// What the field of a request reads as now, and as whoever gives the command reads it. None where the
/// record or the field is not known here.
fn now(app: &App, row: &ChangeRequest) -> Result<Option<(String, String)>, Failure> {
    let Some((key, field)) = request::target(app.catalogue, row) else {
        return Ok(None);
    };
    let stored = app.reader().get(key)?;
    let stored = stored.filter(|stored| !stored.record.is_empty());
    stored
        .map(|stored| {
            let text = text_of(app, &stored, field)?;
            let shown = Sight::of(app, &stored).text(field, &text);
            Ok((text, shown))
        })
        .transpose()
}

fn text_of(app: &App, stored: &Stored, field: &FieldSpec) -> Result<String, Failure> {
    let values = meaning(app, &stored.record)?.values;
    let kind = app.catalogue.kind(stored.record.key.kind);
    Ok(kind.map_or_else(String::new, |kind| request::text_of(kind, field, &values)))
}

fn entry(
    app: &App,
    scopes: &Scopes<'_>,
    stored: &Stored,
    row: &ChangeRequest,
) -> Result<Map<String, Value>, Failure> {
    let now = now(app, row)?;
    let is_open = row.status() == ChangeRequestStatus::Proposed;
    let outdated = is_open
        && now
            .as_ref()
            .is_some_and(|(now, _)| request::is_outdated(row, now));
    let kind = kind_of(app, KIND)?;
    let values = Sight::of(app, stored).values(kind, &meaning(app, &stored.record)?.values);
    let mut entry = Map::new();
    let id = stored.record.key.id.to_string();
    entry.insert("id".to_owned(), id.into());
    entry.insert("scope".to_owned(), scopes.code(stored.home)?.into());
    for name in [
        "record", "field", "present", "proposed", "basis", "answer", "status",
    ] {
        let value = values.get(name).cloned().unwrap_or_default();
        entry.insert(name.to_owned(), value);
    }
    let shown = now.map(|(_, shown)| shown);
    entry.insert("now".to_owned(), shown.into());
    entry.insert("outdated".to_owned(), outdated.into());
    Ok(entry)
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The record.
    pub record: RecordKey,
    /// Its field.
    pub field: &'a str,
    /// The value that it should have.
    pub value: &'a str,
    /// What that rests on.
    pub basis: &'a str,
}

/// Asks for a correction; where one of the field waits it is asked anew, with what stands now.
///
/// # Errors
/// There is no such record or field, it cannot hold the value, or this is not the city.
pub fn propose(app: &App, ask: Ask<'_>) -> Result<Saved, Failure> {
    let stored = find(app, ask.record)?;
    let kind = app.catalogue.kind(ask.record.kind);
    let found = kind.and_then(|kind| Some((kind, kind.field(ask.field)?)));
    let (of, field) = found.ok_or_else(|| {
        let known = || kind.into_iter().flat_map(|kind| &kind.fields);
        let known: Vec<&str> = known().map(|field| field.id.as_str()).collect();
        Failure::new("no_such_field", Exit::Invalid).with("known", known.join(", "))
    })?;
    let known = Known::new(app);
    let resolve = InScope::new(&known, stored.home);
    let base = value::base_of(app.catalogue, Some(&stored.record));
    let set = [(ask.field, Input::Text(ask.value))];
    let edits = value::edits(app.catalogue, of, &base, set, &resolve);
    let edits = edits.map_err(|findings| failure_of(&findings))?;
    let wanted: Vec<u8> = edits.iter().flat_map(|edit| edit.value.to_vec()).collect();
    let wanted = request::text_of(of, field, &wanted);
    let present = text_of(app, &stored, field)?;
    let record = across::name(app.catalogue, ask.record);
    let mut set = vec![
        ("proposed", Input::Text(&wanted)),
        ("present", Input::Text(&present)),
        ("basis", Input::Text(ask.basis)),
    ];
    let id = waiting(app, ask.record, ask.field)?;
    if id.is_none() {
        set.push(("record", Input::Text(&record)));
        set.push(("field", Input::Text(ask.field)));
        set.push(("status", Input::Text("proposed")));
    }
    let change = Change {
        kind: kind_of(app, KIND)?,
        id,
        set,
        seen: None,
        scope: None,
        reason: ask.basis,
        source: Source::Command,
    };
    put(app, &change)
}

/// R07: a count of a request that the district has declined, or let expire, without an explanation
/// becomes a problem that the city found.
///
/// # Errors
/// This is not the city, the request still waits, was accepted, is about no figure, has its problem
/// already, or the day has passed.
pub fn unexplained(app: &App, id: RecordId, due: Date, reason: &str) -> Result<Saved, Failure> {
    if !app.is_hub() {
        return Err(Failure::new("CHANGE-001", Exit::Refused));
    }
    let kind = kind_of(app, KIND)?;
    let stored = find(
        app,
        RecordKey {
            kind: kind.kind,
            id,
        },
    )?;
    let row: ChangeRequest = decode(&meaning(app, &stored.record)?.values).unwrap_or_default();
    let is_answered = matches!(
        row.status(),
        ChangeRequestStatus::Declined | ChangeRequestStatus::Expired
    );
    let about = request::target(app.catalogue, &row);
    let about = about.filter(|(_, field)| matches!(field.shape, Shape::Number));
    let Some((about, field)) = about.filter(|_| is_answered) else {
        return Err(Failure::new("CHANGE-002", Exit::Invalid).with("id", id));
    };
    if due < app.today() {
        let due = date::text(due);
        return Err(Failure::new("CHANGE-003", Exit::Invalid).with("due", due));
    }
    let scope = Scopes::new(app).code(stored.home)?;
    let today = app.today();
    // It bears the id of its request, and so is one, whoever makes it where.
    let problem = kind_of(app, "problem_item")?;
    let made = app.reader().get(RecordKey {
        kind: problem.kind,
        id,
    })?;
    if made.is_some_and(|made| !made.record.is_empty()) {
        return Err(Failure::new("CHANGE-004", Exit::Invalid).with("id", id));
    }
    let description = difference(app, &row, (about.kind, field), id)?;
    let (year, registered, due) = (today.year().to_string(), date::text(today), date::text(due));
    let set = vec![
        ("year", Input::Text(&year)),
        ("scope", Input::Text(&scope)),
        ("category", Input::Text("data")),
        ("description", Input::Text(&description)),
        ("found_by", Input::Text("city")),
        ("severity", Input::Text("normal")),
        ("subject", Input::Text(row.record())),
        ("registered_on", Input::Text(&registered)),
        ("due_on", Input::Text(&due)),
        ("extension", Input::Text("none")),
        ("status", Input::Text("registered")),
    ];
    put(
        app,
        &Change {
            kind: problem,
            id: Some(id),
            set,
            seen: None,
            scope: Some(stored.home),
            reason,
            source: Source::Command,
        },
    )
}

/// What was counted, and what the ledger says. The text goes where small numbers are not shown.
fn difference(
    app: &App,
    row: &ChangeRequest,
    (kind, field): (Kind, &FieldSpec),
    id: RecordId,
) -> Result<String, Failure> {
    let below = newest_year(app, app.today())?.suppress_below;
    let kind = app.catalogue.kind(kind);
    let counts = kind.is_some_and(|kind| permission::counts_members(kind, field));
    let is_few = |said: &str| said.parse().is_ok_and(|it| permission::is_few(it, below));
    let shown = |said: &str| match said {
        "" => "空".to_owned(),
        said if counts && is_few(said) => permission::few(below.into()),
        said => said.to_owned(),
    };
    let (ledger, seen) = (shown(row.present()), shown(row.proposed()));
    let (field, basis) = (&field.zh, row.basis());
    Ok(format!(
        "市级抽查与台账不符且未作说明：{field}，抽查为 {seen}，台账为 {ledger}（更正建议 {id}，依据：{basis}）"
    ))
}

/// The request of a field that waits.
fn waiting(app: &App, record: RecordKey, field: &str) -> Result<Option<RecordId>, Failure> {
    let kind = kind_of(app, KIND)?.kind;
    for key in app.reader().children(record) {
        if key.kind != kind {
            continue;
        }
        let meaning = meaning(app, &find(app, key)?.record)?;
        let row: ChangeRequest = decode(&meaning.values).unwrap_or_default();
        let waits = row.status() == ChangeRequestStatus::Proposed && !meaning.deleted;
        if waits && row.field.as_deref() == Some(field) {
            return Ok(Some(key.id));
        }
    }
    Ok(None)
}

//! Records that were merged into others: reading and writing them leads to the one that stands.

use std::collections::BTreeSet;

use domain::{Alias, Subject, alias, decode, state::census};
use prost::Message as _;
use proto::ledger::Organisation;
use replica::{Edit, Record, RecordId, RecordKey, RegisterId};
use serde_json::json;

use super::{
    Desk, Ground, Prepared, find, meaning, present,
    ruled::{ruled_edit, ruled_since},
};
use crate::{
    app::App,
    claims,
    failure::{Exit, Failure},
};

/// What an id stands for.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn alias_of(app: &App, key: RecordKey) -> Result<Alias, Failure> {
    if !alias::is_possible(app.catalogue, key) {
        return Ok(Alias::Itself);
    }
    Alias::follow(key.id, &mut |id| merged_into(app, RecordKey { id, ..key }))
}

/// The key of the record that stands for one: itself where it was not merged, and in a circle.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn standing(app: &App, key: RecordKey) -> Result<RecordKey, Failure> {
    let id = alias_of(app, key)?.of(key.id);
    Ok(RecordKey { id, ..key })
}

/// The records of a circle of mergers that an id leads into, ascending; none where there is none.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn circle(app: &App, key: RecordKey) -> Result<Vec<RecordId>, Failure> {
    if alias_of(app, key)? != Alias::Circle {
        return Ok(Vec::new());
    }
    let next = |id| merged_into(app, RecordKey { id, ..key });
    let mut at = key.id;
    let mut seen = BTreeSet::new();
    while seen.insert(at) {
        let Some(to) = next(at)? else {
            return Ok(Vec::new());
        };
        at = to;
    }
    // The first that came twice lies on the circle; what leads into it does not.
    let mut around = BTreeSet::new();
    while around.insert(at) {
        let Some(to) = next(at)? else { break };
        at = to;
    }
    Ok(around.into_iter().collect())
}

/// Whether a record says that it was merged: without a look at any other.
pub(crate) fn is_merged(app: &App, record: &Record) -> bool {
    let kind = app.catalogue.kind(record.key.kind);
    let field = kind.and_then(|kind| kind.alias());
    let says = field.map(|field| record.register(field.register));
    says.unwrap_or_default()
        .iter()
        .any(|sibling| !sibling.value.is_empty())
}

fn merged_into(app: &App, key: RecordKey) -> Result<Option<RecordId>, Failure> {
    let (Some(kind), Some(present)) = (app.catalogue.kind(key.kind), present(app, key)?) else {
        return Ok(None);
    };
    Ok(alias::merged_into(kind, &present.values))
}

/// Whether a record may be written under its own id. The hub itself may take a merger back.
///
/// # Errors
/// It was merged into another, which is named, or in a circle: exit code 4.
pub(crate) fn writable(
    app: &App,
    record: &Record,
    set: impl Iterator<Item = RegisterId>,
) -> Result<(), Failure> {
    if !is_merged(app, record) {
        return Ok(());
    }
    let alias = alias_of(app, record.key)?;
    let field = app.catalogue.kind(record.key.kind).and_then(|k| k.alias());
    let mut set = set;
    if app.is_hub() && field.is_some_and(|field| set.any(|one| one == field.register)) {
        return Ok(());
    }
    let kind = app.catalogue.kind(record.key.kind);
    let kind = kind.map_or("", |kind| kind.id.as_str());
    match alias {
        Alias::Itself => Ok(()),
        Alias::Of(other) => Err(Failure::new("MERGED-001", Exit::Refused)
            .with("id", record.key.id)
            .with("kind", kind)
            .with("to", other)),
        Alias::Circle => Err(Failure::new("MERGED-002", Exit::Refused)
            .with("id", record.key.id)
            .with("kind", kind)),
    }
}

impl Desk<'_> {
    /// What follows when the city takes a merger back: the record is again what it was before, and the
    /// cases in which it was merged wait again, so that its scope reads the other record no more.
    ///
    /// # Errors
    /// The city may not write it, or the store is damaged or cannot be read.
    pub(super) fn taken_back(
        &self,
        subject: &Subject<'_>,
        reason: &str,
    ) -> Result<Vec<Prepared>, Failure> {
        let app = self.app;
        // An agency that is no alias any more needs nothing else.
        if subject.kind.id != "organisation" {
            return Ok(Vec::new());
        }
        let into = |values| alias::merged_into(subject.kind, values);
        let other = subject.before.and_then(into);
        let Some(other) = other.filter(|_| into(subject.after).is_none()) else {
            return Ok(Vec::new());
        };
        let key = RecordKey {
            kind: subject.kind.kind,
            id: subject.id,
        };
        let ground = Ground::of(reason);
        let mut prepared = Vec::new();
        let row: Organisation = decode(subject.after).unwrap_or_default();
        if let Some((state, on)) = census::before_merger(&row) {
            let back = json!({ "census_status": census::id(state) });
            let edit = ruled_since(app, &find(app, key)?, &back, (on, ground))?;
            // Of a field that is there twice the last is read.
            let after = Organisation {
                census_status: Some(state.into()),
                ..Organisation::default()
            };
            let values = [subject.after, &after.encode_to_vec()].concat();
            prepared.push(along(edit, values));
        }
        for case in claims::all(app)? {
            let is_of_it = case.records(app)?.contains(&key);
            if is_of_it && case.row.survivor.as_deref() == Some(other.0.as_slice()) {
                let edit = ruled_edit(app, &case.stored, &claims::unruled(), ground)?;
                let values = meaning(app, &case.stored.record)?.values;
                prepared.push(along(edit, values));
            }
        }
        Ok(prepared)
    }
}

/// What the city rules along with another save.
fn along(edit: Edit, values: Vec<u8>) -> Prepared {
    Prepared {
        key: edit.key,
        scope: edit.scope,
        edit: Some(edit),
        is_new: false,
        values,
        warnings: Vec::new(),
        is_step: false,
        effects: Vec::new(),
    }
}

//! Writing one record and waiting until it is durable.

use bytes::Bytes;
use domain::{Finding, Purpose, Subject, authority::NewState};
use replica::{Edit, RecordKey, RegisterId, Set, Sibling, Source};
use serde_json::{Map, Value};
use store::{Guest, Stored};

use super::{
    Change, Desk, Known, Seen, Sight,
    alias::writable,
    change::{allowed, moved_away, reason_of},
    document,
    document::differing,
    find,
    kept::deletable,
    meaning, register_name,
};
use crate::{
    app::App,
    conflicts,
    failure::{Exit, Failure},
    transfers, year,
};

/// A record after a save.
#[derive(Clone, Debug)]
pub struct Saved {
    /// The record.
    pub stored: Stored,
    /// Its document. Where the save stands beside other values, it shows them.
    pub document: Map<String, Value>,
    /// Whether what was saved stands beside another value.
    pub beside: bool,
    /// Whether the record was made.
    pub is_new: bool,
    /// Whether anything was written.
    pub is_changed: bool,
    /// What to know about it.
    pub warnings: Vec<Finding>,
}

/// Writes a change.
///
/// # Errors
/// No authority (exit code 4), values that cannot be read or break a rule (6), or the store failed.
pub fn put(app: &App, change: &Change<'_>) -> Result<Saved, Failure> {
    let desk = Desk::new(app)?;
    let prepared = desk.prepare(change)?;
    let mut written = Vec::new();
    let is_changed = prepared.edit.is_some();
    if let Some(edit) = &prepared.edit {
        written = edit.set.iter().map(|set| set.register).collect();
    }
    let (key, is_new, warnings) = (prepared.key, prepared.is_new, prepared.warnings.clone());
    let edits = prepared.edits();
    if !edits.is_empty() {
        app.writer.edit(edits, Vec::new())?;
    }
    let saved = saved(app, key, &written)?;
    Ok(Saved {
        is_new,
        is_changed,
        warnings,
        ..saved
    })
}

/// Deletes a record that was entered by mistake. What its author had not seen stays beside it.
///
/// # Errors
/// There is no such record, no authority for it, or the store failed.
pub fn delete(
    app: &App,
    key: RecordKey,
    seen: Option<&Seen>,
    reason: &str,
) -> Result<Saved, Failure> {
    let stored = find(app, key)?;
    if meaning(app, &stored.record)?.deleted {
        return saved(app, key, &[]);
    }
    let edit = deletion_edit(app, &stored, seen, reason)?;
    app.writer.edit(vec![edit], Vec::new())?;
    Ok(Saved {
        is_changed: true,
        ..saved(app, key, &[RegisterId::DELETED])?
    })
}

/// The edit that deletes a record.
///
/// # Errors
/// No authority for it, no reason, or the record was merged or moved away.
pub fn deletion_edit(
    app: &App,
    stored: &Stored,
    seen: Option<&Seen>,
    reason: &str,
) -> Result<Edit, Failure> {
    let record = &stored.record;
    let reason = reason_of(reason)?;
    if stored.guest == Guest::Left {
        return Err(moved_away(app, stored.home)?);
    }
    let context = match seen {
        Some(seen) => conflicts::seen_context(record, seen),
        None => record.context.clone(),
    };
    let author = app.author();
    let value = domain::effective::deletion(&reason, &author, &context);
    let set = [(RegisterId::DELETED, value.clone())];
    writable(app, record, std::iter::empty())?;
    let new = NewState {
        key: record.key,
        scope: stored.home,
        set: &set,
    };
    allowed(app, Purpose::Edit, Some(record), &new)?;
    not_held(app, stored)?;
    deletable(app, stored)?;
    let marks = record
        .register(RegisterId::DELETED)
        .iter()
        .map(Sibling::shown)
        .collect();
    let shown = seen.map_or(marks, |seen| seen.register(RegisterId::DELETED).to_vec());
    Ok(Edit {
        key: record.key,
        scope: record.scope,
        set: vec![Set {
            register: RegisterId::DELETED,
            value,
            shown,
        }],
        author,
        reason,
        source: Source::Command,
        decision: Bytes::new(),
    })
}

/// What is of an archived year, or in transfer, is not taken away either; nor a year that is settled,
/// nor a request that waits, which would leave its record in transfer for nothing.
fn not_held(app: &App, stored: &Stored) -> Result<(), Failure> {
    let values = meaning(app, &stored.record)?.values;
    let Some(kind) = app.catalogue.kind(stored.record.key.kind) else {
        return Ok(());
    };
    let subject = Subject {
        kind,
        id: stored.record.key.id,
        scope: stored.home,
        before: Some(&values),
        after: &values,
    };
    let known = Known::new(app);
    if domain::year::archived(&subject, &known).is_some() {
        return Err(Failure::new("year_archived", Exit::Invalid));
    }
    if year::is_settled(kind, &values) {
        return Err(Failure::new("year_settled", Exit::Invalid));
    }
    if transfers::is_waiting(kind, &values) {
        return Err(Failure::new("TRANSFER-016", Exit::Invalid).with("id", subject.id));
    }
    let locked = domain::validate::locked(&subject, &known);
    known.take_failure().map_or(Ok(()), Err)?;
    locked.map_or(Ok(()), |found| Err(vec![found].into()))
}

/// The record after these registers were written.
fn saved(app: &App, key: RecordKey, written: &[RegisterId]) -> Result<Saved, Failure> {
    let stored = find(app, key)?;
    let meaning = meaning(app, &stored.record)?;
    let mut document = document(app, &stored)?;
    let differing = differing(&stored.record);
    let beside: Vec<_> = written
        .iter()
        .copied()
        .filter(|r| differing.contains(r))
        .collect();
    let contests = |open: &domain::Conflict| {
        written.contains(&open.register) || open.register == RegisterId::DELETED
    };
    let is_open = meaning.conflicts.iter().any(contests);
    if !beside.is_empty() {
        let kind = app.catalogue.kind(key.kind);
        let sight = Sight::of(app, &stored);
        let shown = beside.iter().map(|register| {
            let mut entry = Map::new();
            entry.insert("field".to_owned(), register_name(kind, *register).into());
            let candidates = stored.record.register(*register);
            entry.insert(
                "candidates".to_owned(),
                conflicts::candidates(app, &sight, candidates)?,
            );
            Ok(Value::Object(entry))
        });
        let shown: Result<Value, Failure> = shown.collect();
        document.insert("beside".to_owned(), shown?);
    }
    Ok(Saved {
        beside: !written.is_empty() && (is_open || !beside.is_empty()),
        stored,
        document,
        is_new: false,
        is_changed: false,
        warnings: Vec::new(),
    })
}

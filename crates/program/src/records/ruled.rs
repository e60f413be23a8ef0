//! What the city rules about a record: edits that a district could not make, of registers that are
//! named by value and not by a form.

use std::collections::BTreeMap;

use bytes::Bytes;
use domain::{
    Date, KindSpec, NoResolve, Purpose, RegisterEdit, Subject,
    authority::NewState,
    effective,
    state::steps,
    value::{self, Input},
};
use replica::{Edit, RecordId, RecordKey, RegisterId, ScopeId, Set, Sibling, Source};
use serde_json::Value;
use store::Stored;

use super::{
    Past,
    change::{allowed, before_and_after, reason_of, shown},
    kind_of,
    steps::row_json,
};
use crate::{
    app::App,
    failure::{Exit, Failure},
};

/// Why something is ruled.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    /// In words.
    pub reason: &'a str,
    /// The case in which it was ruled.
    pub case: Option<RecordId>,
}

impl<'a> Ground<'a> {
    /// A ruling that stands for itself.
    #[must_use]
    pub fn of(reason: &'a str) -> Self {
        Self { reason, case: None }
    }
}

/// The edit that gives fields of a record these values. It replaces what stands there now.
///
/// # Errors
/// The values cannot be read, the city may not write them, or the store cannot be read.
pub fn ruled_edit(
    app: &App,
    stored: &Stored,
    values: &Value,
    ground: Ground<'_>,
) -> Result<Edit, Failure> {
    ruled_since(app, stored, values, (None, ground))
}

/// The same with the day from which it holds; none for today.
pub(super) fn ruled_since(
    app: &App,
    stored: &Stored,
    values: &Value,
    (since, ground): (Option<Date>, Ground<'_>),
) -> Result<Edit, Failure> {
    let record = &stored.record;
    let kind = app.catalogue.kind(record.key.kind);
    let kind = kind.ok_or_else(|| Failure::new("RECORD-014", Exit::Invalid))?;
    let past = Past::of(app, record.key)?;
    let look = |register, dot| past.value(register, dot);
    let base = |register| effective::register(app.catalogue, record, register, &look).value;
    let set = values.as_object().into_iter().flatten();
    let set = set.map(|(name, value)| (name.as_str(), Input::Json(value)));
    let mut edits = value::edits(app.catalogue, kind, &base, set, &NoResolve)?;
    edits.extend(step_of(app, stored, (kind, since), &edits)?);
    let registers = edits.into_iter().map(|edit| (edit.register, edit.value));
    registers_edit(app, stored, registers.collect(), ground)
}

/// The steps of the record where a ruling changes its state, as with any other save.
fn step_of(
    app: &App,
    stored: &Stored,
    (kind, since): (&KindSpec, Option<Date>),
    edits: &[RegisterEdit],
) -> Result<Vec<RegisterEdit>, Failure> {
    let shown = shown(app, &stored.record, None)?;
    let (before, after) = before_and_after(app, &shown, edits);
    let subject = Subject {
        kind,
        id: stored.record.key.id,
        scope: stored.home,
        before: Some(&before),
        after: &after,
    };
    let row = steps::after(&subject, app.today(), since);
    let Some((row, (field, _))) = row.zip(steps::fields(kind)) else {
        return Ok(Vec::new());
    };
    let row = row_json(&row);
    let base = |register| shown.value(app, register);
    let set = [(field.id.as_str(), Input::Json(&row))];
    Ok(value::edits(app.catalogue, kind, &base, set, &NoResolve)?)
}

/// The edit that gives registers of a record these values. It replaces what stands there now.
///
/// # Errors
/// The city may not write them, or no reason was given.
pub fn registers_edit(
    app: &App,
    stored: &Stored,
    registers: BTreeMap<RegisterId, Bytes>,
    ground: Ground<'_>,
) -> Result<Edit, Failure> {
    let record = &stored.record;
    let set: Vec<_> = registers.into_iter().collect();
    let new = NewState {
        key: record.key,
        scope: stored.home,
        set: &set,
    };
    allowed(app, Purpose::Decision, Some(record), &new)?;
    let shown = |register| {
        record
            .register(register)
            .iter()
            .map(Sibling::shown)
            .collect()
    };
    let set = set.into_iter().map(|(register, value)| Set {
        register,
        value,
        shown: shown(register),
    });
    Ok(Edit {
        key: record.key,
        scope: record.scope,
        set: set.collect(),
        author: app.author(),
        reason: reason_of(ground.reason)?,
        source: Source::Decision,
        decision: case_bytes(ground.case),
    })
}

/// The edit that makes a record from the encoding of its message.
///
/// # Errors
/// The values are none.
pub fn made_edit(
    app: &App,
    kind: &str,
    (id, scope): (RecordId, ScopeId),
    values: &[u8],
    (reason, source): (&str, Source),
) -> Result<Edit, Failure> {
    let kind = kind_of(app, kind)?;
    let registers = value::split(kind, values).map_err(|error| {
        Failure::new("RECORD-014", Exit::Invalid).with("detail", crate::failure::causes(&error))
    })?;
    let set = registers.into_iter().map(|(register, value)| Set {
        register,
        value,
        shown: Vec::new(),
    });
    Ok(Edit {
        key: RecordKey {
            kind: kind.kind,
            id,
        },
        scope,
        set: set.collect(),
        author: app.author(),
        reason: reason.to_owned(),
        source,
        decision: Bytes::new(),
    })
}

fn case_bytes(case: Option<RecordId>) -> Bytes {
    case.map_or_else(Bytes::new, |id| Bytes::copy_from_slice(&id.0))
}

//! What nobody deletes because it was decided, and what a district does not because of what the city
//! has made of it, in records beside it.
//!
//! What the record itself says, the judge of both sides knows ([`domain::authority`]). Here is what
//! only the form that deletes can see: it is asked where a person deletes, and not again at the hub.

use domain::{FieldOf, Lookup as _, Refusal, catalogue::Authority, parent};
use replica::{Record, RecordKey, RegisterId};
use store::Stored;

use super::{Known, change::refused, meaning};
use crate::{app::App, failure::Failure};

/// Asks whether a record may be deleted, by what it decides and what the city has made of it.
///
/// # Errors
/// It may not: exit code 4 for what is the city's, 6 for what was decided. Or the store is damaged or cannot be read.
pub(super) fn deletable(app: &App, stored: &Stored) -> Result<(), Failure> {
    let key = stored.record.key;
    if let Some(kind) = app.catalogue.kind(key.kind) {
        let values = meaning(app, &stored.record)?.values;
        if let Some(decided) = domain::validate::why_kept(kind, &values, app.today()) {
            return Err(vec![decided].into());
        }
    }
    let kept = !app.is_hub()
        && (parent_is_kept(app, &stored.record)?
            || has_kept_children(app, key)?
            || is_put_forward(app, key)?);
    if kept {
        return Err(refused(app, key, RegisterId::DELETED, Refusal::Kept));
    }
    Ok(())
}

fn is_kept(app: &App, record: &Record) -> bool {
    let kind = app.catalogue.kind(record.key.kind);
    kind.is_some_and(|kind| domain::authority::is_taken_over(kind, record))
}

/// A score goes with its nomination.
fn parent_is_kept(app: &App, record: &Record) -> Result<bool, Failure> {
    let Some(parent) = parent(app.catalogue, record) else {
        return Ok(false);
    };
    let stored = app.reader().get(parent)?;
    Ok(stored.is_some_and(|stored| is_kept(app, &stored.record)))
}

/// A visit, a verdict, a point: what the city alone writes, and no district answers.
fn has_kept_children(app: &App, key: RecordKey) -> Result<bool, Failure> {
    for child in app.reader().children(key) {
        let kind = app.catalogue.kind(child.kind);
        let is_citys = kind.is_some_and(|kind| {
            let mut registers = kind.registers.iter();
            kind.authority == Authority::Hub
                && registers.all(|register| register.authority == Authority::Hub)
        });
        if is_citys {
            let stored = app.reader().get(child)?;
            if stored.is_some_and(|stored| !stored.record.is_deleted()) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// A Party organisation whose nomination the city has received.
fn is_put_forward(app: &App, key: RecordKey) -> Result<bool, Failure> {
    let Some(kind) = app.catalogue.kind_by_id("nomination") else {
        return Ok(false);
    };
    let Some(field) = kind.field("party_organisation") else {
        return Ok(false);
    };
    if field.reference.as_deref() != Some(app.catalogue.kind_name(key.kind).as_str()) {
        return Ok(false);
    }
    let known = Known::new(app);
    let nominations = known.referring(&FieldOf { kind, field }, key);
    known.take_failure().map_or(Ok(()), Err)?;
    for (id, _) in nominations {
        let nomination = RecordKey {
            kind: kind.kind,
            id,
        };
        let stored = app.reader().get(nomination)?;
        if stored.is_some_and(|stored| is_kept(app, &stored.record)) {
            return Ok(true);
        }
    }
    Ok(false)
}

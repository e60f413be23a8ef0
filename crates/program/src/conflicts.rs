//! Open conflicts: which there are, what stands against what, and how people settle them.
//!
//! A conflict is derived from a record's candidates, the same on every replica; its docket is
//! named by record and register. A decision is two edits in one batch: a record that never
//! changes, and the candidate that carries it out and replaces exactly what was shown.

mod acks;
mod bulk;
mod card;
mod clocks;
mod decide;
mod files;
mod list;
mod note;
mod saying;
mod storm;
mod suggested;
#[cfg(test)]
mod tests;
mod undo;
mod words;

pub(crate) use words::first_authorship;

use std::collections::BTreeMap;

use domain::{Conflict, Effective, KindSpec};
use replica::{Context, Record, RecordKey, RegisterId, ScopeId, Sibling};
use serde_json::{Map, Value, json};
use store::{Guest, Stored};

pub use bulk::{Bulk, By, Done as BulkDone, Plan, Row, Side, Why, plan, rule_of};
pub use card::show;
pub use decide::{Choice, Decided, Reason, decide};
pub use files::State;
pub use list::{Filter, list};
pub use note::{defer, send_back};
pub use saying::{kind_label, sentence};
pub use storm::{Storm, guard, release, storms};
pub use undo::undo;

use crate::{
    app::App,
    failure::{Exit, Failure},
    records::{
        self, Known, Seen, Sight, find, kind_of, meaning, named, register_name, register_of,
    },
};

/// What names a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Docket {
    /// The record.
    pub key: RecordKey,
    /// The register.
    pub register: RegisterId,
}

impl Docket {
    /// Reads `KIND/ID/REGISTER`.
    ///
    /// # Errors
    /// It has another form, or names what there is not.
    pub fn parse(app: &App, text: &str) -> Result<Self, Failure> {
        let bad = || Failure::new("CONFLICT-001", Exit::Invalid).with("id", text);
        let mut parts = text.trim().splitn(3, '/');
        let (Some(kind), Some(id), Some(register)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(bad());
        };
        let kind = kind_of(app, kind)?;
        let id = named(&Known::new(app), kind, id)?.id;
        let register = register_of(Some(kind), register).ok_or_else(bad)?;
        Ok(Self {
            key: RecordKey {
                kind: kind.kind,
                id,
            },
            register,
        })
    }

    /// Its id in commands.
    #[must_use]
    pub fn id(&self, kind: Option<&KindSpec>) -> String {
        let name = kind.map_or_else(|| self.key.kind.0.to_string(), |kind| kind.id.clone());
        format!(
            "{name}/{}/{}",
            self.key.id,
            register_name(kind, self.register)
        )
    }
}

/// A conflict for scripts: `id`, `field`, `candidates`.
///
/// # Errors
/// The store is damaged or cannot be read.
pub(crate) fn entry(
    app: &App,
    sight: &Sight<'_>,
    record: &Record,
    open: &Conflict,
) -> Result<Map<String, Value>, Failure> {
    let kind = sight.kind();
    let docket = Docket {
        key: record.key,
        register: open.register,
    };
    let candidates = candidates(app, sight, &open.candidates)?;
    let mut entry = Map::new();
    entry.insert("id".to_owned(), docket.id(kind).into());
    let field = register_name(kind, open.register);
    entry.insert("field".to_owned(), field.into());
    entry.insert("candidates".to_owned(), candidates);
    Ok(entry)
}

/// Candidates for scripts, counted from 1. One that an undo has put back shows who wrote it first.
///
/// # Errors
/// The store is damaged or cannot be read.
pub(crate) fn candidates(
    app: &App,
    sight: &Sight<'_>,
    candidates: &[Sibling],
) -> Result<Value, Failure> {
    let kind = sight.kind();
    // Against a deletion stand writes of other registers: they are shown with their names.
    let is_mixed = candidates
        .iter()
        .any(|sibling| sibling.register == RegisterId::DELETED);
    let one = |(at, sibling): (usize, &Sibling)| {
        let value = sight.told(sibling)?;
        let mut map = Map::new();
        map.insert("candidate".to_owned(), (at + 1).into());
        let value = if is_mixed {
            json!({ register_name(kind, sibling.register): value })
        } else {
            value
        };
        map.insert("value".to_owned(), value);
        map.extend(first_authorship(app, sibling)?);
        Ok(Value::Object(map))
    };
    candidates.iter().enumerate().map(one).collect()
}

/// Shows every record with open conflicts, ascending.
///
/// # Errors
/// The visitor's, or the store is damaged or cannot be read.
pub fn each_open(
    app: &App,
    visit: &mut dyn FnMut(&Stored, &Effective) -> Result<(), Failure>,
) -> Result<(), Failure> {
    for key in app.reader().contested() {
        // What is lent, or has left, is for its own scope to decide.
        let Some(stored) = app.reader().get(key)?.filter(|s| s.guest == Guest::No) else {
            continue;
        };
        let meaning = meaning(app, &stored.record)?;
        if !meaning.conflicts.is_empty() {
            visit(&stored, &meaning)?;
        }
    }
    Ok(())
}

/// How many conflicts are open here.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn count(app: &App) -> Result<usize, Failure> {
    Ok(by_scope(app)?.into_values().sum())
}

/// How many conflicts are open in each scope.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn by_scope(app: &App) -> Result<BTreeMap<ScopeId, usize>, Failure> {
    let mut counts = BTreeMap::new();
    each_open(app, &mut |stored, meaning| {
        *counts.entry(stored.home).or_default() += meaning.conflicts.len();
        Ok(())
    })?;
    Ok(counts)
}

/// The open conflict of a docket.
fn open_of<'m>(
    meaning: &'m Effective,
    docket: &Docket,
    kind: Option<&KindSpec>,
) -> Result<&'m Conflict, Failure> {
    let open = meaning
        .conflicts
        .iter()
        .find(|open| open.register == docket.register);
    open.ok_or_else(|| Failure::new("CONFLICT-002", Exit::Invalid).with("id", docket.id(kind)))
}

/// What somebody with this token has seen of a record: all of it, less what came since.
pub(crate) fn seen_context(record: &Record, seen: &Seen) -> Context {
    let knows = |sibling: &&Sibling| {
        seen.register(sibling.register)
            .iter()
            .any(|shown| shown.dot == sibling.dot())
    };
    let since = record
        .siblings
        .iter()
        .filter(|sibling| !knows(sibling))
        .map(Sibling::dot);
    Context::new(
        record.context.entries(),
        record.context.holes().chain(since),
    )
}

/// Whether a docket is open in a state of its record.
fn is_open(app: &App, stored: &Stored, docket: &Docket) -> Result<bool, Failure> {
    let meaning = meaning(app, &stored.record)?;
    let mut open = meaning.conflicts.iter();
    Ok(open.any(|open| open.register == docket.register))
}

/// The document of a record after a decision or a note.
fn after(app: &App, docket: &Docket) -> Result<(Map<String, Value>, bool), Failure> {
    let stored = find(app, docket.key)?;
    let is_open = is_open(app, &stored, docket)?;
    let mut document = records::document(app, &stored)?;
    document.insert(
        "docket".to_owned(),
        docket.id(app.catalogue.kind(docket.key.kind)).into(),
    );
    document.insert("open".to_owned(), is_open.into());
    Ok((document, is_open))
}

//! Open conflicts: which there are, what stands against what, and how people settle them.
//!
//! A conflict is derived from a record's candidates, the same on every replica; its docket is
//! named by record and register. A decision is two edits in one batch: a record that never
//! changes, and the candidate that carries it out and replaces exactly what was shown.

mod decide;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use domain::{Conflict, Effective, KindSpec, decode};
use proto::ledger::{Decision, DocketNote};
use replica::{Context, Record, RecordKey, RegisterId, ScopeId, Sibling};
use serde_json::{Map, Value, json};
use store::Stored;

pub use decide::{Choice, Decided, decide, send_back};

use crate::{
    app::App,
    failure::{Exit, Failure},
    records::{
        self, Known, Past, Scopes, Seen, authorship, each, find, kind_of, meaning, named,
        register_name, register_of, register_value,
    },
};

/// What names a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
#[must_use]
pub fn entry(kind: Option<&KindSpec>, record: &Record, open: &Conflict) -> Map<String, Value> {
    let docket = Docket {
        key: record.key,
        register: open.register,
    };
    let mut entry = Map::new();
    entry.insert("id".to_owned(), docket.id(kind).into());
    entry.insert(
        "field".to_owned(),
        register_name(kind, open.register).into(),
    );
    entry.insert("candidates".to_owned(), candidates(kind, &open.candidates));
    entry
}

/// Candidates for scripts, counted from 1.
#[must_use]
pub fn candidates(kind: Option<&KindSpec>, candidates: &[Sibling]) -> Value {
    // Against a deletion stand writes of other registers: they are shown with their names.
    let is_mixed = candidates
        .iter()
        .any(|sibling| sibling.register == RegisterId::DELETED);
    let one = |(at, sibling): (usize, &Sibling)| {
        let value = register_value(kind, sibling.register, &sibling.value);
        let mut map = Map::new();
        map.insert("candidate".to_owned(), (at + 1).into());
        let value = if is_mixed {
            json!({ register_name(kind, sibling.register): value })
        } else {
            value
        };
        map.insert("value".to_owned(), value);
        map.extend(authorship(sibling));
        Value::Object(map)
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
        let Some(stored) = app.reader().get(key)? else {
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

/// All open conflicts, of one scope or of all.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn list(app: &App, scope: Option<ScopeId>) -> Result<Vec<Map<String, Value>>, Failure> {
    let scopes = Scopes::new(app);
    let mut all = Vec::new();
    each_open(app, &mut |stored, meaning| {
        let record = &stored.record;
        if scope.is_some_and(|scope| scope != stored.home) {
            return Ok(());
        }
        let kind = app.catalogue.kind(record.key.kind);
        let code = scopes.code(stored.home)?;
        for open in &meaning.conflicts {
            let mut entry = entry(kind, record, open);
            let name = kind.map_or_else(|| record.key.kind.0.to_string(), |kind| kind.id.clone());
            entry.insert("kind".to_owned(), name.into());
            entry.insert("record".to_owned(), record.key.id.to_string().into());
            entry.insert("scope".to_owned(), code.clone().into());
            entry.insert("conflict".to_owned(), open.kind.id().into());
            all.push(entry);
        }
        Ok(())
    })?;
    Ok(all)
}

/// One conflict with all that a person needs to decide it: the candidates, the value they come
/// from, the token of what is shown, notes, earlier decisions, what else is open in the record.
///
/// # Errors
/// The conflict is not open, or the store is damaged or cannot be read.
pub fn show(app: &App, docket: &Docket) -> Result<Map<String, Value>, Failure> {
    let Stored { record, home, .. } = find(app, docket.key)?;
    let meaning = meaning(app, &record)?;
    let kind = app.catalogue.kind(docket.key.kind);
    let open = open_of(&meaning, docket, kind)?;
    let mut entry = entry(kind, &record, open);
    let name = kind.map_or_else(|| docket.key.kind.0.to_string(), |kind| kind.id.clone());
    entry.insert("kind".to_owned(), name.into());
    entry.insert("record".to_owned(), docket.key.id.to_string().into());
    entry.insert("scope".to_owned(), Scopes::new(app).code(home)?.into());
    entry.insert("conflict".to_owned(), open.kind.id().into());
    entry.insert("base".to_owned(), base_json(app, kind, docket.key, open)?);
    let others = meaning
        .conflicts
        .iter()
        .filter(|other| other.register != docket.register);
    let others = others.map(|other| {
        Docket {
            register: other.register,
            ..*docket
        }
        .id(kind)
    });
    entry.insert("others".to_owned(), others.collect());
    entry.insert("notes".to_owned(), notes(app, docket, home)?.into());
    entry.insert("decisions".to_owned(), decisions(app, docket, home)?.into());
    entry.insert("seen".to_owned(), Seen::of(&record).token().into());
    Ok(entry)
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

/// The value that all candidates come from, and who wrote it, as far as it is known here.
fn base_json(
    app: &App,
    kind: Option<&KindSpec>,
    key: RecordKey,
    open: &Conflict,
) -> Result<Value, Failure> {
    let Some((dot, value)) = &open.base else {
        return Ok(Value::Null);
    };
    let past = Past::of(app, key)?;
    let sibling = past.sibling(open.register, *dot);
    let value = value
        .as_ref()
        .or_else(|| sibling.map(|sibling| &sibling.value));
    let mut base = sibling.map(authorship).unwrap_or_default();
    let value = value.map(|value| register_value(kind, open.register, value));
    base.insert("known".to_owned(), value.is_some().into());
    base.insert("value".to_owned(), value.unwrap_or_default());
    Ok(Value::Object(base))
}

/// What a record of the docket calls the record: `kind/id`.
fn reference(kind: Option<&KindSpec>, key: RecordKey) -> String {
    let name = kind.map_or_else(|| key.kind.0.to_string(), |kind| kind.id.clone());
    format!("{name}/{}", key.id)
}

/// The values of all records of a docket kind that belong to a docket, in the order of their ids.
fn of_docket<M: prost::Message + Default>(
    app: &App,
    kind: &str,
    scope: ScopeId,
    is_of: &dyn Fn(&M) -> bool,
) -> Result<Vec<(replica::RecordId, M)>, Failure> {
    let mut found = Vec::new();
    let spec = kind_of(app, kind)?;
    each(app, spec.kind, Some(scope), None, &mut |stored, meaning| {
        let row: M = decode(&meaning.values).unwrap_or_default();
        if is_of(&row) {
            found.push((stored.record.key.id, row));
        }
        Ok(std::ops::ControlFlow::Continue(()))
    })?;
    Ok(found)
}

fn notes(app: &App, docket: &Docket, scope: ScopeId) -> Result<Vec<Value>, Failure> {
    let name = reference(app.catalogue.kind(docket.key.kind), docket.key);
    let is_of = |note: &DocketNote| {
        note.record.as_deref() == Some(&name) && note.register == Some(docket.register.0)
    };
    let notes = of_docket(app, "docket_note", scope, &is_of)?;
    let one = |(id, note): (replica::RecordId, DocketNote)| {
        json!({
            "id": id.to_string(),
            "note": note.kind().as_str_name().trim_start_matches("DOCKET_NOTE_KIND_").to_lowercase(),
            "text": note.text,
            "author": note.written_by,
        })
    };
    Ok(notes.into_iter().map(one).collect())
}

fn decisions(app: &App, docket: &Docket, scope: ScopeId) -> Result<Vec<Value>, Failure> {
    let kind = app.catalogue.kind(docket.key.kind);
    let name = reference(kind, docket.key);
    let is_of = |decision: &Decision| {
        decision.record.as_deref() == Some(&name) && decision.register == Some(docket.register.0)
    };
    let decisions = of_docket(app, "decision", scope, &is_of)?;
    let one = |(id, decision): (replica::RecordId, Decision)| {
        let value = register_value(kind, docket.register, decision.value());
        json!({
            "id": id.to_string(),
            "value": value,
            "reason": decision.reason,
            "author": decision.decided_by,
        })
    };
    Ok(decisions.into_iter().map(one).collect())
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

/// The document of a record after a decision or a note.
fn after(app: &App, docket: &Docket) -> Result<(Map<String, Value>, bool), Failure> {
    let stored = find(app, docket.key)?;
    let meaning = meaning(app, &stored.record)?;
    let is_open = meaning
        .conflicts
        .iter()
        .any(|open| open.register == docket.register);
    let mut document = records::document(app, &stored)?;
    document.insert(
        "docket".to_owned(),
        docket.id(app.catalogue.kind(docket.key.kind)).into(),
    );
    document.insert("open".to_owned(), is_open.into());
    Ok((document, is_open))
}

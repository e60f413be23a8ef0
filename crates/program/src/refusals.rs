//! Writes that were taken back here, or that a node must take back: what they said, why they were
//! refused, and what a person does about them.
//!
//! A draft is never removed: it stays in the store and in the journal. What a person has done
//! about it is kept beside it.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use domain::{KindSpec, Purpose, across, authority::NewState};
use replica::{Dot, Edit, Leaf, Record, RecordKey, RegisterId, ReplicaId, ScopeId, Set, Sibling};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::{Status, StoreError};

use crate::{
    app::App,
    clock::moment,
    failure::{Exit, Failure},
    output::Out,
    proposals,
    records::{
        self, Change, Desk, Scopes, Seen, Sight, allowed, at_text, fields_json, find, reason_of,
        reason_text, register_name, set_of_json, source_name,
    },
    texts,
};

/// Before the name of a write that somebody has seen to.
const DONE: &str = "draft-done/";

/// What somebody has done about a draft.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// `retried` or `dropped`; of a late write what its new home has answered: `accepted` or
    /// `declined`.
    pub how: String,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Milliseconds since 1970.
    pub at_ms: u64,
}

/// A write that was taken back here, or that a peer must take back.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Its name in commands.
    pub id: String,
    /// The name of the write.
    pub dot: Dot,
    /// The record.
    pub key: RecordKey,
    /// The scope that the record was made in.
    pub scope: ScopeId,
    /// The stable code.
    pub code: String,
    /// When it was refused or taken back, milliseconds since 1970.
    pub at_ms: i64,
    /// What it said, one register each.
    pub siblings: Vec<Sibling>,
    /// The peer that must take it back; none for a write of ours.
    pub peer: Option<ReplicaId>,
    /// The peer has taken it back.
    pub is_confirmed: bool,
}

impl Draft {
    fn of(refused: store::Refused) -> Result<Self, Failure> {
        let id = id_of(&refused);
        let damaged = |_unreadable| StoreError::Damaged {
            what: format!("the refused write {id}"),
        };
        let part = Record::decode(&refused.siblings).map_err(damaged)?;
        Ok(Self {
            dot: refused.dot,
            key: refused.key,
            scope: part.scope,
            code: refused.code,
            at_ms: refused.at_ms,
            siblings: part.siblings,
            peer: refused.peer,
            is_confirmed: refused.confirmed,
            id,
        })
    }
}

/// The name of a refused write in commands. After a rollback one dot may have named two contents,
/// so a part of the content's hash belongs to it.
pub(crate) fn id_of(refused: &store::Refused) -> String {
    let hash = Leaf::of(&refused.siblings);
    let [first, second, ..] = hash.0;
    format!("{}-{first:02x}{second:02x}", refused.dot)
}

/// A refused write with what somebody has done about it.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The write.
    pub draft: Draft,
    /// What was done; none while nobody has seen to it.
    pub done: Option<Done>,
}

impl Refused {
    /// Whether somebody must still do something: the author about a draft, the node about a
    /// refusal.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match self.draft.peer {
            Some(_) => !self.draft.is_confirmed,
            None => self.done.is_none(),
        }
    }
}

/// Every refused write that is known here, the newest first: own ones, then those of nodes.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn all(app: &App) -> Result<Vec<Refused>, Failure> {
    let mut refused = app.writer.status()?.refused;
    refused.sort_by_key(|one| (one.peer.is_some(), std::cmp::Reverse(one.at_ms), one.dot));
    let done = marks(app, &refused)?;
    let mut all: Vec<Refused> = Vec::new();
    for one in refused {
        let draft = Draft::of(one)?;
        let done = done.get(&draft.id).cloned();
        let done = done.filter(|_| draft.peer.is_none());
        all.push(Refused { draft, done });
    }
    Ok(all)
}

/// What was done about drafts of ours, by their names: what somebody here has noted, and what the
/// record's home has answered to the proposal that the city made of the write.
fn marks(app: &App, refused: &[store::Refused]) -> Result<BTreeMap<String, Done>, Failure> {
    let mut done: BTreeMap<String, Done> = BTreeMap::new();
    for (name, text) in app.reader().locals(DONE)? {
        if let (Some(id), Ok(entry)) = (name.strip_prefix(DONE), serde_json::from_slice(&text)) {
            done.insert(id.to_owned(), entry);
        }
    }
    let is_open = |one: &&store::Refused| one.peer.is_none() && !done.contains_key(&id_of(one));
    let open: Vec<&store::Refused> = refused.iter().filter(is_open).collect();
    if open.is_empty() {
        return Ok(done);
    }
    let mut answers = proposals::answers(app)?;
    for one in open {
        let draft = Draft::of(one.clone())?;
        let Some(first) = draft.siblings.first() else {
            continue;
        };
        let name = across::name(app.catalogue, draft.key);
        let write = (name, first.write.author.clone(), first.write.time.0);
        let answer = answers
            .remove(&write)
            .or_else(|| ended_with_move(app, &draft));
        if let Some(answer) = answer {
            done.insert(draft.id, answer);
        }
    }
    Ok(done)
}

/// What became of a write that only took a record out of its transfer, and came when the record had
/// moved: the move has ended the transfer, so there is nothing to answer.
fn ended_with_move(app: &App, draft: &Draft) -> Option<Done> {
    let is_late = draft.code == "SYNC-131";
    let ends = is_late && across::leaves_transfer(app.catalogue, draft.key, &draft.siblings);
    ends.then(|| Done {
        how: "dropped".to_owned(),
        by: "hub".to_owned(),
        reason: "记录已迁移，迁移中随之结束".to_owned(),
        at_ms: u64::try_from(draft.at_ms).unwrap_or_default(),
    })
}

/// The names of the drafts, among these, that somebody has seen to.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn seen_to(app: &App, refused: &[store::Refused]) -> Result<BTreeSet<String>, Failure> {
    Ok(marks(app, refused)?.into_keys().collect())
}

/// How many somebody must still see to: the author about a draft, a node about a refusal.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn count_open(app: &App, status: &Status) -> Result<usize, Failure> {
    let seen_to = seen_to(app, &status.refused)?;
    let is_open = |refused: &&store::Refused| match refused.peer {
        Some(_) => !refused.confirmed,
        None => !seen_to.contains(&id_of(refused)),
    };
    Ok(status.refused.iter().filter(is_open).count())
}

/// Those that somebody must still see to.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn open(app: &App) -> Result<Vec<Refused>, Failure> {
    let mut all = all(app)?;
    all.retain(Refused::is_open);
    Ok(all)
}

/// The one that an id means; its first digits are enough when they fit one only.
///
/// # Errors
/// There is none, or the store cannot be read.
pub fn named(app: &App, id: &str) -> Result<Refused, Failure> {
    let all = all(app)?;
    let unknown = || Failure::new("REFUSAL-001", Exit::Invalid).with("id", id);
    let mut fits = all
        .into_iter()
        .filter(|refused| refused.draft.id.starts_with(id));
    match (fits.next(), fits.next()) {
        (Some(one), None) if id.len() >= 4 => Ok(one),
        (Some(one), _) if one.draft.id == id => Ok(one),
        _ => Err(unknown()),
    }
}

/// A refused write in a list.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn entry(
    app: &App,
    scopes: &Scopes<'_>,
    refused: &Refused,
    out: &Out,
) -> Result<Map<String, Value>, Failure> {
    let draft = &refused.draft;
    let kind = app.catalogue.kind(draft.key.kind);
    let write = draft.siblings.first();
    let fields = draft
        .siblings
        .iter()
        .map(|s| register_name(kind, s.register));
    let document = json!({
        "id": draft.id,
        "kind": app.catalogue.kind_name(draft.key.kind),
        "record": draft.key.id.to_string(),
        "scope": scopes.code(draft.scope)?,
        "code": draft.code,
        "message": texts::of(&draft.code, out.language, &[]),
        "at": moment_of(draft.at_ms),
        "author": write.map(|s| s.write.author.clone()),
        "fields": fields.collect::<Vec<_>>(),
        "node": draft.peer.map(|peer| peer.to_string()),
        "confirmed": draft.peer.map(|_| draft.is_confirmed),
        "done": refused.done.as_ref().map(|done| done.how.clone()),
        "open": refused.is_open(),
    });
    match document {
        Value::Object(map) => Ok(map),
        _ => Ok(Map::new()),
    }
}

pub(crate) fn moment_of(at_ms: i64) -> String {
    u64::try_from(at_ms).map(moment).unwrap_or_default()
}

/// A refused write with all that it said, beside what stands there now.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn show(app: &App, refused: &Refused, out: &Out) -> Result<Map<String, Value>, Failure> {
    let draft = &refused.draft;
    let kind = app.catalogue.kind(draft.key.kind);
    let sight = Sight::at(app, draft.key)?;
    let present = app.reader().get(draft.key)?.map(|stored| stored.record);
    let mut document = entry(app, &Scopes::new(app), refused, out)?;
    if let Some(first) = draft.siblings.first() {
        document.insert("written".to_owned(), at_text(first).into());
        let reason = reason_text(&first.write.reason);
        document.insert("reason".to_owned(), reason.into());
        document.insert("source".to_owned(), source_name(first.write.source).into());
    }
    let values = draft.siblings.iter().map(|sibling| {
        let register = sibling.register;
        let now = present.iter().flat_map(|record| record.register(register));
        let now: Vec<_> = now
            .map(|now| sight.register(register, &now.value))
            .collect();
        json!({
            "field": register_name(kind, register),
            "value": sight.register(register, &sibling.value),
            "present": now,
        })
    });
    document.insert("values".to_owned(), values.collect());
    if let Some(done) = &refused.done {
        let done = json!({
            "how": done.how,
            "by": done.by,
            "reason": done.reason,
            "at": moment(done.at_ms),
        });
        document.insert("done".to_owned(), done);
    }
    Ok(document)
}

/// Only a write of ours that nobody has seen to can be retried or dropped here.
fn own(refused: &Refused) -> Result<(), Failure> {
    if refused.draft.peer.is_some() {
        return Err(Failure::new("REFUSAL-002", Exit::Refused));
    }
    match &refused.done {
        Some(done) => Err(Failure::new("REFUSAL-003", Exit::Invalid).with("by", &done.by)),
        None => Ok(()),
    }
}

fn mark(app: &App, refused: &Refused, how: &str, reason: &str) -> (String, Option<Vec<u8>>) {
    let done = Done {
        how: how.to_owned(),
        by: app.author(),
        reason: reason.to_owned(),
        at_ms: app.clock.wall_ms(),
    };
    let name = format!("{DONE}{}", refused.draft.id);
    (name, Some(serde_json::to_vec(&done).unwrap_or_default()))
}

/// Marks a draft as seen to. It stays in the store and in the journal.
///
/// # Errors
/// It is not ours, or somebody has seen to it; the store failed.
pub fn drop(app: &App, refused: &Refused, reason: &str) -> Result<(), Failure> {
    own(refused)?;
    let reason = reason_of(reason)?;
    let mark = mark(app, refused, "dropped", &reason);
    app.writer.edit(Vec::new(), vec![mark])?;
    Ok(())
}

/// Submits a draft again, as an ordinary edit that shows what stands there now. All rules and all
/// authority apply; the mark on the draft is written together with the edit. Returns whether
/// anything differed.
///
/// # Errors
/// It is not ours or was seen to, it carried out a decision, or the edit may not be made.
pub fn retry(app: &App, refused: &Refused) -> Result<bool, Failure> {
    own(refused)?;
    let draft = &refused.draft;
    let first = draft
        .siblings
        .first()
        .ok_or_else(|| Failure::new("REFUSAL-005", Exit::Invalid))?;
    if !first.write.decision.is_empty() {
        return Err(Failure::new("REFUSAL-004", Exit::Invalid));
    }
    let present = app.reader().get(draft.key)?.map(|stored| stored.record);
    let system = draft.siblings.iter().filter(|s| s.register.is_system());
    let mut edits: Vec<Edit> = system
        .map(|sibling| edit_of_system(app, draft, sibling, present.as_ref()))
        .collect::<Result<_, _>>()?;
    edits.extend(edit_of_fields(app, draft, first, present.as_ref())?);
    let is_changed = !edits.is_empty();
    // Why it was written stands with the draft; what is kept beside it no erasure would find.
    let mark = mark(app, refused, "retried", "");
    app.writer.edit(edits, vec![mark])?;
    Ok(is_changed)
}

/// The fields go through the same desk as any form.
fn edit_of_fields(
    app: &App,
    draft: &Draft,
    first: &Sibling,
    present: Option<&Record>,
) -> Result<Vec<Edit>, Failure> {
    let unknown = || Failure::new("REFUSAL-005", Exit::Invalid);
    let kind = app.catalogue.kind(draft.key.kind).ok_or_else(unknown)?;
    let values = fields_of(kind, draft);
    if values.is_empty() {
        return Ok(Vec::new());
    }
    let change = Change {
        kind,
        id: Some(draft.key.id),
        set: set_of_json(&values),
        seen: present.map(Seen::of),
        scope: Some(draft.scope),
        reason: &first.write.reason,
        source: first.write.source,
    };
    Ok(Desk::new(app)?.prepare(&change)?.edits())
}

fn fields_of(kind: &KindSpec, draft: &Draft) -> Map<String, Value> {
    let mut values = Map::new();
    for sibling in &draft.siblings {
        let Some(register) = kind.register(sibling.register) else {
            continue;
        };
        values.extend(fields_json(kind, register, &sibling.value));
    }
    values
}

/// A deletion or a restoring, with what stands there now in place of what it saw.
fn edit_of_system(
    app: &App,
    draft: &Draft,
    sibling: &Sibling,
    present: Option<&Record>,
) -> Result<Edit, Failure> {
    let (Some(record), RegisterId::DELETED) = (present, sibling.register) else {
        return Err(Failure::new("REFUSAL-005", Exit::Invalid));
    };
    let reason = reason_of(&sibling.write.reason)?;
    let author = app.author();
    let value = if sibling.value.is_empty() {
        Bytes::new()
    } else {
        domain::effective::deletion(&reason, &author, &record.context)
    };
    let set = [(RegisterId::DELETED, value.clone())];
    let new = NewState {
        key: draft.key,
        scope: record.scope,
        set: &set,
    };
    allowed(app, Purpose::Edit, Some(record), &new)?;
    let marks = record.register(RegisterId::DELETED).iter();
    Ok(Edit {
        key: draft.key,
        scope: record.scope,
        set: vec![Set {
            register: RegisterId::DELETED,
            value,
            shown: marks.map(Sibling::shown).collect(),
        }],
        author,
        reason,
        source: sibling.write.source,
        decision: Bytes::new(),
    })
}

/// The document of the record of a draft after it was retried.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn document(app: &App, refused: &Refused) -> Result<Map<String, Value>, Failure> {
    records::document(app, &find(app, refused.draft.key)?)
}

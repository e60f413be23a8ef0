//! Late writes as their new home sees them: listed, shown beside the present values, accepted or
//! declined.
//!
//! Accepting is an ordinary edit of the registers that the write had set: it shows the candidates
//! that stand now, the rules and the authority judge it like any other, and whoever accepts is its
//! author. The mark on the proposal is written with it, all or none.

use std::collections::BTreeMap;

use domain::{KindSpec, across, decode, value::Input};
use proto::ledger::{Proposal, ProposalAnswer};
use replica::{Edit, HybridTime, RecordId, RecordKey, RegisterId, Source};
use serde_json::{Map, Value, json};
use store::Stored;

use crate::{
    app::App,
    conflicts::candidates,
    failure::{Exit, Failure},
    records::{
        self, Change, Desk, Scopes, Sight, deletion_edit, each_here, fields_json, find, kind_of,
        meaning, register_name, standing, time_text,
    },
    refusals::Done,
};

const KIND: &str = "proposal";

/// A proposal that is seen here.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its record.
    pub stored: Stored,
    /// What it says.
    pub row: Proposal,
}

impl Seen {
    fn read(app: &App, id: RecordId) -> Result<Self, Failure> {
        let kind = kind_of(app, KIND)?.kind;
        let stored = find(app, RecordKey { kind, id })?;
        let row = decode(&meaning(app, &stored.record)?.values).unwrap_or_default();
        Ok(Self { stored, row })
    }

    /// Whether nobody has answered it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.row.answer() == ProposalAnswer::Unspecified
    }

    /// The record that it is about: of one that was merged since, the one that stands for it.
    fn key(&self, app: &App) -> Result<Option<RecordKey>, Failure> {
        let named = across::named(app.catalogue, self.row.record());
        named.map(|key| standing(app, key)).transpose()
    }

    /// How the record that it is about is seen.
    fn sight<'a>(&self, app: &'a App) -> Result<Sight<'a>, Failure> {
        let key = self.key(app)?;
        key.map_or_else(|| Ok(Sight::unknown(app, None)), |key| Sight::at(app, key))
    }

    fn json(&self, app: &App, scopes: &Scopes<'_>) -> Result<Map<String, Value>, Failure> {
        let row = &self.row;
        let sight = self.sight(app)?;
        let code = |bytes: Option<&Vec<u8>>| match across::scope(bytes) {
            Some(scope) => scopes.code(scope).map(Value::from),
            None => Ok(Value::Null),
        };
        let values = row.values.iter().map(|value| {
            let register = RegisterId(value.register);
            let shown = sight.register(register, &value.value);
            (register_name(sight.kind(), register), shown)
        });
        let mut entry = Map::new();
        entry.insert(
            "id".to_owned(),
            self.stored.record.key.id.to_string().into(),
        );
        entry.insert("record".to_owned(), row.record().into());
        entry.insert("from".to_owned(), code(row.from_scope.as_ref())?);
        entry.insert("home".to_owned(), scopes.code(self.stored.home)?.into());
        entry.insert("author".to_owned(), row.author().into());
        let at = time_text(HybridTime(row.time()));
        entry.insert("at".to_owned(), at.into());
        entry.insert("reason".to_owned(), row.reason().into());
        entry.insert("code".to_owned(), row.code().into());
        entry.insert("values".to_owned(), Value::Object(values.collect()));
        entry.insert("answer".to_owned(), answer_name(row.answer()).into());
        entry.insert("answer_reason".to_owned(), row.answer_reason.clone().into());
        entry.insert("answered_by".to_owned(), row.answered_by.clone().into());
        Ok(entry)
    }
}

/// Every proposal that is seen here: those about records of this scope, and those made of writes
/// of this scope. Only the open ones unless all are asked for.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn list(app: &App, with_answered: bool) -> Result<Vec<Map<String, Value>>, Failure> {
    let scopes = Scopes::new(app);
    let mut all = Vec::new();
    each_here(app, kind_of(app, KIND)?.kind, &mut |stored, meaning| {
        let row = decode(&meaning.values).unwrap_or_default();
        let seen = Seen {
            stored: stored.clone(),
            row,
        };
        if with_answered || seen.is_open() {
            all.push(seen.json(app, &scopes)?);
        }
        Ok(std::ops::ControlFlow::Continue(()))
    })?;
    Ok(all)
}

/// How many proposals wait for an answer of this scope.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn waiting(app: &App) -> Result<usize, Failure> {
    let mut count = 0;
    each_here(app, kind_of(app, KIND)?.kind, &mut |stored, meaning| {
        let row: Proposal = decode(&meaning.values).unwrap_or_default();
        let is_ours = stored.home == app.scope();
        count += usize::from(is_ours && row.answer() == ProposalAnswer::Unspecified);
        Ok(std::ops::ControlFlow::Continue(()))
    })?;
    Ok(count)
}

/// A write by what a proposal says of it: its record, who wrote it, and when.
pub(crate) type Write = (String, String, u64);

/// What was answered to late writes, as far as their proposals are seen here.
///
/// # Errors
/// The store is damaged or cannot be read.
pub(crate) fn answers(app: &App) -> Result<BTreeMap<Write, Done>, Failure> {
    let mut answers = BTreeMap::new();
    each_here(app, kind_of(app, KIND)?.kind, &mut |stored, meaning| {
        let row: Proposal = decode(&meaning.values).unwrap_or_default();
        let Some(how) = answer_name(row.answer()) else {
            return Ok(std::ops::ControlFlow::Continue(()));
        };
        let times = stored.record.siblings.iter().map(|one| one.write.time);
        let done = Done {
            how: how.to_owned(),
            by: row.answered_by().to_owned(),
            reason: row.answer_reason().to_owned(),
            at_ms: times.max().map_or(0, HybridTime::millis),
        };
        let write = (row.record().to_owned(), row.author().to_owned(), row.time());
        answers.insert(write, done);
        Ok(std::ops::ControlFlow::Continue(()))
    })?;
    Ok(answers)
}

fn answer_name(answer: ProposalAnswer) -> Option<&'static str> {
    match answer {
        ProposalAnswer::Unspecified => None,
        ProposalAnswer::Accepted => Some("accepted"),
        ProposalAnswer::Declined => Some("declined"),
    }
}

/// One proposal with what stands in its registers now.
///
/// # Errors
/// There is none, or the store is damaged or cannot be read.
pub fn show(app: &App, id: RecordId) -> Result<Map<String, Value>, Failure> {
    let seen = Seen::read(app, id)?;
    let mut entry = seen.json(app, &Scopes::new(app))?;
    let key = seen.key(app)?;
    let sight = seen.sight(app)?;
    let stored = key.map(|key| app.reader().get(key)).transpose()?.flatten();
    let one = |value: &proto::ledger::ProposedValue| {
        let register = RegisterId(value.register);
        let record = stored.as_ref().map(|stored| &stored.record);
        let standing = record.map(|record| record.register(register));
        Ok(json!({
            "field": register_name(sight.kind(), register),
            "proposed": sight.register(register, &value.value),
            "present": candidates(app, &sight, standing.unwrap_or_default())?,
        }))
    };
    let fields: Result<Value, Failure> = seen.row.values.iter().map(one).collect();
    entry.insert("fields".to_owned(), fields?);
    Ok(entry)
}

/// Takes a late write over: an edit of what it had set, and the mark that it was accepted. Returns
/// the record's document.
///
/// # Errors
/// It was answered before, this is not the record's home, the rules forbid it, or the store failed.
pub fn accept(app: &App, id: RecordId, reason: &str) -> Result<Map<String, Value>, Failure> {
    let desk = Desk::new(app)?;
    let seen = open(app, id)?;
    let (key, kind) = about(app, &seen)?;
    let said = Said::of(kind, &seen.row)?;
    let author = seen.row.author();
    let why = format!("{}（采纳 {author} 的迟到修改）", reason.trim());
    let mut edits = Vec::new();
    if !said.values.is_empty() {
        let set = said.values.iter();
        let change = Change {
            kind,
            id: Some(key.id),
            set: set
                .map(|(name, value)| (name.as_str(), Input::Json(value)))
                .collect(),
            seen: None,
            scope: Some(seen.stored.home),
            reason: &why,
            source: Source::Command,
        };
        edits.extend(desk.prepare(&change)?.edits());
    }
    if said.is_deletion {
        edits.push(deletion_edit(app, &find(app, key)?, None, &why)?);
    }
    edits.extend(mark(app, &desk, &seen, ProposalAnswer::Accepted, reason)?);
    app.writer.edit(edits, Vec::new())?;
    let mut document = records::document(app, &find(app, key)?)?;
    document.insert("proposal".to_owned(), id.to_string().into());
    Ok(document)
}

/// Leaves the record as it is and says why.
///
/// # Errors
/// As [`accept`].
pub fn decline(app: &App, id: RecordId, reason: &str) -> Result<Map<String, Value>, Failure> {
    let desk = Desk::new(app)?;
    let seen = open(app, id)?;
    let edit = mark(app, &desk, &seen, ProposalAnswer::Declined, reason)?;
    app.writer.edit(edit.into_iter().collect(), Vec::new())?;
    show(app, id)
}

fn open(app: &App, id: RecordId) -> Result<Seen, Failure> {
    let seen = Seen::read(app, id)?;
    if seen.is_open() {
        return Ok(seen);
    }
    Err(Failure::new("PROPOSAL-001", Exit::Invalid)
        .with("id", id)
        .with("who", seen.row.answered_by()))
}

/// What a proposal is about, of a kind that this program can write.
fn about(app: &App, seen: &Seen) -> Result<(RecordKey, &'static KindSpec), Failure> {
    let key = seen.key(app)?;
    let found = key.and_then(|key| Some((key, app.catalogue.kind(key.kind)?)));
    found.ok_or_else(|| Failure::new("RECORD-014", Exit::Invalid))
}

/// The values of a late write as somebody would enter them.
#[derive(Default)]
struct Said {
    values: Vec<(String, Value)>,
    is_deletion: bool,
}

impl Said {
    fn of(kind: &KindSpec, row: &Proposal) -> Result<Self, Failure> {
        let mut said = Self::default();
        for value in &row.values {
            let register = RegisterId(value.register);
            if register == RegisterId::DELETED {
                said.is_deletion = !value.value.is_empty();
                continue;
            }
            let spec = kind.register(register);
            let spec = spec.ok_or_else(|| Failure::new("RECORD-014", Exit::Invalid))?;
            // Taking it over is a step of its own.
            if !kind.is_written_along(register) {
                said.values.extend(fields_json(kind, spec, &value.value));
            }
        }
        Ok(said)
    }
}

/// The answer on a proposal. None when it stands there already.
fn mark(
    app: &App,
    desk: &Desk<'_>,
    seen: &Seen,
    answer: ProposalAnswer,
    reason: &str,
) -> Result<Option<Edit>, Failure> {
    let author = app.author();
    let set = [
        ("answer", answer_name(answer).unwrap_or_default()),
        ("answer_reason", reason),
        ("answered_by", author.as_str()),
    ];
    let change = Change {
        kind: kind_of(app, KIND)?,
        id: Some(seen.stored.record.key.id),
        set: set.map(|(name, text)| (name, Input::Text(text))).to_vec(),
        seen: None,
        scope: None,
        reason,
        source: Source::Command,
    };
    Ok(desk.prepare(&change)?.edit)
}

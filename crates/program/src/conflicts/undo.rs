//! Taking a decision back: its candidates stand again, each under a new name.
//!
//! An undo replaces exactly the candidates shown as that decision, and each of the candidates that
//! the decision had replaced comes back as a write of its own. What arrived since stays. An undo is
//! a decision like any other, so it can be undone in the same way. Where later writes have
//! replaced the decision there is nothing to replace, and it is refused with their list.

use bytes::Bytes;
use domain::{KindSpec, Purpose, across, authority::NewState};
use prost::Message as _;
use proto::ledger::{Candidate, Decision, DecisionChoice};
use replica::{Dot, Edit, Record, RecordId, RegisterId, ScopeId, Set, Sibling, Source};
use store::Stored;

use super::{
    Decided, Docket, after,
    decide::{kind_of_docket, own_words},
    files::{Files, docket_of},
    words,
};
use crate::{
    app::App,
    clock,
    failure::{Exit, Failure},
    records::{Past, Scopes, allowed, find, made_edit, new_id, reason_of},
};

/// Later writes that a refusal names; the history has the rest.
const LATER_NAMED_MAX: usize = 5;

/// Takes back the decision that stands in a docket, named by the docket or by the decision's id.
///
/// # Errors
/// No decision stands there, several do, later writes replaced it, its author would decide over
/// their own words, there is no authority for it, or the store failed.
pub fn undo(app: &App, text: &str, reason: &str) -> Result<Decided, Failure> {
    let reason = reason_of(reason)?;
    let (docket, named) = target(app, text)?;
    let kind = kind_of_docket(app, &docket)?;
    let stored = find(app, docket.key)?;
    let id = match named {
        Some(id) => id,
        None => only_standing(app, kind, &docket, &stored)?,
    };
    let unknown = || Failure::new("CONFLICT-001", Exit::Invalid).with("id", text);
    let decision = words::decision(app, id)?.ok_or_else(unknown)?;
    let author = app.author();
    if words::are_of(&Scopes::new(app), &words::sides(app, &decision)?, &author)? {
        return Err(own_words(&author));
    }
    let case = Case {
        app,
        kind,
        docket,
        record: &stored.record,
        home: stored.home,
        id,
        decision: &decision,
        reason: &reason,
    };
    let standing = case.standing()?;
    let back = case.candidates(&standing);
    let (undone_by, edits) = case.edits(&standing, &back)?;
    app.writer.edit(edits, Vec::new())?;
    let (mut document, is_open) = after(app, &docket)?;
    document.insert("decision".to_owned(), undone_by.to_string().into());
    document.insert("undoes".to_owned(), id.to_string().into());
    Ok(Decided {
        decision: undone_by,
        document,
        is_open,
        warnings: Vec::new(),
    })
}

/// What an id names: a docket, or one decision with its docket.
fn target(app: &App, text: &str) -> Result<(Docket, Option<RecordId>), Failure> {
    let Some(id) = words::id_of(text) else {
        return Ok((Docket::parse(app, text)?, None));
    };
    let decision = words::decision(app, id)?;
    let docket = decision.and_then(|of| docket_of(app, of.record.as_deref(), of.register));
    let unknown = || Failure::new("CONFLICT-001", Exit::Invalid).with("id", text);
    Ok((docket.ok_or_else(unknown)?, Some(id)))
}

/// The only decision of which a candidate stands in the docket.
fn only_standing(
    app: &App,
    kind: &KindSpec,
    docket: &Docket,
    stored: &Stored,
) -> Result<RecordId, Failure> {
    let of = |sibling: &Sibling| RecordId::try_from(sibling.write.decision.as_ref()).ok();
    let siblings = stored.record.register(docket.register).iter();
    let mut ids: Vec<RecordId> = siblings.filter_map(of).collect();
    ids.sort_unstable();
    ids.dedup();
    match ids.as_slice() {
        [only] => Ok(*only),
        [] => {
            // The newest decision is the one that is meant.
            let files = Files::of(app, Some(stored.home))?;
            match files.decisions(docket).last() {
                Some(newest) => Ok(newest.id),
                None => {
                    Err(Failure::new("CONFLICT-008", Exit::Invalid)
                        .with("id", docket.id(Some(kind))))
                }
            }
        }
        several => {
            let ids: Vec<String> = several.iter().map(ToString::to_string).collect();
            Err(Failure::new("CONFLICT-010", Exit::Invalid).with("ids", ids.join(", ")))
        }
    }
}

struct Case<'a> {
    app: &'a App,
    kind: &'static KindSpec,
    docket: Docket,
    record: &'a Record,
    home: ScopeId,
    id: RecordId,
    decision: &'a Decision,
    reason: &'a str,
}

impl Case<'_> {
    fn is_of(&self, sibling: &Sibling) -> bool {
        sibling.register == self.docket.register && sibling.write.decision.as_ref() == self.id.0
    }

    /// What is shown as the decision: all of it, or it was replaced since.
    fn standing(&self) -> Result<Vec<Sibling>, Failure> {
        let all = self.record.register(self.docket.register).iter();
        let standing: Vec<Sibling> = all.filter(|s| self.is_of(s)).cloned().collect();
        let written = self.decision.restored.unwrap_or(1);
        if u32::try_from(standing.len()).is_ok_and(|count| count >= written) {
            return Ok(standing);
        }
        Err(Failure::new("CONFLICT-007", Exit::Refused).with("later", self.later()?))
    }

    /// Who wrote what has replaced the decision, as far as it is known here.
    fn later(&self) -> Result<String, Failure> {
        let past = Past::of(self.app, self.docket.key)?;
        let own: Vec<Dot> = past
            .siblings()
            .iter()
            .filter(|s| self.is_of(s))
            .map(Sibling::dot)
            .collect();
        let register = self.docket.register;
        let mut known: Vec<&Sibling> = self.record.register(register).iter().collect();
        known.extend(past.siblings().iter().filter(|s| s.register == register));
        let replaces = |s: &&Sibling| s.replaces.iter().any(|dot| own.contains(dot));
        let mut later: Vec<&Sibling> = known.iter().copied().filter(replaces).collect();
        if later.is_empty() {
            // The decision was replaced before its record came here: what stands now is later.
            later = self.record.register(register).iter().collect();
        }
        later.retain(|s| !self.is_of(s));
        later.sort_by_key(|s| std::cmp::Reverse((s.write.time, s.dot())));
        later.dedup_by_key(|s| s.dot());
        let line = |s: &&Sibling| {
            let at = clock::moment(s.write.time.millis());
            format!("{} {at} {}", s.write.author, s.write.reason)
        };
        let lines: Vec<String> = later.iter().take(LATER_NAMED_MAX).map(line).collect();
        Ok(lines.join("; "))
    }

    /// The candidates that come back: those that the decision had replaced in this register. An
    /// edit that stood against a deletion stands still and needs no copy.
    fn candidates(&self, standing: &[Sibling]) -> Vec<&Candidate> {
        let replaced = |candidate: &&Candidate| {
            let dot = Dot {
                incarnation: replica::Incarnation(candidate.incarnation),
                counter: candidate.counter,
            };
            let own = [0, self.docket.register.0].contains(&candidate.register);
            own && standing.iter().any(|s| s.replaces.contains(&dot))
        };
        self.decision.candidates.iter().filter(replaced).collect()
    }

    /// The record of the undo, and one edit for each candidate. Each shows the decision and nothing
    /// else, so each copy is a candidate beside the others.
    fn edits(
        &self,
        standing: &[Sibling],
        back: &[&Candidate],
    ) -> Result<(RecordId, Vec<Edit>), Failure> {
        let (app, register, scope) = (self.app, self.docket.register, self.home);
        if back.is_empty() {
            let id = self.docket.id(Some(self.kind));
            return Err(Failure::new("CONFLICT-008", Exit::Invalid).with("id", id));
        }
        let values: Vec<Bytes> = back
            .iter()
            .map(|c| Bytes::copy_from_slice(&c.value))
            .collect();
        let set: Vec<(RegisterId, Bytes)> = values
            .iter()
            .map(|value| (register, value.clone()))
            .collect();
        let new = NewState {
            key: self.record.key,
            scope,
            set: &set,
        };
        allowed(app, Purpose::Decision, Some(self.record), &new)?;
        let kept = |sibling| words::kept(app, self.docket, sibling);
        let undo = Decision {
            record: Some(across::name(app.catalogue, self.docket.key)),
            register: Some(register.0),
            candidates: standing.iter().map(kept).collect::<Result<_, _>>()?,
            choice: Some(DecisionChoice::Undo.into()),
            value: Some(Vec::new()),
            reason: Some(self.reason.to_owned()),
            decided_by: Some(app.author()),
            undoes: Some(self.id.to_string()),
            restored: u32::try_from(values.len()).ok(),
            ..Decision::default()
        };
        let id = new_id(app);
        let made = made_edit(
            app,
            "decision",
            (id, scope),
            &undo.encode_to_vec(),
            (self.reason, Source::Decision),
        )?;
        let shown: Vec<_> = standing.iter().map(Sibling::shown).collect();
        let copy = |value| Edit {
            key: self.record.key,
            scope,
            set: vec![Set {
                register,
                value,
                shown: shown.clone(),
            }],
            author: app.author(),
            reason: self.reason.to_owned(),
            source: Source::Decision,
            decision: Bytes::copy_from_slice(&id.0),
        };
        let copies = values.into_iter().map(copy);
        Ok((id, std::iter::once(made).chain(copies).collect()))
    }
}

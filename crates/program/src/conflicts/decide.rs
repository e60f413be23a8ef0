//! Settling a conflict: take one candidate, enter another value, or keep both.

use bytes::Bytes;
use domain::{
    Conflict, Finding, KindSpec, Preset, Purpose, Subject, Suggestion, across,
    authority::NewState,
    effective::{deletion, effective_with},
    label::Language,
    value::{self, Input, RegisterEdit},
};
use prost::Message as _;
use proto::ledger::{Decision, DecisionChoice};
use replica::{Edit, Record, RecordId, RegisterId, ScopeId, Set, Sibling, Source};
use serde_json::{Map, Value};

use super::{Docket, after, open_of, seen_context, suggested::suggested, words};
use crate::{
    app::App,
    failure::{Exit, Failure},
    records::{
        Desk, InScope, Scopes, Seen, Shown, allowed, before_and_after, find, made_edit, meaning,
        new_id, reason_of, set_of_text, shown,
    },
};

/// How a conflict is settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// One of the candidates, counted from 1.
    Take(usize),
    /// Another value, as `field=value` texts.
    Edit(Vec<String>),
    /// All items of all candidates, for sets.
    KeepBoth,
}

/// Why a conflict is settled so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason<'a> {
    /// As whoever decides says.
    Said(&'a str),
    /// By the preset of a rule, which whoever decides has named.
    Rule {
        /// The rule, as `R03`.
        rule: &'static str,
        /// What is said instead of the rule's own sentence.
        said: Option<&'a str>,
        /// The language of that sentence.
        language: Language,
    },
}

impl<'a> From<&'a str> for Reason<'a> {
    fn from(said: &'a str) -> Self {
        Self::Said(said)
    }
}

impl Reason<'_> {
    /// The rule that is named.
    fn rule(&self) -> Option<&'static str> {
        match self {
            Self::Said(_) => None,
            Self::Rule { rule, .. } => Some(*rule),
        }
    }

    /// The text that is kept. A rule is named only for what it suggests.
    fn text(
        &self,
        choice: &Choice,
        suggested: impl FnOnce() -> Result<Preset, Failure>,
    ) -> Result<String, Failure> {
        let (rule, said, language) = match *self {
            Self::Said(text) => return reason_of(text),
            Self::Rule {
                rule,
                said,
                language,
            } => (rule, said, language),
        };
        let preset = suggested()?;
        let fits = match (choice, preset.suggestion) {
            (Choice::Take(chosen), Suggestion::Take(suggested)) => *chosen == suggested,
            (Choice::KeepBoth, Suggestion::KeepBoth) => true,
            _ => false,
        };
        if preset.rule != rule || !fits {
            return Err(Failure::new("CONFLICT-017", Exit::Invalid).with("rule", rule));
        }
        said.map_or_else(|| Ok(preset.reason(language)), reason_of)
    }
}

/// A decision after it was written.
#[derive(Clone, Debug)]
pub struct Decided {
    /// The decision's id.
    pub decision: RecordId,
    /// The record's document.
    pub document: Map<String, Value>,
    /// Whether the conflict is still open: a candidate had arrived that was not shown.
    pub is_open: bool,
    /// What to know about the value that was entered.
    pub warnings: Vec<Finding>,
}

/// Settles a conflict as it was shown: with a token, what the token shows.
///
/// # Errors
/// The conflict is not open, its author decides it (exit code 4), there is no authority for it
/// (4), the choice does not fit, also not the rule that is named (6), or the store failed.
pub fn decide<'a>(
    app: &App,
    docket: &Docket,
    choice: &Choice,
    seen: Option<&Seen>,
    reason: impl Into<Reason<'a>>,
) -> Result<Decided, Failure> {
    let (decision, warnings) = carry(app, docket, choice, seen, reason.into())?;
    let (mut document, is_open) = after(app, docket)?;
    document.insert("decision".to_owned(), decision.to_string().into());
    Ok(Decided {
        decision,
        document,
        is_open,
        warnings,
    })
}

/// Writes a decision. Returns its id, and what to know about the value that was entered.
pub(super) fn carry(
    app: &App,
    docket: &Docket,
    choice: &Choice,
    seen: Option<&Seen>,
    reason: Reason<'_>,
) -> Result<(RecordId, Vec<Finding>), Failure> {
    let stored = find(app, docket.key)?;
    let (record, home) = (stored.record, stored.home);
    let kind = kind_of_docket(app, docket)?;
    open_of(&meaning(app, &record)?, docket, Some(kind))?;
    let shown = shown(app, &record, seen)?;
    let past = |register, dot| shown.past.value(register, dot);
    let seen_meaning = effective_with(app.catalogue, &shown.record, &past);
    let open = open_of(&seen_meaning, docket, Some(kind))?;
    let code = Scopes::new(app).code(home)?;
    let preset = reason.rule();
    let reason = reason.text(choice, || suggested(app, docket.key, (kind, &code), open))?;
    not_own_words(app, &open.candidates)?;
    let case = Case {
        app,
        kind,
        docket,
        record: &record,
        home,
        shown: &shown,
        open,
        reason: &reason,
        preset,
    };
    let (value, warnings) = case.value(choice, seen)?;
    let set = [(docket.register, value.clone())];
    let new = NewState {
        key: record.key,
        scope: home,
        set: &set,
    };
    allowed(app, Purpose::Decision, Some(&record), &new)?;
    let (decision, edits) = case.edits(choice, value)?;
    app.writer.edit(edits, Vec::new())?;
    Ok((decision, warnings))
}

/// Nobody decides over their own words, also where a decision or an undo has carried them on.
fn not_own_words(app: &App, candidates: &[Sibling]) -> Result<(), Failure> {
    let (scopes, author) = (Scopes::new(app), app.author());
    for candidate in candidates {
        if words::are_of(&scopes, &words::of(app, candidate)?, &author)? {
            return Err(own_words(&author));
        }
    }
    Ok(())
}

/// The refusal of somebody who would decide over their own words.
pub(super) fn own_words(author: &str) -> Failure {
    Failure::new("CONFLICT-003", Exit::Refused).with("author", author)
}

pub(super) fn kind_of_docket(app: &App, docket: &Docket) -> Result<&'static KindSpec, Failure> {
    app.catalogue.kind(docket.key.kind).ok_or_else(|| {
        Failure::new("RECORD-001", Exit::Invalid)
            .with("kind", docket.key.kind.0)
            .with("known", "")
    })
}

/// A conflict as it was shown to whoever decides.
struct Case<'a> {
    app: &'a App,
    kind: &'static KindSpec,
    docket: &'a Docket,
    record: &'a Record,
    home: ScopeId,
    shown: &'a Shown,
    open: &'a Conflict,
    reason: &'a str,
    preset: Option<&'static str>,
}

impl Case<'_> {
    /// The value that the choice gives the register.
    fn value(
        &self,
        choice: &Choice,
        seen: Option<&Seen>,
    ) -> Result<(Bytes, Vec<Finding>), Failure> {
        let value = match choice {
            Choice::Take(number) => self.taken(*number, seen)?,
            Choice::Edit(sets) => return self.entered(sets),
            Choice::KeepBoth => self.joined()?,
        };
        Ok((value, Vec::new()))
    }

    fn taken(&self, number: usize, seen: Option<&Seen>) -> Result<Bytes, Failure> {
        let all = &self.open.candidates;
        let candidate = number.checked_sub(1).and_then(|at| all.get(at));
        let candidate = candidate.ok_or_else(|| {
            Failure::new("CONFLICT-004", Exit::Invalid)
                .with("n", number)
                .with("max", all.len())
        })?;
        if self.docket.register != RegisterId::DELETED {
            return Ok(candidate.value.clone());
        }
        let is_deletion = candidate.register == RegisterId::DELETED && !candidate.value.is_empty();
        if !is_deletion {
            // An edit taken against a deletion restores the record.
            return Ok(Bytes::new());
        }
        let context = match seen {
            Some(seen) => seen_context(self.record, seen),
            None => self.record.context.clone(),
        };
        Ok(deletion(self.reason, &self.app.author(), &context))
    }

    fn entered(&self, sets: &[String]) -> Result<(Bytes, Vec<Finding>), Failure> {
        let desk = Desk::new(self.app)?;
        let set = set_of_text(sets)?;
        let is_other = |name: &str| {
            self.kind
                .field(name)
                .is_none_or(|field| field.register != self.docket.register)
        };
        if let Some((name, _)) = set.iter().find(|(name, _)| is_other(name)) {
            return Err(Failure::new("CONFLICT-006", Exit::Invalid).with("field", name));
        }
        let resolve = InScope::new(desk.known(), self.home);
        let base = |register| self.shown.value(self.app, register);
        let edits = value::edits(self.app.catalogue, self.kind, &base, set, &resolve)?;
        let Some(edit) = edits.first() else {
            return Err(Failure::new("RECORD-009", Exit::Usage));
        };
        let warnings = self.judged(&desk, edit)?;
        Ok((edit.value.clone(), warnings))
    }

    /// Asks the rules about a value that nobody has saved before.
    fn judged(&self, desk: &Desk<'_>, edit: &RegisterEdit) -> Result<Vec<Finding>, Failure> {
        let edits = std::slice::from_ref(edit);
        let (before, after) = before_and_after(self.app, self.shown, edits);
        let subject = Subject {
            kind: self.kind,
            id: self.record.key.id,
            scope: self.home,
            before: Some(&before),
            after: &after,
        };
        desk.judge(&subject, edits)
    }

    /// The items of all candidates.
    fn joined(&self) -> Result<Bytes, Failure> {
        let unfit = || Failure::new("CONFLICT-005", Exit::Invalid);
        let register = self.kind.register(self.docket.register).ok_or_else(unfit)?;
        let mut fields = self.kind.fields_of(register);
        let (Some(field), None) = (fields.next().filter(|field| field.is_set()), fields.next())
        else {
            return Err(unfit());
        };
        let items = self.open.candidates.iter().flat_map(|sibling| {
            match value::register_json(Some(self.kind), register.id, &sibling.value) {
                Value::Array(items) => items,
                _ => Vec::new(),
            }
        });
        let items: Value = items.collect();
        let base = |register| self.shown.value(self.app, register);
        let set = [(field.id.as_str(), Input::Json(&items))];
        let edits = value::edits(
            self.app.catalogue,
            self.kind,
            &base,
            set,
            &domain::NoResolve,
        )
        .map_err(|findings| crate::records::failure_of(&findings))?;
        edits
            .into_iter()
            .next()
            .map(|edit| edit.value)
            .ok_or_else(unfit)
    }

    /// The decision and the candidate that carries it out.
    fn edits(&self, choice: &Choice, value: Bytes) -> Result<(RecordId, Vec<Edit>), Failure> {
        let (choice, taken) = match choice {
            Choice::Take(number) => (DecisionChoice::Take, u32::try_from(*number).ok()),
            Choice::Edit(_) => (DecisionChoice::Edit, None),
            Choice::KeepBoth => (DecisionChoice::KeepBoth, None),
        };
        let kept = |sibling| words::kept(self.app, *self.docket, sibling);
        let candidates = self.open.candidates.iter().map(kept);
        let decision = Decision {
            record: Some(across::name(self.app.catalogue, self.docket.key)),
            register: Some(self.docket.register.0),
            candidates: candidates.collect::<Result<_, _>>()?,
            choice: Some(choice.into()),
            taken,
            value: Some(value.to_vec()),
            reason: Some(self.reason.to_owned()),
            decided_by: Some(self.app.author()),
            preset: self.preset.map(str::to_owned),
            ..Decision::default()
        };
        let id = new_id(self.app);
        let scope = self.home;
        let record = made_edit(
            self.app,
            "decision",
            (id, self.home),
            &decision.encode_to_vec(),
            (self.reason, Source::Decision),
        )?;
        let register = self.docket.register;
        let shown = self
            .shown
            .record
            .register(register)
            .iter()
            .map(Sibling::shown)
            .collect();
        let carried_out = Edit {
            key: self.docket.key,
            scope,
            set: vec![Set {
                register,
                value,
                shown,
            }],
            author: self.app.author(),
            reason: self.reason.to_owned(),
            source: Source::Decision,
            decision: Bytes::copy_from_slice(&id.0),
        };
        Ok((id, vec![record, carried_out]))
    }
}

//! Deciding many conflicts at once: one preset, one field, and the list is seen first.
//!
//! A plan lists what would be decided and names what is left out, with the reason. Its token stands
//! for exactly this list, its candidates and whoever saw it: carried out is only what was shown,
//! and each docket is decided as it was shown, so that a value that arrives meanwhile stays.

use domain::{KindSpec, Suggestion, preset};
use replica::{RegisterId, ScopeId};
use serde_json::Value;

use super::{Choice, Docket, State, decide::carry, each_open, files::Files, is_open, words};
use crate::{
    app::App,
    failure::{Exit, Failure},
    records::{Scopes, Seen, find, kind_of, reason_of, register_of, register_value},
};

/// What is to be decided together.
#[derive(Clone, Copy, Debug)]
pub struct Bulk {
    /// The rule whose preset is applied.
    pub rule: &'static str,
    /// The kind of the records.
    pub kind: &'static KindSpec,
    /// The field, or the first of its group.
    pub register: RegisterId,
    /// Only in this scope.
    pub scope: Option<ScopeId>,
}

impl Bulk {
    /// Reads a rule and `KIND.FIELD`.
    ///
    /// # Errors
    /// There is no such rule, kind or field.
    pub fn parse(
        app: &App,
        rule: &str,
        field: &str,
        scope: Option<ScopeId>,
    ) -> Result<Self, Failure> {
        let known = preset::RULES;
        let wanted = rule.trim().to_ascii_uppercase();
        let rule = known
            .iter()
            .find(|known| **known == wanted)
            .ok_or_else(|| {
                Failure::new("CONFLICT-011", Exit::Invalid)
                    .with("rule", rule)
                    .with("known", known.join(", "))
            })?;
        let bad = || Failure::new("CONFLICT-012", Exit::Invalid).with("field", field);
        let (kind, name) = field.trim().split_once('.').ok_or_else(bad)?;
        let kind = kind_of(app, kind)?;
        let register = register_of(Some(kind), name).ok_or_else(bad)?;
        Ok(Self {
            rule,
            kind,
            register,
            scope,
        })
    }
}

/// One docket of a plan.
#[derive(Clone, Debug)]
pub struct Row {
    /// The docket.
    pub docket: Docket,
    /// What would be chosen.
    pub choice: Choice,
    /// The record as it is shown.
    pub seen: Seen,
    /// The values that stand against each other.
    pub values: Vec<Value>,
    /// The chosen one; none for the items of all.
    pub chosen: Option<Value>,
    /// Who wrote the candidates.
    pub authors: Vec<String>,
}

/// Why a docket is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Whoever decides wrote one of its sides.
    OwnWords,
    /// The rule names no side here.
    NoSide,
    /// Another rule fits it.
    OtherRule,
    /// It was put off.
    Deferred,
    /// The district was asked.
    Returned,
}

impl Why {
    /// Its name in commands and files.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::OwnWords => "own_words",
            Self::NoSide => "no_side",
            Self::OtherRule => "other_rule",
            Self::Deferred => "deferred",
            Self::Returned => "returned",
        }
    }
}

/// What would be decided.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The dockets, ascending.
    pub rows: Vec<Row>,
    /// Those of the same field that are left out.
    pub left_out: Vec<(Docket, Why)>,
    /// Stands for exactly this list.
    pub token: String,
}

/// What became of the rows of a plan.
#[derive(Clone, Debug, Default)]
pub struct Done {
    /// Those that were decided.
    pub decided: Vec<Docket>,
    /// Those that were decided and are still open: another value had arrived.
    pub open: Vec<Docket>,
    /// Those that were not, and why.
    pub failed: Vec<(Docket, Failure)>,
}

/// Lists what a bulk decision would do. Nothing is written.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn plan(app: &App, bulk: &Bulk) -> Result<Plan, Failure> {
    let files = Files::of(app, bulk.scope)?;
    let (scopes, author, today) = (Scopes::new(app), app.author(), app.today());
    let mut plan = Plan::default();
    let mut hash = blake3::Hasher::new();
    hash.update(
        format!(
            "{}\0{}\0{}\0{author}",
            bulk.rule, bulk.kind.id, bulk.register.0
        )
        .as_bytes(),
    );
    each_open(app, &mut |stored, meaning| {
        let record = &stored.record;
        let other_scope = bulk.scope.is_some_and(|scope| scope != stored.home);
        if record.key.kind != bulk.kind.kind || other_scope {
            return Ok(());
        }
        let own = |open: &&domain::Conflict| open.register == bulk.register;
        let Some(open) = meaning.conflicts.iter().find(own) else {
            return Ok(());
        };
        let docket = Docket {
            key: record.key,
            register: open.register,
        };
        let preset = preset(bulk.kind, open, &scopes.code(stored.home)?);
        let choice = match preset.suggestion {
            Suggestion::Take(number) => Some(Choice::Take(number)),
            Suggestion::KeepBoth => Some(Choice::KeepBoth),
            Suggestion::Nothing => None,
        };
        let mut is_own = false;
        for candidate in &open.candidates {
            is_own |= words::of(app, candidate)?.contains(&author);
        }
        let why = match files.state(&docket, open, today) {
            _ if preset.rule != bulk.rule => Some(Why::OtherRule),
            _ if is_own => Some(Why::OwnWords),
            State::Deferred(_) => Some(Why::Deferred),
            State::Returned => Some(Why::Returned),
            State::Open | State::Decided => None,
        };
        let (None, Some(choice)) = (why, choice) else {
            plan.left_out.push((docket, why.unwrap_or(Why::NoSide)));
            return Ok(());
        };
        let row = row(bulk.kind, docket, choice, (record, open));
        hash.update(docket.id(Some(bulk.kind)).as_bytes());
        hash.update(format!("{:?}", row.choice).as_bytes());
        hash.update(row.seen.token().as_bytes());
        plan.rows.push(row);
        Ok(())
    })?;
    let token = hash.finalize().to_hex();
    plan.token = token.get(..16).unwrap_or_default().to_owned();
    Ok(plan)
}

fn row(
    kind: &KindSpec,
    docket: Docket,
    choice: Choice,
    (record, open): (&replica::Record, &domain::Conflict),
) -> Row {
    let value = |s: &replica::Sibling| register_value(Some(kind), s.register, &s.value);
    let values: Vec<Value> = open.candidates.iter().map(value).collect();
    let chosen = match choice {
        Choice::Take(number) => number.checked_sub(1).and_then(|at| values.get(at).cloned()),
        Choice::Edit(_) | Choice::KeepBoth => None,
    };
    let authors = open.candidates.iter().map(|s| s.write.author.clone());
    Row {
        docket,
        choice,
        seen: Seen::of(record),
        chosen,
        authors: authors.collect(),
        values,
    }
}

impl Plan {
    /// Decides what the plan lists, if the token stands for it.
    ///
    /// # Errors
    /// The token stands for another list: something has changed, or nobody looked. Nothing is
    /// decided then. What fails on the way is in the result.
    pub fn carry_out(
        &self,
        app: &App,
        bulk: &Bulk,
        token: &str,
        reason: &str,
    ) -> Result<Done, Failure> {
        let reason = reason_of(reason)?;
        if token.trim() != self.token {
            return Err(Failure::new("CONFLICT-013", Exit::Refused));
        }
        let mut done = Done::default();
        for row in &self.rows {
            let by = (reason.as_str(), Some(bulk.rule));
            let carried = carry(app, &row.docket, &row.choice, Some(&row.seen), by);
            let open = carried.and_then(|_decision| {
                let stored = find(app, row.docket.key)?;
                is_open(app, &stored, &row.docket)
            });
            match open {
                Ok(true) => done.open.push(row.docket),
                Ok(false) => done.decided.push(row.docket),
                Err(failure) if matches!(failure.exit, Exit::Store | Exit::Failed) => {
                    return Err(failure);
                }
                Err(failure) => done.failed.push((row.docket, failure)),
            }
        }
        Ok(done)
    }
}

//! Deciding many conflicts at once: one preset or one side of one source, one field, and the list is
//! seen first.
//!
//! A plan lists what would be decided and names what is left out, with the reason. Its token stands
//! for exactly this list, its candidates and whoever saw it: carried out is only what was shown,
//! and each docket is decided as it was shown, so that a value that arrives meanwhile stays.

use domain::{Conflict, KindSpec, Preset, Suggestion, preset};
use replica::{RegisterId, ScopeId, Sibling};
use serde_json::Value;

use super::{
    Choice, Docket, Reason, State, decide::carry, each_open, files::Files, is_open, storm,
    suggested::suggested, words,
};
use crate::{
    app::App,
    failure::{Exit, Failure},
    records::{Scopes, Seen, Sight, find, kind_of, reason_of, register_of},
};

/// Which candidate is taken in each of the dockets.
#[derive(Clone, Debug)]
pub enum By {
    /// The one that the preset of a rule suggests.
    Preset(&'static str),
    /// A side of one source, named by the id of its storm: where no preset names a side, a person
    /// may say one for all that the source has made.
    Storm(String, Side),
}

/// A side of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The value of the source.
    Source,
    /// The one value that stands against it.
    Other,
}

impl By {
    /// Reads a rule.
    ///
    /// # Errors
    /// There is no such rule.
    pub fn rule(text: &str) -> Result<Self, Failure> {
        rule_of(text).map(Self::Preset)
    }

    /// The rule that decides; none where a person names the side.
    #[must_use]
    pub fn preset(&self) -> Option<&'static str> {
        match self {
            Self::Preset(rule) => Some(rule),
            Self::Storm(..) => None,
        }
    }

    /// What stands for it in a token.
    fn named(&self) -> String {
        match self {
            Self::Preset(rule) => (*rule).to_owned(),
            Self::Storm(id, side) => format!("{id} {side:?}"),
        }
    }

    /// Whether a conflict is of the source that was named.
    fn is_about(&self, scopes: &Scopes<'_>, open: &Conflict) -> Result<bool, Failure> {
        match self {
            Self::Preset(_) => Ok(true),
            Self::Storm(id, _) => Ok(of_source(scopes, id, open)?.contains(&true)),
        }
    }

    fn choice(
        &self,
        scopes: &Scopes<'_>,
        suggested: impl FnOnce() -> Result<Preset, Failure>,
        open: &Conflict,
    ) -> Result<Result<Choice, Why>, Failure> {
        Ok(match self {
            Self::Preset(rule) => {
                let preset = suggested()?;
                match preset.suggestion {
                    _ if preset.rule != *rule => Err(Why::OtherRule),
                    Suggestion::Take(number) => Ok(Choice::Take(number)),
                    Suggestion::KeepBoth => Ok(Choice::KeepBoth),
                    Suggestion::Nothing => Err(Why::NoSide),
                }
            }
            Self::Storm(id, side) => {
                let of_source = of_source(scopes, id, open)?;
                let all = of_source.iter().enumerate();
                let mut fits = all.filter(|(_, is_its)| **is_its == (*side == Side::Source));
                match (fits.next(), fits.next()) {
                    (Some((at, _)), None) => Ok(Choice::Take(at + 1)),
                    _ => Err(Why::NoSide),
                }
            }
        })
    }
}

/// Which candidates of a conflict are of a source.
fn of_source(scopes: &Scopes<'_>, id: &str, open: &Conflict) -> Result<Vec<bool>, Failure> {
    let candidates = open.candidates.iter();
    candidates
        .map(|one| storm::is_of(scopes, id, one))
        .collect()
}

/// The rule with a code.
///
/// # Errors
/// There is no such rule.
pub fn rule_of(text: &str) -> Result<&'static str, Failure> {
    let known = preset::RULES;
    let wanted = text.trim().to_ascii_uppercase();
    let found = known.iter().find(|known| **known == wanted);
    found.copied().ok_or_else(|| {
        Failure::new("CONFLICT-011", Exit::Invalid)
            .with("rule", text)
            .with("known", known.join(", "))
    })
}

/// What is to be decided together.
#[derive(Clone, Debug)]
pub struct Bulk {
    /// Which candidate is taken.
    pub by: By,
    /// The kind of the records.
    pub kind: &'static KindSpec,
    /// The field, or the first of its group.
    pub register: RegisterId,
    /// Only in this scope.
    pub scope: Option<ScopeId>,
}

impl Bulk {
    /// Reads `KIND.FIELD`.
    ///
    /// # Errors
    /// There is no such kind or field.
    pub fn parse(app: &App, by: By, field: &str, scope: Option<ScopeId>) -> Result<Self, Failure> {
        let bad = || Failure::new("CONFLICT-012", Exit::Invalid).with("field", field);
        let (kind, name) = field.trim().split_once('.').ok_or_else(bad)?;
        let kind = kind_of(app, kind)?;
        let register = register_of(Some(kind), name).ok_or_else(bad)?;
        Ok(Self {
            by,
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
    /// The rule names no side here, or the side that was named has not one value.
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
/// No conflict is of the source that was named, or the store is damaged or cannot be read.
pub fn plan(app: &App, bulk: &Bulk) -> Result<Plan, Failure> {
    let files = Files::of(app, bulk.scope)?;
    let (scopes, author, today) = (Scopes::new(app), app.author(), app.today());
    let mut plan = Plan::default();
    let mut hash = blake3::Hasher::new();
    hash.update(
        format!(
            "{}\0{}\0{}\0{author}",
            bulk.by.named(),
            bulk.kind.id,
            bulk.register.0
        )
        .as_bytes(),
    );
    let mut is_known = false;
    each_open(app, &mut |stored, meaning| {
        let mut asked = None;
        for open in &meaning.conflicts {
            let is_about = bulk.by.is_about(&scopes, open)?;
            is_known |= is_about;
            if is_about && open.register == bulk.register {
                asked = Some(open);
            }
        }
        let record = &stored.record;
        let other_scope = bulk.scope.is_some_and(|scope| scope != stored.home);
        if record.key.kind != bulk.kind.kind || other_scope {
            return Ok(());
        }
        let Some(open) = asked else {
            return Ok(());
        };
        let docket = Docket {
            key: record.key,
            register: open.register,
        };
        let code = scopes.code(stored.home)?;
        let suggested = || suggested(app, docket.key, (bulk.kind, &code), open);
        let choice = bulk.by.choice(&scopes, suggested, open)?;
        let mut is_own = false;
        for candidate in &open.candidates {
            is_own |= words::are_of(&scopes, &words::of(app, candidate)?, &author)?;
        }
        let why = match (&choice, files.state(&docket, open, today)) {
            (Err(Why::OtherRule), _) => Some(Why::OtherRule),
            _ if is_own => Some(Why::OwnWords),
            (_, State::Deferred(_)) => Some(Why::Deferred),
            (_, State::Returned) => Some(Why::Returned),
            (choice, State::Open | State::Decided) => choice.as_ref().err().copied(),
        };
        let (None, Ok(choice)) = (why, choice) else {
            plan.left_out.push((docket, why.unwrap_or(Why::NoSide)));
            return Ok(());
        };
        let row = row(&Sight::of(app, stored), docket, choice, (record, open));
        hash.update(docket.id(Some(bulk.kind)).as_bytes());
        hash.update(format!("{:?}", row.choice).as_bytes());
        hash.update(row.seen.token().as_bytes());
        plan.rows.push(row);
        Ok(())
    })?;
    if let (false, By::Storm(id, _)) = (is_known, &bulk.by) {
        return Err(Failure::new("CONFLICT-015", Exit::Invalid).with("id", id));
    }
    let token = hash.finalize().to_hex();
    plan.token = token.get(..16).unwrap_or_default().to_owned();
    Ok(plan)
}

fn row(
    sight: &Sight<'_>,
    docket: Docket,
    choice: Choice,
    (record, open): (&replica::Record, &Conflict),
) -> Row {
    let value = |s: &Sibling| sight.register(s.register, &s.value);
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
    pub fn carry_out(&self, app: &App, token: &str, reason: Reason<'_>) -> Result<Done, Failure> {
        if let Reason::Said(text)
        | Reason::Rule {
            said: Some(text), ..
        } = reason
        {
            reason_of(text)?;
        }
        if token.trim() != self.token {
            return Err(Failure::new("CONFLICT-013", Exit::Refused));
        }
        let mut done = Done::default();
        for row in &self.rows {
            let carried = carry(app, &row.docket, &row.choice, Some(&row.seen), reason);
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

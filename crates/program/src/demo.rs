//! Filling a store for demonstration with what its owner would have entered.
//!
//! Everything goes through the rules and the writer as an import does. What is there already is left
//! as it is, so a second filling changes nothing, and one that was interrupted is completed. The city
//! answers the work of a district when that has come; until then it waits.

use std::collections::BTreeSet;

use domain::{
    NoResolve, across,
    demo::{CITY, CITY_DIRECT, Demo, Made, When, scopes},
    value,
};
use replica::{RecordKey, Source};
use serde_json::{Value, json};

use crate::{
    app::App,
    conflicts,
    failure::{Exit, Failure},
    output::Out,
    records::{Batcher, Change, Desk, kind_of, meaning, set_of_json},
};

#[cfg(test)]
mod tests;

/// What every screen, sheet and file with demo data says.
pub(crate) const BANNER: (&str, &str) = ("演示数据，均为虚构", "Demo data, all fictional");

/// Who takes the steps that nobody takes after themselves.
const REVIEWER: &str = "demo-reviewer";

/// The reason of every write.
const REASON: &str = "演示数据";

/// Refusals that are told one by one.
const REFUSALS_TOLD: usize = 10;

/// What became of a filling.
#[derive(Debug, Default)]
pub struct Filled {
    /// Records made.
    pub created: usize,
    /// Records that were gone on with.
    pub changed: usize,
    /// What was there already, or had gone on by itself.
    pub kept: usize,
    /// Scopes whose work has not come yet: the city answers it later.
    pub waiting: Vec<String>,
    /// Records of answers that refer to what is not here.
    pub missing: usize,
    /// Warnings by rule.
    pub warnings: std::collections::BTreeMap<&'static str, usize>,
    /// Records refused.
    pub refused: usize,
    /// The first of them: what, and why.
    pub refusals: Vec<(String, Failure)>,
}

/// Says for people that a store is for demonstration.
pub fn banner(app: &App, out: &mut Out) {
    if app.identity.demo && !out.json {
        let text = out.say(BANNER.0, BANNER.1).to_owned();
        out.note(text);
    }
}

/// Fills a store with the part of a demo that its owner makes.
///
/// # Errors
/// The store is no store for demonstration or of another city, too many conflicts wait, or the store
/// failed.
pub fn fill(
    app: &App,
    demo: &Demo,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Filled, Failure> {
    if !app.identity.demo {
        return Err(Failure::new("DEMO-001", Exit::Refused));
    }
    let city = &app.identity.published.code;
    if city != CITY {
        return Err(Failure::new("DEMO-002", Exit::Refused).with("city", city));
    }
    conflicts::guard(app)?;
    let app = &App {
        today: Some(demo.today),
        ..app.clone()
    };
    let reviewer = &App {
        account: REVIEWER.to_owned(),
        ..app.clone()
    };
    let own = &app.identity.scope.code;
    let has_own = !app.is_hub() || demo.scopes().iter().any(|it| it.code == *own);
    let mut filled = Filled::default();
    let mut fill = Fill::new(app, &mut filled)?;
    if app.is_hub() {
        fill.all(demo.published())?;
    }
    if has_own {
        let total = usize::try_from(demo.size.organisations).unwrap_or(usize::MAX);
        let mut done = 0;
        let records = demo.records(own).filter(|made| made.when == When::New);
        fill.all(records.inspect(|made| {
            done += usize::from(made.kind == "organisation");
            if done % 64 == 0 {
                progress(done, total);
            }
        }))?;
    }
    fill.finish()?;
    let mut fill = Fill::new(reviewer, &mut filled)?;
    if has_own {
        fill.all(demo.records(own).filter(|made| made.when != When::New))?;
    }
    if app.is_hub() {
        fill.answers(demo)?;
    }
    fill.finish()?;
    Ok(filled)
}

/// One account at work.
struct Fill<'a> {
    app: &'a App,
    desk: Desk<'a>,
    batcher: Batcher<String>,
    filled: &'a mut Filled,
}

impl<'a> Fill<'a> {
    fn new(app: &'a App, filled: &'a mut Filled) -> Result<Self, Failure> {
        Ok(Self {
            app,
            desk: Desk::new(app)?,
            batcher: Batcher::new(app.writer.clone()),
            filled,
        })
    }

    fn all(&mut self, made: impl Iterator<Item = Made>) -> Result<(), Failure> {
        for made in made {
            self.one(&made)?;
        }
        Ok(())
    }

    /// What the city adds to the work of the scopes whose work is here.
    fn answers(&mut self, demo: &Demo) -> Result<(), Failure> {
        for scope in scopes() {
            let code = scope.code;
            let is_own = code == CITY_DIRECT;
            let Some(first) = demo.records(&code).find(|made| made.kind == "organisation") else {
                continue;
            };
            if self.app.reader().get(self.key(&first)?)?.is_none() {
                if !is_own && demo.scopes().iter().any(|it| it.code == code) {
                    self.filled.waiting.push(code);
                }
                continue;
            }
            let mut made_here = BTreeSet::new();
            for made in demo.answers(&code) {
                if self.lacks(&made, &made_here)? {
                    self.filled.missing += 1;
                    continue;
                }
                made_here.insert(self.key(&made)?);
                self.one(&made)?;
            }
        }
        Ok(())
    }

    /// Whether a record refers to something that is not here.
    fn lacks(&self, made: &Made, made_here: &BTreeSet<RecordKey>) -> Result<bool, Failure> {
        let (app, kind) = (self.app, kind_of(self.app, made.kind)?);
        let nothing = |_| bytes::Bytes::new();
        let edits = value::edits_from_json(app.catalogue, kind, &nothing, &made.values, &NoResolve);
        let values: Vec<u8> = edits
            .unwrap_or_default()
            .iter()
            .flat_map(|edit| edit.value.to_vec())
            .collect();
        for (_, key) in across::references(app.catalogue, kind, &values) {
            if !made_here.contains(&key) && app.reader().get(key)?.is_none() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn key(&self, made: &Made) -> Result<RecordKey, Failure> {
        Ok(RecordKey {
            kind: kind_of(self.app, made.kind)?.kind,
            id: made.id,
        })
    }

    fn one(&mut self, made: &Made) -> Result<(), Failure> {
        let key = self.key(made)?;
        if made.when != When::New {
            // Who goes on with a record sees all that was written of it and around it.
            self.batcher.settle_all();
        }
        if !self.is_due(made, key)? {
            return Ok(());
        }
        let change = Change {
            kind: kind_of(self.app, made.kind)?,
            id: Some(made.id),
            set: set_of_json(&made.values),
            seen: None,
            scope: None,
            reason: REASON,
            source: Source::Import,
        };
        let mut prepared = self.desk.prepare(&change);
        if prepared.as_ref().is_ok_and(|prepared| prepared.is_step) {
            // What follows from it is looked for among records that may be on their way.
            self.batcher.settle_all();
            prepared = self.desk.prepare(&change);
        }
        match prepared {
            Ok(prepared) => {
                self.desk.note(&prepared)?;
                for warning in &prepared.warnings {
                    *self.filled.warnings.entry(warning.rule).or_default() += 1;
                }
                if prepared.edit.is_none() {
                    self.filled.kept += 1;
                    return Ok(());
                }
                match made.when {
                    When::New => self.filled.created += 1,
                    When::State(_) | When::Unset => self.filled.changed += 1,
                }
                self.batcher
                    .submit(prepared.edits(), Vec::new(), name(made));
                self.collect()
            }
            Err(failure) => self.filled.refuse(name(made), failure),
        }
    }

    /// Whether it is to be written now; counts what is not.
    fn is_due(&mut self, made: &Made, key: RecordKey) -> Result<bool, Failure> {
        let stored = self.app.reader().get(key)?;
        let stored = stored.filter(|stored| !stored.record.is_empty());
        let is_due = match (made.when, stored) {
            (When::New, stored) => stored.is_none(),
            (_, None) => {
                self.filled.missing += 1;
                return Ok(false);
            }
            (when, Some(stored)) => {
                let kind = kind_of(self.app, made.kind)?;
                let meaning = meaning(self.app, &stored.record)?;
                let said = value::to_json(kind, &meaning.values);
                let unset = |field: &String| match said.get(field) {
                    None | Some(Value::Null) => true,
                    Some(Value::Array(items)) => items.is_empty(),
                    Some(_) => false,
                };
                !meaning.deleted
                    && match when {
                        When::State(from) => said.get("status").is_some_and(|it| it == from),
                        When::New | When::Unset => made.values.keys().all(unset),
                    }
            }
        };
        self.filled.kept += usize::from(!is_due);
        Ok(is_due)
    }

    fn collect(&mut self) -> Result<(), Failure> {
        for done in self.batcher.take_done() {
            answered(self.filled, done.tag, done.result)?;
        }
        Ok(())
    }

    /// Waits until everything is durable.
    fn finish(self) -> Result<(), Failure> {
        for done in self.batcher.finish() {
            answered(self.filled, done.tag, done.result)?;
        }
        Ok(())
    }
}

fn name(made: &Made) -> String {
    format!("{}/{}", made.kind, made.id)
}

fn answered<T>(filled: &mut Filled, of: String, result: Result<T, Failure>) -> Result<(), Failure> {
    let Err(failure) = result else { return Ok(()) };
    filled.created = filled.created.saturating_sub(1);
    filled.refuse(of, failure)
}

impl Filled {
    /// Counts a refusal; a store that fails ends the filling.
    fn refuse(&mut self, of: String, failure: Failure) -> Result<(), Failure> {
        if matches!(failure.exit, Exit::Store | Exit::Failed) {
            return Err(failure);
        }
        self.refused += 1;
        if self.refusals.len() < REFUSALS_TOLD {
            self.refusals.push((of, failure));
        }
        Ok(())
    }

    /// The JSON of the command line.
    #[must_use]
    pub fn json(&self, out: &Out) -> Value {
        let refusals = self.refusals.iter().map(|(record, failure)| {
            json!({
                "record": record, "code": failure.code, "message": failure.text(out.language),
            })
        });
        json!({
            "created": self.created,
            "changed": self.changed,
            "kept": self.kept,
            "waiting": self.waiting,
            "missing": self.missing,
            "refused": self.refused,
            "refusals": refusals.collect::<Vec<_>>(),
            "warnings": self.warnings,
        })
    }
}

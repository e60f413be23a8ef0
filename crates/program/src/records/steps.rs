//! Steps that a person saves: one at a time, with what the program writes along with them.

use domain::{
    Date, Finding, Subject,
    authority::NewState,
    date,
    state::steps,
    validate::{by_hand, first_due, stamp},
    value::{self, Input, RegisterEdit},
};
use proto::schema::StepTaken;
use replica::{Record, Source};
use serde_json::{Value, json};

use super::{
    Change, Desk,
    change::{Place, Shown, approved, before_and_after},
};
use crate::{failure::Failure, returns};

/// What a change writes, and the values of its record before and after it.
pub(super) struct Written {
    pub(super) edits: Vec<RegisterEdit>,
    pub(super) before: Vec<u8>,
    pub(super) after: Vec<u8>,
}

/// Takes out of a change the day from which its step holds: steps are given as that day alone.
fn since(change: &mut Change<'_>, today: Date) -> Result<Option<Date>, Failure> {
    let Some((field, _)) = steps::fields(change.kind) else {
        return Ok(None);
    };
    let mut given = change.set.iter().enumerate();
    let said = given.find_map(|(at, (name, input))| match input {
        Input::Text(text) if *name == field.id => Some((at, *text)),
        _ => None,
    });
    let Some((at, text)) = said else {
        return Ok(None);
    };
    let wrong = |code, zh: String, en: String| {
        Err(Failure::from(vec![Finding::input(&field.id, code, zh, en)]))
    };
    let Some(day) = date::read(text) else {
        return wrong(
            "date",
            format!("“{text}”不是有效日期，应如 2020-09-30"),
            format!("`{text}` is no date; write it like 2020-09-30"),
        );
    };
    if day > today {
        return wrong(
            "step_ahead",
            format!("{text} 还没有到，办理最迟从今天起算"),
            format!("{text} has not come; a step holds from today at the latest"),
        );
    }
    change.set.remove(at);
    Ok(Some(day))
}

fn no_step(field: &str) -> Finding {
    Finding::input(
        field,
        "no_step",
        "状态没有变更，没有可以指定日期的办理",
        "The state stays as it is, so there is no step to be given a day",
    )
}

/// Whether a person says it, field by field.
pub(super) fn is_by_hand(change: &Change<'_>) -> bool {
    matches!(change.source, Source::Command | Source::Form)
}

impl Desk<'_> {
    /// What a change writes, with the day and the signature that go with its step.
    pub(super) fn written(
        &self,
        change: &Change<'_>,
        place: &Place,
        shown: &Shown,
    ) -> Result<Written, Failure> {
        let mut change = change.clone();
        let since = since(&mut change, self.today)?;
        let plain = self.plain(&change, place, shown)?;
        let subject = Subject {
            kind: change.kind,
            id: place.present.key.id,
            scope: place.home,
            before: (!place.is_new).then_some(plain.before.as_slice()),
            after: &plain.after,
        };
        let is_given = |field: &str| change.set.iter().any(|(name, _)| *name == field);
        let mut stamps: Vec<(&str, Value)> = Vec::new();
        if let Some(day) = stamp(&subject) {
            let said = |values: &[u8]| value::to_json(change.kind, values).remove(day);
            let stood = subject.before.map_or(Some(Value::Null), said);
            // A day that was typed stays to be refused; a sheet may bring its own.
            if said(&plain.after) == stood && (is_by_hand(&change) || !is_given(day)) {
                stamps.push((day, date::text(self.today).into()));
            }
            let is_return = change.kind.id == "quarterly_return";
            if is_return && is_by_hand(&change) && !is_given("figures_hash") {
                let hash = returns::signature(self.app, place.home, &plain.after)?;
                stamps.push(("figures_hash", hash.into()));
            }
        }
        let due = first_due(&subject).filter(|(field, _)| !is_given(field));
        stamps.extend(due.map(|(field, day)| (field, day.into())));
        // Steps that a sheet brings stay; one that was exported before has those that are there.
        let taken = |values: &[u8]| steps::taken(change.kind, values);
        let is_untouched = taken(&plain.after) == subject.before.map(taken).unwrap_or_default();
        if let Some((field, _)) = steps::fields(change.kind).filter(|_| is_untouched) {
            let row = steps::after(&subject, self.today, since);
            if since.is_some() && row.is_none() {
                return Err(vec![no_step(&field.id)].into());
            }
            stamps.extend(row.map(|row| {
                let step =
                    |it: &StepTaken| json!({ "place": it.place, "state": it.state, "on": it.on });
                (field.id.as_str(), row.iter().map(step).collect())
            }));
        }
        if stamps.is_empty() {
            return Ok(plain);
        }
        for (field, value) in &stamps {
            change.set.retain(|(name, _)| name != field);
            change.set.push((field, Input::Json(value)));
        }
        self.plain(&change, place, shown)
    }

    fn plain(&self, change: &Change<'_>, place: &Place, shown: &Shown) -> Result<Written, Failure> {
        let edits = self.edits(change, place, shown)?;
        let (before, after) = before_and_after(self.app, shown, &edits);
        Ok(Written {
            edits,
            before,
            after,
        })
    }

    /// Asks whether a person may take these steps now: which one comes next is said before who may
    /// not take it.
    pub(super) fn in_turn(
        &self,
        change: &Change<'_>,
        subject: &Subject<'_>,
        existing: Option<&Record>,
        new: &NewState<'_>,
    ) -> Result<(), Failure> {
        if is_by_hand(change) {
            let skipped = by_hand(subject, self.today);
            if !skipped.is_empty() {
                return Err(skipped.into());
            }
        }
        approved(self.app, subject.kind, existing, new)
    }
}

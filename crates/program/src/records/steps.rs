//! Steps that a person saves: one at a time, with what the program writes along with them.

use domain::{
    Date, Finding, Subject,
    authority::NewState,
    date, former,
    state::steps,
    validate::{by_hand, first_due, stamp},
    value::{self, Input, RegisterEdit},
};
use proto::schema::{FormerValue, StepTaken};
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

/// Takes out of a change what it says of steps: the day from which its step holds, which is given to
/// the field of the steps, and steps that a file brings for a record that is there. That one has its own.
fn since(change: &mut Change<'_>, is_new: bool) -> Result<Option<Date>, Failure> {
    let field = steps::fields(change.kind).map_or(STEPS, |(field, _)| field.id.as_str());
    let mut given = change.set.iter().enumerate();
    let Some((at, input)) =
        given.find_map(|(at, (name, input))| (*name == field).then_some((at, input)))
    else {
        return Ok(None);
    };
    let day = match input {
        Input::Text(text) if !text.trim_start().starts_with('[') => {
            Some(date::read(text).ok_or_else(|| no_day(field, text))?)
        }
        _ if is_new || is_by_hand(change) => return Ok(None),
        _ => None,
    };
    change.set.remove(at);
    Ok(day)
}

/// The field to which the day of a step is given.
pub(crate) const STEPS: &str = "steps";

fn no_day(field: &str, text: &str) -> Failure {
    let zh = format!("“{text}”不是有效日期，应如 2020-09-30");
    let en = format!("`{text}` is no date; write it like 2020-09-30");
    vec![Finding::input(field, "date", zh, en)].into()
}

/// Steps as a form would give them.
pub(super) fn row_json(row: &[StepTaken]) -> Value {
    let step = |it: &StepTaken| json!({ "place": it.place, "state": it.state, "on": it.on });
    row.iter().map(step).collect()
}

/// Nobody types what the program keeps.
fn refuse_typed(change: &Change<'_>, field: &str) -> Result<(), Failure> {
    if change.set.iter().all(|(name, _)| *name != field) {
        return Ok(());
    }
    let zh = "此前的数值由程序填写，不能填写".to_owned();
    let en = "The program writes former values; nobody types them".to_owned();
    Err(vec![Finding::input(field, "former", zh, en)].into())
}

/// Former values as a form would give them.
fn former_json(row: &[FormerValue]) -> Value {
    let one = |it: &FormerValue| json!({ "field": it.field, "value": it.value, "until": it.until });
    row.iter().map(one).collect()
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
        let since = since(&mut change, place.is_new)?;
        // Of what is there already the program keeps them, whatever a file brings.
        let kept = former::field(change.kind).filter(|_| former::is_kept(change.kind));
        if let Some(field) = kept.filter(|_| is_by_hand(&change)) {
            refuse_typed(&change, &field.id)?;
        }
        if let Some(field) = kept.filter(|_| !place.is_new) {
            change.set.retain(|(name, _)| *name != field.id);
        }
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
        if place.is_new {
            let no = self.number(change.kind, place.home, &plain.after)?;
            stamps.extend(no.map(|no| ("no", no.into())));
        }
        let due = first_due(&subject).filter(|(field, _)| !is_given(field));
        stamps.extend(due.map(|(field, day)| (field, day.into())));
        if let Some(wrong) = since.and_then(|day| steps::wrong_day(&subject, self.today, day)) {
            return Err(vec![wrong].into());
        }
        // What a file brings of a record that is made stays where it fits.
        let is_brought = place.is_new && is_given(STEPS) && !is_by_hand(&change);
        let fits = is_brought && steps::fit(change.kind, &plain.after, self.today);
        let is_typed = !is_brought && is_given(STEPS);
        if let Some((field, _)) = steps::fields(change.kind).filter(|_| !fits && !is_typed) {
            let row = steps::after(&subject, self.today, since);
            stamps.extend(row.map(|row| (field.id.as_str(), row_json(&row))));
        }
        let row = former::after(&subject, self.today);
        stamps.extend(
            kept.zip(row)
                .map(|(field, row)| (field.id.as_str(), former_json(&row))),
        );
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

//! Steps that a person saves: one at a time, with what the program writes along with them.

use domain::{
    Subject,
    authority::NewState,
    date,
    state::steps,
    validate::{by_hand, stamp},
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
        let plain = self.plain(change, place, shown)?;
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
            if said(&plain.after) == stood && (is_by_hand(change) || !is_given(day)) {
                stamps.push((day, date::text(self.today).into()));
            }
            let is_return = change.kind.id == "quarterly_return";
            if is_return && is_by_hand(change) && !is_given("figures_hash") {
                let hash = returns::signature(self.app, place.home, &plain.after)?;
                stamps.push(("figures_hash", hash.into()));
            }
        }
        if let Some((field, _)) = steps::fields(change.kind).filter(|(it, _)| !is_given(&it.id)) {
            stamps.extend(steps::after(&subject, self.today).map(|row| {
                let step =
                    |it: &StepTaken| json!({ "place": it.place, "state": it.state, "on": it.on });
                (field.id.as_str(), row.iter().map(step).collect())
            }));
        }
        if stamps.is_empty() {
            return Ok(plain);
        }
        let mut change = change.clone();
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

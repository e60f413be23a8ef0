//! The steps that a record took, each with the day from which its state holds.
//!
//! A status is a fold over its steps (domain 7): with the days of the steps, a figure of a past day
//! asks what the state was then. The program writes a step with the change of the state; nobody types
//! one. Steps of two replicas that did not know of each other are all kept.

use std::borrow::Cow;

use proto::schema::StepTaken;
use replica::RegisterId;

use crate::{
    catalogue::{FieldSpec, KindSpec, Type},
    date::{self, Date},
    effective::decode,
    validate::{AS_IT_STANDS, Subject, state, text_of},
    wire::{self, Item},
};

/// The days that people name with a step: kind, state, field; the first that an edit names is taken. An
/// organisation is known since the day of the figures with which it is entered. Another step holds from
/// the day on which it is entered.
const NAMED: &[(&str, &str, &str)] = &[
    ("organisation", "candidate", "as_of"),
    ("organisation", "counted", "verified_on"),
    ("organisation", "counted", "as_of"),
    ("organisation", "excluded", "as_of"),
    ("organisation", "closed", "closed_on"),
    ("party_organisation", "applied", "applied_on"),
    ("party_organisation", "approved", "approved_on"),
    ("party_organisation", "active", "established_on"),
    ("party_organisation", "dissolved", "dissolved_on"),
    ("carrier", "running", "started_on"),
    ("platform", "built", "built_on"),
    ("problem_item", "registered", "registered_on"),
    ("problem_item", "closed", "closed_on"),
    ("demonstration_point", "revoked", "revoked_on"),
];

/// States that end what they are states of.
const ENDS: &[&str] = &["closed", "dissolved", "revoked"];

/// Steps of one record that are kept; of more the oldest go. The history has them all.
const KEPT: usize = 100;

/// The field of a kind's steps, and the one whose states they are.
#[must_use]
pub fn fields(kind: &KindSpec) -> Option<(&FieldSpec, &FieldSpec)> {
    let steps = kind.fields.iter().find(|it| it.value_type == Type::Steps)?;
    Some((steps, kind.field(steps.reference.as_deref()?)?))
}

/// Whether a register holds steps: what people see of it stands in that of the state.
#[must_use]
pub fn is_steps(kind: &KindSpec, register: RegisterId) -> bool {
    fields(kind).is_some_and(|(steps, _)| steps.register == register)
}

/// The steps of a record, the first one first; none for one that was entered before steps were
/// written down.
#[must_use]
pub fn taken(kind: &KindSpec, values: &[u8]) -> Vec<StepTaken> {
    let Some((field, _)) = fields(kind) else {
        return Vec::new();
    };
    let items = wire::items(field, &wire::chunks(values).unwrap_or_default());
    let read = items.into_iter().filter_map(|item| match item {
        Item::Bytes(bytes) => decode::<StepTaken>(&bytes).ok(),
        Item::Number(_) | Item::Text(_) => None,
    });
    in_order(read.collect())
}

/// Steps in the order in which they were taken; two of one place by their days.
#[must_use]
pub fn in_order(mut steps: Vec<StepTaken>) -> Vec<StepTaken> {
    let rank = |step: &StepTaken| (step.place, step.on.clone(), step.state.clone());
    steps.sort_by_cached_key(rank);
    steps
}

fn is_past(day: Date) -> impl Fn(&StepTaken) -> bool {
    move |step| date::stored(&step.on).is_none_or(|on| on <= day)
}

/// The numbers of the states through which a record came by the end of a day, the one in which it stood
/// then at the end. Nothing where it was not there yet; the present state alone where no steps were
/// written down.
#[must_use]
pub fn way(kind: &KindSpec, values: &[u8], day: Date) -> Vec<i32> {
    let Some((_, field)) = fields(kind) else {
        return Vec::new();
    };
    let number = |id: &str| field.enumeration()?.number(id);
    let now = state(kind, &field.id, values).and_then(number);
    let steps = taken(kind, values);
    let is_past = is_past(day);
    // A step that was entered late can hold from a day before that of the step before it.
    let past = steps.iter().rposition(&is_past).map_or(0, |last| last + 1);
    let way = steps
        .iter()
        .take(past)
        .filter_map(|step| number(&step.state));
    let mut way: Vec<i32> = way.collect();
    // Nothing was done since: it is what it was, also where a conflict was decided another way.
    if steps.iter().all(&is_past) {
        way.extend(now.filter(|now| way.last() != Some(now)));
    }
    way
}

/// The values of a record with its state as it was at the end of a day; none where it was not there
/// yet. All other values are those of today: what they say of a day they say with dates.
#[must_use]
pub fn as_on<'v>(kind: &KindSpec, values: &'v [u8], day: Date) -> Option<Cow<'v, [u8]>> {
    let Some((_, field)) = fields(kind) else {
        return Some(values.into());
    };
    if taken(kind, values).iter().all(is_past(day)) {
        return Some(values.into());
    }
    let then = u64::try_from(*way(kind, values, day).last()?).unwrap_or_default();
    // Of a field that is there twice the last is read.
    let mut values = values.to_vec();
    wire::put(field, &[Item::Number(then)], &mut values);
    Some(values.into())
}

/// The state before the present one.
#[must_use]
pub fn former(kind: &KindSpec, values: &[u8]) -> Option<String> {
    let (_, field) = fields(kind)?;
    let now = state(kind, &field.id, values)?;
    let mut back = taken(kind, values).into_iter().rev();
    back.find(|step| step.state != now).map(|step| step.state)
}

/// The steps of a record after an edit; none when its state stays. `since`: the day that whoever takes
/// the step says; none for the one that the edit names, else today. A day that has not come is not
/// taken: what is entered holds from today on at the latest.
#[must_use]
pub fn after(subject: &Subject<'_>, today: Date, since: Option<Date>) -> Option<Vec<StepTaken>> {
    let kind = subject.kind;
    let (_, field) = fields(kind)?;
    let to = state(kind, &field.id, subject.after)?;
    let from = subject.before.and_then(|it| state(kind, &field.id, it));
    if from == Some(to) {
        return None;
    }
    let stood = subject.before.map(|before| taken(kind, before));
    let mut row = stood.unwrap_or_default();
    if let Some(from) = from.filter(|_| row.is_empty()) {
        row.push(StepTaken {
            place: 1,
            state: from.to_owned(),
            on: String::new(),
        });
    }
    let on = match since.or_else(|| named(subject, to)) {
        Some(day) => Some(day.min(today)),
        None => Some(today).filter(|_| !has_steps_behind_it(subject, field, to)),
    };
    row.push(StepTaken {
        place: row.last().map_or(1, |last| last.place.saturating_add(1)),
        state: to.to_owned(),
        on: on.map(date::text).unwrap_or_default(),
    });
    let more = row.len().saturating_sub(KEPT);
    row.drain(..more);
    Some(row)
}

/// Whether an edit makes a record that has its steps behind it. It has been so since before anybody
/// wrote it down: nobody knows their days, and what it says with dates counts by them.
fn has_steps_behind_it(subject: &Subject<'_>, field: &FieldSpec, to: &str) -> bool {
    let kind = subject.kind;
    let machine = kind.register(field.register);
    let machine = machine.and_then(|register| register.machine.as_deref());
    let to = field.enumeration().and_then(|states| states.number(to));
    let found = machine.zip(to.and_then(|to| u64::try_from(to).ok()));
    found.is_some_and(|(machine, to)| {
        let is_later = machine.start() != Some(to);
        let stands = AS_IT_STANDS.contains(&kind.id.as_str());
        subject.before.is_none() && is_later && (stands || !machine.is_made_in(to))
    })
}

/// The day that an edit names with a step. One that stood there before speaks of another step, and
/// the last day of what is made with its end behind it is not its first.
fn named(subject: &Subject<'_>, to: &str) -> Option<Date> {
    let of = |row: &&(&str, &str, &str)| row.0 == subject.kind.id && row.1 == to;
    let is_over = subject.before.is_none() && ENDS.contains(&to);
    let mut days = NAMED.iter().filter(of).filter_map(|(_, _, field)| {
        let field = subject.kind.field(field)?;
        let said = text_of(field, subject.after)?;
        let stood = subject.before.and_then(|before| text_of(field, before));
        date::stored(&said).filter(|_| stood.as_ref() != Some(&said))
    });
    days.next().filter(|_| !is_over)
}

/// Whether a step is one that a file may bring: of a state that the table has, with a real day or none.
pub(crate) fn is_sound(field: &FieldSpec, step: &StepTaken) -> bool {
    let is_known = |states: &crate::EnumSpec| states.number(&step.state).is_some();
    let is_day = step.on.is_empty() || date::stored(&step.on).is_some();
    step.place > 0 && is_day && field.states.as_deref().is_some_and(is_known)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalogue::Catalogue;

    fn day(text: &str) -> Date {
        date::stored(text).unwrap()
    }

    fn kind(id: &str) -> &'static KindSpec {
        Catalogue::builtin().kind_by_id(id).unwrap()
    }

    fn values(kind: &KindSpec, json: &serde_json::Value) -> Vec<u8> {
        let edits = crate::value::edits_from_json(
            Catalogue::builtin(),
            kind,
            &|_| bytes::Bytes::new(),
            json.as_object().unwrap(),
            &crate::NoResolve,
        );
        let edits = edits.unwrap().into_iter();
        edits.flat_map(|edit| edit.value.to_vec()).collect()
    }

    /// What a step writes, as texts.
    fn step(id: &str, before: Option<&serde_json::Value>, after: &serde_json::Value) -> String {
        let kind = kind(id);
        let before = before.map(|it| values(kind, it));
        let after = values(kind, after);
        let subject = Subject {
            kind,
            id: replica::RecordId([1; 16]),
            scope: replica::ScopeId([2; 16]),
            before: before.as_deref(),
            after: &after,
        };
        let row = self::after(&subject, day("2020-10-05"), None).unwrap_or_default();
        let texts = row.iter().map(|it| format!("{} {}", it.state, it.on));
        texts.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn a_step_holds_from_the_day_that_is_named_with_it_else_from_today() {
        let entered = json!({ "census_status": "counted", "verified_on": "2020-09-28" });
        let late = json!({ "census_status": "counted", "verified_on": "2020-12-28" });
        assert_eq!(step("organisation", None, &entered), "counted 2020-09-28");
        assert_eq!(step("organisation", None, &late), "counted 2020-10-05");
        let known = json!({ "census_status": "counted", "as_of": "2020-09-30" });
        assert_eq!(step("organisation", None, &known), "counted 2020-09-30");
        let before = json!({ "census_status": "excluded", "verified_on": "2020-09-28" });
        assert_eq!(
            step("organisation", Some(&before), &entered),
            "excluded , counted 2020-10-05",
            "the day that stood there is of another step, and what was before has always been"
        );
        assert_eq!(step("organisation", Some(&entered), &entered), "");
    }

    #[test]
    fn what_has_its_steps_behind_it_has_no_first_day() {
        let over = json!({ "status": "dissolved", "dissolved_on": "2020-05-01" });
        assert_eq!(step("party_organisation", None, &over), "dissolved ");
        let (accepted, sent) = (
            json!({ "status": "accepted" }),
            json!({ "status": "submitted" }),
        );
        assert_eq!(step("nomination", None, &accepted), "accepted ");
        assert_eq!(step("nomination", None, &sent), "submitted 2020-10-05");
        let runs = json!({ "status": "running" });
        assert_eq!(step("carrier", None, &runs), "running ");
        let begun = json!({ "status": "running", "started_on": "2020-09-01" });
        assert_eq!(step("carrier", None, &begun), "running 2020-09-01");
        assert_eq!(
            step("carrier", None, &json!({ "status": "planned" })),
            "planned 2020-10-05"
        );
    }

    #[test]
    fn steps_go_on_in_their_order() {
        let row = json!([
            { "place": 2, "state": "submitted", "on": "2020-10-02" },
            { "place": 1, "state": "draft", "on": "2020-10-01" },
        ]);
        let before = json!({ "status": "submitted", "steps": row });
        let after = json!({ "status": "screened", "steps": row });
        assert_eq!(
            step("nomination", Some(&before), &after),
            "draft 2020-10-01, submitted 2020-10-02, screened 2020-10-05"
        );
        let kind = kind("nomination");
        assert_eq!(
            former(kind, &values(kind, &before)).as_deref(),
            Some("draft")
        );
    }

    #[test]
    fn every_named_day_is_a_field_and_every_kind_of_steps_names_its_states() {
        for (id, state, field) in NAMED {
            let kind = kind(id);
            let (_, of) = fields(kind).unwrap();
            assert!(
                of.enumeration().unwrap().number(state).is_some(),
                "{id} {state}"
            );
            assert_eq!(
                kind.field(field).unwrap().value_type,
                Type::Date,
                "{id} {field}"
            );
        }
        let all = Catalogue::builtin().kinds().iter();
        let with: Vec<_> = all.filter(|kind| fields(kind).is_some()).collect();
        assert_eq!(with.len(), 7);
        assert!(
            with.iter()
                .all(|kind| fields(kind).unwrap().0.states.is_some())
        );
    }
}

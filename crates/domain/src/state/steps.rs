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
    finding::Finding,
    former,
    validate::{AS_IT_STANDS, Subject, stamp, state, text_of},
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

/// The day of an organisation's figures: known since then when it is entered, and nothing later.
const MADE: &str = "as_of";

/// The day on which an organisation was verified last.
const AGAIN: &str = "verified_on";

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
    in_order(wire::messages(field, values))
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

/// The values of a record with its state as it was at the end of a day, and what its fields said then
/// where that is kept ([`mod@former`]); none where it was not there yet. All other values are those of today:
/// what they say of a day they say with dates.
#[must_use]
pub fn as_on<'v>(kind: &KindSpec, values: &'v [u8], day: Date) -> Option<Cow<'v, [u8]>> {
    let Some((_, field)) = fields(kind) else {
        return Some(former::on(kind, values.into(), day));
    };
    if taken(kind, values).iter().all(is_past(day)) {
        return Some(former::on(kind, values.into(), day));
    }
    let then = u64::try_from(*way(kind, values, day).last()?).unwrap_or_default();
    // Of a field that is there twice the last is read.
    let mut values = values.to_vec();
    wire::put(field, &[Item::Number(then)], &mut values);
    Some(former::on(kind, values.into(), day))
}

/// The state before the present one.
#[must_use]
pub fn former(kind: &KindSpec, values: &[u8]) -> Option<String> {
    let (_, field) = fields(kind)?;
    let now = state(kind, &field.id, values)?;
    let mut back = taken(kind, values).into_iter().rev();
    back.find(|step| step.state != now).map(|step| step.state)
}

/// The steps of a record after an edit; none when they stay. A step is taken with a change of the state;
/// a day that was wrong is mended with the field that names it, or by `since` where the state stays.
/// `since`: the day that whoever saves says; none for the one that the fields name, else today. A day
/// that has not come is not taken: what is entered holds from today on at the latest.
#[must_use]
pub fn after(subject: &Subject<'_>, today: Date, since: Option<Date>) -> Option<Vec<StepTaken>> {
    let kind = subject.kind;
    let (_, field) = fields(kind)?;
    let to = state(kind, &field.id, subject.after)?;
    let from = subject.before.and_then(|it| state(kind, &field.id, it));
    let stood = subject.before.map(|before| taken(kind, before));
    let stood = stood.unwrap_or_default();
    let mut row = stood.clone();
    mend_days(subject, &mut row, (from, to), today);
    if from == Some(to) {
        let last = row.last_mut().filter(|last| last.state == to);
        if let Some((last, day)) = last.zip(since) {
            last.on = date::text(day.min(today));
        }
    } else {
        leave(&mut row, from);
        let on = match since.or_else(|| named(subject, &row, to)) {
            Some(day) => Some(day.min(today)),
            None => Some(today).filter(|_| !has_steps_behind_it(subject, field, to)),
        };
        push(&mut row, to, on.map(date::text).unwrap_or_default());
    }
    let more = row.len().saturating_sub(KEPT);
    row.drain(..more);
    (row != stood).then_some(row)
}

/// Why a step does not take the day that whoever saves says.
#[must_use]
pub fn wrong_day(subject: &Subject<'_>, today: Date, since: Date) -> Option<Finding> {
    let found = |code, zh: String, en: String| Some(Finding::input("steps", code, zh, en));
    let none = || {
        found(
            "no_step",
            "状态没有变更，或这类记录的办理不记日期".to_owned(),
            "The state stays as it is, or steps of this kind have no days".to_owned(),
        )
    };
    let Some((_, field)) = fields(subject.kind) else {
        return none();
    };
    if let Some(day) = stamp(subject).filter(|_| since != today) {
        return found(
            "day_typed",
            format!("这一步的日期由程序填写（{day}），不能指定"),
            format!("The program writes the day of this step ({day}); nobody gives another"),
        );
    }
    let of = |values: &[u8]| state(subject.kind, &field.id, values).map(str::to_owned);
    let (from, to) = (subject.before.and_then(of), of(subject.after)?);
    let stood = subject.before.map(|before| taken(subject.kind, before));
    let stood = stood.unwrap_or_default();
    let moves = from.as_ref() != Some(&to);
    if !moves && stood.last().is_none_or(|last| last.state != to) {
        return none();
    }
    let said = date::text(since);
    if since > today {
        return found(
            "step_ahead",
            format!("{said} 还没有到，办理最迟从今天起算"),
            format!("{said} has not come; a step holds from today at the latest"),
        );
    }
    let before = if moves {
        stood.last()
    } else {
        stood.iter().rev().nth(1)
    };
    if let Some(before) = before.filter(|step| step.on > said) {
        return found(
            "step_before",
            format!("上一步从 {} 起算，这一步不能更早", before.on),
            format!(
                "The step before holds from {}; this one is not earlier",
                before.on
            ),
        );
    }
    let named = named(subject, &stood, &to).filter(|day| moves && *day != since);
    named.and_then(|day| {
        let day = date::text(day);
        found(
            "step_two_days",
            format!("所填日期是 {day}，与指定的 {said} 不同"),
            format!("The fields say {day}, which is not the {said} that is given"),
        )
    })
}

fn push(row: &mut Vec<StepTaken>, to: &str, on: String) {
    row.push(StepTaken {
        place: row.last().map_or(1, |last| last.place.saturating_add(1)),
        state: to.to_owned(),
        on,
    });
}

/// The state that a step leaves is in the row: one that was there before steps were written down, and
/// one that came by a rule or a decision, with the day of the step that it stood against.
fn leave(row: &mut Vec<StepTaken>, from: Option<&str>) {
    let Some(from) = from else { return };
    let last = row.last().map(|last| (last.state.clone(), last.on.clone()));
    match last {
        None => push(row, from, String::new()),
        Some((state, on)) if state != from => push(row, from, on),
        Some(_) => {}
    }
}

/// The day of a step follows the field that names it, where that is mended. A day on which something was
/// verified again is another day, not a better one: there only an earlier one counts.
fn mend_days(
    subject: &Subject<'_>,
    row: &mut [StepTaken],
    (from, to): (Option<&str>, &str),
    today: Date,
) {
    let Some(before) = subject.before else { return };
    let of_kind = NAMED.iter().filter(|(kind, _, _)| *kind == subject.kind.id);
    for (_, of, name) in of_kind.filter(|(_, _, name)| *name != MADE) {
        let is_step = from != Some(to) && *of == to;
        if is_step || (ENDS.contains(of) && *of != to) {
            continue;
        }
        let Some(field) = subject.kind.field(name) else {
            continue;
        };
        let (was, is) = (text_of(field, before), text_of(field, subject.after));
        let Some(day) = is.as_deref().and_then(date::stored).filter(|_| was != is) else {
            continue;
        };
        let mut back = row.iter_mut().rev();
        let step =
            back.find(|step| step.state == *of && was.as_ref().is_none_or(|was| *was == step.on));
        let day = date::text(day.min(today));
        let is_better = |step: &StepTaken| *name != AGAIN || day < step.on;
        if let Some(step) = step.filter(|step| is_better(step)) {
            step.on = day;
        }
    }
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

/// The day that the fields name for a step that is taken now, after these: one that is given with it, or
/// one that stood there and belongs to no step yet. The last day of what is made with its end behind it
/// is not its first.
fn named(subject: &Subject<'_>, row: &[StepTaken], to: &str) -> Option<Date> {
    let of = |it: &&(&str, &str, &str)| it.0 == subject.kind.id && it.1 == to;
    let is_made = subject.before.is_none();
    // Of what came before steps were written down nobody knows whether it has been there before.
    let is_first = row
        .iter()
        .all(|step| step.state != to && !step.on.is_empty());
    let mut days = NAMED.iter().filter(of).filter_map(|(_, _, name)| {
        let field = subject.kind.field(name)?;
        let said = text_of(field, subject.after)?;
        let stood = subject.before.and_then(|before| text_of(field, before));
        let is_given = stood.as_ref() != Some(&said);
        let counts = match *name {
            MADE => is_made,
            _ => is_given || is_first,
        };
        date::stored(&said).filter(|_| counts)
    });
    days.next().filter(|_| !is_made || !ENDS.contains(&to))
}

/// The day of the last of a record's steps into a state that holds by the end of a day.
#[must_use]
pub fn day_of(kind: &KindSpec, values: &[u8], state: &str, day: Date) -> Option<Date> {
    let mut back = taken(kind, values).into_iter().rev();
    let step = back.find(|step| step.state == state && is_past(day)(step))?;
    date::stored(&step.on)
}

/// Whether steps that a file brings for a record that is made are its own: they lead to the state in
/// which it is made, and none is of a day to come.
#[must_use]
pub fn fit(kind: &KindSpec, values: &[u8], today: Date) -> bool {
    let steps = taken(kind, values);
    let now = fields(kind).and_then(|(_, field)| state(kind, &field.id, values));
    let leads = steps
        .last()
        .is_some_and(|last| Some(last.state.as_str()) == now);
    leads && steps.iter().all(is_past(today))
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

    /// A record of a state with these steps, `state day` each, and more.
    fn with(field: &str, steps: &[&str], more: &serde_json::Value) -> serde_json::Value {
        let row = (1..).zip(steps).map(|(place, step)| {
            let (state, on) = step.split_once(' ').unwrap();
            json!({ "place": place, "state": state, "on": on })
        });
        let row: Vec<_> = row.collect();
        let mut values = json!({ field: row.last().unwrap()["state"], "steps": row });
        let more = more.as_object().unwrap().clone();
        values.as_object_mut().unwrap().extend(more);
        values
    }

    fn set(values: &serde_json::Value, change: &serde_json::Value) -> serde_json::Value {
        let mut values = values.clone();
        values
            .as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        values
    }

    #[test]
    fn a_day_that_stood_before_its_first_step_is_the_day_of_that() {
        let before = with(
            "census_status",
            &["counted 2020-03-01"],
            &json!({ "closed_on": "2020-09-15" }),
        );
        let after = set(&before, &json!({ "census_status": "closed" }));
        let closed = "counted 2020-03-01, closed 2020-09-15";
        assert_eq!(step("organisation", Some(&before), &after), closed);
        // Of what was written down before there were steps nobody knows whether it was there already.
        let old = json!({ "status": "paused", "started_on": "2020-02-01" });
        let again = set(&old, &json!({ "status": "running" }));
        let runs = "paused , running 2020-10-05";
        assert_eq!(step("carrier", Some(&old), &again), runs);
    }

    #[test]
    fn new_figures_are_no_day_of_a_verification() {
        let before = with(
            "census_status",
            &["excluded 2020-05-10", "candidate 2020-10-01"],
            &json!({}),
        );
        let after = set(
            &before,
            &json!({ "census_status": "counted", "as_of": "2020-06-30" }),
        );
        let row = "excluded 2020-05-10, candidate 2020-10-01, counted 2020-10-05";
        assert_eq!(step("organisation", Some(&before), &after), row);
    }

    #[test]
    fn a_day_is_mended_where_it_is_named() {
        let wrong = with(
            "census_status",
            &["counted 2020-03-01", "closed 2020-10-01"],
            &json!({ "verified_on": "2020-03-01", "closed_on": "2020-10-01" }),
        );
        let mended = set(&wrong, &json!({ "closed_on": "2020-09-05" }));
        let row = "counted 2020-03-01, closed 2020-09-05";
        assert_eq!(step("organisation", Some(&wrong), &mended), row);
        let earlier = set(&wrong, &json!({ "verified_on": "2020-02-01" }));
        let row = "counted 2020-02-01, closed 2020-10-01";
        assert_eq!(step("organisation", Some(&wrong), &earlier), row);
        let again = set(&wrong, &json!({ "verified_on": "2020-10-02" }));
        assert_eq!(
            step("organisation", Some(&wrong), &again),
            "",
            "verified once more"
        );
        // The first closing keeps its day when it closes a second time.
        let back = with(
            "census_status",
            &["closed 2020-03-01", "candidate 2020-04-01"],
            &json!({ "closed_on": "2020-03-01" }),
        );
        let twice = json!({ "census_status": "closed", "closed_on": "2020-10-02" });
        let row = "closed 2020-03-01, candidate 2020-04-01, closed 2020-10-02";
        assert_eq!(step("organisation", Some(&back), &set(&back, &twice)), row);
    }

    #[test]
    fn a_state_that_was_decided_is_in_the_row_when_it_is_left() {
        let before = with(
            "status",
            &["reopened 2020-09-12", "closed 2020-09-12"],
            &json!({}),
        );
        let before = set(&before, &json!({ "status": "reopened" }));
        let after = set(&before, &json!({ "status": "in_progress" }));
        let row =
            "reopened 2020-09-12, closed 2020-09-12, reopened 2020-09-12, in_progress 2020-10-05";
        assert_eq!(step("problem_item", Some(&before), &after), row);
    }

    #[test]
    fn a_day_that_is_given_fits_the_step_and_what_came_before() {
        let kind = kind("organisation");
        let wrong = |before: &serde_json::Value, after: &serde_json::Value, since: &str| {
            let (before, after) = (values(kind, before), values(kind, after));
            let subject = Subject {
                kind,
                id: replica::RecordId([1; 16]),
                scope: replica::ScopeId([2; 16]),
                before: Some(&before),
                after: &after,
            };
            let found = wrong_day(&subject, day("2020-10-05"), day(since));
            let row = self::after(&subject, day("2020-10-05"), Some(day(since)));
            (
                found.map(|found| found.code),
                row.and_then(|row| Some(row.last()?.on.clone())),
            )
        };
        let before = with("census_status", &["counted 2020-03-01"], &json!({}));
        let out = set(&before, &json!({ "census_status": "excluded" }));
        assert_eq!(
            wrong(&before, &out, "2020-09-30"),
            (None, Some("2020-09-30".to_owned()))
        );
        assert_eq!(wrong(&before, &out, "2020-02-29").0, Some("step_before"));
        assert_eq!(wrong(&before, &out, "2020-10-06").0, Some("step_ahead"));
        let closed = json!({ "census_status": "closed", "closed_on": "2020-09-15" });
        let closed = set(&before, &closed);
        assert_eq!(
            wrong(&before, &closed, "2020-10-01").0,
            Some("step_two_days")
        );
        assert_eq!(wrong(&before, &closed, "2020-09-15").0, None);
        // Without a step the day of the last one is mended.
        assert_eq!(
            wrong(&before, &before, "2020-02-01"),
            (None, Some("2020-02-01".to_owned()))
        );
        let unknown = json!({ "census_status": "counted" });
        assert_eq!(wrong(&unknown, &unknown, "2020-02-01").0, Some("no_step"));
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

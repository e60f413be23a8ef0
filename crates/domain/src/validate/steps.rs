//! How a status moves: along its table, one step at a time where a person saves.

use super::{Subject, asked, comes, finding, state, status, text_of};
use crate::{
    catalogue::{FieldSpec, KindSpec},
    date::{self, Date},
    effective::decode,
    finding::{
        Finding,
        Level::{Block, Warn},
    },
    label::Language::{self, En, Zh},
    state::{Machine, Step, steps as trail},
};

/// What is entered as it stands: it was there, or was over, before anybody wrote it down. Everything
/// else goes through its steps here.
pub(crate) const AS_IT_STANDS: &[&str] = &[
    "organisation",
    "party_organisation",
    "carrier",
    "platform",
    "establishment_drive",
    "training_session",
    "seminar",
];

/// The days without which nobody enters a record as it stands: kind, field of the state, state, day.
/// Whoever enters that approves nothing by it.
const DATED: &[(&str, &str, &str, &str)] = &[
    ("organisation", "census_status", "closed", "closed_on"),
    ("party_organisation", "status", "active", "established_on"),
    (
        "party_organisation",
        "status",
        "restructuring",
        "established_on",
    ),
    ("party_organisation", "status", "dissolved", "dissolved_on"),
];

/// Days that the program writes with a step: kind, state, day.
const STAMPED: &[(&str, &str, &str)] = &[
    ("problem_item", "closed", "closed_on"),
    ("quarterly_return", "submitted", "submitted_on"),
];

/// A state field of a kind, with its table.
type States<'a> = (&'a FieldSpec, &'a Machine);

/// The state fields of a record with their states before and after an edit.
fn moves<'a>(
    subject: &Subject<'a>,
) -> impl Iterator<Item = (States<'a>, Option<u64>, u64)> + use<'a> {
    let (kind, before, after) = (subject.kind, subject.before, subject.after);
    kind.registers.iter().filter_map(move |register| {
        let machine = register.machine.as_deref()?;
        let field = kind.fields_of(register).next()?;
        let from = before.and_then(|before| status(kind, register, before));
        Some(((field, machine), from, status(kind, register, after)?))
    })
}

fn label(field: &FieldSpec, state: u64, language: Language) -> String {
    let number = i32::try_from(state).unwrap_or_default();
    let values = field.enumeration();
    values
        .map(|values| crate::label::enum_value(values, number, language))
        .unwrap_or_default()
}

/// A status goes nowhere against its table. That it skips is a remark: what is taken over from
/// elsewhere, and what two places did at once, has such states.
pub(super) fn judge(subject: &Subject<'_>, today: Date, findings: &mut Vec<Finding>) {
    ahead(subject, today, findings);
    // Where nothing changes, no status moves.
    if subject.before == Some(subject.after) {
        return;
    }
    for ((field, machine), from, to) in moves(subject) {
        let Some(from) = from else { continue };
        let (level, code) = match machine.step(from, to) {
            Step::Same | Step::Direct(_) | Step::Unknown => continue,
            Step::Skips => (Warn, "step_skips"),
            Step::Against => (Block, "step_against"),
        };
        let zh = format!(
            "{}不能从“{}”直接变为“{}”",
            field.zh,
            label(field, from, Zh),
            label(field, to, Zh)
        );
        let en = format!(
            "{} does not go from \"{}\" to \"{}\" in one step",
            field.en,
            label(field, from, En),
            label(field, to, En)
        );
        findings.push(finding("STEP", level, &field.id, code, (zh, en)));
    }
}

/// A step of a day that has not come, as a clock that is ahead writes it: no figure knows of it yet.
fn ahead(subject: &Subject<'_>, today: Date, findings: &mut Vec<Finding>) {
    let Some((field, _)) = trail::fields(subject.kind) else {
        return;
    };
    let taken = trail::taken(subject.kind, subject.after);
    let is_ahead = |on: &str| date::stored(on).is_some_and(|on| on > today);
    if let Some(step) = taken.iter().rev().find(|step| is_ahead(&step.on)) {
        let zh = format!("“{}”中有 {} 的办理，还没有到", field.zh, step.on);
        let en = format!(
            "\"{}\" has a step of {}, which has not come",
            field.en, step.on
        );
        findings.push(finding(
            "STEP",
            Warn,
            &field.id,
            "step_dated_ahead",
            (zh, en),
        ));
    }
}

/// What a person may not do who saves a record by hand, and what an import may: skip steps, make a
/// record that has its steps behind it, and type a day that the program writes.
#[must_use]
pub fn by_hand(subject: &Subject<'_>, today: Date) -> Vec<Finding> {
    let mut findings = Vec::new();
    if subject.before == Some(subject.after) {
        return findings;
    }
    for ((field, machine), from, to) in moves(subject) {
        let start = from.or_else(|| machine.start()).unwrap_or_default();
        let stands = AS_IT_STANDS.contains(&subject.kind.id.as_str());
        let skips = match from {
            Some(from) => machine.step(from, to) == Step::Skips,
            None if stands => machine.approves(None, to) && !is_dated(subject.kind, field, to),
            None => !machine.is_made_in(to),
        };
        let next = machine.next(start, to).filter(|_| skips);
        let Some((act, via)) = next else { continue };
        let text = |language| {
            let of = |state| label(field, state, language);
            (of(start), of(to), of(via))
        };
        let (from, to, via) = text(Zh);
        let zh = format!(
            "{}从“{from}”到“{to}”要逐步办理，下一步是“{via}”（{act}）",
            field.zh
        );
        let (from, to, via) = text(En);
        let en = format!(
            "{} goes from \"{from}\" to \"{to}\" step by step; the next is \"{via}\" ({act})",
            field.en
        );
        findings.push(finding("STEP", Block, &field.id, "step_missing", (zh, en)));
    }
    undated(subject, &mut findings);
    asked::by_hand(subject, &mut findings);
    typed_day(subject, today, &mut findings);
    typed_first_due(subject, &mut findings);
    typed_steps(subject, today, &mut findings);
    findings
}

/// Steps are those that were there, and the one that the edit takes, from whichever day.
fn typed_steps(subject: &Subject<'_>, today: Date, findings: &mut Vec<Finding>) {
    let Some((field, _)) = trail::fields(subject.kind) else {
        return;
    };
    let said = trail::taken(subject.kind, subject.after);
    let stood = subject.before.map(|it| trail::taken(subject.kind, it));
    let since = said.last().and_then(|step| date::stored(&step.on));
    let is_due = || trail::after(subject, today, since).is_some_and(|due| due == said);
    if said != stood.unwrap_or_default() && !is_due() {
        findings.push(typed(field));
    }
}

pub(super) fn typed(field: &FieldSpec) -> Finding {
    let zh = format!("“{}”由程序随办理填写，不用手工填写", field.zh);
    let en = format!(
        "The program writes \"{}\" with the step; nobody types it",
        field.en
    );
    finding("STEP", Block, &field.id, "day_typed", (zh, en))
}

/// Whether an import takes over records of a kind in whatever state they are: what was approved before
/// anybody wrote it down here is approved by nobody who does. A case stays open across years.
pub(crate) fn comes_as_it_stands(kind: &KindSpec) -> bool {
    AS_IT_STANDS.contains(&kind.id.as_str()) || kind.id == "establishment_case"
}

/// Whether a record is entered as it stands in a state, by the day that goes with it.
fn is_dated(kind: &KindSpec, field: &FieldSpec, to: u64) -> bool {
    let number = i32::try_from(to).ok();
    let to = number.and_then(|number| field.enumeration()?.value(number));
    let to = to.map(|value| value.id.as_str());
    let mut rows = DATED.iter();
    rows.any(|(id, of, state, _)| *id == kind.id && *of == field.id && Some(*state) == to)
}

fn undated(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let mut rows = DATED
        .iter()
        .filter(|(kind, _, _, _)| *kind == subject.kind.id);
    let of = rows.find(|(_, field, to, _)| state(subject.kind, field, subject.after) == Some(to));
    let field = of.and_then(|(_, _, _, day)| subject.kind.field(day));
    let missing = field.filter(|field| text_of(field, subject.after).is_none());
    if let Some(field) = missing.filter(|_| subject.before.is_none()) {
        let zh = format!("处于这一状态须填写“{}”", field.zh);
        let en = format!("In this state it says \"{}\"", field.en);
        findings.push(finding("STEP", Block, &field.id, "undated", (zh, en)));
    }
}

/// The day of an edit that the program writes with it.
#[must_use]
pub fn stamp(subject: &Subject<'_>) -> Option<&'static str> {
    let (_, to, day) = row(subject.kind)?;
    let is_signed_anew = || {
        let hash = |values: &[u8]| {
            let row: proto::ledger::QuarterlyReturn = decode(values).unwrap_or_default();
            row.figures_hash
        };
        subject.kind.id == "quarterly_return"
            && state(subject.kind, "status", subject.after) == Some(to)
            && subject.before.map(hash) != Some(hash(subject.after))
    };
    (comes(subject, "status", to) || is_signed_anew()).then_some(*day)
}

/// The day that was due first of a problem whose due day an edit moves: it is kept and shown beside the
/// one in force (domain 6). None where it is known already.
#[must_use]
pub fn first_due(subject: &Subject<'_>) -> Option<(&'static str, String)> {
    const FIRST: &str = "first_due_on";
    let kind = subject.kind;
    let (first, due) = kind.field(FIRST).zip(kind.field("due_on"))?;
    let before = subject.before?;
    let stood = text_of(due, before)?;
    let is_moved = text_of(due, subject.after).is_some_and(|due| due != stood);
    (is_moved && text_of(first, before).is_none()).then_some((FIRST, stood))
}

fn row(kind: &KindSpec) -> Option<&'static (&'static str, &'static str, &'static str)> {
    STAMPED.iter().find(|(id, _, _)| *id == kind.id)
}

fn typed_day(subject: &Subject<'_>, today: Date, findings: &mut Vec<Finding>) {
    let field = row(subject.kind).and_then(|(_, _, day)| subject.kind.field(day));
    let Some(field) = field else { return };
    let said = text_of(field, subject.after);
    let is_stamp = stamp(subject).is_some() && said == Some(date::text(today));
    if !stays(subject, field) && !is_stamp {
        findings.push(typed(field));
    }
}

fn typed_first_due(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let Some(field) = subject.kind.field("first_due_on") else {
        return;
    };
    let said = text_of(field, subject.after);
    if !stays(subject, field) && said != first_due(subject).map(|(_, day)| day) {
        findings.push(typed(field));
    }
}

fn stays(subject: &Subject<'_>, field: &FieldSpec) -> bool {
    let stood = subject.before.and_then(|before| text_of(field, before));
    text_of(field, subject.after) == stood
}

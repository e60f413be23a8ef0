//! The programme year: its phases, what the next one takes over from it, and which records are its
//! own.
//!
//! What is not of a year goes on by itself: ledger, Party organisations, carriers, positions,
//! platforms, roles carry days and not years. Nominations, quotas and training are counted by year,
//! so a new one begins with none. An open problem keeps its year and its number until it is closed.

use prost::Message as _;
use proto::ledger::{
    ProblemItem, ProblemStatus, ProgrammeYear, StandardItem, TaskItem, TaskStatus, YearPhase,
};
use replica::RecordKey;

use crate::{
    across,
    catalogue::{Catalogue, KindSpec},
    date::{self, Date},
    effective::decode,
    identity::year_record_id,
    validate::{Lookup, Subject},
};

/// Kinds that name a year and stay open when it is archived: a point keeps its year of designation
/// for as long as it stands.
const BEYOND: &[&str] = &["demonstration_point"];

/// Kinds that are of the year of the record which a field of theirs names.
const THROUGH: &[(&str, &str)] = &[
    ("criterion_score", "nomination"),
    ("acceptance_visit", "nomination"),
    ("acceptance_verdict", "nomination"),
    ("training_attendance", "session"),
    ("standard_check", "item"),
    ("notice_receipt", "notice"),
];

/// A stretch of the year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The phase that it is of.
    pub phase: YearPhase,
    /// Its first day.
    pub from: Option<Date>,
    /// Its last day.
    pub to: Option<Date>,
}

impl Window {
    /// Whether it holds a day; one without both days holds none.
    #[must_use]
    pub fn holds(&self, day: Date) -> bool {
        self.from.is_some_and(|from| from <= day) && self.to.is_some_and(|to| day <= to)
    }

    fn has_begun(&self, day: Date) -> bool {
        self.from.is_some_and(|from| from <= day)
    }
}

/// Where a year stands on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The phase in force.
    pub phase: YearPhase,
    /// What the days say; the city may have set another by hand.
    pub computed: YearPhase,
    /// The last day of the phase in force, where the year has one for it.
    pub ends: Option<Date>,
}

/// The windows of a year, in the order of its phases.
#[must_use]
pub fn windows(year: &ProgrammeYear) -> [Window; 3] {
    let day = |text: &Option<String>| text.as_deref().and_then(date::stored);
    let window = |phase, from, to| Window {
        phase,
        from: day(from),
        to: day(to),
    };
    [
        window(
            YearPhase::OverallImprovement,
            &year.improve_from,
            &year.improve_to,
        ),
        window(
            YearPhase::Nomination,
            &year.nominate_from,
            &year.nominate_to,
        ),
        window(YearPhase::Acceptance, &year.accept_from, &year.accept_to),
    ]
}

/// Where a year stands. No day settles a year: what the city has decided, it says.
#[must_use]
pub fn standing(year: &ProgrammeYear, today: Date) -> Standing {
    let [improve, nominate, accept] = windows(year);
    let computed =
        if nominate.has_begun(today) && (nominate.holds(today) || !accept.has_begun(today)) {
            YearPhase::Nomination
        } else if accept.has_begun(today) {
            YearPhase::Acceptance
        } else if improve.from.is_none_or(|from| from <= today) {
            YearPhase::OverallImprovement
        } else {
            YearPhase::Planning
        };
    let phase = match year.phase_override() {
        YearPhase::Unspecified => computed,
        set => set,
    };
    let ends = match phase {
        YearPhase::Planning => improve.from.and_then(Date::previous_day),
        YearPhase::OverallImprovement => improve.to,
        YearPhase::Nomination => nominate.to,
        YearPhase::Acceptance => accept.to,
        YearPhase::Unspecified | YearPhase::Settled | YearPhase::Archived => None,
    };
    Standing {
        phase,
        computed,
        ends,
    }
}

/// The record of a year that is opened from another: the same parameters, the windows moved, no
/// phase set, no document yet.
#[must_use]
pub fn next(from: &ProgrammeYear, year: u32) -> ProgrammeYear {
    let moved = |text: &Option<String>| {
        let day = text.as_deref().and_then(date::stored)?;
        let by = i64::from(year) - i64::from(from.year.unwrap_or(year));
        let to = i64::from(day.year()) + by;
        date::in_year(day, i32::try_from(to).ok()?).map(date::text)
    };
    let former = from.year.map(|year| year.to_string()).unwrap_or_default();
    let title = from.title.clone().filter(|_| !former.is_empty());
    ProgrammeYear {
        year: Some(year),
        title: title
            .filter(|title| title.contains(&former))
            .map(|title| title.replace(&former, &year.to_string()))
            .or_else(|| crate::parameters::programme_year(year).title),
        doc_no: None,
        phase_override: None,
        // What was changed in the course of a year is of that year.
        former_values: Vec::new(),
        improve_from: moved(&from.improve_from),
        improve_to: moved(&from.improve_to),
        nominate_from: moved(&from.nominate_from),
        nominate_to: moved(&from.nominate_to),
        accept_from: moved(&from.accept_from),
        accept_to: moved(&from.accept_to),
        ..from.clone()
    }
}

/// The new edition of an item for another year: a draft until the city publishes it.
#[must_use]
pub fn edition(item: &StandardItem, year: u32) -> StandardItem {
    StandardItem {
        year: Some(year_record_id(year).0.to_vec()),
        draft: Some(true),
        ..item.clone()
    }
}

/// The JSON of values as a save takes it.
#[must_use]
pub fn json(kind: &KindSpec, values: &[u8]) -> serde_json::Map<String, serde_json::Value> {
    let mut json = crate::value::to_json(kind, values);
    json.retain(|_, value| !value.is_null() && value.as_array().is_none_or(|it| !it.is_empty()));
    json
}

/// The year that a record is of. None for what is of no year.
#[must_use]
pub fn of(kind: &KindSpec, values: &[u8], lookup: &dyn Lookup) -> Option<RecordKey> {
    let catalogue = Catalogue::builtin();
    let named = |kind: &KindSpec, values: &[u8], field: &str| {
        let all = across::references(catalogue, kind, values);
        let mut all = all.into_iter();
        all.find(|(spec, _)| spec.id == field).map(|(_, key)| key)
    };
    // Most kinds are of no year, and this is asked at every save.
    let has_year = kind
        .field("year")
        .is_some_and(|field| field.reference.is_some());
    if let Some((_, field)) = THROUGH.iter().find(|(id, _)| *id == kind.id) {
        let through = named(kind, values, field)?;
        let of = catalogue.kind(through.kind)?;
        return named(of, &lookup.values(through)?, "year");
    }
    let is_beyond = BEYOND.contains(&kind.id.as_str());
    if !has_year || is_beyond {
        return None;
    }
    named(kind, values, "year")
}

/// The archived year that a record is of and that keeps it from being written. What was open when
/// its year was archived, as a problem, goes on until it is closed.
#[must_use]
pub fn archived(subject: &Subject<'_>, lookup: &dyn Lookup) -> Option<u32> {
    let values = subject.before.unwrap_or(subject.after);
    if subject.kind.id == "programme_year" {
        return archived_itself(subject);
    }
    let key = of(subject.kind, values, lookup)?;
    let year: ProgrammeYear = decode(&lookup.values(key)?).ok()?;
    let is_open = subject.before.is_some() && goes_on(subject.kind, values);
    let is_archived = year.phase_override() == YearPhase::Archived;
    year.year.filter(|_| is_archived && !is_open)
}

/// The record of the year: the city may say another phase, and nothing else of it.
fn archived_itself(subject: &Subject<'_>) -> Option<u32> {
    let read = |values: &[u8]| decode::<ProgrammeYear>(values).ok();
    let before = read(subject.before?)?;
    let is_archived = before.phase_override() == YearPhase::Archived;
    let year = before.year.filter(|_| is_archived)?;
    let after = ProgrammeYear {
        phase_override: before.phase_override,
        ..read(subject.after)?
    };
    let is_phase_only = subject.before != Some(subject.after) && after == before;
    (!is_phase_only).then_some(year)
}

fn goes_on(kind: &KindSpec, values: &[u8]) -> bool {
    match kind.id.as_str() {
        "problem_item" => decode(values).is_ok_and(|row: ProblemItem| {
            !matches!(
                row.status(),
                ProblemStatus::Closed | ProblemStatus::Withdrawn
            )
        }),
        "task_item" => decode(values).is_ok_and(|row: TaskItem| {
            !matches!(row.status(), TaskStatus::Done | TaskStatus::Cancelled)
        }),
        _ => false,
    }
}

/// The values of a year that is opened from another, as a save takes them.
#[must_use]
pub fn next_json(
    kind: &KindSpec,
    from: &ProgrammeYear,
    year: u32,
) -> serde_json::Map<String, serde_json::Value> {
    json(kind, &next(from, year).encode_to_vec())
}

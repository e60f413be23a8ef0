//! The rules that a save must keep, and those that only warn: V01 to V25 without V22, which an import
//! asks, and the fields a record needs.
//!
//! They are judged where a person saves, on the effective state after the edit. Synchronisation
//! refuses nothing for them.

mod agency;
mod asked;
mod decided;
mod lists;
mod moving;
mod nomination;
mod organisation;
mod party;
mod person;
mod platform;
mod request;
mod steps;
mod twins;
mod work;
mod year;

pub use decided::why_kept;
pub use moving::{around_transfer, locked};
pub use nomination::standing_verdict;
pub use steps::{by_hand, first_due, stamp};

pub(crate) use moving::is_asked;
pub(crate) use steps::{AS_IT_STANDS, comes_as_it_stands};

use std::sync::Arc;

use prost::{DecodeError, Message};
use proto::ledger::ProgrammeYear;
use replica::{RecordId, RecordKey, ScopeId};

use crate::{
    catalogue::{Catalogue, FieldSpec, KindSpec, Merge, Need, RegisterSpec, Type},
    date::{self, Date},
    effective::decode,
    erasure,
    finding::{Finding, Level},
    former, identity,
    parameters::Parameters,
    wire,
};

/// What is judged.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The kind of the record.
    pub kind: &'a KindSpec,
    /// Its id.
    pub id: RecordId,
    /// Its scope.
    pub scope: ScopeId,
    /// Its values before the edit; none for a record that is made.
    pub before: Option<&'a [u8]>,
    /// Its values after the edit.
    pub after: &'a [u8],
}

/// The values of a record: the encoding of its message, shared by whoever holds them.
pub type Values = Arc<[u8]>;

/// What the rules across records look up. Each answer may leave out what is not known here.
pub trait Lookup {
    /// The values of a record that is not deleted; of one that was merged into another, those of
    /// the other.
    fn values(&self, _key: RecordKey) -> Option<Values> {
        None
    }
    /// The records of a kind that name a record in this field of theirs, with their values; none
    /// that is deleted.
    fn referring(&self, _from: &FieldOf<'_>, _to: RecordKey) -> Vec<(RecordId, Values)> {
        Vec::new()
    }
    /// The record that stands for one: itself where it was not merged.
    fn standing(&self, key: RecordKey) -> RecordKey {
        key
    }
    /// Where a record belongs; none where that is not known here.
    fn home(&self, _key: RecordKey) -> Option<ScopeId> {
        None
    }
    /// The counted organisations, here or elsewhere, with a credit code.
    fn counted_with_code(&self, _uscc: &str) -> Vec<RecordId> {
        Vec::new()
    }
    /// The records of a kind in a scope that bear a number ([`crate::number`]).
    fn numbered(&self, _kind: &KindSpec, _scope: ScopeId, _no: &str) -> Vec<RecordId> {
        Vec::new()
    }
    /// The organisations of a scope without a credit code that have a name.
    fn named_without_code(&self, _scope: ScopeId, _name: &str) -> Vec<RecordId> {
        Vec::new()
    }
}

/// A reference field of a kind.
#[derive(Clone, Copy, Debug)]
pub struct FieldOf<'a> {
    /// The kind.
    pub kind: &'a KindSpec,
    /// The field.
    pub field: &'a FieldSpec,
}

/// Kinds whose references the rules follow backwards. What belongs to a record is found by it without
/// standing here, but for what is on its way in one batch.
pub const FOLLOWED: &[&str] = &[
    "agency",
    "coverage_link",
    "instructor_assignment",
    "role_assignment",
    "training_attendance",
    "nomination",
    "criterion_score",
    "establishment_drive",
    "standard_item",
    "platform_member",
    "platform_meeting",
    "service_centre",
    "service_claim",
    "task_item",
    "responsibility_item",
    "acceptance_visit",
    "acceptance_verdict",
    "demonstration_point",
    "change_request",
    "transfer_request",
];

/// Knows no other record.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLookup;

impl Lookup for NoLookup {}

/// Whatever a rule needs beside the record.
pub(crate) struct Surroundings<'a> {
    pub(crate) today: Date,
    pub(crate) year: &'a Parameters,
    pub(crate) lookup: &'a dyn Lookup,
}

/// The record that a reference names.
pub(crate) fn key(kind: &str, id: Option<&Vec<u8>>) -> Option<RecordKey> {
    Some(RecordKey {
        kind: Catalogue::builtin().kind_by_id(kind)?.kind,
        id: RecordId::try_from(id?.as_slice()).ok()?,
    })
}

impl Surroundings<'_> {
    /// Another record.
    pub(crate) fn find<M: Message + Default>(&self, kind: &str, id: Option<&Vec<u8>>) -> Option<M> {
        decode(&self.lookup.values(key(kind, id)?)?).ok()
    }

    /// The parameters that were in force on a day; those of today where its year has no record.
    pub(crate) fn parameters_on(&self, on: Date) -> Parameters {
        let year = u32::try_from(on.year()).unwrap_or_default();
        let id = identity::year_record_id(year).0.to_vec();
        let row: Option<ProgrammeYear> = self.find("programme_year", Some(&id));
        row.map_or(*self.year, |row| Parameters::of(&row, year, on))
    }

    /// The records of a kind that name a record in a field.
    pub(crate) fn referring<M: Message + Default>(
        &self,
        (kind, field): (&str, &str),
        to: Option<RecordKey>,
    ) -> Vec<(RecordId, M)> {
        let kind = Catalogue::builtin().kind_by_id(kind);
        let from = kind.and_then(|kind| {
            let field = kind.field(field)?;
            Some(FieldOf { kind, field })
        });
        let Some((from, to)) = from.zip(to) else {
            return Vec::new();
        };
        let is_child = from.kind.parent == Some(from.field.number);
        let is_followed = is_child || FOLLOWED.contains(&from.kind.id.as_str());
        debug_assert!(is_followed, "not followed");
        let found = self.lookup.referring(&from, to);
        let read = |(id, values): (_, Values)| Some((id, decode(&values).ok()?));
        found.into_iter().filter_map(read).collect()
    }
}

/// The day on which the last role of a person ended; none while one goes on, and of who never had any.
#[must_use]
pub fn last_role_end(
    person: RecordId,
    today: Date,
    year: &Parameters,
    lookup: &dyn Lookup,
) -> Option<Date> {
    let around = Surroundings {
        today,
        year,
        lookup,
    };
    person::last_end(person, &around)
}

/// Judges a record as it would be after an edit. `year` are the parameters of the newest open
/// programme year.
#[must_use]
pub fn validate(
    subject: &Subject<'_>,
    today: Date,
    year: &Parameters,
    lookup: &dyn Lookup,
) -> Vec<Finding> {
    let around = Surroundings {
        today,
        year,
        lookup,
    };
    let mut findings = Vec::new();
    needs(subject, &mut findings);
    belongs(subject, &mut findings);
    steps::judge(subject, today, &mut findings);
    asked::stands(subject, &mut findings);
    decided::judge(subject, today, &mut findings);
    dates_of_figures(subject, &around, &mut findings);
    year::closed(subject, &around, &mut findings);
    let out = &mut findings;
    let known = match subject.kind.id.as_str() {
        "organisation" => rule(subject, &around, organisation::judge, out),
        "party_organisation" => rule(subject, &around, party::judge, out),
        "coverage_link" => rule(subject, &around, party::judge_link, out),
        "role_assignment" => rule(subject, &around, party::role, out),
        "person" => rule(subject, &around, person::judge, out),
        "establishment_drive" => rule(subject, &around, work::drive, out),
        "establishment_case" => rule(subject, &around, work::case, out),
        "instructor_assignment" => rule(subject, &around, work::instructor, out),
        "training_session" => rule(subject, &around, work::training, out),
        "training_attendance" => rule(subject, &around, work::attendance, out),
        "seminar" => rule(subject, &around, work::seminar, out),
        "agency" => rule(subject, &around, agency::judge, out),
        "carrier" => rule(subject, &around, work::carrier, out),
        "carrier_activity" if subject.before != Some(subject.after) => {
            rule(subject, &around, twins::activity, out)
        }
        "platform_meeting" => rule(subject, &around, twins::meeting, out),
        "platform" => rule(subject, &around, platform::judge, out),
        "service_claim" => rule(subject, &around, platform::claim, out),
        "problem_item" => rule(subject, &around, lists::problem, out),
        "task_item" => rule(subject, &around, lists::task, out),
        "nomination" => rule(subject, &around, nomination::judge, out),
        "acceptance_verdict" => rule(subject, &around, nomination::verdict, out),
        "notice" => rule(subject, &around, nomination::notice, out),
        "demonstration_point" => rule(subject, &around, nomination::point, out),
        "change_request" => rule(subject, &around, request::judge, out),
        "standard_item" => rule(subject, &around, year::item, out),
        "quarterly_return" => rule(subject, &around, year::figures, out),
        _ => Ok(()),
    };
    if known.is_err() {
        findings.push(Finding::input(
            "",
            "malformed",
            "现有内容无法识别",
            "The content cannot be read",
        ));
    }
    findings
}

/// The rules of one kind.
type Rule<M> = fn(&Subject<'_>, &M, &Surroundings<'_>, &mut Vec<Finding>);

fn rule<M: Message + Default>(
    subject: &Subject<'_>,
    around: &Surroundings<'_>,
    judge: Rule<M>,
    findings: &mut Vec<Finding>,
) -> Result<(), DecodeError> {
    decode(subject.after).map(|after| judge(subject, &after, around, findings))
}

/// What makes a record what it is must be there: key fields, names, what is set once. Other
/// required fields are asked for; the completeness indicator counts them.
fn needs(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let chunks = wire::chunks(subject.after).unwrap_or_default();
    let is_present = |number| chunks.iter().any(|chunk| chunk.number == number);
    let erased = erasure::is_erased_message(subject.kind, subject.after);
    let required = subject
        .kind
        .fields
        .iter()
        .filter(|field| field.need == Need::Required)
        // What was erased nobody can be asked for.
        .filter(|field| !(erased && erasure::is_personal(subject.kind, field.register)));
    for field in required.filter(|field| !is_present(field.number)) {
        let is_named_by = matches!(field.merge, Merge::Key | Merge::Append)
            || (field.value_type == Type::Name && !field.repeated);
        let level = if is_named_by {
            Level::Block
        } else {
            Level::Warn
        };
        findings.push(Finding {
            rule: "REQ",
            level,
            field: field.id.clone(),
            code: "required",
            zh: format!("请填写“{}”", field.zh),
            en: format!("Fill in \"{}\"", field.en),
        });
    }
}

/// A record that names its scope for ever is made there.
fn belongs(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let named = crate::across::named_scope(subject.kind, subject.after);
    if subject.before.is_none() && named.is_some_and(|named| named != subject.scope) {
        findings.push(finding(
            "REQ",
            Level::Block,
            "scope",
            "scope_other",
            (
                "所填辖区与记录所在辖区不同，请在该辖区建立".to_owned(),
                "The scope that is named is not the one the record lies in; make it there"
                    .to_owned(),
            ),
        ));
    }
}

fn status(kind: &KindSpec, register: &RegisterSpec, values: &[u8]) -> Option<u64> {
    crate::authority::status(kind, register, values)
}

/// What a state field of these values reads as.
pub(crate) fn state<'a>(kind: &'a KindSpec, field: &str, values: &[u8]) -> Option<&'a str> {
    let field = kind.field(field)?;
    let number = status(kind, kind.register(field.register)?, values)?;
    let value = field.enumeration()?.value(i32::try_from(number).ok()?)?;
    Some(value.id.as_str())
}

/// Whether an edit takes a state field to this state, or makes a record in it.
pub(crate) fn comes(subject: &Subject<'_>, field: &str, to: &str) -> bool {
    let of = |values| state(subject.kind, field, values);
    of(subject.after) == Some(to) && subject.before.is_none_or(|before| of(before) != Some(to))
}

/// Whether an edit of a record that is there takes a state field to this state.
pub(crate) fn enters(subject: &Subject<'_>, field: &str, to: &str) -> bool {
    let of = |values| state(subject.kind, field, values);
    of(subject.after) == Some(to)
        && subject
            .before
            .is_some_and(|before| of(before).is_some() && of(before) != Some(to))
}

/// V07: figures of a day that has not come, or of long ago. Wherever figures stand.
/// Figures of a later day stand: an old sheet, or one that is entered late, does not replace them (R02). A
/// day that was wrong is mended alone.
fn goes_back(
    subject: &Subject<'_>,
    register: &RegisterSpec,
    (as_of, day): (&FieldSpec, Date),
) -> Option<Finding> {
    let before = subject.before?;
    let stood = text_of(as_of, before).as_deref().and_then(date::stored)?;
    let mut fields = subject.kind.fields_of(register);
    let is_other = |field: &FieldSpec| {
        field.id != as_of.id && former::text(field, before) != former::text(field, subject.after)
    };
    if stood <= day || !fields.any(is_other) {
        return None;
    }
    let (later, day) = (date::text(stood), date::text(day));
    Some(Finding {
        rule: "R02",
        level: Level::Block,
        field: as_of.id.clone(),
        code: "as_of_back",
        zh: format!("已有 {later} 的数据，不能用 {day} 的数据替换；原来的日期填错的，请先只改日期"),
        en: format!(
            "Figures of {later} stand; those of {day} do not replace them. Where that day is wrong, mend the day alone first"
        ),
    })
}

fn dates_of_figures(subject: &Subject<'_>, around: &Surroundings<'_>, findings: &mut Vec<Finding>) {
    for register in &subject.kind.registers {
        let field = register
            .as_of
            .and_then(|number| subject.kind.field_by_number(number));
        let Some(field) = field else { continue };
        let Some(day) = text_of(field, subject.after)
            .as_deref()
            .and_then(date::stored)
        else {
            continue;
        };
        findings.extend(goes_back(subject, register, (field, day)));
        let earliest = i32::try_from(around.year.year)
            .ok()
            .and_then(|y| date::day(y - 1, 1, 1));
        if around
            .today
            .next_day()
            .is_some_and(|tomorrow| day > tomorrow)
        {
            let today = date::text(around.today);
            let day = date::text(day);
            findings.push(Finding {
                rule: "V07",
                level: Level::Block,
                field: field.id.clone(),
                code: "as_of_future",
                zh: format!("数据日期 {day} 晚于本机时钟的明天（本机时钟为 {today}），请核对日期或本机时钟"),
                en: format!("The figures are dated {day}, later than tomorrow by this machine's clock ({today}); check the date or the clock"),
            });
        } else if earliest.is_some_and(|earliest| day < earliest) {
            findings.push(Finding {
                rule: "V07",
                level: Level::Warn,
                field: field.id.clone(),
                code: "as_of_old",
                zh: format!("数据日期 {} 过早，请更新数据", date::text(day)),
                en: format!(
                    "The figures are of {}, long ago; bring them up to date",
                    date::text(day)
                ),
            });
        }
    }
}

pub(crate) fn text_of(field: &FieldSpec, values: &[u8]) -> Option<String> {
    match wire::items(field, &wire::chunks(values).ok()?).pop()? {
        wire::Item::Text(text) => Some(text),
        _ => None,
    }
}

/// Builds the findings of one rule.
pub(crate) fn finding(
    rule: &'static str,
    level: Level,
    field: &str,
    code: &'static str,
    (zh, en): (String, String),
) -> Finding {
    Finding {
        rule,
        level,
        field: field.to_owned(),
        code,
        zh,
        en,
    }
}

/// The finding that something ended on a day that has not come.
pub(crate) fn closed_ahead(today: Date) -> Finding {
    let today = date::text(today);
    let zh = format!("注销或销号日期不能晚于今天（{today}）");
    let en = format!("It closes on a day not later than today ({today})");
    finding("STEP", Level::Block, "closed_on", "closed_ahead", (zh, en))
}

/// Whether an interval holds a day: the end itself no longer counts.
#[must_use]
pub fn is_active(from: Option<Date>, to: Option<Date>, day: Date) -> bool {
    from.is_none_or(|from| from <= day) && to.is_none_or(|to| day < to)
}

/// The same of an interval as it is stored.
#[must_use]
pub fn is_active_on(from: Option<&String>, to: Option<&String>, on: Date) -> bool {
    is_active(day(from), day(to), on)
}

/// Reads a stored date of a record.
pub(crate) fn day(text: Option<&String>) -> Option<Date> {
    text.and_then(|text| date::stored(text))
}

//! What follows from a step on other records, as one table.
//!
//! The function is pure: it reads the record before and after, and looks others up. Whoever writes
//! the step writes what follows with it, all or nothing; each is an ordinary edit that the same rules
//! and the same authority judge. What this place may not write stays as it is and is named.

use proto::ledger::{
    AcceptanceVerdict, AcceptanceVisit, CensusStatus, ChangeRequest, ChangeRequestStatus,
    CoverageLink, DemonstrationPoint, EstablishmentCase, EstablishmentForm, Nomination,
    NominationStatus, Organisation, PartyOrgStatus, PartyOrganisation, ProblemItem, TaskItem,
    TaskStatus, TransferRequest, TransferStatus, Verdict,
};
use replica::{RecordId, RecordKey};
use serde_json::{Map, Value as Json};

use crate::{
    across,
    catalogue::Catalogue,
    date::{self, Date},
    effective::decode,
    finding::{Finding, Level::Warn},
    parameters::Parameters,
    request,
    state::census,
    validate::{Lookup, Subject, Surroundings, day, enters, finding, is_active_on, is_asked, key},
    value,
};

/// A change of another record that follows from a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// Its kind.
    pub kind: &'static str,
    /// The record; none for one that is made.
    pub id: Option<RecordId>,
    /// The fields and what they are given, as on a command line.
    pub set: Vec<(&'static str, String)>,
    /// Whether the step makes no sense without it. Another that may not be written here is left and
    /// named.
    pub is_needed: bool,
}

/// Everything that follows from a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What is written with it.
    pub effects: Vec<Effect>,
    /// What whoever takes it should know.
    pub remarks: Vec<Finding>,
}

/// When a row of the table applies.
#[derive(Clone, Copy, Debug)]
enum On {
    /// The record is made.
    Made,
    /// This field comes to this state.
    Enters(&'static str, &'static str),
}

type Follow = fn(&Subject<'_>, &Surroundings<'_>, &mut Outcome);

/// The table: of which kind, when, what follows.
#[rustfmt::skip]
const TABLE: &[(&str, On, Follow)] = &[
    ("organisation",       On::Enters("census_status", "closed"),    organisation_closed),
    ("organisation",       On::Enters("census_status", "candidate"), organisation_reopened),
    ("party_organisation", On::Enters("status", "dissolved"),        party_dissolved),
    ("establishment_case", On::Enters("status", "established"),      case_established),
    ("problem_item",       On::Enters("extension", "granted"),       extension_granted),
    ("acceptance_visit",   On::Made,                                 visit_made),
    ("acceptance_verdict", On::Made,                                 verdict_given),
    ("nomination",         On::Enters("status", "accepted"),         nomination_accepted),
    ("change_request",     On::Enters("status", "accepted"),         request_accepted),
    ("transfer_request",   On::Made,                                 move_asked),
    ("transfer_request",   On::Enters("status", "cancelled"),        move_over),
    ("transfer_request",   On::Enters("status", "refused"),          move_over),
    ("transfer_request",   On::Enters("status", "accepted"),         move_over),
    ("transfer_request",   On::Enters("status", "ruled"),            move_over),
];

/// What ends with an organisation: kind, and the field that names it.
const ENDS_WITH_ORGANISATION: &[(&str, &str)] = &[
    ("coverage_link", "organisation"),
    ("instructor_assignment", "organisation"),
    ("platform_member", "organisation"),
    ("role_assignment", "subject"),
];

/// What ends with a Party organisation.
const ENDS_WITH_PARTY: &[(&str, &str)] = &[
    ("coverage_link", "party_organisation"),
    ("role_assignment", "subject"),
];

/// Whether something may follow from an edit: without a look at any other record.
#[must_use]
pub fn may_follow(subject: &Subject<'_>) -> bool {
    rows(subject).next().is_some()
}

fn rows<'s>(subject: &'s Subject<'_>) -> impl Iterator<Item = &'static Follow> + use<'s> {
    TABLE
        .iter()
        .filter(|(kind, on, _)| {
            *kind == subject.kind.id
                && match on {
                    On::Made => subject.before.is_none(),
                    On::Enters(field, to) => enters(subject, field, to),
                }
        })
        .map(|(_, _, follow)| follow)
}

/// What follows from an edit.
#[must_use]
pub fn follow(
    subject: &Subject<'_>,
    today: Date,
    year: &Parameters,
    lookup: &dyn Lookup,
) -> Outcome {
    let around = Surroundings {
        today,
        year,
        lookup,
    };
    let mut outcome = Outcome::default();
    rows(subject).for_each(|follow| follow(subject, &around, &mut outcome));
    outcome
}

/// A step that the state of other records suggests; nobody takes it by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// The step.
    pub act: &'static str,
    /// Why, in Chinese.
    pub zh: &'static str,
    /// Why, in English.
    pub en: &'static str,
}

/// What the other records suggest for one as it is. `subject` has the same values before and after.
#[must_use]
pub fn suggest(
    subject: &Subject<'_>,
    today: Date,
    year: &Parameters,
    lookup: &dyn Lookup,
) -> Option<Suggestion> {
    if subject.kind.id != "problem_item" {
        return None;
    }
    let around = Surroundings {
        today,
        year,
        lookup,
    };
    let this = this(subject);
    let tasks: Vec<(RecordId, TaskItem)> = around.referring(("task_item", "problem"), this);
    let is = |row: &TaskItem, status| row.status() == status;
    let over = |row: &TaskItem| is(row, TaskStatus::Done) || is(row, TaskStatus::Cancelled);
    let all_over = tasks.iter().all(|(_, row)| over(row));
    let any_done = tasks.iter().any(|(_, row)| is(row, TaskStatus::Done));
    (all_over && any_done).then_some(Suggestion {
        act: "apply_close",
        zh: "对应任务均已完成，可以申请销号",
        en: "all its tasks are done",
    })
}

fn this(subject: &Subject<'_>) -> Option<RecordKey> {
    key(&subject.kind.id, Some(&subject.id.0.to_vec()))
}

fn name(key: RecordKey) -> String {
    across::name(Catalogue::builtin(), key)
}

fn remark(outcome: &mut Outcome, field: &str, code: &'static str, text: (String, String)) {
    let found = finding("EFFECT", Warn, field, code, text);
    outcome.remarks.push(found);
}

/// What names a record in a field and is not over on a day, as kind, id and values.
fn hanging(
    subject: &Subject<'_>,
    around: &Surroundings<'_>,
    kinds: &[(&'static str, &str)],
) -> Vec<(&'static str, RecordId, Map<String, Json>)> {
    let catalogue = Catalogue::builtin();
    let mut all = Vec::new();
    for (kind_id, field) in kinds {
        let found = catalogue.kind_by_id(kind_id).and_then(|kind| {
            let field = kind.field(field)?;
            Some((kind, crate::validate::FieldOf { kind, field }))
        });
        let Some(((kind, from), to)) = found.zip(this(subject)) else {
            continue;
        };
        let rows = around.lookup.referring(&from, to).into_iter();
        all.extend(rows.map(|(id, values)| (*kind_id, id, value::to_json(kind, &values))));
    }
    all
}

fn date_in(row: &Map<String, Json>, field: &str) -> Option<Date> {
    row.get(field)?.as_str().and_then(date::stored)
}

/// Ends what hangs on a record with a day. What begins later never begins: it ends as it begins.
fn end(
    (subject, around): (&Subject<'_>, &Surroundings<'_>),
    kinds: &[(&'static str, &str)],
    (on, why): (Date, &str),
    outcome: &mut Outcome,
) {
    for (kind, id, row) in hanging(subject, around, kinds) {
        if date_in(&row, "to_on").is_some_and(|to| to <= on) {
            continue;
        }
        let ends = date_in(&row, "from_on").map_or(on, |from| from.max(on));
        if date_in(&row, "to_on") == Some(ends) {
            continue;
        }
        let mut set = vec![("to_on", date::text(ends))];
        if row.contains_key("end_reason") {
            set.push(("end_reason", why.to_owned()));
        }
        outcome.effects.push(Effect {
            kind,
            id: Some(id),
            set,
            is_needed: false,
        });
    }
}

/// 7.1: what hangs on an organisation ends with the day of its deregistration.
fn organisation_closed(subject: &Subject<'_>, around: &Surroundings<'_>, outcome: &mut Outcome) {
    let row: Organisation = decode(subject.after).unwrap_or_default();
    let on = day(row.closed_on.as_ref()).unwrap_or(around.today);
    let both = (subject, around);
    end(both, ENDS_WITH_ORGANISATION, (on, "单位注销"), outcome);
}

/// Who comes back does not find it again; it is named, so that somebody can look.
fn organisation_reopened(subject: &Subject<'_>, around: &Surroundings<'_>, outcome: &mut Outcome) {
    let before = subject.before.map(decode::<Organisation>);
    let before = before.and_then(Result::ok).unwrap_or_default();
    let was_closed = before.census_status() == CensusStatus::Closed;
    let Some(on) = day(before.closed_on.as_ref()).filter(|_| was_closed) else {
        return;
    };
    let ended = hanging(subject, around, ENDS_WITH_ORGANISATION).into_iter();
    let ended = ended.filter(|(_, _, row)| date_in(row, "to_on") == Some(on));
    let names: Vec<String> = ended.map(|(kind, id, _)| format!("{kind}/{id}")).collect();
    if names.is_empty() {
        return;
    }
    let (n, on, names) = (names.len(), date::text(on), names.join(" "));
    let zh = format!("注销时于 {on} 终止的 {n} 项没有恢复，需要的请重新登记：{names}");
    let en =
        format!("{n} that ended on {on} with it stay ended; enter anew what is needed: {names}");
    remark(outcome, "census_status", "stays_ended", (zh, en));
}

/// 7.2: the links end, so that organisations are uncovered again. A nomination that runs is named:
/// the city decides about what it has received.
fn party_dissolved(subject: &Subject<'_>, around: &Surroundings<'_>, outcome: &mut Outcome) {
    let row: PartyOrganisation = decode(subject.after).unwrap_or_default();
    let on = day(row.dissolved_on.as_ref()).unwrap_or(around.today);
    let why = row.dissolve_reason.as_deref().filter(|it| !it.is_empty());
    let why = why.map_or_else(
        || "党组织撤销".to_owned(),
        |why| format!("党组织撤销：{why}"),
    );
    end((subject, around), ENDS_WITH_PARTY, (on, &why), outcome);
    let running: Vec<(RecordId, Nomination)> =
        around.referring(("nomination", "party_organisation"), this(subject));
    let is_over = |status| {
        matches!(
            status,
            NominationStatus::Unspecified
                | NominationStatus::Withdrawn
                | NominationStatus::Accepted
                | NominationStatus::NotAccepted
        )
    };
    for (id, _) in running.iter().filter(|(_, row)| !is_over(row.status())) {
        let zh =
            format!("该党组织的申报 nomination/{id} 仍在办理：未接收的请撤回，已接收的由市级决定");
        let en = format!(
            "Its nomination/{id} still runs: withdraw it before the city receives it; then the city decides"
        );
        remark(outcome, "status", "nomination_runs", (zh, en));
    }
}

/// 7.3: the organisation is covered by what was built, unless it is already.
fn case_established(subject: &Subject<'_>, around: &Surroundings<'_>, outcome: &mut Outcome) {
    let row: EstablishmentCase = decode(subject.after).unwrap_or_default();
    let (Some(organisation), Some(party)) = (
        key("organisation", row.organisation.as_ref()),
        key("party_organisation", row.result_party_organisation.as_ref()),
    ) else {
        return;
    };
    let links: Vec<(RecordId, CoverageLink)> =
        around.referring(("coverage_link", "organisation"), Some(organisation));
    let covers = |link: &CoverageLink| {
        link.party_organisation == row.result_party_organisation
            && is_active_on(link.from_on.as_ref(), link.to_on.as_ref(), around.today)
    };
    if links.iter().any(|(_, link)| covers(link)) {
        return;
    }
    let built: Option<PartyOrganisation> =
        around.find("party_organisation", row.result_party_organisation.as_ref());
    let born = built.and_then(|built| day(built.established_on.as_ref()));
    // A Party organisation of its own covers it from its first day, one that was there from today.
    let from = match row.form() {
        EstablishmentForm::Standalone => born.unwrap_or(around.today),
        _ => born.map_or(around.today, |born| born.max(around.today)),
    };
    let mut set = vec![
        ("organisation", organisation.id.to_string()),
        ("party_organisation", party.id.to_string()),
        ("from_on", date::text(from)),
    ];
    let form = value::to_json(subject.kind, subject.after).remove("form");
    set.extend(form.and_then(|form| Some(("form", form.as_str()?.to_owned()))));
    outcome.effects.push(Effect {
        kind: "coverage_link",
        id: None,
        set,
        is_needed: true,
    });
}

/// 7.7: the day that was due first stays in the history and is said.
fn extension_granted(subject: &Subject<'_>, _around: &Surroundings<'_>, outcome: &mut Outcome) {
    let due = |values: &[u8]| {
        let row: ProblemItem = decode(values).unwrap_or_default();
        row.due_on.unwrap_or_default()
    };
    let (from, to) = (
        subject.before.map(due).unwrap_or_default(),
        due(subject.after),
    );
    let zh = format!("整改时限由 {from} 延至 {to}，原时限保留在历史中（record history）");
    let en = format!("It is due on {to} and was on {from}, which stays in record history");
    remark(outcome, "due_on", "due_moved", (zh, en));
}

/// R07: what a visit counts and the ledger says otherwise is asked of the district; nothing is
/// overwritten.
fn visit_made(subject: &Subject<'_>, around: &Surroundings<'_>, outcome: &mut Outcome) {
    let row: AcceptanceVisit = decode(subject.after).unwrap_or_default();
    let nomination: Option<Nomination> = around.find("nomination", row.nomination.as_ref());
    let Some(nomination) = nomination else { return };
    let party = key("party_organisation", nomination.party_organisation.as_ref());
    let on = row.on.clone().unwrap_or_default();
    if let (Some(seen), Some(party)) = (row.observed_members, party) {
        ask(
            (party, "member_count", seen),
            (subject, &on),
            around,
            outcome,
        );
    }
    let links: Vec<(RecordId, CoverageLink)> =
        around.referring(("coverage_link", "party_organisation"), party);
    let mut covered: Vec<_> = links
        .iter()
        .filter(|(_, it)| is_active_on(it.from_on.as_ref(), it.to_on.as_ref(), around.today))
        .filter_map(|(_, it)| key("organisation", it.organisation.as_ref()))
        .collect();
    covered.dedup();
    // Of a Party organisation that covers several nobody knows whose employees were counted.
    if let (Some(seen), [only]) = (row.observed_employees, covered.as_slice()) {
        ask((*only, "employees", seen), (subject, &on), around, outcome);
    }
}

/// A request where a figure of the ledger is another than was counted.
fn ask(
    (record, field, seen): (RecordKey, &str, u32),
    (visit, on): (&Subject<'_>, &str),
    around: &Surroundings<'_>,
    outcome: &mut Outcome,
) {
    let kind = Catalogue::builtin().kind(record.kind);
    let present = kind.and_then(|kind| {
        let values = around.lookup.values(record)?;
        Some(request::text_of(kind, kind.field(field)?, &values))
    });
    let seen = seen.to_string();
    let Some(present) = present.filter(|present| *present != seen) else {
        return;
    };
    let asked: Vec<(RecordId, ChangeRequest)> =
        around.referring(("change_request", "record"), Some(record));
    let waits = |row: &ChangeRequest| {
        row.field.as_deref() == Some(field)
            && row.status() == ChangeRequestStatus::Proposed
            && row.proposed.as_deref() == Some(seen.as_str())
    };
    if asked.iter().any(|(_, row)| waits(row)) {
        return;
    }
    outcome.effects.push(Effect {
        kind: "change_request",
        id: None,
        set: vec![
            ("record", name(record)),
            ("field", field.to_owned()),
            ("proposed", seen),
            ("present", present),
            (
                "basis",
                format!("抽查验收 acceptance_visit/{} 于 {on} 现场核实", visit.id),
            ),
            ("status", "proposed".to_owned()),
        ],
        is_needed: true,
    });
}

/// 7.8: a verdict ends the nomination; one on condition leaves it received.
fn verdict_given(subject: &Subject<'_>, around: &Surroundings<'_>, outcome: &mut Outcome) {
    let row: AcceptanceVerdict = decode(subject.after).unwrap_or_default();
    let nomination: Option<Nomination> = around.find("nomination", row.nomination.as_ref());
    let status = match row.verdict() {
        Verdict::Pass => "accepted",
        Verdict::Fail => "not_accepted",
        Verdict::Conditional | Verdict::Unspecified => return,
    };
    let (Some(nomination), Some(of)) = (nomination, key("nomination", row.nomination.as_ref()))
    else {
        return;
    };
    let is_open = matches!(
        nomination.status(),
        NominationStatus::Received | NominationStatus::SpotChecked
    );
    if is_open {
        outcome.effects.push(Effect {
            kind: "nomination",
            id: Some(of.id),
            set: vec![("status", status.to_owned())],
            is_needed: true,
        });
        return;
    }
    let zh = "该申报已有结论：新结论已登记，申报和示范点的状态没有变动，请按需要办理示范点复核"
        .to_owned();
    let en = "The nomination was decided before: the verdict is kept, the nomination and its point stay as they are; put the point under review if needed".to_owned();
    remark(outcome, "verdict", "decided_before", (zh, en));
}

/// 7.8 and R08: an accepted nomination is a point; of a Party organisation that was dissolved
/// meanwhile one under review.
fn nomination_accepted(subject: &Subject<'_>, around: &Surroundings<'_>, outcome: &mut Outcome) {
    let row: Nomination = decode(subject.after).unwrap_or_default();
    let (Some(party), Some(year)) = (
        key("party_organisation", row.party_organisation.as_ref()),
        key("programme_year", row.year.as_ref()),
    ) else {
        return;
    };
    let points: Vec<(RecordId, DemonstrationPoint)> =
        around.referring(("demonstration_point", "party_organisation"), Some(party));
    if points.iter().any(|(_, point)| point.year == row.year) {
        return;
    }
    let now: Option<PartyOrganisation> =
        around.find("party_organisation", row.party_organisation.as_ref());
    let has_ended = now.is_some_and(|now| now.status() == PartyOrgStatus::Dissolved);
    let status = if has_ended { "under_review" } else { "valid" };
    outcome.effects.push(Effect {
        kind: "demonstration_point",
        id: None,
        set: vec![
            ("party_organisation", party.id.to_string()),
            ("year", year.id.to_string()),
            ("status", status.to_owned()),
        ],
        is_needed: true,
    });
}

/// 7.12: the district's own write of what was proposed.
fn request_accepted(subject: &Subject<'_>, around: &Surroundings<'_>, outcome: &mut Outcome) {
    let row: ChangeRequest = decode(subject.after).unwrap_or_default();
    let catalogue = Catalogue::builtin();
    let target = request::target(catalogue, &row);
    let target = target.and_then(|(key, field)| Some((catalogue.kind(key.kind)?, key, field)));
    if let Some((kind, key, field)) = target {
        let mut set = vec![(field.id.as_str(), row.proposed.unwrap_or_default())];
        // A figure that had no day so far is of the day on which the district takes it.
        let day = kind.register(field.register).and_then(|of| of.as_of);
        let day = day.and_then(|number| kind.field_by_number(number));
        let day = day.filter(|day| day.id != field.id);
        let values = around.lookup.values(key).unwrap_or_default();
        if let Some(day) = day.filter(|day| request::text_of(kind, day, &values).is_empty()) {
            set.push((&day.id, date::text(around.today)));
        }
        outcome.effects.push(Effect {
            kind: &kind.id,
            id: Some(key.id),
            set,
            is_needed: true,
        });
    }
}

/// The organisation that a request of its own scope is about, and its state. What the other scope asks
/// for says nothing of the record; what was merged, or has moved, is left alone.
fn own_move(
    subject: &Subject<'_>,
    around: &Surroundings<'_>,
) -> Option<(RecordKey, Organisation, TransferStatus)> {
    let request: TransferRequest = decode(subject.after).ok()?;
    let record = across::named(Catalogue::builtin(), request.record())?;
    let from = across::scope(request.from_scope.as_ref());
    let is_own = from == Some(subject.scope) && around.lookup.home(record) == from;
    let is_organisation = key("organisation", Some(&record.id.0.to_vec())) == Some(record);
    if !is_own || !is_organisation {
        return None;
    }
    let row: Organisation = decode(&around.lookup.values(record)?).ok()?;
    Some((record, row, request.status()))
}

fn census_step(organisation: RecordKey, to: &str, is_needed: bool) -> Effect {
    Effect {
        kind: "organisation",
        id: Some(organisation.id),
        set: vec![("census_status", to.to_owned())],
        is_needed,
    }
}

/// 7.1: the request of its own scope takes an organisation of the ledger into transfer.
fn move_asked(subject: &Subject<'_>, around: &Surroundings<'_>, outcome: &mut Outcome) {
    let Some((organisation, row, request)) = own_move(subject, around) else {
        return;
    };
    let may_go = matches!(
        row.census_status(),
        CensusStatus::Candidate | CensusStatus::Counted
    );
    if may_go && request == TransferStatus::Requested {
        let effect = census_step(organisation, "transferring", true);
        outcome.effects.push(effect);
    }
}

/// It is again what it was when the last request of its own scope ends without a move.
fn move_over(subject: &Subject<'_>, around: &Surroundings<'_>, outcome: &mut Outcome) {
    let Some((organisation, row, _)) = own_move(subject, around) else {
        return;
    };
    let is_moving = row.census_status() == CensusStatus::Transferring;
    let place = (organisation, subject.scope);
    if is_moving && !is_asked(around.lookup, place, Some(subject.id)) {
        let effect = census_step(organisation, census::before_id(&row), false);
        outcome.effects.push(effect);
    }
}

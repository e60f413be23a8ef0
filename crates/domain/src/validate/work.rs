//! The rules of drives and cases, of instructors, of training and seminars.

use std::collections::BTreeSet;

use proto::ledger::{
    Carrier, CarrierStatus, CaseStatus, CoverageLink, Eligibility, EstablishmentCase,
    EstablishmentDrive, EstablishmentForm, EventStatus, InstructorAssignment, Organisation,
    RoleAssignment, Seminar, TrainingAttendance, TrainingSession, WorkerRole,
};
use replica::RecordId;

use super::{Subject, Surroundings, day, enters, finding, is_active_on, key, person, twins};
use crate::{
    date,
    finding::{
        Finding,
        Level::{Block, Warn},
    },
};

pub(super) fn drive(
    subject: &Subject<'_>,
    after: &EstablishmentDrive,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    let on = after.end_on.as_ref().or(after.start_on.as_ref());
    held(("start_on", on), after.status(), around, findings);
    twins::drive(subject, after, around, findings);
}

pub(super) fn seminar(
    _subject: &Subject<'_>,
    after: &Seminar,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    held(("on", after.on.as_ref()), after.status(), around, findings);
}

/// V19 and V20.
pub(super) fn training(
    subject: &Subject<'_>,
    after: &TrainingSession,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    let on = after.end_on.as_ref().or(after.start_on.as_ref());
    held(("start_on", on), after.status(), around, findings);
    // Nobody can be on the list of one that is being made.
    if subject.before.is_none() {
        return;
    }
    let this = key("training_session", Some(&subject.id.0.to_vec()));
    let names: Vec<(RecordId, TrainingAttendance)> =
        around.referring(("training_attendance", "session"), this);
    person::attended(day(on), names.len(), around, findings);
    if after.status() == EventStatus::Held && names.is_empty() {
        let zh = "培训已完成，没有参训名单，参训率不计入".to_owned();
        let en = "It was held and nobody is on its list; the rate does not count it".to_owned();
        findings.push(finding("V19", Warn, "status", "nobody_named", (zh, en)));
    }
    let Some(declared) = after.declared_headcount else {
        return;
    };
    let named: BTreeSet<_> = names.iter().map(|(_, row)| row.person.as_ref()).collect();
    if usize::try_from(declared).is_ok_and(|declared| declared < named.len()) {
        let named = named.len();
        let zh = format!("填报人数 {declared} 少于名单人数 {named}");
        let en = format!("{declared} were declared, but {named} are on the list");
        let field = "declared_headcount";
        findings.push(finding("V19", Warn, field, "fewer_than_named", (zh, en)));
    }
}

/// V18: who attended held the role on the day.
pub(super) fn attendance(
    _subject: &Subject<'_>,
    after: &TrainingAttendance,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    let session: Option<TrainingSession> = around.find("training_session", after.session.as_ref());
    let on = session.and_then(|session| day(session.start_on.as_ref()));
    let (Some(on), Some(person)) = (on, key("person", after.person.as_ref())) else {
        return;
    };
    let holds = |from: Option<&String>, to: Option<&String>| is_active_on(from, to, on);
    let roles: Vec<(RecordId, RoleAssignment)> =
        around.referring(("role_assignment", "person"), Some(person));
    let mut roles = roles.iter().map(|(_, row)| row);
    let mut has_role = roles
        .any(|row| row.role() == after.role() && holds(row.from_on.as_ref(), row.to_on.as_ref()));
    if !has_role && after.role() == WorkerRole::Instructor {
        let sent: Vec<(RecordId, InstructorAssignment)> =
            around.referring(("instructor_assignment", "person"), Some(person));
        let mut sent = sent.iter().map(|(_, row)| row);
        has_role = sent.any(|row| holds(row.from_on.as_ref(), row.to_on.as_ref()));
    }
    if !has_role {
        let zh = format!("此人 {} 未任该类别职务，参训率不计入", date::text(on));
        let en = format!(
            "This person did not hold the role on {}; the rate does not count it",
            date::text(on)
        );
        findings.push(finding("V18", Warn, "role", "role_not_held", (zh, en)));
    }
}

/// V17: how many organisations an instructor has today, this one among them.
pub(super) fn instructor(
    subject: &Subject<'_>,
    after: &InstructorAssignment,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    let holds = |row: &InstructorAssignment| {
        is_active_on(row.from_on.as_ref(), row.to_on.as_ref(), around.today)
    };
    if !holds(after) {
        return;
    }
    let person = key("person", after.person.as_ref());
    let all: Vec<(RecordId, InstructorAssignment)> =
        around.referring(("instructor_assignment", "person"), person);
    let others = all
        .iter()
        .filter(|(id, row)| *id != subject.id && holds(row));
    let mut units: BTreeSet<_> = others.map(|(_, row)| row.organisation.as_ref()).collect();
    units.insert(after.organisation.as_ref());
    let (units, line) = (units.len(), around.year.instructor_load_warn);
    if usize::try_from(line).is_ok_and(|line| units > line) {
        let zh = format!("该指导员负责 {units} 家单位，一般不超过 {line} 家");
        let en = format!("This instructor has {units} organisations; usually at most {line}");
        findings.push(finding("V17", Warn, "person", "instructor_load", (zh, en)));
    }
}

/// What a case needs to come so far.
pub(super) fn case(
    subject: &Subject<'_>,
    after: &EstablishmentCase,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    let status = after.status();
    let goes_for_building = matches!(
        status,
        CaseStatus::Planned | CaseStatus::Applied | CaseStatus::Approved | CaseStatus::Established
    );
    if goes_for_building && after.form.is_none() {
        let zh = "已定方式的组建任务须填写拟建方式".to_owned();
        let en = "A case whose form is decided names the planned form".to_owned();
        findings.push(finding("STEP", Block, "form", "form_missing", (zh, en)));
    }
    let is_hosted = after.host_party_organisation.is_some();
    if goes_for_building && after.form() == EstablishmentForm::Affiliated && !is_hosted {
        let zh = "挂靠建须填写拟依托党组织".to_owned();
        let en = "Affiliated to a host: name the planned host".to_owned();
        let field = "host_party_organisation";
        findings.push(finding("V12", Block, field, "host_missing", (zh, en)));
    }
    if status == CaseStatus::Established && after.result_party_organisation.is_none() {
        let zh = "已建立的组建任务须填写建成的党组织".to_owned();
        let en = "An established case names the Party organisation".to_owned();
        let field = "result_party_organisation";
        findings.push(finding("STEP", Block, field, "result_missing", (zh, en)));
    }
    judgement(subject, after, around, findings);
    let is_tended = matches!(status, CaseStatus::InstructorSent | CaseStatus::Cultivating);
    if is_tended {
        let of = key("organisation", after.organisation.as_ref());
        let sent: Vec<(RecordId, InstructorAssignment)> =
            around.referring(("instructor_assignment", "organisation"), of);
        let mut sent = sent.iter().map(|(_, row)| row);
        let holds = |row: &InstructorAssignment| {
            is_active_on(row.from_on.as_ref(), row.to_on.as_ref(), around.today)
        };
        if !sent.any(holds) {
            let is_step = status == CaseStatus::InstructorSent;
            let level = if is_step { Block } else { Warn };
            let zh = "请先为该单位选派指导员".to_owned();
            let en = "Assign an instructor to the organisation first".to_owned();
            findings.push(finding("STEP", level, "status", "no_instructor", (zh, en)));
        }
    }
    if goes_for_building
        && (status != CaseStatus::Established || enters(subject, "status", "established"))
    {
        planned(subject, after, around, findings);
    }
}

/// 7.3: which way a case goes is what it was judged; where it says nothing, what its organisation
/// says. Who is ready is planned, to who is not an instructor goes. Asked with the step alone.
fn judgement(
    subject: &Subject<'_>,
    after: &EstablishmentCase,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    let (plans, sends) = (
        enters(subject, "status", "planned"),
        enters(subject, "status", "instructor_sent"),
    );
    if !plans && !sends {
        return;
    }
    let said = Some(after.eligibility()).filter(|said| *said != Eligibility::Unspecified);
    let judged = said.unwrap_or_else(|| {
        let of: Option<Organisation> = around.find("organisation", after.organisation.as_ref());
        of.map(|of| of.eligibility()).unwrap_or_default()
    });
    let is_eligible = judged == Eligibility::Eligible;
    if plans && !is_eligible {
        let zh = "研判结论不是“具备条件”，不能确定组建方式，请先研判".to_owned();
        let en = "It was not judged eligible, so no form is planned; judge it first".to_owned();
        let code = "case_not_eligible";
        findings.push(finding("STEP", Block, "eligibility", code, (zh, en)));
    }
    if sends && is_eligible {
        let zh = "研判结论是“具备条件”，应确定组建方式，不转为选派指导员".to_owned();
        let en = "It was judged eligible: plan the form, no instructor goes instead".to_owned();
        let code = "case_eligible";
        findings.push(finding("STEP", Block, "eligibility", code, (zh, en)));
    }
}

/// V09 and V10 of what is only planned: whether the form will do. Whoever plans it, or changes the
/// plan to it, is held to the members; of a plan that stands it is a remark.
fn planned(
    subject: &Subject<'_>,
    after: &EstablishmentCase,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    let organisation: Option<Organisation> =
        around.find("organisation", after.organisation.as_ref());
    let full = organisation.map(|it| it.full_members.unwrap_or_default());
    let line = around.year.should_build_members;
    let is_short = full.filter(|full| *full < line);
    if let Some(full) = is_short.filter(|_| after.form() == EstablishmentForm::Standalone) {
        let is_planned = enters(subject, "status", "planned")
            || (after.status() != CaseStatus::Established && enters(subject, "form", "standalone"));
        let level = if is_planned { Block } else { Warn };
        let zh = format!("单独建须有正式党员 {line} 名以上，该单位为 {full} 名");
        let en = format!("Standalone needs {line} full members; this organisation has {full}");
        findings.push(finding("V09", level, "form", "planned_members", (zh, en)));
    }
    let host = key("party_organisation", after.host_party_organisation.as_ref());
    if after.form() != EstablishmentForm::Joint || host.is_none() {
        return;
    }
    let links: Vec<(RecordId, CoverageLink)> =
        around.referring(("coverage_link", "party_organisation"), host);
    let covers =
        |row: &CoverageLink| is_active_on(row.from_on.as_ref(), row.to_on.as_ref(), around.today);
    let links = links.iter().filter(|(_, row)| covers(row));
    let mut units: BTreeSet<_> = links.map(|(_, row)| row.organisation.as_ref()).collect();
    units.insert(after.organisation.as_ref());
    let (units, line) = (units.len(), around.year.joint_units_warn);
    if usize::try_from(line).is_ok_and(|line| units > line) {
        let zh = format!("联合支部将覆盖单位 {units} 个，一般不超过 {line} 个");
        let en =
            format!("The joint branch would cover {units} organisations; usually at most {line}");
        let field = "host_party_organisation";
        findings.push(finding("V10", Warn, field, "joint_many", (zh, en)));
    }
}

/// A carrier that has begun says when. One that is entered as it is may be completed later.
pub(super) fn carrier(
    subject: &Subject<'_>,
    after: &Carrier,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    twins::activities(subject, around, findings);
    let has_begun = matches!(
        after.status(),
        CarrierStatus::Running | CarrierStatus::Paused | CarrierStatus::Ended
    );
    if has_begun && after.started_on.is_none() {
        let is_step = enters(subject, "status", "running");
        let level = if is_step { Block } else { Warn };
        let zh = "已启动的载体须填写启动日期".to_owned();
        let en = "A carrier that has begun says when".to_owned();
        let field = "started_on";
        findings.push(finding("STEP", level, field, "start_missing", (zh, en)));
    }
}

/// V20: what was held has a day, and the day has come.
fn held(
    (field, on): (&str, Option<&String>),
    status: EventStatus,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    let has_come = day(on).is_some_and(|day| day <= around.today);
    if status == EventStatus::Held && !has_come {
        let today = date::text(around.today);
        let zh = format!("已完成的活动须有不晚于今天（{today}）的日期");
        let en = format!("What was held needs a date not later than today ({today})");
        findings.push(finding("V20", Block, field, "held_in_future", (zh, en)));
    }
}

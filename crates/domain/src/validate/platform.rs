//! The rules of platforms and of the services claimed on them.

use proto::ledger::{
    Platform, PlatformMeeting, PlatformMode, PlatformStatus, PlatformSystem, RoleAssignment,
    ServiceCentre, ServiceClaim, ServiceStatus, WorkerRole,
};
use replica::{RecordId, RecordKey};

use super::{Subject, Surroundings, day, enters, finding, is_active_on, key};
use crate::{
    date,
    finding::{
        Finding,
        Level::{Block, Warn},
    },
};

/// V21, the mode with which the building begins, and the meeting with which the work begins.
pub(super) fn judge(
    subject: &Subject<'_>,
    after: &Platform,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    // Nothing can name a platform that is being made.
    if subject.before.is_some() {
        founded(subject, after, around, findings);
    }
    let works = matches!(
        after.status(),
        PlatformStatus::Operating | PlatformStatus::Suspended
    );
    let is_step = enters(subject, "status", "operating");
    if (is_step || (works && subject.before == Some(subject.after))) && !has_met(subject, around) {
        let level = if is_step { Block } else { Warn };
        let zh = "平台召开第一次季度例会后方可转为运行，请先登记例会".to_owned();
        let en = "A platform works from its first quarterly meeting; enter the meeting".to_owned();
        findings.push(finding("STEP", level, "status", "no_meeting", (zh, en)));
    }
    let status = after.status();
    let is_begun = !matches!(
        status,
        PlatformStatus::Unspecified | PlatformStatus::Identified | PlatformStatus::Closed
    );
    if is_begun && after.mode.is_none() {
        let zh = "筹建平台须先确定组建方式".to_owned();
        let en = "The building of a platform begins with its mode".to_owned();
        findings.push(finding("STEP", Block, "mode", "mode_missing", (zh, en)));
    }
    let is_built = matches!(
        status,
        PlatformStatus::Built | PlatformStatus::Operating | PlatformStatus::Suspended
    );
    if !is_built && after.built_on.is_none() {
        return;
    }
    let steps = [
        ("step_institution_on", &after.step_institution_on),
        ("step_mechanism_on", &after.step_mechanism_on),
        ("step_strength_on", &after.step_strength_on),
        ("step_service_on", &after.step_service_on),
    ];
    let open = steps.iter().find(|(_, on)| day(on.as_ref()).is_none());
    if let Some((field, _)) = open {
        let zh = "已建成的平台须填写建设四步的完成日期".to_owned();
        let en = "A platform that is built has the dates of all four steps".to_owned();
        findings.push(finding("V21", Block, field, "step_open", (zh, en)));
        return;
    }
    let last = steps.iter().filter_map(|(_, on)| day(on.as_ref())).max();
    let built = day(after.built_on.as_ref());
    if built.is_none() || built < last {
        let last = last.map(date::text).unwrap_or_default();
        let zh = format!("建成日期不能早于最后一步的完成日期 {last}");
        let en = format!("It is built on or after the day of the last step, {last}");
        findings.push(finding("V21", Block, "built_on", "built_early", (zh, en)));
    }
}

/// What makes a step of the building done, in Chinese and English: institution, mechanism, strength,
/// service.
const BASES: [(&str, &str); 4] = [
    (
        "组建方式、联合党组织或园区党工委、书记",
        "mode, joint Party organisation or park committee, secretary",
    ),
    (
        "党建联席会议和季度例会制度",
        "joint conference and quarterly meeting",
    ),
    (
        "已开放并有功能的服务中心、兼职委员",
        "an open centre with a function, a part-time member",
    ),
    (
        "至少一项已办结的服务认领",
        "a service claim that was finished",
    ),
];

/// 7.6: a step has what makes it done. A day alone is only a remark.
fn founded(
    subject: &Subject<'_>,
    after: &Platform,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    let days = [
        ("step_institution_on", &after.step_institution_on),
        ("step_mechanism_on", &after.step_mechanism_on),
        ("step_strength_on", &after.step_strength_on),
        ("step_service_on", &after.step_service_on),
    ];
    if days.iter().all(|(_, on)| on.is_none()) {
        return;
    }
    let founded = bases(subject, after, around);
    let steps = days.into_iter().zip(founded).zip(BASES);
    let open = steps.filter(|(((_, on), is_founded), _)| on.is_some() && !is_founded);
    for (((field, _), _), (zh, en)) in open {
        let zh = format!("这一步已填完成日期，但还缺少依据：{zh}");
        let en = format!("The step has its day but not yet what makes it done: {en}");
        findings.push(finding("V21", Warn, field, "step_unfounded", (zh, en)));
    }
}

/// Which of the steps have what [`BASES`] says.
fn bases(subject: &Subject<'_>, after: &Platform, around: &Surroundings<'_>) -> [bool; 4] {
    let this = key("platform", Some(&subject.id.0.to_vec()));
    let joint = after.joint_party_organisation.as_ref();
    let joint = key("party_organisation", joint);
    let serves = |of: Option<RecordKey>, role: WorkerRole| {
        let all: Vec<(RecordId, RoleAssignment)> =
            around.referring(("role_assignment", "subject"), of);
        let mut all = all.iter().map(|(_, row)| row);
        all.any(|row| {
            row.role() == role
                && is_active_on(row.from_on.as_ref(), row.to_on.as_ref(), around.today)
        })
    };
    let is_led = after.secretary_source.is_some()
        || [joint, this]
            .into_iter()
            .any(|of| serves(of, WorkerRole::Secretary));
    let is_joined = joint.is_some() || after.mode() == PlatformMode::ParkCommittee;
    let systems: Vec<_> = after.systems().collect();
    let needed = [
        PlatformSystem::JointConference,
        PlatformSystem::QuarterlyMeeting,
    ];
    let centres: Vec<(RecordId, ServiceCentre)> =
        around.referring(("service_centre", "platform"), this);
    let is_open = |row: &ServiceCentre| {
        let opened = day(row.opened_on.as_ref());
        !row.functions.is_empty() && opened.is_some_and(|on| on <= around.today)
    };
    let mut places = centres
        .iter()
        .map(|(id, _)| key("service_centre", Some(&id.0.to_vec())))
        .chain([this, joint]);
    let claims: Vec<(RecordId, ServiceClaim)> =
        around.referring(("service_claim", "platform"), this);
    let mut claims = claims.iter().map(|(_, row)| row);
    [
        after.mode.is_some() && is_joined && is_led,
        needed.iter().all(|system| systems.contains(system)),
        centres.iter().any(|(_, row)| is_open(row))
            && places.any(|of| serves(of, WorkerRole::PartTimeMember)),
        claims.any(|row| row.status() == ServiceStatus::Done),
    ]
}

fn has_met(subject: &Subject<'_>, around: &Surroundings<'_>) -> bool {
    let this = key("platform", Some(&subject.id.0.to_vec()));
    let met: Vec<(RecordId, PlatformMeeting)> =
        around.referring(("platform_meeting", "platform"), this);
    let is_quarterly = |row: &PlatformMeeting| row.kind() == PlatformSystem::QuarterlyMeeting;
    met.iter().any(|(_, row)| is_quarterly(row))
}

/// Who claimed a need, and when it was done.
pub(super) fn claim(
    _subject: &Subject<'_>,
    after: &ServiceClaim,
    _around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    let status = after.status();
    let is_claimed = matches!(
        status,
        ServiceStatus::Claimed | ServiceStatus::InProgress | ServiceStatus::Done
    );
    if is_claimed && after.claimed_by.is_none() {
        let zh = "已认领的需求须填写认领单位".to_owned();
        let en = "A claimed need says who claimed it".to_owned();
        findings.push(finding(
            "STEP",
            Block,
            "claimed_by",
            "claimer_missing",
            (zh, en),
        ));
    }
    if status == ServiceStatus::Done && after.done_on.is_none() {
        let zh = "已办结的需求须填写办结日期".to_owned();
        let en = "A need that is met says when".to_owned();
        findings.push(finding("STEP", Block, "done_on", "day_missing", (zh, en)));
    }
}

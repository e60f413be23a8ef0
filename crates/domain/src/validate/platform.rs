//! The rules of platforms and of the services claimed on them.

use proto::ledger::{
    Platform, PlatformMeeting, PlatformStatus, PlatformSystem, ServiceClaim, ServiceStatus,
};
use replica::RecordId;

use super::{Subject, Surroundings, day, enters, finding, key};
use crate::{
    date,
    finding::{Finding, Level::Block},
};

/// V21, the mode with which the building begins, and the meeting with which the work begins.
pub(super) fn judge(
    subject: &Subject<'_>,
    after: &Platform,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    if enters(subject, "status", "operating") && !has_met(subject, around) {
        let zh = "平台召开第一次季度例会后方可转为运行，请先登记例会".to_owned();
        let en = "A platform works from its first quarterly meeting; enter the meeting".to_owned();
        findings.push(finding("STEP", Block, "status", "no_meeting", (zh, en)));
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

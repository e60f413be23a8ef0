//! What may have been entered twice: both stay, and each names the other.

use proto::ledger::{CarrierActivity, EstablishmentDrive, EventStatus, PlatformMeeting};
use replica::RecordId;

use super::{Subject, Surroundings, finding, key};
use crate::{
    finding::{Finding, Level::Warn},
    number, text,
};

/// R19: two records of one kind and scope with one number.
pub(super) fn numbered(
    subject: &Subject<'_>,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    let Some(no) = number::of(subject.kind, subject.after) else {
        return;
    };
    let bearers = around.lookup.numbered(subject.kind, subject.scope, &no);
    let Some(other) = other(subject, bearers) else {
        return;
    };
    let zh = format!(
        "编号 {no} 与另一条重复：{other}；编号不改，请在说明中注明区别，登记重复的撤回其中一条"
    );
    let en = format!(
        "Another record bears the number {no}: {other}. Numbers stay; say which is meant, and withdraw the one that was entered twice"
    );
    findings.push(finding("R19", Warn, "no", "number_twice", (zh, en)));
}

/// The yearly drive, entered by two desks. One that is held is enough, whichever.
pub(super) fn drive(
    subject: &Subject<'_>,
    after: &EstablishmentDrive,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    let counts = |row: &EstablishmentDrive| row.status() != EventStatus::Cancelled;
    if !counts(after) {
        return;
    }
    let year = key("programme_year", after.year.as_ref());
    let all: Vec<(RecordId, EstablishmentDrive)> =
        around.referring(("establishment_drive", "year"), year);
    let same = all
        .iter()
        .filter(|(_, row)| row.scope == after.scope && counts(row));
    if let Some(other) = other(subject, same.map(|(id, _)| *id)) {
        let zh = format!("本辖区本年度另有集中组建活动，可能重复：{other}；重复的取消其中一条");
        let en = format!(
            "The scope has another drive of that year, which may be the same: {other}. Cancel the one that was entered twice"
        );
        findings.push(twice("year", "drive_twice", (zh, en)));
    }
}

/// A meeting of one platform, day and kind.
pub(super) fn meeting(
    subject: &Subject<'_>,
    after: &PlatformMeeting,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    if after.on.is_none() {
        return;
    }
    let platform = key("platform", after.platform.as_ref());
    let all: Vec<(RecordId, PlatformMeeting)> =
        around.referring(("platform_meeting", "platform"), platform);
    let is_same = |row: &PlatformMeeting| row.on == after.on && row.kind == after.kind;
    let same = all.iter().filter(|(_, row)| is_same(row));
    if let Some(other) = other(subject, same.map(|(id, _)| *id)) {
        let zh = format!("该平台同一天有另一次同类会议，可能重复：{other}；重复的删除其中一条");
        let en = format!(
            "The platform has another meeting of that day and kind, which may be the same: {other}. Delete the one that was entered twice"
        );
        findings.push(twice("on", "meeting_twice", (zh, en)));
    }
}

/// An activity of one carrier, day and title, said where it is saved. Most records are activities, so
/// those that stand are looked at once, with their carrier: [`activities`].
pub(super) fn activity(
    subject: &Subject<'_>,
    after: &CarrierActivity,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    let carrier = key("carrier", after.carrier.as_ref());
    let all: Vec<(RecordId, CarrierActivity)> =
        around.referring(("carrier_activity", "carrier"), carrier);
    let same = all.iter().filter(|(_, row)| is_same(row, after));
    if let Some(other) = other(subject, same.map(|(id, _)| *id)) {
        let zh = format!("该载体同一天有另一条同名活动，可能重复：{other}；重复的删除其中一条");
        let en = format!(
            "The carrier has another activity of that day and title, which may be the same: {other}. Delete the one that was entered twice"
        );
        findings.push(twice("title", "activity_twice", (zh, en)));
    }
}

/// The activities of a carrier that stands, of which two are of one day and title.
pub(super) fn activities(
    subject: &Subject<'_>,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    if subject.before != Some(subject.after) {
        return;
    }
    let carrier = key("carrier", Some(&subject.id.0.to_vec()));
    let all: Vec<(RecordId, CarrierActivity)> =
        around.referring(("carrier_activity", "carrier"), carrier);
    let twins = all.iter().enumerate().filter_map(|(at, (id, row))| {
        let mut before = all.iter().take(at);
        let first = before.find(|(_, other)| is_same(other, row));
        first.map(|(first, _)| (*first, *id))
    });
    let twins: Vec<_> = twins.collect();
    let Some((first, second)) = twins.first() else {
        return;
    };
    let count = twins.len();
    let zh = format!(
        "该载体同一天有同名活动 {count} 处，可能重复，如 {first} 与 {second}；重复的删除其中一条"
    );
    let en = format!(
        "{count} activities of the carrier have the day and title of another and may be the same, as {first} and {second}. Delete those that were entered twice"
    );
    findings.push(twice("name", "activity_twice", (zh, en)));
}

/// Whether two activities are of one day and title; one that lacks either is like none.
fn is_same(one: &CarrierActivity, other: &CarrierActivity) -> bool {
    let title = |row: &CarrierActivity| row.title.as_deref().map(text::loose);
    one.on.is_some() && one.on == other.on && one.title.is_some() && title(one) == title(other)
}

fn twice(field: &str, code: &'static str, said: (String, String)) -> Finding {
    finding("TWICE", Warn, field, code, said)
}

/// The first of the records beside the one that is judged.
fn other(subject: &Subject<'_>, all: impl IntoIterator<Item = RecordId>) -> Option<RecordId> {
    all.into_iter().filter(|id| *id != subject.id).min()
}

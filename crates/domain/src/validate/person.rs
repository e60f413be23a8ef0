//! How long personal values are kept (domain 10).

use std::convert::Infallible;

use proto::ledger::{InstructorAssignment, Person, RoleAssignment};
use replica::RecordId;

use super::{Subject, Surroundings, day, finding, key};
use crate::{
    alias::Alias,
    date::{self, Date},
    erasure,
    finding::{Finding, Level::Warn},
};

/// Years after the end of the last role in which a name is still needed.
const KEPT_YEARS: i32 = 2;

/// Years after that of a course in which it is still needed who attended.
const ATTENDED_YEARS: i32 = 3;

/// Whose last role ended long ago is listed, so that somebody erases the person. Who never had a role is
/// none of these: that may still be entered.
pub(super) fn judge(
    subject: &Subject<'_>,
    after: &Person,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    same(subject, after, around, findings);
    if erasure::is_erased_message(subject.kind, subject.after) {
        return;
    }
    let Some(last) = last_end(subject.id, around) else {
        return;
    };
    let year = last.year() + KEPT_YEARS;
    // 29 February has no second anniversary.
    let due = date::day(year, last.month().into(), last.day()).or_else(|| date::day(year, 3, 1));
    if due.is_some_and(|due| due <= around.today) {
        let last = date::text(last);
        let zh = format!(
            "最后的任职于 {last} 终止，已满 {KEPT_YEARS} 年，不再需要的请清除个人信息（person erase）"
        );
        let en = format!(
            "The last role ended on {last}, {KEPT_YEARS} years ago or more; erase the person where nothing needs the name (person erase)"
        );
        findings.push(finding("KEEP", Warn, "display_name", "keep_over", (zh, en)));
    }
}

/// The day on which the last role of a person ended; none while one goes on, and of who never had any.
pub(super) fn last_end(person: RecordId, around: &Surroundings<'_>) -> Option<Date> {
    let this = key("person", Some(&person.0.to_vec()));
    let roles: Vec<(RecordId, RoleAssignment)> =
        around.referring(("role_assignment", "person"), this);
    let sent: Vec<(RecordId, InstructorAssignment)> =
        around.referring(("instructor_assignment", "person"), this);
    let roles = roles.iter().map(|(_, row)| day(row.to_on.as_ref()));
    let sent = sent.iter().map(|(_, row)| day(row.to_on.as_ref()));
    // One that has no end goes on.
    let ends: Option<Vec<Date>> = roles.chain(sent).collect();
    ends.and_then(|ends| ends.into_iter().max())
}

/// Of a course of long ago it is listed, once, that somebody deletes who attended. The rates that were
/// counted then are frozen.
pub(super) fn attended(
    on: Option<Date>,
    names: usize,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    let Some(last) = on.map(|on| on.year() + ATTENDED_YEARS) else {
        return;
    };
    if names > 0 && last < around.today.year() {
        let zh = format!(
            "{names} 条参训记录只需保存到 {last} 年底，不再需要的请删除（record delete training_attendance）"
        );
        let en = format!(
            "{names} attendances are needed until the end of {last}; delete those that nothing needs any more (record delete training_attendance)"
        );
        findings.push(finding(
            "KEEP",
            Warn,
            "start_on",
            "attendance_over",
            (zh, en),
        ));
    }
}

/// Entries of one human being are named in a row, which leads back to none of them.
fn same(
    subject: &Subject<'_>,
    after: &Person,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    let named = |row: &Person| RecordId::try_from(row.same_as.as_deref()?).ok();
    let Some(other) = named(after) else { return };
    let mut next = |id: RecordId| {
        let after = (id == subject.id).then_some(other);
        let known = || named(&around.find::<Person>("person", Some(&id.0.to_vec()))?);
        Ok::<_, Infallible>(after.or_else(known))
    };
    if Alias::follow(subject.id, &mut next) == Ok(Alias::Circle) {
        let zh = "同一人的关联绕回了自己，请只从一条记录指向另一条".to_owned();
        let en =
            "These links of one person lead back to where they begin; let one entry name the other";
        findings.push(Finding::input("same_as", "same_circle", zh, en.to_owned()));
    }
}

//! The rules of the three lists.

use proto::ledger::{ProblemItem, ProblemStatus};

use super::{Subject, Surroundings, day, enters, finding};
use crate::{
    date,
    effective::decode,
    finding::{Finding, Level::Block},
};

/// V23, and the days that a longer time needs: a problem is closed with evidence or a written statement. That who closes it did not ask for
/// it is the table's ([`crate::state::Who`]).
pub(super) fn problem(
    subject: &Subject<'_>,
    after: &ProblemItem,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    let ends = matches!(
        after.status(),
        ProblemStatus::CloseApplied | ProblemStatus::Closed
    );
    let says = after.measure.as_deref().is_some_and(|it| !it.is_empty());
    if ends && after.evidence.is_empty() && !says {
        let zh = "申请销号须附佐证或写明整改措施".to_owned();
        let en = "To close a problem, attach evidence or write down what was done".to_owned();
        findings.push(finding("V23", Block, "measure", "no_evidence", (zh, en)));
    }
    let due = day(after.due_on.as_ref());
    let before: Option<ProblemItem> = subject.before.and_then(|values| decode(values).ok());
    let former = before.and_then(|before| day(before.due_on.as_ref()));
    if enters(subject, "extension", "granted") && due.is_none_or(|due| former >= Some(due)) {
        let former = former.map(date::text).unwrap_or_default();
        let zh = format!("同意延期须填写晚于原时限 {former} 的新时限");
        let en = format!("An extension gives a new day, later than {former}");
        findings.push(finding("STEP", Block, "due_on", "due_not_moved", (zh, en)));
    }
    // No other field carries the day on which a long matter is looked at again.
    let is_ahead = due.is_some_and(|due| due > around.today);
    if enters(subject, "status", "long_term") && !is_ahead {
        let zh = "转为长期推进须在整改时限中填写下次复核日期，且晚于今天".to_owned();
        let en =
            "A long-term problem has its next review day, after today, as its due day".to_owned();
        findings.push(finding("STEP", Block, "due_on", "review_day", (zh, en)));
    }
}

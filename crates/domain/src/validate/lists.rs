//! The rules of the three lists.

use proto::ledger::{ProblemItem, ProblemStatus};

use super::{Subject, Surroundings, finding};
use crate::finding::{Finding, Level::Block};

/// V23: a problem is closed with evidence or a written statement. That who closes it did not ask for
/// it is the table's ([`crate::state::Who`]).
pub(super) fn problem(
    _subject: &Subject<'_>,
    after: &ProblemItem,
    _around: &Surroundings<'_>,
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
}

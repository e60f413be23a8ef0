//! What may have been entered twice: both stay, and each names the other.

use replica::RecordId;

use super::{Subject, Surroundings, finding};
use crate::{
    finding::{Finding, Level::Warn},
    number,
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
    let Some(other) = others(subject.id, bearers) else {
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

/// The first of the records beside this one.
fn others(this: RecordId, mut all: Vec<RecordId>) -> Option<RecordId> {
    all.retain(|id| *id != this);
    all.into_iter().min()
}

//! What a year that is settled or archived, or an item that was published, no longer lets through.

use proto::ledger::{QuarterlyReturn, ReturnStatus, StandardItem, YearPhase};

use super::{Subject, Surroundings, finding};
use crate::{
    date,
    effective::decode,
    finding::{Finding, Level::Block},
    identity::year_record_id,
    year,
};

/// A record of an archived year is read only.
pub(super) fn closed(
    subject: &Subject<'_>,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    let archived = year::archived(subject, around.lookup);
    if let Some(year) = archived.filter(|_| subject.before != Some(subject.after)) {
        let zh = format!("{year} 年度已归档，该年度的记录只供查阅");
        let en = format!("The year {year} is archived; its records are only read");
        findings.push(finding("YEAR", Block, "year", "year_archived", (zh, en)));
    }
}

/// R17: an item that was published stays as it is; a change is a new item.
pub(super) fn item(
    subject: &Subject<'_>,
    after: &StandardItem,
    _around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    let before: Option<StandardItem> = subject.before.and_then(|values| decode(values).ok());
    let Some(before) = before.filter(|before| !before.draft()) else {
        return;
    };
    let is_same = StandardItem {
        draft: before.draft,
        ..after.clone()
    } == before
        && !after.draft();
    if !is_same {
        let zh = "已公布的条目本年度不再修改，请另立条目".to_owned();
        let en = "An item that was published stays for the year; make a new one".to_owned();
        findings.push(finding("R17", Block, "title", "item_frozen", (zh, en)));
    }
}

/// The figures of a settled year are locked: what was accepted may still be locked, nothing else
/// moves.
pub(super) fn figures(
    subject: &Subject<'_>,
    after: &QuarterlyReturn,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    let is_same = subject.before == Some(subject.after);
    if is_same || after.status() == ReturnStatus::Locked {
        return;
    }
    let of = after.period.as_deref().and_then(date::year_of_period);
    let Some(of) = of else { return };
    let id = year_record_id(of).0.to_vec();
    let year: Option<proto::ledger::ProgrammeYear> = around.find("programme_year", Some(&id));
    let phase = year.map(|year| year.phase_override());
    if matches!(phase, Some(YearPhase::Settled | YearPhase::Archived)) {
        let zh = format!("{of} 年度已兑现，季报已锁定；之后的变动在下一期作为更正列出");
        let en = format!(
            "The year {of} is settled and its returns are locked; what changes is a correction in the next"
        );
        findings.push(finding("YEAR", Block, "period", "year_settled", (zh, en)));
    }
}

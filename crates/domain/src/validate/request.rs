//! The rules of what the city asks a district to correct.

use proto::ledger::{ChangeRequest, ChangeRequestStatus};

use super::{Subject, Surroundings, enters, finding};
use crate::{
    catalogue::Catalogue,
    finding::{Finding, Level::Block},
    permission, request,
};

/// It names a field that can be written; it is accepted while the field reads as it did, and declined
/// with a reason.
pub(super) fn judge(
    subject: &Subject<'_>,
    after: &ChangeRequest,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    let target = request::target(Catalogue::builtin(), after);
    if subject.before.is_none() && target.is_none() {
        let zh = "更正建议须写明记录和其中可填写的一项".to_owned();
        let en = "A request names a record and a field of it".to_owned();
        findings.push(finding("STEP", Block, "field", "no_such_field", (zh, en)));
    }
    if after.status() == ChangeRequestStatus::Declined
        && after.answer.as_deref().is_none_or(str::is_empty)
    {
        let zh = "不采纳须在答复中说明理由".to_owned();
        let en = "To decline, give the reason in the answer".to_owned();
        findings.push(finding("STEP", Block, "answer", "answer_missing", (zh, en)));
    }
    if !enters(subject, "status", "accepted") {
        return;
    }
    let present = target.and_then(|(key, field)| {
        let kind = Catalogue::builtin().kind(key.kind)?;
        let now = request::text_of(kind, field, &around.lookup.values(key)?);
        request::is_outdated(after, &now).then_some(())?;
        // Whoever reads this may see personal data masked.
        let is_masked = permission::is_masked(kind, field);
        Some(if is_masked {
            permission::masked(field, &now)
        } else {
            now
        })
    });
    if let Some(now) = present {
        let zh =
            format!("该项在建议提出之后已改为“{now}”，请不采纳并说明，或请市级按新的值重新提出");
        let en = format!(
            "The field was changed to \"{now}\" since; decline and say so, or have the city ask anew"
        );
        findings.push(finding(
            "STEP",
            Block,
            "status",
            "request_outdated",
            (zh, en),
        ));
    }
}

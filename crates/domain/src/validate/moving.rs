//! 7.1: an organisation whose own scope has asked for its move is in transfer, and nobody writes it
//! until the move is over.
//!
//! It is asked where a person or an import saves. What the city rules, decisions of conflicts, and
//! what two places did without knowing of each other go around it.

use proto::ledger::{CensusStatus, Organisation, TransferRequest, TransferStatus};
use replica::{RecordId, RecordKey, ScopeId};

use super::{FieldOf, Lookup, Subject, finding, key};
use crate::{
    across,
    catalogue::Catalogue,
    effective::decode,
    finding::{Finding, Level::Block},
};

/// Whether the scope that a record belongs to has asked for its move, and that waits. `over` is a
/// request that ends now.
pub(crate) fn is_asked(
    lookup: &dyn Lookup,
    (record, home): (RecordKey, ScopeId),
    over: Option<RecordId>,
) -> bool {
    let catalogue = Catalogue::builtin();
    let request = catalogue.kind_by_id("transfer_request");
    let from = request.and_then(|kind| {
        let field = kind.field("record")?;
        Some(FieldOf { kind, field })
    });
    let Some(from) = from else { return false };
    let requests = lookup.referring(&from, record);
    let mut others = requests.iter().filter(|(id, _)| Some(*id) != over);
    others.any(|(id, values)| {
        let row: TransferRequest = decode(values).unwrap_or_default();
        let request = RecordKey {
            kind: from.kind.kind,
            id: *id,
        };
        row.status() == TransferStatus::Requested
            && across::scope(row.from_scope.as_ref()) == Some(home)
            && lookup.home(request) == Some(home)
    })
}

fn status(subject: &Subject<'_>, values: &[u8]) -> Option<CensusStatus> {
    let is_organisation = subject.kind.id == "organisation";
    let row: Option<Organisation> = is_organisation.then(|| decode(values).unwrap_or_default());
    row.map(|row| row.census_status())
}

fn waits(subject: &Subject<'_>, lookup: &dyn Lookup) -> bool {
    let this = key("organisation", Some(&subject.id.0.to_vec()));
    this.is_some_and(|this| is_asked(lookup, (this, subject.scope), None))
}

/// Why a record, as it stands before an edit, is only read now.
#[must_use]
pub fn locked(subject: &Subject<'_>, lookup: &dyn Lookup) -> Option<Finding> {
    let was = subject.before.and_then(|before| status(subject, before));
    let is_locked = was == Some(CensusStatus::Transferring) && waits(subject, lookup);
    is_locked.then(|| {
        let zh = "该单位正在迁移，办结前只能查看；要修改请先撤回申请（transfer cancel）".to_owned();
        let en = "The organisation is in transfer and only read until that is over; to change it, take the request back (transfer cancel)".to_owned();
        finding("MOVE", Block, "", "move_locked", (zh, en))
    })
}

/// Why an edit of an organisation goes around its transfer: it takes that state, or leaves it, without
/// the request, or writes anything else meanwhile.
#[must_use]
pub fn around_transfer(subject: &Subject<'_>, lookup: &dyn Lookup) -> Option<Finding> {
    let is = status(subject, subject.after)? == CensusStatus::Transferring;
    let was = subject.before.and_then(|before| status(subject, before));
    let was = was == Some(CensusStatus::Transferring);
    let step = |code, (zh, en): (&str, &str)| {
        let text = (zh.to_owned(), en.to_owned());
        Some(finding("MOVE", Block, "census_status", code, text))
    };
    match (was, is) {
        _ if subject.before == Some(subject.after) => None,
        (true, true) => locked(subject, lookup),
        (false, true) if !waits(subject, lookup) => step(
            "move_unasked",
            (
                "“迁移中”由迁移申请带来，不能直接填写；请用 transfer request 提出",
                "\"In transfer\" comes with a request and is not filled in; ask with transfer request",
            ),
        ),
        (true, false) if waits(subject, lookup) => step(
            "move_waits",
            (
                "迁移申请还在办理，“迁移中”随申请办结；不迁了请用 transfer cancel 撤回",
                "The request still waits, and \"In transfer\" ends with it; if nothing is to move, take it back with transfer cancel",
            ),
        ),
        _ => None,
    }
}

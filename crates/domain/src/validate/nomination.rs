//! The rules from nomination to notice.

use std::collections::BTreeSet;

use proto::ledger::{
    AcceptanceVerdict, AcceptanceVisit, CriterionScore, DemonstrationPoint, Nomination,
    NominationStatus, Notice, NoticeKind, PartyOrgStatus, PartyOrganisation, PointStatus,
    ProgrammeYear, StandardItem, Verdict, YearPhase,
};
use replica::RecordId;

use super::{Subject, Surroundings, day, enters, finding, key};
use crate::{
    date,
    finding::{
        Finding,
        Level::{self, Block, Warn},
    },
    parameters,
};

/// Whether a nomination has come to the city, and stands there.
fn is_recommended(status: NominationStatus) -> bool {
    matches!(
        status,
        NominationStatus::Recommended
            | NominationStatus::Received
            | NominationStatus::SpotChecked
            | NominationStatus::Accepted
            | NominationStatus::NotAccepted
    )
}

/// V24. A district is warned of what the city will refuse when it receives; the window, the rank
/// and the scores are the district's own matter.
pub(super) fn judge(
    subject: &Subject<'_>,
    after: &Nomination,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    let status = after.status();
    match status {
        NominationStatus::Submitted | NominationStatus::Recommended => {
            window(after, Block, around, findings);
        }
        // The district may still go through it, and will not bring it to the city.
        NominationStatus::Screened | NominationStatus::Assessed => {
            window(after, Warn, around, findings);
        }
        _ => {}
    }
    let is_assessed = status == NominationStatus::Assessed || is_recommended(status);
    if is_assessed {
        scores(subject, after, around, findings);
    }
    decided(subject, after, around, findings);
    if matches!(
        status,
        NominationStatus::Draft | NominationStatus::Withdrawn
    ) {
        return;
    }
    let level = if status == NominationStatus::Received {
        Block
    } else {
        Warn
    };
    let party: Option<PartyOrganisation> =
        around.find("party_organisation", after.party_organisation.as_ref());
    if party.is_some_and(|party| party.status() != PartyOrgStatus::Active) {
        let zh = "申报的党组织须为正常运行".to_owned();
        let en = "The Party organisation that is nominated must be active".to_owned();
        let field = "party_organisation";
        findings.push(finding("V24", level, field, "party_not_active", (zh, en)));
    }
    let of_year: Vec<(RecordId, Nomination)> = around.referring(
        ("nomination", "year"),
        key("programme_year", after.year.as_ref()),
    );
    let others: Vec<&Nomination> = of_year
        .iter()
        .filter(|(id, row)| *id != subject.id && row.status() != NominationStatus::Withdrawn)
        .map(|(_, row)| row)
        .collect();
    if others
        .iter()
        .any(|other| other.party_organisation == after.party_organisation)
    {
        let zh = "该党组织本年度已有申报".to_owned();
        let en = "This Party organisation is nominated in the year already".to_owned();
        let field = "party_organisation";
        findings.push(finding("V24", level, field, "nominated_twice", (zh, en)));
    }
    if is_recommended(status) {
        let beside = others
            .into_iter()
            .filter(|other| other.scope == after.scope && is_recommended(other.status()));
        let beside: Vec<_> = beside.collect();
        ranks((subject, after), &beside, level, around, findings);
    }
}

fn window(
    after: &Nomination,
    level: Level,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    let year: Option<ProgrammeYear> = around.find("programme_year", after.year.as_ref());
    let Some(year) = year else { return };
    let (from, to) = (
        day(year.nominate_from.as_ref()),
        day(year.nominate_to.as_ref()),
    );
    // A phase that the city has set by hand stands for the days.
    let is_closed = match year.phase_override() {
        YearPhase::Nomination => false,
        YearPhase::Unspecified => {
            from.is_some_and(|from| around.today < from) || to.is_some_and(|to| around.today > to)
        }
        _ => true,
    };
    if is_closed {
        let text = |on: Option<_>| on.map(date::text).unwrap_or_default();
        let zh = format!("申报期为 {} 至 {}", text(from), text(to));
        let en = format!("Nominations are open from {} to {}", text(from), text(to));
        findings.push(finding("V24", level, "status", "outside_window", (zh, en)));
    }
}

/// What the city decides rests on a verdict.
fn decided(
    subject: &Subject<'_>,
    after: &Nomination,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    let (needed, state) = match after.status() {
        NominationStatus::Accepted => (Verdict::Pass, "accepted"),
        NominationStatus::NotAccepted => (Verdict::Fail, "not_accepted"),
        _ => return,
    };
    let is_step = enters(subject, "status", state);
    // A verdict can name no nomination that is being made.
    if !is_step && subject.before != Some(subject.after) {
        return;
    }
    let last = last_verdict(subject.id, after.status(), around).map(|row| row.verdict());
    if last != Some(needed) {
        let zh = "须先登记与此一致的验收结论；限期整改期间保持已接收".to_owned();
        let en = "The city's verdict comes first and says the same; what is to be put right stays received".to_owned();
        let level = if is_step { Block } else { Warn };
        findings.push(finding("STEP", level, "status", "no_verdict", (zh, en)));
    }
}

fn last_verdict(
    nomination: RecordId,
    status: NominationStatus,
    around: &Surroundings<'_>,
) -> Option<AcceptanceVerdict> {
    let this = key("nomination", Some(&nomination.0.to_vec()));
    let all: Vec<(RecordId, AcceptanceVerdict)> =
        around.referring(("acceptance_verdict", "nomination"), this);
    standing_verdict(status, all)
}

/// The verdict that stands for a nomination: the last one. Of several on one day the one that the
/// status of the nomination says, else the one that was entered last: ids are ordered by the time at
/// which the city's program made them, so every replica finds the same one.
#[must_use]
pub fn standing_verdict(
    status: NominationStatus,
    verdicts: Vec<(RecordId, AcceptanceVerdict)>,
) -> Option<AcceptanceVerdict> {
    let said = match status {
        NominationStatus::Accepted => Verdict::Pass,
        NominationStatus::NotAccepted => Verdict::Fail,
        NominationStatus::Received | NominationStatus::SpotChecked => Verdict::Conditional,
        _ => Verdict::Unspecified,
    };
    let rank = |(id, row): &(RecordId, AcceptanceVerdict)| {
        (day(row.on.as_ref()), row.verdict() == said, *id)
    };
    let last = verdicts.into_iter().max_by_key(rank);
    last.map(|(_, row)| row)
}

/// Every published item of the year that has a criterion is scored by the Party organisation and the
/// district. What the city has received, it goes on with: an item may be published later.
fn scores(
    subject: &Subject<'_>,
    after: &Nomination,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    let items: Vec<(RecordId, StandardItem)> = around.referring(
        ("standard_item", "year"),
        key("programme_year", after.year.as_ref()),
    );
    let this = key("nomination", Some(&subject.id.0.to_vec()));
    let given: Vec<(RecordId, CriterionScore)> =
        around.referring(("criterion_score", "nomination"), this);
    let scored: BTreeSet<&[u8]> = given
        .iter()
        .filter(|(_, score)| score.self_score.is_some() && score.district_score.is_some())
        .filter_map(|(_, score)| score.item.as_deref())
        .collect();
    let criteria = items
        .iter()
        .filter(|(_, item)| item.criterion.is_some() && !item.draft());
    let open = criteria
        .filter(|(id, _)| !scored.contains(id.0.as_slice()))
        .count();
    if open > 0 {
        let zh = format!("还有 {open} 项标准没有自评分和县区评分");
        let en = format!("{open} items still lack the self score and the district score");
        let blocks = match after.status() {
            NominationStatus::Assessed => true,
            // A score can name no nomination that is being made.
            NominationStatus::Recommended => subject.before.is_some(),
            _ => enters(subject, "status", "received"),
        };
        let level = if blocks { Block } else { Warn };
        findings.push(finding("V24", level, "status", "not_scored", (zh, en)));
    }
}

fn ranks(
    (subject, after): (&Subject<'_>, &Nomination),
    beside: &[&Nomination],
    level: Level,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    let Some(rank) = after.district_rank.filter(|rank| *rank > 0) else {
        let zh = "推荐须填写推荐次序".to_owned();
        let en = "A recommendation needs its rank".to_owned();
        findings.push(finding("V24", Block, "district_rank", "no_rank", (zh, en)));
        return;
    };
    if beside.iter().any(|other| other.district_rank == Some(rank)) {
        let zh = format!("推荐次序 {rank} 已用于另一申报");
        let en = format!("Rank {rank} is taken by another nomination");
        // The district orders its own; what two of its desks gave one rank the city cannot receive.
        let level = if enters(subject, "status", "recommended") {
            Block
        } else {
            level
        };
        findings.push(finding(
            "V24",
            level,
            "district_rank",
            "rank_taken",
            (zh, en),
        ));
    }
    let year: Option<ProgrammeYear> = around.find("programme_year", after.year.as_ref());
    let cap = year.and_then(|year| parameters::in_force(&year, around.today).recommend_cap);
    let Some(cap) = cap else { return };
    let ahead = beside
        .iter()
        .filter(|other| other.district_rank.is_some_and(|other| other < rank));
    if usize::try_from(cap).is_ok_and(|cap| ahead.count() >= cap) {
        let zh = format!("本年度推荐名额为 {cap} 个，次序 {rank} 已超出");
        let en = format!("The year has places for {cap}; rank {rank} is beyond them");
        findings.push(finding(
            "V24",
            level,
            "district_rank",
            "beyond_cap",
            (zh, en),
        ));
    }
}

/// What is to be put right has a day; what nobody has seen says so; what was not received is not
/// judged.
pub(super) fn verdict(
    subject: &Subject<'_>,
    after: &AcceptanceVerdict,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    let of = key("nomination", after.nomination.as_ref());
    let nomination: Option<Nomination> = around.find("nomination", after.nomination.as_ref());
    if let Some(nomination) = nomination.filter(|_| subject.before.is_none()) {
        let was_received = matches!(
            nomination.status(),
            NominationStatus::Received
                | NominationStatus::SpotChecked
                | NominationStatus::Accepted
                | NominationStatus::NotAccepted
        );
        if !was_received {
            let zh = "申报尚未接收，不能作验收结论".to_owned();
            let en = "The nomination was not received; there is nothing to judge".to_owned();
            let field = "nomination";
            findings.push(finding("STEP", Block, field, "not_received", (zh, en)));
        }
        let visits: Vec<(RecordId, AcceptanceVisit)> =
            around.referring(("acceptance_visit", "nomination"), of);
        if visits.is_empty() && !after.without_visit() {
            let zh = "没有抽查记录；确系未经抽查作结论的，请注明“未经抽查”".to_owned();
            let en = "There is no visit; a verdict without one says so".to_owned();
            findings.push(finding(
                "STEP",
                Block,
                "without_visit",
                "no_visit",
                (zh, en),
            ));
        }
    }
    if after.verdict() == Verdict::Conditional && after.rectify_due.is_none() {
        let zh = "限期整改须填写整改期限".to_owned();
        let en = "A conditional verdict says until when".to_owned();
        findings.push(finding(
            "STEP",
            Block,
            "rectify_due",
            "due_missing",
            (zh, en),
        ));
    }
}

/// What was revoked says when, and a Party organisation is a point of a year once.
pub(super) fn point(
    subject: &Subject<'_>,
    after: &DemonstrationPoint,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    if after.status() == PointStatus::Revoked && after.revoked_on.is_none() {
        let zh = "撤销示范点须填写撤销日期".to_owned();
        let en = "A point is revoked on a day".to_owned();
        findings.push(finding(
            "STEP",
            Block,
            "revoked_on",
            "end_day_missing",
            (zh, en),
        ));
    }
    let party = key("party_organisation", after.party_organisation.as_ref());
    let all: Vec<(RecordId, DemonstrationPoint)> =
        around.referring(("demonstration_point", "party_organisation"), party);
    let is_other =
        |(id, row): &&(RecordId, DemonstrationPoint)| *id != subject.id && row.year == after.year;
    if subject.before.is_none() && all.iter().any(|row| is_other(&row)) {
        let zh = "该党组织本年度已是示范点".to_owned();
        let en = "This Party organisation is a point of the year already".to_owned();
        let field = "party_organisation";
        findings.push(finding("STEP", Block, field, "point_twice", (zh, en)));
    }
}

/// V25: a criticism names a reason and its audience.
pub(super) fn notice(
    _subject: &Subject<'_>,
    after: &Notice,
    _around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    if after.kind() != NoticeKind::Criticise {
        return;
    }
    if after.reasons.is_empty() {
        let zh = "通报批评须选择至少一项原因".to_owned();
        let en = "A criticism has at least one of the three reasons".to_owned();
        findings.push(finding("V25", Block, "reasons", "no_reason", (zh, en)));
    }
    if after.audience.is_empty() {
        let zh = "通报批评须确定发送范围".to_owned();
        let en = "A criticism says to whom it goes".to_owned();
        findings.push(finding("V25", Block, "audience", "no_audience", (zh, en)));
    }
}

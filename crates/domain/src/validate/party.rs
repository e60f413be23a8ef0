//! The rules of Party organisations and of their links to the organisations they cover.

use proto::ledger::{
    CoverageLink, EstablishmentForm, Organisation, PartyOrgStatus, PartyOrgType, PartyOrganisation,
    RoleAssignment, WorkerRole,
};
use replica::RecordId;

use super::{Subject, Surroundings, day, enters, finding, is_active_on};
use crate::{
    catalogue::Catalogue,
    date::{self, Date},
    finding::{
        Finding,
        Level::{Block, Warn},
    },
};

/// Days in which a superior usually answers an application.
const ANSWER_DAYS: i64 = 31;

/// Years of a term.
const TERM_YEARS: i32 = 3;

pub(super) fn judge(
    subject: &Subject<'_>,
    after: &PartyOrganisation,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    life(subject, after, around, findings);
    days_of_life(after, findings);
    let is_branch = matches!(
        after.r#type(),
        PartyOrgType::Branch | PartyOrgType::JointBranch
    );
    let (members, line) = (
        after.member_count.unwrap_or_default(),
        around.year.branch_members_warn,
    );
    if is_branch && members > line {
        let zh = format!("支部党员 {members} 名，一般不超过 {line} 名");
        let en = format!("{members} members; a branch usually has at most {line}");
        findings.push(finding(
            "V10",
            Warn,
            "member_count",
            "branch_large",
            (zh, en),
        ));
    }
    let has_host = after.host_organisation.is_some() || after.superior.is_some();
    if after.form() == EstablishmentForm::Affiliated && !has_host {
        let zh = "挂靠建须填写依托单位或依托的上级党组织".to_owned();
        let en = "Affiliated to a host: name the host organisation or the host Party organisation"
            .to_owned();
        findings.push(finding(
            "V12",
            Block,
            "host_organisation",
            "host_missing",
            (zh, en),
        ));
    }
    let (applied, approved) = (
        day(after.applied_on.as_ref()),
        day(after.approved_on.as_ref()),
    );
    if let Some((applied, approved)) = applied.zip(approved) {
        let days = (approved - applied).whole_days();
        if days > ANSWER_DAYS {
            let zh = format!("请示至批复历时 {days} 天，一般不超过 {ANSWER_DAYS} 天");
            let en =
                format!("{days} days from application to approval; usually at most {ANSWER_DAYS}");
            findings.push(finding(
                "V14",
                Warn,
                "approved_on",
                "approval_slow",
                (zh, en),
            ));
        }
    }
    let last = day(after.last_election_on.as_ref()).or_else(|| day(after.established_on.as_ref()));
    let due = last.and_then(|last| {
        let year = last.year() + TERM_YEARS;
        // 29 February has no third anniversary.
        date::day(year, last.month().into(), last.day()).or_else(|| date::day(year, 3, 1))
    });
    let overdue = due.filter(|due| *due < around.today && after.status() == PartyOrgStatus::Active);
    if let Some(due) = overdue {
        let zh = format!("应于 {} 换届", date::text(due));
        let en = format!("An election was due on {}", date::text(due));
        findings.push(finding(
            "V15",
            Warn,
            "last_election_on",
            "election_due",
            (zh, en),
        ));
    }
}

/// What an active one needs (7.2): the day it was established on and somebody whom it covers.
fn life(
    subject: &Subject<'_>,
    after: &PartyOrganisation,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    if after.status() != PartyOrgStatus::Active {
        return;
    }
    if after.established_on.is_none() {
        let is_step = enters(subject, "status", "active");
        let level = if is_step { Block } else { Warn };
        let zh = "正常运行的党组织须填写成立日期".to_owned();
        let en = "An active Party organisation says when it was established".to_owned();
        let field = "established_on";
        findings.push(finding(
            "STEP",
            level,
            field,
            "established_missing",
            (zh, en),
        ));
    }
    // Nothing can name one that is being made; whoever enters it as it stands is told of it later.
    if subject.before.is_none() {
        return;
    }
    let this = super::key("party_organisation", Some(&subject.id.0.to_vec()));
    let links: Vec<(RecordId, CoverageLink)> =
        around.referring(("coverage_link", "party_organisation"), this);
    let goes_on = |link: &CoverageLink| day(link.to_on.as_ref()).is_none_or(|to| to > around.today);
    let (is_step, stands) = (
        enters(subject, "status", "active"),
        subject.before == Some(subject.after),
    );
    if (is_step || stands) && !links.iter().any(|(_, link)| goes_on(link)) {
        let level = if is_step { Block } else { Warn };
        let zh = "正常运行的党组织须至少覆盖一个单位，请先登记覆盖关系".to_owned();
        let en = "An active Party organisation covers somebody; enter the link first".to_owned();
        findings.push(finding("STEP", level, "status", "covers_nobody", (zh, en)));
    }
}

/// It is established before it ends.
fn days_of_life(after: &PartyOrganisation, findings: &mut Vec<Finding>) {
    let days = (after.established_on.as_ref(), after.dissolved_on.as_ref());
    let life = day(days.0).zip(day(days.1));
    if life.is_some_and(|(from, to)| to < from) {
        let zh = "成立日期晚于撤销日期".to_owned();
        let en = "It was established after the day on which it ended".to_owned();
        let field = "established_on";
        findings.push(finding("V13", Block, field, "life_reversed", (zh, en)));
    }
}

/// 8.3: who follows a secretary comes after the one before.
pub(super) fn role(
    subject: &Subject<'_>,
    after: &RoleAssignment,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    let serves = |row: &RoleAssignment| {
        row.role() == WorkerRole::Secretary
            && is_active_on(row.from_on.as_ref(), row.to_on.as_ref(), around.today)
    };
    let catalogue = Catalogue::builtin();
    let mut named = crate::across::references(catalogue, subject.kind, subject.after).into_iter();
    let of = named.find(|(field, _)| field.id == "subject");
    let of = of.map(|(_, key)| key).filter(|key| {
        let kind = catalogue.kind(key.kind);
        kind.is_some_and(|kind| kind.id == "party_organisation")
    });
    if of.is_none() || !serves(after) {
        return;
    }
    let all: Vec<(RecordId, RoleAssignment)> = around.referring(("role_assignment", "subject"), of);
    let mut others = all
        .iter()
        .filter(|(id, row)| *id != subject.id && serves(row));
    if others.any(|(_, row)| row.person != after.person) {
        let zh = "该党组织另有在任书记，请终止前任的任职".to_owned();
        let en =
            "The Party organisation has another secretary; end the term of the former".to_owned();
        findings.push(finding("R12", Warn, "to_on", "two_secretaries", (zh, en)));
    }
}

pub(super) fn judge_link(
    subject: &Subject<'_>,
    after: &CoverageLink,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    let (from, to) = (day(after.from_on.as_ref()), day(after.to_on.as_ref()));
    if from.zip(to).is_some_and(|(from, to)| to < from) {
        let zh = "终止日期早于起始日期".to_owned();
        let en = "The link ends before it begins".to_owned();
        findings.push(finding("V13", Block, "to_on", "link_dates", (zh, en)));
    }
    members_of(after, around, findings);
    let party = after.party_organisation.as_ref();
    let others: Vec<(RecordId, CoverageLink)> = around.referring(
        ("coverage_link", "party_organisation"),
        super::key("party_organisation", party),
    );
    if let Some(party) = around.find("party_organisation", party) {
        inside_life(&party, from, to, findings);
        units(subject, after, &party, &others, around, findings);
    }
    let same_pair = others
        .iter()
        .filter(|(other, link)| *other != subject.id && link.organisation == after.organisation);
    for (_, link) in same_pair {
        if overlaps(
            (from, to),
            (day(link.from_on.as_ref()), day(link.to_on.as_ref())),
        ) {
            let zh = "该单位与该党组织在这段时间已有覆盖关系".to_owned();
            let en =
                "This organisation and this Party organisation are linked in that time already"
                    .to_owned();
            findings.push(finding("V13", Block, "from_on", "link_overlap", (zh, en)));
            return;
        }
    }
}

/// V09 and V11. The record has the figures of one day only: what a link began with is known where it
/// does not begin before that day; what began earlier is a remark.
fn members_of(after: &CoverageLink, around: &Surroundings<'_>, findings: &mut Vec<Finding>) {
    let organisation: Option<Organisation> =
        around.find("organisation", after.organisation.as_ref());
    let Some(organisation) = organisation else {
        return;
    };
    // By the line that was in force when the link began.
    let then = day(after.from_on.as_ref());
    let then = then.map_or(*around.year, |on| around.parameters_on(on));
    let (full, line) = (
        organisation.full_members.unwrap_or_default(),
        then.should_build_members,
    );
    let began = day(after.from_on.as_ref()).zip(day(organisation.as_of.as_ref()));
    let is_of_then = began.is_none_or(|(from, as_of)| from >= as_of);
    if after.form() == EstablishmentForm::Standalone && full < line {
        let level = if is_of_then { Block } else { Warn };
        let zh = format!("单独建须有正式党员 {line} 名以上，该单位为 {full} 名");
        let en = format!("Standalone needs {line} full members; this organisation has {full}");
        findings.push(finding(
            "V09",
            level,
            "form",
            "standalone_members",
            (zh, en),
        ));
    }
    if after.form() == EstablishmentForm::Joint && full >= line {
        let zh = format!("该单位有正式党员 {full} 名，应单独组建");
        let en = format!("This organisation has {full} full members and should have its own");
        findings.push(finding("V11", Warn, "form", "joint_with_3plus", (zh, en)));
    }
}

/// V13: a link lies inside the life of its Party organisation.
fn inside_life(
    party: &PartyOrganisation,
    from: Option<Date>,
    to: Option<Date>,
    findings: &mut Vec<Finding>,
) {
    let born = day(party.established_on.as_ref());
    let ended = day(party.dissolved_on.as_ref());
    if let Some((from, born)) = from.zip(born).filter(|(from, born)| from < born) {
        let zh = format!(
            "起始日期 {} 早于党组织成立日期 {}",
            date::text(from),
            date::text(born)
        );
        let en = format!(
            "The link begins on {}, before the Party organisation was established on {}",
            date::text(from),
            date::text(born)
        );
        findings.push(finding(
            "V13",
            Block,
            "from_on",
            "link_before_party",
            (zh, en),
        ));
    }
    let Some(ended) = ended else { return };
    let begins_late = from.is_some_and(|from| from >= ended);
    if begins_late || to.is_none_or(|to| to > ended) {
        let field = if begins_late { "from_on" } else { "to_on" };
        let zh = format!(
            "党组织已于 {} 撤销，覆盖关系须在此之前终止",
            date::text(ended)
        );
        let en = format!(
            "The Party organisation was dissolved on {}; the link ends by then",
            date::text(ended)
        );
        findings.push(finding("V13", Block, field, "link_after_party", (zh, en)));
    }
}

/// V10: how many organisations a joint branch covers today, this one among them.
fn units(
    subject: &Subject<'_>,
    after: &CoverageLink,
    party: &PartyOrganisation,
    others: &[(RecordId, CoverageLink)],
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    if party.r#type() != PartyOrgType::JointBranch {
        return;
    }
    let covers = |link: &CoverageLink| {
        is_active_on(link.from_on.as_ref(), link.to_on.as_ref(), around.today)
    };
    let others = others
        .iter()
        .filter(|(id, link)| *id != subject.id && covers(link))
        .count();
    let units = others + usize::from(covers(after));
    let line = around.year.joint_units_warn;
    if usize::try_from(line).is_ok_and(|line| units > line) {
        let zh = format!("联合支部覆盖单位 {units} 个，一般不超过 {line} 个");
        let en = format!("The joint branch covers {units} organisations; usually at most {line}");
        findings.push(finding(
            "V10",
            Warn,
            "party_organisation",
            "joint_many",
            (zh, en),
        ));
    }
}

type Interval = (Option<Date>, Option<Date>);

fn overlaps((from_a, to_a): Interval, (from_b, to_b): Interval) -> bool {
    let ends_after = |to: Option<Date>, from: Option<Date>| {
        to.is_none_or(|to| from.is_none_or(|from| to > from))
    };
    ends_after(to_a, from_b) && ends_after(to_b, from_a)
}

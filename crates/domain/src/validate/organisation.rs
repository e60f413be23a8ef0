//! The rules of an organisation: its credit code, its figures, what its status needs.

use proto::ledger::{
    CensusStatus, CoverageLink, EstablishmentForm, InstructorAssignment, Organisation,
};
use replica::{RecordId, RecordKey};

use super::{Subject, Surroundings, day, enters, finding, is_active_on};
use crate::{
    date::Date,
    division,
    effective::decode,
    finding::{
        Finding,
        Level::{Block, Warn},
    },
    state::census,
    uscc::{self, UsccError},
};

pub(super) fn judge(
    subject: &Subject<'_>,
    after: &Organisation,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    match after.uscc.as_deref() {
        Some(code) => credit_code(subject, after, code, around, findings),
        None => without_code(subject, after, around, findings),
    }
    figures(after, findings);
    status_needs(subject, after, findings);
    industry(after, findings);
    covered(subject, after, around, findings);
    closing(subject, after, around, findings);
}

/// 7.1: it closes on a day that has come, and comes back in the same year only.
fn closing(
    subject: &Subject<'_>,
    after: &Organisation,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    if day(after.closed_on.as_ref()).is_some_and(|on| on > around.today) {
        findings.push(super::closed_ahead(around.today));
    }
    let was: Option<Organisation> = subject.before.and_then(|it| decode(it).ok());
    let was = was.filter(|was| was.census_status() == CensusStatus::Closed);
    let closed = was.and_then(|was| day(was.closed_on.as_ref()));
    let year = closed.map(Date::year);
    if let Some(year) = year.filter(|year| *year != around.today.year())
        && enters(subject, "census_status", "candidate")
    {
        let zh = format!("该单位已于 {year} 年注销，只能在当年恢复，请重新登记");
        let en = format!(
            "It closed in {year} and comes back in that year only; enter it as a new record"
        );
        let field = "census_status";
        findings.push(finding("STEP", Block, field, "reopened_late", (zh, en)));
    }
}

/// V01 to V04.
fn credit_code(
    subject: &Subject<'_>,
    after: &Organisation,
    code: &str,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    if let Err(error) = uscc::check(code) {
        findings.push(finding("V01", Block, "uscc", "uscc_bad", sentence(error)));
        return;
    }
    if !uscc::subject_holds(code) {
        let zh = "统一社会信用代码中的主体标识码(第9至17位)校验不通过，请核对".to_owned();
        let en =
            "The subject code (characters 9 to 17) fails its own check; please compare".to_owned();
        findings.push(finding("V01", Warn, "uscc", "uscc_subject", (zh, en)));
    }
    let kind = subject
        .kind
        .field("org_kind")
        .and_then(|field| field.enumeration());
    let kind = kind
        .zip(after.org_kind)
        .and_then(|(values, number)| values.value(number));
    let pair: String = code.chars().take(2).collect();
    let fits =
        uscc::org_kinds(code).map(|kinds| kind.is_none_or(|k| kinds.contains(&k.id.as_str())));
    if fits != Some(true) {
        let label = kind.map_or("", |kind| kind.zh.as_str());
        let zh = format!("统一社会信用代码前两位“{pair}”与组织类型“{label}”不一致，请核对");
        let en =
            format!("The first two characters of the credit code, {pair}, do not fit the kind");
        findings.push(finding("V02", Warn, "uscc", "uscc_kind", (zh, en)));
    }
    let region = uscc::region(code).unwrap_or_default();
    if !division::is_plausible(region) {
        let zh = format!("统一社会信用代码第3至8位“{region}”不是已知的区划代码，请核对");
        let en =
            format!("Characters 3 to 8 of the credit code, {region}, are no division known here");
        findings.push(finding("V03", Warn, "uscc", "uscc_region", (zh, en)));
    }
    if census::standing(after) == CensusStatus::Counted {
        let others = around.lookup.counted_with_code(code);
        if others.iter().any(|other| *other != subject.id) {
            let zh = "该代码已在另一条在册记录中登记，全市只计一次，由市级核定".to_owned();
            let en =
                "This code is on the ledger in another record; the city counts it once and rules"
                    .to_owned();
            findings.push(finding("V04", Warn, "uscc", "uscc_dup", (zh, en)));
        }
    }
}

fn sentence(error: UsccError) -> (String, String) {
    let (zh, en) = match error {
        UsccError::Length { chars } => (
            format!("应为18位，现为{chars}位"),
            format!("it should have 18 characters, not {chars}"),
        ),
        UsccError::Character { position } => (
            format!("第{position}位的字符不允许"),
            format!("character {position} cannot stand there"),
        ),
        UsccError::Department => (
            "第1、2位不能为0".to_owned(),
            "the first two characters cannot be 0".to_owned(),
        ),
        UsccError::Check => (
            "末位校验码不符".to_owned(),
            "the check character is another".to_owned(),
        ),
    };
    (
        format!("统一社会信用代码校验不通过：{zh}"),
        format!("The credit code fails its check: {en}"),
    )
}

/// V01 and V05 for an organisation that has no code.
fn without_code(
    subject: &Subject<'_>,
    after: &Organisation,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    if after.remark.as_deref().is_none_or(str::is_empty) {
        let zh = "没有统一社会信用代码时，请在备注中说明原因".to_owned();
        let en = "Without a credit code, give the reason in the remark".to_owned();
        findings.push(finding("V01", Block, "uscc", "uscc_missing", (zh, en)));
    }
    let Some(name) = after.name.as_deref() else {
        return;
    };
    let others = around.lookup.named_without_code(subject.scope, name);
    if others.iter().any(|other| *other != subject.id) {
        let zh = "本辖区已有同名且无信用代码的单位，可能重复".to_owned();
        let en =
            "The scope has another organisation of this name without a code; it may be the same"
                .to_owned();
        findings.push(finding("V05", Warn, "name", "name_dup", (zh, en)));
    }
}

/// V06: what is unset counts as 0.
fn figures(after: &Organisation, findings: &mut Vec<Finding>) {
    let of = |figure: Option<u32>| u64::from(figure.unwrap_or_default());
    let (members, full) = (of(after.members), of(after.full_members));
    let (staff, elsewhere) = (of(after.employees), of(after.members_elsewhere));
    if full > members {
        let zh = format!("正式党员数 {full} 不能大于党员数 {members}");
        let en = format!("{full} full members are more than {members} members");
        findings.push(finding(
            "V06",
            Block,
            "members",
            "full_members_over_members",
            (zh, en),
        ));
    }
    if members > staff + elsewhere {
        let zh = format!(
            "党员数 {members} 不能大于从业人员数 {staff} 与组织关系不在本单位的党员数 {elsewhere} 之和"
        );
        let en = format!(
            "{members} members are more than {staff} employees and {elsewhere} members elsewhere"
        );
        findings.push(finding(
            "V06",
            Block,
            "members",
            "members_over_employees",
            (zh, en),
        ));
    }
}

/// V08.
fn status_needs(subject: &Subject<'_>, after: &Organisation, findings: &mut Vec<Finding>) {
    let missing: Vec<(&str, &str, &str)> = match census::standing(after) {
        CensusStatus::Excluded if after.exclusion_reason.is_none() => {
            vec![("exclusion_reason", "不纳入原因", "the reason")]
        }
        // What hangs on it ends with that day.
        CensusStatus::Closed
            if after.closed_on.is_none() && enters(subject, "census_status", "closed") =>
        {
            vec![("closed_on", "注销日期", "the day of deregistration")]
        }
        CensusStatus::Counted => [
            (after.name.is_none(), "name", "单位名称", "the name"),
            (after.org_kind.is_none(), "org_kind", "组织类型", "the kind"),
            (
                after.industry.is_none(),
                "industry",
                "行业门类",
                "the industry",
            ),
            (
                after.employees.is_none(),
                "employees",
                "从业人员数",
                "the employees",
            ),
            (after.members.is_none(), "members", "党员数", "the members"),
            (
                after.as_of.is_none(),
                "as_of",
                "数据日期",
                "the date of the figures",
            ),
        ]
        .into_iter()
        .filter_map(|(missing, field, zh, en)| missing.then_some((field, zh, en)))
        .collect(),
        _ => Vec::new(),
    };
    let (state_zh, state_en) = match census::standing(after) {
        CensusStatus::Excluded => ("不纳入", "Excluded"),
        CensusStatus::Closed => ("已注销", "Closed"),
        _ => ("在册", "On the ledger"),
    };
    for (field, zh, en) in missing {
        // The completeness check says the same more softly.
        findings.retain(|known| known.rule != "REQ" || known.field != field);
        let zh = format!("排查状态为“{state_zh}”时须填写{zh}");
        let en = format!("\"{state_en}\" needs {en}");
        findings.push(finding("V08", Block, field, "status_needs", (zh, en)));
    }
}

/// The industry is a letter of GB/T 4754, A to T.
fn industry(after: &Organisation, findings: &mut Vec<Finding>) {
    let Some(industry) = after.industry.as_deref() else {
        return;
    };
    if !crate::text::is_industry(industry) {
        let zh = "行业门类应为国民经济行业分类的字母 A 至 T".to_owned();
        let en = "The industry should be a letter of GB/T 4754, A to T".to_owned();
        findings.push(finding(
            "INDUSTRY",
            Warn,
            "industry",
            "industry_letter",
            (zh, en),
        ));
    }
}

/// V11 and V16: what covers an organisation of the ledger. A gap is said where the organisation comes
/// on the ledger and where its present state is judged, not at every other edit; nothing can cover
/// one that is being made.
fn covered(
    subject: &Subject<'_>,
    after: &Organisation,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    if census::standing(after) != CensusStatus::Counted {
        return;
    }
    let this = RecordKey {
        kind: subject.kind.kind,
        id: subject.id,
    };
    let holds = |from: Option<&String>, to: Option<&String>| is_active_on(from, to, around.today);
    let links: Vec<(RecordId, CoverageLink)> =
        around.referring(("coverage_link", "organisation"), Some(this));
    let forms: Vec<_> = links
        .iter()
        .filter(|(_, link)| holds(link.from_on.as_ref(), link.to_on.as_ref()))
        .map(|(_, link)| link.form())
        .collect();
    let (line, full) = (
        around.year.should_build_members,
        after.full_members.unwrap_or_default(),
    );
    if forms.is_empty() {
        let was: Option<Organisation> = subject.before.and_then(|it| decode(it).ok());
        let comes = was.is_some_and(|was| census::standing(&was) != CensusStatus::Counted);
        if !comes && subject.before != Some(subject.after) {
            return;
        }
        let sent: Vec<(RecordId, InstructorAssignment)> =
            around.referring(("instructor_assignment", "organisation"), Some(this));
        let mut sent = sent.iter();
        if !sent.any(|(_, sent)| holds(sent.from_on.as_ref(), sent.to_on.as_ref())) {
            let zh = "该单位尚未覆盖，也没有在派的党建工作指导员".to_owned();
            let en = "No Party organisation covers it and no instructor is assigned".to_owned();
            findings.push(finding("V16", Warn, "census_status", "gap", (zh, en)));
        }
    } else if full >= line && !forms.contains(&EstablishmentForm::Standalone) {
        let zh = format!("正式党员 {full} 名，尚未单独组建");
        let en = format!("{full} full members, but no Party organisation of its own");
        findings.push(finding(
            "V11",
            Warn,
            "full_members",
            "joint_with_3plus",
            (zh, en),
        ));
    }
}

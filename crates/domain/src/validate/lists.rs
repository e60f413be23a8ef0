//! The rules of the three lists.

use proto::ledger::{ProblemItem, ProblemStatus, ResponsibilityItem, TaskItem, TaskStatus};
use replica::RecordId;

use super::{Subject, Surroundings, agency, day, enters, finding, key, steps, twins};
use crate::{
    date,
    effective::decode,
    finding::{
        Finding,
        Level::{Block, Warn},
    },
};

/// V23, and the days of a problem. That who closes it did not ask for it is the table's
/// ([`crate::state::Who`]).
pub(super) fn problem(
    subject: &Subject<'_>,
    after: &ProblemItem,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    let before: Option<ProblemItem> = subject.before.and_then(|values| decode(values).ok());
    twins::numbered(subject, around, findings);
    statement(before.as_ref(), after, findings);
    tasked(subject, after, around, findings);
    let is_ahead = |on: Option<&String>| day(on).is_some_and(|on| on > around.today);
    if is_ahead(after.closed_on.as_ref()) {
        findings.push(super::closed_ahead(around.today));
    }
    let due = day(after.due_on.as_ref());
    let stood = before.as_ref();
    let former = stood.and_then(|before| day(before.due_on.as_ref()));
    let (granted, prolonged) = (
        enters(subject, "extension", "granted"),
        enters(subject, "status", "long_term"),
    );
    extended(subject, (before.as_ref(), after), findings);
    first_due(subject, (before.as_ref(), after), findings);
    if granted && due.is_none_or(|due| former >= Some(due)) {
        let former = former.map(date::text).unwrap_or_default();
        let zh = format!("同意延期须填写晚于原时限 {former} 的新时限");
        let en = format!("An extension gives a new day, later than {former}");
        findings.push(finding("STEP", Block, "due_on", "due_not_moved", (zh, en)));
    }
    if let Some(former) = former.filter(|former| due != Some(*former) && !granted && !prolonged) {
        let former = date::text(former);
        let zh = format!("整改时限 {former} 只随同意延期或转为长期推进变动，请申请延期");
        let en = format!(
            "The due day, {former}, moves only with a granted extension or a long-term plan; ask for an extension"
        );
        findings.push(finding("STEP", Block, "due_on", "due_fixed", (zh, en)));
    }
    // No other field carries the day on which a long matter is looked at again.
    if prolonged && !is_ahead(after.due_on.as_ref()) {
        let zh = "转为长期推进须在整改时限中填写下次复核日期，且晚于今天".to_owned();
        let en =
            "A long-term problem has its next review day, after today, as its due day".to_owned();
        findings.push(finding("STEP", Block, "due_on", "review_day", (zh, en)));
    }
}

/// The day that was due first is the program's, whoever saves. A file that makes a record may bring one
/// from before the day in force.
fn first_due(
    subject: &Subject<'_>,
    (before, after): (Option<&ProblemItem>, &ProblemItem),
    findings: &mut Vec<Finding>,
) {
    let said = after.first_due_on.as_ref();
    let is_sound = match before {
        None => {
            day(said).is_none_or(|first| day(after.due_on.as_ref()).is_some_and(|due| first < due))
        }
        Some(before) => {
            let due = steps::first_due(subject).map(|(_, day)| day);
            said == before.first_due_on.as_ref() || (due.is_some() && said == due.as_ref())
        }
    };
    if let Some(field) = subject.kind.field("first_due_on").filter(|_| !is_sound) {
        findings.push(steps::typed(field));
    }
}

fn is_over(row: &ProblemItem) -> bool {
    matches!(
        row.status(),
        ProblemStatus::Closed | ProblemStatus::Withdrawn
    )
}

/// What is over has no more time to be given: a due day that moves then would make what was late be on
/// time. Who opens it again may ask.
fn extended(
    subject: &Subject<'_>,
    (before, after): (Option<&ProblemItem>, &ProblemItem),
    findings: &mut Vec<Finding>,
) {
    let takes = |to| enters(subject, "extension", to);
    let was_over = before.is_some_and(is_over);
    if was_over && is_over(after) && (takes("requested") || takes("granted")) {
        let zh = "问题已销号或已撤回，不再延期".to_owned();
        let en = "The problem is closed or withdrawn; nothing is extended any more".to_owned();
        findings.push(finding(
            "STEP",
            Block,
            "extension",
            "extension_late",
            (zh, en),
        ));
    }
}

/// V23: a problem is closed with evidence or a written statement. The measure that was planned is no
/// statement of what was done: who asks for closing writes it down with that, and the plan stays in
/// the history.
fn statement(before: Option<&ProblemItem>, after: &ProblemItem, findings: &mut Vec<Finding>) {
    let ends = |row: &ProblemItem| {
        matches!(
            row.status(),
            ProblemStatus::CloseApplied | ProblemStatus::Closed
        )
    };
    let was_open = before.filter(|before| !ends(before));
    let says = |row: &ProblemItem| row.measure.clone().filter(|it| !it.is_empty());
    let is_planned = was_open.is_some_and(|before| says(before) == says(after));
    let has_said = says(after).is_some() && !is_planned;
    if ends(after) && after.evidence.is_empty() && !has_said {
        let zh = "申请销号须附佐证，或同时在整改措施中写明整改结果".to_owned();
        let en =
            "To close a problem, attach evidence or write with it, as its measure, what was done"
                .to_owned();
        findings.push(finding("V23", Block, "measure", "no_evidence", (zh, en)));
    }
}

/// Whether missing links of a record are told of: where it is listed as it stands, and with the step
/// into work. Before that they come in the order in which a person enters them.
fn is_asked(subject: &Subject<'_>) -> bool {
    subject.before == Some(subject.after) || enters(subject, "status", "in_progress")
}

/// 7.7: a problem has a task. What is missing is reported and holds nothing up.
fn tasked(
    subject: &Subject<'_>,
    after: &ProblemItem,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    if is_over(after) || !is_asked(subject) {
        return;
    }
    let this = key("problem_item", Some(&subject.id.0.to_vec()));
    let tasks: Vec<(RecordId, TaskItem)> = around.referring(("task_item", "problem"), this);
    let mut tasks = tasks.iter();
    if !tasks.any(|(_, task)| task.status() != TaskStatus::Cancelled) {
        let zh = "该问题还没有对应任务".to_owned();
        let en = "No task belongs to this problem yet".to_owned();
        findings.push(finding(
            "LIST",
            Warn,
            "status",
            "problem_untasked",
            (zh, en),
        ));
    }
}

/// 7.7: whoever leads a task answers for something in that year, by a post that is named. An agency of
/// another scope keeps its list there, where this one may not see it.
pub(super) fn task(
    subject: &Subject<'_>,
    after: &TaskItem,
    around: &Surroundings<'_>,
    findings: &mut Vec<Finding>,
) {
    twins::numbered(subject, around, findings);
    let lead = key("agency", after.lead.as_ref()).map(|lead| around.lookup.standing(lead));
    let is_own = lead.is_some_and(|lead| around.lookup.home(lead) == Some(subject.scope));
    if after.status() == TaskStatus::Cancelled || !is_own || !is_asked(subject) {
        return;
    }
    // What another spelling answers for is answered for.
    let spellings = agency::aliases(around, lead).chain(lead);
    let mut duties = spellings.flat_map(|of| {
        let all: Vec<(RecordId, ResponsibilityItem)> =
            around.referring(("responsibility_item", "agency"), Some(of));
        all
    });
    let names_post = |duty: &ResponsibilityItem| {
        let post = duty.leader_post.as_deref().unwrap_or_default();
        duty.year == after.year && !post.trim().is_empty()
    };
    if !duties.any(|(_, duty)| names_post(&duty)) {
        let zh = "牵头单位在该年度没有写明责任领导职务的责任清单".to_owned();
        let en = "The lead agency has no responsibility of that year that names a post".to_owned();
        findings.push(finding("LIST", Warn, "lead", "lead_unanswered", (zh, en)));
    }
}

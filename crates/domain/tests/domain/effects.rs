//! What follows from a step on other records, and what a step needs of them.

use domain::{
    Level, Lookup, Parameters, Subject, date, scope_id,
    state::effects::{Effect, Outcome, Suggestion, follow, suggest},
};
use serde_json::{Value as Json, json};

use crate::{
    desk::{Rows, id, kind_of},
    validation::{judged, of_edit, values},
};

const NONE: [&str; 0] = [];

fn changed(sound: &Json, change: &Json) -> Json {
    let mut after = sound.clone();
    for (name, value) in change.as_object().unwrap() {
        after[name] = value.clone();
    }
    after
}

/// What follows from an edit of record 1 on 2020-10-15; without `before` it is made.
fn follows(kind: &str, before: Option<&Json>, after: &Json, lookup: &dyn Lookup) -> Outcome {
    of_edit(kind, (before, after), |subject, today| {
        follow(subject, today, &Parameters::defaults(2020), lookup)
    })
}

/// The effects of a step as `kind/number field=value …`, by the first byte of their ids.
fn said(outcome: &Outcome) -> Vec<String> {
    let one = |effect: &Effect| {
        let id = effect
            .id
            .map_or_else(|| "new".to_owned(), |id| id.0[0].to_string());
        let set: Vec<String> = effect
            .set
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        format!("{}/{id} {}", effect.kind, set.join(" "))
    };
    outcome.effects.iter().map(one).collect()
}

fn remarks(outcome: &Outcome) -> Vec<&str> {
    outcome.remarks.iter().map(|it| it.code).collect()
}

/// What a step of a record that is there breaks, in `rule code field` form.
fn blocked(kind: &str, sound: &Json, change: &Json, lookup: &dyn Lookup) -> Vec<String> {
    let found = judged(kind, Some(sound), &changed(sound, change), lookup);
    let found = found.into_iter().filter(|f| f.level == Level::Block);
    found
        .map(|f| format!("{} {} {}", f.rule, f.code, f.field))
        .collect()
}

fn organisation() -> Json {
    let mut sound = crate::validation::organisation();
    sound["closed_on"] = json!("2020-10-01");
    sound
}

/// Organisation 1, Party organisation 7 and whatever hangs on them.
fn hanging() -> Rows {
    let mut rows = Rows::default();
    let mut put = |kind: &str, number: u8, json: Json| {
        rows.put(kind, id(number), values(kind, &json));
    };
    let (organisation, party) = (id(1).to_string(), id(7).to_string());
    let link = |from: &str, to: Json| {
        json!({ "organisation": organisation, "party_organisation": party, "form": "joint",
            "from_on": from, "to_on": to })
    };
    put("coverage_link", 11, link("2020-01-01", Json::Null));
    put("coverage_link", 12, link("2019-01-01", json!("2019-12-31")));
    put("coverage_link", 13, link("2020-11-01", Json::Null));
    let sent = json!({ "person": id(3).to_string(), "organisation": organisation,
        "from_on": "2020-02-01", "to_on": "2020-12-31" });
    put("instructor_assignment", 14, sent);
    let member = json!({ "platform": id(5).to_string(), "organisation": organisation,
        "from_on": "2020-03-01" });
    put("platform_member", 15, member);
    let role = |subject: String| {
        json!({ "person": id(3).to_string(), "role": "head", "subject": subject,
            "from_on": "2020-01-01" })
    };
    put(
        "role_assignment",
        16,
        role(format!("organisation/{organisation}")),
    );
    put(
        "role_assignment",
        17,
        role(format!("party_organisation/{party}")),
    );
    rows
}

#[test]
fn what_hangs_on_an_organisation_ends_with_the_day_it_was_closed_on() {
    let rows = hanging();
    let closed = json!({ "census_status": "closed" });
    let sound = organisation();
    let outcome = follows(
        "organisation",
        Some(&sound),
        &changed(&sound, &closed),
        &rows,
    );
    assert_eq!(
        said(&outcome),
        [
            "coverage_link/11 to_on=2020-10-01 end_reason=单位注销",
            "coverage_link/13 to_on=2020-11-01 end_reason=单位注销",
            "instructor_assignment/14 to_on=2020-10-01",
            "platform_member/15 to_on=2020-10-01",
            "role_assignment/16 to_on=2020-10-01 end_reason=单位注销",
        ]
    );
    assert!(outcome.effects.iter().all(|effect| !effect.is_needed));
    // What is closed already, or made closed, ends nothing again.
    let again = changed(&changed(&sound, &closed), &json!({ "remark": "更正" }));
    let before = changed(&sound, &closed);
    assert_eq!(
        follows("organisation", Some(&before), &again, &rows),
        Outcome::default()
    );
    assert_eq!(
        follows("organisation", None, &before, &rows),
        Outcome::default()
    );
    let mut dayless = sound;
    dayless.as_object_mut().unwrap().remove("closed_on");
    let missing = blocked("organisation", &dayless, &closed, &rows);
    assert_eq!(missing, ["V08 status_needs closed_on"]);
}

#[test]
fn who_comes_back_is_told_what_stays_ended() {
    let mut rows = hanging();
    let ended = json!({ "organisation": id(1).to_string(), "party_organisation": id(7).to_string(),
        "form": "joint", "from_on": "2020-01-01", "to_on": "2020-10-01" });
    rows.put("coverage_link", id(11), values("coverage_link", &ended));
    let sound = changed(&organisation(), &json!({ "census_status": "closed" }));
    let back = changed(&sound, &json!({ "census_status": "candidate" }));
    let outcome = follows("organisation", Some(&sound), &back, &rows);
    assert_eq!(
        (said(&outcome).len(), remarks(&outcome)),
        (0, vec!["stays_ended"])
    );
    assert!(
        outcome.remarks[0]
            .zh
            .contains(&format!("coverage_link/{}", id(11)))
    );
    // A recheck of what was never closed says nothing.
    let excluded = changed(&sound, &json!({ "census_status": "excluded" }));
    let outcome = follows("organisation", Some(&excluded), &back, &rows);
    assert_eq!(outcome, Outcome::default());
}

fn party() -> Json {
    json!({ "name": "支部", "type": "branch", "status": "active", "form": "joint",
        "established_on": "2020-01-01", "dissolved_on": "2020-10-10", "dissolve_reason": "合并" })
}

#[test]
fn a_dissolved_party_organisation_covers_nobody_and_its_nomination_is_named() {
    let mut rows = Rows::default();
    let link = |party: u8| {
        json!({ "organisation": id(2).to_string(), "party_organisation": id(party).to_string(),
            "form": "joint", "from_on": "2020-01-01" })
    };
    rows.put("coverage_link", id(11), values("coverage_link", &link(1)));
    rows.put("coverage_link", id(12), values("coverage_link", &link(9)));
    let role = json!({ "person": id(3).to_string(), "role": "secretary",
        "subject": format!("party_organisation/{}", id(1)), "from_on": "2020-01-01" });
    rows.put("role_assignment", id(16), values("role_assignment", &role));
    for (number, status) in [(21, "received"), (22, "withdrawn")] {
        let row = json!({ "year": "2020", "scope": "410305", "status": status,
            "party_organisation": id(1).to_string() });
        rows.put("nomination", id(number), values("nomination", &row));
    }
    let sound = party();
    let dissolved = json!({ "status": "dissolved" });
    let outcome = follows(
        "party_organisation",
        Some(&sound),
        &changed(&sound, &dissolved),
        &rows,
    );
    assert_eq!(
        said(&outcome),
        [
            "coverage_link/11 to_on=2020-10-10 end_reason=党组织撤销：合并",
            "role_assignment/16 to_on=2020-10-10 end_reason=党组织撤销：合并",
        ]
    );
    assert_eq!(remarks(&outcome), ["nomination_runs"]);
    assert!(outcome.remarks[0].en.contains(&id(21).to_string()));
}

#[test]
fn a_party_organisation_is_active_with_a_day_and_somebody_whom_it_covers() {
    let mut rows = Rows::default();
    let approved = json!({ "name": "支部", "type": "branch", "status": "approved",
        "form": "joint" });
    let establish = json!({ "status": "active", "established_on": "2020-10-01" });
    let found = |change: &Json, rows: &Rows| blocked("party_organisation", &approved, change, rows);
    let nobody = "STEP covers_nobody status";
    assert_eq!(
        found(&json!({ "status": "active" }), &rows),
        ["STEP established_missing established_on", nobody]
    );
    assert_eq!(found(&establish, &rows), [nobody]);
    let mut link = json!({ "organisation": id(2).to_string(), "form": "joint",
        "party_organisation": id(1).to_string(), "from_on": "2020-10-01", "to_on": "2020-10-15" });
    rows.put("coverage_link", id(11), values("coverage_link", &link));
    assert_eq!(found(&establish, &rows), [nobody], "it ends today");
    link["to_on"] = Json::Null;
    rows.put("coverage_link", id(11), values("coverage_link", &link));
    assert_eq!(found(&establish, &rows), NONE);
    // One that is entered as it is needs no link yet.
    let made = judged(
        "party_organisation",
        None,
        &changed(&approved, &establish),
        &Rows::default(),
    );
    assert!(
        made.iter().all(|finding| finding.rule != "STEP"),
        "{made:?}"
    );
}

#[test]
fn an_established_case_covers_the_organisation_unless_it_is_covered() {
    let mut rows = Rows::default();
    let built = json!({ "name": "支部", "status": "active", "established_on": "2020-09-01" });
    rows.put(
        "party_organisation",
        id(7),
        values("party_organisation", &built),
    );
    let case = json!({ "organisation": id(2).to_string(), "status": "approved",
        "form": "standalone", "result_party_organisation": id(7).to_string() });
    let established = |case: &Json| changed(case, &json!({ "status": "established" }));
    let outcome = follows(
        "establishment_case",
        Some(&case),
        &established(&case),
        &rows,
    );
    let link = |form: &str, from: &str| {
        let (organisation, party) = (id(2), id(7));
        format!(
            "coverage_link/new organisation={organisation} party_organisation={party} from_on={from} form={form}"
        )
    };
    assert_eq!(said(&outcome), [link("standalone", "2020-09-01")]);
    assert!(outcome.effects[0].is_needed);
    // A Party organisation that was there begins to cover it today.
    let joint = changed(&case, &json!({ "form": "joint" }));
    let outcome = follows(
        "establishment_case",
        Some(&joint),
        &established(&joint),
        &rows,
    );
    assert_eq!(said(&outcome), [link("joint", "2020-10-15")]);
    let there = json!({ "organisation": id(2).to_string(), "party_organisation": id(7).to_string(),
        "form": "standalone", "from_on": "2020-09-10" });
    rows.put("coverage_link", id(11), values("coverage_link", &there));
    let outcome = follows(
        "establishment_case",
        Some(&case),
        &established(&case),
        &rows,
    );
    assert_eq!(said(&outcome), NONE);
}

#[test]
fn a_platform_works_from_its_first_meeting_and_a_carrier_begins_on_a_day() {
    let mut rows = Rows::default();
    let platform = json!({ "cluster": id(2).to_string(), "name": "平台", "mode": "joint",
        "step_institution_on": "2020-02-01", "step_mechanism_on": "2020-03-01",
        "step_strength_on": "2020-05-01", "step_service_on": "2020-04-01",
        "built_on": "2020-05-01", "status": "built" });
    let operate = json!({ "status": "operating" });
    let found = |rows: &Rows| blocked("platform", &platform, &operate, rows);
    assert_eq!(found(&rows), ["STEP no_meeting status"]);
    for (number, kind) in [(31, "special_meeting"), (32, "quarterly_meeting")] {
        assert_eq!(found(&rows), ["STEP no_meeting status"]);
        let met = json!({ "platform": id(1).to_string(), "kind": kind, "on": "2020-06-01",
            "topics": "共建" });
        rows.put(
            "platform_meeting",
            id(number),
            values("platform_meeting", &met),
        );
    }
    assert_eq!(found(&rows), NONE);
    let carrier = json!({ "party_organisation": id(7).to_string(), "name": "载体",
        "themes": ["culture"], "status": "planned" });
    let start = json!({ "status": "running" });
    let found = blocked("carrier", &carrier, &start, &rows);
    assert_eq!(found, ["STEP start_missing started_on"]);
    let start = json!({ "status": "running", "started_on": "2020-10-01" });
    assert_eq!(blocked("carrier", &carrier, &start, &rows), NONE);
}

fn problem(status: &str, extension: &str) -> Json {
    json!({ "no": "410305-2020-A0001", "year": "2020", "scope": "410305",
        "registered_on": "2020-03-01", "due_on": "2020-11-30", "status": status,
        "extension": extension })
}

#[test]
fn more_time_has_a_later_day_and_the_former_is_said() {
    let rows = Rows::default();
    let asked = problem("in_progress", "requested");
    let grant = |due: &str| json!({ "extension": "granted", "due_on": due });
    let found = |due: &str| blocked("problem_item", &asked, &grant(due), &rows);
    assert_eq!(found("2020-11-30"), ["STEP due_not_moved due_on"]);
    assert_eq!(found("2020-12-31"), NONE);
    let after = changed(&asked, &grant("2020-12-31"));
    let outcome = follows("problem_item", Some(&asked), &after, &rows);
    assert_eq!(remarks(&outcome), ["due_moved"]);
    assert!(outcome.remarks[0].en.contains("2020-11-30"));
    // A long matter is looked at again on a day to come.
    let long = |due: &str| {
        let change = json!({ "status": "long_term", "due_on": due });
        blocked(
            "problem_item",
            &problem("in_progress", "none"),
            &change,
            &rows,
        )
    };
    assert_eq!(long("2020-10-15"), ["STEP review_day due_on"]);
    assert_eq!(long("2020-10-16"), NONE);
}

#[test]
fn when_all_tasks_are_done_closing_is_suggested() {
    let mut rows = Rows::default();
    let suggested = |rows: &Rows| {
        let values = values("problem_item", &problem("in_progress", "none"));
        let subject = Subject {
            kind: kind_of("problem_item"),
            id: id(1),
            scope: scope_id("410305"),
            before: Some(&values),
            after: &values,
        };
        let today = date::stored("2020-10-15").unwrap();
        suggest(&subject, today, &Parameters::defaults(2020), rows).map(|it: Suggestion| it.act)
    };
    assert_eq!(suggested(&rows), None, "no task, no suggestion");
    let put = |number: u8, status: &str, rows: &mut Rows| {
        let task = json!({ "no": "T1", "year": "2020", "scope": "410305", "title": "任务",
            "problem": id(1).to_string(), "status": status });
        rows.put("task_item", id(number), values("task_item", &task));
    };
    put(51, "cancelled", &mut rows);
    assert_eq!(suggested(&rows), None, "nothing was done");
    put(52, "in_progress", &mut rows);
    put(53, "done", &mut rows);
    assert_eq!(suggested(&rows), None);
    put(52, "done", &mut rows);
    assert_eq!(suggested(&rows), Some("apply_close"));
}

/// A nomination, 4, of Party organisation 7, which covers organisation 2 alone.
fn nominated(status: &str) -> Rows {
    let mut rows = Rows::default();
    let party = changed(
        &party(),
        &json!({ "dissolved_on": null, "member_count": 12 }),
    );
    rows.put(
        "party_organisation",
        id(7),
        values("party_organisation", &party),
    );
    rows.put(
        "organisation",
        id(2),
        values("organisation", &crate::validation::organisation()),
    );
    let link = json!({ "organisation": id(2).to_string(), "party_organisation": id(7).to_string(),
        "form": "standalone", "from_on": "2020-01-01" });
    rows.put("coverage_link", id(11), values("coverage_link", &link));
    let row = json!({ "year": "2020", "scope": "410305", "status": status,
        "party_organisation": id(7).to_string(), "district_rank": 1 });
    rows.put("nomination", id(4), values("nomination", &row));
    rows
}

#[test]
fn what_a_visit_counts_otherwise_is_asked_and_not_written() {
    let mut rows = nominated("received");
    let visit = |members: u32, employees: u32| {
        json!({ "nomination": id(4).to_string(), "on": "2020-10-12", "methods": ["on_site"],
            "team": "一组", "observed_members": members, "observed_employees": employees })
    };
    let asked = |visit: &Json, rows: &Rows| said(&follows("acceptance_visit", None, visit, rows));
    assert_eq!(
        asked(&visit(12, 12), &rows),
        NONE,
        "it counts what stands there"
    );
    let basis = format!("抽查验收 acceptance_visit/{} 于 2020-10-12 现场核实", id(1));
    let members = format!(
        "change_request/new record=party_organisation/{} field=member_count proposed=9 present=12 basis={basis} status=proposed",
        id(7)
    );
    let employees = format!(
        "change_request/new record=organisation/{} field=employees proposed=30 present=12 basis={basis} status=proposed",
        id(2)
    );
    assert_eq!(asked(&visit(9, 30), &rows), [members.clone(), employees]);
    // A second organisation: nobody knows whose employees were counted.
    let other = json!({ "organisation": id(3).to_string(), "party_organisation": id(7).to_string(),
        "form": "joint", "from_on": "2020-01-01" });
    rows.put("coverage_link", id(12), values("coverage_link", &other));
    assert_eq!(asked(&visit(9, 30), &rows), [members]);
    // It is asked once.
    let waits = json!({ "record": format!("party_organisation/{}", id(7)), "field": "member_count",
        "proposed": "9", "basis": "x", "status": "proposed" });
    rows.put("change_request", id(61), values("change_request", &waits));
    assert_eq!(asked(&visit(9, 30), &rows), NONE);
}

fn verdict(verdict: &str) -> Json {
    json!({ "nomination": id(4).to_string(), "verdict": verdict, "on": "2020-10-14",
        "reason": "达标", "rectify_due": "2020-11-30" })
}

#[test]
fn a_verdict_takes_the_nomination_with_it_and_conditions_leave_it_received() {
    let rows = nominated("received");
    let outcome = |it: &str, rows: &Rows| follows("acceptance_verdict", None, &verdict(it), rows);
    assert_eq!(
        said(&outcome("pass", &rows)),
        ["nomination/4 status=accepted"]
    );
    assert_eq!(
        said(&outcome("fail", &rows)),
        ["nomination/4 status=not_accepted"]
    );
    assert_eq!(outcome("conditional", &rows), Outcome::default());
    let later = outcome("fail", &nominated("accepted"));
    assert_eq!(
        (said(&later).len(), remarks(&later)),
        (0, vec!["decided_before"])
    );
    let found = |status: &str, change: Json| {
        let findings = judged(
            "acceptance_verdict",
            None,
            &changed(&verdict("pass"), &change),
            &nominated(status),
        );
        let findings = findings.into_iter().filter(|f| f.level == Level::Block);
        findings
            .map(|f| format!("{} {}", f.code, f.field))
            .collect::<Vec<_>>()
    };
    let unseen = json!({ "without_visit": true });
    assert_eq!(found("received", json!({})), ["no_visit without_visit"]);
    assert_eq!(found("received", unseen.clone()), NONE);
    assert_eq!(found("recommended", unseen), ["not_received nomination"]);
}

#[test]
fn an_accepted_nomination_is_a_point_once_and_under_review_where_its_branch_has_ended() {
    let mut rows = nominated("received");
    let received = json!({ "year": "2020", "scope": "410305", "status": "received",
        "party_organisation": id(7).to_string(), "district_rank": 1 });
    let accepted = changed(&received, &json!({ "status": "accepted" }));
    let point = |status: &str| {
        let year = domain::year_record_id(2020);
        format!(
            "demonstration_point/new party_organisation={} year={year} status={status}",
            id(7)
        )
    };
    let outcome = follows("nomination", Some(&received), &accepted, &rows);
    assert_eq!(said(&outcome), [point("valid")]);
    let gone = json!({ "name": "支部", "status": "dissolved" });
    let mut ended = nominated("received");
    ended.put(
        "party_organisation",
        id(7),
        values("party_organisation", &gone),
    );
    let outcome = follows("nomination", Some(&received), &accepted, &ended);
    assert_eq!(said(&outcome), [point("under_review")]);
    let there = json!({ "party_organisation": id(7).to_string(), "year": "2020",
        "status": "valid" });
    rows.put(
        "demonstration_point",
        id(71),
        values("demonstration_point", &there),
    );
    let outcome = follows("nomination", Some(&received), &accepted, &rows);
    assert_eq!(said(&outcome), NONE);
    let twice = judged("demonstration_point", None, &there, &rows);
    assert!(
        twice.iter().any(|finding| finding.code == "point_twice"),
        "{twice:?}"
    );
}

#[test]
fn acceptance_rests_on_the_last_verdict() {
    let mut rows = Rows::default();
    let received = json!({ "year": "2020", "scope": "410305", "status": "received",
        "party_organisation": id(7).to_string(), "district_rank": 1 });
    let found =
        |to: &str, rows: &Rows| blocked("nomination", &received, &json!({ "status": to }), rows);
    let missing = ["STEP no_verdict status"];
    assert_eq!(found("accepted", &rows), missing);
    assert_eq!(found("not_accepted", &rows), missing);
    let put = |number: u8, verdict: &str, on: &str, rows: &mut Rows| {
        let row = json!({ "nomination": id(1).to_string(), "verdict": verdict, "on": on });
        rows.put(
            "acceptance_verdict",
            id(number),
            values("acceptance_verdict", &row),
        );
    };
    put(81, "conditional", "2020-10-01", &mut rows);
    assert_eq!(found("accepted", &rows), missing);
    put(80, "pass", "2020-10-10", &mut rows);
    assert_eq!(found("accepted", &rows), NONE);
    assert_eq!(found("not_accepted", &rows), missing);
}

#[test]
fn a_request_is_accepted_while_the_field_reads_as_it_did_and_declined_with_a_reason() {
    let mut rows = nominated("received");
    let request = json!({ "record": format!("party_organisation/{}", id(7)),
        "field": "member_count", "proposed": "9", "present": "12", "basis": "抽查",
        "status": "proposed" });
    let accept = json!({ "status": "accepted" });
    let found = |change: &Json, rows: &Rows| blocked("change_request", &request, change, rows);
    assert_eq!(found(&accept, &rows), NONE);
    let outcome = follows(
        "change_request",
        Some(&request),
        &changed(&request, &accept),
        &rows,
    );
    // The figure had no day so far.
    assert_eq!(
        said(&outcome),
        ["party_organisation/7 member_count=9 as_of=2020-10-15"]
    );
    assert!(outcome.effects[0].is_needed);
    let decline = json!({ "status": "declined" });
    assert_eq!(found(&decline, &rows), ["STEP answer_missing answer"]);
    let why = json!({ "status": "declined", "answer": "三人在外" });
    assert_eq!(found(&why, &rows), NONE);
    // Somebody has changed it meanwhile; to the same is as good as accepted.
    let party = |members: u32| changed(&party(), &json!({ "member_count": members }));
    rows.put(
        "party_organisation",
        id(7),
        values("party_organisation", &party(11)),
    );
    assert_eq!(found(&accept, &rows), ["STEP request_outdated status"]);
    rows.put(
        "party_organisation",
        id(7),
        values("party_organisation", &party(9)),
    );
    assert_eq!(found(&accept, &rows), NONE);
    let nonsense = changed(&request, &json!({ "field": "colour" }));
    let found = judged("change_request", None, &nonsense, &rows);
    assert!(
        found.iter().any(|finding| finding.code == "no_such_field"),
        "{found:?}"
    );
}

#[test]
fn of_two_with_one_rank_the_second_is_not_recommended() {
    let mut rows = nominated("recommended");
    let assessed = json!({ "year": "2020", "scope": "410305", "status": "assessed",
        "party_organisation": id(8).to_string(), "district_rank": 1 });
    let recommend = json!({ "status": "recommended" });
    let found = |rows: &Rows| blocked("nomination", &assessed, &recommend, rows);
    assert_eq!(found(&rows), ["V24 rank_taken district_rank"]);
    let row = json!({ "year": "2020", "scope": "410302", "status": "recommended",
        "party_organisation": id(7).to_string(), "district_rank": 1 });
    rows.put("nomination", id(4), values("nomination", &row));
    assert_eq!(found(&rows), NONE, "another scope's");
}

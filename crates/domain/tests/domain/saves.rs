//! What a person's save may not do, and what is judged at every state that comes after a guard.

use domain::{
    Level, Lookup, NoLookup, Subject, date, scope_id,
    validate::{by_hand, standing_verdict, why_kept},
};
use proto::ledger::{AcceptanceVerdict, NominationStatus, Verdict};
use serde_json::{Value as Json, json};

use crate::{
    desk::{Rows, id, kind_of},
    validation::{judged, of_edit, organisation, values},
};

const NONE: [&str; 0] = [];

pub(crate) fn changed(sound: &Json, change: &Json) -> Json {
    let mut after = sound.clone();
    for (name, value) in change.as_object().unwrap() {
        after[name] = value.clone();
    }
    after.as_object_mut().unwrap().retain(|_, it| !it.is_null());
    after
}

/// The codes of what a person may not save by hand on 2020-10-15; without `before` it is made.
fn refused(kind: &str, before: Option<&Json>, change: &Json) -> Vec<&'static str> {
    let after = changed(before.unwrap_or(&json!({})), change);
    let found = of_edit(kind, (before, &after), by_hand);
    assert!(found.iter().all(domain::Finding::blocks));
    found.iter().map(|finding| finding.code).collect()
}

/// The codes of a level that an edit has, those of missing fields left out; with no change, what is
/// listed of the record as it stands.
pub(crate) fn found(
    kind: &str,
    before: Option<&Json>,
    change: &Json,
    level: Level,
    lookup: &dyn Lookup,
) -> Vec<&'static str> {
    let after = changed(before.unwrap_or(&json!({})), change);
    let found = judged(kind, before, &after, lookup);
    let of_level = found
        .iter()
        .filter(|finding| finding.level == level && finding.rule != "REQ");
    of_level.map(|finding| finding.code).collect()
}

pub(crate) fn status(status: &str) -> Json {
    json!({ "status": status })
}

pub(crate) fn problem(status: &str, extension: &str) -> Json {
    json!({ "no": "410305-2020-A0001", "year": "2020", "scope": "410305", "measure": "拟建党支部",
        "registered_on": "2020-03-01", "due_on": "2020-11-30", "status": status,
        "extension": extension })
}

#[test]
fn a_save_by_hand_takes_one_step_and_is_told_the_next() {
    let draft = json!({ "year": "2020", "scope": "410305", "status": "draft" });
    let of = |to: &str| refused("nomination", Some(&draft), &status(to));
    assert_eq!(of("submitted"), NONE);
    for far in ["screened", "assessed", "recommended"] {
        assert_eq!(of(far), ["step_missing"]);
    }
    let (before, after) = (
        values("nomination", &draft),
        changed(&draft, &status("assessed")),
    );
    let after = values("nomination", &after);
    let subject = Subject {
        kind: kind_of("nomination"),
        id: id(1),
        scope: scope_id("410305"),
        before: Some(&before),
        after: &after,
    };
    let said = by_hand(&subject, date::stored("2020-10-15").unwrap());
    assert!(said[0].en.contains("(submit)") && said[0].zh.contains("下一步"));
    // What an import brings is only listed.
    let skips = found(
        "nomination",
        Some(&draft),
        &status("screened"),
        Level::Warn,
        &NoLookup,
    );
    assert!(skips.contains(&"step_skips"), "{skips:?}");
}

#[test]
fn what_goes_through_steps_is_made_at_their_beginning() {
    let made = |kind: &str, to: &str| refused(kind, None, &status(to));
    assert_eq!(
        made("nomination", "submitted"),
        NONE,
        "its maker's own step"
    );
    for (kind, to) in [
        ("nomination", "screened"),
        ("problem_item", "in_progress"),
        ("problem_item", "closed"),
        ("establishment_case", "established"),
        ("service_claim", "done"),
        ("transfer_request", "accepted"),
        ("change_request", "expired"),
    ] {
        assert!(made(kind, to).contains(&"step_missing"), "{kind} {to}");
    }
    let granted = json!({ "status": "registered", "extension": "granted" });
    assert_eq!(refused("problem_item", None, &granted), ["step_missing"]);
    // What was there before anybody wrote it down is entered as it stands, with its day.
    assert_eq!(made("training_session", "held"), NONE);
    assert_eq!(made("demonstration_point", "under_review"), NONE);
    assert_eq!(made("party_organisation", "active"), ["undated"]);
    let active = json!({ "status": "active", "established_on": "2015-07-01" });
    assert_eq!(refused("party_organisation", None, &active), NONE);
    let closed = json!({ "census_status": "closed" });
    assert_eq!(refused("organisation", None, &closed), ["undated"]);
    let merged = json!({ "census_status": "merged" });
    assert_eq!(refused("organisation", None, &merged), ["step_missing"]);
}

#[test]
fn what_was_approved_before_is_entered_as_it_stands_and_nothing_else_is() {
    let made = |status: &str, on: &str| {
        let row = json!({ "status": status, on: "2015-07-01" });
        refused("party_organisation", None, &row)
    };
    assert_eq!(made("applied", "applied_on"), NONE);
    assert_eq!(made("approved", "approved_on"), ["step_missing"]);
    assert_eq!(made("active", "established_on"), NONE);
    assert_eq!(made("restructuring", "established_on"), NONE);
    assert_eq!(made("restructuring", "applied_on"), ["undated"]);
    assert_eq!(made("dissolved", "dissolved_on"), NONE, "who knows why");
}

#[test]
fn what_goes_along_with_a_step_is_asked_of_a_person_and_listed_of_an_import() {
    let missing = ["along_missing"];
    let both = |kind: &str, before: Option<&Json>, change: &Json| {
        (
            refused(kind, before, change),
            listed_along(kind, before, change),
        )
    };
    let party = "party_organisation";
    let applied = json!({ "status": "applied" });
    let approve = json!({ "status": "approved" });
    assert_eq!(both(party, Some(&applied), &approve), (missing.into(), 1));
    let dated = json!({ "status": "approved", "approved_on": "2020-10-01" });
    assert_eq!(both(party, Some(&applied), &dated), (vec![], 0));
    let active = json!({ "status": "active", "established_on": "2015-07-01" });
    let dissolve = json!({ "status": "dissolved", "dissolved_on": "2020-10-01" });
    assert_eq!(both(party, Some(&active), &dissolve), (missing.into(), 1));
    let bare = json!({ "status": "dissolved" });
    let (by_hand, listed) = both(party, Some(&active), &bare);
    assert_eq!((by_hand.len(), listed), (2, 2), "neither day nor reason");
    // What was missing before keeps nobody from other work.
    let imported = changed(&active, &dissolve);
    let named = json!({ "name": "支部" });
    assert_eq!(both(party, Some(&imported), &named), (vec![], 1));
    let link = json!({ "organisation": id(2).to_string(), "form": "joint",
        "party_organisation": id(3).to_string(), "from_on": "2020-01-01" });
    let ends = json!({ "to_on": "2020-10-01" });
    let link_kind = "coverage_link";
    assert_eq!(both(link_kind, Some(&link), &ends), (missing.into(), 1));
    let why = changed(&ends, &json!({ "end_reason": "外迁" }));
    assert_eq!(both(link_kind, Some(&link), &why), (vec![], 0));
}

/// How many fields are listed as missing of a record after an edit.
fn listed_along(kind: &str, before: Option<&Json>, change: &Json) -> usize {
    let after = changed(before.unwrap_or(&json!({})), change);
    let found = judged(kind, before, &after, &NoLookup);
    let along = found.iter().filter(|it| it.code == "along_missing");
    let along: Vec<_> = along.collect();
    assert!(along.iter().all(|it| it.level == Level::Warn), "{along:?}");
    along.len()
}

#[test]
fn figures_have_a_day() {
    for (kind, figure) in [
        ("organisation", "employees"),
        ("party_organisation", "member_count"),
        ("work_committee", "staff"),
        ("service_centre", "floating_registered"),
    ] {
        let of = json!({ "scope": "410305", "platform": id(2).to_string(), "name": "中心" });
        let is_known = |field: &str| kind_of(kind).field(field).is_some();
        let mut key = of.as_object().unwrap().clone();
        key.retain(|field, _| is_known(field));
        let key = Json::Object(key);
        let bare = changed(&key, &json!({ figure: 3 }));
        assert_eq!(refused(kind, None, &bare), ["along_missing"], "{kind}");
        assert_eq!(listed_along(kind, None, &bare), 1, "{kind}");
        let dated = changed(&bare, &json!({ "as_of": "2020-09-30" }));
        assert_eq!(refused(kind, None, &dated), NONE, "{kind}");
        assert_eq!(listed_along(kind, None, &dated), 0, "{kind}");
        assert_eq!(refused(kind, Some(&dated), &json!({ figure: 4 })), NONE);
        let cleared = json!({ "as_of": null });
        assert_eq!(refused(kind, Some(&dated), &cleared), ["along_missing"]);
    }
}

#[test]
fn a_day_that_the_program_writes_is_not_typed() {
    let applied = problem("close_applied", "none");
    let on = |day: &str| json!({ "status": "closed", "closed_on": day });
    let of = |change: &Json| refused("problem_item", Some(&applied), change);
    assert_eq!(of(&on("2020-10-15")), NONE, "the stamp itself");
    assert_eq!(of(&on("2020-10-14")), ["day_typed"]);
    assert_eq!(
        of(&json!({ "closed_on": "2020-10-15" })),
        ["day_typed"],
        "no step"
    );
    let row = |on: &str| {
        let before = json!({ "place": 1, "state": "close_applied", "on": "" });
        json!([before, { "place": 2, "state": "closed", "on": on }])
    };
    let with = |on: &str| changed(&status("closed"), &json!({ "steps": row(on) }));
    assert_eq!(of(&with("2020-10-15")), NONE, "its steps");
    assert_eq!(of(&with("2020-10-16")), ["day_typed"], "a day to come");
    assert_eq!(of(&json!({ "steps": row("2020-10-15") })), ["day_typed"]);
    let open = json!({ "scope": "410305", "period": "2020Q3", "status": "open" });
    let sent = |day: &str| json!({ "status": "submitted", "submitted_on": day });
    let of = |change: &Json| refused("quarterly_return", Some(&open), change);
    assert_eq!(of(&sent("2020-10-01")), ["day_typed"]);
    assert_eq!(of(&sent("2020-10-15")), NONE);
    let ahead = on("2020-10-16");
    let late = found(
        "problem_item",
        Some(&applied),
        &ahead,
        Level::Block,
        &NoLookup,
    );
    assert_eq!(
        late,
        ["closed_ahead"],
        "an import says no day to come either"
    );
}

#[test]
fn the_day_that_was_due_first_is_kept_by_the_program() {
    let asked = problem("in_progress", "requested");
    let of = |change: &Json| refused("problem_item", Some(&asked), change);
    let moved = |first: &str| json!({ "extension": "granted", "due_on": "2020-12-31", "first_due_on": first });
    assert_eq!(of(&moved("2020-11-30")), NONE);
    assert_eq!(of(&moved("2020-12-30")), ["day_typed"]);
    assert_eq!(of(&json!({ "first_due_on": "2020-11-30" })), ["day_typed"]);
    let again = changed(&asked, &json!({ "first_due_on": "2020-10-30" }));
    assert_eq!(
        refused("problem_item", Some(&again), &moved("2020-11-30")),
        ["day_typed"],
        "the first one stays"
    );
}

#[test]
fn a_due_day_moves_with_a_grant_or_a_long_term_plan_only() {
    let moved = json!({ "due_on": "2020-12-31" });
    let block = |sound: &Json, change: &Json| {
        found("problem_item", Some(sound), change, Level::Block, &NoLookup)
    };
    assert_eq!(
        block(&problem("in_progress", "none"), &moved),
        ["due_fixed"]
    );
    assert_eq!(
        block(&problem("registered", "requested"), &moved),
        ["due_fixed"]
    );
    let cleared = json!({ "due_on": null });
    assert_eq!(
        block(&problem("in_progress", "none"), &cleared),
        ["due_fixed"]
    );
    let asks = json!({ "extension": "requested", "due_on": "2020-12-31" });
    assert_eq!(block(&problem("in_progress", "none"), &asks), ["due_fixed"]);
    let grant = json!({ "extension": "granted", "due_on": "2020-12-31" });
    assert_eq!(block(&problem("in_progress", "requested"), &grant), NONE);
    let long = json!({ "status": "long_term", "due_on": "2020-12-31" });
    assert_eq!(block(&problem("in_progress", "none"), &long), NONE);
    let mut dayless = problem("in_progress", "none");
    dayless.as_object_mut().unwrap().remove("due_on");
    assert_eq!(
        block(&dayless, &moved),
        NONE,
        "what was missing is filled in"
    );
}

#[test]
fn what_was_planned_is_no_statement_of_what_was_done() {
    let block = |change: Json| {
        let sound = problem("in_progress", "none");
        found(
            "problem_item",
            Some(&sound),
            &change,
            Level::Block,
            &NoLookup,
        )
    };
    assert_eq!(block(status("close_applied")), ["no_evidence"]);
    let said = json!({ "status": "close_applied", "measure": "已建立党支部" });
    assert_eq!(block(said), NONE);
    let applied = problem("close_applied", "none");
    let close = found(
        "problem_item",
        Some(&applied),
        &status("closed"),
        Level::Block,
        &NoLookup,
    );
    assert_eq!(close, NONE, "it was said with the application");
}

#[test]
fn what_closed_comes_back_in_its_year_and_on_a_day_that_has_come() {
    let closed = |day: &str| {
        changed(
            &organisation(),
            &json!({ "census_status": "closed", "closed_on": day }),
        )
    };
    let reopen = |day: &str| {
        let back = json!({ "census_status": "candidate" });
        found(
            "organisation",
            Some(&closed(day)),
            &back,
            Level::Block,
            &NoLookup,
        )
    };
    assert_eq!(reopen("2020-01-01"), NONE);
    assert_eq!(reopen("2019-12-31"), ["reopened_late"]);
    let close = |day: &str| {
        let change = json!({ "census_status": "closed", "closed_on": day });
        found(
            "organisation",
            Some(&organisation()),
            &change,
            Level::Block,
            &NoLookup,
        )
    };
    assert_eq!(
        (close("2020-10-15"), close("2020-10-16")),
        (vec![], vec!["closed_ahead"])
    );
}

#[test]
fn a_link_is_refused_for_the_figures_it_began_with_and_warned_of_later_ones() {
    let mut rows = Rows::default();
    let few = changed(&organisation(), &json!({ "members": 2, "full_members": 2 }));
    rows.put("organisation", id(2), values("organisation", &few));
    let link = |from: &str| {
        json!({ "organisation": id(2).to_string(), "party_organisation": id(7).to_string(),
            "form": "standalone", "from_on": from })
    };
    let of = |from: &str, level| found("coverage_link", None, &link(from), level, &rows);
    assert_eq!(of("2020-09-30", Level::Block), ["standalone_members"]);
    assert_eq!(of("2020-09-29", Level::Block), NONE);
    assert_eq!(of("2020-09-29", Level::Warn), ["standalone_members"]);
    // A unit that shrank later is listed and blocks nothing.
    let stands = found(
        "coverage_link",
        Some(&link("2018-01-01")),
        &json!({}),
        Level::Block,
        &rows,
    );
    assert_eq!(stands, NONE);
}

#[test]
fn a_verdict_and_a_paid_reward_stay_as_they_are() {
    let block = |kind: &str, sound: &Json, change: Json| {
        let found = found(kind, Some(sound), &change, Level::Block, &NoLookup);
        found.contains(&"decided_frozen")
    };
    let verdict = json!({ "nomination": id(5).to_string(), "verdict": "conditional",
        "on": "2020-10-20", "reason": "台账不全", "rectify_due": "2020-11-30" });
    let passes = json!({ "verdict": "pass" });
    assert!(
        block("acceptance_verdict", &verdict, passes),
        "ahead or not"
    );
    let longer = json!({ "rectify_due": "2020-12-31" });
    assert!(block("acceptance_verdict", &verdict, longer));
    assert!(!block("acceptance_verdict", &verdict, json!({})));
    let decided = json!({ "year": "2020", "scope": "410305", "amount_fen": 500_000,
        "decided_on": "2020-10-15", "basis": "市级决定" });
    let less = json!({ "amount_fen": 1 });
    assert!(!block("reward", &decided, less.clone()), "a slip is mended");
    let paid = json!({ "paid_on": "2020-10-15" });
    assert!(!block("reward", &decided, paid.clone()));
    let paid = changed(&decided, &paid);
    for change in [less, json!({ "paid_on": null }), json!({ "basis": null })] {
        assert!(block("reward", &paid, change), "paid is paid");
    }
}

#[test]
fn whose_last_role_ended_two_years_ago_is_listed_to_be_erased() {
    let listed = |ends: &[(&str, Option<&str>)], person: Json| {
        let mut rows = Rows::default();
        for (number, (kind, to)) in (20..).zip(ends) {
            let row = json!({ "person": id(1).to_string(), "role": "secretary",
                "subject": format!("organisation/{}", id(2)), "organisation": id(2).to_string(),
                "from_on": "2015-01-01", "to_on": to });
            let fields = row.as_object().unwrap().clone().into_iter();
            let known = fields.filter(|(field, _)| kind_of(kind).field(field).is_some());
            rows.put(
                kind,
                id(number),
                values(kind, &Json::Object(known.collect())),
            );
        }
        found("person", Some(&person), &json!({}), Level::Warn, &rows) == ["keep_over"]
    };
    let role = |to: &'static str| ("role_assignment", Some(to));
    let named = || json!({ "display_name": "王某" });
    assert!(listed(&[role("2018-10-15")], named()), "to the day");
    assert!(!listed(&[role("2018-10-16")], named()));
    assert!(!listed(&[], named()), "who never had one");
    assert!(!listed(
        &[role("2016-01-01"), ("role_assignment", None)],
        named()
    ));
    let sent = |to| ("instructor_assignment", to);
    assert!(listed(
        &[role("2016-01-01"), sent(Some("2017-01-01"))],
        named()
    ));
    assert!(!listed(
        &[role("2016-01-01"), sent(Some("2020-01-01"))],
        named()
    ));
    assert!(!listed(&[role("2016-01-01"), sent(None)], named()));
    let erased = json!({ "erased": true });
    assert!(!listed(&[role("2016-01-01")], erased));
}

#[test]
fn what_was_decided_is_not_deleted() {
    let today = date::stored("2020-10-15").unwrap();
    let kept = |kind: &str, row: Json| {
        let why = why_kept(kind_of(kind), &values(kind, &row), today);
        why.map(|finding| finding.code)
    };
    let notice = |on: &str| json!({ "year": "2020", "kind": "commend", "issued_on": on });
    assert_eq!(kept("notice", notice("2020-10-15")), Some("notice_frozen"));
    assert_eq!(kept("notice", notice("2020-10-16")), None);
    assert_eq!(kept("notice", json!({ "year": "2020" })), None);
    let verdict = json!({ "nomination": id(5).to_string(), "verdict": "fail" });
    assert_eq!(kept("acceptance_verdict", verdict), Some("decided_frozen"));
    let reward = json!({ "year": "2020", "scope": "410305", "decided_on": "2020-01-01" });
    assert_eq!(kept("reward", reward.clone()), None);
    let paid = changed(&reward, &json!({ "paid_on": "2020-02-01" }));
    assert_eq!(kept("reward", paid), Some("decided_frozen"));
    let point = json!({ "party_organisation": id(5).to_string(), "year": "2020" });
    assert_eq!(kept("demonstration_point", point), None);
}

#[test]
fn of_the_verdicts_of_a_day_the_one_that_the_nomination_follows_stands() {
    let row = |number: u8, verdict: Verdict, on: &str| {
        let row = AcceptanceVerdict {
            verdict: Some(verdict.into()),
            on: Some(on.to_owned()),
            ..AcceptanceVerdict::default()
        };
        (id(number), row)
    };
    let (pass, fail) = (Verdict::Pass, Verdict::Fail);
    let day = [
        row(3, fail, "2020-10-10"),
        row(2, pass, "2020-10-10"),
        row(1, Verdict::Conditional, "2020-10-10"),
    ];
    let stands = |status, mut all: Vec<_>| {
        let one = standing_verdict(status, all.clone()).map(|row| row.verdict());
        all.reverse();
        let other = standing_verdict(status, all).map(|row| row.verdict());
        assert_eq!(one, other, "in whatever order they are found");
        one.unwrap()
    };
    let of = |status| stands(status, day.to_vec());
    assert_eq!(of(NominationStatus::Accepted), pass);
    assert_eq!(of(NominationStatus::NotAccepted), fail);
    assert_eq!(of(NominationStatus::Received), Verdict::Conditional);
    assert_eq!(of(NominationStatus::Returned), fail, "entered last");
    let mut later = day.to_vec();
    later.push(row(0, fail, "2020-10-11"));
    assert_eq!(
        stands(NominationStatus::Accepted, later),
        fail,
        "a later day"
    );
}

#[test]
fn a_notice_that_was_issued_stays_as_it_was_read() {
    let notice = |on: &str| {
        json!({ "year": "2020", "kind": "commend", "audience": ["410302"], "targets": ["410302"],
            "issued_on": on, "body": "通报" })
    };
    let of = |on: &str, change: Json| {
        found(
            "notice",
            Some(&notice(on)),
            &change,
            Level::Block,
            &NoLookup,
        )
    };
    assert_eq!(of("2020-10-15", json!({ "body": "改" })), ["notice_frozen"]);
    assert_eq!(
        of("2020-10-01", json!({ "issued_on": "2020-10-20" })),
        ["notice_frozen"]
    );
    assert_eq!(
        of("2020-10-16", json!({ "body": "改" })),
        NONE,
        "not issued yet"
    );
    assert_eq!(of("2020-10-15", json!({})), NONE);
}

#[test]
fn scores_are_asked_for_from_the_assessment_on() {
    let mut rows = Rows::default();
    let item = json!({ "code": "A1", "year": "2020", "criterion": "structure", "title": "班子" });
    rows.put("standard_item", id(41), values("standard_item", &item));
    let row = |to: &str| {
        json!({ "year": "2020", "scope": "410305", "party_organisation": id(7).to_string(),
            "district_rank": 1, "status": to })
    };
    let of = |from: &str, to: &str, level, rows: &Rows| {
        let all = found("nomination", Some(&row(from)), &status(to), level, rows);
        all.contains(&"not_scored")
    };
    // The district cannot bring it, and the city does not take what came by another way.
    assert!(of("assessed", "recommended", Level::Block, &rows));
    assert!(of("recommended", "recommended", Level::Block, &rows));
    assert!(of("recommended", "received", Level::Block, &rows));
    // What it has taken it sees listed and may go on with.
    for to in ["received", "spot_checked", "accepted", "not_accepted"] {
        assert!(of(to, to, Level::Warn, &rows), "{to}");
    }
    assert!(!of("screened", "screened", Level::Warn, &rows));
    let decided = row("accepted");
    let listed = found("nomination", Some(&decided), &json!({}), Level::Warn, &rows);
    assert!(listed.contains(&"no_verdict"), "{listed:?}");
    let score = json!({ "nomination": id(1).to_string(), "item": id(41).to_string(),
        "self_score": 9, "district_score": 8 });
    rows.put("criterion_score", id(43), values("criterion_score", &score));
    assert!(!of("recommended", "received", Level::Block, &rows));
}

#[test]
fn what_stands_without_what_its_state_needs_is_listed() {
    let rows = Rows::default();
    let stands = |kind: &str, row: &Json| found(kind, Some(row), &json!({}), Level::Warn, &rows);
    let active = json!({ "name": "支部", "status": "active" });
    assert_eq!(
        stands("party_organisation", &active),
        ["established_missing", "covers_nobody"]
    );
    let tended = json!({ "organisation": id(2).to_string(), "status": "cultivating" });
    assert_eq!(stands("establishment_case", &tended), ["no_instructor"]);
    let held = json!({ "year": "2020", "scope": "410305", "title": "书记班",
        "start_on": "2020-05-10", "status": "held" });
    assert_eq!(stands("training_session", &held), ["nobody_named"]);
    let mut named = Rows::default();
    let row = json!({ "session": id(1).to_string(), "person": id(3).to_string(), "role": "head" });
    named.put(
        "training_attendance",
        id(51),
        values("training_attendance", &row),
    );
    let all = found(
        "training_session",
        Some(&held),
        &json!({}),
        Level::Warn,
        &named,
    );
    assert_eq!(all, NONE);
}

#[test]
fn a_planned_form_that_will_not_do_is_pointed_out() {
    let mut rows = Rows::default();
    let few = changed(&organisation(), &json!({ "members": 2, "full_members": 2 }));
    rows.put("organisation", id(2), values("organisation", &few));
    let case = |form: &str| {
        json!({ "organisation": id(2).to_string(), "status": "planned", "form": form,
            "host_party_organisation": id(7).to_string() })
    };
    let of =
        |form: &str, rows: &Rows| found("establishment_case", None, &case(form), Level::Warn, rows);
    assert_eq!(of("standalone", &rows), ["planned_members"]);
    let mut approved = case("standalone");
    approved["status"] = json!("approved");
    let built = json!({ "status": "established", "result_party_organisation": id(7).to_string() });
    let kind = "establishment_case";
    assert_eq!(
        found(kind, Some(&approved), &built, Level::Warn, &rows),
        ["planned_members"]
    );
    let stands = changed(&approved, &built);
    assert_eq!(
        found(kind, Some(&stands), &json!({}), Level::Warn, &rows),
        NONE
    );
    for number in 0..5 {
        assert_eq!(of("joint", &rows), NONE, "{number} are covered");
        let link = json!({ "organisation": id(60 + number).to_string(), "form": "joint",
            "party_organisation": id(7).to_string(), "from_on": "2020-01-01" });
        rows.put(
            "coverage_link",
            id(80 + number),
            values("coverage_link", &link),
        );
    }
    assert_eq!(of("joint", &rows), ["joint_many"]);
}

#[test]
fn a_step_of_the_building_rests_on_what_makes_it_done() {
    let platform = json!({ "cluster": id(2).to_string(), "name": "平台", "mode": "joint",
        "step_institution_on": "2020-02-01", "step_mechanism_on": "2020-03-01",
        "step_strength_on": "2020-05-01", "step_service_on": "2020-04-01", "status": "preparing" });
    let open = |platform: &Json, rows: &Rows| {
        let all = judged("platform", Some(platform), platform, rows);
        let of = all
            .into_iter()
            .filter(|finding| finding.code == "step_unfounded");
        of.map(|finding| finding.field).collect::<Vec<_>>()
    };
    let mut rows = Rows::default();
    let steps = ["institution", "mechanism", "strength", "service"];
    let steps = steps.map(|step| format!("step_{step}_on"));
    assert_eq!(open(&platform, &rows), steps);
    let this = id(1).to_string();
    let mut founded = platform;
    founded["joint_party_organisation"] = json!(id(7).to_string());
    founded["systems"] = json!(["joint_conference", "quarterly_meeting"]);
    let role = |role: &str, subject: String| {
        json!({ "person": id(3).to_string(), "role": role, "from_on": "2020-01-01",
            "subject": subject })
    };
    let mut put = |kind: &str, number: u8, row: &Json| {
        rows.put(kind, id(number), values(kind, row));
    };
    put(
        "role_assignment",
        31,
        &role("secretary", format!("party_organisation/{}", id(7))),
    );
    put(
        "service_claim",
        32,
        &json!({ "platform": this, "title": "x", "status": "done" }),
    );
    put(
        "service_centre",
        33,
        &json!({ "platform": this, "name": "中心", "opened_on": "2020-05-01",
        "functions": ["classroom"] }),
    );
    assert_eq!(
        open(&founded, &rows),
        [steps[2].clone()],
        "nobody helps there"
    );
    let helper = role("part_time_member", format!("platform/{this}"));
    rows.put(
        "role_assignment",
        id(34),
        values("role_assignment", &helper),
    );
    assert_eq!(open(&founded, &rows), NONE);
}

#[test]
fn two_secretaries_at_once_are_pointed_out() {
    let role = |person: u8, to: Json| {
        json!({ "person": id(person).to_string(), "role": "secretary", "from_on": "2020-01-01",
            "to_on": to, "subject": format!("party_organisation/{}", id(7)) })
    };
    let of = |row: &Json, other: &Json| {
        let mut rows = Rows::default();
        rows.put("role_assignment", id(20), values("role_assignment", other));
        found("role_assignment", None, row, Level::Warn, &rows)
    };
    let (new, former) = (role(3, Json::Null), role(4, Json::Null));
    assert_eq!(of(&new, &former), ["two_secretaries"]);
    let ended = changed(&former, &json!({ "to_on": "2020-10-15" }));
    assert_eq!(of(&new, &ended), NONE);
}

#[test]
fn who_attended_is_kept_for_three_years_after_that_of_the_course() {
    let listed = |on: &str, names: u8| {
        let mut rows = Rows::default();
        for n in 0..names {
            let row = json!({ "session": id(1).to_string(), "person": id(9).to_string(),
                "attended": true });
            rows.put(
                "training_attendance",
                id(20 + n),
                values("training_attendance", &row),
            );
        }
        let course = json!({ "year": "2020", "title": "班", "kind": "centralised",
            "start_on": on, "status": "held" });
        found(
            "training_session",
            Some(&course),
            &json!({}),
            Level::Warn,
            &rows,
        )
    };
    assert!(listed("2016-12-31", 1).contains(&"attendance_over"));
    assert!(!listed("2017-01-01", 1).contains(&"attendance_over"));
    assert!(!listed("2016-12-31", 0).contains(&"attendance_over"));
}

#[test]
fn the_entries_of_one_person_do_not_name_each_other_in_a_circle() {
    let names = |n: u8| json!({ "display_name": "王某", "same_as": id(n).to_string() });
    let mut rows = Rows::default();
    rows.put("person", id(3), values("person", &names(1)));
    rows.put("person", id(4), values("person", &names(5)));
    let refused = |to: u8| {
        let change = json!({ "same_as": id(to).to_string() });
        let named = json!({ "display_name": "王某" });
        found("person", Some(&named), &change, Level::Block, &rows)
    };
    // The record itself is the first.
    assert_eq!(refused(1), ["same_circle"]);
    assert_eq!(refused(3), ["same_circle"]);
    assert!(refused(4).is_empty() && refused(5).is_empty());
}

#[test]
fn a_link_is_judged_by_the_line_that_was_in_force_when_it_began() {
    let mut rows = Rows::default();
    let unit = json!({ "name": "甲", "full_members": 5, "members": 5, "as_of": "2020-01-01" });
    rows.put("organisation", id(2), values("organisation", &unit));
    let year = json!({ "year": "2020", "should_build_members": 6, "former_values": [
        { "field": "should_build_members", "value": "3", "until": "2020-10-10" }] });
    rows.put(
        "programme_year",
        domain::year_record_id(2020),
        values("programme_year", &year),
    );
    let refused = |from: &str| {
        let link = json!({ "organisation": id(2).to_string(), "form": "standalone",
            "party_organisation": id(3).to_string(), "from_on": from });
        let found = found("coverage_link", None, &link, Level::Block, &rows);
        found.contains(&"standalone_members")
    };
    assert!(!refused("2020-09-01"));
    assert!(refused("2020-10-10"));
}

//! A year is opened from the old one: what carries days goes on as it is, what is of a year begins
//! anew.

use std::collections::BTreeMap;

use domain::{date, label::Language, value::Input};
use replica::{Leaf, RecordKey};
use serde_json::{Value, json};
use store::Stored;

use super::{archive, list, newest, open, publish, set, set_phase, settle, show};
use crate::{
    app::App,
    failure::Failure,
    records::{Ground, act, each, ruled_edit, testing},
    report::{self, Request},
};

fn put(app: &App, kind: &str, values: &Value) -> Stored {
    let saved = testing::save(app, kind, None, values, None);
    saved
        .unwrap_or_else(|failure| panic!("{kind}: {failure}"))
        .stored
}

fn name(stored: &Stored) -> String {
    stored.record.key.id.to_string()
}

fn apply_close(app: &App, key: RecordKey) -> Result<crate::records::Saved, Failure> {
    let said = vec![("measure", Input::Text("已建立党支部"))];
    act(app, key, "apply_close", said, (None, "已建立"))
}

/// The same program on another day.
fn on(app: &App, day: &str) -> App {
    App {
        today: date::stored(day),
        ..app.clone()
    }
}

/// A Party organisation with its works of 2020, all in the city's own scope.
struct City {
    world: testing::World,
    party: Stored,
    problem: Stored,
}

fn city() -> City {
    let world = testing::hub();
    let app = &world.app;
    let year = Value::Object(domain::parameters::programme_year_json(2020));
    put(app, "programme_year", &year);
    let item = json!({ "code": "A1", "year": "2020", "criterion": "structure",
        "title": "班子健全", "applies_to": "party_organisation", "max_score": 10 });
    put(app, "standard_item", &item);
    let organisation = testing::made(app, "甲厂");
    let party = json!({ "name": "甲厂党支部", "type": "branch", "status": "active",
        "form": "standalone", "established_on": "2020-01-10" });
    let party = put(app, "party_organisation", &party);
    let link = json!({ "organisation": name(&organisation), "form": "standalone",
        "party_organisation": name(&party), "from_on": "2020-01-10" });
    put(app, "coverage_link", &link);
    let person = put(app, "person", &json!({ "display_name": "王芳" }));
    let role = json!({ "person": name(&person), "role": "secretary", "from_on": "2020-01-10",
        "subject": format!("party_organisation/{}", name(&party)) });
    put(app, "role_assignment", &role);
    let session = json!({ "year": "2020", "scope": "4103L9", "title": "书记班",
        "kind": "centralised", "start_on": "2020-05-10", "status": "held" });
    let session = put(app, "training_session", &session);
    let attended = json!({ "session": name(&session), "person": name(&person),
        "role": "secretary", "attended": true });
    put(app, "training_attendance", &attended);
    let carrier = json!({ "party_organisation": name(&party), "name": "先锋岗",
        "themes": ["direction"], "started_on": "2020-02-01", "status": "running" });
    put(app, "carrier", &carrier);
    let problem = json!({ "no": "4103L9-2020-A0001", "year": "2020", "scope": "4103L9",
        "category": "coverage", "description": "应建未建", "found_by": "self",
        "severity": "high", "registered_on": "2020-03-01", "due_on": "2021-06-30",
        "extension": "none", "status": "in_progress", "measure": "推进" });
    let problem = testing::taken_over(app, "problem_item", &problem);
    let nomination = json!({ "year": "2020", "scope": "4103L9", "summary": "事迹",
        "party_organisation": name(&party), "status": "submitted" });
    put(app, "nomination", &nomination);
    City {
        world,
        party,
        problem,
    }
}

/// Every record with what stands in it.
fn leaves(app: &App) -> BTreeMap<RecordKey, Leaf> {
    let mut all = BTreeMap::new();
    for kind in app.catalogue.kinds() {
        each(app, kind.kind, None, None, &mut |stored, _| {
            all.insert(stored.record.key, stored.leaf);
            Ok(std::ops::ControlFlow::Continue(()))
        })
        .unwrap();
    }
    all
}

fn figure(app: &App, as_of: &str, indicator: &str) -> (Value, Value) {
    let request = Request {
        as_of: Some(as_of.to_owned()),
        ..Request::default()
    };
    let report = report::indicators(app, &request).unwrap().json();
    let figure = &report["city"][indicator];
    (figure["num"].clone(), figure["den"].clone())
}

fn shown(app: &App, year: u32) -> Value {
    Value::Object(show(app, year, Language::En).unwrap())
}

fn code<T>(result: Result<T, Failure>) -> String {
    result
        .err()
        .map_or_else(String::new, |failure| failure.code)
}

fn change(app: &App, from: &str, text: &str) -> Result<(), Failure> {
    let sets: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    set(app, (2020, date::stored(from).unwrap()), &sets, "市级调整")
}

#[test]
fn a_parameter_changes_from_a_day_and_days_before_read_the_old_one() {
    let city = city();
    let app = &city.world.app;
    let mut small = testing::organisation("乙厂");
    small.remove("uscc");
    small.insert("remark".to_owned(), json!("无代码"));
    small.insert("eligibility".to_owned(), json!("not_eligible"));
    put(app, "organisation", &Value::Object(small));
    // Both have five full members; one is covered, which is eligible at any line.
    let should = |day: &str| figure(app, day, "built_of_should_rate").1;
    let met = |day: &str| figure(app, day, "drives_held_met").1;
    let (before, quota) = (should("2020-09-30"), met("2020-09-30"));
    change(
        app,
        "2020-10-10",
        "should_build_members=6 return_due_days=30",
    )
    .unwrap();
    assert_eq!(
        should("2020-10-15").as_u64(),
        before.as_u64().map(|it| it - 1)
    );
    assert_eq!(should("2020-09-30"), before, "a quarter that is past");
    assert_eq!((should("2020-10-09"), met("2020-10-15")), (before, quota));
}

#[test]
fn changes_of_a_parameter_follow_one_another_and_each_day_has_its_own() {
    let city = city();
    let app = &city.world.app;
    change(
        app,
        "2020-10-10",
        "should_build_members=6 return_due_days=30",
    )
    .unwrap();
    // What is put right on its own first day was never otherwise; what begins later follows.
    change(app, "2020-10-10", "should_build_members=7").unwrap();
    change(app, "2020-11-01", "should_build_members=5 recommend_cap=3").unwrap();
    assert_eq!(
        code(change(app, "2020-10-20", "should_build_members=4")),
        "YEAR-007"
    );
    assert_eq!(code(change(app, "2020-10-20", "title=x")), "YEAR-006");
    assert_eq!(code(change(app, "2020-12-01", "stale_days=many")), "count");
    let shows = |today: &str| {
        let document = shown(&on(app, today), 2020);
        let parameter = |name: &str| document["parameters"][name].clone();
        (
            parameter("should_build_members"),
            parameter("recommend_cap"),
        )
    };
    assert_eq!(shows("2020-10-09"), (json!(3), Value::Null));
    assert_eq!(shows("2020-10-31"), (json!(7), Value::Null));
    assert_eq!(shows("2020-11-01"), (json!(5), json!(3)));
    let changes = shown(app, 2020)["changes"].clone();
    let lines = changes.as_array().unwrap().iter().map(|line| {
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        [text("from"), text("field"), text("before"), text("value")].join(" ")
    });
    assert_eq!(
        lines.collect::<Vec<_>>(),
        [
            "2020-10-10 return_due_days 15 30",
            "2020-10-10 should_build_members 3 7",
            "2020-11-01 recommend_cap  3",
            "2020-11-01 should_build_members 7 5",
        ]
    );
    // Rules read the value of their day, and another year begins with the last one.
    let line = |app: &App| crate::records::newest_year(app, app.today()).unwrap();
    assert_eq!(line(&on(app, "2020-10-09")).should_build_members, 3);
    assert_eq!(line(&on(app, "2020-11-02")).should_build_members, 5);
    open(app, (2021, 2020), None, "2021年度方案").unwrap();
    let next = shown(&on(app, "2021-01-02"), 2021);
    assert_eq!(
        (
            &next["parameters"]["should_build_members"],
            &next["changes"]
        ),
        (&json!(5), &json!([]))
    );
    let district = testing::node();
    assert_eq!(
        code(change(&district.app, "2020-10-10", "quota_drive=2")),
        "YEAR-001"
    );
}

#[test]
fn the_next_year_takes_over_what_carries_days_and_begins_with_no_nomination_and_no_training() {
    let city = city();
    let app = &city.world.app;
    let before = leaves(app);
    open(app, (2021, 2020), None, "2021年度方案").unwrap();
    let mut after = leaves(app);
    after.retain(|key, _| before.contains_key(key));
    assert_eq!(after, before, "nothing that was there is touched");

    let next = on(app, "2021-02-01");
    let met = |app: &App, day, indicator| figure(app, day, indicator);
    let one = (json!(1), json!(1));
    for (indicator, in_2021) in [
        ("org_coverage_rate", one.clone()),
        ("carrier_coverage_rate", one.clone()),
        ("training_secretary", (json!(0), json!(1))),
    ] {
        assert_eq!(met(app, "2020-09-30", indicator), one, "{indicator}");
        assert_eq!(met(&next, "2021-01-31", indicator), in_2021, "{indicator}");
    }
    // The same Party organisation may be nominated in the new year, and the old problem closed.
    assert_eq!((newest(app).unwrap(), newest(&next).unwrap()), (2020, 2021));
    let nomination = json!({ "year": "2021", "scope": "4103L9", "summary": "事迹",
        "party_organisation": name(&city.party), "status": "draft" });
    let made = testing::save(&next, "nomination", None, &nomination, None).unwrap();
    let twice = made.warnings.iter().any(|it| it.code == "nominated_twice");
    assert!(!twice, "{:?}", made.warnings);
    let key = city.problem.record.key;
    let acted = apply_close(&next, key);
    assert_eq!(acted.unwrap().document["values"]["status"], "close_applied");
}

#[test]
fn a_new_year_has_the_old_parameters_moved_windows_and_draft_items() {
    let city = city();
    let app = &city.world.app;
    assert_eq!(code(open(app, (2030, 2029), None, "x")), "YEAR-001");
    open(app, (2021, 2020), None, "2021年度方案").unwrap();
    assert_eq!(code(open(app, (2021, 2020), None, "x")), "YEAR-002");
    let year = shown(app, 2021);
    assert_eq!(year["title"], "2021年两新组织党建示范化工程");
    assert_eq!(year["windows"][1]["from"], "2021-10-01");
    assert_eq!(year["parameters"]["should_build_members"], 3);
    assert_eq!(year["quotas"]["quota_training"], 1);
    assert_eq!(
        (&year["phase"], &year["ends"]),
        (&json!("planning"), &json!("2020-12-31"))
    );
    assert_eq!(year["items"], json!({ "published": 0, "drafts": 1 }));
    publish(app, 2021, "公布").unwrap();
    assert_eq!(
        shown(app, 2021)["items"],
        json!({ "published": 1, "drafts": 0 })
    );
    assert_eq!(list(app, Language::En).unwrap().len(), 2);
    // At a district none of it is written.
    let node = testing::node();
    assert_eq!(code(set_phase(&node.app, 2020, None, "x")), "YEAR-001");
}

#[test]
fn a_phase_is_set_with_a_reason_and_taken_back() {
    let city = city();
    let app = &city.world.app;
    let year = shown(app, 2020);
    assert_eq!(
        (&year["phase"], &year["days_left"]),
        (&json!("nomination"), &json!(77))
    );
    assert_eq!(code(set_phase(app, 2020, Some("spring"), "x")), "YEAR-004");
    set_phase(app, 2020, Some("acceptance"), "申报提前结束").unwrap();
    let year = shown(app, 2020);
    assert_eq!(
        (&year["phase"], &year["computed"], &year["reason"]),
        (
            &json!("acceptance"),
            &json!("nomination"),
            &json!("申报提前结束")
        )
    );
    set_phase(app, 2020, None, "按日期").unwrap();
    let year = shown(app, 2020);
    assert_eq!(
        (&year["phase"], &year["reason"]),
        (&json!("nomination"), &Value::Null)
    );
}

/// A return of the city's own scope that was accepted with today's figures.
fn accepted(app: &App) -> Stored {
    let signed = crate::returns::figures(app, domain::scope_id("4103L9"), "2020Q3").unwrap();
    let row = json!({ "scope": "4103L9", "period": "2020Q3", "status": "accepted",
        "figures_hash": signed.hash });
    testing::taken_over(app, "quarterly_return", &row)
}

#[track_caller]
fn assert_locked(app: &App, accepted: &Stored) {
    let stored = testing::now(app, accepted.record.key);
    let document = crate::records::document(app, &stored).unwrap();
    assert_eq!(document["values"]["status"], "locked");
}

#[test]
fn a_year_whose_returns_are_accepted_is_settled_by_its_phase_and_they_are_locked() {
    let city = city();
    let app = &city.world.app;
    let accepted = accepted(app);
    set_phase(app, 2020, Some("settled"), "结果兑现").unwrap();
    assert_eq!(shown(app, 2020)["phase"], "settled");
    assert_locked(app, &accepted);
}

#[test]
fn a_year_that_is_settled_by_its_record_locks_its_returns_and_is_not_deleted() {
    let city = city();
    let app = &city.world.app;
    let accepted = accepted(app);
    let year = super::stored(app, 2020).unwrap().unwrap().0;
    let settled = json!({ "phase_override": "settled" });
    testing::save(app, "programme_year", Some(&year), &settled, None).unwrap();
    assert_locked(app, &accepted);
    let gone = crate::records::delete(app, year.record.key, None, "录错");
    assert_eq!(code(gone), "year_settled");
    set_phase(app, 2020, None, "按日期").unwrap();
    crate::records::delete(app, year.record.key, None, "录错").unwrap();
}

#[test]
fn a_return_that_nobody_has_begun_is_named_when_its_quarter_has_ended() {
    let city = city();
    let app = &city.world.app;
    for (scope, from) in [("410305", "2019-01-01"), ("410302", "2020-07-01")] {
        let row = json!({ "code": scope, "name": scope, "kind": "district",
            "code_source": "gbt2260", "valid_from": from, "expected_to_report": true });
        put(app, "scope", &row);
    }
    let refused = settle(app, (2020, false), "结果兑现").unwrap_err();
    assert_eq!(refused.code, "YEAR-005");
    let missing = [
        "410302 2020Q3",
        "410305 2020Q1",
        "410305 2020Q2",
        "410305 2020Q3",
    ];
    let missing = missing.map(|one| format!("{one} missing")).join(", ");
    assert!(refused.to_string().contains(&missing), "{refused}");
    assert!(!refused.to_string().contains("2020Q4"), "it has not ended");
    settle(app, (2020, true), "结果兑现").unwrap();
    assert_eq!(shown(app, 2020)["phase"], "settled");
}

#[test]
fn an_archived_year_is_opened_again_for_a_correction_without_a_question() {
    let city = city();
    let app = &city.world.app;
    let open = json!({ "scope": "4103L9", "period": "2020Q4", "status": "open" });
    let open = put(app, "quarterly_return", &open);
    settle(app, (2020, true), "结果兑现").unwrap();
    archive(app, 2020, "归档").unwrap();
    // What comes late as accepted is not written to, so that it keeps nobody from opening the year.
    let accepted = json!({ "status": "accepted" });
    let late = ruled_edit(app, &open, &accepted, Ground::of("迟到")).unwrap();
    app.writer.edit(vec![late], Vec::new()).unwrap();
    set_phase(app, 2020, Some("settled"), "更正").unwrap();
    assert_eq!(shown(app, 2020)["phase"], "settled");
}

#[test]
fn a_settled_year_locks_its_returns_and_an_archived_one_is_only_read() {
    let city = city();
    let app = &city.world.app;
    let row = |period: &str, status: &str| {
        let signed = crate::returns::figures(app, domain::scope_id("4103L9"), period).unwrap();
        json!({ "scope": "4103L9", "period": period, "status": status, "figures_hash": signed.hash })
    };
    let accepted = testing::taken_over(app, "quarterly_return", &row("2020Q3", "accepted"));
    let other = testing::taken_over(app, "quarterly_return", &row("2019Q4", "accepted"));
    assert_eq!(code(archive(app, 2020, "x")), "YEAR-003");
    let open = json!({ "scope": "4103L9", "period": "2020Q4", "status": "open" });
    let open = put(app, "quarterly_return", &open);
    let refused = settle(app, (2020, false), "结果兑现").unwrap_err();
    assert_eq!(refused.code, "YEAR-005");
    assert!(
        refused.to_string().contains("4103L9 2020Q4 open"),
        "{refused}"
    );
    // Nor by another way.
    let set = |phase: &str| set_phase(app, 2020, Some(phase), "结果兑现");
    assert_eq!(code(set("settled")), "YEAR-005");
    assert_eq!(code(set("archived")), "YEAR-003");
    let year = super::stored(app, 2020).unwrap().unwrap().0;
    let put_phase = |phase: &str| {
        let phase = json!({ "phase_override": phase });
        testing::save(app, "programme_year", Some(&year), &phase, None)
    };
    assert_eq!(code(put_phase("settled")), "YEAR-005");
    assert_eq!(code(put_phase("archived")), "YEAR-003");
    assert_ne!(shown(app, 2020)["phase"], "settled", "nothing was done");
    settle(app, (2020, true), "结果兑现").unwrap();
    let status = |stored: &Stored| {
        let stored = testing::now(app, stored.record.key);
        let document = crate::records::document(app, &stored).unwrap();
        document["values"]["status"].clone()
    };
    assert_eq!(
        (status(&accepted), status(&other)),
        (json!("locked"), json!("accepted"))
    );
    assert_eq!(status(&open), "open", "and stays so");
    archive(app, 2020, "归档").unwrap();
    assert_eq!(shown(app, 2020)["late"], json!([]));
    let year = super::stored(app, 2020).unwrap().unwrap().0;
    let more = json!({ "quota_seminar": 9 });
    let more = testing::save(app, "programme_year", Some(&year), &more, None);
    assert_eq!(code(more), "year_archived");
    let gone = crate::records::delete(app, year.record.key, None, "录错");
    assert_eq!(code(gone), "year_archived");
    let late = json!({ "year": "2020", "scope": "4103L9", "summary": "迟",
        "party_organisation": name(&city.party), "status": "draft" });
    let made = testing::save(app, "nomination", None, &late, None);
    assert_eq!(code(made), "year_archived");
    let kind = testing::kind(app, "nomination").kind;
    let mut keys = Vec::new();
    each(app, kind, None, None, &mut |stored, _| {
        keys.push(stored.record.key);
        Ok(std::ops::ControlFlow::Continue(()))
    })
    .unwrap();
    let gone = crate::records::delete(app, keys[0], None, "录错");
    assert_eq!(code(gone), "year_archived");
    // What was open goes on, and is named as written since.
    let key = city.problem.record.key;
    apply_close(app, key).unwrap();
    let problem = format!("problem_item/{}", name(&city.problem));
    assert_eq!(shown(app, 2020)["late"], json!([problem]));
}

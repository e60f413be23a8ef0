//! The rules of the works of the plan, each with a case that keeps it and one that breaks it.

use domain::{Level, Lookup, NoLookup};
use serde_json::{Value as Json, json};

use crate::{
    desk::{Rows, id},
    validation::{broken, judged, organisation, values},
};

/// The rules that an edit of a sound record breaks, of either level, in `rule code field` form.
fn edited(kind: &str, sound: &Json, change: &Json, lookup: &dyn Lookup) -> Vec<String> {
    let mut after = sound.clone();
    for (name, value) in change.as_object().unwrap() {
        after[name] = value.clone();
    }
    after
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    judged(kind, Some(sound), &after, lookup)
        .into_iter()
        .filter(|finding| finding.rule != "REQ")
        .map(|f| format!("{} {} {}", f.rule, f.code, f.field))
        .collect()
}

const NONE: [&str; 0] = [];

#[test]
fn who_is_neither_covered_nor_instructed_is_a_gap() {
    let mut rows = Rows::default();
    let mut small = organisation();
    small["full_members"] = json!(1);
    let found = |rows: &Rows| edited("organisation", &small, &json!({}), rows);
    let other = json!({ "remark": "地址已更正" });
    let other = edited("organisation", &small, &other, &rows);
    assert_eq!(other, NONE, "not at every edit");
    let mut new = small.clone();
    new["census_status"] = json!("candidate");
    let counted = json!({ "census_status": "counted" });
    let gap = ["V16 gap census_status"];
    assert_eq!(edited("organisation", &new, &counted, &rows), gap);
    let mut sent = json!({ "person": id(3).to_string(), "organisation": id(1).to_string(),
        "from_on": "2020-02-01", "to_on": "2020-10-15" });
    rows.put(
        "instructor_assignment",
        id(9),
        values("instructor_assignment", &sent),
    );
    assert_eq!(found(&rows), ["V16 gap census_status"], "it ended today");
    sent["to_on"] = json!("2020-10-16");
    rows.put(
        "instructor_assignment",
        id(9),
        values("instructor_assignment", &sent),
    );
    assert_eq!(found(&rows), NONE);
    let link = json!({ "organisation": id(1).to_string(), "party_organisation": id(7).to_string(),
        "from_on": "2020-02-01", "form": "joint" });
    let mut covered = Rows::default();
    covered.put("coverage_link", id(8), values("coverage_link", &link));
    assert_eq!(found(&covered), NONE);
}

#[test]
fn an_instructor_with_many_organisations_is_pointed_out() {
    let of = |organisation: u8| {
        json!({ "person": id(3).to_string(), "organisation": id(organisation).to_string(),
            "from_on": "2020-02-01" })
    };
    let mut rows = Rows::default();
    for at in 0..4 {
        rows.put(
            "instructor_assignment",
            id(50 + at),
            values("instructor_assignment", &of(at)),
        );
    }
    // The same organisation twice is one.
    rows.put(
        "instructor_assignment",
        id(60),
        values("instructor_assignment", &of(0)),
    );
    let found = |rows: &Rows| {
        broken(
            "instructor_assignment",
            &of(99),
            &json!({}),
            Level::Warn,
            rows,
        )
    };
    assert_eq!(found(&rows), NONE, "five");
    rows.put(
        "instructor_assignment",
        id(61),
        values("instructor_assignment", &of(70)),
    );
    assert_eq!(found(&rows), ["V17 instructor_load person"]);
    let ended = json!({ "to_on": "2020-09-01" });
    let ended = broken("instructor_assignment", &of(99), &ended, Level::Warn, &rows);
    assert_eq!(ended, NONE);
}

#[test]
fn who_attends_holds_the_role_on_the_day() {
    let mut rows = Rows::default();
    let session = json!({ "title": "培训班", "start_on": "2020-05-10" });
    rows.put(
        "training_session",
        id(5),
        values("training_session", &session),
    );
    let role = json!({ "person": id(3).to_string(), "role": "secretary",
        "subject": format!("party_organisation/{}", id(7)), "from_on": "2020-01-01", "to_on": "2020-06-01" });
    rows.put("role_assignment", id(6), values("role_assignment", &role));
    let attended = json!({ "session": id(5).to_string(), "person": id(3).to_string(),
        "role": "secretary", "attended": true });
    let found = |change: Json, rows: &Rows| {
        broken("training_attendance", &attended, &change, Level::Warn, rows)
    };
    let missing = ["V18 role_not_held role"];
    assert_eq!(found(json!({}), &rows), NONE);
    assert_eq!(found(json!({ "role": "head" }), &rows), missing);
    assert_eq!(
        found(json!({ "person": id(4).to_string() }), &rows),
        missing
    );
    // An instructor is one by being sent.
    assert_eq!(found(json!({ "role": "instructor" }), &rows), missing);
    let sent = json!({ "person": id(3).to_string(), "organisation": id(1).to_string(),
        "from_on": "2020-05-10" });
    rows.put(
        "instructor_assignment",
        id(9),
        values("instructor_assignment", &sent),
    );
    assert_eq!(found(json!({ "role": "instructor" }), &rows), NONE);
    let later = json!({ "title": "培训班", "start_on": "2020-06-01" });
    rows.put(
        "training_session",
        id(5),
        values("training_session", &later),
    );
    assert_eq!(
        found(json!({}), &rows),
        missing,
        "the last day no longer counts"
    );
}

#[test]
fn the_names_on_a_list_are_not_more_than_were_declared() {
    let session = json!({ "year": "2020", "scope": "410305", "title": "培训班",
        "kind": "centralised", "start_on": "2020-05-10", "status": "held" });
    let mut rows = Rows::default();
    // One person under two roles is one name.
    for (at, person) in [3, 4, 4].into_iter().enumerate() {
        let row = json!({ "session": id(1).to_string(), "person": id(person).to_string() });
        let at = u8::try_from(at).unwrap();
        rows.put(
            "training_attendance",
            id(70 + at),
            values("training_attendance", &row),
        );
    }
    let found = |n: u32| {
        edited(
            "training_session",
            &session,
            &json!({ "declared_headcount": n }),
            &rows,
        )
    };
    assert_eq!(found(2), NONE);
    assert_eq!(found(1), ["V19 fewer_than_named declared_headcount"]);
}

#[test]
fn a_drive_that_was_held_has_a_day_that_has_come() {
    let drive = json!({ "year": "2020", "scope": "410305", "title": "集中组建",
        "start_on": "2020-03-01", "status": "held" });
    let found = |change: Json| {
        broken(
            "establishment_drive",
            &drive,
            &change,
            Level::Block,
            &NoLookup,
        )
    };
    assert_eq!(found(json!({})), NONE);
    let late = ["V20 held_in_future start_on"];
    assert_eq!(found(json!({ "end_on": "2020-10-16" })), late);
    assert_eq!(
        found(json!({ "end_on": "2020-10-16", "status": "running" })),
        NONE
    );
}

#[test]
fn a_platform_is_built_after_its_four_steps() {
    let platform = json!({ "cluster": id(2).to_string(), "name": "平台", "mode": "joint",
        "step_institution_on": "2020-02-01", "step_mechanism_on": "2020-03-01",
        "step_strength_on": "2020-05-01", "step_service_on": "2020-04-01",
        "built_on": "2020-05-01", "status": "built" });
    let found = |change: Json| broken("platform", &platform, &change, Level::Block, &NoLookup);
    assert_eq!(found(json!({})), NONE);
    assert_eq!(
        found(json!({ "built_on": "2020-04-30" })),
        ["V21 built_early built_on"]
    );
    assert_eq!(
        found(json!({ "built_on": null })),
        ["V21 built_early built_on"]
    );
    let open = json!({ "step_strength_on": null });
    assert_eq!(found(open.clone()), ["V21 step_open step_strength_on"]);
    let mut begun = open;
    begun["status"] = json!("preparing");
    assert_eq!(
        found(begun.clone()),
        ["V21 step_open step_strength_on"],
        "a day but not built"
    );
    begun["built_on"] = Json::Null;
    assert_eq!(found(begun.clone()), NONE);
    begun["mode"] = Json::Null;
    assert_eq!(found(begun), ["STEP mode_missing mode"]);
}

#[test]
fn a_problem_is_closed_with_evidence_or_a_statement() {
    let problem = json!({ "no": "410305-2020-A0001", "year": "2020", "scope": "410305",
        "registered_on": "2020-03-01", "status": "close_applied", "measure": "已整改" });
    let file = json!([{ "hash": "00".repeat(32), "name": "照片.jpg", "size": 1, "media_type": "image/jpeg" }]);
    let found = |change: Json| broken("problem_item", &problem, &change, Level::Block, &NoLookup);
    assert_eq!(found(json!({})), NONE);
    let bare = ["V23 no_evidence measure"];
    assert_eq!(found(json!({ "measure": null })), bare);
    assert_eq!(found(json!({ "measure": null, "status": "closed" })), bare);
    assert_eq!(found(json!({ "measure": null, "evidence": file })), NONE);
    assert_eq!(
        found(json!({ "measure": null, "status": "in_progress" })),
        NONE
    );
}

/// A city in the year 2020 with one active Party organisation, 7, and a dissolved one, 8.
fn nominating(cap: u32) -> Rows {
    let mut rows = Rows::default();
    let year = json!({ "year": 2020, "nominate_from": "2020-10-01", "nominate_to": "2020-12-31",
        "recommend_cap": cap });
    rows.put(
        "programme_year",
        domain::year_record_id(2020),
        values("programme_year", &year),
    );
    for (number, status) in [(7, "active"), (8, "dissolved"), (17, "active")] {
        let party = json!({ "name": "支部", "status": status });
        rows.put(
            "party_organisation",
            id(number),
            values("party_organisation", &party),
        );
    }
    rows
}

fn nomination(party: u8, status: &str) -> Json {
    json!({ "year": "2020", "scope": "410305", "party_organisation": id(party).to_string(),
        "summary": "事迹", "status": status, "district_rank": 2 })
}

#[test]
fn a_nomination_is_one_for_each_active_party_organisation() {
    let mut rows = nominating(5);
    let found = |nomination: &Json, level, rows: &Rows| {
        broken("nomination", nomination, &json!({}), level, rows)
    };
    assert_eq!(
        found(&nomination(7, "recommended"), Level::Block, &rows),
        NONE
    );
    let gone = ["V24 party_not_active party_organisation"];
    // The district is told, the city does not receive it.
    assert_eq!(
        found(&nomination(8, "recommended"), Level::Warn, &rows),
        gone
    );
    assert_eq!(found(&nomination(8, "received"), Level::Block, &rows), gone);
    let other = values("nomination", &nomination(7, "submitted"));
    rows.put("nomination", id(90), other);
    let twice = ["V24 nominated_twice party_organisation"];
    assert_eq!(
        found(&nomination(7, "received"), Level::Block, &rows),
        twice
    );
    rows.put(
        "nomination",
        id(90),
        values("nomination", &nomination(7, "withdrawn")),
    );
    assert_eq!(found(&nomination(7, "received"), Level::Block, &rows), NONE);
}

#[test]
fn the_city_receives_by_rank_up_to_the_cap() {
    let mut rows = nominating(1);
    let found = |change: Json, status: &str, level, rows: &Rows| {
        broken("nomination", &nomination(7, status), &change, level, rows)
    };
    let mut first = nomination(17, "recommended");
    first["district_rank"] = json!(1);
    rows.put("nomination", id(90), values("nomination", &first));
    let beyond = ["V24 beyond_cap district_rank"];
    assert_eq!(found(json!({}), "recommended", Level::Warn, &rows), beyond);
    assert_eq!(found(json!({}), "received", Level::Block, &rows), beyond);
    let ahead = found(
        json!({ "district_rank": 1 }),
        "received",
        Level::Block,
        &rows,
    );
    assert_eq!(ahead, ["V24 rank_taken district_rank"]);
    let unranked = found(
        json!({ "district_rank": null }),
        "recommended",
        Level::Block,
        &rows,
    );
    assert_eq!(unranked, ["V24 no_rank district_rank"]);
    // Another scope's do not count.
    first["scope"] = json!("410302");
    rows.put("nomination", id(90), values("nomination", &first));
    assert_eq!(found(json!({}), "received", Level::Block, &rows), NONE);
}

#[test]
fn a_nomination_keeps_to_the_window_and_is_scored_on_every_criterion() {
    let mut rows = nominating(5);
    let item =
        json!({ "code": "A1", "year": "2020", "criterion": "structure", "title": "班子健全" });
    let plain = json!({ "code": "B1", "year": "2020", "title": "标牌" });
    rows.put("standard_item", id(41), values("standard_item", &item));
    rows.put("standard_item", id(42), values("standard_item", &plain));
    let found = |status: &str, rows: &Rows| {
        broken(
            "nomination",
            &nomination(7, status),
            &json!({}),
            Level::Block,
            rows,
        )
    };
    assert_eq!(found("assessed", &rows), ["V24 not_scored status"]);
    let mut score =
        json!({ "nomination": id(1).to_string(), "item": id(41).to_string(), "self_score": 9 });
    rows.put("criterion_score", id(43), values("criterion_score", &score));
    assert_eq!(found("assessed", &rows), ["V24 not_scored status"]);
    score["district_score"] = json!(8);
    rows.put("criterion_score", id(43), values("criterion_score", &score));
    assert_eq!(found("assessed", &rows), NONE);
    let year = json!({ "year": 2020, "nominate_from": "2020-10-16", "nominate_to": "2020-12-31" });
    rows.put(
        "programme_year",
        domain::year_record_id(2020),
        values("programme_year", &year),
    );
    for status in ["submitted", "recommended"] {
        assert_eq!(found(status, &rows), ["V24 outside_window status"]);
    }
    assert_eq!(found("draft", &rows), NONE);
}

#[test]
fn a_criticism_has_a_reason_and_an_audience() {
    let notice = json!({ "year": "2020", "kind": "criticise", "reasons": ["attention"],
        "audience": ["410302"], "targets": ["410302"], "issued_on": "2020-10-15", "body": "通报" });
    let found = |change: Json| broken("notice", &notice, &change, Level::Block, &NoLookup);
    assert_eq!(found(json!({})), NONE);
    assert_eq!(found(json!({ "reasons": null })), ["V25 no_reason reasons"]);
    assert_eq!(
        found(json!({ "audience": null })),
        ["V25 no_audience audience"]
    );
    assert_eq!(found(json!({ "kind": "commend", "reasons": null })), NONE);
    let verdict = json!({ "nomination": id(2).to_string(), "verdict": "conditional" });
    let found = |change: Json| {
        broken(
            "acceptance_verdict",
            &verdict,
            &change,
            Level::Block,
            &NoLookup,
        )
    };
    assert_eq!(found(json!({})), ["STEP due_missing rectify_due"]);
    assert_eq!(found(json!({ "rectify_due": "2020-12-01" })), NONE);
}

#[test]
fn a_case_goes_as_far_as_its_facts() {
    let case = json!({ "organisation": id(1).to_string(), "status": "assessed", "eligibility": "eligible" });
    let mut rows = Rows::default();
    let found = |change: Json, rows: &Rows| {
        broken("establishment_case", &case, &change, Level::Block, rows)
    };
    assert_eq!(found(json!({}), &rows), NONE);
    assert_eq!(
        found(json!({ "status": "planned" }), &rows),
        ["STEP form_missing form"]
    );
    let hosted = json!({ "status": "planned", "form": "affiliated" });
    assert_eq!(
        found(hosted, &rows),
        ["V12 host_missing host_party_organisation"]
    );
    let built = json!({ "status": "established", "form": "joint" });
    assert_eq!(
        found(built, &rows),
        ["STEP result_missing result_party_organisation"]
    );
    let sent = json!({ "status": "instructor_sent" });
    assert_eq!(found(sent.clone(), &rows), ["STEP no_instructor status"]);
    let row = json!({ "person": id(3).to_string(), "organisation": id(1).to_string(), "from_on": "2020-02-01" });
    rows.put(
        "instructor_assignment",
        id(9),
        values("instructor_assignment", &row),
    );
    assert_eq!(found(sent, &rows), NONE);
    let claim = json!({ "platform": id(2).to_string(), "title": "用工", "status": "done" });
    let found = broken("service_claim", &claim, &json!({}), Level::Block, &NoLookup);
    assert_eq!(
        found,
        [
            "STEP claimer_missing claimed_by",
            "STEP day_missing done_on"
        ]
    );
}

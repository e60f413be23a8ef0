//! The programme year: phases by its days, what the next takes over, what an old one keeps shut.

use domain::{
    Level, date, decode, scope_id,
    year::{self, edition, next, standing},
};
use proto::ledger::{ProgrammeYear, StandardItem, YearPhase};
use serde_json::{Value as Json, json};

use crate::{
    desk::{Rows, id, kind_of},
    validation::{judged, values},
};

const NONE: [&str; 0] = [];

fn year(change: &Json) -> ProgrammeYear {
    let mut json = json!({ "year": 2020, "title": "2020年示范化工程",
        "improve_from": "2020-01-10", "improve_to": "2020-09-30",
        "nominate_from": "2020-10-08", "nominate_to": "2020-11-20",
        "accept_from": "2020-11-01", "accept_to": "2020-12-31",
        "quota_drive": 2, "recommend_cap": 3, "should_build_members": 4 });
    for (name, value) in change.as_object().unwrap() {
        json[name] = value.clone();
    }
    decode(&values("programme_year", &json)).unwrap()
}

#[test]
fn the_phase_is_what_the_days_say_unless_the_city_says_another() {
    let on = |day: &str, year: &ProgrammeYear| standing(year, date::stored(day).unwrap());
    let plain = year(&json!({}));
    let phase = |day: &str| on(day, &plain).phase;
    assert_eq!(phase("2020-01-09"), YearPhase::Planning);
    assert_eq!(phase("2020-01-10"), YearPhase::OverallImprovement);
    assert_eq!(
        phase("2020-10-07"),
        YearPhase::OverallImprovement,
        "until the next begins"
    );
    assert_eq!(phase("2020-10-08"), YearPhase::Nomination);
    assert_eq!(phase("2020-11-10"), YearPhase::Nomination, "both are open");
    assert_eq!(phase("2020-11-21"), YearPhase::Acceptance);
    assert_eq!(
        phase("2021-03-01"),
        YearPhase::Acceptance,
        "no day settles a year"
    );
    let ends = on("2020-10-08", &plain).ends.map(date::text);
    assert_eq!(ends.as_deref(), Some("2020-11-20"));
    let set = year(&json!({ "phase_override": "settled" }));
    let stands = on("2020-10-08", &set);
    assert_eq!(
        (stands.phase, stands.computed, stands.ends),
        (YearPhase::Settled, YearPhase::Nomination, None)
    );
}

#[test]
fn a_year_takes_over_the_parameters_and_moves_the_windows() {
    let old = year(
        &json!({ "phase_override": "settled", "doc_no": "洛组〔2020〕1号",
        "improve_to": "2020-02-29" }),
    );
    let new = next(&old, 2021);
    assert_eq!(new.year, Some(2021));
    assert_eq!(new.title.as_deref(), Some("2021年示范化工程"));
    assert_eq!(new.nominate_from.as_deref(), Some("2021-10-08"));
    assert_eq!(new.accept_to.as_deref(), Some("2021-12-31"));
    assert_eq!(new.improve_to.as_deref(), Some("2021-02-28"));
    assert_eq!(
        (new.quota_drive, new.recommend_cap, new.should_build_members),
        (Some(2), Some(3), Some(4))
    );
    assert_eq!((new.phase_override, new.doc_no), (None, None));
    let item = json!({ "code": "A1", "year": "2020", "criterion": "structure",
        "title": "班子健全", "max_score": 10 });
    let item: StandardItem = decode(&values("standard_item", &item)).unwrap();
    let new = edition(&item, 2021);
    assert_eq!(
        new.year.as_deref(),
        Some(domain::year_record_id(2021).0.as_slice())
    );
    assert_eq!((new.draft, &new.title), (Some(true), &item.title));
}

/// A city whose year 2020 has this phase set by hand.
fn city(phase: &str) -> Rows {
    let mut rows = Rows::default();
    let year = json!({ "year": 2020, "phase_override": phase });
    let id = domain::year_record_id(2020);
    rows.put("programme_year", id, values("programme_year", &year));
    rows
}

fn found(kind: &str, before: Option<&Json>, change: &Json, rows: &Rows) -> Vec<String> {
    let mut after = before.cloned().unwrap_or_else(|| json!({}));
    for (name, value) in change.as_object().unwrap() {
        after[name] = value.clone();
    }
    let found = judged(kind, before, &after, rows).into_iter();
    let found = found.filter(|f| f.level == Level::Block && matches!(f.rule, "YEAR" | "R17"));
    found.map(|f| f.code.to_owned()).collect()
}

#[test]
fn an_archived_year_is_only_read_and_what_was_open_goes_on() {
    let archived = city("archived");
    let shut = ["year_archived"];
    let nomination = json!({ "year": "2020", "scope": "410305", "summary": "事迹",
        "party_organisation": id(7).to_string(), "status": "draft" });
    let change = json!({ "summary": "新" });
    assert_eq!(
        found("nomination", Some(&nomination), &change, &archived),
        shut
    );
    assert_eq!(found("nomination", None, &nomination, &archived), shut);
    assert_eq!(
        found("nomination", Some(&nomination), &change, &city("settled")),
        NONE
    );
    let problem = |status: &str| {
        json!({ "no": "1", "year": "2020", "scope": "410305", "registered_on": "2020-03-01",
            "measure": "整改", "status": status })
    };
    let change = json!({ "cause": "人手不足" });
    let of = |status: &str| found("problem_item", Some(&problem(status)), &change, &archived);
    assert_eq!(of("in_progress"), NONE, "it was carried over open");
    assert_eq!(of("closed"), shut);
    // What carries days and no year belongs to none; a point stands beyond its year.
    let organisation = crate::validation::organisation();
    let other = json!({ "remark": "x" });
    assert_eq!(
        found("organisation", Some(&organisation), &other, &archived),
        NONE
    );
    let point = json!({ "party_organisation": id(7).to_string(), "year": "2020",
        "status": "valid" });
    let review = json!({ "status": "under_review" });
    assert_eq!(
        found("demonstration_point", Some(&point), &review, &archived),
        NONE
    );
    // What is of the year through another record.
    let mut rows = city("archived");
    rows.put("nomination", id(4), values("nomination", &nomination));
    let score = json!({ "nomination": id(4).to_string(), "item": id(5).to_string(),
        "self_score": 9 });
    assert_eq!(found("criterion_score", None, &score, &rows), shut);
    let kind = kind_of("criterion_score");
    let of = year::of(kind, &values("criterion_score", &score), &rows).unwrap();
    assert_eq!(of.id, domain::year_record_id(2020));
    assert_ne!(scope_id("410305"), scope_id("410302"));
}

#[test]
fn of_an_archived_year_the_city_says_another_phase_and_nothing_else() {
    let rows = Rows::default();
    let archived = json!({ "year": 2020, "title": "x", "phase_override": "archived" });
    let of = |change: Json| found("programme_year", Some(&archived), &change, &rows);
    assert_eq!(of(json!({ "quota_seminar": 9 })), ["year_archived"]);
    assert_eq!(
        of(json!({ "phase_override": "settled", "should_build_members": 5 })),
        ["year_archived"]
    );
    assert_eq!(of(json!({ "phase_override": "settled" })), NONE);
    let settled = json!({ "year": 2020, "title": "x", "phase_override": "settled" });
    let change = json!({ "quota_seminar": 9 });
    assert_eq!(
        found("programme_year", Some(&settled), &change, &rows),
        NONE
    );
}

#[test]
fn a_settled_year_locks_its_returns() {
    let settled = city("settled");
    let row = |period: &str| {
        json!({ "scope": "410305", "period": period, "status": "submitted",
            "figures_hash": "00" })
    };
    let accept = json!({ "status": "accepted" });
    let of =
        |period: &str, rows: &Rows| found("quarterly_return", Some(&row(period)), &accept, rows);
    assert_eq!(of("2020Q4", &settled), ["year_settled"]);
    assert_eq!(of("2021Q1", &settled), NONE);
    assert_eq!(of("2020Q4", &city("acceptance")), NONE);
    let mut accepted = row("2020Q4");
    accepted["status"] = json!("accepted");
    let lock = json!({ "status": "locked" });
    assert_eq!(
        found("quarterly_return", Some(&accepted), &lock, &settled),
        NONE
    );
}

#[test]
fn an_item_is_the_citys_to_change_until_it_is_published() {
    let rows = Rows::default();
    let item = json!({ "code": "A1", "year": "2020", "criterion": "structure", "title": "班子健全",
        "max_score": 10 });
    let mut draft = item.clone();
    draft["draft"] = json!(true);
    let change = json!({ "max_score": 20 });
    assert_eq!(
        found("standard_item", Some(&item), &change, &rows),
        ["item_frozen"]
    );
    assert_eq!(found("standard_item", Some(&draft), &change, &rows), NONE);
    let publish = json!({ "draft": null });
    let mut published = draft.clone();
    published.as_object_mut().unwrap().remove("draft");
    let found_now = judged("standard_item", Some(&draft), &published, &rows);
    assert!(found_now.iter().all(|f| f.rule != "R17"), "{publish}");
    let again = json!({ "draft": true });
    assert_eq!(
        found("standard_item", Some(&item), &again, &rows),
        ["item_frozen"]
    );
}

#[test]
fn a_phase_set_by_hand_opens_and_shuts_the_nominations() {
    let nomination = json!({ "year": "2020", "scope": "410305", "summary": "事迹",
        "party_organisation": id(7).to_string(), "status": "submitted" });
    let shut = |phase: Option<&str>, from: &str| {
        let mut rows = Rows::default();
        let mut year = json!({ "year": 2020, "nominate_from": from, "nominate_to": "2020-12-31" });
        if let Some(phase) = phase {
            year["phase_override"] = json!(phase);
        }
        let id = domain::year_record_id(2020);
        rows.put("programme_year", id, values("programme_year", &year));
        let found = judged("nomination", None, &nomination, &rows);
        found.iter().any(|finding| finding.code == "outside_window")
    };
    assert!(!shut(None, "2020-10-01") && shut(None, "2020-11-01"));
    assert!(!shut(Some("nomination"), "2020-11-01"));
    assert!(shut(Some("acceptance"), "2020-10-01"));
}

#[test]
fn items_that_nobody_has_published_are_not_scored() {
    let nomination = json!({ "year": "2020", "scope": "410305", "summary": "事迹",
        "party_organisation": id(7).to_string(), "status": "assessed" });
    let unscored = |draft: bool| {
        let mut rows = Rows::default();
        let item = json!({ "code": "A1", "year": "2020", "criterion": "structure",
            "title": "班子健全", "draft": draft });
        rows.put("standard_item", id(41), values("standard_item", &item));
        let found = judged("nomination", None, &nomination, &rows);
        found.iter().any(|finding| finding.code == "not_scored")
    };
    assert!(unscored(false) && !unscored(true));
}

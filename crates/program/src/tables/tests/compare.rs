//! Two years side by side.

use domain::label::Language;
use serde_json::{Value, json};

use super::{
    data::{Data, id},
    forms, row, table,
};
use crate::{
    records::testing::{World, hub, save},
    report,
    tables::compare,
};

const JIANXI: &str = "410305";

/// Two items of each year, checked and scored.
fn years() -> World {
    let world = hub();
    let scope = json!({ "code": JIANXI, "name": "涧西区", "kind": "district",
        "code_source": "gbt2260", "valid_from": "2018-01-01", "expected_to_report": true });
    save(&world.app, "scope", None, &scope, None).unwrap();
    let mut data = Data::new(&world.app);
    let party = json!({ "name": "甲支部", "type": "branch", "status": "active",
        "established_on": "2018-01-10" });
    data.add("party_organisation", "p1", JIANXI, party);
    data.add(
        "agency",
        "own",
        JIANXI,
        json!({ "name": "区委组织部", "scope": JIANXI }),
    );
    data.add(
        "agency",
        "city",
        "410300",
        json!({ "name": "市委组织部", "scope": "410300" }),
    );
    for (item, year, criterion) in [
        ("a19", "2019", "structure"),
        ("b19", "2019", "role"),
        ("a20", "2020", "structure"),
        ("b20", "2020", "role"),
    ] {
        data.add(
            "standard_item",
            item,
            "410300",
            json!({ "code": item, "year": year,
            "criterion": criterion, "title": item, "max_score": 10 }),
        );
    }
    checks(&mut data);
    for (nomination, year) in [("n19", "2019"), ("n20", "2020")] {
        data.add(
            "nomination",
            nomination,
            JIANXI,
            json!({ "year": year, "scope": JIANXI,
            "party_organisation": id("p1"), "summary": "事迹", "status": "submitted" }),
        );
    }
    let mut score = |nomination: &str, item: &str, own: u32, city: Option<u32>| {
        data.add(
            "criterion_score",
            "",
            JIANXI,
            json!({ "nomination": id(nomination),
            "item": id(item), "self_score": own, "city_score": city }),
        );
    };
    score("n19", "a19", 6, None);
    score("n20", "a20", 9, Some(7));
    score("n20", "b20", 10, None);
    data.write();
    world
}

fn checks(data: &mut Data<'_>) {
    let mut check = |item: &str, on: &str, checker: &str, result: &str| {
        data.add(
            "standard_check",
            "",
            JIANXI,
            json!({ "item": id(item), "on": on,
            "subject": format!("party_organisation/{}", id("p1").as_str().unwrap()),
            "checker": id(checker), "result": result }),
        );
    };
    check("a19", "2019-03-01", "own", "pass");
    // The later one stands, and what is not of the year is not of it.
    check("a19", "2019-06-01", "own", "fail");
    check("b19", "2019-06-01", "own", "pass");
    check("a20", "2020-03-01", "own", "pass");
    // The city's own stands before a later one of the district.
    check("b20", "2020-03-01", "city", "fail");
    check("b20", "2020-06-01", "own", "pass");
}

#[test]
fn the_nine_criteria_of_two_years_stand_beside_each_other() {
    let world = years();
    for scope in [None, Some(JIANXI)] {
        let report = compare(&world.app, (2019, 2020), scope).unwrap();
        let document = report.json(Language::En);
        assert_eq!(
            (&document["from"], &document["as_of"]),
            (&json!("2019-12-31"), &json!("2020-10-15"))
        );
        let criteria = table(&document, "criteria");
        assert_eq!(criteria["rows"].as_array().unwrap().len(), 9);
        let of =
            |criterion: &str, column: &str| row(criteria, "criterion", criterion)[column].clone();
        let rate = |num: u64, den: u64, pct: &str| json!({ "num": num, "den": den, "pct": pct });
        assert_eq!(of("structure", "checks_before"), rate(0, 1, "0.0"));
        assert_eq!(of("structure", "checks_after"), rate(1, 1, "100.0"));
        assert_eq!(of("structure", "checks_moved"), 1000);
        assert_eq!(of("role", "checks_moved"), -1000);
        assert_eq!(of("structure", "points_before"), rate(6, 10, "60.0"));
        assert_eq!(of("structure", "points_after"), rate(7, 10, "70.0"));
        assert_eq!(of("structure", "points_moved"), 100);
        // Nothing to compare with is no movement.
        assert_eq!(
            (of("role", "points_before"), of("role", "points_moved")),
            (Value::Null, Value::Null)
        );
        assert_eq!(of("members", "checks_after"), Value::Null);
        let figures = table(&document, "figures");
        assert!(figures["rows"].as_array().unwrap().len() > 3);
        for text in forms::texts(&report) {
            assert!(text.contains("10") && text.contains("-100"), "{text}");
        }
    }
}

#[test]
fn the_criteria_add_up_to_the_pass_rate_of_each_year() {
    let world = years();
    let document = compare(&world.app, (2019, 2020), Some(JIANXI))
        .unwrap()
        .json(Language::En);
    let criteria = table(&document, "criteria");
    for (column, as_of) in [
        ("checks_before", "2019-12-31"),
        ("checks_after", "2020-10-15"),
    ] {
        let request = report::Request {
            scope: Some(JIANXI.to_owned()),
            as_of: Some(as_of.to_owned()),
            ..report::Request::default()
        };
        let figures = report::indicators(&world.app, &request).unwrap().json();
        let rate = &figures["scopes"][JIANXI]["standard_pass_rate"];
        let sum = |part: &str| -> u64 {
            let rows = criteria["rows"].as_array().unwrap().iter();
            rows.filter_map(|row| row[column][part].as_u64()).sum()
        };
        assert_eq!(
            (json!(sum("num")), json!(sum("den"))),
            (rate["num"].clone(), rate["den"].clone())
        );
        assert_eq!(sum("den"), 2);
    }
}

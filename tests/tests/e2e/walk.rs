//! The walk through README, and the same with no line.

use std::{collections::BTreeSet, time::Instant};

use serde_json::{Value, json};

use super::city::{City, assert_equal, data, organisations, peer, put, refused, settle, until};

/// The file an office keeps, and what must become of it.
const CREATED: usize = 376;
const REJECTED: usize = 24;

fn expected() -> Value {
    let text = std::fs::read(data("census_410305.expected.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn places(rejected: &Value) -> BTreeSet<(u64, String)> {
    let place = |row: &Value| (row["row"].as_u64().unwrap(), row["field"].to_string());
    rejected.as_array().unwrap().iter().map(place).collect()
}

#[track_caller]
fn assert_census(summary: &Value) {
    let count = |name: &str| usize::try_from(summary[name].as_u64().unwrap()).unwrap();
    let rejected = summary["rejected"].as_array().unwrap();
    assert_eq!(count("created"), CREATED, "{summary}");
    assert_eq!(rejected.len(), REJECTED);
    assert_eq!(
        count("rows"),
        CREATED + count("changed") + count("unchanged") + REJECTED
    );
    assert_eq!(
        places(&summary["rejected"]),
        places(&expected()["rejected"])
    );
    for row in rejected {
        let said = |name: &str| row[name].as_str().is_some_and(|text| !text.is_empty());
        assert!(said("code") && said("message"), "{row}");
    }
}

/// What stands in the ledger of each row that was taken.
#[track_caller]
fn assert_values(stored: &[Value]) {
    let known = expected();
    for row in known["accepted"].as_array().unwrap() {
        let held = stored
            .iter()
            .find(|held| held["values"]["uscc"] == row["uscc"]);
        let held = held.unwrap_or_else(|| panic!("missing: {row}"));
        for (field, value) in row
            .as_object()
            .unwrap()
            .iter()
            .filter(|(field, _)| *field != "row")
        {
            assert_eq!(&held["values"][field], value, "{field} of {row}");
        }
    }
}

#[test]
fn the_readme_walk_brings_376_organisations_to_the_city_and_explains_24_rows() {
    let mut city = City::open();
    let jianxi = city.jianxi();
    let file = data("census_410305.xlsx");
    let summary = jianxi.node.json(["import", "organisation", &file]);
    assert_census(&summary);

    settle(&jianxi.node);
    let there = organisations(&city.hub);
    assert_eq!(there.len(), CREATED);
    assert_values(&there);
    assert_equal(&jianxi.node, &city.hub);
    assert_eq!(city.hub.json(["status"])["equal"], true);

    let report = ["report", "indicators", "--as-of", "2020-12-31"];
    let (near, far) = (jianxi.node.json(report), city.hub.json(report));
    assert_eq!(near["scopes"]["410305"], far["scopes"]["410305"]);
    let completed = &far["scopes"]["410305"]["census_completion_rate"];
    assert_eq!(completed["den"], CREATED);
    assert_eq!(
        &far["city"]["census_completion_rate"], completed,
        "one district is the city's sum"
    );

    let again = jianxi.node.json(["import", "organisation", &file]);
    let numbers = json!([again["created"], again["changed"], again["rejected"]]);
    assert_eq!(
        numbers,
        json!([0, 0, summary["rejected"]]),
        "the same file changes nothing"
    );
    assert_eq!(jianxi.node.json(["status"])["peers"][0]["pending"], 0);
}

#[test]
fn with_the_line_up_an_import_is_at_the_city_within_moments() {
    let mut city = City::open();
    let jianxi = city.jianxi();
    let _serving = jianxi.node.serve::<&str>([]);
    until("the line is up", || {
        peer(&jianxi.node)["state"] == "connected"
    });
    let summary = jianxi
        .node
        .json(["import", "organisation", &data("census_410305.csv")]);
    assert_census(&summary);
    let imported = Instant::now();
    let records = jianxi.node.json(["status"])["records"].clone();
    until("the city has all", || {
        city.hub.json(["status"])["records"] == records
    });
    assert!(
        imported.elapsed().as_secs() < 10,
        "moments: {:?}",
        imported.elapsed()
    );
    until("the node knows it", || {
        jianxi.node.json(["status"])["equal"] == true
    });
    assert_equal(&jianxi.node, &city.hub);
}

#[test]
fn a_node_works_with_no_line_and_the_city_has_it_all_when_the_line_is_back() {
    let mut city = City::open();
    let jianxi = city.jianxi();
    let node = &jianxi.node;
    city.down();
    assert_census(&node.json(["import", "organisation", &data("census_410305.xlsx")]));
    let serving = node.serve::<&str>([]);
    until("the node says so", || {
        let state = peer(node)["state"].as_str().unwrap().to_owned();
        let code = state.strip_prefix("unreachable: ").map(str::to_owned);
        code.is_some_and(|code| program::texts::has(&code))
    });
    let all = organisations(node);
    assert_eq!(all.len(), CREATED);
    let id = all[7]["id"].as_str().unwrap();
    let saved = put(node, id, "operating_address=涧西示例路1000号")
        .ok()
        .json();
    assert_eq!(saved["sync"], "pending");
    assert!(peer(node)["pending"].as_u64().unwrap() > 0);
    assert_eq!(node.json(["conflict", "list"]), json!([]));
    let report = node.json(["report", "indicators", "--as-of", "2020-12-31"]);
    assert_eq!(
        report["scopes"]["410305"]["census_completion_rate"]["den"],
        CREATED
    );
    for format in ["csv", "xlsx", "json", "ndjson"] {
        let file = city.text_path(&format!("export.{format}"));
        node.run([
            "export",
            "organisation",
            "--format",
            format,
            "--output",
            &file,
        ])
        .ok();
        assert!(std::fs::metadata(&file).unwrap().len() > 10_000);
        if format == "csv" || format == "xlsx" {
            let again = node.json(["import", "organisation", &file]);
            assert_eq!(
                again["unchanged"], CREATED,
                "an export imports as unchanged: {again}"
            );
        }
    }
    let once = node.run(["sync", "--once"]);
    assert_eq!(once.code, 3, "{once:?}");

    city.up();
    until("the city has it", || {
        city.hub.json(["status"])["records"] == node.json(["status"])["records"]
    });
    settle(node);
    assert_equal(node, &city.hub);
    let there = super::city::organisation(&city.hub, id);
    assert_eq!(there["values"]["operating_address"], "涧西示例路1000号");
    assert_eq!(serving.terminate().0, 0);
}

#[test]
fn a_file_that_is_no_list_of_the_kind_is_refused_and_writes_nothing() {
    let mut city = City::open();
    let jianxi = city.jianxi();
    let node = &jianxi.node;
    let before = node.json(["status"])["records"].clone();
    let file = |name: &str, bytes: &[u8]| {
        std::fs::write(city.path(name), bytes).unwrap();
        city.text_path(name)
    };
    let strange = file("strange.csv", "甲,乙,丙\n1,2,3\n4,5,6\n".as_bytes());
    let broken = file(
        "broken.xlsx",
        &std::fs::read(data("census_410305.xlsx")).unwrap()[..9_000],
    );
    let kingsoft = file(
        "office.et",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and no workbook",
    );
    for path in [&strange, &broken, &kingsoft] {
        let ran = node.run(["import", "organisation", path]);
        let code = ran
            .stderr
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_owned();
        super::city::assert_refused(&ran, 6, &code);
    }
    refused(
        node,
        ["import", "organisation", &city.text_path("absent.xlsx")],
        6,
        "IMPORT-001",
    );
    refused(node, ["import", "nothing", &strange], 6, "RECORD-001");
    let tried = node.json([
        "import",
        "organisation",
        &data("census_410305.xlsx"),
        "--dry-run",
    ]);
    assert_census(&tried);
    assert_eq!(node.json(["status"])["records"], before);
}

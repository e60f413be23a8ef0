//! The eleven reports and the scorecard, made by real programs at a district and at the city, in every form.

use serde_json::{Value, json};
use tests::programs::Program;

use crate::e2e::{
    across::{CODE, Two, made, other_code, sample},
    city::refused,
};

/// What stands on every page of a report of demo data.
const BANNER: &str = "演示数据，均为虚构";

/// A district with an enterprise that has a branch, one without, and a trained secretary.
fn fill(node: &Program) {
    let covered = made(node, "organisation", &sample(CODE, "涧西示例机械有限公司"));
    let mut blank = sample(&other_code(), "=1+1 涧西示例<b>商贸</b>有限公司");
    blank["members"] = json!(1);
    blank["full_members"] = json!(1);
    made(node, "organisation", &blank);
    let party = made(
        node,
        "party_organisation",
        &json!({ "name": "示例机械党支部", "type": "branch", "status": "active",
            "form": "standalone", "established_on": "2020-01-01" }),
    );
    made(
        node,
        "coverage_link",
        &json!({ "organisation": covered, "party_organisation": party, "form": "standalone",
            "from_on": "2020-01-01" }),
    );
    let person = made(
        node,
        "person",
        &json!({ "display_name": "欧阳示例", "status": "active" }),
    );
    made(
        node,
        "role_assignment",
        &json!({ "person": person, "role": "secretary", "from_on": "2020-01-01",
            "subject": format!("party_organisation/{party}") }),
    );
}

/// The names of all reports with their titles, as a program lists them.
fn names(program: &Program) -> Vec<(String, String)> {
    let list = program.json(["report", "list"]);
    let text = |of: &Value| of.as_str().unwrap().to_owned();
    let reports = list.as_array().unwrap().iter();
    reports
        .map(|report| (text(&report["name"]), text(&report["title"])))
        .collect()
}

/// Makes every report in every form; each file is one of its form.
fn make_all(two: &Two, program: &Program, side: &str) {
    for (name, title) in names(program) {
        for format in ["json", "csv", "xlsx", "html"] {
            let path = two.city.text_path(&format!("{side}-{name}.{format}"));
            let said = program.json(["report", &name, "--output", &path]);
            assert_eq!(said["balanced"], true, "{name}");
            let content = std::fs::read(&path).unwrap();
            let begins = match format {
                "json" => "{",
                "csv" => "\u{FEFF}",
                "xlsx" => "PK",
                _ => "<!DOCTYPE html>",
            };
            assert!(content.starts_with(begins.as_bytes()), "{path}");
            // A real store never says that it is not.
            let text = String::from_utf8_lossy(&content);
            assert!(!text.contains(BANNER), "{path}");
        }
        let printed = program.run(["report", &name]).ok();
        assert!(printed.stdout.starts_with(&title), "{printed:?}");
    }
}

fn line(document: &Value, table: usize, line: &str) -> Value {
    let rows = document["tables"][table]["rows"].as_array().unwrap();
    rows.iter().find(|row| row["line"] == line).unwrap()["total"].clone()
}

#[test]
fn a_district_and_its_city_make_the_same_reports() {
    let two = Two::open();
    let node = &two.jianxi.node;
    fill(node);
    two.settle();
    assert_eq!(names(node).len(), 12);
    make_all(&two, node, "node");
    make_all(&two, two.hub(), "hub");
    let own = node.json(["report", "enterprises"]);
    let seen = two
        .hub()
        .json(["report", "enterprises", "--scope", "410305"]);
    assert_eq!(own["tables"], seen["tables"], "equal data, equal figures");
    let counted = ["units", "standalone", "branch", "unbuilt", "few_members"];
    assert_eq!(
        counted.map(|of| line(&own, 0, of)),
        [2, 1, 1, 1, 1].map(|n| json!(n))
    );
    // A name is whole at home and a surname at the city.
    let name = |program: &Program| {
        let roster = program.json(["report", "training-roster", "--table", "workers"]);
        roster["tables"][0]["rows"][0]["name"].clone()
    };
    assert_eq!(
        (name(node), name(two.hub())),
        (json!("欧阳示例"), json!("欧阳某"))
    );
    let html = std::fs::read_to_string(two.city.path("node-changes.html")).unwrap();
    assert!(html.contains("&lt;b&gt;") && !html.contains("<b>"));
    let csv = std::fs::read_to_string(two.city.path("node-changes.csv")).unwrap();
    assert!(csv.contains(",'=1+1 "), "{csv}");
    refused(
        node,
        ["report", "funding", "--scope", "410300"],
        4,
        "TABLE-001",
    );
    refused(
        node,
        ["report", "funding", "--output", "/nowhere/a"],
        2,
        "TABLE-002",
    );
    refused(
        node,
        ["report", "funding", "--table", "nothing"],
        6,
        "TABLE-005",
    );
}

#[test]
fn clerks_see_what_the_rules_say_of_their_records() {
    let two = Two::open();
    let node = &two.jianxi.node;
    fill(node);
    let listed = node.json(["quality", "list", "--rule", "V16"]);
    assert_eq!(listed["total"], 1, "{listed}");
    let found = &listed["findings"][0];
    assert_eq!(
        (&found["kind"], &found["level"], &found["scope"]),
        (&json!("organisation"), &json!("warn"), &json!("410305"))
    );
    let report = node.json(["report", "quality"]);
    let rules = report["tables"][1]["rows"].as_array().unwrap();
    assert!(
        rules
            .iter()
            .any(|row| row["rule"] == "V16" && row["warnings"] == 1),
        "{rules:?}"
    );
}

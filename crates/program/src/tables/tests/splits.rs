//! What is split by what organisations are, against a count that goes through the records one by one.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    data::{Data, city, id},
    document, table,
};
use crate::{
    app::App,
    records::{self, Filter, kind_of, testing::World},
    report::{By, Request, indicators},
    tables::Name,
};

const JIANXI: &str = "410305";

/// The part in which an organisation with these values is.
type Part<'a> = &'a dyn Fn(&Value) -> Option<String>;

/// The small city with towns and a park in it.
fn world() -> World {
    let world = city();
    let mut data = Data::new(&world.app);
    data.add(
        "cluster",
        "c9",
        JIANXI,
        json!({ "name": "甲园区", "kind": "industrial_park" }),
    );
    for (name, kind, staff, members, town, cluster, industry) in [
        ("t1", "private_enterprise", 49, 3, "410305005", true, "C"),
        ("t2", "private_enterprise", 50, 4, "410305005", false, "F"),
        ("t3", "foreign_enterprise", 99, 5, "410305006", true, "F"),
        ("t4", "foundation", 100, 3, "410305006", true, "L"),
    ] {
        let class = if kind == "foundation" {
            "new_social"
        } else {
            "new_economic"
        };
        let mut values = json!({ "name": name, "org_kind": kind, "org_class": class, "remark": "x",
            "employees": staff, "members": members, "full_members": members, "town": town,
            "as_of": "2020-09-30", "census_status": "counted", "industry": industry });
        if cluster {
            values["cluster"] = id("c9");
        }
        data.add("organisation", name, JIANXI, values);
    }
    data.add(
        "coverage_link",
        "",
        JIANXI,
        json!({ "organisation": id("t3"),
        "party_organisation": id("p3"), "form": "joint", "from_on": "2020-07-01" }),
    );
    data.write();
    world
}

fn all(app: &App, kind: &str) -> Vec<Value> {
    let filter = Filter {
        kind: kind_of(app, kind).unwrap(),
        scope: Some(domain::scope_id(JIANXI)),
        wheres: &[],
        limit: None,
        after: None,
    };
    let mut all = Vec::new();
    records::list(app, &filter, &mut |document| {
        all.push(Value::Object(document));
        Ok(())
    })
    .unwrap();
    all
}

/// Covered and counted organisations by what a function says of each; those of which it says nothing
/// are in no part.
fn naive(app: &App, part: Part<'_>) -> BTreeMap<String, (u64, u64)> {
    let links = all(app, "coverage_link");
    let parties = all(app, "party_organisation");
    let is_alive = |id: &Value| {
        let mut parties = parties.iter();
        parties.any(|party| party["id"] == *id && party["values"]["status"] == "active")
    };
    let today = domain::date::text(app.today());
    let holds = |link: &Value| {
        let day = |field: &str| link[field].as_str().unwrap_or_default().to_owned();
        let goes_on = link["to_on"].is_null() || day("to_on") > today;
        day("from_on") <= today && goes_on && is_alive(&link["party_organisation"])
    };
    let mut parts: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for one in all(app, "organisation") {
        let values = &one["values"];
        let counted = values["census_status"] == "counted";
        let Some(name) = part(values).filter(|_| counted) else {
            continue;
        };
        let is_covered = links
            .iter()
            .map(|link| &link["values"])
            .any(|link| link["organisation"] == one["id"] && holds(link));
        let sum = parts.entry(name).or_default();
        *sum = (sum.0 + u64::from(is_covered), sum.1 + 1);
    }
    parts
}

fn split(app: &App, by: By) -> BTreeMap<String, (u64, u64)> {
    let request = Request {
        scope: Some(JIANXI.to_owned()),
        by: Some(by),
        ..Request::default()
    };
    let report = indicators(app, &request).unwrap().json();
    let parts = report["scopes"][JIANXI]["parts"].as_object().unwrap();
    let number = |part: &Value, name: &str| part["org_coverage_rate"][name].as_u64().unwrap();
    let one = |(name, part): (&String, &Value)| {
        (name.clone(), (number(part, "num"), number(part, "den")))
    };
    // A record that is not counted leaves a part of nobody.
    let parts = parts.iter().map(one);
    parts.filter(|(_, (_, den))| *den > 0).collect()
}

#[test]
fn every_split_is_what_a_count_one_by_one_says() {
    let world = world();
    let app = &world.app;
    let text =
        |field: &'static str| move |values: &Value| values[field].as_str().map(str::to_owned);
    let staff = |values: &Value| {
        let band = match values["employees"].as_u64()? {
            0..=49 => "0-49",
            50..=99 => "50-99",
            _ => "100+",
        };
        Some(band.to_owned())
    };
    let park = |values: &Value| Some(format!("甲园区 {}", values["cluster"].as_str()?));
    let ways: [(By, Part<'_>, usize); 6] = [
        (By::Class, &text("org_class"), 2),
        (By::Kind, &text("org_kind"), 6),
        (By::Staff, &staff, 3),
        (By::Cluster, &park, 1),
        (By::Industry, &text("industry"), 3),
        (By::Town, &text("town"), 2),
    ];
    for (by, part, parts) in ways {
        let expected = naive(app, part);
        assert_eq!(expected.len(), parts, "{by:?}: {expected:?}");
        assert!(expected.values().any(|(covered, _)| *covered > 0), "{by:?}");
        assert_eq!(split(app, by), expected, "{by:?}");
    }
}

/// The groups of report 5 are the rows of its list, each in one.
#[test]
fn blank_points_are_grouped_by_unit_and_by_area_as_the_list_has_them() {
    let world = world();
    let document = document(&world.app, Name::BlankPoints);
    let list = table(&document, "list")["rows"].as_array().unwrap();
    for (grouped, column, field, groups) in [
        ("by_unit", "by_unit", "org_kind", 3),
        ("by_area", "by_area", "town", 3),
    ] {
        let mut expected: BTreeMap<String, [u64; 3]> = BTreeMap::new();
        for row in list {
            let name = row[field].as_str().unwrap_or("unstated").to_owned();
            let sum = expected.entry(name).or_default();
            let flags = [
                true,
                row["instructed"] == true,
                row["status"] != Value::Null,
            ];
            for (sum, flag) in sum.iter_mut().zip(flags) {
                *sum += u64::from(flag);
            }
        }
        let rows = table(&document, grouped)["rows"].as_array().unwrap();
        let number = |row: &Value, name: &str| row[name].as_u64().unwrap();
        let found: BTreeMap<String, [u64; 3]> = rows
            .iter()
            .map(|row| {
                let name = row[column].as_str().unwrap().to_owned();
                (
                    name,
                    ["units", "instructed", "planned"].map(|it| number(row, it)),
                )
            })
            .collect();
        assert_eq!(found, expected, "{grouped}");
        assert_eq!(found.len(), groups, "{grouped}: {found:?}");
    }
}

//! The numbers of each report.

use serde_json::{Value, json};

use super::{
    data::{Data, city, district, id, with_contents},
    document, row, rows, table,
};
use crate::{report, tables::Name};

#[test]
fn enterprises_are_counted_by_form_and_kind() {
    let world = city();
    let document = document(&world.app, Name::Enterprises);
    let by_kind = table(&document, "by_kind");
    let line = |id: &str| {
        let row = row(by_kind, "line", id);
        let columns = [
            "total",
            "staff_50",
            "staff_100",
            "private",
            "hmt",
            "foreign",
            "other",
        ];
        columns.map(|column| row[column].as_u64().unwrap())
    };
    // Seven records, and one code stands in two of them.
    assert_eq!(line("units"), [6, 2, 1, 3, 1, 1, 1]);
    assert_eq!(line("standalone"), [1, 1, 1, 1, 0, 0, 0]);
    assert_eq!(line("branch"), [1, 1, 1, 1, 0, 0, 0]);
    assert_eq!(line("committee"), [0; 7]);
    assert_eq!(line("otherwise"), [2, 1, 0, 1, 0, 1, 0]);
    assert_eq!(line("joint"), [2, 1, 0, 1, 0, 1, 0]);
    assert_eq!(line("joint_3plus"), [1, 0, 0, 0, 0, 1, 0]);
    assert_eq!(line("joint_branches"), [1, 1, 0, 1, 0, 1, 0]);
    assert_eq!(line("unbuilt"), [3, 0, 0, 1, 1, 0, 1]);
    assert_eq!(line("should_unbuilt"), [1, 0, 0, 0, 1, 0, 0]);
    assert_eq!(line("few_members"), [1, 0, 0, 1, 0, 0, 0]);
    assert_eq!(line("no_members"), [1, 0, 0, 0, 0, 0, 1]);
    assert_eq!(line("unbuilt_instructed"), [1, 0, 0, 1, 0, 0, 0]);
    assert_eq!(line("instructors"), [1, 0, 0, 1, 0, 0, 0]);
    assert_eq!(line("staff"), [275, 180, 120, 200, 40, 30, 5]);
    assert_eq!(line("members"), [15, 7, 5, 8, 3, 4, 0]);
    assert_eq!(line("built_staff"), [210, 180, 120, 180, 0, 30, 0]);
    assert_eq!(line("built_members"), [11, 7, 5, 7, 0, 4, 0]);
    assert_eq!(line("waiting_staff"), [20, 0, 0, 20, 0, 0, 0]);
    assert_eq!(line("waiting_members"), [1, 0, 0, 1, 0, 0, 0]);
    // A scope counts its own records; the difference to the city is printed.
    let by_scope = table(&document, "by_scope");
    assert_eq!(row(by_scope, "scope", "410302")["units"], 1);
    assert_eq!(row(by_scope, "scope", "410302")["committee"], 1);
    assert_eq!(row(by_scope, "scope", "410305")["units"], 6);
    assert_eq!(by_scope["total"]["units"], 7);
    let note = by_scope["notes"][0].as_str().unwrap();
    assert!(note.contains("scopes 7, duplicates 1, city 6"), "{note}");
}

#[test]
fn social_organisations_are_counted_by_kind() {
    let world = district();
    let document = document(&world.app, Name::Social);
    let by_kind = table(&document, "by_kind");
    assert_eq!(row(by_kind, "line", "units")["total"], 2);
    assert_eq!(row(by_kind, "line", "units")["law_firm"], 1);
    assert_eq!(row(by_kind, "line", "area")["law_firm"], 1);
    assert_eq!(row(by_kind, "line", "few_members")["foundation"], 1);
    assert_eq!(
        document["tables"].as_array().unwrap().len(),
        1,
        "a district has one scope"
    );
}

#[test]
fn the_statistics_say_what_the_indicators_say() {
    for world in [city(), district()] {
        let figures = report::indicators(&world.app, &report::Request::default()).unwrap();
        let column = figures.city.as_ref().unwrap_or(&figures.scopes[0]);
        let both = [Name::Enterprises, Name::Social].map(|name| document(&world.app, name));
        let sum = |line: &str| -> u64 {
            let of = |document| row(table(document, "by_kind"), "line", line)["total"].as_u64();
            both.iter().filter_map(of).sum()
        };
        let figure =
            |name: &str| u64::try_from(column.indicators.get(name).unwrap().num()).unwrap();
        assert_eq!(sum("units"), figure("counted"));
        assert_eq!(
            sum("standalone") + sum("otherwise"),
            figure("org_coverage_rate")
        );
        assert_eq!(sum("standalone"), figure("standalone_rate"));
        assert_eq!(sum("joint_3plus"), figure("joint_with_3plus"));
        assert_eq!(sum("should_unbuilt"), figure("should_unbuilt"));
        assert_eq!(sum("few_members"), figure("few_members_unbuilt"));
        assert_eq!(sum("no_members"), figure("no_members_unbuilt"));
        assert_eq!(
            sum("unbuilt_instructed"),
            figure("instructor_dispatch_rate")
        );
        let blank = document(&world.app, Name::BlankPoints);
        let listed = table(&blank, "list")["rows"].as_array().unwrap().len();
        assert_eq!(u64::try_from(listed).unwrap(), figure("blank_points"));
    }
}

#[test]
fn blank_points_come_with_their_cases_and_hide_few_members_of_others() {
    let own = document(&district().app, Name::BlankPoints);
    let list = table(&own, "list");
    let planned = row(list, "name", "演例贸易");
    assert_eq!(planned["full_members"], 3);
    assert_eq!(planned["form"], "standalone");
    assert_eq!(planned["agency"], "涧西区委组织部");
    assert_eq!(planned["due_on"], "2020-11-30");
    assert_eq!(planned["industry"], "C");
    assert_eq!(row(list, "org_kind", "foundation")["full_members"], 1);
    assert_eq!(list["total"]["full_members"], 4);
    let city = document(&city().app, Name::BlankPoints);
    let list = table(&city, "list");
    assert_eq!(row(list, "org_kind", "foundation")["full_members"], "<3");
    assert_eq!(row(list, "name", "演例贸易")["full_members"], 3);
    assert_eq!(
        list["total"]["full_members"],
        Value::Null,
        "a sum would give it away"
    );
    let by_industry = table(&city, "by_industry");
    let led = row(by_industry, "by_industry", "C");
    assert_eq!(
        (&led["planned"], &led["industry_authority"]),
        (&json!(1), &json!("涧西区委组织部"))
    );
    let unled = row(by_industry, "by_industry", "L");
    assert_eq!(unled["industry_authority"], "unstated");
    assert_eq!(by_industry["total"]["units"], 2);
}

#[test]
fn the_lists_are_joined_and_printed_apart() {
    let document = document(&district().app, Name::Lists);
    let joined = table(&document, "joined");
    assert_eq!(joined["rows"].as_array().unwrap().len(), 4);
    assert_eq!(rows(joined, "no", "Q-1").len(), 2);
    let first = rows(joined, "no", "Q-1")[0];
    assert_eq!(first["overdue_days"], 15);
    assert_eq!(first["lead"], "涧西区委组织部");
    assert_eq!(first["post"], "副部长");
    assert_eq!(first["progress"], 40);
    assert_eq!(row(joined, "no", "Q-2")["task"], Value::Null);
    assert_eq!(row(joined, "task", "建台账")["no"], Value::Null);
    let problems = table(&document, "problems");
    let closed = row(problems, "no", "Q-2");
    assert_eq!(
        (&closed["closed_on"], &closed["overdue_days"]),
        (&json!("2020-09-30"), &Value::Null)
    );
    let tasks = table(&document, "tasks");
    assert_eq!(row(tasks, "no", "T-1")["overdue_days"], 45);
    assert_eq!(row(tasks, "no", "T-3")["overdue_days"], Value::Null);
    let duty = row(table(&document, "duties"), "agency", "涧西区委组织部");
    assert_eq!(
        (&duty["person"], &duty["tasks"]),
        (&json!("李五"), &json!("摸清底数"))
    );
}

#[test]
fn scores_stand_by_the_highest_level_that_gave_them() {
    let document = document(&city().app, Name::Nominations);
    let funnel = table(&document, "funnel");
    let rate = &row(funnel, "scope", "410305")["spot_check_rate"];
    assert!(rate["den"].is_u64(), "{rate}");
    assert_eq!(
        funnel["total"]["spot_check_rate"], *rate,
        "of one nomination"
    );
    let scores = row(
        table(&document, "scores"),
        "party_organisation",
        "演例机械支部",
    );
    assert_eq!(
        (&scores["structure"], &scores["role"]),
        (&json!(13), &json!(9))
    );
    assert_eq!(scores["score"], 22);
    assert_eq!(
        (&scores["self"], &scores["district"]),
        (&json!(24), &json!(17))
    );
    assert_eq!(
        (&scores["city"], &scores["visits"]),
        (&Value::Null, &json!(0))
    );
}

#[test]
fn money_that_was_taken_back_is_taken_from_its_source() {
    let document = document(&district().app, Name::Funding);
    let own = row(table(&document, "sources"), "scope", "410305");
    assert_eq!(own["dues_refund"], 1_234_500);
    assert_eq!((&own["fiscal"], &own["unstated"]), (&json!(0), &json!(0)));
    assert_eq!(
        (&own["income"], &own["expense"], &own["left"]),
        (&json!(1_234_500), &json!(30_000), &json!(1_204_500))
    );
    // Two of its three Party organisations are active.
    assert_eq!(
        (&own["party_orgs"], &own["average"]),
        (&json!(2), &json!(617_250))
    );
    let incentives = row(table(&document, "incentives"), "scope", "410305");
    assert_eq!(
        (
            &incentives["people"],
            &incentives["care"],
            &incentives["amount"]
        ),
        (&json!(7), &json!(7), &json!(70_000))
    );
}

#[test]
fn platforms_are_counted_by_their_steps() {
    let document = document(&district().app, Name::Platforms);
    let platforms = table(&document, "platforms");
    let own = row(platforms, "scope", "410305");
    for column in [
        "platform_built_rate",
        "platform_meeting_rate",
        "platforms_new",
        "claims_done",
    ] {
        assert!(!own[column].is_null(), "{column}");
        assert_eq!(platforms["total"][column], own[column], "{column}");
    }
    assert_eq!(
        (&own["clusters"], &own["industrial_park"], &own["mature"]),
        (&json!(2), &json!(1), &json!(1))
    );
    assert_eq!(
        (&own["institution"], &own["mechanism"], &own["strength"]),
        (&json!(1), &json!(1), &json!(0))
    );
    assert_eq!(
        (
            &own["meetings"],
            &own["claims_done"]["num"],
            &own["claims_done"]["den"]
        ),
        (&json!(1), &json!(1), &json!(2))
    );
}

#[test]
fn a_platform_is_listed_with_what_was_set_up_for_it() {
    let own = document(&district().app, Name::Platforms);
    let platform = row(table(&own, "list"), "name", "演例平台");
    let says = [
        ("cluster", json!("演例园区")),
        ("mode", json!("joint")),
        ("institution", json!("演例联合支部")),
        ("secretary_source", json!("elected")),
        // One unit has left.
        ("units", json!(1)),
        ("part_time", json!(2)),
        ("systems", json!("joint_conference,quarterly_meeting")),
        ("mechanisms", json!("share")),
        ("opened_on", json!("2020-07-01")),
        ("functions", json!("classroom,service")),
        ("floating", json!(2)),
        ("claims", json!("operation 1/2")),
        ("mechanism_on", json!("2020-06-01")),
        ("strength_on", Value::Null),
    ];
    for (column, value) in says {
        assert_eq!(platform[column], value, "{column}");
    }
    let city = document(&city().app, Name::Platforms);
    let list = table(&city, "list");
    assert_eq!(list["rows"][0]["floating"], "<3", "few are known by name");
    assert!(list["total"]["floating"].is_null());
}

#[test]
fn the_five_ones_are_the_indicators() {
    let document = document(&city().app, Name::FiveOnes);
    let five = table(&document, "five_ones");
    let own = row(five, "scope", "410305");
    assert_eq!(own["trainings_held"], json!({ "held": 1, "quota": 1 }));
    assert_eq!(own["training_secretary"]["pct"], "100.0");
    assert_eq!(
        own["training_head"],
        json!({ "num": 1, "den": 2, "pct": "50.0" })
    );
    assert_eq!(own["new_party_orgs"], 1);
    assert_eq!(
        row(five, "scope", "410302")["training_head"]["pct"],
        Value::Null
    );
    assert_eq!(
        five["total"]["trainings_held"],
        json!({ "held": 1, "quota": 2 })
    );
}

#[test]
fn carriers_and_seminars_are_counted_by_what_they_are_about() {
    let own = document(&with_contents(district()).app, Name::FiveOnes);
    let own = row(table(&own, "contents"), "scope", "410305");
    for (column, says) in [
        // Neither the one that pauses nor the one that begins tomorrow.
        ("carriers", 2),
        ("theme_culture", 2),
        ("theme_development", 1),
        ("theme_rights", 0),
        ("theme_direction", 0),
        ("trait_culture", 2),
        ("trait_industry", 1),
        ("trait_core_business", 0),
        ("internet_plus", 1),
        // What was cancelled, is of the year before or is to come does not count.
        ("seminars", 2),
        ("pathway_economy", 2),
        ("pathway_culture", 1),
        ("pathway_talent", 0),
        ("pathway_masses", 0),
        ("form_speech", 2),
        ("form_exchange", 1),
        ("form_learning", 0),
    ] {
        assert_eq!(own[column], says, "{column}");
    }
    let all = document(&with_contents(city()).app, Name::FiveOnes);
    let contents = table(&all, "contents");
    assert_eq!(row(contents, "scope", "410302")["carriers"], 0);
    for column in [
        "carriers",
        "theme_culture",
        "trait_industry",
        "pathway_economy",
        "form_speech",
    ] {
        assert_eq!(contents["total"][column], own[column], "{column}");
    }
    let five = row(table(&all, "five_ones"), "scope", "410305");
    assert_eq!(five["seminars_held"]["held"], own["seminars"]);
}

#[test]
fn two_spellings_of_an_agency_are_one_line() {
    let world = city();
    let line = |of: &str| {
        let document = document(&world.app, Name::BlankPoints);
        let by_industry = table(&document, "by_industry");
        let lines = rows(by_industry, "by_industry", "C").into_iter();
        let lines = lines.filter(|row| row["industry_authority"] == of);
        lines
            .map(|row| row["units"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    let stands = "涧西区委组织部";
    assert_eq!(line(stands), [1]);
    let mut data = Data::new(&world.app);
    data.add(
        "agency",
        "a9",
        "410302",
        json!({ "name": "中共涧西区委组织部" }),
    );
    let unit = json!({ "name": "演例分厂", "org_kind": "private_enterprise", "employees": 30,
        "members": 3, "full_members": 3, "as_of": "2020-09-30", "census_status": "counted",
        "org_class": "new_economic", "industry": "C", "industry_authority": id("a9") });
    data.add("organisation", "e99", "410302", unit);
    let task = json!({ "no": "T-9", "year": "2020", "scope": "410305", "title": "走访",
        "lead": id("a9"), "status": "open" });
    data.add("task_item", "w99", "410305", task);
    data.write();
    assert_eq!(
        (line(stands), line("中共涧西区委组织部")),
        (vec![1], vec![1])
    );
    let mut data = Data::new(&world.app);
    data.add("agency", "a9", "410302", json!({ "alias_of": id("a1") }));
    data.write();
    assert_eq!(
        (line(stands), line("中共涧西区委组织部")),
        (vec![2], vec![])
    );
    let lists = document(&world.app, Name::Lists);
    let task = row(table(&lists, "joined"), "task", "走访");
    assert_eq!(
        (&task["lead"], &task["post"]),
        (&json!(stands), &json!("副部长"))
    );
}

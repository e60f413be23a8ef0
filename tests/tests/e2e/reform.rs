//! Reforms of divisions: a scope that is renamed while its node is off line, one without a successor.

use serde_json::json;

use crate::e2e::{
    across::{CODE, make, other_code, sample},
    city::{City, check, organisation, put, refused, settle},
};

#[test]
fn a_reform_renames_a_scope_while_its_node_is_off_line() {
    let mut city = City::open();
    let mengjin = city.district("410322", "孟津县", "mengjin");
    let jili = city.district("410306", "吉利区", "jili");
    let mut values = sample(CODE, "孟津甲厂");
    values["town"] = json!("410322100");
    let first = make(&mengjin.node, &values);
    settle(&mengjin.node);
    settle(&jili.node);
    mengjin.line.cut();
    jili.line.cut();
    // A preview changes nothing.
    let preview = city.hub.json(["scope", "reform", "--dry-run"]);
    assert_eq!(preview["scopes"].as_array().unwrap().len(), 2, "{preview}");
    assert_eq!(preview["towns"], 1);
    assert_eq!(
        city.hub.json(["record", "get", "scope", "410322"])["values"]["code"],
        "410322"
    );
    let done = city.hub.json(["scope", "reform"]);
    assert_eq!(done["scopes"], preview["scopes"]);
    let again = city.hub.json(["scope", "reform"]);
    assert_eq!(
        (&again["scopes"], &again["towns"]),
        (&json!([]), &json!(0)),
        "nothing is left"
    );
    assert_eq!(
        organisation(&city.hub, &first)["values"]["town"],
        "410308100"
    );
    // Off line, under the old codes, both districts go on.
    let second = make(&mengjin.node, &sample(&other_code(), "孟津乙厂"));
    let mut values = sample("", "吉利甲厂");
    values["remark"] = json!("尚未办证");
    let third = make(&jili.node, &values);
    mengjin.line.mend();
    jili.line.mend();
    settle(&mengjin.node);
    settle(&jili.node);
    // All of it is the new scope's, under its new code, and found by the old ones too.
    for code in ["410308", "410322", "410306"] {
        let list = city
            .hub
            .json(["record", "list", "organisation", "--scope", code]);
        assert_eq!(list["records"].as_array().unwrap().len(), 3, "{code}");
    }
    for id in [&first, &second, &third] {
        assert_eq!(organisation(&city.hub, id)["scope"], "410308");
    }
    assert_eq!(
        organisation(&city.hub, &third)["made_in"],
        "410306",
        "as history"
    );
    let report = city.hub.json(["report", "indicators"]);
    assert_eq!(report["scopes"]["410308"]["counted"], 3, "{report}");
    // A clerk who types the old town gets the new one and is told so.
    let noted = put(&mengjin.node, &second, "town=410322101").ok();
    assert_eq!(noted.json()["values"]["town"], "410308101");
    assert!(noted.stderr.contains("410322101"), "{noted:?}");
    // Another node of the scope is invited under the new code and gets all of it.
    let office = city.district("410308", "孟津区", "office");
    settle(&office.node);
    assert_eq!(organisation(&office.node, &second)["scope"], "410308");
}

#[test]
fn a_scope_without_one_successor_is_left_to_the_city_until_somebody_names_it() {
    let city = City::founded();
    for (code, name) in [
        ("410322", "孟津县"),
        ("410323", "新安县"),
        ("410324", "栾川县"),
    ] {
        city.invite(code, name);
    }
    let map = city.text_path("map.csv");
    let heading = "old_code,old_name,new_code,new_name";
    let reform = ["scope", "reform", "--map", &map];
    for (rows, code) in [("410322,孟津县\n", "REFORM-001"), ("", "REFORM-002")] {
        std::fs::write(&map, format!("{heading}\n{rows}")).unwrap();
        refused(&city.hub, reform, 6, code);
    }
    let rows = "410322,孟津县,410323,新安县\n410322,孟津县,410324,栾川县";
    std::fs::write(&map, format!("{heading}\n{rows}\n")).unwrap();
    let done = city.hub.json(reform);
    assert_eq!(
        done["tasks"][0]["candidates"],
        json!(["410323", "410324"]),
        "{done}"
    );
    let open_ends = || check(&city.hub, "DOCTOR-041")["ok"] == false;
    assert!(open_ends(), "doctor says so until a person has decided");
    let decide = [
        "record",
        "put",
        "scope",
        "410322",
        "--set",
        "replaced_by=410323",
        "--reason",
        "批复",
    ];
    city.hub.run(decide).ok();
    assert!(!open_ends());
    let list = city
        .hub
        .run([
            "record",
            "list",
            "organisation",
            "--scope",
            "410322",
            "--json",
        ])
        .ok();
    assert!(
        list.stderr.contains("410323"),
        "the old code is read as the new one: {list:?}"
    );
}

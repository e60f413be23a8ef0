//! Values in and out: normalised once, the same bytes for the same fact.

use domain::{Catalogue, Finding, NoResolve, RegisterEdit, Resolve, parameters, value};
use proptest::prelude::*;
use prost::Message as _;
use replica::{RecordId, RegisterId};
use serde_json::{Value as Json, json};

use crate::desk::{id, kind_of};

fn edits(kind: &str, values: &Json) -> Result<Vec<RegisterEdit>, Vec<Finding>> {
    let values = values.as_object().unwrap();
    let nothing = |_: RegisterId| bytes::Bytes::new();
    value::edits_from_json(
        Catalogue::builtin(),
        kind_of(kind),
        &nothing,
        values,
        &NoResolve,
    )
}

fn stored(kind: &str, values: &Json) -> Json {
    let bytes: Vec<u8> = edits(kind, values)
        .unwrap()
        .iter()
        .flat_map(|edit| edit.value.to_vec())
        .collect();
    let mut json = value::to_json(kind_of(kind), &bytes);
    json.retain(|_, value| !value.is_null() && *value != json!([]));
    Json::Object(json)
}

fn code(kind: &str, values: &Json) -> &'static str {
    edits(kind, values).unwrap_err()[0].code
}

#[test]
fn what_offices_write_is_stored_in_one_form() {
    let row = json!({
        "uscc": "９１４１０３０５ dem1nmx45r", "name": "  涧西演朗乙申设计咨询有限公司(演示) ",
        "org_class": "新经济", "org_kind": "民营企业", "industry": "M", "registered_on": "2019/10/5",
        "census_status": "在册", "employees": "1,230人", "members": 4.0, "full_members": "３.0",
        "as_of": "2020年9月30日", "mass_orgs": "工会、共青团", "eligibility": "是", "on_scale": "否",
        "former_names": "乙, 甲，乙", "operating_address": "涧西示例路275号\n二楼",
    });
    assert_eq!(
        stored("organisation", &row),
        json!({
            "uscc": "91410305DEM1NMX45R", "name": "涧西演朗乙申设计咨询有限公司（演示）",
            "former_names": ["乙", "甲"], "org_class": "new_economic", "org_kind": "private_enterprise",
            "industry": "M", "operating_address": "涧西示例路275号 二楼", "registered_on": "2019-10-05",
            "census_status": "counted", "on_scale": false, "employees": 1230, "members": 4,
            "full_members": 3, "as_of": "2020-09-30", "mass_orgs": ["union", "youth_league"],
            "eligibility": "eligible",
        })
    );
}

#[test]
fn what_cannot_be_read_names_the_field_and_the_code() {
    for (values, expected) in [
        (json!({ "registered_on": "2020-02-30" }), "date"),
        (json!({ "employees": "十二" }), "count"),
        (json!({ "employees": -1 }), "count"),
        (json!({ "employees": 1.5 }), "count"),
        (json!({ "on_scale": "也许" }), "flag"),
        (json!({ "org_kind": "不知道" }), "enum"),
        (json!({ "org_kind": 1 }), "form"),
        (json!({ "head": "张某" }), "reference_not_found"),
        (json!({ "town": "城关镇" }), "division"),
        (json!({ "name": "甲\u{1}乙" }), "control"),
        (json!({ "remark": "长".repeat(5_001) }), "too_long"),
        (json!({ "nonsense": 1 }), "unknown_field"),
        (json!({ "34": "00" }), "unknown_field"),
        (json!({ "name": { "a": 1 } }), "form"),
        (json!({ "name": true }), "form"),
    ] {
        assert_eq!(code("organisation", &values), expected, "{values}");
    }
    let all = edits(
        "organisation",
        &json!({ "employees": "x", "as_of": "y", "name": "甲" }),
    );
    let fields: Vec<_> = all
        .unwrap_err()
        .into_iter()
        .map(|finding| finding.field)
        .collect();
    assert_eq!(fields, ["employees", "as_of"], "one finding a field");
}

#[test]
fn references_are_ids_codes_or_what_the_resolver_finds() {
    let scope = domain::scope_record_id("410305").to_string();
    let year = domain::year_record_id(2020).to_string();
    let row = json!({ "year": 2020.to_string(), "scope": "410305", "title": "甲" });
    assert_eq!(
        stored("seminar", &row),
        json!({ "year": year, "scope": scope, "title": "甲" })
    );
    let row =
        json!({ "person": id(3).to_string(), "subject": format!("scope/{scope}"), "role": "head" });
    assert_eq!(
        stored("role_assignment", &row)["subject"],
        json!(format!("scope/{scope}"))
    );
    assert_eq!(
        stored("role_assignment", &json!({ "subject": "scope/410305" }))["subject"],
        json!(format!("scope/{scope}"))
    );
    assert_eq!(
        code("role_assignment", &json!({ "subject": "nothing/1" })),
        "form"
    );

    struct Known;
    impl Resolve for Known {
        fn record(&self, kind: &str, text: &str) -> Option<RecordId> {
            (kind == "person" && text == "张某").then_some(id(8))
        }
        fn division(&self, text: &str) -> Option<String> {
            domain::division::by_name("410302", text).map(str::to_owned)
        }
    }
    let nothing = |_: RegisterId| bytes::Bytes::new();
    let sets = ["head=张某".to_owned(), "town=西关".to_owned()];
    let kind = kind_of("organisation");
    let edits =
        value::edits_from_text(Catalogue::builtin(), kind, &nothing, &sets, &Known).unwrap();
    let bytes: Vec<u8> = edits.iter().flat_map(|edit| edit.value.to_vec()).collect();
    let json = value::to_json(kind, &bytes);
    assert_eq!(
        (&json["head"], &json["town"]),
        (&json!(id(8).to_string()), &json!("410302001"))
    );
}

#[test]
fn text_input_clears_with_nothing_and_parts_sets_at_commas() {
    let kind = kind_of("organisation");
    let base = |register: RegisterId| {
        let held = proto::ledger::Organisation {
            name: Some("甲=乙".to_owned()),
            employees: Some(9),
            as_of: Some("2020-01-01".to_owned()),
            mass_orgs: vec![1],
            ..Default::default()
        };
        let split = value::split(kind, &held.encode_to_vec()).unwrap();
        split
            .into_iter()
            .find(|(id, _)| *id == register)
            .map(|(_, value)| value)
            .unwrap_or_default()
    };
    let sets = |texts: &[&str]| {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        value::edits_from_text(Catalogue::builtin(), kind, &base, &texts, &NoResolve)
    };
    let edits = sets(&["employees=12", "mass_orgs=women,union", "name="]).unwrap();
    assert_eq!(
        edits.iter().map(|edit| edit.register.0).collect::<Vec<_>>(),
        [2, 20, 26]
    );
    assert!(edits[0].value.is_empty() && edits[0].changed, "cleared");
    let figures = value::register_json(Some(kind), RegisterId(20), &edits[1].value);
    assert_eq!(
        (&figures["employees"], &figures["as_of"]),
        (&json!(12), &json!("2020-01-01"))
    );
    assert_eq!(
        value::register_json(Some(kind), RegisterId(26), &edits[2].value),
        json!(["union", "women"])
    );
    let same = sets(&["name= 甲=乙 "]).unwrap();
    assert!(
        !same[0].changed,
        "only the first equals sign parts; the same value is no change"
    );
    assert_eq!(sets(&["employees"]).unwrap_err()[0].code, "set_form");
}

#[test]
fn attachments_and_candidates_go_in_and_out_as_objects() {
    let hash = "0a".repeat(32);
    let row = json!({ "attachments": [{ "hash": hash, "name": "请示.pdf", "size": 12, "media_type": "application/pdf" }] });
    assert_eq!(stored("carrier_activity", &row), row);
    for (name, wrong) in [
        ("hash", json!("0aff")),
        ("name", json!("../请示.pdf")),
        ("size", json!(domain::attachment::BYTES_MAX + 1)),
        ("media_type", json!("text/html")),
    ] {
        let mut row = row.clone();
        row["attachments"][0][name] = wrong;
        assert_eq!(code("carrier_activity", &row), "attachment", "{name}");
    }
    assert_eq!(
        code(
            "carrier_activity",
            &json!({ "attachments": [{ "path": "/etc" }] })
        ),
        "form"
    );
    let row = json!({ "record": format!("organisation/{}", id(1)), "register": 20, "choice": "take", "value": "a00103",
        "candidates": [{ "incarnation": 1, "counter": 2, "author": "a@n", "time": 3, "reason": "r", "value": "a00104",
            "register": 0, "words": ["b@n", "a@n"], "source": 3 }] });
    assert_eq!(stored("decision", &row), row);
}

#[test]
fn a_struct_becomes_registers_and_back() {
    let year = parameters::programme_year(2020);
    let kind = kind_of("programme_year");
    let registers = value::split(kind, &year.encode_to_vec()).unwrap();
    let joined: Vec<u8> = registers
        .iter()
        .flat_map(|(_, value)| value.to_vec())
        .collect();
    assert_eq!(
        domain::decode::<proto::ledger::ProgrammeYear>(&joined).unwrap(),
        year
    );
    let json = parameters::programme_year_json(2020);
    assert_eq!(
        (&json["quota_training"], &json["improve_to"]),
        (&json!(1), &json!("2020-09-30"))
    );
    let typed: Vec<u8> = edits("programme_year", &Json::Object(json))
        .unwrap()
        .iter()
        .flat_map(|e| e.value.to_vec())
        .collect();
    assert_eq!(
        typed, joined,
        "typed in or made by the program: one encoding"
    );
    assert_eq!(
        domain::Parameters::of_values(&joined, 1, domain::date::stored("2020-10-15").unwrap()),
        domain::Parameters::defaults(2020)
    );
}

proptest! {
    #[test]
    fn values_go_out_and_in_again_as_the_same_bytes(
        name in "[甲乙丙a-z()（） ]{1,12}", employees in any::<u32>(), flags in any::<[bool; 4]>(), day in 0_i64..60_000,
    ) {
        let on = domain::date::read("1960-01-01").unwrap() + time::Duration::days(day);
        let mut values = json!({ "name": name, "employees": employees, "as_of": domain::date::text(on), "on_scale": flags[0] });
        let groups: Vec<&str> = ["women", "union", "youth_league"].into_iter().zip(flags).filter(|(_, set)| *set).map(|(g, _)| g).collect();
        values["mass_orgs"] = json!(groups);
        let first = edits("organisation", &values).unwrap();
        let bytes: Vec<u8> = first.iter().flat_map(|edit| edit.value.to_vec()).collect();
        let again = edits("organisation", &Json::Object(value::to_json(kind_of("organisation"), &bytes))).unwrap();
        let again: Vec<u8> = again.iter().flat_map(|edit| edit.value.to_vec()).collect();
        prop_assert_eq!(&again, &bytes);
        let message: proto::ledger::Organisation = domain::decode(&bytes).unwrap();
        prop_assert_eq!(message.encode_to_vec(), bytes, "as the generated code would encode it");
    }
}

#[test]
fn a_filter_asks_in_the_words_of_offices() {
    let kind = kind_of("organisation");
    let row = json!({ "name": "甲", "employees": 12, "mass_orgs": ["union", "women"], "census_status": "counted" });
    let bytes: Vec<u8> = edits("organisation", &row)
        .unwrap()
        .iter()
        .flat_map(|edit| edit.value.to_vec())
        .collect();
    let holds = |field, text| {
        value::holds(
            Catalogue::builtin(),
            kind,
            &bytes,
            (field, text),
            &NoResolve,
        )
    };
    assert_eq!(holds("census_status", "在册"), Ok(true));
    assert_eq!(holds("employees", "12人"), Ok(true));
    assert_eq!(holds("mass_orgs", "妇联"), Ok(true));
    assert_eq!(holds("mass_orgs", "union,youth_league"), Ok(false));
    assert_eq!(holds("remark", ""), Ok(true));
    assert_eq!(holds("name", "乙"), Ok(false));
    assert_eq!(holds("employees", "x").unwrap_err().code, "count");
    assert_eq!(holds("nonsense", "x").unwrap_err().code, "unknown_field");
}

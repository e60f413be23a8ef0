//! What was exported imports again as unchanged: here, and in an office that has never seen it.

use std::sync::Arc;

use domain::{
    Catalogue,
    catalogue::Shape,
    label,
    label::Language,
    permission::{Grant, Role},
};
use program::export::Format;
use serde_json::json;

use crate::{
    code,
    office::{Office, args},
};

/// An office with records of several kinds, texts that try to break a table among them.
fn office() -> Office {
    let office = Office::new();
    let agency = office.put(
        "agency",
        None,
        json!({"name": "区民政局", "kind": "registration_authority", "active": true}),
    );
    let person = office.put(
        "person",
        None,
        json!({"display_name": "示例人甲", "employer": "=1+1", "post": "+书记", "full_time": true,
               "status": "active"}),
    );
    office.put(
        "person",
        None,
        json!({"display_name": "示例人乙", "full_time": false, "status": "left"}),
    );
    let organisation = office.put(
        "organisation",
        None,
        json!({
            "uscc": code(1), "name": "甲公司（涧西）", "former_names": ["甲、乙商行", "老甲公司"],
            "org_class": "new_economic", "org_kind": "private_enterprise", "industry": "F",
            "registration_authority": agency.to_string(), "business_supervisor": "@某局",
            "town": "410305001", "registered_address": "示例路1号", "registered_on": "2010-02-03",
            "operating_status": "operating", "census_status": "counted", "on_scale": false,
            "employees": 20, "members": 3, "full_members": 2, "members_elsewhere": 0,
            "as_of": "2020-09-30", "mass_orgs": ["union", "women", "youth_league"],
            "eligibility": "eligible", "head": person.to_string(), "source": "manual",
            "remark": "=HYPERLINK(\"x\")\n第二行，有“引号”和,逗号\n'撇号",
        }),
    );
    office.put(
        "organisation",
        None,
        json!({"name": "乙服务部", "remark": "-无代码", "former_names": ["[1]"]}),
    );
    let upper = office.put(
        "party_organisation",
        None,
        json!({"name": "一委", "type": "committee", "status": "active", "form": "standalone",
               "established_on": "2015-07-01", "member_count": 60, "as_of": "2020-09-30"}),
    );
    for name in ["同名支部", "同名支部", "二支部"] {
        office.put(
            "party_organisation",
            None,
            json!({"name": name, "type": "branch", "status": "active", "form": "affiliated",
                   "superior": upper.to_string(), "host_organisation": organisation.to_string(),
                   "established_on": "2016-07-01", "approval_doc": "2020-1", "last_election_on": "2019-05-06"}),
        );
    }
    office
}

#[test]
fn every_heading_of_an_export_is_known_to_the_importer() {
    let office = office();
    for kind in Catalogue::builtin().kinds() {
        for language in [Language::Zh, Language::En] {
            office.export(&kind.id, Format::Csv, "空.csv", language);
            let said = office.import(&kind.id, "空.csv");
            let odd: Vec<_> = said
                .warnings()
                .into_iter()
                .filter(|(_, code)| matches!(code.as_str(), "IMPORT-031" | "IMPORT-034"))
                .collect();
            assert!(
                odd.is_empty(),
                "{} {language:?}: {}",
                kind.id,
                said.json["warnings"]
            );
        }
    }
}

#[test]
fn an_export_imports_again_as_unchanged() {
    let office = office();
    let before = office.edits();
    for (kind, rows) in [
        ("organisation", 2),
        ("person", 2),
        ("party_organisation", 4),
        ("agency", 1),
    ] {
        for (format, file) in [(Format::Csv, "全部.csv"), (Format::Xlsx, "全部.xlsx")] {
            for language in [Language::Zh, Language::En] {
                office.export(kind, format, file, language);
                let said = office.import(kind, file);
                let place = format!("{kind} {file} {language:?}: {}", said.json);
                assert_eq!(said.numbers(), [rows, 0, 0, rows, 0], "{place}");
                assert_eq!(office.edits(), before, "{place}");
            }
        }
    }
}

#[test]
fn a_masked_export_that_comes_back_changes_no_name() {
    let mut office = office();
    let grant = Grant {
        role: Role::Auditor,
        part: None,
    };
    office.app.grant = Some(Arc::new(grant));
    office.export("person", Format::Csv, "脱敏.csv", Language::Zh);
    office.app.grant = None;
    let text = std::fs::read_to_string(office.path("脱敏.csv")).unwrap();
    assert!(text.contains("某") && !text.contains("示例人"), "{text}");
    let before = office.edits();
    let said = office.import("person", "脱敏.csv");
    assert_eq!(said.numbers(), [2, 0, 0, 2, 0], "{}", said.json);
    assert_eq!(office.edits(), before);
    // What somebody writes beside the masked name is taken.
    let path = office.path("脱敏.csv");
    std::fs::write(&path, text.replace("书记", "委员")).unwrap();
    let said = office.import("person", "脱敏.csv");
    assert_eq!(said.numbers(), [2, 0, 1, 1, 0], "{}", said.json);
    office.export("person", Format::Csv, "全名.csv", Language::Zh);
    let text = std::fs::read_to_string(office.path("全名.csv")).unwrap();
    assert!(text.contains("示例人"), "{text}");
}

#[test]
fn an_export_edited_by_a_person_changes_just_that() {
    let office = office();
    office.export("organisation", Format::Csv, "全部.csv", Language::Zh);
    let path = office.path("全部.csv");
    let text = std::fs::read_to_string(&path).unwrap();
    // The name changes, and the id says which record it is.
    std::fs::write(&path, text.replace("乙服务部", "乙服务中心")).unwrap();
    let before = office.edits();
    let said = office.import("organisation", "全部.csv");
    assert_eq!(said.numbers(), [2, 0, 1, 1, 0], "{}", said.json);
    assert_eq!(office.edits(), before + 1);
    office.one("organisation", "name", "乙服务中心");
}

#[test]
fn a_row_about_an_organisation_in_transfer_is_refused_and_the_others_are_read() {
    let office = office();
    office.export("organisation", Format::Csv, "全部.csv", Language::Zh);
    let (id, _) = office.one("organisation", "name", "甲公司（涧西）");
    let kind = office
        .app
        .catalogue
        .kind_by_id("organisation")
        .unwrap()
        .kind;
    let key = replica::RecordKey { kind, id };
    let there = domain::scope_id("410302");
    program::transfers::request(&office.app, key, there, "搬迁").unwrap();
    let path = office.path("全部.csv");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replace("示例路1号", "示例路2号");
    std::fs::write(&path, text.replace("乙服务部", "乙服务中心")).unwrap();
    let said = office.import("organisation", "全部.csv");
    let codes: Vec<_> = said
        .rejected()
        .into_iter()
        .map(|(_, _, code)| code)
        .collect();
    // The file says "on the ledger" as well, as it was when it was written.
    assert_eq!(codes, ["move_waits"], "{}", said.json);
    assert_eq!(said.number("changed"), 1, "{}", said.json);
    let (_, values) = office.one("organisation", "name", "甲公司（涧西）");
    assert_eq!(values["registered_address"], "示例路1号");
    assert_eq!(values["census_status"], "transferring");
}

#[test]
fn an_id_that_is_not_here_is_refused_and_one_that_is_no_id_is_passed_over() {
    let office = office();
    let lines = [
        "id,姓名,职务,状态".to_owned(),
        "0190aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee,某人,委员,在任".to_owned(),
        "7,示例人甲,委员,在任".to_owned(),
    ];
    office.sheet("人员.csv", &lines);
    let said = office.import("person", "人员.csv");
    assert_eq!(
        said.rejected(),
        [(2, "id".to_owned(), "IMPORT-024".to_owned())]
    );
    assert_eq!(said.number("changed"), 1, "{}", said.json);
    assert!(said.has_warning(None, "IMPORT-036"));
}

#[test]
fn json_and_ndjson_hold_every_field_of_every_record() {
    let office = office();
    office.export("organisation", Format::Json, "全部.json", Language::Zh);
    office.export("organisation", Format::Ndjson, "全部.ndjson", Language::Zh);
    let whole = std::fs::read_to_string(office.path("全部.json")).unwrap();
    let whole: Vec<serde_json::Value> = serde_json::from_str(&whole).unwrap();
    let lines = std::fs::read_to_string(office.path("全部.ndjson")).unwrap();
    let lines: Vec<serde_json::Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(whole, lines);
    let records = office.all("organisation");
    assert_eq!(whole.len(), records.len());
    for (document, (id, values)) in whole.iter().zip(records) {
        assert_eq!(document["id"], id.to_string());
        assert_eq!(document["scope"], "410305");
        assert_eq!(document["values"], serde_json::Value::Object(values));
    }
}

#[test]
fn no_label_of_a_value_is_read_as_another() {
    for kind in Catalogue::builtin().kinds() {
        for field in &kind.fields {
            let Shape::Enumeration(values) = &field.shape else {
                continue;
            };
            for value in &values.values {
                for language in [Language::Zh, Language::En] {
                    let text = label::enum_value(values, value.number, language);
                    assert_eq!(
                        values.read(&text),
                        Some(value.number),
                        "{} {text}",
                        field.id
                    );
                }
            }
        }
    }
}

#[test]
fn an_export_that_cannot_be_written_leaves_what_was_there() {
    let office = office();
    let missing = program::commands::export::ExportArgs {
        kind: "person".to_owned(),
        format: Format::Csv,
        output: "没有这个文件夹/人员.csv".into(),
        scope: Some("410305".to_owned()),
        reveal: program::commands::Reveal::default(),
    };
    let mut out = program::Out::new(true, Language::Zh, 0, |_| ());
    let failure = program::commands::export::run(&office.app, &missing, &mut out).unwrap_err();
    assert_eq!(
        (failure.code.as_str(), failure.exit),
        ("EXPORT-001", program::Exit::Failed)
    );
    let known = office.try_import(&args("person", "没有这个文件夹/人员.csv"));
    assert!(known.is_err());
}

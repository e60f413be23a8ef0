//! Import and export as offices use them: the census arrives as expected, nothing a person wrote
//! is replaced in silence, and what was exported imports again as unchanged.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may stop the test"
)]

#[path = "import/office.rs"]
mod office;
#[path = "import/round_trip.rs"]
mod round_trip;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use office::{Form, Office, Said, args, text_of};
use program::{Exit, commands::import::ImportArgs};
use serde_json::{Value as Json, json};

const HEADINGS: &str = "统一社会信用代码,单位名称,组织类型,行业门类,排查状态,从业人员数,党员数,正式党员数,数据日期,备注";

/// A credit code whose check characters hold, by number.
fn code(number: u32) -> String {
    const LETTERS: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
    let value = |byte: u8| u32::try_from(LETTERS.iter().position(|l| *l == byte).unwrap()).unwrap();
    let subject = format!("{number:08}");
    let weights = [3, 7, 9, 10, 5, 8, 4, 2];
    // The subject code counts letters from 10 for A.
    let sum: u32 = subject
        .bytes()
        .zip(weights)
        .map(|(b, w)| u32::from(b - b'0') * w)
        .sum();
    let check = match 11 - sum % 11 {
        10 => "X".to_owned(),
        11 => "0".to_owned(),
        digit => digit.to_string(),
    };
    let body = format!("91410305{subject}{check}");
    let weights = [
        1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28,
    ];
    let sum: u32 = body.bytes().zip(weights).map(|(b, w)| value(b) * w).sum();
    let last = usize::try_from((31 - sum % 31) % 31).unwrap();
    format!("{body}{}", char::from(LETTERS[last]))
}

fn row(number: u32, name: &str, rest: &str) -> String {
    format!("{},{name},私营企业,F,在册,{rest}", code(number))
}

fn sheet(office: &Office, rows: &[String]) -> Said {
    let lines: Vec<String> = std::iter::once(HEADINGS.to_owned())
        .chain(rows.to_vec())
        .collect();
    office.sheet("台账.csv", &lines);
    office.import("organisation", "台账.csv")
}

fn census(file: &str) -> String {
    format!("{}/../../tests/data/{file}", env!("CARGO_MANIFEST_DIR"))
}

fn expected() -> Json {
    let text = std::fs::read_to_string(census("census_410305.expected.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn the_census_arrives_exactly_as_expected_from_xlsx_and_from_csv() {
    let expected = expected();
    for file in ["census_410305.xlsx", "census_410305.csv"] {
        let office = Office::new();
        let said = office.import("organisation", &census(file));
        let rejected: Vec<(u64, String)> = said
            .rejected()
            .into_iter()
            .map(|(row, field, _)| (row, field))
            .collect();
        let wanted = expected["rejected"].as_array().unwrap().iter();
        let wanted: Vec<(u64, String)> = wanted
            .map(|r| {
                (
                    r["row"].as_u64().unwrap(),
                    r["field"].as_str().unwrap().to_owned(),
                )
            })
            .collect();
        assert_eq!(rejected, wanted, "{file}");
        assert_eq!(said.numbers(), [404, 376, 0, 4, 24], "{file}");
        let repeated: Vec<_> = said
            .warnings()
            .into_iter()
            .filter(|(_, code)| code == "IMPORT-030")
            .collect();
        assert_eq!(repeated.len(), 4, "{file}");
        let all = office.all("organisation");
        let by_code: BTreeMap<_, _> = all
            .iter()
            .map(|(_, values)| (values["uscc"].as_str().unwrap(), values))
            .collect();
        assert_eq!((all.len(), by_code.len()), (376, 376), "{file}");
        for accepted in expected["accepted"].as_array().unwrap() {
            let uscc = accepted["uscc"].as_str().unwrap();
            let values = by_code[uscc];
            for (field, wanted) in accepted.as_object().unwrap() {
                if field != "row" {
                    assert_eq!(&values[field], wanted, "{file} {uscc} {field}");
                }
            }
            assert_eq!(values["source"], "file");
        }
    }
}

#[test]
fn the_same_file_again_writes_nothing() {
    let office = Office::new();
    office.import("organisation", &census("census_410305.xlsx"));
    let before = office.edits();
    assert_eq!(before, 376);
    let again = office.import("organisation", &census("census_410305.csv"));
    assert_eq!(again.numbers(), [404, 0, 0, 380, 24]);
    assert_eq!(office.edits(), before);
}

#[test]
fn a_dry_run_says_the_same_numbers_and_writes_nothing() {
    let office = Office::new();
    let file = census("census_410305.xlsx");
    let dry = ImportArgs {
        dry_run: true,
        ..args("organisation", &file)
    };
    let said = office.try_import(&dry).unwrap();
    assert_eq!(said.numbers(), [404, 376, 0, 4, 24]);
    assert_eq!((office.edits(), office.all("organisation").len()), (0, 0));
    let real = office.import("organisation", &file);
    assert_eq!(real.json["rejected"], said.json["rejected"]);
    assert_eq!(real.json["warnings"], said.json["warnings"]);
}

#[test]
fn a_changed_row_changes_only_the_changed_fields() {
    let office = Office::new();
    let first = [
        row(1, "甲公司", "20,3,2,2020-09-30,"),
        row(2, "乙公司", "9,1,1,2020-09-30,"),
    ];
    assert_eq!(sheet(&office, &first).numbers(), [2, 2, 0, 0, 0]);
    let second = [
        row(1, "甲公司", "20,3,2,2020-09-30,已搬迁"),
        row(2, "乙公司", "9,1,1,2020-09-30,"),
    ];
    assert_eq!(sheet(&office, &second).numbers(), [2, 0, 1, 1, 0]);
    assert_eq!(office.edits(), 3);
    let (id, values) = office.one("organisation", "name", "甲公司");
    assert_eq!(values["remark"], "已搬迁");
    let kind = office.app.catalogue.kind_by_id("organisation").unwrap();
    let key = replica::RecordKey {
        kind: kind.kind,
        id,
    };
    let record = office.app.reader().get(key).unwrap().unwrap().record;
    let dots: BTreeSet<_> = record.siblings.iter().map(replica::Sibling::dot).collect();
    assert_eq!(dots.len(), 2, "two writes");
    let newest: Vec<u32> = record
        .siblings
        .iter()
        .filter(|sibling| Some(&sibling.dot()) == dots.last())
        .map(|sibling| sibling.register.0)
        .collect();
    let remark = kind.field("remark").unwrap().number;
    assert_eq!(newest, [remark]);
    // Twice more: the mark follows.
    assert_eq!(sheet(&office, &second).numbers(), [2, 0, 0, 2, 0]);
    assert_eq!(
        sheet(&office, &first).numbers(),
        [2, 0, 0, 2, 0],
        "an emptied cell clears nothing"
    );
}

#[test]
fn what_a_person_changed_since_is_never_replaced_in_silence() {
    let office = Office::new();
    let first = [row(1, "甲公司", "20,3,2,2020-09-30,原话")];
    sheet(&office, &first);
    let (id, _) = office.one("organisation", "name", "甲公司");
    office.put("organisation", Some(id), json!({"remark": "电话核实过"}));

    // The sheet says what it said: the person's value stays, and no conflict comes of it.
    let before = office.edits();
    assert_eq!(sheet(&office, &first).numbers(), [1, 0, 0, 1, 0]);
    assert_eq!(office.edits(), before);
    assert_eq!(
        office.one("organisation", "name", "甲公司").1["remark"],
        "电话核实过"
    );

    // The sheet says something new: both stand side by side.
    let second = [row(1, "甲公司", "20,3,2,2020-09-30,表里的新话")];
    let said = sheet(&office, &second);
    assert_eq!(said.numbers(), [1, 0, 1, 0, 0]);
    assert!(said.has_warning(Some(2), "IMPORT-032"), "{}", said.json);
    assert_eq!(said.json["warnings"][0]["field"], "remark");
    let remark = office
        .app
        .catalogue
        .kind_by_id("organisation")
        .unwrap()
        .field("remark")
        .unwrap();
    assert_eq!(office.conflicts("organisation", id), [remark.number]);

    // And again: the conflict is there, nothing is added to it.
    let before = office.edits();
    assert_eq!(sheet(&office, &second).numbers(), [1, 0, 0, 1, 0]);
    assert_eq!(office.edits(), before);

    // A third value does not decide it either: it takes the place of the import's own alone.
    let third = [row(1, "甲公司", "20,3,2,2020-09-30,又一句")];
    assert!(sheet(&office, &third).has_warning(Some(2), "IMPORT-032"));
    let key = replica::RecordKey {
        kind: office
            .app
            .catalogue
            .kind_by_id("organisation")
            .unwrap()
            .kind,
        id,
    };
    let record = office.app.reader().get(key).unwrap().unwrap().record;
    let values: Vec<String> = record
        .register(remark.register)
        .iter()
        .map(|sibling| String::from_utf8_lossy(&sibling.value).into_owned())
        .collect();
    assert_eq!(values.len(), 2);
    assert!(values.iter().any(|value| value.contains("电话核实过")));
    assert!(values.iter().any(|value| value.contains("又一句")));
}

#[test]
fn a_dry_run_foresees_the_conflict() {
    let office = Office::new();
    sheet(&office, &[row(1, "甲公司", "20,3,2,2020-09-30,原话")]);
    let (id, _) = office.one("organisation", "name", "甲公司");
    office.put("organisation", Some(id), json!({"remark": "核实"}));
    let lines = [
        HEADINGS.to_owned(),
        row(1, "甲公司", "20,3,2,2020-09-30,新话"),
    ];
    office.sheet("新.csv", &lines);
    let dry = ImportArgs {
        dry_run: true,
        ..args("organisation", "新.csv")
    };
    let foreseen = office.try_import(&dry).unwrap();
    assert_eq!(office.conflicts("organisation", id), Vec::<u32>::new());
    let real = office.import("organisation", "新.csv");
    assert_eq!(foreseen.json["warnings"], real.json["warnings"]);
    assert_eq!(foreseen.numbers(), real.numbers());
}

#[test]
fn what_a_person_entered_as_the_sheet_says_it_later_is_unchanged() {
    let office = Office::new();
    sheet(&office, &[row(1, "甲公司", "20,3,2,2020-09-30,原话")]);
    let (id, _) = office.one("organisation", "name", "甲公司");
    office.put("organisation", Some(id), json!({"remark": "新话"}));
    let before = office.edits();
    let second = [row(1, "甲公司", "20,3,2,2020-09-30,新话")];
    assert_eq!(sheet(&office, &second).numbers(), [1, 0, 0, 1, 0]);
    assert_eq!(office.edits(), before);
    // From there the import goes on with the person's value before it.
    let third = [row(1, "甲公司", "20,3,2,2020-09-30,再新")];
    let said = sheet(&office, &third);
    assert_eq!(said.numbers(), [1, 0, 1, 0, 0]);
    assert_eq!(office.conflicts("organisation", id), Vec::<u32>::new());
}

#[test]
fn a_figure_that_the_sheet_does_not_have_stays_when_the_others_change() {
    let office = Office::new();
    sheet(&office, &[row(1, "甲公司", "20,3,2,2020-09-30,")]);
    let (id, _) = office.one("organisation", "name", "甲公司");
    office.put("organisation", Some(id), json!({"members_elsewhere": 7}));
    let said = sheet(&office, &[row(1, "甲公司", "20,4,2,2020-10-31,")]);
    assert_eq!(said.numbers(), [1, 0, 1, 0, 0]);
    let (_, values) = office.one("organisation", "name", "甲公司");
    assert_eq!(
        (&values["members"], &values["members_elsewhere"]),
        (&json!(4), &json!(7))
    );
    assert_eq!(
        office.conflicts("organisation", id),
        Vec::<u32>::new(),
        "the later date wins"
    );
}

#[test]
fn a_record_that_was_there_before_is_compared_with_itself() {
    let office = Office::new();
    let id = office.put(
        "organisation",
        None,
        json!({"uscc": code(1), "name": "甲公司", "remark": "手工", "employees": 5, "members": 1,
               "full_members": 1, "as_of": "2020-09-30"}),
    );
    let said = sheet(&office, &[row(1, "甲公司", "5,1,1,2020-09-30,手工")]);
    assert_eq!(
        said.numbers(),
        [1, 0, 1, 0, 0],
        "kind, industry and status were not known"
    );
    let said = sheet(&office, &[row(1, "甲公司", "5,1,1,2020-09-30,改了")]);
    assert_eq!(said.numbers(), [1, 0, 1, 0, 0]);
    let (found, values) = office.one("organisation", "name", "甲公司");
    assert_eq!((found, &values["remark"]), (id, &json!("改了")));
    assert_eq!(office.conflicts("organisation", id), Vec::<u32>::new());
}

#[test]
fn a_repeated_line_is_unchanged_and_another_of_the_same_code_is_refused() {
    let office = Office::new();
    let said = sheet(
        &office,
        &[
            row(1, "甲公司", "20,3,2,2020-09-30,"),
            row(1, " 甲公司 ", "20人,３,2.0,2020年9月30日,"),
            row(1, "甲公司", "21,3,2,2020-09-30,"),
            row(2, "丙公司", "3,5,5,2020-09-30,"),
            row(2, "丙公司", "30,5,5,2020-09-30,"),
        ],
    );
    assert_eq!(said.numbers(), [5, 2, 0, 1, 2]);
    assert!(said.has_warning(Some(3), "IMPORT-030"));
    let rejected = said.rejected();
    assert_eq!(rejected[0], (4, "uscc".to_owned(), "IMPORT-023".to_owned()));
    // The first line of a code that was refused takes nothing from the second.
    assert_eq!((rejected[1].0, rejected[1].1.as_str()), (5, "members"));
}

#[test]
fn rows_without_a_code_meet_by_name_and_one_that_fits_two_meets_none() {
    let office = Office::new();
    let unnumbered = |name: &str, staff: u32| {
        format!(",{name},私营企业,F,在册,{staff},1,1,2020-09-30,新设，代码待办")
    };
    assert_eq!(
        sheet(&office, &[unnumbered("甲公司(涧西)", 9)]).numbers(),
        [1, 1, 0, 0, 0]
    );
    assert_eq!(
        sheet(&office, &[unnumbered("甲公司（涧西）", 10)]).numbers(),
        [1, 0, 1, 0, 0]
    );
    let with_code = [row(1, "甲公司（涧西）", "9,1,1,2020-09-30,")];
    let said = sheet(&office, &with_code);
    assert_eq!(said.numbers(), [1, 1, 0, 0, 0]);
    assert!(
        said.has_warning(Some(2), "IMPORT-038"),
        "perhaps the same: {}",
        said.json
    );
    // A row without a code is about the record without one; between two of those none is taken.
    assert_eq!(
        sheet(&office, &[unnumbered("甲公司（涧西）", 10)]).numbers(),
        [1, 0, 0, 1, 0]
    );
    office.put(
        "organisation",
        None,
        json!({"name": "甲公司（涧西）", "remark": "又一家"}),
    );
    let said = sheet(&office, &[unnumbered("甲公司（涧西）", 11)]);
    assert_eq!(
        said.rejected(),
        [(2, "name".to_owned(), "IMPORT-022".to_owned())]
    );
}

#[test]
fn what_a_cell_refers_to_is_found_by_name_or_left_empty_with_a_warning() {
    let office = Office::new();
    office.put(
        "agency",
        None,
        json!({"name": "区民政局", "kind": "registration_authority", "active": true}),
    );
    let lines = [
        format!("{HEADINGS},登记机关,所在乡镇(街道),已建群团,联系电话"),
        format!(
            "{},区民政局,重庆路街道,工会 妇联,1",
            row(1, "甲公司", "20,3,2,2020-09-30,")
        ),
        format!(
            "{},省民政厅,没有这个镇,无,2",
            row(2, "乙公司", "9,1,1,2020-09-30,")
        ),
    ];
    office.sheet("关联.csv", &lines);
    let said = office.import("organisation", "关联.csv");
    assert_eq!(said.numbers(), [2, 2, 0, 0, 0], "{}", said.json);
    let (_, first) = office.one("organisation", "name", "甲公司");
    let (agency, _) = office.one("agency", "name", "区民政局");
    assert_eq!(first["registration_authority"], agency.to_string());
    assert!(
        first["town"]
            .as_str()
            .is_some_and(|code| code.starts_with("410305")),
        "{first:?}"
    );
    assert_eq!(first["mass_orgs"], json!(["union", "women"]));
    let (_, second) = office.one("organisation", "name", "乙公司");
    assert_eq!(
        (&second["registration_authority"], &second["town"]),
        (&Json::Null, &Json::Null)
    );
    assert_eq!(second["mass_orgs"], json!([]));
    assert!(said.has_warning(Some(3), "reference_not_found"));
    assert!(said.has_warning(Some(3), "division"));
    assert!(
        said.has_warning(None, "IMPORT-031"),
        "the column nobody knows is named"
    );
    assert!(said.json["warnings"].to_string().contains("联系电话"));
    assert_eq!(
        office.import("organisation", "关联.csv").numbers(),
        [2, 0, 0, 2, 0]
    );
}

#[test]
fn figures_have_the_date_of_the_cell_else_of_the_command_else_of_the_sheet() {
    let office = Office::new();
    let headings = "信用代码,名称,类型,行业,排查状态,职工人数,党员人数,正式党员";
    let lines = [
        "填报日期：2020年6月30日".to_owned(),
        headings.to_owned(),
        format!("{},甲公司,私营企业,F,在册,9,1,1", code(1)),
    ];
    office.sheet("a.csv", &lines);
    office.import("organisation", "a.csv");
    assert_eq!(
        office.one("organisation", "name", "甲公司").1["as_of"],
        "2020-06-30"
    );
    let given = ImportArgs {
        as_of: Some("2020.9.30".to_owned()),
        ..args("organisation", "a.csv")
    };
    assert_eq!(
        office.try_import(&given).unwrap().numbers(),
        [1, 0, 1, 0, 0]
    );
    assert_eq!(
        office.one("organisation", "name", "甲公司").1["as_of"],
        "2020-09-30"
    );
    let wrong = ImportArgs {
        as_of: Some("昨天".to_owned()),
        ..args("organisation", "a.csv")
    };
    assert_eq!(office.try_import(&wrong).err().unwrap().exit, Exit::Usage);
    office.sheet("b.csv", &lines[1..]);
    let said = office.import("organisation", "b.csv");
    assert_eq!(
        said.numbers(),
        [1, 0, 0, 1, 0],
        "the sheet says no other date"
    );
}

#[test]
fn what_cannot_be_read_at_all_ends_with_6_and_writes_nothing() {
    let office = Office::new();
    office.sheet("别的.csv", &["甲,乙".to_owned(), "1,2".to_owned()]);
    office.sheet("图.xlsx", &["%PDF-1.7".to_owned()]);
    for (file, code) in [
        ("别的.csv", "IMPORT-010"),
        ("图.xlsx", "IMPORT-002"),
        ("没有.xlsx", "IMPORT-001"),
    ] {
        let failure = office
            .try_import(&args("organisation", file))
            .err()
            .unwrap();
        assert_eq!(
            (failure.code.as_str(), failure.exit),
            (code, Exit::Invalid),
            "{file}"
        );
    }
    assert_eq!(office.edits(), 0);
    let unknown = office
        .try_import(&args("organization", "别的.csv"))
        .err()
        .unwrap();
    assert_eq!(unknown.exit, Exit::Invalid);
}

#[test]
fn rows_that_refer_to_later_rows_of_the_file_find_them() {
    let office = Office::new();
    let lines = [
        "党组织名称,党组织类别,状态,组建方式,上级党组织".to_owned(),
        "三支部,党支部,正常运行,单独建,二总支".to_owned(),
        "二总支,党总支,正常运行,单独建,一委".to_owned(),
        "一委,党委,正常运行,单独建,".to_owned(),
        "四支部,党支部,正常运行,单独建,五总支".to_owned(),
    ];
    office.sheet("党组织.csv", &lines);
    let said = office.import("party_organisation", "党组织.csv");
    let created = said.number("created");
    assert_eq!(created, 4, "{}", said.json);
    let (upper, _) = office.one("party_organisation", "name", "一委");
    let (middle, values) = office.one("party_organisation", "name", "二总支");
    assert_eq!(values["superior"], upper.to_string());
    let (_, values) = office.one("party_organisation", "name", "三支部");
    assert_eq!(values["superior"], middle.to_string());
    assert!(said.has_warning(Some(5), "reference_not_found"));
}

#[test]
fn ten_thousand_rows_arrive_in_bounded_time_with_one_progress() {
    let office = Office::new();
    let rows: Vec<String> = (0..10_000)
        .map(|number| row(number, &format!("第{number}号公司"), "20,3,2,2020-09-30,"))
        .collect();
    let start = Instant::now();
    let said = sheet(&office, &rows);
    let first = start.elapsed();
    assert_eq!(said.numbers(), [10_000, 10_000, 0, 0, 0]);
    let start = Instant::now();
    assert_eq!(sheet(&office, &rows).numbers(), [10_000, 0, 0, 10_000, 0]);
    println!("10,000 rows: {first:?}, again {:?}", start.elapsed());
    assert!(first.as_secs() < 20 && start.elapsed().as_secs() < 20);
    assert_eq!(said.progress.last(), Some(&(10_000, 10_000)));
    assert!(said.progress.is_sorted());
}

#[test]
fn people_get_a_table_of_the_rejected_rows_and_sentences() {
    let office = Office::new();
    let parts = office.print(
        &args("organisation", &census("census_410305.xlsx")),
        Form::People,
    );
    let text = text_of(&parts.unwrap(), Form::People);
    for part in [
        "共读入 404 行：新建 376，更改 0，未变 4，退回 24。",
        "组织类型",
        "“不知道”不在可选值中",
        "统一社会信用代码校验不通过",
        "退回的行没有写入，其余已保存。",
        "IMPORT-030  第 120 行 统一社会信用代码  与第 ",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn a_disk_that_fills_up_says_how_many_rows_are_safe_and_the_same_file_goes_on() {
    let office = Office::new();
    let rows: Vec<String> = (0..2_000)
        .map(|number| row(number, &format!("第{number}号公司"), "20,3,2,2020-09-30,"))
        .collect();
    let lines: Vec<String> = std::iter::once(HEADINGS.to_owned()).chain(rows).collect();
    office.sheet("满.csv", &lines);
    office.store.fill(3);
    let failure = office
        .try_import(&args("organisation", "满.csv"))
        .err()
        .unwrap();
    assert_eq!(failure.exit, Exit::Failed, "{failure}");
    let text = failure.text(domain::label::Language::Zh);
    let saved = office.edits();
    assert!(
        saved > 0 && saved < 2_000 && text.contains("行写入并保存"),
        "{saved} {text}"
    );

    let again = Office::over(&office);
    again.sheet("满.csv", &lines);
    let said = again.import("organisation", "满.csv");
    assert_eq!(said.numbers(), [2_000, 2_000 - saved, 0, saved, 0]);
}

#[test]
fn amounts_that_do_not_add_up_to_their_total_are_not_imported() {
    let office = Office::new();
    let heading = "年度,辖区,收支,经费来源,金额(分),日期,用途";
    let lines = |total: &str| -> Vec<String> {
        let rows = [
            heading,
            "2020,410305,收入,党费返还,120000,2020-03-01,返还",
            "2020,410305,收入,财政支持,80000,2020-04-01,补助",
            "本页小计,,,,120000,,",
        ];
        let total = format!("合计,,,,{total},,");
        rows.iter()
            .map(|row| (*row).to_owned())
            .chain([total])
            .collect()
    };
    office.sheet("经费.csv", &lines("210000"));
    let file = office.path("经费.csv");
    let refused = office.try_import(&args("funding_entry", &file.to_string_lossy()));
    let refused = refused.map(|said| said.json).unwrap_err();
    assert_eq!(refused.code, "IMPORT-039");
    assert!(office.all("funding_entry").is_empty(), "nothing was read");
    office.sheet("经费.csv", &lines("\"200,000\""));
    let said = office.import("funding_entry", "经费.csv");
    assert_eq!(
        (said.number("rows"), said.number("created")),
        (2, 2),
        "{:?}",
        said.json
    );
}

/// A row that takes a step takes what follows along, and without its day it is refused.
#[test]
fn a_row_that_closes_an_organisation_ends_what_hangs_on_it() {
    let office = Office::new();
    sheet(&office, &[row(1, "洛阳甲厂", "30,4,4,2020-09-30,")]);
    let (organisation, _) = office.one("organisation", "name", "洛阳甲厂");
    let party = json!({ "name": "联合支部", "type": "joint_branch", "status": "active",
        "form": "joint", "established_on": "2020-01-10" });
    let party = office.put("party_organisation", None, party);
    let link = json!({ "organisation": organisation.to_string(), "form": "joint",
        "party_organisation": party.to_string(), "from_on": "2020-02-01" });
    office.put("coverage_link", None, link);
    let closed = |day: &str| {
        let lines = [
            "统一社会信用代码,单位名称,排查状态,注销日期".to_owned(),
            format!("{},洛阳甲厂,已注销,{day}", code(1)),
        ];
        office.sheet("注销.csv", &lines);
        office.import("organisation", "注销.csv")
    };
    let refused = closed("").rejected();
    assert_eq!(refused[0].2, "status_needs", "{refused:?}");
    assert_eq!(closed("2020-10-20").number("changed"), 1);
    let ends = |office: &Office| office.all("coverage_link")[0].1["to_on"].clone();
    assert_eq!(ends(&office), "2020-10-20");
    // Both are durable.
    let again = Office::over(&office);
    assert_eq!(ends(&again), "2020-10-20");
    again.one("organisation", "census_status", "closed");
}

#[test]
fn problems_without_numbers_are_numbered_and_met_again() {
    let office = Office::new();
    let rows = |numbers: &[&str]| {
        let row = |no: &&str| {
            let about = no.len();
            format!(
                "{no},2020,组织覆盖,第{about}号单位应建未建,自查,一般,2020-03-01,2020-06-30,无,已登记"
            )
        };
        let head = "编号,年度,问题类别,问题描述,发现渠道,严重程度,登记日期,整改时限,延期状态,状态";
        let rows = numbers.iter().map(row);
        std::iter::once(head.to_owned())
            .chain(rows)
            .collect::<Vec<_>>()
    };
    let typed = "410305-2020-B0001";
    let mut lines = rows(&["", typed]);
    // Of two problems of one day only the text differs.
    lines.push(lines[1].replace("第0号", "第1号"));
    office.sheet("问题.csv", &lines);
    let said = office.import("problem_item", "问题.csv");
    assert_eq!(said.numbers(), [3, 3, 0, 0, 0], "{}", said.json);
    let numbers: BTreeSet<String> = office
        .all("problem_item")
        .iter()
        .map(|(_, values)| values["no"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(numbers.len(), 3, "{numbers:?}");
    assert!(numbers.contains(typed));
    let again = office.import("problem_item", "问题.csv");
    assert_eq!(again.numbers(), [3, 0, 0, 3, 0], "{}", again.json);
}

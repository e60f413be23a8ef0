//! Spreadsheets as offices send them and as attackers would: what is read, what is refused, and
//! that what is written comes back equal. Every fixture but the census is built here.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may stop the test"
)]

#[path = "sheets/fixtures.rs"]
mod fixtures;
#[path = "sheets/old.rs"]
mod old;
#[path = "sheets/refusals.rs"]
mod refusals;
#[path = "sheets/round_trip.rs"]
mod round_trip;

use std::collections::BTreeMap;

use calamine::{Data, Reader, Xlsx, open_workbook};
use encoding_rs::GB18030;
use program::sheet::{Cell, Date, Match, Row, Table, WriteError, write};
use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook};
use unicode_normalization::UnicodeNormalization;

use fixtures::{census, headings, read_bytes, read_file, read_named, texts, with_part};

/// A value as the importer would see it, so far as it does not hang on what the field is: dates in
/// one form, `2.0` as `2`.
fn plain(cell: &Cell) -> String {
    match cell.date() {
        Some(date) => date.to_string(),
        None => match cell.to_text().parse::<f64>() {
            Ok(number) if cell.to_text().len() < 10 => number.to_string(),
            _ => cell.to_text().into_owned(),
        },
    }
}

#[test]
fn the_census_reads_the_same_from_xlsx_and_gb18030() {
    let xlsx = read_file(&census("census_410305.xlsx")).unwrap();
    let csv = read_file(&census("census_410305.csv")).unwrap();
    for table in [&xlsx, &csv] {
        // 400 lines, and four of them typed twice; the importer tells those.
        assert_eq!(table.rows.len(), 404);
        assert_eq!(table.rows[0].line, 4);
        assert_eq!(table.header_line, 3);
        assert_eq!(table.statement_date.as_deref(), Some("2020-09-30"));
        assert_eq!(table.unknown, Vec::<String>::new());
        assert_eq!(table.totals.len(), 1);
        let matched = table
            .columns
            .iter()
            .filter(|column| column.matched == Some(Match::Label));
        assert_eq!(matched.count(), 17);
        assert!(table.columns[0].is_row_number);
    }
    assert_eq!(xlsx.sheet, "台账");
    assert_eq!(
        (xlsx.blank, xlsx.totals.len()),
        (csv.blank, csv.totals.len())
    );
    assert_eq!(xlsx.columns, csv.columns);
    for (left, right) in xlsx.rows.iter().zip(&csv.rows) {
        assert_eq!(left.line, right.line);
        let plain = |row: &Row| row.cells.iter().map(plain).collect::<Vec<_>>();
        assert_eq!(plain(left), plain(right), "line {}", left.line);
    }
}

#[test]
fn the_census_lines_are_those_that_are_expected() {
    let table = read_file(&census("census_410305.xlsx")).unwrap();
    let expected = std::fs::read_to_string(census("census_410305.expected.json")).unwrap();
    let expected: serde_json::Value = serde_json::from_str(&expected).unwrap();
    let mut lines: Vec<u64> = Vec::new();
    for list in ["accepted", "rejected"] {
        lines.extend(
            expected[list]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["row"].as_u64().unwrap()),
        );
    }
    for row in expected["accepted"].as_array().unwrap() {
        let line = row["row"].as_u64().unwrap();
        let read = table
            .rows
            .iter()
            .find(|row| u64::from(row.line) == line)
            .unwrap();
        for field in ["registered_on", "as_of"] {
            let date = table.cell(read, field).date().map(|date| date.to_string());
            let wanted = row[field].as_str().map(str::to_owned);
            assert!(
                date == wanted || date.is_none(),
                "line {line} {field}: {date:?} {wanted:?}"
            );
        }
    }
    // What is read besides is typed twice: its credit code stands in an earlier line.
    let code = |row: &Row| {
        let typed = table.cell(row, "uscc").to_text().into_owned();
        let folded: String = typed.nfkc().filter(|letter| *letter != ' ').collect();
        folded.to_uppercase()
    };
    for (at, row) in table.rows.iter().enumerate() {
        let is_twice = table.rows[..at]
            .iter()
            .any(|other| code(other) == code(row));
        assert!(
            is_twice || lines.contains(&u64::from(row.line)),
            "line {}",
            row.line
        );
    }
    assert_eq!((lines.len(), table.rows.len()), (400, 404));
}

/// Ours reads by itself, so an independent reader must see the same cells.
#[test]
fn another_reader_sees_the_same_cells() {
    let path = census("census_410305.xlsx");
    let table = read_file(&path).unwrap();
    let mut other: Xlsx<_> = open_workbook(&path).unwrap();
    let range = other.worksheet_range("台账").unwrap();
    for row in &table.rows {
        for (column, cell) in table.columns.iter().zip(&row.cells) {
            let theirs = range
                .get_value((row.line - 1, column.index))
                .unwrap_or(&Data::Empty);
            let theirs = match theirs {
                Data::Empty => Cell::Empty,
                Data::String(text) => Cell::text(text),
                Data::Int(number) => Cell::Number(f64::from(i32::try_from(*number).unwrap())),
                Data::Float(number) => Cell::Number(*number),
                Data::DateTime(date) => {
                    let (year, month, day, ..) = date.to_ymd_hms_milli();
                    Cell::Date(Date::new(year, month, day).unwrap())
                }
                other => panic!("unexpected {other:?}"),
            };
            // The other reader drops a cell of spaces that are not marked to be kept.
            let is_same = *cell == theirs || (cell.is_blank() && theirs.is_blank());
            assert!(
                is_same,
                "line {} column {}: {cell:?} {theirs:?}",
                row.line, column.index
            );
        }
    }
}

const SMALL: &str =
    "序号,单位名称,从业人员数,党员数\r\n1,甲公司,80,3\r\n2,\"乙\"\"公司,分部\",７９,\r\n";

fn assert_small(table: &Table) {
    assert_eq!(texts(table, "name"), ["甲公司", "乙\"公司,分部"]);
    assert_eq!(texts(table, "employees"), ["80", "７９"]);
    assert_eq!(texts(table, "members"), ["3", ""]);
    assert!(table.unknown.is_empty());
}

#[test]
fn every_encoding_is_found_by_itself() {
    let utf_16: Vec<u16> = SMALL.encode_utf16().collect();
    let little = utf_16.iter().flat_map(|unit| unit.to_le_bytes());
    let big = utf_16.iter().flat_map(|unit| unit.to_be_bytes());
    let marked = |mark: &[u8], rest: &[u8]| [mark, rest].concat();
    for content in [
        SMALL.as_bytes().to_vec(),
        marked(b"\xEF\xBB\xBF", SMALL.as_bytes()),
        marked(b"\xFF\xFE", &little.collect::<Vec<_>>()),
        marked(b"\xFE\xFF", &big.collect::<Vec<_>>()),
        GB18030.encode(SMALL).0.into_owned(),
    ] {
        assert_small(&read_bytes(&content).unwrap());
    }
}

#[test]
fn rare_characters_of_gb18030_are_read_exactly() {
    let rare = "单位名称,从业人员数\n㼆𠮷䶮公司,1\n";
    let (content, _, had_errors) = GB18030.encode(rare);
    assert!(!had_errors);
    assert_eq!(
        texts(&read_bytes(&content).unwrap(), "name"),
        ["㼆𠮷䶮公司"]
    );
}

#[test]
fn every_delimiter_is_found_by_itself() {
    for delimiter in ["\t", ";", "|"] {
        let content = SMALL
            .replace("\"乙\"\"公司,分部\"", "QUOTED")
            .replace(',', delimiter)
            .replace("QUOTED", "\"乙\"\"公司,分部\"");
        assert_small(&read_bytes(content.as_bytes()).unwrap());
    }
    assert_small(&read_bytes(format!("sep=,\r\n{SMALL}").as_bytes()).unwrap());
    // Commas inside the cells of another delimiter do not win.
    let semicolons = "单位名称;党员数\n甲,乙,丙,丁;3\n";
    assert_eq!(
        texts(&read_bytes(semicolons.as_bytes()).unwrap(), "members"),
        ["3"]
    );
}

#[test]
fn the_content_decides_and_not_the_name() {
    for name in ["a.xlsx", "a.xls", "a.txt", "a"] {
        assert_small(&read_named(name, SMALL.as_bytes()).unwrap());
    }
    let xlsx = std::fs::read(census("census_410305.xlsx")).unwrap();
    for name in ["a.csv", "a.xls", "a.xlsm", "a"] {
        assert_eq!(read_named(name, &xlsx).unwrap().rows.len(), 404);
    }
}

fn book(build: impl FnOnce(&mut Workbook)) -> Vec<u8> {
    let mut workbook = Workbook::new();
    build(&mut workbook);
    workbook.save_to_buffer().unwrap()
}

#[test]
fn the_right_sheet_is_found_and_others_are_named() {
    let content = book(|workbook| {
        let notes = workbook.add_worksheet().set_name("填表说明").unwrap();
        notes.write_string(0, 0, "单位名称要写全称").unwrap();
        let hidden = workbook.add_worksheet().set_name("旧表").unwrap();
        hidden.set_hidden(true);
        for (column, heading) in (0_u16..).zip(["单位名称", "党员数", "从业人员数", "成立日期"])
        {
            hidden.write_string(0, column, heading).unwrap();
        }
        let lesser = workbook.add_worksheet().set_name("负责人").unwrap();
        lesser.write_string(0, 0, "单位名称").unwrap();
        lesser.write_string(1, 0, "别处公司").unwrap();
        let right = workbook.add_worksheet().set_name("台账").unwrap();
        for (column, heading) in (0_u16..).zip(["单位名称", "党员数", "从业人员数"]) {
            right.write_string(0, column, heading).unwrap();
        }
        right.write_string(1, 0, "甲公司").unwrap();
    });
    let table = read_bytes(&content).unwrap();
    assert_eq!(table.sheet, "台账");
    assert_eq!(table.unread, ["负责人"]);
    let named = |name: &str| fixtures::read_sheet(&content, name);
    assert_eq!(named("旧表").unwrap().sheet, "旧表");
    assert_eq!(named(" 负责人 ").unwrap().sheet, "负责人");
    assert_eq!(named("没有").unwrap_err().code(), "IMPORT-011");
}

#[test]
fn a_header_far_down_with_line_breaks_and_stars_is_found() {
    let content = book(|workbook| {
        let sheet = workbook.add_worksheet();
        sheet
            .merge_range(0, 0, 0, 4, "附件2", &Format::new())
            .unwrap();
        sheet
            .merge_range(1, 0, 2, 4, "两新组织排查台账", &Format::new())
            .unwrap();
        sheet.write_string(3, 0, "填报日期：").unwrap();
        let date = ExcelDateTime::from_ymd(2020, 9, 30).unwrap();
        let format = Format::new().set_num_format("yyyy\"年\"m\"月\"d\"日\"");
        sheet
            .write_datetime_with_format(3, 1, &date, &format)
            .unwrap();
        let shown = [
            "序\n号",
            "＊统一社会\n信用代码",
            "*单位\r\n名 称*",
            "从业人员数（人）",
            "其他情况",
        ];
        for (column, heading) in (0_u16..).zip(shown) {
            sheet.write_string(6, column, heading).unwrap();
        }
        sheet.write_string(8, 2, "甲公司").unwrap();
        sheet.write_string(8, 4, "无").unwrap();
        sheet.write_string(9, 5, "乱写").unwrap();
        sheet.write_string(11, 0, "合 计").unwrap();
        sheet
            .write_formula(11, 3, Formula::new("SUM(D8:D11)").set_result("80"))
            .unwrap();
    });
    let table = read_bytes(&content).unwrap();
    assert_eq!(table.header_line, 7);
    assert_eq!(table.statement_date.as_deref(), Some("2020-09-30"));
    let fields: Vec<_> = table
        .columns
        .iter()
        .map(|column| column.field.as_deref())
        .collect();
    assert_eq!(
        fields,
        [
            None,
            Some("uscc"),
            Some("name"),
            Some("employees"),
            None,
            None
        ]
    );
    assert_eq!(table.columns[3].matched, Some(Match::Similar));
    assert_eq!(table.unknown, ["其他情况", "(F)"]);
    assert_eq!(
        table.rows.iter().map(|row| row.line).collect::<Vec<_>>(),
        [9, 10]
    );
    assert_eq!((table.blank, table.totals.len()), (2, 1));
}

#[test]
fn a_header_of_two_rows_is_joined() {
    let content = book(|workbook| {
        let sheet = workbook.add_worksheet();
        let plain = Format::new();
        sheet.merge_range(0, 0, 0, 5, "台账", &plain).unwrap();
        sheet.merge_range(1, 0, 2, 0, "序号", &plain).unwrap();
        sheet.merge_range(1, 1, 2, 1, "单位名称", &plain).unwrap();
        sheet.merge_range(1, 2, 1, 4, "党员", &plain).unwrap();
        sheet.merge_range(1, 5, 2, 5, "从业人员数", &plain).unwrap();
        for (column, heading) in [(2, "总数"), (3, "正式党员数"), (4, "女")] {
            sheet.write_string(2, column, heading).unwrap();
        }
        sheet.write_string(3, 1, "甲公司").unwrap();
        sheet.write_number(3, 2, 5).unwrap();
        sheet.write_number(3, 3, 4).unwrap();
        sheet.write_number(3, 4, 2).unwrap();
        sheet.write_number(3, 5, 80).unwrap();
    });
    let table = read_bytes(&content).unwrap();
    assert_eq!(table.header_line, 3);
    assert_eq!(texts(&table, "name"), ["甲公司"]);
    assert_eq!(texts(&table, "members"), ["5"]);
    assert_eq!(texts(&table, "full_members"), ["4"]);
    assert_eq!(texts(&table, "employees"), ["80"]);
    assert_eq!(table.unknown, ["党员女"]);
}

#[test]
fn a_first_record_is_never_taken_for_a_second_header_row() {
    let table = read_bytes("单位名称,备注,党员数\n甲公司,,\n".as_bytes()).unwrap();
    assert_eq!((table.header_line, table.rows.len()), (1, 1));
    let repeated = read_bytes("单位名称,党员数\n名称,人数\n".as_bytes()).unwrap();
    assert_eq!((repeated.header_line, repeated.rows.len()), (1, 1));
}

#[test]
fn of_two_columns_for_one_field_the_surer_one_has_it() {
    let table = read_bytes("企业名称,单位名称,名称,党员数\n甲,乙,丙,1\n".as_bytes()).unwrap();
    assert_eq!(texts(&table, "name"), ["乙"]);
    assert_eq!(table.unknown, ["企业名称", "名称"]);
}

#[test]
fn dates_in_cells_and_typed_are_the_same_days() {
    let typed = [
        "2020-9-30",
        "2020/9/30",
        "2020.09.30",
        "2020年9月30日",
        "２０２０年９月３０日",
        "20200930",
    ];
    let content = book(|workbook| {
        let sheet = workbook.add_worksheet();
        sheet.write_string(0, 0, "单位名称").unwrap();
        sheet.write_string(0, 1, "成立日期").unwrap();
        for (line, text) in (1_u32..).zip(typed) {
            sheet.write_string(line, 0, "甲").unwrap();
            sheet.write_string(line, 1, text).unwrap();
        }
        let date = ExcelDateTime::from_ymd(2020, 9, 30)
            .unwrap()
            .and_hms(8, 30, 0)
            .unwrap();
        let mut line = 7;
        for format in [
            "yyyy-mm-dd",
            "m/d/yy",
            "yyyy\"年\"m\"月\"d\"日\";@",
            "yyyy/m/d h:mm",
        ] {
            let format = Format::new().set_num_format(format);
            sheet
                .write_datetime_with_format(line, 1, &date, &format)
                .unwrap();
            line += 1;
        }
        for built_in in [14, 22, 31, 57, 58] {
            let format = Format::new().set_num_format_index(built_in);
            sheet
                .write_number_with_format(line, 1, 44_104, &format)
                .unwrap();
            line += 1;
        }
    });
    let table = read_bytes(&content).unwrap();
    let dates: Vec<_> = table
        .rows
        .iter()
        .map(|row| table.cell(row, "registered_on").date().unwrap().to_string())
        .collect();
    assert_eq!(dates, vec!["2020-09-30"; typed.len() + 9]);
    assert!(matches!(
        table.cell(&table.rows[6], "registered_on"),
        Cell::Date(_)
    ));
}

#[test]
fn dates_count_from_1904_where_the_workbook_says_so() {
    let content = book(|workbook| {
        let sheet = workbook.add_worksheet();
        sheet.write_string(0, 0, "成立日期").unwrap();
        let format = Format::new().set_num_format("yyyy-mm-dd");
        sheet
            .write_number_with_format(1, 0, 42_642, &format)
            .unwrap();
    });
    let content = with_part(&content, "xl/workbook.xml", |xml| {
        xml.replace("<workbookPr ", "<workbookPr date1904=\"1\" ")
    });
    let table = read_bytes(&content).unwrap();
    assert_eq!(texts(&table, "registered_on"), ["2020-09-30"]);
}

#[test]
fn formulas_flags_errors_and_rich_texts_give_what_people_see() {
    let content = book(|workbook| {
        let sheet = workbook.add_worksheet();
        for (column, heading) in (0_u16..).zip(["单位名称", "从业人员数", "党员数", "备注"])
        {
            sheet.write_string(0, column, heading).unwrap();
        }
        let bold = Format::new().set_bold();
        sheet
            .write_rich_string(1, 0, &[(&bold, "甲"), (&Format::new(), "公司 ")])
            .unwrap();
        sheet
            .write_formula(1, 1, Formula::new("40+40").set_result("80"))
            .unwrap();
        sheet
            .write_formula(1, 2, Formula::new("1/0").set_result("#DIV/0!"))
            .unwrap();
        sheet.write_boolean(1, 3, true).unwrap();
        sheet
            .write_formula(2, 0, Formula::new("\"乙\"&\"公司\"").set_result("乙公司"))
            .unwrap();
        sheet.write_number(2, 1, 0.1).unwrap();
        sheet.write_number(2, 2, 12_345_678_901_234.0_f64).unwrap();
        sheet.write_string(2, 3, "a&b<c>\"d\" \r\n_x000D_").unwrap();
    });
    let table = read_bytes(&content).unwrap();
    let expected = [
        [
            Cell::text("甲公司 "),
            Cell::Number(80.0),
            Cell::Error("#DIV/0!".into()),
            Cell::Flag(true),
        ],
        [
            Cell::text("乙公司"),
            Cell::Number(0.1),
            Cell::Number(12_345_678_901_234.0),
            Cell::text("a&b<c>\"d\" \r\n_x000D_"),
        ],
    ];
    assert_eq!(table.rows[0].cells, expected[0]);
    assert_eq!(table.rows[1].cells, expected[1]);
    assert_eq!(table.rows[1].cells[2].to_text(), "12345678901234");
}

#[test]
fn a_text_merged_down_belongs_to_each_line_and_a_number_to_the_first() {
    let content = book(|workbook| {
        let sheet = workbook.add_worksheet();
        for (column, heading) in (0_u16..).zip(["所在乡镇（街道）", "单位名称", "从业人员数"])
        {
            sheet.write_string(0, column, heading).unwrap();
        }
        sheet
            .merge_range(1, 0, 3, 0, "湖北路街道", &Format::new())
            .unwrap();
        for line in 1..=4 {
            sheet.write_string(line, 1, "公司").unwrap();
        }
        sheet.merge_range(1, 2, 2, 2, "", &Format::new()).unwrap();
        sheet.write_number(1, 2, 80).unwrap();
    });
    let table = read_bytes(&content).unwrap();
    assert_eq!(
        texts(&table, "town"),
        ["湖北路街道", "湖北路街道", "湖北路街道", ""]
    );
    assert_eq!(texts(&table, "employees"), ["80", "", "", ""]);
}

#[test]
fn totals_are_left_out_and_organisations_never_are() {
    let text = "单位名称,从业人员数,党员数,统一社会信用代码\n\
        合计,80,3,\n总  计：,80人,,\n小计（1-20）,,,\n本页小计,5,1,\nTOTAL,5,,\n全区合计,1,,\n\
        合计划物业公司,80,3,\n合计,80,3,914103051234567890\n总计师事务所,,,\n甲公司,1,1,\n小计,80,三人以上,\n";
    let table = read_bytes(text.as_bytes()).unwrap();
    assert_eq!(table.totals.len(), 6);
    let grand: Vec<bool> = table.totals.iter().map(Row::is_grand_total).collect();
    assert_eq!(grand, [true, true, false, false, true, true]);
    assert_eq!(
        texts(&table, "name"),
        ["合计划物业公司", "合计", "总计师事务所", "甲公司", "小计"]
    );
}

#[test]
fn the_statement_date_is_the_one_that_is_named() {
    let date = |above: &str| {
        let text = format!("{above}\n单位名称,党员数\n甲,1\n");
        read_bytes(text.as_bytes()).unwrap().statement_date
    };
    assert_eq!(
        date("填报日期：2020年10月8日  数据截至：2020年9月30日").as_deref(),
        Some("2020-09-30")
    );
    assert_eq!(
        date("依据2020年8月1日通知,填报时间,2020/10/8").as_deref(),
        Some("2020-10-08")
    );
    assert_eq!(date("（2020.9.30）").as_deref(), Some("2020-09-30"));
    assert_eq!(date("2020.9.30 2020.10.1"), None);
    assert_eq!(date("2020年度"), None);
}

#[test]
fn an_unheaded_or_unknown_column_is_named_and_never_an_error() {
    let table = read_bytes("单位名称,统计口径,党员数,\n甲,x,1,散\n".as_bytes()).unwrap();
    assert_eq!(table.unknown, ["统计口径", "(D)"]);
    assert_eq!(texts(&table, "members"), ["1"]);
}

#[test]
fn lines_of_text_tables_are_those_a_sheet_shows() {
    let text = "\n单位名称,备注\n\"甲\n公司\",x\n\n乙公司,\"a\r\nb\r\nc\"\n丙,\n";
    let table = read_bytes(text.as_bytes()).unwrap();
    let lines: BTreeMap<_, _> = table
        .rows
        .iter()
        .map(|row| (row.line, table.cell(row, "name").to_text().into_owned()))
        .collect();
    let expected = [(3, "甲\n公司"), (5, "乙公司"), (6, "丙")];
    assert_eq!(
        lines,
        expected
            .map(|(line, name)| (line, name.to_owned()))
            .into_iter()
            .collect()
    );
}

#[test]
fn a_failed_export_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("out.csv");
    std::fs::write(&place, "before").unwrap();
    let long = vec![vec![Cell::text("长".repeat(32_768))]];
    let failed = write::write_csv(&place, &["备注".to_owned()], &long).unwrap_err();
    assert!(matches!(failed, WriteError::CellTooLong { line: 2, .. }));
    assert_eq!(std::fs::read_to_string(&place).unwrap(), "before");
    let missing = folder.path().join("no such folder").join("out.xlsx");
    let failed = write::write_xlsx(&missing, "台账", &["备注".to_owned()], &[]).unwrap_err();
    assert_eq!(failed.code(), "EXPORT-001");
    assert!(failed.sentence(true).contains("没有生成新文件"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    // A place that is no plain file is written to and not replaced.
    if cfg!(unix) {
        write::write_csv(std::path::Path::new("/dev/null"), &["备注".to_owned()], &[]).unwrap();
        assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
    }
    assert!(headings().find("备注").is_some());
}

//! What is written is read back equal, in both formats, and never runs.

use std::path::Path;

use program::sheet::{Cell, Date, Table, write};
use proptest::prelude::*;

use crate::fixtures::{part, part_names, read_file};

/// Texts that spreadsheets have run, and texts that only look like it.
const PAYLOADS: [&str; 24] = [
    "=1+1",
    "=cmd|' /C calc'!A0",
    "=HYPERLINK(\"http://example.invalid\",\"x\")",
    "+1+1",
    "-2+3",
    "-5",
    "@SUM(1+1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(1)",
    "  =1+1",
    "\u{FEFF}=1+1",
    "'=1+1",
    "''-1",
    "http://example.invalid/",
    "mailto:a@example.invalid",
    "{=1+1}",
    "_x003D_1+1",
    "a\r\n=1+1",
    "\";=1+1;\"",
];

fn headings() -> Vec<String> {
    ["单位名称", "备注", "成立日期", "从业人员数"]
        .map(str::to_owned)
        .to_vec()
}

/// Writes a table in both formats and reads both back.
fn both(rows: &[Vec<Cell>]) -> [Table; 2] {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    write::write_csv(&place("t.csv"), &headings(), rows).unwrap();
    write::write_xlsx(&place("t.xlsx"), "两新组织/[1]", &headings(), rows).unwrap();
    ["t.csv", "t.xlsx"].map(|name| read_file(&place(name)).unwrap())
}

/// The rows as text, each as wide as the table was written; a column of nothing is not read.
fn as_texts(table: &Table) -> Vec<Vec<String>> {
    let text = |row, field| table.cell(row, field).to_text().into_owned();
    let fields = ["name", "remark", "registered_on", "employees"];
    table
        .rows
        .iter()
        .map(|row| fields.map(|field| text(row, field)).to_vec())
        .collect()
}

fn written(rows: &[Vec<Cell>]) -> Vec<Vec<String>> {
    rows.iter()
        .map(|row| row.iter().map(|cell| cell.to_text().into_owned()).collect())
        .collect()
}

#[test]
fn dangerous_texts_come_back_equal_and_never_run() {
    let rows: Vec<Vec<Cell>> = PAYLOADS
        .iter()
        .map(|payload| {
            vec![
                Cell::text("甲"),
                Cell::text(*payload),
                Cell::Empty,
                Cell::Empty,
            ]
        })
        .collect();
    for table in both(&rows) {
        assert_eq!(as_texts(&table), written(&rows));
    }
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("t.xlsx");
    let dangerous: Vec<String> = PAYLOADS.map(str::to_owned).to_vec();
    write::write_xlsx(&place, "=1+1", &dangerous, &rows).unwrap();
    let content = std::fs::read(&place).unwrap();
    for name in part_names(&content)
        .iter()
        .filter(|name| name.ends_with(".xml"))
    {
        let xml = part(&content, name);
        assert!(
            !xml.contains("<f>") && !xml.contains("<f "),
            "{name} has a formula"
        );
        assert!(!xml.contains("<hyperlink"), "{name} has a link");
    }
    assert!(
        part_names(&content)
            .iter()
            .all(|name| !name.contains("externalLink"))
    );
    let place = folder.path().join("t.csv");
    write::write_csv(&place, &dangerous, &rows).unwrap();
    let text = std::fs::read_to_string(&place).unwrap();
    assert!(text.starts_with("\u{FEFF}"));
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(text.trim_start_matches('\u{FEFF}').as_bytes());
    for record in reader.records() {
        for cell in &record.unwrap() {
            let runs = cell
                .trim_start()
                .starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
            assert!(!runs && !cell.starts_with(['\t', '\r']), "{cell:?}");
        }
    }
}

#[test]
fn numbers_dates_and_flags_keep_their_kind_in_a_workbook() {
    let date = |year, month, day| Cell::Date(Date::new(year, month, day).unwrap());
    let rows = vec![
        vec![
            Cell::text("00123"),
            Cell::Flag(true),
            date(2020, 9, 30),
            Cell::Number(-5.0),
        ],
        vec![
            Cell::text("1e5"),
            Cell::Flag(false),
            date(1900, 3, 1),
            Cell::Number(0.1),
        ],
        vec![
            Cell::text("2020-09-30"),
            Cell::Empty,
            date(9999, 12, 31),
            Cell::Number(9_007_199_254_740_991.0),
        ],
        vec![
            Cell::text("甲"),
            Cell::Error("#N/A".to_owned()),
            date(1899, 1, 1),
            Cell::Empty,
        ],
    ];
    let [csv, xlsx] = both(&rows);
    assert_eq!(as_texts(&csv), written(&rows));
    let mut kinds: Vec<Vec<Cell>> = xlsx.rows.iter().map(|row| row.cells.clone()).collect();
    assert_eq!(
        kinds[3].splice(1..3, []).collect::<Vec<_>>(),
        [Cell::text("#N/A"), Cell::text("1899-01-01")]
    );
    assert_eq!(kinds[..3], rows[..3]);
    assert_eq!(xlsx.sheet, "两新组织__1_");
}

#[test]
fn an_export_of_nothing_has_its_headings() {
    for table in both(&[]) {
        assert!(table.rows.is_empty());
        assert_eq!(table.columns.len(), 4);
    }
}

#[test]
fn an_export_replaces_the_file_that_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("t.csv");
    std::fs::write(&place, "before").unwrap();
    write::write_csv(&place, &headings(), &[]).unwrap();
    assert!(read_file(&place).is_ok());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let here = std::env::current_dir().unwrap();
    assert!(Path::new(&here).exists());
}

/// A printable text that is not blank.
fn seen_text() -> impl Strategy<Value = String> {
    let any = proptest::collection::vec(
        prop_oneof![
            4 => any::<char>().prop_filter("printable", |letter| !letter.is_control()),
            2 => proptest::sample::select("=+-@'\" ,;|\t_x005F甲（）＝\u{3000}\u{FEFF}\u{200B}\n".chars().collect::<Vec<_>>()),
        ],
        0..12,
    );
    any.prop_map(|letters| letters.into_iter().collect())
}

fn any_row() -> impl Strategy<Value = Vec<Cell>> {
    let number = prop_oneof![any::<i32>().prop_map(f64::from), -1.0e9..1.0e9];
    let date = (1800_u16..=9999, 1_u8..=12, 1_u8..=28);
    (seen_text(), seen_text(), date, number).prop_map(
        |(name, remark, (year, month, day), number)| {
            let date = Date::new(year, month, day).unwrap();
            vec![
                Cell::text(format!("甲{name}")),
                Cell::text(remark),
                Cell::Date(date),
                Cell::number(number),
            ]
        },
    )
}

/// Few cases in a usual run, since each writes two files; `PROPTEST_CASES` asks for more.
fn cases() -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok());
    ProptestConfig {
        cases: asked.unwrap_or(128),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn any_table_comes_back_equal(rows in proptest::collection::vec(any_row(), 0..6)) {
        for table in both(&rows) {
            prop_assert_eq!(as_texts(&table), written(&rows));
            prop_assert_eq!(table.totals.len(), 0);
        }
    }

    #[test]
    fn any_text_in_the_first_column_comes_back_equal(text in seen_text()) {
        let rows = vec![vec![Cell::text(text), Cell::text("x"), Cell::Empty, Cell::Empty]];
        for table in both(&rows) {
            prop_assert_eq!(as_texts(&table), written(&rows));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(content in proptest::collection::vec(any::<u8>(), 0..400), kind in 0_usize..4) {
        let start: [&[u8]; 4] = [b"", b"PK\x03\x04", b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", b"\xFF\xFE"];
        let content = [start[kind], &content].concat();
        if let Err(error) = crate::fixtures::read_bytes(&content) {
            prop_assert!(error.code().starts_with("IMPORT-"));
        }
    }
}

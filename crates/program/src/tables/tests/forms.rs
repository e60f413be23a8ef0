//! What was written is read back by others: CSV, workbook, page.

use std::collections::BTreeSet;

use calamine::{Data as Seen, Reader as _, Xlsx};
use domain::label::Language;

use super::{
    data::{FORMULA, SCRIPT, city, district},
    made,
};
use crate::tables::{Cell, Format, Name, REPORTS, Report, Request, file, terminal};

/// A report as a file.
fn bytes(report: &Report, format: Format) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report");
    file(report, format, &path, Language::En).unwrap();
    std::fs::read(path).unwrap()
}

/// A report in every form that people read, as text.
pub(super) fn texts(report: &Report) -> Vec<String> {
    let mut texts: Vec<String> = [Format::Json, Format::Csv, Format::Html]
        .map(|format| String::from_utf8(bytes(report, format)).unwrap())
        .to_vec();
    // JSON says it in its own field.
    texts.remove(0);
    let (text, _) = crate::records::testing::printed(false, |out| {
        terminal(report, out);
        Ok(())
    });
    texts.push(text);
    let sheets = sheets(report);
    texts.push(
        sheets
            .concat()
            .iter()
            .flatten()
            .map(|cell| format!("{cell}\n"))
            .collect(),
    );
    texts
}

fn sheets(report: &Report) -> Vec<Vec<Vec<Seen>>> {
    let content = std::io::Cursor::new(bytes(report, Format::Xlsx));
    let mut book: Xlsx<_> = Xlsx::new(content).unwrap();
    let ranges = book.worksheets().into_iter();
    ranges
        .map(|(_, range)| range.rows().map(<[Seen]>::to_vec).collect())
        .collect()
}

#[test]
fn every_report_is_read_back_from_every_form() {
    for world in [city(), district()] {
        for (name, id, ..) in REPORTS {
            let report = made(&world.app, *name, &Request::default()).unwrap();
            let rows: usize = report.tables.iter().map(|table| table.rows.len()).sum();
            let csv = bytes(&report, Format::Csv);
            let csv = csv
                .strip_prefix(b"\xEF\xBB\xBF")
                .expect("the mark of UTF-8");
            let mut reader = csv::ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .from_reader(csv);
            let records: Vec<_> = reader.records().collect::<Result<_, _>>().unwrap();
            assert!(records.len() > rows, "{id}");
            let sheets = sheets(&report);
            assert_eq!(sheets.len(), report.tables.len(), "{id}");
            for (table, sheet) in report.tables.iter().zip(&sheets) {
                assert!(sheet.len() >= table.rows.len() + 3, "{id} {}", table.id);
            }
            let html = String::from_utf8(bytes(&report, Format::Html)).unwrap();
            assert_is_well_formed(&html, id);
        }
    }
}

#[track_caller]
fn assert_is_well_formed(html: &str, id: &str) {
    let mut reader = quick_xml::Reader::from_str(html);
    reader.config_mut().check_end_names = true;
    let mut open = BTreeSet::new();
    loop {
        match reader.read_event() {
            Ok(quick_xml::events::Event::Eof) => break,
            Ok(quick_xml::events::Event::Start(tag)) => {
                open.insert(tag.name().as_ref().to_owned());
            }
            Ok(_) => {}
            Err(error) => panic!("{id}: {error} at {}", reader.error_position()),
        }
    }
    for wanted in ["thead", "tbody", "h1", "style"] {
        assert!(open.contains(wanted), "{id} {wanted}");
    }
    assert!(!open.contains("script"), "{id}");
    assert!(html.contains("A4 landscape"), "{id}");
}

#[test]
fn no_name_runs_as_a_formula_or_a_script() {
    let world = district();
    let changes = made(&world.app, Name::Changes, &Request::default()).unwrap();
    let csv = String::from_utf8(bytes(&changes, Format::Csv)).unwrap();
    assert!(csv.contains(&format!(",'{FORMULA},")), "{csv}");
    let sheets = sheets(&changes);
    let cells: Vec<&Seen> = sheets.iter().flatten().flatten().collect();
    assert!(
        cells.contains(&&Seen::String(FORMULA.to_owned())),
        "a text, and no formula"
    );
    let html = String::from_utf8(bytes(&changes, Format::Html)).unwrap();
    assert!(!html.contains(SCRIPT));
    let at = html.find("alert").unwrap();
    assert!(
        html.contains("&lt;script&gt;alert&lt;/script&gt;"),
        "{}",
        &html[at - 30..at + 40]
    );
}

/// A report of one list with this many rows and its pages as HTML.
fn long(rows: usize, name: &str) -> Vec<String> {
    let world = district();
    let mut report = made(&world.app, Name::BlankPoints, &Request::default()).unwrap();
    report.tables.truncate(1);
    let table = &mut report.tables[0];
    let mut row = table.rows[0].clone();
    row[1] = Cell::Text(name.to_owned());
    table.rows = vec![row; rows];
    table.add_up();
    let html = String::from_utf8(bytes(&report, Format::Html)).unwrap();
    let pages = html.split("<section>").skip(1);
    pages.map(ToOwned::to_owned).collect()
}

/// The rows of each page, without those of sums.
fn rows_of(pages: &[String]) -> Vec<usize> {
    pages
        .iter()
        .map(|page| page.matches("<tr><td>").count())
        .collect()
}

#[test]
fn every_page_of_a_long_list_has_its_heads_and_sums() {
    let pages = long(60, "演例贸易");
    assert!(pages.len() > 1);
    for (at, page) in (1..).zip(&pages) {
        let head = page.split("<tbody>").next().unwrap();
        for shown in [
            "<h1>List of blank points</h1>",
            "Unit: 410305",
            "As of: 2020-10-15",
        ] {
            assert!(head.contains(shown), "{shown}: {head}");
        }
        assert!(
            head.contains(&format!("page {at} of {}", pages.len())),
            "{head}"
        );
        assert_eq!(page.matches("Page sum").count(), 1);
        let is_last = at == pages.len();
        assert_eq!(page.matches(">Total<").count(), usize::from(is_last));
    }
    let rows = rows_of(&pages);
    assert_eq!(rows.iter().sum::<usize>(), 60);
    let (least, most) = (rows.iter().min().unwrap(), rows.iter().max().unwrap());
    // The last page has the total and the notes beside its rows.
    assert!(most - least <= 8, "{rows:?}");
    let again = long(60, "演例贸易");
    assert_eq!(pages, again);
}

#[test]
fn rows_of_several_lines_make_more_pages() {
    let short = long(60, "演例贸易");
    let tall = long(60, &"演例贸易有限责任公司".repeat(12));
    let (short, tall) = (rows_of(&short), rows_of(&tall));
    assert!(tall.len() > short.len(), "{tall:?} {short:?}");
    assert_eq!(tall.iter().sum::<usize>(), 60);
}

#[test]
fn the_statistics_of_a_district_are_one_page() {
    let world = district();
    for name in [Name::Enterprises, Name::Social] {
        let report = made(&world.app, name, &Request::default()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.html");
        file(&report, Format::Html, &path, Language::Zh).unwrap();
        let html = std::fs::read_to_string(path).unwrap();
        assert_eq!(html.matches("<section>").count(), 1);
        assert!(html.contains("第 1 页，共 1 页"));
    }
}

#[test]
fn demo_data_say_so_in_every_form() {
    let world = district();
    let mut report = made(&world.app, Name::Lists, &Request::default()).unwrap();
    let banner = "Demo data, all fictional";
    let json = |report: &Report| report.json(Language::En)["banner"].clone();
    // The worlds of the tests are for demonstration.
    assert_eq!(json(&report), banner);
    report.demo = false;
    assert!(json(&report).is_null());
    for text in texts(&report) {
        assert!(!text.contains(banner), "{text}");
    }
    report.demo = true;
    for text in texts(&report) {
        assert!(text.contains(banner), "{text}");
    }
    let html = String::from_utf8(bytes(&report, Format::Html)).unwrap();
    assert_eq!(
        html.matches(banner).count(),
        html.matches("<section>").count()
    );
    for sheet in sheets(&report) {
        assert!(sheet[1][0].to_string().starts_with(banner), "{sheet:?}");
    }
}

#[test]
fn a_name_of_a_file_says_its_form() {
    let of = |name: &str| Format::of(std::path::Path::new(name));
    assert_eq!(of("a.CSV"), Some(Format::Csv));
    assert_eq!(of("a.htm"), Some(Format::Html));
    assert_eq!(of("a.xlsx"), Some(Format::Xlsx));
    assert_eq!(of("a"), None);
}

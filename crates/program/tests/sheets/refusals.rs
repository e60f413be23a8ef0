//! What is refused: each with its code, in bounded time and memory, and with sentences in both
//! languages that say that nothing was written.

use std::fmt::Write;
use std::io::Cursor;
use std::time::{Duration, Instant};

use program::sheet::{Bound, LooksLike, SheetError};
use zip::{ZipArchive, ZipWriter};

use crate::fixtures::{archive, census, part, read_bytes, read_named, texts, with_part, workbook};

/// A shared-texts part of nothing.
const NO_TEXTS: &str = "<sst/>";

#[track_caller]
fn refused(name: &str, content: &[u8]) -> SheetError {
    let started = Instant::now();
    let error = read_named(name, content).unwrap_err();
    assert!(
        started.elapsed() < Duration::from_secs(30),
        "took {:?}",
        started.elapsed()
    );
    assert!(error.code().starts_with("IMPORT-"));
    let (zh, en) = (error.sentence(true), error.sentence(false));
    assert!(
        zh.contains("没有写入任何数据") && zh.ends_with('。'),
        "{zh}"
    );
    assert!(
        en.contains("Nothing was written") && en.ends_with('.'),
        "{en}"
    );
    error
}

#[track_caller]
fn looks_like(name: &str, content: &[u8]) -> LooksLike {
    match refused(name, content) {
        SheetError::NotASpreadsheet { looks_like } => looks_like,
        other => panic!("refused otherwise: {other:?}"),
    }
}

#[track_caller]
fn too_large(content: &[u8]) -> Bound {
    match refused("a.xlsx", content) {
        SheetError::TooLarge { what, .. } => what,
        other => panic!("refused otherwise: {other:?}"),
    }
}

/// A compound file whose directory names one stream, as other programs' files have.
fn compound(stream: &str) -> Vec<u8> {
    crate::old::compound(stream, &[0; 5_000])
}

#[test]
fn what_is_no_spreadsheet_is_told_what_it_looks_like() {
    let mut picture = b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR".to_vec();
    picture.resize(400, 0);
    assert_eq!(looks_like("照片.xlsx", &picture), LooksLike::Picture);
    assert_eq!(looks_like("a.pdf", b"%PDF-1.7\n..."), LooksLike::Pdf);
    assert_eq!(looks_like("a.et", &compound("Workbook")), LooksLike::Wps);
    assert_eq!(looks_like("a.et", &compound("ETContent")), LooksLike::Wps);
    assert_eq!(
        looks_like("a.doc", &compound("WordDocument")),
        LooksLike::Word
    );
    assert_eq!(
        looks_like("a.xls", b"\x09\x04\x06\0\0\0\x10\0"),
        LooksLike::OldExcel
    );
    assert_eq!(refused("a.xls", &compound("Book")).code(), "IMPORT-004");
    assert_eq!(looks_like("a", &compound("Other")), LooksLike::Unknown);
    assert_eq!(
        looks_like("a.xls", b"<html><body><table><tr><td>x"),
        LooksLike::Markup
    );
    assert_eq!(
        looks_like("a.xls", b"<?xml version=\"1.0\"?><Workbook>"),
        LooksLike::Markup
    );
    assert_eq!(
        looks_like("a.rar", b"Rar!\x1A\x07\0...."),
        LooksLike::Archive
    );
    assert_eq!(
        looks_like("a.bin", &[0, 1, 2, 3, 4, 0, 0, 9]),
        LooksLike::Unknown
    );
    let one = |name: &str| archive([(name.to_owned(), b"<x/>".to_vec())]);
    assert_eq!(looks_like("a.zip", &one("readme.txt")), LooksLike::Archive);
    assert_eq!(
        looks_like("a.docx", &one("word/document.xml")),
        LooksLike::Word
    );
    assert_eq!(
        looks_like("a.ods", &one("content.xml")),
        LooksLike::OpenDocument
    );
    assert_eq!(
        looks_like("a.xlsb", &one("xl/workbook.bin")),
        LooksLike::BinaryWorkbook
    );
    let shown = refused("a.et", &compound("ETContent")).sentence(true);
    assert!(
        shown.contains("另存为") && shown.contains("xlsx"),
        "{shown}"
    );
}

#[test]
fn encrypted_workbooks_have_their_own_refusal() {
    assert_eq!(
        refused("a.xlsx", &compound("EncryptedPackage")).code(),
        "IMPORT-003"
    );
    assert_eq!(
        refused("a.xls", &crate::old::with_password()).code(),
        "IMPORT-003"
    );
}

#[test]
fn empty_files_and_unknown_columns_are_told() {
    assert_eq!(refused("a.csv", b"").code(), "IMPORT-013");
    assert_eq!(
        refused("a.csv", b"\xEF\xBB\xBF\r\n \r\n").code(),
        "IMPORT-013"
    );
    let unknown = refused("a.csv", "天气,温度\n晴,20\n".as_bytes());
    assert_eq!(unknown.code(), "IMPORT-010");
    assert!(
        unknown.sentence(true).contains("天气、温度"),
        "{}",
        unknown.sentence(true)
    );
    let sheet = "<row r=\"2\"><c r=\"A2\" t=\"inlineStr\"><is><t>天气</t></is></c></row>";
    let unknown = refused("a.xlsx", &workbook(sheet, NO_TEXTS));
    assert!(
        unknown.sentence(false).contains("[t] 天气"),
        "{}",
        unknown.sentence(false)
    );
    assert_eq!(
        refused("a.xlsx", &workbook("", NO_TEXTS)).code(),
        "IMPORT-010"
    );
    assert_eq!(
        refused("a.csv", b"\x80\x81\xFF\xFF,\n").code(),
        "IMPORT-009"
    );
    assert_eq!(
        refused("a.csv", "单位名称\n\"甲\n乙\n".as_bytes()).code(),
        "IMPORT-012"
    );
}

#[test]
fn a_missing_file_is_told_with_its_name() {
    let path = std::path::Path::new("/no/such/台账.xlsx");
    let error = crate::fixtures::read_file(path).unwrap_err();
    assert_eq!(error.code(), "IMPORT-001");
    assert!(error.sentence(true).contains("台账.xlsx"));
}

#[test]
fn a_workbook_cut_or_changed_anywhere_never_panics() {
    let whole = std::fs::read(census("census_410305.xlsx")).unwrap();
    for keep in [4, 30, 100, 1_000, whole.len() / 2, whole.len() - 1] {
        assert_eq!(
            refused("a.xlsx", &whole[..keep]).code(),
            "IMPORT-004",
            "{keep} bytes"
        );
    }
    for step in 0..40 {
        let mut changed = whole.clone();
        let at = step * whole.len() / 40;
        changed[at] ^= 0xFF;
        if let Err(error) = read_bytes(&changed) {
            assert!(error.code().starts_with("IMPORT-"), "byte {at}");
        }
    }
}

#[test]
fn an_old_workbook_cut_or_changed_anywhere_never_panics() {
    let whole = crate::old::workbook();
    assert!(read_bytes(&whole).is_ok());
    for at in (0..whole.len()).step_by(7) {
        let mut changed = whole.clone();
        changed[at] ^= 0xFF;
        let _either = read_bytes(&changed).map_err(|error| error.code()).is_ok();
        let _either = read_bytes(&whole[..at])
            .map_err(|error| error.code())
            .is_ok();
    }
}

#[test]
fn bombs_are_refused_by_what_really_comes_out() {
    let zeroes = vec![b' '; 8 * 1024 * 1024];
    let bomb = archive([("xl/worksheets/sheet1.xml".to_owned(), zeroes.clone())]);
    assert!(bomb.len() < 20_000, "{} bytes on disk", bomb.len());
    assert_eq!(too_large(&bomb), Bound::UnpackRatio);
    // Headers that lie about the unpacked size change nothing.
    let mut liar = bomb;
    let size = u32::try_from(zeroes.len()).unwrap().to_le_bytes();
    while let Some(at) = liar.windows(4).position(|window| window == size) {
        liar[at..at + 4].copy_from_slice(&9_u32.to_le_bytes());
    }
    assert!(matches!(
        refused("a.xlsx", &liar).code(),
        "IMPORT-004" | "IMPORT-005"
    ));
    let crowded = archive((0..1_001).map(|place| (format!("xl/{place}.xml"), Vec::new())));
    assert_eq!(too_large(&crowded), Bound::ArchiveEntries);
}

#[test]
fn more_than_200_mib_are_refused_at_an_honest_ratio() {
    // One part packs about ten to one, so the ratio does not stop it; the same packed bytes stand
    // in the archive under many names, so that it is quick to make.
    let mut noise: u32 = 1;
    let mut block = Vec::new();
    while block.len() < 8 * 1024 * 1024 {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        block.extend_from_slice(&noise.to_be_bytes());
        block.extend_from_slice(&[b' '; 60]);
    }
    let one = archive([("xl/media/0.png".to_owned(), block)]);
    let mut source = ZipArchive::new(Cursor::new(one)).unwrap();
    let mut many = ZipWriter::new(Cursor::new(Vec::new()));
    for place in 0..26 {
        let packed = source.by_index_raw(0).unwrap();
        many.raw_copy_file_rename(packed, format!("xl/media/{place}.png"))
            .unwrap();
    }
    let content = many.finish().unwrap().into_inner();
    assert!(
        content.len() < 30 * 1024 * 1024,
        "{} bytes on disk",
        content.len()
    );
    assert_eq!(too_large(&content), Bound::UnpackedBytes);
}

#[test]
fn entities_and_document_types_are_refused_in_every_encoding() {
    let sheet = "<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>单位名称</t></is></c></row>";
    let honest = workbook(sheet, NO_TEXTS);
    assert!(read_bytes(&honest).is_ok());
    let laughs = "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]>";
    let declared = workbook(sheet, &format!("{laughs}<sst><si><t>&b;</t></si></sst>"));
    assert_eq!(refused("a.xlsx", &declared).code(), "IMPORT-007");
    let outside = "<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><sst/>";
    assert_eq!(
        refused("a.xlsx", &workbook(sheet, outside)).code(),
        "IMPORT-007"
    );
    let utf_16: Vec<u8> = [0xFEFF]
        .into_iter()
        .chain(outside.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let name = "xl/sharedStrings.xml".to_owned();
    let parts = crate::fixtures::part_names(&honest)
        .into_iter()
        .map(|each| {
            let content = if each == name {
                utf_16.clone()
            } else {
                part(&honest, &each).into_bytes()
            };
            (each, content)
        });
    assert_eq!(refused("a.xlsx", &archive(parts)).code(), "IMPORT-007");
    let unknown = with_part(&honest, "xl/worksheets/sheet1.xml", |xml| {
        xml.replace("单位", "&nbsp;")
    });
    assert_eq!(refused("a.xlsx", &unknown).code(), "IMPORT-004");
}

#[test]
fn counts_that_a_part_claims_take_no_memory() {
    let sheet = "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c><c r=\"B1\" t=\"s\"><v>4000000000</v></c></row>\
                 <row r=\"1048576\"><c r=\"A1048576\" t=\"s\"><v>1</v></c></row>";
    let shared = "<sst count=\"99999999999\" uniqueCount=\"99999999999\">\
                  <si><t>单位名称</t></si><si><t>甲</t></si></sst>";
    let table = read_bytes(&workbook(sheet, shared)).unwrap();
    assert_eq!(texts(&table, "name"), ["甲"]);
    assert_eq!(table.rows[0].line, 1_048_576);
}

#[test]
fn one_long_text_in_every_cell_is_bounded() {
    let long = "长".repeat(30_000);
    let shared = format!("<sst><si><t>单位名称</t></si><si><t>{long}</t></si></sst>");
    let mut sheet = "<row><c t=\"s\"><v>0</v></c></row>".to_owned();
    for _ in 0..4_000 {
        sheet.push_str("<row><c t=\"s\"><v>1</v></c></row>");
    }
    // Random-looking filler keeps the ratio honest, so that the text bound is what stops it.
    let filler: String = (0_u32..200_000)
        .map(|n| format!("{:x}", n.wrapping_mul(2_654_435_761)))
        .collect();
    let content = workbook(&sheet, &format!("{shared}<!--{filler}-->"));
    assert_eq!(too_large(&content), Bound::TextBytes);
}

#[test]
fn rows_columns_and_texts_have_bounds() {
    let mut csv = "单位名称\n".to_owned();
    for line in 0..200_000 {
        writeln!(csv, "甲{line}").unwrap();
    }
    assert_eq!(too_large(csv.as_bytes()), Bound::Rows);
    let wide = format!("单位名称{}x\n", ",".repeat(500));
    assert_eq!(too_large(wide.as_bytes()), Bound::Columns);
    let blank_wide = format!("单位名称{}\n甲\n", ",".repeat(600));
    assert_eq!(
        texts(&read_bytes(blank_wide.as_bytes()).unwrap(), "name"),
        ["甲"]
    );
    let long = refused(
        "a.csv",
        format!("单位名称,备注\n甲,{}\n", "长".repeat(32_768)).as_bytes(),
    );
    let SheetError::CellTooLong {
        line: 2,
        column,
        limit: 32_767,
    } = long
    else {
        panic!("refused otherwise: {long:?}")
    };
    assert_eq!(column, "B");
    let mut big = vec![b'a'; 64 * 1024 * 1024];
    big.extend(b",b");
    assert_eq!(too_large(&big), Bound::FileBytes);
}

#[test]
fn workbooks_of_odd_writers_are_read() {
    // Neither rows nor cells say where they are; names have a prefix; paths have capitals.
    let sheet = "<x:row><x:c t=\"inlineStr\"><x:is><x:t>单位名称</x:t></x:is></x:c><x:c/>\
                 <x:c t=\"inlineStr\"><x:is><x:r><x:t>党员</x:t></x:r><x:rPh><x:t>注音</x:t></x:rPh>\
                 <x:r><x:t>数</x:t></x:r></x:is></x:c></x:row><x:row/>\
                 <x:row><x:c t=\"str\"><x:v>甲&amp;&#x4E59;<![CDATA[<丙>]]></x:v></x:c><x:c/><x:c><x:v>3</x:v></x:c></x:row>";
    let content = workbook(sheet, NO_TEXTS);
    let parts = crate::fixtures::part_names(&content)
        .into_iter()
        .map(|each| {
            let text = part(&content, &each);
            (each.replace("sheet1", "SHEET1"), text.into_bytes())
        });
    let table = read_bytes(&archive(parts)).unwrap();
    assert_eq!(texts(&table, "name"), ["甲&乙<丙>"]);
    assert_eq!(texts(&table, "members"), ["3"]);
    assert_eq!(table.rows[0].line, 3);
}

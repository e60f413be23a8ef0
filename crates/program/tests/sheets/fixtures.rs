//! What the tests of spreadsheets share: the headings of an organisation, files made on the spot.

use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};

use program::sheet::{FieldHeadings, HeadingIndex, Options, SheetError, Table, read};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

/// The place of a file of the shared test data.
pub(crate) fn census(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/data")
        .join(name)
}

/// The fields of an organisation with their headings, as in the schema: id, Chinese, English, others.
const FIELDS: &str = "\
uscc|统一社会信用代码|Unified social credit code|信用代码|社会信用代码|统一代码
name|单位名称|Name|名称|企业名称|组织名称|单位全称|机构名称
org_class|组织大类|Class|大类|类别
org_kind|组织类型|Kind|类型|单位类型|企业类型
industry|行业门类|Industry (GB/T 4754 letter)|行业|所属行业
town|所在乡镇(街道)|Town or sub-district|乡镇(街道)|街道
operating_address|经营地址|Operating address|地址|单位地址
registered_on|成立日期|Registered on|成立时间|注册日期|登记日期
operating_status|经营状态|Operating status|状态
census_status|排查状态|Census status|排查情况
exclusion_reason|不纳入原因|Exclusion reason|不纳入的原因
employees|从业人员数|Employees|从业人数|职工人数|员工人数|人数
members|党员数|Members|党员人数|党员总数|党员
full_members|正式党员数|Full members|正式党员|正式党员人数
as_of|数据日期|Figures as of|数据时间|统计日期
mass_orgs|已建群团|Mass organisations|群团|群团组织
eligibility|组建条件|Eligibility|是否具备组建条件
head|组织负责人|Head|负责人|法定代表人
closed_on|注销日期|Closed on
remark|备注|Remark|说明";

/// The headings of an organisation.
pub(crate) fn headings() -> HeadingIndex {
    HeadingIndex::new(FIELDS.lines().map(|line| {
        let mut names = line.split('|').map(str::to_owned);
        let mut next = || names.next().unwrap();
        let (field, zh, en) = (next(), next(), next());
        FieldHeadings {
            field,
            zh,
            en,
            others: names.collect(),
        }
    }))
}

pub(crate) fn read_file(path: &Path) -> Result<Table, SheetError> {
    read(
        path,
        &Options {
            sheet: None,
            headings: &headings(),
        },
    )
}

pub(crate) fn read_named(name: &str, content: &[u8]) -> Result<Table, SheetError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    read_file(&path)
}

pub(crate) fn read_bytes(content: &[u8]) -> Result<Table, SheetError> {
    read_named("table", content)
}

pub(crate) fn read_sheet(content: &[u8], sheet: &str) -> Result<Table, SheetError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.xlsx");
    std::fs::write(&path, content).unwrap();
    read(
        &path,
        &Options {
            sheet: Some(sheet.to_owned()),
            headings: &headings(),
        },
    )
}

/// The texts of a field's column.
pub(crate) fn texts(table: &Table, field: &str) -> Vec<String> {
    table
        .rows
        .iter()
        .map(|row| table.cell(row, field).to_text().into_owned())
        .collect()
}

/// The text of a part of a workbook.
pub(crate) fn part(content: &[u8], name: &str) -> String {
    let mut archive = ZipArchive::new(Cursor::new(content)).unwrap();
    let mut text = String::new();
    archive
        .by_name(name)
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    text
}

/// The names of the parts of a workbook.
pub(crate) fn part_names(content: &[u8]) -> Vec<String> {
    let archive = ZipArchive::new(Cursor::new(content)).unwrap();
    archive
        .file_names()
        .map(|name| name.unwrap().into_owned())
        .collect()
}

/// The workbook with one of its parts changed.
pub(crate) fn with_part(content: &[u8], name: &str, change: impl Fn(&str) -> String) -> Vec<u8> {
    let parts = part_names(content).into_iter().map(|each| {
        let text = part(content, &each);
        let text = if each == name { change(&text) } else { text };
        (each, text.into_bytes())
    });
    archive(parts)
}

/// An archive of parts.
pub(crate) fn archive(parts: impl IntoIterator<Item = (String, Vec<u8>)>) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        writer
            .start_file(name, SimpleFileOptions::default())
            .unwrap();
        writer.write_all(&content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A workbook of one sheet whose rows are given as XML, with shared texts.
pub(crate) fn workbook(sheet: &str, shared: &str) -> Vec<u8> {
    const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    const KINDS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    const LINKS: &str = "http://schemas.openxmlformats.org/package/2006/relationships";
    let parts = [
        (
            "_rels/.rels",
            format!(
                "<Relationships xmlns=\"{LINKS}\"><Relationship Id=\"r1\" Type=\"{KINDS}/officeDocument\" \
                 Target=\"/xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "<workbook xmlns=\"{MAIN}\" xmlns:r=\"{KINDS}\"><sheets>\
                 <sheet name=\"t\" sheetId=\"1\" r:id=\"s1\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                "<Relationships xmlns=\"{LINKS}\">\
                 <Relationship Id=\"s1\" Type=\"{KINDS}/worksheet\" Target=\"worksheets/sheet1.xml\"/>\
                 <Relationship Id=\"s2\" Type=\"{KINDS}/sharedStrings\" Target=\"sharedStrings.xml\"/>\
                 </Relationships>"
            ),
        ),
        (
            "xl/worksheets/sheet1.xml",
            format!("<worksheet xmlns=\"{MAIN}\"><sheetData>{sheet}</sheetData></worksheet>"),
        ),
        ("xl/sharedStrings.xml", shared.to_owned()),
    ];
    archive(parts.map(|(name, text)| (name.to_owned(), text.into_bytes())))
}

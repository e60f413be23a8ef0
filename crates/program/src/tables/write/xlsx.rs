//! A report as a workbook: a sheet for each table, A4 landscape, the headings on every page and in
//! sight, numbers as numbers.

use domain::label::Language;
use rust_xlsxwriter::{Format, FormatAlign, FormatBorder, Workbook, Worksheet, XlsxError};

use super::{notes, spread_headings, spread_row};
use crate::{
    sheet::{self, WriteError, write},
    tables::table::{Content, Report, Table},
};

/// A4, as the file format counts papers.
const A4: u8 = 9;

/// The bytes of the file.
pub(super) fn content(report: &Report, language: Language) -> Result<Vec<u8>, WriteError> {
    for table in &report.tables {
        let headings: Vec<String> = headings(table, language);
        let rows: Vec<_> = table
            .rows
            .iter()
            .map(|row| spread_row(table, row, language))
            .collect();
        write::check(&headings, &rows)?;
    }
    let mut workbook = Workbook::new();
    let made = report
        .tables
        .iter()
        .try_for_each(|table| fill(workbook.add_worksheet(), report, table, language));
    made.and_then(|()| workbook.save_to_buffer())
        .map_err(|source| WriteError::Workbook { source })
}

fn headings(table: &Table, language: Language) -> Vec<String> {
    let columns = table.columns.iter();
    columns
        .flat_map(|column| spread_headings(column, language))
        .collect()
}

/// The number format of each column of the sheet, as its table says.
fn number_formats(table: &Table) -> Vec<&'static str> {
    let of = |content| -> &'static [&'static str] {
        match content {
            Content::Text | Content::Flag => &["@"],
            Content::Count => &["0"],
            Content::Rate => &["0", "0", "0.0"],
            Content::Quota => &["0", "0"],
            Content::Score => &["0", "0", "0.0", "@", "+0.0;-0.0;0.0"],
            Content::Money => &["#,##0.00"],
            Content::Date => &["yyyy-mm-dd"],
        }
    };
    let columns = table.columns.iter();
    columns
        .flat_map(|column| of(column.content))
        .copied()
        .collect()
}

fn fill(
    sheet: &mut Worksheet,
    report: &Report,
    table: &Table,
    language: Language,
) -> Result<(), XlsxError> {
    let headings = headings(table, language);
    let formats = number_formats(table);
    let last = u16::try_from(headings.len().saturating_sub(1)).unwrap_or(u16::MAX);
    sheet.set_name(write::sheet_name(table.title.say(language)))?;
    sheet.set_landscape().set_paper_size(A4);
    sheet
        .set_print_fit_to_pages(1, 0)
        .set_margins(0.4, 0.4, 0.5, 0.5, 0.3, 0.3);
    let page = language.pick("第 &P 页，共 &N 页", "page &P of &N");
    sheet.set_footer(format!("&C{page}"));
    put_title(sheet, report, table, (language, last))?;
    let bold = Format::new()
        .set_bold()
        .set_text_wrap()
        .set_border(FormatBorder::Thin)
        .set_align(FormatAlign::Center);
    for (column, heading) in (0_u16..).zip(&headings) {
        sheet.write_string_with_format(2, column, heading, &bold)?;
    }
    let styles: Vec<Format> = formats
        .iter()
        .map(|format| {
            Format::new()
                .set_num_format(*format)
                .set_border(FormatBorder::Thin)
                .set_text_wrap()
        })
        .collect();
    let sums: Vec<Format> = styles
        .iter()
        .map(|style| style.clone().set_bold())
        .collect();
    let mut widths: Vec<usize> = headings
        .iter()
        .map(|heading| write::width(heading) / 2 + 2)
        .collect();
    let mut line = 3;
    for row in &table.rows {
        put_row(
            sheet,
            line,
            &spread_row(table, row, language),
            (&styles, &mut widths),
        )?;
        line += 1;
    }
    if let Some(total) = &table.total {
        put_row(
            sheet,
            line,
            &spread_row(table, total, language),
            (&sums, &mut widths),
        )?;
        line += 1;
    }
    for note in notes(table, language) {
        sheet.write_string(line, 0, &note)?;
        line += 1;
    }
    for (column, width) in (0_u16..).zip(widths) {
        let chars = u32::try_from(width.clamp(6, 40) + 1).unwrap_or(u32::MAX);
        sheet.set_column_width(column, f64::from(chars))?;
    }
    sheet.set_repeat_rows(0, 2)?;
    sheet.set_freeze_panes(3, 0)?;
    Ok(())
}

/// The title over all columns, and the line with the unit and the day.
fn put_title(
    sheet: &mut Worksheet,
    report: &Report,
    table: &Table,
    (language, last): (Language, u16),
) -> Result<(), XlsxError> {
    let title = Format::new()
        .set_bold()
        .set_font_size(16)
        .set_align(FormatAlign::Center);
    let name = title_of(report, table, language);
    if last > 0 {
        sheet.merge_range(0, 0, 0, last, &name, &title)?;
    } else {
        sheet.write_string_with_format(0, 0, &name, &title)?;
    }
    sheet.write_string(1, 0, report.head(language))?;
    Ok(())
}

fn title_of(report: &Report, table: &Table, language: Language) -> String {
    let title = report.title.say(language);
    match report.tables.len() {
        1 => title.to_owned(),
        _ => format!(
            "{title}{}{}",
            language.pick("：", ": "),
            table.title.say(language)
        ),
    }
}

fn put_row(
    sheet: &mut Worksheet,
    line: u32,
    row: &[sheet::Cell],
    (styles, widths): (&[Format], &mut [usize]),
) -> Result<(), XlsxError> {
    let cells = (0_u16..).zip(row).zip(styles).zip(widths);
    for (((column, cell), style), width) in cells {
        *width = (*width).max(write::width(&cell.to_text()));
        write::put(sheet, (line, column), cell, style)?;
    }
    Ok(())
}

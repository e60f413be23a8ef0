//! A report as a workbook: a sheet for each table, A4 landscape, the headings on every page and in
//! sight, numbers as numbers. A wide table is as many pages wide as it takes to be read, with what
//! its rows are of on each.

use domain::label::Language;
use rust_xlsxwriter::{Format, FormatAlign, FormatBorder, Workbook, Worksheet, XlsxError};

use super::{notes, spread_headings, spread_row};
use crate::{
    sheet::{self, WriteError, write},
    tables::table::{Content, Report, Table},
};

/// A4, as the file format counts papers.
const A4: u8 = 9;
/// What A4, landscape, holds across in letters of half width where it is printed at full size.
const ACROSS: usize = 146;
/// How small it may be printed, in percent of 11 points: 7 points.
const SCALE_LEAST: usize = 64;
/// What is repeated on each page of a wide table: the first columns, as long as they take no more.
const REPEATED_MOST: usize = 44;
/// The narrowest and the widest column.
const LEAST: usize = 6;
const MOST: usize = 40;

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
            Content::Moved => &["+0.0;-0.0;0.0"],
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
    sheet.set_name(write::sheet_name(table.title.say(language)))?;
    sheet.set_landscape().set_paper_size(A4);
    sheet.set_margins(0.4, 0.4, 0.5, 0.5, 0.3, 0.3);
    let page = language.pick("第 &P 页，共 &N 页", "page &P of &N");
    sheet.set_footer(format!("&C{page}"));
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
    let mut widths: Vec<usize> = headings.iter().map(|it| heading_width(it)).collect();
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
    let widths: Vec<usize> = widths
        .iter()
        .map(|it| (*it).clamp(LEAST, MOST) + 1)
        .collect();
    for (column, width) in (0_u16..).zip(&widths) {
        let chars = u32::try_from(*width).unwrap_or(u32::MAX);
        sheet.set_column_width(column, f64::from(chars))?;
    }
    let (across, repeated) = pages_across(&widths, table);
    sheet.set_print_fit_to_pages(across, 0);
    if let Some(last) = repeated.checked_sub(1).filter(|_| across > 1) {
        sheet.set_repeat_columns(0, last)?;
    }
    put_title(sheet, (report, table), (across, widths.len()), language)?;
    sheet.set_repeat_rows(0, 2)?;
    sheet.set_freeze_panes(3, 0)?;
    Ok(())
}

/// The title over all columns, and the line with the unit and the day. Where a table goes on beside
/// the page, both stand at the head of every page.
fn put_title(
    sheet: &mut Worksheet,
    (report, table): (&Report, &Table),
    (across, columns): (u16, usize),
    language: Language,
) -> Result<(), XlsxError> {
    let style = Format::new().set_bold().set_font_size(16);
    let title = title_of(report, table, language);
    let head = report.head(language);
    let banner = report.banner(language).unwrap_or_default();
    let last = u16::try_from(columns.saturating_sub(1)).unwrap_or(u16::MAX);
    if across == 1 && last > 0 {
        let style = style.set_align(FormatAlign::Center);
        sheet.merge_range(0, 0, 0, last, &title, &style)?;
    } else {
        sheet.write_string_with_format(0, 0, &title, &style)?;
    }
    let line = format!("{banner}　　{head}");
    sheet.write_string(1, 0, line.trim_start())?;
    let left = match across {
        1 => String::new(),
        _ => format!("{title}　{head}").replace('&', "&&"),
    };
    if !left.is_empty() || !banner.is_empty() {
        sheet.set_header(format!("&L{left}&R{banner}"));
    }
    Ok(())
}

/// The width of a column for its heading, which wraps: a few lines of it, and the longest word.
fn heading_width(heading: &str) -> usize {
    let words = heading.split(' ').filter(|word| word.is_ascii());
    let longest = words.map(write::width).max().unwrap_or_default();
    longest.max(write::width(heading).div_ceil(4) + 1)
}

/// On how many pages beside each other a sheet can be read, and how many first columns each has.
fn pages_across(widths: &[usize], table: &Table) -> (u16, u16) {
    let texts = table.columns.iter();
    let texts = texts.take_while(|column| column.content == Content::Text);
    let mut repeated = 0;
    let mut taken = 0;
    for (_, width) in texts.zip(widths) {
        if repeated > 0 && taken + width > REPEATED_MOST {
            break;
        }
        (repeated, taken) = (repeated + 1, taken + width);
    }
    let all: usize = widths.iter().sum();
    let room = ACROSS * 100 / SCALE_LEAST;
    let across = match all <= room {
        true => 1,
        false => all
            .saturating_sub(taken)
            .div_ceil(room.saturating_sub(taken).max(1)),
    };
    (u16::try_from(across).unwrap_or(u16::MAX), repeated)
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

#[cfg(test)]
mod tests {
    use super::{Content, pages_across};
    use crate::tables::table::{Column, Table, Word};

    #[test]
    fn a_wide_table_is_several_pages_wide() {
        let columns = |texts: usize| {
            let of = |at: usize| match at < texts {
                true => Column::new(Content::Text, "text", ("文", "text")),
                false => Column::new(Content::Count, "count", ("数", "count")),
            };
            Table::new("wide", Word::default(), (0..31).map(of).collect())
        };
        // 228 letters are one page.
        assert_eq!(pages_across(&[7; 31], &columns(1)), (1, 1));
        assert_eq!(pages_across(&[9; 31], &columns(1)), (2, 1));
        // Two columns of text stand on each page; of a wide one nothing but that.
        assert_eq!(pages_across(&[20; 31], &columns(5)), (4, 2));
        assert_eq!(pages_across(&[41; 31], &columns(5)), (7, 1));
    }
}

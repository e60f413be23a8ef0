//! Tables out: CSV and XLSX that open in Excel, LibreOffice and WPS.
//!
//! Guarantees that no cell can run as a formula or a link, that `read` gives back what was written,
//! and that a file appears whole or not at all: it is written beside its place, synced, and renamed.

pub(crate) mod guard;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rust_xlsxwriter::{ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

use super::cell::Cell;
use super::date::Date;
use super::error::{Bound, WriteError};
use super::letters::letters;
use super::limits::{CELL_CHARS_MAX, COLUMNS_MAX, ROWS_MAX};

/// Narrowest and widest column, in characters of Latin width.
const WIDTH_MIN: usize = 8;
const WIDTH_MAX: usize = 50;
/// Rows that are measured for the widths; the rest of a ledger is like its beginning.
const WIDTH_ROWS: usize = 1_000;
/// Longest name of a sheet in characters, by Excel.
const SHEET_NAME_CHARS_MAX: usize = 31;

/// Writes a table as CSV: UTF-8 with its mark, lines ended by CR LF, dangerous texts guarded.
///
/// # Errors
/// When the table is beyond what a sheet holds, or the file cannot be written.
pub fn write_csv(path: &Path, headings: &[String], rows: &[Vec<Cell>]) -> Result<(), WriteError> {
    check(headings, rows)?;
    let headings = headings.iter().map(|heading| Cell::text(heading.as_str()));
    let headings: Vec<Cell> = headings.collect();
    let records = std::iter::once(&headings).chain(rows);
    write_file(path, &csv_of(records)?)
}

/// Returns the bytes of a CSV file whose lines need not be alike, as of several tables.
///
/// # Errors
/// When it is beyond what a sheet holds.
pub(crate) fn csv_content(records: &[Vec<Cell>]) -> Result<Vec<u8>, WriteError> {
    check(&[], records)?;
    csv_of(records)
}

fn csv_of<'r>(records: impl IntoIterator<Item = &'r Vec<Cell>>) -> Result<Vec<u8>, WriteError> {
    let mut content = b"\xEF\xBB\xBF".to_vec();
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .flexible(true)
        .from_writer(&mut content);
    for record in records {
        writer
            .write_record(record.iter().map(csv_text))
            .map_err(|source| WriteError::Table { source })?;
    }
    writer.flush().map_err(|source| WriteError::Table {
        source: source.into(),
    })?;
    drop(writer);
    Ok(content)
}

/// Numbers, dates and flags are what they are; only texts can be mistaken for a formula.
fn csv_text(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) | Cell::Error(text) => guard::put_on(text).into_owned(),
        Cell::Empty | Cell::Number(_) | Cell::Date(_) | Cell::Flag(_) => {
            cell.to_text().into_owned()
        }
    }
}

/// Writes a table as a workbook of one sheet: texts as texts, numbers as numbers, dates as dates;
/// the headings stay in sight and can be filtered.
///
/// # Errors
/// When the table is beyond what a sheet holds, or the file cannot be written.
pub fn write_xlsx(
    path: &Path,
    sheet: &str,
    headings: &[String],
    rows: &[Vec<Cell>],
) -> Result<(), WriteError> {
    check(headings, rows)?;
    let mut workbook = Workbook::new();
    fill(workbook.add_worksheet(), sheet, headings, rows)
        .map_err(|source| WriteError::Workbook { source })?;
    let content = workbook
        .save_to_buffer()
        .map_err(|source| WriteError::Workbook { source })?;
    write_file(path, &content)
}

fn fill(
    worksheet: &mut Worksheet,
    sheet: &str,
    headings: &[String],
    rows: &[Vec<Cell>],
) -> Result<(), XlsxError> {
    // The text format keeps a code a text when a person edits it later.
    let text_format = Format::new().set_num_format("@");
    let date_format = Format::new().set_num_format("yyyy-mm-dd");
    let plain_format = Format::new();
    let heading_format = Format::new().set_num_format("@").set_bold();
    worksheet.set_name(sheet_name(sheet))?;
    for (column, heading) in (0_u16..).zip(headings) {
        worksheet.write_string_with_format(0, column, heading, &heading_format)?;
        let cells = rows
            .iter()
            .take(WIDTH_ROWS)
            .filter_map(|row| row.get(usize::from(column)));
        let widest = cells.map(|cell| width(&cell.to_text())).max().unwrap_or(0);
        let chars = widest.max(width(heading) + 2).clamp(WIDTH_MIN, WIDTH_MAX);
        worksheet.set_column_width(
            column,
            f64::from(u32::try_from(chars + 1).unwrap_or(u32::MAX)),
        )?;
    }
    for (line, row) in (1_u32..).zip(rows) {
        for (column, cell) in (0_u16..).zip(row) {
            let format = match cell {
                Cell::Date(_) => &date_format,
                Cell::Number(_) | Cell::Flag(_) => &plain_format,
                Cell::Empty | Cell::Text(_) | Cell::Error(_) => &text_format,
            };
            if *cell != Cell::Empty {
                put(worksheet, (line, column), cell, format)?;
            }
        }
    }
    worksheet.set_freeze_panes(1, 0)?;
    if let Some(last) = u16::try_from(headings.len())
        .ok()
        .and_then(|count| count.checked_sub(1))
    {
        let bottom = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        worksheet.autofilter(0, 0, bottom, last)?;
    }
    Ok(())
}

/// Writes one cell: texts as texts whatever they begin with, a day that no sheet counts as text.
pub(crate) fn put(
    worksheet: &mut Worksheet,
    (line, column): (u32, u16),
    cell: &Cell,
    format: &Format,
) -> Result<(), XlsxError> {
    match cell {
        Cell::Empty => worksheet.write_blank(line, column, format)?,
        Cell::Text(text) | Cell::Error(text) => {
            worksheet.write_string_with_format(line, column, text, format)?
        }
        Cell::Number(number) => {
            worksheet.write_number_with_format(line, column, *number, format)?
        }
        Cell::Flag(flag) => worksheet.write_boolean_with_format(line, column, *flag, format)?,
        Cell::Date(date) => match sheet_date(*date) {
            Some(day) => worksheet.write_datetime_with_format(line, column, day, format)?,
            None => {
                let text = Format::new().set_num_format("@");
                worksheet.write_string_with_format(line, column, date.to_string(), &text)?
            }
        },
    };
    Ok(())
}

/// A date that a sheet can count; earlier ones, before the leap day that never was, stay text.
fn sheet_date(date: Date) -> Option<ExcelDateTime> {
    let first = Date::new(1900, 3, 1)?;
    if date < first {
        return None;
    }
    ExcelDateTime::from_ymd(date.year(), date.month(), date.day()).ok()
}

/// Writes a file whole or not at all: beside its place, synced, renamed, and the folder synced.
///
/// What is not a plain file (a terminal, a pipe) is written to as it is.
///
/// # Errors
/// When any step fails; the file that was there is then as it was.
pub fn write_file(path: &Path, content: &[u8]) -> Result<(), WriteError> {
    let failed = |source| write_failed(path, source);
    if fs::metadata(path).is_ok_and(|place| !place.is_file()) {
        let mut place = OpenOptions::new().write(true).open(path).map_err(failed)?;
        return place.write_all(content).map_err(failed);
    }
    // A link is followed, so that what it points at is replaced and not the link.
    let place = fs::canonicalize(path).unwrap_or_else(|_not_there_yet| path.to_owned());
    let beside = beside(&place).map_err(failed)?;
    let written = write_new(&beside, content).and_then(|()| fs::rename(&beside, &place));
    if let Err(source) = written {
        // The first failure is the one to tell; a leftover has a name that nobody mistakes.
        let _cleaned = fs::remove_file(&beside);
        return Err(failed(source));
    }
    sync_folder(&place).map_err(failed)
}

fn write_new(beside: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(beside)?;
    file.write_all(content)?;
    file.sync_all()
}

/// A name in the same folder that no other writer takes.
fn beside(place: &Path) -> io::Result<PathBuf> {
    let name = place
        .file_name()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"))?;
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| io::Error::other(error.to_string()))?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{:016x}.part", u64::from_be_bytes(random)));
    Ok(place.with_file_name(hidden))
}

/// Makes the rename durable; where folders cannot be opened (not on Linux) the system does it.
fn sync_folder(place: &Path) -> io::Result<()> {
    let folder = place
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    if cfg!(unix) {
        File::open(folder)?.sync_all()
    } else {
        Ok(())
    }
}

fn write_failed(path: &Path, source: io::Error) -> WriteError {
    WriteError::Write {
        path: path.to_owned(),
        source,
    }
}

/// Refuses what `read` would refuse, so that every export can come back.
pub(crate) fn check(headings: &[String], rows: &[Vec<Cell>]) -> Result<(), WriteError> {
    let columns_max = usize::try_from(COLUMNS_MAX).unwrap_or(usize::MAX);
    let too_wide = headings.len() > columns_max || rows.iter().any(|row| row.len() > columns_max);
    if too_wide {
        return Err(WriteError::TooLarge {
            what: Bound::Columns,
            limit: u64::from(COLUMNS_MAX),
        });
    }
    // The header is one of the rows that `read` counts.
    if rows.len() >= ROWS_MAX {
        let limit = u64::try_from(ROWS_MAX - 1).unwrap_or(u64::MAX);
        return Err(WriteError::TooLarge {
            what: Bound::Rows,
            limit,
        });
    }
    let is_long = |text: &str| text.len() > CELL_CHARS_MAX && text.chars().count() > CELL_CHARS_MAX;
    let headings = (0_u32..)
        .zip(headings)
        .map(|(column, text)| (1_u32, column, text.as_str()));
    let cells = (2_u32..).zip(rows).flat_map(|(line, row)| {
        (0_u32..)
            .zip(row)
            .filter_map(move |(column, cell)| match cell {
                Cell::Text(text) | Cell::Error(text) => Some((line, column, text.as_str())),
                Cell::Empty | Cell::Number(_) | Cell::Date(_) | Cell::Flag(_) => None,
            })
    });
    match headings.chain(cells).find(|(_, _, text)| is_long(text)) {
        Some((line, column, _)) => {
            let column = letters(column);
            Err(WriteError::CellTooLong {
                line,
                column,
                limit: CELL_CHARS_MAX,
            })
        }
        None => Ok(()),
    }
}

/// A name that Excel takes: no signs of its own, not too long, not empty.
pub(crate) fn sheet_name(wanted: &str) -> String {
    let replaced = wanted.chars().map(|letter| match letter {
        '[' | ']' | ':' | '*' | '?' | '/' | '\\' => '_',
        letter if letter.is_control() => '_',
        letter => letter,
    });
    let mut units = 0;
    let short: String = replaced
        .take_while(|letter| {
            units += letter.len_utf16();
            units <= SHEET_NAME_CHARS_MAX
        })
        .collect();
    let bare = short.trim_matches(|letter: char| letter == '\'' || letter.is_whitespace());
    if bare.is_empty() {
        "Sheet1".to_owned()
    } else {
        bare.to_owned()
    }
}

/// The width of the widest line of a text, East Asian characters counting two.
pub(crate) fn width(text: &str) -> usize {
    let line_width = |line: &str| line.chars().map(char_width).sum();
    text.lines().map(line_width).max().unwrap_or(0)
}

/// The width of a letter: an East Asian one counts two.
pub(crate) fn char_width(letter: char) -> usize {
    let is_wide = matches!(letter,
        '\u{1100}'..='\u{115F}' | '\u{2014}' | '\u{2018}'..='\u{201D}' | '\u{2E80}'..='\u{A4CF}'
        | '\u{AC00}'..='\u{D7A3}' | '\u{F900}'..='\u{FAFF}' | '\u{FE30}'..='\u{FE6F}'
        | '\u{FF00}'..='\u{FF60}' | '\u{FFE0}'..='\u{FFE6}' | '\u{1F300}'..='\u{1FAFF}'
        | '\u{20000}'..='\u{3FFFD}');
    if is_wide { 2 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::{sheet_name, width};

    #[test]
    fn sheet_names_are_made_acceptable() {
        assert_eq!(sheet_name("两新组织[2020]"), "两新组织_2020_");
        assert_eq!(sheet_name("'''"), "Sheet1");
        assert_eq!(sheet_name(&"长".repeat(40)).chars().count(), 31);
    }

    #[test]
    fn east_asian_characters_count_two() {
        assert_eq!(width("单位Name"), 8);
        assert_eq!(width("短\n更长的一行"), 10);
    }
}

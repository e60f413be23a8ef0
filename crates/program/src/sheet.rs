//! Spreadsheets in and out: reads the tables that offices keep, writes tables that they can open.
//!
//! Guarantees that a file is judged by what it holds and not by its name, that every limit is
//! checked before memory is taken for it, that nothing here knows records or writes anything but
//! the one file it was asked for, and that what `write` wrote is read back equal. Refuses, with a
//! code and a sentence, whatever it cannot read with certainty.

mod cell;
mod date;
mod error;
mod grid;
mod header;
pub mod heading;
mod letters;
pub mod limits;
mod ole;
mod package;
mod table;
mod text;
pub mod write;
mod xls;
mod xlsx;

use std::fs::File;
use std::io::Read;
use std::path::Path;

pub use cell::Cell;
pub use date::{Date, find_dates};
pub use error::{Bound, LooksLike, SeenSheet, SheetError, WriteError};
pub use heading::{FieldHeadings, HeadingIndex, Match};
pub use table::{Column, Row, Table};

use grid::{Grid, Wanted};
use header::Header;
use limits::{Deadline, FILE_BYTES_MAX};

/// What to look for in a file.
#[derive(Debug, Clone)]
pub struct Options<'a> {
    /// The sheet to read; without it, the visible sheet with the most known columns.
    pub sheet: Option<String>,
    /// The headings that are known.
    pub headings: &'a HeadingIndex,
}

/// Reads the table in the file at `path`: XLSX, XLSM, XLS (Excel 5 and later), CSV or TSV.
///
/// # Errors
/// When the file cannot be read, is not a spreadsheet, breaks a limit, or has no known column.
pub fn read(path: &Path, options: &Options<'_>) -> Result<Table, SheetError> {
    let deadline = Deadline::start();
    let content = read_bounded(path)?;
    let stem = path
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned());
    let extension = path
        .extension()
        .map(|end| end.to_string_lossy().to_lowercase());
    let mut book = Book::open(content, extension.as_deref().unwrap_or_default(), deadline)?;
    if let Book::Text(text) = &mut book {
        let name = stem.unwrap_or_default();
        let (grid, header) = text::table(text, &name, options.headings, deadline)?;
        return table::build(grid, header, options.headings, Vec::new(), deadline);
    }
    let names = book.sheets();
    let (chosen, unread) = choose(&mut book, &names, options, deadline)?;
    let grid = book.grid(chosen, Wanted::All, deadline)?;
    let header =
        header::find(&grid.rows, options.headings).ok_or_else(|| SheetError::NoKnownColumn {
            seen: vec![seen(&grid)],
        })?;
    table::build(grid, header, options.headings, unread, deadline)
}

/// One sheet's name, and whether people see it.
#[derive(Debug, Clone)]
pub(crate) struct SheetName {
    pub(crate) name: String,
    pub(crate) is_visible: bool,
}

/// An opened file of any of the kinds that are read.
enum Book {
    Xlsx(Box<xlsx::Xlsx>),
    Xls(xls::Xls),
    Text(String),
}

impl Book {
    fn open(content: Vec<u8>, extension: &str, deadline: Deadline) -> Result<Self, SheetError> {
        if content.is_empty() {
            return Err(SheetError::Empty);
        }
        if content.starts_with(b"PK\x03\x04") || content.starts_with(b"PK\x05\x06") {
            return Ok(Self::Xlsx(Box::new(xlsx::Xlsx::open(content, deadline)?)));
        }
        if content.starts_with(&ole::SIGNATURE) {
            return Ok(Self::Xls(xls::Xls::open(&content, extension, deadline)?));
        }
        if let Some(looks_like) = LooksLike::by_first_bytes(&content) {
            return Err(SheetError::NotASpreadsheet { looks_like });
        }
        Ok(Self::Text(text::decode(&content)?))
    }

    fn sheets(&self) -> Vec<SheetName> {
        match self {
            Self::Xlsx(book) => book.sheets(),
            Self::Xls(book) => book.sheets(),
            Self::Text(_) => Vec::new(),
        }
    }

    fn grid(&mut self, index: usize, wanted: Wanted, by: Deadline) -> Result<Grid, SheetError> {
        match self {
            Self::Xlsx(book) => book.grid(index, wanted, by),
            Self::Xls(book) => book.grid(index, wanted, by),
            Self::Text(_) => Ok(Grid::default()),
        }
    }
}

/// Picks the sheet to read: the named one, or the visible one whose header knows most. Also names
/// the other sheets that have known columns, so that nobody thinks they were read too.
fn choose(
    book: &mut Book,
    names: &[SheetName],
    options: &Options<'_>,
    deadline: Deadline,
) -> Result<(usize, Vec<String>), SheetError> {
    if let Some(wanted) = &options.sheet {
        let fold = heading::fold(wanted);
        let chosen = names
            .iter()
            .position(|sheet| sheet.name == *wanted)
            .or_else(|| {
                names
                    .iter()
                    .position(|sheet| heading::fold(&sheet.name) == fold)
            });
        return chosen
            .map(|index| (index, Vec::new()))
            .ok_or_else(|| SheetError::NoSuchSheet {
                wanted: wanted.clone(),
                sheets: names.iter().map(|sheet| sheet.name.clone()).collect(),
            });
    }
    let mut seen_sheets = Vec::new();
    let mut found: Vec<(usize, Header, bool)> = Vec::new();
    for (index, _) in names
        .iter()
        .enumerate()
        .filter(|(_, sheet)| sheet.is_visible)
    {
        deadline.check()?;
        let grid = book.grid(index, Wanted::Head, deadline)?;
        match header::find(&grid.rows, options.headings) {
            Some(header) => {
                let has_rows = grid.rows.len() > header.last + 1;
                found.push((index, header, has_rows));
            }
            None => seen_sheets.push(seen(&grid)),
        }
    }
    let best = found
        .iter()
        .max_by_key(|(index, header, has_rows)| {
            (header.score, *has_rows, std::cmp::Reverse(*index))
        })
        .map(|(index, ..)| *index)
        .ok_or(SheetError::NoKnownColumn { seen: seen_sheets })?;
    let unread = found
        .iter()
        .filter(|(index, _, has_rows)| *index != best && *has_rows)
        .filter_map(|(index, ..)| names.get(*index).map(|sheet| sheet.name.clone()))
        .collect();
    Ok((best, unread))
}

/// What a person would call the headings of a sheet that has none that is known.
fn seen(grid: &Grid) -> SeenSheet {
    SeenSheet {
        sheet: grid.name.clone(),
        headings: header::likely_headings(&grid.rows),
    }
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, SheetError> {
    let failed = |source| SheetError::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    let mut content = Vec::new();
    file.take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut content)
        .map_err(failed)?;
    let length = u64::try_from(content.len()).unwrap_or(u64::MAX);
    if length > FILE_BYTES_MAX {
        return Err(SheetError::TooLarge {
            what: Bound::FileBytes,
            limit: FILE_BYTES_MAX,
        });
    }
    Ok(content)
}

//! Workbooks of Excel 5 to 2003 (XLS).
//!
//! Guarantees the same as for the newer ones: memory only for what is there, kept values of
//! formulas, dates in both epochs. WPS's own files and whatever else lies in a compound file are
//! refused with a word on what they are.

mod records;

use super::SheetName;
use super::cell::Cell;
use super::date::{Date, Epoch};
use super::error::{Bound, LooksLike, SheetError};
use super::grid::{Grid, GridBuilder, Merge, Wanted};
use super::limits::{Deadline, MERGES_MAX, STYLES_MAX};
use super::ole::{Compound, u16_at, u32_at};
use super::xlsx::check_count;
use super::xlsx::format::{is_built_in_date, shows_date};
use records::{Coding, Record, Records, TextReader};

/// An opened workbook.
#[derive(Debug)]
pub(crate) struct Xls {
    stream: Vec<u8>,
    sheets: Vec<SheetStart>,
    strings: Vec<String>,
    /// For each cell style, whether it shows a date.
    date_styles: Vec<bool>,
    epoch: Epoch,
    coding: Coding,
}

/// A sheet and where in the stream it begins.
#[derive(Debug)]
struct SheetStart {
    name: SheetName,
    at: usize,
}

/// The kinds of record that are read, by their numbers in the file.
mod kind {
    pub(super) const FORMULA: u16 = 0x0006;
    pub(super) const END: u16 = 0x000A;
    pub(super) const DATE_MODE: u16 = 0x0022;
    pub(super) const PASSWORD: u16 = 0x002F;
    pub(super) const CODE_PAGE: u16 = 0x0042;
    pub(super) const SHEET: u16 = 0x0085;
    pub(super) const SMALL_NUMBERS: u16 = 0x00BD;
    pub(super) const RICH_LABEL: u16 = 0x00D6;
    pub(super) const STYLE: u16 = 0x00E0;
    pub(super) const MERGES: u16 = 0x00E5;
    pub(super) const SHARED_STRINGS: u16 = 0x00FC;
    pub(super) const SHARED_LABEL: u16 = 0x00FD;
    pub(super) const NUMBER: u16 = 0x0203;
    pub(super) const LABEL: u16 = 0x0204;
    pub(super) const FLAG_OR_ERROR: u16 = 0x0205;
    pub(super) const FORMULA_TEXT: u16 = 0x0207;
    pub(super) const SMALL_NUMBER: u16 = 0x027E;
    pub(super) const FORMAT: u16 = 0x041E;
    pub(super) const BEGIN: u16 = 0x0809;
}

/// The version number of Excel 97 and later, and that of Excel 5 and 95.
const VERSION_97: u16 = 0x0600;
const VERSION_5: u16 = 0x0500;

impl Xls {
    /// Opens a workbook: its list of sheets, its shared texts, its date styles.
    pub(crate) fn open(content: &[u8], extension: &str, by: Deadline) -> Result<Self, SheetError> {
        let file = Compound::open(content)?;
        let looks_like = |looks_like| Err(SheetError::NotASpreadsheet { looks_like });
        if file.has("EncryptedPackage") {
            return Err(SheetError::Encrypted);
        }
        // WPS names its own files so; some have a stream of this name that is not quite the same.
        if matches!(extension, "et" | "ett" | "wps" | "wpt" | "dps") {
            return looks_like(LooksLike::Wps);
        }
        let stream = match file.stream("Workbook")? {
            Some(stream) => Some(stream),
            None => file.stream("Book")?,
        };
        let Some(stream) = stream else {
            let has_any = |names: &[&str]| names.iter().any(|name| file.has(name));
            return looks_like(if has_any(&["WordDocument", "PowerPoint Document"]) {
                LooksLike::Word
            } else if has_any(&["WpsContent", "ETContent", "WpsCustomData"]) {
                LooksLike::Wps
            } else {
                LooksLike::Unknown
            });
        };
        let mut book = Self {
            stream: Vec::new(),
            sheets: Vec::new(),
            strings: Vec::new(),
            date_styles: Vec::new(),
            epoch: Epoch::Year1900,
            coding: Coding::Flagged,
        };
        book.read_globals(&stream, by)?;
        book.stream = stream;
        Ok(book)
    }

    /// Returns the sheets in the order of their tabs.
    pub(crate) fn sheets(&self) -> Vec<SheetName> {
        self.sheets.iter().map(|sheet| sheet.name.clone()).collect()
    }

    /// Reads what stands before the sheets.
    fn read_globals(&mut self, stream: &[u8], by: Deadline) -> Result<(), SheetError> {
        match u16_at(stream, 0)? {
            kind::BEGIN => {}
            0x0009 | 0x0209 | 0x0409 => {
                return Err(SheetError::NotASpreadsheet {
                    looks_like: LooksLike::OldExcel,
                });
            }
            _ => return Err(damaged("no workbook in it")),
        }
        let mut formats: Vec<(u16, bool)> = Vec::new();
        let mut style_formats: Vec<u16> = Vec::new();
        for record in Records::new(stream) {
            let record = record?;
            match record.kind {
                kind::BEGIN => match u16_at(record.bytes, 0)? {
                    VERSION_97 => {}
                    VERSION_5 => self.coding = Coding::of_code_page(0),
                    _ => {
                        let looks_like = LooksLike::OldExcel;
                        return Err(SheetError::NotASpreadsheet { looks_like });
                    }
                },
                kind::CODE_PAGE if matches!(self.coding, Coding::Bytes(_)) => {
                    self.coding = Coding::of_code_page(u16_at(record.bytes, 0)?);
                }
                kind::PASSWORD => return Err(SheetError::Encrypted),
                kind::DATE_MODE if u16_at(record.bytes, 0)? == 1 => self.epoch = Epoch::Year1904,
                kind::FORMAT => {
                    let mut reader = TextReader::new(&record, 2, self.coding);
                    let code = match self.coding {
                        Coding::Flagged => reader.long_text()?,
                        Coding::Bytes(_) => reader.short_text()?,
                    };
                    formats.push((u16_at(record.bytes, 0)?, shows_date(&code)));
                }
                kind::STYLE => style_formats.push(u16_at(record.bytes, 2)?),
                kind::SHEET => {
                    self.sheets.extend(sheet(&record, self.coding)?);
                    check_count(self.sheets.len())?;
                }
                kind::SHARED_STRINGS => self.strings = records::shared_strings(&record, by)?,
                kind::END => break,
                _ => {}
            }
            if style_formats.len() > STYLES_MAX || formats.len() > STYLES_MAX {
                let limit = u64::try_from(STYLES_MAX).unwrap_or(u64::MAX);
                return Err(SheetError::TooLarge {
                    what: Bound::Styles,
                    limit,
                });
            }
        }
        // Later definitions of a format stand; looking them up from a map keeps this quick.
        let formats: std::collections::HashMap<u16, bool> = formats.into_iter().collect();
        let shows = |format: u16| {
            formats
                .get(&format)
                .copied()
                .unwrap_or_else(|| is_built_in_date(u32::from(format)))
        };
        self.date_styles = style_formats.into_iter().map(shows).collect();
        Ok(())
    }

    /// Reads a sheet.
    pub(crate) fn grid(
        &self,
        index: usize,
        wanted: Wanted,
        deadline: Deadline,
    ) -> Result<Grid, SheetError> {
        let Some(sheet) = self.sheets.get(index) else {
            return Ok(Grid::default());
        };
        let mut builder = GridBuilder::new(&sheet.name.name, wanted, deadline);
        let mut merges = Vec::new();
        let mut depth = 0_u32;
        let mut formula_at = None;
        let from = self
            .stream
            .get(sheet.at..)
            .ok_or_else(|| damaged("sheet beyond the end"))?;
        for record in Records::new(from) {
            let record = record?;
            match record.kind {
                kind::BEGIN => depth += 1,
                kind::END => depth = depth.saturating_sub(1),
                // Charts inside a sheet have records like its cells; they are one level deeper.
                _ if depth > 1 => continue,
                kind::MERGES => read_merges(&record, &mut merges)?,
                kind::FORMULA => {
                    let (line, column) = place(&record)?;
                    formula_at = Some((line, column));
                    builder.put(line, column, self.formula(&record)?)?;
                }
                kind::FORMULA_TEXT => {
                    if let Some((line, column)) = formula_at.take() {
                        builder.put(
                            line,
                            column,
                            Cell::text(TextReader::new(&record, 0, self.coding).long_text()?),
                        )?;
                    }
                }
                kind::SMALL_NUMBERS => self.small_numbers(&record, &mut builder)?,
                _ => {
                    if let Some(cell) = self.cell(&record)? {
                        let (line, column) = place(&record)?;
                        builder.put(line, column, cell)?;
                    }
                }
            }
            if depth == 0 || builder.is_full() {
                break;
            }
        }
        Ok(builder.finish(merges))
    }

    /// Returns the cell of a record that holds one.
    fn cell(&self, record: &Record<'_>) -> Result<Option<Cell>, SheetError> {
        let bytes = record.bytes;
        Ok(match record.kind {
            kind::NUMBER => Some(self.number(f64_at(bytes, 6)?, u16_at(bytes, 4)?)),
            kind::SMALL_NUMBER => Some(self.number(small(u32_at(bytes, 6)?), u16_at(bytes, 4)?)),
            kind::SHARED_LABEL => {
                let at = usize::try_from(u32_at(bytes, 6)?).unwrap_or(usize::MAX);
                self.strings.get(at).map(Cell::text)
            }
            kind::LABEL | kind::RICH_LABEL => Some(Cell::text(
                TextReader::new(record, 6, self.coding).long_text()?,
            )),
            kind::FLAG_OR_ERROR => match bytes {
                [_, _, _, _, _, _, value, 0, ..] => Some(Cell::Flag(*value != 0)),
                [_, _, _, _, _, _, value, ..] => Some(Cell::Error(error_name(*value).to_owned())),
                _ => return Err(damaged("cell too short")),
            },
            _ => None,
        })
    }

    /// The value kept with a formula; a text follows in a record of its own.
    fn formula(&self, record: &Record<'_>) -> Result<Cell, SheetError> {
        let bytes = record.bytes;
        if u16_at(bytes, 12)? != 0xFFFF {
            return Ok(self.number(f64_at(bytes, 6)?, u16_at(bytes, 4)?));
        }
        Ok(match (bytes.get(6), bytes.get(8)) {
            (Some(1), Some(value)) => Cell::Flag(*value != 0),
            (Some(2), Some(value)) => Cell::Error(error_name(*value).to_owned()),
            _ => Cell::Empty,
        })
    }

    fn number(&self, number: f64, style: u16) -> Cell {
        if self
            .date_styles
            .get(usize::from(style))
            .copied()
            .unwrap_or(false)
        {
            return Date::from_serial(number, self.epoch)
                .map_or_else(|| Cell::number(number), Cell::Date);
        }
        Cell::number(number)
    }

    /// Several numbers of one line in one record.
    fn small_numbers(
        &self,
        record: &Record<'_>,
        builder: &mut GridBuilder,
    ) -> Result<(), SheetError> {
        let (line, first) = place(record)?;
        let last_two = record.bytes.len().saturating_sub(2);
        let pairs = record
            .bytes
            .get(4..last_two)
            .ok_or_else(|| damaged("cells too short"))?;
        for (column, pair) in (first..).zip(pairs.chunks_exact(6)) {
            builder.put(
                line,
                column,
                self.number(small(u32_at(pair, 2)?), u16_at(pair, 0)?),
            )?;
        }
        Ok(())
    }
}

/// The line from 1 and the column from 0 that a cell's record begins with.
fn place(record: &Record<'_>) -> Result<(u32, u32), SheetError> {
    Ok((
        u32::from(u16_at(record.bytes, 0)?) + 1,
        u32::from(u16_at(record.bytes, 2)?),
    ))
}

fn sheet(record: &Record<'_>, coding: Coding) -> Result<Option<SheetStart>, SheetError> {
    let at = usize::try_from(u32_at(record.bytes, 0)?).unwrap_or(usize::MAX);
    let [_, _, _, _, state, what, ..] = record.bytes else {
        return Err(damaged("sheet too short"));
    };
    // Anything but a worksheet (a chart, a macro) holds no table.
    if *what != 0 {
        return Ok(None);
    }
    let name = TextReader::new(record, 6, coding).short_text()?;
    Ok(Some(SheetStart {
        name: SheetName {
            name,
            is_visible: state & 0x3F == 0,
        },
        at,
    }))
}

fn read_merges(record: &Record<'_>, merges: &mut Vec<Merge>) -> Result<(), SheetError> {
    let ranges = record.bytes.get(2..).unwrap_or_default().chunks_exact(8);
    for range in ranges.take(usize::from(u16_at(record.bytes, 0)?)) {
        if merges.len() < MERGES_MAX {
            merges.push(Merge {
                top: u32::from(u16_at(range, 0)?) + 1,
                bottom: u32::from(u16_at(range, 2)?) + 1,
                left: u32::from(u16_at(range, 4)?),
                right: u32::from(u16_at(range, 6)?),
            });
        }
    }
    Ok(())
}

/// A number packed into 30 bits: a whole number or the upper part of a float, perhaps hundredfold.
fn small(packed: u32) -> f64 {
    let value = if packed & 2 == 0 {
        f64::from_bits(u64::from(packed & !3) << 32)
    } else {
        f64::from(packed.cast_signed() >> 2)
    };
    if packed & 1 == 0 {
        value
    } else {
        value / 100.0
    }
}

fn f64_at(bytes: &[u8], at: usize) -> Result<f64, SheetError> {
    let eight = bytes.get(at..).and_then(<[u8]>::first_chunk);
    eight
        .map(|eight| f64::from_le_bytes(*eight))
        .ok_or_else(|| damaged("number too short"))
}

fn error_name(code: u8) -> &'static str {
    match code {
        0x00 => "#NULL!",
        0x07 => "#DIV/0!",
        0x0F => "#VALUE!",
        0x17 => "#REF!",
        0x1D => "#NAME?",
        0x24 => "#NUM!",
        _ => "#N/A",
    }
}

fn damaged(detail: &str) -> SheetError {
    SheetError::Damaged {
        part: "Workbook".to_owned(),
        detail: detail.to_owned(),
    }
}

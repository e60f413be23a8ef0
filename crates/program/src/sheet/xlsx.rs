//! Workbooks of Excel 2007 and later (XLSX, XLSM), read part by part.
//!
//! Guarantees that memory is taken for what is there and never for what a part says of itself, that
//! formulas give the value that was kept with them, and that cells that show a date are dates in
//! both epochs. It reads by itself because a general reader takes memory for counts and styles
//! before a limit of ours can act; the tests hold it against one.

pub(in crate::sheet) mod format;
mod part;
mod strings;

use super::SheetName;
use super::cell::Cell;
use super::date::{Date, Epoch};
use super::error::{Bound, LooksLike, SheetError};
use super::grid::{Grid, GridBuilder, Merge, Wanted};
use super::letters::position;
use super::limits::{ARCHIVE_ENTRIES_MAX, Deadline, MERGES_MAX};
use super::package::Package;
use format::date_styles;
use part::{Part, Token};

/// An opened workbook.
#[derive(Debug)]
pub(crate) struct Xlsx {
    package: Package,
    sheets: Vec<SheetPart>,
    strings: Vec<String>,
    /// For each cell style, whether it shows a date.
    date_styles: Vec<bool>,
    epoch: Epoch,
}

/// A sheet and the part that holds it.
#[derive(Debug, Clone)]
struct SheetPart {
    name: SheetName,
    path: String,
}

/// A relationship of a part to another.
struct Relationship {
    id: String,
    kind: String,
    target: String,
}

impl Xlsx {
    /// Opens a workbook: its list of sheets, its shared texts, its date styles.
    pub(crate) fn open(content: Vec<u8>, deadline: Deadline) -> Result<Self, SheetError> {
        let mut package = Package::open(content, deadline)?;
        if package.has("encryptedpackage") {
            return Err(SheetError::Encrypted);
        }
        let workbook_path = workbook_path(&mut package)?;
        let Some(workbook) = package.text(&workbook_path)? else {
            return Err(SheetError::NotASpreadsheet {
                looks_like: package.looks_like(),
            });
        };
        let relationships = relationships(&mut package, &workbook_path)?;
        let part_of = |kind: &str| {
            let found = relationships
                .iter()
                .find(|relationship| relationship.kind.ends_with(kind));
            found.map(|relationship| relationship.target.clone())
        };
        let (sheets, epoch) = sheets(&workbook, &workbook_path, &relationships)?;
        let mut strings = Vec::new();
        if let Some(path) = part_of("/sharedStrings")
            && let Some(text) = package.text(&path)?
        {
            strings = strings::shared(&text, &path, deadline)?;
        }
        let mut styles = Vec::new();
        if let Some(path) = part_of("/styles")
            && let Some(text) = package.text(&path)?
        {
            styles = date_styles(&text, &path)?;
        }
        Ok(Self {
            package,
            sheets,
            strings,
            date_styles: styles,
            epoch,
        })
    }

    /// Returns the sheets in the order of their tabs.
    pub(crate) fn sheets(&self) -> Vec<SheetName> {
        self.sheets.iter().map(|sheet| sheet.name.clone()).collect()
    }

    /// Reads a sheet.
    pub(crate) fn grid(
        &mut self,
        index: usize,
        wanted: Wanted,
        deadline: Deadline,
    ) -> Result<Grid, SheetError> {
        let Some(sheet) = self.sheets.get(index) else {
            return Ok(Grid::default());
        };
        let mut builder = GridBuilder::new(&sheet.name.name, wanted, deadline);
        let Some(text) = self.package.text(&sheet.path)? else {
            return Ok(builder.finish(Vec::new()));
        };
        let mut part = Part::new(&text, &sheet.path);
        let mut merges = Vec::new();
        let mut line: u32 = 0;
        let mut column: u32 = 0;
        while !builder.is_full() {
            match part.next()? {
                Token::Open(tag) if tag.is("row") => {
                    line = tag.number("r").unwrap_or_else(|| line.saturating_add(1));
                    column = 0;
                }
                Token::Open(tag) if tag.is("c") => {
                    // A cell without a reference stands after the one before it.
                    let (at_line, at_column) = tag
                        .value("r")
                        .and_then(|place| position(&place))
                        .unwrap_or((line, column));
                    column = at_column.saturating_add(1);
                    let kind = tag.value("t");
                    let style = tag
                        .number("s")
                        .and_then(|style| usize::try_from(style).ok());
                    let is_date = style
                        .and_then(|style| self.date_styles.get(style))
                        .copied()
                        .unwrap_or(false);
                    let raw = if tag.is_empty {
                        Raw::default()
                    } else {
                        raw_cell(&mut part)?
                    };
                    let cell = self.cell(raw, kind.as_deref(), is_date);
                    builder.put(at_line, at_column, cell)?;
                }
                Token::Open(tag) if tag.is("mergeCell") && merges.len() < MERGES_MAX => {
                    merges.extend(tag.value("ref").and_then(|range| merge(&range)));
                }
                Token::End => break,
                Token::Open(_) | Token::Close(_) | Token::Text(_) => {}
            }
        }
        Ok(builder.finish(merges))
    }

    fn cell(&self, raw: Raw, kind: Option<&str>, is_date: bool) -> Cell {
        match kind {
            Some("inlineStr") => Cell::text(raw.inline),
            Some("str") => Cell::text(strings::unescaped(&raw.value)),
            Some("s") => {
                let text = raw
                    .value
                    .trim()
                    .parse()
                    .ok()
                    .and_then(|at: usize| self.strings.get(at));
                text.map_or(Cell::Empty, Cell::text)
            }
            Some("b") => match raw.value.trim() {
                "" => Cell::Empty,
                "0" | "false" => Cell::Flag(false),
                _ => Cell::Flag(true),
            },
            Some("e") => Cell::Error(raw.value),
            Some("d") => Date::parse(&raw.value).map_or_else(|| Cell::text(raw.value), Cell::Date),
            _ => match raw.value.trim().parse::<f64>() {
                Ok(number) if is_date => Date::from_serial(number, self.epoch)
                    .map_or_else(|| Cell::number(number), Cell::Date),
                Ok(number) => Cell::number(number),
                Err(_not_a_number) => Cell::text(raw.value),
            },
        }
    }
}

/// What stands inside a cell before its kind is minded.
#[derive(Default)]
struct Raw {
    value: String,
    inline: String,
}

/// Reads to the end of a cell: its value, or its text where it lies in the cell itself.
fn raw_cell(part: &mut Part<'_>) -> Result<Raw, SheetError> {
    let mut raw = Raw::default();
    loop {
        match part.next()? {
            Token::Open(tag) if tag.is("v") && !tag.is_empty => raw.value = part.text_until("v")?,
            Token::Open(tag) if tag.is("is") && !tag.is_empty => {
                raw.inline = strings::rich_text(part, "is")?;
            }
            Token::Open(tag) if !tag.is_empty => part.skip(&tag)?,
            Token::Close(name) if name == "c" => return Ok(raw),
            Token::End => return Err(part.damaged("cell not closed")),
            Token::Open(_) | Token::Close(_) | Token::Text(_) => {}
        }
    }
}

fn merge(range: &str) -> Option<Merge> {
    let (first, last) = range.split_once(':')?;
    let (top, left) = position(first)?;
    let (bottom, right) = position(last)?;
    Some(Merge {
        top,
        bottom,
        left,
        right,
    })
}

/// Finds the workbook part by the package's relationships, else at its usual place.
fn workbook_path(package: &mut Package) -> Result<String, SheetError> {
    let found = relationships(package, "")?
        .into_iter()
        .find(|relationship| relationship.kind.ends_with("/officeDocument"))
        .map(|relationship| relationship.target);
    let path = found.unwrap_or_else(|| "xl/workbook.xml".to_owned());
    if path.to_lowercase().ends_with(".bin") {
        return Err(SheetError::NotASpreadsheet {
            looks_like: LooksLike::BinaryWorkbook,
        });
    }
    if path.to_lowercase().contains("word/") || path.to_lowercase().contains("ppt/") {
        return Err(SheetError::NotASpreadsheet {
            looks_like: LooksLike::Word,
        });
    }
    Ok(path)
}

/// Reads the relationships of a part, the targets as paths in the package.
fn relationships(package: &mut Package, of: &str) -> Result<Vec<Relationship>, SheetError> {
    let (folder, name) = of.rsplit_once('/').unwrap_or(("", of));
    let path = format!("{folder}/_rels/{name}.rels");
    let Some(text) = package.text(&path)? else {
        return Ok(Vec::new());
    };
    let mut part = Part::new(&text, &path);
    let mut found = Vec::new();
    loop {
        match part.next()? {
            Token::Open(tag) if tag.is("Relationship") => {
                if let (Some(id), Some(kind), Some(target)) =
                    (tag.value("Id"), tag.value("Type"), tag.value("Target"))
                {
                    let target = resolve(folder, &target);
                    found.push(Relationship { id, kind, target });
                    check_count(found.len())?;
                }
            }
            Token::End => return Ok(found),
            Token::Open(_) | Token::Close(_) | Token::Text(_) => {}
        }
    }
}

/// Makes a path of a target, which is from the root or from the folder of the part it stands in.
fn resolve(folder: &str, target: &str) -> String {
    let target = target.replace('\\', "/");
    let from_root = target.starts_with('/');
    let mut steps: Vec<&str> = if from_root {
        Vec::new()
    } else {
        folder.split('/').collect()
    };
    for step in target.split('/') {
        match step {
            "" | "." => {}
            ".." => {
                steps.pop();
            }
            step => steps.push(step),
        }
    }
    steps.retain(|step| !step.is_empty());
    steps.join("/")
}

/// Reads the list of sheets and the epoch from the workbook part.
fn sheets(
    workbook: &str,
    path: &str,
    relationships: &[Relationship],
) -> Result<(Vec<SheetPart>, Epoch), SheetError> {
    let mut part = Part::new(workbook, path);
    let mut sheets = Vec::new();
    let mut epoch = Epoch::Year1900;
    let mut is_workbook = false;
    loop {
        match part.next()? {
            Token::Open(tag) if tag.is("workbook") => is_workbook = true,
            Token::Open(tag) if tag.is("workbookPr") => {
                if matches!(tag.value("date1904").as_deref(), Some("1" | "true" | "on")) {
                    epoch = Epoch::Year1904;
                }
            }
            Token::Open(tag) if tag.is("sheet") => {
                let id = tag.value("id").unwrap_or_default();
                let related = relationships
                    .iter()
                    .find(|relationship| relationship.id == id);
                // Chart sheets and old macro sheets stand in the same list and hold no table.
                if let Some(related) =
                    related.filter(|related| related.kind.ends_with("/worksheet"))
                {
                    let is_visible =
                        !matches!(tag.value("state").as_deref(), Some("hidden" | "veryHidden"));
                    let name = tag.value("name").unwrap_or_default();
                    sheets.push(SheetPart {
                        name: SheetName { name, is_visible },
                        path: related.target.clone(),
                    });
                    check_count(sheets.len())?;
                }
            }
            Token::End if is_workbook => return Ok((sheets, epoch)),
            Token::End => return Err(part.damaged("no workbook in it")),
            Token::Open(_) | Token::Close(_) | Token::Text(_) => {}
        }
    }
}

/// Refuses more sheets or relationships than an archive may have parts.
pub(in crate::sheet) fn check_count(count: usize) -> Result<(), SheetError> {
    if count > ARCHIVE_ENTRIES_MAX {
        let limit = u64::try_from(ARCHIVE_ENTRIES_MAX).unwrap_or(u64::MAX);
        return Err(SheetError::TooLarge {
            what: Bound::ArchiveEntries,
            limit,
        });
    }
    Ok(())
}

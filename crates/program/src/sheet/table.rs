//! A table with known columns, ready for the importer.
//!
//! Guarantees that each row has one cell a column and the line a person finds it at, that each
//! field has one column at most, and that whatever was left out is counted or named.

use std::collections::{BTreeMap, BTreeSet};

use unicode_normalization::UnicodeNormalization;

use super::cell::{Cell, is_unseen};
use super::date::{Date, find_dates};
use super::error::{Bound, SheetError};
use super::grid::{Grid, GridRow, Merge};
use super::header::Header;
use super::heading::{HeadingIndex, Match};
use super::letters::letters;
use super::limits::{Deadline, TEXT_BYTES_MAX};

/// A table read from a sheet.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// The sheet's name; of a text table the file's name without its ending.
    pub sheet: String,
    /// The line of the header's last row, from 1.
    pub header_line: u32,
    /// The columns with a heading or with content, from the left.
    pub columns: Vec<Column>,
    /// The rows that are neither blank nor totals.
    pub rows: Vec<Row>,
    /// The lines that sum others up.
    pub totals: Vec<Row>,
    /// A date found in the lines above the header, as `YYYY-MM-DD`.
    pub statement_date: Option<String>,
    /// The headings that are not known; a column without a heading by its letters, as `(F)`.
    pub unknown: Vec<String>,
    /// How many lines below the header have nothing on them, up to the last line with content.
    pub blank: u32,
    /// Other visible sheets that have known columns and lines below them, and were not read.
    pub unread: Vec<String>,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its place in the sheet, from 0.
    pub index: u32,
    /// Its heading as typed, without line breaks.
    pub heading: String,
    /// The field it gives, if it is known.
    pub field: Option<String>,
    /// How surely it is known; `Similar` is worth telling people.
    pub matched: Option<Match>,
    /// Whether it only numbers the rows.
    pub is_row_number: bool,
}

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The line in the sheet, from 1; in a text table the record's number.
    pub line: u32,
    /// One cell for each of the table's columns.
    pub cells: Vec<Cell>,
}

impl Row {
    /// Whether a line of totals sums up all others, and not those of a page or a part.
    #[must_use]
    pub fn is_grand_total(&self) -> bool {
        let word = self.cells.iter().find(|cell| !cell.is_blank());
        let word = word.map(|cell| folded(&cell.to_text())).unwrap_or_default();
        let is_part = ["本页", "以上", "累计", "subtotal"]
            .iter()
            .any(|part| word.contains(part));
        !is_part && !word.contains("小计")
    }
}

impl Table {
    /// Returns the position in `columns` and in each row's cells of a field's column.
    #[must_use]
    pub fn column_of(&self, field: &str) -> Option<usize> {
        self.columns
            .iter()
            .position(|column| column.field.as_deref() == Some(field))
    }

    /// Returns the cell of a row for a field; empty when no column gives it.
    #[must_use]
    pub fn cell<'t>(&'t self, row: &'t Row, field: &str) -> &'t Cell {
        self.column_of(field)
            .and_then(|at| row.cells.get(at))
            .unwrap_or(&Cell::Empty)
    }
}

/// Makes the table of a sheet whose header was found.
pub(crate) fn build(
    grid: Grid,
    header: Header,
    index: &HeadingIndex,
    unread: Vec<String>,
    by: Deadline,
) -> Result<Table, SheetError> {
    let mut grid = grid;
    let mut below = grid.rows.split_off((header.last + 1).min(grid.rows.len()));
    let header_line = grid.rows.get(header.last).map_or(0, |row| row.line);
    let above = grid.rows.get(..header.first).unwrap_or_default();
    let statement_date = statement_date(above).map(|date| date.to_string());
    fill_merged(&mut below, &grid.merges, by)?;
    let columns = columns(&header, &below, index);
    let unknown = columns
        .iter()
        .filter(|column| column.field.is_none() && !column.is_row_number)
        .map(|column| match column.heading.as_str() {
            "" => format!("({})", letters(column.index)),
            heading => heading.to_owned(),
        })
        .collect();
    let last_line = below.last().map_or(header_line, |row| row.line);
    let lines = u32::try_from(below.len()).unwrap_or(u32::MAX);
    let (mut rows, mut totals) = (Vec::with_capacity(below.len()), Vec::new());
    for row in below {
        let of = if is_totals(&row) {
            &mut totals
        } else {
            &mut rows
        };
        of.push(spread(row, &columns));
    }
    let sheet = grid.name;
    Ok(Table {
        sheet,
        header_line,
        columns,
        rows,
        totals,
        statement_date,
        unknown,
        blank: last_line.saturating_sub(header_line).saturating_sub(lines),
        unread,
    })
}

/// The columns of the header and those that only hold content.
fn columns(header: &Header, below: &[GridRow], index: &HeadingIndex) -> Vec<Column> {
    let mut by_index: BTreeMap<u32, Column> = BTreeMap::new();
    for head in &header.columns {
        let field = head
            .known
            .and_then(|(field, _)| index.field(field))
            .map(str::to_owned);
        by_index.insert(
            head.index,
            Column {
                index: head.index,
                heading: head.heading.clone(),
                matched: head.known.map(|(_, matched)| matched),
                is_row_number: field.is_none() && head.is_row_number,
                field,
            },
        );
    }
    let filled: BTreeSet<u32> = below
        .iter()
        .flat_map(|row| row.cells.iter())
        .filter(|(_, cell)| !cell.is_blank())
        .map(|(column, _)| *column)
        .collect();
    for index in filled {
        by_index.entry(index).or_insert_with(|| Column {
            index,
            heading: String::new(),
            field: None,
            matched: None,
            is_row_number: false,
        });
    }
    by_index.into_values().collect()
}

fn spread(row: GridRow, columns: &[Column]) -> Row {
    let mut cells = row.cells.into_iter().peekable();
    let mut spread = Vec::with_capacity(columns.len());
    for column in columns {
        while cells.next_if(|(index, _)| *index < column.index).is_some() {}
        let cell = cells.next_if(|(index, _)| *index == column.index);
        spread.push(cell.map_or(Cell::Empty, |(_, cell)| cell));
    }
    Row {
        line: row.line,
        cells: spread,
    }
}

/// Gives each line of a column that is merged downwards the text that people see beside it.
///
/// Only texts and dates: a number merged over lines is their sum as often as it is each one's.
fn fill_merged(rows: &mut [GridRow], merges: &[Merge], by: Deadline) -> Result<(), SheetError> {
    let mut added_bytes: usize = 0;
    for merge in merges
        .iter()
        .filter(|merge| merge.bottom > merge.top && merge.left == merge.right)
    {
        by.check()?;
        let from = rows.partition_point(|row| row.line < merge.top);
        let to = rows.partition_point(|row| row.line <= merge.bottom);
        let Some((first, others)) = rows
            .get_mut(from..to)
            .and_then(<[GridRow]>::split_first_mut)
        else {
            continue;
        };
        if first.line != merge.top {
            continue;
        }
        let Some(cell @ (Cell::Text(_) | Cell::Date(_))) = first.cell(merge.left).cloned() else {
            continue;
        };
        for row in others {
            if let Err(at) = row
                .cells
                .binary_search_by_key(&merge.left, |(column, _)| *column)
            {
                row.cells.insert(at, (merge.left, cell.clone()));
                added_bytes += size_of::<(u32, Cell)>() + cell.to_text().len();
            }
        }
        if added_bytes > TEXT_BYTES_MAX {
            let limit = u64::try_from(TEXT_BYTES_MAX).unwrap_or(u64::MAX);
            return Err(SheetError::TooLarge {
                what: Bound::TextBytes,
                limit,
            });
        }
    }
    Ok(())
}

/// Tells whether a line sums the others up: the word for it first, and beside it figures at most.
fn is_totals(row: &GridRow) -> bool {
    let mut seen = row
        .cells
        .iter()
        .map(|(_, cell)| cell)
        .filter(|cell| !cell.is_blank());
    let is_word = matches!(seen.next(), Some(Cell::Text(text)) if is_totals_word(text));
    is_word && seen.all(is_figure)
}

fn is_totals_word(text: &str) -> bool {
    const WORDS: [&str; 9] = [
        "合计", "总计", "小计", "共计", "累计", "总和", "total", "subtotal", "sum",
    ];
    const BEFORE: [&str; 11] = [
        "本页",
        "本表",
        "以上",
        "全区",
        "全县",
        "全市",
        "全部",
        "本区",
        "本县",
        "本单位",
        "grand",
    ];
    let folded = folded(text);
    let bare = BEFORE
        .iter()
        .find_map(|before| folded.strip_prefix(before))
        .unwrap_or(&folded);
    let Some(rest) = WORDS.iter().find_map(|word| bare.strip_prefix(word)) else {
        return false;
    };
    rest.chars()
        .next()
        .is_none_or(|next| !next.is_alphanumeric() || next.is_ascii_digit())
}

/// A text as it is compared: of one width and case, without spaces.
fn folded(text: &str) -> String {
    text.nfkc()
        .filter(|letter| !is_unseen(*letter))
        .flat_map(char::to_lowercase)
        .collect()
}

/// Tells whether a cell beside the word can be a sum: a number of up to 15 digits, perhaps with a
/// unit. A credit code has 18, so a line with one is never taken for a total.
fn is_figure(cell: &Cell) -> bool {
    match cell {
        Cell::Empty | Cell::Number(_) | Cell::Error(_) => true,
        Cell::Date(_) | Cell::Flag(_) => false,
        Cell::Text(text) => {
            let folded: Vec<char> = text.nfkc().filter(|letter| !is_unseen(*letter)).collect();
            let digits = folded
                .iter()
                .filter(|letter| letter.is_ascii_digit())
                .count();
            let others = folded
                .iter()
                .filter(|letter| letter.is_alphabetic())
                .count();
            (digits > 0 || others == 0) && digits <= 15 && others <= 2
        }
    }
}

/// The date that the lines above the header state: the one called the figures' date, else the one
/// called the filling-in date, else the only one there is.
fn statement_date(above: &[GridRow]) -> Option<Date> {
    const FIGURES: [&str; 8] = [
        "数据日期",
        "数据时间",
        "统计日期",
        "统计时间",
        "截至",
        "截止",
        "asof",
        "统计时点",
    ];
    const FILLED: [&str; 8] = [
        "填报日期",
        "填报时间",
        "填表日期",
        "填表时间",
        "制表日期",
        "制表时间",
        "上报日期",
        "日期",
    ];
    let found: Vec<(String, Date)> = above.iter().flat_map(named_dates).collect();
    let named = |words: &[&str]| {
        found.iter().find_map(|(label, date)| {
            let folded = super::heading::fold(label);
            words
                .iter()
                .any(|word| folded.contains(word))
                .then_some(*date)
        })
    };
    let only = || {
        let days: BTreeSet<Date> = found.iter().map(|(_, date)| *date).collect();
        days.first().copied().filter(|_| days.len() == 1)
    };
    named(&FIGURES).or_else(|| named(&FILLED)).or_else(only)
}

/// The dates of one line, each with the words before it, which may stand in an earlier cell.
fn named_dates(row: &GridRow) -> Vec<(String, Date)> {
    let mut found = Vec::new();
    let mut words = String::new();
    for (_, cell) in &row.cells {
        match cell {
            Cell::Date(date) => found.push((std::mem::take(&mut words), *date)),
            Cell::Text(text) => {
                let dates = find_dates(text);
                if dates.is_empty() {
                    words.push_str(text);
                }
                for (label, date) in dates {
                    let label = std::mem::take(&mut words) + &label;
                    found.push((label, date));
                }
            }
            Cell::Empty | Cell::Number(_) | Cell::Flag(_) | Cell::Error(_) => {}
        }
    }
    found
}

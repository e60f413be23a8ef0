//! A sheet as it lies in the file: lines with content, before anything is known of its columns.
//!
//! Guarantees that lines and columns are in order, that only cells with content are kept, and that
//! every bound on rows, columns, cells and text is checked as each cell comes in.

use std::collections::BTreeMap;

use super::cell::Cell;
use super::error::{Bound, SheetError};
use super::letters::letters;
use super::limits::{
    CELL_CHARS_MAX, CELLS_MAX, COLUMNS_MAX, Deadline, HEADER_ROWS_MAX, ROWS_MAX, TEXT_BYTES_MAX,
};

/// How much of a sheet is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The lines in which a header may stand, and the next.
    Head,
    /// Everything.
    All,
}

/// One line with content.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GridRow {
    /// The line in the sheet, from 1.
    pub(crate) line: u32,
    /// The cells with content by column, from 0.
    pub(crate) cells: Vec<(u32, Cell)>,
}

impl GridRow {
    /// Returns the cell of a column.
    pub(crate) fn cell(&self, column: u32) -> Option<&Cell> {
        let at = self
            .cells
            .binary_search_by_key(&column, |(index, _)| *index)
            .ok()?;
        self.cells.get(at).map(|(_, cell)| cell)
    }
}

/// A range of cells shown as one; lines from 1, columns from 0, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Merge {
    pub(crate) top: u32,
    pub(crate) bottom: u32,
    pub(crate) left: u32,
    pub(crate) right: u32,
}

/// One sheet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Grid {
    pub(crate) name: String,
    pub(crate) rows: Vec<GridRow>,
    pub(crate) merges: Vec<Merge>,
}

/// Takes cells in any order and counts what they cost.
#[derive(Debug)]
pub(crate) struct GridBuilder {
    name: String,
    rows: BTreeMap<u32, Vec<(u32, Cell)>>,
    /// The last line on which something was seen, and how often that changed.
    seen_line: u32,
    seen_lines: usize,
    wanted: Wanted,
    /// Cells taken, empty ones included, for the clock; cells kept.
    taken: usize,
    cells: usize,
    text_bytes: usize,
    deadline: Deadline,
}

/// Cells between two looks at the clock.
const CELLS_PER_CHECK: usize = 4_096;

impl GridBuilder {
    pub(crate) fn new(name: &str, wanted: Wanted, deadline: Deadline) -> Self {
        Self {
            name: name.to_owned(),
            rows: BTreeMap::new(),
            seen_line: 0,
            seen_lines: 0,
            wanted,
            taken: 0,
            cells: 0,
            text_bytes: 0,
            deadline,
        }
    }

    /// Tells whether the lines that were wanted are there.
    pub(crate) fn is_full(&self) -> bool {
        self.wanted == Wanted::Head && self.seen_lines > HEADER_ROWS_MAX + 1
    }

    /// Takes a cell; a second one at the same place replaces the first.
    pub(crate) fn put(&mut self, line: u32, column: u32, cell: Cell) -> Result<(), SheetError> {
        if let Cell::Text(text) | Cell::Error(text) = &cell {
            self.text_bytes += text.len();
            if text.len() > CELL_CHARS_MAX && text.chars().count() > CELL_CHARS_MAX {
                return Err(SheetError::CellTooLong {
                    line,
                    column: letters(column),
                    limit: CELL_CHARS_MAX,
                });
            }
        }
        self.taken += 1;
        if self.taken.is_multiple_of(CELLS_PER_CHECK) {
            self.deadline.check()?;
        }
        if cell == Cell::Empty || (column >= COLUMNS_MAX && cell.is_blank()) {
            return Ok(());
        }
        self.cells += 1;
        let beyond = |what, limit: usize| {
            Err(SheetError::TooLarge {
                what,
                limit: u64::try_from(limit).unwrap_or(u64::MAX),
            })
        };
        if column >= COLUMNS_MAX {
            return Err(SheetError::TooLarge {
                what: Bound::Columns,
                limit: u64::from(COLUMNS_MAX),
            });
        }
        if self.cells > CELLS_MAX {
            return beyond(Bound::Cells, CELLS_MAX);
        }
        if self.text_bytes > TEXT_BYTES_MAX {
            return beyond(Bound::TextBytes, TEXT_BYTES_MAX);
        }
        if line != self.seen_line && !cell.is_blank() {
            self.seen_line = line;
            self.seen_lines += 1;
        }
        self.rows.entry(line).or_default().push((column, cell));
        if self.rows.len() > ROWS_MAX {
            return beyond(Bound::Rows, ROWS_MAX);
        }
        Ok(())
    }

    /// Puts the lines and columns in order and drops lines on which nothing is seen.
    pub(crate) fn finish(self, merges: Vec<Merge>) -> Grid {
        let ordered = |(line, mut cells): (u32, Vec<(u32, Cell)>)| {
            // Of two cells at one place the later one stands; the sort is stable.
            cells.reverse();
            cells.sort_by_key(|(column, _)| *column);
            cells.dedup_by_key(|(column, _)| *column);
            GridRow { line, cells }
        };
        let is_seen = |row: &GridRow| row.cells.iter().any(|(_, cell)| !cell.is_blank());
        let rows = self.rows.into_iter().map(ordered).filter(is_seen).collect();
        Grid {
            name: self.name,
            rows,
            merges,
        }
    }
}

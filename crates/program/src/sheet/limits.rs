//! The bounds of what a spreadsheet may be, and the clock that bounds reading it.
//!
//! Every bound is checked while reading, on what was really found and never on what a file says
//! of itself.

use std::time::{Duration, Instant};

use super::error::SheetError;

/// Largest file read: ten times the largest ledger seen, small enough to hold in memory.
pub const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Most parts in a workbook's archive; an office workbook has tens.
pub const ARCHIVE_ENTRIES_MAX: usize = 1_000;
/// Most bytes a workbook's archive may unpack to.
pub const UNPACKED_BYTES_MAX: u64 = 200 * 1024 * 1024;
/// Most times its own size a file may unpack to; sheets reach 40, bombs 1,000.
pub const UNPACK_RATIO_MAX: u64 = 100;
/// Below this the ratio says nothing: a sheet of formatted blanks packs well and harms nobody.
pub const UNPACK_RATIO_FREE_BYTES: u64 = 1024 * 1024;
/// Most lines with content: twice the organisations of a whole city.
pub const ROWS_MAX: usize = 200_000;
/// Most columns with content.
pub const COLUMNS_MAX: u32 = 500;
/// Longest text of one cell in characters: what Excel itself allows.
pub const CELL_CHARS_MAX: usize = 32_767;
/// Most cells with content: bounds memory where rows and columns alone would allow 100 million.
pub const CELLS_MAX: usize = 5_000_000;
/// Most bytes of text in all cells: one shared text can stand in every cell of a small file.
pub const TEXT_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Most merged ranges that are looked at; the rest of a sheet is read as it stands.
pub const MERGES_MAX: usize = 100_000;
/// Most distinct number formats of a workbook: Excel allows 65,490 cell styles.
pub const STYLES_MAX: usize = 70_000;
/// Rows with content in which the header is looked for.
pub const HEADER_ROWS_MAX: usize = 30;
/// Longest text that is taken for a heading, in characters.
pub const HEADING_CHARS_MAX: usize = 80;
/// Longest time that reading may take.
pub const READ_SECONDS_MAX: u64 = 30;

/// The moment at which reading gives up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    until: Instant,
}

impl Deadline {
    /// Starts the time that reading may take.
    pub(crate) fn start() -> Self {
        Self {
            until: Instant::now() + Duration::from_secs(READ_SECONDS_MAX),
        }
    }

    /// Refuses to go on once the time is over.
    pub(crate) fn check(self) -> Result<(), SheetError> {
        if Instant::now() > self.until {
            return Err(SheetError::TooSlow {
                seconds: READ_SECONDS_MAX,
            });
        }
        Ok(())
    }
}

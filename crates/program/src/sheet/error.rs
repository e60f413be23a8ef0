//! What can be wrong with a spreadsheet, in and out, with the facts.
//!
//! Guarantees that each failure has its own stable code and carries what a caller needs to act.

mod sentence;

use std::io;
use std::path::PathBuf;

/// Why a table could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SheetError {
    /// The file cannot be opened or read.
    #[error("spreadsheet not readable")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The content is something else.
    #[error("not a spreadsheet that is read here")]
    NotASpreadsheet {
        /// What it looks like.
        looks_like: LooksLike,
    },
    /// The workbook needs a password.
    #[error("workbook encrypted")]
    Encrypted,
    /// The file began as a spreadsheet and then made no sense.
    #[error("spreadsheet damaged")]
    Damaged {
        /// The part of the file.
        part: String,
        /// What made no sense there.
        detail: String,
    },
    /// A bound is broken.
    #[error("spreadsheet beyond a limit")]
    TooLarge {
        /// Which bound.
        what: Bound,
        /// The most that is allowed.
        limit: u64,
    },
    /// One cell holds more text than a sheet allows.
    #[error("cell text beyond the limit")]
    CellTooLong {
        /// The line, from 1.
        line: u32,
        /// The column in letters.
        column: String,
        /// The most characters allowed.
        limit: usize,
    },
    /// A part declares a document type or entities, which no spreadsheet program writes.
    #[error("document type or entity declared in a workbook part")]
    ForbiddenXml {
        /// The part.
        part: String,
    },
    /// Reading took too long.
    #[error("reading the spreadsheet took too long")]
    TooSlow {
        /// The time allowed.
        seconds: u64,
    },
    /// The text is neither UTF-8, UTF-16 with a mark, nor GB18030.
    #[error("text encoding not known")]
    Encoding,
    /// No sheet has a column that is known.
    #[error("no known column")]
    NoKnownColumn {
        /// What was seen instead, sheet by sheet.
        seen: Vec<SeenSheet>,
    },
    /// The sheet asked for is not there.
    #[error("no sheet of that name")]
    NoSuchSheet {
        /// The name asked for.
        wanted: String,
        /// The names there are.
        sheets: Vec<String>,
    },
    /// A quotation mark opens a cell and nothing closes it, so the lines after it are one cell.
    #[error("quotation mark never closed")]
    OpenQuote {
        /// The line, from 1.
        line: u32,
    },
    /// The file has no content.
    #[error("spreadsheet empty")]
    Empty,
}

/// Why a table could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The file cannot be made or put in its place.
    #[error("export not writable")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// More than a sheet can hold.
    #[error("table beyond what a sheet holds")]
    TooLarge {
        /// Which bound.
        what: Bound,
        /// The most that is allowed.
        limit: u64,
    },
    /// One cell holds more text than a sheet allows.
    #[error("cell text beyond the limit")]
    CellTooLong {
        /// The line, from 1, counting the headings.
        line: u32,
        /// The column in letters.
        column: String,
        /// The most characters allowed.
        limit: usize,
    },
    /// The workbook could not be put together.
    #[error("workbook not made")]
    Workbook {
        /// Why.
        #[source]
        source: rust_xlsxwriter::XlsxError,
    },
    /// The text table could not be put together.
    #[error("text table not made")]
    Table {
        /// Why.
        #[source]
        source: csv::Error,
    },
}

/// A bound on a spreadsheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// Bytes of the file.
    FileBytes,
    /// Parts of the archive.
    ArchiveEntries,
    /// Bytes that the archive unpacks to.
    UnpackedBytes,
    /// How many times its size the archive unpacks to.
    UnpackRatio,
    /// Lines with content.
    Rows,
    /// Columns with content.
    Columns,
    /// Cells with content.
    Cells,
    /// Bytes of text in all cells.
    TextBytes,
    /// Cell styles.
    Styles,
}

/// What a file that is no spreadsheet looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LooksLike {
    /// A file of WPS (`.et`, `.wps`).
    Wps,
    /// A document of a word processor.
    Word,
    /// An `OpenDocument` file.
    OpenDocument,
    /// A binary workbook (`.xlsb`).
    BinaryWorkbook,
    /// A workbook from before Excel 5.
    OldExcel,
    /// A portable document.
    Pdf,
    /// A picture.
    Picture,
    /// A web page or other markup, often named `.xls`.
    Markup,
    /// An archive.
    Archive,
    /// Nothing known.
    Unknown,
}

/// The headings of one sheet in which nothing was known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenSheet {
    /// The sheet.
    pub sheet: String,
    /// The texts of its fullest line near the top.
    pub headings: Vec<String>,
}

impl SheetError {
    /// Returns the stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read { .. } => "IMPORT-001",
            Self::NotASpreadsheet { .. } => "IMPORT-002",
            Self::Encrypted => "IMPORT-003",
            Self::Damaged { .. } => "IMPORT-004",
            Self::TooLarge { .. } => "IMPORT-005",
            Self::CellTooLong { .. } => "IMPORT-006",
            Self::ForbiddenXml { .. } => "IMPORT-007",
            Self::TooSlow { .. } => "IMPORT-008",
            Self::Encoding => "IMPORT-009",
            Self::NoKnownColumn { .. } => "IMPORT-010",
            Self::NoSuchSheet { .. } => "IMPORT-011",
            Self::OpenQuote { .. } => "IMPORT-012",
            Self::Empty => "IMPORT-013",
        }
    }
}

impl WriteError {
    /// Returns the stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Write { .. } => "EXPORT-001",
            Self::TooLarge { .. } => "EXPORT-002",
            Self::CellTooLong { .. } => "EXPORT-003",
            Self::Workbook { .. } | Self::Table { .. } => "EXPORT-004",
        }
    }
}

impl LooksLike {
    /// Knows what is neither a workbook nor text by its first bytes.
    pub(crate) fn by_first_bytes(content: &[u8]) -> Option<Self> {
        const SIGNATURES: [(&[u8], LooksLike); 13] = [
            (b"%PDF", LooksLike::Pdf),
            (b"\x89PNG", LooksLike::Picture),
            (b"\xFF\xD8\xFF", LooksLike::Picture),
            (b"GIF8", LooksLike::Picture),
            (b"BM", LooksLike::Picture),
            (b"II*\0", LooksLike::Picture),
            (b"MM\0*", LooksLike::Picture),
            (b"Rar!", LooksLike::Archive),
            (b"7z\xBC\xAF", LooksLike::Archive),
            (b"\x1F\x8B", LooksLike::Archive),
            (b"{\\rtf", LooksLike::Word),
            (b"\x09\x04\x06\0", LooksLike::OldExcel),
            (b"\x09\x02\x06\0", LooksLike::OldExcel),
        ];
        let known = SIGNATURES
            .iter()
            .find(|(start, _)| content.starts_with(start));
        known.map(|(start, looks_like)| {
            // A text table may begin with the two letters of a bitmap; a bitmap has zero bytes.
            if *start == b"BM" && !content.iter().take(64).any(|byte| *byte == 0) {
                return None;
            }
            Some(*looks_like)
        })?
    }
}

//! What can be wrong with a spreadsheet, in and out, with the facts and the sentences for people.
//!
//! Guarantees that each failure has its own stable code, and that each sentence says what
//! happened, that nothing was written, and what to do.

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
    /// An OpenDocument file.
    OpenDocument,
    /// A binary workbook (`.xlsb`).
    BinaryWorkbook,
    /// A workbook from before Excel 97.
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

    /// Returns what happened, that nothing was written, and what to do.
    #[must_use]
    pub fn sentence(&self, zh: bool) -> String {
        if zh {
            format!("{}没有写入任何数据。{}", self.happened_zh(), self.remedy_zh())
        } else {
            format!("{} Nothing was written. {}", self.happened_en(), self.remedy_en())
        }
    }

    fn happened_zh(&self) -> String {
        match self {
            Self::Read { path, source } => format!("文件 {} 无法读取（{source}）。", path.display()),
            Self::NotASpreadsheet { looks_like } => {
                format!("这个文件不是能导入的电子表格，看起来是{}。", looks_like.zh())
            }
            Self::Encrypted => "这个工作簿设了打开密码。".to_owned(),
            Self::Damaged { part, detail } => {
                format!("这个文件已损坏，读到“{part}”时无法继续（{detail}）。")
            }
            Self::TooLarge { what, limit } => {
                format!("这个文件超出上限：{}最多 {limit}。", what.zh())
            }
            Self::CellTooLong { line, column, limit } => {
                format!("第 {line} 行 {column} 列的文字超过 {limit} 个字。")
            }
            Self::ForbiddenXml { part } => {
                format!("这个文件的“{part}”里有文档类型或实体声明，正常的表格软件不会写出这种内容。")
            }
            Self::TooSlow { seconds } => format!("读取这个文件超过了 {seconds} 秒。"),
            Self::Encoding => {
                "这个文本文件的编码无法识别，既不是 UTF-8，也不是 GB18030。".to_owned()
            }
            Self::NoKnownColumn { seen } => {
                format!("没有找到认识的表头。看到的是：{}。", seen_list(seen, "、", "；", "（空表）"))
            }
            Self::NoSuchSheet { wanted, sheets } => {
                format!("没有名为“{wanted}”的工作表，现有：{}。", sheets.join("、"))
            }
            Self::OpenQuote { line } => {
                format!("第 {line} 行有一个双引号一直没有配对，后面的行会被当成同一个格子。")
            }
            Self::Empty => "这个文件是空的。".to_owned(),
        }
    }

    fn remedy_zh(&self) -> &'static str {
        match self {
            Self::Read { .. } => "请检查文件名和权限，并确认没有被别的程序占用，再导入一次。",
            Self::NotASpreadsheet { .. } => {
                "请用 WPS 或 Excel 打开它，选“另存为”，类型选“Excel 工作簿（*.xlsx）”，再导入新文件。"
            }
            Self::Encrypted => "请用 WPS 或 Excel 打开，去掉打开密码后另存为 xlsx，再导入。",
            Self::Damaged { .. } => {
                "请向发文件的人再要一份，或用 WPS、Excel 打开后另存为 xlsx，再导入。"
            }
            Self::TooLarge { .. } => "请删去多余的内容，或拆成几个文件，另存为 xlsx 后分别导入。",
            Self::CellTooLong { .. } => "请缩短这一格的内容，再导入一次。",
            Self::ForbiddenXml { .. } => "请核实文件来源；确认可靠的，用 WPS 或 Excel 另存为 xlsx 再导入。",
            Self::TooSlow { .. } => "请拆成几个较小的文件，另存为 xlsx 后分别导入。",
            Self::Encoding => "请用 WPS 或 Excel 打开，确认文字正常后另存为 xlsx，再导入。",
            Self::NoKnownColumn { .. } => {
                "请确认表头一行写的是栏目名称（如“单位名称”“统一社会信用代码”），再导入一次。"
            }
            Self::NoSuchSheet { .. } => "请改用现有的工作表名称，或不写 --sheet 让程序自己找。",
            Self::OpenQuote { .. } => "请补上或删去这个双引号，或者另存为 xlsx，再导入。",
            Self::Empty => "请确认选对了文件，再导入一次。",
        }
    }

    fn happened_en(&self) -> String {
        match self {
            Self::Read { path, source } => format!("{} cannot be read ({source}).", path.display()),
            Self::NotASpreadsheet { looks_like } => {
                format!("This is not a spreadsheet that can be imported; it looks like {}.", looks_like.en())
            }
            Self::Encrypted => "The workbook has a password to open it.".to_owned(),
            Self::Damaged { part, detail } => {
                format!("The file is damaged: reading stopped at “{part}” ({detail}).")
            }
            Self::TooLarge { what, limit } => {
                format!("The file is beyond a limit: at most {limit} {}.", what.en())
            }
            Self::CellTooLong { line, column, limit } => {
                format!("The text in line {line}, column {column} is longer than {limit} characters.")
            }
            Self::ForbiddenXml { part } => {
                format!("“{part}” declares a document type or entities; no spreadsheet program writes such.")
            }
            Self::TooSlow { seconds } => format!("Reading the file took more than {seconds} seconds."),
            Self::Encoding => "The text is neither UTF-8 nor GB18030.".to_owned(),
            Self::NoKnownColumn { seen } => {
                format!("No known heading was found. Seen: {}.", seen_list(seen, ", ", "; ", "(empty)"))
            }
            Self::NoSuchSheet { wanted, sheets } => {
                format!("There is no sheet “{wanted}”; there are: {}.", sheets.join(", "))
            }
            Self::OpenQuote { line } => {
                format!("A quotation mark in line {line} is never closed, so all lines after it are one cell.")
            }
            Self::Empty => "The file is empty.".to_owned(),
        }
    }

    fn remedy_en(&self) -> &'static str {
        match self {
            Self::Read { .. } => {
                "Check its name and permissions, and that no other program holds it, then import again."
            }
            Self::NotASpreadsheet { .. } => {
                "Open it in WPS, Excel or LibreOffice, save it as xlsx, and import the new file."
            }
            Self::Encrypted => "Open it, remove the password, save it as xlsx, and import that.",
            Self::Damaged { .. } => "Ask for another copy, or open it, save it as xlsx, and import that.",
            Self::TooLarge { .. } => {
                "Remove what is not needed, or split it, save as xlsx, and import the parts."
            }
            Self::CellTooLong { .. } => "Shorten that cell and import again.",
            Self::ForbiddenXml { .. } => {
                "Make sure where the file comes from; if it can be trusted, save it as xlsx and import that."
            }
            Self::TooSlow { .. } => "Split it into smaller files, save them as xlsx, and import each.",
            Self::Encoding => "Open it, see that the text is right, save it as xlsx, and import that.",
            Self::NoKnownColumn { .. } => {
                "See that one line holds the column headings (such as “Name”), and import again."
            }
            Self::NoSuchSheet { .. } => "Use one of these names, or leave out --sheet.",
            Self::OpenQuote { .. } => "Close or remove it, or save the file as xlsx, and import again.",
            Self::Empty => "Check that it is the right file and import again.",
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

    /// Returns what happened, that nothing was written, and what to do.
    #[must_use]
    pub fn sentence(&self, zh: bool) -> String {
        match (self, zh) {
            (Self::Write { path, source }, true) => format!(
                "文件 {} 无法写入（{source}）。没有生成新文件，原有文件未改动。请检查文件夹、权限和磁盘空间，再导出一次。",
                path.display()
            ),
            (Self::Write { path, source }, false) => format!(
                "{} cannot be written ({source}). No file was written, one that was there is as it was. \
                 Check the folder, its permissions and the free space, then export again.",
                path.display()
            ),
            (Self::TooLarge { what, limit }, true) => format!(
                "要导出的内容超出一张表的上限：{}最多 {limit}。没有写入文件。请加筛选条件分几次导出。",
                what.zh()
            ),
            (Self::TooLarge { what, limit }, false) => format!(
                "The table is beyond what a sheet holds: at most {limit} {}. No file was written. \
                 Export it in parts.",
                what.en()
            ),
            (Self::CellTooLong { line, column, limit }, true) => format!(
                "第 {line} 行 {column} 列的文字超过 {limit} 个字，表格放不下。没有写入文件。请改用 json 格式导出。"
            ),
            (Self::CellTooLong { line, column, limit }, false) => format!(
                "The text for line {line}, column {column} is longer than the {limit} characters of a cell. \
                 No file was written. Export as json instead."
            ),
            (Self::Workbook { .. } | Self::Table { .. }, true) => {
                format!("表格无法生成（{}）。没有写入文件。请改用另一种格式导出。", self.cause())
            }
            (Self::Workbook { .. } | Self::Table { .. }, false) => format!(
                "The table could not be made ({}). No file was written. Export in another format.",
                self.cause()
            ),
        }
    }

    fn cause(&self) -> String {
        std::error::Error::source(self).map(ToString::to_string).unwrap_or_default()
    }
}

impl Bound {
    fn zh(self) -> &'static str {
        match self {
            Self::FileBytes => "文件大小（字节）",
            Self::ArchiveEntries => "压缩包内的部件数",
            Self::UnpackedBytes => "解压后的大小（字节）",
            Self::UnpackRatio => "压缩倍数",
            Self::Rows => "有内容的行数",
            Self::Columns => "有内容的列数",
            Self::Cells => "有内容的格数",
            Self::TextBytes => "文字总量（字节）",
            Self::Styles => "格式种类",
        }
    }

    fn en(self) -> &'static str {
        match self {
            Self::FileBytes => "bytes in the file",
            Self::ArchiveEntries => "parts in the archive",
            Self::UnpackedBytes => "bytes when unpacked",
            Self::UnpackRatio => "times its size when unpacked",
            Self::Rows => "lines with content",
            Self::Columns => "columns with content",
            Self::Cells => "cells with content",
            Self::TextBytes => "bytes of text",
            Self::Styles => "cell styles",
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
        let known = SIGNATURES.iter().find(|(start, _)| content.starts_with(start));
        known.map(|(start, looks_like)| {
            // A text table may begin with the two letters of a bitmap; a bitmap has zero bytes.
            if *start == b"BM" && !content.iter().take(64).any(|byte| *byte == 0) {
                return None;
            }
            Some(*looks_like)
        })?
    }

    fn zh(self) -> &'static str {
        match self {
            Self::Wps => " WPS 专用格式（.et 或 .wps）",
            Self::Word => "文字文档",
            Self::OpenDocument => "开放文档格式（.ods 等）",
            Self::BinaryWorkbook => "二进制工作簿（.xlsb）",
            Self::OldExcel => " Excel 97 以前的旧格式",
            Self::Pdf => " PDF 文件",
            Self::Picture => "图片",
            Self::Markup => "网页（有的系统把网页存成 .xls）",
            Self::Archive => "压缩包",
            Self::Unknown => "别的文件",
        }
    }

    fn en(self) -> &'static str {
        match self {
            Self::Wps => "a WPS file (.et or .wps)",
            Self::Word => "a text document",
            Self::OpenDocument => "an OpenDocument file (.ods or similar)",
            Self::BinaryWorkbook => "a binary workbook (.xlsb)",
            Self::OldExcel => "a workbook from before Excel 97",
            Self::Pdf => "a PDF file",
            Self::Picture => "a picture",
            Self::Markup => "a web page (some systems name these .xls)",
            Self::Archive => "an archive",
            Self::Unknown => "something else",
        }
    }
}

/// Lists what was seen, at most five sheets and twelve headings each, so that it stays a sentence.
fn seen_list(seen: &[SeenSheet], comma: &str, semicolon: &str, empty: &str) -> String {
    let sheet_text = |sheet: &SeenSheet| {
        let some: Vec<&str> = sheet.headings.iter().take(12).map(String::as_str).collect();
        let texts = if some.is_empty() { empty.to_owned() } else { some.join(comma) };
        if sheet.sheet.is_empty() { texts } else { format!("[{}] {texts}", sheet.sheet) }
    };
    if seen.is_empty() {
        return empty.to_owned();
    }
    seen.iter().take(5).map(sheet_text).collect::<Vec<_>>().join(semicolon)
}

//! The sentences for people about spreadsheets that could not be read or written.
//!
//! Guarantees that each says what happened, that nothing was written, and what to do.

use super::{Bound, LooksLike, SeenSheet, SheetError, WriteError};

impl SheetError {
    /// Returns what happened, that nothing was written, and what to do.
    #[must_use]
    pub fn sentence(&self, zh: bool) -> String {
        if zh {
            format!(
                "{}没有写入任何数据。{}",
                self.happened_zh(),
                self.remedy_zh()
            )
        } else {
            format!(
                "{} Nothing was written. {}",
                self.happened_en(),
                self.remedy_en()
            )
        }
    }

    fn happened_zh(&self) -> String {
        match self {
            Self::Read { path, source } => {
                format!("文件 {} 无法读取（{source}）。", path.display())
            }
            Self::NotASpreadsheet { looks_like } => {
                format!(
                    "这个文件不是能导入的电子表格，看起来是{}。",
                    looks_like.zh()
                )
            }
            Self::Encrypted => "这个工作簿设了打开密码。".to_owned(),
            Self::Damaged { part, detail } => {
                format!("这个文件已损坏，读到“{part}”时无法继续（{detail}）。")
            }
            Self::TooLarge { what, limit } => {
                format!("这个文件超出上限：{}最多 {limit}。", what.zh())
            }
            Self::CellTooLong {
                line,
                column,
                limit,
            } => {
                format!("第 {line} 行 {column} 列的文字超过 {limit} 个字。")
            }
            Self::ForbiddenXml { part } => {
                format!(
                    "这个文件的“{part}”里有文档类型或实体声明，正常的表格软件不会写出这种内容。"
                )
            }
            Self::TooSlow { seconds } => format!("读取这个文件超过了 {seconds} 秒。"),
            Self::Encoding => {
                "这个文本文件的编码无法识别，既不是 UTF-8，也不是 GB18030。".to_owned()
            }
            Self::NoKnownColumn { seen } => {
                format!(
                    "没有找到认识的表头。看到的是：{}。",
                    seen_list(seen, "、", "；", "（空表）")
                )
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
            Self::ForbiddenXml { .. } => {
                "请核实文件来源；确认可靠的，用 WPS 或 Excel 另存为 xlsx 再导入。"
            }
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
                format!(
                    "This is not a spreadsheet that can be imported; it looks like {}.",
                    looks_like.en()
                )
            }
            Self::Encrypted => "The workbook has a password to open it.".to_owned(),
            Self::Damaged { part, detail } => {
                format!("The file is damaged: reading stopped at “{part}” ({detail}).")
            }
            Self::TooLarge { what, limit } => {
                format!("The file is beyond a limit: at most {limit} {}.", what.en())
            }
            Self::CellTooLong {
                line,
                column,
                limit,
            } => {
                format!(
                    "The text in line {line}, column {column} is longer than {limit} characters."
                )
            }
            Self::ForbiddenXml { part } => {
                format!(
                    "“{part}” declares a document type or entities; no spreadsheet program writes such."
                )
            }
            Self::TooSlow { seconds } => {
                format!("Reading the file took more than {seconds} seconds.")
            }
            Self::Encoding => "The text is neither UTF-8 nor GB18030.".to_owned(),
            Self::NoKnownColumn { seen } => {
                format!(
                    "No known heading was found. Seen: {}.",
                    seen_list(seen, ", ", "; ", "(empty)")
                )
            }
            Self::NoSuchSheet { wanted, sheets } => {
                format!(
                    "There is no sheet “{wanted}”; there are: {}.",
                    sheets.join(", ")
                )
            }
            Self::OpenQuote { line } => {
                format!(
                    "A quotation mark in line {line} is never closed, so all lines after it are one cell."
                )
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
            Self::Damaged { .. } => {
                "Ask for another copy, or open it, save it as xlsx, and import that."
            }
            Self::TooLarge { .. } => {
                "Remove what is not needed, or split it, save as xlsx, and import the parts."
            }
            Self::CellTooLong { .. } => "Shorten that cell and import again.",
            Self::ForbiddenXml { .. } => {
                "Make sure where the file comes from; if it can be trusted, save it as xlsx and import that."
            }
            Self::TooSlow { .. } => {
                "Split it into smaller files, save them as xlsx, and import each."
            }
            Self::Encoding => {
                "Open it, see that the text is right, save it as xlsx, and import that."
            }
            Self::NoKnownColumn { .. } => {
                "See that one line holds the column headings (such as “Name”), and import again."
            }
            Self::NoSuchSheet { .. } => "Use one of these names, or leave out --sheet.",
            Self::OpenQuote { .. } => {
                "Close or remove it, or save the file as xlsx, and import again."
            }
            Self::Empty => "Check that it is the right file and import again.",
        }
    }
}

impl WriteError {
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
            (
                Self::CellTooLong {
                    line,
                    column,
                    limit,
                },
                true,
            ) => format!(
                "第 {line} 行 {column} 列的文字超过 {limit} 个字，表格放不下。没有写入文件。请改用 json 格式导出。"
            ),
            (
                Self::CellTooLong {
                    line,
                    column,
                    limit,
                },
                false,
            ) => format!(
                "The text for line {line}, column {column} is longer than the {limit} characters of a cell. \
                 No file was written. Export as json instead."
            ),
            (Self::Workbook { .. } | Self::Table { .. }, true) => {
                format!(
                    "表格无法生成（{}）。没有写入文件。请改用另一种格式导出。",
                    self.cause()
                )
            }
            (Self::Workbook { .. } | Self::Table { .. }, false) => format!(
                "The table could not be made ({}). No file was written. Export in another format.",
                self.cause()
            ),
        }
    }

    fn cause(&self) -> String {
        std::error::Error::source(self)
            .map(ToString::to_string)
            .unwrap_or_default()
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
    fn zh(self) -> &'static str {
        match self {
            Self::Wps => " WPS 专用格式（.et 或 .wps）",
            Self::Word => "文字文档",
            Self::OpenDocument => "开放文档格式（.ods 等）",
            Self::BinaryWorkbook => "二进制工作簿（.xlsb）",
            Self::OldExcel => " Excel 5 以前的旧格式",
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
            Self::OldExcel => "a workbook from before Excel 5",
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
        let texts = if some.is_empty() {
            empty.to_owned()
        } else {
            some.join(comma)
        };
        if sheet.sheet.is_empty() {
            texts
        } else {
            format!("[{}] {texts}", sheet.sheet)
        }
    };
    if seen.is_empty() {
        return empty.to_owned();
    }
    seen.iter()
        .take(5)
        .map(sheet_text)
        .collect::<Vec<_>>()
        .join(semicolon)
}

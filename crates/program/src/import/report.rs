//! What an import has to say: the numbers, the rejected rows, the warnings.
//!
//! Every row that was read is in exactly one of the four numbers, and every rejected row is there
//! once, with the line a person finds it at.

use domain::{Finding, label::Language};
use serde_json::{Value as Json, json};

use crate::failure::{Exit, Failure};

/// One thing to say about a row, or about the whole file.
#[derive(Clone, Debug)]
pub struct Notice {
    /// The line in the sheet, from 1; none when it is about the file.
    pub row: Option<u32>,
    /// The id of the field.
    pub field: Option<String>,
    /// The code and the sentence.
    pub why: Box<Failure>,
}

impl Notice {
    /// Returns a notice about the whole file.
    pub(super) fn file(why: Failure) -> Self {
        Self {
            row: None,
            field: None,
            why: Box::new(why),
        }
    }

    /// Returns a notice about a field of a row.
    pub(super) fn cell(row: u32, field: &str, why: Failure) -> Self {
        Self {
            row: Some(row),
            field: Some(field.to_owned()),
            why: Box::new(why),
        }
    }

    /// As a document for scripts.
    #[must_use]
    pub fn json(&self, language: Language) -> Json {
        json!({
            "row": self.row,
            "field": self.field,
            "code": self.why.code,
            "message": self.why.text(language),
        })
    }
}

/// What became of a file.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Rows that made a record.
    pub created: usize,
    /// Rows that changed a record.
    pub changed: usize,
    /// Rows that say what is known already.
    pub unchanged: usize,
    /// Rows that were refused, by line.
    pub rejected: Vec<Notice>,
    /// What people should know beside that: of the file first, then by line.
    pub warnings: Vec<Notice>,
}

impl Report {
    /// Rows that were read.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.created + self.changed + self.unchanged + self.rejected.len()
    }

    /// As a document for scripts.
    #[must_use]
    pub fn json(&self, language: Language) -> Json {
        let all = |notices: &[Notice]| -> Vec<Json> {
            notices.iter().map(|notice| notice.json(language)).collect()
        };
        json!({
            "rows": self.rows(),
            "created": self.created,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "rejected": all(&self.rejected),
            "warnings": all(&self.warnings),
        })
    }

    /// Puts everything into the order of the sheet.
    pub(super) fn sort(&mut self) {
        self.rejected.sort_by_key(|notice| notice.row);
        self.warnings.sort_by_key(|notice| notice.row);
    }
}

/// A failure with the text of one of this module's codes.
pub(super) fn said(code: &str) -> Failure {
    Failure::new(code, Exit::Invalid)
}

/// Makes one failure of the findings that refuse a row: the first gives code and field, all give
/// their sentence.
pub(super) fn refused(row: u32, findings: &[Finding]) -> Notice {
    let join = |mark: &str, text: &dyn Fn(&Finding) -> String| {
        findings.iter().map(text).collect::<Vec<_>>().join(mark)
    };
    let first = findings.first();
    let (code, field) = first.map_or(("", ""), |first| (first.code, first.field.as_str()));
    let zh = join("；", &|finding| finding.zh.clone());
    let en = join("; ", &|finding| finding.en.clone());
    Notice::cell(row, field, said(code).saying(zh, en))
}

//! Where a command's output goes: data to stdout, all else to stderr, progress to a terminal.
//!
//! A command writes parts into a sink. In its own process the sink prints; inside the serving
//! program it sends the parts through the admin socket.

use std::fmt;

use comfy_table::{ContentArrangement, Table, presets};
use domain::label::Language;
use serde_json::Value;

use crate::failure::Exit;

/// One part of a command's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Data.
    Stdout(String),
    /// All else.
    Stderr(String),
    /// How far a long piece of work has come.
    Progress {
        /// Pieces done.
        done: u64,
        /// Pieces in all.
        total: u64,
        /// What is being done.
        what: String,
    },
}

/// A command's way out.
pub struct Out {
    /// One JSON document on stdout instead of tables and sentences.
    pub json: bool,
    /// The language of texts.
    pub language: Language,
    /// Columns of the terminal, 0 when there is none.
    pub columns: u16,
    /// How the program ends when nothing fails.
    pub exit: Exit,
    sink: Box<dyn FnMut(Part) + Send>,
}

impl fmt::Debug for Out {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Out")
            .field("json", &self.json)
            .finish_non_exhaustive()
    }
}

impl Out {
    /// Returns a way out into a sink.
    #[must_use]
    pub fn new(
        json: bool,
        language: Language,
        columns: u16,
        sink: impl FnMut(Part) + Send + 'static,
    ) -> Self {
        Self {
            json,
            language,
            columns,
            exit: Exit::Done,
            sink: Box::new(sink),
        }
    }

    /// Chooses a text.
    #[must_use]
    pub fn say<'a>(&self, zh: &'a str, en: &'a str) -> &'a str {
        self.language.pick(zh, en)
    }

    /// Passes a part on as it came.
    pub(crate) fn raw(&mut self, part: Part) {
        (self.sink)(part);
    }

    /// Prints the document of a command.
    pub fn document(&mut self, value: &Value) {
        (self.sink)(Part::Stdout(format!("{value}\n")));
    }

    /// Prints a line of data.
    pub fn line(&mut self, text: impl AsRef<str>) {
        (self.sink)(Part::Stdout(format!("{}\n", text.as_ref())));
    }

    /// Prints a line for people, beside the data.
    pub fn note(&mut self, text: impl AsRef<str>) {
        (self.sink)(Part::Stderr(format!("{}\n", text.as_ref())));
    }

    /// Prints a table.
    pub fn table(&mut self, headings: &[&str], rows: &[Vec<String>]) {
        let mut table = Table::new();
        table
            .load_style(presets::UTF8_HORIZONTAL_ONLY)
            .set_header(headings.to_vec());
        if self.columns > 0 {
            table
                .set_content_arrangement(ContentArrangement::Dynamic)
                .set_width(self.columns);
        }
        table.add_rows(rows.iter().cloned());
        self.line(table.to_string());
    }

    /// Tells how far a long piece of work has come.
    pub fn progress(&mut self, done: usize, total: usize, what: &str) {
        let (done, total) = (done as u64, total as u64);
        (self.sink)(Part::Progress {
            done,
            total,
            what: what.to_owned(),
        });
    }
}

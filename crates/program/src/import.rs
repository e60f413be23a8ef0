//! Import: a table that an office keeps becomes records.
//!
//! Each row stands for itself. It meets the record it is about by the id that an export wrote, by
//! the normalised credit code, by what makes a derived id, or by its normalised name in the scope;
//! without one it makes a record. It goes in whole or is refused with its line, its field, a code
//! and a sentence. What it changes is what differs from what the last import of the record read
//! (the import mark); so the same file again writes nothing, and a person's later edit is never
//! replaced in silence.
//!
//! - An empty cell touches no field; an import clears nothing.
//! - A record that is made gets what the program knows and the sheet need not say: where it comes
//!   from (`source`: spreadsheet import) and, where a kind must name its scope, that. Nothing else
//!   is filled in: the rules refuse only what is missing without which a record is nothing, and
//!   the completeness indicator counts the rest.
//! - Figures have the date of their cell, else that of the command, else the one above the header.
//! - What a cell refers to and is not found stays empty, with a warning; the row goes in.
//! - Rows that refer to records of later rows are planned after them.
//!
//! Writing: one command a row, its edit and its mark in one commit; the writer groups what waits.

mod fields;
pub(crate) mod find;
mod mark;
mod meet;
mod plan;
mod report;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use domain::{Date, KindSpec, catalogue::Type, label::Language};

pub(crate) use fields::{ID, MARKS};
pub use report::{Notice, Report};

use self::{
    fields::{Columns, Line},
    plan::{Fate, Order, Patience, Planner},
    report::said,
};
use crate::{
    app::App,
    conflicts,
    failure::{Exit, Failure},
    records::{Batcher, Done},
    sheet::{self, Match, Row, SheetError, Table},
};

/// Rows between two tellings of how far it is.
const PROGRESS_ROWS: usize = 64;

/// Held while an import runs: the next one meets what this one makes.
static UNDER_WAY: Mutex<()> = Mutex::new(());

/// What is to be imported.
#[derive(Clone, Debug)]
pub struct Request {
    /// The kind of the records.
    pub kind: &'static KindSpec,
    /// The file.
    pub path: PathBuf,
    /// The sheet; without it the one with the most known columns.
    pub sheet: Option<String>,
    /// The date of figures that have none in their row.
    pub as_of: Option<Date>,
    /// Whether it is only tried out.
    pub mode: Mode,
    /// Why, as it is kept with each write.
    pub reason: String,
}

/// Whether anything is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It is written.
    Write,
    /// It is only tried out: the numbers are the same.
    Try,
}

/// What a row that went in has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Created,
    Changed,
    Unchanged,
}

/// Imports a file. `progress` is told how many rows of how many are done.
///
/// # Errors
/// Nothing could be read (exit code 6), or the store failed; what was written before stays.
pub fn import(
    app: &App,
    request: &Request,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Report, Failure> {
    let headings = fields::headings(request.kind);
    let options = sheet::Options {
        sheet: request.sheet.clone(),
        headings: &headings,
    };
    let table = sheet::read(&request.path, &options).map_err(|error| unreadable(&error))?;
    balance(request.kind, &table)?;
    // Two people who import the same file at once must not make every record twice.
    let _only_one = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner);
    if request.mode == Mode::Write {
        conflicts::guard(app)?;
    }
    let planner = Planner::new(app, request.kind, request.reason.clone())?;
    let mut run = Run {
        app,
        mode: request.mode,
        planner,
        batcher: Batcher::new(app.writer.clone()),
        effects: BTreeMap::new(),
        saved: 0,
        beside: 0,
        report: Report {
            warnings: of_table(&table),
            ..Report::default()
        },
    };
    let columns = Columns::new(request.kind, &table, request.as_of);
    let done = run
        .rows(&table, columns, progress)
        .and_then(|()| run.finish());
    done.map_err(|failure| broken_off(failure, run.saved))?;
    Ok(run.report)
}

/// V22: where a sheet of amounts states its total, it is the sum of its lines; nothing of another
/// sheet is read.
fn balance(kind: &KindSpec, table: &Table) -> Result<(), Failure> {
    let money = kind
        .fields
        .iter()
        .filter(|field| field.value_type == Type::Money);
    for field in money {
        let Some(column) = table.column_of(&field.id) else {
            continue;
        };
        let amount = |row: &Row| {
            let cell = row.cells.get(column)?;
            domain::text::fen(&cell.to_text())
        };
        // What cannot be read is refused line by line, and is no amount.
        let sum: u64 = table.rows.iter().filter_map(amount).sum();
        for total in table.totals.iter().filter(|row| row.is_grand_total()) {
            if let Some(stated) = amount(total).filter(|stated| *stated != sum) {
                return Err(Failure::new("IMPORT-039", Exit::Invalid)
                    .with("line", total.line)
                    .with("stated", stated)
                    .with("sum", sum));
            }
        }
    }
    Ok(())
}

/// A failure in the middle: what is safe, and how to go on.
fn broken_off(failure: Failure, saved: usize) -> Failure {
    if saved == 0 {
        return failure;
    }
    let zh = failure.text(Language::Zh);
    let en = failure.text(Language::En);
    failure.saying(
        format!("{zh}已有 {saved} 行写入并保存；排除原因后把同一个文件再导入一次，这些行不会重复。"),
        format!("{en} {saved} rows were written and are safe; import the same file again, they are not made twice."),
    )
}

/// A failure with the sentence that the reader of spreadsheets has for it.
fn unreadable(error: &SheetError) -> Failure {
    Failure::new(error.code(), Exit::Invalid).saying(error.sentence(true), error.sentence(false))
}

/// What people should know of how the sheet was read.
fn of_table(table: &Table) -> Vec<Notice> {
    let mut notices = Vec::new();
    for heading in &table.unknown {
        notices.push(Notice::file(said("IMPORT-031").with("heading", heading)));
    }
    for column in table
        .columns
        .iter()
        .filter(|column| column.matched == Some(Match::Similar))
    {
        let why = said("IMPORT-034").with("heading", &column.heading);
        notices.push(Notice {
            field: column.field.clone(),
            ..Notice::file(why)
        });
    }
    for sheet in &table.unread {
        notices.push(Notice::file(said("IMPORT-035").with("sheet", sheet)));
    }
    if table.rows.is_empty() {
        notices.push(Notice::file(said("IMPORT-037")));
    }
    notices
}

/// One import under way.
struct Run<'a> {
    app: &'a App,
    mode: Mode,
    planner: Planner<'a>,
    batcher: Batcher<u32>,
    /// What each row that went in has done, by line.
    effects: BTreeMap<u32, Effect>,
    /// Rows that are durable.
    saved: usize,
    /// Values that stand beside others, since the last look for a storm.
    beside: usize,
    report: Report,
}

impl Run<'_> {
    /// Plans and writes all rows, those that wait for others after them.
    fn rows(
        &mut self,
        table: &Table,
        mut columns: Columns<'static>,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<(), Failure> {
        let total = table.rows.len();
        let mut waiting: Vec<Line<'static>> = Vec::new();
        for (at, row) in table.rows.iter().enumerate() {
            if at % PROGRESS_ROWS == 0 {
                progress(at, total);
            }
            match columns.line(row, &self.planner.finder()) {
                Ok(line) => {
                    if !self.row(&line, Patience::Wait)? {
                        waiting.push(line);
                    }
                }
                Err(notice) => self.report.rejected.push(notice),
            }
        }
        let mut patience = Patience::Wait;
        while !waiting.is_empty() {
            let before = waiting.len();
            let mut still = Vec::new();
            for line in waiting {
                if !self.row(&line, patience)? {
                    still.push(line);
                }
            }
            // When a whole round has brought nothing, nothing more will come.
            if still.len() == before {
                patience = Patience::Now;
            }
            waiting = still;
        }
        if columns.foreign_ids > 0 {
            let why = said("IMPORT-036").with("rows", columns.foreign_ids);
            self.report.warnings.push(Notice::file(why));
        }
        if columns.suppressed > 0 {
            let why = said("IMPORT-040").with("rows", columns.suppressed);
            self.report.warnings.push(Notice::file(why));
        }
        progress(total, total);
        Ok(())
    }

    /// Plans a row and hands it over. False when it waits for a later one.
    fn row(&mut self, line: &Line<'_>, patience: Patience) -> Result<bool, Failure> {
        let (fate, warnings) = self.planner.plan(line, patience)?;
        self.report.warnings.extend(warnings);
        let (effect, order) = match fate {
            Fate::Waits => return Ok(false),
            Fate::Rejected(notice) => {
                self.report.rejected.push(notice);
                return Ok(true);
            }
            Fate::Created(order) => (Effect::Created, Some(order)),
            Fate::Changed(order) => (Effect::Changed, Some(order)),
            Fate::Unchanged(order) => (Effect::Unchanged, order),
        };
        self.effects.insert(line.row, effect);
        if let (Some(order), Mode::Write) = (order, self.mode) {
            let Order {
                edit,
                follows,
                mark,
            } = order;
            let edits = edit.into_iter().chain(follows).collect();
            self.batcher.submit(edits, vec![mark], line.row);
            let done = self.batcher.take_done();
            self.settle(done)?;
        }
        Ok(true)
    }

    /// Takes note of what has become of rows.
    fn settle(&mut self, done: Vec<Done<u32>>) -> Result<(), Failure> {
        for Done { tag: row, result } in done {
            match result {
                Ok(written) => {
                    self.saved += 1;
                    for written in written.iter().filter(|written| !written.beside.is_empty()) {
                        self.look_beside(row, written)?;
                        self.beside += written.beside.len();
                    }
                }
                // The row alone is at fault.
                Err(failure) if failure.exit == Exit::Invalid || failure.code == "EDIT-002" => {
                    self.effects.remove(&row);
                    self.report
                        .warnings
                        .retain(|notice| notice.row != Some(row));
                    self.report.rejected.push(Notice::cell(row, "", failure));
                }
                Err(failure) => return Err(failure),
            }
        }
        // An import that makes a storm is stopped on the way, not only the next one.
        if self.beside > self.app.config.conflicts.storm {
            self.beside = 0;
            conflicts::guard(self.app)?;
        }
        Ok(())
    }

    /// Names conflicts that nobody could foresee: somebody wrote while the import ran.
    fn look_beside(&mut self, row: u32, written: &store::Written) -> Result<(), Failure> {
        let Some(stored) = self.app.reader().get(written.key)? else {
            return Ok(());
        };
        let found = self
            .planner
            .beside(row, &stored.record, written.beside.iter().copied());
        for notice in found {
            let is_known = self.report.warnings.iter().any(|known| {
                (known.row, &known.field, &known.why.code)
                    == (notice.row, &notice.field, &notice.why.code)
            });
            if !is_known {
                self.report.warnings.push(notice);
            }
        }
        Ok(())
    }

    /// Waits for what is on its way and puts the numbers together.
    fn finish(&mut self) -> Result<(), Failure> {
        let batcher = std::mem::replace(&mut self.batcher, Batcher::new(self.app.writer.clone()));
        let done = batcher.finish();
        self.settle(done)?;
        let count = |wanted| {
            self.effects
                .values()
                .filter(|effect| **effect == wanted)
                .count()
        };
        self.report.created = count(Effect::Created);
        self.report.changed = count(Effect::Changed);
        self.report.unchanged = count(Effect::Unchanged);
        self.report.warnings.extend(self.planner.noted());
        self.report.sort();
        Ok(())
    }
}

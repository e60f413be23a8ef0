//! A report as CSV: a heading and rows, ready for a program; of several tables each below its title.
//! Of demo data a line above all says so.

use domain::label::Language;

use super::{spread_headings, spread_row};
use crate::{
    sheet::{Cell, WriteError, write},
    tables::table::{Report, Table},
};

/// The bytes of the file.
pub(super) fn content(report: &Report, language: Language) -> Result<Vec<u8>, WriteError> {
    let mut records: Vec<Vec<Cell>> = Vec::new();
    let is_one = report.tables.len() == 1;
    if let Some(banner) = report.banner(language) {
        records.push(vec![Cell::text(banner)]);
    }
    for (at, table) in report.tables.iter().enumerate() {
        if !is_one {
            // What a reader of several tables looks for: a line of its own above each heading.
            if at > 0 {
                records.push(vec![Cell::Empty]);
            }
            records.push(vec![Cell::text(table.title.say(language))]);
        }
        records.extend(rows(table, language));
    }
    write::csv_content(&records)
}

fn rows(table: &Table, language: Language) -> impl Iterator<Item = Vec<Cell>> {
    let headings = table
        .columns
        .iter()
        .flat_map(move |column| spread_headings(column, language));
    let rows = table.rows.iter().chain(&table.total);
    let headings = headings.map(Cell::text).collect();
    let broken = table.broken().map(move |balance| {
        let sentence = format!("!! {}", balance.sentence(language));
        vec![Cell::text(sentence)]
    });
    std::iter::once(headings)
        .chain(rows.map(move |row| spread_row(table, row, language)))
        .chain(broken)
}

//! A report on its way out: to the terminal, or whole or not at all to a file.

mod csv;
mod html;
mod sheets;
mod xlsx;

use std::path::Path;

use domain::label::Language;

use super::table::{Cell, Column, Content, Report, Table, Word, yes_no};
use crate::{
    failure::Failure,
    output::Out,
    sheet::{self, write},
};

/// The form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// The tables with their definitions, for scripts.
    Json,
    /// A text table: UTF-8 with its mark.
    Csv,
    /// A workbook with a sheet for each table.
    Xlsx,
    /// Pages to print: A4, landscape.
    Html,
}

impl Format {
    /// The form that the end of a file's name says.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let end = path.extension()?.to_string_lossy().to_lowercase();
        Some(match end.as_str() {
            "json" => Self::Json,
            "csv" => Self::Csv,
            "xlsx" => Self::Xlsx,
            "html" | "htm" => Self::Html,
            _ => return None,
        })
    }
}

/// Writes a report to a file.
///
/// # Errors
/// The file cannot be written, or cannot hold it.
pub fn file(
    report: &Report,
    format: Format,
    path: &Path,
    language: Language,
) -> Result<(), Failure> {
    let written = match format {
        Format::Json => {
            let text = format!("{:#}\n", report.json(language));
            write::write_file(path, text.as_bytes())
        }
        Format::Csv => {
            csv::content(report, language).and_then(|content| write::write_file(path, &content))
        }
        Format::Xlsx => {
            xlsx::content(report, language).and_then(|content| write::write_file(path, &content))
        }
        Format::Html => write::write_file(path, html::content(report, language).as_bytes()),
    };
    written.map_err(|error| crate::export::failed(&error))
}

/// Prints a report for people.
pub fn terminal(report: &Report, out: &mut Out) {
    let language = out.language;
    out.line(report.title.say(language));
    out.line(report.head(language));
    if let Some(banner) = report.banner(language) {
        out.line(banner);
    }
    for table in &report.tables {
        out.line("");
        if report.tables.len() > 1 {
            out.line(table.title.say(language));
        }
        if table.rows.is_empty() {
            let none = out.say("暂无数据", "No data").to_owned();
            out.line(none);
        } else {
            let headings: Vec<String> = table
                .columns
                .iter()
                .map(|column| match column.content {
                    // As narrow as what stands below it.
                    Content::Score => heading(column, language).replacen(' ', "\n", 1),
                    _ => heading(column, language),
                })
                .collect();
            let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
            let say = |row: &Vec<Cell>| row.iter().map(|cell| cell.say(language)).collect();
            let rows: Vec<Vec<String>> = table.rows.iter().chain(&table.total).map(say).collect();
            out.table(&headings, &rows);
        }
        for note in notes(table, language) {
            out.line(note);
        }
    }
}

/// The heading of a column with that of its group and its unit.
fn heading(column: &Column, language: Language) -> String {
    let label = label(column, language);
    match &column.group {
        Some(group) => {
            let colon = language.pick("：", ": ");
            format!("{}{colon}{label}", group.say(language))
        }
        None => label,
    }
}

/// The heading of a column with its unit.
fn label(column: &Column, language: Language) -> String {
    let label = column.label.say(language);
    match column.content {
        Content::Money => format!("{label}{}", language.pick("（万元）", " (10,000 yuan)")),
        _ => label.to_owned(),
    }
}

/// The columns of a table in the order in which they stand, neighbours under one heading together.
fn heads(columns: &[Column]) -> impl Iterator<Item = (Option<&Word>, &[Column])> {
    let alike = |one: &Column, next: &Column| one.group.is_some() && one.group == next.group;
    let parts = columns.chunk_by(alike);
    parts.map(|part| (part.first().and_then(|it| it.group.as_ref()), part))
}

/// The notes of a table, then how its columns are counted, then what does not balance.
fn notes(table: &Table, language: Language) -> Vec<String> {
    let defined = table.columns.iter().filter_map(|column| {
        let definition = column.definition.as_ref()?.say(language);
        let (label, colon) = (column.label.say(language), language.pick("：", ": "));
        Some(format!("{label}{colon}{definition}"))
    });
    let notes = table.notes.iter().map(|note| note.say(language).to_owned());
    let broken = table.broken().map(|balance| balance.sentence(language));
    let mut all: Vec<String> = notes.chain(defined).collect();
    all.dedup();
    all.extend(broken.map(|sentence| format!("!! {sentence}")));
    all
}

/// A column of a file: where a cell says several numbers, a spreadsheet has a column for each.
fn spread_headings(column: &Column, language: Language) -> Vec<String> {
    let heading = heading(column, language);
    let parts: &[(&str, &str)] = match column.content {
        Content::Rate => &[
            ("（分子）", " (num)"),
            ("（分母）", " (den)"),
            ("（%）", " (%)"),
        ],
        Content::Quota => &[("（实际）", " (held)"), ("（下限）", " (quota)")],
        Content::Score => &[
            ("（分子）", " (num)"),
            ("（分母）", " (den)"),
            ("（%）", " (%)"),
            ("（评价）", " (light)"),
            ("（较上季）", " (trend)"),
        ],
        Content::Text
        | Content::Count
        | Content::Money
        | Content::Moved
        | Content::Date
        | Content::Flag => &[("", "")],
    };
    let parts = parts.iter();
    parts
        .map(|(zh, en)| format!("{heading}{}", language.pick(zh, en)))
        .collect()
}

/// The cells of a file that a cell makes.
fn spread(content: Content, cell: &Cell, language: Language) -> Vec<sheet::Cell> {
    let number = |number: u64| sheet::Cell::number(number as f64);
    let empty = |count| vec![sheet::Cell::Empty; count];
    match (content, cell) {
        (Content::Rate, Cell::Rate { num, den }) => {
            let pct = domain::indicator::percent(*num, *den);
            let pct = pct.and_then(|pct| pct.parse().ok());
            vec![
                number(*num),
                number(*den),
                pct.map_or(sheet::Cell::Empty, sheet::Cell::number),
            ]
        }
        (Content::Quota, Cell::Quota { held, quota }) => vec![number(*held), number(*quota)],
        (Content::Score, Cell::Score(score)) => {
            let parsed = |text: Option<String>| {
                let value = text.and_then(|text| text.replace('±', "").parse().ok());
                value.map_or(sheet::Cell::Empty, sheet::Cell::number)
            };
            vec![
                number(score.num),
                number(score.den),
                parsed(score.pct()),
                sheet::Cell::text(score.light_text(language)),
                parsed(score.trend_text()),
            ]
        }
        (Content::Score, Cell::Empty) => empty(5),
        (Content::Score, cell) => [vec![one(cell, language)], empty(4)].concat(),
        (Content::Rate, Cell::Empty) => empty(3),
        (Content::Quota, Cell::Empty) => empty(2),
        (Content::Rate, cell) => [vec![one(cell, language)], empty(2)].concat(),
        (Content::Quota, cell) => [vec![one(cell, language)], empty(1)].concat(),
        (_, cell) => vec![one(cell, language)],
    }
}

fn one(cell: &Cell, language: Language) -> sheet::Cell {
    match cell {
        Cell::Empty => sheet::Cell::Empty,
        Cell::Count(number) => sheet::Cell::number(*number as f64),
        Cell::Moved(tenths) => sheet::Cell::number(*tenths as f64 / 10.0),
        // The digits that are printed, so that a sheet shows and adds what the page does.
        Cell::Money(fen) => domain::indicator::ten_thousand_yuan(*fen)
            .parse()
            .map_or(sheet::Cell::Empty, sheet::Cell::number),
        Cell::Date(day) => u16::try_from(day.year())
            .ok()
            .and_then(|year| sheet::Date::new(year, u8::from(day.month()), day.day()))
            .map_or(sheet::Cell::Empty, sheet::Cell::Date),
        Cell::Flag(flag) => sheet::Cell::text(yes_no(*flag, language)),
        Cell::Text(_)
        | Cell::Term(..)
        | Cell::Rate { .. }
        | Cell::Quota { .. }
        | Cell::Score(_)
        | Cell::Minutes(_)
        | Cell::Below(_) => sheet::Cell::text(cell.say(language)),
    }
}

/// A row of a table as cells of a file.
fn spread_row(table: &Table, row: &[Cell], language: Language) -> Vec<sheet::Cell> {
    let cells = table.columns.iter().zip(row);
    cells
        .flat_map(|(column, cell)| spread(column.content, cell, language))
        .collect()
}

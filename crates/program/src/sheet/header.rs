//! The header: finds the line, or the two lines, that name the columns.
//!
//! Guarantees that the line with the most known fields is taken, the earlier one of equals, and two
//! lines only when they know more together than either alone; and that of two columns for one field
//! the surer one has it and the other is unknown.

use std::cmp::Reverse;

use super::cell::Cell;
use super::grid::GridRow;
use super::heading::{FieldIndex, HeadingIndex, Match, Rank, fold, is_row_number};
use super::limits::{HEADER_ROWS_MAX, HEADING_CHARS_MAX};

/// The header of a sheet.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    /// How many fields it knows, then how surely.
    pub(crate) score: (usize, Reverse<usize>),
    /// The place of its first row among the rows with content.
    pub(crate) first: usize,
    /// The place of its last row.
    pub(crate) last: usize,
    /// Its columns from the left.
    pub(crate) columns: Vec<HeadColumn>,
}

/// One heading.
#[derive(Debug, Clone)]
pub(crate) struct HeadColumn {
    pub(crate) index: u32,
    pub(crate) heading: String,
    pub(crate) known: Option<(FieldIndex, Match)>,
    pub(crate) is_row_number: bool,
}

/// A heading with what it may be, before fields are given out.
struct Candidate {
    index: u32,
    heading: String,
    rank: Option<(FieldIndex, Rank)>,
}

/// Finds the header among the first rows with content.
pub(crate) fn find(rows: &[GridRow], index: &HeadingIndex) -> Option<Header> {
    let mut best: Option<Header> = None;
    let mut take = |header: Header| {
        let known = best
            .as_ref()
            .map_or((0, Reverse(usize::MAX)), |best| best.score);
        if header.score.0 > 0 && header.score > known {
            best = Some(header);
        }
    };
    let head = rows
        .get(..rows.len().min(HEADER_ROWS_MAX))
        .unwrap_or_default();
    for (at, row) in head.iter().enumerate() {
        take(assign(single(row, index), at, at));
    }
    for (at, pair) in head.windows(2).enumerate() {
        if let [upper, lower] = pair
            && upper.line + 1 == lower.line
            && looks_like_headings(lower)
        {
            let joined = assign(joined(upper, lower, index), at, at + 1);
            // Both lines must add something; otherwise the lower one may well be the first record.
            let alone = |row| assign(single(row, index), at, at).score.0;
            if joined.score.0 > alone(upper) && joined.score.0 > alone(lower) {
                take(joined);
            }
        }
    }
    best
}

/// The texts of the fullest row near the top, to tell people what was seen.
pub(crate) fn likely_headings(rows: &[GridRow]) -> Vec<String> {
    let texts = |row: &GridRow| -> Vec<String> { texts(row).map(|(_, text)| text).collect() };
    let head = rows.iter().take(HEADER_ROWS_MAX);
    head.map(texts)
        .rev()
        .max_by_key(Vec::len)
        .unwrap_or_default()
}

/// The texts of a row that are short enough for headings, on one line each.
fn texts(row: &GridRow) -> impl Iterator<Item = (u32, String)> + '_ {
    row.cells.iter().filter_map(|(column, cell)| match cell {
        Cell::Text(text) if !cell.is_blank() && text.len() <= HEADING_CHARS_MAX * 4 => {
            Some((*column, one_line(text)))
        }
        _ => None,
    })
}

fn one_line(text: &str) -> String {
    text.split(|letter: char| letter.is_control())
        .map(str::trim)
        .collect::<String>()
        .trim()
        .to_owned()
}

fn looks_like_headings(row: &GridRow) -> bool {
    row.cells
        .iter()
        .all(|(_, cell)| matches!(cell, Cell::Text(_)))
}

fn single(row: &GridRow, index: &HeadingIndex) -> Vec<Candidate> {
    texts(row)
        .map(|(column, heading)| Candidate {
            index: column,
            rank: index.rank(&heading),
            heading,
        })
        .collect()
}

/// Joins two rows: the lower heading where there is one, else the upper; a lower heading that says
/// nothing alone is read with the upper one before it (`党员` over `总数`), which spans it.
fn joined(upper: &GridRow, lower: &GridRow, index: &HeadingIndex) -> Vec<Candidate> {
    let uppers: Vec<(u32, String)> = texts(upper).collect();
    let lowers: Vec<(u32, String)> = texts(lower).collect();
    let mut candidates = Vec::with_capacity(uppers.len().max(lowers.len()));
    for (column, heading) in &uppers {
        if !lowers.iter().any(|(other, _)| other == column) {
            candidates.push(Candidate {
                index: *column,
                rank: index.rank(heading),
                heading: heading.clone(),
            });
        }
    }
    for (column, heading) in lowers {
        let parent = uppers.iter().rev().find(|(other, _)| *other <= column);
        let with_parent = parent.map(|(_, parent)| format!("{parent}{heading}"));
        let spanned = with_parent
            .as_ref()
            .and_then(|joined| index.exact(&fold(joined)).map(|(f, _)| (f, Rank::Loose)));
        let rank = index.rank(&heading).or(spanned);
        let heading = match with_parent {
            Some(joined) if rank.is_none() || rank == spanned => joined,
            _ => heading,
        };
        candidates.push(Candidate {
            index: column,
            heading,
            rank,
        });
    }
    candidates.sort_by_key(|candidate| candidate.index);
    candidates
}

/// Gives each field to the column that is surest of it, the left one of equals.
fn assign(candidates: Vec<Candidate>, first: usize, last: usize) -> Header {
    let mut claims: Vec<(Rank, u32, FieldIndex)> = candidates
        .iter()
        .filter_map(|candidate| {
            candidate
                .rank
                .map(|(field, rank)| (rank, candidate.index, field))
        })
        .collect();
    claims.sort_unstable();
    let mut given: Vec<(u32, FieldIndex, Rank)> = Vec::with_capacity(claims.len());
    for (rank, column, field) in claims {
        if !given.iter().any(|(_, taken, _)| *taken == field) {
            given.push((column, field, rank));
        }
    }
    let unsure = given
        .iter()
        .filter(|(_, _, rank)| rank.matched() == Match::Similar)
        .count();
    let score = (given.len(), Reverse(unsure));
    let columns = candidates
        .into_iter()
        .map(|candidate| {
            let given = given.iter().find(|(column, ..)| *column == candidate.index);
            HeadColumn {
                index: candidate.index,
                is_row_number: candidate.rank.is_none() && is_row_number(&candidate.heading),
                known: given.map(|(_, field, rank)| (*field, rank.matched())),
                heading: candidate.heading,
            }
        })
        .collect();
    Header {
        score,
        first,
        last,
        columns,
    }
}

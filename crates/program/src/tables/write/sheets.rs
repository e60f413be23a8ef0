//! How a table falls on sheets of A4, landscape: the size of its letters, the width of its columns,
//! and which rows stand on which sheet. Rows are counted by the lines that they take, so that a page
//! of a report is one sheet of paper.
//!
//! Nobody knows the fonts of the office that prints: the widths are those of a Chinese font, a
//! letter of ours half of one of theirs, with some room left. Where it was too little, a browser
//! still repeats the headings, title and unit included.

use std::ops::Range;

use domain::label::Language;

use super::{heads, label};
use crate::{
    sheet::write::{char_width, width},
    tables::table::{Cell, Column, Content, Table},
};

/// The width of a sheet within its margins in tenths of a point: 277 mm.
const WIDTH: usize = 7_850;
/// Its height: 186 mm, less one line for fonts that are taller.
const HEIGHT: usize = 5_150;
/// The line between cells.
const BORDER: usize = 5;
/// The room left and right in a cell, in hundredths of a letter.
const SIDE: usize = 30;
/// Heights above the table, as the look of the page has them: the title, the title of the part, the line with the unit, the banner.
pub(super) const TITLE: usize = 240;
pub(super) const PART: usize = 170;
pub(super) const HEAD: usize = 160;
pub(super) const BANNER: usize = 160;
/// The letters of a note and its line; what surrounds a balance that does not hold.
const NOTE_LETTER: usize = 85;
const NOTE_LINE: usize = 110;
const BROKEN: usize = 200;
/// The most and the least that a text column asks for, in letters of half width.
const TEXT_MOST: usize = 44;
const TEXT_LEAST: usize = 8;

/// A size in which a table is printed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Size {
    /// The letter in tenths of a point.
    letter: usize,
    /// A line, in hundredths of a letter.
    line: usize,
    /// The room above and below in a cell, in hundredths of a letter.
    pad: usize,
    /// Whether it may be taken to spare a page; the smaller ones only where columns ask for it.
    spares: bool,
}

const fn size(letter: usize, line: usize, pad: usize, spares: bool) -> Size {
    Size {
        letter,
        line,
        pad,
        spares,
    }
}

/// From the largest.
const SIZES: [Size; 5] = [
    size(100, 130, 22, true),
    size(90, 125, 16, true),
    size(80, 120, 12, true),
    size(75, 120, 10, true),
    size(65, 115, 8, false),
];

impl Size {
    /// The class of a table that is printed so.
    pub(super) fn class(&self) -> String {
        format!("s{}", self.letter)
    }

    fn row(&self, lines: usize) -> usize {
        lines * self.letter * self.line / 100 + 2 * self.letter * self.pad / 100 + BORDER
    }

    /// The width of a column that holds so many letters of half width.
    fn column(&self, letters: usize) -> usize {
        letters * self.letter / 2 + 2 * self.letter * SIDE / 100 + BORDER
    }

    /// How many letters of half width a line of a column holds, with one left for wider fonts.
    fn holds(&self, column: usize) -> usize {
        let inside = column.saturating_sub(2 * self.letter * SIDE / 100 + BORDER);
        let letters = (inside + 1) * 2 / self.letter;
        (letters - usize::from(letters > TEXT_LEAST)).max(2)
    }
}

/// The look of the sizes.
pub(super) fn style() -> String {
    let point = |tenths: usize| format!("{}.{}pt", tenths / 10, tenths % 10);
    let look = |size: &Size| {
        let (class, letter) = (size.class(), point(size.letter));
        let (line, pad, side) = (size.line, size.pad, SIDE);
        format!(
            ".{class} {{ font-size: {letter}; line-height: {line}%; }}\n\
             .{class} th, .{class} td:not(.top) {{ padding: 0.{pad:02}em 0.{side:02}em; }}\n"
        )
    };
    SIZES.iter().map(look).collect::<Vec<_>>().concat()
}

/// What is printed around the rows of a table.
pub(super) struct Around<'n> {
    /// The height of what stands above it on every page.
    pub(super) above: usize,
    /// The notes below it on its last page.
    pub(super) notes: &'n [String],
}

/// How a table is printed.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) size: &'static Size,
    /// The columns in hundredths of a percent of the width.
    pub(super) columns: Vec<usize>,
    /// The rows of each page.
    pub(super) pages: Vec<Range<usize>>,
}

impl Layout {
    /// The largest size that brings a table to one page; else the largest that holds its columns,
    /// with the rows spread evenly.
    pub(super) fn of(table: &Table, around: &Around<'_>, language: Language) -> Self {
        let wants: Vec<Want> = (0..table.columns.len())
            .map(|at| want(table, at, language))
            .collect();
        let mut first = None;
        for size in &SIZES {
            let is_last = size == SIZES.last().unwrap_or(size);
            let Some(columns) = widths(&wants, size, is_last) else {
                continue;
            };
            if first.is_some() && !size.spares {
                break;
            }
            let heights = Heights::of(table, (size, &columns), around, language);
            let layout = Self {
                size,
                pages: heights.pages(),
                columns: columns.iter().map(|it| it * 10_000 / WIDTH).collect(),
            };
            if layout.pages.len() == 1 {
                return layout;
            }
            first.get_or_insert(layout);
        }
        first.unwrap_or_else(|| Self {
            size: &SIZES[0],
            columns: Vec::new(),
            pages: std::iter::once(0..table.rows.len()).collect(),
        })
    }
}

/// How many letters of half width a column asks for: at least, and to stand well.
#[derive(Debug)]
struct Want {
    least: usize,
    well: usize,
}

fn want(table: &Table, at: usize, language: Language) -> Want {
    let Some(column) = table.columns.get(at) else {
        return Want { least: 2, well: 2 };
    };
    let cells = table.rows.iter().chain(&table.total);
    let cells = cells.filter_map(|row| row.get(at));
    let content = cells.map(|cell| width(&cell.say(language))).max();
    let content = content.unwrap_or_default();
    let heading = label(column, language);
    let word = heading.split(' ').map(longest).max().unwrap_or_default();
    let (least, well) = match column.content {
        Content::Text => (content.min(TEXT_LEAST), content.min(TEXT_MOST)),
        // Digits are never parted.
        _ => (content + 1, content + 1),
    };
    let least = least.max(word.min(10)).max(4);
    Want {
        least,
        well: well.max(width(&heading).div_ceil(2)).max(least),
    }
}

/// The width of what a line cannot part: a word of ours, or two letters of theirs.
fn longest(word: &str) -> usize {
    match word.chars().any(|letter| char_width(letter) == 2) {
        true => 4,
        false => width(word),
    }
}

/// The widths of the columns, as wide as the sheet together; none where they do not fit and must.
fn widths(wants: &[Want], size: &Size, must: bool) -> Option<Vec<usize>> {
    let sum =
        |of: fn(&Want) -> usize| -> usize { wants.iter().map(|it| size.column(of(it))).sum() };
    let (least, well) = (sum(|it| it.least), sum(|it| it.well));
    if least > WIDTH && !must {
        return None;
    }
    let part = |want: &Want| {
        let (low, high) = (size.column(want.least), size.column(want.well));
        if well <= WIDTH {
            high * WIDTH / well.max(1)
        } else if least <= WIDTH {
            low + (high - low) * (WIDTH - least) / (well - least).max(1)
        } else {
            low * WIDTH / least
        }
    };
    Some(wants.iter().map(part).collect())
}

/// The heights of what stands on a page.
struct Heights {
    rows: Vec<usize>,
    /// What the rows have on a page.
    room: usize,
    /// The sums of a page, where there is more than one.
    sums: usize,
    /// The total and the notes.
    tail: usize,
}

impl Heights {
    fn of(
        table: &Table,
        (size, columns): (&Size, &[usize]),
        around: &Around<'_>,
        language: Language,
    ) -> Self {
        let hold: Vec<usize> = columns.iter().map(|column| size.holds(*column)).collect();
        let row = |row: &Vec<Cell>| {
            let cells = table.columns.iter().zip(row).zip(&hold);
            let cells = cells.map(|((column, cell), hold)| match column.content {
                Content::Text => lines(&cell.say(language), *hold),
                _ => 1,
            });
            size.row(cells.max().unwrap_or(1))
        };
        let total = table.total.as_ref().map_or(0, row);
        let is_summed = table.columns.iter().any(|column| column.is_summed);
        let notes = around.notes.iter().map(|note| {
            let broken = if note.starts_with("!!") { BROKEN } else { 0 };
            lines(note, WIDTH * 2 / NOTE_LETTER - 1) * NOTE_LINE + broken
        });
        let headings = headings(&table.columns, (size, columns), language);
        Self {
            rows: table.rows.iter().map(row).collect(),
            room: HEIGHT.saturating_sub(around.above + headings),
            sums: if is_summed { total.max(size.row(2)) } else { 0 },
            tail: total + notes.sum::<usize>(),
        }
    }

    /// The rows of each page: as few pages as there can be, and all about as full.
    fn pages(&self) -> Vec<Range<usize>> {
        let all: usize = self.rows.iter().sum::<usize>() + self.tail;
        if all <= self.room || self.rows.len() < 2 {
            return std::iter::once(0..self.rows.len()).collect();
        }
        let room = self.room.saturating_sub(self.sums);
        let least = self.fill(room);
        // The least room that needs no page more.
        let (mut low, mut high) = (all / (least.len() + 1), room);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.fill(middle).len() <= least.len() {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        self.fill(high)
    }

    /// Fills page after page; the last row brings the tail with it.
    fn fill(&self, room: usize) -> Vec<Range<usize>> {
        let mut pages = Vec::new();
        let (mut begin, mut used) = (0, 0);
        for (at, row) in self.rows.iter().enumerate() {
            let is_last = at + 1 == self.rows.len();
            let height = row + if is_last { self.tail } else { 0 };
            if used + height > room && at > begin {
                pages.push(begin..at);
                (begin, used) = (at, 0);
            }
            used += height;
        }
        pages.push(begin..self.rows.len());
        pages
    }
}

/// The height of the one or two lines of headings.
fn headings(columns: &[Column], (size, widths): (&Size, &[usize]), language: Language) -> usize {
    let of = |column: &Column, width: &usize| lines(&label(column, language), size.holds(*width));
    let both = || columns.iter().zip(widths);
    let alone = both().filter(|(column, _)| column.group.is_none());
    let alone = alone.map(|(column, width)| of(column, width)).max();
    let below = both().filter(|(column, _)| column.group.is_some());
    let below = below.map(|(column, width)| of(column, width)).max();
    let mut rest = widths;
    let mut above = 0;
    for (group, columns) in heads(columns) {
        let (own, others) = rest.split_at_checked(columns.len()).unwrap_or((rest, &[]));
        rest = others;
        if let Some(group) = group {
            let text = group.say(language);
            above = above.max(lines(text, size.holds(own.iter().sum())));
        }
    }
    let alone = size.row(alone.unwrap_or_default());
    below.map_or(alone, |below| alone.max(size.row(above) + size.row(below)))
}

/// How many lines a text takes where a line holds so many letters of half width: words stay whole
/// where they can, letters of theirs stand alone.
fn lines(text: &str, hold: usize) -> usize {
    text.split('\n').map(|line| wrapped(line, hold)).sum()
}

fn wrapped(line: &str, hold: usize) -> usize {
    let mut text = Wrapped {
        hold,
        count: 1,
        used: 0,
    };
    let mut word = 0;
    for letter in line.chars() {
        let letter_width = char_width(letter);
        if letter_width == 1 && letter != ' ' {
            word += 1;
            continue;
        }
        text.place(std::mem::take(&mut word));
        if letter == ' ' {
            // One at the end of a line hangs over it.
            text.used = (text.used + 1).min(hold);
        } else {
            text.place(letter_width);
        }
    }
    text.place(word);
    text.count
}

struct Wrapped {
    hold: usize,
    count: usize,
    used: usize,
}

impl Wrapped {
    fn place(&mut self, part: usize) {
        if self.used + part <= self.hold {
            self.used += part;
            return;
        }
        // What is longer than a line begins one, and breaks where the line ends.
        let broken = part.saturating_sub(1) / self.hold;
        self.count += usize::from(self.used > 0) + broken;
        self.used = part - broken * self.hold;
    }
}

#[cfg(test)]
mod tests {
    use super::{Heights, lines};

    #[test]
    fn words_stay_whole_and_long_ones_break() {
        for (text, hold, count) in [
            ("", 10, 1),
            ("涧西示例机械", 12, 1),
            ("涧西示例机械", 11, 2),
            ("涧西示例机械", 4, 3),
            ("two words", 9, 1),
            ("two words", 8, 2),
            ("ab cd", 2, 2),
            ("91410305MA00000000", 9, 2),
            ("91410305MA00000000", 10, 2),
            ("一 91410305MA00000000", 9, 3),
            ("一\n二", 10, 2),
        ] {
            assert_eq!(lines(text, hold), count, "{text} in {hold}");
        }
    }

    fn heights(rows: Vec<usize>) -> Heights {
        Heights {
            rows,
            room: 240,
            sums: 20,
            tail: 30,
        }
    }

    fn lens(heights: &Heights) -> Vec<usize> {
        heights.pages().iter().map(ExactSizeIterator::len).collect()
    }

    #[test]
    fn rows_are_spread_evenly_over_the_fewest_pages() {
        assert_eq!(lens(&heights(vec![10; 21])), [21]);
        // Three rows more than a page: not three alone on the next.
        assert_eq!(lens(&heights(vec![10; 24])), [14, 10]);
        assert_eq!(lens(&heights(vec![10; 60])), [21, 21, 18]);
        assert_eq!(lens(&heights(Vec::new())), [0]);
    }

    #[test]
    fn a_page_holds_fewer_rows_where_they_take_more_lines() {
        let mut rows = vec![10; 20];
        rows.extend([90; 4]);
        let sheets = heights(rows);
        let pages = sheets.pages();
        assert_eq!(pages.len(), 3);
        for page in &pages {
            let is_last = page.end == sheets.rows.len();
            let height: usize = sheets.rows[page.clone()].iter().sum();
            assert!(height + if is_last { 30 } else { 0 } <= 220, "{page:?}");
        }
        // What is taller than a sheet has one for itself.
        assert_eq!(lens(&heights(vec![10, 500, 10])), [1, 1, 1]);
    }
}

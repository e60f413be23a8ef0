//! Text tables: finds the encoding and the delimiter, and splits records as a spreadsheet does.
//!
//! Guarantees that no character is guessed: bytes that do not decode exactly are refused. Lines are
//! counted as records, so a line break inside quotation marks does not move the lines after it, and
//! blank lines count. The guard that the writer puts before dangerous texts is taken off again.

use encoding_rs::{GB18030, UTF_16BE, UTF_16LE};

use super::cell::Cell;
use super::error::{LooksLike, SheetError};
use super::grid::{Grid, GridBuilder, Wanted};
use super::header::{self, Header};
use super::heading::HeadingIndex;
use super::limits::Deadline;
use super::write::guard;

/// The delimiters that are tried, in the order in which equals are decided.
const DELIMITERS: [char; 4] = [',', '\t', ';', '|'];
/// Characters in which control characters are counted to tell text from anything else.
const PROBE_CHARS: usize = 4_096;

/// Decodes a text table: UTF-8 or UTF-16 by its mark, else UTF-8 if it is exactly that, else
/// GB18030 if it is exactly that.
pub(crate) fn decode(content: &[u8]) -> Result<String, SheetError> {
    let text = decode_exactly(content).ok_or_else(|| {
        if content.iter().take(PROBE_CHARS).any(|byte| *byte == 0) {
            SheetError::NotASpreadsheet {
                looks_like: LooksLike::Unknown,
            }
        } else {
            SheetError::Encoding
        }
    })?;
    let is_strange = |letter: &char| {
        letter.is_control() && !matches!(letter, '\n' | '\r' | '\t' | '\u{B}' | '\u{C}' | '\u{1A}')
    };
    let probed = text.chars().take(PROBE_CHARS).count();
    let strange = text.chars().take(PROBE_CHARS).filter(is_strange).count();
    if text.contains('\0') || strange * 100 > probed {
        return Err(SheetError::NotASpreadsheet {
            looks_like: LooksLike::Unknown,
        });
    }
    if is_markup(&text) {
        return Err(SheetError::NotASpreadsheet {
            looks_like: LooksLike::Markup,
        });
    }
    if text.trim().is_empty() {
        return Err(SheetError::Empty);
    }
    Ok(text)
}

fn decode_exactly(content: &[u8]) -> Option<String> {
    let utf_16 = |encoding: &'static encoding_rs::Encoding, bytes| {
        encoding
            .decode_without_bom_handling_and_without_replacement(bytes)
            .map(|text| text.into_owned())
    };
    if let Some(rest) = content.strip_prefix(b"\xEF\xBB\xBF") {
        return std::str::from_utf8(rest).ok().map(str::to_owned);
    }
    if let Some(rest) = content.strip_prefix(b"\xFF\xFE") {
        return utf_16(UTF_16LE, rest);
    }
    if let Some(rest) = content.strip_prefix(b"\xFE\xFF") {
        return utf_16(UTF_16BE, rest);
    }
    match std::str::from_utf8(content) {
        Ok(text) => Some(text.to_owned()),
        Err(_not_utf_8) => GB18030
            .decode_without_bom_handling_and_without_replacement(content)
            .map(|text| text.into_owned()),
    }
}

/// Tells whether a text is a web page or another markup document, which some systems name `.xls`.
fn is_markup(text: &str) -> bool {
    let start = text.trim_start();
    let is_tag = |rest: &str| {
        rest.starts_with(|sign: char| sign.is_ascii_alphabetic() || sign == '!' || sign == '?')
    };
    start.strip_prefix('<').is_some_and(is_tag)
        || start
            .get(..13)
            .is_some_and(|line| line.eq_ignore_ascii_case("mime-version:"))
}

/// Reads the table with the delimiter under which the most headings are known.
pub(crate) fn table(
    text: &str,
    name: &str,
    index: &HeadingIndex,
    deadline: Deadline,
) -> Result<(Grid, Header), SheetError> {
    let (declared, text) = declared_delimiter(text);
    let tried: Vec<char> = declared.map_or_else(|| DELIMITERS.to_vec(), |one| vec![one]);
    let mut best: Option<(char, Option<Header>, usize)> = None;
    let mut refused = None;
    for delimiter in tried {
        let head = match split(text, delimiter, name, Wanted::Head, deadline) {
            Ok(head) => head,
            Err(error) => {
                refused = refused.or(Some(error));
                continue;
            }
        };
        let header = header::find(&head.rows, index);
        let widest = head
            .rows
            .iter()
            .map(|row| row.cells.len())
            .max()
            .unwrap_or(0);
        let score = header.as_ref().map(|header| header.score);
        let is_better = best.as_ref().is_none_or(|(_, known, width)| {
            let known = known.as_ref().map(|header| header.score);
            score > known || (score == known && widest > *width)
        });
        if is_better {
            best = Some((delimiter, header, widest));
        }
    }
    // A delimiter under which the text breaks a bound is likelier the right one than one under
    // which nothing is known.
    if let Some(error) = refused
        && !matches!(best, Some((_, Some(_), _)))
    {
        return Err(error);
    }
    let delimiter = best.map_or(',', |(delimiter, ..)| delimiter);
    let grid = split(text, delimiter, name, Wanted::All, deadline)?;
    match header::find(&grid.rows, index) {
        Some(header) => Ok((grid, header)),
        None => {
            let headings = header::likely_headings(&grid.rows);
            let sheet = grid.name;
            Err(SheetError::NoKnownColumn {
                seen: vec![super::SeenSheet { sheet, headings }],
            })
        }
    }
}

/// Takes the line `sep=;` off, by which Excel is told the delimiter and which it does not show.
fn declared_delimiter(text: &str) -> (Option<char>, &str) {
    let Some(rest) = text.strip_prefix("sep=") else {
        return (None, text);
    };
    let mut letters = rest.chars();
    let Some(delimiter) = letters.next().filter(|letter| DELIMITERS.contains(letter)) else {
        return (None, text);
    };
    let after = letters.as_str();
    match after
        .strip_prefix("\r\n")
        .or_else(|| after.strip_prefix(['\n', '\r']))
    {
        Some(table) => (Some(delimiter), table),
        None => (None, text),
    }
}

/// Splits a text into records and cells.
fn split(
    text: &str,
    delimiter: char,
    name: &str,
    wanted: Wanted,
    deadline: Deadline,
) -> Result<Grid, SheetError> {
    let mut builder = GridBuilder::new(name, wanted, deadline);
    let mut rest = text.trim_end_matches('\u{1A}');
    let mut line: u32 = 1;
    let mut column: u32 = 0;
    while !rest.is_empty() && !builder.is_full() {
        let (cell, after) = field(rest, delimiter, line)?;
        builder.put(line, column, cell)?;
        let mut letters = after.chars();
        match letters.next() {
            Some(sign) if sign == delimiter => column = column.saturating_add(1),
            Some(sign) => {
                if sign == '\r' && letters.as_str().starts_with('\n') {
                    letters.next();
                }
                line = line.saturating_add(1);
                column = 0;
                if line.is_multiple_of(4_096) {
                    deadline.check()?;
                }
            }
            None => break,
        }
        rest = letters.as_str();
    }
    Ok(builder.finish(Vec::new()))
}

/// Reads one cell from the start of `rest`; what remains begins with the sign that ended it.
fn field(rest: &str, delimiter: char, line: u32) -> Result<(Cell, &str), SheetError> {
    let is_end = |letter: char| letter == delimiter || letter == '\n' || letter == '\r';
    let Some(mut quoted) = rest.strip_prefix('"') else {
        let end = rest.find(is_end).unwrap_or(rest.len());
        let (content, after) = rest.split_at(end);
        return Ok((cell(content.to_owned()), after));
    };
    let mut content = String::new();
    loop {
        let Some((before, after)) = quoted.split_once('"') else {
            return Err(SheetError::OpenQuote { line });
        };
        content.push_str(before);
        match after.strip_prefix('"') {
            Some(more) => {
                content.push('"');
                quoted = more;
            }
            None => {
                // What follows the closing mark before the delimiter belongs to the cell.
                let end = after.find(is_end).unwrap_or(after.len());
                let (tail, after) = after.split_at(end);
                content.push_str(tail);
                return Ok((cell(content), after));
            }
        }
    }
}

/// Takes off what was put around a text so that a spreadsheet shows it as it is: our own guard, or
/// the `="00123"` by which other programs keep digits from becoming a number.
fn cell(content: String) -> Cell {
    if let Some(bare) = guard::taken_off(&content) {
        return Cell::text(bare);
    }
    let kept = content
        .strip_prefix("=\"")
        .and_then(|rest| rest.strip_suffix('"'));
    match kept {
        Some(bare) if !bare.contains('"') => Cell::text(bare),
        _ => Cell::text(content),
    }
}

#[cfg(test)]
mod tests {
    use super::{Deadline, Wanted, declared_delimiter, decode, split};
    use crate::sheet::SheetError;

    fn lines(text: &str) -> Vec<(u32, Vec<String>)> {
        let grid = split(text, ',', "t", Wanted::All, Deadline::start()).unwrap();
        let texts = |row: &crate::sheet::grid::GridRow| {
            row.cells
                .iter()
                .map(|(_, cell)| cell.to_text().into_owned())
                .collect()
        };
        grid.rows.iter().map(|row| (row.line, texts(row))).collect()
    }

    fn cells(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn records_are_counted_as_a_sheet_shows_them() {
        let text = "a,\"b\nb\",c\r\n\r\n,,\n\"x\"\"y\",z\r\"last\"";
        assert_eq!(
            lines(text),
            [
                (1, cells(&["a", "b\nb", "c"])),
                (4, cells(&["x\"y", "z"])),
                (5, cells(&["last"]))
            ]
        );
    }

    #[test]
    fn an_open_quote_is_refused_with_its_line() {
        let refused = split(
            "a,b\nc,\"d\ne,f\n",
            ',',
            "t",
            Wanted::All,
            Deadline::start(),
        );
        assert!(matches!(refused, Err(SheetError::OpenQuote { line: 2 })));
    }

    #[test]
    fn guards_of_our_own_and_of_others_are_taken_off() {
        assert_eq!(
            lines("'=1+1,'-5,=\"00123\",it's,'甲\n"),
            [(1, cells(&["=1+1", "-5", "00123", "it's", "'甲"]))]
        );
    }

    #[test]
    fn a_declared_delimiter_is_no_line() {
        assert_eq!(declared_delimiter("sep=;\r\na;b"), (Some(';'), "a;b"));
        assert_eq!(declared_delimiter("sep=x\na"), (None, "sep=x\na"));
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        assert!(matches!(
            decode(b"\x80\x81\xFF\xFF"),
            Err(SheetError::Encoding)
        ));
        assert!(matches!(
            decode(b"a,b\0c"),
            Err(SheetError::NotASpreadsheet { .. })
        ));
        assert!(matches!(
            decode(b"<html><table>"),
            Err(SheetError::NotASpreadsheet { .. })
        ));
        assert!(matches!(decode(b" \r\n "), Err(SheetError::Empty)));
        assert_eq!(decode(b"\xB5\xA5\xCE\xBB,1").unwrap(), "单位,1");
    }
}

//! The texts of a workbook: shared ones, and those in cells.
//!
//! Guarantees that runs of one text are joined, that reading aids above characters are left out,
//! and that characters XML cannot hold come back from `_x000D_` and its like.

use super::part::{Part, Token};
use crate::sheet::error::{Bound, SheetError};
use crate::sheet::limits::{Deadline, TEXT_BYTES_MAX};

/// Memory that one text takes beside its bytes.
const STRING_BYTES: usize = size_of::<String>();
/// Texts between two looks at the clock.
const STRINGS_PER_CHECK: usize = 4_096;

/// Reads the shared texts.
pub(super) fn shared(text: &str, name: &str, by: Deadline) -> Result<Vec<String>, SheetError> {
    let mut part = Part::new(text, name);
    let mut strings: Vec<String> = Vec::new();
    let mut bytes: usize = 0;
    loop {
        match part.next()? {
            Token::Open(tag) if tag.is("si") => {
                let one = if tag.is_empty {
                    String::new()
                } else {
                    rich_text(&mut part, "si")?
                };
                bytes = bytes.saturating_add(one.len() + STRING_BYTES);
                strings.push(one);
                if bytes > TEXT_BYTES_MAX {
                    let limit = u64::try_from(TEXT_BYTES_MAX).unwrap_or(u64::MAX);
                    return Err(SheetError::TooLarge {
                        what: Bound::TextBytes,
                        limit,
                    });
                }
                if strings.len().is_multiple_of(STRINGS_PER_CHECK) {
                    by.check()?;
                }
            }
            Token::End => return Ok(strings),
            Token::Open(_) | Token::Close(_) | Token::Text(_) => {}
        }
    }
}

/// Reads a text of one or more runs up to the end of the tag that holds it.
pub(super) fn rich_text(part: &mut Part<'_>, until: &str) -> Result<String, SheetError> {
    let mut collected = String::new();
    loop {
        match part.next()? {
            Token::Open(tag) if tag.is("t") && !tag.is_empty => {
                collected.push_str(&part.text_until("t")?);
            }
            Token::Open(tag) if tag.is("rPh") && !tag.is_empty => part.skip(&tag)?,
            Token::Close(name) if name == until => return Ok(unescaped(&collected)),
            Token::End => return Err(part.damaged("text not closed")),
            Token::Open(_) | Token::Close(_) | Token::Text(_) => {}
        }
    }
}

/// Resolves `_x000D_` and its like; `_x005F_` is the underscore that protects one.
pub(super) fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("_x") {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let character = from
            .get(2..6)
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .filter(|_| from.get(6..7) == Some("_"))
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .and_then(char::from_u32);
        match character {
            Some(character) => {
                out.push(character);
                rest = from.get(7..).unwrap_or_default();
            }
            None => {
                out.push_str("_x");
                rest = from.get(2..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::unescaped;

    #[test]
    fn escapes_of_the_sheet_are_resolved_once() {
        assert_eq!(unescaped("a_x000D_b"), "a\rb");
        assert_eq!(unescaped("_x005F_x000D_"), "_x000D_");
        assert_eq!(unescaped("_x_x00_xZZZZ_甲_x"), "_x_x00_xZZZZ_甲_x");
        assert_eq!(unescaped("_x甲乙"), "_x甲乙");
    }
}

//! Number formats: tells which cell styles show a date.
//!
//! Guarantees that the date formats every Chinese office uses are known by their numbers too, which
//! such programs write without spelling them out, and that times of day alone are no dates.

use std::collections::HashMap;

use super::part::{Part, Token};
use crate::sheet::error::{Bound, SheetError};
use crate::sheet::limits::STYLES_MAX;

/// Reads for each cell style whether it shows a date.
pub(super) fn date_styles(text: &str, name: &str) -> Result<Vec<bool>, SheetError> {
    let mut part = Part::new(text, name);
    let mut formats: HashMap<u32, bool> = HashMap::new();
    let mut styles = Vec::new();
    let mut in_cell_styles = false;
    loop {
        match part.next()? {
            Token::Open(tag) if tag.is("numFmt") => {
                if let (Some(id), Some(code)) = (tag.number("numFmtId"), tag.value("formatCode")) {
                    formats.insert(id, shows_date(&code));
                }
            }
            Token::Open(tag) if tag.is("cellXfs") => in_cell_styles = !tag.is_empty,
            Token::Close(closed) if closed == "cellXfs" => in_cell_styles = false,
            Token::Open(tag) if tag.is("xf") && in_cell_styles => {
                let id = tag.number("numFmtId").unwrap_or(0);
                styles.push(
                    formats
                        .get(&id)
                        .copied()
                        .unwrap_or_else(|| is_built_in_date(id)),
                );
            }
            Token::End => return Ok(styles),
            Token::Open(_) | Token::Close(_) | Token::Text(_) => {}
        }
        if styles.len() > STYLES_MAX || formats.len() > STYLES_MAX {
            let limit = u64::try_from(STYLES_MAX).unwrap_or(u64::MAX);
            return Err(SheetError::TooLarge {
                what: Bound::Styles,
                limit,
            });
        }
    }
}

/// Tells whether a built-in format shows a date. 27 to 58 are those of East Asian offices, where
/// 32 to 35, 55 and 56 are times of day.
pub(in crate::sheet) fn is_built_in_date(id: u32) -> bool {
    matches!(id, 14..=17 | 22 | 27..=31 | 36 | 50..=54 | 57 | 58)
}

/// Tells whether a format code shows a date: a year or a day, a weekday, or a month that is not
/// the minute of a time. Quoted words, escaped signs and bracketed conditions say nothing.
pub(in crate::sheet) fn shows_date(code: &str) -> bool {
    let mut bare = String::with_capacity(code.len());
    let mut letters = code.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => {
                letters.by_ref().find(|letter| *letter == '"');
            }
            '[' => {
                let inside: String = letters
                    .by_ref()
                    .take_while(|letter| *letter != ']')
                    .collect();
                // Elapsed hours, minutes or seconds; anything else is a colour, place or condition.
                let is_elapsed = inside.chars().all(|letter| "hmsHMS".contains(letter));
                if is_elapsed && !inside.is_empty() {
                    bare.push('h');
                }
            }
            '\\' | '_' | '*' => {
                letters.next();
            }
            ';' => break,
            letter => bare.extend(letter.to_lowercase()),
        }
    }
    if bare.contains("general") {
        return false;
    }
    let has_time = bare.contains(['h', 's']);
    bare.contains(['y', 'd']) || bare.contains("aaa") || (bare.contains('m') && !has_time)
}

#[cfg(test)]
mod tests {
    use super::{is_built_in_date, shows_date};

    #[test]
    fn formats_that_show_a_day_are_dates() {
        for code in [
            "yyyy-mm-dd",
            "yyyy\"年\"m\"月\"d\"日\"",
            "[$-804]yyyy\"年\"m\"月\"",
            "m/d/yy",
            "yyyy年m月d日",
            "mmm-yy",
            "m-d",
            "[DBNum1][$-804]yyyy\"年\"m\"月\"d\"日\";@",
            "yyyy/m/d h:mm",
            "[$-F800]dddd, mmmm dd, yyyy",
            "aaaa",
        ] {
            assert!(shows_date(code), "{code}");
        }
        for code in [
            "General",
            "0.00",
            "@",
            "h:mm:ss",
            "[h]:mm",
            "mm:ss",
            "#,##0\"days\"",
            "[Red]0",
            "0\\d",
            "0_m",
            "0.00E+00",
            "0;yyyy",
        ] {
            assert!(!shows_date(code), "{code}");
        }
        assert!(is_built_in_date(14) && is_built_in_date(31) && is_built_in_date(57));
        assert!(!is_built_in_date(0) && !is_built_in_date(20) && !is_built_in_date(49));
    }
}

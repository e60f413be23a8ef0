//! How text is stored: normalised once, when it is written, so that reading compares bytes.
//!
//! Names and addresses are NFKC with full-width brackets; every text is trimmed, has single
//! spaces and no control characters; counts and flags are read in the forms that offices write.

use unicode_normalization::UnicodeNormalization as _;

/// Characters of a text of one line: a name of 200 characters is long already.
pub const TEXT_CHARS_MAX: usize = 1_000;

/// Characters of a text of several lines; four of them fill a quarter of a record.
pub const LONG_TEXT_CHARS_MAX: usize = 5_000;

/// Words that offices put behind a number.
const UNITS: &[&str] = &[
    "人次",
    "学时",
    "小时",
    "人",
    "名",
    "个",
    "家",
    "户",
    "次",
    "位",
    "天",
    "年",
    "㎡",
    "平方米",
];

/// Why a text is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// It holds a control character.
    #[error("text holds a control character")]
    Control,
    /// It is too long.
    #[error("text is too long")]
    Long {
        /// Characters at most.
        max: usize,
    },
}

/// Returns a text of one line as it is stored: trimmed, single spaces.
///
/// # Errors
/// A control character; too long.
pub fn line(input: &str) -> Result<String, TextError> {
    let out = collapse(input.chars())?;
    bounded(out, TEXT_CHARS_MAX)
}

/// Returns a name or an address as it is stored: NFKC, trimmed, single spaces, brackets
/// full-width.
///
/// # Errors
/// A control character; too long.
pub fn name(input: &str) -> Result<String, TextError> {
    let wide = |letter| match letter {
        '(' => '（',
        ')' => '）',
        other => other,
    };
    // What has no width goes first: without it, letters beside it may compose.
    let out = collapse(input.chars().filter(|c| !is_invisible(*c)).nfkc().map(wide))?;
    bounded(out, TEXT_CHARS_MAX)
}

/// Returns a text of several lines as it is stored: trimmed at both ends, lines ended by `\n`.
///
/// # Errors
/// A control character other than a line end or a tab; too long.
pub fn long(input: &str) -> Result<String, TextError> {
    let joined = input.replace("\r\n", "\n").replace('\r', "\n");
    let trimmed = joined.trim_matches(|c: char| c.is_whitespace() || is_invisible(c));
    if trimmed
        .chars()
        .any(|c| is_refused(c) && !matches!(c, '\n' | '\t'))
    {
        return Err(TextError::Control);
    }
    bounded(
        trimmed.chars().filter(|c| !is_invisible(*c)).collect(),
        LONG_TEXT_CHARS_MAX,
    )
}

/// Returns a credit code as it is stored: NFKC, without spaces and hyphens, upper case.
#[must_use]
pub fn code(input: &str) -> String {
    input
        .nfkc()
        .filter(|c| !c.is_whitespace() && !is_invisible(*c) && !is_hyphen(*c))
        .flat_map(char::to_uppercase)
        .nfkc()
        .collect()
}

/// Returns what two spellings of one thing have in common: width, case, spaces and kinds of
/// brackets and quotation marks taken away. Compared, never stored.
#[must_use]
pub fn loose(input: &str) -> String {
    input
        .nfkc()
        .filter(|c| !c.is_whitespace() && !is_invisible(*c))
        .filter(|c| !matches!(c, '"' | '\'' | '“' | '”' | '‘' | '’' | '「' | '」'))
        .map(|c| match c {
            '〔' | '【' | '[' => '(',
            '〕' | '】' | ']' => ')',
            other => other,
        })
        .flat_map(char::to_lowercase)
        .collect()
}

/// Reads a count: `12`, `12人`, `12.0`, `１２`, `1,234`, `1，234`.
#[must_use]
pub fn count(input: &str) -> Option<u32> {
    whole(input, UNITS)?.try_into().ok()
}

/// Reads an amount in whole fen, zero or more, as it is stored.
#[must_use]
pub fn fen(input: &str) -> Option<u64> {
    // Sums of amounts must not overflow: a thousand billion yuan is more than any budget.
    whole(input, &["分"]).filter(|fen| *fen <= 100_000_000_000_000)
}

/// Reads a telephone number: 3 to 20 digits, with hyphens or spaces between them, and one plus
/// before them.
#[must_use]
pub fn phone(input: &str) -> Option<String> {
    let text: String = input.nfkc().collect();
    let parts: Vec<&str> = text.split_whitespace().collect();
    let text = parts.join(" ");
    let rest = text.strip_prefix('+').unwrap_or(&text);
    let digits = rest.chars().filter(char::is_ascii_digit).count();
    let fits = rest
        .chars()
        .all(|c| c.is_ascii_digit() || c == '-' || c == ' ');
    (fits && (3..=20).contains(&digits) && rest.len() <= 30).then_some(text)
}

/// Reads a whole number, whatever its width, with groups of three.
fn whole(input: &str, units: &[&str]) -> Option<u64> {
    let text: String = input.nfkc().filter(|c| !c.is_whitespace()).collect();
    let text = units
        .iter()
        .find_map(|unit| text.strip_suffix(unit))
        .unwrap_or(&text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|b| b == b'0') || (fraction.is_empty() && text.contains('.')) {
        return None;
    }
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or_default();
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !is_number(first) || !groups.all(|group| group.len() == 3 && is_number(group)) {
        return None;
    }
    if whole.contains(',') && first.len() > 3 {
        return None;
    }
    whole.replace(',', "").parse().ok()
}

/// Reads a flag: `是`/`否` and the like.
#[must_use]
pub fn flag(input: &str) -> Option<bool> {
    match loose(input).as_str() {
        "是" | "有" | "对" | "√" | "✓" | "✔" | "true" | "yes" | "y" | "t" | "1" | "1.0" => {
            Some(true)
        }
        "否" | "无" | "没有" | "不是" | "×" | "✗" | "x" | "false" | "no" | "n" | "f" | "0"
        | "0.0" => Some(false),
        _ => None,
    }
}

/// Trims and leaves single spaces. A line end counts as a space: a cell with a line break is
/// still one name.
fn collapse(letters: impl Iterator<Item = char>) -> Result<String, TextError> {
    let mut out = String::new();
    let mut gap = false;
    for letter in letters.filter(|c| !is_invisible(*c)) {
        if letter.is_whitespace() {
            gap = !out.is_empty();
        } else if is_refused(letter) {
            return Err(TextError::Control);
        } else {
            if std::mem::take(&mut gap) {
                out.push(' ');
            }
            out.push(letter);
        }
    }
    Ok(out)
}

fn bounded(text: String, max: usize) -> Result<String, TextError> {
    if text.chars().count() > max {
        Err(TextError::Long { max })
    } else {
        Ok(text)
    }
}

/// Characters of no width that spreadsheets leave behind. Two names that differ only by one look
/// the same to everybody.
fn is_invisible(letter: char) -> bool {
    matches!(
        letter,
        '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' | '\u{00ad}'
    )
}

/// Control characters, and those that turn the direction of what stands beside them.
fn is_refused(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn is_hyphen(letter: char) -> bool {
    matches!(letter, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// Whether a text is the letter of an industry of GB/T 4754.
#[must_use]
pub fn is_industry(text: &str) -> bool {
    matches!(text.as_bytes(), [b'A'..=b'T'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_and_telephone_numbers_are_read_as_they_are_stored() {
        assert_eq!(fen("1,234,500 分"), Some(1_234_500));
        for wrong in ["12.5", "-1", "12人", "", "100000000000001"] {
            assert_eq!(fen(wrong), None, "{wrong}");
        }
        assert_eq!(phone("０３７９－0123"), Some("0379-0123".to_owned()));
        assert_eq!(phone("+86 379  0123"), Some("+86 379 0123".to_owned()));
        for wrong in ["", "12", "0379x123", "++86 123", "123456789012345678901"] {
            assert_eq!(phone(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn names_are_stored_trimmed_with_full_width_brackets() {
        assert_eq!(
            name("  涧西演朗乙申设计咨询有限公司(演示) ").unwrap(),
            "涧西演朗乙申设计咨询有限公司（演示）"
        );
        assert_eq!(
            name("\u{3000}ＡＢＣ  公司\u{3000}\n(甲)").unwrap(),
            "ABC 公司 （甲）"
        );
        assert_eq!(name("   ").unwrap(), "");
        assert_eq!(name("a\u{0}b"), Err(TextError::Control));
        assert_eq!(name("a\u{202e}b"), Err(TextError::Control));
        assert_eq!(name("甲\u{200b}乙").unwrap(), "甲乙");
        assert_eq!(
            line("ＡＢ  （x）").unwrap(),
            "ＡＢ （x）",
            "no NFKC where the type does not say so"
        );
        assert_eq!(long(" 一\r\n二 \r\n").unwrap(), "一\n二");
        assert_eq!(long("\u{7}"), Err(TextError::Control));
        assert!(matches!(
            line(&"长".repeat(1_001)),
            Err(TextError::Long { max: 1_000 })
        ));
    }

    #[test]
    fn counts_are_read_as_offices_write_them() {
        for (text, number) in [
            ("12", 12),
            ("12人", 12),
            ("12.0", 12),
            ("１２", 12),
            ("1,234", 1_234),
            ("1，234人", 1_234),
            (" 7 名 ", 7),
            ("0", 0),
            ("０人", 0),
            ("12.00", 12),
            ("4294967295", u32::MAX),
            ("007", 7),
        ] {
            assert_eq!(count(text), Some(number), "{text}");
        }
        for text in [
            "",
            "-1",
            "12.5",
            "十二",
            "1,23",
            "1234,567",
            "12.",
            "人",
            "1 2x",
            "4294967296",
            "1e3",
            ",1",
        ] {
            assert_eq!(count(text), None, "{text}");
        }
    }

    #[test]
    fn flags_are_read_as_offices_write_them() {
        assert_eq!(flag(" 是 "), Some(true));
        assert_eq!(flag("无"), Some(false));
        assert_eq!(flag("ＴＲＵＥ"), Some(true));
        assert_eq!(flag("也许"), None);
        assert_eq!(flag(""), None);
    }

    #[test]
    fn credit_codes_are_stored_as_the_vectors_say() {
        let vectors = include_str!("../../../tests/data/uscc_normalise.csv");
        let mut rows = 0;
        for row in vectors.lines().skip(1) {
            let (input, canonical) = row.split_once(',').unwrap();
            assert_eq!(code(input), canonical, "{input}");
            rows += 1;
        }
        assert_eq!(rows, 20);
    }

    proptest! {
        #[test]
        fn what_is_stored_normalises_to_itself(text in "\\PC{0,40}") {
            if let Ok(once) = name(&text) {
                prop_assert_eq!(name(&once).unwrap(), once);
            }
            if let Ok(once) = line(&text) {
                prop_assert_eq!(line(&once).unwrap(), once);
            }
            if let Ok(once) = long(&text) {
                prop_assert_eq!(long(&once).unwrap(), once);
            }
            prop_assert_eq!(code(&code(&text)), code(&text));
        }
    }
}

//! Calendar days, and the forms in which people type them.
//!
//! Guarantees that a `Date` is a real day between 1800 and 9999, and that only complete dates are
//! taken: a year and month alone, or a year of two digits, is text.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

/// A day of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

/// From which day a workbook counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Epoch {
    /// Day 1 is 1900-01-01, and 1900 has a leap day that never was.
    Year1900,
    /// Day 0 is 1904-01-01.
    Year1904,
}

/// Days from 1970-01-01 to 1899-12-30, which makes day 61 of the 1900 count 1900-03-01.
const EPOCH_1900_DAYS: i64 = -25_569;
/// Days from 1970-01-01 to 1904-01-01.
const EPOCH_1904_DAYS: i64 = -24_107;
/// The day number of 9999-12-31 in the 1900 count; no sheet goes further.
const SERIAL_MAX: f64 = 2_958_465.0;

impl Date {
    /// Makes a date of a day that exists.
    #[must_use]
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let is_leap =
            (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400);
        let days = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if is_leap => 29,
            2 => 28,
            _ => return None,
        };
        let is_day = (1800..=9999).contains(&year) && (1..=days).contains(&day);
        is_day.then_some(Self { year, month, day })
    }

    /// Returns the year.
    #[must_use]
    pub fn year(self) -> u16 {
        self.year
    }

    /// Returns the month, from 1.
    #[must_use]
    pub fn month(self) -> u8 {
        self.month
    }

    /// Returns the day of the month, from 1.
    #[must_use]
    pub fn day(self) -> u8 {
        self.day
    }

    /// Reads a date typed as `2020-9-30`, `2020/9/30`, `2020.09.30`, `2020年9月30日` or
    /// `20200930`, in characters of any width, with stray spaces, with or without a time after it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let folded: Vec<char> = text.nfkc().collect();
        let letters: Vec<char> = trimmed(&folded).to_vec();
        if letters.len() == 8 && letters.iter().all(char::is_ascii_digit) {
            let (year, rest) = number(&letters, 4)?;
            let (month, rest) = number(rest, 2)?;
            let (day, _) = number(rest, 2)?;
            return build(year, month, day);
        }
        let (date, rest) = prefix(&letters)?;
        is_time_of_day(rest).then_some(date)
    }

    /// Returns the day that a number of days since `epoch` is; `None` before the first and after
    /// the last day, and for the leap day of 1900 that never was.
    pub(crate) fn from_serial(serial: f64, epoch: Epoch) -> Option<Self> {
        if !(0.0..=SERIAL_MAX + 0.999_999).contains(&serial) {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the range was checked above"
        )]
        let days = serial.floor() as i64;
        let since_1970 = match epoch {
            Epoch::Year1904 => EPOCH_1904_DAYS + days,
            Epoch::Year1900 if days == 0 || days == 60 => return None,
            Epoch::Year1900 if days < 60 => EPOCH_1900_DAYS + days + 1,
            Epoch::Year1900 => EPOCH_1900_DAYS + days,
        };
        from_days(since_1970)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// Finds every complete date inside a longer text, with what stands before each.
///
/// `填报单位：示例  填报日期：2020年9月30日` gives one, after the words `填报日期：`.
#[must_use]
pub fn find_dates(text: &str) -> Vec<(String, Date)> {
    let letters: Vec<char> = text.nfkc().collect();
    let mut found = Vec::new();
    let mut at = 0;
    let mut label_from = 0;
    while at < letters.len() {
        let follows_digit = at
            .checked_sub(1)
            .and_then(|before| letters.get(before))
            .is_some_and(char::is_ascii_digit);
        let rest = letters.get(at..).unwrap_or_default();
        match prefix(rest) {
            Some((date, after)) if !follows_digit => {
                let label: String = letters
                    .get(label_from..at)
                    .unwrap_or_default()
                    .iter()
                    .collect();
                found.push((label, date));
                at = letters.len() - after.len();
                label_from = at;
            }
            _ => at += 1,
        }
    }
    found
}

/// Reads year, month and day with a separator between them from the start of `letters`.
fn prefix(letters: &[char]) -> Option<(Date, &[char])> {
    let (year, rest) = number(letters, 4)?;
    let (first, rest) = separator(spaces(rest))?;
    let (month, rest) = number(spaces(rest), 2)?;
    let (second, rest) = separator(spaces(rest))?;
    if is_word(first) != is_word(second) {
        return None;
    }
    let (day, rest) = number(spaces(rest), 2)?;
    let date = build(year, month, day)?;
    if rest.first().is_some_and(char::is_ascii_digit) {
        return None;
    }
    match spaces(rest).split_first() {
        Some(('日' | '号', after)) => Some((date, after)),
        _ => Some((date, rest)),
    }
}

fn build(year: u32, month: u32, day: u32) -> Option<Date> {
    Date::new(
        u16::try_from(year).ok()?,
        u8::try_from(month).ok()?,
        u8::try_from(day).ok()?,
    )
}

/// Reads a number of at most `digits_max` digits; a year (four) must have them all.
fn number(letters: &[char], digits_max: usize) -> Option<(u32, &[char])> {
    let digits = letters
        .iter()
        .take(digits_max)
        .take_while(|letter| letter.is_ascii_digit())
        .count();
    if digits == 0 || (digits_max == 4 && digits != 4) {
        return None;
    }
    let (taken, rest) = letters.split_at_checked(digits)?;
    let value = taken
        .iter()
        .filter_map(|digit| digit.to_digit(10))
        .fold(0, |sum, one| sum * 10 + one);
    Some((value, rest))
}

fn separator(letters: &[char]) -> Option<(char, &[char])> {
    match letters.split_first() {
        Some((letter @ ('-' | '/' | '.' | '年' | '月' | '—' | '–' | '−' | '。' | '、'), rest)) => {
            Some((*letter, rest))
        }
        _ => None,
    }
}

fn is_word(separator: char) -> bool {
    matches!(separator, '年' | '月')
}

fn spaces(letters: &[char]) -> &[char] {
    let count = letters
        .iter()
        .take_while(|letter| letter.is_whitespace())
        .count();
    letters.get(count..).unwrap_or_default()
}

fn trimmed(letters: &[char]) -> &[char] {
    let is_seen = |letter: &char| !super::cell::is_unseen(*letter);
    let from = letters.iter().position(is_seen).unwrap_or(letters.len());
    let to = letters
        .iter()
        .rposition(is_seen)
        .map_or(from, |last| last + 1);
    letters.get(from..to).unwrap_or_default()
}

/// Tells whether the rest is nothing, or a time such as ` 00:00:00` or `T08:30:00.000Z`.
fn is_time_of_day(rest: &[char]) -> bool {
    let Some((first, after)) = rest.split_first() else {
        return true;
    };
    if !(first.is_whitespace() || *first == 'T') {
        return false;
    }
    let mut parts = after
        .iter()
        .copied()
        .filter(|letter| !letter.is_whitespace())
        .peekable();
    parts.peek().is_some()
        && parts.all(|letter| letter.is_ascii_digit() || matches!(letter, ':' | '.' | 'Z' | '+'))
}

/// The civil calendar from a count of days, by the usual 400-year eras.
fn from_days(since_1970: i64) -> Option<Date> {
    let shifted = since_1970 + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    Date::new(
        u16::try_from(year).ok()?,
        u8::try_from(month).ok()?,
        u8::try_from(day).ok()?,
    )
}

#[cfg(test)]
mod tests {
    use super::{Date, Epoch, find_dates};

    #[test]
    fn every_usual_form_is_the_same_day() {
        let day = Date::new(2020, 9, 30);
        for typed in [
            "2020-9-30",
            "2020-09-30",
            "2020/9/30",
            "2020.09.30",
            "2020年9月30日",
            "2020年09月30",
            "２０２０年９月３０日",
            "２０２０－０９－３０",
            "2020．9．30",
            " 2020 年 9 月 30 日 ",
            "20200930",
            "2020-09-30 00:00:00",
            "2020-09-30T00:00:00",
            "2020年9月30号",
            "2020—9—30",
            "\u{3000}2020/9/30",
        ] {
            assert_eq!(Date::parse(typed), day, "{typed}");
        }
    }

    #[test]
    fn what_is_no_complete_day_is_no_date() {
        for typed in [
            "",
            "2020",
            "2020-9",
            "2020年9月",
            "20-9-30",
            "2020-13-1",
            "2020-2-30",
            "2021-02-29",
            "2020-9-301",
            "2020-9-30前",
            "2020年9-30",
            "约2020-9-30",
            "12020-9-30",
            "2020930",
            "0000-00-00",
        ] {
            assert_eq!(Date::parse(typed), None, "{typed}");
        }
    }

    #[test]
    fn serial_numbers_follow_both_epochs_and_the_false_leap_day() {
        let day = |serial, epoch| Date::from_serial(serial, epoch).map(|date| date.to_string());
        assert_eq!(day(1.0, Epoch::Year1900).as_deref(), Some("1900-01-01"));
        assert_eq!(day(59.0, Epoch::Year1900).as_deref(), Some("1900-02-28"));
        assert_eq!(day(60.0, Epoch::Year1900), None);
        assert_eq!(day(61.0, Epoch::Year1900).as_deref(), Some("1900-03-01"));
        assert_eq!(
            day(44_104.0, Epoch::Year1900).as_deref(),
            Some("2020-09-30")
        );
        assert_eq!(
            day(44_104.75, Epoch::Year1900).as_deref(),
            Some("2020-09-30")
        );
        assert_eq!(
            day(42_642.0, Epoch::Year1904).as_deref(),
            Some("2020-09-30")
        );
        assert_eq!(day(0.0, Epoch::Year1904).as_deref(), Some("1904-01-01"));
        assert_eq!(
            day(2_958_465.0, Epoch::Year1900).as_deref(),
            Some("9999-12-31")
        );
        for odd in [-1.0, 0.5, 2_958_466.0, f64::NAN, f64::INFINITY] {
            assert_eq!(day(odd, Epoch::Year1900), None, "{odd}");
        }
    }

    #[test]
    fn dates_inside_a_line_are_found_with_their_words() {
        let found = find_dates("填报单位：示例  填报日期：2020年9月30日  审核日期：2020-10-8");
        let shown: Vec<_> = found
            .iter()
            .map(|(label, date)| format!("{label}{date}"))
            .collect();
        assert_eq!(
            shown,
            [
                "填报单位:示例  填报日期:2020-09-30",
                "  审核日期:2020-10-08"
            ]
        );
        assert!(find_dates("电话 0379-12020-9-30").is_empty());
    }
}

//! Calendar dates: reading every form that offices write, and the one form that is stored.
//!
//! What leaves here is a day that exists, as `YYYY-MM-DD`; everything else is refused.

use std::ops::RangeInclusive;

use time::{Duration, Month};
use unicode_normalization::UnicodeNormalization as _;

/// A day.
pub type Date = time::Date;

/// Years that a record can speak of. A four-digit year outside is a slip of the keyboard.
const YEARS: RangeInclusive<i32> = 1900..=2199;

/// Day 0 of spreadsheets; day 60 is their 29 February 1900, which never was, so only later days
/// are read.
const SHEET_EPOCH: (i32, Month, u8) = (1899, Month::December, 30);

/// Serial days of spreadsheets that are taken for dates: 1954 to 2119. A smaller number is more
/// likely a count.
const SHEET_DAYS: RangeInclusive<i64> = 20_000..=80_000;

/// Returns the day of the numbers, when it exists.
#[must_use]
pub fn day(year: i32, month: u8, day: u8) -> Option<Date> {
    if !YEARS.contains(&year) {
        return None;
    }
    Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()
}

/// Reads the stored form, `YYYY-MM-DD`.
#[must_use]
pub fn stored(text: &str) -> Option<Date> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
        return None;
    }
    let digits = |from: usize, to: usize| {
        let part = text.get(from..to)?;
        part.bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| part.parse::<u16>().ok())?
    };
    let (year, month, date) = (digits(0, 4)?, digits(5, 7)?, digits(8, 10)?);
    day(
        i32::from(year),
        u8::try_from(month).ok()?,
        u8::try_from(date).ok()?,
    )
}

/// Returns the stored form.
#[must_use]
pub fn text(date: Date) -> String {
    format!(
        "{:04}-{:02}-{:02}",
        date.year(),
        u8::from(date.month()),
        date.day()
    )
}

/// Reads a date in any form that offices write: `2020-9-30`, `2020/9/30`, `2020.09.30`,
/// `2020年9月30日`, `20200930`, a spreadsheet's serial day, with a time of day or without, in
/// half or full width.
#[must_use]
pub fn read(input: &str) -> Option<Date> {
    let text: String = input.nfkc().collect();
    let text = text.trim();
    let text = without_time(text);
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return read_digits(text);
    }
    let mut parts = [""; 3];
    let mut rest = text;
    for (at, part) in parts.iter_mut().enumerate() {
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        *part = rest.get(..end)?;
        rest = rest.get(end..)?.trim_start();
        let marks: &[char] = match at {
            0 => &[
                '-', '/', '.', '年', '\u{2010}', '\u{2013}', '\u{2014}', '\u{2212}',
            ],
            1 => &[
                '-', '/', '.', '月', '\u{2010}', '\u{2013}', '\u{2014}', '\u{2212}',
            ],
            _ => &['日', '号'],
        };
        match rest.strip_prefix(marks) {
            Some(after) => rest = after.trim_start(),
            None if at == 2 => {}
            None => return None,
        }
    }
    let [year, month, date] = parts;
    if !rest.is_empty() || year.len() != 4 || month.len() > 2 || date.len() > 2 {
        return None;
    }
    day(year.parse().ok()?, month.parse().ok()?, date.parse().ok()?)
}

/// Cuts a time of day off: ` 00:00:00`, `T00:00:00Z`.
fn without_time(text: &str) -> &str {
    let Some((date, time)) = text.split_once(['T', ' ']) else {
        return text;
    };
    let clock = |c: char| c.is_ascii_digit() || matches!(c, ':' | '.' | 'Z' | '+' | '-');
    if time.contains(':') && time.trim().chars().all(clock) {
        date
    } else {
        text
    }
}

fn read_digits(text: &str) -> Option<Date> {
    match text.len() {
        8 => {
            let (year, rest) = text.split_at_checked(4)?;
            let (month, date) = rest.split_at_checked(2)?;
            day(year.parse().ok()?, month.parse().ok()?, date.parse().ok()?)
        }
        5 => {
            let days: i64 = text.parse().ok().filter(|days| SHEET_DAYS.contains(days))?;
            let (year, month, date) = SHEET_EPOCH;
            let epoch = Date::from_calendar_date(year, month, date).ok()?;
            epoch.checked_add(Duration::days(days))
        }
        _ => None,
    }
}

/// Returns the last day of the quarter, 1 to 4, of a year.
#[must_use]
pub fn quarter_end(year: i32, quarter: u8) -> Option<Date> {
    let (month, last) = match quarter {
        1 => (3, 31),
        2 => (6, 30),
        3 => (9, 30),
        4 => (12, 31),
        _ => return None,
    };
    day(year, month, last)
}

/// Reads a quarter as records and people write it, `2020Q3`: the year and 1 to 4.
#[must_use]
pub fn read_quarter(text: &str) -> Option<(i32, u8)> {
    let (year, quarter) = text.split_once('Q')?;
    let is_plain = year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit());
    let quarter = match quarter {
        "1" => 1,
        "2" => 2,
        "3" => 3,
        "4" => 4,
        _ => return None,
    };
    is_plain.then_some((year.parse().ok()?, quarter))
}

/// Returns the year of a period as returns name it: `2020Q3`, `2020`.
#[must_use]
pub fn year_of_period(period: &str) -> Option<u32> {
    period.get(..4)?.parse().ok()
}

/// Returns the same day of another year; 28 February for a leap day that it does not have.
#[must_use]
pub fn in_year(date: Date, year: i32) -> Option<Date> {
    let (month, of_month) = (date.month().into(), date.day());
    day(year, month, of_month).or_else(|| day(year, month, of_month - 1))
}

/// Returns the quarter, 1 to 4, that a day lies in.
#[must_use]
pub fn quarter(date: Date) -> u8 {
    (u8::from(date.month()) - 1) / 3 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_that_offices_write_is_read() {
        for form in [
            "2020-09-30",
            "2020-9-30",
            "2020/9/30",
            "2020.09.30",
            "2020年9月30日",
            "20200930",
            "2020 年 9 月 30 日",
            "２０２０－９－３０",
            "2020年９月30日",
            "2020-09-30 00:00:00",
            "2020-09-30T08:00:00Z",
            "44104",
            " 2020-09-30\u{3000}",
            "2020年9月30号",
            "2020年9月30",
        ] {
            assert_eq!(
                read(form).map(text).as_deref(),
                Some("2020-09-30"),
                "{form}"
            );
        }
    }

    #[test]
    fn a_day_that_never_was_is_refused() {
        for form in [
            "2020-02-30",
            "2019-02-29",
            "2020-13-01",
            "2020-00-10",
            "",
            "2020",
            "2020-09",
            "2020年9月",
            "20-9-30",
            "30/9/2020",
            "2020-09-30x",
            "abc",
            "0020-01-01",
            "99999999",
            "2020-9-030",
            "123",
            "--",
        ] {
            assert_eq!(read(form), None, "{form}");
        }
        assert_eq!(stored("2020-9-30"), None, "only one form is stored");
        assert_eq!(stored("+020-09-30"), None);
    }
}

//! Administrative divisions of the city by edition: codes, names, successors, and the local codes
//! that no edition has.
//!
//! Codes are dated labels: an ended one stays valid in history and has a successor or none. Names
//! are looked up inside one parent only, since several counties have a town of the same name.

use std::{collections::BTreeMap, sync::LazyLock};

use crate::text::loose;

/// The editions, oldest first.
const EDITIONS: [(Edition, &str); 2] = [
    (
        Edition::Year2020,
        include_str!("../../../tests/data/divisions_410300.csv"),
    ),
    (
        Edition::Year2023,
        include_str!("../../../tests/data/divisions_410300_2023.csv"),
    ),
];

const CHANGES: &str = include_str!("../../../tests/data/divisions_410300_changes.csv");

/// The first two digits of every province, and of the national authorities.
const PROVINCES: [&str; 35] = [
    "10", "11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37",
    "41", "42", "43", "44", "45", "46", "50", "51", "52", "53", "54", "61", "62", "63", "64", "65",
    "71", "81", "82",
];

/// The part of the country whose divisions are known one by one.
const KNOWN_PREFIX: &str = "4103";

/// The statistical edition of a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edition {
    /// As of 2020-06-30.
    Year2020,
    /// As of 2023-06-30.
    Year2023,
}

/// A division in an edition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Division {
    /// Six or nine digits.
    pub code: &'static str,
    /// Its name.
    pub name: &'static str,
    /// The code of the division above, empty for the province.
    pub parent: &'static str,
    /// `district`, `county`, `town` and so on.
    pub level: &'static str,
}

/// What became of a code between the two editions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Successor {
    /// It is as it was.
    Same,
    /// Another code took its place.
    Replaced(&'static str),
    /// None is known: a person decides.
    Ended,
}

#[derive(Debug, Default)]
struct Table {
    by_code: BTreeMap<&'static str, Division>,
    by_name: BTreeMap<(&'static str, String), Vec<&'static str>>,
}

static TABLES: LazyLock<[(Edition, Table); 2]> =
    LazyLock::new(|| EDITIONS.map(|(edition, csv)| (edition, table(csv))));

static ENDED: LazyLock<BTreeMap<&'static str, Option<&'static str>>> = LazyLock::new(|| {
    let rows = CHANGES.lines().skip(1).filter_map(|row| {
        let mut cells = row.split(',');
        let (old, _, new) = (cells.next()?, cells.next()?, cells.next()?);
        (!old.is_empty()).then_some((old, (!new.is_empty()).then_some(new)))
    });
    rows.collect()
});

fn table(csv: &'static str) -> Table {
    let mut table = Table::default();
    for row in csv.lines().skip(1) {
        let mut cells = row.trim_end().split(',');
        let (Some(code), Some(name), Some(parent), Some(level)) =
            (cells.next(), cells.next(), cells.next(), cells.next())
        else {
            continue;
        };
        for spelling in spellings(name) {
            let codes = table.by_name.entry((parent, spelling)).or_default();
            if !codes.contains(&code) {
                codes.push(code);
            }
        }
        table.by_code.insert(
            code,
            Division {
                code,
                name,
                parent,
                level,
            },
        );
    }
    table
}

/// A name, and the name without its last word: people write 西关 for 西关街道.
fn spellings(name: &str) -> Vec<String> {
    let whole = loose(name);
    let mut all = vec![whole.clone()];
    for word in ["街道办事处", "街道", "镇", "乡", "区", "县", "市"] {
        if let Some(short) = whole
            .strip_suffix(word)
            .filter(|short| short.chars().count() >= 2)
        {
            all.push(short.to_owned());
            break;
        }
    }
    if let Some(short) = whole.strip_suffix("街道") {
        all.extend([
            format!("{short}街道办事处"),
            format!("{short}办事处"),
            format!("{short}街道办"),
        ]);
    }
    all
}

/// Returns the division with a code in an edition.
#[must_use]
pub fn by_code(edition: Edition, code: &str) -> Option<&'static Division> {
    let (_, table) = TABLES.iter().find(|(known, _)| *known == edition)?;
    table.by_code.get(code)
}

/// Returns the division with a code in the newest edition that has it.
#[must_use]
pub fn latest(code: &str) -> Option<&'static Division> {
    TABLES
        .iter()
        .rev()
        .find_map(|(_, table)| table.by_code.get(code))
}

/// Returns the code of the division with a name inside a parent: whatever the width, the spaces
/// and the last word. None when no edition has it or when it is not clear which is meant.
#[must_use]
pub fn by_name(parent: &str, name: &str) -> Option<&'static str> {
    let name = loose(name);
    TABLES.iter().find_map(|(_, table)| {
        // A parent's code is found in the table by comparing text, so that the key need not be
        // built from borrowed parts.
        let parent = table.by_code.get_key_value(parent).map(|(code, _)| *code)?;
        match table.by_name.get(&(parent, name.clone()))?.as_slice() {
            [only] => Some(*only),
            _ => None,
        }
    })
}

/// Returns the divisions right below a parent in an edition, ascending by code.
pub fn below(edition: Edition, parent: &str) -> impl Iterator<Item = &'static Division> {
    let table = TABLES
        .iter()
        .find(|(known, _)| *known == edition)
        .map(|(_, table)| table);
    let parent = parent.to_owned();
    let all = table.into_iter().flat_map(|table| table.by_code.values());
    all.filter(move |division| division.parent == parent)
}

/// Returns what became of a code of the 2020 edition.
#[must_use]
pub fn successor(code: &str) -> Option<Successor> {
    match ENDED.get(code) {
        Some(Some(new)) => Some(Successor::Replaced(new)),
        Some(None) => Some(Successor::Ended),
        None => latest(code).map(|_| Successor::Same),
    }
}

/// Whether a code has the form of a division: six or nine digits, or six characters with an L in
/// the fifth place, as a city gives to a zone that has no national code.
#[must_use]
pub fn is_code(code: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    match code.len() {
        6 | 9 if digits(code) => true,
        6 => is_local(code),
        _ => false,
    }
}

/// Whether a code is a local one: `4103L1`.
#[must_use]
pub fn is_local(code: &str) -> bool {
    let bytes = code.as_bytes();
    bytes.len() == 6
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            4 => *byte == b'L',
            _ => byte.is_ascii_digit(),
        })
}

/// Whether a six-digit code can be a division's. Inside the city every code must stand in an
/// edition; elsewhere the province must exist.
#[must_use]
pub fn is_plausible(code: &str) -> bool {
    if code.starts_with(KNOWN_PREFIX) {
        return latest(code).is_some();
    }
    code.get(..2)
        .is_some_and(|province| PROVINCES.contains(&province))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_editions_have_the_units_that_the_reference_counts() {
        let county = |edition| below(edition, "410300").count();
        assert_eq!(
            (county(Edition::Year2020), county(Edition::Year2023)),
            (16, 15)
        );
        for (_, table) in TABLES.iter() {
            let towns = table
                .by_code
                .values()
                .filter(|division| division.code.len() == 9);
            assert_eq!(towns.count(), 194);
        }
    }

    #[test]
    fn ended_codes_have_their_successor_or_none() {
        assert_eq!(successor("410381"), Some(Successor::Replaced("410307")));
        assert_eq!(successor("410306"), Some(Successor::Replaced("410308")));
        assert_eq!(
            successor("410322100"),
            Some(Successor::Replaced("410308100"))
        );
        assert_eq!(successor("410311102"), Some(Successor::Ended));
        assert_eq!(successor("410305"), Some(Successor::Same));
        assert_eq!(successor("419999"), None);
        assert!(ENDED.iter().all(|(old, new)| {
            by_code(Edition::Year2020, old).is_some()
                && new.is_none_or(|new| by_code(Edition::Year2023, new).is_some())
        }));
    }

    #[test]
    fn a_town_is_found_inside_its_parent_only() {
        assert_eq!(by_name("410302", "西关街道"), Some("410302001"));
        assert_eq!(by_name("410302", " 西关 "), Some("410302001"));
        assert_eq!(by_name("410302", "西关街道办事处"), Some("410302001"));
        assert_eq!(by_name("410323", "城关镇"), Some("410323100"));
        assert_eq!(by_name("410324", "城关镇"), Some("410324100"));
        assert_eq!(by_name("410300", "涧西区"), Some("410305"));
        assert_eq!(by_name("410305", "城关镇"), None);
        assert_eq!(by_name("999999", "城关镇"), None);
    }

    #[test]
    fn local_codes_cannot_be_taken_for_national_ones() {
        assert!(is_code("4103L1") && is_local("4103L1") && !is_local("410301"));
        assert!(is_code("410305") && is_code("410305001"));
        for text in [
            "",
            "4103",
            "41030L",
            "L10305",
            "4103050",
            "４１０３０５",
            "4103l1",
        ] {
            assert!(!is_code(text), "{text}");
        }
        assert!(is_plausible("330100") && is_plausible("410381") && !is_plausible("410399"));
        assert!(!is_plausible("990000"));
    }
}

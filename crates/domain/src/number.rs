//! Numbers of problems and tasks (R19): scope, year, letter of the replica, counter, as
//! `410305-2020-A0012`. Two replicas of a scope that do not hear of each other count under different
//! letters, so nothing is numbered anew when they meet.

use replica::ReplicaId;

use crate::{
    across,
    catalogue::{Catalogue, FieldSpec, KindSpec, Merge, Need},
    identity, validate, wire,
};

/// The city's letter, in whatever scope it registers what it has found.
pub const CITY: char = 'C';

/// The letters of districts: none that is taken for a digit, and not the city's.
const LETTERS: [char; 23] = [
    'A', 'B', 'D', 'E', 'F', 'G', 'H', 'J', 'K', 'L', 'M', 'N', 'P', 'Q', 'R', 'S', 'T', 'U', 'V',
    'W', 'X', 'Y', 'Z',
];

/// Digits that a counter has at most; what has more was not counted.
const DIGITS_MAX: usize = 8;

/// The field with the number of a kind whose records are numbered here; none for other kinds.
#[must_use]
pub fn field(kind: &KindSpec) -> Option<&FieldSpec> {
    let field = kind.field("no")?;
    let is_numbered = field.merge == Merge::Key && field.need == Need::Required;
    (is_numbered && kind.field(YEAR).is_some()).then_some(field)
}

/// The field with the year of the number.
const YEAR: &str = "year";

/// The number that values bear.
#[must_use]
pub fn of(kind: &KindSpec, values: &[u8]) -> Option<String> {
    validate::text_of(field(kind)?, values).filter(|no| !no.is_empty())
}

/// The year that values without a number need for theirs; none where they have one, or no year.
#[must_use]
pub fn wanted(kind: &KindSpec, values: &[u8]) -> Option<u32> {
    field(kind).filter(|_| of(kind, values).is_none())?;
    let year = kind.field(YEAR)?;
    let item = wire::items(year, &wire::chunks(values).ok()?).pop()?;
    let year = across::reference(Catalogue::builtin(), year, &item)?;
    identity::year_of_record(year.id)
}

/// What the numbers of a scope, a year and a letter begin with.
#[must_use]
pub fn series(scope: &str, year: u32, letter: char) -> String {
    format!("{scope}-{year}-{letter}")
}

/// The number with a counter.
#[must_use]
pub fn write(series: &str, counter: u32) -> String {
    format!("{series}{counter:04}")
}

/// Takes a number apart; none where it was made in another way.
#[must_use]
pub fn read(no: &str) -> Option<(&str, u32)> {
    let digits = no.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (series, counter) = no.split_at_checked(no.len().checked_sub(digits)?)?;
    let is_lettered = series.ends_with(|last: char| last.is_ascii_uppercase());
    let counter = Some(counter).filter(|_| is_lettered && digits <= DIGITS_MAX);
    Some((series, counter?.parse().ok()?))
}

/// The letters of a replica, the first choice first. Its id chooses: two replicas that have never
/// heard of each other mostly count under two letters, and one that does not remember goes on under
/// the one it had.
pub fn letters(replica: ReplicaId) -> impl Iterator<Item = char> {
    let choice = |byte: u8| LETTERS.get(usize::from(byte) % LETTERS.len()).copied();
    let hash = *blake3::hash(&replica.0).as_bytes();
    hash.into_iter().filter_map(choice).chain(LETTERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_as_it_was_written() {
        let series = series("410305", 2020, 'A');
        for (counter, no) in [(12, "410305-2020-A0012"), (12_345, "410305-2020-A12345")] {
            assert_eq!(write(&series, counter), no);
            assert_eq!(read(no), Some((series.as_str(), counter)));
        }
        for other in [
            "",
            "12",
            "410305-2020",
            "问题",
            "410305-2020-A",
            "A123456789",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn every_replica_has_every_letter_but_the_citys() {
        let all: std::collections::BTreeSet<_> = letters(ReplicaId([1; 16])).collect();
        assert_eq!(all.len(), LETTERS.len());
        assert!(!all.contains(&CITY));
        let firsts = (0..46).map(|n| letters(ReplicaId([n; 16])).next());
        let firsts: std::collections::BTreeSet<_> = firsts.collect();
        assert!(firsts.len() > 10, "{firsts:?}");
    }

    #[test]
    fn problems_and_tasks_are_numbered() {
        let kinds = Catalogue::builtin().kinds().iter();
        let numbered = kinds.filter(|kind| field(kind).is_some());
        let numbered: Vec<_> = numbered.map(|kind| kind.id.as_str()).collect();
        assert_eq!(numbered, ["problem_item", "task_item"]);
    }
}

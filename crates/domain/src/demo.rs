//! Demo data: clearly fictional, the same bytes from the same seed on every machine.
//!
//! A record depends only on seed, scope, kind and index, so every node makes its own part without
//! talking. Names end in （演示）, persons are a surname, 某 and a stem, credit codes carry `DEM`.
//! The order of draws never changes; new ones get a key of their own.

mod children;
mod organisation;

use replica::RecordId;
use serde_json::{Map, Value as Json};
use time::{Duration, Weekday};

use crate::{
    catalogue::Catalogue,
    date::{self, Date},
    division::{self, Edition},
    identity,
    value::{self, NoResolve},
};

pub use organisation::{HEADINGS, Organisation, csv};

/// The seed of the documents and the tests.
pub const SEED: &str = "20200101";

/// A demo: what all its records share.
#[derive(Clone, Debug)]
pub struct Demo {
    /// Part of the key of every record.
    pub seed: String,
    /// The day of the demo; nothing that happened is later.
    pub today: Date,
}

/// One record to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The kind.
    pub kind: &'static str,
    /// The id: derived from the key fields where the kind says so, else from seed, scope and index.
    pub id: RecordId,
    /// The values as in `record load`.
    pub values: Map<String, Json>,
}

/// A scope of the demo city.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The id of its kind.
    pub kind: &'static str,
    /// The id of the source of its code.
    pub code_source: &'static str,
}

impl Default for Demo {
    /// The demo of the documents: in the fourth quarter of 2020, so that all phases are visible.
    fn default() -> Self {
        let today = date::day(2020, 10, 15).expect("2020-10-15 is a day");
        Self {
            seed: SEED.to_owned(),
            today,
        }
    }
}

impl Demo {
    /// Returns the organisation of a scope with an index, counted from 1.
    #[must_use]
    pub fn organisation(&self, scope: &str, index: u32) -> Organisation {
        organisation::make(&self.seed, scope, index)
    }

    /// Returns all records of a scope with so many organisations, in an order in which every
    /// reference finds what it refers to.
    #[must_use]
    pub fn rows(&self, scope: &str, organisations: u32) -> Vec<Row> {
        children::rows(self, scope, organisations)
    }

    /// The first day of the demo's year.
    fn new_year(&self) -> Date {
        date::day(self.today.year(), 1, 1).unwrap_or(self.today)
    }

    /// The last day of the quarter before today: the date of the figures.
    fn as_of(&self) -> Date {
        let (year, quarter) = (self.today.year(), date::quarter(self.today));
        let past = match quarter {
            1 => date::quarter_end(year - 1, 4),
            _ => date::quarter_end(year, quarter - 1),
        };
        past.unwrap_or(self.today)
    }

    fn rng(&self, scope: &str, kind: &str, index: impl std::fmt::Display) -> Rng {
        Rng::of(&format!("{}|{scope}|{kind}|{index}", self.seed))
    }

    fn id(&self, scope: &str, kind: &str, index: impl std::fmt::Display) -> RecordId {
        identity::named_id(&format!("{}|{scope}|{kind}|{index}", self.seed))
    }
}

/// The 19 scopes of the demo city in 2020: the county-level divisions, two local zones, the
/// organisations of the city itself.
#[must_use]
pub fn scopes() -> Vec<Scope> {
    let divisions = division::below(Edition::Year2020, "410300").map(|division| Scope {
        code: division.code.to_owned(),
        name: division.name.to_owned(),
        kind: division.level,
        // The high-tech zone stands in the statistical codes only.
        code_source: if division.level == "functional_zone" {
            "statistics"
        } else {
            "gbt2260"
        },
    });
    let local = |code: &str, name: &str, kind| Scope {
        code: code.to_owned(),
        name: name.to_owned(),
        kind,
        code_source: "local",
    };
    divisions
        .chain([
            local("4103L0", "市直", "city_direct"),
            local("4103L1", "演示一区", "functional_zone"),
            local("4103L2", "演示二区", "functional_zone"),
        ])
        .collect()
}

/// A stream of numbers from a key: `SplitMix64`, started at FNV-1a of the key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn of(key: &str) -> Self {
        let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(key.bytes().fold(0xcbf2_9ce4_8422_2325, step))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `n`: the high half of the product.
    pub(crate) fn below(&mut self, n: u32) -> u32 {
        let product = u128::from(self.next()) * u128::from(n);
        u32::try_from(product >> 64).unwrap_or_default()
    }

    pub(crate) fn chance(&mut self, permille: u32) -> bool {
        self.below(1_000) < permille
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let at = self.below(u32::try_from(from.len()).unwrap_or(u32::MAX));
        let picked = usize::try_from(at).ok().and_then(|at| from.get(at));
        picked.expect("what is picked from is not empty, and a number below its length is drawn")
    }

    /// A day from one to another, on a weekday: a weekend moves to Monday, or back to Friday where
    /// Monday would be too late.
    pub(crate) fn weekday(&mut self, from: Date, to: Date) -> Date {
        let days = u32::try_from((to - from).whole_days()).unwrap_or_default();
        let drawn = from + Duration::days(i64::from(self.below(days + 1)));
        let (back, on) = match drawn.weekday() {
            Weekday::Saturday => (1, 2),
            Weekday::Sunday => (2, 1),
            _ => return drawn,
        };
        let monday = drawn + Duration::days(on);
        if monday <= to {
            monday
        } else {
            drawn - Duration::days(back)
        }
    }
}

/// Builds a row; the id of a kind with derived ids comes from its values.
fn row(kind: &'static str, id: RecordId, values: Json) -> Row {
    let Json::Object(mut values) = values else {
        return Row {
            kind,
            id,
            values: Map::new(),
        };
    };
    values.retain(|_, value| !value.is_null());
    let catalogue = Catalogue::builtin();
    let derived = catalogue
        .kind_by_id(kind)
        .filter(|spec| spec.derived_id)
        .and_then(|spec| {
            let nothing = |_| bytes::Bytes::new();
            let edits =
                value::edits_from_json(catalogue, spec, &nothing, &values, &NoResolve).ok()?;
            let bytes: Vec<u8> = edits
                .iter()
                .flat_map(|edit| edit.value.iter().copied())
                .collect();
            identity::derive_id(spec, &bytes)
        });
    Row {
        kind,
        id: derived.unwrap_or(id),
        values,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_has_its_check_values() {
        let mut rng = Rng::of("20200101|410305|org|1");
        assert_eq!(rng.0, 0x2833_0cd2_a6de_324b);
        let drawn = [rng.next(), rng.next(), rng.next()];
        assert_eq!(
            drawn,
            [
                0xfdaa_739d_0070_d265,
                0xd95a_cc63_2cb6_8d4d,
                0xc900_0942_9874_f04d
            ]
        );
    }

    #[test]
    fn the_city_has_nineteen_scopes() {
        let scopes = scopes();
        assert_eq!(scopes.len(), 19);
        assert!(scopes.iter().all(|scope| division::is_code(&scope.code)));
        let kinds = Catalogue::builtin().kind_by_id("scope").unwrap();
        let values = kinds.field("kind").unwrap().enumeration().unwrap();
        assert!(
            scopes
                .iter()
                .all(|scope| values.number(scope.kind).is_some())
        );
    }

    #[test]
    fn a_weekend_moves_to_monday_unless_that_is_too_late() {
        let day = |text| date::stored(text).unwrap();
        let mut rng = Rng::of("x");
        assert_eq!(
            rng.weekday(day("2020-10-10"), day("2020-10-10")),
            day("2020-10-09")
        );
        for at in 0..200 {
            let drawn = Rng::of(&at.to_string()).weekday(day("2020-03-02"), day("2020-10-15"));
            assert!(drawn >= day("2020-03-02") && drawn <= day("2020-10-15"));
            assert!(!matches!(
                drawn.weekday(),
                Weekday::Saturday | Weekday::Sunday
            ));
        }
    }
}

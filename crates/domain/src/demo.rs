//! Demo data: clearly fictional, the same bytes from the same seed on every machine.
//!
//! A record depends only on seed, scope, kind and index, so every node makes its own part without
//! talking. Names end in （演示）, persons are a surname, 某 and a stem, credit codes carry `DEM`,
//! documents are 演示〔2020〕n号. The order of draws never changes; new ones get a key of their own.
//!
//! Three parts: what the city makes before anybody works ([`Demo::published`]), what a scope keeps
//! itself ([`Demo::records`]), and what the city adds to the work of a scope when that has come
//! ([`Demo::answers`]). In each a record comes after those it refers to. Three kinds are not made:
//! deciding a conflict makes its decisions and notes, a write that comes too late its proposal.

mod awards;
mod city;
mod covered;
mod district;
mod lists;
mod organisation;
mod platforms;
mod words;
mod works;

use bytes::Bytes;
use replica::{Edit, RecordId, RecordKey, ScopeId, Set, Source};
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

/// The city whose scope every node receives.
pub const CITY: &str = "410300";

/// The scope of the city's own organisations.
pub const CITY_DIRECT: &str = "4103L0";

/// Organisations that every scope of every size has: what picks one picks among these, and does not
/// depend on how many there are.
const FEWEST: u32 = 40;

/// A demo: what all its records share.
#[derive(Clone, Debug)]
pub struct Demo {
    /// Part of the key of every record.
    pub seed: String,
    /// How much there is.
    pub size: Size,
    /// The day of the demo; nothing that happened is later.
    pub today: Date,
}

/// How much a demo has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Scopes; those of [`scopes`] beyond are left out.
    pub scopes: usize,
    /// Organisations of each.
    pub organisations: u32,
}

impl Size {
    /// Three scopes, for a look and for tests.
    pub const SMALL: Self = Self::of(3, 40);
    /// A city as it may be.
    pub const DEFAULT: Self = Self::of(19, 300);
    /// A large city: 57,000 organisations.
    pub const LARGE: Self = Self::of(19, 3_000);
    /// More than any city is known to have: 114,000 organisations.
    pub const SCALE: Self = Self::of(19, 6_000);

    const fn of(scopes: usize, organisations: u32) -> Self {
        Self {
            scopes,
            organisations,
        }
    }
}

/// One record to be made, or to be gone on with.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    /// The kind.
    pub kind: &'static str,
    /// The id: derived from the key fields where the kind says so, else from seed, scope and index.
    pub id: RecordId,
    /// Where it belongs.
    pub scope: ScopeId,
    /// The values as in `record load`.
    pub values: Map<String, Json>,
    /// When they are written.
    pub when: When,
}

/// When values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// There is no such record yet: they make it.
    New,
    /// The record is there and its `status` is this: they take it on.
    State(&'static str),
    /// The record is there and these fields are unset.
    Unset,
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
        Self::new(SEED, Size::DEFAULT, today)
    }
}

impl Demo {
    /// Returns a demo.
    #[must_use]
    pub fn new(seed: &str, size: Size, today: Date) -> Self {
        Self {
            seed: seed.to_owned(),
            size,
            today,
        }
    }

    /// The small demo of the documents.
    #[must_use]
    pub fn small() -> Self {
        Self {
            size: Size::SMALL,
            ..Self::default()
        }
    }

    /// The scopes that this demo has: three that the reference output shows, or as many of
    /// [`scopes`] as its size says.
    #[must_use]
    pub fn scopes(&self) -> Vec<Scope> {
        let mut all = scopes();
        if self.size.scopes <= SMALL_SCOPES.len() {
            all.retain(|scope| SMALL_SCOPES.contains(&scope.code.as_str()));
        }
        all.truncate(self.size.scopes);
        all
    }

    /// Returns the organisation of a scope with an index, counted from 1.
    #[must_use]
    pub fn organisation(&self, scope: &str, index: u32) -> Organisation {
        organisation::make(&self.seed, scope, index)
    }

    /// Returns what the city makes before anybody works: scopes, the programme year, the standard,
    /// its own agencies and committee, notices. All of it belongs to the city.
    pub fn published(&self) -> impl Iterator<Item = Made> + use<> {
        city::published(self).into_iter()
    }

    /// Returns what a scope keeps itself, district or city-direct, whether it is one of
    /// [`Demo::scopes`] or not. It is made as it is drawn.
    pub fn records(&self, scope: &str) -> impl Iterator<Item = Made> + use<> {
        district::Records::new(self, scope)
    }

    /// Returns what the city adds to the work of a scope, once that has come: problems it found,
    /// the steps of nominations, visits, verdicts, points, rewards, snapshots.
    pub fn answers(&self, scope: &str) -> impl Iterator<Item = Made> + use<> {
        city::answers(self, scope).into_iter()
    }

    /// The first day of the demo's year.
    fn new_year(&self) -> Date {
        date::day(self.today.year(), 1, 1).unwrap_or(self.today)
    }

    /// The programme year as references name it.
    fn year(&self) -> String {
        self.today.year().to_string()
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

    /// The quarters of the year that have ended, with their last days.
    fn past_quarters(&self) -> Vec<(u8, Date)> {
        let year = self.today.year();
        let ends =
            (1..=4_u8).filter_map(|quarter| Some((quarter, date::quarter_end(year, quarter)?)));
        ends.filter(|(_, end)| *end < self.today).collect()
    }

    fn document(&self, number: u32) -> String {
        format!("演示〔{}〕{number}号", self.today.year())
    }

    fn rng(&self, scope: &str, kind: &str, index: impl std::fmt::Display) -> Rng {
        Rng::of(&format!("{}|{scope}|{kind}|{index}", self.seed))
    }

    fn id(&self, scope: &str, kind: &str, index: impl std::fmt::Display) -> RecordId {
        identity::named_id(&format!("{}|{scope}|{kind}|{index}", self.seed))
    }
}

impl Made {
    /// Builds a record to be made; the id of a kind with derived ids comes from its values.
    fn new(kind: &'static str, id: RecordId, scope: ScopeId, values: Json) -> Self {
        let values = values_of(values);
        let spec = Catalogue::builtin().kind_by_id(kind);
        let derived = spec.filter(|spec| spec.derived_id).and_then(|spec| {
            let bytes: Vec<u8> = registers(spec, &values)?
                .iter()
                .flat_map(|edit| edit.value.to_vec())
                .collect();
            identity::derive_id(spec, &bytes)
        });
        Self {
            kind,
            id: derived.unwrap_or(id),
            scope,
            values,
            when: When::New,
        }
    }

    /// Goes on with a record that somebody else made.
    fn on(&self, when: When, values: Json) -> Self {
        Self {
            values: values_of(values),
            when,
            ..self.clone()
        }
    }

    /// Returns the edit that makes a record, as an engine without rules takes it; none for what
    /// goes on with one.
    #[must_use]
    pub fn edit(&self, author: &str, reason: &str) -> Option<Edit> {
        if self.when != When::New {
            return None;
        }
        let kind = Catalogue::builtin().kind_by_id(self.kind)?;
        let set = registers(kind, &self.values)?.into_iter().map(|edit| Set {
            register: edit.register,
            value: edit.value,
            shown: Vec::new(),
        });
        Some(Edit {
            key: RecordKey {
                kind: kind.kind,
                id: self.id,
            },
            scope: self.scope,
            set: set.collect(),
            author: author.to_owned(),
            reason: reason.to_owned(),
            source: Source::Import,
            decision: Bytes::new(),
        })
    }
}

/// The registers of values on a record that is not there yet.
fn registers(
    kind: &crate::catalogue::KindSpec,
    values: &Map<String, Json>,
) -> Option<Vec<value::RegisterEdit>> {
    let nothing = |_| Bytes::new();
    value::edits_from_json(Catalogue::builtin(), kind, &nothing, values, &NoResolve).ok()
}

fn values_of(values: Json) -> Map<String, Json> {
    let Json::Object(mut values) = values else {
        return Map::new();
    };
    values.retain(|_, value| !value.is_null());
    values
}

/// The scopes of the small demo: those of the reference output.
const SMALL_SCOPES: [&str; 3] = ["410302", "410305", "410329"];

/// The 19 scopes of the demo city in 2020: the county-level divisions, two local zones, the
/// organisations of the city itself.
#[must_use]
pub fn scopes() -> Vec<Scope> {
    let divisions = division::below(Edition::Year2020, CITY).map(|division| Scope {
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
            local(CITY_DIRECT, "市直", "city_direct"),
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

    /// Some of a list, at least one, in its order.
    pub(crate) fn some<'a, T: ?Sized>(&mut self, from: &[&'a T], permille: u32) -> Vec<&'a T> {
        let first = self.below(u32::try_from(from.len()).unwrap_or(u32::MAX));
        let kept = (0_u32..).zip(from).filter(|(at, _)| {
            let is_drawn = self.chance(permille);
            is_drawn || *at == first
        });
        kept.map(|(_, item)| *item).collect()
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

    /// The name of a person.
    fn person(&mut self) -> String {
        format!(
            "{}某{}",
            self.pick(&words::SURNAMES),
            self.pick(&words::STEMS)
        )
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
        let codes = |demo: Demo| demo.scopes().into_iter().map(|scope| scope.code);
        assert_eq!(codes(Demo::small()).collect::<Vec<_>>(), SMALL_SCOPES);
        assert_eq!(codes(Demo::default()).count(), 19);
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

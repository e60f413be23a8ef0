//! The indicators: one definition for node and hub, from plain rows (domain 6).
//!
//! Integer arithmetic only, one rounding rule; a partial value never shows 100.0 or 0.0, and
//! nothing to count shows no percentage. The city's value is pooled, never the mean of its scopes,
//! and counts each credit code once. A [`Book`] keeps the sums by differences: what a changed record
//! added is taken out, what it adds now is put in.

mod book;
mod count;
mod define;
mod rows;
mod sums;

use replica::RecordId;
use serde_json::{Map, Value as Json, json};

use crate::{
    date::{self, Date},
    parameters::Parameters,
};

pub use book::{Behind, Book, Pool};
pub use count::{Cover, Standing};
pub use define::{DEFINITIONS, Definition, EDITION, Unit};
pub use sums::{Band, Group};

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Period {
    /// The day.
    pub as_of: Date,
    /// The programme year and its parameters.
    pub parameters: Parameters,
    /// The id of the year's record, which sessions and seminars refer to.
    pub year_id: RecordId,
}

impl Period {
    /// The period of a year up to a day.
    #[must_use]
    pub fn new(as_of: Date, parameters: Parameters) -> Self {
        Self {
            as_of,
            parameters,
            year_id: crate::identity::year_record_id(parameters.year),
        }
    }

    /// The quarters of the year with their last days.
    fn quarters(&self) -> impl Iterator<Item = (u8, Date)> {
        let year = i32::try_from(self.parameters.year).unwrap_or_default();
        (1..=4_u8).filter_map(move |quarter| Some((quarter, date::quarter_end(year, quarter)?)))
    }

    /// The quarters of the year that have ended by the day.
    fn quarters_ended(&self) -> impl Iterator<Item = (u8, Date)> {
        self.quarters().filter(|(_, end)| *end <= self.as_of)
    }

    /// The quarters of the year whose returns are due by the day, with the day until which they come
    /// in time.
    fn quarters_due(&self) -> impl Iterator<Item = (u8, Date)> {
        let days = time::Duration::days(self.parameters.return_due_days.into());
        let due = self
            .quarters()
            .filter_map(move |(quarter, end)| Some((quarter, end.checked_add(days)?)));
        due.filter(|(_, due)| *due <= self.as_of)
    }
}

/// One value of an indicator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// A share.
    Rate {
        /// How many.
        num: u64,
        /// Of how many.
        den: u64,
    },
    /// A number.
    Count(u64),
    /// An amount, in fen. What was reversed can be more than what had come in.
    Money(i64),
    /// How many scopes reached a quota.
    Met {
        /// How many.
        num: u64,
        /// Of how many.
        den: u64,
    },
}

impl Figure {
    /// What is counted: the number, or the upper part of a share.
    #[must_use]
    pub fn num(self) -> i64 {
        match self {
            Self::Rate { num, .. } | Self::Met { num, .. } | Self::Count(num) => {
                i64::try_from(num).unwrap_or(i64::MAX)
            }
            Self::Money(fen) => fen,
        }
    }

    /// Of how many it is; 0 for a plain number.
    #[must_use]
    pub fn den(self) -> u64 {
        match self {
            Self::Rate { den, .. } | Self::Met { den, .. } => den,
            Self::Count(_) | Self::Money(_) => 0,
        }
    }

    /// Two figures of one indicator, of two scopes, together.
    fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Rate { num, den }, Self::Rate { num: n, den: d }) => Self::Rate {
                num: num.saturating_add(n),
                den: den.saturating_add(d),
            },
            (Self::Met { num, den }, Self::Met { num: n, den: d }) => Self::Met {
                num: num.saturating_add(n),
                den: den.saturating_add(d),
            },
            (Self::Count(one), Self::Count(two)) => Self::Count(one.saturating_add(two)),
            (Self::Money(one), Self::Money(two)) => Self::Money(one.saturating_add(two)),
            (one, _) => one,
        }
    }

    /// The JSON of the command line.
    #[must_use]
    pub fn json(self) -> Json {
        match self {
            Self::Rate { num, den } => json!({ "num": num, "den": den, "pct": percent(num, den) }),
            Self::Count(number) => json!(number),
            Self::Money(fen) => json!(fen),
            Self::Met { num, den } => json!({ "num": num, "den": den }),
        }
    }
}

/// Writes fen as ten thousand yuan with two decimals, half up (domain 6).
#[must_use]
pub fn ten_thousand_yuan(fen: i64) -> String {
    let (sign, fen) = if fen < 0 {
        ("-", fen.unsigned_abs())
    } else {
        ("", fen.unsigned_abs())
    };
    let hundredths = (u128::from(fen) + 5_000) / 10_000;
    format!("{sign}{}.{:02}", hundredths / 100, hundredths % 100)
}

/// The indicators of a scope or of the city, in the order in which they are printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Indicators(pub Vec<(&'static str, Figure)>);

impl Indicators {
    /// One of them.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Figure> {
        self.0
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, figure)| *figure)
    }

    /// The JSON of the command line.
    #[must_use]
    pub fn json(&self) -> Map<String, Json> {
        self.0
            .iter()
            .map(|(name, figure)| ((*name).to_owned(), figure.json()))
            .collect()
    }
}

/// Returns a share in percent with one decimal, half up; none of nothing. A partial share is never
/// shown as 0.0 or 100.0.
#[must_use]
pub fn percent(num: u64, den: u64) -> Option<String> {
    tenths(num, den).map(|tenths| format!("{}.{}", tenths / 10, tenths % 10))
}

/// Returns the same in tenths of a percent, to compare and to subtract what is shown.
#[must_use]
pub fn tenths(num: u64, den: u64) -> Option<u128> {
    if den == 0 {
        return None;
    }
    let (wide_num, wide_den) = (u128::from(num), u128::from(den));
    let tenths = (2_000 * wide_num + wide_den) / (2 * wide_den);
    Some(match num {
        0 => 0,
        _ if num < den => tenths.clamp(1, 999),
        _ => tenths,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rounding_agrees_with_every_vector() {
        let golden: Json =
            serde_json::from_str(include_str!("../../../tests/data/golden_expected.json")).unwrap();
        let vectors = golden["pct_vectors"].as_array().unwrap();
        assert_eq!(vectors.len(), 15);
        for vector in vectors {
            let number = |name: &str| vector[name].as_u64().unwrap();
            let pct = percent(number("num"), number("den"));
            assert_eq!(pct.as_deref(), vector["pct"].as_str(), "{vector}");
        }
    }

    proptest! {
        #[test]
        fn a_partial_share_is_neither_nothing_nor_all(den in 2_u64..u64::MAX, num in 1_u64..u64::MAX) {
            let num = num % den;
            prop_assume!(num > 0);
            let shown = percent(num, den).unwrap();
            prop_assert!(shown != "0.0" && shown != "100.0");
            prop_assert_eq!(percent(den, den).unwrap(), "100.0");
        }
    }
}

//! The indicators: one definition for node and hub, from plain rows.
//!
//! Integer arithmetic only, one rounding rule; a partial value never shows 100.0 or 0.0, and
//! nothing to count shows no percentage. The city's value is pooled, never the mean of its scopes,
//! and counts each credit code once. What needs kinds that this schema lacks is not printed.

mod book;
mod count;

use replica::RecordId;
use serde_json::{Map, Value as Json, json};

use crate::{date::Date, parameters::Parameters};

pub use book::Book;

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
    pub fn num(self) -> u64 {
        match self {
            Self::Rate { num, .. } | Self::Met { num, .. } | Self::Count(num) => num,
        }
    }

    /// The JSON of the command line.
    #[must_use]
    pub fn json(self) -> Json {
        match self {
            Self::Rate { num, den } => json!({ "num": num, "den": den, "pct": percent(num, den) }),
            Self::Count(number) => json!(number),
            Self::Met { num, den } => json!({ "num": num, "den": den }),
        }
    }
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
    if den == 0 {
        return None;
    }
    let (wide_num, wide_den) = (u128::from(num), u128::from(den));
    let tenths = (2_000 * wide_num + wide_den) / (2 * wide_den);
    let tenths = match num {
        0 => 0,
        _ if num < den => tenths.clamp(1, 999),
        _ => tenths,
    };
    Some(format!("{}.{}", tenths / 10, tenths % 10))
}

/// The name and the labels of every indicator that is printed, in order.
pub const LABELS: &[(&str, &str, &str)] = &[
    (
        "census_completion_rate",
        "排查完成率",
        "Census completion rate",
    ),
    (
        "org_coverage_rate",
        "组织覆盖率",
        "Organisation coverage rate",
    ),
    ("standalone_rate", "单独组建率", "Standalone rate"),
    (
        "built_of_should_rate",
        "应建已建率",
        "Built-of-should-build rate",
    ),
    ("work_coverage_rate", "工作覆盖率", "Work coverage rate"),
    (
        "work_coverage_broad_rate",
        "工作覆盖率(含群团)",
        "Work coverage incl. mass organisations",
    ),
    (
        "instructor_dispatch_rate",
        "未建单位指导员选派率",
        "Instructor dispatch rate",
    ),
    ("blank_points", "空白点", "Blank points"),
    ("uncovered_gap", "两个覆盖缺口", "Uncovered gap"),
    (
        "joint_with_3plus",
        "三人以上未单建",
        "Three or more members, not standalone",
    ),
    ("should_unbuilt", "应建未建", "Should be built but not"),
    (
        "few_members_unbuilt",
        "仅有个别党员",
        "Few members, not built",
    ),
    ("no_members_unbuilt", "没有党员", "No members"),
    ("duplicates_removed", "剔重", "Duplicates removed"),
    ("new_party_orgs", "新建党组织数", "New Party organisations"),
    (
        "newly_covered",
        "新覆盖单位数",
        "Newly covered organisations",
    ),
    ("training_secretary", "书记参训率", "Secretaries trained"),
    ("training_head", "负责人参训率", "Heads trained"),
    ("training_instructor", "指导员参训率", "Instructors trained"),
    (
        "training_all",
        "党务工作者参训率",
        "Party-affairs workers trained",
    ),
    ("rotation_complete", "全员轮训", "Rotation complete"),
    (
        "trainings_held",
        "集中培训次数",
        "Centralised trainings held",
    ),
    ("trainings_held_met", "集中培训达标", "Training quota met"),
    (
        "carrier_coverage_rate",
        "载体覆盖率",
        "Carrier coverage rate",
    ),
    (
        "carrier_regular_rate",
        "载体常态化率",
        "Regular carrier rate",
    ),
    ("seminars_held", "主题研讨次数", "Seminars held"),
    ("seminars_held_met", "主题研讨达标", "Seminar quota met"),
    ("field_completeness", "字段完整率", "Field completeness"),
    (
        "party_orgs_active",
        "正常运行党组织数",
        "Active Party organisations",
    ),
    ("counted", "在册单位数", "Organisations on the ledger"),
];

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

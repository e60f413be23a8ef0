//! Parameters of a year from a stated date (domain 8.3): what was in force before is kept, and is read for
//! every day before the new value begins.
//!
//! The record says the newest value. Beside it stand the former ones, each until the day from which the
//! next one holds; whoever reads a parameter for a day folds back those that still held then ([`on`]).

use proto::{
    ledger::{ProgrammeYear, WorkCoverageMode},
    schema::FormerValue,
};

use crate::{
    catalogue::{Catalogue, EnumSpec},
    date::{self, Date},
};

/// The field with the former values.
pub const FORMER: &str = "former_values";

const COVERAGE: &str = "work_coverage_mode";

/// The parameters that are numbers.
pub const NUMBERS: &[&str] = &[
    "quota_drive",
    "quota_training",
    "quota_seminar",
    "quota_platform",
    "quota_carrier_per_party_org",
    "should_build_members",
    "regular_per_quarter",
    "joint_units_warn",
    "branch_members_warn",
    "recommend_cap",
    "stale_days",
    "return_due_days",
    "instructor_load_warn",
    "suppress_below",
];

/// Whether a field is a parameter, which holds from a day on. The days, the title and the phase are
/// none.
#[must_use]
pub fn is_parameter(field: &str) -> bool {
    field == COVERAGE || NUMBERS.contains(&field)
}

/// Whether a former value is one: of a parameter, that can be read, until a day.
#[must_use]
pub fn is_sound(former: &FormerValue) -> bool {
    let mut row = ProgrammeYear::default();
    date::stored(&former.until).is_some() && put(&mut row, &former.field, &former.value)
}

/// The values of a year as they were in force on a day.
#[must_use]
pub fn on(mut row: ProgrammeYear, day: Date) -> ProgrammeYear {
    let mut former: Vec<(Date, FormerValue)> = std::mem::take(&mut row.former_values)
        .into_iter()
        .filter_map(|former| Some((date::stored(&former.until)?, former)))
        .filter(|(until, _)| *until > day)
        .collect();
    // The one that ended first after the day was in force on it: it is put last.
    former.sort_by(|(a, one), (b, other)| b.cmp(a).then_with(|| one.value.cmp(&other.value)));
    for (_, former) in former {
        // What cannot be read stays as it is said now.
        put(&mut row, &former.field, &former.value);
    }
    row
}

/// What a parameter of a year says, as [`FormerValue`] keeps it: nothing where it says nothing.
#[must_use]
pub fn text_of(row: &ProgrammeYear, field: &str) -> Option<String> {
    if field == COVERAGE {
        let said = row.work_coverage_mode;
        let id = said.and_then(|number| Some(modes()?.value(number)?.id.clone()));
        return Some(id.unwrap_or_default());
    }
    let mut row = row.clone();
    let number = number(&mut row, field)?;
    Some(number.map(|it| it.to_string()).unwrap_or_default())
}

fn modes() -> Option<&'static EnumSpec> {
    let kind = Catalogue::builtin().kind_by_id("programme_year")?;
    kind.field(COVERAGE)?.enumeration()
}

/// Puts a value; false where there is no such parameter, or it is no value of it.
fn put(row: &mut ProgrammeYear, field: &str, value: &str) -> bool {
    if field == COVERAGE {
        let mode = modes().and_then(|modes| modes.number(value));
        let mode = mode.and_then(|number| WorkCoverageMode::try_from(number).ok());
        if mode.is_some() || value.is_empty() {
            row.work_coverage_mode = mode.map(i32::from);
            return true;
        }
        return false;
    }
    let read = match value {
        "" => Some(None),
        digits => digits.parse().ok().map(Some),
    };
    match number(row, field).zip(read) {
        Some((place, value)) => {
            *place = value;
            true
        }
        None => false,
    }
}

fn number<'a>(row: &'a mut ProgrammeYear, field: &str) -> Option<&'a mut Option<u32>> {
    Some(match field {
        "quota_drive" => &mut row.quota_drive,
        "quota_training" => &mut row.quota_training,
        "quota_seminar" => &mut row.quota_seminar,
        "quota_platform" => &mut row.quota_platform,
        "quota_carrier_per_party_org" => &mut row.quota_carrier_per_party_org,
        "should_build_members" => &mut row.should_build_members,
        "regular_per_quarter" => &mut row.regular_per_quarter,
        "joint_units_warn" => &mut row.joint_units_warn,
        "branch_members_warn" => &mut row.branch_members_warn,
        "recommend_cap" => &mut row.recommend_cap,
        "stale_days" => &mut row.stale_days,
        "return_due_days" => &mut row.return_due_days,
        "instructor_load_warn" => &mut row.instructor_load_warn,
        "suppress_below" => &mut row.suppress_below,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn former(field: &str, value: &str, until: &str) -> FormerValue {
        FormerValue {
            field: field.to_owned(),
            value: value.to_owned(),
            until: until.to_owned(),
        }
    }

    #[test]
    fn a_day_reads_what_was_in_force_on_it() {
        let row = ProgrammeYear {
            should_build_members: Some(5),
            recommend_cap: Some(4),
            work_coverage_mode: Some(WorkCoverageMode::Broad.into()),
            former_values: vec![
                former("should_build_members", "4", "2020-10-01"),
                former("should_build_members", "3", "2020-07-01"),
                former("recommend_cap", "", "2020-07-01"),
                former("work_coverage_mode", "strict", "2020-07-01"),
                former("title", "x", "2099-01-01"),
                former("quota_drive", "many", "2099-01-01"),
            ],
            ..ProgrammeYear::default()
        };
        let of = |day: &str| {
            let row = on(row.clone(), date::stored(day).unwrap());
            assert_eq!((row.title.clone(), row.quota_drive), (None, None));
            (
                row.should_build_members,
                row.recommend_cap,
                row.work_coverage_mode(),
            )
        };
        let strict = WorkCoverageMode::Strict;
        assert_eq!(of("2020-06-30"), (Some(3), None, strict));
        assert_eq!(
            of("2020-07-01"),
            (Some(4), Some(4), WorkCoverageMode::Broad)
        );
        assert_eq!(of("2020-09-30").0, Some(4));
        assert_eq!(of("2020-10-01").0, Some(5));
    }

    #[test]
    fn every_parameter_is_read_as_it_is_kept() {
        let kind = Catalogue::builtin().kind_by_id("programme_year").unwrap();
        let full = crate::parameters::programme_year(2020);
        for field in NUMBERS.iter().chain([&COVERAGE]) {
            assert!(kind.field(field).is_some(), "{field}");
            let text = text_of(&full, field).unwrap();
            assert!(
                is_sound(&former(field, &text, "2020-01-01")),
                "{field} {text}"
            );
            let mut row = ProgrammeYear::default();
            assert!(put(&mut row, field, &text), "{field}");
            assert_eq!(text_of(&row, field), Some(text), "{field}");
        }
        for wrong in [
            former("title", "x", "2020-01-01"),
            former("quota_drive", "-1", "2020-01-01"),
            former("work_coverage_mode", "odd", "2020-01-01"),
            former("quota_drive", "1", "soon"),
        ] {
            assert!(!is_sound(&wrong), "{wrong:?}");
        }
        // Every number of a year is one of them, but the year itself.
        let numbers = kind
            .fields
            .iter()
            .filter(|it| it.value_type == crate::catalogue::Type::Count);
        let left: Vec<_> = numbers
            .filter(|it| !is_parameter(&it.id))
            .map(|it| &it.id)
            .collect();
        assert_eq!(left, ["year"]);
    }
}

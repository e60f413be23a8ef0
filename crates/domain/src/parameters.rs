//! The parameters of a programme year: what its record says, and what stands where it says
//! nothing or does not exist.

use prost::Message as _;
use proto::ledger::{ProgrammeYear, WorkCoverageMode};

use crate::{
    catalogue::Catalogue,
    date::Date,
    effective::decode,
    former,
    value::{self, to_json},
};

/// The parameters that rules and indicators use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// The year.
    pub year: u32,
    /// Establishment drives a scope holds at least.
    pub quota_drive: u32,
    /// Centralised trainings a scope holds at least.
    pub quota_training: u32,
    /// Seminars a scope holds at least.
    pub quota_seminar: u32,
    /// Platforms a scope builds anew at least.
    pub quota_platform: u32,
    /// Running carriers a Party organisation has at least.
    pub quota_carrier: u32,
    /// Which reading of work coverage is the headline.
    pub work_coverage: WorkCoverageMode,
    /// Days without an exchange after which what is known of a scope is stale.
    pub stale_days: u32,
    /// Days after a quarter within which its return comes in time.
    pub return_due_days: u32,
    /// Full members from which a branch must be set up.
    pub should_build_members: u32,
    /// Activities a quarter from which a carrier is regular.
    pub regular_per_quarter: u32,
    /// Organisations of a joint branch from which a warning is given.
    pub joint_units_warn: u32,
    /// Members of a branch from which a warning is given.
    pub branch_members_warn: u32,
    /// Organisations of an instructor from which a warning is given.
    pub instructor_load_warn: u32,
    /// Members below which a number of them is not shown outside of the scope that keeps the record.
    pub suppress_below: u32,
}

impl Parameters {
    /// The parameters that the seed and practice set, for a year without a record.
    #[must_use]
    pub fn defaults(year: u32) -> Self {
        Self {
            year,
            quota_drive: 1,
            quota_training: 1,
            quota_seminar: 1,
            quota_platform: 1,
            quota_carrier: 1,
            work_coverage: WorkCoverageMode::Strict,
            stale_days: 30,
            return_due_days: 15,
            should_build_members: 3,
            regular_per_quarter: 1,
            joint_units_warn: 5,
            branch_members_warn: 50,
            instructor_load_warn: 5,
            suppress_below: 3,
        }
    }

    /// The parameters of a record on a day; what it leaves unset is as by default.
    #[must_use]
    pub fn of(record: &ProgrammeYear, year: u32, day: Date) -> Self {
        let record = &in_force(record, day);
        let default = Self::defaults(record.year.unwrap_or(year));
        Self {
            year: default.year,
            quota_drive: record.quota_drive.unwrap_or(default.quota_drive),
            quota_platform: record.quota_platform.unwrap_or(default.quota_platform),
            quota_carrier: record
                .quota_carrier_per_party_org
                .unwrap_or(default.quota_carrier),
            work_coverage: match record.work_coverage_mode() {
                WorkCoverageMode::Unspecified => default.work_coverage,
                mode => mode,
            },
            stale_days: record.stale_days.unwrap_or(default.stale_days),
            return_due_days: record.return_due_days.unwrap_or(default.return_due_days),
            quota_training: record.quota_training.unwrap_or(default.quota_training),
            quota_seminar: record.quota_seminar.unwrap_or(default.quota_seminar),
            should_build_members: record
                .should_build_members
                .unwrap_or(default.should_build_members),
            regular_per_quarter: record
                .regular_per_quarter
                .unwrap_or(default.regular_per_quarter),
            joint_units_warn: record.joint_units_warn.unwrap_or(default.joint_units_warn),
            branch_members_warn: record
                .branch_members_warn
                .unwrap_or(default.branch_members_warn),
            instructor_load_warn: record
                .instructor_load_warn
                .unwrap_or(default.instructor_load_warn),
            suppress_below: record.suppress_below.unwrap_or(default.suppress_below),
        }
    }

    /// The parameters of the values of a record on a day; the defaults when they cannot be read.
    #[must_use]
    pub fn of_values(values: &[u8], year: u32, day: Date) -> Self {
        decode(values).map_or_else(
            |_error| Self::defaults(year),
            |record| Self::of(&record, year, day),
        )
    }
}

/// The record of a year with the parameters that were in force on a day.
#[must_use]
pub fn in_force(record: &ProgrammeYear, day: Date) -> ProgrammeYear {
    let kind = Catalogue::builtin().kind_by_id("programme_year");
    // A report asks for every link; most years were never changed.
    let Some(kind) = kind.filter(|_| !record.former_values.is_empty()) else {
        return record.clone();
    };
    let then = former::on(kind, record.encode_to_vec().into(), day);
    decode(&then).unwrap_or_else(|_error| record.clone())
}

/// Returns the record of a programme year with the quotas of the seed, as the hub makes it at its
/// start.
#[must_use]
pub fn programme_year(year: u32) -> ProgrammeYear {
    let defaults = Parameters::defaults(year);
    let on = |day: &str| Some(format!("{year:04}-{day}"));
    ProgrammeYear {
        year: Some(year),
        title: Some(format!("{year}年两新组织党建示范化工程")),
        improve_from: on("01-01"),
        improve_to: on("09-30"),
        nominate_from: on("10-01"),
        nominate_to: on("12-31"),
        accept_from: on("10-01"),
        accept_to: on("12-31"),
        quota_drive: Some(defaults.quota_drive),
        quota_training: Some(defaults.quota_training),
        quota_seminar: Some(defaults.quota_seminar),
        quota_platform: Some(defaults.quota_platform),
        quota_carrier_per_party_org: Some(defaults.quota_carrier),
        should_build_members: Some(defaults.should_build_members),
        regular_per_quarter: Some(defaults.regular_per_quarter),
        joint_units_warn: Some(defaults.joint_units_warn),
        branch_members_warn: Some(defaults.branch_members_warn),
        work_coverage_mode: Some(defaults.work_coverage.into()),
        stale_days: Some(defaults.stale_days),
        return_due_days: Some(defaults.return_due_days),
        instructor_load_warn: Some(defaults.instructor_load_warn),
        suppress_below: Some(defaults.suppress_below),
        ..ProgrammeYear::default()
    }
}

/// [`programme_year`] as the JSON of `record put`.
#[must_use]
pub fn programme_year_json(year: u32) -> serde_json::Map<String, serde_json::Value> {
    let kind = Catalogue::builtin().kind_by_id("programme_year");
    let values = programme_year(year).encode_to_vec();
    let mut json = kind
        .map(|kind| to_json(kind, &values))
        .unwrap_or_else(|| value::raw_json(&values));
    json.retain(|_, value| !value.is_null() && value.as_array().is_none_or(|it| !it.is_empty()));
    json
}

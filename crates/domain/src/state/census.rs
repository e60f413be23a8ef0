//! What an organisation in transfer counts as: the state that it had before.

use proto::{
    ledger::{CensusStatus, Organisation},
    schema::StepTaken,
};

use super::steps;
use crate::catalogue::Catalogue;

/// Where the states through which an organisation came leave it, the present one last: in transfer it
/// goes on as what it was. One whose steps nobody wrote down was counted.
#[must_use]
pub fn settled(way: impl IntoIterator<Item = CensusStatus>) -> CensusStatus {
    let settled = way
        .into_iter()
        .filter(|state| *state != CensusStatus::Transferring);
    settled.last().unwrap_or(CensusStatus::Counted)
}

/// The state that an organisation had before its transfer, and has again when that ends, here or at
/// the target.
#[must_use]
pub fn before_transfer(row: &Organisation) -> CensusStatus {
    let kind = Catalogue::builtin().kind_by_id("organisation");
    let states = kind.and_then(|kind| steps::fields(kind)?.0.states.as_deref());
    let number = |step: StepTaken| states?.number(&step.state);
    let taken = steps::in_order(row.steps.clone()).into_iter();
    settled(taken.filter_map(|step| CensusStatus::try_from(number(step)?).ok()))
}

/// The state that an organisation stands in for lists and rules: in transfer it goes on as what it was.
#[must_use]
pub fn standing(row: &Organisation) -> CensusStatus {
    match row.census_status() {
        CensusStatus::Transferring => before_transfer(row),
        status => status,
    }
}

/// What the state before a transfer is called in fields and commands.
#[must_use]
pub fn before_id(row: &Organisation) -> &'static str {
    match before_transfer(row) {
        CensusStatus::Candidate => "candidate",
        _ => "counted",
    }
}

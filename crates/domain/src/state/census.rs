//! What an organisation in transfer counts as: the state that it had before.

use proto::ledger::{CensusStatus, Organisation};

use super::steps;

/// The state that an organisation had before its transfer, and has again when that ends, here or at
/// the target. One whose steps nobody wrote down was counted.
#[must_use]
pub fn before_transfer(row: &Organisation) -> CensusStatus {
    let back = steps::in_order(row.steps.clone()).into_iter().rev();
    let mut back = back.filter(|step| step.state != "transferring");
    match back.next() {
        Some(step) if step.state == "candidate" => CensusStatus::Candidate,
        _ => CensusStatus::Counted,
    }
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

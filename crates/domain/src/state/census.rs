//! What an organisation in transfer counts as: the state that it had before.

use proto::ledger::{CensusStatus, Organisation};

/// The state that an organisation had before its transfer, and has again when that ends, here or at
/// the target.
#[must_use]
pub fn before_transfer(row: &Organisation) -> CensusStatus {
    if row.verified_on.is_some() {
        CensusStatus::Counted
    } else {
        CensusStatus::Candidate
    }
}

/// The state that an organisation stands in for figures, lists and rules: in transfer it goes on as
/// what it was.
#[must_use]
pub fn standing(row: &Organisation) -> CensusStatus {
    match row.census_status() {
        CensusStatus::Transferring => before_transfer(row),
        status => status,
    }
}

/// What a state is called in fields and commands.
#[must_use]
pub fn id(status: CensusStatus) -> &'static str {
    match status {
        CensusStatus::Counted => "counted",
        _ => "candidate",
    }
}

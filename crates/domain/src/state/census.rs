//! What an organisation in transfer counts as: the state that it had before.

use proto::{
    ledger::{CensusStatus, Organisation},
    schema::StepTaken,
};

use super::steps;
use crate::{
    catalogue::Catalogue,
    date::{self, Date},
};

/// Where the states through which an organisation came leave it, the present one last: in transfer it
/// goes on as what it was. One whose steps nobody wrote down was counted.
#[must_use]
pub fn settled(way: impl IntoIterator<Item = CensusStatus>) -> CensusStatus {
    let settled = way
        .into_iter()
        .filter(|state| *state != CensusStatus::Transferring);
    settled.last().unwrap_or(CensusStatus::Counted)
}

/// The states that an organisation came through, the first one first, each with the step that led there.
fn way(row: &Organisation) -> Vec<(CensusStatus, StepTaken)> {
    let kind = Catalogue::builtin().kind_by_id("organisation");
    let states = kind.and_then(|kind| steps::fields(kind)?.0.states.as_deref());
    let taken = steps::in_order(row.steps.clone()).into_iter();
    let read = taken.filter_map(|step| {
        let number = states?.number(&step.state)?;
        Some((CensusStatus::try_from(number).ok()?, step))
    });
    read.collect()
}

/// The state that an organisation had before its transfer, and has again when that ends, here or at
/// the target.
#[must_use]
pub fn before_transfer(row: &Organisation) -> CensusStatus {
    settled(way(row).into_iter().map(|(state, _)| state))
}

/// What an organisation is again when its merger is taken back: the state before it, and the day of the
/// merger. From that day on it is so: the merger never held. None where it is not merged.
#[must_use]
pub fn before_merger(row: &Organisation) -> Option<(CensusStatus, Option<Date>)> {
    if row.census_status() != CensusStatus::Merged {
        return None;
    }
    let way = way(row);
    let is_merged = |state: &CensusStatus| *state == CensusStatus::Merged;
    let merged = way.iter().rfind(|(state, _)| is_merged(state));
    let on = merged.and_then(|(_, step)| date::stored(&step.on));
    let states = way.iter().map(|(state, _)| *state);
    Some((settled(states.filter(|state| !is_merged(state))), on))
}

/// What a state is called in fields and commands.
#[must_use]
pub fn id(state: CensusStatus) -> Option<&'static str> {
    let kind = Catalogue::builtin().kind_by_id("organisation")?;
    let states = kind.field("census_status")?.enumeration()?;
    states.value(state.into()).map(|value| value.id.as_str())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn row(status: CensusStatus, states: &[(&str, &str)]) -> Organisation {
        let steps = (1..).zip(states).map(|(place, (state, on))| StepTaken {
            place,
            state: (*state).to_owned(),
            on: (*on).to_owned(),
        });
        Organisation {
            census_status: Some(status.into()),
            steps: steps.collect(),
            ..Organisation::default()
        }
    }

    #[test]
    fn a_merger_that_is_taken_back_never_held() {
        let on = date::stored("2020-10-05");
        for (before, is_again) in [
            (&[("excluded", "2020-09-01")][..], CensusStatus::Excluded),
            (
                &[("candidate", ""), ("closed", "2020-09-01")],
                CensusStatus::Closed,
            ),
            (
                &[("candidate", ""), ("transferring", "2020-10-01")],
                CensusStatus::Candidate,
            ),
            (
                &[("merged", "2020-01-01"), ("counted", "2020-01-01")],
                CensusStatus::Counted,
            ),
        ] {
            let way = [before, &[("merged", "2020-10-05")]].concat();
            let back = before_merger(&row(CensusStatus::Merged, &way));
            assert_eq!(back, Some((is_again, on)));
        }
        assert_eq!(before_merger(&row(CensusStatus::Counted, &[])), None);
    }
}

//! State machines: which status may follow which, as tables that can be read.
//!
//! A status is a value of an enumeration; a table is found by the name of that enumeration. Two
//! concurrent statuses are one when exactly one of them can be reached from the other.

use std::collections::BTreeSet;

use crate::catalogue::EnumSpec;

/// A step of a table: from, to, who takes it.
type Row = (&'static str, &'static str, By);

/// Who takes a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Whoever may write the record.
    Scope,
    /// Only the hub; a node can ask for it.
    Hub,
}

/// The census life of an organisation.
const CENSUS: &[Row] = &[
    ("candidate", "counted", By::Scope),
    ("candidate", "excluded", By::Scope),
    ("counted", "excluded", By::Scope),
    ("excluded", "candidate", By::Scope),
    ("candidate", "transferring", By::Scope),
    ("counted", "transferring", By::Scope),
    ("transferring", "counted", By::Hub),
    ("transferring", "candidate", By::Hub),
    ("counted", "closed", By::Scope),
    ("closed", "candidate", By::Scope),
    ("candidate", "merged", By::Hub),
    ("counted", "merged", By::Hub),
    ("excluded", "merged", By::Hub),
    ("transferring", "merged", By::Hub),
    ("closed", "merged", By::Hub),
];

/// The life of a Party organisation. The superior may decide without an application.
const PARTY_ORGANISATION: &[Row] = &[
    ("preparing", "applied", By::Scope),
    ("preparing", "approved", By::Scope),
    ("applied", "approved", By::Scope),
    ("approved", "active", By::Scope),
    ("active", "restructuring", By::Scope),
    ("restructuring", "active", By::Scope),
    ("active", "dissolved", By::Scope),
    ("restructuring", "dissolved", By::Scope),
];

/// A training session, a seminar.
const EVENT: &[Row] = &[
    ("planned", "running", By::Scope),
    ("running", "held", By::Scope),
    ("planned", "cancelled", By::Scope),
    ("running", "cancelled", By::Scope),
];

/// A carrier.
const CARRIER: &[Row] = &[
    ("planned", "running", By::Scope),
    ("running", "paused", By::Scope),
    ("paused", "running", By::Scope),
    ("running", "ended", By::Scope),
    ("paused", "ended", By::Scope),
];

/// The wish to move a record.
const TRANSFER: &[Row] = &[
    ("requested", "cancelled", By::Scope),
    ("requested", "accepted", By::Hub),
    ("requested", "refused", By::Hub),
    ("requested", "ruled", By::Hub),
];

const TABLES: &[(&str, &[Row])] = &[
    ("census_status", CENSUS),
    ("party_org_status", PARTY_ORGANISATION),
    ("event_status", EVENT),
    ("carrier_status", CARRIER),
    ("transfer_status", TRANSFER),
];

/// What a change of status is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// None.
    Same,
    /// A step of the table.
    Direct(By),
    /// Several steps of the table at once.
    Skips,
    /// Against the table: no steps lead there.
    Against,
    /// From or to a status that the table does not know, as a newer program may write.
    Unknown,
}

/// A table with its numbers looked up.
#[derive(Debug)]
pub struct Machine {
    states: BTreeSet<u64>,
    steps: Vec<(u64, u64, By)>,
    reach: BTreeSet<(u64, u64)>,
}

impl Machine {
    /// Returns the table for an enumeration.
    pub(crate) fn of(values: &EnumSpec) -> Option<Self> {
        let (_, rows) = TABLES.iter().find(|(id, _)| *id == values.id)?;
        let number = |id: &str| {
            values
                .number(id)
                .and_then(|number| u64::try_from(number).ok())
        };
        let steps: Vec<_> = rows
            .iter()
            .filter_map(|(from, to, by)| Some((number(from)?, number(to)?, *by)))
            .collect();
        let states = steps
            .iter()
            .flat_map(|(from, to, _)| [*from, *to])
            .collect();
        let mut reach: BTreeSet<_> = steps.iter().map(|(from, to, _)| (*from, *to)).collect();
        loop {
            let longer: Vec<_> = reach
                .iter()
                .flat_map(|(from, via)| {
                    let onward = steps.iter().filter(move |(start, _, _)| start == via);
                    onward.map(move |(_, to, _)| (*from, *to))
                })
                .filter(|pair| !reach.contains(pair))
                .collect();
            if longer.is_empty() {
                return Some(Self {
                    states,
                    steps,
                    reach,
                });
            }
            reach.extend(longer);
        }
    }

    /// Whether steps lead from one status to another.
    #[must_use]
    pub fn reaches(&self, from: u64, to: u64) -> bool {
        self.reach.contains(&(from, to))
    }

    /// What a change of status is.
    #[must_use]
    pub fn step(&self, from: u64, to: u64) -> Step {
        if from == to {
            return Step::Same;
        }
        if !self.states.contains(&from) || !self.states.contains(&to) {
            return Step::Unknown;
        }
        match self
            .steps
            .iter()
            .find(|(start, end, _)| (*start, *end) == (from, to))
        {
            Some((_, _, by)) => Step::Direct(*by),
            None if self.reaches(from, to) => Step::Skips,
            None => Step::Against,
        }
    }

    /// Whether every step into a status is the hub's.
    #[must_use]
    pub fn is_hubs(&self, to: u64) -> bool {
        let mut into = self
            .steps
            .iter()
            .filter(|(_, end, _)| *end == to)
            .peekable();
        into.peek().is_some() && into.all(|(_, _, by)| *by == By::Hub)
    }

    /// Whether a table has steps of the hub.
    #[must_use]
    pub fn has_hub_steps(&self) -> bool {
        self.steps.iter().any(|(_, _, by)| *by == By::Hub)
    }

    /// Of several statuses, the one that all others lead to and that leads to none of them.
    #[must_use]
    pub fn furthest(&self, states: &BTreeSet<u64>) -> Option<u64> {
        states.iter().copied().find(|candidate| {
            let others = states.iter().filter(|state| *state != candidate);
            let mut others = others.copied();
            others.all(|other| self.reaches(other, *candidate) && !self.reaches(*candidate, other))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;

    fn machine(kind: &str, field: &str) -> (&'static Machine, &'static EnumSpec) {
        let spec = Catalogue::builtin().kind_by_id(kind).unwrap();
        let field = spec.field(field).unwrap();
        let machine = spec
            .register(field.register)
            .unwrap()
            .machine
            .as_ref()
            .unwrap();
        (machine, field.enumeration().unwrap())
    }

    #[test]
    fn every_status_of_these_kinds_has_a_table_that_names_real_values() {
        for kind in Catalogue::builtin().kinds() {
            for register in &kind.registers {
                if register.merge == proto::schema::Merge::State {
                    assert!(register.machine.is_some(), "{} {:?}", kind.id, register.id);
                }
            }
        }
        for (id, rows) in TABLES {
            let fields = Catalogue::builtin()
                .kinds()
                .iter()
                .flat_map(|kind| &kind.fields);
            let mut enums = fields.filter_map(|field| field.enumeration());
            let values = enums.find(|values| values.id == *id).unwrap();
            for (from, to, _) in *rows {
                assert!(
                    values.number(from).is_some() && values.number(to).is_some(),
                    "{from} {to}"
                );
            }
        }
    }

    #[test]
    fn the_further_of_two_on_one_line_wins_and_a_circle_stays_open() {
        let (machine, values) = machine("party_organisation", "status");
        let number = |id: &str| u64::try_from(values.number(id).unwrap()).unwrap();
        let furthest = |ids: &[&str]| machine.furthest(&ids.iter().map(|id| number(id)).collect());
        assert_eq!(furthest(&["applied", "active"]), Some(number("active")));
        assert_eq!(
            furthest(&["preparing", "dissolved", "active"]),
            Some(number("dissolved"))
        );
        assert_eq!(
            furthest(&["active", "restructuring"]),
            None,
            "each leads to the other"
        );
        let (machine, values) = self::machine("seminar", "status");
        let number = |id: &str| u64::try_from(values.number(id).unwrap()).unwrap();
        let both = BTreeSet::from([number("held"), number("cancelled")]);
        assert_eq!(machine.furthest(&both), None, "two ends");
        assert_eq!(
            machine.step(number("held"), number("planned")),
            Step::Against
        );
        assert_eq!(machine.step(number("planned"), number("held")), Step::Skips);
    }

    #[test]
    fn only_the_hub_merges_and_ends_a_transfer() {
        let (machine, values) = machine("organisation", "census_status");
        let number = |id: &str| u64::try_from(values.number(id).unwrap()).unwrap();
        assert!(machine.is_hubs(number("merged")) && !machine.is_hubs(number("counted")));
        let back = machine.step(number("transferring"), number("counted"));
        assert_eq!(back, Step::Direct(By::Hub));
    }
}

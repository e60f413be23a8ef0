//! State machines: which status may follow which, as tables that can be read.
//!
//! A status is a value of an enumeration; a table is found by the name of that enumeration. Two
//! concurrent statuses are one when exactly one of them can be reached from the other.
//!
//! What a step needs beside the right state stands with the other rules, in [`mod@crate::validate`];
//! what follows from it on other records stands in [`effects`].

use std::collections::BTreeSet;

use crate::catalogue::{EnumSpec, FieldSpec, KindSpec, ValueSpec};

pub mod census;
pub mod effects;
pub mod guards;
pub mod steps;
mod tables;

use tables::Row;

/// Who takes a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Whoever may write the record.
    Editor,
    /// Whoever may write it and did not take the step before: nobody approves what they submitted.
    Reviewer,
    /// The city. A node that wants it takes the step before, and waits.
    City,
    /// The city where the city found it, else a reviewer of the scope.
    Finder,
    /// Who registered it, else a reviewer of the office; the city's where the city found it.
    Registrant,
    /// The scope, and the city beside it.
    Either,
}

impl Who {
    /// Whether only the hub commits the step. `by_city`: the city found what the record is about.
    #[must_use]
    pub fn is_hubs(self, by_city: bool) -> bool {
        match self {
            Self::City => true,
            Self::Finder | Self::Registrant => by_city,
            Self::Editor | Self::Reviewer | Self::Either => false,
        }
    }

    /// Whether the hub may take the step in a record of a district.
    #[must_use]
    pub fn is_open_to_hub(self, by_city: bool) -> bool {
        self.is_hubs(by_city) || self == Self::Either
    }

    /// Whether somebody else must have taken the step before. Of [`Self::Registrant`] it must unless it
    /// is the one who registered the record.
    #[must_use]
    pub fn approves(self) -> bool {
        matches!(self, Self::Reviewer | Self::City | Self::Finder)
    }
}

/// What a change of status is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// None.
    Same,
    /// A step of the table.
    Direct(Who),
    /// Several steps of the table at once.
    Skips,
    /// Against the table: no steps lead there.
    Against,
    /// From or to a status that the table does not know, as a newer program may write.
    Unknown,
}

/// A step that can follow from the state of a record.
#[derive(Clone, Copy, Debug)]
pub struct Act<'a> {
    /// What it is called.
    pub name: &'static str,
    /// The field of the state.
    pub field: &'a FieldSpec,
    /// The state it leaves.
    pub from: &'a ValueSpec,
    /// The state it leads to.
    pub to: &'a ValueSpec,
    /// Who takes it.
    pub who: Who,
}

impl<'a> Act<'a> {
    /// The id of the state that it leads to.
    #[must_use]
    pub fn to_id(self) -> &'a str {
        &self.to.id
    }
}

/// Returns what can follow from the states of a record of a kind, in the order of the tables.
#[must_use]
pub fn acts<'a>(kind: &'a KindSpec, values: &[u8]) -> Vec<Act<'a>> {
    let states = kind.registers.iter().filter_map(|register| {
        let field = kind.fields_of(register).next()?;
        let from = crate::authority::status(kind, register, values)?;
        Some((
            field,
            field.enumeration()?,
            register.machine.as_ref()?,
            from,
        ))
    });
    let mut acts = Vec::new();
    for (field, states, machine, from) in states {
        let value = |number: u64| states.value(i32::try_from(number).ok()?);
        let Some(leaves) = value(from) else { continue };
        let steps = machine.steps.iter().filter(|(start, _, _)| *start == from);
        acts.extend(steps.filter_map(|(_, to, row)| {
            Some(Act {
                name: row.act,
                field,
                from: leaves,
                to: value(*to)?,
                who: row.who,
            })
        }));
    }
    acts
}

/// A table with its numbers looked up.
#[derive(Debug)]
pub struct Machine {
    states: BTreeSet<u64>,
    steps: Vec<(u64, u64, &'static Row)>,
    reach: BTreeSet<(u64, u64)>,
    /// What can be reached without a step that somebody else must take.
    alone: BTreeSet<(u64, u64)>,
    /// What beats another that did not know of it.
    beats: BTreeSet<(u64, u64)>,
    /// The state in which a thing is submitted whose approvals do not all follow it at once.
    submitted: Option<u64>,
}

/// Which statuses steps lead to.
fn reach(steps: impl Iterator<Item = (u64, u64)>) -> BTreeSet<(u64, u64)> {
    let steps: Vec<_> = steps.collect();
    let mut reach: BTreeSet<_> = steps.iter().copied().collect();
    loop {
        let longer: Vec<_> = reach
            .iter()
            .flat_map(|(from, via)| {
                let onward = steps.iter().filter(move |(start, _)| start == via);
                onward.map(move |(_, to)| (*from, *to))
            })
            .filter(|pair| !reach.contains(pair))
            .collect();
        if longer.is_empty() {
            return reach;
        }
        reach.extend(longer);
    }
}

impl Machine {
    /// Returns the table for an enumeration.
    pub(crate) fn of(values: &EnumSpec) -> Option<Self> {
        let (_, rows) = tables::ALL.iter().find(|(id, _)| *id == values.id)?;
        let number = |id: &str| {
            values
                .number(id)
                .and_then(|number| u64::try_from(number).ok())
        };
        let steps: Vec<_> = rows
            .iter()
            .filter_map(|row| Some((number(row.from)?, number(row.to)?, row)))
            .collect();
        let states = steps
            .iter()
            .flat_map(|(from, to, _)| [*from, *to])
            .collect();
        let all = steps.iter().map(|(from, to, _)| (*from, *to));
        let own = steps.iter().filter(|(_, _, row)| !row.who.approves());
        let own = own.map(|(from, to, _)| (*from, *to));
        let beats = tables::BEATS.iter().filter(|(id, _, _)| *id == values.id);
        let beats = beats.flat_map(|(_, winner, losers)| {
            let pair = |loser: &&str| Some((number(winner)?, number(loser)?));
            losers.iter().filter_map(pair).collect::<Vec<_>>()
        });
        Some(Self {
            states,
            reach: reach(all),
            alone: reach(own),
            beats: beats.collect(),
            submitted: tables::SUBMITTED
                .iter()
                .find(|(id, _)| *id == values.id)
                .and_then(|(_, state)| number(state)),
            steps,
        })
    }

    /// The status in which a record is made: the one that its table begins with.
    #[must_use]
    pub fn start(&self) -> Option<u64> {
        self.steps.first().map(|(from, _, _)| *from)
    }

    /// The state of which whoever brought it takes no later step that approves.
    #[must_use]
    pub fn submitted(&self) -> Option<u64> {
        self.submitted
    }

    /// The first of the fewest steps that lead from one status to another: what it is called and the
    /// status it leads to.
    #[must_use]
    pub fn next(&self, from: u64, to: u64) -> Option<(&'static str, u64)> {
        // Walked backwards from the end, so that the first step found is on a shortest way.
        let mut near = BTreeSet::from([to]);
        loop {
            let mut into = self.steps.iter().filter(|(_, end, _)| near.contains(end));
            if let Some((_, end, row)) = into.find(|(start, _, _)| *start == from) {
                return Some((row.act, *end));
            }
            let into = self.steps.iter().filter(|(_, end, _)| near.contains(end));
            let wider: BTreeSet<u64> = into.map(|(start, _, _)| *start).collect();
            if wider.is_subset(&near) {
                return None;
            }
            near.extend(wider);
        }
    }

    /// Whether a record can be made in a status: as its table begins, or one step on that its maker
    /// takes. What only the city writes begins as the city says.
    #[must_use]
    pub fn is_made_in(&self, to: u64) -> bool {
        let is_citys = self.steps.iter().all(|(_, _, row)| row.who == Who::City);
        let start = self.start();
        is_citys
            || start == Some(to)
            || start.is_some_and(
                |start| matches!(self.step(start, to), Step::Direct(who) if !who.approves()),
            )
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
            Some((_, _, row)) => Step::Direct(row.who),
            None if self.reaches(from, to) => Step::Skips,
            None => Step::Against,
        }
    }

    /// Whether a change of status is one step of the table that the hub alone takes. `by_city`: as of
    /// [`Who::is_hubs`].
    #[must_use]
    pub fn is_hubs_step(&self, from: u64, to: u64, by_city: bool) -> bool {
        matches!(self.step(from, to), Step::Direct(who) if who.is_hubs(by_city))
    }

    /// Whether a change of status is open to who registered the record.
    #[must_use]
    pub fn is_registrants(&self, from: u64, to: u64) -> bool {
        self.step(from, to) == Step::Direct(Who::Registrant)
    }

    /// Whether every step into a status is the hub's. `by_city`: as of [`Who::is_hubs`].
    #[must_use]
    pub fn is_hubs(&self, to: u64, by_city: bool) -> bool {
        let mut into = self
            .steps
            .iter()
            .filter(|(_, end, _)| *end == to)
            .peekable();
        into.peek().is_some() && into.all(|(_, _, row)| row.who.is_hubs(by_city))
    }

    /// Whether a change of status approves something: a step of the table that somebody else must
    /// take, several steps with such a one among them, or a way around the table into a status that
    /// only such steps lead to. From none: a record that is made.
    #[must_use]
    pub fn approves(&self, from: Option<u64>, to: u64) -> bool {
        match from.map(|from| self.step(from, to)) {
            Some(Step::Same) => false,
            Some(Step::Direct(who)) => who.approves(),
            Some(Step::Skips) => from.is_some_and(|from| self.is_past(from, to)),
            None if self.start().is_some_and(|start| self.is_past(start, to)) => true,
            Some(Step::Against | Step::Unknown) | None => {
                let mut into = self
                    .steps
                    .iter()
                    .filter(|(_, end, _)| *end == to)
                    .peekable();
                into.peek().is_some() && into.all(|(_, _, row)| row.who.approves())
            }
        }
    }

    /// Whether every way between two statuses passes a step that somebody else must take.
    fn is_past(&self, from: u64, to: u64) -> bool {
        from != to && self.reaches(from, to) && !self.alone.contains(&(from, to))
    }

    /// Whether a table has steps that the hub alone may take.
    #[must_use]
    pub fn has_hub_steps(&self) -> bool {
        self.steps.iter().any(|(_, _, row)| row.who.is_hubs(true))
    }

    /// Of several statuses that did not know of each other, the one that all others lead to and that
    /// leads to none of them, or that beats them.
    #[must_use]
    pub fn furthest(&self, states: &BTreeSet<u64>) -> Option<u64> {
        states.iter().copied().find(|candidate| {
            let others = states.iter().filter(|state| *state != candidate);
            let mut others = others.copied();
            others.all(|other| {
                let is_further =
                    self.reaches(other, *candidate) && !self.reaches(*candidate, other);
                let is_beaten = self.beats.contains(&(other, *candidate));
                (is_further && !is_beaten) || self.beats.contains(&(*candidate, other))
            })
        })
    }

    /// Whether the furthest of several statuses stands because it beats another.
    #[must_use]
    pub fn is_beaten(&self, states: &BTreeSet<u64>) -> bool {
        let furthest = self.furthest(states);
        let mut others = states.iter();
        furthest.is_some_and(|one| others.any(|other| self.beats.contains(&(one, *other))))
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
        for (id, rows) in tables::ALL {
            let fields = Catalogue::builtin()
                .kinds()
                .iter()
                .flat_map(|kind| &kind.fields);
            let mut enums = fields.filter_map(|field| field.enumeration());
            let values = enums.find(|values| values.id == *id).unwrap();
            let mut named = BTreeSet::new();
            for row in *rows {
                for end in [row.from, row.to] {
                    assert!(values.number(end).is_some(), "{id}: {end}");
                    named.insert(end);
                }
                let mut same = rows
                    .iter()
                    .filter(|it| (it.from, it.act) == (row.from, row.act));
                assert!(
                    same.all(|it| it.to == row.to),
                    "{id}: {} from {} leads to two places",
                    row.act,
                    row.from
                );
            }
            let all: BTreeSet<_> = values
                .values
                .iter()
                .map(|value| value.id.as_str())
                .collect();
            assert_eq!(named, all, "{id}: every state is in the table");
        }
    }

    #[test]
    fn an_act_of_a_kind_leads_to_one_place() {
        for kind in Catalogue::builtin().kinds() {
            let mut led = std::collections::BTreeMap::new();
            for register in &kind.registers {
                let steps = register.machine.iter().flat_map(|machine| &machine.steps);
                for (from, _, row) in steps {
                    let other = led.insert((row.act, *from), register.id);
                    assert!(
                        other.is_none_or(|other| other == register.id),
                        "{}: {} is an act of two fields",
                        kind.id,
                        row.act
                    );
                }
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
    fn reopening_beats_a_closing_that_did_not_know_of_it() {
        let (machine, values) = machine("problem_item", "status");
        let number = |id: &str| u64::try_from(values.number(id).unwrap()).unwrap();
        let of = |ids: &[&str]| ids.iter().map(|id| number(id)).collect::<BTreeSet<_>>();
        for beaten in [
            &["closed"][..],
            &["close_applied"],
            &["closed", "close_applied"],
            &["closed", "registered"],
        ] {
            let all = of(&[beaten, &["reopened"]].concat());
            assert_eq!(machine.furthest(&all), Some(number("reopened")));
            assert!(machine.is_beaten(&all));
        }
        // Nothing else is decided by it.
        for open in ["in_progress", "long_term", "returned", "withdrawn"] {
            assert_eq!(machine.furthest(&of(&["reopened", open])), None, "{open}");
            let all = of(&["reopened", "closed", open]);
            assert_eq!(machine.furthest(&all), None, "{open}");
            assert!(!machine.is_beaten(&all));
        }
        let line = of(&["registered", "assigned"]);
        assert_eq!(machine.furthest(&line), Some(number("assigned")));
        assert!(!machine.is_beaten(&line));
        for (id, winner, losers) in tables::BEATS {
            for loser in *losers {
                let mut all = tables::BEATS.iter();
                let back = all.any(|row| row.0 == *id && row.1 == *loser && row.2.contains(winner));
                assert!(!back, "{id}: neither beats itself");
            }
        }
    }

    #[test]
    fn what_the_city_has_answered_a_district_takes_back_no_more() {
        for (kind, answers, back, open) in [
            (
                "nomination",
                &["received", "spot_checked", "accepted", "not_accepted"][..],
                "withdrawn",
                "recommended",
            ),
            (
                "transfer_request",
                &["accepted", "refused", "ruled"],
                "cancelled",
                "requested",
            ),
        ] {
            let (machine, values) = machine(kind, "status");
            let number = |id: &str| u64::try_from(values.number(id).unwrap()).unwrap();
            for answer in answers {
                let both = BTreeSet::from([number(back), number(answer)]);
                assert_eq!(machine.furthest(&both), Some(number(answer)), "{answer}");
                assert!(machine.is_beaten(&both));
            }
            let taken = BTreeSet::from([number(back), number(open)]);
            assert_eq!(machine.furthest(&taken), Some(number(back)), "{kind}");
            assert!(!machine.is_beaten(&taken));
        }
        // What the city gave back the district may withdraw.
        let (machine, values) = machine("nomination", "status");
        let number = |id: &str| u64::try_from(values.number(id).unwrap()).unwrap();
        let both = BTreeSet::from([number("returned"), number("withdrawn")]);
        assert_eq!(machine.furthest(&both), Some(number("withdrawn")));
    }

    #[test]
    fn the_next_step_is_on_the_shortest_way() {
        let (machine, values) = machine("nomination", "status");
        let number = |id: &str| u64::try_from(values.number(id).unwrap()).unwrap();
        let next = |from: &str, to: &str| machine.next(number(from), number(to)).map(|it| it.0);
        assert_eq!(next("draft", "recommended"), Some("submit"));
        assert_eq!(next("screened", "recommended"), Some("assess"));
        assert_eq!(next("returned", "submitted"), Some("revise"));
        assert_eq!(next("withdrawn", "draft"), None);
        assert_eq!(machine.start(), Some(number("draft")));
    }

    #[test]
    fn a_jump_past_a_reviewer_approves_and_one_that_passes_none_does_not() {
        let (machine, values) = machine("nomination", "status");
        let number = |id: &str| u64::try_from(values.number(id).unwrap()).unwrap();
        let approves =
            |from: Option<&str>, to: &str| machine.approves(from.map(number), number(to));
        assert!(approves(Some("submitted"), "assessed"), "screening is past");
        assert!(approves(None, "assessed") && approves(None, "recommended"));
        assert!(!approves(None, "draft") && !approves(None, "submitted"));
        assert!(!approves(Some("returned"), "submitted"));
        let (made, past) = (number("submitted"), number("screened"));
        assert!(machine.is_made_in(made) && !machine.is_made_in(past));
    }

    #[test]
    fn only_the_hub_merges_and_a_transfer_ends_with_its_request() {
        let (machine, values) = machine("organisation", "census_status");
        let number = |id: &str| u64::try_from(values.number(id).unwrap()).unwrap();
        let is_hubs = |id: &str| machine.is_hubs(number(id), false);
        assert!(is_hubs("merged") && !is_hubs("counted"));
        let back = machine.step(number("transferring"), number("counted"));
        assert_eq!(back, Step::Direct(Who::Either));
    }
}

//! Counting: the sets of the definitions, then the figures made of them.

use std::collections::{BTreeMap, BTreeSet};

use proto::ledger::{CensusStatus, EstablishmentForm, PartyOrgStatus, WorkerRole};
use replica::{RecordId, ScopeId};

use super::{
    Figure, Indicators, Period,
    book::{Book, EventRow, Facts, OrganisationRow, PartyRow},
};
use crate::{
    date::{self, Date},
    validate::is_active,
};

pub(super) fn scope(book: &Book, scope: ScopeId, period: &Period) -> Indicators {
    let tally = Tally::of(book, &[scope], period, Pool::Records);
    tally.figures()
}

pub(super) fn city(book: &Book, scopes: &[ScopeId], period: &Period) -> Indicators {
    let tally = Tally::of(book, scopes, period, Pool::CreditCodes);
    tally.figures()
}

/// What is counted once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pool {
    /// Every record.
    Records,
    /// Of the records with one credit code the one with the smallest id.
    CreditCodes,
}

/// The sums of one or several scopes.
#[derive(Debug, Default)]
struct Tally {
    records: u64,
    not_candidate: u64,
    duplicates: u64,
    counted: u64,
    covered: u64,
    standalone: u64,
    eligible: u64,
    work: u64,
    work_broad: u64,
    uncovered: u64,
    uncovered_instructed: u64,
    blank: u64,
    joint_3plus: u64,
    should_unbuilt: u64,
    few_unbuilt: u64,
    none_unbuilt: u64,
    newly_covered: u64,
    filled: u64,
    fields: u64,
    new_parties: u64,
    parties: u64,
    with_carrier: u64,
    with_regular: u64,
    people: BTreeMap<Role, BTreeSet<RecordId>>,
    trained: BTreeSet<RecordId>,
    trainings: Quota,
    seminars: Quota,
    rotations: u64,
}

/// The roles whose training is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    Secretary,
    Head,
    Instructor,
}

/// Events held, and how many scopes held enough.
#[derive(Debug, Default)]
struct Quota {
    held: u64,
    met: u64,
    scopes: u64,
}

impl Quota {
    fn add(&mut self, held: u64, quota: u32) {
        self.held += held;
        self.met += u64::from(held >= u64::from(quota));
        self.scopes += 1;
    }
}

impl Tally {
    fn of(book: &Book, scopes: &[ScopeId], period: &Period, pool: Pool) -> Self {
        let mut tally = Self::default();
        let none = Facts::default();
        let facts = || {
            scopes
                .iter()
                .map(|scope| book.scopes.get(scope).unwrap_or(&none))
        };
        let standing = match pool {
            Pool::Records => None,
            Pool::CreditCodes => Some(standing(facts())),
        };
        let is_here = |scope: ScopeId| scopes.contains(&scope);
        for facts in facts() {
            tally.organisations(book, facts, standing.as_ref(), period);
        }
        tally.parties(book, facts(), &is_here, period);
        tally.trained = trained(book, period);
        for (scope, facts) in scopes.iter().zip(facts()) {
            let people = people(facts, period.as_of);
            tally.rotations += u64::from(is_complete(&people, &tally.trained));
            for (role, persons) in people {
                tally.people.entry(role).or_default().extend(persons);
            }
            let sessions = book
                .sessions
                .values()
                .filter(|s| s.host == *scope && s.is_centralised);
            let parameters = &period.parameters;
            tally
                .trainings
                .add(held(sessions, period), parameters.quota_training);
            let seminars = facts.seminars.iter().filter(|s| s.host == *scope);
            tally
                .seminars
                .add(held(seminars, period), parameters.quota_seminar);
        }
        tally
    }

    fn organisations(
        &mut self,
        book: &Book,
        facts: &Facts,
        standing: Option<&BTreeMap<&str, RecordId>>,
        period: &Period,
    ) {
        let coverage = coverage(book, facts, period);
        let active = facts
            .instructors
            .iter()
            .filter(|i| is_active(i.from, i.to, period.as_of));
        let instructed: BTreeSet<RecordId> =
            active.map(|i| book.standing(i.organisation)).collect();
        let none = Cover::default();
        // What was merged into another is a name of it and no record of the ledger any more.
        let stand = |row: &&OrganisationRow| book.standing(row.id) == row.id;
        for row in facts.organisations.iter().filter(stand) {
            self.records += 1;
            let is_candidate = matches!(
                row.status,
                CensusStatus::Candidate | CensusStatus::Unspecified
            );
            self.not_candidate += u64::from(!is_candidate);
            if row.status != CensusStatus::Counted {
                continue;
            }
            let stands = |standing: &BTreeMap<&str, RecordId>| {
                row.uscc
                    .as_deref()
                    .and_then(|code| standing.get(code))
                    .is_none_or(|id| *id == row.id)
            };
            if !standing.is_none_or(stands) {
                self.duplicates += 1;
                continue;
            }
            let cover = coverage.get(&row.id).unwrap_or(&none);
            self.organisation(row, cover, instructed.contains(&row.id), period);
        }
    }

    fn organisation(
        &mut self,
        row: &OrganisationRow,
        cover: &Cover,
        is_instructed: bool,
        period: &Period,
    ) {
        let is_covered = cover.strongest.is_some();
        let is_standalone = cover.strongest == Some(Form::Standalone);
        let is_large = row.full_members >= period.parameters.should_build_members;
        let is_eligible = is_covered || is_large || row.is_flagged_eligible;
        self.counted += 1;
        self.covered += u64::from(is_covered);
        self.standalone += u64::from(is_standalone);
        self.eligible += u64::from(is_eligible);
        self.work += u64::from(is_covered || is_instructed);
        self.work_broad += u64::from(is_covered || is_instructed || row.has_mass_org);
        self.joint_3plus += u64::from(is_covered && !is_standalone && is_large);
        self.newly_covered += u64::from(cover.first.is_some_and(|first| in_year(first, period)));
        // The reason why nothing was built belongs to those where nothing was.
        self.fields += u64::from(row.required) + u64::from(!is_covered);
        self.filled += u64::from(row.filled) + u64::from(!is_covered && row.has_not_built_reason);
        if is_covered {
            return;
        }
        self.uncovered += 1;
        self.uncovered_instructed += u64::from(is_instructed);
        self.blank += u64::from(is_eligible);
        match (is_large, row.members) {
            (true, _) => self.should_unbuilt += 1,
            (false, 0) => self.none_unbuilt += 1,
            (false, _) => self.few_unbuilt += 1,
        }
    }

    fn parties<'a>(
        &mut self,
        book: &Book,
        facts: impl Iterator<Item = &'a Facts>,
        is_here: &dyn Fn(ScopeId) -> bool,
        period: &Period,
    ) {
        let (mut running, mut regular) = (BTreeSet::new(), BTreeSet::new());
        for carrier in facts
            .flat_map(|facts| &facts.carriers)
            .filter(|carrier| carrier.is_running)
        {
            running.insert(carrier.party);
            let activities = book
                .activities
                .get(&carrier.id)
                .map(Vec::as_slice)
                .unwrap_or_default();
            if is_regular(carrier.started, activities, period) {
                regular.insert(carrier.party);
            }
        }
        for (id, row) in book.parties.iter().filter(|(_, row)| is_here(row.scope)) {
            let established = row.established.filter(|_| was_established(row));
            self.new_parties += u64::from(established.is_some_and(|day| in_year(day, period)));
            if is_in_operation(row, period.as_of) {
                self.parties += 1;
                self.with_carrier += u64::from(running.contains(id));
                self.with_regular += u64::from(regular.contains(id));
            }
        }
    }

    fn figures(&self) -> Indicators {
        let rate = |num, den| Figure::Rate { num, den };
        let trained = |role| {
            let persons = self.people.get(&role);
            let den = persons.map(BTreeSet::len).unwrap_or_default();
            let num = persons
                .map(|p| p.intersection(&self.trained).count())
                .unwrap_or_default();
            rate(wide(num), wide(den))
        };
        let all: BTreeSet<_> = self.people.values().flatten().copied().collect();
        let all_trained = rate(
            wide(all.intersection(&self.trained).count()),
            wide(all.len()),
        );
        let met = |quota: &Quota| Figure::Met {
            num: quota.met,
            den: quota.scopes,
        };
        Indicators(vec![
            (
                "census_completion_rate",
                rate(self.not_candidate, self.records),
            ),
            ("org_coverage_rate", rate(self.covered, self.counted)),
            ("standalone_rate", rate(self.standalone, self.counted)),
            ("built_of_should_rate", rate(self.covered, self.eligible)),
            ("work_coverage_rate", rate(self.work, self.counted)),
            (
                "work_coverage_broad_rate",
                rate(self.work_broad, self.counted),
            ),
            (
                "instructor_dispatch_rate",
                rate(self.uncovered_instructed, self.uncovered),
            ),
            ("blank_points", Figure::Count(self.blank)),
            ("uncovered_gap", Figure::Count(self.counted - self.work)),
            ("joint_with_3plus", Figure::Count(self.joint_3plus)),
            ("should_unbuilt", Figure::Count(self.should_unbuilt)),
            ("few_members_unbuilt", Figure::Count(self.few_unbuilt)),
            ("no_members_unbuilt", Figure::Count(self.none_unbuilt)),
            ("duplicates_removed", Figure::Count(self.duplicates)),
            ("new_party_orgs", Figure::Count(self.new_parties)),
            ("newly_covered", Figure::Count(self.newly_covered)),
            ("training_secretary", trained(Role::Secretary)),
            ("training_head", trained(Role::Head)),
            ("training_instructor", trained(Role::Instructor)),
            ("training_all", all_trained),
            ("rotation_complete", Figure::Count(self.rotations)),
            ("trainings_held", Figure::Count(self.trainings.held)),
            ("trainings_held_met", met(&self.trainings)),
            (
                "carrier_coverage_rate",
                rate(self.with_carrier, self.parties),
            ),
            (
                "carrier_regular_rate",
                rate(self.with_regular, self.parties),
            ),
            ("seminars_held", Figure::Count(self.seminars.held)),
            ("seminars_held_met", met(&self.seminars)),
            ("field_completeness", rate(self.filled, self.fields)),
            ("party_orgs_active", Figure::Count(self.parties)),
            ("counted", Figure::Count(self.counted)),
        ])
    }
}

fn wide(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Of the counted records with one credit code, the one with the smallest id.
fn standing<'a>(facts: impl Iterator<Item = &'a Facts>) -> BTreeMap<&'a str, RecordId> {
    let mut standing: BTreeMap<&str, RecordId> = BTreeMap::new();
    for row in facts.flat_map(|facts| &facts.organisations) {
        if let (Some(code), CensusStatus::Counted) = (row.uscc.as_deref(), row.status) {
            let id = standing.entry(code).or_insert(row.id);
            *id = (*id).min(row.id);
        }
    }
    standing
}

/// The forms, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    Standalone,
    Joint,
    Affiliated,
    Sector,
    Area,
    Unstated,
}

impl From<EstablishmentForm> for Form {
    fn from(form: EstablishmentForm) -> Self {
        match form {
            EstablishmentForm::Standalone => Self::Standalone,
            EstablishmentForm::Joint => Self::Joint,
            EstablishmentForm::Affiliated => Self::Affiliated,
            EstablishmentForm::Sector => Self::Sector,
            EstablishmentForm::Area => Self::Area,
            EstablishmentForm::Unspecified => Self::Unstated,
        }
    }
}

/// How an organisation is covered.
#[derive(Debug, Default)]
struct Cover {
    /// The strongest form of its active links; none when it is not covered.
    strongest: Option<Form>,
    /// When its first link began.
    first: Option<Date>,
}

fn coverage(book: &Book, facts: &Facts, period: &Period) -> BTreeMap<RecordId, Cover> {
    let mut covers: BTreeMap<RecordId, Cover> = BTreeMap::new();
    for link in &facts.links {
        let cover = covers.entry(book.standing(link.organisation)).or_default();
        if let Some(from) = link.from.filter(|from| *from <= period.as_of) {
            cover.first = Some(cover.first.map_or(from, |first| first.min(from)));
        }
        let alive = book
            .parties
            .get(&link.party)
            .is_some_and(|party| is_alive(party, period.as_of));
        if alive && is_active(link.from, link.to, period.as_of) {
            let form = Form::from(link.form);
            cover.strongest = Some(cover.strongest.map_or(form, |known| known.min(form)));
        }
    }
    covers
}

fn was_established(party: &PartyRow) -> bool {
    matches!(
        party.status,
        PartyOrgStatus::Active | PartyOrgStatus::Restructuring | PartyOrgStatus::Dissolved
    )
}

/// Whether a Party organisation covers anybody on a day: from its establishment to its end.
fn is_alive(party: &PartyRow, day: Date) -> bool {
    let ended = party.status == PartyOrgStatus::Dissolved && party.dissolved.is_none();
    was_established(party) && !ended && is_active(party.established, party.dissolved, day)
}

/// Whether it is active on a day: alive, and not being restructured.
fn is_in_operation(party: &PartyRow, day: Date) -> bool {
    is_alive(party, day) && party.status != PartyOrgStatus::Restructuring
}

/// Whether a day lies in the year and has come.
fn in_year(day: Date, period: &Period) -> bool {
    u32::try_from(day.year()) == Ok(period.parameters.year) && day <= period.as_of
}

/// Whether an event was held in the year up to the day.
fn is_held(event: &EventRow, period: &Period) -> bool {
    let of_year = match event.year {
        Some(year) => year == period.year_id,
        None => event.on.is_some_and(|on| in_year(on, period)),
    };
    event.is_held && of_year && event.on.is_some_and(|on| on <= period.as_of)
}

fn held<'a>(events: impl Iterator<Item = &'a EventRow>, period: &Period) -> u64 {
    wide(events.filter(|event| is_held(event, period)).count())
}

/// Everybody who attended a held session of the year, own or the city's, of any kind.
fn trained(book: &Book, period: &Period) -> BTreeSet<RecordId> {
    let sessions = book
        .sessions
        .iter()
        .filter(|(_, session)| is_held(session, period));
    let held: BTreeSet<RecordId> = sessions.map(|(id, _)| *id).collect();
    let attended = book
        .attended
        .iter()
        .filter(|(_, sessions)| !sessions.is_disjoint(&held));
    attended.map(|(person, _)| *person).collect()
}

/// The persons in each role on a day.
fn people(facts: &Facts, day: Date) -> BTreeMap<Role, BTreeSet<RecordId>> {
    let mut people: BTreeMap<Role, BTreeSet<RecordId>> = BTreeMap::new();
    for row in facts
        .roles
        .iter()
        .filter(|row| is_active(row.from, row.to, day))
    {
        let role = match row.role {
            WorkerRole::Secretary => Role::Secretary,
            WorkerRole::Head => Role::Head,
            WorkerRole::Instructor => Role::Instructor,
            WorkerRole::Unspecified
            | WorkerRole::CommitteeMember
            | WorkerRole::PartTimeMember
            | WorkerRole::AffairsWorker => continue,
        };
        people.entry(role).or_default().insert(row.person);
    }
    for row in facts
        .instructors
        .iter()
        .filter(|row| is_active(row.from, row.to, day))
    {
        people
            .entry(Role::Instructor)
            .or_default()
            .insert(row.person);
    }
    people
}

/// Whether everybody in each role was trained; a role without anybody does not apply.
fn is_complete(people: &BTreeMap<Role, BTreeSet<RecordId>>, trained: &BTreeSet<RecordId>) -> bool {
    people.values().all(|persons| persons.is_subset(trained))
}

/// Whether a carrier had enough activities in every quarter of the year that has ended and ended
/// on or after its start. One without any activity is never regular.
fn is_regular(started: Option<Date>, activities: &[Date], period: &Period) -> bool {
    let Ok(year) = i32::try_from(period.parameters.year) else {
        return false;
    };
    let past = || activities.iter().filter(|on| **on <= period.as_of);
    let quarters =
        (1..=4_u8).filter_map(|quarter| Some((quarter, date::quarter_end(year, quarter)?)));
    let mut due = quarters
        .filter(|(_, end)| *end <= period.as_of && started.is_none_or(|started| *end >= started));
    let enough = due.all(|(quarter, _)| {
        let held = past()
            .filter(|on| on.year() == year && date::quarter(**on) == quarter)
            .count();
        wide(held) >= u64::from(period.parameters.regular_per_quarter)
    });
    past().next().is_some() && enough
}

//! Counting one unit: the sets of the definitions, and what a record adds to which sum.

use std::collections::{BTreeMap, BTreeSet};

use proto::ledger::{
    CensusStatus, CheckResult, EstablishmentForm, FundSource, NominationStatus, PartyOrgStatus,
    PlatformStatus, WorkerRole,
};
use replica::{RecordKey, ScopeId};

use super::{
    Period,
    book::Book,
    define::Counter::{self, *},
    rows::{
        CheckRow, Event, EventRow, FundingRow, NominationRow, OrganisationRow, PartyRow,
        PlatformRow, ProblemRow, ReturnRow, RewardRow, Row, kinds,
    },
    sums::{Band, Group, Share, Unit},
};
use crate::{
    date::{self, Date},
    validate::is_active,
};

/// The forms, strongest first.
const FORMS: [EstablishmentForm; 6] = [
    EstablishmentForm::Standalone,
    EstablishmentForm::Joint,
    EstablishmentForm::Affiliated,
    EstablishmentForm::Sector,
    EstablishmentForm::Area,
    EstablishmentForm::Unspecified,
];

/// How an organisation is covered on the day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cover {
    /// The strongest form of its active links; none when it is not covered.
    pub form: Option<EstablishmentForm>,
    /// The Party organisations of those links.
    pub by: Vec<RecordKey>,
    /// When its first link began, active or not.
    pub first: Option<Date>,
}

/// One counted organisation as reports show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The record.
    pub key: RecordKey,
    /// Where it counts.
    pub scope: ScopeId,
    /// Whether the city counts it: of those with one credit code one is.
    pub in_city: bool,
    /// How it is covered.
    pub cover: Cover,
    /// Whether an instructor is there on the day.
    pub is_instructed: bool,
    /// Whether it is eligible for establishment.
    pub is_eligible: bool,
    /// The number of its kind in `OrgKind`.
    pub kind: i32,
    /// Its staff.
    pub employees: u32,
    /// Its members.
    pub members: u32,
    /// Of them full members.
    pub full_members: u32,
}

impl OrganisationRow {
    pub(super) fn is_counted(&self) -> bool {
        self.status == CensusStatus::Counted
    }
}

fn one(is: bool) -> i64 {
    i64::from(is)
}

fn wide(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn fen(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

impl Book {
    /// What a unit adds; nothing where its record is not known or not counted.
    pub(super) fn count(&self, unit: Unit) -> Vec<Share> {
        let key = match unit {
            Unit::Checks(subject) => return self.checks(subject),
            Unit::Record(key) => key,
        };
        if key.kind == kinds().person {
            return self.person(key);
        }
        let Some((scope, row)) = self.rows.get(&key) else {
            return Vec::new();
        };
        let plain = |scope: ScopeId, adds: Vec<(Counter, i64)>| {
            vec![Self::adds(scope, self.is_pooled(scope), adds)]
        };
        let period = &self.period;
        match row {
            Row::Organisation(row) => self.organisation(key, *scope, row),
            Row::Party(row) => plain(*scope, self.party(key, row)),
            Row::Event(row) => plain(row.host, event(row, period)),
            Row::Funding(row) => plain(row.scope, self.funding(key, row)),
            Row::Committee { scope, ready } => {
                let is_ready = ready.is_some_and(|day| day <= period.as_of);
                plain(*scope, vec![(Committees, one(is_ready))])
            }
            Row::Cluster { is_mature } => plain(*scope, self.cluster(key, *is_mature)),
            Row::Platform(row) => plain(*scope, self.platform(key, row)),
            Row::Problem(row) => plain(row.scope, problem(row, period)),
            Row::Nomination(row) => plain(row.scope, self.nomination(key, row)),
            Row::Point { party, is_valid } => {
                // The city makes points; they count where the Party organisation is.
                let scope = self.rows.get(party).map_or(*scope, |(scope, _)| *scope);
                plain(scope, vec![(PointsValid, one(*is_valid))])
            }
            Row::Reward(row) => plain(row.scope, reward(row, period)),
            Row::Return(row) => plain(row.scope, returned(row, period)),
            Row::Link(_)
            | Row::Role(_)
            | Row::Instructor(_)
            | Row::Carrier(_)
            | Row::Activity { .. }
            | Row::Attendance { .. }
            | Row::Person { .. }
            | Row::Agency
            | Row::Position { .. }
            | Row::Check(_)
            | Row::Meeting { .. }
            | Row::Visit { .. } => Vec::new(),
        }
    }

    fn organisation(&self, key: RecordKey, scope: ScopeId, row: &OrganisationRow) -> Vec<Share> {
        let pooled = self.is_pooled(scope);
        if self.standing(key) != key {
            // What was merged into another is a name of it and not on the ledger any more; but the
            // census has looked at the record.
            return vec![Share {
                groups: groups(row, &Cover::default()),
                ..Self::adds(scope, pooled, vec![(Records, 1), (NotCandidate, 1)])
            }];
        }
        let is_candidate = matches!(
            row.status,
            CensusStatus::Candidate | CensusStatus::Unspecified
        );
        let cover = self.cover(key);
        let groups = groups(row, &cover);
        let census = vec![(Records, 1), (NotCandidate, one(!is_candidate))];
        let mut shares = vec![Share {
            groups: groups.clone(),
            ..Self::adds(scope, pooled, census)
        }];
        if row.is_counted() {
            let in_city = pooled && self.is_of_city(key, row);
            shares.push(Share {
                groups,
                ..Self::adds(scope, in_city, self.counted(key, row, &cover))
            });
            if pooled && !in_city {
                shares.push(Share {
                    scope: None,
                    in_city: true,
                    groups: Vec::new(),
                    adds: vec![(Duplicates, 1)],
                });
            }
        }
        shares
    }

    /// Of the counted records with one credit code the city takes the one with the smallest id.
    fn is_of_city(&self, key: RecordKey, row: &OrganisationRow) -> bool {
        let Some(code) = &row.uscc else {
            return true;
        };
        let pooled = |key: &RecordKey| {
            self.rows
                .get(key)
                .is_some_and(|(scope, _)| self.is_pooled(*scope))
        };
        self.holders(code).find(pooled) == Some(key)
    }

    fn counted(&self, key: RecordKey, row: &OrganisationRow, cover: &Cover) -> Vec<(Counter, i64)> {
        let is_instructed = self.is_instructed(key);
        let is_covered = cover.form.is_some();
        let is_standalone = cover.form == Some(EstablishmentForm::Standalone);
        let is_large = self.is_large(row);
        let is_eligible = is_covered || is_large || row.is_flagged_eligible;
        let starts = cover.first.is_some_and(|day| in_year(day, &self.period));
        // The reason why nothing was built belongs to those where nothing was.
        let fields = i64::from(row.required) + one(!is_covered);
        let filled = i64::from(row.filled) + one(!is_covered && row.has_not_built_reason);
        let none = !is_large && row.members == 0;
        vec![
            (Counted, 1),
            (Covered, one(is_covered)),
            (Standalone, one(is_standalone)),
            (Eligible, one(is_eligible)),
            (Work, one(is_covered || is_instructed)),
            (
                WorkBroad,
                one(is_covered || is_instructed || row.has_mass_org),
            ),
            (Gap, one(!is_covered && !is_instructed)),
            (Joint3Plus, one(is_covered && !is_standalone && is_large)),
            (NewlyCovered, one(starts)),
            (Fields, fields),
            (Filled, filled),
            (Uncovered, one(!is_covered)),
            (UncoveredInstructed, one(!is_covered && is_instructed)),
            (Blank, one(!is_covered && is_eligible)),
            (ShouldUnbuilt, one(!is_covered && is_large)),
            (FewUnbuilt, one(!is_covered && !is_large && !none)),
            (NoneUnbuilt, one(!is_covered && none)),
        ]
    }

    /// Whether an organisation has the members from which a branch must be set up.
    fn is_large(&self, row: &OrganisationRow) -> bool {
        row.full_members >= self.period.parameters.should_build_members
    }

    /// How an organisation is covered on the day of the period.
    fn cover(&self, key: RecordKey) -> Cover {
        let day = self.period.as_of;
        let mut cover = Cover::default();
        for name in self.own_names(key) {
            for link in self.referring(name, kinds().coverage_link) {
                let Some(Row::Link(link)) = self.row(link) else {
                    continue;
                };
                if let Some(from) = link.from.filter(|from| *from <= day) {
                    cover.first = Some(cover.first.map_or(from, |first| first.min(from)));
                }
                let alive = match self.row(link.party) {
                    Some(Row::Party(party)) => is_alive(party, day),
                    _ => false,
                };
                if alive && is_active(link.from, link.to, day) {
                    cover.form = Some(stronger(cover.form, link.form));
                    cover.by.push(link.party);
                }
            }
        }
        cover
    }

    fn is_instructed(&self, key: RecordKey) -> bool {
        let day = self.period.as_of;
        let mut sent = self
            .own_names(key)
            .into_iter()
            .flat_map(|name| self.referring(name, kinds().instructor_assignment));
        sent.any(|sent| match self.row(sent) {
            Some(Row::Instructor(row)) => is_active(row.from, row.to, day),
            _ => false,
        })
    }

    /// An organisation and everything for which it stands.
    fn own_names(&self, key: RecordKey) -> BTreeSet<RecordKey> {
        let mut names = self.names(key);
        names.retain(|name| *name == key || self.standing(*name) == key);
        names
    }

    /// Every counted organisation, with what the definitions say of it.
    pub fn standings(&self) -> impl Iterator<Item = Standing> {
        self.rows.iter().filter_map(|(key, (scope, row))| {
            let Row::Organisation(row) = row else {
                return None;
            };
            if !row.is_counted() || self.standing(*key) != *key {
                return None;
            }
            let cover = self.cover(*key);
            let is_eligible = cover.form.is_some() || self.is_large(row) || row.is_flagged_eligible;
            Some(Standing {
                key: *key,
                scope: *scope,
                in_city: self.is_pooled(*scope) && self.is_of_city(*key, row),
                cover,
                is_instructed: self.is_instructed(*key),
                is_eligible,
                kind: row.kind,
                employees: row.employees,
                members: row.members,
                full_members: row.full_members,
            })
        })
    }

    /// Whether a Party organisation is active on the day of the period.
    #[must_use]
    pub fn is_in_operation(&self, party: RecordKey) -> bool {
        match self.row(party) {
            Some(Row::Party(row)) => is_in_operation(row, self.period.as_of),
            _ => false,
        }
    }

    fn party(&self, key: RecordKey, row: &PartyRow) -> Vec<(Counter, i64)> {
        let established = row.established.filter(|_| was_established(row));
        let is_new = established.is_some_and(|day| in_year(day, &self.period));
        let mut adds = vec![(NewParties, one(is_new))];
        if !is_in_operation(row, self.period.as_of) {
            return adds;
        }
        let (mut running, mut is_regular) = (0_u32, false);
        for carrier in self.referring(key, kinds().carrier) {
            let Some(Row::Carrier(row)) = self.row(carrier).filter(is_running_carrier) else {
                continue;
            };
            running += 1;
            is_regular |= self.is_regular(carrier, row.started);
        }
        let position = row.position.and_then(|key| self.row(key));
        let is_standard = matches!(position, Some(Row::Position { is_standard: true }));
        let results = self.latest(key);
        let failed = results
            .values()
            .any(|check| check.result == CheckResult::Fail);
        let passed = results
            .values()
            .any(|check| check.result == CheckResult::Pass);
        let funded = self.referring(key, kinds().funding_entry).any(|entry| {
            matches!(self.row(entry), Some(Row::Funding(row)) if self.income(entry, row) > 0)
        });
        adds.extend([
            (Parties, 1),
            (
                WithCarrier,
                one(running >= self.period.parameters.quota_carrier),
            ),
            (WithRegular, one(is_regular)),
            (WithPosition, one(is_standard)),
            (Compliant, one(passed && !failed)),
            (Funded, one(funded)),
        ]);
        adds
    }

    /// Whether a carrier had enough activities in every quarter of the year that has ended and ended
    /// on or after its start. One without any activity is never regular.
    fn is_regular(&self, carrier: RecordKey, started: Option<Date>) -> bool {
        let Ok(year) = i32::try_from(self.period.parameters.year) else {
            return false;
        };
        let activities = self.referring(carrier, kinds().carrier_activity);
        let held = activities.filter_map(|activity| match self.row(activity) {
            Some(Row::Activity { on, .. }) => Some(*on).filter(|on| *on <= self.period.as_of),
            _ => None,
        });
        let held: Vec<Date> = held.collect();
        let enough = self.period.quarters_ended().all(|(quarter, end)| {
            let of_quarter = |on: &&Date| on.year() == year && date::quarter(**on) == quarter;
            started.is_some_and(|started| end < started)
                || wide(held.iter().filter(of_quarter).count())
                    >= i64::from(self.period.parameters.regular_per_quarter)
        });
        !held.is_empty() && enough
    }

    /// The latest check of each item of a subject in the year; the city's own stands before the
    /// district's.
    fn latest(&self, subject: RecordKey) -> BTreeMap<RecordKey, &CheckRow> {
        let home = self.rows.get(&subject).map(|(scope, _)| *scope);
        let mut latest: BTreeMap<RecordKey, ((bool, Date, RecordKey), &CheckRow)> = BTreeMap::new();
        for key in self.referring(subject, kinds().standard_check) {
            let Some(Row::Check(row)) = self.row(key) else {
                continue;
            };
            // Of a department those refer to it that it made.
            if row.subject != subject || !in_year(row.on, &self.period) {
                continue;
            }
            // A check lies where its subject does. The city's departments are not known to a district.
            let is_own = |checker| self.rows.get(&checker).map(|(scope, _)| *scope) == home;
            let is_citys = row.checker.is_some_and(|checker| !is_own(checker));
            let rank = (is_citys, row.on, key);
            let known = latest.entry(row.item).or_insert((rank, row));
            if known.0 < rank {
                *known = (rank, row);
            }
        }
        let rows = latest.into_iter().map(|(item, (_, row))| (item, row));
        rows.collect()
    }

    fn checks(&self, subject: RecordKey) -> Vec<Share> {
        let lies = |key| self.rows.get(&key).map(|(scope, _)| *scope);
        let checks = || self.referring(subject, kinds().standard_check);
        let Some(scope) = lies(subject).or_else(|| checks().find_map(lies)) else {
            return Vec::new();
        };
        let latest = self.latest(subject);
        let of = |result| latest.values().filter(|row| row.result == result).count();
        let (passed, failed) = (wide(of(CheckResult::Pass)), wide(of(CheckResult::Fail)));
        if passed + failed == 0 {
            return Vec::new();
        }
        let adds = vec![(ChecksPassed, passed), (ChecksJudged, passed + failed)];
        vec![Self::adds(scope, self.is_pooled(scope), adds)]
    }

    /// What an income brought in the year, in fen, after what reverses it; nothing for anything else.
    fn income(&self, key: RecordKey, row: &FundingRow) -> i64 {
        let counts = |row: &FundingRow| {
            row.is_income
                && row.year == Some(self.period.year_id)
                && row.on.is_some_and(|on| on <= self.period.as_of)
        };
        if row.reverses.is_some() || !counts(row) {
            return 0;
        }
        let reversing = self.referring(key, kinds().funding_entry);
        let reversed = reversing.filter_map(|by| match self.row(by) {
            Some(Row::Funding(by)) if by.reverses == Some(key) => by
                .on
                .filter(|on| *on <= self.period.as_of)
                .map(|_| fen(by.amount_fen)),
            _ => None,
        });
        fen(row.amount_fen).saturating_sub(reversed.fold(0, i64::saturating_add))
    }

    fn funding(&self, key: RecordKey, row: &FundingRow) -> Vec<(Counter, i64)> {
        let source = match row.source {
            FundSource::DuesRefund => IncomeDuesRefund,
            FundSource::AdminCost => IncomeAdminCost,
            FundSource::BuildingFund => IncomeBuildingFund,
            FundSource::Fiscal => IncomeFiscal,
            FundSource::Reward => IncomeReward,
            FundSource::Donation => IncomeDonation,
            FundSource::Other | FundSource::Unspecified => IncomeOther,
        };
        let income = self.income(key, row);
        vec![(Income, income), (source, income)]
    }

    fn cluster(&self, key: RecordKey, is_mature: bool) -> Vec<(Counter, i64)> {
        let mut platforms = self.referring(key, kinds().platform);
        let is_built = platforms.any(|platform| match self.row(platform) {
            Some(Row::Platform(row)) => {
                stands(row) && row.built.is_some_and(|day| day <= self.period.as_of)
            }
            _ => false,
        });
        vec![
            (Mature, one(is_mature)),
            (MatureBuilt, one(is_mature && is_built)),
        ]
    }

    fn platform(&self, key: RecordKey, row: &PlatformRow) -> Vec<(Counter, i64)> {
        let built = row.built.filter(|_| stands(row));
        let is_new = built.is_some_and(|day| in_year(day, &self.period));
        let mut adds = vec![(PlatformsNew, one(is_new))];
        let Some(built) = built.filter(|_| row.status == PlatformStatus::Operating) else {
            return adds;
        };
        let met: BTreeSet<(i32, u8)> = self
            .referring(key, kinds().platform_meeting)
            .filter_map(|meeting| match self.row(meeting) {
                Some(Row::Meeting { on, .. }) => Some((on.year(), date::quarter(*on))),
                _ => None,
            })
            .collect();
        let due = self
            .period
            .quarters_ended()
            .filter(|(_, end)| *end >= built);
        let due: Vec<_> = due.map(|(quarter, end)| (end.year(), quarter)).collect();
        let held = due.iter().filter(|quarter| met.contains(*quarter)).count();
        adds.extend([(MeetingsDue, wide(due.len())), (MeetingsHeld, wide(held))]);
        adds
    }

    fn nomination(&self, key: RecordKey, row: &NominationRow) -> Vec<(Counter, i64)> {
        if row.year != Some(self.period.year_id) {
            return Vec::new();
        }
        let at = row.way.iter().map(|state| reached(*state)).max();
        let at = at.unwrap_or_default();
        let mut visits = self.referring(key, kinds().acceptance_visit);
        let visited = visits.any(|visit| match self.row(visit) {
            Some(Row::Visit { on, .. }) => on.is_none_or(|on| on <= self.period.as_of),
            _ => false,
        });
        let accepted = row.status == NominationStatus::Accepted;
        let refused = row.status == NominationStatus::NotAccepted;
        let recommended = at >= reached(NominationStatus::Recommended);
        vec![
            (Nominated, one(at >= reached(NominationStatus::Submitted))),
            (Recommended, one(recommended)),
            (Received, one(at >= reached(NominationStatus::Received))),
            (Visited, one(visited)),
            (RecommendedVisited, one(visited && recommended)),
            (Accepted, one(accepted)),
            (NotAccepted, one(refused)),
            (Judged, one(accepted || refused)),
        ]
    }

    /// A person counts once in each role of each scope, and once in the city: there all entries of one
    /// human being are one, if the city has linked them (R13).
    fn person(&self, key: RecordKey) -> Vec<Share> {
        let own = self.roles(key);
        let is_trained = self.is_trained(key);
        let of = |(scope, workers): (&ScopeId, &BTreeSet<Worker>)| {
            Self::adds(*scope, false, workers_adds(workers, is_trained))
        };
        let mut shares: Vec<Share> = own.iter().map(of).collect();
        if self.standing(key) != key {
            return shares;
        }
        let entries = self.names(key);
        let entries = entries.iter().filter(|entry| self.standing(**entry) == key);
        let (mut city, mut is_trained) = (BTreeSet::new(), false);
        for entry in entries {
            let roles = self.roles(*entry).into_iter();
            let pooled = roles.filter(|(scope, _)| self.is_pooled(*scope));
            city.extend(pooled.flat_map(|(_, workers)| workers));
            is_trained |= self.is_trained(*entry);
        }
        if !city.is_empty() {
            shares.push(Share {
                scope: None,
                in_city: true,
                groups: Vec::new(),
                adds: workers_adds(&city, is_trained),
            });
        }
        shares
    }

    /// The roles in which a person is active on the day, in each scope.
    fn roles(&self, key: RecordKey) -> BTreeMap<ScopeId, BTreeSet<Worker>> {
        let day = self.period.as_of;
        let mut roles: BTreeMap<ScopeId, BTreeSet<Worker>> = BTreeMap::new();
        for role in self.referring(key, kinds().role_assignment) {
            if let Some((scope, Row::Role(row))) = self.rows.get(&role)
                && is_active(row.from, row.to, day)
                && let Some(worker) = Worker::of(row.role)
            {
                roles.entry(*scope).or_default().insert(worker);
            }
        }
        for sent in self.referring(key, kinds().instructor_assignment) {
            if let Some((scope, Row::Instructor(row))) = self.rows.get(&sent)
                && is_active(row.from, row.to, day)
            {
                roles.entry(*scope).or_default().insert(Worker::Instructor);
            }
        }
        roles
    }

    /// Whether a person attended a held session of the year, own or the city's, of any kind.
    fn is_trained(&self, person: RecordKey) -> bool {
        let mut names = self.referring(person, kinds().training_attendance);
        names.any(|name| match self.row(name) {
            Some(Row::Attendance { session, .. }) => match self.row(*session) {
                Some(Row::Event(row)) => is_held(row, &self.period),
                _ => false,
            },
            _ => false,
        })
    }
}

/// The roles whose training is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Worker {
    Secretary,
    Head,
    Instructor,
}

impl Worker {
    fn of(role: WorkerRole) -> Option<Self> {
        match role {
            WorkerRole::Secretary => Some(Self::Secretary),
            WorkerRole::Head => Some(Self::Head),
            WorkerRole::Instructor => Some(Self::Instructor),
            WorkerRole::Unspecified
            | WorkerRole::CommitteeMember
            | WorkerRole::PartTimeMember
            | WorkerRole::AffairsWorker => None,
        }
    }

    fn counters(self) -> (Counter, Counter) {
        match self {
            Self::Secretary => (Secretaries, SecretariesTrained),
            Self::Head => (Heads, HeadsTrained),
            Self::Instructor => (Instructors, InstructorsTrained),
        }
    }
}

fn workers_adds(workers: &BTreeSet<Worker>, is_trained: bool) -> Vec<(Counter, i64)> {
    let mut adds = vec![(Workers, 1), (WorkersTrained, one(is_trained))];
    for worker in workers {
        let (all, trained) = worker.counters();
        adds.extend([(all, 1), (trained, one(is_trained))]);
    }
    adds
}

fn groups(row: &OrganisationRow, cover: &Cover) -> Vec<Group> {
    let mut groups = vec![
        Group::Class(row.class),
        Group::Kind(row.kind),
        Group::Band(Band::of(row.employees)),
    ];
    groups.extend(cover.form.map(|form| Group::Form(form.into())));
    groups.extend(row.cluster.map(Group::Cluster));
    groups.extend(row.industry.clone().map(Group::Industry));
    groups.extend(row.town.clone().map(Group::Town));
    groups
}

fn stronger(known: Option<EstablishmentForm>, other: EstablishmentForm) -> EstablishmentForm {
    let mut forms = FORMS.into_iter();
    forms
        .find(|form| *form == other || Some(*form) == known)
        .unwrap_or(other)
}

fn is_running_carrier(row: &&Row) -> bool {
    matches!(row, Row::Carrier(carrier) if carrier.is_running)
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

/// Whether a platform is there: not closed, and not only planned.
fn stands(row: &PlatformRow) -> bool {
    row.status != PlatformStatus::Closed
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

fn event(row: &EventRow, period: &Period) -> Vec<(Counter, i64)> {
    let counts = is_held(row, period);
    match row.event {
        // Online and other sessions do not fill the district's quota.
        Event::Session => vec![(Trainings, one(counts && row.is_centralised))],
        Event::Seminar => vec![(Seminars, one(counts))],
        Event::Drive => vec![(Drives, one(counts))],
    }
}

/// A problem of the year, or one of an earlier year that was still open when it began.
fn problem(row: &ProblemRow, period: &Period) -> Vec<(Counter, i64)> {
    let first = date::day(
        i32::try_from(period.parameters.year).unwrap_or_default(),
        1,
        1,
    );
    let was_open = !row.is_closed || row.closed.zip(first).is_some_and(|(on, first)| on >= first);
    let is_earlier = row
        .registered
        .zip(first)
        .is_some_and(|(on, first)| on < first);
    let of_year = row.year == Some(period.year_id) || (is_earlier && was_open);
    let is_known = row.registered.is_some_and(|on| on <= period.as_of);
    if row.is_withdrawn || !of_year || !is_known {
        return Vec::new();
    }
    // One that was closed on a day that nobody wrote down was closed, but not in time.
    let is_closed = row.is_closed && row.closed.is_none_or(|on| on <= period.as_of);
    let is_due = row.due.is_some_and(|due| due <= period.as_of);
    let in_time = is_closed && row.closed.zip(row.due).is_some_and(|(on, due)| on <= due);
    let is_over = row.due.is_some_and(|due| due < period.as_of);
    vec![
        (Problems, 1),
        (ProblemsClosed, one(is_closed)),
        (ProblemsDue, one(is_due)),
        (ProblemsOnTime, one(is_due && in_time)),
        (ProblemsOverdue, one(is_over && !is_closed)),
    ]
}

fn reward(row: &RewardRow, period: &Period) -> Vec<(Counter, i64)> {
    let by_day = |day: Option<Date>| day.is_some_and(|day| day <= period.as_of);
    if row.year != Some(period.year_id) || !by_day(row.decided) {
        return Vec::new();
    }
    let amount = fen(row.amount_fen);
    let paid = if by_day(row.paid) { amount } else { 0 };
    vec![(RewardDecided, amount), (RewardPaid, paid)]
}

/// A return of a quarter that is due; in time when it was handed in by the city's date.
fn returned(row: &ReturnRow, period: &Period) -> Vec<(Counter, i64)> {
    let (year, quarter) = row.quarter;
    let of_year = u32::try_from(year) == Ok(period.parameters.year);
    let mut due = period
        .quarters_due()
        .filter(|(of, _)| of_year && *of == quarter);
    let Some((submitted, (_, by))) = row.submitted.zip(due.next()) else {
        return Vec::new();
    };
    let is_in = submitted <= period.as_of;
    vec![
        (Returns, one(is_in)),
        (ReturnsOnTime, one(is_in && submitted <= by)),
    ]
}

/// How far a nomination has come in a state. It was recommended before it could be given back; one
/// that was withdrawn came as far as the states before say.
fn reached(status: NominationStatus) -> u8 {
    match status {
        NominationStatus::Unspecified | NominationStatus::Draft | NominationStatus::Withdrawn => 0,
        NominationStatus::Submitted => 1,
        NominationStatus::Screened => 2,
        NominationStatus::Assessed => 3,
        NominationStatus::Recommended | NominationStatus::Returned => 4,
        NominationStatus::Received => 5,
        NominationStatus::SpotChecked => 6,
        NominationStatus::Accepted | NominationStatus::NotAccepted => 7,
    }
}

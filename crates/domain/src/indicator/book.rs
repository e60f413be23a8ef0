//! The book: the rows of every scope that is known here, and the sums that they make, kept up to date
//! by differences.
//!
//! A changed record touches few units: itself, and those on which it bears. What each of them adds
//! is kept, so that its old part is taken out of the sums and its new one put in. Counted from
//! nothing it is the same code, with every unit touched: once all rows are in.

use std::collections::{BTreeMap, BTreeSet};

use prost::DecodeError;
use replica::{Kind, RecordId, RecordKey, ScopeId};

use super::{
    Definition, Figure, Indicators, Period,
    define::{Counter, DEFINITIONS, Summed},
    rows::{OrganisationRow, Row, kinds},
    sums::{Group, Place, Share, Sums, Unit},
};
use crate::{alias::Alias, catalogue::Catalogue};

/// Which scopes make the city's figures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pool {
    /// Those whose records are pooled.
    pub pooled: BTreeSet<ScopeId>,
    /// Those that must reach the quotas and hand in returns.
    pub expected: BTreeSet<ScopeId>,
}

/// The rows of all records that are counted, and their sums for one period. Party organisations,
/// sessions and positions are found across scopes, so that a record lent by another scope counts
/// where it is referred to and nowhere else.
#[derive(Clone, Debug)]
pub struct Book {
    pub(super) period: Period,
    pub(super) pool: Pool,
    pub(super) rows: BTreeMap<RecordKey, (ScopeId, Row)>,
    /// Who refers to whom: the target first.
    refers: BTreeSet<(RecordKey, RecordKey)>,
    /// Counted organisations by credit code.
    codes: BTreeSet<(Box<str>, RecordKey)>,
    /// The units to be counted anew; none where nothing was counted yet, which is all of them.
    touched: Option<BTreeSet<Unit>>,
    shares: BTreeMap<Unit, Vec<Share>>,
    sums: BTreeMap<(Place, Group), Sums>,
}

/// The records behind a figure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Behind {
    /// Those that count: behind the numerator.
    pub counted: Vec<RecordKey>,
    /// Those of the denominator that do not; empty where there is none.
    pub missing: Vec<RecordKey>,
}

impl Book {
    /// Returns a book without rows.
    #[must_use]
    pub fn new(period: Period, pool: Pool) -> Self {
        Self {
            period,
            pool,
            rows: BTreeMap::new(),
            refers: BTreeSet::new(),
            codes: BTreeSet::new(),
            touched: None,
            shares: BTreeMap::new(),
            sums: BTreeMap::new(),
        }
    }

    /// The period it counts for.
    #[must_use]
    pub fn period(&self) -> &Period {
        &self.period
    }

    /// Puts in what a record says now, from its effective values; without values, it says nothing
    /// any more. Kinds that no indicator counts are passed over.
    ///
    /// # Errors
    /// The values are not the kind's, which only a faulty writer can cause; the record is left out.
    pub fn put(
        &mut self,
        catalogue: &Catalogue,
        key: RecordKey,
        scope: ScopeId,
        values: Option<&[u8]>,
    ) -> Result<(), DecodeError> {
        let on = self.period.as_of;
        let read = values.map(|values| Row::read(catalogue, key, scope, (values, on)));
        let (row, error) = match read {
            None => (None, None),
            Some(Ok(row)) => (row, None),
            Some(Err(error)) => (None, Some(error)),
        };
        let new = row.map(|row| (scope, row));
        if self.rows.get(&key) != new.as_ref() {
            self.replace(key, new);
        }
        error.map_or(Ok(()), Err)
    }

    /// Whether the book holds just what these values would put in.
    #[must_use]
    pub fn holds(
        &self,
        catalogue: &Catalogue,
        key: RecordKey,
        scope: ScopeId,
        values: Option<&[u8]>,
    ) -> bool {
        let read = |values| Row::read(catalogue, key, scope, (values, self.period.as_of));
        let row = values.and_then(|values| read(values).ok().flatten());
        self.rows.get(&key) == row.map(|row| (scope, row)).as_ref()
    }

    fn replace(&mut self, key: RecordKey, new: Option<(ScopeId, Row)>) {
        self.touch(key);
        if let Some((_, old)) = self.rows.remove(&key) {
            for target in old.targets().into_iter().flatten() {
                self.refers.remove(&(target, key));
            }
            if let Some(code) = code(&old) {
                self.codes.remove(&(code.into(), key));
            }
        }
        if let Some((scope, row)) = new {
            for target in row.targets().into_iter().flatten() {
                self.refers.insert((target, key));
            }
            if let Some(code) = code(&row) {
                self.codes.insert((code.into(), key));
            }
            self.rows.insert(key, (scope, row));
        }
        self.touch(key);
    }

    /// Notes every unit on which a record bears as it stands in the book.
    fn touch(&mut self, key: RecordKey) {
        let (Some(_), Some((_, row))) = (&self.touched, self.rows.get(&key)) else {
            return;
        };
        let kinds = kinds();
        let mut touched = vec![Unit::Record(key)];
        // Checks count where their subject is.
        touched.extend(
            self.referring(key, kinds.standard_check)
                .next()
                .map(|_| Unit::Checks(key)),
        );
        match row {
            Row::Organisation(row) => touched.extend(self.beside(key, row)),
            Row::Party(_) => touched.extend(self.of_party(key)),
            Row::Link(row) => touched.push(Unit::Record(self.standing(row.organisation))),
            Row::Role(row) => touched.push(Unit::Record(row.person)),
            Row::Instructor(row) => {
                touched.push(Unit::Record(row.person));
                touched.push(Unit::Record(self.standing(row.organisation)));
            }
            Row::Carrier(row) => touched.push(Unit::Record(row.party)),
            Row::Activity { carrier, .. } => {
                if let Some(Row::Carrier(carrier)) = self.row(*carrier) {
                    touched.push(Unit::Record(carrier.party));
                }
            }
            Row::Event(_) => {
                touched.extend(self.attended(key).map(Unit::Record));
            }
            Row::Attendance { person, .. } => touched.push(Unit::Record(*person)),
            Row::Person { .. } => touched.extend(self.kin(key)),
            Row::Position { .. } => {
                let users = self.referring(key, kinds.party_organisation);
                touched.extend(users.map(Unit::Record));
            }
            Row::Check(row) => {
                touched.push(Unit::Checks(row.subject));
                touched.push(Unit::Record(row.subject));
            }
            Row::Funding(row) => {
                touched.extend(row.beneficiary.map(Unit::Record));
                touched.extend(row.reverses.map(Unit::Record));
                if let Some(Row::Funding(old)) = row.reverses.and_then(|key| self.row(key)) {
                    touched.extend(old.beneficiary.map(Unit::Record));
                }
            }
            Row::Agency => {
                for check in self.referring(key, kinds.standard_check) {
                    if let Some(Row::Check(check)) = self.row(check) {
                        touched.push(Unit::Checks(check.subject));
                        touched.push(Unit::Record(check.subject));
                    }
                }
            }
            Row::Platform(row) => touched.push(Unit::Record(row.cluster)),
            Row::Meeting { platform, .. } => touched.push(Unit::Record(*platform)),
            Row::Visit { nomination, .. } => touched.push(Unit::Record(*nomination)),
            Row::Committee { .. }
            | Row::Cluster { .. }
            | Row::Problem(_)
            | Row::Nomination(_)
            | Row::Point { .. }
            | Row::Reward(_)
            | Row::Return(_) => {}
        }
        let people = self.people(&touched);
        self.touched
            .get_or_insert_default()
            .extend(touched.into_iter().chain(people));
    }

    /// Who attended a session.
    fn attended(&self, session: RecordKey) -> impl Iterator<Item = RecordKey> {
        let names = self.referring(session, kinds().training_attendance);
        names.filter_map(|name| match self.row(name) {
            Some(Row::Attendance { person, .. }) => Some(*person),
            _ => None,
        })
    }

    /// Every entry of a person.
    fn kin(&self, key: RecordKey) -> impl Iterator<Item = Unit> {
        let kin = self.names(key).into_iter().chain(self.chain(key));
        kin.map(Unit::Record)
    }

    /// The entries that stand for the people among some units: with those the city counts what is said
    /// of them.
    fn people(&self, units: &[Unit]) -> Vec<Unit> {
        let person = kinds().person;
        let stand = units.iter().filter_map(|unit| match unit {
            Unit::Record(key) if key.kind == person => Some(self.standing(*key)),
            _ => None,
        });
        stand.map(Unit::Record).collect()
    }

    /// Every unit that there is.
    fn units(&self) -> BTreeSet<Unit> {
        let mut units = Vec::with_capacity(self.rows.len());
        for (key, (_, row)) in &self.rows {
            units.push(Unit::Record(*key));
            units.extend(row.targets().into_iter().flatten().map(Unit::Record));
            if let Row::Check(row) = row {
                units.push(Unit::Checks(row.subject));
            }
        }
        units.into_iter().collect()
    }

    /// What is said of a name is said of the organisation that stands for it, and of those with one
    /// code the city takes one.
    fn beside(&self, key: RecordKey, row: &OrganisationRow) -> BTreeSet<Unit> {
        let mut beside = self.names(key);
        beside.extend(self.chain(key));
        if let Some(code) = &row.uscc {
            beside.extend(self.holders(code));
        }
        beside.into_iter().map(Unit::Record).collect()
    }

    /// Whom a Party organisation covers, and the points that it was made.
    fn of_party(&self, key: RecordKey) -> Vec<Unit> {
        let links = self.referring(key, kinds().coverage_link);
        let covered = links.filter_map(|link| match self.row(link) {
            Some(Row::Link(link)) => Some(self.standing(link.organisation)),
            _ => None,
        });
        let points = self.referring(key, kinds().demonstration_point);
        covered.chain(points).map(Unit::Record).collect()
    }

    /// Counts the touched units anew.
    fn settle(&mut self) {
        let touched = self.touched.replace(BTreeSet::new());
        for unit in touched.unwrap_or_else(|| self.units()) {
            let new = self.count(unit);
            let old = if new.is_empty() {
                self.shares.remove(&unit)
            } else {
                self.shares.insert(unit, new.clone())
            };
            for share in old.iter().flatten() {
                self.add(share, -1);
            }
            for share in &new {
                self.add(share, 1);
            }
        }
    }

    fn add(&mut self, share: &Share, sign: i64) {
        for place in share.places() {
            let all = self.sums.entry((place, Group::All)).or_default();
            all.add(&share.adds, sign);
            for group in &share.groups {
                let sums = self.sums.entry((place, group.clone())).or_default();
                sums.add(&share.adds, sign);
            }
        }
    }

    /// Returns the indicators of one scope.
    #[must_use]
    pub fn scope(&mut self, scope: ScopeId) -> Indicators {
        self.settle();
        self.figures_of(scope)
    }

    /// Returns the indicators of the city: the scopes pooled, each credit code counted once.
    #[must_use]
    pub fn city(&mut self) -> Indicators {
        self.settle();
        let scopes = |ids: &BTreeSet<ScopeId>| -> Vec<Indicators> {
            ids.iter().map(|scope| self.figures_of(*scope)).collect()
        };
        let (expected, pooled) = (scopes(&self.pool.expected), scopes(&self.pool.pooled));
        let none = Sums::default();
        let city = self.sums.get(&(Place::City, Group::All)).unwrap_or(&none);
        let figures = DEFINITIONS.iter().map(|definition| {
            let of = match definition.summed() {
                None => return (definition.name, definition.figure(city, &self.period, true)),
                Some(Summed::Expected) => &expected,
                Some(Summed::Pooled) => &pooled,
            };
            let each = of.iter().filter_map(|figures| figures.get(definition.name));
            (
                definition.name,
                each.fold(definition.nothing(), Figure::plus),
            )
        });
        Indicators(figures.collect())
    }

    /// Returns the figures that can be split, for each part of a scope or of the city that has any
    /// organisation. A form has only what is covered by it, so all else would be a share of itself:
    /// of a form it is said what share of the whole it covers, and how much of that is new.
    #[must_use]
    pub fn split(&mut self, scope: Option<ScopeId>) -> Vec<(Group, Indicators)> {
        self.settle();
        let place = scope.map_or(Place::City, Place::Scope);
        let all = self.sums.get(&(place, Group::All));
        let counted = all.map_or(0, |sums| sums.get(Counter::Counted));
        let parts = self.sums.range((place, Group::All)..);
        let here = parts.take_while(|((at, _), _)| *at == place);
        let parts = here.filter(|((_, group), sums)| *group != Group::All && !sums.is_empty());
        let figures = parts.map(|((_, group), sums)| {
            let mut whole = sums.clone();
            if let Group::Form(_) = group {
                let missing = counted - sums.get(Counter::Counted);
                whole.add(&[(Counter::Counted, missing)], 1);
            }
            let split = DEFINITIONS.iter().filter(|one| match group {
                Group::Form(_) => one.is_of_form(),
                _ => one.is_split(),
            });
            let figures = split.map(|one| (one.name, one.figure(&whole, &self.period, false)));
            (group.clone(), Indicators(figures.collect()))
        });
        figures.collect()
    }

    /// Returns the records behind a figure of a scope, or of the city. A person stands for what was
    /// said of them, a subject for its checks.
    #[must_use]
    pub fn behind(&mut self, definition: &Definition, scope: Option<ScopeId>) -> Behind {
        self.settle();
        let place = scope.map_or(Place::City, Place::Scope);
        let mut behind = Behind::default();
        let Some((num, den)) = definition.counters() else {
            return behind;
        };
        for (unit, shares) in &self.shares {
            let here = || {
                shares
                    .iter()
                    .filter(|share| share.places().any(|at| at == place))
            };
            let sum = |counter| -> i64 { here().map(|share| share.get(counter)).sum() };
            let (Unit::Record(key) | Unit::Checks(key)) = *unit;
            let (counted, of) = (sum(num), den.map(sum));
            if counted != 0 {
                behind.counted.push(key);
            }
            // Of the checks of one subject, or the fields of one record, some can be missing.
            if of.is_some_and(|of| of > counted) {
                behind.missing.push(key);
            }
        }
        behind
    }

    fn figures_of(&self, scope: ScopeId) -> Indicators {
        let none = Sums::default();
        let sums = self
            .sums
            .get(&(Place::Scope(scope), Group::All))
            .unwrap_or(&none);
        let is_expected = self.pool.expected.contains(&scope);
        let figures = DEFINITIONS
            .iter()
            .map(|one| (one.name, one.figure(sums, &self.period, is_expected)));
        Indicators(figures.collect())
    }

    pub(super) fn row(&self, key: RecordKey) -> Option<&Row> {
        self.rows.get(&key).map(|(_, row)| row)
    }

    /// The records of a kind that refer to one.
    pub(super) fn referring(&self, to: RecordKey, kind: Kind) -> impl Iterator<Item = RecordKey> {
        let from = RecordKey {
            kind,
            id: RecordId([0; 16]),
        };
        let until = RecordKey {
            kind,
            id: RecordId([u8::MAX; 16]),
        };
        self.refers
            .range((to, from)..=(to, until))
            .map(|(_, by)| *by)
    }

    /// The counted organisations with a credit code, the one with the smallest id first.
    pub(super) fn holders(&self, code: &str) -> impl Iterator<Item = RecordKey> {
        let code: Box<str> = code.into();
        let from = RecordKey {
            kind: Kind(0),
            id: RecordId([0; 16]),
        };
        let holders = self.codes.range((code.clone(), from)..);
        holders
            .take_while(move |(known, _)| *known == code)
            .map(|(_, key)| *key)
    }

    /// What an organisation was merged into, or the entry of a person that another names.
    fn named_by(&self, key: RecordKey) -> Option<RecordKey> {
        match self.row(key) {
            Some(Row::Organisation(row)) => row.merged_into,
            Some(Row::Person { same_as }) => Some(*same_as),
            _ => None,
        }
    }

    /// The organisation that stands for one: what is said of a merged one is said of it. Of the entries of
    /// one person, the one that the others name.
    pub(super) fn standing(&self, key: RecordKey) -> RecordKey {
        let of = |id| RecordKey { kind: key.kind, id };
        let mut next = |id| {
            let into = self.named_by(of(id)).map(|into| into.id);
            Ok::<_, std::convert::Infallible>(into)
        };
        match Alias::follow(key.id, &mut next) {
            Ok(alias) => of(alias.of(key.id)),
        }
    }

    /// What a record names so, and on from there.
    fn chain(&self, key: RecordKey) -> BTreeSet<RecordKey> {
        let mut found = BTreeSet::new();
        let mut at = self.named_by(key);
        while let Some(key) = at.filter(|key| found.insert(*key)) {
            at = self.named_by(key);
        }
        found
    }

    /// Everything that was merged into an organisation, at once or by another; every entry of a person.
    pub(super) fn names(&self, key: RecordKey) -> BTreeSet<RecordKey> {
        let mut found = BTreeSet::new();
        let mut left = vec![key];
        while let Some(at) = left.pop() {
            if found.insert(at) {
                left.extend(self.referring(at, at.kind));
            }
        }
        found
    }

    pub(super) fn is_pooled(&self, scope: ScopeId) -> bool {
        self.pool.pooled.contains(&scope)
    }

    pub(super) fn adds(scope: ScopeId, in_city: bool, adds: Vec<(Counter, i64)>) -> Share {
        let mut adds = adds;
        // Most counters are not its own, and shares are kept.
        adds.retain(|(_, by)| *by != 0);
        adds.shrink_to_fit();
        Share {
            scope: Some(scope),
            in_city,
            groups: Vec::new(),
            adds,
        }
    }
}

/// The credit code under which a row is counted.
fn code(row: &Row) -> Option<&str> {
    match row {
        Row::Organisation(row) if row.is_counted() => row.uscc.as_deref(),
        _ => None,
    }
}

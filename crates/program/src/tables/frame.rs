//! What every report is made within: the scopes that it shows, the day, the year; and one pass over
//! a kind that gives typed records.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    ops::ControlFlow,
};

use domain::{
    Date, EnumSpec, KindSpec, date, decode, parameters::in_force, permission, state::steps::as_on,
};
use prost::Message;
use proto::ledger::{Agency, EventStatus, ProgrammeYear};
use replica::{RecordId, RecordKey, ScopeId};

use super::{
    Request,
    table::{Cell, Word},
};
use crate::{
    app::App,
    clock::date_of,
    failure::{Exit, Failure},
    records::{Present, Scopes, Stays, each_guest, each_present, present_of, scope_of},
};

/// A record of a kind.
pub(super) struct Row<M> {
    pub(super) id: RecordId,
    /// Where it counts: its scope, or the one that stands for it.
    pub(super) scope: ScopeId,
    pub(super) values: M,
}

/// Agencies by name. Of two spellings of one body the city has made one the alias of the other, which
/// stands for both.
#[derive(Default)]
pub(super) struct Agencies {
    names: BTreeMap<RecordId, String>,
    aliases: BTreeMap<RecordId, RecordId>,
}

impl Agencies {
    /// The one that stands for an agency, as far as that one is known here.
    pub(super) fn standing(&self, agency: RecordId) -> RecordId {
        let stands = self.aliases.get(&agency).copied();
        let known = stands.filter(|stands| self.names.contains_key(stands));
        known.unwrap_or(agency)
    }

    /// The name of the one that stands for an agency.
    pub(super) fn get(&self, agency: &RecordId) -> Option<&String> {
        self.names.get(&self.standing(*agency))
    }
}

/// What a report is made within.
pub(super) struct Frame<'a> {
    pub(super) app: &'a App,
    pub(super) as_of: Date,
    pub(super) from: Date,
    pub(super) year: u32,
    pub(super) year_id: RecordId,
    /// The parameters of the year; what its record leaves unset is as the seed says.
    pub(super) parameters: ProgrammeYear,
    /// The scope that was asked for; none for the city with all its scopes.
    pub(super) only: Option<ScopeId>,
    scopes: Scopes<'a>,
    /// What counted elsewhere on the day.
    stays: Stays,
    named: BTreeMap<ScopeId, Cell>,
}

impl<'a> Frame<'a> {
    /// Reads what the request says.
    ///
    /// # Errors
    /// A date, a year or a scope cannot be read, or the scope is not this node's.
    pub(super) fn new(app: &'a App, request: &Request) -> Result<Self, Failure> {
        let indicators = crate::report::Request {
            scope: request.scope.clone(),
            as_of: request.as_of.clone(),
            year: request.year,
            by: None,
        };
        let (as_of, year) = crate::report::period_of(app, &indicators)?;
        let asked = request
            .scope
            .as_deref()
            .map(|scope| scope_of(app, scope))
            .transpose()?;
        let only = match asked {
            Some(scope) if app.is_hub() && scope == app.published() => None,
            Some(scope) if !app.is_hub() && scope != app.scope() => {
                let own = &app.identity.scope.code;
                return Err(Failure::new("TABLE-001", Exit::Refused).with("scope", own));
            }
            None if !app.is_hub() => Some(app.scope()),
            asked => asked,
        };
        let from = match &request.from {
            Some(text) => date::read(text)
                .ok_or_else(|| Failure::new("REPORT-001", Exit::Invalid).with("date", text))?,
            None => i32::try_from(year)
                .ok()
                .and_then(|year| date::day(year - 1, 12, 31))
                .unwrap_or(as_of),
        };
        if from > as_of {
            return Err(Failure::new("TABLE-004", Exit::Invalid)
                .with("from", date::text(from))
                .with("to", date::text(as_of)));
        }
        let mut frame = Self {
            app,
            as_of,
            from,
            year,
            year_id: domain::year_record_id(year),
            parameters: parameters(app, (year, as_of))?,
            only,
            scopes: Scopes::new(app),
            stays: Stays::on(app, as_of)?,
            named: BTreeMap::new(),
        };
        frame.named = frame.names()?;
        Ok(frame)
    }

    /// Every scope that goes on, and every scope that has records here, by its code and name.
    fn names(&self) -> Result<BTreeMap<ScopeId, Cell>, Failure> {
        let mut named = BTreeMap::new();
        let identity = &self.app.identity;
        for own in [&identity.scope, &identity.published] {
            named.insert(own.scope(), name(&own.code, &own.name));
        }
        for place in self.scopes.places()? {
            named.insert(place.id, name(&place.code, &place.name));
        }
        for (scope, ..) in self.app.reader().scopes() {
            let scope = self.scopes.heir(scope)?;
            if let Entry::Vacant(place) = named.entry(scope) {
                place.insert(name(&self.scopes.code(scope)?, ""));
            }
        }
        Ok(named)
    }

    /// The scopes that a table by scope has a row for, ascending by code: those that report, and
    /// beside them those that have something to show.
    pub(super) fn shown(&self, with: impl IntoIterator<Item = ScopeId>) -> Vec<ScopeId> {
        if let Some(only) = self.only {
            return vec![only];
        }
        let places = self.scopes.places().unwrap_or_default();
        let city = [self.app.published(), self.app.scope()];
        let going = places
            .iter()
            .filter(|place| !place.has_ended && !city.contains(&place.id));
        let all: BTreeSet<ScopeId> = going.map(|place| place.id).chain(with).collect();
        let mut all: Vec<ScopeId> = all.into_iter().collect();
        all.sort_by_key(|scope| (self.code(*scope), *scope));
        all
    }

    /// The code of a scope.
    pub(super) fn code(&self, scope: ScopeId) -> String {
        match self.named.get(&scope) {
            Some(Cell::Term(code, _)) => code.clone(),
            _ => scope.to_string(),
        }
    }

    /// The scope with a code.
    pub(super) fn coded(&self, code: &str) -> Option<ScopeId> {
        let is_it = |cell: &Cell| matches!(cell, Cell::Term(known, _) if known == code);
        let mut named = self.named.iter();
        named.find(|(_, cell)| is_it(cell)).map(|(scope, _)| *scope)
    }

    /// A scope as a cell: the code for scripts, code and name for people.
    pub(super) fn scope(&self, scope: ScopeId) -> Cell {
        let known = self.named.get(&scope).cloned();
        known.unwrap_or_else(|| Cell::Text(scope.to_string()))
    }

    /// Who reports.
    pub(super) fn unit(&self) -> String {
        let scope = self.only.unwrap_or_else(|| self.app.published());
        let known = self.named.get(&scope);
        known
            .map(|cell| cell.say(domain::label::Language::Zh))
            .unwrap_or_default()
    }

    /// Whether the records of a scope are this program's own, to be shown in full.
    pub(super) fn is_own(&self, scope: ScopeId) -> bool {
        scope == self.app.scope() || scope == self.app.published()
    }

    /// Whether the names of a scope's people are shown in full to whoever asks.
    pub(super) fn sees_names(&self, scope: ScopeId) -> bool {
        self.is_own(scope) && self.app.sees_own()
    }

    /// A number of members in a list, as it may be shown to those who do not keep the list: few
    /// members of a named unit are known by name to anybody who knows the unit.
    pub(super) fn members(&self, scope: ScopeId, members: Option<u32>) -> Cell {
        let below = self.parameters.suppress_below.unwrap_or_default();
        match members {
            Some(members)
                if !self.app.sees_few(scope) && permission::is_few(members.into(), below) =>
            {
                Cell::Below(below.into())
            }
            members => Cell::count(members),
        }
    }

    /// Whether a day lies in the year and has come.
    pub(super) fn in_year(&self, day: Option<Date>) -> bool {
        day.is_some_and(|day| u32::try_from(day.year()) == Ok(self.year) && day <= self.as_of)
    }

    /// Whether a record of a year's work belongs to the year that is asked for.
    pub(super) fn of_year(&self, year: Option<&Vec<u8>>) -> bool {
        id(year) == Some(self.year_id)
    }

    /// Whether an event was held in the year up to the day, as the indicators count it: one that names
    /// its year is of that year, another of the year of its day.
    pub(super) fn was_held(
        &self,
        status: EventStatus,
        year: Option<&Vec<u8>>,
        on: Option<Date>,
    ) -> bool {
        let is_of_year = match year {
            Some(_) => self.of_year(year),
            None => self.in_year(on),
        };
        status == EventStatus::Held && is_of_year && on.is_some_and(|on| on <= self.as_of)
    }

    /// Shows the records of a kind that are asked for, in one pass.
    pub(super) fn each<M: Message + Default>(
        &self,
        kind: &str,
        visit: &mut dyn FnMut(Row<M>),
    ) -> Result<(), Failure> {
        // Where a scope stands for others, what belongs to them is asked for with it.
        let only = match self.only {
            Some(scope) if !self.scopes.has_heirs()? => Some(scope),
            _ => None,
        };
        self.visit(kind, only, &mut |row: Row<M>| {
            if self.only.is_none_or(|only| only == row.scope) {
                visit(row);
            }
        })
    }

    /// Shows every record of a kind that is known here, whichever scope was asked for, with those
    /// that others have lent.
    pub(super) fn each_known<M: Message + Default>(
        &self,
        kind: &str,
        visit: &mut dyn FnMut(Row<M>),
    ) -> Result<(), Failure> {
        self.visit(kind, None, visit)?;
        let Some(spec) = self.app.catalogue.kind_by_id(kind) else {
            return Ok(());
        };
        each_guest(self.app, spec.kind, &mut |stored, _| {
            if self.stays.of(stored).is_some() {
                return Ok(ControlFlow::Continue(()));
            }
            if let Some(present) = present_of(self.app, stored)? {
                self.show(spec, &present, visit)?;
            }
            Ok(ControlFlow::Continue(()))
        })
    }

    fn visit<M: Message + Default>(
        &self,
        kind: &str,
        only: Option<ScopeId>,
        visit: &mut dyn FnMut(Row<M>),
    ) -> Result<(), Failure> {
        let Some(spec) = self.app.catalogue.kind_by_id(kind) else {
            return Ok(());
        };
        each_present(
            self.app,
            spec.kind,
            only,
            &mut |present| match self.stays.get(present.key) {
                Some(_) => Ok(()),
                None => self.show(spec, present, visit),
            },
        )?;
        let here = |home| self.app.is_hub() || home == self.app.scope();
        for (present, _) in self.stays.each() {
            let is_asked = only.map_or_else(|| here(present.home), |only| only == present.home);
            if present.key.kind == spec.kind && is_asked {
                self.show(spec, &present, visit)?;
            }
        }
        Ok(())
    }

    /// Shows a record with its state as it was on the day.
    fn show<M: Message + Default>(
        &self,
        kind: &KindSpec,
        present: &Present,
        visit: &mut dyn FnMut(Row<M>),
    ) -> Result<(), Failure> {
        let Some(values) = as_on(kind, &present.values, self.as_of) else {
            return Ok(());
        };
        let (kind, id) = (&kind.id, present.key.id);
        match decode(&values) {
            Ok(values) => visit(Row {
                id,
                scope: self.scopes.heir(present.home)?,
                values,
            }),
            // Only a faulty writer can cause it; the report goes on without the record.
            Err(error) => tracing::warn!(%kind, %id, %error, "record left out of the report"),
        }
        Ok(())
    }

    /// The records of a kind that are asked for.
    pub(super) fn rows<M: Message + Default>(&self, kind: &str) -> Result<Vec<Row<M>>, Failure> {
        let mut rows = Vec::new();
        self.each(kind, &mut |row| rows.push(row))?;
        Ok(rows)
    }

    /// The day on which the value that stands in a field of a record was written, by the clock of who
    /// wrote it.
    pub(super) fn written_on(
        &self,
        (kind, field): (&str, &str),
        id: RecordId,
    ) -> Result<Option<Date>, Failure> {
        let spec = self.app.catalogue.kind_by_id(kind);
        let Some((spec, field)) = spec.and_then(|spec| Some((spec, spec.field(field)?))) else {
            return Ok(None);
        };
        let kind = spec.kind;
        let stored = self.app.reader().get(RecordKey { kind, id })?;
        let newest = stored.and_then(|stored| {
            let siblings = stored.record.register(field.register).iter();
            siblings.map(|sibling| sibling.write.time).max()
        });
        Ok(newest.map(|time| date_of(time.millis())))
    }

    /// The names of agencies.
    pub(super) fn agencies(&self) -> Result<Agencies, Failure> {
        let mut known = Agencies::default();
        self.each_known("agency", &mut |row: Row<Agency>| {
            if let Some(stands) = id(row.values.alias_of.as_ref()) {
                known.aliases.insert(row.id, stands);
            }
            let name = row.values.name.unwrap_or_default();
            known.names.insert(row.id, name);
        })?;
        Ok(known)
    }

    /// The values of an enumeration field.
    pub(super) fn words(&self, kind: &str, field: &str) -> Option<&'static EnumSpec> {
        self.app
            .catalogue
            .kind_by_id(kind)?
            .field(field)?
            .enumeration()
    }

    /// The day a stored date says.
    pub(super) fn day(text: Option<&String>) -> Option<Date> {
        text.and_then(|text| date::stored(text))
    }
}

/// The record that a reference names.
pub(super) fn id(bytes: Option<&Vec<u8>>) -> Option<RecordId> {
    RecordId::try_from(bytes?.as_slice()).ok()
}

fn name(code: &str, name: &str) -> Cell {
    let text = format!("{code} {name}");
    Cell::Term(code.to_owned(), Word::same(text.trim()))
}

/// The record of a year as it was in force on a day, over what stands where there is none.
fn parameters(app: &App, (year, day): (u32, Date)) -> Result<ProgrammeYear, Failure> {
    let mut parameters = domain::parameters::programme_year(year);
    if let Some(values) = crate::year::values(app, year)? {
        // What the record sets replaces the default, field by field.
        let merged = parameters.merge(values.as_slice());
        merged.unwrap_or_else(|error| tracing::warn!(%error, "parameters of the year unread"));
    }
    Ok(in_force(&parameters, day))
}

/// A length as a number of a table.
pub(super) fn wide(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

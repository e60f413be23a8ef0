//! What is known of other records, for rules across records and for references by code or name.
//!
//! Tables are built when first asked for, one pass over a kind each, and kept while many records
//! are written; [`Known::note`] tells them of writes that are on their way.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

use domain::{KindSpec, Lookup, Resolve, alias, decode, division, text, value};
use proto::ledger::{CensusStatus, CoverageLink, Organisation, PartyOrganisation};
use replica::{Kind, RecordId, RecordKey, ScopeId};
use serde_json::Value;

use super::{Scopes, alias::is_merged, each, meaning, standing};
use crate::{app::App, failure::Failure};

/// What is known of other records. See the module.
#[derive(Debug)]
pub struct Known<'a> {
    app: &'a App,
    scopes: Scopes<'a>,
    kinds: RefCell<BTreeMap<Kind, Names>>,
    links: RefCell<Option<Links>>,
    /// Whether the edit under judgement can have made a duplicate; without it a single save need
    /// not read the whole ledger.
    duplicates_matter: Cell<bool>,
    /// Towns that were given by an old code, with the present one.
    recoded: RefCell<BTreeSet<(String, String)>>,
    /// What went wrong inside a look-up; the traits of the rules have no place for it.
    failure: RefCell<Option<Failure>>,
}

/// The names of one kind.
#[derive(Debug, Default)]
struct Names {
    by_code: BTreeMap<String, BTreeSet<(ScopeId, RecordId)>>,
    by_name: BTreeMap<String, BTreeSet<(ScopeId, RecordId)>>,
    counted: BTreeMap<String, BTreeSet<RecordId>>,
    rows: BTreeMap<RecordId, Name>,
}

/// What names one record.
#[derive(Clone, Debug)]
struct Name {
    scope: ScopeId,
    code: Option<String>,
    name: Option<String>,
    is_counted: bool,
}

impl Names {
    fn set(&mut self, id: RecordId, row: Name) {
        if let Some(former) = self.rows.remove(&id) {
            let place = (former.scope, id);
            take(&mut self.by_code, former.code.as_ref(), &place);
            take(&mut self.by_name, former.name.as_ref(), &place);
            take(&mut self.counted, former.code.as_ref(), &id);
        }
        let place = (row.scope, id);
        if let Some(code) = &row.code {
            self.by_code.entry(code.clone()).or_default().insert(place);
            if row.is_counted {
                self.counted.entry(code.clone()).or_default().insert(id);
            }
        }
        if let Some(name) = &row.name {
            self.by_name.entry(name.clone()).or_default().insert(place);
        }
        self.rows.insert(id, row);
    }
}

fn take<T: Ord>(from: &mut BTreeMap<String, BTreeSet<T>>, name: Option<&String>, item: &T) {
    if let Some(items) = name.and_then(|name| from.get_mut(name)) {
        items.remove(item);
    }
}

#[derive(Debug, Default)]
struct Links {
    rows: BTreeMap<RecordId, CoverageLink>,
    of_party: BTreeMap<RecordId, BTreeSet<RecordId>>,
    of_organisation: BTreeMap<RecordId, BTreeSet<RecordId>>,
}

impl Links {
    fn set(&mut self, id: RecordId, row: CoverageLink) {
        // Both ends are key fields, so a link never leaves the set it is in.
        let end = |bytes: Option<&Vec<u8>>| RecordId::try_from(bytes?.as_slice()).ok();
        if let Some(party) = end(row.party_organisation.as_ref()) {
            self.of_party.entry(party).or_default().insert(id);
        }
        if let Some(organisation) = end(row.organisation.as_ref()) {
            self.of_organisation
                .entry(organisation)
                .or_default()
                .insert(id);
        }
        self.rows.insert(id, row);
    }

    fn found(&self, ids: Option<&BTreeSet<RecordId>>) -> Vec<(RecordId, CoverageLink)> {
        let ids = ids.into_iter().flatten();
        ids.filter_map(|id| Some((*id, self.rows.get(id)?.clone())))
            .collect()
    }
}

impl<'a> Known<'a> {
    /// Returns a table of nothing.
    #[must_use]
    pub fn new(app: &'a App) -> Self {
        Self {
            app,
            scopes: Scopes::new(app),
            kinds: RefCell::new(BTreeMap::new()),
            links: RefCell::new(None),
            duplicates_matter: Cell::new(true),
            recoded: RefCell::default(),
            failure: RefCell::new(None),
        }
    }

    /// The program.
    #[must_use]
    pub fn app(&self) -> &'a App {
        self.app
    }

    /// The codes of scopes.
    #[must_use]
    pub fn scopes(&self) -> &Scopes<'a> {
        &self.scopes
    }

    /// The record of a kind that a code or a name means to somebody of a scope: by code, else by a
    /// name that only one record of the scope has, else of the city.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn find(
        &self,
        kind: &KindSpec,
        named: &str,
        scope: ScopeId,
    ) -> Result<Option<RecordId>, Failure> {
        self.names(kind, |names| {
            let code = names.by_code.get(&text::code(named));
            let only = |found: &BTreeSet<(ScopeId, RecordId)>, inside: Option<ScopeId>| {
                let mut ids = found.iter().filter(|(s, _)| inside.is_none_or(|i| i == *s));
                ids.next()
                    .filter(|_| ids.next().is_none())
                    .map(|(_, id)| *id)
            };
            let by_code =
                code.and_then(|found| only(found, Some(scope)).or_else(|| only(found, None)));
            by_code.or_else(|| {
                let found = names.by_name.get(&text::loose(named))?;
                let city = [self.app.published(), self.app.scope()];
                let mut places = std::iter::once(scope).chain(city);
                places.find_map(|place| only(found, Some(place)))
            })
        })
    }

    /// Tells of a write that the reader may not show yet. `values` are those after it.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn note(&self, key: RecordKey, scope: ScopeId, values: &[u8]) -> Result<(), Failure> {
        let Some(kind) = self.app.catalogue.kind(key.kind) else {
            return Ok(());
        };
        // Built before the first write of the kind is on its way, so none is missed.
        self.names(kind, |_| ())?;
        if let Some(names) = self.kinds.borrow_mut().get_mut(&key.kind) {
            names.set(key.id, name_of(kind, scope, values));
        }
        if kind.id == "coverage_link" {
            self.links(|_| ())?;
            if let Some(links) = self.links.borrow_mut().as_mut() {
                links.set(key.id, decode(values).unwrap_or_default());
            }
        }
        Ok(())
    }

    /// Says whether the next judgement needs to look for duplicates.
    pub(super) fn set_duplicates_matter(&self, matter: bool) {
        self.duplicates_matter.set(matter);
    }

    /// What went wrong in look-ups since it was last asked.
    pub(super) fn take_failure(&self) -> Option<Failure> {
        self.failure.borrow_mut().take()
    }

    /// Towns that were given by an old code since it was last asked.
    pub(super) fn take_recoded(&self) -> BTreeSet<(String, String)> {
        self.recoded.take()
    }

    /// The present code of a town that was given by an old one.
    pub(crate) fn recode(&self, town: &str) -> Option<String> {
        let present = self.kept(self.scopes.recoded_town(town))?;
        let both = (town.to_owned(), present.clone());
        self.recoded.borrow_mut().insert(both);
        Some(present)
    }

    fn names<T>(&self, kind: &KindSpec, ask: impl FnOnce(&Names) -> T) -> Result<T, Failure> {
        if let Some(names) = self.kinds.borrow().get(&kind.kind) {
            return Ok(ask(names));
        }
        let mut names = Names::default();
        each(self.app, kind.kind, None, None, &mut |stored, meaning| {
            let mut row = name_of(kind, stored.home, &meaning.values);
            let key = stored.record.key;
            // What was merged into another is found under the other's names only.
            let has_alias = alias::merged_into(kind, &meaning.values).is_some();
            if has_alias && standing(self.app, key)? != key {
                (row.code, row.name, row.is_counted) = (None, None, false);
            }
            names.set(key.id, row);
            Ok(ControlFlow::Continue(()))
        })?;
        let answer = ask(&names);
        self.kinds.borrow_mut().insert(kind.kind, names);
        Ok(answer)
    }

    fn links<T>(&self, ask: impl FnOnce(&Links) -> T) -> Result<T, Failure> {
        if let Some(links) = self.links.borrow().as_ref() {
            return Ok(ask(links));
        }
        let mut links = Links::default();
        if let Some(kind) = self.app.catalogue.kind_by_id("coverage_link") {
            each(self.app, kind.kind, None, None, &mut |stored, meaning| {
                links.set(
                    stored.record.key.id,
                    decode(&meaning.values).unwrap_or_default(),
                );
                Ok(ControlFlow::Continue(()))
            })?;
        }
        let answer = ask(&links);
        *self.links.borrow_mut() = Some(links);
        Ok(answer)
    }

    fn values(&self, kind: &str, id: RecordId) -> Result<Option<Vec<u8>>, Failure> {
        let Some(kind) = self.app.catalogue.kind_by_id(kind) else {
            return Ok(None);
        };
        let key = RecordKey {
            kind: kind.kind,
            id,
        };
        let Some(mut stored) = self.app.reader().get(key)? else {
            return Ok(None);
        };
        if is_merged(self.app, &stored.record) {
            let stands = standing(self.app, key)?;
            match self.app.reader().get(stands)? {
                Some(other) => stored = other,
                None => return Ok(None),
            }
        }
        let meaning = meaning(self.app, &stored.record)?;
        Ok(Some(meaning.values).filter(|_| !meaning.deleted))
    }

    /// Keeps a failure for [`Known::take_failure`].
    fn kept<T: Default>(&self, result: Result<T, Failure>) -> T {
        result.unwrap_or_else(|failure| {
            self.failure.borrow_mut().get_or_insert(failure);
            T::default()
        })
    }

    fn organisations<T: Default>(&self, ask: impl FnOnce(&Names) -> T) -> T {
        let Some(kind) = self.app.catalogue.kind_by_id("organisation") else {
            return T::default();
        };
        if !self.duplicates_matter.get() && !self.kinds.borrow().contains_key(&kind.kind) {
            return T::default();
        }
        self.kept(self.names(kind, ask))
    }
}

fn name_of(kind: &KindSpec, scope: ScopeId, values: &[u8]) -> Name {
    let loose = |name: &str| Some(text::loose(name)).filter(|name| !name.is_empty());
    if kind.id == "organisation" {
        let row: Organisation = decode(values).unwrap_or_default();
        let is_counted = row.census_status() == CensusStatus::Counted;
        return Name {
            scope,
            name: row.name.as_deref().and_then(loose),
            code: row.uscc,
            is_counted,
        };
    }
    // Other kinds are few, and their names stand in fields of a few names.
    let json = value::to_json(kind, values);
    let said = |field: &str| match json.get(field) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let code = ["code", "year"].iter().find_map(|field| said(field));
    let name = ["name", "display_name", "title"]
        .iter()
        .find_map(|field| said(field));
    Name {
        scope,
        code,
        name: name.as_deref().and_then(loose),
        is_counted: false,
    }
}

impl Lookup for Known<'_> {
    fn organisation(&self, id: RecordId) -> Option<Organisation> {
        self.kept(self.values("organisation", id))
            .and_then(|values| decode(&values).ok())
    }

    fn party_organisation(&self, id: RecordId) -> Option<PartyOrganisation> {
        self.kept(self.values("party_organisation", id))
            .and_then(|values| decode(&values).ok())
    }

    fn links_of_party_organisation(&self, id: RecordId) -> Vec<(RecordId, CoverageLink)> {
        self.kept(self.links(|links| links.found(links.of_party.get(&id))))
    }

    fn links_of_organisation(&self, id: RecordId) -> Vec<(RecordId, CoverageLink)> {
        self.kept(self.links(|links| links.found(links.of_organisation.get(&id))))
    }

    fn counted_with_code(&self, uscc: &str) -> Vec<RecordId> {
        self.organisations(|names| {
            names
                .counted
                .get(uscc)
                .map(|ids| ids.iter().copied().collect())
                .unwrap_or_default()
        })
    }

    fn named_without_code(&self, scope: ScopeId, name: &str) -> Vec<RecordId> {
        self.organisations(|names| {
            let found = names.by_name.get(&text::loose(name)).into_iter().flatten();
            let uncoded = |id: &RecordId| names.rows.get(id).is_some_and(|row| row.code.is_none());
            found
                .filter(|(s, id)| *s == scope && uncoded(id))
                .map(|(_, id)| *id)
                .collect()
        })
    }
}

/// References and towns as somebody of a scope names them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InScope<'k, 'a> {
    known: &'k Known<'a>,
    scope: ScopeId,
}

impl<'k, 'a> InScope<'k, 'a> {
    /// Names things as somebody of a scope does.
    pub(crate) fn new(known: &'k Known<'a>, scope: ScopeId) -> Self {
        Self { known, scope }
    }
}

impl Resolve for InScope<'_, '_> {
    fn record(&self, kind: &str, text: &str) -> Option<RecordId> {
        let kind = self.known.app.catalogue.kind_by_id(kind)?;
        self.known.kept(self.known.find(kind, text, self.scope))
    }

    fn division(&self, text: &str) -> Option<String> {
        let code = self.known.scopes.code(self.scope);
        let code = self.known.kept(code.map(Some))?;
        division::by_name(&code, text).map(str::to_owned)
    }

    fn recoded(&self, town: &str) -> Option<String> {
        self.known.recode(town)
    }
}

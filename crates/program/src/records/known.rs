//! What is known of other records, for rules across records and for references by code or name.
//!
//! Tables are built when first asked for, one pass over a kind each, and kept while many records
//! are written; [`Known::note`] tells them of writes that are on their way.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use domain::{
    Catalogue, FieldOf, KindSpec, Lookup, Resolve, Values, alias, decode, division, state::census,
    text, value,
};
use proto::ledger::{CensusStatus, Organisation};
use replica::{Kind, RecordId, RecordKey, ScopeId};
use serde_json::Value;

use super::{Present, Scopes, each_present, numbers::Numbers, present, standing};
use crate::{app::App, failure::Failure};

/// What is known of other records. See the module.
#[derive(Debug)]
pub struct Known<'a> {
    app: &'a App,
    scopes: Scopes<'a>,
    kinds: RefCell<BTreeMap<Kind, Names>>,
    referring: RefCell<BTreeMap<Kind, Referring>>,
    pub(super) numbers: Numbers<'a>,
    /// A step whose effects are being prepared, as it will be, and where its record belongs.
    pending: RefCell<BTreeMap<RecordKey, (ScopeId, Values)>>,
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
    /// The record that its names mean where it was merged.
    stands: Option<RecordId>,
}

impl Names {
    fn set(&mut self, id: RecordId, row: Name) {
        if let Some(former) = self.rows.remove(&id) {
            let place = (former.scope, former.stands.unwrap_or(id));
            take(&mut self.by_code, former.code.as_ref(), &place);
            take(&mut self.by_name, former.name.as_ref(), &place);
            take(&mut self.counted, former.code.as_ref(), &id);
        }
        let place = (row.scope, row.stands.unwrap_or(id));
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

/// The records of one kind, by what they refer to.
#[derive(Debug, Default)]
struct Referring {
    rows: BTreeMap<RecordId, Values>,
    /// The number of the field, the record it names, whose field it is.
    of: BTreeSet<(u32, RecordKey, RecordId)>,
}

/// What the fields of a record name, with their numbers.
fn named<'v>(
    kind: &'v KindSpec,
    id: RecordId,
    values: &[u8],
) -> impl Iterator<Item = (u32, RecordKey, RecordId)> + use<'v> {
    let named = domain::across::references(Catalogue::builtin(), kind, values).into_iter();
    named.map(move |(field, to)| (field.number, to, id))
}

impl Referring {
    fn set(&mut self, kind: &KindSpec, id: RecordId, values: Values) {
        if let Some(former) = self.rows.remove(&id) {
            for known in named(kind, id, &former) {
                self.of.remove(&known);
            }
        }
        self.of.extend(named(kind, id, &values));
        self.rows.insert(id, values);
    }

    fn found(&self, field: u32, to: RecordKey) -> Vec<(RecordId, Values)> {
        let (first, last) = (RecordId([0; 16]), RecordId([u8::MAX; 16]));
        let found = self.of.range((field, to, first)..=(field, to, last));
        found
            .filter_map(|(.., id)| Some((*id, Arc::clone(self.rows.get(id)?))))
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
            referring: RefCell::default(),
            numbers: Numbers::default(),
            pending: RefCell::default(),
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
        self.numbers.note(kind, (scope, key.id), values);
        // Built before the first write of the kind is on its way, so none is missed.
        self.names(kind, |_| ())?;
        if let Some(names) = self.kinds.borrow_mut().get_mut(&key.kind) {
            names.set(key.id, name_of(kind, scope, values));
        }
        if domain::validate::FOLLOWED.contains(&kind.id.as_str()) {
            self.referring_of(kind, |_| ())?;
            if let Some(rows) = self.referring.borrow_mut().get_mut(&key.kind) {
                rows.set(kind, key.id, values.into());
            }
        }
        Ok(())
    }

    /// Shows a record as a step will leave it, while what follows from the step is prepared.
    pub(super) fn expect<T>(
        &self,
        (key, scope): (RecordKey, ScopeId),
        values: &[u8],
        work: impl FnOnce() -> T,
    ) -> T {
        let expected = (scope, values.into());
        self.pending.borrow_mut().insert(key, expected);
        let done = work();
        self.pending.borrow_mut().remove(&key);
        done
    }

    /// The records of a kind that are expected to name another in a field.
    fn expected(&self, from: &FieldOf<'_>, to: RecordKey) -> Vec<(RecordId, Values)> {
        let names = |values: &[u8]| {
            let named = domain::across::references(Catalogue::builtin(), from.kind, values);
            let mut named = named.into_iter();
            named.any(|(field, key)| field.number == from.field.number && key == to)
        };
        let pending = self.pending.borrow();
        let of_kind = pending.iter().filter(|(key, _)| key.kind == from.kind.kind);
        of_kind
            .filter(|(_, (_, values))| names(values))
            .map(|(key, (_, values))| (key.id, values.clone()))
            .collect()
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
        each_present(self.app, kind.kind, None, &mut |present| {
            let mut row = name_of(kind, present.home, &present.values);
            let key = present.key;
            // What was merged into another is found under the other's names only.
            let has_alias = alias::merged_into(kind, &present.values).is_some();
            let stands = if has_alias {
                standing(self.app, key)?
            } else {
                key
            };
            if stands != key {
                (row.code, row.is_counted) = (None, false);
                // Another spelling of an agency goes on to be understood, as the one that stands.
                row.stands = Some(stands.id);
                row.name = row.name.filter(|_| kind.id == "agency");
            }
            names.set(key.id, row);
            Ok(())
        })?;
        let answer = ask(&names);
        self.kinds.borrow_mut().insert(kind.kind, names);
        Ok(answer)
    }

    fn referring_of<T>(
        &self,
        kind: &KindSpec,
        ask: impl FnOnce(&Referring) -> T,
    ) -> Result<T, Failure> {
        if let Some(rows) = self.referring.borrow().get(&kind.kind) {
            return Ok(ask(rows));
        }
        let (mut rows, mut of) = (Vec::new(), Vec::new());
        each_present(self.app, kind.kind, None, &mut |present| {
            let id = present.key.id;
            of.extend(named(kind, id, &present.values));
            rows.push((id, Arc::clone(&present.values)));
            Ok(())
        })?;
        // Trees that are made at once are made in less time.
        let rows = Referring {
            rows: rows.into_iter().collect(),
            of: of.into_iter().collect(),
        };
        let answer = ask(&rows);
        self.referring.borrow_mut().insert(kind.kind, rows);
        Ok(answer)
    }

    /// The records that name another in the field with which they belong to it: those of one record
    /// are found without reading the kind.
    fn children_of(&self, kind: Kind, to: RecordKey) -> Result<Vec<(RecordId, Values)>, Failure> {
        let children = self.app.reader().children(to).into_iter();
        let mut found = Vec::new();
        for key in children.filter(|key| key.kind == kind) {
            if let Some(values) = self.values(key)? {
                found.push((key.id, values));
            }
        }
        Ok(found)
    }

    fn values(&self, key: RecordKey) -> Result<Option<Values>, Failure> {
        if let Some((_, values)) = self.pending.borrow().get(&key) {
            return Ok(Some(values.clone()));
        }
        let mut found = present(self.app, key)?;
        let kind = self.app.catalogue.kind(key.kind);
        let is_merged = |present: &Present| {
            kind.is_some_and(|kind| alias::merged_into(kind, &present.values).is_some())
        };
        if found.as_ref().is_some_and(is_merged) {
            found = present(self.app, standing(self.app, key)?)?;
        }
        Ok(found.map(|present| present.values))
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
        let is_counted = census::standing(&row) == CensusStatus::Counted;
        return Name {
            scope,
            name: row.name.as_deref().and_then(loose),
            code: row.uscc,
            is_counted,
            stands: None,
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
        stands: None,
    }
}

impl Lookup for Known<'_> {
    fn values(&self, key: RecordKey) -> Option<Values> {
        self.kept(self.values(key))
    }

    fn referring(&self, from: &FieldOf<'_>, to: RecordKey) -> Vec<(RecordId, Values)> {
        let (kind, field) = (from.kind, from.field.number);
        let is_read = self.referring.borrow().contains_key(&kind.kind);
        let mut found = self.kept(if kind.parent == Some(field) && !is_read {
            self.children_of(kind.kind, to)
        } else {
            self.referring_of(kind, |rows| rows.found(field, to))
        });
        let pending = self.pending.borrow();
        found.retain(|(id, _)| {
            let kind = kind.kind;
            !pending.contains_key(&RecordKey { kind, id: *id })
        });
        drop(pending);
        found.extend(self.expected(from, to));
        found
    }

    fn standing(&self, key: RecordKey) -> RecordKey {
        self.kept(standing(self.app, key).map(Some)).unwrap_or(key)
    }

    fn home(&self, key: RecordKey) -> Option<ScopeId> {
        if let Some((scope, _)) = self.pending.borrow().get(&key) {
            return Some(*scope);
        }
        let stored = self.app.reader().get(key).map_err(Failure::from);
        self.kept(stored).map(|stored| stored.home)
    }

    fn numbered(&self, kind: &KindSpec, scope: ScopeId, no: &str) -> Vec<RecordId> {
        self.kept(self.numbers.bearers(self.app, (kind, scope), no))
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

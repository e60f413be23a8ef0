//! Scopes between people and the engine: the code that people use, the id that never changes.
//!
//! A code is a dated label. An old one is understood where it is given, and what belongs to a
//! scope that has ended is shown under the scope that stands for it.

use std::{cell::RefCell, collections::BTreeMap, ops::ControlFlow, rc::Rc};

use domain::{
    Date, across, date, division,
    reform::{Fate, Map, Place},
    text,
};
use proto::ledger::Scope;
use replica::{RecordId, RecordKey, ScopeId};

use super::{each, meaning};
use crate::{
    app::App,
    dir::hex16,
    failure::{Exit, Failure},
    output::Out,
};

/// More reforms than any scope sees; a longer line of heirs is a circle, and ends nowhere.
const HEIRS_MAX: usize = 16;

/// The city's scopes as their records say.
#[derive(Debug, Default)]
struct Table(BTreeMap<ScopeId, Entry>);

#[derive(Debug)]
struct Entry {
    place: Place,
    heirs: Vec<ScopeId>,
}

impl Table {
    fn read(app: &App) -> Result<Self, Failure> {
        let mut table = Self::default();
        let Some(kind) = app.catalogue.kind_by_id("scope") else {
            return Ok(table);
        };
        let today = app.today();
        each(app, kind.kind, None, None, &mut |stored, meaning| {
            let row: Scope = domain::decode(&meaning.values).unwrap_or_default();
            // The id of a scope is the id of its record.
            let id = ScopeId(stored.record.key.id.0);
            table.0.insert(id, entry(id, row, today));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(table)
    }

    fn heir(&self, scope: ScopeId) -> ScopeId {
        let mut at = scope;
        for _ in 0..HEIRS_MAX {
            let entry = self.0.get(&at).filter(|entry| entry.place.has_ended);
            let Some([only]) = entry.map(|entry| entry.heirs.as_slice()) else {
                return at;
            };
            at = *only;
        }
        scope
    }

    fn named(&self, named: &str) -> Option<ScopeId> {
        let (code, loose) = (text::code(named), text::loose(named));
        let living = || self.0.values().filter(|entry| !entry.place.has_ended);
        let by_code = living().find(|entry| entry.place.code == code);
        let by_name = || living().find(|entry| text::loose(&entry.place.name) == loose);
        let had = |entry: &&Entry| entry.place.former.contains(&code) || entry.place.code == code;
        let ended = || {
            let mut all = self.0.values();
            all.find(|entry| had(entry) || text::loose(&entry.place.name) == loose)
        };
        let found = by_code.or_else(by_name).or_else(ended)?;
        Some(self.heir(found.place.id))
    }
}

fn entry(id: ScopeId, row: Scope, today: Date) -> Entry {
    let ends = row.valid_to.as_deref().and_then(date::stored);
    let heirs = row.replaced_by.iter();
    Entry {
        heirs: heirs
            .filter_map(|bytes| across::scope(Some(bytes)))
            .collect(),
        place: Place {
            id,
            code: row.code.unwrap_or_default(),
            name: row.name.unwrap_or_default(),
            former: row.former_codes,
            has_ended: ends.is_some_and(|end| end <= today),
        },
    }
}

/// The codes of scopes, looked up once.
#[derive(Debug)]
pub struct Scopes<'a> {
    app: &'a App,
    table: RefCell<Option<Rc<Table>>>,
}

impl<'a> Scopes<'a> {
    /// Returns a table that nobody has asked.
    #[must_use]
    pub fn new(app: &'a App) -> Self {
        Self {
            app,
            table: RefCell::new(None),
        }
    }

    fn table(&self) -> Result<Rc<Table>, Failure> {
        if let Some(table) = &*self.table.borrow() {
            return Ok(Rc::clone(table));
        }
        let table = Rc::new(Table::read(self.app)?);
        *self.table.borrow_mut() = Some(Rc::clone(&table));
        Ok(table)
    }

    /// The code of a scope: as its record says, or that of the scope that stands for it; else as
    /// this program was set up, else its id.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn code(&self, scope: ScopeId) -> Result<String, Failure> {
        let table = self.table()?;
        let entry = table.0.get(&table.heir(scope));
        let code = entry.map(|entry| entry.place.code.clone());
        let code = code.filter(|code| !code.is_empty());
        Ok(code
            .or_else(|| of_identity(self.app, scope))
            .unwrap_or_else(|| scope.to_string()))
    }

    /// The code that a scope itself has or had, whichever stands for it now.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn own_code(&self, scope: ScopeId) -> Result<String, Failure> {
        let table = self.table()?;
        let code = table.0.get(&scope).map(|entry| entry.place.code.clone());
        code.map_or_else(|| self.code(scope), Ok)
    }

    /// The scope that stands for one: itself while it has not ended with one successor.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn heir(&self, scope: ScopeId) -> Result<ScopeId, Failure> {
        Ok(self.table()?.heir(scope))
    }

    /// The code from which the id of a named scope was made: its first one. A scope that is not
    /// known begins with the code given.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn first_code(&self, named: &str) -> Result<String, Failure> {
        let table = self.table()?;
        let scope = table.named(named);
        let entry = scope.and_then(|scope| table.0.get(&scope));
        let first = entry.and_then(|entry| {
            let place = &entry.place;
            let mut codes = place.former.iter().chain([&place.code]);
            codes.find(|code| domain::scope_id(code) == place.id)
        });
        Ok(first.cloned().unwrap_or_else(|| named.to_owned()))
    }

    /// Whether any scope stands for another.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn has_heirs(&self) -> Result<bool, Failure> {
        let table = self.table()?;
        Ok(table.0.keys().any(|scope| table.heir(*scope) != *scope))
    }

    /// All scopes as a reform sees them.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn places(&self) -> Result<Vec<Place>, Failure> {
        let table = self.table()?;
        Ok(table.0.values().map(|entry| entry.place.clone()).collect())
    }

    /// The codes of scopes that have ended and for which no other stands: a person decides.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn open_ends(&self) -> Result<Vec<String>, Failure> {
        let table = self.table()?;
        let open = table
            .0
            .values()
            .filter(|entry| entry.place.has_ended && table.heir(entry.place.id) == entry.place.id);
        Ok(open.map(|entry| entry.place.code.clone()).collect())
    }

    /// The present code of a town, where the scope that its code names has another code since.
    /// Nothing for a town of a scope that goes on, and for one that has no successor.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn recoded_town(&self, town: &str) -> Result<Option<String>, Failure> {
        let Some(district) = town.get(..6).filter(|_| town.len() == 9) else {
            return Ok(None);
        };
        let table = self.table()?;
        let Some(scope) = table.named(district) else {
            return Ok(None);
        };
        let goes_on = table
            .0
            .get(&scope)
            .is_some_and(|entry| entry.place.code == district);
        if goes_on {
            return Ok(None);
        }
        Ok(match Map::builtin().fate(town) {
            Fate::Became(code) => Some(code),
            Fate::Same | Fate::Open(_) => None,
        })
    }
}

/// The record of a scope.
pub(crate) fn record(app: &App, scope: ScopeId) -> Result<Option<Scope>, Failure> {
    let Some(kind) = app.catalogue.kind_by_id("scope") else {
        return Ok(None);
    };
    // The id of a scope is the id of its record.
    let stored = app.reader().get(RecordKey {
        kind: kind.kind,
        id: RecordId(scope.0),
    })?;
    let Some(stored) = stored else {
        return Ok(None);
    };
    let meaning = meaning(app, &stored.record)?;
    Ok(domain::decode(&meaning.values)
        .ok()
        .filter(|_| !meaning.deleted))
}

/// The name of the scope with a code, as far as it is known here.
///
/// # Errors
/// The store is damaged or cannot be read.
pub(crate) fn scope_name(app: &App, code: &str) -> Result<Option<String>, Failure> {
    let known = record(app, domain::scope_id(code))?.and_then(|record| record.name);
    let names = [&app.identity.scope, &app.identity.published];
    let own = names.into_iter().find(|name| name.code == code);
    Ok(known.or_else(|| own.map(|name| name.name.clone())))
}

fn of_identity(app: &App, scope: ScopeId) -> Option<String> {
    let names = [&app.identity.scope, &app.identity.published];
    names
        .into_iter()
        .find(|name| name.scope() == scope)
        .map(|name| name.code.clone())
}

/// The scope that somebody named: by its code, its name, or its id; by an old code or the name of
/// a scope that has ended the one that stands for it.
///
/// # Errors
/// There is no such scope: none is known by this name, and nothing of it lies here.
pub fn scope_of(app: &App, named: &str) -> Result<ScopeId, Failure> {
    scope_in(&Scopes::new(app), named)
}

fn scope_in(scopes: &Scopes<'_>, named: &str) -> Result<ScopeId, Failure> {
    let app = scopes.app;
    let scope = written(scopes, named)?;
    let is_known = scopes.table()?.0.contains_key(&scope) || of_identity(app, scope).is_some();
    // What a node was lent may be of a scope whose own record has not come yet.
    let lies_here = || app.reader().scopes().iter().any(|(id, ..)| *id == scope);
    if is_known || lies_here() {
        return Ok(scope);
    }
    Err(unknown(named))
}

fn unknown(named: &str) -> Failure {
    Failure::new("RECORD-004", Exit::Invalid).with("scope", named)
}

/// The scope that a text can only mean, whether there is one or not.
fn written(scopes: &Scopes<'_>, named: &str) -> Result<ScopeId, Failure> {
    let app = scopes.app;
    let code = text::code(named);
    let found = scopes.table()?.named(named);
    let names = [&app.identity.scope, &app.identity.published];
    let own = names
        .into_iter()
        .find(|name| text::code(&name.code) == code);
    found
        .or_else(|| own.map(crate::dir::ScopeName::scope))
        .or_else(|| hex16(named.trim()).map(ScopeId))
        .or_else(|| division::is_code(&code).then(|| domain::scope_id(&code)))
        .ok_or_else(|| unknown(named))
}

/// The same as [`scope_of`], and tells whoever gave an old code which one it is now.
///
/// # Errors
/// There is no such scope.
pub fn scope_named(app: &App, named: &str, out: &mut Out) -> Result<ScopeId, Failure> {
    let scopes = Scopes::new(app);
    let scope = scope_in(&scopes, named)?;
    tell_new_code(&scopes, (named, scope), out)?;
    Ok(scope)
}

fn tell_new_code(
    scopes: &Scopes<'_>,
    (named, scope): (&str, ScopeId),
    out: &mut Out,
) -> Result<(), Failure> {
    let (given, present) = (text::code(named), scopes.code(scope)?);
    // A scope that nobody knows has no code: its id is no new name for what was given.
    if division::is_code(&given) && division::is_code(&present) && given != present {
        let text = out.say(
            "区划代码 {old} 已变更，现为 {new}，按新代码办理",
            "the code {old} has changed; it is {new} now and is read so",
        );
        out.note(text.replace("{old}", &given).replace("{new}", &present));
    }
    Ok(())
}

/// A scope that records can be moved to: one that has a record of its own, goes on, and is neither
/// the city as a whole nor unknown.
///
/// # Errors
/// It is none.
pub fn scope_to_enter(app: &App, named: &str, out: &mut Out) -> Result<ScopeId, Failure> {
    let scopes = Scopes::new(app);
    let scope = written(&scopes, named)?;
    tell_new_code(&scopes, (named, scope), out)?;
    let places = scopes.places()?;
    let place = places.iter().find(|place| place.id == scope);
    if place.is_some_and(|place| !place.has_ended) && scope != app.published() {
        return Ok(scope);
    }
    Err(Failure::new("TRANSFER-014", Exit::Invalid).with("scope", named))
}

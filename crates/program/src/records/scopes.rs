//! Scopes between people and the engine: the code that people use, the id that never changes.

use std::{cell::RefCell, collections::BTreeMap, ops::ControlFlow};

use domain::{division, text};
use proto::ledger::Scope;
use replica::{RecordId, RecordKey, ScopeId};

use super::{each, meaning};
use crate::{
    app::App,
    dir::hex16,
    failure::{Exit, Failure},
};

/// The codes of scopes, looked up once each.
#[derive(Debug)]
pub struct Scopes<'a> {
    app: &'a App,
    codes: RefCell<BTreeMap<ScopeId, String>>,
}

impl<'a> Scopes<'a> {
    /// Returns an empty table.
    #[must_use]
    pub fn new(app: &'a App) -> Self {
        Self {
            app,
            codes: RefCell::new(BTreeMap::new()),
        }
    }

    /// The code of a scope: as its record says, else as this program was set up, else its id.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn code(&self, scope: ScopeId) -> Result<String, Failure> {
        if let Some(code) = self.codes.borrow().get(&scope) {
            return Ok(code.clone());
        }
        let code = match record(self.app, scope)?.and_then(|record| record.code) {
            Some(code) => code,
            None => of_identity(self.app, scope).unwrap_or_else(|| scope.to_string()),
        };
        self.codes.borrow_mut().insert(scope, code.clone());
        Ok(code)
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

/// The scope that somebody named: by its code, its name, or its id.
///
/// # Errors
/// There is no such scope.
pub fn scope_of(app: &App, named: &str) -> Result<ScopeId, Failure> {
    let code = text::code(named);
    let mut found = None;
    if let Some(kind) = app.catalogue.kind_by_id("scope") {
        let loose = text::loose(named);
        each(app, kind.kind, None, None, &mut |stored, meaning| {
            let row: Scope = domain::decode(&meaning.values).unwrap_or_default();
            let is_named = row
                .name
                .as_deref()
                .is_some_and(|name| text::loose(name) == loose);
            if row.code.as_deref() == Some(code.as_str()) || is_named {
                found = Some(ScopeId(stored.record.key.id.0));
                return Ok(ControlFlow::Break(()));
            }
            Ok(ControlFlow::Continue(()))
        })?;
    }
    let names = [&app.identity.scope, &app.identity.published];
    let own = names
        .into_iter()
        .find(|name| text::code(&name.code) == code);
    found
        .or_else(|| own.map(crate::dir::ScopeName::scope))
        .or_else(|| hex16(named.trim()).map(ScopeId))
        .or_else(|| division::is_code(&code).then(|| domain::scope_id(&code)))
        .ok_or_else(|| Failure::new("RECORD-004", Exit::Invalid).with("scope", named))
}

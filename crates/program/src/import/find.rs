//! Finds what a cell refers to: a record by its code, else by its name in the scope and then in
//! the city; a town by its name in the scope and then in the city. And the other way: what to
//! write for a record so that it is found again.
//!
//! A name that two records of one place have is found by neither: a guess would link the wrong
//! one.

use std::{cell::RefCell, collections::BTreeMap, collections::BTreeSet};

use domain::{
    FieldSpec, KindSpec, Resolve,
    catalogue::{Need, Shape, Type},
    division::{self, Edition},
    permission::is_masked,
    value,
};
use replica::{Record, RecordId, RecordKey, ScopeId};
use serde_json::Value as Json;

use crate::{app::App, failure::Failure, records::Known};

/// The field with the credit code of a kind.
pub(crate) fn code_field(kind: &KindSpec) -> Option<&FieldSpec> {
    kind.fields
        .iter()
        .find(|field| field.value_type == Type::Uscc)
}

/// The field that a kind's records are called by.
pub(crate) fn name_field(kind: &KindSpec) -> Option<&FieldSpec> {
    let is_required_text = |field: &&FieldSpec| {
        let is_text = matches!(field.shape, Shape::Text) && !field.repeated;
        is_text && field.need == Need::Required
    };
    let is_title = |field: &&FieldSpec| {
        field.value_type == Type::Text && matches!(field.id.as_str(), "name" | "title")
    };
    let required = || kind.fields.iter().filter(is_required_text);
    required()
        .find(|field| field.value_type == Type::Name)
        .or_else(|| required().find(is_title))
}

/// The text of a field of a record as it is now.
pub(crate) fn text_of(app: &App, field: &FieldSpec, record: &Record) -> Option<String> {
    let kind = app.catalogue.kind(record.key.kind)?;
    let none = |_, _| None;
    let reading = domain::effective::register(app.catalogue, record, field.register, &none);
    text_in(kind, field, &reading.value)
}

/// The text of a field in the value of its register.
pub(crate) fn text_in(kind: &KindSpec, field: &FieldSpec, register: &[u8]) -> Option<String> {
    let json = match value::register_json(Some(kind), field.register, register) {
        Json::Object(mut fields) => fields.remove(&field.id)?,
        json => json,
    };
    match json {
        Json::String(text) => Some(text),
        Json::Number(number) => Some(number.to_string()),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

/// The towns that were looked for, with their codes.
pub(crate) type Towns = RefCell<BTreeMap<String, Option<String>>>;

/// Finds records and towns. See the module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Finder<'k, 'a> {
    pub(crate) known: &'k Known<'a>,
    pub(crate) towns: &'k Towns,
    /// The scope in which names are looked for first.
    pub(crate) scope: ScopeId,
}

impl Finder<'_, '_> {
    fn town(&self, name: &str) -> Option<String> {
        let identity = &self.known.app().identity;
        let own = self
            .known
            .scopes()
            .code(self.scope)
            .unwrap_or_else(|_| identity.scope.code.clone());
        let city = identity.published.code.as_str();
        let near = division::by_name(&own, name).or_else(|| division::by_name(city, name));
        if let Some(code) = near {
            return Some(code.to_owned());
        }
        let districts = [Edition::Year2020, Edition::Year2023]
            .into_iter()
            .flat_map(|edition| division::below(edition, city));
        let codes: BTreeSet<&str> = districts
            .filter_map(|district| division::by_name(district.code, name))
            .collect();
        let only = codes.first().filter(|_| codes.len() == 1);
        only.map(|code| (*code).to_owned())
    }

    /// What to call a record so that it is found again: its code, else its name, else its id.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub(crate) fn call(&self, kind: &str, id: RecordId) -> Result<String, Failure> {
        let app = self.known.app();
        let Some(spec) = app.catalogue.kind_by_id(kind) else {
            return Ok(id.to_string());
        };
        let Some(stored) = app.reader().get(RecordKey {
            kind: spec.kind,
            id,
        })?
        else {
            return Ok(id.to_string());
        };
        let key = spec.key_fields().next().filter(|_| spec.derived_id);
        let key = key.filter(|field| matches!(field.value_type, Type::Division | Type::Count));
        let sees = app.sees(stored.record.key, stored.home);
        let shown = |field: &&FieldSpec| sees || !is_masked(spec, field);
        let fields = [code_field(spec), key, name_field(spec).filter(shown)];
        for field in fields.into_iter().flatten() {
            if let Some(text) = text_of(app, field, &stored.record)
                && self.known.find(spec, &text, self.scope)? == Some(id)
            {
                return Ok(text);
            }
        }
        Ok(id.to_string())
    }
}

impl Resolve for Finder<'_, '_> {
    fn record(&self, kind: &str, text: &str) -> Option<RecordId> {
        let spec = self.known.app().catalogue.kind_by_id(kind)?;
        // A store that cannot be read fails the import at its next step, with its own code.
        self.known.find(spec, text, self.scope).unwrap_or_default()
    }

    fn recoded(&self, town: &str) -> Option<String> {
        self.known.recode(town)
    }

    fn division(&self, text: &str) -> Option<String> {
        let known = self.towns.borrow().get(text).cloned();
        known.unwrap_or_else(|| {
            let found = self.town(text);
            self.towns
                .borrow_mut()
                .insert(text.to_owned(), found.clone());
            found
        })
    }
}

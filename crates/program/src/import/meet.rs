//! Which record a row is about: by its id, by its credit code, by its number and year, by what makes
//! its id, or by its name in the scope. A problem without its number is known by what it says of whom.
//!
//! Rows that this import has made into records are met like those that were there. A row that fits
//! several records meets none of them.

use std::collections::HashMap;

use domain::{
    FieldSpec, KindSpec,
    catalogue::{Merge, Need, RegisterSpec},
    number, text,
    value::RegisterEdit,
};
use replica::{Record, RecordId, RegisterId, ScopeId};
use store::Guest;

use super::find::{code_field, name_field, text_in, text_of};
use crate::{
    app::App,
    failure::Failure,
    records::{is_merged, standing},
};

/// What a row or a record is known by.
#[derive(Clone, Debug, Default)]
pub(super) struct Identity {
    /// The credit code, or the number with its year.
    pub(super) code: Option<String>,
    /// The name, as two spellings of it have in common.
    pub(super) name: Option<String>,
    /// What is set once, register by register.
    keys: Vec<(RegisterId, Vec<u8>)>,
}

/// What a row fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Met {
    /// Nothing.
    Nobody,
    /// One record.
    One(RecordId),
    /// Several records.
    Several,
}

/// What a problem or a task is about: two of one text are two where they are of two.
const ABOUT: [&str; 2] = ["subject", "problem"];

/// The records of the scope by what they are known by. See the module.
#[derive(Debug)]
pub(super) struct Index<'k> {
    kind: &'k KindSpec,
    code: Option<&'k FieldSpec>,
    name: Option<&'k FieldSpec>,
    keys: Vec<&'k RegisterSpec>,
    by_code: HashMap<String, Vec<RecordId>>,
    /// By name; of a kind without names by what is set once.
    by_name: HashMap<String, Vec<Entry>>,
}

#[derive(Debug)]
struct Entry {
    id: RecordId,
    has_code: bool,
    keys: Vec<(RegisterId, Vec<u8>)>,
}

impl<'k> Index<'k> {
    /// Reads the records of a kind in a scope. A kind with derived ids needs no reading.
    pub(super) fn read(app: &App, kind: &'k KindSpec, scope: ScopeId) -> Result<Self, Failure> {
        let is_numbered = number::field(kind).is_some();
        let text = kind.field("description").filter(|_| is_numbered);
        let keys = kind.registers.iter().filter(|register| {
            let is_once = matches!(register.merge, Merge::Key | Merge::Append);
            let mut fields = kind.fields_of(register);
            let mut is_about = kind.fields_of(register).map(|field| field.id.as_str());
            (is_once && fields.any(|field| field.need == Need::Required))
                || (is_numbered && is_about.any(|field| ABOUT.contains(&field)))
        });
        let mut index = Self {
            kind,
            code: code_field(kind),
            name: name_field(kind).or(text),
            keys: keys.collect(),
            by_code: HashMap::new(),
            by_name: HashMap::new(),
        };
        if kind.derived_id {
            return Ok(index);
        }
        let here = app.reader().keys(kind.kind, Some(scope), None, usize::MAX);
        let guests = app.reader().guests(scope).into_iter();
        // A row about what has moved away meets its last copy and is told so; without it, last
        // year's sheet would enter the organisation a second time.
        let left = guests.filter(|key| key.kind == kind.kind);
        for key in here.into_iter().chain(left) {
            let stored = app.reader().get(key)?;
            let stored = stored.filter(|stored| stored.guest != Guest::Lent);
            // A record that was merged into another of the scope is met under that one's id.
            if stored.as_ref().is_some_and(|s| is_merged(app, &s.record)) {
                let stands = standing(app, key)?;
                let other = app.reader().get(stands)?;
                if stands != key && other.is_some_and(|other| other.home == scope) {
                    continue;
                }
            }
            if let Some(stored) = stored.filter(|s| !s.record.is_deleted() && !s.record.is_empty())
            {
                let identity = index.of_record(app, &stored.record);
                index.add(key.id, &identity);
            }
        }
        Ok(index)
    }

    fn code(&self, of: &dyn Fn(Option<&FieldSpec>) -> Option<String>) -> Option<String> {
        let number = || {
            let (no, year) = (number::field(self.kind), self.kind.field("year"));
            Some(format!("{} {}", of(no)?, of(year)?))
        };
        of(self.code).or_else(number)
    }

    /// What a record is known by.
    fn of_record(&self, app: &App, record: &Record) -> Identity {
        let of = |field: Option<&FieldSpec>| text_of(app, field?, record);
        let none = |_, _| None;
        let value = |register: &RegisterSpec| {
            let reading = domain::effective::register(app.catalogue, record, register.id, &none);
            (!reading.value.is_empty()).then(|| (register.id, reading.value.to_vec()))
        };
        Identity {
            code: self.code(&of),
            name: of(self.name).map(|name| text::loose(&name)),
            keys: self
                .keys
                .iter()
                .filter_map(|register| value(register))
                .collect(),
        }
    }

    /// What a row is known by, from the registers it would set.
    pub(super) fn of_row(&self, edits: &[RegisterEdit]) -> Identity {
        let of = |field: Option<&FieldSpec>| {
            let field = field?;
            let edit = edits.iter().find(|edit| edit.register == field.register)?;
            text_in(self.kind, field, &edit.value)
        };
        let keys = edits
            .iter()
            .filter(|edit| self.keys.iter().any(|key| key.id == edit.register));
        Identity {
            code: self.code(&of),
            name: of(self.name).map(|name| text::loose(&name)),
            keys: keys
                .map(|edit| (edit.register, edit.value.to_vec()))
                .collect(),
        }
    }

    /// Makes a record known.
    pub(super) fn add(&mut self, id: RecordId, identity: &Identity) {
        self.add_code(id, identity);
        let entries = self.by_name.entry(self.called(identity)).or_default();
        entries.retain(|entry| entry.id != id);
        let keys = identity.keys.clone();
        entries.push(Entry {
            id,
            has_code: identity.code.is_some(),
            keys,
        });
    }

    /// Makes the code known that a record has got.
    pub(super) fn add_code(&mut self, id: RecordId, identity: &Identity) {
        if let Some(code) = &identity.code {
            let ids = self.by_code.entry(code.clone()).or_default();
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
    }

    fn called(&self, identity: &Identity) -> String {
        match (&identity.name, self.name) {
            (Some(name), _) => name.clone(),
            (None, Some(_)) => String::new(),
            (None, None) => format!("{:?}", identity.keys),
        }
    }

    /// Finds the record that a row fits.
    pub(super) fn meet(&self, identity: &Identity) -> Met {
        if let Some(code) = &identity.code {
            return match self.by_code.get(code).map(Vec::as_slice) {
                None | Some([]) => Met::Nobody,
                Some([only]) => Met::One(*only),
                Some(_) => Met::Several,
            };
        }
        let called = self.called(identity);
        let nameless = self.name.is_some() && called.is_empty();
        let entries = self.by_name.get(&called).filter(|_| !nameless);
        let entries = entries.map(Vec::as_slice).unwrap_or_default();
        // Two carriers of one name belong to two Party organisations.
        let fits = |entry: &&Entry| {
            identity.keys.iter().all(|(register, value)| {
                let known = entry.keys.iter().find(|(known, _)| known == register);
                known.is_none_or(|(_, known)| known == value)
            })
        };
        let fitting: Vec<&Entry> = entries.iter().filter(fits).collect();
        // A row without a code is rather about the record without one: the file that made both
        // must meet them again.
        let uncoded = fitting.iter().filter(|entry| !entry.has_code);
        match (fitting.as_slice(), uncoded.collect::<Vec<_>>().as_slice()) {
            ([], _) => Met::Nobody,
            ([only], _) => Met::One(only.id),
            (_, [only]) => Met::One(only.id),
            (_, _) => Met::Several,
        }
    }

    /// Whether a record without a code has the name of a row that has one: perhaps the same.
    pub(super) fn has_namesake(&self, identity: &Identity) -> bool {
        let name = identity.code.as_ref().and(identity.name.as_ref());
        let entries = name.and_then(|name| self.by_name.get(name));
        entries.is_some_and(|entries| entries.iter().any(|entry| !entry.has_code))
    }
}

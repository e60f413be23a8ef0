//! Reading records: by kind and id, one after the other, with what they mean.

use std::ops::ControlFlow;

use bytes::Bytes;
use domain::{
    Effective, KindSpec, NoResolve,
    effective::effective_with,
    permission,
    value::{self, Input},
};
use replica::{Dot, Kind, Record, RecordId, RecordKey, RegisterId, ScopeId, Sibling};
use store::Stored;

use crate::{
    app::App,
    failure::{Exit, Failure},
    records::Known,
};

/// Keys that are read at once; a page of them is some kilobytes.
const PAGE_KEYS: usize = 512;

/// The kind with a name.
///
/// # Errors
/// There is none.
pub fn kind_of(app: &App, name: &str) -> Result<&'static KindSpec, Failure> {
    app.catalogue.kind_by_id(name).ok_or_else(|| {
        let known: Vec<_> = app
            .catalogue
            .kinds()
            .iter()
            .map(|kind| kind.id.as_str())
            .collect();
        Failure::new("RECORD-001", Exit::Invalid)
            .with("kind", name)
            .with("known", known.join(", "))
    })
}

/// A record as somebody named it.
#[derive(Clone, Debug)]
pub struct Named {
    /// Its id.
    pub id: RecordId,
    /// The key field that the code states, with the code: what a record that is made starts with.
    pub key_field: Option<(&'static str, String)>,
}

/// The record that an id or a code means: `410305`, `2020`, a credit code, or a name that only one
/// record has.
///
/// # Errors
/// The text is neither.
pub fn named(known: &Known<'_>, kind: &'static KindSpec, text: &str) -> Result<Named, Failure> {
    let text = text.trim();
    if let Ok(id) = uuid::Uuid::try_parse(text) {
        return Ok(Named {
            id: RecordId(id.into_bytes()),
            key_field: None,
        });
    }
    let app = known.app();
    let found = known.find(kind, text, app.scope())?;
    if permission::masks(kind) && !app.sees_personal() {
        let sees = |id| -> Result<bool, Failure> {
            let kind = kind.kind;
            let stored = app.reader().get(RecordKey { kind, id })?;
            Ok(stored.is_some_and(|stored| app.sees(stored.record.key, stored.home)))
        };
        // Whether there is somebody of the name in another scope is not told either.
        if !found.map_or(Ok(false), sees)? {
            return Err(Failure::new("AUTH-109", Exit::Refused).with("field", &kind.id));
        }
    }
    if let Some(id) = found {
        return Ok(Named {
            id,
            key_field: None,
        });
    }
    let mut keys = kind.key_fields();
    if let (Some(field), None) = (keys.next(), keys.next()) {
        let set = [(field.id.as_str(), Input::Text(text))];
        let edits = value::edits(app.catalogue, kind, &|_| Bytes::new(), set, &NoResolve);
        let first = edits.unwrap_or_default().into_iter().next();
        let id = first.and_then(|edit| domain::derive_id(kind, &edit.value));
        if let Some(id) = id {
            return Ok(Named {
                id,
                key_field: Some((&field.id, text.to_owned())),
            });
        }
    }
    Err(Failure::new("RECORD-002", Exit::Invalid)
        .with("id", text)
        .with("kind", &kind.id))
}

/// The record that `kind/id` means.
///
/// # Errors
/// The text is none, or names what there is not.
pub fn key_named(app: &App, text: &str) -> Result<RecordKey, Failure> {
    let bad = || Failure::new("ACROSS-002", Exit::Invalid).with("record", text);
    let (kind, id) = text.trim().split_once('/').ok_or_else(bad)?;
    let kind = kind_of(app, kind)?;
    Ok(RecordKey {
        kind: kind.kind,
        id: named(&Known::new(app), kind, id)?.id,
    })
}

/// The present state of a record.
///
/// # Errors
/// There is no such record, or the store cannot be read.
pub fn find(app: &App, key: RecordKey) -> Result<Stored, Failure> {
    let found = app
        .reader()
        .get(key)?
        .filter(|stored| !stored.record.is_empty());
    if let Some(found) = found {
        return Ok(found);
    }
    // Its making may have been refused: the text of it is kept, and it does not come by itself.
    let refused = app.writer.status()?.refused;
    let is_refused = refused.iter().any(|one| one.key == key);
    let code = if is_refused {
        "RECORD-016"
    } else {
        "RECORD-003"
    };
    Err(Failure::new(code, Exit::Invalid)
        .with("kind", app.catalogue.kind_name(key.kind))
        .with("id", key.id))
}

/// What is known of a record's earlier candidates.
#[derive(Clone, Debug, Default)]
pub struct Past(Vec<Sibling>);

impl Past {
    /// Reads it.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn of(app: &App, key: RecordKey) -> Result<Self, Failure> {
        let history = app.reader().history(key)?;
        Ok(Self(
            history
                .into_iter()
                .flat_map(|(_, siblings)| siblings)
                .collect(),
        ))
    }

    /// A candidate by its place.
    #[must_use]
    pub fn sibling(&self, register: RegisterId, dot: Dot) -> Option<&Sibling> {
        self.0
            .iter()
            .find(|sibling| sibling.register == register && sibling.dot() == dot)
    }

    /// The value that a write gave a register.
    #[must_use]
    pub fn value(&self, register: RegisterId, dot: Dot) -> Option<Bytes> {
        self.sibling(register, dot)
            .map(|sibling| sibling.value.clone())
    }

    /// All of them.
    #[must_use]
    pub fn siblings(&self) -> &[Sibling] {
        &self.0
    }
}

/// Whether a register of the record has several candidates.
pub(super) fn is_contested(record: &Record) -> bool {
    record.registers().any(|(_, siblings)| siblings.len() > 1)
}

/// What a record means. The history is looked up only where a register has several candidates.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn meaning(app: &App, record: &Record) -> Result<Effective, Failure> {
    if !is_contested(record) {
        return Ok(domain::effective(app.catalogue, record));
    }
    let past = Past::of(app, record.key)?;
    Ok(effective_with(app.catalogue, record, &|register, dot| {
        past.value(register, dot)
    }))
}

/// Sees one record after the other, and may break off.
pub type Visitor<'v> = &'v mut dyn FnMut(&Stored, &Effective) -> Result<ControlFlow<()>, Failure>;

/// Shows every record of a kind after an id, ascending, of one scope or of all, without those that
/// are deleted or were taken back whole, until the visitor breaks off.
///
/// # Errors
/// The visitor's, or the store is damaged or cannot be read.
pub fn each(
    app: &App,
    kind: Kind,
    scope: Option<ScopeId>,
    after: Option<RecordId>,
    visit: Visitor<'_>,
) -> Result<(), Failure> {
    let mut after = after;
    loop {
        let keys = app.reader().keys(kind, scope, after, PAGE_KEYS);
        let Some(last) = keys.last() else {
            return Ok(());
        };
        after = Some(last.id);
        for key in keys {
            let stored = app.reader().get(key)?;
            let Some(stored) = stored.filter(|stored| !stored.record.is_empty()) else {
                continue;
            };
            let meaning = meaning(app, &stored.record)?;
            if !meaning.deleted && visit(&stored, &meaning)?.is_break() {
                return Ok(());
            }
        }
    }
}

/// The same for records of this program's scopes and for those of others that are read here.
///
/// # Errors
/// As [`each`].
pub fn each_here(app: &App, kind: Kind, visit: Visitor<'_>) -> Result<(), Failure> {
    each(app, kind, None, None, visit)?;
    each_guest(app, kind, visit)
}

/// The same for those alone that belong to another scope: what was lent, and the last copies of
/// what has moved away. At the hub all is at home.
///
/// # Errors
/// As [`each`].
pub fn each_guest(app: &App, kind: Kind, visit: Visitor<'_>) -> Result<(), Failure> {
    if app.is_hub() {
        return Ok(());
    }
    for key in app.reader().guests(app.scope()) {
        if key.kind != kind {
            continue;
        }
        let Some(stored) = app.reader().get(key)? else {
            continue;
        };
        let meaning = meaning(app, &stored.record)?;
        if !meaning.deleted && visit(&stored, &meaning)?.is_break() {
            break;
        }
    }
    Ok(())
}

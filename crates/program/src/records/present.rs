//! What records say now, kept in memory.
//!
//! To read a record from the store is to look it up, to prove it, to take it apart and to bring its
//! candidates together. What comes out is kept with the place of the record in its feed. Every change
//! gives a record another place, so what is kept under the present one is never old, and nobody has
//! to tell the cache of a change.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use domain::Values;
use replica::{Kind, RecordKey, ScopeId};
use store::{Guest, Place, Stored};

use super::read::{is_contested, meaning};
use crate::{app::App, failure::Failure};

/// Bytes that are kept at most. What does not fit is read from the store each time.
const BYTES_MAX: usize = 256 << 20;
/// Bytes that a row takes beside its values: key, place, scope, and the table's own.
const ROW_BYTES: usize = 128;

/// A record as it stands.
#[derive(Clone, Debug)]
pub struct Present {
    /// Its name.
    pub key: RecordKey,
    /// The scope it belongs to.
    pub home: ScopeId,
    /// The encoding of its message.
    pub values: Values,
}

/// What was read last of each record that lies at home. See the module.
#[derive(Debug, Default)]
pub struct ValueCache(RwLock<Rows>);

#[derive(Debug, Default)]
struct Rows {
    of: HashMap<RecordKey, Row>,
    bytes: usize,
}

#[derive(Debug)]
struct Row {
    place: Place,
    home: ScopeId,
    /// None of what is deleted or was taken back whole.
    values: Option<Values>,
}

impl Row {
    fn bytes(&self) -> usize {
        ROW_BYTES + self.values.as_ref().map_or(0, |values| values.len())
    }
}

impl ValueCache {
    /// What was read of a record where it lies now; none when it was not, or has changed.
    fn get(&self, key: RecordKey, place: Place) -> Option<Option<Present>> {
        let rows = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let row = rows.of.get(&key).filter(|row| row.place == place)?;
        let present = |values: &Values| Present {
            key,
            home: row.home,
            values: Arc::clone(values),
        };
        Some(row.values.as_ref().map(present))
    }

    fn put(&self, key: RecordKey, row: Row) {
        let mut rows = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let bytes = row.bytes();
        let former = if rows.bytes + bytes <= BYTES_MAX {
            rows.bytes += bytes;
            rows.of.insert(key, row)
        } else {
            rows.of.remove(&key)
        };
        rows.bytes -= former.map_or(0, |former| former.bytes());
    }
}

/// What a record says now; none where there is no such record, or it is deleted or was taken back
/// whole.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn present(app: &App, key: RecordKey) -> Result<Option<Present>, Failure> {
    match app.reader().place(key) {
        Some(place) => present_at(app, key, place),
        None => Ok(None),
    }
}

fn present_at(app: &App, key: RecordKey, place: Place) -> Result<Option<Present>, Failure> {
    if let Some(known) = app.cache.get(key, place) {
        return Ok(known);
    }
    match app.reader().get(key)? {
        Some(stored) => present_of(app, &stored),
        None => Ok(None),
    }
}

/// The same of a record that was read.
///
/// # Errors
/// As [`present`].
pub fn present_of(app: &App, stored: &Stored) -> Result<Option<Present>, Failure> {
    let (key, home) = (stored.record.key, stored.home);
    let meaning = meaning(app, &stored.record)?;
    let is_there = !meaning.deleted && !stored.record.is_empty();
    let values: Option<Values> = is_there.then(|| meaning.values.into());
    // A guest's home is what another record says, and a contested value what its history says.
    if stored.guest == Guest::No && !is_contested(&stored.record) {
        let row = Row {
            place: stored.place,
            home,
            values: values.clone(),
        };
        app.cache.put(key, row);
    }
    Ok(values.map(|values| Present { key, home, values }))
}

/// Shows what every record of a kind says, of one scope or of all, in the order in which they lie in
/// the store: neighbours are read together, so a pass over all takes a fraction of one by id. For sums
/// and maps; lists that people see are ordered by whoever makes them. See [`super::each`] for the
/// records themselves.
///
/// # Errors
/// The visitor's, or the store is damaged or cannot be read.
pub fn each_present(
    app: &App,
    kind: Kind,
    scope: Option<ScopeId>,
    visit: &mut dyn FnMut(&Present) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut places = app.reader().places(kind);
    if let Some(scope) = scope {
        let number = app.reader().scope_number(scope);
        places.retain(|(_, place)| Some(place.scope) == number);
    }
    places.sort_unstable_by_key(|(_, place)| (place.scope, place.seq));
    for (key, place) in places {
        if let Some(present) = present_at(app, key, place)? {
            visit(&present)?;
        }
    }
    Ok(())
}

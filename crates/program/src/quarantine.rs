//! States that are held back because one write had two contents: what is here, what came, and how
//! a person ends it.
//!
//! Who has released a record, when and why, is kept: beside the store's own writes, in the commit
//! that ends the quarantine.

#[cfg(test)]
mod tests;

use domain::across;
use replica::{Kind, Record, RecordId, RecordKey, RegisterId, Sibling};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::{HeldBack, StoreError};

use crate::{
    app::App,
    clock::moment,
    failure::{Exit, Failure},
    output::Out,
    records::{Scopes, Sight, authorship, reason_of, register_name},
    refusals::moment_of,
    texts,
};

/// Before the name of what was released: the record and the peer, and when.
const RELEASED: &str = "released/";

/// A record that somebody has released.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Released {
    kind: u32,
    record: [u8; 16],
    /// The peer whose state did not fit, 32 hex digits.
    pub peer: String,
    /// Why it was held back: the stable code.
    pub code: String,
    /// Since when, milliseconds since 1970.
    pub held_at_ms: i64,
    /// Who has released it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When, milliseconds since 1970.
    pub at_ms: u64,
}

impl Released {
    fn of(app: &App, held: &HeldBack, reason: String) -> Self {
        Self {
            kind: held.key.kind.0,
            record: held.key.id.0,
            peer: held.peer.to_string(),
            code: held.code.clone(),
            held_at_ms: held.at_ms,
            by: app.author(),
            reason,
            at_ms: app.clock.wall_ms(),
        }
    }

    /// The record.
    #[must_use]
    pub fn key(&self) -> RecordKey {
        RecordKey {
            kind: Kind(self.kind),
            id: RecordId(self.record),
        }
    }

    /// The same name for the same release, another for a later one of the same record.
    fn kept(&self) -> (String, Vec<u8>) {
        let (at_ms, kind, id) = (self.at_ms, self.kind, RecordId(self.record));
        let name = format!("{RELEASED}{at_ms:013}/{kind}/{id}/{}", self.peer);
        (name, serde_json::to_vec(self).unwrap_or_default())
    }
}

/// What was released, the newest first.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn released(app: &App) -> Result<Vec<Released>, Failure> {
    let damaged = |name: &str| StoreError::Damaged {
        what: format!("the note {name}"),
    };
    let mut all = Vec::new();
    for (name, text) in app.reader().locals(RELEASED)? {
        all.push(serde_json::from_slice(&text).map_err(|_unreadable| damaged(&name))?);
    }
    all.reverse();
    Ok(all)
}

/// What was released of one record, the newest first.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn released_of(app: &App, text: &str) -> Result<Vec<Released>, Failure> {
    let mut all = released(app)?;
    all.retain(|one| is_named(app, one.key(), text));
    Ok(all)
}

fn is_named(app: &App, key: RecordKey, text: &str) -> bool {
    across::name(app.catalogue, key) == text || key.id.to_string() == text
}

/// Every state that is held back.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn all(app: &App) -> Result<Vec<HeldBack>, Failure> {
    Ok(app.writer.status()?.quarantined)
}

/// The states that are held back of one record; none when nothing is.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn held_of(app: &App, text: &str) -> Result<Vec<HeldBack>, Failure> {
    let mut all = all(app)?;
    all.retain(|held| is_named(app, held.key, text));
    Ok(all)
}

/// Nothing is held back of a record.
#[must_use]
pub fn not_held(text: &str) -> Failure {
    Failure::new("QUARANTINE-001", Exit::Invalid).with("id", text)
}

/// A held state in a list.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn entry(
    app: &App,
    scopes: &Scopes<'_>,
    held: &HeldBack,
    out: &Out,
) -> Result<Map<String, Value>, Failure> {
    let why = (held.code.as_str(), held.at_ms);
    let mut entry = named_entry(app, scopes, (held.key, why), out)?;
    entry.insert("peer".to_owned(), held.peer.to_string().into());
    entry.insert("released".to_owned(), Value::Null);
    Ok(entry)
}

/// A released state in a list.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn released_entry(
    app: &App,
    scopes: &Scopes<'_>,
    released: &Released,
    out: &Out,
) -> Result<Map<String, Value>, Failure> {
    let why = (released.code.as_str(), released.held_at_ms);
    let mut entry = named_entry(app, scopes, (released.key(), why), out)?;
    entry.insert("peer".to_owned(), released.peer.as_str().into());
    let done = json!({
        "by": released.by,
        "at": moment(released.at_ms),
        "reason": released.reason,
    });
    entry.insert("released".to_owned(), done);
    Ok(entry)
}

/// Which record, and why and since when it was held back.
fn named_entry(
    app: &App,
    scopes: &Scopes<'_>,
    (key, (code, at_ms)): (RecordKey, (&str, i64)),
    out: &Out,
) -> Result<Map<String, Value>, Failure> {
    let mut entry = Map::new();
    let id = across::name(app.catalogue, key);
    entry.insert("id".to_owned(), id.into());
    let name = app.catalogue.kind_name(key.kind);
    entry.insert("kind".to_owned(), name.into());
    entry.insert("record".to_owned(), key.id.to_string().into());
    let here = app.reader().get(key)?;
    let scope = here.map(|here| scopes.code(here.home));
    entry.insert("scope".to_owned(), scope.transpose()?.into());
    entry.insert("code".to_owned(), code.into());
    let message = texts::of(code, out.language, &[]);
    entry.insert("message".to_owned(), message.into());
    entry.insert("at".to_owned(), moment_of(at_ms).into());
    Ok(entry)
}

/// A held state beside what is here: the registers in which the two differ.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn show(
    app: &App,
    scopes: &Scopes<'_>,
    held: &HeldBack,
    out: &Out,
) -> Result<Map<String, Value>, Failure> {
    let kind = app.catalogue.kind(held.key.kind);
    let sight = Sight::at(app, held.key)?;
    let here = app.reader().get(held.key)?.map(|stored| stored.record);
    // Nothing came when it is the peer that does not take what is here.
    let there = Record::decode(&held.theirs).ok();
    let blank = || Record::new(held.key, app.scope());
    let (here, there) = (here.unwrap_or_else(blank), there.unwrap_or_else(blank));
    let mut registers: Vec<RegisterId> = here
        .registers()
        .chain(there.registers())
        .map(|(register, _)| register)
        .collect();
    registers.sort_unstable();
    registers.dedup();
    let candidates = |record: &Record, register| -> Value {
        let one = |sibling: &Sibling| {
            let mut map = Map::new();
            let value = sight.register(register, &sibling.value);
            map.insert("value".to_owned(), value);
            map.extend(authorship(sibling));
            Value::Object(map)
        };
        record.register(register).iter().map(one).collect()
    };
    let differing = registers
        .into_iter()
        .filter(|register| here.register(*register) != there.register(*register));
    let values = differing.map(|register| {
        json!({
            "field": register_name(kind, register),
            "here": candidates(&here, register),
            "there": candidates(&there, register),
        })
    });
    let mut document = entry(app, scopes, held, out)?;
    document.insert("values".to_owned(), values.collect());
    Ok(document)
}

/// Ends it: what is held here stays, and the peer takes its own back into drafts. Who has said so
/// and why is durable together with it.
///
/// # Errors
/// Nothing is held back of the record, or the writer has ended.
pub fn release(app: &App, held: &HeldBack, reason: &str) -> Result<(), Failure> {
    let released = Released::of(app, held, reason_of(reason)?);
    let is_news = app
        .writer
        .release(held.key, Some(held.peer), released.kept())?;
    let name = across::name(app.catalogue, held.key);
    if !is_news {
        return Err(not_held(&name));
    }
    let Released { by, reason, .. } = released;
    tracing::info!(record = %name, peer = %held.peer, %by, %reason, "released");
    Ok(())
}

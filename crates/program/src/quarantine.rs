//! States that are held back because one write had two contents: what is here, what came, and how
//! a person ends it.

use domain::across;
use replica::{Record, RegisterId, Sibling};
use serde_json::{Map, Value, json};
use store::HeldBack;

use crate::{
    app::App,
    failure::{Exit, Failure},
    output::Out,
    records::{Scopes, authorship, reason_of, register_name, register_value},
    refusals::moment_of,
    texts,
};

/// Every state that is held back.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn all(app: &App) -> Result<Vec<HeldBack>, Failure> {
    Ok(app.writer.status()?.quarantined)
}

/// The states that are held back of one record.
///
/// # Errors
/// There are none, or the store cannot be read.
pub fn named(app: &App, text: &str) -> Result<Vec<HeldBack>, Failure> {
    let mut all = all(app)?;
    all.retain(|held| {
        across::name(app.catalogue, held.key) == text || held.key.id.to_string() == text
    });
    if all.is_empty() {
        return Err(Failure::new("QUARANTINE-001", Exit::Invalid).with("id", text));
    }
    Ok(all)
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
    let mut entry = Map::new();
    let id = across::name(app.catalogue, held.key);
    entry.insert("id".to_owned(), id.into());
    let name = app.catalogue.kind_name(held.key.kind);
    entry.insert("kind".to_owned(), name.into());
    entry.insert("record".to_owned(), held.key.id.to_string().into());
    let here = app.reader().get(held.key)?;
    let scope = here.map(|here| scopes.code(here.home));
    entry.insert("scope".to_owned(), scope.transpose()?.into());
    entry.insert("code".to_owned(), held.code.as_str().into());
    let message = texts::of(&held.code, out.language, &[]);
    entry.insert("message".to_owned(), message.into());
    entry.insert("at".to_owned(), moment_of(held.at_ms).into());
    entry.insert("peer".to_owned(), held.peer.to_string().into());
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
            let value = register_value(kind, register, &sibling.value);
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

/// Ends it: what is held here stays, and the peer takes its own back into drafts.
///
/// # Errors
/// Nothing is held back of the record, or the writer has ended.
pub fn release(app: &App, held: &HeldBack, reason: &str) -> Result<(), Failure> {
    let reason = reason_of(reason)?;
    let is_news = app.writer.release(held.key, Some(held.peer))?;
    let name = across::name(app.catalogue, held.key);
    if !is_news {
        return Err(Failure::new("QUARANTINE-001", Exit::Invalid).with("id", name));
    }
    tracing::info!(record = %name, peer = %held.peer, by = %app.author(), %reason, "released");
    Ok(())
}

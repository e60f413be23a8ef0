//! The audit list: what was done here that writes no record, and what was refused.
//!
//! Who, when, what, why, and how it ended; no personal value and no password. Entries lie one after
//! the other under their numbers, each with the hash of the one before, so that one that was altered
//! or taken out is found ([`verify`]). What writes records is not repeated: the journal has it, and
//! [`list`](mod@list) reads both from the newest on.

pub mod list;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use replica::Head;
use serde::{Deserialize, Serialize};

use crate::{
    accounts::{Deed, gate},
    app::App,
    failure::{Exit, Failure},
};

/// Under these names entries lie in the store.
const PREFIX: &str = "audit/";

/// The name under which the number and the hash of the newest entry lie.
pub(crate) const HEAD: &str = "audit-head";

/// One entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number, from 1.
    pub number: u64,
    /// When, milliseconds since 1970.
    pub at_ms: u64,
    /// Who: ACCOUNT@replica.
    pub who: String,
    /// The command.
    pub deed: String,
    /// What it is about.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub what: String,
    /// The fields that it names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// The scope that it was done for, where that is not this one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub on_behalf: String,
    /// `done`, `shown`, or the code with which it was refused or failed.
    pub result: String,
    /// The hash of the entry before, in hex.
    pub before: String,
}

/// The newest entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Newest {
    number: u64,
    hash: String,
}

fn name_of(number: u64) -> String {
    format!("{PREFIX}{number:016x}")
}

fn hash_of(entry: &[u8]) -> String {
    Head(*blake3::hash(entry).as_bytes()).to_string()
}

fn newest(head: Option<&Bytes>) -> Newest {
    head.and_then(|head| serde_json::from_slice(head).ok())
        .unwrap_or_default()
}

/// The two values that an entry adds to a store whose newest entry this is.
pub(crate) fn next(head: Option<&Bytes>, entry: Entry) -> [(String, Vec<u8>); 2] {
    let newest = newest(head);
    let number = newest.number.saturating_add(1);
    let entry = Entry {
        number,
        before: newest.hash,
        ..entry
    };
    let bytes = serde_json::to_vec(&entry).unwrap_or_default();
    let newest = Newest {
        number,
        hash: hash_of(&bytes),
    };
    let head = serde_json::to_vec(&newest).unwrap_or_default();
    [(name_of(number), bytes), (HEAD.to_owned(), head)]
}

/// Notes what a command did, or with which code it was refused.
///
/// # Errors
/// The store failed.
pub(crate) fn note(app: &App, deed: &Deed, result: &str) -> Result<(), Failure> {
    let entry = Entry {
        at_ms: app.clock.wall_ms(),
        who: app.author(),
        deed: deed.name.to_owned(),
        what: deed.what.clone(),
        fields: deed.fields.clone(),
        why: deed.reason.clone(),
        on_behalf: deed.on_behalf.clone(),
        result: result.to_owned(),
        ..Entry::default()
    };
    let _one_at_a_time = gate::desk(app);
    let head = app.reader().local(HEAD)?;
    let values = next(head.as_ref(), entry);
    let values = values.map(|(name, value)| (name, Some(value)));
    app.writer.edit(Vec::new(), values.to_vec())?;
    Ok(())
}

/// The entry with a number.
fn entry(app: &App, number: u64) -> Result<Option<Entry>, Failure> {
    let stored = app.reader().local(&name_of(number))?;
    Ok(stored.and_then(|text| serde_json::from_slice(&text).ok()))
}

/// How many entries there are.
fn count(app: &App) -> Result<u64, Failure> {
    Ok(newest(app.reader().local(HEAD)?.as_ref()).number)
}

/// Proves the chain of all entries. Returns how many there are.
///
/// # Errors
/// An entry is missing or was altered (exit code 7), or the store cannot be read.
pub fn verify(app: &App) -> Result<u64, Failure> {
    let _one_at_a_time = gate::desk(app);
    let newest = newest(app.reader().local(HEAD)?.as_ref());
    let mut hash = String::new();
    for number in 1..=newest.number {
        let wrong = || Failure::new("AUTH-117", Exit::Store).with("number", number);
        let bytes = app.reader().local(&name_of(number))?.ok_or_else(wrong)?;
        let entry: Entry = serde_json::from_slice(&bytes).map_err(|_unread| wrong())?;
        if entry.before != hash || entry.number != number {
            return Err(wrong());
        }
        hash = hash_of(&bytes);
    }
    let beyond = entry(app, newest.number.saturating_add(1))?;
    if hash == newest.hash && beyond.is_none() {
        Ok(newest.number)
    } else {
        Err(Failure::new("AUTH-117", Exit::Store).with("number", newest.number))
    }
}

//! Proving a store against itself: records, fingerprints, journals, history, what is on record.

use bytes::Bytes;
use prost::Message as _;
use proto::stored::Refusal;
use replica::{Bucket, Record};

use crate::{
    Handle, HostError, Reader, StoreError, account::each_replaced, journal, keys, wire::dot_of,
};

/// How often a scope is summed again because it has changed meanwhile. Under steady load it is left
/// to the opening, which proves every scope before anything is written.
const SUMS_MAX: usize = 3;

/// Adds damage to what was found; any other failure ends the proof.
fn found(result: Result<(), StoreError>, findings: &mut Vec<String>) -> Result<(), StoreError> {
    match result {
        Err(StoreError::Damaged { what }) => findings.push(what),
        Err(error) => return Err(error),
        Ok(()) => {}
    }
    Ok(())
}

impl Handle {
    /// Proves every record against its checksum and its scope's fingerprint, the chain of every
    /// own journal, the history, and what was refused or taken back. Returns what is wrong.
    /// Blocks for as long as the store is large; the writer goes on meanwhile.
    ///
    /// # Errors
    /// The store cannot be read at all, or the writer has ended.
    pub fn prove(&self) -> Result<Vec<String>, HostError> {
        let own = self.ask(crate::Host::own_positions)?;
        let reader = self.reader();
        let mut findings = reader.scrub()?;
        sums(reader, &mut findings)?;
        for (incarnation, upto, _) in own {
            let walked = journal::walk(reader.store(), incarnation, upto, &mut |_, _, _| Ok(()));
            found(walked.map(drop), &mut findings)?;
        }
        history(reader, &mut findings)?;
        on_record(reader, &mut findings)?;
        Ok(findings)
    }
}

/// The leaves of each scope add up to its root.
fn sums(reader: &Reader, findings: &mut Vec<String>) -> Result<(), StoreError> {
    for (scope, _, _) in reader.scopes() {
        let now = || {
            let mut scopes = reader.scopes().into_iter();
            scopes.find(|(id, _, _)| *id == scope)
        };
        for _ in 0..SUMS_MAX {
            let before = now();
            let mut root = Bucket::default();
            for key in reader.keys_of_scope(scope) {
                // What cannot be read was found before.
                if let Ok(Some(stored)) = reader.get(key)
                    && stored.counts()
                {
                    root.add(stored.leaf);
                }
            }
            if before != now() {
                continue;
            }
            if before.is_some_and(|(_, _, known)| known != root) {
                findings.push(format!(
                    "the fingerprint of scope {scope} is not that of its records"
                ));
            }
            break;
        }
    }
    Ok(())
}

fn history(reader: &Reader, findings: &mut Vec<String>) -> Result<(), StoreError> {
    let (from, to) = keys::all(b'H');
    reader.store().scan(&from, &to, &mut |_, value| {
        found(each_replaced(&value, &mut |_| Ok(())).map(drop), findings)
    })
}

/// A write that was taken back or refused is kept whole, and a draft is not visible any more.
fn on_record(reader: &Reader, findings: &mut Vec<String>) -> Result<(), StoreError> {
    let (from, to) = keys::all(b'D');
    reader.store().scan(&from, &to, &mut |_, value| {
        let Some(record) = kept(value) else {
            findings.push("a write that was taken back cannot be read".to_owned());
            return Ok(());
        };
        // A record that cannot be read was found before.
        let visible = match reader.get(record.key) {
            // Of a write that a rollback made twice the other content may stand.
            Ok(Some(stored)) => {
                let mut taken = record.siblings.iter();
                // Nor can what was erased be told from it.
                taken.any(|s| !s.write.is_erased() && stored.record.siblings.contains(s))
            }
            Ok(None) | Err(_) => false,
        };
        if visible {
            findings.push(format!(
                "record {} {} shows a write that was taken back",
                record.key.kind.0, record.key.id
            ));
        }
        Ok(())
    })?;
    let (from, to) = keys::all(b'X');
    reader.store().scan(&from, &to, &mut |_, value| {
        if kept(value).is_none() {
            findings.push("a write that was refused cannot be read".to_owned());
        }
        Ok(())
    })
}

/// The siblings of a write that is kept.
fn kept(value: Bytes) -> Option<Record> {
    let refusal = Refusal::decode(value).ok()?;
    let dot = dot_of(&refusal);
    let record = Record::decode(&refusal.siblings.into()).ok()?;
    let is_whole = record.siblings.iter().all(|s| s.dot() == dot);
    is_whole.then_some(record)
}

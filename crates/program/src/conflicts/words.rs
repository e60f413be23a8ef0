//! Whose words a candidate holds.
//!
//! A decision takes other people's words, and an undo puts them back under new names. Nobody may
//! decide over their own words, so these are followed to those who wrote them first.

use std::collections::BTreeSet;

use domain::{decode, preset};
use proto::ledger::{Candidate, Decision, DecisionChoice};
use replica::{HybridTime, RecordId, RecordKey, Sibling};
use serde_json::{Map, Value};

use crate::{
    app::App,
    failure::Failure,
    records::{Scopes, authorship, kind_of, source_name, time_text},
};

/// The person behind an author: ACCOUNT@CODE. A scope may have several nodes, and who writes at one
/// of them does not become somebody else by sitting down at another, or when a node joins anew. A
/// scope that stands for others has taken over their people, and a replica signs with the code that
/// its scope had when it joined: so the code is the scope's first one.
pub(super) fn person(scopes: &Scopes<'_>, author: &str) -> Result<String, Failure> {
    let account = author.rsplit_once('@').map(|(account, _)| account);
    match (account, preset::unit(author)) {
        (Some(account), Some(unit)) => Ok(format!("{account}@{}", scopes.first_code(unit)?)),
        _ => Ok(author.to_owned()),
    }
}

/// Whether two authors are one person.
pub(super) fn is_same_person(scopes: &Scopes<'_>, one: &str, other: &str) -> Result<bool, Failure> {
    Ok(one == other || person(scopes, one)? == person(scopes, other)?)
}

/// Whether any of these authors is a person.
pub(super) fn are_of(
    scopes: &Scopes<'_>,
    words: &BTreeSet<String>,
    author: &str,
) -> Result<bool, Failure> {
    for word in words {
        if is_same_person(scopes, word, author)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A decision by its id, also one that somebody has deleted; none when it is not known here.
pub(super) fn decision(app: &App, id: RecordId) -> Result<Option<Decision>, Failure> {
    let kind = kind_of(app, "decision")?.kind;
    let Some(stored) = app.reader().get(RecordKey { kind, id })? else {
        return Ok(None);
    };
    let values = domain::effective(app.catalogue, &stored.record).values;
    Ok(decode(&values).ok())
}

/// The decision that a candidate carries out.
fn decision_of(app: &App, sibling: &Sibling) -> Result<Option<Decision>, Failure> {
    match RecordId::try_from(sibling.write.decision.as_ref()) {
        Ok(id) => decision(app, id),
        Err(_none) => Ok(None),
    }
}

/// The decision that an undo takes back.
pub(super) fn undone(app: &App, undo: &Decision) -> Result<Option<Decision>, Failure> {
    let id = undo.undoes.as_deref().and_then(id_of);
    id.map_or(Ok(None), |id| decision(app, id))
}

/// An id as decisions name each other.
pub(super) fn id_of(text: &str) -> Option<RecordId> {
    let id = uuid::Uuid::try_parse(text.trim()).ok()?;
    Some(RecordId(id.into_bytes()))
}

/// The candidates that an undo has put back in this one: more than one when several said the same.
fn originals(app: &App, sibling: &Sibling) -> Result<Vec<Candidate>, Failure> {
    let Some(undo) = decision_of(app, sibling)? else {
        return Ok(Vec::new());
    };
    if undo.choice() != DecisionChoice::Undo {
        return Ok(Vec::new());
    }
    let undone = undone(app, &undo)?.unwrap_or_default();
    let same = |candidate: &Candidate| {
        let own = [0, sibling.register.0].contains(&candidate.register);
        own && candidate.value == sibling.value
    };
    Ok(undone.candidates.into_iter().filter(same).collect())
}

/// Whose words a candidate holds: its author's, and those of the people whose values a decision
/// took; of what an undo put back, those who wrote it first and nobody else.
pub(super) fn of(app: &App, sibling: &Sibling) -> Result<BTreeSet<String>, Failure> {
    let originals = originals(app, sibling)?;
    if !originals.is_empty() {
        return Ok(originals.iter().flat_map(of_candidate).collect());
    }
    let mut words = BTreeSet::from([sibling.write.author.clone()]);
    let Some(decision) = decision_of(app, sibling)? else {
        return Ok(words);
    };
    match decision.choice() {
        DecisionChoice::Take => {
            let at = decision.taken().checked_sub(1);
            let taken = at.and_then(|at| decision.candidates.get(usize::try_from(at).ok()?));
            words.extend(taken.into_iter().flat_map(of_candidate));
        }
        DecisionChoice::KeepBoth => {
            words.extend(decision.candidates.iter().flat_map(of_candidate));
        }
        DecisionChoice::Unspecified | DecisionChoice::Edit | DecisionChoice::Undo => {}
    }
    Ok(words)
}

/// Whose words a candidate in a decision holds.
fn of_candidate(candidate: &Candidate) -> Vec<String> {
    if candidate.words.is_empty() {
        vec![candidate.author.clone()]
    } else {
        candidate.words.clone()
    }
}

/// Whose words stood against each other when something was decided; of an undo, when that was.
pub(super) fn sides(app: &App, decision: &Decision) -> Result<BTreeSet<String>, Failure> {
    let mut decision = decision.clone();
    // Each undo names an older decision, so this ends; a bound keeps it from false ones.
    for _ in 0..64 {
        if decision.choice() != DecisionChoice::Undo {
            break;
        }
        match undone(app, &decision)? {
            Some(older) => decision = older,
            None => break,
        }
    }
    Ok(decision.candidates.iter().flat_map(of_candidate).collect())
}

/// A candidate as a decision keeps it: of what an undo put back, as it was written first.
pub(super) fn kept(
    app: &App,
    docket: super::Docket,
    sibling: &Sibling,
) -> Result<Candidate, Failure> {
    let first = originals(app, sibling)?.into_iter().next();
    let write = &sibling.write;
    let mut words: Vec<String> = of(app, sibling)?.into_iter().collect();
    let author = first.as_ref().map_or(&write.author, |first| &first.author);
    if words.iter().eq([author]) {
        words.clear();
    }
    let own_register = sibling.register == docket.register;
    Ok(Candidate {
        incarnation: write.dot.incarnation.0,
        counter: write.dot.counter,
        author: author.clone(),
        time: first.as_ref().map_or(write.time.0, |first| first.time),
        reason: first
            .as_ref()
            .map_or(&write.reason, |first| &first.reason)
            .clone(),
        value: sibling.value.to_vec(),
        register: if own_register { 0 } else { sibling.register.0 },
        words,
        source: first.map_or_else(|| write.source.number(), |first| first.source),
    })
}

/// Who wrote a candidate, when and why. One that an undo has put back shows instead of the undo who
/// wrote it first, and beside that who put it back.
pub(crate) fn first_authorship(
    app: &App,
    sibling: &Sibling,
) -> Result<Map<String, Value>, Failure> {
    let mut map = authorship(sibling);
    let Some(first) = originals(app, sibling)?.into_iter().next() else {
        return Ok(map);
    };
    let at = time_text(HybridTime(first.time));
    map.insert("author".to_owned(), first.author.into());
    map.insert("at".to_owned(), at.into());
    map.insert("reason".to_owned(), first.reason.into());
    let source = source_name(replica::Source::from_number(first.source));
    map.insert("source".to_owned(), source.into());
    map.insert(
        "restored_by".to_owned(),
        sibling.write.author.as_str().into(),
    );
    map.insert(
        "restored_at".to_owned(),
        time_text(sibling.write.time).into(),
    );
    Ok(map)
}

/// When the value of a candidate was written first, by the clock of whoever wrote it.
pub(super) fn first_time(app: &App, sibling: &Sibling) -> Result<HybridTime, Failure> {
    let first = originals(app, sibling)?.into_iter().next();
    Ok(first.map_or(sibling.write.time, |first| HybridTime(first.time)))
}

/// The file and the line of its sheet, which an import writes as the reason.
pub(super) fn sheet_line(reason: &str) -> Option<(&str, u32)> {
    let (file, line) = reason.rsplit_once(':')?;
    Some((file, line.parse().ok()?))
}

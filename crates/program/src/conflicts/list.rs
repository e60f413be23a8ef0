//! The list of dockets: what is open, what was put off or sent back, what is decided and whether
//! everybody has it.

use std::collections::BTreeSet;

use domain::{Conflict, date};
use proto::ledger::Decision;
use replica::ScopeId;
use serde_json::{Map, Value};
use store::Stored;

use super::{
    Docket, State,
    acks::Acks,
    each_open, entry,
    files::{Files, Said},
    storm::{self, Storm},
};
use crate::{
    app::{App, Enrolled},
    failure::Failure,
    records::{Scopes, Sight, meaning, register_name, time_text},
};

/// Which dockets are listed.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only of this scope.
    pub scope: Option<ScopeId>,
    /// Only in this state, by its name; none for all that are not decided.
    pub state: Option<&'static str>,
    /// Only of this storm.
    pub storm: Option<String>,
    /// Whose acks are waited for.
    pub enrolled: Enrolled,
}

/// The dockets that a filter lets through, each with the storm that it belongs to, of those given.
///
/// # Errors
/// The store is damaged or cannot be read, or the writer has ended.
pub fn list(
    app: &App,
    filter: &Filter,
    storms: &[Storm],
) -> Result<Vec<Map<String, Value>>, Failure> {
    let files = Files::of(app, filter.scope)?;
    let scopes = Scopes::new(app);
    let today = app.today();
    let (mut all, mut still_open) = (Vec::new(), BTreeSet::new());
    each_open(app, &mut |stored, meaning| {
        let record = &stored.record;
        if filter.scope.is_some_and(|scope| scope != stored.home) {
            return Ok(());
        }
        for open in &meaning.conflicts {
            let docket = Docket {
                key: record.key,
                register: open.register,
            };
            still_open.insert(docket);
            let state = files.state(&docket, open, today);
            let storm = storm::of(storms, open).map(|storm| storm.id.as_str());
            let asked_state = filter.state.is_none_or(|asked| asked == state.id());
            let asked_storm = filter.storm.is_none() || filter.storm.as_deref() == storm;
            if asked_state && asked_storm {
                let mut entry = open_entry(app, &scopes, stored, open)?;
                mark(&mut entry, state);
                entry.insert("storm".to_owned(), storm.map_or(Value::Null, Value::from));
                all.push(entry);
            }
        }
        Ok(())
    })?;
    if filter.state == Some(State::Decided.id()) && filter.storm.is_none() {
        let acks = Acks::now(app, &filter.enrolled)?;
        for (docket, decisions) in &files.decisions {
            let newest = decisions.last().filter(|_| !still_open.contains(docket));
            if let Some(newest) = newest {
                all.extend(decided_entry(app, &scopes, &acks, docket, newest)?);
            }
        }
    }
    Ok(all)
}

/// Writes down where a docket stands.
pub(super) fn mark(entry: &mut Map<String, Value>, state: State) {
    entry.insert("state".to_owned(), state.id().into());
    if let State::Deferred(until) = state {
        entry.insert("until".to_owned(), date::text(until).into());
    }
}

/// What a list shows of an open docket.
pub(super) fn open_entry(
    app: &App,
    scopes: &Scopes<'_>,
    stored: &Stored,
    open: &Conflict,
) -> Result<Map<String, Value>, Failure> {
    let record = &stored.record;
    let mut entry = entry(app, &Sight::of(app, stored), record, open)?;
    let name = app.catalogue.kind_name(record.key.kind);
    entry.insert("kind".to_owned(), name.into());
    entry.insert("record".to_owned(), record.key.id.to_string().into());
    entry.insert("scope".to_owned(), scopes.code(stored.home)?.into());
    entry.insert("conflict".to_owned(), open.kind.id().into());
    Ok(entry)
}

/// A docket that was decided: how, by whom, and who does not hold it yet.
pub(super) fn decided_entry(
    app: &App,
    scopes: &Scopes<'_>,
    acks: &Acks,
    docket: &Docket,
    newest: &Said<Decision>,
) -> Result<Option<Map<String, Value>>, Failure> {
    let Some(stored) = app.reader().get(docket.key)? else {
        return Ok(None);
    };
    let kind = app.catalogue.kind(docket.key.kind);
    let record = &stored.record;
    // The decision and what it wrote are two places of one feed. Once both were acked, the record
    // may have gone on: then only a later ack says so again.
    let missing = acks.missing(scopes, stored.home, &[newest.place, stored.place])?;
    let name = app.catalogue.kind_name(docket.key.kind);
    let value = if docket.register.is_system() {
        meaning(app, record)?.deleted.into()
    } else {
        let reading =
            domain::effective::register(app.catalogue, record, docket.register, &|_, _| None);
        Sight::of(app, &stored).register(docket.register, &reading.value)
    };
    let mut entry = Map::new();
    entry.insert("id".to_owned(), docket.id(kind).into());
    entry.insert(
        "field".to_owned(),
        register_name(kind, docket.register).into(),
    );
    entry.insert("kind".to_owned(), name.into());
    entry.insert("record".to_owned(), docket.key.id.to_string().into());
    entry.insert("scope".to_owned(), scopes.code(stored.home)?.into());
    entry.insert("value".to_owned(), value);
    entry.insert("decision".to_owned(), newest.id.to_string().into());
    entry.extend(told(newest));
    entry.insert("confirmed".to_owned(), missing.is_empty().into());
    entry.insert("missing".to_owned(), missing.into());
    mark(&mut entry, State::Decided);
    Ok(Some(entry))
}

/// Who decided how, when and why.
pub(super) fn told(said: &Said<Decision>) -> Map<String, Value> {
    let decision = &said.what;
    let choice = decision.choice().as_str_name();
    let choice = choice.trim_start_matches("DECISION_CHOICE_").to_lowercase();
    let mut map = Map::new();
    map.insert("choice".to_owned(), choice.into());
    map.insert("taken".to_owned(), decision.taken.into());
    map.insert("reason".to_owned(), decision.reason().into());
    map.insert("author".to_owned(), decision.decided_by().into());
    map.insert("at".to_owned(), time_text(said.at).into());
    map.insert("preset".to_owned(), decision.preset.clone().into());
    map.insert("undoes".to_owned(), decision.undoes.clone().into());
    map
}

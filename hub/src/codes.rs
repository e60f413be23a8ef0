//! The credit codes of living organisations, kept in memory: who bears which, and which are borne
//! in two scopes.
//!
//! Built when first asked for. Later looks read only the records whose place in their feed has
//! changed, so no write and no look costs a pass over the ledger.

use std::collections::{BTreeMap, BTreeSet};

use domain::alias;
use program::{
    App, Failure,
    records::{kind_of, meaning},
};
use proto::ledger::{CensusStatus, Organisation};
use replica::{RecordId, RecordKey, ScopeId};
use store::Place;

/// What is known of one organisation.
#[derive(Debug)]
struct Row {
    place: Place,
    home: ScopeId,
    /// None when it claims nothing: deleted, merged, excluded, closed, without a code.
    code: Option<String>,
    merged_into: Option<RecordId>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Codes {
    rows: BTreeMap<RecordId, Row>,
    by_code: BTreeMap<String, BTreeSet<RecordId>>,
}

/// Two organisations of two scopes with one credit code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) code: String,
    /// Ascending.
    pub(crate) records: [RecordId; 2],
    /// Where they belong, in that order.
    pub(crate) scopes: [ScopeId; 2],
}

impl Codes {
    /// Reads what has changed.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub(crate) fn look(&mut self, app: &App) -> Result<(), Failure> {
        let kind = kind_of(app, "organisation")?.kind;
        let places = app.reader().places(kind);
        let here: BTreeSet<RecordId> = places.iter().map(|(key, _)| key.id).collect();
        let gone: Vec<_> = self
            .rows
            .keys()
            .filter(|id| !here.contains(id))
            .copied()
            .collect();
        for id in gone {
            self.set(id, None);
        }
        for (key, place) in places {
            if self.rows.get(&key.id).is_some_and(|row| row.place == place) {
                continue;
            }
            let row = read(app, key)?;
            self.set(key.id, row);
        }
        Ok(())
    }

    fn set(&mut self, id: RecordId, row: Option<Row>) {
        let former = self.rows.remove(&id).and_then(|row| row.code);
        if let Some(bearers) = former.as_ref().and_then(|code| self.by_code.get_mut(code)) {
            bearers.remove(&id);
        }
        let Some(row) = row else { return };
        if let Some(code) = &row.code {
            self.by_code.entry(code.clone()).or_default().insert(id);
        }
        self.rows.insert(id, row);
    }

    /// All pairs that claim one code, ascending by code.
    pub(crate) fn pairs(&self) -> Vec<Pair> {
        let mut pairs = Vec::new();
        for (code, bearers) in self.by_code.iter().filter(|(_, ids)| ids.len() > 1) {
            for one in bearers {
                for other in bearers.range(one..).filter(|other| *other != one) {
                    let homes = [one, other].map(|id| self.rows.get(id).map(|row| row.home));
                    let [Some(a), Some(b)] = homes else { continue };
                    if a != b {
                        pairs.push(Pair {
                            code: code.clone(),
                            records: [*one, *other],
                            scopes: [a, b],
                        });
                    }
                }
            }
        }
        pairs
    }

    /// Organisations that were merged in a circle, each circle once, ascending.
    pub(crate) fn circles(&self) -> BTreeSet<Vec<RecordId>> {
        let next = |id: &RecordId| self.rows.get(id)?.merged_into;
        let mut circles = BTreeSet::new();
        for start in self.rows.keys().filter(|id| next(id).is_some()) {
            let mut around = vec![*start];
            let mut at = next(start);
            while let Some(id) = at.filter(|id| !around.contains(id)) {
                around.push(id);
                at = next(&id);
            }
            if at == Some(*start) {
                around.sort_unstable();
                circles.insert(around);
            }
        }
        circles
    }
}

fn read(app: &App, key: RecordKey) -> Result<Option<Row>, Failure> {
    let Some(stored) = app.reader().get(key)? else {
        return Ok(None);
    };
    let meaning = meaning(app, &stored.record)?;
    let row: Organisation = domain::decode(&meaning.values).unwrap_or_default();
    let kind = app.catalogue.kind(key.kind);
    let merged_into = kind
        .and_then(|kind| alias::merged_into(kind, &meaning.values))
        .filter(|_| !meaning.deleted);
    let is_living = matches!(
        row.census_status(),
        CensusStatus::Counted
            | CensusStatus::Candidate
            | CensusStatus::Transferring
            | CensusStatus::Unspecified
    );
    let claims = is_living && !meaning.deleted && merged_into.is_none();
    Ok(Some(Row {
        place: stored.place,
        home: stored.home,
        code: row.uscc.filter(|code| claims && !code.is_empty()),
        merged_into,
    }))
}

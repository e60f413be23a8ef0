//! The credit codes of living organisations, kept in memory: who bears which, and which are borne
//! twice.
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

/// Two organisations with one credit code.
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

    /// All pairs that claim one code, ascending by code. Of several in one scope the lowest claims
    /// for it against other scopes, and against the next one of its own: when that pair is ruled
    /// the next comes up, so a sheet that repeats a code a thousand times makes one case and not a
    /// thousand.
    pub(crate) fn pairs(&self) -> Vec<Pair> {
        let mut pairs = Vec::new();
        for (code, bearers) in self.by_code.iter().filter(|(_, ids)| ids.len() > 1) {
            let mut of_scopes: BTreeMap<ScopeId, Vec<RecordId>> = BTreeMap::new();
            for id in bearers {
                if let Some(row) = self.rows.get(id) {
                    of_scopes.entry(row.home).or_default().push(*id);
                }
            }
            let mut claimants = Vec::new();
            for (scope, ids) in of_scopes {
                if let [first, second, ..] = ids[..] {
                    pairs.push(Pair {
                        code: code.clone(),
                        records: [first, second],
                        scopes: [scope; 2],
                    });
                }
                claimants.extend(ids.first().map(|first| (*first, scope)));
            }
            claimants.sort_unstable();
            while let Some((other, its)) = claimants.pop() {
                pairs.extend(claimants.iter().map(|(one, scope)| Pair {
                    code: code.clone(),
                    records: [*one, other],
                    scopes: [*scope, its],
                }));
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

#[cfg(test)]
mod tests {
    use replica::Seq;

    use super::*;

    fn bearing(rows: &[(u8, u8)]) -> Codes {
        let mut codes = Codes::default();
        for (id, home) in rows {
            let row = Row {
                place: Place {
                    scope: 1,
                    seq: Seq(1),
                },
                home: ScopeId([*home; 16]),
                code: Some("91410305DEM1FYRA54".to_owned()),
                merged_into: None,
            };
            codes.set(RecordId([*id; 16]), Some(row));
        }
        codes
    }

    fn found(codes: &Codes) -> Vec<[u8; 2]> {
        let ids = codes.pairs().into_iter().map(|pair| pair.records);
        ids.map(|[a, b]| [a.0[0], b.0[0]]).collect()
    }

    #[test]
    fn a_code_is_claimed_by_scopes_and_once_by_each() {
        assert_eq!(found(&bearing(&[(1, 1), (2, 2)])), [[1, 2]]);
        let three = bearing(&[(1, 1), (2, 2), (3, 3)]);
        assert_eq!(found(&three), [[1, 3], [2, 3], [1, 2]]);
    }

    /// Two nodes of one scope, both off line, entered one organisation, and nobody saw it.
    #[test]
    fn what_one_scope_has_twice_is_one_claim_at_a_time() {
        let mut codes = bearing(&[(1, 1), (2, 1), (3, 1)]);
        assert_eq!(found(&codes), [[1, 2]]);
        codes.set(RecordId([1; 16]), None);
        assert_eq!(found(&codes), [[2, 3]]);
        assert_eq!(codes.pairs()[0].scopes, [ScopeId([1; 16]); 2]);
        assert_eq!(
            found(&bearing(&[(2, 1), (1, 2), (3, 1)])),
            [[2, 3], [1, 2]],
            "beside what another scope claims"
        );
    }

    #[test]
    fn who_gives_a_code_up_claims_it_no_more() {
        let mut codes = bearing(&[(1, 1), (2, 2)]);
        codes.set(RecordId([1; 16]), None);
        assert!(codes.pairs().is_empty());
    }
}

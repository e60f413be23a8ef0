//! Two records of one organisation, in two scopes or in one, as the districts and the city see the
//! case.
//!
//! The hub opens it and rules it; it lies in the city's own scope and is lent to theirs. Until it is
//! ruled both records live, each district counts its own, and the city counts the code once.

use std::collections::BTreeSet;

use domain::{across, decode};
use prost::Message as _;
use proto::ledger::{DuplicateCase, Organisation, ResolutionMode};
use replica::{Edit, RecordId, RecordKey, ScopeId, Source};
use serde_json::{Map, Value, json};
use store::Stored;

use crate::{
    app::App,
    failure::{Exit, Failure},
    records::{Scopes, each_here, find, kind_of, made_edit, meaning},
    transfers::title,
};

const KIND: &str = "duplicate_case";

/// What a list of cases shows, and one case before its records: field, Chinese, English.
pub const COLUMNS: &[(&str, &str, &str)] = &[
    ("id", "编号", "id"),
    ("state", "状态", "state"),
    ("evidence", "依据", "evidence"),
    ("ruling", "裁定", "ruling"),
    ("ruled_on", "裁定日期", "ruled on"),
    ("reason", "理由", "reason"),
];

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its record.
    pub stored: Stored,
    /// What it says.
    pub row: DuplicateCase,
}

impl Case {
    /// One case.
    ///
    /// # Errors
    /// There is none.
    pub fn find(app: &App, id: RecordId) -> Result<Self, Failure> {
        let kind = kind_of(app, KIND)?.kind;
        let stored = find(app, RecordKey { kind, id })?;
        let row = decode(&meaning(app, &stored.record)?.values).unwrap_or_default();
        Ok(Self { stored, row })
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> RecordId {
        self.stored.record.key.id
    }

    /// The records, in the order in which a ruling counts them.
    ///
    /// # Errors
    /// The schema knows no organisations.
    pub fn records(&self, app: &App) -> Result<Vec<RecordKey>, Failure> {
        let kind = kind_of(app, "organisation")?.kind;
        let ids = self.row.records.iter();
        let ids = ids.filter_map(|bytes| RecordId::try_from(bytes.as_slice()).ok());
        Ok(ids.map(|id| RecordKey { kind, id }).collect())
    }

    /// Whether the city has ruled.
    #[must_use]
    pub fn is_ruled(&self) -> bool {
        self.row.ruling() != ResolutionMode::Unspecified
    }

    /// What an open case says of where its records lie now; they may have moved since it was opened.
    /// None where it is ruled, where not all of it is known here, or where no code is borne twice.
    fn present_evidence(&self, app: &App, scopes: &Scopes<'_>) -> Result<Option<String>, Failure> {
        let (mut homes, mut codes) = (Vec::new(), BTreeSet::new());
        for key in self.records(app)? {
            if let Some(stored) = app.reader().get(key)? {
                let values = meaning(app, &stored.record)?.values;
                let row: Organisation = decode(&values).unwrap_or_default();
                homes.push(stored.home);
                codes.insert(row.uscc);
            }
        }
        match (homes.as_slice(), codes.pop_first(), codes.is_empty()) {
            ([a, b], Some(Some(code)), true) if !self.is_ruled() => {
                evidence(&code, [*a, *b], scopes).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The case as scripts read it.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn json(&self, app: &App, scopes: &Scopes<'_>) -> Result<Map<String, Value>, Failure> {
        let records = records_json(app, scopes, &self.records(app)?)?;
        let kind = kind_of(app, KIND)?;
        let values = domain::value::to_json(kind, &meaning(app, &self.stored.record)?.values);
        let said = |field: &str| values.get(field).cloned().unwrap_or_default();
        let mut entry = Map::new();
        entry.insert("id".to_owned(), self.id().to_string().into());
        let state = if self.is_ruled() { "ruled" } else { "open" };
        entry.insert("state".to_owned(), state.into());
        let evidence = match self.present_evidence(app, scopes)? {
            Some(evidence) => evidence.into(),
            None => said("evidence"),
        };
        entry.insert("evidence".to_owned(), evidence);
        entry.insert("records".to_owned(), records);
        for field in ["ruling", "ruled_on", "reason", "survivor"] {
            entry.insert(field.to_owned(), said(field));
        }
        Ok(entry)
    }
}

/// What a case rests on: a code, and the scopes where two records bear it.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn evidence(code: &str, [a, b]: [ScopeId; 2], scopes: &Scopes<'_>) -> Result<String, Failure> {
    let (a, is_one) = (scopes.code(a)?, a == b);
    if is_one {
        return Ok(format!("统一社会信用代码 {code} 在 {a} 登记了两次"));
    }
    let b = scopes.code(b)?;
    Ok(format!("统一社会信用代码 {code} 在 {a} 和 {b} 同时登记"))
}

/// The id of the case of two records, ascending.
///
/// # Errors
/// The schema knows no cases.
pub fn case_key(app: &App, records: &[RecordId; 2]) -> Result<RecordKey, Failure> {
    let kind = kind_of(app, KIND)?;
    let row = DuplicateCase {
        records: records.iter().map(|id| id.0.to_vec()).collect(),
        ..DuplicateCase::default()
    };
    let id = domain::derive_id(kind, &row.encode_to_vec());
    let kind = kind.kind;
    id.map(|id| RecordKey { kind, id })
        .ok_or_else(|| Failure::new("RECORD-014", Exit::Invalid))
}

/// The edit that opens a case of two records.
///
/// # Errors
/// The schema knows no cases.
pub fn opening(
    app: &App,
    records: &[RecordId; 2],
    scopes: &[ScopeId; 2],
    evidence: &str,
) -> Result<Edit, Failure> {
    let scopes = BTreeSet::from(*scopes);
    let row = DuplicateCase {
        records: records.iter().map(|id| id.0.to_vec()).collect(),
        scopes: scopes.iter().map(|id| id.0.to_vec()).collect(),
        evidence: Some(evidence.to_owned()),
        ..DuplicateCase::default()
    };
    let place = (case_key(app, records)?.id, app.scope());
    made_edit(
        app,
        KIND,
        place,
        &row.encode_to_vec(),
        (evidence, Source::Command),
    )
}

/// The records of a case, counted from 1.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn records_json(app: &App, scopes: &Scopes<'_>, keys: &[RecordKey]) -> Result<Value, Failure> {
    let numbered = keys.iter().enumerate();
    let records = numbered.map(|(at, key)| record_json(app, scopes, (at + 1, *key)));
    records.collect()
}

/// One record of a case, as far as it is known here.
fn record_json(
    app: &App,
    scopes: &Scopes<'_>,
    (number, key): (usize, RecordKey),
) -> Result<Value, Failure> {
    let name = across::name(app.catalogue, key);
    let Some(stored) = app.reader().get(key)? else {
        return Ok(json!({ "number": number, "record": name, "scope": null, "name": null }));
    };
    let values = meaning(app, &stored.record)?.values;
    let kind = app.catalogue.kind(key.kind);
    Ok(json!({
        "number": number,
        "record": name,
        "scope": scopes.code(stored.home)?,
        "name": kind.and_then(|kind| title(kind, &values)),
    }))
}

/// What a case says that waits again: nothing of a ruling.
#[must_use]
pub fn unruled() -> Value {
    json!({ "ruling": null, "ruled_on": null, "reason": null, "survivor": null })
}

/// Every case that is seen here, ascending by id.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn all(app: &App) -> Result<Vec<Case>, Failure> {
    let mut all = Vec::new();
    each_here(app, kind_of(app, KIND)?.kind, &mut |stored, meaning| {
        let row = decode(&meaning.values).unwrap_or_default();
        all.push(Case {
            stored: stored.clone(),
            row,
        });
        Ok(std::ops::ControlFlow::Continue(()))
    })?;
    Ok(all)
}

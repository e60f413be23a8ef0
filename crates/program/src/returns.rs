//! Quarterly returns: a district signs the figures of a quarter, and the city accepts them only when
//! it counts the same (domain 7.11).
//!
//! Both sides count from what the district's node holds, its own records, what it was lent and what
//! the city has published, so that equal records give equal figures. The hash of the figures is what
//! is signed. With the acceptance the figures are frozen as snapshots; later corrections of the ledger
//! show as differences from them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use domain::{
    Date, Subject, date,
    indicator::{DEFINITIONS, EDITION, Figure, Indicators},
    label::Language,
    state::effects::Effect,
};
use proto::ledger::{IndicatorSnapshot, QuarterlyReturn, ReturnStatus};
use replica::{RecordId, RecordKey, ScopeId};
use serde_json::{Map, Value, json};

use crate::{
    app::App,
    failure::{Exit, Failure},
    records::{Scopes, each, meaning},
    report,
};

/// The figures of a quarter as a district signs them.
#[derive(Clone, Debug)]
pub struct Figures {
    /// The quarter, `2020Q3`.
    pub period: String,
    /// Its last day.
    pub as_of: Date,
    /// What is signed.
    pub indicators: Indicators,
    /// Their hash: 64 hex digits.
    pub hash: String,
}

/// Counts the figures of a scope's quarter from what its node holds.
///
/// # Errors
/// The quarter cannot be read, or the store is damaged or cannot be read.
pub fn figures(app: &App, scope: ScopeId, period: &str) -> Result<Figures, Failure> {
    let (year, quarter) = quarter(period)?;
    let unread = || unreadable(period);
    let as_of = date::quarter_end(year, quarter).ok_or_else(unread)?;
    let of_year = u32::try_from(year).map_err(|_e| unread())?;
    let all = report::of_node(app, scope, (as_of, of_year))?;
    let signed = DEFINITIONS.iter().filter(|one| one.is_districts());
    let signed = signed.filter_map(|one| Some((one.name, all.get(one.name)?)));
    let indicators = Indicators(signed.collect());
    let hash = hash(scope, period, &indicators);
    Ok(Figures {
        period: period.to_owned(),
        as_of,
        indicators,
        hash,
    })
}

fn quarter(period: &str) -> Result<(i32, u8), Failure> {
    date::read_quarter(period).ok_or_else(|| unreadable(period))
}

fn unreadable(period: &str) -> Failure {
    Failure::new("RETURN-001", Exit::Invalid).with("period", period)
}

fn hash(scope: ScopeId, period: &str, indicators: &Indicators) -> String {
    let mut text = format!(
        "liangxin return v1\n{EDITION}\n{}\n{period}\n",
        RecordId(scope.0)
    );
    for (name, figure) in &indicators.0 {
        // Writing to a text cannot fail.
        writeln!(text, "{name} {} {}", figure.num(), figure.den()).unwrap_or_default();
    }
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

/// The record of a scope's quarter.
#[must_use]
pub fn key_of(app: &App, scope: ScopeId, period: &str) -> Option<RecordKey> {
    let kind = app.catalogue.kind_by_id("quarterly_return")?;
    let row = QuarterlyReturn {
        scope: Some(scope.0.to_vec()),
        period: Some(period.to_owned()),
        ..QuarterlyReturn::default()
    };
    let id = domain::derive_id(kind, &prost::Message::encode_to_vec(&row))?;
    Some(RecordKey {
        kind: kind.kind,
        id,
    })
}

/// The state that the values of a return say.
#[must_use]
pub fn status(values: &[u8]) -> ReturnStatus {
    let row = domain::decode::<QuarterlyReturn>(values);
    row.map_or(ReturnStatus::Unspecified, |row| row.status())
}

/// Judges a save of a return: nobody signs a quarter before its last day has passed, nor other figures
/// than are counted here, and the city accepts none that it counts otherwise.
///
/// # Errors
/// The quarter has not ended, the figures are not those that are counted here, or the store cannot be read.
pub(crate) fn judge(app: &App, subject: &Subject<'_>) -> Result<(), Failure> {
    let Some((before, after)) = both(subject) else {
        return Ok(());
    };
    let code = match after.status() {
        ReturnStatus::Submitted => "RETURN-002",
        ReturnStatus::Accepted => "RETURN-003",
        _ => return Ok(()),
    };
    if after.status() == before.status() && after.figures_hash == before.figures_hash {
        return Ok(());
    }
    let here = figures(app, subject.scope, after.period())?;
    has_ended(app, after.period(), here.as_of)?;
    if here.hash == after.figures_hash() {
        return Ok(());
    }
    Err(Failure::new(code, Exit::Refused)
        .with("period", after.period())
        .with("theirs", short(after.figures_hash()))
        .with("ours", short(&here.hash)))
}

/// Refuses figures of a quarter whose last day has not passed: they are not yet those of the quarter.
///
/// # Errors
/// It has not.
pub(crate) fn has_ended(app: &App, period: &str, last: Date) -> Result<(), Failure> {
    if last < app.today() {
        return Ok(());
    }
    Err(Failure::new("RETURN-005", Exit::Refused)
        .with("period", period)
        .with("last", date::text(last))
        .with("today", date::text(app.today())))
}

fn short(hash: &str) -> String {
    hash.chars().take(12).collect()
}

/// The return before and after an edit.
fn both(subject: &Subject<'_>) -> Option<(QuarterlyReturn, QuarterlyReturn)> {
    if subject.kind.id != "quarterly_return" {
        return None;
    }
    let read = |values| domain::decode::<QuarterlyReturn>(values).ok();
    let before = subject.before.and_then(read).unwrap_or_default();
    Some((before, read(subject.after)?))
}

/// What follows from the acceptance of a return: its figures, frozen.
///
/// # Errors
/// The store is damaged or cannot be read.
pub(crate) fn follow(app: &App, subject: &Subject<'_>) -> Result<Vec<Effect>, Failure> {
    let accepted = both(subject).filter(|(before, after)| {
        after.status() == ReturnStatus::Accepted && before.status() != ReturnStatus::Accepted
    });
    let Some((_, row)) = accepted else {
        return Ok(Vec::new());
    };
    let figures = figures(app, subject.scope, row.period())?;
    let code = Scopes::new(app).code(subject.scope)?;
    Ok(snapshots(&code, &figures.period, &figures.indicators))
}

/// The snapshots of figures. An amount of which more was reversed than had come in is not among them: a
/// snapshot holds no number below zero.
pub(crate) fn snapshots(scope: &str, period: &str, indicators: &Indicators) -> Vec<Effect> {
    let counted = indicators.0.iter().filter(|(_, figure)| figure.num() >= 0);
    let one = |(name, figure): &(&'static str, Figure)| {
        let (num, amount) = match figure {
            Figure::Money(fen) => (0, Some(fen.to_string())),
            _ => (figure.num(), None),
        };
        let mut set = vec![
            ("scope", scope.to_owned()),
            ("period", period.to_owned()),
            ("indicator", (*name).to_owned()),
            ("num", num.to_string()),
            ("den", figure.den().to_string()),
            ("definition", EDITION.to_owned()),
        ];
        set.extend(amount.map(|amount| ("amount_fen", amount)));
        Effect {
            kind: "indicator_snapshot",
            id: None,
            set,
            is_needed: true,
        }
    };
    counted.map(one).collect()
}

/// What is signed with a submission: the hash of the figures as they are counted here.
///
/// # Errors
/// The quarter or the store cannot be read.
pub(crate) fn signature(app: &App, scope: ScopeId, values: &[u8]) -> Result<String, Failure> {
    let row: QuarterlyReturn = domain::decode(values).unwrap_or_default();
    Ok(figures(app, scope, row.period())?.hash)
}

/// Figures as they were frozen.
#[derive(Clone, Debug, Default)]
pub struct Frozen {
    /// By name: numerator and denominator; an amount in fen.
    figures: BTreeMap<String, (i64, u64)>,
    /// Those that another edition of the definitions counted: nothing of today is compared with them.
    others: BTreeMap<String, String>,
}

impl Frozen {
    /// A figure that was counted as it is today.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<(i64, u64)> {
        self.figures.get(name).copied()
    }

    fn is_empty(&self) -> bool {
        self.figures.is_empty() && self.others.is_empty()
    }
}

/// The frozen figures of a scope's quarter; empty before they are accepted.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn frozen(app: &App, scope: ScopeId, period: &str) -> Result<Frozen, Failure> {
    let mut frozen = Frozen::default();
    let Some(kind) = app.catalogue.kind_by_id("indicator_snapshot") else {
        return Ok(frozen);
    };
    // Their ids come from their keys, so each is looked up and nothing is searched.
    for definition in DEFINITIONS {
        let mut row = IndicatorSnapshot {
            scope: Some(scope.0.to_vec()),
            period: Some(period.to_owned()),
            indicator: Some(definition.name.to_owned()),
            ..IndicatorSnapshot::default()
        };
        let Some(id) = domain::derive_id(kind, &prost::Message::encode_to_vec(&row)) else {
            continue;
        };
        let stored = app.reader().get(RecordKey {
            kind: kind.kind,
            id,
        })?;
        if let Some(stored) = stored.filter(|stored| !stored.record.is_empty()) {
            row = domain::decode(&meaning(app, &stored.record)?.values).unwrap_or_default();
            let fen = row.amount_fen.and_then(|fen| i64::try_from(fen).ok());
            let num = fen.unwrap_or_else(|| row.num().into());
            let name = definition.name.to_owned();
            if row.definition() == EDITION {
                frozen.figures.insert(name, (num, row.den().into()));
            } else {
                frozen.others.insert(name, row.definition().to_owned());
            }
        }
    }
    Ok(frozen)
}

/// A figure that was corrected after it was frozen.
#[derive(Clone, Debug)]
pub struct Correction {
    /// The indicator.
    pub name: &'static str,
    /// As it was accepted.
    pub was: (i64, u64),
    /// As the ledger gives it now for the same day.
    pub is: Figure,
}

/// What the ledger gives otherwise now than was accepted.
#[must_use]
pub fn corrections(frozen: &Frozen, now: &Indicators) -> Vec<Correction> {
    let differing = now.0.iter().filter_map(|(name, figure)| {
        let was = frozen.get(name)?;
        (was != (figure.num(), figure.den())).then_some(Correction {
            name,
            was,
            is: *figure,
        })
    });
    differing.collect()
}

/// The document of one return: state, hash here and there, figures, corrections.
///
/// # Errors
/// The quarter cannot be read, or the store is damaged or cannot be read.
pub fn document(
    app: &App,
    scope: ScopeId,
    period: &str,
    language: Language,
) -> Result<Map<String, Value>, Failure> {
    let here = figures(app, scope, period)?;
    let key = key_of(app, scope, period);
    let stored = key.map(|key| app.reader().get(key)).transpose()?.flatten();
    let row: QuarterlyReturn = match &stored {
        Some(stored) => domain::decode(&meaning(app, &stored.record)?.values).unwrap_or_default(),
        None => QuarterlyReturn::default(),
    };
    let frozen = frozen(app, scope, period)?;
    let corrections = corrections(&frozen, &here.indicators);
    let correction = |one: &Correction| {
        let label = domain::indicator::Definition::of(one.name);
        let label = label.map_or(one.name, |one| one.label(language));
        json!({
            "indicator": one.name,
            "label": label,
            "was": { "num": one.was.0, "den": one.was.1 },
            "is": one.is.json(),
        })
    };
    let status = app
        .catalogue
        .kind_by_id("quarterly_return")
        .and_then(|kind| {
            kind.field("status")?
                .enumeration()?
                .value(row.status.unwrap_or_default())
        })
        .map(|value| value.id.clone());
    let mut document = Map::new();
    let mut put = |name: &str, value: Value| document.insert(name.to_owned(), value);
    put("id", json!(key.map(|key| key.id.to_string())));
    put("scope", Scopes::new(app).code(scope)?.into());
    put("period", period.into());
    put("as_of", date::text(here.as_of).into());
    put("status", json!(status));
    put("submitted_on", json!(row.submitted_on));
    put("signed", json!(row.figures_hash));
    put("counted", here.hash.clone().into());
    put(
        "equal",
        json!(row.figures_hash.as_ref().map(|hash| *hash == here.hash)),
    );
    put("definition", EDITION.into());
    put("figures", Value::Object(here.indicators.json()));
    put("frozen", json!(!frozen.is_empty()));
    let editions: BTreeSet<&String> = frozen.others.values().collect();
    put("frozen_by", json!(editions));
    put("corrections", corrections.iter().map(correction).collect());
    Ok(document)
}

/// One line a scope and quarter that is due in the year, with its state.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn list(
    app: &App,
    year: u32,
    only: Option<ScopeId>,
) -> Result<Vec<Map<String, Value>>, Failure> {
    let Some(kind) = app.catalogue.kind_by_id("quarterly_return") else {
        return Ok(Vec::new());
    };
    let mut rows = Vec::new();
    let scopes = Scopes::new(app);
    each(app, kind.kind, only, None, &mut |stored, meaning| {
        let row: QuarterlyReturn = domain::decode(&meaning.values).unwrap_or_default();
        let of_year =
            date::read_quarter(row.period()).is_some_and(|(of, _)| u32::try_from(of) == Ok(year));
        if of_year {
            let mut line = domain::value::to_json(kind, &meaning.values);
            line.insert("id".to_owned(), stored.record.key.id.to_string().into());
            line.insert("scope".to_owned(), scopes.code(stored.home)?.into());
            rows.push(line);
        }
        Ok(std::ops::ControlFlow::Continue(()))
    })?;
    rows.sort_by_key(|row| {
        let text = |name: &str| {
            row.get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        (text("period"), text("scope"))
    });
    Ok(rows)
}

//! What open conflicts can still do to figures: what each candidate would change, and how far all of
//! them together leave a figure open.
//!
//! A range is the sum of what each record can still become, counted in the record's own scope; the
//! city's is the sum of its scopes'. Candidates that change no counted row, as of a
//! remark, are passed over at once.

use std::collections::BTreeMap;

use domain::{
    Conflict, Effective,
    effective::effective_with,
    indicator::{Book, Definition, Figure, Indicators, percent, ten_thousand_yuan},
    label::Language,
};
use replica::{Record, RegisterId, ScopeId, Sibling};
use serde_json::{Value, json};
use store::Stored;

use super::Sheet;
use crate::{
    app::App,
    conflicts,
    failure::Failure,
    records::{Past, Scopes},
};

/// Ways to decide all conflicts of one record that are tried out: six of two values.
const WAYS_MAX: usize = 64;
/// Records that are tried out in one report; a storm of more must not keep people from their
/// figures. Those beyond it count with their provisional value.
const TRIED_MAX: usize = 1_000;

/// What a candidate would change in one figure.
#[derive(Clone, Debug)]
pub(crate) struct Effect {
    /// The code of the scope; `city` for the city.
    column: String,
    /// Its name.
    name: String,
    indicator: &'static str,
    from: Figure,
    to: Figure,
}

impl Effect {
    /// As a document for scripts, with the sentence for people.
    pub(crate) fn json(&self, language: Language) -> Value {
        json!({
            "scope": self.column,
            "indicator": self.indicator,
            "from": self.from.json(),
            "to": self.to.json(),
            "text": self.text(language),
        })
    }

    /// `全市组织覆盖率 5/11 → 6/11`.
    fn text(&self, language: Language) -> String {
        let label = Definition::of(self.indicator);
        let label = label.map_or(self.indicator, |one| one.label(language));
        let figure = |figure: Figure| match figure {
            Figure::Rate { num, den } => match percent(num, den) {
                Some(_) => format!("{num}/{den}"),
                None => "—".to_owned(),
            },
            Figure::Met { num, den } => format!("{num}/{den}"),
            Figure::Count(number) => number.to_string(),
            Figure::Money(fen) => ten_thousand_yuan(fen),
        };
        let place = match self.column.as_str() {
            "city" => language.pick("全市", "City: "),
            _ => &self.name,
        };
        let mark = match language {
            Language::En if self.column != "city" => ": ",
            _ => "",
        };
        format!(
            "{place}{mark}{label} {} → {}",
            figure(self.from),
            figure(self.to)
        )
    }
}

/// Returns what each candidate of an open conflict would change in today's figures, in the order of
/// the candidates.
///
/// # Errors
/// The store is damaged or cannot be read.
pub(crate) fn effects(
    app: &App,
    stored: &Stored,
    meaning: &Effective,
    open: &Conflict,
) -> Result<Vec<Vec<Effect>>, Failure> {
    let record = &stored.record;
    let tried = tried(app, record, &Past::of(app, record.key)?, open);
    let today = app.today();
    let year = u32::try_from(today.year()).unwrap_or_default();
    app.board.ask(app, (today, year), |sheet| {
        let mut all = vec![Vec::new(); open.candidates.len()];
        let stored = &sheet.places.counted(stored);
        if !matters(app, &sheet.book, stored, &tried) {
            return Ok(all);
        }
        let code = Scopes::new(app).code(stored.home)?;
        let name = sheet.places.names.get(&stored.home).cloned();
        let name = name.as_deref().unwrap_or(&code);
        let figures = |book: &mut Book| {
            let own = book.scope(stored.home);
            let whole = app.is_hub().then(|| book.city());
            (whole, own)
        };
        let book = &mut sheet.book;
        let before = figures(book);
        for (values, effects) in tried.iter().zip(&mut all) {
            put(app, book, stored, values.as_deref());
            let after = figures(book);
            if let Some((before, after)) = before.0.as_ref().zip(after.0.as_ref()) {
                effects.extend(changes(("city", ""), before, after));
            }
            effects.extend(changes((&code, name), &before.1, &after.1));
        }
        put(app, book, stored, Some(&meaning.values));
        Ok(all)
    })
}

fn changes((code, name): (&str, &str), before: &Indicators, after: &Indicators) -> Vec<Effect> {
    let changed = before.0.iter().filter_map(|(indicator, from)| {
        let to = after.get(indicator)?;
        (to != *from).then(|| Effect {
            column: code.to_owned(),
            name: name.to_owned(),
            indicator,
            from: *from,
            to,
        })
    });
    changed.collect()
}

/// The record's values with each candidate alone in its register; none where it would be deleted.
fn tried(app: &App, record: &Record, past: &Past, open: &Conflict) -> Vec<Option<Vec<u8>>> {
    let with = |candidate: &Sibling| with(app, record, past, &[(open, candidate)]);
    open.candidates.iter().map(with).collect()
}

/// The record's values with these candidates alone in their registers; none where it would be
/// deleted.
fn with(
    app: &App,
    record: &Record,
    past: &Past,
    picks: &[(&Conflict, &Sibling)],
) -> Option<Vec<u8>> {
    let mut record = record.clone();
    for (open, candidate) in picks {
        if open.register == RegisterId::DELETED {
            if candidate.register == RegisterId::DELETED && !candidate.value.is_empty() {
                return None;
            }
            record
                .siblings
                .retain(|sibling| sibling.register != RegisterId::DELETED);
        } else {
            record.siblings.retain(|sibling| {
                sibling.register != open.register || sibling.dot() == candidate.dot()
            });
        }
    }
    let history = |register, dot| past.value(register, dot);
    Some(effective_with(app.catalogue, &record, &history).values)
}

/// The record's values in every way in which its open conflicts can be decided; where there are too
/// many, each conflict by itself.
fn outcomes(
    app: &App,
    record: &Record,
    open: &[Conflict],
) -> Result<Vec<Option<Vec<u8>>>, Failure> {
    let past = Past::of(app, record.key)?;
    let counts = open.iter().map(|open| open.candidates.len());
    let ways = counts.fold(1_usize, usize::saturating_mul);
    if ways > WAYS_MAX {
        let each = open.iter().flat_map(|open| tried(app, record, &past, open));
        return Ok(each.collect());
    }
    let mut picks: Vec<Vec<(&Conflict, &Sibling)>> = vec![Vec::new()];
    for open in open {
        let longer = picks.iter().flat_map(|picked| {
            open.candidates.iter().map(move |candidate| {
                let mut picked = picked.clone();
                picked.push((open, candidate));
                picked
            })
        });
        picks = longer.collect();
    }
    Ok(picks
        .iter()
        .map(|picks| with(app, record, &past, picks))
        .collect())
}

/// Whether any of these values makes another row than what the book holds.
fn matters(app: &App, book: &Book, stored: &Stored, tried: &[Option<Vec<u8>>]) -> bool {
    let (key, scope) = (stored.record.key, stored.home);
    tried
        .iter()
        .any(|values| !book.holds(app.catalogue, key, scope, values.as_deref()))
}

/// Puts other values of a record into a book, to see what they would change.
fn put(app: &App, book: &mut Book, stored: &Stored, values: Option<&[u8]>) {
    let (key, scope) = (stored.record.key, stored.home);
    // What cannot be read is left out of the figures, as everywhere.
    book.put(app.catalogue, key, scope, values)
        .unwrap_or_default();
}

/// What sort of figure is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moved {
    /// A number or a share.
    Number,
    /// Whether a scope reaches a quota.
    Quota,
}

/// By how much two numbers of a figure can move, down and up: the upper one and the lower one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Shift {
    num: (i64, i64),
    den: (i64, i64),
}

impl Shift {
    /// Widened by one outcome.
    fn with(&mut self, from: Figure, to: Figure) {
        let wider = |(low, high): (i64, i64), by: i64| (low.min(by), high.max(by));
        self.num = wider(self.num, to.num().saturating_sub(from.num()));
        self.den = wider(self.den, den(to).saturating_sub(den(from)));
    }

    fn plus(self, other: Self) -> Self {
        let sum = |one: (i64, i64), two: (i64, i64)| (one.0 + two.0, one.1 + two.1);
        Self {
            num: sum(self.num, other.num),
            den: sum(self.den, other.den),
        }
    }
}

fn den(figure: Figure) -> i64 {
    i64::try_from(figure.den()).unwrap_or(i64::MAX)
}

/// Between which numbers a figure can lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The number, or the upper part of a share: from, to.
    pub num: (i64, i64),
    /// The lower part of a share, where that can move.
    pub den: Option<(i64, i64)>,
}

/// How far the open conflicts of each scope can move its figures.
#[derive(Debug, Default)]
pub(super) struct Ranges(BTreeMap<(ScopeId, &'static str), Shift>);

impl Ranges {
    /// Tries out every open conflict. The book is left as it was.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub(super) fn of(app: &App, sheet: &mut Sheet) -> Result<Self, Failure> {
        let mut ranges = Self::default();
        let mut left = TRIED_MAX;
        conflicts::each_open(app, &mut |stored, meaning| {
            // What moved since counts as it was left, however it is decided now.
            if left == 0 || sheet.stays.of(stored).is_some() {
                return Ok(());
            }
            let outcomes = outcomes(app, &stored.record, &meaning.conflicts)?;
            let stored = &sheet.places.counted(stored);
            if matters(app, &sheet.book, stored, &outcomes) {
                left -= 1;
                ranges.add(app, &mut sheet.book, (stored, meaning, &outcomes));
            }
            Ok(())
        })?;
        Ok(ranges)
    }

    fn add(
        &mut self,
        app: &App,
        book: &mut Book,
        (stored, meaning, tried): (&Stored, &Effective, &[Option<Vec<u8>>]),
    ) {
        let scope = stored.home;
        let now = book.scope(scope);
        let mut moved: BTreeMap<&'static str, Shift> = BTreeMap::new();
        for values in tried {
            put(app, book, stored, values.as_deref());
            let then = book.scope(scope);
            for (name, figure) in &now.0 {
                let shift = moved.entry(name).or_default();
                shift.with(*figure, then.get(name).unwrap_or(*figure));
            }
        }
        put(app, book, stored, Some(&meaning.values));
        for (name, shift) in moved {
            let of = self.0.entry((scope, name)).or_default();
            *of = of.plus(shift);
        }
    }

    /// The range around each figure that can move, of the scopes that it is made of.
    pub(super) fn around(
        &self,
        figures: &Indicators,
        scopes: impl Fn(Moved) -> Vec<ScopeId>,
    ) -> BTreeMap<&'static str, Range> {
        let mut ranges = BTreeMap::new();
        for (name, figure) in &figures.0 {
            let moved = match figure {
                Figure::Met { .. } => Moved::Quota,
                Figure::Rate { .. } | Figure::Count(_) | Figure::Money(_) => Moved::Number,
            };
            let of = |scope: ScopeId| self.0.get(&(scope, *name)).copied().unwrap_or_default();
            let each = scopes(moved).into_iter().map(of);
            let shift = each.fold(Shift::default(), Shift::plus);
            if shift != Shift::default() {
                let around = |at: i64, (down, up)| (at.saturating_add(down), at.saturating_add(up));
                let den = (shift.den != (0, 0)).then(|| around(den(*figure), shift.den));
                let num = around(figure.num(), shift.num);
                ranges.insert(*name, Range { num, den });
            }
        }
        ranges
    }
}

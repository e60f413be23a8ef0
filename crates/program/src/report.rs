//! Figures: the indicators of every scope that is known here, and of the city.
//!
//! They are counted from the records as they stand, by differences ([`Board`]); while conflicts are open, with provisional
//! values, and the report says how many conflicts could still move them.

mod behind;
mod board;
mod range;
mod split;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, ops::ControlFlow, time::Duration};

use domain::{
    Date, Parameters, date,
    indicator::{
        DEFINITIONS, Definition, EDITION, Figure, Indicators, Standing, Unit, percent,
        ten_thousand_yuan,
    },
    label::Language,
};
use link::Stop;
use proto::ledger::ScopeKind;
use replica::ScopeId;
use serde_json::{Map, Value, json};
use store::Stored;

use crate::{
    app::App,
    conflicts,
    failure::{Exit, Failure},
    output::Out,
    records::{Scopes, each, scope_of, scope_record},
};

pub use behind::{Traced, trace};
pub use board::Board;
pub(crate) use board::Sheet;

pub(crate) use range::{Effect, effects};
use range::{Moved, Range, Ranges};

/// How often a serving program looks whether another day has begun.
const DAY_LOOK: Duration = Duration::from_secs(60);

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// One scope; none for all.
    pub scope: Option<String>,
    /// The day; none for today, or for the last day of a year that has ended.
    pub as_of: Option<String>,
    /// The programme year; none for that of the day.
    pub year: Option<u32>,
    /// By what the figures of organisations are split as well.
    pub by: Option<By>,
}

/// By what figures of organisations can be split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum By {
    /// The class: enterprises, social organisations.
    Class,
    /// The kind.
    Kind,
    /// The form by which they are covered.
    Form,
    /// The staff: fewer than 50, 50 to 99, 100 and more.
    Staff,
    /// The park, block or building.
    Cluster,
    /// The industry.
    Industry,
    /// The town.
    Town,
}

/// The indicators of one scope or of the city.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its code; `city` for the city.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The figures.
    pub indicators: Indicators,
    /// Whether it must reach the quotas and hand in returns.
    pub is_expected: bool,
    /// Open conflicts that could still move them.
    pub open_conflicts: usize,
    /// How far the open conflicts leave each of them: lowest and highest, where they differ.
    pub ranges: BTreeMap<&'static str, Range>,
    /// The parts that were asked for, each with its name.
    pub parts: Vec<(String, Indicators)>,
}

/// A report of indicators.
#[derive(Clone, Debug)]
pub struct Report {
    /// The day.
    pub as_of: Date,
    /// The programme year.
    pub year: u32,
    /// The scopes, ascending by code.
    pub scopes: Vec<Column>,
    /// The city, at the hub.
    pub city: Option<Column>,
    /// The headline figures by name, in the order of the plan.
    pub headlines: Vec<&'static str>,
}

/// Counts the indicators.
///
/// # Errors
/// The date or the scope cannot be read, or the store is damaged or cannot be read.
pub fn indicators(app: &App, request: &Request) -> Result<Report, Failure> {
    let (as_of, year) = period_of(app, request)?;
    let asked = request
        .scope
        .as_deref()
        .map(|scope| scope_of(app, scope))
        .transpose()?;
    app.board.ask(app, (as_of, year), |sheet| {
        let open = conflicts::by_scope(app)?;
        let ranges = Ranges::of(app, sheet)?;
        let codes = Scopes::new(app);
        let mut scopes = Vec::new();
        for scope in shown(app, asked, &sheet.places) {
            let indicators = sheet.scope(scope);
            scopes.push(Column {
                code: codes.code(scope)?,
                name: sheet.places.names.get(&scope).cloned().unwrap_or_default(),
                ranges: ranges.around(&indicators, |_| vec![scope]),
                parts: split::parts(app, sheet, Some(scope), request.by)?,
                is_expected: sheet.places.expected.contains(&scope),
                indicators,
                open_conflicts: open.get(&scope).copied().unwrap_or_default(),
            });
        }
        scopes.sort_by(|a, b| a.code.cmp(&b.code));
        let is_shown = app.is_hub() && asked.is_none_or(|scope| scope == app.published());
        let city = is_shown.then(|| -> Result<Column, Failure> {
            let indicators = sheet.book.city();
            Ok(Column {
                code: "city".to_owned(),
                name: app.identity.scope.name.clone(),
                ranges: ranges.around(&indicators, |moved| sheet.places.counting(moved).clone()),
                parts: split::parts(app, sheet, None, request.by)?,
                is_expected: true,
                indicators,
                open_conflicts: open.values().sum(),
            })
        });
        let city = city.transpose()?;
        let headlines = Definition::headlines(&sheet.book.period().parameters);
        Ok(Report {
            headlines: headlines.map(|one| one.name).collect(),
            as_of,
            year,
            scopes,
            city,
        })
    })
}

/// Keeps the figures of today ready until the stop signal: when the program or the day begins, they are
/// counted from nothing once, which takes seconds on a large store, and nobody waits for it.
pub(crate) async fn keep_ready(app: App, mut stop: Stop) {
    let mut ready = None;
    loop {
        let today = app.today();
        if ready.replace(today) != Some(today) {
            let asked = app.clone();
            let day = period_of(&app, &Request::default());
            let count = move || of_city(&asked, day?).map(drop);
            let counted = tokio::select! {
                () = stop.wait() => break,
                counted = tokio::task::spawn_blocking(count) => counted,
            };
            match counted {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(code = %error.code, %error, "figures not counted"),
                Err(error) => tracing::warn!(%error, "counting the figures ended badly"),
            }
        }
        tokio::select! {
            () = stop.wait() => break,
            () = tokio::time::sleep(DAY_LOOK) => {}
        }
    }
}

/// The figures of a scope from what its node holds: the same at the node and at the hub.
///
/// # Errors
/// The store is damaged or cannot be read.
pub(crate) fn of_node(app: &App, scope: ScopeId, day: (Date, u32)) -> Result<Indicators, Failure> {
    app.board
        .ask_for(app, day, Some(scope), |sheet| Ok(sheet.scope(scope)))
}

/// The figures of the city.
///
/// # Errors
/// The store is damaged or cannot be read.
pub(crate) fn of_city(app: &App, day: (Date, u32)) -> Result<Indicators, Failure> {
    app.board.ask(app, day, |sheet| Ok(sheet.book.city()))
}

/// Every organisation on the ledger of a day, with what the definitions say of it.
///
/// # Errors
/// The store is damaged or cannot be read.
pub(crate) fn standings(app: &App, (as_of, year): (Date, u32)) -> Result<Vec<Standing>, Failure> {
    app.board.ask(app, (as_of, year), |sheet| {
        Ok(sheet.book.standings().collect())
    })
}

/// The scopes that a question is about.
fn shown(app: &App, asked: Option<ScopeId>, places: &Places) -> Vec<ScopeId> {
    match asked {
        // The city is no scope of its own: its figures are those of all.
        Some(scope) if app.is_hub() && scope == app.published() => Vec::new(),
        Some(scope) => vec![scope],
        None if app.is_hub() => places.pooled.clone(),
        None => vec![app.scope()],
    }
}

/// The day and the year: a past year without a day ends on its last day.
pub(crate) fn period_of(app: &App, request: &Request) -> Result<(Date, u32), Failure> {
    let today = app.today();
    let given = request.as_of.as_ref().map(|text| {
        let wrong = || Failure::new("REPORT-001", Exit::Invalid).with("date", text);
        date::read(text).ok_or_else(wrong)
    });
    let as_of = match (given.transpose()?, request.year) {
        (Some(day), _) => day,
        (None, Some(year)) => {
            let end = i32::try_from(year)
                .ok()
                .and_then(|year| date::day(year, 12, 31));
            let end =
                end.ok_or_else(|| Failure::new("REPORT-002", Exit::Invalid).with("year", year))?;
            end.min(today)
        }
        (None, None) => today,
    };
    let of_day = u32::try_from(as_of.year()).unwrap_or_default();
    Ok((as_of, request.year.unwrap_or(of_day)))
}

fn parameters(app: &App, year: u32, day: Date) -> Result<Parameters, Failure> {
    let values = crate::year::values(app, year)?;
    let read = |values: Vec<u8>| Parameters::of_values(&values, year, day);
    Ok(values.map_or_else(|| Parameters::defaults(year), read))
}

/// The scopes that must report, as of a day.
///
/// # Errors
/// The store is damaged or cannot be read.
pub(crate) fn expected(app: &App, day: Date) -> Result<Vec<ScopeId>, Failure> {
    Ok(Places::of(app, day)?.expected)
}

/// Which scopes there are.
#[derive(Debug, Default)]
struct Places {
    /// Those whose records make the city's figures.
    pooled: Vec<ScopeId>,
    /// Those that must reach the quotas.
    expected: Vec<ScopeId>,
    names: BTreeMap<ScopeId, String>,
    /// Scopes that had ended on the day, with the one that stands for each.
    heirs: BTreeMap<ScopeId, ScopeId>,
}

impl Places {
    /// Every scope with a record of its own that was in force on the day, and every scope that has
    /// records here. The city itself is counted where it has organisations, and has no quota.
    fn of(app: &App, day: Date) -> Result<Self, Failure> {
        let mut places = Self::default();
        let identity = &app.identity;
        for name in [&identity.scope, &identity.published] {
            places.names.insert(name.scope(), name.name.clone());
        }
        let mut known = Vec::new();
        if let Some(kind) = app.catalogue.kind_by_id("scope") {
            each(app, kind.kind, None, None, &mut |stored, _| {
                known.push(ScopeId(stored.record.key.id.0));
                Ok(ControlFlow::Continue(()))
            })?;
        }
        for scope in known {
            let row = scope_record(app, scope)?.unwrap_or_default();
            places
                .names
                .insert(scope, row.name.clone().unwrap_or_default());
            let is_city = matches!(row.kind(), ScopeKind::City | ScopeKind::CityDirect)
                || (app.is_hub() && scope == app.scope())
                || scope == app.published();
            let starts = row.valid_from.as_deref().and_then(date::stored);
            let ends = row.valid_to.as_deref().and_then(date::stored);
            let in_force = starts.is_none_or(|from| from <= day) && ends.is_none_or(|to| day < to);
            let heir = row.replaced_by.as_slice();
            if let (false, [heir]) = (in_force, heir) {
                let heir = domain::across::scope(Some(heir));
                places.heirs.extend(heir.map(|heir| (scope, heir)));
            }
            if in_force && !is_city {
                places.pooled.push(scope);
                if row.expected_to_report.unwrap_or(true) {
                    places.expected.push(scope);
                }
            }
        }
        let organisations = app
            .catalogue
            .kind_by_id("organisation")
            .map(|kind| kind.kind);
        for (scope, _, _) in app.reader().scopes() {
            let holds = |kind| !app.reader().keys(kind, Some(scope), None, 1).is_empty();
            let stands = !places.heirs.contains_key(&scope) && !places.pooled.contains(&scope);
            if stands && organisations.is_some_and(holds) {
                places.pooled.push(scope);
            }
        }
        Ok(places)
    }

    /// The scope under which a scope's records counted on the day.
    fn heir(&self, scope: ScopeId) -> ScopeId {
        let mut at = scope;
        // No longer than there are scopes, so a circle of heirs ends too.
        for _ in 0..self.heirs.len() {
            match self.heirs.get(&at) {
                Some(heir) => at = *heir,
                None => break,
            }
        }
        at
    }
}

impl Places {
    /// A record as it counts: under the heir of its scope.
    fn counted(&self, stored: &Stored) -> Stored {
        Stored {
            home: self.heir(stored.home),
            ..stored.clone()
        }
    }

    /// The scopes that a figure of the city is made of.
    fn counting(&self, moved: Moved) -> &Vec<ScopeId> {
        match moved {
            Moved::Quota => &self.expected,
            Moved::Number => &self.pooled,
        }
    }
}

impl Column {
    fn json(&self) -> Value {
        let mut json = self.indicators.json();
        let mut plain = Map::new();
        for (name, range) in &self.ranges {
            let (low, high) = range.num;
            match json.get_mut(*name).and_then(Value::as_object_mut) {
                Some(figure) => {
                    figure.insert("low".to_owned(), low.into());
                    figure.insert("high".to_owned(), high.into());
                    if let Some((low, high)) = range.den {
                        figure.insert("den_low".to_owned(), low.into());
                        figure.insert("den_high".to_owned(), high.into());
                    }
                }
                // A plain number stays one; its range stands beside it.
                None => {
                    plain.insert((*name).to_owned(), json!({ "low": low, "high": high }));
                }
            }
        }
        if !plain.is_empty() {
            json.insert("ranges".to_owned(), Value::Object(plain));
        }
        json.insert("open_conflicts".to_owned(), self.open_conflicts.into());
        if !self.parts.is_empty() {
            let part = |(name, figures): &(String, Indicators)| {
                (name.clone(), Value::Object(figures.json()))
            };
            let parts: Map<String, Value> = self.parts.iter().map(part).collect();
            json.insert("parts".to_owned(), Value::Object(parts));
        }
        Value::Object(json)
    }
}

impl Report {
    /// The JSON of the command line.
    #[must_use]
    pub fn json(&self) -> Value {
        let scopes: Map<String, Value> = self
            .scopes
            .iter()
            .map(|column| (column.code.clone(), column.json()))
            .collect();
        let mut json = json!({
            "as_of": date::text(self.as_of),
            "year": self.year,
            "definition": EDITION,
            "headlines": self.headlines,
            "scopes": scopes,
        });
        if let (Some(city), Some(json)) = (&self.city, json.as_object_mut()) {
            json.insert("city".to_owned(), city.json());
        }
        json
    }

    /// Prints how the organisations of the scopes become those of the city (domain 6).
    fn balance(&self, out: &mut Out) {
        let Some(city) = self.city.as_ref().filter(|_| !self.scopes.is_empty()) else {
            return;
        };
        let of = |column: &Column, name| column.indicators.get(name).map_or(0, Figure::num);
        let sum: i64 = self.scopes.iter().map(|one| of(one, "counted")).sum();
        let text = out.say(
            "在册单位：各县区合计 {sum}，剔重 {removed}，全市 {city}。",
            "Organisations on the ledger: sum of the scopes {sum}, duplicates {removed}, city {city}.",
        );
        let text = text
            .replace("{sum}", &sum.to_string())
            .replace("{removed}", &of(city, "duplicates_removed").to_string())
            .replace("{city}", &of(city, "counted").to_string());
        out.line(text);
    }

    /// Prints the table for people: the numbers beside every percentage.
    pub fn table(&self, out: &mut Out) {
        let columns: Vec<&Column> = self.scopes.iter().chain(&self.city).collect();
        let city = out.say("全市", "City").to_owned();
        let heading = |column: &&Column| match column.code.as_str() {
            "city" => city.clone(),
            code => format!("{code} {}", column.name).trim().to_owned(),
        };
        let mut headings = vec![out.say("指标", "Indicator").to_owned()];
        headings.extend(columns.iter().map(heading));
        let rows = DEFINITIONS.iter().map(|definition| {
            let mut row = vec![heading_of(definition, out.language)];
            if let (Some(name), true) = (row.first_mut(), self.headlines.contains(&definition.name))
            {
                name.insert_str(0, HEADLINE);
            }
            let cells = columns.iter().map(|column| {
                let range = column.ranges.get(definition.name);
                cell(column.indicators.get(definition.name), range)
            });
            row.extend(cells);
            row
        });
        let mut rows: Vec<Vec<String>> = rows.collect();
        let mut open = vec![out.say("待处理冲突", "Open conflicts").to_owned()];
        open.extend(
            columns
                .iter()
                .map(|column| column.open_conflicts.to_string()),
        );
        rows.push(open);
        let day = date::text(self.as_of);
        out.line(out.say("数据截至 ", "As of ").to_owned() + &day + &format!("  ({})", self.year));
        let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
        out.table(&headings, &rows);
        out.line(HEADLINE.to_owned() + out.say("主要指标", "headline figure"));
        self.balance(out);
        split::tables(&columns, out);
        let open = columns
            .iter()
            .map(|column| column.open_conflicts)
            .max()
            .unwrap_or_default();
        if open > 0 {
            let text = out.say(
                "有 {n} 项冲突待处理，相关数字为暂定值，处理后可能变动。用 conflict list 查看。",
                "{n} conflicts are open: the figures they touch are provisional and may still move. See conflict list.",
            );
            out.note(text.replace("{n}", &open.to_string()));
        }
    }
}

/// The mark of a headline figure.
const HEADLINE: &str = "◆ ";

/// An indicator's label, with the unit where the figure does not show it.
fn heading_of(definition: &Definition, language: Language) -> String {
    let label = definition.label(language);
    match definition.unit {
        Unit::Money => format!("{label} ({})", definition.unit.text(language)),
        Unit::Percent | Unit::Number | Unit::Times | Unit::Scopes => label.to_owned(),
    }
}

/// A figure as people read it, with the range that open conflicts leave; nothing to count is a
/// dash, neither 0 nor 100.
fn cell(figure: Option<Figure>, range: Option<&Range>) -> String {
    let text = match figure {
        Some(Figure::Rate { num, den }) => match percent(num, den) {
            Some(pct) => format!("{num}/{den}  {pct}%"),
            None => "—".to_owned(),
        },
        Some(Figure::Count(number)) => number.to_string(),
        Some(Figure::Met { num, den }) => format!("{num}/{den}"),
        Some(Figure::Money(fen)) => ten_thousand_yuan(fen),
        None => String::new(),
    };
    match range.map(|range| (range.num, range.den)) {
        // The smallest and the largest share that the numbers allow.
        Some(((low, high), Some((least, most)))) => format!("{text} ({low}/{most}–{high}/{least})"),
        Some(((low, high), None)) => format!("{text} ({low}–{high})"),
        None => text,
    }
}

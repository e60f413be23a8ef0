//! What a figure is made of: the records behind its numerator, and those of its denominator that are
//! missing there. What is live, the open conflicts and the time since the last exchange, is told as
//! it stands now.

use domain::{
    Date, date,
    indicator::{Definition, EDITION, Figure},
    label::Language,
    permission::masked_name,
};
use replica::{RecordKey, ScopeId};
use serde_json::{Value, json};

use super::{Request, cell, period_of};
use crate::{
    app::{App, Live},
    conflicts,
    failure::{Exit, Failure},
    output::Out,
    records::{Scopes, meaning, scope_of},
    tables,
};

/// Fields by which people know a record, the first that it has.
const NAMES: [&str; 5] = ["name", "title", "display_name", "no", "period"];

/// One figure, traced to its records.
#[derive(Debug)]
pub struct Traced {
    name: &'static str,
    /// Its label in Chinese and in English.
    label: (&'static str, &'static str),
    scope: String,
    as_of: Date,
    figure: Says,
    counted: Vec<Record>,
    missing: Vec<Record>,
}

/// What the figure is.
#[derive(Clone, Copy, Debug)]
enum Says {
    Counted(Figure),
    /// Minutes since the last exchange; none where there was none.
    Since(Option<u64>),
}

/// A record behind a figure.
#[derive(Debug)]
struct Record {
    key: RecordKey,
    kind: String,
    kind_label: String,
    name: String,
}

/// Traces an indicator of a scope, or of the city, to its records.
///
/// # Errors
/// There is no such indicator or scope, or the store is damaged or cannot be read.
pub fn trace<L: Live>(
    app: &App,
    live: &L,
    name: &str,
    request: &Request,
    language: Language,
) -> Result<Traced, Failure> {
    let asked = request.scope.as_deref();
    let asked = asked.map(|scope| scope_of(app, scope)).transpose()?;
    // Without a scope the hub answers for the city, a node for itself.
    let scope = match asked {
        Some(scope) if app.is_hub() && scope == app.published() => None,
        None if app.is_hub() => None,
        Some(scope) => Some(scope),
        None => Some(app.scope()),
    };
    match name {
        "open_conflicts" => return open_conflicts(app, scope, language),
        "sync_lag" => return sync_lag(app, live, scope),
        _ => {}
    }
    let unknown = || Failure::new("FIGURE-001", Exit::Invalid).with("indicator", name);
    let definition = Definition::of(name).ok_or_else(unknown)?;
    let (as_of, year) = period_of(app, request)?;
    app.board.ask(app, (as_of, year), |sheet| {
        let behind = sheet.book.behind(definition, scope);
        let figures = match scope {
            Some(scope) => sheet.book.scope(scope),
            None => sheet.book.city(),
        };
        let records = |keys: &[RecordKey]| -> Result<Vec<Record>, Failure> {
            keys.iter().map(|key| traced(app, *key, language)).collect()
        };
        Ok(Traced {
            name: definition.name,
            label: (definition.zh, definition.en),
            scope: code(app, scope)?,
            as_of,
            figure: Says::Counted(figures.get(name).unwrap_or(Figure::Count(0))),
            counted: records(&behind.counted)?,
            missing: records(&behind.missing)?,
        })
    })
}

/// The code of a scope; `city` for all.
fn code(app: &App, scope: Option<ScopeId>) -> Result<String, Failure> {
    scope.map_or_else(
        || Ok("city".to_owned()),
        |scope| Scopes::new(app).code(scope),
    )
}

/// The conflicts that are open now, with their records. A record with several is listed once.
fn open_conflicts(
    app: &App,
    scope: Option<ScopeId>,
    language: Language,
) -> Result<Traced, Failure> {
    let mut records = Vec::new();
    let mut open = 0_u64;
    conflicts::each_open(app, &mut |stored, meaning| {
        if scope.is_none_or(|scope| scope == stored.home) {
            open += u64::try_from(meaning.conflicts.len()).unwrap_or_default();
            records.push(traced(app, stored.record.key, language)?);
        }
        Ok(())
    })?;
    Ok(Traced {
        name: "open_conflicts",
        label: ("待处理冲突", "Open conflicts"),
        scope: code(app, scope)?,
        as_of: app.today(),
        figure: Says::Counted(Figure::Count(open)),
        counted: records,
        missing: Vec::new(),
    })
}

/// The minutes since the last exchange of a scope; of the city those of the scope that has waited
/// longest.
fn sync_lag<L: Live>(app: &App, live: &L, scope: Option<ScopeId>) -> Result<Traced, Failure> {
    let exchanges = tables::exchanges(app, live)?;
    let now_ms = app.clock.wall_ms();
    let minutes = match scope {
        Some(scope) => exchanges.get(&scope).and_then(|one| one.minutes(now_ms)),
        None => {
            // A scope that was never heard has no time since; then the city has none.
            let all = exchanges.values().map(|one| one.minutes(now_ms));
            let all: Option<Vec<u64>> = all.collect();
            all.and_then(|all| all.into_iter().max())
        }
    };
    Ok(Traced {
        name: "sync_lag",
        label: ("距最近一次同步", "Since the last exchange"),
        scope: code(app, scope)?,
        as_of: app.today(),
        figure: Says::Since(minutes),
        counted: Vec::new(),
        missing: Vec::new(),
    })
}

fn traced(app: &App, key: RecordKey, language: Language) -> Result<Record, Failure> {
    let kind = app.catalogue.kind(key.kind);
    let stored = app.reader().get(key)?;
    let mut name = String::new();
    if let (Some(kind), Some(stored)) = (kind, stored) {
        let values = domain::value::to_json(kind, &meaning(app, &stored.record)?.values);
        let known = NAMES.iter().find_map(|field| values.get(*field)?.as_str());
        name = known.unwrap_or_default().to_owned();
        // A person's name is for the own scope, and there for those who may see it.
        let is_full = (!app.is_hub() || app.is_own(stored.home)) && app.sees(key, stored.home);
        if kind.id == "person" && !is_full {
            name = masked_name(&name);
        }
    }
    Ok(Record {
        key,
        kind: app.catalogue.kind_name(key.kind),
        kind_label: kind.map_or_else(String::new, |kind| {
            language.pick(&kind.zh, &kind.en).to_owned()
        }),
        name,
    })
}

impl Traced {
    /// The JSON of the command line.
    #[must_use]
    pub fn json(&self) -> Value {
        let list = |records: &[Record]| -> Value {
            let one = |record: &Record| json!({ "kind": record.kind, "id": record.key.id.to_string(), "name": record.name });
            records.iter().map(one).collect()
        };
        json!({
            "indicator": self.name,
            "definition": EDITION,
            "scope": self.scope,
            "as_of": date::text(self.as_of),
            "figure": match self.figure {
                Says::Counted(figure) => figure.json(),
                Says::Since(minutes) => json!({ "minutes": minutes }),
            },
            "counted": list(&self.counted),
            "missing": list(&self.missing),
        })
    }

    /// Prints both lists for people, at most so many lines of each.
    pub fn print(&self, limit: usize, out: &mut Out) {
        let label = out.say(self.label.0, self.label.1).to_owned();
        let figure = match self.figure {
            Says::Counted(figure) => cell(Some(figure), None),
            Says::Since(Some(minutes)) => tables::passed(minutes, out.language),
            Says::Since(None) => out.say("从未同步", "never").to_owned(),
        };
        out.line(format!(
            "{label}  {figure}  ({}, {})",
            self.scope,
            date::text(self.as_of)
        ));
        let lists = [
            (out.say("计入", "Counted").to_owned(), &self.counted),
            (out.say("未计入", "Not counted").to_owned(), &self.missing),
        ];
        for (heading, records) in lists {
            if records.is_empty() {
                continue;
            }
            out.line(format!("{heading} ({})", records.len()));
            let row = |record: &Record| {
                vec![
                    record.kind_label.clone(),
                    record.name.clone(),
                    record.key.id.to_string(),
                ]
            };
            let rows: Vec<_> = records.iter().take(limit).map(row).collect();
            let headings = [out.say("类别", "Kind"), out.say("名称", "Name"), "id"];
            out.table(&headings, &rows);
            if records.len() > limit {
                let more = (records.len() - limit).to_string();
                let text = out.say(
                    "另有 {n} 条未列出，用 --limit 查看更多。",
                    "{n} more; raise --limit to see them.",
                );
                out.note(text.replace("{n}", &more));
            }
        }
    }
}

//! What a figure is made of: the records behind its numerator, and those of its denominator that are
//! missing there.

use domain::{
    Date, date,
    indicator::{Definition, EDITION, Figure},
    label::Language,
    permission::masked_name,
};
use replica::RecordKey;
use serde_json::{Value, json};

use super::{Request, cell, period_of};
use crate::{
    app::App,
    failure::{Exit, Failure},
    output::Out,
    records::{Scopes, meaning, scope_of},
};

/// Fields by which people know a record, the first that it has.
const NAMES: [&str; 5] = ["name", "title", "display_name", "no", "period"];

/// One figure, traced to its records.
#[derive(Debug)]
pub struct Traced {
    definition: &'static Definition,
    scope: String,
    as_of: Date,
    figure: Figure,
    counted: Vec<Record>,
    missing: Vec<Record>,
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
pub fn trace(
    app: &App,
    name: &str,
    request: &Request,
    language: Language,
) -> Result<Traced, Failure> {
    let unknown = || Failure::new("FIGURE-001", Exit::Invalid).with("indicator", name);
    let definition = Definition::of(name).ok_or_else(unknown)?;
    let (as_of, year) = period_of(app, request)?;
    let asked = request.scope.as_deref();
    let asked = asked.map(|scope| scope_of(app, scope)).transpose()?;
    // Without a scope the hub answers for the city, a node for itself.
    let scope = match asked {
        Some(scope) if app.is_hub() && scope == app.published() => None,
        None if app.is_hub() => None,
        Some(scope) => Some(scope),
        None => Some(app.scope()),
    };
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
            definition,
            scope: match scope {
                Some(scope) => Scopes::new(app).code(scope)?,
                None => "city".to_owned(),
            },
            as_of,
            figure: figures.get(name).unwrap_or(Figure::Count(0)),
            counted: records(&behind.counted)?,
            missing: records(&behind.missing)?,
        })
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
            "indicator": self.definition.name,
            "definition": EDITION,
            "scope": self.scope,
            "as_of": date::text(self.as_of),
            "figure": self.figure.json(),
            "counted": list(&self.counted),
            "missing": list(&self.missing),
        })
    }

    /// Prints both lists for people, at most so many lines of each.
    pub fn print(&self, limit: usize, out: &mut Out) {
        let label = self.definition.label(out.language);
        let figure = cell(Some(self.figure), None);
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

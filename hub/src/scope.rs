//! `scope reform`: what a reform of divisions does to the city's scopes and to the towns of its
//! organisations.
//!
//! It writes labels and moves nothing: a district that is off line goes on under its old code, and
//! what it writes counts under the new one. Running it again does what is left to do.

use std::{ops::ControlFlow, path::PathBuf};

use clap::Subcommand;
use domain::{
    date,
    permission::Right,
    reform::{BUILTIN, Fate, Map, Place, Step, plan},
    value::Input,
};
use program::{
    App, Exit, Failure, Out,
    accounts::Deed,
    records::{Change, Desk, Scopes, each, kind_of},
};
use replica::{Edit, RecordId, Source};
use serde_json::{Value, json};

/// Edits that are written together: enough to be quick, few enough that a clerk's save between
/// them does not wait.
const EDITS_AT_ONCE: usize = 256;

/// `scope …`.
#[derive(Subcommand, Clone, Debug)]
pub enum ScopeCommand {
    /// Carry out a reform of divisions: new codes, ended scopes, towns
    Reform {
        /// The changes: `old_code,old_name,new_code,new_name` (default: those from 2020 to 2023)
        #[arg(long, value_name = "FILE")]
        map: Option<PathBuf>,
        /// The day from which scopes without a code of their own have ended (default: today)
        #[arg(long, value_name = "DATE")]
        on: Option<String>,
        /// Show what would be done, and what is left to a person
        #[arg(long)]
        dry_run: bool,
        /// Why
        #[arg(long, default_value = "区划调整")]
        reason: String,
    },
}

impl ScopeCommand {
    /// What it does.
    pub(crate) fn deed(&self) -> Deed {
        match self {
            Self::Reform { dry_run: true, .. } => Deed::of("scope reform", Right::Nodes),
            Self::Reform { reason, .. } => Deed::of("scope reform", Right::Nodes)
                .because(reason)
                .noted(),
        }
    }
}

/// Runs `scope …`.
///
/// # Errors
/// The command failed.
pub(crate) fn run(app: &App, command: ScopeCommand, out: &mut Out) -> Result<(), Failure> {
    let ScopeCommand::Reform {
        map,
        on,
        dry_run,
        reason,
    } = command;
    let map = match map {
        Some(file) => read(&std::fs::read_to_string(app.path(&file))?)?,
        None => read(BUILTIN)?,
    };
    let on = match on {
        None => app.today(),
        Some(text) => date::read(&text)
            .ok_or_else(|| Failure::new("REPORT-001", Exit::Invalid).with("date", &text))?,
    };
    let reform = Reform {
        app,
        desk: Desk::new(app)?,
        on: date::text(on),
        reason,
    };
    let places = Scopes::new(app).places()?;
    let steps = plan(&map, &places);
    let scopes = reform.scopes(&steps, &places)?;
    // Towns are looked at under the codes as they will be.
    if !dry_run {
        write(app, scopes)?;
    }
    let towns = Towns::of(&reform, &map)?;
    let recoded = towns.edits.len();
    if !dry_run {
        write(app, towns.edits)?;
    }
    show(&steps, (recoded, towns.tasks), dry_run, out);
    Ok(())
}

fn read(csv: &str) -> Result<Map, Failure> {
    let map = Map::read(csv)
        .map_err(|bad| Failure::new("REFORM-001", Exit::Invalid).with("line", bad.line))?;
    if map.is_empty() {
        return Err(Failure::new("REFORM-002", Exit::Invalid));
    }
    Ok(map)
}

fn write(app: &App, edits: Vec<Edit>) -> Result<(), Failure> {
    let mut edits = edits;
    while !edits.is_empty() {
        let rest = edits.split_off(edits.len().min(EDITS_AT_ONCE));
        app.writer.edit(edits, Vec::new())?;
        edits = rest;
    }
    Ok(())
}

struct Reform<'a> {
    app: &'a App,
    desk: Desk<'a>,
    on: String,
    reason: String,
}

impl Reform<'_> {
    /// The new labels of the scopes.
    fn scopes(&self, steps: &[Step], places: &[Place]) -> Result<Vec<Edit>, Failure> {
        let mut edits = Vec::new();
        for step in steps {
            let (id, values) = match step {
                Step::Renamed { id, from, to, name } => {
                    let place = places.iter().find(|place| place.id == *id);
                    let former = place.map(|place| place.former.as_slice());
                    let mut former = former.unwrap_or_default().to_vec();
                    former.push(from.clone());
                    let kind = kind_at(to);
                    let mut values = json!({ "code": to, "former_codes": former });
                    if let Some(map) = values.as_object_mut() {
                        map.extend(kind.map(|kind| ("kind".to_owned(), kind.into())));
                        let name = Some(name).filter(|name| !name.is_empty());
                        map.extend(name.map(|name| ("name".to_owned(), name.clone().into())));
                    }
                    (id, values)
                }
                Step::Ended { id, into, .. } => {
                    let into = RecordId(into.0).to_string();
                    (id, json!({ "valid_to": self.on, "replaced_by": [into] }))
                }
                // It has ended whoever follows; doctor lists it until a person says who does.
                Step::Open { id, candidates, .. } => {
                    let living = places
                        .iter()
                        .filter(|place| candidates.contains(&place.code));
                    let heirs: Vec<_> = living
                        .map(|place| RecordId(place.id.0).to_string())
                        .collect();
                    (id, json!({ "valid_to": self.on, "replaced_by": heirs }))
                }
            };
            edits.extend(self.edit("scope", RecordId(id.0), &values)?);
        }
        Ok(edits)
    }

    fn edit(&self, kind: &str, id: RecordId, values: &Value) -> Result<Option<Edit>, Failure> {
        let values = values.as_object().into_iter().flatten();
        let change = Change {
            kind: kind_of(self.app, kind)?,
            id: Some(id),
            set: values
                .map(|(name, value)| (name.as_str(), Input::Json(value)))
                .collect(),
            seen: None,
            scope: None,
            reason: &self.reason,
            // The city rules on towns, also on those of what is in transfer.
            source: match kind {
                "organisation" => Source::Decision,
                _ => Source::Command,
            },
        };
        Ok(self.desk.prepare(&change)?.edit)
    }
}

/// What sort of scope a code is, where an edition tells.
fn kind_at(code: &str) -> Option<&'static str> {
    Some(match domain::division::latest(code)?.level {
        "county" => "county",
        "county_level_city" => "county_level_city",
        "functional_zone" => "functional_zone",
        "district" => "district",
        _ => return None,
    })
}

/// What a reform does to towns.
#[derive(Default)]
struct Towns {
    edits: Vec<Edit>,
    /// What is left to a person.
    tasks: Vec<Value>,
}

impl Towns {
    fn of(reform: &Reform<'_>, map: &Map) -> Result<Self, Failure> {
        let app = reform.app;
        let (scopes, mut towns) = (Scopes::new(app), Self::default());
        let kind = kind_of(app, "organisation")?;
        let mut found = Vec::new();
        each(app, kind.kind, None, None, &mut |stored, meaning| {
            let row: proto::ledger::Organisation =
                domain::decode(&meaning.values).unwrap_or_default();
            let fate = row.town.as_deref().map(|town| map.fate(town));
            if let Some((town, fate)) = row.town.zip(fate).filter(|(_, fate)| *fate != Fate::Same) {
                found.push((stored.record.key.id, stored.home, town, fate));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        for (id, scope, town, fate) in found {
            let Fate::Became(new) = fate else {
                towns.tasks.push(task("town_ended", &town, id));
                continue;
            };
            // Before the scopes are renamed, a preview finds them under their old code.
            let of_town = |town: &str| map.present(town.get(..6).unwrap_or_default());
            if map.present(&scopes.code(scope)?) != of_town(&new) {
                towns.tasks.push(task("town_moved", &town, id));
            }
            towns
                .edits
                .extend(reform.edit("organisation", id, &json!({ "town": new }))?);
        }
        Ok(towns)
    }
}

fn task(task: &str, town: &str, id: RecordId) -> Value {
    json!({ "task": task, "code": town, "record": format!("organisation/{id}") })
}

fn show(steps: &[Step], (recoded, towns): (usize, Vec<Value>), dry_run: bool, out: &mut Out) {
    let mut tasks = towns;
    let mut scopes = Vec::new();
    for step in steps {
        match step {
            Step::Renamed { from, to, name, .. } => {
                scopes.push(json!({ "step": "renamed", "from": from, "to": to, "name": name }));
            }
            Step::Ended { from, to, .. } => {
                scopes.push(json!({ "step": "ended", "from": from, "to": to }));
            }
            Step::Open {
                from, candidates, ..
            } => tasks.push(json!({ "task": "scope", "code": from, "candidates": candidates })),
        }
    }
    if out.json {
        out.document(
            &json!({ "dry_run": dry_run, "scopes": scopes, "towns": recoded, "tasks": tasks }),
        );
        return;
    }
    for step in &scopes {
        let text = |name: &str| step.get(name).and_then(Value::as_str).unwrap_or_default();
        let line = match text("step") {
            "renamed" => out.say("{from} 改为 {to} {name}", "{from} is {to} {name} now"),
            _ => out.say(
                "{from} 停用，由 {to} 承接",
                "{from} has ended; {to} stands for it",
            ),
        };
        let line = line
            .replace("{from}", text("from"))
            .replace("{to}", text("to"));
        out.line(line.replace("{name}", text("name")));
    }
    let line = out.say(
        "{n} 个单位的乡镇代码更新",
        "{n} organisations get another town code",
    );
    out.line(line.replace("{n}", &recoded.to_string()));
    for task in &tasks {
        let text = |name: &str| task.get(name).and_then(Value::as_str).unwrap_or_default();
        let line = match text("task") {
            "scope" => out.say(
                "待办：{code} 没有唯一的承接辖区，请用 record put scope 指定",
                "to do: {code} has no one successor; name it with record put scope",
            ),
            "town_moved" => out.say(
                "待办：{record} 的乡镇 {code} 已划入其他辖区，请办理迁移",
                "to do: the town {code} of {record} lies in another scope now; transfer it",
            ),
            _ => out.say(
                "待办：{record} 的乡镇 {code} 已撤销，没有承接，请核实",
                "to do: the town {code} of {record} has ended without a successor; find out",
            ),
        };
        let line = line.replace("{code}", text("code"));
        out.line(line.replace("{record}", text("record")));
    }
    if dry_run {
        out.note(out.say("仅预览，没有改动", "a preview; nothing was changed"));
    }
}

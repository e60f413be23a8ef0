//! `claim …`: one organisation in two records, and what the city rules.
//!
//! A case is opened where the same credit code stands twice, in two scopes or in one: its id comes
//! from the two records, so it is opened once. That is the one thing the hub writes without a person; it writes
//! it alone, so nobody can answer it in a circle.

mod rule;

use std::collections::{BTreeMap, BTreeSet};

use clap::{ArgGroup, Args, Subcommand};
use domain::{across, permission::Right, value};
use program::{
    App, Failure, Out,
    accounts::Deed,
    claims::{self, Case},
    commands::{
        proposal::id_of,
        record::{field_label, register_text},
        show_parts, show_rows,
    },
    records::{Ground, Scopes, Sight, find, kind_of, meaning, ruled_edit},
};
use replica::{Edit, RecordId, RecordKey, RegisterId, ScopeId};
use serde_json::{Map, Value, json};

use crate::{Hub, codes::Pair};

/// Cases that one look opens; the next look opens more. A flood of claims must not fill a feed at
/// once.
const CASES_AT_ONCE: usize = 256;

/// `claim …`.
#[derive(Subcommand, Clone, Debug)]
pub enum ClaimCommand {
    /// Organisations with one credit code in two records
    List {
        /// Those that are settled too
        #[arg(long)]
        all: bool,
    },
    /// One case with what differs between its records
    Show {
        /// The case
        id: String,
    },
    /// Rule a case: one of --transfer-to, --merge-into, --separate
    Rule(RuleArgs),
}

impl ClaimCommand {
    /// What it does. A ruling is a record: the journal has it.
    pub(crate) fn deed(&self) -> Deed {
        match self {
            Self::List { .. } => Deed::of("claim list", Right::Read),
            Self::Show { id } => Deed::of("claim show", Right::Read).about(&[id]),
            Self::Rule(args) => {
                let deed = Deed::of("claim rule", Right::Rule).about(&[&args.id]);
                deed.because(&args.reason)
            }
        }
    }
}

/// `claim rule`.
#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("way").required(true))]
pub struct RuleArgs {
    /// The case
    pub id: String,
    /// Both records belong to this scope
    #[arg(long, group = "way", value_name = "CODE")]
    pub transfer_to: Option<String>,
    /// The other record becomes a name of this one: organisation/ID
    #[arg(long, group = "way", value_name = "KIND/ID")]
    pub merge_into: Option<String>,
    /// Of a merger: which record's value a field takes; the surviving record's without it
    #[arg(long, value_name = "FIELD=N", requires = "merge_into")]
    pub choose: Vec<String>,
    /// They are two organisations
    #[arg(long, group = "way", requires = "correct")]
    pub separate: bool,
    /// Of two organisations: the code that one of them really has
    #[arg(long, value_name = "KIND/ID=CODE", requires = "separate")]
    pub correct: Vec<String>,
    /// Why
    #[arg(long)]
    pub reason: String,
}

/// Runs `claim …`.
///
/// # Errors
/// The command failed.
pub(crate) fn run(
    app: &App,
    hub: &Hub,
    command: ClaimCommand,
    out: &mut Out,
) -> Result<(), Failure> {
    open(app, hub)?;
    match command {
        ClaimCommand::List { all } => list(app, hub, all, out),
        ClaimCommand::Show { id } => show(app, &Case::find(app, id_of(&id)?)?, out),
        ClaimCommand::Rule(args) => rule::rule(app, hub, &args, out),
    }
}

/// What waits for a ruling now: pairs that claim one code, and circles of mergers.
fn look(app: &App, hub: &Hub) -> Result<(Vec<Pair>, BTreeSet<Vec<RecordId>>), Failure> {
    let mut codes = hub.codes();
    codes.look(app)?;
    Ok((codes.pairs(), codes.circles()))
}

/// Opens a case for every pair that has none, and opens one again whose ruling did not end the
/// claim. Nothing while this hub still gets back what a restore took: the case may come with it.
///
/// # Errors
/// The store is damaged or cannot be read.
pub(crate) fn open(app: &App, hub: &Hub) -> Result<(), Failure> {
    let (pairs, _) = look(app, hub)?;
    if pairs.is_empty() || !app.writer.status()?.refilling.is_empty() {
        return Ok(());
    }
    let app = &App {
        account: "hub".to_owned(),
        grant: None,
        ..app.clone()
    };
    let scopes = Scopes::new(app);
    let mut edits: Vec<Edit> = Vec::new();
    for pair in &pairs {
        if edits.len() == CASES_AT_ONCE {
            break;
        }
        let key = claims::case_key(app, &pair.records)?;
        if app.reader().get(key)?.is_none() {
            let evidence = evidence(pair, &scopes)?;
            edits.push(claims::opening(
                app,
                &pair.records,
                &pair.scopes,
                &evidence,
            )?);
            continue;
        }
        let case = Case::find(app, key.id)?;
        if case.is_ruled() {
            let evidence = evidence(pair, &scopes)?;
            let mut again = claims::unruled();
            if let Some(again) = again.as_object_mut() {
                again.insert("evidence".to_owned(), evidence.as_str().into());
                let scopes = concerned(&case, pair.scopes).into_iter();
                again.insert("scopes".to_owned(), scopes.collect());
            }
            edits.push(ruled_edit(
                app,
                &case.stored,
                &again,
                Ground::of(&evidence),
            )?);
        }
    }
    if !edits.is_empty() {
        app.writer.edit(edits, Vec::new())?;
    }
    Ok(())
}

fn evidence(pair: &Pair, scopes: &Scopes<'_>) -> Result<String, Failure> {
    claims::evidence(&pair.code, pair.scopes, scopes)
}

/// The scopes to which a case is lent from now on: those that have it, and more, as where its records
/// were moved to.
fn concerned(case: &Case, more: impl IntoIterator<Item = ScopeId>) -> BTreeSet<String> {
    let before = case.row.scopes.iter();
    let before = before.filter_map(|bytes| across::scope(Some(bytes)));
    let all = before.chain(more);
    all.map(|scope| RecordId(scope.0).to_string()).collect()
}

/// How many rows `claim list` has.
///
/// # Errors
/// The store is damaged or cannot be read.
pub(crate) fn waiting(app: &App, hub: &Hub) -> Result<usize, Failure> {
    let (pairs, circles) = look(app, hub)?;
    Ok(pairs.len() + circles.len())
}

/// A pair as a list shows it, by its case where that is open.
fn row(app: &App, scopes: &Scopes<'_>, pair: &Pair) -> Result<Map<String, Value>, Failure> {
    let key = claims::case_key(app, &pair.records)?;
    if app.reader().get(key)?.is_some() {
        let case = Case::find(app, key.id)?;
        if !case.is_ruled() {
            return case.json(app, scopes);
        }
    }
    // While the hub refills it opens none, and again none: the ruling may be on its way.
    let kind = kind_of(app, "organisation")?.kind;
    let keys = pair.records.map(|id| RecordKey { kind, id });
    let mut row = Map::new();
    row.insert("id".to_owned(), key.id.to_string().into());
    row.insert("state".to_owned(), "unopened".into());
    row.insert("evidence".to_owned(), evidence(pair, scopes)?.into());
    let records = claims::records_json(app, scopes, &keys)?;
    row.insert("records".to_owned(), records);
    Ok(row)
}

fn list(app: &App, hub: &Hub, with_settled: bool, out: &mut Out) -> Result<(), Failure> {
    let scopes = Scopes::new(app);
    let (pairs, circles) = look(app, hub)?;
    let rows = pairs.iter().map(|pair| row(app, &scopes, pair));
    let mut rows: Vec<_> = rows.collect::<Result<_, _>>()?;
    let ids = pairs
        .iter()
        .map(|pair| claims::case_key(app, &pair.records));
    let living: BTreeSet<RecordKey> = ids.collect::<Result<_, _>>()?;
    let settled = |case: &&Case| with_settled && !living.contains(&case.stored.record.key);
    for case in claims::all(app)?.iter().filter(settled) {
        let mut row = case.json(app, &scopes)?;
        if !case.is_ruled() {
            // A code was corrected, or a record deleted, without a ruling.
            row.insert("state".to_owned(), "moot".into());
        }
        rows.push(row);
    }
    for around in circles {
        let names = around.iter().map(|id| format!("organisation/{id}"));
        let mut row = Map::new();
        row.insert("id".to_owned(), Value::Null);
        row.insert("state".to_owned(), "circle".into());
        let text = out.say(
            "互相并入成环，用 record put organisation 编号 --set merged_into= 解除一处",
            "merged in a circle; take one merger back with record put organisation ID --set merged_into=",
        );
        row.insert("evidence".to_owned(), text.into());
        let records = names.map(|name| json!({ "record": name }));
        row.insert("records".to_owned(), records.collect());
        rows.push(row);
    }
    let none = out.say("没有待裁定的重复登记", "no claims wait").to_owned();
    let kind = app.catalogue.kind_by_id("duplicate_case");
    show_rows(kind, &rows, claims::COLUMNS, &none, out);
    Ok(())
}

/// The registers of a record as they read, by id.
fn registers(app: &App, key: RecordKey) -> Result<BTreeMap<RegisterId, bytes::Bytes>, Failure> {
    let stored = find(app, key)?;
    let kind = kind_of(app, "organisation")?;
    let values = meaning(app, &stored.record)?.values;
    Ok(value::split(kind, &values)
        .unwrap_or_default()
        .into_iter()
        .collect())
}

fn show(app: &App, case: &Case, out: &mut Out) -> Result<(), Failure> {
    let mut document = case.json(app, &Scopes::new(app))?;
    let kind = kind_of(app, "organisation")?;
    let sides: Vec<_> = case
        .records(app)?
        .into_iter()
        .map(|key| registers(app, key))
        .collect::<Result<_, _>>()?;
    let sight = Sight::unknown(app, Some(kind));
    let mut fields = Vec::new();
    for register in &kind.registers {
        let side =
            |side: &BTreeMap<_, bytes::Bytes>| side.get(&register.id).cloned().unwrap_or_default();
        let values: Vec<_> = sides.iter().map(side).collect();
        if values.windows(2).all(|pair| pair.first() == pair.last()) {
            continue;
        }
        let shown = values
            .iter()
            .map(|value| sight.register(register.id, value));
        let shown: Vec<Value> = shown.collect();
        fields.push(json!({ "field": kind.register_name(register.id), "values": shown }));
    }
    if out.json {
        document.insert("fields".to_owned(), fields.into());
        out.document(&Value::Object(document));
        return Ok(());
    }
    let case = app.catalogue.kind_by_id("duplicate_case");
    show_parts(case, &document, claims::COLUMNS, out);
    let records = document.get("records").and_then(Value::as_array);
    for record in records.into_iter().flatten() {
        let text = |name: &str| match record.get(name) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        let line = ["number", "record", "scope", "name"].map(text);
        out.line(line.join("  "));
    }
    for field in &fields {
        let name = field
            .get("field")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let label = field_label(Some(kind), name, out.language);
        let values = field.get("values").and_then(Value::as_array);
        let value = |value| register_text(Some(kind), name, value, out.language);
        let values: Vec<String> = values.into_iter().flatten().map(value).collect();
        let colon = out.say("：", ": ");
        out.line(format!("{label} {name}{colon}{}", values.join(" | ")));
    }
    Ok(())
}

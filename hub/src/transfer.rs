//! `transfer …` at the city: committing moves, refusing them, ruling without consent.
//!
//! A move is an edit of the owner of a record, which only the hub writes. It is committed only
//! when every node of both scopes, but for those that are fenced, has been found equal since this
//! start: what a node has not sent yet would come too late and become a proposal, which is right
//! after a long absence and a nuisance before every move.

mod company;

use std::collections::{BTreeMap, BTreeSet};

use clap::Subcommand;
use domain::{Date, across, date, permission::Right, state::census};
use program::{
    App, Exit, Failure, Out,
    accounts::Deed,
    commands::{proposal::id_of, show_rows},
    records::{self, Ground, Scopes, find, ruled_edit, scope_to_enter},
    transfers::{self, Request},
};
use replica::{Edit, Owner, RecordKey, RegisterId, ReplicaId, ScopeId, owner};
use serde_json::{Map, Value, json};
use store::{Status, Stored};

use crate::{Hub, NodeEntry, NodeState, peers::present_code};

/// `transfer …`.
#[derive(Subcommand, Clone, Debug)]
pub enum TransferCommand {
    /// Moves that were asked for, and what they wait for
    List {
        /// Those that are settled too
        #[arg(long)]
        all: bool,
    },
    /// Commit a move that both scopes have asked for
    Accept {
        /// The request
        id: String,
        /// The day from which it counts where it goes, YYYY-MM-DD; today without it
        #[arg(long, value_name = "DAY")]
        on: Option<String>,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Refuse a move
    Refuse {
        /// The request
        id: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Decide a move without the consent of both
    Rule {
        /// The request, or a record as organisation/ID
        id: String,
        /// The code of the scope it is to belong to, for a record
        #[arg(long)]
        to: Option<String>,
        /// The day from which it counts where it goes, YYYY-MM-DD; today without it
        #[arg(long, value_name = "DAY")]
        on: Option<String>,
        /// Why
        #[arg(long)]
        reason: String,
    },
}

impl TransferCommand {
    /// What it does. A move is a record: the journal has it.
    pub(crate) fn deed(&self) -> Deed {
        let rule = |name, id: &String, reason: &String| {
            Deed::of(name, Right::Rule).about(&[id]).because(reason)
        };
        match self {
            Self::List { .. } => Deed::of("transfer list", Right::Read),
            Self::Accept { id, reason, .. } => rule("transfer accept", id, reason),
            Self::Refuse { id, reason } => rule("transfer refuse", id, reason),
            Self::Rule { id, reason, .. } => rule("transfer rule", id, reason),
        }
    }
}

/// Runs `transfer …`.
///
/// # Errors
/// The command failed.
pub(crate) fn run(
    app: &App,
    hub: &Hub,
    command: TransferCommand,
    out: &mut Out,
) -> Result<(), Failure> {
    match command {
        TransferCommand::List { all } => list(app, hub, all, out),
        TransferCommand::Accept { id, on, reason } => {
            let request = waiting(app, &id)?;
            let city = [app.scope(), app.published()];
            if !request.is_agreed(&transfers::all(app)?, &city) {
                return Err(Failure::new("TRANSFER-009", Exit::Refused).with("id", &id));
            }
            let on = day_of(app, on.as_deref())?;
            settle(app, hub, (&request, on), ("accepted", &reason), out)
        }
        TransferCommand::Rule {
            id,
            to: None,
            on,
            reason,
        } => {
            let request = (&waiting(app, &id)?, day_of(app, on.as_deref())?);
            settle(app, hub, request, ("ruled", &reason), out)
        }
        TransferCommand::Rule {
            id,
            to: Some(to),
            on,
            reason,
        } => {
            let on = day_of(app, on.as_deref())?;
            rule(app, hub, (&id, &to, on), &reason, out)
        }
        TransferCommand::Refuse { id, reason } => refuse(app, &waiting(app, &id)?, &reason, out),
    }
}

/// The day that a move names, else today.
fn day_of(app: &App, text: Option<&str>) -> Result<Date, Failure> {
    let Some(text) = text else {
        return Ok(app.today());
    };
    date::read(text).ok_or_else(|| Failure::new("REPORT-001", Exit::Invalid).with("date", text))
}

fn waiting(app: &App, id: &str) -> Result<Request, Failure> {
    let request = Request::find(app, id_of(id)?)?;
    if request.is_open() {
        Ok(request)
    } else {
        Err(Failure::new("TRANSFER-004", Exit::Invalid).with("id", id))
    }
}

fn list(app: &App, hub: &Hub, all: bool, out: &mut Out) -> Result<(), Failure> {
    let (requests, scopes) = (transfers::all(app)?, Scopes::new(app));
    let (status, nodes) = (app.writer.status()?, hub.registry.nodes()?);
    let mut rows = Vec::new();
    for request in transfers::shown(&requests, all) {
        let mut row = request.json(app, &requests, &scopes)?;
        let waits = unmet(&scopes, &nodes, &status, &[request.from, request.to]);
        row.insert("waits_for".to_owned(), waits.into());
        rows.push(row);
    }
    rows.extend(contested(app)?);
    let none = out.say("没有待办理的迁移申请", "no moves wait").to_owned();
    let kind = app.catalogue.kind_by_id("transfer_request");
    show_rows(kind, &rows, transfers::COLUMNS, &none, out);
    Ok(())
}

/// How many moves wait.
///
/// # Errors
/// The store is damaged or cannot be read.
pub(crate) fn waiting_count(app: &App) -> Result<usize, Failure> {
    let open = transfers::all(app)?.into_iter().filter(Request::is_open);
    // Both scopes ask for one move.
    let moves: BTreeSet<_> = open
        .map(|request| (request.record, request.from, request.to))
        .collect();
    Ok(moves.len() + contested(app)?.len())
}

/// Records for which two owners were named in one epoch, as after the restore of a hub: nobody but
/// the owner before writes them until the city has ruled.
fn contested(app: &App) -> Result<Vec<Map<String, Value>>, Failure> {
    let scopes = Scopes::new(app);
    let mut rows = Vec::new();
    for key in app.reader().contested() {
        let Some(stored) = app.reader().get(key)? else {
            continue;
        };
        if owner(&stored.record).is_none_or(|owner| !owner.contested) {
            continue;
        }
        let mut row = Map::new();
        row.insert("id".to_owned(), Value::Null);
        let name = across::name(app.catalogue, key);
        row.insert("record".to_owned(), name.into());
        row.insert("from".to_owned(), scopes.code(stored.home)?.into());
        row.insert("status".to_owned(), "contested".into());
        rows.push(row);
    }
    Ok(rows)
}

/// Commits the move of a request, and marks every request for the same move.
fn settle(
    app: &App,
    hub: &Hub,
    (request, on): (&Request, Date),
    (status, reason): (&str, &str),
    out: &mut Out,
) -> Result<(), Failure> {
    let stored = find(app, request.record)?;
    if stored.home != request.from {
        return Err(Failure::new("TRANSFER-010", Exit::Invalid)
            .with("record", across::name(app.catalogue, request.record))
            .with("scope", Scopes::new(app).code(stored.home)?));
    }
    check_ready(app, hub, &[request.from, request.to])?;
    let mut edits = moved(app, &[&stored], (request.to, on), Ground::of(reason))?;
    let movers = edits.len();
    edits.extend(back_on_the_ledger(app, &stored, Ground::of(reason))?);
    edits.extend(marks(app, request, (status, reason))?);
    edits.extend(ended(app, &stored, Some(request), Ground::of(reason))?);
    app.writer.edit(edits, Vec::new())?;
    done(app, (request.record, request.to), (status, movers), out)
}

fn refuse(app: &App, request: &Request, reason: &str, out: &mut Out) -> Result<(), Failure> {
    check_whole(app)?;
    let mut edits = marks(app, request, ("refused", reason))?;
    let stored = find(app, request.record)?;
    // Another wish of its scope may still hold it in transfer.
    let all = transfers::all(app)?;
    let mut others = all.iter().filter(|one| !one.is_same(request));
    if stored.home == request.from && !others.any(|one| one.holds(&stored)) {
        edits.extend(back_on_the_ledger(app, &stored, Ground::of(reason))?);
    }
    app.writer.edit(edits, Vec::new())?;
    done(app, (request.record, stored.home), ("refused", 0), out)
}

/// Moves a record that nobody has asked to move.
fn rule(
    app: &App,
    hub: &Hub,
    (record, to, on): (&str, &str, Date),
    reason: &str,
    out: &mut Out,
) -> Result<(), Failure> {
    let key = records::key_named(app, record)?;
    let to = scope_to_enter(app, to, out)?;
    let stored = find(app, key)?;
    transfers::check_movable(app, &stored)?;
    let is_contested = owner(&stored.record).is_some_and(|owner| owner.contested);
    if stored.home == to && !is_contested {
        return Err(
            Failure::new("TRANSFER-002", Exit::Invalid).with("scope", Scopes::new(app).code(to)?)
        );
    }
    check_ready(app, hub, &[stored.home, to])?;
    let mut edits = moved(app, &[&stored], (to, on), Ground::of(reason))?;
    let movers = edits.len();
    edits.extend(back_on_the_ledger(app, &stored, Ground::of(reason))?);
    edits.extend(ended(app, &stored, None, Ground::of(reason))?);
    app.writer.edit(edits, Vec::new())?;
    done(app, (key, to), ("ruled", movers), out)
}

/// The statuses of all open requests for the same move.
fn marks(
    app: &App,
    request: &Request,
    (status, reason): (&str, &str),
) -> Result<Vec<Edit>, Failure> {
    let all = transfers::all(app)?;
    let same = all
        .iter()
        .filter(|one| one.is_open() && one.is_same(request));
    let values = json!({ "status": status, "ruling": reason });
    same.map(|one| ruled_edit(app, &one.stored, &values, Ground::of(reason)))
        .collect()
}

/// The ends of all other wishes for a record that moves, or is merged into another: none of them can be
/// fulfilled any more, and one that went on waiting would hold the record if it came back. `by` is the
/// move that was asked for, which is marked by itself.
pub(crate) fn ended(
    app: &App,
    stored: &Stored,
    by: Option<&Request>,
    ground: Ground<'_>,
) -> Result<Vec<Edit>, Failure> {
    let all = transfers::all(app)?;
    let of_it = |one: &&Request| one.is_open() && one.record == stored.record.key;
    let others = all.iter().filter(of_it);
    let others = others.filter(|one| by.is_none_or(|by| !one.is_same(by)));
    let values = json!({ "status": "ruled", "ruling": ground.reason });
    others
        .map(|one| ruled_edit(app, &one.stored, &values, ground))
        .collect()
}

fn done(
    app: &App,
    (record, to): (RecordKey, ScopeId),
    (status, movers): (&str, usize),
    out: &mut Out,
) -> Result<(), Failure> {
    let name = across::name(app.catalogue, record);
    let scope = Scopes::new(app).code(to)?;
    if out.json {
        out.document(&json!({ "record": name, "scope": scope, "status": status, "moved": movers }));
        return Ok(());
    }
    let text = match status {
        "refused" => out.say(
            "已拒绝，{record} 仍归 {scope}。",
            "Refused; {record} stays in {scope}.",
        ),
        _ => out.say(
            "{record} 已归 {scope}，其下的记录随之迁移。",
            "{record} belongs to {scope} now, and what is below it has moved along.",
        ),
    };
    out.line(text.replace("{record}", &name).replace("{scope}", &scope));
    Ok(())
}

/// The names of the nodes of these scopes that have not been found equal since the start.
fn unmet(scopes: &Scopes<'_>, nodes: &[NodeEntry], status: &Status, of: &[ScopeId]) -> Vec<String> {
    let is_unmet = |replica| !status.met.contains(&replica);
    concerned(scopes, nodes, status, of, &is_unmet)
}

/// The names of the nodes of these scopes whose programs do not know that records move.
fn behind(
    app: &App,
    nodes: &[NodeEntry],
    status: &Status,
    of: &[ScopeId],
) -> Result<Vec<String>, Failure> {
    let heard = app.reader().heard()?;
    let is_behind = |replica| {
        let schema = heard.get(&replica).map(|heard| heard.schema);
        schema.is_some_and(|schema| schema < transfers::SCHEMA_MOVES)
    };
    Ok(concerned(&Scopes::new(app), nodes, status, of, &is_behind))
}

/// The names of those nodes of these scopes that somebody waits for and that a test holds of.
fn concerned(
    scopes: &Scopes<'_>,
    nodes: &[NodeEntry],
    status: &Status,
    of: &[ScopeId],
    holds: &dyn Fn(ReplicaId) -> bool,
) -> Vec<String> {
    let concerned = nodes.iter().filter(|node| {
        let replica = node.replica();
        let lies_in = of.contains(&domain::scope_id(&node.scope_code));
        let counts = node.state == NodeState::Active && !status.fenced.contains(&replica);
        lies_in && counts && holds(replica)
    });
    concerned
        .map(|node| {
            let code = present_code(scopes, node);
            format!("{code} {} ({})", node.name, short(&node.id))
        })
        .collect()
}

fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

/// Whether this hub is whole, so that the city may rule on what it holds.
///
/// # Errors
/// It still gets back what a restore took: a ruling may be among it, and a second one would stand
/// against it.
pub(crate) fn check_whole(app: &App) -> Result<Status, Failure> {
    let status = app.writer.status()?;
    if !status.refilling.is_empty() || status.restored {
        return Err(Failure::new("TRANSFER-011", Exit::Refused));
    }
    Ok(status)
}

/// Whether records may move between these scopes now.
///
/// # Errors
/// The hub still gets back what a restore took, a node has not been found equal yet, or one does
/// not know that records move.
pub(crate) fn check_ready(app: &App, hub: &Hub, scopes: &[ScopeId]) -> Result<(), Failure> {
    let status = check_whole(app)?;
    let nodes = hub.registry.nodes()?;
    let refused = |code, nodes: Vec<String>| match nodes.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(code, Exit::Refused).with("nodes", nodes.join("、"))),
    };
    let waits = unmet(&Scopes::new(app), &nodes, &status, scopes);
    refused("TRANSFER-012", waits)?;
    refused("TRANSFER-015", behind(app, &nodes, &status, scopes)?)
}

/// The edits that move records with the company they take along: Party organisations that only
/// they have, persons that only they name. What refers to these as its parent follows by itself. From
/// the day on they count where they go.
///
/// # Errors
/// The day has not come, or one of them came to its scope after it; the store is damaged or cannot be
/// read.
pub(crate) fn moved(
    app: &App,
    roots: &[&Stored],
    (to, on): (ScopeId, Date),
    ground: Ground<'_>,
) -> Result<Vec<Edit>, Failure> {
    let mut edits = Vec::new();
    for root in roots {
        edits.push(owner_edit(app, root, (to, on), ground)?);
    }
    for key in company::of(app, roots)? {
        edits.push(owner_edit(app, &find(app, key)?, (to, on), ground)?);
    }
    Ok(edits)
}

/// The edit that gives a record to another scope.
fn owner_edit(
    app: &App,
    stored: &Stored,
    (to, on): (ScopeId, Date),
    ground: Ground<'_>,
) -> Result<Edit, Failure> {
    let (before, on) = (owner(&stored.record), date::text(on));
    let last = before.iter().flat_map(|owner| &owner.stays).last();
    let came = last.map(|stay| stay.until.as_str());
    let today = date::text(app.today());
    if on > today || Some(on.as_str()) < came {
        return Err(Failure::new("TRANSFER-018", Exit::Invalid)
            .with("record", across::name(app.catalogue, stored.record.key))
            .with("day", on)
            .with("from", came.unwrap_or("—"))
            .with("today", today));
    }
    let next = Owner::next(before.as_ref(), stored.home, to, &on);
    let registers = BTreeMap::from([(RegisterId::OWNER, next.to_value())]);
    records::registers_edit(app, stored, registers, ground)
}

/// The request of its district took an organisation into transfer; with the move, or without it, it
/// is again what it was.
pub(crate) fn back_on_the_ledger(
    app: &App,
    stored: &Stored,
    ground: Ground<'_>,
) -> Result<Option<Edit>, Failure> {
    let kind = app.catalogue.kind(stored.record.key.kind);
    if kind.is_none_or(|kind| kind.id != "organisation") {
        return Ok(None);
    }
    let values = records::meaning(app, &stored.record)?.values;
    let row: proto::ledger::Organisation = domain::decode(&values).unwrap_or_default();
    if row.census_status() != proto::ledger::CensusStatus::Transferring {
        return Ok(None);
    }
    let values = json!({ "census_status": census::before_id(&row) });
    ruled_edit(app, stored, &values, ground).map(Some)
}

//! `nomination …`: what the districts have recommended, taken by rank.
//!
//! Two desks of a district may recommend beyond the places without knowing of each other (R18). The
//! hub takes by rank up to the cap and gives the rest back, each with the reason; of one scope all is
//! written or nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

use clap::{Args, Subcommand};
use domain::{decode, value::Input};
use program::{
    App, Exit, Failure, Out,
    commands::show_rows,
    records::{Change, Desk, Prepared, Rejection, Scopes, each, kind_of, scope_named},
};
use proto::ledger::{Nomination, NominationStatus, ProgrammeYear};
use replica::{Edit, RecordId, RecordKey, ScopeId, Source};
use serde_json::{Map, Value};

const KIND: &str = "nomination";

/// `nomination …`.
#[derive(Subcommand, Clone, Debug)]
pub enum NominationCommand {
    /// Receive what is recommended by rank up to the cap; the rest goes back with the reason
    Receive(ReceiveArgs),
}

/// `nomination receive`.
#[derive(Args, Clone, Debug)]
pub struct ReceiveArgs {
    /// The year
    #[arg(long)]
    pub year: u32,
    /// Only of this scope
    #[arg(long)]
    pub scope: Option<String>,
    /// Show what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// Why
    #[arg(long, default_value = "按推荐次序和名额接收")]
    pub reason: String,
}

/// What the answer shows: field, Chinese, English.
const COLUMNS: &[(&str, &str, &str)] = &[
    ("scope", "辖区", "scope"),
    ("rank", "次序", "rank"),
    ("nomination", "申报", "nomination"),
    ("result_text", "结果", "result"),
    ("why", "理由", "why"),
];

/// A nomination that waits for the city.
#[derive(Clone, Copy)]
struct Waiting {
    id: RecordId,
    rank: Option<u32>,
}

/// Runs `nomination …`.
///
/// # Errors
/// The command failed.
pub(crate) fn run(app: &App, command: &NominationCommand, out: &mut Out) -> Result<(), Failure> {
    let NominationCommand::Receive(args) = command;
    let year = RecordKey {
        kind: kind_of(app, "programme_year")?.kind,
        id: domain::year_record_id(args.year),
    };
    let stored = app.reader().get(year)?;
    let none = || Failure::new("YEAR-001", Exit::Invalid).with("year", args.year);
    let stored = stored.ok_or_else(none)?;
    let values = program::records::meaning(app, &stored.record)?.values;
    let row: ProgrammeYear = decode(&values).unwrap_or_default();
    let scope = args.scope.as_deref();
    let scope = scope.map(|code| scope_named(app, code, out)).transpose()?;
    let scopes = Scopes::new(app);
    let mut rows = Vec::new();
    for (home, of_scope) in waiting(app, year.id)? {
        if scope.is_none_or(|scope| scope == home) {
            let receiving = Receiving {
                desk: Desk::new(app)?,
                cap: row.recommend_cap,
                reason: &args.reason,
                scope: scopes.code(home)?,
                edits: Vec::new(),
                rows: Vec::new(),
            };
            let (edits, done) = receiving.of_scope(app, of_scope, out)?;
            if !args.dry_run && !edits.is_empty() {
                app.writer.edit(edits, Vec::new())?;
            }
            rows.extend(done);
        }
    }
    let none = out.say("没有待接收的推荐", "nothing recommended waits");
    let none = none.to_owned();
    show_rows(None, &rows, COLUMNS, &none, out);
    if args.dry_run && !out.json {
        out.note(out.say("试运行，没有写入", "a dry run: nothing was written"));
    }
    Ok(())
}

/// What is recommended in a year, by scope, in the order of the ranks.
fn waiting(app: &App, year: RecordId) -> Result<BTreeMap<ScopeId, Vec<Waiting>>, Failure> {
    let mut all: BTreeMap<ScopeId, Vec<Waiting>> = BTreeMap::new();
    each(
        app,
        kind_of(app, KIND)?.kind,
        None,
        None,
        &mut |stored, meaning| {
            let row: Nomination = decode(&meaning.values).unwrap_or_default();
            let is_of_year = row.year.as_deref() == Some(year.0.as_slice());
            if is_of_year && row.status() == NominationStatus::Recommended {
                all.entry(stored.home).or_default().push(Waiting {
                    id: stored.record.key.id,
                    rank: row.district_rank,
                });
            }
            Ok(ControlFlow::Continue(()))
        },
    )?;
    for of_scope in all.values_mut() {
        of_scope.sort_by_key(|one| (one.rank.is_none(), one.rank, one.id));
    }
    Ok(all)
}

/// One scope at work.
struct Receiving<'a> {
    desk: Desk<'a>,
    cap: Option<u32>,
    reason: &'a str,
    scope: String,
    edits: Vec<Edit>,
    rows: Vec<Map<String, Value>>,
}

type Done = (Vec<Edit>, Vec<Map<String, Value>>);

impl Receiving<'_> {
    fn of_scope(mut self, app: &App, all: Vec<Waiting>, out: &Out) -> Result<Done, Failure> {
        let mut ranks = BTreeSet::new();
        let twice: BTreeSet<u32> = all
            .iter()
            .filter_map(|one| one.rank)
            .filter(|rank| !ranks.insert(*rank))
            .collect();
        for one in all {
            // Of two with one rank nobody here knows which the district meant.
            let is_twice = one.rank.is_some_and(|rank| twice.contains(&rank));
            let why = if is_twice {
                let rank = one.rank.unwrap_or_default();
                Some(format!(
                    "推荐次序 {rank} 用了两次，请县区确定次序后重新推荐"
                ))
            } else {
                match self.prepare(app, one, "received", self.reason) {
                    Ok(prepared) => {
                        self.take(one, prepared, ("received", None), out)?;
                        None
                    }
                    Err(why) if why.findings.is_empty() => return Err(why.failure),
                    Err(why) => Some(self.said(&why)),
                }
            };
            if let Some(why) = why {
                let reason = format!("{}：{why}", self.reason);
                let prepared = self.prepare(app, one, "returned", &reason)?;
                self.take(one, prepared, ("returned", Some(why)), out)?;
            }
        }
        Ok((self.edits, self.rows))
    }

    /// Why one is not received, as the district reads it.
    fn said(&self, why: &Rejection) -> String {
        let beyond = why.findings.iter().any(|found| found.code == "beyond_cap");
        if let Some(cap) = self.cap.filter(|_| beyond) {
            return format!("本年度推荐名额为 {cap} 个，按次序已满");
        }
        let said = why.findings.iter().map(|found| found.zh.as_str());
        said.collect::<Vec<_>>().join("；")
    }

    fn prepare(
        &self,
        app: &App,
        one: Waiting,
        status: &str,
        reason: &str,
    ) -> Result<Prepared, Rejection> {
        self.desk.prepare(&Change {
            kind: kind_of(app, KIND)?,
            id: Some(one.id),
            set: vec![("status", Input::Text(status))],
            seen: None,
            scope: None,
            reason,
            source: Source::Command,
        })
    }

    /// Notes a step, so that the next one is judged with it.
    fn take(
        &mut self,
        one: Waiting,
        prepared: Prepared,
        (result, why): (&str, Option<String>),
        out: &Out,
    ) -> Result<(), Failure> {
        self.desk.note(&prepared)?;
        self.edits.extend(prepared.edits());
        let text = match result {
            "received" => out.say("已接收", "received"),
            _ => out.say("已退回", "returned"),
        };
        let mut row = Map::new();
        row.insert("scope".to_owned(), self.scope.clone().into());
        row.insert("rank".to_owned(), one.rank.into());
        row.insert("nomination".to_owned(), one.id.to_string().into());
        row.insert("result".to_owned(), result.into());
        row.insert("result_text".to_owned(), text.into());
        row.insert("why".to_owned(), why.into());
        self.rows.push(row);
        Ok(())
    }
}

//! `nomination …`: what the districts have recommended, taken by rank.
//!
//! Two desks of a district may recommend beyond the places without knowing of each other (R18). The
//! hub takes by rank up to the cap and gives the rest back, each with the reason; of one scope all is
//! written or nothing. What the city still has to decide is listed with whatever stands against it: a
//! Party organisation that has ended meanwhile, a day until which something is to be put right.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

use clap::{Args, Subcommand};
use domain::{Lookup as _, decode, permission::Right, validate::standing_verdict, value::Input};
use program::{
    App, Exit, Failure, Out,
    accounts::Deed,
    commands::show_rows,
    records::{Change, Desk, Known, Prepared, Scopes, each, kind_of, scope_named},
};
use proto::ledger::{
    AcceptanceVerdict, Nomination, NominationStatus, PartyOrgStatus, PartyOrganisation,
    ProgrammeYear, Verdict,
};
use replica::{Edit, RecordId, RecordKey, ScopeId, Source};
use serde_json::{Map, Value};

const KIND: &str = "nomination";

/// `nomination …`.
#[derive(Subcommand, Clone, Debug)]
pub enum NominationCommand {
    /// What waits for the city: recommended, received, spot-checked
    List {
        /// Only of this year
        #[arg(long)]
        year: Option<u32>,
    },
    /// Receive what is recommended by rank up to the cap; the rest goes back with the reason
    Receive(ReceiveArgs),
}

impl NominationCommand {
    /// What it does, as the table of roles and the audit list name it.
    pub(crate) fn deed(&self) -> Deed {
        match self {
            Self::List { .. } => Deed::of("nomination list", Right::Read),
            Self::Receive(args) if args.dry_run => Deed::of("nomination receive", Right::Read),
            Self::Receive(args) => Deed::of("nomination receive", Right::Enter)
                .about(&[&args.year.to_string()])
                .because(&args.reason),
        }
    }
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
    match command {
        NominationCommand::List { year } => list(app, *year, out),
        NominationCommand::Receive(args) => receive(app, args, out),
    }
}

/// What a list of what waits shows: field, Chinese, English.
const WAITING: &[(&str, &str, &str)] = &[
    ("id", "申报", "nomination"),
    ("scope", "辖区", "scope"),
    ("district_rank", "次序", "rank"),
    ("name", "党组织", "Party organisation"),
    ("status_text", "状态", "status"),
    ("rectify_due", "整改期限", "rectify by"),
    ("party_ended", "党组织已撤销", "has ended"),
];

/// Whether a nomination waits for the city.
fn waits(row: &Nomination) -> bool {
    matches!(
        row.status(),
        NominationStatus::Recommended | NominationStatus::Received | NominationStatus::SpotChecked
    )
}

/// How many nominations wait whose Party organisation has ended: the city decides whether to give them
/// back, to refuse them or to go on. No two candidates contest there, so it is no conflict; the
/// question stands until it is decided.
///
/// # Errors
/// The store is damaged or cannot be read.
pub(crate) fn orphaned(app: &App) -> Result<usize, Failure> {
    let (known, kind) = (Known::new(app), kind_of(app, KIND)?);
    let mut count = 0;
    each(app, kind.kind, None, None, &mut |_, meaning| {
        let row: Nomination = decode(&meaning.values).unwrap_or_default();
        if waits(&row) && party_of(app, &known, &row)?.status() == PartyOrgStatus::Dissolved {
            count += 1;
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(count)
}

fn list(app: &App, year: Option<u32>, out: &mut Out) -> Result<(), Failure> {
    let kind = kind_of(app, KIND)?;
    let states = kind.field("status").and_then(|field| field.enumeration());
    let year = year.map(domain::year_record_id);
    let (known, scopes) = (Known::new(app), Scopes::new(app));
    let mut rows = Vec::new();
    each(app, kind.kind, None, None, &mut |stored, meaning| {
        let row: Nomination = decode(&meaning.values).unwrap_or_default();
        let is_of_year = year.is_none_or(|year| row.year.as_deref() == Some(year.0.as_slice()));
        if !is_of_year || !waits(&row) {
            return Ok(ControlFlow::Continue(()));
        }
        let key = stored.record.key;
        let party = party_of(app, &known, &row)?;
        let text = states
            .map(|states| domain::label::enum_value(states, row.status().into(), out.language));
        let mut entry = Map::new();
        let mut put = |name: &str, value: Value| entry.insert(name.to_owned(), value);
        put("id", key.id.to_string().into());
        put("scope", scopes.code(stored.home)?.into());
        put("district_rank", row.district_rank.into());
        put("name", party.name.clone().into());
        put(
            "status",
            domain::value::to_json(kind, &meaning.values)
                .remove("status")
                .into(),
        );
        put("status_text", text.into());
        put("rectify_due", rectify_due(app, key, row.status())?.into());
        put(
            "party_ended",
            (party.status() == PartyOrgStatus::Dissolved).into(),
        );
        rows.push(entry);
        Ok(ControlFlow::Continue(()))
    })?;
    rows.sort_by_key(|row| {
        let rank = row.get("district_rank").and_then(Value::as_u64);
        (row.get("scope").map(Value::to_string), rank)
    });
    let none = out.say("没有待市级办理的申报", "no nomination waits");
    let none = none.to_owned();
    show_rows(None, &rows, WAITING, &none, out);
    Ok(())
}

fn party_of(app: &App, known: &Known<'_>, row: &Nomination) -> Result<PartyOrganisation, Failure> {
    let id = row.party_organisation.as_deref();
    let Some(id) = id.and_then(|bytes| RecordId::try_from(bytes).ok()) else {
        return Ok(PartyOrganisation::default());
    };
    let kind = kind_of(app, "party_organisation")?.kind;
    let values = known.values(RecordKey { kind, id });
    let party = values.and_then(|values| decode(&values).ok());
    Ok(party.unwrap_or_default())
}

/// Until when something is to be put right: as the verdict on condition says that stands.
fn rectify_due(
    app: &App,
    nomination: RecordKey,
    status: NominationStatus,
) -> Result<Option<String>, Failure> {
    let kind = kind_of(app, "acceptance_verdict")?.kind;
    let mut all: Vec<(RecordId, AcceptanceVerdict)> = Vec::new();
    for key in app.reader().children(nomination) {
        let stored = app.reader().get(key)?.filter(|_| key.kind == kind);
        let Some(stored) = stored else { continue };
        let meaning = program::records::meaning(app, &stored.record)?;
        if !meaning.deleted {
            all.push((key.id, decode(&meaning.values).unwrap_or_default()));
        }
    }
    let last = standing_verdict(status, all);
    let last = last.filter(|row| row.verdict() == Verdict::Conditional);
    Ok(last.and_then(|row| row.rectify_due))
}

fn receive(app: &App, args: &ReceiveArgs, out: &mut Out) -> Result<(), Failure> {
    let none = || Failure::new("YEAR-001", Exit::Invalid).with("year", args.year);
    let values = program::year::values(app, args.year)?.ok_or_else(none)?;
    let row: ProgrammeYear = decode(&values).unwrap_or_default();
    let row = domain::parameters::in_force(&row, app.today());
    let scope = args.scope.as_deref();
    let scope = scope.map(|code| scope_named(app, code, out)).transpose()?;
    let scopes = Scopes::new(app);
    let mut rows = Vec::new();
    for (home, of_scope) in waiting(app, domain::year_record_id(args.year))? {
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
                    Err(why) if why.findings.is_empty() => return Err(why),
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
    fn said(&self, why: &Failure) -> String {
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
    ) -> Result<Prepared, Failure> {
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

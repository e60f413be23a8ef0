//! `return …`: the figures of a quarter, signed by the district, accepted by the city.

use clap::Subcommand;
use domain::{date, value::Input};
use proto::ledger::ReturnStatus;
use replica::{ScopeId, Source};
use serde_json::{Map, Value};

use crate::{
    accounts::Deed,
    app::App,
    commands::{show_rows, text},
    failure::{Exit, Failure},
    output::Out,
    records::{Change, Desk, Scopes, act, kind_of, meaning, put, scope_of},
    report, returns,
};
use domain::permission::Right;

/// `return …`.
#[derive(Subcommand, Clone, Debug)]
pub enum ReturnCommand {
    /// The returns of a year with their states
    List {
        /// The year (default: this one)
        #[arg(long)]
        year: Option<u32>,
        /// Only of this scope
        #[arg(long)]
        scope: Option<String>,
    },
    /// One return: figures, hash here and as signed, corrections since it was accepted
    Show(ReturnOf),
    /// Sign the figures of a quarter and hand them in
    Submit(ReturnStep),
    /// Accept a return; only when the same is counted here
    Accept(ReturnStep),
    /// Give a return back, with the reason
    GiveBack(ReturnStep),
    /// Take up a return again that was given back
    Reopen(ReturnStep),
    /// Lock an accepted return
    Lock(ReturnStep),
    /// Freeze the city's own figures of a quarter
    Freeze {
        /// The quarter, as 2020Q3
        period: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
}

/// Which return.
#[derive(clap::Args, Clone, Debug)]
pub struct ReturnOf {
    /// The quarter, as 2020Q3
    period: String,
    /// The scope (default: the own)
    #[arg(long)]
    scope: Option<String>,
}

/// A step of a return.
#[derive(clap::Args, Clone, Debug)]
pub struct ReturnStep {
    #[command(flatten)]
    of: ReturnOf,
    /// Why
    #[arg(long)]
    reason: String,
}

impl ReturnCommand {
    /// What it does, as the table of roles and the audit list name it.
    #[must_use]
    pub fn deed(&self) -> Deed {
        let step = |name, step: &ReturnStep| {
            Deed::of(name, Right::Enter)
                .about(&[&step.of.period])
                .because(&step.reason)
        };
        match self {
            Self::List { .. } => Deed::of("return list", Right::Read),
            Self::Show(of) => Deed::of("return show", Right::Read).about(&[&of.period]),
            Self::Submit(of) => step("return submit", of),
            Self::Accept(of) => step("return accept", of),
            Self::GiveBack(of) => step("return give-back", of),
            Self::Reopen(of) => step("return reopen", of),
            Self::Lock(of) => step("return lock", of),
            Self::Freeze { period, reason } => Deed::of("return freeze", Right::Enter)
                .about(&[period])
                .because(reason),
        }
    }
}

/// What a list of returns shows.
const COLUMNS: &[(&str, &str, &str)] = &[
    ("period", "季度", "quarter"),
    ("scope", "辖区", "scope"),
    ("status", "状态", "status"),
    ("submitted_on", "上报日期", "submitted on"),
    ("comment", "说明", "comment"),
];

/// Runs `return …`.
///
/// # Errors
/// The command failed.
pub fn run(app: &App, command: ReturnCommand, out: &mut Out) -> Result<(), Failure> {
    let (of, step) = match command {
        ReturnCommand::List { year, scope } => return list(app, year, scope.as_deref(), out),
        ReturnCommand::Freeze { period, reason } => return freeze(app, &period, &reason, out),
        ReturnCommand::Show(of) => (of, None),
        ReturnCommand::Submit(step) => (step.of, Some(("submit", step.reason))),
        ReturnCommand::Accept(step) => (step.of, Some(("accept", step.reason))),
        ReturnCommand::GiveBack(step) => (step.of, Some(("return", step.reason))),
        ReturnCommand::Reopen(step) => (step.of, Some(("reopen", step.reason))),
        ReturnCommand::Lock(step) => (step.of, Some(("lock", step.reason))),
    };
    let scope = match of.scope.as_deref() {
        Some(named) => scope_of(app, named)?,
        None => app.scope(),
    };
    if let Some((name, reason)) = step {
        take(app, scope, &of.period, (name, &reason))?;
    }
    let document = returns::document(app, scope, &of.period, out.language)?;
    if out.json {
        out.document(&Value::Object(document));
    } else {
        show(&document, out);
    }
    Ok(())
}

/// Takes a step. The first submission makes the record; another one signs the figures as they are now.
fn take(
    app: &App,
    scope: ScopeId,
    period: &str,
    (name, reason): (&str, &str),
) -> Result<(), Failure> {
    let unread = || Failure::new("RETURN-001", Exit::Invalid).with("period", period);
    let key = returns::key_of(app, scope, period).ok_or_else(unread)?;
    let (year, quarter) = date::read_quarter(period).ok_or_else(unread)?;
    let kind = kind_of(app, "quarterly_return")?;
    let write = |id, set: &[(&str, &str)]| {
        let set = set.iter();
        let change = Change {
            kind,
            id,
            set: set
                .map(|(field, text)| (*field, Input::Text(text)))
                .collect(),
            seen: None,
            scope: None,
            reason,
            source: Source::Command,
        };
        put(app, &change).map(drop)
    };
    let known = app.reader().get(key)?;
    let known = known.filter(|stored| !stored.record.is_empty());
    if name == "submit" {
        // Before the record of a first submission is made.
        let last = date::quarter_end(year, quarter).ok_or_else(unread)?;
        returns::has_ended(app, period, last)?;
        let status = match &known {
            Some(stored) => returns::status(&meaning(app, &stored.record)?.values),
            None => {
                let code = Scopes::new(app).code(scope)?;
                let made = [
                    ("scope", code.as_str()),
                    ("period", period),
                    ("status", "open"),
                ];
                write(None, &made)?;
                ReturnStatus::Open
            }
        };
        if status == ReturnStatus::Submitted {
            let hash = returns::figures(app, scope, period)?.hash;
            let today = date::text(app.today());
            return write(
                Some(key.id),
                &[("figures_hash", &hash), ("submitted_on", &today)],
            );
        }
    }
    act(app, key, name, Vec::new(), (None, reason)).map(drop)
}

fn list(app: &App, year: Option<u32>, scope: Option<&str>, out: &mut Out) -> Result<(), Failure> {
    let this = u32::try_from(app.today().year()).unwrap_or_default();
    let scope = scope.map(|named| scope_of(app, named)).transpose()?;
    let rows = returns::list(app, year.unwrap_or(this), scope)?;
    let none = out.say("没有季度报表", "there is no return").to_owned();
    let kind = app.catalogue.kind_by_id("quarterly_return");
    show_rows(kind, &rows, COLUMNS, &none, out);
    Ok(())
}

/// Freezes the city's figures, as its returns freeze those of the districts.
fn freeze(app: &App, period: &str, reason: &str, out: &mut Out) -> Result<(), Failure> {
    let unread = || Failure::new("RETURN-001", Exit::Invalid).with("period", period);
    if !app.is_hub() {
        return Err(Failure::new("RETURN-004", Exit::Refused));
    }
    let (year, quarter) = date::read_quarter(period).ok_or_else(unread)?;
    let as_of = date::quarter_end(year, quarter).ok_or_else(unread)?;
    returns::has_ended(app, period, as_of)?;
    let year = u32::try_from(year).map_err(|_e| unread())?;
    let figures = report::of_city(app, (as_of, year))?;
    let code = Scopes::new(app).code(app.published())?;
    let snapshots = returns::snapshots(&code, period, &figures);
    let desk = Desk::new(app)?;
    let mut edits = Vec::new();
    for snapshot in &snapshots {
        let prepared = desk.effect(snapshot, (reason, Source::Command))?;
        edits.extend(prepared.edits());
    }
    if !edits.is_empty() {
        app.writer.edit(edits, Vec::new())?;
    }
    if out.json {
        out.document(&serde_json::json!({ "period": period, "frozen": snapshots.len() }));
    } else {
        let text = out.say(
            "已冻结全市 {n} 项指标",
            "{n} figures of the city are frozen",
        );
        out.line(text.replace("{n}", &snapshots.len().to_string()));
    }
    Ok(())
}

fn show(document: &Map<String, Value>, out: &mut Out) {
    let of = Value::Object(document.clone());
    let (period, scope) = (text(&of, "period"), text(&of, "scope"));
    let status = match text(&of, "status") {
        "" => out.say("未上报", "not handed in").to_owned(),
        status => {
            let kind = domain::Catalogue::builtin().kind_by_id("quarterly_return");
            super::record::value_text(kind, "status", &status.into(), out.language)
        }
    };
    out.line(format!("{scope} {period}  {status}"));
    let short = |name: &str| -> String { text(&of, name).chars().take(12).collect() };
    let (signed, counted) = (short("signed"), short("counted"));
    let equal = match document.get("equal") {
        Some(Value::Bool(true)) => out.say("一致", "equal"),
        Some(Value::Bool(false)) => out.say("不一致", "different"),
        _ => out.say("尚未上报", "not signed yet"),
    };
    let line = out.say(
        "上报指纹 {signed}，本方计算 {counted}：",
        "signed {signed}, counted here {counted}: ",
    );
    out.line(
        line.replace("{signed}", &signed)
            .replace("{counted}", &counted)
            + equal,
    );
    let figures = document.get("figures").and_then(Value::as_object);
    let figures = figures.into_iter().flatten();
    let rows = figures.map(|(name, figure)| {
        let label = domain::indicator::Definition::of(name);
        let label = label.map_or(name.as_str(), |one| one.label(out.language));
        vec![label.to_owned(), figure_text(figure)]
    });
    let rows: Vec<_> = rows.collect();
    let headings = [out.say("指标", "Indicator"), out.say("数值", "Figure")];
    out.table(&headings, &rows);
    let corrections = super::array(&of, "corrections");
    if !corrections.is_empty() {
        out.line(out.say("确认后的更正", "Corrections since it was accepted"));
        let row = |one: &Value| {
            let is = one.get("is").unwrap_or(&Value::Null);
            let was = one.get("was").unwrap_or(&Value::Null);
            // A plain number was frozen as a numerator.
            let was = if is.is_number() {
                was.get("num")
            } else {
                Some(was)
            };
            let was = was.map(figure_text).unwrap_or_default();
            vec![text(one, "label").to_owned(), was, figure_text(is)]
        };
        let rows: Vec<_> = corrections.iter().map(row).collect();
        let headings = [
            out.say("指标", "Indicator"),
            out.say("确认时", "Accepted"),
            out.say("现在", "Now"),
        ];
        out.table(&headings, &rows);
    }
}

/// A figure of a document: a number, or two with a stroke.
fn figure_text(figure: &Value) -> String {
    match figure.as_object() {
        Some(parts) => {
            let part = |name: &str| parts.get(name).map(Value::to_string).unwrap_or_default();
            match part("den").as_str() {
                "0" => "—".to_owned(),
                den => format!("{}/{den}", part("num")),
            }
        }
        None => figure.to_string(),
    }
}

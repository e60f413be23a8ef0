//! `year …`: the programme year: where it stands, and how the city opens, settles and archives one.
//!
//! A district sees it; the writes are the city's, as every write of a published kind.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Map, Value};

use crate::{
    accounts::Deed,
    app::App,
    commands::{
        array,
        record::{field_label, value_text},
        show_rows, table, text,
    },
    failure::{Exit, Failure},
    output::Out,
    tables::{self, Format},
    year,
};
use domain::permission::Right;

/// `year …`.
#[derive(Subcommand, Clone, Debug)]
pub enum YearCommand {
    /// All years with their phases
    List,
    /// One year: phase, windows, days left, quotas, items
    Show {
        /// The year (default: the newest that has begun)
        year: Option<u32>,
    },
    /// Two years side by side: the nine criteria and the headline figures, and what has moved
    Compare(CompareArgs),
    /// Set the phase of a year by hand, or let its days say it again
    Phase {
        /// The year
        year: u32,
        /// `planning`, `overall_improvement`, `nomination`, `acceptance`, `settled`, `archived`
        #[arg(long, required_unless_present = "computed")]
        set: Option<String>,
        /// As its days say
        #[arg(long, conflicts_with = "set")]
        computed: bool,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Change parameters from a day on; what they said before holds for the days before it
    Set {
        /// The year
        year: u32,
        /// A parameter and its value, as `should_build_members=5`
        #[arg(value_name = "FIELD=VALUE", required = true)]
        sets: Vec<String>,
        /// The first day of the new values
        #[arg(long, value_name = "DAY")]
        from: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Open a year from another: the same parameters, the windows moved, the items as drafts
    Open {
        /// The new year
        year: u32,
        /// The year it is opened from (default: the one before)
        #[arg(long)]
        from: Option<u32>,
        /// Its title (default: that of the other with the year changed)
        #[arg(long)]
        title: Option<String>,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Publish the draft items of a year; they are frozen from then on
    Publish(YearArgs),
    /// Settle a year: its accepted returns are locked with it
    Settle {
        /// The year and why
        #[command(flatten)]
        args: YearArgs,
        /// Also where returns are open or not accepted yet
        #[arg(long)]
        confirm: bool,
    },
    /// Archive a settled year: its records are only read
    Archive(YearArgs),
}

/// `year compare`.
#[derive(clap::Args, Clone, Debug)]
pub struct CompareArgs {
    /// The year before
    before: u32,
    /// The year that is compared with it
    after: u32,
    /// Only this scope (default: at the city all of them)
    #[arg(long)]
    scope: Option<String>,
    /// The file (default: tables on the terminal)
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The form of the file (default: as its name ends)
    #[arg(long, value_enum, requires = "output")]
    format: Option<Format>,
}

/// A year and a reason.
#[derive(clap::Args, Clone, Debug)]
pub struct YearArgs {
    /// The year
    year: u32,
    /// Why
    #[arg(long)]
    reason: String,
}

impl YearCommand {
    /// What it does, as the table of roles and the audit list name it.
    #[must_use]
    pub fn deed(&self) -> Deed {
        let step = |name, year: u32, reason: &str| {
            Deed::of(name, Right::Enter)
                .about(&[&year.to_string()])
                .because(reason)
        };
        match self {
            Self::List => Deed::of("year list", Right::Read),
            Self::Show { .. } => Deed::of("year show", Right::Read),
            Self::Compare(args) if args.output.is_some() => {
                Deed::of("year compare", Right::Export).noted()
            }
            Self::Compare(_) => Deed::of("year compare", Right::Read),
            Self::Phase { year, reason, .. } => step("year phase", *year, reason),
            Self::Set {
                year, sets, reason, ..
            } => step("year set", *year, reason).setting(sets),
            Self::Open { year, reason, .. } => step("year open", *year, reason),
            Self::Publish(args) => step("year publish", args.year, &args.reason),
            Self::Settle { args, .. } => step("year settle", args.year, &args.reason),
            Self::Archive(args) => step("year archive", args.year, &args.reason),
        }
    }
}

/// What a list of years shows.
const COLUMNS: &[(&str, &str, &str)] = &[
    ("year", "年度", "year"),
    ("title", "方案名称", "title"),
    ("phase_text", "阶段", "phase"),
    ("ends", "截止", "ends"),
];

/// Runs `year …`.
///
/// # Errors
/// The command failed.
pub fn run(app: &App, command: YearCommand, out: &mut Out) -> Result<(), Failure> {
    let shown = match command {
        YearCommand::List => {
            let rows = year::list(app, out.language)?;
            let none = out.say("没有年度", "there is no year").to_owned();
            show_rows(None, &rows, COLUMNS, &none, out);
            return Ok(());
        }
        YearCommand::Compare(args) => return compare(app, &args, out),
        YearCommand::Show { year } => match year {
            Some(year) => year,
            None => year::newest(app)?,
        },
        YearCommand::Phase {
            year, set, reason, ..
        } => {
            year::set_phase(app, year, set.as_deref(), &reason)?;
            year
        }
        YearCommand::Set {
            year,
            sets,
            from,
            reason,
        } => {
            let wrong = || Failure::new("REPORT-001", Exit::Invalid).with("date", &from);
            let day = domain::date::read(&from).ok_or_else(wrong)?;
            year::set(app, (year, day), &sets, &reason)?;
            year
        }
        YearCommand::Open {
            year,
            from,
            title,
            reason,
        } => {
            let from = from.unwrap_or_else(|| year.saturating_sub(1));
            year::open(app, (year, from), title.as_deref(), &reason)?;
            year
        }
        YearCommand::Publish(args) => {
            year::publish(app, args.year, &args.reason)?;
            args.year
        }
        YearCommand::Settle { args, confirm } => {
            year::settle(app, (args.year, confirm), &args.reason)?;
            args.year
        }
        YearCommand::Archive(args) => {
            year::archive(app, args.year, &args.reason)?;
            args.year
        }
    };
    let document = year::show(app, shown, out.language)?;
    if out.json {
        out.document(&Value::Object(document));
    } else {
        print(&document, out);
    }
    Ok(())
}

fn compare(app: &App, args: &CompareArgs, out: &mut Out) -> Result<(), Failure> {
    let path = args.output.as_deref();
    let format = table::format_of(path, args.format)?;
    let report = tables::compare(app, (args.before, args.after), args.scope.as_deref())?;
    table::give(app, &report, (path, format), out)
}

/// One year for people.
fn print(year: &Map<String, Value>, out: &mut Out) {
    let document = Value::Object(year.clone());
    let number = |name: &str| document.get(name).and_then(Value::as_i64);
    let colon = out.say("：", ": ").to_owned();
    let year = number("year").unwrap_or_default();
    out.line(format!("{year}  {}", text(&document, "title")));
    let mut phase = [
        out.say("阶段", "phase"),
        &colon,
        text(&document, "phase_text"),
    ]
    .concat();
    if let Some(days) = number("days_left") {
        let lead = out.say("，至 {to}，还有 {n} 天", ", until {to}, {n} days left");
        let lead = lead.replace("{to}", text(&document, "ends"));
        phase.push_str(&lead.replace("{n}", &days.to_string()));
    }
    out.line(phase);
    let reason = text(&document, "reason");
    if !reason.is_empty() {
        let lead = out.say("人工指定，理由", "set by hand, because");
        out.line([lead, &colon, reason].concat());
    }
    let row = |window: &Value| {
        let is_open = window.get("open") == Some(&Value::Bool(true));
        let open = out.language.pick("进行中", "open");
        vec![
            text(window, "phase_text").to_owned(),
            text(window, "from").to_owned(),
            text(window, "to").to_owned(),
            (if is_open { open } else { "" }).to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = array(&document, "windows").iter().map(row).collect();
    let headings = [
        out.say("阶段", "phase"),
        out.say("开始", "from"),
        out.say("截止", "to"),
        "",
    ];
    out.table(&headings, &rows);
    print_parameters(&document, out);
    let items = document.get("items").unwrap_or(&Value::Null);
    let count = |name: &str| items.get(name).and_then(Value::as_i64).unwrap_or_default();
    let line = out.say(
        "规范条目：已公布 {n} 条，草稿 {m} 条",
        "standard items: {n} published, {m} drafts",
    );
    let line = line.replace("{n}", &count("published").to_string());
    out.line(line.replace("{m}", &count("drafts").to_string()));
    let late = array(&document, "late").iter().filter_map(Value::as_str);
    let late: Vec<&str> = late.collect();
    if !late.is_empty() {
        let lead = out.say(
            "归档之后才写入或送到的记录（按写入时间），请核对",
            "records written after it was archived, by their clocks; please look",
        );
        out.line([lead, &colon, &late.join(" ")].concat());
    }
}

/// Quotas and parameters as they are in force, and those that were changed.
fn print_parameters(document: &Value, out: &mut Out) {
    let kind = kind_of_years();
    let mut rows = Vec::new();
    for group in ["quotas", "parameters"] {
        let fields = document.get(group).and_then(Value::as_object);
        rows.extend(fields.into_iter().flatten().map(|(name, value)| {
            vec![
                field_label(kind, name, out.language),
                value_text(kind, name, value, out.language),
            ]
        }));
    }
    let headings = [out.say("下限和参数", "quotas and parameters"), ""];
    out.table(&headings, &rows);
    let rows: Vec<Vec<String>> = array(document, "changes")
        .iter()
        .map(|it| change(it, out))
        .collect();
    if !rows.is_empty() {
        let headings = [
            out.say("参数调整", "changed parameter"),
            out.say("自", "from"),
            out.say("原为", "before"),
            out.say("改为", "to"),
        ];
        out.table(&headings, &rows);
    }
}

/// A parameter that was changed, for people.
fn change(change: &Value, out: &Out) -> Vec<String> {
    let (kind, name) = (kind_of_years(), text(change, "field"));
    let value = |of: &str| value_text(kind, name, &Value::from(text(change, of)), out.language);
    let (from, label) = (
        text(change, "from").to_owned(),
        field_label(kind, name, out.language),
    );
    vec![label, from, value("before"), value("value")]
}

/// The kind of years, for the labels of its fields.
fn kind_of_years() -> Option<&'static domain::KindSpec> {
    domain::Catalogue::builtin().kind_by_id("programme_year")
}

//! `report NAME`: one of the reports, to the terminal or to a file; and `quality list`.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use domain::label::Language;
use serde_json::{Value, json};

use crate::{
    app::{App, Live},
    failure::{Exit, Failure},
    output::Out,
    records::{Scopes, scope_named},
    tables::{self, Format, Name, REPORTS, Request},
};

/// The reports by name.
#[derive(Subcommand, Clone, Debug)]
pub enum TableCommand {
    /// Table 1: Party organisations in non-public enterprises
    Enterprises(TableArgs),
    /// Table 2: Party organisations in social organisations
    Social(TableArgs),
    /// Table 3: progress of the five ones
    FiveOnes(TableArgs),
    /// Table 4: progress of the one platform
    Platforms(TableArgs),
    /// Table 5: blank points
    BlankPoints(TableArgs),
    /// Table 6: problems, tasks, responsibilities
    Lists(TableArgs),
    /// Table 7: nominations and acceptance
    Nominations(TableArgs),
    /// Table 8: funding, incentives, rewards
    Funding(TableArgs),
    /// Table 9: who was trained
    TrainingRoster(TableArgs),
    /// Table 10: what changed between two days
    Changes {
        /// The day after which changes count (default: the last day of the year before)
        #[arg(long, value_name = "DATE")]
        from: Option<String>,
        /// The last day (default: today)
        #[arg(long, value_name = "DATE", conflicts_with = "as_of")]
        to: Option<String>,
        /// What all reports take
        #[command(flatten)]
        args: TableArgs,
    },
    /// Table 11: the quality of data, and how it is synchronised
    Quality(TableArgs),
    /// The headline figures of all scopes, with lights and trends
    Scorecard(TableArgs),
}

impl TableCommand {
    /// What it takes.
    pub(super) fn args(&self) -> &TableArgs {
        match self {
            Self::Enterprises(args)
            | Self::Social(args)
            | Self::FiveOnes(args)
            | Self::Platforms(args)
            | Self::BlankPoints(args)
            | Self::Lists(args)
            | Self::Nominations(args)
            | Self::Funding(args)
            | Self::TrainingRoster(args)
            | Self::Quality(args)
            | Self::Scorecard(args)
            | Self::Changes { args, .. } => args,
        }
    }
}

/// What all reports take.
#[derive(Args, Clone, Debug)]
pub struct TableArgs {
    /// The form of the file (default: as its name ends)
    #[arg(long, value_enum, requires = "output")]
    pub format: Option<Format>,
    /// The file (default: a table on the terminal)
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Only this scope (default: at the city all of them)
    #[arg(long)]
    pub scope: Option<String>,
    /// The day (default: today)
    #[arg(long, value_name = "DATE")]
    pub as_of: Option<String>,
    /// The programme year (default: that of the day)
    #[arg(long)]
    pub year: Option<u32>,
    /// Only this table of the report, by its name in JSON
    #[arg(long, value_name = "TABLE")]
    pub table: Option<String>,
}

/// Runs `report NAME`.
///
/// # Errors
/// The report cannot be made or written. One that does not balance is given, and the command fails
/// after it.
pub fn run<L: Live>(
    app: &App,
    live: &L,
    command: TableCommand,
    out: &mut Out,
) -> Result<(), Failure> {
    let (name, args, from) = match command {
        TableCommand::Enterprises(args) => (Name::Enterprises, args, None),
        TableCommand::Social(args) => (Name::Social, args, None),
        TableCommand::FiveOnes(args) => (Name::FiveOnes, args, None),
        TableCommand::Platforms(args) => (Name::Platforms, args, None),
        TableCommand::BlankPoints(args) => (Name::BlankPoints, args, None),
        TableCommand::Lists(args) => (Name::Lists, args, None),
        TableCommand::Nominations(args) => (Name::Nominations, args, None),
        TableCommand::Funding(args) => (Name::Funding, args, None),
        TableCommand::TrainingRoster(args) => (Name::TrainingRoster, args, None),
        TableCommand::Quality(args) => (Name::Quality, args, None),
        TableCommand::Scorecard(args) => (Name::Scorecard, args, None),
        TableCommand::Changes { from, to, mut args } => {
            args.as_of = to.or(args.as_of);
            (Name::Changes, args, from)
        }
    };
    let format = format_of(args.output.as_deref(), args.format)?;
    let request = Request {
        scope: args.scope,
        as_of: args.as_of,
        year: args.year,
        from,
    };
    let mut report = tables::report(app, live, name, &request)?;
    if let Some(wanted) = &args.table {
        let known: Vec<&str> = report.tables.iter().map(|table| table.id).collect();
        let known = known.join(", ");
        report.tables.retain(|table| table.id == wanted);
        if report.tables.is_empty() {
            return Err(Failure::new("TABLE-005", Exit::Invalid)
                .with("table", wanted)
                .with("known", known));
        }
    }
    give(app, &report, (args.output.as_deref(), format), out)
}

/// Writes a report to a file, or prints it.
pub(super) fn give(
    app: &App,
    report: &tables::Report,
    (path, format): (Option<&Path>, Format),
    out: &mut Out,
) -> Result<(), Failure> {
    match path {
        Some(path) => {
            let path = app.path(path);
            tables::file(report, format, &path, out.language)?;
            said(report, &path.display().to_string(), out);
        }
        None if out.json => out.document(&report.json(out.language)),
        None => tables::terminal(report, out),
    }
    balanced(report, out)
}

/// The form of the file that is asked for; any where there is no file.
pub(super) fn format_of(path: Option<&Path>, format: Option<Format>) -> Result<Format, Failure> {
    let Some(path) = path else {
        return Ok(Format::Json);
    };
    let format = format.or_else(|| Format::of(path));
    format.ok_or_else(|| Failure::new("TABLE-002", Exit::Usage).with("path", path.display()))
}

fn said(report: &tables::Report, path: &str, out: &mut Out) {
    if out.json {
        let count = |table: &tables::Table| json!({ "table": table.id, "rows": table.rows.len() });
        out.document(&json!({
            "report": report.name,
            "output": path,
            "balanced": report.broken().next().is_none(),
            "tables": report.tables.iter().map(count).collect::<Vec<_>>(),
        }));
        return;
    }
    let title = report.title.say(out.language);
    let line = match out.language {
        Language::Zh => format!("已写入 {path}：{title}"),
        Language::En => format!("{title} written to {path}"),
    };
    out.line(line);
}

/// Says loudly which balances of a report do not hold.
fn balanced(report: &tables::Report, out: &mut Out) -> Result<(), Failure> {
    let mut count = 0;
    for (table, balance) in report.broken() {
        count += 1;
        let title = table.title.say(out.language);
        let sentence = balance.sentence(out.language);
        out.note(format!("!! {title}  {sentence}"));
    }
    match count {
        0 => Ok(()),
        n => Err(Failure::new("TABLE-003", Exit::Failed).with("n", n)),
    }
}

/// Prints which reports there are.
pub fn list(out: &mut Out) {
    let language = out.language;
    if out.json {
        let one = |(_, name, title, shows): &(Name, &str, tables::Word, tables::Word)| json!({ "name": name, "title": title.say(language), "shows": shows.say(language) });
        out.document(&REPORTS.iter().map(one).collect::<Value>());
        return;
    }
    let headings = match language {
        Language::Zh => ["报表", "名称", "内容"],
        Language::En => ["report", "title", "shows"],
    };
    let row = |(_, name, title, shows): &(Name, &str, tables::Word, tables::Word)| {
        vec![
            (*name).to_owned(),
            title.say(language).to_owned(),
            shows.say(language).to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = REPORTS.iter().map(row).collect();
    out.table(&headings, &rows);
}

/// `quality …`.
#[derive(Subcommand, Clone, Debug)]
pub enum QualityCommand {
    /// What the rules have to say of the records as they stand
    List {
        /// Only of this rule, as V11
        #[arg(long)]
        rule: Option<String>,
        /// Only of this scope (default: all that are here)
        #[arg(long)]
        scope: Option<String>,
        /// How many at most
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
}

/// Runs `quality …`.
///
/// # Errors
/// The scope is not known, or the store cannot be read.
pub fn quality(app: &App, command: QualityCommand, out: &mut Out) -> Result<(), Failure> {
    let QualityCommand::List { rule, scope, limit } = command;
    let scope = scope
        .map(|named| scope_named(app, &named, out))
        .transpose()?;
    let listed = tables::findings(app, rule.as_deref(), scope, limit)?;
    let scopes = Scopes::new(app);
    if out.json {
        let one = |found: &tables::Found| {
            Ok(json!({
                "rule": found.finding.rule,
                "level": level(found, Language::En),
                "code": found.finding.code,
                "field": found.finding.field,
                "kind": found.kind.id,
                "id": found.id.to_string(),
                "scope": scopes.code(found.scope)?,
                "message": out.say(&found.finding.zh, &found.finding.en),
            }))
        };
        let found: Result<Vec<Value>, Failure> = listed.found.iter().map(one).collect();
        out.document(&json!({ "total": listed.total, "findings": found? }));
        return Ok(());
    }
    let headings = match out.language {
        Language::Zh => ["规则", "程度", "辖区", "记录", "项目", "提示"],
        Language::En => ["rule", "level", "scope", "record", "field", "finding"],
    };
    let row = |found: &tables::Found| {
        let finding = &found.finding;
        let field = found.kind.field(&finding.field);
        let field = field.map_or("", |field| domain::label::field(field, out.language));
        Ok(vec![
            finding.rule.to_owned(),
            level(found, out.language).to_owned(),
            scopes.code(found.scope)?,
            format!("{}/{}", found.kind.id, found.id),
            field.to_owned(),
            out.say(&finding.zh, &finding.en).to_owned(),
        ])
    };
    let rows: Result<Vec<Vec<String>>, Failure> = listed.found.iter().map(row).collect();
    out.table(&headings, &rows?);
    let (shown, total) = (listed.found.len(), listed.total);
    let line = match out.language {
        Language::Zh => {
            format!("共 {total} 项提示，列出 {shown} 项。用 --limit 多列，用 --rule 只看一条规则。")
        }
        Language::En => {
            format!("{total} findings, {shown} shown. See more with --limit, one rule with --rule.")
        }
    };
    out.note(line);
    Ok(())
}

/// Whether a save would be refused for it.
fn level(found: &tables::Found, language: Language) -> &'static str {
    match found.finding.blocks() {
        true => language.pick("不应保存", "block"),
        false => language.pick("提醒", "warn"),
    }
}

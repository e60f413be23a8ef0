//! `audit …`: what was done here, by whom, when and why.

use clap::{Args, Subcommand};
use domain::{Date, permission::Right};
use serde_json::{Value, json};

use crate::{
    accounts::Deed,
    app::App,
    audit::{
        self,
        list::{Filter, Row},
    },
    clock::moment,
    failure::{Exit, Failure},
    output::Out,
};

/// `audit …`.
#[derive(Subcommand, Clone, Debug)]
pub enum AuditCommand {
    /// What was done here, the newest first: writes, decisions, reveals, exports, accounts, refusals
    List(ListArgs),
    /// Prove that no entry of the list was altered or taken out
    Verify,
}

/// `audit list`.
#[derive(Args, Clone, Debug)]
pub struct ListArgs {
    /// Only of this account
    #[arg(long = "account", value_name = "ACCOUNT")]
    pub of_account: Option<String>,
    /// Only from this day on
    #[arg(long, value_name = "DATE")]
    pub from: Option<String>,
    /// Only to this day
    #[arg(long, value_name = "DATE")]
    pub to: Option<String>,
    /// Only about this kind
    #[arg(long)]
    pub kind: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 50)]
    pub limit: usize,
}

impl AuditCommand {
    /// What it does.
    #[must_use]
    pub fn deed(&self) -> Deed {
        match self {
            Self::List(_) => Deed::of("audit list", Right::Audit),
            Self::Verify => Deed::of("audit verify", Right::Audit),
        }
    }
}

/// Runs `audit …`.
///
/// # Errors
/// The command failed, or the list is not whole.
pub fn run(app: &App, command: &AuditCommand, out: &mut Out) -> Result<(), Failure> {
    match command {
        AuditCommand::List(args) => list(app, args, out),
        AuditCommand::Verify => {
            let count = audit::verify(app)?;
            if out.json {
                out.document(&json!({ "ok": true, "entries": count }));
            } else {
                let text = out.say(
                    "{n} 条记载首尾相接，没有缺失或改动",
                    "{n} entries, none missing or altered",
                );
                out.line(text.replace("{n}", &count.to_string()));
            }
            Ok(())
        }
    }
}

fn day(text: Option<&String>) -> Result<Option<Date>, Failure> {
    let read = |text: &String| {
        let wrong = || Failure::new("USAGE-002", Exit::Usage).with("date", text);
        domain::date::read(text).ok_or_else(wrong)
    };
    text.map(read).transpose()
}

fn list(app: &App, args: &ListArgs, out: &mut Out) -> Result<(), Failure> {
    let filter = Filter {
        account: args.of_account.clone(),
        from: day(args.from.as_ref())?,
        to: day(args.to.as_ref())?,
        kind: args.kind.clone(),
        limit: args.limit,
    };
    let listed = audit::list::list(app, &filter)?;
    if out.json {
        let rows: Value = listed.rows.iter().map(Row::json).collect();
        out.document(&json!({ "entries": rows, "more": listed.has_more }));
        return Ok(());
    }
    let row = |row: &Row| {
        let what = [row.what.as_str(), &row.fields.join(" ")].join(" ");
        vec![
            moment(row.at_ms),
            row.who.clone(),
            row.deed.clone(),
            what.trim().to_owned(),
            row.why.clone(),
            row.result.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = listed.rows.iter().map(row).collect();
    let headings = [
        out.say("时间", "when"),
        out.say("账号", "who"),
        out.say("操作", "deed"),
        out.say("对象", "what"),
        out.say("理由", "why"),
        out.say("结果", "result"),
    ];
    out.table(&headings, &rows);
    if listed.has_more {
        out.note(out.say(
            "还有更早的记载，用 --limit、--to 查看",
            "There are older ones; see --limit and --to",
        ));
    }
    Ok(())
}

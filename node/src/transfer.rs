//! `transfer …` and `claims` at a district: asking for a move, consenting to one, taking a request
//! back; what the city has ruled about organisations that another scope has too.

use clap::Subcommand;
use domain::permission::Right;
use program::{
    App, Failure, Out,
    accounts::Deed,
    claims,
    commands::{proposal::id_of, show_rows},
    records::{Saved, Scopes, key_named, scope_to_enter},
    transfers,
};
use serde_json::{Map, Value};

/// `transfer …`.
#[derive(Subcommand, Clone, Debug)]
pub enum TransferCommand {
    /// Ask the city to move a record, with all that belongs to it, to another scope
    Request {
        /// The record, as organisation/ID
        record: String,
        /// The code of the scope it is to belong to
        #[arg(long)]
        to: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Agree to a move that the other scope has asked for
    Consent {
        /// The request
        id: String,
        /// Why
        #[arg(long, default_value = "同意迁移")]
        reason: String,
    },
    /// Take a request back
    Cancel {
        /// The request
        id: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Requests of this scope and to it
    List {
        /// Those that are settled too
        #[arg(long)]
        all: bool,
    },
}

impl TransferCommand {
    /// What it does. A request is a record: the journal has it.
    pub(crate) fn deed(&self) -> Deed {
        let enter = |name, id: &String, reason: &String| {
            Deed::of(name, Right::Enter).about(&[id]).because(reason)
        };
        match self {
            Self::Request { record, reason, .. } => enter("transfer request", record, reason),
            Self::Consent { id, reason } => enter("transfer consent", id, reason),
            Self::Cancel { id, reason } => enter("transfer cancel", id, reason),
            Self::List { .. } => Deed::of("transfer list", Right::Read),
        }
    }
}

/// Runs `transfer …`.
///
/// # Errors
/// The command failed.
pub(crate) fn run(app: &App, command: TransferCommand, out: &mut Out) -> Result<(), Failure> {
    match command {
        TransferCommand::Request { record, to, reason } => {
            let key = key_named(app, &record)?;
            let to = scope_to_enter(app, &to, out)?;
            let saved = transfers::request(app, key, to, &reason)?;
            asked(&saved, transfers::is_locked(app, key)?, out);
        }
        TransferCommand::Consent { id, reason } => {
            let id = id_of(&id)?;
            let request = transfers::consent(app, id, &reason)?;
            let asked = transfers::Request::find(app, id)?;
            let text = if asked.takes_into_transfer(app) {
                locked_there(out)
            } else {
                meanwhile(transfers::is_locked(app, asked.record)?, out)
            };
            consented(request, text, out);
        }
        TransferCommand::Cancel { id, reason } => {
            let saved = transfers::cancel(app, id_of(&id)?, &reason)?;
            let text = out
                .say("申请已取消。", "The request was taken back.")
                .to_owned();
            told(&saved, &text, out);
        }
        TransferCommand::List { all } => {
            let rows = transfers::list(app, all)?;
            let none = out.say("没有迁移申请", "no requests").to_owned();
            let kind = app.catalogue.kind_by_id("transfer_request");
            show_rows(kind, &rows, transfers::COLUMNS, &none, out);
        }
    }
    Ok(())
}

/// Shows the cases of organisations that another scope has too.
///
/// # Errors
/// The store is damaged or cannot be read.
pub(crate) fn claims(app: &App, out: &mut Out) -> Result<(), Failure> {
    let scopes = Scopes::new(app);
    let cases = claims::all(app)?;
    let rows = cases.iter().map(|case| case.json(app, &scopes));
    let rows: Vec<_> = rows.collect::<Result<_, _>>()?;
    let none = out.say("没有重复登记", "no claims").to_owned();
    let kind = app.catalogue.kind_by_id("duplicate_case");
    show_rows(kind, &rows, claims::COLUMNS, &none, out);
    Ok(())
}

fn asked(saved: &Saved, is_locked: bool, out: &mut Out) {
    let id = saved.stored.record.key.id;
    let text = out.say("已提出，编号 {id}。", "Asked for as {id}. ");
    let text = text.replace("{id}", &id.to_string());
    let text = text + meanwhile(is_locked, out);
    told(saved, &text, out);
}

/// What becomes of the record until the city commits its move.
fn meanwhile(is_locked: bool, out: &Out) -> &'static str {
    if is_locked {
        out.say(
            "市级办理前，记录仍归本辖区并计入本辖区，只能查看；要修改请先用 transfer cancel 撤回。",
            "Until the city commits it the record stays here, counts here and is only read; to change it, take the request back with transfer cancel.",
        )
    } else {
        out.say(
            "市级办理前，记录仍归原辖区，由原辖区填报。",
            "Until the city commits it the record stays where it is and is written there.",
        )
    }
}

/// The same at the target of a move for which the organisation's own scope has asked.
fn locked_there(out: &Out) -> &'static str {
    out.say(
        "市级办理前，记录仍归并计入原辖区；处于“迁移中”时，原辖区也只能查看，要修改须由其撤回申请。",
        "Until the city commits it the record stays and counts where it is; in transfer it is only read there too, unless its scope takes the request back.",
    )
}

fn consented(request: Map<String, Value>, meanwhile: &str, out: &mut Out) {
    if out.json {
        out.document(&Value::Object(request));
        return;
    }
    let said = |name: &str| {
        request
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let text = out.say(
        "已同意申请 {id}：{record} 由 {from} 迁往 {to}。双方已同意，等待市级办理。",
        "Agreed to {id}: {record} moves from {from} to {to}. Both scopes agree now and the city commits it. ",
    );
    let names = ["id", "record", "from", "to"];
    let fill = |text: String, name: &str| text.replace(&format!("{{{name}}}"), said(name));
    let text = names.into_iter().fold(text.to_owned(), fill);
    out.line(text + meanwhile);
}

fn told(saved: &Saved, text: &str, out: &mut Out) {
    if out.json {
        out.document(&Value::Object(saved.document.clone()));
    } else {
        out.line(text);
    }
}

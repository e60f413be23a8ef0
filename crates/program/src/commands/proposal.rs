//! `proposal …`: late writes, seen and answered.

use clap::Subcommand;
use replica::RecordId;
use serde_json::{Map, Value};

use crate::{
    app::App,
    commands::show_rows,
    failure::{Exit, Failure},
    output::Out,
    proposals,
};

/// `proposal …`.
#[derive(Subcommand, Clone, Debug)]
pub enum ProposalCommand {
    /// Writes that came too late and wait for an answer
    List {
        /// Those that were answered too
        #[arg(long)]
        all: bool,
    },
    /// One of them, beside what stands now
    Show {
        /// The proposal
        id: String,
    },
    /// Take it over: an edit of what it had set
    Accept {
        /// The proposal
        id: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Leave the record as it is
    Decline {
        /// The proposal
        id: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
}

/// What a list of them shows: field, Chinese, English.
const COLUMNS: &[(&str, &str, &str)] = &[
    ("id", "编号", "id"),
    ("record", "记录", "record"),
    ("from", "填写辖区", "from"),
    ("home", "归属辖区", "home"),
    ("author", "填写人", "author"),
    ("at", "时间", "at"),
    ("code", "原因", "code"),
    ("answer", "答复", "answer"),
];

/// Runs `proposal …`.
///
/// # Errors
/// The command failed.
pub fn run(app: &App, command: ProposalCommand, out: &mut Out) -> Result<(), Failure> {
    match command {
        ProposalCommand::List { all } => {
            let none = out
                .say("没有待答复的迟到修改", "no late writes wait")
                .to_owned();
            show_rows(&proposals::list(app, all)?, COLUMNS, &none, out);
        }
        ProposalCommand::Show { id } => show(&proposals::show(app, id_of(&id)?)?, out),
        ProposalCommand::Accept { id, reason } => {
            let document = proposals::accept(app, id_of(&id)?, &reason)?;
            done(
                &document,
                out.say("已采纳并保存。", "Accepted and saved.").to_owned(),
                out,
            );
        }
        ProposalCommand::Decline { id, reason } => {
            let document = proposals::decline(app, id_of(&id)?, &reason)?;
            let text = out.say(
                "已记为不采纳，记录没有变动。",
                "Declined; the record is as it was.",
            );
            done(&document, text.to_owned(), out);
        }
    }
    Ok(())
}

/// Reads the id of a record that has no other name.
///
/// # Errors
/// It is none.
pub fn id_of(text: &str) -> Result<RecordId, Failure> {
    let id = uuid::Uuid::try_parse(text.trim());
    let id = id.map(|id| RecordId(id.into_bytes()));
    id.map_err(|_other| Failure::new("ACROSS-001", Exit::Invalid).with("id", text))
}

fn done(document: &Map<String, Value>, text: String, out: &mut Out) {
    if out.json {
        out.document(&Value::Object(document.clone()));
    } else {
        out.line(text);
    }
}

fn show(entry: &Map<String, Value>, out: &mut Out) {
    if out.json {
        out.document(&Value::Object(entry.clone()));
        return;
    }
    for (name, value) in entry.iter().filter(|(_, value)| !value.is_null()) {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        out.line(format!("{name}: {text}"));
    }
}

//! `change …`: what the city asks districts to correct.

use clap::Subcommand;
use serde_json::Value;

use crate::{
    accounts::Deed,
    app::App,
    commands::show_rows,
    failure::{Exit, Failure},
    output::Out,
    records::{Known, Saved, findings_json, key_named, kind_of, named, note_warnings},
    requests::{self, Ask},
};
use domain::permission::Right;

/// `change …`.
#[derive(Subcommand, Clone, Debug)]
pub enum ChangeCommand {
    /// Requests that wait, beside what stands now
    List {
        /// Those that were answered too
        #[arg(long)]
        all: bool,
    },
    /// Ask a district to correct a field, or ask anew with what stands now
    Propose {
        /// The record: KIND/ID
        record: String,
        /// The field
        field: String,
        /// The value that it should have
        value: String,
        /// What that rests on
        #[arg(long)]
        basis: String,
    },
    /// Register a problem where the count of a declined or expired request was not explained
    Unexplained {
        /// The request
        id: String,
        /// Until when the district puts it right
        #[arg(long, value_name = "DAY")]
        due: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
}

impl ChangeCommand {
    /// What it does, as the table of roles and the audit list name it.
    #[must_use]
    pub fn deed(&self) -> Deed {
        match self {
            Self::List { .. } => Deed::of("change list", Right::Read),
            Self::Propose {
                record,
                field,
                basis,
                ..
            } => Deed::of("change propose", Right::Enter)
                .about(&[record, field])
                .because(basis),
            Self::Unexplained { id, reason, .. } => Deed::of("change unexplained", Right::Enter)
                .about(&[id])
                .because(reason),
        }
    }
}

/// What a list of them shows: field, Chinese, English.
const COLUMNS: &[(&str, &str, &str)] = &[
    ("id", "编号", "id"),
    ("scope", "辖区", "scope"),
    ("record", "记录", "record"),
    ("field", "字段", "field"),
    ("now", "现在的值", "now"),
    ("proposed", "建议值", "proposed"),
    ("basis", "依据", "basis"),
    ("status", "状态", "status"),
    ("outdated", "已另有改动", "outdated"),
];

/// Runs `change …`.
///
/// # Errors
/// The command failed.
pub fn run(app: &App, command: ChangeCommand, out: &mut Out) -> Result<(), Failure> {
    let kind = app.catalogue.kind_by_id("change_request");
    match command {
        ChangeCommand::List { all } => {
            let none = out
                .say("没有待答复的更正建议", "no request waits")
                .to_owned();
            show_rows(kind, &requests::list(app, all)?, COLUMNS, &none, out);
        }
        ChangeCommand::Propose {
            record,
            field,
            value,
            basis,
        } => {
            let ask = Ask {
                record: key_named(app, &record)?,
                field: &field,
                value: &value,
                basis: &basis,
            };
            let saved = requests::propose(app, ask)?;
            let said = out.say("已提出，等待区级答复：", "Asked; the district answers: ");
            let said = said.to_owned();
            show(saved, &said, out);
        }
        ChangeCommand::Unexplained { id, due, reason } => {
            let kind = kind_of(app, "change_request")?;
            let id = named(&Known::new(app), kind, &id)?.id;
            let wrong = || Failure::new("REPORT-001", Exit::Invalid).with("date", &due);
            let day = domain::date::read(&due).ok_or_else(wrong)?;
            let saved = requests::unexplained(app, id, day, &reason)?;
            let said = out.say(
                "已登记为市级发现的问题：",
                "Registered as a problem of the city: ",
            );
            let said = said.to_owned();
            show(saved, &said, out);
        }
    }
    Ok(())
}

/// The record that was made, and what to know about it.
fn show(saved: Saved, said: &str, out: &mut Out) {
    note_warnings(&saved.warnings, out);
    let mut document = saved.document;
    let warnings = findings_json(&saved.warnings, out);
    document.insert("warnings".to_owned(), warnings);
    if out.json {
        out.document(&Value::Object(document));
    } else {
        out.line([said, &saved.stored.record.key.id.to_string()].concat());
    }
}

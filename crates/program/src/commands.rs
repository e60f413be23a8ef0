//! The commands that both programs have: one file a noun.

pub mod attachment;
pub mod audit;
pub mod bundle;
pub mod certificate;
pub mod change;
pub mod conflict;
pub mod demo;
pub mod export;
pub mod import;
pub mod person;
pub mod proposal;
pub mod quarantine;
pub mod receipt;
pub mod record;
pub mod refusal;
pub mod repair;
pub mod report;
pub mod returns;
pub mod store;
pub mod table;
pub mod user;
pub mod verify;
pub mod year;

use domain::{KindSpec, label::Language};
use serde_json::{Map, Value};

use certificate::CertificateCommand;
use receipt::ReceiptCommand;

use crate::{
    accounts::Deed,
    app::{App, Live},
    cli::{Common, Setting},
    doctor,
    failure::{Exit, Failure},
    output::Out,
    status,
    texts::words,
};

/// Whether personal data is shown in full to somebody who sees it masked.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Reveal {
    /// Show personal data in full; that it was shown, to whom and why, is noted
    #[arg(long, requires = "reason")]
    pub reveal: bool,
    /// Why it is shown in full
    #[arg(long, requires = "reveal")]
    pub reason: Option<String>,
}

impl Reveal {
    /// The same command with what is shown.
    #[must_use]
    pub fn of(&self, deed: Deed) -> Deed {
        let reason = self.reason.as_deref().unwrap_or_default();
        deed.revealing(self.reveal).because(reason)
    }
}

/// Runs a common command on an opened store.
///
/// # Errors
/// The command failed.
pub fn run<L: Live>(app: &App, live: &L, command: Common, out: &mut Out) -> Result<(), Failure> {
    match command {
        Common::Status => status::status(app, live, out),
        Common::Record(command) => record::run(app, live, command, out),
        Common::Attachment(command) => attachment::run(app, live, command, out),
        Common::Import(args) => import::run(app, &args, out),
        Common::Export(args) => export::run(app, &args, out),
        Common::Conflict(command) => conflict::run(app, &live.enrolled(app), command, out),
        Common::Proposal(command) => proposal::run(app, command, out),
        Common::Return(command) => returns::run(app, command, out),
        Common::Explain(command) => report::explain(app, live, command, out),
        Common::Change(command) => change::run(app, command, out),
        Common::Year(command) => year::run(app, command, out),
        Common::Report(command) => report::run(app, live, command, out),
        Common::Quality(command) => table::quality(app, command, out),
        Common::Verify => verify::run(app, live, out),
        Common::Certificate(command) => certificate::run(app, live, command, out),
        Common::Receipt(command) => receipt::run(app, command, out),
        Common::Backup(args) => store::backup(app, &args, out),
        Common::Bundle(command) => bundle::run(app, live, &command, out),
        Common::Person(command) => person::run(app, &command, out),
        Common::Refusal(command) => refusal::run(app, command, out),
        Common::Quarantine(command) => {
            quarantine::run(app, &|peer| live.call_again(app, peer), &command, out)
        }
        Common::Repair(args) if args.needs_store() => repair::lost(app, &args, out),
        Common::Restore(args) if args.dry_run => repair::compare_serving::<L>(app, &args, out),
        Common::Demo(command) => demo::run(app, &command, out),
        Common::User(command) => user::run(app, &command, out),
        Common::Audit(command) => audit::run(app, &command, out),
        Common::Doctor => doctor::doctor(app, live, out),
        Common::Restore(_) | Common::Repair(_) | Common::Config(_) => {
            Err(Failure::new("USAGE-005", Exit::Usage))
        }
    }
}

/// Runs a common command that needs no opened store.
///
/// # Errors
/// The command failed.
pub fn local<L: Live>(setting: &Setting, command: &Common, out: &mut Out) -> Result<(), Failure> {
    match command {
        Common::Restore(args) if args.dry_run => repair::compare::<L>(setting, args, out),
        Common::Restore(args) => store::restore(setting, args, out),
        Common::Repair(args) => repair::repair(setting, args, out),
        Common::Config(command) => store::config(setting, command, out),
        Common::Certificate(CertificateCommand::Verify { file, authority }) => {
            certificate::verify(setting, file, authority.as_deref(), out)
        }
        Common::Receipt(ReceiptCommand::Verify { file, authority }) => {
            receipt::verify(setting, file, authority.as_deref(), out)
        }
        Common::Status
        | Common::Record(_)
        | Common::Attachment(_)
        | Common::Import(_)
        | Common::Export(_)
        | Common::Conflict(_)
        | Common::Proposal(_)
        | Common::Report(_)
        | Common::Explain(_)
        | Common::Change(_)
        | Common::Year(_)
        | Common::Return(_)
        | Common::Quality(_)
        | Common::Verify
        | Common::Certificate(_)
        | Common::Receipt(_)
        | Common::Backup(_)
        | Common::Bundle(_)
        | Common::Person(_)
        | Common::Refusal(_)
        | Common::Quarantine(_)
        | Common::Demo(_)
        | Common::User(_)
        | Common::Audit(_)
        | Common::Doctor => Err(Failure::new("USAGE-005", Exit::Usage)),
    }
}

/// A text of a document; empty where it has none.
fn text<'v>(of: &'v Value, name: &str) -> &'v str {
    of.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A list of a document; empty where it has none.
fn array<'v>(of: &'v Value, name: &str) -> &'v [Value] {
    let array = of.get(name).and_then(Value::as_array);
    array.map(Vec::as_slice).unwrap_or_default()
}

/// Prints parts of an entry of a kind, one a line with its label; what is empty is left out.
pub fn show_parts(
    kind: Option<&KindSpec>,
    entry: &Map<String, Value>,
    parts: &[(&str, &str, &str)],
    out: &mut Out,
) {
    let language = out.language;
    for (name, zh, en) in parts {
        let value = entry.get(*name).unwrap_or(&Value::Null);
        let text = entry_text(kind, name, value, language);
        if !text.is_empty() {
            let (label, colon) = (language.pick(zh, en), language.pick("：", ": "));
            out.line(format!("{label}{colon}{text}"));
        }
    }
}

/// Prints entries of a kind: as they are, or as a table of some of their fields, each with its
/// heading in Chinese and English.
pub fn show_rows(
    kind: Option<&KindSpec>,
    rows: &[Map<String, Value>],
    columns: &[(&str, &str, &str)],
    none: &str,
    out: &mut Out,
) {
    if out.json {
        out.document(&rows.iter().cloned().map(Value::Object).collect());
        return;
    }
    if rows.is_empty() {
        out.line(none);
        return;
    }
    let language = out.language;
    let cell = |row: &Map<String, Value>, name: &str| {
        row.get(name)
            .map(|value| entry_text(kind, name, value, language))
            .unwrap_or_default()
    };
    let cells = |row| columns.iter().map(|(name, _, _)| cell(row, name)).collect();
    let table: Vec<Vec<String>> = rows.iter().map(cells).collect();
    let headings: Vec<&str> = columns
        .iter()
        .map(|(_, zh, en)| language.pick(zh, en))
        .collect();
    out.table(&headings, &table);
}

/// A part of an entry of a kind as people read it: values by the schema, states by their words.
pub fn entry_text(
    kind: Option<&KindSpec>,
    name: &str,
    value: &Value,
    language: Language,
) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => language.pick("是", "yes").to_owned(),
        Value::Bool(false) => language.pick("否", "no").to_owned(),
        Value::Array(items) => {
            let items = items.iter().filter_map(Value::as_str);
            items.collect::<Vec<_>>().join(" ")
        }
        value => {
            let text = record::value_text(kind, name, value, language);
            match name {
                "state" | "status" => words::state(&text, language).to_owned(),
                "at" => text.trim_end_matches("+08:00").replace('T', " "),
                _ => text,
            }
        }
    }
}

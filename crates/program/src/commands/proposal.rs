//! `proposal …`: late writes, seen and answered.

use clap::Subcommand;
use domain::across;
use domain::permission::Right;
use replica::RecordId;
use serde_json::{Map, Value};

use crate::{
    accounts::Deed,
    app::App,
    commands::{
        array,
        record::{field_label, register_text},
        show_parts, show_rows, text,
    },
    failure::{Exit, Failure},
    output::Out,
    proposals, texts,
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

impl ProposalCommand {
    /// What it does. An answer is a record: the journal has it.
    #[must_use]
    pub fn deed(&self) -> Deed {
        let enter = |name, id: &String, reason: &String| {
            Deed::of(name, Right::Enter).about(&[id]).because(reason)
        };
        match self {
            Self::List { .. } => Deed::of("proposal list", Right::Read),
            Self::Show { id } => Deed::of("proposal show", Right::Read).about(&[id]),
            Self::Accept { id, reason } => enter("proposal accept", id, reason),
            Self::Decline { id, reason } => enter("proposal decline", id, reason),
        }
    }
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

const KIND: &str = "proposal";

/// What one of them shows beside its fields.
const PARTS: &[(&str, &str, &str)] = &[
    ("id", "编号", "id"),
    ("record", "记录", "record"),
    ("from", "填写辖区", "from"),
    ("home", "归属辖区", "home"),
    ("author", "填写人", "author"),
    ("at", "时间", "at"),
    ("reason", "理由", "reason"),
    ("answer", "答复", "answer"),
    ("answer_reason", "答复理由", "why"),
    ("answered_by", "答复人", "answered by"),
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
            let kind = app.catalogue.kind_by_id(KIND);
            show_rows(kind, &proposals::list(app, all)?, COLUMNS, &none, out);
        }
        ProposalCommand::Show { id } => show(app, &proposals::show(app, id_of(&id)?)?, out),
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

fn show(app: &App, entry: &Map<String, Value>, out: &mut Out) {
    if out.json {
        out.document(&Value::Object(entry.clone()));
        return;
    }
    show_parts(app.catalogue.kind_by_id(KIND), entry, PARTS, out);
    let said = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
    let code = said("code");
    let lead = out.say("原因：", "code: ");
    let why = texts::of(code, out.language, &[]);
    out.line(format!("{lead}{code}  {why}"));
    let about = across::named(app.catalogue, said("record"));
    let kind = about.and_then(|key| app.catalogue.kind(key.kind));
    let language = out.language;
    let row = |field: &Value| {
        let name = text(field, "field");
        let value = |of: &Value| register_text(kind, name, of, language);
        let present = array(field, "present").iter().map(|candidate| {
            // Beside a deletion a candidate names its register.
            let shown = candidate.get("value").unwrap_or(&Value::Null);
            let shown = value(shown.get(name).unwrap_or(shown));
            shown + &texts::words::aside(text(candidate, "author"), language)
        });
        vec![
            field_label(kind, name, language),
            value(field.get("proposed").unwrap_or(&Value::Null)),
            present.collect::<Vec<_>>().join(" | "),
        ]
    };
    let fields = entry.get("fields").and_then(Value::as_array);
    let rows: Vec<Vec<String>> = fields.into_iter().flatten().map(row).collect();
    let headings = [
        out.say("字段", "field"),
        out.say("迟到的内容", "late"),
        out.say("现在的内容", "present"),
    ];
    out.table(&headings, &rows);
}

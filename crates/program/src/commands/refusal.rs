//! `refusal …`: writes that were refused, and what a person does about them.

use clap::Subcommand;
use serde_json::{Map, Value};

use crate::{app::App, failure::Failure, output::Out, refusals};

/// `refusal …`.
#[derive(Subcommand, Clone, Debug)]
pub enum RefusalCommand {
    /// Writes that were refused or taken back; at the hub, those of the nodes
    List {
        /// Also those that somebody has seen to
        #[arg(long)]
        all: bool,
    },
    /// One refused write: all that it said, why it was refused, what stands there now
    Show {
        /// Its id, or the first digits
        id: String,
    },
    /// Submit it again as an ordinary edit
    Retry {
        /// Its id, or the first digits
        id: String,
    },
    /// Mark it as seen to; it stays in the journal
    Drop {
        /// Its id, or the first digits
        id: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
}

/// Runs `refusal …`.
///
/// # Errors
/// The command failed.
pub fn run(app: &App, command: RefusalCommand, out: &mut Out) -> Result<(), Failure> {
    match command {
        RefusalCommand::List { all } => list(app, all, out),
        RefusalCommand::Show { id } => {
            let refused = refusals::named(app, &id)?;
            show(&refusals::show(app, &refused, out)?, out);
            Ok(())
        }
        RefusalCommand::Retry { id } => {
            let refused = refusals::named(app, &id)?;
            let is_changed = refusals::retry(app, &refused)?;
            if out.json {
                out.document(&Value::Object(refusals::document(app, &refused)?));
            } else {
                out.line(if is_changed {
                    out.say(
                        "已重新提交，联网后自动上传",
                        "submitted again; it goes by itself",
                    )
                } else {
                    out.say(
                        "现在的内容已经相同，未作改动",
                        "the record says the same already",
                    )
                });
            }
            Ok(())
        }
        RefusalCommand::Drop { id, reason } => {
            let refused = refusals::named(app, &id)?;
            refusals::drop(app, &refused, &reason)?;
            let refused = refusals::named(app, &id)?;
            if out.json {
                out.document(&Value::Object(refusals::show(app, &refused, out)?));
            } else {
                out.line(out.say(
                    "已标记为不再处理，内容仍保留",
                    "marked as seen to; its text is kept",
                ));
            }
            Ok(())
        }
    }
}

fn list(app: &App, all: bool, out: &mut Out) -> Result<(), Failure> {
    let mut listed = refusals::all(app)?;
    listed.retain(|refused| all || refused.is_open());
    let entries = listed
        .iter()
        .map(|refused| refusals::entry(app, refused, out));
    let entries: Vec<Map<String, Value>> = entries.collect::<Result<_, _>>()?;
    if out.json {
        out.document(&entries.into_iter().map(Value::Object).collect());
        return Ok(());
    }
    let text = |entry: &Map<String, Value>, name: &str| {
        let value = entry.get(name).unwrap_or(&Value::Null);
        value.as_str().map(str::to_owned).unwrap_or_default()
    };
    let rows = entries.iter().map(|entry| {
        let fields = entry.get("fields").and_then(Value::as_array);
        let fields = fields.into_iter().flatten().filter_map(Value::as_str);
        vec![
            text(entry, "id"),
            format!("{}/{}", text(entry, "kind"), text(entry, "record")),
            fields.collect::<Vec<_>>().join(", "),
            text(entry, "author"),
            text(entry, "code"),
            text(entry, "at"),
            text(entry, "node"),
        ]
    });
    let headings = [
        out.say("编号", "id"),
        out.say("记录", "record"),
        out.say("字段", "fields"),
        out.say("填写人", "who"),
        out.say("代码", "code"),
        out.say("时间", "when"),
        out.say("节点", "node"),
    ];
    out.table(&headings, &rows.collect::<Vec<_>>());
    Ok(())
}

fn show(document: &Map<String, Value>, out: &mut Out) {
    if out.json {
        out.document(&Value::Object(document.clone()));
        return;
    }
    let text = |name: &str| {
        document
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    out.line(format!(
        "{}  {}/{}  {}  {}",
        text("id"),
        text("kind"),
        text("record"),
        text("author"),
        text("written"),
    ));
    out.line(format!("{}  {}", text("code"), text("message")));
    let values = document.get("values").and_then(Value::as_array);
    let plain = |value: Option<&Value>| match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    let rows = values.into_iter().flatten().map(|value| {
        let of = |name: &str| plain(value.get(name));
        vec![of("field"), of("value"), of("present")]
    });
    let headings = [
        out.say("字段", "field"),
        out.say("被退回的内容", "refused"),
        out.say("现在的内容", "present"),
    ];
    out.table(&headings, &rows.collect::<Vec<_>>());
}

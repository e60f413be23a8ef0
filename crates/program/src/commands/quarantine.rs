//! `quarantine …`: states that are held back.

use clap::Subcommand;
use serde_json::{Map, Value, json};

use crate::{
    app::App,
    failure::{Exit, Failure},
    output::Out,
    quarantine,
};

/// `quarantine …`.
#[derive(Subcommand, Clone, Debug)]
pub enum QuarantineCommand {
    /// Records that are held back
    List,
    /// One of them: what is here, and what came
    Show {
        /// KIND/ID
        id: String,
    },
    /// End it: what is held here stays, and the peer takes its own back into a draft
    Release {
        /// KIND/ID
        id: String,
        /// Only against this peer, where several differ: its replica, or the first digits
        #[arg(long)]
        peer: Option<String>,
        /// Why
        #[arg(long)]
        reason: String,
    },
}

/// Runs `quarantine …`.
///
/// # Errors
/// The command failed.
pub fn run(app: &App, command: &QuarantineCommand, out: &mut Out) -> Result<(), Failure> {
    match command {
        QuarantineCommand::List => list(app, out),
        QuarantineCommand::Show { id } => show(app, id, out),
        QuarantineCommand::Release { id, peer, reason } => {
            release(app, id, (peer.as_deref(), reason), out)
        }
    }
}

fn release(
    app: &App,
    id: &str,
    (peer, reason): (Option<&str>, &str),
    out: &mut Out,
) -> Result<(), Failure> {
    let mut held = quarantine::named(app, id)?;
    held.retain(|held| peer.is_none_or(|peer| held.peer.to_string().starts_with(peer)));
    if held.is_empty() {
        return Err(Failure::new("QUARANTINE-001", Exit::Invalid).with("id", id));
    }
    for held in &held {
        quarantine::release(app, held, reason)?;
    }
    if out.json {
        out.document(&json!({"id": id, "released": held.len()}));
    } else {
        let text = out.say(
            "已解除隔离：保留本机的内容，对端下次联网时把自己的那份退回为待处理的修改",
            "released: what is held here stays, and the peer takes its own back into a draft",
        );
        out.line(text);
    }
    Ok(())
}

fn list(app: &App, out: &mut Out) -> Result<(), Failure> {
    let all = quarantine::all(app)?;
    let entries = all.iter().map(|held| quarantine::entry(app, held, out));
    let entries: Vec<Map<String, Value>> = entries.collect::<Result<_, _>>()?;
    if out.json {
        out.document(&entries.into_iter().map(Value::Object).collect());
        return Ok(());
    }
    let columns = ["id", "code", "at", "peer"];
    let row = |entry: &Map<String, Value>| {
        let text = |name| entry.get(name).and_then(Value::as_str).unwrap_or_default();
        columns.map(|name| text(name).to_owned()).to_vec()
    };
    let headings = [
        out.say("记录", "record"),
        out.say("代码", "code"),
        out.say("时间", "when"),
        out.say("来自", "from"),
    ];
    out.table(&headings, &entries.iter().map(row).collect::<Vec<_>>());
    Ok(())
}

fn show(app: &App, id: &str, out: &mut Out) -> Result<(), Failure> {
    let held = quarantine::named(app, id)?;
    let documents = held.iter().map(|held| quarantine::show(app, held, out));
    let documents: Vec<Map<String, Value>> = documents.collect::<Result<_, _>>()?;
    if out.json {
        out.document(&documents.into_iter().map(Value::Object).collect());
        return Ok(());
    }
    for document in &documents {
        let text = |name| {
            document
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        out.line(format!("{}  {}  {}", text("id"), text("at"), text("peer")));
        out.line(format!("{}  {}", text("code"), text("message")));
        let values = document.get("values").and_then(Value::as_array);
        for value in values.into_iter().flatten() {
            let field = value
                .get("field")
                .and_then(Value::as_str)
                .unwrap_or_default();
            out.line(format!("  {field}"));
            for (side, lead) in [
                ("here", out.say("本机", "here")),
                ("there", out.say("对端", "there")),
            ] {
                let candidates = value.get(side).and_then(Value::as_array);
                for candidate in candidates.into_iter().flatten() {
                    let author = candidate.get("author").and_then(Value::as_str);
                    let said = candidate.get("value").unwrap_or(&Value::Null);
                    out.line(format!(
                        "    {lead}  {said}  {}",
                        author.unwrap_or_default()
                    ));
                }
            }
        }
    }
    Ok(())
}

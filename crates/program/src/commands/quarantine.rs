//! `quarantine …`: states that are held back.

use clap::Subcommand;
use domain::permission::Right;
use replica::ReplicaId;
use serde_json::{Value, json};
use store::HeldBack;

use crate::{
    accounts::Deed,
    app::App,
    commands::{
        array,
        record::{field_label, register_text},
        text,
    },
    failure::Failure,
    output::Out,
    quarantine::{self, Released},
    records::Scopes,
};

/// `quarantine …`.
#[derive(Subcommand, Clone, Debug)]
pub enum QuarantineCommand {
    /// Records that are held back
    List {
        /// Also those that somebody has released, with who, when and why
        #[arg(long)]
        all: bool,
    },
    /// One of them: what is here, and what came; who has released it before, and why
    Show {
        /// KIND/ID
        id: String,
    },
    /// Try again: have a new session begun with whoever it came from
    Retry {
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

impl QuarantineCommand {
    /// What it does.
    #[must_use]
    pub fn deed(&self) -> Deed {
        let operate = |name, id: &String| Deed::of(name, Right::Operate).about(&[id]).noted();
        match self {
            Self::List { .. } => Deed::of("quarantine list", Right::Read),
            Self::Show { id } => Deed::of("quarantine show", Right::Read).about(&[id]),
            Self::Retry { id } => operate("quarantine retry", id),
            Self::Release { id, reason, .. } => operate("quarantine release", id).because(reason),
        }
    }
}

/// Runs `quarantine …`. `call_again` has a session with a peer begin anew, and says whether it could.
///
/// # Errors
/// The command failed.
pub fn run(
    app: &App,
    call_again: &dyn Fn(ReplicaId) -> bool,
    command: &QuarantineCommand,
    out: &mut Out,
) -> Result<(), Failure> {
    match command {
        QuarantineCommand::Retry { id } => retry(app, call_again, id, out),
        QuarantineCommand::List { all } => list(app, *all, out),
        QuarantineCommand::Show { id } => show(app, id, out),
        QuarantineCommand::Release { id, peer, reason } => {
            release(app, id, (peer.as_deref(), reason), out)
        }
    }
}

/// Every new session tries again what is held back, so a new session is all that is asked for.
fn retry(
    app: &App,
    call_again: &dyn Fn(ReplicaId) -> bool,
    id: &str,
    out: &mut Out,
) -> Result<(), Failure> {
    let held = quarantine::held_of(app, id)?;
    if held.is_empty() {
        return Err(quarantine::not_held(id));
    }
    let asked = held.iter().filter(|held| call_again(held.peer)).count();
    if out.json {
        out.document(&json!({"id": id, "held": held.len(), "asked": asked}));
        return Ok(());
    }
    out.line(if asked == held.len() {
        out.say(
            "正在重新会话，会再试一次；只是途中损坏的随即解除，仍不相符的继续隔离",
            "a new session begins and tries again; what was only damaged on its way fits then, what does not fit stays held",
        )
    } else {
        out.say(
            "现在没有会话；下次联网时自动再试一次，节点上可执行 sync --once",
            "there is no session now; the next one tries again by itself, at a node run sync --once",
        )
    });
    Ok(())
}

fn release(
    app: &App,
    id: &str,
    (peer, reason): (Option<&str>, &str),
    out: &mut Out,
) -> Result<(), Failure> {
    let mut held = quarantine::held_of(app, id)?;
    held.retain(|held| peer.is_none_or(|peer| held.peer.to_string().starts_with(peer)));
    if held.is_empty() {
        return Err(quarantine::not_held(id));
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

fn list(app: &App, all: bool, out: &mut Out) -> Result<(), Failure> {
    let held = quarantine::all(app)?;
    let released = if all {
        quarantine::released(app)?
    } else {
        Vec::new()
    };
    let entries = entries(app, &held, &released, out)?;
    if out.json {
        out.document(&Value::Array(entries));
        return Ok(());
    }
    let row = |entry: &Value| {
        let mut row = ["id", "code", "at", "peer"]
            .map(|name| text(entry, name).to_owned())
            .to_vec();
        if all {
            let done = entry.get("released").unwrap_or(&Value::Null);
            row.extend(["by", "at", "reason"].map(|name| text(done, name).to_owned()));
        }
        row
    };
    let mut headings = vec![
        out.say("记录", "record"),
        out.say("代码", "code"),
        out.say("时间", "when"),
        out.say("来自", "from"),
    ];
    if all {
        headings.extend([
            out.say("解除人", "released by"),
            out.say("解除时间", "released"),
            out.say("理由", "why"),
        ]);
    }
    out.table(&headings, &entries.iter().map(row).collect::<Vec<_>>());
    Ok(())
}

/// What is held back, and after it what was released.
fn entries(
    app: &App,
    held: &[HeldBack],
    released: &[Released],
    out: &Out,
) -> Result<Vec<Value>, Failure> {
    let scopes = Scopes::new(app);
    let held = held
        .iter()
        .map(|held| quarantine::entry(app, &scopes, held, out));
    let released = released
        .iter()
        .map(|one| quarantine::released_entry(app, &scopes, one, out));
    held.chain(released)
        .map(|entry| entry.map(Value::Object))
        .collect()
}

fn show(app: &App, id: &str, out: &mut Out) -> Result<(), Failure> {
    let held = quarantine::held_of(app, id)?;
    let released = quarantine::released_of(app, id)?;
    if held.is_empty() && released.is_empty() {
        return Err(quarantine::not_held(id));
    }
    let scopes = Scopes::new(app);
    let document = |held| quarantine::show(app, &scopes, held, out).map(Value::Object);
    let mut documents: Vec<Value> = held.iter().map(document).collect::<Result<_, _>>()?;
    documents.extend(entries(app, &[], &released, out)?);
    if out.json {
        out.document(&Value::Array(documents));
        return Ok(());
    }
    for document in &documents {
        let said = |name| text(document, name);
        let kind = app.catalogue.kind_by_id(said("kind"));
        out.line(format!("{}  {}  {}", said("id"), said("at"), said("peer")));
        out.line(format!("{}  {}", said("code"), said("message")));
        if let Some(done) = document.get("released").filter(|done| done.is_object()) {
            let parts = ["by", "at", "reason"].map(|name| text(done, name));
            let lead = out.say("已解除隔离：", "released: ");
            out.line(format!("{lead}{}", parts.join("  ")));
        }
        for value in array(document, "values") {
            let name = text(value, "field");
            out.line(format!("  {}", field_label(kind, name, out.language)));
            for (side, lead) in [
                ("here", out.say("本机", "here")),
                ("there", out.say("对端", "there")),
            ] {
                for candidate in array(value, side) {
                    let said = candidate.get("value").unwrap_or(&Value::Null);
                    let said = register_text(kind, name, said, out.language);
                    let author = text(candidate, "author");
                    out.line(format!("    {lead}  {said}  {author}"));
                }
            }
        }
    }
    Ok(())
}

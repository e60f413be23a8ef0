//! `conflict …`: seeing and deciding conflicts.

use clap::Subcommand;
use domain::{KindSpec, label};
use serde_json::{Map, Value};

use crate::{
    app::App,
    commands::record::value_text,
    conflicts::{self, Choice, Docket},
    failure::{Exit, Failure},
    output::Out,
    records::{self, Seen, scope_of},
};

/// `conflict …`.
#[derive(Subcommand, Clone, Debug)]
pub enum ConflictCommand {
    /// All open conflicts
    List {
        /// Only of this scope
        #[arg(long)]
        scope: Option<String>,
    },
    /// One conflict with all that is needed to decide it
    Show {
        /// KIND/ID/FIELD
        id: String,
    },
    /// Take one of the candidates
    Take {
        /// KIND/ID/FIELD
        id: String,
        /// Which, counted from 1 as shown
        candidate: usize,
        /// What you saw: the `seen` of the conflict; without it the present state
        #[arg(long, value_name = "TOKEN")]
        seen: Option<String>,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Enter another value
    Edit {
        /// KIND/ID/FIELD
        id: String,
        /// A field of the conflict and its value
        #[arg(long = "set", value_name = "FIELD=VALUE", num_args = 1.., required = true)]
        sets: Vec<String>,
        /// What you saw: the `seen` of the conflict; without it the present state
        #[arg(long, value_name = "TOKEN")]
        seen: Option<String>,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Keep the items of all candidates of a set
    KeepBoth {
        /// KIND/ID/FIELD
        id: String,
        /// What you saw: the `seen` of the conflict; without it the present state
        #[arg(long, value_name = "TOKEN")]
        seen: Option<String>,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Send it back to the district with a question
    Return {
        /// KIND/ID/FIELD
        id: String,
        /// The question
        #[arg(long)]
        reason: String,
    },
}

/// Runs `conflict …`.
///
/// # Errors
/// The command failed.
pub fn run(app: &App, command: ConflictCommand, out: &mut Out) -> Result<(), Failure> {
    match command {
        ConflictCommand::List { scope } => list(app, scope.as_deref(), out),
        ConflictCommand::Show { id } => show(app, &Docket::parse(app, &id)?, out),
        ConflictCommand::Take {
            id,
            candidate,
            seen,
            reason,
        } => decide(
            app,
            &id,
            &Choice::Take(candidate),
            (seen.as_deref(), &reason),
            out,
        ),
        ConflictCommand::Edit {
            id,
            sets,
            seen,
            reason,
        } => decide(
            app,
            &id,
            &Choice::Edit(sets),
            (seen.as_deref(), &reason),
            out,
        ),
        ConflictCommand::KeepBoth { id, seen, reason } => {
            decide(app, &id, &Choice::KeepBoth, (seen.as_deref(), &reason), out)
        }
        ConflictCommand::Return { id, reason } => {
            let docket = Docket::parse(app, &id)?;
            let (_, document) = conflicts::send_back(app, &docket, &reason)?;
            let text = out.say(
                "已退回核实；冲突仍待处理。",
                "Sent back; the conflict stays open.",
            );
            finish(&document, text, out);
            Ok(())
        }
    }
}

fn list(app: &App, scope: Option<&str>, out: &mut Out) -> Result<(), Failure> {
    let scope = scope.map(|scope| scope_of(app, scope)).transpose()?;
    let all = conflicts::list(app, scope)?;
    if out.json {
        out.document(&all.into_iter().map(Value::Object).collect());
        return Ok(());
    }
    if all.is_empty() {
        out.line(out.say("没有待处理的冲突", "no open conflicts"));
    }
    for entry in all {
        let kind = entry.get("kind").and_then(Value::as_str);
        let kind = kind.and_then(|kind| app.catalogue.kind_by_id(kind));
        show_candidates(kind, &Value::Object(entry), out);
    }
    Ok(())
}

fn show(app: &App, docket: &Docket, out: &mut Out) -> Result<(), Failure> {
    let entry = conflicts::show(app, docket)?;
    if out.json {
        out.document(&Value::Object(entry));
        return Ok(());
    }
    let kind = app.catalogue.kind(docket.key.kind);
    let field = entry
        .get("field")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let base = entry.get("base").cloned().unwrap_or_default();
    let others = entry.get("others").cloned().unwrap_or_default();
    let notes = entry.get("notes").cloned().unwrap_or_default();
    show_candidates(kind, &Value::Object(entry), out);
    if let Some(value) = base
        .get("value")
        .filter(|_| base.get("known") == Some(&true.into()))
    {
        let value = value_text(kind, &field, value, out.language);
        let lead = out.say("  共同的前一个值：", "  the value before: ");
        out.line(format!("{lead}{value}"));
    }
    for other in others
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        let lead = out.say("  本记录另有冲突：", "  also open: ");
        out.line(format!("{lead}{other}"));
    }
    for note in notes.as_array().into_iter().flatten() {
        let text = |name: &str| note.get(name).and_then(Value::as_str).unwrap_or_default();
        let lead = out.say("  批注：", "  note: ");
        out.line(format!("{lead}{}（{}）", text("text"), text("author")));
    }
    Ok(())
}

/// Prints what stands against what.
pub(super) fn show_candidates(kind: Option<&KindSpec>, conflict: &Value, out: &mut Out) {
    let text = |of: &Value, name: &str| {
        of.get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let name = text(conflict, "field");
    let label = kind.and_then(|kind| kind.field(&name));
    let label = label.map_or(name.as_str(), |field| label::field(field, out.language));
    out.line(format!("{}  {label}", text(conflict, "id")));
    let candidates = conflict.get("candidates").and_then(Value::as_array);
    let rows: Vec<Vec<String>> = candidates
        .into_iter()
        .flatten()
        .map(|candidate| {
            let number = candidate
                .get("candidate")
                .map(Value::to_string)
                .unwrap_or_default();
            let value = candidate.get("value").unwrap_or(&Value::Null);
            vec![
                number,
                value_text(kind, &name, value, out.language),
                text(candidate, "author"),
                text(candidate, "at")
                    .trim_end_matches("+08:00")
                    .replace('T', " "),
                text(candidate, "source"),
                text(candidate, "reason"),
            ]
        })
        .collect();
    let headings = [
        "",
        out.say("值", "value"),
        out.say("填写人", "who"),
        out.say("时间", "when"),
        out.say("来源", "source"),
        out.say("理由", "why"),
    ];
    out.table(&headings, &rows);
}

fn decide(
    app: &App,
    id: &str,
    choice: &Choice,
    (seen, reason): (Option<&str>, &str),
    out: &mut Out,
) -> Result<(), Failure> {
    let docket = Docket::parse(app, id)?;
    let seen = seen
        .map(|token| Seen::parse_for(token, docket.key))
        .transpose()?;
    let decided = conflicts::decide(app, &docket, choice, seen.as_ref(), reason)?;
    records::note_warnings(&decided.warnings, out);
    let text = if decided.is_open {
        out.exit = Exit::Beside;
        out.say(
            "已保存处理决定，但其间又有新的值，冲突仍待处理。",
            "The decision was saved, but another value had arrived meanwhile: the conflict stays open.",
        )
    } else {
        out.say("已处理。", "Decided.")
    };
    finish(&decided.document, text, out);
    Ok(())
}

fn finish(document: &Map<String, Value>, text: &str, out: &mut Out) {
    if out.json {
        out.document(&Value::Object(document.clone()));
        return;
    }
    let id = document.get("decision").or_else(|| document.get("note"));
    let id = id.and_then(Value::as_str).unwrap_or_default();
    out.line(format!("{text}  {id}"));
}

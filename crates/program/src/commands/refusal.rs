//! `refusal …`: writes that were refused, and what a person does about them.

use clap::Subcommand;
use domain::permission::Right;
use serde_json::Value;

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
    records::Scopes,
    refusals,
    texts::words,
};

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

impl RefusalCommand {
    /// What it does.
    #[must_use]
    pub fn deed(&self) -> Deed {
        match self {
            Self::List { .. } => Deed::of("refusal list", Right::Read),
            Self::Show { id } => Deed::of("refusal show", Right::Read).about(&[id]),
            Self::Retry { id } => Deed::of("refusal retry", Right::Enter).about(&[id]).noted(),
            Self::Drop { id, reason } => {
                let deed = Deed::of("refusal drop", Right::Enter).about(&[id]);
                deed.because(reason).noted()
            }
        }
    }
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
            let document = refusals::show(app, &refused, out)?;
            show(app, &Value::Object(document), out);
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
    let scopes = Scopes::new(app);
    let entry = |refused| refusals::entry(app, &scopes, refused, out).map(Value::Object);
    let entries: Vec<Value> = listed.iter().map(entry).collect::<Result<_, _>>()?;
    if out.json {
        out.document(&Value::Array(entries));
        return Ok(());
    }
    let rows = entries.iter().map(|entry| {
        let kind = app.catalogue.kind_by_id(text(entry, "kind"));
        let fields = array(entry, "fields").iter().filter_map(Value::as_str);
        let fields = fields.map(|name| field_label(kind, name, out.language));
        let said = |name| text(entry, name).to_owned();
        vec![
            said("id"),
            format!("{}/{}", text(entry, "kind"), text(entry, "record")),
            fields
                .collect::<Vec<_>>()
                .join(out.language.pick("、", ", ")),
            said("author"),
            said("code"),
            said("at"),
            said("node"),
            words::done(text(entry, "done"), out.language).to_owned(),
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
        out.say("处理", "done"),
    ];
    out.table(&headings, &rows.collect::<Vec<_>>());
    Ok(())
}

fn show(app: &App, document: &Value, out: &mut Out) {
    if out.json {
        out.document(document);
        return;
    }
    let said = |name| text(document, name);
    out.line(format!(
        "{}  {}/{}  {}  {}",
        said("id"),
        said("kind"),
        said("record"),
        said("author"),
        said("written"),
    ));
    out.line(format!("{}  {}", said("code"), said("message")));
    let kind = app.catalogue.kind_by_id(said("kind"));
    let language = out.language;
    let rows = array(document, "values").iter().map(|value| {
        let name = text(value, "field");
        let plain = |value: &Value| register_text(kind, name, value, language);
        let present = array(value, "present").iter().map(plain);
        vec![
            field_label(kind, name, language),
            plain(value.get("value").unwrap_or(&Value::Null)),
            present.collect::<Vec<_>>().join(" | "),
        ]
    });
    let headings = [
        out.say("字段", "field"),
        out.say("被退回的内容", "refused"),
        out.say("现在的内容", "present"),
    ];
    out.table(&headings, &rows.collect::<Vec<_>>());
    if let Some(done) = document.get("done").filter(|done| done.is_object()) {
        let how = words::done(text(done, "how"), language);
        let parts = [
            how,
            text(done, "by"),
            text(done, "at"),
            text(done, "reason"),
        ];
        let lead = out.say("处理：", "done: ");
        out.line(format!("{lead}{}", parts.join("  ")));
    }
}

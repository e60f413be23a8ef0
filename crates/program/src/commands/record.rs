//! `record …`: reading and writing records.

mod show;

use std::path::PathBuf;

use clap::Subcommand;
use domain::permission::Right;
use replica::{Kind, RecordKey, Source};
use serde_json::{Value, json};

use crate::{
    accounts::{Deed, care, gate},
    app::{App, Live, PeerView},
    commands::{Reveal, text},
    failure::{Exit, Failure},
    output::Out,
    records::{
        self, Change, Documents, Filter, Known, Seen, each, find, kind_of, named, scope_named,
        set_of_text,
    },
};
use show::{explain, history, show, show_acts, show_saved, show_tables};
pub use show::{field_label, register_text, value_text};

/// `record …`.
#[derive(Subcommand, Clone, Debug)]
pub enum RecordCommand {
    /// List the records of a kind
    List {
        /// The kind, as `organisation`
        kind: String,
        /// Only of this scope
        #[arg(long)]
        scope: Option<String>,
        /// Only where the field has this value; may be given several times
        #[arg(long = "where", value_name = "FIELD=VALUE")]
        wheres: Vec<String>,
        /// At most so many
        #[arg(long)]
        limit: Option<usize>,
        /// Only after this id: the `next` of the page before
        #[arg(long, value_name = "ID")]
        after: Option<String>,
    },
    /// Show one record
    Get {
        /// The kind
        kind: String,
        /// The id, or a code: `410305`, `2020`
        id: String,
        /// In full
        #[command(flatten)]
        reveal: Reveal,
    },
    /// Write fields of a record, or make one
    Put {
        /// The kind
        kind: String,
        /// The id, or a code; without it a record is made, or found by its key fields
        id: Option<String>,
        /// A field and its value; `field=` clears, items of a set are parted by commas
        #[arg(long = "set", value_name = "FIELD=VALUE", num_args = 1..)]
        sets: Vec<String>,
        /// What you saw: the `seen` of the record; without it the present state
        #[arg(long, value_name = "TOKEN")]
        seen: Option<String>,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Take a step of a record's state: verify, recommend, close …; see `record acts`
    Act(ActArgs),
    /// The steps that can follow from a record's state, and who takes them; without a record the whole
    /// table of the kind with what each step needs, without a kind all tables
    Acts {
        /// The kind
        kind: Option<String>,
        /// The id, or a code
        id: Option<String>,
    },
    /// Delete a record that was entered by mistake
    Delete {
        /// The kind
        kind: String,
        /// The id, or a code
        id: String,
        /// What you saw: the `seen` of the record; without it the present state
        #[arg(long, value_name = "TOKEN")]
        seen: Option<String>,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// References of a record; without one, all that lead nowhere ("not yet linked")
    Links {
        /// The kind
        #[arg(requires = "id", required_unless_present = "dangling")]
        kind: Option<String>,
        /// The id, or a code
        id: Option<String>,
        /// Only those that lead nowhere
        #[arg(long)]
        dangling: bool,
        /// Only of this scope
        #[arg(long, conflicts_with = "kind")]
        scope: Option<String>,
    },
    /// Load a file with one JSON object a line: {"kind","id"?,"values"}
    Load {
        /// The file
        file: PathBuf,
        /// Why; by default the name of the file
        #[arg(long)]
        reason: Option<String>,
    },
    /// Every write of a record: who, when, why, what became what
    History {
        /// The kind
        kind: String,
        /// The id, or a code
        id: String,
        /// In full
        #[command(flatten)]
        reveal: Reveal,
    },
    /// Why a field reads as it does
    Explain {
        /// The kind
        kind: String,
        /// The id, or a code
        id: String,
        /// Only this field
        field: Option<String>,
    },
    /// Why a record is not at the other side, and what to do
    WhyNotSynced {
        /// The kind
        kind: String,
        /// The id, or a code
        id: String,
    },
}

/// `record act …`.
#[derive(clap::Args, Clone, Debug)]
pub struct ActArgs {
    /// The kind
    kind: String,
    /// The id, or a code
    id: String,
    /// The step
    act: String,
    /// A field that goes with it
    #[arg(long = "set", value_name = "FIELD=VALUE", num_args = 1..)]
    sets: Vec<String>,
    /// The day from which the new state holds, for what is entered late or was wrong; without it the
    /// day that the fields name, else today
    #[arg(long, value_name = "YYYY-MM-DD")]
    on: Option<String>,
    /// What you saw: the `seen` of the record; without it the present state
    #[arg(long, value_name = "TOKEN")]
    seen: Option<String>,
    /// Why
    #[arg(long)]
    reason: String,
}

impl RecordCommand {
    /// What it does.
    #[must_use]
    pub fn deed(&self) -> Deed {
        let enter = |name| Deed::of(name, Right::Enter);
        let read = |name| Deed::of(name, Right::Read);
        match self {
            Self::List { kind, .. } => read("record list").about(&[kind]),
            Self::Get { kind, id, reveal } => reveal.of(read("record get").about(&[kind, id])),
            Self::Put {
                kind,
                id,
                sets,
                reason,
                ..
            } => {
                let about = [kind.as_str(), id.as_deref().unwrap_or_default()];
                let about = about.as_slice();
                let about = if id.is_some() {
                    about
                } else {
                    &[kind.as_str()]
                };
                enter("record put")
                    .about(about)
                    .setting(sets)
                    .because(reason)
            }
            Self::Act(args) => {
                let deed = enter("record act").about(&[&args.kind, &args.id]);
                deed.setting(&args.sets).because(&args.reason)
            }
            Self::Acts { kind, id } => {
                let about: Vec<&str> = kind.iter().chain(id).map(String::as_str).collect();
                read("record acts").about(&about)
            }
            Self::Delete {
                kind, id, reason, ..
            } => enter("record delete").about(&[kind, id]).because(reason),
            Self::Links { .. } => read("record links"),
            Self::Load { reason, .. } => {
                let deed = Deed::of("record load", Right::Import).noted();
                deed.because(reason.as_deref().unwrap_or_default())
            }
            Self::History { kind, id, reveal } => {
                reveal.of(read("record history").about(&[kind, id]))
            }
            Self::Explain { kind, id, .. } => read("record explain").about(&[kind, id]),
            Self::WhyNotSynced { kind, id } => read("record why-not-synced").about(&[kind, id]),
        }
    }
}

/// Runs `record …`.
///
/// # Errors
/// The command failed.
pub fn run<L: Live>(
    app: &App,
    live: &L,
    command: RecordCommand,
    out: &mut Out,
) -> Result<(), Failure> {
    match command {
        RecordCommand::List {
            kind,
            scope,
            wheres,
            limit,
            after,
        } => {
            let page = (wheres.as_slice(), limit, after.as_deref());
            list(app, (&kind, scope.as_deref()), page, out)
        }
        RecordCommand::Get { kind, id, .. } => {
            let key = key_of(app, &kind, &id)?;
            get(app, key, out)
        }
        RecordCommand::Put {
            kind,
            id,
            sets,
            seen,
            reason,
        } => put(
            app,
            (&kind, id.as_deref()),
            &sets,
            (seen.as_deref(), &reason),
            out,
        ),
        RecordCommand::Act(args) => act(app, args, out),
        RecordCommand::Acts { kind, id } => acts(app, kind.as_deref(), id.as_deref(), out),
        RecordCommand::Delete {
            kind,
            id,
            seen,
            reason,
        } => {
            let key = key_of(app, &kind, &id)?;
            let seen = seen.map(|token| Seen::parse_for(&token, key)).transpose()?;
            show_saved(
                &records::delete(app, key, seen.as_ref(), &reason)?,
                app,
                out,
            );
            Ok(())
        }
        RecordCommand::Links {
            kind,
            id,
            dangling,
            scope,
        } => {
            let of = kind.zip(id).map(|(kind, id)| key_of(app, &kind, &id));
            links(app, of.transpose()?, dangling, scope.as_deref(), out)
        }
        RecordCommand::Load { file, reason } => load(app, &file, reason, out),
        RecordCommand::History { kind, id, .. } => history(app, key_of(app, &kind, &id)?, out),
        RecordCommand::Explain { kind, id, field } => {
            let peers = live.peers(app, &app.writer.status()?);
            let key = key_of(app, &kind, &id)?;
            explain(app, key, field.as_deref(), &peers, out)
        }
        RecordCommand::WhyNotSynced { kind, id } => {
            let peers = live.peers(app, &app.writer.status()?);
            why_not_synced(app, key_of(app, &kind, &id)?, &peers, out)
        }
    }
}

/// Shows what can follow from the states of a record; without one the tables.
fn acts(app: &App, kind: Option<&str>, id: Option<&str>, out: &mut Out) -> Result<(), Failure> {
    if let Some((kind, id)) = kind.zip(id) {
        let key = key_of(app, kind, id)?;
        show_acts(&records::acts(app, key)?, out);
        return Ok(());
    }
    let only = kind.map(|kind| kind_of(app, kind)).transpose()?;
    show_tables(app.catalogue, only, out);
    Ok(())
}

/// Takes a step and shows the record.
fn act(app: &App, args: ActArgs, out: &mut Out) -> Result<(), Failure> {
    let key = key_of(app, &args.kind, &args.id)?;
    let seen = args.seen.map(|token| Seen::parse_for(&token, key));
    let mut set = set_of_text(&args.sets)?;
    if let Some(on) = &args.on {
        set.push((records::STEPS, domain::value::Input::Text(on)));
    }
    let saved = records::act(app, key, &args.act, set, (seen.transpose()?, &args.reason))?;
    show_saved(&saved, app, out);
    Ok(())
}

/// Shows the record that stands for an id.
fn get(app: &App, asked: RecordKey, out: &mut Out) -> Result<(), Failure> {
    let key = records::standing(app, asked)?;
    let mut document = records::document(app, &find(app, key)?)?;
    if key != asked {
        document.insert("asked".to_owned(), asked.id.to_string().into());
        let text = out.say(
            "记录 {from} 已并入 {to}，显示的是保留的记录；原记录见 record history",
            "record {from} was merged into {to}, which is shown; see record history for the other",
        );
        let text = text.replace("{from}", &asked.id.to_string());
        out.note(text.replace("{to}", &key.id.to_string()));
    }
    let around = records::circle(app, key)?;
    if !around.is_empty() {
        let ids: Vec<Value> = around.iter().map(|id| id.to_string().into()).collect();
        document.insert("circle".to_owned(), ids.into());
        let text = out.say(
            "这些记录互相并入，成了环，均照常显示，请市级处理",
            "records were merged in a circle; all are shown until the city has decided",
        );
        out.note(text);
    }
    let unlinked = records::unlinked(app, key)?;
    if !unlinked.is_empty() {
        let fields: Vec<&str> = unlinked
            .iter()
            .filter_map(|link| link.get("field").and_then(Value::as_str))
            .collect();
        let kind = app.catalogue.kind(key.kind);
        let label = |name: &&str| field_label(kind, name, out.language);
        let fields: Vec<String> = fields.iter().map(label).collect();
        let text = out.say(
            "尚未关联或所指已终止：{fields}。用 record links 查看",
            "not yet linked, or to what has ended: {fields}; see record links",
        );
        out.note(text.replace("{fields}", &fields.join("、")));
        document.insert("unlinked".to_owned(), unlinked.into());
    }
    show(app, &document, out);
    Ok(())
}

fn links(
    app: &App,
    of: Option<RecordKey>,
    dangling: bool,
    scope: Option<&str>,
    out: &mut Out,
) -> Result<(), Failure> {
    let mut found = match of {
        Some(key) => records::links_of(app, key)?,
        None => {
            let scope = scope
                .map(|scope| scope_named(app, scope, out))
                .transpose()?;
            records::dangling(app, scope)?
        }
    };
    if dangling {
        found.retain(|link| link.target.dangles());
    }
    let entries = records::links_json(app, &found, out)?;
    if out.json {
        out.document(&json!({ "links": entries }));
        return Ok(());
    }
    if entries.is_empty() {
        out.line(out.say(
            "没有尚未关联或所指已终止的引用",
            "nothing is unlinked or has ended",
        ));
        return Ok(());
    }
    let names = ["record", "field", "target", "why"];
    let row = |entry: &Value| {
        names
            .iter()
            .map(|name| text(entry, name).to_owned())
            .collect()
    };
    let rows: Vec<Vec<String>> = entries.iter().map(row).collect();
    let headings = [
        out.say("记录", "record"),
        out.say("字段", "field"),
        out.say("所指", "target"),
        out.say("说明", "why"),
    ];
    out.table(&headings, &rows);
    Ok(())
}

fn why_not_synced(
    app: &App,
    key: RecordKey,
    peers: &[PeerView],
    out: &mut Out,
) -> Result<(), Failure> {
    let why = records::why_not_synced(app, key, peers)?;
    if out.json {
        let document = why.json(out);
        out.document(&document);
    } else {
        out.line(why.said.text(out.language));
    }
    Ok(())
}

/// A kind that a newer program has written, by its number.
fn unknown_kind(app: &App, name: &str) -> Option<Kind> {
    let number = name.parse().ok().map(Kind)?;
    app.catalogue.kind(number).is_none().then_some(number)
}

pub(super) fn key_of(app: &App, kind: &str, id: &str) -> Result<RecordKey, Failure> {
    if let Some(number) = unknown_kind(app, kind) {
        let id = uuid::Uuid::try_parse(id.trim());
        let id = id.ok().ok_or_else(|| {
            Failure::new("RECORD-002", Exit::Invalid)
                .with("id", "")
                .with("kind", kind)
        })?;
        return Ok(RecordKey {
            kind: number,
            id: replica::RecordId(id.into_bytes()),
        });
    }
    let kind = kind_of(app, kind)?;
    let key = RecordKey {
        kind: kind.kind,
        id: named(&Known::new(app), kind, id)?.id,
    };
    care::may_see(app, key)?;
    Ok(key)
}

fn put(
    app: &App,
    (kind, id): (&str, Option<&str>),
    sets: &[String],
    (seen, reason): (Option<&str>, &str),
    out: &mut Out,
) -> Result<(), Failure> {
    if sets.is_empty() {
        return Err(Failure::new("RECORD-009", Exit::Usage));
    }
    let kind = kind_of(app, kind)?;
    let mut set = set_of_text(sets)?;
    let known = Known::new(app);
    let named = id.map(|id| named(&known, kind, id)).transpose()?;
    let key_field = named.as_ref().and_then(|named| named.key_field.as_ref());
    let said = |name: &str| sets.iter().any(|text| text.split('=').next() == Some(name));
    if let Some((field, text)) = key_field.filter(|(field, _)| !said(field)) {
        set.push((field, domain::value::Input::Text(text)));
    }
    let id = named.as_ref().map(|named| named.id);
    let seen = match (seen, id) {
        (Some(token), Some(id)) => Some(Seen::parse_for(
            token,
            RecordKey {
                kind: kind.kind,
                id,
            },
        )?),
        (Some(token), None) => Some(Seen::parse(token).and_then(|seen| {
            let other = || Failure::new("RECORD-006", Exit::Invalid);
            (seen.key.kind == kind.kind)
                .then_some(seen)
                .ok_or_else(other)
        })?),
        (None, _) => None,
    };
    let id = id.or_else(|| seen.as_ref().map(|seen| seen.key.id));
    let change = Change {
        kind,
        id,
        set,
        seen,
        scope: None,
        reason,
        source: Source::Command,
    };
    let saved = records::put(app, &change)?;
    show_saved(&saved, app, out);
    Ok(())
}

fn list(
    app: &App,
    (kind, scope): (&str, Option<&str>),
    (wheres, limit, after): (&[String], Option<usize>, Option<&str>),
    out: &mut Out,
) -> Result<(), Failure> {
    if let Some(number) = unknown_kind(app, kind) {
        gate::ask(app, Right::Export)?;
        return list_unknown(app, number, out);
    }
    let kind = kind_of(app, kind)?;
    let scope = scope
        .map(|scope| scope_named(app, scope, out))
        .transpose()?;
    let after = after
        .map(|id| named(&Known::new(app), kind, id))
        .transpose()?;
    let after = after.map(|named| named.id);
    show::list(
        app,
        &Filter {
            kind,
            scope,
            wheres,
            limit,
            after,
        },
        out,
    )
}

fn list_unknown(app: &App, kind: Kind, out: &mut Out) -> Result<(), Failure> {
    let documents = Documents::new(app)?;
    let mut all = Vec::new();
    each(app, kind, None, None, &mut |stored, meaning| {
        all.push(Value::Object(documents.of(stored, meaning)?));
        Ok(std::ops::ControlFlow::Continue(()))
    })?;
    if out.json {
        out.document(&json!({ "records": all, "next": null }));
    } else {
        all.iter()
            .for_each(|document| out.line(document.to_string()));
    }
    Ok(())
}

fn load(
    app: &App,
    file: &std::path::Path,
    reason: Option<String>,
    out: &mut Out,
) -> Result<(), Failure> {
    let path = app.path(file);
    let name = || {
        path.file_name()
            .map(|name| name.to_string_lossy().into_owned())
    };
    let reason = reason.or_else(name).unwrap_or_else(|| "load".to_owned());
    let loaded = records::load(app, &path, &reason, out)?;
    if loaded.lines > 0 && loaded.lines == loaded.rejected {
        out.exit = Exit::Invalid;
    }
    if out.json {
        out.document(&loaded.json(out));
        return Ok(());
    }
    let rejected = loaded.results.iter().filter_map(|line| {
        let failure = line.failure.as_ref()?;
        Some(vec![
            line.line.to_string(),
            failure.code.clone(),
            failure.text(out.language),
        ])
    });
    let rejected: Vec<Vec<String>> = rejected.collect();
    if !rejected.is_empty() {
        let line = out.say("行", "line");
        out.table(
            &[line, out.say("代码", "code"), out.say("说明", "what")],
            &rejected,
        );
    }
    let text = out.say(
        "{lines} 行：新建 {created}，更新 {changed}，未变 {unchanged}，拒绝 {rejected}",
        "{lines} lines: {created} created, {changed} changed, {unchanged} unchanged, {rejected} rejected",
    );
    let text = text
        .replace("{lines}", &loaded.lines.to_string())
        .replace("{created}", &loaded.created.to_string())
        .replace("{changed}", &loaded.changed.to_string())
        .replace("{unchanged}", &loaded.unchanged.to_string())
        .replace("{rejected}", &loaded.rejected.to_string());
    out.line(text);
    Ok(())
}

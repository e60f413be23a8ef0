//! `conflict …`: seeing and deciding conflicts.

mod show;

use clap::{Args, Subcommand, ValueEnum};
use domain::{label::Language, permission::Right};
use serde_json::{Map, Value, json};

use crate::{
    accounts::Deed,
    app::{App, Enrolled},
    commands::Reveal,
    conflicts::{self, Bulk, By, Choice, Decided, Docket, Filter, Reason, Side, rule_of},
    failure::{Exit, Failure},
    output::Out,
    records::{self, Scopes, Seen, scope_of},
};
pub(super) use show::show_candidates;

/// In which state a docket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StateArg {
    /// Somebody should decide
    Open,
    /// Put off to a date
    Deferred,
    /// Sent back with a question
    Returned,
    /// Decided
    Decided,
}

/// What a decision is made with.
#[derive(Args, Clone, Debug)]
pub struct Deciding {
    /// What you saw: the `seen` of the conflict; without it the present state
    #[arg(long, value_name = "TOKEN")]
    pub seen: Option<String>,
    /// The rule whose preset this is, as R03: without a reason of your own its sentence is the reason
    #[arg(long, value_name = "RULE")]
    pub preset: Option<String>,
    /// Why
    #[arg(long, required_unless_present = "preset")]
    pub reason: Option<String>,
}

/// Which dockets.
#[derive(Args, Clone, Debug, Default)]
pub struct Listing {
    /// Only of this scope
    #[arg(long)]
    pub scope: Option<String>,
    /// Only in this state (default: all that are not decided)
    #[arg(long, value_enum)]
    pub state: Option<StateArg>,
    /// Only of this storm, one by one
    #[arg(long, value_name = "ID")]
    pub storm: Option<String>,
}

/// A side of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SideArg {
    /// The value of the source
    Source,
    /// The one value that stands against it
    Other,
}

/// Many dockets at once.
#[derive(Args, Clone, Debug)]
pub struct BulkArgs {
    /// The rule whose preset is applied, as R03
    #[arg(long, value_name = "RULE", required_unless_present = "storm")]
    pub preset: Option<String>,
    /// Instead of a preset: one side for all that this storm's source has made
    #[arg(long, value_name = "ID", requires = "take", conflicts_with = "preset")]
    pub storm: Option<String>,
    /// Of a storm: the value of its source, or the one that stands against it
    #[arg(long, value_enum, requires = "storm")]
    pub take: Option<SideArg>,
    /// The field, as organisation.name
    #[arg(long, value_name = "KIND.FIELD")]
    pub field: String,
    /// Only of this scope
    #[arg(long)]
    pub scope: Option<String>,
    /// Show the list and its token, and decide nothing
    #[arg(long, conflicts_with = "confirm")]
    pub preview: bool,
    /// Decide the list that was shown with this token
    #[arg(long, value_name = "TOKEN")]
    pub confirm: Option<String>,
    /// Why; with a preset, without one, the rule's own sentence
    #[arg(long)]
    pub reason: Option<String>,
}

/// `conflict storm …`.
#[derive(Subcommand, Clone, Debug)]
pub enum StormCommand {
    /// Let a source write in bulk again
    Release {
        /// The id of the storm
        id: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
}

/// `conflict …`.
#[derive(Subcommand, Clone, Debug)]
pub enum ConflictCommand {
    /// Conflicts and where they stand
    List(Listing),
    /// One conflict with all that is needed to decide it
    Show {
        /// KIND/ID/FIELD
        id: String,
        /// In full
        #[command(flatten)]
        reveal: Reveal,
    },
    /// Take one of the candidates
    Take {
        /// KIND/ID/FIELD
        id: String,
        /// Which, counted from 1 as shown
        candidate: usize,
        /// With what
        #[command(flatten)]
        by: Deciding,
    },
    /// Enter another value
    Edit {
        /// KIND/ID/FIELD
        id: String,
        /// A field of the conflict and its value
        #[arg(long = "set", value_name = "FIELD=VALUE", num_args = 1.., required = true)]
        sets: Vec<String>,
        /// With what
        #[command(flatten)]
        by: Deciding,
    },
    /// Keep the items of all candidates of a set
    KeepBoth {
        /// KIND/ID/FIELD
        id: String,
        /// With what
        #[command(flatten)]
        by: Deciding,
    },
    /// Send it back to the district with a question
    Return {
        /// KIND/ID/FIELD
        id: String,
        /// The question
        #[arg(long)]
        reason: String,
    },
    /// Put it off to a date
    Defer {
        /// KIND/ID/FIELD
        id: String,
        /// The day on which it is open again
        #[arg(long, value_name = "DATE")]
        until: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Take a decision back: its candidates stand again
    Undo {
        /// KIND/ID/FIELD, or the id of a decision
        id: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Decide many conflicts by one preset, or for one side of a storm, for one field; the list is
    /// shown first
    Bulk(BulkArgs),
    /// Sources that have made more conflicts than they may
    Storm {
        /// Without one, the list
        #[command(subcommand)]
        command: Option<StormCommand>,
    },
}

impl ConflictCommand {
    /// What it does. Decisions and notes are records: the journal has them.
    #[must_use]
    pub fn deed(&self) -> Deed {
        let read = |name| Deed::of(name, Right::Read);
        let decide = |name, id: &String, reason: Option<&String>| {
            let reason = reason.map_or("", String::as_str);
            Deed::of(name, Right::Decide).about(&[id]).because(reason)
        };
        match self {
            Self::List(_) => read("conflict list"),
            Self::Show { id, reveal } => reveal.of(read("conflict show").about(&[id])),
            Self::Take { id, by, .. } => decide("conflict take", id, by.reason.as_ref()),
            Self::Edit { id, by, .. } => decide("conflict edit", id, by.reason.as_ref()),
            Self::KeepBoth { id, by } => decide("conflict keep-both", id, by.reason.as_ref()),
            Self::Return { id, reason } => decide("conflict return", id, Some(reason)),
            Self::Defer { id, reason, .. } => decide("conflict defer", id, Some(reason)),
            Self::Undo { id, reason } => decide("conflict undo", id, Some(reason)),
            Self::Bulk(args) if args.preview => read("conflict bulk"),
            Self::Bulk(args) => decide("conflict bulk", &args.field, args.reason.as_ref()),
            Self::Storm { command: None } => read("conflict storm"),
            Self::Storm {
                command: Some(StormCommand::Release { id, reason }),
            } => decide("conflict storm release", id, Some(reason)),
        }
    }
}

/// Runs `conflict …`. Acks are waited for of those that are `enrolled`.
///
/// # Errors
/// The command failed.
pub fn run(
    app: &App,
    enrolled: &Enrolled,
    command: ConflictCommand,
    out: &mut Out,
) -> Result<(), Failure> {
    match command {
        ConflictCommand::List(listing) => list(app, enrolled, &listing, out),
        ConflictCommand::Show { id, .. } => {
            let docket = Docket::parse(app, &id)?;
            let card = conflicts::show(app, &docket, out.language, enrolled)?;
            show::card(app, &docket, card, out);
            Ok(())
        }
        ConflictCommand::Take { id, candidate, by } => {
            decide(app, &id, &Choice::Take(candidate), &by, out)
        }
        ConflictCommand::Edit { id, sets, by } => decide(app, &id, &Choice::Edit(sets), &by, out),
        ConflictCommand::KeepBoth { id, by } => decide(app, &id, &Choice::KeepBoth, &by, out),
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
        ConflictCommand::Defer { id, until, reason } => {
            let docket = Docket::parse(app, &id)?;
            let (_, document) = conflicts::defer(app, &docket, &until, &reason)?;
            let text = out.say(
                "已暂缓；到期后重新列为待处理。",
                "Put off; on that day it is open again.",
            );
            finish(&document, text, out);
            Ok(())
        }
        ConflictCommand::Undo { id, reason } => {
            let decided = conflicts::undo(app, &id, &reason)?;
            let text = if decided.is_open {
                out.say(
                    "已撤销该决定，原来的各个值重新并存，等待处理。",
                    "The decision was taken back; its candidates stand again and the conflict is open.",
                )
            } else {
                out.say(
                    "已撤销该决定，原来的值已恢复。",
                    "The decision was taken back and what it replaced stands again.",
                )
            };
            finish(&decided.document, text, out);
            Ok(())
        }
        ConflictCommand::Bulk(args) => bulk(app, &args, out),
        ConflictCommand::Storm { command: None } => storms(app, out),
        ConflictCommand::Storm {
            command: Some(StormCommand::Release { id, reason }),
        } => release(app, &id, &reason, out),
    }
}

fn list(app: &App, enrolled: &Enrolled, listing: &Listing, out: &mut Out) -> Result<(), Failure> {
    let scope = listing.scope.as_deref();
    let state = listing.state.map(|state| match state {
        StateArg::Open => "open",
        StateArg::Deferred => "deferred",
        StateArg::Returned => "returned",
        StateArg::Decided => "decided",
    });
    let filter = Filter {
        scope: scope.map(|scope| scope_of(app, scope)).transpose()?,
        state,
        storm: listing.storm.clone(),
        enrolled: enrolled.clone(),
    };
    let mut storms = conflicts::storms(app)?;
    let all = conflicts::list(app, &filter, &storms)?;
    if out.json {
        out.document(&all.into_iter().map(Value::Object).collect());
    } else if all.is_empty() {
        out.line(none_found(listing, out));
    } else {
        // Of one storm every conflict is shown by itself.
        if listing.storm.is_some() {
            storms.clear();
        }
        show::list(app, all, &storms, out);
    }
    Ok(())
}

/// What is said when a list is empty: of what was asked for, and of nothing else.
fn none_found(listing: &Listing, out: &Out) -> String {
    let (zh, en) = match listing.state {
        None | Some(StateArg::Open) => ("待处理", "open"),
        Some(StateArg::Deferred) => ("已暂缓", "deferred"),
        Some(StateArg::Returned) => ("已退回", "returned"),
        Some(StateArg::Decided) => ("已处理", "decided"),
    };
    let is_part = listing.scope.is_some() || listing.storm.is_some();
    match out.language {
        Language::Zh if is_part => format!("所查范围内没有{zh}的冲突"),
        Language::Zh => format!("没有{zh}的冲突"),
        Language::En if is_part => format!("no {en} conflicts in what was asked for"),
        Language::En => format!("no {en} conflicts"),
    }
}

fn decide(
    app: &App,
    id: &str,
    choice: &Choice,
    by: &Deciding,
    out: &mut Out,
) -> Result<(), Failure> {
    let docket = Docket::parse(app, id)?;
    let seen = by
        .seen
        .as_deref()
        .map(|token| Seen::parse_for(token, docket.key))
        .transpose()?;
    let rule = by.preset.as_deref().map(rule_of).transpose()?;
    let reason = reason(rule, by.reason.as_deref(), out.language);
    let decided = conflicts::decide(app, &docket, choice, seen.as_ref(), reason)?;
    said(&decided, out);
    Ok(())
}

/// Why something is decided: by the rule that is named, in its words unless others are given.
fn reason<'a>(rule: Option<&'static str>, said: Option<&'a str>, language: Language) -> Reason<'a> {
    match rule {
        Some(rule) => Reason::Rule {
            rule,
            said,
            language,
        },
        None => Reason::Said(said.unwrap_or_default()),
    }
}

fn said(decided: &Decided, out: &mut Out) {
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
}

fn bulk(app: &App, args: &BulkArgs, out: &mut Out) -> Result<(), Failure> {
    let scope = args.scope.as_deref();
    let scope = scope.map(|scope| scope_of(app, scope)).transpose()?;
    let by = match (&args.storm, args.take) {
        (Some(id), Some(SideArg::Source)) => By::Storm(id.clone(), Side::Source),
        (Some(id), Some(SideArg::Other)) => By::Storm(id.clone(), Side::Other),
        _ => By::rule(args.preset.as_deref().unwrap_or_default())?,
    };
    let bulk = Bulk::parse(app, by, &args.field, scope)?;
    let plan = conflicts::plan(app, &bulk)?;
    if args.preview {
        show::plan(&bulk, &plan, out);
        return Ok(());
    }
    let (said, rule) = (args.reason.as_deref(), bulk.by.preset());
    let Some(token) = args.confirm.as_ref().filter(|_| said.or(rule).is_some()) else {
        return Err(Failure::new("CONFLICT-016", Exit::Usage));
    };
    let reason = reason(rule, said, out.language);
    let done = plan.carry_out(app, token, reason)?;
    if !done.open.is_empty() || !done.failed.is_empty() {
        out.exit = Exit::Beside;
    }
    show::done(&bulk, &plan, &done, out);
    Ok(())
}

fn storms(app: &App, out: &mut Out) -> Result<(), Failure> {
    let storms = conflicts::storms(app)?;
    if out.json {
        let scopes = Scopes::new(app);
        let all: Result<Vec<_>, Failure> = storms
            .iter()
            .map(|storm| storm.json(&scopes).map(Value::Object))
            .collect();
        out.document(&Value::Array(all?));
    } else if storms.is_empty() {
        out.line(out.say("没有冲突集中来源", "no storms"));
    } else {
        storms.iter().for_each(|storm| show::storm(storm, out));
    }
    Ok(())
}

fn release(app: &App, id: &str, reason: &str, out: &mut Out) -> Result<(), Failure> {
    let notes = conflicts::release(app, id, reason)?;
    if out.json {
        let notes: Vec<String> = notes.iter().map(ToString::to_string).collect();
        out.document(&json!({ "storm": id, "notes": notes }));
    } else {
        out.line(out.say(
            "已恢复；再增加同样多的冲突时会再次停止。",
            "Released; it is stopped again after as many conflicts more.",
        ));
    }
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

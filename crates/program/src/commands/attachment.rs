//! `attachment …`: files that records name as evidence.

use std::path::PathBuf;

use clap::Subcommand;
use domain::label::{Language, size};
use proto::stored::{FileRequest, FileState};
use serde_json::{Map, Value, json};
use store::Kept;

use super::{record::key_of, text};
use crate::{
    accounts::Deed,
    app::{App, Live},
    attachments::{self, Content, Folder, PRUNE_DAYS},
    failure::{Exit, Failure},
    output::Out,
    records::note_warnings,
    texts,
};
use domain::permission::Right;

/// `attachment …`.
#[derive(Subcommand, Clone, Debug)]
pub enum AttachmentCommand {
    /// Attach a file to a record: a scan, a photo, a document
    Add {
        /// The kind
        kind: String,
        /// The id, or a code
        id: String,
        /// The field, as `evidence`
        field: String,
        /// The file
        file: PathBuf,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Take a file from a record again
    Remove {
        /// The kind
        kind: String,
        /// The id, or a code
        id: String,
        /// The field
        field: String,
        /// The hash, or its first eight digits
        hash: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// The files that a record names, and where their content is
    List {
        /// The kind
        kind: String,
        /// The id, or a code
        id: String,
    },
    /// Write a content that is here into a file
    Get {
        /// The kind
        kind: String,
        /// The id, or a code
        id: String,
        /// The hash, or its first eight digits
        hash: String,
        /// Where it goes; a file that is there is not overwritten
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Ask for a content where it lies
    Fetch {
        /// The kind
        kind: String,
        /// The id, or a code
        id: String,
        /// The hash, or its first eight digits
        hash: String,
        /// Why; it is on record on both sides
        #[arg(long)]
        reason: String,
    },
    /// Who asked for which content, when and why: here, and the other side here
    Log,
    /// Contents that no record names any more
    Prune {
        /// Only those put in longer ago than so many days
        #[arg(long, default_value_t = PRUNE_DAYS)]
        days: u64,
        /// Clear them away; without it they are only listed
        #[arg(long)]
        confirm: bool,
    },
}

impl AttachmentCommand {
    /// What it does, as the table of roles and the audit list name it.
    #[must_use]
    pub fn deed(&self) -> Deed {
        match self {
            Self::Add {
                kind, id, reason, ..
            } => Deed::of("attachment add", Right::Enter)
                .about(&[kind, id])
                .because(reason),
            Self::Remove {
                kind, id, reason, ..
            } => Deed::of("attachment remove", Right::Enter)
                .about(&[kind, id])
                .because(reason),
            Self::List { kind, id } => Deed::of("attachment list", Right::Read).about(&[kind, id]),
            // A scan shows names that a masked list does not.
            Self::Get { kind, id, hash, .. } => Deed::of("attachment get", Right::Reveal)
                .about(&[kind, id, hash])
                .noted(),
            Self::Fetch {
                kind,
                id,
                hash,
                reason,
            } => Deed::of("attachment fetch", Right::Reveal)
                .about(&[kind, id, hash])
                .because(reason)
                .noted(),
            Self::Log => Deed::of("attachment log", Right::Audit),
            Self::Prune { confirm, .. } => {
                let deed = Deed::of("attachment prune", Right::Operate);
                if *confirm { deed.noted() } else { deed }
            }
        }
    }
}

/// Runs `attachment …`.
///
/// # Errors
/// The command failed.
pub fn run<L: Live>(
    app: &App,
    live: &L,
    command: AttachmentCommand,
    out: &mut Out,
) -> Result<(), Failure> {
    let open = |kind: &str, id: &str| Folder::open(app, key_of(app, kind, id)?);
    match command {
        AttachmentCommand::Add {
            kind,
            id,
            field,
            file,
            reason,
        } => {
            let folder = open(&kind, &id)?;
            let place = (field.as_str(), app.path(&file));
            let (saved, hash) = attachments::add(app, &folder, (place.0, &place.1), &reason)?;
            note_warnings(&saved.warnings, out);
            if saved.beside {
                out.exit = Exit::Beside;
            }
            let folder = open(&kind, &id)?;
            show_one(app, &folder, &hash.to_string(), out)
        }
        AttachmentCommand::Remove {
            kind,
            id,
            field,
            hash,
            reason,
        } => {
            let saved = attachments::remove(app, &open(&kind, &id)?, (&field, &hash), &reason)?;
            note_warnings(&saved.warnings, out);
            list(app, &open(&kind, &id)?, out)
        }
        AttachmentCommand::List { kind, id } => list(app, &open(&kind, &id)?, out),
        AttachmentCommand::Get {
            kind,
            id,
            hash,
            output,
        } => get(app, &open(&kind, &id)?, &hash, &app.path(&output), out),
        AttachmentCommand::Fetch {
            kind,
            id,
            hash,
            reason,
        } => fetch(app, &open(&kind, &id)?, (&hash, &reason), out),
        AttachmentCommand::Log => log(app, live, out),
        AttachmentCommand::Prune { days, confirm } => {
            let orphans = if confirm {
                attachments::prune(app, days)?
            } else {
                attachments::orphans(app, days)?
            };
            show_orphans(&orphans, confirm, out);
            Ok(())
        }
    }
}

/// Prints one file of a record.
fn show_one(app: &App, folder: &Folder, hash: &str, out: &mut Out) -> Result<(), Failure> {
    let held = folder.file(hash)?;
    let file = attachments::file_json(app, folder, &attachments::desk(app), held)?;
    if out.json {
        out.document(&Value::Object(file));
    } else {
        show_files(&[file], out);
    }
    Ok(())
}

fn list(app: &App, folder: &Folder, out: &mut Out) -> Result<(), Failure> {
    let desk = attachments::desk(app);
    let files = folder.files.iter();
    let files = files.map(|held| attachments::file_json(app, folder, &desk, held));
    let files: Vec<Map<String, Value>> = files.collect::<Result<_, _>>()?;
    if out.json {
        out.document(&json!({
            "kind": folder.kind.id,
            "id": folder.stored.record.key.id.to_string(),
            "attachments": files,
        }));
    } else if files.is_empty() {
        out.line(out.say("这条记录没有附件", "the record has no attachments"));
    } else {
        show_files(&files, out);
    }
    Ok(())
}

fn show_files(files: &[Map<String, Value>], out: &mut Out) {
    let language = out.language;
    let row = |file: &Map<String, Value>| {
        let file = Value::Object(file.clone());
        let bytes = file.get("size").and_then(Value::as_u64).unwrap_or_default();
        let media = text(&file, "media_type");
        let known = domain::attachment::MEDIA_TYPES.iter();
        let known = known.filter(|known| known.id == media);
        let media = known.map(|known| known.extension).next().unwrap_or(media);
        vec![
            text(&file, "field").to_owned(),
            text(&file, "name").to_owned(),
            media.to_owned(),
            size(bytes),
            text(&file, "hash").get(..12).unwrap_or_default().to_owned(),
            state_text(&file, language),
        ]
    };
    let rows: Vec<Vec<String>> = files.iter().map(row).collect();
    let headings = [
        out.say("字段", "field"),
        out.say("名称", "name"),
        out.say("类型", "type"),
        out.say("大小", "size"),
        out.say("校验值", "hash"),
        out.say("内容", "content"),
    ];
    out.table(&headings, &rows);
}

/// Where the content of a file is, as people read it.
fn state_text(file: &Value, language: Language) -> String {
    let at = text(file, "at");
    let since = text(file, "since").trim_end_matches("+08:00");
    let since = since.replace('T', " ");
    let why = match text(file, "code") {
        "" => String::new(),
        code => format!("；{}", texts::of(code, language, &[])),
    };
    match (text(file, "state"), language) {
        ("here", _) => language.pick("在本机", "here").to_owned(),
        ("damaged", _) => {
            let said = texts::of("ATTACH-005", language, &[]);
            format!("ATTACH-005 {said}")
        }
        ("waiting", Language::Zh) => format!("在 {at}，{since} 起等待{why}"),
        ("waiting", Language::En) => format!("in {at}, waiting since {since}{why}"),
        (_, Language::Zh) => format!("不在本机，在 {at}"),
        (_, Language::En) => format!("not here, in {at}"),
    }
}

fn get(
    app: &App,
    folder: &Folder,
    hash: &str,
    output: &std::path::Path,
    out: &mut Out,
) -> Result<(), Failure> {
    let held = folder.file(hash)?;
    let bytes = attachments::save(app, folder, held, output)?;
    if out.json {
        let file = output.to_string_lossy();
        out.document(&json!({ "hash": held.hash.to_string(), "bytes": bytes, "file": file }));
    } else {
        let text = out.say("已核对并写出", "checked and written");
        out.line(format!("{text} {}", size(bytes)));
    }
    Ok(())
}

fn fetch(
    app: &App,
    folder: &Folder,
    (hash, reason): (&str, &str),
    out: &mut Out,
) -> Result<(), Failure> {
    let held = folder.file(hash)?;
    let is_here = folder.content(app, &attachments::desk(app), held)? == Content::Here;
    if !is_here {
        attachments::fetch(app, folder, held, reason)?;
    }
    show_one(app, folder, &held.hash.to_string(), out)?;
    if !out.json && !is_here {
        let text = out.say(
            "已登记。对方连上后自动传来，断线后从断处继续；用 attachment list 查看。",
            "It is on record. The content comes when the other side is there, and goes on where a cut left it; see attachment list.",
        );
        out.note(text);
    }
    Ok(())
}

fn log<L: Live>(app: &App, live: &L, out: &mut Out) -> Result<(), Failure> {
    let desk = attachments::desk(app);
    let peers = live.peers(app, &app.writer.status()?);
    let name = |replica: &[u8]| {
        let replica = domain::value::hex(replica);
        let mut known = peers.iter();
        let known = known.find(|peer| peer.replica == replica);
        known.map_or(replica, |peer| peer.name.clone())
    };
    let asked = desk.asked()?.into_iter().map(|entry| ("asked", entry));
    let given = desk.given()?.into_iter().map(|entry| ("given", entry));
    let mut all: Vec<(&str, FileRequest)> = asked.chain(given).collect();
    all.sort_by_key(|(_, entry)| entry.kept_ms);
    let one = |(way, entry): &(&str, FileRequest)| log_json(app, way, entry, &name);
    let entries: Vec<Value> = all.iter().map(one).collect();
    if out.json {
        out.document(&json!({ "entries": entries }));
        return Ok(());
    }
    if entries.is_empty() {
        out.line(out.say("没有人索取过附件内容", "nobody has asked for a content"));
        return Ok(());
    }
    show_log(&entries, out);
    Ok(())
}

fn log_json(app: &App, way: &str, entry: &FileRequest, name: &dyn Fn(&[u8]) -> String) -> Value {
    let record = entry.record.as_ref().map(|record| {
        let kind = app.catalogue.kind_name(replica::Kind(record.kind));
        let id = replica::RecordId::try_from(record.id.as_slice());
        id.map_or_else(|_no_id| kind.clone(), |id| format!("{kind}/{id}"))
    });
    let state = match entry.state() {
        FileState::Waiting => "waiting",
        FileState::Done => "done",
        FileState::Refused => "refused",
        FileState::Unspecified => "",
    };
    let ended = (entry.ended_ms > 0).then(|| attachments::moment(entry.ended_ms));
    json!({
        "way": way,
        "at": attachments::moment(entry.kept_ms),
        "account": entry.account,
        "record": record,
        "hash": domain::value::hex(&entry.hash),
        "size": entry.size,
        "reason": entry.reason,
        "state": state,
        "code": (!entry.code.is_empty()).then_some(entry.code.as_str()),
        "ended": ended,
        "peer": (!entry.peer.is_empty()).then(|| name(&entry.peer)),
    })
}

fn show_log(entries: &[Value], out: &mut Out) {
    let language = out.language;
    let plain = |moment: &str| moment.trim_end_matches("+08:00").replace('T', " ");
    let row = |entry: &Value| {
        let way = match text(entry, "way") {
            "asked" => language.pick("本机索取", "asked here"),
            _ => language.pick("对方索取", "asked of us"),
        };
        let state = match text(entry, "state") {
            "done" => language.pick("已完成", "done"),
            "refused" => language.pick("未给", "not given"),
            _ => language.pick("等待中", "waiting"),
        };
        vec![
            plain(text(entry, "at")),
            way.to_owned(),
            text(entry, "account").to_owned(),
            text(entry, "record").to_owned(),
            text(entry, "hash").get(..12).unwrap_or_default().to_owned(),
            text(entry, "reason").to_owned(),
            [state, " ", text(entry, "code")].concat().trim().to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = entries.iter().map(row).collect();
    let headings = [
        out.say("时间", "at"),
        out.say("方向", "way"),
        out.say("索取人", "account"),
        out.say("记录", "record"),
        out.say("校验值", "hash"),
        out.say("理由", "reason"),
        out.say("结果", "state"),
    ];
    out.table(&headings, &rows);
}

fn show_orphans(orphans: &[Kept], is_done: bool, out: &mut Out) {
    let bytes = orphans.iter().map(|kept| kept.size).sum::<u64>();
    if out.json {
        let files = orphans
            .iter()
            .map(|kept| json!({ "hash": kept.hash.to_string(), "size": kept.size }));
        let files: Vec<Value> = files.collect();
        out.document(&json!({ "removed": is_done, "bytes": bytes, "files": files }));
        return;
    }
    for kept in orphans {
        out.line(format!("{}  {}", kept.hash, size(kept.size)));
    }
    if orphans.is_empty() {
        out.line(texts::well("DOCTOR-051", out.language));
        return;
    }
    let (count, bytes) = (orphans.len(), size(bytes));
    let text = match (is_done, out.language) {
        (true, Language::Zh) => format!("已清除 {count} 个，{bytes}"),
        (true, Language::En) => format!("{count} cleared away, {bytes}"),
        (false, Language::Zh) => {
            format!("没有记录引用的内容 {count} 个，{bytes}。加 --confirm 清除，清除后不能恢复。")
        }
        (false, Language::En) => format!(
            "{count} contents that no record names, {bytes}. Add --confirm to clear them away for good."
        ),
    };
    out.line(text);
}

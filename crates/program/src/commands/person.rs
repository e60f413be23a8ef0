//! `person …`: erasing what is personal, and contacts that stay at home.

use clap::Subcommand;
use domain::{date, permission::Right};
use serde_json::json;

use crate::{
    accounts::Deed,
    app::App,
    clock::moment,
    commands::Reveal,
    failure::Failure,
    output::Out,
    persons::{self, Erased},
};

/// `person …`.
#[derive(Subcommand, Clone, Debug)]
pub enum PersonCommand {
    /// Erase name, employer and post of a person, for ever and on every replica
    Erase {
        /// The id of the person
        id: String,
        /// Why, without the name: it stays to be seen
        #[arg(long)]
        reason: String,
        /// It cannot be undone
        #[arg(long)]
        confirm: bool,
    },
    /// Contacts: they stay in this directory, and no feed carries them
    #[command(subcommand)]
    Contact(ContactCommand),
}

/// `person contact …`.
#[derive(Subcommand, Clone, Debug)]
pub enum ContactCommand {
    /// Keep the phone of a person
    Set {
        /// The id of the person
        id: String,
        /// The phone at work
        #[arg(long, value_name = "PHONE")]
        work_phone: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Show the contact of a person
    Show {
        /// The id of the person
        id: String,
        /// In full
        #[command(flatten)]
        reveal: Reveal,
    },
    /// Whose contacts are kept here, by id, and whose last role has ended
    List {
        /// Only those whose last role has ended: they are kept no longer
        #[arg(long)]
        over: bool,
    },
    /// Forget the contact of a person
    Clear {
        /// The id of the person
        id: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
}

impl PersonCommand {
    /// What it does, as the table of roles and the audit list name it.
    #[must_use]
    pub fn deed(&self) -> Deed {
        let about = |name, right, id: &str| Deed::of(name, right).about(&[id]).noted();
        match self {
            // Its reason stands with the mark; one that was refused may tell who was to be forgotten.
            Self::Erase { id, .. } => about("person erase", Right::Enter, id),
            Self::Contact(ContactCommand::Set { id, reason, .. }) => {
                about("person contact set", Right::Enter, id).because(reason)
            }
            Self::Contact(ContactCommand::Show { id, reveal }) => {
                let deed = reveal.of(about("person contact show", Right::Read, id));
                // What is revealed was noted before it is shown.
                Deed {
                    is_noted: !deed.reveals,
                    ..deed
                }
            }
            Self::Contact(ContactCommand::List { .. }) => {
                Deed::of("person contact list", Right::Read)
            }
            Self::Contact(ContactCommand::Clear { id, reason }) => {
                about("person contact clear", Right::Enter, id).because(reason)
            }
        }
    }
}

/// Runs `person …`.
///
/// # Errors
/// The command failed.
pub fn run(app: &App, command: &PersonCommand, out: &mut Out) -> Result<(), Failure> {
    match command {
        PersonCommand::Erase {
            id,
            reason,
            confirm,
        } => {
            let erased = persons::erase(app, id, reason, *confirm)?;
            show(&erased, out);
            Ok(())
        }
        PersonCommand::Contact(command) => contact(app, command, out),
    }
}

fn show(erased: &Erased, out: &mut Out) {
    if out.json {
        return out.document(&erased.json());
    }
    let first = if erased.is_new {
        out.say(
            "已清除该人员的 {fields}，以及 {n} 条引用这些内容的决定、建议和批注；历史、退回和隔离的内容一并清除，随同步传到各处",
            "erased: {fields}, and what {n} decisions, proposals and notes quote of them; also in history, drafts and held states, and everywhere the mark comes to",
        )
    } else {
        out.say("该人员此前已清除", "this person was erased before")
    };
    let text = first
        .replace("{fields}", &erased.fields.join("、"))
        .replace("{n}", &erased.others.to_string());
    out.line(text);
    if erased.rewrite_due {
        out.line(out.say(
            "数据文件将在程序停止后或下次启动时重写，在此之前文件里还有旧内容",
            "the files here are rewritten when the program stops or starts next; until then they still hold it",
        ));
    }
    if !erased.kept.is_empty() {
        let text = out.say(
            "目录中保留的旧数据库还有这些内容，确认不再需要后请删除：{kept}",
            "former stores that are kept in the directory still hold it; remove them when nobody needs them: {kept}",
        );
        out.line(text.replace("{kept}", &erased.kept.join("  ")));
    }
    out.line(out.say(
        "没有清除的：已做的备份（恢复后首次同步时清除）、已导出的摆渡文件和表格、其他记录里自由填写的文字、操作日志里写下的理由",
        "not erased: backups made before (a restored one loses it at its first exchange), bundles and spreadsheets outside, free text in other records, and reasons in the audit list",
    ));
}

/// Lists contacts without what they say.
fn list(app: &App, over: bool, out: &mut Out) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for (id, contact, end) in persons::contacts(app)? {
        if end.is_some() || !over {
            rows.push((id.to_string(), moment(contact.at_ms), end.map(date::text)));
        }
    }
    if out.json {
        let row = |(id, at, end): &(String, String, Option<String>)| json!({ "id": id, "at": at, "last_role_ended": end });
        out.document(&rows.iter().map(row).collect::<serde_json::Value>());
        return Ok(());
    }
    if rows.is_empty() {
        out.line(out.say("没有这样的联系方式", "no such contacts"));
        return Ok(());
    }
    let headings = [
        out.say("人员编号", "person"),
        out.say("保存时间", "kept since"),
        out.say("最后任职终止", "last role ended"),
    ];
    let cells = rows
        .into_iter()
        .map(|(id, at, end)| vec![id, at, end.unwrap_or_default()]);
    out.table(&headings, &cells.collect::<Vec<_>>());
    out.note(out.say(
        "任职已终止的，其联系方式不再保存，用 person contact clear 删除。",
        "Whose role has ended is kept no longer: person contact clear.",
    ));
    Ok(())
}

fn contact(app: &App, command: &ContactCommand, out: &mut Out) -> Result<(), Failure> {
    let (key, changed, contact, text) = match command {
        ContactCommand::Set {
            id,
            work_phone,
            reason,
        } => {
            let (key, contact) = persons::set_contact(app, id, work_phone, reason)?;
            let text = out.say("已保存在本地，不参与同步", "kept here; no feed carries it");
            (key, true, Some(contact), text)
        }
        ContactCommand::List { over } => return list(app, *over, out),
        ContactCommand::Show { id, .. } => {
            let (key, contact) = persons::contact(app, id)?;
            let none = out.say("没有联系方式", "no contact is kept");
            (key, false, contact, none)
        }
        ContactCommand::Clear { id, reason } => {
            let (key, was) = persons::clear_contact(app, id, reason)?;
            let text = match was {
                true => out.say("联系方式已删除", "the contact was removed"),
                false => out.say("没有联系方式", "no contact is kept"),
            };
            (key, was, None, text)
        }
    };
    if out.json {
        let contact = contact.as_ref().map(persons::Contact::json);
        out.document(&json!({
            "id": key.id.to_string(), "changed": changed, "contact": contact,
        }));
        return Ok(());
    }
    match &contact {
        Some(contact) => {
            let label = out.say("工作电话：", "work phone: ");
            out.line(format!("{label}{}  {}", contact.work_phone, contact.by));
            if changed {
                out.line(text);
            }
        }
        None => out.line(text),
    }
    Ok(())
}

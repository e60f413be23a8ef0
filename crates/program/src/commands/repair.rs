//! `repair`, and `restore --dry-run`: what is gone, what comes back, what exists nowhere else.

use std::path::PathBuf;

use clap::Args;
use domain::permission::Right;
use domain::{Catalogue, label::Language};
use replica::Clock as _;
use serde_json::{Value, json};
use store::WriteFact;

use crate::{
    accounts::Deed,
    app::{App, Live},
    cli::Setting,
    clock::{SystemClock, moment},
    commands::{
        record::field_label,
        store::{RestoreArgs, keys_at_hand, keys_for},
    },
    dir::write_whole,
    failure::Failure,
    output::Out,
    repair::{
        self, Repaired,
        compare::{Asked, Caller, Comparison, Fate, compare_closed, compare_opened},
        fact_json,
        lost::{self, Lost, Rest},
    },
    store_key::at_hand,
    texts::causes,
};

/// `repair [BACKUP]`.
#[derive(Args, Clone, Debug)]
pub struct RepairArgs {
    /// The newest backup, for what cannot be read of the store
    pub backup: Option<PathBuf>,
    /// The key that the backup is encrypted with, where the directory does not have it
    #[arg(long, value_name = "FILE", requires = "backup")]
    pub key_file: Option<PathBuf>,
    /// Only list the writes that a repair or a restore has taken and nobody has given back
    #[arg(long, conflicts_with = "backup")]
    pub list: bool,
    /// With --list: also those that somebody has settled, with who, when and why
    #[arg(long, requires = "list")]
    pub all: bool,
    /// Only state that a write of the list was entered anew or is given up: its name there, KIND/ID
    /// for those of a record, or `rest` for those that the list has no room for
    #[arg(long, value_name = "WRITE", conflicts_with_all = ["backup", "list"], requires = "reason")]
    pub settle: Option<String>,
    /// Why it is settled
    #[arg(long, requires = "settle")]
    pub reason: Option<String>,
}

impl RepairArgs {
    /// What it does.
    #[must_use]
    pub fn deed(&self) -> Deed {
        match &self.settle {
            Some(write) => {
                let deed = Deed::of("repair settle", Right::Operate)
                    .about(&[write])
                    .noted();
                deed.because(self.reason.as_deref().unwrap_or_default())
            }
            None => Deed::of("repair list", Right::Operate),
        }
    }

    /// Whether it works on an opened store: it repairs nothing then.
    #[must_use]
    pub fn needs_store(&self) -> bool {
        self.list || self.settle.is_some()
    }
}

/// Compares a backup with the store of the directory, if there is one, and asks the peer.
///
/// # Errors
/// The backup is not whole or of another replica, the store is in use, or the keys beside the
/// backup cannot be opened.
pub fn compare<L: Live>(
    setting: &Setting,
    args: &RestoreArgs,
    out: &mut Out,
) -> Result<(), Failure> {
    let dir = setting.options.dir().ok();
    let path = setting.folder.join(&args.file);
    let keys = keys_for(setting, args)?;
    let store_keys = keys_at_hand(setting, dir.as_ref(), args, &keys)?;
    let key = |name: &str| keys.get(name).cloned();
    let runtime = &setting.runtime;
    let compared = compare_closed::<L>(dir.as_ref(), &path, &store_keys, &key, runtime)?;
    show_comparison(&compared, out);
    Ok(())
}

/// Compares a backup with the store of the serving program, and asks the peer.
///
/// # Errors
/// The backup is not whole or of another replica.
pub fn compare_serving<L: Live>(
    app: &App,
    args: &RestoreArgs,
    out: &mut Out,
) -> Result<(), Failure> {
    let key_file = args.key_file.as_ref().map(|file| app.path(file));
    let compared = compare_opened::<L>(app, &app.path(&args.file), key_file.as_deref())?;
    show_comparison(&compared, out);
    Ok(())
}

fn show_comparison(comparison: &Comparison, out: &mut Out) {
    if out.json {
        out.document(&comparison.json());
        return;
    }
    let entries = comparison.backup.entries.to_string();
    let text = out.say(
        "备份完整：{n} 项；未写入任何内容",
        "the backup is whole: {n} entries; nothing was written",
    );
    out.line(text.replace("{n}", &entries));
    let present = match comparison.present {
        "none" => out.say(
            "这个目录里没有数据库，无法比较备份之后的内容；恢复后与对端逐桶比对，对端确认过的都会取回",
            "there is no store here to compare with; after the restore whatever a peer has acked comes back",
        ),
        "not at all" => out.say(
            "现有数据库完全读不出来，无法比较；恢复后与对端逐桶比对，对端确认过的都会取回",
            "nothing can be read of the present store; after the restore whatever a peer has acked comes back",
        ),
        "in part" => out.say(
            "现有数据库已损坏，只能与读得出来的部分比较；请考虑用 repair 代替 restore",
            "the present store is damaged; compared with what can be read of it; consider repair instead of restore",
        ),
        _ => "",
    };
    if !present.is_empty() {
        out.line(present);
    }
    show_asked(comparison, out);
    show_counts(comparison, out);
    show_callers(comparison, out);
    let only: Vec<&WriteFact> = comparison.nowhere_else().collect();
    if only.is_empty() {
        return;
    }
    show_facts(only.into_iter(), out);
    out.note(match comparison.asked {
        Asked::Nobody => out.say(
            "恢复会丢掉上面列出的修改。请先另做一次 backup，再恢复。",
            "A restore would lose the writes above. Make another backup first.",
        ),
        Asked::Answered { .. } | Asked::Failed(_) => out.say(
            "恢复会丢掉上面列出的修改。请先联网同步（sync --once），或先另做一次 backup，再恢复。",
            "A restore would lose the writes above. Sync first (sync --once), or make another backup.",
        ),
    });
}

/// Says whether the peer was asked, and what it knows where the own store does not say it.
fn show_asked(comparison: &Comparison, out: &mut Out) {
    let peer = comparison.peer.as_deref().unwrap_or_default();
    let peer = &causes::peer(peer, out.language).into_owned();
    match &comparison.asked {
        Asked::Nobody => {}
        Asked::Failed(failure) => {
            let text = out.say(
                "没有问到市级（{peer}），以下只凭本机记得的确认情况。{code}  {why}",
                "the hub was not asked ({peer}); what follows is only what was remembered here. {code}  {why}",
            );
            let why = failure.text(out.language);
            let text = text
                .replace("{peer}", peer)
                .replace("{code}", &failure.code);
            out.line(text.replace("{why}", &why));
        }
        Asked::Answered { after_backup } => {
            let text = out.say(
                "刚才问过市级（{peer}）",
                "the hub was asked just now ({peer})",
            );
            out.line(text.replace("{peer}", peer));
            if comparison.present != "whole" {
                let text = out.say(
                    "市级知道本机在备份之后写过 {n} 次修改，它收到的恢复后都会取回；从未上传过的，市级无从知道",
                    "the hub knows of {n} writes made here after the backup; those it has received come back after the restore; of what was never sent it knows nothing",
                );
                out.line(text.replace("{n}", &after_backup.to_string()));
            }
        }
    }
}

fn show_counts(comparison: &Comparison, out: &mut Out) {
    let count = |fate| comparison.count(fate).to_string();
    let only = comparison.nowhere_else().count().to_string();
    let text = match &comparison.asked {
        Asked::Answered { .. } => out.say(
            "备份缺少 {writes} 次修改（{records} 条记录整条没有）：市级现有其中 {has} 次，{only} 次别处没有",
            "the backup lacks {writes} writes ({records} records whole): the hub has {has} of them, {only} exist nowhere else",
        ),
        Asked::Failed(_) => out.say(
            "备份缺少 {writes} 次修改（{records} 条记录整条没有）：市级确认收到过其中 {acked} 次（这次没有核实），{only} 次别处没有",
            "the backup lacks {writes} writes ({records} records whole): the hub had acked {acked} of them (not confirmed now), {only} exist nowhere else",
        ),
        Asked::Nobody => out.say(
            "备份缺少 {writes} 次修改（{records} 条记录整条没有）：其中 {acked} 次有节点确认收到过，{only} 次别处没有",
            "the backup lacks {writes} writes ({records} records whole): nodes had {acked} of them, {only} exist nowhere else",
        ),
    };
    let text = text
        .replace("{writes}", &comparison.lacking.len().to_string())
        .replace("{records}", &comparison.records_lacking.to_string())
        .replace("{has}", &count(Fate::PeerHas))
        .replace("{acked}", &count(Fate::PeerAcked))
        .replace("{only}", &only);
    out.line(text);
    let was_answered = matches!(comparison.asked, Asked::Answered { .. });
    let more = [
        (
            Fate::PeerAcked,
            "另有 {n} 次是别处写的、以前收到的，市级没有说现在有没有",
            "{n} more were written elsewhere and came here; the hub does not say whether it has them",
        ),
        (
            Fate::PeerRefused,
            "另有 {n} 次是市级退回过的，内容留在市级的 refusal list 里",
            "{n} more were refused by the hub, which keeps them in its refusal list",
        ),
        (
            Fate::PeerHoldsBack,
            "另有 {n} 次只在市级的隔离区里，内容完整。恢复之后记录相符，隔离的内容就不再保留：请先由市级管理员用 quarantine show 查看，用 quarantine release 处理，再恢复",
            "{n} more lie only in the hub's quarantine, whole. After the restore the record fits again and they are not kept: have the city's administrator see them with quarantine show and settle them with quarantine release first",
        ),
        (
            Fate::PeerForgot,
            "别处没有的修改中，{n} 次市级确认收到过，现在却没有（市级可能恢复过旧备份）",
            "of those that exist nowhere else the hub had acked {n}, and does not have them any more (it may have been restored)",
        ),
    ];
    for (fate, zh, en) in more {
        let is_said = fate == Fate::PeerAcked && !was_answered;
        if comparison.count(fate) > 0 && !is_said {
            out.line(out.say(zh, en).replace("{n}", &count(fate)));
        }
    }
}

/// Says of each node that calls what it had.
fn show_callers(comparison: &Comparison, out: &mut Out) {
    if comparison.callers.is_empty() {
        return;
    }
    out.line(out.say(
        "市级不能呼叫节点；各节点下次连上来时，把备份缺少的交回。凭记忆，各节点有过：",
        "a hub cannot call its nodes; each gives back what the backup lacks when it next calls. As remembered, each had:",
    ));
    let row = |caller: &Caller| {
        let had = caller.had.map(|had| had.to_string());
        vec![
            caller.replica.to_string(),
            caller.name.clone().unwrap_or_else(|| "—".to_owned()),
            had.unwrap_or_else(|| "—".to_owned()),
        ]
    };
    let rows: Vec<Vec<String>> = comparison.callers.iter().map(row).collect();
    let headings = [
        out.say("节点", "node"),
        out.say("名称", "name"),
        out.say("有过的修改", "writes it had"),
    ];
    out.table(&headings, &rows);
}

fn show_facts<'a>(facts: impl Iterator<Item = &'a WriteFact>, out: &mut Out) {
    let rows: Vec<Vec<String>> = facts.map(|fact| fact_row(fact, out.language)).collect();
    let headings = fact_headings(out);
    out.table(&headings, &rows);
}

fn fact_headings(out: &Out) -> [&'static str; 4] {
    [
        out.say("记录", "record"),
        out.say("字段", "fields"),
        out.say("填写人", "who"),
        out.say("时间", "when"),
    ]
}

/// A write in a table: which record, which fields, who, when.
pub(super) fn fact_row(fact: &WriteFact, language: Language) -> Vec<String> {
    let kind = Catalogue::builtin().kind(fact.key.kind);
    let document = fact_json(fact);
    let text = |name: &str| {
        let value = document.get(name).and_then(Value::as_str);
        value.unwrap_or("—").to_owned()
    };
    let fields = document.get("fields").and_then(Value::as_array);
    let fields = fields.into_iter().flatten().filter_map(Value::as_str);
    let fields = fields.map(|name| field_label(kind, name, language));
    vec![
        format!("{}/{}", text("kind"), text("record")),
        fields.collect::<Vec<_>>().join(language.pick("、", ", ")),
        text("author"),
        text("at"),
    ]
}

/// Builds a damaged store anew. The report is printed and kept in the directory.
///
/// # Errors
/// See [`crate::repair`].
pub fn repair(setting: &Setting, args: &RepairArgs, out: &mut Out) -> Result<(), Failure> {
    let dir = setting.options.dir()?;
    let backup = args.backup.as_ref().map(|file| setting.folder.join(file));
    let key_file = args.key_file.as_ref().map(|file| setting.folder.join(file));
    let now_ms = SystemClock::default().wall_ms();
    let keys = at_hand(Some(&dir), key_file.as_deref(), None)?;
    let Some(repaired) = repair::repair(&dir, backup.as_deref(), &keys, now_ms)? else {
        if out.json {
            out.document(&json!({"sound": true}));
        } else {
            out.line(out.say(
                "数据库完好，没有需要修复的内容",
                "the store is sound; there is nothing to repair",
            ));
        }
        return Ok(());
    };
    let document = repaired.json();
    let text = serde_json::to_vec_pretty(&document).unwrap_or_default();
    let report = dir.path().join(format!("repair-{now_ms}.json"));
    write_whole(&report, &text)?;
    if out.json {
        out.document(&document);
    } else {
        show_repaired(&repaired, out);
    }
    repaired.store_key.say_if_new(out);
    Ok(())
}

fn show_repaired(repaired: &Repaired, out: &mut Out) {
    let rebuilt = &repaired.rebuilt;
    let text = match repaired.salvaged {
        Some(salvaged) => out
            .say(
                "从损坏的数据库读出 {values} 项，{bad} 项校验不符，{gaps} 处读不出",
                "read {values} values of the damaged store; {bad} did not hold, {gaps} stretches were unreadable",
            )
            .replace("{values}", &salvaged.values.to_string())
            .replace("{bad}", &salvaged.bad.to_string())
            .replace("{gaps}", &salvaged.gaps.to_string()),
        None => out
            .say("损坏的数据库完全读不出来", "nothing could be read of the damaged store")
            .to_owned(),
    };
    out.line(text);
    if repaired.carved > 0 {
        let text = out.say(
            "另从文件中逐字节找到 {n} 项（可能含旧内容，已合并）",
            "{n} more values were found in the bytes of the file (older ones among them, merged)",
        );
        out.line(text.replace("{n}", &repaired.carved.to_string()));
    }
    let text = out.say(
        "新数据库有 {records} 条记录，其中 {backup} 条取自备份；损坏的数据库保留在 {kept}",
        "the new store has {records} records, {backup} of them of the backup; the damaged one is kept as {kept}",
    );
    let text = text
        .replace("{records}", &rebuilt.records.to_string())
        .replace("{backup}", &rebuilt.from_others.to_string())
        .replace("{kept}", &repaired.kept);
    out.line(text);
    // Where nothing of the checkpoints was read, nobody is known to have anything.
    if !rebuilt.only_here.is_empty() && repaired.salvaged.is_some() {
        out.line(out.say(
            "只在本机、尚未得到对端确认的修改（下次联网自动上传）：",
            "writes that are only here and go to the peer at the next session:",
        ));
        show_facts(rebuilt.only_here.iter(), out);
    }
    if !rebuilt.missing.is_empty() {
        out.line(out.say(
            "本机找不到内容的修改（对端确认过的下次联网自动取回；之后用 repair --list 查看仍然缺少的）：",
            "writes whose text is not here (what a peer has acked comes back at the next session; see repair --list afterwards):",
        ));
        show_facts(rebuilt.missing.iter(), out);
    }
    out.note(out.say(
        "请启动程序或执行 sync --once，与对端核对补齐。",
        "Start the program or run sync --once: both sides then compare and give each other what is missing.",
    ));
}

/// Lists the writes that a repair or a restore has taken and that no peer has given back, or states
/// that one is settled.
///
/// # Errors
/// The store is damaged or cannot be read, or what was to be settled is not open.
pub fn lost(app: &App, args: &RepairArgs, out: &mut Out) -> Result<(), Failure> {
    if let Some(name) = &args.settle {
        let reason = args.reason.as_deref().unwrap_or_default();
        let settled = lost::settle(app, name, reason)?;
        if out.json {
            out.document(&Value::Array(settled));
        } else {
            let text = out.say(
                "已注明 {n} 项；内容仍算丢失，证书里照样列出",
                "settled: {n}; what is lost stays lost, and a certificate still says so",
            );
            out.line(text.replace("{n}", &settled.len().to_string()));
        }
        return Ok(());
    }
    let mut missing = lost::missing(app)?;
    missing.retain(|lost| args.all || lost.settled.is_none());
    if out.json {
        out.document(&missing.iter().map(Lost::json).collect());
    } else {
        show_lost(&missing, args.all, out);
    }
    show_rest(&lost::rest(app)?, args.all, out);
    Ok(())
}

fn show_lost(missing: &[Lost], all: bool, out: &mut Out) {
    let language = out.language;
    let row = |lost: &Lost| {
        let mut row = vec![lost.fact.dot.to_string()];
        row.extend(fact_row(&lost.fact, language));
        if all {
            let settled = lost.settled.as_ref();
            row.push(settled.map(|one| one.by.clone()).unwrap_or_default());
            row.push(settled.map(|one| moment(one.at_ms)).unwrap_or_default());
            row.push(settled.map(|one| one.reason.clone()).unwrap_or_default());
        }
        row
    };
    let rows: Vec<Vec<String>> = missing.iter().map(row).collect();
    let mut headings = vec![out.say("编号", "write")];
    headings.extend(fact_headings(out));
    if all {
        headings.extend([
            out.say("注明人", "settled by"),
            out.say("注明时间", "settled"),
            out.say("理由", "why"),
        ]);
    }
    out.table(&headings, &rows);
}

/// Says how many there are beyond the list.
fn show_rest(rest: &Rest, all: bool, out: &mut Out) {
    let n = rest.count.to_string();
    match &rest.settled {
        _ if rest.count == 0 => {}
        None => {
            let text = out.say(
                "另有 {n} 次没有逐条列出，其中哪些已经回来无从知道。确认之后可用 repair --settle rest 注明。",
                "{n} more are not listed singly; which of them have come back nobody can tell. When that is clear, settle them with repair --settle rest.",
            );
            out.note(text.replace("{n}", &n));
        }
        Some(settled) if all => {
            let text = out.say(
                "另有 {n} 次没有逐条列出，已注明：",
                "{n} more are not listed singly, settled: ",
            );
            let when = moment(settled.at_ms);
            let said = format!("{}  {when}  {}", settled.by, settled.reason);
            out.note(format!("{}{said}", text.replace("{n}", &n)));
        }
        Some(_) => {}
    }
}

#[cfg(test)]
mod tests;

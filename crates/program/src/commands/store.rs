//! `backup`, `restore` and `config`.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufReader, Seek as _},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use domain::label::Language;
use replica::Clock as _;
use serde_json::json;
use store::{
    BackupError, BackupFacts, BackupReport, Cabinet, Disk, DiskConfig, StoreError, StoreKey,
    WriteFact,
};
use zeroize::Zeroizing;

use crate::{
    app::App,
    attachments::pack::{self, Packed},
    audit,
    cli::Setting,
    clock::SystemClock,
    commands::bundle::forget_proof,
    config::{Config, SAMPLE},
    dir::{Dir, Identity, first_line, write_whole},
    doctor::BACKUP,
    failure::{Exit, Failure},
    output::Out,
    repair::{check_owner, compare::given_up, owner},
    store_key,
};

/// `backup FILE`.
#[derive(Args, Clone, Debug)]
pub struct BackupArgs {
    /// Where the backup goes
    pub file: PathBuf,
    /// Write the keys beside it, into FILE.keys, sealed with a passphrase
    #[arg(long, requires = "passphrase_file")]
    pub with_keys: bool,
    /// The passphrase for the keys
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Leave out the contents of attachments, which otherwise go into FILE.files
    #[arg(long)]
    pub without_files: bool,
}

/// `restore FILE`.
#[derive(Args, Clone, Debug)]
pub struct RestoreArgs {
    /// The backup
    pub file: PathBuf,
    /// Say what the backup lacks, what the peers can give back, and what exists nowhere else; write
    /// nothing
    #[arg(long)]
    pub dry_run: bool,
    /// The passphrase for FILE.keys: the keys are restored too
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// The key that the backup is encrypted with, where the directory does not have it
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}

/// `config …`.
#[derive(Subcommand, Clone, Debug)]
pub enum ConfigCommand {
    /// Check the settings
    Check,
    /// Print every setting with its default
    Sample,
    /// Make a file with a new key for a store
    Key {
        /// The file
        file: PathBuf,
    },
}

pub(crate) fn failed(error: &BackupError) -> Failure {
    let failure = Failure::new(error.code(), Exit::Invalid);
    let failure = failure.with("detail", crate::failure::causes(error));
    match error {
        BackupError::Key { needs, has } | BackupError::Store(StoreError::Key { needs, has }) => {
            failure.of_keys(*needs, *has)
        }
        _ => failure,
    }
}

fn show((report, packed): (&BackupReport, Option<Packed>), out: &mut Out, zh: &str, en: &str) {
    if out.json {
        out.document(&json!({
            "entries": report.entries,
            "bytes": report.bytes,
            "key": report.key.map(|key| key.to_string()),
            "files": packed.map(|packed| packed.files),
            "files_bytes": packed.map(|packed| packed.bytes),
        }));
        return;
    }
    let text = out.say(zh, en).replace("{n}", &report.entries.to_string());
    out.line(text);
    if let Some(packed) = packed.filter(|packed| packed.files > 0) {
        let (count, bytes) = (packed.files, domain::label::size(packed.bytes));
        out.line(match out.language {
            Language::Zh => format!("附件内容 {count} 个，{bytes}，在备份旁的 .files 里"),
            Language::En => {
                format!("{count} contents of attachments, {bytes}, in .files beside it")
            }
        });
    }
}

/// The name of the store's key among the keys beside a backup.
const STORE_KEY: &str = "store.key";

/// The files that hold keys and what they certify.
const KEY_FILES: [&str; 6] = [
    "ca.crt", "ca.key", "seal.key", "node.crt", "node.key", "hub.crt",
];

/// The name under which the store keeps who it belongs to, so that a backup says it.
pub(crate) const IDENTITY: &str = "identity";

/// Refuses a name that is taken: a careless one must not cost another backup, or any other file.
fn check_free(path: &Path) -> Result<(), Failure> {
    if path.exists() {
        return Err(Failure::new("BACKUP-014", Exit::Usage).with("file", path.display()));
    }
    Ok(())
}

/// Writes a backup and reads it back.
///
/// # Errors
/// A file of this name is there, or it cannot be written or read back.
pub fn backup(app: &App, args: &BackupArgs, out: &mut Out) -> Result<(), Failure> {
    let path = app.path(&args.file);
    check_free(&path)?;
    check_free(&pack::beside(&path))?;
    let mut passphrase = None;
    if args.with_keys {
        check_free(&keys_beside(&path))?;
        // Whatever is wrong with it is said before the name is taken.
        passphrase = Some(read_passphrase(
            args.passphrase_file.as_deref(),
            &app.folder,
        )?);
    }
    let identity = serde_json::to_vec(&*app.identity).unwrap_or_default();
    app.writer
        .edit(Vec::new(), vec![(IDENTITY.to_owned(), Some(identity))])?;
    let facts = BackupFacts {
        program: format!(
            "{} {}",
            app.identity.short_name(),
            env!("CARGO_PKG_VERSION")
        ),
        replica: app.identity.replica().0.to_vec(),
        at_ms: i64::try_from(app.clock.wall_ms()).unwrap_or(i64::MAX),
    };
    let (target, key) = (path.clone(), app.store_key.key.clone());
    let report = app
        .writer
        .still(move |store| store::backup_to(store, &facts, key.as_ref(), &target))?;
    let report = report.map_err(|error| failed(&error))?;
    // It counts as a backup when all of it is there.
    let packed = if args.without_files {
        None
    } else {
        Some(pack::pack(app.files.cabinet(), &pack::beside(&path))?)
    };
    let note = backup_note(&report, &path);
    app.writer
        .edit(Vec::new(), vec![(BACKUP.to_owned(), Some(note))])?;
    if let Some(passphrase) = passphrase {
        backup_keys(app, &path, &passphrase)?;
    }
    show(
        (&report, packed),
        out,
        "备份完成并已回读核对：{n} 项",
        "backup written and read back: {n} entries",
    );
    show_left_out(app, packed, out)
}

/// Says which contents of attachments are not in the backup.
fn show_left_out(app: &App, packed: Option<Packed>, out: &mut Out) -> Result<(), Failure> {
    let left_out = match packed {
        Some(packed) => packed.damaged,
        None => app.files.cabinet().list()?.len(),
    };
    if left_out > 0 {
        out.note(match (packed, out.language) {
            (Some(_), Language::Zh) => format!("有 {left_out} 个附件的内容已损坏，不在备份里；用 verify 查看。"),
            (Some(_), Language::En) => format!("the contents of {left_out} attachments are damaged and not in the backup; see verify"),
            (None, Language::Zh) => format!("本机 {left_out} 个附件的内容不在备份里，请另行保存数据目录下的 files。"),
            (None, Language::En) => format!("the contents of {left_out} attachments are not in the backup; keep the folder files of the directory elsewhere"),
        });
    }
    Ok(())
}

/// What is kept of the newest backup that was verified.
pub(crate) fn backup_note(report: &BackupReport, path: &Path) -> Vec<u8> {
    let note = json!({
        "at_ms": report.facts.at_ms,
        "file": path.to_string_lossy(),
        "entries": report.entries,
        "digest": replica::Head(report.digest).to_string(),
    });
    serde_json::to_vec(&note).unwrap_or_default()
}

fn read_passphrase(file: Option<&Path>, folder: &Path) -> Result<Zeroizing<String>, Failure> {
    let file = file.ok_or_else(|| Failure::new("BACKUP-011", Exit::Usage))?;
    let line = first_line(&folder.join(file))?;
    if line.is_empty() {
        return Err(Failure::new("BACKUP-011", Exit::Usage));
    }
    Ok(line)
}

fn keys_beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".keys");
    PathBuf::from(name)
}

fn backup_keys(app: &App, path: &Path, passphrase: &str) -> Result<(), Failure> {
    let mut files: BTreeMap<&str, String> = BTreeMap::new();
    // Wherever it lies: without it the backup would be worth nothing.
    if let Some(key) = &app.store_key.key {
        files.insert(STORE_KEY, key.text().to_string());
    }
    for name in KEY_FILES {
        match std::fs::read_to_string(app.dir.path().join(name)) {
            Ok(text) => drop(files.insert(name, text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    let plain = Zeroizing::new(serde_json::to_vec(&files).unwrap_or_default());
    let sealed = link::seal(passphrase, &plain)
        .map_err(|error| Failure::new("BACKUP-012", Exit::Failed).with("detail", error))?;
    write_whole(&keys_beside(path), &sealed)
}

/// Opens the keys beside a backup. Nothing is written.
fn open_keys(path: &Path, passphrase: &str) -> Result<BTreeMap<String, String>, Failure> {
    let sealed = std::fs::read(keys_beside(path))?;
    let wrong = |error: &dyn std::fmt::Display| {
        Failure::new("BACKUP-012", Exit::Refused).with("detail", error)
    };
    let plain = link::unseal(passphrase, &sealed).map_err(|error| wrong(&error))?;
    serde_json::from_slice(&plain).map_err(|error| wrong(&error))
}

/// The keys beside the backup, where there is a passphrase for them. Nothing is written.
pub(crate) fn keys_for(
    setting: &Setting,
    args: &RestoreArgs,
) -> Result<BTreeMap<String, String>, Failure> {
    let Some(file) = &args.passphrase_file else {
        return Ok(BTreeMap::new());
    };
    let passphrase = read_passphrase(Some(file), &setting.folder)?;
    open_keys(&setting.folder.join(&args.file), &passphrase)
}

/// The keys that may open a backup: the one that was named, the directory's, the one beside the backup.
pub(crate) fn keys_at_hand(
    setting: &Setting,
    dir: Option<&Dir>,
    args: &RestoreArgs,
    beside: &BTreeMap<String, String>,
) -> Result<Vec<StoreKey>, Failure> {
    let named = args.key_file.as_ref().map(|file| setting.folder.join(file));
    let beside = beside.get(STORE_KEY).map(|text| StoreKey::read(text));
    let unreadable = |line| Failure::new("BACKUP-012", Exit::Refused).with("detail", line);
    let beside = beside.transpose().map_err(unreadable)?;
    store_key::at_hand(dir, named.as_deref(), beside)
}

fn restore_keys(dir: &Dir, files: &BTreeMap<String, String>) -> Result<(), Failure> {
    for name in KEY_FILES {
        if let Some(text) = files.get(name) {
            write_whole(&dir.path().join(name), text.as_bytes())?;
        }
    }
    Ok(())
}

/// Puts a backup into a directory. A store that is there is moved aside, never removed. Without
/// an identity the directory takes that of the backup. The replica takes a new incarnation at its
/// next write and heals with its peers.
///
/// # Errors
/// The backup is not whole, belongs to another replica, or the directory cannot be written.
pub fn restore(setting: &Setting, args: &RestoreArgs, out: &mut Out) -> Result<(), Failure> {
    let path = setting.folder.join(&args.file);
    let mut file = BufReader::new(File::open(&path)?);
    let dir = setting.options.dir()?;
    let beside_backup = keys_for(setting, args)?;
    let keys = keys_at_hand(setting, Some(&dir), args, &beside_backup)?;
    let report = store::verify_backup(&mut file, &keys).map_err(|error| failed(&error))?;
    let known = dir.exists().then(|| dir.identity()).transpose()?;
    if let Some(known) = &known {
        check_owner(&report, known)?;
    }
    let files = pack::beside(&path);
    let files = files.exists().then_some(files);
    if let Some(files) = &files {
        // Whatever is wrong with it is said before anything is replaced.
        pack::read(files, &mut |_content| Ok(()))?;
    }
    std::fs::create_dir_all(dir.path())?;
    let _held = dir.hold()?;
    let store_key = store_key::keep(&dir, &Config::load(&dir.config())?, &keys)?;
    let beside = dir.path().join("store.restoring");
    remove(&beside)?;
    file.rewind()?;
    let now_ms = SystemClock::default().wall_ms();
    let kept = format!("store.before-{now_ms}");
    let entry = audit::Entry {
        at_ms: now_ms,
        who: format!("{}@", setting.options.account),
        deed: "restore".to_owned(),
        result: "done".to_owned(),
        ..audit::Entry::default()
    };
    let at_hand = Keys {
        own: store_key.key.as_ref(),
        all: &keys,
    };
    let places = (beside.as_path(), path.as_path());
    let known_by = (known.as_ref(), &entry);
    let filled = fill(&dir, places, &mut file, at_hand, known_by).and_then(
        |(report, identity, given_up)| {
            if let Some(lacking) = given_up {
                note_given_up(&dir, &lacking, &kept, out);
            }
            replace_store(&dir, &beside, &kept)?;
            Ok((report, identity))
        },
    );
    let (report, identity) = match filled {
        Ok(filled) => filled,
        Err(failure) => {
            // Where the disk is full it is the room that is lacking.
            remove(&beside)?;
            return Err(failure);
        }
    };
    let packed = files.map(|files| unpack(&dir, &files)).transpose()?;
    restore_keys(&dir, &beside_backup)?;
    // The identity goes last: with it the directory counts as set up.
    if let (None, Some(identity)) = (&known, identity) {
        dir.set_identity(&identity)?;
    }
    let (zh, en) = (
        "已恢复 {n} 项；下次联网时自动与对端核对补齐",
        "{n} entries restored; the replica heals with its peers at the next session",
    );
    show((&report, packed), out, zh, en);
    store_key.say_if_new(out);
    Ok(())
}

/// The keys of a restore.
#[derive(Clone, Copy)]
struct Keys<'a> {
    /// What the restored store is encrypted with.
    own: Option<&'a StoreKey>,
    /// What the backup and the present store may be opened with.
    all: &'a [StoreKey],
}

/// Puts the contents of attachments back that lie beside a backup. Those that are there stay.
fn unpack(dir: &Dir, files: &Path) -> Result<Packed, Failure> {
    let cabinet = Cabinet::new(&dir.files());
    let now_ms = SystemClock::default().wall_ms();
    pack::read(files, &mut |content| {
        cabinet.put(content, now_ms)?;
        Ok(())
    })
}

fn remove(folder: &Path) -> io::Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    Ok(())
}

/// What a restore puts in place: the report of the backup, the identity in it, and the writes of the
/// present store that it lacks, where there is one.
type Filled = (BackupReport, Option<Identity>, Option<Vec<WriteFact>>);

/// Fills a store beside the present one.
fn fill(
    dir: &Dir,
    (beside, path): (&Path, &Path),
    file: &mut BufReader<File>,
    keys: Keys<'_>,
    (known, entry): (Option<&Identity>, &audit::Entry),
) -> Result<Filled, Failure> {
    let config = DiskConfig {
        key: keys.own.cloned(),
        ..DiskConfig::default()
    };
    let filled = Disk::open(beside, &config)?;
    let report = store::restore(file, keys.all, &filled).map_err(|error| failed(&error))?;
    store::mark_restored(&filled)?;
    store::keep_local(&filled, BACKUP, backup_note(&report, path))?;
    // In the list that comes back, not in the one that is put aside. Nobody proved an account: the
    // store that would know it is not open.
    for (name, value) in audit::next(store::local(&filled, audit::HEAD)?.as_ref(), entry.clone()) {
        store::keep_local(&filled, &name, value)?;
    }
    let identity = store::local(&filled, IDENTITY)?;
    let identity = identity.and_then(|text| serde_json::from_slice::<Identity>(&text).ok());
    if let Some(identity) = known.or(identity.as_ref()) {
        forget_proof(&filled, identity)?;
    }
    if !dir.store().exists() {
        return Ok((report, identity, None));
    }
    let lacking = given_up(dir, &filled, keys.all, owner(&report))?;
    Ok((report, identity, Some(lacking)))
}

/// Says what a restore takes out of use, before it does.
fn note_given_up(dir: &Dir, lacking: &[WriteFact], kept: &str, out: &mut Out) {
    let unacked = lacking.iter().filter(|fact| !fact.is_acked).count();
    let text = out.say(
        "现有数据库中有 {n} 次修改是备份里没有的，其中 {m} 次没有对端确认收到过；现有数据库保留在 {kept}",
        "{n} writes of the present store are not in the backup, {m} of them acked by no peer; the present store is kept in {kept}",
    );
    let kept = dir.path().join(kept).display().to_string();
    out.note(
        text.replace("{n}", &lacking.len().to_string())
            .replace("{m}", &unacked.to_string())
            .replace("{kept}", &kept),
    );
}

/// Puts a new store in the place of the present one, which is kept under another name.
pub(crate) fn replace_store(dir: &Dir, fresh: &Path, kept: &str) -> Result<(), Failure> {
    if dir.store().exists() {
        std::fs::rename(dir.store(), dir.path().join(kept))?;
    }
    std::fs::rename(fresh, dir.store())?;
    File::open(dir.path())?.sync_all()?;
    Ok(())
}

/// Checks or prints settings, or makes a key.
///
/// # Errors
/// The settings are wrong, or the file of the key cannot be made.
pub fn config(setting: &Setting, command: &ConfigCommand, out: &mut Out) -> Result<(), Failure> {
    match command {
        ConfigCommand::Sample => out.line(SAMPLE.trim_end()),
        ConfigCommand::Key { file } => {
            let id = store_key::make(&setting.folder.join(file))?
                .id()
                .to_string();
            if out.json {
                out.document(&json!({"key": id}));
            } else {
                out.line(id);
            }
        }
        ConfigCommand::Check => {
            let config = Config::load(&setting.options.dir()?.config())?;
            let text = serde_json::to_value(&config).unwrap_or_default();
            if out.json {
                out.document(&json!({"ok": true, "config": text}));
            } else {
                out.line(out.say("配置有效", "the settings are valid"));
            }
        }
    }
    Ok(())
}

//! What the checks are made on, gathered in one place.

use serde_json::Value;
use store::JournalBreak;

use crate::{
    accounts,
    app::{App, Live, OwnFacts, PeerView, SCHEMA},
    conflicts,
    failure::Failure,
    proposals, refusals, repair,
    rewrite::{self, Due},
};

/// The name under which the newest verified backup is noted.
pub const BACKUP: &str = "backup/newest";

/// What a program knows of itself at one moment.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Milliseconds since 1970.
    pub now_ms: i64,
    /// Whether this is the city's program.
    pub is_hub: bool,
    /// The number of the schema that this program knows.
    pub schema: u32,
    /// Every peer.
    pub peers: Vec<PeerView>,
    /// Conflicts that are open.
    pub conflicts: usize,
    /// Sources that have made conflicts by the hundred, each with how many.
    pub storms: Vec<(String, usize)>,
    /// Own writes that were taken back and that nobody has seen to; at the hub, refused writes that
    /// their node has not taken back.
    pub refused: usize,
    /// Records that are held back.
    pub quarantined: usize,
    /// Days until the own certificate ends.
    pub certificate_days: Option<i64>,
    /// What only this program knows of itself.
    pub own: OwnFacts,
    /// Late writes that wait for an answer.
    pub late: usize,
    /// Coverages that go on while their Party organisation has ended. A pass over all of them: only
    /// `doctor` looks.
    pub ended_links: Option<usize>,
    /// Contents of attachments that no record names. A pass over all records that may: only `doctor`
    /// looks.
    pub orphans: Option<usize>,
    /// Free disk, MiB, where the system says so.
    pub disk_free_mib: Option<u64>,
    /// Memory of the program, MiB, where the system says so.
    pub memory_mib: Option<u64>,
    /// Nodes of which two copies run, by replica.
    pub clones: Vec<String>,
    /// Nodes that are fenced, by replica.
    pub fenced: Vec<String>,
    /// A node knows writes of this replica that it has lost, and nobody has said that it was
    /// restored.
    pub restored: bool,
    /// Nodes that still give back what a restore took from this hub, by replica.
    pub refilling: Vec<String>,
    /// What is wrong with the store.
    pub damage: Vec<String>,
    /// Where the own journals are not whole.
    pub breaks: Vec<JournalBreak>,
    /// When the newest verified backup was made, milliseconds since 1970.
    pub backup_ms: Option<i64>,
    /// Writes that a repair or a restore has taken, that no peer has given back so far, and that
    /// nobody has settled.
    pub missing: usize,
    /// The accounts, and which wait after wrong passwords.
    pub accounts: accounts::Standing,
    /// The files of the store still hold what was erased.
    pub rewrite_due: bool,
    /// Whether the store is encrypted.
    pub encryption: Encryption,
}

/// Whether a store is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encryption {
    /// The settings say that it is not.
    #[default]
    None,
    /// It has a key, and files from before it had one.
    Partly,
    /// It is, and whoever takes the disk has the key too.
    KeyBeside,
    /// It is, and the key lies outside the directory.
    KeyElsewhere,
}

impl Facts {
    /// Gathers them.
    ///
    /// # Errors
    /// The writer has ended, or the store cannot be read.
    pub fn gather<L: Live>(app: &App, live: &L) -> Result<Self, Failure> {
        let status = app.writer.status()?;
        let found = app.proofs.found();
        let mut damage = found.damage;
        damage.extend(app.writer.failure().map(str::to_owned));
        Ok(Self {
            now_ms: i64::try_from(app.clock.wall_ms()).unwrap_or(i64::MAX),
            is_hub: app.is_hub(),
            schema: SCHEMA,
            peers: live.peers(app, &status),
            conflicts: conflicts::count(app)?,
            storms: storms(app)?,
            refused: refusals::count_open(app, &status)?,
            quarantined: status.quarantined.len(),
            certificate_days: live.certificate_days(app),
            own: live.own_facts(app),
            late: proposals::waiting(app).unwrap_or_default(),
            ended_links: None,
            orphans: None,
            disk_free_mib: disk_free_mib(app),
            memory_mib: memory_mib(),
            clones: status.clones.iter().map(ToString::to_string).collect(),
            fenced: status.fenced.iter().map(ToString::to_string).collect(),
            restored: status.restored,
            refilling: status.refilling.iter().map(ToString::to_string).collect(),
            damage,
            breaks: found.breaks,
            backup_ms: backup_ms(app)?,
            missing: repair::lost::count_open(app)?,
            accounts: accounts::standing(app)?,
            rewrite_due: rewrite::due(app) == Some(Due::Erased),
            encryption: encryption(app),
        })
    }
}

fn encryption(app: &App) -> Encryption {
    let key = &app.store_key;
    match rewrite::due(app) {
        _ if key.key.is_none() => Encryption::None,
        Some(Due::Plain) => Encryption::Partly,
        _ if key.lies_in(&app.dir) => Encryption::KeyBeside,
        _ => Encryption::KeyElsewhere,
    }
}

fn storms(app: &App) -> Result<Vec<(String, usize)>, Failure> {
    let mut storms = conflicts::storms(app)?;
    storms.retain(|storm| storm.is_stopped);
    Ok(storms
        .into_iter()
        .map(|storm| (storm.author, storm.count))
        .collect())
}

fn disk_free_mib(app: &App) -> Option<u64> {
    let free = store::free_bytes(&app.dir.store()).ok()?;
    Some(free / (1 << 20))
}

/// What the system says of this process; only Linux says it in this place.
fn memory_mib() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1_024)
}

fn backup_ms(app: &App) -> Result<Option<i64>, Failure> {
    let stored = app.reader().local(BACKUP)?;
    let note: Option<Value> = stored.and_then(|text| serde_json::from_slice(&text).ok());
    Ok(note.and_then(|note| note.get("at_ms").and_then(Value::as_i64)))
}

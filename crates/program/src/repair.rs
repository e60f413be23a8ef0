//! What is gone, and how it comes back: a store built anew of what is left.
//!
//! Nothing is dropped silently: what no peer is known to hold is listed, with its record and its
//! author, and a write that a repair could not find stays in the list until a peer has given it
//! back.

pub mod compare;
pub mod lost;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::BufReader,
    path::Path,
    sync::Arc,
};

use domain::Catalogue;
use replica::{Clock, ReplicaId};
use serde_json::{Value, json};
use store::{
    BackupReport, Disk, DiskConfig, HostConfig, Ledger, Rebuilt, Salvaged, StoreError, StoreKey,
    Survey, WriteFact,
};

use crate::{
    app::host_config,
    clock::{SystemClock, moment},
    commands::{
        bundle::forget_proof,
        store::{failed, replace_store},
    },
    config::Config,
    dir::{Dir, Identity},
    failure::{Exit, Failure},
    records::register_name,
    store_key::{self, KeptKey, as_it_is, to_salvage},
};

/// A write for scripts.
pub(crate) fn fact_json(fact: &WriteFact) -> Value {
    let catalogue = Catalogue::builtin();
    let kind = catalogue.kind(fact.key.kind);
    let fields = fact.registers.iter().map(|one| register_name(kind, *one));
    json!({
        "write": fact.dot.to_string(),
        "kind": catalogue.kind_name(fact.key.kind),
        "record": fact.key.id.to_string(),
        "fields": fields.collect::<Vec<_>>(),
        "author": fact.author,
        "at": fact.at_ms.map(moment),
    })
}

fn read_backup(path: &Path, keys: &[StoreKey]) -> Result<(BackupReport, Survey), Failure> {
    let mut file = BufReader::new(File::open(path)?);
    Survey::of_backup(&mut file, keys).map_err(|error| failed(&error))
}

/// Whose a backup is; nobody's where it does not say.
pub(crate) fn owner(backup: &BackupReport) -> ReplicaId {
    let named = ReplicaId::try_from(backup.facts.replica.as_slice());
    named.unwrap_or(ReplicaId([0; 16]))
}

/// Refuses a backup of another replica.
pub(crate) fn check_owner(backup: &BackupReport, identity: &Identity) -> Result<(), Failure> {
    if backup.facts.replica == identity.replica().0 {
        return Ok(());
    }
    Err(Failure::new("BACKUP-010", Exit::Invalid))
}

/// Reads what can be read of a directory's store.
fn read_store(dir: &Dir, keys: &[StoreKey]) -> Result<(Salvaged, Survey), StoreError> {
    let scratch = dir.path().join("store.reading");
    let mut survey = Survey::default();
    // The engine reports what it trips over with a panic, and every one of them is expected here.
    let said = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let key = to_salvage(&dir.store(), keys);
    let salvaged = store::salvage(&dir.store(), &scratch, key.as_ref(), &mut |key, value| {
        survey.take(key, &value);
    });
    std::panic::set_hook(said);
    if let Err(error) = fs::remove_dir_all(&scratch) {
        tracing::debug!(%error, "the copy of the store was not removed");
    }
    Ok((salvaged?, survey))
}

/// What a repair has done.
#[derive(Clone, Debug)]
pub(crate) struct Repaired {
    /// What was read of the damaged store; none when the engine could not read it at all.
    pub(crate) salvaged: Option<Salvaged>,
    /// Values found in the bytes of the file beside those.
    pub(crate) carved: u64,
    /// The backup that was taken in.
    pub(crate) backup: Option<BackupReport>,
    /// What the new store was built of, and what it lacks.
    pub(crate) rebuilt: Rebuilt,
    /// Where the damaged store is kept.
    pub(crate) kept: String,
    /// The key of the new store.
    pub(crate) store_key: KeptKey,
}

impl Repaired {
    pub(crate) fn json(&self) -> Value {
        let salvaged = self.salvaged.map(|salvaged| {
            json!({"values": salvaged.values, "bad": salvaged.bad, "gaps": salvaged.gaps})
        });
        let backup = self.backup.as_ref().map(|backup| {
            let at = u64::try_from(backup.facts.at_ms).map(moment).ok();
            json!({"entries": backup.entries, "at": at})
        });
        let facts = |facts: &[WriteFact]| facts.iter().map(fact_json).collect::<Vec<_>>();
        let gaps = self.rebuilt.gaps.iter().map(|(incarnation, from, to)| {
            json!({"incarnation": format!("{incarnation:?}"), "from": from, "to": to})
        });
        json!({
            "salvaged": salvaged,
            "carved": self.carved,
            "backup": backup,
            "records": self.rebuilt.records,
            "from_backup": self.rebuilt.from_others,
            "only_here": facts(&self.rebuilt.only_here),
            "missing": facts(&self.rebuilt.missing),
            "journal_gaps": gaps.collect::<Vec<_>>(),
            "kept": self.kept,
        })
    }
}

/// Builds the store of a directory anew. Nothing when it is sound.
///
/// # Errors
/// The store is in use; its key is not there; it cannot be read at all and there is no backup; the
/// backup is not whole or of another replica; the directory cannot be written. The damaged store is then as it was.
pub(crate) fn repair(
    dir: &Dir,
    backup: Option<&Path>,
    keys: &[StoreKey],
    now_ms: u64,
) -> Result<Option<Repaired>, Failure> {
    let identity = dir.identity()?;
    let _held = dir.hold()?;
    let backup = backup.map(|backup| read_backup(backup, keys)).transpose()?;
    if let Some((report, _)) = &backup {
        check_owner(report, &identity)?;
    }
    let (backup, in_backup) = backup.unzip();
    let (salvaged, mut survey) = match read_store(dir, keys) {
        Ok((salvaged, survey)) => (Some(salvaged), survey),
        Err(StoreError::Damaged { what }) => {
            tracing::warn!(%what, "the engine reads nothing of the damaged store");
            (None, Survey::default())
        }
        Err(error) => return Err(error.into()),
    };
    let is_sound = |salvaged: &Salvaged| salvaged.bad + salvaged.gaps == 0;
    let looks_whole = salvaged.as_ref().is_some_and(is_sound);
    if looks_whole && opens(&dir.store(), &as_it_is(&dir.store(), keys)) {
        return Ok(None);
    }
    let carved = if looks_whole {
        0
    } else {
        let key = to_salvage(&dir.store(), keys);
        survey.carve(&dir.store(), key.as_ref(), in_backup.as_ref())?
    };
    if salvaged.is_none() && carved == 0 && in_backup.is_none() {
        return Err(Failure::new("REPAIR-001", Exit::Store));
    }
    let sources: Vec<Survey> = std::iter::once(survey).chain(in_backup).collect();
    let fresh = dir.path().join("store.repairing");
    if fresh.exists() {
        fs::remove_dir_all(&fresh)?;
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let config = host_config(&identity, clock, dir.seal()?);
    let store_key = store_key::keep(dir, &Config::load(&dir.config())?, keys)?;
    let disk = DiskConfig {
        key: store_key.key.clone(),
        ..DiskConfig::default()
    };
    let rebuilt = build((&fresh, &disk), config, &sources, &identity)?;
    let kept = format!("store.damaged-{now_ms}");
    replace_store(dir, &fresh, &kept)?;
    Ok(Some(Repaired {
        salvaged,
        carved,
        backup,
        rebuilt,
        kept,
        store_key,
    }))
}

fn opens(path: &Path, config: &DiskConfig) -> bool {
    let opened = Disk::open(path, config);
    opened.is_ok_and(|disk| Ledger::open(Arc::new(disk)).is_ok())
}

/// Builds a store beside, proves that it opens, and notes what is missing in it.
fn build(
    (path, disk): (&Path, &DiskConfig),
    config: HostConfig,
    sources: &[Survey],
    identity: &Identity,
) -> Result<Rebuilt, Failure> {
    let disk = Arc::new(Disk::open(path, disk)?);
    let target: Arc<dyn store::Store> = Arc::<Disk>::clone(&disk);
    let rebuilt = store::rebuild(Arc::clone(&target), config, sources)?;
    store::mark_restored(&*target)?;
    forget_proof(&*target, identity)?;
    lost::note(&*target, &rebuilt.missing, 0)?;
    disk.scrub()?;
    let ledger = Ledger::open(target)?;
    let found: BTreeSet<String> = ledger.reader().scrub()?.into_iter().collect();
    match found.into_iter().next() {
        None => Ok(rebuilt),
        Some(what) => Err(StoreError::Damaged { what }.into()),
    }
}

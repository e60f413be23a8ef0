//! What a backup lacks, before it is restored: what the peers can give back, and what exists nowhere
//! else.
//!
//! A program that calls its peer asks it; the answer of the moment counts then, whatever is
//! remembered. Where the peer is not reached, or nobody can be called, it is said what the peer had
//! acked. Nothing is changed: not the directory, not the backup, and not the peer, for no session
//! is begun.

use std::{collections::BTreeSet, fmt, io, path::Path};

use link::Holdings;
use replica::{Dot, RecordKey, ReplicaId};
use serde_json::{Value, json};
use store::{BackupReport, Beyond, Disk, Holding, StoreError, StoreKey, Survey, WriteFact};

use super::{check_owner, fact_json, lost, owner, read_backup, read_store};
use crate::{
    app::{App, Live},
    clock::moment,
    commands::store::IDENTITY,
    dir::{Dir, Identity},
    failure::{Exit, Failure},
    store_key::{self, as_it_is},
};

/// Reads one of the key files that lie in a directory.
pub(crate) type KeyFile<'a> = &'a dyn Fn(&str) -> io::Result<Vec<u8>>;

/// What a peer is asked before a backup is restored.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    /// Who asks.
    pub identity: &'a Identity,
    /// What it proves itself with.
    pub file: &'a dyn Fn(&str) -> io::Result<Vec<u8>>,
    /// The writes that would be given up here.
    pub writes: &'a [(RecordKey, Dot)],
    /// Runs what waits.
    pub runtime: &'a tokio::runtime::Handle,
}

impl fmt::Debug for Asking<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asking")
            .field("identity", &self.identity)
            .field("writes", &self.writes.len())
            .finish_non_exhaustive()
    }
}

/// How it stands with one write that a backup lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    /// The peer holds it: it was asked.
    PeerHas,
    /// The peer keeps it aside until a person decides, and has another state: it was asked.
    PeerHoldsBack,
    /// The peer has refused it and keeps it so: it was asked.
    PeerRefused,
    /// A peer had acked or sent it, and has not said now whether it has it.
    PeerAcked,
    /// The peer had acked it, and does not hold it any more.
    PeerForgot,
    /// It is known nowhere else.
    NowhereElse,
}

impl Fate {
    /// As the peer has told it, beside what is remembered.
    pub(crate) fn told(holding: Holding, is_acked: bool) -> Self {
        match holding {
            Holding::Held => Self::PeerHas,
            Holding::Unsaid if is_acked => Self::PeerAcked,
            Holding::Quarantined => Self::PeerHoldsBack,
            Holding::Refused => Self::PeerRefused,
            Holding::None if is_acked => Self::PeerForgot,
            Holding::None | Holding::Unsaid => Self::NowhereElse,
        }
    }
}

/// What became of the question.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    /// This program calls nobody.
    Nobody,
    /// The peer has answered.
    Answered {
        /// Own writes after the backup that the peer knows of.
        after_backup: u64,
    },
    /// It was not reached, or did not answer.
    Failed(Failure),
}

/// A peer that calls this program, from memory.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// Its replica.
    pub(crate) replica: ReplicaId,
    /// Its name.
    pub(crate) name: Option<String>,
    /// Writes that the backup lacks and that it had; none where nothing is remembered.
    pub(crate) had: Option<usize>,
}

/// What a backup lacks against what is here.
#[derive(Clone, Debug)]
pub(crate) struct Comparison {
    /// What the backup is.
    pub(crate) backup: BackupReport,
    /// Records in it.
    pub(crate) records: usize,
    /// How the present store was read: `whole`, `in part`, `not at all`, `none`.
    pub(crate) present: &'static str,
    /// Records that it has no state of.
    pub(crate) records_lacking: usize,
    /// Writes that it lacks, and how it stands with each.
    pub(crate) lacking: Vec<(WriteFact, Fate)>,
    /// The peer that is called.
    pub(crate) peer: Option<String>,
    /// What became of the question to it.
    pub(crate) asked: Asked,
    /// The peers that call.
    pub(crate) callers: Vec<Caller>,
}

impl Comparison {
    /// How many of the writes that the backup lacks have one fate.
    pub(crate) fn count(&self, fate: Fate) -> usize {
        self.lacking.iter().filter(|(_, one)| *one == fate).count()
    }

    /// What would be lost, as far as is known.
    pub(crate) fn nowhere_else(&self) -> impl Iterator<Item = &WriteFact> {
        let lost = [Fate::PeerForgot, Fate::NowhereElse];
        let facts = self
            .lacking
            .iter()
            .filter(move |(_, fate)| lost.contains(fate));
        facts.map(|(fact, _)| fact)
    }

    pub(crate) fn json(&self) -> Value {
        let facts = &self.backup.facts;
        let own = self.lacking.iter().filter(|(fact, _)| fact.is_own).count();
        let (has, acked) = (self.count(Fate::PeerHas), self.count(Fate::PeerAcked));
        let caller = |caller: &Caller| {
            json!({
                "replica": caller.replica.to_string(),
                "name": caller.name,
                "had": caller.had,
            })
        };
        json!({
            "entries": self.backup.entries,
            "bytes": self.backup.bytes,
            "at": u64::try_from(facts.at_ms).map(moment).ok(),
            "records": self.records,
            "present": self.present,
            "lacks": {
                "records": self.records_lacking,
                "writes": self.lacking.len(),
                "own_writes": own,
            },
            "asked": self.asked_json(),
            "nodes": self.callers.iter().map(caller).collect::<Vec<_>>(),
            "from_peers": has + acked,
            "peer_has": has,
            "peer_quarantined": self.count(Fate::PeerHoldsBack),
            "peer_refused": self.count(Fate::PeerRefused),
            "peer_acked": acked,
            "peer_forgot": self.count(Fate::PeerForgot),
            "nowhere_else": self.nowhere_else().map(fact_json).collect::<Vec<_>>(),
        })
    }

    /// The question to the peer; null where nobody is called.
    fn asked_json(&self) -> Value {
        match &self.asked {
            Asked::Nobody => Value::Null,
            Asked::Answered { after_backup } => json!({
                "peer": self.peer,
                "reached": true,
                "code": null,
                "after_backup": after_backup,
            }),
            Asked::Failed(failure) => json!({
                "peer": self.peer,
                "reached": false,
                "code": failure.code,
                "after_backup": null,
            }),
        }
    }
}

/// A backup beside what there is.
struct Both<'a> {
    backup: BackupReport,
    in_backup: Survey,
    present: Option<Survey>,
    how: &'static str,
    identity: Option<&'a Identity>,
}

impl Both<'_> {
    fn compared<L: Live>(self, file: KeyFile<'_>, runtime: &tokio::runtime::Handle) -> Comparison {
        let own = owner(&self.backup);
        let present = self.present.as_ref();
        let lacking = present.map(|present| present.lacking_in(&self.in_backup, own));
        let lacking = lacking.unwrap_or_default();
        let records = present.map(|present| present.records_lacking_in(&self.in_backup).len());
        let writes: Vec<_> = lacking.iter().map(|fact| (fact.key, fact.dot)).collect();
        let answer = self.identity.and_then(|identity| {
            L::holdings(&Asking {
                identity,
                file,
                writes: &writes,
                runtime,
            })
        });
        let hub = self.identity.and_then(|identity| identity.hub.as_ref());
        let callers = match answer {
            None => self.callers::<L>(&lacking),
            Some(_) => Vec::new(),
        };
        let (lacking, asked) = self.fates(own, lacking, answer);
        Comparison {
            records: self.in_backup.records(),
            backup: self.backup,
            present: self.how,
            records_lacking: records.unwrap_or_default(),
            lacking,
            peer: hub.map(|hub| format!("hub {}", hub.address)),
            asked,
            callers,
        }
    }

    fn fates(
        &self,
        own: ReplicaId,
        lacking: Vec<WriteFact>,
        answer: Option<Result<Holdings, Failure>>,
    ) -> (Vec<(WriteFact, Fate)>, Asked) {
        let remembered = |fact: WriteFact| {
            let fate = if fact.is_acked {
                Fate::PeerAcked
            } else {
                Fate::NowhereElse
            };
            (fact, fate)
        };
        let told = match answer {
            None => return (lacking.into_iter().map(remembered).collect(), Asked::Nobody),
            Some(Err(failure)) => {
                let lacking = lacking.into_iter().map(remembered);
                return (lacking.collect(), Asked::Failed(failure));
            }
            Some(Ok(told)) => told,
        };
        let known = self.in_backup.positions_of(own);
        let beyond = |(incarnation, counter): (&replica::Incarnation, &u64)| {
            let before = known.get(incarnation).copied().unwrap_or_default();
            counter.saturating_sub(before)
        };
        let after_backup = told.positions.iter().map(beyond).sum();
        let judged = lacking
            .into_iter()
            .zip(told.holdings)
            .map(|(fact, holding)| {
                let fate = Fate::told(holding, fact.is_acked);
                (fact, fate)
            });
        (judged.collect(), Asked::Answered { after_backup })
    }

    /// What those who call are remembered to have had.
    fn callers<L: Live>(&self, lacking: &[WriteFact]) -> Vec<Caller> {
        let known = self.present.as_ref().unwrap_or(&self.in_backup);
        let caller = |replica: ReplicaId| Caller {
            replica,
            name: L::caller_name(known, replica)
                .or_else(|| L::caller_name(&self.in_backup, replica)),
            had: self.present.is_some().then(|| {
                let had = lacking
                    .iter()
                    .filter(|fact| fact.seen_by.contains(&replica));
                had.count()
            }),
        };
        let all: BTreeSet<ReplicaId> = known
            .peers()
            .union(&self.in_backup.peers())
            .copied()
            .collect();
        all.into_iter().map(caller).collect()
    }
}

/// Reads the store of a directory beside the one that will replace it, which was filled from a backup,
/// and notes there what goes. Returns the writes that the backup lacks.
///
/// # Errors
/// The store of the directory is in use or cannot be read whole, or the one that was filled failed.
pub(crate) fn given_up(
    dir: &Dir,
    filled: &Disk,
    keys: &[StoreKey],
    own: ReplicaId,
) -> Result<Vec<WriteFact>, Failure> {
    let mut beyond = Beyond::new(filled);
    let present = Disk::open(&dir.store(), &as_it_is(&dir.store(), keys));
    match present.and_then(|present| beyond.take_all(&present)) {
        Ok(()) => {}
        // What a repair can still read of it would be given up unseen.
        Err(StoreError::Damaged { what }) => {
            return Err(Failure::new("BACKUP-015", Exit::Store).with("detail", what));
        }
        Err(error) => return Err(error.into()),
    }
    let (present, in_backup) = beyond.finish()?;
    let lacking = present.lacking_in(&in_backup, own);
    store::remember(filled, &present)?;
    let before = lost::carry(filled, &present)?;
    let (acked, alone): (Vec<_>, Vec<_>) = lacking.iter().partition(|fact| fact.is_acked);
    let all = before.iter().chain(alone).chain(acked);
    lost::note(filled, all, lost::more_in(&present))?;
    Ok(lacking)
}

/// Compares a backup with the store of an opened program.
pub(crate) fn compare_opened<L: Live>(
    app: &App,
    path: &Path,
    key_file: Option<&Path>,
) -> Result<Comparison, Failure> {
    let named = key_file.map(store_key::read).transpose()?;
    let keys: Vec<StoreKey> = named.into_iter().chain(app.store_key.key.clone()).collect();
    let (backup, in_backup) = read_backup(path, &keys)?;
    check_owner(&backup, &app.identity)?;
    let both = Both {
        backup,
        in_backup,
        present: Some(app.reader().survey()?),
        how: "whole",
        identity: Some(&app.identity),
    };
    let file = |name: &str| std::fs::read(app.dir.path().join(name));
    Ok(both.compared::<L>(&file, &app.runtime))
}

/// Compares a backup with what can be read of the store in a directory. The store is read on a
/// copy, so that also a damaged one can be compared and nothing in it changes. Where the directory
/// does not say who it is, the backup does. `store_keys` may open the backup and the store; `keys` are
/// those of the node that lie beside the backup.
pub(crate) fn compare_closed<L: Live>(
    dir: Option<&Dir>,
    path: &Path,
    store_keys: &[StoreKey],
    keys: &dyn Fn(&str) -> Option<String>,
    runtime: &tokio::runtime::Handle,
) -> Result<Comparison, Failure> {
    let (backup, in_backup) = read_backup(path, store_keys)?;
    let in_dir = dir.and_then(|dir| dir.identity().ok());
    if let Some(identity) = &in_dir {
        check_owner(&backup, identity)?;
    }
    let kept = in_backup.local(IDENTITY);
    let kept = kept.and_then(|text| serde_json::from_slice::<Identity>(text).ok());
    let identity = in_dir.or(kept);
    let read = |dir| read_store(dir, store_keys);
    let (how, present) = match dir.filter(|dir| dir.store().exists()).map(read) {
        None => ("none", None),
        Some(Ok((salvaged, survey))) if salvaged.bad + salvaged.gaps == 0 => {
            ("whole", Some(survey))
        }
        Some(Ok((_, survey))) => ("in part", Some(survey)),
        Some(Err(StoreError::Damaged { .. })) => ("not at all", None),
        Some(Err(error)) => return Err(error.into()),
    };
    let both = Both {
        backup,
        in_backup,
        present,
        how,
        identity: identity.as_ref(),
    };
    let file = |name: &str| {
        let found = dir.map(|dir| std::fs::read(dir.path().join(name)));
        match found {
            Some(Ok(bytes)) => Ok(bytes),
            found => keys(name).map(String::into_bytes).ok_or_else(|| {
                let missing = || io::ErrorKind::NotFound.into();
                found.and_then(Result::err).unwrap_or_else(missing)
            }),
        }
    };
    Ok(both.compared::<L>(&file, runtime))
}

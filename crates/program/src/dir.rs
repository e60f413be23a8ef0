//! The directory of a program: who it is, its keys, its store, its socket.
//!
//! | entry | what | mode |
//! | --- | --- | --- |
//! | `identity.json` | role, replica, scopes, hub | 0600 |
//! | `config.toml` | settings; may be missing | as made |
//! | `store/` | the store | 0700 |
//! | `store.key` | the key that the store and its backups are encrypted with; the settings may have it elsewhere | 0600 |
//! | `files/` | the contents of attachments, each under its hash | 0700 |
//! | `store.lock` | held while the store is open, or is put in the place of another | 0600 |
//! | `ca.crt`, `ca.key` | the authority, at a hub | 0600 |
//! | `seal.key` | the key of the hub's seals: outside the store and its data backups | 0600 |
//! | `node.crt`, `node.key`, `hub.crt` | what a node shows and trusts | 0600 |
//! | `admin.sock` | the socket of the serving program | 0600 |

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use replica::{Head, ReplicaId, ScopeId, SealKey};
use serde::{Deserialize, Serialize};
use store::Lock;
use zeroize::Zeroizing;

use crate::failure::{Exit, Failure};

/// The file of the hub's seal key.
pub(crate) const SEAL: &str = "seal.key";

/// The file of the authority's certificate at a node.
pub const AUTHORITY: &str = "hub.crt";

/// Which program a directory belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A district.
    Node,
    /// The city.
    Hub,
}

/// One scope as the identity names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeName {
    /// The id, 32 hex digits.
    pub id: String,
    /// The division code at the time.
    pub code: String,
    /// The name at the time.
    pub name: String,
}

impl ScopeName {
    /// Names a scope by its code.
    #[must_use]
    pub fn of(code: &str, name: &str) -> Self {
        Self {
            id: domain::scope_id(code).to_string(),
            code: code.to_owned(),
            name: name.to_owned(),
        }
    }

    /// The id.
    #[must_use]
    pub fn scope(&self) -> ScopeId {
        ScopeId(hex16(&self.id).unwrap_or([0; 16]))
    }
}

/// The hub that a node has joined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubName {
    /// Its replica id, 32 hex digits.
    pub replica: String,
    /// Where it is reached.
    pub address: String,
}

/// Who a program is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Node or hub.
    pub role: Role,
    /// The replica id, 32 hex digits.
    pub replica: String,
    /// The store was made for demonstration: `--today` works, real data is kept out.
    pub demo: bool,
    /// The scope whose records are made here: the district's, or the city's own.
    pub scope: ScopeName,
    /// The scope that every node receives.
    pub published: ScopeName,
    /// The hub, at a node.
    pub hub: Option<HubName>,
}

impl Identity {
    /// The replica.
    #[must_use]
    pub fn replica(&self) -> ReplicaId {
        ReplicaId(hex16(&self.replica).unwrap_or([0; 16]))
    }

    /// How the replica signs: scope code and the first digits of its id.
    #[must_use]
    pub fn short_name(&self) -> String {
        format!(
            "{}-{}",
            self.scope.code,
            self.replica.get(..8).unwrap_or(&self.replica)
        )
    }
}

/// Reads 32 hex digits.
#[must_use]
pub fn hex16(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    if text.len() != 32 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// Sixteen random bytes as 32 hex digits: a new replica id.
///
/// # Errors
/// The system gives no random bytes.
pub fn new_replica() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::new("FILE-004", Exit::Failed).with("detail", error))?;
    Ok(ReplicaId(bytes).to_string())
}

/// How the folder begins of a store whose files still hold what was erased.
const ERASED: &str = "store.erased-";

/// A program's directory.
#[derive(Clone, Debug)]
pub struct Dir {
    path: PathBuf,
}

impl Dir {
    /// Names a directory; nothing is looked at.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of the store.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.path.join("store")
    }

    /// The folder of the contents of attachments.
    #[must_use]
    pub fn files(&self) -> PathBuf {
        self.path.join("files")
    }

    /// Holds the store of the directory: to open it, or to put another in its place. A restore reads
    /// what it replaces before it replaces it, and what somebody saved in between would be in neither.
    ///
    /// # Errors
    /// Another program holds it, or the directory cannot be read or written.
    pub(crate) fn hold(&self) -> Result<Arc<Lock>, Failure> {
        let lock = Lock::take(&self.path.join("store.lock"))?;
        self.undo_half_swap()?;
        self.remove_erased()?;
        Ok(Arc::new(lock))
    }

    /// Where a rewriting puts the store that still holds what was erased, until it is removed.
    pub(crate) fn erased_store(&self, now_ms: u64) -> PathBuf {
        self.path.join(format!("{ERASED}{now_ms}"))
    }

    /// The folders of former stores that a restore or a repair has kept.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub(crate) fn kept_stores(&self) -> std::io::Result<Vec<String>> {
        let mut kept = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.starts_with("store.before-") || name.starts_with("store.damaged-") {
                kept.push(name);
            }
        }
        kept.sort_unstable();
        Ok(kept)
    }

    /// Removes the store that a rewriting has replaced and had no time to remove.
    fn remove_erased(&self) -> std::io::Result<()> {
        if !self.store().exists() {
            return Ok(());
        }
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with(ERASED) {
                fs::remove_dir_all(&path)?;
            }
        }
        Ok(())
    }

    /// Undoes a restore or a repair that was cut between its two renames, when the former store lies
    /// aside and no other has its place yet: whoever opens the directory would begin an empty one.
    pub(crate) fn undo_half_swap(&self) -> std::io::Result<()> {
        if self.store().exists() {
            return Ok(());
        }
        let mut newest: Option<(u64, PathBuf)> = None;
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let at = ["store.before-", "store.damaged-", ERASED].iter();
            let mut at = at.filter_map(|prefix| name.strip_prefix(prefix)?.parse().ok());
            let at: Option<u64> = at.next();
            if let Some(at) = at.filter(|at| newest.as_ref().is_none_or(|(of, _)| of < at)) {
                newest = Some((at, path));
            }
        }
        let Some((_, former)) = newest else {
            return Ok(());
        };
        tracing::warn!(from = %former.display(), "a restore was cut short and is undone");
        fs::rename(former, self.store())?;
        fs::File::open(&self.path)?.sync_all()
    }

    /// The socket of the serving program.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.path.join("admin.sock")
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.path.join("config.toml")
    }

    fn identity_file(&self) -> PathBuf {
        self.path.join("identity.json")
    }

    /// Whether a program was set up here.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.identity_file().exists()
    }

    /// Makes the directory for a new program.
    ///
    /// # Errors
    /// A program was set up here before, or the directory cannot be made.
    pub fn create(&self) -> Result<(), Failure> {
        if self.exists() {
            return Err(Failure::new("DIR-002", Exit::Usage).with("dir", self.path.display()));
        }
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.path)?;
        Ok(())
    }

    /// Reads who the program is.
    ///
    /// # Errors
    /// Nothing was set up here, or the file cannot be read.
    pub fn identity(&self) -> Result<Identity, Failure> {
        let missing = || Failure::new("DIR-001", Exit::Usage).with("dir", self.path.display());
        let text = fs::read(self.identity_file()).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => missing(),
            _ => error.into(),
        })?;
        serde_json::from_slice(&text)
            .map_err(|error| Failure::new("DIR-003", Exit::Store).with("detail", error))
    }

    /// The key of the hub's seals; none at a node.
    ///
    /// # Errors
    /// The file cannot be read, or is not one of ours.
    pub fn seal(&self) -> Result<Option<SealKey>, Failure> {
        match fs::read_to_string(self.path.join(SEAL)) {
            Ok(text) => {
                let halves = text.trim().split_at_checked(32);
                let halves = halves.and_then(|(a, b)| Some((hex16(a)?, hex16(b)?)));
                let wrong = || Failure::new("DIR-003", Exit::Store).with("detail", SEAL);
                let (first, second) = halves.ok_or_else(wrong)?;
                let mut bytes = [0; 32];
                bytes
                    .iter_mut()
                    .zip(first.into_iter().chain(second))
                    .for_each(|(to, from)| *to = from);
                Ok(Some(SealKey::new(bytes)))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes the key of a new hub's seals.
    ///
    /// # Errors
    /// The system gives no random bytes, or the file cannot be written.
    pub fn make_seal(&self) -> Result<(), Failure> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)
            .map_err(|error| Failure::new("FILE-004", Exit::Failed).with("detail", error))?;
        write_whole(&self.path.join(SEAL), Head(bytes).to_string().as_bytes())
    }

    /// Keeps who the program is.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn set_identity(&self, identity: &Identity) -> Result<(), Failure> {
        let text = serde_json::to_vec_pretty(identity)
            .map_err(|error| Failure::new("DIR-003", Exit::Failed).with("detail", error))?;
        write_whole(&self.identity_file(), &text)
    }
}

/// The first line of a file that holds a secret; empty when the file is.
///
/// # Errors
/// The file cannot be read.
pub fn first_line(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let text = Zeroizing::new(fs::read_to_string(path)?);
    Ok(Zeroizing::new(
        text.lines().next().unwrap_or_default().to_owned(),
    ))
}

/// Writes a file whole or not at all, readable by its owner only, and durable.
///
/// # Errors
/// The file cannot be written; the former one stands.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let temporary = path.with_extension("new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    if let Some(folder) = path.parent() {
        fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

//! The directory of a store: who holds it, which format it has, and what must be cleared, checked
//! and synced around the engine that works in it.
//!
//! | file | what |
//! | --- | --- |
//! | `lock` | held while the store is open; the process number of the holder, for people |
//! | `format` | the number of the format, a decimal line; written before the engine starts |
//! | `key-id` | by what the key is known that values are encrypted with, 16 hex digits; in format 2 |
//! | `progress` | [how far](super::progress) the store was synced |
//! | `db`, `conf`, `snap.*`, `blobs/` | sled's; `blobs/` stays empty |

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use super::sealed::damaged;
use crate::{
    StoreError,
    key::{KeyId, StoreKey},
};

/// The format of a store that no key was ever given for: all values are stored as they are.
const PLAIN: u32 = 1;

/// The format of a store with encrypted values. What an earlier program would call damaged, it leaves
/// alone because of this number.
const ENCRYPTED: u32 = 2;

/// The file of the number.
const FORMAT: &str = "format";

/// The file that says which key it is.
const KEY_ID: &str = "key-id";

/// How long a lock is tried. A holder that is just ending needs some milliseconds; a person who
/// starts a second program gets the answer at once.
const LOCK_PATIENCE: Duration = Duration::from_millis(200);

/// The file of the lock.
pub(super) const LOCK: &str = "lock";

/// A lock file that is held, for as long as this lives. The process number of the holder stands in
/// it, for people.
#[derive(Debug)]
pub struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing would do, but not while a child that is just being started has a copy of the
        // handle. If unlocking fails, closing still does it.
        if let Err(error) = self.0.unlock() {
            tracing::warn!(error = %error, "the lock was not let go of before it was closed");
        }
    }
}

impl Lock {
    /// Takes a lock, which may be a new file in a directory that is there.
    ///
    /// # Errors
    /// Somebody else holds it and goes on doing so, or the file cannot be written.
    pub fn take(path: &Path) -> Result<Self, StoreError> {
        let lock = lock(path)?;
        lock.write_holder().map_err(io_error)?;
        Ok(lock)
    }

    fn write_holder(&self) -> io::Result<()> {
        let mut file = &self.0;
        file.set_len(0)?;
        writeln!(file, "{}", std::process::id())
    }
}

/// A locked directory.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    /// Held until dropped.
    _lock: Lock,
}

impl Directory {
    /// Makes the directory if there is none, locks it, and checks its format and the key.
    pub(super) fn take(path: &Path, key: Option<&StoreKey>) -> Result<Self, StoreError> {
        let is_new = !path.try_exists().map_err(io_error)?;
        if is_new {
            make(path).map_err(io_error)?;
        }
        let directory = Self {
            path: path.to_owned(),
            _lock: Lock::take(&path.join(LOCK))?,
        };
        directory.check_format()?;
        check_key(path, key)?;
        let parent = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        match sync_directory(parent.unwrap_or_else(|| Path::new("."))) {
            Err(error) if is_new => Err(io_error(error)),
            // An old one may lie in a directory that is not ours to open.
            Ok(()) | Err(_) => Ok(directory),
        }
    }

    /// Removes what an interrupted start left behind, and makes durable what an interrupted
    /// process left in the system's memory: recovery must not build on less.
    pub(super) fn tidy(&self) -> Result<(), StoreError> {
        for entry in fs::read_dir(&self.path).map_err(io_error)? {
            let entry = entry.map_err(io_error)?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            // sled writes a snapshot under this name and renames it, but its own reader takes
            // an unfinished one for the newest and opens nothing ever after.
            if name.starts_with("snap.") && name.ends_with(".generating") {
                tracing::warn!(file = %name, "unfinished snapshot removed");
                fs::remove_file(entry.path()).map_err(io_error)?;
            }
        }
        match fs::metadata(self.engine_file()) {
            Ok(found) if found.len() > 0 => sync_file(&self.engine_file()).map_err(io_error),
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error(error)),
            // Nothing was ever written, so settings that were cut short may go too.
            Ok(_) | Err(_) => match fs::remove_file(self.path.join("conf")) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error(error)),
                Ok(()) | Err(_) => Ok(()),
            },
        }
    }

    /// Refuses when there is less room than `floor` or than two snapshots: recovery writes, and
    /// running out of room then leaves what cannot be opened without a hand.
    pub(super) fn check_room(&self, floor: u64) -> Result<(), StoreError> {
        let mut snapshot_bytes_max = 0;
        for entry in fs::read_dir(&self.path).map_err(io_error)? {
            let entry = entry.map_err(io_error)?;
            if entry.file_name().to_string_lossy().starts_with("snap.") {
                let bytes = entry.metadata().map_err(io_error)?.len();
                snapshot_bytes_max = snapshot_bytes_max.max(bytes);
            }
        }
        let free = self.free_bytes()?;
        let needed = floor.max(snapshot_bytes_max.saturating_mul(2));
        if free < needed {
            tracing::error!(free_bytes = free, needed_bytes = needed, "too little room");
            return Err(StoreError::Full);
        }
        Ok(())
    }

    /// Bytes that may still be written to the medium.
    pub(super) fn free_bytes(&self) -> Result<u64, StoreError> {
        free_bytes(&self.path)
    }

    /// Syncs everything that is named in the directory, and the names.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        for name in ["conf", "db"] {
            sync_file(&self.path.join(name)).map_err(io_error)?;
        }
        sync_directory(&self.path).map_err(io_error)
    }

    /// The file that sled keeps everything in.
    pub(super) fn engine_file(&self) -> PathBuf {
        self.path.join("db")
    }

    /// How long it is.
    pub(super) fn engine_bytes(&self) -> io::Result<u64> {
        Ok(fs::metadata(self.engine_file())?.len())
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Notes that values of the store are encrypted with a key from now on. The number goes last: until
    /// it is there, nothing is encrypted.
    pub(super) fn take_to(&self, key: &StoreKey) -> Result<(), StoreError> {
        if format_of(&self.path)? == Some(ENCRYPTED) {
            return Ok(());
        }
        let id = key.id().to_string();
        self.write_line(KEY_ID, &id).map_err(io_error)?;
        let number = ENCRYPTED.to_string();
        self.write_line(FORMAT, &number).map_err(io_error)
    }

    fn check_format(&self) -> Result<(), StoreError> {
        if format_of(&self.path)?.is_some() {
            return Ok(());
        }
        if self.engine_file().try_exists().map_err(io_error)? {
            return Err(damaged("a store without a format number"));
        }
        let number = PLAIN.to_string();
        self.write_line(FORMAT, &number).map_err(io_error)
    }

    fn write_line(&self, name: &str, line: &str) -> io::Result<()> {
        let path = self.path.join(name);
        let unfinished = path.with_extension("new");
        let mut file = private().create(true).truncate(true).open(&unfinished)?;
        writeln!(file, "{line}")?;
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        sync_directory(&self.path)
    }
}

/// Refuses a key that is not the one of the store in a directory.
pub(super) fn check_key(path: &Path, key: Option<&StoreKey>) -> Result<(), StoreError> {
    let has = key.map(StoreKey::id);
    match key_of(path)? {
        Some(needs) if has != Some(needs) => Err(StoreError::Key { needs, has }),
        Some(_) | None => Ok(()),
    }
}

/// The key of the store in a directory; none where values are stored as they are.
pub(super) fn key_of(path: &Path) -> Result<Option<KeyId>, StoreError> {
    let id = line(&path.join(KEY_ID))?;
    match (format_of(path)?, &id) {
        // A start that was cut may have left an id.
        (Some(PLAIN), _) | (None, None) => return Ok(None),
        (Some(_), _) | (None, Some(_)) => {}
    }
    let id = id.and_then(|id| KeyId::read(&id));
    let unknown = || damaged("an encrypted store that does not say with which key");
    id.map(Some).ok_or_else(unknown)
}

/// The format of the store in a directory; none where there is no number.
fn format_of(path: &Path) -> Result<Option<u32>, StoreError> {
    let Some(number) = line(&path.join(FORMAT))? else {
        return Ok(None);
    };
    match number.parse() {
        Ok(known @ (PLAIN | ENCRYPTED)) => Ok(Some(known)),
        Ok(found) if found > ENCRYPTED => Err(StoreError::Format {
            found,
            known: ENCRYPTED,
        }),
        Ok(_) | Err(_) => Err(damaged("a format number that never was")),
    }
}

/// The line in a small file; none where there is no such file.
fn line(path: &Path) -> Result<Option<String>, StoreError> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(file) => {
            file.take(32).read_to_end(&mut bytes).map_err(io_error)?;
            let text = String::from_utf8_lossy(&bytes);
            Ok(Some(text.trim_end().to_owned()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error(error)),
    }
}

/// Bytes that may still be written to the medium of a directory.
///
/// # Errors
/// The system does not say.
pub fn free_bytes(path: &Path) -> Result<u64, StoreError> {
    fs2::available_space(path).map_err(io_error)
}

/// The process that holds, or last held, the store in a directory.
pub(super) fn holder(path: &Path) -> Option<u32> {
    let mut text = String::new();
    File::open(path.join(LOCK))
        .ok()?
        .take(16)
        .read_to_string(&mut text)
        .ok()?;
    text.trim_end().parse().ok()
}

/// What the system said, in our words.
pub(super) fn io_error(error: io::Error) -> StoreError {
    use io::ErrorKind::{
        FileTooLarge, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull,
        UnexpectedEof,
    };
    match error.kind() {
        StorageFull | QuotaExceeded | FileTooLarge => StoreError::Full,
        PermissionDenied | ReadOnlyFilesystem => StoreError::ReadOnly,
        UnexpectedEof => damaged("a file that ends too early"),
        _ => StoreError::Io(error),
    }
}

fn make(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(path)
}

/// Options for a file that only its owner may read.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}

/// Takes a lock without a word of who holds it.
pub(super) fn lock(path: &Path) -> Result<Lock, StoreError> {
    let file = private()
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(io_error)?;
    let until = Instant::now() + LOCK_PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Lock(file)),
            Err(TryLockError::WouldBlock) if Instant::now() < until => {
                thread::sleep(Duration::from_millis(10));
            }
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse),
            Err(TryLockError::Error(error)) => return Err(io_error(error)),
        }
    }
}

/// Syncs a file by its name. Opened for writing because some systems sync no other.
pub(super) fn sync_file(path: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).open(path)?.sync_all()
}

/// Syncs the names in a directory, where the system can.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(path)?.sync_all()
    } else {
        Ok(())
    }
}

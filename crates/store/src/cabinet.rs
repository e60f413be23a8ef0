//! The cabinet: the contents of attachments, files in a folder beside the store, each under the
//! BLAKE3 of its bytes.
//!
//! ```text
//! files/ab/abcdef…            a content; its name is its hash, so nothing that anybody typed
//! files/incoming/new          a content that is being put in
//! files/incoming/HASH-PEER    what of a content has come so far from a peer
//! ```
//!
//! A content is there whole and durable or not at all: it is written beside, synced, renamed, and
//! the folder synced. It is checked against its name at every reading, and what does not fit is
//! never handed out. Everything is bounded: a file, what is on its way, and the room that must
//! stay free.

use std::{
    fmt,
    fs::{self, DirBuilder, File, FileTimes, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    str::FromStr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use replica::ReplicaId;
use thiserror::Error;

use crate::free_bytes;

/// Bytes of one file: a scan of some fifty pages, or any photo.
pub const FILE_BYTES_MAX: u64 = 20 << 20;

/// Files that are on their way here at once, from all peers: 240 MiB at most.
const PARTS_MAX: usize = 12;

/// After this without a piece, a part that is on its way makes room for another.
const PART_IDLE_MS: u64 = 10 * 60 * 1_000;

/// Bytes that stay free on the disk: the records' own store must not run out of room for a scan.
const FREE_BYTES_MIN: u64 = 256 << 20;

/// The folder of what is not whole.
const INCOMING: &str = "incoming";

/// The name of a content: BLAKE3 of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileHash(pub [u8; 32]);

impl FileHash {
    /// The hash of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(blake3::hash(bytes).into())
    }
}

impl fmt::Display for FileHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl TryFrom<&[u8]> for FileHash {
    type Error = std::array::TryFromSliceError;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        bytes.try_into().map(Self)
    }
}

/// A text that is no hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a hash of 64 hexadecimal digits")]
pub struct NoHash;

impl FromStr for FileHash {
    type Err = NoHash;

    fn from_str(text: &str) -> Result<Self, NoHash> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(NoHash);
        }
        for (at, byte) in bytes.iter_mut().enumerate() {
            let digits = text.get(2 * at..2 * at + 2).ok_or(NoHash)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_no_digit| NoHash)?;
        }
        Ok(Self(bytes))
    }
}

/// Why a content is not to be had, or not taken.
#[derive(Debug, Error)]
pub enum CabinetError {
    /// It is larger than any file may be, or than was said.
    #[error("the file is too large")]
    TooLarge,
    /// It is not here.
    #[error("the content is not here")]
    Missing,
    /// What lies here under its name is something else.
    #[error("the content is damaged")]
    Damaged,
    /// As many files as may be are on their way.
    #[error("too many files are on their way")]
    Busy,
    /// The disk has no room for it.
    #[error("the disk has no room for the file")]
    Full,
    /// The system refused.
    #[error("the folder cannot be read or written")]
    Io(#[from] io::Error),
}

impl CabinetError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge => "ATTACH-001",
            Self::Missing => "ATTACH-004",
            Self::Damaged => "ATTACH-005",
            Self::Busy => "ATTACH-015",
            Self::Full => "ATTACH-016",
            Self::Io(error) if error.kind() == io::ErrorKind::StorageFull => "ATTACH-016",
            Self::Io(_) => "FILE-004",
        }
    }
}

/// A content that is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its name.
    pub hash: FileHash,
    /// Bytes.
    pub size: u64,
    /// When it was last put in, milliseconds since 1970.
    pub since_ms: u64,
}

/// A content on its way from a peer. Each peer has its own, so that none can spoil another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is to be.
    pub hash: FileHash,
    /// Whom it comes from.
    pub peer: ReplicaId,
}

/// See the module.
#[derive(Debug)]
pub struct Cabinet {
    path: PathBuf,
    /// One change at a time.
    change: Mutex<()>,
}

impl Cabinet {
    /// Names the folder; nothing is looked at, and it is made when something is put in.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            change: Mutex::new(()),
        }
    }

    /// A panic while holding the lock leaves at worst a file beside, which the next one replaces.
    fn lock(&self) -> MutexGuard<'_, ()> {
        self.change.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a content in, durable when this returns. One that is here already counts as put in now;
    /// one that is damaged is replaced. Returns its name.
    ///
    /// # Errors
    /// It is too large, or the disk is full or fails.
    pub fn put(&self, bytes: &[u8], now_ms: u64) -> Result<FileHash, CabinetError> {
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(CabinetError::TooLarge);
        }
        let _change = self.lock();
        let hash = FileHash::of(bytes);
        if self.read(hash).is_ok() {
            touch(&self.place(hash), now_ms)?;
            return Ok(hash);
        }
        self.make_room(bytes.len() as u64)?;
        let beside = self.path.join(INCOMING).join("new");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&beside)?;
        file.write_all(bytes)?;
        self.settle(&file, &beside, hash, now_ms)?;
        Ok(hash)
    }

    /// Syncs what lies beside and gives it its name.
    fn settle(&self, file: &File, beside: &Path, hash: FileHash, now_ms: u64) -> io::Result<()> {
        file.set_times(FileTimes::new().set_modified(moment(now_ms)))?;
        file.sync_all()?;
        let place = self.place(hash);
        let folder = place.parent().unwrap_or(&self.path);
        if !folder.exists() {
            make_folder(folder)?;
            File::open(&self.path)?.sync_all()?;
        }
        fs::rename(beside, &place)?;
        File::open(folder)?.sync_all()
    }

    /// Makes the folders, and sees that the disk has room.
    fn make_room(&self, bytes: u64) -> Result<(), CabinetError> {
        make_folder(&self.path.join(INCOMING))?;
        let free = free_bytes(&self.path).map_err(|error| io::Error::other(error.to_string()))?;
        if free < bytes + FREE_BYTES_MIN {
            return Err(CabinetError::Full);
        }
        Ok(())
    }

    fn place(&self, hash: FileHash) -> PathBuf {
        let name = hash.to_string();
        self.path.join(name.get(..2).unwrap_or_default()).join(name)
    }

    /// Whether a content lies here with this size. It is not read.
    #[must_use]
    pub fn has(&self, hash: FileHash, size: u64) -> bool {
        fs::metadata(self.place(hash)).is_ok_and(|file| file.is_file() && file.len() == size)
    }

    /// The whole content, checked against its name.
    ///
    /// # Errors
    /// It is not here, is damaged, or cannot be read.
    pub fn read(&self, hash: FileHash) -> Result<Vec<u8>, CabinetError> {
        let bytes = read_bounded(&self.place(hash))?;
        if FileHash::of(&bytes) != hash {
            return Err(CabinetError::Damaged);
        }
        Ok(bytes)
    }

    /// Everything that is here, by name.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn list(&self) -> io::Result<Vec<Kept>> {
        let mut kept = Vec::new();
        for folder in entries(&self.path)? {
            if folder.file_name().len() != 2 {
                continue;
            }
            for entry in entries(&folder.path())? {
                let file = entry.metadata()?;
                let name = entry.file_name();
                let hash = name.to_str().and_then(|name| name.parse().ok());
                if let Some(hash) = hash.filter(|_| file.is_file()) {
                    kept.push(Kept {
                        hash,
                        size: file.len(),
                        since_ms: millis(file.modified()?),
                    });
                }
            }
        }
        kept.sort_by_key(|kept| kept.hash);
        Ok(kept)
    }

    /// Reads every content and returns the names of those that are not what they should be.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn prove(&self) -> io::Result<Vec<FileHash>> {
        let all = self.list()?.into_iter().map(|kept| kept.hash);
        Ok(all.filter(|hash| self.read(*hash).is_err()).collect())
    }

    /// Takes a content away.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn remove(&self, hash: FileHash) -> io::Result<()> {
        let _change = self.lock();
        let place = self.place(hash);
        fs::remove_file(&place)?;
        File::open(place.parent().unwrap_or(&self.path))?.sync_all()
    }

    fn part(&self, part: Part) -> PathBuf {
        let name = format!("{}-{}", part.hash, part.peer);
        self.path.join(INCOMING).join(name)
    }

    /// How much of a content has come from a peer.
    #[must_use]
    pub fn part_len(&self, part: Part) -> u64 {
        fs::metadata(self.part(part)).map_or(0, |file| file.len())
    }

    /// Adds a piece to what has come, if it begins where that ends. Returns where it ends now.
    ///
    /// The pieces are not synced one by one: after a loss of power less may be there, or something
    /// else, and the hash of the whole finds that out.
    ///
    /// # Errors
    /// It would be larger than said, too much is on its way, or the disk is full or fails.
    pub fn append(
        &self,
        part: Part,
        (offset, bytes): (u64, &[u8]),
        size: u64,
        now_ms: u64,
    ) -> Result<u64, CabinetError> {
        let end = offset.saturating_add(bytes.len() as u64);
        if size > FILE_BYTES_MAX || end > size {
            return Err(CabinetError::TooLarge);
        }
        let _change = self.lock();
        let held = self.part_len(part);
        if held != offset || bytes.is_empty() {
            return Ok(held);
        }
        if offset == 0 {
            self.make_room(size)?;
            self.bound_parts(part, now_ms)?;
        }
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o600);
        let mut file = options.open(self.part(part))?;
        file.write_all(bytes)?;
        file.set_times(FileTimes::new().set_modified(moment(now_ms)))?;
        Ok(end)
    }

    /// Makes room for one more part: the one without a piece for longest goes, if that is long.
    fn bound_parts(&self, new: Part, now_ms: u64) -> Result<(), CabinetError> {
        let mut parts = Vec::new();
        for entry in entries(&self.path.join(INCOMING))? {
            let is_part = entry.file_name() != "new" && entry.path() != self.part(new);
            if is_part {
                parts.push((millis(entry.metadata()?.modified()?), entry.path()));
            }
        }
        if parts.len() < PARTS_MAX {
            return Ok(());
        }
        let oldest = parts.into_iter().min();
        match oldest.filter(|(at_ms, _)| at_ms + PART_IDLE_MS < now_ms) {
            Some((_, path)) => Ok(fs::remove_file(path)?),
            None => Err(CabinetError::Busy),
        }
    }

    /// What has come of a content, whole or not, unchecked.
    ///
    /// # Errors
    /// Nothing has come, or it cannot be read.
    pub fn read_part(&self, part: Part) -> Result<Vec<u8>, CabinetError> {
        read_bounded(&self.part(part))
    }

    /// Makes a content of what has come. What is something else is thrown away.
    ///
    /// # Errors
    /// What has come is not the content, or the disk fails.
    pub fn finish(&self, part: Part, now_ms: u64) -> Result<(), CabinetError> {
        let _change = self.lock();
        let path = self.part(part);
        if FileHash::of(&read_bounded(&path)?) != part.hash {
            fs::remove_file(&path)?;
            return Err(CabinetError::Damaged);
        }
        let file = OpenOptions::new().write(true).open(&path)?;
        Ok(self.settle(&file, &path, part.hash, now_ms)?)
    }

    /// Throws away what has come of a content, from whomever.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn drop_parts(&self, hash: FileHash) -> io::Result<()> {
        let _change = self.lock();
        let begins = format!("{hash}-");
        for entry in entries(&self.path.join(INCOMING))? {
            if entry.file_name().to_string_lossy().starts_with(&begins) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

/// The entries of a folder; none when there is none.
fn entries(path: &Path) -> io::Result<Vec<fs::DirEntry>> {
    match fs::read_dir(path) {
        Ok(entries) => entries.collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        // A file among the folders is none of ours.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, CabinetError> {
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => CabinetError::Missing,
        _ => error.into(),
    })?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn touch(path: &Path, now_ms: u64) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_times(FileTimes::new().set_modified(moment(now_ms)))
}

fn moment(ms: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(ms)
}

fn millis(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;

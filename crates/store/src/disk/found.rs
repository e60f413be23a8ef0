//! The files as they were found, kept while the engine opens what does not look whole.
//!
//! Where the engine's recovery cannot read on, it takes the place for the end of its log and writes
//! zeros behind it. That is right after a power cut and wrong after damage: to look at a damaged
//! store would then destroy what could still be read of it. So the log is looked through first.
//! Where a part of it that is sound lies behind one that is not, the files are copied before the
//! engine gets them, and put back when it does not open them.
//!
//! | bytes of the engine's file | what |
//! | --- | --- |
//! | each 524,288 | a segment: 20 bytes of head, then messages without a gap |
//! | message | CRC-32 of the rest, kind u8, length, number of the segment, page; then so many bytes |

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use super::directory::{LOCK, io_error, lock, sync_directory, sync_file};
use crate::StoreError;

/// Bytes of a segment at the engine's own setting.
const SEGMENT_BYTES: usize = 512 * 1024;
/// Bytes of its head.
const SEGMENT_HEAD_BYTES: usize = 20;
/// Kinds of messages: the last of them, and the one that ends a segment.
const KIND_MAX: u8 = 11;
const KIND_CAP: u8 = 2;

/// Where the copy lies.
const COPY: &str = "as-found";

/// The copy, if one was needed.
#[derive(Debug)]
pub(super) struct Found {
    path: PathBuf,
    is_kept: bool,
}

impl Found {
    /// Copies the engine's files if they do not look whole. What an interrupted opening has left is
    /// put back first.
    pub(super) fn keep(path: &Path) -> Result<Self, StoreError> {
        let found = Self {
            path: path.to_owned(),
            is_kept: path.join(COPY).join("db").exists(),
        };
        if found.is_kept {
            put_back(path).map_err(io_error)?;
        }
        let is_torn = is_torn(&path.join("db")).map_err(io_error)?;
        if is_torn {
            tracing::warn!("the log does not look whole; its files are kept until it is open");
            copy(path).map_err(io_error)?;
        }
        Ok(Self {
            is_kept: is_torn,
            ..found
        })
    }

    /// The engine has opened them, and all is there: the copy goes.
    pub(super) fn opened(self) -> Result<(), StoreError> {
        if self.is_kept {
            fs::remove_dir_all(self.path.join(COPY)).map_err(io_error)?;
        }
        Ok(())
    }

    /// The engine has not: the files are put back as they were found.
    pub(super) fn failed(self) -> Result<(), StoreError> {
        if self.is_kept {
            let _held = lock(&self.path.join(LOCK))?;
            put_back(&self.path).map_err(io_error)?;
        }
        Ok(())
    }
}

fn is_engines(name: &str) -> bool {
    matches!(name, "db" | "conf") || name.starts_with("snap.")
}

/// The engine's own file goes last: with it the copy is whole.
fn names(path: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if is_engines(&name) {
            names.push(name);
        }
    }
    names.sort_by_key(|name| name == "db");
    Ok(names)
}

fn copy(path: &Path) -> io::Result<()> {
    let to = path.join(COPY);
    if to.exists() {
        fs::remove_dir_all(&to)?;
    }
    fs::create_dir(&to)?;
    for name in names(path)? {
        fs::copy(path.join(&name), to.join(&name))?;
        sync_file(&to.join(&name))?;
    }
    sync_directory(&to)?;
    sync_directory(path)
}

fn put_back(path: &Path) -> io::Result<()> {
    let from = path.join(COPY);
    let kept = names(&from)?;
    for name in names(path)?.iter().filter(|name| !kept.contains(name)) {
        fs::remove_file(path.join(name))?;
    }
    for name in kept {
        fs::rename(from.join(&name), path.join(&name))?;
    }
    fs::remove_dir_all(&from)?;
    sync_directory(path)
}

/// How a segment ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// With its last message.
    Full,
    /// Somewhere before, as the newest segment does.
    Open,
    /// There is a sound message behind one that is not.
    Torn,
}

/// Bytes at the end of a segment in which no message begins.
const RED_ZONE_BYTES: usize = 32;

/// Whether reading the log would stop before its end: in the middle of a segment, or with one that
/// is not the newest.
fn is_torn(db: &Path) -> io::Result<bool> {
    let mut file = match File::open(db) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let mut segment = Vec::with_capacity(SEGMENT_BYTES);
    let (mut newest, mut newest_open) = (0, 0);
    loop {
        segment.clear();
        let read = file
            .by_ref()
            .take(SEGMENT_BYTES as u64)
            .read_to_end(&mut segment)?;
        if read == 0 {
            // Two open ones: reading stops in the older.
            return Ok(newest_open < newest && newest_open != 0);
        }
        let Some(number) = number_of(&segment) else {
            continue;
        };
        newest = newest.max(number + 1);
        match end_of(&segment, number) {
            End::Full => {}
            End::Open if newest_open != 0 => return Ok(true),
            End::Open => newest_open = number + 1,
            End::Torn => return Ok(true),
        }
    }
}

fn end_of(segment: &[u8], number: u64) -> End {
    let mut at = SEGMENT_HEAD_BYTES;
    while let Some(message) = segment.get(at..).and_then(|rest| message(rest, number)) {
        at += message.len;
        if message.kind == KIND_CAP || at + RED_ZONE_BYTES > SEGMENT_BYTES {
            return End::Full;
        }
    }
    let mut behind = (at + 1..segment.len()).filter_map(|at| segment.get(at..));
    if behind.any(|rest| message(rest, number).is_some()) {
        End::Torn
    } else {
        End::Open
    }
}

/// The number of a segment: of its head, which counts log bytes, or of its first message.
fn number_of(segment: &[u8]) -> Option<u64> {
    let head = segment.get(..SEGMENT_HEAD_BYTES)?;
    let stored = u32::from_le_bytes(head.get(..4)?.try_into().ok()?) ^ u32::MAX;
    if crc32fast::hash(head.get(4..)?) == stored {
        let position = u64::from_le_bytes(head.get(4..12)?.try_into().ok()?);
        let position = position ^ (u64::MAX >> 1);
        return Some(position / SEGMENT_BYTES as u64);
    }
    let first = segment.get(SEGMENT_HEAD_BYTES..)?;
    let fields = Fields::read(first)?;
    message(first, fields.number).map(|_| fields.number)
}

/// A sound message.
struct Message {
    kind: u8,
    len: usize,
}

/// What stands in front of a message.
struct Fields {
    kind: u8,
    body: usize,
    number: u64,
    /// Bytes of all that.
    len: usize,
}

impl Fields {
    fn read(bytes: &[u8]) -> Option<Self> {
        let kind = *bytes.get(4)?;
        if kind == 0 || kind > KIND_MAX {
            return None;
        }
        let mut rest = bytes.get(5..)?;
        let body = usize::try_from(varint(&mut rest)?).ok()?;
        let number = varint(&mut rest)?;
        varint(&mut rest)?;
        let len = bytes.len() - rest.len();
        (body <= rest.len()).then_some(Self {
            kind,
            body,
            number,
            len,
        })
    }
}

fn message(bytes: &[u8], number: u64) -> Option<Message> {
    let fields = Fields::read(bytes).filter(|fields| fields.number == number)?;
    let end = fields.len + fields.body;
    let stored = u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?);
    let mut crc = crc32fast::Hasher::new();
    crc.update(bytes.get(fields.len..end)?);
    crc.update(bytes.get(4..fields.len)?);
    (crc.finalize() ^ u32::MAX == stored).then_some(Message {
        kind: fields.kind,
        len: end,
    })
}

/// A number as the engine writes it.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let (&first, rest) = bytes.split_first()?;
    let (number, len) = match first {
        0..=240 => (u64::from(first), 0),
        241..=248 => {
            let low = u64::from(*rest.first()?);
            (240 + 256 * (u64::from(first) - 241) + low, 1)
        }
        249 => {
            let (high, low) = (u64::from(*rest.first()?), u64::from(*rest.get(1)?));
            (2_288 + 256 * high + low, 2)
        }
        _ => {
            let len = usize::from(first) - 247;
            let mut number = [0; 8];
            let given = rest.get(..len)?;
            number
                .iter_mut()
                .zip(given)
                .for_each(|(to, from)| *to = *from);
            (u64::from_le_bytes(number), len)
        }
    };
    *bytes = rest.get(len..)?;
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Batch, Disk, DiskConfig, Store as _};

    /// A store of several segments, written over and over in several lives, closed. Returns its
    /// path.
    fn closed(folder: &Path) -> PathBuf {
        let path = folder.join("store");
        let config = DiskConfig {
            min_free_bytes: 0,
            ..DiskConfig::default()
        };
        for life in 0..4_u32 {
            let store = Disk::open(&path, &config).unwrap();
            for number in 0..400_u32 {
                let mut batch = Batch::default();
                let key = (number * 7 % 300).to_be_bytes().to_vec();
                batch.put(key, vec![life.to_le_bytes()[0]; 3_000]);
                store.commit(batch).unwrap();
            }
            store.sync().unwrap();
            drop(store);
            assert!(
                !is_torn(&path.join("db")).unwrap(),
                "sound after life {life}"
            );
        }
        path
    }

    #[test]
    fn a_sound_store_is_not_copied_and_a_torn_one_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = closed(folder.path());
        let good = fs::read(path.join("db")).unwrap();
        assert!(good.len() > 4 * SEGMENT_BYTES, "{} bytes", good.len());
        let mut torn = 0;
        for at in (3_000..good.len()).step_by(60_000) {
            let mut bytes = good.clone();
            bytes[at] ^= 4;
            fs::write(path.join("db"), &bytes).unwrap();
            torn += usize::from(is_torn(&path.join("db")).unwrap());
        }
        let tried = (good.len() - 3_000).div_ceil(60_000);
        // Some places are free, and one is the last of all.
        assert!(torn * 2 > tried, "{torn} of {tried}");
    }

    #[test]
    fn looking_at_a_damaged_store_leaves_it_as_it_was_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = closed(folder.path());
        let good = fs::read(path.join("db")).unwrap();
        let config = DiskConfig {
            min_free_bytes: 0,
            ..DiskConfig::default()
        };
        let mut refused = 0;
        for at in (3_000..good.len()).step_by(300_000) {
            let mut bytes = good.clone();
            bytes[at..at + 64].fill(0xA5);
            fs::write(path.join("db"), &bytes).unwrap();
            // Where the first look finds nothing amiss the program goes on, and writes.
            for _ in 0..2 {
                let found = fs::read(path.join("db")).unwrap();
                let before = names(&path).unwrap();
                // At the end of the log damage looks as what a power cut leaves: see the module.
                let torn = is_torn(&path.join("db")).unwrap();
                if Disk::open(&path, &config).is_err() && torn {
                    refused += 1;
                    assert!(fs::read(path.join("db")).unwrap() == found, "byte {at}");
                    assert_eq!(names(&path).unwrap(), before);
                    assert!(!path.join(COPY).exists());
                }
            }
            fs::write(path.join("db"), &good).unwrap();
        }
        assert!(refused > 0, "every place was free");
    }

    #[test]
    fn an_interrupted_look_is_undone_by_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = closed(folder.path());
        let good = fs::read(path.join("db")).unwrap();
        copy(&path).unwrap();
        fs::write(path.join("db"), b"what the engine had made of it").unwrap();
        Found::keep(&path).unwrap().opened().unwrap();
        assert!(fs::read(path.join("db")).unwrap() == good);
        assert!(!path.join(COPY).exists());
    }
}

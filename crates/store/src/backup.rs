//! A store in one file, and back: logical, checked throughout, the same for every kind of store.
//!
//! A backup is what the store held at one moment, also while a writer goes on. It is read again
//! after it was written, and it is believed only as a whole: [`restore`] reads all of it before it
//! writes anything.
//!
//! | bytes | what |
//! | --- | --- |
//! | `LXBACKUP` | |
//! | frame `H` | a `BackupHead` without number and digest |
//! | frames `B` | `BackupEntry` messages, each after its length, in key order |
//! | frame `T` | the `BackupHead` again, with number and digest of all entries; nothing follows |
//!
//! A frame is its letter, the length of the rest as u32, the rest, and a BLAKE3 over letter,
//! position in the file and rest. Numbers are big-endian.
//!
//! With a key the rest of every frame but the head is encrypted, in format 2: nonce, encrypted rest,
//! tag, bound to letter and position. The head says which key. What is damaged is found without it.
//!
//! A backup holds personal data as the store does; it does not hold keys, which are never in a
//! store. Whoever restores must afterwards take a new incarnation.

use std::{
    borrow::Cow,
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    path::Path,
};

use bytes::Bytes;
use prost::Message;
use proto::stored::{BackupEntry, BackupHead};

use crate::{
    Batch, Store, StoreError,
    disk::{STORE_KEY_BYTES_MAX, private_file, sync_directory},
    key::{Cipher, KeyId, Nonces, StoreKey},
};

/// The format whose frames are as they are.
const PLAIN: u32 = 1;

/// The format whose frames are encrypted, but for the head; the highest that is read.
const ENCRYPTED: u32 = 2;

const MAGIC: &[u8; 8] = b"LXBACKUP";

/// A block is closed when it has so many bytes: so much is read again when one is bad.
const BLOCK_BYTES: usize = 256 * 1024;

/// Longest frame that is believed: one entry of the longest key and value, and a block before it.
const FRAME_BYTES_MAX: u32 = 32 * 1024 * 1024;

/// Bytes a batch has when it is committed while restoring.
const BATCH_BYTES: usize = 768 * 1024;

/// Above every key.
pub(crate) const END: [u8; STORE_KEY_BYTES_MAX + 1] = [0xFF; STORE_KEY_BYTES_MAX + 1];

/// What is said about a backup, beside what it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackupFacts {
    /// Name and version of the program.
    pub program: String,
    /// The replica, 16 bytes.
    pub replica: Vec<u8>,
    /// Wall time, milliseconds since 1970.
    pub at_ms: i64,
}

/// What a backup is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupReport {
    /// What it says about itself.
    pub facts: BackupFacts,
    /// Keys with their values.
    pub entries: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// BLAKE3 over all entries: equal for equal stores.
    pub digest: [u8; 32],
    /// The key that it is encrypted with.
    pub key: Option<KeyId>,
}

/// What can go wrong with a backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// The file failed.
    #[error("the backup file cannot be read or written")]
    Io(#[from] io::Error),
    /// The file is not what was written.
    #[error("the backup file is damaged: {what}")]
    Damaged {
        /// What was found.
        what: String,
    },
    /// The file was made by a later program.
    #[error("the backup has format {found}, this program knows up to {known}")]
    Format {
        /// In the file.
        found: u32,
        /// The highest known.
        known: u32,
    },
    /// It is encrypted, and no key that was given opens it.
    #[error("the backup is encrypted with the key {needs}")]
    Key {
        /// The key that opens it.
        needs: KeyId,
        /// Of those that were given, the first.
        has: Option<KeyId>,
    },
    /// There is something in the store already.
    #[error("the store to restore into is not empty")]
    NotEmpty,
}

impl BackupError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::Io(_) => "BACKUP-001",
            Self::Damaged { .. } => "BACKUP-002",
            Self::Format { .. } => "BACKUP-003",
            Self::NotEmpty => "BACKUP-004",
            Self::Key { has: None, .. } => "BACKUP-016",
            Self::Key { has: Some(_), .. } => "BACKUP-017",
        }
    }
}

/// Writes everything in a store, encrypted where there is a key. The caller makes it durable, and reads it again with [`verify`].
///
/// # Errors
/// The store cannot be read or the writer does not take it. What was written is then no backup.
pub fn backup(
    store: &dyn Store,
    facts: &BackupFacts,
    key: Option<&StoreKey>,
    out: &mut impl Write,
) -> Result<BackupReport, BackupError> {
    let sealing = key.map(|key| Nonces::draw().map(|nonces| (key.frames(), nonces)));
    let mut frames = FrameWriter {
        out,
        position: 0,
        bytes: 0,
        sealing: sealing.transpose()?,
    };
    frames.start()?;
    let key = key.map(StoreKey::id);
    let head = BackupHead {
        format: if key.is_some() { ENCRYPTED } else { PLAIN },
        program: facts.program.clone(),
        replica: facts.replica.clone(),
        at_ms: facts.at_ms,
        entries: 0,
        digest: Vec::new(),
        key_id: key.map(|id| id.bytes().to_vec()).unwrap_or_default(),
    };
    frames.write(b'H', &head.encode_to_vec())?;
    let mut entries = 0;
    let mut digest = blake3::Hasher::new();
    let mut block = Vec::with_capacity(2 * BLOCK_BYTES);
    // The visitor may only fail as a store does, so what the file said is kept beside.
    let mut failed = None;
    let scanned = store.scan(&[], &END, &mut |key, value| {
        entries += 1;
        let entry = BackupEntry {
            key: key.to_vec(),
            value: value.to_vec(),
        };
        block.extend_from_slice(&entry.encode_length_delimited_to_vec());
        if block.len() >= BLOCK_BYTES {
            digest.update(&block);
            let written = frames.write(b'B', &block);
            block.clear();
            written.map_err(|error| {
                failed = Some(error);
                StoreError::Failed
            })?;
        }
        Ok(())
    });
    if let Some(error) = failed {
        return Err(error.into());
    }
    scanned?;
    if !block.is_empty() {
        digest.update(&block);
        frames.write(b'B', &block)?;
    }
    let digest: [u8; 32] = digest.finalize().into();
    let tail = BackupHead {
        entries,
        digest: digest.to_vec(),
        ..head
    };
    frames.write(b'T', &tail.encode_to_vec())?;
    frames.out.flush()?;
    Ok(BackupReport {
        facts: facts.clone(),
        entries,
        bytes: frames.bytes,
        digest,
        key,
    })
}

/// Writes a backup under another name, syncs it, reads it again, and gives it its name: under the
/// name there is always a whole backup. On Unix only the owner may read it.
///
/// # Errors
/// As [`backup`] and [`verify`]. An older file of the name is then still there.
pub fn backup_to(
    store: &dyn Store,
    facts: &BackupFacts,
    key: Option<&StoreKey>,
    path: &Path,
) -> Result<BackupReport, BackupError> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let unfinished = Path::new(&unfinished);
    let report = write_and_verify(store, facts, key, unfinished).inspect_err(|_| {
        // What is left lies under a name that nothing reads, and the next one overwrites it.
        if let Err(error) = fs::remove_file(unfinished) {
            tracing::warn!(error = %error, "an unfinished backup could not be removed");
        }
    })?;
    fs::rename(unfinished, path)?;
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    sync_directory(directory.unwrap_or_else(|| Path::new(".")))?;
    Ok(report)
}

fn write_and_verify(
    store: &dyn Store,
    facts: &BackupFacts,
    key: Option<&StoreKey>,
    path: &Path,
) -> Result<BackupReport, BackupError> {
    let file = private_file().create(true).truncate(true).open(path)?;
    let mut out = BufWriter::new(file);
    let written = backup(store, facts, key, &mut out)?;
    out.into_inner()
        .map_err(io::IntoInnerError::into_error)?
        .sync_all()?;
    let read = verify(
        &mut BufReader::new(File::open(path)?),
        key.map(std::slice::from_ref).unwrap_or_default(),
    )?;
    if read != written {
        return damaged("what was read again is not what was written");
    }
    Ok(written)
}

/// Reads a whole backup and says what it is.
///
/// # Errors
/// It is cut, altered, in another order, followed by something, of a later format, or encrypted with
/// none of these keys.
pub fn verify(read: &mut impl Read, keys: &[StoreKey]) -> Result<BackupReport, BackupError> {
    read_all(read, keys, &mut |_| Ok(()))
}

/// Reads a whole backup and shows each entry.
///
/// # Errors
/// As [`verify`]. What was shown before is then worth nothing.
pub(crate) fn entries(
    read: &mut impl Read,
    keys: &[StoreKey],
    visit: &mut dyn FnMut(&[u8], Bytes),
) -> Result<BackupReport, BackupError> {
    read_all(read, keys, &mut |entry| {
        visit(&entry.key, entry.value.into());
        Ok(())
    })
}

/// Fills an empty store from a backup and syncs it.
///
/// The backup is read twice: the first time to the end, without touching the store. Only if the
/// store fails in the second reading is there a part of it in the store, which must then be
/// thrown away: so restore beside, and rename the directory when this has returned.
///
/// # Errors
/// As [`verify`]; the store is not empty; the store failed.
pub fn restore(
    read: &mut (impl Read + Seek),
    keys: &[StoreKey],
    store: &dyn Store,
) -> Result<BackupReport, BackupError> {
    let start = read.stream_position()?;
    let verified = verify(read, keys)?;
    if !store.range(&[], &END, 1)?.is_empty() {
        return Err(BackupError::NotEmpty);
    }
    read.seek(SeekFrom::Start(start))?;
    let mut batch = Batch::default();
    let filled = read_all(read, keys, &mut |entry| {
        let bytes = entry.key.len() + entry.value.len();
        if !batch.is_empty() && batch.bytes() + bytes > BATCH_BYTES {
            store.commit(std::mem::take(&mut batch))?;
        }
        batch.put(entry.key, entry.value);
        Ok(())
    })?;
    if filled != verified {
        return damaged("the file changed while it was read");
    }
    store.commit(batch)?;
    store.sync()?;
    Ok(filled)
}

type EntryVisitor<'a> = dyn FnMut(BackupEntry) -> Result<(), BackupError> + 'a;

/// The one reader: all checks, and each entry to `visit`.
fn read_all(
    read: &mut impl Read,
    keys: &[StoreKey],
    visit: &mut EntryVisitor<'_>,
) -> Result<BackupReport, BackupError> {
    let mut frames = FrameReader {
        read,
        position: 0,
        bytes: 0,
        cipher: None,
    };
    frames.start()?;
    let (b'H', head) = frames.next()? else {
        return damaged("no head");
    };
    let head = BackupHead::decode(&*head).or_else(|_| damaged("an unreadable head"))?;
    let key = key_of(&head)?;
    frames.cipher = key.map(|needs| cipher_of(needs, keys)).transpose()?;
    let mut entries: u64 = 0;
    let mut digest = blake3::Hasher::new();
    let mut last: Option<Vec<u8>> = None;
    let tail = loop {
        let (letter, block) = frames.next()?;
        match letter {
            b'B' => {
                digest.update(&block);
                entries += read_block(&block, &mut last, visit)?;
            }
            b'T' => break block,
            _ => return damaged("a frame of no known kind"),
        }
    };
    let tail = BackupHead::decode(&*tail).or_else(|_| damaged("an unreadable end"))?;
    let digest: [u8; 32] = digest.finalize().into();
    if tail
        != (BackupHead {
            entries,
            digest: digest.to_vec(),
            ..head
        })
    {
        return damaged("number, digest or head do not agree with the end");
    }
    if frames.read.read(&mut [0])? != 0 {
        return damaged("something behind the end");
    }
    let BackupHead {
        program,
        replica,
        at_ms,
        ..
    } = tail;
    let facts = BackupFacts {
        program,
        replica,
        at_ms,
    };
    Ok(BackupReport {
        facts,
        entries,
        bytes: frames.bytes,
        digest,
        key,
    })
}

/// The key that a backup is encrypted with, as its head says.
fn key_of(head: &BackupHead) -> Result<Option<KeyId>, BackupError> {
    match head.format {
        ..=PLAIN => Ok(None),
        ENCRYPTED => match KeyId::from_bytes(&head.key_id) {
            Some(id) => Ok(Some(id)),
            None => damaged("an encrypted backup that does not say with which key"),
        },
        found => Err(BackupError::Format {
            found,
            known: ENCRYPTED,
        }),
    }
}

fn cipher_of(needs: KeyId, keys: &[StoreKey]) -> Result<Cipher, BackupError> {
    let key = keys.iter().find(|key| key.id() == needs);
    let has = keys.first().map(StoreKey::id);
    let key = key.ok_or(BackupError::Key { needs, has })?;
    Ok(key.frames())
}

fn read_block(
    block: &[u8],
    last: &mut Option<Vec<u8>>,
    visit: &mut EntryVisitor<'_>,
) -> Result<u64, BackupError> {
    let mut rest = block;
    let mut entries = 0;
    while !rest.is_empty() {
        let entry = BackupEntry::decode_length_delimited(&mut rest)
            .or_else(|_| damaged("an unreadable entry"))?;
        if last.as_ref().is_some_and(|last| *last >= entry.key) {
            return damaged("entries out of order");
        }
        *last = Some(entry.key.clone());
        entries += 1;
        visit(entry)?;
    }
    Ok(entries)
}

struct FrameWriter<'a, W> {
    out: &'a mut W,
    position: u64,
    bytes: u64,
    /// Seals all frames but the head.
    sealing: Option<(Cipher, Nonces)>,
}

impl<W: Write> FrameWriter<'_, W> {
    fn start(&mut self) -> io::Result<()> {
        self.put(MAGIC)
    }

    fn write(&mut self, letter: u8, rest: &[u8]) -> io::Result<()> {
        let rest = match &mut self.sealing {
            Some((cipher, nonces)) if letter != b'H' => {
                let bound = place(letter, self.position);
                Cow::Owned(cipher.seal(nonces.next(), &bound, &[rest])?)
            }
            _ => Cow::Borrowed(rest),
        };
        let len = u32::try_from(rest.len())
            .ok()
            .filter(|len| *len <= FRAME_BYTES_MAX);
        let len = len.ok_or(io::ErrorKind::InvalidInput)?;
        self.put(&[letter])?;
        self.put(&len.to_be_bytes())?;
        self.put(&rest)?;
        let hash = frame_hash(letter, self.position, &rest);
        self.position += 1;
        self.put(&hash)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes += bytes.len() as u64;
        self.out.write_all(bytes)
    }
}

struct FrameReader<'a, R> {
    read: &'a mut R,
    position: u64,
    bytes: u64,
    /// Opens all frames but the head.
    cipher: Option<Cipher>,
}

impl<R: Read> FrameReader<'_, R> {
    fn start(&mut self) -> Result<(), BackupError> {
        if self.take::<8>()? == *MAGIC {
            Ok(())
        } else {
            damaged("not a backup")
        }
    }

    fn next(&mut self) -> Result<(u8, Vec<u8>), BackupError> {
        let [letter] = self.take()?;
        let len = u32::from_be_bytes(self.take()?);
        if len > FRAME_BYTES_MAX {
            return damaged("a frame that is too long");
        }
        // Grows with what is there, not with what the length says.
        let mut rest = Vec::new();
        let read = self.read.by_ref().take(len.into()).read_to_end(&mut rest)?;
        self.bytes += u64::from(len);
        if read as u64 != u64::from(len) {
            return damaged("it ends too early");
        }
        let position = self.position;
        self.position += 1;
        if self.take::<32>()? != frame_hash(letter, position, &rest) {
            return damaged("a frame with another hash");
        }
        let Some(cipher) = &self.cipher else {
            return Ok((letter, rest));
        };
        match cipher.open(&place(letter, position), &rest) {
            Some(opened) => Ok((letter, opened)),
            None => damaged("a frame that its key does not open"),
        }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], BackupError> {
        let mut bytes = [0; N];
        match self.read.read_exact(&mut bytes) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return damaged("it ends too early");
            }
            Err(error) => return Err(error.into()),
        }
        self.bytes += N as u64;
        Ok(bytes)
    }
}

/// Where a frame stands.
fn place(letter: u8, position: u64) -> [u8; 9] {
    let [a, b, c, d, e, f, g, h] = position.to_be_bytes();
    [letter, a, b, c, d, e, f, g, h]
}

fn frame_hash(letter: u8, position: u64, rest: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&place(letter, position));
    hasher.update(rest);
    hasher.finalize().into()
}

fn damaged<T>(what: &str) -> Result<T, BackupError> {
    Err(BackupError::Damaged {
        what: what.to_owned(),
    })
}

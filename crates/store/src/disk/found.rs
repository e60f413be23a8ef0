//! The files as they were found, kept while the engine opens what does not look whole.
//!
//! Where the engine's recovery cannot read on, it takes the place for the end of its log and writes
//! zeros behind it. That is right after a power cut and wrong after damage: to look at a damaged
//! store would then destroy what could still be read of it. So the log is looked through first.
//! Where a part of it that is sound lies behind one that is not, or it is shorter or can be read less far
//! than it was [synced](super::progress), the files are copied before the engine gets them, and put back
//! when it does not open them.
//!
//! | bytes of the engine's file | what |
//! | --- | --- |
//! | each 524,288 | a segment: 20 bytes of head, then messages without a gap |
//! | message | CRC-32 of the rest, kind u8, length, number of the segment, page; then so many bytes |

use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom},
    ops::Range,
    panic::resume_unwind,
    path::{Path, PathBuf},
    thread,
};

use super::{
    directory::{LOCK, io_error, lock, sync_directory, sync_file},
    progress::Noted,
};
use crate::StoreError;

/// Bytes of a segment at the engine's own setting.
const SEGMENT_BYTES: usize = 512 * 1024;
/// Bytes of its head.
const SEGMENT_HEAD_BYTES: usize = 20;
/// Kinds of messages: the last of them, and the one that ends a segment.
const KIND_MAX: u8 = 11;
const KIND_CAP: u8 = 2;

/// Where the copy lies, and where it lies until it is whole. What has no engine's file any more was
/// put back.
const COPY: &str = "as-found";
const UNFINISHED: &str = "as-found.new";

/// The copy, if one was needed.
#[derive(Debug)]
pub(super) struct Found {
    path: PathBuf,
    is_kept: bool,
}

impl Found {
    /// Copies the engine's files if they do not look whole. What an interrupted opening has left is
    /// put back first. `synced` is how far the log was synced.
    pub(super) fn keep(path: &Path, synced: Noted) -> Result<Self, StoreError> {
        put_back(path).map_err(io_error)?;
        let is_kept = is_torn(&path.join("db"), synced).map_err(io_error)?;
        if is_kept {
            tracing::warn!("the log does not look whole; its files are kept until it is open");
            copy(path).map_err(io_error)?;
        }
        Ok(Self {
            path: path.to_owned(),
            is_kept,
        })
    }

    /// The engine has opened them, and all is there: the copy goes.
    pub(super) fn opened(self) -> Result<(), StoreError> {
        if self.is_kept {
            // Without the engine's file, so that half a removal is never put back.
            let copy = self.path.join(COPY);
            fs::remove_file(copy.join("db")).map_err(io_error)?;
            fs::remove_dir_all(copy).map_err(io_error)?;
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

fn names(path: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if is_engines(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

/// Copies the files. Only a copy that is whole and durable has its name.
fn copy(path: &Path) -> io::Result<()> {
    let to = path.join(UNFINISHED);
    fs::create_dir(&to)?;
    for name in names(path)? {
        fs::copy(path.join(&name), to.join(&name))?;
        sync_file(&to.join(&name))?;
    }
    sync_directory(&to)?;
    fs::rename(&to, path.join(COPY))?;
    sync_directory(path)
}

/// Puts the copy back, if there is one. The engine's own file goes last and is moved: until then all
/// of it can be done again, and from then on all is done.
fn put_back(path: &Path) -> io::Result<()> {
    let (from, unfinished) = (path.join(COPY), path.join(UNFINISHED));
    if unfinished.exists() {
        fs::remove_dir_all(unfinished)?;
    }
    if !from.exists() {
        return Ok(());
    }
    if from.join("db").exists() {
        let kept = names(&from)?;
        for name in names(path)?.iter().filter(|name| !kept.contains(name)) {
            fs::remove_file(path.join(name))?;
        }
        for name in kept.iter().filter(|name| *name != "db") {
            fs::copy(from.join(name), path.join(name))?;
            sync_file(&path.join(name))?;
        }
        sync_directory(path)?;
        fs::rename(from.join("db"), path.join("db"))?;
        sync_directory(path)?;
    }
    fs::remove_dir_all(&from)?;
    sync_directory(path)
}

/// How a segment ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// With its last message.
    Full,
    /// Somewhere before, as the newest segment does: so many bytes can be read.
    Open(usize),
    /// There is a sound message behind one that is not.
    Torn,
}

/// Bytes at the end of a segment in which no message begins.
const RED_ZONE_BYTES: usize = 32;

/// What was seen of a part of the log in which nothing is torn.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// Where reading ends.
    end: u64,
    /// Where the one segment ends that is open.
    open: Option<u64>,
}

/// Stack of a thread that looks through the log: a segment and some more.
const LOOK_STACK_BYTES: usize = SEGMENT_BYTES + 256 * 1024;

/// Whether reading the log would stop before its end: in the middle of a segment, with one that is
/// not the newest, or before the place up to which it was synced; or a part of it is cut off.
fn is_torn(db: &Path, synced: Noted) -> io::Result<bool> {
    let len = match fs::metadata(db) {
        Ok(found) => found.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    if len < synced.len {
        return Ok(true);
    }
    let half = len / 2 - len / 2 % SEGMENT_BYTES as u64;
    // Nothing else can be done before all is read, so two cores read it.
    let (first, second) = thread::scope(|scope| {
        let start = |part| {
            let named = thread::Builder::new().stack_size(LOOK_STACK_BYTES);
            named.spawn_scoped(scope, move || look(db, part))
        };
        let (first, second) = (start(0..half)?, start(half..len)?);
        let (first, second) = (first.join(), second.join());
        let seen = |joined: thread::Result<_>| joined.unwrap_or_else(|panic| resume_unwind(panic));
        io::Result::Ok((seen(first)?, seen(second)?))
    })?;
    let (Some(first), Some(second)) = (first, second) else {
        return Ok(true);
    };
    if first.open.is_some() && second.open.is_some() {
        return Ok(true);
    }
    let (end, open) = (first.end.max(second.end), first.open.or(second.open));
    // One that is open and not the newest: reading stops there.
    Ok(open.is_some_and(|open| open < end) || end < synced.end)
}

/// Looks through whole segments, or the last part of one. Returns nothing where something is torn.
#[expect(
    clippy::large_stack_arrays,
    reason = "on the heap it left holes of its size when it was freed: 5 MiB more in use"
)]
fn look(db: &Path, part: Range<u64>) -> io::Result<Option<Seen>> {
    let mut buffer = [0; SEGMENT_BYTES];
    let mut file = File::open(db)?;
    file.seek(SeekFrom::Start(part.start))?;
    let mut left = part.end - part.start;
    let mut seen = Seen::default();
    while left > 0 {
        let len = usize::try_from(left).map_or(SEGMENT_BYTES, |left| left.min(SEGMENT_BYTES));
        let (segment, _) = buffer.split_at_mut(len);
        file.read_exact(segment)?;
        left -= len as u64;
        let Some(number) = number_of(segment) else {
            if has_message(segment) {
                return Ok(None);
            }
            continue;
        };
        let begin = number.saturating_mul(SEGMENT_BYTES as u64);
        let stops = match end_of(segment, number) {
            End::Full => begin.saturating_add(SEGMENT_BYTES as u64),
            End::Open(len) if seen.open.is_none() => {
                *seen.open.insert(begin.saturating_add(len as u64))
            }
            End::Open(_) | End::Torn => return Ok(None),
        };
        seen.end = seen.end.max(stops);
    }
    Ok(Some(seen))
}

/// Whether there is a sound message in a segment without a number: the engine would pass over it.
fn has_message(segment: &[u8]) -> bool {
    // As the engine leaves what is free: looked at in no time.
    if segment.iter().all(|byte| *byte == 0) {
        return false;
    }
    let mut places = (SEGMENT_HEAD_BYTES..segment.len()).filter_map(|at| segment.get(at..));
    places.any(|rest| Fields::read(rest).is_some_and(|it| message(rest, it.number).is_some()))
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
        End::Open(at)
    }
}

/// The number of a segment: its head counts log bytes.
fn number_of(segment: &[u8]) -> Option<u64> {
    let head = segment.get(..SEGMENT_HEAD_BYTES)?;
    let stored = u32::from_le_bytes(head.get(..4)?.try_into().ok()?) ^ u32::MAX;
    let position = u64::from_le_bytes(head.get(4..12)?.try_into().ok()?) ^ (u64::MAX >> 1);
    (crc32fast::hash(head.get(4..)?) == stored).then_some(position / SEGMENT_BYTES as u64)
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
    use super::{super::progress::Progress, *};
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
                !is_torn(&path.join("db"), synced(&path)).unwrap(),
                "sound after life {life}"
            );
        }
        path
    }

    /// How far the log of a store was synced.
    fn synced(path: &Path) -> Noted {
        Progress::open(path).unwrap().noted()
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
            torn += usize::from(is_torn(&path.join("db"), synced(&path)).unwrap());
        }
        let tried = (good.len() - 3_000).div_ceil(60_000);
        // Some places are free, and one is the last of all.
        assert!(torn * 2 > tried, "{torn} of {tried}");
    }

    /// Where in the file the newest segment ends.
    fn tip(bytes: &[u8]) -> usize {
        let segments = bytes.chunks(SEGMENT_BYTES).enumerate();
        let numbered = segments.filter_map(|(at, it)| Some((number_of(it)?, at, it)));
        let (number, at, newest) = numbered.max_by_key(|(number, ..)| *number).unwrap();
        let len = match end_of(newest, number) {
            End::Open(len) => len,
            End::Full => SEGMENT_BYTES,
            End::Torn => panic!("the log is sound"),
        };
        at * SEGMENT_BYTES + len
    }

    /// Looks twice at a damaged store: where the first look finds nothing amiss the program goes
    /// on, and writes. Returns how often it was refused.
    fn look(path: &Path, bytes: &[u8], what: &str) -> usize {
        let config = DiskConfig {
            min_free_bytes: 0,
            ..DiskConfig::default()
        };
        fs::write(path.join("db"), bytes).unwrap();
        let mut refused = 0;
        for _ in 0..2 {
            let kept = |path: &Path| -> Vec<_> {
                let mut names = names(path).unwrap();
                names.sort_unstable();
                let bytes = |name: &String| fs::read(path.join(name)).unwrap();
                names.iter().map(|it| (it.clone(), bytes(it))).collect()
            };
            let before = kept(path);
            if Disk::open(path, &config).is_err() {
                refused += 1;
                assert!(kept(path) == before, "{what}");
                assert!(!path.join(COPY).exists());
            }
        }
        refused
    }

    #[test]
    fn looking_at_a_damaged_store_leaves_it_as_it_was_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = closed(folder.path());
        let whole = folder.path().join("whole");
        let good = fs::read(path.join("db")).unwrap();
        let tip = tip(&good);
        fs::rename(&path, &whole).unwrap();
        let afresh = || {
            drop(fs::remove_dir_all(&path));
            fs::create_dir(&path).unwrap();
            for entry in fs::read_dir(&whole).unwrap().map(Result::unwrap) {
                if entry.path().is_file() {
                    fs::copy(entry.path(), path.join(entry.file_name())).unwrap();
                }
            }
        };
        let mut refused = 0;
        let heads = (0..good.len()).step_by(SEGMENT_BYTES);
        let tail = [64, 700, 3_500, 9_000, 40_000].map(|back| tip - back);
        let anywhere = (3_000..good.len()).step_by(300_000);
        let kinds = [(0xA5, 64), (0, 4_096), (0xA5, 1)].into_iter().cycle();
        for (at, (byte, len)) in tail.into_iter().chain(anywhere).chain(heads).zip(kinds) {
            let mut bytes = good.clone();
            let end = bytes.len().min(at + len);
            bytes[at..end].fill(byte);
            afresh();
            refused += look(&path, &bytes, &format!("{len} bytes at {at}"));
        }
        for cut in [5_000, 900_000, 2_000_000] {
            afresh();
            refused += look(&path, &good[..good.len() - cut], &format!("{cut} cut off"));
        }
        assert!(refused > 10, "every place was free");
    }

    #[test]
    fn damage_in_the_last_write_is_no_power_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = closed(folder.path());
        let good = fs::read(path.join("db")).unwrap();
        let mut bytes = good.clone();
        bytes[tip(&good) - 1] ^= 4;
        fs::write(path.join("db"), &bytes).unwrap();
        let unknown = Noted::default();
        assert!(!is_torn(&path.join("db"), unknown).unwrap(), "looks so");
        assert!(is_torn(&path.join("db"), synced(&path)).unwrap());
    }

    #[test]
    fn an_older_segment_without_its_end_is_torn_wherever_it_lies() {
        let folder = tempfile::tempdir().unwrap();
        let path = closed(folder.path());
        let good = fs::read(path.join("db")).unwrap();
        let segments: Vec<&[u8]> = good.chunks(SEGMENT_BYTES).collect();
        let whole = |it: &&[u8]| it.len() == SEGMENT_BYTES;
        let mut numbered: Vec<(u64, &[u8])> = segments
            .iter()
            .filter(|it| whole(it))
            .filter_map(|it| Some((number_of(it)?, *it)))
            // The engine may just have begun one when the store was closed.
            .filter(|(number, it)| places(it, *number).len() > CUT)
            .collect();
        numbered.sort_unstable_by_key(|(number, _)| *number);
        assert!(numbered.len() > 2, "too few segments to tell");
        let (newest, older) = numbered.split_last().unwrap();
        let newest = (newest.0, cut(newest.1, newest.0));
        let db = folder.path().join("db");
        for (number, segment) in older {
            let short = cut(segment, *number);
            for at in 0..=older.len() {
                let others = older.iter().filter(|it| it.0 != *number).map(|it| it.1);
                let mut log: Vec<&[u8]> = others.collect();
                log.insert(at.min(log.len()), &newest.1);
                let sound = log.concat();
                fs::write(&db, &sound).unwrap();
                assert!(
                    !is_torn(&db, Noted::default()).unwrap(),
                    "{number} left out"
                );
                for place in [0, log.len()] {
                    let mut log = log.clone();
                    log.insert(place, &short);
                    fs::write(&db, log.concat()).unwrap();
                    let torn = is_torn(&db, Noted::default()).unwrap();
                    assert!(torn, "{number} at {place}, the newest at {at}");
                }
            }
        }
    }

    /// Messages that are cut off the end of a segment.
    const CUT: usize = 3;

    /// Where the messages of a segment begin.
    fn places(segment: &[u8], number: u64) -> Vec<usize> {
        let (mut at, mut places) = (SEGMENT_HEAD_BYTES, Vec::new());
        while let Some(message) = segment.get(at..).and_then(|rest| message(rest, number)) {
            places.push(at);
            at += message.len;
        }
        places
    }

    /// A segment without its last messages.
    fn cut(segment: &[u8], number: u64) -> Vec<u8> {
        let places = places(segment, number);
        let from = places[places.len() - CUT];
        let mut short = segment.to_vec();
        short[from..].fill(0);
        short
    }

    #[test]
    fn an_interrupted_look_is_undone_by_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = closed(folder.path());
        let good = fs::read(path.join("db")).unwrap();
        copy(&path).unwrap();
        fs::write(path.join("db"), b"what the engine had made of it").unwrap();
        Found::keep(&path, synced(&path)).unwrap().opened().unwrap();
        assert!(fs::read(path.join("db")).unwrap() == good);
        assert!(!path.join(COPY).exists());
    }

    #[test]
    fn a_copy_is_put_back_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = closed(folder.path());
        let good = fs::read(path.join("db")).unwrap();
        let before = names(&path).unwrap().len();
        assert!(before > 2, "a snapshot is among them");

        // Killed while copying.
        fs::create_dir(path.join(UNFINISHED)).unwrap();
        fs::write(path.join(UNFINISHED).join("db"), &good[..700_000]).unwrap();
        Found::keep(&path, synced(&path)).unwrap();
        assert!(fs::read(path.join("db")).unwrap() == good);
        assert!(!path.join(UNFINISHED).exists());

        // Killed while putting back, before and after the engine's own file.
        copy(&path).unwrap();
        fs::remove_file(path.join("conf")).unwrap();
        Found::keep(&path, synced(&path)).unwrap();
        assert_eq!(names(&path).unwrap().len(), before);
        copy(&path).unwrap();
        fs::remove_file(path.join(COPY).join("db")).unwrap();
        Found::keep(&path, synced(&path)).unwrap();
        assert!(fs::read(path.join("db")).unwrap() == good);
        assert_eq!(names(&path).unwrap().len(), before);
        assert!(!path.join(COPY).exists());
    }
}

//! How far the store was synced, noted beside it.
//!
//! A damaged file may be whole again at an earlier commit: cut a few bytes off its end and sled
//! opens what was there before, without a word. The note tells. It is written after each sync and
//! is itself not synced, so it costs next to nothing, and is never ahead of what is durable: a
//! loss of power may leave an older note, which then says less, but nothing false. Whoever wants
//! the older state all the same removes the file `progress`.

use std::{
    fs::File,
    io::{self, Read, Seek, Write},
    path::Path,
    sync::{Mutex, PoisonError},
};

use super::directory::private;

/// Bytes of a number and its checksum.
const PART_BYTES: usize = 12;
const NOTE_BYTES: usize = 3 * PART_BYTES;

/// What is noted; 0 where nothing is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Noted {
    /// The last commit that was synced.
    pub(super) commit: u64,
    /// Where the engine's log ended then. Without it damage in the last write could not be told
    /// from a power cut: see [`found`](super::found).
    pub(super) end: u64,
    /// Bytes of its file then.
    pub(super) len: u64,
}

/// The note.
#[derive(Debug)]
pub(super) struct Progress {
    file: Mutex<(File, Noted)>,
}

impl Progress {
    /// Opens the note, or makes one. What it says is at least 0.
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        let path = directory.join("progress");
        let file = private().create(true).truncate(false).open(path)?;
        let mut bytes = Vec::with_capacity(NOTE_BYTES);
        (&file).take(NOTE_BYTES as u64).read_to_end(&mut bytes)?;
        let mut numbers = bytes.chunks(PART_BYTES).map(read);
        let mut number = || numbers.next().flatten().unwrap_or_default();
        let noted = Noted {
            commit: number(),
            end: number(),
            len: number(),
        };
        Ok(Self {
            file: Mutex::new((file, noted)),
        })
    }

    /// What was noted last.
    pub(super) fn noted(&self) -> Noted {
        self.file.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    /// Notes that everything up to here is durable.
    pub(super) fn note(&self, now: Noted) -> io::Result<()> {
        let mut guard = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, noted) = &mut *guard;
        // At an opening the log may end earlier than at the last sync, before a batch cut short.
        if now.commit < noted.commit || now == *noted {
            return Ok(());
        }
        file.rewind()?;
        file.write_all(&written(now))?;
        *noted = now;
        Ok(())
    }
}

/// In one write, so that each number is whole or, after a loss of power, has another checksum.
/// Programs that know the commit only read, and write, the first one.
fn written(noted: Noted) -> [u8; NOTE_BYTES] {
    let mut note = [0; NOTE_BYTES];
    let numbers = [noted.commit, noted.end, noted.len];
    for (to, number) in note.chunks_mut(PART_BYTES).zip(numbers) {
        to.copy_from_slice(&part(number));
    }
    note
}

fn part(number: u64) -> [u8; PART_BYTES] {
    let mut part = [0; PART_BYTES];
    let number = number.to_le_bytes();
    let crc = crc32fast::hash(&number).to_le_bytes();
    part.iter_mut()
        .zip(number.iter().chain(&crc))
        .for_each(|(to, from)| *to = *from);
    part
}

fn read(bytes: &[u8]) -> Option<u64> {
    let (number, _) = bytes.split_first_chunk::<8>()?;
    let number = u64::from_le_bytes(*number);
    (bytes == part(number)).then_some(number)
}

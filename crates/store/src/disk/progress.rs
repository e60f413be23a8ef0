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

const NOTE_BYTES: usize = 12;

/// The note.
#[derive(Debug)]
pub(super) struct Progress {
    file: Mutex<(File, u64)>,
}

impl Progress {
    /// Opens the note, or makes one. What it says is at least 0.
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        let path = directory.join("progress");
        let file = private().create(true).truncate(false).open(path)?;
        let mut bytes = Vec::with_capacity(NOTE_BYTES);
        (&file).take(NOTE_BYTES as u64).read_to_end(&mut bytes)?;
        let noted = read(&bytes).unwrap_or_default();
        Ok(Self {
            file: Mutex::new((file, noted)),
        })
    }

    /// The last commit that was noted.
    pub(super) fn noted(&self) -> u64 {
        self.file.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    /// Notes that everything up to this commit is durable.
    pub(super) fn note(&self, commit: u64) -> io::Result<()> {
        let mut guard = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, noted) = &mut *guard;
        if commit <= *noted {
            return Ok(());
        }
        file.rewind()?;
        file.write_all(&written(commit))?;
        *noted = commit;
        Ok(())
    }
}

/// In one write, so that it is whole or, after a loss of power, has another checksum.
fn written(commit: u64) -> [u8; NOTE_BYTES] {
    let mut note = [0; NOTE_BYTES];
    let commit = commit.to_le_bytes();
    let crc = crc32fast::hash(&commit).to_le_bytes();
    note.iter_mut()
        .zip(commit.iter().chain(&crc))
        .for_each(|(to, from)| *to = *from);
    note
}

fn read(bytes: &[u8]) -> Option<u64> {
    let (commit, _) = bytes.split_first_chunk::<8>()?;
    let commit = u64::from_le_bytes(*commit);
    (bytes == written(commit)).then_some(commit)
}

//! Values found in the bytes of the engine's file, where the engine itself reads nothing.
//!
//! The engine writes a value as it was put, in one stretch, so a value of one piece can be found by
//! its header. What it has not overwritten yet is found too: older states of the same records.
//! A header alone proves nothing. Whoever knows the key under which a value may have lain asks the
//! checksum, which binds it to that key; a record proves itself by its own hash.

use std::{fs::File, io, io::Read as _, path::Path};

use super::sealed::{FORMAT, HEADER_BYTES, Header, PIECE_BYTES};

/// Bytes of the file that are looked at together.
const WINDOW_BYTES: usize = 4 * 1024 * 1024;

/// Something that looks like a value.
#[derive(Debug)]
pub(crate) struct Candidate<'a> {
    header: Header,
    value: &'a [u8],
}

impl Candidate<'_> {
    /// Its bytes.
    pub(crate) fn value(&self) -> &[u8] {
        self.value
    }

    /// Whether it was put under this key, so as it is.
    pub(crate) fn lies_under(&self, key: &[u8]) -> bool {
        Header::of(key, self.value) == self.header
    }
}

/// Shows everything in the file of a store that looks like a value of one piece.
pub(crate) fn carve(path: &Path, visit: &mut dyn FnMut(&Candidate<'_>)) -> io::Result<()> {
    let mut file = File::open(path.join("db"))?;
    let longest = HEADER_BYTES + PIECE_BYTES;
    let mut window = Vec::with_capacity(WINDOW_BYTES + longest);
    loop {
        let before = window.len();
        let read = file
            .by_ref()
            .take(WINDOW_BYTES as u64)
            .read_to_end(&mut window)?;
        // What begins in the last bytes is looked at with the next window.
        let is_last = read == 0;
        let end = if is_last {
            window.len()
        } else {
            window.len().saturating_sub(longest)
        };
        for at in 0..end {
            if let Some(candidate) = window.get(at..).and_then(candidate) {
                visit(&candidate);
            }
        }
        if is_last {
            return Ok(());
        }
        debug_assert!(before + read == window.len(), "nothing is skipped");
        window.drain(..end);
    }
}

fn candidate(bytes: &[u8]) -> Option<Candidate<'_>> {
    if bytes.first() != Some(&FORMAT) {
        return None;
    }
    let len = u32::from_le_bytes(bytes.get(1..5)?.try_into().ok()?);
    let len = usize::try_from(len).ok()?;
    if len == 0 || len > PIECE_BYTES {
        return None;
    }
    let (header, value) = Header::read(bytes.get(..HEADER_BYTES + len)?).ok()?;
    Some(Candidate { header, value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Batch, Disk, DiskConfig, Store as _};

    #[test]
    fn values_of_one_piece_are_found_in_the_bytes_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let config = DiskConfig {
            min_free_bytes: 0,
            ..DiskConfig::default()
        };
        let value = |number: u32| number.to_le_bytes().repeat(20 + number as usize % 300);
        let key = |number: u32| [b"R".as_slice(), &number.to_be_bytes()].concat();
        let store = Disk::open(&path, &config).unwrap();
        for number in 0..500 {
            let mut batch = Batch::default();
            batch.put(key(number), value(number));
            store.commit(batch).unwrap();
        }
        store.sync().unwrap();
        drop(store);
        let mut found = std::collections::BTreeSet::new();
        carve(&path, &mut |candidate| {
            let number = candidate.value().first_chunk::<4>();
            let number = number.map_or(u32::MAX, |four| u32::from_le_bytes(*four));
            if candidate.lies_under(&key(number)) {
                assert_eq!(candidate.value(), value(number));
                found.insert(number);
            }
        })
        .unwrap();
        assert_eq!(found.len(), 500, "{found:?}");
    }
}

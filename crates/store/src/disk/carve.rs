//! Values found in the bytes of the engine's file, where the engine itself reads nothing.
//!
//! The engine writes a value as it was put, in one stretch, so a value of one piece can be found by
//! its header, and one that is encrypted by its tag. What it has not overwritten yet is found too: older states of the same records.
//! A header alone proves nothing. Whoever knows the key under which a value may have lain asks the
//! checksum, which binds it to that key; a record proves itself by its own hash.

use std::{borrow::Cow, fs::File, io, io::Read as _, path::Path};

use super::sealed::{HEADER_BYTES, Header, PIECE_BYTES, decrypt};
use crate::{StoreKey, key::Cipher};

/// Bytes of the file that are looked at together.
const WINDOW_BYTES: usize = 4 * 1024 * 1024;

/// Something that looks like a value.
#[derive(Debug)]
pub(crate) struct Candidate<'a> {
    header: Header,
    value: Cow<'a, [u8]>,
    /// The key under which it lay, where it says so itself.
    key: Option<Vec<u8>>,
}

impl Candidate<'_> {
    /// Its bytes.
    pub(crate) fn value(&self) -> &[u8] {
        &self.value
    }

    /// Whether it was put under this key, so as it is.
    pub(crate) fn lies_under(&self, key: &[u8]) -> bool {
        match &self.key {
            Some(own) => own == key,
            None => self.header.fits(key, &self.value),
        }
    }
}

/// Shows everything in the file of a store that looks like a value of one piece.
pub(crate) fn carve(
    path: &Path,
    key: Option<&StoreKey>,
    visit: &mut dyn FnMut(&Candidate<'_>),
) -> io::Result<()> {
    let cipher = key.map(StoreKey::values);
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
            if let Some(candidate) = window
                .get(at..)
                .and_then(|at| candidate(at, cipher.as_ref()))
            {
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

fn candidate<'a>(bytes: &'a [u8], cipher: Option<&Cipher>) -> Option<Candidate<'a>> {
    let header = Header::parse(*bytes.first_chunk::<HEADER_BYTES>()?)?;
    if header.len == 0 || header.len > PIECE_BYTES {
        return None;
    }
    let stored = bytes.get(HEADER_BYTES..HEADER_BYTES + header.len)?;
    let (key, value) = if header.is_plain() {
        (None, Cow::Borrowed(stored))
    } else {
        let (key, value) = decrypt(stored, cipher)?;
        (Some(key.to_vec()), Cow::Owned(value.to_vec()))
    };
    Some(Candidate { header, value, key })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Batch, Disk, DiskConfig, Store as _};

    #[test]
    fn values_of_one_piece_are_found_in_the_bytes_of_the_file() {
        for key in [None, Some(StoreKey::new([7; 32]))] {
            all_are_found(key);
        }
    }

    fn all_are_found(store_key: Option<StoreKey>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let config = DiskConfig {
            min_free_bytes: 0,
            key: store_key.clone(),
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
        carve(&path, store_key.as_ref(), &mut |candidate| {
            let number = candidate.value().first_chunk::<4>();
            let number = number.map_or(u32::MAX, |four| u32::from_le_bytes(*four));
            if candidate.lies_under(&key(number)) {
                assert_eq!(candidate.value(), value(number));
                found.insert(number);
            }
        })
        .unwrap();
        assert_eq!(found.len(), 500, "{found:?}");
        // Another key finds nothing of what is encrypted.
        let other = StoreKey::new([8; 32]);
        let mut seen = 0;
        carve(&path, Some(&other), &mut |candidate| {
            let mut keys = (0..500).map(key);
            seen += u32::from(keys.any(|key| candidate.lies_under(&key)));
        })
        .unwrap();
        assert_eq!(seen == 0, store_key.is_some(), "{seen}");
    }
}

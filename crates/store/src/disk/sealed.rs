//! The form of one value on the disk: a header that binds it to its key, and long values in pieces.
//!
//! A header is format, length and CRC-32, 9 bytes; the checksum covers format, key, length and the
//! whole value. So a value is found out when it changed, when it lies under another key, when it
//! is cut, and when its pieces are not those it was written with. CRC-32 and not BLAKE3: over 700
//! bytes it costs a twentieth, and what it must find is decay, not an opponent.
//!
//! | key | value |
//! | --- | --- |
//! | the key; a first byte of `~` or above is preceded by `0x7F` | header, then the first 3,993 bytes |
//! | `~`, the key, piece number from 1 as u16 | the next 3,993 bytes, without a header |
//! | `~` | header, then the [root](super::root) |
//!
//! The order of keys stays what it is, and nothing under `~` is ever shown.

use std::borrow::Cow;

use bytes::Bytes;
use sled::IVec;

use crate::StoreError;

/// Bytes of a value that lie under one key. With header and key a leaf of sled (16 entries, a few
/// more before it splits) stays under the 128 KiB above which sled would make a blob file, which
/// it never syncs.
pub(super) const PIECE_BYTES: usize = 3_993;

/// Longest value. It must be bounded to be read back in one allocation.
pub(super) const VALUE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Longest key. Twenty of them must not make a leaf a blob.
pub(crate) const KEY_BYTES_MAX: usize = 1_024;

/// The first byte of everything hidden.
const HIDDEN: u8 = b'~';

/// Precedes keys that would lie in or above the hidden ones.
const ABOVE: u8 = 0x7F;

/// Format of values.
pub(super) const FORMAT: u8 = 1;

pub(super) const HEADER_BYTES: usize = 9;

/// What the first bytes of a stored value say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Bytes of the whole value.
    pub(super) len: usize,
    /// Over format, key, length and value.
    pub(super) crc: u32,
}

impl Header {
    /// Reads the header of a stored value and returns what follows it.
    pub(super) fn read(stored: &[u8]) -> Result<(Self, &[u8]), StoreError> {
        let Some((&[format, l0, l1, l2, l3, c0, c1, c2, c3], rest)) =
            stored.split_first_chunk::<HEADER_BYTES>()
        else {
            return Err(damaged("a value without a header"));
        };
        let len = usize::try_from(u32::from_le_bytes([l0, l1, l2, l3])).unwrap_or(usize::MAX);
        if format != FORMAT || len > VALUE_BYTES_MAX || rest.len() != len.min(PIECE_BYTES) {
            return Err(damaged("a value whose header does not fit"));
        }
        Ok((
            Self {
                len,
                crc: u32::from_le_bytes([c0, c1, c2, c3]),
            },
            rest,
        ))
    }

    /// The header that a value under a key must have.
    pub(super) fn of(key: &[u8], value: &[u8]) -> Self {
        let mut crc = crc32fast::Hasher::new();
        crc.update(&start(value.len()));
        crc.update(&u32_of(key.len()).to_le_bytes());
        crc.update(key);
        crc.update(value);
        Self {
            len: value.len(),
            crc: crc.finalize(),
        }
    }

    /// How many pieces follow the one under the key itself.
    pub(super) fn pieces(self) -> u16 {
        let pieces = self.len.div_ceil(PIECE_BYTES).saturating_sub(1);
        u16::try_from(pieces).unwrap_or(u16::MAX)
    }
}

/// What is stored under the key itself, and what is stored in pieces.
pub(super) fn seal(key: &[u8], value: &[u8]) -> (Header, IVec) {
    let header = Header::of(key, value);
    let first = value.get(..PIECE_BYTES).unwrap_or(value);
    let mut stored = Vec::with_capacity(HEADER_BYTES + first.len());
    stored.extend_from_slice(&start(value.len()));
    stored.extend_from_slice(&header.crc.to_le_bytes());
    stored.extend_from_slice(first);
    (header, stored.into())
}

/// The pieces after the first, with their numbers.
pub(super) fn pieces(value: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    (1..=u16::MAX).zip(value.chunks(PIECE_BYTES).skip(1))
}

/// Puts a value together and checks it. `piece` finds the pieces after the first.
pub(super) fn open(
    key: &[u8],
    stored: &[u8],
    piece: impl FnMut(&[u8]) -> Result<Option<IVec>, StoreError>,
) -> Result<(Header, Bytes), StoreError> {
    let (header, value) = check(key, stored, piece)?;
    let value = match value {
        Cow::Borrowed(value) => Bytes::copy_from_slice(value),
        Cow::Owned(value) => value.into(),
    };
    Ok((header, value))
}

/// The same for who only wants it checked: a short value is not copied.
pub(super) fn check<'a>(
    key: &[u8],
    stored: &'a [u8],
    mut piece: impl FnMut(&[u8]) -> Result<Option<IVec>, StoreError>,
) -> Result<(Header, Cow<'a, [u8]>), StoreError> {
    let (header, first) = Header::read(stored)?;
    let value = if header.pieces() == 0 {
        Cow::Borrowed(first)
    } else {
        let mut value = Vec::with_capacity(header.len);
        value.extend_from_slice(first);
        for number in 1..=header.pieces() {
            let Some(next) = piece(&piece_key(key, number))? else {
                return Err(damaged("a long value without all its pieces"));
            };
            value.extend_from_slice(&next);
        }
        Cow::Owned(value)
    };
    if Header::of(key, &value) != header {
        return Err(damaged("a value with another checksum"));
    }
    Ok((header, value))
}

/// The key of the root.
pub(super) const ROOT: [u8; 1] = [HIDDEN];

/// Where the pieces lie.
pub(super) const PIECES: (&[u8], &[u8]) = (&[HIDDEN, 0], &[ABOVE]);

/// Where a key lies.
pub(super) fn place(key: &[u8]) -> Cow<'_, [u8]> {
    match key.first() {
        Some(&first) if first >= HIDDEN => {
            let mut placed = Vec::with_capacity(key.len() + 1);
            placed.push(ABOVE);
            placed.extend_from_slice(key);
            Cow::Owned(placed)
        }
        _ => Cow::Borrowed(key),
    }
}

/// The key that lies here: the opposite of [`place`].
pub(super) fn name(placed: &[u8]) -> &[u8] {
    match placed.split_first() {
        Some((&ABOVE, key)) => key,
        _ => placed,
    }
}

/// Where a piece of a value lies.
pub(super) fn piece_key(key: &[u8], number: u16) -> Vec<u8> {
    let mut placed = Vec::with_capacity(key.len() + 3);
    placed.push(HIDDEN);
    placed.extend_from_slice(key);
    placed.extend_from_slice(&number.to_be_bytes());
    placed
}

/// The one or two stretches in which the keys `from <= key < to` lie: before and behind the hidden.
pub(super) fn stretches(from: &[u8], to: &[u8]) -> [(Vec<u8>, Vec<u8>); 2] {
    let (from, to) = (place(from), place(to));
    let below = (from.to_vec(), to.to_vec().min(vec![HIDDEN]));
    let above = (from.into_owned().max(vec![ABOVE]), to.into_owned());
    [below, above]
}

/// An error that says what was found.
pub(super) fn damaged(what: &str) -> StoreError {
    StoreError::Damaged {
        what: what.to_owned(),
    }
}

fn start(len: usize) -> [u8; 5] {
    let [l0, l1, l2, l3] = u32_of(len).to_le_bytes();
    [FORMAT, l0, l1, l2, l3]
}

/// Keys and values are bounded far below this; what is longer meets no header and is refused.
fn u32_of(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none(_: &[u8]) -> Result<Option<IVec>, StoreError> {
        Ok(None)
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let (_, stored) = seal(b"key", b"some value");
        for bit in 0..stored.len() * 8 {
            let mut bad = stored.to_vec();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(open(b"key", &bad, none).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_value_under_another_key_is_found() {
        let (_, stored) = seal(b"key", b"some value");
        assert_eq!(
            open(b"key", &stored, none).unwrap().1,
            b"some value".as_slice()
        );
        assert!(open(b"kez", &stored, none).is_err());
    }

    #[test]
    fn a_cut_value_is_found() {
        let (_, stored) = seal(b"key", b"some value");
        for len in 0..stored.len() {
            assert!(open(b"key", &stored[..len], none).is_err());
        }
    }

    #[test]
    fn swapped_and_missing_pieces_are_found() {
        let value: Vec<u8> = (0..u32::try_from(3 * PIECE_BYTES).unwrap())
            .map(|n| u8::try_from(n % 251).unwrap())
            .collect();
        let (header, stored) = seal(b"key", &value);
        let all: Vec<(u16, IVec)> = pieces(&value).map(|(n, piece)| (n, piece.into())).collect();
        assert_eq!(header.pieces(), 2);
        let find = |pieces: &[IVec], key: &[u8]| {
            let number = u16::from_be_bytes([key[4], key[5]]);
            pieces.get(usize::from(number) - 1).cloned()
        };
        let right = vec![all[0].1.clone(), all[1].1.clone()];
        let swapped = vec![all[1].1.clone(), all[0].1.clone()];
        let opened = open(b"key", &stored, |key| Ok(find(&right, key))).unwrap();
        assert_eq!(opened.1, value);
        assert!(open(b"key", &stored, |key| Ok(find(&swapped, key))).is_err());
        assert!(open(b"key", &stored, |key| Ok(find(&right[..1], key))).is_err());
    }

    #[test]
    fn placing_keeps_the_order_and_comes_back() {
        let keys: [&[u8]; 9] = [
            b"",
            b"\0",
            b"A",
            b"}",
            b"}\xff",
            b"~",
            b"~a",
            b"\x7f",
            b"\xff\xff",
        ];
        for pair in keys.windows(2) {
            assert!(place(pair[0]) < place(pair[1]));
        }
        for key in keys {
            assert_eq!(name(&place(key)), key);
            assert!(!place(key).starts_with(b"~"));
        }
    }
}

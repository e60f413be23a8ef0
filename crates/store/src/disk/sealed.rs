//! The form of one value on the disk: a header that binds it to its key, and long values in pieces.
//!
//! A header is format, length and CRC-32, 9 bytes; the checksum covers format, key, length and
//! everything that is stored of the value. So a value is found out when it changed, when it lies under
//! another key, when it is cut, and when its pieces are not those it was written with. CRC-32 and not
//! BLAKE3: over 700 bytes it costs a twentieth, and what it must find is decay, not an opponent.
//!
//! In format 1 a value is stored as it is. In format 2 it is encrypted: a nonce, then length of the
//! key, key and value as one text, then a tag. The key is part of the text, and not only what the text
//! is bound to, so that a value that is found somewhere in the file says where it lay. Checking needs
//! no key of the store: header, pieces and root are of what is stored.
//!
//! | key | value |
//! | --- | --- |
//! | the key; a first byte of `~` or above is preceded by `0x7F` | header, then the first 3,993 bytes |
//! | `~`, the key, piece number from 1 as u16 | the next 3,993 bytes, without a header |
//! | `~` | header, then the [root](super::root) |
//!
//! The order of keys stays what it is, and nothing under `~` is ever shown.

use std::{borrow::Cow, io};

use bytes::Bytes;
use sled::IVec;

use crate::{
    StoreError,
    key::{Cipher, Nonces, SEAL_BYTES},
};

/// Bytes of a value that lie under one key. With header and key a leaf of sled (16 entries, a few
/// more before it splits) stays under the 128 KiB above which sled would make a blob file, which
/// it never syncs.
pub(super) const PIECE_BYTES: usize = 3_993;

/// Longest value. It must be bounded to be read back in one allocation.
pub(super) const VALUE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Longest key. Twenty of them must not make a leaf a blob.
pub(crate) const KEY_BYTES_MAX: usize = 1_024;

/// Bytes that say how long the key in an encrypted value is.
const LEN_BYTES: usize = 2;

/// The most that is stored of a value.
const STORED_BYTES_MAX: usize = VALUE_BYTES_MAX + SEAL_BYTES + LEN_BYTES + KEY_BYTES_MAX;

/// The first byte of everything hidden.
const HIDDEN: u8 = b'~';

/// Precedes keys that would lie in or above the hidden ones.
const ABOVE: u8 = 0x7F;

/// Format of values that are stored as they are.
const PLAIN: u8 = 1;

/// Format of values that are stored encrypted.
const ENCRYPTED: u8 = 2;

pub(super) const HEADER_BYTES: usize = 9;

/// What the first bytes of a stored value say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    format: u8,
    /// Bytes of all that is stored of the value.
    pub(super) len: usize,
    /// Over format, key, length and all that is stored.
    pub(super) crc: u32,
}

impl Header {
    /// Reads the header of a stored value and returns what follows it.
    pub(super) fn read(stored: &[u8]) -> Result<(Self, &[u8]), StoreError> {
        let Some((start, rest)) = stored.split_first_chunk::<HEADER_BYTES>() else {
            return Err(damaged("a value without a header"));
        };
        let header = Self::parse(*start).filter(|header| rest.len() == header.len.min(PIECE_BYTES));
        let header = header.ok_or_else(|| damaged("a value whose header does not fit"))?;
        Ok((header, rest))
    }

    /// Reads the bytes of a header.
    pub(super) fn parse(bytes: [u8; HEADER_BYTES]) -> Option<Self> {
        let [format, l0, l1, l2, l3, c0, c1, c2, c3] = bytes;
        let len = usize::try_from(u32::from_le_bytes([l0, l1, l2, l3])).ok()?;
        let is_known = matches!(format, PLAIN | ENCRYPTED) && len <= STORED_BYTES_MAX;
        is_known.then_some(Self {
            format,
            len,
            crc: u32::from_le_bytes([c0, c1, c2, c3]),
        })
    }

    /// The header that a value under a key must have when this is all that is stored of it.
    fn of(format: u8, key: &[u8], stored: &[u8]) -> Self {
        let mut crc = crc32fast::Hasher::new();
        crc.update(&start(format, stored.len()));
        crc.update(&u32_of(key.len()).to_le_bytes());
        crc.update(key);
        crc.update(stored);
        Self {
            format,
            len: stored.len(),
            crc: crc.finalize(),
        }
    }

    /// Whether this is the header of a value under a key.
    pub(super) fn fits(self, key: &[u8], stored: &[u8]) -> bool {
        self == Self::of(self.format, key, stored)
    }

    /// Whether the value is stored as it is.
    pub(super) fn is_plain(self) -> bool {
        self.format == PLAIN
    }

    /// How many pieces follow the one under the key itself.
    pub(super) fn pieces(self) -> u16 {
        let pieces = self.len.div_ceil(PIECE_BYTES).saturating_sub(1);
        u16::try_from(pieces).unwrap_or(u16::MAX)
    }
}

/// What encrypts the values of one commit.
#[derive(Debug)]
pub(super) struct Sealer<'a> {
    cipher: &'a Cipher,
    nonces: Nonces,
}

impl<'a> Sealer<'a> {
    pub(super) fn new(cipher: &'a Cipher) -> Result<Self, StoreError> {
        let nonces = Nonces::draw().map_err(StoreError::Io)?;
        Ok(Self { cipher, nonces })
    }

    fn seal(&mut self, key: &[u8], value: &[u8]) -> io::Result<Vec<u8>> {
        let len = u16::try_from(key.len());
        let len = len.map_err(|_too_long| io::ErrorKind::InvalidInput)?;
        let nonce = self.nonces.next();
        self.cipher
            .seal(nonce, &[ENCRYPTED], &[&len.to_le_bytes(), key, value])
    }
}

/// A value as it is stored.
#[derive(Debug)]
pub(super) struct Sealed<'a> {
    pub(super) header: Header,
    stored: Cow<'a, [u8]>,
}

impl Sealed<'_> {
    /// What lies under the key itself.
    pub(super) fn first(&self) -> IVec {
        let first = self.stored.get(..PIECE_BYTES).unwrap_or(&self.stored);
        let mut bytes = Vec::with_capacity(HEADER_BYTES + first.len());
        bytes.extend_from_slice(&start(self.header.format, self.header.len));
        bytes.extend_from_slice(&self.header.crc.to_le_bytes());
        bytes.extend_from_slice(first);
        bytes.into()
    }

    /// The pieces after the first, with their numbers.
    pub(super) fn pieces(&self) -> impl Iterator<Item = (u16, &[u8])> {
        (1..=u16::MAX).zip(self.stored.chunks(PIECE_BYTES).skip(1))
    }
}

/// The form in which a value is stored.
pub(super) fn seal<'a>(
    key: &[u8],
    value: &'a [u8],
    sealer: Option<&mut Sealer<'_>>,
) -> Result<Sealed<'a>, StoreError> {
    let (format, stored) = match sealer {
        None => (PLAIN, Cow::Borrowed(value)),
        Some(sealer) => {
            let sealed = sealer.seal(key, value).map_err(StoreError::Io)?;
            (ENCRYPTED, Cow::Owned(sealed))
        }
    };
    let header = Header::of(format, key, &stored);
    Ok(Sealed { header, stored })
}

/// Puts a value together, checks it, and opens it. `piece` finds the pieces after the first.
pub(super) fn open(
    key: &[u8],
    stored: &[u8],
    cipher: Option<&Cipher>,
    piece: impl FnMut(&[u8]) -> Result<Option<IVec>, StoreError>,
) -> Result<Bytes, StoreError> {
    let (header, stored) = check(key, stored, piece)?;
    if header.is_plain() {
        return Ok(match stored {
            Cow::Borrowed(value) => Bytes::copy_from_slice(value),
            Cow::Owned(value) => value.into(),
        });
    }
    let (name, value) = decrypt(&stored, cipher)
        .ok_or_else(|| damaged("a value that the key of the store does not open"))?;
    if name != key {
        return Err(damaged("a value of another key"));
    }
    Ok(value)
}

/// Opens all that is stored of an encrypted value: its key and itself.
pub(super) fn decrypt(stored: &[u8], cipher: Option<&Cipher>) -> Option<(Bytes, Bytes)> {
    let text: Bytes = cipher?.open(&[ENCRYPTED], stored)?.into();
    let (len, rest) = text.split_first_chunk::<LEN_BYTES>()?;
    let end = LEN_BYTES + usize::from(u16::from_le_bytes(*len));
    (end <= LEN_BYTES + rest.len()).then(|| (text.slice(LEN_BYTES..end), text.slice(end..)))
}

/// Puts together what is stored of a value and checks it: short ones are not copied, and encrypted
/// ones are not opened.
pub(super) fn check<'a>(
    key: &[u8],
    stored: &'a [u8],
    mut piece: impl FnMut(&[u8]) -> Result<Option<IVec>, StoreError>,
) -> Result<(Header, Cow<'a, [u8]>), StoreError> {
    let (header, first) = Header::read(stored)?;
    let stored = if header.pieces() == 0 {
        Cow::Borrowed(first)
    } else {
        let mut stored = Vec::with_capacity(header.len);
        stored.extend_from_slice(first);
        for number in 1..=header.pieces() {
            let Some(next) = piece(&piece_key(key, number))? else {
                return Err(damaged("a long value without all its pieces"));
            };
            stored.extend_from_slice(&next);
        }
        Cow::Owned(stored)
    };
    if !header.fits(key, &stored) {
        return Err(damaged("a value with another checksum"));
    }
    Ok((header, stored))
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

fn start(format: u8, len: usize) -> [u8; 5] {
    let [l0, l1, l2, l3] = u32_of(len).to_le_bytes();
    [format, l0, l1, l2, l3]
}

/// Keys and values are bounded far below this; what is longer meets no header and is refused.
fn u32_of(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StoreKey;

    fn none(_: &[u8]) -> Result<Option<IVec>, StoreError> {
        Ok(None)
    }

    fn cipher() -> Cipher {
        StoreKey::new([7; 32]).values()
    }

    /// A value as it is stored, in both formats.
    fn both(value: &[u8]) -> [(IVec, Vec<IVec>); 2] {
        let cipher = cipher();
        let sealer = || Sealer::new(&cipher).unwrap();
        [None, Some(&mut sealer())].map(|sealer| {
            let sealed = seal(b"key", value, sealer).unwrap();
            let pieces = sealed.pieces().map(|(_, piece)| piece.into()).collect();
            (sealed.first(), pieces)
        })
    }

    fn opened(key: &[u8], stored: &[u8]) -> Result<Bytes, StoreError> {
        open(key, stored, Some(&cipher()), none)
    }

    #[test]
    fn every_flipped_bit_is_found() {
        for (stored, _) in both(b"some value") {
            for bit in 0..stored.len() * 8 {
                let mut bad = stored.to_vec();
                bad[bit / 8] ^= 1 << (bit % 8);
                assert!(opened(b"key", &bad).is_err(), "bit {bit}");
                // Without the key of the store, too.
                assert!(check(b"key", &bad, none).is_err(), "bit {bit}");
            }
        }
    }

    #[test]
    fn a_value_under_another_key_is_found() {
        for (stored, _) in both(b"some value") {
            assert_eq!(opened(b"key", &stored).unwrap(), b"some value".as_slice());
            assert!(opened(b"kez", &stored).is_err());
        }
    }

    /// Whoever can make a checksum cannot make a value of it.
    #[test]
    fn a_value_that_was_moved_with_a_new_checksum_is_found() {
        let [_, (stored, _)] = both(b"some value");
        let body = &stored[HEADER_BYTES..];
        let moved = Sealed {
            header: Header::of(ENCRYPTED, b"kez", body),
            stored: Cow::Borrowed(body),
        };
        assert!(check(b"kez", &moved.first(), none).is_ok());
        let found = opened(b"kez", &moved.first()).unwrap_err();
        assert!(found.to_string().contains("another key"), "{found}");
    }

    #[test]
    fn an_encrypted_value_opens_with_its_key_only_and_shows_nothing() {
        let [(plain, _), (stored, _)] = both(b"some value");
        let shows = |bytes: &[u8]| bytes.windows(4).any(|part| part == b"some");
        assert!(shows(&plain) && !shows(&stored));
        assert_eq!(plain.len() + SEAL_BYTES + 2 + 3, stored.len());
        let other = StoreKey::new([8; 32]).values();
        for cipher in [None, Some(&other)] {
            assert!(open(b"key", &stored, cipher, none).is_err());
            assert!(open(b"key", &plain, cipher, none).is_ok());
        }
        assert!(check(b"key", &stored, none).is_ok(), "checked without it");
        assert_ne!(both(b"some value")[1].0, stored, "another nonce");
    }

    #[test]
    fn a_cut_value_is_found() {
        for (stored, _) in both(b"some value") {
            for len in 0..stored.len() {
                assert!(opened(b"key", &stored[..len]).is_err());
            }
        }
    }

    #[test]
    fn swapped_and_missing_pieces_are_found() {
        let value: Vec<u8> = (0..u32::try_from(3 * PIECE_BYTES - SEAL_BYTES - 5).unwrap())
            .map(|n| u8::try_from(n % 251).unwrap())
            .collect();
        for (stored, pieces) in both(&value) {
            assert_eq!(pieces.len(), 2);
            let open = |pieces: &[IVec]| {
                open(b"key", &stored, Some(&cipher()), |key| {
                    let number = u16::from_be_bytes([key[4], key[5]]);
                    Ok(pieces.get(usize::from(number) - 1).cloned())
                })
            };
            assert_eq!(open(&pieces).unwrap(), value);
            assert!(open(&[pieces[1].clone(), pieces[0].clone()]).is_err());
            assert!(open(&pieces[..1]).is_err());
        }
    }

    /// The longest that a store takes: nothing about it is too long once it is encrypted.
    #[test]
    fn the_longest_value_has_room_for_its_seal() {
        let value = vec![5; VALUE_BYTES_MAX];
        for (stored, pieces) in both(&value) {
            assert_eq!(stored.len(), HEADER_BYTES + PIECE_BYTES);
            assert!(pieces.iter().all(|piece| piece.len() <= PIECE_BYTES));
            let (header, _) = Header::read(&stored).unwrap();
            assert_eq!(usize::from(header.pieces()), pieces.len());
        }
    }

    /// As it was stored once: nothing of the form may change.
    #[test]
    fn what_was_stored_encrypted_is_read_for_ever() {
        let hex = "0237000000daebfa85b29d65f3583876a7983200747b3ee65a0000000000000000335701a67dfb8aaa8bdd84e99a8afe26c23fe1bc88fa1a98ea4770240b3bab";
        let pairs = hex
            .as_bytes()
            .chunks(2)
            .map(|pair| std::str::from_utf8(pair).unwrap());
        let stored: Vec<u8> = pairs
            .map(|pair| u8::from_str_radix(pair, 16).unwrap())
            .collect();
        assert_eq!(opened(b"key", &stored).unwrap(), b"some value".as_slice());
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

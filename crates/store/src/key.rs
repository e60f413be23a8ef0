//! The key of a store: how it is written down, by what it is known, and what is sealed with it.
//!
//! XChaCha20-Poly1305, as in every other sealed file of the federation. Values of a store and frames
//! of a backup are sealed with two keys that are derived of the one, so that neither is ever the
//! other. A nonce is 16 random bytes, drawn anew for each commit and each backup, and a number: so it
//! is not used twice by a store that was put back, nor by two copies of a machine that run at once.

use std::{fmt, fmt::Write as _, io};

use chacha20poly1305::{KeyInit as _, Tag, XChaCha20Poly1305, XNonce, aead::AeadInOut as _};
use zeroize::Zeroizing;

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;

/// By how many bytes what is sealed is longer.
pub(crate) const SEAL_BYTES: usize = NONCE_BYTES + TAG_BYTES;

/// Bytes of the key in one line of its text, and bytes that check the line.
const LINE_BYTES: usize = 8;
const CHECK_BYTES: usize = 2;

/// What the key is derived for. The texts never change.
const ID: &str = "liangxin store key 2026 id";
const VALUES: &str = "liangxin store key 2026 values";
const FRAMES: &str = "liangxin store key 2026 backup frames";
const LINES: &str = "liangxin store key 2026 lines of the text";

/// The key of a store. It is nowhere shown but in the text that keeps it.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreKey(Zeroizing<[u8; KEY_BYTES]>);

/// By what a key is known: of the key nothing can be told from it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyId([u8; 8]);

/// The line of a key's text that is not as it was written, from 1; the one behind the last where
/// lines are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {0}")]
pub struct NoKey(pub usize);

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreKey({})", self.id())
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl KeyId {
    /// The bytes, for what is stored.
    pub(crate) fn bytes(self) -> [u8; 8] {
        self.0
    }

    /// From what was stored.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// From how it is shown.
    pub(crate) fn read(text: &str) -> Option<Self> {
        Self::from_bytes(&hex(text)?)
    }
}

impl StoreKey {
    /// A key of these bytes.
    #[must_use]
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// A new key.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn random() -> io::Result<Self> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        random(&mut *bytes)?;
        Ok(Self(bytes))
    }

    /// By what it is known.
    #[must_use]
    pub fn id(&self) -> KeyId {
        let [a, b, c, d, e, f, g, h, ..] = blake3::derive_key(ID, &*self.0);
        KeyId([a, b, c, d, e, f, g, h])
    }

    /// The text that keeps it, to be printed and typed again: four lines of 16 hex digits in groups,
    /// each with four more that check it.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(160));
        for (number, part) in self.0.chunks(LINE_BYTES).enumerate() {
            let check = check(number, part);
            for (at, pair) in part.chunks(2).chain([&check[..]]).enumerate() {
                let gap = if at == 0 { "" } else { " " };
                let pair = pair
                    .iter()
                    .fold(0_u16, |all, byte| all << 8 | u16::from(*byte));
                // Writing into a string does not fail.
                write!(text, "{gap}{pair:04x}").unwrap_or_default();
            }
            text.push('\n');
        }
        text
    }

    /// Reads the text. Lines that are empty or begin with `#` say nothing; gaps, hyphens and
    /// capitals do not matter.
    ///
    /// # Errors
    /// A line is not as it was written.
    pub fn read(text: &str) -> Result<Self, NoKey> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        let mut parts = key.chunks_mut(LINE_BYTES).enumerate();
        let mut last = 0;
        for (at, line) in (1..).zip(text.lines()) {
            last = at;
            let digits = line.chars().filter(|c| !c.is_whitespace() && *c != '-');
            let digits: Zeroizing<String> = Zeroizing::new(digits.collect());
            if digits.is_empty() || digits.starts_with('#') {
                continue;
            }
            let (number, part) = parts.next().ok_or(NoKey(at))?;
            let bytes = Zeroizing::new(hex(&digits).ok_or(NoKey(at))?);
            let (found, said) = bytes.split_at_checked(LINE_BYTES).ok_or(NoKey(at))?;
            if said != check(number, found) {
                return Err(NoKey(at));
            }
            part.copy_from_slice(found);
        }
        match parts.next() {
            None => Ok(Self(key)),
            Some(_missing) => Err(NoKey(last + 1)),
        }
    }

    /// What seals and opens the values of a store.
    pub(crate) fn values(&self) -> Cipher {
        self.derived(VALUES)
    }

    /// What seals and opens the frames of a backup.
    pub(crate) fn frames(&self) -> Cipher {
        self.derived(FRAMES)
    }

    fn derived(&self, what_for: &str) -> Cipher {
        let key = Zeroizing::new(blake3::derive_key(what_for, &*self.0));
        Cipher(XChaCha20Poly1305::new((&*key).into()))
    }
}

fn random(bytes: &mut [u8]) -> io::Result<()> {
    getrandom::fill(bytes).map_err(|error| io::Error::other(error.to_string()))
}

fn check(number: usize, part: &[u8]) -> [u8; CHECK_BYTES] {
    let numbered = [&[u8::try_from(number).unwrap_or_default()], part].concat();
    let [a, b, ..] = blake3::derive_key(LINES, &Zeroizing::new(numbered));
    [a, b]
}

fn hex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    let pairs = text.as_bytes().chunks(2);
    let pairs = pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    pairs.collect()
}

/// Seals and opens for one purpose.
pub(crate) struct Cipher(XChaCha20Poly1305);

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cipher")
    }
}

impl Cipher {
    /// Seals parts as one text: nonce, the encrypted text, tag. It opens only together with what it is
    /// `bound` to.
    pub(crate) fn seal(
        &self,
        nonce: [u8; NONCE_BYTES],
        bound: &[u8],
        parts: &[&[u8]],
    ) -> io::Result<Vec<u8>> {
        let len = parts.iter().map(|part| part.len()).sum::<usize>();
        let mut sealed = Vec::with_capacity(len + SEAL_BYTES);
        sealed.extend_from_slice(&nonce);
        parts.iter().for_each(|part| sealed.extend_from_slice(part));
        let (_, text) = sealed.split_at_mut(NONCE_BYTES);
        let tag = self
            .0
            .encrypt_inout_detached(&XNonce::from(nonce), bound, text.into())
            .map_err(|_too_long| io::Error::from(io::ErrorKind::InvalidInput))?;
        sealed.extend_from_slice(&tag);
        Ok(sealed)
    }

    /// Opens it; none when it was not sealed so, with this key and bound to this.
    pub(crate) fn open(&self, bound: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let (text, tag) = rest.split_last_chunk::<TAG_BYTES>()?;
        let mut text = text.to_vec();
        let (nonce, tag) = (XNonce::from(*nonce), Tag::from(*tag));
        let opened = self
            .0
            .decrypt_inout_detached(&nonce, bound, text.as_mut_slice().into(), &tag);
        opened.is_ok().then_some(text)
    }
}

/// Nonces, none of which was ever given before.
#[derive(Debug)]
pub(crate) struct Nonces {
    drawn: [u8; 16],
    number: u64,
}

impl Nonces {
    /// Draws the part that no others share.
    pub(crate) fn draw() -> io::Result<Self> {
        let mut drawn = [0; 16];
        random(&mut drawn)?;
        Ok(Self { drawn, number: 0 })
    }

    /// The next one.
    pub(crate) fn next(&mut self) -> [u8; NONCE_BYTES] {
        let mut nonce = [0; NONCE_BYTES];
        let number = self.number.to_be_bytes();
        self.number += 1;
        nonce
            .iter_mut()
            .zip(self.drawn.iter().chain(&number))
            .for_each(|(to, from)| *to = *from);
        nonce
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn key(byte: u8) -> StoreKey {
        StoreKey::new([byte; KEY_BYTES])
    }

    #[test]
    fn the_text_of_a_key_comes_back_however_it_was_typed() {
        let key = StoreKey::random().unwrap();
        let text = key.text();
        assert_eq!(StoreKey::read(&text), Ok(key.clone()));
        let typed = text
            .to_uppercase()
            .replace(' ', "-")
            .replace('\n', " \r\n\n");
        let typed = format!("# a copy, {}\n{typed}", key.id());
        assert_eq!(StoreKey::read(&typed), Ok(key));
    }

    #[test]
    fn a_slip_in_the_text_is_found_in_its_line() {
        let text = key(7).text().to_string();
        let mut slips = 0;
        for (at, was) in text.char_indices().filter(|(_, c)| c.is_ascii_hexdigit()) {
            let line = text[..at].matches('\n').count() + 1;
            let slip = if was == '0' { "1" } else { "0" };
            let mut bad = text.clone();
            bad.replace_range(at..=at, slip);
            slips += 1;
            assert_eq!(StoreKey::read(&bad), Err(NoKey(line)), "{bad}");
        }
        assert_eq!(slips, 80);
        let lines: Vec<&str> = text.lines().collect();
        let swapped = [lines[1], lines[0], lines[2], lines[3]].join("\n");
        assert_eq!(StoreKey::read(&swapped), Err(NoKey(1)));
        assert_eq!(StoreKey::read(&lines[..3].join("\n")), Err(NoKey(4)));
        let twice = [&text[..], lines[3]].concat();
        assert_eq!(StoreKey::read(&twice), Err(NoKey(5)));
        assert_eq!(StoreKey::read(""), Err(NoKey(1)));
    }

    #[test]
    fn what_is_shown_of_a_key_is_not_the_key() {
        let shown = format!("{:?}", key(0xAB));
        assert!(!shown.contains("abab"), "{shown}");
        assert_eq!(KeyId::read(&key(1).id().to_string()), Some(key(1).id()));
        assert_ne!(key(1).id(), key(2).id());
    }

    #[test]
    fn sealed_bytes_open_with_the_key_and_what_they_are_bound_to_only() {
        let cipher = key(1).values();
        let nonce = Nonces::draw().unwrap().next();
        let sealed = cipher.seal(nonce, b"R", &[b"some ", b"value"]).unwrap();
        assert_eq!(sealed.len(), 10 + SEAL_BYTES);
        assert_eq!(cipher.open(b"R", &sealed).unwrap(), b"some value");
        assert_eq!(cipher.open(b"S", &sealed), None);
        assert_eq!(key(2).values().open(b"R", &sealed), None);
        assert_eq!(key(1).frames().open(b"R", &sealed), None);
        for bit in 0..sealed.len() * 8 {
            let mut bad = sealed.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(cipher.open(b"R", &bad), None, "bit {bit}");
        }
        for len in 0..sealed.len() {
            assert_eq!(cipher.open(b"R", &sealed[..len]), None, "{len} bytes");
        }
    }

    #[test]
    fn no_nonce_comes_twice() {
        let mut seen = BTreeSet::new();
        for _ in 0..200 {
            let mut nonces = Nonces::draw().unwrap();
            seen.extend((0..50).map(|_| nonces.next()));
        }
        assert_eq!(seen.len(), 10_000);
    }

    /// What was written with a key must open with it for ever: nothing of this may change.
    #[test]
    fn what_is_made_of_a_key_stays_what_it_is() {
        let key = StoreKey::new(std::array::from_fn(|n| u8::try_from(n).unwrap()));
        let sealed = |cipher: Cipher| {
            let sealed = cipher
                .seal([5; NONCE_BYTES], b"R", &[b"some value"])
                .unwrap();
            let (_, rest) = sealed.split_at(NONCE_BYTES);
            rest.iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
        };
        assert_eq!(key.id().to_string(), "a60ee43b5a46c5b0");
        assert_eq!(
            *key.text(),
            "0001 0203 0405 0607 1fe9\n0809 0a0b 0c0d 0e0f e47a\n1011 1213 1415 1617 1306\n1819 1a1b 1c1d 1e1f 19c0\n"
        );
        assert_eq!(
            sealed(key.values()),
            "643511746206d3b7a3d24b49670e0994555a26b15b391c0dcecc"
        );
        assert_eq!(
            sealed(key.frames()),
            "12eb6010216c1e3ebc7b901382a5b9f0bc59f17834ca203d1b0a"
        );
        let mut nonces = Nonces {
            drawn: [9; 16],
            number: 258,
        };
        assert_eq!(nonces.next()[14..], [9, 9, 0, 0, 0, 0, 0, 0, 1, 2]);
    }
}

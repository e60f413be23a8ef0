//! The token of what somebody saw of a record: per register the candidates that a form showed.
//!
//! It is opaque to people and scripts, carries the record it is of, and is checked when it comes
//! back; an edit made with it replaces exactly those candidates.

use std::collections::BTreeMap;

use prost::encoding::{decode_varint, encode_varint};
use replica::{Dot, Incarnation, Kind, Record, RecordId, RecordKey, RegisterId, Shown};

use crate::failure::{Exit, Failure};

/// The form of the token; another form gets another number.
const VERSION: u8 = 1;

/// Bytes of the hash at the end: a token that lost a character is not another token.
const CHECK_BYTES: usize = 4;

/// What somebody saw of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The record.
    pub key: RecordKey,
    shown: BTreeMap<RegisterId, Vec<Shown>>,
}

impl Seen {
    /// Somebody who saw nothing of a record: all that is written stays beside what is there.
    #[must_use]
    pub fn nothing(key: RecordKey) -> Self {
        Self {
            key,
            shown: BTreeMap::new(),
        }
    }

    /// Somebody who saw a record as it is.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        let shown = record.registers().map(|(register, siblings)| {
            (
                register,
                siblings.iter().map(replica::Sibling::shown).collect(),
            )
        });
        Self {
            key: record.key,
            shown: shown.collect(),
        }
    }

    /// What was seen of a register.
    #[must_use]
    pub fn register(&self, register: RegisterId) -> &[Shown] {
        self.shown
            .get(&register)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// The registers of which something was seen.
    pub fn registers(&self) -> impl Iterator<Item = (RegisterId, &[Shown])> {
        self.shown
            .iter()
            .map(|(register, shown)| (*register, shown.as_slice()))
    }

    /// Says what was seen of a register.
    pub fn set(&mut self, register: RegisterId, shown: Vec<Shown>) {
        if shown.is_empty() {
            self.shown.remove(&register);
        } else {
            self.shown.insert(register, shown);
        }
    }

    /// Returns the token.
    #[must_use]
    pub fn token(&self) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&self.key.kind.0.to_be_bytes());
        bytes.extend_from_slice(&self.key.id.0);
        let all = || {
            self.shown
                .iter()
                .flat_map(|(r, s)| s.iter().map(move |shown| (r, shown)))
        };
        let mut incarnations: Vec<u64> = all().map(|(_, s)| s.dot.incarnation.0).collect();
        incarnations.sort_unstable();
        incarnations.dedup();
        encode_varint(incarnations.len() as u64, &mut bytes);
        incarnations
            .iter()
            .for_each(|one| bytes.extend_from_slice(&one.to_be_bytes()));
        for (register, shown) in all() {
            let index = incarnations.partition_point(|one| *one < shown.dot.incarnation.0);
            encode_varint(u64::from(register.0), &mut bytes);
            encode_varint(index as u64, &mut bytes);
            encode_varint(shown.dot.counter, &mut bytes);
            bytes.extend_from_slice(&shown.print.to_be_bytes());
        }
        let check = blake3::hash(&bytes);
        bytes.extend(check.as_bytes().iter().take(CHECK_BYTES));
        to_text(&bytes)
    }

    /// Reads a token.
    ///
    /// # Errors
    /// It is no token, or not of a form that this program knows.
    pub fn parse(token: &str) -> Result<Self, Failure> {
        let bytes = from_text(token.trim()).ok_or_else(unreadable)?;
        read(&bytes).ok_or_else(unreadable)
    }

    /// Reads a token of this record.
    ///
    /// # Errors
    /// As [`Seen::parse`], and a token of another record.
    pub fn parse_for(token: &str, key: RecordKey) -> Result<Self, Failure> {
        let seen = Self::parse(token)?;
        if seen.key == key {
            Ok(seen)
        } else {
            Err(Failure::new("RECORD-006", Exit::Invalid))
        }
    }
}

fn unreadable() -> Failure {
    Failure::new("RECORD-005", Exit::Invalid)
}

fn read(bytes: &[u8]) -> Option<Seen> {
    let (body, check) = bytes.split_at_checked(bytes.len().checked_sub(CHECK_BYTES)?)?;
    if !blake3::hash(body).as_bytes().starts_with(check) {
        return None;
    }
    let (version, rest) = body.split_first()?;
    let (kind, rest) = rest.split_first_chunk::<4>()?;
    let (id, mut rest) = rest.split_first_chunk::<16>()?;
    if *version != VERSION {
        return None;
    }
    let kind = Kind(u32::from_be_bytes(*kind));
    let mut seen = Seen::nothing(RecordKey {
        kind,
        id: RecordId(*id),
    });
    let mut incarnations = Vec::new();
    for _ in 0..decode_varint(&mut rest).ok()? {
        let (one, after) = rest.split_first_chunk::<8>()?;
        incarnations.push(Incarnation(u64::from_be_bytes(*one)));
        rest = after;
    }
    while !rest.is_empty() {
        let register = RegisterId(u32::try_from(decode_varint(&mut rest).ok()?).ok()?);
        let index = usize::try_from(decode_varint(&mut rest).ok()?).ok()?;
        let counter = decode_varint(&mut rest).ok()?;
        let (print, after) = rest.split_first_chunk::<8>()?;
        rest = after;
        let dot = Dot {
            incarnation: *incarnations.get(index)?,
            counter,
        };
        let shown = Shown {
            dot,
            print: u64::from_be_bytes(*print),
        };
        seen.shown.entry(register).or_default().push(shown);
    }
    Some(seen)
}

/// The letters of base64 for addresses and file names: no quoting in any shell.
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn to_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let bits = three
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - three.len()));
        for at in 0..=three.len() {
            let letter = (bits >> (18 - 6 * at)) & 63;
            let letter = usize::try_from(letter)
                .ok()
                .and_then(|letter| LETTERS.get(letter));
            text.extend(letter.map(|letter| char::from(*letter)));
        }
    }
    text
}

fn from_text(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 3);
    for four in text.as_bytes().chunks(4) {
        let mut bits = 0_u32;
        for letter in four {
            let value = LETTERS.iter().position(|known| known == letter)?;
            bits = bits << 6 | u32::try_from(value).ok()?;
        }
        let bits = bits << (6 * (4 - four.len()));
        let count = four.len().checked_sub(1).filter(|count| *count > 0)?;
        bytes.extend(bits.to_be_bytes().iter().skip(1).take(count));
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> Seen {
        let mut seen = Seen::nothing(RecordKey {
            kind: Kind(5),
            id: RecordId([7; 16]),
        });
        let shown = |incarnation, counter, print| Shown {
            dot: Dot {
                incarnation: Incarnation(incarnation),
                counter,
            },
            print,
        };
        seen.set(
            RegisterId(1),
            vec![shown(9, 1, 77), shown(u64::MAX, 300, u64::MAX)],
        );
        seen.set(RegisterId(100_001), vec![shown(9, 2, 0)]);
        seen
    }

    #[test]
    fn a_token_comes_back_as_it_was() {
        let seen = sample();
        assert_eq!(Seen::parse(&seen.token()).unwrap(), seen);
        let nothing = Seen::nothing(seen.key);
        assert_eq!(Seen::parse(&nothing.token()).unwrap(), nothing);
    }

    #[test]
    fn an_altered_or_foreign_token_is_refused_with_its_code() {
        let token = sample().token();
        for cut in [0, 1, token.len() / 2, token.len() - 1] {
            let failure = Seen::parse(token.get(..cut).unwrap()).unwrap_err();
            assert_eq!(
                (failure.code.as_str(), failure.exit),
                ("RECORD-005", Exit::Invalid)
            );
        }
        let other = RecordKey {
            kind: Kind(5),
            id: RecordId([8; 16]),
        };
        assert_eq!(
            Seen::parse_for(&token, other).unwrap_err().code,
            "RECORD-006"
        );
    }

    proptest! {
        #[test]
        fn bytes_become_text_and_bytes_again(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(from_text(&to_text(&bytes)).unwrap(), bytes);
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in ".{0,80}") {
            prop_assert!(Seen::parse(&text).is_err());
        }
    }
}

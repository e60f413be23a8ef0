//! The records of an old workbook's stream, and the texts in them.
//!
//! Guarantees that a text that runs on into the next record is read on with that record's own
//! width of characters, and that no read leaves the bytes that are there.

use std::borrow::Cow;

use encoding_rs::Encoding;

use super::damaged;
use crate::sheet::error::{Bound, SheetError};
use crate::sheet::limits::{Deadline, TEXT_BYTES_MAX};
use crate::sheet::ole::{u16_at, u32_at};

/// The record that continues the one before it.
const CONTINUE: u16 = 0x003C;
/// Texts between two looks at the clock.
const STRINGS_PER_CHECK: usize = 4_096;

/// One record with those that continue it.
pub(super) struct Record<'s> {
    pub(super) kind: u16,
    pub(super) bytes: &'s [u8],
    continued: Vec<&'s [u8]>,
}

/// The records of a stream in order.
pub(super) struct Records<'s> {
    rest: &'s [u8],
}

impl<'s> Records<'s> {
    pub(super) fn new(stream: &'s [u8]) -> Self {
        Self { rest: stream }
    }

    fn take(&mut self) -> Result<(u16, &'s [u8]), SheetError> {
        let kind = u16_at(self.rest, 0)?;
        let length = usize::from(u16_at(self.rest, 2)?);
        let after_head = self.rest.get(4..).unwrap_or_default();
        let (bytes, rest) = after_head
            .split_at_checked(length)
            .ok_or_else(|| damaged("record beyond the end"))?;
        self.rest = rest;
        Ok((kind, bytes))
    }
}

impl<'s> Iterator for Records<'s> {
    type Item = Result<Record<'s>, SheetError>;

    fn next(&mut self) -> Option<Self::Item> {
        // Streams are filled up with zeroes to whole sectors.
        if self.rest.len() < 4 || self.rest.starts_with(&[0, 0, 0, 0]) {
            return None;
        }
        let (kind, bytes) = match self.take() {
            Ok(taken) => taken,
            Err(error) => {
                self.rest = &[];
                return Some(Err(error));
            }
        };
        let mut continued = Vec::new();
        while self.rest.len() >= 4 && u16_at(self.rest, 0).is_ok_and(|next| next == CONTINUE) {
            match self.take() {
                Ok((_, more)) => continued.push(more),
                Err(error) => return Some(Err(error)),
            }
        }
        Some(Ok(Record {
            kind,
            bytes,
            continued,
        }))
    }
}

/// How a workbook holds its texts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Coding {
    /// Excel 97 and later: characters of one or two bytes, as a flag before each text says.
    Flagged,
    /// Excel 5 and 95: bytes in one encoding.
    Bytes(&'static Encoding),
}

impl Coding {
    /// The coding of an old workbook by the number that it names; most here name none and mean GBK.
    pub(super) fn of_code_page(number: u16) -> Self {
        Self::Bytes(match number {
            950 => encoding_rs::BIG5,
            932 => encoding_rs::SHIFT_JIS,
            949 => encoding_rs::EUC_KR,
            1250 => encoding_rs::WINDOWS_1250,
            1251 | 0x8001 => encoding_rs::WINDOWS_1251,
            1252 | 0x8000 => encoding_rs::WINDOWS_1252,
            65_001 => encoding_rs::UTF_8,
            _ => encoding_rs::GBK,
        })
    }
}

/// Reads texts from a record on into those that continue it.
pub(super) struct TextReader<'r> {
    coding: Coding,
    bytes: &'r [u8],
    continued: std::slice::Iter<'r, &'r [u8]>,
}

impl<'r> TextReader<'r> {
    /// Begins at a place in the record.
    pub(super) fn new(record: &'r Record<'r>, at: usize, coding: Coding) -> Self {
        let bytes = record.bytes.get(at..).unwrap_or_default();
        Self {
            coding,
            bytes,
            continued: record.continued.iter(),
        }
    }

    /// Reads a text with a length of one byte.
    pub(super) fn short_text(&mut self) -> Result<String, SheetError> {
        let length = u16::from(self.byte()?);
        self.characters(length)
    }

    /// Reads a text with a length of two bytes.
    pub(super) fn long_text(&mut self) -> Result<String, SheetError> {
        // An empty text may be the two bytes of its length alone.
        let length = self.two()?;
        if length == 0 && self.is_at_end() {
            Ok(String::new())
        } else {
            self.characters(length)
        }
    }

    /// Reads a shared text: one with a length of two bytes that may carry formats of its
    /// characters and reading aids, which are passed over.
    fn shared_text(&mut self) -> Result<String, SheetError> {
        let length = self.two()?;
        let flags = self.byte()?;
        let runs = if flags & 8 == 0 {
            0
        } else {
            usize::from(self.two()?)
        };
        let aids = if flags & 4 == 0 { 0 } else { self.four()? };
        let text = self.units(length, flags)?;
        self.pass(runs * 4)?;
        self.pass(usize::try_from(aids).unwrap_or(usize::MAX))?;
        Ok(text)
    }

    fn characters(&mut self, length: u16) -> Result<String, SheetError> {
        match self.coding {
            Coding::Flagged => {
                let flags = self.byte()?;
                self.units(length, flags)
            }
            Coding::Bytes(encoding) => {
                let bytes: Vec<u8> = (0..length).map(|_| self.byte()).collect::<Result<_, _>>()?;
                let text = encoding.decode_without_bom_handling_and_without_replacement(&bytes);
                // What names no encoding may be in the one that most use now.
                let text = text
                    .map(Cow::into_owned)
                    .or_else(|| String::from_utf8(bytes).ok());
                text.ok_or(SheetError::Encoding)
            }
        }
    }

    /// Reads characters of one or two bytes; a continuing record begins with its own width.
    fn units(&mut self, length: u16, flags: u8) -> Result<String, SheetError> {
        let mut units: Vec<u16> = Vec::new();
        let mut is_wide = flags & 1 != 0;
        while units.len() < usize::from(length) {
            if self.bytes.is_empty() {
                self.advance()?;
                is_wide = self.byte()? & 1 != 0;
                continue;
            }
            let unit = if is_wide {
                let two = u16_at(self.bytes, 0)?;
                self.bytes = self.bytes.get(2..).unwrap_or_default();
                two
            } else {
                u16::from(self.byte()?)
            };
            units.push(unit);
        }
        Ok(String::from_utf16_lossy(&units))
    }

    fn is_at_end(&self) -> bool {
        self.bytes.is_empty() && self.continued.len() == 0
    }

    fn advance(&mut self) -> Result<(), SheetError> {
        self.bytes = self
            .continued
            .next()
            .ok_or_else(|| damaged("text beyond the end"))?;
        Ok(())
    }

    fn byte(&mut self) -> Result<u8, SheetError> {
        while self.bytes.is_empty() {
            self.advance()?;
        }
        let (byte, rest) = self
            .bytes
            .split_first()
            .ok_or_else(|| damaged("text beyond the end"))?;
        self.bytes = rest;
        Ok(*byte)
    }

    fn two(&mut self) -> Result<u16, SheetError> {
        Ok(u16::from_le_bytes([self.byte()?, self.byte()?]))
    }

    fn four(&mut self) -> Result<u32, SheetError> {
        Ok(u32::from_le_bytes([
            self.byte()?,
            self.byte()?,
            self.byte()?,
            self.byte()?,
        ]))
    }

    fn pass(&mut self, count: usize) -> Result<(), SheetError> {
        let mut left = count;
        while left > 0 {
            if self.bytes.is_empty() {
                self.advance()?;
            }
            let step = left.min(self.bytes.len());
            self.bytes = self.bytes.get(step..).unwrap_or_default();
            left -= step;
        }
        Ok(())
    }
}

/// Reads the shared texts of a workbook.
pub(super) fn shared_strings(record: &Record<'_>, by: Deadline) -> Result<Vec<String>, SheetError> {
    let count = u32_at(record.bytes, 4)?;
    let mut reader = TextReader::new(record, 8, Coding::Flagged);
    let mut strings = Vec::new();
    let mut bytes: usize = 0;
    for at in 0..count {
        if reader.is_at_end() {
            break;
        }
        let text = reader.shared_text()?;
        bytes = bytes.saturating_add(text.len() + size_of::<String>());
        if bytes > TEXT_BYTES_MAX {
            let limit = u64::try_from(TEXT_BYTES_MAX).unwrap_or(u64::MAX);
            return Err(SheetError::TooLarge {
                what: Bound::TextBytes,
                limit,
            });
        }
        if usize::try_from(at).is_ok_and(|at| at.is_multiple_of(STRINGS_PER_CHECK)) {
            by.check()?;
        }
        strings.push(text);
    }
    Ok(strings)
}

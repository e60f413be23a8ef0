//! The archive that a workbook is: opens it only after unpacking every part once for real.
//!
//! Guarantees that no part is used of an archive that unpacks to more than the limits, counted on
//! the bytes that come out and not on what the headers say, or that declares a document type.

use std::collections::HashMap;
use std::io::{Cursor, Read};

use encoding_rs::{UTF_16BE, UTF_16LE};
use zip::ZipArchive;
use zip::result::ZipError;

use super::error::{Bound, LooksLike, SheetError};
use super::limits::{
    ARCHIVE_ENTRIES_MAX, Deadline, UNPACK_RATIO_FREE_BYTES, UNPACK_RATIO_MAX, UNPACKED_BYTES_MAX,
};

/// Bytes unpacked at a time.
const CHUNK_BYTES: usize = 64 * 1024;
/// What no part of a workbook declares.
const FORBIDDEN: [&[u8]; 2] = [b"<!DOCTYPE", b"<!ENTITY"];
/// Longest forbidden word less one: what must be kept of a chunk to find it across the edge.
const CARRY_BYTES: usize = 8;

/// An archive that was unpacked once and found within the limits.
#[derive(Debug)]
pub(crate) struct Package {
    archive: ZipArchive<Cursor<Vec<u8>>>,
    /// The place of each part by its name in lower case; writers differ in case.
    places: HashMap<String, usize>,
}

impl Package {
    /// Opens an archive and unpacks all of it once.
    pub(crate) fn open(content: Vec<u8>, deadline: Deadline) -> Result<Self, SheetError> {
        let packed_bytes = u64::try_from(content.len()).unwrap_or(u64::MAX);
        let mut archive =
            ZipArchive::new(Cursor::new(content)).map_err(|error| damaged("archive", error))?;
        if archive.len() > ARCHIVE_ENTRIES_MAX {
            let limit = u64::try_from(ARCHIVE_ENTRIES_MAX).unwrap_or(u64::MAX);
            return Err(SheetError::TooLarge {
                what: Bound::ArchiveEntries,
                limit,
            });
        }
        let mut places = HashMap::new();
        let mut unpacked = Unpacked {
            packed_bytes,
            bytes: 0,
            deadline,
        };
        for place in 0..archive.len() {
            let name = match archive.by_index(place) {
                Ok(mut part) => {
                    let name = key(&part.name().map_err(|error| damaged("archive", error))?);
                    unpacked.drain(&mut part, &name)?;
                    name
                }
                Err(ZipError::UnsupportedArchive(detail))
                    if detail == ZipError::PASSWORD_REQUIRED =>
                {
                    return Err(SheetError::Encrypted);
                }
                Err(error) => return Err(damaged("archive", error)),
            };
            places.insert(name, place);
        }
        Ok(Self { archive, places })
    }

    /// Tells whether there is a part whose name begins so.
    pub(crate) fn has(&self, start: &str) -> bool {
        self.places.keys().any(|name| name.starts_with(start))
    }

    /// Returns the text of a part, or `None` where there is none.
    pub(crate) fn text(&mut self, name: &str) -> Result<Option<String>, SheetError> {
        let Some(place) = self.places.get(&key(name)) else {
            return Ok(None);
        };
        let part = self
            .archive
            .by_index(*place)
            .map_err(|error| damaged(name, error))?;
        let mut content = Vec::new();
        // The whole archive was within this bound when it was unpacked before.
        part.take(UNPACKED_BYTES_MAX)
            .read_to_end(&mut content)
            .map_err(|error| damaged(name, error))?;
        let text = match content.as_slice() {
            [0xFF, 0xFE, rest @ ..] => UTF_16LE
                .decode_without_bom_handling_and_without_replacement(rest)
                .map(std::borrow::Cow::into_owned),
            [0xFE, 0xFF, rest @ ..] => UTF_16BE
                .decode_without_bom_handling_and_without_replacement(rest)
                .map(std::borrow::Cow::into_owned),
            _ => String::from_utf8(content).ok(),
        };
        text.map(Some).ok_or_else(|| damaged(name, "not UTF-8"))
    }

    /// Says what an archive without a workbook is.
    pub(crate) fn looks_like(&self) -> LooksLike {
        if self.has("xl/workbook.bin") {
            LooksLike::BinaryWorkbook
        } else if self.has("content.xml") || self.has("mimetype") {
            LooksLike::OpenDocument
        } else if self.has("word/") || self.has("ppt/") {
            LooksLike::Word
        } else {
            LooksLike::Archive
        }
    }
}

/// What has come out of the archive so far.
struct Unpacked {
    packed_bytes: u64,
    bytes: u64,
    deadline: Deadline,
}

impl Unpacked {
    /// Unpacks a part to nowhere, counting, and looks for forbidden declarations.
    fn drain(&mut self, part: &mut impl Read, name: &str) -> Result<(), SheetError> {
        // Pictures may declare what they like; no part of a workbook's own is named otherwise, and
        // the reader of the parts refuses a declaration too.
        let is_xml = name.ends_with(".xml") || name.ends_with(".rels");
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut window: Vec<u8> = Vec::with_capacity(CHUNK_BYTES + CARRY_BYTES);
        loop {
            let count = part
                .read(&mut chunk)
                .map_err(|error| damaged(name, error))?;
            if count == 0 {
                return Ok(());
            }
            self.bytes = self
                .bytes
                .saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
            self.check()?;
            if !is_xml {
                continue;
            }
            // Without zero bytes a declaration in UTF-16 reads the same.
            let read = chunk.get(..count).unwrap_or_default();
            window.extend(read.iter().filter(|byte| **byte != 0));
            if FORBIDDEN.iter().any(|word| contains(&window, word)) {
                return Err(SheetError::ForbiddenXml {
                    part: name.to_owned(),
                });
            }
            let carried = window.len().saturating_sub(CARRY_BYTES);
            window.drain(..carried);
        }
    }

    fn check(&self) -> Result<(), SheetError> {
        self.deadline.check()?;
        if self.bytes > UNPACKED_BYTES_MAX {
            return Err(SheetError::TooLarge {
                what: Bound::UnpackedBytes,
                limit: UNPACKED_BYTES_MAX,
            });
        }
        let allowed = self.packed_bytes.saturating_mul(UNPACK_RATIO_MAX);
        if self.bytes > allowed.max(UNPACK_RATIO_FREE_BYTES) {
            return Err(SheetError::TooLarge {
                what: Bound::UnpackRatio,
                limit: UNPACK_RATIO_MAX,
            });
        }
        Ok(())
    }
}

fn contains(window: &[u8], word: &[u8]) -> bool {
    // Looking for the first byte alone first keeps this as fast as the unpacking.
    let mut rest = window;
    while let Some(at) = rest.iter().position(|byte| *byte == b'<') {
        rest = rest.get(at..).unwrap_or_default();
        if rest.starts_with(word) {
            return true;
        }
        rest = rest.get(1..).unwrap_or_default();
    }
    false
}

/// The form in which names are compared: lower case, forward slashes, no slash before.
fn key(name: &str) -> String {
    name.trim_start_matches('/')
        .replace('\\', "/")
        .to_lowercase()
}

fn damaged(part: &str, detail: impl std::fmt::Display) -> SheetError {
    SheetError::Damaged {
        part: part.to_owned(),
        detail: detail.to_string(),
    }
}

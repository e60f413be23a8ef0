//! The compound file that an old workbook is: finds a stream and reads it.
//!
//! Guarantees that no chain of sectors is followed longer than the file has sectors, so that a
//! circle ends in a refusal.

use std::collections::HashSet;

use super::error::SheetError;

/// The first bytes of every compound file.
pub(crate) const SIGNATURE: [u8; 8] = [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];

/// Sector numbers from here on mark ends and free space.
const SPECIAL_SECTORS: u32 = 0xFFFF_FFFA;
/// The end of a chain.
const END_OF_CHAIN: u32 = 0xFFFF_FFFE;
/// Bytes of a directory entry.
const ENTRY_BYTES: usize = 128;
/// Streams shorter than this lie in the mini stream.
const MINI_STREAM_BYTES: usize = 4_096;
/// Bytes of a mini sector.
const MINI_SECTOR_BYTES: usize = 64;
/// Entries of the allocation table that the file's first sector lists itself.
const HEADER_FAT_ENTRIES: usize = 109;

/// An opened compound file.
#[derive(Debug)]
pub(crate) struct Compound<'a> {
    content: &'a [u8],
    sector_bytes: usize,
    fat: Vec<u32>,
    mini_fat: Vec<u32>,
    mini_stream: Vec<u8>,
    entries: Vec<Entry>,
}

/// A stream or storage in the directory.
#[derive(Debug)]
struct Entry {
    name: String,
    start: u32,
    bytes: usize,
    is_stream: bool,
}

impl<'a> Compound<'a> {
    /// Reads the tables and the directory.
    pub(crate) fn open(content: &'a [u8]) -> Result<Self, SheetError> {
        let sector_bytes: usize = match u16_at(content, 30)? {
            9 => 512,
            12 => 4_096,
            _ => return Err(damaged("sector size")),
        };
        let mut file = Self {
            content,
            sector_bytes,
            fat: Vec::new(),
            mini_fat: Vec::new(),
            mini_stream: Vec::new(),
            entries: Vec::new(),
        };
        file.fat = file.allocation_table()?;
        let directory = file.chain(u32_at(content, 48)?, usize::MAX)?;
        file.entries = directory
            .chunks_exact(ENTRY_BYTES)
            .map(entry)
            .collect::<Result<_, _>>()?;
        let mini_fat_start = u32_at(content, 60)?;
        if mini_fat_start < SPECIAL_SECTORS {
            let bytes = file.chain(mini_fat_start, usize::MAX)?;
            file.mini_fat = numbers(&bytes);
            let (start, bytes) = file
                .entries
                .first()
                .map_or((END_OF_CHAIN, 0), |root| (root.start, root.bytes));
            file.mini_stream = file.chain(start, bytes)?;
        }
        Ok(file)
    }

    /// Tells whether a stream or storage of a name is there, in whatever case.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.name.eq_ignore_ascii_case(name))
    }

    /// Reads a stream.
    pub(crate) fn stream(&self, name: &str) -> Result<Option<Vec<u8>>, SheetError> {
        let found = |entry: &&Entry| entry.is_stream && entry.name.eq_ignore_ascii_case(name);
        let Some(entry) = self.entries.iter().find(found) else {
            return Ok(None);
        };
        let stream = if entry.bytes < MINI_STREAM_BYTES && !self.mini_fat.is_empty() {
            let sectors = self.mini_stream.len().div_ceil(MINI_SECTOR_BYTES);
            follow(
                entry.start,
                &self.mini_fat,
                entry.bytes,
                sectors,
                |sector| {
                    let from = usize::try_from(sector)
                        .ok()?
                        .checked_mul(MINI_SECTOR_BYTES)?;
                    let to = from
                        .checked_add(MINI_SECTOR_BYTES)?
                        .min(self.mini_stream.len());
                    self.mini_stream.get(from..to)
                },
            )?
        } else {
            self.chain(entry.start, entry.bytes)?
        };
        Ok(Some(stream))
    }

    /// The allocation table: its first sectors are listed in the header, the rest in a chain.
    fn allocation_table(&self) -> Result<Vec<u32>, SheetError> {
        let header = self
            .content
            .get(76..76 + HEADER_FAT_ENTRIES * 4)
            .ok_or_else(|| damaged("header"))?;
        let mut listed = numbers(header);
        let mut next = u32_at(self.content, 68)?;
        let mut visited = HashSet::new();
        while next < SPECIAL_SECTORS {
            if !visited.insert(next) {
                return Err(damaged("allocation table in a circle"));
            }
            let sector = self
                .sector(next)
                .ok_or_else(|| damaged("allocation table beyond the end"))?;
            let mut more = numbers(sector);
            next = more.pop().unwrap_or(END_OF_CHAIN);
            listed.extend(more);
        }
        let mut fat = Vec::new();
        let mut used = HashSet::new();
        for sector in listed
            .into_iter()
            .filter(|sector| *sector < SPECIAL_SECTORS)
        {
            if !used.insert(sector) {
                return Err(damaged("allocation table listed twice"));
            }
            let bytes = self
                .sector(sector)
                .ok_or_else(|| damaged("allocation table beyond the end"))?;
            fat.extend(numbers(bytes));
        }
        Ok(fat)
    }

    fn chain(&self, start: u32, bytes_max: usize) -> Result<Vec<u8>, SheetError> {
        let sectors = self.content.len().div_ceil(self.sector_bytes);
        follow(start, &self.fat, bytes_max, sectors, |sector| {
            self.sector(sector)
        })
    }

    /// The bytes of a sector; the last of a file may be short.
    fn sector(&self, sector: u32) -> Option<&'a [u8]> {
        let from = usize::try_from(sector)
            .ok()?
            .checked_add(1)?
            .checked_mul(self.sector_bytes)?;
        let to = from.checked_add(self.sector_bytes)?.min(self.content.len());
        self.content.get(from..to).filter(|bytes| !bytes.is_empty())
    }
}

/// Collects the sectors of a chain up to a length, and never more sectors than there are.
fn follow<'s>(
    start: u32,
    table: &[u32],
    bytes_max: usize,
    sectors_max: usize,
    sector: impl Fn(u32) -> Option<&'s [u8]>,
) -> Result<Vec<u8>, SheetError> {
    let mut collected = Vec::new();
    let mut at = start;
    let mut steps = 0;
    while at < SPECIAL_SECTORS && collected.len() < bytes_max {
        steps += 1;
        if steps > sectors_max {
            return Err(damaged("sectors in a circle"));
        }
        let bytes = sector(at).ok_or_else(|| damaged("sector beyond the end"))?;
        let wanted = bytes.len().min(bytes_max - collected.len());
        collected.extend_from_slice(bytes.get(..wanted).unwrap_or_default());
        let next = usize::try_from(at).ok().and_then(|at| table.get(at));
        at = *next.ok_or_else(|| damaged("sector beyond the table"))?;
    }
    Ok(collected)
}

fn entry(bytes: &[u8]) -> Result<Entry, SheetError> {
    let name_bytes = usize::from(u16_at(bytes, 64)?).clamp(2, 64) - 2;
    let units: Vec<u16> = bytes
        .get(..name_bytes)
        .unwrap_or_default()
        .chunks_exact(2)
        .filter_map(|pair| <[u8; 2]>::try_from(pair).ok().map(u16::from_le_bytes))
        .collect();
    Ok(Entry {
        name: String::from_utf16_lossy(&units),
        start: u32_at(bytes, 116)?,
        bytes: usize::try_from(u32_at(bytes, 120)?).unwrap_or(usize::MAX),
        is_stream: bytes.get(66) == Some(&2),
    })
}

fn numbers(bytes: &[u8]) -> Vec<u32> {
    bytes
        .chunks_exact(4)
        .filter_map(|four| <[u8; 4]>::try_from(four).ok().map(u32::from_le_bytes))
        .collect()
}

/// Reads two bytes, low first.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Result<u16, SheetError> {
    let two = bytes.get(at..).and_then(<[u8]>::first_chunk);
    two.map(|two| u16::from_le_bytes(*two))
        .ok_or_else(|| damaged("too short"))
}

/// Reads four bytes, low first.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Result<u32, SheetError> {
    let four = bytes.get(at..).and_then(<[u8]>::first_chunk);
    four.map(|four| u32::from_le_bytes(*four))
        .ok_or_else(|| damaged("too short"))
}

fn damaged(detail: &str) -> SheetError {
    SheetError::Damaged {
        part: "compound file".to_owned(),
        detail: detail.to_owned(),
    }
}

//! What a file is, found from its content: a name says nothing, and what is not on the list is not
//! taken.

use std::io::Cursor;

use domain::attachment::{DOCX, JPEG, MediaType, OFD, PDF, PNG, TIFF, XLSX};
use zip::ZipArchive;

/// Parts of an archive that are looked at; an office document has some dozens.
const PARTS_MAX: usize = 10_000;

/// How the types begin that say so in their first bytes.
const BEGINNINGS: [(&[u8], MediaType); 5] = [
    (b"%PDF-", PDF),
    (&[0xff, 0xd8, 0xff], JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"II*\0", TIFF),
    (b"MM\0*", TIFF),
];

/// The type of a file that may be attached; none for any other.
#[must_use]
pub fn recognise(content: &[u8]) -> Option<MediaType> {
    let mut beginnings = BEGINNINGS.iter();
    match beginnings.find(|(beginning, _)| content.starts_with(beginning)) {
        Some((_, media)) => Some(*media),
        None => archive(content),
    }
}

/// What an archive is by the parts in it. One that carries macros is not taken: it is a program.
fn archive(content: &[u8]) -> Option<MediaType> {
    if !content.starts_with(b"PK\x03\x04") {
        return None;
    }
    let archive = ZipArchive::new(Cursor::new(content)).ok()?;
    if archive.len() > PARTS_MAX {
        return None;
    }
    let names: Option<Vec<String>> = archive
        .file_names()
        .map(|name| name.ok().map(|name| name.to_lowercase()))
        .collect();
    let names = names?;
    let has = |part: &str| names.iter().any(|name| name == part);
    let is_program = |name: &String| name.ends_with(".bin") && name.contains("vbaproject");
    if names.iter().any(is_program) {
        return None;
    }
    let found: Vec<MediaType> = [
        ("word/document.xml", DOCX),
        ("xl/workbook.xml", XLSX),
        ("ofd.xml", OFD),
    ]
    .into_iter()
    .filter(|(part, _)| has(part))
    .map(|(_, media)| media)
    .collect();
    // One that would be two things is neither.
    let [media] = found.as_slice() else {
        return None;
    };
    let is_office = *media == OFD || has("[content_types].xml");
    is_office.then_some(*media)
}

//! Attachments as records name them: which files a record has, and what may be named.
//!
//! A record holds hash, size, type and name; the content lies elsewhere. The name is what somebody
//! called the file: it is shown, and never used as a path.

use proto::schema::Attachment;

use crate::{
    catalogue::{FieldSpec, KindSpec, Type},
    wire::{self, Item},
};

/// Bytes of one file.
pub const BYTES_MAX: u64 = 20 << 20;

/// Characters of a name that is shown.
const NAME_CHARS_MAX: usize = 120;

/// A type of file that may be attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaType {
    /// Its name in records.
    pub id: &'static str,
    /// What its files are called.
    pub extension: &'static str,
}

const fn media(id: &'static str, extension: &'static str) -> MediaType {
    MediaType { id, extension }
}

/// A document for printing.
pub const PDF: MediaType = media("application/pdf", "pdf");
/// A photo.
pub const JPEG: MediaType = media("image/jpeg", "jpg");
/// A picture of a screen.
pub const PNG: MediaType = media("image/png", "png");
/// A scan.
pub const TIFF: MediaType = media("image/tiff", "tif");
/// A text document without macros.
pub const DOCX: MediaType = media(
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "docx",
);
/// A spreadsheet without macros.
pub const XLSX: MediaType = media(
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "xlsx",
);
/// The national format for documents of offices (GB/T 33190).
pub const OFD: MediaType = media("application/ofd", "ofd");

/// Everything that may be attached.
pub const MEDIA_TYPES: [MediaType; 7] = [PDF, JPEG, PNG, TIFF, DOCX, XLSX, OFD];

/// Returns what a file is shown as: the last part of what somebody called it, without what could do
/// something to a screen or to the order of letters, and not overlong; the end of a long name, which
/// says its type, stays.
#[must_use]
pub fn shown_name(given: &str) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_plain = |letter: &char| {
        let has_no_form = letter.is_control()
            || matches!(
                letter,
                '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                    | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
                    | '\u{e0000}'..='\u{e007f}'
            );
        !has_no_form
    };
    let plain: String = last
        .chars()
        .map(|letter| if letter.is_whitespace() { ' ' } else { letter })
        .filter(is_plain)
        .collect();
    let words: Vec<&str> = plain.split(' ').filter(|word| !word.is_empty()).collect();
    let name = words.join(" ");
    // A name of dots is one of folders.
    if name.chars().all(|letter| letter == '.' || letter == ' ') {
        return String::new();
    }
    let letters: Vec<char> = name.chars().collect();
    let over = letters.len().saturating_sub(NAME_CHARS_MAX);
    if over == 0 {
        return name;
    }
    let half = NAME_CHARS_MAX / 2;
    let (start, end) = (
        letters.iter().take(half),
        letters.iter().skip(half + over + 1),
    );
    let name: String = start.chain(std::iter::once(&'…')).chain(end).collect();
    name
}

/// Returns the files that the values of a record name, each with its field; what cannot be read is
/// left out.
#[must_use]
pub fn of<'k>(kind: &'k KindSpec, values: &[u8]) -> Vec<(&'k FieldSpec, Attachment)> {
    let chunks = wire::chunks(values).unwrap_or_default();
    let mut all = Vec::new();
    for field in fields(kind) {
        for item in wire::items(field, &chunks) {
            let Item::Bytes(bytes) = item else { continue };
            if let Ok(attachment) = crate::decode::<Attachment>(&bytes) {
                all.push((field, attachment));
            }
        }
    }
    all
}

/// The fields of a kind that name files.
pub fn fields(kind: &KindSpec) -> impl Iterator<Item = &FieldSpec> {
    let fields = kind.fields.iter();
    fields.filter(|field| field.value_type == Type::Attachment)
}

/// Whether an attachment may be named in a record: a hash, a size within the limit, a type that is
/// taken, a name that can be shown as it is.
#[must_use]
pub fn is_sound(attachment: &Attachment) -> bool {
    let size = attachment.size;
    let is_known = MEDIA_TYPES
        .iter()
        .any(|media| media.id == attachment.media_type);
    let name = &attachment.name;
    attachment.hash.len() == 32
        && (1..=BYTES_MAX).contains(&size)
        && is_known
        && !name.is_empty()
        && shown_name(name) == *name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_shown_and_leads_nowhere() {
        for (given, shown) in [
            ("请示.pdf", "请示.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\a\\NUL.pdf", "NUL.pdf"),
            ("a\u{202e}fdp.exe", "afdp.exe"),
            ("  two \u{3000} words\t.jpg ", "two words .jpg"),
            ("\u{1b}[31mred\u{0}.png", "[31mred.png"),
            ("..", ""),
            ("/", ""),
            ("\u{200f}", ""),
        ] {
            assert_eq!(shown_name(given), shown, "{given:?}");
        }
        let long = format!("{}.docx", "长".repeat(300));
        let shown = shown_name(&long);
        assert_eq!(shown.chars().count(), NAME_CHARS_MAX);
        assert!(shown.contains('…') && shown.ends_with("长.docx"));
        assert_eq!(shown_name(&shown), shown, "what is shown is shown as it is");
    }

    #[test]
    fn only_what_can_be_fetched_and_shown_is_named() {
        let sound = Attachment {
            hash: vec![7; 32],
            name: "请示.pdf".to_owned(),
            size: 12,
            media_type: PDF.id.to_owned(),
        };
        assert!(is_sound(&sound));
        let broken: [fn(&mut Attachment); 6] = [
            |of| of.hash.truncate(31),
            |of| of.size = 0,
            |of| of.size = BYTES_MAX + 1,
            |of| of.media_type = "application/x-msdownload".to_owned(),
            |of| of.name = String::new(),
            |of| of.name = "../请示.pdf".to_owned(),
        ];
        for (at, change) in broken.iter().enumerate() {
            let mut attachment = sound.clone();
            change(&mut attachment);
            assert!(!is_sound(&attachment), "{at}");
        }
    }
}

//! One part of a workbook as a stream of tags and texts.
//!
//! Guarantees that names are compared without their namespace prefix, that only the five entities
//! of XML and character numbers are resolved, and that a document type is refused.

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use crate::sheet::error::SheetError;

/// A part being read.
pub(crate) struct Part<'t> {
    reader: Reader<&'t [u8]>,
    name: &'t str,
}

/// What comes next in a part.
pub(crate) enum Token<'t> {
    Open(Tag<'t>),
    Close(String),
    Text(String),
    End,
}

/// An opened tag.
pub(crate) struct Tag<'t> {
    start: BytesStart<'t>,
    /// Whether it is closed at once.
    pub(crate) is_empty: bool,
}

impl Tag<'_> {
    /// Tells whether the tag has this name.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.start.local_name().as_ref() == name
    }

    /// Returns an attribute.
    pub(crate) fn value(&self, name: &str) -> Option<String> {
        let mut attributes = self.start.attributes();
        let mut attributes = attributes.with_checks(false).filter_map(Result::ok);
        let attribute = attributes.find(|attribute| attribute.key.local_name().as_ref() == name)?;
        attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .ok()
            .map(std::borrow::Cow::into_owned)
    }

    /// Returns an attribute that is a whole number.
    pub(crate) fn number(&self, name: &str) -> Option<u32> {
        self.value(name)?.trim().parse().ok()
    }
}

impl<'t> Part<'t> {
    pub(crate) fn new(text: &'t str, name: &'t str) -> Self {
        let mut reader = Reader::from_str(text);
        // A mark at the start and names that do not match are the business of the checks below.
        reader.config_mut().check_end_names = true;
        Self { reader, name }
    }

    /// Says that this part makes no sense.
    pub(crate) fn damaged(&self, detail: impl std::fmt::Display) -> SheetError {
        SheetError::Damaged {
            part: self.name.to_owned(),
            detail: detail.to_string(),
        }
    }

    /// Returns what comes next.
    pub(crate) fn next(&mut self) -> Result<Token<'t>, SheetError> {
        loop {
            let event = self
                .reader
                .read_event()
                .map_err(|error| self.damaged(error))?;
            return Ok(match event {
                Event::Start(start) => Token::Open(Tag {
                    start,
                    is_empty: false,
                }),
                Event::Empty(start) => Token::Open(Tag {
                    start,
                    is_empty: true,
                }),
                Event::End(end) => Token::Close(end.local_name().as_ref().to_owned()),
                Event::Text(text) => Token::Text(text.xml10_content().into_owned()),
                Event::CData(text) => Token::Text(text.xml10_content().into_owned()),
                Event::GeneralRef(entity) => {
                    let character = entity
                        .resolve_char_ref()
                        .map_err(|error| self.damaged(error))?;
                    Token::Text(match (character, &*entity) {
                        (Some(character), _) => character.to_string(),
                        (None, "lt") => "<".to_owned(),
                        (None, "gt") => ">".to_owned(),
                        (None, "amp") => "&".to_owned(),
                        (None, "quot") => "\"".to_owned(),
                        (None, "apos") => "'".to_owned(),
                        (None, _) => return Err(self.damaged("entity not known")),
                    })
                }
                Event::DocType(_) => {
                    return Err(SheetError::ForbiddenXml {
                        part: self.name.to_owned(),
                    });
                }
                Event::Eof => Token::End,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => continue,
            });
        }
    }

    /// Collects the text up to the end of a tag.
    pub(crate) fn text_until(&mut self, name: &str) -> Result<String, SheetError> {
        let mut collected = String::new();
        loop {
            match self.next()? {
                Token::Text(text) => collected.push_str(&text),
                Token::Close(closed) if closed == name => return Ok(collected),
                Token::End => return Err(self.damaged("text not closed")),
                Token::Open(_) | Token::Close(_) => {}
            }
        }
    }

    /// Passes over a tag with all that is in it.
    pub(crate) fn skip(&mut self, tag: &Tag<'_>) -> Result<(), SheetError> {
        self.reader
            .read_to_end(tag.start.name())
            .map_err(|error| self.damaged(error))?;
        Ok(())
    }
}

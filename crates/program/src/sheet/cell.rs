//! One cell of a table, as it was typed or computed.
//!
//! Guarantees that no form loses what the sheet held: whole numbers keep every digit, dates are
//! calendar days whatever epoch the file counts from, and text is never trimmed or changed.

use std::borrow::Cow;

use super::date::Date;

/// The content of one cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Nothing.
    Empty,
    /// Text as typed; never the empty text.
    Text(String),
    /// A number; finite.
    Number(f64),
    /// A cell that holds a number and shows a date. The time of day is not kept.
    Date(Date),
    /// A true or false of the sheet itself.
    Flag(bool),
    /// A formula that failed, by its name such as `#N/A`.
    Error(String),
}

impl Cell {
    /// Makes a text cell, or an empty one of the empty text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() {
            Self::Empty
        } else {
            Self::Text(text)
        }
    }

    /// Makes a number cell; what is not finite becomes the error that a sheet shows for it.
    #[must_use]
    pub fn number(number: f64) -> Self {
        if number.is_finite() {
            Self::Number(number)
        } else {
            Self::Error("#NUM!".to_owned())
        }
    }

    /// Tells whether a reader of the sheet sees nothing here.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Text(text) => text.chars().all(is_unseen),
            Self::Number(_) | Self::Date(_) | Self::Flag(_) | Self::Error(_) => false,
        }
    }

    /// Returns the content as text: whole numbers without a point, dates as `YYYY-MM-DD`, flags as
    /// `TRUE` and `FALSE`, errors by their name.
    #[must_use]
    pub fn to_text(&self) -> Cow<'_, str> {
        match self {
            Self::Empty => Cow::Borrowed(""),
            Self::Text(text) | Self::Error(text) => Cow::Borrowed(text),
            // Adding zero turns the negative zero of some writers into the zero that people see.
            Self::Number(number) => Cow::Owned((number + 0.0).to_string()),
            Self::Date(date) => Cow::Owned(date.to_string()),
            Self::Flag(true) => Cow::Borrowed("TRUE"),
            Self::Flag(false) => Cow::Borrowed("FALSE"),
        }
    }

    /// Returns the date that the cell holds or that its text spells, in any of the usual forms.
    #[must_use]
    pub fn date(&self) -> Option<Date> {
        match self {
            Self::Date(date) => Some(*date),
            Self::Text(text) => Date::parse(text),
            Self::Empty | Self::Number(_) | Self::Flag(_) | Self::Error(_) => None,
        }
    }
}

/// Tells whether a character leaves no mark: space of any width, zero-width, byte order mark.
pub(crate) fn is_unseen(letter: char) -> bool {
    letter.is_whitespace()
        || letter.is_control()
        || matches!(
            letter,
            '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}' | '\u{00AD}'
        )
}

#[cfg(test)]
mod tests {
    use super::Cell;

    #[test]
    fn whole_numbers_keep_every_digit() {
        assert_eq!(Cell::Number(80.0).to_text(), "80");
        assert_eq!(Cell::Number(-0.0).to_text(), "0");
        assert_eq!(
            Cell::Number(9_007_199_254_740_991.0).to_text(),
            "9007199254740991"
        );
        assert_eq!(Cell::Number(0.1).to_text(), "0.1");
        assert_eq!(Cell::number(f64::NAN), Cell::Error("#NUM!".to_owned()));
    }

    #[test]
    fn a_cell_of_spaces_of_any_width_is_blank() {
        for blank in [" ", "\u{3000}", "\u{A0}\t\n", "\u{200B}", "\u{FEFF}"] {
            assert!(Cell::text(blank).is_blank(), "{blank:?}");
        }
        assert!(!Cell::text("　甲").is_blank());
    }
}

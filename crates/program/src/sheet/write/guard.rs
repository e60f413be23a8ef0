//! The guard before texts that a spreadsheet would run as a formula: one apostrophe.
//!
//! Guarantees that taking off is the inverse of putting on for every text, those that already begin
//! with apostrophes included, and that no guarded text begins with a sign that starts a formula.

use std::borrow::Cow;

use crate::sheet::cell::is_unseen;

/// The sign put before.
const GUARD: char = '\'';

/// Returns the text with a guard if it needs one.
pub(crate) fn put_on(text: &str) -> Cow<'_, str> {
    if needs_guard(text) {
        Cow::Owned(format!("{GUARD}{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Returns the text without its guard, if it has one.
pub(crate) fn taken_off(text: &str) -> Option<&str> {
    text.strip_prefix(GUARD).filter(|bare| needs_guard(bare))
}

/// Tells whether a spreadsheet may take a text for a formula. Apostrophes before it are passed over
/// so that a text that looks guarded gets another; spaces because programs trim them.
fn needs_guard(text: &str) -> bool {
    let bare = text.trim_start_matches(GUARD);
    if bare.starts_with(['\t', '\r', '\n']) {
        return true;
    }
    let bare = bare.trim_start_matches(is_unseen);
    bare.starts_with([
        '=', '+', '-', '@', '＝', '＋', '－', '＠', '−', '﹢', '﹣', '﹦', '﹫',
    ])
}

#[cfg(test)]
mod tests {
    use super::{put_on, taken_off};

    #[test]
    fn the_guard_comes_off_as_it_went_on() {
        for text in [
            "=1",
            "+1",
            "-1",
            "@a",
            "\t=1",
            "\ra",
            "＝1",
            "＋1",
            "－1",
            "＠1",
            "'=1",
            "''=1",
            "  =1",
            "\u{FEFF}=1",
            "'\t",
            "'",
            "''",
            "a",
            "",
            "'a",
            "甲",
            "' a",
            "=",
            "'=",
        ] {
            let guarded = put_on(text);
            assert_eq!(taken_off(&guarded).unwrap_or(&guarded), text, "{text:?}");
            let starts_formula = guarded
                .trim_start()
                .starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
            assert!(
                !starts_formula && !guarded.starts_with(['\t', '\r']),
                "{text:?}"
            );
        }
    }
}

//! What a rule has to say about a value: the rule, the field, a code, a sentence in two languages.
//!
//! A finding never carries more of a record than its sentence needs, and no name of a person.

use std::fmt;

/// Whether a finding stops the save.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Saved, and listed on the data-quality page.
    Warn,
    /// Refused.
    Block,
}

/// One thing that a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The id of the rule, as `V06`; `INPUT` for text that cannot be read as the field's type.
    pub rule: &'static str,
    /// Whether it stops the save.
    pub level: Level,
    /// The id of the field it names.
    pub field: String,
    /// A stable code for scripts, as `members_over_employees`.
    pub code: &'static str,
    /// The sentence in Chinese.
    pub zh: String,
    /// The sentence in English.
    pub en: String,
}

impl Finding {
    /// Whether it stops the save.
    #[must_use]
    pub fn blocks(&self) -> bool {
        self.level == Level::Block
    }

    /// Returns a finding about input that cannot be read.
    #[must_use]
    pub fn input(
        field: &str,
        code: &'static str,
        zh: impl Into<String>,
        en: impl Into<String>,
    ) -> Self {
        Self {
            rule: "INPUT",
            level: Level::Block,
            field: field.to_owned(),
            code,
            zh: zh.into(),
            en: en.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.rule, self.field, self.en)
    }
}

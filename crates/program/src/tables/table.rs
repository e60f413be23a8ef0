//! A report as a table: columns with what they count, rows, sums, notes, and balances that must
//! hold. How it is written to a file or a terminal is for `write`.

use std::{borrow::Cow, collections::BTreeSet};

use domain::{
    Date, EnumSpec, date,
    indicator::{percent, ten_thousand_yuan},
    label,
    label::Language,
};
use serde_json::{Map, Value as Json, json};

use super::score::{Score, moved};

/// A text in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word {
    zh: Cow<'static, str>,
    en: Cow<'static, str>,
}

impl Word {
    /// A text of ours.
    #[must_use]
    pub const fn of(zh: &'static str, en: &'static str) -> Self {
        Self {
            zh: Cow::Borrowed(zh),
            en: Cow::Borrowed(en),
        }
    }

    /// A text with something in it.
    #[must_use]
    pub fn new(zh: String, en: String) -> Self {
        Self {
            zh: Cow::Owned(zh),
            en: Cow::Owned(en),
        }
    }

    /// A name, which is the same in both.
    #[must_use]
    pub fn same(name: &str) -> Self {
        Self::new(name.to_owned(), name.to_owned())
    }

    /// The text in a language.
    #[must_use]
    pub fn say(&self, language: Language) -> &str {
        language.pick(&self.zh, &self.en)
    }
}

/// What stands in the cells of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Text, or a word of ours or of an enumeration.
    Text,
    /// A number of things.
    Count,
    /// A share: numerator, denominator, percent.
    Rate,
    /// A number beside the least that is asked for.
    Quota,
    /// A figure with its light and its trend.
    Score,
    /// An amount: fen in JSON, ten thousand yuan with two decimals in print.
    Money,
    /// Tenths of a percentage point by which a share has moved.
    Moved,
    /// A day.
    Date,
    /// Yes or no.
    Flag,
}

impl Content {
    fn id(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Count => "count",
            Self::Rate => "rate",
            Self::Quota => "quota",
            Self::Score => "score",
            Self::Money => "money_fen",
            Self::Moved => "moved",
            Self::Date => "date",
            Self::Flag => "flag",
        }
    }
}

/// One cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Cell {
    /// Nothing is said, or it does not apply.
    #[default]
    Empty,
    /// A text of a record.
    Text(String),
    /// A word with the id by which scripts know it.
    Term(String, Word),
    /// A number.
    Count(u64),
    /// A share.
    Rate {
        /// How many.
        num: u64,
        /// Of how many.
        den: u64,
    },
    /// A number beside its quota.
    Quota {
        /// How many there are.
        held: u64,
        /// How many there should be at least.
        quota: u64,
    },
    /// A figure with its light and its trend.
    Score(Score),
    /// Minutes that have passed.
    Minutes(u64),
    /// Fen; below zero where more was taken back than given.
    Money(i64),
    /// Tenths of a percentage point.
    Moved(i64),
    /// A day.
    Date(Date),
    /// Yes or no.
    Flag(bool),
    /// A number of people that is too small to be shown here: it is below this.
    Below(u64),
}

impl Cell {
    /// A text; nothing where it is empty.
    pub(super) fn text(text: Option<&str>) -> Self {
        match text.map(str::trim) {
            Some(text) if !text.is_empty() => Self::Text(text.to_owned()),
            _ => Self::Empty,
        }
    }

    /// A word of ours.
    pub(super) fn word(id: &str, zh: &'static str, en: &'static str) -> Self {
        Self::Term(id.to_owned(), Word::of(zh, en))
    }

    /// A value of an enumeration; nothing where none was chosen.
    pub(super) fn term(spec: Option<&EnumSpec>, number: i32) -> Self {
        let Some(spec) = spec.filter(|_| number != 0) else {
            return Self::Empty;
        };
        let id = spec.value(number).map(|value| value.id.clone());
        let say = |language| label::enum_value(spec, number, language);
        Self::Term(
            id.unwrap_or_else(|| number.to_string()),
            Word::new(say(Language::Zh), say(Language::En)),
        )
    }

    /// The values of a set of an enumeration, each once; nothing where none was chosen.
    pub(super) fn terms<'n>(
        spec: Option<&EnumSpec>,
        numbers: impl IntoIterator<Item = &'n i32>,
    ) -> Self {
        let numbers: BTreeSet<i32> = numbers.into_iter().copied().collect();
        let terms = numbers.iter().map(|number| Self::term(spec, *number));
        let terms: Vec<Self> = terms.filter(|term| *term != Self::Empty).collect();
        if terms.is_empty() {
            return Self::Empty;
        }
        let join = |of: &dyn Fn(&Self) -> String, between: &str| {
            terms.iter().map(of).collect::<Vec<_>>().join(between)
        };
        let word = Word::new(
            join(&|term| term.say(Language::Zh), "、"),
            join(&|term| term.say(Language::En), ", "),
        );
        Self::Term(join(&Self::id, ","), word)
    }

    /// The id by which scripts know a word; of all else what people read.
    pub(super) fn id(&self) -> String {
        match self {
            Self::Term(id, _) => id.clone(),
            other => other.say(Language::Zh),
        }
    }

    /// A stored date; nothing where it is none.
    pub(super) fn date(text: Option<&String>) -> Self {
        text.and_then(|text| date::stored(text))
            .map_or(Self::Empty, Self::Date)
    }

    /// A number that is known or not.
    pub(super) fn count(number: Option<impl Into<u64>>) -> Self {
        number.map_or(Self::Empty, |number| Self::Count(number.into()))
    }

    /// How people read it.
    #[must_use]
    pub fn say(&self, language: Language) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) => text.clone(),
            Self::Term(_, word) => word.say(language).to_owned(),
            Self::Count(number) => number.to_string(),
            Self::Rate { num, den } => match percent(*num, *den) {
                Some(pct) => format!("{num}/{den}  {pct}%"),
                None => "—".to_owned(),
            },
            Self::Quota { held, quota } => format!("{held}/{quota}"),
            Self::Score(score) => score.say(language),
            Self::Minutes(minutes) => passed(*minutes, language),
            Self::Money(fen) => ten_thousand_yuan(*fen),
            Self::Moved(tenths) => moved(*tenths),
            Self::Date(day) => date::text(*day),
            Self::Flag(flag) => yes_no(*flag, language).to_owned(),
            Self::Below(bound) => domain::permission::few(*bound),
        }
    }

    /// How scripts read it.
    #[must_use]
    pub fn json(&self) -> Json {
        match self {
            Self::Empty => Json::Null,
            Self::Text(text) => json!(text),
            Self::Term(id, _) => json!(id),
            Self::Count(number) => json!(number),
            Self::Rate { num, den } => {
                json!({ "num": num, "den": den, "pct": percent(*num, *den) })
            }
            Self::Quota { held, quota } => json!({ "held": held, "quota": quota }),
            Self::Score(score) => score.json(),
            Self::Minutes(minutes) => json!(minutes),
            Self::Money(fen) => json!(fen),
            Self::Moved(tenths) => json!(tenths),
            Self::Date(day) => json!(date::text(*day)),
            Self::Flag(flag) => json!(flag),
            Self::Below(bound) => json!(domain::permission::few(*bound)),
        }
    }
}

/// Minutes that have passed, in the largest unit that fits.
pub(crate) fn passed(minutes: u64, language: Language) -> String {
    let (count, zh, en) = match minutes {
        0..60 => (minutes, "分钟", "min"),
        60..1_440 => (minutes / 60, "小时", "h"),
        _ => (minutes / 1_440, "天", "d"),
    };
    format!("{count} {}", language.pick(zh, en))
}

/// Yes or no.
pub(super) fn yes_no(flag: bool, language: Language) -> &'static str {
    match flag {
        true => language.pick("是", "yes"),
        false => language.pick("否", "no"),
    }
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name for scripts.
    pub id: Cow<'static, str>,
    /// What stands in it.
    pub content: Content,
    /// Its heading.
    pub label: Word,
    /// The heading above it and its neighbours.
    pub group: Option<Word>,
    /// How it is counted.
    pub definition: Option<Word>,
    /// Whether its cells add up to something.
    pub is_summed: bool,
    /// Whether it counts members, of whom few may be recognised.
    pub of_members: bool,
}

impl Column {
    /// A column. Numbers and amounts add up.
    pub(super) fn new(
        content: Content,
        id: impl Into<Cow<'static, str>>,
        (zh, en): (&'static str, &'static str),
    ) -> Self {
        Self {
            id: id.into(),
            content,
            label: Word::of(zh, en),
            group: None,
            definition: None,
            is_summed: matches!(content, Content::Count | Content::Money),
            of_members: false,
        }
    }

    /// The same under a heading that it shares with its neighbours.
    pub(super) fn under(mut self, zh: &'static str, en: &'static str) -> Self {
        self.group = Some(Word::of(zh, en));
        self
    }

    /// The same with how it is counted.
    pub(super) fn defined(mut self, zh: &'static str, en: &'static str) -> Self {
        self.definition = Some(Word::of(zh, en));
        self
    }

    /// The same, of which the sum of numerators and of denominators says something, too.
    pub(super) fn summed(mut self) -> Self {
        self.is_summed = true;
        self
    }

    /// The same, of which a sum says nothing.
    pub(super) fn not_summed(mut self) -> Self {
        self.is_summed = false;
        self
    }

    /// The same, of members.
    pub(super) fn of_members(mut self) -> Self {
        self.of_members = true;
        self
    }
}

/// Two numbers that must be equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// What is held against what.
    pub name: Word,
    /// In which column or row.
    pub place: Word,
    /// The whole.
    pub whole: i128,
    /// The sum of its parts.
    pub parts: i128,
}

impl Balance {
    /// Holds a whole against its parts.
    pub(super) fn new(
        name: &Word,
        place: &Word,
        whole: impl Into<i128>,
        parts: impl IntoIterator<Item = impl Into<i128>>,
    ) -> Self {
        Self {
            name: name.clone(),
            place: place.clone(),
            whole: whole.into(),
            parts: parts.into_iter().map(Into::into).sum(),
        }
    }

    /// Whether they are equal.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.whole == self.parts
    }

    /// The sentence about one that does not hold.
    #[must_use]
    pub fn sentence(&self, language: Language) -> String {
        let (name, place) = (self.name.say(language), self.place.say(language));
        let (whole, parts) = (self.whole, self.parts);
        match language {
            Language::Zh => {
                format!("平衡关系不成立（{place}）：{name}，左边 {whole}，右边 {parts}")
            }
            Language::En => {
                format!("a balance does not hold ({place}): {name}; left {whole}, right {parts}")
            }
        }
    }
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Its name for scripts.
    pub id: &'static str,
    /// Its title.
    pub title: Word,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows, as wide as there are columns.
    pub rows: Vec<Vec<Cell>>,
    /// The row below them.
    pub total: Option<Vec<Cell>>,
    /// What to know about it.
    pub notes: Vec<Word>,
    /// What must hold.
    pub balances: Vec<Balance>,
}

impl Table {
    /// A table without rows.
    pub(super) fn new(id: &'static str, title: Word, columns: Vec<Column>) -> Self {
        Self {
            id,
            title,
            columns,
            ..Self::default()
        }
    }

    /// Adds a note.
    pub(super) fn note(&mut self, zh: &'static str, en: &'static str) {
        self.notes.push(Word::of(zh, en));
    }

    /// The sums of some rows under a heading; none where no column adds up. What was left out of a
    /// cell is not given away by a sum.
    #[must_use]
    pub fn sums(&self, rows: &[Vec<Cell>], heading: Cell) -> Option<Vec<Cell>> {
        if !self.columns.iter().any(|column| column.is_summed) {
            return None;
        }
        let sum = |(at, column): (usize, &Column)| {
            let cells = || rows.iter().filter_map(|row| row.get(at));
            match column.content {
                _ if !column.is_summed || cells().any(|cell| matches!(cell, Cell::Below(_))) => {
                    Cell::Empty
                }
                Content::Money => Cell::Money(
                    cells()
                        .map(|cell| if let Cell::Money(fen) = cell { *fen } else { 0 })
                        .sum(),
                ),
                Content::Quota => {
                    let both = cells().filter_map(|cell| match cell {
                        Cell::Quota { held, quota } => Some((*held, *quota)),
                        _ => None,
                    });
                    let (held, quota) =
                        both.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
                    Cell::Quota { held, quota }
                }
                Content::Rate => {
                    let both = cells().filter_map(|cell| match cell {
                        Cell::Rate { num, den } => Some((*num, *den)),
                        _ => None,
                    });
                    let (num, den) = both.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
                    Cell::Rate { num, den }
                }
                Content::Text
                | Content::Count
                | Content::Score
                | Content::Moved
                | Content::Date
                | Content::Flag => {
                    let one = |cell: &Cell| match cell {
                        Cell::Count(number) => *number,
                        _ => 0,
                    };
                    Cell::Count(cells().map(one).sum())
                }
            }
        };
        let mut sums: Vec<Cell> = self.columns.iter().enumerate().map(sum).collect();
        if let Some(first) = sums.first_mut() {
            *first = heading;
        }
        Some(sums)
    }

    /// Sets the row of sums below all rows.
    pub(super) fn add_up(&mut self) {
        self.total = self.sums(&self.rows, Cell::word("total", "合计", "Total"));
    }

    /// The balances that do not hold.
    pub fn broken(&self) -> impl Iterator<Item = &Balance> {
        self.balances.iter().filter(|balance| !balance.holds())
    }

    fn json(&self, language: Language) -> Json {
        let say = |word: &Word| word.say(language).to_owned();
        let column = |column: &Column| {
            json!({
                "id": column.id,
                "content": column.content.id(),
                "label": say(&column.label),
                "group": column.group.as_ref().map(say),
                "definition": column.definition.as_ref().map(say),
            })
        };
        let row = |row: &Vec<Cell>| {
            let cells = self.columns.iter().zip(row);
            let cells = cells.map(|(column, cell)| (column.id.clone().into_owned(), cell.json()));
            Json::Object(cells.collect::<Map<_, _>>())
        };
        let balance = |balance: &Balance| {
            json!({
                "name": say(&balance.name),
                "place": say(&balance.place),
                "whole": i64::try_from(balance.whole).ok(),
                "parts": i64::try_from(balance.parts).ok(),
                "holds": balance.holds(),
            })
        };
        json!({
            "id": self.id,
            "title": say(&self.title),
            "columns": self.columns.iter().map(column).collect::<Vec<_>>(),
            "rows": self.rows.iter().map(row).collect::<Vec<_>>(),
            "total": self.total.as_ref().map(row),
            "notes": self.notes.iter().map(say).collect::<Vec<_>>(),
            "balances": self.balances.iter().map(balance).collect::<Vec<_>>(),
        })
    }
}

/// A report: one table or several under one title.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its name.
    pub name: &'static str,
    /// Its title.
    pub title: Word,
    /// Who reports: the scope, or the city.
    pub unit: String,
    /// The first day, of a report of what changed.
    pub from: Option<Date>,
    /// The day.
    pub as_of: Date,
    /// The programme year.
    pub year: u32,
    /// Whether its store is for demonstration.
    pub demo: bool,
    /// Its tables.
    pub tables: Vec<Table>,
}

impl Report {
    /// The balances that do not hold, each with the table it belongs to.
    pub fn broken(&self) -> impl Iterator<Item = (&Table, &Balance)> {
        let tables = self.tables.iter();
        tables.flat_map(|table| table.broken().map(move |balance| (table, balance)))
    }

    /// What stands on every page of a report of demo data.
    pub(super) fn banner(&self, language: Language) -> Option<&'static str> {
        let (zh, en) = crate::demo::BANNER;
        self.demo.then(|| language.pick(zh, en))
    }

    /// The line with the unit and the day.
    #[must_use]
    pub fn head(&self, language: Language) -> String {
        let (unit, day) = (&self.unit, date::text(self.as_of));
        match (self.from.map(date::text), language) {
            (None, Language::Zh) => {
                format!("填报单位：{unit}　　数据截至：{day}　　年度：{}", self.year)
            }
            (None, Language::En) => format!("Unit: {unit}   As of: {day}   Year: {}", self.year),
            (Some(from), Language::Zh) => format!("填报单位：{unit}　　{from} 之后至 {day}"),
            (Some(from), Language::En) => format!("Unit: {unit}   After {from}, up to {day}"),
        }
    }

    /// The JSON of the command line: the tables with their definitions.
    #[must_use]
    pub fn json(&self, language: Language) -> Json {
        json!({
            "report": self.name,
            "title": self.title.say(language),
            "unit": self.unit,
            "from": self.from.map(date::text),
            "as_of": date::text(self.as_of),
            "year": self.year,
            "banner": self.banner(language),
            "balanced": self.broken().next().is_none(),
            "tables": self.tables.iter().map(|table| table.json(language)).collect::<Vec<_>>(),
        })
    }
}

//! The columns of a sheet as fields of a kind, and its cells as what fields are given.
//!
//! An empty cell, or a sign that offices write for nothing, touches no field. What a cell says is
//! passed on as text and read by the catalogue's types; here only sets are taken apart, so that
//! labels with spaces in them stay whole.

use std::collections::BTreeSet;

use domain::{
    Date, FieldSpec, KindSpec, Resolve,
    catalogue::{Shape, Type},
    permission, text,
    value::Input,
};
use replica::RecordId;
use serde_json::Value as Json;

use super::report::{Notice, said};
use crate::sheet::{Cell, FieldHeadings, HeadingIndex, Row, Table};

/// The column with the ids of records, as exports have it. No kind has a field of this name.
pub(crate) const ID: &str = "id";

/// The marks that part the items of a set in every case; spaces and slashes stand in names too.
pub(crate) const MARKS: &[char] = &['、', '，', ',', ';', '；', '|', '\n'];

/// Signs that stand for "nothing" in a cell that cannot mean them.
const SIGNS: &[&str] = &["-", "--", "—", "——", "/", "\\", "n/a"];

/// Words for "nothing". A flag reads them as no; a count may mean a zero or a gap, and a person
/// has to say which.
const WORDS: &[&str] = &["无", "暂无", "没有", "none"];

/// Returns the headings by which the fields of a kind are known.
pub(crate) fn headings(kind: &KindSpec) -> HeadingIndex {
    let id = FieldHeadings {
        field: ID.to_owned(),
        zh: "记录编号".to_owned(),
        en: "Record id".to_owned(),
        others: vec!["记录ID".to_owned()],
    };
    let fields = kind
        .fields
        .iter()
        .filter(|field| !matches!(field.shape, Shape::Opaque));
    let fields = fields.map(|field| FieldHeadings {
        field: field.id.clone(),
        zh: field.zh.clone(),
        en: field.en.clone(),
        others: field.headings.clone(),
    });
    HeadingIndex::new(std::iter::once(id).chain(fields))
}

/// What a cell gives a field.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Given {
    /// A text.
    Text(String),
    /// The items of a set.
    Items(Json),
}

impl Given {
    pub(super) fn input(&self) -> Input<'_> {
        match self {
            Self::Text(text) => Input::Text(text),
            Self::Items(json) => Input::Json(json),
        }
    }
}

/// One row of the sheet.
#[derive(Clone, Debug)]
pub(super) struct Line<'k> {
    /// Where a person finds it.
    pub(super) row: u32,
    /// The record that it names.
    pub(super) id: Option<RecordId>,
    /// What it says, at most once a field.
    pub(super) given: Vec<(&'k FieldSpec, Given)>,
}

/// The columns that are read.
#[derive(Debug)]
pub(super) struct Columns<'k> {
    kind: &'k KindSpec,
    fields: Vec<(usize, &'k FieldSpec)>,
    id_at: Option<usize>,
    /// The date of figures that have none in their row.
    as_of: Option<Date>,
    /// Rows whose id column holds no id of a record.
    pub(super) foreign_ids: usize,
    /// Rows with numbers that were not shown to whoever exported them.
    pub(super) suppressed: usize,
}

impl<'k> Columns<'k> {
    pub(super) fn new(kind: &'k KindSpec, table: &Table, as_of: Option<Date>) -> Self {
        let known = |column: &crate::sheet::Column| kind.field(column.field.as_deref()?);
        let fields = table.columns.iter().enumerate();
        let fields = fields
            .filter_map(|(at, column)| Some((at, known(column)?)))
            .collect();
        let above = table.statement_date.as_deref().and_then(domain::date::read);
        Self {
            kind,
            fields,
            id_at: table.column_of(ID),
            as_of: as_of.or(above),
            foreign_ids: 0,
            suppressed: 0,
        }
    }

    /// Reads a row.
    pub(super) fn line(&mut self, row: &Row, find: &dyn Resolve) -> Result<Line<'k>, Notice> {
        let mut given = Vec::with_capacity(self.fields.len() + 1);
        let mut hidden = BTreeSet::new();
        for (at, field) in &self.fields {
            let cell = row.cells.get(*at).unwrap_or(&Cell::Empty);
            if let Cell::Error(name) = cell {
                let why = said("IMPORT-027").with("error", name);
                return Err(Notice::cell(row.line, &field.id, why));
            }
            if permission::counts_members(self.kind, field)
                && permission::reads_few(&cell.to_text())
            {
                hidden.insert(field.register);
                continue;
            }
            given.extend(read_cell(field, cell, find).map(|value| (*field, value)));
        }
        // Figures are stated together: of those beside one that was not shown nobody says of when.
        given.retain(|(field, _)| !hidden.contains(&field.register));
        self.suppressed += usize::from(!hidden.is_empty());
        self.date_figures(&mut given);
        let id = self
            .id_at
            .and_then(|at| row.cells.get(at))
            .filter(|cell| !cell.is_blank());
        let id = id.and_then(|cell| {
            let id = uuid::Uuid::try_parse(cell.to_text().trim()).ok();
            self.foreign_ids += usize::from(id.is_none());
            id.map(|id| RecordId(id.into_bytes()))
        });
        Ok(Line {
            row: row.line,
            id,
            given,
        })
    }

    /// Figures without a date of their own have that of the command or of the sheet.
    fn date_figures(&self, given: &mut Vec<(&'k FieldSpec, Given)>) {
        let Some(day) = self.as_of else { return };
        for register in &self.kind.registers {
            let field = register
                .as_of
                .and_then(|number| self.kind.field_by_number(number));
            let Some(field) = field else { continue };
            let mut inside = given
                .iter()
                .filter(|(known, _)| known.register == register.id);
            let has_figures = inside.clone().next().is_some();
            if has_figures && inside.all(|(known, _)| known.number != field.number) {
                given.push((field, Given::Text(domain::date::text(day))));
            }
        }
    }
}

fn read_cell(field: &FieldSpec, cell: &Cell, find: &dyn Resolve) -> Option<Given> {
    if cell.is_blank() {
        return None;
    }
    if field.value_type == Type::Date
        && let Some(day) = cell.date()
    {
        return Some(Given::Text(day.to_string()));
    }
    let typed = cell.to_text();
    // Nothing that means nothing is longer.
    let is_short = typed.len() <= 12;
    if (is_short && means_nothing(field, &typed)) || is_unknown_value(field, &typed) {
        return None;
    }
    if field.repeated
        && let Some(items) = items(field, &typed, find)
    {
        return Some(Given::Items(items));
    }
    Some(Given::Text(typed.into_owned()))
}

/// Texts keep what is written; where a sign cannot be the value it says that there is none.
fn means_nothing(field: &FieldSpec, typed: &str) -> bool {
    let folded = text::loose(typed);
    let is_word = WORDS.contains(&folded.as_str());
    if !is_word && !SIGNS.contains(&folded.as_str()) {
        return false;
    }
    match &field.shape {
        Shape::Text => matches!(
            field.value_type,
            Type::Date | Type::Uscc | Type::Division | Type::AnyReference
        ),
        Shape::Number | Shape::Flag => !is_word,
        Shape::Enumeration(values) => values.read(typed).is_none(),
        Shape::Bytes | Shape::Message(_) | Shape::Opaque => true,
    }
}

/// The number of an enumeration value that a later program knows: exported raw, kept as it is.
fn is_unknown_value(field: &FieldSpec, typed: &str) -> bool {
    field.enumeration().is_some_and(|values| {
        values.read(typed).is_none()
            && !typed.is_empty()
            && typed.bytes().all(|b| b.is_ascii_digit())
    })
}

/// Takes a set apart where that is certain: a JSON array as exports write it where a mark stands
/// inside an item, or parts that are each known.
fn items(field: &FieldSpec, typed: &str, find: &dyn Resolve) -> Option<Json> {
    if typed.starts_with('[') {
        let json: Option<Json> = serde_json::from_str(typed).ok();
        if let Some(json) = json.filter(Json::is_array) {
            return Some(json);
        }
    }
    let is_known = |part: &str| match &field.shape {
        Shape::Enumeration(values) => values.read(part).is_some(),
        Shape::Bytes => {
            let kind = field.reference.as_deref().unwrap_or_default();
            uuid::Uuid::try_parse(part).is_ok() || find.record(kind, part).is_some()
        }
        _ => false,
    };
    let parts: Vec<&str> = typed
        .split(MARKS)
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect();
    let all_known = !parts.is_empty() && parts.iter().all(|part| is_known(part));
    all_known.then(|| Json::from(parts))
}

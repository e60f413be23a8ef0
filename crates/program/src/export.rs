//! Export: the records of a kind as a file that offices open, programs read, and `import` takes
//! back.
//!
//! A table has a column `id` and one for each field, under its label. What stands in it is read
//! back as the same value: a reference is the code or the name by which it is found, else its id;
//! a set whose items hold one of the marks between them is a JSON array. No cell can run as a
//! formula, and the file appears whole or not at all. Deleted records are left out; where a
//! conflict is open, what is shown meanwhile stands in the table.

use std::{ops::ControlFlow, path::PathBuf};

use domain::{
    FieldSpec, KindSpec,
    catalogue::{EnumSpec, Shape, Type},
    label::{self, Language},
    permission,
};
use replica::{RecordId, ScopeId};
use serde_json::{Value as Json, json};

use crate::{
    app::App,
    failure::{Exit, Failure},
    import::{
        ID, MARKS,
        find::{Finder, Towns},
    },
    records::{Known, Scopes, Sight, each, newest_year},
    sheet::{Cell, WriteError, write},
};

/// Records between two tellings of how far it is.
const PROGRESS_RECORDS: usize = 256;

/// The form of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A text table.
    Csv,
    /// A workbook.
    Xlsx,
    /// One array of documents.
    Json,
    /// One document a line, as `record load` takes it.
    Ndjson,
}

/// What is to be exported.
#[derive(Clone, Debug)]
pub struct Request {
    /// The kind of the records.
    pub kind: &'static KindSpec,
    /// The form of the file.
    pub format: Format,
    /// The file.
    pub path: PathBuf,
    /// The scope of the records; without it all that are here.
    pub scope: Option<ScopeId>,
    /// The language of headings and labels.
    pub language: Language,
}

/// What was exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Records.
    pub rows: usize,
    /// Records with an open conflict.
    pub conflicts: usize,
    /// Small numbers of members that were not written.
    pub suppressed: usize,
}

/// Exports records. `progress` is told how many of how many are done.
///
/// # Errors
/// The file cannot be written or cannot hold them, or the store cannot be read.
pub fn export(
    app: &App,
    request: &Request,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Exported, Failure> {
    let kind = request.kind;
    let total = app
        .reader()
        .keys(kind.kind, request.scope, None, usize::MAX)
        .len();
    let (known, towns, scopes) = (Known::new(app), Towns::default(), Scopes::new(app));
    let has_heirs = scopes.has_heirs()?;
    let below = newest_year(app, app.today())?.suppress_below;
    let find = Finder {
        known: &known,
        towns: &towns,
        scope: app.scope(),
    };
    let sheet = Sheet {
        kind,
        language: request.language,
        find,
    };
    let mut exported = Exported::default();
    let mut rows = Vec::new();
    let mut documents = Vec::new();
    // Where a scope stands for others, what belongs to them goes with it.
    let only = request.scope.filter(|_| !has_heirs);
    each(app, kind.kind, only, None, &mut |stored, meaning| {
        let scope = scopes.heir(stored.home)?;
        if request.scope.is_some_and(|asked| asked != scope) {
            return Ok(ControlFlow::Continue(()));
        }
        if exported.rows % PROGRESS_RECORDS == 0 {
            progress(exported.rows, total);
        }
        let mut values = Sight::of(app, stored).values(kind, &meaning.values);
        if !app.sees_few(scope) {
            let few =
                permission::suppress(app.catalogue, (kind, &meaning.values), below, &mut values);
            exported.suppressed += few;
        }
        let id = stored.record.key.id;
        match request.format {
            Format::Csv | Format::Xlsx => rows.push(sheet.row(id, &values)?),
            Format::Json | Format::Ndjson => documents.push(json!({
                "kind": kind.id,
                "id": id.to_string(),
                "scope": scopes.code(stored.home)?,
                "values": values,
            })),
        }
        exported.rows += 1;
        exported.conflicts += usize::from(!meaning.conflicts.is_empty());
        Ok(ControlFlow::Continue(()))
    })?;
    let written = write_file(request, &sheet, (&rows, documents));
    written.map_err(|error| failed(&error))?;
    progress(total, total);
    Ok(exported)
}

/// Writes what was read, in the form that is asked for.
fn write_file(
    request: &Request,
    sheet: &Sheet<'_, '_>,
    (rows, documents): (&[Vec<Cell>], Vec<Json>),
) -> Result<(), WriteError> {
    match request.format {
        Format::Csv => write::write_csv(&request.path, &sheet.headings(), rows),
        Format::Xlsx => {
            let name = label::kind(sheet.kind, request.language);
            write::write_xlsx(&request.path, name, &sheet.headings(), rows)
        }
        Format::Json => {
            let text = format!("{:#}\n", Json::Array(documents));
            write::write_file(&request.path, text.as_bytes())
        }
        Format::Ndjson => {
            let lines: String = documents
                .iter()
                .map(|document| format!("{document}\n"))
                .collect();
            write::write_file(&request.path, lines.as_bytes())
        }
    }
}

/// A failure with the sentence that the writer of spreadsheets has for it.
pub(crate) fn failed(error: &WriteError) -> Failure {
    let exit = match error {
        WriteError::Write { .. } | WriteError::Workbook { .. } | WriteError::Table { .. } => {
            Exit::Failed
        }
        WriteError::TooLarge { .. } | WriteError::CellTooLong { .. } => Exit::Invalid,
    };
    Failure::new(error.code(), exit).saying(error.sentence(true), error.sentence(false))
}

/// A kind as a table.
struct Sheet<'k, 'a> {
    kind: &'static KindSpec,
    language: Language,
    find: Finder<'k, 'a>,
}

impl Sheet<'_, '_> {
    fn fields(&self) -> impl Iterator<Item = &'static FieldSpec> {
        self.kind
            .fields
            .iter()
            .filter(|field| !matches!(field.shape, Shape::Opaque))
    }

    fn headings(&self) -> Vec<String> {
        let labels = self
            .fields()
            .map(|field| label::field(field, self.language).to_owned());
        std::iter::once(ID.to_owned()).chain(labels).collect()
    }

    fn row(
        &self,
        id: RecordId,
        values: &serde_json::Map<String, Json>,
    ) -> Result<Vec<Cell>, Failure> {
        let id = std::iter::once(Ok(Cell::text(id.to_string())));
        let cells = self
            .fields()
            .map(|field| self.cell(field, values.get(&field.id)));
        id.chain(cells).collect()
    }

    fn cell(&self, field: &FieldSpec, json: Option<&Json>) -> Result<Cell, Failure> {
        Ok(match json.unwrap_or(&Json::Null) {
            Json::Null => Cell::Empty,
            Json::Array(items) => self.set(field, items)?,
            Json::Number(number) if matches!(field.shape, Shape::Number) => number
                .as_f64()
                .map_or_else(|| Cell::text(number.to_string()), Cell::number),
            json => Cell::text(self.item(field, json)?),
        })
    }

    /// The items beside each other, or where one of them holds a mark as a JSON array.
    fn set(&self, field: &FieldSpec, items: &[Json]) -> Result<Cell, Failure> {
        if items.is_empty() {
            return Ok(Cell::Empty);
        }
        let texts: Result<Vec<String>, Failure> =
            items.iter().map(|item| self.item(field, item)).collect();
        let texts = texts?;
        let parts = |text: &String| text.contains(MARKS) || text.starts_with('[');
        if matches!(field.shape, Shape::Message(_)) || texts.iter().any(parts) {
            return Ok(Cell::text(Json::from(items).to_string()));
        }
        Ok(Cell::text(texts.join("、")))
    }

    fn item(&self, field: &FieldSpec, json: &Json) -> Result<String, Failure> {
        let Json::String(text) = json else {
            return Ok(match json {
                Json::Bool(_) => label::text(field, json, self.language),
                other => other.to_string(),
            });
        };
        if let Some(values) = field.enumeration() {
            return Ok(self.value(values, text));
        }
        match (&field.reference, uuid::Uuid::try_parse(text)) {
            (Some(kind), Ok(id)) if field.value_type == Type::Reference => {
                self.find.call(kind, RecordId(id.into_bytes()))
            }
            _ => Ok(text.clone()),
        }
    }

    /// The label of an enumeration value where it is read back as the same value, else its name.
    fn value(&self, values: &EnumSpec, id: &str) -> String {
        let label = values.values.iter().find(|value| value.id == id);
        let label = label.map(|value| self.language.pick(&value.zh, &value.en));
        let is_sure = |label: &&str| values.read(label) == values.number(id);
        label.filter(is_sure).unwrap_or(id).to_owned()
    }
}

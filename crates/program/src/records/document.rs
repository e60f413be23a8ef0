//! A record as scripts read it.

use std::cell::RefCell;

use domain::{Effective, FieldSpec, KindSpec, RegisterSpec, value};
use replica::{HybridTime, Record, RegisterId, Sibling, Source};
use serde_json::{Map, Value, json};
use store::{Guest, Stored};

use super::{Scopes, Seen, Settled, Sight, meaning};
use crate::{app::App, attachments, clock, conflicts, failure::Failure};

/// Makes documents; what they need beside the record is looked up once.
#[derive(Debug)]
pub struct Documents<'a> {
    app: &'a App,
    scopes: Scopes<'a>,
    settled: RefCell<Settled>,
}

impl<'a> Documents<'a> {
    /// Asks the writer for its peers.
    ///
    /// # Errors
    /// The writer has ended.
    pub fn new(app: &'a App) -> Result<Self, Failure> {
        Ok(Self {
            app,
            scopes: Scopes::new(app),
            settled: RefCell::new(Settled::now(app)?),
        })
    }

    /// The codes of scopes.
    #[must_use]
    pub fn scopes(&self) -> &Scopes<'a> {
        &self.scopes
    }

    /// The document of a record with this meaning.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn of(&self, stored: &Stored, meaning: &Effective) -> Result<Map<String, Value>, Failure> {
        let record = &stored.record;
        let kind = self.app.catalogue.kind(record.key.kind);
        let name = self.app.catalogue.kind_name(record.key.kind);
        let sight = Sight::of(self.app, stored);
        let raw = || match sight.is_masked() {
            false => value::raw_json(&meaning.values),
            // Of what a newer program has made nobody here knows whether it is personal.
            true => Map::new(),
        };
        let values = kind.map_or_else(raw, |kind| sight.values(kind, &meaning.values));
        let open = meaning
            .conflicts
            .iter()
            .map(|open| conflicts::entry(self.app, &sight, record, open).map(Value::Object));
        let mut document = Map::new();
        document.insert("kind".to_owned(), name.into());
        document.insert("id".to_owned(), record.key.id.to_string().into());
        document.insert("scope".to_owned(), self.scopes.code(stored.home)?.into());
        document.insert("values".to_owned(), values.into());
        document.insert("seen".to_owned(), Seen::of(record).token().into());
        document.insert("conflicts".to_owned(), open.collect::<Result<Value, _>>()?);
        let sync = self.settled.borrow_mut().of(self.app, stored);
        document.insert("sync".to_owned(), sync.id().into());
        // Where it was made stays in its history when it moves, or when its scope has ended.
        if self.scopes.heir(record.scope)? != record.scope || stored.home != record.scope {
            let code = self.scopes.own_code(record.scope)?;
            document.insert("made_in".to_owned(), code.into());
        }
        // It belongs to another scope: lent to this one, or the last copy of what has left it.
        let guest = match stored.guest {
            Guest::No => None,
            Guest::Lent => Some("lent"),
            Guest::Left => Some("left"),
        };
        document.extend(guest.map(|guest| ("guest".to_owned(), guest.into())));
        let files = attachments::told(self.app, &self.scopes, stored, meaning)?;
        document.extend(files.map(|files| ("attachments".to_owned(), files)));
        if kind.is_some() && sight.hides() {
            document.insert("masked".to_owned(), true.into());
        }
        if meaning.deleted {
            document.insert("deleted".to_owned(), true.into());
        }
        Ok(document)
    }
}

/// The document of a record.
///
/// # Errors
/// The store is damaged or cannot be read, or the writer has ended.
pub fn document(app: &App, stored: &Stored) -> Result<Map<String, Value>, Failure> {
    Documents::new(app)?.of(stored, &meaning(app, &stored.record)?)
}

/// The name of a register in commands: its field, or the first field of its group.
#[must_use]
pub fn register_name(kind: Option<&KindSpec>, register: RegisterId) -> String {
    match register {
        RegisterId::DELETED => "deleted".to_owned(),
        RegisterId::OWNER => "owner".to_owned(),
        other => kind
            .and_then(|kind| kind.fields_of(kind.register(other)?).next())
            .map_or_else(|| other.0.to_string(), |field| field.id.clone()),
    }
}

/// The register that a name in a command means: of any field of its group.
pub(crate) fn register_of(kind: Option<&KindSpec>, name: &str) -> Option<RegisterId> {
    match name {
        "deleted" => Some(RegisterId::DELETED),
        "owner" => Some(RegisterId::OWNER),
        other => match kind.and_then(|kind| kind.field(other)) {
            Some(field) => Some(field.register),
            None => other.parse().ok().map(RegisterId),
        },
    }
}

/// The value of a register, unmasked.
pub(crate) fn plain_value(kind: Option<&KindSpec>, register: RegisterId, bytes: &[u8]) -> Value {
    if domain::erasure::is_erased_value(bytes) {
        return ERASED.into();
    }
    if register != RegisterId::DELETED {
        return value::register_json(kind, register, bytes);
    }
    if bytes.is_empty() {
        return Value::Null;
    }
    let mark: proto::schema::Deletion = domain::decode(bytes).unwrap_or_default();
    json!({ "reason": reason_text(&mark.reason) })
}

/// The fields of a register with their values, null where one is not set.
pub(crate) fn fields_json<'k>(
    kind: &'k KindSpec,
    register: &'k RegisterSpec,
    bytes: &[u8],
) -> impl Iterator<Item = (String, Value)> + use<'k> {
    let mut said = value::to_json(kind, bytes);
    let field = move |field: &FieldSpec| {
        let value = said.remove(&field.id).unwrap_or_default();
        (field.id.clone(), value)
    };
    kind.fields_of(register).map(field)
}

/// What stands where something was erased.
pub(crate) const ERASED: &str = "（已清除）";

/// A reason as it is shown.
#[must_use]
pub(crate) fn reason_text(reason: &str) -> &str {
    match reason {
        replica::ERASED_REASON => ERASED,
        said => said,
    }
}

/// The name of a source.
#[must_use]
pub fn source_name(source: Source) -> String {
    match source {
        Source::Unknown => "unknown".to_owned(),
        Source::Form => "form".to_owned(),
        Source::Import => "import".to_owned(),
        Source::Command => "command".to_owned(),
        Source::Decision => "decision".to_owned(),
        Source::Other(number) => number.to_string(),
    }
}

/// A moment for scripts: `2020-09-30T17:05:09+08:00`.
#[must_use]
pub fn time_text(time: HybridTime) -> String {
    format!("{}+08:00", clock::moment(time.millis()).replace(' ', "T"))
}

/// A minute since 1970 for scripts: `2020-09-30T17:05+08:00`.
#[must_use]
pub(super) fn minute_text(minute: i64) -> String {
    let ms = u64::try_from(minute).unwrap_or(0).saturating_mul(60_000);
    let moment = clock::moment(ms).replace(' ', "T");
    let to_the_minute = moment.rsplit_once(':').map_or("", |(minute, _)| minute);
    format!("{to_the_minute}+08:00")
}

/// When a candidate was written, for scripts.
#[must_use]
pub fn at_text(sibling: &Sibling) -> String {
    time_text(sibling.write.time)
}

/// Who wrote a candidate, when, and how it came in.
pub(crate) fn authorship(sibling: &Sibling) -> Map<String, Value> {
    let write = &sibling.write;
    let mut map = Map::new();
    map.insert("author".to_owned(), write.author.as_str().into());
    map.insert("at".to_owned(), at_text(sibling).into());
    map.insert("source".to_owned(), source_name(write.source).into());
    map.insert("reason".to_owned(), reason_text(&write.reason).into());
    map.insert(
        "decision".to_owned(),
        decision_of(sibling).map_or(Value::Null, Value::from),
    );
    map
}

/// The id of the decision that a candidate carries out.
pub(crate) fn decision_of(sibling: &Sibling) -> Option<String> {
    let id = replica::RecordId::try_from(sibling.write.decision.as_ref()).ok()?;
    Some(id.to_string())
}

/// The registers of a record that hold several values that differ.
pub(crate) fn differing(record: &Record) -> Vec<RegisterId> {
    let differ = |siblings: &[Sibling]| {
        siblings
            .first()
            .is_some_and(|first| siblings.iter().any(|s| s.value != first.value))
    };
    record
        .registers()
        .filter(|(_, siblings)| differ(siblings))
        .map(|(id, _)| id)
        .collect()
}

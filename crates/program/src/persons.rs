//! Persons: erasing what is personal of one, on every replica, and contacts that stay at home.
//!
//! An erasure is one write, the mark on the person's record. It travels like any other, and whoever
//! takes it erases: see `docs/SYNC.md`. A contact is no record: it lies beside the ledger, under a name
//! of its own among what this program keeps for itself. So it is in backups of this directory and in no
//! feed, bundle, return or export, and it goes when its person is erased.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use domain::{Catalogue, Date, KindSpec, Purpose, authority::NewState, erasure, value};
use replica::{Edit, RecordId, RecordKey, Set, Sibling, Source};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{Erasure, Guest, Personal, Stored};

use crate::{
    app::App,
    clock::moment,
    failure::{Exit, Failure},
    records::{Known, Past, allowed, find, kind_of, moved_away, named, newest_year, reason_of},
    rewrite,
};

/// The first schema whose programs know that persons are erased. An older one would hold back what it
/// is shown.
const SCHEMA_ERASES: u32 = 3;

/// The kind of the records that this is about.
const PERSON: &str = "person";

/// What the names begin with under which contacts are kept.
const CONTACTS: &str = "contact/";

/// What the store must know to erase: from the schema, and by the names of what lies beside a record.
#[must_use]
pub fn erasure(catalogue: &'static Catalogue) -> Erasure {
    let of = |personal: erasure::Personal| {
        let erased = Personal {
            mark: personal.mark,
            registers: personal.registers,
        };
        (personal.kind, erased)
    };
    let kinds: BTreeMap<_, _> = erasure::personal(catalogue).into_iter().map(of).collect();
    Erasure {
        kinds,
        locals: Arc::new(|key| {
            let kind = catalogue.kind_name(key.kind);
            vec![format!("import/{kind}/{}", key.id), contact_name(key)]
        }),
    }
}

/// Finds a person by id.
fn person(app: &App, id: &str) -> Result<(&'static KindSpec, Stored), Failure> {
    let kind = kind_of(app, PERSON)?;
    let known = Known::new(app);
    let key = RecordKey {
        kind: kind.kind,
        id: named(&known, kind, id)?.id,
    };
    let stored = find(app, key)?;
    Ok((kind, stored))
}

/// What an erasure has done, and what it cannot do.
#[derive(Clone, Debug)]
pub struct Erased {
    /// The person.
    pub key: RecordKey,
    /// Whether this command has written the mark: else it stood already.
    pub is_new: bool,
    /// The fields that lose their values.
    pub fields: Vec<&'static str>,
    /// Decisions, proposals and the like about the person that lose theirs.
    pub others: usize,
    /// The files here still hold it, until the program is started again.
    pub rewrite_due: bool,
    /// Folders of former stores that a restore or a repair has kept: they still hold it.
    pub kept: Vec<String>,
}

impl Erased {
    /// For scripts.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "id": self.key.id.to_string(),
            "changed": self.is_new,
            "erased": self.fields,
            "others": self.others,
            "rewrite_due": self.rewrite_due,
            "kept_stores": self.kept,
            "not_erased": ["backups", "bundles", "spreadsheets", "texts"],
        })
    }
}

/// Erases what is personal of a person, for ever and everywhere.
///
/// # Errors
/// There is no such person, no authority for it, no confirmation; the reason holds what is to be
/// erased; a peer's program does not know of erasing; or the store failed.
pub fn erase(app: &App, id: &str, reason: &str, confirmed: bool) -> Result<Erased, Failure> {
    let (kind, stored) = person(app, id)?;
    let key = stored.record.key;
    let (register, value) =
        erasure::mark_value(kind).ok_or_else(|| Failure::new("RECORD-001", Exit::Usage))?;
    if stored.guest == Guest::Left {
        return Err(moved_away(app, stored.home)?);
    }
    let reason = reason_of(reason)?;
    let set = [(register, value.clone())];
    let new = NewState {
        key,
        scope: stored.home,
        set: &set,
    };
    allowed(app, Purpose::Erasure, Some(&stored.record), &new)?;
    tells_nothing(app, kind, &stored, &reason)?;
    knows_erasing(app, &stored)?;
    let fields: Vec<&'static str> = erasure::fields(kind)
        .map(|field| field.id.as_str())
        .collect();
    let children = app.reader().children(key).into_iter();
    let quotes = |child: &RecordKey| {
        let kind = app.catalogue.kind(child.kind);
        kind.is_some_and(|kind| erasure::fields(kind).next().is_some())
    };
    let others = children.filter(quotes).count();
    if !confirmed {
        return Err(Failure::new("PERSON-001", Exit::Usage)
            .with("id", key.id)
            .with("n", others));
    }
    let is_new = !erasure::is_erased(kind, &stored.record);
    if is_new {
        let standing = stored.record.register(register).iter();
        let edit = Edit {
            key,
            scope: stored.record.scope,
            set: vec![Set {
                register,
                value,
                shown: standing.map(Sibling::shown).collect(),
            }],
            author: app.author(),
            reason,
            source: Source::Command,
            decision: Bytes::new(),
        };
        app.writer.edit(vec![edit], Vec::new())?;
    }
    Ok(Erased {
        key,
        is_new,
        fields,
        others,
        rewrite_due: rewrite::due(app).is_some(),
        kept: app.dir.kept_stores()?,
    })
}

/// The reason of an erasure stays for ever: it may not say what is erased, now or formerly.
fn tells_nothing(app: &App, kind: &KindSpec, stored: &Stored, reason: &str) -> Result<(), Failure> {
    let fields: Vec<_> = erasure::fields(kind).collect();
    let past = Past::of(app, stored.record.key)?;
    for sibling in stored.record.siblings.iter().chain(past.siblings()) {
        let values = value::to_json(kind, &sibling.value);
        let said = fields
            .iter()
            .filter_map(|field| values.get(&field.id)?.as_str());
        if said
            .into_iter()
            .any(|said| !said.is_empty() && reason.contains(said))
        {
            return Err(Failure::new("PERSON-002", Exit::Invalid));
        }
    }
    Ok(())
}

/// An older program would hold back what it is shown of an erased record, and go on holding the values.
fn knows_erasing(app: &App, stored: &Stored) -> Result<(), Failure> {
    let status = app.writer.status()?;
    let heard = app.reader().heard()?;
    let concerned = status.peers.iter().filter(|peer| peer.scope == stored.home);
    for peer in concerned.filter(|peer| !status.fenced.contains(&peer.replica)) {
        let schema = heard.get(&peer.replica).map(|heard| heard.schema);
        if schema.is_some_and(|schema| schema < SCHEMA_ERASES) {
            return Err(Failure::new("PERSON-003", Exit::Refused).with("peer", peer.replica));
        }
    }
    Ok(())
}

/// A contact of a person, as it is kept.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Contact {
    /// The phone at work.
    pub work_phone: String,
    /// Who entered it.
    pub by: String,
    /// When, milliseconds since 1970.
    pub at_ms: u64,
    /// Why.
    pub reason: String,
}

impl Contact {
    /// For scripts.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "work_phone": self.work_phone,
            "by": self.by,
            "at": moment(self.at_ms),
            "reason": self.reason,
        })
    }
}

/// What has the files rewritten: the engine's log keeps what was overwritten, like what was erased.
fn due() -> (String, Option<Vec<u8>>) {
    (store::REWRITE_DUE.to_owned(), Some(vec![1]))
}

fn contact_name(key: RecordKey) -> String {
    format!("{CONTACTS}{}", key.id)
}

/// Keeps the phone of a person at home.
///
/// # Errors
/// There is no such person, it is erased, or it is not of a scope that is written here; the phone
/// cannot be read; there is no reason; or the store failed.
pub fn set_contact(
    app: &App,
    id: &str,
    phone: &str,
    reason: &str,
) -> Result<(RecordKey, Contact), Failure> {
    let (kind, stored) = person(app, id)?;
    let key = stored.record.key;
    at_home(app, &stored)?;
    if erasure::is_erased(kind, &stored.record) {
        return Err(Failure::new("PERSON-004", Exit::Refused));
    }
    let work_phone = domain::text::phone(phone).filter(|phone| !phone.is_empty());
    let contact = Contact {
        work_phone: work_phone.ok_or_else(|| Failure::new("PERSON-005", Exit::Invalid))?,
        by: app.author(),
        at_ms: app.clock.wall_ms(),
        reason: reason_of(reason)?,
    };
    let text = serde_json::to_vec(&contact).unwrap_or_default();
    let name = contact_name(key);
    let mut kept = Vec::new();
    if app.reader().local(&name)?.is_some() {
        kept.push(due());
    }
    kept.push((name, Some(text)));
    app.writer.edit(Vec::new(), kept)?;
    Ok((key, contact))
}

/// The contact of a person; none where none is kept here.
///
/// # Errors
/// There is no such person, it is not of a scope that is written here, whoever asks sees personal data
/// masked, or the store cannot be read.
pub fn contact(app: &App, id: &str) -> Result<(RecordKey, Option<Contact>), Failure> {
    let (_, stored) = person(app, id)?;
    at_home(app, &stored)?;
    let key = stored.record.key;
    if !app.sees(key, stored.home) {
        return Err(Failure::new("PERSON-007", Exit::Refused).with("id", key.id));
    }
    let text = app.reader().local(&contact_name(key))?;
    Ok((
        key,
        text.and_then(|text| serde_json::from_slice(&text).ok()),
    ))
}

/// The contacts that are kept here, each with the day on which the last role of its person ended; none of
/// who has one, or never had any.
///
/// # Errors
/// The store cannot be read.
pub fn contacts(app: &App) -> Result<Vec<(RecordId, Contact, Option<Date>)>, Failure> {
    let (today, known) = (app.today(), Known::new(app));
    let year = newest_year(app, today)?;
    let mut all = Vec::new();
    for (name, text) in app.reader().locals(CONTACTS)? {
        let id = name.strip_prefix(CONTACTS).unwrap_or_default();
        let id = uuid::Uuid::try_parse(id).map(|id| RecordId(id.into_bytes()));
        if let (Ok(id), Ok(contact)) = (id, serde_json::from_slice(&text)) {
            let end = domain::validate::last_role_end(id, today, &year, &known);
            all.push((id, contact, end));
        }
    }
    Ok(all)
}

/// Forgets the contact of a person, also of one that has moved away. Returns whether there was one.
///
/// # Errors
/// There is no such person, no reason, or the store failed.
pub fn clear_contact(app: &App, id: &str, reason: &str) -> Result<(RecordKey, bool), Failure> {
    let (_, stored) = person(app, id)?;
    reason_of(reason)?;
    let name = contact_name(stored.record.key);
    let was = app.reader().local(&name)?.is_some();
    if was {
        app.writer.edit(Vec::new(), vec![(name, None), due()])?;
    }
    Ok((stored.record.key, was))
}

/// A contact is kept where the person is written: at the district's node, or at the hub for the city's
/// own.
fn at_home(app: &App, stored: &Stored) -> Result<(), Failure> {
    if stored.guest == Guest::No && stored.home == app.scope() {
        return Ok(());
    }
    Err(Failure::new("PERSON-006", Exit::Refused))
}

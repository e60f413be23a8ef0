//! Attachments as evidence: the files that records name, and where their content is.
//!
//! A record holds hash, size, type and name, and these travel with it. The content lies in the
//! cabinet of the program where it was put in, until a person elsewhere asks for it with a reason
//! (`link::FileDesk`). A content is put in before the record that names it is written, and is read
//! back with its hash checked; what a file is, is found from its content, never from its name.

mod media;
pub(crate) mod pack;
mod referrer;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    fs,
    io::{Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::Arc,
};

use domain::{
    Effective, FieldSpec, KindSpec,
    attachment::{self, BYTES_MAX, shown_name},
    value::{self, Input},
};
use link::{FileDesk, FilesError, Wish};
use proto::{schema::Attachment, stored::FileRequest};
use replica::{RecordKey, ScopeId, Source};
use serde_json::{Map, Value, json};
use store::{CabinetError, FileHash, Kept, Stored};

use crate::{
    app::App,
    failure::{Exit, Failure},
    records::{self, Change, Desk, Saved, Scopes, find, meaning},
};

pub use media::recognise;
use referrer::Records;

/// Keys that are read at once.
const PAGE_KEYS: usize = 512;

/// The shortest beginning of a hash that stands for it.
const HASH_DIGITS_MIN: usize = 8;

const DAY_MS: u64 = 24 * 3_600 * 1_000;

/// Days for which a content that no record names is left alone: longer than backups are apart, so
/// that a store which was put back gets its records again before their files are cleared away.
pub const PRUNE_DAYS: u64 = 30;

impl From<FilesError> for Failure {
    fn from(error: FilesError) -> Self {
        match error {
            FilesError::Host(error) => error.into(),
            FilesError::Cabinet(error) => error.into(),
            FilesError::Refused { code } => Self::new(code, Exit::Refused),
            FilesError::Record { code } => Self::new(code, Exit::Store),
            FilesError::Line(error) => Self::new(error.code(), Exit::Unreachable)
                .with("detail", crate::failure::causes(&error)),
        }
    }
}

impl From<CabinetError> for Failure {
    fn from(error: CabinetError) -> Self {
        match error {
            CabinetError::Io(error) if error.kind() != std::io::ErrorKind::StorageFull => {
                error.into()
            }
            CabinetError::Damaged => Self::new(error.code(), Exit::Store),
            CabinetError::TooLarge => Self::new(error.code(), Exit::Invalid),
            CabinetError::Missing
            | CabinetError::Busy
            | CabinetError::Full
            | CabinetError::Io(_) => Self::new(error.code(), Exit::Failed),
        }
    }
}

/// The requests for files of a program.
#[must_use]
pub fn desk(app: &App) -> FileDesk {
    FileDesk::new(
        Arc::clone(&app.files),
        app.writer.clone(),
        Arc::new(Records(app.clone())),
        Arc::clone(&app.clock),
    )
}

/// Where the content of an attachment is.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Here, and it is what its hash says.
    Here,
    /// What lies here is something else.
    Damaged,
    /// It was asked for.
    Waiting(Box<FileRequest>),
    /// Not here.
    Elsewhere,
}

/// One file that a record names.
#[derive(Clone, Debug)]
pub struct Held {
    /// The field that names it.
    pub field: &'static FieldSpec,
    /// What the record says of it.
    pub attachment: Attachment,
    /// Its hash.
    pub hash: FileHash,
}

/// The files that a record names, as far as they can be fetched at all.
fn held(kind: &'static KindSpec, values: &[u8]) -> Vec<Held> {
    let all = attachment::of(kind, values).into_iter();
    let one = |(field, attachment): (&'static FieldSpec, Attachment)| {
        let hash = FileHash::try_from(attachment.hash.as_slice()).ok()?;
        Some(Held {
            field,
            attachment,
            hash,
        })
    };
    all.filter_map(one).collect()
}

/// A record with the files that it names.
#[derive(Clone, Debug)]
pub struct Folder {
    /// The record.
    pub stored: Stored,
    /// Its kind.
    pub kind: &'static KindSpec,
    /// What it means.
    pub meaning: Effective,
    /// Its files.
    pub files: Vec<Held>,
}

impl Folder {
    /// Looks into a record.
    ///
    /// # Errors
    /// There is no such record, or the store cannot be read.
    pub fn open(app: &App, key: RecordKey) -> Result<Self, Failure> {
        let stored = find(app, key)?;
        let meaning = meaning(app, &stored.record)?;
        let known = app.catalogue.kind(key.kind);
        let kind = known.ok_or_else(|| {
            Failure::new("RECORD-001", Exit::Invalid)
                .with("kind", key.kind.0)
                .with("known", "")
        })?;
        Ok(Self {
            files: held(kind, &meaning.values),
            stored,
            kind,
            meaning,
        })
    }

    /// The file that a hash or its first digits mean.
    ///
    /// # Errors
    /// The record names none, or several.
    pub fn file(&self, text: &str) -> Result<&Held, Failure> {
        let text = text.trim().to_ascii_lowercase();
        let of_hash = |held: &&Held| held.hash.to_string().starts_with(&text);
        let mut found = self.files.iter().filter(of_hash);
        let first = found.next().filter(|_| text.len() >= HASH_DIGITS_MIN);
        let first = first.filter(|first| found.all(|other| other.hash == first.hash));
        first.ok_or_else(|| Failure::new("ATTACH-006", Exit::Invalid).with("hash", text))
    }

    fn field(&self, name: &str) -> Result<&'static FieldSpec, Failure> {
        let known = attachment::fields(self.kind);
        let mut fields = known.filter(|field| field.id == name || field.zh == name);
        fields.next().ok_or_else(|| {
            let known: Vec<_> = attachment::fields(self.kind)
                .map(|field| field.id.as_str())
                .collect();
            Failure::new("ATTACH-007", Exit::Invalid)
                .with("field", name)
                .with("fields", known.join(", "))
        })
    }

    /// The items of a field as they are.
    fn items(&self, field: &FieldSpec) -> Vec<Value> {
        let mut values = value::to_json(self.kind, &self.meaning.values);
        match values.remove(&field.id) {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        }
    }

    /// The scope where a content lies that is not here, by its code. A node asks the hub for
    /// whatever it has not, so of its own records the content is at the city, if anywhere.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn lies_in(&self, app: &App) -> Result<String, Failure> {
        lies_in(app, &Scopes::new(app), self.stored.home)
    }

    /// Where the content of a file is. It is read and checked.
    ///
    /// # Errors
    /// The store or the cabinet cannot be read.
    pub fn content(&self, app: &App, desk: &FileDesk, held: &Held) -> Result<Content, Failure> {
        match app.files.cabinet().read(held.hash) {
            Ok(_) => return Ok(Content::Here),
            Err(CabinetError::Damaged) => return Ok(Content::Damaged),
            Err(CabinetError::Missing) => {}
            Err(error) => return Err(error.into()),
        }
        let waiting = desk.waiting_for(self.stored.record.key, held.hash)?;
        let waiting = waiting.map(|request| Content::Waiting(Box::new(request)));
        Ok(waiting.unwrap_or(Content::Elsewhere))
    }
}

fn lies_in(app: &App, scopes: &Scopes<'_>, home: ScopeId) -> Result<String, Failure> {
    if !app.is_hub() && home == app.scope() {
        return Ok(app.identity.published.code.clone());
    }
    scopes.code(home)
}

/// What a document says of the files that its record names: which are not here, and where they lie.
/// Nothing where it names none.
///
/// # Errors
/// The store cannot be read.
pub(crate) fn told(
    app: &App,
    scopes: &Scopes<'_>,
    stored: &Stored,
    meaning: &Effective,
) -> Result<Option<Value>, Failure> {
    let Some(kind) = app.catalogue.kind(stored.record.key.kind) else {
        return Ok(None);
    };
    let files = held(kind, &meaning.values);
    let told = files.iter().map(|held| {
        let here = app.files.cabinet().has(held.hash, held.attachment.size);
        let at = (!here).then(|| lies_in(app, scopes, stored.home));
        Ok(json!({
            "field": held.field.id,
            "hash": held.hash.to_string(),
            "name": shown_name(&held.attachment.name),
            "here": here,
            "at": at.transpose()?,
        }))
    });
    let told = told.collect::<Result<Vec<_>, Failure>>()?;
    Ok((!told.is_empty()).then_some(Value::Array(told)))
}

/// Reads a file that is to be attached. Its size is looked at before it is read.
fn read_file(path: &Path) -> Result<Vec<u8>, Failure> {
    let shown = || shown_name(&path.to_string_lossy());
    let about = fs::metadata(path)?;
    if !about.is_file() || about.len() == 0 {
        return Err(Failure::new("ATTACH-003", Exit::Invalid).with("file", shown()));
    }
    let mut bytes = Vec::new();
    if about.len() <= BYTES_MAX {
        fs::File::open(path)?
            .take(BYTES_MAX + 1)
            .read_to_end(&mut bytes)?;
    }
    let size = about.len().max(bytes.len() as u64);
    if size > BYTES_MAX {
        let size = domain::label::size(size);
        return Err(Failure::new("ATTACH-001", Exit::Invalid)
            .with("file", shown())
            .with("size", size));
    }
    Ok(bytes)
}

/// Attaches a file to a record: the content goes into the cabinet, hash, size, type and name into
/// the field by an ordinary edit. What may not be written leaves no content behind.
///
/// # Errors
/// The file is none that may be attached, or the edit may not be written.
pub fn add(
    app: &App,
    folder: &Folder,
    (field, file): (&str, &Path),
    reason: &str,
) -> Result<(Saved, FileHash), Failure> {
    let field = folder.field(field)?;
    let bytes = read_file(file)?;
    let media = recognise(&bytes).ok_or_else(|| Failure::new("ATTACH-002", Exit::Invalid))?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let name = shown_name(&name);
    if name.is_empty() {
        return Err(Failure::new("ATTACH-019", Exit::Invalid));
    }
    let hash = FileHash::of(&bytes);
    let mut items = folder.items(field);
    let is_named = |item: &Value| item.get("hash") == Some(&hash.to_string().into());
    if !items.iter().any(is_named) {
        items.push(json!({
            "hash": hash.to_string(),
            "name": name,
            "size": bytes.len(),
            "media_type": media.id,
        }));
    }
    let items = Value::Array(items);
    let change = change(folder, field, &items, reason);
    // Asked before anything is put in, so that a refusal leaves nothing behind.
    Desk::new(app)?.prepare(&change)?;
    let _turn = app.files.turn();
    app.files.cabinet().put(&bytes, app.clock.wall_ms())?;
    desk(app).note_put(folder.stored.record.key, hash)?;
    Ok((records::put(app, &change)?, hash))
}

/// Takes a file from a field. Its content stays until it is cleared away.
///
/// # Errors
/// The record does not name it there, or the edit may not be written.
pub fn remove(
    app: &App,
    folder: &Folder,
    (field, hash): (&str, &str),
    reason: &str,
) -> Result<Saved, Failure> {
    let field = folder.field(field)?;
    let held = folder.file(hash)?;
    let mut items = folder.items(field);
    let before = items.len();
    let hash = Value::from(held.hash.to_string());
    items.retain(|item| item.get("hash") != Some(&hash));
    if items.len() == before {
        return Err(Failure::new("ATTACH-006", Exit::Invalid).with("hash", held.hash));
    }
    let items = Value::Array(items);
    records::put(app, &change(folder, field, &items, reason))
}

fn change<'a>(
    folder: &Folder,
    field: &'a FieldSpec,
    items: &'a Value,
    reason: &'a str,
) -> Change<'a> {
    Change {
        kind: folder.kind,
        id: Some(folder.stored.record.key.id),
        set: vec![(field.id.as_str(), Input::Json(items))],
        seen: None,
        scope: None,
        reason,
        source: Source::Command,
    }
}

/// Writes a content that is here into a new file.
///
/// # Errors
/// It is not here, is damaged or not of the type that the record says, or the file is there.
pub fn save(app: &App, folder: &Folder, held: &Held, output: &Path) -> Result<u64, Failure> {
    let content = match app.files.cabinet().read(held.hash) {
        Ok(content) => content,
        Err(CabinetError::Missing) => {
            let lies_in = folder.lies_in(app)?;
            return Err(Failure::new("ATTACH-004", Exit::Failed).with("scope", lies_in));
        }
        Err(error) => return Err(error.into()),
    };
    let media = recognise(&content).map(|media| media.id);
    if media != Some(held.attachment.media_type.as_str()) {
        return Err(Failure::new("ATTACH-017", Exit::Refused));
    }
    let mut options = fs::OpenOptions::new();
    let made = options.write(true).create_new(true).mode(0o600);
    let mut file = made.open(output).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Failure::new("ATTACH-018", Exit::Usage).with("file", output.display())
        }
        _ => error.into(),
    })?;
    file.write_all(&content)?;
    file.sync_all()?;
    Ok(content.len() as u64)
}

/// Asks for a content where it lies.
///
/// # Errors
/// Nobody can have it, the record says impossible things of it, too much waits, or there is no
/// reason.
pub fn fetch(
    app: &App,
    folder: &Folder,
    held: &Held,
    reason: &str,
) -> Result<FileRequest, Failure> {
    let reason = records::reason_of(reason)?;
    if !attachment::is_sound(&held.attachment) {
        return Err(Failure::new("ATTACH-013", Exit::Invalid));
    }
    let wish = Wish {
        record: folder.stored.record.key,
        hash: held.hash,
        size: held.attachment.size,
        account: app.author(),
        reason,
        scopes: if app.is_hub() {
            keepers(app, &folder.stored)?
        } else {
            Vec::new()
        },
    };
    Ok(desk(app).ask(&wish, records::new_id(app).0)?)
}

/// The scopes whose nodes may have a content: where the record belongs, belonged, and was made.
fn keepers(app: &App, stored: &Stored) -> Result<Vec<ScopeId>, Failure> {
    let record = &stored.record;
    let former = replica::owner(record).map(|owner| owner.former);
    let all = [stored.home, record.scope].into_iter();
    let all: BTreeSet<ScopeId> = all.chain(former.into_iter().flatten()).collect();
    let own = [app.scope(), app.published()];
    let keepers: Vec<ScopeId> = all.into_iter().filter(|of| !own.contains(of)).collect();
    if keepers.is_empty() {
        return Err(Failure::new("ATTACH-009", Exit::Failed));
    }
    Ok(keepers)
}

/// The contents that no record names, neither now nor in a candidate of an open conflict, and that
/// were put in longer ago than so many days.
///
/// # Errors
/// The store or the cabinet cannot be read.
pub fn orphans(app: &App, days: u64) -> Result<Vec<Kept>, Failure> {
    let mut kept = app.files.cabinet().list()?;
    if kept.is_empty() {
        return Ok(kept);
    }
    let named = named(app)?;
    let now_ms = app.clock.wall_ms();
    let is_old = |kept: &Kept| kept.since_ms.saturating_add(days * DAY_MS) <= now_ms;
    kept.retain(|kept| !named.contains(&kept.hash) && is_old(kept));
    Ok(kept)
}

/// Every content that a record here names, those that are deleted included: they can come back.
pub(crate) fn named(app: &App) -> Result<BTreeSet<FileHash>, Failure> {
    let mut named = BTreeSet::new();
    let mut note = |kind: &'static KindSpec, key: RecordKey| {
        if let Some(stored) = app.reader().get(key)? {
            for sibling in &stored.record.siblings {
                named.extend(held(kind, &sibling.value).iter().map(|held| held.hash));
            }
        }
        Ok::<(), Failure>(())
    };
    let kinds = app.catalogue.kinds().iter();
    for kind in kinds.filter(|kind| attachment::fields(kind).next().is_some()) {
        let mut after = None;
        loop {
            let keys = app.reader().keys(kind.kind, None, after, PAGE_KEYS);
            let Some(last) = keys.last() else { break };
            after = Some(last.id);
            for key in keys {
                note(kind, key)?;
            }
        }
        let guests = app.reader().guests(app.scope()).into_iter();
        for key in guests.filter(|key| key.kind == kind.kind) {
            note(kind, key)?;
        }
    }
    Ok(named)
}

/// Clears contents away that no record names.
///
/// # Errors
/// The store or the cabinet cannot be read or written.
pub fn prune(app: &App, days: u64) -> Result<Vec<Kept>, Failure> {
    let _turn = app.files.turn();
    let orphans = orphans(app, days)?;
    for kept in &orphans {
        app.files.cabinet().remove(kept.hash)?;
    }
    Ok(orphans)
}

/// A file of a record for scripts.
///
/// # Errors
/// The store or the cabinet cannot be read.
pub fn file_json(
    app: &App,
    folder: &Folder,
    desk: &FileDesk,
    held: &Held,
) -> Result<Map<String, Value>, Failure> {
    let content = folder.content(app, desk, held)?;
    let (state, request) = match &content {
        Content::Here => ("here", None),
        Content::Damaged => ("damaged", None),
        Content::Waiting(request) => ("waiting", Some(request)),
        Content::Elsewhere => ("elsewhere", None),
    };
    let at = matches!(content, Content::Elsewhere | Content::Waiting(_));
    let at = at.then(|| folder.lies_in(app)).transpose()?;
    let code = request.map(|request| request.code.as_str());
    let file = json!({
        "field": held.field.id,
        "hash": held.hash.to_string(),
        "name": shown_name(&held.attachment.name),
        "size": held.attachment.size,
        "media_type": held.attachment.media_type,
        "state": state,
        "at": at,
        "since": request.map(|request| moment(request.asked_ms)),
        "reason": request.map(|request| request.reason.as_str()),
        "account": request.map(|request| request.account.as_str()),
        "code": code.filter(|code| !code.is_empty()),
    });
    match file {
        Value::Object(map) => Ok(map),
        _ => Ok(Map::new()),
    }
}

/// A moment for scripts.
pub(crate) fn moment(ms: i64) -> String {
    let ms = u64::try_from(ms).unwrap_or_default();
    format!("{}+08:00", crate::clock::moment(ms).replace(' ', "T"))
}

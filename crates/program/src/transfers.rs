//! Moving a record to another scope: asked for by the scopes, committed by the hub.
//!
//! A request is a record of the scope that asks, lent to the other one. When both have asked for
//! the same move, both agree: that is all that consent is, so there is no second kind of record
//! and no answer that could be lost. Until the hub commits, the record belongs where it was and counts
//! there. An organisation whose own scope has asked is in transfer meanwhile and only read: that follows
//! from the request in one save ([`domain::state::effects`]), and ends with it.

use domain::{KindSpec, across, decode, value::Input};
use proto::ledger::{CensusStatus, Organisation, TransferRequest, TransferStatus};
use replica::{HybridTime, RecordId, RecordKey, ScopeId, Source};
use serde_json::{Map, Value};
use store::Stored;

use crate::{
    app::App,
    failure::{Exit, Failure},
    records::{Change, Saved, Scopes, Sight, alias_of, each_here, find, kind_of, meaning, put},
};

/// The first schema whose programs know that records move. An older node would go on holding what
/// has left its scope for its own, and the two sides would never be equal again.
pub const SCHEMA_MOVES: u32 = 2;

const KIND: &str = "transfer_request";

/// The kinds of records that move by themselves; all else moves with one of them or stays.
pub(crate) const MOVABLE: &[&str] = &["organisation", "party_organisation", "person"];

/// What a list of requests shows: field, Chinese, English.
pub const COLUMNS: &[(&str, &str, &str)] = &[
    ("id", "编号", "id"),
    ("record", "记录", "record"),
    ("title", "名称", "name"),
    ("from", "迁出", "from"),
    ("to", "迁入", "to"),
    ("asked_by", "申请辖区", "asked by"),
    ("status", "状态", "status"),
    ("agreed", "双方同意", "agreed"),
    ("reason", "原因", "reason"),
    ("waits_for", "等待节点", "waits for"),
];

/// A request that is seen here.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its record.
    pub stored: Stored,
    /// The record that is to move.
    pub record: RecordKey,
    /// From where.
    pub from: ScopeId,
    /// Where to.
    pub to: ScopeId,
    /// How far it has come.
    pub status: TransferStatus,
    /// When it came so far.
    since: Option<HybridTime>,
    row: TransferRequest,
}

impl Request {
    fn of(app: &App, stored: &Stored, values: &[u8]) -> Option<Self> {
        let row: TransferRequest = decode(values).ok()?;
        let register = kind_of(app, KIND).ok()?.field("status")?.register;
        let statuses = stored.record.register(register).iter();
        Some(Self {
            since: statuses.map(|sibling| sibling.write.time).max(),
            stored: stored.clone(),
            record: across::named(app.catalogue, row.record())?,
            from: across::scope(row.from_scope.as_ref())?,
            to: across::scope(row.to_scope.as_ref())?,
            status: row.status(),
            row,
        })
    }

    /// One request.
    ///
    /// # Errors
    /// There is none, or it was deleted.
    pub fn find(app: &App, id: RecordId) -> Result<Self, Failure> {
        let kind = kind_of(app, KIND)?.kind;
        let stored = find(app, RecordKey { kind, id })?;
        let meaning = meaning(app, &stored.record)?;
        if meaning.deleted {
            return Err(Failure::new("TRANSFER-017", Exit::Invalid).with("id", id));
        }
        let found = Self::of(app, &stored, &meaning.values);
        found.ok_or_else(|| Failure::new("TRANSFER-001", Exit::Invalid).with("id", id))
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> RecordId {
        self.stored.record.key.id
    }

    /// The scope that asks.
    #[must_use]
    pub fn asks(&self) -> ScopeId {
        self.stored.record.scope
    }

    /// Whether it waits.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.status == TransferStatus::Requested
    }

    /// Whether two requests ask for the same move.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        (self.record, self.from, self.to) == (other.record, other.from, other.to)
    }

    /// Whether a scope has asked for this move too.
    #[must_use]
    pub fn is_asked_by(&self, scope: ScopeId, all: &[Self]) -> bool {
        let mut same = all.iter().filter(|one| one.is_open() && self.is_same(one));
        same.any(|one| one.asks() == scope)
    }

    /// Whether it takes a record into transfer: the record's own scope asked, and it waits.
    #[must_use]
    pub fn holds(&self, stored: &Stored) -> bool {
        let is_own = self.from == stored.home && self.asks() == stored.home;
        self.record == stored.record.key && is_own && self.is_open()
    }

    /// Whether it came from the scope of an organisation of another scope, and so takes that into
    /// transfer there.
    #[must_use]
    pub fn takes_into_transfer(&self, app: &App) -> bool {
        let is_own = self.asks() == self.from && self.from != app.scope();
        let kind = app.catalogue.kind(self.record.kind);
        is_own && self.is_open() && kind.is_some_and(|kind| kind.id == "organisation")
    }

    /// Whether it only joined another that waited for the same move when it was made, and ended as
    /// that one did: then it is consent, and no move of its own.
    fn joins_another(&self, all: &[Self]) -> bool {
        let joins = |one: &Self| {
            let waited = one.is_open() || one.since > self.made().map(|(at, _)| at);
            one.made() < self.made() && waited
        };
        let mut same = all.iter().filter(|one| self.is_same(one));
        same.any(|one| one.status == self.status && joins(one))
    }

    /// When it was made; the id parts those of one moment.
    fn made(&self) -> Option<(HybridTime, RecordId)> {
        let siblings = self.stored.record.siblings.iter();
        let first = siblings.map(|sibling| sibling.write.time).min()?;
        Some((first, self.id()))
    }

    /// Whether both scopes have asked for it. A scope of the city itself needs nobody's word but
    /// the city's.
    #[must_use]
    pub fn is_agreed(&self, all: &[Self], city: &[ScopeId]) -> bool {
        let agrees = |scope| city.contains(&scope) || self.is_asked_by(scope, all);
        agrees(self.from) && agrees(self.to)
    }

    /// What the record was called; of one that is erased some day nothing, whoever wrote it down.
    fn title(&self, app: &App) -> Option<&str> {
        let kind = app.catalogue.kind(self.record.kind);
        let stays = kind.is_none_or(|kind| domain::erasure::mark_field(kind).is_none());
        self.row.title.as_deref().filter(|_| stays)
    }

    /// What the record is called to whoever asks: a person as it is seen here, if it is.
    fn shown_title(&self, app: &App) -> Result<Value, Failure> {
        let kind = app.catalogue.kind(self.record.kind);
        let Some(kind) = kind.filter(|kind| domain::erasure::mark_field(kind).is_some()) else {
            return Ok(self.title(app).into());
        };
        let Some(stored) = app.reader().get(self.record)? else {
            return Ok(Value::Null);
        };
        let values = meaning(app, &stored.record)?.values;
        let mut values = Sight::of(app, &stored).values(kind, &values);
        Ok(values.remove("display_name").unwrap_or_default())
    }

    /// The request as scripts read it.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn json(
        &self,
        app: &App,
        all: &[Self],
        scopes: &Scopes<'_>,
    ) -> Result<Map<String, Value>, Failure> {
        let status = match self.status {
            TransferStatus::Accepted => "accepted",
            TransferStatus::Refused => "refused",
            TransferStatus::Ruled => "ruled",
            TransferStatus::Cancelled => "cancelled",
            TransferStatus::Requested | TransferStatus::Unspecified => "requested",
        };
        let city = [app.scope(), app.published()];
        let city: &[ScopeId] = if app.is_hub() { &city } else { &[] };
        let agreed = self.is_open() && self.is_agreed(all, city);
        let mut entry = Map::new();
        entry.insert("id".to_owned(), self.id().to_string().into());
        let record = across::name(app.catalogue, self.record);
        entry.insert("record".to_owned(), record.into());
        entry.insert("title".to_owned(), self.shown_title(app)?);
        entry.insert("from".to_owned(), scopes.code(self.from)?.into());
        entry.insert("to".to_owned(), scopes.code(self.to)?.into());
        entry.insert("asked_by".to_owned(), scopes.code(self.asks())?.into());
        entry.insert("reason".to_owned(), self.row.reason.clone().into());
        entry.insert("status".to_owned(), status.into());
        entry.insert("agreed".to_owned(), agreed.into());
        entry.insert("ruling".to_owned(), self.row.ruling.clone().into());
        Ok(entry)
    }
}

/// Every request that is seen here, ascending by id.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn all(app: &App) -> Result<Vec<Request>, Failure> {
    let mut all = Vec::new();
    each_here(app, kind_of(app, KIND)?.kind, &mut |stored, meaning| {
        all.extend(Request::of(app, stored, &meaning.values));
        Ok(std::ops::ControlFlow::Continue(()))
    })?;
    Ok(all)
}

/// Asks for a move: of a record of this scope to another, or of another's record to here.
///
/// # Errors
/// The record moves with another, is no kind that moves, was merged, is there already, belongs to
/// neither scope, or was asked for before.
pub fn request(app: &App, key: RecordKey, to: ScopeId, reason: &str) -> Result<Saved, Failure> {
    let stored = find(app, key)?;
    check_movable(app, &stored)?;
    let from = stored.home;
    if from == to {
        return Err(
            Failure::new("TRANSFER-002", Exit::Invalid).with("scope", Scopes::new(app).code(to)?)
        );
    }
    if ![from, to].contains(&app.scope()) {
        return Err(
            Failure::new("TRANSFER-003", Exit::Refused).with("scope", Scopes::new(app).code(from)?)
        );
    }
    let values = meaning(app, &stored.record)?.values;
    let kind = app.catalogue.kind(key.kind);
    let title = kind.and_then(|kind| title(kind, &values));
    ask(app, (key, from, to), title.as_deref(), reason)
}

/// Asks for the same move as the other scope has: that is consent. Returns the request that was
/// agreed to, as a list shows it.
///
/// # Errors
/// The request is this scope's own, or does not wait any more.
pub fn consent(app: &App, id: RecordId, reason: &str) -> Result<Map<String, Value>, Failure> {
    let other = Request::find(app, id)?;
    if !other.is_open() {
        return Err(Failure::new("TRANSFER-004", Exit::Invalid).with("id", id));
    }
    if other.asks() == app.scope() || ![other.from, other.to].contains(&app.scope()) {
        return Err(Failure::new("TRANSFER-005", Exit::Refused).with("id", id));
    }
    let (record, from, to) = (other.record, other.from, other.to);
    ask(app, (record, from, to), other.title(app), reason)?;
    other.json(app, &all(app)?, &Scopes::new(app))
}

/// Whether a record is in transfer, and only read here until that is over.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn is_locked(app: &App, key: RecordKey) -> Result<bool, Failure> {
    let Some(stored) = app.reader().get(key)? else {
        return Ok(false);
    };
    let holds = |one: &Request| one.holds(&stored);
    let is_organisation = kind_of(app, "organisation")?.kind == key.kind;
    let row: Organisation = decode(&meaning(app, &stored.record)?.values).unwrap_or_default();
    let is_moving = is_organisation && row.census_status() == CensusStatus::Transferring;
    Ok(is_moving && stored.home == app.scope() && all(app)?.iter().any(holds))
}

/// Whether the values of a record say that it is a request which waits.
pub(crate) fn is_waiting(kind: &KindSpec, values: &[u8]) -> bool {
    let row = || decode::<TransferRequest>(values).unwrap_or_default();
    kind.id == KIND && row().status() == TransferStatus::Requested
}

/// Takes a request back, or the consent to one of the other scope.
///
/// # Errors
/// It is not this scope's, or does not wait any more.
pub fn cancel(app: &App, id: RecordId, reason: &str) -> Result<Saved, Failure> {
    let named = Request::find(app, id)?;
    if !named.is_open() {
        return Err(Failure::new("TRANSFER-004", Exit::Invalid).with("id", id));
    }
    let all = all(app)?;
    let mut same = all.iter().filter(|one| one.is_open() && named.is_same(one));
    let own = same.find(|one| one.asks() == app.scope());
    let id = own.map_or(id, Request::id);
    put(
        app,
        &Change {
            kind: kind_of(app, KIND)?,
            id: Some(id),
            set: vec![("status", Input::Text("cancelled"))],
            seen: None,
            scope: None,
            reason,
            source: Source::Command,
        },
    )
}

fn ask(
    app: &App,
    (record, from, to): (RecordKey, ScopeId, ScopeId),
    title: Option<&str>,
    reason: &str,
) -> Result<Saved, Failure> {
    let before = all(app)?.into_iter().find(|one| {
        let same = (one.record, one.from, one.to) == (record, from, to);
        same && one.is_open() && one.asks() == app.scope()
    });
    if let Some(before) = before {
        return Err(Failure::new("TRANSFER-006", Exit::Invalid).with("id", before.id()));
    }
    let record = across::name(app.catalogue, record);
    let (from, to) = (RecordId(from.0).to_string(), RecordId(to.0).to_string());
    let mut set = vec![
        ("record", Input::Text(&record)),
        ("from_scope", Input::Text(&from)),
        ("to_scope", Input::Text(&to)),
        ("reason", Input::Text(reason)),
        ("status", Input::Text("requested")),
    ];
    set.extend(title.map(|title| ("title", Input::Text(title))));
    put(
        app,
        &Change {
            kind: kind_of(app, KIND)?,
            id: None,
            set,
            seen: None,
            scope: None,
            reason,
            source: Source::Command,
        },
    )
}

/// Whether a record moves by itself.
///
/// # Errors
/// It moves with another, which is named, it never moves, or it was merged into another.
pub fn check_movable(app: &App, stored: &Stored) -> Result<(), Failure> {
    let key = stored.record.key;
    let kind = app.catalogue.kind(key.kind);
    let name = across::name(app.catalogue, key);
    if let Some(parent) = domain::parent(app.catalogue, &stored.record) {
        let parent = across::name(app.catalogue, parent);
        return Err(Failure::new("TRANSFER-007", Exit::Invalid)
            .with("record", name)
            .with("parent", parent));
    }
    if !kind.is_some_and(|kind| MOVABLE.contains(&kind.id.as_str())) {
        return Err(Failure::new("TRANSFER-008", Exit::Invalid).with("record", name));
    }
    if let domain::Alias::Of(other) = alias_of(app, key)? {
        return Err(Failure::new("MERGED-001", Exit::Refused)
            .with("id", key.id)
            .with("kind", kind.map_or("", |kind| kind.id.as_str()))
            .with("to", other));
    }
    Ok(())
}

/// What people call a record. None of one whose name is erased some day: a request is no part of the
/// record, so the name would stay in it.
#[must_use]
pub fn title(kind: &KindSpec, values: &[u8]) -> Option<String> {
    if domain::erasure::mark_field(kind).is_some() {
        return None;
    }
    let json = domain::value::to_json(kind, values);
    let said = |field: &str| json.get(field).and_then(Value::as_str).map(str::to_owned);
    said("name")
}

/// The requests that a list shows, one for each move that waits, and on request one for each that
/// is settled.
#[must_use]
pub fn shown(requests: &[Request], with_done: bool) -> Vec<&Request> {
    let shown = requests.iter().filter(|one| with_done || one.is_open());
    shown.filter(|one| !one.joins_another(requests)).collect()
}

/// The requests as scripts read them: those that wait, or all.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn list(app: &App, with_done: bool) -> Result<Vec<Map<String, Value>>, Failure> {
    let (requests, scopes) = (all(app)?, Scopes::new(app));
    let shown = shown(&requests, with_done).into_iter();
    shown.map(|one| one.json(app, &requests, &scopes)).collect()
}

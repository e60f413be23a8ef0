//! How whoever gives a command sees the personal data of one record.

use std::collections::BTreeSet;

use domain::{
    FieldSpec, KindSpec, decode,
    permission::{self, Mask},
    value,
};
use proto::ledger::{Nomination, NominationStatus, RoleAssignment};
use replica::{RecordId, RecordKey, RegisterId, ScopeId, Sibling};
use serde_json::{Map, Value, json};
use store::Stored;

use super::{
    Scopes,
    document::{ERASED, plain_value},
    each_present, kind_of, present,
};
use crate::{app::App, failure::Failure};

/// How the record of a key is seen: in full, or masked.
#[derive(Debug)]
pub struct Sight<'a> {
    app: &'a App,
    kind: Option<&'static KindSpec>,
    mask: Option<Mask<'static>>,
}

impl<'a> Sight<'a> {
    /// Of a record that lies here.
    #[must_use]
    pub fn of(app: &'a App, stored: &Stored) -> Self {
        let key = stored.record.key;
        let kind = app.catalogue.kind(key.kind);
        let masks = kind.is_none_or(permission::masks) && !app.sees(key, stored.home);
        let mask = masks.then(|| Mask::of(app.catalogue, kind, Some(&stored.record)));
        Self { app, kind, mask }
    }

    /// Of a record that may lie here. Of one that does not nobody knows whose it is.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn at(app: &'a App, key: RecordKey) -> Result<Self, Failure> {
        let kind = app.catalogue.kind(key.kind);
        if app.sees_personal() {
            return Ok(Self::unknown(app, kind));
        }
        let stored = app.reader().get(key)?;
        Ok(stored.map_or_else(|| Self::unknown(app, kind), |stored| Self::of(app, &stored)))
    }

    /// Of a record of which nobody here knows whose it is.
    #[must_use]
    pub fn unknown(app: &'a App, kind: Option<&'static KindSpec>) -> Self {
        let mask = (!app.sees_personal()).then(|| Mask::of(app.catalogue, kind, None));
        Self { app, kind, mask }
    }

    /// The kind of the record.
    #[must_use]
    pub fn kind(&self) -> Option<&'static KindSpec> {
        self.kind
    }

    /// Whether it is masked, be there anything to be hidden or not.
    #[must_use]
    pub fn is_masked(&self) -> bool {
        self.mask.is_some()
    }

    /// Whether anything of it is hidden.
    #[must_use]
    pub fn hides(&self) -> bool {
        self.mask.is_some_and(|mask| mask.hides())
    }

    /// The values of a record as scripts read them.
    #[must_use]
    pub fn values(&self, kind: &KindSpec, bytes: &[u8]) -> Map<String, Value> {
        let mut values = value::to_json(kind, bytes);
        if let Some(mask) = &self.mask {
            mask.values(&mut values);
        }
        values
    }

    /// The value of a register as scripts read it; for a deletion what was said with it.
    #[must_use]
    pub fn register(&self, register: RegisterId, bytes: &[u8]) -> Value {
        if domain::erasure::is_erased_value(bytes) {
            return ERASED.into();
        }
        let mut value = plain_value(self.kind, register, bytes);
        if let Some(mask) = &self.mask {
            mask.register(register, &mut value);
        }
        value
    }

    /// What one of its fields reads as, in words.
    #[must_use]
    pub fn text(&self, field: &FieldSpec, text: &str) -> String {
        let hides = |kind: &KindSpec| self.is_masked() && permission::is_masked(kind, field);
        match self.kind.is_some_and(hides) {
            true => permission::masked(field, text),
            false => text.to_owned(),
        }
    }

    /// What a write gave its register, as scripts read it; of an owner the code of the scope.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn told(&self, sibling: &Sibling) -> Result<Value, Failure> {
        if sibling.register != RegisterId::OWNER {
            return Ok(self.register(sibling.register, &sibling.value));
        }
        let named: proto::schema::Ownership = decode(&sibling.value).unwrap_or_default();
        let scope = ScopeId::try_from(named.scope.as_slice());
        let scopes = Scopes::new(self.app);
        let code = scope.map_or(Ok(None), |scope| scopes.code(scope).map(Some))?;
        let since = named.stays.last().map(|stay| &stay.until);
        Ok(json!({ "scope": code, "epoch": named.epoch, "since": since }))
    }
}

/// The people that nominations are about which lie at the city and are not settled yet: who holds a
/// role in a nominated Party organisation.
///
/// # Errors
/// The store is damaged or cannot be read.
pub(crate) fn under_review(app: &App) -> Result<BTreeSet<RecordId>, Failure> {
    let (nomination, role) = (
        kind_of(app, "nomination")?,
        kind_of(app, "role_assignment")?,
    );
    let party = kind_of(app, "party_organisation")?.kind;
    let mut nominated = BTreeSet::new();
    each_present(app, nomination.kind, None, &mut |present| {
        let row: Nomination = decode(&present.values).unwrap_or_default();
        let is_open = matches!(
            row.status(),
            NominationStatus::Received | NominationStatus::SpotChecked
        );
        let id = row.party_organisation.filter(|_| is_open);
        nominated.extend(id.and_then(|id| RecordId::try_from(id.as_slice()).ok()));
        Ok(())
    })?;
    let mut people = BTreeSet::new();
    for id in nominated {
        let children = app.reader().children(RecordKey { kind: party, id });
        for key in children.into_iter().filter(|key| key.kind == role.kind) {
            let Some(present) = present(app, key)? else {
                continue;
            };
            let row: RoleAssignment = decode(&present.values).unwrap_or_default();
            if is_held(app, row.from_on.as_ref(), row.to_on.as_ref()) {
                let person = row.person.as_deref().map(RecordId::try_from);
                people.extend(person.and_then(Result::ok));
            }
        }
    }
    Ok(people)
}

/// Whether a role with these dates is held today.
pub(crate) fn is_held(app: &App, from: Option<&String>, to: Option<&String>) -> bool {
    domain::validate::is_active_on(from, to, app.today())
}

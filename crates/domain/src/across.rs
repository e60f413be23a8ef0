//! What holds between records of two scopes: which record another goes with, what one scope sees of
//! another, and what becomes of a write that came too late.
//!
//! All are functions of values and read fields that are set once or that only the hub writes, so that
//! no district moves or shows a record by editing it.

use bytes::Bytes;
use prost::Message as _;
use proto::ledger::{
    CensusStatus, DuplicateCase, Notice, Proposal, ProposedValue, TransferRequest,
};
use replica::{Edit, Record, RecordId, RecordKey, RegisterId, ScopeId, Set, Sibling, Source};

use crate::{
    authority::{is_docket, status},
    catalogue::{Catalogue, FieldSpec, KindSpec, Travel, Type},
    effective::{decode, effective},
    identity,
    state::steps,
    value,
    wire::{self, Item},
};

/// Who writes a proposal. No person does: the hub makes it of a write that it could not take.
const HUB: &str = "hub";

/// Returns the record whose scope this one shares. None for a root, and for one whose parent is
/// not said or does not belong to a scope.
#[must_use]
pub fn parent(catalogue: &Catalogue, record: &Record) -> Option<RecordKey> {
    let kind = catalogue.kind(record.key.kind)?;
    let field = kind.field_by_number(kind.parent?)?;
    let parent = referred(catalogue, kind, field, record)?;
    let travels = catalogue.kind(parent.kind)?.travel == Travel::Scope;
    (travels && parent != record.key).then_some(parent)
}

/// The same of a record that is being made, from its values.
#[must_use]
pub fn parent_of_values(
    catalogue: &Catalogue,
    kind: &KindSpec,
    values: &[u8],
) -> Option<RecordKey> {
    let field = kind.field_by_number(kind.parent?)?;
    let item = wire::items(field, &wire::chunks(values).ok()?).pop()?;
    let parent = reference(catalogue, field, &item)?;
    let travels = catalogue.kind(parent.kind)?.travel == Travel::Scope;
    travels.then_some(parent)
}

/// The scope that values name as the one in which their record is made, where the kind has such a
/// field.
#[must_use]
pub fn named_scope(kind: &KindSpec, values: &[u8]) -> Option<ScopeId> {
    let field = kind.scope_field()?;
    match wire::items(field, &wire::chunks(values).ok()?).pop()? {
        Item::Bytes(id) => id.as_ref().try_into().ok().map(ScopeId),
        Item::Number(_) | Item::Text(_) => None,
    }
}

/// The record that a field names. Of several candidates the one with the lowest dot stands, as for
/// everything that is set once.
fn referred(
    catalogue: &Catalogue,
    kind: &KindSpec,
    field: &FieldSpec,
    record: &Record,
) -> Option<RecordKey> {
    let register = kind.register(field.register)?;
    let value = &record.register(register.id).first()?.value;
    let item = wire::items(field, &wire::chunks(value).ok()?).pop()?;
    reference(catalogue, field, &item)
}

/// The record that one item of a reference field names.
pub(crate) fn reference(
    catalogue: &Catalogue,
    field: &FieldSpec,
    item: &Item,
) -> Option<RecordKey> {
    match (field.value_type, item) {
        (Type::Reference, Item::Bytes(id)) => Some(RecordKey {
            kind: catalogue.kind_by_id(field.reference.as_deref()?)?.kind,
            id: RecordId::try_from(id.as_ref()).ok()?,
        }),
        (Type::AnyReference, Item::Text(text)) => named(catalogue, text),
        _ => None,
    }
}

/// Reads `kind/id`.
#[must_use]
pub fn named(catalogue: &Catalogue, text: &str) -> Option<RecordKey> {
    let (kind, id) = text.split_once('/')?;
    Some(RecordKey {
        kind: catalogue.kind_by_id(kind)?.kind,
        id: RecordId(uuid::Uuid::try_parse(id).ok()?.into_bytes()),
    })
}

/// Returns the name of a record in fields and commands: `kind/id`.
#[must_use]
pub fn name(catalogue: &Catalogue, key: RecordKey) -> String {
    format!("{}/{}", catalogue.kind_name(key.kind), key.id)
}

/// Returns every record that a record's values refer to, with the field that says so.
#[must_use]
pub fn references<'k>(
    catalogue: &Catalogue,
    kind: &'k KindSpec,
    values: &[u8],
) -> Vec<(&'k FieldSpec, RecordKey)> {
    let chunks = wire::chunks(values).unwrap_or_default();
    let refers =
        |field: &&FieldSpec| matches!(field.value_type, Type::Reference | Type::AnyReference);
    kind.fields
        .iter()
        .filter(refers)
        .flat_map(|field| {
            let items = wire::items(field, &chunks);
            let keys = items
                .into_iter()
                .filter_map(|item| reference(catalogue, field, &item));
            keys.map(move |key| (field, key)).collect::<Vec<_>>()
        })
        .collect()
}

/// Returns what a record makes visible, whole and read-only, in which other scope. `home_of` says where
/// it and others belong. What is in that scope anyway is for the caller to leave out.
#[must_use]
pub fn lends(
    catalogue: &Catalogue,
    record: &Record,
    home_of: &dyn Fn(RecordKey) -> Option<ScopeId>,
) -> Vec<(RecordKey, ScopeId)> {
    let kind = catalogue.kind(record.key.kind);
    let (Some(kind), Some(home)) = (kind, home_of(record.key)) else {
        return Vec::new();
    };
    let itself = |scopes: Vec<Option<ScopeId>>| {
        let others = scopes.into_iter().flatten().filter(|scope| *scope != home);
        others.map(|scope| (record.key, scope)).collect()
    };
    let named = |field: &str| {
        let field = kind.field(field)?;
        referred(catalogue, kind, field, record)
    };
    match kind.id.as_str() {
        "proposal" => {
            let row: Proposal = read(catalogue, record);
            itself(vec![scope(row.from_scope.as_ref())])
        }
        "transfer_request" => {
            let row: TransferRequest = read(catalogue, record);
            itself(vec![
                scope(row.from_scope.as_ref()),
                scope(row.to_scope.as_ref()),
            ])
        }
        "duplicate_case" => {
            let row: DuplicateCase = read(catalogue, record);
            let scopes: Vec<_> = row.scopes.iter().map(|bytes| scope(Some(bytes))).collect();
            // Who had the record that was merged finds under its id the one that stands.
            let survivor = crate::validate::key("organisation", row.survivor.as_ref());
            let others = scopes.clone().into_iter().flatten();
            let stands: Vec<_> = others
                .filter(|scope| *scope != home)
                .filter_map(|scope| Some((survivor?, scope)))
                .collect();
            let itself: Vec<_> = itself(scopes);
            itself.into_iter().chain(stands).collect()
        }
        "notice" => {
            let row: Notice = read(catalogue, record);
            itself(
                row.audience
                    .iter()
                    .map(|bytes| scope(Some(bytes)))
                    .collect(),
            )
        }
        // Who has the other spelling reads the one that stands.
        "agency" => named("alias_of")
            .map(|stands| (stands, home))
            .into_iter()
            .collect(),
        "coverage_link" => named("party_organisation")
            .map(|party| (party, home))
            .into_iter()
            .collect(),
        // Whose people attended counts them, with the session, which may be another's.
        "training_attendance" => {
            let of_person = named("person").and_then(home_of);
            let scopes = [Some(home), of_person.filter(|scope| *scope != home)];
            let sessions = scopes
                .into_iter()
                .flatten()
                .filter_map(|scope| named("session").map(|session| (session, scope)));
            let itself: Vec<_> = itself(vec![of_person]);
            sessions.chain(itself).collect()
        }
        _ => Vec::new(),
    }
}

fn read<M: prost::Message + Default>(catalogue: &Catalogue, record: &Record) -> M {
    decode(&effective(catalogue, record).values).unwrap_or_default()
}

/// Reads the reference to a scope: the id of a scope is the id of its record.
#[must_use]
pub fn scope(bytes: Option<&Vec<u8>>) -> Option<ScopeId> {
    bytes?.as_slice().try_into().ok().map(ScopeId)
}

/// A write that came too late to be taken.
#[derive(Clone, Copy, Debug)]
pub struct Late<'a> {
    /// The record.
    pub key: RecordKey,
    /// Where the record belongs now.
    pub home: ScopeId,
    /// The scope of the node that wrote.
    pub sender: ScopeId,
    /// What it wrote: all siblings of one dot.
    pub siblings: &'a [Sibling],
    /// Why it was not taken.
    pub code: &'a str,
}

/// Returns the id of the proposal that is made of a write: it comes from the hash of the write, so
/// that the same write makes the same proposal however often it comes.
#[must_use]
pub fn proposal_id(key: RecordKey, siblings: &[Sibling]) -> RecordId {
    let siblings: Vec<&Sibling> = siblings.iter().collect();
    identity::hashed_id(
        "liangxin proposal id v1",
        &replica::write_hash(key, &siblings).0,
    )
}

/// Whether a write takes a record out of its transfer and says nothing else. When it comes late the move
/// has ended that, and nobody has to answer.
#[must_use]
pub fn leaves_transfer(catalogue: &Catalogue, key: RecordKey, siblings: &[Sibling]) -> bool {
    let Some(kind) = catalogue
        .kind(key.kind)
        .filter(|it| it.id == "organisation")
    else {
        return false;
    };
    let Some((steps, state)) = steps::fields(kind) else {
        return false;
    };
    let transferring = u64::try_from(i32::from(CensusStatus::Transferring)).ok();
    let leaves = |said: &Sibling| {
        let before = said.ancestry.first().and_then(|it| it.value.as_ref());
        let register = kind.register(state.register).zip(before);
        register.and_then(|(register, before)| status(kind, register, before)) == transferring
    };
    let said = |sibling: &Sibling| {
        let register = sibling.register;
        register == steps.register || (register == state.register && leaves(sibling))
    };
    let is_state = |sibling: &Sibling| sibling.register == state.register;
    siblings.iter().all(said) && siblings.iter().any(is_state)
}

/// Returns the proposal that the hub makes of a late write. None when it set nothing that a person
/// could set, or is of a kind that nobody answers for: a decision is made again, where the record is
/// now. Nor of what a request that was taken back had undone: the move has ended the transfer.
#[must_use]
pub fn propose(catalogue: &Catalogue, late: &Late<'_>) -> Option<Edit> {
    let kind = catalogue.kind_by_id("proposal")?;
    let write = &late.siblings.first()?.write;
    let said = late
        .siblings
        .iter()
        .filter(|sibling| sibling.register != RegisterId::OWNER);
    let values: Vec<ProposedValue> = said
        .map(|sibling| ProposedValue {
            register: sibling.register.0,
            value: sibling.value.to_vec(),
        })
        .collect();
    let of_docket = catalogue.kind(late.key.kind).is_some_and(is_docket);
    let is_nobodys = late.key.kind == kind.kind
        || of_docket
        || leaves_transfer(catalogue, late.key, late.siblings);
    if values.is_empty() || is_nobodys {
        return None;
    }
    let proposal = Proposal {
        record: Some(name(catalogue, late.key)),
        values,
        author: Some(write.author.clone()),
        time: Some(write.time.0),
        reason: (!write.reason.is_empty()).then(|| write.reason.clone()),
        code: Some(late.code.to_owned()),
        from_scope: Some(late.sender.0.to_vec()),
        home_scope: Some(late.home.0.to_vec()),
        ..Proposal::default()
    };
    let registers = value::split(kind, &proposal.encode_to_vec()).ok()?;
    let set = registers.into_iter().map(|(register, value)| Set {
        register,
        value,
        shown: Vec::new(),
    });
    Some(Edit {
        key: RecordKey {
            kind: kind.kind,
            id: proposal_id(late.key, late.siblings),
        },
        scope: late.home,
        set: set.collect(),
        author: HUB.to_owned(),
        reason: late.code.to_owned(),
        source: Source::Unknown,
        decision: Bytes::new(),
    })
}

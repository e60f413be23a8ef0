//! What records mean in the simulated city: organisations and what belongs to them, who may write
//! what, and how a late write is shown.

use std::sync::Arc;

use bytes::Bytes;
use replica::{Edit, Kind, Record, RecordId, RecordKey, RegisterId, ScopeId, Set, Sibling, Source};
use store::{HomeOf, JudgeInput, Late, Rules, Verdict};

use super::{
    erasing::erasure,
    world::{HUB, NAMES, PUBLISHED},
};

/// Organisations.
pub(crate) const ROOT: Kind = Kind(5);
/// What belongs to an organisation.
pub(crate) const CHILD: Kind = Kind(6);
/// Late writes, shown to the scope that their record belongs to.
pub(crate) const PROPOSAL: Kind = Kind(8);
/// Decisions; they belong to the record that they are about.
pub(crate) const DECISION: Kind = Kind(9);
/// The record whose home a record shares. Written once, with the record.
pub(crate) const PARENT: RegisterId = RegisterId(7);
/// Only the hub writes it.
pub(crate) const MARKED: RegisterId = RegisterId(9);
/// A value that begins so is refused, whatever the register.
pub(crate) const BAD: &[u8] = b"bad";
/// The register of a proposal that says who made the late write.
const SENDER: RegisterId = RegisterId(2);

/// The key of an organisation that was first entered in a scope.
pub(crate) fn key(scope: ScopeId, number: u8) -> RecordKey {
    let mut id = [0; 16];
    id[0] = scope.0[0];
    id[15] = number;
    RecordKey {
        kind: ROOT,
        id: RecordId(id),
    }
}

/// The key of what belongs to an organisation, entered by somebody of a scope.
pub(crate) fn child_key(root: RecordKey, scope: ScopeId, number: u8) -> RecordKey {
    let mut id = [0; 16];
    (id[0], id[13], id[14], id[15]) = (scope.0[0], root.id.0[0], root.id.0[15], number);
    RecordKey {
        kind: CHILD,
        id: RecordId(id),
    }
}

/// What names a record in a register.
pub(crate) fn named(key: RecordKey) -> Vec<u8> {
    [&key.kind.0.to_be_bytes()[..], &key.id.0].concat()
}

/// The record that another shares the home of.
pub(crate) fn parent(record: &Record) -> Option<RecordKey> {
    let value = &record.register(PARENT).first()?.value;
    let (kind, id) = value.split_first_chunk::<4>()?;
    Some(RecordKey {
        kind: Kind(u32::from_be_bytes(*kind)),
        id: RecordId::try_from(id).ok()?,
    })
}

pub(crate) fn rules() -> Rules {
    Rules {
        judge: Arc::new(judge),
        parent: Arc::new(parent),
        child: Arc::new(|_| true),
        lends: Arc::new(lends),
        propose: Arc::new(|late: &Late<'_>| Some(propose(late))),
        erasure: Arc::new(erasure()),
    }
}

/// The rules of authority.
fn judge(input: &JudgeInput<'_>) -> Verdict {
    let seen = |sibling: &Sibling| {
        let existing = input.existing;
        existing.is_some_and(|r| r.context.covers(sibling.dot()))
    };
    let published = input.home == PUBLISHED;
    // What quotes a late write is as bad as that was, and no fault of its writer.
    let quotes = input.incoming.key.kind == PROPOSAL;
    // As the rules of the real programs: while the hub refills, the store alone says where from.
    let elsewhere = input.home != input.scope && !input.refilling;
    let fresh = input.incoming.siblings.iter().filter(|s| !seen(s));
    let illegal = fresh.filter(|s| {
        let hub = s.write.author == NAMES[HUB];
        let of_hub = [MARKED, RegisterId::OWNER].contains(&s.register) || published;
        elsewhere || (!quotes && s.value.starts_with(BAD)) || (!hub && of_hub)
    });
    let dots: Vec<_> = illegal.map(Sibling::dot).collect();
    if dots.is_empty() {
        return Verdict::Accept;
    }
    Verdict::Refuse {
        dots,
        code: "TEST-001",
    }
}

/// The scope whose late write a record proposes.
pub(crate) fn proposal_of(record: &Record) -> Option<ScopeId> {
    let sender = record.register(SENDER).first()?;
    let scope = ScopeId::try_from(&sender.value[..]).ok()?;
    (record.key.kind == PROPOSAL).then_some(scope)
}

/// A proposal is shown to the scope whose node made the late write.
fn lends(record: &Record, _home_of: HomeOf<'_>) -> Vec<(RecordKey, ScopeId)> {
    let sender = proposal_of(record).map(|sender| (record.key, sender));
    sender.into_iter().collect()
}

/// The name of the proposal that a late write makes: from the write, whoever is asked.
pub(crate) fn proposal_key(write: &Sibling) -> RecordKey {
    let dot = write.dot();
    let mut id = [8; 16];
    id[..8].copy_from_slice(&dot.incarnation.0.to_be_bytes());
    id[8..].copy_from_slice(&dot.counter.to_be_bytes());
    RecordKey {
        kind: PROPOSAL,
        id: RecordId(id),
    }
}

fn propose(late: &Late<'_>) -> Edit {
    let values = late.siblings.iter().flat_map(|s| s.value.iter().copied());
    let set = |register, value: Bytes| Set {
        register,
        value,
        shown: Vec::new(),
    };
    Edit {
        key: proposal_key(&late.siblings[0]),
        scope: late.home,
        set: vec![
            set(RegisterId(1), values.collect::<Vec<u8>>().into()),
            set(SENDER, Bytes::copy_from_slice(&late.sender.0)),
        ],
        author: NAMES[HUB].to_owned(),
        // A number like that of every write, above those that are counted.
        reason: (1 << 60 | late.siblings[0].dot().counter).to_string(),
        source: Source::Command,
        decision: Bytes::new(),
    }
}

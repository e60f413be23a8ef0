//! Who may write what: what the hub takes from a node, and what a person may save here.
//!
//! Both ask the same tables. Judging a record looks at the names of its writes and at the registers
//! they touch; a value is compared only where a register may be set once, and a status only where
//! the hub alone commits a step.

mod own;

pub(crate) use own::registered;
pub use own::{approve, approve_submitted, looks_back};

use proto::schema::StepTaken;
use replica::{Dot, Record, RecordKey, RegisterId, ScopeId, Sibling};

use crate::{
    catalogue::{Authority, Catalogue, KindSpec, Merge, RegisterSpec, Travel},
    erasure,
    state::{Step, steps},
    wire::{self, Item},
};

/// Kinds that the scope which hosts the event writes, and nobody else: the city those it hosts,
/// which lie in its own scopes.
const HOSTED: &[&str] = &["training_session", "training_attendance", "seminar"];

/// Kinds that only deciding makes: nobody fills in by hand who decided what.
const DOCKETS: &[&str] = &["decision", "docket_note"];

/// Whether only deciding makes records of a kind.
#[must_use]
pub fn is_docket(kind: &KindSpec) -> bool {
    DOCKETS.contains(&kind.id.as_str())
}

/// Why writes are refused. The whole write goes, not one register of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The record belongs to another scope.
    #[error("record belongs to another scope")]
    Scope,
    /// The kind never leaves its home.
    #[error("kind does not travel")]
    Local,
    /// Only the hub writes the kind or the register.
    #[error("only the hub writes this")]
    Authority,
    /// The register is set once.
    #[error("register is set once")]
    SetOnce,
    /// Only the hub commits this step of the status.
    #[error("only the hub commits this step")]
    Step,
    /// The district answers for it; the city asks for a change.
    #[error("the district answers for this")]
    Change,
    /// The record was merged into another, which stands for it.
    #[error("the record was merged into another")]
    Merged,
    /// It comes from deciding a conflict and is never filled in.
    #[error("this comes from deciding a conflict")]
    Docket,
    /// The step approves what the same person submitted.
    #[error("nobody approves what they submitted")]
    Own,
    /// The city found it or has taken it over, so a district does not delete it.
    #[error("the city has taken this over")]
    Kept,
    /// What is personal of the record was erased for ever, or would be by hand.
    #[error("personal values are erased for ever, and by their own command")]
    Erased,
}

impl Refusal {
    /// Its stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Scope => "AUTH-SCOPE",
            Self::Local => "AUTH-LOCAL",
            Self::Authority => "AUTH-HUB-ONLY",
            Self::SetOnce => "AUTH-SET-ONCE",
            Self::Step => "AUTH-HUB-STEP",
            Self::Change => "AUTH-DISTRICT",
            Self::Merged => "AUTH-MERGED",
            Self::Docket => "AUTH-DOCKET",
            Self::Own => "AUTH-OWN",
            Self::Kept => "AUTH-KEPT",
            Self::Erased => "AUTH-ERASED",
        }
    }

    /// The sentence for people, in Chinese.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Self::Scope => "该记录属于其他辖区，本节点无权填写",
            Self::Local => "此类记录只保存在本地，不参与同步",
            Self::Authority => "此项由市级填写",
            Self::SetOnce => "此项只能在新建时填写，之后不能修改",
            Self::Step => "此状态变更须由市级确认",
            Self::Change => "此项由县区填写，市级请提出更正建议",
            Self::Merged => "该记录已并入另一条记录，请改在保留的记录上填写",
            Self::Docket => "处理决定和批注由 conflict 命令产生，不能直接填写或删除",
            Self::Own => "本人提交的事项须由他人审核",
            Self::Kept => "市级发现的问题、市级已接收或已办结的事项，县区不能删除",
            Self::Erased => "个人信息只能用 person erase 清除，清除后不能再填写",
        }
    }

    /// The sentence for people, in English.
    #[must_use]
    pub fn en(self) -> &'static str {
        match self {
            Self::Scope => "This record belongs to another scope; this node may not write it",
            Self::Local => "Records of this kind stay at home and are not exchanged",
            Self::Authority => "Written by the city only",
            Self::SetOnce => "This is set when the record is made and cannot be changed",
            Self::Step => "This change of status is committed by the city",
            Self::Change => "The district fills this in; the city asks for a correction instead",
            Self::Merged => "This record was merged into another; write to the one that stands",
            Self::Docket => {
                "Decisions and notes are made by the conflict commands and are never filled in or deleted"
            }
            Self::Own => "Nobody approves what they submitted themselves",
            Self::Kept => "A district does not delete what the city has found, received or settled",
            Self::Erased => {
                "Personal values are erased with person erase only, and are never filled in again"
            }
        }
    }
}

/// What came from a node.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The scope that the node's certificate stands for.
    pub peer_scope: ScopeId,
    /// The scope that every node receives.
    pub published_scope: ScopeId,
    /// Where the record belongs: with its root, wherever that was moved to.
    pub home: ScopeId,
    /// What the hub holds of the record.
    pub existing: Option<&'a Record>,
    /// The record as it came.
    pub incoming: &'a Record,
}

/// Judges what a node sent: whether the hub takes it. Only writes that the hub has not seen are
/// judged.
///
/// # Errors
/// The dots of the writes to take back, and the first reason. The dots are empty when a node shows
/// no new write but a record without what only the hub may remove.
pub fn judge(catalogue: &Catalogue, arrival: &Arrival<'_>) -> Result<(), (Vec<Dot>, Refusal)> {
    judge_sealed(catalogue, arrival, &|_| false)
}

/// The same for a hub that knows its own writes by their seal: one that it has lost in a restore
/// is taken back from a node.
///
/// # Errors
/// As [`judge`].
pub fn judge_sealed(
    catalogue: &Catalogue,
    arrival: &Arrival<'_>,
    seal_holds: &dyn Fn(&Sibling) -> bool,
) -> Result<(), (Vec<Dot>, Refusal)> {
    let Arrival {
        peer_scope,
        published_scope,
        home,
        existing,
        incoming,
    } = *arrival;
    let kind = catalogue.kind(incoming.key.kind);
    let is_new = |sibling: &&Sibling| existing.is_none_or(|e| !e.context.covers(sibling.dot()));
    let all_new = || dots(incoming.siblings.iter().filter(is_new));
    if home != peer_scope {
        return Err((all_new(), Refusal::Scope));
    }
    match kind.map_or(Travel::Scope, |kind| kind.travel) {
        Travel::Local => return Err((all_new(), Refusal::Local)),
        Travel::Published if peer_scope != published_scope => {
            return Err((all_new(), Refusal::Authority));
        }
        Travel::Unspecified | Travel::Scope | Travel::Published => {}
    }
    let is_merged = kind
        .zip(existing)
        .is_some_and(|(kind, e)| is_merged(kind, e));
    let mut refused = Vec::new();
    let mut why = None;
    for sibling in incoming.siblings.iter().filter(is_new) {
        if seal_holds(sibling) {
            continue;
        }
        let verdict = match is_merged {
            true => Err(Refusal::Merged),
            false => judge_sibling(kind, existing, sibling),
        };
        if let Err(refusal) = verdict {
            refused.push(sibling);
            why.get_or_insert(refusal);
        }
    }
    if why.is_none() && existing.is_some_and(|e| removes_hubs(kind, e, incoming, seal_holds)) {
        return Err((all_new(), Refusal::Authority));
    }
    match why {
        None => Ok(()),
        Some(refusal) => Err((dots(refused.into_iter()), refusal)),
    }
}

fn dots<'a>(siblings: impl Iterator<Item = &'a Sibling>) -> Vec<Dot> {
    let mut dots: Vec<Dot> = siblings.map(Sibling::dot).collect();
    dots.sort_unstable();
    dots.dedup();
    dots
}

fn judge_sibling(
    kind: Option<&KindSpec>,
    existing: Option<&Record>,
    sibling: &Sibling,
) -> Result<(), Refusal> {
    if sibling.register == RegisterId::OWNER {
        return Err(Refusal::Authority);
    }
    let Some(kind) = kind else { return Ok(()) };
    if is_docket(kind) && sibling.register == RegisterId::DELETED {
        // What was decided, and why, stays to be seen.
        return Err(Refusal::Docket);
    }
    if existing
        .is_some_and(|existing| takes_from_city(kind, existing, sibling.register, &sibling.value))
    {
        return Err(Refusal::Kept);
    }
    let Some(register) = kind.register(sibling.register) else {
        // A deletion, or a field of a newer schema: as the kind.
        return if kind.authority == Authority::Hub {
            Err(Refusal::Authority)
        } else {
            Ok(())
        };
    };
    if register.authority == Authority::Hub {
        return Err(Refusal::Authority);
    }
    if erasure::is_mark(kind, sibling.register)
        && erasure::mark_value(kind).is_none_or(|(_, value)| value != sibling.value)
    {
        // Nobody takes an erasure back.
        return Err(Refusal::SetOnce);
    }
    match register.merge {
        Merge::Key | Merge::Append => set_once(kind, register, existing, sibling),
        Merge::State => hub_step(kind, register, existing, sibling),
        Merge::Union if steps::is_steps(kind, register.id) => {
            hub_steps(kind, register, existing, sibling)
        }
        _ if disowns(kind, register, existing, &sibling.value) => Err(Refusal::Authority),
        _ => Ok(()),
    }
}

/// Whether the hub has merged a record into another.
fn is_merged(kind: &KindSpec, record: &Record) -> bool {
    let says = kind
        .alias()
        .map(|field| record.register(field.register))
        .unwrap_or_default();
    !says.is_empty() && says.iter().all(|sibling| !sibling.value.is_empty())
}

/// A register that is set once may not get another value. Two facts of one derived id that did not
/// know of each other both stand; whoever made a record with an id of its own made it alone, and a
/// second value could only move it under another parent.
fn set_once(
    kind: &KindSpec,
    register: &RegisterSpec,
    existing: Option<&Record>,
    sibling: &Sibling,
) -> Result<(), Refusal> {
    let standing = existing
        .map(|e| e.register(sibling.register))
        .unwrap_or_default();
    let is_alone = register.merge == Merge::Key || !kind.derived_id;
    if is_alone && standing.iter().any(|known| known.value != sibling.value) {
        return Err(Refusal::SetOnce);
    }
    if sibling.replaces.is_empty() {
        return Ok(());
    }
    let mut replaced = standing
        .iter()
        .filter(|known| sibling.replaces.binary_search(&known.dot()).is_ok());
    if replaced.any(|known| known.value != sibling.value) {
        return Err(Refusal::SetOnce);
    }
    let mut ancestors = sibling
        .ancestry
        .iter()
        .filter_map(|ancestor| ancestor.value.as_ref());
    if ancestors.any(|value| *value != sibling.value) {
        Err(Refusal::SetOnce)
    } else {
        Ok(())
    }
}

/// Whether a district writes down steps that are the hub's, or leaves out such that it replaces. Those
/// that the hub has, and those that came before the write, are told again; so is a state to which the
/// record had come before its steps were written down.
fn hub_steps(
    kind: &KindSpec,
    register: &RegisterSpec,
    existing: Option<&Record>,
    sibling: &Sibling,
) -> Result<(), Refusal> {
    let found = steps::fields(kind).and_then(|(_, field)| {
        let of_state = kind.register(field.register)?;
        Some((field.enumeration()?, of_state, of_state.machine.as_ref()?))
    });
    let Some((states, of_state, machine)) = found else {
        return Ok(());
    };
    let by_city = found_by_city(kind, existing);
    let number = |step: &StepTaken| u64::try_from(states.number(&step.state)?).ok();
    let of = |value: &[u8]| -> Vec<StepTaken> {
        let mut steps = steps::taken(kind, value);
        steps.retain(|step| number(step).is_some_and(|to| machine.is_hubs(to, by_city)));
        steps
    };
    let standing = |id| existing.map(|e| e.register(id)).unwrap_or_default().iter();
    let values = |id| {
        let before = standing(id).flat_map(|it| it.ancestry.iter());
        let before = before.filter_map(|it| it.value.as_ref());
        standing(id).map(|it| &it.value).chain(before)
    };
    let carried = sibling.ancestry.iter().filter_map(|it| it.value.as_ref());
    let known = values(register.id).chain(carried);
    let known: Vec<StepTaken> = known.flat_map(|value| of(value)).collect();
    let came = values(of_state.id).filter_map(|value| status(kind, of_state, value));
    let came: Vec<u64> = came.collect();
    let is_told = |step: &StepTaken| {
        known.contains(step) || number(step).is_some_and(|state| came.contains(&state))
    };
    let said = of(&sibling.value);
    let mut replaced =
        standing(register.id).filter(|it| sibling.replaces.binary_search(&it.dot()).is_ok());
    let keeps = replaced.all(|it| of(&it.value).iter().all(|step| said.contains(step)));
    if keeps && said.iter().all(is_told) {
        Ok(())
    } else {
        Err(Refusal::Step)
    }
}

fn hub_step(
    kind: &KindSpec,
    register: &RegisterSpec,
    existing: Option<&Record>,
    sibling: &Sibling,
) -> Result<(), Refusal> {
    let Some(machine) = register
        .machine
        .as_ref()
        .filter(|machine| machine.has_hub_steps())
    else {
        return Ok(());
    };
    let Some(to) = status(kind, register, &sibling.value) else {
        return Ok(());
    };
    let by_city = found_by_city(kind, existing);
    if machine.is_hubs(to, by_city) {
        return Err(Refusal::Step);
    }
    let standing = existing
        .map(|e| e.register(register.id))
        .unwrap_or_default();
    let replaced = standing
        .iter()
        .filter(|known| sibling.replaces.binary_search(&known.dot()).is_ok());
    let carried = sibling
        .ancestry
        .iter()
        .filter_map(|ancestor| ancestor.value.as_ref())
        .take(1);
    for from in replaced.map(|known| &known.value).chain(carried) {
        let from = status(kind, register, from);
        if from.is_some_and(|from| machine.is_hubs_step(from, to, by_city)) {
            return Err(Refusal::Step);
        }
    }
    Ok(())
}

/// Whether a district would say that the city did not find what the city says it found.
fn disowns(
    kind: &KindSpec,
    register: &RegisterSpec,
    existing: Option<&Record>,
    value: &[u8],
) -> bool {
    let is_finder = kind.field("found_by").map(|field| field.register) == Some(register.id);
    is_finder
        && found_by_city(kind, existing)
        && status(kind, register, value) != Some(proto::ledger::FoundBy::City as u64)
}

/// Whether a write deletes what is the city's by now, as the copy before it says: a problem that the
/// city found, or what stands in a state that only the city gives. A deletion says nothing of what
/// it deletes but what its author saw, so that of a district which had not heard of the city's step
/// is refused, too.
fn takes_from_city(kind: &KindSpec, existing: &Record, register: RegisterId, value: &[u8]) -> bool {
    if register != RegisterId::DELETED || value.is_empty() {
        return false;
    }
    is_taken_over(kind, existing)
}

/// Whether a record is the city's by now: the city found what it is about, or it stands in a state
/// into which every step is the city's.
#[must_use]
pub fn is_taken_over(kind: &KindSpec, record: &Record) -> bool {
    let by_city = found_by_city(kind, Some(record));
    let mut registers = kind.registers.iter();
    by_city
        || registers.any(|register| {
            let Some(machine) = &register.machine else {
                return false;
            };
            let mut said = record.register(register.id).iter();
            said.any(|said| {
                let at = status(kind, register, &said.value);
                at.is_some_and(|at| machine.is_hubs(at, by_city))
            })
        })
}

/// Whether the city found what a record is about, as the copy before the write says.
fn found_by_city(kind: &KindSpec, existing: Option<&Record>) -> bool {
    let register = kind
        .field("found_by")
        .and_then(|f| kind.register(f.register));
    let city = proto::ledger::FoundBy::City as u64;
    register.zip(existing).is_some_and(|(register, record)| {
        let mut said = record.register(register.id).iter();
        said.any(|said| status(kind, register, &said.value) == Some(city))
    })
}

/// The status that a register's value holds.
pub(crate) fn status(kind: &KindSpec, register: &RegisterSpec, value: &[u8]) -> Option<u64> {
    let field = kind.fields_of(register).next()?;
    match wire::items(field, &wire::chunks(value).ok()?).pop()? {
        Item::Number(number) => Some(number),
        Item::Text(_) | Item::Bytes(_) => None,
    }
}

/// Whether merging would take away what only the hub may take away.
fn removes_hubs(
    kind: Option<&KindSpec>,
    existing: &Record,
    incoming: &Record,
    seal_holds: &dyn Fn(&Sibling) -> bool,
) -> bool {
    let hubs = kind
        .map(|kind| kind.hub_registers.as_slice())
        .unwrap_or_default();
    let hubs = hubs.iter().chain(std::iter::once(&RegisterId::OWNER));
    hubs.flat_map(|register| existing.register(*register))
        .any(|known| {
            let theirs = incoming.register(known.register);
            incoming.context.covers(known.dot())
                && !theirs.iter().any(|sibling| sibling.dot() == known.dot())
                && !theirs.iter().any(seal_holds)
        })
}

/// Who writes here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// A node, in its scope.
    Node {
        /// Its scope.
        scope: ScopeId,
    },
    /// The hub.
    Hub {
        /// The scope whose feed every node receives.
        published: ScopeId,
        /// The scope of the city's own organisations.
        city_direct: ScopeId,
    },
}

/// What a write is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A person's edit, an import.
    Edit,
    /// The settling of a conflict, which the city may do everywhere.
    Decision,
    /// The erasing of a person.
    Erasure,
}

/// Whether a person may save these registers here: `set` are the registers with their new values,
/// `existing` what the record is now.
///
/// # Errors
/// The register that may not be written, and why.
pub fn may_edit(
    catalogue: &Catalogue,
    writer: Writer,
    purpose: Purpose,
    existing: Option<&Record>,
    new: &NewState<'_>,
) -> Result<(), (RegisterId, Refusal)> {
    let kind = catalogue.kind(new.key.kind);
    let first = new
        .set
        .first()
        .map_or(RegisterId(0), |(register, _)| *register);
    if purpose == Purpose::Edit && kind.is_some_and(is_docket) {
        return Err((first, Refusal::Docket));
    }
    let scope = new.scope;
    let travel = kind.map_or(Travel::Scope, |kind| kind.travel);
    let foreign = match writer {
        Writer::Node { scope: own } => {
            if travel == Travel::Published {
                return Err((first, Refusal::Authority));
            }
            if scope != own {
                return Err((first, Refusal::Scope));
            }
            false
        }
        Writer::Hub {
            published,
            city_direct,
        } => {
            if travel == Travel::Published && scope != published {
                return Err((first, Refusal::Scope));
            }
            scope != published && scope != city_direct
        }
    };
    let is_hosted = kind.is_some_and(|kind| HOSTED.contains(&kind.id.as_str()));
    for (id, value) in new.set {
        let verdict = match writer {
            Writer::Hub { .. } if foreign && purpose == Purpose::Edit => {
                if is_hosted || is_answered(kind, existing, *id, value) {
                    Err(Refusal::Change)
                } else {
                    Ok(())
                }
            }
            Writer::Hub { .. } => Ok(()),
            Writer::Node { .. } => edit_register(kind, existing, *id, value),
        };
        verdict
            .and_then(|()| edit_erased(kind, existing, *id, purpose))
            .and_then(|()| edit_once(kind, existing, *id, value))
            .map_err(|why| (*id, why))?;
    }
    Ok(())
}

/// Whether a district answers for a register of its record: for its figures, and for its states but
/// the steps that are the city's.
fn is_answered(
    kind: Option<&KindSpec>,
    existing: Option<&Record>,
    id: RegisterId,
    value: &[u8],
) -> bool {
    let (Some(kind), Some(existing)) = (kind, existing) else {
        return false;
    };
    let Some(register) = kind.register(id) else {
        return false;
    };
    match register.merge {
        Merge::LaterAsOf => true,
        Merge::State => {
            let by_city = found_by_city(kind, Some(existing));
            let is_open = |from| {
                let to = status(kind, register, value)?;
                let step = register.machine.as_ref()?.step(from, to);
                Some(matches!(step, Step::Direct(who) if who.is_open_to_hub(by_city)))
            };
            let mut standing = existing.register(id).iter();
            !standing
                .any(|known| status(kind, register, &known.value).and_then(is_open) == Some(true))
        }
        _ => false,
    }
}

/// What an edit would write.
#[derive(Clone, Copy, Debug)]
pub struct NewState<'a> {
    /// The record.
    pub key: RecordKey,
    /// Where it belongs: the scope of a record that is made, the home of one that is there.
    pub scope: ScopeId,
    /// The registers with their values.
    pub set: &'a [(RegisterId, bytes::Bytes)],
}

/// What a node may not write of its own record.
fn edit_register(
    kind: Option<&KindSpec>,
    existing: Option<&Record>,
    id: RegisterId,
    value: &[u8],
) -> Result<(), Refusal> {
    if id == RegisterId::OWNER {
        return Err(Refusal::Authority);
    }
    let Some(kind) = kind else { return Ok(()) };
    if existing.is_some_and(|existing| takes_from_city(kind, existing, id, value)) {
        return Err(Refusal::Kept);
    }
    let register = kind.register(id);
    if register.map_or(kind.authority, |register| register.authority) == Authority::Hub {
        return Err(Refusal::Authority);
    }
    if register.is_some_and(|register| disowns(kind, register, existing, value)) {
        return Err(Refusal::Authority);
    }
    let Some(register) = register.filter(|register| register.merge == Merge::State) else {
        return Ok(());
    };
    let Some(machine) = &register.machine else {
        return Ok(());
    };
    let Some(to) = status(kind, register, value) else {
        return Ok(());
    };
    let standing = existing
        .map(|record| record.register(id))
        .unwrap_or_default();
    let mut from = standing
        .iter()
        .filter_map(|known| status(kind, register, &known.value));
    let by_city = found_by_city(kind, existing);
    let from_here = from.any(|from| machine.is_hubs_step(from, to, by_city));
    let stays = standing.iter().any(|known| known.value == value);
    if (machine.is_hubs(to, by_city) && !stays) || from_here {
        Err(Refusal::Step)
    } else {
        Ok(())
    }
}

/// What was erased nobody fills in again, and nobody erases in passing.
fn edit_erased(
    kind: Option<&KindSpec>,
    existing: Option<&Record>,
    id: RegisterId,
    purpose: Purpose,
) -> Result<(), Refusal> {
    let Some(kind) = kind else { return Ok(()) };
    let by_hand = erasure::is_mark(kind, id) && purpose != Purpose::Erasure;
    let again = || {
        erasure::is_personal(kind, id)
            && existing.is_some_and(|record| erasure::is_erased(kind, record))
    };
    if by_hand || again() {
        Err(Refusal::Erased)
    } else {
        Ok(())
    }
}

/// What is set once stays, whoever writes.
fn edit_once(
    kind: Option<&KindSpec>,
    existing: Option<&Record>,
    id: RegisterId,
    value: &[u8],
) -> Result<(), Refusal> {
    let merge = kind
        .and_then(|kind| kind.register(id))
        .map(|register| register.merge);
    if !matches!(merge, Some(Merge::Key | Merge::Append)) {
        return Ok(());
    }
    // Candidates that did not know of each other: one of them may be chosen.
    let standing = existing
        .map(|record| record.register(id))
        .unwrap_or_default();
    if standing.is_empty() || standing.iter().any(|known| known.value == value) {
        Ok(())
    } else {
        Err(Refusal::SetOnce)
    }
}

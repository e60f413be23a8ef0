//! Nobody approves what they submitted themselves (domain 7, rule 5): who took the steps before.

use bytes::Bytes;
use replica::{Record, RegisterId, Sibling, Source};

use super::{Refusal, found_by_city, status};
use crate::{
    catalogue::{KindSpec, RegisterSpec},
    state::{Machine, Step},
};

/// The state that a value gives a register with a table.
fn moved<'k>(
    kind: &'k KindSpec,
    (id, value): &(RegisterId, Bytes),
) -> Option<(&'k RegisterSpec, &'k Machine, u64)> {
    let register = kind.register(*id)?;
    let machine = register.machine.as_deref()?;
    Some((register, machine, status(kind, register, value)?))
}

/// Whether somebody else must have taken the step before. What the city itself has taken over it goes on
/// with.
fn approves(machine: &Machine, (from, to): (u64, u64), by_city: bool) -> bool {
    matches!(machine.step(from, to), Step::Direct(_) | Step::Skips)
        && machine.approves(Some(from), to)
        && !machine.is_hubs(from, by_city)
}

/// Whether an author would take a step that approves what that same author submitted.
///
/// # Errors
/// The register, and [`Refusal::Own`].
pub fn approve(
    kind: &KindSpec,
    existing: Option<&Record>,
    set: &[(RegisterId, Bytes)],
    author: &str,
) -> Result<(), (RegisterId, Refusal)> {
    let Some(existing) = existing else {
        return Ok(());
    };
    let by_city = found_by_city(kind, Some(existing));
    for one in set {
        let Some((register, machine, to)) = moved(kind, one) else {
            continue;
        };
        let mut own = existing.register(register.id).iter();
        let approves_own = own.any(|known| {
            let Some(from) = status(kind, register, &known.value) else {
                return false;
            };
            let needs_another = if machine.is_registrants(from, to) {
                !registered(kind, existing, author)
            } else {
                approves(machine, (from, to), by_city)
            };
            needs_another && known.write.author == author
        });
        if approves_own {
            return Err((register.id, Refusal::Own));
        }
    }
    Ok(())
}

/// The register of a step that approves what was submitted some steps before, and the state in which it
/// was.
fn submission<'k>(
    kind: &'k KindSpec,
    existing: &Record,
    set: &(RegisterId, Bytes),
) -> Option<(&'k RegisterSpec, u64)> {
    let (register, machine, to) = moved(kind, set)?;
    let submitted = machine.submitted()?;
    let by_city = found_by_city(kind, Some(existing));
    let standing = existing.register(register.id).iter();
    let mut from = standing.filter_map(|known| status(kind, register, &known.value));
    from.any(|from| approves(machine, (from, to), by_city))
        .then_some((register, submitted))
}

/// Whether one of these steps asks [`approve_submitted`], and so for what the registers said before.
#[must_use]
pub fn looks_back(kind: &KindSpec, existing: &Record, set: &[(RegisterId, Bytes)]) -> bool {
    set.iter()
        .any(|one| submission(kind, existing, one).is_some())
}

/// Whether an author would approve what that same author submitted some steps before: `past` has what the
/// registers said, beside what stands.
///
/// # Errors
/// The register, and [`Refusal::Own`].
pub fn approve_submitted(
    kind: &KindSpec,
    existing: &Record,
    past: &[Sibling],
    set: &[(RegisterId, Bytes)],
    author: &str,
) -> Result<(), (RegisterId, Refusal)> {
    for (register, submitted) in set.iter().filter_map(|one| submission(kind, existing, one)) {
        let before = past.iter().filter(|it| it.register == register.id);
        let all = existing.register(register.id).iter().chain(before);
        let last = all
            .filter(|it| status(kind, register, &it.value) == Some(submitted))
            .max_by_key(|it| (it.write.time, it.dot()));
        if last.is_some_and(|it| it.write.author == author) {
            return Err((register.id, Refusal::Own));
        }
    }
    Ok(())
}

/// Whether this author registered a record by hand. What came from a sheet nobody here did.
pub(crate) fn registered(kind: &KindSpec, record: &Record, author: &str) -> bool {
    let register = kind.field("registered_on").map(|field| field.register);
    let mut said = register.into_iter().flat_map(|of| record.register(of));
    said.any(|said| {
        let by_hand = matches!(said.write.source, Source::Form | Source::Command);
        by_hand && said.write.author == author
    })
}

//! Nobody approves what they submitted themselves (domain 7, rule 5): who took the steps before.

use replica::{Record, RegisterId, Sibling, Source};

use super::{Refusal, found_by_city, status};
use crate::{catalogue::KindSpec, state::Step};

/// Whether an author would take a step that approves what that same author submitted.
///
/// # Errors
/// The register, and [`Refusal::Own`].
pub fn approve(
    kind: &KindSpec,
    existing: Option<&Record>,
    set: &[(RegisterId, bytes::Bytes)],
    author: &str,
) -> Result<(), (RegisterId, Refusal)> {
    let Some(existing) = existing else {
        return Ok(());
    };
    for (id, value) in set {
        let found = kind.register(*id).and_then(|register| {
            let machine = register.machine.as_ref()?;
            Some((register, machine, status(kind, register, value)?))
        });
        let Some((register, machine, to)) = found else {
            continue;
        };
        let mut own = existing.register(*id).iter();
        let by_city = found_by_city(kind, Some(existing));
        let approves_own = own.any(|known| {
            let Some(from) = status(kind, register, &known.value) else {
                return false;
            };
            if machine.is_registrants(from, to) {
                return known.write.author == author && !registered(kind, existing, author);
            }
            // What the city itself has taken over it goes on with.
            let approves = matches!(machine.step(from, to), Step::Direct(_) | Step::Skips)
                && machine.approves(Some(from), to)
                && !machine.is_hubs(from, by_city);
            approves && known.write.author == author
        });
        if approves_own {
            return Err((*id, Refusal::Own));
        }
    }
    Ok(())
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
    set: &[(RegisterId, bytes::Bytes)],
    author: &str,
) -> Result<(), (RegisterId, Refusal)> {
    let by_city = found_by_city(kind, Some(existing));
    for (id, value) in set {
        let found = kind.register(*id).and_then(|register| {
            let machine = register.machine.as_ref()?;
            let to = status(kind, register, value)?;
            Some((register, machine, machine.submitted()?, to))
        });
        let Some((register, machine, submitted, to)) = found else {
            continue;
        };
        let of = |sibling: &Sibling| status(kind, register, &sibling.value);
        let mut from = existing.register(*id).iter().filter_map(of);
        let approves = from.any(|from| {
            matches!(machine.step(from, to), Step::Direct(_) | Step::Skips)
                && machine.approves(Some(from), to)
                && !machine.is_hubs(from, by_city)
        });
        let before = past.iter().filter(|it| it.register == *id);
        let all = existing.register(*id).iter().chain(before);
        let last = all
            .filter(|it| of(it) == Some(submitted))
            .max_by_key(|it| (it.write.time, it.dot()));
        if approves && last.is_some_and(|it| it.write.author == author) {
            return Err((*id, Refusal::Own));
        }
    }
    Ok(())
}

/// Whether approvals of a record of a kind look back further than to the step before.
#[must_use]
pub fn looks_back(kind: &KindSpec) -> bool {
    let machines = kind.registers.iter().filter_map(|it| it.machine.as_ref());
    machines
        .into_iter()
        .any(|machine| machine.submitted().is_some())
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

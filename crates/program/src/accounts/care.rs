//! Care in trust (托管, domain 7.1): some organisations of this scope in the hands of an account of
//! another scope, until a day. It is no transfer: the records stay, and count, where they are.
//!
//! Whoever cares sees and writes these organisations and what hangs on them, and nothing else: only the
//! commands of [`COMMANDS`] are open to it, each asks here what it may see, and each is noted.

use std::collections::BTreeSet;

use domain::{
    decode,
    permission::{Care, Grant, Part},
};
use proto::ledger::{CoverageLink, InstructorAssignment, RoleAssignment};
use replica::{RecordId, RecordKey};

use super::{Deed, rule};
use crate::{
    app::App,
    failure::{Exit, Failure},
    records::{kind_of, meaning},
};

/// The commands that show nothing but the records that they are asked for.
const COMMANDS: &[&str] = &[
    "record list",
    "record get",
    "record put",
    "record act",
    "record acts",
    "record delete",
    "record history",
    "record explain",
    "user passwd",
    "user roles",
];

/// The care that whoever gives the command was trusted with.
fn of(grant: Option<&Grant>) -> Option<&Care> {
    match grant?.part.as_ref()? {
        Part::Care(care) => Some(care),
        _ => None,
    }
}

/// Asks whether the care has not ended, and the command is one for it.
///
/// # Errors
/// It has, or it is not: exit code 4.
pub(super) fn permitted(app: &App, grant: &Grant, deed: &Deed) -> Result<(), Failure> {
    let Some(care) = of(Some(grant)) else {
        return Ok(());
    };
    if app.today() > care.until {
        return Err(Failure::new("AUTH-120", Exit::Refused)
            .with("scope", &care.scope)
            .with("until", domain::date::text(care.until)));
    }
    if COMMANDS.contains(&deed.name) {
        return Ok(());
    }
    Err(Failure::new("AUTH-121", Exit::Refused).with("command", deed.name))
}

/// What the audit list says of a command of somebody who cares: everything is noted, with the scope that
/// it was done for.
pub(super) fn noted(grant: Option<&Grant>, deed: &Deed) -> Deed {
    of(grant).map_or_else(
        || deed.clone(),
        |care| Deed {
            is_noted: true,
            on_behalf: care.scope.clone(),
            ..deed.clone()
        },
    )
}

/// Whether whoever gives the command has only what is in their care.
pub(crate) fn is_bound(app: &App) -> bool {
    of(app.grant.as_deref()).is_some()
}

/// Asks whether whoever gives the command may see a record.
///
/// # Errors
/// It is not in their care (exit code 4), or the store is damaged or cannot be read.
pub(crate) fn may_see(app: &App, key: RecordKey) -> Result<(), Failure> {
    if sees(app, key)? {
        return Ok(());
    }
    let kind = app.catalogue.kind_name(key.kind);
    Err(Failure::new("AUTH-122", Exit::Refused).with("kind", kind))
}

/// Whether whoever gives the command may see a record: everybody who was trusted with no care may.
///
/// # Errors
/// The store is damaged or cannot be read.
pub(crate) fn sees(app: &App, key: RecordKey) -> Result<bool, Failure> {
    let Some(care) = of(app.grant.as_deref()) else {
        return Ok(true);
    };
    let Some(stored) = app.reader().get(key)? else {
        // That there is none is for the command to say.
        return Ok(true);
    };
    if app.catalogue.kind_name(key.kind) == "person" {
        let author = app.author();
        let mut siblings = stored.record.siblings.iter();
        return Ok(siblings.any(|sibling| sibling.write.author == author)
            || people(app, care)?.contains(&key.id));
    }
    let values = meaning(app, &stored.record)?.values;
    let place = rule::place(app, key, &values)?;
    let part = Part::Care(care.clone());
    Ok(place.is_some_and(|place| place.is_in(&part)))
}

/// The people who hold a role in the organisations in care, or are sent to them.
fn people(app: &App, care: &Care) -> Result<BTreeSet<RecordId>, Failure> {
    let organisation = kind_of(app, "organisation")?.kind;
    let (role, sent) = (
        kind_of(app, "role_assignment")?.kind,
        kind_of(app, "instructor_assignment")?.kind,
    );
    let mut people = BTreeSet::new();
    for id in care.organisations.iter().copied() {
        let root = RecordKey {
            kind: organisation,
            id,
        };
        // One that has gone to another scope is in nobody's care here.
        if !rule::is_here(app, root)? {
            continue;
        }
        let mut below = app.reader().children(root);
        below.extend(of_parties(app, &below)?);
        for key in below {
            let Some(stored) = app.reader().get(key)? else {
                continue;
            };
            let values = meaning(app, &stored.record)?.values;
            let person = if key.kind == role {
                decode(&values)
                    .ok()
                    .and_then(|row: RoleAssignment| row.person)
            } else if key.kind == sent {
                decode(&values)
                    .ok()
                    .and_then(|row: InstructorAssignment| row.person)
            } else {
                None
            };
            people.extend(person.and_then(|id| RecordId::try_from(id.as_slice()).ok()));
        }
    }
    Ok(people)
}

/// What hangs on the Party organisations in care to which the links among these records lead.
fn of_parties(app: &App, records: &[RecordKey]) -> Result<Vec<RecordKey>, Failure> {
    let (link, party) = (
        kind_of(app, "coverage_link")?.kind,
        kind_of(app, "party_organisation")?.kind,
    );
    let mut below = Vec::new();
    for key in records.iter().filter(|key| key.kind == link) {
        let Some(stored) = app.reader().get(*key)? else {
            continue;
        };
        let row: CoverageLink = decode(&meaning(app, &stored.record)?.values).unwrap_or_default();
        let id = RecordId::try_from(row.party_organisation());
        if let Ok(key) = id.map(|id| RecordKey { kind: party, id })
            && app.reader().place(key).is_some()
            && sees(app, key)?
        {
            below.extend(app.reader().children(key));
        }
    }
    Ok(below)
}

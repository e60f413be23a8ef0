//! Who goes along with a record that moves, beyond its children: what would be left behind without
//! anything that refers to it.
//!
//! A Party organisation may change its host by an edit, and a person may work for several, so
//! neither has a parent. One that stands for the moving organisation alone moves with it; one that
//! others need too stays, and is lent.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

use domain::{across, decode};
use program::{
    App, Failure,
    records::{each, kind_of},
};
use proto::ledger::{
    CoverageLink, InstructorAssignment, Organisation, PartyOrganisation, RoleAssignment,
};
use replica::{RecordId, RecordKey};
use store::Stored;

/// What each record is needed by.
#[derive(Default)]
struct Needs(BTreeMap<RecordKey, BTreeSet<RecordKey>>);

impl Needs {
    fn add(&mut self, needed: Option<RecordKey>, by: Option<RecordKey>) {
        if let (Some(needed), Some(by)) = (needed, by) {
            self.0.entry(needed).or_default().insert(by);
        }
    }

    /// What is needed by some of these and by nothing else.
    fn only_by(&self, movers: &BTreeSet<RecordKey>) -> Vec<RecordKey> {
        let alone = self.0.iter().filter(|(_, by)| by.is_subset(movers));
        alone.map(|(needed, _)| *needed).collect()
    }
}

/// Returns what moves along with these records, in its own right, ascending.
pub(super) fn of(app: &App, roots: &[&Stored]) -> Result<Vec<RecordKey>, Failure> {
    let mut movers: BTreeSet<RecordKey> = roots.iter().map(|root| root.record.key).collect();
    let parties = parties(app)?.only_by(&movers);
    movers.extend(from_here(app, roots, parties)?);
    let persons = persons(app)?.only_by(&movers);
    movers.extend(from_here(app, roots, persons)?);
    let is_root = |key: &RecordKey| roots.iter().any(|root| root.record.key == *key);
    Ok(movers.into_iter().filter(|key| !is_root(key)).collect())
}

/// Of these, the ones that belong where one of the moving records does.
fn from_here(
    app: &App,
    roots: &[&Stored],
    keys: Vec<RecordKey>,
) -> Result<Vec<RecordKey>, Failure> {
    let mut here = Vec::new();
    for key in keys {
        let found = app.reader().get(key)?;
        let found = found.filter(|found| !found.record.is_empty());
        if found.is_some_and(|found| roots.iter().any(|root| root.home == found.home)) {
            here.push(key);
        }
    }
    Ok(here)
}

fn key(app: &App, kind: &str, id: Option<&Vec<u8>>) -> Result<Option<RecordKey>, Failure> {
    let kind = kind_of(app, kind)?.kind;
    let id = id.and_then(|bytes| RecordId::try_from(bytes.as_slice()).ok());
    Ok(id.map(|id| RecordKey { kind, id }))
}

/// The organisations that each Party organisation stands for: its host, and whom it covers.
fn parties(app: &App) -> Result<Needs, Failure> {
    let mut needs = Needs::default();
    let party = kind_of(app, "party_organisation")?.kind;
    each(app, party, None, None, &mut |stored, meaning| {
        let row: PartyOrganisation = decode(&meaning.values).unwrap_or_default();
        let host = key(app, "organisation", row.host_organisation.as_ref())?;
        needs.add(Some(stored.record.key), host);
        Ok(ControlFlow::Continue(()))
    })?;
    let link = kind_of(app, "coverage_link")?.kind;
    each(app, link, None, None, &mut |_, meaning| {
        let row: CoverageLink = decode(&meaning.values).unwrap_or_default();
        let covered = key(app, "organisation", row.organisation.as_ref())?;
        let party = key(app, "party_organisation", row.party_organisation.as_ref())?;
        needs.add(party, covered);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(needs)
}

/// The organisations and Party organisations that name each person.
fn persons(app: &App) -> Result<Needs, Failure> {
    let mut needs = Needs::default();
    let organisation = kind_of(app, "organisation")?.kind;
    each(app, organisation, None, None, &mut |stored, meaning| {
        let row: Organisation = decode(&meaning.values).unwrap_or_default();
        needs.add(
            key(app, "person", row.head.as_ref())?,
            Some(stored.record.key),
        );
        Ok(ControlFlow::Continue(()))
    })?;
    let role = kind_of(app, "role_assignment")?.kind;
    each(app, role, None, None, &mut |_, meaning| {
        let row: RoleAssignment = decode(&meaning.values).unwrap_or_default();
        let subject = across::named(app.catalogue, row.subject());
        needs.add(key(app, "person", row.person.as_ref())?, subject);
        Ok(ControlFlow::Continue(()))
    })?;
    let sent = kind_of(app, "instructor_assignment")?.kind;
    each(app, sent, None, None, &mut |_, meaning| {
        let row: InstructorAssignment = decode(&meaning.values).unwrap_or_default();
        let organisation = key(app, "organisation", row.organisation.as_ref())?;
        needs.add(key(app, "person", row.person.as_ref())?, organisation);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(needs)
}

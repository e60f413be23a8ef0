//! The rows that indicators count: small typed copies of effective records, by scope.

use std::collections::{BTreeMap, BTreeSet};

use proto::ledger::{
    Carrier, CarrierActivity, CarrierStatus, CensusStatus, CoverageLink, Eligibility,
    EstablishmentForm, EventStatus, InstructorAssignment, MassOrg, Organisation, PartyOrgStatus,
    PartyOrganisation, RoleAssignment, Seminar, TrainingAttendance, TrainingKind, TrainingSession,
    WorkerRole,
};
use replica::{RecordId, RecordKey, ScopeId};

use super::{Indicators, Period, count};
use crate::{
    alias::{self, Alias},
    catalogue::{Catalogue, KindSpec, Need},
    date::{self, Date},
    effective::decode,
    wire,
};

/// The rows of one scope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) organisations: Vec<OrganisationRow>,
    pub(super) links: Vec<LinkRow>,
    pub(super) roles: Vec<RoleRow>,
    pub(super) instructors: Vec<InstructorRow>,
    pub(super) carriers: Vec<CarrierRow>,
    pub(super) seminars: Vec<EventRow>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OrganisationRow {
    pub(super) id: RecordId,
    pub(super) uscc: Option<String>,
    pub(super) status: CensusStatus,
    pub(super) members: u32,
    pub(super) full_members: u32,
    pub(super) is_flagged_eligible: bool,
    pub(super) has_mass_org: bool,
    /// Required fields that are filled, and how many there are.
    pub(super) filled: u32,
    pub(super) required: u32,
    pub(super) has_not_built_reason: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LinkRow {
    pub(super) organisation: RecordId,
    pub(super) party: RecordId,
    pub(super) form: EstablishmentForm,
    pub(super) from: Option<Date>,
    pub(super) to: Option<Date>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RoleRow {
    pub(super) person: RecordId,
    pub(super) role: WorkerRole,
    pub(super) from: Option<Date>,
    pub(super) to: Option<Date>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InstructorRow {
    pub(super) person: RecordId,
    pub(super) organisation: RecordId,
    pub(super) from: Option<Date>,
    pub(super) to: Option<Date>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CarrierRow {
    pub(super) id: RecordId,
    pub(super) party: RecordId,
    pub(super) is_running: bool,
    pub(super) started: Option<Date>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PartyRow {
    pub(super) scope: ScopeId,
    pub(super) status: PartyOrgStatus,
    pub(super) established: Option<Date>,
    pub(super) dissolved: Option<Date>,
}

/// A training session or a seminar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EventRow {
    pub(super) host: ScopeId,
    pub(super) year: Option<RecordId>,
    pub(super) is_held: bool,
    pub(super) is_centralised: bool,
    pub(super) on: Option<Date>,
}

/// The rows of every scope that is known here. Party organisations, sessions, attendance and
/// activities are found across scopes, so that a record lent by another scope counts where it is
/// referred to and nowhere else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    pub(super) scopes: BTreeMap<ScopeId, Facts>,
    pub(super) parties: BTreeMap<RecordId, PartyRow>,
    pub(super) sessions: BTreeMap<RecordId, EventRow>,
    pub(super) attended: BTreeMap<RecordId, BTreeSet<RecordId>>,
    pub(super) activities: BTreeMap<RecordId, Vec<Date>>,
    /// Organisations that were merged into others.
    aliases: BTreeMap<RecordId, RecordId>,
}

impl Book {
    /// Returns a book without rows.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a record that is not deleted, from its effective values. Kinds that no indicator
    /// counts are passed over.
    ///
    /// # Errors
    /// The values are not the kind's, which only a faulty writer can cause; the record is left out.
    pub fn add(
        &mut self,
        catalogue: &Catalogue,
        key: RecordKey,
        scope: ScopeId,
        values: &[u8],
    ) -> Result<(), prost::DecodeError> {
        let Some(kind) = catalogue.kind(key.kind) else {
            return Ok(());
        };
        let facts = self.scopes.entry(scope).or_default();
        match kind.id.as_str() {
            "organisation" => {
                let row = organisation(kind, key.id, values)?;
                if let Some(into) = alias::merged_into(kind, values) {
                    self.aliases.insert(key.id, into);
                }
                facts.organisations.push(row);
            }
            "party_organisation" => {
                self.parties.insert(key.id, party(scope, &decode(values)?));
            }
            "coverage_link" => facts.links.extend(link(&decode(values)?)),
            "role_assignment" => facts.roles.extend(role(&decode(values)?)),
            "instructor_assignment" => facts.instructors.extend(instructor(&decode(values)?)),
            "carrier" => facts.carriers.extend(carrier(key.id, &decode(values)?)),
            "seminar" => facts.seminars.push(seminar(scope, &decode(values)?)),
            "training_session" => {
                self.sessions
                    .insert(key.id, session(scope, &decode(values)?));
            }
            "training_attendance" => {
                let row: TrainingAttendance = decode(values)?;
                let ids = id(row.session.as_ref()).zip(id(row.person.as_ref()));
                if let Some((session, person)) = ids.filter(|_| row.attended()) {
                    self.attended.entry(person).or_default().insert(session);
                }
            }
            "carrier_activity" => {
                let row: CarrierActivity = decode(values)?;
                if let Some((carrier, on)) = id(row.carrier.as_ref()).zip(day(row.on.as_ref())) {
                    self.activities.entry(carrier).or_default().push(on);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The organisation that stands for one: what is said of a merged one is said of it.
    pub(super) fn standing(&self, organisation: RecordId) -> RecordId {
        let mut next = |id| Ok::<_, std::convert::Infallible>(self.aliases.get(&id).copied());
        match Alias::follow(organisation, &mut next) {
            Ok(alias) => alias.of(organisation),
        }
    }

    /// Takes a record out again that was added with these values, so that it can be counted with
    /// others.
    ///
    /// # Errors
    /// The values are not the kind's; nothing was added with them either.
    pub fn take_out(
        &mut self,
        catalogue: &Catalogue,
        key: RecordKey,
        scope: ScopeId,
        values: &[u8],
    ) -> Result<(), prost::DecodeError> {
        let mut one = Self::new();
        one.add(catalogue, key, scope, values)?;
        let facts = self.scopes.entry(scope).or_default();
        for rows in one.scopes.into_values() {
            drop_last(&mut facts.organisations, &rows.organisations);
            drop_last(&mut facts.links, &rows.links);
            drop_last(&mut facts.roles, &rows.roles);
            drop_last(&mut facts.instructors, &rows.instructors);
            drop_last(&mut facts.carriers, &rows.carriers);
            drop_last(&mut facts.seminars, &rows.seminars);
        }
        one.parties.keys().for_each(|id| {
            self.parties.remove(id);
        });
        one.sessions.keys().for_each(|id| {
            self.sessions.remove(id);
        });
        one.aliases.keys().for_each(|id| {
            self.aliases.remove(id);
        });
        for (person, sessions) in &one.attended {
            let known = self.attended.entry(*person).or_default();
            known.retain(|session| !sessions.contains(session));
        }
        for (carrier, days) in &one.activities {
            drop_last(self.activities.entry(*carrier).or_default(), days);
        }
        Ok(())
    }

    /// Returns the indicators of one scope.
    #[must_use]
    pub fn scope(&self, scope: ScopeId, period: &Period) -> Indicators {
        count::scope(self, scope, period)
    }

    /// Returns the indicators of the city: the scopes pooled, each credit code counted once.
    #[must_use]
    pub fn city(&self, scopes: &[ScopeId], period: &Period) -> Indicators {
        count::city(self, scopes, period)
    }
}

/// Removes one equal row for each; the last, which was added last.
fn drop_last<T: PartialEq>(rows: &mut Vec<T>, gone: &[T]) {
    for row in gone {
        if let Some(at) = rows.iter().rposition(|known| known == row) {
            rows.swap_remove(at);
        }
    }
}

fn id(bytes: Option<&Vec<u8>>) -> Option<RecordId> {
    bytes.and_then(|bytes| RecordId::try_from(bytes.as_slice()).ok())
}

fn day(text: Option<&String>) -> Option<Date> {
    text.and_then(|text| date::stored(text))
}

/// The fields beside the required ones that make an organisation complete; the reason why nothing
/// was built only where nothing was.
const ALSO_COMPLETE: [&str; 2] = ["uscc", "verified_on"];

fn organisation(
    kind: &KindSpec,
    id: RecordId,
    values: &[u8],
) -> Result<OrganisationRow, prost::DecodeError> {
    let row: Organisation = decode(values)?;
    let present: BTreeSet<u32> = wire::chunks(values)
        .unwrap_or_default()
        .iter()
        .map(|chunk| chunk.number)
        .collect();
    let (mut filled, mut required) = (0, 0);
    for field in &kind.fields {
        if field.need == Need::Required || ALSO_COMPLETE.contains(&field.id.as_str()) {
            required += 1;
            filled += u32::from(present.contains(&field.number));
        }
    }
    let has_mass_org = row.mass_orgs().any(|group| group != MassOrg::Unspecified);
    Ok(OrganisationRow {
        id,
        status: row.census_status(),
        members: row.members.unwrap_or_default(),
        full_members: row.full_members.unwrap_or_default(),
        is_flagged_eligible: row.eligibility() == Eligibility::Eligible,
        has_mass_org,
        filled,
        required,
        has_not_built_reason: row.not_built_reason.is_some(),
        uscc: row.uscc,
    })
}

fn party(scope: ScopeId, row: &PartyOrganisation) -> PartyRow {
    PartyRow {
        scope,
        status: row.status(),
        established: day(row.established_on.as_ref()),
        dissolved: day(row.dissolved_on.as_ref()),
    }
}

fn link(row: &CoverageLink) -> Option<LinkRow> {
    Some(LinkRow {
        organisation: id(row.organisation.as_ref())?,
        party: id(row.party_organisation.as_ref())?,
        form: row.form(),
        from: day(row.from_on.as_ref()),
        to: day(row.to_on.as_ref()),
    })
}

fn role(row: &RoleAssignment) -> Option<RoleRow> {
    Some(RoleRow {
        person: id(row.person.as_ref())?,
        role: row.role(),
        from: day(row.from_on.as_ref()),
        to: day(row.to_on.as_ref()),
    })
}

fn instructor(row: &InstructorAssignment) -> Option<InstructorRow> {
    Some(InstructorRow {
        person: id(row.person.as_ref())?,
        organisation: id(row.organisation.as_ref())?,
        from: day(row.from_on.as_ref()),
        to: day(row.to_on.as_ref()),
    })
}

fn carrier(record: RecordId, row: &Carrier) -> Option<CarrierRow> {
    Some(CarrierRow {
        id: record,
        party: id(row.party_organisation.as_ref())?,
        is_running: row.status() == CarrierStatus::Running,
        started: day(row.started_on.as_ref()),
    })
}

/// The scope that hosts: as the record says, else the one it lies in.
fn host(named: Option<&Vec<u8>>, scope: ScopeId) -> ScopeId {
    named
        .and_then(|bytes| ScopeId::try_from(bytes.as_slice()).ok())
        .unwrap_or(scope)
}

fn session(scope: ScopeId, row: &TrainingSession) -> EventRow {
    EventRow {
        host: host(row.scope.as_ref(), scope),
        year: id(row.year.as_ref()),
        is_held: row.status() == EventStatus::Held,
        is_centralised: row.kind() == TrainingKind::Centralised,
        on: day(row.end_on.as_ref()).or_else(|| day(row.start_on.as_ref())),
    }
}

fn seminar(scope: ScopeId, row: &Seminar) -> EventRow {
    EventRow {
        host: host(row.scope.as_ref(), scope),
        year: id(row.year.as_ref()),
        is_held: row.status() == EventStatus::Held,
        is_centralised: false,
        on: day(row.on.as_ref()),
    }
}

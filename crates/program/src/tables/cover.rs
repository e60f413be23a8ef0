//! The organisations on the ledger with how each is covered on the day: what reports 1, 2 and 5
//! count.

use std::{collections::BTreeMap, convert::Infallible};

use domain::{Alias, indicator::Standing, validate::is_active};
use proto::ledger::{
    CoverageLink, EstablishmentForm, InstructorAssignment, OrgClass, OrgKind, Organisation,
    PartyOrgType, PartyOrganisation,
};
use replica::{RecordId, ScopeId};

use super::frame::{Frame, Row, id};
use crate::{failure::Failure, report};

/// An organisation on the ledger.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub(super) id: RecordId,
    pub(super) scope: ScopeId,
    pub(super) name: Option<String>,
    pub(super) uscc: Option<String>,
    pub(super) class: OrgClass,
    pub(super) kind: OrgKind,
    pub(super) industry: Option<String>,
    pub(super) industry_authority: Option<RecordId>,
    pub(super) town: Option<String>,
    pub(super) cluster: Option<RecordId>,
    pub(super) employees: u32,
    pub(super) members: u32,
    pub(super) full_members: u32,
    /// The strongest form in which it is covered; none where it is not.
    pub(super) form: Option<EstablishmentForm>,
    /// The Party organisation that covers it in this form, and its type.
    pub(super) party: Option<RecordId>,
    pub(super) party_type: PartyOrgType,
    pub(super) eligible: bool,
    pub(super) instructed: bool,
    pub(super) instructors: Vec<RecordId>,
    /// Whether it is the one record of its credit code that the city counts.
    pub(super) stands: bool,
}

/// Reads the organisations on the ledger. Whether and how each is covered is what the indicators say.
pub(super) fn units(frame: &Frame<'_>) -> Result<Vec<Unit>, Failure> {
    let standings = report::standings(frame.app, (frame.as_of, frame.year))?;
    let asked = |standing: &Standing| frame.only.is_none_or(|only| only == standing.scope);
    let asked = standings.into_iter().filter(asked);
    let standings: BTreeMap<RecordId, Standing> = asked.map(|one| (one.key.id, one)).collect();
    let mut names = Names(BTreeMap::new());
    let mut units = Vec::with_capacity(standings.len());
    frame.each("organisation", &mut |row: Row<Organisation>| {
        if let Some(into) = id(row.values.merged_into.as_ref()) {
            names.0.insert(row.id, into);
        }
        if let Some(standing) = standings.get(&row.id) {
            units.push(unit(row, standing));
        }
    })?;
    let mut parties = parties(frame, &standings, &names)?;
    let mut instructors = instructors(frame, &names)?;
    for unit in &mut units {
        if let Some((party, party_type)) = parties.remove(&unit.id) {
            (unit.party, unit.party_type) = (Some(party), party_type);
        }
        unit.instructors = instructors.remove(&unit.id).unwrap_or_default();
    }
    Ok(units)
}

/// Organisations that were merged into others: what is said of one is said of the other.
struct Names(BTreeMap<RecordId, RecordId>);

impl Names {
    fn standing(&self, organisation: RecordId) -> RecordId {
        let mut next = |id| Ok::<_, Infallible>(self.0.get(&id).copied());
        match Alias::follow(organisation, &mut next) {
            Ok(alias) => alias.of(organisation),
        }
    }
}

/// The Party organisation that covers each organisation in the form that counts. Of several the
/// first by id, so that a report is the same wherever it is made.
fn parties(
    frame: &Frame<'_>,
    standings: &BTreeMap<RecordId, Standing>,
    names: &Names,
) -> Result<BTreeMap<RecordId, (RecordId, PartyOrgType)>, Failure> {
    let mut types: BTreeMap<RecordId, PartyOrgType> = BTreeMap::new();
    frame.each_known("party_organisation", &mut |row: Row<PartyOrganisation>| {
        types.insert(row.id, row.values.r#type());
    })?;
    let mut parties: BTreeMap<RecordId, (RecordId, PartyOrgType)> = BTreeMap::new();
    frame.each("coverage_link", &mut |row: Row<CoverageLink>| {
        let values = &row.values;
        let organisation = id(values.organisation.as_ref()).map(|id| names.standing(id));
        let standing = organisation.and_then(|id| standings.get(&id));
        let both = standing.zip(id(values.party_organisation.as_ref()));
        let (from, to) = (
            Frame::day(values.from_on.as_ref()),
            Frame::day(values.to_on.as_ref()),
        );
        let Some((standing, party)) = both.filter(|_| is_active(from, to, frame.as_of)) else {
            return;
        };
        let covers = standing.cover.by.iter().any(|by| by.id == party);
        if covers && standing.cover.form == Some(values.form()) {
            let party_type = types.get(&party).copied().unwrap_or_default();
            let known = parties
                .entry(standing.key.id)
                .or_insert((party, party_type));
            *known = (*known).min((party, party_type));
        }
    })?;
    Ok(parties)
}

/// Who is sent where on the day.
fn instructors(
    frame: &Frame<'_>,
    names: &Names,
) -> Result<BTreeMap<RecordId, Vec<RecordId>>, Failure> {
    let mut instructors: BTreeMap<RecordId, Vec<RecordId>> = BTreeMap::new();
    frame.each("instructor_assignment", &mut |row: Row<
        InstructorAssignment,
    >| {
        let (from, to) = (&row.values.from_on, &row.values.to_on);
        let (from, to) = (Frame::day(from.as_ref()), Frame::day(to.as_ref()));
        let ids = id(row.values.organisation.as_ref()).zip(id(row.values.person.as_ref()));
        if let Some((organisation, person)) = ids.filter(|_| is_active(from, to, frame.as_of)) {
            let sent = instructors.entry(names.standing(organisation)).or_default();
            sent.push(person);
        }
    })?;
    instructors
        .values_mut()
        .for_each(|sent| sent.sort_unstable());
    Ok(instructors)
}

fn unit(row: Row<Organisation>, standing: &Standing) -> Unit {
    let (class, kind) = (row.values.org_class(), row.values.org_kind());
    let values = row.values;
    Unit {
        id: row.id,
        scope: standing.scope,
        class: class_of(class, kind),
        kind,
        industry_authority: id(values.industry_authority.as_ref()),
        cluster: id(values.cluster.as_ref()),
        employees: standing.employees,
        members: standing.members,
        full_members: standing.full_members,
        name: values.name,
        uscc: values.uscc,
        industry: values.industry,
        town: values.town,
        form: standing.cover.form,
        party: None,
        party_type: PartyOrgType::Unspecified,
        eligible: standing.is_eligible,
        instructed: standing.is_instructed,
        instructors: Vec::new(),
        stands: standing.in_city,
    }
}

/// The class of a unit; where none was chosen, that of its kind.
fn class_of(class: OrgClass, kind: OrgKind) -> OrgClass {
    match (class, kind) {
        (OrgClass::Unspecified, OrgKind::Unspecified) => OrgClass::Unspecified,
        (
            OrgClass::Unspecified,
            OrgKind::PrivateEnterprise
            | OrgKind::HmtEnterprise
            | OrgKind::ForeignEnterprise
            | OrgKind::OtherNonpublicEnterprise
            | OrgKind::IndividualBusiness
            | OrgKind::FarmerCooperative,
        ) => OrgClass::NewEconomic,
        (OrgClass::Unspecified, _) => OrgClass::NewSocial,
        (class, _) => class,
    }
}

//! The rows that indicators count: small typed copies of what effective records say.
//!
//! A row holds what a definition asks for and nothing else, so that a write that touches no figure
//! changes no row.

use std::sync::LazyLock;

use prost::DecodeError;
use proto::ledger::{
    AcceptanceVisit, Carrier, CarrierActivity, CarrierStatus, CensusStatus, CheckResult, Cluster,
    CoverageLink, DemonstrationPoint, Eligibility, EstablishmentDrive, EstablishmentForm,
    EventStatus, FundSource, FundingDirection, FundingEntry, InstructorAssignment, MassOrg,
    Nomination, NominationStatus, Organisation, PartyOrgStatus, PartyOrganisation, Person,
    Platform, PlatformMeeting, PlatformStatus, PlatformSystem, PointStatus, Position, ProblemItem,
    ProblemStatus, QuarterlyReturn, ReturnStatus, Reward, RoleAssignment, Seminar, StandardCheck,
    TrainingAttendance, TrainingKind, TrainingSession, WorkCommittee, WorkerRole,
};
use replica::{Kind, RecordId, RecordKey, ScopeId};

use crate::{
    across, alias,
    catalogue::{Catalogue, KindSpec, Need},
    date::{self, Date},
    effective::decode,
    state::{census, steps},
    validate::day,
    wire,
};

/// Names the kinds that are counted, as the schema writes them, with their numbers.
macro_rules! kinds {
    ($($id:ident),* $(,)?) => {
        /// The numbers of the kinds that are counted.
        #[derive(Debug)]
        pub(super) struct Kinds { $(pub(super) $id: Kind),* }

        impl Kinds {
            fn read(catalogue: &Catalogue) -> Self {
                let number = |id| catalogue.kind_by_id(id).map_or(Kind(0), |kind| kind.kind);
                Self { $($id: number(stringify!($id))),* }
            }
        }
    };
}

kinds!(
    agency,
    organisation,
    party_organisation,
    coverage_link,
    role_assignment,
    instructor_assignment,
    person,
    carrier,
    carrier_activity,
    training_session,
    training_attendance,
    position,
    standard_item,
    standard_check,
    funding_entry,
    cluster,
    platform,
    platform_meeting,
    nomination,
    acceptance_visit,
    demonstration_point,
);

static KINDS: LazyLock<Kinds> = LazyLock::new(|| Kinds::read(Catalogue::builtin()));

pub(super) fn kinds() -> &'static Kinds {
    &KINDS
}

/// What one record adds to the book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Row {
    Organisation(Box<OrganisationRow>),
    Party(PartyRow),
    Link(LinkRow),
    Role(RoleRow),
    Instructor(InstructorRow),
    Carrier(CarrierRow),
    Activity {
        carrier: RecordKey,
        on: Date,
    },
    Event(EventRow),
    Attendance {
        session: RecordKey,
        person: RecordKey,
    },
    /// Somebody of whom the city says that another entry is of the same human being.
    Person {
        same_as: RecordKey,
    },
    /// A department. Where it lies says whose check is whose.
    Agency,
    /// A place for Party work; whether it passes all three checks.
    Position {
        is_standard: bool,
    },
    Check(CheckRow),
    Funding(FundingRow),
    /// A working committee; the day from which it is complete.
    Committee {
        scope: ScopeId,
        ready: Option<Date>,
    },
    Cluster {
        is_mature: bool,
    },
    Platform(PlatformRow),
    /// A quarterly meeting or a joint conference.
    Meeting {
        platform: RecordKey,
        on: Date,
    },
    Problem(ProblemRow),
    Nomination(NominationRow),
    Visit {
        nomination: RecordKey,
        on: Option<Date>,
    },
    Point {
        party: RecordKey,
        is_valid: bool,
    },
    Reward(RewardRow),
    Return(ReturnRow),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OrganisationRow {
    pub(super) uscc: Option<Box<str>>,
    pub(super) status: CensusStatus,
    pub(super) class: i32,
    pub(super) kind: i32,
    pub(super) industry: Option<Box<str>>,
    pub(super) town: Option<Box<str>>,
    pub(super) cluster: Option<RecordId>,
    pub(super) employees: u32,
    pub(super) members: u32,
    pub(super) full_members: u32,
    pub(super) is_flagged_eligible: bool,
    pub(super) has_mass_org: bool,
    /// Required fields that are filled, and how many there are.
    pub(super) filled: u32,
    pub(super) required: u32,
    pub(super) has_not_built_reason: bool,
    pub(super) merged_into: Option<RecordKey>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LinkRow {
    pub(super) organisation: RecordKey,
    pub(super) party: RecordKey,
    pub(super) form: EstablishmentForm,
    pub(super) from: Option<Date>,
    pub(super) to: Option<Date>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RoleRow {
    pub(super) person: RecordKey,
    pub(super) role: WorkerRole,
    pub(super) from: Option<Date>,
    pub(super) to: Option<Date>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InstructorRow {
    pub(super) person: RecordKey,
    pub(super) organisation: RecordKey,
    pub(super) from: Option<Date>,
    pub(super) to: Option<Date>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CarrierRow {
    pub(super) party: RecordKey,
    pub(super) is_running: bool,
    pub(super) started: Option<Date>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PartyRow {
    pub(super) status: PartyOrgStatus,
    pub(super) established: Option<Date>,
    pub(super) dissolved: Option<Date>,
    pub(super) position: Option<RecordKey>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Session,
    Seminar,
    Drive,
}

/// A training session, a seminar or an establishment drive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EventRow {
    pub(super) event: Event,
    pub(super) host: ScopeId,
    pub(super) year: Option<RecordId>,
    pub(super) is_held: bool,
    pub(super) is_centralised: bool,
    pub(super) on: Option<Date>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CheckRow {
    pub(super) item: RecordKey,
    pub(super) subject: RecordKey,
    /// The department that checked.
    pub(super) checker: Option<RecordKey>,
    pub(super) result: CheckResult,
    pub(super) on: Date,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FundingRow {
    pub(super) scope: ScopeId,
    pub(super) year: Option<RecordId>,
    pub(super) is_income: bool,
    pub(super) source: FundSource,
    pub(super) amount_fen: u64,
    pub(super) on: Option<Date>,
    pub(super) beneficiary: Option<RecordKey>,
    pub(super) reverses: Option<RecordKey>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PlatformRow {
    pub(super) cluster: RecordKey,
    pub(super) built: Option<Date>,
    pub(super) status: PlatformStatus,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ProblemRow {
    pub(super) scope: ScopeId,
    pub(super) year: Option<RecordId>,
    pub(super) is_withdrawn: bool,
    pub(super) is_closed: bool,
    pub(super) registered: Option<Date>,
    pub(super) due: Option<Date>,
    pub(super) closed: Option<Date>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NominationRow {
    pub(super) scope: ScopeId,
    pub(super) year: Option<RecordId>,
    pub(super) status: NominationStatus,
    /// The states through which it came, with that.
    pub(super) way: Vec<NominationStatus>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RewardRow {
    pub(super) scope: ScopeId,
    pub(super) year: Option<RecordId>,
    pub(super) amount_fen: u64,
    pub(super) decided: Option<Date>,
    pub(super) paid: Option<Date>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReturnRow {
    pub(super) scope: ScopeId,
    pub(super) quarter: (i32, u8),
    /// The day it was handed in; none while it is open or was given back.
    pub(super) submitted: Option<Date>,
}

impl Row {
    /// Reads a record's effective values, its state as it was on a day. None for kinds that no
    /// indicator counts, for records that lack what a row cannot be without, and for what was not
    /// there yet.
    ///
    /// # Errors
    /// The values are not the kind's, which only a faulty writer can cause.
    pub(super) fn read(
        catalogue: &Catalogue,
        key: RecordKey,
        scope: ScopeId,
        (values, on): (&[u8], Date),
    ) -> Result<Option<Self>, DecodeError> {
        let kind = catalogue.kind(key.kind);
        let then = kind.and_then(|kind| Some((kind, steps::as_on(kind, values, on)?)));
        let Some((kind, values)) = then.as_ref().map(|(kind, values)| (*kind, values.as_ref()))
        else {
            return Ok(None);
        };
        Ok(match kind.id.as_str() {
            "organisation" => Some(organisation(kind, values, on)?),
            "party_organisation" => Some(party(&decode(values)?)),
            "coverage_link" => link(&decode(values)?),
            "role_assignment" => role(&decode(values)?),
            "instructor_assignment" => instructor(&decode(values)?),
            "carrier" => carrier(&decode(values)?),
            "carrier_activity" => activity(&decode(values)?),
            "training_session" => Some(session(scope, &decode(values)?)),
            "training_attendance" => attendance(&decode(values)?),
            "person" => person(&decode(values)?),
            "seminar" => Some(seminar(scope, &decode(values)?)),
            "establishment_drive" => Some(drive(scope, &decode(values)?)),
            "agency" => Some(Self::Agency),
            "position" => Some(position(&decode(values)?)),
            "standard_check" => check(catalogue, &decode(values)?),
            "funding_entry" => Some(funding(catalogue, scope, &decode(values)?)),
            "work_committee" => Some(committee(scope, &decode(values)?)),
            "cluster" => Some(Self::Cluster {
                is_mature: decode::<Cluster>(values)?.mature(),
            }),
            "platform" => platform(&decode(values)?),
            "platform_meeting" => meeting(&decode(values)?),
            "problem_item" => Some(problem(
                scope,
                &decode(values)?,
                steps::day_of(kind, values, "closed", on),
            )),
            "nomination" => Some(nomination(
                scope,
                &decode(values)?,
                &steps::way(kind, values, on),
            )),
            "acceptance_visit" => visit(&decode(values)?),
            "demonstration_point" => point(&decode(values)?),
            "reward" => Some(reward(scope, &decode(values)?)),
            "quarterly_return" => quarterly_return(scope, &decode(values)?),
            _ => None,
        })
    }

    /// The records on whose units this row bears, beside its own.
    pub(super) fn targets(&self) -> [Option<RecordKey>; 3] {
        match self {
            Self::Organisation(row) => [row.merged_into, None, None],
            Self::Party(row) => [row.position, None, None],
            Self::Link(row) => [Some(row.organisation), Some(row.party), None],
            Self::Role(row) => [Some(row.person), None, None],
            Self::Instructor(row) => [Some(row.person), Some(row.organisation), None],
            Self::Carrier(row) => [Some(row.party), None, None],
            Self::Activity { carrier, .. } => [Some(*carrier), None, None],
            Self::Attendance { session, person } => [Some(*session), Some(*person), None],
            Self::Person { same_as } => [Some(*same_as), None, None],
            Self::Check(row) => [Some(row.subject), row.checker, None],
            Self::Funding(row) => [row.beneficiary, row.reverses, None],
            Self::Platform(row) => [Some(row.cluster), None, None],
            Self::Meeting { platform, .. } => [Some(*platform), None, None],
            Self::Visit { nomination, .. } => [Some(*nomination), None, None],
            Self::Point { party, .. } => [Some(*party), None, None],
            Self::Event(_)
            | Self::Agency
            | Self::Position { .. }
            | Self::Committee { .. }
            | Self::Cluster { .. }
            | Self::Problem(_)
            | Self::Nomination(_)
            | Self::Reward(_)
            | Self::Return(_) => [None; 3],
        }
    }
}

fn id(bytes: Option<&Vec<u8>>) -> Option<RecordId> {
    bytes.and_then(|bytes| RecordId::try_from(bytes.as_slice()).ok())
}

fn key(kind: Kind, bytes: Option<&Vec<u8>>) -> Option<RecordKey> {
    id(bytes).map(|id| RecordKey { kind, id })
}

/// The scope that a record names as its own, else the one it lies in.
fn place(named: Option<&Vec<u8>>, lies: ScopeId) -> ScopeId {
    across::scope(named).unwrap_or(lies)
}

/// The fields beside the required ones that make an organisation complete; the reason why nothing
/// was built only where nothing was.
const ALSO_COMPLETE: [&str; 2] = ["uscc", "verified_on"];

fn organisation(kind: &KindSpec, values: &[u8], on: Date) -> Result<Row, DecodeError> {
    let row: Organisation = decode(values)?;
    let chunks = wire::chunks(values).unwrap_or_default();
    let (mut filled, mut required) = (0, 0);
    for field in &kind.fields {
        if field.need == Need::Required || ALSO_COMPLETE.contains(&field.id.as_str()) {
            required += 1;
            let is_filled = chunks.iter().any(|chunk| chunk.number == field.number);
            filled += u32::from(is_filled);
        }
    }
    let merged_into = alias::merged_into(kind, values);
    Ok(Row::Organisation(Box::new(OrganisationRow {
        status: match row.census_status() {
            CensusStatus::Transferring => {
                let way = steps::way(kind, values, on).into_iter();
                census::settled(way.filter_map(|state| CensusStatus::try_from(state).ok()))
            }
            status => status,
        },
        class: row.org_class.unwrap_or_default(),
        kind: row.org_kind.unwrap_or_default(),
        cluster: id(row.cluster.as_ref()),
        employees: row.employees.unwrap_or_default(),
        members: row.members.unwrap_or_default(),
        full_members: row.full_members.unwrap_or_default(),
        is_flagged_eligible: row.eligibility() == Eligibility::Eligible,
        has_mass_org: row.mass_orgs().any(|group| group != MassOrg::Unspecified),
        filled,
        required,
        has_not_built_reason: row.not_built_reason.is_some(),
        merged_into: merged_into.map(|id| RecordKey {
            kind: kind.kind,
            id,
        }),
        industry: row.industry.map(String::into_boxed_str),
        town: row.town.map(String::into_boxed_str),
        uscc: row.uscc.map(String::into_boxed_str),
    })))
}

fn party(row: &PartyOrganisation) -> Row {
    Row::Party(PartyRow {
        status: row.status(),
        established: day(row.established_on.as_ref()),
        dissolved: day(row.dissolved_on.as_ref()),
        position: key(kinds().position, row.position.as_ref()),
    })
}

fn link(row: &CoverageLink) -> Option<Row> {
    Some(Row::Link(LinkRow {
        organisation: key(kinds().organisation, row.organisation.as_ref())?,
        party: key(kinds().party_organisation, row.party_organisation.as_ref())?,
        form: row.form(),
        from: day(row.from_on.as_ref()),
        to: day(row.to_on.as_ref()),
    }))
}

fn role(row: &RoleAssignment) -> Option<Row> {
    Some(Row::Role(RoleRow {
        person: key(kinds().person, row.person.as_ref())?,
        role: row.role(),
        from: day(row.from_on.as_ref()),
        to: day(row.to_on.as_ref()),
    }))
}

fn instructor(row: &InstructorAssignment) -> Option<Row> {
    Some(Row::Instructor(InstructorRow {
        person: key(kinds().person, row.person.as_ref())?,
        organisation: key(kinds().organisation, row.organisation.as_ref())?,
        from: day(row.from_on.as_ref()),
        to: day(row.to_on.as_ref()),
    }))
}

fn carrier(row: &Carrier) -> Option<Row> {
    Some(Row::Carrier(CarrierRow {
        party: key(kinds().party_organisation, row.party_organisation.as_ref())?,
        is_running: row.status() == CarrierStatus::Running,
        started: day(row.started_on.as_ref()),
    }))
}

fn activity(row: &CarrierActivity) -> Option<Row> {
    Some(Row::Activity {
        carrier: key(kinds().carrier, row.carrier.as_ref())?,
        on: day(row.on.as_ref())?,
    })
}

fn session(scope: ScopeId, row: &TrainingSession) -> Row {
    Row::Event(EventRow {
        event: Event::Session,
        host: place(row.scope.as_ref(), scope),
        year: id(row.year.as_ref()),
        is_held: row.status() == EventStatus::Held,
        is_centralised: row.kind() == TrainingKind::Centralised,
        on: day(row.end_on.as_ref()).or_else(|| day(row.start_on.as_ref())),
    })
}

fn person(row: &Person) -> Option<Row> {
    let same_as = key(kinds().person, row.same_as.as_ref())?;
    Some(Row::Person { same_as })
}

fn attendance(row: &TrainingAttendance) -> Option<Row> {
    row.attended().then_some(())?;
    Some(Row::Attendance {
        session: key(kinds().training_session, row.session.as_ref())?,
        person: key(kinds().person, row.person.as_ref())?,
    })
}

fn seminar(scope: ScopeId, row: &Seminar) -> Row {
    Row::Event(EventRow {
        event: Event::Seminar,
        host: place(row.scope.as_ref(), scope),
        year: id(row.year.as_ref()),
        is_held: row.status() == EventStatus::Held,
        is_centralised: false,
        on: day(row.on.as_ref()),
    })
}

fn drive(scope: ScopeId, row: &EstablishmentDrive) -> Row {
    Row::Event(EventRow {
        event: Event::Drive,
        host: place(row.scope.as_ref(), scope),
        year: id(row.year.as_ref()),
        is_held: row.status() == EventStatus::Held,
        is_centralised: false,
        on: day(row.end_on.as_ref()).or_else(|| day(row.start_on.as_ref())),
    })
}

fn position(row: &Position) -> Row {
    let results = [row.function_ok(), row.facility_ok(), row.archive_ok()];
    Row::Position {
        is_standard: results.iter().all(|result| *result == CheckResult::Pass),
    }
}

fn check(catalogue: &Catalogue, row: &StandardCheck) -> Option<Row> {
    Some(Row::Check(CheckRow {
        item: key(kinds().standard_item, row.item.as_ref())?,
        subject: across::named(catalogue, row.subject.as_deref()?)?,
        checker: key(kinds().agency, row.checker.as_ref()),
        result: row.result(),
        on: day(row.on.as_ref())?,
    }))
}

fn funding(catalogue: &Catalogue, scope: ScopeId, row: &FundingEntry) -> Row {
    let beneficiary = row.beneficiary.as_deref();
    Row::Funding(FundingRow {
        scope: place(row.scope.as_ref(), scope),
        year: id(row.year.as_ref()),
        is_income: row.direction() == FundingDirection::Income,
        source: row.source(),
        amount_fen: row.amount_fen.unwrap_or_default(),
        on: day(row.on.as_ref()),
        beneficiary: beneficiary.and_then(|text| across::named(catalogue, text)),
        reverses: key(kinds().funding_entry, row.reverses.as_ref()),
    })
}

/// A committee is complete with a department that leads, a member, staff and a system (C5.1).
fn committee(scope: ScopeId, row: &WorkCommittee) -> Row {
    let is_complete = row.lead_agency.is_some()
        && !row.members.is_empty()
        && row.staff.is_some_and(|staff| staff > 0)
        && !row.systems.is_empty();
    Row::Committee {
        scope: place(row.scope.as_ref(), scope),
        ready: day(row.established_on.as_ref()).filter(|_| is_complete),
    }
}

fn platform(row: &Platform) -> Option<Row> {
    Some(Row::Platform(PlatformRow {
        cluster: key(kinds().cluster, row.cluster.as_ref())?,
        built: day(row.built_on.as_ref()),
        status: row.status(),
    }))
}

fn meeting(row: &PlatformMeeting) -> Option<Row> {
    let counts = matches!(
        row.kind(),
        PlatformSystem::JointConference | PlatformSystem::QuarterlyMeeting
    );
    counts.then_some(())?;
    Some(Row::Meeting {
        platform: key(kinds().platform, row.platform.as_ref())?,
        on: day(row.on.as_ref())?,
    })
}

/// `closed_by`: the day of the closing that stands; one that was closed again has another day by now.
fn problem(scope: ScopeId, row: &ProblemItem, closed_by: Option<Date>) -> Row {
    let is_closed = row.status() == ProblemStatus::Closed;
    Row::Problem(ProblemRow {
        scope: place(row.scope.as_ref(), scope),
        year: id(row.year.as_ref()),
        is_withdrawn: row.status() == ProblemStatus::Withdrawn,
        is_closed,
        registered: day(row.registered_on.as_ref()),
        due: day(row.due_on.as_ref()),
        closed: closed_by
            .filter(|_| is_closed)
            .or_else(|| day(row.closed_on.as_ref())),
    })
}

fn nomination(scope: ScopeId, row: &Nomination, way: &[i32]) -> Row {
    let way = way.iter();
    Row::Nomination(NominationRow {
        scope: place(row.scope.as_ref(), scope),
        year: id(row.year.as_ref()),
        status: row.status(),
        way: way
            .filter_map(|state| NominationStatus::try_from(*state).ok())
            .collect(),
    })
}

fn visit(row: &AcceptanceVisit) -> Option<Row> {
    Some(Row::Visit {
        nomination: key(kinds().nomination, row.nomination.as_ref())?,
        on: day(row.on.as_ref()),
    })
}

fn point(row: &DemonstrationPoint) -> Option<Row> {
    Some(Row::Point {
        party: key(kinds().party_organisation, row.party_organisation.as_ref())?,
        is_valid: row.status() == PointStatus::Valid,
    })
}

fn reward(scope: ScopeId, row: &Reward) -> Row {
    Row::Reward(RewardRow {
        scope: place(row.scope.as_ref(), scope),
        year: id(row.year.as_ref()),
        amount_fen: row.amount_fen.unwrap_or_default(),
        decided: day(row.decided_on.as_ref()),
        paid: day(row.paid_on.as_ref()),
    })
}

fn quarterly_return(scope: ScopeId, row: &QuarterlyReturn) -> Option<Row> {
    let is_in = matches!(
        row.status(),
        ReturnStatus::Submitted | ReturnStatus::Accepted | ReturnStatus::Locked
    );
    Some(Row::Return(ReturnRow {
        scope: place(row.scope.as_ref(), scope),
        quarter: date::read_quarter(row.period.as_deref()?)?,
        submitted: day(row.submitted_on.as_ref()).filter(|_| is_in),
    }))
}

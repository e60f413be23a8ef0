//! The figures kept by differences against a naive evaluator that was written from the definitions
//! alone (domain 6), on small random worlds in which everything refers to everything.

mod naive;

use std::collections::BTreeSet;

use domain::{
    Catalogue, Parameters, date,
    indicator::{Book, Figure, Indicators, Period, Pool},
    scope_id, year_record_id,
};
use proptest::prelude::*;
use prost::Message;
use proto::{
    ledger::*,
    schema::{FormerValue, StepTaken},
};
use replica::{RecordId, RecordKey, ScopeId};

use naive::World;

/// Two scopes that are pooled, of which one is expected to report, and one that is neither.
const SCOPES: [&str; 3] = ["410302", "410305", "410306"];
const DAYS: [&str; 9] = [
    "2019-12-31",
    "2020-01-01",
    "2020-03-31",
    "2020-04-01",
    "2020-06-30",
    "2020-09-30",
    "2020-10-15",
    "2020-12-31",
    "2021-01-15",
];
/// Records of each kind.
const RECORDS: u8 = 4;

/// The kinds that any figure is counted from.
const KINDS: &[&str] = &[
    "agency",
    "organisation",
    "party_organisation",
    "coverage_link",
    "role_assignment",
    "instructor_assignment",
    "training_session",
    "training_attendance",
    "person",
    "carrier",
    "carrier_activity",
    "seminar",
    "establishment_drive",
    "position",
    "standard_check",
    "funding_entry",
    "work_committee",
    "cluster",
    "platform",
    "platform_meeting",
    "problem_item",
    "nomination",
    "acceptance_visit",
    "demonstration_point",
    "reward",
    "quarterly_return",
];

/// A small stream of choices: the same seed makes the same world.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    fn often(&mut self) -> bool {
        self.below(4) > 0
    }

    fn flag(&mut self) -> bool {
        self.below(2) == 0
    }

    fn day(&mut self) -> Option<String> {
        let at = usize::try_from(self.below(11)).unwrap();
        DAYS.get(at).map(|day| (*day).to_owned())
    }

    /// An end is left open more often than not.
    fn end(&mut self) -> Option<String> {
        if self.flag() { None } else { self.day() }
    }

    fn id(&mut self) -> RecordId {
        RecordId([u8::try_from(self.below(u64::from(RECORDS))).unwrap() + 1; 16])
    }

    fn to(&mut self) -> Option<Vec<u8>> {
        self.often().then(|| self.id().0.to_vec())
    }

    fn any(&mut self, kinds: &[&str]) -> Option<String> {
        let kind = kinds[usize::try_from(self.below(kinds.len() as u64)).unwrap()];
        self.often().then(|| format!("{kind}/{}", self.id()))
    }

    fn number(&mut self, values: u64) -> Option<i32> {
        // 0 says nothing, and nobody stores it.
        Some(i32::try_from(self.below(values)).unwrap()).filter(|number| *number > 0)
    }

    /// Steps into any states, most often in the order of their days; mostly none.
    fn steps(&mut self, kind: &str) -> Vec<StepTaken> {
        let spec = Catalogue::builtin().kind_by_id(kind).unwrap();
        let (_, field) = domain::state::steps::fields(spec).unwrap();
        let states = &field.enumeration().unwrap().values;
        let count = self.below(7).saturating_sub(3);
        let mut days: Vec<String> = (0..count).filter_map(|_| self.day()).collect();
        if self.often() {
            days.sort();
        }
        let rows = (1..).zip(days).map(|(place, on)| StepTaken {
            place,
            state: states[usize::try_from(self.below(states.len() as u64)).unwrap()]
                .id
                .clone(),
            on: if place == 1 && self.below(3) == 0 {
                String::new()
            } else {
                on
            },
        });
        let mut rows: Vec<_> = rows.collect();
        // They lie in no order.
        rows.reverse();
        rows
    }

    /// What some fields said until some day; mostly nothing.
    fn former(&mut self, fields: &[&str]) -> Vec<FormerValue> {
        let count = self.below(6).saturating_sub(3);
        let one = |_| {
            let field = fields[usize::try_from(self.below(fields.len() as u64)).unwrap()];
            let value = match field {
                "due_on" => self.day().unwrap_or_default(),
                "eligibility" => ["", "eligible", "not_eligible"]
                    [usize::try_from(self.below(3)).unwrap()]
                .to_owned(),
                _ => self.below(150).to_string(),
            };
            Some(FormerValue {
                field: field.to_owned(),
                value,
                until: self.day()?,
            })
        };
        (0..count).filter_map(one).collect()
    }

    fn year(&mut self) -> Option<Vec<u8>> {
        let year = if self.often() { 2020 } else { 2019 };
        Some(year_record_id(year).0.to_vec())
    }

    fn scope(&mut self) -> ScopeId {
        scope_id(SCOPES[usize::try_from(self.below(3)).unwrap()])
    }

    fn place(&mut self) -> Option<Vec<u8>> {
        self.often().then(|| self.scope().0.to_vec())
    }
}

/// Every kind with what is drawn for a record of it.
#[expect(clippy::too_many_lines, reason = "one kind after the other")]
fn draw(dice: &mut Dice) -> (&'static str, Vec<u8>) {
    let kinds = KINDS;
    let kind = kinds[usize::try_from(dice.below(kinds.len() as u64)).unwrap()];
    let bytes = match kind {
        "agency" => Agency::default().encode_to_vec(),
        "organisation" => organisation(dice).encode_to_vec(),
        "party_organisation" => PartyOrganisation {
            status: dice.number(7),
            steps: dice.steps(kind),
            established_on: dice.day(),
            dissolved_on: dice.end(),
            position: dice.to(),
            ..PartyOrganisation::default()
        }
        .encode_to_vec(),
        "coverage_link" => CoverageLink {
            organisation: dice.to(),
            party_organisation: dice.to(),
            form: dice.number(6),
            from_on: dice.day(),
            to_on: dice.end(),
            ..CoverageLink::default()
        }
        .encode_to_vec(),
        "role_assignment" => RoleAssignment {
            person: dice.to(),
            role: dice.number(5),
            from_on: dice.day(),
            to_on: dice.end(),
            ..RoleAssignment::default()
        }
        .encode_to_vec(),
        "instructor_assignment" => InstructorAssignment {
            person: dice.to(),
            organisation: dice.to(),
            from_on: dice.day(),
            to_on: dice.end(),
            ..InstructorAssignment::default()
        }
        .encode_to_vec(),
        "training_session" => TrainingSession {
            year: dice.year(),
            scope: dice.place(),
            kind: dice.number(3),
            start_on: dice.day(),
            end_on: dice.end(),
            status: dice.number(5),
            ..TrainingSession::default()
        }
        .encode_to_vec(),
        "training_attendance" => TrainingAttendance {
            session: dice.to(),
            person: dice.to(),
            attended: Some(dice.often()),
            ..TrainingAttendance::default()
        }
        .encode_to_vec(),
        "person" => Person {
            same_as: if dice.flag() { dice.to() } else { None },
            ..Person::default()
        }
        .encode_to_vec(),
        "carrier" => Carrier {
            party_organisation: dice.to(),
            status: dice.number(4),
            steps: dice.steps(kind),
            started_on: dice.day(),
            ..Carrier::default()
        }
        .encode_to_vec(),
        "carrier_activity" => CarrierActivity {
            carrier: dice.to(),
            on: dice.day(),
            ..CarrierActivity::default()
        }
        .encode_to_vec(),
        "seminar" => Seminar {
            year: dice.year(),
            scope: dice.place(),
            on: dice.day(),
            status: dice.number(5),
            ..Seminar::default()
        }
        .encode_to_vec(),
        "establishment_drive" => EstablishmentDrive {
            year: dice.year(),
            scope: dice.place(),
            start_on: dice.day(),
            end_on: dice.end(),
            status: dice.number(5),
            ..EstablishmentDrive::default()
        }
        .encode_to_vec(),
        _ => work(kind, dice),
    };
    (kind, bytes)
}

fn work(kind: &str, dice: &mut Dice) -> Vec<u8> {
    match kind {
        "position" => Position {
            function_ok: dice.number(2),
            facility_ok: Some(1),
            archive_ok: Some(1),
            ..Position::default()
        }
        .encode_to_vec(),
        "standard_check" => StandardCheck {
            item: dice.to(),
            subject: dice.any(&["party_organisation", "position", "organisation"]),
            checker: dice.to(),
            result: dice.number(4),
            on: dice.day(),
            ..StandardCheck::default()
        }
        .encode_to_vec(),
        "funding_entry" => FundingEntry {
            year: dice.year(),
            scope: dice.place(),
            beneficiary: dice.any(&["party_organisation", "organisation"]),
            direction: dice.number(3),
            source: dice.number(8),
            amount_fen: Some(dice.below(1_000)),
            on: dice.day(),
            reverses: if dice.below(3) == 0 { dice.to() } else { None },
            ..FundingEntry::default()
        }
        .encode_to_vec(),
        "work_committee" => WorkCommittee {
            scope: dice.place(),
            established_on: dice.day(),
            lead_agency: dice.to(),
            members: dice.to().into_iter().collect(),
            staff: Some(u32::try_from(dice.below(3)).unwrap()),
            systems: dice.day().into_iter().collect(),
            ..WorkCommittee::default()
        }
        .encode_to_vec(),
        "cluster" => Cluster {
            mature: Some(dice.flag()),
            ..Cluster::default()
        }
        .encode_to_vec(),
        "platform" => Platform {
            cluster: dice.to(),
            built_on: dice.day(),
            status: dice.number(7),
            steps: dice.steps(kind),
            ..Platform::default()
        }
        .encode_to_vec(),
        "platform_meeting" => PlatformMeeting {
            platform: dice.to(),
            kind: dice.number(4),
            on: dice.day(),
            ..PlatformMeeting::default()
        }
        .encode_to_vec(),
        _ => award(kind, dice),
    }
}

fn award(kind: &str, dice: &mut Dice) -> Vec<u8> {
    match kind {
        "problem_item" => ProblemItem {
            year: dice.year(),
            scope: dice.place(),
            registered_on: dice.day(),
            due_on: dice.day(),
            closed_on: dice.day(),
            status: if dice.flag() {
                Some(6)
            } else {
                dice.number(11)
            },
            steps: dice.steps(kind),
            former_values: dice.former(&["due_on"]),
            ..ProblemItem::default()
        }
        .encode_to_vec(),
        "nomination" => Nomination {
            year: dice.year(),
            scope: dice.place(),
            status: dice.number(12),
            steps: dice.steps(kind),
            ..Nomination::default()
        }
        .encode_to_vec(),
        "acceptance_visit" => AcceptanceVisit {
            nomination: dice.to(),
            on: dice.day(),
            ..AcceptanceVisit::default()
        }
        .encode_to_vec(),
        "demonstration_point" => DemonstrationPoint {
            party_organisation: dice.to(),
            status: dice.number(3),
            steps: dice.steps(kind),
            ..DemonstrationPoint::default()
        }
        .encode_to_vec(),
        "reward" => Reward {
            year: dice.year(),
            scope: dice.place(),
            amount_fen: Some(dice.below(1_000)),
            decided_on: dice.day(),
            paid_on: dice.end(),
            ..Reward::default()
        }
        .encode_to_vec(),
        "quarterly_return" => QuarterlyReturn {
            scope: dice.place(),
            period: Some(format!("20{}Q{}", 19 + dice.below(2), 1 + dice.below(4))),
            status: dice.number(6),
            submitted_on: dice.day(),
            ..QuarterlyReturn::default()
        }
        .encode_to_vec(),
        other => panic!("{other} is not drawn"),
    }
}

fn organisation(dice: &mut Dice) -> Organisation {
    let full = u32::try_from(dice.below(5)).unwrap();
    Organisation {
        uscc: dice
            .often()
            .then(|| format!("91410305DEM0000{}", dice.below(2))),
        name: dice.often().then(|| "例".to_owned()),
        org_class: dice.number(3),
        org_kind: dice.number(3),
        industry: dice.often().then(|| "C".to_owned()),
        census_status: if dice.often() {
            Some(2)
        } else {
            dice.number(7)
        },
        steps: dice.steps("organisation"),
        verified_on: dice.day(),
        employees: Some(u32::try_from(dice.below(150)).unwrap()),
        members: Some(full + u32::try_from(dice.below(3)).unwrap()),
        full_members: Some(full),
        mass_orgs: if dice.flag() { vec![1] } else { Vec::new() },
        eligibility: dice.number(4),
        not_built_reason: if dice.flag() { dice.number(4) } else { None },
        merged_into: if dice.below(6) == 0 { dice.to() } else { None },
        former_values: dice.former(&["employees", "members", "full_members", "eligibility"]),
        ..Organisation::default()
    }
}

fn book(as_of: &str, carriers: u32) -> Book {
    let pooled: BTreeSet<ScopeId> = SCOPES[..2].iter().map(|code| scope_id(code)).collect();
    let pool = Pool {
        pooled,
        expected: [scope_id(SCOPES[1])].into(),
    };
    let parameters = Parameters {
        quota_carrier: carriers,
        ..Parameters::defaults(2020)
    };
    let period = Period::new(date::stored(as_of).unwrap(), parameters);
    Book::new(period, pool)
}

type Figures = Vec<Indicators>;

fn figures(book: &mut Book) -> Figures {
    let mut figures: Vec<_> = SCOPES
        .iter()
        .map(|code| book.scope(scope_id(code)))
        .collect();
    figures.push(book.city());
    figures
}

/// Puts random changes into a world and its book; returns the book that came about by differences.
fn live(seed: u64, changes: usize, as_of: &str, carriers: u32) -> (World, Book) {
    let catalogue = Catalogue::builtin();
    let mut dice = Dice(seed);
    let mut world = World::new(as_of, carriers as usize);
    let mut book = book(as_of, carriers);
    for change in 0..changes {
        let (kind, bytes) = draw(&mut dice);
        let id = dice.id();
        let scope = dice.scope();
        let key = RecordKey {
            kind: catalogue.kind_by_id(kind).unwrap().kind,
            id,
        };
        let values = dice.often().then_some(bytes.as_slice());
        book.put(catalogue, key, scope, values).unwrap();
        world.put(kind, id, scope, values);
        // Figures that were asked for in between must not change what comes out at the end.
        if change % 7 == 0 {
            figures(&mut book);
        }
    }
    (world, book)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn figures_by_differences_are_those_counted_anew_and_those_of_the_definitions(
        seed in any::<u64>(), changes in 1_usize..220, day in 0_usize..9, carriers in 1_u32..3,
    ) {
        let (world, mut by_differences) = live(seed, changes, DAYS[day], carriers);
        let mut anew = book(DAYS[day], carriers);
        for (kind, id, scope, bytes) in world.records() {
            let kind = Catalogue::builtin().kind_by_id(kind).unwrap().kind;
            anew.put(Catalogue::builtin(), RecordKey { kind, id }, scope, Some(bytes)).unwrap();
        }
        prop_assert_eq!(figures(&mut by_differences), figures(&mut anew));
        for place in SCOPES.iter().map(|code| Some(scope_id(code))).chain([None]) {
            prop_assert_eq!(by_differences.split(place), anew.split(place));
        }
        for (code, ours) in SCOPES.iter().zip(figures(&mut by_differences)) {
            let expected = world.scope(scope_id(code), *code == SCOPES[1]);
            for (name, figure) in &ours.0 {
                prop_assert_eq!(&figure.json(), &expected[*name], "{} {}", code, name);
            }
        }
        let pooled = [scope_id(SCOPES[0]), scope_id(SCOPES[1])];
        let expected = world.city(&pooled, &[scope_id(SCOPES[1])]);
        for (name, figure) in &by_differences.city().0 {
            prop_assert_eq!(&figure.json(), &expected[*name], "city {}", name);
        }
    }
}

#[test]
fn a_person_who_is_entered_in_two_districts_counts_once_in_the_city_when_it_says_so() {
    let catalogue = Catalogue::builtin();
    let day = date::day(2020, 9, 30).unwrap();
    let scopes = [scope_id("410302"), scope_id("410305")];
    let pool = Pool {
        pooled: scopes.into_iter().collect(),
        expected: BTreeSet::new(),
    };
    let mut book = Book::new(Period::new(day, Parameters::defaults(2020)), pool);
    let bytes = |n: u8| Some(vec![n; 16]);
    let mut put = |kind: &str, n: u8, at: usize, values: Option<Vec<u8>>| {
        let kind = catalogue.kind_by_id(kind).unwrap().kind;
        let key = RecordKey {
            kind,
            id: RecordId([n; 16]),
        };
        book.put(catalogue, key, scopes[at], values.as_deref())
            .unwrap();
        let heads = |all: Indicators| match all.get("training_head") {
            Some(Figure::Rate { num, den }) => (num, den),
            other => panic!("{other:?}"),
        };
        let of = [book.scope(scopes[0]), book.scope(scopes[1]), book.city()];
        of.map(heads)
    };
    for n in [0, 1] {
        let role = RoleAssignment {
            person: bytes(n),
            role: Some(WorkerRole::Head.into()),
            subject: Some(format!("organisation/{}", RecordId([9; 16]))),
            from_on: Some("2020-01-01".to_owned()),
            ..RoleAssignment::default()
        };
        put("role_assignment", n, n.into(), Some(role.encode_to_vec()));
    }
    let session = TrainingSession {
        year: Some(year_record_id(2020).0.to_vec()),
        kind: Some(TrainingKind::Centralised.into()),
        status: Some(EventStatus::Held.into()),
        start_on: Some("2020-05-01".to_owned()),
        ..TrainingSession::default()
    };
    put("training_session", 7, 1, Some(session.encode_to_vec()));
    let came = TrainingAttendance {
        session: bytes(7),
        person: bytes(1),
        attended: Some(true),
        ..TrainingAttendance::default()
    };
    let apart = put("training_attendance", 7, 1, Some(came.encode_to_vec()));
    assert_eq!(apart, [(0, 1), (1, 1), (1, 2)]);
    let linked = Person {
        same_as: bytes(0),
        ..Person::default()
    };
    let one = put("person", 1, 1, Some(linked.encode_to_vec()));
    assert_eq!(one, [(0, 1), (1, 1), (1, 1)]);
    // What is taken back or changes at one entry shows with the other.
    assert_eq!(
        put("training_attendance", 7, 1, None),
        [(0, 1), (0, 1), (0, 1)]
    );
    put("training_attendance", 7, 1, Some(came.encode_to_vec()));
    let unlinked = Person::default().encode_to_vec();
    assert_eq!(put("person", 1, 1, Some(unlinked)), apart);
}

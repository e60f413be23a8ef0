//! A naive evaluator: every figure counted from all records, sentence by sentence of the definitions.
//! It shares no code with the crate; days are compared as the texts that they are.

#![expect(
    clippy::too_many_lines,
    reason = "a set of definitions is read in one piece"
)]

mod works;

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;
use proto::{ledger::*, schema::FormerValue};
use replica::{RecordId, ScopeId};
use serde_json::{Value as Json, json};

type Place = (&'static str, RecordId);

pub(super) struct World {
    day: String,
    /// Running carriers that a Party organisation needs.
    carriers: usize,
    /// As they are, and as they were on the day.
    whole: BTreeMap<Place, (ScopeId, Vec<u8>)>,
    records: BTreeMap<Place, (ScopeId, Vec<u8>)>,
}

/// Whose figures are asked for.
struct Of<'a> {
    scopes: &'a [ScopeId],
    /// Whether it is the city, where each credit code counts once, and each human being.
    pooled: bool,
}

fn same(of: Option<&Vec<u8>>, to: RecordId) -> bool {
    of.is_some_and(|id| id.as_slice() == to.0)
}

/// Where names lead to, or themselves where they lead in a circle.
fn end(from: RecordId, next: impl Fn(RecordId) -> Option<RecordId>) -> RecordId {
    let (mut at, mut seen) = (from, BTreeSet::new());
    while seen.insert(at) {
        match next(at) {
            Some(next) => at = next,
            None => return at,
        }
    }
    from
}

fn id(of: Option<&Vec<u8>>) -> Option<RecordId> {
    Some(RecordId(of?.as_slice().try_into().ok()?))
}

fn rate(num: usize, den: usize) -> Json {
    let tenths = match (num, den) {
        (_, 0) => return json!({ "num": num, "den": den, "pct": null }),
        (0, _) => 0,
        (num, den) if num == den => 1000,
        (num, den) => ((2000 * num + den) / (2 * den)).clamp(1, 999),
    };
    json!({ "num": num, "den": den, "pct": format!("{}.{}", tenths / 10, tenths % 10) })
}

/// What its steps say of a record on the day: the state that the last of them had led to that holds
/// from then, and of the steps those up to it. None where it was not there yet.
fn then(kind: &str, values: &[u8], day: &str) -> Option<Vec<u8>> {
    macro_rules! of {
        ($row:ident, $field:ident) => {{
            let mut row = $row::decode(values).unwrap();
            row.steps.sort_by_key(|step| step.place);
            if row.steps.iter().any(|step| step.on.as_str() > day) {
                while row.steps.last()?.on.as_str() > day {
                    row.steps.pop();
                }
                row.$field = Some(number(kind, &row.steps.last()?.state));
            }
            row
        }};
    }
    Some(match kind {
        "organisation" => {
            let mut row = of!(Organisation, census_status);
            let moving = number(kind, "transferring");
            if row.census_status == Some(moving) {
                let mut before = row.steps.iter().rev().map(|step| number(kind, &step.state));
                row.census_status = before
                    .find(|state| *state != moving)
                    .or(Some(CensusStatus::Counted as i32));
            }
            let said = |field| said(&row.former_values, field, day);
            let count = |text: String| text.parse().ok();
            let [employees, members, full] = ["employees", "members", "full_members"].map(said);
            let judged = said("eligibility").map(|id| match id.as_str() {
                "" => None,
                "eligible" => Some(Eligibility::Eligible as i32),
                _ => Some(Eligibility::NotEligible as i32),
            });
            row.employees = employees.map_or(row.employees, count);
            row.members = members.map_or(row.members, count);
            row.full_members = full.map_or(row.full_members, count);
            row.eligibility = judged.unwrap_or(row.eligibility);
            row.encode_to_vec()
        }
        "party_organisation" => of!(PartyOrganisation, status).encode_to_vec(),
        "carrier" => of!(Carrier, status).encode_to_vec(),
        "platform" => of!(Platform, status).encode_to_vec(),
        "problem_item" => {
            let mut row = of!(ProblemItem, status);
            let mut closings = row.steps.iter().filter(|step| step.state == "closed");
            let last = closings.next_back().map(|step| step.on.clone());
            let is_closed = row.status() == ProblemStatus::Closed;
            if let Some(on) = last.filter(|on| is_closed && !on.is_empty()) {
                row.closed_on = Some(on);
            }
            let due = said(&row.former_values, "due_on", day);
            row.due_on = due.map_or(row.due_on, |due| Some(due).filter(|due| !due.is_empty()));
            row.encode_to_vec()
        }
        "nomination" => of!(Nomination, status).encode_to_vec(),
        "demonstration_point" => of!(DemonstrationPoint, status).encode_to_vec(),
        _ => values.to_vec(),
    })
}

/// What a field said on the day, where that is not what it says now: what it was soonest to lose.
fn said(former: &[FormerValue], field: &str, day: &str) -> Option<String> {
    let held = former.iter();
    let held = held.filter(|one| one.field == field && one.until.as_str() > day);
    let first = held.min_by_key(|one| (&one.until, &one.value));
    first.map(|one| one.value.clone())
}

/// The number of a state.
fn number(kind: &str, state: &str) -> i32 {
    let spec = domain::Catalogue::builtin().kind_by_id(kind).unwrap();
    let field = spec.field(if kind == "organisation" {
        "census_status"
    } else {
        "status"
    });
    field.unwrap().enumeration().unwrap().number(state).unwrap()
}

impl World {
    pub(super) fn new(day: &str, carriers: usize) -> Self {
        Self {
            day: day.to_owned(),
            carriers,
            whole: BTreeMap::new(),
            records: BTreeMap::new(),
        }
    }

    pub(super) fn put(
        &mut self,
        kind: &'static str,
        id: RecordId,
        scope: ScopeId,
        values: Option<&[u8]>,
    ) {
        match values {
            Some(values) => self.whole.insert((kind, id), (scope, values.to_vec())),
            None => self.whole.remove(&(kind, id)),
        };
        match values.and_then(|values| then(kind, values, &self.day)) {
            Some(values) => self.records.insert((kind, id), (scope, values)),
            None => self.records.remove(&(kind, id)),
        };
    }

    pub(super) fn records(&self) -> impl Iterator<Item = (&'static str, RecordId, ScopeId, &[u8])> {
        self.whole
            .iter()
            .map(|((kind, id), (scope, bytes))| (*kind, *id, *scope, bytes.as_slice()))
    }

    fn all<M: Message + Default>(&self, kind: &str) -> Vec<(RecordId, ScopeId, M)> {
        let of = self.records.iter().filter(|((known, _), _)| *known == kind);
        of.map(|((_, id), (scope, bytes))| (*id, *scope, M::decode(bytes.as_slice()).unwrap()))
            .collect()
    }

    fn get<M: Message + Default>(&self, kind: &'static str, id: RecordId) -> Option<(ScopeId, M)> {
        let (scope, bytes) = self.records.get(&(kind, id))?;
        Some((*scope, M::decode(bytes.as_slice()).unwrap()))
    }

    fn came(&self, on: Option<&String>) -> bool {
        on.is_some_and(|on| *on <= self.day)
    }

    fn in_2020(&self, on: Option<&String>) -> bool {
        self.came(on) && on.is_some_and(|on| on.starts_with("2020"))
    }

    fn active(&self, from: Option<&String>, to: Option<&String>) -> bool {
        from.is_none_or(|from| *from <= self.day) && to.is_none_or(|to| self.day < *to)
    }

    /// The organisation that another was merged into, as long as that ends.
    fn stands(&self, org: RecordId) -> RecordId {
        end(org, |at| {
            let row = self.get::<Organisation>("organisation", at);
            id(row?.1.merged_into.as_ref())
        })
    }

    /// The entry of a person that stands for all that the city has linked with it.
    fn one(&self, person: RecordId) -> RecordId {
        end(person, |at| {
            let row = self.get::<Person>("person", at);
            id(row?.1.same_as.as_ref())
        })
    }

    fn alive(&self, party: RecordId) -> bool {
        self.get::<PartyOrganisation>("party_organisation", party)
            .is_some_and(|(_, row)| {
                let established = matches!(
                    row.status(),
                    PartyOrgStatus::Active
                        | PartyOrgStatus::Restructuring
                        | PartyOrgStatus::Dissolved
                );
                let undated_end =
                    row.status() == PartyOrgStatus::Dissolved && row.dissolved_on.is_none();
                established
                    && !undated_end
                    && self.active(row.established_on.as_ref(), row.dissolved_on.as_ref())
            })
    }

    fn links(&self, org: RecordId) -> Vec<CoverageLink> {
        let all = self
            .all::<CoverageLink>("coverage_link")
            .into_iter()
            .map(|(_, _, link)| link);
        all.filter(|link| {
            id(link.organisation.as_ref()).is_some_and(|to| self.stands(to) == org)
                && link.party_organisation.is_some()
        })
        .collect()
    }

    fn form(&self, org: RecordId) -> Option<i32> {
        let live = self.links(org).into_iter().filter(|link| {
            self.active(link.from_on.as_ref(), link.to_on.as_ref())
                && id(link.party_organisation.as_ref()).is_some_and(|party| self.alive(party))
        });
        // The numbers of the forms stand in the order of their strength; none is the weakest.
        live.map(|link| match link.form() as i32 {
            0 => 99,
            form => form,
        })
        .min()
    }

    fn instructed(&self, org: RecordId) -> bool {
        self.all::<InstructorAssignment>("instructor_assignment")
            .iter()
            .any(|(_, _, row)| {
                row.person.is_some()
                    && id(row.organisation.as_ref()).is_some_and(|to| self.stands(to) == org)
                    && self.active(row.from_on.as_ref(), row.to_on.as_ref())
            })
    }

    fn held(&self, year: Option<&Vec<u8>>, status: i32, on: Option<&String>) -> bool {
        status == EventStatus::Held as i32
            && self.came(on)
            && same(year, domain::year_record_id(2020))
    }

    fn trained(&self, person: RecordId) -> bool {
        self.all::<TrainingAttendance>("training_attendance")
            .iter()
            .any(|(_, _, row)| {
                let session = id(row.session.as_ref())
                    .and_then(|id| self.get::<TrainingSession>("training_session", id));
                row.attended()
                    && same(row.person.as_ref(), person)
                    && session.is_some_and(|(_, row)| {
                        self.held(
                            row.year.as_ref(),
                            row.status.unwrap_or(0),
                            row.end_on.as_ref().or(row.start_on.as_ref()),
                        )
                    })
            })
    }

    pub(super) fn scope(&self, scope: ScopeId, expected: bool) -> BTreeMap<&'static str, Json> {
        let mut all = self.figures(&Of {
            scopes: &[scope],
            pooled: false,
        });
        let due = if expected { self.due().len() } else { 0 };
        self.quotas(&mut all, &[scope], due);
        let whole = ["training_secretary", "training_head", "training_instructor"]
            .iter()
            .all(|name| all[name]["num"] == all[name]["den"]);
        all.insert("rotation_complete", json!(u64::from(whole)));
        all
    }

    pub(super) fn city(
        &self,
        pooled: &[ScopeId],
        expected: &[ScopeId],
    ) -> BTreeMap<&'static str, Json> {
        let mut all = self.figures(&Of {
            scopes: pooled,
            pooled: true,
        });
        self.quotas(&mut all, expected, self.due().len() * expected.len());
        let complete = pooled
            .iter()
            .filter(|scope| self.scope(**scope, false)["rotation_complete"] == json!(1));
        all.insert("rotation_complete", json!(complete.count()));
        all
    }

    fn due(&self) -> Vec<(&'static str, &'static str)> {
        let due = [
            ("2020Q1", "2020-04-15"),
            ("2020Q2", "2020-07-15"),
            ("2020Q3", "2020-10-15"),
            ("2020Q4", "2021-01-15"),
        ];
        due.into_iter()
            .filter(|(_, by)| *by <= self.day.as_str())
            .collect()
    }

    fn quotas(&self, all: &mut BTreeMap<&'static str, Json>, scopes: &[ScopeId], due: usize) {
        let each: Vec<_> = scopes
            .iter()
            .map(|scope| {
                self.figures(&Of {
                    scopes: &[*scope],
                    pooled: false,
                })
            })
            .collect();
        for (of, name) in [
            ("drives_held", "drives_held_met"),
            ("trainings_held", "trainings_held_met"),
            ("seminars_held", "seminars_held_met"),
            ("platforms_new", "platforms_new_met"),
            ("committees", "committee_ready"),
        ] {
            let met = each
                .iter()
                .filter(|figures| figures[of].as_u64() >= Some(1))
                .count();
            all.insert(name, json!({ "num": met, "den": scopes.len() }));
        }
        let returns: Vec<_> = self
            .all::<QuarterlyReturn>("quarterly_return")
            .into_iter()
            .filter(|(_, lies, row)| {
                scopes.contains(
                    &row.scope
                        .as_ref()
                        .map_or(*lies, |scope| ScopeId(scope.as_slice().try_into().unwrap())),
                ) && matches!(
                    row.status(),
                    ReturnStatus::Submitted | ReturnStatus::Accepted | ReturnStatus::Locked
                ) && self.came(row.submitted_on.as_ref())
            })
            .collect();
        let of = |late: bool| {
            returns
                .iter()
                .filter(|(_, _, row)| {
                    self.due().iter().any(|(period, by)| {
                        row.period() == *period && (late || row.submitted_on() <= *by)
                    })
                })
                .count()
        };
        all.insert("reporting_rate", rate(of(true), due));
        all.insert("reporting_on_time", rate(of(false), due));
    }

    fn figures(&self, of: &Of<'_>) -> BTreeMap<&'static str, Json> {
        let mut all = BTreeMap::new();
        self.organisations(of, &mut all);
        self.parties(of, &mut all);
        self.people(of, &mut all);
        self.events(of, &mut all);
        self.platforms(of, &mut all);
        self.problems(of, &mut all);
        self.nominations(of, &mut all);
        self.money(of, &mut all);
        self.checks(of, &mut all);
        all
    }

    fn organisations(&self, of: &Of<'_>, all: &mut BTreeMap<&'static str, Json>) {
        let here = |(id, scope, _): &(RecordId, ScopeId, Organisation)| {
            of.scopes.contains(scope) && self.stands(*id) == *id
        };
        // The census counts every record, and one that was merged into another was looked at.
        let records: Vec<_> = self
            .all::<Organisation>("organisation")
            .into_iter()
            .filter(|(_, scope, _)| of.scopes.contains(scope))
            .collect();
        let rows: Vec<_> = self
            .all::<Organisation>("organisation")
            .into_iter()
            .filter(here)
            .collect();
        let judged = records.iter().filter(|(id, _, row)| {
            self.stands(*id) != *id
                || !matches!(
                    row.census_status(),
                    CensusStatus::Candidate | CensusStatus::Unspecified
                )
        });
        all.insert(
            "census_completion_rate",
            rate(judged.count(), records.len()),
        );
        // Of the counted records of these scopes with one code the smallest id stands.
        let ledger: Vec<_> = self
            .all::<Organisation>("organisation")
            .into_iter()
            .filter(|(_, scope, row)| {
                of.scopes.contains(scope) && row.census_status() == CensusStatus::Counted
            })
            .collect();
        let first = |org: &RecordId, code: Option<&String>| {
            code.is_none_or(|code| {
                ledger
                    .iter()
                    .filter(|(_, _, row)| row.uscc.as_ref() == Some(code))
                    .map(|(id, _, _)| id)
                    .min()
                    == Some(org)
            })
        };
        let counted: Vec<_> = rows
            .iter()
            .filter(|(_, _, row)| row.census_status() == CensusStatus::Counted)
            .collect();
        let taken: Vec<_> = counted
            .iter()
            .filter(|(id, _, row)| !of.pooled || first(id, row.uscc.as_ref()))
            .collect();
        let removed = counted.len() - taken.len();
        let facts: Vec<_> = taken
            .iter()
            .map(|(id, _, row)| (self.form(*id), self.instructed(*id), row, *id))
            .collect();
        let number = |test: &dyn Fn(Option<i32>, bool, &Organisation) -> bool| {
            facts
                .iter()
                .filter(|(form, sent, row, _)| test(*form, *sent, row))
                .count()
        };
        let large = |row: &Organisation| row.full_members() >= 3;
        let eligible = |form: Option<i32>, row: &Organisation| {
            form.is_some() || large(row) || row.eligibility() == Eligibility::Eligible
        };
        let total = facts.len();
        let covered = number(&|form, _, _| form.is_some());
        let uncovered = total - covered;
        all.insert("counted", json!(total));
        all.insert("duplicates_removed", json!(removed));
        all.insert("org_coverage_rate", rate(covered, total));
        all.insert(
            "standalone_rate",
            rate(number(&|form, _, _| form == Some(1)), total),
        );
        all.insert(
            "built_of_should_rate",
            rate(covered, number(&|form, _, row| eligible(form, row))),
        );
        all.insert(
            "work_coverage_rate",
            rate(number(&|form, sent, _| form.is_some() || sent), total),
        );
        all.insert(
            "work_coverage_broad_rate",
            rate(
                number(&|form, sent, row| form.is_some() || sent || !row.mass_orgs.is_empty()),
                total,
            ),
        );
        all.insert(
            "instructor_dispatch_rate",
            rate(number(&|form, sent, _| form.is_none() && sent), uncovered),
        );
        all.insert(
            "blank_points",
            json!(number(&|form, _, row| form.is_none() && eligible(form, row))),
        );
        all.insert(
            "uncovered_gap",
            json!(number(&|form, sent, _| form.is_none() && !sent)),
        );
        all.insert(
            "should_unbuilt",
            json!(number(&|form, _, row| form.is_none() && large(row))),
        );
        all.insert(
            "few_members_unbuilt",
            json!(number(&|form, _, row| form.is_none()
                && !large(row)
                && row.members() >= 1)),
        );
        all.insert(
            "no_members_unbuilt",
            json!(number(&|form, _, row| form.is_none()
                && !large(row)
                && row.members() == 0)),
        );
        all.insert(
            "joint_with_3plus",
            json!(number(
                &|form, _, row| form.is_some_and(|form| form != 1) && large(row)
            )),
        );
        let newly = facts.iter().filter(|(_, _, _, id)| {
            let starts: Vec<_> = self
                .links(*id)
                .into_iter()
                .filter_map(|link| link.from_on)
                .filter(|from| *from <= self.day)
                .collect();
            starts
                .iter()
                .min()
                .is_some_and(|first| first.starts_with("2020"))
        });
        all.insert("newly_covered", json!(newly.count()));
        let (mut filled, mut fields) = (0, 0);
        for (form, _, row, _) in &facts {
            // The required ones of an organisation, and the two beside them.
            let present = [
                row.name.is_some(),
                row.org_class.is_some_and(|n| n > 0),
                row.org_kind.is_some_and(|n| n > 0),
                row.industry.is_some(),
                row.operating_status.is_some(),
                row.census_status.is_some_and(|n| n > 0),
                row.employees.is_some(),
                row.members.is_some(),
                row.full_members.is_some(),
                row.as_of.is_some(),
                row.eligibility.is_some_and(|n| n > 0),
                row.source.is_some(),
                row.uscc.is_some(),
                row.verified_on.is_some(),
            ];
            fields += present.len() + usize::from(form.is_none());
            filled += present.iter().filter(|is| **is).count()
                + usize::from(form.is_none() && row.not_built_reason.is_some());
        }
        all.insert("field_completeness", rate(filled, fields));
    }

    fn parties(&self, of: &Of<'_>, all: &mut BTreeMap<&'static str, Json>) {
        let rows: Vec<_> = self
            .all::<PartyOrganisation>("party_organisation")
            .into_iter()
            .filter(|(_, scope, _)| of.scopes.contains(scope))
            .collect();
        let new = rows.iter().filter(|(_, _, row)| {
            matches!(
                row.status(),
                PartyOrgStatus::Active | PartyOrgStatus::Restructuring | PartyOrgStatus::Dissolved
            ) && self.in_2020(row.established_on.as_ref())
        });
        all.insert("new_party_orgs", json!(new.count()));
        let active: Vec<_> = rows
            .into_iter()
            .filter(|(id, _, row)| self.alive(*id) && row.status() != PartyOrgStatus::Restructuring)
            .collect();
        let share = |test: &dyn Fn(RecordId, &PartyOrganisation) -> bool| {
            rate(
                active.iter().filter(|(id, _, row)| test(*id, row)).count(),
                active.len(),
            )
        };
        let carriers = |party: RecordId| -> Vec<(RecordId, Carrier)> {
            let all = self.all::<Carrier>("carrier").into_iter();
            all.filter(|(_, _, row)| {
                same(row.party_organisation.as_ref(), party)
                    && row.status() == CarrierStatus::Running
            })
            .map(|(id, _, row)| (id, row))
            .collect()
        };
        all.insert("party_orgs_active", json!(active.len()));
        all.insert(
            "carrier_coverage_rate",
            share(&|party, _| carriers(party).len() >= self.carriers),
        );
        all.insert(
            "carrier_regular_rate",
            share(&|party, _| {
                carriers(party)
                    .iter()
                    .any(|(id, row)| self.regular(*id, row))
            }),
        );
        all.insert(
            "position_standard_rate",
            share(&|_, row| {
                id(row.position.as_ref())
                    .and_then(|id| self.get::<Position>("position", id))
                    .is_some_and(|(_, row)| {
                        [row.function_ok(), row.facility_ok(), row.archive_ok()]
                            .iter()
                            .all(|result| *result == CheckResult::Pass)
                    })
            }),
        );
        all.insert(
            "fully_compliant_rate",
            share(&|party, _| {
                let results = self.results(&format!("party_organisation/{party}"));
                results.contains(&CheckResult::Pass) && !results.contains(&CheckResult::Fail)
            }),
        );
        all.insert(
            "funding_assured_rate",
            share(&|party, _| {
                self.all::<FundingEntry>("funding_entry")
                    .iter()
                    .any(|(id, _, row)| {
                        row.beneficiary() == format!("party_organisation/{party}")
                            && self.income(*id, row) > 0
                    })
            }),
        );
    }

    fn regular(&self, carrier: RecordId, row: &Carrier) -> bool {
        let held: Vec<_> = self
            .all::<CarrierActivity>("carrier_activity")
            .into_iter()
            .filter(|(_, _, row)| same(row.carrier.as_ref(), carrier) && self.came(row.on.as_ref()))
            .filter_map(|(_, _, row)| row.on)
            .collect();
        let quarters = [
            ("2020-01-01", "2020-03-31"),
            ("2020-04-01", "2020-06-30"),
            ("2020-07-01", "2020-09-30"),
            ("2020-10-01", "2020-12-31"),
        ];
        let due = quarters.iter().filter(|(_, end)| {
            *end <= self.day.as_str()
                && row
                    .started_on
                    .as_ref()
                    .is_none_or(|started| *end >= started.as_str())
        });
        !held.is_empty()
            && due.into_iter().all(|(first, last)| {
                held.iter()
                    .any(|on| *first <= on.as_str() && on.as_str() <= *last)
            })
    }

    /// The results of the latest check of each item of a subject.
    fn results(&self, subject: &str) -> Vec<CheckResult> {
        let home = subject.split_once('/').and_then(|(kind, id)| {
            self.records
                .iter()
                .find(|((known, known_id), _)| *known == kind && known_id.to_string() == id)
                .map(|(_, (scope, _))| *scope)
        });
        let offices = self.all::<Agency>("agency");
        type Rank = (bool, String, RecordId);
        let mut latest: BTreeMap<Vec<u8>, (Rank, CheckResult)> = BTreeMap::new();
        for (id, _, row) in self.all::<StandardCheck>("standard_check") {
            let (Some(item), true) = (
                row.item.clone(),
                row.subject() == subject && self.in_2020(row.on.as_ref()),
            ) else {
                continue;
            };
            let checker = super::naive::id(row.checker.as_ref());
            let citys = checker.is_some_and(|checker| {
                let office = offices.iter().find(|(id, _, _)| *id == checker);
                office.map(|(_, scope, _)| *scope) != home
            });
            let rank = (citys, row.on.clone().unwrap(), id);
            if latest.get(&item).is_none_or(|(known, _)| *known < rank) {
                latest.insert(item, (rank, row.result()));
            }
        }
        latest.into_values().map(|(_, result)| result).collect()
    }

    fn checks(&self, of: &Of<'_>, all: &mut BTreeMap<&'static str, Json>) {
        let rows: Vec<_> = self
            .all::<StandardCheck>("standard_check")
            .into_iter()
            .filter(|(_, _, row)| row.item.is_some() && row.on.is_some() && row.subject.is_some())
            .collect();
        let subjects: BTreeSet<_> = rows
            .iter()
            .map(|(_, _, row)| row.subject().to_owned())
            .collect();
        let (mut passed, mut judged) = (0, 0);
        for subject in subjects {
            let (kind, id) = subject.split_once('/').unwrap();
            let home = self
                .records
                .iter()
                .find(|((known, known_id), _)| *known == kind && known_id.to_string() == id)
                .map(|(_, (scope, _))| *scope);
            let lies = rows
                .iter()
                .find(|(_, _, row)| row.subject() == subject)
                .map(|(_, scope, _)| *scope);
            if home
                .or(lies)
                .is_some_and(|scope| of.scopes.contains(&scope))
            {
                let results = self.results(&subject);
                passed += results
                    .iter()
                    .filter(|result| **result == CheckResult::Pass)
                    .count();
                judged += results
                    .iter()
                    .filter(|result| matches!(result, CheckResult::Pass | CheckResult::Fail))
                    .count();
            }
        }
        all.insert("standard_pass_rate", rate(passed, judged));
    }

    fn people(&self, of: &Of<'_>, all: &mut BTreeMap<&'static str, Json>) {
        // The city counts a human being once, a scope each of its entries.
        let as_one = |person| {
            Some(self.one(person))
                .filter(|_| of.pooled)
                .unwrap_or(person)
        };
        let came = |one: RecordId| {
            let mut names = self
                .all::<TrainingAttendance>("training_attendance")
                .into_iter();
            names.any(|(_, _, row)| {
                let entry = id(row.person.as_ref());
                entry.is_some_and(|entry| as_one(entry) == one && self.trained(entry))
            })
        };
        let mut roles: BTreeMap<&str, BTreeSet<RecordId>> = BTreeMap::new();
        for (_, scope, row) in self.all::<RoleAssignment>("role_assignment") {
            let role = match row.role() {
                WorkerRole::Secretary => "training_secretary",
                WorkerRole::Head => "training_head",
                WorkerRole::Instructor => "training_instructor",
                _ => continue,
            };
            if let (true, true, Some(person)) = (
                of.scopes.contains(&scope),
                self.active(row.from_on.as_ref(), row.to_on.as_ref()),
                id(row.person.as_ref()),
            ) {
                roles.entry(role).or_default().insert(as_one(person));
            }
        }
        for (_, scope, row) in self.all::<InstructorAssignment>("instructor_assignment") {
            if let (true, true, true, Some(person)) = (
                row.organisation.is_some(),
                of.scopes.contains(&scope),
                self.active(row.from_on.as_ref(), row.to_on.as_ref()),
                id(row.person.as_ref()),
            ) {
                let role = roles.entry("training_instructor").or_default();
                role.insert(as_one(person));
            }
        }
        let share = |people: &BTreeSet<RecordId>| {
            rate(
                people.iter().filter(|person| came(**person)).count(),
                people.len(),
            )
        };
        for role in ["training_secretary", "training_head", "training_instructor"] {
            all.insert(role, share(roles.entry(role).or_default()));
        }
        let union: BTreeSet<RecordId> = roles.values().flatten().copied().collect();
        all.insert("training_all", share(&union));
    }
}

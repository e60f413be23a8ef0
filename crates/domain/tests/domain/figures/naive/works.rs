//! The figures of events, platforms, problems, nominations and money.

use std::collections::BTreeMap;

use proto::ledger::*;
use replica::{RecordId, ScopeId};
use serde_json::{Value as Json, json};

use super::{Of, World, id, number as state, rate, same};

impl World {
    pub(super) fn hosted(&self, of: &Of<'_>, named: Option<&Vec<u8>>, lies: ScopeId) -> bool {
        of.scopes
            .contains(&named.map_or(lies, |scope| ScopeId(scope.as_slice().try_into().unwrap())))
    }

    pub(super) fn events(&self, of: &Of<'_>, all: &mut BTreeMap<&'static str, Json>) {
        let trainings = self
            .all::<TrainingSession>("training_session")
            .into_iter()
            .filter(|(_, scope, row)| {
                self.hosted(of, row.scope.as_ref(), *scope)
                    && row.kind() == TrainingKind::Centralised
                    && self.held(
                        row.year.as_ref(),
                        row.status.unwrap_or(0),
                        row.end_on.as_ref().or(row.start_on.as_ref()),
                    )
            });
        all.insert("trainings_held", json!(trainings.count()));
        let seminars = self
            .all::<Seminar>("seminar")
            .into_iter()
            .filter(|(_, scope, row)| {
                self.hosted(of, row.scope.as_ref(), *scope)
                    && self.held(row.year.as_ref(), row.status.unwrap_or(0), row.on.as_ref())
            });
        all.insert("seminars_held", json!(seminars.count()));
        let drives = self
            .all::<EstablishmentDrive>("establishment_drive")
            .into_iter()
            .filter(|(_, scope, row)| {
                self.hosted(of, row.scope.as_ref(), *scope)
                    && self.held(
                        row.year.as_ref(),
                        row.status.unwrap_or(0),
                        row.end_on.as_ref().or(row.start_on.as_ref()),
                    )
            });
        all.insert("drives_held", json!(drives.count()));
        let ready = self
            .all::<WorkCommittee>("work_committee")
            .into_iter()
            .filter(|(_, scope, row)| {
                self.hosted(of, row.scope.as_ref(), *scope)
                    && self.came(row.established_on.as_ref())
                    && row.lead_agency.is_some()
                    && !row.members.is_empty()
                    && row.staff() > 0
                    && !row.systems.is_empty()
            });
        all.insert("committees", json!(ready.count()));
    }

    pub(super) fn platforms(&self, of: &Of<'_>, all: &mut BTreeMap<&'static str, Json>) {
        let platforms: Vec<_> = self
            .all::<Platform>("platform")
            .into_iter()
            .filter(|(_, _, row)| row.cluster.is_some())
            .collect();
        let here = || {
            platforms.iter().filter(|(_, scope, row)| {
                of.scopes.contains(scope) && row.status() != PlatformStatus::Closed
            })
        };
        all.insert(
            "platforms_new",
            json!(
                here()
                    .filter(|(_, _, row)| self.in_2020(row.built_on.as_ref()))
                    .count()
            ),
        );
        let mature: Vec<_> = self
            .all::<Cluster>("cluster")
            .into_iter()
            .filter(|(_, scope, row)| of.scopes.contains(scope) && row.mature())
            .collect();
        let built = mature.iter().filter(|(cluster, _, _)| {
            platforms.iter().any(|(_, _, row)| {
                same(row.cluster.as_ref(), *cluster)
                    && row.status() != PlatformStatus::Closed
                    && self.came(row.built_on.as_ref())
            })
        });
        all.insert("platform_built_rate", rate(built.count(), mature.len()));
        let quarters = [
            ("2020-01-01", "2020-03-31"),
            ("2020-04-01", "2020-06-30"),
            ("2020-07-01", "2020-09-30"),
            ("2020-10-01", "2020-12-31"),
        ];
        let (mut due, mut met) = (0, 0);
        for (id, _, row) in here().filter(|(_, _, row)| row.status() == PlatformStatus::Operating) {
            for (first, last) in quarters {
                if last <= self.day.as_str()
                    && row
                        .built_on
                        .as_ref()
                        .is_some_and(|built| built.as_str() <= last)
                {
                    due += 1;
                    met += usize::from(self.all::<PlatformMeeting>("platform_meeting").iter().any(
                        |(_, _, meeting)| {
                            same(meeting.platform.as_ref(), *id)
                                && matches!(
                                    meeting.kind(),
                                    PlatformSystem::JointConference
                                        | PlatformSystem::QuarterlyMeeting
                                )
                                && meeting
                                    .on
                                    .as_ref()
                                    .is_some_and(|on| first <= on.as_str() && on.as_str() <= last)
                        },
                    ));
                }
            }
        }
        all.insert("platform_meeting_rate", rate(met, due));
    }

    pub(super) fn problems(&self, of: &Of<'_>, all: &mut BTreeMap<&'static str, Json>) {
        let rows: Vec<_> = self
            .all::<ProblemItem>("problem_item")
            .into_iter()
            .filter(|(_, scope, row)| {
                let this_year = same(row.year.as_ref(), domain::year_record_id(2020));
                let carried = row
                    .registered_on
                    .as_ref()
                    .is_some_and(|on| on.as_str() < "2020-01-01")
                    && (row.status() != ProblemStatus::Closed
                        || row
                            .closed_on
                            .as_ref()
                            .is_some_and(|on| on.as_str() >= "2020-01-01"));
                self.hosted(of, row.scope.as_ref(), *scope)
                    && row.status() != ProblemStatus::Withdrawn
                    && self.came(row.registered_on.as_ref())
                    && (this_year || carried)
            })
            .map(|(_, _, row)| row)
            .collect();
        let closed = |row: &ProblemItem| {
            row.status() == ProblemStatus::Closed
                && row.closed_on.as_ref().is_none_or(|on| *on <= self.day)
        };
        let due: Vec<_> = rows
            .iter()
            .filter(|row| self.came(row.due_on.as_ref()))
            .collect();
        all.insert(
            "problem_closing_rate",
            rate(rows.iter().filter(|row| closed(row)).count(), rows.len()),
        );
        let in_time = due
            .iter()
            .filter(|row| closed(row) && row.closed_on.is_some() && row.closed_on <= row.due_on);
        all.insert("problem_on_time_rate", rate(in_time.count(), due.len()));
        let over = rows
            .iter()
            .filter(|row| !closed(row) && row.due_on.as_ref().is_some_and(|due| *due < self.day));
        all.insert("problems_overdue", json!(over.count()));
    }

    pub(super) fn nominations(&self, of: &Of<'_>, all: &mut BTreeMap<&'static str, Json>) {
        use NominationStatus::*;
        let rows: Vec<_> =
            self.all::<Nomination>("nomination")
                .into_iter()
                .filter(|(_, scope, row)| {
                    self.hosted(of, row.scope.as_ref(), *scope)
                        && same(row.year.as_ref(), domain::year_record_id(2020))
                })
                .map(|(id, _, row)| {
                    let visited = self.all::<AcceptanceVisit>("acceptance_visit").iter().any(
                        |(_, _, visit)| {
                            same(visit.nomination.as_ref(), id)
                                && visit.on.as_ref().is_none_or(|on| *on <= self.day)
                        },
                    );
                    let steps = row.steps.iter();
                    let steps = steps.map(|step| state("nomination", &step.state));
                    let reached = steps.chain(row.status).collect();
                    (row.status(), reached, visited)
                })
                .collect();
        let number = |states: &[NominationStatus]| {
            let is = |row: &&(NominationStatus, Vec<i32>, bool)| states.contains(&row.0);
            rows.iter().filter(is).count()
        };
        let has = |reached: &[i32], states: &[NominationStatus]| {
            states
                .iter()
                .any(|state| reached.contains(&(*state as i32)))
        };
        // What was given back had been recommended.
        let recommended = [
            Received,
            SpotChecked,
            Accepted,
            NotAccepted,
            Recommended,
            Returned,
        ];
        for (name, states) in [
            (
                "nominated",
                [&[Submitted, Screened, Assessed], &recommended[..]].concat(),
            ),
            ("recommended", recommended.to_vec()),
            ("received", recommended[..4].to_vec()),
        ] {
            let count = rows.iter().filter(|(_, reached, _)| has(reached, &states));
            all.insert(name, json!(count.count()));
        }
        all.insert(
            "spot_checked",
            json!(rows.iter().filter(|(_, _, visited)| *visited).count()),
        );
        let forward = rows
            .iter()
            .filter(|(_, reached, _)| has(reached, &recommended));
        let forward: Vec<_> = forward.collect();
        let visited = forward.iter().filter(|(_, _, visited)| *visited);
        all.insert("spot_check_rate", rate(visited.count(), forward.len()));
        all.insert("accepted", json!(number(&[Accepted])));
        all.insert("not_accepted", json!(number(&[NotAccepted])));
        all.insert(
            "acceptance_rate",
            rate(number(&[Accepted]), number(&[Accepted, NotAccepted])),
        );
        let points = self
            .all::<DemonstrationPoint>("demonstration_point")
            .into_iter()
            .filter(|(_, lies, row)| {
                let Some(party) = id(row.party_organisation.as_ref()) else {
                    return false;
                };
                let home = self
                    .get::<PartyOrganisation>("party_organisation", party)
                    .map_or(*lies, |(scope, _)| scope);
                of.scopes.contains(&home) && row.status() == PointStatus::Valid
            });
        all.insert("points_valid", json!(points.count()));
    }

    /// What an income brought, less what reverses it.
    pub(super) fn income(&self, entry: RecordId, row: &FundingEntry) -> i64 {
        let counts = row.direction() == FundingDirection::Income
            && row.reverses.is_none()
            && same(row.year.as_ref(), domain::year_record_id(2020))
            && self.came(row.on.as_ref());
        let back: u64 = self
            .all::<FundingEntry>("funding_entry")
            .iter()
            .filter(|(_, _, by)| same(by.reverses.as_ref(), entry) && self.came(by.on.as_ref()))
            .map(|(_, _, by)| by.amount_fen())
            .sum();
        if counts {
            i64::try_from(row.amount_fen()).unwrap() - i64::try_from(back).unwrap()
        } else {
            0
        }
    }

    pub(super) fn money(&self, of: &Of<'_>, all: &mut BTreeMap<&'static str, Json>) {
        let rows: Vec<_> = self
            .all::<FundingEntry>("funding_entry")
            .into_iter()
            .filter(|(_, scope, row)| self.hosted(of, row.scope.as_ref(), *scope))
            .collect();
        let sum = |sources: &[FundSource]| {
            json!(
                rows.iter()
                    .filter(|(_, _, row)| sources.contains(&row.source()))
                    .map(|(id, _, row)| self.income(*id, row))
                    .sum::<i64>()
            )
        };
        use FundSource::*;
        all.insert(
            "funding_income",
            sum(&[
                Unspecified,
                DuesRefund,
                AdminCost,
                BuildingFund,
                Fiscal,
                Reward,
                Donation,
                Other,
            ]),
        );
        for (name, sources) in [
            ("funding_dues_refund", &[DuesRefund][..]),
            ("funding_admin_cost", &[AdminCost]),
            ("funding_building_fund", &[BuildingFund]),
            ("funding_fiscal", &[Fiscal]),
            ("funding_reward", &[Reward]),
            ("funding_donation", &[Donation]),
            ("funding_other", &[Other, Unspecified]),
        ] {
            all.insert(name, sum(sources));
        }
        let rewards: Vec<_> = self
            .all::<proto::ledger::Reward>("reward")
            .into_iter()
            .filter(|(_, scope, row)| {
                self.hosted(of, row.scope.as_ref(), *scope)
                    && same(row.year.as_ref(), domain::year_record_id(2020))
                    && self.came(row.decided_on.as_ref())
            })
            .collect();
        let total = |paid: bool| {
            rewards
                .iter()
                .filter(|(_, _, row)| !paid || self.came(row.paid_on.as_ref()))
                .map(|(_, _, row)| row.amount_fen())
                .sum::<u64>()
        };
        all.insert("reward_amount", json!(total(false)));
        all.insert("reward_paid", json!(total(true)));
    }
}

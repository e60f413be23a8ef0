//! Organisations and what covers them: Party organisations, links, persons in their roles, carriers,
//! instructors, and the cases of those that are not covered yet.

use replica::RecordId;
use serde_json::json;
use time::Duration;

use super::{
    Demo, Organisation, Rng,
    district::{Holder, Records},
    words::{ACTIVITIES, CARRIERS, DIMENSIONS, EXPENSES, FUNDS, SOURCES, THEMES, TRAITS, VISITS},
};
use crate::date::{self, Date, text};

/// Documents about instructors are numbered from here, above those of Party organisations.
const INSTRUCTOR_DOCUMENTS: u32 = 300_000;

/// When a Party organisation came to be.
pub(super) struct Life {
    is_new: bool,
    pub(super) established: Date,
    approved: Date,
    applied: Date,
}

/// Draws the life of a Party organisation: the first draws of its stream.
pub(super) fn life(demo: &Demo, rng: &mut Rng) -> Life {
    let is_new = rng.chance(250);
    let from = if is_new {
        Some(demo.new_year())
    } else {
        date::day(2015, 1, 5)
    };
    let until = if is_new {
        demo.today
    } else {
        demo.new_year() - Duration::days(1)
    };
    let established = rng.weekday(from.unwrap_or(demo.today), until);
    let approved = established - Duration::days(i64::from(rng.below(20)));
    let applied = approved - Duration::days(i64::from(rng.below(28)));
    Life {
        is_new,
        established,
        approved,
        applied,
    }
}

/// A person to be put into a role.
struct Post<'a> {
    role: &'static str,
    post: &'static str,
    key: String,
    name: &'a str,
    employer: &'a str,
    subject: &'a str,
    from: Date,
}

impl Records {
    pub(super) fn organisation(&mut self, o: &Organisation) {
        let maker = &self.maker;
        let demo = &maker.demo;
        let mut rng = maker.rng("org_more", o.index);
        let town = (!self.towns.is_empty()).then(|| *rng.pick(&self.towns));
        let groups = [("union", 350), ("youth_league", 120), ("women", 100)];
        let groups: Vec<&str> = groups
            .into_iter()
            .filter(|(_, share)| rng.chance(*share))
            .map(|(id, _)| id)
            .collect();
        let is_counted = o.census_status == "counted";
        let is_unbuilt = is_counted && o.establishment_form == "none";
        let verified = rng.weekday(demo.new_year(), demo.as_of());
        let address = format!("{}示例路{}号", maker.place(), 1 + rng.below(300));
        let mut more = maker.rng("org_inspection", o.index);
        let inspection = o
            .is_social()
            .then(|| *more.pick(&["pass", "pass", "basic", "absent"]));
        let id = maker.id("org", o.index);
        let cluster = self.cluster_of(o, id);
        let maker = &self.maker;
        let values = json!({
            "uscc": o.uscc, "name": o.name,
            "org_class": if o.is_social() { "new_social" } else { "new_economic" },
            "org_kind": o.org_kind, "industry": o.industry, "town": town,
            "industry_authority": (o.industry == "C").then(|| maker.agency(3)),
            "registration_authority": maker.agency(4),
            "cluster": cluster.map(|id| id.to_string()),
            "operating_address": address,
            "registered_on": o.registered_on,
            "operating_status": if o.exclusion_reason == "not_operating" { "suspended" } else { "operating" },
            "census_status": o.census_status,
            "exclusion_reason": some(o.exclusion_reason),
            "verified_on": is_counted.then(|| text(verified)),
            "on_scale": o.employees >= 80,
            "employees": o.employees, "members": o.members, "full_members": o.full_members,
            "as_of": text(maker.demo.as_of()), "mass_orgs": groups,
            "eligibility": match o.full_members { 3.. => "eligible", _ => "not_eligible" },
            "not_built_reason": is_unbuilt.then_some(match o.full_members {
                0 => "no_member",
                1..3 => "fewer_than_three",
                _ => "no_guidance",
            }),
            "annual_inspection": inspection,
            "source": "manual",
        });
        self.push("organisation", id, values);
    }

    /// The cluster in which an organisation lies: one of its kind in the scope.
    fn cluster_of(&mut self, o: &Organisation, id: RecordId) -> Option<RecordId> {
        let mut rng = self.maker.rng("org_cluster", o.index);
        let of_kind = self
            .clusters
            .iter_mut()
            .filter(|it| it.kind == o.cluster_kind);
        let mut of_kind: Vec<_> = of_kind.collect();
        if of_kind.is_empty() {
            return None;
        }
        let at = rng.below(u32::try_from(of_kind.len()).unwrap_or(1));
        let cluster = of_kind.swap_remove(usize::try_from(at).unwrap_or_default());
        if o.census_status == "counted" {
            cluster.join(id);
        }
        Some(cluster.id)
    }

    /// A Party organisation with its links, its secretary, the heads of what it covers, and what it
    /// does.
    pub(super) fn party(&mut self, units: &[Organisation], host: Option<u32>) {
        let Some(first) = units.first() else { return };
        let index = first.index;
        let maker = &self.maker;
        let (today, as_of) = (maker.today(), maker.demo.as_of());
        let mut rng = maker.rng("party", index);
        let life = life(&maker.demo, &mut rng);
        let members: u32 = units.iter().map(|unit| unit.members).sum();
        let (kind, name) = self.kind_and_name(first, members);
        let is_overdue = maker.rng("election", index).chance(60);
        let elected = (today - life.established).whole_days() > 900 && !is_overdue;
        let election = rng.weekday(today - Duration::days(800), today);
        let is_affiliated = first.establishment_form == "affiliated";
        let id = self.maker.id("party", index);
        let position = self.position(first);
        let maker = &self.maker;
        let host = is_affiliated.then(|| maker.id("org", host.unwrap_or(index)).to_string());
        let values = json!({
            "name": name, "type": kind, "status": "active", "form": first.establishment_form,
            "host_organisation": host, "applied_on": text(life.applied),
            "drive": life.is_new.then(|| maker.id("drive", 1).to_string()),
            "approved_on": text(life.approved), "approval_doc": maker.demo.document(index),
            "approver": maker.agency(2), "established_on": text(life.established),
            "last_election_on": elected.then(|| text(election)),
            "member_count": members, "as_of": text(as_of),
            "secretary_source": *rng.pick(&SOURCES),
            "position": position.map(|id| id.to_string()),
        });
        self.push("party_organisation", id, values);
        self.remember(id);
        let subject = format!("party_organisation/{id}");
        self.units(units, id, life.established);
        self.holder(&Post {
            role: "secretary",
            post: "书记",
            key: format!("secretary-{index}"),
            name: &rng.person(),
            employer: &first.name,
            subject: &subject,
            from: life.established,
        });
        if members >= 7 {
            let name = self.maker.rng("committee", index).person();
            self.holder(&Post {
                role: "committee_member",
                post: "委员",
                key: format!("committee-{index}"),
                name: &name,
                employer: &first.name,
                subject: &subject,
                from: life.established,
            });
        }
        self.carriers(id, index, life.established);
        self.funding(index, &subject);
        self.checked(index, &subject);
        if life.is_new && first.establishment_form == "standalone" {
            self.established_case(first, id);
        }
    }

    /// The links of a Party organisation, and the heads of what it covers.
    fn units(&mut self, units: &[Organisation], party: RecordId, established: Date) {
        for unit in units {
            let organisation = self.maker.id("org", unit.index);
            self.push(
                "coverage_link",
                organisation,
                json!({
                    "organisation": organisation.to_string(),
                    "party_organisation": party.to_string(),
                    "form": unit.establishment_form, "from_on": text(established),
                }),
            );
            self.holder(&Post {
                role: "head",
                post: "负责人",
                key: format!("head-{}", unit.index),
                name: &unit.head_name,
                employer: &unit.name,
                subject: &format!("organisation/{organisation}"),
                from: established,
            });
        }
    }

    /// A person in a role.
    fn holder(&mut self, post: &Post<'_>) {
        let person = self.maker.id("person", &post.key);
        let full_time = self.maker.rng("person", &post.key).chance(150);
        self.push(
            "person",
            person,
            json!({
                "display_name": post.name, "employer": post.employer, "post": post.post,
                "full_time": full_time, "status": "active",
            }),
        );
        self.push(
            "role_assignment",
            person,
            json!({
                "person": person.to_string(), "role": post.role, "subject": post.subject,
                "from_on": text(post.from),
            }),
        );
        self.holders.push(Holder {
            person,
            role: post.role,
            from: post.from,
        });
    }

    /// The room of a Party organisation, with what a check found there.
    fn position(&mut self, first: &Organisation) -> Option<RecordId> {
        let maker = &self.maker;
        let mut rng = maker.rng("position", first.index);
        if first.establishment_form != "standalone" || !rng.chance(400) {
            return None;
        }
        let checked = rng.weekday(maker.demo.new_year(), maker.today());
        let results = [(); 3].map(|()| *rng.pick(&["pass", "pass", "pass", "pass", "fail"]));
        let [function, facility, archive] = results;
        let id = maker.id("position", first.index);
        let values = json!({
            "name": format!("{}党群活动室（演示）", first.name.trim_end_matches("（演示）")),
            "kind": *rng.pick(&["own", "own", "shared_unit", "shared_community"]),
            "scope": maker.code, "address": format!("{}示例路{}号", maker.place(), 1 + rng.below(300)),
            "area_m2": 20 + rng.below(180), "function_ok": function, "facility_ok": facility,
            "archive_ok": archive, "checked_on": text(checked),
        });
        self.push("position", id, values);
        for (number, result) in (10..).zip(results) {
            self.check(number, &format!("position/{id}"), (result, checked));
        }
        Some(id)
    }

    /// A check of one item of the standard, counted from 1.
    fn check(&mut self, item: u32, subject: &str, (result, on): (&str, Date)) {
        let item = self.maker.demo.id(super::CITY, "standard_item", item);
        let values = json!({
            "item": item.to_string(), "subject": subject, "result": result, "on": text(on),
            "checker": self.maker.agency(1),
        });
        self.push("standard_check", item, values);
    }

    /// What a check of a Party organisation found.
    fn checked(&mut self, index: u32, subject: &str) {
        let mut rng = self.maker.rng("party_check", index);
        if !rng.chance(80) {
            return;
        }
        let on = rng.weekday(self.maker.demo.new_year(), self.maker.today());
        for item in [13, 14] {
            let result = *rng.pick(&["pass", "pass", "pass", "fail", "na"]);
            self.check(item, subject, (result, on));
        }
    }

    /// The funds of a Party organisation.
    fn funding(&mut self, index: u32, subject: &str) {
        let maker = &self.maker;
        let mut rng = maker.rng("party_funding", index);
        if !rng.chance(150) {
            return;
        }
        let on = rng.weekday(maker.demo.new_year(), maker.today());
        let (source, purpose) = *rng.pick(&FUNDS);
        let amount = u64::from(5 + rng.below(95)) * 10_000;
        let (year, code) = (maker.demo.year(), maker.code.clone());
        let spent = (rng.chance(500), *rng.pick(&EXPENSES));
        let id = maker.id("funding", format!("party-{index}"));
        self.push(
            "funding_entry",
            id,
            json!({
                "year": year, "scope": code, "beneficiary": subject, "direction": "income",
                "source": source, "amount_fen": amount, "on": text(on), "purpose": purpose,
            }),
        );
        if let (true, purpose) = spent {
            let on = self.maker.within(&mut rng, on, 60);
            let id = self.maker.id("funding", format!("party-{index}-spent"));
            self.push(
                "funding_entry",
                id,
                json!({
                    "year": year, "scope": code, "beneficiary": subject, "direction": "expense",
                    "amount_fen": amount / 2, "on": text(on), "purpose": purpose,
                }),
            );
        }
    }

    fn carriers(&mut self, party: RecordId, index: u32, established: Date) {
        let mut rng = self.maker.rng("carrier", index);
        let today = self.maker.today();
        for number in 1..=1 + rng.below(3) {
            let key = format!("{index}-{number}");
            let mut rng = self.maker.rng("carrier", &key);
            let status = match rng.below(10) {
                0 => "planned",
                1 => "paused",
                _ => "running",
            };
            let started = rng.weekday(established, today);
            let is_reviewed = status != "planned" && self.maker.rng("review", &key).chance(200);
            let id = self.maker.id("carrier", &key);
            self.push(
                "carrier",
                id,
                json!({
                    "party_organisation": party.to_string(),
                    "name": format!("{}（演示）", rng.pick(&CARRIERS)),
                    "themes": [rng.pick(&THEMES), rng.pick(&THEMES)], "traits": [rng.pick(&TRAITS)],
                    "internet_plus": rng.chance(300), "status": status,
                    "started_on": (status != "planned").then(|| text(started)),
                    "distinctive": is_reviewed.then(|| rng.chance(700)),
                    "practical": is_reviewed.then(|| rng.chance(800)),
                    "reviewed_on": is_reviewed.then(|| text(self.maker.within(&mut rng, started, 90))),
                }),
            );
            if status == "planned" {
                continue;
            }
            // From none to nine: a quarter of the carriers are alive, the others hardly.
            let mut rng = self.maker.rng("carrier_activities", &key);
            let activities = if rng.chance(250) {
                3 + rng.below(7)
            } else {
                rng.below(2)
            };
            for number in 1..=activities {
                let on = rng.weekday(started.max(self.maker.demo.new_year()), today);
                let activity = self.maker.id("carrier_activity", format!("{key}-{number}"));
                self.push(
                    "carrier_activity",
                    activity,
                    json!({
                        "carrier": id.to_string(), "on": text(on), "title": *rng.pick(&ACTIVITIES),
                        "participants": 3 + rng.below(30),
                    }),
                );
            }
        }
    }

    pub(super) fn instructor(&mut self, index: u32, units: &[Organisation]) {
        let mut rng = self.maker.rng("instructor", index);
        let person = self.maker.id("person", format!("instructor-{index}"));
        let name = rng.person();
        let values = json!({
            "display_name": name, "employer": format!("{}演示街道", self.maker.place()),
            "post": "党建工作指导员", "full_time": rng.chance(300), "status": "active",
        });
        self.push("person", person, values);
        let document = self.maker.demo.document(INSTRUCTOR_DOCUMENTS + index);
        let mut since = self.maker.today();
        for unit in units {
            let from = rng.weekday(self.maker.demo.new_year(), self.maker.today());
            since = since.min(from);
            let values = json!({
                "person": person.to_string(),
                "organisation": self.maker.id("org", unit.index).to_string(),
                "sender": self.maker.agency(2), "from_on": text(from), "doc": document,
            });
            let assignment = self.push("instructor_assignment", person, values);
            let mut rng = self.maker.rng("visit", unit.index);
            if rng.chance(250) {
                let on = rng.weekday(from, self.maker.today());
                let id = self.maker.id("instructor_visit", unit.index);
                self.push(
                    "instructor_visit",
                    id,
                    json!({
                        "assignment": assignment.to_string(), "on": text(on),
                        "content": *rng.pick(&VISITS),
                    }),
                );
            }
        }
        self.holders.push(Holder {
            person,
            role: "instructor",
            from: since,
        });
    }

    /// What is being done about an organisation without a Party organisation, and what it once had.
    pub(super) fn unbuilt(&mut self, o: &Organisation) {
        if self.maker.rng("former", o.index).chance(20) {
            self.former(o);
        }
        let mut rng = self.maker.rng("case", o.index);
        let is_sent = o.work_means == "instructor";
        let status = match o.full_members {
            3.. if rng.chance(800) => {
                *rng.pick(&["identified", "assessed", "planned", "applied", "approved"])
            }
            1..3 if is_sent && rng.chance(300) => *rng.pick(&["instructor_sent", "cultivating"]),
            _ => return,
        };
        let form = matches!(status, "planned" | "applied" | "approved").then_some("standalone");
        self.case(o, status, (form, None));
        if matches!(status, "applied" | "approved") {
            self.planned(o, status);
        }
    }

    fn established_case(&mut self, o: &Organisation, party: RecordId) {
        self.case(o, "established", (Some("standalone"), Some(party)));
    }

    fn case(
        &mut self,
        o: &Organisation,
        status: &str,
        (form, result): (Option<&str>, Option<RecordId>),
    ) {
        let maker = &self.maker;
        let mut rng = maker.rng("case_more", o.index);
        let due = maker.demo.new_year() + Duration::days(60 + i64::from(rng.below(300)));
        let is_eligible = o.full_members >= 3;
        let values = json!({
            "organisation": maker.id("org", o.index).to_string(),
            "drive": maker.id("drive", 1).to_string(), "dimension": *rng.pick(&DIMENSIONS),
            "eligibility": match (status, is_eligible) {
                ("identified", _) => "undetermined",
                (_, true) => "eligible",
                (_, false) => "not_eligible",
            },
            "form": form, "status": status, "responsible_agency": maker.agency(5),
            "due_on": text(due), "result_party_organisation": result.map(|id| id.to_string()),
            "obstacle": (!is_eligible).then_some("正式党员不足三名，先由指导员培育"),
        });
        let id = maker.id("case", o.index);
        self.push("establishment_case", id, values);
    }

    /// A Party organisation that is on its way, and covers nobody yet.
    fn planned(&mut self, o: &Organisation, status: &'static str) {
        let maker = &self.maker;
        let mut rng = maker.rng("party_planned", o.index);
        let applied = rng.weekday(maker.today() - Duration::days(25), maker.today());
        let approved = maker.within(&mut rng, applied, 14);
        let is_approved = status == "approved";
        let (_, name) = self.kind_and_name(o, o.members);
        let maker = &self.maker;
        let values = json!({
            "name": name, "type": "branch", "status": status, "form": "standalone",
            "drive": maker.id("drive", 1).to_string(), "applied_on": text(applied),
            "approved_on": is_approved.then(|| text(approved)),
            "approval_doc": is_approved.then(|| maker.demo.document(o.index)),
            "approver": is_approved.then(|| maker.agency(2)),
        });
        let id = maker.id("party", o.index);
        self.push("party_organisation", id, values);
    }

    /// A joint branch that was dissolved years ago, with its ended link.
    fn former(&mut self, o: &Organisation) {
        let maker = &self.maker;
        let mut rng = maker.rng("party_former", o.index);
        let years = [(2013, 2015), (2016, 2018)];
        let [from, to] = years.map(|(first, last)| {
            let [first, last] = [(first, 1), (last, 28)].map(|(year, day)| date::day(year, 2, day));
            rng.weekday(
                first.unwrap_or_else(|| maker.today()),
                last.unwrap_or_else(|| maker.today()),
            )
        });
        let reason = "所属单位党员调离，联合党支部撤销";
        let name = format!(
            "{}片区第{}联合党支部（演示）",
            maker.place(),
            5_000 + o.index
        );
        let (id, organisation) = (maker.id("party_former", o.index), maker.id("org", o.index));
        self.push(
            "party_organisation",
            id,
            json!({
                "name": name, "type": "joint_branch", "status": "dissolved", "form": "joint",
                "established_on": text(from), "dissolved_on": text(to), "dissolve_reason": reason,
            }),
        );
        self.push(
            "coverage_link",
            organisation,
            json!({
                "organisation": organisation.to_string(), "party_organisation": id.to_string(),
                "form": "joint", "from_on": text(from), "to_on": text(to), "end_reason": reason,
            }),
        );
    }

    /// The type of a Party organisation, from its size, and its name.
    fn kind_and_name(&self, first: &Organisation, members: u32) -> (&'static str, String) {
        let kind = match (first.establishment_form, members) {
            ("standalone", 0..50) => "branch",
            ("standalone", 50..100) => "general_branch",
            ("standalone", _) => "committee",
            _ => "joint_branch",
        };
        let name = match first.establishment_form {
            "area" => format!(
                "{}片区第{}联合党支部（演示）",
                self.maker.place(),
                first.index
            ),
            _ => format!("{}党支部（演示）", first.name.trim_end_matches("（演示）")),
        };
        (kind, name)
    }
}

fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

//! What belongs to the organisations of a scope: Party organisations and links, persons in their
//! roles, instructors, trainings with attendance, carriers with activities, seminars.

use replica::RecordId;
use serde_json::{Value as Json, json};
use time::Duration;

use super::{
    Demo, Organisation, Rng, Row,
    organisation::{STEMS, SURNAMES, place},
    row,
};
use crate::{
    date::{self, Date, text},
    division::{self, Edition},
};

/// Organisations that one area branch covers at most.
const AREA_UNITS: usize = 5;
/// Organisations that one instructor looks after.
const INSTRUCTOR_UNITS: usize = 3;

/// Documents about instructors are numbered from here, above those of Party organisations.
const INSTRUCTOR_DOCUMENTS: u32 = 300_000;

const CARRIERS: [&str; 8] = [
    "党员先锋岗",
    "红色车间",
    "初心讲堂",
    "互联网+党建小站",
    "党员责任区",
    "红色管家",
    "技能比武台",
    "暖心服务队",
];
const ACTIVITIES: [&str; 6] = [
    "主题党日",
    "政策宣讲",
    "志愿服务",
    "技术攻关",
    "走访慰问",
    "读书分享",
];
const THEMES: [&str; 6] = [
    "direction",
    "floating_members",
    "rights",
    "culture",
    "development",
    "self_building",
];
const TRAITS: [&str; 4] = ["industry", "core_business", "service_purpose", "culture"];
const SUBJECTS: [&str; 4] = ["theory", "rules", "affairs", "management"];
const PATHWAYS: [&str; 5] = ["political", "masses", "economy", "culture", "talent"];
const FORMS: [&str; 4] = ["speech", "exchange", "commendation", "learning"];
const SOURCES: [&str; 4] = ["assigned", "elected", "owner", "manager"];

/// A person who holds a role, as trainings count them.
struct Holder {
    person: RecordId,
    role: &'static str,
}

struct Maker<'a> {
    demo: &'a Demo,
    scope: &'a str,
    rows: Vec<Row>,
    holders: Vec<Holder>,
}

pub(super) fn rows(demo: &Demo, scope: &str, organisations: u32) -> Vec<Row> {
    let mut maker = Maker {
        demo,
        scope,
        rows: Vec::new(),
        holders: Vec::new(),
    };
    let all: Vec<Organisation> = (1..=organisations)
        .map(|index| demo.organisation(scope, index))
        .collect();
    for organisation in &all {
        maker.organisation(organisation);
    }
    let mut host = None;
    let mut area = Vec::new();
    for organisation in &all {
        match organisation.establishment_form {
            "none" => {}
            "area" => area.push(organisation),
            form => {
                if form == "standalone" {
                    host = Some(organisation.index);
                }
                maker.party(&[organisation], organisation.index, host);
            }
        }
    }
    for units in area.chunks(AREA_UNITS) {
        if let Some(first) = units.first() {
            maker.party(units, first.index, None);
        }
    }
    let open: Vec<&Organisation> = all
        .iter()
        .filter(|organisation| organisation.work_means == "instructor")
        .collect();
    for (at, units) in (1..).zip(open.chunks(INSTRUCTOR_UNITS)) {
        maker.instructor(at, units);
    }
    maker.trainings();
    maker.seminars();
    maker.rows
}

impl Maker<'_> {
    fn id(&self, kind: &str, index: impl std::fmt::Display) -> RecordId {
        self.demo.id(self.scope, kind, index)
    }

    fn rng(&self, kind: &str, index: impl std::fmt::Display) -> Rng {
        self.demo.rng(self.scope, kind, index)
    }

    fn push(&mut self, kind: &'static str, id: RecordId, values: Json) -> RecordId {
        let row = row(kind, id, values);
        let id = row.id;
        self.rows.push(row);
        id
    }

    fn document(&self, number: u32) -> String {
        format!("演示〔{}〕{number}号", self.demo.today.year())
    }

    fn organisation(&mut self, o: &Organisation) {
        let mut rng = self.rng("org_more", o.index);
        let towns: Vec<&str> = division::below(Edition::Year2020, self.scope)
            .map(|town| town.code)
            .collect();
        let town = (!towns.is_empty()).then(|| *rng.pick(&towns));
        let groups = [("union", 350), ("youth_league", 120), ("women", 100)];
        let groups: Vec<&str> = groups
            .into_iter()
            .filter(|(_, share)| rng.chance(*share))
            .map(|(id, _)| id)
            .collect();
        let is_counted = o.census_status == "counted";
        let is_unbuilt = is_counted && o.establishment_form == "none";
        let verified = rng.weekday(self.demo.new_year(), self.demo.as_of());
        let is_social = matches!(
            o.org_kind,
            "private_non_enterprise" | "social_group" | "foundation"
        );
        let id = self.id("org", o.index);
        self.push("organisation", id, json!({
            "uscc": o.uscc, "name": o.name,
            "org_class": if is_social { "new_social" } else { "new_economic" },
            "org_kind": o.org_kind, "industry": o.industry, "town": town,
            "operating_address": format!("{}示例路{}号", place(self.scope), 1 + rng.below(300)),
            "registered_on": o.registered_on,
            "operating_status": if o.exclusion_reason == "not_operating" { "suspended" } else { "operating" },
            "census_status": o.census_status,
            "exclusion_reason": some(o.exclusion_reason),
            "verified_on": is_counted.then(|| text(verified)),
            "employees": o.employees, "members": o.members, "full_members": o.full_members,
            "as_of": text(self.demo.as_of()), "mass_orgs": groups,
            "eligibility": match o.full_members { 3.. => "eligible", _ => "not_eligible" },
            "not_built_reason": is_unbuilt.then_some(match o.full_members {
                0 => "no_member",
                1..3 => "fewer_than_three",
                _ => "no_guidance",
            }),
            "source": "manual",
        }));
    }

    /// A Party organisation with its links, its secretary, the heads of what it covers, and its
    /// carriers.
    fn party(&mut self, units: &[&Organisation], index: u32, host: Option<u32>) {
        let Some(first) = units.first() else { return };
        let mut rng = self.rng("party", index);
        let today = self.demo.today;
        let is_new = rng.chance(250);
        let from = if is_new {
            Some(self.demo.new_year())
        } else {
            date::day(2015, 1, 5)
        };
        let until = if is_new {
            today
        } else {
            self.demo.new_year() - Duration::days(1)
        };
        let established = rng.weekday(from.unwrap_or(today), until);
        let approved = established - Duration::days(i64::from(rng.below(20)));
        let applied = approved - Duration::days(i64::from(rng.below(28)));
        let members: u32 = units.iter().map(|unit| unit.members).sum();
        let (kind, name) = kind_and_name(first, members, index);
        let elected = (today - established).whole_days() > 900;
        let election = rng.weekday(today - Duration::days(800), today);
        let is_affiliated = first.establishment_form == "affiliated";
        let host = is_affiliated.then(|| self.id("org", host.unwrap_or(index)).to_string());
        let document = self.document(index);
        let id = self.id("party", index);
        self.push("party_organisation", id, json!({
            "name": name, "type": kind, "status": "active", "form": first.establishment_form,
            "host_organisation": host, "applied_on": text(applied), "approved_on": text(approved),
            "approval_doc": document, "established_on": text(established),
            "last_election_on": elected.then(|| text(election)),
            "member_count": members, "as_of": text(self.demo.as_of()),
            "secretary_source": *rng.pick(&SOURCES),
        }));
        for unit in units {
            let organisation = self.id("org", unit.index);
            self.push(
                "coverage_link",
                organisation,
                json!({
                    "organisation": organisation.to_string(), "party_organisation": id.to_string(),
                    "form": unit.establishment_form, "from_on": text(established),
                }),
            );
            let subject = format!("organisation/{organisation}");
            self.holder(
                "head",
                format!("head-{}", unit.index),
                (&unit.head_name, &unit.name),
                &subject,
                established,
            );
        }
        let secretary = format!("{}某{}", rng.pick(&SURNAMES), rng.pick(&STEMS));
        let subject = format!("party_organisation/{id}");
        self.holder(
            "secretary",
            format!("secretary-{index}"),
            (&secretary, &first.name),
            &subject,
            established,
        );
        self.carriers(id, index, established);
    }

    /// A person in a role.
    fn holder(
        &mut self,
        role: &'static str,
        key: String,
        (name, employer): (&str, &str),
        subject: &str,
        from: Date,
    ) {
        let person = self.id("person", &key);
        let post = if role == "head" {
            "负责人"
        } else {
            "书记"
        };
        self.push(
            "person",
            person,
            json!({
                "display_name": name, "employer": employer, "post": post,
                "full_time": self.rng("person", &key).chance(150), "status": "active",
            }),
        );
        self.push("role_assignment", person, json!({
            "person": person.to_string(), "role": role, "subject": subject, "from_on": text(from),
        }));
        self.holders.push(Holder { person, role });
    }

    fn carriers(&mut self, party: RecordId, index: u32, established: Date) {
        let mut rng = self.rng("carrier", index);
        let today = self.demo.today;
        for number in 1..=1 + rng.below(3) {
            let key = format!("{index}-{number}");
            let mut rng = self.rng("carrier", &key);
            let status = match rng.below(10) {
                0 => "planned",
                1 => "paused",
                _ => "running",
            };
            let started = rng.weekday(established, today);
            let id = self.id("carrier", &key);
            self.push(
                "carrier",
                id,
                json!({
                    "party_organisation": party.to_string(),
                    "name": format!("{}（演示）", rng.pick(&CARRIERS)),
                    "themes": [rng.pick(&THEMES), rng.pick(&THEMES)], "traits": [rng.pick(&TRAITS)],
                    "internet_plus": rng.chance(300), "status": status,
                    "started_on": (status != "planned").then(|| text(started)),
                }),
            );
            if status == "planned" {
                continue;
            }
            for number in 1..=rng.below(10) {
                let on = rng.weekday(started.max(self.demo.new_year()), today);
                let activity = self.id("carrier_activity", format!("{key}-{number}"));
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

    fn instructor(&mut self, index: u32, units: &[&Organisation]) {
        let mut rng = self.rng("instructor", index);
        let person = self.id("person", format!("instructor-{index}"));
        let name = format!("{}某{}", rng.pick(&SURNAMES), rng.pick(&STEMS));
        self.push(
            "person",
            person,
            json!({
                "display_name": name, "employer": format!("{}演示街道", place(self.scope)),
                "post": "党建工作指导员", "full_time": rng.chance(300), "status": "active",
            }),
        );
        self.holders.push(Holder {
            person,
            role: "instructor",
        });
        let document = self.document(INSTRUCTOR_DOCUMENTS + index);
        for unit in units {
            let from = rng.weekday(self.demo.new_year(), self.demo.today);
            self.push(
                "instructor_assignment",
                person,
                json!({
                    "person": person.to_string(),
                    "organisation": self.id("org", unit.index).to_string(),
                    "from_on": text(from), "doc": document,
                }),
            );
        }
    }

    /// One to three sessions; the first is centralised and for everybody, so that the year's quota
    /// and the rotation can be met.
    fn trainings(&mut self) {
        let year = self.demo.today.year();
        for number in 1..=1 + self.rng("training", 0).below(3) {
            let mut rng = self.rng("training", number);
            let (kind, roles): (&str, &[&str]) = match number {
                1 => ("centralised", &["secretary", "head", "instructor"]),
                _ => *rng.pick(&[
                    ("centralised", &["secretary"] as &[&str]),
                    ("online", &["head"]),
                    ("on_site", &["instructor"]),
                ]),
            };
            let on = rng.weekday(self.demo.new_year(), self.demo.today);
            let rate = 700 + rng.below(301);
            let session = self.id("training", number);
            let invited = self
                .holders
                .iter()
                .enumerate()
                .filter(|(_, h)| roles.contains(&h.role));
            let attending: Vec<(RecordId, &str)> = invited
                .filter(|(at, _)| {
                    self.rng("attendance", format!("{number}-{at}"))
                        .chance(rate)
                })
                .map(|(_, holder)| (holder.person, holder.role))
                .collect();
            self.push("training_session", session, json!({
                "year": year.to_string(), "scope": self.scope,
                "title": format!("{}两新组织党务工作者第{number}期培训班（演示）", place(self.scope)),
                "kind": kind, "subjects": [rng.pick(&SUBJECTS), rng.pick(&SUBJECTS)],
                "target_roles": roles, "start_on": text(on), "end_on": text(on),
                "hours": 4 + 4 * rng.below(3), "venue": format!("{}党校（演示）", place(self.scope)),
                "status": "held", "declared_headcount": attending.len(),
            }));
            for (person, role) in attending {
                self.push(
                    "training_attendance",
                    person,
                    json!({
                        "session": session.to_string(), "person": person.to_string(), "role": role,
                        "attended": true,
                    }),
                );
            }
        }
    }

    fn seminars(&mut self) {
        for number in 1..=self.rng("seminar", 0).below(3) {
            let mut rng = self.rng("seminar", number);
            let on = rng.weekday(self.demo.new_year(), self.demo.today);
            let id = self.id("seminar", number);
            self.push("seminar", id, json!({
                "year": self.demo.today.year().to_string(), "scope": self.scope,
                "title": format!("{}两新组织党建第{number}次主题研讨（演示）", place(self.scope)),
                "pathways": [rng.pick(&PATHWAYS)], "forms": [rng.pick(&FORMS)], "on": text(on),
                "venue": format!("{}会议中心（演示）", place(self.scope)),
                "participants": 20 + rng.below(80), "status": "held",
            }));
        }
    }
}

/// The type of a Party organisation, from its size, and its name.
fn kind_and_name(first: &Organisation, members: u32, index: u32) -> (&'static str, String) {
    let kind = match (first.establishment_form, members) {
        ("standalone", 0..50) => "branch",
        ("standalone", 50..100) => "general_branch",
        ("standalone", _) => "committee",
        _ => "joint_branch",
    };
    let name = match first.establishment_form {
        "area" => format!("{}片区第{index}联合党支部（演示）", place(&first.scope)),
        _ => format!("{}党支部（演示）", first.name.trim_end_matches("（演示）")),
    };
    (kind, name)
}

fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

//! Two districts and what they wrote, small enough to be counted by hand.

use bytes::Bytes;
use domain::{NoResolve, value};
use replica::{Edit, RecordId, RecordKey, Set, Source};
use serde_json::{Value, json};

use crate::{
    app::App,
    records::testing::{World, hub, kind, node, save},
};

/// An id that sorts as its name.
pub(super) fn named(name: &str) -> RecordId {
    let mut bytes = [0; 16];
    bytes
        .iter_mut()
        .zip(name.bytes())
        .for_each(|(byte, letter)| *byte = letter);
    RecordId(bytes)
}

/// The same as a reference.
pub(super) fn id(name: &str) -> Value {
    json!(named(name).to_string())
}

/// Writes records as they come from the districts.
pub(super) struct Data<'a> {
    app: &'a App,
    edits: Vec<Edit>,
}

impl<'a> Data<'a> {
    pub(super) fn new(app: &'a App) -> Self {
        Self {
            app,
            edits: Vec::new(),
        }
    }

    /// Adds a record; one without a name has the id that its key fields give.
    pub(super) fn add(&mut self, kind_name: &str, name: &str, scope: &str, values: Value) {
        let kind = kind(self.app, kind_name);
        let base = |_| Bytes::new();
        let values = values.as_object().unwrap();
        let edits = value::edits_from_json(self.app.catalogue, kind, &base, values, &NoResolve);
        let edits = edits.unwrap();
        let bytes: Vec<u8> = edits.iter().flat_map(|edit| edit.value.to_vec()).collect();
        let id = match name {
            "" => domain::derive_id(kind, &bytes).unwrap(),
            name => named(name),
        };
        let set = edits.into_iter().map(|edit| Set {
            register: edit.register,
            value: edit.value,
            shown: Vec::new(),
        });
        self.edits.push(Edit {
            key: RecordKey {
                kind: kind.kind,
                id,
            },
            scope: domain::scope_id(scope),
            set: set.collect(),
            author: "clerk@there".to_owned(),
            reason: "census".to_owned(),
            source: Source::Import,
            decision: Bytes::new(),
        });
    }

    pub(super) fn write(self) {
        self.app.writer.edit(self.edits, Vec::new()).unwrap();
    }
}

const JIANXI: &str = "410305";
const LAOCHENG: &str = "410302";
/// A name that a spreadsheet would run.
pub(super) const FORMULA: &str = "=cmd|' /C calc'!A0";
/// A name that a browser would run.
pub(super) const SCRIPT: &str = "<script>alert</script>";

/// The hub with both districts.
pub(super) fn city() -> World {
    let world = hub();
    for (code, name) in [(LAOCHENG, "老城区"), (JIANXI, "涧西区")] {
        let scope = json!({
            "code": code, "name": name, "kind": "district", "code_source": "gbt2260",
            "valid_from": "2019-01-01", "expected_to_report": true,
        });
        save(&world.app, "scope", None, &scope, None).unwrap();
    }
    let mut data = Data::new(&world.app);
    jianxi(&mut data);
    data.add(
        "organisation",
        "e7",
        LAOCHENG,
        organisation("演例制造", ("private_enterprise", 118, 5, 5)),
    );
    data.add(
        "party_organisation",
        "p2",
        LAOCHENG,
        party("演例党委", "committee", "2018-07-01"),
    );
    link(&mut data, LAOCHENG, ("e7", "p2", "standalone"));
    data.write();
    world
}

/// A node with its own district.
pub(super) fn district() -> World {
    let world = node();
    let mut data = Data::new(&world.app);
    jianxi(&mut data);
    data.write();
    world
}

fn organisation(name: &str, (kind, staff, members, full): (&str, u32, u32, u32)) -> Value {
    let is_social = ["law_firm", "foundation"].contains(&kind);
    json!({
        "name": name, "org_kind": kind, "employees": staff, "members": members,
        "full_members": full, "as_of": "2020-09-30", "census_status": "counted",
        "org_class": if is_social { "new_social" } else { "new_economic" },
        "industry": if is_social { "L" } else { "C" }, "verified_on": "2020-03-01",
        "uscc": if staff >= 118 { json!("91410305DEM1FYRA54") } else { Value::Null },
    })
}

fn party(name: &str, kind: &str, established_on: &str) -> Value {
    json!({ "name": name, "type": kind, "status": "active", "established_on": established_on })
}

fn link(data: &mut Data<'_>, scope: &str, (organisation, party, form): (&str, &str, &str)) {
    data.add(
        "coverage_link",
        "",
        scope,
        json!({
            "organisation": id(organisation), "party_organisation": id(party), "form": form,
            "from_on": "2020-06-18",
        }),
    );
}

fn jianxi(data: &mut Data<'_>) {
    for (name, title, kind, staff, members, full) in [
        ("e1", "演例机械", "private_enterprise", 120, 5, 5),
        ("e2", "演例纺织", "private_enterprise", 60, 2, 2),
        ("e3", "演例电子", "foreign_enterprise", 30, 4, 4),
        ("e4", "演例贸易", "hmt_enterprise", 40, 3, 3),
        ("e5", "演例物流", "private_enterprise", 20, 1, 1),
        ("e6", FORMULA, "individual_business", 5, 0, 0),
        ("s1", "演例律师", "law_firm", 12, 3, 3),
        ("s2", SCRIPT, "foundation", 8, 1, 1),
    ] {
        let mut values = organisation(title, (kind, staff, members, full));
        if name == "s2" {
            values["eligibility"] = json!("eligible");
        }
        if name == "e4" {
            values["industry_authority"] = id("a1");
        }
        data.add("organisation", name, JIANXI, values);
    }
    data.add(
        "organisation",
        "e8",
        JIANXI,
        json!({ "name": "演例停业", "org_kind": "private_enterprise", "census_status": "excluded",
            "exclusion_reason": "not_operating" }),
    );
    data.add(
        "party_organisation",
        "p1",
        JIANXI,
        party("演例机械支部", "branch", "2016-05-01"),
    );
    data.add(
        "party_organisation",
        "p3",
        JIANXI,
        party("演例联合支部", "joint_branch", "2020-06-18"),
    );
    data.add(
        "party_organisation",
        "p4",
        JIANXI,
        json!({ "name": "演例旧支部", "type": "branch", "status": "dissolved",
            "established_on": "2015-01-01", "dissolved_on": "2020-03-31", "dissolve_reason": "停业" }),
    );
    link(data, JIANXI, ("e1", "p1", "standalone"));
    link(data, JIANXI, ("e1", "p3", "joint"));
    link(data, JIANXI, ("e2", "p3", "joint"));
    link(data, JIANXI, ("e3", "p3", "joint"));
    link(data, JIANXI, ("s1", "p3", "area"));
    link(data, JIANXI, ("e4", "p4", "standalone"));
    people(data);
    lists(data);
    money(data);
    works(data);
}

fn people(data: &mut Data<'_>) {
    for (name, title) in [("i1", "张三"), ("h1", "欧阳四"), ("k1", "李五")] {
        data.add(
            "person",
            name,
            JIANXI,
            json!({ "display_name": title, "employer": "演例机械" }),
        );
    }
    data.add(
        "instructor_assignment",
        "",
        JIANXI,
        json!({ "person": id("i1"), "organisation": id("e5"), "from_on": "2020-02-01" }),
    );
    for (person, role) in [("h1", "head"), ("h1", "secretary"), ("k1", "head")] {
        data.add(
            "role_assignment",
            "",
            JIANXI,
            json!({ "person": id(person), "role": role, "from_on": "2019-01-01",
                "subject": format!("organisation/{}", named("e1")) }),
        );
    }
    data.add(
        "training_session",
        "t1",
        JIANXI,
        json!({ "year": "2020", "scope": JIANXI, "title": "书记班", "kind": "centralised",
            "status": "held", "start_on": "2020-06-10", "hours": 8,
            "subjects": ["management", "theory"] }),
    );
    data.add(
        "training_attendance",
        "",
        JIANXI,
        json!({ "session": id("t1"), "person": id("h1"), "role": "secretary", "attended": true }),
    );
}

fn lists(data: &mut Data<'_>) {
    data.add("agency", "a1", JIANXI, json!({ "name": "涧西区委组织部" }));
    let problem = |no: &str, status: &str| {
        json!({ "no": no, "year": "2020", "scope": JIANXI, "category": "coverage",
            "description": "两人以上未建", "found_by": "self", "severity": "high",
            "registered_on": "2020-03-01", "due_on": "2020-09-30", "status": status,
            "measure": "派指导员" })
    };
    data.add("problem_item", "q1", JIANXI, problem("Q-1", "in_progress"));
    let mut closed = problem("Q-2", "closed");
    closed["closed_on"] = json!("2020-09-30");
    data.add("problem_item", "q2", JIANXI, closed);
    for (name, no, problem) in [("w1", "T-1", "q1"), ("w2", "T-2", "q1")] {
        data.add(
            "task_item",
            name,
            JIANXI,
            json!({ "no": no, "year": "2020", "scope": JIANXI, "problem": id(problem),
                "title": "摸清底数", "lead": id("a1"), "due_on": "2020-08-31",
                "progress_pct": 40, "status": "in_progress" }),
        );
    }
    data.add(
        "task_item",
        "w3",
        JIANXI,
        json!({ "no": "T-3", "year": "2020", "scope": JIANXI, "title": "建台账", "lead": id("a1"),
            "due_on": "2020-12-31", "status": "open" }),
    );
    data.add(
        "responsibility_item",
        "r1",
        JIANXI,
        json!({ "year": "2020", "scope": JIANXI, "agency": id("a1"), "duty": "牵头",
            "leader_post": "副部长", "person": id("k1"), "tasks": [id("w1")], "standing": true }),
    );
}

fn money(data: &mut Data<'_>) {
    let entry = |direction: &str, fen: u64| {
        json!({ "year": "2020", "scope": JIANXI, "direction": direction, "amount_fen": fen,
            "on": "2020-05-01" })
    };
    let mut dues = entry("income", 1_234_500);
    dues["source"] = json!("dues_refund");
    data.add("funding_entry", "f1", JIANXI, dues);
    let mut wrong = entry("income", 500_000);
    wrong["source"] = json!("fiscal");
    data.add("funding_entry", "f2", JIANXI, wrong);
    // It names no source: what it takes back had one.
    let mut back = entry("income", 500_000);
    back["reverses"] = id("f2");
    data.add("funding_entry", "f3", JIANXI, back);
    data.add("funding_entry", "f4", JIANXI, entry("expense", 30_000));
    data.add(
        "incentive",
        "n1",
        JIANXI,
        json!({ "scope": JIANXI, "kind": "care", "on": "2020-05-01", "headcount": 7,
            "amount_fen": 70_000 }),
    );
}

fn works(data: &mut Data<'_>) {
    data.add(
        "establishment_case",
        "k1",
        JIANXI,
        json!({ "organisation": id("e4"), "eligibility": "eligible", "form": "standalone",
            "status": "planned", "responsible_agency": id("a1"), "due_on": "2020-11-30" }),
    );
    platform(data);
    data.add(
        "nomination",
        "d1",
        JIANXI,
        json!({ "year": "2020", "scope": JIANXI, "party_organisation": id("p1"), "summary": "事迹",
            "district_rank": 1, "status": "submitted" }),
    );
    for (item, criterion) in [("x1", "structure"), ("x2", "structure"), ("x3", "role")] {
        data.add(
            "standard_item",
            item,
            "410300",
            json!({ "code": item, "year": "2020", "criterion": criterion, "title": item }),
        );
    }
    for (item, own, district) in [("x1", 10, Some(8)), ("x2", 5, None), ("x3", 9, Some(9))] {
        data.add(
            "criterion_score",
            "",
            JIANXI,
            json!({ "nomination": id("d1"), "item": id(item), "self_score": own,
                "district_score": district }),
        );
    }
}

/// The same world with carriers and seminars in it.
pub(super) fn with_contents(world: World) -> World {
    let mut data = Data::new(&world.app);
    carriers(&mut data);
    seminars(&mut data);
    data.write();
    world
}

fn carriers(data: &mut Data<'_>) {
    for (name, status, started_on, themes, traits, internet_plus) in [
        (
            "b1",
            "running",
            "2020-04-01",
            json!(["culture", "development"]),
            json!(["culture"]),
            true,
        ),
        (
            "b2",
            "running",
            "2020-05-01",
            json!(["culture"]),
            json!(["culture", "industry"]),
            false,
        ),
        (
            "b3",
            "paused",
            "2020-05-01",
            json!(["rights"]),
            json!(["industry"]),
            true,
        ),
        (
            "b4",
            "running",
            "2020-10-16",
            json!(["rights"]),
            json!([]),
            false,
        ),
    ] {
        data.add(
            "carrier",
            name,
            JIANXI,
            json!({ "party_organisation": id("p1"), "name": name, "status": status,
                "started_on": started_on, "themes": themes, "traits": traits,
                "internet_plus": internet_plus }),
        );
    }
}

fn seminars(data: &mut Data<'_>) {
    for (name, year, status, on, pathways, forms) in [
        (
            "j1",
            "2020",
            "held",
            "2020-06-10",
            json!(["economy", "culture"]),
            json!(["speech"]),
        ),
        (
            "j2",
            "2020",
            "held",
            "2020-09-10",
            json!(["economy"]),
            json!(["speech", "exchange"]),
        ),
        (
            "j3",
            "2020",
            "cancelled",
            "2020-07-10",
            json!(["talent"]),
            json!(["speech"]),
        ),
        (
            "j4",
            "2019",
            "held",
            "2019-07-10",
            json!(["masses"]),
            json!(["learning"]),
        ),
        (
            "j5",
            "2020",
            "held",
            "2020-10-16",
            json!(["masses"]),
            json!(["learning"]),
        ),
    ] {
        data.add(
            "seminar",
            name,
            JIANXI,
            json!({ "year": year, "scope": JIANXI, "title": name, "status": status, "on": on,
                "pathways": pathways, "forms": forms }),
        );
    }
}

fn platform(data: &mut Data<'_>) {
    data.add(
        "cluster",
        "c1",
        JIANXI,
        json!({ "name": "演例园区", "kind": "industrial_park", "scale": "large", "mature": true }),
    );
    data.add(
        "cluster",
        "c2",
        JIANXI,
        json!({ "name": "演例楼", "kind": "building", "mature": false }),
    );
    data.add(
        "platform",
        "m1",
        JIANXI,
        json!({ "cluster": id("c1"), "name": "演例平台", "status": "preparing", "mode": "joint",
            "joint_party_organisation": id("p3"), "secretary_source": "elected",
            "systems": ["quarterly_meeting", "joint_conference"], "mechanisms": ["share"],
            "step_institution_on": "2020-05-01", "step_mechanism_on": "2020-06-01" }),
    );
    for (unit, to_on) in [("e2", json!(null)), ("e3", json!("2020-06-30"))] {
        data.add(
            "platform_member",
            "",
            JIANXI,
            json!({ "platform": id("m1"), "organisation": id(unit), "from_on": "2020-05-01",
                "to_on": to_on }),
        );
    }
    for (person, subject) in [("i1", "platform/m1"), ("k1", "party_organisation/p3")] {
        let (kind, name) = subject.split_once('/').unwrap();
        data.add(
            "role_assignment",
            "",
            JIANXI,
            json!({ "person": id(person), "role": "part_time_member", "from_on": "2020-05-01",
                "subject": format!("{kind}/{}", named(name)) }),
        );
    }
    data.add(
        "service_centre",
        "o1",
        JIANXI,
        json!({ "platform": id("m1"), "name": "演例中心", "functions": ["service", "classroom"],
            "opened_on": "2020-07-01", "floating_registered": 2, "as_of": "2020-09-30" }),
    );
    data.add(
        "platform_meeting",
        "g1",
        JIANXI,
        json!({ "platform": id("m1"), "kind": "joint_conference", "on": "2020-07-01", "topics": "议题" }),
    );
    for (name, status) in [("v1", "done"), ("v2", "open"), ("v3", "cancelled")] {
        data.add(
            "service_claim",
            name,
            JIANXI,
            json!({ "platform": id("m1"), "title": name, "category": "operation", "status": status }),
        );
    }
}

//! From January to June: the plan, the census, the drive, carriers, training, the seminar.

use serde_json::{Value, json};

use super::{
    Checks, FIRMS, Stage, Works, city, figures, firm, is_rate, load, month, returns, say, text,
};

/// What a demonstration point is measured by.
const CRITERIA: [(&str, &str); 9] = [
    ("structure", "组织设置规范"),
    ("members", "党员队伍过硬"),
    ("position", "活动阵地完善"),
    ("mechanism", "工作机制健全"),
    ("carrier", "活动载体丰富"),
    ("role", "作用发挥明显"),
    ("mass_work", "群团工作活跃"),
    ("reputation", "群众评价良好"),
    ("demonstration", "示范带动突出"),
];

/// January: the city publishes plan and standard, the districts set up their committees. Returns the
/// items of the standard.
pub(super) fn plan(stage: &Stage, works: &mut [Works<'_>], checks: &mut Checks) -> Vec<String> {
    const DAY: &str = "2020-01-15";
    month(
        "1月",
        "年度方案、九条标准、党工委",
        "plan, standard, committees",
    );
    let hub = city(stage, DAY);
    let year = ["doc_no=演示〔2020〕1号", "recommend_cap=1"];
    hub.set(("programme_year", "2020"), &year, "年度方案").ok();
    let items = CRITERIA.iter().enumerate().map(|(n, (criterion, title))| {
        let values = json!({ "code": format!("A{}", n + 1), "year": "2020",
            "criterion": criterion, "title": title, "applies_to": "party_organisation",
            "max_score": 10, "draft": true });
        json!({ "kind": "standard_item", "values": values })
    });
    let items = load(&hub, &stage.path("city.ndjson"), items);
    hub.run(["year", "publish", "2020", "--reason", "公布标准"])
        .ok();
    stage.settle_all();
    for work in &mut *works {
        let seen = work.clerk(DAY).json(["year", "show", "2020"]);
        let published = seen["items"]["published"] == 9 && seen["phase"] == "overall_improvement";
        checks.see(
            published,
            &format!("{}看到方案和9条标准", work.district.name),
        );
        let agency = json!({ "name": format!("{}委组织部（演示）", work.district.name),
            "kind": "district_org_dept", "scope": work.code(), "active": true });
        work.agency = work.make(DAY, "agency", agency);
        let committee = json!({ "scope": work.code(), "established_on": DAY,
            "lead_agency": work.agency, "members": [work.agency], "staff": 3,
            "full_time_staff": 2, "systems": ["例会制度"], "as_of": DAY });
        work.make(DAY, "work_committee", committee);
    }
    stage.settle_all();
    let ready = figures(&hub, DAY)["city"]["committee_ready"].clone();
    checks.see(is_rate(&ready, 3, 3), "三个县区的党工委都已成立");
    items
}

/// February: every organisation is visited; one that is none is excluded with its reason.
pub(super) fn census(stage: &Stage, works: &mut [Works<'_>], checks: &mut Checks) {
    const DAY: &str = "2020-02-28";
    month("2月", "排查摸底", "the census");
    for work in &mut *works {
        let code = work.code();
        let firms = (1..=FIRMS).map(|n| firm(code, n)).collect();
        work.firms = work.enter("2020-02-20", "organisation", firms);
        let counted: Vec<&String> = work.firms.iter().take(11).collect();
        let verified = json!({ "census_status": "counted", "verified_on": DAY });
        work.set(DAY, "organisation", &counted, &verified);
        let none: Vec<&String> = work.firms.iter().skip(11).collect();
        let excluded = json!({ "census_status": "excluded", "exclusion_reason": "shell" });
        work.set(DAY, "organisation", &none, &excluded);
        old_branch(work);
    }
    stage.settle_all();
    let figures = figures(&city(stage, DAY), DAY);
    let all = &figures["city"];
    let complete = is_rate(&all["census_completion_rate"], 36, 36);
    checks.see(complete, "排查完成率 36/36，其中3家空壳写明不纳入原因");
    let covered = is_rate(&all["org_coverage_rate"], 3, 33);
    checks.see(covered, "组织覆盖率 3/33：起点");
    checks.see(all["should_unbuilt"] == 3, "应建未建3家");
}

/// The branch that was there before, with its secretary.
fn old_branch(work: &mut Works<'_>) {
    const DAY: &str = "2020-02-28";
    let party = json!({ "name": "例一厂党支部（演示）", "type": "branch", "status": "active",
        "form": "standalone", "established_on": "2018-03-01", "member_count": 6,
        "as_of": "2020-02-20" });
    let party = work.make(DAY, "party_organisation", party);
    let link = json!({ "organisation": work.firms.first(), "party_organisation": party,
        "form": "standalone", "from_on": "2018-03-01" });
    work.make(DAY, "coverage_link", link);
    work.parties.push(party);
    let names = [
        "周某甲",
        "吴某乙",
        "郑某丙",
        "冯某丁",
        "陈某戊",
        "卫某己",
        "蒋某庚",
    ];
    let people = names.map(|name| json!({ "display_name": name }));
    let mut people = work.enter(DAY, "person", people.to_vec()).into_iter();
    work.secretaries = people.by_ref().take(3).collect();
    work.heads = people.by_ref().take(2).collect();
    work.instructors = people.collect();
    let role = |person: &String, role: &str, subject: String, from: &str| json!({ "person": person, "role": role, "subject": subject, "from_on": from });
    let mut roles = Vec::new();
    let of_old = work
        .parties
        .iter()
        .map(|id| format!("party_organisation/{id}"));
    for (person, subject) in work.secretaries.iter().zip(of_old) {
        roles.push(role(person, "secretary", subject, "2018-03-01"));
    }
    let firms = work.firms.iter().map(|id| format!("organisation/{id}"));
    for (person, subject) in work.heads.iter().zip(firms) {
        roles.push(role(person, "head", subject, "2018-03-01"));
    }
    work.enter(DAY, "role_assignment", roles);
}

/// March: the drive begins. Who is ready is planned, to who is not an instructor goes.
pub(super) fn drive(stage: &Stage, works: &mut [Works<'_>], checks: &mut Checks) {
    const DAY: &str = "2020-03-20";
    month(
        "3月",
        "集中组建：研判空白点，选派指导员",
        "the drive: cases, instructors",
    );
    for work in &mut *works {
        let drive = json!({ "year": "2020", "scope": work.code(), "title": "集中组建攻坚",
            "methods": ["full_check", "hard_cases"], "start_on": DAY, "status": "planned",
            "target_count": 3 });
        work.drive = work.make(DAY, "establishment_drive", drive);
        work.set(
            DAY,
            "establishment_drive",
            &[&work.drive],
            &json!({ "status": "running" }),
        );
        let blank = work.firms.iter().skip(1).take(4);
        let cases = blank.map(|firm| {
            json!({ "organisation": firm, "drive": work.drive, "dimension": "by_unit",
                "status": "identified", "responsible_agency": work.agency,
                "due_on": "2020-06-30" })
        });
        let cases = work.enter(DAY, "establishment_case", cases.collect());
        let (ready, not_ready) = cases.split_at(3);
        let ready: Vec<&String> = ready.iter().collect();
        let not_ready: Vec<&String> = not_ready.iter().collect();
        let assessed =
            |eligibility: &str| json!({ "status": "assessed", "eligibility": eligibility });
        work.set(DAY, "establishment_case", &ready, &assessed("eligible"));
        work.set(
            DAY,
            "establishment_case",
            &not_ready,
            &assessed("not_eligible"),
        );
        let uncovered = work.firms.iter().skip(4).take(7);
        // Nobody has more than five.
        let guides = work.instructors.iter().cycle();
        let sent = uncovered.zip(guides).map(|(firm, guide)| {
            json!({ "organisation": firm, "person": guide, "sender": work.agency,
                "from_on": DAY, "doc": "演示〔2020〕3号" })
        });
        let sent = work.enter(DAY, "instructor_assignment", sent.collect());
        let visit = json!({ "assignment": sent.first(), "on": DAY, "content": "宣讲政策" });
        work.make(DAY, "instructor_visit", visit);
        let step = |status: &str| json!({ "status": status });
        work.set(
            DAY,
            "establishment_case",
            &not_ready,
            &step("instructor_sent"),
        );
        work.set(DAY, "establishment_case", &not_ready, &step("cultivating"));
    }
    stage.settle_all();
    let all = figures(&city(stage, DAY), DAY)["city"].clone();
    let sent = is_rate(&all["instructor_dispatch_rate"], 21, 30);
    checks.see(sent, "未建单位指导员选派率 21/30，其余9家在组建中");
}

/// April: what was planned is approved, by another than who applied, and established; with the case
/// the link is made.
pub(super) fn built(stage: &Stage, works: &mut [Works<'_>], checks: &mut Checks) {
    const DAY: &str = "2020-04-20";
    month(
        "4月",
        "组建党组织，覆盖关系随之生成",
        "branches are established",
    );
    returns(works, stage, "2020Q1", ("2020-04-10", "2020-04-10"));
    for work in &mut *works {
        let new = |name: &str, kind: &str, form: &str| {
            json!({ "name": name, "type": kind, "form": form, "status": "preparing",
                "drive": work.drive, "applied_on": "2020-03-25", "member_count": 4,
                "as_of": DAY })
        };
        let rows = vec![
            new("例二厂党支部（演示）", "branch", "standalone"),
            new("例三四厂联合党支部（演示）", "joint_branch", "joint"),
        ];
        let parties = work.enter(DAY, "party_organisation", rows);
        let both: Vec<&String> = parties.iter().collect();
        let approved = json!({ "status": "approved", "approved_on": "2020-04-10",
            "approval_doc": "演示〔2020〕4号", "approver": work.agency, "established_on": DAY });
        work.approve(DAY, "party_organisation", &both, &approved);
        establish_cases(work, DAY, &both);
        work.set(
            DAY,
            "party_organisation",
            &both,
            &json!({ "status": "active" }),
        );
        let secretaries = work.secretaries.iter().skip(1).zip(&parties);
        let roles = secretaries.map(|(person, party)| {
            json!({ "person": person, "role": "secretary", "from_on": DAY,
                "subject": format!("party_organisation/{party}") })
        });
        work.enter(DAY, "role_assignment", roles.collect());
        work.parties.extend(parties);
        let held = json!({ "status": "held", "end_on": DAY, "summary": "建成2个，覆盖3家" });
        work.set(DAY, "establishment_drive", &[&work.drive], &held);
    }
    stage.settle_all();
    let all = figures(&city(stage, DAY), DAY)["city"].clone();
    checks.see(
        is_rate(&all["org_coverage_rate"], 12, 33),
        "组织覆盖率 12/33",
    );
    checks.see(all["new_party_orgs"] == 6, "新建党组织6个");
    checks.see(all["should_unbuilt"] == 0, "没有应建未建的了");
    let gone = is_rate(&all["instructor_dispatch_rate"], 21, 21) && all["uncovered_gap"] == 0;
    checks.see(gone, "未建的21家都有指导员，两个覆盖没有缺口");
    checks.see(
        is_rate(&all["drives_held_met"], 3, 3),
        "集中组建：三个县区达标",
    );
}

/// Brings the cases that are ready to their end: the first has a branch of its own, the others share
/// one.
fn establish_cases(work: &Works<'_>, day: &str, parties: &[&String]) {
    let list = ["record", "list", "establishment_case"];
    let cases = work.clerk(day).json(list);
    let cases = cases["records"].as_array().cloned().unwrap_or_default();
    let case_of = |firm: &String| {
        let is_it = |case: &&Value| case["values"]["organisation"] == firm.as_str();
        let case = cases.iter().find(is_it);
        case.map(|case| text(&case["id"]).to_owned())
            .unwrap_or_default()
    };
    let ready: Vec<String> = work.firms.iter().skip(1).take(3).map(case_of).collect();
    for (n, case) in ready.iter().enumerate() {
        let (form, party) = if n == 0 {
            ("standalone", parties.first())
        } else {
            ("joint", parties.last())
        };
        let step = |values: Value| work.set(day, "establishment_case", &[case], &values);
        step(json!({ "status": "planned", "form": form }));
        step(json!({ "status": "applied" }));
        let approved = json!({ "status": "approved" });
        work.approve(day, "establishment_case", &[case], &approved);
        step(json!({ "status": "established", "result_party_organisation": party }));
    }
}

/// A carrier of every branch, with an activity in each quarter. In Yichuan only the old branch has one.
pub(super) fn carriers(stage: &Stage, works: &mut [Works<'_>], checks: &mut Checks) {
    const DAY: &str = "2020-04-28";
    month("4月", "每个党组织一个载体", "a carrier of every branch");
    for work in &mut *works {
        let take = if work.is_behind() { 1 } else { 3 };
        let rows = work.parties.iter().take(take).map(|party| {
            json!({ "party_organisation": party, "name": "党员先锋岗", "status": "planned",
                "themes": ["development"], "traits": ["core_business"] })
        });
        work.carriers = work.enter(DAY, "carrier", rows.collect());
        let all: Vec<&String> = work.carriers.iter().collect();
        let running = json!({ "status": "running", "started_on": DAY });
        work.set(DAY, "carrier", &all, &running);
        activities(work, "2020-06-10");
        let reviewed = json!({ "distinctive": true, "practical": true,
            "reviewed_on": "2020-06-12", "review_comment": "结合生产，可推广" });
        work.set("2020-06-12", "carrier", &all, &reviewed);
    }
    stage.settle_all();
    let all = figures(&city(stage, "2020-06-12"), "2020-06-12")["city"].clone();
    let has = is_rate(&all["carrier_coverage_rate"], 7, 9);
    checks.see(has, "载体覆盖率 7/9，伊川两个新支部还没有");
}

/// An activity of every carrier on a day.
pub(super) fn activities(work: &Works<'_>, day: &str) {
    let rows = work.carriers.iter().map(
        |carrier| json!({ "carrier": carrier, "on": day, "title": "主题党日", "participants": 6 }),
    );
    work.enter(day, "carrier_activity", rows.collect());
}

/// May: the centralised training. One head of Yichuan stays away.
pub(super) fn training(stage: &Stage, works: &[Works<'_>], checks: &mut Checks) {
    const DAY: &str = "2020-05-15";
    month("5月", "集中培训", "training");
    for work in works {
        let session = json!({ "year": "2020", "scope": work.code(), "title": "党务工作者轮训班",
            "kind": "centralised", "subjects": ["theory", "affairs"],
            "target_roles": ["secretary", "head", "instructor"], "start_on": "2020-05-13",
            "end_on": DAY, "hours": 24, "venue": "区委党校", "status": "planned",
            "declared_headcount": 7 });
        let session = work.make("2020-05-10", "training_session", session);
        let step = |values: Value| work.set(DAY, "training_session", &[&session], &values);
        step(json!({ "status": "running" }));
        let mut who: Vec<(&String, &str)> = Vec::new();
        who.extend(work.secretaries.iter().map(|person| (person, "secretary")));
        who.extend(work.heads.iter().map(|person| (person, "head")));
        who.extend(work.instructors.iter().map(|person| (person, "instructor")));
        let stays_away = work.heads.last().filter(|_| work.is_behind());
        let rows = who.into_iter().map(|(person, role)| {
            json!({ "session": session, "person": person, "role": role,
                "attended": Some(person) != stays_away })
        });
        work.enter(DAY, "training_attendance", rows.collect());
        step(json!({ "status": "held" }));
    }
    stage.settle_all();
    let all = figures(&city(stage, DAY), DAY)["city"].clone();
    let (secretaries, heads) = (&all["training_secretary"], &all["training_head"]);
    checks.see(is_rate(secretaries, 9, 9), "书记参训率 9/9");
    checks.see(is_rate(heads, 5, 6), "负责人参训率 5/6，伊川1人缺训");
    checks.see(
        is_rate(&all["trainings_held_met"], 3, 3),
        "集中培训：三个县区达标",
    );
}

/// June: the themed seminar, which Yichuan puts off and never holds.
pub(super) fn seminar(stage: &Stage, works: &[Works<'_>], checks: &mut Checks) {
    const DAY: &str = "2020-06-18";
    month("6月", "主题研讨", "the seminar");
    for work in works {
        let seminar = json!({ "year": "2020", "scope": work.code(), "title": "党建引领发展",
            "pathways": ["economy"], "forms": ["exchange"], "on": DAY, "participants": 40,
            "status": "planned" });
        let seminar = work.make("2020-06-10", "seminar", seminar);
        let step = |values: Value| work.set(DAY, "seminar", &[&seminar], &values);
        if work.is_behind() {
            step(json!({ "status": "cancelled", "outcome": "场地未落实" }));
        } else {
            step(json!({ "status": "running" }));
            step(json!({ "status": "held", "outcome": "形成经验材料5篇" }));
        }
    }
    stage.settle_all();
    let all = figures(&city(stage, DAY), DAY)["city"].clone();
    let met = is_rate(&all["seminars_held_met"], 2, 3);
    checks.see(met, "主题研讨：老城、涧西达标，伊川取消");
    say("  伊川写明取消的原因：场地未落实");
    returns(works, stage, "2020Q2", ("2020-07-10", "2020-07-25"));
}

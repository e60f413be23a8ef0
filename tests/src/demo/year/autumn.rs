//! From July to September: positions and checks, funding, platforms, the three lists.

use serde_json::{Value, json};

use super::{
    Checks, Stage, Works, city, figures, is_rate, month, refused, returns, spring::activities,
};

/// July: a position for every branch, checks by the standard, funding, what is done for secretaries.
/// In Yichuan only the old branch has a position.
pub(super) fn positions(stage: &Stage, works: &[Works<'_>], items: &[String], checks: &mut Checks) {
    const DAY: &str = "2020-07-20";
    month(
        "7月",
        "阵地、规范检查、经费、激励",
        "positions, checks, funding",
    );
    for work in works {
        let take = if work.is_behind() { 1 } else { 3 };
        let names = ["一号", "二号", "三号"].into_iter().take(take);
        let rows = names.map(|name| {
            json!({ "name": format!("{name}党群活动室（演示）"), "kind": "own",
                "scope": work.code(), "address": "示例路1号", "area_m2": 80,
                "function_ok": "pass", "facility_ok": "pass", "archive_ok": "pass",
                "checked_on": DAY })
        });
        let positions = work.enter(DAY, "position", rows.collect());
        for (party, position) in work.parties.iter().zip(&positions) {
            let has = json!({ "position": position });
            work.set(DAY, "party_organisation", &[party], &has);
        }
        let of_party = |party: &String| format!("party_organisation/{party}");
        let judged = work.parties.iter().enumerate().flat_map(|(n, party)| {
            let result = if n < take { "pass" } else { "fail" };
            let two = items.iter().take(2);
            two.map(move |item| {
                json!({ "item": item, "subject": of_party(party), "result": result, "on": DAY,
                    "checker": work.agency })
            })
        });
        work.enter(DAY, "standard_check", judged.collect());
        let funded = work.parties.iter().map(|party| {
            json!({ "year": "2020", "scope": work.code(), "beneficiary": of_party(party),
                "direction": "income", "source": "fiscal", "amount_fen": 500_000, "on": DAY,
                "purpose": "活动经费" })
        });
        work.enter(DAY, "funding_entry", funded.collect());
        let care = json!({ "scope": work.code(), "kind": "subsidy", "on": DAY, "headcount": 3,
            "amount_fen": 90_000, "note": "书记岗位补贴" });
        work.make(DAY, "incentive", care);
    }
    stage.settle_all();
    let all = figures(&city(stage, DAY), DAY)["city"].clone();
    checks.see(
        is_rate(&all["position_standard_rate"], 7, 9),
        "阵地达标率 7/9",
    );
    checks.see(
        is_rate(&all["standard_pass_rate"], 14, 18),
        "规范达标率 14/18",
    );
    let funded = is_rate(&all["funding_assured_rate"], 9, 9) && all["funding_fiscal"] == 4_500_000;
    checks.see(funded, "经费保障率 9/9，财政支持4.5万元");
}

/// August: a platform on the mature cluster, by its four steps. Yichuan does not get through them.
pub(super) fn platforms(stage: &Stage, works: &mut [Works<'_>], checks: &mut Checks) {
    const DAY: &str = "2020-08-28";
    month(
        "8月",
        "党建平台：四步建成，例会，服务认领",
        "the platform, by its four steps",
    );
    for work in &mut *works {
        let cluster = json!({ "name": "示例产业园（演示）", "kind": "industrial_park",
            "scale": "medium", "mature": true, "address": "示例路" });
        let cluster = work.make(DAY, "cluster", cluster);
        let platform = json!({ "cluster": cluster, "name": "园区党建平台（演示）",
            "status": "identified" });
        work.platform = work.make(DAY, "platform", platform);
        let step = |values: Value| work.set(DAY, "platform", &[&work.platform], &values);
        step(json!({ "status": "preparing", "mode": "joint",
            "joint_party_organisation": work.parties.last(), "secretary_source": "elected",
            "step_institution_on": "2020-07-10" }));
        if work.is_behind() {
            let clerk = work.clerk(DAY);
            let record = ("platform", work.platform.as_str());
            let early = clerk.act(record, "build", &[&format!("built_on={DAY}")], "上报建成");
            refused(
                checks,
                &early,
                "step_open",
                "伊川：四步没有走完，不能报建成",
            );
            continue;
        }
        serve(work, DAY);
        step(
            json!({ "status": "built", "built_on": DAY, "step_mechanism_on": "2020-07-25",
            "step_strength_on": "2020-08-10", "step_service_on": DAY,
            "systems": ["joint_conference", "quarterly_meeting"],
            "mechanisms": ["co_build", "share"] }),
        );
        meeting(work, "2020-09-10");
        work.set(
            "2020-09-10",
            "platform",
            &[&work.platform],
            &json!({ "status": "operating" }),
        );
    }
    stage.settle_all();
    let day = "2020-09-10";
    let all = figures(&city(stage, day), day)["city"].clone();
    checks.see(
        is_rate(&all["platforms_new_met"], 2, 3),
        "新建平台：老城、涧西达标",
    );
    checks.see(
        is_rate(&all["platform_built_rate"], 2, 3),
        "平台应建已建率 2/3",
    );
}

/// What makes a platform strong and of use: members, a centre, a need that one of them met.
fn serve(work: &Works<'_>, day: &str) {
    let firms = work.firms.iter().take(4);
    let members = firms.map(
        |firm| json!({ "platform": work.platform, "organisation": firm, "from_on": "2020-07-15" }),
    );
    work.enter(day, "platform_member", members.collect());
    let centre = json!({ "platform": work.platform, "name": "党员综合服务中心（演示）",
        "address": "示例路2号", "area_m2": 120, "functions": ["classroom", "service"],
        "opened_on": "2020-08-01" });
    work.make(day, "service_centre", centre);
    let need = json!({ "platform": work.platform, "requester": work.firms.first(),
        "title": "用工对接", "category": "operation", "status": "open" });
    let need = work.make(day, "service_claim", need);
    let claim = |values: Value| work.set(day, "service_claim", &[&need], &values);
    let by = work.firms.get(1).map(|firm| format!("organisation/{firm}"));
    claim(json!({ "status": "claimed", "claimed_by": by }));
    claim(json!({ "status": "in_progress" }));
    claim(json!({ "status": "done", "done_on": day, "feedback": "满意" }));
}

/// A quarterly meeting of a platform.
pub(super) fn meeting(work: &Works<'_>, day: &str) {
    let meeting = json!({ "platform": work.platform, "kind": "quarterly_meeting", "on": day,
        "topics": "服务认领", "decisions": "按月对接" });
    work.make(day, "platform_meeting", meeting);
}

/// September: problems are registered by their finders, with tasks and responsibilities.
pub(super) fn register(stage: &Stage, works: &mut [Works<'_>], checks: &mut Checks) {
    const DAY: &str = "2020-09-01";
    month("9月", "三单制：问题、任务、责任", "the three lists");
    let hub = city(stage, DAY);
    for work in &mut *works {
        let code = work.code();
        let problem = |no: &str, found_by: &str, description: &str| {
            json!({ "no": format!("{code}-2020-{no}"), "year": "2020", "scope": code,
                "category": "coverage", "description": description, "found_by": found_by,
                "severity": "high", "registered_on": DAY, "due_on": "2020-10-31",
                "extension": "none", "status": "registered" })
        };
        let own = work.make(
            DAY,
            "problem_item",
            problem("A0001", "self", "活动记录不全"),
        );
        let found = problem("H0001", "city", "联合支部作用发挥不够");
        work.problems = vec![own, hub.make("problem_item", &found)];
    }
    stage.settle_all();
    for work in &*works {
        let both: Vec<&String> = work.problems.iter().collect();
        work.set(DAY, "problem_item", &both, &json!({ "status": "assigned" }));
        let tasks = work.problems.iter().enumerate().map(|(n, problem)| {
            json!({ "no": format!("{}-2020-T{n}", work.code()), "year": "2020",
                "scope": work.code(), "problem": problem, "title": "补齐并销号",
                "standard": "资料齐全", "lead": work.agency, "due_on": "2020-10-20",
                "progress_pct": 0, "status": "open" })
        });
        let tasks = work.enter(DAY, "task_item", tasks.collect());
        let duty = json!({ "year": "2020", "scope": work.code(), "agency": work.agency,
            "duty": "牵头整改", "leader_post": "组织部副部长", "tasks": tasks });
        work.make(DAY, "responsibility_item", duty);
        for status in ["acknowledged", "in_progress"] {
            work.set(DAY, "problem_item", &both, &json!({ "status": status }));
        }
        let all: Vec<&String> = tasks
            .iter()
            .take(if work.is_behind() { 1 } else { 2 })
            .collect();
        let done = "2020-10-15";
        work.set(DAY, "task_item", &all, &json!({ "status": "in_progress" }));
        work.set(
            done,
            "task_item",
            &all,
            &json!({ "status": "done", "progress_pct": 100 }),
        );
        activities(work, "2020-09-15");
    }
    stage.settle_all();
    let all = figures(&hub, DAY)["city"].clone();
    let open = is_rate(&all["problem_closing_rate"], 0, 6);
    checks.see(open, "六个问题已交办，各有任务和责任单位");
    returns(works, stage, "2020Q3", ("2020-10-10", "2020-10-10"));
}

/// October: who found a problem closes it. Yichuan asks for more time and lets it run out.
pub(super) fn rectify(stage: &Stage, works: &[Works<'_>], checks: &mut Checks) {
    const DAY: &str = "2020-10-20";
    month(
        "10月",
        "整改销号：谁发现谁销号",
        "problems are closed by their finders",
    );
    let hub = city(stage, DAY);
    let mut own_hand = None;
    for work in works {
        let (Some(own), Some(found)) = (work.problems.first(), work.problems.last()) else {
            continue;
        };
        let clerk = work.clerk(DAY);
        let applied = ["measure=已补齐资料并公示"];
        let own = ("problem_item", own.as_str());
        let acts = clerk.json(["record", "acts", own.0, own.1]).to_string();
        checks.see(
            acts.contains("\"suggested\""),
            "任务办完，系统提示可以申请销号",
        );
        clerk.act(own, "apply_close", &applied, "申请销号").ok();
        own_hand.get_or_insert_with(|| clerk.act(own, "close", &[], "自己销号"));
        work.chief(DAY).act(own, "close", &[], "资料齐全").ok();
        let found = ("problem_item", found.as_str());
        let act = if work.is_behind() {
            "extend"
        } else {
            "apply_close"
        };
        let sets: &[&str] = if work.is_behind() { &[] } else { &applied };
        clerk.act(found, act, sets, "上报市级").ok();
    }
    if let Some(ran) = own_hand {
        refused(checks, &ran, "AUTH-OWN", "自己提交的不能自己销号");
    }
    stage.settle_all();
    for work in works {
        let Some(found) = work.problems.last() else {
            continue;
        };
        let act = if work.is_behind() { "refuse" } else { "close" };
        let reason = if work.is_behind() {
            "没有进展，不同意延期"
        } else {
            "抽查属实"
        };
        hub.act(("problem_item", found), act, &[], reason).ok();
    }
    stage.settle_all();
    let all = figures(&hub, DAY)["city"].clone();
    let closed = is_rate(&all["problem_closing_rate"], 5, 6);
    checks.see(closed, "问题销号率 5/6");
    let late = figures(&hub, "2020-11-15")["scopes"]["410329"].clone();
    checks.see(
        late["problems_overdue"] == 1,
        "伊川申请延期未获同意，11月起逾期1件",
    );
    let told = works.iter().filter(|work| work.is_behind()).all(|work| {
        let id = work.problems.last().map_or("", String::as_str);
        let history = work
            .district
            .program
            .json(["record", "history", "problem_item", id]);
        history.to_string().contains("没有进展，不同意延期")
    });
    checks.see(told, "伊川看到市级的答复和理由");
}

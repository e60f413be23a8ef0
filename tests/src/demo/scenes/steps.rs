//! Scenes of steps that meet: closing and reopening, an acceptance and a dissolution, more
//! recommendations than there are places.

use serde_json::{Value, json};

use super::{Checks, DAY, Stage, at, branch, conflicts, firm, history, holds, say, text};
use crate::programs::Program;

const PROBLEM: &str = "problem_item";

fn problem(no: &str, found_by: &str) -> Value {
    json!({ "no": no, "year": "2020", "scope": "410305", "category": "coverage",
        "description": "应建未建", "found_by": found_by, "severity": "high",
        "registered_on": "2020-09-01", "due_on": "2020-10-31", "extension": "none",
        "status": "registered" })
}

/// Brings a problem that was assigned into work.
fn work(clerk: &Program, problem: &str) {
    let record = (PROBLEM, problem);
    clerk.act(record, "acknowledge", &[], "收到").ok();
    clerk.act(record, "start", &[], "开始整改").ok();
}

/// R09.
pub(super) fn close_against_reopen(stage: &mut Stage, checks: &mut Checks) {
    let (office, park) = (stage.district("410305"), stage.district("park"));
    let hub = stage.hub.by("市级").on(DAY);
    let clerk = at(office, "张工");
    let own = clerk.make(PROBLEM, &problem("410305-2020-A0001", "self"));
    let citys = hub.make(PROBLEM, &problem("410305-2020-H0001", "city"));
    let (own, citys) = ((PROBLEM, own.as_str()), (PROBLEM, citys.as_str()));
    clerk.act(own, "assign", &[], "交办").ok();
    hub.act(citys, "assign", &[], "交办").ok();
    stage.settle_all();
    work(&clerk, own.1);
    work(&clerk, citys.1);
    let measure = ["measure=已建立党支部"];
    clerk.act(own, "apply_close", &measure, "申请销号").ok();
    clerk.act(citys, "extend", &[], "批复未到，申请延期").ok();
    stage.settle_all();
    park.line.cut();
    say("  园区断线；机关审核销号，市级随即重新打开；园区不知道，也审核了销号");
    at(office, "李主任").act(own, "close", &[], "材料齐全").ok();
    office.settle();
    hub.act(own, "reopen", &[], "抽查发现支部没有活动").ok();
    at(park, "园区主任").act(own, "close", &[], "材料齐全").ok();
    park.line.mend();
    stage.settle_all();
    for program in [&office.program, &park.program, &hub] {
        let reopened = holds(program, own, "status", &json!("reopened"));
        let settled = conflicts(program).is_empty();
        checks.see(reopened && settled, "重新打开优先，不用裁决");
        let told = program.json(["record", "explain", own.0, own.1, "status"]);
        let rule = told.to_string().contains("R09");
        let said = history(program, own);
        let both = said.contains("抽查发现支部没有活动") && said.matches("材料齐全").count() > 1;
        checks.see(rule && both, "申请人看得到规则、理由和双方的办理");
    }
    office.line.cut();
    hub.act(citys, "grant", &["due_on=2020-12-31"], "同意延期")
        .ok();
    clerk.act(citys, "apply_close", &measure, "申请销号").ok();
    say("  另一件：市级同意延期时，机关断线提交了销号申请");
    office.line.mend();
    stage.settle_all();
    for program in [&office.program, &hub] {
        let values = program.get(citys.0, citys.1)["values"].clone();
        let both = values["status"] == "close_applied"
            && values["extension"] == "granted"
            && values["due_on"] == "2020-12-31"
            && values["first_due_on"].is_string()
            && conflicts(program).is_empty();
        checks.see(both, "延期和销号申请都在，没有互相覆盖");
    }
}

/// A nomination of a branch that covers a firm of its own, recommended with a rank.
fn recommended(desk: (&Program, &Program), n: u32, rank: &str) -> [String; 2] {
    let (clerk, reviewer) = desk;
    let covered = clerk.make("organisation", &firm("410305", n));
    let party = clerk.make(
        "party_organisation",
        &branch(&format!("例{n}厂党支部（演示）")),
    );
    let link = json!({ "organisation": covered, "party_organisation": party,
        "form": "standalone", "from_on": "2020-01-01" });
    let link = clerk.make("coverage_link", &link);
    assert!(!link.is_empty(), "the branch covers somebody");
    let nomination = json!({ "year": "2020", "party_organisation": party,
        "summary": format!("第{n}份事迹材料"), "status": "draft" });
    let nomination = clerk.make("nomination", &nomination);
    let record = ("nomination", nomination.as_str());
    clerk.act(record, "submit", &[], "申报").ok();
    reviewer.act(record, "screen", &[], "初审").ok();
    clerk.act(record, "assess", &[], "评分").ok();
    let rank = format!("district_rank={rank}");
    reviewer.act(record, "recommend", &[&rank], "推荐").ok();
    [party, nomination]
}

/// Lets the city receive what waits. Returns its rows.
fn receive(hub: &Program) -> Vec<Value> {
    let rows = hub.json(["nomination", "receive", "--year", "2020"]);
    rows.as_array().cloned().unwrap_or_default()
}

/// R08.
pub(super) fn nomination_against_dissolution(stage: &mut Stage, checks: &mut Checks) {
    let jianxi = stage.district("410305");
    let hub = stage.hub.by("市级").on("2020-12-01");
    let (clerk, reviewer) = (at(jianxi, "张工"), at(jianxi, "李主任"));
    let [party, nomination] = recommended((&clerk, &reviewer), 1, "1");
    stage.settle_all();
    let rows = receive(&hub);
    let received = rows.len() == 1 && rows.iter().all(|row| row["result"] == "received");
    checks.see(received, "市级接收推荐");
    jianxi.settle();
    jianxi.line.cut();
    let later = clerk.on("2020-12-01");
    let branch = ("party_organisation", party.as_str());
    let dissolve = ["dissolved_on=2020-11-30", "dissolve_reason=企业外迁"];
    let told = later.act(branch, "dissolve", &dissolve, "企业外迁").ok();
    let warned = told.json()["warnings"]
        .to_string()
        .contains("nomination_runs");
    checks.see(warned, "县区撤销支部时即得到提示：申报仍在办理");
    let verdict = json!({ "nomination": nomination, "verdict": "pass", "on": "2020-12-01",
        "reason": "达标", "without_visit": "true" });
    let verdict = hub.make("acceptance_verdict", &verdict);
    say("  县区断线撤销了支部；市级此时作出验收结论：通过");
    let points = hub.json(["record", "list", "demonstration_point"]);
    let point = text(&points["records"][0]["id"]).to_owned();
    let valid = points["records"][0]["values"]["status"] == "valid";
    checks.see(valid, "市级还不知道撤销，示范点有效");
    jianxi.line.mend();
    stage.settle_all();
    let waiting = hub.json(["point", "list"]);
    let is_listed = waiting[0]["id"] == point.as_str() && waiting[0]["status"] == "under_review";
    checks.see(is_listed, "示范点转入复核，列给市级");
    stage.settle_all();
    let record = ("demonstration_point", point.as_str());
    for program in [&jianxi.program, &hub] {
        let accepted = holds(
            program,
            ("nomination", &nomination),
            "status",
            &json!("accepted"),
        ) && program.get("acceptance_verdict", &verdict)["values"]["verdict"]
            == "pass";
        checks.see(accepted, "验收结论仍有效");
        let reviewed = holds(program, record, "status", &json!("under_review"));
        let why = history(program, record).contains("已撤销");
        checks.see(reviewed && why, "示范点复核中，理由写明");
    }
    let own = later.act(record, "revoke", &["revoked_on=2020-12-10"], "撤销");
    checks.see(own.code == 4, "县区不能自己决定");
    let revoke = ["revoked_on=2020-12-10"];
    hub.act(record, "revoke", &revoke, "党组织已撤销").ok();
    stage.settle_all();
    let ended = holds(&jianxi.program, record, "status", &json!("revoked"));
    checks.see(ended, "市级决定撤销命名，县区看到");
}

/// R18.
pub(super) fn beyond_the_cap(stage: &mut Stage, checks: &mut Checks) {
    let (office, park) = (stage.district("410305"), stage.district("park"));
    let hub = stage.hub.by("市级").on(DAY);
    let year = ("programme_year", "2020");
    hub.set(year, &["recommend_cap=1"], "每县区推荐1个").ok();
    stage.settle_all();
    park.line.cut();
    let of_park = (&at(park, "园区填报员"), &at(park, "园区主任"));
    let [_, second] = recommended(of_park, 2, "2");
    let of_office = (&at(office, "张工"), &at(office, "李主任"));
    let [_, first] = recommended(of_office, 1, "1");
    say("  名额1个：机关推荐了第1位，园区断线推荐了第2位");
    park.line.mend();
    stage.settle_all();
    let rows = receive(&hub);
    for row in &rows {
        let (rank, result) = (&row["rank"], text(&row["result_text"]));
        say(&format!("  次序 {rank}：{result} {}", text(&row["why"])));
    }
    let result = |id: &str| {
        let mut rows = rows.iter();
        let row = rows.find(|row| row["nomination"] == id);
        row.map(|row| text(&row["result"]).to_owned())
    };
    let by_rank = rows.len() == 2
        && result(&first).as_deref() == Some("received")
        && result(&second).as_deref() == Some("returned");
    checks.see(by_rank, "按次序接收1个，退回1个");
    checks.see(receive(&hub).is_empty(), "没有待接收的了");
    stage.settle_all();
    for program in [&office.program, &park.program, &hub] {
        let returned = ("nomination", second.as_str());
        let good = holds(
            program,
            ("nomination", &first),
            "status",
            &json!("received"),
        ) && holds(program, returned, "status", &json!("returned"))
            && holds(program, returned, "summary", &json!("第2份事迹材料"));
        let why = history(program, returned).contains("推荐名额为 1 个");
        checks.see(good && why, "退回的理由写明名额，材料都在");
    }
}

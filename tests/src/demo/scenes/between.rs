//! Scenes between scopes: one organisation claimed twice, a branch that ends while others lean on
//! it, a reform of divisions.

use serde_json::{Value, json};

use super::{Checks, DAY, Place, Stage, at, branch, conflicts, firm, holds, say, text};
use crate::programs::Program;

pub(super) const JILI: Place = Place::office("410306", "吉利区");
pub(super) const MENGJIN: Place = Place::office("410322", "孟津县");
/// The day of the reform.
const AFTER: &str = "2021-03-18";

/// A figure of the city's report: of a scope, or of the city.
fn figure(hub: &Program, scope: &str, name: &str) -> Value {
    let report = hub.json(["report", "indicators", "--as-of", DAY]);
    match scope {
        "city" => report["city"][name].clone(),
        code => report["scopes"][code][name].clone(),
    }
}

/// R04.
pub(super) fn claimed_twice(stage: &mut Stage, checks: &mut Checks) {
    let (laocheng, jianxi) = (stage.district("410302"), stage.district("410305"));
    let (old, new) = (at(laocheng, "老城填报员"), at(jianxi, "涧西填报员"));
    let same = firm("410305", 1);
    let known = new.make("organisation", &same);
    let mut other = same.clone();
    other["name"] = json!(format!("{}老城分部", text(&same["name"])));
    let other = old.make("organisation", &other);
    let party = old.make("party_organisation", &branch("分部党支部（演示）"));
    let link = json!({ "organisation": other, "party_organisation": party, "form": "standalone",
        "from_on": "2020-06-18" });
    let link = old.make("coverage_link", &link);
    stage.settle_all();
    let hub = stage.hub.on(DAY);
    let counted = ["410302", "410305", "city"].map(|scope| figure(&hub, scope, "counted"));
    checks.see(counted == [1, 1, 1], "两区各计1家，全市只计1家");
    let cases = hub.json(["claim", "list"]);
    let case = text(&cases[0]["id"]).to_owned();
    say(&format!("  市级自动立案：{}", text(&cases[0]["evidence"])));
    stage.settle_all();
    for district in [laocheng, jianxi] {
        let seen = district.program.json(["claims"])[0]["id"] == case.as_str();
        checks.see(seen, &format!("{}看到这件待裁定", district.name));
    }
    laocheng.line.cut();
    old.set(("organisation", &other), &["remark=断线时的走访"], "走访")
        .ok();
    say("  老城断线，又改了一处；市级此时裁定：并入涧西（实际经营地）");
    let survivor = format!("organisation/{known}");
    let rule = ["claim", "rule", &case, "--merge-into", &survivor];
    hub.json(rule.into_iter().chain(["--reason", "实际在涧西经营"]));
    jianxi.settle();
    laocheng.line.mend();
    stage.settle_all();
    let closed = hub.json(["claim", "list"]) == json!([]);
    checks.see(closed, "已裁定，没有待裁定的");
    for program in [&hub, &new] {
        let is_alias = program.get("organisation", &other)["id"] == known.as_str();
        checks.see(is_alias, "按老城的编号查询，得到涧西的记录");
        let follows = [("party_organisation", &party), ("coverage_link", &link)]
            .iter()
            .all(|(kind, id)| program.get(kind, id)["scope"] == "410305");
        checks.see(follows, "党支部和覆盖关系跟随到涧西");
    }
    let counted = ["410302", "410305", "city"].map(|scope| figure(&hub, scope, "counted"));
    checks.see(counted == [0, 1, 1], "老城0家，涧西1家，全市1家");
    let late = new.json(["proposal", "list"]);
    let is_offered = late[0]["values"]["remark"] == "断线时的走访";
    checks.see(is_offered, "老城迟到的修改列给涧西");
    let accept = [
        "proposal",
        "accept",
        text(&late[0]["id"]),
        "--reason",
        "属实",
    ];
    new.run(accept).ok();
    stage.settle_all();
    let record = ("organisation", known.as_str());
    let stands = holds(&hub, record, "remark", &json!("断线时的走访"));
    checks.see(stands, "涧西采纳后，市级看到这处修改");
    let told = old.json(["claims"])[0]["ruling"] == "merge_records";
    checks.see(told, "老城看到裁定结果");
}

/// R06.
pub(super) fn dissolved_while_linked(stage: &mut Stage, checks: &mut Checks) {
    let (laocheng, jianxi) = (stage.district("410302"), stage.district("410305"));
    let (old, new) = (at(laocheng, "老城填报员"), at(jianxi, "涧西填报员"));
    let mut joint = branch("园区联合党支部（演示）");
    joint["type"] = json!("joint_branch");
    joint["form"] = json!("area");
    let party = new.make("party_organisation", &joint);
    let link = |firm: &str, from: &str| {
        json!({ "organisation": firm, "party_organisation": party, "form": "area",
            "from_on": from })
    };
    let [first, second] = [1, 2].map(|n| old.make("organisation", &firm("410302", n)));
    let linked = old.make("coverage_link", &link(&first, "2020-06-18"));
    stage.settle_all();
    let rate = || figure(&stage.hub.on(DAY), "410302", "org_coverage_rate")["num"].clone();
    checks.see(rate() == 1, "老城1家单位由涧西的联合支部覆盖");
    laocheng.line.cut();
    let dissolve = ["dissolved_on=2020-10-10", "dissolve_reason=合并"];
    let record = ("party_organisation", party.as_str());
    new.act(record, "dissolve", &dissolve, "区划合并").ok();
    let added = old.make("coverage_link", &link(&second, "2020-10-01"));
    say("  老城断线：涧西撤销了支部，老城不知道，又挂上第二家");
    laocheng.line.mend();
    stage.settle_all();
    for id in [&linked, &added] {
        let kept = old.get("coverage_link", id)["values"]["party_organisation"] == party.as_str();
        checks.see(kept, "覆盖关系没有被删除");
    }
    checks.see(rate() == 0, "自撤销之日起不再计入覆盖");
    let ended = || old.json(["record", "links", "--dangling"])["links"].clone();
    let links = ended();
    let all = links.as_array().map_or(0, Vec::len);
    let is_told = all == 2 && links[0]["state"] == "ended";
    checks.see(is_told, "老城的“尚未关联”列出这2条：对方已终止");
    let doctor = old.json(["doctor"])["checks"].clone();
    let mut found = doctor.as_array().into_iter().flatten();
    let found = found.find(|check| check["code"] == "DOCTOR-045");
    let warned = found.is_some_and(|check| check["ok"] == false);
    checks.see(warned, "老城的日常检查提示处理");
    let guide = old.make("person", &json!({ "display_name": "周某己" }));
    for (id, firm) in [(&linked, &first), (&added, &second)] {
        let end = ["to_on=2020-10-10", "end_reason=党组织撤销"];
        old.set(("coverage_link", id), &end, "随党组织撤销终止")
            .ok();
        let sent = json!({ "person": guide, "organisation": firm, "from_on": "2020-10-15" });
        let sent = old.make("instructor_assignment", &sent);
        say(&format!("  老城终止覆盖关系，选派指导员：{sent}"));
    }
    stage.settle_all();
    checks.see(ended() == json!([]), "没有待处理的了");
    let dispatched = figure(&stage.hub.on(DAY), "410302", "instructor_dispatch_rate");
    checks.see(dispatched["num"] == 2, "2家未建单位都有指导员");
}

/// R11.
pub(super) fn reform(stage: &mut Stage, checks: &mut Checks) {
    let (jili, mengjin) = (stage.district("410306"), stage.district("410322"));
    let (west, east) = (at(jili, "吉利填报员"), at(mengjin, "孟津填报员"));
    let in_town = |n: u32, town: &str| {
        let mut values = firm("410322", n);
        values["town"] = json!(town);
        values
    };
    let first = east.make("organisation", &in_town(1, "410322100"));
    let lost_town = east.make("organisation", &in_town(2, "410322106"));
    stage.settle_all();
    mengjin.line.cut();
    jili.line.cut();
    let hub = stage.hub.on(AFTER);
    let done = hub.json(["scope", "reform"]);
    for step in done["scopes"].as_array().into_iter().flatten() {
        say(&format!("  市级：{step}"));
    }
    let both = done["scopes"].as_array().map_or(0, Vec::len) == 2;
    checks.see(both, "410306、410322 并为 410308");
    let task = done["tasks"].to_string();
    checks.see(
        task.contains("410322106") && task.contains(&lost_town),
        "小浪底镇没有后继乡镇，列为市级的事项",
    );
    let town = hub.get("organisation", &first)["values"]["town"].clone();
    checks.see(
        town == "410308100",
        "城关镇按代码对应到 410308100，不按名称",
    );
    let second = east.make("organisation", &firm("410322", 3));
    let third = west.make("organisation", &firm("410306", 1));
    east.set(("organisation", &first), &["remark=断线时的走访"], "走访")
        .ok();
    say("  两个节点还断着网，按旧代码照常填报");
    mengjin.line.mend();
    jili.line.mend();
    stage.settle_all();
    for code in ["410308", "410322", "410306"] {
        let list = hub.json(["record", "list", "organisation", "--scope", code]);
        let all = list["records"].as_array().map_or(0, Vec::len);
        checks.see(all == 4, &format!("按 {code} 查询，4家都在"));
    }
    for id in [&first, &second, &third] {
        let moved = hub.get("organisation", id)["scope"] == "410308";
        checks.see(moved, "归 410308");
    }
    let made_in = hub.get("organisation", &third)["made_in"].clone();
    checks.see(
        made_in == "410306",
        "吉利新登的一家，历史中留有原辖区 410306",
    );
    let stands = holds(
        &hub,
        ("organisation", &first),
        "remark",
        &json!("断线时的走访"),
    );
    checks.see(stands, "断线时的修改没有丢");
    checks.see(conflicts(&hub).is_empty(), "没有冲突，没有被退回的修改");
    let report = hub.json(["report", "indicators"]);
    checks.see(
        report["scopes"]["410308"]["counted"] == 4,
        "指标按 410308 计，在册4家",
    );
    let typed = east.on(AFTER);
    let typed = typed
        .set(("organisation", &second), &["town=410322101"], "补填")
        .ok();
    let noted = typed.json()["values"]["town"] == "410308101";
    checks.see(noted, "填报员仍填旧乡镇代码时，自动换成新代码并提示");
}

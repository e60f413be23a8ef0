//! A person is erased.

use serde_json::{Value, json};

use super::{Checks, Stage, at, say};
use crate::programs::{Program, holding};

/// What every personal value here holds, and nothing else.
const TOKEN: &str = "独名不重";

/// Section 10: the mark replicates and overwrites on every replica; figures go by ids and stay.
pub(super) fn erased(stage: &mut Stage, checks: &mut Checks) {
    let jianxi = stage.district("410305");
    let clerk = at(jianxi, "张工");
    let person = json!({ "display_name": format!("{TOKEN}甲"), "employer": format!("{TOKEN}厂"),
        "post": "书记" });
    let id = clerk.make("person", &person);
    let party = clerk.make("party_organisation", &super::branch("例一厂党支部（演示）"));
    let role = json!({ "person": id, "role": "secretary", "from_on": "2020-01-01",
        "subject": format!("party_organisation/{party}") });
    let role = clerk.make("role_assignment", &role);
    let record = ("person", id.as_str());
    let post = format!("post={TOKEN}主任");
    clerk.set(record, &[&post], "换届").ok();
    stage.settle_all();
    for folder in [&jianxi.program.data, &stage.hub.data] {
        let there = holding(folder, TOKEN) > 0;
        checks.see(there, "清除之前，两边的文件里都有这个人的姓名");
    }
    let secretaries = |program: &Program| -> Value {
        let report = program.json(["report", "indicators", "--as-of", super::DAY]);
        report["scopes"]["410305"]["training_secretary"].clone()
    };
    let before = secretaries(&stage.hub);
    let erase = ["person", "erase", &id, "--reason"];
    let with = |reason: &str, more: &[&str]| {
        let reason = [reason];
        clerk.run(erase.iter().chain(&reason).chain(more))
    };
    let unsure = with("离任满两年", &[]);
    let asked = unsure.code != 0 && unsure.stderr.contains("PERSON-001");
    checks.see(asked, "清除不能撤销，须确认");
    let named = with(&format!("{TOKEN}甲离任"), &["--confirm"]);
    let refused = named.code != 0 && named.stderr.contains("PERSON-002");
    checks.see(refused, "理由会一直保留，其中不能写姓名");
    with("离任满两年", &["--confirm"]).ok();
    say("  涧西区清除此人，理由“离任满两年”；清除标记随同步传到市级");
    stage.settle_all();
    for program in [&clerk, &stage.hub] {
        let document = program.get(record.0, record.1);
        let values = &document["values"];
        let gone = values["erased"] == true && values["display_name"] == Value::Null;
        let history = super::history(program, record);
        let says_why = !history.contains(TOKEN) && history.contains("离任满两年");
        checks.see(gone && says_why, "姓名、单位、职务和历史都已清除，理由还在");
        let stays = program.get("role_assignment", &role)["values"]["person"] == id.as_str();
        checks.see(stays, "任职记录还在，只有编号");
    }
    let same = before["den"] == 1 && secretaries(&stage.hub) == before;
    checks.see(same, "指标没有变");
    let again = clerk.set(record, &["display_name=李某"], "补填");
    let kept_out = again.code != 0 && again.stderr.contains("AUTH-ERASED");
    checks.see(kept_out, "清除之后不能再填");
    let stopped = stage.district_mut("410305").stop();
    let hub = stage.serving.take().map(|serving| serving.terminate().0);
    checks.see(stopped && hub == Some(0), "两边的程序停止，文件重写");
    for program in [&stage.district("410305").program, &stage.hub] {
        let sound = program.json(["verify"])["ok"] == true;
        let none = holding(&program.data, TOKEN) == 0;
        checks.see(sound && none, "文件里再也找不到这个姓名，校验仍通过");
    }
}

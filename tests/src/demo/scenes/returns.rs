//! Scenes of quarterly returns: what is signed is what both sides count, and stays as it was signed.

use serde_json::{Value, json};

use super::{Checks, District, Stage, firm, say, text};
use crate::programs::{Program, Ran};

const PERIOD: &str = "2020Q3";
/// A day within the time for the return of the third quarter.
const DUE: &str = "2020-10-12";

fn step(program: &Program, name: &str) -> Ran {
    let of = ["return", name, PERIOD, "--scope", "410305"];
    let more = ["--reason", "三季度季报", "--json"];
    program.on(DUE).run(of.into_iter().chain(more))
}

fn shown(program: &Program) -> Value {
    let show = ["return", "show", PERIOD, "--scope", "410305"];
    program.on(DUE).json(show)
}

/// Two organisations of the ledger, settled.
fn ledger(stage: &Stage) -> [String; 2] {
    let clerk = stage.district("410305").program.by("张工").on(DUE);
    let ids = [1, 2].map(|n| clerk.make("organisation", &firm("410305", n)));
    stage.settle_all();
    ids
}

fn submit(jianxi: &District) {
    step(&jianxi.program.by("李主任"), "submit").ok();
    let signed = shown(&jianxi.program);
    let hash: String = text(&signed["signed"]).chars().take(12).collect();
    say(&format!("  涧西区上报 {PERIOD}，数据指纹 {hash}"));
}

/// 7.11: an acceptance is refused while the hashes differ.
pub(super) fn refused_until_equal(stage: &mut Stage, checks: &mut Checks) {
    let [first, _] = ledger(stage);
    let jianxi = stage.district("410305");
    let hub = stage.hub.by("市级").on(DUE);
    jianxi.line.cut();
    let union = ["mass_orgs=union"];
    hub.set(("organisation", &first), &union, "市总工会核实已建工会")
        .ok();
    say("  涧西断线；市级补登了一家单位已建的工会");
    submit(jianxi);
    jianxi.line.mend();
    stage.settle_all();
    checks.see(shown(&hub)["equal"] == false, "上报的指纹与市级计算的不同");
    let refused = step(&hub, "accept");
    let is_refused = refused.code == 4 && refused.stderr.contains("RETURN-003");
    checks.see(is_refused, "市级不能接收");
    for line in refused.stderr.lines() {
        say(&format!("    {line}"));
    }
    checks.see(
        shown(&hub)["status"] == "submitted",
        "季报没有变动，数字没有冻结",
    );
    let seen = shown(&jianxi.program)["equal"] == false;
    checks.see(seen, "同步之后，县区也看到台账已变、须重新上报");
    submit(jianxi);
    stage.settle_all();
    checks.see(shown(&hub)["equal"] == true, "两边数字一致");
    step(&hub, "accept").ok();
    stage.settle_all();
    for program in [&jianxi.program, &hub] {
        let accepted = shown(program);
        let good = accepted["status"] == "accepted"
            && accepted["frozen"] == true
            && accepted["corrections"] == json!([]);
        checks.see(good, "已接收，数字冻结，没有更正");
    }
}

/// R14.
pub(super) fn corrected_after_the_lock(stage: &mut Stage, checks: &mut Checks) {
    let [_, second] = ledger(stage);
    let jianxi = stage.district("410305");
    let hub = stage.hub.by("市级").on(DUE);
    submit(jianxi);
    stage.settle_all();
    step(&hub, "accept").ok();
    step(&hub, "lock").ok();
    stage.settle_all();
    let counted = shown(&hub)["figures"]["counted"].clone();
    checks.see(counted == 2, "锁定时在册2家");
    let clerk = jianxi.program.by("张工").on(DUE);
    let record = ("organisation", second.as_str());
    let why = ["exclusion_reason=shell", "steps=2020-09-30"];
    clerk.act(record, "exclude", &why, "核实为空壳").ok();
    say("  锁定之后，县区核实其中1家在三季度末已是空壳，改为不纳入");
    stage.settle_all();
    for program in [&jianxi.program, &hub] {
        let after = shown(program);
        let kept = after["status"] == "locked" && after["frozen"] == true;
        checks.see(kept, "季报仍锁定");
        let excluded = program.get(record.0, record.1)["values"]["census_status"] == "excluded";
        checks.see(excluded, "台账已更正，日常工作没有停");
        let mut all = after["corrections"].as_array().into_iter().flatten();
        let counted = all.find(|one| one["indicator"] == "counted");
        let differs = counted.is_some_and(|one| one["was"]["num"] == 2 && one["is"] == 1);
        checks.see(differs, "在册数列为更正：上报2，现为1");
    }
    let report = hub.json(["report", "indicators", "--as-of", DUE]);
    let live = report["scopes"]["410305"]["counted"] == 1;
    checks.see(live, "实时指标按更正后计");
}

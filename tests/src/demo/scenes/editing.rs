//! Scenes of one record that two write: two desks off line, two counts, an import, a deletion.

use serde_json::{Value, json};

use super::{
    Checks, DAY, Stage, at, card, conflicts, firm, history, holds, say, suggests, take, text,
};
use crate::programs::Program;

/// The two desks of Jianxi and the city.
fn all(stage: &Stage) -> [&Program; 3] {
    let (office, park) = (stage.district("410305"), stage.district("park"));
    [&office.program, &park.program, &stage.hub]
}

/// Two organisations that both desks have; the line of the park is cut after that.
fn two_firms(stage: &Stage) -> [String; 2] {
    let office = at(stage.district("410305"), "张工");
    let firms = [1, 2].map(|n| office.make("organisation", &firm("410305", n)));
    stage.settle_all();
    stage.district("park").line.cut();
    say("  园区的线路断了，两处照常填报");
    firms
}

fn line_back(stage: &Stage) {
    stage.district("park").line.mend();
    stage.settle_all();
    say("  线路恢复，已同步");
}

fn put(program: &Program, id: &str, sets: &[&str], reason: &str) {
    program.set(("organisation", id), sets, reason).ok();
}

/// R01.
pub(super) fn double_edit(stage: &mut Stage, checks: &mut Checks) {
    let [merged, disputed] = two_firms(stage);
    let (office, park) = (stage.district("410305"), stage.district("park"));
    let (zhang, town) = (at(office, "张工"), at(park, "乡镇填报员"));
    let is_off = park.program.run(["sync", "--once"]).code != 0;
    checks.see(is_off, "断线期间园区无法同步，保存不受影响");
    put(
        &town,
        &merged,
        &["operating_address=涧西示例路9号"],
        "现场核实",
    );
    put(&zhang, &merged, &["remark=已走访"], "走访");
    put(
        &town,
        &disputed,
        &["operating_address=涧西示例路1号"],
        "现场核实",
    );
    put(
        &zhang,
        &disputed,
        &["operating_address=涧西示例路2号"],
        "企业来电",
    );
    say("  单位甲：园区改地址，机关改备注；单位乙：两处改同一项地址");
    line_back(stage);
    for program in all(stage) {
        let of_merged =
            |field, value: &str| holds(program, ("organisation", &merged), field, &json!(value));
        let both = of_merged("operating_address", "涧西示例路9号") && of_merged("remark", "已走访");
        let listed = conflicts(program);
        let is_one = listed.len() == 1
            && listed
                .iter()
                .all(|one| text(&one["id"]).contains(&disputed));
        checks.see(both && is_one, "单位甲两处修改都在；只有单位乙的地址待裁决");
    }
    let docket = format!("organisation/{disputed}/operating_address");
    let shown = card(&stage.hub.on(DAY), &docket);
    let candidates = shown["candidates"].as_array().cloned().unwrap_or_default();
    let of = |who: &str, value: &str| {
        candidates.iter().any(|one| {
            text(&one["author"]).starts_with(who)
                && one["value"] == value
                && one["unit"]["scope"] == "410305"
                && !text(&one["source"]).is_empty()
        })
    };
    let sees_both = of("乡镇填报员@", "涧西示例路1号") && of("张工@", "涧西示例路2号");
    checks.see(sees_both, "裁决人看到两个值、填写人、单位和来源");
    let resolver = stage.hub.by("冲突处理员").on(DAY);
    take(&resolver, &shown, "涧西示例路1号", "以现场核实为准");
    stage.settle_all();
    for program in all(stage) {
        let record = ("organisation", disputed.as_str());
        let stands = holds(
            program,
            record,
            "operating_address",
            &json!("涧西示例路1号"),
        );
        let kept = history(program, record).contains("涧西示例路2号");
        checks.see(stands && kept, "裁决到达，落选的值仍在历史中");
    }
}

/// R02.
pub(super) fn two_counts(stage: &mut Stage, checks: &mut Checks) {
    let [dated, tied] = two_firms(stage);
    let (office, park) = (stage.district("410305"), stage.district("park"));
    let (zhang, clerk) = (at(office, "张工"), at(park, "园区填报员"));
    put(
        &zhang,
        &dated,
        &["employees=31", "as_of=2020-10-01"],
        "月报",
    );
    put(
        &clerk,
        &dated,
        &["employees=36", "as_of=2020-10-12"],
        "现场清点",
    );
    put(&zhang, &tied, &["employees=41", "as_of=2020-10-12"], "月报");
    put(
        &clerk,
        &tied,
        &["employees=46", "as_of=2020-10-12"],
        "现场清点",
    );
    say("  单位甲：10月1日31人、10月12日36人；单位乙：同为10月12日，一处41人、一处46人");
    line_back(stage);
    for program in all(stage) {
        let later = holds(program, ("organisation", &dated), "employees", &json!(36));
        let kept = history(program, ("organisation", &dated)).contains("\"to\":31");
        checks.see(later && kept, "单位甲：较晚的36人自动生效，31人留在历史中");
    }
    let open = conflicts(&stage.hub);
    let is_tie = open.len() == 1 && open.iter().all(|one| one["conflict"] == "as_of_tie");
    checks.see(is_tie, "单位乙：同日数据不一，待裁决");
    let docket = open.first().map(|one| text(&one["id"]).to_owned());
    let shown = card(&stage.hub.on(DAY), &docket.unwrap_or_default());
    let no_side = shown["preset"]["rule"] == "R02" && shown["preset"]["candidate"] == Value::Null;
    checks.see(no_side, "规则不偏向任何一方");
    let chief = at(office, "李主任");
    take(&chief, &shown, "46", "以清点签字为准");
    stage.settle_all();
    for program in all(stage) {
        let record = ("organisation", tied.as_str());
        let stands = holds(program, record, "employees", &json!(46));
        let why = history(program, record).contains("以清点签字为准");
        checks.see(stands && why, "46人生效，理由可查");
    }
}

const HEADINGS: &str = "统一社会信用代码,单位名称,组织大类,组织类型,行业门类,经营状态,排查状态,注册地址,从业人员数,党员数,正式党员数,数据日期";

/// Imports the registry's sheet with one organisation. Returns the summary.
fn import(office: &Program, file: &str, cells: &str) -> Value {
    std::fs::write(file, format!("{HEADINGS}\n{cells}\n")).expect("the sheet is written");
    office.json(["import", "organisation", file])
}

/// R03.
pub(super) fn import_against_manual(stage: &mut Stage, checks: &mut Checks) {
    let office = stage.district("410305");
    let (clerk, registry) = (at(office, "张工"), at(office, "登记数据"));
    let known = firm("410305", 1);
    let code = text(&known["uscc"]);
    let row = |name: &str, street: u8, staff: u8, on: &str| {
        format!(
            "{code},{name},新经济组织,私营企业,C,正常经营,在册,涧西示例路{street}号,{staff},4,4,{on}"
        )
    };
    let sheet = |name: &str| stage.path(name);
    let first = import(
        &registry,
        &sheet("1.csv"),
        &row("例新机械（演示）", 1, 30, "2020-09-30"),
    );
    checks.see(first["created"] == 1, "首次导入，新增1家");
    let list = clerk.json(["record", "list", "organisation"]);
    let id = text(&list["records"][0]["id"]).to_owned();
    put(&clerk, &id, &["name=例新精密机械（演示）"], "企业来函更名");
    put(
        &clerk,
        &id,
        &["employees=28", "as_of=2020-10-12"],
        "现场清点",
    );
    say("  人工把名称改为“例新精密机械（演示）”，人数改为28");
    let again = import(
        &registry,
        &sheet("1b.csv"),
        &row("例新机械（演示）", 1, 30, "2020-09-30"),
    );
    let untouched = again["changed"] == 0 && conflicts(&clerk).is_empty();
    checks.see(untouched, "同一张表再导一次，人工的修改不动");
    let second = row("例新重型机械（演示）", 8, 35, "2020-10-12");
    let second = import(&registry, &sheet("2.csv"), &second);
    checks.see(
        second["changed"] == 1,
        "新的登记表：名称、注册地址、人数都变了",
    );
    let record = ("organisation", id.as_str());
    let address = clerk.get(record.0, record.1)["values"]["registered_address"].clone();
    checks.see(address == "涧西示例路8号", "没有人改过的注册地址直接更新");
    let open = conflicts(&clerk);
    checks.see(open.len() == 2, "人改过的名称、人数各成一项待裁决");
    let of = |field: &str| format!("organisation/{id}/{field}");
    let name = card(&clerk, &of("name"));
    let for_registry = suggests(&name, "R03", "例新重型机械");
    checks.see(for_registry, "名称：建议以登记机关为准");
    let staff = card(&clerk, &of("employees"));
    checks.see(suggests(&staff, "R03", "28"), "人数：建议以县区填写为准");
    let still = clerk.get(record.0, record.1)["conflicts"]
        .as_array()
        .map_or(0, Vec::len);
    checks.see(still == 2, "建议不会自己生效");
    stage.settle_all();
    checks.see(conflicts(&stage.hub).len() == 2, "市级同样看到这两项");
    let chief = at(office, "李主任");
    take(&chief, &name, "例新重型机械", "R03：核对过执照");
    take(&chief, &staff, "28", "R03：清点属实");
    stage.settle_all();
    for program in [&office.program, &stage.hub] {
        let good = holds(program, record, "name", &json!("例新重型机械（演示）"))
            && holds(program, record, "employees", &json!(28))
            && history(program, record).contains("例新精密机械");
        checks.see(good, "两项都已确认，人工填过的名称仍在历史中");
    }
}

/// R10.
pub(super) fn delete_against_edit(stage: &mut Stage, checks: &mut Checks) {
    let [doubted, _] = two_firms(stage);
    let (office, park) = (stage.district("410305"), stage.district("park"));
    let (zhang, clerk) = (at(office, "张工"), at(park, "园区填报员"));
    let bare = ["record", "delete", "organisation", &doubted];
    checks.see(zhang.run(bare).code != 0, "没有理由不能删除");
    let reason = ["--reason", "疑似重复录入"];
    zhang.run(bare.into_iter().chain(reason)).ok();
    put(&clerk, &doubted, &["remark=刚去过，正常经营"], "走访");
    say("  机关删除了单位甲，园区同时填了走访情况");
    line_back(stage);
    for program in all(stage) {
        let open = conflicts(program);
        let is_it = open.len() == 1 && open.iter().all(|one| one["conflict"] == "delete_edit");
        checks.see(is_it, "列为删改冲突，没有悄悄删掉");
    }
    let open = conflicts(&stage.hub);
    let docket = open.first().map(|one| text(&one["id"]).to_owned());
    let shown = card(&stage.hub.on(DAY), &docket.unwrap_or_default());
    checks.see(suggests(&shown, "R10", "刚去过"), "建议恢复");
    let told = shown["candidates"].to_string();
    let both = told.contains("疑似重复录入") && told.contains("刚去过，正常经营");
    checks.see(both, "删除的理由和填写的内容都列出");
    take(
        &stage.hub.by("冲突处理员").on(DAY),
        &shown,
        "刚去过",
        "核实在营，恢复",
    );
    stage.settle_all();
    for program in all(stage) {
        let record = ("organisation", doubted.as_str());
        let document = program.get(record.0, record.1);
        let back = document["deleted"] != true
            && holds(program, record, "remark", &json!("刚去过，正常经营"));
        let kept = history(program, record).contains("疑似重复录入");
        checks.see(back && kept, "记录已恢复，删除的经过可查");
    }
}

//! The turn of the year, and what a mayor wants to see of the one that ended.

use serde_json::{Value, json};

use super::{
    Checks, Stage, Works, city, figures, is_rate, month, print, refused, returns, say, text,
};

/// The last day of the year.
const END: &str = "2020-12-31";
/// The day on which the year is turned.
const TURN: &str = "2021-01-10";

/// January: the last returns, the city's figures frozen, the year settled and archived, the next one
/// opened from it.
pub(super) fn turn(stage: &Stage, works: &[Works<'_>], checks: &mut Checks) {
    month(
        "次年1月",
        "季报、兑现、归档，打开2021年度",
        "the turn of the year",
    );
    returns(works, stage, "2020Q4", ("2021-01-08", "2021-01-08"));
    let hub = city(stage, TURN);
    let step = |act: &str, year: &str| hub.json(["year", act, year, "--reason", "年度交替"]);
    step("settle", "2020");
    let new = step("open", "2021");
    let drafts = new["items"]["drafts"] == 9;
    checks.see(drafts, "2021年度沿用参数，9条标准转为草稿");
    step("publish", "2021");
    let old = step("archive", "2020");
    checks.see(old["phase"] == "archived", "2020年度已归档");
    stage.settle_all();
    for work in works {
        let clerk = work.clerk(TURN);
        let changed = clerk.set(("nomination", &work.nomination), &["summary=再改"], "补充");
        let what = format!("{}：归档年度的申报只供查阅", work.district.name);
        refused(checks, &changed, "year_archived", &what);
        let year = clerk.json(["year", "show", "2021"]);
        let published = year["items"]["published"] == 9;
        checks.see(
            published,
            &format!("{}看到2021年度的方案和标准", work.district.name),
        );
    }
    let next = hub.json(["report", "indicators", "--as-of", TURN, "--year", "2021"]);
    let next = &next["city"];
    let goes_on = is_rate(&next["org_coverage_rate"], 12, 33)
        && next["points_valid"] == 2
        && is_rate(&next["carrier_coverage_rate"], 7, 9);
    checks.see(goes_on, "新年度：覆盖、载体、示范点延续");
    let anew = next["nominated"] == 0
        && next["drives_held"] == 0
        && is_rate(&next["training_secretary"], 0, 9);
    checks.see(anew, "新年度：申报、培训、组建次数重新计");
}

/// What the plan asks of every district, by its column of the scorecard.
const ASKED: [&str; 5] = [
    "drives_held",
    "trainings_held",
    "seminars_held",
    "platforms_new",
    "carrier_coverage_rate",
];

/// The scorecard, and what it must say: who falls behind, by which lights, and that nothing is stale.
pub(super) fn card(stage: &Stage, works: &[Works<'_>], checks: &mut Checks) {
    month("总", "全市年度成绩单", "the city's scorecard");
    let hub = city(stage, TURN);
    let report = ["report", "scorecard", "--as-of", END, "--year", "2020"];
    print(&hub, &report);
    let card = hub.json(report);
    let card = &card["tables"][0];
    let rows = || card["rows"].as_array().into_iter().flatten();
    for work in works {
        let row = rows().find(|row| row["scope"] == work.code());
        let row = row.unwrap_or(&Value::Null);
        let missed = ASKED.iter().filter(|name| row[**name]["light"] != "met");
        let missed = missed.count();
        let expected = if work.is_behind() { 3 } else { 0 };
        let name = &work.district.name;
        let what = format!("{name}：{} 项要求中未达标 {missed} 项", ASKED.len());
        checks.see(missed == expected, &what);
        let compared = row["org_coverage_rate"]["trend"].is_string();
        checks.see(compared, &format!("{name}：与三季度冻结的数字相比"));
        // The peers of the city are heard by the clock of the machine, not by the day of the play.
        let heard = row["data_as_of"].is_string();
        checks.see(heard, &format!("{name}：写明数据截至"));
    }
    let closing = &card["total"]["problem_closing_rate"];
    checks.see(
        closing["trend"].is_string() && closing["light"] == "close",
        "全市销号率接近达标，并与三季度相比",
    );
    state(stage, works, &figures(&hub, END), checks);
}

/// Whether the figures can be relied on: nothing open, both sides equal, every store sound.
fn state(stage: &Stage, works: &[Works<'_>], end: &Value, checks: &mut Checks) {
    say("");
    let all = &end["city"];
    // The fourth return is not due before the year has ended.
    checks.see(is_rate(&all["reporting_rate"], 9, 9), "年内到期的季报 9/9");
    checks.see(
        is_rate(&all["reporting_on_time"], 8, 9),
        "按时 8/9：伊川二季度迟报",
    );
    checks.see(
        is_rate(&all["carrier_regular_rate"], 7, 9),
        "载体常态化 7/9",
    );
    checks.see(
        is_rate(&all["platform_meeting_rate"], 4, 4),
        "平台季度例会 4/4",
    );
    checks.see(all["open_conflicts"] == 0, "没有待处理冲突");
    let hub = city(stage, TURN);
    let list = hub.json(["return", "list", "--year", "2020"]);
    let rows = list.as_array().into_iter().flatten();
    let locked = rows.filter(|row| text(&row["status"]) == "locked").count();
    checks.see(locked == 12, "12份季报全部锁定");
    for work in works {
        let node = &work.district.program;
        let sound = node.json(["verify"])["ok"] == true;
        let equal = node.json(["status"])["equal"] == true;
        let refusals = node.json(["refusal", "list"]) == json!([]);
        let what = format!(
            "{}：与市级一致，校验通过，没有被退回的修改",
            work.district.name
        );
        checks.see(sound && equal && refusals, &what);
    }
    checks.see(hub.json(["verify"])["ok"] == true, "市级校验通过");
}

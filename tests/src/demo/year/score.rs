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
    let frozen = hub.json(["return", "freeze", "2020Q4", "--reason", "全市"]);
    say(&format!("  全市 {} 项指标已冻结", frozen["frozen"]));
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

/// What the plan asks of every district, by indicator.
const ASKED: [(&str, &str); 6] = [
    ("drives_held_met", "集中组建"),
    ("trainings_held_met", "集中培训"),
    ("carriers", "载体"),
    ("seminars_held_met", "主题研讨"),
    ("committee_ready", "党工委"),
    ("platforms_new_met", "平台"),
];

/// Whether a scope has done what is asked.
fn is_done(figures: &Value, name: &str) -> bool {
    let of = |name: &str| (figures[name]["num"].as_u64(), figures[name]["den"].as_u64());
    match name {
        "carriers" => {
            let (num, den) = of("carrier_coverage_rate");
            num == den
        }
        name => of(name).0 == Some(1),
    }
}

fn rate(figure: &Value) -> String {
    let share = figure["pct"].as_str().map(|pct| format!(" {pct}%"));
    let share = share.unwrap_or_default();
    format!("{}/{}{share}", figure["num"], figure["den"])
}

/// The scorecard.
pub(super) fn card(stage: &Stage, works: &[Works<'_>], checks: &mut Checks) {
    month("总", "全市年度成绩单", "the city's scorecard");
    let hub = city(stage, TURN);
    let report = ["report", "indicators", "--as-of", END, "--year", "2020"];
    print(&hub, &report);
    let start = figures(&hub, "2020-02-28");
    let end = figures(&hub, END);
    for work in works {
        let (then, now) = (&start["scopes"][work.code()], &end["scopes"][work.code()]);
        say(&format!("\n  {} {}", work.code(), work.district.name));
        let done = ASKED.iter().map(|(name, label)| {
            let mark = if is_done(now, name) { "✓" } else { "✗" };
            format!("{label}{mark}")
        });
        say(&format!(
            "    五个一、一平台：{}",
            done.collect::<Vec<_>>().join("  ")
        ));
        let of = |name: &str| rate(&now[name]);
        say(&format!(
            "    组织覆盖：{} → {}   工作覆盖：{}",
            rate(&then["org_coverage_rate"]),
            of("org_coverage_rate"),
            of("work_coverage_rate")
        ));
        say(&format!(
            "    书记参训：{}   载体常态化：{}   阵地达标：{}   问题销号：{}（逾期 {}）",
            of("training_secretary"),
            of("carrier_regular_rate"),
            of("position_standard_rate"),
            of("problem_closing_rate"),
            now["problems_overdue"]
        ));
        say(&format!(
            "    申报 {}，验收通过 {}，示范点 {}   季报报送：{}，按时：{}",
            now["nominated"],
            now["accepted"],
            now["points_valid"],
            of("reporting_rate"),
            of("reporting_on_time")
        ));
        let misses = ASKED.iter().filter(|(name, _)| !is_done(now, name)).count();
        let expected = if work.is_behind() { 3 } else { 0 };
        checks.see(misses == expected, &format!("未完成 {misses} 项"));
    }
    state(stage, works, &end, checks);
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

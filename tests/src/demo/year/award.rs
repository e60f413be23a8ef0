//! The fourth quarter: nomination, acceptance, reward, notice, highlight.

use serde_json::{Value, json};

use super::{
    Checks, Stage, Works, autumn::meeting, city, figures, is_rate, month, refused, say,
    spring::activities, text,
};
use crate::programs::Program;

const KIND: &str = "nomination";

/// October and November: each district nominates its old branch; Jianxi one more than it has places
/// for.
pub(super) fn nominate(
    stage: &Stage,
    works: &mut [Works<'_>],
    items: &[String],
    checks: &mut Checks,
) {
    const DAY: &str = "2020-10-28";
    month(
        "10月",
        "示范点申报、评分、推荐",
        "nomination, scores, recommendation",
    );
    for work in &mut *works {
        let party = work.parties.first().cloned().unwrap_or_default();
        if work.is_behind() {
            let draft = nomination(&party);
            let early = work.make("2020-09-20", KIND, draft);
            let clerk = work.clerk("2020-09-20");
            let ran = clerk.act((KIND, &early), "submit", &[], "申报");
            refused(checks, &ran, "outside_window", "不在申报期，不能申报");
            work.nomination = early;
        } else {
            work.nomination = work.make(DAY, KIND, nomination(&party));
        }
        recommend(work, &work.nomination, items, "1");
    }
    let second = works
        .iter()
        .find(|work| work.code() == "410305")
        .map(|work| {
            let party = work.parties.get(1).cloned().unwrap_or_default();
            let second = work.make(DAY, KIND, nomination(&party));
            recommend(work, &second, items, "2");
            second
        });
    stage.settle_all();
    let hub = city(stage, "2020-11-05");
    let rows = hub.json(["nomination", "receive", "--year", "2020"]);
    let rows = rows.as_array().cloned().unwrap_or_default();
    let with = |result: &str| rows.iter().filter(|row| row["result"] == result).count();
    let by_rank = with("received") == 3 && with("returned") == 1;
    checks.see(by_rank, "市级按次序和名额接收3个，退回涧西第2位");
    for row in rows.iter().filter(|row| row["result"] == "returned") {
        let is_second = row["nomination"].as_str() == second.as_deref();
        checks.see(is_second, &format!("退回理由：{}", text(&row["why"])));
    }
    stage.settle_all();
}

fn nomination(party: &str) -> Value {
    json!({ "year": "2020", "party_organisation": party, "summary": "党员先锋岗带动生产",
        "highlight": "车间党课", "status": "draft" })
}

/// Brings a draft to the city: submitted and scored by one hand, screened and recommended by another.
fn recommend(work: &Works<'_>, nomination: &str, items: &[String], rank: &str) {
    const DAY: &str = "2020-10-28";
    let record = (KIND, nomination);
    let (clerk, chief) = (work.clerk(DAY), work.chief(DAY));
    clerk.act(record, "submit", &[], "申报").ok();
    chief.act(record, "screen", &[], "初审通过").ok();
    let district = if work.is_behind() { 6 } else { 9 };
    let scores = items.iter().map(|item| {
        json!({ "nomination": nomination, "item": item, "self_score": 10,
            "district_score": district })
    });
    work.enter(DAY, "criterion_score", scores.collect());
    clerk.act(record, "assess", &[], "评分完成").ok();
    let rank = format!("district_rank={rank}");
    let doc = "recommend_doc=演示〔2020〕28号";
    chief.act(record, "recommend", &[&rank, doc], "推荐").ok();
}

/// A spot check by the city.
fn visit(hub: &Program, nomination: &str, observed: u32) {
    let visit = json!({ "nomination": nomination, "on": "2020-11-20",
        "methods": "on_site,documents", "team": "第一组", "observed_members": observed });
    assert!(
        !hub.make("acceptance_visit", &visit).is_empty(),
        "a visit has an id"
    );
    hub.act((KIND, nomination), "record_visit", &[], "现场抽查")
        .ok();
}

/// November and December: visits, what they count differently, verdicts.
pub(super) fn accept(stage: &Stage, works: &[Works<'_>], checks: &mut Checks) {
    month(
        "11月",
        "抽查验收：人数有出入，由县区答复",
        "visits, a figure is asked about",
    );
    let hub = city(stage, "2020-11-20");
    for work in works {
        // At Jianxi one member less than the ledger says was there.
        let observed = if work.code() == "410305" { 5 } else { 6 };
        visit(&hub, &work.nomination, observed);
    }
    stage.settle_all();
    for work in works {
        let clerk = work.clerk("2020-11-25");
        let asked = clerk.json(["change", "list"]);
        let asked = asked.as_array().cloned().unwrap_or_default();
        let expected = usize::from(work.code() == "410305");
        let what = format!("{}收到更正建议 {expected} 条", work.district.name);
        checks.see(asked.len() == expected, &what);
        for request in &asked {
            let (now, proposed) = (text(&request["now"]), text(&request["proposed"]));
            say(&format!(
                "  台账 {now}，现场核实 {proposed}；台账没有被改动"
            ));
            let record = ("change_request", text(&request["id"]));
            clerk
                .act(record, "accept", &["answer=1人已转出"], "属实")
                .ok();
        }
    }
    stage.settle_all();
    let party = works.get(1).and_then(|work| work.parties.first());
    let corrected = party
        .is_some_and(|party| hub.get("party_organisation", party)["values"]["member_count"] == 5);
    checks.see(corrected, "县区采纳后台账改为5人");
    month("12月", "验收结论", "verdicts");
    let hub = city(stage, "2020-12-08");
    for work in works {
        let verdict = if work.is_behind() { "fail" } else { "pass" };
        let reason = if work.is_behind() {
            "得分不足，制度未落实"
        } else {
            "达标"
        };
        let verdict = json!({ "nomination": work.nomination, "verdict": verdict,
            "on": "2020-12-08", "reason": reason });
        assert!(
            !hub.make("acceptance_verdict", &verdict).is_empty(),
            "it has an id"
        );
        activities(work, "2020-12-10");
        if !work.is_behind() {
            meeting(work, "2020-12-11");
        }
    }
    stage.settle_all();
    for work in works {
        let status = work.district.program.get(KIND, &work.nomination)["values"]["status"].clone();
        let expected = if work.is_behind() {
            "not_accepted"
        } else {
            "accepted"
        };
        let what = format!("{}看到结论：{expected}", work.district.name);
        checks.see(status == expected, &what);
    }
    let all = figures(&hub, "2020-12-11")["city"].clone();
    checks.see(is_rate(&all["acceptance_rate"], 2, 3), "验收通过率 2/3");
    checks.see(all["points_valid"] == 2, "示范点2个");
}

/// December: points are named, rewards decided and paid.
pub(super) fn reward(stage: &Stage, works: &[Works<'_>], checks: &mut Checks) {
    const DAY: &str = "2020-12-20";
    month("12月", "命名、以奖代补", "points are named, rewards paid");
    let hub = city(stage, DAY);
    let points = hub.json(["record", "list", "demonstration_point"]);
    for point in points["records"].as_array().into_iter().flatten() {
        let id = text(&point["id"]);
        let named = ["doc_no=演示〔2020〕60号"];
        hub.set(("demonstration_point", id), &named, "命名").ok();
        let reward = json!({ "year": "2020", "scope": point["scope"], "point": id,
            "amount_fen": 500_000, "decided_on": DAY, "basis": "市级决定" });
        let reward = hub.make("reward", &reward);
        let paid = ["paid_on=2020-12-28"];
        let pay = city(stage, "2020-12-28");
        pay.set(("reward", &reward), &paid, "已拨付").ok();
    }
    stage.settle_all();
    for work in works {
        let rewards = work.district.program.json(["record", "list", "reward"]);
        let seen = rewards["records"].as_array().map_or(0, Vec::len);
        let expected = usize::from(!work.is_behind());
        let what = format!("{}看到奖补 {expected} 笔，看不到别人的", work.district.name);
        checks.see(seen == expected, &what);
    }
    let all = figures(&hub, "2020-12-31")["city"].clone();
    let paid = all["reward_amount"] == 1_000_000 && all["reward_paid"] == 1_000_000;
    checks.see(paid, "以奖代补1万元，已拨付");
}

/// December: a commendation to all, a criticism to who fell behind and to nobody else, receipts, and
/// what one district did well for all to read.
pub(super) fn praise(stage: &Stage, works: &[Works<'_>], checks: &mut Checks) {
    const DAY: &str = "2020-12-25";
    month(
        "12月",
        "通报、签收、亮点推广",
        "notices, receipts, highlights",
    );
    let hub = city(stage, DAY);
    let commend = json!({ "year": "2020", "kind": "commend", "targets": "410302,410305",
        "issued_on": DAY, "body": "工作扎实，成效明显", "audience": "410302,410305,410329" });
    let commend = hub.make("notice", &commend);
    let mut criticise = json!({ "year": "2020", "kind": "criticise", "targets": "410329",
        "issued_on": DAY, "body": "主题研讨未开展，平台未建成", "audience": "410329",
        "reply_due": "2021-01-31" });
    let mut bare = vec!["record".to_owned(), "put".to_owned(), "notice".to_owned()];
    for (name, value) in criticise.as_object().into_iter().flatten() {
        bare.extend(["--set".to_owned(), format!("{name}={}", text(value))]);
    }
    bare.extend(["--reason".to_owned(), "通报".to_owned()]);
    refused(checks, &hub.run(bare), "no_reason", "通报批评须写明原因");
    criticise["reasons"] = json!("measures,effect");
    let criticise = hub.make("notice", &criticise);
    stage.settle_all();
    for work in works {
        let clerk = work.clerk("2020-12-26");
        let read = clerk.run(["record", "get", "notice", &criticise]).code == 0;
        let what = format!("{}：批评件只发给伊川", work.district.name);
        checks.see(read == work.is_behind(), &what);
        let mine = if work.is_behind() {
            &criticise
        } else {
            &commend
        };
        let reply = if work.is_behind() { "立即整改" } else { "" };
        let receipt = json!({ "notice": mine, "read_on": "2020-12-26", "reply": reply });
        work.make("2020-12-26", "notice_receipt", receipt);
    }
    let Some(first) = works.first() else { return };
    let highlight = json!({ "scope": first.code(), "title": "车间党课十分钟",
        "body": "班前十分钟，党员讲、职工评" });
    let highlight = first.make("2020-12-26", "highlight", highlight);
    stage.settle_all();
    let receipts = hub.json(["record", "list", "notice_receipt"]);
    let received = receipts["records"].as_array().map_or(0, Vec::len);
    checks.see(received == 3, "三个县区都已签收");
    let adopt = ["adopted=true", "channels=heluo_plan,bulletin"];
    hub.set(("highlight", &highlight), &adopt, "全市推广").ok();
    stage.settle_all();
    let adopted = first.district.program.get("highlight", &highlight)["values"]["adopted"] == true;
    checks.see(adopted, "老城的亮点做法被市级采用");
}

//! The works of the plan over the federation: a nomination from its draft to the verdict, what the
//! city gives and says afterwards, a problem that the city found.

use serde_json::{Value, json};
use tests::programs::{Program, Ran};

use crate::e2e::{
    across::{Two, made},
    city::{assert_refused, refused, settle},
};

/// Takes a step of a record.
pub(super) fn act(program: &Program, record: (&str, &str), act: &str, more: &[&str]) -> Ran {
    let args = [
        "record", "act", record.0, record.1, act, "--reason", "办理", "--json",
    ];
    program.run(args.iter().chain(more))
}

/// The acts that are open to a program: act and the code of its refusal.
fn open_acts(program: &Program, kind: &str, id: &str) -> Vec<(String, Value)> {
    let acts = program.json(["record", "acts", kind, id]);
    let one = |act: &Value| {
        (
            act["act"].as_str().unwrap().to_owned(),
            act["refused"].clone(),
        )
    };
    acts.as_array().unwrap().iter().map(one).collect()
}

pub(super) fn status(program: &Program, kind: &str, id: &str) -> String {
    let document = program.json(["record", "get", kind, id]);
    document["values"]["status"].as_str().unwrap().to_owned()
}

fn count(program: &Program, kind: &str) -> usize {
    let list = program.json(["record", "list", kind]);
    list["records"].as_array().unwrap().len()
}

/// A city whose year takes nominations at any day, with one place and one criterion.
pub(super) fn city() -> (Two, String) {
    let two = Two::open();
    let year = [
        "record",
        "put",
        "programme_year",
        "2020",
        "--set",
        "nominate_from=2020-01-01",
        "--set",
        "nominate_to=2099-12-31",
        "--set",
        "recommend_cap=1",
        "--reason",
        "年度安排",
    ];
    two.hub().run(year).ok();
    let item = made(
        two.hub(),
        "standard_item",
        &json!({ "code": "A1", "year": "2020", "criterion": "structure", "title": "班子健全",
            "applies_to": "party_organisation", "max_score": 10 }),
    );
    two.settle();
    (two, item)
}

/// A Party organisation of Jianxi and its nomination, a draft.
pub(super) fn nominated(node: &Program, name: &str) -> (String, String) {
    let party = made(
        node,
        "party_organisation",
        &json!({ "name": name, "type": "branch", "status": "active", "form": "standalone",
            "established_on": "2020-01-01" }),
    );
    let nomination = made(
        node,
        "nomination",
        &json!({ "year": "2020", "party_organisation": party, "summary": "事迹", "status": "draft" }),
    );
    (party, nomination)
}

/// Brings a draft to the city.
pub(super) fn recommend(node: &Program, nomination: &str, item: &str, rank: &str) {
    let record = ("nomination", nomination);
    act(node, record, "submit", &[]).ok();
    act(&node.by("reviewer"), record, "screen", &[]).ok();
    made(
        node,
        "criterion_score",
        &json!({ "nomination": nomination, "item": item, "self_score": 9, "district_score": 8 }),
    );
    act(node, record, "assess", &[]).ok();
    let rank = format!("district_rank={rank}");
    act(&node.by("reviewer"), record, "recommend", &["--set", &rank]).ok();
}

/// Brings one nomination to the city, and on the way is refused whatever is out of turn, by the same
/// hand, or too early.
fn recommend_carefully(node: &Program, id: &str, item: &str) {
    let record = ("nomination", id);
    // Out of turn, by the same hand, without the scores: each is refused by name.
    let early = act(node, record, "recommend", &[]);
    assert_refused(&early, 6, "ACT-001");
    act(node, record, "submit", &[]).ok();
    assert_refused(&act(node, record, "screen", &[]), 4, "AUTH-OWN");
    act(&node.by("reviewer"), record, "screen", &[]).ok();
    assert_refused(&act(node, record, "assess", &[]), 6, "not_scored");
    let score = json!({ "nomination": id, "item": item, "self_score": 9, "district_score": 8 });
    made(node, "criterion_score", &score);
    act(node, record, "assess", &[]).ok();
    let reviewer = node.by("reviewer");
    assert_refused(&act(&reviewer, record, "recommend", &[]), 6, "no_rank");
    act(
        &reviewer,
        record,
        "recommend",
        &["--set", "district_rank=1"],
    )
    .ok();
    // What only the city commits waits for it.
    assert_refused(&act(node, record, "receive", &[]), 4, "AUTH-HUB-STEP");
    let acts = open_acts(node, "nomination", id);
    assert!(
        acts.contains(&("receive".to_owned(), json!("AUTH-HUB-STEP"))),
        "{acts:?}"
    );
    assert!(
        acts.contains(&("withdraw".to_owned(), Value::Null)),
        "{acts:?}"
    );
    let said = node
        .run(["record", "acts", "nomination", id, "--lang", "zh"])
        .ok()
        .stdout;
    assert!(said.contains("待市级确认"), "{said}");
}

/// The table says beforehand what keeps the city from receiving.
fn assert_told_beforehand(hub: &Program) {
    let table = hub.json(["record", "acts", "nomination"]);
    let mut steps = table.as_array().unwrap().iter();
    let receive = steps.find(|step| step["act"] == "receive").unwrap();
    assert_eq!(receive["waits"], "hub");
    let codes: Vec<_> = receive["guards"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["code"])
        .collect();
    assert!(codes.contains(&&json!("beyond_cap")), "{codes:?}");
}

#[test]
fn the_district_nominates_and_the_city_decides() {
    let (two, item) = city();
    let node = &two.jianxi.node;
    let (party, id) = nominated(node, "甲厂党支部");
    let record = ("nomination", id.as_str());
    recommend_carefully(node, &id, &item);
    let (_, second) = nominated(node, "乙厂党支部");
    recommend(node, &second, &item, "2");
    two.settle();

    let hub = two.hub();
    assert_told_beforehand(hub);
    // The city takes no step that is the district's, and no more than there are places.
    assert_refused(&act(hub, record, "withdraw", &[]), 4, "AUTH-DISTRICT");
    act(hub, record, "receive", &[]).ok();
    let beyond = ("nomination", second.as_str());
    assert_refused(&act(hub, beyond, "receive", &[]), 6, "beyond_cap");
    act(hub, beyond, "return", &[]).ok();
    let visit = json!({ "nomination": id, "on": "2020-11-20", "methods": "on_site,documents",
        "team": "第一组", "observed_members": 9 });
    let visit = made(hub, "acceptance_visit", &visit);
    act(hub, record, "record_visit", &[]).ok();
    let verdict =
        json!({ "nomination": id, "verdict": "pass", "on": "2020-12-01", "reason": "达标" });
    let verdict = made(hub, "acceptance_verdict", &verdict);
    // The verdict takes the nomination with it, and makes the point.
    assert_eq!(status(hub, "nomination", &id), "accepted");
    let points = hub.json(["record", "list", "demonstration_point"]);
    let points = points["records"].as_array().unwrap();
    assert_eq!(points.len(), 1, "{points:?}");
    assert_eq!(points[0]["values"]["party_organisation"], party);
    let point = points[0]["id"].as_str().unwrap().to_owned();
    let reward = json!({ "year": "2020", "scope": "410305", "amount_fen": 500_000,
        "decided_on": "2020-12-20", "basis": "市级决定" });
    let reward = made(hub, "reward", &reward);
    two.settle();
    assert_eq!(status(node, "nomination", &id), "accepted");
    assert_eq!(status(node, "nomination", &second), "returned");
    let given = [
        ("acceptance_visit", &visit),
        ("acceptance_verdict", &verdict),
        ("demonstration_point", &point),
        ("reward", &reward),
    ];
    for (kind, id) in given {
        let document = node.json(["record", "get", kind, id]);
        assert_eq!(document["scope"], "410305", "{document}");
        assert_eq!(
            count(&two.laocheng.node, kind),
            0,
            "{kind} is not another district's"
        );
    }
    let change = [
        "record",
        "put",
        "reward",
        &reward,
        "--set",
        "amount_fen=1",
        "--reason",
        "改",
    ];
    refused(node, change, 4, "AUTH-HUB-ONLY");
    act(node, beyond, "revise", &[]).ok();
    assert_eq!(settle(node)["equal"], true);
}

#[test]
fn a_notice_goes_to_its_audience_and_to_nobody_else() {
    let (two, _) = city();
    // What is given to a scope that nobody has is given to nobody.
    let nobodys = [
        "record",
        "put",
        "reward",
        "--set",
        "year=2020",
        "--set",
        "scope=410399",
        "--set",
        "amount_fen=1",
        "--set",
        "decided_on=2020-12-20",
        "--set",
        "basis=无",
        "--reason",
        "奖补",
    ];
    refused(two.hub(), nobodys, 6, "RECORD-004");
    let mut notice = json!({ "year": "2020", "kind": "criticise", "targets": "410302",
        "issued_on": "2020-12-20", "body": "措施不力", "audience": "410302" });
    let sets = notice.as_object().unwrap().iter();
    let sets: Vec<String> = sets
        .map(|(name, value)| format!("{name}={}", value.as_str().unwrap()))
        .collect();
    let mut args = vec!["record", "put", "notice", "--reason", "通报"];
    sets.iter().for_each(|set| args.extend(["--set", set]));
    refused(two.hub(), args, 6, "no_reason");
    notice["reasons"] = json!("measures");
    let id = made(two.hub(), "notice", &notice);
    two.settle();
    let read = two.laocheng.node.json(["record", "get", "notice", &id]);
    assert_eq!(read["values"]["reasons"], json!(["measures"]));
    assert_eq!(
        two.jianxi.node.run(["record", "get", "notice", &id]).code,
        6
    );
    let change = [
        "record", "put", "notice", &id, "--set", "body=无", "--reason", "改",
    ];
    assert_eq!(two.laocheng.node.run(change).code, 4);
    let receipt = json!({ "notice": id, "read_on": "2020-12-21", "reply": "立即整改" });
    let receipt = made(&two.laocheng.node, "notice_receipt", &receipt);
    two.settle();
    let there = two
        .hub()
        .json(["record", "get", "notice_receipt", &receipt]);
    assert_eq!(
        (&there["scope"], &there["values"]["reply"]),
        (&json!("410302"), &json!("立即整改"))
    );
}

#[test]
fn who_found_a_problem_closes_it_and_the_city_may_reopen_any() {
    let (two, _) = city();
    let (hub, node) = (two.hub(), &two.jianxi.node);
    let problem = |no: &str, found_by: &str| {
        json!({ "no": no, "year": "2020", "scope": "410305", "category": "coverage",
            "description": "应建未建", "found_by": found_by, "severity": "high",
            "registered_on": "2020-03-01", "due_on": "2020-06-30", "extension": "none",
            "status": "registered" })
    };
    // R19: each side numbers under a letter of its own what is registered without a number.
    let citys = made(hub, "problem_item", &problem("", "city"));
    let own = made(node, "problem_item", &problem("", "self"));
    two.settle();
    for program in [hub, node] {
        let no = |id: &str| {
            let there = program.json(["record", "get", "problem_item", id]);
            there["values"]["no"].as_str().unwrap().to_owned()
        };
        assert_eq!(no(&citys), "410305-2020-C0001");
        let own = no(&own);
        let letter = own.strip_prefix("410305-2020-").unwrap();
        assert!(
            letter.ends_with("0001") && !letter.starts_with('C'),
            "{own}"
        );
    }
    // Who registered a problem by mistake takes it back, without asking another.
    let mistaken = made(node, "problem_item", &problem("410305-2020-A0002", "self"));
    let mistaken = ("problem_item", mistaken.as_str());
    act(node, mistaken, "withdraw", &[]).ok();
    let acts = open_acts(node, "problem_item", &citys);
    let theirs = ("withdraw".to_owned(), json!("AUTH-HUB-STEP"));
    assert!(acts.contains(&theirs), "{acts:?}");
    for id in [&citys, &own] {
        let record = ("problem_item", id.as_str());
        act(hub, record, "assign", &[]).ok();
        two.settle();
        act(node, record, "acknowledge", &[]).ok();
        act(node, record, "start", &[]).ok();
        assert_refused(&act(node, record, "apply_close", &[]), 6, "no_evidence");
        act(
            node,
            record,
            "apply_close",
            &["--set", "measure=已建立党支部"],
        )
        .ok();
    }
    let (citys, own) = (
        ("problem_item", citys.as_str()),
        ("problem_item", own.as_str()),
    );
    let reviewer = node.by("reviewer");
    assert_refused(&act(&reviewer, citys, "close", &[]), 4, "AUTH-HUB-STEP");
    let disown = [
        "record",
        "put",
        citys.0,
        citys.1,
        "--set",
        "found_by=self",
        "--reason",
        "改",
    ];
    refused(node, disown, 4, "AUTH-HUB-ONLY");
    assert_refused(&act(node, own, "close", &[]), 4, "AUTH-OWN");
    act(&reviewer, own, "close", &[]).ok();
    two.settle();
    act(hub, citys, "close", &[]).ok();
    act(hub, own, "reopen", &[]).ok();
    two.settle();
    assert_eq!(status(node, citys.0, citys.1), "closed");
    assert_eq!(status(node, own.0, own.1), "reopened");
}

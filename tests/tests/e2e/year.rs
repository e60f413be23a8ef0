//! What follows from a step over the federation, and the turn of the year.

use serde_json::{Value, json};
use tests::programs::{Program, Ran};

use crate::e2e::{
    across::{CODE, Two, made, make, sample},
    city::{assert_refused, check, in_chinese, refused, settle},
    works::{act, city, nominated, recommend, status},
};

/// A field of a record as a program has it.
#[track_caller]
fn value(program: &Program, kind: &str, id: &str, field: &str) -> Value {
    program.json(["record", "get", kind, id])["values"][field].clone()
}

/// The only record of a kind.
#[track_caller]
fn only(program: &Program, kind: &str) -> String {
    let list = program.json(["record", "list", kind]);
    let records = list["records"].as_array().unwrap();
    assert_eq!(records.len(), 1, "{list}");
    records[0]["id"].as_str().unwrap().to_owned()
}

/// The reasons of all writes of a record.
fn reasons(program: &Program, kind: &str, id: &str) -> String {
    program.json(["record", "history", kind, id]).to_string()
}

fn link(node: &Program, organisation: &str, party: &str) -> String {
    let link = json!({ "organisation": organisation, "party_organisation": party,
        "form": "joint", "from_on": "2020-02-01" });
    made(node, "coverage_link", &link)
}

fn receive(hub: &Program, more: &[&str]) -> Value {
    let args = ["nomination", "receive", "--year", "2020"];
    hub.json(args.iter().chain(more))
}

fn decided(hub: &Program, nomination: &str, verdict: &str) -> String {
    let verdict = json!({ "nomination": nomination, "verdict": verdict, "on": "2020-12-01",
        "reason": "达标", "without_visit": "true" });
    made(hub, "acceptance_verdict", &verdict)
}

#[test]
fn a_dissolved_branch_covers_nobody_and_the_city_rules_its_point() {
    let (two, item) = city();
    let (hub, node) = (two.hub(), &two.jianxi.node);
    let (party, nomination) = nominated(node, "甲厂党支部");
    let covered = make(node, &sample(CODE, "甲厂"));
    let link = link(node, &covered, &party);
    recommend(node, &nomination, &item, "1");
    two.settle();
    assert_eq!(receive(hub, &[])[0]["result"], "received");
    let later = json!({ "nomination": nomination, "verdict": "conditional", "on": "2020-11-01",
        "reason": "台账不全", "rectify_due": "2020-11-30", "without_visit": "true" });
    made(hub, "acceptance_verdict", &later);
    let waits = hub.json(["nomination", "list", "--year", "2020"]);
    assert_eq!(
        (
            &waits[0]["id"],
            &waits[0]["status"],
            &waits[0]["rectify_due"]
        ),
        (&json!(nomination), &json!("received"), &json!("2020-11-30")),
        "{waits}"
    );
    assert_eq!(waits[0]["party_ended"], false);
    decided(hub, &nomination, "pass");
    assert_eq!(hub.json(["nomination", "list"]), json!([]));
    let point = only(hub, "demonstration_point");
    assert_eq!(status(hub, "demonstration_point", &point), "valid");
    assert_eq!(hub.json(["point", "list"]), json!([]));
    two.settle();

    let branch = ("party_organisation", party.as_str());
    assert_refused(&act(node, branch, "dissolve", &[]), 6, "along_missing");
    let dissolved = ["--set", "dissolved_on=2020-12-20", "dissolve_reason=合并"];
    act(node, branch, "dissolve", &dissolved).ok();
    assert_eq!(value(node, "coverage_link", &link, "to_on"), "2020-12-20");
    assert_eq!(
        value(node, "coverage_link", &link, "end_reason"),
        "党组织撤销：合并"
    );
    let step = format!("随 party_organisation/{party} 办理");
    assert!(reasons(node, "coverage_link", &link).contains(&step));
    two.settle();
    // The district's dissolution wrote nothing of the city's: the hub does, once.
    let waiting = hub.json(["point", "list"]);
    assert_eq!(waiting[0]["id"], point, "{waiting}");
    assert_eq!(waiting[0]["status"], "under_review");
    assert_eq!(check(hub, "DOCTOR-051")["ok"], false);
    let told = reasons(hub, "demonstration_point", &point);
    hub.json(["point", "list"]);
    assert_eq!(reasons(hub, "demonstration_point", &point), told);
    assert!(in_chinese(hub, &["point", "list"]).contains("甲厂党支部"));
    two.settle();
    assert_eq!(status(node, "demonstration_point", &point), "under_review");
    // What the city rules stands.
    let record = ("demonstration_point", point.as_str());
    assert_eq!(act(node, record, "confirm", &[]).code, 4);
    act(hub, record, "confirm", &[]).ok();
    assert_eq!(hub.json(["point", "list"]), json!([]));
    assert_eq!(check(hub, "DOCTOR-051")["ok"], true);
    assert_eq!(status(hub, "demonstration_point", &point), "valid");
}

#[test]
fn closing_an_organisation_ends_what_hangs_on_it_at_both_sides() {
    let two = Two::open();
    let node = &two.jianxi.node;
    let party = made(
        node,
        "party_organisation",
        &json!({ "name": "联合支部", "type": "joint_branch", "status": "active",
            "form": "joint", "established_on": "2020-01-01" }),
    );
    let organisation = make(node, &sample(CODE, "甲厂"));
    let link = link(node, &organisation, &party);
    let record = ("organisation", organisation.as_str());
    assert_refused(&act(node, record, "close", &[]), 6, "status_needs");
    // It comes back in its year only, so it closes today.
    let report = node.json(["report", "indicators"]);
    let today = report["as_of"].as_str().unwrap();
    let day = format!("closed_on={today}");
    act(node, record, "close", &["--set", &day]).ok();
    two.settle();
    for program in [node, two.hub()] {
        assert_eq!(value(program, "coverage_link", &link, "to_on"), today);
        assert_eq!(program.json(["verify"])["ok"], true);
    }
    let back = act(node, record, "reopen", &[]).ok().json();
    assert_eq!(back["warnings"][0]["code"], "stays_ended", "{back}");
    assert_eq!(value(node, "coverage_link", &link, "to_on"), today);
}

#[test]
fn the_city_receives_by_rank_up_to_the_cap_and_returns_the_rest() {
    let (two, item) = city();
    let (hub, node) = (two.hub(), &two.jianxi.node);
    let (_, second) = nominated(node, "乙厂党支部");
    recommend(node, &second, &item, "2");
    let (party, first) = nominated(node, "甲厂党支部");
    recommend(node, &first, &item, "1");
    two.settle();
    let said = |rows: &Value| {
        let rows = rows.as_array().unwrap().iter();
        let one = |row: &Value| (row["nomination"].clone(), row["result"].clone());
        rows.map(one).collect::<Vec<_>>()
    };
    // Two of one rank: the district says which it meant, neither is taken.
    let record = ("nomination", second.as_str());
    set(node, record, &["district_rank=1"]).ok();
    two.settle();
    let both = receive(hub, &["--dry-run"]);
    assert!(
        said(&both).iter().all(|(_, result)| result == "returned"),
        "{both}"
    );
    set(node, record, &["district_rank=2"]).ok();
    two.settle();
    let done = [
        (json!(first), json!("received")),
        (json!(second), json!("returned")),
    ];
    assert_eq!(
        said(&receive(hub, &["--scope", "410305", "--dry-run"])),
        done
    );
    assert_eq!(status(hub, "nomination", &first), "recommended");
    assert_eq!(receive(hub, &["--scope", "410302"]), json!([]));
    assert_eq!(said(&receive(hub, &["--scope", "410305"])), done);
    assert_eq!(receive(hub, &[]), json!([]), "nothing waits any more");
    two.settle();
    assert_eq!(status(node, "nomination", &first), "received");
    assert_eq!(status(node, "nomination", &second), "returned");
    let told = reasons(node, "nomination", &second);
    assert!(told.contains("推荐名额为 1 个"), "{told}");
    // A verdict on what was not received is none; one without a visit says so.
    let early = json!({ "nomination": second, "verdict": "pass", "on": "2020-12-01" });
    assert_eq!(
        put(hub, "acceptance_verdict", &early),
        (6, "not_received".to_owned())
    );
    let blind = json!({ "nomination": first, "verdict": "pass", "on": "2020-12-01" });
    assert_eq!(
        put(hub, "acceptance_verdict", &blind),
        (6, "no_visit".to_owned())
    );
    // Whose Party organisation ends meanwhile stands as a question until the city has decided.
    assert_eq!(check(hub, "DOCTOR-051")["ok"], true);
    let branch = ("party_organisation", party.as_str());
    let dissolved = ["--set", "dissolved_on=2020-11-20", "dissolve_reason=合并"];
    act(node, branch, "dissolve", &dissolved).ok();
    two.settle();
    let waits = hub.json(["nomination", "list"]);
    assert_eq!(waits[0]["party_ended"], true, "{waits}");
    assert_eq!(check(hub, "DOCTOR-051")["ok"], false);
    decided(hub, &first, "fail");
    assert_eq!(status(hub, "nomination", &first), "not_accepted");
    assert_eq!(check(hub, "DOCTOR-051")["ok"], true);
}

/// Tries to make a record: the exit code, and the code of the refusal.
fn put(program: &Program, kind: &str, values: &Value) -> (i32, String) {
    let sets = values.as_object().unwrap().iter();
    let sets = sets.map(|(name, value)| format!("{name}={}", value.as_str().unwrap()));
    let mut args = vec!["record".to_owned(), "put".to_owned(), kind.to_owned()];
    sets.for_each(|set| args.extend(["--set".to_owned(), set]));
    args.extend([
        "--reason".to_owned(),
        "登记".to_owned(),
        "--json".to_owned(),
    ]);
    let ran = program.run(args);
    let code = ran.json()["error"]["code"].clone();
    (ran.code, code.as_str().unwrap_or_default().to_owned())
}

/// Sets fields of a record.
fn set(program: &Program, (kind, id): (&str, &str), sets: &[&str]) -> Ran {
    let args = [
        "record", "put", kind, id, "--reason", "更正", "--json", "--set",
    ];
    program.run(args.iter().chain(sets))
}

/// The members of the ledger as a program has them.
fn members(program: &Program, party: &str) -> Value {
    value(program, "party_organisation", party, "member_count")
}

/// The only request of a program that waits: what stands, what is asked, whether it is out of date.
#[track_caller]
fn asked(program: &Program) -> (Value, Value, Value) {
    let asked = program.json(["change", "list"]);
    assert_eq!(asked.as_array().unwrap().len(), 1, "{asked}");
    let row = &asked[0];
    let said = |name: &str| row[name].clone();
    (said("now"), said("proposed"), said("outdated"))
}

#[test]
fn what_a_visit_counts_is_asked_and_the_district_answers() {
    let (two, item) = city();
    let (hub, node) = (two.hub(), &two.jianxi.node);
    let (party, nomination) = nominated(node, "甲厂党支部");
    let branch = ("party_organisation", party.as_str());
    set(node, branch, &["member_count=12", "as_of=2020-09-30"]).ok();
    recommend(node, &nomination, &item, "1");
    two.settle();
    receive(hub, &[]);
    let visit = json!({ "nomination": nomination, "on": "2020-11-20", "methods": "on_site",
        "team": "第一组", "observed_members": 9 });
    made(hub, "acceptance_visit", &visit);
    two.settle();
    // Nothing is overwritten; the district sees the request beside what stands.
    assert_eq!(members(node, &party), 12);
    assert_eq!(asked(node), (json!("12"), json!("9"), json!(false)));
    let request = only(node, "change_request");
    let request = ("change_request", request.as_str());
    let citys = act(hub, request, "accept", &[]);
    assert_eq!(citys.code, 4, "the district answers");
    // Somebody has corrected it to another figure: the request is out of date, and asked anew.
    set(node, branch, &["member_count=11"]).ok();
    assert_eq!(asked(node), (json!("11"), json!("9"), json!(true)));
    assert_refused(&act(node, request, "accept", &[]), 6, "request_outdated");
    assert_refused(&act(node, request, "decline", &[]), 6, "answer_missing");
    two.settle();
    let name = format!("party_organisation/{party}");
    let anew = [
        "change",
        "propose",
        &name,
        "member_count",
        "9",
        "--basis",
        "名册复核",
    ];
    refused(node, anew, 4, "AUTH-HUB-ONLY");
    hub.run(anew).ok();
    assert_eq!(asked(hub), (json!("11"), json!("9"), json!(false)));
    two.settle();
    act(node, request, "accept", &["--set", "answer=属实"]).ok();
    assert_eq!(status(node, request.0, request.1), "accepted");
    two.settle();
    for program in [hub, node] {
        assert_eq!(members(program, &party), 9);
        assert_eq!(program.json(["change", "list"]), json!([]));
    }
    let told = reasons(hub, branch.0, branch.1);
    assert!(
        told.contains(&format!("随 change_request/{} 办理", request.1)),
        "{told}"
    );
}

#[test]
fn the_next_year_is_opened_from_the_old_one_and_published() {
    let (two, _) = city();
    let (hub, node) = (two.hub(), &two.jianxi.node);
    let (party, _) = nominated(node, "甲厂党支部");
    two.settle();
    let open = ["year", "open", "2021", "--reason", "2021年度方案"];
    refused(node, open, 4, "AUTH-HUB-ONLY");
    let year = hub.json(open);
    assert_eq!(year["year"], 2021);
    assert_eq!(year["items"], json!({ "published": 0, "drafts": 1 }));
    refused(hub, open, 6, "YEAR-002");
    hub.run(["year", "publish", "2021", "--reason", "公布"])
        .ok();
    two.settle();
    let seen = node.json(["year", "show", "2021"]);
    assert_eq!(seen["items"], json!({ "published": 1, "drafts": 0 }));
    assert_eq!(seen["windows"], year["windows"]);
    assert!(in_chinese(node, &["year", "show", "2021"]).contains("已公布 1 条"));
    let listed = in_chinese(node, &["year", "list"]);
    assert!(
        listed.contains("2020年") && listed.contains("2021年"),
        "{listed}"
    );
    let items = node.json(["record", "list", "standard_item", "--where", "year=2021"]);
    let new = items["records"][0]["id"].as_str().unwrap();
    let change = set(hub, ("standard_item", new), &["max_score=20"]);
    assert_refused(&change, 6, "item_frozen");
    // The same Party organisation is nominated in the new year; the old nomination is of the old.
    let again = json!({ "year": "2021", "party_organisation": party, "summary": "事迹",
        "status": "draft" });
    made(node, "nomination", &again);
    assert_eq!(settle(node)["equal"], true);
}

#[test]
fn an_archived_year_is_only_read_and_loses_nothing_of_who_did_not_know() {
    let (two, _) = city();
    let (hub, node) = (two.hub(), &two.jianxi.node);
    let (_, nomination) = nominated(node, "甲厂党支部");
    two.settle();
    let archive = ["year", "archive", "2020", "--reason", "归档"];
    refused(hub, archive, 6, "YEAR-003");
    // No district has begun a return, and whoever settles the year all the same says so.
    let turn = ["year", "settle", "2020", "--reason", "结果兑现"];
    let missing = refused(hub, turn, 6, "YEAR-005");
    assert!(
        missing.stderr.contains("410305 2020Q4 missing"),
        "{missing:?}"
    );
    hub.run(turn.iter().chain(&["--confirm"])).ok();
    two.settle();
    assert_eq!(node.json(["year", "show", "2020"])["phase"], "settled");
    let archived = hub.json(archive);
    assert_eq!(
        (&archived["phase"], &archived["late"]),
        (&json!("archived"), &json!([]))
    );
    // The district has not heard of it: what it writes is kept, arrives, and is named.
    let record = ("nomination", nomination.as_str());
    set(node, record, &["summary=归档前写的事迹"]).ok();
    settle(node);
    let summary = value(hub, record.0, record.1, "summary");
    assert_eq!(summary, "归档前写的事迹");
    let late = hub.json(["year", "show", "2020"])["late"].clone();
    assert_eq!(late, json!([format!("nomination/{nomination}")]));
    // Now it has.
    let more = set(node, record, &["summary=再改"]);
    assert_refused(&more, 6, "year_archived");
    let delete = ["record", "delete", record.0, record.1, "--reason", "录错"];
    refused(node, delete, 6, "year_archived");
    // The city takes the year back to correct it.
    let back = [
        "year", "phase", "2020", "--set", "settled", "--reason", "更正",
    ];
    hub.run(back).ok();
    two.settle();
    set(node, record, &["summary=更正后的事迹"]).ok();
    assert_eq!(settle(node)["equal"], true);
}

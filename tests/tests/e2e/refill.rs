//! What a city that was put back to an old backup gets again from its districts: what has moved,
//! and what it had lent.

use serde_json::json;

use crate::e2e::{
    across::{CODE, Two, make, other_code, sample},
    city::{City, check, organisation, put, refused, settle, until},
    transfers::{accept, agreed},
};

/// The city goes back to a backup, and both districts call, the one that is named first.
fn put_back(two: &mut Two, file: &str, first: &str) {
    two.city.down();
    two.hub().run(["restore", file]).ok();
    two.city.up();
    if first == "laocheng" {
        settle(&two.laocheng.node);
    }
    two.settle();
}

fn nothing_lost_or_refused(two: &Two) {
    for district in [&two.jianxi, &two.laocheng] {
        let list = district.node.json(["refusal", "list"]);
        assert_eq!(list, json!([]));
        let file = district.node.data.join("certificate");
        let made = ["certificate", "make", file.to_str().unwrap()];
        district.node.run(made).ok();
    }
}

#[test]
fn what_has_moved_since_the_backup_comes_home_from_either_district() {
    for first in ["jianxi", "laocheng"] {
        let mut two = Two::open();
        let id = make(&two.jianxi.node, &sample(CODE, "洛阳甲厂"));
        two.settle();
        let file = two.city.text_path("hub.backup");
        two.hub().run(["backup", &file]).ok();
        put(&two.jianxi.node, &id, "remark=备份之后").ok();
        two.settle();
        let request = agreed(&two, &format!("organisation/{id}"));
        two.hub().run(accept(&request)).ok();
        two.settle();
        put_back(&mut two, &file, first);
        let held = organisation(two.hub(), &id);
        assert_eq!(held["scope"], "410302", "{first}: {held}");
        assert_eq!(held["values"]["remark"], "备份之后", "{first}");
        nothing_lost_or_refused(&two);
    }
}

#[test]
fn a_claim_that_was_ruled_since_the_backup_comes_home() {
    let mut two = Two::open();
    let file = two.city.text_path("hub.backup");
    two.hub().run(["backup", &file]).ok();
    let a = make(&two.jianxi.node, &sample(CODE, "洛阳甲厂"));
    make(&two.laocheng.node, &sample(CODE, "洛阳甲厂老城分部"));
    two.settle();
    let case = two.hub().json(["claim", "list"])[0]["id"].clone();
    let survivor = format!("organisation/{a}");
    let rule = [
        "claim",
        "rule",
        case.as_str().unwrap(),
        "--merge-into",
        &survivor,
    ];
    two.hub()
        .run(rule.into_iter().chain(["--reason", "同一法人"]))
        .ok();
    two.settle();
    put_back(&mut two, &file, "jianxi");
    let all = two.hub().json(["claim", "list", "--all"]);
    assert_eq!(
        (&all[0]["id"], &all[0]["ruling"]),
        (&case, &json!("merge_records")),
        "{all}"
    );
    nothing_lost_or_refused(&two);
}

/// A district's only node was lost after the backup. Nothing that the city does may wait for it for
/// ever.
#[test]
fn a_restored_city_waits_for_no_node_that_is_fenced() {
    let mut two = Two::open();
    two.settle();
    let file = two.city.text_path("hub.backup");
    two.hub().run(["backup", &file]).ok();
    put(
        &two.jianxi.node,
        &make(&two.jianxi.node, &sample(CODE, "洛阳甲厂")),
        "remark=之后",
    )
    .ok();
    two.settle();
    two.city.down();
    two.hub().run(["restore", &file]).ok();
    two.city.up();
    settle(&two.jianxi.node);
    let waits = || {
        let told = check(two.hub(), "DOCTOR-026");
        (told["ok"] == false).then_some(told)
    };
    let waiting = waits().unwrap().to_string();
    assert!(waiting.contains("老城"), "{waiting}");
    assert!(!waiting.contains("涧西"), "{waiting}");
    let lost = two.laocheng.node.json(["status"])["replica"].clone();
    let lost = lost.as_str().unwrap();
    two.hub().run(["node", "fence", lost]).ok();
    let shown = two.hub().run(["node", "show", lost, "--lang", "zh"]).ok();
    assert!(shown.stdout.contains("没有填写理由"), "{shown:?}");
    assert_eq!(waits(), None);
}

/// A city that was put back ruled "two organisations" at once, beside the ruling that it had
/// forgotten and was about to get again.
#[test]
fn while_it_refills_the_city_rules_nothing_and_refuses_no_move() {
    let mut two = Two::open();
    let a = make(&two.jianxi.node, &sample(CODE, "洛阳甲厂"));
    let b = make(&two.laocheng.node, &sample(CODE, "洛阳甲厂老城分部"));
    let moving = make(&two.jianxi.node, &sample(&other_code(), "洛阳丙厂"));
    let moving = format!("organisation/{moving}");
    let ask = [
        "transfer", "request", &moving, "--to", "410302", "--reason", "搬迁",
    ];
    let request = two.jianxi.node.json(ask)["id"].as_str().unwrap().to_owned();
    two.settle();
    let case = two.hub().json(["claim", "list"])[0]["id"].clone();
    let case = case.as_str().unwrap();
    let file = two.city.text_path("hub.backup");
    two.hub().run(["backup", &file]).ok();
    two.city.down();
    two.hub().run(["restore", &file]).ok();
    let correct = format!("organisation/{b}={}", other_code());
    let separate = ["claim", "rule", case, "--separate", "--correct", &correct];
    let separate = separate.into_iter().chain(["--reason", "执照核实"]);
    refused(two.hub(), separate.clone(), 4, "TRANSFER-011");
    let survivor = format!("organisation/{a}");
    let merge = ["claim", "rule", case, "--merge-into", &survivor];
    let merge = merge.into_iter().chain(["--reason", "同一法人"]);
    refused(two.hub(), merge, 4, "TRANSFER-011");
    let refuse = ["transfer", "refuse", &request, "--reason", "手续不全"];
    refused(two.hub(), refuse, 4, "TRANSFER-011");
    two.city.up();
    two.settle();
    two.hub().run(separate).ok();
    two.hub().run(refuse).ok();
}

/// `doctor` said that a claim waits while `claim list` showed none.
#[test]
fn a_claim_whose_case_may_come_home_is_listed_as_not_opened() {
    let mut city = City::open();
    let jianxi = city.jianxi();
    settle(&jianxi.node);
    city.down();
    for name in ["市直甲厂", "市直乙厂"] {
        make(&city.hub, &sample(CODE, name));
    }
    let file = city.text_path("hub.backup");
    city.hub.run(["backup", &file]).ok();
    city.hub.run(["restore", &file]).ok();
    let list = city.hub.json(["claim", "list"]);
    assert_eq!(list[0]["state"], "unopened", "{list}");
    assert_eq!(list[0]["records"].as_array().unwrap().len(), 2, "{list}");
    let told = check(&city.hub, "DOCTOR-042");
    assert_eq!(told["ok"], false, "{told}");
    city.up();
    until("the case is opened under the same id", || {
        settle(&jianxi.node);
        let now = city.hub.json(["claim", "list"]);
        (&now[0]["id"], &now[0]["state"]) == (&list[0]["id"], &json!("open"))
    });
}

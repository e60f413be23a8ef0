//! What a city that was put back to an old backup gets again from its districts: what has moved,
//! and what it had lent.

use serde_json::json;

use crate::e2e::{
    across::{CODE, Two, make, sample},
    city::{organisation, put},
    transfers::{accept, agreed},
};

/// The city goes back to a backup, and both districts call, the one that is named first.
fn put_back(two: &mut Two, file: &str, first: &str) {
    two.city.down();
    two.hub().run(["restore", file]).ok();
    two.city.up();
    if first == "laocheng" {
        crate::e2e::city::settle(&two.laocheng.node);
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
    crate::e2e::city::settle(&two.jianxi.node);
    let waits = || {
        let found = two.hub().run(["doctor", "--json"]).json();
        let checks = found["checks"].as_array().unwrap().clone();
        let mut of_code = checks.into_iter().filter(|one| one["code"] == "DOCTOR-026");
        of_code.find(|one| one["ok"] != true)
    };
    let waiting = waits().unwrap().to_string();
    assert!(waiting.contains("老城"), "{waiting}");
    assert!(!waiting.contains("涧西"), "{waiting}");
    let lost = two.laocheng.node.json(["status"])["replica"].clone();
    let lost = lost.as_str().unwrap();
    two.hub()
        .run(["node", "fence", lost, "--reason", "机器丢失"])
        .ok();
    assert_eq!(waits(), None);
}

//! Care in trust: some organisations in the hands of an account of another scope, and nothing beside them.

use serde_json::{Value, json};
use tests::programs::Program;

use crate::e2e::{
    accounts::{add, code},
    across::{CODE, Two, made, other_code, sample},
    city::assert_refused,
    transfers::{accept, agreed},
};

/// An organisation in care counts where it was, and goes with its move to another scope.
fn counted_and_moved(two: &mut Two, admin: &Program, own: &str) {
    let count = |program: &Program| {
        let report = program.json(["report", "indicators", "--scope", "410305"]);
        report["scopes"]["410305"]["org_coverage_rate"]["den"].clone()
    };
    two.settle();
    assert_eq!((count(admin), count(two.hub())), (json!(2), json!(2)));
    let request = agreed(two, &format!("organisation/{own}"));
    two.hub().run(accept(&request)).ok();
    two.settle();
}

/// Whom the Party organisation in care has for secretary is seen; nobody comes into care by a role that
/// whoever cares gives away.
fn nobody_else_comes_into_care(admin: &Program, tuo: &Program, own: &str) {
    let [led, away] =
        ["王建国", "李建国"].map(|name| admin.make("person", &json!({ "display_name": name })));
    let party = json!({ "name": "甲厂党支部", "type": "branch", "status": "active",
        "form": "standalone", "established_on": "2020-06-18", "host_organisation": own });
    let party = made(admin, "party_organisation", &party);
    let link = json!({ "organisation": own, "party_organisation": party, "form": "standalone",
        "from_on": "2026-10-01" });
    made(admin, "coverage_link", &link);
    let role = |person: &str, subject: &str| {
        json!({ "person": person, "role": "secretary", "subject": subject,
            "from_on": "2020-07-01" })
    };
    let of_party = format!("party_organisation/{party}");
    made(admin, "role_assignment", &role(&led, &of_party));
    let seen = tuo.json(["record", "get", "person", &led]);
    assert_eq!(seen["values"]["display_name"], "王建国");
    let given = role(&away, &format!("organisation/{own}"));
    let values = given.as_object().unwrap().iter();
    let sets: Vec<String> = values
        .map(|(field, value)| format!("{field}={}", value.as_str().unwrap()))
        .collect();
    let mut put = vec![
        "record",
        "put",
        "role_assignment",
        "--reason",
        "x",
        "--json",
    ];
    for set in &sets {
        put.extend(["--set", set]);
    }
    assert_eq!(code(&tuo.run(&put)), "AUTH-122");
    let head = format!("head={away}");
    let head = ["record", "put", "organisation", own, "--set", &head];
    let head = tuo.run([&head[..], &["--reason", "x", "--json"]].concat());
    assert_eq!(code(&head), "AUTH-122");
    let seen = tuo.run(["record", "get", "person", &away, "--json"]);
    assert_eq!(code(&seen), "AUTH-122");
}

/// Every act of whoever cares is in the audit list, with the scope that it was done for.
#[track_caller]
fn noted_for_its_scope(admin: &Program) {
    let listed = admin.json(["audit", "list", "--limit", "500"]);
    let mut rows = listed["entries"].as_array().unwrap().iter();
    let is_put = |row: &&Value| row["account"] == "tuo" && row["deed"] == "record put";
    let noted = rows.find(|row| is_put(row) && row["result"] == "done");
    assert_eq!(noted.unwrap()["for"], "410302");
}

#[test]
fn care_in_trust_opens_what_was_entrusted_until_it_moves_away() {
    let mut two = Two::open();
    let node = two.jianxi.node.clone();
    let own = made(&node, "organisation", &sample(CODE, "涧西示例机械有限公司"));
    let other = made(
        &node,
        "organisation",
        &sample(&other_code(), "涧西示例商贸有限公司"),
    );
    two.settle();
    add(&node, "chen", "district_admin", &[]);
    let admin = node.by("chen");
    two.jianxi.node = admin.clone();
    let care = |name: &str, unit: &str, scope: &str, until: &str| {
        let role = ["user", "add", name, "--role", "district_editor", "--json"];
        admin.run(
            role.iter()
                .chain(&["--care", unit, "--for", scope, "--until", until]),
        )
    };
    for (scope, until) in [
        ("410305", "2099-12-31"),
        ("410302", "2020-01-01"),
        ("410302", "soon"),
    ] {
        assert_refused(&care("x", &own, scope, until), 6, "AUTH-123");
    }
    let given = care("tuo", &own, "410302", "2099-12-31").ok().json();
    assert_eq!(given["part"], format!("care:410302:2099-12-31:{own}"));
    let tuo = node.by("tuo");
    let get = |id: &str| tuo.run(["record", "get", "organisation", id, "--json"]);
    assert_eq!(
        get(&own).ok().json()["values"]["name"],
        "涧西示例机械有限公司"
    );
    assert_eq!(code(&get(&other)), "AUTH-122");
    assert_eq!(code(&get("涧西示例商贸有限公司")), "AUTH-122");
    let list = tuo.json(["record", "list", "organisation"]);
    assert_eq!(list["records"].as_array().unwrap().len(), 1);
    let put = |id: &str| {
        tuo.run([
            "record",
            "put",
            "organisation",
            id,
            "--set",
            "remark=托管走访",
            "--reason",
            "走访",
            "--json",
        ])
    };
    put(&own).ok();
    assert_eq!(code(&put(&other)), "AUTH-108");
    assert_eq!(
        code(&tuo.run(["report", "indicators", "--json"])),
        "AUTH-121"
    );
    noted_for_its_scope(&admin);
    nobody_else_comes_into_care(&admin, &tuo, &own);
    counted_and_moved(&mut two, &admin, &own);
    let gone = get(&own);
    assert_ne!(gone.code, 0, "{gone:?}");
    assert_eq!(
        tuo.json(["record", "list", "organisation"])["records"],
        json!([])
    );
    assert_ne!(put(&own).code, 0);
}

//! Erasing a person over the federation: what was said of them goes from every file of every store,
//! whichever way it had come there, and a restored backup loses it at its first exchange. The programs
//! do without encryption here: else nothing would be found in the files before it was erased either.

use serde_json::{Value, json};
use tests::programs::{Program, holding};

use crate::e2e::{
    across::{Two, made},
    city::{check, refused, settle},
};

/// What every personal value here holds, and nothing else: name, employer, post, reasons.
const TOKEN: &str = "独名不重";
/// The phone that stays at home.
const PHONE: &str = "0379-01234567";

fn put(program: &Program, id: &str, set: &str) {
    let reason = format!("核对{TOKEN}");
    let put = [
        "record", "put", "person", id, "--set", set, "--reason", &reason,
    ];
    program.run(put).ok();
}

fn erase<'a>(id: &'a str, reason: &'a str) -> [&'a str; 6] {
    ["person", "erase", id, "--reason", reason, "--confirm"]
}

/// The city asks for another name, and the district asks for the move: both tell of the person outside
/// of its own record.
fn asked_to_correct(two: &Two, id: &str) {
    let (node, hub) = (&two.jianxi.node, two.hub());
    let name = format!("person/{id}");
    let (value, basis) = (format!("{TOKEN}丁"), format!("花名册为{TOKEN}丁"));
    let ask = [
        "change",
        "propose",
        &name,
        "display_name",
        &value,
        "--basis",
        &basis,
    ];
    hub.run(ask).ok();
    let ask = [
        "transfer", "request", &name, "--to", "410302", "--reason", "调动",
    ];
    node.run(ask).ok();
    two.settle();
    for program in [hub, node] {
        let asked = program.json(["change", "list"]);
        assert_eq!(asked[0]["present"], format!("{TOKEN}乙"), "{asked}");
        assert_eq!(asked[0]["proposed"], value.as_str());
        let moves = program.json(["transfer", "list"]);
        assert_eq!(moves[0]["title"], format!("{TOKEN}乙"), "{moves}");
    }
}

/// A person of Jianxi of whom something lies wherever values can lie: in records and histories of three
/// stores, in a conflict and its decision, in an import mark, in a late edit and its proposal.
fn person(two: &Two) -> String {
    let (node, hub) = (&two.jianxi.node, two.hub());
    let sheet = two.city.path("persons.csv");
    let row = format!("姓名,工作单位,职务,状态\n{TOKEN}甲,{TOKEN}厂,书记,在任\n");
    std::fs::write(&sheet, row).unwrap();
    let sheet = sheet.to_str().unwrap();
    let imported = node.json(["import", "person", sheet]);
    assert_eq!(imported["created"], 1, "{imported}");
    let list = node.json(["record", "list", "person"]);
    let id = list["records"][0]["id"].as_str().unwrap().to_owned();
    put(node, &id, &format!("post={TOKEN}主任"));
    two.settle();
    // Two names at once, and somebody decides.
    put(&node.by("张工"), &id, &format!("display_name={TOKEN}乙"));
    put(&hub.by("市级"), &id, &format!("display_name={TOKEN}丙"));
    two.settle();
    let docket = format!("person/{id}/display_name");
    let reason = format!("应为{TOKEN}乙");
    let shown = hub.json(["conflict", "show", &docket]);
    let candidates = shown["candidates"].as_array().unwrap().iter();
    // Which of two comes first is chance; the one that was decided is the one looked for below.
    let second = format!("{TOKEN}乙");
    let chosen = candidates.filter(|one| one["value"] == second.as_str());
    let chosen = chosen
        .map(|one| one["candidate"].to_string())
        .next()
        .unwrap();
    let take = ["conflict", "take", &docket, &chosen, "--reason", &reason];
    hub.by("主任").run(take).ok();
    node.run([
        "person",
        "contact",
        "set",
        &id,
        "--work-phone",
        PHONE,
        "--reason",
        "联系",
    ])
    .ok();
    two.settle();
    asked_to_correct(two, &id);
    // The person moves, and an edit comes too late.
    two.jianxi.line.cut();
    put(node, &id, &format!("employer={TOKEN}公司"));
    let name = format!("person/{id}");
    let rule = [
        "transfer", "rule", &name, "--to", "410302", "--reason", "调动",
    ];
    hub.run(rule).ok();
    settle(&two.laocheng.node);
    two.jianxi.line.mend();
    two.settle();
    let late = hub.json(["proposal", "list"]);
    assert_eq!(late.as_array().unwrap().len(), 1, "{late}");
    id
}

/// Nothing that a program prints about the person says anything of them.
fn says_nothing(program: &Program, id: &str) {
    let docket = format!("person/{id}/display_name");
    for args in [
        &["record", "get", "person", id][..],
        &["record", "history", "person", id],
        &["record", "explain", "person", id],
        &["conflict", "show", &docket],
        &["conflict", "list", "--state", "decided"],
        &["proposal", "list"],
        &["refusal", "list"],
        &["quarantine", "list"],
        &["record", "list", "decision"],
        &["record", "list", "proposal"],
        &["change", "list", "--all"],
        &["record", "list", "change_request"],
        &["transfer", "list", "--all"],
        &["record", "list", "transfer_request"],
    ] {
        for more in [&["--json"][..], &["--lang", "zh"], &["--lang", "en"]] {
            let ran = program.run(args.iter().chain(more));
            let said = format!("{}{}", ran.stdout, ran.stderr);
            assert!(!said.contains(TOKEN), "{args:?} says {said}");
        }
    }
    let values = program.json(["record", "get", "person", id])["values"].clone();
    assert_eq!(
        (&values["erased"], &values["display_name"], &values["post"]),
        (&json!(true), &Value::Null, &Value::Null),
        "{values}"
    );
}

#[test]
fn an_erased_person_is_in_no_file_of_any_store() {
    let mut two = Two::open_plain();
    let id = person(&two);
    let programs = |two: &Two| {
        [two.hub(), &two.jianxi.node, &two.laocheng.node].map(|program| program.data.clone())
    };
    // What is looked for is there, in each of them: else not finding it would say nothing.
    for data in programs(&two) {
        assert!(holding(&data, TOKEN) > 0, "{}", data.display());
    }
    assert!(holding(&two.jianxi.node.data, PHONE) > 0);
    let backup = two.city.text_path("before.backup");
    two.jianxi.node.run(["backup", &backup]).ok();

    let node = &two.laocheng.node;
    refused(
        node,
        ["person", "erase", &id, "--reason", "离任"],
        2,
        "PERSON-001",
    );
    refused(node, erase(&id, &format!("{TOKEN}乙离任")), 6, "PERSON-002");
    refused(&two.jianxi.node, erase(&id, "离任"), 4, "TRANSFER-013");
    let erased = node.by("档案").json(erase(&id, "离任满两年"));
    assert_eq!(erased["changed"], true, "{erased}");
    assert_eq!(
        erased["erased"],
        json!(["display_name", "employer", "post"])
    );
    // Nobody fills it in again, nor takes it back.
    let put = |set: &str| {
        let set = set.to_owned();
        [
            "record", "put", "person", &id, "--set", &set, "--reason", "x",
        ]
        .map(str::to_owned)
    };
    refused(node, put("display_name=李"), 4, "AUTH-ERASED");
    refused(node, put("erased=false"), 4, "AUTH-ERASED");
    node.run(put("full_time=true")).ok();
    two.settle();

    for program in [two.hub(), &two.jianxi.node, &two.laocheng.node] {
        says_nothing(program, &id);
        let history = program.json(["record", "history", "person", &id]);
        let history = history["history"].to_string();
        assert!(
            history.contains("离任满两年") && history.contains("档案@"),
            "{history}"
        );
    }
    // The nodes' commands open their stores themselves; the hub serves, and says what is due.
    assert_eq!(check(two.hub(), "DOCTOR-027")["ok"], false);
    two.city.down();
    two.hub().run(["status"]).ok();
    for data in programs(&two) {
        assert_eq!(holding(&data, TOKEN), 0, "{}", data.display());
    }
    assert_eq!(
        holding(&two.jianxi.node.data, PHONE),
        0,
        "the contact goes too"
    );
    assert_eq!(check(two.hub(), "DOCTOR-027")["ok"], true);

    two.city.up();
    comes_back_and_goes_again(&two, &id, &backup);
}

/// A backup of before brings the values back, until the first exchange.
fn comes_back_and_goes_again(two: &Two, id: &str, backup: &str) {
    let node = &two.jianxi.node;
    node.run(["restore", backup]).ok();
    let store = node.data.join("store");
    assert!(holding(&store, TOKEN) > 0, "it was in the backup");
    two.settle();
    says_nothing(node, id);
    node.run(["status"]).ok();
    assert_eq!(holding(&store, TOKEN), 0);
    // Both sides prove that nothing was lost.
    let certificate = two.city.text_path("erased.cert");
    for node in [node, &two.laocheng.node] {
        let made = node.json(["certificate", "make", &certificate]);
        assert_eq!(made["true"], true, "{made}");
    }
    for program in [two.hub(), node, &two.laocheng.node] {
        program.run(["verify"]).ok();
    }
}

#[test]
fn a_contact_stays_at_home() {
    let two = Two::open_plain();
    let node = &two.jianxi.node;
    let values = json!({ "display_name": "王某（演示）", "status": "active" });
    let id = made(node, "person", &values);
    let set = |phone: &str| {
        [
            "person",
            "contact",
            "set",
            &id,
            "--work-phone",
            phone,
            "--reason",
            "联系",
        ]
        .map(str::to_owned)
    };
    refused(node, set("打电话"), 6, "PERSON-005");
    let kept = node.json(set(PHONE));
    assert_eq!(kept["contact"]["work_phone"], PHONE, "{kept}");
    two.settle();
    assert_eq!(
        node.json(["person", "contact", "show", &id])["contact"]["work_phone"],
        PHONE
    );
    refused(
        two.hub(),
        ["person", "contact", "show", &id],
        4,
        "PERSON-006",
    );
    for other in [two.hub(), &two.laocheng.node] {
        assert_eq!(holding(&other.data, PHONE), 0);
    }
    let export = two.city.path("export");
    let file = export.with_extension("csv");
    let export = [
        "export",
        "person",
        "--format",
        "csv",
        "--output",
        file.to_str().unwrap(),
    ];
    node.run(export).ok();
    assert!(!std::fs::read_to_string(&file).unwrap().contains(PHONE));
    // In a backup of the directory it is; cleared it is gone from the files.
    let backup = two.city.text_path("home.backup");
    node.run(["backup", &backup]).ok();
    assert!(holding(&node.data, PHONE) > 0);
    let cleared = node.json(["person", "contact", "clear", &id, "--reason", "离任"]);
    assert_eq!(cleared["changed"], true);
    assert_eq!(holding(&node.data, PHONE), 0);
    node.run(["restore", &backup]).ok();
    assert_eq!(
        node.json(["person", "contact", "show", &id])["contact"]["work_phone"],
        PHONE
    );
}

//! People and their roles, with the real programs: who is let in, what each may do, what is masked,
//! and what the audit list says of it afterwards.

use serde_json::{Value, json};
use tests::programs::{Program, Ran};

use crate::e2e::{
    across::made,
    city::{City, refused, settle},
};

/// Two towns of Jianxi.
const OWN: &str = "410305001";
const OTHER: &str = "410305002";

fn add(by: &Program, name: &str, role: &str, more: &[&str]) {
    let args = ["user", "add", name, "--role", role, "--json"];
    by.run(args.iter().chain(more)).ok();
}

/// With which code a command is refused: exit code 4.
#[track_caller]
fn code(ran: &Ran) -> String {
    assert_eq!(ran.code, 4, "{ran:?}");
    ran.json()["error"]["code"].as_str().unwrap().to_owned()
}

fn in_town(program: &Program, name: &str, uscc: &str, town: &str) -> Ran {
    let values = [
        format!("uscc={uscc}"),
        format!("name={name}"),
        format!("town={town}"),
    ];
    let fixed = "org_class=new_economic org_kind=private_enterprise industry=C \
        operating_status=operating census_status=counted employees=30 members=4 full_members=4 \
        as_of=2020-09-30 eligibility=eligible source=manual";
    let mut args = vec![
        "record",
        "put",
        "organisation",
        "--reason",
        "登记",
        "--json",
    ];
    for set in values
        .iter()
        .map(String::as_str)
        .chain(fixed.split_whitespace())
    {
        args.extend(["--set", set]);
    }
    program.run(args)
}

/// The audit list as rows of account, deed, result, the newest first.
fn told(program: &Program, more: &[&str]) -> Vec<(String, String, String)> {
    let args = ["audit", "list", "--limit", "500"];
    let list = program.json(args.iter().chain(more));
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    let rows = list["entries"].as_array().unwrap().iter();
    rows.map(|row| (text(row, "account"), text(row, "deed"), text(row, "result")))
        .collect()
}

fn has(rows: &[(String, String, String)], account: &str, deed: &str, result: &str) -> bool {
    rows.iter().any(|(who, what, how)| {
        (who.as_str(), what.as_str(), how.as_str()) == (account, deed, result)
    })
}

#[test]
fn people_of_a_district_do_what_their_roles_say_and_the_list_tells_it() {
    let mut city = City::open();
    let window = ["nominate_from=2020-01-01", "nominate_to=2099-12-31"];
    let year = [
        "record",
        "put",
        "programme_year",
        "2020",
        "--reason",
        "年度安排",
        "--set",
    ];
    city.hub.run(year.iter().chain(&window)).ok();
    let node = city.jianxi().node;
    settle(&node);
    let by = |name: &str| node.by(name);
    let (admin, clerk, chief, town, cron) =
        (by("chen"), by("clerk"), by("chief"), by("town"), by("cron"));

    // Until the first account everybody who can open the directory is administrator.
    assert_eq!(node.json(["status"])["accounts"], 0);
    let clerk_first = [
        "user",
        "add",
        "clerk",
        "--role",
        "district_editor",
        "--json",
    ];
    refused(&node, clerk_first, 2, "AUTH-111");
    add(&node, "chen", "district_admin", &[]);
    assert_eq!(
        code(&node.run(["record", "list", "organisation", "--json"])),
        "AUTH-101"
    );
    // The program is serving from here on: the socket asks the same.
    let serving = node.serve::<&str>([]);
    add(&admin, "clerk", "district_editor", &["--display", "小李"]);
    add(&admin, "chief", "district_reviewer", &[]);
    add(&admin, "town", "town_editor", &["--town", OWN]);
    add(&admin, "cron", "node_service", &[]);
    add(&admin, "audit", "auditor", &[]);
    assert_eq!(
        code(&node.run(["record", "list", "organisation", "--json"])),
        "AUTH-101"
    );
    assert_eq!(code(&clerk.run(["user", "list", "--json"])), "AUTH-103");

    // A town editor writes what lies in the town.
    in_town(&town, "甲公司", "91410305DEM1FYRA54", OWN).ok();
    assert_eq!(
        code(&in_town(&town, "乙公司", "91410305DEM2FYRA50", OTHER)),
        "AUTH-108"
    );

    // An editor submits, a reviewer approves.
    let party = made(
        &clerk,
        "party_organisation",
        &json!({ "name": "甲支部", "type": "branch",
        "status": "active", "form": "standalone", "established_on": "2020-01-01" }),
    );
    let nomination = made(
        &clerk,
        "nomination",
        &json!({ "year": "2020", "party_organisation": party,
        "status": "draft" }),
    );
    let act = |program: &Program, act: &str| {
        program.run([
            "record",
            "act",
            "nomination",
            &nomination,
            act,
            "--reason",
            "办理",
            "--json",
        ])
    };
    assert_eq!(code(&act(&chief, "submit")), "AUTH-107");
    act(&clerk, "submit").ok();
    assert_eq!(code(&act(&clerk, "screen")), "AUTH-106");
    act(&chief, "screen").ok();

    // A password proves who it is; the environment carries it through the socket.
    let (secret, wrong) = (city.text_path("secret"), city.text_path("wrong"));
    std::fs::write(&secret, "Peony-garden-1\n").unwrap();
    std::fs::write(&wrong, "Peony-garden-2\n").unwrap();
    clerk
        .run(["user", "passwd", "clerk", "--new-password-file", &secret])
        .ok();
    let list = ["record", "list", "organisation", "--json"];
    assert_eq!(code(&clerk.run(list)), "AUTH-101");
    let with = |file: &str| clerk.run(list.iter().copied().chain(["--password-file", file]));
    assert_eq!(code(&with(&wrong)), "AUTH-101");
    with(&secret).ok();
    let mut command = node.command(["record", "list", "organisation"]);
    command
        .env("LIANGXIN_PASSWORD_FILE", &secret)
        .env("LIANGXIN_AS", "clerk");
    let status = command.status().unwrap();
    assert_eq!(status.code(), Some(4), "--as operator is what was said");

    // A disabled account does nothing.
    admin
        .run(["user", "disable", "clerk", "--reason", "调离"])
        .ok();
    assert_eq!(code(&with(&secret)), "AUTH-102");

    // Unattended work has a role of its own, and reads nothing.
    assert_eq!(code(&cron.run(list)), "AUTH-103");
    settle(&cron);
    let backup = city.text_path("node.backup");
    cron.run(["backup", &backup]).ok();

    let audit = by("audit");
    assert_eq!(code(&town.run(["audit", "list", "--json"])), "AUTH-103");
    let rows = told(&audit, &[]);
    for (account, deed, result) in [
        ("operator", "user add", "done"),
        ("operator", "record list", "AUTH-101"),
        ("chen", "user add", "done"),
        ("town", "write command", "saved"),
        ("town", "record put", "AUTH-108"),
        ("clerk", "record act", "AUTH-106"),
        ("chief", "write command", "saved"),
        ("clerk", "user passwd", "done"),
        ("chen", "user disable", "done"),
        ("clerk", "record list", "AUTH-102"),
        ("cron", "backup", "done"),
    ] {
        assert!(
            has(&rows, account, deed, result),
            "{account} {deed} {result}: {rows:#?}"
        );
    }
    assert_eq!(told(&audit, &["--account", "chief"]).len(), 2);
    assert_eq!(
        told(&audit, &["--kind", "nomination", "--account", "clerk"]).len(),
        3
    );
    let text = audit
        .run(["audit", "list", "--limit", "500", "--json"])
        .ok()
        .stdout;
    assert!(
        !text.contains("Peony") && !text.contains("甲公司"),
        "{text}"
    );
    audit.run(["audit", "verify"]).ok();
    assert_eq!(serving.terminate().0, 0);

    // A restore brings the accounts of its day, and says that it was.
    node.run(["restore", &backup]).ok();
    assert_eq!(code(&node.run(list)), "AUTH-101");
    assert!(has(&told(&audit, &[]), "operator", "restore", "done"));
    audit.run(["audit", "verify"]).ok();
}

#[test]
fn the_city_sees_family_names_and_who_looks_closer_says_why() {
    let mut city = City::open();
    let node = city.jianxi().node;
    let person = made(
        &node,
        "person",
        &json!({ "display_name": "王小明", "employer": "甲公司" }),
    );
    settle(&node);
    let hub = &city.hub;
    add(hub, "li", "city_admin", &[]);
    let by = |name: &str| hub.by(name);
    add(&by("li"), "wang", "city_viewer", &[]);
    add(&by("li"), "zhang", "city_editor", &[]);
    let get = ["record", "get", "person", &person, "--json"];
    let name = |program: &Program, more: &[&str]| {
        let document = program.run(get.iter().chain(more)).ok().json();
        document["values"]["display_name"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (viewer, officer) = (by("wang"), by("zhang"));
    assert_eq!(name(&viewer, &[]), "王某");
    assert_eq!(name(&officer, &[]), "王某");
    for args in [
        ["record", "list", "person", "--json"],
        ["record", "history", "person", &person],
        ["record", "explain", "person", &person],
    ] {
        let ran = viewer.run(args).ok();
        assert!(
            !ran.stdout.contains("小明") && ran.stdout.contains("王某"),
            "{ran:?}"
        );
    }
    let asked = [
        "record",
        "list",
        "person",
        "--where",
        "display_name=王小明",
        "--json",
    ];
    assert_eq!(code(&viewer.run(asked)), "AUTH-109");
    assert_eq!(
        code(&viewer.run(["record", "get", "person", "王小明", "--json"])),
        "AUTH-109"
    );
    let file = city.text_path("people.csv");
    viewer
        .run(["export", "person", "--format", "csv", "--output", &file])
        .ok();
    let exported = std::fs::read_to_string(&file).unwrap();
    assert!(
        !exported.contains("小明") && exported.contains("王某"),
        "{exported}"
    );

    // The closer look needs the right and a reason, and stands on record.
    let closer = ["--reveal", "--reason", "核实培训名单"];
    assert_eq!(code(&viewer.run(get.iter().chain(&closer))), "AUTH-103");
    assert_eq!(
        officer.run(get.iter().chain(&["--reveal"])).code,
        2,
        "without a reason"
    );
    assert_eq!(name(&officer, &closer), "王小明");
    let revealed = city.text_path("full.csv");
    let export = ["export", "person", "--format", "csv", "--output", &revealed];
    officer.run(export.iter().chain(&closer)).ok();
    assert!(
        std::fs::read_to_string(&revealed)
            .unwrap()
            .contains("王小明")
    );
    let list = by("li").json(["audit", "list", "--limit", "500"]);
    let shown: Vec<&Value> = list["entries"].as_array().unwrap().iter().collect();
    let look = shown
        .iter()
        .find(|row| row["deed"] == "record get" && row["result"] == "shown");
    let look = look.unwrap();
    assert_eq!(look["account"], "zhang");
    assert_eq!(look["reason"], "核实培训名单");
    assert_eq!(look["what"], format!("person/{person}"));
    let rows = told(&by("li"), &[]);
    for (account, deed, result) in [
        ("wang", "export", "done"),
        ("wang", "record get", "AUTH-103"),
        ("wang", "record get", "AUTH-109"),
        ("wang", "record list", "AUTH-109"),
        ("zhang", "export", "shown"),
    ] {
        assert!(
            has(&rows, account, deed, result),
            "{account} {deed} {result}: {rows:#?}"
        );
    }
    assert!(!list.to_string().contains("小明"), "{list}");

    // The district sees its own people in full; its accounts are its own.
    assert_eq!(
        node.json(["record", "get", "person", &person])["values"]["display_name"],
        "王小明"
    );
    let revoke = [
        "node",
        "invite",
        "--scope",
        "410302",
        "--name",
        "老城区",
        "--json",
    ];
    assert_eq!(code(&officer.run(revoke)), "AUTH-103");
    by("li").run(revoke).ok();
    officer.run(["claim", "list"]).ok();
}

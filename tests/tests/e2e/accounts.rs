//! People and their roles, with the real programs: who is let in, what each may do, what is masked,
//! and what the audit list says of it afterwards.

use serde_json::{Value, json};
use tests::programs::{Program, Ran};

use crate::e2e::{
    across::made,
    city::{City, node_exe, refused, settle},
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

/// A district with its people: an administrator, an officer, a reviewer, somebody of a town, an
/// auditor, and unattended work.
struct Office {
    city: City,
    node: Program,
}

impl Office {
    fn open() -> Self {
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
        add(&node, "chen", "district_admin", &[]);
        let admin = node.by("chen");
        add(&admin, "clerk", "district_editor", &["--display", "小李"]);
        add(&admin, "chief", "district_reviewer", &[]);
        add(&admin, "town", "town_editor", &["--town", OWN]);
        add(&admin, "cron", "node_service", &[]);
        add(&admin, "audit", "auditor", &[]);
        Self { city, node }
    }

    fn by(&self, name: &str) -> Program {
        self.node.by(name)
    }
}

const LIST: [&str; 4] = ["record", "list", "organisation", "--json"];

#[test]
fn until_the_first_account_everybody_is_administrator_and_then_nobody_else() {
    let mut city = City::open();
    let node = city.jianxi().node;
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
    node.run(LIST).ok();
    add(&node, "chen", "district_admin", &[]);
    assert_eq!(code(&node.run(LIST)), "AUTH-101");
    assert_eq!(node.by("chen").json(["status"])["accounts"], 1);
    // The socket of a serving program asks the same.
    let serving = node.serve::<&str>([]);
    assert_eq!(code(&node.run(LIST)), "AUTH-101");
    node.by("chen").run(LIST).ok();
    assert_eq!(serving.terminate().0, 0);
}

#[test]
fn a_town_editor_writes_the_own_town_and_an_editor_approves_nothing() {
    let office = Office::open();
    let (clerk, chief, town) = (office.by("clerk"), office.by("chief"), office.by("town"));
    assert_eq!(code(&clerk.run(["user", "list", "--json"])), "AUTH-103");
    in_town(&town, "甲公司", "91410305DEM1FYRA54", OWN).ok();
    assert_eq!(
        code(&in_town(&town, "乙公司", "91410305DEM2FYRA50", OTHER)),
        "AUTH-108"
    );
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

    let audit = office.by("audit");
    let rows = told(&audit, &[]);
    for (account, deed, result) in [
        ("operator", "user add", "done"),
        ("chen", "user add", "done"),
        ("clerk", "user list", "AUTH-103"),
        ("town", "write command", "saved"),
        ("town", "record put", "AUTH-108"),
        ("clerk", "record act", "AUTH-106"),
        ("chief", "record act", "AUTH-107"),
        ("chief", "write command", "saved"),
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
        !text.contains("甲公司") && !text.contains("甲支部"),
        "{text}"
    );
}

#[test]
fn a_password_proves_who_it_is_and_a_disabled_account_does_nothing() {
    let office = Office::open();
    let serving = office.node.serve::<&str>([]);
    let clerk = office.by("clerk");
    let (secret, wrong) = (
        office.city.text_path("secret"),
        office.city.text_path("wrong"),
    );
    std::fs::write(&secret, "Peony-garden-1\n").unwrap();
    std::fs::write(&wrong, "Peony-garden-2\n").unwrap();
    clerk
        .run(["user", "passwd", "clerk", "--new-password-file", &secret])
        .ok();
    assert_eq!(code(&clerk.run(LIST)), "AUTH-101");
    let with = |file: &str| clerk.run(LIST.iter().copied().chain(["--password-file", file]));
    assert_eq!(code(&with(&wrong)), "AUTH-101");
    with(&secret).ok();
    // The environment of whoever asks goes through the socket, and that of the program does not count.
    let by_environment = |account: &str| {
        let mut command = std::process::Command::new(node_exe());
        command.args(["record", "list", "organisation"]);
        command.env("LIANGXIN_DATA", &office.node.data);
        command
            .env("LIANGXIN_PASSWORD_FILE", &secret)
            .env("LIANGXIN_AS", account);
        command.output().unwrap().status.code()
    };
    assert_eq!(by_environment("clerk"), Some(0));
    assert_eq!(by_environment("nobody"), Some(4));
    office
        .by("chen")
        .run(["user", "disable", "clerk", "--reason", "调离"])
        .ok();
    assert_eq!(code(&with(&secret)), "AUTH-102");
    let rows = told(&office.by("audit"), &[]);
    assert!(has(&rows, "clerk", "user passwd", "done"), "{rows:#?}");
    assert!(has(&rows, "chen", "user disable", "done"), "{rows:#?}");
    assert!(has(&rows, "clerk", "record list", "AUTH-102"), "{rows:#?}");
    assert!(!format!("{rows:?}").contains("Peony"));
    assert_eq!(serving.terminate().0, 0);
}

#[test]
fn unattended_work_reads_nothing_and_a_restore_brings_the_accounts_back() {
    let office = Office::open();
    let (cron, audit) = (office.by("cron"), office.by("audit"));
    assert_eq!(code(&cron.run(LIST)), "AUTH-103");
    settle(&cron);
    let backup = office.city.text_path("node.backup");
    cron.run(["backup", &backup]).ok();
    assert!(has(&told(&audit, &[]), "cron", "backup", "done"));
    let outsider = ["audit", "list", "--json"];
    assert_eq!(code(&office.by("town").run(outsider)), "AUTH-103");
    audit.run(["audit", "verify"]).ok();
    office.node.run(["restore", &backup]).ok();
    assert_eq!(
        code(&office.node.run(LIST)),
        "AUTH-101",
        "the accounts of that day"
    );
    let rows = told(&audit, &[]);
    assert!(has(&rows, "operator", "restore", "done"), "{rows:#?}");
    assert!(has(&rows, "chen", "user add", "done"), "{rows:#?}");
    audit.run(["audit", "verify"]).ok();
}

/// A city with an administrator, a viewer and an officer, and a person of Jianxi.
fn city_with_people() -> (City, Program, String) {
    let mut city = City::open();
    let node = city.jianxi().node;
    let values = json!({ "display_name": "王小明", "employer": "甲公司" });
    let person = made(&node, "person", &values);
    settle(&node);
    add(&city.hub, "li", "city_admin", &[]);
    let admin = city.hub.by("li");
    add(&admin, "wang", "city_viewer", &[]);
    add(&admin, "zhang", "city_editor", &[]);
    (city, node, person)
}

fn name(program: &Program, person: &str, more: &[&str]) -> String {
    let get = ["record", "get", "person", person, "--json"];
    let document = program.run(get.iter().chain(more)).ok().json();
    document["values"]["display_name"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn the_city_sees_family_names_and_finds_nobody_by_name() {
    let (city, node, person) = city_with_people();
    let (viewer, officer) = (city.hub.by("wang"), city.hub.by("zhang"));
    for program in [&viewer, &officer] {
        assert_eq!(name(program, &person, &[]), "王某");
        for args in [
            ["record", "list", "person", "--json"],
            ["record", "history", "person", &person],
            ["record", "explain", "person", &person],
        ] {
            let ran = program.run(args).ok();
            assert!(
                !ran.stdout.contains("小明") && ran.stdout.contains("王某"),
                "{ran:?}"
            );
        }
    }
    let asked = [
        "record",
        "list",
        "person",
        "--where",
        "display_name=王小明",
        "--json",
    ];
    refused(&viewer, asked, 4, "AUTH-109");
    refused(
        &viewer,
        ["record", "get", "person", "王小明", "--json"],
        4,
        "AUTH-109",
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
    let rows = told(&city.hub.by("li"), &[]);
    for (deed, result) in [
        ("export", "done"),
        ("record get", "AUTH-109"),
        ("record list", "AUTH-109"),
    ] {
        assert!(
            has(&rows, "wang", deed, result),
            "{deed} {result}: {rows:#?}"
        );
    }
    assert_eq!(
        name(&node, &person, &[]),
        "王小明",
        "the district sees its own people"
    );
    let invite = [
        "node",
        "invite",
        "--scope",
        "410302",
        "--name",
        "老城区",
        "--json",
    ];
    assert_eq!(code(&officer.run(invite)), "AUTH-103");
    city.hub.by("li").run(invite).ok();
    officer.run(["claim", "list"]).ok();
}

#[test]
fn who_looks_closer_says_why_and_it_stands_on_record() {
    let (city, _node, person) = city_with_people();
    let (viewer, officer) = (city.hub.by("wang"), city.hub.by("zhang"));
    let get = ["record", "get", "person", &person, "--json"];
    let closer = ["--reveal", "--reason", "核实培训名单"];
    assert_eq!(code(&viewer.run(get.iter().chain(&closer))), "AUTH-103");
    assert_eq!(
        officer.run(get.iter().chain(&["--reveal"])).code,
        2,
        "without a reason"
    );
    assert_eq!(name(&officer, &person, &closer), "王小明");
    let file = city.text_path("full.csv");
    let export = ["export", "person", "--format", "csv", "--output", &file];
    officer.run(export.iter().chain(&closer)).ok();
    assert!(std::fs::read_to_string(&file).unwrap().contains("王小明"));

    let list = city.hub.by("li").json(["audit", "list", "--limit", "500"]);
    let mut rows = list["entries"].as_array().unwrap().iter();
    let look = rows.find(|row| row["deed"] == "record get" && row["result"] == "shown");
    let look = look.unwrap();
    assert_eq!(look["account"], "zhang");
    assert_eq!(look["reason"], "核实培训名单");
    assert_eq!(look["what"], format!("person/{person}"));
    let rows = told(&city.hub.by("li"), &[]);
    assert!(has(&rows, "wang", "record get", "AUTH-103"), "{rows:#?}");
    assert!(has(&rows, "zhang", "export", "shown"), "{rows:#?}");
    assert!(!list.to_string().contains("小明"), "{list}");
}

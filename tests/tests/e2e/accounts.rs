//! People and their roles, with the real programs: who is let in, what each may do, what is masked,
//! and what the audit list says of it afterwards.

use serde_json::{Value, json};
use tests::programs::{Program, Ran};

use crate::e2e::{
    across::{CODE, made, other_code, sample},
    city::{City, node_exe, refused, settle},
};

/// Two towns of Jianxi.
const OWN: &str = "410305001";
const OTHER: &str = "410305002";

pub(super) fn add(by: &Program, name: &str, role: &str, more: &[&str]) {
    let args = ["user", "add", name, "--role", role, "--json"];
    by.run(args.iter().chain(more)).ok();
}

/// With which code a command is refused: exit code 4.
#[track_caller]
pub(super) fn code(ran: &Ran) -> String {
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

/// What the file says of a record in the column that is named.
fn cell(file: &str, id: &str, column: &str) -> String {
    let text = std::fs::read_to_string(file).unwrap();
    let mut lines = text.trim_start_matches('\u{FEFF}').lines();
    let headings = lines.next().unwrap().split(',');
    let at = headings
        .into_iter()
        .position(|heading| heading == column)
        .unwrap();
    let row = lines.find(|line| line.starts_with(id)).unwrap();
    row.split(',').nth(at).unwrap().to_owned()
}

/// What comes back leaves the numbers alone; they move between.
fn comes_back(node: &Program, (file, lines): (&str, &str), few: &str) {
    let set = [
        "record",
        "put",
        "organisation",
        few,
        "--set",
        "members=1",
        "--set",
        "as_of=2026-10-31",
        "--reason",
        "核实",
    ];
    node.run(set).ok();
    let back = std::fs::read_to_string(file)
        .unwrap()
        .replace("示例机械", "示例机电");
    std::fs::write(file, back).unwrap();
    let said = node
        .run(["import", "organisation", file, "--json"])
        .ok()
        .json();
    assert!(said.to_string().contains("IMPORT-040"), "{said}");
    let document = node.json(["record", "get", "organisation", few]);
    let values = &document["values"];
    assert_eq!(
        (&values["members"], &values["as_of"]),
        (&json!(1), &json!("2026-10-31"))
    );
    assert_eq!(values["name"], "涧西示例机电有限公司");
    let loaded = node.run(["record", "load", lines, "--json"]);
    assert!(loaded.stdout.contains("\"rejected\":1"), "{loaded:?}");
}

/// The organisations, into a file.
fn exporting(file: &str) -> [&str; 9] {
    [
        "export",
        "organisation",
        "--lang",
        "zh",
        "--format",
        "csv",
        "--output",
        file,
        "--json",
    ]
}

/// The district sees its own; who looks closer at the city says why.
fn looks_closer(city: &City, node: &Program, few: &str) {
    let (admin, officer) = (city.hub.by("li"), city.hub.by("zhang"));
    let own = city.text_path("own.csv");
    let export = |program: &Program, more: &[&str]| program.run(exporting(&own).iter().chain(more));
    export(node, &[]).ok();
    assert_eq!(cell(&own, few, "党员数"), "1");
    let closer = ["--reveal", "--reason", "核对台账"];
    assert_eq!(code(&export(&city.hub.by("wang"), &closer)), "AUTH-103");
    export(&officer, &closer).ok();
    assert_eq!(cell(&own, few, "党员数"), "2");
    let rows = told(&admin, &[]);
    assert!(has(&rows, "zhang", "export", "shown"), "{rows:#?}");
}

#[test]
fn small_numbers_of_members_stay_in_the_scope_that_keeps_them() {
    let mut city = City::open();
    let node = city.jianxi().node;
    let mut few = sample(CODE, "涧西示例机械有限公司");
    few["members"] = json!(2);
    few["full_members"] = json!(0);
    let few = made(&node, "organisation", &few);
    let many = made(
        &node,
        "organisation",
        &sample(&other_code(), "涧西示例商贸有限公司"),
    );
    settle(&node);
    add(&city.hub, "li", "city_admin", &[]);
    let admin = city.hub.by("li");
    add(&admin, "wang", "city_viewer", &[]);
    add(&admin, "zhang", "city_editor", &[]);
    let officer = city.hub.by("zhang");
    let file = city.text_path("few.csv");
    let export = exporting(&file);
    let said = officer.run(export).ok().json();
    assert_eq!((&said["rows"], &said["suppressed"]), (&json!(2), &json!(1)));
    assert_eq!(cell(&file, &few, "党员数"), "<3");
    assert_eq!(cell(&file, &few, "正式党员数"), "0", "none is nobody");
    assert_eq!(cell(&file, &few, "从业人员数"), "30");
    assert_eq!(cell(&file, &many, "党员数"), "4");
    let lines = city.text_path("few.ndjson");
    officer
        .run([
            "export",
            "organisation",
            "--format",
            "ndjson",
            "--output",
            &lines,
        ])
        .ok();
    let text = std::fs::read_to_string(&lines).unwrap();
    assert!(
        text.contains("\"members\":\"<3\"") && text.contains("\"members\":4"),
        "{text}"
    );

    comes_back(&node, (&file, &lines), &few);
    looks_closer(&city, &node, &few);
}

/// The city's inspector asks for another name, and nobody who sees it masked reads it off the request.
#[test]
fn a_request_for_a_correction_gives_no_name_away() {
    let (city, node, person) = city_with_people();
    let admin = city.hub.by("li");
    add(&admin, "jian", "city_inspector", &[]);
    add(&admin, "audit", "auditor", &[]);
    let record = format!("person/{person}");
    let propose = [
        "change",
        "propose",
        &record,
        "display_name",
        "李大伟",
        "--basis",
        "核对花名册",
    ];
    let asked = city.hub.by("jian").run(propose.iter().chain(&["--json"]));
    let asked = asked.ok();
    let id = asked.json()["id"].as_str().unwrap().to_owned();
    let mut said = vec![asked];
    let file = city.text_path("requests.csv");
    for account in ["jian", "wang", "zhang", "audit"] {
        let by = city.hub.by(account);
        for args in [
            &["change", "list"][..],
            &["change", "list", "--all", "--json"],
            &["record", "list", "change_request", "--json"],
            &["record", "get", "change_request", &id],
            &["record", "history", "change_request", &id, "--json"],
            &["record", "explain", "change_request", &id, "--json"],
        ] {
            said.push(by.run(args).ok());
        }
        let export = ["export", "change_request", "--format", "csv", "--output"];
        by.run(export.iter().chain(&[file.as_str()])).ok();
        let exported = std::fs::read_to_string(&file).unwrap();
        assert!(exported.contains("王某"), "{exported}");
        assert!(
            !exported.contains("小明") && !exported.contains("大伟"),
            "{exported}"
        );
    }
    for ran in &said {
        let text = format!("{}{}", ran.stdout, ran.stderr);
        assert!(!text.contains("小明") && !text.contains("大伟"), "{text}");
        assert!(text.contains("王某"), "{text}");
    }
    // The district, whose person it is, reads what it is asked.
    settle(&node);
    let asked = node.json(["change", "list"]);
    assert_eq!(
        (&asked[0]["now"], &asked[0]["proposed"]),
        (&json!("王小明"), &json!("李大伟"))
    );
}

/// An industry's officer asks for corrections at the city, and is told so in a district.
#[test]
fn an_industry_asks_for_corrections_at_the_city() {
    let mut city = City::open();
    let node = city.jianxi().node;
    let own = made(&node, "organisation", &sample(CODE, "甲公司"));
    let mut law = sample(&other_code(), "乙律师事务所");
    law["industry"] = "L".into();
    let other = made(&node, "organisation", &law);
    settle(&node);
    add(&city.hub, "li", "city_admin", &[]);
    let industry = ["--industry", "C"];
    add(&city.hub.by("li"), "gong", "industry_editor", &industry);
    add(&node, "chen", "district_admin", &[]);
    add(&node.by("chen"), "gong", "industry_editor", &industry);
    let ask = |program: &Program, id: &str| {
        let record = format!("organisation/{id}");
        program.by("gong").run([
            "change",
            "propose",
            &record,
            "employees",
            "33",
            "--basis",
            "行业年报",
            "--json",
        ])
    };
    ask(&city.hub, &own).ok();
    assert_eq!(code(&ask(&city.hub, &other)), "AUTH-108");
    assert_eq!(code(&ask(&node, &own)), "AUTH-HUB-ONLY");
    let put = [
        "record",
        "put",
        "organisation",
        &own,
        "--set",
        "employees=33",
        "--reason",
        "行业年报",
    ];
    let told = node.by("gong").run(put.iter().chain(&["--lang", "zh"]));
    assert_eq!(told.code, 4, "{told:?}");
    assert!(
        told.stderr.contains("AUTH-105") && told.stderr.contains("市级的行业部门账号"),
        "{told:?}"
    );
    let chen = node.by("chen");
    settle(&chen);
    let asked = chen.json(["change", "list"]);
    assert_eq!(asked[0]["proposed"], "33", "{asked}");
}

#[test]
fn a_phone_is_shown_to_a_town_with_a_reason_that_stands_on_record() {
    let office = Office::open();
    let (clerk, town) = (office.by("clerk"), office.by("town"));
    let person = made(&clerk, "person", &json!({ "display_name": "王小明" }));
    let phone = "0379-01234567";
    let set = ["person", "contact", "set", &person, "--work-phone", phone];
    clerk.run(set.iter().chain(&["--reason", "联系"])).ok();
    let show = ["person", "contact", "show", &person];
    let ran = town.run(show.iter().chain(&["--json"]));
    assert_eq!(code(&ran), "PERSON-007");
    assert!(!ran.stdout.contains(phone) && !ran.stderr.contains(phone));
    let closer = ["--reveal", "--reason", "通知开会"];
    let shown = town.json(show.iter().chain(&closer));
    assert_eq!(shown["contact"]["work_phone"], phone, "{shown}");
    assert_eq!(clerk.json(show)["contact"]["work_phone"], phone);
    let list = office.by("chen").json(["audit", "list", "--limit", "500"]);
    let mut rows = list["entries"].as_array().unwrap().iter();
    let look = rows.find(|row| row["deed"] == "person contact show" && row["result"] == "shown");
    let look = look.unwrap();
    assert_eq!(
        (&look["account"], &look["reason"]),
        (&json!("town"), &json!("通知开会"))
    );
    assert!(!list.to_string().contains(phone), "{list}");
}

#[test]
fn the_city_sees_its_own_people_in_full() {
    let (city, _node, person) = city_with_people();
    let officer = city.hub.by("zhang");
    let own = made(&officer, "person", &json!({ "display_name": "赵大年" }));
    assert_eq!(name(&officer, &own, &[]), "赵大年");
    assert_eq!(name(&officer, "赵大年", &[]), "赵大年", "found by name");
    assert_eq!(name(&officer, &person, &[]), "王某");
    assert_eq!(name(&city.hub.by("wang"), &own, &[]), "赵某");
    let scope = officer.json(["record", "get", "person", &own])["scope"].clone();
    let list = |scope: &str, name: &str| {
        let wheres = format!("display_name={name}");
        officer.run([
            "record", "list", "person", "--scope", scope, "--where", &wheres, "--json",
        ])
    };
    let found = list(scope.as_str().unwrap(), "赵大年").ok().json();
    assert_eq!(found["records"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(code(&list("410305", "王小明")), "AUTH-109");
}

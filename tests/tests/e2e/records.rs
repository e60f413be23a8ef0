//! Reading and writing records by command, and what becomes of a save.

use std::process::Stdio;

use serde_json::{Value, json};
use tests::programs::{Program, Ran};

use super::city::{
    City, assert_refused, load_samples, node_exe, organisation, organisations, put, refused,
    sample, settle,
};

fn ids(list: &Value) -> Vec<String> {
    let records = list["records"].as_array().unwrap().iter();
    records
        .map(|record| record["id"].as_str().unwrap().to_owned())
        .collect()
}

/// The sample's values as `--set` takes them, under another name.
fn sets(name: &str) -> Vec<String> {
    let (_, mut values) = sample(1);
    values.insert("name".to_owned(), name.into());
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let texts: Vec<_> = items.iter().filter_map(Value::as_str).collect();
            texts.join(",")
        }
        other => other.to_string(),
    };
    let set = |(field, value)| ["--set".to_owned(), format!("{field}={}", text(value))];
    values.iter().flat_map(set).collect()
}

/// Makes an organisation by hand. Returns its document.
fn make(program: &Program, name: &str) -> Value {
    let mut args = ["record", "put", "organisation", "--reason", "新设单位"]
        .map(str::to_owned)
        .to_vec();
    args.extend(sets(name));
    program.json(&args)
}

/// Runs a command whose words have no spaces, with `--json`.
fn ask(program: &Program, command: &str) -> Value {
    program.json(command.split(' '))
}

#[test]
fn a_list_is_paged_and_picks_by_field_and_scope() {
    let mut city = City::open();
    let node = city.jianxi().node;
    load_samples(&node, 1..=10);
    let made = make(&node, "涧西手工录入有限公司（演示）");
    let mut paged = Vec::new();
    let mut page = ask(&node, "record list organisation --limit 4");
    while let Some(next) = page["next"].as_str() {
        let next = format!("record list organisation --limit 4 --after {next}");
        paged.extend(ids(&page));
        page = ask(&node, &next);
    }
    paged.extend(ids(&page));
    assert_eq!(paged, ids(&json!({"records": organisations(&node)})));
    assert_eq!(paged.len(), 11);
    let named = ask(
        &node,
        "record list organisation --where name=涧西手工录入有限公司（演示）",
    );
    assert_eq!(ids(&named), [made["id"].as_str().unwrap()]);
    let closed = ask(
        &node,
        "record list organisation --where census_status=excluded",
    );
    assert_eq!(ids(&closed), [""; 0]);
    let two = "record list organisation --where employees=11 --where census_status=counted";
    assert_eq!(
        ids(&ask(&node, two)).len(),
        2,
        "the sample and the one made of it"
    );
    assert_eq!(
        ids(&ask(&node, "record list organisation --scope 410305")).len(),
        11
    );
}

#[test]
fn records_are_made_read_changed_deleted_and_remembered() {
    let mut city = City::open();
    let node = city.jianxi().node;
    let mut made = make(&node, "涧西手工录入有限公司（演示）");
    made.as_object_mut().unwrap().remove("warnings");
    let id = made["id"].as_str().unwrap();
    assert_eq!(made["values"]["mass_orgs"], json!(["union"]));
    assert_eq!(
        json!([made["scope"], made["sync"]]),
        json!(["410305", "pending"])
    );
    assert_eq!(organisation(&node, id), made, "put prints what get prints");

    put(&node.by("张工"), id, "employees=91").ok();
    put(&node.by("张工"), id, "operating_address=").ok();
    let now = organisation(&node, id);
    let values = json!([
        now["values"]["employees"],
        now["values"]["operating_address"]
    ]);
    assert_eq!(values, json!([91, null]));
    let unchanged = put(&node, id, "employees=91").ok().json();
    assert_eq!(
        unchanged["seen"], now["seen"],
        "what is there already is not written again"
    );
    let history = ask(&node, &format!("record history organisation {id}"));
    assert_eq!(history["history"].as_array().unwrap().len(), 3, "{history}");
    let why = ask(
        &node,
        &format!("record explain organisation {id} employees"),
    );
    let author = why["fields"][0]["author"].as_str().unwrap();
    assert!(author.starts_with("张工@410305-"), "{why}");
    let waits = format!("record why-not-synced organisation {id}");
    assert_eq!(ask(&node, &waits)["sync"], "pending");

    let deleted = ask(
        &node,
        &format!("record delete organisation {id} --reason 重复录入"),
    );
    assert_eq!(deleted["deleted"], true);
    assert_eq!(organisations(&node), [Value::Null; 0]);
    settle(&node);
    assert_eq!(organisations(&city.hub), [Value::Null; 0]);
    let there = organisation(&city.hub, id);
    assert_eq!(there["deleted"], true, "a deletion is a write like another");
    assert_eq!(ask(&node, &waits)["sync"], "acked");
}

#[test]
fn an_edit_of_an_old_state_stands_beside_the_newer_one_and_says_so() {
    let mut city = City::open();
    let node = city.jianxi().node;
    load_samples(&node, 1..=1);
    settle(&node);
    let id = sample(1).0;
    let seen = organisation(&node, &id)["seen"]
        .as_str()
        .unwrap()
        .to_owned();
    put(&node.by("张工"), &id, "operating_address=涧西示例路1号").ok();
    let with = |set: &str, seen: &str| {
        let command = format!("record put organisation {id} --reason 旧表单 --json --set {set}");
        node.by("王工")
            .run(command.split(' ').chain(["--seen", seen]))
    };
    let beside = with("operating_address=涧西示例路2号", &seen);
    assert_eq!(beside.code, 5, "{beside:?}");
    let document = beside.json();
    let open = &document["conflicts"][0];
    assert_eq!(open["field"], "operating_address");
    let candidates = open["candidates"].as_array().unwrap();
    let values = candidates.iter().map(|one| one["value"].as_str().unwrap());
    let mut values: Vec<_> = values.collect();
    values.sort_unstable();
    assert_eq!(
        values,
        ["涧西示例路1号", "涧西示例路2号"],
        "the document shows both"
    );
    for candidate in candidates {
        for name in ["author", "at", "source"] {
            let text = candidate[name].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{candidate}");
        }
    }
    let other = with("remark=旧表单里另一项没有人改过", &seen);
    assert_eq!(
        other.code, 0,
        "another field of an old form is only an edit: {other:?}"
    );

    assert_refused(&with("remark=x", &seen[..seen.len() - 3]), 6, "RECORD-005");
    let foreign = ask(&node, "record get scope 410305")["seen"].clone();
    assert_refused(
        &with("remark=x", foreign.as_str().unwrap()),
        6,
        "RECORD-006",
    );
}

/// Writes that must be refused: kind, id, set, exit code, code.
const REFUSED: [(&str, &str, &str, i32, &str); 11] = [
    ("organisation", "ID", "employees=-3", 6, "count"),
    ("organisation", "ID", "census_status=nonsense", 6, "enum"),
    (
        "organisation",
        "ID",
        "full_members=5",
        6,
        "full_members_over_members",
    ),
    (
        "organisation",
        "ID",
        "uscc=91410305DEM1NMWW87",
        6,
        "uscc_bad",
    ),
    ("organisation", "ID", "name=", 6, "status_needs"),
    ("organisation", "ID", "no_such_field=1", 6, "unknown_field"),
    (
        "organisation",
        "ID",
        "merged_into=OTHER",
        4,
        "AUTH-HUB-ONLY",
    ),
    ("scope", "410305", "name=另一个名称", 4, "AUTH-HUB-ONLY"),
    (
        "programme_year",
        "2020",
        "quota_drive=1",
        4,
        "AUTH-HUB-ONLY",
    ),
    ("nosuch", "ID", "name=x", 6, "RECORD-001"),
    ("organisation", "没有这家单位", "name=x", 6, "RECORD-002"),
];

#[test]
fn what_may_not_be_written_is_refused_by_its_own_exit_code_and_changes_nothing() {
    let mut city = City::open();
    let node = city.jianxi().node;
    load_samples(&node, 1..=2);
    settle(&node);
    let (id, other) = (sample(1).0, sample(2).0);
    let all = || {
        json!([
            organisations(&node),
            ask(&node, "record list scope")["records"]
        ])
    };
    let before = all();
    for (kind, record, set, exit, code) in REFUSED {
        let (record, set) = (record.replace("ID", &id), set.replace("OTHER", &other));
        let args = [
            "record", "put", kind, &record, "--set", &set, "--reason", "试", "--json",
        ];
        let ran = node.run(args);
        let told = ran.json()["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        // Of several rules that are broken the first is told.
        assert!(
            told == code || (exit == 6 && told == "required"),
            "{set}: {ran:?}"
        );
        assert_refused(&ran, exit, &told);
    }
    let put = ["record", "put", "organisation", &id];
    let blank = ["--set", "remark=x", "--reason", " "];
    refused(&node, put.into_iter().chain(blank), 6, "RECORD-007");
    refused(
        &node,
        put.into_iter().chain(["--reason", "x"]),
        2,
        "RECORD-009",
    );
    assert_eq!(before, all());
    let year = "record put programme_year 2020 --set quota_drive=9 --reason 市定";
    let year = ask(&city.hub, year);
    assert_eq!(
        year["values"]["quota_drive"], 9,
        "the city writes what it publishes"
    );
}

#[test]
fn a_file_of_records_is_loaded_line_by_line() {
    let mut city = City::open();
    let node = city.jianxi().node;
    let (id, values) = sample(1);
    let (other, mut wrong) = sample(2);
    wrong.insert("members".to_owned(), json!(-1));
    let lines = [
        json!({"kind": "organisation", "id": id, "values": values}).to_string(),
        json!({"kind": "organisation", "id": other, "values": wrong}).to_string(),
        "no json".to_owned(),
        String::new(),
        json!({"kind": "scope", "id": "410305", "values": {"name": "x"}}).to_string(),
        json!({"kind": "organisation", "id": id, "values": {"employees": 55}}).to_string(),
        json!({"kind": "nosuch", "values": {}}).to_string(),
    ];
    let file = city.text_path("mixed.ndjson");
    std::fs::write(&file, lines.join("\n")).unwrap();
    let loaded = node.json(["record", "load", &file]);
    let numbers = ["lines", "created", "changed", "unchanged", "rejected"]
        .map(|n| loaded[n].as_u64().unwrap());
    assert_eq!(numbers, [6, 1, 1, 0, 4], "{loaded}");
    let results = loaded["results"].as_array().unwrap();
    assert_eq!(results.len(), 6, "one a line");
    for result in results
        .iter()
        .filter(|result| result["result"] == "rejected")
    {
        assert!(
            result["code"].is_string() && result["message"].is_string(),
            "{result}"
        );
    }
    let numbered: Vec<_> = results
        .iter()
        .map(|result| result["line"].as_u64().unwrap())
        .collect();
    assert_eq!(numbered, [1, 2, 3, 5, 6, 7]);
    assert_eq!(organisation(&node, &id)["values"]["employees"], 55);
    assert_eq!(organisations(&node).len(), 1);
    let again = node.json(["record", "load", &file]);
    assert_eq!(again["created"], 0, "{again}");
    let bad = city.text_path("bad.ndjson");
    std::fs::write(&bad, "no json\n").unwrap();
    assert_eq!(
        node.run(["record", "load", &bad]).code,
        6,
        "nothing in it could be taken"
    );
}

/// Commands that only look.
fn looks(id: &str) -> Vec<Vec<String>> {
    let of = |text: &str| text.split(' ').map(|word| word.replace("ID", id)).collect();
    [
        "record list organisation --json",
        "record list organisation",
        "record get organisation ID --json",
        "record get organisation ID --lang en",
        "record history organisation ID",
        "record explain organisation ID",
        "conflict list --json",
        "report indicators --as-of 2020-12-31 --json",
        "report indicators --as-of 2020-12-31 --lang en",
        "verify --json",
        "config sample",
        "config check",
        "record get organisation 00000000-0000-7000-8000-000000000001 --json",
        "record put scope 410305 --set name=x --reason y --lang en",
        "record list nosuch",
    ]
    .map(of)
    .to_vec()
}

#[test]
fn commands_do_the_same_beside_a_serving_program_also_in_a_very_long_directory() {
    let mut city = City::open();
    let deep = "很深的目录/".repeat(12);
    let folder = city.path(&deep);
    std::fs::create_dir_all(&folder).unwrap();
    let node = Program::node(node_exe(), &folder.join("jianxi"));
    assert!(
        node.data.as_os_str().len() > 200,
        "longer than a socket's name may be"
    );
    let token = city.invite("410305", "涧西区");
    let (line, address) = city.line();
    node.run(["join", "--hub", &address, "--token", &token])
        .ok();
    load_samples(&node, 1..=5);
    let id = sample(3).0;
    settle(&node);
    // A node that is connected also compares with the city in `verify`.
    line.cut();

    let run = |args: &Vec<String>| {
        let Ran {
            code,
            stdout,
            stderr,
        } = node.run(args);
        (code, stdout, stderr)
    };
    let alone: Vec<_> = looks(&id).iter().map(run).collect();
    let serving = node.serve::<&str>([]);
    assert!(node.data.join("admin.sock").exists());
    let beside: Vec<_> = looks(&id).iter().map(run).collect();
    for ((args, alone), beside) in looks(&id).iter().zip(alone).zip(beside) {
        assert_eq!(alone, beside, "{args:?}");
    }
    // A relative file is looked for where the caller stands, not where the program serves.
    let sheet = folder.join("单位.ndjson");
    std::fs::write(
        &sheet,
        json!({"kind": "organisation", "id": id, "values": {"employees": 44}}).to_string(),
    )
    .unwrap();
    let mut load = node.command(["record", "load", "单位.ndjson", "--json"]);
    let loaded = load.current_dir(&folder).output().unwrap();
    assert!(
        loaded.status.success(),
        "{}",
        String::from_utf8_lossy(&loaded.stderr)
    );
    put(&node, &id, "remark=正在运行时写入").ok();
    assert_eq!(serving.terminate().0, 0);
    let kept = organisation(&node, &id);
    assert_eq!(
        json!([kept["values"]["employees"], kept["values"]["remark"]]),
        json!([44, "正在运行时写入"])
    );
}

/// `record list | head` is no accident; a full disk that the output goes to is one.
#[test]
fn a_reader_who_has_enough_ends_nothing_and_a_full_output_has_a_code() {
    let mut city = City::open();
    let node = city.jianxi().node;
    load_samples(&node, 1..=300);
    for serving in [false, true] {
        let _serving = serving.then(|| node.serve::<&str>([]));
        let mut listing = node.command(["record", "list", "organisation"]);
        let mut listing = listing.spawn().unwrap();
        drop(listing.stdout.take());
        let ended = listing.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(0), "{ended:?}");
        assert!(ended.stderr.is_empty(), "{ended:?}");

        let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
        let mut listing = node.command(["record", "list", "organisation"]);
        listing.stdout(Stdio::from(full.unwrap()));
        let ended = listing.output().unwrap();
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(said.contains("OUTPUT-001"), "{said}");
    }
}

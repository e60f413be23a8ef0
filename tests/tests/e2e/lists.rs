//! What an operator is told: checks, why a record is not at the other side, who has it.

use std::{
    collections::BTreeSet,
    io::{Read as _, Write as _},
    net::TcpStream,
};

use serde_json::Value;
use tests::programs::Program;

use super::city::{City, in_chinese, load_samples, peer, put, sample, settle, until};

/// The checks that are not well, by name.
fn unwell(program: &Program) -> BTreeSet<String> {
    let doctor = program.json(["doctor"]);
    let checks = doctor["checks"].as_array().unwrap();
    let name = |check: &Value| check["name"].as_str().unwrap().to_owned();
    let found: BTreeSet<String> = checks
        .iter()
        .filter(|c| c["ok"] == false)
        .map(name)
        .collect();
    assert_eq!(doctor["ok"], found.is_empty(), "{doctor}");
    // How much room and memory the machine of the test has says nothing.
    found
        .into_iter()
        .filter(|name| name != "disk" && name != "memory")
        .collect()
}

/// The same as `status` tells it.
fn attention(program: &Program) -> BTreeSet<String> {
    let status = program.json(["status"]);
    let checks = status["attention"].as_array().unwrap();
    let name = |check: &Value| check["name"].as_str().unwrap().to_owned();
    let found = checks.iter().map(name);
    found
        .filter(|name| name != "disk" && name != "memory")
        .collect()
}

fn set<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

fn why(program: &Program, id: &str) -> String {
    let why = program.json(["record", "why-not-synced", "organisation", id]);
    why["code"].as_str().unwrap().to_owned()
}

#[test]
fn doctor_and_status_name_what_is_not_well_and_nothing_else() {
    let mut city = City::open();
    let node = city.jianxi().node;
    assert_eq!(unwell(&node), set(["no_backup"]));
    load_samples(&node, 1..=3);
    assert_eq!(unwell(&node), set(["no_backup", "pending"]));
    assert_eq!(attention(&node), set(["no_backup", "pending"]));
    settle(&node);
    let file = city.text_path("node.backup");
    node.run(["backup", &file]).ok();
    assert_eq!(unwell(&node), set([]));
    assert_eq!(unwell(&city.hub), set(["key_unsealed", "no_backup"]));
    city.hub.run(["backup", &city.text_path("hub.backup")]).ok();
    assert_eq!(attention(&city.hub), set(["key_unsealed"]));
    // A fact that comes with the line: both have heard each other.
    let config = node.data.join("config.toml");
    std::fs::write(&config, "[doctor]\nbackup_days = 0\nmemory_mib = 0\n").unwrap();
    let doctor = node.json(["doctor"]);
    let found = |name: &str| {
        let mut checks = doctor["checks"].as_array().unwrap().iter();
        checks.find(|check| check["name"] == name).unwrap().clone()
    };
    assert_eq!(found("backup_age")["ok"], false, "{doctor}");
    assert_eq!(found("memory")["ok"], false, "{doctor}");
    for name in [
        "clock_skew",
        "schema_behind",
        "not_seen",
        "damage",
        "journal_gap",
    ] {
        assert_eq!(found(name)["ok"], true, "{doctor}");
    }
}

/// Of what the city published while its node was away `doctor` said that the fingerprints differ.
#[test]
fn what_the_city_publishes_waits_for_a_node_that_is_away() {
    let mut city = City::open();
    let node = city.jianxi().node;
    settle(&node);
    assert_eq!(peer(&city.hub)["pending"], 0);
    let year = "record put programme_year 2027 --set year=2027 --reason n";
    city.hub.run(year.split(' ')).ok();
    let seen = peer(&city.hub);
    assert_eq!(seen["pending"], 1, "{seen}");
    assert_eq!(seen["equal"], Value::Null, "{seen}");
    let found = unwell(&city.hub);
    assert!(found.contains("pending"), "{found:?}");
    assert!(!found.contains("unequal"), "{found:?}");
    settle(&node);
    let seen = peer(&city.hub);
    assert_eq!(seen["pending"], 0, "{seen}");
    assert_eq!(seen["equal"], true, "{seen}");
}

#[test]
fn monitoring_counts_what_is_not_well() {
    let city = City::founded();
    let serving = city.hub.serve(["--listen", "127.0.0.1:0"]);
    let mut stream = TcpStream::connect(serving.metrics()).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let line = "liangxin_attention{code=\"DOCTOR-023\",check=\"no_backup\"} 1";
    assert!(text.contains(line), "{text}");
}

#[test]
fn a_record_tells_why_it_is_not_at_the_other_side() {
    let mut city = City::open();
    let district = city.jianxi();
    let node = &district.node;
    load_samples(node, 1..=2);
    let id = sample(1).0;
    assert_eq!(why(node, &id), "WHY-013", "nobody has taken anything");
    settle(node);
    assert_eq!(why(node, &id), "WHY-007", "acked and equal");
    put(node, &id, "remark=新的").ok();
    assert_eq!(why(node, &id), "WHY-012", "it waits for the line");
    district.line.cut();
    let serving = node.serve::<&str>([]);
    until("the hub cannot be reached", || why(node, &id) == "WHY-010");
    // The reason was a whole sentence in English, in the middle of one in Chinese.
    let said = in_chinese(node, &["doctor"]);
    let line = said.lines().find(|line| line.contains("DOCTOR-009"));
    let line = line.unwrap_or_default();
    assert!(
        line.contains("：LINK-0") && !line.contains("What was saved"),
        "{line}"
    );
    district.line.mend();
    until("it has arrived", || why(node, &id) == "WHY-007");
    until("both are equal for the hub too", || {
        why(&city.hub, &id) == "WHY-007"
    });
    assert_eq!(serving.terminate().0, 0);
}

#[test]
fn a_value_is_explained_with_who_has_it() {
    let mut city = City::open();
    let node = city.jianxi().node;
    load_samples(&node, 1..=1);
    let id = sample(1).0;
    settle(&node);
    let explain =
        |program: &Program| program.json(["record", "explain", "organisation", &id, "remark"]);
    put(&node, &id, "remark=一").ok();
    put(&node, &id, "remark=二").ok();
    let told = explain(&node);
    assert_eq!(told["fields"][0]["value"], "二", "{told}");
    assert_eq!(told["fields"][0]["replaced"][0]["value"], "一", "{told}");
    assert!(told["fields"][0]["written_here"].is_string(), "{told}");
    assert_eq!(told["holders"][0]["holds"], false, "{told}");
    settle(&node);
    assert_eq!(explain(&node)["holders"][0]["holds"], true);
    let told = explain(&city.hub);
    assert_eq!(told["holders"][0]["holds"], true, "{told}");
    assert!(
        told["holders"][0]["peer"]
            .as_str()
            .unwrap()
            .contains("涧西区"),
        "{told}"
    );
    assert_eq!(told["fields"][0]["written_here"], Value::Null, "{told}");
}

/// When each side got a value: the moment where it was written, the minute where it came.
#[test]
fn a_value_is_explained_with_when_each_side_got_it() {
    let mut city = City::open();
    let node = city.jianxi().node;
    load_samples(&node, 1..=1);
    let id = sample(1).0;
    settle(&node);
    put(&node, &id, "remark=一").ok();
    let arrived = |program: &Program| -> Vec<(bool, String, Option<String>)> {
        let told = program.json(["record", "explain", "organisation", &id, "remark"]);
        let field = &told["fields"][0];
        let sides = field["arrived"].as_array().unwrap().iter();
        let side = |side: &Value| {
            let at = side["at"].as_str().map(str::to_owned);
            let is_here = side["here"].as_bool().unwrap();
            (is_here, side["how"].as_str().unwrap().to_owned(), at)
        };
        sides.map(side).collect()
    };
    let how = |program: &Program| -> Vec<String> {
        let sides = arrived(program).into_iter();
        sides.map(|(_, how, _)| how).collect()
    };
    assert_eq!(how(&node), ["written", "waits"]);
    settle(&node);
    assert_eq!(how(&node), ["written", "received"]);
    assert_eq!(how(&city.hub), ["received", "written"]);
    let [(true, _, Some(came)), (false, _, Some(written))] = &arrived(&city.hub)[..] else {
        panic!("{:?}", arrived(&city.hub));
    };
    let shape = |text: &str| -> String {
        let digit = |c: char| if c.is_ascii_digit() { '9' } else { c };
        text.chars().map(digit).collect()
    };
    assert_eq!(shape(came), "9999-99-99T99:99+99:99");
    assert!(came[..16] >= written[..16], "{came} {written}");
    let acked = arrived(&node)[1].2.clone().unwrap();
    assert!(acked[..16] >= came[..16], "{acked} {came}");
    // A value of the city's.
    put(&city.hub, &id, "remark=二").ok();
    assert_eq!(how(&city.hub), ["written", "waits"]);
    settle(&node);
    assert_eq!(how(&city.hub), ["written", "received"]);
    assert_eq!(how(&node), ["received", "written"]);
    let text = node
        .run(["record", "explain", "organisation", &id, "remark"])
        .ok();
    assert!(text.stdout.contains("本机  收到  2"), "{text:?}");
}

/// What an administrator saw of a district that calls by `sync --once` every evening.
#[test]
fn a_node_that_calls_on_a_schedule_is_not_called_unreachable_between_its_calls() {
    let mut city = City::open();
    let node = city.jianxi().node;
    settle(&node);
    until("the call has ended", || {
        peer(&city.hub)["state"] == "offline"
    });
    city.down();
    city.up();
    assert_eq!(peer(&city.hub)["state"], "offline", "after a start, too");
    let said = city.hub.run(["doctor", "--lang", "zh"]).ok().stdout;
    let line = said.lines().find(|line| line.contains("DOCTOR-009"));
    let line = line.unwrap_or_default();
    assert!(line.contains("410305 涧西区：未连接，最近联系 2"), "{said}");
    assert!(
        !said.contains("与市级"),
        "the hub is no peer of its own: {said}"
    );
    let status = city.hub.run(["status", "--lang", "zh"]).ok().stdout;
    assert!(
        status.contains("未连接") && status.contains("滞后"),
        "{status}"
    );
    assert!(status.contains("证书剩余天数："), "{status}");
    // Nothing was heard for longer than the settings allow.
    city.down();
    std::fs::write(
        city.hub.data.join("config.toml"),
        "[doctor]\nnot_seen_days = 0\n",
    )
    .unwrap();
    assert_eq!(peer(&city.hub)["state"], "unreachable");
}

#[test]
fn two_nodes_of_one_scope_have_two_names() {
    let mut city = City::open();
    let [office, park] = ["office", "park"].map(|data| city.district("410305", "涧西区", data));
    for district in [&office, &park] {
        settle(&district.node);
    }
    let status = city.hub.json(["status"]);
    let peers = status["peers"].as_array().unwrap().iter();
    let named: BTreeSet<&str> = peers.filter_map(|peer| peer["name"].as_str()).collect();
    for district in [&office, &park] {
        let replica = district.node.json(["status"])["replica"].clone();
        let name = format!("410305 涧西区 ({})", &replica.as_str().unwrap()[..8]);
        assert!(named.contains(name.as_str()), "{name}: {status}");
    }
}

//! A district with no line at all: everything goes by stick.
//!
//! Enrolment needs a line once; after it the hub stops listening, and what follows is carried in
//! files.

use serde_json::{Value, json};
use tests::programs::{Program, Ran};

use super::city::{
    City, assert_equal, data, load_samples, organisation, organisations, put, refused, sample,
    settle,
};

/// Makes a bundle.
#[track_caller]
pub(super) fn export(from: &Program, stick: &str) -> Value {
    from.json(["bundle", "export", stick])
}

/// Takes one.
#[track_caller]
pub(super) fn import(to: &Program, stick: &str) -> Value {
    to.json(["bundle", "import", stick])
}

/// Carries a stick from one program to the other. Returns what the receiver says.
#[track_caller]
pub(super) fn carry(city: &City, from: &Program, to: &Program) -> Value {
    let stick = city.text_path("stick");
    export(from, &stick);
    import(to, &stick)
}

/// There and back.
#[track_caller]
pub(super) fn round(city: &City, node: &Program) -> (Value, Value) {
    let there = carry(city, node, &city.hub);
    let back = carry(city, &city.hub, node);
    (there, back)
}

/// A city that has one district and has stopped listening.
pub(super) fn cut_off() -> (City, Program) {
    let mut city = City::open();
    let node = city.jianxi().node;
    city.down();
    (city, node)
}

fn records(program: &Program) -> Value {
    program.json(["status"])["records"].clone()
}

#[track_caller]
fn assert_settled(program: &Program) {
    let status = program.json(["status"]);
    assert_eq!(status["equal"], true, "{status}");
    assert_eq!(status["peers"][0]["pending"], 0, "{status}");
}

#[test]
fn a_district_without_a_line_and_its_city_are_equal_by_sticks() {
    let (mut city, node) = cut_off();
    node.json(["import", "organisation", &data("census_410305.xlsx")]);
    let (there, back) = round(&city, &node);
    assert_eq!(there["records"], 376, "{there}");
    assert_eq!(there["diagnosis"], "you_lag", "{there}");
    assert_eq!(back["equal"], true, "{back}");
    let id = organisations(&node)[7]["id"].as_str().unwrap().to_owned();
    assert_eq!(organisation(&node, &id)["sync"], "acked");
    let receipt = city.text_path("receipt");
    node.run(["receipt", "save", &receipt]).ok();
    let checked = node.json(["receipt", "verify", &receipt]);
    assert_eq!(checked["true"], true, "the city's signed word: {checked}");
    let answer = carry(&city, &node, &city.hub);
    assert_eq!(
        (&answer["records"], &answer["equal"]),
        (&json!(0), &json!(true))
    );
    assert_settled(&node);
    assert_settled(&city.hub);
    assert_equal(&node, &city.hub);
    assert_eq!(
        records(&node),
        records(&city.hub),
        "also what the city publishes"
    );

    // Both sides change the same field, and the city decides.
    put(&node.by("张工"), &id, "operating_address=涧西示例路1号").ok();
    put(&city.hub.by("市级"), &id, "operating_address=涧西示例路2号").ok();
    round(&city, &node);
    let docket = format!("organisation/{id}/operating_address");
    for program in [&node, &city.hub] {
        let open = program.json(["conflict", "list"]);
        assert_eq!(open[0]["id"], *docket, "the same conflict on both sides");
    }
    let decider = city.hub.by("冲突处理员");
    let reason = ["--reason", "以现场核实为准"];
    decider
        .run(["conflict", "take", &docket, "1"].into_iter().chain(reason))
        .ok();
    let (_, back) = round(&city, &node);
    assert_eq!(
        back["equal"], true,
        "equal as soon as the decision is here: {back}"
    );
    assert_settled(&node);
    let answer = carry(&city, &node, &city.hub);
    assert_eq!(
        (&answer["diagnosis"], &answer["equal"]),
        (&json!("ok"), &json!(true)),
        "{answer}"
    );
    assert_settled(&city.hub);
    assert_equal(&node, &city.hub);
    assert_eq!(node.json(["conflict", "list"]), json!([]));

    // A line that comes later has nothing left to do.
    let before = [&node, &city.hub].map(records);
    city.up();
    settle(&node);
    assert_eq!([&node, &city.hub].map(records), before);
    assert_equal(&node, &city.hub);
    city.down();
}

/// What `doctor` says of the other side: the names of the checks that are not well.
fn doubts(program: &Program) -> Vec<Value> {
    let doctor = program.json(["doctor"]);
    let mut checks = doctor["checks"].as_array().unwrap().clone();
    let of_peer = [
        "clock_skew",
        "schema_behind",
        "peer_schema_behind",
        "restored",
    ];
    checks
        .retain(|check| check["ok"] == false && of_peer.iter().any(|name| check["name"] == *name));
    checks
}

#[test]
fn whoever_makes_a_stick_has_not_heard_from_the_other_side() {
    let (city, node) = cut_off();
    load_samples(&node, 1..=1);
    for (from, to) in [(&node, &city.hub), (&city.hub, &node)] {
        carry(&city, from, to);
        assert_eq!(doubts(from), Vec::<Value>::new(), "{}", from.data.display());
        assert_eq!(doubts(to), Vec::<Value>::new(), "{}", to.data.display());
    }
}

#[test]
fn a_lost_stick_heals_with_the_next_and_an_old_one_is_refused() {
    let (city, node) = cut_off();
    let stick = |name: &str| city.text_path(name);
    load_samples(&node, 1..=5);
    export(&node, &stick("lost"));
    load_samples(&node, 6..=9);
    export(&node, &stick("second"));
    put(&node, &sample(1).0, "remark=第三份").ok();
    let third = export(&node, &stick("third"));
    assert_eq!(
        third["records"], 9,
        "from the last answer, not from the last export: {third}"
    );

    let taken = import(&city.hub, &stick("second"));
    assert_eq!(taken["records"], 9);
    // The third starts before the point that the second has reached.
    let taken = import(&city.hub, &stick("third"));
    assert_eq!(taken["records"], 9, "{taken}");
    assert_eq!(
        organisation(&city.hub, &sample(1).0)["values"]["remark"],
        "第三份"
    );
    let point = || {
        let peer = super::city::peer(&city.hub);
        json!([peer["sent"], peer["received"], peer["equal"]])
    };
    let before = point();
    for old in ["third", "second", "lost"] {
        refused(
            &city.hub,
            ["bundle", "import", &stick(old)],
            6,
            "BUNDLE-007",
        );
    }
    assert_eq!(point(), before);

    // The same on the way back, the answers in the wrong order.
    export(&city.hub, &stick("first answer"));
    put(&city.hub, &sample(2).0, "remark=市级").ok();
    export(&city.hub, &stick("second answer"));
    let taken = import(&node, &stick("second answer"));
    assert_eq!(taken["equal"], true, "{taken}");
    refused(
        &node,
        ["bundle", "import", &stick("first answer")],
        6,
        "BUNDLE-007",
    );
    assert_eq!(carry(&city, &node, &city.hub)["equal"], true);
    assert_equal(&node, &city.hub);
    let fourth = export(&node, &stick("fourth"));
    assert_eq!(fourth["records"], 0, "all is confirmed: {fourth}");
}

#[test]
fn sticks_and_a_line_may_take_turns() {
    let (mut city, node) = cut_off();
    let stick = city.text_path("late");
    load_samples(&node, 1..=5);
    assert_eq!(round(&city, &node).1["equal"], true);
    load_samples(&node, 6..=8);
    export(&node, &stick);
    city.up();
    load_samples(&node, 9..=12);
    settle(&node);
    city.down();
    // What is on the stick came by the line.
    refused(&city.hub, ["bundle", "import", &stick], 6, "BUNDLE-008");
    load_samples(&node, 13..=14);
    round(&city, &node);
    let (there, back) = round(&city, &node);
    assert_eq!(
        (&there["equal"], &back["equal"]),
        (&json!(true), &json!(true))
    );
    assert_equal(&node, &city.hub);
    assert_eq!(organisations(&city.hub).len(), 14);
    load_samples(&node, 15..=15);
    assert_eq!(
        round(&city, &node).0["records"],
        1,
        "only what is new travels"
    );
}

#[test]
fn a_node_restored_before_it_has_written_again_heals_by_sticks() {
    let (city, node) = cut_off();
    load_samples(&node, 1..=10);
    round(&city, &node);
    let backup = city.text_path("node.backup");
    node.json(["backup", &backup]);
    load_samples(&node, 11..=15);
    round(&city, &node);
    node.run(["restore", &backup]).ok();
    let stick = city.text_path("behind");
    export(&node, &stick);
    // It could as well be late; either way the answer carries everything.
    refused(&city.hub, ["bundle", "import", &stick], 6, "BUNDLE-008");
    let back = carry(&city, &city.hub, &node);
    assert_eq!(back["equal"], true, "{back}");
    assert_eq!(organisations(&node).len(), 15);
    assert_eq!(carry(&city, &node, &city.hub)["equal"], true);
    assert_equal(&node, &city.hub);
}

#[test]
fn a_stick_that_a_line_has_overtaken_is_no_clone() {
    let (mut city, node) = cut_off();
    let stick = city.text_path("late");
    let serving = node.serve::<&str>([]);
    load_samples(&node, 1..=5);
    export(&node, &stick);
    load_samples(&node, 6..=8);
    city.up();
    settle(&node);
    city.down();
    refused(&city.hub, ["bundle", "import", &stick], 6, "BUNDLE-008");
    load_samples(&node, 9..=9);
    let (there, back) = round(&city, &node);
    assert_eq!(
        there["records"], 1,
        "from what the line has brought: {there}"
    );
    assert_eq!(back["equal"], true, "{back}");
    // Nor after a start anew, which is another life.
    export(&node, &stick);
    assert_eq!(serving.terminate().0, 0);
    load_samples(&node, 10..=11);
    city.up();
    settle(&node);
    refused(&city.hub, ["bundle", "import", &stick], 6, "BUNDLE-008");
    load_samples(&node, 12..=12);
    settle(&node);
    city.down();
    assert_equal(&node, &city.hub);
}

#[test]
fn a_bundle_works_beside_serving_programs() {
    let (city, node) = cut_off();
    let hub = city.hub.serve(["--listen", "127.0.0.1:0"]);
    let serving = node.serve::<&str>([]);
    load_samples(&node, 1..=5);
    let (there, back) = round(&city, &node);
    assert_eq!(there["records"], 5);
    assert_eq!(back["equal"], true);
    assert_eq!(serving.terminate().0, 0);
    assert_eq!(hub.terminate().0, 0);
    assert_equal(&node, &city.hub);
}

/// Both programs, the stick that came last, and what must not change.
#[track_caller]
fn refuse(to: &Program, stick: &str, exit: i32, code: &str) -> Ran {
    let before = records(to);
    let ran = refused(to, ["bundle", "import", stick], exit, code);
    assert_eq!(records(to), before, "nothing was taken");
    ran
}

#[test]
fn an_altered_or_truncated_bundle_is_refused() {
    let (city, node) = cut_off();
    let stick = |name: &str| city.text_path(name);
    load_samples(&node, 1..=3);
    export(&node, &stick("sound"));
    let sound = std::fs::read(stick("sound")).unwrap();
    let with = |name: &str, bytes: &[u8]| {
        std::fs::write(stick(name), bytes).unwrap();
        stick(name)
    };
    // A byte of the header, of its length, of a part, of the last part, of the signature.
    let length = sound.len();
    for at in [
        8,
        13,
        200,
        300,
        length / 2,
        length - 100,
        length - 3,
        length - 74,
    ] {
        let mut altered = sound.clone();
        altered[at] ^= 1;
        let ran = city
            .hub
            .run(["bundle", "import", &with("altered", &altered)]);
        assert!(matches!(ran.code, 4 | 6), "byte {at}: {ran:?}");
        assert!(ran.stderr.contains("BUNDLE-00"), "byte {at}: {ran:?}");
    }
    for rest in [0, 7, 9, 100, 250, length / 2, length - 1] {
        let code = if rest < 8 { "BUNDLE-002" } else { "BUNDLE-003" };
        refuse(&city.hub, &with("short", &sound[..rest]), 6, code);
    }
    let longer = [sound.as_slice(), b"x"].concat();
    refuse(&city.hub, &with("longer", &longer), 6, "BUNDLE-003");
    let text = with("text", b"no bundle at all, but long enough to be one");
    refuse(&city.hub, &text, 6, "BUNDLE-002");
    refused(
        &city.hub,
        ["bundle", "import", &stick("absent")],
        1,
        "FILE-001",
    );

    import(&city.hub, &stick("sound"));
    assert_eq!(organisations(&city.hub).len(), 3, "the sound one is taken");
}

#[test]
fn a_bundle_of_someone_else_or_for_someone_else_is_refused() {
    let mut city = City::open();
    let node = city.jianxi().node;
    let other = city.district("410311", "洛龙区", "luolong").node;
    city.down();
    let stick = |name: &str| city.text_path(name);
    load_samples(&node, 1..=3);
    export(&node, &stick("sound"));
    let hub = &city.hub;
    refused(hub, ["bundle", "export", &stick("whose")], 2, "BUNDLE-011");
    refused(
        hub,
        ["bundle", "export", &stick("whose"), "--peer", "nosuch"],
        2,
        "HUB-001",
    );
    let id = node.json(["status"])["replica"]
        .as_str()
        .unwrap()
        .to_owned();
    hub.json(["bundle", "export", &stick("for jianxi"), "--peer", &id[..8]]);
    refuse(&other, &stick("for jianxi"), 4, "BUNDLE-004");
    refuse(hub, &stick("for jianxi"), 4, "BUNDLE-004");
    refuse(&node, &stick("sound"), 4, "BUNDLE-004");
    let elsewhere = City::founded();
    refuse(&elsewhere.hub, &stick("sound"), 4, "BUNDLE-004");
    refused(
        &node,
        ["bundle", "export", &stick("x"), "--peer", &id],
        2,
        "BUNDLE-013",
    );
    let text = stick("text");
    std::fs::write(&text, "no bundle").unwrap();
    refused(&node, ["bundle", "export", &text], 2, "BUNDLE-009");
    assert_eq!(std::fs::read(&text).unwrap(), b"no bundle", "as it was");

    import(hub, &stick("sound"));
    assert_eq!(organisations(hub).len(), 3, "the sound one is taken");
    import(&node, &stick("for jianxi"));
}

#[test]
fn a_revoked_node_neither_gives_nor_gets_bundles() {
    let (city, node) = cut_off();
    load_samples(&node, 1..=3);
    let stick = city.text_path("stick");
    export(&node, &stick);
    let id = node.json(["status"])["replica"]
        .as_str()
        .unwrap()
        .to_owned();
    city.hub.run(["node", "revoke", &id]).ok();
    refuse(&city.hub, &stick, 4, "LINK-064");
    let answer = city.text_path("answer");
    refused(
        &city.hub,
        ["bundle", "export", &answer, "--peer", &id],
        4,
        "BUNDLE-014",
    );
    refused(&city.hub, ["bundle", "export", &answer], 2, "BUNDLE-011");
}

#[test]
fn a_node_restored_from_a_backup_heals_by_sticks() {
    let (city, node) = cut_off();
    load_samples(&node, 1..=10);
    round(&city, &node);
    let backup = city.text_path("node.backup");
    node.json(["backup", &backup]);
    load_samples(&node, 11..=15);
    put(&node, &sample(1).0, "remark=备份之后").ok();
    round(&city, &node);
    node.run(["restore", &backup]).ok();
    assert_eq!(organisations(&node).len(), 10, "the older state");
    load_samples(&node, 16..=18);

    let there = carry(&city, &node, &city.hub);
    assert_eq!(there["diagnosis"], "you_were_restored", "{there}");
    assert_eq!(
        organisations(&city.hub).len(),
        18,
        "the city has at once what is new"
    );
    let back = carry(&city, &city.hub, &node);
    assert_eq!(back["equal"], true, "{back}");
    assert_eq!(organisations(&node).len(), 18);
    let there = carry(&city, &node, &city.hub);
    assert_eq!(there["equal"], true, "{there}");
    carry(&city, &city.hub, &node);
    assert_equal(&node, &city.hub);
    assert_eq!(
        organisation(&node, &sample(1).0)["values"]["remark"],
        "备份之后"
    );

    // From here on only what is new travels.
    load_samples(&node, 19..=19);
    let (there, back) = round(&city, &node);
    assert_eq!(there["records"], 1, "{there}");
    assert_eq!(
        (&there["equal"], &back["equal"]),
        (&json!(true), &json!(true))
    );
}

#[test]
fn a_hub_restored_from_a_backup_gets_its_own_back_by_sticks() {
    let (city, node) = cut_off();
    load_samples(&node, 1..=10);
    round(&city, &node);
    let backup = city.text_path("hub.backup");
    city.hub.json(["backup", &backup]);
    load_samples(&node, 11..=15);
    put(&city.hub, &sample(1).0, "remark=市级备份之后").ok();
    city.hub
        .run([
            "record",
            "put",
            "programme_year",
            "--set",
            "year=2031",
            "--reason",
            "新年度",
        ])
        .ok();
    round(&city, &node);
    let all = records(&city.hub);
    city.hub.run(["restore", &backup]).ok();
    assert_ne!(records(&city.hub), all);

    let there = carry(&city, &node, &city.hub);
    assert_eq!(there["diagnosis"], "i_was_restored", "{there}");
    for _ in 0..2 {
        round(&city, &node);
    }
    assert_eq!(records(&city.hub), all);
    assert_settled(&node);
    assert_settled(&city.hub);
    assert_equal(&node, &city.hub);
    assert_eq!(
        organisation(&city.hub, &sample(1).0)["values"]["remark"],
        "市级备份之后"
    );
    load_samples(&node, 20..=20);
    assert_eq!(
        round(&city, &node).0["records"],
        1,
        "only what is new travels"
    );
}

const DAY_MS: u64 = 24 * 3_600 * 1_000;

fn now_ms() -> u64 {
    replica::Clock::wall_ms(&program::clock::SystemClock::default())
}

fn replica_of<T: std::str::FromStr<Err: std::fmt::Debug>>(program: &Program) -> T {
    let status = program.json(["status"]);
    status["replica"].as_str().unwrap().parse().unwrap()
}

/// A city whose authority is a year old, with one district and no line.
fn cut_off_for_long() -> (City, Program) {
    let mut city = City::founded();
    for name in [link::CERTIFICATE_FILE, link::KEY_FILE] {
        std::fs::remove_file(city.hub.data.join(name)).unwrap();
    }
    let link::NodeId(hub) = replica_of(&city.hub);
    let (folder, then_ms) = (&city.hub.data, now_ms() - 365 * DAY_MS);
    link::Authority::create(folder, replica::ReplicaId(hub), then_ms, None).unwrap();
    city.up();
    let node = city.jianxi().node;
    city.down();
    (city, node)
}

/// Gives the node a certificate that was issued so many days ago.
fn age_certificate(city: &City, node: &Program, days: u64) {
    let authority = link::Authority::load(&city.hub.data, None).unwrap();
    let key = std::fs::read(node.data.join("node.key")).unwrap();
    let request = link::PrivateKey::read(&key).unwrap().request().unwrap();
    let at_ms = now_ms() - days * DAY_MS;
    let issued = authority.issue_node(&request, replica_of(node), at_ms);
    let text = link::certificate_pem(&issued.unwrap().0);
    std::fs::write(node.data.join("node.crt"), text).unwrap();
}

#[test]
fn a_certificate_renews_by_stick_and_one_that_is_over_gets_nowhere() {
    let (city, node) = cut_off_for_long();
    let days = || node.json(["status"])["certificate_days"].as_i64().unwrap();
    let (before, key) = (days(), std::fs::read(node.data.join("node.key")).unwrap());
    load_samples(&node, 1..=2);
    round(&city, &node);
    assert_eq!(days(), before, "a young one stays");
    age_certificate(&city, &node, 70);
    assert!(days() < 21);
    carry(&city, &node, &city.hub);
    // The first answer is lost.
    export(&city.hub, &city.text_path("lost"));
    carry(&city, &city.hub, &node);
    assert!(days() > 88, "{}", days());
    assert_eq!(std::fs::read(node.data.join("node.key")).unwrap(), key);
    assert_eq!(round(&city, &node).0["equal"], true, "the new one is good");

    age_certificate(&city, &node, 100);
    let late = city.text_path("late");
    refused(&node, ["bundle", "export", &late], 4, "LINK-003");
    assert!(!city.path("late").exists() && !city.path("late.new").exists());
}

#[test]
fn a_hub_with_a_passphrase_needs_it_when_it_is_not_serving() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(at("secret"), "一句口令\n").unwrap();
    let hub = Program::hub(super::city::hub_exe(), &folder.path().join("hub"));
    let secret = ["--passphrase-file".to_owned(), at("secret")];
    let with = |args: &[&str]| {
        let args = args.iter().map(|arg| (*arg).to_owned());
        args.chain(secret.clone()).collect::<Vec<_>>()
    };
    hub.run(with(&["init", "--scope", "410300", "--name", "洛阳市"]))
        .ok();
    let serving = hub.serve(with(&["--listen", "127.0.0.1:0"]));
    let token = hub.run(["node", "invite", "--scope", "410305", "--name", "涧西区"]);
    let node = Program::node(super::city::node_exe(), &folder.path().join("node"));
    let address = format!("https://{}", serving.listen());
    let token = token.ok().stdout;
    node.run(["join", "--hub", &address, "--token", token.trim()])
        .ok();
    load_samples(&node, 1..=2);
    export(&node, &at("stick"));
    // The serving hub has its key open.
    import(&hub, &at("stick"));
    assert_eq!(serving.terminate().0, 0);
    load_samples(&node, 3..=3);
    export(&node, &at("stick"));
    refused(&hub, ["bundle", "import", &at("stick")], 4, "HUB-003");
    hub.run(with(&["bundle", "import", &at("stick")])).ok();
    hub.run(with(&["bundle", "export", &at("answer")])).ok();
    assert_eq!(import(&node, &at("answer"))["equal"], true);
    assert_equal(&node, &hub);
}

//! Two people at once: on both sides of a cut line, and at two nodes of one district.

use serde_json::{Value, json};
use tests::programs::Program;

use super::city::{
    City, assert_equal, assert_refused, content, load_samples, organisation, put, sample, settle,
    until,
};

fn candidates(entry: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = entry["candidates"].as_array().unwrap().iter();
    all.map(|one| (text(&one["value"]), text(&one["author"])))
        .collect()
}

/// The number of the candidate with a value.
fn number_of(shown: &Value, value: &str) -> String {
    let all = shown["candidates"].as_array().unwrap();
    let one = all.iter().find(|one| one["value"] == value).unwrap();
    one["candidate"].to_string()
}

fn address(program: &Program, id: &str) -> Value {
    organisation(program, id)["values"]["operating_address"].clone()
}

#[test]
fn two_clerks_on_both_sides_of_a_cut_line_lose_nothing() {
    let mut city = City::open();
    let jianxi = city.jianxi();
    let node = &jianxi.node;
    load_samples(node, 1..=3);
    let _serving = node.serve::<&str>([]);
    settle(node);
    let (merged, disputed) = (sample(1).0, sample(2).0);
    let before = address(node, &disputed);

    jianxi.line.cut();
    until("the cut is seen", || {
        super::city::peer(node)["state"] != "connected"
    });
    let (clerk, checker) = (node.by("张工"), city.hub.by("市级"));
    put(&clerk, &merged, "operating_address=涧西示例路999号").ok();
    put(&checker, &merged, "remark=市级抽查：情况属实").ok();
    put(&clerk, &disputed, "operating_address=涧西示例路1号").ok();
    put(&checker, &disputed, "operating_address=涧西示例路2号").ok();
    jianxi.line.mend();
    settle(node);
    assert_equal(node, &city.hub);

    let one = organisation(&city.hub, &merged);
    let both = json!([one["values"]["operating_address"], one["values"]["remark"]]);
    assert_eq!(both, json!(["涧西示例路999号", "市级抽查：情况属实"]));
    assert_eq!(one["conflicts"], json!([]), "different fields merge");

    let docket = format!("organisation/{disputed}/operating_address");
    for program in [node, &city.hub] {
        let open = program.json(["conflict", "list"]);
        assert_eq!(open.as_array().unwrap().len(), 1, "{open}");
        assert_eq!(open[0]["id"], *docket, "the same id on both sides");
        assert_eq!(program.json(["status"])["conflicts"], 1);
        let shown = program.json(["conflict", "show", &docket]);
        assert_eq!(
            shown["base"]["value"], before,
            "the value both started from"
        );
        let mut values = candidates(&shown);
        values.sort();
        assert_eq!(values[0].0, "涧西示例路1号");
        assert_eq!(values[1].0, "涧西示例路2号");
        assert!(values[0].1.starts_with("张工@410305-") && values[1].1.starts_with("市级@"));
        assert_eq!(address(program, &disputed), before, "until it is decided");
    }

    let shown = city.hub.json(["conflict", "show", &docket]);
    let take = number_of(&shown, "涧西示例路1号");
    let own = checker.run(["conflict", "take", &docket, &take, "--reason", "就用我的"]);
    assert_refused(&own, 4, "CONFLICT-003");
    let bare = city.hub.run(["conflict", "take", &docket, &take]);
    assert_eq!(bare.code, 2, "a decision has a reason: {bare:?}");
    let decider = city.hub.by("冲突处理员");
    let reason = "以县区现场核实为准";
    decider
        .run(["conflict", "take", &docket, &take, "--reason", reason])
        .ok();
    settle(node);
    for program in [node, &city.hub] {
        assert_decided(program, &disputed, "涧西示例路1号", reason);
    }

    // Work goes on, and nothing brings the conflict back.
    put(&clerk, &disputed, "employees=77").ok();
    put(&clerk, &merged, "operating_address=涧西示例路998号").ok();
    settle(node);
    assert_decided(&city.hub, &disputed, "涧西示例路1号", reason);
    assert_equal(node, &city.hub);
    for program in [node, &city.hub] {
        until("status says equal", || {
            program.json(["status"])["equal"] == true
        });
    }
}

/// The conflict is settled as decided, and everybody can see why.
#[track_caller]
fn assert_decided(program: &Program, id: &str, value: &str, reason: &str) {
    let now = organisation(program, id);
    assert_eq!(now["values"]["operating_address"], value);
    assert_eq!(now["conflicts"], json!([]));
    assert_eq!(program.json(["conflict", "list"]), json!([]));
    let history = program.json(["record", "history", "organisation", id]);
    let events = history["history"].as_array().unwrap();
    let decided = |event: &&Value| event["source"] == "decision" && event["reason"] == reason;
    assert_eq!(
        events.iter().filter(decided).count(),
        1,
        "decided once: {history}"
    );
    let why = program.json(["record", "explain", "organisation", id, "operating_address"]);
    assert_eq!(why["fields"][0]["reason"], reason, "{why}");
}

#[test]
fn a_conflict_is_still_listed_after_a_start_and_can_be_decided_at_the_district() {
    let mut city = City::open();
    let jianxi = city.jianxi();
    let node = &jianxi.node;
    load_samples(node, 1..=1);
    let id = sample(1).0;
    settle(node);
    // No program serves at the district: each command opens the store anew.
    put(&node.by("张工"), &id, "operating_address=涧西示例路1号").ok();
    put(&city.hub.by("市级"), &id, "operating_address=涧西示例路2号").ok();
    settle(node);
    let open = node.json(["conflict", "list"]);
    assert_eq!(
        open.as_array().unwrap().len(),
        1,
        "a start forgets no conflict: {open}"
    );
    assert_eq!(node.json(["status"])["conflicts"], 1);
    city.down();
    city.up();
    assert_eq!(
        city.hub.json(["conflict", "list"]),
        open,
        "nor does the hub"
    );

    let docket = open[0]["id"].as_str().unwrap();
    let chief = node.by("李主任");
    let set = "operating_address=涧西示例路12号";
    chief
        .run([
            "conflict",
            "edit",
            docket,
            "--set",
            set,
            "--reason",
            "两处均有误",
        ])
        .ok();
    settle(node);
    for program in [node, &city.hub] {
        assert_decided(program, &id, "涧西示例路12号", "两处均有误");
    }
}

#[test]
fn two_nodes_of_one_district_exchange_through_the_hub() {
    let mut city = City::open();
    let office = city.district("410305", "涧西区", "office");
    let park = city.district("410305", "涧西区", "park");
    assert_ne!(
        office.node.json(["status"])["replica"],
        park.node.json(["status"])["replica"],
        "two replicas of one district"
    );
    let (_office_serves, _park_serves) =
        (office.node.serve::<&str>([]), park.node.serve::<&str>([]));
    load_samples(&office.node, 1..=20);
    let count = |program: &Program| super::city::organisations(program).len();
    until("the park has what the office wrote", || {
        count(&park.node) == 20
    });
    load_samples(&park.node, 21..=30);
    let id = sample(5).0;
    put(&park.node.by("园区"), &id, "operating_address=园区路5号").ok();
    until("the office has what the park wrote", || {
        count(&office.node) == 30 && address(&office.node, &id) == "园区路5号"
    });

    // At the same time, at two desks of one district, with the line of one of them cut.
    park.line.cut();
    until("the cut is seen", || {
        super::city::peer(&park.node)["state"] != "connected"
    });
    put(&park.node.by("园区"), &id, "operating_address=园区路6号").ok();
    put(&office.node.by("机关"), &id, "operating_address=园区路7号").ok();
    settle(&office.node);
    park.line.mend();
    settle(&park.node);
    until("all three hold the conflict", || {
        let held = |program| {
            organisation(program, &id)["conflicts"]
                .as_array()
                .unwrap()
                .len()
        };
        [&office.node, &park.node, &city.hub]
            .into_iter()
            .all(|program| held(program) == 1)
    });
    let whole = content(&organisation(&city.hub, &id));
    assert_eq!(content(&organisation(&office.node, &id)), whole);
    assert_eq!(content(&organisation(&park.node, &id)), whole);
    settle(&office.node);
    assert_equal(&office.node, &park.node);
    assert_equal(&office.node, &city.hub);
}

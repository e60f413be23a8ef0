//! Conflicts to their end: decided in the city, seen in the districts, taken back, and confirmed by
//! everybody; and what a storm stops.

use serde_json::{Value, json};
use tests::programs::{Program, Ran};

use super::{
    across::{CODE, Two, make, sample as example},
    city::{
        City, District, assert_equal, assert_refused, load_samples, organisation, put, sample,
        settle, until,
    },
    transfers::{accept, agreed},
};

/// Two values of one address, written without knowing of each other: at a district and in the city.
fn dispute(district: &District, hub: &Program, n: u64) -> String {
    let id = sample(n).0;
    let node = &district.node;
    put(&node.by("张工"), &id, "operating_address=涧西示例路1号").ok();
    put(&hub.by("市级"), &id, "operating_address=涧西示例路2号").ok();
    settle(node);
    format!("organisation/{id}/operating_address")
}

fn sides(program: &Program, docket: &str) -> Vec<(String, String)> {
    let card = program.json(["conflict", "show", docket]);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = card["candidates"].as_array().unwrap().iter();
    let mut sides: Vec<_> = all
        .map(|one| (text(&one["value"]), text(&one["author"])))
        .collect();
    sides.sort();
    sides
}

fn decided(program: &Program) -> Value {
    program.json(["conflict", "list", "--state", "decided"])
}

/// A district with two nodes that hold one dispute with the city.
struct Disputed {
    city: City,
    office: District,
    park: District,
    docket: String,
    before: Vec<(String, String)>,
}

impl Disputed {
    fn new() -> Self {
        let mut city = City::open();
        let office = city.district("410305", "涧西区", "office");
        let park = city.district("410305", "涧西区", "park");
        load_samples(&office.node, 1..=2);
        settle(&office.node);
        settle(&park.node);
        let docket = dispute(&office, &city.hub, 1);
        settle(&park.node);
        let before = sides(&city.hub, &docket);
        assert_eq!(before.len(), 2);
        let disputed = Self {
            city,
            office,
            park,
            docket,
            before,
        };
        for program in disputed.all() {
            assert_eq!(
                sides(program, &disputed.docket),
                disputed.before,
                "one docket"
            );
        }
        disputed
    }

    fn all(&self) -> [&Program; 3] {
        [&self.office.node, &self.park.node, &self.city.hub]
    }

    fn settle(&self) {
        settle(&self.office.node);
        settle(&self.park.node);
    }

    fn take(&self, by: &Program, candidate: &str, reason: &str) {
        let take = [
            "conflict",
            "take",
            &self.docket,
            candidate,
            "--reason",
            reason,
        ];
        by.run(take).ok();
    }
}

#[test]
fn a_decision_is_confirmed_when_every_node_of_the_scope_has_it() {
    let disputed = Disputed::new();
    let (hub, park) = (&disputed.city.hub, &disputed.park.node);
    disputed.take(&hub.by("冲突处理员"), "1", "现场核实");
    assert_eq!(decided(hub)[0]["confirmed"], false);
    settle(&disputed.office.node);
    let one = decided(hub)[0].clone();
    assert_eq!(one["confirmed"], false, "the park has not heard of it");
    let id = park.json(["status"])["replica"].as_str().unwrap()[..8].to_owned();
    assert_eq!(
        one["missing"],
        json!([format!("410305-{id}")]),
        "and that is said"
    );
    settle(park);
    until("everybody has it", || decided(hub)[0]["confirmed"] == true);
    assert_eq!(decided(hub)[0]["missing"], json!([]));
    for node in [&disputed.office.node, park] {
        let seen = decided(node)[0].clone();
        assert_eq!(
            (&seen["reason"], &seen["id"]),
            (&json!("现场核实"), &json!(disputed.docket))
        );
        assert_eq!(seen["confirmed"], true, "the hub has it");
        assert!(sides(node, &disputed.docket).is_empty());
    }
}

/// A node that has joined and has never called has no place in the feed yet, and counted for nothing.
#[test]
fn a_node_that_has_joined_and_never_called_is_waited_for() {
    let mut disputed = Disputed::new();
    let late = disputed.city.district("410305", "涧西区", "late").node;
    let other = disputed.city.district("410302", "老城区", "other").node;
    let hub = &disputed.city.hub;
    disputed.take(&hub.by("冲突处理员"), "1", "现场核实");
    disputed.settle();
    let id = late.json(["status"])["replica"].as_str().unwrap()[..8].to_owned();
    let only_the_late = || decided(hub)[0]["missing"] == json!([format!("410305-{id}")]);
    until("all others have it", only_the_late);
    assert_eq!(decided(hub)[0]["confirmed"], false);
    settle(&other);
    assert!(only_the_late());
    settle(&late);
    until("everybody has it", || decided(hub)[0]["confirmed"] == true);
}

#[test]
fn a_node_that_was_revoked_is_not_waited_for() {
    let disputed = Disputed::new();
    let hub = &disputed.city.hub;
    disputed.take(&hub.by("冲突处理员"), "1", "现场核实");
    settle(&disputed.office.node);
    assert_eq!(decided(hub)[0]["confirmed"], false);
    let park = disputed.park.node.json(["status"])["replica"].clone();
    hub.run(["node", "revoke", park.as_str().unwrap()]).ok();
    assert_eq!(decided(hub)[0]["confirmed"], true);
}

#[test]
fn a_decision_is_taken_back_and_everybody_sees_who_and_why() {
    let disputed = Disputed::new();
    let docket = disputed.docket.as_str();
    let hub = &disputed.city.hub;
    let decider = hub.by("冲突处理员");
    disputed.take(&decider, "1", "现场核实");
    disputed.settle();

    // The district takes the city's decision back.
    let chief = disputed.office.node.by("李主任");
    let undone = chief.json(["conflict", "undo", docket, "--reason", "弄错了门牌"]);
    assert_eq!(undone["open"], true);
    disputed.settle();
    for program in disputed.all() {
        assert_eq!(
            sides(program, docket),
            disputed.before,
            "each as it was written first"
        );
        let card = program.json(["conflict", "show", docket]);
        let last = card["decisions"]
            .as_array()
            .unwrap()
            .last()
            .unwrap()
            .clone();
        let said = (&last["choice"], &last["reason"]);
        assert_eq!(said, (&json!("undo"), &json!("弄错了门牌")));
        assert!(
            last["author"]
                .as_str()
                .unwrap()
                .starts_with("李主任@410305-")
        );
        assert_eq!(decided(program), json!([]), "it is open again");
        let explain = ["record", "explain", "organisation", &sample(1).0];
        let explained = program.json(explain.into_iter().chain(["operating_address"]));
        let entry = &explained["fields"][0];
        let beside = entry["beside"].as_array().unwrap().iter();
        let authors: Vec<_> = beside.chain([entry]).map(|one| &one["author"]).collect();
        let is_of_chief =
            |author: &&&Value| author.as_str().is_some_and(|a| a.starts_with("李主任"));
        assert_eq!(authors.iter().find(is_of_chief), None, "{explained}");
    }
    // Whose words stand again may not decide, though another has written the copies.
    let own = hub.by("市级");
    let own = own.run(["conflict", "take", docket, "2", "--reason", "我的"]);
    assert_refused(&own, 4, "CONFLICT-003");

    // An undo of the undo is the same act.
    let undo = undone["decision"].as_str().unwrap();
    decider
        .run(["conflict", "undo", undo, "--reason", "门牌没错"])
        .ok();
    disputed.settle();
    let id = sample(1).0;
    let address = |program| organisation(program, &id)["values"]["operating_address"].clone();
    for program in disputed.all() {
        assert_eq!(program.json(["conflict", "list"]), json!([]));
        assert_eq!(address(program), address(hub));
    }

    // Later writes end the right to undo.
    put(
        &disputed.office.node.by("张工"),
        &id,
        "operating_address=涧西示例路8号",
    )
    .ok();
    let late = chief.run(["conflict", "undo", docket, "--reason", "再撤"]);
    assert_refused(&late, 4, "CONFLICT-007");
    assert!(late.stderr.contains("张工@410305-"), "{late:?}");
    disputed.settle();
    assert_equal(&disputed.office.node, hub);
}

#[test]
fn two_decisions_at_once_are_one_new_conflict_and_either_can_be_taken_back() {
    let disputed = Disputed::new();
    let docket = disputed.docket.as_str();
    let (hub, office) = (&disputed.city.hub, &disputed.office.node);
    disputed.take(&hub.by("冲突处理员"), "1", "市级核实");
    disputed.take(&office.by("李主任"), "2", "区级核实");
    disputed.settle();
    disputed.settle();
    for program in disputed.all() {
        let open = program.json(["conflict", "list"]);
        assert_eq!(
            open.as_array().unwrap().len(),
            1,
            "one, and no loop: {open}"
        );
        let sources = [
            &open[0]["candidates"][0]["source"],
            &open[0]["candidates"][1]["source"],
        ];
        assert_eq!(sources, ["decision", "decision"]);
    }
    let which = hub
        .by("主任")
        .run(["conflict", "undo", docket, "--reason", "x"]);
    assert_refused(&which, 6, "CONFLICT-010");
    let card = hub.json(["conflict", "show", docket]);
    let all = card["candidates"].as_array().unwrap().iter();
    let mut own = all.filter(|one| one["author"].as_str().unwrap().starts_with("李主任@"));
    let decision = own.next().unwrap()["decision"].as_str().unwrap().to_owned();
    hub.by("主任")
        .run(["conflict", "undo", &decision, "--reason", "以市级为准"])
        .ok();
    disputed.settle();
    for program in disputed.all() {
        let values: Vec<String> = sides(program, docket).into_iter().map(|(v, _)| v).collect();
        assert_eq!(
            values.len(),
            3,
            "the city's decision stays beside both: {values:?}"
        );
    }
    assert_equal(office, hub);
}

/// An organisation of Jianxi whose address the district and the city have written at once. Returns
/// its id, and the name of the docket.
fn address_in_conflict(two: &Two) -> (String, String) {
    let jianxi = &two.jianxi.node;
    let id = make(jianxi, &example(CODE, "洛阳甲厂"));
    two.settle();
    put(&jianxi.by("张工"), &id, "operating_address=涧西示例路1号").ok();
    put(
        &two.hub().by("市级"),
        &id,
        "operating_address=老城示例路2号",
    )
    .ok();
    two.settle();
    let docket = format!("organisation/{id}/operating_address");
    (id, docket)
}

#[test]
fn a_docket_moves_with_its_record_and_the_new_owner_can_take_the_decision_back() {
    let two = Two::open();
    let (jianxi, laocheng) = (&two.jianxi.node, &two.laocheng.node);
    let (id, docket) = address_in_conflict(&two);
    let before = sides(two.hub(), &docket);
    let decider = two.hub().by("冲突处理员");
    let back = ["conflict", "return", &docket, "--reason", "哪个是现址？"];
    decider.run(back).ok();
    let take = ["conflict", "take", &docket, "1", "--reason", "现场核实"];
    decider.run(take).ok();
    two.settle();
    let request = agreed(&two, &format!("organisation/{id}"));
    two.hub().run(accept(&request)).ok();
    two.settle();

    assert_eq!(decided(jianxi), json!([]), "it left with its record");
    for program in [laocheng, two.hub()] {
        let one = decided(program)[0].clone();
        assert_eq!(
            (&one["id"], &one["scope"]),
            (&json!(docket), &json!("410302"))
        );
        assert_eq!(one["reason"], "现场核实");
        assert_eq!(one["confirmed"], true, "{one}");
        let card = program.json(["conflict", "show", &docket]);
        assert_eq!(card["notes"][0]["text"], "哪个是现址？");
    }
    let undo = ["conflict", "undo", &docket, "--reason", "已搬到老城"];
    laocheng.by("王主任").run(undo).ok();
    two.settle();
    for program in [laocheng, two.hub()] {
        assert_eq!(sides(program, &docket), before);
    }
    assert_equal(laocheng, two.hub());
}

#[test]
fn a_decision_that_comes_too_late_is_kept_and_only_its_value_is_proposed() {
    let two = Two::open();
    let (jianxi, laocheng) = (&two.jianxi.node, &two.laocheng.node);
    let (id, docket) = address_in_conflict(&two);
    let before = sides(two.hub(), &docket);
    let request = agreed(&two, &format!("organisation/{id}"));
    // Jianxi decides off line; meanwhile the record moves.
    two.jianxi.line.cut();
    let take = ["conflict", "take", &docket, "1", "--reason", "离线裁决"];
    jianxi.by("李主任").run(take).ok();
    two.hub().run(accept(&request)).ok();
    settle(laocheng);
    two.jianxi.line.mend();
    two.settle();
    for program in [laocheng, two.hub()] {
        assert_eq!(sides(program, &docket), before, "it is for the new home");
        assert_eq!(decided(program), json!([]));
        let late = program.json(["proposal", "list"]);
        assert_eq!(late.as_array().unwrap().len(), 1, "{late}");
        let value = &late[0]["values"]["operating_address"];
        assert!(value.is_string(), "{late}");
    }
    let kept = jianxi.json(["refusal", "list"]);
    let kinds: Vec<&Value> = kept
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["kind"])
        .collect();
    assert!(kinds.contains(&&json!("decision")), "{kept}");
    let take = ["conflict", "take", &docket, "1", "--reason", "现场核实"];
    laocheng.by("王主任").run(take).ok();
    two.settle();
    assert_eq!(decided(two.hub())[0]["confirmed"], true);
    assert_equal(laocheng, two.hub());
    for program in [laocheng, jianxi, two.hub()] {
        assert_eq!(program.json(["verify"])["findings"], json!([]));
    }
}

#[test]
fn what_the_city_sends_back_or_puts_off_the_district_sees_and_answers() {
    let mut city = City::open();
    let jianxi = city.jianxi();
    load_samples(&jianxi.node, 1..=2);
    settle(&jianxi.node);
    let docket = dispute(&jianxi, &city.hub, 1);
    let state = |program: &Program| program.json(["conflict", "list"])[0]["state"].clone();
    city.hub
        .by("处理员")
        .run(["conflict", "return", &docket, "--reason", "哪个是现址？"])
        .ok();
    settle(&jianxi.node);
    assert_eq!(state(&jianxi.node), "returned");
    let card = jianxi.node.json(["conflict", "show", &docket]);
    assert_eq!(card["notes"][0]["text"], "哪个是现址？");
    // The district looks and writes again, having seen both.
    let late = [
        "conflict",
        "defer",
        &docket,
        "--until",
        "2000-01-01",
        "--reason",
        "x",
    ];
    assert_refused(&jianxi.node.run(late), 6, "CONFLICT-009");
    let defer = [
        "conflict",
        "defer",
        &docket,
        "--until",
        "2099-01-01",
        "--reason",
        "等核实",
    ];
    jianxi.node.by("李主任").run(defer).ok();
    settle(&jianxi.node);
    assert_eq!(state(&city.hub), "deferred");
    let edit = [
        "conflict",
        "edit",
        &docket,
        "--set",
        "operating_address=涧西示例路3号",
        "--reason",
        "现址",
    ];
    jianxi.node.by("李主任").run(edit).ok();
    settle(&jianxi.node);
    assert_eq!(city.hub.json(["conflict", "list"]), json!([]));
    assert_eq!(decided(&city.hub)[0]["value"], "涧西示例路3号");
}

/// Loads four addresses into a program.
fn load(program: &Program, side: &str) -> Ran {
    let line = |n: u64| {
        let values = json!({ "operating_address": format!("{side}{n}号") });
        let line = json!({"kind": "organisation", "id": sample(n).0, "values": values});
        format!("{line}\n")
    };
    let lines: String = (1..=4).map(line).collect();
    let file = program.data.with_extension(format!("{side}.ndjson"));
    std::fs::write(&file, lines).unwrap();
    program.run(["record", "load", file.to_str().unwrap(), "--json"])
}

#[test]
fn a_storm_stops_its_source_until_somebody_else_releases_it() {
    let mut city = City::open();
    let jianxi = city.jianxi();
    let node = &jianxi.node;
    load_samples(node, 1..=4);
    settle(node);
    for data in [&node.data, &city.hub.data] {
        std::fs::write(data.join("config.toml"), "[conflicts]\nstorm = 3\n").unwrap();
    }
    city.down();
    city.up();
    // A load at the district and a load in the city say different things of four addresses.
    let (clerk, registry) = (node.by("台账"), city.hub.by("登记"));
    load(&clerk, "台账路").ok();
    load(&registry, "登记路").ok();
    settle(node);
    assert_refused(&load(&clerk, "又一次"), 4, "CONFLICT-014");
    assert_refused(&load(&registry, "又一次"), 4, "CONFLICT-014");
    put(&clerk, &sample(1).0, "remark=单条照常").ok();

    let storms = city.hub.json(["conflict", "storm"]);
    let of = |author: &str| {
        let all = storms.as_array().unwrap().iter();
        let mut own = all.filter(|one| one["author"].as_str().unwrap().starts_with(author));
        own.next().unwrap().clone()
    };
    let id = of("台账@")["id"].as_str().unwrap().to_owned();
    assert_eq!(
        (&of("台账@")["conflicts"], &of("台账@")["stopped"]),
        (&json!(4), &json!(true))
    );
    let listed = city.hub.run(["conflict", "list"]).ok();
    assert_eq!(
        listed.stdout.lines().count(),
        1,
        "one line for the administrator: {listed:?}"
    );

    let release = [
        "conflict",
        "storm",
        "release",
        &id,
        "--reason",
        "是正式台账",
    ];
    city.hub.by("管理员").run(release).ok();
    settle(node);
    load(&clerk, "台账路").ok();

    // The rest is settled by one preset, after a look.
    let bulk = [
        "conflict",
        "bulk",
        "--preset",
        "R05",
        "--field",
        "organisation.operating_address",
    ];
    let admin = city.hub.by("管理员");
    let preview = admin.json(bulk.into_iter().chain(["--preview"]));
    assert_eq!(preview["decides"].as_array().unwrap().len(), 4, "{preview}");
    let token = preview["confirm"].as_str().unwrap();
    let confirm = ["--confirm", token, "--reason", "以县区为准"];
    let done = admin.json(bulk.into_iter().chain(confirm));
    assert_eq!(done["decided"].as_array().unwrap().len(), 4, "{done}");
    settle(node);
    assert_eq!(node.json(["conflict", "list"]), json!([]));
    assert_eq!(node.json(["conflict", "storm"]), json!([]));
    assert_equal(node, &city.hub);
}

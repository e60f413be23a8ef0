//! A record that moves takes nothing of its past along: a day before the move is counted where it was.

use serde_json::{Value, json};
use tests::programs::Program;

use crate::e2e::{
    across::{CODE, Two, made, make, other_code, sample},
    city::{assert_refused, refused},
    transfers::{accept, agreed, with_children},
};

const PERIOD: &str = "2020Q4";
const DAY: &str = "2020-12-31";

/// What a program counts for a scope on a day.
fn figures(program: &Program, scope: &str, day: &str) -> Value {
    let all = program.json(["report", "indicators", "--as-of", day]);
    let mut of = all["scopes"][scope].clone();
    // Of the day of the question, whatever day is asked for.
    of.as_object_mut().unwrap().remove("open_conflicts");
    of
}

fn returned(program: &Program, scope: &str, step: &str) -> tests::programs::Ran {
    let args = ["return", step, PERIOD, "--scope", scope];
    program.run([&args[..], &["--reason", "季报", "--json"]].concat())
}

#[track_caller]
fn assert_signed(program: &Program, scope: &str, status: &str) {
    let shown = program.json(["return", "show", PERIOD, "--scope", scope]);
    assert_eq!(
        (&shown["status"], &shown["equal"], &shown["corrections"]),
        (&json!(status), &json!(true), &json!([])),
        "{scope}"
    );
}

fn id_of(all: &[(&'static str, String)], kind: &str) -> String {
    let mut of_kind = all.iter().filter(|(known, _)| *known == kind);
    of_kind.next().unwrap().1.clone()
}

/// Every program counts what the two districts counted of the quarter.
#[track_caller]
fn assert_as_before(two: &Two, before: &(Value, Value)) {
    for (program, scope, then) in [
        (&two.jianxi.node, "410305", &before.0),
        (two.hub(), "410305", &before.0),
        (&two.laocheng.node, "410302", &before.1),
        (two.hub(), "410302", &before.1),
    ] {
        assert_eq!(&figures(program, scope, DAY), then, "{scope}");
    }
}

#[test]
fn a_move_leaves_the_past_where_it_was() {
    let two = Two::open();
    let (hub, from, to) = (two.hub(), &two.jianxi.node, &two.laocheng.node);
    let all = with_children(from);
    let unit = id_of(&all, "organisation");
    from.set(("organisation", &unit), &["verified_on=2020-06-01"], "核实")
        .ok();
    returned(from, "410305", "submit").ok();
    returned(to, "410302", "submit").ok();
    two.settle();
    returned(hub, "410302", "accept").ok();
    let before = (figures(from, "410305", DAY), figures(to, "410302", DAY));
    assert_eq!(
        (&before.0["counted"], &before.1["counted"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(before.0["org_coverage_rate"]["num"], 1);
    let listed = (tables(hub, "410305"), tables(hub, "410302"));
    assert_ne!(listed.0, listed.1);

    let request = agreed(&two, &format!("organisation/{unit}"));
    hub.run(accept(&request)).ok();
    two.settle();
    let now = hub.json(["report", "indicators"]);
    assert_eq!(
        (
            &now["scopes"]["410305"]["counted"],
            &now["scopes"]["410302"]["counted"]
        ),
        (&json!(0), &json!(1))
    );
    assert_as_before(&two, &before);

    changed_there(to, &all);
    two.settle();
    assert_as_before(&two, &before);
    signed_and_listed(&two, &listed, &unit);
}

/// What its new home writes of days before it came is no matter of the scope that it has left.
#[track_caller]
fn changed_there(to: &Program, all: &[(&'static str, String)]) {
    let [unit, party, link, carrier] = [
        "organisation",
        "party_organisation",
        "coverage_link",
        "carrier",
    ]
    .map(|kind| id_of(all, kind));
    to.set(
        ("organisation", &unit),
        &["members=9", "full_members=9", "as_of=2026-11-01"],
        "新数",
    )
    .ok();
    let ended = ["to_on=2020-07-01", "end_reason=other"];
    to.set(("coverage_link", &link), &ended, "改期").ok();
    let delete = ["record", "delete", "carrier", &carrier, "--reason", "重复"];
    to.run(delete).ok();
    let later = json!({ "organisation": unit, "party_organisation": party,
        "form": "joint", "from_on": "2020-08-01" });
    made(to, "coverage_link", &later);
}

/// Returns, reports and what is behind a figure say what they said.
#[track_caller]
fn signed_and_listed(two: &Two, listed: &(Vec<Value>, Vec<Value>), unit: &str) {
    let (hub, from, to) = (two.hub(), &two.jianxi.node, &two.laocheng.node);
    // What was signed before it moved is still what is counted, so the city accepts and locks it.
    returned(hub, "410305", "accept").ok();
    returned(hub, "410305", "lock").ok();
    two.settle();
    for (program, scope, status) in [
        (hub, "410305", "locked"),
        (from, "410305", "locked"),
        (hub, "410302", "accepted"),
        (to, "410302", "accepted"),
    ] {
        assert_signed(program, scope, status);
    }
    // The reports of the day are what they were, too.
    for (program, scope, then) in [
        (hub, "410305", &listed.0),
        (from, "410305", &listed.0),
        (hub, "410302", &listed.1),
        (to, "410302", &listed.1),
    ] {
        assert_eq!(&tables(program, scope), then, "{scope}");
    }
    // Whoever asks can read it up.
    let behind = [
        "explain",
        "indicator",
        "counted",
        "--scope",
        "410305",
        "--as-of",
        DAY,
    ];
    let behind = hub.json(behind);
    assert_eq!(behind["counted"][0]["id"], unit, "{behind}");
    let history = hub.json(["record", "history", "organisation", unit]);
    assert!(history.to_string().contains("\"since\""), "{history}");
}

/// The tables of a scope for the day.
fn tables(program: &Program, scope: &str) -> Vec<Value> {
    let of = |name: &&str| {
        let args = ["report", name, "--scope", scope, "--as-of", DAY];
        program.json(args)["tables"].clone()
    };
    [
        "enterprises",
        "five-ones",
        "blank-points",
        "training-roster",
    ]
    .iter()
    .map(of)
    .collect()
}

#[test]
fn a_move_can_count_from_a_day_that_is_past_and_from_none_to_come() {
    let two = Two::open();
    let (hub, from, to) = (two.hub(), &two.jianxi.node, &two.laocheng.node);
    let mut values = sample(CODE, "甲厂");
    values["verified_on"] = json!("2020-06-01");
    let unit = make(from, &values);
    // Who leads it moves along, without a last copy of the role in the feed that it leaves.
    let person = from.make("person", &json!({ "display_name": "王建国" }));
    let role = json!({ "person": person, "role": "head", "from_on": "2020-01-01",
        "subject": format!("organisation/{unit}") });
    made(from, "role_assignment", &role);
    values["uscc"] = json!(other_code());
    values["name"] = json!("乙厂");
    make(from, &values);
    returned(from, "410305", "submit").ok();
    two.settle();
    returned(hub, "410305", "accept").ok();
    let name = format!("organisation/{unit}");
    let rule = |to, on| {
        let args = ["transfer", "rule", &name, "--to", to, "--on", on];
        hub.run([&args[..], &["--reason", "搬迁", "--json"]].concat())
    };
    assert_refused(&rule("410302", "2099-01-01"), 6, "TRANSFER-018");
    assert_refused(&rule("410302", "soon"), 6, "REPORT-001");
    rule("410302", "2020-10-01").ok();
    two.settle();
    for (day, counted) in [("2020-09-30", (2, 0)), (DAY, (1, 1))] {
        for program in [hub, from] {
            let of = figures(program, "410305", day);
            assert_eq!(of["counted"], counted.0, "{day}");
        }
        assert_eq!(figures(to, "410302", day)["counted"], counted.1, "{day}");
        assert_eq!(figures(hub, "410302", day)["counted"], counted.1, "{day}");
    }
    // It belonged elsewhere when the quarter ended, so this is a correction: the same at both.
    let shown = |program: &Program| {
        let shown = program.json(["return", "show", PERIOD, "--scope", "410305"]);
        (shown["corrections"].clone(), shown["counted"].clone())
    };
    let (corrections, _) = shown(hub);
    let corrected = corrections.as_array().unwrap();
    for name in ["counted", "training_head"] {
        let of = |one: &Value| one["indicator"] == name;
        assert!(corrected.iter().any(of), "{name}: {corrections}");
    }
    assert_eq!(shown(hub), shown(from));
    // Back again, and not from before it came.
    assert_refused(&rule("410305", "2020-09-01"), 6, "TRANSFER-018");
    rule("410305", "2021-01-01").ok();
    two.settle();
    for (day, counted) in [("2020-09-30", 2), (DAY, 1), ("2021-01-01", 2)] {
        for program in [hub, from] {
            let of = figures(program, "410305", day);
            assert_eq!(of["counted"], counted, "{day}");
        }
    }
    assert_eq!(figures(to, "410302", DAY)["counted"], 1);
    assert_eq!(figures(to, "410302", "2021-01-01")["counted"], 0);
    refused(
        from,
        [
            "transfer", "request", &name, "--to", "410305", "--reason", "x",
        ],
        6,
        "TRANSFER-002",
    );
}

#[test]
fn what_was_merged_was_nothing_of_the_kind_before() {
    let two = Two::open();
    let (hub, from, to) = (two.hub(), &two.jianxi.node, &two.laocheng.node);
    let mut values = sample(CODE, "甲厂");
    values["verified_on"] = json!("2020-06-01");
    let loses = make(from, &values);
    values["name"] = json!("甲厂（分厂）");
    let stands = make(to, &values);
    two.settle();
    let before = (figures(from, "410305", DAY), figures(to, "410302", DAY));
    assert_eq!(before.0["counted"], 1);
    let cases = hub.json(["claim", "list"]);
    let case = cases[0]["id"].as_str().unwrap();
    let into = format!("organisation/{stands}");
    hub.run([
        "claim",
        "rule",
        case,
        "--merge-into",
        &into,
        "--reason",
        "同一单位",
    ])
    .ok();
    two.settle();
    assert_as_before(&two, &before);
    let now = hub.json(["report", "indicators"]);
    assert_eq!(now["scopes"]["410305"]["counted"], 0);
    // Nor is it when the merger is taken back.
    hub.set(("organisation", &loses), &["merged_into="], "有误")
        .ok();
    two.settle();
    assert_as_before(&two, &before);
}

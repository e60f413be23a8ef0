//! Quarterly returns: signed by the district, accepted by the city only where it counts the same.

use serde_json::{Value, json};
use tests::programs::Program;

use crate::e2e::{
    across::{CODE, Two, made, make, other_code, sample},
    city::assert_refused,
};

const PERIOD: &str = "2020Q4";

fn step(program: &Program, name: &str) -> tests::programs::Ran {
    let args = [
        "return", name, PERIOD, "--scope", "410305", "--reason", "季报", "--json",
    ];
    program.run(args)
}

fn shown(program: &Program) -> Value {
    program.json(["return", "show", PERIOD, "--scope", "410305"])
}

/// Says that a unit has not been one since the last day of the quarter.
fn exclude(node: &Program, id: &str) {
    let args = [
        "record",
        "act",
        "organisation",
        id,
        "exclude",
        "--on",
        "2020-12-31",
        "--set",
        "exclusion_reason=shell",
        "--reason",
        "空壳",
    ];
    node.run(args).ok();
}

/// The same, known since the summer of 2020.
fn verified(mut unit: Value) -> Value {
    unit["verified_on"] = json!("2020-06-01");
    unit
}

#[test]
fn a_return_is_accepted_only_with_equal_figures_and_corrections_show_afterwards() {
    let two = Two::open();
    let (hub, node) = (two.hub(), &two.jianxi.node);
    let first = make(node, &verified(sample(CODE, "甲厂")));
    let second = make(
        node,
        &json!({ "name": "乙厂", "org_class": "new_economic",
        "org_kind": "private_enterprise", "industry": "C", "operating_status": "operating",
        "census_status": "counted", "employees": 20, "members": 0, "full_members": 0,
        "as_of": "2020-09-30", "eligibility": "undetermined", "source": "manual",
        "remark": "尚未取得代码" }),
    );
    // A quarter that has not ended has no figures to sign, and nothing is left of the attempt.
    let early = ["return", "submit", "2099Q4", "--reason", "季报"];
    assert_refused(&node.run(early), 4, "RETURN-005");
    assert_eq!(
        node.json(["return", "list", "--year", "2099"]),
        json!([]),
        "no record was made"
    );
    income(node, "2020-11-01", 500_000);
    step(node, "submit").ok();
    let signed = shown(node);
    assert_eq!(
        (&signed["status"], &signed["equal"]),
        (&json!("submitted"), &json!(true))
    );
    assert_eq!(signed["figures"]["counted"], 2);
    // Nobody signs what is not counted, by whatever command, and no district accepts its own.
    let id = signed["id"].as_str().unwrap().to_owned();
    let forged = [
        "record",
        "put",
        "quarterly_return",
        &id,
        "--set",
        "figures_hash=00ff",
        "--reason",
        "x",
    ];
    assert_refused(&node.run(forged), 4, "RETURN-002");
    assert_eq!(step(node, "accept").code, 4);

    what_came_later_counts_later(&two, &first, &second);

    // A late correction: what was signed is no longer what is counted.
    exclude(node, &second);
    two.settle();
    assert_eq!(shown(hub)["equal"], false);
    let refused = step(hub, "accept");
    assert_refused(&refused, 4, "RETURN-003");
    let by_put = [
        "record",
        "put",
        "quarterly_return",
        &id,
        "--set",
        "status=accepted",
        "--reason",
        "x",
    ];
    assert_refused(&hub.run(by_put), 4, "RETURN-003");
    assert_eq!(shown(hub)["status"], "submitted");
    assert_eq!(shown(hub)["frozen"], false);

    step(node, "submit").ok();
    two.settle();
    step(hub, "accept").ok();
    let accepted = shown(hub);
    assert_eq!(
        (&accepted["status"], &accepted["frozen"]),
        (&json!("accepted"), &json!(true))
    );
    assert_eq!(accepted["corrections"], json!([]));
    step(hub, "lock").ok();
    two.settle();

    corrected_after_the_lock(&two, &first);
}

fn income(node: &Program, on: &str, fen: u32) {
    let entry = json!({ "year": "2020", "scope": "410305", "direction": "income",
        "source": "fiscal", "amount_fen": fen, "on": on });
    made(node, "funding_entry", &entry);
}

/// The work of the days after the quarter does not touch what was signed of it.
#[track_caller]
fn what_came_later_counts_later(two: &Two, first: &str, second: &str) {
    let (hub, node) = (two.hub(), &two.jianxi.node);
    let before = shown(node)["figures"].clone();
    // Figures of the next quarter, a judgement of its days, and more time that was given in them.
    let stated = [
        "employees=60",
        "members=9",
        "full_members=9",
        "as_of=2026-10-15",
    ];
    node.set(("organisation", first), &stated, "一季度数").ok();
    let stated = [
        "employees=70",
        "members=4",
        "full_members=4",
        "as_of=2021-02-15",
    ];
    node.set(("organisation", second), &stated, "一季度数").ok();
    node.set(("organisation", second), &["eligibility=eligible"], "研判")
        .ok();
    assert_eq!(shown(node)["figures"], before);
    let now = node.json(["report", "indicators", "--as-of", "2021-03-31"]);
    assert_ne!(
        now["scopes"]["410305"]["blank_points"],
        before["blank_points"]
    );
    let later = json!({ "name": "丙厂", "org_class": "new_economic",
        "org_kind": "private_enterprise", "industry": "C", "operating_status": "operating",
        "census_status": "counted", "verified_on": "2021-02-01", "employees": 20, "members": 0,
        "full_members": 0, "as_of": "2021-02-01", "eligibility": "undetermined",
        "source": "manual", "remark": "尚未取得代码" });
    let later = made(node, "organisation", &later);
    let closed = ["closed_on=2021-03-01"];
    node.act(("organisation", &later), "close", &closed, "注销")
        .ok();
    two.settle();
    for program in [hub, node] {
        let signed = shown(program);
        assert_eq!(
            (&signed["figures"]["counted"], &signed["equal"]),
            (&json!(2), &json!(true))
        );
    }
    for (day, counted) in [("2021-01-31", 2), ("2021-02-28", 3), ("2021-03-31", 2)] {
        let figures = node.json(["report", "indicators", "--as-of", day]);
        assert_eq!(figures["scopes"]["410305"]["counted"], counted, "{day}");
    }
    // A step holds neither from a day to come nor from before the one that it follows.
    let record = ("organisation", second);
    let ahead = ["exclusion_reason=shell", "steps=2099-01-01"];
    let before = ["exclusion_reason=shell", "steps=2019-01-01"];
    for (refused, code) in [
        (node.act(record, "exclude", &ahead, "x"), "step_ahead"),
        (node.act(record, "exclude", &before, "x"), "step_before"),
    ] {
        let found = &refused.json()["error"]["findings"];
        assert_eq!((refused.code, &found[0]["code"]), (6, &json!(code)));
    }
}

/// After the lock the ledger goes on; the frozen figure stays, the difference shows on both sides.
#[track_caller]
fn corrected_after_the_lock(two: &Two, first: &str) {
    let (hub, node) = (two.hub(), &two.jianxi.node);
    exclude(node, first);
    income(node, "2020-12-01", 200_000);
    two.settle();
    for program in [hub, node] {
        let after = shown(program);
        assert_eq!(after["status"], "locked");
        let corrected = after["corrections"].as_array().unwrap();
        for (name, was, is) in [("counted", 1, 0), ("funding_fiscal", 500_000, 700_000)] {
            let of = |one: &&Value| one["indicator"] == name;
            let one = corrected.iter().find(of).unwrap();
            assert_eq!((&one["was"]["num"], &one["is"]), (&json!(was), &json!(is)));
        }
    }
    let list = hub.json(["return", "list", "--year", "2020"]);
    assert_eq!(
        (list.as_array().unwrap().len(), &list[0]["status"]),
        (1, &json!("locked"))
    );
    let frozen = hub.json(["return", "freeze", PERIOD, "--reason", "全市"]);
    assert!(frozen["frozen"].as_u64().unwrap() > 40, "{frozen}");
}

#[test]
fn a_city_course_counts_where_its_people_are() {
    let two = Two::open();
    let (hub, node) = (two.hub(), &two.jianxi.node);
    let unit = make(node, &sample(CODE, "甲厂"));
    let person = node.make("person", &json!({ "display_name": "王建国" }));
    let role = json!({ "person": person, "role": "head", "from_on": "2020-01-01",
        "subject": format!("organisation/{unit}") });
    made(node, "role_assignment", &role);
    two.settle();
    let year = json!({ "year": "2020", "title": "示范化工程" });
    made(hub, "programme_year", &year);
    let course = json!({ "year": "2020", "title": "全市示范培训班",
        "kind": "centralised", "subjects": "theory", "target_roles": "head",
        "start_on": "2020-10-12", "end_on": "2020-10-13", "hours": 8, "status": "planned" });
    let course = hub.make("training_session", &course);
    for status in ["status=running", "status=held"] {
        hub.set(("training_session", &course), &[status], "开班")
            .ok();
    }
    let came = json!({ "session": course, "person": person, "role": "head", "attended": true });
    made(hub, "training_attendance", &came);
    two.settle();
    for (program, view) in [(hub, "city"), (node, "district")] {
        let figures = program.json(["report", "indicators", "--as-of", "2020-12-31"]);
        let trained = &figures["scopes"]["410305"]["training_head"];
        assert_eq!(
            (&trained["num"], &trained["den"]),
            (&json!(1), &json!(1)),
            "{view}"
        );
    }
    let roster = node.json(["report", "training-roster", "--as-of", "2020-12-31"]);
    assert!(roster.to_string().contains("全市示范培训班"), "{roster}");
    // The other district had nobody there.
    let others = two
        .laocheng
        .node
        .run(["record", "get", "training_session", &course, "--json"]);
    assert_refused(&others, 6, "RECORD-003");
    step(node, "submit").ok();
    two.settle();
    step(hub, "accept").ok();
    one_person_in_two_districts(&two, &person);
}

/// Somebody is entered in another district, too, who did not come there: two for the city, until it says
/// that they are one.
#[track_caller]
fn one_person_in_two_districts(two: &Two, person: &str) {
    let (hub, other) = (two.hub(), &two.laocheng.node);
    let unit = make(other, &sample(&other_code(), "乙厂"));
    let again = other.make("person", &json!({ "display_name": "王建国" }));
    let role = json!({ "person": again, "role": "head", "from_on": "2020-01-01",
        "subject": format!("organisation/{unit}") });
    made(other, "role_assignment", &role);
    two.settle();
    let heads = |scope: Option<&str>| {
        let figures = hub.json(["report", "indicators", "--as-of", "2020-12-31"]);
        let of = scope.map_or(&figures["city"], |scope| &figures["scopes"][scope]);
        let of = &of["training_head"];
        (of["num"].clone(), of["den"].clone())
    };
    assert_eq!(heads(None), (json!(1), json!(2)));
    let same = format!("same_as={person}");
    let by_district = other.set(("person", &again), &[&same], "同一人");
    assert_eq!(by_district.code, 4, "{by_district:?}");
    hub.set(("person", &again), &[&same], "同一人").ok();
    assert_eq!(heads(None), (json!(1), json!(1)));
    assert_eq!(heads(Some("410302")), (json!(0), json!(1)));
    two.settle();
    let at_home = other.json(["record", "get", "person", &again]);
    assert_eq!(at_home["values"]["same_as"], person);
}

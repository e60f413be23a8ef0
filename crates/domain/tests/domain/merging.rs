//! The rules of replication.md section 5, against a naive reading of them.

use bytes::Bytes;
use domain::{Catalogue, ConflictKind, effective, effective::effective_with, scope_id, value};
use proptest::prelude::*;
use replica::{Context, Record, RegisterId, merge};
use serde_json::{Value as Json, json};

use crate::desk::{Desk, blank, id, kind_of};

fn organisation(values: &Json) -> Record {
    Desk::new(1).make("organisation", id(1), scope_id("410305"), values)
}

fn field(record: &Record, name: &str) -> Json {
    let kind = Catalogue::builtin().kind(record.key.kind).unwrap();
    value::to_json(kind, &effective(Catalogue::builtin(), record).values)[name].clone()
}

fn conflicts(record: &Record) -> Vec<(u32, ConflictKind)> {
    let effective = effective(Catalogue::builtin(), record);
    effective
        .conflicts
        .iter()
        .map(|c| (c.register.0, c.kind))
        .collect()
}

/// Two desks that do not know of each other edit one record.
fn fork(base: &Record, left: &Json, right: &Json) -> Record {
    let (left, right) = (
        Desk::new(10).put(base, left),
        Desk::new(20).put(base, right),
    );
    let merged = merge(&left, &right).unwrap();
    assert_eq!(merged, merge(&right, &left).unwrap());
    merged
}

#[test]
fn different_fields_merge_and_equal_values_are_one() {
    let base = organisation(&json!({ "name": "甲", "industry": "C" }));
    let merged = fork(&base, &json!({ "name": "乙" }), &json!({ "industry": "F" }));
    assert_eq!(
        (field(&merged, "name"), field(&merged, "industry")),
        (json!("乙"), json!("F"))
    );
    let merged = fork(
        &base,
        &json!({ "name": "乙(甲)" }),
        &json!({ "name": " 乙（甲） " }),
    );
    assert_eq!(conflicts(&merged), [], "one value after normalisation");
    assert_eq!(field(&merged, "name"), json!("乙（甲）"));
}

#[test]
fn an_open_conflict_shows_the_common_base_and_keeps_both() {
    let base = organisation(&json!({ "name": "甲" }));
    let merged = fork(&base, &json!({ "name": "乙" }), &json!({ "name": "丙" }));
    let effective = effective(Catalogue::builtin(), &merged);
    let [conflict] = effective.conflicts.as_slice() else {
        panic!("one conflict")
    };
    assert_eq!(
        (conflict.register, conflict.kind),
        (RegisterId(2), ConflictKind::Field)
    );
    assert_eq!(conflict.candidates.len(), 2);
    assert_eq!(
        field(&merged, "name"),
        json!("甲"),
        "the value that both replaced"
    );
    let kind = kind_of("organisation");
    let base = conflict.base.clone().unwrap().1.unwrap();
    assert_eq!(
        value::register_json(Some(kind), RegisterId(2), &base),
        json!("甲")
    );
}

#[test]
fn the_base_is_found_in_the_history_else_the_lowest_dot_stands() {
    let base = organisation(&json!({ "name": "甲" }));
    let mut merged = fork(&base, &json!({ "name": "乙" }), &json!({ "name": "丙" }));
    let mut carried = Bytes::new();
    for ancestor in merged
        .siblings
        .iter_mut()
        .flat_map(|sibling| &mut sibling.ancestry)
    {
        carried = ancestor.value.take().unwrap_or(carried);
    }
    assert_eq!(field(&merged, "name"), json!("乙"), "the lowest dot");
    let asked = effective_with(Catalogue::builtin(), &merged, &|_, _| Some(carried.clone()));
    let kind = kind_of("organisation");
    assert_eq!(value::to_json(kind, &asked.values)["name"], json!("甲"));
}

#[test]
fn two_closings_of_a_problem_are_one_and_the_later_day_stands() {
    let applied = json!({ "description": "应建未建", "status": "close_applied" });
    let base = Desk::new(1).make("problem_item", id(1), scope_id("410305"), &applied);
    let closed = |day: &str| json!({ "status": "closed", "closed_on": day });
    let merged = fork(&base, &closed("2020-10-05"), &closed("2020-10-07"));
    assert_eq!(conflicts(&merged), []);
    assert_eq!(field(&merged, "closed_on"), json!("2020-10-07"));
    // A desk that closed it and opened it again (R09), beside one that closed it later.
    let reopened = Desk::new(10).put(&base, &closed("2020-10-05"));
    let reopened = Desk::new(10).put(&reopened, &json!({ "status": "reopened" }));
    let other = Desk::new(20).put(&base, &closed("2020-10-07"));
    let merged = merge(&reopened, &other).unwrap();
    assert_eq!(conflicts(&merged), []);
    assert_eq!(field(&merged, "status"), json!("reopened"));
}

#[test]
fn the_later_statement_wins_and_a_tie_is_open() {
    let base = organisation(&json!({ "employees": 10, "members": 3, "as_of": "2020-06-30" }));
    let later = json!({ "employees": 12, "as_of": "2020-09-30" });
    let merged = fork(
        &base,
        &later,
        &json!({ "employees": 99, "as_of": "2020-07-31" }),
    );
    assert_eq!(conflicts(&merged), []);
    assert_eq!(
        (field(&merged, "employees"), field(&merged, "members")),
        (json!(12), json!(3))
    );
    let merged = fork(
        &base,
        &later,
        &json!({ "employees": 13, "as_of": "2020-09-30" }),
    );
    assert_eq!(conflicts(&merged), [(20, ConflictKind::AsOfTie)]);
    assert_eq!(
        field(&merged, "employees"),
        json!(10),
        "the base, until somebody decides"
    );
    let third = Desk::new(30).put(&base, &json!({ "employees": 14, "as_of": "2020-12-31" }));
    let merged = merge(&merged, &third).unwrap();
    assert_eq!(conflicts(&merged), [], "a later statement ends the tie");
    assert_eq!(field(&merged, "employees"), json!(14));
}

#[test]
fn sets_unite_and_dates_and_flags_take_the_larger() {
    let base = organisation(&json!({ "mass_orgs": ["union"], "verified_on": "2020-01-01" }));
    let merged = fork(
        &base,
        &json!({ "mass_orgs": ["union", "women"], "verified_on": "2020-03-01" }),
        &json!({ "mass_orgs": ["youth_league"], "verified_on": "2020-02-01" }),
    );
    assert_eq!(conflicts(&merged), []);
    assert_eq!(
        field(&merged, "mass_orgs"),
        json!(["union", "youth_league", "women"])
    );
    assert_eq!(field(&merged, "verified_on"), json!("2020-03-01"));
    let values = json!({ "session": id(2).to_string(), "person": id(3).to_string() });
    let base = Desk::new(1).make("training_attendance", id(0), scope_id("410305"), &values);
    let merged = fork(
        &base,
        &json!({ "attended": false }),
        &json!({ "attended": true }),
    );
    assert_eq!(
        (conflicts(&merged), field(&merged, "attended")),
        (vec![], json!(true))
    );
}

#[test]
fn the_further_status_of_one_line_wins_else_both_lines_stay() {
    let make = |status: &str| {
        let values = json!({ "name": "支部", "status": status });
        Desk::new(1).make("party_organisation", id(1), scope_id("410305"), &values)
    };
    let base = make("preparing");
    let merged = fork(
        &base,
        &json!({ "status": "applied" }),
        &json!({ "status": "active" }),
    );
    assert_eq!(
        (conflicts(&merged), field(&merged, "status")),
        (vec![], json!("active"))
    );
    let base = make("active");
    let merged = fork(
        &base,
        &json!({ "status": "restructuring" }),
        &json!({ "status": "dissolved" }),
    );
    assert_eq!(
        (conflicts(&merged), field(&merged, "status")),
        (vec![], json!("dissolved"))
    );
    let base = organisation(&json!({ "census_status": "candidate" }));
    let merged = fork(
        &base,
        &json!({ "census_status": "counted" }),
        &json!({ "census_status": "excluded" }),
    );
    assert_eq!(
        conflicts(&merged),
        [(16, ConflictKind::Transition)],
        "a circle"
    );
    assert_eq!(field(&merged, "census_status"), json!("candidate"));
}

#[test]
fn a_problem_that_was_reopened_stays_open_against_a_closing_that_did_not_know() {
    let values = json!({ "no": "410305-2020-A0001", "year": "2020", "scope": "410305",
        "status": "close_applied" });
    let applied = Desk::new(1).make("problem_item", id(1), scope_id("410305"), &values);
    let closed = json!({ "status": "closed" });
    let office = Desk::new(10).put(&applied, &closed);
    let city = Desk::new(20).put(&office, &json!({ "status": "reopened" }));
    let park = Desk::new(30).put(&applied, &closed);
    let one = merge(&merge(&office, &city).unwrap(), &park).unwrap();
    let other = merge(&merge(&park, &city).unwrap(), &office).unwrap();
    assert_eq!(one, other, "in whatever order they come");
    assert_eq!(
        (conflicts(&one), field(&one, "status")),
        (vec![], json!("reopened"))
    );
    let status = kind_of("problem_item").field("status").unwrap().register;
    assert_eq!(
        one.register(status).len(),
        2,
        "the closing is kept beside it"
    );
    // Whoever goes on from there has seen both.
    let resumed = Desk::new(40).put(&one, &json!({ "status": "in_progress" }));
    assert_eq!(resumed.register(status).len(), 1);
    // Nor does a second application that had not heard of the first. A withdrawal is another matter.
    let works = Desk::new(2).make("problem_item", id(1), scope_id("410305"), &values);
    let works = Desk::new(3).put(&works, &json!({ "status": "in_progress" }));
    let again = json!({ "status": "close_applied" });
    let first = Desk::new(60).put(&works, &again);
    let opened = Desk::new(70).put(&first, &json!({ "status": "reopened" }));
    let second = Desk::new(80).put(&works, &again);
    let both = merge(&opened, &second).unwrap();
    assert_eq!(
        (conflicts(&both), field(&both, "status")),
        (vec![], json!("reopened"))
    );
    let withdrawn = Desk::new(50).put(&applied, &json!({ "status": "withdrawn" }));
    let asked = merge(&city, &withdrawn).unwrap();
    assert_eq!(conflicts(&asked)[0].1, ConflictKind::Transition);
}

#[test]
fn an_entry_that_is_never_edited_keeps_the_lowest_dot() {
    let values = json!({ "carrier": id(2).to_string(), "on": "2020-05-01", "title": "甲" });
    let left = Desk::new(1).make("carrier_activity", id(1), scope_id("410305"), &values);
    let values = json!({ "carrier": id(2).to_string(), "on": "2020-05-02", "title": "甲" });
    let right = Desk::new(2).make("carrier_activity", id(1), scope_id("410305"), &values);
    let merged = merge(&left, &right).unwrap();
    assert_eq!(
        (conflicts(&merged), field(&merged, "on")),
        (vec![], json!("2020-05-01"))
    );
}

#[test]
fn a_deletion_against_an_unseen_edit_is_never_silent() {
    let base = organisation(&json!({ "name": "甲" }));
    let mark = effective::deletion("重复", "clerk@node", &base.context);
    let deleted = Desk::new(10).write(&base, &[(RegisterId::DELETED, mark)]);
    let read = effective(Catalogue::builtin(), &deleted);
    assert!(read.deleted && read.conflicts.is_empty());
    let edited = Desk::new(20).put(&base, &json!({ "industry": "C" }));
    let both = merge(&deleted, &edited).unwrap();
    let read = effective(Catalogue::builtin(), &both);
    assert!(!read.deleted, "restored until somebody decides");
    assert_eq!(
        conflicts(&both),
        [(RegisterId::DELETED.0, ConflictKind::DeleteEdit)]
    );
    assert_eq!(
        read.conflicts[0].candidates.len(),
        2,
        "the deletion and the write it had not seen"
    );
    let restored = Desk::new(30).write(&both, &[(RegisterId::DELETED, Bytes::new())]);
    let read = effective(Catalogue::builtin(), &restored);
    assert!(!read.deleted && read.conflicts.is_empty());
}

#[test]
fn a_deletion_remembers_what_was_taken_back() {
    let base = organisation(&json!({ "name": "甲" }));
    let next = Desk::new(10).put(&base, &json!({ "name": "乙" }));
    let dot = next.register(RegisterId(2))[0].dot();
    let back = next.take_back(&[dot], &base.siblings).record;
    let mark = effective::deletion("重复", "clerk@node", &back.context);
    let deleted = Desk::new(11).write(&back, &[(RegisterId::DELETED, mark)]);
    assert!(effective(Catalogue::builtin(), &deleted).deleted);
    let returned = merge(&deleted, &next).unwrap();
    assert_eq!(
        conflicts(&returned),
        [(RegisterId::DELETED.0, ConflictKind::DeleteEdit)]
    );
}

#[test]
fn a_settled_record_is_its_registers_one_after_the_other() {
    let record = organisation(&json!({ "name": "甲", "employees": 12, "as_of": "2020-09-30" }));
    let read = effective(Catalogue::builtin(), &record);
    let joined: Vec<u8> = record
        .siblings
        .iter()
        .flat_map(|s| s.value.to_vec())
        .collect();
    assert_eq!(read.values, joined);
    let message: proto::ledger::Organisation = domain::decode(&read.values).unwrap();
    assert_eq!(
        (message.name.as_deref(), message.employees),
        (Some("甲"), Some(12))
    );
}

/// One desk's edit of one register: which, and which of a few values.
fn write() -> impl Strategy<Value = (usize, usize)> {
    (0..FIELDS.len(), 0_usize..4)
}

const FIELDS: [&str; 5] = ["name", "mass_orgs", "verified_on", "census_status", "as_of"];

fn value_of(field: usize, choice: usize) -> Json {
    let values = match FIELDS[field] {
        "name" => json!(["甲", "乙", "甲 ", "丙"]),
        "mass_orgs" => json!([[], ["union"], ["women"], ["women", "union"]]),
        "verified_on" => json!(["2020-01-01", "2020-05-01", "2019-01-01", "2020-05-01"]),
        "census_status" => json!(["candidate", "counted", "closed", "counted"]),
        _ => json!(["2020-01-01", "2020-06-30", "2020-06-30", "2020-03-31"]),
    };
    let name = FIELDS[field];
    let mut edit = json!({ name: values[choice].clone() });
    if name == "as_of" {
        edit["employees"] = json!(choice);
    }
    edit
}

/// What a reader of the rules would say: the shown JSON when there is no conflict.
fn naive(field: usize, record: &Record) -> Option<Json> {
    let kind = kind_of("organisation");
    let spec = kind.field(FIELDS[field]).unwrap();
    let siblings = record.register(spec.register);
    let all: Vec<Json> = siblings
        .iter()
        .map(|s| value::register_json(Some(kind), spec.register, &s.value))
        .collect();
    let first = all.first()?.clone();
    if all.iter().all(|value| *value == first) {
        return Some(first);
    }
    match FIELDS[field] {
        "mass_orgs" => {
            let order = ["union", "youth_league", "women"];
            let has = |id: &&&str| {
                all.iter()
                    .any(|set| set.as_array().unwrap().contains(&json!(**id)))
            };
            Some(json!(order.iter().filter(has).collect::<Vec<_>>()))
        }
        "verified_on" => all
            .iter()
            .map(|v| v.as_str().unwrap())
            .max()
            .map(|v| json!(v)),
        "as_of" => {
            let latest = all
                .iter()
                .map(|v| v["as_of"].as_str().unwrap())
                .max()
                .unwrap();
            let mut of_latest = all.iter().filter(|v| v["as_of"] == latest);
            let winner = of_latest.next().unwrap();
            of_latest.all(|v| v == winner).then(|| winner.clone())
        }
        _ => None,
    }
}

proptest! {
    #[test]
    fn the_effective_value_is_free_of_order_and_as_the_rules_read(
        histories in proptest::collection::vec(proptest::collection::vec(write(), 0..6), 1..4),
    ) {
        let base = organisation(&json!({ "name": "始" }));
        let mut states = Vec::new();
        for (at, history) in histories.iter().enumerate() {
            let mut desk = Desk::new(100 + at as u64);
            let mut state = base.clone();
            for (field, choice) in history {
                let values = value_of(*field, *choice);
                let set = crate::desk::registers(Catalogue::builtin(), &state, values.as_object().unwrap());
                if !set.is_empty() {
                    state = desk.write(&state, &set);
                }
            }
            states.push(state);
        }
        let forward = states.iter().fold(base.clone(), |a, b| merge(&a, b).unwrap());
        let backward = states.iter().rev().fold(base, |a, b| merge(b, &a).unwrap());
        prop_assert_eq!(&forward, &backward);
        let read = effective(Catalogue::builtin(), &forward);
        prop_assert_eq!(&read, &effective(Catalogue::builtin(), &backward));
        let kind = kind_of("organisation");
        let json = value::to_json(kind, &read.values);
        for (at, name) in FIELDS.iter().enumerate() {
            let register = kind.field(name).unwrap().register;
            if forward.register(register).is_empty() {
                continue;
            }
            let open = read.conflicts.iter().any(|conflict| conflict.register == register);
            match naive(at, &forward) {
                Some(Json::Object(group)) => {
                    prop_assert!(!open);
                    prop_assert_eq!(&json["employees"], &group["employees"]);
                }
                Some(value) => {
                    prop_assert!(!open, "{name}");
                    prop_assert_eq!(&json[*name], &value);
                }
                None => prop_assert!(open, "{name}"),
            }
        }
    }

    #[test]
    fn reading_any_bytes_never_panics(value in proptest::collection::vec(any::<u8>(), 0..40), other in proptest::collection::vec(any::<u8>(), 0..40)) {
        for kind in Catalogue::builtin().kinds() {
            for register in &kind.registers {
                let base = blank(kind, id(9), scope_id("410305"));
                let left = Desk::new(1).write(&base, &[(register.id, value.clone().into())]);
                let right = Desk::new(2).write(&base, &[(register.id, other.clone().into())]);
                let both = merge(&left, &right).unwrap();
                let read = effective(Catalogue::builtin(), &both);
                let _json = value::to_json(kind, &read.values);
                let _json = value::register_json(Some(kind), register.id, &value);
                let _registers = value::split(kind, &value);
            }
        }
        let base = blank(kind_of("organisation"), id(9), scope_id("410305"));
        let deleted = Desk::new(1).write(&base, &[(RegisterId::DELETED, value.into())]);
        let _effective = effective(Catalogue::builtin(), &deleted);
        let _empty = effective::deletion("r", "a", &Context::default());
    }
}

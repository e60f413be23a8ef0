//! What the rules suggest for an open conflict.

use std::sync::Arc;

use bytes::Bytes;
use domain::{Catalogue, Conflict, ConflictKind, Suggestion, preset};
use replica::{Dot, HybridTime, Incarnation, RegisterId, ScopeId, Sibling, Source, Write};
use serde_json::{Value, json};

use crate::desk::{blank, id, kind_of, registers};

/// A candidate: its author, how it came in, its register and its value.
fn candidate(
    counter: u64,
    author: &str,
    source: Source,
    (register, value): (RegisterId, Bytes),
) -> Sibling {
    let write = Write {
        dot: Dot {
            incarnation: Incarnation(1),
            counter,
        },
        author: author.to_owned(),
        time: HybridTime(0),
        reason: "r".to_owned(),
        epoch: 0,
        decision: Bytes::new(),
        source,
        seal: Bytes::new(),
    };
    Sibling {
        register,
        write: Arc::new(write),
        value,
        replaces: Vec::new(),
        ancestry: Vec::new(),
    }
}

/// The first register that these values set.
fn register(kind: &str, values: &Value) -> (RegisterId, Bytes) {
    let record = blank(kind_of(kind), id(1), ScopeId([1; 16]));
    registers(Catalogue::builtin(), &record, values.as_object().unwrap()).swap_remove(0)
}

/// What is suggested in 410305 when these have written one field.
fn suggested(
    kind: &str,
    open: ConflictKind,
    sides: &[(&str, Source, Value)],
) -> (&'static str, Suggestion) {
    let spec = kind_of(kind);
    let candidates = sides
        .iter()
        .enumerate()
        .map(|(at, (author, source, values))| {
            let value = register(kind, values);
            candidate(at as u64 + 1, author, *source, value)
        });
    let candidates: Vec<Sibling> = candidates.collect();
    let open = Conflict {
        register: candidates[0].register,
        kind: open,
        candidates,
        base: None,
    };
    let preset = preset(spec, &open, "410305");
    assert!(!preset.zh.is_empty() && !preset.en.is_empty());
    assert!(preset::RULES.contains(&preset.rule));
    (preset.rule, preset.suggestion)
}

const DESK: &str = "张工@410305-aaaaaaaa";
const OTHER_DESK: &str = "李工@410305-bbbbbbbb";
const CITY: &str = "市级@4103L9-cccccccc";
const HAND: Source = Source::Command;

#[test]
fn the_districts_own_word_goes_before_the_citys() {
    let of = |first, second| {
        let sides = [
            (first, HAND, json!({"remark": "a"})),
            (second, HAND, json!({"remark": "b"})),
        ];
        suggested("organisation", ConflictKind::Field, &sides)
    };
    assert_eq!(of(DESK, CITY), ("R05", Suggestion::Take(1)));
    assert_eq!(of(CITY, DESK), ("R05", Suggestion::Take(2)));
    assert_eq!(
        of(DESK, OTHER_DESK),
        ("R01", Suggestion::Nothing),
        "two desks of one district"
    );
}

#[test]
fn the_registry_goes_first_only_where_it_is_the_one_import() {
    let of = |field: &str, sources: [Source; 2]| {
        let sides = [
            (DESK, sources[0], json!({field: "甲"})),
            (OTHER_DESK, sources[1], json!({field: "乙"})),
        ];
        suggested("organisation", ConflictKind::Field, &sides)
    };
    for field in ["name", "registered_address"] {
        assert_eq!(
            of(field, [HAND, Source::Import]),
            ("R03", Suggestion::Take(2)),
            "{field}"
        );
    }
    assert_eq!(
        of("operating_address", [HAND, Source::Import]),
        ("R03", Suggestion::Take(1))
    );
    assert_eq!(
        of("name", [Source::Import, Source::Import]).1,
        Suggestion::Nothing
    );
    assert_eq!(of("name", [HAND, HAND]).1, Suggestion::Nothing);
    assert_eq!(
        of("remark", [HAND, Source::Import]).0,
        "R01",
        "a remark is nobody's before another's"
    );
}

#[test]
fn figures_of_one_date_have_no_side_that_goes_first() {
    let sides = [
        (DESK, HAND, json!({"members": 6, "as_of": "2020-09-30"})),
        (
            OTHER_DESK,
            HAND,
            json!({"members": 7, "as_of": "2020-09-30"}),
        ),
    ];
    assert_eq!(
        suggested("organisation", ConflictKind::AsOfTie, &sides),
        ("R02", Suggestion::Nothing)
    );
}

#[test]
fn reopening_goes_before_closing_and_the_city_before_the_district() {
    let of = |sides: &[(&str, Source, Value)]| {
        suggested("organisation", ConflictKind::Transition, sides)
    };
    let status = |author, status| (author, HAND, json!({ "census_status": status }));
    assert_eq!(
        of(&[status(DESK, "closed"), status(OTHER_DESK, "candidate")]),
        ("R09", Suggestion::Take(2))
    );
    assert_eq!(
        of(&[status(DESK, "excluded"), status(CITY, "transferring")]),
        ("R09", Suggestion::Take(2))
    );
    assert_eq!(
        of(&[status(DESK, "closed"), status(OTHER_DESK, "excluded")]),
        ("R09", Suggestion::Nothing)
    );
}

#[test]
fn one_fact_entered_twice_is_one_record_and_its_dates_are_asked_about() {
    let sides = [
        (DESK, HAND, json!({"from_on": "2020-01-01"})),
        (CITY, HAND, json!({"from_on": "2020-02-01"})),
    ];
    assert_eq!(
        suggested("coverage_link", ConflictKind::Field, &sides),
        ("R12", Suggestion::Nothing)
    );
}

#[test]
fn sets_keep_what_each_side_added() {
    let sides = [
        (DESK, HAND, json!({"mass_orgs": ["union"]})),
        (OTHER_DESK, HAND, json!({"mass_orgs": ["women"]})),
    ];
    assert_eq!(
        suggested("organisation", ConflictKind::Field, &sides),
        ("R22", Suggestion::KeepBoth)
    );
}

#[test]
fn a_deletion_against_an_edit_is_restored_first() {
    let mark = (RegisterId::DELETED, Bytes::from_static(b"x"));
    let edit = register("organisation", &json!({"remark": "b"}));
    let open = Conflict {
        register: RegisterId::DELETED,
        kind: ConflictKind::DeleteEdit,
        candidates: vec![
            candidate(1, DESK, HAND, mark),
            candidate(2, CITY, HAND, edit),
        ],
        base: None,
    };
    let preset = preset(kind_of("organisation"), &open, "410305");
    assert_eq!(
        (preset.rule, preset.suggestion),
        ("R10", Suggestion::Take(2))
    );
}

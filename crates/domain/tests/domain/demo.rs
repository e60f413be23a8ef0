//! The demo data keeps the rules, has the stated distributions, and is the same every time.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    Catalogue, Finding, KindSpec, NoResolve, Parameters, Subject,
    demo::{Demo, Row},
    indicator::{Book, Figure, Period, Pool},
    scope_id, validate, value,
};
use replica::{RecordKey, RegisterId};

use crate::desk::Rows;

const SCOPES: [&str; 3] = ["410302", "410305", "410329"];

fn encoded(kind: &KindSpec, row: &Row) -> Vec<u8> {
    let nothing = |_: RegisterId| bytes::Bytes::new();
    let catalogue = Catalogue::builtin();
    let edits = value::edits_from_json(catalogue, kind, &nothing, &row.values, &NoResolve).unwrap();
    edits.iter().flat_map(|edit| edit.value.to_vec()).collect()
}

/// Judges every row of three scopes; returns what they count as, and how many of each kind.
fn accepted(demo: &Demo, parameters: &Parameters) -> (Book, BTreeMap<&'static str, u32>) {
    let catalogue = Catalogue::builtin();
    let ids: BTreeSet<_> = SCOPES.map(scope_id).into();
    let pool = Pool {
        pooled: ids.clone(),
        expected: ids,
    };
    let period = Period::new(demo.today, *parameters);
    let (mut book, mut known) = (Book::new(period, pool), Rows::default());
    let (mut ids, mut kinds) = (BTreeSet::new(), BTreeMap::new());
    for scope in SCOPES {
        for row in demo.rows(scope, 40) {
            let kind = catalogue.kind_by_id(row.kind).unwrap();
            let bytes = encoded(kind, &row);
            let subject = Subject {
                kind,
                id: row.id,
                scope: scope_id(scope),
                before: None,
                after: &bytes,
            };
            let findings = validate(&subject, demo.today, parameters, &known);
            assert!(
                !findings.iter().any(Finding::blocks),
                "{row:?} {findings:?}"
            );
            if kind.derived_id {
                assert_eq!(domain::derive_id(kind, &bytes), Some(row.id));
            }
            assert!(ids.insert((row.kind, row.id)), "{row:?} twice");
            *kinds.entry(row.kind).or_insert(0) += 1;
            let key = RecordKey {
                kind: kind.kind,
                id: row.id,
            };
            book.put(catalogue, key, scope_id(scope), Some(&bytes))
                .unwrap();
            known.put(row.kind, row.id, bytes);
        }
    }
    (book, kinds)
}

#[test]
fn every_row_is_accepted_and_counts_as_the_reference_says() {
    let demo = Demo::default();
    let parameters = Parameters::defaults(2020);
    let (mut book, kinds) = accepted(&demo, &parameters);
    let city = book.city();
    let mut rates = |name: &str| SCOPES.map(|scope| book.scope(scope_id(scope)).get(name).unwrap());
    let rate = |num, den| Figure::Rate { num, den };
    assert_eq!(
        rates("org_coverage_rate"),
        [rate(18, 37), rate(20, 36), rate(13, 37)]
    );
    assert_eq!(
        rates("built_of_should_rate"),
        [rate(18, 19), rate(20, 21), rate(13, 14)]
    );
    assert_eq!(city.get("counted"), Some(Figure::Count(110)));
    assert_eq!(city.get("standalone_rate"), Some(rate(22, 110)));
    assert_eq!(
        city.get("work_coverage_rate")
            .map(|f| f.json()["num"].clone()),
        Some(101.into())
    );
    assert_eq!(city.get("duplicates_removed"), Some(Figure::Count(0)));
    assert_eq!((kinds["organisation"], kinds["coverage_link"]), (120, 51));
    for kind in [
        "party_organisation",
        "person",
        "role_assignment",
        "instructor_assignment",
        "training_session",
        "training_attendance",
        "carrier",
        "carrier_activity",
    ] {
        assert!(kinds[kind] > 0, "{kind}");
    }
}

#[test]
fn a_scope_gives_the_same_rows_every_time_and_no_name_of_a_real_thing() {
    let demo = Demo::default();
    let rows = demo.rows("4103L1", 60);
    assert_eq!(rows, demo.rows("4103L1", 60));
    assert_eq!(
        rows[..60],
        demo.rows("4103L1", 61)[..60],
        "a record depends on its index alone"
    );
    let kinds: BTreeSet<_> = rows.iter().map(|row| row.kind).collect();
    assert!(kinds.len() > 8, "{kinds:?}");
    let named = rows.iter().filter_map(|row| row.values.get("display_name"));
    assert!(
        named
            .map(|name| name.as_str().unwrap())
            .all(|name| name.contains('某'))
    );
    let named = rows.iter().filter_map(|row| row.values.get("name"));
    assert!(
        named
            .map(|name| name.as_str().unwrap())
            .all(|name| name.contains("（演示）"))
    );
}

//! The demo data keeps the rules, has the stated distributions, and is the same every time.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    Catalogue, KindSpec, NoResolve, Parameters, Subject, Values, date,
    demo::{CITY_DIRECT, Demo, Made, SEED, Size, When},
    indicator::{Book, Figure, Period, Pool},
    scope_id, validate, value,
};
use replica::{RecordKey, RegisterId};

use crate::desk::Rows;

const SCOPES: [&str; 3] = ["410302", "410305", "410329"];

/// BLAKE3 of every record of the small demo, a line of JSON each. It may change until a demo was
/// given out, and never by the machine.
const DIGEST: &str = "78baaea6a4d6f17970c39395bd07d69c0c85dd897c862fdc9545cfc34947983b";

/// The values after these, which go over those before.
fn encoded(kind: &KindSpec, made: &Made, before: Option<&Values>) -> Vec<u8> {
    let nothing = |_: RegisterId| bytes::Bytes::new();
    let catalogue = Catalogue::builtin();
    let mut values = before
        .map(|before| value::to_json(kind, before))
        .unwrap_or_default();
    values.extend(made.values.clone());
    let edits = value::edits_from_json(catalogue, kind, &nothing, &values, &NoResolve);
    let edits = edits.unwrap_or_else(|findings| panic!("{made:?}: {findings:?}"));
    edits.iter().flat_map(|edit| edit.value.to_vec()).collect()
}

fn with(organisations: u32) -> Demo {
    Demo {
        size: Size {
            scopes: 19,
            organisations,
        },
        ..Demo::default()
    }
}

/// Everything, in the order in which a city comes to it.
fn all(demo: &Demo) -> impl Iterator<Item = Made> {
    let scopes = || demo.scopes().into_iter().map(|scope| scope.code);
    let districts = scopes().flat_map(|code| demo.records(&code));
    demo.published()
        .chain(districts)
        .chain(scopes().flat_map(|code| demo.answers(&code)))
}

/// Judges every record as it is made and gone on with; returns what they count as, and how many of
/// each kind.
fn accepted(demo: &Demo, parameters: &Parameters) -> (Book, BTreeMap<&'static str, u32>) {
    let catalogue = Catalogue::builtin();
    let ids: BTreeSet<_> = SCOPES.map(scope_id).into();
    let pool = Pool {
        pooled: ids.clone(),
        expected: ids,
    };
    let period = Period::new(demo.today, *parameters);
    let (mut book, mut known) = (Book::new(period, pool), Rows::default());
    let mut kinds = BTreeMap::new();
    for made in all(demo) {
        let kind = catalogue.kind_by_id(made.kind).unwrap();
        let key = RecordKey {
            kind: kind.kind,
            id: made.id,
        };
        let before = known.0.get(&key).cloned();
        let bytes = encoded(kind, &made, before.as_ref());
        let subject = Subject {
            kind,
            id: made.id,
            scope: made.scope,
            before: before.as_deref(),
            after: &bytes,
        };
        let findings = validate(&subject, demo.today, parameters, &known);
        assert!(
            !findings
                .iter()
                .any(|it| it.blocks() || it.code == "step_skips"),
            "{made:?} {findings:?}"
        );
        if kind.derived_id {
            assert_eq!(domain::derive_id(kind, &bytes), Some(made.id));
        }
        assert_eq!(
            before.is_none(),
            made.when == When::New,
            "{made:?} twice, or too early"
        );
        if made.when == When::New {
            *kinds.entry(made.kind).or_insert(0) += 1;
        }
        book.put(catalogue, key, made.scope, Some(&bytes)).unwrap();
        known.put(made.kind, made.id, bytes);
    }
    (book, kinds)
}

#[test]
fn every_record_is_accepted_and_counts_as_the_reference_says() {
    let demo = Demo::small();
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
    assert_eq!(kinds["organisation"], 120);
}

/// Every kind but those that deciding and late writes make.
#[test]
fn a_city_has_records_of_every_kind() {
    let made: BTreeSet<&str> = all(&with(40)).map(|made| made.kind).collect();
    let kinds = Catalogue::builtin().kinds().iter();
    let missing: Vec<&str> = kinds
        .map(|kind| kind.id.as_str())
        .filter(|kind| !made.contains(kind))
        .collect();
    assert_eq!(missing, ["decision", "docket_note", "proposal"]);
}

/// What shows that the demo stands in the fourth quarter.
#[test]
fn every_phase_is_visible() {
    let mut seen: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut overdue = 0;
    for made in all(&with(40)) {
        let text = |field: &str| made.values.get(field).and_then(|value| value.as_str());
        if let Some(status) = text("status") {
            seen.entry(made.kind).or_default().insert(status.to_owned());
        }
        let is_open = text("status").is_some_and(|it| !matches!(it, "closed" | "withdrawn"));
        let is_due = text("due_on").is_some_and(|due| due < "2020-10-15");
        overdue += u32::from(made.kind == "problem_item" && is_open && is_due);
        if text("status") == Some("closed") {
            assert!(
                text("measure").is_some() && text("closed_on").is_some(),
                "{made:?}"
            );
        }
    }
    let lacks = |kind: &str, statuses: &[&str]| {
        let missing = statuses
            .iter()
            .find(|status| !seen[kind].contains(**status));
        assert_eq!(missing, None, "{kind} {:?}", seen[kind]);
    };
    lacks(
        "problem_item",
        &[
            "registered",
            "in_progress",
            "close_applied",
            "closed",
            "long_term",
        ],
    );
    lacks(
        "nomination",
        &[
            "draft",
            "submitted",
            "assessed",
            "recommended",
            "received",
            "accepted",
        ],
    );
    lacks(
        "platform",
        &["identified", "preparing", "built", "operating"],
    );
    lacks("establishment_drive", &["running", "held"]);
    lacks(
        "establishment_case",
        &["identified", "established", "instructor_sent"],
    );
    lacks(
        "party_organisation",
        &["applied", "approved", "active", "dissolved"],
    );
    assert!(overdue > 0);
}

#[test]
fn nothing_that_happened_is_later_than_the_demo_and_nothing_bears_a_real_name() {
    let demo = with(60);
    for made in all(&demo) {
        for (field, value) in &made.values {
            let Some(text) = value.as_str() else { continue };
            let is_future = ["due_on", "reply_due"].contains(&field.as_str());
            if let Some(day) = date::stored(text).filter(|_| !is_future) {
                let is_year = made.kind == "programme_year";
                assert!(is_year || day <= demo.today, "{field} of {made:?}");
            }
            if field == "display_name" || field == "team" {
                assert!(text.contains('某'), "{made:?}");
            }
            let is_of_the_city = ["scope", "standard_item"].contains(&made.kind);
            if field == "name" && !is_of_the_city {
                assert!(text.contains("（演示）"), "{made:?}");
            }
            if field.ends_with("doc") || field == "doc_no" {
                assert!(text.starts_with("演示〔2020〕"), "{made:?}");
            }
        }
    }
}

#[test]
fn a_record_depends_on_its_index_alone_and_not_on_how_many_there_are() {
    let of = |organisations, kind: &str| {
        let made = with(organisations).records("4103L1");
        made.filter(|made| made.kind == kind).collect::<Vec<_>>()
    };
    for kind in [
        "organisation",
        "party_organisation",
        "carrier",
        "problem_item",
    ] {
        let (fewer, more) = (of(60, kind), of(90, kind));
        let same = fewer.iter().filter(|made| more.contains(made)).count();
        // The last area branch of the fewer may have been short of members.
        assert!(same + 1 >= fewer.len() && same > 0, "{kind}");
    }
    assert_eq!(of(60, "organisation"), of(61, "organisation")[..60]);
    let again = with(60).records(CITY_DIRECT).collect::<Vec<_>>();
    assert_eq!(again, with(60).records(CITY_DIRECT).collect::<Vec<_>>());
}

/// On another day nothing is refused either, and nominations are made only in their quarter.
#[test]
fn the_demo_plays_on_other_days_too() {
    for (day, nominates) in [
        ("2020-01-02", false),
        ("2020-07-04", false),
        ("2021-12-31", true),
    ] {
        let demo = Demo::new(SEED, Size::SMALL, date::stored(day).unwrap());
        let year = u32::try_from(demo.today.year()).unwrap();
        let (_, kinds) = accepted(&demo, &Parameters::defaults(year));
        assert_eq!(kinds.contains_key("nomination"), nominates, "{day}");
    }
}

/// What the city is said to have frozen is what its records say of that day.
#[test]
fn frozen_figures_are_those_of_their_day() {
    let demo = with(60);
    let catalogue = Catalogue::builtin();
    let day = date::stored("2019-12-31").unwrap();
    let period = Period::new(day, Parameters::defaults(2019));
    let mut book = Book::new(period, Pool::default());
    for made in demo.records("410305").filter(|made| made.when == When::New) {
        let kind = catalogue.kind_by_id(made.kind).unwrap();
        let key = RecordKey {
            kind: kind.kind,
            id: made.id,
        };
        let bytes = encoded(kind, &made, None);
        book.put(catalogue, key, made.scope, Some(&bytes)).unwrap();
    }
    let snapshots = demo
        .answers("410305")
        .filter(|made| made.kind == "indicator_snapshot");
    let mut compared = 0;
    for snapshot in snapshots {
        let number = |field: &str| snapshot.values[field].as_u64().unwrap();
        let name = snapshot.values["indicator"].as_str().unwrap();
        let (num, den) = (number("num"), number("den"));
        let figure = book.scope(scope_id("410305")).get(name);
        assert_eq!(figure, Some(Figure::Rate { num, den }), "{name}");
        assert_eq!(snapshot.values["period"], "2019Q4");
        compared += 1;
    }
    assert_eq!(compared, 2);
}

#[test]
fn the_small_demo_is_the_same_on_every_machine() {
    let mut hash = blake3::Hasher::new();
    for made in all(&Demo::small()) {
        let line = serde_json::json!([
            made.kind,
            made.id.to_string(),
            made.scope.to_string(),
            made.values
        ]);
        hash.update(format!("{line} {:?}\n", made.when).as_bytes());
    }
    assert_eq!(hash.finalize().to_hex().as_str(), DIGEST);
}

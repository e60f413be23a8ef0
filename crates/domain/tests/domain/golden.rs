//! The golden data set gives exactly the golden indicators, on the whole path: JSON, edits,
//! records, effective values, rows, figures.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    Catalogue, Parameters, date, effective,
    indicator::{Behind, Book, DEFINITIONS, Definition, Figure, Indicators, Period, Pool},
    scope_id,
};
use replica::{RecordId, RecordKey, ScopeId};
use serde_json::{Value as Json, json};

use crate::desk::Desk;

const SCOPES: [&str; 2] = ["410302", "410305"];

/// Ids in the order of the fixture's names: the duplicate with the smallest id stands.
fn named(name: &str) -> RecordId {
    let mut bytes = [0; 16];
    bytes
        .iter_mut()
        .zip(name.bytes())
        .for_each(|(byte, letter)| *byte = letter);
    RecordId(bytes)
}

struct City {
    desk: Desk,
    added: Vec<(RecordKey, ScopeId, Vec<u8>)>,
}

impl City {
    fn add(&mut self, kind: &str, id: RecordId, scope: &str, values: Json) {
        let mut values = values;
        values
            .as_object_mut()
            .unwrap()
            .retain(|_, value| !value.is_null());
        let record = self.desk.make(kind, id, scope_id(scope), &values);
        let encoded = replica::Record::decode(&record.encode()).unwrap();
        let catalogue = Catalogue::builtin();
        let effective = effective(catalogue, &encoded);
        assert!(effective.conflicts.is_empty() && !effective.deleted);
        self.added
            .push((record.key, record.scope, effective.values));
    }

    /// The book of a day.
    fn book(&self, as_of: &str) -> Book {
        let mut book = empty(as_of);
        for (key, scope, values) in &self.added {
            book.put(Catalogue::builtin(), *key, *scope, Some(values))
                .unwrap();
        }
        book
    }
}

fn empty(as_of: &str) -> Book {
    let ids: BTreeSet<ScopeId> = SCOPES.iter().map(|code| scope_id(code)).collect();
    let period = Period::new(date::stored(as_of).unwrap(), Parameters::defaults(2020));
    let pool = Pool {
        pooled: ids.clone(),
        expected: ids,
    };
    Book::new(period, pool)
}

fn text<'a>(row: &'a Json, name: &str) -> &'a str {
    row[name].as_str().unwrap()
}

fn fill(fixture: &Json) -> City {
    let mut city = City {
        desk: Desk::new(7),
        added: Vec::new(),
    };
    let rows = |name: &str| fixture[name].as_array().unwrap().clone();
    let mut homes = BTreeMap::new();
    for row in rows("orgs") {
        homes.insert(text(&row, "id").to_owned(), text(&row, "scope").to_owned());
        let eligibility = if row["eligible_override"] == true {
            "eligible"
        } else {
            "undetermined"
        };
        city.add(
            "organisation",
            named(text(&row, "id")),
            text(&row, "scope"),
            json!({
                "uscc": row["uscc"], "name": row["id"], "census_status": row["census_status"],
                "members": row["members"], "full_members": row["full_members"],
                "employees": row["employees"], "as_of": fixture["as_of"],
                "mass_orgs": row["mass_orgs"], "eligibility": eligibility,
            }),
        );
    }
    let mut party_homes = BTreeMap::new();
    for row in rows("party_organisations") {
        party_homes.insert(text(&row, "id").to_owned(), text(&row, "scope").to_owned());
        city.add(
            "party_organisation",
            named(text(&row, "id")),
            text(&row, "scope"),
            json!({
                "name": row["id"], "type": row["type"], "status": row["status"],
                "established_on": row["established_on"], "dissolved_on": row["dissolved_on"],
            }),
        );
    }
    for row in rows("coverage_links") {
        city.add(
            "coverage_link",
            RecordId([0; 16]),
            &homes[text(&row, "org")],
            json!({
                "organisation": named(text(&row, "org")).to_string(),
                "party_organisation": named(text(&row, "party")).to_string(),
                "form": row["form"], "from_on": row["from_on"], "to_on": row["to_on"],
            }),
        );
    }
    people(&mut city, &rows, &homes);
    events(&mut city, &rows, &party_homes);
    city
}

fn people(city: &mut City, rows: &dyn Fn(&str) -> Vec<Json>, homes: &BTreeMap<String, String>) {
    for row in rows("instructor_assignments") {
        city.add(
            "instructor_assignment",
            RecordId([0; 16]),
            &homes[text(&row, "org")],
            json!({
                "person": named(text(&row, "person")).to_string(),
                "organisation": named(text(&row, "org")).to_string(),
                "from_on": row["from_on"], "to_on": row["to_on"],
            }),
        );
    }
    for row in rows("roles") {
        city.add(
            "role_assignment",
            RecordId([0; 16]),
            row[2].as_str().unwrap(),
            json!({
                "person": named(row[0].as_str().unwrap()).to_string(), "role": row[1],
                "subject": format!("organisation/{}", named("o01")), "from_on": "2019-01-01",
            }),
        );
    }
}

fn events(city: &mut City, rows: &dyn Fn(&str) -> Vec<Json>, homes: &BTreeMap<String, String>) {
    for row in rows("training_sessions") {
        let session = named(text(&row, "id"));
        city.add(
            "training_session",
            session,
            text(&row, "scope"),
            json!({
                "year": "2020", "scope": row["scope"], "title": row["id"], "kind": row["kind"],
                "status": row["status"], "start_on": row["on"],
            }),
        );
        for person in row["attended"].as_array().unwrap() {
            city.add("training_attendance", RecordId([0; 16]), text(&row, "scope"), json!({
                "session": session.to_string(), "person": named(person.as_str().unwrap()).to_string(),
                "attended": true,
            }));
        }
    }
    for row in rows("carriers") {
        let home = homes[text(&row, "party")].clone();
        let carrier = named(text(&row, "id"));
        city.add(
            "carrier",
            carrier,
            &home,
            json!({
                "party_organisation": named(text(&row, "party")).to_string(), "name": row["id"],
                "status": row["status"], "started_on": row["started_on"],
            }),
        );
        for (at, on) in row["acts"].as_array().unwrap().iter().enumerate() {
            let id = named(&format!("{}-{at}", text(&row, "id")));
            city.add(
                "carrier_activity",
                id,
                &home,
                json!({
                    "carrier": carrier.to_string(), "on": on, "title": "活动",
                }),
            );
        }
    }
    works(city, rows);
    for row in rows("seminars") {
        city.add(
            "seminar",
            named("seminar"),
            text(&row, "scope"),
            json!({
                "year": "2020", "scope": row["scope"], "title": "研讨", "on": row["on"],
                "status": row["status"],
            }),
        );
    }
}

fn works(city: &mut City, rows: &dyn Fn(&str) -> Vec<Json>) {
    for (at, row) in rows("drives").iter().enumerate() {
        let values = json!({
            "year": "2020", "scope": row["scope"], "title": "集中组建", "start_on": row["on"],
            "status": row["status"],
        });
        city.add(
            "establishment_drive",
            named(&format!("d{at}")),
            text(row, "scope"),
            values,
        );
    }
    for (at, row) in rows("platforms").iter().enumerate() {
        let cluster = named(&format!("c{at}"));
        let scope = text(row, "scope");
        city.add(
            "cluster",
            cluster,
            scope,
            json!({ "name": "园区", "kind": "industrial_park", "mature": true }),
        );
        city.add(
            "platform",
            named(&format!("f{at}")),
            scope,
            json!({
                "cluster": cluster.to_string(), "name": "平台", "built_on": row["built_on"],
                "status": "built",
            }),
        );
    }
    for row in rows("problems") {
        let status = match (&row["closed_on"], &row["withdrawn"]) {
            (_, Json::Bool(true)) => "withdrawn",
            (Json::Null, _) => "in_progress",
            _ => "closed",
        };
        city.add(
            "problem_item",
            named(text(&row, "id")),
            text(&row, "scope"),
            json!({
                "no": row["id"], "year": "2020", "scope": row["scope"], "description": "问题",
                "registered_on": row["registered_on"], "due_on": row["due_on"],
                "closed_on": row["closed_on"], "status": status,
            }),
        );
    }
}

fn compare(of: &str, golden: &Json, ours: &Indicators) -> usize {
    let mut compared = 0;
    for (name, expected) in golden.as_object().unwrap() {
        let figure = ours
            .get(name)
            .unwrap_or_else(|| panic!("{of} {name} is missing"));
        let printed = match (figure, expected) {
            // The golden file writes a quota as a text and numbers by scope.
            (Figure::Met { num, den }, _) => json!(format!("{num}/{den}")),
            (Figure::Count(number), Json::Object(by_scope)) => {
                let sum: u64 = by_scope.values().map(|n| n.as_u64().unwrap()).sum();
                assert_eq!(number, sum, "{of} {name}");
                expected.clone()
            }
            (figure, _) => figure.json(),
        };
        assert_eq!(&printed, expected, "{of} {name}");
        compared += 1;
    }
    compared
}

#[test]
fn the_golden_fixture_gives_the_golden_indicators() {
    let read = |text: &str| serde_json::from_str::<Json>(text).unwrap();
    let fixture = read(include_str!("../../../../tests/data/golden_fixture.json"));
    let golden = read(include_str!("../../../../tests/data/golden_expected.json"));
    let mut book = fill(&fixture).book(golden["as_of"].as_str().unwrap());
    for code in SCOPES {
        let figures = book.scope(scope_id(code));
        assert_eq!(compare(code, &golden[code], &figures), 33);
    }
    let city = book.city();
    assert_eq!(compare("city", &golden["city"], &city), 33);
    assert_eq!(city.get("new_party_orgs"), Some(Figure::Count(1)), "p02");
    assert_eq!(
        city.get("newly_covered"),
        Some(Figure::Count(4)),
        "o02, o03, o04, o12"
    );
    let names: Vec<_> = city.0.iter().map(|(name, _)| *name).collect();
    let defined: Vec<_> = DEFINITIONS.iter().map(|one| one.name).collect();
    assert_eq!(
        names, defined,
        "every figure is defined, in the order of print"
    );
    let unique: BTreeSet<_> = names.iter().collect();
    assert_eq!(unique.len(), names.len());
}

#[test]
fn the_records_behind_a_golden_figure_are_its_numerator_and_complement() {
    let text = include_str!("../../../../tests/data/golden_fixture.json");
    let mut book = fill(&serde_json::from_str::<Json>(text).unwrap()).book("2020-09-30");
    let names = |keys: &[RecordKey]| -> Vec<String> {
        let name = |key: &RecordKey| {
            let bytes = key.id.0.iter().copied().filter(|byte| *byte != 0);
            String::from_utf8(bytes.collect()).unwrap()
        };
        keys.iter().map(name).collect()
    };
    let definition = |name: &str| Definition::of(name).unwrap();
    let behind = book.behind(definition("org_coverage_rate"), Some(scope_id("410305")));
    assert_eq!(names(&behind.counted), ["o01", "o02", "o03", "o04"]);
    assert_eq!(behind.missing.len(), 4);
    let behind = book.behind(definition("problem_closing_rate"), Some(scope_id("410305")));
    assert_eq!(names(&behind.counted), ["q1", "q2"]);
    assert_eq!(names(&behind.missing), ["q3"]);
    let behind = book.behind(definition("training_head"), None);
    assert_eq!((behind.counted.len(), behind.missing.len()), (2, 2));
    let behind = book.behind(definition("org_coverage_rate"), None);
    let both = behind.counted.len() + behind.missing.len();
    assert_eq!(
        (behind.counted.len(), both),
        (5, 11),
        "each credit code once"
    );
    let behind = book.behind(definition("trainings_held"), Some(scope_id("410302")));
    assert_eq!(behind, Behind::default());
}

#[test]
fn a_record_that_is_taken_out_again_leaves_no_trace_in_the_figures() {
    let text = include_str!("../../../../tests/data/golden_fixture.json");
    let city = fill(&serde_json::from_str::<Json>(text).unwrap());
    let mut book = city.book("2020-12-31");
    let figures = |book: &mut Book| {
        let scopes = SCOPES.iter().map(|code| {
            let scope = scope_id(code);
            (book.scope(scope), book.split(Some(scope)))
        });
        (scopes.collect::<Vec<_>>(), book.city(), book.split(None))
    };
    let before = figures(&mut book);
    let catalogue = Catalogue::builtin();
    let mut moved = 0;
    for (key, scope, values) in &city.added {
        book.put(catalogue, *key, *scope, None).unwrap();
        moved += usize::from(figures(&mut book) != before);
        book.put(catalogue, *key, *scope, Some(values)).unwrap();
        assert_eq!(figures(&mut book), before, "{key:?}");
    }
    assert!(moved > 20, "most of them are counted: {moved}");
    for (key, scope, _) in city.added.iter().rev() {
        book.put(catalogue, *key, *scope, None).unwrap();
    }
    assert_eq!(figures(&mut book), figures(&mut empty("2020-12-31")));
}

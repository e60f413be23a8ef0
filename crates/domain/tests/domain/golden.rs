//! The golden data set gives exactly the golden indicators, on the whole path: JSON, edits,
//! records, effective values, rows, figures.

use std::collections::BTreeMap;

use domain::{
    Catalogue, Parameters, date, effective,
    indicator::{Book, Figure, Indicators, Period},
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
    book: Book,
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
        self.book
            .add(catalogue, record.key, record.scope, &effective.values)
            .unwrap();
        self.added
            .push((record.key, record.scope, effective.values));
    }
}

fn text<'a>(row: &'a Json, name: &str) -> &'a str {
    row[name].as_str().unwrap()
}

fn fill(fixture: &Json) -> City {
    let mut city = City {
        book: Book::new(),
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

/// What the golden values of a scope name that these kinds cannot give.
fn comes_later(name: &str) -> bool {
    ["drives_", "platforms_", "problem"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

fn compare(of: &str, golden: &Json, ours: &Indicators) -> usize {
    let mut compared = 0;
    for (name, expected) in golden
        .as_object()
        .unwrap()
        .iter()
        .filter(|(n, _)| !comes_later(n))
    {
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
    let book = fill(&fixture).book;
    let as_of = date::stored(golden["as_of"].as_str().unwrap()).unwrap();
    let period = Period::new(as_of, Parameters::defaults(2020));
    let ids: Vec<ScopeId> = SCOPES.iter().map(|code| scope_id(code)).collect();
    for (code, id) in SCOPES.iter().zip(&ids) {
        assert_eq!(compare(code, &golden[code], &book.scope(*id, &period)), 26);
    }
    let city = book.city(&ids, &period);
    assert_eq!(compare("city", &golden["city"], &city), 26);
    assert_eq!(city.get("new_party_orgs"), Some(Figure::Count(1)), "p02");
    assert_eq!(
        city.get("newly_covered"),
        Some(Figure::Count(4)),
        "o02, o03, o04, o12"
    );
    let names: Vec<_> = city.0.iter().map(|(name, _)| *name).collect();
    let labels: Vec<_> = domain::indicator::LABELS
        .iter()
        .map(|(name, _, _)| *name)
        .collect();
    assert_eq!(
        names, labels,
        "every indicator has its labels, in the order of print"
    );
}

#[test]
fn a_record_that_is_taken_out_again_leaves_no_trace_in_the_figures() {
    let text = include_str!("../../../../tests/data/golden_fixture.json");
    let mut city = fill(&serde_json::from_str::<Json>(text).unwrap());
    let period = Period::new(
        date::stored("2020-12-31").unwrap(),
        Parameters::defaults(2020),
    );
    let ids: Vec<ScopeId> = SCOPES.iter().map(|code| scope_id(code)).collect();
    let figures = |book: &Book| {
        let scopes = ids.iter().map(|id| book.scope(*id, &period));
        (scopes.collect::<Vec<_>>(), book.city(&ids, &period))
    };
    let before = figures(&city.book);
    let catalogue = Catalogue::builtin();
    let mut moved = 0;
    for (key, scope, values) in &city.added {
        city.book.take_out(catalogue, *key, *scope, values).unwrap();
        moved += usize::from(figures(&city.book) != before);
        city.book.add(catalogue, *key, *scope, values).unwrap();
        assert_eq!(figures(&city.book), before, "{key:?}");
    }
    assert!(moved > 20, "most of them are counted: {moved}");
    for (key, scope, values) in city.added.iter().rev() {
        city.book.take_out(catalogue, *key, *scope, values).unwrap();
    }
    assert_eq!(figures(&city.book), figures(&Book::new()));
}

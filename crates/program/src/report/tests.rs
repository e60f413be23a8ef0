//! The golden data set, written as edits, read back by the report.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use domain::{NoResolve, label::Language, value};
use replica::{Edit, RecordId, RecordKey, Set, Source};
use serde_json::{Value, json};

use super::{By, Request, indicators, trace};
use crate::{
    app::App,
    commands::report::{ReportCommand, run},
    failure::Exit,
    records::{
        Seen, deletion_edit,
        testing::{Alone, World, hub, kind, now, printed, save},
    },
};

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Ids in the order of the fixture's names: the duplicate with the smallest id stands.
fn named(name: &str) -> RecordId {
    let mut bytes = [0; 16];
    bytes
        .iter_mut()
        .zip(name.bytes())
        .for_each(|(byte, letter)| *byte = letter);
    RecordId(bytes)
}

/// Writes records as they come from the districts.
struct City<'a> {
    app: &'a App,
    edits: Vec<Edit>,
}

impl City<'_> {
    fn add(&mut self, kind_name: &str, id: Option<RecordId>, scope: &str, mut values: Value) {
        let values = values.as_object_mut().unwrap();
        values.retain(|_, value| !value.is_null());
        let kind = kind(self.app, kind_name);
        let base = |_| Bytes::new();
        let edits =
            value::edits_from_json(self.app.catalogue, kind, &base, values, &NoResolve).unwrap();
        let bytes: Vec<u8> = edits.iter().flat_map(|edit| edit.value.to_vec()).collect();
        let id = id.or_else(|| domain::derive_id(kind, &bytes)).unwrap();
        let set = edits.into_iter().map(|edit| Set {
            register: edit.register,
            value: edit.value,
            shown: Vec::new(),
        });
        self.edits.push(Edit {
            key: RecordKey {
                kind: kind.kind,
                id,
            },
            scope: domain::scope_id(scope),
            set: set.collect(),
            author: "clerk@there".to_owned(),
            reason: "golden".to_owned(),
            source: Source::Import,
            decision: Bytes::new(),
        });
    }
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap()
}

fn fill(app: &App, fixture: &Value) {
    let mut city = City {
        app,
        edits: Vec::new(),
    };
    let rows = |name: &str| fixture[name].as_array().unwrap().clone();
    for (code, name) in [("410302", "老城区"), ("410305", "涧西区")] {
        let scope = json!({
            "code": code, "name": name, "kind": "district", "code_source": "gbt2260",
            "valid_from": "2019-01-01", "expected_to_report": true,
        });
        save(app, "scope", None, &scope, None).unwrap();
    }
    let homes = organisations(&mut city, &rows);
    links(&mut city, &rows, &homes);
    events(&mut city, &rows, &homes);
    app.writer.edit(city.edits, Vec::new()).unwrap();
}

type Rows<'a> = &'a dyn Fn(&str) -> Vec<Value>;

fn organisations(city: &mut City<'_>, rows: Rows<'_>) -> BTreeMap<String, String> {
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
            Some(named(text(&row, "id"))),
            text(&row, "scope"),
            json!({
                "uscc": row["uscc"], "name": row["id"], "census_status": row["census_status"],
                "members": row["members"], "full_members": row["full_members"],
                "employees": row["employees"], "as_of": "2020-09-30",
                "mass_orgs": row["mass_orgs"], "eligibility": eligibility,
            }),
        );
    }
    for row in rows("party_organisations") {
        homes.insert(text(&row, "id").to_owned(), text(&row, "scope").to_owned());
        city.add(
            "party_organisation",
            Some(named(text(&row, "id"))),
            text(&row, "scope"),
            json!({
                "name": row["id"], "type": row["type"], "status": row["status"],
                "established_on": row["established_on"], "dissolved_on": row["dissolved_on"],
            }),
        );
    }
    homes
}

fn links(city: &mut City<'_>, rows: Rows<'_>, homes: &BTreeMap<String, String>) {
    for row in rows("coverage_links") {
        city.add(
            "coverage_link",
            None,
            &homes[text(&row, "org")],
            json!({
                "organisation": named(text(&row, "org")).to_string(),
                "party_organisation": named(text(&row, "party")).to_string(),
                "form": row["form"], "from_on": row["from_on"], "to_on": row["to_on"],
            }),
        );
    }
    for row in rows("instructor_assignments") {
        city.add(
            "instructor_assignment",
            None,
            &homes[text(&row, "org")],
            json!({
                "person": named(text(&row, "person")).to_string(),
                "organisation": named(text(&row, "org")).to_string(),
                "from_on": row["from_on"], "to_on": row["to_on"],
            }),
        );
    }
    for row in rows("roles") {
        // The fixture names no organisation; a role belongs where the one it is in does.
        let subject = match row[2].as_str() {
            Some("410302") => "o13",
            _ => "o01",
        };
        city.add(
            "role_assignment",
            None,
            row[2].as_str().unwrap(),
            json!({
                "person": named(row[0].as_str().unwrap()).to_string(), "role": row[1],
                "subject": format!("organisation/{}", named(subject)), "from_on": "2019-01-01",
            }),
        );
    }
}

fn events(city: &mut City<'_>, rows: Rows<'_>, homes: &BTreeMap<String, String>) {
    for row in rows("training_sessions") {
        let session = named(text(&row, "id"));
        city.add(
            "training_session",
            Some(session),
            text(&row, "scope"),
            json!({
                "year": "2020", "scope": row["scope"], "title": row["id"], "kind": row["kind"],
                "status": row["status"], "start_on": row["on"],
            }),
        );
        for person in row["attended"].as_array().unwrap() {
            city.add(
                "training_attendance",
                None,
                text(&row, "scope"),
                json!({
                    "session": session.to_string(),
                    "person": named(person.as_str().unwrap()).to_string(), "attended": true,
                }),
            );
        }
    }
    for row in rows("carriers") {
        let home = homes[text(&row, "party")].clone();
        let carrier = named(text(&row, "id"));
        city.add(
            "carrier",
            Some(carrier),
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
                Some(id),
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
            Some(named("seminar")),
            text(&row, "scope"),
            json!({
                "year": "2020", "scope": row["scope"], "title": "研讨", "on": row["on"],
                "status": row["status"],
            }),
        );
    }
}

fn golden() -> (World, Value) {
    let world = hub();
    fill(
        &world.app,
        &read(include_str!("../../../../tests/data/golden_fixture.json")),
    );
    (
        world,
        read(include_str!("../../../../tests/data/golden_expected.json")),
    )
}

/// What the golden values of a scope name that these kinds cannot give.
fn comes_later(name: &str) -> bool {
    ["drives_", "platforms_", "problem"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

/// The golden file writes a quota as a text and numbers by scope; the report as the contract says.
fn expected(value: &Value) -> Value {
    match value {
        Value::String(met) => {
            let (num, den) = met.split_once('/').unwrap();
            json!({ "num": num.parse::<u64>().unwrap(), "den": den.parse::<u64>().unwrap() })
        }
        Value::Object(by_scope) if !by_scope.contains_key("num") => {
            json!(
                by_scope
                    .values()
                    .map(|number| number.as_u64().unwrap())
                    .sum::<u64>()
            )
        }
        other => other.clone(),
    }
}

#[test]
fn the_golden_fixture_is_reported_as_golden() {
    let (world, golden) = golden();
    let command = ReportCommand::Indicators {
        scope: None,
        as_of: Some("2020-09-30".to_owned()),
        year: None,
        by: None,
    };
    let (printed, exit) = printed(true, |out| run(&world.app, &Alone, command, out));
    assert_eq!(exit.unwrap(), Exit::Done);
    let report = read(&printed);
    assert_eq!(
        (&report["as_of"], &report["year"]),
        (&json!("2020-09-30"), &json!(2020))
    );
    assert_eq!(
        report["scopes"].as_object().unwrap().len(),
        2,
        "the city has no organisations"
    );
    for of in ["410302", "410305", "city"] {
        let ours = if of == "city" {
            &report["city"]
        } else {
            &report["scopes"][of]
        };
        for (name, value) in golden[of].as_object().unwrap() {
            if !comes_later(name) {
                assert_eq!(ours[name], expected(value), "{of} {name}");
            }
        }
    }
}

#[test]
fn open_conflicts_are_counted_and_their_figures_stay_provisional() {
    let (world, _) = golden();
    let key = RecordKey {
        kind: kind(&world.app, "organisation").kind,
        id: named("o01"),
    };
    let stored = now(&world.app, key);
    let request = Request {
        as_of: Some("2020-09-30".to_owned()),
        ..Request::default()
    };
    let before = indicators(&world.app, &request).unwrap();
    for status in ["excluded", "closed"] {
        let edit = Edit {
            key,
            scope: stored.record.scope,
            set: vec![status_set(&world.app, &stored.record, status)],
            author: format!("{status}@there"),
            reason: "x".to_owned(),
            source: Source::Command,
            decision: Bytes::new(),
        };
        world.app.writer.edit(vec![edit], Vec::new()).unwrap();
    }
    let after = indicators(&world.app, &request).unwrap();
    let of = |report: &super::Report| {
        let column = report
            .scopes
            .iter()
            .find(|column| column.code == "410305")
            .unwrap();
        (column.indicators.clone(), column.open_conflicts)
    };
    assert_eq!(of(&before).1, 0);
    assert_eq!(
        of(&after),
        (of(&before).0, 1),
        "counted as before until it is decided"
    );
    assert_eq!(after.city.unwrap().open_conflicts, 1);
    let command = ReportCommand::Indicators {
        scope: Some("涧西区".to_owned()),
        as_of: Some("2020-09-30".to_owned()),
        year: None,
        by: None,
    };
    let (text, _) = printed(false, |out| run(&world.app, &Alone, command, out));
    assert!(text.contains("4/8  50.0%"), "{text}");
    assert!(
        !text.contains("City"),
        "only the scope that was asked for: {text}"
    );
}

fn status_set(app: &App, record: &replica::Record, status: &str) -> Set {
    let kind = kind(app, "organisation");
    let values = json!({ "census_status": status });
    let base = |_| Bytes::new();
    let edits = value::edits_from_json(
        app.catalogue,
        kind,
        &base,
        values.as_object().unwrap(),
        &NoResolve,
    );
    let edit = edits.unwrap().remove(0);
    let shown = Seen::of(record).register(edit.register).to_vec();
    Set {
        register: edit.register,
        value: edit.value,
        shown,
    }
}

#[test]
fn days_and_years_that_are_none_are_refused_and_a_past_year_ends_on_its_last_day() {
    let world = hub();
    let ask = |as_of: Option<&str>, year| {
        indicators(
            &world.app,
            &Request {
                scope: None,
                as_of: as_of.map(str::to_owned),
                year,
                by: None,
            },
        )
    };
    assert_eq!(ask(Some("yesterday"), None).unwrap_err().code, "REPORT-001");
    assert_eq!(ask(None, Some(99_999)).unwrap_err().code, "REPORT-002");
    let past = ask(None, Some(2019)).unwrap();
    assert_eq!(
        (domain::date::text(past.as_of), past.year),
        ("2019-12-31".to_owned(), 2019)
    );
    let now = ask(None, None).unwrap();
    assert_eq!(
        (domain::date::text(now.as_of), now.year),
        ("2020-10-15".to_owned(), 2020)
    );
}

#[test]
fn the_board_follows_every_change_and_agrees_with_one_that_is_made_anew() {
    let (world, _) = golden();
    let app = &world.app;
    let request = Request {
        by: Some(By::Form),
        ..Request::default()
    };
    let told = |app: &App| indicators(app, &request).unwrap().json();
    let anew = |app: &App| {
        told(&App {
            board: Arc::default(),
            ..app.clone()
        })
    };
    let mut last = told(app);
    let mut moved = |app: &App, what: &str| {
        let now = told(app);
        assert_ne!(now, last, "{what} moves a figure");
        assert_eq!(now, anew(app), "{what}");
        last = now;
    };
    let stored = |name: &str| {
        let key = RecordKey {
            kind: kind(app, "organisation").kind,
            id: named(name),
        };
        app.reader().get(key).unwrap().unwrap()
    };
    let left_out = stored("o01").record;
    let edit = Edit {
        key: left_out.key,
        scope: left_out.scope,
        set: vec![status_set(app, &left_out, "excluded")],
        author: "clerk@there".to_owned(),
        reason: "a shell".to_owned(),
        source: Source::Command,
        decision: Bytes::new(),
    };
    app.writer.edit(vec![edit], Vec::new()).unwrap();
    moved(app, "an organisation that is left out");
    let gone = deletion_edit(app, &stored("o02"), None, "entered twice").unwrap();
    app.writer.edit(vec![gone], Vec::new()).unwrap();
    moved(app, "a deleted organisation");
    let years = kind(app, "programme_year").kind;
    let year = RecordKey {
        kind: years,
        id: domain::year_record_id(2020),
    };
    let year = app.reader().get(year).unwrap();
    let fewer = json!({ "should_build_members": 1 });
    let fewer = match &year {
        Some(_) => fewer,
        None => domain::parameters::programme_year_json(2020)
            .into_iter()
            .chain(fewer.as_object().unwrap().clone())
            .collect(),
    };
    save(app, "programme_year", year.as_ref(), &fewer, None).unwrap();
    moved(app, "another line for establishment");
    let scope = json!({
        "code": "410311", "name": "洛龙区", "kind": "district", "code_source": "gbt2260",
        "valid_from": "2019-01-01", "expected_to_report": true,
    });
    save(app, "scope", None, &scope, None).unwrap();
    moved(app, "a new scope, which owes a drive");
}

#[test]
fn an_indicator_is_traced_to_its_records() {
    let (world, _) = golden();
    let request = Request {
        scope: Some("410305".to_owned()),
        as_of: Some("2020-09-30".to_owned()),
        ..Request::default()
    };
    let traced = trace(
        &world.app,
        &Alone,
        "org_coverage_rate",
        &request,
        Language::Zh,
    )
    .unwrap();
    let json = traced.json();
    assert_eq!(json["figure"], json!({ "num": 4, "den": 8, "pct": "50.0" }));
    let names = |list: &Value| -> Vec<String> {
        let list = list.as_array().unwrap().iter();
        list.map(|one| one["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&json["counted"]), ["o01", "o02", "o03", "o04"]);
    assert_eq!(json["missing"].as_array().unwrap().len(), 4);
    let (text, _) = printed(false, |out| {
        traced.print(2, out);
        Ok(())
    });
    assert!(
        text.contains("4/8  50.0%") && text.contains("o01"),
        "{text}"
    );
    let unknown = trace(&world.app, &Alone, "happiness", &request, Language::Zh).unwrap_err();
    assert_eq!(unknown.code, "FIGURE-001");
}

#[test]
fn what_is_live_is_told_as_it_stands_now() {
    let (world, _) = golden();
    let app = &world.app;
    let tell = |name| {
        let traced = trace(app, &Alone, name, &Request::default(), Language::Zh);
        traced.unwrap().json()
    };
    assert_eq!(tell("open_conflicts")["figure"], json!(0));
    let key = RecordKey {
        kind: kind(app, "organisation").kind,
        id: named("o01"),
    };
    let stored = now(app, key);
    for status in ["excluded", "closed"] {
        let edit = Edit {
            key,
            scope: stored.record.scope,
            set: vec![status_set(app, &stored.record, status)],
            author: format!("{status}@there"),
            reason: "x".to_owned(),
            source: Source::Command,
            decision: Bytes::new(),
        };
        app.writer.edit(vec![edit], Vec::new()).unwrap();
    }
    let open = tell("open_conflicts");
    assert_eq!(
        (&open["figure"], &open["scope"], &open["counted"][0]["name"]),
        (&json!(1), &json!("city"), &json!("o01"))
    );
    // Nobody has joined, so nobody was heard.
    assert_eq!(tell("sync_lag")["figure"], json!({ "minutes": null }));
}

#[test]
fn the_report_says_how_the_scopes_become_the_city_and_which_figures_are_headlines() {
    let (world, _) = golden();
    let app = &world.app;
    let command = ReportCommand::Indicators {
        scope: None,
        as_of: Some("2020-09-30".to_owned()),
        year: None,
        by: None,
    };
    let (text, _) = printed(false, |out| run(app, &Alone, command.clone(), out));
    assert!(
        text.contains("sum of the scopes 12, duplicates 1, city 11."),
        "{text}"
    );
    assert!(text.contains("◆ Work coverage rate "), "{text}");
    assert!(!text.contains("◆ Work coverage incl."), "{text}");
    let mut broad = domain::parameters::programme_year_json(2020);
    broad.insert("work_coverage_mode".to_owned(), json!("broad"));
    save(app, "programme_year", None, &Value::Object(broad), None).unwrap();
    let (text, _) = printed(true, |out| run(app, &Alone, command, out));
    let headlines = &read(&text)["headlines"];
    assert_eq!(headlines[2], json!("work_coverage_broad_rate"));
    assert_eq!(headlines.as_array().unwrap().len(), 9);
}

#[test]
fn a_form_has_its_share_of_the_whole_ledger() {
    let (world, _) = golden();
    let request = Request {
        scope: Some("410305".to_owned()),
        as_of: Some("2020-09-30".to_owned()),
        by: Some(By::Form),
        ..Request::default()
    };
    let report = indicators(&world.app, &request).unwrap().json();
    let parts = report["scopes"]["410305"]["parts"].as_object().unwrap();
    let standalone = &parts["standalone"]["org_coverage_rate"];
    assert_eq!(standalone, &json!({ "num": 1, "den": 8, "pct": "12.5" }));
    let covered = parts.values().map(|part| &part["org_coverage_rate"]);
    let covered: u64 = covered.map(|rate| rate["num"].as_u64().unwrap()).sum();
    assert_eq!(covered, 4, "each under its strongest form: {parts:?}");
    for part in parts.values() {
        assert_eq!(part.get("work_coverage_rate"), None, "always whole");
    }
}

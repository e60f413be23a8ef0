//! What a person saves goes one step at a time; the program writes the days that go with a step.

use replica::Source;
use serde_json::{Value, json};
use store::Stored;

use super::run;
use crate::{
    app::App,
    commands::record::RecordCommand,
    failure::Failure,
    records::{
        Change, Saved, document, put, set_of_json,
        testing::{kind, node, now, printed, save, taken_over},
    },
};

fn problem(status: &str) -> Value {
    json!({ "no": "410305-2020-A0001", "year": "2020", "scope": "410305",
        "category": "coverage", "description": "应建未建", "found_by": "self",
        "severity": "high", "registered_on": "2020-03-01", "due_on": "2020-12-01",
        "extension": "none", "status": status, "measure": "拟建" })
}

fn code(saved: Result<Saved, Failure>) -> String {
    saved.err().map_or_else(String::new, |failure| failure.code)
}

fn set(app: &App, stored: &Stored, source: Source, values: &Value) -> Result<Saved, Failure> {
    let change = Change {
        kind: kind(app, "problem_item"),
        id: Some(stored.record.key.id),
        set: set_of_json(values.as_object().unwrap()),
        seen: None,
        scope: None,
        reason: "办理",
        source,
    };
    put(app, &change)
}

#[test]
fn a_person_skips_no_step_and_an_import_may() {
    let world = node();
    let app = &world.app;
    let made = save(app, "problem_item", None, &problem("in_progress"), None);
    assert_eq!(code(made), "step_missing");
    let stored = save(app, "problem_item", None, &problem("registered"), None);
    let stored = stored.unwrap().stored;
    let far = json!({ "status": "in_progress" });
    for source in [Source::Command, Source::Form] {
        let refused = set(app, &stored, source, &far).unwrap_err();
        assert_eq!(refused.code, "step_missing");
        assert!(refused.to_string().contains("assign"), "{refused}");
    }
    // Whoever skipped to the end would close what the same person opened: the steps come first.
    let closed = json!({ "status": "closed", "measure": "已建" });
    assert_eq!(
        code(set(app, &stored, Source::Command, &closed)),
        "step_missing"
    );
    assert_eq!(code(set(app, &stored, Source::Import, &closed)), "AUTH-OWN");
    let taken = set(app, &stored, Source::Import, &far).unwrap();
    assert!(taken.warnings.iter().any(|it| it.code == "step_skips"));
}

#[test]
fn a_file_brings_what_has_its_steps_behind_it() {
    let world = node();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let mut closed = problem("closed");
    closed["closed_on"] = json!("2020-09-30");
    let line = json!({ "kind": "problem_item", "values": closed });
    std::io::Write::write_all(&mut file, line.to_string().as_bytes()).unwrap();
    let load = RecordCommand::Load {
        file: file.path().to_owned(),
        reason: Some("接管台账".to_owned()),
    };
    let (text, exit) = printed(true, |out| run(&world.app, load, out));
    exit.unwrap();
    let loaded: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(loaded["created"], 1, "{text}");
}

#[test]
fn the_day_of_a_step_is_written_with_it_however_it_is_taken() {
    let world = node();
    let app = &world.app;
    let stored = taken_over(app, "problem_item", &problem("close_applied"));
    let day = |app: &App| {
        let stored = now(app, stored.record.key);
        document(app, &stored).unwrap()["values"]["closed_on"].clone()
    };
    let closed = |day: &str| json!({ "status": "closed", "closed_on": day });
    let reviewer = world.by("reviewer");
    let typed = set(&reviewer, &stored, Source::Command, &closed("2020-10-01"));
    assert_eq!(code(typed), "day_typed");
    let without = json!({ "closed_on": "2020-10-15" });
    assert_eq!(code(set(app, &stored, Source::Form, &without)), "day_typed");
    assert_eq!(day(app), Value::Null);
    set(
        &reviewer,
        &stored,
        Source::Command,
        &json!({ "status": "closed" }),
    )
    .unwrap();
    assert_eq!(day(app), "2020-10-15");
}

#[test]
fn who_registered_a_problem_takes_it_back_and_of_a_sheet_another() {
    let world = node();
    let app = &world.app;
    let registered = save(app, "problem_item", None, &problem("registered"), None);
    let registered = registered.unwrap().stored;
    let withdrawn = json!({ "status": "withdrawn" });
    let by = |app: &App, stored: &Stored| code(set(app, stored, Source::Command, &withdrawn));
    let chief = world.by("chief");
    let assigned = json!({ "status": "assigned" });
    set(&chief, &registered, Source::Command, &assigned).unwrap();
    assert_eq!(
        by(&chief, &registered),
        "AUTH-OWN",
        "who took the step before"
    );
    assert_eq!(by(app, &registered), "");
    let mut other = problem("registered");
    other["no"] = json!("410305-2020-A0002");
    let imported = taken_over(app, "problem_item", &other);
    assert_eq!(by(app, &imported), "AUTH-OWN");
    assert_eq!(by(&chief, &imported), "");
}

#[test]
fn a_return_is_signed_and_dated_by_its_submission() {
    let world = node();
    let app = &world.app;
    let open = json!({ "scope": "410305", "period": "2020Q3", "status": "open" });
    let stored = save(app, "quarterly_return", None, &open, None)
        .unwrap()
        .stored;
    let sent = |day: &str| json!({ "status": "submitted", "submitted_on": day });
    let typed = save(
        app,
        "quarterly_return",
        Some(&stored),
        &sent("2020-09-30"),
        None,
    );
    assert_eq!(code(typed), "day_typed");
    let plain = json!({ "status": "submitted" });
    let saved = save(app, "quarterly_return", Some(&stored), &plain, None).unwrap();
    let values = &saved.document["values"];
    assert_eq!(values["submitted_on"], "2020-10-15");
    assert_eq!(values["figures_hash"].as_str().map(str::len), Some(64));
}

#[test]
fn a_sheet_that_was_exported_before_takes_its_step_too() {
    let world = node();
    let app = &world.app;
    let stored = save(app, "problem_item", None, &problem("registered"), None);
    let stored = stored.unwrap().stored;
    let exported = document(app, &stored).unwrap()["values"].clone();
    assert_eq!(
        exported["steps"],
        json!([{ "place": 1, "state": "registered", "on": "2020-03-01" }])
    );
    let row = json!({ "status": "in_progress", "steps": exported["steps"] });
    let saved = set(app, &stored, Source::Import, &row).unwrap();
    let steps = &saved.document["values"]["steps"];
    assert_eq!(steps[1]["on"], "2020-10-15", "{steps}");
    // Those of an older one change nothing, and none takes them away.
    for old in [exported["steps"].clone(), json!([])] {
        let row = json!({ "steps": old });
        let saved = set(app, &stored, Source::Import, &row).unwrap();
        assert_eq!(&saved.document["values"]["steps"], steps);
    }
    // Another store's steps come as they are, where they lead to the state and have come.
    let assigned = |on: &str| {
        let moved = json!({ "status": "assigned", "steps": [steps[0],
            { "place": 2, "state": "assigned", "on": on }] });
        changed(&problem("assigned"), &moved)
    };
    let stands = |values: &Value| {
        let other = taken_over(app, "problem_item", values);
        document(app, &other).unwrap()["values"]["steps"].clone()
    };
    assert_eq!(
        stands(&assigned("2020-04-01")),
        assigned("2020-04-01")["steps"]
    );
    let now = json!([{ "place": 1, "state": "assigned", "on": "2020-10-15" }]);
    let mut later = assigned("2021-12-31");
    later["no"] = json!("410305-2020-A0003");
    assert_eq!(stands(&later), now, "a day to come");
}

#[test]
fn the_day_of_a_closing_is_todays_and_a_wrong_day_of_a_step_is_mended() {
    let world = node();
    let app = &world.app;
    let stored = taken_over(app, "problem_item", &problem("close_applied"));
    let closed = json!({ "status": "closed" });
    let mut set_of = set_of_json(closed.as_object().unwrap());
    set_of.push(("steps", domain::value::Input::Text("2020-09-12")));
    let change = Change {
        kind: kind(app, "problem_item"),
        id: Some(stored.record.key.id),
        set: set_of,
        seen: None,
        scope: None,
        reason: "办理",
        source: Source::Command,
    };
    assert_eq!(code(put(&world.by("reviewer"), &change)), "day_typed");
    let last = |source, text: &'static str| {
        let mut change = change.clone();
        change.source = source;
        change.set = vec![("steps", domain::value::Input::Text(text))];
        let saved = put(app, &change).unwrap();
        saved.document["values"]["steps"].clone()
    };
    let day = |steps: &Value| steps[0]["on"].clone();
    assert_eq!(day(&last(Source::Command, "2020-09-01")), "2020-09-01");
    assert_eq!(day(&last(Source::Form, "2020-09-02")), "2020-09-02");
}

fn changed(values: &Value, change: &Value) -> Value {
    let mut values = values.clone();
    for (name, value) in change.as_object().unwrap() {
        values[name] = value.clone();
    }
    values["no"] = json!("410305-2020-A0002");
    values
}

//! What follows from a step is written with it or not at all.

use std::io::Write as _;

use replica::{RecordKey, Source};
use serde_json::{Value, json};
use store::Stored;

use super::run;
use crate::{
    app::App,
    commands::record::RecordCommand,
    records::{
        Change, Desk, act, acts, document, find, history, set_of_json,
        testing::{World, hub, kind, made, node, now, printed, save, taken_over},
    },
};

fn put(app: &App, kind: &str, values: &Value) -> Stored {
    let saved = save(app, kind, None, values, None);
    saved
        .unwrap_or_else(|failure| panic!("{kind}: {failure}"))
        .stored
}

fn name(stored: &Stored) -> String {
    stored.record.key.id.to_string()
}

fn value(app: &App, key: RecordKey, field: &str) -> Value {
    document(app, &now(app, key)).unwrap()["values"][field].clone()
}

fn party(app: &App) -> Stored {
    let party = json!({ "name": "联合支部", "type": "joint_branch", "status": "active",
        "form": "joint", "established_on": "2020-01-10" });
    put(app, "party_organisation", &party)
}

fn link(app: &App, organisation: &Stored, party: &Stored) -> Stored {
    let link = json!({ "organisation": name(organisation), "form": "joint",
        "party_organisation": name(party), "from_on": "2020-02-01" });
    put(app, "coverage_link", &link)
}

fn codes(warnings: &[domain::Finding]) -> Vec<&str> {
    let effects = warnings.iter().filter(|it| it.rule == "EFFECT");
    effects.map(|it| it.code).collect()
}

const CLOSE: &str = r#"{"census_status": "closed", "closed_on": "2020-10-01"}"#;

fn close() -> Value {
    serde_json::from_str(CLOSE).unwrap()
}

#[test]
fn closing_an_organisation_ends_what_hangs_on_it_and_names_the_step() {
    let world = node();
    let app = &world.app;
    let organisation = made(app, "甲");
    let link = link(app, &organisation, &party(app));
    let person = put(app, "person", &json!({ "display_name": "王芳" }));
    let sent = json!({ "person": name(&person), "organisation": name(&organisation),
        "from_on": "2020-03-01" });
    let sent = put(app, "instructor_assignment", &sent);
    let set = close();
    let set = set_of_json(set.as_object().unwrap());
    let saved = act(app, organisation.record.key, "close", set, (None, "注销")).unwrap();
    assert_eq!(codes(&saved.warnings), ["effects_along"]);
    for stored in [&link, &sent] {
        assert_eq!(value(app, stored.record.key, "to_on"), "2020-10-01");
    }
    assert_eq!(value(app, link.record.key, "end_reason"), "单位注销");
    let told = serde_json::to_string(&history(app, link.record.key).unwrap()).unwrap();
    let step = format!("随 organisation/{} 办理", name(&organisation));
    assert!(told.contains(&step), "{told}");
    // Who comes back is told, and nothing comes back by itself.
    let reopen = act(
        app,
        organisation.record.key,
        "reopen",
        Vec::new(),
        (None, "误注销"),
    );
    let reopen = reopen.unwrap();
    assert_eq!(codes(&reopen.warnings), ["stays_ended"]);
    assert_eq!(value(app, link.record.key, "to_on"), "2020-10-01");
}

#[test]
fn a_step_and_what_follows_are_one_submission() {
    let world = node();
    let app = &world.app;
    let organisation = made(app, "甲");
    let party = party(app);
    let links: Vec<Stored> = [&organisation].map(|it| link(app, it, &party)).into();
    let change = close();
    let change = Change {
        kind: kind(app, "organisation"),
        id: Some(organisation.record.key.id),
        set: set_of_json(change.as_object().unwrap()),
        seen: None,
        scope: None,
        reason: "注销",
        source: Source::Command,
    };
    let edits = Desk::new(app).unwrap().prepare(&change).unwrap().edits();
    let keys: Vec<RecordKey> = edits.iter().map(|edit| edit.key).collect();
    assert_eq!(keys, [organisation.record.key, links[0].record.key]);
    assert_eq!(
        value(app, links[0].record.key, "to_on"),
        Value::Null,
        "not yet written"
    );
}

#[test]
fn a_step_whose_effect_breaks_a_rule_is_not_taken() {
    let world = node();
    let app = &world.app;
    let organisation = made(app, "甲");
    // The figures are of a day before the link begins: they are what it begins with.
    let few = json!({ "members": 2, "full_members": 2, "as_of": "2020-01-05" });
    let old = save(app, "organisation", Some(&organisation), &few, None).unwrap_err();
    assert_eq!(old.code, "as_of_back", "later figures stand");
    let day = json!({ "as_of": "2020-01-05" });
    save(app, "organisation", Some(&organisation), &day, None).unwrap();
    let organisation = find(app, organisation.record.key).unwrap();
    save(app, "organisation", Some(&organisation), &few, None).unwrap();
    let agency = json!({ "name": "街道党工委", "kind": "township_committee", "scope": "410305",
        "active": true });
    let agency = put(app, "agency", &agency);
    let case = json!({ "organisation": name(&organisation), "status": "approved",
        "eligibility": "eligible", "form": "standalone", "responsible_agency": name(&agency),
        "due_on": "2020-12-01", "result_party_organisation": name(&party(app)) });
    let case = taken_over(app, "establishment_case", &case);
    let establish = |app: &App| {
        act(
            app,
            case.record.key,
            "establish",
            Vec::new(),
            (None, "建成"),
        )
    };
    let refused = establish(app).unwrap_err();
    assert_eq!(refused.code, "standalone_members");
    assert_eq!(value(app, case.record.key, "status"), "approved");
    let more = json!({ "members": 3, "full_members": 3, "as_of": "2020-01-06" });
    save(app, "organisation", Some(&organisation), &more, None).unwrap();
    assert_eq!(codes(&establish(app).unwrap().warnings), ["effects_along"]);
    let kind = kind(app, "coverage_link").kind;
    let below = app.reader().children(organisation.record.key);
    let link = below.into_iter().find(|key| key.kind == kind).unwrap();
    assert_eq!(value(app, link, "from_on"), "2020-01-10");
}

#[test]
fn a_file_that_makes_a_link_and_closes_its_organisation_ends_the_link() {
    let world = node();
    let app = &world.app;
    let organisation = made(app, "甲");
    let party = party(app);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let link = json!({ "kind": "coverage_link", "values": { "organisation": name(&organisation),
        "party_organisation": name(&party), "form": "joint", "from_on": "2020-02-01" } });
    let closed = json!({ "kind": "organisation", "id": name(&organisation), "values": close() });
    writeln!(file, "{link}\n{closed}").unwrap();
    let load = RecordCommand::Load {
        file: file.path().to_owned(),
        reason: Some("名单".to_owned()),
    };
    let (text, exit) = printed(true, |out| run(app, load, out));
    exit.unwrap();
    let loaded: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&loaded["created"], &loaded["changed"]),
        (&json!(1), &json!(1)),
        "{text}"
    );
    let kind = kind(app, "coverage_link").kind;
    let below = app.reader().children(organisation.record.key);
    let link = below.into_iter().find(|key| key.kind == kind).unwrap();
    assert_eq!(value(app, link, "to_on"), "2020-10-01");
}

/// A received nomination at the city, of its own Party organisation.
fn received(world: &World) -> (Stored, Stored) {
    let app = &world.app;
    let year = domain::parameters::programme_year_json(2020);
    put(app, "programme_year", &Value::Object(year));
    let party = party(app);
    let nomination = json!({ "year": "2020", "scope": "4103L9", "summary": "事迹",
        "party_organisation": name(&party), "status": "received", "district_rank": 1 });
    let nomination = taken_over(app, "nomination", &nomination);
    (party, nomination)
}

#[test]
fn a_verdict_makes_the_point_in_one_step_and_a_condition_waits() {
    let world = hub();
    let app = &world.app;
    let (party, nomination) = received(&world);
    let verdict = |verdict: &str, on: &str| {
        json!({ "nomination": name(&nomination), "verdict": verdict, "on": on, "reason": "抽查",
            "rectify_due": "2020-11-30", "without_visit": true })
    };
    put(
        app,
        "acceptance_verdict",
        &verdict("conditional", "2020-10-12"),
    );
    assert_eq!(value(app, nomination.record.key, "status"), "received");
    let early = act(
        app,
        nomination.record.key,
        "accept",
        Vec::new(),
        (None, "达标"),
    );
    assert_eq!(early.unwrap_err().code, "no_verdict");
    put(app, "acceptance_verdict", &verdict("pass", "2020-10-14"));
    assert_eq!(value(app, nomination.record.key, "status"), "accepted");
    let kind = kind(app, "demonstration_point").kind;
    let points = app.reader().children(party.record.key);
    let points: Vec<RecordKey> = points.into_iter().filter(|key| key.kind == kind).collect();
    assert_eq!(points.len(), 1);
    assert_eq!(value(app, points[0], "status"), "valid");
    // A later verdict says so and takes nothing back by itself.
    let later = verdict("fail", "2020-10-15");
    let later = save(app, "acceptance_verdict", None, &later, None).unwrap();
    assert_eq!(codes(&later.warnings), ["decided_before"]);
    assert_eq!(value(app, points[0], "status"), "valid");
    // What was said stays said, also for the city.
    let key = later.stored.record.key;
    let gone = crate::records::delete(app, key, None, "误录").unwrap_err();
    assert_eq!(gone.code, "decided_frozen");
    let other = json!({ "reason": "改" });
    let over = save(app, "acceptance_verdict", Some(&later.stored), &other, None);
    assert_eq!(over.unwrap_err().code, "decided_frozen");
}

#[test]
fn what_is_done_suggests_the_next_step() {
    let world = node();
    let app = &world.app;
    let problem = json!({ "no": "410305-2020-A0001", "year": "2020", "scope": "410305",
        "category": "coverage", "description": "应建未建", "found_by": "self",
        "severity": "high", "registered_on": "2020-03-01", "due_on": "2020-12-01",
        "extension": "none", "status": "in_progress" });
    let problem = taken_over(app, "problem_item", &problem);
    let task = json!({ "no": "410305-2020-T0001", "year": "2020", "scope": "410305",
        "title": "组建", "problem": name(&problem), "status": "in_progress" });
    let task = put(app, "task_item", &task);
    let suggested = || {
        let open = acts(app, problem.record.key).unwrap();
        let open = open.into_iter().filter(|open| open.suggested.is_some());
        open.map(|open| open.act.name).collect::<Vec<_>>()
    };
    assert!(suggested().is_empty());
    act(app, task.record.key, "finish", Vec::new(), (None, "完成")).unwrap();
    assert_eq!(suggested(), ["apply_close"]);
}

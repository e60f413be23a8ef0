//! R19: who makes a problem or a task without a number is given the next one of this replica.

use domain::number;
use serde_json::{Value, json};

use super::run;
use crate::{
    app::App,
    commands::record::RecordCommand,
    dir::Identity,
    records::testing::{hub, node, printed, save},
    tables,
};

fn problem(no: &Value, scope: &str) -> Value {
    json!({ "no": no, "year": "2020", "scope": scope, "category": "coverage",
        "description": "应建未建", "found_by": "self", "severity": "high",
        "registered_on": "2020-03-01", "due_on": "2020-12-01", "extension": "none",
        "status": "registered" })
}

fn task() -> Value {
    json!({ "year": "2020", "scope": "410305", "title": "建台账", "status": "open" })
}

/// Makes a record and returns its number.
fn number(app: &App, kind: &str, values: &Value) -> String {
    let saved = save(app, kind, None, values, None).unwrap();
    let no = saved.document["values"]["no"].as_str().unwrap();
    no.to_owned()
}

/// The program at another node of the same scope, over the same records.
fn beside(app: &App) -> App {
    let identity = Identity {
        replica: "fedcba9876543210fedcba9876543210".to_owned(),
        ..Identity::clone(&app.identity)
    };
    App {
        identity: identity.into(),
        ..app.clone()
    }
}

#[test]
fn each_kind_is_counted_under_the_letter_of_the_replica() {
    let world = node();
    let app = &world.app;
    let letter = number::letters(app.identity.replica()).next().unwrap();
    let series = format!("410305-2020-{letter}");
    let none = problem(&Value::Null, "410305");
    assert_eq!(number(app, "problem_item", &none), format!("{series}0001"));
    assert_eq!(number(app, "problem_item", &none), format!("{series}0002"));
    assert_eq!(number(app, "task_item", &task()), format!("{series}0001"));
    // A number that was typed stays, and the next is counted from it.
    let typed = problem(&json!(format!("{series}0041")), "410305");
    assert_eq!(number(app, "problem_item", &typed), format!("{series}0041"));
    assert_eq!(number(app, "problem_item", &none), format!("{series}0042"));
    let mut later = none;
    later["year"] = json!("2021");
    later["registered_on"] = json!("2020-10-01");
    let first = format!("410305-2021-{letter}0001");
    assert_eq!(number(app, "problem_item", &later), first);
}

#[test]
fn two_replicas_of_a_scope_and_the_city_count_under_letters_of_their_own() {
    let world = node();
    let (app, other) = (&world.app, beside(&world.app));
    let none = problem(&Value::Null, "410305");
    let letter = |no: &str| no.chars().rev().nth(4).unwrap();
    // The first choice of the other is taken: a letter of nobody is found.
    let choice = number::letters(other.identity.replica()).next().unwrap();
    let taken = problem(&json!(format!("410305-2020-{choice}0001")), "410305");
    number(app, "problem_item", &taken);
    let (ours, theirs) = (
        number(app, "problem_item", &none),
        number(&other, "problem_item", &none),
    );
    assert!(theirs.ends_with("0001"), "{theirs}");
    assert_ne!(letter(&theirs), choice);
    assert_ne!(letter(&theirs), letter(&ours));
    let again = number(&other, "problem_item", &none);
    assert_eq!(
        (letter(&again), again.ends_with("0002")),
        (letter(&theirs), true)
    );
    let city = hub();
    let found = number(&city.app, "problem_item", &problem(&Value::Null, "4103L9"));
    assert_eq!(found, "4103L9-2020-C0001");
}

#[test]
fn rows_of_a_file_and_commands_at_once_have_different_numbers() {
    let world = node();
    let app = &world.app;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for _ in 0..3 {
        let line = json!({ "kind": "task_item", "values": task() });
        std::io::Write::write_all(&mut file, format!("{line}\n").as_bytes()).unwrap();
    }
    let load = RecordCommand::Load {
        file: file.path().to_owned(),
        reason: Some("导入".to_owned()),
    };
    printed(true, |out| run(app, load, out)).1.unwrap();
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| save(app, "task_item", None, &task(), None).unwrap());
        }
    });
    assert!(number(app, "task_item", &task()).ends_with("0008"));
    let doubles = tables::findings(app, Some("R19"), None, 10).unwrap();
    assert_eq!(doubles.total, 0, "{doubles:?}");
}

#[test]
fn two_records_of_one_number_name_each_other() {
    let world = node();
    let app = &world.app;
    let typed = problem(&json!("410305-2020-A0001"), "410305");
    let first = save(app, "problem_item", None, &typed, None).unwrap();
    assert!(first.warnings.iter().all(|it| it.code != "number_twice"));
    let mut task = task();
    task["no"] = json!("410305-2020-A0001");
    save(app, "task_item", None, &task, None).unwrap();
    let second = save(app, "problem_item", None, &typed, None).unwrap();
    let told = second.warnings.iter().find(|it| it.code == "number_twice");
    let first = first.stored.record.key.id;
    assert!(told.unwrap().en.contains(&first.to_string()), "{told:?}");
    let listed = tables::findings(app, Some("R19"), None, 10).unwrap();
    let ids: Vec<_> = listed.found.iter().map(|found| found.id).collect();
    assert_eq!(ids.len(), 2, "a task and a problem are two kinds");
    assert!(ids.contains(&first) && ids.contains(&second.stored.record.key.id));
}

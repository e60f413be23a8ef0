//! What a person may leave to a rule, and what not.

use replica::Source;
use serde_json::{Value, json};

use super::{card::contest, list, show};
use crate::{
    app::{App, Enrolled},
    commands::conflict::{BulkArgs, ConflictCommand, Deciding, run},
    conflicts::Docket,
    failure::{Exit, Failure},
    records::testing::{World, node, printed},
};

const R03: &str =
    "R03: What is registered goes by the registry; make sure that the sheet is the registry's";

/// A name that the import of a registry has written against a clerk's: R03 suggests the second.
fn contested() -> (World, Docket, String) {
    let world = node();
    let names = [&json!({"name": "乙"}), &json!({"name": "丙"})];
    let docket = contest(&world.by("alice"), &world.by("bob"), names, Source::Import);
    let id = docket.id(world.app.catalogue.kind(docket.key.kind));
    (world, docket, id)
}

fn take(id: &str, candidate: usize, preset: &str, reason: Option<&str>) -> ConflictCommand {
    ConflictCommand::Take {
        id: id.to_owned(),
        candidate,
        by: Deciding {
            seen: None,
            preset: Some(preset.to_owned()),
            reason: reason.map(str::to_owned),
        },
    }
}

fn done(app: &App, command: ConflictCommand) -> Result<Exit, Failure> {
    printed(true, |out| run(app, &Enrolled::default(), command, out)).1
}

fn decision(world: &World, docket: &Docket) -> Value {
    show(&world.app, docket)["decisions"][0].clone()
}

/// Whoever agreed with a rule had to type its sentence in.
#[test]
fn whoever_names_the_rule_need_not_write_down_what_it_says() {
    let (world, docket, id) = contested();
    let shown = show(&world.app, &docket)["preset"].clone();
    assert_eq!(shown["reason"], R03, "ready to be copied: {shown}");
    done(&world.by("dora"), take(&id, 2, "r03", None)).unwrap();
    let decision = decision(&world, &docket);
    assert_eq!(
        (&decision["reason"], &decision["preset"]),
        (&json!(R03), &json!("R03"))
    );
}

#[test]
fn a_reason_of_ones_own_goes_before_that_of_the_rule() {
    let (world, docket, id) = contested();
    let dora = world.by("dora");
    let empty = done(&dora, take(&id, 2, "R03", Some(" "))).unwrap_err();
    assert_eq!(empty.code, "RECORD-007");
    done(&dora, take(&id, 2, "R03", Some("asked the registry"))).unwrap();
    let decision = decision(&world, &docket);
    assert_eq!(decision["reason"], "asked the registry");
    assert_eq!(decision["preset"], "R03");
}

#[test]
fn a_rule_is_named_only_for_what_it_suggests() {
    let (world, docket, id) = contested();
    let dora = world.by("dora");
    for (wrong, code) in [
        (take(&id, 1, "R03", None), "CONFLICT-017"),
        (take(&id, 2, "R01", None), "CONFLICT-017"),
        (take(&id, 2, "R99", None), "CONFLICT-011"),
    ] {
        assert_eq!(done(&dora, wrong).unwrap_err().code, code);
    }
    let edit = ConflictCommand::Edit {
        id: id.clone(),
        sets: vec!["name=丁".to_owned()],
        by: Deciding {
            seen: None,
            preset: Some("R03".to_owned()),
            reason: None,
        },
    };
    assert_eq!(done(&dora, edit).unwrap_err().code, "CONFLICT-017");
    assert_eq!(list(&world.app).len(), 1, "nothing was decided");
    let own = done(&world.by("bob"), take(&id, 2, "R03", None)).unwrap_err();
    assert_eq!(
        own.code, "CONFLICT-003",
        "a rule decides over nobody's own words"
    );
    assert_eq!(decision(&world, &docket), Value::Null);
}

#[test]
fn the_card_shows_the_command_and_runs_nothing() {
    let (world, _, id) = contested();
    let command = ConflictCommand::Show {
        id: id.clone(),
        reveal: crate::commands::Reveal::default(),
    };
    let (text, _) = printed(false, |out| {
        run(&world.app, &Enrolled::default(), command, out)
    });
    let ready = format!("conflict take {id} 2 --preset R03");
    assert!(text.contains(&ready), "{text}");
    assert_eq!(list(&world.app).len(), 1);
}

#[test]
fn many_are_decided_by_a_rule_with_its_reason() {
    let (world, docket, _) = contested();
    let bulk = |confirm: Option<String>| {
        ConflictCommand::Bulk(BulkArgs {
            preset: Some("R03".to_owned()),
            storm: None,
            take: None,
            field: "organisation.name".to_owned(),
            scope: None,
            preview: confirm.is_none(),
            confirm,
            reason: None,
        })
    };
    let dora = world.by("dora");
    let (text, _) = printed(true, |out| {
        run(&dora, &Enrolled::default(), bulk(None), out)
    });
    let shown: Value = serde_json::from_str(&text).unwrap();
    let token = shown["confirm"].as_str().unwrap().to_owned();
    assert_eq!(list(&world.app).len(), 1, "a preview decides nothing");
    done(&dora, bulk(Some(token))).unwrap();
    assert_eq!(decision(&world, &docket)["reason"], R03);
}

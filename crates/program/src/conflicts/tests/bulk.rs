//! What deciding many at once, and stopping a storm, promise.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use domain::label::Language;
use prost::Message as _;
use proto::ledger::{DocketNote, DocketNoteKind};
use replica::{ScopeId, Source};
use serde_json::{Value, json};

use super::{elsewhere, list};
use crate::{
    app::{App, Enrolled},
    commands::conflict::{BulkArgs, ConflictCommand, Listing, SideArg, StormCommand, run},
    config::{Config, ConflictsConfig},
    conflicts::{self, Docket, Filter, count, defer, guard, release, storms},
    failure::Exit,
    output::Out,
    records::{
        Change, Seen, kind_of, made_edit, new_id, put, set_of_json,
        testing::{World, hub, made, node, organisation, printed, save},
    },
};

/// Names of `count` organisations that a clerk and an import have written at once.
fn contested(world: &World, clerk: &str, importer: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| one(world, clerk, importer, n)).collect()
}

fn one(world: &World, clerk: &str, importer: &str, n: usize) -> String {
    one_in(world, "name", (clerk, importer), n)
}

fn one_in(world: &World, field: &str, (clerk, importer): (&str, &str), n: usize) -> String {
    one_by(world, field, (clerk, &world.by(importer)), n)
}

fn one_by(world: &World, field: &str, (clerk, importer): (&str, &App), n: usize) -> String {
    let mut values = organisation(&format!("单位{clerk}{n}"));
    values.remove("uscc");
    values.insert("remark".to_owned(), "code to come".into());
    let carol = world.by("carol");
    let stored = save(&carol, "organisation", None, &Value::Object(values), None)
        .unwrap()
        .stored;
    let seen = || Some(Seen::of(&stored.record));
    let by_hand = json!({field: format!("手工{clerk}{n}")});
    save(
        &world.by(clerk),
        "organisation",
        Some(&stored),
        &by_hand,
        seen(),
    )
    .unwrap();
    let imported = json!({field: format!("登记{clerk}{n}")});
    let change = Change {
        kind: kind_of(importer, "organisation").unwrap(),
        id: Some(stored.record.key.id),
        set: set_of_json(imported.as_object().unwrap()),
        seen: seen(),
        scope: None,
        reason: &format!("import registry.xlsx:{}", n + 2),
        source: Source::Import,
    };
    put(importer, &change).unwrap();
    format!("organisation/{}/{field}", stored.record.key.id)
}

fn args(preview: bool, confirm: Option<&str>) -> ConflictCommand {
    ConflictCommand::Bulk(BulkArgs {
        preset: Some("r03".to_owned()),
        storm: None,
        take: None,
        field: "organisation.name".to_owned(),
        scope: None,
        preview,
        confirm: confirm.map(str::to_owned),
        reason: confirm.map(|_| "the registry goes first".to_owned()),
    })
}

fn document(app: &App, command: ConflictCommand) -> (Value, Result<Exit, crate::Failure>) {
    let (text, exit) = printed(true, |out: &mut Out| {
        run(app, &Enrolled::default(), command, out)
    });
    (serde_json::from_str(&text).unwrap_or_default(), exit)
}

#[test]
fn a_bulk_decision_shows_its_list_first_and_decides_exactly_that() {
    let world = node();
    let mut ids = contested(&world, "alice", "bob", 3);
    ids.sort();
    let dora = world.by("dora");
    let (shown, _) = document(&dora, args(true, None));
    let listed: Vec<_> = shown["decides"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["id"].as_str().unwrap())
        .collect();
    assert_eq!(listed, ids);
    assert_eq!(shown["decides"][0]["values"].as_array().unwrap().len(), 2);
    assert!(
        shown["decides"][0]["chosen"]
            .as_str()
            .unwrap()
            .starts_with("登记")
    );
    assert_eq!(count(&dora).unwrap(), 3, "a preview decides nothing");
    let token = shown["confirm"].as_str().unwrap().to_owned();
    let (done, exit) = document(&dora, args(false, Some(&token)));
    assert_eq!(exit.unwrap(), Exit::Done);
    assert_eq!(done["decided"].as_array().unwrap().len(), 3);
    assert_eq!(count(&dora).unwrap(), 0);
    let docket = Docket::parse(&dora, &ids[0]).unwrap();
    let decision = super::show(&dora, &docket)["decisions"][0].clone();
    assert_eq!(
        (&decision["preset"], &decision["choice"]),
        (&json!("R03"), &json!("take"))
    );
    assert_eq!(decision["reason"], "the registry goes first");
}

#[test]
fn nothing_is_decided_in_bulk_that_was_not_seen() {
    let world = node();
    contested(&world, "alice", "bob", 2);
    let (dora, eve) = (world.by("dora"), world.by("eve"));
    let token = |app: &App| {
        document(app, args(true, None)).0["confirm"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (_, blind) = document(&dora, args(false, None));
    assert_eq!(blind.unwrap_err().code, "CONFLICT-016");
    let (_, guessed) = document(&dora, args(false, Some("0123456789abcdef")));
    assert_eq!(guessed.unwrap_err().code, "CONFLICT-013");
    let (_, anothers) = document(&eve, args(false, Some(&token(&dora))));
    assert_eq!(
        anothers.unwrap_err().code,
        "CONFLICT-013",
        "each looks for themselves"
    );
    let seen = token(&dora);
    one(&world, "frank", "bob", 9);
    let (_, grown) = document(&dora, args(false, Some(&seen)));
    let failure = grown.unwrap_err();
    assert_eq!(
        (failure.code.as_str(), failure.exit),
        ("CONFLICT-013", Exit::Refused)
    );
    let said = failure.text(Language::En);
    assert!(said.contains("another account looked"), "{said}");
    assert_eq!(count(&dora).unwrap(), 3);
}

#[test]
fn a_bulk_decision_leaves_out_own_words_and_what_was_put_off_and_names_them() {
    let world = node();
    let of_alice = one(&world, "alice", "bob", 1);
    let of_dora = one(&world, "dora", "bob", 2);
    let put_off = one(&world, "frank", "bob", 3);
    let dora = world.by("dora");
    defer(
        &dora,
        &Docket::parse(&dora, &put_off).unwrap(),
        "2020-12-01",
        "later",
    )
    .unwrap();
    let (shown, _) = document(&dora, args(true, None));
    assert_eq!(shown["decides"].as_array().unwrap().len(), 1);
    assert_eq!(shown["decides"][0]["id"], of_alice);
    let left = shown["left_out"].as_array().unwrap();
    let why = |id: &str| left.iter().find(|one| one["id"] == *id).unwrap()["why"].clone();
    assert_eq!(
        (why(&of_dora), why(&put_off)),
        (json!("own_words"), json!("deferred"))
    );
    let token = shown["confirm"].as_str().unwrap().to_owned();
    let (done, _) = document(&dora, args(false, Some(&token)));
    assert_eq!(done["decided"], json!([of_alice]));
    assert_eq!(done["left_out"].as_array().unwrap().len(), 2);
    assert_eq!(count(&dora).unwrap(), 2);
}

#[test]
fn a_rule_or_a_field_that_there_is_not_is_refused() {
    let world = node();
    let bulk = |rule: &str, field: &str| {
        conflicts::By::rule(rule)
            .and_then(|by| conflicts::Bulk::parse(&world.app, by, field, None))
            .unwrap_err()
            .code
    };
    assert_eq!(bulk("R99", "organisation.name"), "CONFLICT-011");
    assert_eq!(bulk("R03", "name"), "CONFLICT-012");
    assert_eq!(bulk("R03", "organisation.nose"), "CONFLICT-012");
}

/// The same program, with a small bound.
fn with_bound(app: &App, storm: usize) -> App {
    let config = Config {
        conflicts: ConflictsConfig { storm },
        ..Config::default()
    };
    App {
        config: Arc::new(config),
        ..app.clone()
    }
}

#[test]
fn a_storm_stops_its_source_and_nobody_else() {
    let world = node();
    contested(&world, "alice", "bob", 4);
    let bob = with_bound(&world.by("bob"), 3);
    let calm = with_bound(&world.by("bob"), 4);
    assert!(guard(&calm).is_ok(), "as many as the bound are no storm");
    let failure = guard(&bob).unwrap_err();
    assert_eq!(
        (failure.code.as_str(), failure.exit),
        ("CONFLICT-014", Exit::Refused)
    );
    let file = std::env::temp_dir().join(format!("storm-{}.ndjson", std::process::id()));
    std::fs::write(&file, "{\"kind\":\"organisation\",\"values\":{}}\n").unwrap();
    let load = |app: &App, path: &PathBuf| {
        let (_, result) = printed(true, |out| {
            crate::records::load(app, path, "load", out).map(drop)
        });
        result.map(drop)
    };
    assert_eq!(load(&bob, &file).unwrap_err().code, "CONFLICT-014");
    assert!(
        load(&with_bound(&world.by("carol"), 3), &file).is_ok(),
        "others load on"
    );
    std::fs::remove_file(&file).unwrap();
    made(&bob, "单条");
}

#[test]
fn a_storm_is_one_line_in_the_list_and_all_its_dockets_on_request() {
    let world = node();
    contested(&world, "alice", "bob", 4);
    let dora = with_bound(&world.by("dora"), 3);
    let said = |listing| {
        let (text, _) = printed(false, |out| {
            run(
                &dora,
                &Enrolled::default(),
                ConflictCommand::List(listing),
                out,
            )
        });
        text
    };
    let all = storms(&dora).unwrap();
    let storm = all
        .iter()
        .find(|storm| storm.source == Source::Import)
        .unwrap();
    assert_eq!((storm.count, storm.is_stopped), (4, true));
    assert!(
        storm.reasons.contains("import registry.xlsx"),
        "the file, not its lines"
    );
    let text = said(Listing::default());
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(
        text.contains("4 conflicts by bob@410305-01234567"),
        "{text}"
    );
    let each = said(Listing {
        storm: Some(storm.id.clone()),
        ..Listing::default()
    });
    assert!(each.contains("登记alice3"), "{each}");
    assert_eq!(
        list(&dora)[0]["storm"],
        storm.id,
        "scripts get every docket, marked"
    );
}

/// A sheet had put another remark into hundreds of records: no rule names a side there, and each had
/// to be decided by itself.
#[test]
fn where_no_rule_names_a_side_one_is_taken_for_all_of_a_storm() {
    let world = node();
    let mut ids: Vec<String> = (0..4)
        .map(|n| one_in(&world, "remark", ("alice", "bob"), n))
        .collect();
    ids.sort();
    let name = one(&world, "alice", "bob", 9);
    let dora = with_bound(&world.by("dora"), 3);
    let imported = |storm: &conflicts::Storm| storm.source == Source::Import;
    let found = storms(&dora).unwrap().into_iter().find(imported);
    let storm = found.unwrap().id;
    let bulk = |take, field: &str, storm: &str, confirm: Option<&str>| {
        ConflictCommand::Bulk(BulkArgs {
            preset: None,
            storm: Some(storm.to_owned()),
            take: Some(take),
            field: field.to_owned(),
            scope: None,
            preview: confirm.is_none(),
            confirm: confirm.map(str::to_owned),
            reason: confirm.map(|_| "the sheet is newer".to_owned()),
        })
    };
    let (source, other) = (SideArg::Source, SideArg::Other);
    let remark = "organisation.remark";
    let (shown, _) = document(&dora, bulk(source, remark, &storm, None));
    assert_eq!(shown["decides"].as_array().unwrap().len(), 4, "{shown}");
    let (turned, _) = document(&dora, bulk(other, remark, &storm, None));
    assert_ne!(
        turned["confirm"], shown["confirm"],
        "each side has its token"
    );
    let token = shown["confirm"].as_str().unwrap();
    let ConflictCommand::Bulk(mut silent) = bulk(source, remark, &storm, Some(token)) else {
        panic!("a bulk decision");
    };
    silent.reason = None;
    let (_, silent) = document(&dora, ConflictCommand::Bulk(silent));
    assert_eq!(silent.unwrap_err().code, "CONFLICT-016", "no rule says why");
    let (_, wrong) = document(&dora, bulk(other, remark, &storm, Some(token)));
    assert_eq!(wrong.unwrap_err().code, "CONFLICT-013");
    let (own, _) = document(&world.by("bob"), bulk(source, remark, &storm, None));
    assert_eq!(own["left_out"][0]["why"], "own_words", "{own}");
    let (done, exit) = document(&dora, bulk(source, remark, &storm, Some(token)));
    assert_eq!((exit.unwrap(), &done["decided"]), (Exit::Done, &json!(ids)));
    let card = super::show(&dora, &Docket::parse(&dora, &ids[0]).unwrap());
    assert!(
        card["value"].as_str().unwrap().starts_with("登记"),
        "{card:?}"
    );
    assert_eq!(
        card["decisions"][0]["preset"],
        Value::Null,
        "a person said it"
    );
    // What is left of the source is no storm any more, and can be settled all the same.
    assert!(storms(&dora).unwrap().is_empty());
    let (rest, _) = document(&dora, bulk(other, "organisation.name", &storm, None));
    assert_eq!(rest["decides"][0]["id"], name, "{rest}");
    assert_eq!(rest["decides"][0]["chosen"], "手工alice9", "{rest}");
    let (_, unknown) = document(&dora, bulk(source, remark, "nothing", None));
    assert_eq!(unknown.unwrap_err().code, "CONFLICT-015");
}

#[test]
fn a_released_source_goes_on_until_it_storms_again() {
    let world = node();
    contested(&world, "alice", "bob", 4);
    let (bob, dora) = (
        with_bound(&world.by("bob"), 3),
        with_bound(&world.by("dora"), 3),
    );
    let all = storms(&dora).unwrap();
    let id = all
        .iter()
        .find(|storm| storm.source == Source::Import)
        .unwrap()
        .id
        .clone();
    for own in [&bob, &elsewhere(&bob, "410305")] {
        assert_eq!(release(own, &id, "mine").unwrap_err().code, "CONFLICT-003");
    }
    assert_eq!(
        release(&dora, "nothing", "x").unwrap_err().code,
        "CONFLICT-015"
    );
    let command = ConflictCommand::Storm {
        command: Some(StormCommand::Release {
            id: id.clone(),
            reason: "it is the registry's own file".to_owned(),
        }),
    };
    assert_eq!(document(&dora, command).1.unwrap(), Exit::Done);
    assert!(guard(&bob).is_ok());
    let (listed, _) = document(&dora, ConflictCommand::Storm { command: None });
    let own = listed
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["id"] == id)
        .unwrap();
    assert_eq!(own["stopped"], false);
    assert_eq!(own["released"]["reason"], "it is the registry's own file");
    for n in 10..14 {
        one(&world, "frank", "bob", n);
    }
    assert_eq!(
        guard(&bob).unwrap_err().code,
        "CONFLICT-014",
        "it has made as many again"
    );
}

/// Who was stopped went on at another node of the scope, or after joining anew.
#[test]
fn a_storm_stops_the_person_at_every_node_of_the_scope() {
    let world = node();
    contested(&world, "alice", "bob", 4);
    let bob = with_bound(&world.by("bob"), 3);
    let there = elsewhere(&bob, "410305");
    for own in [&bob, &there] {
        assert_eq!(guard(own).unwrap_err().code, "CONFLICT-014");
    }
    let namesake = elsewhere(&bob, "410311");
    assert!(guard(&namesake).is_ok(), "somebody of another scope");
    // What came in at either node counts together.
    let of_import = |storm: &conflicts::Storm| storm.source == Source::Import;
    let (one, both) = (with_bound(&bob, 4), with_bound(&there, 4));
    assert!(guard(&one).is_ok());
    one_by(&world, "name", ("alice", &both), 50);
    assert!(guard(&one).is_err() && guard(&both).is_err());
    let storm = storms(&one).unwrap().into_iter().find(of_import).unwrap();
    assert_eq!((storm.count, storm.author.as_str()), (5, "bob@410305"));
    assert_eq!(
        storm.authors,
        BTreeSet::from([bob.author(), there.author()])
    );
    let filter = Filter {
        storm: Some(storm.id.clone()),
        ..Filter::default()
    };
    let listed = conflicts::list(&one, &filter, &storms(&one).unwrap()).unwrap();
    assert_eq!(listed.len(), 5);
    release(
        &with_bound(&world.by("dora"), 4),
        &storm.id,
        "both are the registry's",
    )
    .unwrap();
    assert!(guard(&one).is_ok() && guard(&both).is_ok());
}

/// Earlier programs knew each author as a source of its own, and released that.
#[test]
fn a_release_of_an_author_still_counts() {
    let world = node();
    contested(&world, "alice", "bob", 4);
    let bob = with_bound(&world.by("bob"), 3);
    let named = format!("{}\0{}", bob.author(), Source::Import.number());
    let id = blake3::hash(named.as_bytes()).to_hex();
    assert!(guard(&bob).is_err());
    forge_release(&bob, &id[..8], bob.scope(), "dora@410305-01234567");
    assert!(guard(&bob).is_ok());
}

/// A release that no command makes.
fn forge_release(app: &App, id: &str, scope: ScopeId, author: &str) {
    let note = DocketNote {
        kind: Some(DocketNoteKind::Release.into()),
        text: Some("forged".to_owned()),
        written_by: Some(author.to_owned()),
        storm: Some(id.to_owned()),
        count: Some(u32::MAX),
        ..DocketNote::default()
    };
    let values = note.encode_to_vec();
    let at = (new_id(app), scope);
    let edit = made_edit(
        app,
        "docket_note",
        at,
        &values,
        ("forged", Source::Decision),
    )
    .unwrap();
    app.writer.edit(vec![edit], Vec::new()).unwrap();
}

#[test]
fn what_a_source_says_of_itself_or_another_scope_says_releases_nothing() {
    let world = hub();
    let district = domain::scope_id("410305");
    let own = world.app.scope();
    contested(&world, "alice", "bob", 4);
    let bob = with_bound(&world.by("bob"), 3);
    let of_import = |storm: &conflicts::Storm| storm.source == Source::Import;
    let storm = storms(&bob).unwrap().into_iter().find(of_import).unwrap();
    forge_release(&bob, &storm.id, own, &bob.author());
    let there = elsewhere(&bob, &bob.identity.scope.code).author();
    forge_release(&bob, &storm.id, own, &there);
    assert!(guard(&bob).is_err(), "the source of itself");
    forge_release(&bob, &storm.id, district, "eve@410305-01234567");
    assert!(guard(&bob).is_err(), "a district where it does not lie");
    forge_release(&bob, &storm.id, own, "dora@4103L0-01234567");
    assert!(guard(&bob).is_ok());
}

#[test]
fn a_load_that_makes_a_storm_is_stopped_on_the_way() {
    let world = node();
    let bound = 3;
    // Names that the loader had seen before a clerk changed them.
    let mut lines = Vec::new();
    for n in 0..290 {
        let mut values = organisation(&format!("途中{n}"));
        values.remove("uscc");
        values.insert("remark".to_owned(), "code to come".into());
        let carol = world.by("carol");
        let stored = save(&carol, "organisation", None, &Value::Object(values), None)
            .unwrap()
            .stored;
        let seen = Seen::of(&stored.record);
        let by_hand = json!({"name": format!("手工途中{n}")});
        save(
            &world.by("alice"),
            "organisation",
            Some(&stored),
            &by_hand,
            Some(seen.clone()),
        )
        .unwrap();
        let id = stored.record.key.id.to_string();
        let values = json!({"name": format!("登记途中{n}")});
        let line =
            json!({"kind": "organisation", "id": id, "values": values, "seen": seen.token()});
        lines.push(line.to_string());
    }
    let file = std::env::temp_dir().join(format!("storm-way-{}.ndjson", std::process::id()));
    std::fs::write(&file, lines.join("\n")).unwrap();
    let bob = with_bound(&world.by("bob"), bound);
    let (_, result) = printed(true, |out| {
        crate::records::load(&bob, &file, "load", out).map(drop)
    });
    std::fs::remove_file(&file).unwrap();
    assert_eq!(result.unwrap_err().code, "CONFLICT-014");
    let made = count(&bob).unwrap();
    assert!(made > bound && made < 290, "{made} were made");
}

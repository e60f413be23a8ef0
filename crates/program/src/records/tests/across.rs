//! What saving and reading promise between records: mergers, references into nothing, old codes.

use std::sync::{Arc, Mutex};

use domain::{label::Language, state::steps::taken};
use replica::RecordKey;
use serde_json::{Value, json};
use store::Stored;

use super::run;

use crate::{
    claims::{self, Case},
    commands::record::RecordCommand,
    failure::{Exit, Failure},
    output::{Out, Part},
    records::{
        Ground, Scopes, Target, acts, circle, dangling, ended, links_of, list, meaning, ruled_edit,
        scope_of, scope_to_enter, standing,
        testing::{World, hub, kind, made, node, now, organisation, printed, save},
    },
};

fn merge(world: &World, from: &Stored, into: &Stored) -> Result<(), Failure> {
    let values = json!({ "merged_into": into.record.key.id.to_string() });
    save(&world.app, "organisation", Some(from), &values, None).map(drop)
}

fn got(world: &World, key: RecordKey) -> Value {
    let get = RecordCommand::Get {
        kind: "organisation".to_owned(),
        id: key.id.to_string(),
        reveal: crate::commands::Reveal::default(),
    };
    let (text, exit) = printed(true, |out| run(&world.app, get, out));
    assert_eq!(exit.unwrap(), Exit::Done);
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_merged_record_is_read_and_written_as_the_one_that_stands_for_it() {
    let world = hub();
    let (a, b, c) = (
        made(&world.app, "甲"),
        made(&world.app, "乙"),
        made(&world.app, "丙"),
    );
    merge(&world, &a, &b).unwrap();
    merge(&world, &b, &c).unwrap();
    let document = got(&world, a.record.key);
    assert_eq!(document["id"], c.record.key.id.to_string());
    assert_eq!(document["asked"], a.record.key.id.to_string());
    assert_eq!(document["values"]["name"], "丙");
    assert_eq!(standing(&world.app, b.record.key).unwrap(), c.record.key);
    // What a clerk writes to the old name is answered with the new one and saved nowhere.
    let refused = save(
        &world.app,
        "organisation",
        Some(&a),
        &json!({ "remark": "x" }),
        None,
    );
    let failure = refused.unwrap_err();
    assert_eq!(
        (failure.code.as_str(), failure.exit),
        ("MERGED-001", Exit::Refused)
    );
    assert!(failure.facts.contains(&("to", c.record.key.id.to_string())));
    assert!(crate::records::delete(&world.app, a.record.key, None, "x").is_err());
    // A code that both bear finds the one that stands.
    let known = crate::records::Known::new(&world.app);
    let code = "91410305DEM1FYRA54";
    let found = known.find(kind(&world.app, "organisation"), code, world.app.scope());
    assert_eq!(found.unwrap(), Some(c.record.key.id));
}

#[test]
fn a_circle_of_mergers_hides_nothing_until_the_city_takes_one_back() {
    let world = hub();
    let (a, b) = (made(&world.app, "甲"), made(&world.app, "乙"));
    merge(&world, &a, &b).unwrap();
    merge(&world, &b, &a).unwrap();
    let mut both = vec![a.record.key.id, b.record.key.id];
    both.sort_unstable();
    for record in [&a, &b] {
        let document = got(&world, record.record.key);
        assert_eq!(document["id"], record.record.key.id.to_string());
        assert_eq!(circle(&world.app, record.record.key).unwrap(), both);
        assert_eq!(document["circle"].as_array().unwrap().len(), 2);
    }
    let refused = save(
        &world.app,
        "organisation",
        Some(&a),
        &json!({ "remark": "x" }),
        None,
    );
    assert_eq!(refused.unwrap_err().code, "MERGED-002");
    let undo = json!({ "merged_into": null });
    save(&world.app, "organisation", Some(&b), &undo, None).unwrap();
    assert_eq!(standing(&world.app, a.record.key).unwrap(), b.record.key);
    assert!(circle(&world.app, a.record.key).unwrap().is_empty());
}

#[test]
fn a_merger_that_is_taken_back_leaves_the_record_as_it_was() {
    let world = hub();
    let app = &world.app;
    let (stands, gone) = (made(app, "甲"), made(app, "乙"));
    let ids = {
        let mut ids = [stands.record.key.id, gone.record.key.id];
        ids.sort_unstable();
        ids
    };
    let opened = claims::opening(app, &ids, &[app.scope(); 2], "重复登记").unwrap();
    let case = opened.key.id;
    app.writer.edit(vec![opened], Vec::new()).unwrap();
    let survivor = stands.record.key.id.to_string();
    let merged = json!({ "merged_into": survivor, "census_status": "merged" });
    let ruling = json!({ "ruling": "merge_records", "survivor": survivor });
    let found = Case::find(app, case).unwrap();
    let edits = [(&gone, &merged), (&found.stored, &ruling)]
        .map(|(stored, values)| ruled_edit(app, stored, values, Ground::of("同一法人")).unwrap());
    app.writer.edit(edits.to_vec(), Vec::new()).unwrap();
    let state = |name: &str| got(&world, gone.record.key)["values"][name].clone();
    assert_eq!(got(&world, gone.record.key)["id"], survivor);
    assert!(Case::find(app, case).unwrap().is_ruled());

    let undo = json!({ "merged_into": null });
    let saved = save(app, "organisation", Some(&gone), &undo, None).unwrap();
    assert_eq!(saved.document["values"]["census_status"], "counted");
    assert_eq!(state("name"), "乙");
    let kind = kind(app, "organisation");
    let values = meaning(app, &now(app, gone.record.key).record)
        .unwrap()
        .values;
    let states = taken(kind, &values).into_iter().map(|step| step.state);
    assert_eq!(states.collect::<Vec<_>>(), ["counted", "merged", "counted"]);
    assert!(!acts(app, gone.record.key).unwrap().is_empty());
    let case = Case::find(app, case).unwrap();
    assert!(!case.is_ruled() && case.row.survivor.is_none());
    // Nothing more follows from the next save.
    let more = save(
        app,
        "organisation",
        Some(&gone),
        &json!({ "remark": "x" }),
        None,
    )
    .unwrap();
    assert!(more.warnings.iter().all(|it| it.code != "effects_along"));
}

#[test]
fn a_reference_into_nothing_is_listed_and_links_itself_when_its_target_comes() {
    let world = node();
    let later = domain::identity::named_id("a head who is entered later");
    let mut values = organisation("甲");
    values.insert("head".to_owned(), later.to_string().into());
    let stored = save(
        &world.app,
        "organisation",
        None,
        &Value::Object(values),
        None,
    )
    .unwrap()
    .stored;
    let found = dangling(&world.app, None).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].field, found[0].target), ("head", Target::Missing));
    assert_eq!(
        got(&world, stored.record.key)["unlinked"][0]["field"],
        "head"
    );
    let person = crate::records::Change {
        kind: kind(&world.app, "person"),
        id: Some(later),
        set: vec![("display_name", domain::value::Input::Text("李某"))],
        seen: None,
        scope: None,
        reason: "entered",
        source: replica::Source::Command,
    };
    let person = crate::records::put(&world.app, &person).unwrap().stored;
    assert!(dangling(&world.app, None).unwrap().is_empty());
    let links = links_of(&world.app, stored.record.key).unwrap();
    let head = links.iter().find(|link| link.field == "head").unwrap();
    assert_eq!(head.target, Target::Here);
    // Deleting the target takes nothing with it: the reference stays and is listed again.
    crate::records::delete(&world.app, person.record.key, None, "entered twice").unwrap();
    let found = dangling(&world.app, Some(world.app.scope())).unwrap();
    assert_eq!(found[0].target, Target::Deleted);
    // Repair is an ordinary edit.
    save(
        &world.app,
        "organisation",
        Some(&stored),
        &json!({ "head": null }),
        None,
    )
    .unwrap();
    assert!(dangling(&world.app, None).unwrap().is_empty());
}

/// A branch was dissolved in another scope, and nothing told those whom it had covered here.
#[test]
fn a_coverage_that_outlives_its_party_organisation_is_listed_until_it_ends() {
    let world = node();
    let app = &world.app;
    let covered = made(app, "甲").record.key.id;
    let party = json!({ "name": "园区联合党支部", "type": "joint_branch", "status": "active",
        "form": "area", "established_on": "2020-06-18" });
    let party = save(app, "party_organisation", None, &party, None)
        .unwrap()
        .stored;
    let link = json!({ "organisation": covered.to_string(), "form": "area",
        "party_organisation": party.record.key.id.to_string(), "from_on": "2020-06-18" });
    let link = save(app, "coverage_link", None, &link, None)
        .unwrap()
        .stored;
    assert!(dangling(app, None).unwrap().is_empty());
    let dissolved = json!({ "status": "dissolved", "dissolved_on": "2020-09-01",
        "dissolve_reason": "合并" });
    // As it comes from where the branch is: what follows here is this scope's own matter.
    let arrives = ruled_edit(app, &party, &dissolved, Ground::of("合并")).unwrap();
    app.writer.edit(vec![arrives], Vec::new()).unwrap();
    for found in [dangling(app, None).unwrap(), ended(app).unwrap()] {
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(
            (found[0].from, found[0].target),
            (link.record.key, Target::Ended)
        );
    }
    let ends = json!({ "to_on": "2020-09-01", "end_reason": "党组织撤销" });
    save(app, "coverage_link", Some(&link), &ends, None).unwrap();
    assert!(dangling(app, None).unwrap().is_empty() && ended(app).unwrap().is_empty());
    let links = links_of(app, link.record.key).unwrap();
    assert!(
        links.iter().all(|link| link.target == Target::Here),
        "{links:?}"
    );
}

/// A city in which 410322 is called 410308 now and stands for 410306 too.
fn reformed() -> World {
    let world = hub();
    let scope = |code: &str, name: &str| {
        json!({ "code": code, "name": name, "kind": "county", "code_source": "gbt2260",
            "valid_from": "2019-01-01", "expected_to_report": true })
    };
    let put = |values: &Value| {
        save(&world.app, "scope", None, values, None)
            .unwrap()
            .stored
    };
    let mengjin = put(&scope("410322", "孟津县"));
    let jili = put(&scope("410306", "吉利区"));
    let renamed = json!({ "code": "410308", "name": "孟津区", "former_codes": ["410322"] });
    save(&world.app, "scope", Some(&mengjin), &renamed, None).unwrap();
    let id = mengjin.record.key.id.to_string();
    let ended = json!({ "valid_to": "2020-10-01", "replaced_by": [id] });
    save(&world.app, "scope", Some(&jili), &ended, None).unwrap();
    world
}

#[test]
fn an_old_code_means_the_scope_that_stands_for_it() {
    let world = reformed();
    let mengjin = domain::scope_id("410322");
    for named in ["410308", "410322", "410306", "吉利区", "孟津区"] {
        assert_eq!(scope_of(&world.app, named).unwrap(), mengjin, "{named}");
    }
    let scopes = Scopes::new(&world.app);
    let jili = domain::scope_id("410306");
    assert_eq!(scopes.heir(jili).unwrap(), mengjin);
    assert_eq!(scopes.code(jili).unwrap(), "410308");
    for named in ["410308", "410322", "410306"] {
        assert_eq!(
            scopes.first_code(named).unwrap(),
            "410322",
            "the id is for life"
        );
    }
    assert_eq!(scopes.first_code("410381").unwrap(), "410381");
    assert!(scopes.open_ends().unwrap().is_empty());
    // What a node that was off line wrote under the old code is listed under the new one.
    let mut values = organisation("吉利甲厂");
    values.insert("town".to_owned(), "410306002".into());
    let values = Value::Object(values);
    let change = crate::records::Change {
        kind: kind(&world.app, "organisation"),
        id: None,
        set: crate::records::set_of_json(values.as_object().unwrap()),
        seen: None,
        scope: Some(jili),
        reason: "off line",
        source: replica::Source::Command,
    };
    let saved = crate::records::put(&world.app, &change).unwrap();
    assert_eq!(
        saved.stored.record.scope, jili,
        "it stays where it was made"
    );
    assert_eq!(saved.document["scope"], "410308");
    let filter = crate::records::Filter {
        kind: kind(&world.app, "organisation"),
        scope: Some(scope_of(&world.app, "410306").unwrap()),
        wheres: &[],
        limit: None,
        after: None,
    };
    let mut count = 0;
    list(&world.app, &filter, &mut |_| {
        count += 1;
        Ok(())
    })
    .unwrap();
    assert_eq!(count, 1);
    // And the town it gave by an old code was mapped by code, with a note.
    assert_eq!(saved.document["values"]["town"], "410308002");
    let note = saved
        .warnings
        .iter()
        .find(|warning| warning.code == "recoded");
    assert!(
        note.unwrap().zh.contains("410306002"),
        "{:?}",
        saved.warnings
    );
}

#[test]
fn a_code_that_never_was_is_not_said_to_have_changed() {
    let world = reformed();
    let entered = |code: &str| {
        let notes = Arc::new(Mutex::new(String::new()));
        let sink = Arc::clone(&notes);
        let mut out = Out::new(false, Language::En, 0, move |part| {
            if let Part::Stderr(text) = part {
                sink.lock().unwrap().push_str(&text);
            }
        });
        let entered = scope_to_enter(&world.app, code, &mut out);
        let notes = notes.lock().unwrap().clone();
        (entered.map_err(|failure| failure.code), notes)
    };
    let (known, notes) = entered("410306");
    assert_eq!(known.unwrap(), domain::scope_id("410322"));
    assert!(
        notes.contains("410306") && notes.contains("410308"),
        "{notes}"
    );
    let (unknown, notes) = entered("419999");
    assert!(unknown.unwrap_err() == "TRANSFER-014");
    assert_eq!(notes, "");
}

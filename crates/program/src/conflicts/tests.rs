//! What deciding conflicts promises.

use replica::RecordKey;
use serde_json::{Value, json};
use store::Stored;

mod bulk;
mod card;
mod claims;
mod ends;
mod notes;
mod presets;
mod undo;

use domain::label::Language;

use super::{Choice, Docket, Filter, count, decide, send_back};
use crate::{
    app::{App, Enrolled},
    commands::conflict::{ConflictCommand, Deciding, Listing, run},
    dir::{Identity, ScopeName},
    failure::Exit,
    records::{
        Seen, explain, find, meaning,
        testing::{World, made, node, printed, save},
    },
};

fn list(app: &App) -> Vec<serde_json::Map<String, Value>> {
    super::list(app, &Filter::default(), &super::storms(app).unwrap()).unwrap()
}

fn show(app: &App, docket: &Docket) -> serde_json::Map<String, Value> {
    super::show(app, docket, Language::En, &Enrolled::default()).unwrap()
}

/// The same account at another node, of a scope with this code.
fn elsewhere(app: &App, code: &str) -> App {
    let identity = Identity {
        replica: "fedcba9876543210fedcba9876543210".to_owned(),
        scope: ScopeName {
            code: code.to_owned(),
            ..app.identity.scope.clone()
        },
        ..Identity::clone(&app.identity)
    };
    App {
        identity: std::sync::Arc::new(identity),
        ..app.clone()
    }
}

fn by(reason: &str) -> Deciding {
    Deciding {
        seen: None,
        preset: None,
        reason: Some(reason.to_owned()),
    }
}

/// Two people have written one field without having seen each other.
struct Clash {
    world: World,
    stored: Stored,
    docket: Docket,
    id: String,
}

/// Alice and Bob do.
fn clash(first: &Value, second: &Value, field: &str) -> Clash {
    let world = node();
    let stored = made(&world.by("carol"), "甲");
    let seen = || Some(Seen::of(&stored.record));
    save(
        &world.by("alice"),
        "organisation",
        Some(&stored),
        first,
        seen(),
    )
    .unwrap();
    save(
        &world.by("bob"),
        "organisation",
        Some(&stored),
        second,
        seen(),
    )
    .unwrap();
    let id = format!("organisation/{}/{field}", stored.record.key.id);
    let docket = Docket::parse(&world.app, &id).unwrap();
    Clash {
        world,
        stored,
        docket,
        id,
    }
}

fn remarks() -> Clash {
    clash(
        &json!({"remark": "one"}),
        &json!({"remark": "two"}),
        "remark",
    )
}

fn value(app: &App, key: RecordKey, field: &str) -> Value {
    let meaning = meaning(app, &find(app, key).unwrap().record).unwrap();
    let kind = app.catalogue.kind(key.kind).unwrap();
    domain::value::to_json(kind, &meaning.values)[field].clone()
}

#[test]
fn a_conflict_is_listed_with_its_candidates_and_shown_with_its_base() {
    let clash = clash(&json!({"members": 6}), &json!({"members": 7}), "members");
    let all = list(&clash.world.app);
    assert_eq!((all.len(), count(&clash.world.app).unwrap()), (1, 1));
    let key = clash.stored.record.key;
    assert_eq!(
        all[0]["id"],
        format!("organisation/{}/employees", key.id),
        "the first of the group"
    );
    assert_eq!(
        (&all[0]["kind"], &all[0]["record"]),
        (&json!("organisation"), &json!(key.id.to_string()))
    );
    assert_eq!(all[0]["conflict"], "as_of_tie");
    assert_eq!(
        all[0]["candidates"][1]["value"]["members"], 7,
        "a group is an object"
    );
    let shown = show(&clash.world.app, &clash.docket);
    assert_eq!(shown["base"]["value"]["members"], 5);
    assert_eq!(shown["base"]["author"], "carol@410305-01234567");
    assert_eq!(
        value(&clash.world.app, key, "members"),
        5,
        "provisionally the common value"
    );
    let explained = explain(&clash.world.app, key, Some("members"), &[]).unwrap();
    let entry = &explained[0];
    assert_eq!(entry["rule"], "provisional");
    assert_eq!(entry["value"]["members"], 5);
    assert_eq!(
        entry["author"], "carol@410305-01234567",
        "who wrote what counts meanwhile"
    );
    assert_eq!(entry["beside"].as_array().unwrap().len(), 2, "{entry}");
}

#[test]
fn conflicts_are_listed_after_a_restart() {
    // What the user saw: exit 5, then `conflict list` in the next process said there were none.
    let clash = remarks();
    let world = clash.world.restarted();
    assert_eq!(count(&world.app).unwrap(), 1);
}

#[test]
fn a_third_person_takes_one_and_the_decision_says_what_and_why() {
    let clash = remarks();
    let dora = clash.world.by("dora");
    let decided = decide(&dora, &clash.docket, &Choice::Take(2), None, "asked them").unwrap();
    assert!(!decided.is_open);
    assert_eq!(value(&dora, clash.stored.record.key, "remark"), "two");
    assert_eq!(count(&dora).unwrap(), 0);
    let kind = dora.catalogue.kind_by_id("decision").unwrap();
    let key = RecordKey {
        kind: kind.kind,
        id: decided.decision,
    };
    let record = find(&dora, key).unwrap().record;
    assert_eq!(record.scope, clash.stored.record.scope);
    let of = |field| value(&dora, key, field);
    assert_eq!(
        of("record"),
        format!("organisation/{}", clash.stored.record.key.id)
    );
    assert_eq!((of("register"), of("taken")), (json!(34), json!(2)));
    assert_eq!(
        (of("reason"), of("decided_by")),
        (json!("asked them"), json!("dora@410305-01234567"))
    );
    let authors: Vec<_> = of("candidates")
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["author"].clone())
        .collect();
    assert_eq!(authors, ["alice@410305-01234567", "bob@410305-01234567"]);
    let standing = find(&dora, clash.stored.record.key).unwrap().record;
    let sibling = &standing.register(clash.docket.register)[0];
    assert_eq!(sibling.write.decision.as_ref(), decided.decision.0);
    assert_eq!(sibling.write.source, replica::Source::Decision);
    let again = decide(&dora, &clash.docket, &Choice::Take(1), None, "again").unwrap_err();
    assert_eq!(
        (again.exit, again.code.as_str()),
        (Exit::Invalid, "CONFLICT-002")
    );
}

#[test]
fn nobody_decides_between_a_value_of_their_own_and_another() {
    let clash = remarks();
    for account in ["alice", "bob"] {
        let take = ConflictCommand::Take {
            id: clash.id.clone(),
            candidate: 1,
            by: by("mine is right"),
        };
        let (_, exit) = printed(true, |out| {
            run(&clash.world.by(account), &Enrolled::default(), take, out)
        });
        let failure = exit.unwrap_err();
        assert_eq!(
            (failure.exit, failure.code.as_str()),
            (Exit::Refused, "CONFLICT-003")
        );
    }
    assert_eq!(count(&clash.world.app).unwrap(), 1, "nothing was decided");
}

#[test]
fn a_candidate_that_arrived_meanwhile_stays_and_the_docket_stays_open() {
    let clash = remarks();
    let seen = Seen::of(
        &find(&clash.world.app, clash.stored.record.key)
            .unwrap()
            .record,
    )
    .token();
    let old = Some(Seen::of(&clash.stored.record));
    let late = json!({"remark": "three"});
    save(
        &clash.world.by("eve"),
        "organisation",
        Some(&clash.stored),
        &late,
        old,
    )
    .unwrap();
    let take = ConflictCommand::Take {
        id: clash.id.clone(),
        candidate: 1,
        by: Deciding {
            seen: Some(seen),
            ..by("by the file")
        },
    };
    let (text, exit) = printed(true, |out| {
        run(&clash.world.by("dora"), &Enrolled::default(), take, out)
    });
    assert_eq!(exit.unwrap(), Exit::Beside);
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["open"], true);
    let candidates = document["conflicts"][0]["candidates"].as_array().unwrap();
    let said: Vec<_> = candidates
        .iter()
        .map(|c| (&c["value"], &c["source"]))
        .collect();
    assert_eq!(
        said,
        [
            (&json!("three"), &json!("command")),
            (&json!("one"), &json!("decision"))
        ]
    );
    assert_eq!(candidates[1]["decision"], document["decision"]);
}

#[test]
fn another_value_is_entered_under_the_rules() {
    let clash = clash(&json!({"members": 6}), &json!({"members": 7}), "members");
    let dora = clash.world.by("dora");
    let edit = |set: &str| Choice::Edit(vec![set.to_owned()]);
    let enter = |set: &str| decide(&dora, &clash.docket, &edit(set), None, "counted");
    assert_eq!(
        enter("members=500").unwrap_err().code,
        "members_over_employees"
    );
    assert_eq!(enter("name=x").unwrap_err().code, "CONFLICT-006");
    let decided = enter("members=8").unwrap();
    assert_eq!(decided.document["values"]["members"], 8);
    assert_eq!(
        decided.document["values"]["employees"], 120,
        "the rest of the group as shown"
    );
    assert!(!decided.is_open);
}

#[test]
fn what_does_not_fit_the_conflict_is_refused() {
    let clash = remarks();
    let dora = clash.world.by("dora");
    let choose = |choice| {
        decide(&dora, &clash.docket, &choice, None, "x")
            .unwrap_err()
            .code
    };
    assert_eq!(choose(Choice::Take(0)), "CONFLICT-004");
    assert_eq!(choose(Choice::Take(3)), "CONFLICT-004");
    assert_eq!(choose(Choice::KeepBoth), "CONFLICT-005");
    let reason = decide(&dora, &clash.docket, &Choice::Take(1), None, " ").unwrap_err();
    assert_eq!(reason.code, "RECORD-007");
    for id in ["organisation", "organisation/x", "organisation//remark", ""] {
        assert_eq!(
            Docket::parse(&dora, id).unwrap_err().exit,
            Exit::Invalid,
            "{id}"
        );
    }
}

#[test]
fn sent_back_it_stays_open_with_the_question() {
    let clash = remarks();
    let (_, document) = send_back(&clash.world.by("dora"), &clash.docket, "which one?").unwrap();
    assert_eq!(document["open"], true);
    let shown = show(&clash.world.app, &clash.docket);
    assert_eq!(
        (&shown["notes"][0]["text"], &shown["notes"][0]["note"]),
        (&json!("which one?"), &json!("return"))
    );
}

#[test]
fn a_deletion_against_an_edit_is_listed_and_decided_either_way() {
    for (candidate, is_kept) in [(1, false), (2, true)] {
        let world = node();
        let stored = made(&world.by("carol"), "甲");
        let seen = Some(Seen::of(&stored.record));
        crate::records::delete(&world.by("alice"), stored.record.key, None, "by mistake").unwrap();
        let edit = json!({"remark": "it is real"});
        save(&world.by("bob"), "organisation", Some(&stored), &edit, seen).unwrap();
        let open = list(&world.app);
        assert_eq!(
            (open.len(), &open[0]["conflict"]),
            (1, &json!("delete_edit"))
        );
        let explained = explain(&world.app, stored.record.key, None, &[]).unwrap();
        let of_deletion = explained.iter().find(|entry| entry["field"] == "deleted");
        assert_eq!(of_deletion.unwrap()["rule"], "provisional", "{explained:?}");
        let values: Vec<_> = open[0]["candidates"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c["value"].clone())
            .collect();
        assert_eq!(
            values,
            [
                json!({"deleted": {"reason": "by mistake"}}),
                json!({"remark": "it is real"})
            ]
        );
        let docket = Docket::parse(&world.app, open[0]["id"].as_str().unwrap()).unwrap();
        let decided = decide(
            &world.by("dora"),
            &docket,
            &Choice::Take(candidate),
            None,
            "looked",
        )
        .unwrap();
        assert!(!decided.is_open);
        assert_eq!(decided.document.contains_key("deleted"), !is_kept);
        assert_eq!(
            decided.document["values"]["remark"], "it is real",
            "nothing was thrown away"
        );
    }
}

#[test]
fn the_list_for_people_names_the_field_and_both_values() {
    let clash = remarks();
    let (text, _) = printed(false, |out| {
        run(
            &clash.world.app,
            &Enrolled::default(),
            ConflictCommand::List(Listing::default()),
            out,
        )
    });
    assert!(
        text.contains("Remark") && text.contains("one") && text.contains("two"),
        "{text}"
    );
    let show = ConflictCommand::Show {
        id: clash.id.clone(),
        reveal: crate::commands::Reveal::default(),
    };
    let (text, exit) = printed(false, |out| {
        run(&clash.world.app, &Enrolled::default(), show, out)
    });
    assert_eq!(exit.unwrap(), Exit::Done);
    assert!(text.contains("alice@410305-01234567"), "{text}");
}

//! An organisation whose move was asked for is in transfer: with the request in one save, only read,
//! and again what it was when the request is taken back.

use domain::scope_id;
use replica::{RecordKey, ScopeId, Source};
use serde_json::{Value, json};
use store::Stored;

use crate::{
    app::App,
    failure::Exit,
    records::{
        Change, act, acts, delete, document, history, put, set_of_json,
        testing::{World, kind, node, now, organisation, save},
    },
    transfers::{self, Request},
};

fn made(app: &App, status: &str) -> Stored {
    let mut values = Value::Object(organisation("甲"));
    values["census_status"] = json!(status);
    if status == "counted" {
        values["verified_on"] = json!("2020-05-06");
    }
    save(app, "organisation", None, &values, None)
        .unwrap()
        .stored
}

fn status(app: &App, key: RecordKey) -> Value {
    document(app, &now(app, key)).unwrap()["values"]["census_status"].clone()
}

fn there() -> ScopeId {
    scope_id("410302")
}

fn ask(world: &World, key: RecordKey) -> Request {
    let saved = transfers::request(&world.app, key, there(), "搬迁").unwrap();
    Request::find(&world.app, saved.stored.record.key.id).unwrap()
}

fn offered(app: &App, key: RecordKey) -> Vec<&'static str> {
    let open = acts(app, key).unwrap();
    open.iter().map(|open| open.act.name).collect()
}

/// What a save of an organisation is refused with.
fn refused(app: &App, stored: &Stored, values: &Value, source: Source) -> Option<String> {
    let change = Change {
        kind: kind(app, "organisation"),
        id: Some(stored.record.key.id),
        set: set_of_json(values.as_object().unwrap()),
        seen: None,
        scope: None,
        reason: "核实",
        source,
    };
    let failure = put(app, &change).err()?;
    assert_eq!(failure.exit, Exit::Invalid);
    Some(failure.code)
}

#[test]
fn a_request_takes_the_organisation_along_and_back() {
    for before in ["counted", "candidate"] {
        let world = node();
        let app = &world.app;
        let organisation = made(app, before);
        let key = organisation.record.key;
        let request = ask(&world, key);
        assert_eq!(status(app, key), "transferring");
        assert!(transfers::is_locked(app, key).unwrap());
        // The step names the request that it follows from.
        let told = serde_json::to_string(&history(app, key).unwrap()).unwrap();
        let step = format!("随 transfer_request/{} 办理", request.id());
        assert!(told.contains(&step), "{told}");
        // Nothing else holds it once that is taken back, and it is written again.
        let back = transfers::cancel(app, request.id(), "不搬了").unwrap();
        let along: Vec<_> = back.warnings.iter().map(|it| it.code).collect();
        assert_eq!(along, ["effects_along"]);
        assert_eq!(status(app, key), before);
        assert!(!transfers::is_locked(app, key).unwrap());
        let written = refused(
            app,
            &organisation,
            &json!({ "remark": "y" }),
            Source::Command,
        );
        assert_eq!(written, None);
    }
}

#[test]
fn what_is_in_transfer_is_only_read_until_it_is_decided() {
    let world = node();
    let app = &world.app;
    let organisation = made(app, "counted");
    let key = organisation.record.key;
    ask(&world, key);
    let remark = json!({ "remark": "x" });
    for source in [Source::Command, Source::Form, Source::Import] {
        let locked = refused(app, &organisation, &remark, source);
        assert_eq!(locked.as_deref(), Some("move_locked"), "{source:?}");
        let counted = json!({ "census_status": "counted" });
        let left = refused(app, &organisation, &counted, source);
        assert_eq!(left.as_deref(), Some("move_waits"), "{source:?}");
    }
    let deleted = delete(app, key, None, "误录").unwrap_err();
    assert_eq!(deleted.code, "move_locked");
    // What was decided stands above the forms.
    assert_eq!(refused(app, &organisation, &remark, Source::Decision), None);
    assert_eq!(
        document(app, &now(app, key)).unwrap()["values"]["remark"],
        "x"
    );
    assert_eq!(offered(app, key), [""; 0], "the request ends it");
}

#[test]
fn nobody_moves_an_organisation_by_its_state() {
    let world = node();
    let app = &world.app;
    let organisation = made(app, "counted");
    let key = organisation.record.key;
    assert_eq!(offered(app, key), ["exclude", "close", "merge"]);
    let step = act(app, key, "transfer", Vec::new(), (None, "搬迁")).unwrap_err();
    assert_eq!(step.code, "move_unasked");
    assert!(
        step.text(domain::label::Language::En)
            .contains("transfer request")
    );
    let moving = json!({ "census_status": "transferring" });
    for source in [Source::Command, Source::Import] {
        let said = refused(app, &organisation, &moving, source);
        assert_eq!(said.as_deref(), Some("move_unasked"));
    }
    let mut new = Value::Object(super::super::testing::organisation("乙"));
    new["census_status"] = json!("transferring");
    let made = save(app, "organisation", None, &new, None).unwrap_err();
    assert_eq!(made.code, "move_unasked");
    // Left there by an earlier program, without a request, it gets out, and is written meanwhile.
    assert_eq!(refused(app, &organisation, &moving, Source::Decision), None);
    assert_eq!(offered(app, key), ["receive", "give_back", "merge"]);
    let remark = json!({ "remark": "x" });
    assert_eq!(refused(app, &organisation, &remark, Source::Command), None);
    act(app, key, "receive", Vec::new(), (None, "没有迁移")).unwrap();
    assert_eq!(status(app, key), "counted");
}

#[test]
fn of_two_wishes_the_last_that_ends_lets_it_go() {
    let world = node();
    let app = &world.app;
    let organisation = made(app, "counted");
    let key = organisation.record.key;
    let first = ask(&world, key);
    let second = transfers::request(app, key, scope_id("410303"), "另议").unwrap();
    transfers::cancel(app, first.id(), "不去了").unwrap();
    assert_eq!(status(app, key), "transferring");
    transfers::cancel(app, second.stored.record.key.id, "不搬了").unwrap();
    assert_eq!(status(app, key), "counted");
}

#[test]
fn a_request_that_waits_is_taken_back_and_not_deleted() {
    let world = node();
    let app = &world.app;
    let organisation = made(app, "counted");
    let request = ask(&world, organisation.record.key);
    let key = request.stored.record.key;
    assert_eq!(
        delete(app, key, None, "误录").unwrap_err().code,
        "TRANSFER-016"
    );
    assert!(transfers::is_locked(app, organisation.record.key).unwrap());
    transfers::cancel(app, request.id(), "不搬了").unwrap();
    delete(app, key, None, "误录").unwrap();
    // Nobody answers what is not there any more.
    assert_eq!(Request::find(app, key.id).unwrap_err().code, "TRANSFER-017");
}

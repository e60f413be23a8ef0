//! What a district does not delete because of what the city has made of it.

use domain::NoResolve;
use replica::{RecordId, RecordKey, Source};
use serde_json::{Value, json};

use crate::{
    app::App,
    failure::Exit,
    records::{self, made_edit, testing, testing::save},
};

/// A record as the city wrote it, and as it came here.
fn given(app: &App, kind: &str, id: u8, values: &Value) -> RecordKey {
    let spec = testing::kind(app, kind);
    let edits = domain::value::edits_from_json(
        app.catalogue,
        spec,
        &|_| bytes::Bytes::new(),
        values.as_object().unwrap(),
        &NoResolve,
    );
    let bytes: Vec<u8> = edits
        .unwrap()
        .iter()
        .flat_map(|edit| edit.value.to_vec())
        .collect();
    let edit = made_edit(
        app,
        kind,
        (RecordId([id; 16]), app.scope()),
        &bytes,
        ("验收", Source::Command),
    );
    app.writer.edit(vec![edit.unwrap()], Vec::new()).unwrap();
    RecordKey {
        kind: spec.kind,
        id: RecordId([id; 16]),
    }
}

#[test]
fn what_the_city_made_something_of_is_not_deleted() {
    let world = testing::node();
    let app = &world.app;
    let party = |name: &str| {
        let values = json!({ "name": name, "type": "branch", "status": "active",
            "form": "standalone", "established_on": "2020-01-01" });
        save(app, "party_organisation", None, &values, None)
            .unwrap()
            .stored
            .record
            .key
    };
    let (free, received, point, plain) = (party("甲"), party("乙"), party("丙"), party("丁"));
    let of = |key: RecordKey| key.id.to_string();
    given(
        app,
        "nomination",
        1,
        &json!({ "party_organisation": of(free), "status": "draft" }),
    );
    let nomination = given(
        app,
        "nomination",
        2,
        &json!({ "party_organisation": of(received), "status": "received" }),
    );
    given(
        app,
        "demonstration_point",
        3,
        &json!({ "party_organisation": of(point), "status": "valid" }),
    );
    let score = given(
        app,
        "criterion_score",
        4,
        &json!({ "nomination": of(nomination), "district_score": 8 }),
    );
    for kept in [received, point, nomination, score] {
        let failure = records::delete(app, kept, None, "误录").unwrap_err();
        assert_eq!(
            (failure.exit, failure.code),
            (Exit::Refused, "AUTH-KEPT".to_owned())
        );
    }
    for goes in [free, plain] {
        records::delete(app, goes, None, "误录").unwrap();
    }
}

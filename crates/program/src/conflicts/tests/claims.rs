//! A need that two providers claimed: the order at the city suggests a side, and nowhere else.

use domain::scope_id;
use replica::RecordId;
use serde_json::{Value, json};

use super::{list, show};
use crate::{
    app::{App, Enrolled},
    commands::conflict::{ConflictCommand, Deciding, run},
    conflicts::Docket,
    records::{
        Seen,
        testing::{World, hub, node, printed, save},
    },
};

fn id(number: u8) -> Value {
    json!(RecordId([number; 16]).to_string())
}

/// A need that two people claimed for two providers, neither of whom had seen the other.
fn claimed_twice(world: &World, scope: &str) -> Docket {
    let app = &world.app;
    assert_eq!(app.scope(), scope_id(scope));
    let need = json!({ "platform": id(9), "title": "法律咨询", "category": "operation", "status": "open" });
    let stored = save(app, "service_claim", None, &need, None)
        .unwrap()
        .stored;
    let claim = |app: &App, by: u8| {
        let claim = json!({ "status": "claimed", "claimed_by": format!("organisation/{}", RecordId([by; 16])) });
        let seen = Some(Seen::of(&stored.record));
        save(app, "service_claim", Some(&stored), &claim, seen).unwrap();
    };
    claim(&world.by("alice"), 7);
    claim(&world.by("bob"), 3);
    let open = list(app);
    let of = open.iter().find(|it| it["field"] == "claimed_by").unwrap();
    Docket::parse(app, of["id"].as_str().unwrap()).unwrap()
}

#[test]
fn the_claim_that_was_first_at_the_city_is_suggested() {
    let world = hub();
    let docket = claimed_twice(&world, "4103L9");
    let card = show(&world.app, &docket);
    let candidates = card["candidates"].as_array().unwrap();
    let first = candidates
        .iter()
        .position(|it| it["author"] == "alice@4103L9-01234567");
    let (suggested, first) = (&card["preset"], first.unwrap() + 1);
    assert_eq!(
        (&suggested["rule"], &suggested["candidate"]),
        (&json!("CLAIM"), &json!(first))
    );
    let take = ConflictCommand::Take {
        id: docket.id(world.app.catalogue.kind(docket.key.kind)),
        candidate: first,
        by: Deciding {
            seen: None,
            preset: Some("claim".to_owned()),
            reason: None,
        },
    };
    let dora = world.by("dora");
    printed(true, |out| run(&dora, &Enrolled::default(), take, out))
        .1
        .unwrap();
    let decision = show(&world.app, &docket)["decisions"][0].clone();
    assert_eq!(decision["preset"], "CLAIM");
    assert!(
        decision["reason"]
            .as_str()
            .unwrap()
            .contains("first at the city")
    );
}

#[test]
fn a_district_does_not_know_the_order_of_the_city() {
    let world = node();
    let docket = claimed_twice(&world, "410305");
    let suggested = show(&world.app, &docket)["preset"].clone();
    assert_eq!(
        (&suggested["rule"], &suggested["candidate"]),
        (&json!("CLAIM"), &Value::Null)
    );
}

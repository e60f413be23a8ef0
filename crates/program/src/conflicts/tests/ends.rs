//! When a docket ends.

use replica::ReplicaId;
use serde_json::json;

use super::{remarks, show};
use crate::{
    app::Enrolled,
    commands::conflict::{ConflictCommand, Listing, StateArg, run},
    conflicts::{Choice, Filter, decide, list, send_back},
    records::testing::printed,
};

fn decided() -> Filter {
    Filter {
        state: Some("decided"),
        enrolled: Enrolled {
            gone: vec![ReplicaId([9; 16])],
            ..Enrolled::default()
        },
        ..Filter::default()
    }
}

#[test]
fn a_decided_docket_says_how_and_who_does_not_hold_it_yet() {
    let clash = remarks();
    let dora = clash.world.by("dora");
    assert!(list(&dora, &decided(), &[]).unwrap().is_empty());
    let made = decide(&dora, &clash.docket, &Choice::Take(2), None, "asked them").unwrap();
    let all = list(&dora, &decided(), &[]).unwrap();
    assert_eq!(all.len(), 1);
    let one = &all[0];
    assert_eq!(one["id"], clash.id);
    assert_eq!(
        (&one["choice"], &one["value"]),
        (&json!("take"), &json!("two"))
    );
    assert_eq!(
        (&one["reason"], &one["author"]),
        (&json!("asked them"), &json!("dora@410305-01234567"))
    );
    assert_eq!(one["decision"], made.decision.to_string());
    assert_eq!(
        (&one["confirmed"], &one["missing"]),
        (&json!(false), &json!(["hub"]))
    );
    let card = show(&dora, &clash.docket);
    assert_eq!(
        (&card["state"], &card["confirmed"]),
        (&json!("decided"), &json!(false))
    );
    assert_eq!(card["decisions"].as_array().unwrap().len(), 1);
    let listing = Listing {
        state: Some(StateArg::Decided),
        ..Listing::default()
    };
    let (text, _) = printed(false, |out| {
        run(
            &dora,
            &Enrolled::default(),
            ConflictCommand::List(listing),
            out,
        )
    });
    assert!(
        text.contains("take two") && text.contains("not yet confirmed by hub"),
        "{text}"
    );
}

#[test]
fn a_docket_that_an_ordinary_save_ended_was_not_decided() {
    let clash = remarks();
    let dora = clash.world.by("dora");
    send_back(&dora, &clash.docket, "which one?").unwrap();
    let saved = json!({"remark": "three"});
    crate::records::testing::save(&dora, "organisation", Some(&clash.stored), &saved, None)
        .unwrap();
    assert!(list(&dora, &decided(), &[]).unwrap().is_empty());
    assert!(list(&dora, &Filter::default(), &[]).unwrap().is_empty());
}

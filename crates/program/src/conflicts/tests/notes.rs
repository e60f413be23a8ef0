//! What notes on a docket promise.

use domain::{date, label};
use serde_json::{Value, json};

use super::{Clash, remarks, show};
use crate::{
    app::{App, Enrolled},
    commands::conflict::{ConflictCommand, Listing, StateArg, run},
    conflicts::{Choice, Filter, decide, defer, list, send_back, storms, undo},
    failure::Exit,
    records::{
        Seen, find,
        testing::{printed, save},
    },
};

fn states(app: &App, state: Option<&'static str>) -> Vec<Value> {
    let filter = Filter {
        state,
        ..Filter::default()
    };
    let all = list(app, &filter, &storms(app).unwrap()).unwrap();
    all.into_iter()
        .map(|entry| entry["state"].clone())
        .collect()
}

#[test]
fn a_deferral_ends_at_its_date() {
    let clash = remarks();
    let dora = clash.world.by("dora");
    let (_, document) = defer(&dora, &clash.docket, "2020-10-20", "they are on leave").unwrap();
    assert_eq!(document["open"], true, "it decides nothing");
    assert_eq!(states(&dora, None), [json!("deferred")]);
    assert_eq!(states(&dora, Some("open")), [] as [Value; 0]);
    assert_eq!(states(&dora, Some("deferred")).len(), 1);
    let shown = show(&dora, &clash.docket);
    assert_eq!(
        (&shown["state"], &shown["until"]),
        (&json!("deferred"), &json!("2020-10-20"))
    );
    let on = |day: &str| App {
        today: date::stored(day),
        ..dora.clone()
    };
    assert_eq!(states(&on("2020-10-19"), None), [json!("deferred")]);
    assert_eq!(states(&on("2020-10-20"), None), [json!("open")]);
}

#[test]
fn a_deferral_needs_a_date_to_come_and_a_reason() {
    let clash = remarks();
    let dora = clash.world.by("dora");
    for date in ["2020-10-15", "2020-01-01", "soon", ""] {
        let failure = defer(&dora, &clash.docket, date, "x").unwrap_err();
        assert_eq!(
            (failure.code.as_str(), failure.exit),
            ("CONFLICT-009", Exit::Invalid),
            "{date}"
        );
        // It advised another day that was over.
        let said = failure.text(label::Language::En);
        assert!(said.contains("like 2020-10-16."), "{said}");
    }
    assert_eq!(
        defer(&dora, &clash.docket, "2020-10-20", " ")
            .unwrap_err()
            .code,
        "RECORD-007"
    );
    assert_eq!(states(&dora, None), [json!("open")]);
}

#[test]
fn a_returned_docket_is_open_again_when_the_district_has_written() {
    let clash = remarks();
    let dora = clash.world.by("dora");
    send_back(&dora, &clash.docket, "which one?").unwrap();
    assert_eq!(states(&dora, Some("returned")).len(), 1);
    // Bob answers by correcting his own value.
    let now = find(&dora, clash.stored.record.key).unwrap().record;
    let mut seen = Seen::of(&now);
    seen.set(
        clash.docket.register,
        vec![now.register(clash.docket.register)[1].shown()],
    );
    let answer = json!({"remark": "two, we looked"});
    save(
        &clash.world.by("bob"),
        "organisation",
        Some(&clash.stored),
        &answer,
        Some(seen),
    )
    .unwrap();
    assert_eq!(states(&dora, None), [json!("open")]);
    assert_eq!(
        show(&dora, &clash.docket)["notes"]
            .as_array()
            .unwrap()
            .len(),
        1,
        "the question stays"
    );
}

#[test]
fn the_newest_note_counts_and_a_decision_ends_them_all() {
    let clash = remarks();
    let dora = clash.world.by("dora");
    send_back(&dora, &clash.docket, "which one?").unwrap();
    defer(&dora, &clash.docket, "2020-12-01", "no answer yet").unwrap();
    assert_eq!(states(&dora, None), [json!("deferred")]);
    decide(&dora, &clash.docket, &Choice::Take(1), None, "asked").unwrap();
    assert_eq!(states(&dora, None), [] as [Value; 0]);
    assert_eq!(states(&dora, Some("decided")), [json!("decided")]);
    undo(&dora, &clash.id, "not sure").unwrap();
    assert_eq!(
        states(&dora, None),
        [json!("open")],
        "what was put off was another state of it"
    );
}

#[test]
fn the_list_marks_what_was_put_off_or_sent_back() {
    let clash: Clash = remarks();
    let dora = clash.world.by("dora");
    let said = |state| {
        let listing = Listing {
            state,
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
        text
    };
    send_back(&dora, &clash.docket, "which one?").unwrap();
    assert!(said(None).contains("sent back"), "{}", said(None));
    defer(&dora, &clash.docket, "2020-12-01", "no answer yet").unwrap();
    assert!(
        said(None).contains("put off until 2020-12-01"),
        "{}",
        said(None)
    );
    assert!(said(Some(StateArg::Open)).contains("no open conflicts"));
}

#[test]
fn an_empty_list_denies_only_what_was_asked_for() {
    let clash: Clash = remarks();
    let said = |state, scope: Option<&str>| {
        let listing = Listing {
            state,
            scope: scope.map(str::to_owned),
            ..Listing::default()
        };
        let command = ConflictCommand::List(listing);
        let app = &clash.world.app;
        let (text, _) = printed(false, |out| run(app, &Enrolled::default(), command, out));
        text.trim_end().to_owned()
    };
    assert!(!said(None, None).contains("no open"), "one is open");
    let states = [
        (StateArg::Returned, "no returned conflicts"),
        (StateArg::Deferred, "no deferred conflicts"),
        (StateArg::Decided, "no decided conflicts"),
    ];
    for (state, text) in states {
        assert_eq!(said(Some(state), None), text);
    }
    assert_eq!(
        said(None, Some("410300")),
        "no open conflicts in what was asked for"
    );
}

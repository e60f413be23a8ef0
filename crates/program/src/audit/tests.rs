//! The audit list: what stands in it, in which order, and what it never says.

use domain::permission::{Grant, Right, Role};
use serde_json::json;
use zeroize::Zeroizing;

use super::{
    list::{Filter, Listed},
    note, verify,
};
use crate::{
    accounts::{self, Deed},
    app::App,
    records::{
        self, testing,
        testing::{World, made, save},
    },
};

fn listed(app: &App) -> Listed {
    let filter = Filter {
        limit: 1_000,
        ..Filter::default()
    };
    super::list::list(app, &filter).unwrap()
}

/// An administrator with a password.
fn account(app: &App, name: &str, password: &str) {
    let new = accounts::New {
        name,
        display: None,
        grant: Grant {
            role: Role::DistrictAdmin,
            part: None,
        },
        password: Some(Zeroizing::new(password.to_owned())),
    };
    accounts::add(app, new).unwrap();
}

/// A person who was entered, corrected and deleted, with an export between.
fn entered(world: &World) -> replica::RecordKey {
    account(&world.app, "chen", "Peony-garden-1");
    let office = world.by("office");
    let person = save(
        &office,
        "person",
        None,
        &json!({ "display_name": "王小明" }),
        None,
    )
    .unwrap();
    let export = Deed::of("export", Right::Export)
        .about(&["person", "*"])
        .noted();
    note(&office, &export, "done").unwrap();
    save(
        &office,
        "person",
        Some(&person.stored),
        &json!({ "display_name": "王大明" }),
        None,
    )
    .unwrap();
    records::delete(&world.by("chief"), person.stored.record.key, None, "误录").unwrap();
    person.stored.record.key
}

#[test]
fn the_list_has_writes_and_deeds_in_one_line_of_time_and_no_values() {
    let world = testing::node();
    let key = entered(&world);
    let rows = listed(&world.app).rows;
    let told: Vec<_> = rows
        .iter()
        .map(|row| (row.who.split('@').next().unwrap(), row.deed.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("chief", "delete command"),
            ("office", "write command"),
            ("office", "export"),
            ("office", "write command")
        ]
    );
    assert_eq!(rows[1].what, format!("person/{}", key.id));
    assert_eq!(
        (rows[1].why.as_str(), rows[1].result.as_str()),
        ("as the office said", "saved")
    );
    assert_eq!(rows[1].fields, ["display_name"]);
    let text = format!("{rows:?}");
    assert!(!text.contains("明") && !text.contains("Peony"), "{text}");
}

#[test]
fn the_list_is_asked_by_account_day_and_kind() {
    let world = testing::node();
    entered(&world);
    let ask = |filter: Filter| {
        let listed = super::list::list(&world.app, &filter).unwrap();
        (listed.rows.len(), listed.has_more)
    };
    let all = Filter {
        limit: 9,
        ..Filter::default()
    };
    assert_eq!(ask(all.clone()), (4, false));
    assert_eq!(
        ask(Filter {
            limit: 3,
            ..all.clone()
        }),
        (3, true)
    );
    assert_eq!(
        ask(Filter {
            account: Some("chief".to_owned()),
            ..all.clone()
        }),
        (1, false)
    );
    assert_eq!(
        ask(Filter {
            kind: Some("person".to_owned()),
            ..all.clone()
        }),
        (4, false)
    );
    assert_eq!(
        ask(Filter {
            kind: Some("user".to_owned()),
            ..all.clone()
        }),
        (0, false)
    );
    let day = |text: &str| domain::date::stored(text);
    assert_eq!(
        ask(Filter {
            from: day("2020-10-16"),
            ..all.clone()
        }),
        (0, false)
    );
    assert_eq!(
        ask(Filter {
            to: day("2020-10-14"),
            ..all.clone()
        }),
        (0, false)
    );
    assert_eq!(
        ask(Filter {
            from: day("2020-10-15"),
            to: day("2020-10-15"),
            ..all
        }),
        (4, false)
    );
}

#[test]
fn a_write_that_was_taken_back_is_still_told() {
    let world = testing::node();
    let stored = made(&world.app, "甲公司");
    let dot = stored.record.siblings[0].dot();
    world.refused_by_hub(vec![proto::sync::Refused {
        incarnation: dot.incarnation.0,
        counter: dot.counter,
        code: "AUTH-SCOPE".to_owned(),
        kind: stored.record.key.kind.0,
        id: stored.record.key.id.0.to_vec(),
    }]);
    let rows = listed(&world.app).rows;
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0].result, "taken_back");
    assert_eq!(rows[0].why, "as the office said");
}

#[test]
fn an_entry_that_was_altered_or_taken_out_is_found() {
    let world = testing::node();
    for n in 0..5 {
        note(&world.app, &Deed::open("backup"), &format!("{n}")).unwrap();
    }
    assert_eq!(verify(&world.app).unwrap(), 5);
    let name = |n: u64| format!("audit/{n:016x}");
    let keep = |n: u64| {
        world
            .app
            .reader()
            .local(&name(n))
            .unwrap()
            .map(|text| text.to_vec())
    };
    let set = |n: u64, value: Option<Vec<u8>>| {
        world
            .app
            .writer
            .edit(Vec::new(), vec![(name(n), value)])
            .unwrap();
    };
    for n in 1..=5 {
        let was = keep(n);
        set(n, None);
        assert_eq!(
            verify(&world.app).unwrap_err().code,
            "AUTH-117",
            "{n} is gone"
        );
        let altered = String::from_utf8(was.clone().unwrap())
            .unwrap()
            .replace("alice", "mallo");
        set(n, Some(altered.into_bytes()));
        assert_eq!(
            verify(&world.app).unwrap_err().code,
            "AUTH-117",
            "{n} was altered"
        );
        set(n, was);
        assert_eq!(verify(&world.app).unwrap(), 5);
    }
    set(6, keep(5));
    assert_eq!(
        verify(&world.app).unwrap_err().code,
        "AUTH-117",
        "one too many"
    );
}

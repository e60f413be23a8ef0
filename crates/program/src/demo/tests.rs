//! What the generator makes passes every rule and authority that a clerk meets.

use std::sync::Arc;

use domain::demo::{Demo, Size, When};
use proto::ledger::{NominationStatus, Organisation};

use super::*;
use crate::{
    dir::{Identity, Role, ScopeName},
    records::{
        each,
        testing::{World, kind, node, world},
    },
};

fn filled(world: &World, demo: &Demo) -> Filled {
    let filled = fill(&world.app, demo, &mut |_, _| {}).expect("a store for demonstration");
    assert_eq!(filled.refused, 0, "{:?}", filled.refusals);
    filled
}

/// A hub to which the work of all districts has come.
fn hub_with_all(demo: &Demo) -> World {
    let hub = world(Role::Hub, ScopeName::of(CITY_DIRECT, "市直"));
    hand_over(&hub, demo);
    hub
}

fn hand_over(hub: &World, demo: &Demo) {
    let districts = demo
        .scopes()
        .into_iter()
        .filter(|it| it.code != CITY_DIRECT);
    for scope in districts {
        for made in demo.records(&scope.code) {
            if let Some(edit) = made.edit("clerk@district", "demo") {
                hub.app.writer.edit(vec![edit], Vec::new()).expect("memory");
            }
        }
    }
}

fn with(scopes: usize, organisations: u32) -> Demo {
    Demo {
        size: Size {
            scopes,
            organisations,
        },
        ..Demo::default()
    }
}

fn count(world: &World, name: &str, with: impl Fn(&[u8]) -> bool) -> usize {
    let mut count = 0;
    let kind = kind(&world.app, name).kind;
    each(&world.app, kind, None, None, &mut |_, meaning| {
        count += usize::from(with(&meaning.values));
        Ok(std::ops::ControlFlow::Continue(()))
    })
    .expect("memory");
    count
}

#[test]
fn a_district_is_filled_without_a_refusal_and_a_second_time_changes_nothing() {
    let node = node();
    let demo = with(19, 120);
    let first = filled(&node, &demo);
    println!("{first:?}");
    let made = demo.records("410305").filter(|made| made.when == When::New);
    assert_eq!(first.created, made.count());
    assert_eq!(count(&node, "organisation", |_| true), 120);
    // What an office would have been warned of: a large branch, too many for one joint branch, three
    // members without a branch of their own, an overdue election, a second drive of the year.
    let expected = ["TWICE", "V10", "V11", "V15"];
    let warned: Vec<_> = first.warnings.keys().copied().collect();
    assert!(
        warned.iter().all(|rule| expected.contains(rule)),
        "{first:?}"
    );
    assert!(
        first.warnings.values().sum::<usize>() * 10 < first.created,
        "{first:?}"
    );

    let again = filled(&node, &demo);
    assert_eq!((again.created, again.changed), (0, 0));
}

#[test]
fn what_somebody_changed_or_deleted_is_left_as_it_is() {
    let node = node();
    let demo = Demo::small();
    filled(&node, &demo);
    let key = |made: &Made| RecordKey {
        kind: kind(&node.app, made.kind).kind,
        id: made.id,
    };
    let organisations = demo
        .records("410305")
        .filter(|made| made.kind == "organisation");
    let keys: Vec<_> = organisations.take(2).map(|made| key(&made)).collect();
    let [renamed, deleted] = keys.as_slice() else {
        panic!("two")
    };
    let stored = crate::records::find(&node.app, *renamed).expect("made");
    let name = json!({ "name": "改名（演示）" });
    crate::records::testing::save(&node.app, "organisation", Some(&stored), &name, None)
        .expect("saved");
    let position = crate::records::delete(&node.app, *deleted, None, "误填");
    position.expect("deleted");
    let again = filled(&node, &demo);
    assert_eq!((again.created, again.changed), (0, 0));
    let renamed_to = |values: &[u8]| {
        let row: Organisation = domain::decode(values).expect("an organisation");
        row.name() == "改名（演示）"
    };
    assert_eq!(count(&node, "organisation", renamed_to), 1);
    assert_eq!(count(&node, "organisation", |_| true), 39);
}

#[test]
fn the_city_answers_what_has_come_and_waits_for_the_rest() {
    let demo = with(19, 40);
    let hub = world(Role::Hub, ScopeName::of(CITY_DIRECT, "市直"));
    let alone = filled(&hub, &demo);
    assert_eq!(alone.waiting.len(), 18, "{alone:?}");
    assert_eq!(count(&hub, "scope", |_| true), 19);
    assert_eq!(count(&hub, "demonstration_point", |_| true), {
        let own = demo.answers(CITY_DIRECT);
        own.filter(|made| made.kind == "demonstration_point")
            .count()
    });
    hand_over(&hub, &demo);
    let all = filled(&hub, &demo);
    println!("{all:?}");
    assert_eq!((all.waiting.len(), all.missing), (0, 0));
    let accepted = count(&hub, "nomination", |values| {
        let row: proto::ledger::Nomination = domain::decode(values).expect("a nomination");
        row.status() == NominationStatus::Accepted
    });
    let points = count(&hub, "demonstration_point", |_| true);
    assert!(accepted > 3 && accepted == points, "{accepted} {points}");
    let again = filled(&hub, &demo);
    assert_eq!((again.created, again.changed, again.missing), (0, 0, 0));
}

#[test]
fn a_hub_of_the_small_demo_fills_none_of_its_own_scope() {
    let demo = Demo::small();
    let hub = hub_with_all(&demo);
    let all = filled(&hub, &demo);
    assert!(all.waiting.is_empty() && all.missing == 0, "{all:?}");
    assert_eq!(count(&hub, "organisation", |_| true), 120);
}

#[test]
fn only_a_store_of_this_city_made_for_demonstration_is_filled() {
    let node = node();
    let with = |change: &dyn Fn(&mut Identity)| {
        let mut identity = Identity::clone(&node.app.identity);
        change(&mut identity);
        App {
            identity: Arc::new(identity),
            ..node.app.clone()
        }
    };
    let real = with(&|identity| identity.demo = false);
    let other = with(&|identity| identity.published = ScopeName::of("410400", "平顶山市"));
    for (app, code) in [(real, "DEMO-001"), (other, "DEMO-002")] {
        let refused = fill(&app, &Demo::small(), &mut |_, _| {}).expect_err("refused");
        assert_eq!((refused.code.as_str(), refused.exit), (code, Exit::Refused));
    }
    assert_eq!(count(&node, "organisation", |_| true), 0);
}

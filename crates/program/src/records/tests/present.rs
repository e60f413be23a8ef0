//! What is kept in memory of records is what the store says, whatever happens to them.

use std::{collections::BTreeMap, sync::Arc};

use domain::Values;
use proptest::prelude::*;
use replica::{RecordId, RecordKey, ScopeId};
use serde_json::json;

use crate::{
    app::App,
    records::{
        Seen, delete, each, each_present, present,
        testing::{World, kind, node, now, organisation, save},
    },
};

type Shown = BTreeMap<RecordId, (ScopeId, Values)>;

/// What the cache says, in passing over all and one by one.
fn kept(app: &App) -> Shown {
    let mut shown = Shown::new();
    each_present(app, kind(app, "organisation").kind, None, &mut |one| {
        let alone = present(app, one.key).unwrap().expect("it was shown");
        assert_eq!((alone.home, &alone.values), (one.home, &one.values));
        shown.insert(one.key.id, (one.home, Arc::clone(&one.values)));
        Ok(())
    })
    .unwrap();
    shown
}

/// What the store says.
fn stored(app: &App) -> Shown {
    let mut shown = Shown::new();
    let organisations = kind(app, "organisation").kind;
    each(app, organisations, None, None, &mut |stored, meaning| {
        let values = meaning.values.as_slice().into();
        shown.insert(stored.record.key.id, (stored.home, values));
        Ok(std::ops::ControlFlow::Continue(()))
    })
    .unwrap();
    shown
}

/// One thing that happens to one of some records.
#[derive(Clone, Copy, Debug)]
enum Step {
    Make,
    Edit(usize, u32),
    /// By a form that was opened before the last edit.
    Beside(usize, u32),
    Delete(usize),
    Look,
}

fn step() -> impl Strategy<Value = Step> {
    let which = 0..8_usize;
    prop_oneof![
        Just(Step::Make),
        (which.clone(), 100..900_u32).prop_map(|(at, to)| Step::Edit(at, to)),
        (which.clone(), 100..900_u32).prop_map(|(at, to)| Step::Beside(at, to)),
        which.prop_map(Step::Delete),
        Just(Step::Look),
    ]
}

/// The records that were made, each with the form that was opened first.
#[derive(Default)]
struct Made(Vec<(RecordKey, Seen)>);

impl Made {
    fn take(&mut self, world: &World, step: Step) {
        let app = &world.app;
        let at = |at: usize| self.0.get(at % self.0.len().max(1)).cloned();
        match step {
            Step::Make => {
                let mut values = organisation(&format!("甲{}", self.0.len()));
                values.remove("uscc");
                values.insert("remark".to_owned(), json!("not registered yet"));
                let saved = save(app, "organisation", None, &json!(values), None).unwrap();
                let seen = Seen::of(&saved.stored.record);
                self.0.push((saved.stored.record.key, seen));
            }
            Step::Edit(which, to) | Step::Beside(which, to) => {
                let Some((key, seen)) = at(which) else { return };
                let is_beside = matches!(step, Step::Beside(..));
                let set = json!({ "employees": to });
                let stored = now(app, key);
                // Of what was deleted or is contested, a save may be refused.
                let seen = is_beside.then_some(seen);
                save(&world.by("bob"), "organisation", Some(&stored), &set, seen)
                    .map(drop)
                    .unwrap_or_default();
            }
            Step::Delete(which) => {
                let Some((key, _)) = at(which) else { return };
                delete(app, key, None, "twice")
                    .map(drop)
                    .unwrap_or_default();
            }
            Step::Look => assert_eq!(kept(app), stored(app)),
        }
    }
}

#[test]
fn a_change_is_seen_at_once() {
    let world = node();
    let app = &world.app;
    let mut made = Made::default();
    let employees = |app: &App| {
        let shown = kept(app);
        assert_eq!(shown, stored(app));
        let values = shown.into_values().map(|(_, values)| {
            let row: proto::ledger::Organisation = domain::decode(&values).unwrap();
            row.employees()
        });
        values.collect::<Vec<_>>()
    };
    made.take(&world, Step::Make);
    assert_eq!(employees(app), [120]);
    made.take(&world, Step::Edit(0, 300));
    assert_eq!(employees(app), [300]);
    // Contested, the value of before is shown meanwhile.
    made.take(&world, Step::Beside(0, 400));
    assert_eq!(employees(app), [120]);
    made.take(&world, Step::Delete(0));
    assert!(employees(app).is_empty());
    assert!(present(app, made.0[0].0).unwrap().is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_kept_is_what_the_store_says(steps in prop::collection::vec(step(), 1..24)) {
        let world = node();
        let mut made = Made::default();
        for step in steps {
            made.take(&world, step);
        }
        made.take(&world, Step::Look);
    }
}

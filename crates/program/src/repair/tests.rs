//! What a rebuilt store holds, and what is listed as missing.

use std::sync::Arc;

use bytes::Bytes;
use replica::{RecordKey, Sibling};
use serde_json::json;
use store::{Beyond, Memory, Survey};

use super::lost::{LostWrite, MISSING, missing};
use crate::app::host_config;
use crate::records::{
    history,
    testing::{World, made, node, now, save},
};

/// A node with three organisations, of which the first was written three times.
fn filled() -> (World, Vec<RecordKey>) {
    let world = node();
    let keys: Vec<_> = ["甲", "乙", "丙"]
        .iter()
        .map(|name| {
            let stored = made(&world.app, name);
            stored.record.key
        })
        .collect();
    for remark in ["one", "two", "three"] {
        let edit = json!({"remark": remark});
        save(
            &world.app,
            "organisation",
            Some(&now(&world.app, keys[0])),
            &edit,
            None,
        )
        .unwrap();
    }
    (world, keys)
}

/// What is in the store, without what a choice leaves out.
fn survey(world: &World, keep: impl Fn(&[u8], &Bytes) -> bool) -> Survey {
    let mut survey = Survey::default();
    for (key, value) in world.memory().image() {
        if keep(&key, &value) {
            survey.take(&key, &value);
        }
    }
    survey
}

fn rebuilt(world: &World, sources: &[Survey]) -> (store::Rebuilt, World) {
    let memory = Arc::new(Memory::new());
    let target: Arc<dyn store::Store> = Arc::<Memory>::clone(&memory);
    let config = host_config(&world.app.identity, Arc::clone(&world.app.clock), None);
    let rebuilt = store::rebuild(target, config, sources).unwrap();
    let missing: Vec<LostWrite> = rebuilt.missing.iter().map(LostWrite::of).collect();
    store::keep_local(&*memory, MISSING, serde_json::to_vec(&missing).unwrap()).unwrap();
    (rebuilt, world.over(Memory::from_image(memory.image())))
}

/// The key under which a record's present state lies.
fn place(world: &World, key: RecordKey) -> Vec<u8> {
    let at = now(&world.app, key).place;
    [
        b"R".as_slice(),
        &at.scope.to_be_bytes(),
        &at.seq.0.to_be_bytes(),
    ]
    .concat()
}

#[test]
fn a_store_rebuilt_of_all_its_values_holds_the_same() {
    let (world, keys) = filled();
    let (report, fresh) = rebuilt(&world, &[survey(&world, |_, _| true)]);
    assert_eq!((report.records, report.from_others), (3, 0));
    assert!(
        report.missing.is_empty() && report.gaps.is_empty(),
        "{report:?}"
    );
    assert_eq!(report.only_here.len(), 6, "nobody has acked anything");
    for key in keys {
        assert_eq!(now(&fresh.app, key).record, now(&world.app, key).record);
        assert_eq!(
            history(&fresh.app, key).unwrap(),
            history(&world.app, key).unwrap()
        );
    }
    assert!(fresh.app.reader().journal_breaks().unwrap().is_empty());
    assert!(fresh.app.reader().scrub().unwrap().is_empty());
    assert!(missing(&fresh.app).unwrap().is_empty());
}

#[test]
fn writing_goes_on_in_a_new_incarnation() {
    let (world, keys) = filled();
    let (_, fresh) = rebuilt(&world, &[survey(&world, |_, _| true)]);
    let of = |stored: &store::Stored| -> Vec<_> {
        let dots = stored.record.siblings.iter().map(Sibling::dot);
        dots.map(|dot| dot.incarnation).collect()
    };
    let before = of(&now(&world.app, keys[0]));
    let edit = json!({"remark": "four"});
    save(
        &fresh.app,
        "organisation",
        Some(&now(&fresh.app, keys[0])),
        &edit,
        None,
    )
    .unwrap();
    let after = of(&now(&fresh.app, keys[0]));
    assert!(
        after
            .iter()
            .any(|incarnation| !before.contains(incarnation))
    );
}

#[test]
fn a_record_that_cannot_be_read_comes_from_the_backup() {
    let (world, keys) = filled();
    let backup = survey(&world, |_, _| true);
    let edit = json!({"remark": "after the backup"});
    save(
        &world.app,
        "organisation",
        Some(&now(&world.app, keys[1])),
        &edit,
        None,
    )
    .unwrap();
    let gone = [place(&world, keys[0]), place(&world, keys[1])];
    let salvaged = survey(&world, |key, _| !gone.iter().any(|place| place == key));
    let (report, fresh) = rebuilt(&world, &[salvaged, backup]);
    assert_eq!((report.records, report.from_others), (3, 2));
    assert_eq!(
        now(&fresh.app, keys[0]).record,
        now(&world.app, keys[0]).record
    );
    assert_eq!(
        history(&fresh.app, keys[0]).unwrap().len(),
        4,
        "with its past"
    );
    assert_eq!(
        report.missing.len(),
        1,
        "what was written since: {:?}",
        report.missing
    );
    assert_eq!(report.missing[0].key, keys[1]);
    let listed = missing(&fresh.app).unwrap();
    assert_eq!(listed.len(), 1, "until somebody gives it back");
}

#[test]
fn a_write_that_a_later_one_has_replaced_is_not_missing() {
    let (world, _) = filled();
    let salvaged = survey(&world, |key, _| key.first() != Some(&b'H'));
    let (report, _) = rebuilt(&world, &[salvaged]);
    assert!(report.missing.is_empty(), "{:?}", report.missing);
}

#[test]
fn a_page_of_the_journal_that_is_gone_is_a_gap_and_shows() {
    let (world, keys) = filled();
    let pages: Vec<_> = world
        .memory()
        .image()
        .into_keys()
        .filter(|key| key.first() == Some(&b'J'))
        .collect();
    assert!(pages.len() > 2, "one for each commit");
    let salvaged = survey(&world, |key, _| key != pages[1].as_slice());
    let (report, fresh) = rebuilt(&world, &[salvaged]);
    assert_eq!(report.gaps.len(), 1, "{:?}", report.gaps);
    let breaks = fresh.app.reader().journal_breaks().unwrap();
    assert_eq!(breaks.len(), 1, "{breaks:?}");
    assert_eq!(
        now(&fresh.app, keys[1]).record,
        now(&world.app, keys[1]).record
    );
}

#[test]
fn an_altered_journal_shows() {
    let (world, _) = filled();
    let mut image = world.memory().image();
    let page = image
        .keys()
        .find(|key| key.first() == Some(&b'J'))
        .unwrap()
        .clone();
    let mut bytes = image[&page].to_vec();
    let last = bytes.len() - 40;
    bytes[last] ^= 1;
    image.insert(page, bytes.into());
    let altered = world.over(Memory::from_image(image));
    assert_eq!(altered.app.reader().journal_breaks().unwrap().len(), 1);
}

#[test]
fn what_a_backup_lacks_is_named_with_what_exists_nowhere_else() {
    let (world, keys) = filled();
    let backup = survey(&world, |_, _| true);
    let filled = Memory::from_image(world.memory().image());
    let own = world.app.identity.replica();
    assert!(backup.lacking_in(&backup, own).is_empty());
    let edit = json!({"remark": "after the backup"});
    save(
        &world.by("bob"),
        "organisation",
        Some(&now(&world.app, keys[1])),
        &edit,
        None,
    )
    .unwrap();
    let fourth = made(&world.app, "丁").record.key;
    let present = world.app.reader().survey().unwrap();
    let lacking = present.lacking_in(&backup, own);
    let named: Vec<_> = lacking
        .iter()
        .map(|fact| (fact.key, fact.author.as_deref()))
        .collect();
    let (alice, bob) = ("alice@410305-01234567", "bob@410305-01234567");
    assert_eq!(named.len(), 2, "{named:?}");
    assert!(named.contains(&(keys[1], Some(bob))) && named.contains(&(fourth, Some(alice))));
    assert!(lacking.iter().all(|fact| fact.is_own && !fact.is_acked));
    assert_eq!(present.records_lacking_in(&backup).len(), 1);
    // A restore looks only at what is not the same in both.
    let mut beyond = Beyond::new(&filled);
    beyond.take_all(world.memory()).unwrap();
    let (here, there) = beyond.finish().unwrap();
    assert_eq!((here.records(), there.records()), (2, 1));
    assert_eq!(here.lacking_in(&there, own), lacking);
}

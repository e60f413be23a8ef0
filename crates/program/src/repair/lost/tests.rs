//! What becomes of writes that nobody can give back.

use std::sync::{Arc, Mutex};

use clap::Parser;
use domain::label::Language;
use replica::{Dot, Incarnation, RecordKey, RegisterId, account::LISTED_MAX};
use serde_json::{Value, json};
use store::{Memory, Survey, WriteFact};

use super::{carry, count_open, missing, more_in, note, rest, settle};
use crate::{
    commands::repair::{RepairArgs, lost},
    output::{Out, Part},
    records::testing::{World, made, node},
};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: RepairArgs,
}

/// A write of a life that is gone.
fn gone(key: RecordKey, counter: u64) -> WriteFact {
    WriteFact {
        dot: Dot {
            incarnation: Incarnation(0xABCD),
            counter,
        },
        key,
        author: Some("carol@410305-01234567".to_owned()),
        at_ms: Some(1_602_720_000_000),
        registers: vec![RegisterId(2)],
        is_own: true,
        is_acked: false,
        seen_by: Default::default(),
    }
}

/// A node that has lost this many writes of one organisation. Returns the record's id.
fn poorer(lost: u64) -> (World, String) {
    let world = node();
    let key = made(&world.app, "甲").record.key;
    let facts: Vec<WriteFact> = (1..=lost).map(|counter| gone(key, counter)).collect();
    note(world.memory(), &facts, 0).unwrap();
    (world, format!("organisation/{}", key.id))
}

/// Everything that `repair` prints with these arguments.
fn said(world: &World, args: &[&str], json: bool) -> Result<String, String> {
    let text = Arc::new(Mutex::new(String::new()));
    let sink = Arc::clone(&text);
    let mut out = Out::new(json, Language::En, 0, move |part| match part {
        Part::Stdout(part) | Part::Stderr(part) => sink.lock().unwrap().push_str(&part),
        Part::Progress { .. } => {}
    });
    let line = std::iter::once("repair").chain(args.iter().copied());
    let line = Line::try_parse_from(line).map_err(|error| error.to_string())?;
    let result = lost(&world.by("bob"), &line.args, &mut out);
    drop(out);
    let text = text.lock().unwrap().clone();
    result.map(|()| text).map_err(|failure| failure.code)
}

fn listed(world: &World, args: &[&str]) -> Value {
    serde_json::from_str(&said(world, args, true).unwrap()).unwrap()
}

/// Somebody typed a lost write in anew, and it was listed and warned of for ever.
#[test]
fn a_person_settles_a_lost_write_and_it_is_kept_who_when_and_why() {
    let (world, _) = poorer(2);
    let name = "000000000000abcd:1";
    assert_eq!(count_open(&world.app).unwrap(), 2);
    assert_eq!(listed(&world, &["--list"])[0]["settled"], Value::Null);
    said(
        &world,
        &["--settle", name, "--reason", "typed in anew"],
        false,
    )
    .unwrap();
    let world = world.restarted();
    assert_eq!(count_open(&world.app).unwrap(), 1);
    let open = listed(&world, &["--list"]);
    assert_eq!(open.as_array().unwrap().len(), 1);
    assert_eq!(open[0]["write"], "000000000000abcd:2");
    let all = listed(&world, &["--list", "--all"]);
    let settled = &all[0]["settled"];
    assert_eq!(
        (&all[0]["write"], &settled["reason"]),
        (&json!(name), &json!("typed in anew"))
    );
    assert_eq!(settled["by"], "bob@410305-01234567");
    assert!(settled["at"].as_str().unwrap().starts_with("2020-10-15"));
    let text = said(&world, &["--list", "--all"], false).unwrap();
    assert!(
        text.contains("typed in anew") && text.contains(name),
        "{text}"
    );
    assert_eq!(missing(&world.app).unwrap().len(), 2, "lost all the same");
}

#[test]
fn all_lost_writes_of_a_record_are_settled_at_once_and_once() {
    let (world, id) = poorer(3);
    let again = ["--settle", &id, "--reason", "asked the office"];
    let done: Value = serde_json::from_str(&said(&world, &again, true).unwrap()).unwrap();
    assert_eq!(done.as_array().unwrap().len(), 3, "{done}");
    assert_eq!(count_open(&world.app).unwrap(), 0);
    assert_eq!(said(&world, &again, true).unwrap_err(), "REPAIR-003");
    let other = ["--settle", "000000000000abcd:9", "--reason", "x"];
    assert_eq!(said(&world, &other, true).unwrap_err(), "REPAIR-002");
    let silent = ["--settle", &id, "--reason", " "];
    said(&world, &silent, true).unwrap_err();
    let without = said(&world, &["--settle", &id], true).unwrap_err();
    assert!(without.contains("--reason"), "{without}");
}

#[test]
fn a_list_that_is_full_says_how_many_more_there_are() {
    let room = u64::try_from(LISTED_MAX).unwrap();
    let (world, _) = poorer(room + 3);
    assert_eq!(missing(&world.app).unwrap().len(), LISTED_MAX);
    assert_eq!(count_open(&world.app).unwrap(), LISTED_MAX + 3);
    let text = said(&world, &["--list"], true).unwrap();
    assert!(text.contains("3 more are not listed singly"), "{text}");
    let done = settle(&world.app, "rest", "imported again").unwrap();
    assert_eq!(done[0]["count"], 3);
    assert_eq!(rest(&world.app).unwrap().open(), 0);
    assert_eq!(count_open(&world.app).unwrap(), LISTED_MAX);
    let text = said(&world, &["--list"], true).unwrap();
    assert!(!text.contains("more are not listed"), "{text}");
    // More that come since are open again.
    let key = missing(&world.app).unwrap()[0].fact.key;
    note(world.memory(), &[gone(key, room + 4)], 3).unwrap();
    assert_eq!(rest(&world.app).unwrap().open(), 4);
    assert_eq!(settle(&world.app, "rest", "again").unwrap().len(), 1);
}

/// A restore replaces the store, and would take with it what people have stated.
#[test]
fn what_is_settled_is_taken_over_into_a_store_that_is_restored() {
    let (world, id) = poorer(2);
    settle(&world.app, &id, "typed in anew").unwrap();
    let mut present = Survey::default();
    for (key, value) in world.memory().image() {
        present.take(&key, &value);
    }
    let filled = Memory::new();
    let before = carry(&filled, &present).unwrap();
    note(&filled, &before, more_in(&present)).unwrap();
    let restored = world.over(Memory::from_image(filled.image()));
    assert_eq!(missing(&restored.app).unwrap().len(), 2);
    assert_eq!(count_open(&restored.app).unwrap(), 0);
}

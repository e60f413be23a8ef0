//! The large demo in one hub's store: what making it takes, how large it is, what opening it costs.
//!
//! It is written as an engine without rules takes it: that every record passes the rules is tested
//! where they are, and the city may not write the trainings of its districts by hand.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::mpsc,
    time::{Duration, Instant},
};

use domain::{
    Catalogue,
    demo::{Demo, Made, Size, When, scopes},
    value,
};
use program::dir::Role;
use replica::{Edit, RecordKey, Set, Sibling, Source};
use store::{Command, Handle, Reply};

use super::{Report, figures, memory, say};
use crate::rig::{HubRig, Medium, NodeRig, fresh_replica, open};

/// Edits on their way at once.
const IN_FLIGHT: usize = 2_048;
/// What the first sync may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// Makes the demo, fills a store with it, and opens that in a process of its own.
pub(crate) fn measure(organisations: u32, folder: &Path, report: &mut Report) {
    let demo = Demo {
        size: Size {
            organisations,
            ..Size::LARGE
        },
        ..Demo::default()
    };
    let start = Instant::now();
    let mut kinds: BTreeMap<&str, u32> = BTreeMap::new();
    for made in all(&demo).filter(|made| made.when == When::New) {
        *kinds.entry(made.kind).or_default() += 1;
    }
    let seconds = start.elapsed().as_secs_f64();
    let records: u32 = kinds.values().sum();
    report.add("demo, records", records.into(), "");
    report.add("demo, made alone", f64::from(records) / seconds, "/s");
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let counts = kinds.iter().map(|(kind, count)| format!("{kind} {count}"));
    say(&format!("  {}", counts.collect::<Vec<_>>().join(", ")));

    let replica = fresh_replica();
    let writer = open(
        Role::Hub,
        replica,
        domain::demo::CITY_DIRECT,
        &Medium::Disk(folder),
    )
    .expect("the store opens");
    let handle = writer.handle();
    let start = Instant::now();
    let keys = fill(&handle, &demo);
    let seconds = start.elapsed().as_secs_f64();
    report.add("demo, made and durable", f64::from(records) / seconds, "/s");
    let reader = handle.reader();
    let stored = keys
        .iter()
        .filter_map(|key| reader.get(*key).expect("the store reads"));
    let live: usize = stored.map(|stored| stored.record.encode().len()).sum();
    let in_use = memory::resident_kib();
    figures::measure(replica, (&writer, folder), report);
    writer.stop().expect("the writer stops");
    // Whoever holds a handle holds the store's lock.
    drop(handle);
    let disk = bytes_below(folder);
    let mib = |bytes: f64| bytes / 1_024.0 / 1_024.0;
    report.add("demo, live", mib(live as f64), "MiB");
    report.add("demo, on disk", mib(disk as f64), "MiB");
    report.add("demo, on disk / live", disk as f64 / live as f64, "x");
    report.add("demo, memory while filled", in_use as f64 / 1_024.0, "MiB");
    memory::measure(folder, Role::Hub, "demo", report);
}

/// Nineteen nodes, one a scope, each with its part of the demo, call a hub that has nothing, all at
/// once.
pub(crate) async fn first_sync(organisations: u32, folder: &Path, report: &mut Report) {
    let demo = Demo {
        size: Size {
            organisations,
            ..Size::LARGE
        },
        ..Demo::default()
    };
    let hub = HubRig::start(fresh_replica(), &Medium::Disk(&folder.join("hub"))).await;
    let mut nodes = Vec::new();
    let mut records = 0_u64;
    for scope in scopes() {
        let node = hub.node(
            fresh_replica(),
            &scope.code,
            &Medium::Disk(&folder.join(&scope.code)),
        );
        let edits = demo
            .records(&scope.code)
            .filter_map(|made| made.edit("demo@bench", "demo"));
        records += submit(&node.handle(), edits);
        nodes.push(node);
    }
    let start = Instant::now();
    let running: Vec<_> = nodes.iter().map(NodeRig::connect).collect();
    for running in &running {
        running.settled(PATIENCE).await;
    }
    let rate = records as f64 / start.elapsed().as_secs_f64();
    let arrived = hub.writer.handle().reader().count() as f64;
    assert!(arrived >= records as f64, "{arrived} of {records}");
    report.add("demo, first sync of 19 nodes at once", rate, "/s");
    report.add("demo, records of the 19 nodes", records as f64, "");
    for running in running {
        running.stop().await;
    }
    for node in nodes {
        node.writer.stop().expect("the node stops");
    }
    hub.stop().await.expect("the hub stops");
}

/// Writes edits, many on their way, and waits until all are durable. Returns how many.
fn submit(handle: &Handle, edits: impl Iterator<Item = Edit>) -> u64 {
    let (done, replies) = mpsc::channel();
    let (mut sent, mut settled) = (0_u64, 0_u64);
    let mut settle = |upto: u64| {
        while settled < upto {
            let reply: Reply = replies.recv().expect("the writer answers");
            assert!(matches!(reply, Reply::Written(Ok(_))), "{reply:?}");
            settled += 1;
        }
    };
    for edit in edits {
        let done = done.clone();
        handle
            .submit(Command::Edit(vec![edit], Vec::new()), move |reply| {
                done.send(reply).unwrap_or_default();
            })
            .expect("room");
        sent += 1;
        settle(sent.saturating_sub(IN_FLIGHT as u64));
    }
    settle(sent);
    sent
}

/// Everything that a city of the demo has, each record once its parts are there.
fn all(demo: &Demo) -> impl Iterator<Item = Made> {
    let codes = || scopes().into_iter().map(|scope| scope.code);
    let districts = codes().flat_map(|code| demo.records(&code));
    let answers = codes().flat_map(|code| demo.answers(&code));
    demo.published().chain(districts).chain(answers)
}

/// Writes the demo, many edits on their way, and waits until all are durable.
fn fill(handle: &Handle, demo: &Demo) -> Vec<RecordKey> {
    let (done, replies) = mpsc::channel();
    let (mut keys, mut waiting) = (Vec::new(), 0_usize);
    let settle = |waiting: &mut usize, most: usize| {
        while *waiting > most {
            let reply: Reply = replies.recv().expect("the writer answers");
            assert!(matches!(reply, Reply::Written(Ok(_))), "{reply:?}");
            *waiting -= 1;
        }
    };
    for made in all(demo) {
        let edit = made.edit("demo@bench", "demo");
        if let Some(edit) = &edit {
            keys.push(edit.key);
        } else {
            settle(&mut waiting, 0);
        }
        let edit = edit.unwrap_or_else(|| going_on(handle, &made));
        let done = done.clone();
        handle
            .submit(Command::Edit(vec![edit], Vec::new()), move |reply| {
                done.send(reply).unwrap_or_default();
            })
            .expect("room");
        waiting += 1;
        settle(&mut waiting, IN_FLIGHT - 1);
    }
    settle(&mut waiting, 0);
    keys
}

/// The edit that goes on with a record as it is.
fn going_on(handle: &Handle, made: &Made) -> Edit {
    let catalogue = Catalogue::builtin();
    let kind = catalogue
        .kind_by_id(made.kind)
        .expect("a kind of the schema");
    let key = RecordKey {
        kind: kind.kind,
        id: made.id,
    };
    let stored = handle.reader().get(key).expect("the store reads");
    let record = stored.expect("it was made before").record;
    let base = value::base_of(catalogue, Some(&record));
    let edits = value::edits_from_json(catalogue, kind, &base, &made.values, &domain::NoResolve);
    let set = edits.expect("the demo fits the schema").into_iter();
    let set = set.filter(|edit| edit.changed).map(|edit| Set {
        register: edit.register,
        value: edit.value,
        shown: record
            .register(edit.register)
            .iter()
            .map(Sibling::shown)
            .collect(),
    });
    Edit {
        key,
        scope: record.scope,
        set: set.collect(),
        author: "demo@bench".to_owned(),
        reason: "demo".to_owned(),
        source: Source::Command,
        decision: bytes::Bytes::new(),
    }
}

fn bytes_below(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(facts) if facts.is_dir() => bytes_below(&entry.path()),
        Ok(facts) => facts.len(),
        Err(_gone) => 0,
    };
    entries.map(size).sum()
}

//! What the writer says to those who wait when the store fails under it.

#![expect(clippy::unwrap_used, reason = "a test ends at the first failure")]

#[expect(dead_code, unreachable_pub, reason = "shared by several tests")]
#[path = "support/pair.rs"]
mod pair;

use std::sync::{Arc, mpsc::sync_channel};

use bytes::Bytes;
use replica::{Edit, Kind, RecordId, RecordKey, RegisterId, Set, Source, session::Role};
use store::{Command, Handle, HostError, Memory, StoreError, Writer, WriterConfig};

use pair::{DISTRICT, open};

fn edit(number: u8) -> Edit {
    Edit {
        key: RecordKey {
            kind: Kind(5),
            id: RecordId([number; 16]),
        },
        scope: DISTRICT,
        set: vec![Set {
            register: RegisterId(1),
            value: Bytes::from_static(b"value"),
            shown: Vec::new(),
        }],
        author: "clerk@district".to_owned(),
        reason: "census".to_owned(),
        source: Source::Form,
        decision: Bytes::new(),
    }
}

/// A writer whose disk runs full at the next commit.
fn full() -> (Writer, Handle) {
    let memory = Arc::new(Memory::new());
    let host = open(Role::Node, Arc::clone(&memory) as _, 1);
    let writer = Writer::start(host, WriterConfig::default()).unwrap();
    let handle = writer.handle();
    handle.edit(vec![edit(1)], Vec::new()).unwrap();
    memory.fill(0);
    (writer, handle)
}

fn is_full<T: std::fmt::Debug>(result: Result<T, HostError>) {
    assert!(
        matches!(result, Err(HostError::Store(StoreError::Full))),
        "{result:?}"
    );
}

/// What people saw was that the program had too much to do (`EDIT-005`), while its log said that the
/// disk was full.
#[test]
fn whoever_waits_when_the_disk_is_full_is_told_so() {
    let (writer, handle) = full();
    is_full(handle.edit(vec![edit(2)], Vec::new()));
    assert_eq!(handle.failure(), Some("STORE-003"));
    assert!(matches!(writer.stop(), Err(StoreError::Full)));
    // And whoever comes later.
    is_full(handle.edit(vec![edit(3)], Vec::new()));
    is_full(handle.status());
    is_full(handle.submit(Command::Close(1), drop));
}

#[test]
fn a_command_that_is_dropped_by_a_failure_finds_its_cause() {
    let (writer, handle) = full();
    let (answer, said) = sync_channel(1);
    let asking = handle.clone();
    let told = Told(Some(Box::new(move || {
        answer.send(asking.ended()).unwrap();
    })));
    let done = move |_reply| drop(told);
    let command = Command::Edit(vec![edit(2)], Vec::new());
    handle.submit(command, done).unwrap();
    is_full::<()>(Err(said.recv().unwrap()));
    writer.stop().unwrap_err();
}

#[test]
fn a_writer_that_was_stopped_has_not_failed() {
    let host = open(Role::Node, Arc::new(Memory::new()), 1);
    let writer = Writer::start(host, WriterConfig::default()).unwrap();
    let handle = writer.handle();
    writer.stop().unwrap();
    assert!(matches!(
        handle.edit(vec![edit(1)], Vec::new()),
        Err(HostError::Busy)
    ));
    assert_eq!(handle.failure(), None);
}

/// Asks when it is dropped, whether it was called or not.
struct Told(Option<Box<dyn FnOnce() + Send>>);

impl Drop for Told {
    fn drop(&mut self) {
        if let Some(ask) = self.0.take() {
            ask();
        }
    }
}

/// Own writes from the newest on, in steps of any size, over lives and commits.
#[test]
fn own_writes_are_read_from_the_end_page_by_page() {
    let memory = Arc::new(Memory::new());
    let mut expected = Vec::new();
    for life in 0..3_u8 {
        let host = open(Role::Node, Arc::clone(&memory) as _, 1 + u64::from(life));
        let writer = Writer::start(host, WriterConfig::default()).unwrap();
        for commit in 0..3_u8 {
            let edits = (0..=commit).map(|at| edit(1 + 10 * life + 3 * commit + at));
            let written = writer.handle().edit(edits.collect(), Vec::new()).unwrap();
            expected.extend(
                written
                    .into_iter()
                    .map(|written| (written.dot, written.key)),
            );
        }
        writer.stop().unwrap();
    }
    expected.reverse();
    let host = open(Role::Node, Arc::clone(&memory) as _, 9);
    for step in [1, 2, 5, 100] {
        let mut found: Vec<_> = Vec::new();
        loop {
            let before = found.last().map(|(dot, _)| *dot);
            let page = host.own_writes(before, step).unwrap();
            let is_end = page.len() < step;
            found.extend(page.into_iter().map(|(dot, entry)| (dot, entry.key)));
            if is_end {
                break;
            }
        }
        assert_eq!(found, expected, "{step} at a time");
    }
}

//! What a newer program has written, at programs that do not know it.
//!
//! The newer one is played by this test: it writes, through the same engine, a kind, a register and
//! a field of a known group that no catalogue of today has. The older ones are the real programs.

use bytes::Bytes;
use program::{App, dir::Dir};
use replica::{Edit, Kind, Record, RecordId, RecordKey, RegisterId, ScopeId, Set, Sibling, Source};
use tests::{programs::Program, sample};

use crate::city::{City, assert_equal, load_samples, organisation, put, sample, settle};

/// A kind that no catalogue of today has.
const LATER_KIND: Kind = Kind(9_000);
/// A register that it does not have either, of a kind that it has.
const LATER_REGISTER: RegisterId = RegisterId(4_000);
/// A field that it does not have, of a group that it has.
const LATER_FIELD: u32 = 4_001;

fn text(field: u32, text: &str) -> Bytes {
    let mut value = Vec::new();
    prost::encoding::string::encode(field, &text.to_owned(), &mut value);
    value.into()
}

/// The group of the numbers of an organisation.
fn group() -> RegisterId {
    let kind = domain::Catalogue::builtin()
        .kind(sample::ORGANISATION)
        .unwrap();
    kind.field("employees").unwrap().register
}

/// A stopped program's store, as a newer program has it open.
fn newer<T>(program: &Program, work: impl FnOnce(&App) -> T) -> T {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (app, writer) = App::open(&Dir::new(&program.data), runtime.handle().clone()).unwrap();
    let done = work(&app);
    drop(app);
    writer.stop().unwrap();
    done
}

fn key(kind: Kind, n: u64) -> RecordKey {
    let id = if kind == LATER_KIND {
        RecordId([u8::try_from(n).unwrap(); 16])
    } else {
        sample::id_of(domain::scope_id("410305"), n)
    };
    RecordKey { kind, id }
}

fn held(app: &App, key: RecordKey) -> Option<Record> {
    app.reader().get(key).unwrap().map(|stored| stored.record)
}

/// Writes registers that have seen what stands.
fn write(app: &App, key: RecordKey, scope: ScopeId, set: Vec<(RegisterId, Bytes)>) {
    let record = held(app, key);
    let shown = |register| {
        let standing = record.as_ref().map(|record| record.register(register));
        standing
            .unwrap_or_default()
            .iter()
            .map(Sibling::shown)
            .collect()
    };
    let set = set.into_iter().map(|(register, value)| {
        let shown = shown(register);
        Set {
            register,
            value,
            shown,
        }
    });
    let edit = Edit {
        key,
        scope,
        set: set.collect(),
        author: "clerk@later".to_owned(),
        reason: "later".to_owned(),
        source: Source::Form,
        decision: Bytes::new(),
    };
    app.writer.edit(vec![edit], Vec::new()).unwrap();
}

/// The candidates of a register of a record at a program, lowest dot first.
fn candidates(program: &Program, key: RecordKey, register: RegisterId) -> Vec<Bytes> {
    newer(program, |app| {
        let record = held(app, key).unwrap();
        record
            .register(register)
            .iter()
            .map(|s| s.value.clone())
            .collect()
    })
}

/// A district, joined, with five organisations that the city has too.
fn district() -> (City, Program) {
    let mut city = City::open();
    let node = city.jianxi().node;
    load_samples(&node, 1..=5);
    settle(&node);
    (city, node)
}

/// Writes of a newer program: a record of a later kind, a later register of organisation 1, and a
/// later field among the numbers of organisation 2.
fn write_later(app: &App, scope: ScopeId) {
    write(
        app,
        key(LATER_KIND, 1),
        scope,
        vec![(RegisterId(1), text(1, "later kind"))],
    );
    let organisation = key(sample::ORGANISATION, 1);
    write(
        app,
        organisation,
        scope,
        vec![(LATER_REGISTER, text(LATER_REGISTER.0, "later field"))],
    );
    let organisation = key(sample::ORGANISATION, 2);
    let numbers = held(app, organisation).unwrap().register(group())[0]
        .value
        .clone();
    let grown = [&numbers[..], &text(LATER_FIELD, "later number")].concat();
    write(app, organisation, scope, vec![(group(), grown.into())]);
}

fn holds_later_number(value: &Bytes) -> bool {
    let later = text(LATER_FIELD, "later number");
    value.windows(later.len()).any(|part| *part == later[..])
}

/// The older program shows it raw, and its own edits beside it leave it as it was.
fn work_beside(older: &Program) {
    let later = key(LATER_KIND, 1).id.to_string();
    let list = older.json(["record", "list", "9000"]);
    let shown = &list["records"][0];
    assert_eq!(shown["id"], later, "{list}");
    assert_eq!(shown["values"]["1"], hex(&text(1, "later kind")), "{list}");
    let shown = organisation(older, &sample(1).0);
    let raw = hex(&text(LATER_REGISTER.0, "later field"));
    assert_eq!(
        shown["values"][LATER_REGISTER.0.to_string()],
        raw,
        "{shown}"
    );
    put(older, &sample(1).0, "remark=旧版改写").ok();
}

/// An older node writes a number of the group that a later field stands in.
fn count_beside(older: &Program) {
    put(older, &sample(2).0, "employees=77").ok();
    assert_eq!(organisation(older, &sample(2).0)["values"]["employees"], 77);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Everything that the newer program wrote is as it was, whole, at a program.
fn assert_kept(program: &Program) {
    let of = |key, register| candidates(program, key, register);
    assert_eq!(
        of(key(LATER_KIND, 1), RegisterId(1)),
        [text(1, "later kind")]
    );
    let organisation = key(sample::ORGANISATION, 1);
    assert_eq!(
        of(organisation, LATER_REGISTER),
        [text(LATER_REGISTER.0, "later field")]
    );
    let numbers = of(key(sample::ORGANISATION, 2), group());
    assert!(
        numbers.len() == 1 && holds_later_number(&numbers[0]),
        "{numbers:?}"
    );
}

#[test]
fn a_newer_node_is_kept_merged_and_shown_raw_by_an_older_hub_and_forwarded_whole() {
    let (mut city, node) = district();
    let scope = domain::scope_id("410305");
    newer(&node, |app| write_later(app, scope));
    settle(&node);
    work_beside(&city.hub);
    settle(&node);
    assert_equal(&node, &city.hub);
    assert_kept(&node);
    // A third one, that has it from the older hub only.
    let second = city.district("410305", "涧西区", "second").node;
    settle(&second);
    count_beside(&second);
    settle(&second);
    settle(&node);
    assert_equal(&node, &second);
    assert_kept(&second);
    city.down();
    assert_kept(&city.hub);
}

#[test]
fn a_newer_hub_is_kept_merged_and_shown_raw_by_an_older_node() {
    let (mut city, node) = district();
    city.down();
    let published = domain::scope_id("410300");
    newer(&city.hub, |app| {
        write_later(app, domain::scope_id("410305"));
        write(
            app,
            key(LATER_KIND, 2),
            published,
            vec![(RegisterId(1), text(1, "published"))],
        );
    });
    city.up();
    settle(&node);
    work_beside(&node);
    count_beside(&node);
    settle(&node);
    assert_equal(&node, &city.hub);
    assert_kept(&node);
    assert_eq!(
        candidates(&node, key(LATER_KIND, 2), RegisterId(1)),
        [text(1, "published")]
    );
    city.down();
    assert_kept(&city.hub);
}

#[test]
fn two_newer_writes_of_an_unknown_field_both_stay_until_somebody_decides() {
    let (mut city, node) = district();
    let scope = domain::scope_id("410305");
    let organisation = key(sample::ORGANISATION, 3);
    let says = |what| vec![(LATER_REGISTER, text(LATER_REGISTER.0, what))];
    newer(&node, |app| {
        write(app, organisation, scope, says("district"));
    });
    city.down();
    newer(&city.hub, |app| {
        write(app, organisation, scope, says("city"));
    });
    city.up();
    settle(&node);
    assert_equal(&node, &city.hub);
    let open = node.json(["conflict", "list"]);
    assert_eq!(open.as_array().unwrap().len(), 1, "{open}");
    let mut both = candidates(&node, organisation, LATER_REGISTER);
    both.sort();
    assert_eq!(
        both,
        [
            text(LATER_REGISTER.0, "city"),
            text(LATER_REGISTER.0, "district")
        ]
    );
    // An older program can decide it too: a candidate is taken as bytes.
    let conflict = open[0]["id"].as_str().unwrap().to_owned();
    city.hub
        .by("裁决员")
        .run(["conflict", "take", &conflict, "2", "--reason", "核实"])
        .ok();
    settle(&node);
    let taken = candidates(&node, organisation, LATER_REGISTER);
    assert!(taken.len() == 1 && both.contains(&taken[0]), "{taken:?}");
    assert_equal(&node, &city.hub);
}

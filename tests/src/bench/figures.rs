//! The figures of the large demo: counted from nothing, after one change, as they stand; and the
//! eleven reports, as the first question of a program and as a later one.

use std::{path::Path, sync::Arc, time::Instant};

use domain::{Catalogue, NoResolve, value};
use hub::Hub;
use program::{
    App, Side as _,
    dir::Role,
    report::{self, Request},
    tables::{self, Name, REPORTS},
};
use replica::{Edit, Record, ReplicaId, Set, Sibling, Source};
use serde_json::json;
use store::Writer;

use super::{Report, memory};
use crate::rig::app;

/// Changes that are followed one by one.
const CHANGES: usize = 50;

/// Measures on a hub's store that holds the demo.
pub(crate) fn measure(replica: ReplicaId, store: (&Writer, &Path), report: &mut Report) {
    let app = app(Role::Hub, replica, domain::demo::CITY_DIRECT, store);
    let ask = || report::indicators(&app, &Request::default()).expect("the figures are counted");
    let timed = |name: &str, report: &mut Report, unit: &'static str, of: &mut dyn FnMut()| {
        let start = Instant::now();
        of();
        let seconds = start.elapsed().as_secs_f64();
        let value = if unit == "s" {
            seconds
        } else {
            seconds * 1_000.0
        };
        report.add(name, value, unit);
    };
    timed("figures, counted from nothing", report, "s", &mut || {
        assert_eq!(ask().scopes.len(), 19, "all scopes of the demo");
    });
    for id in organisations(&app) {
        change(&app, &id);
        timed("figures, all after one change", report, "ms", &mut || {
            ask();
        });
    }
    for _ in 0..CHANGES {
        timed("figures, the city's board", report, "ms", &mut || {
            ask();
        });
    }
    // What a program knows that has just begun.
    let fresh = || App {
        board: Arc::default(),
        cache: Arc::default(),
        ..app.clone()
    };
    let anew = report::indicators(&fresh(), &Request::default()).expect("the figures are counted");
    assert_eq!(ask().json(), anew.json(), "by differences and anew");
    let hub = Hub::open(&app).expect("the hub opens");
    let make = |app: &App, name: Name| {
        let made = tables::report(app, &*hub, name, &tables::Request::default());
        made.expect("the report is made").tables
    };
    let mut later = Vec::new();
    for (name, id, _, _) in REPORTS {
        timed(&format!("report {id}"), report, "s", &mut || {
            later.push(make(&app, *name));
        });
    }
    let in_use = memory::resident_kib();
    report.add(
        "demo, memory after all reports",
        in_use as f64 / 1_024.0,
        "MiB",
    );
    for ((name, id, _, _), later) in REPORTS.iter().zip(later) {
        assert!(!later.is_empty(), "{id} has tables");
        let fresh = fresh();
        timed(&format!("report {id}, first"), report, "s", &mut || {
            assert_eq!(make(&fresh, *name), later, "{id}: first and later");
        });
    }
}

/// Some organisations, as they are.
fn organisations(app: &App) -> Vec<Record> {
    let kind = Catalogue::builtin()
        .kind_by_id("organisation")
        .expect("a kind of the schema");
    let keys = app.reader().keys(kind.kind, None, None, usize::MAX);
    let some = keys.iter().step_by((keys.len() / CHANGES).max(1));
    let read = some.filter_map(|key| app.reader().get(*key).expect("the store reads"));
    read.map(|stored| stored.record).collect()
}

/// Gives an organisation three members more, as its district would.
fn change(app: &App, record: &Record) {
    let catalogue = Catalogue::builtin();
    let kind = catalogue
        .kind(record.key.kind)
        .expect("a kind of the schema");
    let figures =
        json!({ "employees": 90, "members": 9, "full_members": 9, "as_of": "2020-10-14" });
    let base = value::base_of(catalogue, Some(record));
    let figures = figures.as_object().expect("an object");
    let edits = value::edits_from_json(catalogue, kind, &base, figures, &NoResolve);
    let set = edits.expect("figures fit the schema").into_iter();
    let set = set.map(|edit| Set {
        register: edit.register,
        value: edit.value,
        shown: record
            .register(edit.register)
            .iter()
            .map(Sibling::shown)
            .collect(),
    });
    let edit = Edit {
        key: record.key,
        scope: record.scope,
        set: set.collect(),
        author: "clerk@bench".to_owned(),
        reason: "figures of October".to_owned(),
        source: Source::Command,
        decision: bytes::Bytes::new(),
    };
    app.writer
        .edit(vec![edit], Vec::new())
        .expect("the writer writes");
}

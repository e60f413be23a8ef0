//! Each report over a small city whose numbers were counted by hand, in every form.

mod compare;
mod data;
mod forms;
mod numbers;
mod rosters;
mod scorecard;
mod splits;

use serde_json::{Value, json};

use super::{Balance, Name, REPORTS, Report, Request, Word, report, statistics::Tally};
use crate::{
    app::App,
    failure::Failure,
    records::testing::{Alone, hub, node},
};

pub(super) fn made(app: &App, name: Name, request: &Request) -> Result<Report, Failure> {
    report(app, &Alone, name, request)
}

/// A report as scripts get it, of the day of the tests.
#[track_caller]
pub(super) fn document(app: &App, name: Name) -> Value {
    let report = made(app, name, &Request::default()).unwrap();
    let broken: Vec<String> = report
        .broken()
        .map(|(_, balance)| balance.sentence(domain::label::Language::En))
        .collect();
    assert!(broken.is_empty(), "{broken:?}");
    report.json(domain::label::Language::En)
}

/// A table of a report.
#[track_caller]
pub(super) fn table<'v>(document: &'v Value, id: &str) -> &'v Value {
    let mut tables = document["tables"].as_array().unwrap().iter();
    tables.find(|table| table["id"] == id).unwrap()
}

/// The rows of a table in which a column says this.
#[track_caller]
pub(super) fn rows<'v>(table: &'v Value, column: &str, says: &str) -> Vec<&'v Value> {
    let rows = table["rows"].as_array().unwrap().iter();
    rows.filter(|row| row[column] == says).collect()
}

/// The only such row.
#[track_caller]
pub(super) fn row<'v>(table: &'v Value, column: &str, says: &str) -> &'v Value {
    let found = rows(table, column, says);
    assert_eq!(found.len(), 1, "{column} {says}: {table:#}");
    found[0]
}

#[test]
fn a_city_without_records_has_twelve_empty_reports() {
    for world in [hub(), node()] {
        for (name, id, ..) in REPORTS {
            let document = document(&world.app, *name);
            assert_eq!(document["report"], *id);
            assert!(!document["tables"].as_array().unwrap().is_empty());
        }
    }
    assert_eq!(REPORTS.len(), 12);
}

#[test]
fn a_count_that_is_out_of_balance_is_named() {
    let mut tally = Tally {
        units: 6,
        standalone: 1,
        otherwise: 2,
        unbuilt: 3,
        should: 1,
        few: 1,
        none: 1,
        by_type: [(1, 1)].into(),
        by_form: [(2, 2)].into(),
        ..Tally::default()
    };
    let place = Word::of("合计", "total");
    let broken = |tally: &Tally| {
        let balances = super::statistics::balances(tally, &place);
        let broken = balances.into_iter().filter(|balance| !balance.holds());
        broken
            .map(|balance| balance.sentence(domain::label::Language::Zh))
            .collect::<Vec<_>>()
    };
    assert_eq!(broken(&tally), Vec::<String>::new());
    tally.none = 0;
    assert_eq!(
        broken(&tally),
        ["平衡关系不成立（合计）：未建 = 应建未建 + 仅有个别党员 + 没有党员，左边 3，右边 2"]
    );
    tally.units = 7;
    tally.by_type.clear();
    assert_eq!(broken(&tally).len(), 3);
}

#[test]
fn a_report_that_does_not_balance_says_so_in_every_form() {
    let world = hub();
    let mut report = made(&world.app, Name::Enterprises, &Request::default()).unwrap();
    let name = Word::of("收入 = 来源之和", "income = sources");
    report.tables[0]
        .balances
        .push(Balance::new(&name, &name, 3_u64, [1_u64, 1]));
    assert_eq!(
        report.json(domain::label::Language::En)["balanced"],
        json!(false)
    );
    for text in forms::texts(&report) {
        assert!(text.contains("!! "), "{text}");
        assert!(text.contains("income = sources; left 3, right 2"), "{text}");
    }
}

#[test]
fn a_request_that_cannot_be_answered_is_refused() {
    let world = node();
    let refused = |request: Request| made(&world.app, Name::Changes, &request).unwrap_err().code;
    let of = |scope: &str| Request {
        scope: Some(scope.to_owned()),
        ..Request::default()
    };
    assert_eq!(refused(of("410300")), "TABLE-001");
    let from = |from: &str| Request {
        from: Some(from.to_owned()),
        ..Request::default()
    };
    assert_eq!(refused(from("2020-12-01")), "TABLE-004");
    assert_eq!(refused(from("soon")), "REPORT-001");
    assert!(made(&world.app, Name::Changes, &of("410305")).is_ok());
}

//! The second table of report 3: what the carriers and seminars of each scope are about. Both may say
//! several things, and count in each of them once.

use std::collections::{BTreeMap, BTreeSet};

use domain::EnumSpec;
use proto::ledger::{Carrier, CarrierStatus, Seminar};
use replica::ScopeId;

use super::{
    frame::{Frame, Row},
    progress::Figures,
    table::{Balance, Cell, Column, Content, Table, Word},
};
use crate::failure::Failure;

/// Columns of the values of a set: kind and field, what their names begin with, their heading.
struct Set {
    of: (&'static str, &'static str),
    id: &'static str,
    group: (&'static str, &'static str),
}

const THEMES: Set = Set {
    of: ("carrier", "themes"),
    id: "theme",
    group: ("运行中的载体（按主题）", "Running carriers by theme"),
};
const TRAITS: Set = Set {
    of: ("carrier", "traits"),
    id: "trait",
    group: ("运行中的载体（按特色）", "Running carriers by trait"),
};
const PATHWAYS: Set = Set {
    of: ("seminar", "pathways"),
    id: "pathway",
    group: ("已举办的研讨（按途径）", "Seminars held by pathway"),
};
const FORMS: Set = Set {
    of: ("seminar", "forms"),
    id: "form",
    group: ("已举办的研讨（按方式）", "Seminars held by form"),
};

impl Set {
    fn spec(&self, frame: &Frame<'_>) -> Option<&'static EnumSpec> {
        frame.words(self.of.0, self.of.1)
    }

    fn columns(&self, frame: &Frame<'_>) -> Vec<Column> {
        let values = self.spec(frame).map(|spec| spec.values.as_slice());
        let column = |value: &domain::catalogue::ValueSpec| {
            let id = format!("{}_{}", self.id, value.id);
            let column = Column::new(Content::Count, id, ("", ""));
            let mut column = column.under(self.group.0, self.group.1);
            column.label = Word::new(value.zh.clone(), value.en.clone());
            column
        };
        values.unwrap_or_default().iter().map(column).collect()
    }

    fn cells(&self, frame: &Frame<'_>, counts: &Counts) -> Vec<Cell> {
        let values = self.spec(frame).map(|spec| spec.values.as_slice());
        let of = |number| counts.get(&number).copied().unwrap_or_default();
        let values = values.unwrap_or_default().iter();
        values.map(|value| Cell::Count(of(value.number))).collect()
    }
}

/// How many say each value of a set.
type Counts = BTreeMap<i32, u64>;

fn count(counts: &mut Counts, said: &[i32]) {
    for value in said.iter().collect::<BTreeSet<_>>() {
        *counts.entry(*value).or_default() += 1;
    }
}

/// What one scope has.
#[derive(Debug, Default)]
struct Held {
    carriers: u64,
    themes: Counts,
    traits: Counts,
    internet_plus: u64,
    seminars: u64,
    pathways: Counts,
    forms: Counts,
}

fn held(frame: &Frame<'_>) -> Result<BTreeMap<ScopeId, Held>, Failure> {
    let mut scopes: BTreeMap<ScopeId, Held> = BTreeMap::new();
    frame.each("carrier", &mut |row: Row<Carrier>| {
        let values = &row.values;
        let began = Frame::day(values.started_on.as_ref());
        let has_begun = began.is_none_or(|on| on <= frame.as_of);
        if values.status() != CarrierStatus::Running || !has_begun {
            return;
        }
        let held = scopes.entry(row.scope).or_default();
        held.carriers += 1;
        held.internet_plus += u64::from(values.internet_plus());
        count(&mut held.themes, &values.themes);
        count(&mut held.traits, &values.traits);
    })?;
    frame.each("seminar", &mut |row: Row<Seminar>| {
        let values = &row.values;
        let on = Frame::day(values.on.as_ref());
        if !frame.was_held(values.status(), values.year.as_ref(), on) {
            return;
        }
        let held = scopes.entry(row.scope).or_default();
        held.seminars += 1;
        count(&mut held.pathways, &values.pathways);
        count(&mut held.forms, &values.forms);
    })?;
    Ok(scopes)
}

/// Carriers and seminars by what they are about.
pub(super) fn contents(frame: &Frame<'_>, figures: &Figures) -> Result<Table, Failure> {
    let scopes = held(frame)?;
    let mut columns = vec![
        Column::new(Content::Text, "scope", ("辖区", "Scope")),
        Column::new(
            Content::Count,
            "carriers",
            ("运行中的载体", "Running carriers"),
        ),
    ];
    columns.extend(THEMES.columns(frame));
    columns.extend(TRAITS.columns(frame));
    columns.push(Column::new(
        Content::Count,
        "internet_plus",
        ("互联网+", "Internet-plus"),
    ));
    columns.push(Column::new(
        Content::Count,
        "seminars",
        ("已举办的研讨", "Seminars held"),
    ));
    columns.extend(PATHWAYS.columns(frame));
    columns.extend(FORMS.columns(frame));
    let mut table = Table::new(
        "contents",
        Word::of("载体和研讨的内容", "What carriers and seminars are about"),
        columns,
    );
    let name = Word::of("研讨 = 主题研讨次数", "seminars = the indicator");
    let none = Held::default();
    for scope in frame.shown(scopes.keys().copied().chain(figures.scopes())) {
        let held = scopes.get(&scope).unwrap_or(&none);
        let mut row = vec![frame.scope(scope), Cell::Count(held.carriers)];
        row.extend(THEMES.cells(frame, &held.themes));
        row.extend(TRAITS.cells(frame, &held.traits));
        row.extend([Cell::Count(held.internet_plus), Cell::Count(held.seminars)]);
        row.extend(PATHWAYS.cells(frame, &held.pathways));
        row.extend(FORMS.cells(frame, &held.forms));
        table.rows.push(row);
        if let Some(counted) = figures.number(scope, "seminars_held") {
            let place = Word::same(&frame.code(scope));
            let balance = Balance::new(&name, &place, counted, [held.seminars]);
            table.balances.push(balance);
        }
    }
    table.add_up();
    table.note(
        "一个载体或一次研讨可有几个主题、特色、途径或方式，各计一次，各栏之和可大于总数；没有填写的只计入总数。研讨只计本年度截至当日已举办的。",
        "A carrier or seminar may say several of each and counts in each once, so that the columns may add up to more; one that says none is in the total alone. Seminars are those held in the year up to the day.",
    );
    Ok(table)
}

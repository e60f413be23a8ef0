//! Two years side by side (B1): the nine criteria by the checks and by the points of the nominated, and
//! the headline figures at the end of each, with what has moved in between.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    Date, Parameters,
    indicator::{Definition, Figure, Unit, tenths},
};
use proto::ledger::{Agency, CheckResult, CriterionScore, Nomination, StandardCheck, StandardItem};
use replica::{RecordId, ScopeId};

use super::{
    Report, Request,
    frame::{Frame, Row, id},
    nominations::CRITERIA,
    progress::Figures,
    table::{Cell, Column, Content, Table, Word},
};
use crate::{app::App, failure::Failure};

/// How many of how many; nothing of nothing.
type Share = (u64, u64);

/// Which of two checks stands: the city's, the later one.
type Rank = (bool, Date, RecordId);

/// The checks and the points of a year, each by criterion; 0 is an item of none.
#[derive(Default)]
struct Year {
    checks: BTreeMap<i32, Share>,
    points: BTreeMap<i32, Share>,
}

/// Compares a year with another before it, each at its end, or today where it has not ended.
///
/// # Errors
/// A year or the scope cannot be read, the scope is not this node's, or the store cannot be read.
pub fn compare(
    app: &App,
    (before, after): (u32, u32),
    scope: Option<&str>,
) -> Result<Report, Failure> {
    let frame = |year| {
        let request = Request {
            scope: scope.map(str::to_owned),
            year: Some(year),
            ..Request::default()
        };
        Frame::new(app, &request)
    };
    let (before, after) = (frame(before)?, frame(after)?);
    Ok(Report {
        name: "year-compare",
        title: Word::new(
            format!("{}年与{}年对比", before.year, after.year),
            format!("{} beside {}", before.year, after.year),
        ),
        unit: after.unit(),
        from: Some(before.as_of),
        as_of: after.as_of,
        year: after.year,
        demo: app.identity.demo,
        tables: vec![criteria(&before, &after)?, figures(&before, &after)?],
    })
}

/// What of a year, what of the other, and the tenths of a point between them.
fn pair((before, after): (Option<Share>, Option<Share>)) -> [Cell; 3] {
    let cell =
        |share: Option<Share>| share.map_or(Cell::Empty, |(num, den)| Cell::Rate { num, den });
    let shown = |share: Option<Share>| {
        let (num, den) = share?;
        i64::try_from(tenths(num, den)?).ok()
    };
    // What is subtracted is what is shown.
    let moved = shown(after)
        .zip(shown(before))
        .map(|(after, before)| after - before);
    [
        cell(before),
        cell(after),
        moved.map_or(Cell::Empty, Cell::Moved),
    ]
}

fn columns(
    ids: [&'static str; 3],
    years: (u32, u32),
    group: (&'static str, &'static str),
) -> [Column; 3] {
    let [before, after, moved] = ids;
    let year = |id: &'static str, year: u32| {
        let mut column = Column::new(Content::Rate, id, ("", ""));
        column.label = Word::same(&year.to_string());
        column
    };
    let moved = Column::new(Content::Moved, moved, ("升降(百分点)", "Moved (points)"));
    [year(before, years.0), year(after, years.1), moved]
        .map(|column| column.under(group.0, group.1))
}

fn criteria(before: &Frame<'_>, after: &Frame<'_>) -> Result<Table, Failure> {
    let years = (before.year, after.year);
    let mut all = vec![Column::new(
        Content::Text,
        "criterion",
        ("标准", "Criterion"),
    )];
    let ids = ["checks_before", "checks_after", "checks_moved"];
    all.extend(columns(ids, years, ("规范检查合格率", "Checks passed")));
    let ids = ["points_before", "points_after", "points_moved"];
    all.extend(columns(
        ids,
        years,
        ("申报得分率", "Points of the nominated"),
    ));
    let title = Word::of("九项标准", "The nine criteria");
    let mut table = Table::new("criteria", title, all);
    let spec = after.words("standard_item", "criterion");
    let (before, after) = (Year::of(before)?, Year::of(after)?);
    let of = |year: &BTreeMap<i32, Share>, criterion: i32| year.get(&criterion).copied();
    let both = |criterion: i32| {
        let checks = (of(&before.checks, criterion), of(&after.checks, criterion));
        let points = (of(&before.points, criterion), of(&after.points, criterion));
        pair(checks).into_iter().chain(pair(points))
    };
    for criterion in CRITERIA.map(i32::from) {
        let row = std::iter::once(Cell::term(spec, criterion)).chain(both(criterion));
        table.rows.push(row.collect());
    }
    let has_other = [&before, &after]
        .iter()
        .any(|year| year.checks.contains_key(&0) || year.points.contains_key(&0));
    if has_other {
        let other = Cell::word("other", "其他条目", "Other items");
        table
            .rows
            .push(std::iter::once(other).chain(both(0)).collect());
    }
    table.note(
        "合格率：年度内每个对象每项的最近一次检查，市级检查优先，合格数/合格与不合格数。得分率：各条目取市级评分，没有的取县区、自评，除以满分。",
        "Checks: the latest of the year of each item and subject, the city's first, passed of passed and failed. Points: of each item the city's, else the district's, else their own, of its maximum.",
    );
    Ok(table)
}

impl Year {
    fn of(frame: &Frame<'_>) -> Result<Self, Failure> {
        let mut items: BTreeMap<RecordId, StandardItem> = BTreeMap::new();
        frame.each_known("standard_item", &mut |row: Row<StandardItem>| {
            items.insert(row.id, row.values);
        })?;
        Ok(Self {
            checks: checks(frame, &items)?,
            points: points(frame, &items)?,
        })
    }
}

/// As the pass rate counts them, by criterion.
fn checks(
    frame: &Frame<'_>,
    items: &BTreeMap<RecordId, StandardItem>,
) -> Result<BTreeMap<i32, Share>, Failure> {
    let mut homes: BTreeMap<RecordId, ScopeId> = BTreeMap::new();
    frame.each_known("agency", &mut |row: Row<Agency>| {
        homes.insert(row.id, row.scope);
    })?;
    let mut latest: BTreeMap<(RecordId, String), (Rank, CheckResult)> = BTreeMap::new();
    frame.each("standard_check", &mut |row: Row<StandardCheck>| {
        let on = Frame::day(row.values.on.as_ref()).filter(|on| frame.in_year(Some(*on)));
        let Some((on, item)) = on.zip(id(row.values.item.as_ref())) else {
            return;
        };
        // The city's departments are not known to a district.
        let checker = id(row.values.checker.as_ref());
        let is_citys = checker.is_some_and(|checker| homes.get(&checker) != Some(&row.scope));
        let new = ((is_citys, on, row.id), row.values.result());
        let of = (item, row.values.subject().to_owned());
        let known = latest.entry(of).or_insert(new);
        if known.0 < new.0 {
            *known = new;
        }
    })?;
    let mut shares: BTreeMap<i32, Share> = BTreeMap::new();
    for ((item, _), (_, result)) in latest {
        let passed = match result {
            CheckResult::Pass => 1,
            CheckResult::Fail => 0,
            _ => continue,
        };
        let criterion = items.get(&item).map_or(0, |item| item.criterion().into());
        let share = shares.entry(criterion).or_default();
        *share = (share.0 + passed, share.1 + 1);
    }
    Ok(shares)
}

/// The points that stand of the maximum, by criterion, over the nominations of the year.
fn points(
    frame: &Frame<'_>,
    items: &BTreeMap<RecordId, StandardItem>,
) -> Result<BTreeMap<i32, Share>, Failure> {
    let mut nominated = BTreeSet::new();
    frame.each("nomination", &mut |row: Row<Nomination>| {
        if frame.of_year(row.values.year.as_ref()) {
            nominated.insert(row.id);
        }
    })?;
    let mut shares: BTreeMap<i32, Share> = BTreeMap::new();
    frame.each_known("criterion_score", &mut |row: Row<CriterionScore>| {
        let is_asked = id(row.values.nomination.as_ref()).is_some_and(|of| nominated.contains(&of));
        let item = id(row.values.item.as_ref()).and_then(|item| items.get(&item));
        let score = &row.values;
        let standing = score
            .city_score
            .or(score.district_score)
            .or(score.self_score);
        let most = item.and_then(|item| item.max_score);
        if let (true, Some(item), Some((points, most))) = (is_asked, item, standing.zip(most)) {
            let share = shares.entry(item.criterion().into()).or_default();
            *share = (share.0 + u64::from(points), share.1 + u64::from(most));
        }
    })?;
    Ok(shares)
}

fn figures(before: &Frame<'_>, after: &Frame<'_>) -> Result<Table, Failure> {
    let mut all = vec![Column::new(
        Content::Text,
        "indicator",
        ("指标", "Indicator"),
    )];
    let ids = ["before", "after", "moved"];
    all.extend(columns(
        ids,
        (before.year, after.year),
        ("年末", "At the end of"),
    ));
    let mut table = Table::new("figures", Word::of("主要指标", "Headline figures"), all);
    let parameters = Parameters::of(&after.parameters, after.year, after.as_of);
    let (was, is) = (Figures::of(before)?, Figures::of(after)?);
    let of = |frame: &Frame<'_>, figures: &Figures, name: &str| {
        let figure = match frame.only {
            Some(scope) => figures.get(scope, name),
            None => figures.figure_of_city(name),
        };
        match figure? {
            Figure::Rate { num, den } => Some((num, den)),
            _ => None,
        }
    };
    for one in Definition::headlines(&parameters).filter(|one| one.unit == Unit::Percent) {
        let label = Cell::word(one.name, one.zh, one.en);
        let shares = (of(before, &was, one.name), of(after, &is, one.name));
        table
            .rows
            .push(std::iter::once(label).chain(pair(shares)).collect());
    }
    Ok(table)
}

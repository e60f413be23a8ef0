//! Reports 3 and 4: how far each scope has come with the five ones and the one platform. What an
//! indicator counts is taken from the indicators, so that both always say the same.

use std::collections::{BTreeMap, BTreeSet};

use domain::indicator::{Figure, Indicators};
use proto::ledger::{
    Cluster, ClusterKind, Platform, PlatformMeeting, PlatformStatus, ServiceCentre, ServiceClaim,
    ServiceStatus,
};
use replica::ScopeId;

use super::{
    contents::contents,
    frame::{Frame, Row},
    platforms::list,
    table::{Balance, Cell, Column, Content, Table, Word},
};
use crate::{failure::Failure, report};

/// The indicators of the scopes and of the city.
pub(super) struct Figures {
    scopes: BTreeMap<ScopeId, Indicators>,
    expected: BTreeSet<ScopeId>,
    city: Option<Indicators>,
    open_conflicts: usize,
}

impl Figures {
    /// Counts them as `report indicators` does.
    pub(super) fn of(frame: &Frame<'_>) -> Result<Self, Failure> {
        let request = report::Request {
            scope: frame.only.map(|only| frame.code(only)),
            as_of: Some(domain::date::text(frame.as_of)),
            year: Some(frame.year),
            by: None,
        };
        let report = report::indicators(frame.app, &request)?;
        let open = report.scopes.iter().map(|column| column.open_conflicts);
        let mut figures = Self {
            open_conflicts: open.sum(),
            scopes: BTreeMap::new(),
            expected: BTreeSet::new(),
            city: None,
        };
        if let Some(city) = report.city {
            figures.open_conflicts = city.open_conflicts;
            figures.city = Some(city.indicators);
        }
        for column in report.scopes {
            let Some(scope) = frame.coded(&column.code) else {
                continue;
            };
            if column.is_expected {
                figures.expected.insert(scope);
            }
            figures.scopes.insert(scope, column.indicators);
        }
        Ok(figures)
    }

    /// The scopes that have figures.
    pub(super) fn scopes(&self) -> impl Iterator<Item = ScopeId> {
        self.scopes.keys().copied()
    }

    /// Whether a scope must reach the quotas.
    pub(super) fn is_expected(&self, scope: ScopeId) -> bool {
        self.expected.contains(&scope)
    }

    /// Conflicts that could still move the figures.
    pub(super) fn open_conflicts(&self) -> usize {
        self.open_conflicts
    }

    /// Whether the city's figures are among them.
    pub(super) fn has_city(&self) -> bool {
        self.city.is_some()
    }

    /// A figure of the city.
    pub(super) fn figure_of_city(&self, name: &str) -> Option<Figure> {
        self.city.as_ref()?.get(name)
    }

    /// A figure of a scope.
    pub(super) fn get(&self, scope: ScopeId, name: &str) -> Option<Figure> {
        self.scopes.get(&scope)?.get(name)
    }

    /// A number of a scope; nothing where the indicator is not counted.
    pub(super) fn number(&self, scope: ScopeId, name: &str) -> Option<u64> {
        self.get(scope, name)
            .and_then(|figure| u64::try_from(figure.num()).ok())
    }

    /// An amount of a scope in fen; nothing where the indicator is not counted.
    pub(super) fn fen(&self, scope: ScopeId, name: &str) -> Option<i64> {
        self.get(scope, name).map(Figure::num)
    }

    /// A figure of a scope as a cell.
    pub(super) fn cell(&self, scope: ScopeId, name: &str) -> Cell {
        cell(self.get(scope, name))
    }

    /// A figure for the row below all scopes: that of the city, or of the only scope.
    fn of_all(&self, frame: &Frame<'_>, name: &str) -> Cell {
        let only = || frame.only.map(|only| self.cell(only, name));
        self.of_city(name).or_else(only).unwrap_or_default()
    }

    /// Fills the rates of the row below all scopes, of which no sum says anything.
    pub(super) fn fill_rates(&self, frame: &Frame<'_>, table: &mut Table) {
        let Some(total) = table.total.as_mut() else {
            return;
        };
        for (column, cell) in table.columns.iter().zip(total) {
            if column.content == Content::Rate && !column.is_summed {
                *cell = self.of_all(frame, &column.id);
            }
        }
    }

    /// A figure of the city as a cell.
    pub(super) fn of_city(&self, name: &str) -> Option<Cell> {
        self.city.as_ref().map(|city| cell(city.get(name)))
    }
}

fn cell(figure: Option<Figure>) -> Cell {
    match figure {
        Some(Figure::Rate { num, den }) => Cell::Rate { num, den },
        Some(Figure::Count(number)) => Cell::Count(number),
        Some(Figure::Money(fen)) => Cell::Money(fen),
        Some(Figure::Met { num, den }) => Cell::Quota {
            held: num,
            quota: den,
        },
        None => Cell::Empty,
    }
}

/// A column of an indicator: what it is in a scope, and by which name the city says it.
struct Measure {
    id: &'static str,
    content: Content,
    label: (&'static str, &'static str),
    group: (&'static str, &'static str),
    quota: Option<u32>,
    city: &'static str,
}

fn measure(
    id: &'static str,
    content: Content,
    label: (&'static str, &'static str),
    group: (&'static str, &'static str),
) -> Measure {
    Measure {
        id,
        content,
        label,
        group,
        quota: None,
        city: id,
    }
}

/// The same beside a quota, of which the city says how many scopes reached it.
fn quota(
    (id, city): (&'static str, &'static str),
    label: (&'static str, &'static str),
    group: (&'static str, &'static str),
    quota: Option<u32>,
) -> Measure {
    Measure {
        quota: Some(quota.unwrap_or_default()),
        city,
        ..measure(id, Content::Quota, label, group)
    }
}

const DRIVE: (&str, &str) = ("集中组建", "Drive");
const TRAINING: (&str, &str) = ("骨干培训", "Training");
const CARRIER: (&str, &str) = ("党建载体", "Carriers");
const SEMINAR: (&str, &str) = ("主题研讨", "Seminars");
const STANDARD: (&str, &str) = ("规范提升", "Standards");

/// The columns of report 3 in the order of the plan.
#[rustfmt::skip]
fn measures(frame: &Frame<'_>) -> Vec<Measure> {
    let year = &frame.parameters;
    vec![
        quota(("drives_held", "drives_held_met"), ("集中组建次数", "Drives held"), DRIVE, year.quota_drive),
        measure("new_party_orgs", Content::Count, ("新建党组织数", "New Party organisations"), DRIVE),
        measure("newly_covered", Content::Count, ("新覆盖单位数", "Newly covered"), DRIVE),
        quota(("trainings_held", "trainings_held_met"), ("集中培训次数", "Trainings held"), TRAINING, year.quota_training),
        measure("training_secretary", Content::Rate, ("书记参训率", "Secretaries"), TRAINING),
        measure("training_head", Content::Rate, ("负责人参训率", "Heads"), TRAINING),
        measure("training_instructor", Content::Rate, ("指导员参训率", "Instructors"), TRAINING),
        measure("carrier_coverage_rate", Content::Rate, ("载体覆盖率", "Coverage"), CARRIER),
        measure("carrier_regular_rate", Content::Rate, ("载体常态化率", "Regular"), CARRIER),
        quota(("seminars_held", "seminars_held_met"), ("主题研讨次数", "Seminars held"), SEMINAR, year.quota_seminar),
        measure("standard_pass_rate", Content::Rate, ("规范达标率", "Pass rate"), STANDARD),
        measure("committee_ready", Content::Flag, ("党工委已成立", "Committee in place"), STANDARD),
        measure("funding_assured_rate", Content::Rate, ("经费保障率", "Funding assured"), STANDARD),
    ]
}

/// Report 3.
pub(super) fn five_ones(frame: &Frame<'_>) -> Result<Vec<Table>, Failure> {
    let figures = Figures::of(frame)?;
    let measures = measures(frame);
    let mut columns = vec![Column::new(Content::Text, "scope", ("辖区", "Scope"))];
    columns.extend(measures.iter().map(|measure| {
        let (zh, en) = measure.group;
        Column::new(measure.content, measure.id, measure.label).under(zh, en)
    }));
    let mut table = Table::new(
        "five_ones",
        Word::of("“五个一”进度表", "Progress of the five ones"),
        columns,
    );
    for scope in frame.shown(figures.scopes()) {
        let mut row = vec![frame.scope(scope)];
        row.extend(measures.iter().map(|measure| {
            let figure = figures.get(scope, measure.id);
            match (measure.quota, measure.content) {
                (Some(quota), _) => figures
                    .number(scope, measure.id)
                    .map_or(Cell::Empty, |held| Cell::Quota {
                        held,
                        quota: quota.into(),
                    }),
                (None, Content::Flag) => {
                    figure.map_or(Cell::Empty, |figure| Cell::Flag(figure.num() > 0))
                }
                (None, _) => cell(figure),
            }
        }));
        table.rows.push(row);
    }
    if figures.city.is_some() {
        let mut total = vec![Cell::word("city", "全市", "City")];
        total.extend(
            measures
                .iter()
                .map(|measure| figures.of_city(measure.city).unwrap_or_default()),
        );
        table.total = Some(total);
        balance_city(&mut table, &measures);
        table.note(
            "全市一行：次数各栏为达到下限的辖区数/应达到的辖区数，党工委一栏为已成立的辖区数/应成立的辖区数；比率为合并计算，不是各辖区比率的平均。",
            "In the row of the city: scopes that reached the quota of those that should; rates are pooled and no mean of the scopes.",
        );
    }
    table.note(
        "规范达标率：同一对象、同一条目有市级检查的以市级为准，其余以最近一次为准。",
        "Pass rate: of the checks of one item of one subject the city's stands where there is one, else the latest.",
    );
    table.note(
        "各栏口径同“指标”（report indicators）；没有对象的比率记“—”，不等于 0。",
        "Counted as in report indicators; a rate of nothing is a dash, which is not 0.",
    );
    Ok(vec![table, contents(frame, &figures)?])
}

/// What is neither a distinct count of persons nor of units adds up to the city.
fn balance_city(table: &mut Table, measures: &[Measure]) {
    let name = Word::of("各辖区之和 = 全市", "sum of the scopes = city");
    let additive = [
        "new_party_orgs",
        "carrier_coverage_rate",
        "carrier_regular_rate",
    ];
    let size = |cell: &Cell| match cell {
        Cell::Count(number) => *number,
        Cell::Rate { num, den } => num + den,
        _ => 0,
    };
    let mut balances = Vec::new();
    for (at, measure) in (1..).zip(measures) {
        if !additive.contains(&measure.id) {
            continue;
        }
        let city = table
            .total
            .as_ref()
            .and_then(|total| total.get(at))
            .map(size);
        let scopes = table.rows.iter().filter_map(|row| row.get(at)).map(size);
        let place = Word::of(measure.label.0, measure.label.1);
        balances.push(Balance::new(
            &name,
            &place,
            city.unwrap_or_default(),
            scopes,
        ));
    }
    table.balances.extend(balances);
}

const CLUSTERS: [ClusterKind; 6] = [
    ClusterKind::EcoIndustrialPark,
    ClusterKind::IndustrialPark,
    ClusterKind::BusinessCircle,
    ClusterKind::StreetBlock,
    ClusterKind::Building,
    ClusterKind::Unspecified,
];

/// What a scope has of the one platform.
#[derive(Debug, Default)]
struct Built {
    clusters: u64,
    by_kind: BTreeMap<i32, u64>,
    mature: u64,
    platforms: u64,
    steps: [u64; 4],
    meetings: u64,
    claims: u64,
    claims_done: u64,
    floating: u64,
}

/// Report 4.
pub(super) fn platforms(frame: &Frame<'_>) -> Result<Vec<Table>, Failure> {
    let figures = Figures::of(frame)?;
    let scopes = built(frame)?;
    let columns = platform_columns(frame);
    let mut table = Table::new(
        "platforms",
        Word::of("“一平台”进度表", "Progress of the one platform"),
        columns,
    );
    let name = Word::of("片区合计 = 各类型之和", "clusters = sum of their kinds");
    let none = Built::default();
    let shown = frame.shown(scopes.keys().copied().chain(figures.scopes()));
    for scope in shown {
        let built = scopes.get(&scope).unwrap_or(&none);
        let place = Word::same(&frame.code(scope));
        let parts = built.by_kind.values().copied();
        table
            .balances
            .push(Balance::new(&name, &place, built.clusters, parts));
        table.rows.push(platform_row(frame, scope, built, &figures));
    }
    table.add_up();
    figures.fill_rates(frame, &mut table);
    if let Some(met) = figures.of_city("platforms_new_met") {
        let is_new = |column: &Column| column.id == "platforms_new";
        let at = table.columns.iter().position(is_new);
        let total = table.total.as_mut();
        if let Some(cell) = total.zip(at).and_then(|(total, at)| total.get_mut(at)) {
            *cell = met;
        }
        table.note(
            "全市一行：新建成平台数一栏为达到下限的辖区数/应达到的辖区数。",
            "In the row of the city new platforms are scopes that reached the quota of those that should.",
        );
    }
    Ok(vec![table, list(frame)?])
}

fn platform_columns(frame: &Frame<'_>) -> Vec<Column> {
    let spec = frame.words("cluster", "kind");
    let kinds = ("片区（按类型）", "Clusters by kind");
    let steps = ("完成步骤的平台数", "Platforms with the step done");
    let work = ("运行", "Work");
    let mut columns = vec![Column::new(Content::Text, "scope", ("辖区", "Scope"))];
    for kind in CLUSTERS {
        let (id, label) = match Cell::term(spec, kind.into()) {
            Cell::Term(id, word) => (id, word),
            _ => ("unstated".to_owned(), Word::of("未注明", "Not said")),
        };
        let mut column = Column::new(Content::Count, id, ("", "")).under(kinds.0, kinds.1);
        column.label = label;
        columns.push(column);
    }
    let count = |id, zh, en, group: (&'static str, &'static str)| {
        Column::new(Content::Count, id, (zh, en)).under(group.0, group.1)
    };
    columns.extend([
        count("clusters", "合计", "All", kinds),
        Column::new(Content::Count, "mature", ("条件成熟", "Mature")),
        Column::new(
            Content::Rate,
            "platform_built_rate",
            ("平台应建已建率", "Built of mature"),
        ),
        Column::new(
            Content::Quota,
            "platforms_new",
            ("新建成平台数", "New platforms"),
        )
        .summed(),
        Column::new(Content::Count, "platforms", ("平台数", "Platforms"))
            .defined("截至当日未撤并的平台", "platforms that are not closed"),
        count("institution", "建机构", "Institution", steps),
        count("mechanism", "定机制", "Mechanisms", steps),
        count("strength", "聚力量", "Strength", steps),
        count("service", "助发展", "Service", steps),
        count("meetings", "会议次数", "Meetings", work),
        Column::new(
            Content::Rate,
            "platform_meeting_rate",
            ("季度例会执行率", "Quarterly meetings"),
        )
        .under(work.0, work.1),
        Column::new(
            Content::Rate,
            "claims_done",
            ("服务认领办结", "Service claims done"),
        )
        .under(work.0, work.1)
        .defined(
            "已办结 ÷ 全部未取消的服务认领",
            "done ÷ all service claims that were not cancelled",
        )
        .summed(),
        count("floating", "登记流动党员", "Floating members", work).of_members(),
    ]);
    columns
}

fn platform_row(frame: &Frame<'_>, scope: ScopeId, built: &Built, figures: &Figures) -> Vec<Cell> {
    let of = |kind: ClusterKind| built.by_kind.get(&kind.into()).copied().unwrap_or_default();
    let mut row = vec![frame.scope(scope)];
    row.extend(CLUSTERS.map(|kind| Cell::Count(of(kind))));
    let quota = frame.parameters.quota_platform.unwrap_or_default();
    let new = figures
        .number(scope, "platforms_new")
        .map_or(Cell::Empty, |held| Cell::Quota {
            held,
            quota: quota.into(),
        });
    row.extend([
        Cell::Count(built.clusters),
        Cell::Count(built.mature),
        figures.cell(scope, "platform_built_rate"),
        new,
        Cell::Count(built.platforms),
    ]);
    row.extend(built.steps.map(Cell::Count));
    row.extend([
        Cell::Count(built.meetings),
        figures.cell(scope, "platform_meeting_rate"),
        Cell::Rate {
            num: built.claims_done,
            den: built.claims,
        },
        Cell::Count(built.floating),
    ]);
    row
}

fn built(frame: &Frame<'_>) -> Result<BTreeMap<ScopeId, Built>, Failure> {
    let mut scopes: BTreeMap<ScopeId, Built> = BTreeMap::new();
    frame.each("cluster", &mut |row: Row<Cluster>| {
        let built = scopes.entry(row.scope).or_default();
        built.clusters += 1;
        *built.by_kind.entry(row.values.kind().into()).or_default() += 1;
        built.mature += u64::from(row.values.mature());
    })?;
    let by_now = |on: Option<&String>| Frame::day(on).is_some_and(|on| on <= frame.as_of);
    frame.each("platform", &mut |row: Row<Platform>| {
        let values = &row.values;
        if values.status() == PlatformStatus::Closed {
            return;
        }
        let built = scopes.entry(row.scope).or_default();
        built.platforms += 1;
        let done = [
            &values.step_institution_on,
            &values.step_mechanism_on,
            &values.step_strength_on,
            &values.step_service_on,
        ];
        for (step, on) in built.steps.iter_mut().zip(done) {
            *step += u64::from(by_now(on.as_ref()));
        }
    })?;
    frame.each("platform_meeting", &mut |row: Row<PlatformMeeting>| {
        let is_of_year = frame.in_year(Frame::day(row.values.on.as_ref()));
        scopes.entry(row.scope).or_default().meetings += u64::from(is_of_year);
    })?;
    frame.each("service_claim", &mut |row: Row<ServiceClaim>| {
        let status = row.values.status();
        let built = scopes.entry(row.scope).or_default();
        built.claims += u64::from(status != ServiceStatus::Cancelled);
        built.claims_done += u64::from(status == ServiceStatus::Done);
    })?;
    frame.each("service_centre", &mut |row: Row<ServiceCentre>| {
        let members = u64::from(row.values.floating_registered());
        scopes.entry(row.scope).or_default().floating += members;
    })?;
    Ok(scopes)
}

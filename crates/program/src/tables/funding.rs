//! Report 8: income by source, expenses, incentives, rewards in place of subsidies.

use std::collections::{BTreeMap, BTreeSet};

use proto::ledger::{
    DemonstrationPoint, FundSource, FundingDirection, FundingEntry, Incentive, IncentiveKind,
    PartyOrganisation, Reward,
};
use replica::{RecordId, ScopeId};

use super::{
    frame::{Frame, Row, id},
    progress::Figures,
    table::{Balance, Cell, Column, Content, Table, Word},
};
use crate::failure::Failure;

const SOURCES: [FundSource; 8] = [
    FundSource::DuesRefund,
    FundSource::AdminCost,
    FundSource::BuildingFund,
    FundSource::Fiscal,
    FundSource::Reward,
    FundSource::Donation,
    FundSource::Other,
    FundSource::Unspecified,
];

const INCENTIVES: [IncentiveKind; 7] = [
    IncentiveKind::Commendation,
    IncentiveKind::Subsidy,
    IncentiveKind::Care,
    IncentiveKind::Ability,
    IncentiveKind::Recommendation,
    IncentiveKind::Other,
    IncentiveKind::Unspecified,
];

/// The tables of the report.
pub(super) fn funding(frame: &Frame<'_>) -> Result<Vec<Table>, Failure> {
    Ok(vec![sources(frame)?, incentives(frame)?, rewards(frame)?])
}

/// The money of one scope, in fen.
#[derive(Debug, Default)]
struct Money {
    income: i64,
    by_source: BTreeMap<i32, i64>,
    expense: i64,
}

/// An entry, of whichever year.
#[derive(Debug)]
struct Entry {
    scope: ScopeId,
    is_of_year: bool,
    reverses: Option<RecordId>,
    direction: FundingDirection,
    source: FundSource,
    fen: i64,
}

/// What was entered by the day, as the indicators of funding take it.
fn entries(frame: &Frame<'_>) -> Result<BTreeMap<RecordId, Entry>, Failure> {
    let mut entries = BTreeMap::new();
    frame.each("funding_entry", &mut |row: Row<FundingEntry>| {
        let values = &row.values;
        if Frame::day(values.on.as_ref()).is_some_and(|on| on <= frame.as_of) {
            let entry = Entry {
                scope: row.scope,
                is_of_year: frame.of_year(values.year.as_ref()),
                reverses: id(values.reverses.as_ref()),
                direction: values.direction(),
                source: values.source(),
                fen: i64::try_from(values.amount_fen()).unwrap_or(i64::MAX),
            };
            entries.insert(row.id, entry);
        }
    })?;
    Ok(entries)
}

/// The money of each scope. An entry that takes another back counts against the year, the direction
/// and the source of that one, whatever it says itself.
fn pooled(entries: &BTreeMap<RecordId, Entry>) -> BTreeMap<ScopeId, Money> {
    let mut scopes: BTreeMap<ScopeId, Money> = BTreeMap::new();
    for entry in entries.values() {
        let (of, fen) = match entry.reverses {
            Some(reversed) => (entries.get(&reversed), -entry.fen),
            None => (Some(entry), entry.fen),
        };
        let Some(of) = of.filter(|of| of.is_of_year && of.reverses.is_none()) else {
            continue;
        };
        let money = scopes.entry(of.scope).or_default();
        match of.direction {
            FundingDirection::Income => {
                money.income += fen;
                *money.by_source.entry(of.source.into()).or_default() += fen;
            }
            FundingDirection::Expense => money.expense += fen,
            FundingDirection::Unspecified => {}
        }
    }
    scopes
}

fn sources(frame: &Frame<'_>) -> Result<Table, Failure> {
    let entries = entries(frame)?;
    let scopes = pooled(&entries);
    let figures = Figures::of(frame)?;
    let spec = frame.words("funding_entry", "source");
    let mut columns = vec![Column::new(Content::Text, "scope", ("辖区", "Scope"))];
    for source in SOURCES {
        let label = match Cell::term(spec, source.into()) {
            Cell::Term(_, word) => word,
            _ => Word::of("未注明", "Not said"),
        };
        let id = match Cell::term(spec, source.into()) {
            Cell::Term(id, _) => id,
            _ => "unstated".to_owned(),
        };
        let mut column =
            Column::new(Content::Money, id, ("", "")).under("收入（按来源）", "Income by source");
        column.label = label;
        columns.push(column);
    }
    columns.extend([
        Column::new(Content::Money, "income", ("收入合计", "Income"))
            .defined("本年度截至当日的收入，冲销记录从原记录的来源中扣除", "income of the year up to the day; a reversing entry is taken from the source of the entry it reverses"),
        Column::new(Content::Money, "expense", ("支出合计", "Expenses")),
        Column::new(Content::Money, "left", ("结余", "Left")),
        Column::new(Content::Count, "party_orgs", ("正常运行党组织数", "Active Party organisations")),
        Column::new(Content::Money, "average", ("平均每个党组织收入", "Income per Party organisation")).not_summed(),
    ]);
    let mut table = Table::new(
        "sources",
        Word::of("经费收支", "Income and expenses"),
        columns,
    );
    let none = Money::default();
    let mut parties = 0;
    for scope in frame.shown(scopes.keys().copied().chain(figures.scopes())) {
        let money = scopes.get(&scope).unwrap_or(&none);
        let active = figures.number(scope, "party_orgs_active");
        let active = active.unwrap_or_default();
        parties += active;
        table
            .rows
            .push(money_row(frame.scope(scope), money, active));
    }
    table.add_up();
    let income: i64 = scopes.values().map(|money| money.income).sum();
    if let Some(last) = table.total.as_mut().and_then(|total| total.last_mut()) {
        *last = average(income, parties);
    }
    balance_sources(&mut table);
    let name = Word::of("收入合计 = 指标“经费收入”", "income = the indicator of it");
    for (scope, money) in &scopes {
        let place = Word::same(&frame.code(*scope));
        let indicator = figures.fen(*scope, "funding_income");
        table
            .balances
            .push(Balance::new(&name, &place, money.income, indicator));
    }
    table.note(
        "金额以万元为单位，保留两位小数，四舍五入，合计数与分项之和的尾差不作调整；平衡关系按分核对。",
        "Amounts in 10,000 yuan with two decimals, half up; differences by rounding are not adjusted, balances are held in fen.",
    );
    Ok(table)
}

fn money_row(scope: Cell, money: &Money, parties: u64) -> Vec<Cell> {
    let mut row = vec![scope];
    row.extend(SOURCES.map(|source| {
        let fen = money.by_source.get(&i32::from(source)).copied();
        Cell::Money(fen.unwrap_or_default())
    }));
    row.extend([
        Cell::Money(money.income),
        Cell::Money(money.expense),
        Cell::Money(money.income - money.expense),
        Cell::Count(parties),
        average(money.income, parties),
    ]);
    row
}

/// Fen for each, half up; nothing for nobody.
fn average(fen: i64, parties: u64) -> Cell {
    let Ok(parties @ 1..) = i64::try_from(parties) else {
        return Cell::Empty;
    };
    Cell::Money((2 * fen + parties).div_euclid(2 * parties))
}

/// V22 and V26: the income of every row is the sum of its sources, and the total that of its rows.
pub(super) fn balance_sources(table: &mut Table) {
    let name = Word::of("收入合计 = 各来源之和", "income = sum of its sources");
    let fen = |cell: &Cell| if let Cell::Money(fen) = cell { *fen } else { 0 };
    let language = domain::label::Language::Zh;
    let balances = table.rows.iter().chain(&table.total).map(|row| {
        let place = row
            .first()
            .map(|cell| cell.say(language))
            .unwrap_or_default();
        let income = row.get(9).map(fen).unwrap_or_default();
        let sources = row.iter().skip(1).take(SOURCES.len()).map(fen);
        Balance::new(&name, &Word::same(&place), income, sources)
    });
    table.balances.extend(balances.collect::<Vec<_>>());
}

fn incentives(frame: &Frame<'_>) -> Result<Table, Failure> {
    #[derive(Default)]
    struct Sum {
        times: u64,
        people: u64,
        by_kind: BTreeMap<i32, u64>,
        fen: i64,
    }
    let mut scopes: BTreeMap<ScopeId, Sum> = BTreeMap::new();
    frame.each("incentive", &mut |row: Row<Incentive>| {
        if frame.in_year(Frame::day(row.values.on.as_ref())) {
            let sum = scopes.entry(row.scope).or_default();
            let people = u64::from(row.values.headcount());
            sum.times += 1;
            sum.people += people;
            *sum.by_kind.entry(row.values.kind().into()).or_default() += people;
            sum.fen += i64::try_from(row.values.amount_fen()).unwrap_or(i64::MAX);
        }
    })?;
    let spec = frame.words("incentive", "kind");
    let mut columns = vec![
        Column::new(Content::Text, "scope", ("辖区", "Scope")),
        Column::new(Content::Count, "times", ("次数", "Times")),
        Column::new(Content::Count, "people", ("受益人次", "Headcount")),
    ];
    for kind in INCENTIVES {
        let (id, label) = match Cell::term(spec, kind.into()) {
            Cell::Term(id, word) => (id, word),
            _ => ("unstated".to_owned(), Word::of("未注明", "Not said")),
        };
        let mut column = Column::new(Content::Count, id, ("", ""))
            .under("受益人次（按类型）", "Headcount by kind");
        column.label = label;
        columns.push(column);
    }
    columns.push(Column::new(Content::Money, "amount", ("金额", "Amount")));
    let mut table = Table::new("incentives", Word::of("激励关怀", "Incentives"), columns);
    let name = Word::of("受益人次 = 各类型之和", "headcount = sum of its kinds");
    let none = Sum::default();
    for scope in frame.shown(scopes.keys().copied()) {
        let sum = scopes.get(&scope).unwrap_or(&none);
        let of = |kind: IncentiveKind| sum.by_kind.get(&kind.into()).copied().unwrap_or_default();
        let mut row = vec![
            frame.scope(scope),
            Cell::Count(sum.times),
            Cell::Count(sum.people),
        ];
        row.extend(INCENTIVES.map(|kind| Cell::Count(of(kind))));
        row.push(Cell::Money(sum.fen));
        table.rows.push(row);
        let place = Word::same(&frame.code(scope));
        table
            .balances
            .push(Balance::new(&name, &place, sum.people, INCENTIVES.map(of)));
    }
    table.add_up();
    Ok(table)
}

fn rewards(frame: &Frame<'_>) -> Result<Table, Failure> {
    let mut found: Vec<(ScopeId, Reward)> = Vec::new();
    frame.each_known("reward", &mut |row: Row<Reward>| {
        // A reward is the city's record and names the scope that it goes to.
        let to = domain::across::scope(row.values.scope.as_ref()).unwrap_or(row.scope);
        let decided = Frame::day(row.values.decided_on.as_ref());
        let is_asked = frame.only.is_none_or(|only| only == to);
        if is_asked
            && frame.of_year(row.values.year.as_ref())
            && decided.is_none_or(|on| on <= frame.as_of)
        {
            found.push((to, row.values));
        }
    })?;
    let points = points(frame, &found)?;
    let columns = vec![
        Column::new(Content::Text, "scope", ("受奖辖区", "Scope")),
        Column::new(
            Content::Text,
            "point",
            ("对应示范点", "Demonstration point"),
        ),
        Column::new(Content::Date, "decided_on", ("决定日期", "Decided on")),
        Column::new(Content::Money, "decided", ("决定金额", "Decided")),
        Column::new(Content::Date, "paid_on", ("拨付日期", "Paid on")),
        Column::new(Content::Money, "paid", ("已拨付", "Paid"))
            .defined("截至当日已拨付的金额", "paid by the day"),
        Column::new(Content::Money, "unpaid", ("未拨付", "Not yet paid")),
        Column::new(Content::Text, "basis", ("依据", "Basis")),
    ];
    let mut table = Table::new(
        "rewards",
        Word::of("以奖代补", "Rewards in place of subsidies"),
        columns,
    );
    found.sort_by(|a, b| {
        let by =
            |(scope, reward): &(ScopeId, Reward)| (frame.code(*scope), reward.decided_on.clone());
        by(a).cmp(&by(b))
    });
    let (mut decided, mut paid, mut unpaid) = (0, 0, 0);
    for (scope, reward) in &found {
        let fen = i64::try_from(reward.amount_fen()).unwrap_or(i64::MAX);
        let is_paid = Frame::day(reward.paid_on.as_ref()).is_some_and(|on| on <= frame.as_of);
        decided += fen;
        *if is_paid { &mut paid } else { &mut unpaid } += fen;
        let point = id(reward.point.as_ref()).and_then(|id| points.get(&id));
        table.rows.push(vec![
            frame.scope(*scope),
            Cell::text(point.map(String::as_str)),
            Cell::date(reward.decided_on.as_ref()),
            Cell::Money(fen),
            if is_paid {
                Cell::date(reward.paid_on.as_ref())
            } else {
                Cell::Empty
            },
            Cell::Money(if is_paid { fen } else { 0 }),
            Cell::Money(if is_paid { 0 } else { fen }),
            Cell::text(reward.basis.as_deref()),
        ]);
    }
    table.add_up();
    let name = Word::of(
        "决定金额 = 已拨付 + 未拨付",
        "decided = paid + not yet paid",
    );
    let all = Word::of("合计", "total");
    table
        .balances
        .push(Balance::new(&name, &all, decided, [paid, unpaid]));
    Ok(table)
}

/// The names of the demonstration points that rewards name.
fn points(
    frame: &Frame<'_>,
    rewards: &[(ScopeId, Reward)],
) -> Result<BTreeMap<RecordId, String>, Failure> {
    let wanted: BTreeSet<RecordId> = rewards
        .iter()
        .filter_map(|(_, reward)| id(reward.point.as_ref()))
        .collect();
    let mut names = BTreeMap::new();
    if wanted.is_empty() {
        return Ok(names);
    }
    let mut parties: BTreeMap<RecordId, Vec<RecordId>> = BTreeMap::new();
    frame.each_known("demonstration_point", &mut |row: Row<
        DemonstrationPoint,
    >| {
        let party = id(row.values.party_organisation.as_ref());
        if let Some(party) = party.filter(|_| wanted.contains(&row.id)) {
            parties.entry(party).or_default().push(row.id);
        }
    })?;
    frame.each_known("party_organisation", &mut |row: Row<PartyOrganisation>| {
        for point in parties.get(&row.id).into_iter().flatten() {
            names.insert(*point, row.values.name.clone().unwrap_or_default());
        }
    })?;
    Ok(names)
}

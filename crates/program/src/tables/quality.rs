//! Report 11 and the list of what the rules have to say of the records as they stand.
//!
//! Synchronisation refuses nothing for a rule, so every record is judged here as it is, as if it
//! were saved without a change: what blocks a save is listed beside what only warns.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Finding, KindSpec, Level, Subject, catalogue::Travel};
use replica::{RecordId, ScopeId};

use super::{
    frame::{Frame, wide},
    progress::Figures,
    table::{Balance, Cell, Column, Content, Table, Word},
};
use crate::{
    app::{App, Live, PeerView},
    clock::date_of,
    conflicts,
    failure::Failure,
    records::{Desk, Scopes, each_present},
};

/// What the rules found in one record.
#[derive(Clone, Debug)]
pub struct Found {
    /// The kind of the record.
    pub kind: &'static KindSpec,
    /// Its id.
    pub id: RecordId,
    /// Its scope.
    pub scope: ScopeId,
    /// What was found.
    pub finding: Finding,
}

/// The findings of a list, and how many there are in all.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    /// The first of them.
    pub found: Vec<Found>,
    /// How many there are.
    pub total: usize,
}

/// Lists what the rules find, of one rule or of all, of one scope or of all.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn findings(
    app: &App,
    rule: Option<&str>,
    scope: Option<ScopeId>,
    limit: usize,
) -> Result<Listed, Failure> {
    let mut listed = Listed::default();
    each_finding(app, scope, &mut |found| {
        let is_asked = |rule: &str| found.finding.rule.eq_ignore_ascii_case(rule.trim());
        if !rule.is_none_or(is_asked) {
            return;
        }
        listed.total += 1;
        if listed.found.len() < limit {
            listed.found.push(found);
        }
    })?;
    Ok(listed)
}

/// Shows every finding of the records that belong here, kind after kind.
fn each_finding(
    app: &App,
    scope: Option<ScopeId>,
    visit: &mut dyn FnMut(Found),
) -> Result<(), Failure> {
    let desk = Desk::new(app)?;
    let scopes = Scopes::new(app);
    for kind in app.catalogue.kinds() {
        // What stays at home and what the programs keep of their own work has no rules.
        if kind.travel == Travel::Local || domain::authority::is_docket(kind) {
            continue;
        }
        each_present(app, kind.kind, None, &mut |present| {
            let home = scopes.heir(present.home)?;
            if scope.is_some_and(|scope| scope != home) {
                return Ok(());
            }
            let subject = Subject {
                kind,
                id: present.key.id,
                scope: present.home,
                before: Some(&present.values),
                after: &present.values,
            };
            for finding in desk.findings(&subject)? {
                visit(Found {
                    kind,
                    id: subject.id,
                    scope: home,
                    finding,
                });
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// What was found by one rule in one scope.
#[derive(Debug, Default)]
struct Sum {
    blocking: u64,
    warnings: u64,
    records: BTreeSet<RecordId>,
    zh: String,
    en: String,
}

/// By scope, rule and code.
type Sums = BTreeMap<(ScopeId, &'static str, &'static str), Sum>;

/// The tables of report 11.
pub(super) fn quality<L: Live>(frame: &Frame<'_>, live: &L) -> Result<Vec<Table>, Failure> {
    // First: it reads every record for the judges that follow.
    let figures = Figures::of(frame)?;
    let mut sums: Sums = BTreeMap::new();
    let mut totals: BTreeMap<ScopeId, u64> = BTreeMap::new();
    each_finding(frame.app, frame.only, &mut |found| {
        let finding = found.finding;
        *totals.entry(found.scope).or_default() += 1;
        let sum = sums
            .entry((found.scope, finding.rule, finding.code))
            .or_default();
        match finding.level {
            Level::Block => sum.blocking += 1,
            Level::Warn => sum.warnings += 1,
        }
        sum.records.insert(found.id);
        if sum.zh.is_empty() {
            (sum.zh, sum.en) = (finding.zh, finding.en);
        }
    })?;
    let mut scopes = scope_table(frame, live, (&figures, &totals))?;
    let rules = rule_table(frame, &sums);
    balance(frame, &mut scopes, &totals, &sums);
    Ok(vec![scopes, rules])
}

/// V26: what was found in a scope is what its rules found.
fn balance(frame: &Frame<'_>, table: &mut Table, totals: &BTreeMap<ScopeId, u64>, sums: &Sums) {
    let name = Word::of("提示合计 = 各规则之和", "findings = sum of the rules");
    for (scope, total) in totals {
        let own = sums.iter().filter(|((of, ..), _)| of == scope);
        let parts = own.flat_map(|(_, sum)| [sum.blocking, sum.warnings]);
        let place = Word::same(&frame.code(*scope));
        table
            .balances
            .push(Balance::new(&name, &place, *total, parts));
    }
}

fn scope_table<L: Live>(
    frame: &Frame<'_>,
    live: &L,
    (figures, totals): (&Figures, &BTreeMap<ScopeId, u64>),
) -> Result<Table, Failure> {
    let open = conflicts::by_scope(frame.app)?;
    let exchanges = exchanges(frame.app, live)?;
    let now_ms = frame.app.clock.wall_ms();
    let columns = vec![
        Column::new(Content::Text, "scope", ("辖区", "Scope")),
        Column::new(Content::Count, "counted", ("在册单位数", "Organisations on the ledger")),
        Column::new(Content::Rate, "field_completeness", ("字段完整率", "Field completeness"))
            .defined("在册单位必填项及代码、核实日期、未建原因中已填的 ÷ 应填的", "filled ÷ required fields, credit code, day of verification and reason not built of organisations on the ledger"),
        Column::new(Content::Rate, "census_completion_rate", ("排查完成率", "Census completion")),
        Column::new(Content::Count, "findings", ("提示", "Findings"))
            .defined("按现行规则逐条检查全部记录得到的提示，含按规则不应保存的", "what the rules say of all records as they stand, with what no save would be let through"),
        Column::new(Content::Count, "open_conflicts", ("待处理冲突", "Open conflicts")),
        Column::new(Content::Date, "last_exchange", ("最近同步", "Last exchange")),
        Column::new(Content::Text, "lag_minutes", ("距今", "Since")),
        Column::new(Content::Count, "pending", ("待传送", "Pending")),
        Column::new(Content::Flag, "equal", ("一致", "Equal"))
            .defined("双方校验根相同为“是”，不同为“否”，尚未比对为空", "whether both sides have the same root; empty where they were not compared"),
    ];
    let mut table = Table::new("scopes", Word::of("各辖区", "Scopes"), columns);
    let with = totals
        .keys()
        .chain(open.keys())
        .copied()
        .chain(figures.scopes());
    for scope in frame.shown(with) {
        let exchange = exchanges.get(&scope);
        let last = exchange.and_then(|exchange| exchange.last_ms).map(date_of);
        let lag = exchange.and_then(|exchange| exchange.minutes(now_ms));
        table.rows.push(vec![
            frame.scope(scope),
            figures.cell(scope, "counted"),
            figures.cell(scope, "field_completeness"),
            figures.cell(scope, "census_completion_rate"),
            Cell::Count(totals.get(&scope).copied().unwrap_or_default()),
            Cell::Count(wide(open.get(&scope).copied().unwrap_or_default())),
            last.map_or(Cell::Empty, Cell::Date),
            lag.map_or(Cell::Empty, Cell::Minutes),
            exchange.map_or(Cell::Empty, |exchange| Cell::Count(exchange.pending)),
            exchange
                .and_then(|exchange| exchange.equal)
                .map_or(Cell::Empty, Cell::Flag),
        ]);
    }
    table.add_up();
    if let Some(total) = table
        .total
        .as_mut()
        .filter(|_| figures.of_city("counted").is_some())
    {
        for (at, name) in [
            (1, "counted"),
            (2, "field_completeness"),
            (3, "census_completion_rate"),
        ] {
            if let Some(cell) = total.get_mut(at) {
                *cell = figures.of_city(name).unwrap_or_default();
            }
        }
    }
    table.note(
        "提示、冲突、同步按制表时的数据，其余截至所列日期。全市的在册单位数按信用代码剔重。",
        "Findings, conflicts and exchanges are of the moment of the report, all else of its day. The city counts each credit code once.",
    );
    Ok(table)
}

/// How a scope stands with its peers.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    /// When one of them was heard last, milliseconds since 1970.
    pub(crate) last_ms: Option<u64>,
    pending: u64,
    /// Equal with all of them, unequal with one, or not known.
    equal: Option<bool>,
}

impl Exchange {
    /// Minutes since the last one; none where there was none.
    pub(crate) fn minutes(&self, now_ms: u64) -> Option<u64> {
        Some(now_ms.saturating_sub(self.last_ms?) / 60_000)
    }

    fn of(peers: &[&PeerView]) -> Self {
        let seen = peers.iter().filter_map(|peer| peer.seen_ms);
        let unequal = peers.iter().any(|peer| peer.equal == Some(false));
        let all = !peers.is_empty() && peers.iter().all(|peer| peer.equal == Some(true));
        Self {
            last_ms: seen.max().and_then(|ms| u64::try_from(ms).ok()),
            pending: peers.iter().map(|peer| peer.pending).sum(),
            equal: if unequal {
                Some(false)
            } else {
                all.then_some(true)
            },
        }
    }
}

/// How each scope stands with its peers: at a node its own with the city, at the hub every district.
///
/// # Errors
/// The store cannot be read.
pub(crate) fn exchanges<L: Live>(
    app: &App,
    live: &L,
) -> Result<BTreeMap<ScopeId, Exchange>, Failure> {
    let peers = live.peers(app, &app.writer.status()?);
    if !app.is_hub() {
        // A node has one peer, and its scope with it.
        let peers: Vec<&PeerView> = peers.iter().collect();
        return Ok(BTreeMap::from([(app.scope(), Exchange::of(&peers))]));
    }
    let mut by_scope: BTreeMap<ScopeId, Vec<&PeerView>> = BTreeMap::new();
    let receivers = live.enrolled(app).replicas.into_iter();
    let of_districts = receivers.filter(|(_, scope)| *scope != app.published());
    for (replica, scope) in of_districts {
        let replica = replica.to_string();
        let known = peers.iter().filter(|peer| peer.replica == replica);
        by_scope.entry(scope).or_default().extend(known);
    }
    let of = |(scope, peers): (ScopeId, Vec<&PeerView>)| (scope, Exchange::of(&peers));
    Ok(by_scope.into_iter().map(of).collect())
}

fn rule_table(frame: &Frame<'_>, sums: &Sums) -> Table {
    let columns = vec![
        Column::new(Content::Text, "rule", ("规则", "Rule")),
        Column::new(Content::Text, "code", ("代号", "Code")),
        Column::new(
            Content::Text,
            "sentence",
            ("提示（一例）", "Finding (one of them)"),
        ),
        Column::new(Content::Text, "scope", ("辖区", "Scope")),
        Column::new(Content::Count, "warnings", ("提醒", "Warnings")),
        Column::new(Content::Count, "blocking", ("不应保存", "Would block")).defined(
            "合并后不合规则、但同步不拒收的记录",
            "what no save would be let through, but an exchange does not refuse",
        ),
        Column::new(Content::Count, "records", ("涉及记录", "Records")),
    ];
    let mut table = Table::new(
        "rules",
        Word::of("按规则的提示", "Findings by rule"),
        columns,
    );
    let mut rows: Vec<_> = sums.iter().collect();
    rows.sort_by_cached_key(|((scope, rule, code), _)| (*rule, *code, frame.code(*scope)));
    for ((scope, rule, code), sum) in rows {
        table.rows.push(vec![
            Cell::Text((*rule).to_owned()),
            Cell::Text((*code).to_owned()),
            Cell::Term(sum.zh.clone(), Word::new(sum.zh.clone(), sum.en.clone())),
            frame.scope(*scope),
            Cell::Count(sum.warnings),
            Cell::Count(sum.blocking),
            Cell::Count(wide(sum.records.len())),
        ]);
    }
    table.add_up();
    table.note(
        "逐条清单用 quality list 查看。",
        "See the records with quality list.",
    );
    table
}

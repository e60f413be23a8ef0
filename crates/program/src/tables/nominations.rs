//! Report 7: how many nominations reached each step, the scores by the nine criteria, the verdicts.

use std::collections::{BTreeMap, BTreeSet};

use domain::validate::standing_verdict;
use proto::ledger::{
    AcceptanceVerdict, AcceptanceVisit, Criterion, CriterionScore, Nomination, NominationStatus,
    PartyOrganisation, StandardItem,
};
use replica::{RecordId, ScopeId};

use super::{
    frame::{Frame, Row, id},
    progress::Figures,
    table::{Balance, Cell, Column, Content, Table, Word},
};
use crate::failure::Failure;

pub(super) const CRITERIA: [Criterion; 9] = [
    Criterion::Structure,
    Criterion::Members,
    Criterion::Position,
    Criterion::Mechanism,
    Criterion::Carrier,
    Criterion::Role,
    Criterion::MassWork,
    Criterion::Reputation,
    Criterion::Demonstration,
];

/// The steps of the funnel: indicator, Chinese, English.
const STEPS: [(&str, &str, &str); 6] = [
    ("nominated", "申报", "Nominated"),
    ("recommended", "推荐", "Recommended"),
    ("received", "市级已收", "Received"),
    ("spot_checked", "已抽查", "Spot-checked"),
    ("accepted", "验收通过", "Accepted"),
    ("not_accepted", "验收未通过", "Not accepted"),
];

/// The tables of the report.
pub(super) fn nominations(frame: &Frame<'_>) -> Result<Vec<Table>, Failure> {
    let entries = entries(frame)?;
    Ok(vec![funnel(frame, &entries)?, scores(frame, &entries)])
}

/// A nomination with what was said of it.
struct Entry {
    scope: ScopeId,
    values: Nomination,
    party: Option<String>,
    scores: Scores,
    visits: u64,
    /// The one that stands.
    verdict: Option<AcceptanceVerdict>,
}

/// The points of a nomination.
#[derive(Default)]
struct Scores {
    /// Of each criterion the points that stand: the city's, else the district's, else their own.
    by_criterion: BTreeMap<i32, u64>,
    standing: u64,
    own: Option<u64>,
    district: Option<u64>,
    city: Option<u64>,
}

impl Scores {
    fn add(&mut self, criterion: i32, score: &CriterionScore) {
        let standing = score
            .city_score
            .or(score.district_score)
            .or(score.self_score);
        if let Some(points) = standing {
            *self.by_criterion.entry(criterion).or_default() += u64::from(points);
            self.standing += u64::from(points);
        }
        for (sum, points) in [
            (&mut self.own, score.self_score),
            (&mut self.district, score.district_score),
            (&mut self.city, score.city_score),
        ] {
            if let Some(points) = points {
                *sum = Some(sum.unwrap_or_default() + u64::from(points));
            }
        }
    }
}

fn entries(frame: &Frame<'_>) -> Result<Vec<Entry>, Failure> {
    let mut entries: BTreeMap<RecordId, Entry> = BTreeMap::new();
    frame.each("nomination", &mut |row: Row<Nomination>| {
        if frame.of_year(row.values.year.as_ref()) {
            let entry = Entry {
                scope: row.scope,
                values: row.values,
                party: None,
                scores: Scores::default(),
                visits: 0,
                verdict: None,
            };
            entries.insert(row.id, entry);
        }
    })?;
    let mut criteria: BTreeMap<RecordId, i32> = BTreeMap::new();
    frame.each_known("standard_item", &mut |row: Row<StandardItem>| {
        criteria.insert(row.id, row.values.criterion().into());
    })?;
    frame.each_known("criterion_score", &mut |row: Row<CriterionScore>| {
        let nomination = id(row.values.nomination.as_ref());
        let criterion = id(row.values.item.as_ref()).and_then(|item| criteria.get(&item));
        if let Some(entry) = nomination.and_then(|id| entries.get_mut(&id)) {
            entry
                .scores
                .add(criterion.copied().unwrap_or_default(), &row.values);
        }
    })?;
    let by_now = |on: Option<&String>| Frame::day(on).is_none_or(|on| on <= frame.as_of);
    frame.each_known("acceptance_visit", &mut |row: Row<AcceptanceVisit>| {
        let nomination =
            id(row.values.nomination.as_ref()).filter(|_| by_now(row.values.on.as_ref()));
        if let Some(entry) = nomination.and_then(|id| entries.get_mut(&id)) {
            entry.visits += 1;
        }
    })?;
    let mut verdicts: BTreeMap<RecordId, Vec<(RecordId, AcceptanceVerdict)>> = BTreeMap::new();
    frame.each_known("acceptance_verdict", &mut |row: Row<AcceptanceVerdict>| {
        let nomination =
            id(row.values.nomination.as_ref()).filter(|_| by_now(row.values.on.as_ref()));
        if let Some(nomination) = nomination {
            let of = verdicts.entry(nomination).or_default();
            of.push((row.id, row.values));
        }
    })?;
    for (nomination, verdicts) in verdicts {
        if let Some(entry) = entries.get_mut(&nomination) {
            entry.verdict = standing_verdict(entry.values.status(), verdicts);
        }
    }
    name_parties(frame, &mut entries)?;
    let mut entries: Vec<Entry> = entries.into_values().collect();
    entries.sort_by_cached_key(|entry| {
        let rank = entry.values.district_rank.unwrap_or(u32::MAX);
        (frame.code(entry.scope), rank, entry.party.clone())
    });
    Ok(entries)
}

fn name_parties(frame: &Frame<'_>, entries: &mut BTreeMap<RecordId, Entry>) -> Result<(), Failure> {
    let of = |entry: &Entry| id(entry.values.party_organisation.as_ref());
    let wanted: BTreeSet<RecordId> = entries.values().filter_map(of).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let mut names = BTreeMap::new();
    frame.each_known("party_organisation", &mut |row: Row<PartyOrganisation>| {
        if wanted.contains(&row.id) {
            names.insert(row.id, row.values.name.unwrap_or_default());
        }
    })?;
    for entry in entries.values_mut() {
        entry.party = of(entry).and_then(|party| names.get(&party).cloned());
    }
    Ok(())
}

fn funnel(frame: &Frame<'_>, entries: &[Entry]) -> Result<Table, Failure> {
    let figures = Figures::of(frame)?;
    let mut columns = vec![Column::new(Content::Text, "scope", ("辖区", "Scope"))];
    columns.extend(STEPS.map(|(id, zh, en)| Column::new(Content::Count, id, (zh, en))));
    columns.extend([
        Column::new(Content::Count, "cap", ("推荐名额", "Recommendation cap")).not_summed(),
        Column::new(
            Content::Rate,
            "spot_check_rate",
            ("抽查比例", "Spot-check rate"),
        )
        .defined(
            "有抽查记录的申报数 ÷ 推荐数",
            "nominations with a visit ÷ recommended",
        ),
        Column::new(
            Content::Rate,
            "acceptance_rate",
            ("验收通过率", "Acceptance rate"),
        )
        .defined(
            "验收通过数 ÷（通过数 + 未通过数）",
            "accepted ÷ (accepted + not accepted)",
        ),
    ]);
    let mut table = Table::new(
        "funnel",
        Word::of("申报到验收", "From nomination to acceptance"),
        columns,
    );
    let name = Word::of(
        "验收通过 + 未通过 = 名单中有结论的申报数",
        "accepted + not accepted = nominations listed with either",
    );
    let cap = Cell::count(frame.parameters.recommend_cap);
    for scope in frame.shown(
        entries
            .iter()
            .map(|entry| entry.scope)
            .chain(figures.scopes()),
    ) {
        let of = |step: &str| figures.number(scope, step);
        let mut row = vec![frame.scope(scope)];
        row.extend(STEPS.map(|(step, ..)| of(step).map_or(Cell::Empty, Cell::Count)));
        row.extend([
            cap.clone(),
            figures.cell(scope, "spot_check_rate"),
            figures.cell(scope, "acceptance_rate"),
        ]);
        table.rows.push(row);
        let ended = [NominationStatus::Accepted, NominationStatus::NotAccepted];
        let listed = entries
            .iter()
            .filter(|entry| entry.scope == scope && ended.contains(&entry.values.status()));
        let counted = of("accepted").unwrap_or_default() + of("not_accepted").unwrap_or_default();
        let place = Word::same(&frame.code(scope));
        table
            .balances
            .push(Balance::new(&name, &place, counted, listed.map(|_| 1_u64)));
    }
    table.add_up();
    figures.fill_rates(frame, &mut table);
    table.note(
        "各环节按曾经到达的状态计数：到达后一环节的也计入前一环节。",
        "Each step counts what has reached it: what went further counts in the steps before, too.",
    );
    Ok(table)
}

fn scores(frame: &Frame<'_>, entries: &[Entry]) -> Table {
    let spec = frame.words("standard_item", "criterion");
    let mut columns = vec![
        Column::new(Content::Text, "scope", ("申报辖区", "Scope")),
        Column::new(Content::Count, "rank", ("推荐次序", "Rank")).not_summed(),
        Column::new(
            Content::Text,
            "party_organisation",
            ("申报党组织", "Party organisation"),
        ),
    ];
    for criterion in CRITERIA {
        let (id, label) = match Cell::term(spec, criterion.into()) {
            Cell::Term(id, word) => (id, word),
            _ => (i32::from(criterion).to_string(), Word::default()),
        };
        let mut column = Column::new(Content::Count, id, ("", ""))
            .under("九项标准得分", "Scores by the nine criteria")
            .not_summed();
        column.label = label;
        columns.push(column);
    }
    let points = |id, zh, en| Column::new(Content::Count, id, (zh, en)).not_summed();
    columns.extend([
        points("other", "其他条目", "Other items"),
        points("score", "总分", "Score").defined(
            "各条目取市级评分，没有的取县区评分，再没有的取自评分",
            "of each item the city's points, else the district's, else their own",
        ),
        points("self", "自评总分", "Self"),
        points("district", "县区总分", "District"),
        points("city", "市级总分", "City"),
        points("visits", "抽查次数", "Visits"),
        Column::new(Content::Text, "status", ("申报状态", "Status")),
        Column::new(Content::Text, "verdict", ("验收结论", "Verdict")),
        Column::new(Content::Date, "verdict_on", ("结论日期", "Verdict on")),
        Column::new(Content::Text, "reason", ("理由", "Reason")),
    ]);
    let mut table = Table::new(
        "scores",
        Word::of("评分与结论", "Scores and verdicts"),
        columns,
    );
    let name = Word::of("总分 = 各标准得分之和", "score = sum of the criteria");
    for entry in entries {
        let row = score_row(frame, entry);
        let parts = entry.scores.by_criterion.values().copied();
        let place = Word::same(entry.party.as_deref().unwrap_or_default());
        table
            .balances
            .push(Balance::new(&name, &place, entry.scores.standing, parts));
        table.rows.push(row);
    }
    table.note(
        "有验收结论而没有抽查记录的，抽查次数为 0，即未经抽查作出结论。",
        "A verdict with 0 visits was given without a spot check.",
    );
    table
}

fn score_row(frame: &Frame<'_>, entry: &Entry) -> Vec<Cell> {
    let scores = &entry.scores;
    let of = |criterion: i32| Cell::count(scores.by_criterion.get(&criterion).copied());
    let verdict = entry.verdict.as_ref();
    let mut row = vec![
        frame.scope(entry.scope),
        Cell::count(entry.values.district_rank),
        Cell::text(entry.party.as_deref()),
    ];
    row.extend(CRITERIA.map(|criterion| of(criterion.into())));
    let is_scored = !scores.by_criterion.is_empty();
    row.extend([
        of(0),
        Cell::count(is_scored.then_some(scores.standing)),
        Cell::count(scores.own),
        Cell::count(scores.district),
        Cell::count(scores.city),
        Cell::Count(entry.visits),
        Cell::term(
            frame.words("nomination", "status"),
            entry.values.status().into(),
        ),
        verdict.map_or(Cell::Empty, |verdict| {
            Cell::term(
                frame.words("acceptance_verdict", "verdict"),
                verdict.verdict().into(),
            )
        }),
        Cell::date(verdict.and_then(|verdict| verdict.on.as_ref())),
        Cell::text(verdict.and_then(|verdict| verdict.reason.as_deref())),
    ]);
    row
}

//! Report 10: what changed in the ledger and among Party organisations between two days.
//!
//! A record that says when something happened is believed. Where it has no such field, the day on
//! which the status that stands was written is taken, and the row says so.

use std::collections::BTreeMap;

use domain::{
    Date, across,
    state::{census, steps},
};
use proto::{
    ledger::{
        CensusStatus, Organisation, PartyOrgStatus, PartyOrganisation, TransferRequest,
        TransferStatus,
    },
    schema::StepTaken,
};
use replica::ScopeId;

use super::{
    frame::{Frame, Row},
    table::{Balance, Cell, Column, Content, Table, Word},
};
use crate::failure::Failure;

/// What can change, in the order of the summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Added,
    Excluded,
    MovedOut,
    MovedIn,
    Merged,
    Closed,
    Established,
    Dissolved,
}

const ALL: [(What, &str, &str, &str); 8] = [
    (What::Added, "added", "纳入台账", "Added"),
    (What::Excluded, "excluded", "不纳入", "Excluded"),
    (What::MovedOut, "moved_out", "迁出", "Moved out"),
    (What::MovedIn, "moved_in", "迁入", "Moved in"),
    (What::Merged, "merged", "并入其他单位", "Merged away"),
    (What::Closed, "closed", "注销", "Closed"),
    (
        What::Established,
        "established",
        "党组织成立",
        "Party organisation established",
    ),
    (
        What::Dissolved,
        "dissolved",
        "党组织撤销",
        "Party organisation dissolved",
    ),
];

impl What {
    fn cell(self) -> Cell {
        let known = ALL.iter().find(|(what, ..)| *what == self);
        known.map_or(Cell::Empty, |(_, id, zh, en)| Cell::word(id, zh, en))
    }
}

/// Where a day comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Field(&'static str, &'static str),
    History,
}

struct Change {
    what: What,
    scope: ScopeId,
    on: Date,
    source: Source,
    name: String,
    code: Option<String>,
    detail: String,
}

/// The tables of the report.
pub(super) fn changes(frame: &Frame<'_>) -> Result<Vec<Table>, Failure> {
    let mut changes = Vec::new();
    organisations(frame, &mut changes)?;
    parties(frame, &mut changes)?;
    moves(frame, &mut changes)?;
    changes.sort_by_cached_key(|change| {
        let scope = frame.code(change.scope);
        (
            scope,
            change.what,
            change.on,
            change.name.clone(),
            change.code.clone(),
        )
    });
    Ok(vec![summary(frame, &changes), list(frame, &changes)])
}

/// A day, or else another that has to be looked up.
fn or<T>(
    day: Option<T>,
    otherwise: impl FnOnce() -> Result<Option<T>, Failure>,
) -> Result<Option<T>, Failure> {
    match day {
        Some(day) => Ok(Some(day)),
        None => otherwise(),
    }
}

/// Whether a day lies after the first and not after the last.
fn is_between(frame: &Frame<'_>, on: Date) -> bool {
    frame.from < on && on <= frame.as_of
}

/// The day of the last step up to the day of the report.
fn stepped(frame: &Frame<'_>, taken: &[StepTaken]) -> Option<Date> {
    let days = steps::in_order(taken.to_vec()).into_iter();
    let mut days = days.filter_map(|step| domain::date::stored(&step.on));
    days.rfind(|on| *on <= frame.as_of)
}

/// The steps of an organisation since it came on the ledger, the last one first: a transfer that it went
/// into and came out of does not part them.
fn on_the_ledger(frame: &Frame<'_>, taken: &[StepTaken]) -> Vec<StepTaken> {
    let taken = steps::in_order(taken.to_vec()).into_iter().rev();
    let past = taken.filter(|step| {
        let on = domain::date::stored(&step.on);
        on.is_none_or(|on| on <= frame.as_of)
    });
    let counts = |step: &StepTaken| ["counted", "transferring"].contains(&step.state.as_str());
    past.take_while(counts).collect()
}

fn organisations(frame: &Frame<'_>, changes: &mut Vec<Change>) -> Result<(), Failure> {
    let reasons = frame.words("organisation", "exclusion_reason");
    for row in frame.rows::<Organisation>("organisation")? {
        let values = &row.values;
        let written = || {
            let of = ("organisation", "census_status");
            let on = or(stepped(frame, &values.steps), || {
                frame.written_on(of, row.id)
            })?;
            Ok::<_, Failure>(on.map(|on| (on, Source::History)))
        };
        let field =
            |on: Option<&String>, zh, en| Frame::day(on).map(|on| (on, Source::Field(zh, en)));
        let verified = || field(values.verified_on.as_ref(), "核实日期", "Verified on");
        let found = match census::standing(values) {
            CensusStatus::Counted => {
                let first = on_the_ledger(frame, &values.steps).pop();
                let first = first.and_then(|step| domain::date::stored(&step.on));
                let verified = verified();
                match first.map(|on| (on, Source::History)) {
                    // The step took the day of its verification, or has one of its own.
                    Some(step) => {
                        let same = verified.filter(|(on, _)| *on == step.0);
                        Some((What::Added, same.unwrap_or(step)))
                    }
                    // Verified again later, it was entered before; entered later, it was verified before.
                    None => {
                        let days = verified.into_iter().chain(written()?);
                        days.min_by_key(|(on, _)| *on).map(|day| (What::Added, day))
                    }
                }
            }
            CensusStatus::Excluded => written()?.map(|day| (What::Excluded, day)),
            CensusStatus::Merged => written()?.map(|day| (What::Merged, day)),
            CensusStatus::Closed => {
                let closed = field(values.closed_on.as_ref(), "注销日期", "Closed on");
                or(closed, written)?.map(|day| (What::Closed, day))
            }
            CensusStatus::Candidate | CensusStatus::Transferring | CensusStatus::Unspecified => {
                None
            }
        };
        let Some((what, (on, source))) = found.filter(|(_, (on, _))| is_between(frame, *on)) else {
            continue;
        };
        let detail = match what {
            What::Excluded => Cell::term(reasons, values.exclusion_reason().into()),
            _ => Cell::Empty,
        };
        changes.push(Change {
            what,
            scope: row.scope,
            on,
            source,
            name: values.name.clone().unwrap_or_default(),
            code: values.uscc.clone(),
            detail: detail.say(domain::label::Language::Zh),
        });
    }
    Ok(())
}

fn parties(frame: &Frame<'_>, changes: &mut Vec<Change>) -> Result<(), Failure> {
    for row in frame.rows::<PartyOrganisation>("party_organisation")? {
        let values = &row.values;
        let has_been = matches!(
            values.status(),
            PartyOrgStatus::Active | PartyOrgStatus::Restructuring | PartyOrgStatus::Dissolved
        );
        let field =
            |on: Option<&String>, zh, en| Frame::day(on).map(|on| (on, Source::Field(zh, en)));
        let written = || {
            let of = ("party_organisation", "status");
            let on = or(stepped(frame, &values.steps), || {
                frame.written_on(of, row.id)
            })?;
            Ok::<_, Failure>(on.map(|on| (on, Source::History)))
        };
        let established = field(values.established_on.as_ref(), "成立日期", "Established on");
        let established = match values.status() {
            PartyOrgStatus::Active => or(established, written)?,
            _ => established.filter(|_| has_been),
        };
        let dissolved = match values.status() {
            PartyOrgStatus::Dissolved => {
                let dissolved = field(values.dissolved_on.as_ref(), "撤销日期", "Dissolved on");
                or(dissolved, written)?
            }
            _ => None,
        };
        let both = [
            (What::Established, established),
            (What::Dissolved, dissolved),
        ];
        for (what, day) in both {
            let Some((on, source)) = day.filter(|(on, _)| is_between(frame, *on)) else {
                continue;
            };
            let reason = values
                .dissolve_reason
                .clone()
                .filter(|_| what == What::Dissolved);
            changes.push(Change {
                what,
                scope: row.scope,
                on,
                source,
                name: values.name.clone().unwrap_or_default(),
                code: None,
                detail: reason.unwrap_or_default(),
            });
        }
    }
    Ok(())
}

/// The day from which a record counts where a move took it: the last that was named by the day of the write.
/// Of a move of before such days were kept there is none.
fn moved_on(frame: &Frame<'_>, record: &str, from: ScopeId, written: Date) -> Option<Date> {
    let key = across::named(frame.app.catalogue, record)?;
    let stored = frame.app.reader().get(key).ok()??;
    let stays = replica::owner(&stored.record)?.stays.into_iter();
    let left = stays.filter(|stay| stay.scope == from.0);
    let days = left.filter_map(|stay| domain::date::stored(&stay.until));
    days.filter(|day| *day <= written).max()
}

/// A move shows in both scopes, on the day from which the record counts elsewhere, else on that of the
/// city's decision.
fn moves(frame: &Frame<'_>, changes: &mut Vec<Change>) -> Result<(), Failure> {
    let mut moved: BTreeMap<(String, ScopeId, ScopeId, Date), String> = BTreeMap::new();
    let mut rows = Vec::new();
    frame.each_known("transfer_request", &mut |row: Row<TransferRequest>| {
        rows.push(row);
    })?;
    for row in rows {
        let values = &row.values;
        let is_moved = matches!(
            values.status(),
            TransferStatus::Accepted | TransferStatus::Ruled
        );
        let to = across::scope(values.to_scope.as_ref());
        let both = across::scope(values.from_scope.as_ref()).zip(to);
        let written = frame.written_on(("transfer_request", "status"), row.id)?;
        let on = written.zip(both).map(|(written, (from, _))| {
            moved_on(frame, values.record(), from, written).unwrap_or(written)
        });
        let on = on.filter(|on| is_between(frame, *on));
        if let (true, Some((from, to)), Some(on)) = (is_moved, both, on) {
            // Both scopes ask for one move: two requests, one change.
            let record = values.record.clone().unwrap_or_default();
            moved.insert(
                (record, from, to, on),
                values.title.clone().unwrap_or_default(),
            );
        }
    }
    let zh = domain::label::Language::Zh;
    for ((_, from, to, on), name) in moved {
        for (what, scope, other) in [(What::MovedOut, from, to), (What::MovedIn, to, from)] {
            if frame.only.is_none_or(|only| only == scope) {
                changes.push(Change {
                    what,
                    scope,
                    on,
                    source: Source::History,
                    name: name.clone(),
                    code: None,
                    detail: frame.scope(other).say(zh),
                });
            }
        }
    }
    Ok(())
}

fn summary(frame: &Frame<'_>, changes: &[Change]) -> Table {
    let mut columns = vec![Column::new(Content::Text, "scope", ("辖区", "Scope"))];
    columns.extend(ALL.map(|(_, id, zh, en)| Column::new(Content::Count, id, (zh, en))));
    columns.push(Column::new(Content::Count, "all", ("合计", "All")));
    let mut table = Table::new("summary", Word::of("变更汇总", "Summary"), columns);
    let mut scopes: BTreeMap<ScopeId, BTreeMap<What, u64>> = BTreeMap::new();
    for change in changes {
        *scopes
            .entry(change.scope)
            .or_default()
            .entry(change.what)
            .or_default() += 1;
    }
    let name = Word::of("汇总合计 = 明细条数", "sum of the summary = changes listed");
    for scope in frame.shown(scopes.keys().copied()) {
        let counts = scopes.get(&scope);
        let of = |what: What| {
            counts
                .and_then(|counts| counts.get(&what))
                .copied()
                .unwrap_or_default()
        };
        let all: u64 = ALL.iter().map(|(what, ..)| of(*what)).sum();
        let mut row = vec![frame.scope(scope)];
        row.extend(ALL.map(|(what, ..)| Cell::Count(of(what))));
        row.push(Cell::Count(all));
        table.rows.push(row);
        let listed = changes
            .iter()
            .filter(|change| change.scope == scope)
            .map(|_| 1_u64);
        let place = Word::same(&frame.code(scope));
        table
            .balances
            .push(Balance::new(&name, &place, all, listed));
    }
    table.add_up();
    table.note(
        "迁移在迁出和迁入两个辖区各计一次。",
        "A move counts in the scope that it left and in the one that it came to.",
    );
    table
}

fn list(frame: &Frame<'_>, changes: &[Change]) -> Table {
    let columns = vec![
        Column::new(Content::Text, "scope", ("辖区", "Scope")),
        Column::new(Content::Text, "what", ("变更", "Change")),
        Column::new(Content::Date, "on", ("日期", "Date")),
        Column::new(Content::Text, "source", ("日期来源", "Date from"))
            .defined(
                "记录中有日期的取该日期；没有的取现有状态的填报日期（“填报历史”）。纳入台账取核实日期和填报日期中较早的",
                "the date field of the record; where there is none, the day on which the present status was written (history); of an addition the earlier of both",
            ),
        Column::new(Content::Text, "name", ("名称", "Name")),
        Column::new(Content::Text, "uscc", ("统一社会信用代码", "Credit code")),
        Column::new(Content::Text, "detail", ("说明", "Detail")),
    ];
    let mut table = Table::new("changes", Word::of("变更明细", "Changes"), columns);
    for change in changes {
        let source = match change.source {
            Source::Field(zh, en) => Cell::word("field", zh, en),
            Source::History => Cell::word("history", "填报历史", "History"),
        };
        table.rows.push(vec![
            frame.scope(change.scope),
            change.what.cell(),
            Cell::Date(change.on),
            source,
            Cell::text(Some(&change.name)),
            Cell::text(change.code.as_deref()),
            Cell::text(Some(&change.detail)),
        ]);
    }
    table
}

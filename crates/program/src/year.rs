//! The programme year as both sides see it, and the acts with which the city opens, publishes,
//! settles and archives one. Each is one submission: written whole or not at all.

#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, ops::ControlFlow};

use domain::{
    Date, EnumSpec, KindSpec, Subject, date, decode, former,
    label::{self, Language},
    parameters::in_force,
    state::effects::Effect,
    value::{Input, parse_set},
    year::{self, Standing},
};
use prost::Message as _;
use proto::{
    ledger::{ProgrammeYear, QuarterlyReturn, ReturnStatus, StandardItem, YearPhase},
    schema::FormerValue,
};
use replica::{Edit, HybridTime, RecordId, RecordKey, Source};
use serde_json::{Map, Value, json};
use store::Stored;

use crate::{
    app::App,
    failure::{Exit, Failure},
    records::{Change, Desk, Known, Scopes, each, failure_of, kind_of, meaning, set_of_json},
    report, returns,
};

const KIND: &str = "programme_year";
const ITEM: &str = "standard_item";
const RETURN: &str = "quarterly_return";
const PHASE: &str = "phase_override";
const SETTLED: &str = "settled";

/// A year that is known here.
struct Year {
    stored: Stored,
    row: ProgrammeYear,
}

impl Year {
    fn find(app: &App, year: u32) -> Result<Self, Failure> {
        Self::known(app, year)?
            .ok_or_else(|| Failure::new("YEAR-001", Exit::Invalid).with("year", year))
    }

    fn known(app: &App, year: u32) -> Result<Option<Self>, Failure> {
        let Some((stored, values)) = stored(app, year)? else {
            return Ok(None);
        };
        let row = decode(&values).unwrap_or_default();
        Ok(Some(Self { stored, row }))
    }

    fn standing(&self, app: &App) -> Standing {
        year::standing(&self.row, app.today())
    }

    /// Who set the phase by hand last, when and why.
    fn ruling(&self, kind: &KindSpec) -> Option<(String, HybridTime)> {
        let register = kind.field(PHASE)?.register;
        let said = self.stored.record.register(register).iter();
        let last = said.max_by_key(|sibling| sibling.write.time)?;
        Some((last.write.reason.clone(), last.write.time))
    }
}

/// The record of a year with its values; none where there is none, or none any more.
fn stored(app: &App, year: u32) -> Result<Option<(Stored, Vec<u8>)>, Failure> {
    let key = RecordKey {
        kind: kind_of(app, KIND)?.kind,
        id: domain::year_record_id(year),
    };
    let stored = app.reader().get(key)?;
    let Some(stored) = stored.filter(|stored| !stored.record.is_empty()) else {
        return Ok(None);
    };
    let meaning = meaning(app, &stored.record)?;
    Ok((!meaning.deleted).then_some((stored, meaning.values)))
}

/// The values of the record of a year; none where there is none, or none any more.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn values(app: &App, year: u32) -> Result<Option<Vec<u8>>, Failure> {
    Ok(stored(app, year)?.map(|(_, values)| values))
}

/// The newest year that has begun.
///
/// # Errors
/// There is none, or the store cannot be read.
pub fn newest(app: &App) -> Result<u32, Failure> {
    let this = u32::try_from(app.today().year()).unwrap_or_default();
    let mut newest = None;
    each(
        app,
        kind_of(app, KIND)?.kind,
        None,
        None,
        &mut |_, meaning| {
            let row: ProgrammeYear = decode(&meaning.values).unwrap_or_default();
            newest = newest.max(row.year.filter(|year| *year <= this));
            Ok(ControlFlow::Continue(()))
        },
    )?;
    newest.ok_or_else(|| Failure::new("YEAR-001", Exit::Invalid).with("year", this))
}

/// Every year with its phase, ascending.
///
/// # Errors
/// The store cannot be read.
pub fn list(app: &App, language: Language) -> Result<Vec<Map<String, Value>>, Failure> {
    let mut years = Vec::new();
    each(
        app,
        kind_of(app, KIND)?.kind,
        None,
        None,
        &mut |_, meaning| {
            let row: ProgrammeYear = decode(&meaning.values).unwrap_or_default();
            years.extend(row.year);
            Ok(ControlFlow::Continue(()))
        },
    )?;
    years.sort_unstable();
    let heads = years.iter().map(|year| {
        let year = Year::find(app, *year)?;
        head(app, &year, language)
    });
    heads.collect()
}

fn phases(kind: &KindSpec) -> Option<&EnumSpec> {
    kind.field(PHASE)?.enumeration()
}

fn head(app: &App, year: &Year, language: Language) -> Result<Map<String, Value>, Failure> {
    let kind = kind_of(app, KIND)?;
    let standing = year.standing(app);
    let value = |phase: YearPhase| phases(kind)?.value(phase.into());
    let id = |phase| value(phase).map(|value| value.id.clone());
    let words =
        |phase: YearPhase| phases(kind).map(|e| label::enum_value(e, phase.into(), language));
    let days = standing.ends.map(|ends| (ends - app.today()).whole_days());
    let mut head = Map::new();
    let mut put = |name: &str, value: Value| head.insert(name.to_owned(), value);
    put("year", year.row.year.into());
    put("title", year.row.title.clone().into());
    put("doc_no", year.row.doc_no.clone().into());
    put("phase", id(standing.phase).into());
    put("phase_text", words(standing.phase).into());
    put("computed", id(standing.computed).into());
    let is_set = year.row.phase_override() != YearPhase::Unspecified;
    let why = year.ruling(kind).filter(|_| is_set);
    put("reason", why.map(|(reason, _)| reason).into());
    put("ends", standing.ends.map(date::text).into());
    put("days_left", days.filter(|days| *days >= 0).into());
    Ok(head)
}

/// One year: where it stands, its windows, quotas and parameters, its items; of an archived one what
/// was written to it since.
///
/// # Errors
/// There is no such year, or the store cannot be read.
pub fn show(app: &App, number: u32, language: Language) -> Result<Map<String, Value>, Failure> {
    let year = Year::find(app, number)?;
    let kind = kind_of(app, KIND)?;
    let mut document = head(app, &year, language)?;
    let windows = year::windows(&year.row).map(|window| {
        let phase = phases(kind).and_then(|e| e.value(window.phase.into()));
        let words = phases(kind).map(|e| label::enum_value(e, window.phase.into(), language));
        json!({
            "phase": phase.map(|phase| &phase.id),
            "phase_text": words,
            "from": window.from.map(date::text),
            "to": window.to.map(date::text),
            "open": window.holds(app.today()),
        })
    });
    document.insert("windows".to_owned(), windows.to_vec().into());
    let in_force = in_force(&year.row, app.today());
    let values = year::json(kind, &in_force.encode_to_vec());
    let is_window = |name: &str| name.ends_with("_from") || name.ends_with("_to");
    let is_head = |name: &str| ["year", "title", "doc_no", PHASE].contains(&name);
    let (quotas, rest): (Map<_, _>, Map<_, _>) = values
        .into_iter()
        .filter(|(name, _)| !is_window(name) && !is_head(name))
        .partition(|(name, _)| name.starts_with("quota_"));
    document.insert("quotas".to_owned(), quotas.into());
    document.insert("parameters".to_owned(), rest.into());
    document.insert("changes".to_owned(), changes(kind, &year.row).into());
    let (mut published, mut drafts) = (0, 0);
    for (_, item) in items(app, number)? {
        *(if item.draft() {
            &mut drafts
        } else {
            &mut published
        }) += 1;
    }
    document.insert(
        "items".to_owned(),
        json!({ "published": published, "drafts": drafts }),
    );
    let since = year
        .ruling(kind)
        .filter(|_| year.row.phase_override() == YearPhase::Archived);
    if let Some((_, since)) = since {
        document.insert("late".to_owned(), late(app, &year, since)?.into());
    }
    Ok(document)
}

/// What parameters were changed in the course of a year: each from when on, what it said before and
/// says from then on, by day.
fn changes(kind: &KindSpec, row: &ProgrammeYear) -> Vec<Value> {
    let until = |former: &FormerValue| former.until.clone();
    let mut all: Vec<&FormerValue> = row.former_values.iter().collect();
    all.sort_by_key(|former| (until(former), former.field.clone()));
    let one = |former: &&FormerValue| {
        let day = date::stored(&former.until)?;
        let then = in_force(row, day).encode_to_vec();
        let then = former::text(kind.field(&former.field)?, &then);
        Some(json!({
            "field": former.field,
            "from": former.until,
            "before": former.value,
            "value": then,
        }))
    };
    all.iter().filter_map(one).collect()
}

/// Changes parameters of a year from a day on; what they said before holds for the days before it.
///
/// # Errors
/// There is no such year, a field is no parameter or cannot hold the value, it is changed from a later
/// day already, or this is not the city.
pub fn set(
    app: &App,
    (year, from): (u32, Date),
    sets: &[String],
    reason: &str,
) -> Result<(), Failure> {
    let found = Year::find(app, year)?;
    let kind = kind_of(app, KIND)?;
    if u32::try_from(from.year()) != Ok(year) {
        return Err(Failure::new("YEAR-008", Exit::Invalid)
            .with("year", year)
            .with("from", date::text(from)));
    }
    let mut before = found.row.former_values.clone();
    let until = date::text(from);
    let mut set = Vec::new();
    for text in sets {
        let (name, given) = parse_set(text).map_err(|finding| failure_of(&[finding]))?;
        let field = kind
            .field(name)
            .filter(|_| former::PARAMETERS.contains(&name));
        let field = field.ok_or_else(|| {
            Failure::new("YEAR-006", Exit::Invalid)
                .with("field", name)
                .with("known", former::PARAMETERS.join(", "))
        })?;
        let said = former::text(field, &found.row.encode_to_vec());
        let mut others = found.row.former_values.iter().filter(|it| it.field == name);
        if let Some(later) = others.clone().find(|it| it.until > until) {
            return Err(Failure::new("YEAR-007", Exit::Invalid)
                .with("field", name)
                .with("from", &later.until));
        }
        // What is corrected on its own first day was never in force otherwise.
        if others.all(|it| it.until != until) {
            before.push(FormerValue {
                field: name.to_owned(),
                value: said,
                until: until.clone(),
            });
        }
        set.push((name, Input::Text(given)));
    }
    let all = ProgrammeYear {
        former_values: before,
        ..ProgrammeYear::default()
    };
    let mut kept = year::json(kind, &all.encode_to_vec());
    let former = former::field(kind).map(|field| field.id.as_str());
    let kept = former.and_then(|field| Some((field, kept.remove(field)?)));
    set.extend(kept.iter().map(|(field, kept)| (*field, Input::Json(kept))));
    let id = Some(found.stored.record.key.id);
    write(app, changed(&Desk::new(app)?, (kind, id), set, reason)?)
}

/// The records of an archived year that were written after it was archived, by clocks: a district
/// that had not heard of it went on, and nothing of that is refused.
fn late(app: &App, year: &Year, since: HybridTime) -> Result<Vec<String>, Failure> {
    let known = Known::new(app);
    let key = year.stored.record.key;
    let mut late = Vec::new();
    for kind in app.catalogue.kinds() {
        each(app, kind.kind, None, None, &mut |stored, meaning| {
            let newest = stored.record.siblings.iter().map(|it| it.write.time).max();
            let is_later = newest.is_some_and(|newest| newest > since);
            if is_later && year::of(kind, &meaning.values, &known) == Some(key) {
                let name = domain::across::name(app.catalogue, stored.record.key);
                late.push(name);
            }
            Ok(ControlFlow::Continue(()))
        })?;
    }
    Ok(late)
}

/// The items of a year.
fn items(app: &App, year: u32) -> Result<Vec<(RecordId, StandardItem)>, Failure> {
    let of = domain::year_record_id(year).0;
    let mut items = Vec::new();
    each(
        app,
        kind_of(app, ITEM)?.kind,
        None,
        None,
        &mut |stored, meaning| {
            let item: StandardItem = decode(&meaning.values).unwrap_or_default();
            if item.year.as_deref() == Some(of.as_slice()) {
                items.push((stored.record.key.id, item));
            }
            Ok(ControlFlow::Continue(()))
        },
    )?;
    Ok(items)
}

fn write(app: &App, edits: Vec<Edit>) -> Result<(), Failure> {
    if !edits.is_empty() {
        app.writer.edit(edits, Vec::new())?;
    }
    Ok(())
}

/// A change of fields of a record, prepared.
fn changed(
    desk: &Desk<'_>,
    (kind, id): (&'static KindSpec, Option<RecordId>),
    set: Vec<(&str, Input<'_>)>,
    reason: &str,
) -> Result<Vec<Edit>, Failure> {
    let change = Change {
        kind,
        id,
        set,
        seen: None,
        scope: None,
        reason,
        source: Source::Command,
    };
    Ok(desk.prepare(&change)?.edits())
}

/// Sets the phase of a year by hand; with none its days say it again. To settle it so is to settle it.
///
/// # Errors
/// There is no such year or phase, the phase cannot follow, or this is not the city.
pub fn set_phase(app: &App, year: u32, phase: Option<&str>, reason: &str) -> Result<(), Failure> {
    let found = Year::find(app, year)?;
    let is_archived = found.row.phase_override() == YearPhase::Archived;
    // What was archived was settled: its returns stay as they are.
    if phase == Some(SETTLED) && !is_archived {
        return settle(app, (year, false), reason);
    }
    let edits = phase_edits(app, &Desk::new(app)?, &found, phase, reason)?;
    write(app, edits)
}

/// Judges a save of a year's phase, however it is made: a year is settled when its returns are
/// accepted, or whoever settles it says so; archived when it was settled.
///
/// # Errors
/// It is not so yet, or the store is damaged or cannot be read.
pub(crate) fn judge(app: &App, subject: &Subject<'_>, is_confirmed: bool) -> Result<(), Failure> {
    // A year that is made has nothing behind it.
    let before = subject.before.filter(|_| subject.kind.id == KIND);
    let Some(before) = before else { return Ok(()) };
    let read = |values: &[u8]| decode::<ProgrammeYear>(values).unwrap_or_default();
    let (before, after) = (read(before), read(subject.after));
    let year = after.year.unwrap_or_default();
    match after.phase_override() {
        YearPhase::Settled if !is_over(before.phase_override()) && !is_confirmed => {
            let (_, open) = returns_of(app, year)?;
            if open.is_empty() {
                return Ok(());
            }
            Err(Failure::new("YEAR-005", Exit::Invalid)
                .with("year", year)
                .with("returns", open.join(", ")))
        }
        YearPhase::Archived if !is_over(year::standing(&before, app.today()).phase) => {
            Err(Failure::new("YEAR-003", Exit::Invalid).with("year", year))
        }
        _ => Ok(()),
    }
}

fn is_over(phase: YearPhase) -> bool {
    matches!(phase, YearPhase::Settled | YearPhase::Archived)
}

/// Whether the values of a record say that it is a year which is settled, or was.
#[must_use]
pub(crate) fn is_settled(kind: &KindSpec, values: &[u8]) -> bool {
    let row = || decode::<ProgrammeYear>(values).unwrap_or_default();
    kind.id == KIND && is_over(row().phase_override())
}

/// What follows when a year is settled, however that is saved: the returns of it that were accepted are
/// locked. One that was archived was settled before, and its returns stay as they are.
///
/// # Errors
/// The store is damaged or cannot be read.
pub(crate) fn follow(app: &App, subject: &Subject<'_>) -> Result<Vec<Effect>, Failure> {
    let is = |values| is_settled(subject.kind, values);
    let Some(before) = subject.before else {
        return Ok(Vec::new());
    };
    if is(before) || !is(subject.after) {
        return Ok(Vec::new());
    }
    let row: ProgrammeYear = decode(subject.after).unwrap_or_default();
    let (accepted, _) = returns_of(app, row.year())?;
    let lock = |id| Effect {
        kind: RETURN,
        id: Some(id),
        set: vec![("status", "locked".to_owned())],
        is_needed: true,
    };
    Ok(accepted.into_iter().map(lock).collect())
}

fn phase_edits(
    app: &App,
    desk: &Desk<'_>,
    year: &Year,
    phase: Option<&str>,
    reason: &str,
) -> Result<Vec<Edit>, Failure> {
    let kind = kind_of(app, KIND)?;
    if let Some((phase, all)) = phase.zip(phases(kind)) {
        let known: Vec<&str> = all.values.iter().map(|value| value.id.as_str()).collect();
        if !known.contains(&phase) {
            return Err(Failure::new("YEAR-004", Exit::Invalid)
                .with("phase", phase)
                .with("phases", known.join(", ")));
        }
    }
    let set = vec![(PHASE, Input::Text(phase.unwrap_or_default()))];
    changed(desk, (kind, Some(year.stored.record.key.id)), set, reason)
}

/// Opens a year from another: its parameters, the windows moved, a new edition of its items as drafts.
///
/// # Errors
/// The year is there, the other is not, or this is not the city.
pub fn open(
    app: &App,
    (year, from): (u32, u32),
    title: Option<&str>,
    reason: &str,
) -> Result<(), Failure> {
    if Year::known(app, year)?.is_some() {
        return Err(Failure::new("YEAR-002", Exit::Invalid).with("year", year));
    }
    let other = Year::find(app, from)?;
    let (desk, kind) = (Desk::new(app)?, kind_of(app, KIND)?);
    let mut values = year::next_json(kind, &other.row, year);
    if let Some(title) = title {
        values.insert("title".to_owned(), title.into());
    }
    let mut edits = changed(&desk, (kind, None), set_of_json(&values), reason)?;
    let kind = kind_of(app, ITEM)?;
    for (_, item) in items(app, from)?.iter().filter(|(_, item)| !item.draft()) {
        let edition = year::edition(item, year).encode_to_vec();
        let values = year::json(kind, &edition);
        edits.extend(changed(&desk, (kind, None), set_of_json(&values), reason)?);
    }
    write(app, edits)
}

/// Publishes the draft items of a year.
///
/// # Errors
/// There is no such year, or this is not the city.
pub fn publish(app: &App, year: u32, reason: &str) -> Result<(), Failure> {
    Year::find(app, year)?;
    let (desk, kind) = (Desk::new(app)?, kind_of(app, ITEM)?);
    let mut edits = Vec::new();
    for (id, _) in items(app, year)?.iter().filter(|(_, item)| item.draft()) {
        let set = vec![("draft", Input::Text(""))];
        edits.extend(changed(&desk, (kind, Some(*id)), set, reason)?);
    }
    write(app, edits)
}

/// Settles a year; the returns of it that were accepted are locked with that. What the city has not
/// accepted by then nobody can submit or accept any more: without `confirm` it is named and nothing is
/// done.
///
/// # Errors
/// There is no such year, returns are open, or this is not the city.
pub fn settle(app: &App, (year, confirm): (u32, bool), reason: &str) -> Result<(), Failure> {
    let found = Year::find(app, year)?;
    let desk = Desk::new(app)?.confirmed(confirm);
    let mut edits = phase_edits(app, &desk, &found, Some(SETTLED), reason)?;
    if found.row.phase_override() == YearPhase::Settled {
        // What was accepted before it was settled and is not locked yet.
        let kind = kind_of(app, RETURN)?;
        for id in returns_of(app, year)?.0 {
            let set = vec![("status", Input::Text("locked"))];
            edits.extend(changed(&desk, (kind, Some(id)), set, reason)?);
        }
    }
    write(app, edits)
}

/// The returns of a year that were accepted, and the names of those that were not, in order: also of
/// those that nobody has begun though their quarter has ended.
fn returns_of(app: &App, year: u32) -> Result<(Vec<RecordId>, Vec<String>), Failure> {
    let kind = kind_of(app, RETURN)?;
    let (scopes, states) = (Scopes::new(app), kind.field("status"));
    let (mut accepted, mut open) = (Vec::new(), Vec::new());
    let mut begun = BTreeSet::new();
    each(app, kind.kind, None, None, &mut |stored, meaning| {
        let row: QuarterlyReturn = decode(&meaning.values).unwrap_or_default();
        let of = row.period.as_deref().and_then(date::year_of_period);
        if of != Some(year) {
            return Ok(ControlFlow::Continue(()));
        }
        begun.insert(stored.record.key);
        match row.status() {
            ReturnStatus::Accepted => accepted.push(stored.record.key.id),
            ReturnStatus::Locked => {}
            status => {
                let states = states.and_then(|field| field.enumeration());
                let status = states.and_then(|states| states.value(status.into()));
                let status = status.map_or("", |status| status.id.as_str());
                let scope = scopes.code(stored.home)?;
                open.push(format!("{scope} {} {status}", row.period()));
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let of = i32::try_from(year).unwrap_or_default();
    for quarter in 1..=4_u8 {
        let last = date::quarter_end(of, quarter).filter(|last| *last < app.today());
        let owing = last.map(|last| report::expected(app, last)).transpose()?;
        for scope in owing.into_iter().flatten() {
            let period = format!("{year}Q{quarter}");
            let key = returns::key_of(app, scope, &period);
            if key.is_some_and(|key| !begun.contains(&key)) {
                open.push(format!("{} {period} missing", scopes.code(scope)?));
            }
        }
    }
    open.sort_unstable();
    Ok((accepted, open))
}

/// Archives a year that was settled.
///
/// # Errors
/// There is no such year, it was not settled, or this is not the city.
pub fn archive(app: &App, year: u32, reason: &str) -> Result<(), Failure> {
    set_phase(app, year, Some("archived"), reason)
}

//! Asks the table of roles about a write, with what it must know of where the record lies.

use std::ops::ControlFlow;

use bytes::Bytes;
use domain::{
    KindSpec, Purpose, across,
    authority::NewState,
    date, decode,
    permission::{self, Denied, Grant, Group, Lies, Part, Place, Writing},
    value,
};
use proto::ledger::TrainingAttendance;
use replica::{Record, RecordId, RecordKey};
use serde_json::Value;

use super::care;
use crate::{
    app::App,
    failure::{Exit, Failure},
    records::{Past, each, is_held, kind_of, meaning},
};

/// Asks whether whoever gives the command may write this.
///
/// # Errors
/// They may not (exit code 4), or the store is damaged or cannot be read.
pub(crate) fn may_write(
    app: &App,
    purpose: Purpose,
    existing: Option<&Record>,
    new: &NewState<'_>,
) -> Result<(), Failure> {
    let Some(grant) = app.grant.as_deref() else {
        return Ok(());
    };
    let Some(kind) = app.catalogue.kind(new.key.kind) else {
        // Of a kind that this program does not know nobody can say whose work it is.
        return super::gate::ask(app, permission::Right::Operate);
    };
    let bound = permission::is_bound(grant, kind) && !new.set.is_empty();
    let lies = if bound {
        lies(app, kind, existing, new)?
    } else {
        Lies::default()
    };
    let writing = Writing {
        kind,
        existing,
        set: new.set,
        author: &app.author(),
    };
    permission::may_write(grant, purpose, &writing, &lies).map_err(|why| denied(grant, &why))?;
    names_own(app, kind, new)
}

/// Whoever cares for some organisations names nobody and nothing beside them: by a role that somebody gave
/// away any person would come into their care.
fn names_own(app: &App, kind: &KindSpec, new: &NewState<'_>) -> Result<(), Failure> {
    if !care::is_bound(app) {
        return Ok(());
    }
    let values: Vec<u8> = new
        .set
        .iter()
        .flat_map(|(_, value)| value)
        .copied()
        .collect();
    for (_, key) in across::references(app.catalogue, kind, &values) {
        let of_care = ["organisation", "party_organisation", "person"];
        if of_care.contains(&app.catalogue.kind_name(key.kind).as_str()) {
            care::may_see(app, key)?;
        }
    }
    Ok(())
}

fn lies(
    app: &App,
    kind: &KindSpec,
    existing: Option<&Record>,
    new: &NewState<'_>,
) -> Result<Lies, Failure> {
    let before = match existing {
        Some(record) => Some(meaning(app, record)?.values),
        None => None,
    };
    let author = app.author();
    let place = |values: &[u8]| match kind.id.as_str() {
        "training_attendance" => attends(app, values),
        _ => place(app, new.key, values),
    };
    let mut siblings = existing.iter().flat_map(|record| &record.siblings);
    Ok(Lies {
        before: match &before {
            Some(values) => place(values)?,
            None => None,
        },
        after: place(&after(app, kind, existing, new)?)?,
        is_own: siblings.any(|sibling| sibling.write.author == author),
    })
}

/// The values after the write.
fn after(
    app: &App,
    kind: &KindSpec,
    existing: Option<&Record>,
    new: &NewState<'_>,
) -> Result<Vec<u8>, Failure> {
    let past = match existing {
        Some(record) => Past::of(app, record.key)?,
        None => Past::default(),
    };
    let look = |register, dot| past.value(register, dot);
    let value = |register| -> Bytes {
        let mut set = new.set.iter();
        match (set.find(|(id, _)| *id == register), existing) {
            (Some((_, value)), _) => value.clone(),
            (None, Some(record)) => {
                domain::effective::register(app.catalogue, record, register, &look).value
            }
            (None, None) => Bytes::new(),
        }
    };
    let registers = kind.registers.iter().map(|register| value(register.id));
    Ok(registers.flat_map(|value| value.to_vec()).collect())
}

/// Where somebody who attended belongs: where they hold a role or are dispatched to today. Of several
/// places the one that the account stands for.
fn attends(app: &App, values: &[u8]) -> Result<Option<Place>, Failure> {
    let row: TrainingAttendance = decode(values).unwrap_or_default();
    let part = app.grant.as_deref().and_then(|grant| grant.part.as_ref());
    let mut found = None;
    for name in ["role_assignment", "instructor_assignment"] {
        let kind = kind_of(app, name)?;
        each(app, kind.kind, None, None, &mut |stored, meaning| {
            // Both kinds name the person and the days alike.
            let said = value::to_json(kind, &meaning.values);
            let text = |field: &str| said.get(field).and_then(Value::as_str).map(str::to_owned);
            let is_theirs = row.person.as_deref().is_some_and(|person| {
                let id = RecordId::try_from(person).map(|id| id.to_string());
                id.ok() == text("person")
            });
            if is_theirs && is_held(app, text("from_on").as_ref(), text("to_on").as_ref()) {
                let at = place(app, stored.record.key, &meaning.values)?;
                let is_in = |at: &Place| part.is_some_and(|part| at.is_in(part));
                if at.as_ref().is_some_and(is_in) {
                    found = at;
                    return Ok(ControlFlow::Break(()));
                }
                found = found.take().or(at);
            }
            Ok(ControlFlow::Continue(()))
        })?;
    }
    Ok(found)
}

pub(super) fn place(app: &App, key: RecordKey, values: &[u8]) -> Result<Option<Place>, Failure> {
    let look = |key| -> Result<Option<Vec<u8>>, Failure> {
        let Some(stored) = app.reader().get(key)? else {
            return Ok(None);
        };
        Ok(Some(meaning(app, &stored.record)?.values))
    };
    let place = permission::place(app.catalogue, (key, values), &look)?;
    let organisation = place.as_ref().and_then(|place| place.organisation);
    if let Some(id) = organisation.filter(|_| care::is_bound(app)) {
        let kind = kind_of(app, "organisation")?.kind;
        // Care ends at once where the organisation goes to another scope.
        let is_here = is_here(app, RecordKey { kind, id })?;
        return Ok(place.filter(|_| is_here));
    }
    Ok(place)
}

/// Whether a record belongs to the scope whose program this is, or is being made.
pub(super) fn is_here(app: &App, key: RecordKey) -> Result<bool, Failure> {
    let stored = app.reader().get(key)?;
    Ok(stored.is_none_or(|stored| stored.home == app.scope()))
}

/// The failure of what the table does not let somebody do: which rule, what is safe, whom to ask.
pub(super) fn denied(grant: &Grant, why: &Denied) -> Failure {
    let role = grant.role;
    let of = |group: &Group| (group.zh.to_owned(), group.en.to_owned());
    let (what_zh, what_en) = match why {
        Denied::Right(right) => (right.zh().to_owned(), right.en().to_owned()),
        Denied::Kind(group)
        | Denied::Field(group)
        | Denied::Approve(group)
        | Denied::OnlyApproves(group) => of(group),
        Denied::Part(group) => {
            let (zh, en) = part_words(grant.part.as_ref());
            (
                format!("{}，限{zh}", group.zh),
                format!("{}, of {en}", group.en),
            )
        }
    };
    let failure = |zh: &str, en: &str| {
        let fill = |text: &str, role: &str, what: &str| {
            text.replace("{role}", role).replace("{what}", what)
        };
        Failure::new(why.code(), Exit::Refused)
            .with("role", role.id())
            .with("what", &what_en)
            .saying(fill(zh, role.zh(), &what_zh), fill(en, role.en(), &what_en))
    };
    let (zh, en) = crate::texts::pair(why.code());
    failure(zh, en)
}

/// A part in words.
pub(crate) fn part_words(part: Option<&Part>) -> (String, String) {
    match part {
        Some(Part::Town(code)) => (format!("乡镇（街道）{code}"), format!("town {code}")),
        Some(Part::Industry(letter)) => {
            (format!("行业门类 {letter}"), format!("industry {letter}"))
        }
        Some(Part::Agency(id)) => (format!("责任单位 {id}"), format!("agency {id}")),
        Some(Part::Park(id)) => (format!("园区 {id}"), format!("park {id}")),
        Some(Part::Care(care)) => {
            let (units, until) = (care.organisations.len(), date::text(care.until));
            (
                format!("{} 托管的 {units} 个单位（至 {until}）", care.scope),
                format!(
                    "{units} organisations in care of {} until {until}",
                    care.scope
                ),
            )
        }
        None => (String::new(), String::new()),
    }
}

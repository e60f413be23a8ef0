//! A row's cells as register values, and what they are held against.

use bytes::Bytes;
use domain::{
    Finding, RegisterEdit,
    catalogue::{Need, Type},
    effective::Reading,
    number,
    permission::Mask,
    value,
};
use replica::{Record, RecordId, RegisterId, Set, Shown, Sibling};

use super::Planner;
use crate::{
    app::App,
    failure::{Exit, Failure},
    import::{
        fields::Line,
        mark::{Mark, Noted},
        meet::Identity,
        report::{Notice, said},
    },
};

/// A row as it was read.
#[derive(Debug)]
pub(super) struct Parsed<'l> {
    pub(super) line: &'l Line<'l>,
    /// What it would make of a record that has nothing.
    pub(super) edits: Vec<RegisterEdit>,
    /// What was not found, and stays empty.
    pub(super) dropped: Vec<Finding>,
    pub(super) identity: Identity,
}

impl Planner<'_> {
    /// Reads the cells of a row over what registers are. What a cell refers to and is not found
    /// goes to `dropped`; anything else that cannot be read refuses the row.
    pub(super) fn parse(
        &self,
        line: &Line<'_>,
        base: &dyn Fn(RegisterId) -> Bytes,
        dropped: &mut Vec<Finding>,
    ) -> Result<Vec<RegisterEdit>, Vec<Finding>> {
        let read = |dropped: &[Finding]| {
            let kept = line
                .given
                .iter()
                .filter(|(field, _)| dropped.iter().all(|finding| finding.field != field.id));
            let set = kept.map(|(field, given)| (field.id.as_str(), given.input()));
            value::edits(self.app.catalogue, self.kind, base, set, &self.finder())
        };
        let findings = match read(dropped) {
            Ok(edits) => return Ok(edits),
            Err(findings) => findings,
        };
        let (soft, hard): (Vec<_>, Vec<_>) = findings.into_iter().partition(is_not_found);
        if !hard.is_empty() {
            return Err(hard);
        }
        dropped.extend(soft);
        read(dropped)
    }

    /// The registers that a row changes, each with the candidates that its value replaces; notes in
    /// the mark what was read.
    pub(super) fn differences(
        &self,
        parsed: &Parsed<'_>,
        record: &Record,
        mark: &mut Mark,
    ) -> Result<Result<Vec<Set>, Vec<Finding>>, Failure> {
        let read = |register| reading(self.app, record, register);
        let last = mark.clone();
        let known = |register: RegisterId| {
            let marked = last.register(register).map(|marked| marked.value.clone());
            marked.unwrap_or_else(|| read(register).value)
        };
        let against_last = match self.parse(parsed.line, &known, &mut parsed.dropped.clone()) {
            Ok(edits) => edits,
            Err(findings) => return Ok(Err(findings)),
        };
        // What is written keeps the other fields of a group as they are now, whoever wrote them.
        let now = |register| read(register).value;
        let against_now = if against_last.iter().any(|edit| edit.changed) {
            match self.parse(parsed.line, &now, &mut parsed.dropped.clone()) {
                Ok(edits) => edits,
                Err(findings) => return Ok(Err(findings)),
            }
        } else {
            Vec::new()
        };
        let mask = Mask::of(self.app.catalogue, Some(self.kind), Some(record));
        let mut set = Vec::new();
        for edit in &against_last {
            let register = edit.register;
            let (marked, reading) = (last.register(register), read(register));
            if !edit.changed {
                if marked.is_none() {
                    let shown = seen(record, register, &reading, &edit.value);
                    mark.set(register, edit.value.clone(), &shown, Noted::Read);
                }
                continue;
            }
            if mask.is_of(register, &reading.value, &edit.value) {
                continue;
            }
            let written = against_now.iter().find(|edit| edit.register == register);
            let value = written.map_or_else(|| edit.value.clone(), |edit| edit.value.clone());
            let stands = record
                .register(register)
                .iter()
                .any(|sibling| sibling.value == value);
            if value == reading.value || stands {
                // A person has entered the same in the meantime.
                let shown = seen(record, register, &reading, &value);
                mark.set(register, value, &shown, Noted::Read);
                continue;
            }
            let shown = match marked {
                Some(marked) => marked.shown(record, &self.replica, self.app.reader())?,
                None => seen(record, register, &reading, &value),
            };
            mark.set(register, value.clone(), &shown, Noted::Write);
            set.push(Set {
                register,
                value,
                shown,
            });
        }
        Ok(Ok(set))
    }

    /// Whether a later row of this file may make what was not found.
    pub(super) fn may_come(&self, dropped: &[Finding]) -> bool {
        dropped.iter().any(|finding| {
            let field = self.kind.field(&finding.field);
            field.is_some_and(|field| {
                field.reference.as_deref() == Some(self.kind.id.as_str())
                    || field.value_type == Type::AnyReference
            })
        })
    }

    /// The values of a record to be made. What the sheet need not say and the program knows is where
    /// they come from, and the scope in which they are made.
    pub(super) fn with_defaults(&self, parsed: &Parsed<'_>) -> Vec<RegisterEdit> {
        let mut edits: Vec<RegisterEdit> = parsed
            .edits
            .iter()
            .filter(|edit| !edit.value.is_empty())
            .cloned()
            .collect();
        let place = self
            .desk
            .known()
            .scopes()
            .code(self.scope)
            .unwrap_or_default();
        for field in &self.kind.fields {
            let is_source = field
                .enumeration()
                .is_some_and(|values| values.id == "data_source");
            let is_place = field.id == "scope" && field.need == Need::Required;
            let text = match (is_source, is_place) {
                (true, _) => "file",
                (_, true) => place.as_str(),
                (false, false) => continue,
            };
            if edits.iter().all(|edit| edit.register != field.register) {
                let set = [(field.id.as_str(), value::Input::Text(text))];
                let base = |_| Bytes::new();
                let own = value::edits(self.app.catalogue, self.kind, &base, set, &self.finder());
                edits.extend(own.unwrap_or_default());
            }
        }
        edits.sort_by_key(|edit| edit.register);
        edits
    }

    /// The values with a number where the sheet gives none and the kind has numbers.
    pub(super) fn numbered(
        &self,
        mut edits: Vec<RegisterEdit>,
    ) -> Result<Vec<RegisterEdit>, Failure> {
        let no = self.desk.number(self.kind, self.scope, &joined(&edits))?;
        let Some((field, no)) = number::field(self.kind).zip(no) else {
            return Ok(edits);
        };
        let set = [(field.id.as_str(), value::Input::Text(&no))];
        let base = |_| Bytes::new();
        let own = value::edits(self.app.catalogue, self.kind, &base, set, &self.finder());
        edits.extend(own.unwrap_or_default());
        edits.sort_by_key(|edit| edit.register);
        Ok(edits)
    }
}

fn is_not_found(finding: &Finding) -> bool {
    matches!(finding.code, "reference_not_found" | "division")
}

/// Says that a field stays as it was because what its cell names was not found.
pub(super) fn left_empty(row: u32, finding: &Finding) -> Notice {
    let why = said(finding.code).saying(
        format!("{}；这一项没有填写，其余已读入", finding.zh),
        format!(
            "{}; the field was left as it was, the rest of the row was read",
            finding.en
        ),
    );
    Notice::cell(row, &finding.field, why)
}

/// The values of registers one after the other: the encoding of their record.
pub(super) fn joined(edits: &[RegisterEdit]) -> Vec<u8> {
    edits
        .iter()
        .flat_map(|edit| edit.value.iter().copied())
        .collect()
}

/// What is set, as the rules are told of it.
pub(super) fn of(set: &[Set]) -> Vec<RegisterEdit> {
    let edit = |set: &Set| RegisterEdit {
        register: set.register,
        value: set.value.clone(),
        changed: true,
    };
    set.iter().map(edit).collect()
}

/// What a register means now.
pub(super) fn reading(app: &App, record: &Record, register: RegisterId) -> Reading {
    domain::effective::register(app.catalogue, record, register, &|_, _| None)
}

/// The values of a record as they would be if nothing stood beside what is set.
pub(super) fn after(app: &App, record: &Record, set: &[Set]) -> Vec<u8> {
    let mut registers: Vec<(RegisterId, Bytes)> = record
        .registers()
        .map(|(register, _)| register)
        .filter(|register| !register.is_system() && set.iter().all(|set| set.register != *register))
        .map(|register| (register, reading(app, record, register).value))
        .chain(set.iter().map(|set| (set.register, set.value.clone())))
        .collect();
    registers.sort_by_key(|(register, _)| *register);
    registers
        .iter()
        .flat_map(|(_, value)| value.iter().copied())
        .collect()
}

/// The candidates that somebody who reads this value of a register has before him: all, but in an
/// open conflict only those that say so. Nobody decides a conflict by a spreadsheet.
pub(super) fn seen(
    record: &Record,
    register: RegisterId,
    reading: &Reading,
    value: &[u8],
) -> Vec<Shown> {
    let siblings = record.register(register).iter();
    let is_seen = |sibling: &&Sibling| reading.conflict.is_none() || sibling.value == value;
    siblings.filter(is_seen).map(Sibling::shown).collect()
}

/// A new id: the time, the row, and random bits, so that records lie in the order of the sheet.
pub(super) fn new_id(app: &App, row: u32) -> Result<RecordId, Failure> {
    let mut bytes = [0_u8; 10];
    let failed = |error| Failure::new("FILE-004", Exit::Failed).with("detail", error);
    getrandom::fill(&mut bytes).map_err(failed)?;
    let [_, _, high, low] = row.to_be_bytes();
    let [first, second, ..] = &mut bytes;
    (*first, *second) = (high, low);
    let id = uuid::Builder::from_unix_timestamp_millis(app.clock.wall_ms(), &bytes).into_uuid();
    Ok(RecordId(id.into_bytes()))
}

//! What one row does: makes a record, changes one, says what is known, or is refused.
//!
//! The row is held against what the last import of the record read, or without one against the
//! record; only what differs is written, and it replaces only what that import saw or made. So a
//! person's later edit is never replaced: the new value stands beside it. Where a register is in
//! open conflict, an import decides nothing: it adds its value or finds it there.

mod edits;
mod judge;

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use domain::{Finding, KindSpec, RegisterEdit, Subject, number};
use replica::{Edit, Record, RecordId, RecordKey, ScopeId, Set, Source};

use self::edits::{Parsed, joined};
use super::{
    fields::{ID, Line},
    find::{Finder, Towns, code_field, name_field},
    mark::{self, Mark, Noted},
    meet::{Identity, Index, Met},
    report::{Notice, refused, said},
};
use crate::{
    app::App,
    failure::Failure,
    records::{Desk, Prepared, default_scope},
};

/// What is written for a row: its edit and its import mark, both or neither.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// What is written to the record; nothing when only the mark changes.
    pub(super) edit: Option<Edit>,
    /// What follows from it on other records, where it is a step.
    pub(super) follows: Vec<Edit>,
    /// The name and the bytes of the import mark.
    pub(super) mark: (String, Option<Vec<u8>>),
}

/// What becomes of a row.
#[derive(Debug)]
pub(super) enum Fate {
    /// It makes a record.
    Created(Order),
    /// It changes a record.
    Changed(Order),
    /// It says what is known; the import mark may change.
    Unchanged(Option<Order>),
    /// It is refused.
    Rejected(Notice),
    /// It refers to a record that a later row may make.
    Waits,
}

/// Whether a row may wait for a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// It may.
    Wait,
    /// It may not: nothing more will come.
    Now,
}

/// Plans rows one after the other. See the module.
#[derive(Debug)]
pub(super) struct Planner<'a> {
    app: &'a App,
    kind: &'static KindSpec,
    /// The scope of records that are made.
    scope: ScopeId,
    /// Why they are written.
    reason: String,
    replica: String,
    index: Index<'static>,
    desk: Desk<'a>,
    towns: Towns,
    planned: HashMap<RecordId, Planned>,
    /// What the rules warn of: how many rows, the first of them, and what was said there.
    noted: BTreeMap<&'static str, (usize, u32, Finding)>,
}

/// What a row of this import said of a record.
#[derive(Debug)]
struct Planned {
    row: u32,
    edits: Vec<RegisterEdit>,
}

/// Which record a row is about.
enum Target {
    Known(RecordId),
    /// None when the fields that make the id are missing.
    New(Option<RecordId>),
}

/// A fate with what is to be said beside it.
pub(super) type Outcome = (Fate, Vec<Notice>);

fn rejected(notice: Notice) -> Outcome {
    (Fate::Rejected(notice), Vec::new())
}

impl<'a> Planner<'a> {
    pub(super) fn new(
        app: &'a App,
        kind: &'static KindSpec,
        reason: String,
    ) -> Result<Self, Failure> {
        let scope = default_scope(app, kind);
        Ok(Self {
            app,
            kind,
            scope,
            reason,
            replica: app.identity.short_name(),
            index: Index::read(app, kind, scope)?,
            desk: Desk::new(app)?,
            towns: Towns::default(),
            planned: HashMap::new(),
            noted: BTreeMap::new(),
        })
    }

    /// Finds what cells refer to.
    pub(super) fn finder(&self) -> Finder<'_, 'a> {
        Finder {
            known: self.desk.known(),
            towns: &self.towns,
            scope: self.scope,
        }
    }

    /// Plans a row.
    pub(super) fn plan(&mut self, line: &Line<'_>, patience: Patience) -> Result<Outcome, Failure> {
        let mut dropped = Vec::new();
        let empty = |_| Bytes::new();
        let edits = match self.parse(line, &empty, &mut dropped) {
            Ok(edits) => edits,
            Err(findings) => return Ok(rejected(refused(line.row, &findings))),
        };
        if patience == Patience::Wait && self.may_come(&dropped) {
            return Ok((Fate::Waits, Vec::new()));
        }
        let identity = self.index.of_row(&edits);
        let target = match self.target(line, &edits, &identity)? {
            Ok(target) => target,
            Err(notice) => return Ok(rejected(notice)),
        };
        if let Target::Known(id) = target
            && let Some(first) = self.planned.get(&id)
        {
            return Ok(self.repeated(line, &edits, &identity, first));
        }
        let parsed = Parsed {
            line,
            edits,
            dropped,
            identity,
        };
        let (fate, mut warnings) = match target {
            Target::New(id) => self.create(&parsed, id)?,
            Target::Known(id) => self.change(&parsed, id)?,
        };
        if !matches!(fate, Fate::Rejected(_)) {
            warnings.extend(
                parsed
                    .dropped
                    .iter()
                    .map(|finding| edits::left_empty(line.row, finding)),
            );
        }
        Ok((fate, warnings))
    }

    /// What the rules warned of, each once.
    pub(super) fn noted(&self) -> impl Iterator<Item = Notice> {
        self.noted.values().map(|(rows, first, finding)| Notice {
            row: None,
            field: Some(finding.field.clone()),
            why: Box::new(said(finding.code).saying(
                format!("{rows} 行（首见第 {first} 行）：{}", finding.zh),
                format!("{rows} rows (first in line {first}): {}", finding.en),
            )),
        })
    }

    fn key(&self, id: RecordId) -> RecordKey {
        RecordKey {
            kind: self.kind.kind,
            id,
        }
    }

    /// Finds the record of a row: by the id that it names, by the id that its values make, by what
    /// it is known by.
    fn target(
        &self,
        line: &Line<'_>,
        edits: &[RegisterEdit],
        identity: &Identity,
    ) -> Result<Result<Target, Notice>, Failure> {
        if let Some(id) = line.id {
            let unknown = || Notice::cell(line.row, ID, said("IMPORT-024").with("id", id));
            return Ok(self
                .standing(line, id)?
                .and_then(|known| known.ok_or_else(unknown)));
        }
        if self.kind.derived_id {
            let Some(id) = domain::derive_id(self.kind, &joined(edits)) else {
                return Ok(Ok(Target::New(None)));
            };
            let known = self.standing(line, id)?;
            return Ok(known.map(|known| known.unwrap_or(Target::New(Some(id)))));
        }
        Ok(match self.index.meet(identity) {
            Met::Nobody => Ok(Target::New(Some(edits::new_id(self.app, line.row)?))),
            Met::One(id) => Ok(Target::Known(id)),
            Met::Several => Err(Notice::cell(
                line.row,
                &self.known_by(line, identity),
                said("IMPORT-022"),
            )),
        })
    }

    /// Whether a record of an id is there; one that was deleted takes no rows.
    fn standing(
        &self,
        line: &Line<'_>,
        id: RecordId,
    ) -> Result<Result<Option<Target>, Notice>, Failure> {
        if self.planned.contains_key(&id) {
            return Ok(Ok(Some(Target::Known(id))));
        }
        let stored = self.app.reader().get(self.key(id))?;
        Ok(match stored.filter(|stored| !stored.record.is_empty()) {
            None => Ok(None),
            Some(stored) if stored.record.is_deleted() => {
                let field = if line.id.is_some() { ID } else { "" };
                Err(Notice::cell(
                    line.row,
                    field,
                    said("IMPORT-025").with("id", id),
                ))
            }
            Some(_) => Ok(Some(Target::Known(id))),
        })
    }

    /// The id of the field by which a row and a record know each other.
    fn known_by(&self, line: &Line<'_>, identity: &Identity) -> String {
        let code = code_field(self.kind).filter(|_| identity.code.is_some());
        let name = || name_field(self.kind);
        let key = || {
            self.kind
                .key_fields()
                .next()
                .filter(|_| self.kind.derived_id)
        };
        let field = code.or_else(key).or_else(name);
        match field {
            _ if line.id.is_some() && code.is_none() => ID.to_owned(),
            Some(field) => field.id.clone(),
            None => String::new(),
        }
    }

    /// A row about a record of which an earlier row has spoken.
    fn repeated(
        &self,
        line: &Line<'_>,
        edits: &[RegisterEdit],
        identity: &Identity,
        first: &Planned,
    ) -> Outcome {
        let field = self.known_by(line, identity);
        let say = |code| Notice::cell(line.row, &field, said(code).with("first", first.row));
        if edits == first.edits {
            (Fate::Unchanged(None), vec![say("IMPORT-030")])
        } else {
            rejected(say("IMPORT-023"))
        }
    }

    fn create(&mut self, parsed: &Parsed<'_>, id: Option<RecordId>) -> Result<Outcome, Failure> {
        let row = parsed.line.row;
        let edits = self.numbered(self.with_defaults(parsed))?;
        let values = joined(&edits);
        // Without the fields that make an id the rules refuse the row; they are asked first.
        let judged = id.unwrap_or(RecordId([0; 16]));
        let made = (judged, self.scope);
        if let Err(notice) = self.judge(parsed, made, &edits, None, &values)? {
            return Ok(rejected(notice));
        }
        let Some(id) = id else {
            let key = self
                .kind
                .key_fields()
                .next()
                .map_or("", |field| field.id.as_str());
            return Ok(rejected(Notice::cell(row, key, said("IMPORT-028"))));
        };
        let mut mark = Mark::default();
        let mut set = Vec::with_capacity(edits.len());
        for edit in &edits {
            mark.set(edit.register, edit.value.clone(), &[], Noted::Write);
            set.push(Set {
                register: edit.register,
                value: edit.value.clone(),
                shown: Vec::new(),
            });
        }
        let edit = self.edit(row, id, self.scope, set);
        let empty = Record::new(edit.key, self.scope);
        let beside = match self.try_out(row, None, (&empty, &[]), &edit) {
            Ok(beside) => beside,
            Err(notice) => return Ok(rejected(notice)),
        };
        let mut warnings: Vec<Notice> = beside;
        if self.index.has_namesake(&parsed.identity) {
            let name = name_field(self.kind).map_or("", |field| field.id.as_str());
            warnings.push(Notice::cell(row, name, said("IMPORT-038")));
        }
        if !self.kind.derived_id {
            let identity = if number::field(self.kind).is_some() {
                self.index.of_row(&edits)
            } else {
                parsed.identity.clone()
            };
            self.index.add(id, &identity);
        }
        self.remember(parsed, id, self.scope, &values)?;
        Ok((Fate::Created(self.order(id, Some(edit), &mark)), warnings))
    }

    fn change(&mut self, parsed: &Parsed<'_>, id: RecordId) -> Result<Outcome, Failure> {
        let (app, row) = (self.app, parsed.line.row);
        let Some(stored) = app.reader().get(self.key(id))? else {
            return Ok(rejected(Notice::cell(
                row,
                ID,
                said("IMPORT-024").with("id", id),
            )));
        };
        let (record, home) = (stored.record, stored.home);
        let before = Mark::load(app.reader(), &mark::name(self.kind, id))?;
        let mut mark = before.clone();
        let set = match self.differences(parsed, &record, &mut mark)? {
            Ok(set) => set,
            Err(findings) => return Ok(rejected(refused(row, &findings))),
        };
        let has_new_mark = mark != before;
        if set.is_empty() {
            self.note_row(parsed, id);
            let order = has_new_mark.then(|| self.order(id, None, &mark));
            return Ok((Fate::Unchanged(order), Vec::new()));
        }
        let now = domain::effective(app.catalogue, &record).values;
        let after = edits::after(app, &record, &set);
        let edits = edits::of(&set);
        let stands = (id, home);
        if let Err(notice) = self.judge(parsed, stands, &edits, Some(&now), &after)? {
            return Ok(rejected(notice));
        }
        let edit = self.edit(row, id, home, set);
        let past = self.past(&record, &edit)?;
        let beside = match self.try_out(row, Some(&record), (&record, &past), &edit) {
            Ok(beside) => beside,
            Err(notice) => return Ok(rejected(notice)),
        };
        if home == self.scope {
            self.index.add_code(id, &parsed.identity);
        }
        let subject = Subject {
            kind: self.kind,
            id,
            scope: home,
            before: Some(&now),
            after: &after,
        };
        let (follows, _) = match self.desk.follow(&subject, (&edit.reason, edit.source)) {
            Ok(follows) => follows,
            Err(why) if why.findings.is_empty() => return Err(why),
            Err(why) => return Ok(rejected(refused(row, &why.findings))),
        };
        self.remember(parsed, id, home, &after)?;
        let order = Order {
            follows: follows.into_iter().flat_map(Prepared::edits).collect(),
            ..self.order(id, Some(edit), &mark)
        };
        Ok((Fate::Changed(order), beside))
    }

    /// The reason names the line, so that whoever meets the value finds it in the sheet.
    fn edit(&self, row: u32, id: RecordId, scope: ScopeId, set: Vec<Set>) -> Edit {
        Edit {
            key: self.key(id),
            scope,
            set,
            author: self.app.author(),
            reason: format!("{}:{row}", self.reason),
            source: Source::Import,
            decision: Bytes::new(),
        }
    }

    fn order(&self, id: RecordId, edit: Option<Edit>, mark: &Mark) -> Order {
        let bytes = prost::Message::encode_to_vec(mark);
        Order {
            edit,
            follows: Vec::new(),
            mark: (mark::name(self.kind, id), Some(bytes)),
        }
    }

    /// Notes what the row said of its record, for rows that repeat it.
    fn note_row(&mut self, parsed: &Parsed<'_>, id: RecordId) {
        let planned = Planned {
            row: parsed.line.row,
            edits: parsed.edits.clone(),
        };
        self.planned.insert(id, planned);
    }

    /// Makes the values known to the rules and references of the rows that follow.
    fn remember(
        &mut self,
        parsed: &Parsed<'_>,
        id: RecordId,
        scope: ScopeId,
        values: &[u8],
    ) -> Result<(), Failure> {
        self.note_row(parsed, id);
        self.desk.known().note(self.key(id), scope, values)
    }
}

//! Whether a planned row may go in: the rules, the authority, and what the record would be.

use domain::{FieldSpec, Finding, Refusal, RegisterEdit, Subject, Writer, authority::NewState};
use replica::{
    Dot, Edit, EditError, HybridTime, Incarnation, Record, RecordId, RegisterId, ScopeId, Sibling,
    Source, Stamp, limits::RECORD_BYTES_MAX,
};
use store::StoreError;

use super::{Parsed, Planner, edits};
use crate::{
    accounts,
    failure::{Exit, Failure},
    import::report::{Notice, refused, said},
};

/// The name that a write has while it is only tried out. It goes nowhere.
const TRIAL: Stamp = Stamp {
    dot: Dot {
        incarnation: Incarnation(u64::MAX),
        counter: 1,
    },
    time: HybridTime(0),
    epoch: 0,
};

impl Planner<'_> {
    /// Judges a record, named by id and scope, as the row would have it. Warnings are counted.
    pub(super) fn judge(
        &mut self,
        parsed: &Parsed<'_>,
        (id, scope): (RecordId, ScopeId),
        edits: &[RegisterEdit],
        before: Option<&[u8]>,
        after: &[u8],
    ) -> Result<Result<(), Notice>, Failure> {
        let subject = Subject {
            kind: self.kind,
            id,
            scope,
            before,
            after,
        };
        let left = self.desk.leaves_transfer(Source::Import, &subject);
        let judged = left.and_then(|()| self.desk.judge(&subject, edits));
        let warnings = match judged {
            Ok(warnings) => warnings,
            Err(rejection) if rejection.findings.is_empty() => return Err(rejection),
            Err(rejection) => {
                // A field that is missing because its cell was not found: the cell is the reason.
                let reason = |finding: &Finding| {
                    let cell = parsed
                        .dropped
                        .iter()
                        .find(|cell| cell.field == finding.field);
                    cell.unwrap_or(finding).clone()
                };
                let blocks: Vec<Finding> = rejection.findings.iter().map(reason).collect();
                return Ok(Err(refused(parsed.line.row, &blocks)));
            }
        };
        // What is not filled in yet is counted by the completeness indicator, not row by row.
        for finding in warnings.into_iter().filter(|finding| finding.rule != "REQ") {
            let entry = self.noted.entry(finding.code);
            entry.or_insert_with(|| (0, parsed.line.row, finding)).0 += 1;
        }
        Ok(Ok(()))
    }

    /// Tries an edit out: whether this program may write it, whether the record takes it, and
    /// which of its values would then stand beside another. `past` is what has left the record.
    pub(super) fn try_out(
        &self,
        row: u32,
        existing: Option<&Record>,
        (record, past): (&Record, &[Sibling]),
        edit: &Edit,
    ) -> Result<Vec<Notice>, Notice> {
        let set: Vec<_> = edit
            .set
            .iter()
            .map(|set| (set.register, set.value.clone()))
            .collect();
        let new = NewState {
            key: edit.key,
            scope: edit.scope,
            set: &set,
        };
        let purpose = domain::Purpose::Edit;
        domain::may_edit(self.app.catalogue, self.writer(), purpose, existing, &new)
            .and_then(|()| domain::authority::approve(self.kind, existing, &set, &edit.author))
            .map_err(|(register, refusal)| self.forbidden(row, register, refusal))?;
        accounts::may_write(self.app, purpose, existing, &new)
            .map_err(|failure| Notice::cell(row, "", failure))?;
        let past = |register, dot| {
            let same = |s: &&Sibling| s.register == register && s.dot() == dot;
            past.iter().find(same).cloned()
        };
        let next = match edit.apply(record, TRIAL, false, &past) {
            Ok(next) => next,
            Err(error) => return Err(self.not_taken(row, error)),
        };
        // Short values cannot make a long record; the exact answer costs an encoding.
        let size: usize = next
            .siblings
            .iter()
            .map(|sibling| sibling.value.len())
            .sum();
        if size > RECORD_BYTES_MAX / 4 && next.encode().len() > RECORD_BYTES_MAX {
            return Err(Notice::cell(
                row,
                "",
                Failure::new("EDIT-004", Exit::Invalid),
            ));
        }
        if existing.is_none() {
            return Ok(Vec::new());
        }
        Ok(self.beside(row, &next, edit.set.iter().map(|set| set.register)))
    }

    /// What has left a record, where an edit shows something that does not stand any more.
    pub(super) fn past(&self, record: &Record, edit: &Edit) -> Result<Vec<Sibling>, StoreError> {
        if !edit.shows_past(record) {
            return Ok(Vec::new());
        }
        let history = self.app.reader().history(record.key)?;
        Ok(history
            .into_iter()
            .flat_map(|(_, siblings)| siblings)
            .collect())
    }

    /// Names the registers that are in open conflict.
    pub(in crate::import) fn beside(
        &self,
        row: u32,
        record: &Record,
        registers: impl Iterator<Item = RegisterId>,
    ) -> Vec<Notice> {
        let open = registers.filter(|register| {
            edits::reading(self.app, record, *register)
                .conflict
                .is_some()
        });
        open.map(|register| Notice::cell(row, &self.field_of(register), said("IMPORT-032")))
            .collect()
    }

    /// The refusal of a row by the writer.
    pub(in crate::import) fn not_taken(&self, row: u32, error: EditError) -> Notice {
        match error {
            EditError::DecideFirst(register) => {
                Notice::cell(row, &self.field_of(register), said("IMPORT-026"))
            }
            EditError::Stale(register) => {
                let why = Failure::new("EDIT-001", Exit::Invalid);
                Notice::cell(row, &self.field_of(register), why)
            }
            EditError::Nothing => Notice::cell(row, "", Failure::new("EDIT-003", Exit::Invalid)),
        }
    }

    fn writer(&self) -> Writer {
        if self.app.is_hub() {
            Writer::Hub {
                published: self.app.published(),
                city_direct: self.app.scope(),
            }
        } else {
            Writer::Node {
                scope: self.app.scope(),
            }
        }
    }

    fn forbidden(&self, row: u32, register: RegisterId, refusal: Refusal) -> Notice {
        let (zh, en) = self
            .first(register)
            .map_or(("", ""), |field| (&field.zh, &field.en));
        let why = said(refusal.code()).saying(
            format!("{zh}：{}", refusal.zh()),
            format!("{en}: {}", refusal.en()),
        );
        Notice::cell(row, &self.field_of(register), why)
    }

    /// The first field of a register.
    fn first(&self, register: RegisterId) -> Option<&'static FieldSpec> {
        let spec = self.kind.register(register)?;
        self.kind.fields_of(spec).next()
    }

    /// Its id.
    fn field_of(&self, register: RegisterId) -> String {
        self.first(register)
            .map(|field| field.id.clone())
            .unwrap_or_default()
    }
}

//! What the city has decided stays as it was read: a correction is another record, and both are kept.

use super::{Subject, day, text_of};
use crate::{
    catalogue::KindSpec,
    date::Date,
    finding::{Finding, Level::Block},
    value,
};

/// When a record says what was decided.
#[derive(Clone, Copy, Debug)]
enum By {
    /// As soon as the field says something.
    Said(&'static str),
    /// From the day of the field on.
    Day(&'static str),
}

#[derive(Debug)]
struct Row {
    kind: &'static str,
    by: By,
    rule: &'static str,
    code: &'static str,
    zh: &'static str,
    en: &'static str,
}

const DECIDED: &[Row] = &[
    Row {
        kind: "acceptance_verdict",
        by: By::Said("verdict"),
        rule: "STEP",
        code: "decided_frozen",
        zh: "已登记的验收结论不再修改或删除；更正或整改后的结论请另行登记，以最后的为准",
        en: "A verdict that was entered stays; enter another one to correct it or after what was to be put right, the last one stands",
    },
    Row {
        kind: "reward",
        by: By::Said("paid_on"),
        rule: "STEP",
        code: "decided_frozen",
        zh: "已拨付的奖补不再修改或删除；还要补发的请另行登记一笔",
        en: "A reward that was paid stays; what is added to it is another reward",
    },
    Row {
        kind: "notice",
        by: By::Day("issued_on"),
        rule: "V25",
        code: "notice_frozen",
        zh: "已发出的通报不再修改或删除，更正请另发通报",
        en: "A notice that was issued stays; a correction is a new notice",
    },
];

fn row(kind: &KindSpec, values: &[u8], today: Date) -> Option<&'static Row> {
    let row = DECIDED.iter().find(|row| row.kind == kind.id)?;
    let is_decided = match row.by {
        By::Said(field) => !value::to_json(kind, values).remove(field)?.is_null(),
        By::Day(field) => {
            let said = kind.field(field).and_then(|field| text_of(field, values));
            day(said.as_ref()).is_some_and(|on| on <= today)
        }
    };
    is_decided.then_some(row)
}

fn frozen(row: &Row, field: &str) -> Finding {
    let text = (row.zh.to_owned(), row.en.to_owned());
    super::finding(row.rule, Block, field, row.code, text)
}

/// Why a record is not deleted: what it says was decided.
#[must_use]
pub fn why_kept(kind: &KindSpec, values: &[u8], today: Date) -> Option<Finding> {
    row(kind, values, today).map(|row| frozen(row, ""))
}

/// Names the first field of what was decided that an edit would change.
pub(super) fn judge(subject: &Subject<'_>, today: Date, findings: &mut Vec<Finding>) {
    let (kind, Some(before)) = (subject.kind, subject.before) else {
        return;
    };
    let Some(row) = row(kind, before, today).filter(|_| before != subject.after) else {
        return;
    };
    let (was, is) = (
        value::to_json(kind, before),
        value::to_json(kind, subject.after),
    );
    let mut fields = kind.fields.iter().map(|field| field.id.as_str());
    let changed = fields.find(|field| was.get(*field) != is.get(*field));
    if let Some(field) = changed {
        findings.push(frozen(row, field));
    }
}

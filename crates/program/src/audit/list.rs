//! The audit list as people read it: what was noted and what was written here, from the newest on.
//!
//! Both are read backwards in small steps, so the newest are there at once however long the list is.
//! Writes are those of this replica: what another side wrote stands in that side's list, and in the
//! history of its record here.

use std::{collections::VecDeque, sync::Arc};

use domain::Date;
use replica::{Dot, JournalEntry, Record, RecordKey, RegisterId, Write};
use serde_json::{Value, json};
use store::Refused;

use super::{count, entry};
use crate::{
    app::App,
    clock::{date_of, moment},
    failure::Failure,
    records::{Past, register_name, source_name},
};

/// Own writes that are read at once.
const STEP: usize = 64;

/// Rows that are looked at for one answer. A question that finds nothing must come to an end; it is
/// then said that there may be more.
const LOOKED_MAX: usize = 100_000;

/// Which rows are asked for.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only of this account.
    pub account: Option<String>,
    /// Only from this day on.
    pub from: Option<Date>,
    /// Only to this day.
    pub to: Option<Date>,
    /// Only about this kind.
    pub kind: Option<String>,
    /// How many at most.
    pub limit: usize,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// When, milliseconds since 1970.
    pub at_ms: u64,
    /// Who: ACCOUNT@replica.
    pub who: String,
    /// The command, or how a write came in: `write command`, `delete form`.
    pub deed: String,
    /// What it is about: a kind, `kind/id`, an account, a node.
    pub what: String,
    /// The fields that it names.
    pub fields: Vec<String>,
    /// Why.
    pub why: String,
    /// The scope that it was done for, where that is not this one.
    pub on_behalf: String,
    /// `done`, `shown`, `saved`, `taken_back`, or the code with which it was refused or failed.
    pub result: String,
}

/// The rows that were asked for, the newest first.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    /// The rows.
    pub rows: Vec<Row>,
    /// Whether there may be older ones.
    pub has_more: bool,
}

impl Row {
    /// The row as scripts read it.
    #[must_use]
    pub fn json(&self) -> Value {
        let at = moment(self.at_ms).replace(' ', "T");
        let account = self.who.rsplit_once('@').map_or("", |(account, _)| account);
        json!({
            "at": format!("{at}+08:00"),
            "account": account,
            "author": self.who,
            "deed": self.deed,
            "what": self.what,
            "fields": self.fields,
            "reason": self.why,
            "for": self.on_behalf,
            "result": self.result,
        })
    }
}

impl Filter {
    fn takes(&self, row: &Row) -> bool {
        let day = date_of(row.at_ms);
        let account = row
            .who
            .rsplit_once('@')
            .map_or(&*row.who, |(account, _)| account);
        let kind = row.what.split('/').next().unwrap_or_default();
        self.account.as_ref().is_none_or(|asked| asked == account)
            && self.kind.as_ref().is_none_or(|asked| asked == kind)
            && self.to.is_none_or(|to| day <= to)
    }

    fn is_past(&self, row: &Row) -> bool {
        self.from.is_some_and(|from| date_of(row.at_ms) < from)
    }
}

/// Lists what was done here.
///
/// # Errors
/// The store is damaged or cannot be read, or the writer has ended.
pub fn list(app: &App, filter: &Filter) -> Result<Listed, Failure> {
    let mut noted = Noted {
        app,
        number: count(app)?,
    };
    let mut written = Written {
        app,
        refused: app.writer.status()?.refused,
        waiting: VecDeque::new(),
        last: None,
        is_end: false,
    };
    let mut listed = Listed::default();
    let (mut note, mut write) = (noted.next()?, written.next()?);
    for _ in 0..LOOKED_MAX {
        let is_note = match (&note, &write) {
            (Some(note), Some(write)) => note.at_ms >= write.at_ms,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => return Ok(listed),
        };
        let next = if is_note {
            std::mem::replace(&mut note, noted.next()?)
        } else {
            std::mem::replace(&mut write, written.next()?)
        };
        let Some(row) = next else { break };
        if filter.is_past(&row) {
            return Ok(listed);
        }
        if !filter.takes(&row) {
            continue;
        }
        if listed.rows.len() == filter.limit {
            break;
        }
        listed.rows.push(row);
    }
    listed.has_more = true;
    Ok(listed)
}

/// What was noted, backwards.
struct Noted<'a> {
    app: &'a App,
    number: u64,
}

impl Noted<'_> {
    fn next(&mut self) -> Result<Option<Row>, Failure> {
        while self.number > 0 {
            let found = entry(self.app, self.number)?;
            self.number -= 1;
            // One that is missing is for `audit verify` to say.
            if let Some(entry) = found {
                return Ok(Some(Row {
                    at_ms: entry.at_ms,
                    who: entry.who,
                    deed: entry.deed,
                    what: entry.what,
                    fields: entry.fields,
                    why: entry.why,
                    on_behalf: entry.on_behalf,
                    result: entry.result,
                }));
            }
        }
        Ok(None)
    }
}

/// What was written here, backwards.
struct Written<'a> {
    app: &'a App,
    /// Writes that were taken back: they stand in no record any more.
    refused: Vec<Refused>,
    waiting: VecDeque<(Dot, JournalEntry)>,
    last: Option<Dot>,
    is_end: bool,
}

impl Written<'_> {
    fn next(&mut self) -> Result<Option<Row>, Failure> {
        loop {
            if self.waiting.is_empty() && !self.is_end {
                let before = self.last;
                let page = self
                    .app
                    .writer
                    .ask(move |host| host.own_writes(before, STEP))??;
                self.is_end = page.len() < STEP;
                self.last = page.last().map(|(dot, _)| *dot).or(self.last);
                self.waiting = page.into();
            }
            let Some((dot, entry)) = self.waiting.pop_front() else {
                return Ok(None);
            };
            if let Some(row) = self.row(dot, &entry)? {
                return Ok(Some(row));
            }
        }
    }

    /// None for a write of which nothing is known any more.
    fn row(&self, dot: Dot, entry: &JournalEntry) -> Result<Option<Row>, Failure> {
        let Some((write, result)) = self.write(dot, entry.key)? else {
            return Ok(None);
        };
        let kind = self.app.catalogue.kind(entry.key.kind);
        let name = self.app.catalogue.kind_name(entry.key.kind);
        let is_deletion = entry.registers.contains(&RegisterId::DELETED);
        let deed = if is_deletion { "delete" } else { "write" };
        let fields = entry.registers.iter();
        Ok(Some(Row {
            at_ms: write.time.millis(),
            who: write.author.clone(),
            deed: format!("{deed} {}", source_name(write.source)),
            what: format!("{name}/{}", entry.key.id),
            fields: fields
                .map(|register| register_name(kind, *register))
                .collect(),
            why: write.reason.clone(),
            on_behalf: String::new(),
            result: result.to_owned(),
        }))
    }

    /// Who wrote it, when and why: as the record has it, what was taken back, or the record's history,
    /// in which what was taken back stands too.
    fn write(
        &self,
        dot: Dot,
        key: RecordKey,
    ) -> Result<Option<(Arc<Write>, &'static str)>, Failure> {
        let of = |record: &Record| {
            let mut siblings = record.siblings.iter();
            let found = siblings.find(|sibling| sibling.dot() == dot);
            found.map(|sibling| Arc::clone(&sibling.write))
        };
        let stored = self.app.reader().get(key)?;
        if let Some(write) = stored.as_ref().and_then(|stored| of(&stored.record)) {
            return Ok(Some((write, "saved")));
        }
        let mut refused = self.refused.iter();
        let refused = refused.find(|refused| refused.dot == dot && refused.peer.is_none());
        let record = refused.and_then(|refused| Record::decode(&refused.siblings).ok());
        if let Some(write) = record.as_ref().and_then(of) {
            return Ok(Some((write, "taken_back")));
        }
        if stored.is_none() {
            return Ok(None);
        }
        let past = Past::of(self.app, key)?;
        let mut siblings = past.siblings().iter();
        let found = siblings.find(|sibling| sibling.dot() == dot);
        Ok(found.map(|sibling| (Arc::clone(&sibling.write), "saved")))
    }
}

//! The writes that a repair or a restore has taken and that no peer has given back: the list of
//! them, and what people have stated about it.
//!
//! A write leaves the list by itself when its record has seen it again. One that nobody can give
//! back stays until a person settles it: it was entered anew, or is given up. It is lost all the
//! same, so no certificate counts it as anything else.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use bytes::Bytes;
use domain::across;
use replica::{Dot, Incarnation, Kind, RecordId, RecordKey, RegisterId, account::LISTED_MAX};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::{StoreError, Survey, WriteFact};

use super::fact_json;
use crate::{
    app::App,
    clock::moment,
    failure::{Exit, Failure},
    records::reason_of,
};

/// The name under which a repair or a restore keeps what is not in the store any more.
pub(super) const MISSING: &str = "repair/missing";
/// The name under which the number of those is kept that the list has no room for.
const MORE: &str = "repair/missing-more";
/// Before the name of a lost write that somebody has settled.
const SETTLED: &str = "repair-settled/";
/// What names, in commands and behind [`SETTLED`], those that the list has no room for.
const REST: &str = "rest";

/// A write that is named and whose text is not here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LostWrite {
    incarnation: u64,
    counter: u64,
    kind: u32,
    record: [u8; 16],
    registers: Vec<u32>,
    author: Option<String>,
    at_ms: Option<u64>,
}

impl LostWrite {
    pub(super) fn of(fact: &WriteFact) -> Self {
        Self {
            incarnation: fact.dot.incarnation.0,
            counter: fact.dot.counter,
            kind: fact.key.kind.0,
            record: fact.key.id.0,
            registers: fact.registers.iter().map(|register| register.0).collect(),
            author: fact.author.clone(),
            at_ms: fact.at_ms,
        }
    }

    fn fact(&self) -> WriteFact {
        WriteFact {
            dot: Dot {
                incarnation: Incarnation(self.incarnation),
                counter: self.counter,
            },
            key: RecordKey {
                kind: Kind(self.kind),
                id: RecordId(self.record),
            },
            author: self.author.clone(),
            at_ms: self.at_ms,
            registers: self.registers.iter().copied().map(RegisterId).collect(),
            is_own: true,
            is_acked: false,
            seen_by: BTreeSet::new(),
        }
    }
}

/// What somebody has stated about a lost write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When, milliseconds since 1970.
    pub at_ms: u64,
    /// Of those that the list has no room for: how many there were.
    #[serde(default)]
    pub count: u64,
}

impl Settled {
    /// For scripts.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({"by": self.by, "at": moment(self.at_ms), "reason": self.reason})
    }
}

/// A write that is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The write.
    pub fact: WriteFact,
    /// What somebody has stated about it; none while nobody has.
    pub settled: Option<Settled>,
}

impl Lost {
    /// For scripts.
    #[must_use]
    pub fn json(&self) -> Value {
        let mut document = fact_json(&self.fact);
        if let Some(entry) = document.as_object_mut() {
            let settled = self.settled.as_ref().map(Settled::json);
            entry.insert("settled".to_owned(), settled.into());
        }
        document
    }
}

/// Those that the list has no room for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rest {
    /// How many.
    pub count: u64,
    /// What somebody has stated about them; none while nobody has, or since there are more.
    pub settled: Option<Settled>,
}

impl Rest {
    /// How many somebody must still see to.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.settled.as_ref().map_or(self.count, |_| 0)
    }
}

/// Lists writes that a store has lost, beside those that it lists already: as many as an account
/// lists singly. How many there are more is kept as a number; `more` is that of the store before.
///
/// # Errors
/// The store failed.
pub(crate) fn note<'a>(
    target: &dyn store::Store,
    writes: impl IntoIterator<Item = &'a WriteFact>,
    more: u64,
) -> Result<(), StoreError> {
    let known = listed(store::local(target, MISSING)?.as_ref());
    let lost = writes.into_iter().map(LostWrite::of);
    let mut seen = BTreeSet::new();
    let news = |lost: &LostWrite| seen.insert((lost.incarnation, lost.counter));
    let mut all: Vec<LostWrite> = known.into_iter().chain(lost).filter(news).collect();
    let over = u64::try_from(all.len().saturating_sub(LISTED_MAX)).unwrap_or(u64::MAX);
    all.truncate(LISTED_MAX);
    // Both may have counted the same losses: of what is not listed nobody can tell.
    let former = number(store::local(target, MORE)?.as_ref()).max(more);
    let more = former.saturating_add(over);
    if more > 0 {
        store::keep_local(target, MORE, serde_json::to_vec(&more).unwrap_or_default())?;
    }
    let text = serde_json::to_vec(&all).unwrap_or_default();
    store::keep_local(target, MISSING, text)
}

/// Takes what people have stated about lost writes over into the store that replaces a surveyed one.
/// Returns the writes that it lists as lost.
pub(crate) fn carry(
    target: &dyn store::Store,
    present: &Survey,
) -> Result<Vec<WriteFact>, StoreError> {
    let listed = listed(present.local(MISSING));
    let facts: Vec<WriteFact> = listed.iter().map(LostWrite::fact).collect();
    let names = facts.iter().map(|fact| fact.dot.to_string());
    for name in names.chain([REST.to_owned()]) {
        let name = format!("{SETTLED}{name}");
        if let Some(settled) = present.local(&name) {
            store::keep_local(target, &name, settled.to_vec())?;
        }
    }
    Ok(facts)
}

/// How many more a surveyed store has lost than it lists.
pub(crate) fn more_in(survey: &Survey) -> u64 {
    number(survey.local(MORE))
}

fn listed(text: Option<&Bytes>) -> Vec<LostWrite> {
    let listed = text.and_then(|text| serde_json::from_slice(text).ok());
    listed.unwrap_or_default()
}

fn number(text: Option<&Bytes>) -> u64 {
    let number = text.and_then(|text| serde_json::from_slice(text).ok());
    number.unwrap_or_default()
}

fn settled(app: &App, name: &str) -> Result<Option<Settled>, Failure> {
    let text = app.reader().local(&format!("{SETTLED}{name}"))?;
    Ok(text.and_then(|text| serde_json::from_slice(&text).ok()))
}

/// The writes that a repair or a restore has taken and that no peer has given back so far, also
/// those that somebody has settled.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn missing(app: &App) -> Result<Vec<Lost>, Failure> {
    let mut missing = Vec::new();
    let listed = listed(app.reader().local(MISSING)?.as_ref());
    for fact in listed.iter().map(LostWrite::fact) {
        let stored = app.reader().get(fact.key)?;
        let came_back = stored.is_some_and(|stored| stored.record.context.covers(fact.dot));
        if !came_back {
            let settled = settled(app, &fact.dot.to_string())?;
            missing.push(Lost { fact, settled });
        }
    }
    Ok(missing)
}

/// Those that the list has no room for. Whether some of them came back nobody can tell.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn rest(app: &App) -> Result<Rest, Failure> {
    let count = number(app.reader().local(MORE)?.as_ref());
    let settled = settled(app, REST)?.filter(|settled| settled.count >= count);
    Ok(Rest { count, settled })
}

/// How many somebody must still see to.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn count_open(app: &App) -> Result<usize, Failure> {
    let open = missing(app)?;
    let open = open.iter().filter(|lost| lost.settled.is_none()).count();
    let rest = usize::try_from(rest(app)?.open()).unwrap_or(usize::MAX);
    Ok(open.saturating_add(rest))
}

/// States that lost writes were entered anew or are given up: one by its name in the list, those of a
/// record as KIND/ID, or those that the list has no room for as `rest`. Returns what is settled now.
///
/// # Errors
/// None is lost under that name, somebody has settled it, no reason is given, or the store failed.
pub fn settle(app: &App, name: &str, reason: &str) -> Result<Vec<Value>, Failure> {
    let statement = Settled {
        by: app.author(),
        reason: reason_of(reason)?,
        at_ms: app.clock.wall_ms(),
        count: 0,
    };
    let name = name.trim();
    if name == REST {
        return settle_rest(app, statement);
    }
    let of_record = |fact: &WriteFact| across::name(app.catalogue, fact.key) == name;
    let mut named = missing(app)?;
    named.retain(|lost| lost.fact.dot.to_string() == name || of_record(&lost.fact));
    let mut open = named
        .iter()
        .filter(|lost| lost.settled.is_none())
        .peekable();
    if open.peek().is_none() {
        let by = named.first().and_then(|lost| lost.settled.as_ref());
        return Err(not_open(name, by));
    }
    let (mut marks, mut done) = (Vec::new(), Vec::new());
    for lost in open {
        marks.push(mark(&lost.fact.dot.to_string(), &statement));
        let settled = Some(statement.clone());
        let fact = lost.fact.clone();
        done.push(Lost { fact, settled }.json());
    }
    app.writer.edit(Vec::new(), marks)?;
    Ok(done)
}

fn settle_rest(app: &App, statement: Settled) -> Result<Vec<Value>, Failure> {
    let rest = rest(app)?;
    if rest.open() == 0 {
        return Err(not_open(REST, rest.settled.as_ref()));
    }
    let statement = Settled {
        count: rest.count,
        ..statement
    };
    app.writer.edit(Vec::new(), vec![mark(REST, &statement)])?;
    let mut entry = Map::new();
    entry.insert("write".to_owned(), REST.into());
    entry.insert("count".to_owned(), rest.count.into());
    entry.insert("settled".to_owned(), statement.json());
    Ok(vec![Value::Object(entry)])
}

fn mark(name: &str, statement: &Settled) -> (String, Option<Vec<u8>>) {
    let text = serde_json::to_vec(statement).unwrap_or_default();
    (format!("{SETTLED}{name}"), Some(text))
}

/// Nothing is to be settled under a name: there is none, or somebody has done it.
fn not_open(name: &str, by: Option<&Settled>) -> Failure {
    match by {
        Some(settled) => Failure::new("REPAIR-003", Exit::Invalid).with("by", &settled.by),
        None => Failure::new("REPAIR-002", Exit::Invalid).with("id", name),
    }
}

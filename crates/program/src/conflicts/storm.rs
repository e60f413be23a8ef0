//! Storms: one source that has made hundreds of conflicts.
//!
//! A source is a person and the way in which the values came: at whichever node of a scope somebody
//! writes, it is one source. When more of the open conflicts than a bound hold a value of one
//! source, its imports and bulk writes are refused until a person releases it or the conflicts are
//! settled. That stops the source and not the administrators: the
//! list folds the storm to one line, and single saves go on.

use std::collections::{BTreeMap, BTreeSet};

use domain::Conflict;
use proto::ledger::{DocketNote, DocketNoteKind};
use replica::{RecordId, ScopeId, Sibling, Source};
use serde_json::{Map, Value, json};

use super::{
    decide::own_words,
    each_open,
    files::{Files, Said},
    note, words,
};
use crate::{
    app::App,
    failure::{Exit, Failure},
    records::{Scopes, reason_of, source_name},
};

/// Reasons of a storm that are named; an import has one for each line.
const REASONS_NAMED_MAX: usize = 5;

/// A source that has made more conflicts than the bound.
#[derive(Clone, Debug)]
pub struct Storm {
    /// Its id in commands.
    pub id: String,
    /// ACCOUNT@replica, or ACCOUNT@CODE where the person wrote at several.
    pub author: String,
    /// Every author of its values.
    pub authors: BTreeSet<String>,
    /// ACCOUNT@CODE.
    person: String,
    /// How the values came in.
    pub source: Source,
    /// Open conflicts that hold a value of it.
    pub count: usize,
    /// Where they lie.
    pub scopes: BTreeSet<ScopeId>,
    /// What was said with the values, without the lines of sheets.
    pub reasons: BTreeSet<String>,
    /// Who has let it go on, and why.
    pub released: Option<(String, String)>,
    /// Whether its bulk writes are refused.
    pub is_stopped: bool,
}

/// Who wrote, as an author or as a person, and how it came in.
type Key = (String, Source);

/// All storms, the largest first.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn storms(app: &App) -> Result<Vec<Storm>, Failure> {
    let bound = app.config.conflicts.storm;
    let scopes = Scopes::new(app);
    let mut found: BTreeMap<Key, Storm> = BTreeMap::new();
    each_open(app, &mut |stored, meaning| {
        for open in &meaning.conflicts {
            let mut told = BTreeSet::new();
            for ((author, source), reason) in sources(open) {
                let key = (words::person(&scopes, &author)?, source);
                let storm = found
                    .entry(key.clone())
                    .or_insert_with(|| Storm::of(key.clone()));
                // A person may stand on both sides of one conflict.
                storm.count += usize::from(told.insert(key));
                storm.authors.insert(author);
                storm.scopes.insert(stored.home);
                if storm.reasons.len() < REASONS_NAMED_MAX {
                    storm.reasons.insert(reason);
                }
            }
        }
        Ok(())
    })?;
    let mut storms: Vec<Storm> = found
        .into_values()
        .filter(|storm| storm.count > bound)
        .map(Storm::named)
        .collect();
    if storms.is_empty() {
        return Ok(storms);
    }
    let releases = Files::of(app, None)?.releases;
    for storm in &mut storms {
        // What a node says about a storm elsewhere, or its source of itself, releases nothing.
        let mut notes = Vec::new();
        for said in releases.iter().filter(|said| is_about(storm, said)) {
            if words::person(&scopes, said.what.written_by())? != storm.person {
                notes.push(&said.what);
            }
        }
        let notes = notes.into_iter();
        let newest = notes.clone().next_back();
        let allowed = notes.map(DocketNote::count).max();
        let allowed = allowed.map_or(bound, |count| bound.saturating_add(number(count)));
        storm.released = newest.map(|note| (note.written_by().to_owned(), note.text().to_owned()));
        storm.is_stopped = storm.count > allowed;
    }
    storms.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.id.cmp(&b.id)));
    Ok(storms)
}

fn is_about(storm: &Storm, said: &Said<DocketNote>) -> bool {
    // Earlier programs knew each author as a source of its own.
    let mut of_authors = storm.authors.iter();
    let named = said.what.storm();
    let is_named =
        named == storm.id || of_authors.any(|author| named == id_of(author, storm.source));
    is_named && storm.scopes.contains(&said.home)
}

fn number(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// The sources of a conflict's candidates, each once, with what was said.
fn sources(open: &Conflict) -> BTreeMap<Key, String> {
    let key = |sibling: &Sibling| (sibling.write.author.clone(), sibling.write.source);
    let reason = |sibling: &Sibling| {
        let reason = sibling.write.reason.as_str();
        let file = words::sheet_line(reason).map(|(file, _)| file);
        file.unwrap_or(reason).to_owned()
    };
    open.candidates
        .iter()
        .filter(|sibling| sibling.write.source != Source::Decision)
        .map(|sibling| (key(sibling), reason(sibling)))
        .collect()
}

/// The storm that a conflict belongs to: of an import rather than of people, then the largest.
pub(super) fn of<'s>(storms: &'s [Storm], open: &Conflict) -> Option<&'s Storm> {
    let sources = sources(open);
    let is_of = |storm: &&Storm| {
        let mut of_storm = sources.keys().filter(|(_, source)| *source == storm.source);
        of_storm.any(|(author, _)| storm.authors.contains(author))
    };
    let mut own = storms.iter().filter(is_of);
    let first = own.clone().next()?;
    own.find(|storm| storm.source == Source::Import)
        .or(Some(first))
}

/// Whether a candidate is of the source with an id, however many conflicts it has left.
pub(super) fn is_of(scopes: &Scopes<'_>, id: &str, sibling: &Sibling) -> Result<bool, Failure> {
    if sibling.write.source == Source::Decision {
        return Ok(false);
    }
    let person = words::person(scopes, &sibling.write.author)?;
    Ok(id_of(&person, sibling.write.source) == id.trim())
}

fn id_of(whose: &str, source: Source) -> String {
    let named = format!("{whose}\0{}", source.number());
    let id = blake3::hash(named.as_bytes()).to_hex();
    id.get(..8).unwrap_or_default().to_owned()
}

/// The storm with an id.
pub(super) fn named(storms: Vec<Storm>, id: &str) -> Result<Storm, Failure> {
    let found = storms.into_iter().find(|storm| storm.id == id.trim());
    found.ok_or_else(|| Failure::new("CONFLICT-015", Exit::Invalid).with("id", id))
}

/// Refuses bulk writes of a source that has made a storm, at whichever node of its scope.
///
/// # Errors
/// It has (exit code 4), or the store is damaged or cannot be read.
pub fn guard(app: &App) -> Result<(), Failure> {
    let (author, source) = (app.author(), Source::Import);
    let person = words::person(&Scopes::new(app), &author)?;
    let is_own = |storm: &Storm| storm.person == person && storm.source == source;
    let stopped = storms(app)?
        .into_iter()
        .find(|storm| storm.is_stopped && is_own(storm));
    stopped.map_or(Ok(()), |storm| {
        Err(Failure::new("CONFLICT-014", Exit::Refused)
            .with("author", author)
            .with("n", storm.count)
            .with("id", storm.id))
    })
}

/// Lets a source go on: until it has made as many conflicts again as the bound allows.
///
/// # Errors
/// There is no such storm, its own author would release it (exit code 4), there is no authority
/// for it, or the store failed.
pub fn release(app: &App, id: &str, reason: &str) -> Result<Vec<RecordId>, Failure> {
    let reason = reason_of(reason)?;
    let storm = named(storms(app)?, id)?;
    let author = app.author();
    if words::person(&Scopes::new(app), &author)? == storm.person {
        return Err(own_words(&author));
    }
    let (mut ids, mut edits) = (Vec::new(), Vec::new());
    // One note in each scope, so that every node that holds the conflicts hears of it.
    for scope in &storm.scopes {
        let note = DocketNote {
            kind: Some(DocketNoteKind::Release.into()),
            text: Some(reason.clone()),
            written_by: Some(author.clone()),
            storm: Some(storm.id.clone()),
            count: Some(u32::try_from(storm.count).unwrap_or(u32::MAX)),
            ..DocketNote::default()
        };
        let (id, edit) = note::edit(app, *scope, &note)?;
        ids.push(id);
        edits.push(edit);
    }
    app.writer.edit(edits, Vec::new())?;
    Ok(ids)
}

impl Storm {
    fn of((person, source): Key) -> Self {
        Self {
            id: id_of(&person, source),
            author: person.clone(),
            authors: BTreeSet::new(),
            person,
            source,
            count: 0,
            scopes: BTreeSet::new(),
            reasons: BTreeSet::new(),
            released: None,
            is_stopped: false,
        }
    }

    /// Names it as its values do, where they all do.
    fn named(mut self) -> Self {
        if let (Some(author), 1) = (self.authors.first(), self.authors.len()) {
            author.clone_into(&mut self.author);
        }
        self
    }

    /// The JSON of the command line.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn json(&self, codes: &Scopes<'_>) -> Result<Map<String, Value>, Failure> {
        let scopes: Result<Vec<String>, Failure> =
            self.scopes.iter().map(|scope| codes.code(*scope)).collect();
        let released = self
            .released
            .as_ref()
            .map(|(author, reason)| json!({ "author": author, "reason": reason }));
        let json = json!({
            "id": self.id,
            "author": self.author,
            "authors": self.authors,
            "source": source_name(self.source),
            "conflicts": self.count,
            "scopes": scopes?,
            "reasons": self.reasons,
            "stopped": self.is_stopped,
            "released": released,
        });
        Ok(match json {
            Value::Object(map) => map,
            _ => Map::new(),
        })
    }
}

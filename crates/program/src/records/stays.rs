//! The records that counted elsewhere on a past day than they do now, each as it was left there
//! ([`domain::stay`]).

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    Date, Values,
    stay::{Stay, as_left, stay_on},
};
use replica::{Kind, Record, RecordKey, ScopeId, Sibling};
use store::Stored;

use super::{Past, Present, meaning};
use crate::{app::App, clock::date_of, failure::Failure, transfers::MOVABLE};

/// See the module. Today there are none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stays(BTreeMap<RecordKey, Left>);

/// A record that counted elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct Left {
    /// The scope in which it counted.
    pub(crate) then: ScopeId,
    /// The one that it belongs to now.
    pub(crate) now: ScopeId,
    /// What it said when it was left; none where it was not there yet, or was deleted then.
    values: Option<Values>,
}

impl Stays {
    /// Looks for what has moved since a day, with all that has moved along.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub(crate) fn on(app: &App, day: Date) -> Result<Self, Failure> {
        let mut stays = Self::default();
        if day >= app.today() {
            return Ok(stays);
        }
        for key in may_have_moved(app) {
            let Some(stored) = app.reader().get(key)? else {
                continue;
            };
            if let Some(stay) = stay(&stored.record, day) {
                stays.add(app, stored, (stay, day))?;
            }
        }
        Ok(stays)
    }

    fn add(&mut self, app: &App, root: Stored, (stay, day): (Stay, Date)) -> Result<(), Failure> {
        let mut above = vec![root];
        while let Some(stored) = above.pop() {
            let key = stored.record.key;
            let left = Left {
                then: stay.scope,
                now: stored.home,
                values: as_it_was_left(app, &stored.record, (stay.epoch, day))?,
            };
            self.0.insert(key, left);
            for child in app.reader().children(key) {
                let is_new = !self.0.contains_key(&child);
                above.extend(app.reader().get(child)?.filter(|_| is_new));
            }
        }
        Ok(())
    }

    /// Whether a record, or the one it belongs to, counted elsewhere: what is new below it was not there.
    pub(crate) fn of(&self, stored: &Stored) -> Option<&Left> {
        let parent = || self.get(stored.parent?);
        self.get(stored.record.key).or_else(parent)
    }

    /// The same of one that was there when this was made.
    pub(crate) fn get(&self, key: RecordKey) -> Option<&Left> {
        self.0.get(&key)
    }

    /// Every record that was there then, as it was left, and the scope that it belongs to now.
    pub(crate) fn each(&self) -> impl Iterator<Item = (Present, ScopeId)> {
        self.0.iter().filter_map(|(key, left)| {
            let present = Present {
                key: *key,
                home: left.then,
                values: left.values.clone()?,
            };
            Some((present, left.now))
        })
    }
}

/// Where a record was on a day, if not where it is now.
pub(crate) fn stay(record: &Record, day: Date) -> Option<Stay> {
    stay_on(record, day, |time| date_of(time.millis()))
}

fn as_it_was_left(
    app: &App,
    record: &Record,
    (epoch, day): (u64, Date),
) -> Result<Option<Values>, Failure> {
    let past = Past::of(app, record.key)?;
    let mut left = as_left(record, past.siblings(), epoch);
    // The ruling that moved it made it a name of another; it was none before.
    let kind = app.catalogue.kind(record.key.kind);
    if let Some(alias) = kind.and_then(domain::KindSpec::alias) {
        let is_later = |it: &Sibling| date_of(it.write.time.millis()) > day;
        left.siblings
            .retain(|it| it.register != alias.register || !is_later(it));
    }
    let meaning = meaning(app, &left)?;
    let was_there = !left.siblings.is_empty() && !meaning.deleted;
    Ok(was_there.then(|| meaning.values.into()))
}

/// The records that can have moved: at the hub those of which a last copy lies in another feed; at a node
/// all of the kinds that move, for its feed has no sign of where a record was before.
fn may_have_moved(app: &App) -> BTreeSet<RecordKey> {
    let kinds = MOVABLE.iter();
    let kinds = kinds.filter_map(|kind| Some(app.catalogue.kind_by_id(kind)?.kind));
    let kinds: Vec<Kind> = kinds.collect();
    let guests = app.reader().scopes().into_iter();
    let guests = guests.flat_map(|(scope, ..)| app.reader().guests(scope));
    let mut found: BTreeSet<RecordKey> = guests.filter(|key| kinds.contains(&key.kind)).collect();
    if !app.is_hub() {
        let own = kinds.iter().flat_map(|kind| app.reader().places(*kind));
        found.extend(own.map(|(key, _)| key));
    }
    found
}

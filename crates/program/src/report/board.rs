//! The board: the figures of a day, kept up to date by differences.
//!
//! A serving program keeps the book of the days that were asked for last. Each question first puts in
//! what has changed since the one before: every record lies at the end of its feed when it changes,
//! so the feeds are read from where they were read last. A change of the scopes or of the year's
//! parameters, which every figure depends on, begins the book anew.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use domain::{
    Date,
    indicator::{Book, Indicators, Period, Pool},
};
use replica::{RecordKey, ScopeId, Seq};
use store::{Guest, Stored};

use super::{Places, parameters};
use crate::{
    app::App,
    failure::Failure,
    records::{Left, Stays, present_of, stay},
};

/// Days that are kept at once: today's, and one to compare with.
const SHEETS_MAX: usize = 2;
/// Days of single nodes: the one whose return is being looked at.
const NODES_MAX: usize = 1;
/// Records that are read at once.
const PAGE: usize = 1_024;

/// What belongs to another scope and counts here where it is referred to.
const LENT: [&str; 3] = [
    "party_organisation",
    "training_session",
    "training_attendance",
];

/// Kinds that every figure depends on.
const GROUND: [&str; 2] = ["scope", "programme_year"];

/// The books of the days that were asked for last, the newest question first.
#[derive(Debug, Default)]
pub struct Board(Mutex<Vec<Sheet>>);

/// The book of one day.
#[derive(Debug)]
pub(crate) struct Sheet {
    as_of: Date,
    year: u32,
    pub(super) places: Places,
    pub(super) book: Book,
    /// What counted elsewhere on the day.
    pub(super) stays: Stays,
    seen: BTreeMap<ScopeId, Seq>,
    /// Whose node's knowledge it is made of; none for everything that is known here.
    view: Option<ScopeId>,
}

impl Board {
    /// Answers a question of a day with its book as everything stands now.
    ///
    /// # Errors
    /// The store is damaged or cannot be read, or the question's own.
    pub(crate) fn ask<T>(
        &self,
        app: &App,
        day: (Date, u32),
        question: impl FnOnce(&mut Sheet) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.ask_for(app, day, None, question)
    }

    /// The same from what a scope's node holds: its own records, what it was lent, and what the city
    /// has published. Node and hub read the same for it.
    ///
    /// # Errors
    /// As [`Board::ask`].
    pub(super) fn ask_for<T>(
        &self,
        app: &App,
        day: (Date, u32),
        view: Option<ScopeId>,
        question: impl FnOnce(&mut Sheet) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut sheets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = sheets
            .iter()
            .position(|sheet| ((sheet.as_of, sheet.year), sheet.view) == (day, view));
        // Whatever fails below leaves no half-read book behind.
        let mut sheet = match known.map(|at| sheets.remove(at)) {
            Some(sheet) => sheet,
            None => Sheet::empty(app, day, view)?,
        };
        if sheet.catch_up(app)? == Ground::Moved {
            sheet = Sheet::empty(app, day, view)?;
            sheet.catch_up(app)?;
        }
        let answer = question(&mut sheet)?;
        sheets.insert(0, sheet);
        let (mut whole, mut of_nodes) = (0, 0);
        sheets.retain(|sheet| {
            let (count, most) = match sheet.view {
                None => (&mut whole, SHEETS_MAX),
                Some(_) => (&mut of_nodes, NODES_MAX),
            };
            *count += 1;
            *count <= most
        });
        Ok(answer)
    }
}

/// Whether what every figure depends on is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ground {
    Same,
    Moved,
}

impl Sheet {
    fn empty(
        app: &App,
        (as_of, year): (Date, u32),
        view: Option<ScopeId>,
    ) -> Result<Self, Failure> {
        let places = Places::of(app, as_of)?;
        let period = Period::new(as_of, parameters(app, year, as_of)?);
        let pool = Pool {
            pooled: places.pooled.iter().copied().collect(),
            expected: places.expected.iter().copied().collect(),
        };
        let stays = Stays::on(app, as_of)?;
        Ok(Self {
            as_of,
            year,
            places,
            book: Book::new(period, pool),
            stays,
            seen: BTreeMap::new(),
            view,
        })
    }

    /// Puts in what has changed since the last question.
    fn catch_up(&mut self, app: &App) -> Result<Ground, Failure> {
        let is_first = self.seen.is_empty();
        if is_first {
            self.put_stays(app);
        }
        let is_read = |scope| {
            self.view
                .is_none_or(|view| scope == view || scope == app.published())
        };
        let mut feeds = app.reader().scopes();
        feeds.retain(|(scope, _, _)| is_read(*scope));
        for (scope, end, _) in feeds {
            let mut at = self.seen.get(&scope).copied();
            while at.is_none_or(|at| at < end.seq) {
                let after = at.unwrap_or_default();
                let page = app.reader().changed(scope, after, PAGE)?;
                for stored in &page {
                    if self.put(app, stored, is_first)? == Ground::Moved {
                        return Ok(Ground::Moved);
                    }
                }
                at = Some(match page.last() {
                    Some(last) if page.len() == PAGE => last.place.seq,
                    Some(last) => last.place.seq.max(end.seq),
                    None => end.seq,
                });
            }
            self.seen.insert(scope, at.unwrap_or_default());
        }
        Ok(Ground::Same)
    }

    fn put(&mut self, app: &App, stored: &Stored, is_first: bool) -> Result<Ground, Failure> {
        let key = stored.record.key;
        let Some(kind) = app.catalogue.kind(key.kind) else {
            return Ok(Ground::Same);
        };
        if !is_first && GROUND.contains(&kind.id.as_str()) {
            return Ok(Ground::Moved);
        }
        match self.stays.of(stored) {
            // To whom neither of the two scopes is its own it is lent, and shows as it is.
            Some(left) if self.concerns(app, left) => return Ok(Ground::Same),
            Some(_) => {}
            // It has moved since the book was begun, with all that belongs to it.
            None if stay(&stored.record, self.as_of).is_some() => return Ok(Ground::Moved),
            None => {}
        }
        if !is_first && self.view.is_some() && stored.guest == Guest::Left {
            // What hung on it has left the feed with it, and nothing there says so.
            return Ok(Ground::Moved);
        }
        let sees_all = app.is_hub() && self.view.is_none();
        let is_guest = stored.guest != Guest::No;
        if is_guest && sees_all {
            // It lies at home elsewhere, and is read there.
            return Ok(Ground::Same);
        }
        if is_guest && !LENT.contains(&kind.id.as_str()) {
            // It has moved away. Without values there is nothing that could be wrong with them.
            let gone = self.book.put(app.catalogue, key, stored.home, None);
            gone.unwrap_or_default();
            return Ok(Ground::Same);
        }
        let present = present_of(app, stored)?;
        let scope = self.places.heir(stored.home);
        let is_pooled = self.places.pooled.contains(&scope);
        if kind.id == "organisation" && !is_pooled && !is_first {
            // The first organisation of a scope makes it one of those that are pooled.
            return Ok(Ground::Moved);
        }
        let values = present.as_ref().map(|present| &*present.values);
        self.count(app, (&kind.id, key), scope, values);
        Ok(Ground::Same)
    }

    fn count(
        &mut self,
        app: &App,
        (kind, key): (&str, RecordKey),
        scope: ScopeId,
        values: Option<&[u8]>,
    ) {
        if let Err(error) = self.book.put(app.catalogue, key, scope, values) {
            tracing::warn!(%kind, id = %key.id, %error, "record left out of the figures");
        }
    }

    /// The scope whose records are looked at; none where all are.
    fn viewer(&self, app: &App) -> Option<ScopeId> {
        self.view.or_else(|| (!app.is_hub()).then(|| app.scope()))
    }

    fn concerns(&self, app: &App, left: &Left) -> bool {
        let viewer = self.viewer(app);
        viewer.is_none_or(|viewer| [left.then, left.now].contains(&viewer))
    }

    /// Puts in what counted elsewhere, as it was left there. Who has it now was lent it then, or had no
    /// part in it.
    fn put_stays(&mut self, app: &App) {
        let viewer = self.viewer(app);
        let stays = self.stays.clone();
        for (present, now) in stays.each() {
            let kind = app.catalogue.kind_name(present.key.kind);
            let is_lent = LENT.contains(&kind.as_str());
            let is_seen = |viewer| present.home == viewer || (is_lent && now == viewer);
            if viewer.is_none_or(is_seen) {
                let scope = self.places.heir(present.home);
                self.count(app, (&kind, present.key), scope, Some(&present.values));
            }
        }
    }

    /// The figures of a scope.
    pub(super) fn scope(&mut self, scope: ScopeId) -> Indicators {
        self.book.scope(scope)
    }
}

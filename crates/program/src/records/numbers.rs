//! The numbers that records bear, and the next one (R19).
//!
//! The numbers of a kind and scope are read when they are first asked for. Whoever is given a number
//! keeps others of this program from numbering until it is written.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    sync::{MutexGuard, PoisonError},
};

use domain::{KindSpec, number};
use replica::{Kind, RecordId, RecordKey, ScopeId};

use super::{Desk, each_present};
use crate::{app::App, failure::Failure};

/// Numbers as far as they were asked for. See the module.
#[derive(Debug, Default)]
pub(super) struct Numbers<'a> {
    of: RefCell<BTreeMap<(Kind, ScopeId), Borne>>,
    /// Held from the first number that is given to the end of this table.
    turn: RefCell<Option<MutexGuard<'a, ()>>>,
}

/// The numbers of one kind in one scope.
#[derive(Debug, Default)]
struct Borne {
    /// With their records.
    by: BTreeMap<String, BTreeSet<RecordId>>,
    /// The highest counter of each series.
    highest: BTreeMap<String, u32>,
}

impl Borne {
    fn set(&mut self, kind: &KindSpec, id: RecordId, values: &[u8]) {
        let Some(no) = number::of(kind, values) else {
            return;
        };
        if let Some((series, counter)) = number::read(&no) {
            let highest = self.highest.entry(series.to_owned()).or_default();
            *highest = counter.max(*highest);
        }
        self.by.entry(no).or_default().insert(id);
    }
}

impl<'a> Numbers<'a> {
    /// Tells of a write that the reader may not show yet.
    pub(super) fn note(&self, kind: &KindSpec, (scope, id): (ScopeId, RecordId), values: &[u8]) {
        if let Some(borne) = self.of.borrow_mut().get_mut(&(kind.kind, scope)) {
            borne.set(kind, id, values);
        }
    }

    /// The records that bear a number.
    pub(super) fn bearers(
        &self,
        app: &App,
        of: (&KindSpec, ScopeId),
        no: &str,
    ) -> Result<Vec<RecordId>, Failure> {
        self.ask(app, of, |borne| {
            let ids = borne.by.get(no).into_iter().flatten();
            ids.copied().collect()
        })
    }

    /// The next number of a series.
    fn next(&self, app: &App, of: (&KindSpec, ScopeId), series: &str) -> Result<String, Failure> {
        let highest = self.ask(app, of, |borne| {
            borne.highest.get(series).copied().unwrap_or_default()
        })?;
        Ok(number::write(series, highest.saturating_add(1)))
    }

    /// The records with numbers of a series.
    fn of_series(
        &self,
        app: &App,
        of: (&KindSpec, ScopeId),
        series: &str,
    ) -> Result<Vec<RecordId>, Failure> {
        self.ask(app, of, |borne| {
            let from = borne.by.range(series.to_owned()..);
            let begins = from.take_while(|(no, _)| no.starts_with(series));
            let exact = begins.filter(|(no, _)| number::read(no).is_some_and(|(s, _)| s == series));
            exact.flat_map(|(_, ids)| ids).copied().collect()
        })
    }

    fn ask<T>(
        &self,
        app: &App,
        (kind, scope): (&KindSpec, ScopeId),
        ask: impl FnOnce(&Borne) -> T,
    ) -> Result<T, Failure> {
        let at = (kind.kind, scope);
        if let Some(borne) = self.of.borrow().get(&at) {
            return Ok(ask(borne));
        }
        let mut borne = Borne::default();
        each_present(app, kind.kind, Some(scope), &mut |present| {
            borne.set(kind, present.key.id, &present.values);
            Ok(())
        })?;
        let answer = ask(&borne);
        self.of.borrow_mut().insert(at, borne);
        Ok(answer)
    }

    /// Waits until nobody else of this program numbers anything. What was read before is read anew:
    /// somebody may have numbered in between.
    fn take_turn(&self, app: &'a App) {
        let mut turn = self.turn.borrow_mut();
        if turn.is_none() {
            *turn = Some(app.numbers.lock().unwrap_or_else(PoisonError::into_inner));
            self.of.borrow_mut().clear();
        }
    }
}

impl Desk<'_> {
    /// The number of a record that is made without one, from its values; none for a kind that has no
    /// numbers, for one that has its own, and without a year.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub(crate) fn number(
        &self,
        kind: &KindSpec,
        scope: ScopeId,
        values: &[u8],
    ) -> Result<Option<String>, Failure> {
        let app = self.app;
        let Some(year) = number::wanted(kind, values) else {
            return Ok(None);
        };
        let numbers = &self.known.numbers;
        numbers.take_turn(app);
        let code = self.known.scopes().code(scope)?;
        let of = (kind, scope);
        let mut series = None;
        for letter in letters(app) {
            let candidate = number::series(&code, year, letter);
            let is_free = self.is_own(of, &candidate)?;
            let series = series.get_or_insert_with(|| candidate.clone());
            if is_free {
                *series = candidate;
                break;
            }
        }
        series
            .map(|series| numbers.next(app, of, &series))
            .transpose()
    }

    /// Whether nobody but this replica counts under a series, as far as is known here.
    fn is_own(&self, of: (&KindSpec, ScopeId), series: &str) -> Result<bool, Failure> {
        let app = self.app;
        let Some(register) = number::field(of.0).map(|field| field.register) else {
            return Ok(false);
        };
        let signature = format!("@{}", app.identity.short_name());
        for id in self.known.numbers.of_series(app, of, series)? {
            let kind = of.0.kind;
            // One that is on its way is our own.
            let Some(stored) = app.reader().get(RecordKey { kind, id })? else {
                continue;
            };
            let mut said = stored.record.register(register).iter();
            if said.all(|sibling| !sibling.write.author.ends_with(&signature)) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The letters under which this program may count, the first choice first.
fn letters(app: &App) -> Vec<char> {
    if app.is_hub() {
        vec![number::CITY]
    } else {
        number::letters(app.identity.replica()).collect()
    }
}

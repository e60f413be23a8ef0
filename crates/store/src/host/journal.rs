//! The journal of this replica's own writes, as it lies in the store.

use prost::Message as _;
use proto::{stored::JournalPage, sync::Position};
use replica::{Counter, Dot, Head, Incarnation, JournalEntry, limits::POINTS_MAX};

use super::Host;
use crate::{
    StoreError,
    journal::{self, PageEnd},
    keys,
};

fn damaged() -> StoreError {
    StoreError::Damaged {
        what: "journal page".to_owned(),
    }
}

/// The journal of one incarnation.
#[derive(Clone, Debug, Default)]
pub(super) struct Journal {
    /// Entries from counter 1 on, without a gap.
    pub(super) entries: Vec<JournalEntry>,
    /// The chain after each of them.
    heads: Vec<Head>,
}

impl Journal {
    /// The chain after a write; none beyond the end.
    pub(super) fn head(&self, counter: Counter) -> Option<Head> {
        let Ok(at) = usize::try_from(counter) else {
            return None;
        };
        match at.checked_sub(1) {
            None => Some(Head::default()),
            Some(at) => self.heads.get(at).copied(),
        }
    }
}

impl Host {
    /// Reads the journal of an incarnation of this replica, and proves its chain.
    pub(super) fn journal(&self, incarnation: Incarnation) -> Result<Journal, StoreError> {
        let mut journal = Journal::default();
        journal::walk(
            self.store(),
            incarnation,
            Counter::MAX,
            &mut |_, entry, head| {
                journal.entries.push(entry);
                journal.heads.push(head);
                Ok(())
            },
        )?;
        Ok(journal)
    }

    /// Stages the end of a journal: what came after a counter is gone from it.
    pub(super) fn cut_journal(
        &mut self,
        incarnation: Incarnation,
        journal: &Journal,
        at: Counter,
    ) -> Result<(), StoreError> {
        let from = keys::journal(incarnation, at.saturating_add(1));
        let to = keys::journal(incarnation, u64::MAX);
        let pages = self.store().range(&from, &to, usize::MAX)?;
        for (key, value) in pages {
            let page = JournalPage::decode(value).map_err(|_e| damaged())?;
            self.ledger.stage(key.to_vec(), None);
            if page.first <= at {
                self.keep_page(incarnation, journal, page.first, at);
            }
        }
        Ok(())
    }

    /// Writes the part of a page that stays.
    fn keep_page(&mut self, incarnation: Incarnation, journal: &Journal, first: u64, last: u64) {
        let place = |counter: u64| usize::try_from(counter - 1).unwrap_or(usize::MAX);
        let stays = journal.entries.get(place(first)..=place(last));
        let head = journal.head(last).unwrap_or_default();
        let page = crate::ledger::journal_page(first, stays.unwrap_or_default(), head);
        let page = page.encode_to_vec();
        self.ledger
            .stage(keys::journal(incarnation, last), Some(page));
    }

    /// The own writes before one of them, or the newest, at most `limit`, the newest first: the lives
    /// of this replica one after the other, as each went on from the one before. Pages are read from
    /// the end, and no more of them than are asked for.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn own_writes(
        &self,
        before: Option<Dot>,
        limit: usize,
    ) -> Result<Vec<(Dot, JournalEntry)>, StoreError> {
        let mut lives = self.positions.own_line();
        lives.reverse();
        let from = before.map(|dot| dot.incarnation);
        let lives = lives
            .into_iter()
            .skip_while(|life| from.is_some_and(|from| *life != from));
        let mut found = Vec::new();
        for incarnation in lives {
            let mut below = match before {
                Some(dot) if dot.incarnation == incarnation => dot.counter,
                _ => Counter::MAX,
            };
            while let Some((last, page)) = self.page_below(incarnation, below)? {
                let entries = page.entries.iter().rev();
                for (counter, entry) in (0..=last).rev().zip(entries) {
                    if counter >= below {
                        continue;
                    }
                    if found.len() == limit {
                        return Ok(found);
                    }
                    let dot = Dot {
                        incarnation,
                        counter,
                    };
                    found.push((dot, journal::read(entry).ok_or_else(damaged)?));
                }
                below = page.first;
            }
        }
        Ok(found)
    }

    /// The page with the write before a counter, and the counter of its last write.
    fn page_below(
        &self,
        incarnation: Incarnation,
        below: Counter,
    ) -> Result<Option<(Counter, JournalPage)>, StoreError> {
        let Some(counter) = below.checked_sub(1).filter(|counter| *counter > 0) else {
            return Ok(None);
        };
        let end = keys::journal(incarnation, u64::MAX);
        let at = keys::journal(incarnation, counter);
        // The key of a page says how it ends: the write may lie within the page that ends after it.
        let after = self.store().range(&at, &end, 1)?.pop();
        let found = match after {
            Some(found) => Some(found),
            None => self.store().last(&keys::journal(incarnation, 0), &at)?,
        };
        let Some((key, value)) = found else {
            return Ok(None);
        };
        let last = keys::u64_at(&key, 9).ok_or_else(damaged)?;
        let page = JournalPage::decode(value).map_err(|_e| damaged())?;
        let whole = page.first > 0 && last + 1 == page.first + page.entries.len() as u64;
        if !whole || page.first >= below {
            return Err(damaged());
        }
        Ok(Some((last, page)))
    }

    /// The ends of commits in the journal of an own incarnation after a counter, as positions, at
    /// most `limit`.
    pub(super) fn commit_ends(
        &self,
        incarnation: Incarnation,
        after: Counter,
        limit: usize,
    ) -> Result<Vec<Position>, StoreError> {
        let from = keys::journal(incarnation, after + 1);
        let to = keys::journal(incarnation, u64::MAX);
        let pages = self.store().range(&from, &to, limit)?;
        let mut ends = Vec::new();
        for (key, value) in pages {
            let page = PageEnd::decode(value).map_err(|_e| damaged())?;
            if page.ends_commit {
                ends.push(Position {
                    incarnation: incarnation.0,
                    counter: keys::u64_at(&key, 9).ok_or_else(damaged)?,
                    head: page.head,
                    replica: self.config.replica.0.to_vec(),
                });
            }
        }
        Ok(ends)
    }

    /// What this hub knows of the ends of commits of a node's incarnation, up to a counter, the
    /// newest `POINTS_MAX`, ascending.
    pub(super) fn points(
        &self,
        incarnation: Incarnation,
        upto: Counter,
    ) -> Result<Vec<(Counter, Head)>, StoreError> {
        let mut points = Vec::new();
        let mut below = upto.saturating_add(1);
        while points.len() < POINTS_MAX
            && let Some((counter, head)) = self.point_below(incarnation, below)?
        {
            points.push((counter, head));
            below = counter;
        }
        points.reverse();
        Ok(points)
    }

    /// The last end of a commit of a node's incarnation that this hub knows.
    pub(super) fn last_point(
        &self,
        incarnation: Incarnation,
    ) -> Result<Option<(Counter, Head)>, StoreError> {
        self.point_below(incarnation, Counter::MAX)
    }

    fn point_below(
        &self,
        incarnation: Incarnation,
        below: Counter,
    ) -> Result<Option<(Counter, Head)>, StoreError> {
        let (from, to) = (keys::point(incarnation, 0), keys::point(incarnation, below));
        let Some((key, value)) = self.store().last(&from, &to)? else {
            return Ok(None);
        };
        let counter = keys::u64_at(&key, 9).ok_or_else(damaged)?;
        let head = Head::try_from(value.as_ref()).map_err(|_e| damaged())?;
        Ok(Some((counter, head)))
    }
}

//! When changes of the feeds became durable, here and at each peer: kept for people, decides
//! nothing.
//!
//! Of each feed and each replica there is a mark for each minute in which any change arrived. A
//! change came in the minute of the last mark at or before its sequence. Marks are packed into
//! pages, so that a year of them costs little at each opening of the store. What a peer turns out to
//! hold without having acked it, after a restore for one, has arrived at a time that nobody noted.

use std::collections::{BTreeMap, btree_map::Entry};

use replica::ReplicaId;

use super::Host;
use crate::{
    Place, Store, StoreError, keys,
    ledger::{ArrivalPage, HERE, UNNOTED},
};

/// Marks of one page: two kilobytes.
const PAGE_MARKS_MAX: usize = 512;
/// Pages that are kept of a feed and a replica: 32,768 minutes in which something arrived, a year
/// of two hours on each working day.
const PAGES_MAX: usize = 64;
/// Milliseconds of the unit of a mark.
const MINUTE_MS: i64 = 60_000;

/// A replica, by its number as a peer, and a scope by its number.
type Lane = (u32, u32);

/// The marks that are still written to.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    open: BTreeMap<Lane, Open>,
}

/// The newest page of a lane.
#[derive(Debug, Default)]
struct Open {
    page: ArrivalPage,
    /// Up to here the arrival is noted, or was before there were marks.
    covered: u64,
}

/// What to store: keys with their values, and keys that go.
type Staged = Vec<(Vec<u8>, Option<Vec<u8>>)>;

impl Arrivals {
    /// Notes that the changes after `before` and up to `upto` have arrived. Returns what to store.
    fn note(
        &mut self,
        store: &dyn Store,
        lane: Lane,
        (before, upto): (u64, u64),
        minute: i64,
    ) -> Result<Staged, StoreError> {
        let open = match self.open.entry(lane) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(Open::load(store, lane)?),
        };
        let first = open.covered.max(before) + 1;
        if upto < first {
            return Ok(Vec::new());
        }
        open.covered = upto;
        if open.page.last().is_some_and(|(_, last)| last == minute) {
            return Ok(Vec::new());
        }
        let mut staged = Vec::new();
        if open.page.marks.len() == PAGE_MARKS_MAX {
            open.page = ArrivalPage::default();
            let (from, to) = keys::arrivals_of(lane);
            let kept = store.range(&from, &to, PAGES_MAX)?;
            if kept.len() == PAGES_MAX
                && let Some((oldest, _)) = kept.into_iter().next()
            {
                staged.push((oldest.to_vec(), None));
            }
        }
        open.page.marks.push((first, minute));
        let start = open.page.marks.first().map_or(first, |(seq, _)| *seq);
        staged.push((keys::arrivals(lane, start), Some(open.page.encode())));
        Ok(staged)
    }
}

impl Open {
    fn load(store: &dyn Store, lane: Lane) -> Result<Self, StoreError> {
        let (from, to) = keys::arrivals_of(lane);
        let page = match store.last(&from, &to)? {
            Some((_, value)) => ArrivalPage::decode(&value)?,
            None => ArrivalPage::default(),
        };
        let covered = page.last().map_or(0, |(seq, _)| seq);
        Ok(Self { page, covered })
    }
}

impl Host {
    /// Notes what is about to be committed as arrived here.
    pub(super) fn arrive(&mut self) -> Result<(), StoreError> {
        for (scope, before, upto) in self.ledger.grown() {
            self.note_arrival((HERE, scope), (before, upto))?;
        }
        Ok(())
    }

    /// Notes that changes of a feed have arrived now: after `before`, up to `upto`.
    pub(super) fn note_arrival(
        &mut self,
        lane: Lane,
        between: (u64, u64),
    ) -> Result<(), StoreError> {
        let minute = self.wall_ms().div_euclid(MINUTE_MS);
        self.note_minute(lane, between, minute)
    }

    /// Notes that changes of a feed have arrived before now.
    pub(super) fn note_arrived_before(
        &mut self,
        lane: Lane,
        between: (u64, u64),
    ) -> Result<(), StoreError> {
        self.note_minute(lane, between, UNNOTED)
    }

    fn note_minute(
        &mut self,
        lane: Lane,
        between: (u64, u64),
        minute: i64,
    ) -> Result<(), StoreError> {
        let store = self.ledger.store();
        for (key, value) in self.arrivals.note(&**store, lane, between, minute)? {
            match value {
                Some(value) => self.ledger.stage_lazily(key, value),
                None => self.ledger.stage(key, None),
            }
        }
        Ok(())
    }

    /// The minute since 1970, by the wall clock here, in which a change of a feed became durable here,
    /// or at a peer that has acked it. None where that was not noted.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn arrived(
        &self,
        place: Place,
        peer: Option<ReplicaId>,
    ) -> Result<Option<i64>, StoreError> {
        let number = match peer {
            None => Some(HERE),
            Some(peer) => self.peers.number_of(&peer.0),
        };
        // Whoever sent a change had it before.
        let sent = peer.is_some() && number == Some(self.reader().sender(place));
        let number = number.filter(|_| !sent);
        let Some(lane) = number.map(|number| (number, place.scope)) else {
            return Ok(None);
        };
        // The newest marks may still wait for a commit.
        let open = self.arrivals.open.get(&lane).map(|open| &open.page);
        let starts = open.and_then(|page| page.marks.first());
        if let Some(page) = open.filter(|_| starts.is_some_and(|(first, _)| *first <= place.seq.0))
        {
            return Ok(page.minute(place.seq));
        }
        let (from, _) = keys::arrivals_of(lane);
        let to = keys::arrivals(lane, place.seq.0.saturating_add(1));
        let page = self.store().last(&from, &to)?;
        let page = page.map(|(_, value)| ArrivalPage::decode(&value));
        Ok(page.transpose()?.and_then(|page| page.minute(place.seq)))
    }
}

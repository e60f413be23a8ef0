//! A machine whose memory was rolled back, and went on: an incarnation meets itself above its own
//! counter, or under another head.
//!
//! Nothing is accepted. The last position is found whose head both sides know; what was written
//! after it, also in later lives, is taken back into drafts; contexts forget it; a new incarnation
//! begins. All of it is one batch, before any merge. Drafts that the hub turns out to hold are
//! dropped again.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use proto::sync::{Position, Welcome};
use replica::{Counter, Dot, Head, Incarnation, Record, RecordKey, Sibling};

use super::{Host, apply::ROLLED_BACK};
use crate::{StoreError, journal, ledger::Incoming};

/// The last point of an incarnation that both sides know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fork {
    incarnation: Incarnation,
    counter: Counter,
}

/// Counters of a life at which commits ended, and the heads there.
type Points = BTreeMap<Counter, Head>;

/// What the hub tells of one life of a node.
struct Told {
    /// Ends of commits, none left out between the first and the last.
    listed: Points,
    /// How far the life came.
    reached: Points,
}

impl Host {
    /// Whether the hub knows one of this replica's lives otherwise than its journal tells.
    pub(super) fn fork(&self, welcome: &Welcome) -> Result<Option<Fork>, StoreError> {
        let (listed, reached) = (self.told(&welcome.heads), self.told(&welcome.positions));
        for incarnation in self.positions.own_line() {
            let told = Told {
                listed: listed.get(&incarnation).cloned().unwrap_or_default(),
                reached: reached.get(&incarnation).cloned().unwrap_or_default(),
            };
            if let Some(counter) = self.fork_of(incarnation, &told)? {
                return Ok(Some(Fork {
                    incarnation,
                    counter,
                }));
            }
        }
        Ok(None)
    }

    /// What is told of this replica's own lives, where a head came with it.
    fn told(&self, positions: &[Position]) -> BTreeMap<Incarnation, Points> {
        let mut told: BTreeMap<Incarnation, Points> = BTreeMap::new();
        let own = |p: &&Position| p.replica == self.config.replica.0;
        for position in positions.iter().filter(own) {
            if let Ok(head) = Head::try_from(position.head.as_slice()) {
                let of = told.entry(Incarnation(position.incarnation)).or_default();
                of.insert(position.counter, head);
            }
        }
        told
    }

    /// Every line that comes up asks this, so only the pages of the points told are read.
    fn fork_of(
        &self,
        incarnation: Incarnation,
        told: &Told,
    ) -> Result<Option<Counter>, StoreError> {
        let mut points: Vec<(Counter, Head)> = Vec::new();
        for of in [&told.listed, &told.reached] {
            points.extend(of.iter().map(|(counter, head)| (*counter, *head)));
        }
        points.sort_by_key(|(counter, _)| std::cmp::Reverse(*counter));
        let Some((highest, _)) = points.first().copied() else {
            return Ok(None);
        };
        let end = journal::end(self.store(), incarnation)?;
        points.retain(|(counter, _)| *counter <= end);
        let below = points.first().map(|(counter, _)| *counter);
        let mut common = 0;
        for (counter, head) in points {
            if journal::head_at(self.store(), incarnation, counter)? == Some(head) {
                common = counter;
                break;
            }
        }
        let alive = self
            .life
            .is_some_and(|life| life.incarnation == incarnation);
        // Heads are chained: where the last one agrees, all before it do.
        let agrees = below.is_none_or(|below| common == below);
        let sound = if highest <= end {
            agrees
        } else {
            // A life that runs is behind itself, or a store that was put back ends elsewhere than
            // where a commit of the life that the hub knows has ended. A restored hub may know
            // none of those near this end.
            let lists = told.listed.last_key_value();
            let knows = lists.is_some_and(|(last, _)| *last > end);
            !alive && agrees && (common == end || below.is_none() || !knows)
        };
        Ok((!sound).then_some(common))
    }

    /// Takes back everything after a fork.
    pub(super) fn roll_back(&mut self, fork: Fork) -> Result<(), StoreError> {
        tracing::warn!(
            incarnation = fork.incarnation.0,
            counter = fork.counter,
            "this replica was rolled back while it ran; later writes become drafts"
        );
        // Writes of the same group are in no journal yet, and are taken back like the others.
        self.ledger.commit()?;
        let line = self.positions.own_line();
        let lives = line.into_iter().skip_while(|i| *i != fork.incarnation);
        let mut void: BTreeMap<Incarnation, Counter> = BTreeMap::new();
        let mut writes: BTreeMap<RecordKey, Vec<(Dot, String)>> = BTreeMap::new();
        for incarnation in lives {
            let keep = if incarnation == fork.incarnation {
                fork.counter
            } else {
                0
            };
            let journal = self.journal(incarnation)?;
            for (counter, entry) in (1..).zip(&journal.entries).skip_while(|(n, _)| *n <= keep) {
                let dot = Dot {
                    incarnation,
                    counter,
                };
                let of_record = writes.entry(entry.key).or_default();
                of_record.push((dot, ROLLED_BACK.to_owned()));
            }
            void.insert(incarnation, keep);
            self.cut_journal(incarnation, &journal, keep)?;
            let head = journal.head(keep).unwrap_or_default();
            let (key, value) = self.positions.rewind(incarnation, keep, head);
            self.ledger.stage(key, Some(value));
        }
        self.life = None;
        self.positions.go_on_from(fork.incarnation);
        for (key, dots) in &writes {
            self.take_back_of(*key, dots)?;
        }
        self.lower(&void)?;
        let gone = |dot: Dot| {
            void.get(&dot.incarnation)
                .is_some_and(|keep| dot.counter > *keep)
        };
        for key in writes.keys() {
            self.ledger.forget(*key, &gone)?;
        }
        self.ledger.end_section(0);
        Ok(())
    }

    /// Lowers the contexts of all records: the writes after a fork count as never made. A fork is
    /// rare, so every record is looked at.
    fn lower(&mut self, void: &BTreeMap<Incarnation, Counter>) -> Result<(), StoreError> {
        for key in self.ledger.all_keys() {
            let Some(stored) = self.ledger.current(key)? else {
                continue;
            };
            let above = |(i, n): (&Incarnation, &Counter)| stored.record.context.highest(*i) > *n;
            if !void.iter().any(above) {
                continue;
            }
            let mut record = stored.record.clone();
            for (incarnation, counter) in void {
                record.context.lower(*incarnation, *counter);
            }
            let context = record.context.clone();
            record.siblings.retain(|s| context.covers(s.dot()));
            self.put(Incoming::own(record), self.config.scope, Some(stored))?;
        }
        Ok(())
    }

    /// Drops the drafts of a rollback that the hub turned out to hold.
    pub(super) fn drop_held_drafts(&mut self) -> Result<(), StoreError> {
        let mut held = BTreeSet::new();
        for draft in self.peers.drafts_of(ROLLED_BACK) {
            let Ok(write) = Record::decode(&Bytes::from(draft.siblings.clone())) else {
                continue;
            };
            let Some(stored) = self.ledger.current(write.key)? else {
                continue;
            };
            let history = self.siblings_of_history(write.key)?;
            let known = || stored.record.siblings.iter().chain(&history);
            let is_one = |a: &Sibling, b: &Sibling| {
                (a.register, a.dot()) == (b.register, b.dot()) && a.joined(b).is_some()
            };
            if write
                .siblings
                .iter()
                .all(|s| known().any(|known| is_one(known, s)))
            {
                held.extend(write.siblings.iter().map(Sibling::dot));
            }
        }
        for dot in held {
            for key in self.peers.drop_drafts(dot) {
                self.ledger.stage(key, None);
            }
        }
        Ok(())
    }
}

//! Which writes a record has seen: a version vector with holes.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Counter, Dot, Incarnation};

/// The highest counter seen of each incarnation, less the dots that were taken back. Never
/// pruned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    seen: BTreeMap<Incarnation, Counter>,
    holes: BTreeSet<Dot>,
}

impl Context {
    /// Returns the context of these entries and holes. Entries of 0 and holes above their entry
    /// say nothing and are left out.
    pub fn new(
        entries: impl IntoIterator<Item = (Incarnation, Counter)>,
        holes: impl IntoIterator<Item = Dot>,
    ) -> Self {
        let seen: BTreeMap<_, _> = entries.into_iter().filter(|(_, n)| *n > 0).collect();
        let reached = |dot: &Dot| {
            seen.get(&dot.incarnation)
                .is_some_and(|n| *n >= dot.counter)
        };
        let holes = holes.into_iter().filter(reached).collect();
        Self { seen, holes }
    }

    /// Whether the write has been seen.
    #[must_use]
    pub fn covers(&self, dot: Dot) -> bool {
        self.highest(dot.incarnation) >= dot.counter && !self.holes.contains(&dot)
    }

    /// The highest counter seen of an incarnation, 0 for none.
    #[must_use]
    pub fn highest(&self, incarnation: Incarnation) -> Counter {
        self.seen.get(&incarnation).copied().unwrap_or(0)
    }

    /// Every incarnation seen with its highest counter, ascending.
    pub fn entries(&self) -> impl Iterator<Item = (Incarnation, Counter)> + '_ {
        self.seen
            .iter()
            .map(|(incarnation, counter)| (*incarnation, *counter))
    }

    /// The dots below the entries that were taken back, ascending.
    pub fn holes(&self) -> impl Iterator<Item = Dot> + '_ {
        self.holes.iter().copied()
    }

    /// Adds a write of this replica.
    pub fn add(&mut self, dot: Dot) {
        let highest = self.seen.entry(dot.incarnation).or_default();
        *highest = (*highest).max(dot.counter);
        self.holes.remove(&dot);
    }

    /// Takes a write back: from now on it counts as never seen.
    pub fn take_back(&mut self, dot: Dot) {
        if self.highest(dot.incarnation) >= dot.counter {
            self.holes.insert(dot);
        }
    }

    /// Forgets all writes of an incarnation above a counter: they count as never made.
    pub fn lower(&mut self, incarnation: Incarnation, counter: Counter) {
        if self.highest(incarnation) <= counter {
            return;
        }
        if counter == 0 {
            self.seen.remove(&incarnation);
        } else {
            self.seen.insert(incarnation, counter);
        }
        self.holes
            .retain(|dot| dot.incarnation != incarnation || dot.counter <= counter);
    }

    /// The union. A hole closes when one of the two has seen its dot.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut seen = self.seen.clone();
        for (incarnation, counter) in other.entries() {
            let highest = seen.entry(incarnation).or_default();
            *highest = (*highest).max(counter);
        }
        let holes = self.holes.union(&other.holes).copied();
        let holes = holes
            .filter(|dot| !self.covers(*dot) && !other.covers(*dot))
            .collect();
        Self { seen, holes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dot(incarnation: u64, counter: u64) -> Dot {
        Dot {
            incarnation: Incarnation(incarnation),
            counter,
        }
    }

    #[test]
    fn a_hole_closes_when_one_side_has_seen_its_dot() {
        let mut a = Context::new([(Incarnation(1), 3)], []);
        a.take_back(dot(1, 2));
        assert!(!a.covers(dot(1, 2)) && a.covers(dot(1, 3)));
        let b = Context::new([(Incarnation(1), 1)], []);
        assert!(!a.union(&b).covers(dot(1, 2)), "b never saw it either");
        let c = Context::new([(Incarnation(1), 2)], []);
        assert!(a.union(&c).covers(dot(1, 2)));
    }

    #[test]
    fn union_is_commutative_and_idempotent() {
        let a = Context::new([(Incarnation(1), 3), (Incarnation(2), 1)], [dot(1, 2)]);
        let b = Context::new([(Incarnation(2), 5)], [dot(2, 4)]);
        assert_eq!(a.union(&b), b.union(&a));
        assert_eq!(a.union(&a), a);
    }
}

//! Which writes a record has seen: a version vector with holes.

use crate::{Counter, Dot, Incarnation};

/// The highest counter seen of each incarnation, less the dots that were taken back. Never
/// pruned. Both lists ascend: every record has a context, most of one or two entries, and is read
/// far more often than its context grows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    seen: Vec<(Incarnation, Counter)>,
    holes: Vec<Dot>,
}

impl Context {
    /// Returns the context of these entries and holes. Entries of 0 and holes above their entry
    /// say nothing and are left out.
    pub fn new(
        entries: impl IntoIterator<Item = (Incarnation, Counter)>,
        holes: impl IntoIterator<Item = Dot>,
    ) -> Self {
        let mut seen: Vec<_> = entries.into_iter().filter(|(_, n)| *n > 0).collect();
        seen.sort_by_key(|(incarnation, _)| *incarnation);
        keep_last(&mut seen);
        let mut context = Self {
            seen,
            holes: Vec::new(),
        };
        let reached = |dot: &Dot| context.highest(dot.incarnation) >= dot.counter;
        let mut holes: Vec<Dot> = holes.into_iter().filter(reached).collect();
        holes.sort_unstable();
        holes.dedup();
        context.holes = holes;
        context
    }

    /// Whether the write has been seen.
    #[must_use]
    pub fn covers(&self, dot: Dot) -> bool {
        self.highest(dot.incarnation) >= dot.counter && self.holes.binary_search(&dot).is_err()
    }

    /// The highest counter seen of an incarnation, 0 for none.
    #[must_use]
    pub fn highest(&self, incarnation: Incarnation) -> Counter {
        let found = self
            .place(incarnation)
            .ok()
            .and_then(|at| self.seen.get(at));
        found.map_or(0, |(_, counter)| *counter)
    }

    fn place(&self, incarnation: Incarnation) -> Result<usize, usize> {
        self.seen.binary_search_by_key(&incarnation, |(of, _)| *of)
    }

    /// Every incarnation seen with its highest counter, ascending.
    pub fn entries(&self) -> impl Iterator<Item = (Incarnation, Counter)> + '_ {
        self.seen.iter().copied()
    }

    /// The dots below the entries that were taken back, ascending.
    pub fn holes(&self) -> impl Iterator<Item = Dot> + '_ {
        self.holes.iter().copied()
    }

    /// Adds a write of this replica.
    pub fn add(&mut self, dot: Dot) {
        let entry = (
            dot.incarnation,
            self.highest(dot.incarnation).max(dot.counter),
        );
        self.set(entry);
        self.holes.retain(|hole| *hole != dot);
    }

    fn set(&mut self, (incarnation, counter): (Incarnation, Counter)) {
        match self.place(incarnation) {
            Ok(at) => self.seen.splice(at..=at, [(incarnation, counter)]),
            Err(at) => self.seen.splice(at..at, [(incarnation, counter)]),
        };
    }

    /// Takes a write back: from now on it counts as never seen.
    pub fn take_back(&mut self, dot: Dot) {
        if self.highest(dot.incarnation) < dot.counter {
            return;
        }
        if let Err(at) = self.holes.binary_search(&dot) {
            self.holes.insert(at, dot);
        }
    }

    /// Forgets all writes of an incarnation above a counter: they count as never made.
    pub fn lower(&mut self, incarnation: Incarnation, counter: Counter) {
        if self.highest(incarnation) <= counter {
            return;
        }
        if counter == 0 {
            self.seen.retain(|(of, _)| *of != incarnation);
        } else {
            self.set((incarnation, counter));
        }
        self.holes
            .retain(|dot| dot.incarnation != incarnation || dot.counter <= counter);
    }

    /// The union. A hole closes when one of the two has seen its dot.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut seen: Vec<_> = self.entries().chain(other.entries()).collect();
        seen.sort_unstable();
        keep_last(&mut seen);
        let open = |dot: &Dot| !self.covers(*dot) && !other.covers(*dot);
        let mut holes: Vec<Dot> = self.holes().chain(other.holes()).filter(open).collect();
        holes.sort_unstable();
        holes.dedup();
        Self { seen, holes }
    }
}

/// Of several entries of one incarnation, which follow each other, the last stands.
fn keep_last(seen: &mut Vec<(Incarnation, Counter)>) {
    seen.dedup_by(|later, earlier| {
        let same = later.0 == earlier.0;
        if same {
            *earlier = *later;
        }
        same
    });
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

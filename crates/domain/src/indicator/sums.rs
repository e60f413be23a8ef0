//! What units add to which sums.

use replica::{RecordId, RecordKey, ScopeId};

use super::define::Counter;

/// What is counted as one: most units are a record with all that bears on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Unit {
    /// A record.
    Record(RecordKey),
    /// All checks of one subject, of which the latest of each item counts.
    Checks(RecordKey),
}

/// Whose sum it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Scope(ScopeId),
    City,
}

/// A part of a place: all of it, or the organisations that have something in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// All.
    All,
    /// The number of the class in `OrgClass`.
    Class(i32),
    /// The number of the kind in `OrgKind`.
    Kind(i32),
    /// The strongest form by which an organisation is covered: its number in `EstablishmentForm`.
    Form(i32),
    /// The staff band.
    Band(Band),
    /// The cluster an organisation lies in.
    Cluster(RecordId),
    /// The letter of the industry.
    Industry(Box<str>),
    /// The code of the town.
    Town(Box<str>),
}

/// How many work in an organisation (domain 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Band {
    /// Fewer than 50.
    Small,
    /// 50 to 99.
    Medium,
    /// 100 and more.
    Large,
}

impl Band {
    /// The band of a number of staff.
    #[must_use]
    pub fn of(employees: u32) -> Self {
        match employees {
            0..50 => Self::Small,
            50..100 => Self::Medium,
            _ => Self::Large,
        }
    }
}

/// What one unit adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Share {
    /// To which scope's sums; none where it is the city's alone.
    pub(super) scope: Option<ScopeId>,
    /// Whether to the city's as well.
    pub(super) in_city: bool,
    /// To which parts beside the whole.
    pub(super) groups: Vec<Group>,
    pub(super) adds: Vec<(Counter, i64)>,
}

impl Share {
    pub(super) fn places(&self) -> impl Iterator<Item = Place> {
        let city = self.in_city.then_some(Place::City);
        self.scope.map(Place::Scope).into_iter().chain(city)
    }

    pub(super) fn get(&self, counter: Counter) -> i64 {
        let of = self.adds.iter().filter(|(known, _)| *known == counter);
        of.map(|(_, by)| by).sum()
    }
}

/// One sum a counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sums(Vec<i64>);

impl Default for Sums {
    fn default() -> Self {
        Self(vec![0; Counter::ALL.len()])
    }
}

impl Sums {
    pub(super) fn get(&self, counter: Counter) -> i64 {
        self.0.get(counter as usize).copied().unwrap_or_default()
    }

    pub(super) fn add(&mut self, adds: &[(Counter, i64)], sign: i64) {
        for (counter, by) in adds {
            if let Some(sum) = self.0.get_mut(*counter as usize) {
                *sum = sum.saturating_add(sign * by);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|sum| *sum == 0)
    }
}

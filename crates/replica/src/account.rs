//! The accounting behind the certificate that nothing was lost: what became of every write.
//!
//! Equal fingerprints prove equal states, not that nothing was lost on the way there. The journal
//! says which writes there were; each of them must be visible, or replaced by a write that is
//! itself accounted for, or stand on record as refused, taken back, moved or held back. All of it
//! goes by registers: a write of two fields of which one has vanished is not accounted for.
//!
//! A replica that was restored has a journal shorter than the position that others know. Those
//! writes have no entry; they must be found by name, or they are missing.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Counter, Dot, Incarnation, RecordKey, RegisterId};

/// Writes that one account lists singly; the numbers are complete in any case.
pub const LISTED_MAX: usize = 10_000;

/// One register of one write.
pub type Name = (Dot, RegisterId);

/// What each register of a write replaced.
pub type Names = BTreeMap<Name, Vec<Dot>>;

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It stands in a record.
    Visible,
    /// A write that is itself accounted for names it among those it replaced.
    Replaced,
    /// The hub has refused it; its text is kept.
    Refused,
    /// It was taken back for another reason; its text is kept.
    Draft,
    /// Its record belongs to another scope now.
    Moved,
    /// Its record is held back: one dot has two contents.
    Quarantined,
    /// Nobody can say.
    Missing,
}

/// A write as the journal has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Its name.
    pub dot: Dot,
    /// The record written.
    pub key: RecordKey,
    /// The registers set.
    pub registers: Vec<RegisterId>,
}

/// What is known of the writes of a scope, apart from the journal that is to be proved.
#[derive(Clone, Debug, Default)]
pub struct Book {
    visible: BTreeSet<Name>,
    replaced: BTreeSet<Name>,
    on_record: BTreeMap<Dot, Fate>,
    left_out: BTreeSet<RecordKey>,
    moved: BTreeSet<RecordKey>,
}

impl Book {
    /// Returns a book of what is visible, of all that this replaced, step by step, and of what
    /// stands on record. A write that was taken back accounts for nothing that it had replaced:
    /// that has come back, or another write names it.
    #[must_use]
    pub fn new(visible: BTreeSet<Name>, names: &Names, on_record: BTreeMap<Dot, Fate>) -> Self {
        let mut replaced = BTreeSet::new();
        let mut todo: Vec<Name> = visible.iter().copied().collect();
        while let Some(name) = todo.pop() {
            let gone = names.get(&name).into_iter().flatten();
            for former in gone.map(|dot| (*dot, name.1)) {
                let taken_back = on_record.contains_key(&former.0) && !visible.contains(&former);
                if replaced.insert(former) && !taken_back {
                    todo.push(former);
                }
            }
        }
        Self {
            visible,
            replaced,
            on_record,
            ..Self::default()
        }
    }

    /// Notes a record that is held back.
    pub fn leave_out(&mut self, key: RecordKey) {
        self.left_out.insert(key);
    }

    /// Notes a record that belongs to another scope now.
    pub fn move_away(&mut self, key: RecordKey) {
        self.moved.insert(key);
    }

    /// What became of a write of the journal.
    #[must_use]
    pub fn fate(&self, posting: &Posting) -> Fate {
        if self.left_out.contains(&posting.key) {
            return Fate::Quarantined;
        }
        let names = posting.registers.iter().map(|r| (posting.dot, *r));
        let is_visible = names.clone().any(|name| self.visible.contains(&name));
        let mut gone = names.filter(|name| !self.visible.contains(name));
        let whole = !posting.registers.is_empty() && gone.all(|name| self.replaced.contains(&name));
        if !whole {
            let noted = self.on_record.get(&posting.dot);
            return noted.copied().unwrap_or(Fate::Missing);
        }
        match (self.moved.contains(&posting.key), is_visible) {
            (true, _) => Fate::Moved,
            (false, true) => Fate::Visible,
            (false, false) => match self.on_record.get(&posting.dot) {
                Some(noted) => *noted,
                None => Fate::Replaced,
            },
        }
    }

    /// The writes of an incarnation between two counters, the first left out, that are known by
    /// name.
    fn by_name(
        &self,
        incarnation: Incarnation,
        after: Counter,
        upto: Counter,
    ) -> BTreeMap<Counter, Fate> {
        let dot = |counter| Dot {
            incarnation,
            counter,
        };
        let first = (dot(after.saturating_add(1)), RegisterId(0));
        let last = (dot(upto), RegisterId(u32::MAX));
        let mut known = BTreeMap::new();
        for (replaced, _) in self.replaced.range(first..=last) {
            known.insert(replaced.counter, Fate::Replaced);
        }
        for (noted, fate) in self.on_record.range(first.0..=last.0) {
            known.insert(noted.counter, *fate);
        }
        for (visible, _) in self.visible.range(first..=last) {
            known.insert(visible.counter, Fate::Visible);
        }
        known
    }
}

/// How many writes met which fate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Writes that stand in a record.
    pub visible: u64,
    /// Writes that another replaced.
    pub replaced: u64,
    /// Writes that the hub refused.
    pub refused: u64,
    /// Writes that were taken back for another reason.
    pub drafts: u64,
    /// Writes of records that belong to another scope now.
    pub moved: u64,
    /// Writes of records that are held back.
    pub quarantined: u64,
    /// Writes of records of other scopes.
    pub elsewhere: u64,
    /// Writes that nobody can account for.
    pub missing: u64,
}

impl Counts {
    fn add(&mut self, fate: Fate, count: u64) {
        let place = match fate {
            Fate::Visible => &mut self.visible,
            Fate::Replaced => &mut self.replaced,
            Fate::Refused => &mut self.refused,
            Fate::Draft => &mut self.drafts,
            Fate::Moved => &mut self.moved,
            Fate::Quarantined => &mut self.quarantined,
            Fate::Missing => &mut self.missing,
        };
        *place = place.saturating_add(count);
    }

    /// All of them together: as many as the incarnation has made.
    #[must_use]
    pub fn sum(&self) -> u64 {
        let all = [
            self.visible,
            self.replaced,
            self.refused,
            self.drafts,
            self.moved,
            self.quarantined,
            self.elsewhere,
            self.missing,
        ];
        all.into_iter().fold(0, u64::saturating_add)
    }
}

/// The account of one incarnation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Life {
    /// How far it came, as far as anybody knows.
    pub counter: Counter,
    /// How far the journal goes.
    pub proven: Counter,
    /// What became of its writes.
    pub counts: Counts,
}

/// A write, or a stretch of writes, that is neither visible nor replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// Whose.
    pub incarnation: Incarnation,
    /// The first.
    pub first: Counter,
    /// The last.
    pub last: Counter,
    /// What became of it.
    pub fate: Fate,
    /// The record, where it is known.
    pub key: Option<RecordKey>,
}

/// The account of a journal. Filled in the order of the journal: [`Tally::post`] for each entry of
/// the scope, [`Tally::elsewhere`] for each other, [`Tally::close`] for each incarnation at last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Each incarnation.
    pub lives: BTreeMap<Incarnation, Life>,
    missing: Vec<Listed>,
    others: Vec<Listed>,
}

impl Tally {
    /// Accounts for a write of the scope.
    pub fn post(&mut self, book: &Book, posting: &Posting) {
        let fate = book.fate(posting);
        let life = self.reach(posting.dot);
        life.counts.add(fate, 1);
        self.list(Listed {
            incarnation: posting.dot.incarnation,
            first: posting.dot.counter,
            last: posting.dot.counter,
            fate,
            key: Some(posting.key),
        });
    }

    /// Counts a write of another scope: it is accounted for there.
    pub fn elsewhere(&mut self, dot: Dot) {
        self.reach(dot).counts.elsewhere += 1;
    }

    /// Counts the first writes of an incarnation of which its own replica answers for itself.
    pub fn answered(&mut self, incarnation: Incarnation, upto: Counter) {
        let life = self.lives.entry(incarnation).or_default();
        life.counts.elsewhere += upto;
        life.counter = upto;
    }

    fn reach(&mut self, dot: Dot) -> &mut Life {
        let life = self.lives.entry(dot.incarnation).or_default();
        life.proven = life.proven.max(dot.counter);
        life.counter = life.counter.max(dot.counter);
        life
    }

    /// Accounts by name for what lies between the end of the journal and the position that is
    /// known. `elsewhere` are the writes that are known to be of other scopes.
    pub fn close(
        &mut self,
        book: &Book,
        incarnation: Incarnation,
        position: Counter,
        elsewhere: &BTreeSet<Dot>,
    ) {
        let life = self.lives.entry(incarnation).or_default();
        let after = life.counter;
        if position <= after {
            return;
        }
        life.counter = position;
        let known = book.by_name(incarnation, after, position);
        let dot = |counter| Dot {
            incarnation,
            counter,
        };
        let other = elsewhere.range(dot(after + 1)..=dot(position));
        let other = other.map(|dot| dot.counter);
        let other: BTreeSet<Counter> = other.filter(|n| !known.contains_key(n)).collect();
        let mut named: BTreeSet<Counter> = known.keys().copied().collect();
        known.values().for_each(|fate| life.counts.add(*fate, 1));
        life.counts.elsewhere += other.len() as u64;
        named.extend(other);
        let found = named.len() as u64;
        life.counts.add(Fate::Missing, position - after - found);
        for (counter, fate) in known {
            self.list(Listed {
                incarnation,
                first: counter,
                last: counter,
                fate,
                key: None,
            });
        }
        let mut next = after + 1;
        for counter in named.into_iter().chain([position + 1]) {
            if counter > next {
                self.list(Listed {
                    incarnation,
                    first: next,
                    last: counter - 1,
                    fate: Fate::Missing,
                    key: None,
                });
            }
            next = counter + 1;
        }
    }

    fn list(&mut self, listed: Listed) {
        let list = match listed.fate {
            Fate::Visible | Fate::Replaced => return,
            Fate::Missing => &mut self.missing,
            Fate::Refused | Fate::Draft | Fate::Moved | Fate::Quarantined => &mut self.others,
        };
        if list.len() < LISTED_MAX / 2 {
            list.push(listed);
        }
    }

    /// What is neither visible nor replaced, in the order of names: as many as are listed.
    #[must_use]
    pub fn listed(&self) -> Vec<Listed> {
        let mut all: Vec<Listed> = self.missing.iter().chain(&self.others).copied().collect();
        all.sort_unstable();
        all
    }

    /// Whether every write is accounted for.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.lives.values().all(|life| life.counts.missing == 0)
    }
}

/// Accounts for a whole journal up to the positions that are known.
#[must_use]
pub fn account<'a>(
    journal: impl IntoIterator<Item = &'a Posting>,
    book: &Book,
    positions: &BTreeMap<Incarnation, Counter>,
) -> Tally {
    let mut tally = Tally::default();
    journal
        .into_iter()
        .for_each(|posting| tally.post(book, posting));
    for (incarnation, position) in positions {
        tally.close(book, *incarnation, *position, &BTreeSet::new());
    }
    tally
}

//! The account of a replica over its own journal in one scope: read beside the writer, proved by
//! the end of the feed that has not moved meanwhile.
//!
//! Nothing that is read here can change without moving the feed of the scope, except history and
//! journals, which only grow. So a long reading needs no pause of the writer: whoever asks takes
//! [`Handle::grounds`] before and after, and throws the reading away when they differ.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use bytes::Bytes;
use prost::Message as _;
use proto::stored::{Fate as FateWire, HistoryPage, LifeAccount, Listed as ListedWire, RecordName};
use replica::{
    Bucket, Context, Counter, Dot, Head, Incarnation, JournalEntry, Record, RecordKey, RegisterId,
    ReplicaId, ScopeId, Sibling,
    account::{Book, Fate, Listed, Name, Names, Posting, Tally},
    session::Role,
};

use crate::ledger::{Lies, Past};
use crate::{
    Grounds, Handle, HostError, OnRecord, Reached, Reader, StoreError, Stored, journal, keys,
};

/// Names that one account may hold: some million writes. Beyond them a scope needs more memory
/// than its program should take.
pub const ACCOUNT_NAMES_MAX: usize = 8 << 20;

/// What the scope's records and histories say, without the journal.
#[derive(Debug)]
pub struct Extract {
    visible: BTreeSet<Name>,
    /// What each register of each write replaced, where it replaced anything.
    pub names: Names,
    /// Own writes all of whose registers stand visible: how many, and the hash of their content.
    contents: BTreeMap<Dot, (usize, Head)>,
    /// The sum of the leaves that were read.
    pub root: Bucket,
    moved: BTreeSet<RecordKey>,
}

impl Extract {
    /// What is known of writes that do not stand visible: the other side, which holds the same
    /// records, sees the rest by itself.
    pub fn hidden(&self) -> impl Iterator<Item = (&Name, &Vec<Dot>)> {
        let names = self.names.iter();
        names.filter(|(name, _)| !self.visible.contains(name))
    }
}

/// What the other side says.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    /// How far it knows the incarnations of this replica.
    pub positions: Vec<Reached>,
    /// Writes of this replica that it has refused.
    pub refused: Vec<OnRecord>,
    /// What replaced what.
    pub names: Names,
    /// What either side holds back.
    pub left_out: Vec<RecordKey>,
}

/// What became of every write of this replica, up to every position that is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Account {
    /// Each incarnation.
    pub lives: Vec<LifeAccount>,
    /// What is neither visible nor replaced.
    pub listed: Vec<ListedWire>,
}

/// What a code says of a write that was refused or taken back.
fn fate_of(code: &str) -> Fate {
    match code {
        "SYNC-131" => Fate::Moved,
        "SYNC-132" | "SYNC-133" => Fate::Draft,
        _ => Fate::Refused,
    }
}

impl Handle {
    /// Reads where this replica stands in a scope. Blocks for the group under way.
    ///
    /// # Errors
    /// The writer has ended.
    pub fn grounds(&self, scope: ScopeId, peer: ReplicaId) -> Result<Grounds, HostError> {
        self.ask(move |host| host.grounds(scope, peer))
    }
}

impl Grounds {
    /// Reads the records, the history and what the own journals replaced. Blocks for as long as
    /// the scope is large.
    ///
    /// # Errors
    /// The store is damaged or cannot be read, or the scope is too large to be accounted for.
    pub fn extract(&self, reader: &Reader) -> Result<Extract, HostError> {
        let mut reading = Reading {
            reader,
            scope: self.scope,
            own: self.own.iter().map(|(i, _, _)| *i).collect(),
            extract: Extract {
                visible: BTreeSet::new(),
                names: Names::new(),
                contents: BTreeMap::new(),
                root: Bucket::default(),
                moved: BTreeSet::new(),
            },
        };
        reading.records()?;
        reading.history()?;
        for (incarnation, upto, _) in &self.own {
            reading.journal(*incarnation, *upto, self.role)?;
        }
        Ok(reading.extract)
    }

    /// Accounts for every write of this replica. Blocks for as long as its journals are long.
    ///
    /// # Errors
    /// The store is damaged or cannot be read, or a chain is broken.
    pub fn account(
        &self,
        reader: &Reader,
        extract: Extract,
        claims: &Claims,
    ) -> Result<Account, HostError> {
        let accounting = Accounting::new(reader, self, extract, claims);
        Ok(accounting.run(self, claims)?)
    }

    /// The root without some records, as they stand now.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn root_without(
        &self,
        reader: &Reader,
        left_out: &[RecordKey],
    ) -> Result<Bucket, StoreError> {
        let mut root = self.root;
        for key in left_out {
            if reader.lies(*key, self.scope) != Lies::Here {
                continue;
            }
            if let Some(stored) = reader.get(*key)?.filter(Stored::counts) {
                root.remove(stored.leaf);
            }
        }
        Ok(root)
    }
}

/// Gathers what is visible and what replaced what.
struct Reading<'a> {
    reader: &'a Reader,
    scope: ScopeId,
    own: BTreeSet<Incarnation>,
    extract: Extract,
}

impl Reading<'_> {
    fn records(&mut self) -> Result<(), HostError> {
        for key in self.reader.keys_of_scope(self.scope) {
            let Some(stored) = self.reader.get(key)? else {
                continue;
            };
            // Of what was taken back whole only its name is left, and counts nowhere.
            if stored.counts() {
                self.extract.root.add(stored.leaf);
            }
            self.record(&stored.record)?;
        }
        Ok(())
    }

    fn record(&mut self, record: &Record) -> Result<(), HostError> {
        let mut own: BTreeMap<Dot, Vec<&Sibling>> = BTreeMap::new();
        for sibling in &record.siblings {
            self.extract
                .visible
                .insert((sibling.dot(), sibling.register));
            self.name(sibling, &record.context);
            if self.own.contains(&sibling.dot().incarnation) {
                own.entry(sibling.dot()).or_default().push(sibling);
            }
        }
        // The journal has the hash of what was written: of what was erased only the name can be found.
        let is_whole = |s: &&Sibling| !s.is_erased() && !s.write.is_erased();
        own.retain(|_, siblings| siblings.iter().all(is_whole));
        for (dot, siblings) in own {
            let hash = replica::write_hash(record.key, &siblings);
            self.extract.contents.insert(dot, (siblings.len(), hash));
        }
        self.bounded()
    }

    fn name(&mut self, sibling: &Sibling, context: &Context) {
        let gone = gone(sibling, context);
        if !gone.is_empty() {
            let name = (sibling.dot(), sibling.register);
            self.extract.names.insert(name, gone);
        }
    }

    fn bounded(&self) -> Result<(), HostError> {
        if self.extract.visible.len() + self.extract.names.len() > ACCOUNT_NAMES_MAX {
            return Err(HostError::TooMany);
        }
        Ok(())
    }

    /// What has left the records of the scope, also while they belonged to another.
    fn history(&mut self) -> Result<(), HostError> {
        let reader = self.reader;
        let mut read = BTreeSet::new();
        let mut contexts: BTreeMap<RecordKey, Context> = BTreeMap::new();
        let mut todo: BTreeSet<u32> = reader.scope_number(self.scope).into_iter().collect();
        while let Some(number) = todo.pop_first() {
            if !read.insert(number) {
                continue;
            }
            let (from, to) = (keys::history(number, 0), keys::history(number, u64::MAX));
            let names = &mut self.extract.names;
            reader.store().scan(&from, &to, &mut |_, value| {
                let before = each_replaced(&value, &mut |past| {
                    let context = match contexts.entry(past.key) {
                        Entry::Occupied(known) => known.into_mut(),
                        Entry::Vacant(new) => {
                            let now = reader.get(past.key)?;
                            new.insert(now.map(|now| now.record.context).unwrap_or_default())
                        }
                    };
                    for sibling in &past.siblings {
                        let gone = gone(sibling, context);
                        if !gone.is_empty() {
                            let name = (sibling.dot(), sibling.register);
                            names.entry(name).or_insert(gone);
                        }
                    }
                    Ok(())
                })?;
                todo.extend(before.into_iter().filter(|number| !read.contains(number)));
                Ok(())
            })?;
            self.bounded()?;
        }
        Ok(())
    }

    /// Where no sibling is left that says it register by register, the journal says it for the
    /// whole write. A node's records that have moved away are read here, too.
    fn journal(
        &mut self,
        incarnation: Incarnation,
        upto: Counter,
        role: Role,
    ) -> Result<(), HostError> {
        let reader = self.reader;
        let mut away = BTreeSet::new();
        let names = &mut self.extract.names;
        let (scope, store) = (self.scope, reader.store());
        let mut visit = |counter, entry: JournalEntry, _| {
            match (reader.lies(entry.key, scope), role) {
                (Lies::Elsewhere, Role::Hub) => return Ok(()),
                (Lies::Elsewhere, Role::Node) => drop(away.insert(entry.key)),
                (Lies::Here | Lies::Nowhere, _) => {}
            }
            let dot = Dot {
                incarnation,
                counter,
            };
            for (register, gone) in entry.replaced().filter(|(_, gone)| !gone.is_empty()) {
                names.entry((dot, register)).or_insert(gone);
            }
            Ok(())
        };
        journal::walk(store, incarnation, upto, &mut visit)?;
        for key in away {
            if self.extract.moved.insert(key) {
                self.moved(key)?;
            }
        }
        self.bounded()
    }

    fn moved(&mut self, key: RecordKey) -> Result<(), HostError> {
        let Some(stored) = self.reader.get(key)? else {
            return Ok(());
        };
        self.record(&stored.record)?;
        for (_, siblings) in self.reader.history(key)? {
            let context = &stored.record.context;
            siblings
                .iter()
                .for_each(|sibling| self.name(sibling, context));
        }
        Ok(())
    }
}

/// The writes that a sibling makes an end of: those it replaced, and those that they had replaced,
/// as far as it remembers. A write that was superseded before it travelled, and whose journal is
/// gone, is still in between. The line ends at a write that was taken back, a hole in the record's
/// context: what that had replaced may have come back.
fn gone(sibling: &Sibling, context: &Context) -> Vec<Dot> {
    let ancestors = sibling.ancestry.iter().map(|ancestor| ancestor.dot);
    let ancestors = ancestors.take_while(|dot| context.covers(*dot));
    let mut gone: Vec<Dot> = sibling.replaces.iter().copied().chain(ancestors).collect();
    gone.sort_unstable();
    gone.dedup();
    gone
}

/// Visits what the changes of one history page have removed: siblings, as a record of their own.
/// Returns the numbers of other scopes in which the history of a record goes on.
pub(crate) fn each_replaced(
    page: &Bytes,
    visit: &mut dyn FnMut(&Record) -> Result<(), StoreError>,
) -> Result<BTreeSet<u32>, StoreError> {
    let damaged = || StoreError::Damaged {
        what: "history page".to_owned(),
    };
    let page = HistoryPage::decode(page.clone()).map_err(|_e| damaged())?;
    let mut before = BTreeSet::new();
    for entry in page.entries {
        let past = Past::read(entry).ok_or_else(damaged)?;
        before.insert(past.previous_scope);
        if let Some(replaced) = past.replaced {
            visit(&replaced)?;
        }
    }
    before.remove(&0);
    Ok(before)
}

/// Goes through the own journals.
struct Accounting<'a> {
    reader: &'a Reader,
    scope: ScopeId,
    role: Role,
    book: Book,
    contents: BTreeMap<Dot, (usize, Head)>,
    tally: Tally,
    /// How far each incarnation came, and the head there.
    reached: BTreeMap<Incarnation, (Counter, Head)>,
    forked: BTreeSet<Incarnation>,
}

impl<'a> Accounting<'a> {
    fn new(reader: &'a Reader, grounds: &Grounds, extract: Extract, claims: &Claims) -> Self {
        let Extract {
            visible,
            mut names,
            contents,
            moved,
            ..
        } = extract;
        // What is known here is better than what is told.
        for (name, replaced) in &claims.names {
            names.entry(*name).or_insert_with(|| replaced.clone());
        }
        let noted = claims.refused.iter().chain(&grounds.drafts);
        let noted = noted.chain(&grounds.refused);
        let noted = noted.map(|(dot, _, code)| (*dot, fate_of(code)));
        let mut book = Book::new(visible, &names, noted.collect());
        claims.left_out.iter().for_each(|key| book.leave_out(*key));
        moved.into_iter().for_each(|key| book.move_away(key));
        let mut reached: BTreeMap<Incarnation, (Counter, Head)> = BTreeMap::new();
        for (incarnation, counter, head) in grounds.own.iter().chain(&claims.positions) {
            let known = reached.entry(*incarnation).or_default();
            if *counter > known.0 {
                *known = (*counter, *head);
            }
        }
        Self {
            reader,
            scope: grounds.scope,
            role: grounds.role,
            book,
            contents,
            tally: Tally::default(),
            reached,
            forked: BTreeSet::new(),
        }
    }

    fn run(mut self, grounds: &Grounds, claims: &Claims) -> Result<Account, StoreError> {
        let mut told: BTreeMap<(Incarnation, Counter), Head> = BTreeMap::new();
        for (incarnation, counter, head) in &claims.positions {
            if *head != Head::default() {
                told.insert((*incarnation, *counter), *head);
            }
        }
        for (incarnation, upto, _) in &grounds.own {
            self.journal(*incarnation, *upto, &told)?;
        }
        for (incarnation, now, then) in &grounds.absent {
            self.tally.answered(*incarnation, *now);
            self.reached.insert(*incarnation, (*then, Head::default()));
        }
        let gaps = self.gaps();
        let elsewhere = if gaps.is_empty() {
            BTreeSet::new()
        } else {
            self.elsewhere(&gaps)?
        };
        for (incarnation, (counter, _)) in &self.reached {
            self.tally
                .close(&self.book, *incarnation, *counter, &elsewhere);
        }
        Ok(self.finish())
    }

    fn journal(
        &mut self,
        incarnation: Incarnation,
        upto: Counter,
        told: &BTreeMap<(Incarnation, Counter), Head>,
    ) -> Result<(), StoreError> {
        let store = self.reader.store();
        let mut visit = |counter, entry: JournalEntry, head: Head| {
            let dot = Dot {
                incarnation,
                counter,
            };
            if told
                .get(&(incarnation, counter))
                .is_some_and(|t| *t != head)
            {
                self.forked.insert(incarnation);
            }
            let lies = self.reader.lies(entry.key, self.scope);
            if self.role == Role::Hub && lies == Lies::Elsewhere {
                self.tally.elsewhere(dot);
                return Ok(());
            }
            // A name that stands for another content is no account of what was written.
            let whole = self.contents.get(&dot);
            let whole = whole.filter(|(count, _)| *count == entry.registers.len());
            let registers: Vec<RegisterId> = if whole.is_some_and(|(_, h)| *h != entry.hash) {
                self.forked.insert(incarnation);
                Vec::new()
            } else {
                entry.registers
            };
            let posting = Posting {
                dot,
                key: entry.key,
                registers,
            };
            self.tally.post(&self.book, &posting);
            Ok(())
        };
        journal::walk(store, incarnation, upto, &mut visit).map(drop)
    }

    /// The incarnations whose journal does not reach their position.
    fn gaps(&self) -> BTreeSet<Incarnation> {
        let proven = |incarnation: &Incarnation| {
            let life = self.tally.lives.get(incarnation);
            life.map_or(0, |life| life.proven)
        };
        let short = self
            .reached
            .iter()
            .filter(|(i, (counter, _))| *counter > proven(i));
        short.map(|(incarnation, _)| *incarnation).collect()
    }

    /// The writes of these incarnations that stand, or have stood, in records of other scopes.
    fn elsewhere(&self, of: &BTreeSet<Incarnation>) -> Result<BTreeSet<Dot>, StoreError> {
        let mut dots = BTreeSet::new();
        let mut note = |sibling: &Sibling| {
            let ancestors = sibling.ancestry.iter().map(|ancestor| ancestor.dot);
            let named = sibling.replaces.iter().copied().chain(ancestors);
            let all = std::iter::once(sibling.dot()).chain(named);
            dots.extend(all.filter(|dot| of.contains(&dot.incarnation)));
        };
        for (scope, _, _) in self.reader.scopes() {
            if scope == self.scope {
                continue;
            }
            for key in self.reader.keys_of_scope(scope) {
                let stored = self.reader.get(key)?;
                let siblings = stored.iter().flat_map(|stored| &stored.record.siblings);
                siblings.for_each(&mut note);
            }
            let Some(number) = self.reader.scope_number(scope) else {
                continue;
            };
            let (from, to) = (keys::history(number, 0), keys::history(number, u64::MAX));
            let store = self.reader.store();
            store.scan(&from, &to, &mut |_, value| {
                let noted = each_replaced(&value, &mut |past| {
                    past.siblings.iter().for_each(&mut note);
                    Ok(())
                });
                noted.map(drop)
            })?;
        }
        Ok(dots)
    }

    fn finish(self) -> Account {
        let lives = self.tally.lives.iter().map(|(incarnation, life)| {
            let head = self.reached.get(incarnation).map(|(_, head)| head);
            let head = head.filter(|head| **head != Head::default());
            let counts = life.counts;
            LifeAccount {
                reached: Some(proto::stored::Reached {
                    incarnation: incarnation.0,
                    counter: life.counter,
                    head: head.map(|head| head.0.to_vec()).unwrap_or_default(),
                }),
                proven: life.proven,
                forked: self.forked.contains(incarnation),
                visible: counts.visible,
                replaced: counts.replaced,
                refused: counts.refused,
                drafts: counts.drafts,
                moved: counts.moved,
                quarantined: counts.quarantined,
                elsewhere: counts.elsewhere,
                missing: counts.missing,
            }
        });
        Account {
            lives: lives.collect(),
            listed: self.tally.listed().iter().map(listed_to_wire).collect(),
        }
    }
}

fn listed_to_wire(listed: &Listed) -> ListedWire {
    let fate = match listed.fate {
        Fate::Visible | Fate::Replaced => FateWire::Unspecified,
        Fate::Refused => FateWire::Refused,
        Fate::Draft => FateWire::Draft,
        Fate::Moved => FateWire::Moved,
        Fate::Quarantined => FateWire::Quarantined,
        Fate::Missing => FateWire::Missing,
    };
    ListedWire {
        incarnation: listed.incarnation.0,
        first: listed.first,
        last: listed.last,
        fate: fate.into(),
        record: listed.key.map(|key| RecordName {
            kind: key.kind.0,
            id: key.id.0.to_vec(),
        }),
    }
}

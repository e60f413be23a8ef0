//! The accounting of a journal, against a naive model: a write is accounted for when one can walk
//! to it from something visible, or when it stands on record.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use replica::{
    Dot, Incarnation, Kind, RecordId, RecordKey, RegisterId,
    account::{Book, Fate, LISTED_MAX, Name, Names, Posting, Tally, account},
};

const KEY: RecordKey = RecordKey {
    kind: Kind(5),
    id: RecordId([7; 16]),
};

fn dot(incarnation: u64, counter: u64) -> Dot {
    Dot {
        incarnation: Incarnation(incarnation),
        counter,
    }
}

fn posting(incarnation: u64, counter: u64, registers: &[u32]) -> Posting {
    Posting {
        dot: dot(incarnation, counter),
        key: KEY,
        registers: registers.iter().map(|r| RegisterId(*r)).collect(),
    }
}

fn name(incarnation: u64, counter: u64, register: u32) -> Name {
    (dot(incarnation, counter), RegisterId(register))
}

/// A book of these visible names, and of what each name replaced.
fn book(visible: &[Name], names: &[(Name, Vec<Dot>)]) -> Book {
    noted(visible, names, &[])
}

/// The same, and of what is on record.
fn noted(visible: &[Name], names: &[(Name, Vec<Dot>)], on_record: &[(Dot, Fate)]) -> Book {
    let names: Names = names.iter().cloned().collect();
    let on_record = on_record.iter().copied().collect();
    Book::new(visible.iter().copied().collect(), &names, on_record)
}

fn one(book: &Book, posting: &Posting) -> Fate {
    book.fate(posting)
}

#[test]
fn a_chain_of_replaced_writes_is_followed_through_writes_of_others() {
    let names = [
        (name(1, 3, 4), vec![dot(9, 1)]),
        (name(9, 1, 4), vec![dot(1, 1)]),
    ];
    let book = book(&[name(1, 3, 4)], &names);
    assert_eq!(one(&book, &posting(1, 3, &[4])), Fate::Visible);
    assert_eq!(one(&book, &posting(1, 1, &[4])), Fate::Replaced);
    assert_eq!(one(&book, &posting(1, 2, &[4])), Fate::Missing);
}

#[test]
fn a_write_that_only_a_vanished_write_replaced_is_missing() {
    // The middle of the chain stands nowhere, and nothing visible leads to it.
    let names = [(name(1, 2, 4), vec![dot(1, 1)])];
    let book = book(&[name(1, 3, 4)], &names);
    assert_eq!(one(&book, &posting(1, 2, &[4])), Fate::Missing);
    assert_eq!(one(&book, &posting(1, 1, &[4])), Fate::Missing);
}

#[test]
fn a_write_of_two_registers_of_which_one_has_vanished_is_missing() {
    let book = book(&[name(1, 1, 4)], &[]);
    assert_eq!(one(&book, &posting(1, 1, &[4])), Fate::Visible);
    assert_eq!(one(&book, &posting(1, 1, &[4, 5])), Fate::Missing);
}

#[test]
fn what_stands_on_record_is_accounted_for_and_said() {
    let on_record = [
        (dot(1, 1), Fate::Refused),
        (dot(1, 2), Fate::Draft),
        // Shown again after all: it counts as what it is.
        (dot(1, 9), Fate::Refused),
    ];
    let book = noted(&[name(1, 9, 4)], &[], &on_record);
    let journal: Vec<Posting> = [1, 2, 9].map(|n| posting(1, n, &[4])).to_vec();
    let tally = account(&journal, &book, &BTreeMap::new());
    let counts = tally.lives[&Incarnation(1)].counts;
    assert_eq!(
        (
            counts.refused,
            counts.drafts,
            counts.visible,
            counts.missing
        ),
        (1, 1, 1, 0)
    );
    let fates: Vec<Fate> = tally.listed().iter().map(|listed| listed.fate).collect();
    assert_eq!(fates, [Fate::Refused, Fate::Draft]);
    assert!(tally.is_whole());
}

/// What a refused write had replaced came back when it was taken back. If it has vanished since,
/// the refused write is no account of it, although a later write names that one.
#[test]
fn a_write_that_was_taken_back_accounts_for_nothing_it_had_replaced() {
    let names = [
        (name(1, 3, 4), vec![dot(1, 2)]),
        (name(1, 2, 4), vec![dot(1, 1)]),
    ];
    let book = noted(&[name(1, 3, 4)], &names, &[(dot(1, 2), Fate::Refused)]);
    assert_eq!(one(&book, &posting(1, 2, &[4])), Fate::Refused);
    assert_eq!(one(&book, &posting(1, 1, &[4])), Fate::Missing);
}

#[test]
fn held_back_and_moved_records_are_said_and_a_lost_write_of_a_moved_one_is_missing() {
    let away = RecordKey {
        id: RecordId([8; 16]),
        ..KEY
    };
    let mut book = book(&[name(1, 1, 4)], &[]);
    book.move_away(away);
    book.leave_out(KEY);
    let moved = |counter| Posting {
        key: away,
        ..posting(1, counter, &[4])
    };
    assert_eq!(one(&book, &moved(1)), Fate::Moved);
    assert_eq!(one(&book, &moved(2)), Fate::Missing);
    assert_eq!(one(&book, &posting(1, 3, &[4])), Fate::Quarantined);
}

#[test]
fn a_position_above_the_journal_is_accounted_for_by_name() {
    let names = [(name(2, 1, 4), vec![dot(1, 5)])];
    let book = book(&[name(2, 1, 4), name(1, 7, 4)], &names);
    let journal = [posting(1, 1, &[9]), posting(1, 2, &[9])];
    let mut tally = Tally::default();
    journal.iter().for_each(|p| tally.post(&book, p));
    let elsewhere = BTreeSet::from([dot(1, 8), dot(3, 4)]);
    tally.close(&book, Incarnation(1), 10, &elsewhere);
    let life = tally.lives[&Incarnation(1)];
    assert_eq!((life.counter, life.proven), (10, 2));
    assert_eq!(life.counts.sum(), 10);
    assert_eq!(
        (
            life.counts.visible,
            life.counts.replaced,
            life.counts.elsewhere
        ),
        (1, 1, 1)
    );
    // 1 and 2 are in the journal and lost; 3, 4, 6, 9, 10 are known by their numbers only.
    assert_eq!(life.counts.missing, 7);
    let missing: Vec<_> = tally.listed().iter().map(|l| (l.first, l.last)).collect();
    assert_eq!(missing, [(1, 1), (2, 2), (3, 4), (6, 6), (9, 10)]);
}

#[test]
fn a_claim_of_any_height_costs_nothing_and_is_counted() {
    let mut tally = Tally::default();
    tally.close(&Book::default(), Incarnation(1), 1 << 48, &BTreeSet::new());
    assert_eq!(tally.lives[&Incarnation(1)].counts.missing, 1 << 48);
    assert_eq!(tally.listed().len(), 1);
    assert!(!tally.is_whole());
}

#[test]
fn the_lists_are_bounded_and_the_numbers_are_not() {
    let journal: Vec<Posting> = (1..=20_000).map(|n| posting(1, n, &[4])).collect();
    let tally = account(&journal, &Book::default(), &BTreeMap::new());
    assert_eq!(tally.lives[&Incarnation(1)].counts.missing, 20_000);
    assert!(tally.listed().len() <= LISTED_MAX);
}

// --------------------------------------------------------------------------- the naive model

const WRITES: u64 = 12;

/// Whether one can walk from something visible to a name, one step of replacing at a time.
fn reached(world: &World, wanted: Name) -> bool {
    let visible = &world.visible;
    let steps = |from: Name| -> Vec<Name> {
        if world.on_record.contains_key(&from.0) && !visible.contains(&from) {
            return Vec::new();
        }
        let gone = world.names.get(&from).cloned().unwrap_or_default();
        gone.into_iter().map(|dot| (dot, from.1)).collect()
    };
    let mut at: BTreeSet<Name> = visible.clone();
    for _ in 0..=2 * WRITES * 3 {
        at = at
            .iter()
            .copied()
            .chain(at.iter().copied().flat_map(steps))
            .collect();
    }
    at.contains(&wanted)
}

/// Pairs of a write (incarnation, counter) and registers, what stands visible, who replaced whom,
/// what is on record, and how far the journal and the position go.
#[derive(Clone, Debug)]
struct World {
    visible: BTreeSet<Name>,
    names: Names,
    on_record: BTreeMap<Dot, Fate>,
    journal: Vec<Posting>,
    position: u64,
}

fn world() -> impl Strategy<Value = World> {
    let any_name = || (1..=2_u64, 1..=WRITES, 1..=3_u32).prop_map(|(i, n, r)| name(i, n, r));
    let any_dot = || (1..=2_u64, 1..=WRITES).prop_map(|(i, n)| dot(i, n));
    let noted = prop_oneof![Just(Fate::Refused), Just(Fate::Draft)];
    (
        prop::collection::btree_set(any_name(), 0..8),
        prop::collection::btree_map(any_name(), prop::collection::vec(any_dot(), 0..3), 0..14),
        prop::collection::btree_map(any_dot(), noted, 0..3),
        prop::collection::vec(prop::collection::btree_set(1..=3_u32, 1..3), 0..8),
        0..=WRITES,
    )
        .prop_map(|(visible, names, on_record, registers, position)| {
            let journal = registers.iter().zip(1..).map(|(registers, counter)| {
                let registers: Vec<u32> = registers.iter().copied().collect();
                posting(1, counter, &registers)
            });
            World {
                journal: journal.collect(),
                visible,
                names,
                on_record,
                position,
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn the_account_is_what_walking_finds(world in world()) {
        let on_record = world.on_record.clone();
        let book = Book::new(world.visible.clone(), &world.names, on_record);
        let positions = BTreeMap::from([(Incarnation(1), world.position)]);
        let tally = account(&world.journal, &book, &positions);
        let is_reached = |name| reached(&world, name);
        let mut missing = BTreeSet::new();
        for posting in &world.journal {
            let mut registers = posting.registers.iter();
            let whole = registers.all(|r| is_reached((posting.dot, *r)));
            if !whole && !world.on_record.contains_key(&posting.dot) {
                missing.insert(posting.dot.counter);
            }
        }
        let proven = world.journal.len() as u64;
        for counter in proven + 1..=world.position {
            let any = (1..=3).any(|r| is_reached(name(1, counter, r)));
            if !any && !world.on_record.contains_key(&dot(1, counter)) {
                missing.insert(counter);
            }
        }
        let life = tally.lives.get(&Incarnation(1)).copied().unwrap_or_default();
        prop_assert_eq!(life.counter, proven.max(world.position));
        prop_assert_eq!(life.counts.sum(), life.counter);
        prop_assert_eq!(life.counts.missing, missing.len() as u64);
        prop_assert_eq!(tally.is_whole(), missing.is_empty());
        let listed: BTreeSet<u64> = tally.listed().iter().filter(|l| l.fate == Fate::Missing)
            .flat_map(|l| l.first..=l.last).collect();
        prop_assert_eq!(listed, missing);
        // The same again gives the same.
        prop_assert_eq!(account(&world.journal, &book, &positions), tally);
    }
}

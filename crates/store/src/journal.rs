//! Reading the journal of an incarnation, and proving its chain on the way.

use bytes::Bytes;
use prost::Message as _;
use proto::stored::{JournalEntry as Wire, JournalPage};
use replica::{
    Counter, Dot, Head, Incarnation, JournalEntry, Kind, RecordId, RecordKey, RegisterId,
};

use crate::{Store, StoreError, keys};

fn damaged(incarnation: Incarnation, counter: Counter, what: &str) -> StoreError {
    StoreError::Damaged {
        what: format!(
            "the journal of incarnation {:016x} {what} at {counter}",
            incarnation.0
        ),
    }
}

/// How a [`JournalPage`] ends, read without its entries: the ends of all commits go with the
/// batches, and their entries stay at home.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PageEnd {
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) head: Vec<u8>,
    #[prost(bool, tag = "4")]
    pub(crate) ends_commit: bool,
}

/// How far the journal of an incarnation goes.
///
/// # Errors
/// The store cannot be read.
pub(crate) fn end(store: &dyn Store, incarnation: Incarnation) -> Result<Counter, StoreError> {
    let (from, to) = (
        keys::journal(incarnation, 0),
        keys::journal(incarnation, u64::MAX),
    );
    let counter =
        |key: &[u8]| keys::u64_at(key, 9).ok_or_else(|| damaged(incarnation, 0, "cannot be read"));
    let last = store.last(&from, &to)?;
    last.map_or(Ok(0), |(key, _)| counter(&key))
}

/// The head of the chain after a write, read from its page alone and not proved from the
/// beginning; none beyond the end.
///
/// # Errors
/// The store or the page cannot be read, or the page before it is missing.
pub(crate) fn head_at(
    store: &dyn Store,
    incarnation: Incarnation,
    counter: Counter,
) -> Result<Option<Head>, StoreError> {
    let wrong = |what| damaged(incarnation, counter, what);
    let head_of = |page: Bytes| {
        let page = PageEnd::decode(page).map_err(|_e| wrong("cannot be read"))?;
        Head::try_from(page.head.as_slice()).map_err(|_e| wrong("cannot be read"))
    };
    if counter == 0 {
        return Ok(Some(Head::default()));
    }
    let (from, to) = (
        keys::journal(incarnation, counter),
        keys::journal(incarnation, u64::MAX),
    );
    let Some((key, value)) = store.range(&from, &to, 1)?.pop() else {
        return Ok(None);
    };
    if keys::u64_at(&key, 9) == Some(counter) {
        return head_of(value).map(Some);
    }
    // It lies inside the page: the chain goes on from the page before.
    let page = JournalPage::decode(value).map_err(|_e| wrong("cannot be read"))?;
    let before = page.first.checked_sub(1).filter(|n| *n < counter);
    let before = before.ok_or_else(|| wrong("has a gap"))?;
    let mut head = match before {
        0 => Head::default(),
        before => {
            let page = store.get(&keys::journal(incarnation, before))?;
            head_of(page.ok_or_else(|| wrong("has a gap"))?)?
        }
    };
    let within = usize::try_from(counter - before).unwrap_or(usize::MAX);
    let entries = page.entries.get(..within);
    for entry in entries.ok_or_else(|| wrong("has a gap"))? {
        let entry = read(entry).ok_or_else(|| wrong("cannot be read"))?;
        head = replica::chain(head, &entry.hash.0);
    }
    Ok(Some(head))
}

/// Visits the writes of an incarnation up to a counter, with the head of the chain after each.
/// Returns how far the journal goes, and the head there.
///
/// # Errors
/// The store cannot be read, an entry is missing, or the chain is broken.
pub(crate) fn walk(
    store: &dyn Store,
    incarnation: Incarnation,
    upto: Counter,
    visit: &mut dyn FnMut(Counter, JournalEntry, Head) -> Result<(), StoreError>,
) -> Result<(Counter, Head), StoreError> {
    let (mut reached, mut head) = (0, Head::default());
    let (from, to) = (
        keys::journal(incarnation, 0),
        keys::journal(incarnation, u64::MAX),
    );
    store.scan(&from, &to, &mut |key, value| {
        let wrong = |what| damaged(incarnation, reached + 1, what);
        let page = JournalPage::decode(value).map_err(|_e| wrong("cannot be read"))?;
        if reached >= upto {
            return Ok(());
        }
        let last = keys::u64_at(key, 9).ok_or_else(|| wrong("cannot be read"))?;
        if page.first != reached + 1 || last != reached + page.entries.len() as u64 {
            return Err(wrong("has a gap"));
        }
        for entry in page.entries {
            let entry =
                read(&entry).ok_or_else(|| damaged(incarnation, reached + 1, "cannot be read"))?;
            reached += 1;
            head = replica::chain(head, &entry.hash.0);
            visit(reached, entry, head)?;
        }
        if page.head != head.0 {
            return Err(damaged(
                incarnation,
                reached,
                "is not the chain that was written",
            ));
        }
        Ok(())
    })?;
    Ok((reached, head))
}

/// Reads an entry as it is stored.
pub(crate) fn read(wire: &Wire) -> Option<JournalEntry> {
    let replaces = wire.incarnations.iter().zip(&wire.counters);
    let dot = |(incarnation, counter): (&u64, &u64)| Dot {
        incarnation: Incarnation(*incarnation),
        counter: *counter,
    };
    (wire.incarnations.len() == wire.counters.len()).then_some(())?;
    Some(JournalEntry {
        key: RecordKey {
            kind: Kind(wire.kind),
            id: RecordId::try_from(wire.id.as_slice()).ok()?,
        },
        registers: wire.registers.iter().map(|r| RegisterId(*r)).collect(),
        replaces: replaces.map(dot).collect(),
        masks: wire.masks.clone(),
        hash: Head::try_from(wire.hash.as_slice()).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Batch, Memory, ledger::Ledger};

    const LIFE: Incarnation = Incarnation(7);

    fn entry(counter: Counter) -> JournalEntry {
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&counter.to_be_bytes());
        JournalEntry {
            key: RecordKey {
                kind: Kind(5),
                id: RecordId([1; 16]),
            },
            registers: vec![RegisterId(1)],
            replaces: Vec::new(),
            masks: Vec::new(),
            hash: Head(hash),
        }
    }

    /// A store whose journal has commits of these many writes.
    fn written(commits: &[u64]) -> Arc<dyn Store> {
        let store: Arc<dyn Store> = Arc::new(Memory::new());
        let mut ledger = Ledger::open(Arc::clone(&store)).unwrap();
        let (mut counter, mut head) = (0, Head::default());
        for commit in commits {
            let first = counter + 1;
            let entries: Vec<_> = (first..=counter + commit).map(entry).collect();
            for entry in &entries {
                head = replica::chain(head, &entry.hash.0);
            }
            counter += commit;
            ledger.journal(LIFE, first, entries, head);
            ledger.commit().unwrap();
        }
        store
    }

    #[test]
    fn a_head_read_from_its_page_is_the_one_the_whole_chain_has() {
        let commits = [1, 3, 300, 1, 2];
        let store = written(&commits);
        let last = commits.iter().sum();
        let mut heads = vec![(0, Head::default())];
        walk(&*store, LIFE, Counter::MAX, &mut |counter, _, head| {
            heads.push((counter, head));
            Ok(())
        })
        .unwrap();
        assert_eq!(heads.len() as u64, last + 1);
        for (counter, head) in heads {
            assert_eq!(head_at(&*store, LIFE, counter).unwrap(), Some(head));
        }
        assert_eq!(end(&*store, LIFE).unwrap(), last);
        assert_eq!(head_at(&*store, LIFE, last + 1).unwrap(), None);
        // Another life is not read along.
        for other in [Incarnation(6), Incarnation(8)] {
            assert_eq!(end(&*store, other).unwrap(), 0);
            assert_eq!(head_at(&*store, other, 1).unwrap(), None);
        }
    }

    #[test]
    fn a_page_behind_a_gap_gives_no_head() {
        let store = written(&[2, 3]);
        let mut batch = Batch::default();
        batch.remove(keys::journal(LIFE, 2));
        store.commit(batch).unwrap();
        // The end of the page is what was written; inside it nothing can be reckoned.
        assert!(head_at(&*store, LIFE, 5).unwrap().is_some());
        for counter in [3, 4] {
            assert!(head_at(&*store, LIFE, counter).is_err(), "{counter}");
        }
    }
}

//! Reading the journal of an incarnation, and proving its chain on the way.

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

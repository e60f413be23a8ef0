//! A store built anew of what is left: salvaged values, and a backup.
//!
//! Records are merged, so it does not matter which of the sources is older. Journals, positions,
//! refusals, drafts, held states and what the programs keep for themselves come along; checkpoints
//! do not, because the feed is a new one, and so both sides compare at the next session. Whatever a
//! peer ever acked comes back then. What this replica wrote and nobody is known to have is listed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use prost::Message as _;
use proto::stored::Position;
use replica::{
    Counter, Dot, Incarnation, Record, RecordKey, ReplicaId, ScopeId, Sibling,
    limits::RECORD_BYTES_MAX, merge,
};

use super::{Host, HostConfig, remember};
use crate::{
    Batch, Ledger, Store, StoreError, Survey, WriteFact, erase, keys,
    ledger::{Incoming, Past},
    survey::State,
    wire::dot_of,
};

/// Bytes of records that are committed together.
const COMMIT_BYTES: usize = 512 * 1024;
/// Records of one section of the new feed.
const SECTION_RECORDS: usize = 256;

/// What a store was built of, and what it lacks.
#[derive(Clone, Debug, Default)]
pub struct Rebuilt {
    /// Records in the new store.
    pub records: usize,
    /// Records of which the first source had nothing.
    pub from_others: usize,
    /// Writes of this replica that are here and that no peer is known to hold.
    pub only_here: Vec<WriteFact>,
    /// Writes of this replica that its journals name, and of which nothing else is left here.
    pub missing: Vec<WriteFact>,
    /// Stretches of the own journals that are gone: incarnation, first and last counter.
    pub gaps: Vec<(Incarnation, Counter, Counter)>,
}

/// Builds a store of one replica in an empty one. The first source is the newest.
///
/// # Errors
/// The store failed.
pub fn rebuild(
    target: Arc<dyn Store>,
    config: HostConfig,
    sources: &[Survey],
) -> Result<Rebuilt, StoreError> {
    let own = config.replica;
    let rules = config.rules.clone();
    let mut host = Host::open(Arc::clone(&target), config)?;
    let mut rebuilt = Rebuilt::default();
    let (mut section, mut bytes) = (0, 0);
    for key in order(sources) {
        let states = sources.iter().flat_map(|s| s.states.get(&key)).flatten();
        let Some(record) = states.fold(None, merged) else {
            continue;
        };
        rebuilt.records += 1;
        let is_new = sources
            .first()
            .is_some_and(|s| !s.states.contains_key(&key));
        rebuilt.from_others += usize::from(is_new);
        let lane = lane(sources, key).unwrap_or(record.scope);
        bytes += put(&mut host, record, lane, past(sources, key))?;
        section += 1;
        if section == SECTION_RECORDS || bytes > COMMIT_BYTES {
            host.ledger.end_section(0);
            host.ledger.commit()?;
            (section, bytes) = (0, 0);
        }
    }
    host.close()?;
    drop(host);
    target.commit(rest(own, sources))?;
    erase::clear(&*target, &rules)?;
    for source in sources {
        remember(&*target, source)?;
    }
    target.sync()?;
    let built = Survey::of_store(&*target)?;
    account(own, sources, &built, &mut rebuilt);
    Ok(rebuilt)
}

/// All records, in the order of the feeds they lay in.
fn order(sources: &[Survey]) -> Vec<RecordKey> {
    let mut places: BTreeMap<RecordKey, (usize, u32, u64)> = BTreeMap::new();
    for (number, source) in sources.iter().enumerate() {
        for key in source.states.keys() {
            if let Some(state) = source.newest(*key) {
                let place = (number, state.scope, state.seq);
                places.entry(*key).or_insert(place);
            }
        }
    }
    let mut order: Vec<_> = places
        .into_iter()
        .map(|(key, place)| (place, key))
        .collect();
    order.sort_unstable();
    order.into_iter().map(|(_, key)| key).collect()
}

/// Two states of one record that were both stored here. If they contradict each other the first,
/// which is the newer, stays.
fn merged(known: Option<Record>, state: &State) -> Option<Record> {
    let Some(known) = known else {
        return Some(state.record.clone());
    };
    let merged = merge(&known, &state.record).ok();
    let fits = merged.filter(|merged| merged.encode().len() <= RECORD_BYTES_MAX);
    Some(fits.unwrap_or(known))
}

/// The earlier candidates of a record that any source knows, the oldest first.
fn past(sources: &[Survey], key: RecordKey) -> Vec<Sibling> {
    let mut seen = BTreeSet::new();
    let mut past = Vec::new();
    for source in sources {
        let newest = source.newest(key);
        let changes = newest.map(|state| source.past(state)).unwrap_or_default();
        for sibling in changes.iter().flat_map(|(_, replaced)| replaced.siblings()) {
            if seen.insert((sibling.register, sibling.dot())) {
                past.push(sibling.clone());
            }
        }
    }
    past.reverse();
    past
}

/// The scope in whose feed a record lay.
fn lane(sources: &[Survey], key: RecordKey) -> Option<ScopeId> {
    sources.iter().find_map(|source| {
        let state = source.newest(key)?;
        source.scopes.get(&state.scope).copied()
    })
}

/// Puts a record where it belongs, with its past: as if all that it ever held still stood, then
/// without, so that the history has it. Returns the bytes of it.
fn put(
    host: &mut Host,
    mut record: Record,
    lane: ScopeId,
    mut past: Vec<Sibling>,
) -> Result<usize, StoreError> {
    if host.is_erased(&record)? {
        // Any of the sources may be older than that.
        let erasure = &host.config().rules.erasure;
        erasure.erase(&mut record);
        let mut part = Record {
            siblings: past,
            ..record.clone()
        };
        erasure.erase(&mut part);
        past = part.siblings;
    }
    let stands = |gone: &Sibling| {
        let mut now = record.register(gone.register).iter();
        now.any(|sibling| sibling.dot() == gone.dot())
    };
    let mut past: Vec<_> = past.into_iter().filter(|gone| !stands(gone)).collect();
    let mut total = record.encode().len();
    host.put(Incoming::own(record.clone()), lane, None)?;
    if past.is_empty() {
        return Ok(total);
    }
    while !past.is_empty() {
        let later = past.split_off(fitting(&past));
        let mut with_past = record.clone();
        with_past.siblings.extend(past);
        with_past.siblings.sort_by_key(|s| (s.register, s.dot()));
        total += stage(&mut host.ledger, with_past)?;
        past = later;
    }
    Ok(total + stage(&mut host.ledger, record)?)
}

/// How many of them one entry of the history can hold.
fn fitting(past: &[Sibling]) -> usize {
    let mut size = 0;
    let fits = |gone: &&Sibling| {
        size += gone.value.len() + gone.write.reason.len() + 512;
        size < RECORD_BYTES_MAX / 2
    };
    past.iter().take_while(fits).count().clamp(1, past.len())
}

/// Puts another state of a record where it lies.
fn stage(ledger: &mut Ledger, record: Record) -> Result<usize, StoreError> {
    let Some(former) = ledger.current(record.key)? else {
        return Ok(0);
    };
    let new = Incoming::own(record);
    let size = new.bytes.len();
    ledger.put(new, former.seat(), Some(former));
    Ok(size)
}

/// Everything that is not a record.
fn rest(own: ReplicaId, sources: &[Survey]) -> Batch {
    let mut values: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let mut keep = |key: Vec<u8>, value: Vec<u8>| {
        values.entry(key).or_insert(value);
    };
    let numbers = numbers(sources);
    for (replica, (number, scope)) in &numbers {
        let mut value = number.to_be_bytes().to_vec();
        value.extend_from_slice(&scope.0);
        keep(keys::peer(*replica), value);
    }
    for source in sources {
        for (key, page) in &source.pages {
            keep(key.clone(), page.to_vec());
        }
        for ((peer, dot), refusal) in &source.refusals {
            let replica = source.peers.get(peer).map(|(replica, _)| replica);
            if let Some((number, _)) = replica.and_then(|replica| numbers.get(replica)) {
                keep(keys::refusal(*number, *dot), refusal.encode_to_vec());
            }
        }
        for (key, draft) in &source.drafts {
            keep(key.clone(), draft.encode_to_vec());
        }
        for ((key, peer), entry) in &source.quarantine {
            let replica = ReplicaId::try_from(peer.as_slice()).ok();
            if let Some((number, _)) = replica.and_then(|replica| numbers.get(&replica)) {
                keep(keys::quarantine(*number, *key), entry.encode_to_vec());
            }
        }
        for (key, value) in source.locals.iter().chain(&source.marks) {
            keep(key.clone(), value.to_vec());
        }
    }
    for (incarnation, position) in positions(own, sources) {
        keep(keys::position(incarnation), position.encode_to_vec());
    }
    let mut batch = Batch::default();
    values
        .into_iter()
        .for_each(|(key, value)| batch.put(key, value));
    batch
}

/// One number for each peer, whichever source knew it.
fn numbers(sources: &[Survey]) -> BTreeMap<ReplicaId, (u32, ScopeId)> {
    let mut numbers: BTreeMap<ReplicaId, (u32, ScopeId)> = BTreeMap::new();
    for (replica, scope) in sources.iter().flat_map(|s| s.peers.values()) {
        let next = u32::try_from(numbers.len() + 1).unwrap_or(u32::MAX);
        numbers.entry(*replica).or_insert((next, *scope));
    }
    numbers
}

/// The highest position of every incarnation. Those of this replica's that only its journal tells
/// of get one too.
fn positions(own: ReplicaId, sources: &[Survey]) -> BTreeMap<Incarnation, Position> {
    let mut all: BTreeMap<Incarnation, Position> = BTreeMap::new();
    for source in sources {
        for (incarnation, position) in &source.positions {
            let known = all.entry(*incarnation).or_insert_with(|| position.clone());
            if position.counter > known.counter {
                let parent = (known.parent, known.parent_counter);
                known.clone_from(position);
                if known.parent == 0 {
                    (known.parent, known.parent_counter) = parent;
                }
            }
        }
        for dot in source.journal.keys() {
            all.entry(dot.incarnation).or_insert_with(|| Position {
                replica: own.0.to_vec(),
                ..Position::default()
            });
        }
    }
    all
}

/// Says what of this replica's own writes is only here, and what is nowhere in the new store.
fn account(own: ReplicaId, sources: &[Survey], built: &Survey, rebuilt: &mut Rebuilt) {
    let mut known: BTreeMap<Dot, WriteFact> = BTreeMap::new();
    for source in sources {
        for (dot, fact) in source.writes(own) {
            let is_acked = fact.is_acked;
            known.entry(dot).or_insert(fact).is_acked |= is_acked;
        }
    }
    let accounted = accounted(built);
    for fact in known.into_values().filter(|fact| fact.is_own) {
        if !accounted.contains(&fact.dot) {
            rebuilt.missing.push(fact);
        } else if !fact.is_acked {
            rebuilt.only_here.push(fact);
        }
    }
    for (incarnation, counter) in highest(own, built) {
        let named = |counter: &Counter| {
            built.journal.contains_key(&Dot {
                incarnation,
                counter: *counter,
            })
        };
        let mut first = None;
        for at in 1..=counter + 1 {
            let is_gone = at <= counter && !named(&at);
            match (first, is_gone) {
                (None, true) => first = Some(at),
                (Some(from), false) => {
                    rebuilt.gaps.push((incarnation, from, at - 1));
                    first = None;
                }
                _ => {}
            }
        }
    }
}

/// How far each own incarnation is known to have come: by positions, journal and contexts.
fn highest(own: ReplicaId, built: &Survey) -> BTreeMap<Incarnation, Counter> {
    let mut highest = built.positions_of(own);
    let records = built.states.values().flatten().map(|state| &state.record);
    for (incarnation, counter) in records.flat_map(|record| record.context.entries()) {
        if let Some(known) = highest.get_mut(&incarnation) {
            *known = (*known).max(counter);
        }
    }
    highest
}

/// Every write that is there, or that one which is there has replaced, directly or not.
fn accounted(built: &Survey) -> BTreeSet<Dot> {
    let mut replaces: BTreeMap<Dot, BTreeSet<Dot>> = BTreeMap::new();
    for (dot, entry) in &built.journal {
        replaces.entry(*dot).or_default().extend(&entry.replaces);
    }
    let standing = built
        .states
        .values()
        .flatten()
        .flat_map(|s| &s.record.siblings);
    let gone = built.history.values().flat_map(Past::siblings);
    let mut waiting: Vec<Dot> = Vec::new();
    for sibling in standing.chain(gone) {
        let replaced = replaces.entry(sibling.dot()).or_default();
        replaced.extend(&sibling.replaces);
        waiting.push(sibling.dot());
    }
    waiting.extend(built.drafts.values().map(dot_of));
    let mut accounted = BTreeSet::new();
    while let Some(dot) = waiting.pop() {
        if accounted.insert(dot) {
            waiting.extend(replaces.get(&dot).into_iter().flatten());
        }
    }
    accounted
}

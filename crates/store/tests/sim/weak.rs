//! Null controls that take a protection away from what a replica has on its disk: what the
//! protection did in a flush is undone before anybody hears of it, as by a program that does not
//! have it. The replica starts anew over that disk, as after a crash between sync and answer.

use std::collections::BTreeMap;

use prost::Message as _;
use proto::{stored::Refusal, sync::Ack};
use replica::{Context, Dot, Record, RecordKey, Sibling, merge, owner, session::Delivery};

use super::{
    city::parent,
    controls::Control,
    disk::{Entry, entries, entry_of},
    medium::{Image, Medium},
    world::{HUB, NAMES, World},
};

impl World {
    /// Undoes on a disk what a flush has done by the protection that is off. Returns whether the
    /// replica starts anew.
    pub(super) fn weaken_disk(&mut self, at: usize, before: &Image) -> bool {
        let mut image = self.image(at);
        let changed = match self.options.control {
            Control::ReplacedStaysGone => each_former(before, &mut image, without_returned),
            Control::ContextsStayHigh => each_former(before, &mut image, with_high_context),
            Control::NoDraftsKept => drop_drafts(before, &mut image),
            Control::HistoriesKept => keep_histories(before, &mut image),
            Control::LastCopiesThrownAway => {
                let mut left = entries(&image);
                left.retain(Entry::is_child_that_left);
                left.iter().for_each(|entry| entry.remove(&mut image));
                let gone = |key: &RecordKey| left.iter().any(|entry| entry.record.key == *key);
                // This control is about what comes home, not about what lies there.
                let promises = &mut self.replicas[at].promises;
                promises.retain(|(key, _)| !gone(key));
                !left.is_empty()
            }
            _ => false,
        };
        if changed {
            self.start_over(at, image);
        }
        changed
    }

    fn start_over(&mut self, at: usize, image: Image) {
        self.say(format_args!("the disk of {} is WEAKENED", NAMES[at]));
        self.crash(at);
        self.replicas[at].medium = Medium::new(image, false);
    }

    /// Merges what a host has held back, or put off, by the protection that is off. Returns whether
    /// the replica starts anew.
    pub(super) fn take_rejected(&mut self, at: usize, ack: &Ack, brought: &[Record]) -> bool {
        let Some(code) = self.options.control.forces() else {
            return false;
        };
        let mut image = self.image(at);
        let mut changed = false;
        for result in ack.results.iter().filter(|result| result.code == code) {
            let came = brought.iter().find(|r| r.key.id.0[..] == result.id[..]);
            let held = came.and_then(|came| entry_of(&image, came.key));
            let Some((came, held)) = came.zip(held) else {
                continue;
            };
            if let Some(taken) = forced(&held.record, came) {
                held.rewrite(&mut image, &taken);
                changed |= taken != held.record;
            }
        }
        if changed {
            image.retain(|key, _| key.first() != Some(&b'Q'));
            self.start_over(at, image);
        }
        changed
    }

    /// Whether a batch holds what the hub would call late.
    pub(super) fn is_late(&self, delivery: &Delivery) -> bool {
        let reader = self.reader(HUB);
        let get = |key: RecordKey| reader.as_ref().and_then(|r| r.get(key).ok().flatten());
        delivery.records.iter().any(|arrived| {
            let record = &arrived.record;
            let Some(root) = get(parent(record).unwrap_or(record.key)) else {
                return false;
            };
            let epoch = owner(&root.record).map_or(0, |owner| owner.epoch);
            let held = get(record.key);
            let seen = |s: &Sibling| {
                let held = held.as_ref();
                held.is_some_and(|held| held.record.context.covers(s.dot()))
            };
            let older = |s: &Sibling| s.write.epoch < epoch && !seen(s);
            root.home != delivery.scope || record.siblings.iter().any(older)
        })
    }
}

/// Both states in one, whatever stands against it: of two contents of one name the new one.
fn forced(held: &Record, came: &Record) -> Option<Record> {
    let mut held = held.clone();
    for sibling in &mut held.siblings {
        let same = |s: &&Sibling| (s.register, s.dot()) == (sibling.register, sibling.dot());
        if let Some(other) = came.siblings.iter().find(same) {
            sibling.clone_from(other);
        }
    }
    merge(&held, came).ok()
}

/// Gives every record of a disk the state that a replica would have left without the protection.
fn each_former(
    before: &Image,
    image: &mut Image,
    change: impl Fn(&Record, &Record) -> Option<Record>,
) -> bool {
    let former = entries(before).into_iter();
    let former: BTreeMap<RecordKey, Record> = former.map(|e| (e.record.key, e.record)).collect();
    let mut changed = false;
    for entry in entries(image) {
        let other = former.get(&entry.record.key);
        if let Some(record) = other.and_then(|former| change(former, &entry.record)) {
            entry.rewrite(image, &record);
            changed = true;
        }
    }
    changed
}

/// Of a record of which something was taken back: what had been replaced, and stands again, goes.
fn without_returned(former: &Record, now: &Record) -> Option<Record> {
    let seen_whole = |dot: Dot| former.context.covers(dot);
    let taken_back = now.context.holes().any(seen_whole);
    let stood = |s: &Sibling| {
        let mut then = former.register(s.register).iter();
        then.any(|then| then.dot() == s.dot())
    };
    let mut record = now.clone();
    record
        .siblings
        .retain(|s| stood(s) || !former.context.covers(s.dot()));
    (taken_back && record != *now).then_some(record)
}

/// Of a record whose context was lowered: what it had seen it still has, but for the holes of what
/// was taken back.
fn with_high_context(former: &Record, now: &Record) -> Option<Record> {
    let lowered = |(incarnation, counter)| now.context.highest(incarnation) < counter;
    if !former.context.entries().any(lowered) {
        return None;
    }
    let named = former.siblings.iter().flat_map(|s| {
        let replaced = s.replaces.iter().copied();
        replaced.chain([s.dot()])
    });
    let above = |dot: &Dot| now.context.highest(dot.incarnation) < dot.counter;
    let holes = named.filter(above).chain(former.context.holes());
    let holes: Vec<Dot> = holes.chain(now.context.holes()).collect();
    let mut seen: BTreeMap<_, u64> = now.context.entries().collect();
    for (incarnation, counter) in former.context.entries() {
        let highest = seen.entry(incarnation).or_default();
        *highest = counter.max(*highest);
    }
    let context = Context::new(seen, holes);
    Some(Record {
        context,
        ..now.clone()
    })
}

/// Pages of the history that were written anew are as they were.
fn keep_histories(before: &Image, image: &mut Image) -> bool {
    let pages = before.range(vec![b'H']..vec![b'I']);
    let rewritten: Vec<_> = pages
        .filter(|(key, page)| image.get(*key).is_some_and(|now| now != *page))
        .map(|(key, page)| (key.clone(), page.clone()))
        .collect();
    let changed = !rewritten.is_empty();
    image.extend(rewritten);
    changed
}

/// The drafts of a rollback are not kept.
fn drop_drafts(before: &Image, image: &mut Image) -> bool {
    let drafts = image.range(vec![b'D']..vec![b'E']);
    let new = drafts.filter(|(key, value)| {
        let draft = Refusal::decode((*value).clone()).expect("a draft");
        draft.code == "SYNC-133" && !before.contains_key(*key)
    });
    let new: Vec<Vec<u8>> = new.map(|(key, _)| key.clone()).collect();
    new.iter().for_each(|key| drop(image.remove(key)));
    !new.is_empty()
}

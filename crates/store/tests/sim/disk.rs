//! The records on a disk of the simulated world, and how to put others there by hand, with a
//! fingerprint that fits.

use bytes::Bytes;
use replica::{Bucket, Leaf, Record, RecordKey, RegisterId};

use super::medium::Image;

const CONTESTED: u8 = 1;
const GUEST: u8 = 2 | 4;
const LEFT: u8 = 4;
const PARENT: u8 = 8;
const EMPTY: u8 = 16;
/// Where the record begins, without and with the name of a parent before it.
const RECORD_AT: [usize; 2] = [37, 57];

/// One record as it lies on a disk.
pub(super) struct Entry {
    place: Vec<u8>,
    flags: u8,
    at: usize,
    pub(super) record: Record,
}

impl Entry {
    fn read((place, value): (&Vec<u8>, &Bytes)) -> Option<Self> {
        let flags = *value.get(4)?;
        let at = RECORD_AT[usize::from(flags & PARENT != 0)];
        let record = Record::decode(&value.slice(at..)).ok()?;
        let place = place.clone();
        Some(Self {
            place,
            flags,
            at,
            record,
        })
    }

    /// Whether it only lies there, and belongs elsewhere.
    pub(super) fn is_guest(&self) -> bool {
        self.flags & GUEST != 0
    }

    /// Whether it is what is left of something that hangs on an organisation which has moved away.
    pub(super) fn is_child_that_left(&self) -> bool {
        self.flags & LEFT != 0 && self.flags & PARENT != 0
    }

    /// Puts another state of the record in its place.
    pub(super) fn rewrite(&self, image: &mut Image, record: &Record) {
        let value = image[&self.place].clone();
        let bytes = record.encode();
        let leaf = Leaf::of(&bytes);
        let open = |(register, siblings): (RegisterId, &[_])| {
            siblings.len() > 1 || register == RegisterId::DELETED
        };
        let mut flags = self.flags & !(CONTESTED | EMPTY);
        if !self.is_guest() && record.registers().any(open) {
            flags |= CONTESTED;
        }
        if record.is_empty() {
            flags |= EMPTY;
        }
        let head = [&value[..4], &[flags], &leaf.0[..], &value[37..self.at]];
        let new = [&head.concat(), &bytes[..]].concat();
        image.insert(self.place.clone(), new.into());
        self.sum(image, flags, Leaf::of(&value[self.at..]), leaf);
    }

    /// Makes the fingerprint of the scope fit.
    fn sum(&self, image: &mut Image, flags: u8, former: Leaf, leaf: Leaf) {
        let counts = |flags: u8| flags & (GUEST | EMPTY) == 0;
        let scope = [b"S", &self.place[1..5]].concat();
        let entry = image[&scope].to_vec();
        let count = u64::from_be_bytes(entry[88..96].try_into().expect("eight bytes"));
        let sum = entry[56..88].try_into().expect("a sum");
        let mut root = Bucket::from_parts(sum, count);
        if counts(self.flags) {
            root.remove(former);
        }
        if counts(flags) {
            root.add(leaf);
        }
        let (sum, count) = (root.to_bytes(), root.count.to_be_bytes());
        let parts = [&entry[..56], &sum[..], &count[..], &entry[96..]];
        image.insert(scope, parts.concat().into());
    }

    /// Takes a guest away; no fingerprint knows of it.
    pub(super) fn remove(&self, image: &mut Image) {
        assert!(self.is_guest(), "what belongs here stays");
        image.remove(&self.place);
    }
}

/// All records on a disk.
pub(super) fn entries(image: &Image) -> Vec<Entry> {
    let all = image.range(vec![b'R']..vec![b'S']);
    all.filter_map(Entry::read).collect()
}

/// The record of a key, where it belongs or as a guest.
pub(super) fn entry_of(image: &Image, key: RecordKey) -> Option<Entry> {
    let mut of_key = entries(image);
    of_key.retain(|entry| entry.record.key == key);
    of_key.sort_by_key(Entry::is_guest);
    of_key.into_iter().next()
}

//! Erasing: somebody asks for a record to be erased, somewhere, while everybody goes on writing. At
//! the end no disk may hold a word of what it said.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message as _;
use proto::stored::{HistoryPage, Quarantine, Refusal};
use replica::{Kind, Record, RecordKey, RegisterId, ScopeId};
use store::{Command, Erasure, Personal};

use super::{
    city::{DECISION, ROOT, parent},
    medium::Image,
    oracle::under,
    people::Entry,
    world::{HUB, NAMES, PUBLISHED, S1, S2, S3, Target, World},
};

/// The register that says that a record is erased, and what it says then.
const ERASED: RegisterId = RegisterId(11);
const YES: &[u8] = b"erased";
/// What is erased of an organisation: two of its three registers.
const PERSONAL: [RegisterId; 2] = [RegisterId(1), RegisterId(3)];
/// What is erased of a decision about it.
const CANDIDATES: RegisterId = RegisterId(1);

/// What is erased in the simulated city.
pub(crate) fn erasure() -> Erasure {
    let of = |mark, registers: &[RegisterId]| Personal {
        mark,
        registers: registers.to_vec(),
    };
    let mark = Some((ERASED, Bytes::from_static(YES)));
    let kinds: BTreeMap<Kind, Personal> = [
        (ROOT, of(mark, &PERSONAL)),
        (DECISION, of(None, &[CANDIDATES])),
    ]
    .into();
    Erasure {
        kinds,
        ..Erasure::default()
    }
}

/// Whether a record says that it is erased.
pub(super) fn is_marked(record: &Record) -> bool {
    erasure().is_marked(record)
}

/// What of a record can still be read though it is erased.
fn left_of(record: &Record) -> Option<String> {
    let mut whole = record.clone();
    let personal = &erasure().kinds[&record.key.kind];
    let mark = personal.mark.as_ref().map(|(register, _)| *register);
    let left = whole.erase(&personal.registers, mark);
    left.then(|| format!("{:?}", record.siblings))
}

/// Every record, and every part of one, on a disk, with the letter under which it lies.
fn parts(image: &Image) -> Vec<(char, Record)> {
    let mut parts = Vec::new();
    let record = |bytes: Vec<u8>| Record::decode(&Bytes::from(bytes)).ok();
    for entry in super::disk::entries(image) {
        parts.push(('R', entry.record));
    }
    for (_, value) in under(image, b'H') {
        let page = HistoryPage::decode(value.clone()).expect("a page");
        let entries = page.entries.into_iter();
        let replaced = entries.filter(|entry| !entry.replaced.is_empty());
        parts.extend(replaced.filter_map(|entry| Some(('H', record(entry.replaced)?))));
    }
    for letter in [b'X', b'D'] {
        for (_, value) in under(image, letter) {
            let refusal = Refusal::decode(value.clone()).expect("a refusal");
            parts.extend(record(refusal.siblings).map(|part| (char::from(letter), part)));
        }
    }
    for (_, value) in under(image, b'Q') {
        let held = Quarantine::decode(value.clone()).expect("a held state");
        parts.extend(record(held.theirs).map(|part| ('Q', part)));
    }
    parts
}

impl World {
    /// Somebody who may erases an organisation that is known where they sit.
    pub(super) fn erase(&mut self) {
        let Some(at) = self.somebody_who_runs() else {
            return;
        };
        let scopes = if at == HUB {
            vec![S1, S2, S3, PUBLISHED]
        } else {
            vec![self.replicas[at].scope]
        };
        let scope: ScopeId = self.rng.one(&scopes);
        let known = |key: &RecordKey| {
            let held = self.reader(at).and_then(|r| r.get(*key).ok().flatten());
            held.is_some_and(|held| !held.record.is_empty())
        };
        let roots: Vec<RecordKey> = self.roots_of(at, scope).into_iter().filter(known).collect();
        if roots.is_empty() {
            return;
        }
        let key = self.rng.one(&roots);
        let Some(form) = self.form(at, key, scope) else {
            return;
        };
        let uid = self.number();
        let edit = self.written(&form, uid, vec![Entry::legal(ERASED, YES.to_vec())]);
        self.say(format_args!("{} ERASES {}", NAMES[at], key.id));
        self.tally.count("an erasure");
        self.submit(at, Target::Writer, Command::Edit(vec![edit], Vec::new()));
    }

    /// P7: of what is erased no disk holds anything that it said, wherever it lies.
    pub(super) fn check_erased(&mut self) {
        let all: Vec<Image> = (0..self.replicas.len()).map(|at| self.image(at)).collect();
        let parts: Vec<_> = all.iter().map(parts).collect();
        let of_hub = parts[HUB].iter().filter(|(letter, _)| *letter == 'R');
        let marked: Vec<RecordKey> = of_hub
            .filter(|(_, record)| is_marked(record))
            .map(|(_, record)| record.key)
            .collect();
        // A part of a decision does not name what it is about: its record does.
        let mut about: BTreeMap<RecordKey, RecordKey> = BTreeMap::new();
        for (_, record) in parts.iter().flatten() {
            about.extend(parent(record).map(|root| (record.key, root)));
        }
        for (at, (parts, name)) in parts.iter().zip(NAMES).enumerate() {
            // A copy that was switched off for ever hears of nothing.
            if !self.replicas[at].exists {
                continue;
            }
            for (letter, part) in parts {
                let key = part.key;
                let with = about.get(&key).filter(|_| key.kind == DECISION);
                if !marked.contains(&key) && !with.is_some_and(|root| marked.contains(root)) {
                    continue;
                }
                self.tally.count("an erased part");
                if let Some(left) = left_of(part) {
                    self.broken(format!("P7 {name} {letter} {} still says {left}", key.id));
                }
            }
        }
    }
}

//! What people do about conflicts: they decide, also on both sides at once, and take it back.
//!
//! A decision is a record that holds the candidates in full, and the write that carries it out
//! and replaces exactly those. Taking it back replaces exactly the decision by copies of the
//! candidates, each under a name of its own. Both are edits like any other.

use std::collections::BTreeSet;

use bytes::Bytes;
use replica::{Context, Edit, Incarnation, Record, RecordId, RecordKey, RegisterId};
use store::Command;

use super::{
    city::{DECISION, PARENT, PROPOSAL, named},
    controls::Control,
    people::{Entry, Form},
    world::{HUB, NAMES, PUBLISHED, S1, S2, S3, Target, World},
};

/// The register of a decision that holds the candidates.
const CANDIDATES: RegisterId = RegisterId(1);

/// Packs values, each after its length.
fn packed(values: &[Bytes]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for value in values {
        bytes.extend_from_slice(&(value.len() as u64).to_be_bytes());
        bytes.extend_from_slice(value);
    }
    bytes
}

fn unpacked(mut bytes: &[u8]) -> Vec<Bytes> {
    let mut values = Vec::new();
    while let Some((length, rest)) = bytes.split_at_checked(8) {
        let length = length.iter().fold(0, |n, byte| n << 8 | usize::from(*byte));
        let (value, rest) = rest.split_at(length);
        values.push(Bytes::copy_from_slice(value));
        bytes = rest;
    }
    values
}

/// The registers whose candidates no rule of the simulated city reconciles: several that differ,
/// and a deletion that had not seen another write.
pub(crate) fn dockets(record: &Record) -> BTreeSet<RegisterId> {
    let open = record.registers().filter(|(_, siblings)| {
        let values: BTreeSet<_> = siblings.iter().map(|s| &s.value).collect();
        values.len() > 1
    });
    let mut open: BTreeSet<RegisterId> = open.map(|(register, _)| register).collect();
    for mark in record.register(RegisterId::DELETED) {
        let Some(seen) = mark.value.strip_prefix(b"del") else {
            continue;
        };
        let number = |bytes: &[u8]| bytes.iter().fold(0, |n, byte| n << 8 | u64::from(*byte));
        let entries = seen.chunks_exact(16).map(|pair| {
            let (incarnation, counter) = pair.split_at(8);
            (Incarnation(number(incarnation)), number(counter))
        });
        let seen = Context::new(entries, record.context.holes());
        let of_write = |s: &&replica::Sibling| s.dot() != mark.dot() && !seen.covers(s.dot());
        let others = record.siblings.iter().filter(of_write);
        if others
            .into_iter()
            .any(|s| s.register != RegisterId::DELETED)
        {
            open.insert(RegisterId::DELETED);
        }
    }
    open
}

impl World {
    /// The open dockets at a replica, in the records where people meet them.
    fn open_dockets(&self, at: usize) -> Vec<(RecordKey, RegisterId)> {
        let Some(reader) = self.reader(at) else {
            return Vec::new();
        };
        let keys = reader.contested().into_iter();
        let records = keys.filter_map(|key| reader.get(key).ok().flatten());
        let open = records.flat_map(|stored| {
            let key = stored.record.key;
            let open = dockets(&stored.record).into_iter();
            open.map(move |register| (key, register))
        });
        // A node decides nothing of the city's; a deletion is restored, not decided.
        let here = |(key, register): &(RecordKey, RegisterId)| {
            let home = reader.get(*key).ok().flatten().map(|held| held.home);
            let own = at == HUB || home == Some(self.replicas[at].scope);
            let plain = !register.is_system() && *register != PARENT;
            own && plain && key.kind != PROPOSAL
        };
        open.filter(here).collect()
    }

    pub(super) fn decide_somewhere(&mut self) {
        let Some(at) = self.somebody_who_runs() else {
            return;
        };
        let open = self.open_dockets(at);
        if open.is_empty() {
            return;
        }
        let docket = self.rng.one(&open);
        self.decide(at, docket);
        // Somebody on the other side decides the same at the same time.
        let other = if at == HUB {
            self.rng.one(&[1, 2, 3])
        } else {
            HUB
        };
        if self.rng.chance(50) && self.open_dockets(other).contains(&docket) {
            self.tally.count("a conflict decided on both sides");
            self.decide(other, docket);
        }
    }

    /// Decides a docket for one of its candidates.
    pub(crate) fn decide(&mut self, at: usize, (key, register): (RecordKey, RegisterId)) {
        let Some(held) = self.reader(at).and_then(|r| r.get(key).ok().flatten()) else {
            return;
        };
        let candidates = held.record.register(register);
        let values: Vec<Bytes> = candidates.iter().map(|s| s.value.clone()).collect();
        let Some(form) = self.form(at, key, held.home) else {
            return;
        };
        if values.is_empty() {
            return;
        }
        let which = self.rng.below(values.len());
        let mut id = [0; 16];
        id[0] = held.home.0[0];
        id[8..].copy_from_slice(&self.number().to_be_bytes());
        let decision = Form {
            key: RecordKey {
                kind: DECISION,
                id: RecordId(id),
            },
            shown: std::collections::BTreeMap::new(),
            context: Context::default(),
            ..form.clone()
        };
        let (first, second) = (self.number(), self.number());
        let body = vec![
            Entry::legal(CANDIDATES, packed(&values)),
            Entry::legal(PARENT, named(key)),
        ];
        let body = self.written(&decision, first, body);
        let taken = Entry::legal(register, values[which].to_vec());
        let carried_out = Edit {
            decision: Bytes::copy_from_slice(&id),
            ..self.written(&form, second, vec![taken])
        };
        self.tally.count("a decision");
        let command = Command::Edit(vec![body, carried_out], Vec::new());
        self.submit(at, Target::Writer, command);
    }

    pub(super) fn undo_somewhere(&mut self) {
        let Some(at) = self.somebody_who_runs() else {
            return;
        };
        let Some(reader) = self.reader(at) else {
            return;
        };
        let mut decided = Vec::new();
        let scopes = if at == HUB {
            vec![S1, S2, S3, PUBLISHED]
        } else {
            vec![self.replicas[at].scope]
        };
        for key in scopes
            .into_iter()
            .flat_map(|scope| self.roots_of(at, scope))
        {
            let held = reader.get(key).ok().flatten();
            for sibling in held.iter().flat_map(|held| &held.record.siblings) {
                let carries_out = !sibling.write.decision.is_empty();
                decided.extend(carries_out.then_some((key, sibling.register)));
            }
        }
        if !decided.is_empty() {
            let docket = self.rng.one(&decided);
            self.undo(at, docket);
        }
    }

    /// Takes a decision back: exactly its write goes, and a copy of each candidate stands.
    pub(crate) fn undo(&mut self, at: usize, (key, register): (RecordKey, RegisterId)) {
        let Some(reader) = self.reader(at) else {
            return;
        };
        let Some(held) = reader.get(key).ok().flatten() else {
            return;
        };
        let decided = held.record.register(register).iter();
        let Some(decided) = decided.rev().find(|s| !s.write.decision.is_empty()) else {
            return;
        };
        let Ok(id) = RecordId::try_from(&decided.write.decision[..]) else {
            return;
        };
        let kind = DECISION;
        let body = reader.get(RecordKey { kind, id }).ok().flatten();
        let body = body.and_then(|body| body.record.register(CANDIDATES).first().cloned());
        let values = body.map_or_else(Vec::new, |body| unpacked(&body.value));
        let Some(mut form) = self.form(at, key, held.home) else {
            return;
        };
        let dot = decided.dot();
        for (of, shown) in &mut form.shown {
            shown.retain(|(shown, _)| *of == register && shown.dot == dot);
        }
        let mut edits = Vec::new();
        for value in &values {
            let uid = self.number();
            let copy = Entry::legal(register, value.to_vec());
            let mut edit = self.written(&form, uid, vec![copy]);
            if self.options.control == Control::UndoesUnseen && edits.is_empty() {
                self.replace_all(at, &mut edit);
            }
            edits.push(edit);
            // The first copy takes the place of the decision, the others stand beside it.
            form.shown.clear();
        }
        if edits.is_empty() {
            return;
        }
        self.say(format_args!("{} takes decision {dot} back", NAMES[at]));
        self.tally.count("a decision taken back");
        let target = Target::Undo(key, register, values);
        self.submit(at, target, Command::Edit(edits, Vec::new()));
    }
}

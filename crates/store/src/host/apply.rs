//! Taking what a peer sends, refusing what it may not send, and taking back what was refused.

use std::collections::BTreeMap;

use bytes::Bytes;
use proto::{
    stored::Quarantine,
    sync::{Ack, Outcome, Refused as RefusedWire, Result as ResultWire},
};
use replica::{
    Dot, Incarnation, Leaf, Record, RecordKey, ScopeId,
    limits::{BATCH_BYTES_MAX, RECORD_BYTES_MAX},
    merge,
    session::{Arrived, Delivery, Role},
};

use super::{Host, JudgeInput, Login, SECTION_RECORDS_MAX, SessionState, Verdict, peers};
use crate::{StoreError, Stored};

/// What became of one record.
enum Taken {
    /// Merged; whether the result is exactly what came, and its size.
    Merged { as_it_came: bool, bytes: usize },
    /// Not merged.
    Not(ResultWire),
}

/// Where a batch comes from.
struct Sender {
    state: SessionState,
    /// The scope of the feed that it belongs to, and its number.
    scope: ScopeId,
    number: u32,
    /// This replica was restored, and the peer may give back the writes of others.
    refilling: bool,
}

fn result(key: RecordKey, outcome: Outcome, code: &str) -> ResultWire {
    ResultWire {
        kind: key.kind.0,
        id: key.id.0.to_vec(),
        outcome: outcome.into(),
        code: code.to_owned(),
        refused: Vec::new(),
    }
}

impl Host {
    /// Judges and merges a batch. One bad record never holds up the rest.
    pub(super) fn apply(&mut self, login: &Login, delivery: Delivery) -> Result<Ack, StoreError> {
        self.learn(login, &delivery.positions);
        let sender = Sender {
            state: self.state(login),
            scope: delivery.scope,
            number: self.ledger.scope_number(delivery.scope),
            refilling: self.is_refilling(login),
        };
        let peer = sender.state.number;
        let mut results = Vec::new();
        let (mut all_as_they_came, mut section_bytes) = (true, 0);
        for arrived in delivery.records {
            match self.apply_one(&sender, arrived)? {
                Taken::Merged { as_it_came, bytes } => {
                    all_as_they_came &= as_it_came;
                    section_bytes += bytes;
                }
                Taken::Not(result) => results.push(result),
            }
            // Records grow in a merge, and a section must fit into a batch.
            if section_bytes > BATCH_BYTES_MAX {
                self.ledger
                    .end_section(if all_as_they_came { peer } else { 0 });
                (all_as_they_came, section_bytes) = (true, 0);
            }
        }
        self.ledger
            .end_section(if all_as_they_came { peer } else { 0 });
        if let Some(upto) = delivery.upto {
            let (key, value) = self.peers.set_taken(peer, sender.number, upto);
            self.ledger.stage(key, Some(value));
        }
        Ok(Ack {
            scope: delivery.scope.0.to_vec(),
            upto: delivery.upto.and_then(replica::session::FeedPoint::to_wire),
            results,
            exchange: delivery.upto.is_none(),
        })
    }

    fn apply_one(&mut self, sender: &Sender, arrived: Arrived) -> Result<Taken, StoreError> {
        let peer = sender.state.number;
        let key = arrived.record.key;
        let former = self.ledger.current(key)?;
        if former
            .as_ref()
            .is_some_and(|former| former.leaf == arrived.leaf)
        {
            let (as_it_came, bytes) = (true, 0);
            return Ok(Taken::Merged { as_it_came, bytes });
        }
        if self.config.role == Role::Hub
            && let Some(taken) = self.judge(sender, former.as_ref(), &arrived)
        {
            return Ok(taken);
        }
        let Some(present) = &former else {
            let Arrived {
                record,
                bytes,
                leaf,
            } = arrived;
            let size = bytes.len();
            self.ledger.put(record, bytes, leaf, peer, None);
            let (as_it_came, bytes) = (true, size);
            return Ok(Taken::Merged { as_it_came, bytes });
        };
        let Ok(merged) = merge(&present.record, &arrived.record) else {
            return Ok(self.hold_back(sender, &arrived, "SYNC-121"));
        };
        let bytes = merged.encode();
        if bytes.len() > RECORD_BYTES_MAX {
            return Ok(self.hold_back(sender, &arrived, "SYNC-124"));
        }
        let size = bytes.len();
        let leaf = Leaf::of(&bytes);
        let as_it_came = leaf == arrived.leaf;
        let origin = if as_it_came { peer } else { 0 };
        self.ledger.put(merged, bytes, leaf, origin, former);
        let bytes = size;
        Ok(Taken::Merged { as_it_came, bytes })
    }

    /// What the hub asks of every record of a node: positions, identity and scope, what was
    /// refused before, then authority.
    fn judge(
        &mut self,
        sender: &Sender,
        former: Option<&Stored>,
        arrived: &Arrived,
    ) -> Option<Taken> {
        let record = &arrived.record;
        if !self.positions.bound(&record.context) {
            return Some(Taken::Not(result(record.key, Outcome::Later, "SYNC-120")));
        }
        let seen = |dot: &Dot| former.is_some_and(|f| f.record.context.covers(*dot));
        let dots = record.siblings.iter().map(replica::Sibling::dot);
        let fresh: Vec<Dot> = dots.filter(|dot| !seen(dot)).collect();
        let elsewhere = former.is_some_and(|f| f.place.scope != sender.number);
        if record.scope != sender.scope || elsewhere {
            return Some(self.refuse(sender, record, fresh, "SYNC-123"));
        }
        let new = record.siblings.iter().filter(|s| !seen(&s.dot()));
        let forged: Vec<Dot> = new
            .filter(|sibling| !self.may_bring(sender, record, sibling))
            .map(replica::Sibling::dot)
            .collect();
        if !forged.is_empty() {
            return Some(self.refuse(sender, record, forged, "SYNC-122"));
        }
        // The whole write goes, not the one register of it that was at fault.
        let number = sender.state.number;
        let again: Vec<Dot> = fresh
            .iter()
            .filter(|dot| self.peers.is_refused(number, **dot))
            .copied()
            .collect();
        if let Some(first) = again.first() {
            let code = self.peers.code_of(number, *first);
            return Some(self.refuse(sender, record, again, &code));
        }
        let verdict = (self.config.judge)(&JudgeInput {
            scope: sender.state.scope,
            existing: former.map(|f| &f.record),
            incoming: record,
            refilling: sender.refilling,
        });
        match verdict {
            Verdict::Accept => {
                self.confirm_refusals(sender, record);
                None
            }
            Verdict::Refuse { dots, code } => Some(self.refuse(sender, record, dots, code)),
        }
    }

    /// Whether a node may bring this write: its own always; while this hub refills, also those of
    /// other replicas of the node's scope, and the hub's own, known by their seal.
    fn may_bring(&self, sender: &Sender, record: &Record, sibling: &replica::Sibling) -> bool {
        let owner = self.positions.replica(sibling.dot().incarnation);
        if owner == Some(sender.state.peer) {
            return true;
        }
        let own = self.config.replica;
        let neighbour = owner.filter(|owner| *owner != own).is_some_and(|owner| {
            let scope = self.peers.scope_of(owner);
            sender.scope == sender.state.scope && scope.is_none_or(|scope| scope == sender.scope)
        });
        let sealed = || {
            self.config
                .seal
                .as_ref()
                .is_some_and(|key| key.holds(record.key, sibling))
        };
        sender.refilling && (neighbour || sealed())
    }

    /// A state without a refused write says that the node has taken it back, or replaced it.
    fn confirm_refusals(&mut self, sender: &Sender, record: &Record) {
        let peer = sender.state.number;
        for dot in self.peers.unconfirmed_of(peer, record.key) {
            if let Some((key, value)) = self.peers.confirm(peer, dot) {
                self.ledger.stage(key, Some(value));
            }
        }
    }

    /// Refuses a state whole and remembers it until the node has taken the writes back.
    fn refuse(
        &mut self,
        sender: &Sender,
        record: &Record,
        mut dots: Vec<Dot>,
        code: &str,
    ) -> Taken {
        dots.sort_unstable();
        dots.dedup();
        let peer = sender.state.number;
        let at_ms = self.config.clock.wall_ms();
        let mut answer = result(record.key, Outcome::Refused, code);
        for dot in dots {
            if let Some((key, value)) = self.peers.reopen(peer, dot) {
                self.ledger.stage(key, Some(value));
            }
            if !self.peers.is_refused(peer, dot) {
                let siblings = only(&record.siblings, record, dot);
                let refusal = peers::refusal(record.key, dot, code, &siblings, at_ms);
                let (key, value) = self.peers.refuse(peer, refusal);
                self.ledger.stage(key, Some(value));
            }
            answer.refused.push(RefusedWire {
                incarnation: dot.incarnation.0,
                counter: dot.counter,
                kind: record.key.kind.0,
                id: record.key.id.0.to_vec(),
                code: code.to_owned(),
            });
        }
        Taken::Not(answer)
    }

    /// One dot with two contents: what is held stays, what came is kept aside, people are told.
    fn hold_back(&mut self, sender: &Sender, arrived: &Arrived, code: &str) -> Taken {
        let key = arrived.record.key;
        let (stored, value) = self.peers.hold_back(Quarantine {
            kind: key.kind.0,
            id: key.id.0.to_vec(),
            code: code.to_owned(),
            theirs: arrived.bytes.to_vec(),
            peer: sender.state.peer.0.to_vec(),
            at_ms: i64::try_from(self.config.clock.wall_ms()).unwrap_or(i64::MAX),
        });
        self.ledger.stage(stored, Some(value));
        Taken::Not(result(key, Outcome::Quarantined, code))
    }

    /// Takes back writes that the hub has refused: the one path for all of them.
    pub(super) fn take_back(&mut self, refused: &[RefusedWire]) -> Result<(), StoreError> {
        let mut by_record: BTreeMap<RecordKey, Vec<(Dot, String)>> = BTreeMap::new();
        for entry in refused {
            let key = peers::key_of(entry.kind, &entry.id);
            let incarnation = Incarnation(entry.incarnation);
            let dot = Dot {
                incarnation,
                counter: entry.counter,
            };
            by_record
                .entry(key)
                .or_default()
                .push((dot, entry.code.clone()));
        }
        let at_ms = self.config.clock.wall_ms();
        let mut changed = 0;
        for (key, refusals) in by_record {
            let Some(former) = self.ledger.current(key)? else {
                continue;
            };
            let dots: Vec<Dot> = refusals.iter().map(|(dot, _)| *dot).collect();
            let history = self.siblings_of_history(key)?;
            let back = former.record.take_back(&dots, &history);
            for (dot, code) in &refusals {
                if back.taken.iter().all(|s| s.dot() != *dot) {
                    continue;
                }
                // Also what a later write had replaced of it: its author gets all of it back.
                let of_history = history.iter().filter(|s| {
                    let taken = &back.taken;
                    let here = |t: &replica::Sibling| (t.register, t.dot()) == (s.register, *dot);
                    s.dot() == *dot && !taken.iter().any(here)
                });
                let siblings: Vec<_> = back.taken.iter().chain(of_history).cloned().collect();
                let siblings = only(&siblings, &former.record, *dot);
                let draft = peers::refusal(key, *dot, code, &siblings, at_ms);
                let (stored, value) = self.peers.draft(draft);
                self.ledger.stage(stored, Some(value));
            }
            let bytes = back.record.encode();
            let leaf = Leaf::of(&bytes);
            self.ledger.put(back.record, bytes, leaf, 0, Some(former));
            changed += 1;
            if changed % SECTION_RECORDS_MAX == 0 {
                self.ledger.end_section(0);
            }
        }
        self.ledger.end_section(0);
        Ok(())
    }
}

/// The siblings of one write, as a record of their own.
fn only(siblings: &[replica::Sibling], record: &Record, dot: Dot) -> Bytes {
    let of_dot = siblings.iter().filter(|s| s.dot() == dot);
    let mut part = Record {
        siblings: of_dot.cloned().collect(),
        ..record.clone()
    };
    part.siblings.sort_by_key(|s| s.register);
    part.siblings.dedup_by_key(|s| s.register);
    part.encode()
}

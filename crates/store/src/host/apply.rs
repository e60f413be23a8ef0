//! Taking what a peer sends, refusing what it may not send, and taking back what was refused.

use std::collections::BTreeMap;

use bytes::Bytes;
use proto::sync::{Ack, Outcome, Refused as RefusedWire, Result as ResultWire};
use replica::{
    Dot, Incarnation, Record, RecordKey, RegisterId, ScopeId,
    limits::{BATCH_BYTES_MAX, RECORD_BYTES_MAX},
    merge,
    session::{Arrived, Delivery, Role},
};

use super::{Host, Login, SECTION_RECORDS_MAX, home::Effect, peers, session::Party};
use crate::{StoreError, ledger::Incoming};

/// The code of a write to a record that belongs to another scope by now.
pub(super) const MOVED: &str = "SYNC-131";
/// The code of a write of a node that is fenced.
pub(super) const FENCED: &str = "SYNC-132";
/// The code of a write that a rollback of its machine has undone.
pub(super) const ROLLED_BACK: &str = "SYNC-133";

/// What became of one record.
pub(super) enum Taken {
    /// Merged; whether the result is exactly what came, and its size.
    Merged { as_it_came: bool, bytes: usize },
    /// Not merged.
    Not(ResultWire),
}

/// Where a batch comes from.
pub(super) struct Sender {
    pub(super) party: Party,
    /// The scope of the feed that it belongs to, and its number.
    pub(super) scope: ScopeId,
    pub(super) number: u32,
    /// This replica was restored, and the peer may give back the writes of others.
    pub(super) refilling: bool,
}

pub(super) fn result(key: RecordKey, outcome: Outcome, code: &str) -> ResultWire {
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
            party: self.party(login),
            scope: delivery.scope,
            number: self.ledger.scope_number(delivery.scope),
            refilling: self.is_refilling(login),
        };
        let peer = sender.party.number;
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
                self.end_peers_section(peer, all_as_they_came);
                (all_as_they_came, section_bytes) = (true, 0);
            }
        }
        self.end_peers_section(peer, all_as_they_came);
        if std::mem::take(&mut self.shown_own) {
            self.refill_or_note();
        }
        if let Some(upto) = delivery.upto {
            let (key, value) = self.peers.set_taken(peer, sender.number, upto);
            self.ledger.stage(key, Some(value));
        }
        Ok(Ack {
            scope: delivery.scope.0.to_vec(),
            upto: delivery.upto.and_then(replica::session::FeedPoint::to_wire),
            results,
            exchange: delivery.upto.is_none(),
            receipt: Vec::new(),
        })
    }

    fn apply_one(&mut self, sender: &Sender, arrived: Arrived) -> Result<Taken, StoreError> {
        let peer = sender.party.number;
        let key = arrived.record.key;
        let former = self.ledger.current(key)?;
        if former
            .as_ref()
            .is_some_and(|former| former.leaf == arrived.leaf)
        {
            let (as_it_came, bytes) = (true, 0);
            return Ok(Taken::Merged { as_it_came, bytes });
        }
        match self.config.role {
            Role::Hub => {
                if let Some(taken) = self.judge(sender, former.as_ref(), &arrived)? {
                    return Ok(taken);
                }
            }
            Role::Node => self.learn_from(&arrived.record),
        }
        let new = match &former {
            None => Incoming {
                record: arrived.record,
                bytes: arrived.bytes,
                leaf: arrived.leaf,
                origin: peer,
            },
            Some(present) => {
                if self.config.role == Role::Hub
                    && !self.may_have_erased(&present.record, &arrived.record)
                {
                    return self.hold_back(sender, &arrived, "SYNC-121");
                }
                let Ok(mut merged) = merge(&present.record, &arrived.record) else {
                    return self.hold_back(sender, &arrived, "SYNC-121");
                };
                if self.config.role == Role::Node {
                    // Somebody has entered it here as new whose form was older than a restore.
                    // Where it was made, the hub knows.
                    merged.scope = arrived.record.scope;
                }
                let merged = self.complete(merged, &present.record, &arrived.record);
                let mut new = Incoming::own(merged);
                if new.bytes.len() > RECORD_BYTES_MAX {
                    return self.hold_back(sender, &arrived, "SYNC-124");
                }
                if new.leaf == arrived.leaf {
                    new.origin = peer;
                }
                new
            }
        };
        self.let_go(peer, key);
        let bytes = new.bytes.len();
        let as_it_came = new.origin == peer;
        let effect = self.put(new, sender.scope, former)?;
        let as_it_came = as_it_came && effect == Effect::Alone;
        Ok(Taken::Merged { as_it_came, bytes })
    }

    /// Completes what was merged by what the node's state shows nothing of though it has seen it: a
    /// write was taken back where nobody knew any more what it had replaced. Owners a hub judges
    /// by their seal.
    fn complete(&self, merged: Record, present: &Record, arrived: &Record) -> Record {
        let (is_hub, of_hub, of_node) = match self.config.role {
            Role::Hub => (true, present, arrived),
            Role::Node => (false, arrived, present),
        };
        let lost = of_hub.lost_to(of_node).filter(|lost| {
            let is_judged = is_hub && lost.register == RegisterId::OWNER;
            !is_judged && !of_hub.is_replaced_by(lost, of_node)
        });
        merged.with_lost(lost.cloned().collect())
    }

    fn end_peers_section(&mut self, peer: u32, all_as_they_came: bool) {
        let mixed = std::mem::take(&mut self.mixed);
        let origin = if all_as_they_came && !mixed { peer } else { 0 };
        self.open_section = (0, 0);
        self.ledger.end_section(origin);
    }

    /// Refuses a state whole and remembers it until the node has taken the writes back.
    pub(super) fn refuse(
        &mut self,
        sender: &Sender,
        record: &Record,
        mut dots: Vec<Dot>,
        code: &str,
    ) -> Result<Taken, StoreError> {
        dots.sort_unstable();
        dots.dedup();
        let peer = sender.party.number;
        let at_ms = self.config.clock.wall_ms();
        let late = code == MOVED || code == FENCED;
        let outcome = if late {
            Outcome::Moved
        } else {
            Outcome::Refused
        };
        let mut answer = result(record.key, outcome, code);
        for dot in dots {
            if let Some((key, value)) = self.peers.reopen(peer, dot) {
                self.ledger.stage(key, Some(value));
            }
            if !self.peers.is_refused(peer, dot) {
                let siblings = only(&record.siblings, record, dot);
                let siblings = self.kept_of(record.key, siblings)?;
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
        Ok(Taken::Not(answer))
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
        let mut changed = 0;
        for (key, refusals) in by_record {
            // What the hub does not take is no longer a matter of two contents.
            self.let_go_all(key);
            self.take_back_of(key, &refusals)?;
            changed += 1;
            if changed % SECTION_RECORDS_MAX == 0 {
                self.ledger.end_section(0);
            }
        }
        self.ledger.end_section(0);
        Ok(())
    }

    /// Takes writes of one record back into drafts.
    pub(super) fn take_back_of(
        &mut self,
        key: RecordKey,
        refusals: &[(Dot, String)],
    ) -> Result<(), StoreError> {
        let Some(former) = self.ledger.current(key)? else {
            return Ok(());
        };
        let at_ms = self.config.clock.wall_ms();
        let dots: Vec<Dot> = refusals.iter().map(|(dot, _)| *dot).collect();
        let history = self.siblings_of_history(key)?;
        let back = former.record.take_back(&dots, &history);
        for (dot, code) in refusals {
            // Also what a later write had replaced of it: its author gets all of it back.
            let of_history = history.iter().filter(|s| {
                let taken = &back.taken;
                let here = |t: &replica::Sibling| (t.register, t.dot()) == (s.register, *dot);
                s.dot() == *dot && !taken.iter().any(here)
            });
            let siblings: Vec<_> = back.taken.iter().chain(of_history).cloned().collect();
            let taken = back.taken.iter().any(|s| s.dot() == *dot);
            // Of a rollback, also what was replaced since, but not what was taken back before.
            let rolled_back = code == ROLLED_BACK
                && siblings.iter().any(|s| s.dot() == *dot)
                && !self.peers.has_draft(*dot);
            if !taken && !rolled_back {
                continue;
            }
            let siblings = only(&siblings, &former.record, *dot);
            let siblings = self.kept_of(key, siblings)?;
            let draft = peers::refusal(key, *dot, code, &siblings, at_ms);
            let (stored, value) = self.peers.draft(draft);
            self.ledger.stage(stored, Some(value));
        }
        self.put(Incoming::own(back.record), self.config.scope, Some(former))?;
        self.mixed = true;
        Ok(())
    }
}

/// The siblings of one write, as a record of their own.
pub(super) fn only(siblings: &[replica::Sibling], record: &Record, dot: Dot) -> Bytes {
    let of_dot = siblings.iter().filter(|s| s.dot() == dot);
    let mut part = Record {
        siblings: of_dot.cloned().collect(),
        ..record.clone()
    };
    part.context.add(dot);
    part.siblings.sort_by_key(|s| s.register);
    part.siblings.dedup_by_key(|s| s.register);
    part.encode()
}

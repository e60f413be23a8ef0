//! Taking what a peer sends, refusing what it may not send, and taking back what was refused.

use std::collections::BTreeMap;

use bytes::Bytes;
use proto::{
    stored::Quarantine,
    sync::{Ack, Outcome, Refused as RefusedWire, Result as ResultWire},
};
use replica::{
    Dot, Incarnation, Leaf, Record, RecordKey, merge,
    session::{Arrived, Delivery, Role},
};

use super::{Host, JudgeInput, Login, SessionState, Verdict, peers};
use crate::{StoreError, Stored};

/// What became of one record.
enum Taken {
    /// Merged; whether the result is exactly what came.
    Merged { as_it_came: bool },
    /// Not merged.
    Not(ResultWire),
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
        let state = self.state(login);
        let number = self.ledger.scope_number(delivery.scope);
        let mut results = Vec::new();
        let mut all_as_they_came = true;
        for arrived in delivery.records {
            match self.apply_one(&state, arrived)? {
                Taken::Merged { as_it_came } => all_as_they_came &= as_it_came,
                Taken::Not(result) => results.push(result),
            }
        }
        self.ledger
            .end_section(if all_as_they_came { state.number } else { 0 });
        if let Some(upto) = delivery.upto {
            let (key, value) = self.peers.set_taken(state.number, number, upto);
            self.ledger.stage(key, Some(value));
        }
        Ok(Ack {
            scope: delivery.scope.0.to_vec(),
            upto: delivery.upto.and_then(replica::session::FeedPoint::to_wire),
            results,
            exchange: delivery.upto.is_none(),
        })
    }

    fn apply_one(&mut self, state: &SessionState, arrived: Arrived) -> Result<Taken, StoreError> {
        let key = arrived.record.key;
        let former = self.ledger.current(key)?;
        if former
            .as_ref()
            .is_some_and(|former| former.leaf == arrived.leaf)
        {
            return Ok(Taken::Merged { as_it_came: true });
        }
        if self.config.role == Role::Hub
            && let Some(taken) = self.judge(state, former.as_ref(), &arrived)
        {
            return Ok(taken);
        }
        let Some(present) = &former else {
            let Arrived {
                record,
                bytes,
                leaf,
            } = arrived;
            self.ledger.put(record, bytes, leaf, state.number, None);
            return Ok(Taken::Merged { as_it_came: true });
        };
        let Ok(merged) = merge(&present.record, &arrived.record) else {
            return Ok(self.hold_back(state, &arrived, "SYNC-121"));
        };
        let bytes = merged.encode();
        let leaf = Leaf::of(&bytes);
        let as_it_came = leaf == arrived.leaf;
        let origin = if as_it_came { state.number } else { 0 };
        self.ledger.put(merged, bytes, leaf, origin, former);
        Ok(Taken::Merged { as_it_came })
    }

    /// What the hub asks of every record of a node: positions, identity, then authority.
    fn judge(
        &mut self,
        state: &SessionState,
        former: Option<&Stored>,
        arrived: &Arrived,
    ) -> Option<Taken> {
        let record = &arrived.record;
        if !self.positions.bound(&record.context) {
            return Some(Taken::Not(result(record.key, Outcome::Later, "SYNC-120")));
        }
        self.confirm_refusals(state, record);
        let seen = |dot: Dot| former.is_some_and(|f| f.record.context.covers(dot));
        let fresh = record
            .siblings
            .iter()
            .map(replica::Sibling::dot)
            .filter(|dot| !seen(*dot));
        let foreign = |dot: &Dot| self.positions.replica(dot.incarnation) != Some(state.peer);
        let forged: Vec<Dot> = fresh
            .filter(|dot| !state.refilling && foreign(dot))
            .collect();
        if !forged.is_empty() {
            return Some(self.refuse(state, record, forged, "SYNC-122"));
        }
        let verdict = (self.config.judge)(&JudgeInput {
            scope: state.scope,
            existing: former.map(|f| &f.record),
            incoming: record,
            refilling: state.refilling,
        });
        match verdict {
            Verdict::Accept => None,
            Verdict::Refuse { dots, code } => Some(self.refuse(state, record, dots, code)),
        }
    }

    /// A node that sends a record with a refused dot as a hole has taken it back.
    fn confirm_refusals(&mut self, state: &SessionState, record: &Record) {
        let holes: Vec<Dot> = record.context.holes().collect();
        for dot in holes {
            if let Some((key, value)) = self.peers.confirm(state.number, dot) {
                self.ledger.stage(key, Some(value));
            }
        }
    }

    /// Refuses a state whole and remembers it until the node has taken the writes back.
    fn refuse(
        &mut self,
        state: &SessionState,
        record: &Record,
        mut dots: Vec<Dot>,
        code: &str,
    ) -> Taken {
        dots.sort_unstable();
        dots.dedup();
        let at_ms = self.config.clock.wall_ms();
        let mut answer = result(record.key, Outcome::Refused, code);
        for dot in dots {
            if !self.peers.is_refused(state.number, dot) {
                let siblings = only(record, dot);
                let refusal = peers::refusal(record.key, dot, code, &siblings, at_ms);
                let (key, value) = self.peers.refuse(state.number, refusal);
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
    fn hold_back(&mut self, state: &SessionState, arrived: &Arrived, code: &str) -> Taken {
        let key = arrived.record.key;
        let (stored, value) = self.peers.hold_back(Quarantine {
            kind: key.kind.0,
            id: key.id.0.to_vec(),
            code: code.to_owned(),
            theirs: arrived.bytes.to_vec(),
            peer: state.peer.0.to_vec(),
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
                let siblings = only(&former.record, *dot);
                let draft = peers::refusal(key, *dot, code, &siblings, at_ms);
                let (stored, value) = self.peers.draft(draft);
                self.ledger.stage(stored, Some(value));
            }
            let bytes = back.record.encode();
            let leaf = Leaf::of(&bytes);
            self.ledger.put(back.record, bytes, leaf, 0, Some(former));
        }
        self.ledger.end_section(0);
        Ok(())
    }
}

/// The siblings of one write, as a record of their own.
fn only(record: &Record, dot: Dot) -> Bytes {
    let mut part = record.clone();
    part.siblings.retain(|s| s.dot() == dot);
    part.encode()
}

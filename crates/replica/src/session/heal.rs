//! The exchange of what differs, bucket by bucket.
//!
//! The node sends the sums of its 64 pages; the hub answers with its buckets of the pages that
//! differ; the node sends its leaves of the buckets that differ; the hub answers with its own
//! leaves. Each side then sends the records that the other's leaves lack, and last `Healed` with
//! the cut at which it took its first sums: whatever changed after that cut is in its feed after
//! it. Absence is never a deletion: a side that holds less is given more.

use std::mem;

use proto::sync::{Batch, Healed, Leaf as LeafFrame, Leaves, Prints, frame::Frame as Body};

use super::{FeedPoint, Op, Queue, Role, Step, Sums, lane::Lane};
use crate::{
    BUCKETS, Mono, PAGES, RecordKey, ScopeId,
    limits::{BATCH_RECORDS_MAX, EXCHANGE_LEAVES_MAX, HELD_BACK_MAX, LEAVES_MAX, WINDOW_BATCHES},
};

/// An exchange under way in one scope.
#[derive(Debug, Default)]
pub(super) struct Healing {
    started: bool,
    /// At the hub, the points (node's, hub's) in a question that a quiet node asked; without
    /// them, an exchange at once.
    quiet_at: Option<(FeedPoint, FeedPoint)>,
    /// This side's feed at its first sums.
    cut: FeedPoint,
    /// The buckets that differ, as the node found them.
    buckets: Vec<u32>,
    /// The leaves of the peer, as far as they came.
    theirs: Vec<LeafFrame>,
    /// All of them have come.
    listed: bool,
    /// Records still to be sent.
    queue: Queue,
    fetching: bool,
    /// All that is to be sent is known.
    complete: bool,
    sent: bool,
    /// The peer has said that it sent all.
    told: bool,
    received: bool,
}

impl Healing {
    /// An exchange that a broken lane begins with.
    pub(super) fn new(offer: &[RecordKey]) -> Self {
        let mut healing = Self::default();
        healing.also(offer);
        healing
    }

    /// An exchange of a node whose sums have been read at this cut.
    fn going_on(cut: FeedPoint, offer: &[RecordKey]) -> Self {
        let mut healing = Self::new(offer);
        healing.started = true;
        healing.cut = cut;
        healing
    }

    /// Sends these records too.
    pub(super) fn also(&mut self, offer: &[RecordKey]) {
        self.queue.extend(offer);
    }

    /// Whether what the peer has named so far is no more than a scope can hold.
    fn is_bounded(&self) -> bool {
        self.buckets.len() <= BUCKETS && self.theirs.len() <= EXCHANGE_LEAVES_MAX
    }

    /// Sends what fits into the window.
    pub(super) fn pump(&mut self, scope: ScopeId, in_flight: usize, step: &mut Step) {
        if !self.started {
            self.started = true;
            step.ops.push(Op::Sum(scope));
        }
        if !self.fetching && !self.queue.is_empty() && in_flight < WINDOW_BATCHES {
            let take = self.queue.len().min(BATCH_RECORDS_MAX / 4);
            let keys: Vec<RecordKey> = self.queue.drain(..take).collect();
            self.fetching = true;
            step.ops.push(Op::Fetch(scope, keys));
        }
        let finished = self.complete && self.queue.is_empty() && !self.fetching && !self.sent;
        if finished && in_flight == 0 {
            self.sent = true;
            let cut = self.cut.to_wire();
            step.send(Body::Healed(Healed {
                scope: scope.0.to_vec(),
                cut,
            }));
        }
    }
}

impl Lane {
    /// The node has its sums: it asks.
    pub(super) fn summed(&mut self, now: Mono, sums: Sums, step: &mut Step) {
        let still = self.still_asks() && sums.cut == self.end;
        let hub = match &mut self.healing {
            Some(healing) => {
                healing.cut = sums.cut;
                healing.also(&sums.offer);
                healing.also(&sums.put_off);
                None
            }
            None if !still => return self.not_yet(now),
            None if sums.put_off.is_empty() => Some(self.taken),
            None => {
                self.exchanges += 1;
                self.begin_exchange(Healing::going_on(sums.cut, &sums.put_off));
                None
            }
        };
        let cut = sums.cut;
        step.send(Body::Prints(super::prints(self.scope, sums, cut, hub)));
    }

    /// Sums of the peer arrived.
    pub(super) fn prints(&mut self, now: Mono, role: Role, prints: Prints, step: &mut Step) {
        let node = FeedPoint::from_wire(prints.node.as_ref());
        // A question is about pages, an answer about buckets, each named once; one at a time.
        let most = if role == Role::Hub { PAGES } else { BUCKETS };
        let numbers = prints.parts.iter().map(|part| part.number);
        let many = prints.parts.len() > most || prints.quarantined.len() > HELD_BACK_MAX;
        if many || !numbers.is_sorted_by(|a, b| a < b) {
            return step.end("SYNC-104");
        }
        if self.comparing {
            return step.end("SYNC-105");
        }
        match role {
            Role::Hub => {
                let hub = prints
                    .hub
                    .as_ref()
                    .map(|hub| FeedPoint::from_wire(Some(hub)));
                // Where the node's feed does not come here, nothing of it is under way.
                let level = !self.takes || self.taken == node;
                let quiet =
                    hub.is_none_or(|hub| self.healing.is_none() && level && self.end == hub);
                if !quiet || prints.parts.is_empty() {
                    let nothing = super::prints(self.scope, Sums::default(), node, hub);
                    return step.send(Body::Prints(nothing));
                }
                let healing = Healing {
                    started: true,
                    quiet_at: hub.map(|hub| (node, hub)),
                    ..Healing::default()
                };
                self.begin_exchange(healing);
                self.asked_without = prints.quarantined.len();
                self.compare(prints, step);
            }
            Role::Node => {
                // Nothing at all is "not quiet", and says nothing of what is held back.
                if prints.equal || !prints.parts.is_empty() || !prints.quarantined.is_empty() {
                    let held_back = prints.quarantined.clone();
                    step.ops.push(Op::HeldBack(self.scope, held_back));
                }
                self.prints_of_hub(now, prints, step);
            }
        }
    }

    fn prints_of_hub(&mut self, now: Mono, prints: Prints, step: &mut Step) {
        let still = self.still_asks();
        match (&mut self.healing, prints.parts.is_empty(), prints.equal) {
            (Some(healing), true, true) => healing.complete = true,
            (Some(_), false, _) => self.compare(prints, step),
            (None, true, true) if still => {
                self.found_equal(self.end, self.taken, step);
            }
            (None, false, _) => {
                self.exchanges += 1;
                let cut = FeedPoint::from_wire(prints.node.as_ref());
                self.begin_exchange(Healing::going_on(cut, &[]));
                self.compare(prints, step);
            }
            // What the hub holds back is left out of the sums, and then it is asked again.
            (Some(healing), true, _) if !prints.quarantined.is_empty() => {
                healing.started = false;
            }
            (Some(_) | None, true, _) => self.not_yet(now),
        }
    }

    fn compare(&mut self, prints: Prints, step: &mut Step) {
        self.comparing = true;
        let (parts, held_back) = (prints.parts, prints.quarantined);
        step.ops.push(Op::Compare(self.scope, parts, held_back));
    }

    /// The host has compared.
    pub(super) fn compared(&mut self, role: Role, sums: Sums, step: &mut Step) {
        self.comparing = false;
        let (scope, taken) = (self.scope, self.taken);
        let asked = |quiet_at: Option<(FeedPoint, FeedPoint)>| match quiet_at {
            Some((node, hub)) => (node, Some(hub)),
            None => (taken, None),
        };
        let Some(healing) = &mut self.healing else {
            return;
        };
        match role {
            Role::Hub => {
                let (quiet_at, cut) = (healing.quiet_at, sums.cut);
                let (node, hub) = asked(quiet_at);
                // The feed has moved on, or the node's sums hold what is held back here: it asks
                // again.
                let moved = hub.is_some_and(|at| at != cut);
                let more = sums.held_back.len() > self.asked_without;
                if moved || more {
                    self.healing = None;
                    let held_back = sums.held_back;
                    let again = Sums {
                        held_back: if more { held_back } else { Vec::new() },
                        ..Sums::default()
                    };
                    return step.send(Body::Prints(super::prints(scope, again, node, hub)));
                }
                // Where only the node's feed begins anew, this one goes on where it stands: what has
                // come to lie in it before the cut, and no sum tells of, still follows.
                healing.cut = if self.broken { cut } else { self.cursor };
                if self.broken {
                    healing.also(&sums.offer);
                }
                healing.complete = sums.parts.is_empty();
                let equal = healing.complete;
                if equal && quiet_at.is_some() {
                    self.healing = None;
                }
                let mut prints = super::prints(scope, sums, node, Some(cut));
                prints.equal = equal;
                step.send(Body::Prints(prints));
                if equal && quiet_at.is_some() {
                    self.found_equal(cut, taken, step);
                }
            }
            // What differed has become equal meanwhile; the hub must not wait for leaves.
            Role::Node if sums.parts.is_empty() => step.send(leaves_frame(scope, &[], &[], true)),
            Role::Node => {
                healing.buckets = sums.parts.iter().map(|part| part.number).collect();
                step.ops.push(Op::List(scope, healing.buckets.clone()));
            }
        }
    }

    /// The node lists its leaves of the buckets that differ.
    pub(super) fn listed(&mut self, buckets: &[u32], leaves: &[LeafFrame], step: &mut Step) {
        send_leaves(self.scope, buckets, leaves, step);
    }

    /// Leaves of the peer arrived. The hub learns from them which buckets differ.
    pub(super) fn leaves(&mut self, role: Role, leaves: Leaves, step: &mut Step) {
        let Some(healing) = &mut self.healing else {
            return;
        };
        if role == Role::Hub {
            healing.buckets.extend(leaves.buckets);
        }
        healing.theirs.extend(leaves.leaves);
        if healing.listed || !healing.is_bounded() {
            return step.end("SYNC-104");
        }
        if leaves.last {
            healing.listed = true;
            let theirs = mem::take(&mut healing.theirs);
            step.ops
                .push(Op::Diff(self.scope, healing.buckets.clone(), theirs));
        }
    }

    /// The host knows what the peer lacks. The hub answers leaves with its own.
    pub(super) fn differ(
        &mut self,
        role: Role,
        keys: Vec<RecordKey>,
        leaves: &[LeafFrame],
        step: &mut Step,
    ) {
        let Some(healing) = &mut self.healing else {
            return;
        };
        healing.queue.extend(keys);
        healing.complete = true;
        if role == Role::Hub {
            send_leaves(self.scope, &[], leaves, step);
        }
    }

    /// Records of an exchange were read.
    pub(super) fn fetched(&mut self, batch: Batch, rest: Vec<RecordKey>, step: &mut Step) {
        let Some(healing) = &mut self.healing else {
            return;
        };
        healing.fetching = false;
        rest.into_iter()
            .rev()
            .for_each(|key| healing.queue.push_front(key));
        if !batch.records.is_empty() {
            self.in_flight += 1;
            step.send(Body::Batch(batch));
        }
    }

    /// Notes that the peer has sent all. Returns whether an exchange was under way in which it had
    /// not said so.
    pub(super) fn ends_exchange(&mut self) -> bool {
        let healing = self.healing.as_mut();
        healing.is_some_and(|healing| !mem::replace(&mut healing.told, true))
    }

    /// All that the peer held is held here, up to a point of its feed.
    pub(super) fn healed(&mut self, now: Mono) {
        self.quiet_since = now;
        if let Some(healing) = &mut self.healing {
            healing.received = true;
        }
        self.finish_exchange();
    }

    /// Ends the exchange when both directions have.
    pub(super) fn finish_exchange(&mut self) {
        let over = self
            .healing
            .as_ref()
            .filter(|healing| healing.sent && healing.received);
        if let Some(cut) = over.map(|healing| healing.cut) {
            self.healing = None;
            self.broken = false;
            self.resume_at(cut);
        }
    }
}

fn leaves_frame(scope: ScopeId, buckets: &[u32], leaves: &[LeafFrame], last: bool) -> Body {
    Body::Leaves(Leaves {
        scope: scope.0.to_vec(),
        leaves: leaves.to_vec(),
        buckets: buckets.to_vec(),
        last,
    })
}

fn send_leaves(scope: ScopeId, buckets: &[u32], leaves: &[LeafFrame], step: &mut Step) {
    let mut rest = leaves;
    let mut named = buckets;
    while rest.len() > LEAVES_MAX {
        let (now, later) = rest.split_at(LEAVES_MAX);
        step.send(leaves_frame(scope, named, now, false));
        named = &[];
        rest = later;
    }
    step.send(leaves_frame(scope, named, rest, true));
}

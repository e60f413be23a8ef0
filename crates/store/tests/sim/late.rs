//! What came too late must not get in by the back door: writes under an older epoch, of a node
//! that was fenced, of a life that another copy went on without. The oracle notes at the moment of
//! the act what was known then, and looks at the end.

use std::collections::BTreeMap;

use replica::{Context, Dot, RecordKey, Sibling, owner};
use store::Store as _;

use super::{
    city::{parent, proposal_of},
    oracle::Records,
    world::{HUB, NAMES, NODES, World},
};

/// A transfer, and what the hub had seen then: of all records, as one that had lost its organisation
/// may be given to it again.
#[derive(Debug)]
pub(crate) struct Transfer {
    root: RecordKey,
    epoch: u64,
    seen: BTreeMap<RecordKey, Context>,
}

/// A write that its node had not sent when it was fenced.
#[derive(Debug)]
pub(crate) struct Unsent {
    node: usize,
    key: RecordKey,
    dot: Dot,
}

impl World {
    /// The hub has transferred an organisation. Where it was put back, and nobody knows any more
    /// of an earlier transfer in this epoch, an old copy of a store may bring that up yet: the
    /// city then has a conflict to settle. The same where only a node knows of it that is fenced:
    /// nobody waits for what that one would give back.
    pub(super) fn note_transfer(&mut self, root: RecordKey) {
        if self.replicas[HUB].medium.is_rotten() {
            return;
        }
        let records = self.records(HUB);
        let Some(new) = records.get(&root).and_then(|r| owner(&r.record)) else {
            return;
        };
        let epoch = new.epoch;
        let host = self.replicas[HUB].host.as_ref();
        let fenced = host.map_or_else(Vec::new, |host| host.status().fenced);
        let may_know = |node: &usize| {
            if fenced.contains(&self.replicas[*node].id) {
                return false;
            }
            let Some(reader) = self.reader(*node) else {
                return self.replicas[*node].exists;
            };
            let held = reader.get(root).ok().flatten();
            let named = held.and_then(|held| owner(&held.record));
            named.is_some_and(|named| named.epoch == epoch && named.scope != new.scope)
        };
        if self.replicas[HUB].rewound && !NODES.iter().any(may_know) {
            self.ghost.unremembered.insert((root, epoch));
        }
        let seen = records.into_iter().map(|(key, s)| (key, s.record.context));
        let seen = seen.collect();
        self.ghost.transfers.push(Transfer { root, epoch, seen });
    }

    /// The hub has fenced a node.
    pub(super) fn note_fence(&mut self, node: usize) {
        if [HUB, node]
            .iter()
            .any(|at| self.replicas[*at].medium.is_rotten())
        {
            return;
        }
        let hub = self.records(HUB);
        let known = |key: &RecordKey, dot: Dot| {
            let held = hub.get(key);
            held.is_some_and(|held| held.record.context.covers(dot))
        };
        for (key, stored) in self.records(node) {
            let own = |s: &&Sibling| s.write.author == NAMES[node] && !known(&key, s.dot());
            let dots = stored.record.siblings.iter().filter(own).map(Sibling::dot);
            let unsent = dots.map(|dot| Unsent { node, key, dot });
            self.ghost.unsent.extend(unsent);
        }
    }

    /// Whether a batch comes on a line on which a life speaks that another copy went on without.
    pub(super) fn comes_from_behind(&self, conn: usize) -> bool {
        let life = self.conns[conn].life;
        let key = [&[b'B'][..], &life.to_be_bytes()].concat();
        let found = self.replicas[HUB].medium.memory.get(&key);
        self.is_forked() && found.is_ok_and(|found| found.is_some())
    }

    /// I7: what is made under an older epoch does not get into what was transferred since. A hub
    /// that was restored takes as forgotten what it cannot tell from late.
    pub(super) fn check_late(&mut self, hub: &Records) {
        if self.replicas[HUB].rewound {
            return;
        }
        let mut late = Vec::new();
        for (key, stored) in hub {
            let of = |t: &&Transfer| t.root == *key || parent(&stored.record) == Some(t.root);
            for transfer in self.ghost.transfers.iter().filter(of) {
                let seen = transfer.seen.get(key);
                let is_late = |s: &&Sibling| {
                    let older = s.write.epoch < transfer.epoch;
                    let seen = seen.is_some_and(|seen| seen.covers(s.dot()));
                    older && !seen && s.write.author != NAMES[HUB]
                };
                let siblings = stored.record.siblings.iter().filter(is_late);
                late.extend(siblings.map(|s| (key.id, s.dot(), transfer.epoch)));
            }
        }
        for (id, dot, epoch) in late {
            self.broken(format!("I7 {dot} got into {id} after epoch {epoch}"));
        }
    }

    /// P5: what a node had not sent when it was fenced is a proposal, and nowhere in force.
    pub(super) fn check_fenced(&mut self, hub: &Records) {
        if self.replicas[HUB].rewound {
            return;
        }
        let unsent = std::mem::take(&mut self.ghost.unsent);
        // A machine that was put back may show again, later, what it had taken back.
        let sound = unsent.iter().filter(|u| !self.replicas[u.node].rewound);
        let in_force = sound.filter(|u| {
            let held = hub.get(&u.key);
            let mut siblings = held.iter().flat_map(|held| &held.record.siblings);
            siblings.any(|s| s.dot() == u.dot)
        });
        let said = in_force.map(|u| {
            let (name, id) = (NAMES[u.node], u.key.id);
            format!("P5 {} of {id}, which {name} brought after its fence", u.dot)
        });
        for what in said.collect::<Vec<_>>() {
            self.broken(what);
        }
    }

    /// P4: a proposal is shown to whoever made the late write.
    pub(super) fn check_proposals(&mut self, hub: &Records) {
        let proposals = hub.iter().filter_map(|(key, stored)| {
            let sender = proposal_of(&stored.record)?;
            (sender != stored.home).then_some((*key, sender))
        });
        for (key, sender) in proposals.collect::<Vec<_>>() {
            for node in NODES {
                let held = self
                    .reader(node)
                    .is_some_and(|r| r.get(key).ok().flatten().is_some());
                if self.replicas[node].scope == sender && !held {
                    self.broken(format!("P4 {} lacks the proposal {}", NAMES[node], key.id));
                }
            }
        }
    }
}

//! What the city's administrators do: they transfer organisations from scope to scope, and fence
//! nodes that were away too long.

use std::collections::BTreeSet;

use replica::{Edit, Owner, RegisterId, ReplicaId, ScopeId, owner};
use store::{Act, Command};

use super::{
    city::key,
    controls::Control,
    people::Entry,
    world::{HUB, NODES, S1, S2, S3, Target, World},
};

impl World {
    /// Transfers an organisation, when every node that is not fenced was found equal with the hub
    /// since its start: otherwise a transfer that the hub has forgotten could be made twice.
    pub(super) fn transfer(&mut self) {
        let origin = self.rng.one(&[S1, S2]);
        let number = u8::try_from(self.rng.below(usize::from(self.options.records))).unwrap_or(0);
        let to = self.rng.one(&[S1, S2, S3]);
        if self.replicas[HUB].busy {
            // What an administrator reads must not be about to change.
            return;
        }
        let settled = self.all_nodes_met() || self.options.control == Control::TransfersAtOnce;
        let key = key(origin, number);
        let Some(held) = self.reader(HUB).and_then(|r| r.get(key).ok().flatten()) else {
            return;
        };
        let before = owner(&held.record);
        if !settled || held.home == to || before.as_ref().is_some_and(|owner| owner.contested) {
            return;
        }
        let next = Owner::next(before.as_ref(), held.home, to, "");
        if let Some(edit) = self.ownership(key, &next) {
            self.say(format_args!("TRANSFER of {} to {}", key.id, to.0[0]));
            self.tally.count("a transfer");
            let target = Target::Transfer(key);
            self.submit(HUB, target, Command::Edit(vec![edit], Vec::new()));
        }
    }

    fn ownership(&mut self, key: replica::RecordKey, next: &Owner) -> Option<Edit> {
        let form = self.form(HUB, key, next.scope)?;
        let uid = self.number();
        let value = next.to_value().to_vec();
        let entry = Entry::legal(RegisterId::OWNER, value);
        Some(self.written(&form, uid, vec![entry]))
    }

    fn all_nodes_met(&self) -> bool {
        let Some(host) = &self.replicas[HUB].host else {
            return false;
        };
        let status = host.status();
        let met: BTreeSet<ReplicaId> = status.met.into_iter().collect();
        let fenced: BTreeSet<ReplicaId> = status.fenced.into_iter().collect();
        let here = |node: &usize| {
            let id = self.replicas[*node].id;
            met.contains(&id) || fenced.contains(&id)
        };
        status.refilling.is_empty() && !status.restored && NODES.iter().all(here)
    }

    /// Fences a node: what it brings next becomes proposals.
    pub(super) fn fence(&mut self) {
        let node = self.rng.one(&NODES);
        self.say(format_args!("{} is FENCED", super::world::NAMES[node]));
        self.tally.count("a node fenced");
        if self.options.control == Control::FencesIgnored {
            return self.note_fence(node);
        }
        let act = Command::Act(Act::Fence(self.replicas[node].id));
        self.submit(HUB, Target::Fence(node), act);
    }

    /// A hub that says that it has forgotten something, and was refilled already or never knew of a
    /// restore, waits for a person: an old copy may come to light long after.
    pub(super) fn confirm_refill(&mut self) {
        let host = self.replicas[HUB].host.as_ref();
        if host.is_some_and(|host| host.status().restored) {
            self.say(format_args!(
                "an administrator lets the nodes refill the hub"
            ));
            self.tally.count("a refill confirmed");
            self.submit(HUB, Target::Nobody, Command::Act(Act::Refill));
            self.cut_all();
        }
    }

    /// The organisations of a scope, as a replica knows it: those that it holds, and those that
    /// nobody has entered there yet.
    pub(super) fn roots_of(&self, at: usize, scope: ScopeId) -> Vec<replica::RecordKey> {
        let Some(reader) = self.reader(at) else {
            return Vec::new();
        };
        let mut roots = Vec::new();
        for origin in [S1, S2, super::world::PUBLISHED] {
            for number in 0..self.options.records {
                let key = key(origin, number);
                let home = reader.get(key).ok().flatten().map(|held| held.home);
                if home.unwrap_or(origin) == scope {
                    roots.push(key);
                }
            }
        }
        roots
    }
}

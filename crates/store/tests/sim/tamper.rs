//! What hostile or broken senders do to a frame.

use bytes::Bytes;
use proto::sync::{Frame, frame::Frame as Body};
use replica::{Context, Dot, Incarnation, Owner, Record, RegisterId, Sibling};

use super::{
    controls::{Control, each_record},
    net::Side,
    options::Fault,
    world::{HUB, NAMES, World},
};

impl World {
    /// Changes a frame on its way, or does not.
    pub(crate) fn tamper(&mut self, conn: usize, to: Side, frame: &mut Frame) {
        if self.options.bait == Control::OwnersDropped && to == Side::Hub && self.faults_on {
            self.disown(conn, frame);
        }
        self.weaken(conn, to, frame);
        let forge = self.options.has(Fault::Forge);
        let damage = self.options.has(Fault::Damage);
        if to != Side::Hub || !(forge || damage) || !self.faults_on {
            return;
        }
        let Some(Body::Batch(batch)) = &mut frame.frame else {
            return;
        };
        if batch.records.is_empty() || !self.rng.chance(10) {
            return;
        }
        let which = self.rng.below(batch.records.len());
        let Ok(record) = Record::decode(&batch.records[which]) else {
            return;
        };
        let node = self.conns[conn].end(Side::Node).replica;
        let held = self
            .reader(HUB)
            .and_then(|r| r.get(record.key).ok().flatten());
        let home = held.map(|held| held.home);
        let unknown = home.is_none() && self.options.has(Fault::Transfer);
        if unknown || home.is_some_and(|home| home != self.replicas[node].scope) {
            // What has left comes only once outside of an exchange; no honest line spoils it.
            return;
        }
        let tampered = if forge && (!damage || self.rng.chance(60)) {
            self.forged(node, record)
        } else {
            self.damaged(record)
        };
        if let Some(record) = tampered {
            batch.records[which] = record.encode();
        }
    }

    /// A state says nothing of the owner any more, and that it has seen what it leaves out: of a
    /// record that came back to where it was made, so that nothing would move by it.
    fn disown(&self, conn: usize, frame: &mut Frame) {
        let Some(Body::Batch(batch)) = &mut frame.frame else {
            return;
        };
        let sender = self.conns[conn].end(Side::Node).replica;
        let (scope, hub) = (self.replicas[sender].scope, self.reader(HUB));
        let home = |key| Some(hub.as_ref()?.get(key).ok()??.home);
        each_record(&mut batch.records, |record| {
            if record.scope == scope && home(record.key) == Some(scope) {
                let owner = |s: &Sibling| s.register == RegisterId::OWNER;
                record.siblings.retain(|s| !owner(s));
            }
        });
    }

    /// A context above what its writer has reached, or a write under somebody else's name.
    fn forged(&mut self, node: usize, mut record: Record) -> Option<Record> {
        let position = |world: &Self, at: usize| {
            let host = world.replicas[at].host.as_ref();
            host.and_then(|host| host.status().position)
        };
        // A hub that was restored may get the true write from somebody else later.
        if self.rng.chance(20) && !self.replicas[HUB].rewound {
            return self.claimed(node, record);
        }
        let above = self.replicas[HUB].rewound || self.rng.chance(50);
        // A dot that the hub knows is one of another scope: of this record it covers nothing.
        let stranger = if node == 3 { 1 } else { 3 };
        let (incarnation, counter) = if above {
            let others = [HUB, 1, 2, 3].into_iter().filter(|at| *at != node);
            let known: Vec<_> = others.filter_map(|at| position(self, at)).collect();
            let (incarnation, counter) = *known.get(self.rng.below(known.len()))?;
            // Far above, or an honest write under way would reach it before the batch does.
            (incarnation, counter + 1_000)
        } else {
            position(self, stranger)?
        };
        if above && self.rng.chance(50) {
            record.context = reaching(&record.context, incarnation, counter);
        } else {
            let mut forged = record.siblings.last()?.clone();
            let mut write = (*forged.write).clone();
            write.dot = Dot {
                incarnation,
                counter,
            };
            write.reason = "forged".to_owned();
            forged.register = RegisterId(forged.register.0 + 1);
            forged.write = std::sync::Arc::new(write);
            record.context = reaching(&record.context, incarnation, counter);
            // It would not even be read if it were one that was taken back.
            record.context.add(forged.dot());
            record.siblings.push(forged);
        }
        self.say(format_args!(
            "  FORGED {} {:?}",
            record.key.id, record.context
        ));
        self.tally.count("a forged batch");
        Some(record)
    }

    /// A write of the node says besides that the record belongs to the node's scope.
    fn claimed(&mut self, node: usize, mut record: Record) -> Option<Record> {
        let scope = self.replicas[node].scope;
        let own = |s: &&Sibling| s.write.author == NAMES[node];
        let mut claim = record.siblings.iter().rfind(own)?.clone();
        claim.register = RegisterId::OWNER;
        claim.value = Owner::next(None, scope, scope, "").to_value();
        (claim.replaces, claim.ancestry) = (Vec::new(), Vec::new());
        record.siblings.push(claim);
        record.siblings.sort_by_key(|s| (s.register, s.dot()));
        self.say(format_args!("  CLAIMED {}", record.key.id));
        self.tally.count("a claimed record");
        Some(record)
    }

    /// Other content under a dot that the hub holds.
    fn damaged(&mut self, mut record: Record) -> Option<Record> {
        let held = self.reader(HUB)?.get(record.key).ok()??.record;
        let mut any = false;
        for sibling in &mut record.siblings {
            let holds = held.register(sibling.register);
            if holds.iter().any(|s| s.dot() == sibling.dot()) {
                sibling.value = Bytes::from_static(b"damaged");
                any = true;
            }
        }
        any.then(|| {
            self.say(format_args!("  DAMAGED {}", record.key.id));
            self.tally.count("a damaged batch");
            record
        })
    }
}

fn reaching(context: &Context, incarnation: Incarnation, counter: u64) -> Context {
    let entries = context.entries().chain([(incarnation, counter)]);
    Context::new(entries.collect::<Vec<_>>(), context.holes())
}

//! The oracle: it looks at everything, also at the ghost graph of who had seen what, and names
//! the first invariant of the page that does not hold. No rule reads what it keeps.
//!
//! | invariant | is checked by | when |
//! | --- | --- | --- |
//! | I1 same writes seen, same state | [`World::check_equal`] | at the end |
//! | I2 no write is lost | [`World::check_nothing_lost`] | at the end, for all that was held when the faults stopped |
//! | I3 no dot names two contents | [`World::check_contents`] | at the end, over states and histories |
//! | I4 acked means durable | [`World::check_kept`] | at each start, and at the end for what people were told |
//! | I5 equal roots, equal states | [`World::check_prints`] | at random times, and at the end |
//! | I6 nothing deleted returns | [`World::check_nothing_lost`], in the register of deletions | at the end |
//! | I7 one owner an epoch, and no late write | [`World::check_owners`], `World::check_late` | at the end, over states and histories |
//! | I8 same dockets on both sides | [`World::check_equal`] by [`dockets`] | at the end |
//! | I9 a refused write is nowhere in force | [`World::check_refused`] | at the end |
//! | I10 undo restores the candidates | [`World::check_undone`] | at each undo |
//! | I11 a second sync moves nothing | `World::live` | at the end |
//! | I12 all settles in bounded time | `World::settle` | when the faults stop; without one node first in the mode of liveness |
//! | I13 the certificate is false when something was lost | [`World::check_certificates`] | at the end |
//! | I14 no context above a known position | [`World::check_positions`] | at the end, at the hub |
//! | I15 no checkpoint passes what a crash brings back | [`World::check_start`] | at each start |
//! | I16 a child is where its organisation is | [`World::check_children`] | at random times, and at the end |
//! | P1 honest sides end no session with a code | `World::input` | always |
//! | P2 no exchange when nothing went wrong | `World::send` | always, in calm seeds |
//! | P4 what is lent is what the hub holds; a late write is shown as a proposal, to both scopes | [`World::check_lent`] | at the end |
//! | P5 what a fenced node had not sent is nowhere in force | `World::check_fenced` | at the end |
//! | P6 a life that another copy went on without brings nothing | `World::dispatch` | always |
//! | P7 of what is erased nothing is left on any disk | `World::check_erased` | at the end |
//! | P8 while a program runs, a place names one state of one record | [`World::check_places`] | at random times, and at the end |
//! | P3 no more batches on their way than the windows allow | `World::send` | always |

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use prost::Message as _;
use proto::{
    stored::{PeerScope, Position, Refusal},
    sync::Position as WirePosition,
};
use replica::{
    Dot, ERASED_REASON, Incarnation, Leaf, Record, RecordKey, RegisterId, ReplicaId, ScopeId,
    Sibling, owner,
};
use store::{Guest, Place, Stored};

use super::{
    city::{parent, proposal_key},
    conflicts::dockets,
    controls::Control,
    erasing::is_marked,
    late::{Transfer, Unsent},
    medium::Image,
    options::Fault,
    people::uid_of,
    world::{HUB, NAMES, NODES, PUBLISHED, World},
};

/// One register of one write.
pub(crate) type Uid = (u64, RegisterId);

/// All records that a replica shows, also those that belong elsewhere.
pub(super) type Records = BTreeMap<RecordKey, Stored>;

/// Every sibling that a replica holds or has held.
type Held = Vec<(RecordKey, Sibling)>;

/// What really happened.
#[derive(Debug, Default)]
pub(crate) struct Ghost {
    /// Which writes the writer's form showed.
    saw: BTreeMap<Uid, BTreeSet<u64>>,
    records: BTreeMap<u64, RecordKey>,
    illegal: BTreeSet<Uid>,
    pub(super) transfers: Vec<Transfer>,
    /// Transfers of a restored hub with no other of their epoch anywhere.
    pub(super) unremembered: BTreeSet<(RecordKey, u64)>,
    pub(super) unsent: Vec<Unsent>,
    /// What each replica had written in the stores that a restore took from it.
    pub(super) given_up: [BTreeSet<(RecordKey, Dot)>; 1 + NODES.len()],
    /// What lay where at each look: replica and start, scope and sequence.
    places: BTreeMap<(usize, u64, Place), (RecordKey, Leaf, ScopeId)>,
    /// What is broken, in the order in which it was found.
    pub(crate) broken: Vec<String>,
}

impl Ghost {
    pub(crate) fn born(
        &mut self,
        uid: u64,
        key: RecordKey,
        register: RegisterId,
        saw: BTreeSet<u64>,
        illegal: bool,
    ) {
        self.saw.insert((uid, register), saw);
        self.records.insert(uid, key);
        if illegal {
            self.illegal.insert((uid, register));
        }
    }
}

fn number(bytes: &[u8], at: usize, length: usize) -> u64 {
    let bytes = bytes.get(at..at + length).unwrap_or_default();
    bytes.iter().fold(0, |n, byte| n << 8 | u64::from(*byte))
}

pub(super) fn under(image: &Image, first: u8) -> impl Iterator<Item = (&Vec<u8>, &Bytes)> {
    image.range(vec![first]..vec![first + 1])
}

/// The end of each feed, by the number and the id of its scope.
fn scopes(image: &Image) -> BTreeMap<u64, (ScopeId, u64)> {
    let read = |(key, value): (&Vec<u8>, &Bytes)| {
        let id = ScopeId::try_from(&value[..16]).expect("a scope");
        (number(key, 1, 4), (id, number(value, 16, 8)))
    };
    under(image, b'S').map(read).collect()
}

/// Every write on record as refused or taken back, with what it was.
fn on_record(image: &Image) -> Vec<(Dot, Record)> {
    let refusals = under(image, b'X').chain(under(image, b'D'));
    let read = |(_, value): (&Vec<u8>, &Bytes)| {
        let refusal = Refusal::decode(value.clone()).expect("a refusal");
        let dot = Dot {
            incarnation: Incarnation(refusal.incarnation),
            counter: refusal.counter,
        };
        let record = Record::decode(&Bytes::from(refusal.siblings)).expect("a record");
        (dot, record)
    };
    refusals.map(read).collect()
}

fn code_of(refusal: &Bytes) -> String {
    let refusal = Refusal::decode(refusal.clone()).expect("a refusal");
    refusal.code
}

fn uids(on_record: &[(Dot, Record)]) -> BTreeSet<Uid> {
    let siblings = on_record.iter().flat_map(|(_, record)| &record.siblings);
    siblings
        .filter_map(|s| Some((uid_of(s)?, s.register)))
        .collect()
}

/// The records of a scope, and nothing that only lies there.
fn of_scope(records: &Records, scope: ScopeId) -> impl Iterator<Item = (&RecordKey, &Stored)> {
    records.iter().filter(move |(_, stored)| {
        let there = stored.home == scope && stored.guest == Guest::No;
        there && !stored.record.is_empty()
    })
}

/// How far each incarnation has come, as a replica knows it.
fn positions(image: &Image) -> BTreeMap<u64, u64> {
    let mut known = BTreeMap::new();
    for (key, value) in under(image, b'P') {
        let position = Position::decode(value.clone()).expect("a position");
        known.insert(number(key, 1, 8), position.counter);
    }
    for (key, _) in under(image, b'J') {
        let counter = known.entry(number(key, 1, 8)).or_default();
        *counter = number(key, 9, 8).max(*counter);
    }
    known
}

impl World {
    /// What a replica knows of the lives of another.
    pub(super) fn positions_of(&self, at: usize, of: ReplicaId) -> Vec<WirePosition> {
        let read = |(key, value): (&Vec<u8>, &Bytes)| {
            let known = Position::decode(value.clone()).expect("a position");
            let position = WirePosition {
                incarnation: number(key, 1, 8),
                counter: known.counter,
                head: known.head,
                replica: known.replica,
            };
            (position.replica == of.0 && position.counter > 0).then_some(position)
        };
        under(&self.image(at), b'P').filter_map(read).collect()
    }

    pub(crate) fn broken(&mut self, what: String) {
        self.say(format_args!("*** {what}"));
        self.ghost.broken.push(what);
    }

    pub(crate) fn image(&self, at: usize) -> Image {
        self.replicas[at].medium.memory.image()
    }

    /// The head of a feed at a number, as a replica knows it.
    pub(super) fn head_at(&self, at: usize, scope: &[u8], seq: u64) -> Option<Vec<u8>> {
        let image = self.image(at);
        let all = scopes(&image);
        let (number, _) = all.iter().find(|(_, (id, _))| id.0 == scope)?;
        let number = u32::try_from(*number).ok()?;
        let key = [&[b'E'][..], &number.to_be_bytes(), &seq.to_be_bytes()].concat();
        image.get(&key).map(|value| value[..32].to_vec())
    }

    pub(super) fn records(&self, at: usize) -> Records {
        let mut records = BTreeMap::new();
        let Some(reader) = self.reader(at) else {
            return records;
        };
        for (scope, ..) in reader.scopes() {
            let of_scope = reader.keys_of_scope(scope).into_iter();
            for key in of_scope.chain(reader.guests(scope)) {
                let stored = reader.get(key).expect("the store is sound");
                records.extend(stored.map(|stored| (key, stored)));
            }
        }
        records
    }

    /// What each replica shows, but for one that cannot read it.
    pub(super) fn all_records(&self) -> Vec<Records> {
        let sound = |at: &usize| !self.replicas[*at].medium.is_rotten();
        let read = |at: usize| Some(at).filter(sound).map(|at| self.records(at));
        let all = (0..self.replicas.len()).map(read);
        all.map(Option::unwrap_or_default).collect()
    }

    /// What a replica holds or has held of its records.
    fn held(&self, at: usize, records: &Records) -> Held {
        let mut held = Vec::new();
        for (key, stored) in records {
            if stored.guest == Guest::Lent {
                continue;
            }
            let reader = self.reader(at).expect("it runs");
            let history = reader.history(*key).expect("the store is sound");
            let past = history.into_iter().flat_map(|(_, siblings)| siblings);
            let siblings = stored.record.siblings.iter().cloned();
            held.extend(siblings.chain(past).map(|s| (*key, s)));
        }
        held
    }

    /// At a start: what was promised is there (I4), and no peer believes to have taken what is
    /// not (I15).
    pub(crate) fn check_start(&mut self, at: usize) {
        if self.replicas.iter().any(|r| r.medium.is_rotten()) {
            return;
        }
        let mut promises = std::mem::take(&mut self.replicas[at].promises);
        if self.options.control == Control::ReadBeyondDurable {
            // This control is about what a peer takes, not about what was promised.
            promises.clear();
        }
        if self.is_forked() || self.replicas[at].rewound {
            // What a fork has undone, or a restore that could not be told from one, is in the
            // drafts of its author.
            let drafts: BTreeSet<Dot> = on_record(&self.image(at))
                .into_iter()
                .map(|(dot, _)| dot)
                .collect();
            promises.retain(|(_, dot)| !drafts.contains(dot));
        }
        let records = self.records(at);
        self.check_kept(at, &records, promises);
        if self.replicas[at].rewound {
            return;
        }
        let ends: BTreeMap<ScopeId, u64> = scopes(&self.image(at)).into_values().collect();
        for peer in if at == HUB { &NODES[..] } else { &[HUB][..] } {
            let image = self.image(*peer);
            let name = [&[b'N'][..], &self.replicas[at].id.0].concat();
            let Some(known) = image.get(&name).map(|value| number(value, 0, 4)) else {
                continue;
            };
            let scopes = scopes(&image);
            for (key, value) in under(&image, b'K').filter(|(k, _)| number(k, 1, 4) == known) {
                let state = PeerScope::decode(value.clone()).expect("a checkpoint");
                let taken = state.taken.map_or(0, |taken| taken.seq);
                let scope = scopes.get(&number(key, 5, 4)).map(|(id, _)| *id);
                let end = scope.and_then(|id| ends.get(&id)).copied().unwrap_or(0);
                if taken > end {
                    let (name, peer) = (NAMES[at], NAMES[*peer]);
                    self.broken(format!(
                        "I15 {peer} has taken {taken} of {name}, which has {end}"
                    ));
                }
            }
        }
    }

    /// Each of these writes was seen by the record that it was written to, whatever became of it.
    fn check_kept(
        &mut self,
        at: usize,
        records: &BTreeMap<RecordKey, Stored>,
        promises: Vec<(RecordKey, Dot)>,
    ) {
        for (key, dot) in promises {
            let kept = records
                .get(&key)
                .is_some_and(|s| s.record.context.highest(dot.incarnation) >= dot.counter);
            if !kept {
                self.broken(format!("I4 {} forgot {dot} of {}", NAMES[at], key.id));
            }
        }
    }

    /// I10: after an undo each candidate stands again, whatever else does.
    pub(crate) fn check_undone(
        &mut self,
        at: usize,
        key: RecordKey,
        register: RegisterId,
        values: &[Bytes],
    ) {
        if self.replicas[at].medium.is_rotten() {
            return;
        }
        let records = self.records(at);
        // What was put back may have been erased at once.
        if records.get(&key).is_some_and(|s| is_marked(&s.record)) {
            return;
        }
        let stands = |value: &Bytes| {
            let stored = records.get(&key);
            stored.is_some_and(|s| {
                s.record
                    .register(register)
                    .iter()
                    .any(|s| s.value == *value)
            })
        };
        if !values.iter().all(stands) {
            self.broken(format!("I10 {} {} {}", NAMES[at], key.id, register.0));
        }
    }

    /// Whether a machine may have repeated itself.
    pub(crate) fn is_forked(&self) -> bool {
        self.options.has(Fault::Rollback) || self.options.has(Fault::Clone)
    }

    /// I5: roots are equal exactly when states are.
    pub(crate) fn check_prints(&mut self, records: &[Records]) {
        if self.replicas.iter().any(|r| r.medium.is_rotten()) {
            return;
        }
        for node in NODES {
            let (Some(hub), Some(other)) = (self.reader(HUB), self.reader(node)) else {
                continue;
            };
            for scope in [self.replicas[node].scope, PUBLISHED] {
                let root = |reader: &store::Reader| {
                    let scopes = reader.scopes();
                    let found = scopes.iter().find(|(id, ..)| *id == scope);
                    found.map(|(_, _, root)| *root).unwrap_or_default()
                };
                // Of what was taken back whole only its name is left, and counts nowhere.
                let leaves = |at: usize| -> BTreeMap<RecordKey, Leaf> {
                    let of_scope = of_scope(&records[at], scope);
                    of_scope.map(|(key, held)| (*key, held.leaf)).collect()
                };
                if (root(&hub) == root(&other)) != (leaves(HUB) == leaves(node)) {
                    self.broken(format!("I5 {} in scope {scope}", NAMES[node]));
                }
            }
        }
    }

    /// The writes that somebody holds when the faults stop.
    pub(crate) fn writes_held(&self) -> BTreeSet<Uid> {
        let held = (0..self.replicas.len()).flat_map(|at| self.held(at, &self.records(at)));
        let uids = held.filter_map(|(_, s)| Some((uid_of(&s)?, s.register)));
        let mut uids: BTreeSet<Uid> = uids.collect();
        for at in 0..self.replicas.len() {
            uids.extend(self.on_record_uids(at));
        }
        uids
    }

    fn on_record_uids(&self, at: usize) -> BTreeSet<Uid> {
        uids(&on_record(&self.image(at)))
    }

    /// Every write that somebody keeps as refused or taken back.
    pub(super) fn dots_on_record(&self) -> BTreeSet<Dot> {
        let all = (0..self.replicas.len()).flat_map(|at| on_record(&self.image(at)));
        all.map(|(dot, _)| dot).collect()
    }

    /// Everything that must hold when all is settled.
    pub(crate) fn check_end(&mut self, must: &BTreeSet<Uid>) {
        // Nothing changes from here on, and one look is enough.
        let all = 0..self.replicas.len();
        let records: Vec<Records> = all.clone().map(|at| self.records(at)).collect();
        let held: Vec<Held> = all.clone().map(|at| self.held(at, &records[at])).collect();
        let on_record: Vec<_> = all
            .clone()
            .flat_map(|at| on_record(&self.image(at)))
            .collect();
        self.check_prints(&records);
        self.check_children(&records);
        self.check_places(&records);
        self.check_owners(&held);
        self.check_lent(&records);
        self.check_late(&records[HUB]);
        self.check_fenced(&records[HUB]);
        let dots: BTreeSet<Dot> = on_record.iter().map(|(dot, _)| *dot).collect();
        for at in all {
            let mut saved = std::mem::take(&mut self.replicas[at].saved);
            saved.retain(|(_, dot)| !dots.contains(dot));
            self.check_kept(at, &records[HUB], saved);
        }
        self.check_equal(&records);
        self.check_nothing_lost(must, &records[HUB], &uids(&on_record));
        self.check_contents(&held);
        self.check_refused(&records);
        self.check_positions(&records[HUB]);
        self.check_erased();
        let lost = self.lost_to_restores(&records, &held, &dots);
        self.check_certificates(&lost);
    }

    /// I1 and I8: both sides hold the same, and show the same conflicts.
    fn check_equal(&mut self, records: &[Records]) {
        for node in NODES {
            for scope in [self.replicas[node].scope, PUBLISHED] {
                let [own, wanted] =
                    [node, HUB].map(|at| of_scope(&records[at], scope).collect::<BTreeMap<_, _>>());
                let keys: BTreeSet<_> = own.keys().chain(wanted.keys()).copied().collect();
                for key in keys {
                    let [a, b] = [&own, &wanted].map(|all| all.get(key).map(|held| &held.record));
                    let name = NAMES[node];
                    if a.map(dockets) != b.map(dockets) {
                        self.broken(format!("I8 {name} {}", key.id));
                    }
                    if a != b {
                        self.broken(format!("I1 {name} {}: {a:?} hub {b:?}", key.id));
                    }
                }
            }
        }
    }

    /// I7: no two scopes were ever named the owner in one epoch, as far as anybody could know.
    fn check_owners(&mut self, held: &[Held]) {
        let mut owners: BTreeMap<(RecordKey, u64), ScopeId> = BTreeMap::new();
        for held in held {
            for (key, sibling) in held {
                let of_hub = sibling.write.author == NAMES[HUB];
                if sibling.register != RegisterId::OWNER || !of_hub {
                    continue;
                }
                let alone = Record {
                    siblings: vec![sibling.clone()],
                    ..Record::new(*key, PUBLISHED)
                };
                let Some(named) = owner(&alone) else { continue };
                let first = owners.entry((*key, named.epoch)).or_insert(named.scope);
                let epoch = named.epoch;
                if *first == named.scope {
                    continue;
                }
                if self.ghost.unremembered.contains(&(*key, epoch)) {
                    self.tally.count("a transfer that only a backup remembered");
                } else {
                    self.broken(format!("I7 {} has two owners in epoch {epoch}", key.id));
                }
            }
        }
    }

    /// I16: a child is where its organisation is, also when that is a last copy.
    pub(crate) fn check_children(&mut self, records: &[Records]) {
        for (records, name) in records.iter().zip(NAMES) {
            for (key, child) in records {
                // A child whose first write was taken back names no organisation any more.
                let root = parent(&child.record).and_then(|root| records.get(&root));
                let Some(root) = root else { continue };
                let lent = [child.guest, root.guest].contains(&Guest::Lent);
                if !lent && (child.home, child.guest) != (root.home, root.guest) {
                    let (home, with) = (child.home.0[0], root.home.0[0]);
                    let guests = (child.guest, root.guest);
                    let id = key.id;
                    self.broken(format!("I16 {name} {id} {home} {with} {guests:?}"));
                }
            }
        }
    }

    /// P8: what a record means may be kept under its place as long as the program runs. A guest's home
    /// is what another record says.
    pub(crate) fn check_places(&mut self, records: &[Records]) {
        for (at, records) in records.iter().enumerate() {
            let life = self.replicas[at].life;
            for (key, stored) in records.iter().filter(|(_, at)| at.guest == Guest::No) {
                let lies = (*key, stored.leaf, stored.home);
                let place = (at, life, stored.place);
                let before = *self.ghost.places.entry(place).or_insert(lies);
                if before != lies {
                    self.broken(format!("P8 {} {} {:?}", NAMES[at], key.id, stored.place));
                }
            }
        }
    }

    /// P4: what is lent is as the hub holds it, and a late write stands as a proposal where its
    /// record belongs, lent to whoever made it.
    fn check_lent(&mut self, records: &[Records]) {
        let hub = &records[HUB];
        // What a restored hub has forgotten of its own, and only lent, comes home from nobody.
        let nodes = if self.replicas[HUB].rewound {
            &[][..]
        } else {
            &NODES[..]
        };
        for node in nodes.iter().copied() {
            for (key, lent) in records[node].iter().filter(|(_, s)| s.guest == Guest::Lent) {
                let held = hub.get(key).map(|held| &held.record);
                if held != Some(&lent.record) {
                    let id = key.id;
                    self.broken(format!("P4 {} has an old loan of {id}", NAMES[node]));
                }
            }
        }
        if !nodes.is_empty() {
            self.check_proposals(hub);
        }
        let image = self.image(HUB);
        let late = under(&image, b'X').filter_map(|(_, value)| {
            let refusal = Refusal::decode(value.clone()).expect("a refusal");
            let late = ["SYNC-131", "SYNC-132"].contains(&refusal.code.as_str());
            let write = Record::decode(&Bytes::from(refusal.siblings)).expect("a record");
            write.siblings.first().filter(|_| late).map(proposal_key)
        });
        let missing: Vec<_> = late.filter(|key| !hub.contains_key(key)).collect();
        for key in missing {
            self.broken(format!("P4 no proposal {} of a late write", key.id));
        }
    }

    /// I2 and I6: every write is visible, or was seen by one that is, or is on record.
    fn check_nothing_lost(
        &mut self,
        must: &BTreeSet<Uid>,
        hub: &Records,
        on_record: &BTreeSet<Uid>,
    ) {
        let visible = hub.values().flat_map(|stored| &stored.record.siblings);
        let visible = visible.filter_map(|s| Some((uid_of(s)?, s.register)));
        let mut accounted: BTreeSet<Uid> = visible.collect();
        let mut todo: Vec<Uid> = accounted.iter().copied().collect();
        while let Some((uid, register)) = todo.pop() {
            for seen in self.ghost.saw.get(&(uid, register)).into_iter().flatten() {
                if accounted.insert((*seen, register)) {
                    todo.push((*seen, register));
                }
            }
        }
        // A write goes whole: what is on record accounts for all of its registers.
        let on_record: BTreeSet<u64> = on_record.iter().map(|(uid, _)| *uid).collect();
        accounted.extend(must.iter().filter(|(uid, _)| on_record.contains(uid)));
        for (uid, register) in must.difference(&accounted).copied().collect::<Vec<_>>() {
            let key = self.ghost.records.get(&uid).map(|key| key.id.to_string());
            let rule = if register == RegisterId::DELETED {
                "I6"
            } else {
                "I2"
            };
            self.broken(format!("{rule} lost write {uid} of {key:?} {}", register.0));
        }
    }

    /// What each replica wrote before it was put back, and nobody has seen since, nor a write that
    /// had seen it.
    fn lost_to_restores(
        &self,
        records: &[Records],
        held: &[Held],
        on_record: &BTreeSet<Dot>,
    ) -> Vec<Option<Dot>> {
        let mut known = on_record.clone();
        for (_, sibling) in held.iter().flatten() {
            known.extend(sibling.replaces.iter().copied());
            known.extend(sibling.ancestry.iter().map(|ancestor| ancestor.dot));
        }
        let is_seen = |(key, dot): &(RecordKey, Dot)| {
            let mut states = records.iter().filter_map(|records| records.get(key));
            states.any(|stored| stored.record.context.covers(*dot)) || known.contains(dot)
        };
        // After a fork one name may stand for two writes, and one of them may be here.
        let forked = self.is_forked();
        let lost = |all: &BTreeSet<(RecordKey, Dot)>| {
            let mut all = all.iter().filter(|_| !forked);
            let lost = all.find(|write| !is_seen(write));
            lost.map(|(_, dot)| *dot)
        };
        self.ghost.given_up.iter().map(lost).collect()
    }

    /// I3: no dot names two contents.
    fn check_contents(&mut self, held: &[Held]) {
        let mut named: BTreeMap<(RecordKey, RegisterId, Dot), &Sibling> = BTreeMap::new();
        let mut writes: BTreeMap<Dot, &str> = BTreeMap::new();
        for (held, name) in held.iter().zip(NAMES) {
            for (key, sibling) in held {
                let place = (*key, sibling.register, sibling.dot());
                let reason = sibling.write.reason.as_str();
                let first = *writes.entry(sibling.dot()).or_insert(reason);
                let erased = |reason| reason == ERASED_REASON;
                let same_write = first == reason || erased(first) || erased(reason);
                let other = *named.entry(place).or_insert(sibling);
                if other.joined(sibling).is_none() || !same_write {
                    let dot = sibling.dot();
                    let (one, two) = (uid_of(other), uid_of(sibling));
                    self.broken(format!(
                        "I3 {dot} names two contents: {one:?} or {first} and {two:?} at {name}"
                    ));
                }
            }
        }
    }

    /// I9: a refused write is in no effective value, whole as it was.
    fn check_refused(&mut self, records: &[Records]) {
        let mut refused: BTreeSet<(Dot, u64)> = BTreeSet::new();
        // A late write may come home by somebody else who had it before.
        let by_rule = under(&self.image(HUB), b'X')
            .filter(|(_, value)| code_of(value).starts_with("TEST"))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        for (dot, record) in on_record(&by_rule) {
            let uids = record.siblings.iter().filter_map(uid_of);
            refused.extend(uids.map(|uid| (dot, uid)));
        }
        for (records, name) in records.iter().zip(NAMES) {
            for (key, stored) in records {
                for sibling in &stored.record.siblings {
                    let (dot, uid) = (sibling.dot(), uid_of(sibling).unwrap_or(0));
                    // What was erased says nothing that could be refused.
                    let illegal = !sibling.is_erased()
                        && self.ghost.illegal.contains(&(uid, sibling.register));
                    if illegal || refused.contains(&(dot, uid)) || uid == 0 {
                        self.broken(format!("I9 {name} shows {dot} ({uid}) in {}", key.id));
                    }
                }
            }
        }
    }

    /// I14: no context entry at the hub above a position that it knows.
    fn check_positions(&mut self, hub: &Records) {
        let known = positions(&self.image(HUB));
        for (key, stored) in hub {
            for (incarnation, counter) in stored.record.context.entries() {
                let position = known.get(&incarnation.0).copied().unwrap_or(0);
                if counter > position {
                    let id = key.id;
                    self.broken(format!(
                        "I14 {id} {incarnation:?} {counter} over {position}"
                    ));
                }
            }
        }
    }
}

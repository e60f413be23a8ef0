//! Random histories of a city whose districts have no line: edits on all sides, sticks that are
//! lost, late, doubled and carried in any order, restarts, and restores from old backups.
//!
//! At the end a few quiet rounds must make all sides equal, whatever any of them held when the noise
//! ended must still be there, and each district must get a certificate by stick: false exactly where a
//! restore has taken a write that nobody else had. A failure names its seed; `LIANGXIN_SEEDS=FROM..TO` runs others.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test ends at the first failure"
)]

use std::{
    collections::BTreeMap,
    io::Cursor,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use link::{
    Authority, BundleError, BundleKeys, BundleRoute, CERTIFICATES, DenyList, NodeId, PrivateKey,
    Renewal, SessionSeat, Signer, Taken, authority_key, check, facts_of, forget_proof, give,
    memory_bytes, memory_from, open_bundle, read_certificate, session_number, take,
};
use program::dir::Role;
use proto::stored::Certificate;
use proto::sync::BundleMemory;
use replica::{
    Clock, Context, Dot, Mono, RecordKey, RegisterId, ReplicaId, ScopeId, Sibling,
    session::Role as SessionRole,
};
use store::{Handle, Login, Memory, Writer};
use tests::{
    rig::{CITY, fresh_replica, open_over},
    sample,
};

/// Histories in one run of the tests.
const SEEDS: u64 = 24;
/// Steps of one history.
const STEPS: usize = 60;
/// Quiet rounds that must be enough.
const ROUNDS: usize = 8;
/// Quiet rounds in which every node must get its certificate, and the hub its copy: the neighbour's
/// last edit comes by the second, the answer to a question after it by the third, and one to hand in.
const PROOF_ROUNDS: usize = 4;
/// The districts: two nodes of one, one of another.
const CODES: [&str; 3] = ["410305", "410305", "410311"];
/// 2026, so that certificates are good.
const NOW_MS: u64 = 1_790_000_000_000;

/// A wall clock that stands, or goes on by a millisecond at each look.
#[derive(Debug)]
struct TestClock {
    now_ms: AtomicU64,
    step_ms: u64,
}

impl Clock for TestClock {
    fn mono(&self) -> Mono {
        Mono(self.now_ms.load(Ordering::Relaxed))
    }

    fn wall_ms(&self) -> u64 {
        self.now_ms.fetch_add(self.step_ms, Ordering::Relaxed)
    }
}

/// A small generator: the same history for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 16).unwrap() % bound
    }
}

/// One replica over a store in memory.
struct Side {
    role: Role,
    replica: ReplicaId,
    code: &'static str,
    store: Arc<Memory>,
    writer: Option<Writer>,
    clock: Arc<dyn Clock>,
    backup: Option<BTreeMap<Vec<u8>, Bytes>>,
}

impl Side {
    fn new(role: Role, code: &'static str, clock: &Arc<dyn Clock>) -> Self {
        let mut side = Self {
            role,
            replica: fresh_replica(),
            code,
            store: Arc::new(Memory::new()),
            writer: None,
            clock: Arc::clone(clock),
            backup: None,
        };
        side.start();
        side
    }

    fn start(&mut self) {
        let store: Arc<dyn store::Store> = self.store.clone();
        let clock = Arc::clone(&self.clock);
        self.writer = Some(open_over(self.role, self.replica, self.code, store, clock).unwrap());
    }

    fn restart(&mut self) {
        self.writer.take().unwrap().stop().unwrap();
        self.start();
    }

    fn restore(&mut self) {
        let Some(backup) = self.backup.clone() else {
            self.writer.take().unwrap().stop().unwrap();
            self.backup = Some(self.store.image());
            return self.start();
        };
        let present = self.handle().reader().survey().unwrap();
        self.writer.take().unwrap().stop().unwrap();
        self.store = Arc::new(Memory::from_image(backup));
        store::mark_restored(&*self.store).unwrap();
        store::remember(&*self.store, &present).unwrap();
        self.start();
    }

    /// What `restore` does beside putting back.
    fn forget_proof(&self, peer: ReplicaId) {
        let mut memory = self.memory(peer);
        forget_proof(&mut memory);
        self.keep(peer, &memory);
    }

    /// The newest certificate of a node that is kept here.
    fn certificate(&self, node: ReplicaId) -> Option<Certificate> {
        let kept = self
            .handle()
            .reader()
            .locals(&format!("{CERTIFICATES}{node}/"));
        let (_, newest) = kept.unwrap().pop()?;
        read_certificate(&newest)
    }

    fn handle(&self) -> Handle {
        self.writer.as_ref().unwrap().handle()
    }

    fn memory(&self, peer: ReplicaId) -> BundleMemory {
        let stored = self.handle().reader().local(&format!("bundle/{peer}"));
        memory_from(stored.unwrap().as_deref())
    }

    fn keep(&self, peer: ReplicaId, memory: &BundleMemory) {
        let entry = (format!("bundle/{peer}"), Some(memory_bytes(memory)));
        self.handle().edit(Vec::new(), vec![entry]).unwrap();
    }

    fn seat(&self, peer: ReplicaId, scope: ScopeId) -> SessionSeat {
        SessionSeat {
            role: if self.role == Role::Hub {
                SessionRole::Hub
            } else {
                SessionRole::Node
            },
            login: Login {
                session: session_number(),
                peer,
                scope,
            },
            writer: self.handle(),
            clock: Arc::clone(&self.clock),
        }
    }

    /// Writes a remark, or makes the record if there is none. Returns the name of the write.
    fn write(&self, scope: ScopeId, n: u64, text: &str) -> Option<(RecordKey, Dot)> {
        let key = RecordKey {
            kind: sample::ORGANISATION,
            id: sample::id_of(scope, n),
        };
        let stored = self.handle().reader().get(key).unwrap();
        let edit = match stored {
            None => sample::make(scope, n),
            Some(stored) => {
                let now = stored.record.register(sample::remark_register());
                sample::remark(scope, n, text, now.iter().map(Sibling::shown).collect())
            }
        };
        // Too many candidates are no fault: a person would decide first.
        let written = self.handle().edit(vec![edit], Vec::new());
        Some((key, written.ok()?[0].dot))
    }

    /// Whether a write has been seen by the record it was made to: it stands, or what replaced it.
    fn has_seen(&self, (key, dot): &(RecordKey, Dot)) -> bool {
        let stored = self.handle().reader().get(*key).unwrap();
        stored.is_some_and(|stored| stored.record.context.covers(*dot))
    }

    /// Writes what only the hub may write, where there is a record. Returns the name of the write.
    fn trespass(&self, scope: ScopeId, n: u64) -> Option<Dot> {
        let key = RecordKey {
            kind: sample::ORGANISATION,
            id: sample::id_of(scope, n),
        };
        self.handle().reader().get(key).unwrap()?;
        let mut edit = sample::remark(scope, n, "", Vec::new());
        edit.set[0].register = RegisterId::OWNER;
        edit.set[0].value = Bytes::from_static(b"\xfa\xff\x07\x01x");
        let written = self.handle().edit(vec![edit], Vec::new());
        Some(written.ok()?[0].dot)
    }

    fn contexts(&self, scope: ScopeId) -> BTreeMap<RecordKey, Context> {
        let handle = self.handle();
        let keys = handle.reader().keys_of_scope(scope);
        keys.into_iter()
            .map(|key| {
                let stored = handle.reader().get(key).unwrap().unwrap();
                (key, stored.record.context)
            })
            .collect()
    }

    fn end(&self, scope: ScopeId) -> u64 {
        let scopes = self.handle().reader().scopes();
        let known = scopes.into_iter().find(|(id, ..)| *id == scope);
        known.map_or(0, |(_, end, _)| end.seq.0)
    }

    fn print(&self, scope: ScopeId) -> String {
        let scopes = self.handle().reader().scopes();
        let known = scopes.into_iter().find(|(id, ..)| *id == scope);
        format!("{:?}", known.map(|(_, _, root)| root))
    }
}

struct World {
    seed: u64,
    random: Random,
    hub: Side,
    nodes: Vec<Side>,
    keys: Vec<BundleRoute>,
    authority: Authority,
    /// Receiver (none is the hub), sender, bytes.
    sticks: Vec<(Option<usize>, usize, Vec<u8>)>,
    written: u64,
    /// Writes that are refused and taken back, wherever they come.
    forbidden: Vec<Dot>,
    /// All others, by who made them.
    made: BTreeMap<ReplicaId, Vec<(RecordKey, Dot)>>,
}

impl World {
    fn new(seed: u64) -> Self {
        // In every other history the clocks stand still: nothing may depend on them.
        let clock: Arc<dyn Clock> = Arc::new(TestClock {
            now_ms: AtomicU64::new(NOW_MS),
            step_ms: seed % 2,
        });
        let hub = Side::new(Role::Hub, "4103L0", &clock);
        let authority = Authority::generate(hub.replica, NOW_MS).unwrap();
        let nodes: Vec<Side> = CODES
            .iter()
            .map(|code| Side::new(Role::Node, code, &clock))
            .collect();
        let route = |node: &Side| {
            let key = PrivateKey::generate().unwrap();
            let request = key.request().unwrap();
            let id = NodeId(node.replica.0);
            let (certificate, _) = authority.issue_node(&request, id, NOW_MS).unwrap();
            BundleRoute {
                from: node.replica,
                certificate,
                key,
                to: hub.replica,
                receiver: authority_key(authority.certificate()).unwrap(),
                renewal: Renewal::None,
            }
        };
        let keys = nodes.iter().map(route).collect();
        Self {
            seed,
            random: Random(seed),
            hub,
            nodes,
            keys,
            authority,
            sticks: Vec::new(),
            written: 0,
            forbidden: Vec::new(),
            made: BTreeMap::new(),
        }
    }

    fn scope(&self, node: usize) -> ScopeId {
        domain::scope_id(self.nodes[node].code)
    }

    fn node_gives(&self, node: usize) -> Vec<u8> {
        let (side, hub) = (&self.nodes[node], self.hub.replica);
        let mut memory = side.memory(hub);
        let seat = side.seat(hub, self.scope(node));
        let (stick, _) = give(Vec::new(), &self.keys[node], &seat, &mut memory).unwrap();
        side.keep(hub, &memory);
        stick
    }

    fn hub_gives(&self, node: usize) -> Vec<u8> {
        let peer = self.nodes[node].replica;
        let leaf = self.authority.issue_server(&[], NOW_MS).unwrap();
        let route = BundleRoute {
            from: self.hub.replica,
            certificate: leaf.certificate,
            key: leaf.key,
            to: peer,
            receiver: facts_of(&self.keys[node].certificate).unwrap().public_key,
            renewal: Renewal::None,
        };
        let mut memory = self.hub.memory(peer);
        let seat = self.hub.seat(peer, self.scope(node));
        let (stick, _) = give(Vec::new(), &route, &seat, &mut memory).unwrap();
        self.hub.keep(peer, &memory);
        stick
    }

    fn hub_takes(&self, node: usize, stick: &[u8]) -> Result<Taken, BundleError> {
        let leaf = self.authority.issue_server(&[], NOW_MS).unwrap();
        let keys = BundleKeys {
            own: self.hub.replica,
            key: self.authority.key(),
            authorities: vec![self.authority.certificate().clone()],
            hub: self.hub.replica,
            deny: Some(DenyList::default()),
            signer: Signer::new(&leaf.certificate, &leaf.key).unwrap(),
            scope_code: String::new(),
        };
        self.carry(&self.hub, self.nodes[node].replica, node, keys, stick)
    }

    fn node_takes(&self, node: usize, stick: &[u8]) -> Result<Taken, BundleError> {
        let keys = BundleKeys {
            own: self.nodes[node].replica,
            key: self.keys[node].key.clone(),
            authorities: vec![self.authority.certificate().clone()],
            hub: self.hub.replica,
            deny: None,
            signer: Signer::new(&self.keys[node].certificate, &self.keys[node].key).unwrap(),
            scope_code: CODES[node].to_owned(),
        };
        self.carry(&self.nodes[node], self.hub.replica, node, keys, stick)
    }

    fn carry(
        &self,
        side: &Side,
        peer: ReplicaId,
        node: usize,
        keys: BundleKeys,
        stick: &[u8],
    ) -> Result<Taken, BundleError> {
        let mut parcel = open_bundle(Cursor::new(stick), keys, NOW_MS)?;
        let mut memory = side.memory(peer);
        let taken = take(&mut parcel, &side.seat(peer, self.scope(node)), &mut memory);
        if matches!(taken, Ok(_) | Err(BundleError::Behind)) {
            side.keep(peer, &memory);
        }
        taken
    }

    /// A bundle that was whole is taken, or refused as old; never anything else.
    #[track_caller]
    fn expect(&self, result: Result<Taken, BundleError>) -> Option<Taken> {
        match result {
            Ok(taken) => Some(taken),
            Err(BundleError::Old { .. } | BundleError::Behind) => None,
            Err(error) => panic!("seed {}: {error:?}", self.seed),
        }
    }

    fn note(&mut self, by: ReplicaId, made: Option<(RecordKey, Dot)>) {
        self.made.entry(by).or_default().extend(made);
    }

    /// Whether a write of this replica was lost: the hub, which holds what its nodes hold, has not
    /// seen it.
    fn has_lost(&self, side: &Side) -> bool {
        let made = self.made.get(&side.replica).into_iter().flatten();
        made.into_iter().any(|made| !self.hub.has_seen(made))
    }

    fn step(&mut self) {
        let node = self.random.below(CODES.len());
        match self.random.below(100) {
            0..2 => {
                let n = self.random.below(8) as u64;
                let dot = self.nodes[node].trespass(self.scope(node), n);
                self.forbidden.extend(dot);
            }
            2..30 => {
                self.written += 1;
                let (n, text) = (self.random.below(8) as u64, format!("{}", self.written));
                let made = self.nodes[node].write(self.scope(node), n, &text);
                self.note(self.nodes[node].replica, made);
            }
            30..40 => {
                self.written += 1;
                let (n, text) = (self.random.below(8) as u64, format!("{}", self.written));
                let scope = match self.random.below(2) {
                    0 => self.scope(node),
                    _ => domain::scope_id(CITY),
                };
                let made = self.hub.write(scope, n, &text);
                self.note(self.hub.replica, made);
            }
            40..52 => self.sticks.push((None, node, self.node_gives(node))),
            52..64 => self.sticks.push((Some(node), node, self.hub_gives(node))),
            64..90 if !self.sticks.is_empty() => {
                let at = self.random.below(self.sticks.len());
                let (to, from, stick) = self.sticks[at].clone();
                let result = match to {
                    None => self.hub_takes(from, &stick),
                    Some(node) => self.node_takes(node, &stick),
                };
                self.expect(result);
                // Every other stick comes again.
                if self.random.below(2) == 0 {
                    self.sticks.swap_remove(at);
                }
            }
            90..93 if !self.sticks.is_empty() => {
                let at = self.random.below(self.sticks.len());
                self.sticks.swap_remove(at);
            }
            93..96 => self.nodes[node].restart(),
            96..97 => self.hub.restart(),
            97..99 => {
                self.nodes[node].restore();
                self.nodes[node].forget_proof(self.hub.replica);
            }
            99.. => self.hub.restore(),
            _ => {}
        }
    }

    /// A quiet round with every node. Returns whether all said that they are equal.
    fn round(&self) -> bool {
        let there = |node| self.expect(self.hub_takes(node, &self.node_gives(node)));
        let back = |node| self.expect(self.node_takes(node, &self.hub_gives(node)));
        let equal = |taken: Option<Taken>| taken.is_some_and(|taken| taken.equal);
        let mut all = true;
        for node in 0..CODES.len() {
            let (there, back) = (there(node), back(node));
            all &= equal(there) && equal(back);
        }
        all
    }

    /// Each node writes once more, so that there is something new to prove.
    fn proves(&mut self) {
        for node in 0..CODES.len() {
            let made = self.nodes[node].write(self.scope(node), node as u64, "last");
            self.note(self.nodes[node].replica, made);
        }
        for _ in 0..PROOF_ROUNDS {
            self.round();
        }
        for node in 0..CODES.len() {
            self.proves_one(node);
        }
    }

    fn proves_one(&self, node: usize) {
        let (seed, side) = (self.seed, &self.nodes[node]);
        let authorities = [self.authority.certificate().clone()];
        let made = side.certificate(side.replica);
        let made = made.unwrap_or_else(|| panic!("seed {seed}: node {node} has none"));
        let checked = check(&made, &authorities);
        assert!(checked.is_signed(), "seed {seed}: {:?}", checked.faults);
        let cut = checked.cut.node_end.clone().unwrap_or_default();
        let end = side.end(self.scope(node));
        assert_eq!(cut.seq, end, "seed {seed}: node {node} has an old one");
        let copy = self.hub.certificate(side.replica);
        assert_eq!(copy, Some(made), "seed {seed}: node {node}");
        let lost = self.has_lost(side) || self.has_lost(&self.hub);
        // Of a neighbour the hub answers for what it knew before a restore.
        let mut neighbours = self.nodes.iter().filter(|other| other.code == side.code);
        let any_lost = lost || neighbours.any(|other| self.has_lost(other));
        let is_right = if checked.is_true() { !lost } else { any_lost };
        assert!(
            is_right,
            "seed {seed}: node {node}: {lost} {:?}",
            checked.faults
        );
    }

    fn scopes(&self, node: usize) -> [ScopeId; 2] {
        [self.scope(node), domain::scope_id(CITY)]
    }

    fn ends_well(mut self) {
        let seed = self.seed;
        let mut held: Vec<(usize, ScopeId, BTreeMap<RecordKey, Context>)> = Vec::new();
        for node in 0..CODES.len() {
            for scope in self.scopes(node) {
                held.push((node, scope, self.nodes[node].contexts(scope)));
                held.push((node, scope, self.hub.contexts(scope)));
            }
        }
        // Two in a row: what a neighbour brings last, the others have only in the next.
        let mut equal = 0;
        for _ in 0..ROUNDS {
            equal = if self.round() { equal + 1 } else { 0 };
            if equal == 2 {
                break;
            }
        }
        assert_eq!(equal, 2, "seed {seed}: not equal in {ROUNDS} rounds");
        for node in 0..CODES.len() {
            for scope in self.scopes(node) {
                let (here, hub) = (self.nodes[node].print(scope), self.hub.print(scope));
                assert_eq!(here, hub, "seed {seed}: node {node} {scope}");
            }
        }
        self.proves();
        for (node, scope, records) in held {
            let now = self.nodes[node].contexts(scope);
            for (key, before) in records {
                let lost = before.entries().find(|(incarnation, counter)| {
                    let dot = Dot {
                        incarnation: *incarnation,
                        counter: *counter,
                    };
                    !self.forbidden.contains(&dot)
                        && !now.get(&key).is_some_and(|now| now.covers(dot))
                });
                assert_eq!(lost, None, "seed {seed}: {key:?} at node {node}");
            }
        }
        for side in std::iter::once(&self.hub).chain(&self.nodes) {
            assert_eq!(
                side.handle().reader().scrub().unwrap(),
                Vec::<String>::new(),
                "seed {seed}"
            );
        }
        for side in std::iter::once(self.hub).chain(self.nodes) {
            side.writer.unwrap().stop().unwrap();
        }
    }
}

fn seeds() -> std::ops::Range<u64> {
    let asked = std::env::var("LIANGXIN_SEEDS").ok();
    let asked = asked.as_deref().and_then(|text| text.split_once(".."));
    match asked.map(|(from, to)| (from.parse(), to.parse())) {
        Some((Ok(from), Ok(to))) => from..to,
        _ => 0..SEEDS,
    }
}

#[test]
fn whatever_happens_to_sticks_all_sides_end_equal_and_nothing_is_lost() {
    for seed in seeds() {
        let mut world = World::new(seed);
        // A hub gets back from those nodes that its backup knows.
        world.round();
        for _ in 0..STEPS {
            world.step();
        }
        world.ends_well();
    }
}

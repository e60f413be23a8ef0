//! Real tonic, rustls and sessions over a simulated network: a hub and two nodes of one district
//! end up equal after partitions, latency, lost segments and hub restarts, in bounded simulated
//! time.
//!
//! The stores' writers have threads of their own, so two runs of a seed do not give the same
//! trace, and nothing here claims it; that is for the discrete-event simulator. What a seed does
//! fix are the faults and the edits. The simulated clock must not run ahead of the writers'
//! threads, or a busy machine would look like a slow line: after every tick the run waits until
//! each writer has done what it was handed ([`store::Handle::still`]), so an answer is at most one
//! tick late. Sessions read the simulated time from [`SimClock`].
//!
//! `TURMOIL_SEEDS` says how many seeds are run (5), `TURMOIL_SEED` runs one.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test ends at the first failure"
)]

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use link::{
    Acceptor, Authority, BoxIo, DenyList, Dialer, HubAddress, HubMaterial, HubServices, NodeId,
    NodeMaterial, PrivateKey, Progress, Roster, SessionSeat, Stopper, SyncService, call, serve,
    session_number, stop_signal,
};
use program::dir::Role;
use replica::{
    Clock, Dot, Mono, RecordKey, ReplicaId, ScopeId, Sibling, session::Role as SessionRole,
};
use store::{Handle, Login, Memory, Writer};
use tests::{
    rig::{Roll, fresh_replica, open_over},
    sample,
};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use turmoil::Sim;

/// The district that both nodes stand for.
const SCOPE: &str = "410305";
/// One step of the simulation.
const TICK: Duration = Duration::from_millis(5);
/// How long faults are injected, in ticks: 30 simulated seconds.
const FAULTY_TICKS: u64 = 6_000;
/// How long healing may take, in ticks: two simulated minutes. A line that lost a segment is
/// noticed by the keepalive after forty seconds.
const HEALING_TICKS: u64 = 24_000;
/// Ticks after which a second look must find that nothing moves: two simulated seconds.
const QUIET_TICKS: u64 = 400;
/// Pause between two calls of a node.
const REDIAL: Duration = Duration::from_millis(300);
/// When the simulation begins, milliseconds since 1970.
const EPOCH_MS: u64 = 1_760_000_000_000;
const HUB: &str = "hub";
const NODES: [&str; 2] = ["office", "park"];
const PORT: u16 = 7_443;

/// The simulated time, as the last tick left it.
#[derive(Clone, Debug, Default)]
struct SimClock(Arc<AtomicU64>);

impl Clock for SimClock {
    fn mono(&self) -> Mono {
        Mono(self.0.load(Ordering::SeqCst))
    }

    fn wall_ms(&self) -> u64 {
        EPOCH_MS + self.mono().0
    }
}

/// A small generator: the faults and edits of a seed are the same everywhere.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695);
        (self.0 >> 33) % limit
    }

    fn one_of<T: Clone>(&mut self, choice: &[T]) -> T {
        let at = usize::try_from(self.below(choice.len() as u64)).unwrap();
        choice[at].clone()
    }
}

/// The hub: what outlives a crash of its host.
struct Hub {
    replica: ReplicaId,
    clock: Arc<dyn Clock>,
    authority: Arc<Authority>,
    roll: Arc<Roll>,
    store: Arc<Memory>,
    writer: Mutex<Option<Writer>>,
}

impl Hub {
    fn new(clock: Arc<dyn Clock>) -> Self {
        let replica = fresh_replica();
        let authority = Authority::generate(replica, clock.wall_ms()).unwrap();
        let hub = Self {
            replica,
            clock,
            authority: Arc::new(authority),
            roll: Arc::default(),
            store: Arc::default(),
            writer: Mutex::new(None),
        };
        hub.open();
        hub
    }

    /// Opens the store, as a start of the program does.
    fn open(&self) {
        let (store, clock) = (self.store.clone(), Arc::clone(&self.clock));
        let writer = open_over(Role::Hub, self.replica, "4103L0", store, clock).unwrap();
        *self.writer.lock().unwrap() = Some(writer);
    }

    fn close(&self) {
        let writer = self.writer.lock().unwrap().take();
        writer.map(Writer::stop).transpose().unwrap();
    }

    fn handle(&self) -> Handle {
        self.writer
            .lock()
            .unwrap()
            .as_ref()
            .expect("the hub is up")
            .handle()
    }

    /// The program on its simulated host.
    async fn run(self: Arc<Self>) -> turmoil::Result {
        let server = self
            .authority
            .issue_server(&[HUB.to_owned()], self.clock.wall_ms())?;
        let material = HubMaterial {
            hub: self.replica,
            server,
            authorities: vec![self.authority.certificate().clone()],
            deny: DenyList::default(),
        };
        let acceptor = Acceptor::new(material, Arc::clone(&self.clock))?;
        let listener = turmoil::net::TcpListener::bind(("0.0.0.0", PORT)).await?;
        let (accepted, connections) = mpsc::channel(16);
        tokio::task::spawn_local(async move {
            loop {
                let next = listener.accept().await;
                if accepted.send(next).await.is_err() {
                    break;
                }
            }
        });
        // Held until the host goes: its end would be a stop signal.
        let (_stopper, stop) = stop_signal();
        let sync = SyncService::new(
            self.handle(),
            Arc::clone(&self.roll),
            Arc::clone(&self.clock),
            Roster::default(),
            stop.clone(),
        );
        let services = HubServices {
            sync,
            proof: None,
            files: None,
            registrar: Arc::clone(&self.roll),
            authority: Arc::clone(&self.authority),
            clock: Arc::clone(&self.clock),
        };
        let accepting = acceptor.run(ReceiverStream::new(connections), stop.clone());
        serve(&acceptor, accepting, services, stop).await?;
        Ok(())
    }
}

/// A node: it calls the hub again and again.
struct Node {
    replica: ReplicaId,
    scope: ScopeId,
    hub: ReplicaId,
    clock: Arc<dyn Clock>,
    material: NodeMaterial,
    handle: Handle,
    progress: watch::Sender<Progress>,
    stopper: Mutex<Option<Stopper>>,
}

impl Node {
    fn new(hub: &Hub) -> (Arc<Self>, Writer) {
        let replica = fresh_replica();
        let key = PrivateKey::generate().unwrap();
        let request = key.request().unwrap();
        let wall_ms = hub.clock.wall_ms();
        let issued = hub
            .authority
            .issue_node(&request, NodeId(replica.0), wall_ms);
        let (certificate, _) = issued.unwrap();
        hub.roll.admit(replica, SCOPE);
        let store = Arc::new(Memory::new());
        let clock = Arc::clone(&hub.clock);
        let writer = open_over(Role::Node, replica, SCOPE, store, clock).unwrap();
        let node = Self {
            replica,
            scope: domain::scope_id(SCOPE),
            hub: hub.replica,
            clock: Arc::clone(&hub.clock),
            material: NodeMaterial {
                hub: hub.replica,
                certificate,
                key,
                authorities: vec![hub.authority.certificate().clone()],
            },
            handle: writer.handle(),
            progress: watch::Sender::new(Progress::default()),
            stopper: Mutex::default(),
        };
        (Arc::new(node), writer)
    }

    async fn run(self: Arc<Self>) -> turmoil::Result {
        let address: HubAddress = format!("https://{HUB}:{PORT}").parse()?;
        let dialer = Dialer::over(Arc::clone(&self.clock), |address: HubAddress| async move {
            let target = (address.host().to_owned(), address.port());
            let stream = turmoil::net::TcpStream::connect(target).await?;
            Ok(Box::new(stream) as BoxIo)
        });
        let (stopper, stop) = stop_signal();
        *self.stopper.lock().unwrap() = Some(stopper);
        loop {
            let seat = SessionSeat {
                role: SessionRole::Node,
                login: Login {
                    session: session_number(),
                    peer: self.hub,
                    scope: self.scope,
                },
                writer: self.handle.clone(),
                clock: Arc::clone(&self.clock),
            };
            let called = call(
                &dialer,
                &address,
                &self.material,
                seat,
                stop.clone(),
                &self.progress,
            );
            if let Err(error) = called.await {
                tracing::debug!(replica = %self.replica, %error, "call failed");
            }
            tokio::time::sleep(REDIAL).await;
        }
    }
}

/// One run.
struct Run {
    seed: u64,
    sim: Sim<'static>,
    time: SimClock,
    hub: Arc<Hub>,
    nodes: Vec<(Arc<Node>, Writer)>,
    chance: Chance,
    /// Every write that somebody was told is saved.
    saved: Vec<(RecordKey, Dot)>,
    records: u64,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut chance = Chance(seed);
        let time = SimClock::default();
        let clock: Arc<dyn Clock> = Arc::new(time.clone());
        let hub = Arc::new(Hub::new(clock));
        let nodes: Vec<_> = NODES.iter().map(|_| Node::new(&hub)).collect();
        let mut sim = turmoil::Builder::new()
            .rng_seed(seed)
            .enable_random_order()
            .tick_duration(TICK)
            .simulation_duration(Duration::from_secs(3_600))
            .min_message_latency(Duration::from_millis(1))
            .max_message_latency(Duration::from_millis(20 + chance.below(200)))
            .fail_rate(chance.one_of(&[0.0, 0.001, 0.005, 0.02]))
            .repair_rate(0.3)
            .tcp_capacity(1 << 16)
            .build();
        let program = Arc::clone(&hub);
        sim.host(HUB, move || Arc::clone(&program).run());
        for (name, (node, _)) in NODES.iter().zip(&nodes) {
            let program = Arc::clone(node);
            sim.host(*name, move || Arc::clone(&program).run());
        }
        Self {
            seed,
            sim,
            time,
            hub,
            nodes,
            chance,
            saved: Vec::new(),
            records: 0,
        }
    }

    fn handles(&self) -> Vec<Handle> {
        let nodes = self.nodes.iter().map(|(node, _)| node.handle.clone());
        std::iter::once(self.hub.handle()).chain(nodes).collect()
    }

    /// One tick, and what the writers have to do in it.
    fn step(&mut self) {
        self.sim
            .step()
            .unwrap_or_else(|error| panic!("seed {}: {error}", self.seed));
        let elapsed_ms = u64::try_from(self.sim.elapsed().as_millis()).unwrap();
        self.time.0.store(elapsed_ms, Ordering::SeqCst);
        for handle in self.handles() {
            handle.still(|_store| ()).unwrap();
        }
    }

    /// Somebody saves something somewhere: a new organisation, or another remark on one.
    fn edit(&mut self) {
        let handles = self.handles();
        let handle = self.chance.one_of(&handles);
        let scope = domain::scope_id(SCOPE);
        let n = self.chance.below(self.records + 2);
        let key = RecordKey {
            kind: sample::ORGANISATION,
            id: sample::id_of(scope, n),
        };
        let held = handle.reader().get(key).unwrap();
        let edit = match held {
            Some(held) => {
                let standing = held.record.register(sample::remark_register());
                let shown = standing.iter().map(Sibling::shown).collect();
                sample::remark(scope, n, &format!("{}", self.chance.below(1 << 30)), shown)
            }
            None => {
                self.records = self.records.max(n + 1);
                sample::make(scope, n)
            }
        };
        let written = handle.edit(vec![edit], Vec::new()).unwrap();
        self.saved
            .extend(written.iter().map(|written| (written.key, written.dot)));
    }

    /// Something breaks or is mended.
    fn fault(&mut self) {
        let node = self.chance.one_of(&NODES);
        match self.chance.below(7) {
            0 => self.sim.partition(node, HUB),
            1 => self.sim.partition_oneway(node, HUB),
            2 => self.sim.partition_oneway(HUB, node),
            3 => self.sim.hold(node, HUB),
            4 => self.sim.release(node, HUB),
            5 => self.sim.repair(node, HUB),
            _ => {
                self.sim.crash(HUB);
                self.hub.close();
                self.hub.open();
                self.sim.bounce(HUB);
            }
        }
    }

    fn heal(&mut self) {
        self.sim.set_fail_rate(0.0);
        for node in NODES {
            self.sim.set_link_fail_rate(node, HUB, 0.0);
            self.sim.release(node, HUB);
            self.sim.repair(node, HUB);
        }
    }

    /// The ends and fingerprints of the scope everywhere.
    fn state(&self) -> Vec<(u64, String)> {
        let scope = domain::scope_id(SCOPE);
        let of = |handle: Handle| {
            let known = handle
                .reader()
                .scopes()
                .into_iter()
                .find(|(id, ..)| *id == scope);
            known.map_or_else(Default::default, |(_, end, root)| {
                (end.seq.0, format!("{root:?}"))
            })
        };
        self.handles().into_iter().map(of).collect()
    }

    fn settled(&self) -> bool {
        let state = self.state();
        let equal = state.windows(2).all(|pair| pair[0].1 == pair[1].1);
        equal
            && self
                .nodes
                .iter()
                .all(|(node, _)| node.progress.borrow().settled)
    }

    fn go(mut self) -> u64 {
        for tick in 0..FAULTY_TICKS {
            if tick % 40 == 7 {
                self.edit();
            }
            if tick % 200 == 150 {
                self.fault();
            }
            self.step();
        }
        self.heal();
        let mut ticks = 0;
        while !self.settled() {
            let report = || format!("seed {}: {:?}", self.seed, self.state());
            assert!(ticks < HEALING_TICKS, "not settled in time, {}", report());
            ticks += 1;
            self.step();
        }
        let before = self.state();
        for _ in 0..QUIET_TICKS {
            self.step();
        }
        assert_eq!(
            self.state(),
            before,
            "seed {}: a second sync moves something",
            self.seed
        );
        self.nothing_is_lost();
        let took = self.sim.elapsed().as_secs();
        drop(self.sim);
        self.hub.close();
        for (_, writer) in self.nodes {
            writer.stop().unwrap();
        }
        took
    }

    /// Every saved write is seen everywhere, and is visible, or named as replaced by a write that
    /// somebody holds, now or in the history: one that was replaced before it travelled is known
    /// in full only at home.
    fn nothing_is_lost(&self) {
        let handles = self.handles();
        let mut known: BTreeMap<RecordKey, Vec<Sibling>> = BTreeMap::new();
        for (key, dot) in &self.saved {
            for handle in &handles {
                let held = handle.reader().get(*key).unwrap();
                let record = held.expect("a saved record is everywhere").record;
                assert!(
                    record.context.covers(*dot),
                    "seed {}: {dot} was not seen",
                    self.seed
                );
                known.entry(*key).or_default().extend(record.siblings);
            }
        }
        for (key, known) in &mut known {
            for handle in &handles {
                let history = handle.reader().history(*key).unwrap();
                known.extend(history.into_iter().flat_map(|(_, siblings)| siblings));
            }
        }
        for (key, dot) in &self.saved {
            let mut known = known.get(key).into_iter().flatten();
            let accounted = known.any(|s| s.dot() == *dot || s.replaces.contains(dot));
            assert!(accounted, "seed {}: {dot} has vanished", self.seed);
        }
        for handle in &handles {
            assert_eq!(handle.reader().scrub().unwrap(), Vec::<String>::new());
        }
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn hub_and_nodes_converge_over_real_tls_whatever_the_network_does() {
    let seeds = match number("TURMOIL_SEED") {
        Some(seed) => seed..seed + 1,
        None => 1..1 + number("TURMOIL_SEEDS").unwrap_or(5),
    };
    for seed in seeds {
        println!("TURMOIL_SEED={seed} cargo test -p tests --test turmoil");
        let took = Run::new(seed).go();
        println!("seed {seed}: equal after {took} simulated seconds");
    }
}

//! A hub and nodes as values: real stores, real writers, real TLS on loopback, no processes.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use link::{
    Acceptor, Authority, CertificateFacts, DenyList, Dialer, EnrolRefusal, FileRoom, HubAddress,
    HubMaterial, HubServices, Invitation, Joiner, NodeId, NodeMaterial, PrivateKey, Progress,
    ProofService, Registrar, Roster, SessionSeat, Signer, Stop, Stopper, SyncService, call, serve,
    session_number, stop_signal, tcp,
};
use program::{
    App,
    app::host_config,
    clock::SystemClock,
    config::Config,
    dir::{Dir, HubName, Identity, Role, ScopeName},
};
use replica::{Clock, ReplicaId, ScopeId, SealKey, session::Role as SessionRole};
use store::{
    Cabinet, Disk, DiskConfig, Handle, Host, Login, Memory, Store, StoreError, StoreKey, Writer,
    WriterConfig,
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

/// The city of the rig.
pub const CITY: &str = "410300";

/// Who may call, as the rig's hub knows it.
#[derive(Debug, Default)]
pub struct Roll {
    nodes: Mutex<BTreeMap<[u8; 16], String>>,
}

impl Roll {
    /// Lets a node call for a scope.
    pub fn admit(&self, node: ReplicaId, scope: &str) {
        self.lock().insert(node.0, scope.to_owned());
    }

    /// Refuses a node from its next call on.
    pub fn strike(&self, node: ReplicaId) {
        self.lock().remove(&node.0);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<[u8; 16], String>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[tonic::async_trait]
impl Registrar for Roll {
    async fn spend(&self, _hash: [u8; 32], _joiner: Joiner) -> Result<Invitation, EnrolRefusal> {
        Err(EnrolRefusal::Locked)
    }

    async fn lookup(&self, node: NodeId) -> Result<Option<Invitation>, EnrolRefusal> {
        let scope = self.lock().get(&node.0).cloned();
        Ok(scope.map(|code| Invitation {
            node,
            scope: domain::scope_id(&code),
            scope_code: code.clone(),
            scope_name: code,
            published: domain::scope_id(CITY),
            published_code: CITY.to_owned(),
        }))
    }

    async fn issued(&self, _node: NodeId, _facts: &CertificateFacts) -> Result<(), EnrolRefusal> {
        Ok(())
    }
}

/// Where a replica keeps its data.
#[derive(Debug)]
pub enum Medium<'a> {
    /// In memory.
    Memory,
    /// In a directory.
    Disk(&'a Path),
}

impl Medium<'_> {
    fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        Ok(match self {
            Self::Memory => Arc::new(Memory::new()),
            Self::Disk(path) => Arc::new(Disk::open(path, &disk_config())?),
        })
    }
}

/// As the programs open theirs, encrypted; with `LIANGXIN_PLAIN` as it would be without.
fn disk_config() -> DiskConfig {
    let is_plain = std::env::var_os("LIANGXIN_PLAIN").is_some();
    DiskConfig {
        key: (!is_plain).then(|| StoreKey::new([7; 32])),
        ..DiskConfig::default()
    }
}

/// A replica id that no other of this process has.
#[must_use]
pub fn fresh_replica() -> ReplicaId {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let mut bytes = [7; 16];
    let (number, _) = bytes.split_at_mut(8);
    number.copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    ReplicaId(bytes)
}

fn identity(role: Role, replica: ReplicaId, scope: &str) -> Identity {
    Identity {
        role,
        replica: replica.to_string(),
        demo: true,
        scope: ScopeName::of(scope, scope),
        published: ScopeName::of(CITY, CITY),
        hub: None::<HubName>,
    }
}

/// Opens a replica's writer.
///
/// # Errors
/// The store does not open.
pub fn open(
    role: Role,
    replica: ReplicaId,
    scope: &str,
    medium: &Medium<'_>,
) -> Result<Writer, StoreError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    open_over(role, replica, scope, medium.open()?, clock)
}

/// The program over a writer, as a command works on it, on the day of the demo.
#[must_use]
pub fn app(role: Role, replica: ReplicaId, scope: &str, (writer, folder): (&Writer, &Path)) -> App {
    App {
        dir: Dir::new(folder),
        identity: Arc::new(identity(role, replica, scope)),
        config: Arc::new(Config::default()),
        store_key: Arc::default(),
        clock: Arc::new(SystemClock::default()),
        catalogue: domain::Catalogue::builtin(),
        writer: writer.handle(),
        runtime: tokio::runtime::Handle::current(),
        account: "bench".to_owned(),
        today: domain::date::day(2020, 10, 15),
        folder: folder.to_owned(),
        proofs: Arc::default(),
        board: Arc::default(),
        cache: Arc::default(),
        files: Arc::new(FileRoom::new(Cabinet::new(&folder.join("files")))),
        grant: None,
        reveals: false,
        reviewed: Arc::default(),
        desk: Arc::default(),
        numbers: Arc::default(),
    }
}

/// Opens a replica's writer over a store that is there already, with any clock.
///
/// # Errors
/// What the store holds is not sound.
pub fn open_over(
    role: Role,
    replica: ReplicaId,
    scope: &str,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
) -> Result<Writer, StoreError> {
    let seal = (role == Role::Hub).then(|| SealKey::new(*blake3::hash(&replica.0).as_bytes()));
    let config = host_config(&identity(role, replica, scope), clock, seal);
    let host = Host::open(store, config)?;
    Writer::start(host, WriterConfig::default()).map_err(StoreError::Io)
}

/// What a service of sessions is made of.
#[derive(Debug)]
pub struct Parts {
    /// The hub's writer.
    pub writer: Handle,
    /// Who may call.
    pub roll: Arc<Roll>,
    /// Both times.
    pub clock: Arc<dyn Clock>,
    /// The sessions.
    pub roster: Roster,
    /// When to stop.
    pub stop: Stop,
    /// The hub's key.
    pub signer: Signer,
}

/// A hub at work.
#[derive(Debug)]
pub struct HubRig {
    /// Its replica.
    pub replica: ReplicaId,
    /// Its writer.
    pub writer: Writer,
    /// Where it is called.
    pub address: SocketAddr,
    /// Its authority.
    pub authority: Arc<Authority>,
    /// Who may call.
    pub roll: Arc<Roll>,
    /// Its port.
    pub acceptor: Acceptor,
    /// The sessions.
    pub roster: Roster,
    stopper: Stopper,
    task: JoinHandle<()>,
}

impl HubRig {
    /// Starts a hub on a free port of loopback.
    ///
    /// # Panics
    /// When the machine gives no port or the store does not open: the test cannot go on.
    pub async fn start(replica: ReplicaId, medium: &Medium<'_>) -> Self {
        Self::serving(replica, medium, |parts| {
            SyncService::new(
                parts.writer,
                parts.roll,
                parts.clock,
                parts.roster,
                parts.stop,
            )
            .signing(parts.signer)
        })
        .await
    }

    /// Starts a hub whose sessions are served by something else.
    ///
    /// # Panics
    /// As [`HubRig::start`].
    pub async fn serving<S: proto::sync::sync_server::Sync>(
        replica: ReplicaId,
        medium: &Medium<'_>,
        service: impl FnOnce(Parts) -> S,
    ) -> Self {
        let writer = open(Role::Hub, replica, "4103L0", medium).expect("the hub's store opens");
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let authority =
            Authority::generate(replica, clock.wall_ms()).expect("an authority is made");
        let authority = Arc::new(authority);
        let server = authority
            .issue_server(&["127.0.0.1".to_owned()], clock.wall_ms())
            .expect("a certificate is issued");
        let material = HubMaterial {
            hub: replica,
            server: server.clone(),
            authorities: vec![authority.certificate().clone()],
            deny: DenyList::default(),
        };
        let signer = Signer::new(&server.certificate, &server.key).expect("the key fits");
        let acceptor = Acceptor::new(material, Arc::clone(&clock)).expect("the material is sound");
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound port has an address");
        let (stopper, stop) = stop_signal();
        let roll = Arc::new(Roll::default());
        let roster = Roster::default();
        let sync = service(Parts {
            writer: writer.handle(),
            roll: Arc::clone(&roll),
            clock: Arc::clone(&clock),
            roster: roster.clone(),
            stop: stop.clone(),
            signer: signer.clone(),
        });
        let proof = ProofService::new(
            writer.handle(),
            Arc::clone(&roll),
            Arc::clone(&clock),
            signer,
            vec![authority.certificate().clone()],
        );
        let services = HubServices {
            sync,
            proof: Some(proof),
            files: None,
            registrar: Arc::clone(&roll),
            authority: Arc::clone(&authority),
            clock,
        };
        let accepting = acceptor.run(tcp(listener), stop.clone());
        let port = acceptor.clone();
        let task = tokio::spawn(async move {
            serve(&port, accepting, services, stop)
                .await
                .expect("the hub serves");
        });
        Self {
            replica,
            writer,
            address,
            authority,
            roll,
            acceptor,
            roster,
            stopper,
            task,
        }
    }

    /// Makes a node of a scope, with its certificate.
    ///
    /// # Panics
    /// When the store does not open or no certificate can be made.
    pub fn node(&self, replica: ReplicaId, scope: &str, medium: &Medium<'_>) -> NodeRig {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let key = PrivateKey::generate().expect("a key is made");
        let request = key.request().expect("a request is made");
        let (certificate, _) = self
            .authority
            .issue_node(&request, NodeId(replica.0), clock.wall_ms())
            .expect("a certificate is issued");
        self.roll.admit(replica, scope);
        NodeRig {
            replica,
            scope: domain::scope_id(scope),
            writer: open(Role::Node, replica, scope, medium).expect("the node's store opens"),
            hub: self.replica,
            address: self.address,
            material: NodeMaterial {
                hub: self.replica,
                certificate,
                key,
                authorities: vec![self.authority.certificate().clone()],
            },
            clock,
        }
    }

    /// Revokes a node as the hub's command does, and returns how many connections that cut.
    ///
    /// # Panics
    /// When no certificate can be made: the test cannot go on.
    #[must_use]
    pub fn revoke(&self, node: ReplicaId) -> usize {
        self.roll.strike(node);
        let clock = SystemClock::default();
        let names = ["127.0.0.1".to_owned()];
        let server = self.authority.issue_server(&names, clock.wall_ms());
        let mut deny = DenyList::default();
        deny.revoke_identity(link::Identity::Node {
            hub: self.replica,
            node: NodeId(node.0),
        });
        let material = HubMaterial {
            hub: self.replica,
            server: server.expect("a certificate is issued"),
            authorities: vec![self.authority.certificate().clone()],
            deny,
        };
        self.acceptor
            .reload(material)
            .expect("the material is sound")
    }

    /// Stops the hub.
    ///
    /// # Errors
    /// The store failed.
    pub async fn stop(self) -> Result<(), StoreError> {
        self.stopper.stop();
        self.task.await.unwrap_or_default();
        self.writer.stop()
    }
}

/// A node at work.
#[derive(Debug)]
pub struct NodeRig {
    /// Its replica.
    pub replica: ReplicaId,
    /// Its scope.
    pub scope: ScopeId,
    /// Its writer.
    pub writer: Writer,
    /// The hub it joined.
    pub hub: ReplicaId,
    /// Where the hub is.
    pub address: SocketAddr,
    /// What it shows and trusts.
    pub material: NodeMaterial,
    clock: Arc<dyn Clock>,
}

/// A session that runs beside the test.
#[derive(Debug)]
pub struct Running {
    /// Follows it.
    pub progress: watch::Receiver<Progress>,
    stopper: Stopper,
    task: JoinHandle<()>,
}

impl NodeRig {
    /// The handle of the writer.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.writer.handle()
    }

    /// Calls the hub and keeps the session running.
    ///
    /// # Panics
    /// When the hub's address is none.
    #[must_use]
    pub fn connect(&self) -> Running {
        let (stopper, stop) = stop_signal();
        let (progress, follow) = watch::channel(Progress::default());
        let seat = SessionSeat {
            role: SessionRole::Node,
            login: Login {
                session: session_number(),
                peer: self.hub,
                scope: self.scope,
            },
            writer: self.handle(),
            clock: Arc::clone(&self.clock),
        };
        let address: HubAddress = format!("https://{}", self.address)
            .parse()
            .expect("an address is an address");
        let (dialer, material) = (Dialer::tcp(Arc::clone(&self.clock)), self.material.clone());
        let task = tokio::spawn(run(dialer, address, material, seat, stop, progress));
        Running {
            progress: follow,
            stopper,
            task,
        }
    }

    /// Calls the hub and waits until both sides are settled, at most `patience`.
    ///
    /// # Panics
    /// When they are not settled in time.
    pub async fn settle(&self, patience: Duration) {
        let running = self.connect();
        running.settled(patience).await;
        running.stop().await;
    }
}

async fn run(
    dialer: Dialer,
    address: HubAddress,
    material: NodeMaterial,
    seat: SessionSeat,
    stop: Stop,
    progress: watch::Sender<Progress>,
) {
    if let Err(error) = call(&dialer, &address, &material, seat, stop, &progress).await {
        progress.send_modify(|now| now.ended = Some((error.code().to_owned(), true)));
    }
}

impl Running {
    /// Waits until both sides are settled.
    ///
    /// # Panics
    /// When the session ends before, or they are not settled in time.
    pub async fn settled(&self, patience: Duration) {
        let mut follow = self.progress.clone();
        let waiting = follow.wait_for(|now| now.settled || now.ended.is_some());
        let now = tokio::time::timeout(patience, waiting).await;
        let now = now
            .expect("settled in time")
            .expect("the session runs")
            .clone();
        assert!(now.settled, "the session ended: {:?}", now.ended);
    }

    /// Ends the session.
    pub async fn stop(self) {
        self.stopper.stop();
        self.task.await.unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_hub_hangs_up_on_one_node_and_is_called_again() {
        let hub = HubRig::start(fresh_replica(), &Medium::Memory).await;
        let node = |scope| hub.node(fresh_replica(), scope, &Medium::Memory);
        let (one, other) = (node("410305"), node("410311"));
        assert!(!hub.roster.hang_up(one.replica), "it has not called");
        let (first, second) = (one.connect(), other.connect());
        first.settled(PATIENCE).await;
        second.settled(PATIENCE).await;
        assert!(hub.roster.hang_up(one.replica));
        let mut follow = first.progress.clone();
        let ended = follow.wait_for(|now| now.ended.is_some());
        let ended = tokio::time::timeout(PATIENCE, ended)
            .await
            .expect("in time");
        drop(ended.expect("the session tells"));
        assert!(second.progress.borrow().open, "nobody else's");
        one.settle(PATIENCE).await;
        first.stop().await;
        second.stop().await;
        hub.stop().await.expect("a memory store does not fail");
    }
}

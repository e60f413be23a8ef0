//! A hub on a loopback port, its clock and registry in the test's hand, and a forge that makes
//! whatever certificate an attacker could wish for.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up must fail at once"
)]

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use link::{
    Acceptor, Authority, CertificateFacts, DenyList, Dialer, EnrolRefusal, FileDesk, FilesService,
    HubAddress, HubMaterial, HubServices, Identity, Invitation, Joiner, NodeId, NodeMaterial,
    PrivateKey, Refused, Registrar, ServeError, Stopper, Token, stop_signal, tcp,
};
use proto::sync::frame::Frame as Content;
use proto::sync::sync_client::SyncClient;
use proto::sync::sync_server::Sync as SyncRpc;
use proto::sync::{Bye, Frame};
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType,
};
use replica::{Clock, Mono, ReplicaId, ScopeId};
use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};
use tonic::transport::Channel;
use tonic::{Request, Response, Status, Streaming};

pub(crate) const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
pub(crate) const NOW_MS: u64 = 1_795_500_000_000;
pub(crate) const HUB: ReplicaId = ReplicaId([0xab; 16]);

pub(crate) fn node(number: u8) -> Identity {
    Identity::Node {
        hub: HUB,
        node: NodeId([number; 16]),
    }
}

#[derive(Debug)]
pub(crate) struct TestClock {
    pub(crate) wall_ms: AtomicU64,
    pub(crate) mono_ms: AtomicU64,
}

impl TestClock {
    pub(crate) fn at(wall_ms: u64) -> Arc<Self> {
        Arc::new(Self {
            wall_ms: AtomicU64::new(wall_ms),
            mono_ms: AtomicU64::new(0),
        })
    }
}

impl Clock for TestClock {
    fn mono(&self) -> Mono {
        Mono(self.mono_ms.load(Ordering::SeqCst))
    }

    fn wall_ms(&self) -> u64 {
        self.wall_ms.load(Ordering::SeqCst)
    }
}

/// Signs whatever it is asked to, with the authority's own key.
pub(crate) struct Forge {
    issuer: Issuer<'static, KeyPair>,
}

pub(crate) struct Forged {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) key: PrivateKey,
}

impl Forge {
    pub(crate) fn of(authority: &Authority) -> Self {
        let folder = tempfile::tempdir().unwrap();
        authority.store(folder.path(), None).unwrap();
        let key = std::fs::read_to_string(folder.path().join(link::KEY_FILE)).unwrap();
        let key = KeyPair::from_pem(&key).unwrap();
        Self {
            issuer: Issuer::from_ca_cert_der(authority.certificate(), key).unwrap(),
        }
    }

    pub(crate) fn sign(&self, change: impl FnOnce(&mut CertificateParams)) -> Forged {
        let key = KeyPair::generate().unwrap();
        let params = client_params(change);
        Forged {
            certificate: params.signed_by(&key, &self.issuer).unwrap().der().clone(),
            key: private(&key),
        }
    }
}

pub(crate) fn self_signed() -> Forged {
    let key = KeyPair::generate().unwrap();
    Forged {
        certificate: client_params(|_| {})
            .self_signed(&key)
            .unwrap()
            .der()
            .clone(),
        key: private(&key),
    }
}

fn private(key: &KeyPair) -> PrivateKey {
    PrivateKey::read(key.serialize_pem().as_bytes()).unwrap()
}

/// What a sound certificate of node 1 says, before `change`.
fn client_params(change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![uri(&node(1).to_string())];
    params.is_ca = IsCa::ExplicitNoCa;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.not_before = moment(NOW_MS - DAY_MS);
    params.not_after = moment(NOW_MS + DAY_MS);
    change(&mut params);
    params
}

pub(crate) fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

pub(crate) fn authority_of_its_own() -> IsCa {
    IsCa::Ca(BasicConstraints::Unconstrained)
}

pub(crate) fn moment(ms: u64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(i64::try_from(ms / 1_000).unwrap()).unwrap()
}

/// Echoes frames and counts how often anyone got in.
#[derive(Clone, Default)]
pub(crate) struct Echo {
    pub(crate) calls: Arc<AtomicUsize>,
}

impl Echo {
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

#[tonic::async_trait]
impl SyncRpc for Echo {
    type ExchangeStream = Pin<Box<dyn Stream<Item = Result<Frame, Status>> + Send>>;

    async fn exchange(
        &self,
        request: Request<Streaming<Frame>>,
    ) -> Result<Response<Self::ExchangeStream>, Status> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        Ok(Response::new(Box::pin(request.into_inner())))
    }
}

/// A registry in memory.
#[derive(Default)]
pub(crate) struct TestRegistrar {
    pub(crate) tokens: Mutex<BTreeMap<[u8; 32], Result<NodeId, EnrolRefusal>>>,
    pub(crate) active: Mutex<BTreeMap<NodeId, Vec<CertificateFacts>>>,
    pub(crate) spends: AtomicUsize,
}

pub(crate) fn place(node: NodeId) -> Invitation {
    Invitation {
        node,
        scope: ScopeId([3; 16]),
        scope_code: "410305".to_owned(),
        scope_name: "Jianxi".to_owned(),
        published: ScopeId([4; 16]),
        published_code: "410300".to_owned(),
    }
}

#[tonic::async_trait]
impl Registrar for TestRegistrar {
    async fn spend(&self, hash: [u8; 32], _joiner: Joiner) -> Result<Invitation, EnrolRefusal> {
        self.spends.fetch_add(1, Ordering::SeqCst);
        let node = match self.tokens.lock().unwrap().get_mut(&hash) {
            Some(held) => std::mem::replace(held, Err(EnrolRefusal::Used))?,
            None => return Err(EnrolRefusal::Unknown),
        };
        self.active.lock().unwrap().insert(node, Vec::new());
        Ok(place(node))
    }

    async fn lookup(&self, node: NodeId) -> Result<Option<Invitation>, EnrolRefusal> {
        let active = self.active.lock().unwrap();
        Ok(active.get(&node).map(|_| place(node)))
    }

    async fn issued(&self, node: NodeId, facts: &CertificateFacts) -> Result<(), EnrolRefusal> {
        let mut active = self.active.lock().unwrap();
        active
            .get_mut(&node)
            .ok_or(EnrolRefusal::Inactive)?
            .push(facts.clone());
        Ok(())
    }
}

/// A hub at work on a loopback port.
pub(crate) struct World {
    pub(crate) clock: Arc<TestClock>,
    pub(crate) authority: Arc<Authority>,
    pub(crate) acceptor: Acceptor,
    pub(crate) address: HubAddress,
    pub(crate) echo: Echo,
    pub(crate) registrar: Arc<TestRegistrar>,
    pub(crate) refusals: broadcast::Receiver<Refused>,
    pub(crate) stopper: Stopper,
    pub(crate) server: JoinHandle<Result<(), ServeError>>,
}

pub(crate) fn material_of(authority: &Authority, deny: DenyList) -> HubMaterial {
    HubMaterial {
        hub: authority.hub(),
        server: authority.issue_server(&[], NOW_MS).unwrap(),
        authorities: vec![authority.certificate().clone()],
        deny,
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        let authority = Authority::generate(HUB, NOW_MS).unwrap();
        let material = material_of(&authority, DenyList::default());
        Self::start_with(authority, material).await
    }

    pub(crate) async fn start_with(authority: Authority, material: HubMaterial) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        Self::start_on(authority, material, &address, tcp(listener))
    }

    /// A hub that gives and takes files.
    pub(crate) async fn start_with_files(desk: FileDesk) -> Self {
        let authority = Authority::generate(HUB, NOW_MS).unwrap();
        let material = material_of(&authority, DenyList::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        Self::start_all(authority, material, &address, tcp(listener), Some(desk))
    }

    pub(crate) fn start_on<C, IO>(
        authority: Authority,
        material: HubMaterial,
        address: &str,
        connections: C,
    ) -> Self
    where
        C: Stream<Item = std::io::Result<(IO, std::net::SocketAddr)>> + Send + 'static,
        IO: link::Io + 'static,
    {
        Self::start_all(authority, material, address, connections, None)
    }

    fn start_all<C, IO>(
        authority: Authority,
        material: HubMaterial,
        address: &str,
        connections: C,
        desk: Option<FileDesk>,
    ) -> Self
    where
        C: Stream<Item = std::io::Result<(IO, std::net::SocketAddr)>> + Send + 'static,
        IO: link::Io + 'static,
    {
        let clock = TestClock::at(NOW_MS);
        let acceptor = Acceptor::new(material, clock.clone()).unwrap();
        let refusals = acceptor.refusals();
        let (stopper, stop) = stop_signal();
        let accepting = acceptor.run(connections, stop.clone());
        let echo = Echo::default();
        let registrar = Arc::new(TestRegistrar::default());
        let authority = Arc::new(authority);
        let services = HubServices {
            sync: echo.clone(),
            proof: None,
            files: desk.map(|desk| FilesService::new(desk, Arc::clone(&registrar), stop.clone())),
            registrar: Arc::clone(&registrar),
            authority: Arc::clone(&authority),
            clock: clock.clone(),
        };
        let serving = acceptor.clone();
        let server =
            tokio::spawn(async move { link::serve(&serving, accepting, services, stop).await });
        Self {
            clock,
            authority,
            acceptor,
            address: address.parse().unwrap(),
            echo,
            registrar,
            refusals,
            stopper,
            server,
        }
    }

    pub(crate) fn dialer(&self) -> Dialer {
        Dialer::tcp(self.clock.clone())
    }

    pub(crate) fn dialer_at(&self, wall_ms: u64) -> Dialer {
        Dialer::tcp(TestClock::at(wall_ms))
    }

    /// A node with a sound certificate.
    pub(crate) fn node(&self, number: u8) -> NodeMaterial {
        self.node_since(number, NOW_MS)
    }

    pub(crate) fn node_since(&self, number: u8, wall_ms: u64) -> NodeMaterial {
        let key = PrivateKey::generate().unwrap();
        let csr = key.request().unwrap();
        let id = NodeId([number; 16]);
        let (certificate, _) = self.authority.issue_node(&csr, id, wall_ms).unwrap();
        NodeMaterial {
            hub: HUB,
            certificate,
            key,
            authorities: vec![self.authority.certificate().clone()],
        }
    }

    /// An invitation of a node, known to the registry.
    pub(crate) fn invite(&self, number: u8) -> Token {
        let token = Token::random(self.authority.print()).unwrap();
        let mut tokens = self.registrar.tokens.lock().unwrap();
        tokens.insert(token.secret_hash(), Ok(NodeId([number; 16])));
        token
    }

    /// The next refusal, which must come soon.
    pub(crate) async fn refusal(&mut self) -> link::Refusal {
        soon(self.refusals.recv()).await.unwrap().refusal
    }
}

pub(crate) fn joiner() -> Joiner {
    Joiner {
        replica: ReplicaId([9; 16]),
        program: "test".to_owned(),
        demo: false,
    }
}

/// Bounds what a test waits for.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), future)
        .await
        .unwrap()
}

/// An open session with the echo.
pub(crate) struct Talk {
    sender: mpsc::Sender<Frame>,
    receiver: Streaming<Frame>,
}

impl Talk {
    pub(crate) async fn open(channel: Channel) -> Result<Self, Status> {
        let (sender, frames) = mpsc::channel(4);
        let frames = ReceiverStream::new(frames);
        let response = soon(SyncClient::new(channel).exchange(frames)).await?;
        Ok(Self {
            sender,
            receiver: response.into_inner(),
        })
    }

    /// Sends a text and waits for it to come back.
    pub(crate) async fn say(&mut self, text: &str) -> Result<(), Status> {
        self.sender.send(frame(text)).await.unwrap();
        self.hear()
            .await
            .map(|heard| assert_eq!(heard, frame(text)))
    }

    /// Waits for the next frame; the end of the stream counts as an error.
    pub(crate) async fn hear(&mut self) -> Result<Frame, Status> {
        match soon(self.receiver.next()).await {
            Some(frame) => frame,
            None => Err(Status::unavailable("stream ended")),
        }
    }
}

pub(crate) fn frame(text: &str) -> Frame {
    Frame {
        frame: Some(Content::Bye(Bye {
            code: String::new(),
            detail: text.to_owned(),
        })),
    }
}

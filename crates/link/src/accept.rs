//! The accepting side of the hub's port.
//!
//! Every handshake runs in its own task with a time limit; whoever passes comes out on one of two
//! streams, sync or enrol, which lead to different routers. What is shown, trusted and denied can
//! be exchanged at any moment: it holds for new connections at once, and open ones that it no
//! longer admits are cut. Refusals are logged, a bounded number a span, and told to subscribers.

mod handshakes;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use arc_swap::ArcSwap;
use replica::Clock;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinHandle;
use tokio_rustls::LazyConfigAcceptor;
use tokio_stream::{Stream, StreamExt};
use tracing::{debug, info, warn};

use self::handshakes::Handshakes;
use crate::conn::{Conn, PeerInfo, Registry, Role};
use crate::fault::{Refusal, Refused};
use crate::identity::{Identity, Serial, facts_of};
use crate::limits::{ACCEPTED_MAX, HANDSHAKE_MAX, REFUSALS_KEPT, SWEEP_EVERY};
use crate::stop::Stop;
use crate::tls::{ALPN_ENROL, ALPN_SYNC, HubMaterial, MaterialError, ServerConfigs};

/// Log lines about refusals in one [`SWEEP_EVERY`]; a flood must not fill the disk.
const REFUSALS_LOGGED_MAX: u32 = 20;

/// The pause after an error of the listener itself, such as too many open files.
const LISTENER_PAUSE: Duration = Duration::from_millis(50);

/// The accepting side of one hub. Cheap to clone.
#[derive(Clone)]
pub struct Acceptor(Arc<Shared>);

struct Shared {
    clock: Arc<dyn Clock>,
    configs: ArcSwap<ServerConfigs>,
    registry: Arc<Registry>,
    refusals: broadcast::Sender<Refused>,
    refusals_in_span: AtomicU32,
}

/// An acceptor at work: two streams of connections, and the task behind them.
#[derive(Debug)]
pub struct Accepting {
    /// Connections of holders of certificates.
    pub sync: Incoming,
    /// Connections of holders of tokens.
    pub enrol: Incoming,
    /// Ends after the stop signal, or when the listener ends.
    pub task: JoinHandle<()>,
}

/// A stream of accepted connections, as a tonic server takes it.
#[derive(Debug)]
pub struct Incoming(mpsc::Receiver<Conn>);

impl Stream for Incoming {
    type Item = io::Result<Conn>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx).map(|conn| conn.map(Ok))
    }
}

impl Acceptor {
    /// Makes the accepting side.
    ///
    /// # Errors
    /// When the material cannot be used.
    pub fn new(material: HubMaterial, clock: Arc<dyn Clock>) -> Result<Self, MaterialError> {
        let configs = ServerConfigs::build(material, &clock)?;
        Ok(Self(Arc::new(Shared {
            clock,
            configs: ArcSwap::from_pointee(configs),
            registry: Arc::default(),
            refusals: broadcast::Sender::new(REFUSALS_KEPT),
            refusals_in_span: AtomicU32::new(0),
        })))
    }

    /// Exchanges what is shown, trusted and denied, without a restart, and returns how many open
    /// connections that cut. On an error all stays as it was.
    ///
    /// # Errors
    /// When the material cannot be used.
    pub fn reload(&self, material: HubMaterial) -> Result<usize, MaterialError> {
        let configs = ServerConfigs::build(material, &self.0.clock)?;
        self.0.configs.store(Arc::new(configs));
        Ok(self.0.sweep())
    }

    /// Cuts the open connections of an identity, and returns how many.
    #[must_use = "zero means that nobody of that name was connected"]
    pub fn cut(&self, identity: &Identity) -> usize {
        self.0
            .registry
            .cut(|peer| peer.identity().as_ref() == Some(identity))
    }

    /// Cuts the open connections of one certificate, and returns how many.
    #[must_use = "zero means that nobody was connected with it"]
    pub fn cut_serial(&self, serial: &Serial) -> usize {
        self.0.registry.cut(|peer| peer.serial() == Some(serial))
    }

    /// Cuts every open connection, and returns how many.
    pub fn cut_all(&self) -> usize {
        self.0.registry.cut(|_| true)
    }

    /// Everyone who is connected now.
    #[must_use]
    pub fn peers(&self) -> Vec<PeerInfo> {
        self.0.registry.peers()
    }

    /// Subscribes to refused connections. A slow reader loses the oldest.
    #[must_use]
    pub fn refusals(&self) -> broadcast::Receiver<Refused> {
        self.0.refusals.subscribe()
    }

    /// Checks that a peer may still make calls; asked at each one.
    ///
    /// # Errors
    /// When its certificate has been revoked or has expired since the handshake.
    pub fn admit(&self, peer: &PeerInfo) -> Result<(), Refusal> {
        self.0.admit(peer)
    }

    /// Accepts connections until the stop signal. `connections` is usually [`tcp`].
    pub fn run<C, IO>(&self, connections: C, stop: Stop) -> Accepting
    where
        C: Stream<Item = io::Result<(IO, SocketAddr)>> + Send + 'static,
        IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (sync, sync_incoming) = mpsc::channel(ACCEPTED_MAX);
        let (enrol, enrol_incoming) = mpsc::channel(ACCEPTED_MAX);
        let outlets = Outlets { sync, enrol };
        let shared = Arc::clone(&self.0);
        Accepting {
            sync: Incoming(sync_incoming),
            enrol: Incoming(enrol_incoming),
            task: tokio::spawn(shared.accept(connections, outlets, stop)),
        }
    }
}

impl Shared {
    async fn accept<C, IO>(self: Arc<Self>, connections: C, outlets: Outlets, mut stop: Stop)
    where
        C: Stream<Item = io::Result<(IO, SocketAddr)>> + Send + 'static,
        IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let mut connections = std::pin::pin!(connections);
        let mut handshakes = Handshakes::default();
        let mut sweep = tokio::time::interval(SWEEP_EVERY);
        loop {
            tokio::select! {
                () = stop.wait() => break,
                next = connections.next() => match next {
                    Some(Ok((io, addr))) => self.begin(io, addr, &outlets, &mut handshakes),
                    Some(Err(error)) => {
                        warn!(%error, "connection could not be accepted");
                        tokio::time::sleep(LISTENER_PAUSE).await;
                    }
                    None => break,
                },
                () = handshakes.finished(), if !handshakes.is_empty() => {}
                _ = sweep.tick() => {
                    self.sweep();
                    self.report_unlogged();
                }
            }
        }
        handshakes.abort().await;
    }

    fn begin<IO>(
        self: &Arc<Self>,
        io: IO,
        addr: SocketAddr,
        outlets: &Outlets,
        handshakes: &mut Handshakes,
    ) where
        IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        if self.registry.is_full() {
            self.refuse(addr, Refusal::Full);
            return;
        }
        let shared = Arc::clone(self);
        let outlets = outlets.clone();
        let crowded_out = handshakes.spawn(addr, async move {
            let handshake = shared.handshake(io, addr);
            match tokio::time::timeout(HANDSHAKE_MAX, handshake).await {
                Ok(Ok(conn)) => outlets.put(conn).await,
                Ok(Err(refusal)) => shared.refuse(addr, refusal),
                Err(_elapsed) => shared.refuse(addr, Refusal::Timeout),
            }
        });
        if let Some(addr) = crowded_out {
            self.refuse(addr, Refusal::Timeout);
        }
    }

    async fn handshake<IO>(&self, io: IO, addr: SocketAddr) -> Result<Conn, Refusal>
    where
        IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let failed = |error: io::Error| Refusal::of_io(&error);
        let start = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), io)
            .await
            .map_err(failed)?;
        let hello = start.client_hello();
        let offers = |wanted: &[u8]| {
            let mut offered = hello.alpn().into_iter().flatten();
            offered.any(|protocol| protocol == wanted)
        };
        let configs = self.configs.load_full();
        let (role, config) = match (offers(ALPN_SYNC), offers(ALPN_ENROL)) {
            (false, true) => (Role::Enrol, Arc::clone(&configs.enrol)),
            (true, true) => return Err(Refusal::Alpn),
            (true, false) => (Role::Sync, Arc::clone(&configs.sync)),
            // One who offers others gets the alert that says so; one who offers none would pass.
            (false, false) if hello.alpn().is_none() => return Err(Refusal::Alpn),
            (false, false) => (Role::Sync, Arc::clone(&configs.sync)),
        };
        let stream = start.into_stream(config).await.map_err(failed)?;
        let presented = stream.get_ref().1.peer_certificates();
        let certificate = match (role, presented.and_then(<[_]>::first)) {
            (Role::Enrol, _) => None,
            (Role::Sync, Some(certificate)) => {
                Some(facts_of(certificate).map_err(Refusal::Identity)?)
            }
            (Role::Sync, None) => return Err(Refusal::NoCertificate),
        };
        let peer = PeerInfo {
            certificate,
            addr,
            role,
        };
        let (seat, killed) = self.registry.enter(peer)?;
        let conn = Conn::new(Box::new(stream), seat, killed);
        // After the entry: a revocation from now on finds the connection on the list.
        self.admit(conn.peer())?;
        debug!(%addr, identity = ?conn.peer().identity(), "connection accepted");
        Ok(conn)
    }

    fn admit(&self, peer: &PeerInfo) -> Result<(), Refusal> {
        let Some(facts) = &peer.certificate else {
            return Ok(());
        };
        if self.configs.load().deny.refuses(facts) {
            return Err(Refusal::Revoked);
        }
        if facts.not_after_ms < self.clock.wall_ms() {
            return Err(Refusal::Expired);
        }
        Ok(())
    }

    fn sweep(&self) -> usize {
        let cut = self.registry.cut(|peer| self.admit(peer).is_err());
        if cut > 0 {
            info!(cut, "connections cut");
        }
        cut
    }

    fn refuse(&self, addr: SocketAddr, refusal: Refusal) {
        let logged = self.refusals_in_span.fetch_add(1, Ordering::Relaxed) < REFUSALS_LOGGED_MAX;
        if logged {
            warn!(%addr, code = refusal.code(), reason = %refusal, "connection refused");
        }
        // Nobody may be listening.
        drop(self.refusals.send(Refused { addr, refusal }));
    }

    fn report_unlogged(&self) {
        let refused = self.refusals_in_span.swap(0, Ordering::Relaxed);
        let unlogged = refused.saturating_sub(REFUSALS_LOGGED_MAX);
        if unlogged > 0 {
            warn!(unlogged, "more connections refused");
        }
    }
}

#[derive(Clone)]
struct Outlets {
    sync: mpsc::Sender<Conn>,
    enrol: mpsc::Sender<Conn>,
}

impl Outlets {
    async fn put(&self, conn: Conn) {
        let outlet = match conn.peer().role {
            Role::Sync => &self.sync,
            Role::Enrol => &self.enrol,
        };
        // A server that is gone takes no more; the connection ends with the drop.
        drop(outlet.send(conn).await);
    }
}

/// Returns the connections of a TCP listener.
#[must_use]
pub fn tcp(listener: TcpListener) -> TcpConnections {
    TcpConnections(listener)
}

/// The connections of a TCP listener.
#[derive(Debug)]
pub struct TcpConnections(TcpListener);

impl Stream for TcpConnections {
    type Item = io::Result<(TcpStream, SocketAddr)>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_accept(cx).map(|accepted| {
            Some(accepted.and_then(|(stream, addr)| {
                // An ack is small and somebody waits for it.
                stream.set_nodelay(true)?;
                Ok((stream, addr))
            }))
        })
    }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor")
            .field("peers", &self.peers().len())
            .finish_non_exhaustive()
    }
}

//! Sessions from both ends: the hub's service that takes calls, the node's caller that makes them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use proto::sync::sync_client::SyncClient;
use proto::sync::{Frame, sync_server::Sync as SyncRpc};
use replica::session::{Done, Role};
use replica::{Clock, ReplicaId, ScopeId};
use store::{Handle, Login};
use tokio::sync::{mpsc, watch};
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status, Streaming};

use crate::address::HubAddress;
use crate::certify::{Signer, complete, receipted};
use crate::dial::Dialer;
use crate::driver::{OUTBOUND_FRAMES, Progress, SessionSeat, run_session, session_number};
use crate::enrol::{EnrolRefusal, Registrar};
use crate::fault::DialError;
use crate::limits::MESSAGE_BYTES_MAX;
use crate::refusal::status;
use crate::serve::peer_of;
use crate::stop::{Stop, Stopper, stop_signal};
use crate::tls::NodeMaterial;

/// The sessions under way at a hub, by replica. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Roster {
    seats: Arc<Mutex<BTreeMap<ReplicaId, Seat>>>,
}

/// One node as the roster knows it.
#[derive(Clone, Debug)]
pub struct Seat {
    /// The scope it stands for.
    pub scope: ScopeId,
    /// When its newest session began, milliseconds since 1970.
    pub since_ms: u64,
    /// Follows the newest session.
    pub progress: watch::Receiver<Progress>,
    /// Ends the newest session.
    stopper: Arc<Stopper>,
}

impl Roster {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<ReplicaId, Seat>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every node that has had a session in this run, with its newest one.
    #[must_use]
    pub fn seats(&self) -> Vec<(ReplicaId, Seat)> {
        self.lock()
            .iter()
            .map(|(replica, seat)| (*replica, seat.clone()))
            .collect()
    }

    /// Ends the session with a node, with a goodbye; the node calls again by itself. Returns whether
    /// one was open.
    #[must_use]
    pub fn hang_up(&self, replica: ReplicaId) -> bool {
        let seats = self.lock();
        let seat = seats.get(&replica);
        let open = seat.filter(|seat| seat.progress.borrow().open);
        open.is_some_and(|seat| {
            seat.stopper.stop();
            true
        })
    }

    /// Sessions that are open now.
    #[must_use]
    pub fn open(&self) -> usize {
        self.lock()
            .values()
            .filter(|seat| seat.progress.borrow().open)
            .count()
    }
}

/// The service that takes the calls of nodes.
#[derive(Debug)]
pub struct SyncService<R> {
    writer: Handle,
    registrar: Arc<R>,
    clock: Arc<dyn Clock>,
    roster: Roster,
    stop: Stop,
    signer: Option<Signer>,
}

impl<R: Registrar> SyncService<R> {
    /// Returns the service over a writer and a registry.
    #[must_use]
    pub fn new(
        writer: Handle,
        registrar: Arc<R>,
        clock: Arc<dyn Clock>,
        roster: Roster,
        stop: Stop,
    ) -> Self {
        Self {
            writer,
            registrar,
            clock,
            roster,
            stop,
            signer: None,
        }
    }

    /// Gives a signed receipt for each batch that is acknowledged.
    #[must_use]
    pub fn signing(mut self, signer: Signer) -> Self {
        self.signer = Some(signer);
        self
    }

    async fn login(&self, request: &Request<Streaming<Frame>>) -> Result<Login, Status> {
        let identity = peer_of(request).and_then(|peer| peer.identity());
        let Some(node) = identity.and_then(|identity| identity.node()) else {
            let text = "a node certificate is needed";
            return Err(status(
                Code::PermissionDenied,
                EnrolRefusal::Inactive.code(),
                text,
            ));
        };
        let place = self
            .registrar
            .lookup(node)
            .await?
            .ok_or(EnrolRefusal::Inactive)?;
        let peer = ReplicaId(node.0);
        Ok(Login {
            session: session_number(),
            peer,
            scope: place.scope,
        })
    }
}

#[tonic::async_trait]
impl<R: Registrar> SyncRpc for SyncService<R> {
    type ExchangeStream =
        std::pin::Pin<Box<dyn tokio_stream::Stream<Item = Result<Frame, Status>> + Send>>;

    async fn exchange(
        &self,
        request: Request<Streaming<Frame>>,
    ) -> Result<Response<Self::ExchangeStream>, Status> {
        let login = self.login(&request).await?;
        let (outbound, frames) = mpsc::channel(OUTBOUND_FRAMES);
        let (progress, follows) = watch::channel(Progress::default());
        let since_ms = self.clock.wall_ms();
        let (stopper, goodbye) = stop_signal();
        let stopper = Arc::new(stopper);
        let seat = Seat {
            scope: login.scope,
            since_ms,
            progress: follows,
            stopper: Arc::clone(&stopper),
        };
        self.roster.lock().insert(login.peer, seat);
        let seat = SessionSeat {
            role: Role::Hub,
            login,
            writer: self.writer.clone(),
            clock: Arc::clone(&self.clock),
        };
        let mut stop = self.stop.clone();
        let inbound = request.into_inner();
        // The task ends with the stream: when the peer has gone, when either side ends the
        // session, or at the stop signal. The server waits for the stream before it ends.
        tokio::spawn(async move {
            let running = run_session(seat, inbound, outbound, goodbye, &progress);
            tokio::pin!(running);
            let done = tokio::select! {
                done = &mut running => done,
                () = stop.wait() => {
                    stopper.stop();
                    running.await
                }
            };
            tracing::info!(peer = %login.peer, code = %done.code, by_peer = done.by_peer, "session ended");
        });
        let Some(signer) = self.signer.clone() else {
            return Ok(Response::new(Box::pin(ReceiverStream::new(frames).map(Ok))));
        };
        let (clock, hub) = (Arc::clone(&self.clock), self.writer.config().replica);
        let mut sent = Vec::new();
        let frames = ReceiverStream::new(frames).map(move |frame| {
            let sides = (hub, login.peer);
            Ok(receipted(frame, &signer, &*clock, sides, &mut sent))
        });
        Ok(Response::new(Box::pin(frames)))
    }
}

/// Makes one call of the hub and runs the session on it until it ends.
///
/// # Errors
/// The hub cannot be reached or refuses the call.
pub async fn call(
    dialer: &Dialer,
    address: &HubAddress,
    material: &NodeMaterial,
    seat: SessionSeat,
    stop: Stop,
    progress: &watch::Sender<Progress>,
) -> Result<Done, DialError> {
    let channel = dialer.dial(address, material).await?;
    call_over(channel, seat, stop, progress).await
}

/// Runs a session over a channel that has been dialled.
///
/// # Errors
/// The hub refuses the call.
pub async fn call_over(
    channel: tonic::transport::Channel,
    seat: SessionSeat,
    stop: Stop,
    progress: &watch::Sender<Progress>,
) -> Result<Done, DialError> {
    let mut client = SyncClient::new(channel)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    let (outbound, frames) = mpsc::channel(OUTBOUND_FRAMES);
    let answer = client
        .exchange(Request::new(ReceiverStream::new(frames)))
        .await;
    let inbound = answer
        .map_err(|status| DialError::of_status(&status))?
        .into_inner();
    let mut certificate = Vec::new();
    let inbound = inbound.map(move |frame| Ok(complete(frame?, &mut certificate)));
    Ok(run_session(seat, inbound, outbound, stop, progress).await)
}

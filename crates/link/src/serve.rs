//! The hub's servers: what answers on the two faces of the port, and how it ends.
//!
//! The sync side serves sessions, renewal, health and reflection, to holders of certificates, who
//! are checked again at every call. The enrol side serves the enrolment and nothing else. All
//! limits of HTTP/2 are set here in so many words.

use std::sync::Arc;

use proto::enrol::enrol_server::EnrolServer;
use proto::enrol::renewal_server::RenewalServer;
use proto::sync::files_server::FilesServer;
use proto::sync::proof_server::ProofServer;
use proto::sync::sync_server::{Sync as SyncRpc, SyncServer};
use replica::Clock;
use thiserror::Error;
use tonic::service::{Interceptor, InterceptorLayer};
use tonic::transport::Server;
use tonic::{Code, Request, Status};
use tower::layer::util::{Identity, Stack};

use crate::accept::{Accepting, Acceptor};
use crate::authority::Authority;
use crate::certify::ProofService;
use crate::conn::{PeerInfo, Role};
use crate::enrol::{EnrolService, Registrar, RenewalService};
use crate::files::FilesService;
use crate::limits::{
    AGE_GRACE, CONNECTION_WINDOW_BYTES, ENROL_AGE_MAX, FRAME_BYTES_MAX, HEADER_BYTES_MAX,
    KEEPALIVE, LOCAL_RESETS_MAX, MESSAGE_BYTES_MAX, PENDING_RESETS_MAX, STOP_GRACE,
    STREAM_WINDOW_BYTES, STREAMS_MAX, SYNC_AGE_MAX,
};
use crate::refusal::status;
use crate::stop::Stop;

/// What a hub serves.
#[derive(Debug)]
pub struct HubServices<S, R> {
    /// The sessions.
    pub sync: S,
    /// Comparisons and certificates; none where nothing is kept.
    pub proof: Option<ProofService<R>>,
    /// The content of attachments; none where nothing is kept.
    pub files: Option<FilesService<R>>,
    /// The registry.
    pub registrar: Arc<R>,
    /// The authority that issues.
    pub authority: Arc<Authority>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

/// Why the servers ended before they were told to.
#[derive(Debug, Error)]
pub enum ServeError {
    /// A server failed.
    #[error("grpc server failed")]
    Transport(#[from] tonic::transport::Error),
    /// The schema cannot be served.
    #[error("reflection cannot be served")]
    Reflection(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The accepting task panicked.
    #[error("accepting task failed")]
    Accept(#[from] tokio::task::JoinError),
}

impl ServeError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Transport(_) => "LINK-050",
            Self::Reflection(_) => "LINK-051",
            Self::Accept(_) => "LINK-052",
        }
    }
}

/// Returns who makes a call, from a request to any of our services.
#[must_use]
pub fn peer_of<T>(request: &Request<T>) -> Option<&PeerInfo> {
    request.extensions().get::<PeerInfo>()
}

/// Serves both faces of the hub's port until the stop signal. Open streams then have
/// [`STOP_GRACE`] to end by themselves before they are cut.
///
/// # Errors
/// When a server fails.
pub async fn serve<S, R>(
    acceptor: &Acceptor,
    accepting: Accepting,
    services: HubServices<S, R>,
    stop: Stop,
) -> Result<(), ServeError>
where
    S: SyncRpc,
    R: Registrar,
{
    let Accepting { sync, enrol, task } = accepting;
    let (health_reporter, health) = tonic_health::server::health_reporter();
    health_reporter.set_serving::<SyncServer<S>>().await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
        .build_v1()
        .map_err(|error| ServeError::Reflection(error.into()))?;
    let HubServices {
        sync: sessions,
        proof,
        files,
        registrar,
        authority,
        clock,
    } = services;
    let renewal = RenewalService::new(
        Arc::clone(&authority),
        Arc::clone(&registrar),
        Arc::clone(&clock),
    );
    let sync_router = limited(acceptor, Role::Sync)
        .max_connection_age(SYNC_AGE_MAX)
        .add_service(
            SyncServer::new(sessions)
                .max_decoding_message_size(MESSAGE_BYTES_MAX)
                .max_encoding_message_size(MESSAGE_BYTES_MAX),
        )
        .add_service(
            RenewalServer::new(renewal)
                .max_decoding_message_size(MESSAGE_BYTES_MAX)
                .max_encoding_message_size(MESSAGE_BYTES_MAX),
        )
        .add_optional_service(proof.map(proof_server))
        .add_optional_service(files.map(files_server))
        .add_service(health)
        .add_service(reflection);
    let enrolment = EnrolService::new(authority, registrar, clock);
    let enrol_router = limited(acceptor, Role::Enrol)
        .max_connection_age(ENROL_AGE_MAX)
        .max_connection_age_grace(AGE_GRACE)
        .add_service(
            EnrolServer::new(enrolment)
                .max_decoding_message_size(MESSAGE_BYTES_MAX)
                .max_encoding_message_size(MESSAGE_BYTES_MAX),
        );
    let servers = async {
        tokio::try_join!(
            sync_router.serve_with_incoming_shutdown(sync, stopped(stop.clone())),
            enrol_router.serve_with_incoming_shutdown(enrol, stopped(stop.clone())),
        )
    };
    let ending = async {
        stopped(stop.clone()).await;
        health_reporter.set_not_serving::<SyncServer<S>>().await;
        tokio::time::sleep(STOP_GRACE).await;
        acceptor.cut_all();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        served = servers => if let Err(error) = served {
            task.abort();
            return Err(error.into());
        },
        () = ending => {}
    }
    Ok(task.await?)
}

fn proof_server<R: Registrar>(proof: ProofService<R>) -> ProofServer<ProofService<R>> {
    ProofServer::new(proof)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX)
}

/// A piece has 64 KiB, a want some words: none is nearly as long as a batch.
fn files_server<R: Registrar>(files: FilesService<R>) -> FilesServer<FilesService<R>> {
    FilesServer::new(files)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX)
}

async fn stopped(mut stop: Stop) {
    stop.wait().await;
}

/// Checks the caller at each call.
#[derive(Clone, Debug)]
struct Gate {
    acceptor: Acceptor,
    role: Role,
}

impl Interceptor for Gate {
    fn call(&mut self, request: Request<()>) -> Result<Request<()>, Status> {
        match peer_of(&request) {
            Some(peer) if peer.role == self.role => match self.acceptor.admit(peer) {
                Ok(()) => Ok(request),
                Err(refusal) => Err(status(
                    Code::Unauthenticated,
                    refusal.code(),
                    refusal.to_string(),
                )),
            },
            Some(_) | None => Err(Status::unimplemented("not served here")),
        }
    }
}

/// A server with every limit set and the gate before every service.
fn limited(acceptor: &Acceptor, role: Role) -> Server<Stack<InterceptorLayer<Gate>, Identity>> {
    let gate = Gate {
        acceptor: acceptor.clone(),
        role,
    };
    Server::builder()
        .max_concurrent_streams(STREAMS_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_frame_size(FRAME_BYTES_MAX)
        .http2_max_header_list_size(HEADER_BYTES_MAX)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .http2_max_pending_accept_reset_streams(Some(PENDING_RESETS_MAX))
        .http2_max_local_error_reset_streams(Some(LOCAL_RESETS_MAX))
        .layer(InterceptorLayer::new(gate))
}

//! The hub's side: the services `Enrol` and `Renewal`.
//!
//! A request that cannot be used is found out before the token is spent on it. The name in the
//! certificate comes from the registry, at a renewal from the caller's verified certificate; the
//! request gives only its key.

use std::sync::Arc;

use proto::enrol::enrol_server::Enrol;
use proto::enrol::renewal_server::Renewal;
use proto::enrol::{Credential, EnrolRequest, RenewRequest};
use replica::{Clock, ReplicaId};
use tonic::{Request, Response, Status};
use tracing::{error, info, warn};

use super::attempts::{Attempt, Attempts};
use super::{EnrolRefusal, Invitation, Joiner, Registrar, credential};
use crate::authority::{Authority, check_request};
use crate::conn::{PeerInfo, Role};
use crate::identity::NodeId;
use crate::limits::PROGRAM_BYTES_MAX;
use crate::serve::peer_of;
use crate::token::{SECRET_BYTES, secret_hash};

/// Spends tokens. It answers on the enrol side only.
#[derive(Debug)]
pub struct EnrolService<R> {
    desk: Desk<R>,
    attempts: Attempts,
}

/// Renews certificates. It answers holders of a node's certificate only.
#[derive(Debug)]
pub struct RenewalService<R>(Desk<R>);

#[derive(Debug)]
struct Desk<R> {
    authority: Arc<Authority>,
    registrar: Arc<R>,
    clock: Arc<dyn Clock>,
}

impl<R: Registrar> EnrolService<R> {
    /// Makes the service.
    pub fn new(authority: Arc<Authority>, registrar: Arc<R>, clock: Arc<dyn Clock>) -> Self {
        Self {
            desk: Desk {
                authority,
                registrar,
                clock,
            },
            attempts: Attempts::default(),
        }
    }

    async fn spend(&self, request: EnrolRequest) -> Result<Credential, EnrolRefusal> {
        let joiner = joiner_of(&request).ok_or(EnrolRefusal::Request)?;
        check_request(&request.csr).or(Err(EnrolRefusal::Request))?;
        let hash = secret_hash(&request.secret);
        let invitation = self.desk.registrar.spend(hash, joiner).await?;
        self.desk.issue(invitation, &request.csr).await
    }

    fn settle(&self, attempt: &Attempt, refusal: Option<EnrolRefusal>) {
        match refusal {
            None | Some(EnrolRefusal::Unavailable | EnrolRefusal::Locked) => {
                self.attempts.forgive(attempt);
            }
            Some(_) => {}
        }
    }
}

impl<R: Registrar> RenewalService<R> {
    /// Makes the service.
    pub fn new(authority: Arc<Authority>, registrar: Arc<R>, clock: Arc<dyn Clock>) -> Self {
        Self(Desk {
            authority,
            registrar,
            clock,
        })
    }

    async fn reissue(&self, node: NodeId, csr: &[u8]) -> Result<Credential, EnrolRefusal> {
        check_request(csr).or(Err(EnrolRefusal::Request))?;
        let place = self.0.registrar.lookup(node).await?;
        let place = place.ok_or(EnrolRefusal::Inactive)?;
        if place.node != node {
            error!(%node, found = %place.node, "registry answered for another node");
            return Err(EnrolRefusal::Unavailable);
        }
        self.0.issue(place, csr).await
    }
}

impl<R: Registrar> Desk<R> {
    async fn issue(&self, invitation: Invitation, csr: &[u8]) -> Result<Credential, EnrolRefusal> {
        let node = invitation.node;
        let now_ms = self.clock.wall_ms();
        let (certificate, facts) = self
            .authority
            .issue_node(csr, node, now_ms)
            .inspect_err(|cause| error!(%node, %cause, "certificate could not be issued"))
            .or(Err(EnrolRefusal::Unavailable))?;
        self.registrar.issued(node, &facts).await?;
        info!(%node, serial = %facts.serial, "certificate issued");
        Ok(credential(
            invitation,
            &certificate,
            &self.authority,
            now_ms,
        ))
    }
}

#[tonic::async_trait]
impl<R: Registrar> Enrol for EnrolService<R> {
    async fn enrol(&self, request: Request<EnrolRequest>) -> Result<Response<Credential>, Status> {
        let addr = side_of(&request, Role::Enrol)?.addr;
        let now = self.desk.clock.mono();
        let Some(attempt) = self.attempts.begin(addr.ip(), now) else {
            warn!(%addr, code = EnrolRefusal::TooMany.code(), "enrolment refused");
            return Err(EnrolRefusal::TooMany.into());
        };
        let spent = self.spend(request.into_inner()).await;
        self.settle(&attempt, spent.as_ref().err().copied());
        match spent {
            Ok(credential) => Ok(Response::new(credential)),
            Err(refusal) => {
                warn!(%addr, code = refusal.code(), reason = %refusal, "enrolment refused");
                Err(refusal.into())
            }
        }
    }
}

#[tonic::async_trait]
impl<R: Registrar> Renewal for RenewalService<R> {
    async fn renew(&self, request: Request<RenewRequest>) -> Result<Response<Credential>, Status> {
        let peer = side_of(&request, Role::Sync)?;
        let node = peer.identity().and_then(|identity| identity.node());
        let node = node.ok_or(EnrolRefusal::Inactive)?;
        match self.reissue(node, &request.get_ref().csr).await {
            Ok(credential) => Ok(Response::new(credential)),
            Err(refusal) => {
                warn!(%node, code = refusal.code(), reason = %refusal, "renewal refused");
                Err(refusal.into())
            }
        }
    }
}

/// The peer of a call that came to the right face of the port. The routers see to that; a service
/// mounted on the wrong one refuses all the same.
fn side_of<T>(request: &Request<T>, role: Role) -> Result<&PeerInfo, Status> {
    match peer_of(request) {
        Some(peer) if peer.role == role => Ok(peer),
        Some(_) | None => Err(Status::unimplemented("not served here")),
    }
}

fn joiner_of(request: &EnrolRequest) -> Option<Joiner> {
    let is_sound =
        request.secret.len() == SECRET_BYTES && request.program.len() <= PROGRAM_BYTES_MAX;
    is_sound.then_some(Joiner {
        replica: ReplicaId::try_from(request.replica.as_ref()).ok()?,
        program: request.program.clone(),
        demo: request.demo,
    })
}

//! Joining a federation and staying in it.
//!
//! A token is spent once: the hub's registry does that in one durable step, here is only what
//! stands around it. The key of a node is made by the node and never leaves it. What the hub sends
//! back is checked against the key, the token's fingerprint and the name it claims, before anything
//! is kept.

mod attempts;
mod join;
mod service;

use replica::{ReplicaId, ScopeId};
use rustls::pki_types::CertificateDer;
use thiserror::Error;
use tonic::{Code, Status};

pub use join::{Enrolment, enrol, renew, renew_at};
pub use service::{EnrolService, RenewalService};

use crate::authority::AuthorityError;
use crate::fault::DialError;
use crate::identity::{CertificateFacts, NodeId};
use crate::refusal::{stable_code, status};

/// What the hub's registry knows of a node, and what the node is told about its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// The node.
    pub node: NodeId,
    /// The scope it writes.
    pub scope: ScopeId,
    /// The scope's code at present.
    pub scope_code: String,
    /// The scope's name at present.
    pub scope_name: String,
    /// The scope that every node receives.
    pub published: ScopeId,
    /// Its code at present.
    pub published_code: String,
}

/// Who comes with a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joiner {
    /// The replica that joins.
    pub replica: ReplicaId,
    /// Its program and version.
    pub program: String,
    /// Its store was made with demonstration data.
    pub demo: bool,
}

/// Why a token, or the caller's place, is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EnrolRefusal {
    /// The token has been spent.
    #[error("invitation has been used")]
    Used,
    /// The token's time is over.
    #[error("invitation has expired")]
    Expired,
    /// No such token was given out.
    #[error("invitation is not known")]
    Unknown,
    /// The registry takes no enrolments at present.
    #[error("enrolment is locked")]
    Locked,
    /// One side holds demonstration data and the other does not.
    #[error("demonstration data cannot join real data")]
    DemoMismatch,
    /// Too many failed attempts came from the address.
    #[error("too many failed attempts from this address")]
    TooMany,
    /// The certificate request, or another part of the call, cannot be used.
    #[error("request cannot be used")]
    Request,
    /// The hub cannot look or issue at present; nothing is known about the token.
    #[error("hub cannot answer at present")]
    Unavailable,
    /// The caller's place in the registry was revoked or fenced.
    #[error("node is no longer active")]
    Inactive,
}

const REFUSALS: [EnrolRefusal; 9] = [
    EnrolRefusal::Used,
    EnrolRefusal::Expired,
    EnrolRefusal::Unknown,
    EnrolRefusal::Locked,
    EnrolRefusal::DemoMismatch,
    EnrolRefusal::TooMany,
    EnrolRefusal::Request,
    EnrolRefusal::Unavailable,
    EnrolRefusal::Inactive,
];

impl EnrolRefusal {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Used => "LINK-020",
            Self::Expired => "LINK-021",
            Self::Unknown => "LINK-022",
            Self::Locked => "LINK-023",
            Self::DemoMismatch => "LINK-024",
            Self::TooMany => "LINK-025",
            Self::Request => "LINK-026",
            Self::Unavailable => "LINK-027",
            Self::Inactive => "LINK-029",
        }
    }

    fn of(status: &Status) -> Option<Self> {
        let stable = stable_code(status)?;
        REFUSALS.into_iter().find(|known| known.code() == stable)
    }
}

impl From<EnrolRefusal> for Status {
    fn from(refusal: EnrolRefusal) -> Self {
        let code = match refusal {
            EnrolRefusal::Used | EnrolRefusal::Expired | EnrolRefusal::DemoMismatch => {
                Code::FailedPrecondition
            }
            EnrolRefusal::Unknown | EnrolRefusal::Inactive => Code::PermissionDenied,
            EnrolRefusal::Locked | EnrolRefusal::Unavailable => Code::Unavailable,
            EnrolRefusal::TooMany => Code::ResourceExhausted,
            EnrolRefusal::Request => Code::InvalidArgument,
        };
        status(code, refusal.code(), refusal.to_string())
    }
}

/// The hub's registry, as enrolment needs it.
#[tonic::async_trait]
pub trait Registrar: Send + Sync + 'static {
    /// Spends the token whose secret has this hash, in one atomic step that is durable when this
    /// returns. Of two calls with one token, exactly one succeeds.
    async fn spend(
        &self,
        secret_hash: [u8; 32],
        joiner: Joiner,
    ) -> Result<Invitation, EnrolRefusal>;

    /// Returns the place of a node, or nothing if it is not active any more.
    ///
    /// An error means that the registry could not look.
    async fn lookup(&self, node: NodeId) -> Result<Option<Invitation>, EnrolRefusal>;

    /// Notes a certificate that is about to leave, so that it can be revoked by its serial and its
    /// end can be watched. Durable when this returns; on an error the certificate is not sent.
    async fn issued(&self, node: NodeId, facts: &CertificateFacts) -> Result<(), EnrolRefusal>;
}

/// Why a node did not join, or did not renew.
#[derive(Debug, Error)]
pub enum EnrolError {
    /// The hub was not reached or did not prove itself.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The hub refused.
    #[error(transparent)]
    Refused(#[from] EnrolRefusal),
    /// The hub's answer does not fit the key, the token or itself.
    #[error("answer of the hub does not fit: {what}")]
    Answer {
        /// What of it.
        what: &'static str,
    },
    /// The own key could not be made.
    #[error(transparent)]
    Key(#[from] AuthorityError),
}

impl EnrolError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Dial(error) => error.code(),
            Self::Refused(refusal) => refusal.code(),
            Self::Answer { .. } => "LINK-028",
            Self::Key(error) => error.code(),
        }
    }

    fn of(status: &Status) -> Self {
        match EnrolRefusal::of(status) {
            Some(refusal) => Self::Refused(refusal),
            None => Self::Dial(DialError::of_status(status)),
        }
    }
}

/// The form in which a hub's answer is sent.
fn credential(
    invitation: Invitation,
    certificate: &CertificateDer<'_>,
    authority: &crate::authority::Authority,
    now_ms: u64,
) -> proto::enrol::Credential {
    proto::enrol::Credential {
        certificate: certificate.to_vec(),
        authority: authority.certificate().to_vec(),
        node: invitation.node.to_string(),
        hub: authority.hub().to_string(),
        scope: invitation.scope.0.to_vec(),
        scope_code: invitation.scope_code,
        scope_name: invitation.scope_name,
        published: invitation.published.0.to_vec(),
        published_code: invitation.published_code,
        hub_replica: authority.hub().0.to_vec(),
        now_ms: i64::try_from(now_ms).unwrap_or(i64::MAX),
    }
}

//! Why a connection did not come about, from both sides.
//!
//! [`DialError`] is what a node tells its people: whether to wait, to set the clock, or to ask for
//! a new invitation. [`Refusal`] is what a hub logs. Both are found by walking the causes of
//! whatever error the layers in between made of it.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use replica::ReplicaId;
use rustls::{AlertDescription, CertificateError, PeerIncompatible};
use thiserror::Error;
use tonic::Status;

use crate::identity::{CertificateFacts, IdentityError};
use crate::refusal::stable_code;
use crate::tls::MaterialError;

/// Why a hub could not be reached.
#[derive(Clone, Debug, Error)]
pub enum DialError {
    /// Nobody answered, or the line broke. Waiting helps.
    #[error("hub cannot be reached")]
    Network(#[source] Arc<io::Error>),
    /// The hub has revoked the certificate or the node.
    #[error("certificate was revoked by the hub")]
    Revoked,
    /// The own certificate is over. A new invitation is needed.
    #[error("own certificate has expired")]
    Expired {
        /// Since when.
        not_after_ms: u64,
    },
    /// The own clock and the hub's lie far apart; the certificates may be sound.
    #[error("clock differs from the hub's")]
    Clock {
        /// What the own clock says.
        own_ms: u64,
        /// The nearest moment that the hub's clock can have.
        hub_ms: u64,
    },
    /// Whoever answers was not certified by the authority we know, or the hub does not know ours.
    #[error("certificate is of an unknown authority")]
    UnknownAuthority,
    /// Another hub of the same authority answers.
    #[error("another hub answers")]
    WrongHub {
        /// Whom the node enrolled with.
        expected: ReplicaId,
        /// Who answers.
        found: ReplicaId,
    },
    /// The hub's own certificate is over; its administrators must act.
    #[error("certificate of the hub has expired")]
    HubExpired {
        /// Since when.
        not_after_ms: u64,
    },
    /// The hub, or what answers in its place, does not take the connection for another reason.
    #[error("connection was refused: {reason}")]
    Refused {
        /// In the words of TLS.
        reason: String,
    },
    /// The own key or certificate cannot be used.
    #[error("own certificate or key cannot be used")]
    Material(#[from] MaterialError),
}

impl DialError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Network(_) => "LINK-001",
            Self::Revoked => "LINK-002",
            Self::Expired { .. } => "LINK-003",
            Self::Clock { .. } => "LINK-004",
            Self::UnknownAuthority => "LINK-005",
            Self::WrongHub { .. } => "LINK-006",
            Self::Refused { .. } => "LINK-007",
            Self::HubExpired { .. } => "LINK-008",
            Self::Material(error) => error.code(),
        }
    }

    /// Whether the same call may succeed later without anyone doing anything.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Network(_))
    }

    /// Finds what a failed call says about the connection: the hub's refusal at the call, or the
    /// fault of the line under it. Anything else the hub answered is a refusal in its words.
    #[must_use]
    pub fn of_status(status: &Status) -> Self {
        if stable_code(status) == Some(Refusal::Revoked.code()) {
            return Self::Revoked;
        }
        match StdError::source(status) {
            Some(cause) => Self::of(cause),
            None if status.code() == tonic::Code::Unavailable => {
                let lost = io::Error::new(io::ErrorKind::ConnectionReset, status.to_string());
                Self::Network(Arc::new(lost))
            }
            None => Self::Refused {
                reason: status.to_string(),
            },
        }
    }

    /// Finds the reason among the causes of an error of any layer.
    #[must_use]
    pub fn of(error: &(dyn StdError + 'static)) -> Self {
        let mut kind = None;
        for cause in causes(error) {
            if let Some(known) = cause.downcast_ref::<Self>() {
                return known.clone();
            }
            if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
                return Self::of_tls(tls, None, 0);
            }
            if let Some(io) = cause.downcast_ref::<io::Error>() {
                kind = Some(io.kind());
            }
        }
        let kind = kind.unwrap_or(io::ErrorKind::Other);
        Self::Network(Arc::new(io::Error::new(kind, error.to_string())))
    }

    /// What an error of the handshake means, given the own certificate and the own clock.
    pub(crate) fn of_io(error: io::Error, own: Option<&CertificateFacts>, own_ms: u64) -> Self {
        for cause in causes(&error) {
            if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
                return Self::of_tls(tls, own, own_ms);
            }
        }
        Self::Network(Arc::new(error))
    }

    fn of_tls(error: &rustls::Error, own: Option<&CertificateFacts>, own_ms: u64) -> Self {
        use rustls::Error::{AlertReceived, InvalidCertificate};
        match error {
            InvalidCertificate(CertificateError::Other(other)) => {
                match other.0.downcast_ref::<Self>() {
                    Some(known) => known.clone(),
                    None => refused(error),
                }
            }
            AlertReceived(AlertDescription::CertificateRevoked) => Self::Revoked,
            AlertReceived(AlertDescription::UnknownCA) => Self::UnknownAuthority,
            AlertReceived(AlertDescription::CertificateExpired) => match own {
                // Own and hub's clock agree that it is over.
                Some(own) if own.not_after_ms < own_ms => Self::Expired {
                    not_after_ms: own.not_after_ms,
                },
                // By the own clock it is valid; by the hub's, which agrees with ours on the hub's
                // certificate, it is not. The alert is the same for "over" and for "not yet".
                Some(own) => Self::Clock {
                    own_ms,
                    hub_ms: own.not_after_ms,
                },
                None => Self::Expired { not_after_ms: 0 },
            },
            other => refused(other),
        }
    }
}

fn refused(reason: &rustls::Error) -> DialError {
    DialError::Refused {
        reason: reason.to_string(),
    }
}

/// Why a hub did not take a connection.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// No client certificate came.
    #[error("no certificate was presented")]
    NoCertificate,
    /// The certificate is not of our authority.
    #[error("certificate is of an unknown authority")]
    UnknownAuthority,
    /// The certificate is over.
    #[error("certificate has expired")]
    Expired,
    /// The certificate's life has not begun.
    #[error("certificate is not valid yet")]
    NotYetValid,
    /// The certificate or the identity is on the deny list.
    #[error("certificate was revoked")]
    Revoked,
    /// The certificate was made for another purpose.
    #[error("certificate is for another purpose")]
    Purpose,
    /// The certificate is an authority's.
    #[error("certificate of an authority cannot be presented")]
    AuthorityAsLeaf,
    /// The certificate names nobody, or more than one.
    #[error(transparent)]
    Identity(IdentityError),
    /// The certificate names a member of another federation.
    #[error("certificate belongs to another hub")]
    OtherHub,
    /// The peer speaks an older TLS only.
    #[error("tls version is too old")]
    TlsVersion,
    /// The peer does not speak TLS.
    #[error("peer does not speak tls")]
    PlainText,
    /// The peer asked for neither of our protocols, or for both.
    #[error("application protocol is not ours")]
    Alpn,
    /// The handshake took too long, or had to make room for others.
    #[error("handshake was not finished in time")]
    Timeout,
    /// All connections are taken.
    #[error("too many connections")]
    Full,
    /// The line broke during the handshake.
    #[error("connection was lost during the handshake")]
    Lost,
    /// Another fault of the handshake.
    #[error("handshake failed")]
    Handshake {
        /// In the words of TLS.
        reason: String,
    },
}

impl Refusal {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoCertificate => "LINK-060",
            Self::UnknownAuthority => "LINK-061",
            Self::Expired => "LINK-062",
            Self::NotYetValid => "LINK-063",
            Self::Revoked => "LINK-064",
            Self::Purpose => "LINK-065",
            Self::AuthorityAsLeaf => "LINK-066",
            Self::Identity(error) => error.code(),
            Self::OtherHub => "LINK-067",
            Self::TlsVersion => "LINK-068",
            Self::PlainText => "LINK-069",
            Self::Alpn => "LINK-070",
            Self::Timeout => "LINK-071",
            Self::Full => "LINK-072",
            Self::Lost => "LINK-073",
            Self::Handshake { .. } => "LINK-074",
        }
    }

    /// What an error of the handshake means.
    pub(crate) fn of_io(error: &io::Error) -> Self {
        for cause in causes(error) {
            if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
                return Self::of_tls(tls);
            }
        }
        Self::Lost
    }

    fn of_tls(error: &rustls::Error) -> Self {
        use rustls::Error as Tls;
        match error {
            Tls::NoCertificatesPresented => Self::NoCertificate,
            Tls::NoApplicationProtocol => Self::Alpn,
            Tls::InvalidMessage(_) | Tls::InappropriateMessage { .. } => Self::PlainText,
            Tls::PeerIncompatible(
                PeerIncompatible::SupportedVersionsExtensionRequired
                | PeerIncompatible::Tls12NotOfferedOrEnabled
                | PeerIncompatible::Tls13RequiredForQuic
                | PeerIncompatible::ServerDoesNotSupportTls12Or13,
            ) => Self::TlsVersion,
            Tls::InvalidCertificate(error) => Self::of_certificate(error),
            other => Self::Handshake {
                reason: other.to_string(),
            },
        }
    }

    fn of_certificate(error: &CertificateError) -> Self {
        match error {
            CertificateError::UnknownIssuer => Self::UnknownAuthority,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Self::NotYetValid
            }
            CertificateError::Revoked => Self::Revoked,
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                Self::Purpose
            }
            CertificateError::Other(other) => {
                if let Some(refusal) = other.0.downcast_ref::<Self>() {
                    refusal.clone()
                } else if let Some(webpki::Error::CaUsedAsEndEntity) = other.0.downcast_ref() {
                    Self::AuthorityAsLeaf
                } else {
                    Self::Handshake {
                        reason: other.to_string(),
                    }
                }
            }
            other => Self::Handshake {
                reason: other.to_string(),
            },
        }
    }
}

/// A refused connection, for the log and the counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Where it came from.
    pub addr: SocketAddr,
    /// Why it was not taken.
    pub refusal: Refusal,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.refusal.code(), self.addr, self.refusal)
    }
}

/// An error and what caused it, outermost first. An `io::Error` hides the error it was made of
/// behind that error's own source, so it is opened.
fn causes<'a>(error: &'a (dyn StdError + 'static)) -> Vec<&'a (dyn StdError + 'static)> {
    let mut chain = Vec::new();
    let mut next: Option<&'a (dyn StdError + 'static)> = Some(error);
    while let Some(cause) = next {
        chain.push(cause);
        next = match cause
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(inner) => Some(inner),
            None => cause.source(),
        };
    }
    chain
}

//! A session in a file, for a district that has no line.
//!
//! What travels is what a line would carry: a Hello or a Welcome, batches, answers, sums at a cut.
//! A file is sealed to one receiver and signed by its sender ([`seal`]), and what comes out of it
//! goes through the same state machine and the same operations as a session ([`take`]). The sender
//! starts from what the receiver has last confirmed and not from its last file ([`give`]), so a
//! lost stick heals with the next one. The certificate that nothing was lost comes about the same
//! way ([`proof`]).

mod give;
mod host;
mod keys;
mod proof;
mod seal;
mod take;

use std::fmt;
use std::io;

use proto::stored::Certificate;
use proto::sync::{BundleMemory, BundleOpening, Result as ResultWire};
use replica::ReplicaId;
use rustls::pki_types::CertificateDer;
use thiserror::Error;

pub use give::give;
pub use seal::{Parcel, Sealer, is_bundle, open};
pub use take::take;

use crate::authority::PrivateKey;
use crate::certify::Signer;
use crate::deny::DenyList;
use crate::fault::{DialError, Refusal};
use crate::identity::CertificateFacts;

/// Who makes a bundle, and for whom.
#[derive(Clone, Debug)]
pub struct BundleRoute {
    /// The sender.
    pub from: ReplicaId,
    /// Its certificate.
    pub certificate: CertificateDer<'static>,
    /// The key of the certificate.
    pub key: PrivateKey,
    /// The receiver.
    pub to: ReplicaId,
    /// The receiver's public key: of a node's certificate, or of the hub's authority, which is the
    /// one key of the hub that every node has known since it joined.
    pub receiver: Vec<u8>,
    /// A node's request for its next certificate, or the hub's answer to one.
    pub renewal: Renewal,
}

/// What a bundle carries for the certificate of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Renewal {
    /// Nothing.
    #[default]
    None,
    /// A request, DER.
    Request(Vec<u8>),
    /// A certificate, DER.
    Issued(Vec<u8>),
}

/// Who opens a bundle, and whom it believes.
#[derive(Clone, Debug)]
pub struct BundleKeys {
    /// The receiver.
    pub own: ReplicaId,
    /// Its key.
    pub key: PrivateKey,
    /// The authorities by which a sender may prove itself.
    pub authorities: Vec<CertificateDer<'static>>,
    /// The hub of the federation.
    pub hub: ReplicaId,
    /// At the hub, who is refused all the same. A node believes its hub only.
    pub deny: Option<DenyList>,
    /// What the own statement of a certificate is signed with.
    pub signer: Signer,
    /// The code of the node's scope, for people who read a certificate.
    pub scope_code: String,
}

/// Who has made a bundle: verified.
#[derive(Clone, Debug)]
pub struct BundleSender {
    /// The replica.
    pub replica: ReplicaId,
    /// What its certificate says.
    pub facts: CertificateFacts,
    /// What the bundle carries for a certificate.
    pub renewal: Renewal,
    /// When it says it made the bundle, milliseconds since 1970.
    pub made_ms: u64,
    /// The number of the bundle.
    pub number: u64,
}

/// What was put into a bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// The number of the bundle.
    pub number: u64,
    /// Records in it.
    pub records: u64,
    /// It carries everything, because the checkpoints are worthless.
    pub exchange: bool,
    /// What it carries for a certificate.
    pub proof: GivenProof,
}

/// What a bundle carries for the certificate that nothing was lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GivenProof {
    /// A node asks for one at the cut of this bundle.
    pub asks: bool,
    /// The hub's statement for one.
    pub states: bool,
    /// The last one, for the hub to keep.
    pub hands_in: bool,
}

/// What became of a bundle.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    /// Records that were handed to the store.
    pub records: u64,
    /// Batches that had been taken before.
    pub batches_known: u64,
    /// What the session would have found.
    pub diagnosis: i32,
    /// What became of the sender's records that were not simply taken.
    pub results: Vec<ResultWire>,
    /// What the sender says of our records that it has not simply taken.
    pub answers: Vec<ResultWire>,
    /// Writes of ours that the hub has refused and that were taken back.
    pub refused: u64,
    /// Both sides were found equal in every scope.
    pub equal: bool,
    /// The next bundle from here carries everything.
    pub exchange: bool,
    /// Batches that start behind the point where this replica stands: they were not taken.
    pub gap: Option<Gap>,
    /// The hub has stated for a certificate: the next bundle from here carries it.
    pub stated: bool,
    /// A certificate: at a node the one that was made of the hub's statement, at the hub the one that
    /// was handed in and is new. It may be false: whoever needs to know checks it.
    pub certificate: Option<Certificate>,
}

/// A bundle starts behind the point where its receiver stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Where the receiver stands.
    pub stands: u64,
    /// Where the bundle starts.
    pub starts: u64,
}

/// Why a bundle was not made or not taken.
#[derive(Debug, Error)]
pub enum BundleError {
    /// The file could not be read or written.
    #[error("bundle cannot be read or written")]
    Io(#[from] io::Error),
    /// The file is no bundle, or of another version.
    #[error("file is no bundle of a known form")]
    NotBundle,
    /// Bytes were changed, are missing or too many.
    #[error("bundle was altered or cut short: {what}")]
    Altered {
        /// What does not hold.
        what: &'static str,
    },
    /// It was made for another replica.
    #[error("bundle was made for another replica")]
    Receiver {
        /// For whom.
        to: ReplicaId,
    },
    /// It was sealed to a key that this program does not have.
    #[error("bundle was sealed to another key of this replica")]
    Key,
    /// It was made by someone whose certificate this hub does not take.
    #[error("certificate of the sender is refused: {0}")]
    Node(#[source] Refusal),
    /// It was made by someone whom this node does not take for its hub.
    #[error("certificate of the sender is refused: {0}")]
    Hub(#[source] DialError),
    /// The certificate is sound but not that of the sender named in the clear.
    #[error("sender is not whom the certificate names")]
    Sender,
    /// It, or a later one, was taken before.
    #[error("bundle was taken before, or a later one was")]
    Old {
        /// Its number.
        number: u64,
        /// The highest number that was taken.
        taken: u64,
    },
    /// It says less of its sender than is known here.
    #[error("bundle is behind what is known of its sender")]
    Behind,
    /// What is in it breaks the rules of a session.
    #[error("session in the bundle was refused: {code}")]
    Session {
        /// The stable code.
        code: String,
    },
    /// The own key or the receiver's cannot be used.
    #[error("key cannot be used")]
    Material,
    /// The store takes no more work.
    #[error("store does not answer")]
    Store,
}

impl BundleError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Io(_) => "BUNDLE-001",
            Self::NotBundle => "BUNDLE-002",
            Self::Altered { .. } => "BUNDLE-003",
            Self::Receiver { .. } => "BUNDLE-004",
            Self::Key => "BUNDLE-005",
            Self::Node(refusal) => refusal.code(),
            Self::Hub(error) => error.code(),
            Self::Sender => "BUNDLE-006",
            Self::Old { .. } => "BUNDLE-007",
            Self::Behind => "BUNDLE-008",
            Self::Session { code } => code,
            Self::Material => "LINK-009",
            Self::Store => "STORE-006",
        }
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} < {}", self.stands, self.starts)
    }
}

impl Renewal {
    fn of(opening: &BundleOpening) -> Self {
        match (opening.request.is_empty(), opening.renewed.is_empty()) {
            (false, true) => Self::Request(opening.request.clone()),
            (true, false) => Self::Issued(opening.renewed.clone()),
            (true, true) | (false, false) => Self::None,
        }
    }

    /// The two fields of an opening: request, answer.
    fn fields(&self) -> (Vec<u8>, Vec<u8>) {
        match self {
            Self::None => (Vec::new(), Vec::new()),
            Self::Request(request) => (request.clone(), Vec::new()),
            Self::Issued(certificate) => (Vec::new(), certificate.clone()),
        }
    }
}

/// Reads what a replica keeps of the bundles of one peer; nothing is a peer without any.
#[must_use]
pub fn memory_from(stored: Option<&[u8]>) -> BundleMemory {
    stored
        .and_then(|bytes| prost::Message::decode(bytes).ok())
        .unwrap_or_default()
}

/// Forgets the certificate under way. A replica that was put back must not go on with it: what it
/// lacks is about to come home, and would be missing. The next bundles begin another.
pub fn forget_proof(memory: &mut BundleMemory) {
    memory.asked.clear();
    memory.proved = None;
    memory.stated = None;
}

/// Writes it.
#[must_use]
pub fn memory_bytes(memory: &BundleMemory) -> Vec<u8> {
    prost::Message::encode_to_vec(memory)
}

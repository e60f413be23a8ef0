//! The network: TLS identity, enrolment, dialling and accepting.
//!
//! A node dials, a hub accepts; both prove by certificate who they are, and a connection that
//! reaches a service has been verified. What a refusal means is told by type and by stable code.
//! Times come from the [`replica::Clock`] passed in, so that tests need no waiting. The crate knows
//! nothing of what records mean.

#![warn(clippy::non_ascii_literal)]

mod accept;
mod address;
mod authority;
mod backoff;
mod bundle;
mod certify;
mod conn;
mod deny;
mod dial;
mod driver;
mod enrol;
mod fault;
mod files;
mod identity;
pub mod limits;
mod refusal;
mod serve;
mod sessions;
mod stop;
mod tls;
mod token;

pub use accept::{Accepting, Acceptor, Incoming, TcpConnections, tcp};
pub use address::{AddressError, DEFAULT_PORT, HubAddress};
pub use authority::{
    Authority, AuthorityError, CERTIFICATE_FILE, KEY_FILE, KeyState, Leaf, PrivateKey, SealError,
    authority_key, certificate_from, certificate_pem, check_request, is_private, is_sealed,
    key_state, seal, unseal, write_private, write_public,
};
pub use backoff::Backoff;
pub use bundle::{
    BundleError, BundleKeys, BundleRoute, BundleSender, Gap, Given, GivenProof, Parcel, Renewal,
    Sealer, Taken, forget_proof, give, is_bundle, memory_bytes, memory_from, open as open_bundle,
    take,
};
pub use certify::{
    CERTIFICATES, Checked, CheckedReceipt, Comparison, Fault, Holdings, Outcome, ProofError,
    ProofService, Prover, SignatureFault, Signer, certificate_file, check, check_receipt, holdings,
    read_certificate, read_receipt, receipt_file,
};
pub use conn::{BoxIo, Conn, Io, PeerInfo, Role};
pub use deny::DenyList;
/// A certificate as bytes.
pub type CertificateDer = rustls::pki_types::CertificateDer<'static>;
/// A connection on which calls are made.
pub type Channel = tonic::transport::Channel;
pub use dial::{Dialer, EnrolChannel};
pub use driver::{OUTBOUND_FRAMES, Progress, SessionSeat, run_session, session_number};
pub use enrol::{
    EnrolError, EnrolRefusal, EnrolService, Enrolment, Invitation, Joiner, Registrar,
    RenewalService, enrol, renew, renew_at,
};
pub use fault::{DialError, Refusal, Refused};
pub use files::{
    Asker, Carried, Carrying, FileDesk, FileRoom, FilesError, FilesService, Referrer, Wish, carry,
};
pub use identity::{
    CertificateFacts, Identity, IdentityError, NodeId, Serial, facts_of, identity_of,
};
pub use refusal::{CODE_KEY, stable_code, status};
pub use serve::{HubServices, ServeError, peer_of, serve};
pub use sessions::{Roster, Seat, SyncService, call, call_over};
pub use stop::{Stop, Stopper, stop_signal};
pub use tls::{ALPN_ENROL, ALPN_SYNC, HubMaterial, MaterialError, NodeMaterial, provider};
pub use token::{AuthorityPrint, SECRET_BYTES, Token, TokenError, secret_hash};

//! Who a certificate names: one URI, strictly parsed.
//!
//! A certificate proves a name and nothing else; scope and rights come from the hub's registry.
//! Exactly one SAN URI is accepted, in exactly one spelling, so that no two texts mean the same
//! identity and no certificate means two.

use std::fmt;
use std::str::FromStr;

use replica::ReplicaId;
use rustls::pki_types::CertificateDer;
use thiserror::Error;
use webpki::EndEntityCert;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};

/// The id of a node in its hub's registry, given at the invitation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub [u8; 16]);

/// Whom a certificate names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identity {
    /// The hub itself: `spiffe://<hub>/hub`.
    Hub {
        /// The replica of the hub.
        hub: ReplicaId,
    },
    /// A node of the hub: `spiffe://<hub>/node/<node>`.
    Node {
        /// The replica of the hub.
        hub: ReplicaId,
        /// The node.
        node: NodeId,
    },
    /// An administrator's command line: `spiffe://<hub>/admin`.
    Admin {
        /// The replica of the hub.
        hub: ReplicaId,
    },
}

impl Identity {
    /// The hub in whose federation the identity stands.
    #[must_use]
    pub fn hub(&self) -> ReplicaId {
        match self {
            Self::Hub { hub } | Self::Node { hub, .. } | Self::Admin { hub } => *hub,
        }
    }

    /// The node, if it is one.
    #[must_use]
    pub fn node(&self) -> Option<NodeId> {
        match self {
            Self::Node { node, .. } => Some(*node),
            Self::Hub { .. } | Self::Admin { .. } => None,
        }
    }
}

/// The serial number of a certificate, big-endian without leading zeros.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial(Vec<u8>);

impl Serial {
    /// Takes the bytes of a serial number.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let start = bytes.iter().take_while(|byte| **byte == 0).count();
        Self(bytes.iter().skip(start).copied().collect())
    }

    /// The bytes, without leading zeros.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What a certificate of ours says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// Whom it names.
    pub identity: Identity,
    /// Its serial number.
    pub serial: Serial,
    /// The first millisecond of its life.
    pub not_before_ms: u64,
    /// The end of its life.
    pub not_after_ms: u64,
    /// Whether it may be presented by one who dials.
    pub for_client: bool,
    /// Whether it may be presented by one who accepts.
    pub for_server: bool,
    /// Its public key, a point on P-256, uncompressed.
    pub public_key: Vec<u8>,
}

/// Why a certificate names nobody.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IdentityError {
    /// The bytes are no certificate.
    #[error("certificate cannot be read")]
    Unreadable,
    /// It names nobody by URI.
    #[error("certificate carries no identity")]
    NoUri,
    /// It carries more than one name of its kind.
    #[error("certificate carries more than one identity")]
    ManyUris {
        /// How many.
        count: usize,
    },
    /// The URI is no identity of ours.
    #[error("identity is not well formed")]
    Malformed {
        /// What was found.
        uri: String,
    },
}

impl IdentityError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable => "LINK-011",
            Self::NoUri => "LINK-012",
            Self::ManyUris { .. } => "LINK-013",
            Self::Malformed { .. } => "LINK-014",
        }
    }
}

/// Returns the one identity that a certificate names.
///
/// # Errors
/// When it is no certificate, or carries no URI, more than one, or one that is not ours.
pub fn identity_of(certificate: &[u8]) -> Result<Identity, IdentityError> {
    facts_of(certificate).map(|facts| facts.identity)
}

/// Returns what a certificate says about itself. Nothing is verified here.
///
/// # Errors
/// As [`identity_of`].
pub fn facts_of(certificate: &[u8]) -> Result<CertificateFacts, IdentityError> {
    let der = CertificateDer::from(certificate);
    let entity = EndEntityCert::try_from(&der).map_err(unreadable)?;
    let (rest, parsed) = X509Certificate::from_der(certificate).map_err(unreadable)?;
    if !rest.is_empty() {
        return Err(IdentityError::Unreadable);
    }
    // The list of webpki leaves out what it cannot read; the second count has all of them.
    let count = uris(&parsed)?;
    let mut names = entity.valid_uri_names();
    let uri = match (names.next(), count) {
        (_, 2..) => return Err(IdentityError::ManyUris { count }),
        (Some(uri), 1) if names.next().is_none() => uri,
        _ => return Err(IdentityError::NoUri),
    };
    let usage = parsed.extended_key_usage().map_err(unreadable)?;
    Ok(CertificateFacts {
        identity: uri.parse()?,
        serial: Serial::new(entity.serial()),
        not_before_ms: millis(parsed.validity().not_before.timestamp()),
        not_after_ms: millis(parsed.validity().not_after.timestamp()),
        for_client: usage
            .as_ref()
            .is_some_and(|usage| usage.value.client_auth && !usage.value.any),
        for_server: usage
            .as_ref()
            .is_some_and(|usage| usage.value.server_auth && !usage.value.any),
        public_key: parsed.public_key().subject_public_key.data.to_vec(),
    })
}

/// Returns the hub of an authority's certificate and the span of its life in milliseconds.
///
/// # Errors
/// When it is no certificate, or does not name exactly one hub as `spiffe://<hub>`.
pub(crate) fn authority_facts(certificate: &[u8]) -> Result<(ReplicaId, u64, u64), IdentityError> {
    let (_, parsed) = X509Certificate::from_der(certificate).map_err(unreadable)?;
    let count = uris(&parsed)?;
    if count > 1 {
        return Err(IdentityError::ManyUris { count });
    }
    let uri = all_uris(&parsed)?.next().ok_or(IdentityError::NoUri)?;
    let hub = uri
        .strip_prefix(SCHEME)
        .and_then(hex16)
        .ok_or_else(|| IdentityError::Malformed {
            uri: uri.to_owned(),
        })?;
    Ok((
        ReplicaId(hub),
        millis(parsed.validity().not_before.timestamp()),
        millis(parsed.validity().not_after.timestamp()),
    ))
}

/// Returns the public key of any certificate, as it stands in it.
pub(crate) fn public_key_of(certificate: &[u8]) -> Option<Vec<u8>> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    Some(parsed.public_key().subject_public_key.data.to_vec())
}

/// Returns the text that an authority's certificate names its hub by.
pub(crate) fn authority_uri(hub: ReplicaId) -> String {
    format!("{SCHEME}{hub}")
}

const SCHEME: &str = "spiffe://";

fn uris(parsed: &X509Certificate<'_>) -> Result<usize, IdentityError> {
    all_uris(parsed).map(Iterator::count)
}

fn all_uris<'a>(
    parsed: &'a X509Certificate<'a>,
) -> Result<impl Iterator<Item = &'a str>, IdentityError> {
    let mut names: &[GeneralName<'_>] = &[];
    let mut seen = 0;
    for extension in parsed.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(list) => {
                names = &list.general_names;
                seen += 1;
            }
            ParsedExtension::ParseError { .. } => return Err(IdentityError::Unreadable),
            _ => {}
        }
    }
    if seen > 1
        || names
            .iter()
            .any(|name| matches!(name, GeneralName::Invalid(..)))
    {
        return Err(IdentityError::Unreadable);
    }
    Ok(names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => Some(*uri),
        _ => None,
    }))
}

// The detail would only repeat hostile bytes.
fn unreadable<E>(_cause: E) -> IdentityError {
    IdentityError::Unreadable
}

fn millis(seconds: i64) -> u64 {
    u64::try_from(seconds).unwrap_or(0).saturating_mul(1_000)
}

fn hex16(text: &str) -> Option<[u8; 16]> {
    let digits = text.as_bytes();
    if digits.len() != 32 {
        return None;
    }
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        for digit in pair {
            *byte = (*byte << 4) | nibble(*digit)?;
        }
    }
    Some(bytes)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl FromStr for Identity {
    type Err = IdentityError;

    fn from_str(uri: &str) -> Result<Self, IdentityError> {
        let parse = || {
            let (hub, path) = uri.strip_prefix(SCHEME)?.split_once('/')?;
            let hub = ReplicaId(hex16(hub)?);
            match path {
                "hub" => Some(Self::Hub { hub }),
                "admin" => Some(Self::Admin { hub }),
                path => Some(Self::Node {
                    hub,
                    node: NodeId(hex16(path.strip_prefix("node/")?)?),
                }),
            }
        };
        parse().ok_or_else(|| IdentityError::Malformed {
            uri: uri.to_owned(),
        })
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hub { hub } => write!(f, "{SCHEME}{hub}/hub"),
            Self::Node { hub, node } => write!(f, "{SCHEME}{hub}/node/{node}"),
            Self::Admin { hub } => write!(f, "{SCHEME}{hub}/admin"),
        }
    }
}

impl FromStr for NodeId {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        hex16(text)
            .map(Self)
            .ok_or_else(|| IdentityError::Malformed {
                uri: text.to_owned(),
            })
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HUB: &str = "00112233445566778899aabbccddeeff";
    const NODE: &str = "ffeeddccbbaa99887766554433221100";

    #[test]
    fn every_identity_reads_back_as_written() {
        for path in ["hub".to_owned(), "admin".to_owned(), format!("node/{NODE}")] {
            let uri = format!("spiffe://{HUB}/{path}");
            assert_eq!(uri.parse::<Identity>().unwrap().to_string(), uri);
        }
    }

    #[test]
    fn look_alikes_are_refused() {
        for uri in [
            String::new(),
            format!("spiffe://{HUB}"),
            format!("spiffe://{HUB}/"),
            format!("spiffe://{HUB}/node"),
            format!("spiffe://{HUB}/node/"),
            format!("spiffe://{HUB}/node/*"),
            format!("spiffe://{HUB}/node/{NODE}/"),
            format!("spiffe://{HUB}/node/{NODE}/x"),
            format!("spiffe://{HUB}/node//{NODE}"),
            format!("spiffe://{HUB}/node/{}", NODE.to_uppercase()),
            format!("spiffe://{}/node/{NODE}", HUB.to_uppercase()),
            format!("spiffe://{HUB}/Node/{NODE}"),
            format!("spiffe://{HUB}/node/{}", &NODE[1..]),
            format!("spiffe://{HUB}/node/{NODE}0"),
            format!("spiffe://{HUB}/node/{}", NODE.replacen('f', "%66", 1)),
            format!("spiffe://{HUB}/node/{NODE}?"),
            format!("spiffe://{HUB}/node/{NODE}#x"),
            format!("spiffe://{HUB}:1/node/{NODE}"),
            format!("spiffe://me@{HUB}/node/{NODE}"),
            format!("Spiffe://{HUB}/node/{NODE}"),
            format!("https://{HUB}/node/{NODE}"),
            format!("spiffe://{HUB}/hub/"),
            format!("spiffe://{HUB}/hub/node/{NODE}"),
            format!(" spiffe://{HUB}/hub"),
            format!("spiffe://{HUB}/hub\0"),
            format!("spiffe://{HUB}/node/{}", NODE.replacen('0', "\u{ff10}", 1)),
        ] {
            assert!(uri.parse::<Identity>().is_err(), "{uri}");
        }
    }

    #[test]
    fn serials_compare_without_leading_zeros() {
        assert_eq!(Serial::new(&[0, 0, 0x81, 2]), Serial::new(&[0x81, 2]));
    }

    #[test]
    fn rubbish_is_no_certificate() {
        assert_eq!(identity_of(b"rubbish"), Err(IdentityError::Unreadable));
    }
}

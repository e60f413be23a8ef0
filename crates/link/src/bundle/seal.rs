//! The form of a bundle: who can read it, who has made it, and that nothing was changed.
//!
//! ```text
//! magic · length and header · parts, each its length and sealed bytes · length and signature
//! ```
//!
//! The key of the seal comes from the file's own fresh key and the receiver's, and is bound to the
//! header. Each part is sealed under its number, the last under a mark of its own: none can be
//! changed, moved, left out or added. The signature is over everything before it, so the receiver
//! holds a proof of what the sender said.
//!
//! A file is read twice: first to its very end, which proves it, and only then to be taken. The
//! second reading demands the same header, and with it the same key, which nobody but sender and
//! receiver has: a stick that answers differently the second time gains nothing.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use chacha20poly1305::aead::Aead as _;
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use prost::Message as _;
use proto::sync::{
    BundleHeader, BundleOpening, BundlePart, CertifyAsk, CertifyReply, Frame, bundle_part::Part,
    certify_ask::Ask, certify_reply::Reply,
};
use replica::ReplicaId;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier as _;

use super::{BundleError, BundleKeys, BundleRoute, BundleSender, Renewal, keys};
use crate::fault::{DialError, Refusal};
use crate::identity::{CertificateFacts, Identity, facts_of};
use crate::limits::MESSAGE_BYTES_MAX;
use crate::tls::{HubVerifier, NodeVerifier, Trust, provider, roots};

const MAGIC: &[u8; 8] = b"LXBNDL1\n";
/// Two ids, a point, a hash and two numbers are under 200 bytes.
const HEADER_BYTES_MAX: u32 = 1_024;
/// A signature on P-256 has at most 72 bytes.
const SIGNATURE_BYTES_MAX: u32 = 128;
/// What the seal adds to a part.
const TAG_BYTES: usize = 16;
/// In the length of a part: it is the last.
const LAST: u32 = 1 << 31;

/// Whether a file begins as a bundle does.
#[must_use]
pub fn is_bundle(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// Writes a bundle, part by part: the opening, frames, and a last frame with which it is signed.
pub struct Sealer<'a, W> {
    out: Hashing<W>,
    cipher: XChaCha20Poly1305,
    count: u64,
    route: &'a BundleRoute,
}

impl<'a, W: Write> Sealer<'a, W> {
    /// Writes the header.
    ///
    /// # Errors
    /// The receiver's key cannot be used, or the file cannot be written.
    pub fn begin(
        out: W,
        route: &'a BundleRoute,
        number: u64,
        made_ms: u64,
    ) -> Result<Self, BundleError> {
        let ephemeral = keys::Ephemeral::generate()?;
        let header = BundleHeader {
            from: route.from.0.to_vec(),
            to: route.to.0.to_vec(),
            ephemeral: ephemeral.point(),
            receiver_key: blake3::hash(&route.receiver).as_bytes().to_vec(),
            number,
            made_ms: i64::try_from(made_ms).unwrap_or(i64::MAX),
        }
        .encode_to_vec();
        let cipher = ephemeral.cipher(&route.receiver, &header)?;
        let mut out = Hashing::new(out);
        out.write_all(MAGIC)?;
        out.write_all(&length(header.len())?.to_le_bytes())?;
        out.write_all(&header)?;
        Ok(Self {
            out,
            cipher,
            count: 0,
            route,
        })
    }

    /// Writes the first part.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn opening(&mut self, opening: BundleOpening) -> Result<(), BundleError> {
        self.part(Part::Opening(opening), 0)
    }

    /// Writes a frame.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn frame(&mut self, frame: Frame) -> Result<(), BundleError> {
        self.part(Part::Frame(frame), 0)
    }

    /// Writes what a node says for a certificate.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn ask(&mut self, ask: Ask) -> Result<(), BundleError> {
        self.part(Part::Ask(CertifyAsk { ask: Some(ask) }), 0)
    }

    /// Writes what the hub says for a certificate.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn reply(&mut self, reply: Reply) -> Result<(), BundleError> {
        self.part(Part::Reply(CertifyReply { reply: Some(reply) }), 0)
    }

    /// Writes the last frame and the signature.
    ///
    /// # Errors
    /// The file cannot be written, or the sender's key cannot be used.
    pub fn finish(mut self, frame: Frame) -> Result<W, BundleError> {
        self.part(Part::Frame(frame), LAST)?;
        let (mut out, hash) = self.out.finish();
        let signature = keys::sign(&self.route.key, &hash)?;
        out.write_all(&length(signature.len())?.to_le_bytes())?;
        out.write_all(&signature)?;
        Ok(out)
    }

    fn part(&mut self, part: Part, last: u32) -> Result<(), BundleError> {
        let plain = BundlePart { part: Some(part) }.encode_to_vec();
        let nonce = nonce(self.count, last);
        let sealed = self.cipher.encrypt(&nonce, plain.as_slice());
        let sealed = sealed.or(Err(BundleError::Material))?;
        self.count += 1;
        let length = length(sealed.len())? | last;
        self.out.write_all(&length.to_le_bytes())?;
        Ok(self.out.write_all(&sealed)?)
    }
}

impl<W> fmt::Debug for Sealer<'_, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer")
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

fn length(bytes: usize) -> io::Result<u32> {
    if bytes > MESSAGE_BYTES_MAX + TAG_BYTES {
        return Err(io::Error::other("a part of the bundle is too large"));
    }
    u32::try_from(bytes).map_err(io::Error::other)
}

fn nonce(count: u64, last: u32) -> XNonce {
    let mut bytes = [0; 24];
    let (number, rest) = bytes.split_at_mut(8);
    number.copy_from_slice(&count.to_le_bytes());
    if let Some(mark) = rest.first_mut() {
        *mark = u8::from(last != 0);
    }
    bytes.into()
}

/// A bundle that was read to its end and proved: all that it says is its sender's.
pub struct Parcel<R> {
    input: R,
    pub(super) keys: BundleKeys,
    header: BundleHeader,
    /// Who has made it.
    pub sender: BundleSender,
    pub(super) opening: BundleOpening,
}

/// Reads a bundle to its end and proves it by the same rules as a connection: authority, identity,
/// purpose, life and deny list. Nothing is taken yet.
///
/// # Errors
/// The file is no bundle, was altered, is for someone else, or of someone who is refused.
pub fn open<R: Read + Seek>(
    mut input: R,
    keys: BundleKeys,
    wall_ms: u64,
) -> Result<Parcel<R>, BundleError> {
    let mut unsealer = Unsealer::begin(&mut input, &keys)?;
    let Some(Part::Opening(opening)) = unsealer.next()? else {
        return Err(BundleError::Altered { what: "opening" });
    };
    let certificate = CertificateDer::from(opening.certificate.clone());
    let facts = verify(&certificate, &keys, wall_ms)?;
    let header = unsealer.header.clone();
    if replica_of(&facts.identity) != ReplicaId::try_from(header.from.as_slice()).ok() {
        return Err(BundleError::Sender);
    }
    while unsealer.next()?.is_some() {}
    unsealer.end(&facts.public_key)?;
    let sender = BundleSender {
        replica: replica_of(&facts.identity).ok_or(BundleError::Sender)?,
        facts,
        renewal: Renewal::of(&opening),
        made_ms: u64::try_from(header.made_ms).unwrap_or(0),
        number: header.number,
    };
    Ok(Parcel {
        input,
        keys,
        header,
        sender,
        opening,
    })
}

impl<R> fmt::Debug for Parcel<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parcel")
            .field("sender", &self.sender)
            .finish_non_exhaustive()
    }
}

impl<R: Read + Seek> Parcel<R> {
    /// What follows the opening, one part after the other.
    pub(super) fn parts(&mut self) -> Result<Parts<'_, R>, BundleError> {
        self.input.seek(SeekFrom::Start(0))?;
        let mut unsealer = Unsealer::begin(&mut self.input, &self.keys)?;
        if unsealer.header != self.header {
            return Err(BundleError::Altered { what: "header" });
        }
        unsealer.next()?;
        Ok(Parts(unsealer))
    }
}

/// The parts of a proved bundle behind its opening.
pub(super) struct Parts<'a, R>(Unsealer<&'a mut R>);

impl<R: Read> Parts<'_, R> {
    pub(super) fn next(&mut self) -> Result<Option<Part>, BundleError> {
        match self.0.next()? {
            Some(Part::Opening(_)) => Err(BundleError::Altered { what: "opening" }),
            part => Ok(part),
        }
    }
}

/// The replica that a certificate speaks for; an administrator's speaks for none.
fn replica_of(identity: &Identity) -> Option<ReplicaId> {
    match identity {
        Identity::Hub { hub } => Some(*hub),
        Identity::Node { node, .. } => Some(ReplicaId(node.0)),
        Identity::Admin { .. } => None,
    }
}

/// Checks the sender's certificate as the acceptor or the dialler would.
fn verify(
    certificate: &CertificateDer<'_>,
    keys: &BundleKeys,
    wall_ms: u64,
) -> Result<CertificateFacts, BundleError> {
    let now = UnixTime::since_unix_epoch(Duration::from_millis(wall_ms));
    match &keys.deny {
        Some(deny) => {
            let roots = roots(&keys.authorities).or(Err(BundleError::Material))?;
            let chain = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
            let chain = chain.build().or(Err(BundleError::Material))?;
            let verifier = NodeVerifier::new(chain, keys.hub, Arc::new(deny.clone()));
            verifier
                .verify_client_cert(certificate, &[], now)
                .map_err(|error| BundleError::Node(Refusal::of_io(&io::Error::other(error))))?;
        }
        None => {
            let (authorities, hub) = (keys.authorities.clone(), keys.hub);
            let verifier = HubVerifier::new(Trust::Enrolled { authorities, hub });
            let name = ServerName::from(IpAddr::from(Ipv4Addr::LOCALHOST));
            verifier
                .verify_server_cert(certificate, &[], &name, &[], now)
                .map_err(|error| BundleError::Hub(DialError::of(&error)))?;
        }
    }
    facts_of(certificate).map_err(|error| BundleError::Node(Refusal::Identity(error)))
}

/// Reads a bundle, part by part.
struct Unsealer<R> {
    input: Hashing<R>,
    cipher: XChaCha20Poly1305,
    header: BundleHeader,
    count: u64,
    is_over: bool,
}

impl<R: Read> Unsealer<R> {
    fn begin(input: R, keys: &BundleKeys) -> Result<Self, BundleError> {
        let mut input = Hashing::new(input);
        let mut magic = [0; MAGIC.len()];
        if input.read_exact(&mut magic).is_err() || !is_bundle(&magic) {
            return Err(BundleError::NotBundle);
        }
        let length = input.number()?;
        if length > HEADER_BYTES_MAX {
            return Err(BundleError::Altered { what: "header" });
        }
        let bytes = input.bytes(length)?;
        let header = BundleHeader::decode(bytes.as_slice());
        let header = header.or(Err(BundleError::Altered { what: "header" }))?;
        let to = ReplicaId::try_from(header.to.as_slice());
        let to = to.or(Err(BundleError::Altered { what: "header" }))?;
        if to != keys.own {
            return Err(BundleError::Receiver { to });
        }
        let own = blake3::hash(&keys::public(&keys.key)?);
        if header.receiver_key != own.as_bytes() {
            return Err(BundleError::Key);
        }
        let cipher = keys::cipher(&keys.key, &header.ephemeral, &bytes)?;
        Ok(Self {
            input,
            cipher,
            header,
            count: 0,
            is_over: false,
        })
    }

    /// The next part; none after the last.
    fn next(&mut self) -> Result<Option<Part>, BundleError> {
        if self.is_over {
            return Ok(None);
        }
        let word = self.input.number()?;
        let (last, length) = (word & LAST, word & !LAST);
        if length as usize > MESSAGE_BYTES_MAX + TAG_BYTES {
            return Err(BundleError::Altered { what: "part" });
        }
        let sealed = self.input.bytes(length)?;
        let nonce = nonce(self.count, last);
        let plain = self.cipher.decrypt(&nonce, sealed.as_slice());
        let plain = plain.or(Err(BundleError::Altered { what: "seal" }))?;
        self.count += 1;
        self.is_over = last != 0;
        let part = BundlePart::decode(plain.as_slice());
        let part = part.or(Err(BundleError::Altered { what: "part" }))?.part;
        part.map(Some).ok_or(BundleError::Altered { what: "part" })
    }

    /// Proves the signature, and that nothing follows it.
    fn end(self, public: &[u8]) -> Result<(), BundleError> {
        let (input, hash) = self.input.finish();
        let mut rest = Vec::new();
        let most = u64::from(SIGNATURE_BYTES_MAX) + 4;
        input.take(most + 1).read_to_end(&mut rest)?;
        let signature = rest
            .split_first_chunk::<4>()
            .filter(|(length, signature)| u32::from_le_bytes(**length) as usize == signature.len());
        let (_, signature) = signature.ok_or(BundleError::Altered { what: "end" })?;
        if !keys::is_signed(public, &hash, signature) {
            return Err(BundleError::Altered { what: "signature" });
        }
        Ok(())
    }
}

/// A stream and the hash of all that went through it.
struct Hashing<T> {
    inner: T,
    hasher: blake3::Hasher,
}

impl<T> Hashing<T> {
    fn new(inner: T) -> Self {
        Self {
            inner,
            hasher: blake3::Hasher::new(),
        }
    }

    fn finish(self) -> (T, [u8; 32]) {
        (self.inner, *self.hasher.finalize().as_bytes())
    }
}

impl<W: Write> Hashing<W> {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.inner.write_all(bytes)
    }
}

impl<R: Read> Hashing<R> {
    fn read_exact(&mut self, bytes: &mut [u8]) -> Result<(), BundleError> {
        self.inner.read_exact(bytes).map_err(|error| {
            if error.kind() == io::ErrorKind::UnexpectedEof {
                return BundleError::Altered { what: "end" };
            }
            BundleError::Io(error)
        })?;
        self.hasher.update(bytes);
        Ok(())
    }

    fn number(&mut self) -> Result<u32, BundleError> {
        let mut bytes = [0; 4];
        self.read_exact(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    /// So many bytes; the length was checked.
    fn bytes(&mut self, length: u32) -> Result<Vec<u8>, BundleError> {
        let mut bytes = vec![0; length as usize];
        self.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

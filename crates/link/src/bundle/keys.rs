//! The keys of bundles: agreement with the key of a certificate, signature by one.
//!
//! The programs' keys are P-256 and were made to sign. Here the same key also agrees: the file's
//! own fresh key on one side, the receiver's lasting one on the other. Both uses are kept apart by
//! the names under which secrets are derived and hashes are signed.

use chacha20poly1305::{Key, KeyInit as _, XChaCha20Poly1305};
use p256::elliptic_curve::sec1::ToSec1Point as _;
use p256::pkcs8::DecodePrivateKey as _;
use p256::{PublicKey, SecretKey};
use rcgen::SigningKey as _;
use zeroize::Zeroizing;

use super::BundleError;
use crate::authority::PrivateKey;
use crate::tls::p256_sha256;

/// Under this name the key of a file is derived.
const SEALING: &str = "liangxin bundle v1 sealing key";
/// Under this name the hash of a file is signed.
const SIGNING: &[u8] = b"liangxin bundle v1 signature\0";

/// The key of one file on the sender's side.
pub(super) struct Ephemeral(SecretKey);

impl Ephemeral {
    pub(super) fn generate() -> Result<Self, BundleError> {
        // All but one in four thousand million draws are a key.
        for _ in 0..8 {
            let mut bytes = Zeroizing::new([0; 32]);
            getrandom::fill(bytes.as_mut_slice()).or(Err(BundleError::Material))?;
            if let Ok(key) = SecretKey::from_slice(bytes.as_slice()) {
                return Ok(Self(key));
            }
        }
        Err(BundleError::Material)
    }

    /// The point that goes into the file.
    pub(super) fn point(&self) -> Vec<u8> {
        let point = self.0.public_key().to_sec1_point(false);
        point.as_bytes().to_vec()
    }

    /// The cipher of the file, as the sender finds it.
    pub(super) fn cipher(
        &self,
        receiver: &[u8],
        header: &[u8],
    ) -> Result<XChaCha20Poly1305, BundleError> {
        let receiver = PublicKey::from_sec1_bytes(receiver).or(Err(BundleError::Material))?;
        Ok(agree(&self.0, &receiver, header))
    }
}

/// The cipher of a file, as the receiver finds it.
pub(super) fn cipher(
    key: &PrivateKey,
    ephemeral: &[u8],
    header: &[u8],
) -> Result<XChaCha20Poly1305, BundleError> {
    let own = secret(key)?;
    let ephemeral = PublicKey::from_sec1_bytes(ephemeral);
    let ephemeral = ephemeral.or(Err(BundleError::Altered { what: "key" }))?;
    Ok(agree(&own, &ephemeral, header))
}

/// The public point of a key.
pub(super) fn public(key: &PrivateKey) -> Result<Vec<u8>, BundleError> {
    let point = secret(key)?.public_key().to_sec1_point(false);
    Ok(point.as_bytes().to_vec())
}

fn secret(key: &PrivateKey) -> Result<SecretKey, BundleError> {
    SecretKey::from_pkcs8_der(key.secret()).or(Err(BundleError::Material))
}

fn agree(own: &SecretKey, other: &PublicKey, header: &[u8]) -> XChaCha20Poly1305 {
    let shared = own.diffie_hellman(other);
    let mut hasher = blake3::Hasher::new_derive_key(SEALING);
    hasher.update(shared.raw_secret_bytes());
    hasher.update(header);
    let key = Zeroizing::new(*hasher.finalize().as_bytes());
    XChaCha20Poly1305::new(&Key::from(*key))
}

/// Signs the hash of a file.
pub(super) fn sign(key: &PrivateKey, hash: &[u8; 32]) -> Result<Vec<u8>, BundleError> {
    let pair = key.pair().or(Err(BundleError::Material))?;
    pair.sign(&signed(hash)).or(Err(BundleError::Material))
}

/// Whether a signature over the hash of a file is by the key of this point.
pub(super) fn is_signed(public: &[u8], hash: &[u8; 32], signature: &[u8]) -> bool {
    p256_sha256().is_some_and(|algorithm| {
        let message = signed(hash);
        algorithm
            .verify_signature(public, &message, signature)
            .is_ok()
    })
}

fn signed(hash: &[u8; 32]) -> Vec<u8> {
    [SIGNING, hash.as_slice()].concat()
}

//! Bytes under a passphrase: argon2id and XChaCha20-Poly1305.
//!
//! The file says by its first bytes that it is sealed, and with which costs. The costs are bounded
//! when reading, so that a foreign file cannot make the program take all memory. A wrong
//! passphrase and a changed byte are one answer.

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use thiserror::Error;
use zeroize::Zeroizing;

const MAGIC: &[u8; 8] = b"LXSEAL1\n";
/// 64 MiB and three passes: 0.2 s on an office machine, at every start of the hub.
const MEMORY_KIB: u32 = 64 << 10;
const PASSES: u32 = 3;
/// What a file may ask for: 512 MiB and ten passes.
const MEMORY_KIB_MAX: u32 = 512 << 10;
const PASSES_MAX: u32 = 10;
const SALT_BYTES: usize = 16;
const NONCE_BYTES: usize = 24;
const HEADER_BYTES: usize = MAGIC.len() + 8 + SALT_BYTES + NONCE_BYTES;

/// Why bytes could not be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SealError {
    /// The passphrase is not the one, or the file was changed.
    #[error("passphrase is wrong or the sealed file was changed")]
    WrongPassphrase,
    /// The bytes are not sealed, or by a program of another version.
    #[error("file is not sealed in a known form")]
    NotSealed,
    /// The system has no random source, or too little memory.
    #[error("sealing failed")]
    Failed,
}

impl SealError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::WrongPassphrase => "LINK-044",
            Self::NotSealed => "LINK-045",
            Self::Failed => "LINK-046",
        }
    }
}

/// Returns whether bytes are sealed.
#[must_use]
pub fn is_sealed(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// Seals bytes under a passphrase.
///
/// # Errors
/// When the system has no random source or too little memory.
pub fn seal(passphrase: &str, plain: &[u8]) -> Result<Vec<u8>, SealError> {
    let mut random = [0; SALT_BYTES + NONCE_BYTES];
    getrandom::fill(&mut random).or(Err(SealError::Failed))?;
    let mut sealed = MAGIC.to_vec();
    sealed.extend(MEMORY_KIB.to_le_bytes());
    sealed.extend(PASSES.to_le_bytes());
    sealed.extend(random);
    let header = Header::read(&sealed).ok_or(SealError::Failed)?;
    let text = header
        .cipher(passphrase)?
        .encrypt(
            &header.nonce,
            Payload {
                msg: plain,
                aad: header.bytes,
            },
        )
        .or(Err(SealError::Failed))?;
    sealed.extend(text);
    Ok(sealed)
}

/// Opens what [`seal`] made.
///
/// # Errors
/// When the passphrase is wrong, the bytes were changed, or are not sealed.
pub fn unseal(passphrase: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let header = Header::read(sealed).ok_or(SealError::NotSealed)?;
    let text = sealed.get(HEADER_BYTES..).ok_or(SealError::NotSealed)?;
    header
        .cipher(passphrase)?
        .decrypt(
            &header.nonce,
            Payload {
                msg: text,
                aad: header.bytes,
            },
        )
        .map(Zeroizing::new)
        .or(Err(SealError::WrongPassphrase))
}

struct Header<'a> {
    memory_kib: u32,
    passes: u32,
    salt: [u8; SALT_BYTES],
    nonce: XNonce,
    bytes: &'a [u8],
}

impl<'a> Header<'a> {
    fn read(sealed: &'a [u8]) -> Option<Self> {
        let bytes = sealed.get(..HEADER_BYTES)?;
        let rest = bytes.strip_prefix(MAGIC)?;
        let (memory, rest) = rest.split_first_chunk::<4>()?;
        let (passes, rest) = rest.split_first_chunk::<4>()?;
        let (salt, nonce) = rest.split_first_chunk::<SALT_BYTES>()?;
        let memory_kib = u32::from_le_bytes(*memory);
        let passes = u32::from_le_bytes(*passes);
        if memory_kib > MEMORY_KIB_MAX || passes > PASSES_MAX {
            return None;
        }
        Some(Self {
            memory_kib,
            passes,
            salt: *salt,
            nonce: <[u8; NONCE_BYTES]>::try_from(nonce).ok()?.into(),
            bytes,
        })
    }

    fn cipher(&self, passphrase: &str) -> Result<XChaCha20Poly1305, SealError> {
        let params =
            Params::new(self.memory_kib, self.passes, 1, Some(32)).or(Err(SealError::NotSealed))?;
        let mut key = Zeroizing::new([0_u8; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.as_bytes(), &self.salt, key.as_mut_slice())
            .or(Err(SealError::Failed))?;
        Ok(XChaCha20Poly1305::new(&Key::from(*key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_passphrase_opens_and_no_byte_may_change() {
        let sealed = seal("correct horse", b"the key").unwrap();
        assert!(is_sealed(&sealed) && !is_sealed(b"-----BEGIN PRIVATE KEY-----"));
        assert_eq!(
            unseal("correct horse", &sealed).unwrap().as_slice(),
            b"the key"
        );
        assert_eq!(
            unseal("Correct horse", &sealed),
            Err(SealError::WrongPassphrase)
        );
        // A byte of the salt, of the nonce, and of the text.
        for at in [20, 40, sealed.len() - 1] {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(
                unseal("correct horse", &changed),
                Err(SealError::WrongPassphrase)
            );
        }
    }

    #[test]
    fn a_foreign_file_cannot_ask_for_all_memory() {
        let mut sealed = seal("p", b"x").unwrap();
        sealed[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(unseal("p", &sealed), Err(SealError::NotSealed));
        assert_eq!(unseal("p", b"LXSEAL1\nshort"), Err(SealError::NotSealed));
    }
}

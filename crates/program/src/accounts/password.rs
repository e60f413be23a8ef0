//! Passwords: argon2id, with the costs beside the hash, so that they may grow.

use argon2::{Algorithm, Argon2, Params, Version};
use domain::value::{hex, unhex};
use serde::{Deserialize, Serialize};

use crate::failure::{Exit, Failure};

/// 64 MiB and three passes: 0.2 s on an office machine, at each command of the account.
const MEMORY_KIB: u32 = if cfg!(test) { 64 } else { 64 << 10 };
const PASSES: u32 = 3;

/// What an entry may ask for: a store that was altered must not take all memory.
const MEMORY_KIB_MAX: u32 = 512 << 10;
const PASSES_MAX: u32 = 10;

/// Characters that a password has at least, of three of the four classes.
const CHARS_MIN: usize = 10;
const CLASSES_MIN: usize = 3;

/// How a password is checked. The password itself is kept nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Password {
    salt: String,
    hash: String,
    memory_kib: u32,
    passes: u32,
}

impl Password {
    /// Takes a password.
    ///
    /// # Errors
    /// It is too weak, or the system gives no random bytes or too little memory.
    pub(super) fn new(text: &str) -> Result<Self, Failure> {
        if !is_strong(text) {
            return Err(Failure::new("AUTH-115", Exit::Invalid));
        }
        let mut salt = [0; 16];
        let failed = |detail: String| Failure::new("AUTH-116", Exit::Failed).with("detail", detail);
        getrandom::fill(&mut salt).map_err(|error| failed(error.to_string()))?;
        let mut password = Self {
            salt: hex(&salt),
            hash: String::new(),
            memory_kib: MEMORY_KIB,
            passes: PASSES,
        };
        let hash = password
            .reckon(text)
            .ok_or_else(|| failed("argon2".to_owned()))?;
        password.hash = hex(hash.as_bytes());
        Ok(password)
    }

    /// What stands for an account that is not known or has none: to check against it takes as long,
    /// and no password is right.
    pub(super) fn nobody() -> Self {
        Self {
            salt: hex(&[0; 16]),
            hash: String::new(),
            memory_kib: MEMORY_KIB,
            passes: PASSES,
        }
    }

    /// Whether a text is the password. The comparison takes the same time for each text.
    pub(super) fn is(&self, text: &str) -> bool {
        let reckoned = self.reckon(text);
        let kept = unhex(&self.hash).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        match (reckoned, kept.map(blake3::Hash::from_bytes)) {
            // Hashes of this type are compared in constant time.
            (Some(reckoned), Some(kept)) => reckoned == kept,
            _ => false,
        }
    }

    fn reckon(&self, text: &str) -> Option<blake3::Hash> {
        if self.memory_kib > MEMORY_KIB_MAX || self.passes > PASSES_MAX {
            return None;
        }
        let salt = unhex(&self.salt)?;
        let params = Params::new(self.memory_kib, self.passes, 1, Some(32)).ok()?;
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut hash = [0; 32];
        argon
            .hash_password_into(text.as_bytes(), &salt, &mut hash)
            .ok()?;
        Some(blake3::Hash::from_bytes(hash))
    }
}

fn is_strong(text: &str) -> bool {
    let classes: [fn(char) -> bool; 4] = [
        |c| c.is_lowercase(),
        |c| c.is_uppercase(),
        |c| c.is_numeric(),
        |c| !c.is_lowercase() && !c.is_uppercase() && !c.is_numeric(),
    ];
    let has = classes.iter().filter(|class| text.chars().any(class));
    text.chars().count() >= CHARS_MIN && has.count() >= CLASSES_MIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_itself_and_no_other_and_is_not_kept() {
        let password = Password::new("Peony-garden-1").unwrap();
        assert!(password.is("Peony-garden-1"));
        assert!(!password.is("Peony-garden-2") && !password.is(""));
        let kept = serde_json::to_string(&password).unwrap();
        assert!(!kept.contains("Peony"), "{kept}");
        assert_ne!(Password::new("Peony-garden-1").unwrap(), password, "salted");
        assert!(!Password::nobody().is("") && !Password::nobody().is("Peony-garden-1"));
    }

    #[test]
    fn a_weak_password_is_not_taken() {
        for weak in ["", "Short-1", "alllowercase", "lower1234567", "1234567890"] {
            assert_eq!(Password::new(weak).unwrap_err().code, "AUTH-115", "{weak}");
        }
        Password::new("洛阳牡丹城花会-Abc").unwrap();
    }

    #[test]
    fn an_entry_that_asks_for_all_memory_is_no_password() {
        let mut password = Password::new("Peony-garden-1").unwrap();
        password.memory_kib = u32::MAX;
        assert!(!password.is("Peony-garden-1"));
    }
}

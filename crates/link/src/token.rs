//! The invitation token: one printable text that lets one node join.
//!
//! It carries a secret that the hub knows by its hash only, and the fingerprint of the hub's
//! authority, so that the first connection is authenticated in both directions. It does not carry
//! the hub's address. Four check signs tell a slip of the pen from a token of another version.
//!
//! The text is `JN`, the version sign, 84 signs of 5 bits and the check signs, in groups of six
//! with hyphens. The alphabet has no I, L, O and U; I and L are read as 1, O as 0, small letters
//! as capitals, and hyphens and spaces are skipped.

use std::fmt;
use std::io;
use std::str::FromStr;

use rustls::pki_types::CertificateDer;
use thiserror::Error;
use zeroize::Zeroizing;

/// Bytes of the secret: 160 bits.
pub const SECRET_BYTES: usize = 20;

/// What names an authority: BLAKE3 of its certificate.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AuthorityPrint(pub [u8; 32]);

impl AuthorityPrint {
    /// Returns the fingerprint of an authority's certificate.
    #[must_use]
    pub fn of(certificate: &CertificateDer<'_>) -> Self {
        Self(*blake3::hash(certificate).as_bytes())
    }
}

/// A one-time invitation.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    secret: Zeroizing<[u8; SECRET_BYTES]>,
    authority: AuthorityPrint,
}

/// Why a text is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TokenError {
    /// Signs are missing, too many, unknown or wrong.
    #[error("token was mistyped or cut short")]
    Mistyped,
    /// It is a whole token, made for another version of the program.
    #[error("token belongs to another version")]
    Version {
        /// The version sign that was found.
        found: char,
    },
}

impl TokenError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Mistyped => "LINK-030",
            Self::Version { .. } => "LINK-031",
        }
    }
}

impl Token {
    /// Makes the token of an invitation from a fresh random secret.
    #[must_use]
    pub fn new(secret: [u8; SECRET_BYTES], authority: AuthorityPrint) -> Self {
        Self {
            secret: Zeroizing::new(secret),
            authority,
        }
    }

    /// Makes a token with a secret from the system's random source.
    ///
    /// # Errors
    /// When the system has no random source.
    pub fn random(authority: AuthorityPrint) -> io::Result<Self> {
        let mut secret = [0; SECRET_BYTES];
        getrandom::fill(&mut secret).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Self::new(secret, authority))
    }

    /// The secret, to be sent to the hub.
    #[must_use]
    pub fn secret(&self) -> &[u8; SECRET_BYTES] {
        &self.secret
    }

    /// What the hub keeps of the secret.
    #[must_use]
    pub fn secret_hash(&self) -> [u8; 32] {
        secret_hash(self.secret.as_slice())
    }

    /// The fingerprint of the hub's authority.
    #[must_use]
    pub fn authority(&self) -> AuthorityPrint {
        self.authority
    }
}

/// Returns what the hub keeps of a secret. Its 160 random bits need no slow hash.
#[must_use]
pub fn secret_hash(secret: &[u8]) -> [u8; 32] {
    *blake3::hash(secret).as_bytes()
}

const PREFIX: &str = "JN";
const VERSION: char = '1';
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CHECK_SIGNS: usize = 4;
const PAYLOAD_BYTES: usize = SECRET_BYTES + 32;
/// 52 bytes are 416 bits: 83 signs and one bit.
const PAYLOAD_SIGNS: usize = 84;
const GROUP_SIGNS: usize = 6;

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut payload = Zeroizing::new([0; PAYLOAD_BYTES]);
        let bytes = self.secret.iter().chain(&self.authority.0);
        payload
            .iter_mut()
            .zip(bytes)
            .for_each(|(to, from)| *to = *from);
        let mut signs = Zeroizing::new(format!("{PREFIX}{VERSION}"));
        signs.push_str(&encode(payload.as_slice()));
        let check = check_signs(&signs);
        signs.push_str(&check);
        for (at, sign) in signs.chars().enumerate() {
            if at > 0 && at % GROUP_SIGNS == 0 {
                f.write_str("-")?;
            }
            write!(f, "{sign}")?;
        }
        Ok(())
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let signs = Zeroizing::new(normalise(text).ok_or(TokenError::Mistyped)?);
        let body_signs = signs.len().saturating_sub(CHECK_SIGNS);
        let (body, check) = signs.split_at(body_signs);
        // The check is the same in every version, so that a version sign can be trusted.
        if check != check_signs(body) {
            return Err(TokenError::Mistyped);
        }
        let mut rest = body
            .strip_prefix(PREFIX)
            .ok_or(TokenError::Mistyped)?
            .chars();
        match rest.next() {
            Some(VERSION) => {}
            Some(found) => return Err(TokenError::Version { found }),
            None => return Err(TokenError::Mistyped),
        }
        let payload = decode(rest.as_str()).ok_or(TokenError::Mistyped)?;
        let (secret, authority) = payload
            .split_first_chunk::<SECRET_BYTES>()
            .ok_or(TokenError::Mistyped)?;
        let authority = <[u8; 32]>::try_from(authority).or(Err(TokenError::Mistyped))?;
        Ok(Self::new(*secret, AuthorityPrint(authority)))
    }
}

/// Returns the signs as they were meant, or nothing when one is outside the alphabet.
fn normalise(text: &str) -> Option<String> {
    text.chars()
        .filter(|sign| !sign.is_whitespace() && *sign != '-')
        .map(|sign| match sign.to_ascii_uppercase() {
            'I' | 'L' => Some('1'),
            'O' => Some('0'),
            sign if sign.is_ascii() && ALPHABET.contains(&u8::try_from(sign).ok()?) => Some(sign),
            _ => None,
        })
        .collect()
}

fn encode(bytes: &[u8]) -> String {
    let mut signs = String::with_capacity(PAYLOAD_SIGNS);
    let (mut held, mut bits) = (0_u32, 0);
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            signs.push(sign_of(held >> bits));
        }
        held &= 0xff;
    }
    if bits > 0 {
        signs.push(sign_of(held << (5 - bits)));
    }
    signs
}

fn sign_of(bits: u32) -> char {
    let index = usize::try_from(bits & 31).unwrap_or(0);
    ALPHABET.get(index).copied().map_or('0', char::from)
}

fn decode(signs: &str) -> Option<Zeroizing<Vec<u8>>> {
    if signs.len() != PAYLOAD_SIGNS {
        return None;
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(PAYLOAD_BYTES));
    let (mut held, mut bits) = (0_u32, 0);
    for sign in signs.bytes() {
        let value = ALPHABET.iter().position(|known| *known == sign)?;
        held = (held << 5) | u32::try_from(value).ok()?;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((held >> bits) & 0xff).ok()?);
        }
        held &= 0xff;
    }
    // One spelling only: the bits beyond the last byte are zero.
    let spare = held & ((1 << bits) - 1);
    (spare == 0 && bytes.len() == PAYLOAD_BYTES).then_some(bytes)
}

/// 20 bits of BLAKE3 over all signs before: one slip in a million passes.
fn check_signs(body: &str) -> String {
    let hash = blake3::hash(body.as_bytes());
    hash.as_bytes()
        .iter()
        .take(CHECK_SIGNS)
        .map(|byte| sign_of(u32::from(*byte)))
        .collect()
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("authority", &self.authority)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for AuthorityPrint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for AuthorityPrint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(seed: u8) -> Token {
        let hash = *blake3::hash(&[seed]).as_bytes();
        let mut secret = [0; SECRET_BYTES];
        secret.copy_from_slice(&hash[..SECRET_BYTES]);
        Token::new(secret, AuthorityPrint(*blake3::hash(&hash).as_bytes()))
    }

    #[test]
    fn tokens_read_back_as_written() {
        for seed in 0..=255 {
            let token = sample(seed);
            assert_eq!(token.to_string().parse::<Token>().unwrap(), token);
        }
    }

    #[test]
    fn small_letters_spaces_and_confusable_signs_are_read() {
        let text = sample(1).to_string();
        let typed = text
            .to_lowercase()
            .replace('-', " ")
            .replace('0', "o")
            .replacen('1', "l", 2)
            .replace('1', "I");
        assert_eq!(format!(" {typed}\n").parse::<Token>().unwrap(), sample(1));
    }

    #[test]
    fn every_single_slip_is_found() {
        let text = sample(2).to_string();
        for (at, sign) in text.char_indices().filter(|(_, sign)| *sign != '-') {
            for other in ALPHABET.iter().map(|sign| char::from(*sign)) {
                if other == sign {
                    continue;
                }
                let mut wrong = text.clone();
                wrong.replace_range(at..=at, &other.to_string());
                assert_eq!(wrong.parse::<Token>(), Err(TokenError::Mistyped), "{wrong}");
            }
            let mut short = text.clone();
            short.remove(at);
            assert_eq!(short.parse::<Token>(), Err(TokenError::Mistyped));
        }
    }

    #[test]
    fn swapped_neighbours_are_found() {
        let text = sample(3).to_string().replace('-', "");
        let signs: Vec<char> = text.chars().collect();
        for at in 1..signs.len() {
            let mut swapped = signs.clone();
            swapped.swap(at - 1, at);
            if swapped != signs {
                let swapped: String = swapped.into_iter().collect();
                assert_eq!(swapped.parse::<Token>(), Err(TokenError::Mistyped));
            }
        }
    }

    #[test]
    fn another_version_is_not_called_a_slip() {
        let body = format!("{PREFIX}2ABCDEF");
        let text = format!("{body}{}", check_signs(&body));
        assert_eq!(
            text.parse::<Token>(),
            Err(TokenError::Version { found: '2' })
        );
    }

    #[test]
    fn rubbish_is_mistyped() {
        for text in ["", "JN1", "-", "JN1-!!!", "\u{ff11}", "https://hub:1"] {
            assert_eq!(text.parse::<Token>(), Err(TokenError::Mistyped), "{text}");
        }
    }

    #[test]
    fn debug_output_hides_the_secret() {
        let token = sample(4);
        let secret: String = token.secret().iter().map(|b| format!("{b:02x}")).collect();
        assert!(!format!("{token:?}").contains(&secret));
    }
}

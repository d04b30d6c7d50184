//! Challenges, WebAuthn L3 §13.4.3.

use std::fmt::{self, Display};

use data_encoding::BASE64URL_NOPAD;

use crate::random::{RandomError, SecureRandom, random_bytes};

/// What a response must repeat: random bytes that serve one ceremony.
///
/// `Display` gives base64url, the form in which it goes to browsers and keys.
///
/// ```
/// use mfa_core::webauthn::Challenge;
///
/// let challenge = Challenge::from_bytes(vec![0xff; 3]);
/// assert_eq!(challenge.to_string(), "____");
/// assert_ne!(challenge, Challenge::from_bytes(vec![0xff; 4]));
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Challenge(Vec<u8>);

impl Challenge {
    /// Bytes of a challenge made here.
    pub const LEN: usize = 32;

    pub(crate) fn generate(random: &dyn SecureRandom) -> Result<Self, RandomError> {
        Ok(Self(random_bytes::<{ Self::LEN }>(random)?.to_vec()))
    }

    /// A challenge that a response repeats, or that a test knows.
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

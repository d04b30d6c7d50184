//! Challenges, WebAuthn L3 §13.4.3.

use std::fmt::{self, Display};

use data_encoding::BASE64URL_NOPAD;

use crate::random::{RandomError, SecureRandom, random_bytes};

/// Random bytes for one ceremony, which the response must repeat.
///
/// `Display` gives base64url, as sent to browsers and keys.
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
    /// The length of our challenges.
    pub const LEN: usize = 32;

    pub(crate) fn generate(random: &dyn SecureRandom) -> Result<Self, RandomError> {
        Ok(Self(random_bytes::<{ Self::LEN }>(random)?.to_vec()))
    }

    /// A challenge from a response, or for a test.
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

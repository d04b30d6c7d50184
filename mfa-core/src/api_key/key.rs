//! The public half of an API key.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use data_encoding::HEXLOWER;

use crate::random::{RandomError, SecureRandom, random_bytes};

/// The text is not an API key.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an API key is 1 to 64 ASCII letters, digits, hyphens or underscores")]
pub struct InvalidApiKey;

/// The public id of an API key. Ours have 40 hex digits. Keys inserted by hand may consist of any letters,
/// digits, `-` and `_`.
///
/// It is not secret, but logs hold only its beginning: `Debug` shows eight characters.
///
/// ```
/// use mfa_core::api_key::{ApiKey, InvalidApiKey};
///
/// let key: ApiKey = "f11ddd1f3dfa92bfa4646fa64ea9fe982dc12c33".parse()?;
/// assert_eq!(format!("{key:?}"), "ApiKey(f11ddd1f…)");
/// assert_eq!("f11ddd1f/..".parse::<ApiKey>(), Err(InvalidApiKey));
/// # Ok::<(), InvalidApiKey>(())
/// ```
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ApiKey(Arc<str>);

impl ApiKey {
    /// Longest key accepted, in bytes.
    pub const MAX_LEN: usize = 64;

    /// A new key of 20 random bytes.
    pub(crate) fn generate(random: &dyn SecureRandom) -> Result<Self, RandomError> {
        let bytes = random_bytes::<20>(random)?;
        Ok(Self(HEXLOWER.encode(bytes.as_slice()).into()))
    }

    /// The key as callers send it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first characters: enough to find a key in a log, too few to use it.
    pub fn abbreviated(&self) -> &str {
        self.0.get(..8.min(self.0.len() / 2)).unwrap_or_default()
    }
}

impl FromStr for ApiKey {
    type Err = InvalidApiKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if text.is_empty() || text.len() > Self::MAX_LEN || !text.bytes().all(allowed) {
            return Err(InvalidApiKey);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({}…)", self.abbreviated())
    }
}

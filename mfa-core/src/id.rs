//! Names of consumers and of their records.
//!
//! With the feature `serde` each is serialised as its text.
//!
//! ```
//! # #[cfg(feature = "serde")] {
//! use mfa_core::id::TotpId;
//!
//! let json = "\"2f17e007-394c-4458-a4d2-8799516e4e13\"";
//! let id: TotpId = serde_json::from_str(json)?;
//! assert_eq!(serde_json::to_string(&id)?, json);
//! assert!(serde_json::from_str::<TotpId>("\"2f17e007\"").is_err());
//! # }
//! # Ok::<(), serde_json::Error>(())
//! ```

use std::fmt::{self, Debug, Display};
use std::str::FromStr;

use uuid::Uuid;

use crate::api_key::{ApiKey, InvalidApiKey};

/// The text is not an id in canonical form.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an id is a UUID in lower case with hyphens")]
pub struct InvalidId;

/// Names a consumer: the value of its first API key, which the predecessors' `apiKey` attribute already
/// holds.
///
/// `Debug` shows eight characters, as with [`ApiKey`].
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ConsumerId(ApiKey);

impl ConsumerId {
    /// The consumer whose first key is `key`.
    pub fn of_first_key(key: &ApiKey) -> Self {
        Self(key.clone())
    }

    /// The id as stores hold it.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The first characters, for logs.
    pub fn abbreviated(&self) -> &str {
        self.0.abbreviated()
    }
}

impl FromStr for ConsumerId {
    type Err = InvalidApiKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl Debug for ConsumerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConsumerId({}…)", self.abbreviated())
    }
}

/// Names a TOTP authenticator.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TotpId(pub Uuid);

impl Display for TotpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.0.as_hyphenated(), f)
    }
}

impl From<TotpId> for Uuid {
    fn from(id: TotpId) -> Self {
        id.0
    }
}

impl FromStr for TotpId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        canonical_uuid(text).map(Self)
    }
}

/// Names a WebAuthn user.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct UserId(pub Uuid);

impl Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.0.as_hyphenated(), f)
    }
}

impl From<UserId> for Uuid {
    fn from(id: UserId) -> Self {
        id.0
    }
}

impl FromStr for UserId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        canonical_uuid(text).map(Self)
    }
}

/// Reads a UUID in its canonical form only (RFC 9562 §4): one record, one spelling.
///
/// # Errors
///
/// [`InvalidId`] for any other text.
///
/// ```
/// use mfa_core::id::{InvalidId, canonical_uuid};
///
/// assert!(canonical_uuid("2f17e007-394c-4458-a4d2-8799516e4e13").is_ok());
/// assert_eq!(canonical_uuid("2F17E007-394C-4458-A4D2-8799516E4E13"), Err(InvalidId));
/// ```
pub fn canonical_uuid(text: &str) -> Result<Uuid, InvalidId> {
    let uuid = Uuid::try_parse(text).map_err(|_| InvalidId)?;
    if uuid.as_hyphenated().encode_lower(&mut Uuid::encode_buffer()) != text {
        return Err(InvalidId);
    }
    Ok(uuid)
}

//! What can go wrong with an API key.

use std::time::Duration;

use super::{DeliveryError, HashError};
use crate::code::Code;
use crate::envelope::DoesNotOpen;
use crate::random::RandomError;
use crate::store::StoreError;
use crate::store::retry::MayConflict;

/// Why an operation on an API key failed.
#[derive(Clone, Debug, thiserror::Error)]
#[cfg_attr(feature = "strum", derive(strum::EnumCount))]
#[non_exhaustive]
pub enum ApiKeyError {
    /// The e-mail address is blank.
    #[error("an e-mail address is required")]
    EmailRequired,

    /// There is no such key, or it was created for another e-mail address.
    #[error("no such API key for that e-mail address")]
    NotFound,

    /// The key has its secret already; secrets are shown once. Create another key.
    #[error("the API key is activated already")]
    AlreadyActivated,

    /// A key cannot join a consumer in the middle of a rotation. Finish that first.
    #[error("a rotation is under way: finish it first")]
    RotationUnderWay,

    /// The key is unknown, inactive or revoked, or the secret is wrong. The error does not say which.
    #[error("the API key and secret were not accepted")]
    Unauthorized,

    /// Too many failures from this source with this key.
    #[error("too many failed attempts, try again in {} s", retry_after.as_secs())]
    Throttled {
        /// How long to wait.
        retry_after: Duration,
    },

    /// The secret is right, but the stored keyring does not open: the record is damaged.
    #[error("the API key's record is damaged")]
    Damaged(#[source] DoesNotOpen),

    /// The key was stored, but could not be delivered.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),

    /// Hashing failed.
    #[error(transparent)]
    Hash(#[from] HashError),

    /// The random generator failed.
    #[error(transparent)]
    Random(#[from] RandomError),

    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl MayConflict for ApiKeyError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_conflict())
    }
}

impl ApiKeyError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::EmailRequired => Code::EmailRequired,
            Self::NotFound => Code::ApiKeyNotFound,
            Self::AlreadyActivated => Code::ApiKeyAlreadyActivated,
            Self::RotationUnderWay => Code::RotationUnderWay,
            Self::Unauthorized => Code::Unauthorized,
            Self::Throttled { .. } => Code::Throttled,
            Self::Hash(HashError::Busy) => Code::Unavailable,
            Self::Hash(HashError::Unreadable | HashError::Failed)
            | Self::Damaged(_)
            | Self::Delivery(_)
            | Self::Random(_) => Code::Internal,
            Self::Store(error) => error.code(),
        }
    }
}

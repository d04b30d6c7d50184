//! Why a rotation stopped. Finished work is kept, and both keys work.

use crate::api_key::ApiKeyError;
use crate::code::Code;
use crate::random::RandomError;
use crate::store::StoreError;
use crate::store::retry::MayConflict;

/// Why a rotation stopped.
#[derive(Clone, Debug, thiserror::Error)]
#[cfg_attr(feature = "strum", derive(strum::EnumCount))]
#[non_exhaustive]
pub enum RotationError {
    /// The old key and secret were not accepted.
    #[error("the old API key is not valid")]
    Old(#[source] ApiKeyError),

    /// The new key and secret were not accepted.
    #[error("the new API key is not valid")]
    New(#[source] ApiKeyError),

    /// Both keys are the same.
    #[error("the old and the new API key are the same")]
    SameKey,

    /// The new key is another consumer's, or has records of its own.
    #[error("the new API key is in use already: create and activate a fresh one")]
    NewKeyInUse,

    /// The consumer has a third key, which could not open re-encrypted records.
    #[error("the consumer has another active API key, {0}…: revoke it, or rotate from it")]
    ThirdKey(String),

    /// Another rotation of this consumer changed its keyrings meanwhile. No data key was dropped.
    #[error("another rotation of this consumer is under way: let it end, then call again")]
    Interfered,

    /// The random generator failed.
    #[error(transparent)]
    Random(#[from] RandomError),

    /// The store failed. Call again to continue.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl MayConflict for RotationError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_conflict())
    }
}

impl RotationError {
    /// The stable code. It is the same for an unknown or inactive key and for a wrong secret.
    pub const fn code(&self) -> Code {
        match self {
            Self::Old(ApiKeyError::Unauthorized) => Code::OldKeyNotValid,
            Self::New(ApiKeyError::Unauthorized) => Code::NewKeyNotValid,
            Self::Old(error) | Self::New(error) => error.code(),
            Self::SameKey => Code::SameKey,
            Self::NewKeyInUse => Code::NewKeyInUse,
            Self::ThirdKey(_) => Code::ThirdKey,
            Self::Interfered => Code::RotationUnderWay,
            Self::Random(_) => Code::Internal,
            Self::Store(error) => error.code(),
        }
    }
}

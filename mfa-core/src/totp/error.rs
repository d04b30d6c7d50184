//! What can go wrong with a TOTP.

use std::time::Duration;

use super::InvalidParameters;
use crate::api_key::ApiKeyError;
use crate::code::Code;
use crate::envelope::DoesNotOpen;
use crate::random::RandomError;
use crate::store::StoreError;
use crate::store::retry::MayConflict;

/// Why an operation on a TOTP failed.
#[derive(Clone, Debug, thiserror::Error)]
#[cfg_attr(feature = "strum", derive(strum::EnumCount))]
#[non_exhaustive]
pub enum TotpError {
    /// This consumer has no such TOTP.
    #[error("no such TOTP")]
    NotFound,

    /// The code is malformed, wrong, used already or from before the floor, or there is no such TOTP. The error
    /// does not say which.
    #[error("the one-time password was not accepted")]
    NotAccepted,

    /// Too soon after failed attempts.
    #[error("too many failed attempts, try again in {} s", retry_after.as_secs())]
    Throttled {
        /// How long to wait.
        retry_after: Duration,
    },

    /// Disabled after [`MAX_FAILURES`](super::MAX_FAILURES) consecutive failures. Reset it, or enrol again.
    #[error("the TOTP is disabled after too many failed attempts; reset it or enrol a new one")]
    Disabled,

    /// The label is empty and there is no issuer, so the app could not name the entry.
    #[error("a label is required")]
    LabelRequired,

    /// Issuer and label make the key URI too long for a QR code.
    #[error("issuer and label are too long for a QR code")]
    LabelTooLong,

    /// The parameters are outside RFC 6238.
    #[error(transparent)]
    InvalidParameters(#[from] InvalidParameters),

    /// The stored secret does not open.
    #[error(transparent)]
    DoesNotOpen(#[from] DoesNotOpen),

    /// The random generator failed.
    #[error(transparent)]
    Random(#[from] RandomError),

    /// During the call, the caller's key was revoked or became unreadable.
    #[error(transparent)]
    ApiKey(#[from] ApiKeyError),

    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl MayConflict for TotpError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_conflict())
    }
}

impl TotpError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::TotpNotFound,
            Self::NotAccepted => Code::CodeNotAccepted,
            Self::Throttled { .. } => Code::Throttled,
            Self::Disabled => Code::TotpDisabled,
            Self::LabelRequired => Code::LabelRequired,
            Self::LabelTooLong => Code::LabelTooLong,
            Self::InvalidParameters(_) => Code::InvalidPeriod,
            Self::DoesNotOpen(_) | Self::Random(_) => Code::Internal,
            Self::ApiKey(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }
}

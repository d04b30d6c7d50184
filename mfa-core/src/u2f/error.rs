//! Why a U2F ceremony failed.

use super::InvalidAppId;
use crate::code::Code;
use crate::store::retry::MayConflict;
use crate::webauthn::{Refusal, WebauthnError};

/// The check that a message failed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
#[cfg_attr(feature = "strum", derive(strum::EnumCount))]
#[non_exhaustive]
pub enum U2fRefusal {
    /// A field is missing or not base64, or its bytes are malformed.
    #[error("the message is malformed")]
    Malformed,
    /// The client data is malformed.
    #[error("the client data is malformed")]
    ClientData,
    /// `typ` belongs to another ceremony.
    #[error("the client data is of another ceremony type")]
    ClientDataType,
    /// No ceremony of this kind awaits this challenge.
    #[error("no ceremony awaits this challenge")]
    Challenge,
    /// The origin is not a facet of the AppID.
    #[error("the origin is not a facet of the AppID")]
    Facet,
    /// The message came from another key.
    #[error("the key handle is another key's")]
    KeyHandle,
    /// Nobody touched the key.
    #[error("the user was not present")]
    UserPresence,
    /// The signature does not verify.
    #[error("the signature does not verify")]
    Signature,
    /// The counter did not grow: there may be a second copy of the key.
    #[error("the counter did not grow")]
    Counter,
}

impl U2fRefusal {
    /// The stable code of the check.
    pub const fn code(self) -> Code {
        match self {
            Self::Malformed => Code::Malformed,
            Self::ClientData => Code::ClientData,
            Self::ClientDataType => Code::ClientDataType,
            Self::Challenge => Code::Challenge,
            Self::Facet => Code::Facet,
            Self::KeyHandle => Code::KeyHandle,
            Self::UserPresence => Code::UserPresence,
            Self::Signature => Code::Signature,
            Self::Counter => Code::Counter,
        }
    }
}

/// Why an operation on a U2F key failed.
#[derive(Clone, Debug, thiserror::Error)]
#[cfg_attr(feature = "strum", derive(strum::EnumCount))]
#[non_exhaustive]
pub enum U2fError {
    /// There is no such record, or another consumer owns it.
    #[error("no such U2F record")]
    NotFound,
    /// The record has no registered key.
    #[error("no key is registered")]
    NotRegistered,
    /// The text is not an AppID.
    #[error(transparent)]
    AppId(#[from] InvalidAppId),
    /// The message failed a check. Its ceremony is used up.
    #[error(transparent)]
    Refused(#[from] U2fRefusal),
    /// The record does not open, or the store failed.
    #[error(transparent)]
    User(WebauthnError),
}

impl From<WebauthnError> for U2fError {
    fn from(error: WebauthnError) -> Self {
        match error {
            WebauthnError::Refused(Refusal::Challenge | Refusal::User | Refusal::RelyingParty) => {
                Self::Refused(U2fRefusal::Challenge)
            }
            other => Self::User(other),
        }
    }
}

impl MayConflict for U2fError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::User(error) if error.is_conflict())
    }
}

impl U2fError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::U2fNotFound,
            Self::NotRegistered => Code::NotRegistered,
            Self::AppId(_) => Code::InvalidAppId,
            Self::Refused(refusal) => refusal.code(),
            Self::User(WebauthnError::ApiKey(error)) => error.code(),
            Self::User(WebauthnError::Store(error)) => error.code(),
            // The rest concerns credentials, which U2F operations do not touch.
            Self::User(
                WebauthnError::DoesNotOpen(_)
                | WebauthnError::Random(_)
                | WebauthnError::Malformed(_)
                | WebauthnError::Refused(_)
                | WebauthnError::NoCredentials
                | WebauthnError::NotFound,
            ) => Code::Internal,
        }
    }
}

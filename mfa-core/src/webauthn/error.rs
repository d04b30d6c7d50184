//! Why a ceremony failed.

use crate::api_key::ApiKeyError;
use crate::code::Code;
use crate::envelope::DoesNotOpen;
use crate::random::RandomError;
use crate::store::StoreError;
use crate::store::retry::MayConflict;

use super::MalformedResponse;

/// The check that a response failed. The variants follow WebAuthn L3 §7.1 and §7.2.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
#[cfg_attr(feature = "strum", derive(strum::EnumCount))]
#[non_exhaustive]
pub enum Refusal {
    /// No ceremony of this kind awaits this challenge: never begun, over five minutes old, or finished.
    #[error("no ceremony awaits this challenge")]
    Challenge,
    /// The ceremony was begun for another user.
    #[error("the ceremony was begun for another user")]
    User,
    /// The ceremony was begun for another relying party.
    #[error("the relying party changed during the ceremony")]
    RelyingParty,
    /// `type` of the client data belongs to another ceremony.
    #[error("the client data is of another ceremony type")]
    ClientDataType,
    /// The origin is not one of the relying party's.
    #[error("the origin is not allowed")]
    Origin,
    /// The ceremony ran in a frame of another origin.
    #[error("a cross-origin ceremony is not allowed")]
    CrossOrigin,
    /// The top-level origin is not allowed.
    #[error("the top-level origin is not allowed")]
    TopOrigin,
    /// The authenticator data is malformed, or has bytes after its end.
    #[error("the authenticator data is malformed")]
    AuthenticatorData,
    /// The authenticator signed for another RP ID.
    #[error("the RP ID hash is another one")]
    RpIdHash,
    /// Nobody touched the authenticator.
    #[error("the user was not present")]
    UserPresence,
    /// The user was not verified, although the relying party requires it.
    #[error("the user was not verified")]
    UserVerification,
    /// Backed up, yet not eligible for backup.
    #[error("backup state without backup eligibility")]
    BackupState,
    /// Backup eligibility changed since registration.
    #[error("backup eligibility changed")]
    BackupEligibility,
    /// The key's algorithm was not offered, or cannot be verified.
    #[error("the algorithm is not offered")]
    Algorithm,
    /// The public key is malformed.
    #[error("the public key is malformed")]
    PublicKey,
    /// The attestation statement format is unknown.
    #[error("the attestation format is not supported")]
    AttestationFormat,
    /// The attestation statement does not verify.
    #[error("the attestation statement does not verify")]
    Attestation,
    /// The credential ID is empty or over 1023 bytes.
    #[error("the credential ID has an impossible length")]
    CredentialIdLength,
    /// The user has this credential already.
    #[error("the credential is registered already")]
    DuplicateCredential,
    /// The user has as many credentials as allowed.
    #[error("the user has too many credentials")]
    TooManyCredentials,
    /// `id` and `rawId` differ.
    #[error("id and rawId differ")]
    CredentialId,
    /// The credential was not in the list that the ceremony allowed.
    #[error("the credential is not allowed in this ceremony")]
    CredentialNotAllowed,
    /// The authenticator names another user.
    #[error("the user handle is another user's")]
    UserHandle,
    /// The signature does not verify.
    #[error("the signature does not verify")]
    Signature,
    /// The signature counter did not grow: there may be a second copy of the key.
    #[error("the signature counter did not grow")]
    SignCount,
}

impl Refusal {
    /// The stable code of the check.
    pub const fn code(self) -> Code {
        match self {
            Self::Challenge => Code::Challenge,
            Self::User => Code::User,
            Self::RelyingParty => Code::RelyingParty,
            Self::ClientDataType => Code::ClientDataType,
            Self::Origin => Code::Origin,
            Self::CrossOrigin => Code::CrossOrigin,
            Self::TopOrigin => Code::TopOrigin,
            Self::AuthenticatorData => Code::AuthenticatorData,
            Self::RpIdHash => Code::RpIdHash,
            Self::UserPresence => Code::UserPresence,
            Self::UserVerification => Code::UserVerification,
            Self::BackupState => Code::BackupState,
            Self::BackupEligibility => Code::BackupEligibility,
            Self::Algorithm => Code::Algorithm,
            Self::PublicKey => Code::PublicKey,
            Self::AttestationFormat => Code::AttestationFormat,
            Self::Attestation => Code::Attestation,
            Self::CredentialIdLength => Code::CredentialIdLength,
            Self::DuplicateCredential => Code::DuplicateCredential,
            Self::TooManyCredentials => Code::TooManyCredentials,
            Self::CredentialId => Code::CredentialId,
            Self::CredentialNotAllowed => Code::CredentialNotAllowed,
            Self::UserHandle => Code::UserHandle,
            Self::Signature => Code::Signature,
            Self::SignCount => Code::SignCount,
        }
    }
}

/// Why an operation on a user or its credentials failed.
#[derive(Clone, Debug, thiserror::Error)]
#[cfg_attr(feature = "strum", derive(strum::EnumCount))]
#[non_exhaustive]
pub enum WebauthnError {
    /// The body is not a response of the WebAuthn API.
    #[error(transparent)]
    Malformed(#[from] MalformedResponse),

    /// The response failed a check. Its ceremony is used up.
    #[error(transparent)]
    Refused(#[from] Refusal),

    /// The user has no credentials, or there is no such user.
    #[error("the user has no credentials")]
    NoCredentials,

    /// The user has no such credential, or there is no such user.
    #[error("no such credential")]
    NotFound,

    /// The user's stored record does not open.
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

impl MayConflict for WebauthnError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_conflict())
    }
}

impl MalformedResponse {
    /// The stable code, the same for every malformation.
    pub const fn code(self) -> Code {
        match self {
            Self::Json | Self::MissingId | Self::Id | Self::Type | Self::Base64 | Self::ClientData => {
                Code::MalformedResponse
            }
        }
    }
}

impl WebauthnError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::Malformed(malformation) => malformation.code(),
            Self::Refused(refusal) => refusal.code(),
            Self::NoCredentials => Code::NoCredentials,
            Self::NotFound => Code::CredentialNotFound,
            Self::DoesNotOpen(_) | Self::Random(_) => Code::Internal,
            Self::ApiKey(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }
}

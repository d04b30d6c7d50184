//! WebAuthn errors with the Go predecessor's messages, which its clients may know.

use mfa_core::code::Code;
use mfa_core::webauthn::{MalformedResponse, Refusal, WebauthnError};

use crate::error::ApiError;

/// Errors of `/webauthn/register`.
pub(super) fn registration_error(error: WebauthnError) -> ApiError {
    const PARSING: &str = "unable to parse credential creation response body";
    match error {
        WebauthnError::Malformed(MalformedResponse::ClientData)
        | WebauthnError::Refused(Refusal::AuthenticatorData) => {
            malformed().saying(format!("{PARSING}: Error parsing attestation response"))
        }
        WebauthnError::Malformed(_) => malformed().saying(format!("{PARSING}: Parse error for Registration")),
        WebauthnError::Refused(Refusal::DuplicateCredential) => ApiError::of(Code::DuplicateCredential)
            .saying("unable to save new credential`: a credential with this ID already exists"),
        WebauthnError::Refused(refusal) => {
            ApiError::of(refusal.code()).saying(format!("unable to create credential: {}", words(refusal)))
        }
        other => failure(other),
    }
}

/// Errors of `/webauthn/login`.
pub(super) fn authentication_error(error: WebauthnError) -> ApiError {
    const PARSING: &str = "failed to parse credential request response body";
    match error {
        WebauthnError::Malformed(malformation) => malformed().saying(match malformation {
            MalformedResponse::MissingId => format!("{PARSING}: CredentialAssertionResponse with ID missing"),
            MalformedResponse::Id => {
                format!("{PARSING}: CredentialAssertionResponse with ID not base64url encoded")
            }
            MalformedResponse::Type => format!("{PARSING}: CredentialAssertionResponse with bad type"),
            _ => format!("{PARSING}: Parse error for Assertion"),
        }),
        WebauthnError::Refused(Refusal::AuthenticatorData) => {
            malformed().saying(format!("{PARSING}: Error unmarshalling auth data"))
        }
        WebauthnError::Refused(refusal) => {
            ApiError::of(refusal.code()).saying(format!("failed to validate login: {}", words(refusal)))
        }
        other => failure(other),
    }
}

/// Errors of `/webauthn/user` and `/webauthn/credential`.
pub(super) fn deletion_error(error: WebauthnError) -> ApiError {
    match error {
        WebauthnError::NoCredentials => {
            not_found("error in DeleteCredential: no webauthn credentials available")
        }
        WebauthnError::NotFound => not_found("error in DeleteCredential. Credential not found with that id"),
        other => failure(other),
    }
}

const fn malformed() -> ApiError {
    ApiError::of(Code::MalformedResponse)
}

fn not_found(message: &'static str) -> ApiError {
    ApiError::of(Code::CredentialNotFound).saying(message)
}

fn failure(error: WebauthnError) -> ApiError {
    match error {
        WebauthnError::Store(error) => error.into(),
        WebauthnError::ApiKey(error) => error.into(),
        other => ApiError::logged(other.code(), &other),
    }
}

/// The predecessor's message for the check, or the nearest one that its clients understand.
const fn words(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Challenge => "Error validating challenge",
        Refusal::ClientDataType => "Error validating ceremony type",
        Refusal::Origin | Refusal::CrossOrigin | Refusal::TopOrigin => "Error validating origin",
        Refusal::User | Refusal::RelyingParty => "ID mismatch for User and Session",
        Refusal::RpIdHash | Refusal::UserPresence | Refusal::UserVerification => {
            "Error validating the authenticator response"
        }
        Refusal::BackupState => "Invalid flag combination: BE=0 and BS=1",
        Refusal::BackupEligibility => "BackupEligible flag inconsistency detected during login validation",
        Refusal::AttestationFormat => "Invalid attestation format",
        Refusal::Attestation => "Invalid attestation",
        Refusal::Algorithm => "Unsupported public key algorithm",
        Refusal::PublicKey => "Error parsing the assertion public key",
        Refusal::CredentialIdLength => "Invalid credential ID length",
        Refusal::CredentialId => "id and rawId differ",
        Refusal::CredentialNotAllowed => "User does not own the credential returned",
        Refusal::UserHandle => "userHandle and User ID do not match",
        Refusal::Signature => "Error validating the assertion signature: <nil>",
        Refusal::SignCount => "The signature counter did not grow",
        Refusal::TooManyCredentials => "The user has too many credentials",
        _ => "Refused",
    }
}

//! The operations that return each error of WebAuthn.

use mfa_core::envelope::DoesNotOpen;
use mfa_core::random::RandomError;
use mfa_core::webauthn::{MalformedResponse, Refusal, WebauthnError};
use strum::EnumCount as _;

use super::super::webauthn_error::{authentication_error, deletion_error, registration_error};
use super::{Row, keyring_errors, store_failure};
use crate::error::ApiError;

const REGISTER: &[&str] = &["finishRegistration"];
const LOGIN: &[&str] = &["finishAuthentication"];
const BOTH: &[&str] = &["finishRegistration", "finishAuthentication"];
/// Operations that read or write a user's record.
const OF_A_RECORD: &[&str] = &[
    "beginRegistration",
    "finishRegistration",
    "beginAuthentication",
    "finishAuthentication",
    "getUser",
    "deleteCredential",
    "renameCredential",
];

pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for (error, names) in errors() {
        rows.extend(
            names.iter().map(|name| Row(as_answered(name, error.clone()), std::slice::from_ref(name))),
        );
    }
    rows
}

fn as_answered(operation: &str, error: WebauthnError) -> ApiError {
    match operation {
        "beginRegistration" | "finishRegistration" => registration_error(error),
        "beginAuthentication" | "finishAuthentication" => authentication_error(error),
        _ => deletion_error(error),
    }
}

fn errors() -> Vec<(WebauthnError, &'static [&'static str])> {
    let rows: [(WebauthnError, &[&str]); WebauthnError::COUNT] = [
        (WebauthnError::Malformed(MalformedResponse::Json), BOTH),
        // Each has a row below.
        (WebauthnError::Refused(Refusal::Challenge), BOTH),
        (WebauthnError::NoCredentials, &["beginAuthentication", "deleteCredential"]),
        (WebauthnError::NotFound, &["deleteCredential", "renameCredential"]),
        (WebauthnError::DoesNotOpen(DoesNotOpen), OF_A_RECORD),
        (WebauthnError::Random(RandomError), OF_A_RECORD),
        (WebauthnError::ApiKey(keyring_errors()[0].clone()), OF_A_RECORD),
        (WebauthnError::Store(store_failure()), &["deleteUser"]),
    ];
    let refusals = refusals().into_iter().map(|(refusal, names)| (refusal.into(), names));
    rows.into_iter().chain(refusals).collect()
}

fn refusals() -> [(Refusal, &'static [&'static str]); Refusal::COUNT] {
    [
        (Refusal::Challenge, BOTH),
        (Refusal::User, BOTH),
        (Refusal::RelyingParty, BOTH),
        (Refusal::ClientDataType, BOTH),
        (Refusal::Origin, BOTH),
        (Refusal::CrossOrigin, BOTH),
        (Refusal::TopOrigin, BOTH),
        (Refusal::AuthenticatorData, BOTH),
        (Refusal::RpIdHash, BOTH),
        (Refusal::UserPresence, BOTH),
        (Refusal::UserVerification, BOTH),
        (Refusal::BackupState, BOTH),
        (Refusal::BackupEligibility, LOGIN),
        (Refusal::Algorithm, BOTH),
        (Refusal::PublicKey, BOTH),
        (Refusal::AttestationFormat, REGISTER),
        (Refusal::Attestation, REGISTER),
        (Refusal::CredentialIdLength, REGISTER),
        (Refusal::DuplicateCredential, REGISTER),
        (Refusal::TooManyCredentials, REGISTER),
        (Refusal::CredentialId, LOGIN),
        (Refusal::CredentialNotAllowed, LOGIN),
        (Refusal::UserHandle, LOGIN),
        (Refusal::Signature, LOGIN),
        (Refusal::SignCount, LOGIN),
    ]
}

//! `/webauthn`: passkeys and security keys.

use axum::Json;
use mfa_core::code::Code;
use mfa_core::webauthn::{
    AuthenticationOptions, AuthenticationResponse, RegistrationOptions, RegistrationResponse, WebauthnError,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::webauthn_error::{authentication_error, registration_error};
use crate::authentication::{Authenticated, CONSUMER};
use crate::body::{BYTES, RawBody};
use crate::error::{ApiError, SERVER};
use crate::openapi::errors::Codes;
use crate::openapi::headers::RelyingPartyHeaders;
use crate::openapi::webauthn::{
    AuthenticationResponseJSON, BegunAuthentication, BegunRegistration, RegistrationResponseJSON,
};
use crate::relying_party::{Meta, RELYING_PARTY};

#[derive(Serialize)]
pub(super) struct Begun {
    uuid: String,
    #[serde(flatten)]
    options: RegistrationOptions,
}

pub(super) const BEGIN_REGISTRATION: Codes = &[CONSUMER, RELYING_PARTY, SERVER];

/// Begins a registration ceremony.
///
/// The body is ignored. Without `x-mfa-UserUUID`, a new user is registered.
#[utoipa::path(post, path = "/webauthn/register", operation_id = "beginRegistration", tag = "WebAuthn",
    security(("apiKey" = [], "apiSecret" = [])), params(RelyingPartyHeaders),
    responses((status = 200, description = "For `navigator.credentials.create()`, and the user's `uuid`",
        body = BegunRegistration)),
    extensions(("x-codes" = json!(BEGIN_REGISTRATION))))]
pub(super) async fn begin_registration(
    Authenticated(consumer): Authenticated,
    meta: Meta,
) -> Result<Json<Begun>, ApiError> {
    let webauthn = consumer.webauthn(meta.relying_party);
    let (user, options) = webauthn.begin_registration(&meta.user).await.map_err(registration_error)?;
    Ok(Json(Begun { uuid: user.to_string(), options }))
}

#[derive(Serialize, ToSchema)]
pub(super) struct Registered {
    key_handle_hash: String,
}

/// The checks that both ceremonies make. Malformed authenticator data counts as a malformed response.
const CHECKS: &[Code] = &[
    Code::MalformedResponse,
    Code::Challenge,
    Code::User,
    Code::RelyingParty,
    Code::ClientDataType,
    Code::Origin,
    Code::CrossOrigin,
    Code::TopOrigin,
    Code::RpIdHash,
    Code::UserPresence,
    Code::UserVerification,
    Code::BackupState,
    Code::Algorithm,
    Code::PublicKey,
];

pub(super) const FINISH_REGISTRATION: Codes = &[
    CONSUMER,
    RELYING_PARTY,
    BYTES,
    SERVER,
    &[Code::UserUuidRequired],
    CHECKS,
    &[
        Code::AttestationFormat,
        Code::Attestation,
        Code::CredentialIdLength,
        Code::DuplicateCredential,
        Code::TooManyCredentials,
    ],
];

/// Finishes a registration ceremony.
///
/// The body is what `navigator.credentials.create()` returned.
#[utoipa::path(put, path = "/webauthn/register", operation_id = "finishRegistration", tag = "WebAuthn",
    security(("apiKey" = [], "apiSecret" = [])), params(RelyingPartyHeaders),
    request_body = RegistrationResponseJSON,
    responses((status = 200, description = "The credential's name from now on", body = Registered)),
    extensions(("x-codes" = json!(FINISH_REGISTRATION))))]
pub(super) async fn finish_registration(
    Authenticated(consumer): Authenticated,
    meta: Meta,
    RawBody(body): RawBody,
) -> Result<Json<Registered>, ApiError> {
    let user = meta.known_user()?;
    let response =
        RegistrationResponse::from_json(&body).map_err(|error| registration_error(error.into()))?;
    let webauthn = consumer.webauthn(meta.relying_party);
    let credential = webauthn.finish_registration(user, &response).await.map_err(registration_error)?;
    Ok(Json(Registered { key_handle_hash: credential.id.key_handle_hash().to_string() }))
}

pub(super) const BEGIN_AUTHENTICATION: Codes = &[CONSUMER, RELYING_PARTY, SERVER, &[Code::NoCredentials]];

/// Begins an authentication ceremony.
///
/// The body is ignored.
#[utoipa::path(post, path = "/webauthn/login", operation_id = "beginAuthentication", tag = "WebAuthn",
    security(("apiKey" = [], "apiSecret" = [])), params(RelyingPartyHeaders),
    responses((status = 200, description = "For `navigator.credentials.get()`", body = BegunAuthentication)),
    extensions(("x-codes" = json!(BEGIN_AUTHENTICATION))))]
pub(super) async fn begin_authentication(
    Authenticated(consumer): Authenticated,
    meta: Meta,
) -> Result<Json<AuthenticationOptions>, ApiError> {
    let user = meta.user.id.ok_or_else(|| authentication_error(WebauthnError::NoCredentials))?;
    let webauthn = consumer.webauthn(meta.relying_party);
    Ok(Json(webauthn.begin_authentication(user).await.map_err(authentication_error)?))
}

#[derive(Serialize, ToSchema)]
pub(super) struct LoggedIn {
    /// Ignore it. It exists for old clients.
    #[serde(rename = "credentialId")]
    credential_id: String,
    key_handle_hash: String,
}

pub(super) const FINISH_AUTHENTICATION: Codes = &[
    CONSUMER,
    RELYING_PARTY,
    BYTES,
    SERVER,
    &[Code::UserUuidRequired],
    CHECKS,
    &[
        Code::BackupEligibility,
        Code::CredentialId,
        Code::CredentialNotAllowed,
        Code::UserHandle,
        Code::Signature,
        Code::SignCount,
    ],
];

/// Finishes an authentication ceremony.
///
/// The body is what `navigator.credentials.get()` returned.
#[utoipa::path(put, path = "/webauthn/login", operation_id = "finishAuthentication", tag = "WebAuthn",
    security(("apiKey" = [], "apiSecret" = [])), params(RelyingPartyHeaders),
    request_body = AuthenticationResponseJSON,
    responses((status = 200, description = "The user proved possession of this credential", body = LoggedIn)),
    extensions(("x-codes" = json!(FINISH_AUTHENTICATION))))]
pub(super) async fn finish_authentication(
    Authenticated(consumer): Authenticated,
    meta: Meta,
    RawBody(body): RawBody,
) -> Result<Json<LoggedIn>, ApiError> {
    let user = meta.known_user()?;
    let response =
        AuthenticationResponse::from_json(&body).map_err(|error| authentication_error(error.into()))?;
    let webauthn = consumer.webauthn(meta.relying_party);
    let authenticated =
        webauthn.finish_authentication(user, &response).await.map_err(authentication_error)?;
    Ok(Json(LoggedIn {
        credential_id: String::from_utf8_lossy(&authenticated.credential_id.0).into_owned(),
        key_handle_hash: authenticated.credential_id.key_handle_hash().to_string(),
    }))
}

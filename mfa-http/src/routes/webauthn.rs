//! `/webauthn`: passkeys and security keys.

use axum::Json;
use axum::http::StatusCode;
use data_encoding::HEXLOWER;
use mfa_core::webauthn::{
    AuthenticationOptions, AuthenticationResponse, CredentialRecord, KeyHandleHash, RegistrationOptions,
    RegistrationResponse, WebauthnError,
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::webauthn_error::{authentication_error, deletion_error, registration_error};
use crate::authentication::Authenticated;
use crate::body::{Body, RawBody};
use crate::error::ApiError;
use crate::openapi::errors::{
    BodyErrors, ConsumerErrors, ErrorBody, ServerErrors, Throttled, WebauthnErrors,
};
use crate::openapi::requests::{
    AuthenticationResponseJson, CreationOptions, Label, RegistrationResponseJson, RelyingPartyHeaders,
    RequestOptions, UserHeader,
};
use crate::path::Segment;
use crate::relying_party::{Meta, User};

#[derive(Serialize)]
pub(super) struct Begun {
    uuid: String,
    #[serde(flatten)]
    options: RegistrationOptions,
}

/// `POST /webauthn/register`: the body is ignored.
#[utoipa::path(post, path = "/webauthn/register", tag = "WebAuthn", security(("apiKey" = [], "apiSecret" = [])),
    params(RelyingPartyHeaders),
    responses(
        (status = 200, description = "For `navigator.credentials.create()`, and the user's `uuid`", body = CreationOptions),
        (status = 400, description = "`invalid-relying-party`, `invalid-user-uuid`, `invalid-header`", body = ErrorBody),
        WebauthnErrors, Throttled, ServerErrors,
    ))]
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

/// `PUT /webauthn/register` with what `navigator.credentials.create()` returned.
#[utoipa::path(put, path = "/webauthn/register", tag = "WebAuthn", security(("apiKey" = [], "apiSecret" = [])),
    params(RelyingPartyHeaders), request_body = RegistrationResponseJson,
    responses(
        (status = 200, description = "The credential's name towards consumers", body = Registered),
        (status = 400, description = "`malformed-response`, `user-uuid-required`, or as for `POST`; or the check \
            that failed: `challenge`, `user`, `relying-party`, `client-data-type`, `origin`, `cross-origin`, `top-origin`, \
            `authenticator-data`, `rp-id-hash`, `user-presence`, `user-verification`, `backup-state`, `algorithm`, \
            `public-key`, `attestation-format`, `attestation`, `credential-id-length`, `duplicate-credential`, \
            `too-many-credentials`, `credential-id`, `signature`", body = ErrorBody),
        WebauthnErrors, Throttled, BodyErrors, ServerErrors,
    ))]
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

/// `POST /webauthn/login`: the body is ignored.
#[utoipa::path(post, path = "/webauthn/login", tag = "WebAuthn", security(("apiKey" = [], "apiSecret" = [])),
    params(RelyingPartyHeaders),
    responses(
        (status = 200, description = "For `navigator.credentials.get()`", body = RequestOptions),
        (status = 400, description = "`no-credentials`, `invalid-relying-party`, `invalid-user-uuid`, `invalid-header`",
            body = ErrorBody),
        WebauthnErrors, Throttled, ServerErrors,
    ))]
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
    /// The raw id forced into text: of no use for real keys, and kept for clients that expect the member.
    #[serde(rename = "credentialId")]
    credential_id: String,
    key_handle_hash: String,
}

/// `PUT /webauthn/login` with what `navigator.credentials.get()` returned.
#[utoipa::path(put, path = "/webauthn/login", tag = "WebAuthn", security(("apiKey" = [], "apiSecret" = [])),
    params(RelyingPartyHeaders), request_body = AuthenticationResponseJson,
    responses(
        (status = 200, description = "The user proved possession of this credential", body = LoggedIn),
        (status = 400, description = "`malformed-response`, `user-uuid-required`, or as for `POST`; or the check \
            that failed: `challenge`, `user`, `relying-party`, `client-data-type`, `origin`, `cross-origin`, `top-origin`, \
            `authenticator-data`, `rp-id-hash`, `user-presence`, `user-verification`, `backup-state`, \
            `backup-eligibility`, `credential-id`, `credential-not-allowed`, `user-handle`, `signature`, `sign-count`", body = ErrorBody),
        WebauthnErrors, Throttled, BodyErrors, ServerErrors,
    ))]
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

/// A credential as its user's consumer sees it; times in milliseconds since 1970.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CredentialView {
    #[serde(rename = "key_handle_hash")]
    key_handle_hash: String,
    /// `webauthn` or `u2f`.
    kind: &'static str,
    label: Option<String>,
    created_at: Option<u64>,
    last_used_at: Option<u64>,
    transports: Vec<String>,
    aaguid: String,
    attestation_format: String,
    backup_eligible: Option<bool>,
    backup_state: bool,
    sign_count: u32,
    rp_id: Option<String>,
}

impl CredentialView {
    fn of(record: CredentialRecord, kind: &'static str) -> Self {
        Self {
            key_handle_hash: record.id.key_handle_hash().to_string(),
            kind,
            label: record.label,
            created_at: record.created_at.map(|time| time.as_millis()),
            last_used_at: record.last_used_at.map(|time| time.as_millis()),
            transports: record.transports,
            aaguid: HEXLOWER.encode(&record.aaguid),
            attestation_format: record.attestation_format,
            backup_eligible: record.backup_eligible,
            backup_state: record.backup_state,
            sign_count: record.sign_count,
            rp_id: record.rp_id,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct UserView {
    uuid: String,
    credentials: Vec<CredentialView>,
    /// How many stored credentials cannot be read.
    unreadable: usize,
}

/// `GET /webauthn/user`: the user's credentials; none for a user that is not there.
#[utoipa::path(get, path = "/webauthn/user", tag = "WebAuthn", security(("apiKey" = [], "apiSecret" = [])),
    params(UserHeader),
    responses(
        (status = 200, description = "The user's credentials; none for a user that is not there", body = UserView),
        (status = 400, description = "`user-uuid-required`, `invalid-user-uuid`, `invalid-header`", body = ErrorBody),
        ConsumerErrors, Throttled, ServerErrors,
    ))]
pub(super) async fn list(
    Authenticated(consumer): Authenticated,
    User(user): User,
) -> Result<Json<UserView>, ApiError> {
    let found = consumer.user_credentials(user).await.map_err(deletion_error)?;
    let webauthn = found.credentials.into_iter().map(|record| CredentialView::of(record, "webauthn"));
    let u2f = found.legacy_u2f.map(|record| CredentialView::of(record, "u2f"));
    Ok(Json(UserView {
        uuid: user.to_string(),
        credentials: webauthn.chain(u2f).collect(),
        unreadable: found.unreadable,
    }))
}

/// `DELETE /webauthn/user`: gone afterwards, whether it was there or not.
#[utoipa::path(delete, path = "/webauthn/user", tag = "WebAuthn", security(("apiKey" = [], "apiSecret" = [])),
    params(RelyingPartyHeaders),
    responses(
        (status = 204, description = "Gone, whether it was there or not"),
        (status = 400, description = "`user-uuid-required`, `invalid-user-uuid`, `invalid-relying-party`, `invalid-header`",
            body = ErrorBody),
        WebauthnErrors, Throttled, ServerErrors,
    ))]
pub(super) async fn delete_user(
    Authenticated(consumer): Authenticated,
    meta: Meta,
) -> Result<StatusCode, ApiError> {
    consumer.delete_user(meta.known_user()?).await.map_err(deletion_error)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /webauthn/credential/{id}`: a key handle hash, or `u2f` for the legacy key.
#[utoipa::path(delete, path = "/webauthn/credential/{id}", tag = "WebAuthn", security(("apiKey" = [], "apiSecret" = [])),
    params(("id" = String, Path, description = "A `key_handle_hash`, or `u2f` for the legacy key"), RelyingPartyHeaders),
    responses(
        (status = 204, description = "Deleted"),
        (status = 400, description = "`user-uuid-required`, `invalid-user-uuid`, `invalid-relying-party`, `invalid-header`",
            body = ErrorBody),
        (status = 404, description = "`credential-not-found`", body = ErrorBody),
        WebauthnErrors, Throttled, ServerErrors,
    ))]
pub(super) async fn delete_credential(
    Authenticated(consumer): Authenticated,
    meta: Meta,
    Segment(id): Segment,
) -> Result<StatusCode, ApiError> {
    let user = meta.known_user()?;
    if id == "u2f" {
        consumer.u2f().forget_key(user).await?;
        return Ok(StatusCode::NO_CONTENT);
    }
    let hash: KeyHandleHash = id.parse().map_err(|_| deletion_error(WebauthnError::NotFound))?;
    consumer.delete_credential(user, hash).await.map_err(deletion_error)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PATCH /webauthn/credential/{id}` with `{"label": …}`, a string or `null`.
#[utoipa::path(patch, path = "/webauthn/credential/{id}", tag = "WebAuthn", security(("apiKey" = [], "apiSecret" = [])),
    params(("id" = String, Path, description = "A `key_handle_hash`"), UserHeader), request_body = Label,
    responses(
        (status = 204, description = "Renamed"),
        (status = 400, description = "`invalid-label`, `invalid-json`, `user-uuid-required`, `invalid-user-uuid`, `invalid-header`",
            body = ErrorBody),
        (status = 404, description = "`credential-not-found`", body = ErrorBody),
        ConsumerErrors, Throttled, BodyErrors, ServerErrors,
    ))]
pub(super) async fn rename(
    Authenticated(consumer): Authenticated,
    User(user): User,
    Segment(id): Segment,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let label = match body.member("label") {
        Some(Value::String(label)) if label.chars().count() <= 100 => Some(label.as_str()),
        Some(Value::Null) => None,
        _ => {
            let message = "label must be a string of 100 characters at most, or null";
            return Err(ApiError::bad_request("invalid-label", message));
        }
    };
    let hash: KeyHandleHash = id.parse().map_err(|_| deletion_error(WebauthnError::NotFound))?;
    consumer.rename_credential(user, hash, label).await.map_err(deletion_error)?;
    Ok(StatusCode::NO_CONTENT)
}

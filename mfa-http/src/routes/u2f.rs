//! `/u2f`: legacy U2F keys with raw messages.

use axum::Json;
use axum::http::StatusCode;
use data_encoding::BASE64URL_NOPAD;
use mfa_core::code::Code;
use mfa_core::store::UserId;
use mfa_core::u2f::{U2fError, U2fRefusal};
use mfa_core::webauthn::WebauthnError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::totp::Valid;
use super::u2f_body::{U2fAuthentication, U2fRegistration};
use crate::authentication::{Authenticated, CONSUMER};
use crate::body::{Body, OBJECT};
use crate::error::{ApiError, SERVER};
use crate::members::Member;
use crate::openapi::errors::Codes;
use crate::path::Segment;

const VERSION: &str = "U2F_V2";

#[derive(Serialize, ToSchema)]
pub(super) struct Begun {
    uuid: String,
    challenge: RegistrationRequest,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RegistrationRequest {
    version: &'static str,
    app_id: String,
    challenge: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewU2f {
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "https://login.example.com/app-id.json")]
    app_id: Member<String>,
}

pub(super) const BEGIN_REGISTRATION: Codes =
    &[CONSUMER, OBJECT, SERVER, &[Code::AppIdRequired, Code::InvalidAppId]];

/// Begins the registration of a U2F key.
#[utoipa::path(post, path = "/u2f", operation_id = "beginU2fRegistration", tag = "U2F",
    security(("apiKey" = [], "apiSecret" = [])), request_body = NewU2f,
    responses((status = 200, description = "A registration request, U2F Raw Messages", body = Begun)),
    extensions(("x-codes" = json!(BEGIN_REGISTRATION))))]
pub(super) async fn begin_registration(
    Authenticated(consumer): Authenticated,
    Body(new): Body<NewU2f>,
) -> Result<Json<Begun>, ApiError> {
    let app_id = new.app_id.text().ok_or(ApiError::of(Code::AppIdRequired))?;
    let begun = consumer.u2f().begin_registration(&app_id).await?;
    let challenge = begun.challenge.to_string();
    let request = RegistrationRequest { version: VERSION, app_id, challenge };
    Ok(Json(Begun { uuid: begun.id.to_string(), challenge: request }))
}

/// The codes of a route about one record. The AppID of a stored record may be invalid.
const ABOUT_ONE: &[Code] = &[Code::U2fNotFound, Code::NotRegistered, Code::InvalidAppId];

pub(super) const FINISH_REGISTRATION: Codes = &[
    CONSUMER,
    OBJECT,
    SERVER,
    ABOUT_ONE,
    &[
        Code::TokenError,
        Code::Malformed,
        Code::ClientData,
        Code::ClientDataType,
        Code::Challenge,
        Code::Facet,
        Code::Signature,
    ],
];

/// Finishes the registration of a U2F key.
#[utoipa::path(put, path = "/u2f/{uuid}", operation_id = "finishU2fRegistration", tag = "U2F",
    security(("apiKey" = [], "apiSecret" = [])), request_body = U2fRegistration,
    params(("uuid" = String, Path, description = "The record's `uuid`")),
    responses((status = 204, description = "Registered")),
    extensions(("x-codes" = json!(FINISH_REGISTRATION))))]
pub(super) async fn finish_registration(
    Authenticated(consumer): Authenticated,
    Segment(uuid): Segment,
    Body(body): Body<U2fRegistration>,
) -> Result<StatusCode, ApiError> {
    let id = parse(&uuid)?;
    consumer.u2f().finish_registration(id, &body.response()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AuthenticationRequest {
    uuid: String,
    version: &'static str,
    challenge: String,
    app_id: String,
    key_handle: String,
}

pub(super) const BEGIN_AUTHENTICATION: Codes = &[CONSUMER, SERVER, ABOUT_ONE];

/// Begins an authentication with a U2F key.
#[utoipa::path(post, path = "/u2f/{uuid}/auth", operation_id = "beginU2fAuthentication", tag = "U2F",
    security(("apiKey" = [], "apiSecret" = [])),
    params(("uuid" = String, Path, description = "The record's `uuid`")),
    responses((status = 200, description = "An authentication request, U2F Raw Messages",
        body = AuthenticationRequest)),
    extensions(("x-codes" = json!(BEGIN_AUTHENTICATION))))]
pub(super) async fn begin_authentication(
    Authenticated(consumer): Authenticated,
    Segment(uuid): Segment,
) -> Result<Json<AuthenticationRequest>, ApiError> {
    let begun = consumer.u2f().begin_authentication(parse(&uuid)?).await?;
    Ok(Json(AuthenticationRequest {
        uuid,
        version: VERSION,
        challenge: begun.challenge.to_string(),
        app_id: begun.app_id,
        key_handle: BASE64URL_NOPAD.encode(&begun.key_handle),
    }))
}

pub(super) const FINISH_AUTHENTICATION: Codes = &[
    CONSUMER,
    OBJECT,
    SERVER,
    ABOUT_ONE,
    &[
        Code::TokenError,
        Code::Malformed,
        Code::ClientData,
        Code::ClientDataType,
        Code::Challenge,
        Code::Facet,
        Code::KeyHandle,
        Code::UserPresence,
        Code::Signature,
        Code::Counter,
    ],
];

/// Finishes an authentication with a U2F key.
#[utoipa::path(put, path = "/u2f/{uuid}/auth", operation_id = "finishU2fAuthentication", tag = "U2F",
    security(("apiKey" = [], "apiSecret" = [])), request_body = U2fAuthentication,
    params(("uuid" = String, Path, description = "The record's `uuid`")),
    responses((status = 200, description = "The user proved possession of the key", body = Valid)),
    extensions(("x-codes" = json!(FINISH_AUTHENTICATION))))]
pub(super) async fn finish_authentication(
    Authenticated(consumer): Authenticated,
    Segment(uuid): Segment,
    Body(body): Body<U2fAuthentication>,
) -> Result<Json<Valid>, ApiError> {
    let id = parse(&uuid)?;
    consumer.u2f().finish_authentication(id, &body.response()?).await?;
    Ok(Json(Valid::new()))
}

pub(super) const DELETE: Codes = &[CONSUMER, SERVER, &[Code::U2fNotFound]];

/// Deletes a user with all credentials.
#[utoipa::path(delete, path = "/u2f/{uuid}", operation_id = "deleteU2f", tag = "U2F",
    security(("apiKey" = [], "apiSecret" = [])),
    params(("uuid" = String, Path, description = "The record's `uuid`")),
    responses((status = 204, description = "Deleted, with all credentials of the user")),
    extensions(("x-codes" = json!(DELETE))))]
pub(super) async fn delete(
    Authenticated(consumer): Authenticated,
    Segment(uuid): Segment,
) -> Result<StatusCode, ApiError> {
    let deleted = consumer.delete_user(parse(&uuid)?).await.map_err(U2fError::from)?;
    if deleted { Ok(StatusCode::NO_CONTENT) } else { Err(U2fError::NotFound.into()) }
}

fn parse(uuid: &str) -> Result<UserId, U2fError> {
    uuid.parse().map_err(|_| U2fError::NotFound)
}

impl From<U2fError> for ApiError {
    fn from(error: U2fError) -> Self {
        match error {
            U2fError::Refused(refusal) => Self::of(refusal.code()).saying(match refusal {
                U2fRefusal::ClientData => "Invalid clientData: not a valid JSON object",
                U2fRefusal::Challenge => "Invalid challenge: not the one provided",
                U2fRefusal::Signature => "Invalid signature.",
                _ => "Invalid response from U2F token.",
            }),
            U2fError::User(WebauthnError::Store(error)) => error.into(),
            U2fError::User(WebauthnError::ApiKey(error)) => error.into(),
            other => Self::logged(other.code(), &other),
        }
    }
}

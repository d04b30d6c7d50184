//! `/u2f`: legacy U2F keys by raw messages.

use std::error::Error;

use axum::Json;
use axum::http::StatusCode;
use data_encoding::BASE64URL_NOPAD;
use mfa_core::store::UserId;
use mfa_core::u2f::{U2fAuthenticationResponse, U2fError, U2fRefusal, U2fRegistrationResponse};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::totp::Valid;
use crate::authentication::Authenticated;
use crate::body::Body;
use crate::error::ApiError;
use crate::openapi::errors::{BodyErrors, ConsumerErrors, ErrorBody, ServerErrors, Throttled};
use crate::openapi::requests::{NewU2f, U2fAuthentication, U2fRegistration};
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

/// `POST /u2f` with `{"appId"}`.
#[utoipa::path(post, path = "/u2f", tag = "U2F", security(("apiKey" = [], "apiSecret" = [])),
    request_body = NewU2f,
    responses(
        (status = 200, description = "A registration request, U2F Raw Messages", body = Begun),
        (status = 400, description = "`app-id-required`, `invalid-app-id`, `invalid-json`", body = ErrorBody),
        ConsumerErrors, Throttled, BodyErrors, ServerErrors,
    ))]
pub(super) async fn begin_registration(
    Authenticated(consumer): Authenticated,
    body: Body,
) -> Result<Json<Begun>, ApiError> {
    let app_id = body.text("appId").filter(|app_id| !app_id.is_empty());
    let app_id = app_id.ok_or(ApiError::bad_request("app-id-required", "appId is required"))?;
    let begun = consumer.u2f().begin_registration(app_id).await?;
    let challenge = begun.challenge.to_string();
    let request = RegistrationRequest { version: VERSION, app_id: app_id.to_owned(), challenge };
    Ok(Json(Begun { uuid: begun.id.to_string(), challenge: request }))
}

/// `PUT /u2f/{uuid}` with `{"signResult": {"clientData", "registrationData"}}`.
#[utoipa::path(put, path = "/u2f/{uuid}", tag = "U2F", security(("apiKey" = [], "apiSecret" = [])),
    params(("uuid" = String, Path, description = "The record's `uuid`")), request_body = U2fRegistration,
    responses(
        (status = 204, description = "Registered"),
        (status = 400, description = "`malformed`, `token-error`; or the check that failed: `challenge`, \
            `client-data`, `client-data-type`, `facet`, `signature`", body = ErrorBody),
        (status = 404, description = "`u2f-not-found`", body = ErrorBody),
        ConsumerErrors, Throttled, BodyErrors, ServerErrors,
    ))]
pub(super) async fn finish_registration(
    Authenticated(consumer): Authenticated,
    Segment(uuid): Segment,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let id = parse(&uuid)?;
    let result = sign_result(&body)?;
    let response =
        U2fRegistrationResponse::new(field(result, "clientData")?, field(result, "registrationData")?);
    consumer.u2f().finish_registration(id, &response.map_err(U2fError::from)?).await?;
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

/// `POST /u2f/{uuid}/auth`: the body is ignored.
#[utoipa::path(post, path = "/u2f/{uuid}/auth", tag = "U2F", security(("apiKey" = [], "apiSecret" = [])),
    params(("uuid" = String, Path, description = "The record's `uuid`")),
    responses(
        (status = 200, description = "An authentication request, U2F Raw Messages", body = AuthenticationRequest),
        (status = 400, description = "`not-registered`", body = ErrorBody),
        (status = 404, description = "`u2f-not-found`", body = ErrorBody),
        ConsumerErrors, Throttled, ServerErrors,
    ))]
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

/// `PUT /u2f/{uuid}/auth` with `{"signResult": {"clientData", "signatureData", "keyHandle"?}}`.
#[utoipa::path(put, path = "/u2f/{uuid}/auth", tag = "U2F", security(("apiKey" = [], "apiSecret" = [])),
    params(("uuid" = String, Path, description = "The record's `uuid`")), request_body = U2fAuthentication,
    responses(
        (status = 200, description = "The user proved possession of the key", body = Valid),
        (status = 400, description = "`malformed`, `token-error`, `not-registered`; or the check that failed: \
            `challenge`, `client-data`, `client-data-type`, `facet`, `key-handle`, `user-presence`, `signature`, `counter`", body = ErrorBody),
        (status = 404, description = "`u2f-not-found`", body = ErrorBody),
        ConsumerErrors, Throttled, BodyErrors, ServerErrors,
    ))]
pub(super) async fn finish_authentication(
    Authenticated(consumer): Authenticated,
    Segment(uuid): Segment,
    body: Body,
) -> Result<Json<Valid>, ApiError> {
    let id = parse(&uuid)?;
    let result = sign_result(&body)?;
    let key_handle = result.get("keyHandle").and_then(Value::as_str);
    let response = U2fAuthenticationResponse::new(
        field(result, "clientData")?,
        field(result, "signatureData")?,
        key_handle,
    );
    consumer.u2f().finish_authentication(id, &response.map_err(U2fError::from)?).await?;
    Ok(Json(Valid::new()))
}

/// `DELETE /u2f/{uuid}`: the whole record.
#[utoipa::path(delete, path = "/u2f/{uuid}", tag = "U2F", security(("apiKey" = [], "apiSecret" = [])),
    params(("uuid" = String, Path, description = "The record's `uuid`")),
    responses(
        (status = 204, description = "Deleted, with all credentials of the user"),
        (status = 404, description = "`u2f-not-found`", body = ErrorBody),
        ConsumerErrors, Throttled, ServerErrors,
    ))]
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

/// The key's answer, unless the browser reports an error instead.
fn sign_result(body: &Body) -> Result<&Map<String, Value>, ApiError> {
    let result = body.member("signResult").and_then(Value::as_object).ok_or_else(invalid)?;
    if result.get("errorCode").is_some_and(|code| code != 0) {
        let message = result.get("errorMessage").and_then(Value::as_str);
        let message = message.unwrap_or("Error getting signature from U2F token.");
        return Err(ApiError::bad_request("token-error", "token error").saying(message.to_owned()));
    }
    Ok(result)
}

fn field<'a>(result: &'a Map<String, Value>, name: &str) -> Result<&'a str, ApiError> {
    result.get(name).and_then(Value::as_str).ok_or_else(invalid)
}

const fn invalid() -> ApiError {
    ApiError::bad_request("malformed", "Invalid response from U2F token.")
}

impl From<U2fError> for ApiError {
    fn from(error: U2fError) -> Self {
        match error {
            U2fError::NotFound => Self::new(
                StatusCode::NOT_FOUND,
                "u2f-not-found",
                "No U2F record found with that uuid for that API Key.",
            ),
            U2fError::NotRegistered => Self::bad_request("not-registered", "No U2F key is registered"),
            U2fError::AppId(_) => {
                Self::bad_request("invalid-app-id", "appId must be an https URL of a named host")
            }
            U2fError::Refused(refusal) => Self::bad_request(
                refusal.code(),
                match refusal {
                    U2fRefusal::ClientData => "Invalid clientData: not a valid JSON object",
                    U2fRefusal::Challenge => "Invalid challenge: not the one provided",
                    U2fRefusal::Signature => "Invalid signature.",
                    _ => "Invalid response from U2F token.",
                },
            ),
            U2fError::User(mfa_core::webauthn::WebauthnError::Store(error)) => error.into(),
            U2fError::User(mfa_core::webauthn::WebauthnError::ApiKey(error)) => error.into(),
            other => {
                tracing::error!(error = &other as &dyn Error, "U2F request failed");
                Self::internal()
            }
        }
    }
}

//! `/totp`: time-based one-time passwords.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use mfa_core::code::Code;
use mfa_core::totp::{TotpError, TotpId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::new_totp::{NewTotp, TotpBody};
use crate::App;
use crate::authentication::{Authenticated, CONSUMER};
use crate::body::{Body, OBJECT};
use crate::error::{ApiError, SERVER};
use crate::members::Member;
use crate::openapi::errors::Codes;
use crate::path::Segment;
use crate::qr_code;

/// What the authenticator app needs, shown only once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Enrolled {
    uuid: String,
    #[schema(value_type = String)]
    totp_key: Zeroizing<String>,
    #[schema(value_type = String)]
    otp_auth_url: Zeroizing<String>,
    #[schema(value_type = String)]
    image_url: Zeroizing<String>,
}

pub(super) const ENROLL: Codes = &[
    CONSUMER,
    OBJECT,
    SERVER,
    &[
        Code::LabelRequired,
        Code::LabelTooLong,
        Code::InvalidText,
        Code::InvalidAlgorithm,
        Code::InvalidDigits,
        Code::InvalidPeriod,
    ],
];

/// Enrols an authenticator app.
#[utoipa::path(post, path = "/totp", operation_id = "enrollTotp", tag = "TOTP",
    security(("apiKey" = [], "apiSecret" = [])), request_body = Option<TotpBody>,
    responses((status = 200, description = "What the authenticator app needs, shown only once", body = Enrolled)),
    extensions(("x-codes" = json!(ENROLL))))]
pub(super) async fn enroll(
    Authenticated(consumer): Authenticated,
    Body(new): Body<NewTotp>,
) -> Result<Json<Enrolled>, ApiError> {
    let enrolled = consumer.totp().enroll(new.options()?).await?;
    // The core refuses URIs that do not fit in a QR code, so this does not fail after enrolment.
    let image_url =
        qr_code::data_url(&enrolled.key_uri).map_err(|error| ApiError::logged(Code::Internal, &error))?;
    Ok(Json(Enrolled {
        uuid: enrolled.id.to_string(),
        otp_auth_url: Zeroizing::new(enrolled.key_uri.expose_text().to_owned()),
        totp_key: enrolled.secret_base32,
        image_url,
    }))
}

/// A code, as its user types it.
#[derive(Deserialize, ToSchema)]
pub(super) struct Attempt {
    #[serde(default)]
    #[schema(value_type = String, required = true, min_length = 1, example = "123456")]
    code: Member<String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Valid {
    message: &'static str,
    status: u16,
}

impl Valid {
    pub(super) const fn new() -> Self {
        Self { message: "Valid", status: 200 }
    }
}

pub(super) const VALIDATE: Codes =
    &[CONSUMER, OBJECT, SERVER, &[Code::CodeRequired, Code::CodeNotAccepted, Code::TotpDisabled]];

/// Validates a code, once.
#[utoipa::path(post, path = "/totp/{uuid}/validate", operation_id = "validateTotp", tag = "TOTP",
    security(("apiKey" = [], "apiSecret" = [])), request_body = Attempt,
    params(("uuid" = String, Path, description = "The TOTP's `uuid`")),
    responses((status = 200, description = "The code is right, and used up", body = Valid)),
    extensions(("x-codes" = json!(VALIDATE))))]
pub(super) async fn validate(
    State(app): State<App>,
    Authenticated(consumer): Authenticated,
    Segment(uuid): Segment,
    Body(attempt): Body<Attempt>,
) -> Result<Json<Valid>, ApiError> {
    let code = attempt.code.text().ok_or(ApiError::of(Code::CodeRequired))?;
    let id: TotpId = uuid.parse().map_err(|_| TotpError::NotAccepted)?;
    let verified = consumer.totp().verify(id, &code).await;
    verified.map_err(|error| ApiError::from(error).throttled_as(app.throttled_status))?;
    Ok(Json(Valid::new()))
}

/// The state of an authenticator. Times are in milliseconds since 1970, durations in seconds.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    uuid: String,
    #[schema(required = true)]
    created_at: Option<u64>,
    algorithm: &'static str,
    digits: u8,
    period: u64,
    failures: u32,
    retry_after: u64,
    disabled: bool,
}

/// The codes of a route about one TOTP.
pub(super) const ABOUT_ONE: Codes = &[CONSUMER, SERVER, &[Code::TotpNotFound]];

/// Returns the state of a TOTP, never its secret.
#[utoipa::path(get, path = "/totp/{uuid}", operation_id = "getTotp", tag = "TOTP",
    security(("apiKey" = [], "apiSecret" = [])),
    params(("uuid" = String, Path, description = "The TOTP's `uuid`")),
    responses((status = 200, description = "Its state, never its secret", body = Status)),
    extensions(("x-codes" = json!(ABOUT_ONE))))]
pub(super) async fn status(
    Authenticated(consumer): Authenticated,
    Segment(uuid): Segment,
) -> Result<Json<Status>, ApiError> {
    let status = consumer.totp().status(parse(&uuid)?).await?;
    Ok(Json(Status {
        uuid,
        created_at: status.created_at.map(|time| time.as_millis()),
        algorithm: status.algorithm.as_str(),
        digits: status.digits.count(),
        period: status.period.as_secs(),
        failures: status.failures,
        retry_after: status.retry_after.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX),
        disabled: status.disabled,
    }))
}

/// Clears the failed attempts of a TOTP.
#[utoipa::path(post, path = "/totp/{uuid}/reset", operation_id = "resetTotp", tag = "TOTP",
    security(("apiKey" = [], "apiSecret" = [])),
    params(("uuid" = String, Path, description = "The TOTP's `uuid`")),
    responses((status = 204, description = "Failed attempts are cleared")),
    extensions(("x-codes" = json!(ABOUT_ONE))))]
pub(super) async fn reset(
    Authenticated(consumer): Authenticated,
    Segment(uuid): Segment,
) -> Result<StatusCode, ApiError> {
    consumer.totp().reset(parse(&uuid)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes a TOTP.
#[utoipa::path(delete, path = "/totp/{uuid}", operation_id = "deleteTotp", tag = "TOTP",
    security(("apiKey" = [], "apiSecret" = [])),
    params(("uuid" = String, Path, description = "The TOTP's `uuid`")),
    responses((status = 204, description = "Deleted")),
    extensions(("x-codes" = json!(ABOUT_ONE))))]
pub(super) async fn delete(
    Authenticated(consumer): Authenticated,
    Segment(uuid): Segment,
) -> Result<StatusCode, ApiError> {
    consumer.totp().delete(parse(&uuid)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A malformed id is answered like an unknown one.
fn parse(uuid: &str) -> Result<TotpId, TotpError> {
    uuid.parse().map_err(|_| TotpError::NotFound)
}

//! `/totp`: time-based one-time passwords.

use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use mfa_core::totp::{Digits, HashAlgorithm, TotpError, TotpId, TotpOptions};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use crate::authentication::Authenticated;
use crate::body::Body;
use crate::error::ApiError;
use crate::openapi::errors::{BodyErrors, ConsumerErrors, ErrorBody, ServerErrors, Throttled};
use crate::openapi::requests::{Code, NewTotp};
use crate::path::Segment;
use crate::qr_code;

/// What the authenticator app needs, shown once.
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

/// `POST /totp` with `{"issuer"?, "label"?, "algorithm"?, "digits"?, "period"?}`.
#[utoipa::path(post, path = "/totp", tag = "TOTP", security(("apiKey" = [], "apiSecret" = [])),
    request_body = Option<NewTotp>,
    responses(
        (status = 200, description = "What the authenticator app needs, shown this once", body = Enrolled),
        (status = 400, description = "`label-required`, `label-too-long`, `invalid-text`, `invalid-algorithm`, \
            `invalid-digits`, `invalid-period`, `invalid-json`", body = ErrorBody),
        ConsumerErrors, Throttled, BodyErrors, ServerErrors,
    ))]
pub(super) async fn enroll(
    Authenticated(consumer): Authenticated,
    body: Body,
) -> Result<Json<Enrolled>, ApiError> {
    let enrolled = consumer.totp().enroll(options(&body)?).await?;
    // The core refuses URIs that no QR code holds, so this does not fail after the fact.
    let image_url = qr_code::data_url(&enrolled.key_uri).map_err(|_| ApiError::internal())?;
    Ok(Json(Enrolled {
        uuid: enrolled.id.to_string(),
        otp_auth_url: Zeroizing::new(enrolled.key_uri.expose_text().to_owned()),
        totp_key: enrolled.secret_base32,
        image_url,
    }))
}

/// The seed's texts: no label is `SecretKey`, a label of `null` is `null`, a number is its digits.
fn options(body: &Body) -> Result<TotpOptions, ApiError> {
    let text = |name, value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(ApiError::bad_request("invalid-text", name)),
    };
    let label = match body.member("label") {
        None => "SecretKey".to_owned(),
        Some(Value::Null) => "null".to_owned(),
        Some(value) => text("label must be a string", value)?,
    };
    let options = match body.member("issuer") {
        None | Some(Value::Null) => TotpOptions::without_issuer(label),
        Some(value) => TotpOptions::new(text("issuer must be a string", value)?, label),
    };
    let algorithm = match body.member("algorithm").map(Value::as_str) {
        None | Some(Some("SHA1")) => HashAlgorithm::Sha1,
        Some(Some("SHA256")) => HashAlgorithm::Sha256,
        Some(Some("SHA512")) => HashAlgorithm::Sha512,
        _ => {
            return Err(ApiError::bad_request(
                "invalid-algorithm",
                "algorithm must be SHA1, SHA256 or SHA512",
            ));
        }
    };
    let digits = match body.member("digits").map(Value::as_u64) {
        None | Some(Some(6)) => Digits::Six,
        Some(Some(8)) => Digits::Eight,
        _ => return Err(ApiError::bad_request("invalid-digits", "digits must be 6 or 8")),
    };
    let period = match body.member("period").map(Value::as_u64) {
        None => 30,
        // Zero is outside what the core accepts, as whatever is no whole number should be.
        Some(period) => period.unwrap_or(0),
    };
    Ok(options.algorithm(algorithm).digits(digits).period(Duration::from_secs(period)))
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

/// `POST /totp/{uuid}/validate` with `{"code"}`, a string.
#[utoipa::path(post, path = "/totp/{uuid}/validate", tag = "TOTP", security(("apiKey" = [], "apiSecret" = [])),
    params(("uuid" = String, Path, description = "The TOTP's `uuid`")),
    request_body = Code,
    responses(
        (status = 200, description = "The code is right, and used up", body = Valid),
        (status = 400, description = "`code-required`, `invalid-json`", body = ErrorBody),
        (status = 401, description = "`code-not-accepted`: wrong, too old, used, or no such TOTP; `unauthorized`",
            body = ErrorBody),
        (status = 403, description = "`totp-disabled`: too many failures in a row", body = ErrorBody),
        Throttled, BodyErrors, ServerErrors,
    ))]
pub(super) async fn validate(
    Authenticated(consumer): Authenticated,
    Segment(uuid): Segment,
    body: Body,
) -> Result<Json<Valid>, ApiError> {
    let code = body.text("code").filter(|code| !code.is_empty());
    let code = code.ok_or(ApiError::bad_request("code-required", "code (as a string) is required"))?;
    let id: TotpId = uuid.parse().map_err(|_| TotpError::NotAccepted)?;
    consumer.totp().verify(id, code).await?;
    Ok(Json(Valid::new()))
}

/// The state of an authenticator; times in milliseconds since 1970, durations in seconds.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    uuid: String,
    created_at: Option<u64>,
    algorithm: &'static str,
    digits: u8,
    period: u64,
    failures: u32,
    retry_after: u64,
    disabled: bool,
}

/// `GET /totp/{uuid}`: never the secret.
#[utoipa::path(get, path = "/totp/{uuid}", tag = "TOTP", security(("apiKey" = [], "apiSecret" = [])),
    params(("uuid" = String, Path, description = "The TOTP's `uuid`")),
    responses(
        (status = 200, description = "Its state, never its secret", body = Status),
        (status = 404, description = "`totp-not-found`", body = ErrorBody),
        ConsumerErrors, Throttled, ServerErrors,
    ))]
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

/// `POST /totp/{uuid}/reset`: forgets failed attempts.
#[utoipa::path(post, path = "/totp/{uuid}/reset", tag = "TOTP", security(("apiKey" = [], "apiSecret" = [])),
    params(("uuid" = String, Path, description = "The TOTP's `uuid`")),
    responses(
        (status = 204, description = "Failed attempts are forgotten"),
        (status = 404, description = "`totp-not-found`", body = ErrorBody),
        ConsumerErrors, Throttled, ServerErrors,
    ))]
pub(super) async fn reset(
    Authenticated(consumer): Authenticated,
    Segment(uuid): Segment,
) -> Result<StatusCode, ApiError> {
    consumer.totp().reset(parse(&uuid)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /totp/{uuid}`.
#[utoipa::path(delete, path = "/totp/{uuid}", tag = "TOTP", security(("apiKey" = [], "apiSecret" = [])),
    params(("uuid" = String, Path, description = "The TOTP's `uuid`")),
    responses(
        (status = 204, description = "Deleted"),
        (status = 404, description = "`totp-not-found`", body = ErrorBody),
        ConsumerErrors, Throttled, ServerErrors,
    ))]
pub(super) async fn delete(
    Authenticated(consumer): Authenticated,
    Segment(uuid): Segment,
) -> Result<StatusCode, ApiError> {
    consumer.totp().delete(parse(&uuid)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is not an id of ours is not there.
fn parse(uuid: &str) -> Result<TotpId, TotpError> {
    uuid.parse().map_err(|_| TotpError::NotFound)
}

//! The one place where domain errors become HTTP: what the client hears, and what the log keeps.

use std::borrow::Cow;
use std::error::Error;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use mfa_core::api_key::{ApiKeyError, HashError};
use mfa_core::store::StoreError;
use mfa_core::totp::TotpError;
use serde::Serialize;

/// An error as clients see it: one body for the readers of both seeds.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: Cow<'static, str>,
    retry_after: Option<Duration>,
}

#[derive(Serialize)]
struct Body<'a> {
    message: &'a str,
    status: u16,
    error: &'a str,
    code: &'static str,
}

impl ApiError {
    pub(crate) const fn new(status: StatusCode, code: &'static str, message: &'static str) -> Self {
        Self { status, code, message: Cow::Borrowed(message), retry_after: None }
    }

    /// The same error in other words.
    pub(crate) fn saying(self, message: String) -> Self {
        Self { message: Cow::Owned(message), ..self }
    }

    pub(crate) const fn bad_request(code: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(crate) const fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "Unauthorized")
    }

    pub(crate) const fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal Server Error")
    }

    pub(crate) fn unavailable() -> Self {
        let unavailable = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Try again later");
        Self { retry_after: Some(Duration::from_secs(1)), ..unavailable }
    }

    fn throttled(retry_after: Duration) -> Self {
        let message = "Too many failed attempts, try again later";
        let throttled = Self::new(StatusCode::TOO_MANY_REQUESTS, "throttled", message);
        Self { retry_after: Some(retry_after), ..throttled }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Self { status, code, message, retry_after } = self;
        let body = Json(Body { message: &message, status: status.as_u16(), error: &message, code });
        let mut response = (status, body).into_response();
        if let Some(wait) = retry_after {
            // Whole seconds, rounded up: RFC 9110 §10.2.3.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Unavailable { source, .. } => {
                tracing::error!(error = %error, source = source.as_ref() as &dyn Error, "store failed");
                Self::unavailable()
            }
            // The service retries conflicts; one that is left means contention that will pass.
            StoreError::Conflict => Self::unavailable(),
            _ => {
                tracing::error!(error = &error as &dyn Error, "store failed");
                Self::internal()
            }
        }
    }
}

impl From<ApiKeyError> for ApiError {
    fn from(error: ApiKeyError) -> Self {
        match error {
            ApiKeyError::EmailRequired => Self::bad_request("email-required", "email is required"),
            ApiKeyError::NotFound => {
                Self::new(StatusCode::NOT_FOUND, "api-key-not-found", "No matching API Key record was found")
            }
            ApiKeyError::AlreadyActivated => Self::bad_request(
                "api-key-already-activated",
                "failed to activate key: key already activated",
            ),
            ApiKeyError::RotationUnderWay => Self::new(
                StatusCode::CONFLICT,
                "rotation-under-way",
                "A rotation is under way; finish it first",
            ),
            ApiKeyError::Unauthorized => Self::unauthorized(),
            ApiKeyError::Throttled { retry_after } => Self::throttled(retry_after),
            ApiKeyError::Hash(HashError::Busy) => Self::unavailable(),
            ApiKeyError::Store(error) => error.into(),
            other => {
                tracing::error!(error = &other as &dyn Error, "API key request failed");
                Self::internal()
            }
        }
    }
}

impl From<TotpError> for ApiError {
    fn from(error: TotpError) -> Self {
        match error {
            TotpError::NotFound => Self::new(
                StatusCode::NOT_FOUND,
                "totp-not-found",
                "No TOTP entry found with that uuid for that API Key.",
            ),
            TotpError::NotAccepted => Self::new(StatusCode::UNAUTHORIZED, "code-not-accepted", "Invalid"),
            TotpError::Throttled { retry_after } => Self::throttled(retry_after),
            TotpError::Disabled => Self::new(
                StatusCode::FORBIDDEN,
                "totp-disabled",
                "Disabled after too many failed attempts; reset it or enrol anew",
            ),
            TotpError::LabelRequired => Self::bad_request("label-required", "label is required"),
            TotpError::LabelTooLong => {
                Self::bad_request("label-too-long", "issuer and label are too long for a QR code")
            }
            TotpError::InvalidParameters(_) => {
                Self::bad_request("invalid-period", "period must be 15 to 300 seconds")
            }
            TotpError::Store(error) => error.into(),
            TotpError::ApiKey(error) => error.into(),
            other => {
                tracing::error!(error = &other as &dyn Error, "TOTP request failed");
                Self::internal()
            }
        }
    }
}

//! The one place where domain errors become HTTP. It decides what the client gets and what the log keeps.

use std::borrow::Cow;
use std::error::Error;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use mfa_core::api_key::ApiKeyError;
use mfa_core::code::Code;
use mfa_core::store::StoreError;
use mfa_core::totp::TotpError;
use serde::Serialize;

use crate::answer::answer;

/// The codes of a route that can fail: its store fails, it takes too long, or it has a bug.
pub(crate) const SERVER: &[Code] = &[Code::Internal, Code::Unavailable];

/// An error as clients see it: `{"message", "status", "error", "code"}`, and `Retry-After` where waiting helps.
#[derive(Debug)]
pub struct ApiError {
    code: Code,
    message: Cow<'static, str>,
    retry_after: Option<Duration>,
    /// Another status than that of the code.
    status: Option<StatusCode>,
}

#[derive(Serialize)]
struct Body<'a> {
    message: &'a str,
    status: u16,
    error: &'a str,
    code: &'a str,
}

impl ApiError {
    /// The error of this code with its usual message.
    pub(crate) const fn of(code: Code) -> Self {
        let retry_after = match code {
            Code::Unavailable => Some(Duration::from_secs(1)),
            _ => None,
        };
        Self { code, message: Cow::Borrowed(answer(code).1), retry_after, status: None }
    }

    /// The same error with another message.
    pub(crate) fn saying(self, message: impl Into<Cow<'static, str>>) -> Self {
        Self { message: message.into(), ..self }
    }

    /// The error of this code. The log gets the cause of an internal error; clients do not.
    pub(crate) fn logged(code: Code, error: &(dyn Error + 'static)) -> Self {
        if code == Code::Internal {
            tracing::error!(error, "request failed");
        }
        Self::of(code)
    }

    /// The same error with `status`, if it refuses a one-time password for now: it is throttled or disabled.
    pub(crate) fn throttled_as(self, status: StatusCode) -> Self {
        match self.code {
            Code::Throttled | Code::TotpDisabled if status != StatusCode::TOO_MANY_REQUESTS => {
                Self { status: Some(status), ..self }
            }
            _ => self,
        }
    }

    fn throttled(retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..Self::of(Code::Throttled) }
    }

    #[cfg(test)]
    pub(crate) const fn code(&self) -> Code {
        self.code
    }
}

/// The response for every error.
pub(crate) fn error_response(status: StatusCode, code: &str, message: &str) -> Response {
    let body = Body { message, status: status.as_u16(), error: message, code };
    (status, Json(body)).into_response()
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Self { code, message, retry_after, status } = self;
        let mut response = error_response(status.unwrap_or(answer(code).0), code.as_str(), &message);
        if let Some(wait) = retry_after {
            // Whole seconds, rounded up: RFC 9110 §10.2.3.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        // For the check in `routes/contract_check.rs`.
        #[cfg(debug_assertions)]
        response.extensions_mut().insert(code);
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Unavailable { source, .. } => {
                tracing::error!(error = %error, source = source.as_ref() as &dyn Error, "store failed");
            }
            // The service retries conflicts. One that remains means contention, which passes.
            StoreError::Conflict => {}
            _ => tracing::error!(error = &error as &dyn Error, "store failed"),
        }
        Self::of(error.code())
    }
}

impl From<ApiKeyError> for ApiError {
    fn from(error: ApiKeyError) -> Self {
        match error {
            ApiKeyError::Throttled { retry_after } => Self::throttled(retry_after),
            ApiKeyError::Store(error) => error.into(),
            other => Self::logged(other.code(), &other),
        }
    }
}

impl From<TotpError> for ApiError {
    fn from(error: TotpError) -> Self {
        match error {
            TotpError::Throttled { retry_after } => Self::throttled(retry_after),
            TotpError::Store(error) => error.into(),
            TotpError::ApiKey(error) => error.into(),
            other => Self::logged(other.code(), &other),
        }
    }
}

//! Errors that several routes share. What is a route's own stands with the route.

use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

/// An error. `message` and `error` are the same words, `status` is the HTTP status.
#[derive(Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    message: String,
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    error: String,
    /// Stable; what programs should look at.
    #[schema(pattern = "^[a-z0-9-]+$")]
    code: String,
}

#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers")]
pub(crate) enum AdminErrors {
    /// `forbidden`: `x-api-key` is not the operator's key
    #[response(status = 403)]
    Forbidden(ErrorBody),
}

#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers")]
pub(crate) enum ConsumerErrors {
    /// `unauthorized`: the API key or its secret is not valid
    #[response(status = 401)]
    Unauthorized(ErrorBody),
}

#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers")]
pub(crate) enum WebauthnErrors {
    /// `unauthorized`, or `missing-header`: a relying party's header is not there
    #[response(status = 401)]
    Unauthorized(ErrorBody),
}

#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers")]
pub(crate) enum Throttled {
    /// `throttled`: too many failed attempts
    #[response(status = 429, headers(("retry-after" = u64, description = "Seconds to wait")))]
    Throttled(ErrorBody),
}

#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers")]
pub(crate) enum BodyErrors {
    /// `timeout`: the body took too long to arrive
    #[response(status = 408)]
    Timeout(ErrorBody),
    /// `too-large`: the body is over 64 KiB
    #[response(status = 413)]
    TooLarge(ErrorBody),
}

#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers")]
pub(crate) enum ServerErrors {
    /// `internal`: a fault of the service, or a damaged record
    #[response(status = 500)]
    Internal(ErrorBody),
    /// `unavailable`: the store does not answer, or the service is busy
    #[response(status = 503, headers(("retry-after" = u64, description = "Seconds to wait")))]
    Unavailable(ErrorBody),
}

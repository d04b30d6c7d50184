//! Errors that several routes share. What is a route's own stands with the route.

use serde::Serialize;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{IntoResponses, ToSchema};

/// Every code that an answer may have, by what it is about. The tests' client refuses others.
#[rustfmt::skip]
const CODES: [&str; 78] = [
    // Of requests
    "invalid-json", "incomplete", "invalid-query", "no-such-route", "no-such-method", "timeout",
    "too-large",
    // Of callers
    "unauthorized", "forbidden", "throttled",
    // Of the service
    "internal", "unavailable",
    // Of API keys
    "email-required", "invalid-expiry", "api-key-required", "api-key-not-found",
    "api-key-already-activated", "rotation-under-way", "invalid-request", "old-key-not-valid",
    "new-key-not-valid", "same-key", "new-key-in-use", "third-key",
    // Of TOTP
    "label-required", "label-too-long", "invalid-text", "invalid-algorithm", "invalid-digits",
    "invalid-period", "code-required", "code-not-accepted", "totp-not-found", "totp-disabled",
    // Of headers of WebAuthn requests
    "missing-header", "invalid-header", "invalid-relying-party", "invalid-user-uuid", "user-uuid-required",
    // Of credentials
    "malformed-response", "no-credentials", "invalid-label", "credential-not-found",
    // Of checks of WebAuthn
    "challenge", "user", "relying-party", "client-data-type", "origin", "cross-origin", "top-origin",
    "authenticator-data", "rp-id-hash", "user-presence", "user-verification", "backup-state",
    "backup-eligibility", "algorithm", "public-key", "attestation-format", "attestation",
    "credential-id-length", "duplicate-credential", "too-many-credentials", "credential-id",
    "credential-not-allowed", "user-handle", "signature", "sign-count",
    // Of U2F
    "app-id-required", "invalid-app-id", "u2f-not-found", "not-registered", "token-error",
    // Of checks of U2F
    "malformed", "client-data", "facet", "key-handle", "counter",
];

/// An error. `message` and `error` are the same words, `status` is the HTTP status.
#[derive(Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    message: String,
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    error: String,
    #[schema(schema_with = code)]
    code: String,
}

fn code() -> RefOr<Schema> {
    let object = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(CODES));
    object.description(Some("Stable; what programs should look at.")).into()
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

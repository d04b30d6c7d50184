//! Authenticates the caller: a consumer with its API key and secret, or an administrator.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use mfa_core::Consumer;
use mfa_core::api_key::{ApiKey, ApiSecret};
use mfa_core::code::Code;

use crate::error::ApiError;
use crate::{App, refusal};

/// The codes of a route that authenticates a consumer.
pub(crate) const CONSUMER: &[Code] = &[Code::Unauthorized, Code::Throttled];
/// The codes of a route that authenticates an administrator.
pub(crate) const ADMINISTRATOR: &[Code] = &[Code::Forbidden];

/// The caller's address. The server inserts it into each request's extensions.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "programs that serve the router make one")]
pub struct Source(pub IpAddr);

impl FromRequestParts<App> for Source {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        // Without a source, all callers count as one.
        Ok(parts.extensions.get::<Self>().copied().unwrap_or(Self(IpAddr::V6(Ipv6Addr::UNSPECIFIED))))
    }
}

/// A consumer that presented its key and the right secret.
pub(crate) struct Authenticated(pub(crate) Consumer);

impl FromRequestParts<App> for Authenticated {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        // Malformed headers never reach the store. They are answered like a wrong secret.
        let key: ApiKey = header(parts, "x-mfa-apikey")?;
        let secret: ApiSecret = header(parts, "x-mfa-apisecret")?;
        let Ok(Source(source)) = Source::from_request_parts(parts, app).await;
        let authenticated = app.mfa.authenticate_from(source, &key, &secret);
        Ok(Self(refusal::delayed(authenticated).await?))
    }
}

/// An administrator, who presented the admin key.
pub(crate) struct Administrator;

impl FromRequestParts<App> for Administrator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        match parts.headers.get("x-api-key") {
            Some(presented) if app.admin_key.is(presented.as_bytes()) => Ok(Self),
            presented => {
                tracing::warn!(target: "audit", action = "administrator.refused", presented = presented.is_some());
                Err(ApiError::of(Code::Forbidden))
            }
        }
    }
}

/// The header of that name, parsed. A repeated header is refused.
fn header<T: std::str::FromStr>(parts: &Parts, name: &str) -> Result<T, ApiError> {
    let mut values = parts.headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(ApiError::of(Code::Unauthorized));
    };
    let text = std::str::from_utf8(value.as_bytes()).map_err(|_| ApiError::of(Code::Unauthorized))?;
    text.parse().map_err(|_| ApiError::of(Code::Unauthorized))
}

/// A key and a secret from a body, if both are present and well formed.
pub(crate) fn credentials(key: Option<&str>, secret: Option<&str>) -> Option<(ApiKey, ApiSecret)> {
    Some((key?.parse().ok()?, secret?.parse().ok()?))
}

//! Authenticates the caller: a consumer with its API key and secret, or an administrator.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr};

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::middleware::{FromExtractorLayer, from_extractor_with_state};
use mfa_core::api_key::{ApiKey, ApiSecret};
use mfa_core::code::Code;
use mfa_core::{Consumer, Mfa};

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

impl<S: Sync> FromRequestParts<S> for Source {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        // Without a source, all callers count as one.
        Ok(parts.extensions.get::<Self>().copied().unwrap_or(Self(IpAddr::V6(Ipv6Addr::UNSPECIFIED))))
    }
}

/// Extracts the consumer whose key and secret are in the headers `x-mfa-apikey` and `x-mfa-apisecret`. The state of
/// your router is an [`Mfa`], or gives one by [`FromRef`].
///
/// Failures are counted by the [`Source`] in the request's extensions.
///
/// ```
/// # use axum::{Router, body::Body, http::Request, routing::get};
/// # use mfa_core::{Mfa, store::memory::MemoryStore};
/// # use tower::ServiceExt as _;
/// use mfa_http::Authenticated;
///
/// async fn who(Authenticated(consumer): Authenticated) -> String {
///     consumer.id().as_str().to_owned()
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mfa = Mfa::builder(MemoryStore::default()).build();
/// let router = Router::new().route("/who", get(who)).with_state(mfa.clone());
///
/// let key = mfa.create_api_key("dev@example.com").await?;
/// let secret = mfa.activate_api_key(&key, "dev@example.com").await?;
/// let request = Request::get("/who").header("x-mfa-apikey", key.as_str());
/// let request = request.header("x-mfa-apisecret", secret.expose_text()).body(Body::empty())?;
/// assert_eq!(router.clone().oneshot(request).await?.status(), 200);
///
/// let stranger = Request::get("/who").body(Body::empty())?;
/// assert_eq!(router.oneshot(stranger).await?.status(), 401);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "handlers take it apart")]
pub struct Authenticated(pub Consumer);

impl FromRef<App> for Mfa {
    fn from_ref(app: &App) -> Self {
        app.mfa.clone()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Authenticated
where
    Mfa: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        // Malformed headers never reach the store. They are answered like a wrong secret.
        let key: ApiKey = header(parts, "x-mfa-apikey")?;
        let secret: ApiSecret = header(parts, "x-mfa-apisecret")?;
        let Ok(Source(source)) = Source::from_request_parts(parts, state).await;
        let mfa = Mfa::from_ref(state);
        Ok(Self(refusal::delayed(mfa.authenticate_from(source, &key, &secret)).await?))
    }
}

/// A layer that lets only authenticated consumers through, for routes that need not know which. Others get the answer
/// that [`Authenticated`] gives.
///
/// ```
/// # use axum::{Router, body::Body, http::Request, routing::get};
/// # use mfa_core::{Mfa, store::memory::MemoryStore};
/// # use tower::ServiceExt as _;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mfa = Mfa::builder(MemoryStore::default()).build();
/// let router = Router::new()
///     .route("/prices", get(async || "12.50"))
///     .route_layer(mfa_http::require_consumer(mfa.clone()));
///
/// let key = mfa.create_api_key("dev@example.com").await?;
/// let secret = mfa.activate_api_key(&key, "dev@example.com").await?;
/// let request = Request::get("/prices").header("x-mfa-apikey", key.as_str());
/// let request = request.header("x-mfa-apisecret", secret.expose_text()).body(Body::empty())?;
/// assert_eq!(router.clone().oneshot(request).await?.status(), 200);
///
/// let stranger = Request::get("/prices").body(Body::empty())?;
/// assert_eq!(router.oneshot(stranger).await?.status(), 401);
/// # Ok(())
/// # }
/// ```
pub fn require_consumer(mfa: Mfa) -> FromExtractorLayer<Authenticated, Mfa> {
    from_extractor_with_state(mfa)
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

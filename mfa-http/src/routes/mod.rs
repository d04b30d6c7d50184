//! The routes: a table of contents.

mod api_key;
mod health;
mod rotation;
mod totp;
mod u2f;
mod webauthn;
mod webauthn_error;

use std::any::Any;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, post, put};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::App;
use crate::error::ApiError;

/// Time a request has from its head to its answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// The whole service. Insert a [`Source`](crate::Source) into each request, so that failures are counted by
/// the address they came from.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/api-key", get(api_key::list).post(api_key::create))
        .route("/api-key/activate", post(api_key::activate))
        .route("/api-key/rotate", post(rotation::rotate))
        .route("/api-key/{value}", delete(api_key::revoke))
        .route("/totp", post(totp::enroll))
        .route("/totp/{uuid}", get(totp::status).delete(totp::delete))
        .route("/totp/{uuid}/validate", post(totp::validate))
        .route("/totp/{uuid}/reset", post(totp::reset))
        .route("/webauthn/register", post(webauthn::begin_registration).put(webauthn::finish_registration))
        .route("/webauthn/login", post(webauthn::begin_authentication).put(webauthn::finish_authentication))
        .route("/webauthn/user", get(webauthn::list).delete(webauthn::delete_user))
        .route("/webauthn/credential/{id}", delete(webauthn::delete_credential).patch(webauthn::rename))
        .route("/u2f", post(u2f::begin_registration))
        .route("/u2f/{uuid}", put(u2f::finish_registration).delete(u2f::delete))
        .route("/u2f/{uuid}/auth", post(u2f::begin_authentication).put(u2f::finish_authentication))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .with_state(app)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(observe))
        .layer(SetResponseHeaderLayer::overriding(
            header::CACHE_CONTROL,
            HeaderValue::from_static("no-store"),
        ))
        .layer(SetResponseHeaderLayer::overriding(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ))
}

async fn no_such_route() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "no-such-route", "There is no such route")
}

async fn no_such_method() -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "no-such-method", "The route does not take this method")
}

/// The last resort: a bug is a 500, not a dead process. The panic's text goes to the panic hook, not the client.
fn panicked(_: Box<dyn Any + Send>) -> Response {
    ApiError::internal().into_response()
}

/// Bounds the time of a request and logs its outcome. The log has the route, not the path, which may hold a key.
async fn observe(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let answer = tokio::time::timeout(PATIENCE, next.run(request)).await;
    let response = answer.unwrap_or_else(|_| ApiError::unavailable().into_response());
    tracing::debug!(
        %method,
        route = route.as_ref().map_or("none", MatchedPath::as_str),
        status = response.status().as_u16(),
        "request"
    );
    response
}

//! The routes: a table of contents.

mod activation;
mod api_key;
#[cfg(debug_assertions)]
mod contract_check;
mod health;
#[cfg(test)]
mod lists;
mod metrics;
mod new_totp;
mod rotation;
mod totp;
mod u2f;
mod u2f_body;
mod user;
mod webauthn;
mod webauthn_error;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use mfa_core::code::Code;
use tokio::time::Instant;
use tower::ServiceExt as _;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::error::ApiError;
use crate::metrics::Metrics;
use crate::route::Route;
use crate::{openapi, path};

/// The time from a request's head to its response.
const PATIENCE: Duration = Duration::from_secs(20);

/// The whole service. Insert a [`Source`](crate::Source) into each request, so that failures are counted by
/// the address they came from.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use axum::body::Body;
/// # use axum::http::{Request, StatusCode};
/// # use mfa_core::{Mfa, store::memory::MemoryStore};
/// # use mfa_http::{AdminKey, App, Source, router};
/// # use tower::ServiceExt as _;
/// # let mfa = Mfa::builder(MemoryStore::default()).build();
/// use std::net::IpAddr;
///
/// let yours = axum::Router::new().nest("/mfa", router(App::new(mfa, AdminKey::of_nobody())));
/// let request = |path| {
///     let from = Source(IpAddr::from([192, 0, 2, 1])); // the address that your server accepted
///     Request::get(path).extension(from).body(Body::empty())
/// };
/// let live = yours.clone().oneshot(request("/mfa/health/live")?).await?;
/// assert_eq!(live.status(), StatusCode::NO_CONTENT);
///
/// let unknown = yours.oneshot(request("/mfa/no-such-route")?).await?;
/// assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
/// # Ok(())
/// # }
/// ```
pub fn router(app: App) -> Router {
    router_with(app, Router::new())
}

/// The service, and `others` under the same limits and headers.
pub(crate) fn router_with(app: App, others: Router) -> Router {
    let (router, contract) = documented().split_for_parts();
    #[cfg(debug_assertions)]
    let lists = Arc::new(contract_check::Lists::of(contract.clone()));
    let contract = openapi::finished(contract);
    let metrics = Arc::clone(&app.metrics);
    #[cfg(feature = "server")]
    let router = router.merge(openapi::page("/openapi.json"));
    let router = router
        .route("/openapi.json", get(async || Json(contract)))
        .with_state(app)
        .merge(others)
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method);
    #[cfg(debug_assertions)]
    let router = router.layer(from_fn_with_state(lists, contract_check::check));
    let tidy = router.clone();
    router
        .fallback(move |request| tidied(tidy, request))
        // One layer, because each separate layer costs a request two allocations. Outermost first.
        .layer((
            always(header::CACHE_CONTROL, "no-store"),
            always(header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            from_fn_with_state(metrics, observe),
            CatchPanicLayer::custom(panicked),
        ))
}

fn always(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value))
}

/// The contract of [`router`], as OpenAPI 3.1.
///
/// ```
/// let contract = mfa_http::contract();
/// assert!(contract.paths.paths.contains_key("/totp"));
/// assert!(!contract.paths.paths.contains_key("/demo"));
/// ```
pub fn contract() -> OpenApi {
    openapi::finished(documented().into_openapi())
}

fn documented() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::outline())
        .routes(routes!(api_key::list, api_key::create))
        .routes(routes!(activation::activate))
        .routes(routes!(rotation::rotate))
        .routes(routes!(api_key::revoke))
        .routes(routes!(totp::enroll))
        .routes(routes!(totp::status, totp::delete))
        .routes(routes!(totp::validate))
        .routes(routes!(totp::reset))
        .routes(routes!(webauthn::begin_registration, webauthn::finish_registration))
        .routes(routes!(webauthn::begin_authentication, webauthn::finish_authentication))
        .routes(routes!(user::list, user::delete_user))
        .routes(routes!(user::delete_credential, user::rename))
        .routes(routes!(u2f::begin_registration))
        .routes(routes!(u2f::finish_registration, u2f::delete))
        .routes(routes!(u2f::begin_authentication, u2f::finish_authentication))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(metrics::read))
}

/// Looks for the route again without repeated and trailing slashes: a client's base URL often ends in one.
async fn tidied(router: Router, mut request: Request) -> Response {
    let Some(uri) = path::tidied(request.uri()) else { return no_such_route().await.into_response() };
    *request.uri_mut() = uri;
    router.oneshot(request).await.into_response()
}

async fn no_such_route() -> ApiError {
    ApiError::of(Code::NoSuchRoute)
}

async fn no_such_method() -> ApiError {
    ApiError::of(Code::NoSuchMethod)
}

/// The last resort: a bug is a 500 and does not end the process. The panic's text goes to the panic hook, not
/// to the client.
fn panicked(_: Box<dyn Any + Send>) -> Response {
    ApiError::of(Code::Internal).into_response()
}

/// Bounds the time of a request and logs its outcome. The log has the route, not the path, which may hold a key.
async fn observe(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let (method, route, began) = (request.method().clone(), Route::of(&request), Instant::now());
    let answer = tokio::time::timeout(PATIENCE, next.run(request)).await;
    let response = answer.unwrap_or_else(|_| ApiError::of(Code::Unavailable).into_response());
    let status = response.status().as_u16();
    tracing::debug!(%method, route = route.as_str(), status, "request");
    metrics.answered(&method, route, status, began.elapsed());
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AdminKey;
    use axum::body::Body;
    use mfa_core::Mfa;
    use mfa_core::store::memory::MemoryStore;

    async fn broken() -> () {
        panic!("a bug")
    }

    /// The demo's routes are added this way.
    #[tokio::test(start_paused = true)]
    async fn others_have_the_same_limits_and_headers() {
        let app = App::new(Mfa::builder(MemoryStore::default()).build(), AdminKey::of_nobody());
        let others = Router::new().route("/slow", get(std::future::pending::<()>)).route("/bug", get(broken));
        let router = router_with(app, others);
        for (method, path, status) in
            [("GET", "/slow", 503), ("GET", "/bug", 500), ("POST", "/bug", 405), ("GET", "/none", 404)]
        {
            let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
            let answer = tokio::time::timeout(2 * PATIENCE, router.clone().oneshot(request)).await;
            let response = answer.unwrap().unwrap();
            assert_eq!(response.status(), status, "{path}");
            assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store", "{path}");
            assert_eq!(response.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        }
    }
}

//! A page that plays a consuming application, for `serve --demo` only.
//!
//! Its back end under `/demo/api` calls the service as any consumer does: through the HTTP router, with an
//! API key and secret that no browser sees. The page shows each of these calls.

mod account;
mod consumer;
mod origin;
mod refusal;
mod relying_party;
mod routes;
mod rows;
mod sent;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, patch, post};
use mfa_core::Mfa;
use mfa_core::api_key::{ApiKey, ApiKeyError};

use crate::routes::router_with;
use crate::{App, router};
use account::Accounts;
use consumer::Consumer;

const PAGE: &str = include_str!("assets/index.html");
const STYLE: &str = include_str!("assets/style.css");
const ICON: &str = include_str!("assets/icon.svg");
const SCRIPTS: [(&str, &str); 5] = [
    ("/demo/app.js", include_str!("assets/app.js")),
    ("/demo/back-end.js", include_str!("assets/back-end.js")),
    ("/demo/ceremony.js", include_str!("assets/ceremony.js")),
    ("/demo/u2f-key.js", include_str!("assets/u2f-key.js")),
    ("/demo/words.js", include_str!("assets/words.js")),
];
/// Nothing from other hosts and nothing inline. A QR code is a `data:` image.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Headers in addition to those of every response.
const HEADERS: [(header::HeaderName, &str); 3] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// The demo: a consumer of the service, and the accounts of its visitors.
#[derive(Clone, Debug)]
pub struct Demo {
    consumer: Arc<Consumer>,
    accounts: Arc<Accounts>,
    mfa: Mfa,
    key: ApiKey,
}

impl Demo {
    /// Makes an API key for the demo. [`end`](Self::end) revokes it.
    ///
    /// # Errors
    ///
    /// Those of [`create_api_key`](Mfa::create_api_key) and [`activate_api_key`](Mfa::activate_api_key).
    pub async fn begin(app: App) -> Result<Self, ApiKeyError> {
        const EMAIL: &str = "demo@localhost";
        let mfa = app.mfa.clone();
        let key = mfa.create_api_key(EMAIL).await?;
        let secret = mfa.activate_api_key(&key, EMAIL).await?;
        let consumer = Arc::new(Consumer::new(router(app), &key, &secret));
        Ok(Self { consumer, accounts: Arc::default(), mfa, key })
    }

    /// Deletes what the visitors enrolled, for a few seconds, then revokes the key. Remaining rows stay
    /// sealed for good.
    ///
    /// # Errors
    ///
    /// Those of [`revoke_api_key`](Mfa::revoke_api_key).
    pub async fn end(self) -> Result<(), ApiKeyError> {
        let left = self.discard_all().await;
        if left > 0 {
            tracing::warn!(left, "what visitors of the demo enrolled could not all be deleted");
        }
        self.mfa.revoke_api_key(&self.key).await
    }

    /// The service, with the page and its back end.
    pub fn router(&self, app: App) -> Router {
        router_with(app, self.own_router())
    }

    fn own_router(&self) -> Router {
        let mut assets = Router::new()
            .route("/demo", get(async || asset("text/html; charset=utf-8", PAGE)))
            .route("/demo/style.css", get(async || asset("text/css; charset=utf-8", STYLE)))
            .route("/demo/icon.svg", get(async || asset("image/svg+xml", ICON)));
        for (path, script) in SCRIPTS {
            let script = get(async move || asset("text/javascript; charset=utf-8", script));
            assets = assets.route(path, script);
        }
        assets
            .route("/demo/api/account", get(routes::account).post(routes::open))
            .route("/demo/api/totp", post(routes::enroll).put(routes::check).delete(routes::remove))
            .route("/demo/api/passkey", post(routes::begin_registration).put(routes::finish_registration))
            .route("/demo/api/login", post(routes::begin_login).put(routes::finish_login))
            .route("/demo/api/u2f", post(routes::begin_u2f).put(routes::finish_u2f))
            .route("/demo/api/credential/{id}", patch(routes::rename).delete(routes::delete))
            .with_state(self.clone())
            .layer(from_fn(guard))
    }
}

fn asset(kind: &'static str, content: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind)], content).into_response()
}

async fn guard(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

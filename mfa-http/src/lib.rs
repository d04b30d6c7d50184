//! The HTTP surface of `mfa-core`: extract, call, answer.
//!
//! [`router`] is the whole service as an [`axum::Router`]. [`Authenticated`] and [`require_consumer`] protect routes of
//! your own.
//!
//! The default features are those of the program: `server` (command line, limits on connections, the demo, `/docs`) and
//! one for each store (`sqlite`, `postgres`, `redis`, `dynamodb`). The library needs none of them.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use axum::body::Body;
//! use axum::http::{Request, StatusCode};
//! use mfa_core::Mfa;
//! use mfa_core::store::memory::MemoryStore;
//! use mfa_http::{AdminKey, App, router};
//! use tower::ServiceExt as _;
//!
//! let mfa = Mfa::builder(MemoryStore::default()).build();
//! let service = router(App::new(mfa, AdminKey::new("0123456789abcdef".to_owned())));
//!
//! let create = |admin_key| {
//!     let body = Body::from(r#"{"email": "dev@example.com"}"#);
//!     Request::post("/api-key").header("x-api-key", admin_key).body(body)
//! };
//! let created = service.clone().oneshot(create("0123456789abcdef")?).await?;
//! assert_eq!(created.status(), StatusCode::NO_CONTENT);
//!
//! let refused = service.oneshot(create("a guess")?).await?;
//! assert_eq!(refused.status(), StatusCode::FORBIDDEN);
//! # Ok(())
//! # }
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]

mod answer;
mod api_key_view;
mod app;
mod authentication;
mod body;
#[cfg(feature = "server")]
pub mod demo;
mod error;
pub mod events;
#[cfg(feature = "server")]
pub mod logging;
mod members;
mod metrics;
mod openapi;
mod path;
mod qr_code;
mod refusal;
mod relying_party;
mod route;
mod routes;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "server")]
pub mod settings;
pub mod store;

pub use api_key_view::ApiKeyView;
pub use app::{AdminKey, App};
pub use authentication::{Authenticated, Source, require_consumer};
pub use error::ApiError;
pub use metrics::StoreMetrics;
pub use routes::{contract, router};

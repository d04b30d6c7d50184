//! The HTTP surface of `mfa-core`: extract, call, answer.
//!
//! [`router`] is the whole service as an [`axum::Router`]; [`serve`](server::serve) runs it with limits on
//! connections and time.

mod answer;
mod api_key_view;
mod app;
mod authentication;
mod body;
pub mod demo;
mod error;
pub mod events;
pub mod hasher;
pub mod logging;
mod members;
mod metrics;
mod openapi;
mod path;
mod qr_code;
mod relying_party;
mod routes;
pub mod server;
pub mod settings;
pub mod store;

pub use api_key_view::ApiKeyView;
pub use app::{AdminKey, App};
pub use authentication::Source;
pub use routes::{contract, router};

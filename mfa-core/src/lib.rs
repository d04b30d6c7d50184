//! Multi-factor authentication that many applications share: the domain and its ports.
//!
//! An application (a *consumer*) holds an API key and an API secret. Everything it stores is sealed under
//! keys that only its secret opens. Start at [`Mfa`]. A [`Consumer`] proves that a call is authenticated, and
//! is the only way to reach data.
//!
//! ```
//! # use mfa_core::{Mfa, api_key::{ApiKeyError, ApiSecret}, store::memory::MemoryStore, totp::{TotpError, TotpOptions}};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mfa = Mfa::builder(MemoryStore::default()).build();
//! let key = mfa.create_api_key("dev@example.com").await?;
//! let secret = mfa.activate_api_key(&key, "dev@example.com").await?; // shown once
//!
//! let consumer = mfa.authenticate(&key, &secret).await?;
//! let enrolled = consumer.totp().enroll(TotpOptions::new("Acme", "jo@example.com")).await?;
//! let refused = consumer.totp().verify(enrolled.id, "not a code").await;
//! assert!(matches!(refused, Err(TotpError::NotAccepted)));
//!
//! let guess: ApiSecret = "0123456789abcdef0123456789abcdef".parse()?;
//! assert!(matches!(mfa.authenticate(&key, &guess).await, Err(ApiKeyError::Unauthorized)));
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! They add API and change nothing else; what is stored does not depend on them.
//!
//! * `webauthn` (default): passkeys, security keys and U2F. Without it users' records stay as they are, and a rotation
//!   takes them along.
//! * `legacy` (default): reads what the predecessors wrote. Without it their rows are refused as unreadable, and stay.
//! * `serde`: ids and reports as text and JSON, never a secret.
//! * `strum`: counts the variants of errors, for tests that must notice a new one.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod api_key;
pub mod clock;
pub mod code;
pub mod consumer;
pub mod envelope;
pub mod event;
pub mod id;
#[cfg_attr(not(feature = "legacy"), path = "legacy_off.rs")]
mod legacy;
mod mfa;
pub mod random;
pub mod rotation;
pub mod secret;
#[cfg(feature = "serde")]
mod serialize;
pub mod store;
pub mod totp;
#[cfg(feature = "webauthn")]
pub mod u2f;
#[cfg(feature = "webauthn")]
pub mod webauthn;

pub use consumer::Consumer;
pub use id::ConsumerId;
pub use mfa::{Mfa, MfaBuilder};

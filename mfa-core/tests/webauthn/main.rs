//! The rules of WebAuthn ceremonies, answered by a soft authenticator.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod ceremonies;
mod setup;
mod simulator;
mod users;

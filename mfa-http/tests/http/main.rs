//! The service over HTTP: the predecessors' wire format, bad input, limits and failing stores. And the
//! program as an operator runs it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod api_key;
mod bad_input;
mod browser;
mod demo;
mod faults;
mod limits;
mod logs;
mod metrics;
mod openapi;
mod process;
mod program;
mod reference;
mod rotation;
mod server;
mod store_metrics;
mod stores;
mod totp;
mod u2f;
mod webauthn;

//! The function under a Lambda runtime API: events of each payload format that AWS sends, each route, the seeds'
//! client and tables.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod client;
mod deployment;
mod gateway;
mod runtime;
mod seed_calls;
mod seed_tables;
mod walk;

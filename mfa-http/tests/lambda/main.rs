//! The function under a Lambda runtime API: events of each payload format that AWS sends, each route, the
//! predecessors' client and tables.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod client;
mod deployment;
mod gateway;
mod predecessor_calls;
mod predecessor_tables;
mod runtime;
mod walk;

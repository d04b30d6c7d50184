//! Inspects a store for an operator. Nothing here writes.
//!
//! Each adapter has a function `inspect` that fills a [`Report`]. It adds a [`Check`] for each finding about
//! the store, and passes each row to the [`Census`]. Without an API secret nothing can be opened, so a row is
//! judged by its shape, its owner and its owner's API keys.

mod census;
mod flaw;
mod report;
#[cfg(test)]
mod tests;

pub use census::{ApiKeyCounts, Census, TotpCounts, UserCounts};
pub use flaw::{Flaw, Problem};
pub use report::{Area, Check, Report, Scope, Verdict};

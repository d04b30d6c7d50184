//! What a store is asked when an operator wants to know how it is. Nothing here writes.
//!
//! Each adapter has a function `inspect` that fills a [`Report`]: how it found the place, in [`Check`]s, and every row it
//! read, given to the [`Census`]. No API secret is at hand, so nothing is opened: what can be said of a row is what its
//! shape, its owner and its owner's API keys show.

mod census;
mod flaw;
mod report;
#[cfg(test)]
mod tests;

pub use census::{ApiKeyCounts, Census, TotpCounts, UserCounts};
pub use flaw::{Flaw, Problem};
pub use report::{Area, Check, Report, Scope, Verdict};

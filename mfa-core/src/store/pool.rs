//! What a store shows of its connections.

use std::fmt::Debug;

/// The connections of a store at one moment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "adapters build it")]
pub struct PoolStatus {
    /// Open connections.
    pub size: usize,
    /// Open connections that no call uses.
    pub idle: usize,
    /// Calls that wait for a connection.
    pub waiting: usize,
}

/// A store that keeps several connections.
pub trait Pool: Debug + Send + Sync + 'static {
    /// The connections now. Asks no server.
    fn status(&self) -> PoolStatus;
}

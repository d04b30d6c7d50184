//! Sorts Redis's errors by what the caller can do.

use std::sync::Arc;

use mfa_core::random::RandomError;
use mfa_core::store::{StoreError, UnreadableField};
use mfa_url::QueryError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum RedisError {
    #[error(transparent)]
    Call(#[from] redis::RedisError),
    /// All callers who waited for a connection share its error.
    #[error(transparent)]
    Opening(Arc<Self>),
    #[error("{0} is a replica, and no primary was found")]
    Replica(String),
    #[error("no server has answered in time")]
    Silent,
    #[error(
        "slots of the Cluster are being moved, so no listing is sure to be complete: call again afterwards"
    )]
    SlotsMove,
    #[error(transparent)]
    Random(#[from] RandomError),
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error("{0}")]
    Setting(String),
    #[error("only {confirmed} of {wanted} replicas have confirmed the write")]
    Replicas { confirmed: u32, wanted: u32 },
    #[error(
        "this server may lose factors: {0}. Change its settings, or say that you accept it with ?durability=accept-loss"
    )]
    NotDurable(String),
    #[error("field {0} cannot be read")]
    Field(&'static str),
}

impl RedisError {
    pub(crate) fn setting(complaint: &str) -> Self {
        Self::Setting(complaint.to_owned())
    }
}

impl From<UnreadableField> for RedisError {
    fn from(UnreadableField(name): UnreadableField) -> Self {
        Self::Field(name)
    }
}

impl From<RedisError> for StoreError {
    fn from(error: RedisError) -> Self {
        match error {
            RedisError::Field(what) => Self::Damaged { backend: "redis", what },
            other => Self::Unavailable { backend: "redis", source: Arc::new(other) },
        }
    }
}

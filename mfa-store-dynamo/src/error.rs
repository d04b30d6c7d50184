//! Sorts DynamoDB's errors by what the caller can do.

use std::sync::Arc;

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use mfa_core::random::RandomError;
use mfa_core::store::{StoreError, UnreadableField};
use mfa_url::QueryError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum DynamoError {
    #[error(transparent)]
    Call(Box<aws_sdk_dynamodb::Error>),
    #[error(transparent)]
    Random(RandomError),
    #[error(transparent)]
    Query(QueryError),
    #[error("{0}")]
    Setting(&'static str),
    #[error("there is no table {0}; run `mfa-http migrate`, or name the tables in the store's URL")]
    NoTable(String),
    #[error("table {0} is not ready after a minute")]
    NotReady(String),
    #[error("table {0} was not created with the hash key {1}")]
    OtherKey(String, &'static str),
    #[error("attribute {0} cannot be read")]
    Attribute(&'static str),
}

impl<E> From<E> for DynamoError
where
    aws_sdk_dynamodb::Error: From<E>,
{
    fn from(error: E) -> Self {
        Self::Call(Box::new(error.into()))
    }
}

/// What a strongly consistent global table answers to a write of an item that another region is writing.
const WRITTEN_ELSEWHERE: &str = "ReplicatedWriteConflictException";

/// Whether a write was refused because its condition did not hold.
pub(crate) fn is_refused(error: &impl ProvideErrorMetadata) -> bool {
    error.code() == Some("ConditionalCheckFailedException")
}

impl DynamoError {
    pub(crate) const fn unreadable(UnreadableField(name): UnreadableField) -> Self {
        Self::Attribute(name)
    }
}

impl From<DynamoError> for StoreError {
    fn from(error: DynamoError) -> Self {
        match error {
            DynamoError::Attribute(what) => Self::Damaged { backend: "dynamodb", what },
            DynamoError::Call(error) if error.code() == Some(WRITTEN_ELSEWHERE) => Self::Conflict,
            other => Self::Unavailable { backend: "dynamodb", source: Arc::new(other) },
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::error::ErrorMetadata;
    use aws_sdk_dynamodb::types::error::ReplicatedWriteConflictException;

    use super::*;

    #[test]
    fn a_write_that_lost_to_another_region_is_a_conflict() {
        let meta = ErrorMetadata::builder().code(WRITTEN_ELSEWHERE).build();
        let error = ReplicatedWriteConflictException::builder().meta(meta).build();
        let error = DynamoError::from(aws_sdk_dynamodb::Error::ReplicatedWriteConflictException(error));
        assert!(matches!(StoreError::from(error), StoreError::Conflict));
    }
}

//! Sorts SQLite's errors by what the caller can do.

use std::sync::Arc;

use mfa_core::store::{StoreError, UnreadableField};

#[derive(Debug, thiserror::Error)]
pub(crate) enum SqliteError {
    #[error(transparent)]
    Query(#[from] sqlx::Error),
    #[error(transparent)]
    Write(#[from] Arc<sqlx::Error>),
    #[error("the writer has stopped")]
    WriterStopped,
    #[error("the file has tables of version {found}, this program knows {known}; use a newer program")]
    TooNew { found: i64, known: i64 },
    #[error("the file has tables of version {found}, this program needs {known}; run `mfa-http migrate`")]
    TooOld { found: i64, known: i64 },
    #[error(
        "another process has been writing to the file for 5 s; run `mfa-http migrate` when it has finished"
    )]
    Locked,
    #[error("column {0} cannot be read")]
    Column(&'static str),
}

impl From<UnreadableField> for SqliteError {
    fn from(UnreadableField(name): UnreadableField) -> Self {
        Self::Column(name)
    }
}

impl From<SqliteError> for StoreError {
    fn from(error: SqliteError) -> Self {
        match error {
            SqliteError::Column(what) => Self::Damaged { backend: "sqlite", what },
            other => Self::Unavailable { backend: "sqlite", source: Arc::new(other) },
        }
    }
}

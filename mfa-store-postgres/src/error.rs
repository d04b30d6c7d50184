//! Sorts PostgreSQL's errors by what the caller can do.

use std::sync::Arc;

use mfa_core::store::{StoreError, UnreadableField};

/// SQLSTATE `serialization_failure`: a serialisable engine asks the caller to read again.
pub(crate) const SERIALIZATION_FAILURE: &str = "40001";

#[derive(Debug, thiserror::Error)]
pub(crate) enum PostgresError {
    #[error(transparent)]
    Query(#[from] sqlx::Error),
    #[error("no answer within {0} ms")]
    TimedOut(u128),
    #[error("{0}")]
    Setting(String),
    #[error("the password file cannot be read")]
    PasswordFile(#[source] std::io::Error),
    #[error("{host}:{port} takes no writes: it is a standby, or read-only")]
    ReadOnly { host: String, port: u16 },
    #[error(
        "a pooler in transaction mode is between this program and PostgreSQL; add pooler=transaction to the URL, \
         or connect directly or in session mode"
    )]
    TransactionPooling,
    #[error("the database has tables of version {found}, this program knows {known}; use a newer program")]
    TooNew { found: i64, known: i64 },
    #[error("the database has tables of version {found}, this program needs {known}; run `mfa-http migrate`")]
    TooOld { found: i64, known: i64 },
    #[error(
        "another transaction has used the tables for 5 s; end it (pg_stat_activity lists it), then run `mfa-http \
         migrate` again. It continues where this one stopped"
    )]
    TablesInUse,
    #[error("another program has been migrating the tables for 5 s; start again when it has finished")]
    Migrating,
    #[error("column {0} cannot be read")]
    Column(&'static str),
    #[error("{0} does not fit a column")]
    Value(&'static str),
}

impl PostgresError {
    pub(crate) fn code_is(&self, code: &str) -> bool {
        let Self::Query(sqlx::Error::Database(error)) = self else { return false };
        error.code().is_some_and(|found| found == code)
    }
}

impl From<UnreadableField> for PostgresError {
    fn from(UnreadableField(name): UnreadableField) -> Self {
        Self::Column(name)
    }
}

impl From<PostgresError> for StoreError {
    fn from(error: PostgresError) -> Self {
        match error {
            PostgresError::Column(what) => Self::Damaged { backend: "postgres", what },
            other if other.code_is(SERIALIZATION_FAILURE) => Self::Conflict,
            other => Self::Unavailable { backend: "postgres", source: Arc::new(other) },
        }
    }
}

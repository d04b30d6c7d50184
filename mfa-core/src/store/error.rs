//! What can go wrong in a store.

use std::error::Error;
use std::sync::Arc;

/// Why a store failed. Each variant says what the caller can do. The driver's words are in `source`.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The id is taken. Pick another one.
    #[error("record already exists")]
    AlreadyExists,

    /// Another writer was first. Read the record again.
    #[error("record was changed by another writer")]
    Conflict,

    /// The backend did not answer, or its answer was lost. The write may have happened. Try again later.
    #[error("{backend} is unavailable")]
    Unavailable {
        /// Name of the adapter, such as `postgres`.
        backend: &'static str,
        /// The driver's own error.
        source: Arc<dyn Error + Send + Sync>,
    },

    /// The backend returned a record that cannot be read. Nothing was changed.
    #[error("{backend} holds a damaged record: {what}")]
    Damaged {
        /// Name of the adapter.
        backend: &'static str,
        /// Which part is damaged; never its content.
        what: &'static str,
    },
}

//! Opens the store that a URL names.

use mfa_core::store::memory::MemoryStore;
use mfa_core::store::{StoreError, Stores};
use mfa_store_sqlite::SqliteStore;

/// Why a store URL leads nowhere.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("unknown store {0:?}: use memory:// or sqlite://PATH")]
    Unknown(String),
    #[error("sqlite:// needs a path, such as sqlite://mfa.db or sqlite:///var/lib/mfa/mfa.db")]
    NoPath,
    #[error("cannot open the store {url}")]
    Store {
        url: String,
        #[source]
        source: StoreError,
    },
}

/// Opens the store; with `migrate` its tables are created or brought up to date.
pub(crate) async fn open(url: &str, migrate: bool) -> Result<Stores, OpenError> {
    if url == "memory://" {
        return Ok(MemoryStore::default().into());
    }
    let Some(path) = url.strip_prefix("sqlite://") else {
        let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
        return Err(OpenError::Unknown(format!("{scheme}://…")));
    };
    if path.is_empty() {
        return Err(OpenError::NoPath);
    }
    let opened = if migrate { SqliteStore::open(path).await } else { SqliteStore::open_existing(path).await };
    opened.map(Stores::from).map_err(|source| OpenError::Store { url: url.to_owned(), source })
}

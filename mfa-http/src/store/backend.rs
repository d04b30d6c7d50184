//! The stores that a URL may name, as far as their features are enabled.

use std::sync::Arc;

use async_trait::async_trait;
use mfa_core::clock::UnixTime;
use mfa_core::store::inspect::{Report, Scope};
use mfa_core::store::{CeremonyStore, Pool, StoreError, Stores};
use mfa_url::Query;

use super::memory::Memory;
use super::{OpenError, path, place, scheme};

/// What was opened, and its connections if it has a pool.
pub(super) type Opened<S> = (S, Option<Arc<dyn Pool>>);

/// A store that URLs name.
#[async_trait]
pub(super) trait Backend: Sync {
    /// Opens it; with `migrate` its tables are created or brought up to date.
    async fn open(&self, url: &str, migrate: bool) -> Result<Opened<Stores>, StoreError>;

    /// Opens it for ceremonies alone.
    async fn open_for_ceremonies(
        &self,
        url: &str,
        migrate: bool,
    ) -> Result<Opened<Arc<dyn CeremonyStore>>, StoreError> {
        let (stores, pool) = self.open(url, migrate).await?;
        Ok((stores.ceremonies, pool))
    }

    /// The statements that opening it with `migrate` would run; `None` if it has no migrations.
    async fn pending_migrations(&self, _url: &str) -> Result<Option<Vec<String>>, StoreError> {
        Ok(None)
    }

    /// Mends its indexes.
    async fn repair(&self, _url: &str) -> Result<String, StoreError> {
        Ok("nothing: the database keeps the indexes of this store".to_owned())
    }

    /// Looks at it, and changes nothing in it.
    async fn inspect(&self, url: &str, scope: Scope, now: UnixTime) -> Report;
}

/// The store of a URL.
pub(super) fn backend(url: &str) -> Result<&'static dyn Backend, OpenError> {
    let scheme = scheme(url);
    let store = match scheme {
        "memory" if path(url).is_empty() => "memory",
        "sqlite" if path(url).is_empty() => return Err(OpenError::NoPath),
        "sqlite" => "sqlite",
        "postgres" | "postgresql" => "postgres",
        "redis" | "rediss" | "redis-sentinel" | "rediss-sentinel" | "redis-cluster" | "rediss-cluster" => {
            "redis"
        }
        "dynamodb" => "dynamodb",
        _ => return Err(OpenError::Unknown(format!("{scheme}://…"))),
    };
    // These two have no settings. The others know their own.
    if matches!(store, "memory" | "sqlite") {
        let refused = |source| OpenError::Setting { place: place(url), source };
        Query::parse(Query::split(url).1, &[]).map_err(refused)?;
    }
    Ok(match store {
        "memory" => &Memory,
        #[cfg(feature = "sqlite")]
        "sqlite" => &super::sqlite::Sqlite,
        #[cfg(feature = "postgres")]
        "postgres" => &super::postgres::Postgres,
        #[cfg(feature = "redis")]
        "redis" => &super::redis::Redis,
        #[cfg(feature = "dynamodb")]
        "dynamodb" => &super::dynamodb::Dynamodb,
        feature => return Err(OpenError::Disabled { scheme: scheme.to_owned(), feature }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In every build: a store opens, or the error says what it takes.
    #[test]
    fn a_store_is_there_or_its_feature_is_named() {
        for (url, feature, enabled) in [
            ("sqlite://mfa.db", "sqlite", cfg!(feature = "sqlite")),
            ("postgres://db", "postgres", cfg!(feature = "postgres")),
            ("postgresql://db", "postgres", cfg!(feature = "postgres")),
            ("redis://db", "redis", cfg!(feature = "redis")),
            ("redis-sentinel://db/main", "redis", cfg!(feature = "redis")),
            ("rediss-cluster://db", "redis", cfg!(feature = "redis")),
            ("dynamodb://eu-west-1", "dynamodb", cfg!(feature = "dynamodb")),
        ] {
            match backend(url) {
                Ok(_) => assert!(enabled, "{url}"),
                Err(error) => {
                    assert!(!enabled, "{url}: {error}");
                    assert!(error.to_string().contains(&format!("feature `{feature}`")), "{error}");
                }
            }
        }
        assert!(backend("memory://").is_ok());
        assert!(matches!(backend("mysql://db"), Err(OpenError::Unknown(_))));
        assert!(matches!(backend("sqlite://"), Err(OpenError::NoPath)));
        assert!(matches!(backend("sqlite://?mode=ro"), Err(OpenError::NoPath)));
    }
}

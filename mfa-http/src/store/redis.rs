//! `redis://…`, `redis-sentinel://…`, `redis-cluster://…`, and the same with `rediss`

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mfa_core::clock::UnixTime;
use mfa_core::store::inspect::{Report, Scope};
use mfa_core::store::{CeremonyStore, StoreError, Stores};
use mfa_store_redis::RedisStore;

use super::backend::{Backend, Opened};

/// No request works for longer, so no entry of an index waits longer for its record.
const LONGEST_WRITE: Duration = Duration::from_secs(25);

pub(super) struct Redis;

#[async_trait]
impl Backend for Redis {
    async fn open(&self, url: &str, _migrate: bool) -> Result<Opened<Stores>, StoreError> {
        RedisStore::open(url).await.map(|store| (store.into(), None))
    }

    /// It need not be durable then.
    async fn open_for_ceremonies(
        &self,
        url: &str,
        _migrate: bool,
    ) -> Result<Opened<Arc<dyn CeremonyStore>>, StoreError> {
        RedisStore::open_for_ceremonies(url).await.map(|store| (store, None))
    }

    async fn repair(&self, url: &str) -> Result<String, StoreError> {
        mfa_store_redis::repair(url, LONGEST_WRITE).await.map(|repaired| repaired.to_string())
    }

    async fn inspect(&self, url: &str, scope: Scope, now: UnixTime) -> Report {
        mfa_store_redis::inspect(url, scope, now).await
    }
}

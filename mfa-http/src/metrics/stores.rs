//! The ports, with every call counted and timed.

use std::sync::Arc;

use async_trait::async_trait;
use mfa_core::ConsumerId;
use mfa_core::api_key::ApiKey;
use mfa_core::clock::UnixTime;
use mfa_core::envelope::Sealed;
use mfa_core::store::{
    ApiKeyRecord, ApiKeyStore, CeremonyId, CeremonyState, CeremonyStore, Cursor, Expect, Listing, Page,
    Record, RecordStore, Revision, StoreError, Stored, Stores,
};
use prometheus_client::registry::Registry;

use super::calls::{Call, Calls, Counted};
use super::pools::Pools;
use crate::store::NamedPool;

/// Counts and times the calls of stores, and shows their connections. Clones share the counts.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use mfa_core::{Mfa, store::memory::MemoryStore};
/// use mfa_http::{AdminKey, App, StoreMetrics};
///
/// let metrics = StoreMetrics::default();
/// let mfa = Mfa::builder(metrics.observe(MemoryStore::default().into())).build();
/// let app = App::new(mfa, AdminKey::of_nobody()).store_metrics(&metrics); // `/metrics` shows them
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct StoreMetrics {
    calls: Calls,
    pools: Pools,
}

impl StoreMetrics {
    /// No calls yet, and these pools.
    pub fn new(pools: Vec<NamedPool>) -> Self {
        Self { calls: Calls::default(), pools: Pools::new(pools) }
    }

    /// Returns stores that do what `stores` do, and count it.
    #[must_use]
    pub fn observe(&self, stores: Stores) -> Stores {
        // Without `..`, so that a port added later does not compile until it is counted.
        let Stores { api_keys, totp, users, ceremonies } = stores;
        Stores {
            api_keys: Arc::new(ApiKeys::new(api_keys, |operation| self.calls.of("api_keys", operation))),
            totp: Arc::new(Records::new(totp, |operation| self.calls.of("totp", operation))),
            users: Arc::new(Records::new(users, |operation| self.calls.of("users", operation))),
            ceremonies: Arc::new(Ceremonies::new(ceremonies, |operation| {
                self.calls.of("ceremonies", operation)
            })),
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        self.calls.register(registry);
        self.pools.register(registry);
    }
}

#[derive(Debug)]
struct ApiKeys {
    store: Counted<dyn ApiKeyStore>,
    get: Call,
    save: Call,
    page: Call,
    page_by_consumer: Call,
}

impl ApiKeys {
    fn new(store: Arc<dyn ApiKeyStore>, call: impl Fn(&'static str) -> Call) -> Self {
        Self {
            store: Counted::new(store),
            get: call("get"),
            save: call("save"),
            page: call("page"),
            page_by_consumer: call("page_by_consumer"),
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ApiKeyStore for ApiKeys {
    async fn get(&self, key: &ApiKey) -> Result<Option<Stored<ApiKeyRecord>>, StoreError> {
        self.store.call(&self.get, |store| store.get(key)).await
    }

    async fn save(&self, record: &ApiKeyRecord, expect: Expect) -> Result<Revision, StoreError> {
        self.store.call(&self.save, |store| store.save(record, expect)).await
    }

    async fn page(&self, after: Option<&Cursor>, limit: usize) -> Result<Page<ApiKeyRecord>, StoreError> {
        self.store.call(&self.page, |store| store.page(after, limit)).await
    }

    async fn page_by_consumer(
        &self,
        consumer: &ConsumerId,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<ApiKeyRecord>, StoreError> {
        let page = |store| ApiKeyStore::page_by_consumer(store, consumer, after, limit);
        self.store.call(&self.page_by_consumer, page).await
    }
}

#[derive(Debug)]
struct Records<R: Record> {
    store: Counted<dyn RecordStore<R>>,
    get: Call,
    save: Call,
    delete: Call,
    page_by_consumer: Call,
}

impl<R: Record> Records<R> {
    fn new(store: Arc<dyn RecordStore<R>>, call: impl Fn(&'static str) -> Call) -> Self {
        Self {
            store: Counted::new(store),
            get: call("get"),
            save: call("save"),
            delete: call("delete"),
            page_by_consumer: call("page_by_consumer"),
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<R: Record> RecordStore<R> for Records<R> {
    async fn get(&self, consumer: &ConsumerId, id: R::Id) -> Result<Option<Stored<R>>, StoreError> {
        self.store.call(&self.get, |store| store.get(consumer, id)).await
    }

    async fn save(&self, record: &R, expect: Expect) -> Result<Revision, StoreError> {
        self.store.call(&self.save, |store| store.save(record, expect)).await
    }

    async fn delete(&self, consumer: &ConsumerId, id: R::Id) -> Result<bool, StoreError> {
        self.store.call(&self.delete, |store| store.delete(consumer, id)).await
    }

    async fn page_by_consumer(
        &self,
        consumer: &ConsumerId,
        after: Option<&Cursor>,
        limit: usize,
        listing: Listing,
    ) -> Result<Page<R>, StoreError> {
        let page = |store| RecordStore::page_by_consumer(store, consumer, after, limit, listing);
        self.store.call(&self.page_by_consumer, page).await
    }
}

#[derive(Debug)]
struct Ceremonies {
    store: Counted<dyn CeremonyStore>,
    put: Call,
    take: Call,
}

impl Ceremonies {
    fn new(store: Arc<dyn CeremonyStore>, call: impl Fn(&'static str) -> Call) -> Self {
        Self { store: Counted::new(store), put: call("put"), take: call("take") }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl CeremonyStore for Ceremonies {
    async fn put(
        &self,
        id: CeremonyId,
        state: Sealed<CeremonyState>,
        expires_at: UnixTime,
    ) -> Result<(), StoreError> {
        self.store.call(&self.put, |store| store.put(id, state, expires_at)).await
    }

    async fn take(&self, id: CeremonyId, now: UnixTime) -> Result<Option<Sealed<CeremonyState>>, StoreError> {
        self.store.call(&self.take, |store| store.take(id, now)).await
    }
}

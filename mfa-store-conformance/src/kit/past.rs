//! Stores that go back in time, as after a restored snapshot or a fail-over to a replica that lagged.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use mfa_core::ConsumerId;
use mfa_core::clock::UnixTime;
use mfa_core::envelope::Sealed;
use mfa_core::store::{
    CeremonyId, CeremonyState, CeremonyStore, Expect, Listing, StoreError, Stores, TotpRecord, UserRecord,
};
use uuid::Uuid;

use super::sample::Kind;

/// A consumer's records as they were once.
#[derive(Debug)]
pub struct Snapshot {
    consumer: ConsumerId,
    totp: Vec<TotpRecord>,
    users: Vec<UserRecord>,
}

impl Snapshot {
    /// The records of now, up to 100 of each kind.
    pub async fn of(stores: &Stores, consumer: &ConsumerId) -> Self {
        let (totp, users) = (records(stores, consumer).await, records(stores, consumer).await);
        Self { consumer: consumer.clone(), totp, users }
    }

    /// Brings the records back as they were.
    pub async fn restore(&self, stores: &Stores) {
        put_back(stores, &self.consumer, &self.totp).await;
        put_back(stores, &self.consumer, &self.users).await;
    }
}

async fn records<R: Kind>(stores: &Stores, consumer: &ConsumerId) -> Vec<R> {
    let page = R::store(stores).page_by_consumer(consumer, None, 100, Listing::Exact).await.unwrap();
    page.items.into_iter().map(|stored| stored.record).collect()
}

async fn put_back<R: Kind>(stores: &Stores, consumer: &ConsumerId, before: &[R]) {
    let store = R::store(stores);
    for record in before {
        let stored = store.get(consumer, record.id()).await.unwrap();
        let expect = stored.map_or(Expect::Absent, |stored| Expect::At(stored.revision));
        store.save(record, expect).await.unwrap();
    }
    let uuid = |record: &R| -> Uuid { record.id().into() };
    for record in records::<R>(stores, consumer).await {
        if !before.iter().any(|kept| uuid(kept) == uuid(&record)) {
            store.delete(consumer, record.id()).await.unwrap();
        }
    }
}

/// A store of ceremonies that can bring back those that were taken.
#[derive(Debug)]
pub struct Recurring {
    inner: Arc<dyn CeremonyStore>,
    begun: Mutex<Vec<(CeremonyId, Vec<u8>, UnixTime)>>,
}

impl Recurring {
    /// On `inner`.
    pub fn new(inner: Arc<dyn CeremonyStore>) -> Self {
        Self { inner, begun: Mutex::default() }
    }

    /// Brings back all that were taken so far.
    pub async fn bring_back(&self) {
        let begun = self.begun.lock().unwrap().clone();
        for (id, state, expires_at) in begun {
            match self.inner.put(id, Sealed::from_stored(state), expires_at).await {
                Ok(()) | Err(StoreError::AlreadyExists) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
}

#[async_trait]
impl CeremonyStore for Recurring {
    async fn put(
        &self,
        id: CeremonyId,
        state: Sealed<CeremonyState>,
        expires_at: UnixTime,
    ) -> Result<(), StoreError> {
        self.begun.lock().unwrap().push((id, state.as_bytes().to_vec(), expires_at));
        self.inner.put(id, state, expires_at).await
    }

    async fn take(&self, id: CeremonyId, now: UnixTime) -> Result<Option<Sealed<CeremonyState>>, StoreError> {
        self.inner.take(id, now).await
    }
}

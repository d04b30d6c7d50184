//! A store that fails on demand: before the write, or after it with the answer lost.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use mfa_core::ConsumerId;
use mfa_core::api_key::ApiKey;
use mfa_core::clock::UnixTime;
use mfa_core::envelope::Sealed;
use mfa_core::store::{
    ApiKeyRecord, ApiKeyStore, CeremonyId, CeremonyState, CeremonyStore, Cursor, Expect, Listing, Page,
    RecordStore, Revision, StoreError, Stored, Stores,
};

use super::sample::Kind;

/// When a call fails.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a fault is before the commit or after it")]
pub enum Fault {
    /// Nothing was read or written.
    Before,
    /// It was, but the answer was lost: the ambiguous write.
    After,
}

#[derive(Debug)]
struct Injected;

impl std::fmt::Display for Injected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("injected fault")
    }
}

impl std::error::Error for Injected {}

/// Stores that count their calls and fail a chosen one.
#[derive(Clone, Debug)]
pub struct FaultyStores {
    inner: Stores,
    plan: Arc<Plan>,
}

#[derive(Debug, Default)]
struct Plan {
    calls: AtomicU64,
    /// Number of the failing call, shifted left by one; the low bit is set for [`Fault::After`].
    failing: AtomicU64,
    /// State of the script that orders concurrent calls; 0 for none.
    script: AtomicU64,
    /// What the failing call returns, if not that the store is unavailable.
    error: Mutex<Option<StoreError>>,
    meanwhile: Mutex<Option<Meanwhile>>,
}

/// The number of a call, and an action before it.
struct Meanwhile(u64, Pin<Box<dyn Future<Output = ()> + Send>>);

impl std::fmt::Debug for Meanwhile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Meanwhile").field(&self.0).finish_non_exhaustive()
    }
}

impl FaultyStores {
    /// Stores that work until a fault is set.
    pub fn new(inner: Stores) -> Self {
        let plan = Plan { calls: AtomicU64::new(0), failing: AtomicU64::new(u64::MAX), ..Plan::default() };
        Self { inner, plan: Arc::new(plan) }
    }

    /// The stores to hand to a service.
    pub fn stores(&self) -> Stores {
        Stores::of(self.clone())
    }

    /// Makes the `n`th call from now fail. The next call is number 0.
    pub fn fail(&self, n: u64, fault: Fault) {
        let call = self.plan.calls.load(Ordering::SeqCst) + n;
        self.plan.failing.store(call << 1 | u64::from(fault == Fault::After), Ordering::SeqCst);
    }

    /// Makes the next call return `error`. It reads and writes nothing.
    pub fn refuse(&self, error: StoreError) {
        *self.plan.error.lock().unwrap() = Some(error);
        self.fail(0, Fault::Before);
    }

    /// Runs `other` before the `n`th call from now. The next call is number 0.
    pub fn meanwhile(&self, n: u64, other: impl Future<Output = ()> + Send + 'static) {
        *self.plan.meanwhile.lock().unwrap() = Some(Meanwhile(self.calls() + n, Box::pin(other)));
    }

    /// Orders concurrent calls by a script: each yields a scripted number of times before and after.
    pub fn interleave(&self, script: u64) {
        self.plan.script.store(script | 1, Ordering::SeqCst);
    }

    async fn give_way(&self) {
        let mut state = self.plan.script.load(Ordering::SeqCst);
        if state == 0 {
            return;
        }
        // Xorshift: any sequence works that differs between scripts.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.plan.script.store(state, Ordering::SeqCst);
        for _ in 0..(state >> 32) % 12 {
            tokio::task::yield_now().await;
        }
    }

    /// Calls so far.
    pub fn calls(&self) -> u64 {
        self.plan.calls.load(Ordering::SeqCst)
    }

    async fn call<T>(
        &self,
        work: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let call = self.plan.calls.fetch_add(1, Ordering::SeqCst);
        let failing = self.plan.failing.load(Ordering::SeqCst);
        let failure = StoreError::Unavailable { backend: "faulty", source: Arc::new(Injected) };
        if failing == call << 1 {
            return Err(self.plan.error.lock().unwrap().take().unwrap_or(failure));
        }
        let meanwhile = self.plan.meanwhile.lock().unwrap().take_if(|Meanwhile(before, _)| *before == call);
        if let Some(Meanwhile(_, other)) = meanwhile {
            other.await;
        }
        self.give_way().await;
        let outcome = work.await;
        self.give_way().await;
        if failing == (call << 1 | 1) { Err(failure) } else { outcome }
    }
}

#[async_trait]
impl ApiKeyStore for FaultyStores {
    async fn get(&self, key: &ApiKey) -> Result<Option<Stored<ApiKeyRecord>>, StoreError> {
        self.call(self.inner.api_keys.get(key)).await
    }

    async fn save(&self, record: &ApiKeyRecord, expect: Expect) -> Result<Revision, StoreError> {
        self.call(self.inner.api_keys.save(record, expect)).await
    }

    async fn page(&self, after: Option<&Cursor>, limit: usize) -> Result<Page<ApiKeyRecord>, StoreError> {
        self.call(self.inner.api_keys.page(after, limit)).await
    }

    async fn page_by_consumer(
        &self,
        consumer: &ConsumerId,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<ApiKeyRecord>, StoreError> {
        self.call(self.inner.api_keys.page_by_consumer(consumer, after, limit)).await
    }
}

#[async_trait]
impl<R: Kind> RecordStore<R> for FaultyStores {
    async fn get(&self, consumer: &ConsumerId, id: R::Id) -> Result<Option<Stored<R>>, StoreError> {
        self.call(R::store(&self.inner).get(consumer, id)).await
    }

    async fn save(&self, record: &R, expect: Expect) -> Result<Revision, StoreError> {
        self.call(R::store(&self.inner).save(record, expect)).await
    }

    async fn delete(&self, consumer: &ConsumerId, id: R::Id) -> Result<bool, StoreError> {
        self.call(R::store(&self.inner).delete(consumer, id)).await
    }

    async fn page_by_consumer(
        &self,
        consumer: &ConsumerId,
        after: Option<&Cursor>,
        limit: usize,
        listing: Listing,
    ) -> Result<Page<R>, StoreError> {
        self.call(R::store(&self.inner).page_by_consumer(consumer, after, limit, listing)).await
    }
}

#[async_trait]
impl CeremonyStore for FaultyStores {
    async fn put(
        &self,
        id: CeremonyId,
        state: Sealed<CeremonyState>,
        expires_at: UnixTime,
    ) -> Result<(), StoreError> {
        self.call(self.inner.ceremonies.put(id, state, expires_at)).await
    }

    async fn take(&self, id: CeremonyId, now: UnixTime) -> Result<Option<Sealed<CeremonyState>>, StoreError> {
        self.call(self.inner.ceremonies.take(id, now)).await
    }
}

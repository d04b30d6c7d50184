//! R79: nothing from before a key's floor is accepted, and raising it reaches every key.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use mfa_core::Mfa;
use mfa_core::api_key::{ApiKey, ApiKeyError};
use mfa_core::clock::{ManualClock, UnixTime};
use mfa_core::rotation::RotationOptions;
use mfa_core::secret::SecretBytes;
use mfa_core::store::memory::MemoryStore;
use mfa_core::store::{ApiKeyRecord, Expect, StoreError, Stored, Stores, TotpRecord};
use mfa_core::totp::{Digits, HashAlgorithm, SharedSecret, TimeStep, TotpOptions};
use mfa_store_conformance::kit::factors::{Key, NOW, authenticate, fresh_key};
use mfa_store_conformance::kit::faults::{Fault, FaultyStores};
use mfa_store_conformance::kit::sample::api_key;
use mfa_store_conformance::kit::service::mfa_at;
use proptest::prelude::*;
use tokio::runtime::{Builder, Runtime};

async fn floor_of(stores: &Stores, key: &ApiKey) -> Option<UnixTime> {
    stores.api_keys.get(key).await.unwrap().unwrap().record.not_before
}

/// 600 keys are three pages.
async fn many_keys(stores: &Stores) -> Vec<ApiKeyRecord> {
    let keys: Vec<_> = (0..600).map(|n| api_key(&format!("key-{n}"), "key-0")).collect();
    for key in &keys {
        stores.api_keys.save(key, Expect::Absent).await.unwrap();
    }
    keys
}

#[tokio::test]
async fn raising_the_floor_reads_every_page_and_resumes_after_a_fault() {
    let faulty = FaultyStores::new(MemoryStore::default().into());
    let stores = faulty.stores();
    let keys = many_keys(&stores).await;
    let (mfa, _clock) = mfa_at(&stores, NOW);
    faulty.fail(400, Fault::After);
    let failed = mfa.raise_floor().await;
    assert!(matches!(failed, Err(ApiKeyError::Store(StoreError::Unavailable { .. }))), "{failed:?}");
    // Two pages are listed by then, and 399 keys written.
    assert_eq!(mfa.raise_floor().await.unwrap().raised, 600 - 399);
    for key in &keys {
        assert_eq!(floor_of(&stores, &key.key).await, Some(NOW));
    }
}

/// A key that is made and joins a consumer after it was passed by, before that consumer's floor is raised.
#[tokio::test]
async fn a_key_that_joins_meanwhile_gets_the_floor() {
    let faulty = FaultyStores::new(MemoryStore::default().into());
    let stores = faulty.stores();
    let (mfa, _clock) = mfa_at(&stores, NOW);
    let old = fresh_key(&mfa).await;
    let first = mfa.authenticate(&old.0, &old.1).await.unwrap();
    let (setup, keys) = (mfa.clone(), stores.clone());
    // Call 0 lists the keys, call 1 raises the old one.
    faulty.meanwhile(1, async move {
        let pending = setup.create_api_key("jo@example.com").await.unwrap();
        first.activate_api_key(&pending, "jo@example.com").await.unwrap();
        assert_eq!(floor_of(&keys, &pending).await, None);
    });
    assert_eq!(mfa.raise_floor().await.unwrap().raised, 2);
    let page = stores.api_keys.page(None, 10).await.unwrap();
    assert_eq!(page.items.len(), 2);
    assert!(page.items.iter().all(|stored| stored.record.not_before == Some(NOW)));
}

/// Whichever call of a rotation the floor is raised before, both keys have it afterwards.
#[tokio::test]
async fn a_rotation_keeps_a_floor_that_is_raised_meanwhile() {
    let mut call = 0;
    loop {
        let inner = Stores::from(MemoryStore::default());
        let faulty = FaultyStores::new(inner.clone());
        let (mfa, _clock) = mfa_at(&faulty.stores(), NOW);
        let (old, new) = (fresh_key(&mfa).await, fresh_key(&mfa).await);
        let (operator, before) = (mfa_at(&inner, NOW).0, faulty.calls());
        faulty.meanwhile(call, async move { drop(operator.raise_floor().await.unwrap()) });
        let options = RotationOptions::default();
        assert!(mfa.rotate((&old.0, &old.1), (&new.0, &new.1), &options).await.unwrap().done);
        if faulty.calls() - before <= call {
            assert!(call > 10, "{call}");
            return;
        }
        for key in [&old, &new] {
            assert_eq!(floor_of(&inner, &key.0).await, Some(NOW), "call {call}");
        }
        call += 1;
    }
}

/// A consumer with a TOTP. Its codes have eight digits, so that two steps hardly ever share one.
struct Enrolled {
    stores: Stores,
    mfa: Mfa,
    clock: Arc<ManualClock>,
    key: Key,
    secret: SharedSecret,
    fresh: TotpRecord,
}

impl Enrolled {
    async fn new() -> Self {
        let stores = Stores::from(MemoryStore::default());
        let (mfa, clock) = mfa_at(&stores, NOW);
        let key = fresh_key(&mfa).await;
        let consumer = authenticate(&mfa, &key).await;
        let totp =
            consumer.totp().enroll(TotpOptions::new("Acme", "jo").digits(Digits::Eight)).await.unwrap();
        let key_bytes = data_encoding::BASE32_NOPAD.decode(totp.secret_base32.as_bytes()).unwrap();
        let secret = SharedSecret::from_key(SecretBytes::new(key_bytes));
        let secret = secret.with_parameters(HashAlgorithm::Sha1, Digits::Eight, 30);
        let fresh = stores.totp.get(consumer.id(), totp.id).await.unwrap().unwrap().record;
        Self { stores, mfa, clock, key, secret, fresh }
    }

    /// Whether the code of a step is accepted at `now` by a store that was restored to before its first use.
    async fn accepts(&self, step: u64, now: UnixTime, not_before: Option<UnixTime>) -> bool {
        let stored = self.stores.totp.get(&self.fresh.consumer, self.fresh.id).await.unwrap().unwrap();
        self.stores.totp.save(&self.fresh, Expect::At(stored.revision)).await.unwrap();
        let Stored { record, revision } = self.stores.api_keys.get(&self.key.0).await.unwrap().unwrap();
        let record = ApiKeyRecord { not_before, ..record };
        self.stores.api_keys.save(&record, Expect::At(revision)).await.unwrap();

        self.clock.set(now);
        let consumer = authenticate(&self.mfa, &self.key).await;
        let code = self.secret.code_at(TimeStep::from_stored(step)).expose_text();
        consumer.totp().verify(self.fresh.id, &code).await.is_ok()
    }
}

proptest! {
    /// A code that could have been used before the floor is refused from then on. Every other is accepted.
    #[test]
    fn steps_from_before_the_floor_are_never_accepted(
        used in 0..90_000_u64, until_floor in 1..120_000_u64, later in 0..120_000_u64, skew in 0..3_u64,
    ) {
        thread_local! {
            static RUNTIME: Runtime = Builder::new_current_thread().build().unwrap();
            static ENROLLED: Enrolled = RUNTIME.with(|runtime| runtime.block_on(Enrolled::new()));
        }
        let millis = |offset: u64| UnixTime::from_millis(NOW.as_millis() + offset);
        let (used, floor) = (millis(used), millis(used + until_floor));
        let now = floor.after(Duration::from_millis(later));
        let step_of = |time: UnixTime| TimeStep::at(time, 30).number() + skew - 1;
        RUNTIME.with(|runtime| ENROLLED.with(|enrolled| runtime.block_on(async {
            assert!(enrolled.accepts(step_of(used), used, None).await);
            assert!(!enrolled.accepts(step_of(used), now, Some(floor)).await);
            let accepted_from = UnixTime::from_secs((step_of(now) - 1) * 30);
            assert_eq!(enrolled.accepts(step_of(now), now, Some(floor)).await, accepted_from >= floor);
        })));
    }
}

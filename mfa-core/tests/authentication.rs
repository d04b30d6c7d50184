//! Who gets in, who does not, and what a failing store makes of it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, OnceLock};
use std::thread::ThreadId;

use argon2::password_hash::CustomizedPasswordHasher as _;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, Version};
use mfa_core::Mfa;
use mfa_core::api_key::{ApiKey, ApiKeyError, ApiSecret, Argon2Hasher, HashError, SecretHash, SecretHasher};
use mfa_core::clock::{Clock, UnixTime};
use mfa_core::envelope::Sealed;
use mfa_core::secret::SecretBytes;
use mfa_core::store::memory::MemoryStore;
use mfa_core::store::{ApiKeyState, Expect, StoreError, Stores};
use mfa_core::totp::{TotpError, TotpOptions};
use mfa_store_conformance::faults::{Fault, FaultyStores};
use mfa_store_conformance::races::{CountingHasher, code_at, mfa_at, new_consumer};

const EMAIL: &str = "dev@example.com";
const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

async fn activated(mfa: &Mfa) -> (ApiKey, ApiSecret) {
    let key = mfa.create_api_key(EMAIL).await.unwrap();
    let secret = mfa.activate_api_key(&key, EMAIL).await.unwrap();
    (key, secret)
}

/// R4, R7: unknown, pending, revoked and wrong are one answer, and each costs one check.
#[tokio::test]
async fn every_refusal_is_the_same_and_costs_a_check() {
    let hasher = Arc::new(CountingHasher::default());
    let mfa = Mfa::builder(MemoryStore::default()).hasher(Arc::clone(&hasher) as _).build();
    let (active, secret) = activated(&mfa).await;
    let (revoked, revoked_secret) = activated(&mfa).await;
    mfa.authenticate(&revoked, &revoked_secret).await.unwrap();
    mfa.revoke_api_key(&revoked).await.unwrap();
    let pending = mfa.create_api_key(EMAIL).await.unwrap();
    let unknown: ApiKey = "f11ddd1f3dfa92bfa4646fa64ea9fe982dc12c33".parse().unwrap();

    let attempts =
        [(&unknown, &secret), (&pending, &secret), (&revoked, &revoked_secret), (&active, &revoked_secret)];
    for (key, secret) in attempts {
        let before = hasher.verified.load(Ordering::SeqCst);
        let refused = mfa.authenticate(key, secret).await;
        assert!(matches!(refused, Err(ApiKeyError::Unauthorized)), "{refused:?}");
        assert_eq!(hasher.verified.load(Ordering::SeqCst), before + 1);
    }
    mfa.authenticate(&active, &secret).await.unwrap();
}

/// R6: a stranger who hammers a key waits; its owner, at another address or known already, does not.
#[tokio::test]
async fn failures_are_limited_per_source() {
    let hasher = Arc::new(CountingHasher::default());
    let mfa = Mfa::builder(MemoryStore::default()).hasher(Arc::clone(&hasher) as _).build();
    let (key, secret) = activated(&mfa).await;
    let (_, wrong) = activated(&mfa).await;
    let (stranger, owner) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
    for _ in 0..11 {
        let refused = mfa.authenticate_from(stranger, &key, &wrong).await;
        assert!(
            matches!(refused, Err(ApiKeyError::Unauthorized | ApiKeyError::Throttled { .. })),
            "{refused:?}"
        );
    }
    let hashes = hasher.verified.load(Ordering::SeqCst);
    let throttled = mfa.authenticate_from(stranger, &key, &wrong).await;
    assert!(matches!(throttled, Err(ApiKeyError::Throttled { .. })), "{throttled:?}");
    assert_eq!(hasher.verified.load(Ordering::SeqCst), hashes, "a throttled attempt costs no hash");

    mfa.authenticate_from(owner, &key, &secret).await.unwrap();
    mfa.authenticate_from(stranger, &key, &secret).await.unwrap();
}

/// R2.
#[tokio::test]
async fn activation_needs_the_e_mail_and_happens_once() {
    let mfa = Mfa::builder(MemoryStore::default()).build();
    let key = mfa.create_api_key(EMAIL).await.unwrap();
    for email in ["", "Dev@example.com", "other@example.com"] {
        let refused = mfa.activate_api_key(&key, email).await;
        assert!(matches!(refused, Err(ApiKeyError::NotFound)), "{email}: {refused:?}");
    }
    mfa.activate_api_key(&key, EMAIL).await.unwrap();
    let again = mfa.activate_api_key(&key, EMAIL).await;
    assert!(matches!(again, Err(ApiKeyError::AlreadyActivated)), "{again:?}");
    assert!(matches!(mfa.create_api_key(" ").await, Err(ApiKeyError::EmailRequired)));
}

/// Revoking erases what the secret opened, once and for good.
#[tokio::test]
async fn a_revoked_key_keeps_neither_hash_nor_keyring() {
    let stores = Stores::from(MemoryStore::default());
    let mfa = Mfa::builder(stores.clone()).build();
    let (key, secret) = activated(&mfa).await;
    mfa.revoke_api_key(&key).await.unwrap();
    mfa.revoke_api_key(&key).await.unwrap();
    let record = stores.api_keys.get(&key).await.unwrap().unwrap().record;
    assert!(matches!(record.state, ApiKeyState::Revoked { activated_at: Some(_), .. }), "{record:?}");
    let refused = mfa.activate_api_key(&key, EMAIL).await;
    assert!(matches!(refused, Err(ApiKeyError::AlreadyActivated)), "{refused:?}");
    assert!(mfa.authenticate(&key, &secret).await.is_err());
}

/// R3: hashes of both seeds verify; a damaged or absurdly costly one is an error, not a wait.
#[test]
fn hashes_of_the_seeds_verify_and_absurd_ones_do_not_run() {
    let check = |secret: &str, hash: &str| {
        let input = SecretBytes::new(secret.as_bytes().to_vec());
        Argon2Hasher::verify_blocking(&input, &SecretHash::from_stored(hash.to_owned()))
    };
    let abc = "$2y$10$Y.FlUK8q//DfybgFzNG2lONaJwvEFxHnCRo/r60BZbITDT6rOUhGa";
    assert_eq!(check("abc123", abc), Ok(true));
    assert_eq!(check("123abc", abc), Ok(false));
    assert_eq!(
        check(
            "11345678-1234-1234-1234-12345678",
            "$2a$10$8Bp9PqqfStjLvh1nQJ67JeY3CO/mEXmF1GKfe8Vk0kue1.i7fa2mC"
        ),
        Ok(true)
    );
    for hash in [
        "",
        "$2y$10$short",
        "$2y$31$Y.FlUK8q//DfybgFzNG2lONaJwvEFxHnCRo/r60BZbITDT6rOUhGa",
        "$2x$10$Y.FlUK8q//DfybgFzNG2lONaJwvEFxHnCRo/r60BZbITDT6rOUhGa",
        "$argon2id$v=19$m=4194304,t=2,p=1$c2FsdHNhbHRzYWx0$uUZRnDHfRTgkVDZ0mJbhdTVoJ1KNBfXBvYnXOnSqcXs",
        "$argon2i$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$uUZRnDHfRTgkVDZ0mJbhdTVoJ1KNBfXBvYnXOnSqcXs",
        "plain",
    ] {
        assert_eq!(check("abc123", hash), Err(HashError::Unreadable), "{hash}");
    }
}

/// R8: a keyring that was changed is damage, told apart from a wrong secret, and nothing is written.
#[tokio::test]
async fn a_tampered_keyring_opens_nothing() {
    let stores = Stores::from(MemoryStore::default());
    let mfa = Mfa::builder(stores.clone()).build();
    let (key, secret) = activated(&mfa).await;
    let stored = stores.api_keys.get(&key).await.unwrap().unwrap();
    let ApiKeyState::Active { activated_at, hash, keyring: Some(keyring) } = stored.record.state.clone()
    else {
        panic!()
    };
    let mut revision = stored.revision;
    for byte in 0..keyring.as_bytes().len() {
        let mut bytes = keyring.as_bytes().to_vec();
        bytes[byte] ^= 0x10;
        let mut tampered = stored.record.clone();
        let keyring = Some(Sealed::from_stored(bytes));
        tampered.state = ApiKeyState::Active { activated_at, hash: hash.clone(), keyring };
        revision = stores.api_keys.save(&tampered, Expect::At(revision)).await.unwrap();
        let refused = mfa.authenticate(&key, &secret).await;
        assert!(matches!(refused, Err(ApiKeyError::Damaged(_))), "{refused:?}");
        assert_eq!(stores.api_keys.get(&key).await.unwrap().unwrap().revision, revision);
    }
}

/// R45, R54: whichever store call fails, before or after its commit, the caller hears of the store and not of
/// a wrong code or secret, a code is never accepted twice, and the next attempt works.
#[tokio::test]
async fn a_failing_store_never_looks_like_a_refusal() {
    for fault in [Fault::Before, Fault::After] {
        for call in 0..3 {
            let inner = Stores::from(MemoryStore::default());
            let faulty = FaultyStores::new(inner.clone());
            let (mfa, clock) = mfa_at(&faulty.stores(), NOW);
            let (key, secret) = activated(&mfa).await;
            let consumer = mfa.authenticate(&key, &secret).await.unwrap();
            let totp = consumer.totp().enroll(TotpOptions::new("Acme", "jo")).await.unwrap();
            let code = code_at(&totp.secret_base32, NOW);

            // Key, record, save: the three calls of a validation.
            let before = faulty.calls();
            faulty.fail(call, fault);
            let outcome = match mfa.authenticate(&key, &secret).await {
                Ok(consumer) => consumer.totp().verify(totp.id, &code).await,
                Err(ApiKeyError::Store(error)) => Err(error.into()),
                Err(error) => panic!("{fault:?} {call}: {error:?}"),
            };
            let unavailable = matches!(outcome, Err(TotpError::Store(StoreError::Unavailable { .. })));
            assert!(unavailable, "{fault:?} {call}: {outcome:?}");
            assert_eq!(faulty.calls() - before, call + 1, "nothing follows a failed call");

            let retried = mfa.authenticate(&key, &secret).await.unwrap().totp().verify(totp.id, &code).await;
            let committed = (call, fault) == (2, Fault::After);
            assert_eq!(retried.is_ok(), !committed, "{fault:?} {call}: {retried:?}");
            let later = NOW.after(std::time::Duration::from_secs(60));
            clock.set(later);
            consumer.totp().verify(totp.id, &code_at(&totp.secret_base32, later)).await.unwrap();
        }
    }
}

/// An activation whose answer was lost hands out no second secret.
#[tokio::test]
async fn an_ambiguous_activation_is_not_repeated() {
    let faulty = FaultyStores::new(MemoryStore::default().into());
    let mfa = Mfa::builder(faulty.stores()).build();
    let key = mfa.create_api_key(EMAIL).await.unwrap();
    faulty.fail(1, Fault::After);
    assert!(matches!(mfa.activate_api_key(&key, EMAIL).await, Err(ApiKeyError::Store(_))));
    assert!(matches!(mfa.activate_api_key(&key, EMAIL).await, Err(ApiKeyError::AlreadyActivated)));
}

/// A warm validation is three store calls: the key, the record, the conditional save.
#[tokio::test]
async fn a_validation_makes_three_store_calls() {
    let faulty = FaultyStores::new(MemoryStore::default().into());
    let (mfa, _) = mfa_at(&faulty.stores(), NOW);
    let (key, secret) = activated(&mfa).await;
    let totp = mfa
        .authenticate(&key, &secret)
        .await
        .unwrap()
        .totp()
        .enroll(TotpOptions::new("A", "b"))
        .await
        .unwrap();
    let before = faulty.calls();
    let consumer = mfa.authenticate(&key, &secret).await.unwrap();
    consumer.totp().verify(totp.id, &code_at(&totp.secret_base32, NOW)).await.unwrap();
    assert_eq!(faulty.calls() - before, 3);
}

/// R1: what the store holds after activation says nothing of the secret, in any spelling.
#[tokio::test]
async fn the_secret_is_nowhere_in_the_store() {
    let stores = Stores::from(MemoryStore::default());
    let mfa = Mfa::builder(stores.clone()).build();
    let consumer = new_consumer(&mfa).await;
    let (key, secret) = activated(&mfa).await;
    consumer.totp().enroll(TotpOptions::new("Acme", "jo")).await.unwrap();
    let record = stores.api_keys.get(&key).await.unwrap().unwrap().record;
    let ApiKeyState::Active { hash, keyring: Some(keyring), .. } = &record.state else { panic!() };
    let raw = data_encoding::BASE64.decode(secret.expose_text().as_bytes()).unwrap();
    let contains = |haystack: &[u8], needle: &[u8]| haystack.windows(needle.len()).any(|part| part == needle);
    for needle in [secret.expose_text().as_bytes(), &raw, data_encoding::HEXLOWER.encode(&raw).as_bytes()] {
        assert!(!contains(hash.as_str().as_bytes(), needle) && !contains(keyring.as_bytes(), needle));
    }
    assert!(!format!("{record:?} {mfa:?} {consumer:?} {secret:?}").contains(secret.expose_text()));
}

/// Stops one thread at its third look at the clock: after it missed the memory, before it joins a check.
#[derive(Debug)]
struct Pause {
    thread: OnceLock<ThreadId>,
    looks: AtomicUsize,
    reached: Barrier,
    go: Barrier,
}

impl Clock for Pause {
    fn now(&self) -> UnixTime {
        let stops = self.thread.get() == Some(&std::thread::current().id());
        if stops && self.looks.fetch_add(1, Ordering::SeqCst) == 2 {
            self.reached.wait();
            self.go.wait();
        }
        NOW
    }
}

/// T9: a first call that finds nothing remembered, and then no check under way since the one there was has just
/// landed, does not run another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_that_landed_meanwhile_is_not_run_again() {
    let store = MemoryStore::default();
    let (key, secret) = activated(&Mfa::builder(store.clone()).build()).await;
    let pause = Arc::new(Pause {
        thread: OnceLock::new(),
        looks: AtomicUsize::new(0),
        reached: Barrier::new(2),
        go: Barrier::new(2),
    });
    let hasher = Arc::new(CountingHasher::default());
    let builder = Mfa::builder(store).clock(Arc::clone(&pause) as _);
    let mfa = builder.hasher(Arc::clone(&hasher) as _).build();

    let (late, late_key, late_secret) = (mfa.clone(), key.clone(), secret.expose_text().to_owned());
    let thread_of = Arc::clone(&pause);
    let late = std::thread::spawn(move || {
        thread_of.thread.set(std::thread::current().id()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async { late.authenticate(&late_key, &late_secret.parse().unwrap()).await.is_ok() })
    });
    pause.reached.wait();
    mfa.authenticate(&key, &secret).await.unwrap();
    pause.go.wait();
    assert!(late.join().unwrap());
    assert_eq!(hasher.verified.load(Ordering::SeqCst), 1);
}

/// Hashes under parameters that are not this version's.
#[derive(Debug)]
struct FormerHasher;

#[async_trait::async_trait]
impl SecretHasher for FormerHasher {
    async fn hash(&self, input: SecretBytes, salt: [u8; 16]) -> Result<SecretHash, HashError> {
        let former = Params::new(64, 1, 1, None).unwrap();
        let hash: PasswordHash = Argon2::new(Algorithm::Argon2id, Version::V0x13, former.clone())
            .hash_password_customized(input.expose(), &salt, None, None, former)
            .unwrap();
        Ok(SecretHash::from_stored(hash.to_string()))
    }

    async fn verify(&self, input: SecretBytes, hash: SecretHash) -> Result<bool, HashError> {
        Argon2Hasher::verify_blocking(&input, &hash)
    }
}

/// A hash made under former parameters is replaced at the next success, and at no failure.
#[tokio::test]
async fn a_hash_of_former_parameters_is_replaced() {
    let stores = Stores::from(MemoryStore::default());
    let (key, secret) = activated(&Mfa::builder(stores.clone()).hasher(Arc::new(FormerHasher)).build()).await;
    let mfa = Mfa::builder(stores.clone()).build();
    let hash =
        async || stores.api_keys.get(&key).await.unwrap().unwrap().record.state.hash().unwrap().clone();
    let former = hash().await;
    assert!(former.as_str().contains("$m=64,"), "{}", former.as_str());

    let guess: ApiSecret = "0123456789abcdef0123456789abcdef".parse().unwrap();
    assert!(mfa.authenticate(&key, &guess).await.is_err());
    assert_eq!(hash().await, former);
    mfa.authenticate(&key, &secret).await.unwrap();
    assert!(hash().await.as_str().contains("$m=19456,t=2,p=1$"));
    mfa.authenticate(&key, &secret).await.unwrap();
    assert!(Mfa::builder(stores.clone()).build().authenticate(&key, &secret).await.is_ok());
}

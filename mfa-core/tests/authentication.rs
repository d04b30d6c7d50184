//! Who authenticates, who does not, and what happens if the store fails.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use argon2::password_hash::CustomizedPasswordHasher as _;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, Version};
use mfa_core::api_key::{ApiKey, ApiKeyError, ApiSecret, Argon2Hasher, HashError, SecretHash, SecretHasher};
use mfa_core::clock::{Clock as _, ManualClock, UnixTime};
use mfa_core::envelope::{Keyring, Sealed};
use mfa_core::secret::SecretBytes;
use mfa_core::store::memory::MemoryStore;
use mfa_core::store::{ApiKeyRecord, ApiKeyState, Expect, StoreError, Stores};
use mfa_core::totp::{TotpError, TotpOptions};
use mfa_core::{ConsumerId, Mfa};
use mfa_store_conformance::kit::faults::{Fault, FaultyStores};
use mfa_store_conformance::kit::service::{CountingHasher, code_at, mfa_at, new_consumer};

const EMAIL: &str = "dev@example.com";
const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

async fn activated(mfa: &Mfa) -> (ApiKey, ApiSecret) {
    let key = mfa.create_api_key(EMAIL).await.unwrap();
    let secret = mfa.activate_api_key(&key, EMAIL).await.unwrap();
    (key, secret)
}

/// R4, R7: unknown, pending and revoked keys and wrong secrets get one answer, and none costs a hash.
#[tokio::test]
async fn every_refusal_is_the_same_and_costs_no_hash() {
    let hasher = Arc::new(CountingHasher::default());
    let mfa = Mfa::builder(MemoryStore::default()).hasher(Arc::clone(&hasher) as _).build();
    let (active, secret) = activated(&mfa).await;
    let (revoked, revoked_secret) = activated(&mfa).await;
    mfa.authenticate(&revoked, &revoked_secret).await.unwrap();
    mfa.revoke_api_key(&revoked).await.unwrap();
    let pending = mfa.create_api_key(EMAIL).await.unwrap();
    let unknown: ApiKey = "f11ddd1f3dfa92bfa4646fa64ea9fe982dc12c33".parse().unwrap();
    let text: ApiSecret = "11345678-1234-1234-1234-12345678".parse().unwrap();

    let before = hasher.verified.load(Ordering::SeqCst);
    let keys =
        [(&unknown, &secret), (&pending, &secret), (&revoked, &revoked_secret), (&active, &revoked_secret)];
    for (key, secret) in keys.into_iter().chain([(&active, &text)]) {
        let refused = mfa.authenticate(key, secret).await;
        assert!(matches!(refused, Err(ApiKeyError::Unauthorized)), "{refused:?}");
    }
    assert_eq!(hasher.verified.load(Ordering::SeqCst), before);
    mfa.authenticate(&active, &secret).await.unwrap();
    assert_eq!(hasher.verified.load(Ordering::SeqCst), before + 1);
}

/// R6: wrong secrets from one source are throttled; the owner gets in, from there too, and with a cold memory.
#[tokio::test]
async fn failures_are_limited_per_source_and_never_keep_the_owner_out() {
    let hasher = Arc::new(CountingHasher::default());
    let clock = Arc::new(ManualClock::at(NOW));
    let builder = Mfa::builder(MemoryStore::default()).clock(clock);
    let mfa = builder.hasher(Arc::clone(&hasher) as _).build();
    let (key, secret) = activated(&mfa).await;
    let (_, wrong) = activated(&mfa).await;
    let unknown: ApiKey = "f11ddd1f3dfa92bfa4646fa64ea9fe982dc12c33".parse().unwrap();
    let (stranger, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
    for key in [&key, &unknown] {
        for attempt in 0..20 {
            let refused = mfa.authenticate_from(stranger, key, &wrong).await;
            let throttled = matches!(refused, Err(ApiKeyError::Throttled { .. }));
            assert_eq!(throttled, attempt >= 10, "attempt {attempt}: {refused:?}");
        }
        let refused = mfa.authenticate_from(other, key, &wrong).await;
        assert!(matches!(refused, Err(ApiKeyError::Unauthorized)), "{refused:?}");
    }
    assert_eq!(hasher.verified.load(Ordering::SeqCst), 0, "a wrong secret costs no hash");
    mfa.authenticate_from(stranger, &key, &secret).await.unwrap();
}

/// The last use of a key whose secret stays remembered is right to the hour, and costs one save an hour.
#[tokio::test]
async fn the_last_use_of_a_busy_key_is_right_to_the_hour() {
    let stores = Stores::from(MemoryStore::default());
    let (mfa, clock) = mfa_at(&stores, NOW);
    let (key, secret) = activated(&mfa).await;
    let mut uses = Vec::new();
    for _ in 0..144 {
        mfa.authenticate(&key, &secret).await.unwrap();
        let last = stores.api_keys.get(&key).await.unwrap().unwrap().record.last_used_at.unwrap();
        assert!(clock.now().since(last) < Duration::from_secs(3600));
        uses.push(last);
        clock.advance(Duration::from_secs(600));
    }
    uses.dedup();
    assert_eq!(uses.len(), 24);
}

/// Stores that hold one active key without a check tag, as a predecessor or an older version left it.
async fn untagged(key: &ApiKey, hash: SecretHash, keyring: Option<Sealed<Keyring>>) -> Stores {
    let stores = Stores::from(MemoryStore::default());
    let record = ApiKeyRecord {
        key: key.clone(),
        consumer: ConsumerId::of_first_key(key),
        email: EMAIL.to_owned(),
        created_at: NOW,
        expires_at: None,
        last_used_at: None,
        not_before: None,
        rotation: None,
        state: ApiKeyState::Active { activated_at: NOW, hash, check_tag: None, keyring },
    };
    stores.api_keys.save(&record, Expect::Absent).await.unwrap();
    stores
}

/// A row that was made before there were tags gets its tag at the first success, and at no failure.
#[tokio::test]
async fn an_untagged_row_gets_its_tag_at_the_next_success() {
    let origin = Stores::from(MemoryStore::default());
    let (key, secret) = activated(&Mfa::builder(origin.clone()).build()).await;
    let tagged = origin.api_keys.get(&key).await.unwrap().unwrap().record;
    let (hash, keyring) = (tagged.state.hash().unwrap().clone(), tagged.state.keyring().cloned());
    let stores = untagged(&key, hash, keyring).await;
    let tag = async || stores.api_keys.get(&key).await.unwrap().unwrap().record.state.check_tag();

    let hasher = Arc::new(CountingHasher::default());
    let mfa = Mfa::builder(stores.clone()).hasher(Arc::clone(&hasher) as _).build();
    let wrong: ApiSecret = "11345678-1234-1234-1234-12345678".parse().unwrap();
    mfa.authenticate(&key, &wrong).await.unwrap_err();
    assert_eq!((tag().await, hasher.verified.load(Ordering::SeqCst)), (None, 1));
    mfa.authenticate(&key, &secret).await.unwrap();
    assert_eq!(tag().await, tagged.state.check_tag());
    mfa.authenticate(&key, &wrong).await.unwrap_err();
    assert_eq!(hasher.verified.load(Ordering::SeqCst), 2);
}

/// A key without a tag costs a hash for each wrong secret, so its checks are paced for all addresses
/// together.
#[tokio::test]
async fn checks_of_an_untagged_key_are_paced() {
    let key: ApiKey = "f11ddd1f3dfa92bfa4646fa64ea9fe982dc12c33".parse().unwrap();
    let secret: ApiSecret = "11345678-1234-1234-1234-12345678".parse().unwrap();
    let hash =
        SecretHash::from_stored("$2a$10$8Bp9PqqfStjLvh1nQJ67JeY3CO/mEXmF1GKfe8Vk0kue1.i7fa2mC".to_owned());
    let (mfa, clock) = mfa_at(&untagged(&key, hash, None).await, NOW);

    for guess in 0..24 {
        let wrong: ApiSecret = format!("{guess:032}").parse().unwrap();
        let refused = mfa.authenticate_from(IpAddr::from([192, 0, 2, guess]), &key, &wrong).await;
        let paced =
            matches!(refused, Err(ApiKeyError::Throttled { retry_after }) if retry_after.as_secs() == 1);
        assert_eq!(paced, guess >= 20, "guess {guess}: {refused:?}");
    }
    let owner = IpAddr::from([198, 51, 100, 1]);
    assert!(matches!(mfa.authenticate_from(owner, &key, &secret).await, Err(ApiKeyError::Throttled { .. })));
    clock.advance(Duration::from_secs(1));
    mfa.authenticate_from(owner, &key, &secret).await.unwrap();
    // The memory knows the secret now, however many guesses are made.
    mfa.authenticate_from(owner, &key, &secret).await.unwrap();
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

/// R3: hashes of both predecessors verify; a damaged or absurdly costly one is an error, not a wait.
#[test]
fn hashes_of_the_predecessors_verify_and_absurd_ones_do_not_run() {
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
    let ApiKeyState::Active { activated_at, hash, check_tag, keyring: Some(keyring) } =
        stored.record.state.clone()
    else {
        panic!()
    };
    let mut revision = stored.revision;
    for byte in 0..keyring.as_bytes().len() {
        let mut bytes = keyring.as_bytes().to_vec();
        bytes[byte] ^= 0x10;
        let mut tampered = stored.record.clone();
        let keyring = Some(Sealed::from_stored(bytes));
        tampered.state = ApiKeyState::Active { activated_at, hash: hash.clone(), check_tag, keyring };
        revision = stores.api_keys.save(&tampered, Expect::At(revision)).await.unwrap();
        let refused = mfa.authenticate(&key, &secret).await;
        assert!(matches!(refused, Err(ApiKeyError::Damaged(_))), "{refused:?}");
        assert_eq!(stores.api_keys.get(&key).await.unwrap().unwrap().revision, revision);
    }
}

/// R45, R54: whichever store call fails, before or after its commit, the error names the store and not a
/// wrong code or secret. A code is never accepted twice, and the next attempt works.
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
            let later = NOW.after(Duration::from_secs(60));
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

/// R1: after activation, the store holds the secret in no spelling.
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

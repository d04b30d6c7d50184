//! The races that matter, on the whole service.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mfa_core::Mfa;
use mfa_core::api_key::ApiKeyError;
use mfa_core::clock::UnixTime;
use mfa_core::store::Stores;
use mfa_core::totp::{TotpError, TotpOptions};

use crate::kit::sample::at_once;
use crate::kit::service::{CountingHasher, code_at, mfa_at, new_consumer};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

/// R2: of 64 parallel activations one gets a secret, and it works. Half run in a second service.
pub async fn one_of_many_activations_gets_the_secret(stores: &Stores) {
    // 64 concurrent hashes would block a runtime and its connections for seconds.
    let service = || Mfa::builder(stores.clone()).hasher(Arc::new(CountingHasher::default())).build();
    let services = [service(), service()];
    let key = services[0].create_api_key("dev@example.com").await.unwrap();

    let outcomes = at_once((0..64).map(|n| {
        let (mfa, key) = (services[n % 2].clone(), key.clone());
        async move { mfa.activate_api_key(&key, "dev@example.com").await }
    }))
    .await;

    let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    assert!(lost.iter().all(|lost| matches!(lost, Err(ApiKeyError::AlreadyActivated))), "{lost:?}");
    let secret = won[0].as_ref().unwrap();
    assert!(services[0].authenticate(&key, secret).await.is_ok());
    assert!(services[1].authenticate(&key, secret).await.is_ok());
}

/// R21: of 32 parallel uses of one code, in two services on one store, one is accepted.
pub async fn a_code_is_accepted_once(stores: &Stores) {
    let services = [mfa_at(stores, NOW).0, mfa_at(stores, NOW).0];
    let key = services[0].create_api_key("dev@example.com").await.unwrap();
    let secret = Arc::new(services[0].activate_api_key(&key, "dev@example.com").await.unwrap());
    let consumer = services[0].authenticate(&key, &secret).await.unwrap();
    let enrolled = consumer.totp().enroll(TotpOptions::new("Acme", "jo")).await.unwrap();
    let code = code_at(&enrolled.secret_base32, NOW);

    let outcomes = at_once((0..32).map(|n| {
        let (mfa, key, secret) = (services[n % 2].clone(), key.clone(), Arc::clone(&secret));
        let (id, code) = (enrolled.id, code.clone());
        async move { mfa.authenticate(&key, &secret).await.unwrap().totp().verify(id, &code).await }
    }))
    .await;

    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    let refused = |outcome: &Result<(), _>| {
        matches!(outcome, Ok(()) | Err(TotpError::NotAccepted | TotpError::Throttled { .. }))
    };
    assert!(outcomes.iter().all(refused), "{outcomes:?}");
}

/// R22: of 64 parallel guesses, only as many are judged as the count allows, and each of them is counted.
pub async fn no_parallel_guess_goes_uncounted(stores: &Stores) {
    let (mfa, clock) = mfa_at(stores, NOW);
    let consumer = Arc::new(new_consumer(&mfa).await);
    let enrolled = consumer.totp().enroll(TotpOptions::new("Acme", "jo")).await.unwrap();
    let right = code_at(&enrolled.secret_base32, NOW);
    let wrong = if right == "000000" { "000001" } else { "000000" };

    let outcomes = at_once((0..64).map(|_| {
        let (consumer, id) = (Arc::clone(&consumer), enrolled.id);
        async move { consumer.totp().verify(id, wrong).await }
    }))
    .await;

    let judged = outcomes.iter().filter(|outcome| matches!(outcome, Err(TotpError::NotAccepted))).count();
    let throttled = outcomes.iter().filter(|outcome| matches!(outcome, Err(TotpError::Throttled { .. })));
    assert_eq!((judged, throttled.count()), (5, 59), "{outcomes:?}");
    assert_eq!(consumer.totp().status(enrolled.id).await.unwrap().failures, 5);

    // Even the right code must wait. Then it clears the failures.
    let early = consumer.totp().verify(enrolled.id, &right).await;
    assert!(matches!(early, Err(TotpError::Throttled { .. })), "{early:?}");
    clock.advance(Duration::from_secs(1));
    consumer.totp().verify(enrolled.id, &right).await.unwrap();
    assert_eq!(consumer.totp().status(enrolled.id).await.unwrap().failures, 0);
}

/// T9: 64 concurrent first calls of one key run one password hash, and a later call runs none.
pub async fn first_calls_share_one_hash(stores: &Stores) {
    let setup = Mfa::builder(stores.clone()).build();
    let key = setup.create_api_key("dev@example.com").await.unwrap();
    let secret = Arc::new(setup.activate_api_key(&key, "dev@example.com").await.unwrap());

    let hasher = Arc::new(CountingHasher::default());
    let mfa = Mfa::builder(stores.clone()).hasher(Arc::clone(&hasher) as _).build();
    let outcomes = at_once((0..64).map(|_| {
        let (mfa, key, secret) = (mfa.clone(), key.clone(), Arc::clone(&secret));
        async move { mfa.authenticate(&key, &secret).await.is_ok() }
    }))
    .await;

    assert!(outcomes.iter().all(|authenticated| *authenticated));
    mfa.authenticate(&key, &secret).await.unwrap();
    assert_eq!(hasher.verified.load(Ordering::SeqCst), 1);
    assert_eq!(hasher.hashed.load(Ordering::SeqCst), 0);
}

/// R16: when verifying races with deleting, the record does not come back.
pub async fn a_deleted_totp_stays_deleted(stores: &Stores) {
    let (mfa, _clock) = mfa_at(stores, NOW);
    let consumer = Arc::new(new_consumer(&mfa).await);
    for _ in 0..8 {
        let enrolled = consumer.totp().enroll(TotpOptions::new("Acme", "jo")).await.unwrap();
        let code = code_at(&enrolled.secret_base32, NOW);
        let (verifier, deleter, id) = (Arc::clone(&consumer), Arc::clone(&consumer), enrolled.id);
        let verifying = tokio::spawn(async move { verifier.totp().verify(id, &code).await });
        let deleting = tokio::spawn(async move { deleter.totp().delete(id).await });

        let verified = verifying.await.unwrap();
        assert!(matches!(verified, Ok(()) | Err(TotpError::NotAccepted)), "{verified:?}");
        deleting.await.unwrap().unwrap();
        let gone = consumer.totp().status(id).await;
        assert!(matches!(gone, Err(TotpError::NotFound)), "{gone:?}");
    }
}

//! R16: in every order of a rotation's steps and live calls, everything opens afterwards under exactly its
//! consumer's keys.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, mpsc};

use mfa_core::api_key::{ApiKeyError, HashError, SecretHash, SecretHasher};
use mfa_core::clock::{ManualClock, UnixTime};
use mfa_core::rotation::{RotationError, RotationOptions};
use mfa_core::secret::SecretBytes;
use mfa_core::store::memory::MemoryStore;
use mfa_core::store::{Expect, Stored, Stores};
use mfa_core::totp::{TotpError, TotpOptions};
use mfa_core::webauthn::WebauthnError;
use mfa_core::{ConsumerId, Mfa};
use mfa_store_conformance::kit::authenticator::SoftAuthenticator;
use mfa_store_conformance::kit::factors::{Factors, Key, data_keys, fresh_key, login, register};
use mfa_store_conformance::kit::faults::FaultyStores;
use mfa_store_conformance::kit::service::code_at;
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

/// A fast hasher, because hundreds of services authenticate here.
#[derive(Debug)]
struct FastHasher;

#[async_trait::async_trait]
impl SecretHasher for FastHasher {
    async fn hash(&self, input: SecretBytes, _: [u8; 16]) -> Result<SecretHash, HashError> {
        Ok(SecretHash::from_stored(data_encoding::HEXLOWER.encode(&Sha256::digest(input.expose()))))
    }

    async fn verify(&self, input: SecretBytes, hash: SecretHash) -> Result<bool, HashError> {
        Ok(hash == self.hash(input, [0; 16]).await?)
    }
}

fn mfa(stores: Stores) -> Mfa {
    let clock = Arc::new(ManualClock::at(NOW));
    Mfa::builder(stores).clock(clock).hasher(Arc::new(FastHasher)).build()
}

/// Runs a rotation and one of each kind of call at once, each storage call delayed as the script says.
async fn interleave(old: &Key, new: &Key, stores: &Stores, script: u64) {
    let (setup, scripted) = (mfa(stores.clone()), FaultyStores::new(stores.clone()));
    let consumer = setup.authenticate(&old.0, &old.1).await.unwrap();
    let mut factors = Factors::enroll(&consumer, 4, 2).await;
    let before = data_keys(stores, consumer.id()).await;
    scripted.interleave(script);
    // Each call in a service of its own, as in several processes.
    let service = || mfa(scripted.stores());

    let rotating = {
        let (mfa, old, new) = (service(), old.clone(), new.clone());
        async move {
            let options = RotationOptions { batch: 2, ..RotationOptions::default() };
            mfa.rotate((&old.0, &old.1), (&new.0, &new.1), &options).await.unwrap()
        }
    };
    let enrolling = {
        let (mfa, old) = (service(), old.clone());
        async move {
            let consumer = mfa.authenticate(&old.0, &old.1).await.unwrap();
            let enrolled = consumer.totp().enroll(TotpOptions::new("Acme", "jo")).await.unwrap();
            (enrolled.id, code_at(&enrolled.secret_base32, NOW))
        }
    };
    let verifying = {
        let (mfa, old, (id, code)) = (service(), old.clone(), factors.totp.pop().unwrap());
        async move {
            let consumer = mfa.authenticate(&old.0, &old.1).await.unwrap();
            consumer.totp().verify(id, &code).await.unwrap();
            let again = consumer.totp().verify(id, &code).await;
            assert!(matches!(again, Err(TotpError::NotAccepted)), "{again:?}");
        }
    };
    let deleting = {
        let (mfa, old, (id, _)) = (service(), old.clone(), factors.totp.pop().unwrap());
        async move {
            let consumer = mfa.authenticate(&old.0, &old.1).await.unwrap();
            consumer.totp().delete(id).await.unwrap();
            let gone = consumer.totp().status(id).await;
            assert!(matches!(gone, Err(TotpError::NotFound)), "{gone:?}");
        }
    };
    let registering = {
        let (mfa, old, mut authenticator) = (service(), old.clone(), SoftAuthenticator::new(-7));
        async move {
            let consumer = mfa.authenticate(&old.0, &old.1).await.unwrap();
            let user = finished(register(&consumer, &authenticator).await)?;
            authenticator.counter = 2;
            Some((user, authenticator))
        }
    };
    let logging_in = {
        let (mfa, old) = (service(), old.clone());
        let (user, mut authenticator) = factors.users.pop().unwrap();
        async move {
            let consumer = mfa.authenticate(&old.0, &old.1).await.unwrap();
            finished(login(&consumer, user, &mut authenticator).await);
            (user, authenticator)
        }
    };
    let (report, enrolled, (), (), registered, logged_in) =
        tokio::join!(rotating, enrolling, verifying, deleting, registering, logging_in);
    assert!(report.done, "{report:?}");
    factors.totp.push(enrolled);
    factors.users.extend(registered);
    factors.users.push(logged_in);

    // Everything is under the one fresh data key: the new key opens it, and the old one while it lasts.
    let ids = data_keys(stores, consumer.id()).await;
    assert!(ids.len() == 1 && !before.contains(&ids[0]), "{before:?} {ids:?}");
    let by_old = setup.authenticate(&old.0, &old.1).await.unwrap();
    for (user, authenticator) in &mut factors.users {
        login(&by_old, *user, authenticator).await.unwrap();
    }
    setup.revoke_api_key(&old.0).await.unwrap();
    factors.work(&setup.authenticate(&new.0, &new.1).await.unwrap()).await;
}

/// A ceremony that a rotation overtook is over; nothing else may go wrong.
fn finished<T>(outcome: Result<T, WebauthnError>) -> Option<T> {
    match outcome {
        Ok(outcome) => Some(outcome),
        Err(WebauthnError::Refused(mfa_core::webauthn::Refusal::Challenge)) => None,
        Err(other) => unreachable!("{other:?}"),
    }
}

/// A batch size of zero counts as one, not as the end of the pass.
#[tokio::test]
async fn a_batch_of_nothing_rotates_everything() {
    let stores = Stores::from(MemoryStore::default());
    let mfa = mfa(stores.clone());
    let (old, new) = (fresh_key(&mfa).await, fresh_key(&mfa).await);
    let mut factors = Factors::enroll(&mfa.authenticate(&old.0, &old.1).await.unwrap(), 3, 1).await;
    let options = RotationOptions { batch: 0, ..RotationOptions::default() };
    let report = mfa.rotate((&old.0, &old.1), (&new.0, &new.1), &options).await.unwrap();
    assert!(report.done && report.totp_complete == 3, "{report:?}");
    factors.work(&mfa.authenticate(&new.0, &new.1).await.unwrap()).await;
}

/// A new key that expires during the rotation does not cost the consumer its last working key.
#[tokio::test]
async fn the_old_key_stays_if_the_new_one_has_ended() {
    let clock = Arc::new(ManualClock::at(NOW));
    let mfa = Mfa::builder(MemoryStore::default()).clock(Arc::clone(&clock) as _).build();
    let old = fresh_key(&mfa).await;
    let end = NOW.after(std::time::Duration::from_secs(10));
    let key = mfa.create_expiring_api_key("dev@example.com", Some(end)).await.unwrap();
    let secret = mfa.activate_api_key(&key, "dev@example.com").await.unwrap();
    let mut factors = Factors::enroll(&mfa.authenticate(&old.0, &old.1).await.unwrap(), 2, 0).await;
    let pass = |_| clock.advance(std::time::Duration::from_secs(6));
    let options = RotationOptions { revoke_old: true, progress: Some(&pass), ..RotationOptions::default() };
    let refused = mfa.rotate((&old.0, &old.1), (&key, &secret), &options).await;
    assert!(matches!(refused, Err(RotationError::New(ApiKeyError::Unauthorized))), "{refused:?}");
    let consumer = mfa.authenticate(&old.0, &old.1).await.unwrap();
    for (id, _) in factors.totp.drain(..) {
        consumer.totp().status(id).await.unwrap();
    }
}

/// A key in a state that a later version set may be used again, so it must keep opening its consumer's records.
#[tokio::test]
async fn a_third_key_in_an_unknown_state_is_not_left_behind() {
    let stores = Stores::from(MemoryStore::default());
    let mfa = mfa(stores.clone());
    let (old, new) = (fresh_key(&mfa).await, fresh_key(&mfa).await);
    let third = mfa.create_api_key("dev@example.com").await.unwrap();
    let consumer = mfa.authenticate(&old.0, &old.1).await.unwrap();
    consumer.activate_api_key(&third, "dev@example.com").await.unwrap();
    let Stored { mut record, revision } = stores.api_keys.get(&third).await.unwrap().unwrap();
    record.state = record.state.named(Some("suspended".to_owned()));
    stores.api_keys.save(&record, Expect::At(revision)).await.unwrap();

    let refused = mfa.rotate((&old.0, &old.1), (&new.0, &new.1), &RotationOptions::default()).await;
    assert!(matches!(refused, Err(RotationError::ThirdKey(_))), "{refused:?}");
    mfa.revoke_api_key(&third).await.unwrap();
    mfa.rotate((&old.0, &old.1), (&new.0, &new.1), &RotationOptions::default()).await.unwrap();
}

/// The new key may be used at any time while it joins. Then it returns to its own consumer, or brings its
/// records along. It opens them in both cases.
#[tokio::test]
async fn what_a_new_key_enrols_meanwhile_stays_within_its_reach() {
    let mut refused = 0;
    for n in 0.. {
        let stores = Stores::from(MemoryStore::default());
        let (setup, faulty) = (mfa(stores.clone()), FaultyStores::new(stores));
        let (old, new) = (fresh_key(&setup).await, fresh_key(&setup).await);
        let (other, key, (tell, told)) = (setup.clone(), new.clone(), mpsc::channel());
        faulty.meanwhile(n, async move {
            let consumer = other.authenticate(&key.0, &key.1).await.unwrap();
            tell.send(consumer.totp().enroll(TotpOptions::new("Acme", "jo")).await.unwrap()).unwrap();
        });
        let service = mfa(faulty.stores());
        let outcome = service.rotate((&old.0, &old.1), (&new.0, &new.1), &RotationOptions::default()).await;
        let Ok(enrolled) = told.try_recv() else { break };
        let consumer = setup.authenticate(&new.0, &new.1).await.unwrap();
        consumer.totp().verify(enrolled.id, &code_at(&enrolled.secret_base32, NOW)).await.unwrap();
        if let Err(error) = outcome {
            assert!(matches!(error, RotationError::NewKeyInUse), "{n}: {error:?}");
            assert_eq!(*consumer.id(), ConsumerId::of_first_key(&new.0), "{n}");
            refused += 1;
        }
    }
    assert!(refused > 0);
}

/// A pass stops when its time is up. The counters show what remains, and the next call continues.
#[tokio::test]
async fn a_pass_that_is_stopped_says_what_is_left() {
    let clock = Arc::new(ManualClock::at(NOW));
    let stores = Stores::from(MemoryStore::default());
    let mfa = Mfa::builder(stores).clock(Arc::clone(&clock) as _).build();
    let (old, new) = (fresh_key(&mfa).await, fresh_key(&mfa).await);
    let mut factors = Factors::enroll(&mfa.authenticate(&old.0, &old.1).await.unwrap(), 10, 2).await;
    let second = std::time::Duration::from_secs(1);
    let pass = |_| clock.advance(second);
    let options = RotationOptions {
        batch: 4,
        patience: Some(second * 2),
        progress: Some(&pass),
        revoke_old: true,
        ..RotationOptions::default()
    };
    let first = mfa.rotate((&old.0, &old.1), (&new.0, &new.1), &options).await.unwrap();
    assert_eq!((first.totp_complete, first.totp_incomplete), (8, 2));
    assert_eq!((first.webauthn_complete, first.webauthn_incomplete), (0, 2));
    assert!(!first.done && !first.old_revoked);
    let second = mfa.rotate((&old.0, &old.1), (&new.0, &new.1), &options).await.unwrap();
    assert_eq!((second.totp_complete, second.webauthn_complete), (2, 2));
    assert!(second.done && second.old_revoked, "{second:?}");
    clock.set(NOW);
    factors.work(&mfa.authenticate(&new.0, &new.1).await.unwrap()).await;
}

/// In a rotation to a key whose own consumer enrols at the same moment, one of them is refused, or the
/// enrolment is not acknowledged.
async fn enroll_at_the_new_key(old: &Key, new: &Key, stores: &Stores, script: u64) {
    let (setup, scripted) = (mfa(stores.clone()), FaultyStores::new(stores.clone()));
    scripted.interleave(script);
    let service = || mfa(scripted.stores());
    let rotating = {
        let (mfa, old, new) = (service(), old.clone(), new.clone());
        async move { mfa.rotate((&old.0, &old.1), (&new.0, &new.1), &RotationOptions::default()).await }
    };
    let enrolling = {
        let (mfa, new) = (service(), new.clone());
        async move {
            let consumer = mfa.authenticate(&new.0, &new.1).await.unwrap();
            tokio::task::yield_now().await;
            let enrolled = consumer.totp().enroll(TotpOptions::new("Acme", "jo")).await;
            enrolled.map(|enrolled| (enrolled.id, code_at(&enrolled.secret_base32, NOW)))
        }
    };
    let (rotated, enrolled) = tokio::join!(rotating, enrolling);
    let refused = matches!(rotated, Err(RotationError::NewKeyInUse));
    assert!(rotated.is_ok() || refused, "{rotated:?}");
    match enrolled {
        Ok((id, code)) => {
            setup.authenticate(&new.0, &new.1).await.unwrap().totp().verify(id, &code).await.unwrap();
        }
        Err(TotpError::ApiKey(ApiKeyError::Unauthorized)) => assert!(!refused),
        Err(other) => unreachable!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, max_shrink_iters: 50, ..ProptestConfig::default() })]

    #[test]
    fn every_order_of_steps_keeps_everything(script in 1..u64::MAX) {
        // Two keys for all cases: hashing secrets takes longer than everything else.
        thread_local! {
            static KEYS: (Stores, Key, Key) = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
                let stores = Stores::from(MemoryStore::default());
                let mfa = mfa(stores.clone());
                (stores, fresh_key(&mfa).await, fresh_key(&mfa).await)
            });
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (template, old, new) = KEYS.with(Clone::clone);
        runtime.block_on(async {
            let stores = Stores::from(MemoryStore::default());
            for key in [&old, &new] {
                let record = template.api_keys.get(&key.0).await.unwrap().unwrap().record;
                stores.api_keys.save(&record, Expect::Absent).await.unwrap();
            }
            interleave(&old, &new, &stores, script).await;
        });
    }

    #[test]
    fn a_new_key_that_is_used_meanwhile_loses_nothing(script in 1..u64::MAX) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let stores = Stores::from(MemoryStore::default());
            let setup = mfa(stores.clone());
            let (old, new) = (fresh_key(&setup).await, fresh_key(&setup).await);
            enroll_at_the_new_key(&old, &new, &stores, script).await;
        });
    }
}

/// A rotation that has nothing left to do reads each key once: the record that its secret is checked against is the
/// one whose keyring is opened.
#[tokio::test]
async fn a_rotation_authenticates_each_key_once() {
    let stores = FaultyStores::new(MemoryStore::default().into());
    let mfa = mfa(stores.stores());
    let (old, new) = (fresh_key(&mfa).await, fresh_key(&mfa).await);
    let rotate = async || {
        let before = stores.calls();
        let options = RotationOptions::default();
        let report = mfa.rotate((&old.0, &old.1), (&new.0, &new.1), &options).await.unwrap();
        assert!(report.done);
        stores.calls() - before
    };
    assert!(rotate().await > 2);
    assert_eq!(rotate().await, 2);
}

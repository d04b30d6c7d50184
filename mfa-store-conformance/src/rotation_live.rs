//! Rotation with failing calls, with traffic beside it, and with calls that outlast it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mfa_core::rotation::{RotationError, RotationOptions, RotationReport};
use mfa_core::store::{StoreError, Stores};
use mfa_core::{Consumer, ConsumerId, Mfa};

use crate::kit::factors::{Factors, Key, NOW, authenticate, data_keys, fresh_key, login, rotate};
use crate::kit::faults::{Fault, FaultyStores};
use crate::kit::sample::at_once;
use crate::kit::service::mfa_at;

/// R15: whichever storage call of a rotation fails, calling again completes the rotation.
pub async fn a_fault_at_any_call_is_resumed(stores: &Stores) {
    for fault in [Fault::Before, Fault::After] {
        let mut failing = 0;
        loop {
            let faulty = FaultyStores::new(stores.clone());
            let (mfa, _clock) = mfa_at(&faulty.stores(), NOW);
            let (old, new) = (fresh_key(&mfa).await, fresh_key(&mfa).await);
            let mut factors = Factors::enroll(&authenticate(&mfa, &old).await, 3, 1).await;
            let calls = faulty.calls();
            faulty.fail(failing, fault);
            let first = rotate(&mfa, &old, &new, false).await;
            let reached = faulty.calls() - calls > failing;
            faulty.fail(u64::from(u32::MAX), fault);

            // In every case the old key opens everything, and so does the new one once it has joined.
            let calls: [Consumer; 3] = [
                authenticate(&mfa, &old).await,
                authenticate(&mfa, &old).await,
                authenticate(&mfa, &old).await,
            ];
            calls[0].totp().status(factors.totp[0].0).await.unwrap();
            // While the rotation resumes, calls with either key make and change records.
            let resuming = Arc::new(AtomicBool::new(false));
            let traffic = at_once_until(&mfa, &[old.clone(), new.clone()], &resuming, 2);
            let report = rotate(&mfa, &old, &new, false).await.unwrap();
            assert!(report.done, "{fault:?} {failing}: {first:?} {report:?}");
            resuming.store(true, Ordering::SeqCst);
            for task in traffic {
                factors.totp.extend(task.await.unwrap().totp);
            }

            // R16: calls that began in that state and outlast the rotation leave no record, changed or new,
            // under a dropped data key.
            let (id, code) = factors.totp.pop().unwrap();
            calls[0].totp().verify(id, &code).await.unwrap();
            factors.totp.extend(Factors::enroll(&calls[1], 1, 0).await.totp);
            factors.users.extend(Factors::enroll(&calls[2], 0, 1).await.users);
            let consumer = authenticate(&mfa, &new).await;
            consumer.totp().status(id).await.unwrap();
            factors.work(&consumer).await;
            assert_eq!(data_keys(stores, consumer.id()).await.len(), 1, "{fault:?} {failing}");
            if !reached {
                break;
            }
            failing += 1;
        }
        assert!(failing > 15, "{failing}");
    }
}

/// R16: traffic with either key goes on while a consumer rotates, and sees no error.
pub async fn live_traffic_notices_nothing(stores: &Stores) {
    let (mfa, _clock) = mfa_at(stores, NOW);
    let mut old = fresh_key(&mfa).await;
    let mut factors = Factors::enroll(&authenticate(&mfa, &old).await, 10, 4).await;
    for _ in 0..3 {
        let new = fresh_key(&mfa).await;
        let stop = Arc::new(AtomicBool::new(false));
        let traffic = at_once_until(&mfa, &[old.clone(), new.clone()], &stop, 6);
        let report = rotate(&mfa, &old, &new, false).await.unwrap();
        stop.store(true, Ordering::SeqCst);
        let mut made = Factors::default();
        for task in traffic {
            let factors = task.await.unwrap();
            made.totp.extend(factors.totp);
            made.users.extend(factors.users);
        }
        assert!(report.done, "{report:?}");
        mfa.revoke_api_key(&old.0).await.unwrap();
        let consumer = authenticate(&mfa, &new).await;
        assert_eq!(data_keys(stores, consumer.id()).await.len(), 1);
        made.work(&consumer).await;
        for (user, authenticator) in &mut factors.users {
            login(&consumer, *user, authenticator).await.unwrap();
        }
        old = new;
    }
    factors.work(&authenticate(&mfa, &old).await).await;
}

/// Enrols, verifies, registers and deletes with both keys until `stop` is set. Returns the remaining factors.
fn at_once_until(
    mfa: &Mfa,
    keys: &[Key],
    stop: &Arc<AtomicBool>,
    clients: usize,
) -> Vec<tokio::task::JoinHandle<Factors>> {
    let client = |n: usize| {
        let (mfa, key, stop) = (mfa.clone(), keys[n % 2].clone(), Arc::clone(stop));
        let old = keys[0].clone();
        tokio::spawn(async move {
            let mut left = Factors::default();
            while !stop.load(Ordering::SeqCst) {
                let mut consumer = authenticate(&mfa, &key).await;
                // The new key has nothing to do until it has joined.
                if consumer.id() != &ConsumerId::of_first_key(&old.0)
                    && consumer.id().as_str() == key.0.as_str()
                {
                    let owner = authenticate(&mfa, &old).await;
                    if owner.id() != consumer.id() {
                        consumer = owner;
                    }
                }
                let mut made = Factors::enroll(&consumer, 2, 0).await;
                let (id, code) = made.totp.pop().unwrap();
                consumer.totp().verify(id, &code).await.unwrap();
                consumer.totp().delete(id).await.unwrap();
                left.totp.append(&mut made.totp);
            }
            left
        })
    };
    (0..clients).map(client).collect()
}

/// Of two rotations of one consumer to two keys, at most one completes. Nothing is lost either way.
pub async fn of_two_rotations_at_once_nothing_is_lost(stores: &Stores) {
    for _ in 0..4 {
        let (mfa, _clock) = mfa_at(stores, NOW);
        let (old, left, right) = (fresh_key(&mfa).await, fresh_key(&mfa).await, fresh_key(&mfa).await);
        let mut factors = Factors::enroll(&authenticate(&mfa, &old).await, 4, 1).await;
        let outcomes = at_once([left.clone(), right.clone()].map(|new| {
            let (mfa, old) = (mfa.clone(), old.clone());
            async move { rotate(&mfa, &old, &new, false).await }
        }))
        .await;
        let allowed = |outcome: &Result<RotationReport, RotationError>| {
            matches!(outcome, Ok(_) | Err(RotationError::ThirdKey(_)))
        };
        assert!(outcomes.iter().all(allowed), "{outcomes:?}");
        // One of the new keys is given up, and the other one takes over.
        mfa.revoke_api_key(&right.0).await.unwrap();
        assert!(rotate(&mfa, &old, &left, true).await.unwrap().done);
        factors.work(&authenticate(&mfa, &left).await).await;
    }
}

/// An interrupted rotation is concurrently resumed, reversed and upgraded. Some calls are refused. In every
/// order, no data key is dropped that a record needs.
pub async fn there_and_back_at_once_nothing_is_lost(stores: &Stores) {
    for cut in [7, 9, 11, 13, 15, 18, 22] {
        let faulty = FaultyStores::new(stores.clone());
        let (mfa, _clock) = mfa_at(&faulty.stores(), NOW);
        let (old, new) = (fresh_key(&mfa).await, fresh_key(&mfa).await);
        let mut factors = Factors::enroll(&authenticate(&mfa, &old).await, 4, 1).await;
        faulty.fail(cut, Fault::Before);
        let _ = rotate(&mfa, &old, &new, false).await;
        faulty.fail(u64::from(u32::MAX), Fault::Before);

        let stop = Arc::new(AtomicBool::new(false));
        let traffic = at_once_until(&mfa, &[old.clone(), new.clone()], &stop, 2);
        let refused = at_once([0, 1, 2].map(|way| {
            let (mfa, old, new) = (mfa.clone(), old.clone(), new.clone());
            async move {
                match way {
                    0 => rotate(&mfa, &old, &new, false).await.err(),
                    1 => rotate(&mfa, &new, &old, false).await.err(),
                    _ => mfa.upgrade_api_key((&old.0, &old.1), &RotationOptions::default()).await.err(),
                }
            }
        }))
        .await;
        stop.store(true, Ordering::SeqCst);
        for task in traffic {
            factors.totp.extend(task.await.unwrap().totp);
        }
        let expected = |error: &RotationError| {
            matches!(
                error,
                RotationError::Interfered
                    | RotationError::NewKeyInUse
                    | RotationError::ThirdKey(_)
                    | RotationError::Store(StoreError::Conflict)
            )
        };
        assert!(refused.iter().flatten().all(expected), "{cut}: {refused:?}");

        // Whichever keys joined the consumer, all of them open everything once a rotation completes.
        let owner = authenticate(&mfa, &old).await;
        let (from, to) = if owner.id().as_str() == old.0.as_str() { (&old, &new) } else { (&new, &old) };
        let report = rotate(&mfa, from, to, false).await.unwrap();
        assert!(report.done, "{cut}: {refused:?} {report:?}");
        for (id, _) in &factors.totp {
            authenticate(&mfa, from).await.totp().status(*id).await.unwrap();
        }
        let consumer = authenticate(&mfa, to).await;
        factors.work(&consumer).await;
        assert_eq!(data_keys(stores, consumer.id()).await.len(), 1, "{cut}");
    }
}

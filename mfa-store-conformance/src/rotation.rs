//! Rotation with the whole service: nothing is lost, and nothing stays under an old key.

use std::sync::Arc;

use mfa_core::api_key::ApiKeyError;
use mfa_core::clock::UnixTime;
use mfa_core::envelope::Sealed;
use mfa_core::rotation::{RotationError, RotationOptions};
use mfa_core::store::{ApiKeyRecord, Expect, Stores, TotpRecord};
use mfa_core::totp::TotpError;

use crate::kit::factors::{Factors, Key, NOW, authenticate, data_keys, fresh_key, login, rotate};
use crate::kit::service::mfa_at;
use crate::predecessors::load_key;

/// R15: everything is re-sealed under one fresh data key, and works with either API key. Afterwards it works
/// with only the new one.
pub async fn everything_rotates_and_both_keys_work(stores: &Stores) {
    let (mfa, _clock) = mfa_at(stores, NOW);
    let (old, new) = (fresh_key(&mfa).await, fresh_key(&mfa).await);
    let consumer = authenticate(&mfa, &old).await;
    let mut factors = Factors::enroll(&consumer, 20, 9).await;
    let mut later = factors.totp.split_off(10);
    let before = data_keys(stores, consumer.id()).await;

    let report = rotate(&mfa, &old, &new, false).await.unwrap();
    assert_eq!((report.totp_complete, report.webauthn_complete), (20, 9));
    assert_eq!((report.totp_incomplete, report.webauthn_incomplete), (0, 0));
    assert!(report.done && !report.old_revoked && report.unreadable.is_empty());
    let after = data_keys(stores, consumer.id()).await;
    assert_eq!(after.len(), 1);
    assert!(!before.contains(&after[0]));

    factors.work(&authenticate(&mfa, &old).await).await;
    factors.totp.append(&mut later);
    let report = rotate(&mfa, &old, &new, true).await.unwrap();
    assert_eq!((report.totp_complete, report.webauthn_complete), (0, 0));
    assert!(report.done && report.old_revoked);
    let refused = mfa.authenticate(&old.0, &old.1).await;
    assert!(matches!(refused, Err(ApiKeyError::Unauthorized)), "{refused:?}");
    let consumer = authenticate(&mfa, &new).await;
    factors.work(&consumer).await;
    assert_eq!(data_keys(stores, consumer.id()).await, after);

    // Rotate on to a third key.
    let third = fresh_key(&mfa).await;
    assert!(rotate(&mfa, &new, &third, true).await.unwrap().done);
    assert_ne!(data_keys(stores, consumer.id()).await, after);
    factors.work(&authenticate(&mfa, &third).await).await;
}

/// Consumers from either predecessor rotate to a fresh key, and nothing stays under the old secret.
pub async fn consumers_of_the_predecessors_rotate(stores: &Stores) {
    let (node, go) = (crate::predecessors::node_rows(), crate::go_rows::go_rows());
    let (mfa, clock) = mfa_at(stores, NOW);
    let (legacy, _) = crate::predecessors::load(stores).await;
    for u2f in node["u2f"].as_array().unwrap().iter().filter(|u2f| u2f["registered"].is_object()) {
        crate::go_rows::load_user(stores, &u2f["registered"]["row"]).await;
    }
    let (old, new) = ((legacy.key.clone(), Arc::clone(&legacy.secret)), fresh_key(&mfa).await);
    let report = rotate(&mfa, &old, &new, true).await.unwrap();
    assert!(report.done, "{report:?}");
    assert_eq!((report.totp_complete, report.webauthn_complete), (3, 2));
    let consumer = authenticate(&mfa, &new).await;
    assert_eq!(data_keys(stores, consumer.id()).await.len(), 1);
    assert!(!data_keys(stores, consumer.id()).await.contains(&0));
    for (record, codes) in &legacy.totp {
        let (at, code) = codes.iter().max_by_key(|(at, _)| *at).unwrap();
        clock.set(*at);
        consumer.totp().verify(record.id, code).await.unwrap();
    }
    clock.set(NOW);

    let legacy = load_key(stores, &go["api_key"]).await;
    let user = &go["user_with_five_credentials"];
    let record = crate::go_rows::load_user(stores, &user["after_registration"]["row"]).await;
    for (_, shape) in
        go["credential_json_generations"].as_object().unwrap().iter().filter(|(n, _)| *n != "note")
    {
        crate::go_rows::load_user(stores, &shape["row_minimal"]).await;
    }
    let (old, new) = ((legacy.key.clone(), Arc::clone(&legacy.secret)), fresh_key(&mfa).await);
    let report = rotate(&mfa, &old, &new, true).await.unwrap();
    assert!(report.done && report.webauthn_complete == 6, "{report:?}");
    let consumer = authenticate(&mfa, &new).await;
    assert_eq!(data_keys(stores, consumer.id()).await.len(), 1);
    for credential in user["credentials"].as_array().unwrap() {
        let mut authenticator = crate::go_rows::authenticator_of(credential);
        login(&consumer, record.id, &mut authenticator).await.unwrap();
    }
}

/// An upgrade without another key brings all legacy rows into our format, and drops the legacy cipher.
pub async fn a_legacy_key_upgrades_in_place(stores: &Stores) {
    let (mfa, _clock) = mfa_at(stores, UnixTime::from_secs(0));
    let (legacy, _) = crate::predecessors::load(stores).await;
    let options = RotationOptions::default();
    let report = mfa.upgrade_api_key((&legacy.key, &legacy.secret), &options).await.unwrap();
    assert!(report.done && report.totp_complete == 3, "{report:?}");
    let consumer = mfa.authenticate(&legacy.key, &legacy.secret).await.unwrap();
    let ids = data_keys(stores, consumer.id()).await;
    assert!(ids.len() == 1 && ids[0] != 0, "{ids:?}");

    // A legacy row restored from a backup no longer opens: its key is not in the keyring.
    let (record, codes) = &legacy.totp[0];
    assert!(stores.totp.delete(&record.consumer, record.id).await.unwrap());
    stores.totp.save(record, Expect::Absent).await.unwrap();
    let opened = consumer.totp().verify(record.id, &codes[0].1).await;
    assert!(matches!(opened, Err(TotpError::DoesNotOpen(_))), "{opened:?}");
    let report = mfa.upgrade_api_key((&legacy.key, &legacy.secret), &options).await.unwrap();
    assert!(!report.done);
    assert_eq!(report.unreadable, [record.id.to_string()]);
}

/// A record that does not open is counted and named, and the others rotate. The rotation is not done until it
/// is gone.
pub async fn one_unreadable_record_is_not_fatal(stores: &Stores) {
    let (mfa, _clock) = mfa_at(stores, NOW);
    let (old, new) = (fresh_key(&mfa).await, fresh_key(&mfa).await);
    let consumer = authenticate(&mfa, &old).await;
    let factors = Factors::enroll(&consumer, 12, 0).await;
    let broken = factors.totp[5].0;
    let stored = stores.totp.get(consumer.id(), broken).await.unwrap().unwrap();
    let mut bytes = stored.record.secret.as_bytes().to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    let record = TotpRecord { secret: Sealed::from_stored(bytes), ..stored.record };
    stores.totp.save(&record, Expect::At(stored.revision)).await.unwrap();

    for complete in [11, 0] {
        let report = rotate(&mfa, &old, &new, false).await.unwrap();
        assert_eq!((report.totp_complete, report.totp_incomplete), (complete, 1));
        assert!(!report.done);
        assert_eq!(report.unreadable, [broken.to_string()]);
    }
    assert_eq!(stores.totp.get(consumer.id(), broken).await.unwrap().unwrap().record, record);
    authenticate(&mfa, &new).await.totp().delete(broken).await.unwrap();
    assert!(rotate(&mfa, &old, &new, true).await.unwrap().done);
}

/// Wrong combinations of keys are refused, and no key changes.
pub async fn wrong_combinations_change_nothing(stores: &Stores) {
    let (mfa, _clock) = mfa_at(stores, NOW);
    let (old, other) = (fresh_key(&mfa).await, fresh_key(&mfa).await);
    let used = fresh_key(&mfa).await;
    Factors::enroll(&authenticate(&mfa, &used).await, 1, 0).await;
    let with_user = fresh_key(&mfa).await;
    Factors::enroll(&authenticate(&mfa, &with_user).await, 0, 1).await;
    let pending: Key = (mfa.create_api_key("dev@example.com").await.unwrap(), Arc::clone(&old.1));
    let wrong: Key = (other.0.clone(), Arc::clone(&old.1));
    let all = [&old, &other, &used, &with_user];
    // Use each key first, so that recording its use does not count as a change.
    for key in all {
        authenticate(&mfa, key).await;
    }
    let keys = async || {
        let mut records: Vec<ApiKeyRecord> = Vec::new();
        for key in all {
            records.push(stores.api_keys.get(&key.0).await.unwrap().unwrap().record);
        }
        records
    };
    let before = keys().await;
    for (from, to, expected) in [
        (&old, &old, "SameKey"),
        (&old, &wrong, "New(Unauthorized)"),
        (&wrong, &other, "Old(Unauthorized)"),
        (&old, &pending, "New(Unauthorized)"),
        (&pending, &old, "Old(Unauthorized)"),
        (&old, &used, "NewKeyInUse"),
        (&old, &with_user, "NewKeyInUse"),
    ] {
        let refused = rotate(&mfa, from, to, true).await;
        assert_eq!(format!("{:?}", refused.unwrap_err()), expected);
        assert_eq!(keys().await, before, "{expected}");
    }

    // A third key could not open re-encrypted records, because its secret is unknown.
    let third = mfa.create_api_key("third@example.com").await.unwrap();
    let consumer = authenticate(&mfa, &old).await;
    let secret = Arc::new(consumer.activate_api_key(&third, "third@example.com").await.unwrap());
    let before = keys().await;
    let refused = rotate(&mfa, &old, &other, true).await;
    assert!(
        matches!(&refused, Err(RotationError::ThirdKey(name)) if third.as_str().starts_with(name)),
        "{refused:?}"
    );
    assert_eq!(keys().await, before);
    // Another consumer's key is not accepted as the new key.
    let foreign = rotate(&mfa, &other, &(third.clone(), Arc::clone(&secret)), true).await;
    assert!(matches!(foreign, Err(RotationError::NewKeyInUse)), "{foreign:?}");
    assert_eq!(keys().await, before);
    // With its secret, or without the third key, the rotation works.
    assert!(rotate(&mfa, &old, &(third, secret), true).await.unwrap().done);
}

/// A key activated with a consumer's key opens the same records, and outlives that key.
pub async fn a_key_joins_by_its_activation(stores: &Stores) {
    let (mfa, _clock) = mfa_at(stores, NOW);
    let first = fresh_key(&mfa).await;
    let consumer = authenticate(&mfa, &first).await;
    let mut factors = Factors::enroll(&consumer, 2, 1).await;
    let second = mfa.create_api_key("jo@example.com").await.unwrap();
    let foreign = consumer.activate_api_key(&second, "other@example.com").await;
    assert!(matches!(foreign, Err(ApiKeyError::NotFound)), "{foreign:?}");
    let secret = consumer.activate_api_key(&second, "jo@example.com").await.unwrap();
    let twice = consumer.activate_api_key(&second, "jo@example.com").await;
    assert!(matches!(twice, Err(ApiKeyError::AlreadyActivated)), "{twice:?}");
    mfa.revoke_api_key(&first.0).await.unwrap();
    let joined = mfa.authenticate(&second, &secret).await.unwrap();
    assert_eq!(joined.id(), consumer.id());
    factors.work(&joined).await;
}

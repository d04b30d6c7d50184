//! Legacy rows: they open with their secret, and upgrade on use.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use mfa_core::api_key::{ApiKey, ApiKeyError, ApiSecret, SecretHash};
use mfa_core::clock::UnixTime;
use mfa_core::envelope::Sealed;
use mfa_core::store::{ApiKeyRecord, ApiKeyState, Expect, Stores, TotpRecord};
use mfa_core::totp::TotpError;
use mfa_core::{ConsumerId, Mfa};
use serde_json::Value;

use crate::kit::sample::at_once;
use crate::kit::service::{CountingHasher, mfa_at};

/// An API key that the Node predecessor made, with its secret.
#[derive(Debug)]
#[non_exhaustive]
pub struct PredecessorKey {
    /// The key.
    pub key: ApiKey,
    /// Its secret.
    pub secret: Arc<ApiSecret>,
    /// Its TOTP rows: the record, and codes at given times.
    pub totp: Vec<(TotpRecord, Vec<(UnixTime, String)>)>,
}

/// The Node predecessor's rows.
pub(crate) fn node_rows() -> Value {
    serde_json::from_str(include_str!("../fixtures/node_rows.json")).unwrap()
}

/// Stores the first consumer of `node_rows.json` and the other one, as the predecessor left them.
pub async fn load(stores: &Stores) -> (PredecessorKey, PredecessorKey) {
    let rows = node_rows();
    let mut own = load_key(stores, &rows["api_key"]).await;
    load_totp(stores, &mut own, &rows["totp"]).await;
    let mut other = load_key(stores, &rows["other_tenant"]).await;
    load_totp(stores, &mut other, &rows["other_tenant"]["totp"]).await;
    (own, other)
}

/// Stores an API key as its predecessor left it.
pub async fn load_key(stores: &Stores, api_key: &Value) -> PredecessorKey {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let millis = |value: &Value| UnixTime::from_millis(text(value).parse().unwrap());
    let row = &api_key["row"];
    let key: ApiKey = text(&row["value"]["S"]).parse().unwrap();
    let record = ApiKeyRecord {
        key: key.clone(),
        consumer: ConsumerId::of_first_key(&key),
        email: text(&row["email"]["S"]),
        created_at: millis(&row["createdAt"]["N"]),
        expires_at: None,
        last_used_at: None,
        not_before: None,
        rotation: None,
        state: ApiKeyState::Active {
            activated_at: millis(&row["activatedAt"]["N"]),
            hash: SecretHash::from_stored(text(&row["hashedApiSecret"]["S"])),
            check_tag: None,
            keyring: None,
        },
    };
    stores.api_keys.save(&record, Expect::Absent).await.unwrap();
    PredecessorKey { key, secret: Arc::new(text(&api_key["secret"]).parse().unwrap()), totp: Vec::new() }
}

async fn load_totp(stores: &Stores, legacy: &mut PredecessorKey, totp: &Value) {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    for totp in totp.as_array().unwrap() {
        let record = TotpRecord {
            id: text(&totp["uuid"]).parse().unwrap(),
            consumer: ConsumerId::of_first_key(&legacy.key),
            secret: Sealed::from_stored(text(&totp["row"]["encryptedTotpKey"]["S"]).into_bytes()),
            created_at: None,
            last_accepted_step: None,
            failures: 0,
            failed_at: None,
        };
        stores.totp.save(&record, Expect::Absent).await.unwrap();
        let codes = totp["codes_at_unix_time"].as_object().unwrap();
        let codes = codes.iter().map(|(at, code)| (UnixTime::from_secs(at.parse().unwrap()), text(code)));
        legacy.totp.push((record, codes.collect()));
    }
}

/// R14: each row validates the codes its predecessor computed, and is in our format afterwards.
pub async fn totp_rows_of_the_node_predecessor_validate(stores: &Stores) {
    let (own, _) = load(stores).await;
    let (mfa, clock) = mfa_at(stores, UnixTime::from_secs(0));
    let consumer = mfa.authenticate(&own.key, &own.secret).await.unwrap();
    assert_eq!(own.totp.len(), 3);

    for (record, mut codes) in own.totp {
        codes.sort();
        for (at, code) in &codes {
            clock.set(*at);
            consumer.totp().verify(record.id, code).await.unwrap();
            let replayed = consumer.totp().verify(record.id, code).await;
            assert!(matches!(replayed, Err(TotpError::NotAccepted)), "{replayed:?}");
        }
        let upgraded = stores.totp.get(consumer.id(), record.id).await.unwrap().unwrap().record;
        assert!(upgraded.secret.data_key_id().is_some());

        // R13: the legacy ciphertext, put back into a record of ours, does not open.
        let downgraded = TotpRecord { secret: record.secret.clone(), ..upgraded };
        let revision = stores.totp.get(consumer.id(), record.id).await.unwrap().unwrap().revision;
        stores.totp.save(&downgraded, Expect::At(revision)).await.unwrap();
        let refused = consumer.totp().status(record.id).await;
        assert!(matches!(refused, Err(TotpError::DoesNotOpen(_))), "{refused:?}");
    }
}

/// R13: a wrong code upgrades a legacy row too.
pub async fn a_legacy_row_is_ours_after_a_wrong_code(stores: &Stores) {
    let (own, _) = load(stores).await;
    let (mfa, _clock) = mfa_at(stores, UnixTime::from_secs(59));
    let consumer = mfa.authenticate(&own.key, &own.secret).await.unwrap();
    let (record, codes) = &own.totp[0];
    let wrong = if codes.iter().any(|(_, code)| code == "000000") { "000001" } else { "000000" };
    assert!(consumer.totp().verify(record.id, wrong).await.is_err());
    let stored = stores.totp.get(consumer.id(), record.id).await.unwrap().unwrap();
    assert!(stored.record.secret.data_key_id().is_some());
    let downgraded = TotpRecord { secret: record.secret.clone(), ..stored.record };
    stores.totp.save(&downgraded, Expect::At(stored.revision)).await.unwrap();
    let refused = consumer.totp().status(record.id).await;
    assert!(matches!(refused, Err(TotpError::DoesNotOpen(_))), "{refused:?}");
}

/// Design §5: many first calls in two services make one keyring and one Argon2id hash.
pub async fn a_legacy_key_is_upgraded_once(stores: &Stores) {
    let (own, _) = load(stores).await;
    let hasher = Arc::new(CountingHasher::default());
    let service = || Mfa::builder(stores.clone()).hasher(Arc::clone(&hasher) as _).build();
    let services = [service(), service()];

    let outcomes = at_once((0..32).map(|n| {
        let (mfa, key, secret) = (services[n % 2].clone(), own.key.clone(), Arc::clone(&own.secret));
        async move { mfa.authenticate(&key, &secret).await.map(drop) }
    }))
    .await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");

    let upgraded = stores.api_keys.get(&own.key).await.unwrap().unwrap();
    let ApiKeyState::Active { hash, keyring: Some(keyring), .. } = &upgraded.record.state else {
        panic!("no keyring: {upgraded:?}");
    };
    assert!(hash.as_str().starts_with("$argon2id$"));

    // At most one hash in each service: both may have read the row before either wrote it.
    assert!((1..=2).contains(&hasher.hashed.load(Ordering::SeqCst)));
    service().authenticate(&own.key, &own.secret).await.unwrap();
    assert!((1..=2).contains(&hasher.hashed.load(Ordering::SeqCst)));
    let after = stores.api_keys.get(&own.key).await.unwrap().unwrap();
    assert_eq!(after.revision, upgraded.revision);
    let ApiKeyState::Active { keyring: Some(kept), .. } = &after.record.state else { panic!() };
    assert_eq!(kept, keyring);
}

/// R9, R46: neither the other's secret nor the other's session reaches a row.
pub async fn another_consumers_secret_opens_nothing(stores: &Stores) {
    let (own, other) = load(stores).await;
    let (mfa, _clock) = mfa_at(stores, UnixTime::from_secs(59));
    let crossed = mfa.authenticate(&own.key, &other.secret).await.map(drop);
    assert!(matches!(crossed, Err(ApiKeyError::Unauthorized)), "{crossed:?}");

    let stranger = mfa.authenticate(&other.key, &other.secret).await.unwrap();
    let (record, codes) = &own.totp[0];
    let (_, code) = codes.iter().find(|(at, _)| at.as_secs() == 59).unwrap();
    let refused = stranger.totp().verify(record.id, code).await;
    assert!(matches!(refused, Err(TotpError::NotAccepted)), "{refused:?}");
    assert!(matches!(stranger.totp().delete(record.id).await, Err(TotpError::NotFound)));

    // An attacker who writes to the database moves the row to the other consumer.
    let moved = TotpRecord { consumer: stranger.id().clone(), ..record.clone() };
    assert!(stores.totp.delete(&record.consumer, record.id).await.unwrap());
    stores.totp.save(&moved, Expect::Absent).await.unwrap();
    let garbage = stranger.totp().verify(record.id, code).await;
    assert!(matches!(garbage, Err(TotpError::DoesNotOpen(_))), "{garbage:?}");
    assert_eq!(stores.totp.get(stranger.id(), record.id).await.unwrap().unwrap().record, moved);
}

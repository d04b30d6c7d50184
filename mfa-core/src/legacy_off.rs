//! Stands in for `legacy.rs` without the feature `legacy`: nothing of the predecessors' opens, and nothing of it is lost.

use crate::api_key::HashError;
use crate::envelope::DoesNotOpen;

/// Refuses.
pub(crate) const fn decrypt(_key: &[u8], _iv: &[u8; 16], _data: &mut [u8]) -> Result<(), DoesNotOpen> {
    Err(DoesNotOpen)
}

/// Refuses.
pub(crate) const fn verify_bcrypt(_input: &[u8], _hash: &str) -> Result<bool, HashError> {
    Err(HashError::Unreadable)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use crate::Mfa;
    use crate::api_key::{ApiKeyError, HashError, SecretHash};
    use crate::clock::UnixTime;
    use crate::envelope::{KeyEncryptionKey, Keyring, Sealed};
    use crate::id::TotpId;
    use crate::random::OsRandom;
    use crate::rotation::RotationOptions;
    use crate::store::memory::MemoryStore;
    use crate::store::{ApiKeyRecord, ApiKeyState, Expect, Stored, Stores, TotpRecord};
    use crate::totp::TotpError;

    const TOTP: TotpId = TotpId(Uuid::from_u128(1));

    /// A key whose keyring has a predecessor's data key, and a TOTP under it.
    #[tokio::test]
    async fn a_predecessors_rows_stay_as_they_are() {
        let stores = Stores::from(MemoryStore::default());
        let mfa = Mfa::builder(stores.clone()).build();
        let key = mfa.create_api_key("dev@example.com").await.unwrap();
        let secret = mfa.activate_api_key(&key, "dev@example.com").await.unwrap();
        let Stored { mut record, revision } = stores.api_keys.get(&key).await.unwrap().unwrap();
        let ApiKeyState::Active { keyring, .. } = &mut record.state else { panic!("it is active") };
        let kek = KeyEncryptionKey::new(&secret, &key, &record.consumer);
        let legacy = Keyring::upgraded(secret.legacy_key(), &OsRandom).unwrap();
        *keyring = Some(kek.wrap_keyring(&legacy, &OsRandom).unwrap());
        stores.api_keys.save(&record, Expect::At(revision)).await.unwrap();
        let consumer = mfa.authenticate(&key, &secret).await.unwrap();
        let totp = TotpRecord {
            id: TOTP,
            consumer: consumer.id().clone(),
            secret: Sealed::from_stored(b"zg4D4S783Ph3czAhZNx8oQ==:flOwR/ol74YeaA==".to_vec()),
            created_at: None,
            last_accepted_step: None,
            failures: 0,
            failed_at: None,
        };
        stores.totp.save(&totp, Expect::Absent).await.unwrap();

        let refused = consumer.totp().verify(TOTP, "123456").await;
        assert!(matches!(refused, Err(TotpError::DoesNotOpen(_))), "{refused:?}");
        let report = mfa.upgrade_api_key((&key, &secret), &RotationOptions::default()).await.unwrap();
        assert_eq!((report.done, report.totp_incomplete), (false, 1));
        assert_eq!(stores.totp.get(consumer.id(), TOTP).await.unwrap().unwrap().record, totp);
        let keyring = consumer.stored_keyring().await.unwrap();
        assert_eq!(format!("{keyring:?}"), "Keyring(2 keys)");
    }

    #[tokio::test]
    async fn a_bcrypt_hash_is_unreadable() {
        let stores = Stores::from(MemoryStore::default());
        let mfa = Mfa::builder(stores.clone()).build();
        let key = mfa.create_api_key("dev@example.com").await.unwrap();
        let Stored { record, revision } = stores.api_keys.get(&key).await.unwrap().unwrap();
        let hash = "$2a$04$Hx1d6cEbvFzUG2BoJXhSXeHqOvpxqHfV9hTSFtFo7U0n0sV1nvs6e";
        let hash = SecretHash::from_stored(hash.to_owned());
        let state = ApiKeyState::Active {
            activated_at: UnixTime::from_secs(0),
            hash,
            check_tag: None,
            keyring: None,
        };
        let record = ApiKeyRecord { state, ..record };
        stores.api_keys.save(&record, Expect::At(revision)).await.unwrap();

        let secret = "y5NAAS0pADrxB9wIU52PQFbXDcARKsdPgZVPswKbpaM=".parse().unwrap();
        let refused = mfa.authenticate(&key, &secret).await;
        assert!(matches!(refused, Err(ApiKeyError::Hash(HashError::Unreadable))), "{refused:?}");
        assert_eq!(stores.api_keys.get(&key).await.unwrap().unwrap().record, record);
    }
}

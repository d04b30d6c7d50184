//! Stands in for `user.rs` without the feature `webauthn`: seals a user's fields anew without parsing them.
//!
//! A predecessor's ciphertext opens under any key, and only parsing tells the result from garbage. Such a record counts
//! as unreadable, so no data key is dropped that it may need.

use super::RotationError;
use super::reencrypt::Outcome;
use crate::Consumer;
use crate::envelope::{Context, DataKeyId, RecordKind, Reencrypted, Sealed};
use crate::store::retry::until_saved;
use crate::store::{Expect, Record as _, Stored, UserRecord};

/// Puts a user's record under the newest data key.
pub(super) async fn reencrypt(
    consumer: &Consumer,
    stored: Stored<UserRecord>,
) -> Result<Outcome, RotationError> {
    let (parts, id) = (&consumer.mfa.parts, stored.record.id);
    let mut read = Some(stored);
    until_saved(|| {
        let read = read.take();
        async move {
            let current = match read {
                Some(stored) => Some(stored),
                None => parts.stores.users.get(consumer.id(), id).await?,
            };
            let Some(Stored { record, revision }) = current else {
                return Ok(Outcome::Readable(Reencrypted::Gone));
            };
            let mut row = record.to_row();
            let found: Vec<_> =
                row.sealed.iter().filter_map(|(_, bytes)| DataKeyId::of_sealed(bytes)).collect();
            let unknown = found.iter().copied().find(|id| !consumer.keyring().has(*id));
            let keyring = consumer.keyring_with(unknown).await.map_err(RotationError::New)?;
            let (under, record_id) = (keyring.sealing_id_of(&found), id.to_string());
            for (field, bytes) in &mut row.sealed {
                let place =
                    Context { consumer: consumer.id(), kind: RecordKind::User, record_id: &record_id, field };
                let sealed = Sealed::<Vec<u8>>::from_stored(std::mem::take(bytes));
                let Ok(plaintext) = keyring.open(&place, &sealed) else { return Ok(Outcome::Unreadable) };
                let again: Sealed<Vec<u8>> =
                    keyring.seal_again(Some(under), &place, &plaintext, &*parts.random)?;
                *bytes = again.as_bytes().to_vec();
            }
            if keyring.are_newest(&found) {
                return Ok(Outcome::Readable(Reencrypted::BeforeUs));
            }
            let Ok(record) = UserRecord::from_row(&row) else { return Ok(Outcome::Unreadable) };
            parts.stores.users.save(&record, Expect::At(revision)).await?;
            Ok(Outcome::Readable(Reencrypted::ByUs))
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::Mfa;
    use crate::api_key::{ApiKey, ApiSecret};
    use crate::id::UserId;
    use crate::random::OsRandom;
    use crate::rotation::RotationOptions;
    use crate::store::{Stores, memory::MemoryStore};

    async fn fresh_key(mfa: &Mfa) -> (ApiKey, ApiSecret) {
        let key = mfa.create_api_key("dev@example.com").await.unwrap();
        let secret = mfa.activate_api_key(&key, "dev@example.com").await.unwrap();
        (key, secret)
    }

    fn place<'a>(consumer: &'a Consumer, record_id: &'a str) -> Context<'a> {
        Context { consumer: consumer.id(), kind: RecordKind::User, record_id, field: "credentials" }
    }

    fn user(consumer: &Consumer, id: u128, credentials: Sealed<Vec<u8>>) -> UserRecord {
        UserRecord {
            id: UserId(Uuid::from_u128(id)),
            consumer: consumer.id().clone(),
            credentials: Some(credentials),
            u2f_app_id: None,
            u2f_key_handle: None,
            u2f_public_key: None,
            u2f_sign_count: None,
        }
    }

    /// Users move along unread, and no data key is dropped while a record needs one that cannot be told from garbage.
    #[tokio::test]
    async fn a_rotation_loses_no_users() {
        let stores = Stores::from(MemoryStore::default());
        let mfa = Mfa::builder(stores.clone()).build();
        let (old, new) = (fresh_key(&mfa).await, fresh_key(&mfa).await);
        let (old, new) = ((&old.0, &old.1), (&new.0, &new.1));
        let before = mfa.authenticate(old.0, old.1).await.unwrap();

        let id = Uuid::from_u128(1).to_string();
        let ours = before.keyring().seal(&place(&before, &id), b"no JSON at all", &OsRandom).unwrap();
        let ours = user(&before, 1, ours);
        let legacy = user(&before, 2, Sealed::from_stored(vec![7; 40]));
        for record in [&ours, &legacy] {
            stores.users.save(record, Expect::Absent).await.unwrap();
        }

        let options = RotationOptions { revoke_old: true, ..RotationOptions::default() };
        let report = mfa.rotate(old, new, &options).await.unwrap();
        assert_eq!((report.webauthn_complete, report.webauthn_incomplete), (1, 1));
        assert_eq!((report.done, report.unreadable), (false, vec![legacy.id.to_string()]));
        let after = mfa.authenticate(new.0, new.1).await.unwrap();
        let kept = ours.credentials.as_ref().and_then(Sealed::data_key_id).unwrap();
        assert!(after.keyring().has(kept), "the data key that the record may need");
        assert_eq!(stores.users.get(after.id(), legacy.id).await.unwrap().unwrap().record, legacy);

        assert!(stores.users.delete(after.id(), legacy.id).await.unwrap());
        assert!(mfa.upgrade_api_key(new, &options).await.unwrap().done);
        let after = mfa.authenticate(new.0, new.1).await.unwrap();
        let moved = stores.users.get(after.id(), ours.id).await.unwrap().unwrap().record;
        let opened = after.keyring().open(&place(&after, &id), &moved.credentials.unwrap()).unwrap();
        assert_eq!(opened.as_slice(), b"no JSON at all");
        assert!(!after.keyring().has(kept), "nothing needs it any more");
    }
}

//! Activation: a pending key gets its secret, once.

use subtle::ConstantTimeEq;

use super::{ApiKey, ApiKeyError, ApiSecret, CheckTag};
use crate::clock::UnixTime;
use crate::envelope::{KeyEncryptionKey, Keyring};
use crate::event::{Action, Event};
use crate::store::{ApiKeyRecord, ApiKeyState, Expect, StoreError, Stored};
use crate::{Consumer, ConsumerId, Mfa};

impl Mfa {
    /// Activates a pending key and returns its secret, which opens everything that the key will store. The
    /// secret is returned once and never stored. Of any number of concurrent activations, one gets it.
    ///
    /// # Errors
    ///
    /// [`ApiKeyError::NotFound`] if the key is unknown or was created for another e-mail address,
    /// [`ApiKeyError::AlreadyActivated`] if it has its secret already or was revoked.
    pub async fn activate_api_key(&self, key: &ApiKey, email: &str) -> Result<ApiSecret, ApiKeyError> {
        let stored = self.pending(key, email).await?;
        let consumer = stored.record.consumer.clone();
        let keyring = Keyring::generate(&*self.parts.random)?;
        Ok(self.activate(stored, consumer, None, &keyring).await?.0)
    }

    /// The pending key, if it was created for that e-mail address.
    async fn pending(&self, key: &ApiKey, email: &str) -> Result<Stored<ApiKeyRecord>, ApiKeyError> {
        let stored = self.parts.stores.api_keys.get(key).await?.ok_or(ApiKeyError::NotFound)?;
        let (record, now) = (&stored.record, self.parts.clock.now());
        if !bool::from(record.email.as_bytes().ct_eq(email.as_bytes())) {
            self.parts.events.record(&Event::of_key(now, Action::AuthenticationRefused, key.clone()));
            return Err(ApiKeyError::NotFound);
        }
        if record.state != ApiKeyState::Pending || record.is_expired(now) {
            return Err(ApiKeyError::AlreadyActivated);
        }
        Ok(stored)
    }

    async fn activate(
        &self,
        stored: Stored<ApiKeyRecord>,
        consumer: ConsumerId,
        floor: Option<UnixTime>,
        keyring: &Keyring,
    ) -> Result<(ApiSecret, Stored<ApiKeyRecord>), ApiKeyError> {
        let Stored { record, revision } = stored;
        let (key, secret) = (record.key.clone(), ApiSecret::generate(&*self.parts.random)?);
        let keyring =
            KeyEncryptionKey::new(&secret, &key, &consumer).wrap_keyring(keyring, &*self.parts.random)?;
        let hash = self.hash_secret(&key, &secret).await?;
        let check_tag = CheckTag::of(&key, &secret);
        let activated_at = self.parts.clock.now();
        let state = ApiKeyState::Active { activated_at, hash, check_tag, keyring: Some(keyring) };

        let not_before = record.not_before.max(floor);
        let active = ApiKeyRecord { consumer, not_before, state, ..record };
        let revision = match self.parts.stores.api_keys.save(&active, Expect::At(revision)).await {
            Ok(revision) => revision,
            Err(StoreError::Conflict) => return Err(ApiKeyError::AlreadyActivated),
            Err(error) => return Err(error.into()),
        };
        self.parts.events.record(&Event::of_key(activated_at, Action::ApiKeyActivated, key));
        Ok((secret, Stored { record: active, revision }))
    }
}

impl Consumer {
    /// Activates a pending key as another key of this consumer. It opens everything that the presented key
    /// opens.
    ///
    /// # Errors
    ///
    /// Those of [`Mfa::activate_api_key`], and [`ApiKeyError::RotationUnderWay`].
    pub async fn activate_api_key(&self, key: &ApiKey, email: &str) -> Result<ApiSecret, ApiKeyError> {
        let stored = self.mfa.pending(key, email).await?;
        let mut keyring = self.stored_keyring().await?;
        if keyring.is_rotating() {
            return Err(ApiKeyError::RotationUnderWay);
        }
        let (secret, mut stored) =
            self.mfa.activate(stored, self.id().clone(), self.not_before, &keyring).await?;
        // A rotation may have begun meanwhile, given the other key a data key, and not seen this one.
        while let Some(all) = keyring.joined(&self.stored_keyring().await?) {
            let kek = KeyEncryptionKey::new(&secret, key, self.id());
            let ApiKeyState::Active { keyring: sealed, .. } = &mut stored.record.state else {
                return Err(ApiKeyError::Unauthorized);
            };
            *sealed = Some(kek.wrap_keyring(&all, &*self.mfa.parts.random)?);
            let store = &self.mfa.parts.stores.api_keys;
            stored.revision = store.save(&stored.record, Expect::At(stored.revision)).await?;
            keyring = all;
        }
        Ok(secret)
    }
}

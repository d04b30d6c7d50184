//! Activation: a pending key gets its secret, once.

use subtle::ConstantTimeEq;

use super::{ApiKey, ApiKeyError, ApiSecret};
use crate::Mfa;
use crate::envelope::{Keyring, seal_keyring, verifier};
use crate::event::{Action, Event};
use crate::random::random_bytes;
use crate::store::{ApiKeyRecord, ApiKeyState, Expect, StoreError};

impl Mfa {
    /// Activates a pending key for the secret that opens everything it will store. The secret is returned
    /// this once and is not stored; of any number of concurrent activations one gets it.
    ///
    /// # Errors
    ///
    /// [`ApiKeyError::NotFound`] if there is no such key or it is another e-mail address's,
    /// [`ApiKeyError::AlreadyActivated`] if it has its secret or was revoked.
    pub async fn activate_api_key(&self, key: &ApiKey, email: &str) -> Result<ApiSecret, ApiKeyError> {
        let stored = self.parts.stores.api_keys.get(key).await?.ok_or(ApiKeyError::NotFound)?;
        let record = stored.record;
        if !bool::from(record.email.as_bytes().ct_eq(email.as_bytes())) {
            let now = self.parts.clock.now();
            self.parts.events.record(&Event::of_key(now, Action::AuthenticationRefused, key.clone()));
            return Err(ApiKeyError::NotFound);
        }
        if record.state != ApiKeyState::Pending {
            return Err(ApiKeyError::AlreadyActivated);
        }

        let secret = ApiSecret::generate(&*self.parts.random)?;
        let keyring = Keyring::generate(&*self.parts.random)?;
        let keyring = seal_keyring(&keyring, &secret, key, &record.consumer, &*self.parts.random)?;
        let salt = random_bytes::<16>(&*self.parts.random)?;
        let hash = self.parts.hasher.hash(verifier(key, &secret), *salt).await?;
        let activated_at = self.parts.clock.now();
        let state = ApiKeyState::Active { activated_at, hash, keyring: Some(keyring) };

        let active = ApiKeyRecord { state, ..record };
        match self.parts.stores.api_keys.save(&active, Expect::At(stored.revision)).await {
            Ok(_) => {}
            Err(StoreError::Conflict) => return Err(ApiKeyError::AlreadyActivated),
            Err(error) => return Err(error.into()),
        }
        self.parts.events.record(&Event::of_key(activated_at, Action::ApiKeyActivated, key.clone()));
        Ok(secret)
    }
}
